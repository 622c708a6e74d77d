"""One batch: how far it is and what it has spent, its state, its export; the review queue is below."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Literal

import streamlit as st

from errors import OpsdeskError
from opsdesk import display, draft_files, drafting
from opsdesk.pages import drafts_review, drafts_verdict, parts
from opsdesk.pages.drafts_store import MODE, leave, store
from tasks.batches import Batch, Progress, State, Status
from tasks.budget import NANO
from tasks.purse import nano

STATES: dict[State, str] = {"running": "Running", "paused": "Paused", "cancelled": "Cancelled", "done": "Done"}
HUES: dict[State, str] = {"running": "blue", "paused": "orange", "cancelled": "gray", "done": "green"}

FILES = (
    ("CSV for spreadsheets", ".csv", "text/csv", "table"),
    ("JSONL, exact", ".jsonl", "application/jsonl", "data_object"),
    ("Private notes for Zendesk", ".zendesk.json", "application/json", "sticky_note_2"),
)
"""What a batch is exported as: label, ending, media type, icon."""

FEW = 500
"""Rows of a batch whose list is drawn anew as its drafts come in."""


def draw(batch_id: str) -> None:
    """Draws a batch. Raises `UsageError` when there is none of that id."""
    try:
        batch = store().batch(batch_id)
    except OpsdeskError:
        st.query_params.pop("batch")
        raise
    far = store().progress(batch_id)
    _head(batch, far.proven)
    if batch.state == "paused" and batch.note:
        _stopped(batch)
    running = batch.state == "running"
    st.fragment(run_every="1s" if running else None)(_progress)(batch_id, batch.state, far.by_review.get("", 0))
    drafts_review.draw(batch)


def _head(batch: Batch, proven: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("All batches", icon=":material/arrow_back:", on_click=leave, type="tertiary")
        st.markdown(parts.badge(STATES[batch.state], HUES[batch.state]), width="content")
        st.text(display.line(batch.name), width="stretch")
        if batch.state == "running":
            _button("Pause", "pause", batch.id, "paused")
            _button("Cancel", "stop", batch.id, "cancelled")
        elif batch.state == "paused" and not batch.note:
            _button("Resume", "play_arrow", batch.id, "running")
            _button("Cancel", "stop", batch.id, "cancelled")
        elif batch.state == "cancelled":
            _button("Resume", "play_arrow", batch.id, "running")
        drafts_verdict.accept_all(batch.id, proven)
        _export(batch)


def _button(label: str, icon: str, batch_id: str, state: Literal["running", "paused", "cancelled"]) -> None:
    st.button(label, icon=f":material/{icon}:", on_click=store().set_state, args=(batch_id, state))


def _stopped(batch: Batch) -> None:
    """Why a batch has paused by itself, and the way on: a larger cap, or mended settings."""
    by = "a refused key" if batch.stopped_by == "settings" else "a budget"
    with st.container(border=True):
        st.markdown(f":orange-badge[:material/pause_circle: Paused by {by}]")
        st.text(display.visible(batch.note))
        if batch.stopped_by == "settings":
            _button("Resume", "play_arrow", batch.id, "running")
            return
        with st.container(horizontal=True, vertical_alignment="bottom"):
            now = None if batch.budget_nano is None else batch.budget_nano / NANO
            cap = st.number_input(
                "Cap in USD", 0.0, 100_000.0, now, 1.0, placeholder="No cap", format="%.2f", width=160
            )
            if st.button("Resume", icon=":material/play_arrow:"):
                store().set_budget(batch.id, None if cap is None else nano(cap))
                store().set_state(batch.id, "running")
                st.rerun()


def _progress(batch_id: str, state: State, waiting: int) -> None:
    """The figures. Draws the whole page anew when the batch was in another state, or more drafts wait than then.

    Where they are many only the first one is news, and never while a form is open.
    """
    batch, far = store().batch(batch_id), store().progress(batch_id)
    if batch.state == "running":
        parts.worker_state()
    if batch.state != "done":
        st.progress(far.done / far.total)
    with st.container(horizontal=True, gap="medium"):
        for label, value in _figures(batch, far):
            st.metric(label, value, width="content")
    news = far.by_review.get("", 0) != waiting and (not waiting or far.total <= FEW)
    if batch.state != state or (news and not st.session_state.get(MODE)):
        st.rerun()


def _figures(batch: Batch, far: Progress) -> list[tuple[str, str]]:
    decided = sum(rows for review, rows in far.by_review.items() if review)
    found = [
        ("Done", f"{far.done:,} of {far.total:,}"),
        ("To decide", f"{far.by_review.get('', 0):,}"),
        ("Decided", f"{decided:,}"),
        ("Spent" if batch.budget_nano is None else "Spent of cap", _spent(batch, far)),
        ("All-frontier estimate", display.usd(far.summary["cost_all_frontier_usd"])),
    ]
    seldom: tuple[tuple[Status, str], ...] = (
        ("rejected", "Rejected rows"),
        ("failed", "Failed"),
        ("not_started", "Not started"),
    )
    for status, label in seldom:
        if rows := far.by_status.get(status, 0):
            found.append((label, f"{rows:,}"))
    if batch.state == "running" and batch.began_at:
        found.append(_pace(batch, far))
    return found


def _spent(batch: Batch, far: Progress) -> str:
    spent = display.spent(far)
    return spent if batch.budget_nano is None else f"{spent} of {display.usd(batch.budget_nano / NANO)}"


def _pace(batch: Batch, far: Progress) -> tuple[str, str]:
    seconds = (parts.now() - datetime.fromisoformat(batch.began_at)).total_seconds()
    worked = far.done - far.by_status.get("rejected", 0)
    if not worked or seconds <= 0:
        return "Time left", "starting"
    rate = worked / seconds
    return f"Left at {rate * 60:,.0f} a minute", f"about {display.duration((far.total - far.done) / rate)}"


def _export(batch: Batch) -> None:
    with st.popover("Export", icon=":material/download:"):
        st.text("Every row of the file, in order, with what was decided.")
        stem = "".join(c if c.isalnum() else "-" for c in batch.name)[:60] or "drafts"
        for label, suffix, kind, icon in FILES:
            st.download_button(
                label,
                partial(_file, batch.id, suffix),
                f"{stem}{suffix}",
                kind,
                on_click="ignore",
                icon=f":material/{icon}:",
            )


def _file(batch_id: str, suffix: str) -> bytes:
    return draft_files.as_bytes(drafting.export_rows(parts.desk(), store(), batch_id), suffix)
