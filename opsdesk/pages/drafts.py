"""Ticket drafts: the batches, and the way to a new one or into one."""

from __future__ import annotations

from typing import Any

import streamlit as st

from opsdesk import display
from opsdesk.pages import drafts_batch, drafts_upload, parts
from opsdesk.pages.drafts_batch import STATES
from opsdesk.pages.drafts_store import store
from tasks.batches import Batch, Progress

LIST = "draft_batches"


def page() -> None:
    """Draws the list, the form of a new batch (`?new=1`), or one batch (`?batch=ID`)."""
    st.title("Ticket drafts")
    if "new" in st.query_params:
        drafts_upload.draw()
    elif batch_id := st.query_params.get("batch", ""):
        drafts_batch.draw(batch_id)
    else:
        _list()


def _list() -> None:
    found = store().batches()
    st.button("New batch", icon=":material/upload_file:", on_click=_to, args=("new", "1"))
    if not found:
        parts.nothing_yet(
            "No batch yet",
            "Upload a CSV, JSONL or JSON file of tickets. The crew drafts a reply to each, with its proof; "
            "you accept, edit, reject or assign them here.",
        )
        return
    running = any(batch.state == "running" for batch, _ in found)
    st.fragment(run_every="1s" if running else None)(_table)(running)


def _table(running: bool) -> None:
    found = store().batches()
    st.session_state[LIST + "_ids"] = [batch.id for batch, _ in found]
    st.dataframe(
        _frame(found),
        hide_index=True,
        key=LIST,
        on_select=_chosen,
        selection_mode=["single-row", "single-cell"],
        row_height=34,
        column_config={
            "Batch": st.column_config.TextColumn(width="medium"),
            "Done": st.column_config.ProgressColumn(format="percent", width="small"),
        },
        alt="The batches, newest first. Choose a row to open it.",
    )
    if running and not any(batch.state == "running" for batch, _ in found):
        st.rerun()


def _frame(found: list[tuple[Batch, Progress]]) -> list[dict[str, Any]]:
    return [
        {
            "Batch": display.line(batch.name),
            "State": STATES[batch.state],
            "Done": far.done / far.total,
            "Tickets": far.total,
            "To decide": far.by_review.get("", 0),
            "Spent": display.spent(far),
            "Cap": "none" if batch.budget_nano is None else display.usd(batch.budget_nano / 1e9),
            "Knowledge base": batch.kb,
            "By": display.line(batch.person) or "–",
            "Made": display.when(batch.made_at),
        }
        for batch, far in found
    ]


def _chosen() -> None:
    chosen = st.session_state[LIST]["selection"]
    places = [*(row for row, _ in chosen["cells"]), *chosen["rows"]]
    if places:
        _to("batch", st.session_state[LIST + "_ids"][places[0]])


def _to(name: str, value: str) -> None:
    st.query_params[name] = value
