"""Two runs side by side, with what differs marked in words."""

from __future__ import annotations

import streamlit as st

from opsdesk import answering, display
from opsdesk.diff import answer_lines, figures, steps
from opsdesk.pages import parts
from tasks.case import Case


def draw(case: Case, other: Case) -> None:
    """Figures, steps and answers of both."""
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
