"""What the worker was asked for from a page, and how far it is."""

from __future__ import annotations

import streamlit as st

from opsdesk.pages import parts
from tasks.requests import Kind, Request


def latest(kind: Kind) -> Request | None:
    """The newest request of a kind, whoever left it."""
    return next(iter(parts.requests().latest([kind], limit=1)), None)


@st.fragment(run_every="1s")
def waiting(id_: str, doing: str) -> None:
    """Says how far a request is, and draws the page anew when it has ended."""
    request = parts.requests().get(id_)
    if not request.is_open:
        st.rerun()
    count = request.progress.get("done")
    done = f": {count:,} cases so far" if count else ""
    st.text(f"{doing}{done} …" if request.status == "doing" else "Waiting for a worker …")
