"""What people said of drafts, and the versions of the router's table; on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from errors import UsageError
from tasks import experience
from tasks.case import Case, Outcome, Ticket
from tasks.experience import ExperienceStore, Version, Word
from tasks.task_list import TaskList

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
AT = NOW.isoformat()


@pytest.fixture
def tasks(database_url: str) -> Iterator[TaskList]:
    task_list = TaskList(database_url)
    yield task_list
    task_list.dispose()


def kept(tasks: TaskList, case_id: str, at: datetime = NOW, outcome: Outcome | None = "accepted") -> None:
    case = Case(case_id=case_id, ticket=Ticket(text="?"), kb="kb", created_at=at)
    tasks.open_case(case)
    if outcome:
        case.outcome = outcome
        tasks.close(case)


def test_words_on_a_case_are_kept_in_order(tasks: TaskList) -> None:
    kept(tasks, "c-1")
    store, words = ExperienceStore(tasks), [Word("accept", "", "Ada", AT), Word("reopen", "came back: ☃", "", AT)]
    for word in words:
        store.give("c-1", word)
    assert store.given("c-1") == words
    assert store.given("c-2") == []


def test_a_case_that_is_not_there_or_not_done_takes_no_word(tasks: TaskList) -> None:
    kept(tasks, "c-1", outcome=None)
    store = ExperienceStore(tasks)
    with pytest.raises(UsageError, match="still being worked"):
        store.give("c-1", Word("accept", "", "", AT))
    with pytest.raises(UsageError, match='no case "c-2"'):
        store.give("c-2", Word("accept", "", "", AT))
    assert store.given("c-1") == []


def test_every_case_that_has_ended_comes_by_once_the_oldest_first(
    tasks: TaskList, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experience, "PAGE", 2)
    for i in (3, 1, 2, 0):
        kept(tasks, f"c-{i}", NOW + timedelta(hours=i // 2))  # two at a time, across the edge of a page
    kept(tasks, "c-old", NOW - timedelta(days=1))
    kept(tasks, "c-open", outcome=None)
    store = ExperienceStore(tasks)
    store.give("c-2", Word("edit", "", "", AT))
    found = list(store.closed(NOW))
    assert [case.case_id for case, _ in found] == ["c-0", "c-1", "c-2", "c-3"]
    assert [[word.verdict for word in words] for _, words in found] == [[], [], ["edit"], []]
    assert next(store.closed(NOW - timedelta(days=2)))[0].case_id == "c-old"


def test_before_anything_was_learned_nothing_is_in_force(tasks: TaskList) -> None:
    store = ExperienceStore(tasks)
    assert (store.in_force(), store.history()) == (None, [])
    with pytest.raises(UsageError, match="opsdesk router learn"):
        store.roll_back()


def test_a_roll_back_restores_exactly_what_was_replaced_and_deletes_nothing(tasks: TaskList) -> None:
    store = ExperienceStore(tasks)
    bodies = [{"cells": {"api|cheap|m": {"good": i / 3, "bad": 0.1}}} for i in range(3)]
    assert [store.put(body, f"note {i}", AT) for i, body in enumerate(bodies)] == [1, 2, 3]
    assert store.in_force() == (3, bodies[2])
    assert store.roll_back() == 2
    assert store.in_force() == (2, bodies[1])
    assert store.put({"cells": {}}, "again", AT) == 4
    assert store.roll_back() == 2  # not 3, which was taken back before
    assert store.in_force() == (2, bodies[1])
    assert [store.roll_back(), store.roll_back()] == [1, 0]
    assert store.in_force() is None
    assert [version.version for version in store.history()] == [4, 3, 2, 1]
    assert store.history()[0] == Version(4, AT, False, 2, "again")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(["put", "back"]), max_size=12))
def test_any_run_of_learning_and_rolling_back_is_a_stack(tasks: TaskList, steps: list[str]) -> None:
    store, stack = ExperienceStore(tasks), []
    with tasks.database.writing() as db:
        db.execute(experience.router_tables.delete())
    for i, step in enumerate(steps):
        if step == "put":
            body = {"cells": {}, "step": i}
            stack.append((store.put(body, "", AT), body))
        elif stack:
            stack.pop()
            store.roll_back()
        else:
            with pytest.raises(UsageError):
                store.roll_back()
        assert store.in_force() == (stack[-1] if stack else None)
        assert sum(version.in_force for version in store.history()) == bool(stack)
    assert len(store.history()) == steps.count("put")
