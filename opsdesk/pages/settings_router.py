"""What the router has learned: how likely each tier's first draft is accepted, who writes, and former versions."""

from __future__ import annotations

from typing import Any

import streamlit as st

from errors import UsageError
from opsdesk import display
from opsdesk.desk import Desk
from opsdesk.pages import parts
from opsdesk.pages.asked import latest, waiting
from tasks.requests import Request


def draw(desk: Desk) -> None:
    """The table in force, the way to a new one, and the versions."""
    from opsdesk import learning

    experience = desk.experience()
    offered = learning.offers(desk, experience)
    rated = learning.ratings(offered, experience)
    settings = desk.settings
    writes = learning.typical(offered, experience, settings.policy, settings.budget_usd, settings.deadline_s)
    in_force = f"Version {experience.version} is in force" if experience.version else "Nothing was learned yet"
    parts.quiet(f"{in_force}. Shares of first drafts that are accepted; in brackets the drafts that were seen.")
    rows = [
        {
            "intent": intent,
            **{one.tier: f"{one.chance:.0%} ({one.seen:g})" for one in rated if one.intent == intent},
            "writes": choice.tier,
        }
        for intent, choice in writes.items()
    ]
    columns: dict[str, Any] = {
        "intent": "About",
        **{one.tier: one.tier for one in offered},
        "writes": "Who writes a plain question",
    }
    st.dataframe(
        rows, hide_index=True, column_config=columns, height="content", alt="How often first drafts are accepted"
    )
    _learn()
    _history(desk)


def _learn() -> None:
    line = st.container(horizontal=True, vertical_alignment="center")
    last = latest("learn")
    if line.button("Learn from cases", icon=":material/school:", disabled=bool(last and last.is_open)):
        parts.requests().leave("learn", {}, person=parts.person())
        st.rerun()
    with line:
        parts.quiet("From the last 180 days, and what people said of drafts. A table that predicts worse is refused.")
    if last is None:
        return
    if last.is_open:
        waiting(last.id, "Learning")
    elif last.status == "failed":
        parts.failed(UsageError(last.error))
    else:
        _learned(last)


def _learned(request: Request) -> None:
    told, when = request.result, display.when(request.ended_at)
    if told["refused"]:
        st.text(display.visible(f"{when} UTC: nothing new is in force: {told['refused']}."))
        return
    losses = f"log loss on {told['held_out']:,} held out {told['loss_before']:.3f} before, {told['loss_after']:.3f} now"
    st.text(f"{when} UTC: version {told['version']} is in force, from {told['observations']:,} drafts; {losses}.")


def _history(desk: Desk) -> None:
    versions = desk.records.history()
    if not versions:
        return
    with st.expander("Versions"):
        rows = [
            {
                "version": one.version,
                "in_force": "in force" if one.in_force else "",
                "made": display.when(one.made_at),
                "replaced": one.replaced or None,
                "note": display.visible(one.note),
            }
            for one in versions
        ]
        columns = {
            "version": "Version",
            "in_force": "State",
            "made": "Made (UTC)",
            "replaced": "Replaced",
            "note": "Learned from",
        }
        st.dataframe(rows, hide_index=True, column_config=columns, alt="Versions of the router's table")
        parts.quiet("To take the one in force back:")
        st.code("opsdesk router rollback", language=None)
