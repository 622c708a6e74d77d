"""What closed cases come to: the rows agree with the handoffs, and the figures with the rows; SQLite and PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.case import STEPS, TIERS, Case, Handoff, Outcome, Route, StepName, Ticket, Tier
from tasks.experience import ExperienceStore, Said, Word
from tasks.facts import KEYS, MONEY, SUMS, Facts, Filters, Group, case_facts, facts_of, total
from tasks.task_list import TaskList
from tests.tasks.test_database import kept_at

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ALL = Filters(date(2000, 1, 1), date(2100, 1, 1))
FORGIVING = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture
def tasks(database_url: str) -> Iterator[TaskList]:
    task_list = TaskList(database_url)
    yield task_list
    task_list.dispose()


def new_case(case_id: str = "c-1", **about: Any) -> Case:
    whole = {"ticket": Ticket(text="How?"), "kb": "sample", "created_at": NOW, **about}
    return Case.model_validate({"case_id": case_id, **whole})


def passed(case: Case, task: StepName, tier: Tier = "local", usd: float | None = 0.0, **about: Any) -> None:
    whole = {
        **{"seq": len(case.handoffs) + 1, "from": STEPS[task], "to": "next", "task": task, "attempt": 1},
        **{"status": "done", "reason": "because", "tier": tier, "model": "m", "tokens_in": 10, "tokens_out": 5},
        **{"cost_usd": usd, "cost_all_frontier_usd": 0.25, "started_at": NOW, "seconds": 0.5, **about},
    }
    case.handoffs.append(Handoff.model_validate(whole))


def kept(tasks: TaskList, case: Case, outcome: Outcome = "accepted") -> Case:
    """Has the task list open, record and close the case, as the crew does."""
    handoffs, case.handoffs = case.handoffs, []
    tasks.open_case(case)
    for handoff in handoffs:
        tasks.record(case, handoff)
    case.outcome = outcome
    tasks.close(case)
    return case


def test_a_case_is_read_off_its_handoffs() -> None:
    case = new_case(kb="help", tenant="acme", seconds=1.2345, outcome="needs_human")
    case.route = Route(intent="billing", complexity="hard", stakes="low", tier="cheap", reasons=[], questions=[])
    passed(case, "route")
    passed(case, "retrieve")
    passed(case, "write", "cheap", 0.002, model_calls=1)
    passed(case, "verify", status="failed")
    passed(case, "write", "frontier", 0.04, model_calls=1)
    passed(case, "verify", "mid", 0.001, model_calls=1)
    found = facts_of(case)
    assert (found.day, found.kb, found.tenant, found.intent) == ("2026-11-24", "help", "acme", "billing")
    assert (found.tier, found.outcome, found.milliseconds) == ("frontier", "needs_human", 1234)
    assert (found.cost_nano, found.all_frontier_nano) == (43_000_000, 1_500_000_000)
    assert (found.cheap_nano, found.mid_nano, found.frontier_nano) == (2_000_000, 1_000_000, 40_000_000)
    assert (found.write_tries, found.write_failed, found.verify_tries, found.verify_failed) == (2, 0, 2, 1)
    assert (found.revised, found.escalated, found.model_calls) == (1, 1, 3)


def test_an_unknown_cost_is_not_nothing_and_what_is_known_of_it_still_counts() -> None:
    case = new_case()
    passed(case, "write", "cheap", 0.002)
    passed(case, "write", "mid", None, cost_at_most_usd=0.01, cost_all_frontier_usd=None)
    found = facts_of(case)
    assert (found.cost_nano, found.all_frontier_nano) == (None, None)
    assert (found.cheap_nano, found.mid_nano, found.at_most_nano) == (2_000_000, 0, 12_000_000)
    passed(case, "write", "mid", None)
    assert facts_of(case).at_most_nano is None


def test_a_tier_whose_endpoint_failed_is_no_escalation() -> None:
    case = new_case()
    passed(case, "write", "cheap", 0.0, status="failed")
    passed(case, "write", "frontier", 0.01)
    assert (facts_of(case).revised, facts_of(case).escalated, facts_of(case).write_failed) == (0, 0, 1)


def test_a_day_is_that_of_utc() -> None:
    late = datetime(2026, 11, 24, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    assert facts_of(new_case(created_at=late)).day == "2026-11-25"


money = st.none() | st.integers(0, 10**12).map(lambda nano: nano / 10**9)
a_handoff = st.fixed_dictionaries(
    {
        "task": st.sampled_from(list(STEPS)),
        "tier": st.sampled_from(TIERS),
        "status": st.sampled_from(["done", "failed"]),
        "cost_usd": money,
        "cost_at_most_usd": money,
        "cost_all_frontier_usd": money,
        "tokens_in": st.integers(0, 10**7),
        "tokens_out": st.integers(0, 10**7),
        "model_calls": st.integers(0, 3),
    }
)
a_case = st.fixed_dictionaries(
    {
        "kb": st.sampled_from(["help", "runbooks"]),
        "tenant": st.sampled_from(["", "acme"]),
        "outcome": st.sampled_from(["accepted", "needs_human", "abstained", "failed"]),
        "created_at": st.integers(0, 3).map(lambda days: NOW - timedelta(days=days)),
        "handoffs": st.lists(a_handoff, max_size=8),
    }
)


def made(number: int, about: dict[str, Any]) -> Case:
    case = new_case(f"c-{number}", kb=about["kb"], tenant=about["tenant"], created_at=about["created_at"])
    for one in about["handoffs"]:
        task, tier, usd = one["task"], one["tier"], one["cost_usd"]
        passed(case, task, tier, usd, **{k: v for k, v in one.items() if k not in ("task", "tier", "cost_usd")})
    return case


def nano(usd: float) -> int:
    """Rounded up from the number as it is written; by other means than the code's."""
    return ceil(Fraction(repr(usd)) * 10**9)


