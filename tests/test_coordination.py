"""The fault lab: its faults change what they say, its judge sees it, and the naive chain breaks as arithmetic says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

pytest.importorskip("langgraph")

from benchmarks.lab import ours
from benchmarks.lab.faults import (
    DROPPED,
    DUPLICATE,
    INVENTED,
    MALFORMED,
    MISSING,
    NEGATION,
    PASSES,
    STALE,
    SWAPPED,
    TIMEOUT,
    WRONG_ROUTE,
    Faults,
    Step,
    TookTooLong,
    arrives,
    lie,
)
from benchmarks.lab.judge import Delivered, judge
from benchmarks.lab.rounds import Order, Stage, build
from benchmarks.lab.world import Asked, Fact, World
from opsdesk.reliability import wilson
from tests.running import run

WORLD = World(1)
FIGURE = next(fact for fact in WORLD.facts if fact.name == "audit")
DENIAL = next(fact for fact in WORLD.facts if fact.act)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with TemporaryDirectory() as home:
        build(Path(home), 1)
        yield Stage(Path(home), 1)


def asked(*facts: Fact) -> Asked:
    return Asked(1, " ".join(fact.questions[0] for fact in facts), "question", facts)


def faults(fact: Fact = FIGURE, rate: float = 0.0, only: Step | None = None) -> Faults:
    return Faults(WORLD, asked(fact), rate, only)


# --- what each fault changes ----------------------------------------------------------------------------


def test_an_invented_figure_is_nobodys_and_a_swapped_one_another_plans() -> None:
    others = {fact.value for fact in WORLD.others(FIGURE)}
    invented, swapped = (lie(fault, FIGURE.statement, faults()) for fault in (INVENTED, SWAPPED))
    assert FIGURE.value not in invented
    assert not any(f" {value} " in invented for value in others)
    assert FIGURE.value not in swapped
    assert any(f" {value} " in swapped for value in others)
    for told in (invented, swapped):
        assert judge(Delivered([told]), asked(FIGURE), WORLD)[0] == "wrong_and_sent"


def test_a_lost_negation_says_the_opposite() -> None:
    told = lie(NEGATION, DENIAL.statement, faults(DENIAL))
    assert told.lower() == DENIAL.statement.lower().replace("do not ", "")
    assert judge(Delivered([told]), asked(DENIAL), WORLD) == ("wrong_and_sent", f"the opposite: {told}")


@pytest.mark.parametrize("fact", [FIGURE, DENIAL], ids=["figure", "denial"])
def test_the_right_passage_is_missing_or_stale(stage: Stage, fact: Fact) -> None:
    def found(fault: str) -> str:
        stage.shelf.fault, stage.shelf.faults = fault, faults(fact)
        hits = stage.shelf.search(fact.questions[0], 20).hits
        hits += stage.shelf.siblings(hits[0])
        stage.shelf.fault = ""
        return "\n".join(hit.text for hit in hits)

    assert fact.statement in found("")
    assert fact.statement not in found(MISSING)
    assert fact.old not in found(MISSING)
    assert fact.statement not in found(STALE)
    assert fact.old in found(STALE)


def test_a_payload_is_empty_or_cut_or_comes_too_late() -> None:
    assert arrives("", "payload") == "payload"
    assert arrives(DROPPED, "payload", "empty") == "empty"
    with pytest.raises(json.JSONDecodeError):
        json.loads(arrives(MALFORMED, json.dumps({"answer": FIGURE.statement})))
    with pytest.raises(TookTooLong):
        arrives(TIMEOUT, "payload")


def test_a_wrong_route_is_another_tickets_or_has_a_wrong_name() -> None:
    kinds = set()
    for number in range(12):
        one = Faults(WORLD, WORLD.ticket(number), 0.0)
        before = ours._classified({"ticket": {"text": one.asked.text}})
        after = json.loads(ours.struck("route", before, {}, one, WRONG_ROUTE))
        same = after["questions"] == json.loads(before)["questions"]
        kinds.add(same)
        assert not same or after["intent"] != json.loads(before)["intent"]
    assert kinds == {True, False}


def test_a_verifier_that_passes_everything_and_one_that_says_nothing() -> None:
    refused = json.dumps(
        {"supported": False, "score": 0.1, "claims": [{"text": "a", "supported": False, "citations": [1]}]}
    )
    passed = json.loads(ours.struck("verify", refused, {}, faults(), PASSES))
    assert passed["supported"]
    assert passed["claims"][0]["supported"]
    assert json.loads(ours.struck("verify", refused, {}, faults(), DROPPED))["claims"] == []


@pytest.mark.parametrize(("system", "sent"), [("naive", 2), ("langgraph", 2), ("ours", 1)])
@pytest.mark.parametrize("step", ["receive", "deliver"])
def test_a_duplicate_delivery_is_two_answers_but_for_whoever_has_a_key(
    stage: Stage, system: str, sent: int, step: Step
) -> None:
    drawn = iter([DUPLICATE])

    class Once(Faults):
        def draw(self, at: Step, possible: object = None) -> str:
            return next(drawn, "") if at == step else ""

    ticket = WORLD.ticket(3)
    assert len(stage.systems[system].work(ticket, Once(WORLD, ticket, 0.0)).messages) == sent


# --- the whole ------------------------------------------------------------------------------------------


def test_the_naive_chain_is_as_often_right_as_six_steps_are(stage: Stage) -> None:
    results = stage.work(Order("naive", 0.10, tuple(range(300))))
    _, _, _, low, high = wilson(sum(result.fate == "right" for result in results), 300)
    assert low is not None
    assert high is not None
    assert low < 0.9**6 < high
    assert all(result.struck for result in results if result.fate != "right")


def test_a_seed_repeats_exactly_and_all_systems_meet_the_same_faults(stage: Stage) -> None:
    order = Order("ours", 0.3, tuple(range(6)))
    first, again = ([(r.fate, r.path, r.struck) for r in stage.work(order)] for _ in range(2))
    assert first == again
    naive = [next(iter(r.struck), None) for r in stage.work(Order("naive", 0.3, tuple(range(6))))]
    assert [next(iter(struck), None) for _, _, struck in first if struck and struck[0].step == "receive"] == [
        strike for strike in naive if strike and strike.step == "receive"
    ]


def test_the_judge_wants_every_fact_once_and_an_open_question_named() -> None:
    both = asked(FIGURE, DENIAL)
    whole = f"{FIGURE.statement} [1] {DENIAL.statement} [2]"
    assert judge(Delivered([whole]), both, WORLD)[0] == "right"
    assert judge(Delivered([whole, whole]), both, WORLD) == ("wrong_and_sent", "sent twice")
    assert judge(Delivered([""]), both, WORLD) == ("wrong_and_sent", "empty")
    assert judge(Delivered([FIGURE.statement]), both, WORLD)[0] == "wrong_and_sent"
    open_ = f"{FIGURE.statement} I could not find this in our documents: {DENIAL.questions[0]}"
    assert judge(Delivered([open_]), both, WORLD)[0] == "handed_over"
    assert judge(Delivered([FIGURE.old]), asked(FIGURE), WORLD)[0] == "wrong_and_sent"
    assert judge(Delivered(handed=True), both, WORLD)[0] == "handed_over"


def test_the_command_prints_what_is_promised() -> None:
    report = run("coordination", "--tickets", "3", "--processes", "1")
    for rate in ("1%", "3%", "5%", "10%"):
        assert set(report[rate]) == {"naive", "crew", "langgraph", "ours"}
        for row in report[rate].values():
            assert row["right"] + row["handed_over"] + row["wrong_and_sent"] == pytest.approx(1)
            assert row["right_or_handed_over"] == pytest.approx(row["right"] + row["handed_over"])
            assert row["cost_usd"] > 0
    assert all(row["right"] == 1 for row in report["0%"].values())
