"""What pages share: the desk, who is there, and the pieces they are drawn with.

Text of tickets, documents and people never goes into a markdown surface: there it could load images, forge badges or
make links. `st.text`, cells, options and our own components show it as it is.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Literal, NoReturn

import streamlit as st

from errors import NoKnowledgeBase, OpsdeskError
from opsdesk.command import open_desk
from opsdesk.desk import Desk
from opsdesk.display import visible
from opsdesk.people import identified, refusal
from opsdesk.settings import UI_LOGIN
from tasks.conversations import Conversations
from tasks.requests import Requests
from tasks.workers import Worker, Workers

HUES = {"router": "violet", "retriever": "blue", "writer": "green", "verifier": "orange", "person": "gray"}
"""One hue an agent; never without its name beside it."""


_GOING = "going"
PAGES = "pages"
"""In the session's state: the pages by their path, for links between them."""


def go(**address: str) -> NoReturn:
    """Draws the page anew under another address; an empty value takes its name out of it."""
    st.session_state[_GOING] = address
    st.rerun()


def arrive() -> None:
    """Puts the address into the browser that `go` was given: what a run sends just before it ends can be lost."""
    for name, value in st.session_state.pop(_GOING, {}).items():
        if value:
            st.query_params[name] = value
        elif name in st.query_params:
            del st.query_params[name]


@st.cache_resource
def desk() -> Desk:
    """The desk, one a process; it holds nothing of any one person."""
    return open_desk(tell=False)


def now() -> datetime:
    """The clock of the pages."""
    return datetime.now(UTC)


def requests() -> Requests:
    """What the worker is asked to do."""
    return Requests(desk().task_list.database, now)


def conversations() -> Conversations:
    """The conversations; each call names the person whose they are."""
    return Conversations(desk().task_list.database, now)


def workers() -> list[Worker]:
    """The workers that are alive."""
    return Workers(desk().task_list.database, now).alive()


def is_alive(owner: str) -> bool:
    """Whether the worker of that name is."""
    return any(worker.name == owner for worker in workers())


def signs_in() -> bool:
    """Whether the pages are for people who have signed in."""
    return os.environ.get(UI_LOGIN) == "1"


def person() -> str:
    """Who is there (`people.Person.id`), or "" without sign-in, which is for this machine alone."""
    return identified(st.user).id if signs_in() and st.user.is_logged_in else ""


def let_in() -> bool:
    """Whether the page may be drawn; else the way to sign in is."""
    if not signs_in():
        return True
    why = refusal(identified(st.user), desk().settings.allowed_emails) if st.user.is_logged_in else ""
    if st.user.is_logged_in and not why:
        return True
    st.title("Opsdesk")
    if why:
        st.text(visible(why))
        st.button("Sign out", on_click=st.logout)
    else:
        st.text("Sign in to see your conversations, drafts and documents.")
        st.button("Sign in", on_click=st.login)
    return False


def failed(error: OpsdeskError) -> None:
    """What went wrong, and what to do next."""
    with st.container(border=True):
        st.markdown(":red-badge[:material/error: Failed]")
        told = visible(str(error))
        st.text(told[:1].upper() + told[1:])


def nothing_yet(title: str, text: str) -> None:
    """An empty state: what is missing, and what to do."""
    with st.container(border=True):
        st.markdown(f"**{title}**")
        st.text(text)


def pick_kb(key: str = "kb", label: str = "Knowledge base", *, collapsed: bool = False) -> str:
    """The knowledge base in use, kept in the address. Raises `NoKnowledgeBase` when there is none."""
    names = [kb.kb for kb in desk().knowledge_bases()]
    if not names:
        raise NoKnowledgeBase("there is no knowledge base yet; add documents on the page Knowledge base")
    chosen = st.query_params.get(key, "")
    index = names.index(chosen) if chosen in names else 0
    look: Literal["collapsed", "visible"] = "collapsed" if collapsed else "visible"
    picked = str(st.selectbox(label, names, index=index, label_visibility=look, key=f"{key}-{chosen}"))
    if picked != names[index]:
        go(**{key: picked})
    return picked


def link(label: str, page: str, icon: str = "", **address: str) -> None:
    """A link to another page of ours, drawn in the same tab."""
    pages = st.session_state.get(PAGES, {})
    if page in pages:
        st.page_link(pages[page], label=label, icon=icon or None, query_params=address)
    else:  # a page that is drawn alone, as tests do
        st.text(label)


def badge(text: str, hue: str) -> str:
    """Markdown of a badge for words of ours: letters, digits, spaces, points and money, whatever comes in."""
    kept = "".join(c for c in text if c.isalnum() or c in " .,%-$").replace("$", "\\$")
    return f":{hue}-badge[{kept}]"


def quiet(ours: str) -> None:
    """A line of our own words and numbers, small and grey; a dollar begins no formula."""
    st.caption(ours.replace("$", "\\$"))


def worker_state() -> None:
    """A line where nobody is there to do what is asked."""
    if not workers():
        with st.container(border=True):
            st.markdown(":orange-badge[:material/pause_circle: No worker is running]")
            st.text("What you ask is kept, and done as soon as one runs. Start one with:")
            st.code("opsdesk worker", language=None)
