"""Where cases leak: what each layer's row says, that counts add up however they are grouped; SQLite and PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.case import EVALUATION, Case, Citation, Claim, Passage, Route, Ticket, Tier, ToolCall, ToolUse
from tasks.experience import ExperienceStore, Said, Word
from tasks.meter import Meter, Passing, Repeated, Seams
from tasks.seams import LAYERS, CaseSeams, alike, case_seams, heard, seams_of
from tasks.task_list import TaskList
from tests.tasks.test_database import kept_at
from tests.tasks.test_facts import ALL, FORGIVING, NOW, a_case, kept, made, new_case, passed


@pytest.fixture
def tasks(database_url: str) -> Iterator[TaskList]:
    task_list = TaskList(database_url)
    yield task_list
    task_list.dispose()


def routed(case_id: str = "c-1", tier: Tier = "cheap", **about: Any) -> Case:
    """A case that was routed to `tier`, and for which a page was found."""
    route = Route(intent="billing", complexity="simple", stakes="low", tier=tier, reasons=[], questions=[])
    case = new_case(case_id, route=route, passages=[page(1, "help/plans")], **about)
    passed(case, "route", payload={"sent": {"tier": tier}})
    passed(case, "retrieve", to="writer")
    return case


def page(n: int, doc_id: str, text: str = "Pro costs $49.") -> Passage:
    return Passage(n=n, doc_id=doc_id, chunk_id=f"{doc_id}#1", title="Plans", locator="", text=text, score=1.0)


def proven(case: Case) -> Case:
    """Has it accepted, with an answer that cites what was found."""
    passed(case, "verify", to="asker", payload={"sent": {"supported": True}})
    case.outcome, case.answer = "accepted", "Pro costs $49. [1]"
    case.citations = [Citation(n=1, doc_id="help/plans", title="Plans", locator="", quote="Pro costs $49.")]
    return case


def refused(case: Case) -> None:
    passed(case, "verify", status="failed", to="writer", payload={"sent": {"supported": False}})


def layers(row: CaseSeams) -> dict[str, int]:
    """What is told of it."""
    return {layer: value for layer in LAYERS if (value := getattr(row, layer)) is not None}


HELD = {"routing": 1, "retrieval": 1, "writing": 1, "proof": 1, "surface": 1}


def test_a_case_that_went_well_at_once_leaked_nowhere() -> None:
    case = routed(tenant="acme")
    passed(case, "write", "cheap")
    found = seams_of(proven(case))
    assert layers(found) == HELD
    assert (found.end_to_end, found.leaks, found.answered, found.cited, found.passed) == (1, 0, 1, 1, 1)
    assert (found.day, found.kb, found.tenant, found.intent, found.tier) == (
        "2026-11-24", "sample", "acme", "billing", "cheap",
    )  # fmt: skip


def test_a_draft_that_was_mended_leaked_at_the_writing_and_ended_well() -> None:
    case = routed()
    passed(case, "write", "cheap")
    refused(case)
    passed(case, "write", "cheap")
    found = seams_of(proven(case))
    assert layers(found) == {**HELD, "writing": 0}
    assert (found.end_to_end, found.leaks) == (1, 1)


def test_a_draft_that_went_up_a_tier_leaked_at_the_routing_too() -> None:
    case = routed()
    passed(case, "write", "cheap")
    refused(case)
    passed(case, "write", "frontier")
    found = seams_of(proven(case))
    assert layers(found) == {**HELD, "routing": 0, "writing": 0}
    assert found.tier == "cheap"  # who was asked first


def test_a_tier_whose_endpoint_failed_is_the_writings_leak_and_not_the_routings() -> None:
    case = routed()
    passed(case, "write", "cheap", status="failed", to="writer")
    passed(case, "write", "frontier")
    assert layers(seams_of(proven(case))) == {**HELD, "writing": 0}


def test_a_tier_that_was_changed_by_what_was_found_leaked_at_the_routing() -> None:
    case = routed()
    assert case.route is not None
    case.route.tier = "mid"
    passed(case, "write", "mid")
    assert layers(seams_of(proven(case))) == {**HELD, "routing": 0}


def test_what_was_struck_and_what_a_judge_was_asked() -> None:
    case = routed()
    passed(case, "write", "cheap")
    passed(case, "verify", to="verifier", payload={"sent": {"supported": False}})  # asks a judge
    assert seams_of(proven(case)).writing == 1
    case.handoffs[-1].payload = {"sent": {"supported": False, "struck": [{"text": "x"}]}}
    assert seams_of(case).writing == 0


def test_a_proof_that_came_to_no_verdict_leaked_and_says_nothing_of_the_draft() -> None:
    case = routed(outcome="failed")
    passed(case, "write", "cheap")
    passed(case, "verify", status="failed", to="person", payload={"sent": {}})
    found = seams_of(case)
    assert layers(found) == {"routing": 1, "retrieval": 1, "proof": 0, "surface": 0}
    assert found.passed is None


def test_an_abstention_is_the_retrievals_and_still_reached_the_asker() -> None:
    case = new_case(outcome="abstained")
    passed(case, "route")
    passed(case, "retrieve", to="asker")
    assert layers(seams_of(case)) == {"routing": 1, "retrieval": 0, "surface": 1}


@pytest.mark.parametrize("stopped_by", ["deadline", "interrupt"])
def test_what_ran_too_long_or_was_interrupted_leaked_at_the_surface(stopped_by: str) -> None:
    assert seams_of(new_case(outcome="needs_human", stopped_by=stopped_by)).surface == 0
    assert seams_of(new_case(outcome="needs_human", stopped_by="budget")).surface == 1


def test_tools_are_told_of_only_where_one_was_asked() -> None:
    case = routed()
    assert seams_of(case).tools is None
    (search,) = [handoff for handoff in case.handoffs if handoff.task == "retrieve"]
    use = ToolUse(call=ToolCall(server="crm", tool="plan"), seconds=0.1)
    search.payload["sent"] = [{"chunk_id": "a", "score": 1.0}, use.model_dump(mode="json")]
    assert seams_of(case).tools == 1
    failed = use.model_copy(update={"error": "crm cannot be reached"})
    search.payload["sent"] = [use.model_dump(mode="json"), failed.model_dump(mode="json")]
    assert seams_of(case).tools == 0


def test_a_case_of_a_regression_suite_speaks_for_the_suite() -> None:
    assert seams_of(routed(tenant=EVALUATION)).source == "suite"


def test_bookings_of_an_earlier_try_are_no_steps() -> None:
    case = routed()
    passed(case, "write", "cheap")
    proven(case)
    passed(case, "write", "frontier", to="nobody")
    assert layers(seams_of(case)) == HELD


ANSWER = seams_of(proven(routed()))._replace(writing=None)
ABSTAINED = seams_of(new_case(outcome="abstained"))


@pytest.mark.parametrize(
    ("row", "word", "expected"),
    [
        (ANSWER, "accept", {"retrieval": 1, "writing": 1, "proof": 1}),
        (ANSWER, "edit", {"retrieval": 1, "writing": 0}),
        (ANSWER, "reject", {"writing": 0, "proof": 0}),
        (ANSWER, "reopen", {"proof": 0}),
        (ANSWER._replace(cited=0), "accept", {"retrieval": 0, "writing": 1, "proof": 1}),
        (ANSWER._replace(passed=0), "accept", {"retrieval": 1, "writing": 1, "proof": 1}),
        (ANSWER._replace(passed=0, unproven=1), "accept", {"retrieval": 1, "writing": 1, "proof": 0}),
        (ANSWER._replace(passed=0, unproven=1), "edit", {"retrieval": 1, "writing": 0, "proof": 1}),
        (ABSTAINED, "accept", {"retrieval": 1}),
        (ABSTAINED, "reject", {"retrieval": 0}),
    ],
)
def test_what_a_persons_word_says_of_each_layer(row: CaseSeams, word: str, expected: dict[str, int]) -> None:
    found = heard(row, word)
    assert layers(found) == expected
    assert (found.source, found.word, found.end_to_end) == ("people", word, int(word == "accept"))
    assert found.leaks == list(expected.values()).count(0)


def test_an_unproven_sentence_that_still_stands_is_seen() -> None:
    case = proven(routed())
    case.claims = [Claim(text="Pro is free.", supported=False, citations=[1])]
    assert seams_of(case).unproven == 1


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("How much is Pro?", "Hello,  how much is   PRO? Thanks!", True),
        ("How much is Pro?", "How much is Team?", False),
        ("Refund 12 seats", "Refund 13 seats", False),
        ("Thanks!", "Thanks!", True),
        ("Can I not pay?", "Can I pay?", False),
    ],
)
def test_which_tickets_ask_the_same(one: str, other: str, same: bool) -> None:
    assert (alike(Ticket(text=one)) == alike(Ticket(text=other))) is same
    asked_before = Ticket(text=one, earlier=("What is Team?",))
    assert alike(asked_before) != alike(Ticket(text=one))


# --- over many cases ---------------------------------------------------------------------------------------


def whole(tasks: TaskList) -> dict[str, Seams]:
    return {group.source: group for group in Meter(tasks.database).grouped(None, ALL)}


@settings(FORGIVING, max_examples=12)
@given(st.lists(st.tuples(a_case, st.sampled_from(["", "accept", "edit", "reject", "reopen"])), max_size=6))
def test_counts_add_up_however_cases_are_grouped(tasks: TaskList, about: list[tuple[dict[str, Any], Said]]) -> None:
    with tasks.database.writing() as db:
        for table in ("feedback", "case_seams", "case_facts", "handoffs", "tasks", "cases"):
            db.execute(sa.text(f"DELETE FROM {table}"))
    store, said = ExperienceStore(tasks), 0
    for i, (one, word) in enumerate(about):
        kept(tasks, made(i, one), one["outcome"])
        if word:
            store.give(f"c-{i}", Word(word, "", "", NOW.isoformat()))
            said += 1
    found = whole(tasks)
    assert {source: group.cases for source, group in found.items()} == {
        source: count for source, count in (("verifier", len(about)), ("people", said)) if count
    }
    for source, group in found.items():
        assert group.clean + group.mended == group.end_to_end + group.held
        assert group.clean <= group.cases
        assert all(0 <= layer.hits <= layer.of <= group.cases for layer in group.layers)
        leaking = sum(layer.of - layer.hits for layer in group.layers)
        assert (leaking == 0) == (group.clean == group.cases)
        assert group.cases - group.clean <= leaking  # a case leaks at one layer at least, or at none
        for by in ("intent", "tier", "kb", "day"):
            parts = [one for one in Meter(tasks.database).grouped(by, ALL) if one.source == source]
            assert sum(one.cases for one in parts) == group.cases
            assert [sum(p) for p in zip(*(one[2:7] for one in parts), strict=True)] == list(group[2:7])
            for place, layer in enumerate(group.layers):
                assert Passing(*map(sum, zip(*(one.layers[place] for one in parts), strict=True))) == layer
        runs = Meter(tasks.database).repeats(ALL)[source]
        assert sum(one.runs * one.questions for one in runs) == group.cases
        assert sum(one.hits * one.questions for one in runs) == group.end_to_end


def test_the_last_word_counts_and_one_that_is_taken_back_does_not(tasks: TaskList) -> None:
    case = routed()
    passed(case, "write", "cheap")
    kept(tasks, proven(case))
    store = ExperienceStore(tasks)
    for word, hits in (("reject", 0), ("accept", 1)):
        store.give("c-1", Word(word, "", "", NOW.isoformat()))  # type: ignore[arg-type]
        assert whole(tasks)["people"].layer("writing") == Passing(1, hits)
    tasks.close(case)  # once more: the word stays
    assert whole(tasks)["people"].cases == whole(tasks)["verifier"].cases == 1


def test_repeats_are_of_the_same_question_to_the_same_knowledge_base(tasks: TaskList) -> None:
    for n, (text, kb, outcome) in enumerate(
        [("How?", "a", "accepted"), ("how", "a", "failed"), ("How?", "b", "accepted"), ("Why?", "a", "accepted")]
    ):
        kept(tasks, new_case(f"c-{n}", ticket=Ticket(text=text), kb=kb), outcome)  # type: ignore[arg-type]
    assert Meter(tasks.database).repeats(ALL) == {"verifier": [Repeated(1, 1, 2), Repeated(2, 1, 1)]}


def test_examples_are_the_newest_that_can_still_be_opened(tasks: TaskList) -> None:
    for n in range(5):
        kept(tasks, new_case(f"c-{n}", created_at=NOW - timedelta(days=n)), "failed")
    with tasks.database.writing() as db:
        for table in ("tasks", "cases"):
            db.execute(sa.text(f"DELETE FROM {table} WHERE case_id = 'c-0'"))
    meter = Meter(tasks.database)
    assert meter.examples("verifier", "surface", ALL) == ["c-1", "c-2", "c-3"]
    assert meter.examples("verifier", "surface", ALL._replace(until=(NOW - timedelta(days=3)).date())) == ["c-3", "c-4"]
    assert meter.examples("people", "surface", ALL) == []


def test_cases_and_words_from_before_have_their_rows_after_the_upgrade(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(exist_ok=True)
    kept_at(database_url, "0006")
    case = routed()
    passed(case, "write", "cheap")
    proven(case)
    engine = sa.create_engine(database_url)
    with engine.begin() as db:
        body = case.model_dump(mode="json", exclude={"tasks", "handoffs", *Case.model_computed_fields})
        for case_id, what, outcome in (
            ("c-1", body, "accepted"),
            ("c-2", {"no": "case"}, "failed"),
            ("c-3", body, None),
        ):
            row = {"id": case_id, "body": json.dumps(what), "outcome": outcome, "at": NOW.isoformat()}
            db.execute(
                sa.text(
                    "INSERT INTO cases (case_id, ticket_id, kb, tenant, batch_id, created_at, outcome, body) "
                    "VALUES (:id, '', 'sample', '', '', :at, :outcome, :body)"
                ),
                row,
            )
        for handoff in case.handoffs:
            passed_on = json.dumps(handoff.model_dump(mode="json", by_alias=True))
            db.execute(
                sa.text("INSERT INTO handoffs VALUES ('c-1', :seq, :body)"), {"seq": handoff.seq, "body": passed_on}
            )
        said = (
            "INSERT INTO feedback (id, case_id, verdict, reason, by, at) VALUES (:id, 'c-1', :word, 'why', 'Ada', '')"
        )
        for number, word in enumerate(("reject", "edit"), start=1):
            db.execute(sa.text(said), {"id": number, "word": word})
    engine.dispose()
    tasks = TaskList(database_url)
    with tasks.database.reading() as db:
        rows = {row.source: CaseSeams(**row._asdict()) for row in db.execute(sa.select(case_seams))}
        assert db.execute(sa.text("SELECT count(*) FROM feedback")).scalar() == 2
    assert rows == {"verifier": seams_of(case), "people": heard(seams_of(case), "edit")}
    tasks.dispose()