@FORGIVING
@given(st.lists(a_case, max_size=6))
def test_sums_over_facts_are_sums_over_handoffs(tasks: TaskList, about: list[dict[str, Any]]) -> None:
    with tasks.database.writing() as db:
        for table in ("case_facts", "handoffs", "tasks", "cases"):
            db.execute(sa.text(f"DELETE FROM {table}"))
    cases = [kept(tasks, made(i, one), one["outcome"]) for i, one in enumerate(about)]
    handoffs = [h for case in cases for h in case.handoffs]
    found = total(Facts(tasks.database).grouped(("day", "outcome"), ALL))
    assert found.cases == len(cases)
    assert found.tokens_in == sum(h.tokens_in for h in handoffs)
    assert found.tokens_out == sum(h.tokens_out for h in handoffs)
    assert found.model_calls == sum(h.model_calls for h in handoffs)
    paid = [h for h in handoffs if h.tier != "local"]
    assert found.spent_nano == sum(nano(h.cost_usd) for h in paid if h.cost_usd is not None)
    assert found.cost_unknown == sum(case.cost_usd is None for case in cases)
    both = [c for c in cases if c.cost_usd is not None and c.cost_all_frontier_usd is not None]
    assert found.compared == len(both)
    assert found.compared_nano == sum(nano(h.cost_usd) for c in both for h in c.handoffs if h.cost_usd is not None)
    for step in STEPS:
        there = [[h for h in case.handoffs if h.task == step] for case in cases]
        assert found.step(step) == (sum(map(bool, there)), sum(any(h.status == "failed" for h in hs) for hs in there))


@FORGIVING
@given(st.lists(a_case, max_size=6), st.sampled_from([(), ("day",), ("kb", "tenant"), KEYS]))
def test_however_cases_are_grouped_the_sums_are_the_same(
    tasks: TaskList, about: list[dict[str, Any]], by: tuple[Any, ...]
) -> None:
    with tasks.database.writing() as db:
        for table in ("case_facts", "handoffs", "tasks", "cases"):
            db.execute(sa.text(f"DELETE FROM {table}"))
    for i, one in enumerate(about):
        kept(tasks, made(i, one), one["outcome"])
    facts = Facts(tasks.database)
    groups = facts.grouped(by, ALL)
    assert total(groups) == total(facts.grouped(("outcome",), ALL))
    assert all(type(getattr(group, name)) is int for group in groups for name in SUMS)  # no decimals
    assert [g[: len(KEYS)] for g in groups] == sorted({g[: len(KEYS)] for g in groups})


