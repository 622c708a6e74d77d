"""Which agent, and which step, a case failed at first, from what is kept of it alone. Pure.

A failure that was mended counts too: a step that was done once more, a draft that was sent back, another tier that
had to write. What a draft is refused for is the writer's doing, unless it rests on a page that is out of force, or what
was found answers nothing: then it is the retriever's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tasks.case import STEPS, Agent, Case, Handoff, StepName


class Blame(NamedTuple):
    """The first step that failed, the agent who did it, and why, in the case's own words."""

    step: StepName
    agent: Agent
    why: str


def blame(case: Case) -> Blame | None:
    """The first seam that failed; None where none did, as when a person is only asked to approve."""
    for handoff in case.handoffs:
        if found := _of(handoff):
            return found
    if case.outcome == "accepted" and not case.unanswered:
        return None
    if case.route and case.route.approval and case.answer:
        return None
    if _asks_back(case):
        return None
    last = case.handoffs[-1] if case.handoffs else None
    if case.outcome in ("abstained", "needs_human", "accepted"):
        return _blamed("retrieve", case.outcome_reason or "what was found does not answer")
    return _blamed(last.task, last.reason) if last else None


def _of(handoff: Handoff) -> Blame | None:
    """What one handoff tells of a failure."""
    mine = STEPS[handoff.task]
    if handoff.status == "failed":
        if handoff.task != "verify" or handoff.to == mine or not _claims(handoff):
            return _blamed(handoff.task, handoff.reason)  # it failed itself: no answer, or none that could be read
        refused = [str(claim.get("reason", "")) for claim in _claims(handoff) if not claim.get("supported")]
        stale = bool(refused) and all(reason.startswith("outdated:") for reason in refused)
        return _blamed("retrieve" if stale else "write", handoff.reason)
    if handoff.reason.startswith("the judge failed"):
        return _blamed("verify", handoff.reason)
    if handoff.sent.get("struck"):
        return _blamed("write", handoff.reason)
    if handoff.model_calls > 1:
        return _blamed(handoff.task, f"its endpoint was asked {handoff.model_calls} times")
    return None


def _blamed(step: StepName, why: str) -> Blame:
    return Blame(step, STEPS[step], why)


def _asks_back(case: Case) -> bool:
    """Whether the writer had a question of its own, which nobody is to blame for."""
    drafts = [handoff.sent for handoff in case.handoffs if handoff.task == "write"]
    return bool(drafts and drafts[-1].get("ask"))


def _claims(handoff: Handoff) -> list[Mapping[str, object]]:
    claims = handoff.sent.get("claims")
    return [claim for claim in claims if isinstance(claim, dict)] if isinstance(claims, list) else []
