"""Which step a case failed at first is told from what is kept of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from opsdesk.attribution import blame
from opsdesk.show import case_json
from tasks.case import STEPS, Case, Handoff, Outcome, StepName, Ticket

NOW = datetime(2026, 11, 24, tzinfo=UTC)
REFUSED = {"claims": [{"text": "It costs $5.", "supported": False, "reason": "absent: $5"}]}
STALE = {"claims": [{"text": "It costs $5.", "supported": False, "reason": "outdated: it stands only on an old page"}]}
PROVEN = {"claims": [{"text": "It costs $5.", "supported": True, "reason": ""}]}


def handoff(
    task: StepName, to: str, status: str = "done", reason: str = "", sent: Any = None, calls: int = 0
) -> Handoff:
    fields = {"seq": 1, "from": STEPS[task], "to": to, "task": task, "attempt": 1, "status": status, "reason": reason}
    more = {"tier": "local", "model": "m", "tokens_in": 0, "tokens_out": 0, "cost_usd": 0.0, "cost_all_frontier_usd": 0}
    when = {"started_at": NOW, "seconds": 0.1, "payload": {"sent": sent or {}}, "model_calls": calls}
    return Handoff.model_validate({**fields, **more, **when})


ROUTED, FOUND = handoff("route", "retriever"), handoff("retrieve", "writer")
WRITTEN, SENT = handoff("write", "verifier", calls=1), handoff("verify", "asker", sent=PROVEN)
SENT_BACK = handoff("verify", "writer", "failed", "rejected", REFUSED)


def case(*handoffs: Handoff, outcome: Outcome = "accepted", **more: Any) -> Case:
    fields = {"case_id": "c-1", "ticket": Ticket(text="How much?"), "kb": "kb", "created_at": NOW, "outcome": outcome}
    return Case.model_validate({**fields, "handoffs": list(handoffs), **more})


def test_nobody_is_to_blame_for_what_went_well() -> None:
    assert blame(case(ROUTED, FOUND, WRITTEN, SENT)) is None


@pytest.mark.parametrize("step", ["route", "retrieve", "verify"])
def test_a_step_that_was_done_once_more_is_blamed_though_it_was_mended(step: StepName) -> None:
    again = handoff(step, STEPS[step], "failed", "the model failed; it is done once more")
    rest = [h for h in (ROUTED, FOUND, WRITTEN, SENT) if h.task != step]
    found = blame(case(again, *rest))
    assert found
    assert (found.step, found.agent, found.why) == (step, STEPS[step], again.reason)


@pytest.mark.parametrize(
    ("handoffs", "outcome", "step"),
    [
        ((ROUTED, FOUND, WRITTEN, SENT_BACK, WRITTEN, SENT), "accepted", "write"),
        ((ROUTED, FOUND, handoff("write", "writer", "failed"), WRITTEN, SENT), "accepted", "write"),
        ((ROUTED, FOUND, handoff("write", "verifier", calls=2), SENT), "accepted", "write"),
        ((ROUTED, FOUND, WRITTEN, handoff("verify", "asker", sent={**PROVEN, "struck": [{}]})), "accepted", "write"),
        ((ROUTED, FOUND, WRITTEN, handoff("verify", "writer", "failed", "", STALE)), "needs_human", "retrieve"),
        ((ROUTED, handoff("retrieve", "asker", reason="nothing answers")), "abstained", "retrieve"),
        ((ROUTED, FOUND, WRITTEN, handoff("verify", "asker")), "abstained", "retrieve"),
        ((ROUTED, FOUND, WRITTEN, handoff("verify", "asker", reason="the judge failed (x); ")), "accepted", "verify"),
        ((ROUTED, FOUND, WRITTEN, handoff("verify", "person", "failed", "the model failed")), "failed", "verify"),
        ((handoff("route", "person", "failed", "the model failed"),), "failed", "route"),
    ],
)
def test_the_first_seam_that_failed_is_named(handoffs: tuple[Handoff, ...], outcome: Outcome, step: StepName) -> None:
    found = blame(case(*handoffs, outcome=outcome))
    assert found
    assert (found.step, found.agent) == (step, STEPS[step])


def test_what_an_answer_leaves_open_was_not_found() -> None:
    found = blame(case(ROUTED, FOUND, WRITTEN, SENT, unanswered=["And how long?"]))
    assert found
    assert found.step == "retrieve"


def test_an_approval_and_a_question_back_are_nobodys_fault() -> None:
    route = {
        "intent": "billing",
        "complexity": "simple",
        "stakes": "high",
        "tier": "cheap",
        "reasons": [],
        "questions": [],
    }
    approved = case(
        ROUTED, FOUND, WRITTEN, SENT, outcome="needs_human", route={**route, "approval": "a refund"}, answer="x"
    )
    assert blame(approved) is None
    asks = handoff("write", "verifier", sent={"ask": "Which plan?"})
    assert blame(case(ROUTED, FOUND, asks, handoff("verify", "person"), outcome="needs_human")) is None


def test_it_is_told_with_the_case() -> None:
    assert case_json(case(ROUTED, FOUND, WRITTEN, SENT))["first_failure"] is None
    told = case_json(case(ROUTED, FOUND, WRITTEN, SENT_BACK, WRITTEN, SENT))["first_failure"]
    assert told == {"step": "write", "agent": "writer", "why": "rejected"}
