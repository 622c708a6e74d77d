"""The review queue: the rows of a batch on the left, the ticket and its draft on the right."""

from __future__ import annotations

from typing import Any, Literal

import streamlit as st

from errors import OpsdeskError
from opsdesk import answering, components, display
from opsdesk.pages import drafts_verdict, parts
from opsdesk.pages.drafts_store import MODE, PROBLEM, go, store
from tasks.batches import Batch, DraftRow, Filters, Line, Review, Status
from tasks.budget import NANO
from tasks.case import Case

ROWS = "draft_rows"
HIDDEN: Literal["collapsed"] = "collapsed"
STATUS: dict[Status, str] = {
    "todo": "Waiting",
    "doing": "At work",
    "drafted": "Drafted",
    "needs_human": "Needs a person",
    "abstained": "No answer",
    "rejected": "Row rejected",
    "failed": "Failed",
    "not_started": "Not started",
}
STATUS_HUES: dict[Status, str] = {"drafted": "green", "needs_human": "orange", "failed": "red", "rejected": "red"}
WHY: dict[Status, str] = {"needs_human": "Why a person is needed", "abstained": "Why there is no draft"}
REVIEW: dict[Review, str] = {
    "": "",
    "accepted": "Accepted",
    "edited": "Edited",
    "rejected": "Rejected",
    "assigned": "Assigned",
}
REVIEW_FILTER: dict[str, str] = {"undecided": "To decide", "": "All"} | {str(r): w for r, w in REVIEW.items() if r}
STATUS_FILTER: dict[str, str] = {"": "Any status"} | {str(s): word for s, word in STATUS.items()}
PROVEN_FILTER: dict[str, bool | None] = {"Any proof": None, "Fully proven": True, "Not fully proven": False}


def draw(batch: Batch) -> None:
    """Draws the queue, with the row that the address names or the first undecided one."""
    if error := st.session_state.pop(PROBLEM, None):
        parts.failed(error)
    left, right = st.columns([6, 8], gap="medium")
    with left:
        lines = store().lines(batch.id, _filters())
        seq = _current(batch.id, lines)
        _table(lines, seq)
    with right:
        if seq is None:
            _nothing(batch, lines)
        else:
            _row(store().draft(batch.id, seq), lines)


def _filters() -> Filters:
    with st.container(horizontal=True, gap="xsmall"):
        review, status, proof = (
            st.selectbox(label, options, key=label.lower(), bind="query-params", width=118, label_visibility=HIDDEN)
            for label, options in zip(("Review", "Status", "Proof"), _options(), strict=True)
        )
    text = st.text_input(
        "Find",
        key="find",
        type="search",
        placeholder="Find text",
        live=True,
        bind="query-params",
        label_visibility=HIDDEN,
    )
    return Filters(_key(STATUS_FILTER, status), _key(REVIEW_FILTER, review), PROVEN_FILTER[proof], text or "")


def _options() -> tuple[list[str], ...]:
    return list(REVIEW_FILTER.values()), list(STATUS_FILTER.values()), list(PROVEN_FILTER)


def _key(words: dict[str, str], word: str | None) -> str:
    return next((key for key, found in words.items() if found == word), "")


def _current(batch_id: str, lines: list[Line]) -> int | None:
    """The row of the address where the batch has it, else the first undecided one of the list, else the first."""
    asked = st.query_params.get("seq", "")
    if asked.isdecimal() and len(asked) < 9:
        try:
            return store().draft(batch_id, int(asked)).seq
        except OpsdeskError:
            go(None)
    open_ = (line.seq for line in lines if line.undecided)
    return next(open_, lines[0].seq if lines else None)


