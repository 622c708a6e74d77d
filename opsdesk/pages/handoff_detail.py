"""The panel beside the steps: what one step received and sent, why it went on as it did, what it took."""

from __future__ import annotations

import json
from typing import Literal

import streamlit as st

from opsdesk import display
from opsdesk.handed import told
from opsdesk.pages import parts
from opsdesk.prompts import prompt
from opsdesk.spans import Span
from tasks.case import LOCAL_MODEL, Case, Handoff

LONGEST = 20_000
"""Characters of a payload that are shown; the rest is in the export."""

TALL = 14
"""Lines of what was handed on; above so many it scrolls."""


def draw(case: Case, rows: list[Span], selected: str) -> None:
    """The step of that id."""
    row = next((row for row in rows if row.id == selected), None)
    if row is None:
        return
    with st.container(border=True):
        _title(row)
        if row.handoff is None:
            st.text("This step is being done.")
            return
        _reason(row, row.handoff)
        _numbers(row)
        tabs = st.tabs(["Handoff", "Prompt", "Raw"])
        with tabs[0]:
            _handed(case, row, row.handoff)
        with tabs[1]:
            _prompt(case, row.handoff)
        with tabs[2]:
            raw = row.handoff.model_dump(mode="json", by_alias=True)
            _scrolled(_short(json.dumps(raw, ensure_ascii=False, indent=1)), 420, "json")


def _title(row: Span) -> None:
    if row.detail:
        st.text(f"{row.id}  {display.visible(row.label)}")
    else:  # a step's name is ours
        st.markdown(f"**{row.id} {row.label}**")
    badges = [parts.badge(row.agent, parts.HUES[row.agent])]
    if row.handoff:
        badges.append(parts.badge(row.handoff.tier, "gray"))
        if row.handoff.tier != "local":
            badges.append(parts.badge(row.handoff.model, "gray"))
        if row.handoff.attempt > 1:
            badges.append(parts.badge(f"attempt {row.handoff.attempt}", "yellow"))
    hues = {"bad": "red", "good": "green"}
    badges += [parts.badge(word, hues[kind]) for word, kind in row.badges if kind in hues]
    st.markdown(" ".join(badges))


def _reason(row: Span, handoff: Handoff) -> None:
    """Why it was sent on, in plain words; a rejection stands out."""
    if row.detail:
        st.text(display.visible(row.detail))
        return
    with st.container(border=True, gap="xsmall"):
        if handoff.status == "failed":
            st.markdown(":red-badge[:material/undo: Rejected]" if handoff.task == "verify" else ":red-badge[Failed]")
        for reason in handoff.reason.split("; "):
            st.text(display.visible(reason))


def _numbers(row: Span) -> None:
    handoff = row.handoff
    if handoff is None or row.seconds is None:
        return
    cost = display.usd(row.cost_usd)
    if row.cost_usd is None and row.at_most_usd is not None:
        cost = f"≤ {display.usd(row.at_most_usd)}"
    estimated = "Counted as four characters each; the built-in model has no tokens." if handoff.tokens_estimated else ""
    with st.container(horizontal=True, gap="small"):
        st.metric("Latency", display.duration(row.seconds), width="content")
        st.metric("Tokens in", f"{handoff.tokens_in:,}", help=estimated or None, width="content")
        st.metric("Tokens out", f"{handoff.tokens_out:,}", width="content")
        st.metric("Cost", cost, width="content")
    more = [
        f"{handoff.tokens_cached:,} of the tokens in came from the provider's cache" if handoff.tokens_cached else "",
        f"{handoff.tokens_reasoning:,} of the tokens out were thought" if handoff.tokens_reasoning else "",
    ]
    if said := "; ".join(text for text in more if text):
        parts.quiet(said)


def _handed(case: Case, row: Span, handoff: Handoff) -> None:
    before = [h for h in case.handoffs if h.seq < handoff.seq]
    st.text(f"Received from {before[-1].from_ if before else 'the asker'}")
    _lines(handoff.payload.get("received"), case)
    st.text(f"Sent to {handoff.to}")
    _lines(handoff.payload.get("sent"), case)


def _lines(payload: object, case: Case) -> None:
    text = _short(told(payload, case.passages)) or "nothing"
    tall = text.count("\n") >= TALL or len(text) > 40 * TALL
    _scrolled(text, 300 if tall else "content")


def _scrolled(text: str, height: int | Literal["content"], language: str | None = None) -> None:
    """A text in a box that scrolls where it is long.

    A code block that scrolls by itself cannot be reached by keyboard; a container can, by the button in it that copies
    the text. All texts have one, so that a page is built alike whatever it shows.
    """
    with st.container(height=height, border=False):
        st.code(text, language=language, wrap_lines=True)


def _prompt(case: Case, handoff: Handoff) -> None:
    if handoff.tier == "local":
        st.text(f"The {LOCAL_MODEL} follows rules of its own. A paid model would get this:")
    _scrolled(prompt(handoff.from_), 260)
    st.text("and below it, between marks, as JSON:")
    received = json.dumps(handoff.payload.get("received"), ensure_ascii=False, indent=1)
    _scrolled(_short(received), 260, "json")
    if handoff.task == "write" and case.passages:
        st.text(f"with the text of the {display.count(len(case.passages), 'passage')} that are kept once with the run")


def _short(text: str) -> str:
    shown, over = display.visible(text), len(text) - LONGEST
    return shown if over <= 0 else f"{shown[:LONGEST]}\n… {over:,} characters more: export the run"
