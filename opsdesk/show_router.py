"""How what the router has learned is printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agents import experience as learned
from agents.experience import Experience
from agents.routing import Choice, Offer
from opsdesk import show
from opsdesk.learning import Lesson, Rating
from tasks.experience import Said, Version


def table_json(
    policy: str, experience: Experience, offered: Sequence[Offer], rated: Sequence[Rating], writes: Mapping[str, Choice]
) -> dict[str, Any]:
    """The table as JSON: chances 0..1, `seen` in drafts, prices in USD per million tokens."""
    return {
        "version": experience.version,
        "policy": policy,
        "tiers": [
            {
                "tier": one.tier,
                "model": one.model,
                "input": round(one.price_in * 1e6, 6),
                "output": round(one.price_out * 1e6, 6),
                "seconds": one.seconds,
            }
            for one in offered
        ],
        "cells": [rating._asdict() for rating in rated],
        "writes": {
            intent: {"tier": choice.tier, "reasons": choice.reasons, "expected_usd": choice.expected_usd}
            for intent, choice in writes.items()
        },
    }


def table(
    policy: str, experience: Experience, offered: Sequence[Offer], rated: Sequence[Rating], writes: Mapping[str, Choice]
) -> None:
    """The table for people: a row an intent, a column a tier."""
    version = f"version {experience.version}" if experience.version else "nothing learned yet, all are estimates"
    rows = []
    for intent, choice in writes.items():
        mine = {rating.tier: rating for rating in rated if rating.intent == intent}
        rows.append([intent, *(_cell(mine[one.tier]) for one in offered), choice.tier])
    show.console.print(show.text(f"policy {policy}, {version}", "bold"), soft_wrap=True)
    show.table("first drafts accepted", ["about", *(one.tier for one in offered), "writes"], rows)
    models = ", ".join(f"{one.tier}: {one.model}, about {one.seconds:.1f} s a draft" for one in offered)
    show.console.print(show.text(f"In brackets: drafts seen of that model. {models}", "dim"), soft_wrap=True)


def _cell(rating: Rating) -> str:
    return f"{rating.chance:.0%} ({rating.seen:g})"


def lesson_json(lesson: Lesson, *, dry_run: bool) -> dict[str, Any]:
    """What learning came to, as JSON; `version` is null when nothing new is in force."""
    found = lesson.learned
    return {
        "version": lesson.version,
        "dry_run": dry_run,
        "refused": found.refused or None,
        "observations": found.observations,
        "held_out": found.held_out,
        "loss_before": found.loss_before,
        "loss_after": found.loss_after,
        "cells": {name: cell.model_dump() for name, cell in found.table.cells.items()},
    }


def lesson(told: Lesson) -> None:
    """What learning came to, for people."""
    found = told.learned
    if found.refused:
        show.console.print(show.text(f"nothing new is in force: {found.refused}", "yellow"), soft_wrap=True)
        return
    tested = f"log loss on {found.held_out} held out: {found.loss_before:.3f} before, {found.loss_after:.3f} now"
    kept = f"version {told.version} is in force" if told.version else "a dry run, nothing was kept"
    show.console.print(show.text(f"{kept}: {found.observations} drafts were seen; {tested}"), soft_wrap=True)
    if told.version:
        show.console.print("look at it: opsdesk router show; take it back: opsdesk router rollback", style="dim")


def rolled_back(version: int, was: int) -> None:
    """Which version is in force after a roll-back."""
    now = f"version {version} is in force again" if version else "nothing that was learned is in force any more"
    show.console.print(f"{now}; version {was} is kept")


def history(versions: Sequence[Version]) -> None:
    """The versions, a line each."""
    if not versions:
        show.console.print("nothing was learned yet; start with: opsdesk router learn")
        return
    rows = [[_numbered(v), v.made_at[:16].replace("T", " "), str(v.replaced), v.note] for v in versions]
    show.table("Versions of the router's table", ["version", "made (UTC)", "replaced", "learned from"], rows)


def _numbered(version: Version) -> str:
    return f"{version.version} (in force)" if version.in_force else str(version.version)


def thanks(case_id: str, said: Said) -> None:
    """That a person's word was kept, and what it will count."""
    worth = {1.0: "accepted", 0.5: "half accepted", 0.0: "refused"}[learned.WORTH[said]]
    show.console.print(show.text(f"kept; the draft of {case_id} counts as {worth} when the router learns next"))