def _table(lines: list[Line], seq: int | None) -> None:
    st.text(display.count(len(lines), "ticket"))
    if not lines:
        return
    seqs = [line.seq for line in lines]
    st.session_state[ROWS + "_seqs"] = seqs
    chosen = [seqs.index(seq)] if seq in seqs else []
    st.session_state[ROWS] = {"selection": {"rows": chosen, "columns": [], "cells": []}}
    st.dataframe(
        _frame(lines),
        hide_index=True,
        height=min(520, 36 + 30 * len(lines)),
        row_height=30,
        key=ROWS,
        on_select=_chosen,
        selection_mode=["single-row", "single-cell"],
        column_config={
            "Ticket": st.column_config.TextColumn(width=60),
            "Subject": st.column_config.TextColumn(width=160),
            "Status": st.column_config.TextColumn(width=105),
        },
        alt="The tickets of the batch. Choose a row to see its draft.",
    )


def _frame(lines: list[Line]) -> dict[str, list[Any]]:
    return {
        "Ticket": [display.line(line.ticket_id, 40) for line in lines],
        "Subject": [display.line(line.subject, 80) for line in lines],
        "Status": [_word(line) for line in lines],
        **({"Review": [REVIEW[line.review] for line in lines]} if any(line.review for line in lines) else {}),
        "Cost": ["" if line.cost_nano is None else display.usd(line.cost_nano / NANO) for line in lines],
    }


def _word(line: Line) -> str:
    return "Proven" if line.proven and line.status == "drafted" else STATUS[line.status]


def _chosen() -> None:
    """Shows the row that was ticked, or in which a cell was clicked."""
    chosen = st.session_state[ROWS]["selection"]
    places = [*(row for row, _ in chosen["cells"]), *chosen["rows"]]
    if places:
        go(st.session_state[ROWS + "_seqs"][places[0]])


def _nothing(batch: Batch, lines: list[Line]) -> None:
    if batch.state == "running":
        parts.nothing_yet("Nothing to decide yet", "Drafts appear here as the crew finishes them.")
    elif not lines:
        parts.nothing_yet(
            "Nothing left here", "No ticket passes the filters. Choose All to see every one, or export the batch."
        )


# --- one row ---------------------------------------------------------------------------------------------


def _row(row: DraftRow, lines: list[Line]) -> None:
    case = parts.desk().task_list.find(row.case_id) if row.case_id and row.status not in ("todo", "doing") else None
    drafts_verdict.actions(row, lines)
    _about(row, case is not None)
    with st.container(border=True):
        st.markdown("**Ticket**")
        st.text(display.visible(f"{row.ticket_id} · {row.subject}" if row.subject else row.ticket_id))
        st.text(display.visible(row.body))
    if row.error:
        with st.container(border=True):
            st.markdown(f"**{WHY.get(row.status, 'What went wrong')}**")
            st.text(display.visible(row.error))
    if st.session_state.get(MODE):
        drafts_verdict.form(row, case, lines)
    elif row.text:
        with st.container(border=True):
            st.markdown("**Draft**" if row.review != "edited" else "**Draft, edited**")
            _answer(row, case)


def _about(row: DraftRow, worked: bool) -> None:
    words = [parts.badge(STATUS[row.status], STATUS_HUES.get(row.status, "gray"))]
    if row.status == "drafted":
        words.append(parts.badge("Fully proven", "green") if row.proven else parts.badge("Not fully proven", "orange"))
    if row.review:
        words.append(parts.badge(REVIEW[row.review], "blue"))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(" ".join(words), width="content")
        said = [row.assignee and f"to {row.assignee}", row.reviewed_by and f"by {row.reviewed_by}", row.reason]
        cost = "" if row.cost_nano is None else display.usd(row.cost_nano / NANO)
        st.text(" · ".join(display.line(word, 200) for word in (*said, cost, row.customer) if word), width="stretch")
        if worked:
            parts.link("Handoffs", "handoffs", ":material/account_tree:", run=row.case_id)


def _answer(row: DraftRow, case: Case | None) -> None:
    """The draft as it stands, with its passages and its proof."""
    if case is None:
        st.text(display.visible(row.text))
        return
    edited = row.review == "edited"
    if edited:
        case = case.model_copy(update={"claims": drafts_verdict.proven_claims(row.text, case)})
    view = answering.view(case, parts.desk().stale(case))
    if edited:  # whole: what was written below the list of sources goes out too
        view["text"] = display.visible(row.text)
    components.answer(view, f"answer-{row.case_id}")
