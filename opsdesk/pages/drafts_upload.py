"""A new batch: a file, which column is what, what it will take, start."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import streamlit as st

from errors import OpsdeskError
from opsdesk import display, drafting, ticket_files
from opsdesk.pages import parts
from opsdesk.pages.drafts_store import leave, store
from opsdesk.ticket_files import FIELDS, SHOWN, Field, Row, TicketFile
from tasks.purse import nano

NONE = "(none)"
LABELS: dict[Field, str] = {
    "body": "Text",
    "subject": "Subject",
    "ticket_id": "Ticket id",
    "customer": "Customer",
    "due": "Due",
    "priority": "Priority",
}
PROBLEMS_SHOWN = 200


def draw() -> None:
    """Draws the form, which begins with a file."""
    st.button("All batches", icon=":material/arrow_back:", on_click=leave, type="tertiary")
    upload = st.file_uploader(
        "File of tickets", type=[suffix[1:] for suffix in ticket_files.SUFFIXES], key="draft_file"
    )
    if upload is None:
        st.text("CSV, JSONL or JSON, also as Zendesk and GitHub export it, or e-mail; up to 100,000 tickets and 50 MB.")
        return
    try:
        table = _table(upload.file_id, upload.name, upload.getvalue())
        found = table.rows(_mapping(table))
    except OpsdeskError as error:
        parts.failed(error)
        return
    _preview(found)
    _start(found)


def _table(file_id: str, name: str, data: bytes) -> ticket_files.Table:
    """The file as read, kept for this session alone while it is being looked at."""
    kept = st.session_state.get("draft_table")
    if kept is None or kept[0] != file_id:
        kept = st.session_state["draft_table"] = file_id, ticket_files.read(data, name)
    table: ticket_files.Table = kept[1]
    return table


def _mapping(table: ticket_files.Table) -> dict[Field, str]:
    guessed = table.guess()
    st.header("Columns")
    chosen: dict[Field, str] = {}
    for field, place in zip(FIELDS, st.columns(len(FIELDS)), strict=True):
        options = [*table.columns] if field == "body" else [NONE, *table.columns]
        index = options.index(guessed[field]) if guessed[field] else (None if field == "body" else 0)
        picked = place.selectbox(
            LABELS[field], range(len(options)), index, format_func=lambda i, o=options: _name(o[i])
        )
        chosen[field] = "" if picked is None or options[picked] == NONE else options[picked]
    return chosen


def _name(column: str) -> str:
    return display.line(column, 60)


def _preview(found: TicketFile) -> None:
    good = len(found.rows) - len(found.rejected)
    st.header("Preview")
    with st.container(horizontal=True):
        st.markdown(parts.badge(display.count(good, "ticket"), "green"), width="content")
        if found.rejected:
            st.markdown(parts.badge(f"{len(found.rejected):,} rejected", "red"), width="content")
    first = [row for row in found.rows if not row.error][:SHOWN]
    narrow = {"Line": st.column_config.NumberColumn(width=60)}
    if first:
        alt = "The first tickets as they will be worked"
        st.dataframe(_frame(first), hide_index=True, column_config=narrow, alt=alt)
    if found.rejected:
        shown = found.rejected[:PROBLEMS_SHOWN]
        with st.expander("Rejected rows", expanded=True):
            st.text("They stay in the batch and in its export, with the reason, and are not worked.")
            alt = "Rows that cannot be worked, and why"
            st.dataframe(_problems(shown), hide_index=True, column_config=narrow, alt=alt)
            if len(found.rejected) > len(shown):
                st.text(f"and {len(found.rejected) - len(shown):,} more")


def _frame(rows: list[Row]) -> list[dict[str, Any]]:
    return [
        {
            "Line": row.line,
            "Ticket": display.line(row.ticket.ticket_id),
            "Customer": display.line(row.ticket.customer),
            "Subject": display.line(row.ticket.subject),
            "Text": display.line(row.ticket.text, 300),
        }
        for row in rows
    ]


def _problems(rows: list[Row]) -> list[dict[str, Any]]:
    return [
        {"Line": row.line, "Why": display.line(row.error, 300), "Row": display.line(row.ticket.text)} for row in rows
    ]


def _start(found: TicketFile) -> None:
    st.header("Batch")
    kbs = [kb.kb for kb in parts.desk().knowledge_bases()]
    if not kbs:
        parts.nothing_yet("No knowledge base yet", "Add documents on the page Knowledge base, then come back.")
        return
    left, middle, right = st.columns(3)
    name = left.text_input("Name", PurePath(found.name).stem[:100], max_chars=100)
    kb = middle.selectbox("Knowledge base", kbs)
    cap = right.number_input("Cap in USD", 0.0, 100_000.0, None, 1.0, placeholder="No cap", format="%.2f")
    good = len(found.rows) - len(found.rejected)
    _estimate(good, kb)
    if st.button("Start", icon=":material/play_arrow:", disabled=not (good and name)):
        from opsdesk.webhooks import told_to  # it loads an HTTP client, which the page has no other use for

        id_ = store().make(
            name,
            kb,
            drafting.planned(found.rows),
            person=parts.person(),
            budget_nano=None if cap is None else nano(cap),
            settings=told_to(parts.desk().settings),
        )
        st.session_state.pop("draft_table", None)
        parts.go(batch=id_, new="")


def _estimate(tickets: int, kb: str) -> None:
    found = drafting.estimate(parts.desk(), tickets, kb)
    with st.container(border=True):
        with st.container(horizontal=True, gap="large"):
            st.metric("Tickets", f"{tickets:,}", width="content")
            st.metric("Cost, estimated", _range(found), width="content")
            st.metric("Time, estimated", f"about {display.duration(found.seconds)}", width="content")
        st.text(found.how)


def _range(found: drafting.Estimate) -> str:
    if found.high is None:
        return "unknown"
    if found.low is None or f"{found.low:.2g}" == f"{found.high:.2g}":
        return display.usd(found.high)
    return f"{display.usd(found.low)} to {display.usd(found.high)}"