def test_filters_leave_out_what_they_do_not_name(tasks: TaskList) -> None:
    for i, (kb, tenant, days) in enumerate([("help", "acme", 0), ("help", "", 1), ("runbooks", "acme", 2)]):
        kept(tasks, new_case(f"c-{i}", kb=kb, tenant=tenant, created_at=NOW - timedelta(days=days)))
    facts, today = Facts(tasks.database), NOW.date()

    def count(filters: Filters) -> int:
        return total(facts.grouped((), filters)).cases

    assert count(ALL) == 3
    assert count(Filters(today, today)) == 1
    assert count(Filters(today - timedelta(days=1), today)) == 2
    assert count(ALL._replace(kb="help")) == 2
    assert count(ALL._replace(tenant="acme")) == 2
    assert count(ALL._replace(tenant="")) == 1
    assert count(ALL._replace(kb="help", tenant="acme")) == 1
    assert facts.whose() == (["help", "runbooks"], ["", "acme"])


def test_over_no_case_there_is_no_group(tasks: TaskList) -> None:
    facts = Facts(tasks.database)
    assert facts.grouped((), ALL) == facts.grouped(("day",), ALL) == []
    assert total([]) == Group()
    assert facts.whose() == ([], [])


def test_only_the_sums_that_are_asked_for_are_made(tasks: TaskList) -> None:
    case = new_case()
    passed(case, "write", "cheap", 0.002)
    kept(tasks, case)
    (found,) = Facts(tasks.database).grouped(("intent",), ALL, MONEY)
    assert (found.cases, found.cheap_nano, found.tokens_in) == (1, 2_000_000, 0)


def test_a_case_that_is_closed_again_counts_once_as_it_ended_last(tasks: TaskList) -> None:
    case = kept(tasks, new_case(), "failed")
    case.outcome = "accepted"
    tasks.close(case)
    assert [(g.outcome, g.cases) for g in Facts(tasks.database).grouped(("outcome",), ALL)] == [("accepted", 1)]


def test_a_case_at_work_does_not_count(tasks: TaskList) -> None:
    tasks.open_case(new_case())
    assert Facts(tasks.database).grouped((), ALL) == []


def test_the_last_word_on_a_case_counts(tasks: TaskList) -> None:
    for i in range(3):
        kept(tasks, new_case(f"c-{i}", kb="help" if i else "runbooks"))
    store, at = ExperienceStore(tasks), NOW.isoformat()
    said: list[tuple[str, Said]] = [("c-0", "accept"), ("c-1", "accept"), ("c-1", "reopen"), ("c-2", "edit")]
    for case_id, word in said:
        store.give(case_id, Word(word, "", "", at))
    facts = Facts(tasks.database)
    assert facts.words(ALL) == {"accept": 1, "reopen": 1, "edit": 1}
    assert facts.words(ALL._replace(kb="help")) == {"reopen": 1, "edit": 1}


def test_cases_from_before_there_were_facts_have_them_after_the_upgrade(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(exist_ok=True)
    kept_at(database_url, "0003")
    ended, at_work = new_case("c-1", outcome="accepted"), new_case("c-2")
    passed(ended, "route")
    passed(ended, "write", "cheap", 0.002)
    engine = sa.create_engine(database_url)
    with engine.begin() as db:
        for case in (ended, at_work, new_case("c-3", outcome="failed")):
            row = {"id": case.case_id, "outcome": case.outcome, "at": NOW.isoformat(), "batch": "b-1"}
            body = case.model_dump(mode="json", exclude={"tasks", "handoffs", *Case.model_computed_fields})
            if case.case_id == "c-3":
                body = {"case_id": "c-3", "what": "no case of any version"}
            db.execute(
                sa.text(
                    "INSERT INTO cases (case_id, ticket_id, kb, batch_id, created_at, outcome, body) "
                    "VALUES (:id, '', 'sample', :batch, :at, :outcome, :body)"
                ),
                {**row, "body": json.dumps(body)},
            )
        for handoff in ended.handoffs:
            kept_body = json.dumps(handoff.model_dump(mode="json", by_alias=True))
            db.execute(
                sa.text("INSERT INTO handoffs VALUES ('c-1', :seq, :body)"), {"seq": handoff.seq, "body": kept_body}
            )
    engine.dispose()
    tasks = TaskList(database_url)
    with tasks.database.reading() as db:
        rows = db.execute(sa.select(case_facts)).all()
    assert [row._mapping["case_id"] for row in rows] == ["c-1"]
    assert {**rows[0]._asdict()} == {**facts_of(ended)._asdict(), "batch_id": "b-1"}
    tasks.dispose()
