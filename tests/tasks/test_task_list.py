"""The shared task list, on real SQLite files and a real PostgreSQL server."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest

from errors import UsageError
from tasks.case import STEPS, Case, Handoff, StepName, Ticket
from tasks.processes import host_name
from tasks.task_list import TaskList

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def new_case(case_id: str = "c-1") -> Case:
    return Case(case_id=case_id, ticket=Ticket(text="How?", ticket_id="T-1"), kb="sample", created_at=NOW)


def handoff(case: Case, task: StepName, cost: float | None = 0.0, status: str = "done") -> Handoff:
    return Handoff.model_validate(
        {
            "seq": len(case.handoffs) + 1,
            "from": STEPS[task],
            "to": "next",
            "task": task,
            "attempt": 1,
            "status": status,
            "reason": "because",
            "tier": "local",
            "model": "m",
            "tokens_in": 10,
            "tokens_out": 5,
            "cost_usd": cost,
            "cost_all_frontier_usd": 0.25,
            "started_at": NOW,
            "seconds": 0.5,
            "payload": {"received": {"a": 1}, "sent": "é"},
        }
    )


def test_a_case_is_read_back_as_it_was_kept(database_url: str) -> None:
    tasks, case = TaskList(database_url), new_case()
    tasks.open_case(case)
    for step in STEPS:
        tasks.start(case, step)
        tasks.record(case, handoff(case, step))
    case.outcome, case.answer = "accepted", "Yes. [1]"
    tasks.close(case)
    assert TaskList(database_url).case("c-1") == case


def test_a_case_cut_short_is_kept_up_to_its_last_step(database_url: str) -> None:
    tasks, case = TaskList(database_url), new_case()
    tasks.open_case(case)
    tasks.start(case, "route")
    tasks.record(case, handoff(case, "route"))
    tasks.start(case, "retrieve")
    kept = TaskList(database_url).case("c-1")
    assert [task.status for task in kept.tasks] == ["done", "doing", "todo", "todo"]
    assert kept.tasks[1].owner.startswith(f"{host_name()}:{os.getpid()}:")
    assert [h.seq for h in kept.handoffs] == [1]


def test_steps_that_were_never_begun_are_skipped_when_the_case_closes(database_url: str) -> None:
    tasks, case = TaskList(database_url), new_case()
    tasks.open_case(case)
    tasks.start(case, "route")
    tasks.record(case, handoff(case, "route"))
    tasks.start(case, "retrieve")
    tasks.close(case)
    assert [task.status for task in TaskList(database_url).case("c-1").tasks] == [
        "done",
        "failed",
        "skipped",
        "skipped",
    ]


def test_the_cost_is_the_sum_of_the_handoffs_and_unknown_when_one_is() -> None:
    case = new_case()
    case.handoffs = [handoff(case, "route", 0.1), handoff(case, "write", 0.2)]
    assert case.cost_usd == pytest.approx(0.3)
    assert case.cost_is_known
    case.handoffs.append(handoff(case, "verify", None))
    assert case.cost_usd is None
    assert not case.cost_is_known
    assert case.cost_all_frontier_usd == 0.75
    assert (case.tokens_in, case.tokens_out) == (30, 15)


def test_a_case_that_does_not_exist_is_wrong_usage(database_url: str) -> None:
    with pytest.raises(UsageError, match='no case "c-none"'):
        TaskList(database_url).case("c-none")
