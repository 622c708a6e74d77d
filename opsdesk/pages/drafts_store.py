"""What the pages of ticket drafts share: the batches, and a verdict with the way back from it."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from errors import OpsdeskError
from opsdesk.pages import parts
from tasks.batches import DraftRow, Verdict
from tasks.drafts import Drafts
from tasks.queue import is_proven

MODE = "draft_mode"
"""Session: which form is open, "" for none."""
LAST = "draft_last"
"""Session: the last verdict of this session, to take back."""
PROBLEM = "draft_problem"
"""Session: why the last verdict was not taken."""


class Last(NamedTuple):
    """A verdict that was given, and whether there is one to take back."""

    batch_id: str
    seq: int
    review: str


def store() -> Drafts:
    """The batches."""
    return Drafts(parts.desk().task_list.database, parts.now)


def decide(row: DraftRow, verdict: Verdict, following: int | None) -> None:
    """Keeps a verdict and goes on to the row `following`; what went wrong is told where the row is drawn."""
    st.session_state[MODE] = ""
    try:
        store().review(row.batch_id, row.seq, verdict)
    except OpsdeskError as error:
        st.session_state[PROBLEM] = error
        return
    st.session_state[LAST] = Last(row.batch_id, row.seq, verdict.review)
    go(following)


def take_back() -> None:
    """Takes the last verdict of this session back: the draft stands as the crew left it."""
    last: Last = st.session_state.pop(LAST)
    st.session_state[MODE] = ""
    try:
        row = store().draft(last.batch_id, last.seq)
        case = parts.desk().task_list.find(row.case_id)
        text, proven = (case.answer, is_proven(case)) if case else ("", False)
        store().review(last.batch_id, last.seq, Verdict("", parts.person(), row.reviewed_at, text=text, proven=proven))
    except OpsdeskError as error:
        st.session_state[PROBLEM] = error
        return
    go(last.seq)


def go(seq: int | None) -> None:
    """Shows a row, or the first undecided one."""
    st.session_state[MODE] = ""
    if seq is None:
        st.query_params.pop("seq", None)
    else:
        st.query_params["seq"] = str(seq)


def leave() -> None:
    """Goes back to all batches. The filters, which their widgets hold in the address, go by themselves."""
    st.session_state[MODE] = ""
    for name in ("batch", "seq", "new"):
        st.query_params.pop(name, None)
