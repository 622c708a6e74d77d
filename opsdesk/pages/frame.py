"""What stands around every page: who is there, navigation, the worker's state."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from errors import OpsdeskError
from opsdesk.pages import chat, costs, drafts, handoffs, knowledge, parts, reliability, settings

SIDEBAR = 220
"""Its width, in pixels; on a phone it is closed at first."""

STATIC = Path(__file__).resolve().parents[2] / "static"


def run() -> None:
    """Draws the page that the address names."""
    st.set_page_config(
        page_title="Opsdesk", page_icon=str(STATIC / "icon.svg"), layout="wide", initial_sidebar_state=SIDEBAR
    )
    st.logo(str(STATIC / "logo.svg"), icon_image=str(STATIC / "icon.svg"))
    if not parts.let_in():
        return
    sections = {
        "Assist": [
            st.Page(chat.page, title="Chat", icon=":material/forum:", url_path="chat", default=True),
            st.Page(drafts.page, title="Ticket drafts", icon=":material/inbox:", url_path="drafts"),
        ],
        "Inspect": [
            st.Page(handoffs.page, title="Handoffs", icon=":material/account_tree:", url_path="handoffs"),
            st.Page(knowledge.page, title="Knowledge base", icon=":material/library_books:", url_path="knowledge"),
            st.Page(reliability.page, title="Reliability", icon=":material/water_drop:", url_path="reliability"),
            st.Page(costs.page, title="Costs", icon=":material/monitoring:", url_path="costs"),
            st.Page(settings.page, title="Settings", icon=":material/settings:", url_path="settings"),
        ],
    }
    st.session_state[parts.PAGES] = {page.url_path or "chat": page for pages in sections.values() for page in pages}
    chosen = st.navigation(sections)
    parts.arrive()  # after the navigation, which clears the address
    try:
        chosen.run()
    except OpsdeskError as error:
        parts.failed(error)
