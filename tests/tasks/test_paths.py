"""How a case went, as a row: read off the case, back-filled for older ones; SQLite and PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from tasks.case import Passage, Question, Route, Signs, Ticket
from tasks.experience import ExperienceStore, Word
from tasks.paths import Paths, keep, path_of
from tasks.task_list import TaskList
from tests.tasks.test_database import kept_at
from tests.tasks.test_facts import NOW, kept, new_case, passed


@pytest.fixture
def tasks(database_url: str) -> Iterator[TaskList]:
    task_list = TaskList(database_url)
    yield task_list
    task_list.dispose()


def routed(signs: Signs | None = None, **more: object) -> Route:
    usual = {"intent": "billing", "complexity": "hard", "stakes": "high", "tier": "cheap", "reasons": []}
    questions = [Question(text="How?"), Question(text="When?")]
    return Route.model_validate({**usual, "questions": questions, "signs": signs, **more})


def test_a_row_is_read_off_the_case_and_its_handoffs() -> None:
    case = new_case(kb="help", tenant="acme", outcome="accepted")
    case.route = routed(Signs(long=True, coded=False, grave="refund", found=0.7, passages_bytes=900))
    passed(case, "route")
    passed(case, "route", "cheap", 0.001)
    passed(case, "write", "cheap", 0.002, model="small", tokens_in=100, tokens_cached=40, tokens_out=20)
    passed(case, "verify", "mid", 0.003, status="failed")
    passed(case, "write", "frontier", 0.04)
    found = path_of(case)
    assert (found.tier, found.model, found.others, found.accepted) == ("cheap", "small", "mid,frontier", True)
    assert (found.intent, found.complexity, found.stakes, found.questions) == ("billing", "hard", "high", 2)
    assert (found.long, found.coded, found.grave, found.found, found.passages_bytes) == (1, 0, 1, 0.7, 900)
    assert (found.tokens_in, found.tokens_cached, found.tokens_out) == (100, 40, 20)
    assert (found.route_nano, found.draft_nano) == (1_000_000, 2_000_000)
    assert (found.alone_nano, found.cost_nano) == (3_000_000, 46_000_000)


def test_an_unknown_cost_stays_unknown() -> None:
    case = new_case(outcome="accepted")
    passed(case, "write", "cheap", None, cost_at_most_usd=0.01)
    found = path_of(case)
    assert (found.draft_nano, found.cost_nano, found.at_most_nano) == (None, None, 10_000_000)


def test_a_shadow_that_was_cut_short_is_no_trial_but_its_money_counts() -> None:
    case = new_case(outcome="needs_human", stopped_by="budget")
    passed(case, "write", "cheap", 0.002)
    assert (path_of(case).tier, path_of(case, "c-0").tier, path_of(case, "c-0").cost_nano) == ("cheap", "", 2_000_000)


def test_a_closed_case_has_one_row_and_one_at_work_none(tasks: TaskList) -> None:
    case = kept(tasks, new_case("c-1"), "failed")
    tasks.open_case(new_case("c-2"))
    case.outcome = "accepted"
    tasks.close(case)
    assert [(p.case_id, p.outcome) for p in Paths(tasks.database).read()] == [("c-1", "accepted")]


def test_what_is_read_is_of_the_days_and_the_base_that_are_asked_for(tasks: TaskList) -> None:
    for i in range(3):
        kept(tasks, new_case(f"c-{i}", kb="help" if i else "other", created_at=NOW - timedelta(days=i)))
    paths = Paths(tasks.database)
    assert [p.case_id for p in paths.read()] == ["c-2", "c-1", "c-0"]
    assert [p.case_id for p in paths.read(NOW - timedelta(days=1))] == ["c-1", "c-0"]
    assert [p.case_id for p in paths.read(kb="help")] == ["c-2", "c-1"]


def test_shadows_are_summed_apart_by_day_and_tenant(tasks: TaskList) -> None:
    for i, (tenant, usd) in enumerate([("acme", 0.25), ("", 0.5), ("acme", None)]):
        case = new_case(f"s-{i}", tenant=tenant, outcome="accepted", created_at=NOW - timedelta(days=i))
        passed(case, "write", "cheap", usd)
        with tasks.database.writing() as db:
            keep(db, case, f"c-{i}")
    paths, today = Paths(tasks.database), f"{NOW:%Y-%m-%d}"
    assert paths.shadows("2026-01-01", today) == (3, 750_000_000, 1)
    assert paths.shadows(today, today) == (1, 250_000_000, 0)
    assert paths.shadows("2026-01-01", today, "acme") == (2, 250_000_000, 1)


def test_a_shadow_of_the_dearest_tier_is_held_beside_the_estimate_of_its_case(tasks: TaskList) -> None:
    case = new_case("c-1")
    passed(case, "write", "cheap", 0.002)  # all-frontier: 0.25
    kept(tasks, case)
    again = new_case("s-1", outcome="accepted")
    passed(again, "write", "frontier", 0.3)
    with tasks.database.writing() as db:
        keep(db, again, "c-1")
    assert Paths(tasks.database).paired("frontier") == (1, 250_000_000, 300_000_000)
    assert Paths(tasks.database).paired("mid") == (0, 0, 0)


def test_the_last_word_on_a_case_is_read(tasks: TaskList) -> None:
    kept(tasks, new_case("c-1"))
    store = ExperienceStore(tasks)
    store.give("c-1", Word("accept", "", "", NOW.isoformat()))
    store.give("c-1", Word("reject", "", "", NOW.isoformat()))
    assert Paths(tasks.database).last_words() == {"c-1": "reject"}


def test_cases_from_before_there_were_rows_have_them_after_the_upgrade(database_url: str, tmp_path: Path) -> None:
    """What was found and the identifiers are not kept of them; what weighs most still is."""
    (tmp_path / "state").mkdir(exist_ok=True)
    kept_at(database_url, "0006")
    case = new_case("c-1", ticket=Ticket(text="Refund me. " * 70), outcome="accepted")
    case.route = routed(reasons=['high stakes: it touches law, security, deletion or a refund ("refund")'])
    page = {"n": 1, "doc_id": "d", "chunk_id": "c", "title": "Refunds", "locator": "", "text": "x" * 100, "score": 1}
    case.passages = [Passage.model_validate(page), Passage.model_validate({**page, "internal": True})]
    passed(case, "write", "cheap", 0.002)
    engine = sa.create_engine(database_url)
    with engine.begin() as db:
        body = case.model_dump(mode="json", exclude={"tasks", "handoffs", *type(case).model_computed_fields})
        row = {"id": "c-1", "at": NOW.isoformat(), "body": json.dumps(body)}
        db.execute(
            sa.text(
                "INSERT INTO cases (case_id, ticket_id, kb, created_at, outcome, body) "
                "VALUES (:id, '', 'sample', :at, 'accepted', :body)"
            ),
            row,
        )
        handoff = json.dumps(case.handoffs[0].model_dump(mode="json", by_alias=True))
        db.execute(sa.text("INSERT INTO handoffs VALUES ('c-1', 1, :body)"), {"body": handoff})
    engine.dispose()
    tasks = TaskList(database_url)
    (found,) = Paths(tasks.database).read()
    tasks.dispose()
    assert found == path_of(case)
    assert (found.long, found.grave, found.found, found.passages_bytes) == (1, 1, None, 307)
    assert datetime.fromisoformat(found.at) == NOW.astimezone(UTC)
