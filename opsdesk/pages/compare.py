"""Two runs side by side, with what differs marked in words."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

import streamlit as st

from opsdesk import answering, display, spans
from opsdesk.pages import parts
from tasks.case import Case

SAME = "same"


def draw(case: Case, other: Case) -> None:
    """Figures, route, steps and answers of both."""
    left, right = st.columns([5, 1], vertical_alignment="center")
    left.text(f"A: {_name(case)}\nB: {_name(other)}")
    if right.button("Close", icon=":material/close:"):
        parts.go(run=case.case_id, **{"with": ""})
    st.markdown("**Figures**")
    st.dataframe(figures(case, other), hide_index=True, alt="The figures of both runs")
    st.markdown("**Steps**")
    st.dataframe(steps(case, other), hide_index=True, alt="The steps of both runs")
    st.markdown("**Answers**")
    if case.outcome is None or other.outcome is None:
        st.text("The answers are compared as soon as both runs have ended.")
        return
    lines = answer_lines(case, other)
    if not lines:
        st.text("Both answers are the same.")
    st.code(
        "\n".join(lines) or display.visible(answering.body(case.answer)) or "no answer",
        language="diff" if lines else None,
        wrap_lines=True,
    )


def _name(case: Case) -> str:
    outcome = display.OUTCOMES[case.outcome].lower()
    return f"{display.when(case.created_at)} · {outcome} · {display.line(case.ticket.text, 90)}"


def figures(case: Case, other: Case) -> list[dict[str, str]]:
    """A row a figure: its name, A, B, and what differs; of an amount, by how much B is more or less."""
    rows = [(label, a, b) for (label, a, *_), (_, b, *_) in zip(spans.figures(case), spans.figures(other), strict=True)]
    rows += [
        ("Written by", _writers(case), _writers(other)),
        ("Claims proven", _proven(case), _proven(other)),
        ("Sources", _sources(case), _sources(other)),
        ("Why", case.outcome_reason, other.outcome_reason),
    ]
    amounts = _amounts(case, other)
    return [
        {
            "figure": name,
            "differs": SAME if a == b else amounts.get(name) or "differs",
            "A": display.visible(a),
            "B": display.visible(b),
        }
        for name, a, b in rows
    ]


def _amounts(case: Case, other: Case) -> dict[str, str]:
    """By how much B differs, in words; nothing of what is unknown."""
    tokens = [run.tokens_in + run.tokens_out for run in (case, other)]
    found = {
        "Latency": _by(other.seconds - case.seconds, display.duration, "slower", "faster"),
        "Model calls": _by(other.model_calls - case.model_calls, str, "more", "fewer"),
        "Tokens": _by(tokens[1] - tokens[0], "{:,}".format, "more", "fewer"),
    }
    for name, a, b, more, less in (
        ("Cost of this run", case.cost_usd, other.cost_usd, "dearer", "cheaper"),
        ("All-frontier estimate", case.cost_all_frontier_usd, other.cost_all_frontier_usd, "higher", "lower"),
    ):
        if a is not None and b is not None:
            found[name] = _by(b - a, display.usd, more, less)
    return found


def _by(change: Any, written: Callable[[Any], str], more: str, less: str) -> str:
    return f"{written(abs(change))} {more if change > 0 else less} in B" if change else ""


def steps(case: Case, other: Case) -> list[dict[str, str]]:
    """A row a step, in order: what each run did there, and what differs between them."""
    a, b = ([row for row in spans.spans(run) if not row.parent] for run in (case, other))
    rows = []
    for n in range(max(len(a), len(b))):
        mine, theirs = (a[n] if n < len(a) else None), (b[n] if n < len(b) else None)
        rows.append({"step": str(n + 1), "differs": _differs(mine, theirs), "A": _step(mine), "B": _step(theirs)})
    return rows


def _step(row: spans.Span | None) -> str:
    if row is None:
        return "–"
    state = ", ".join(word for word, _ in row.badges)
    tier = row.handoff.tier if row.handoff else ""
    took = "" if row.seconds is None else display.duration(row.seconds)
    return " · ".join(part for part in (row.label, tier, state, took, display.usd(row.cost_usd)) if part)


def _differs(mine: spans.Span | None, theirs: spans.Span | None) -> str:
    if mine is None or theirs is None:
        return "only in B" if mine is None else "only in A"
    pairs = {
        "step": (mine.label, theirs.label),
        "tier": tuple(row.handoff.tier if row.handoff else "" for row in (mine, theirs)),
        "model": tuple(row.handoff.model if row.handoff else "" for row in (mine, theirs)),
        "outcome": (mine.badges, theirs.badges),
        "cost": (mine.cost_usd, theirs.cost_usd),
        "claims": (_checked(mine), _checked(theirs)),
        "latency": (False, _is_slow(mine.seconds, theirs.seconds)),
    }
    return ", ".join(name for name, (a, b) in pairs.items() if a != b) or SAME


def _is_slow(a: float | None, b: float | None) -> bool:
    """Whether two times are further apart than two runs of the same are: by more than half, and a tenth of a second."""
    return a is not None and b is not None and abs(a - b) > max(0.1, min(a, b) / 2)


def _checked(row: spans.Span) -> tuple[int, int]:
    """Claims proven, and claims, where a step has checked any."""
    sent = row.handoff.payload.get("sent") if row.handoff and row.handoff.task == "verify" else None
    claims = sent.get("claims") if isinstance(sent, dict) else None
    found = [claim for claim in claims if isinstance(claim, dict)] if isinstance(claims, list) else []
    return sum(bool(claim.get("supported")) for claim in found), len(found)


def _writers(case: Case) -> str:
    return " → ".join(h.tier for h in case.handoffs if h.task == "write")


def _proven(case: Case) -> str:
    return f"{sum(claim.supported for claim in case.claims)} of {len(case.claims)}" if case.claims else "none checked"


def _sources(case: Case) -> str:
    return ", ".join(dict.fromkeys(citation.doc_id for citation in case.citations))


def answer_lines(case: Case, other: Case) -> list[str]:
    """The answers' differing lines with what stands around them, "-" of A and "+" of B; none when they are equal."""
    a, b = (display.visible(answering.body(run.answer)).splitlines() for run in (case, other))
    return [line for line in difflib.unified_diff(a, b, "A", "B", lineterm="", n=2) if not line.startswith("@@")]
