"""What arrives of an agent's answer is the answer to what it was given, or its step is done once more."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from agents import retriever, router, verifier
from agents.models import LocalModel, Skill
from agents.retriever import Wanted
from agents.router import Decision, route_locally
from agents.verifier import Submission, check
from agents.whole import flaw
from tasks.case import Claim, Draft, Found, Question, Quote, Sentence, Ticket, Verdict
from tests.agents.bench import PRICE, Bench, draft, passage, path_of
from tests.agents.scripted import Scripted

TICKET = Ticket(text="How much is the Pro plan?")
DRAFT = Draft(sentences=[Sentence(text=PRICE, quotes=[Quote(n=1, text=PRICE)])])
GIVEN = Submission(
    draft=DRAFT, passages=[passage(1, PRICE)], questions=[Question(text=TICKET.text)], ticket=TICKET.text
)
RIGHT = Verdict(supported=True, score=1, claims=[Claim(text=PRICE, supported=True, citations=[1])])


@given(st.text(min_size=1, max_size=200))
def test_what_the_built_in_router_says_is_always_whole(text: str) -> None:
    assert flaw(route_locally(Ticket(text=text)), Ticket(text=text)) == ""


def test_another_tickets_route_is_not_whole() -> None:
    other = route_locally(Ticket(text="Can we restart the relay during a sync?"))
    assert "does not ask" in flaw(other, TICKET)
    assert flaw(other.model_copy(update={"questions": []}), TICKET) == "it names no question"


def test_nothing_found_is_said_and_an_empty_payload_is_not() -> None:
    wanted = Wanted(questions=[Question(text="How much?")], ticket=Ticket(text=""))
    assert flaw(Found(passages=[], reasons=["nothing seems to answer"]), wanted) == ""
    assert flaw(Found(passages=[], reasons=[]), wanted)


def test_a_draft_says_something_or_leaves_a_question_open() -> None:
    assert flaw(Draft(sentences=[]), TICKET)
    assert (
        flaw(Draft(sentences=[], unanswered=[0]), TICKET) == flaw(Draft(sentences=[], ask="Which plan?"), TICKET) == ""
    )


@pytest.mark.parametrize(
    "verdict",
    [
        Verdict(supported=False, score=0, claims=[]),
        Verdict(supported=True, score=1, claims=[Claim(text="Another.", supported=True, citations=[1])]),
        RIGHT.model_copy(update={"supported": False}),
    ],
    ids=["empty", "of another draft", "against its claims"],
)
def test_a_verdict_is_of_this_draft_and_of_its_claims(verdict: Verdict) -> None:
    assert flaw(verdict, GIVEN)
    assert flaw(RIGHT, GIVEN) == flaw(check(GIVEN), GIVEN) == ""


def bench_with(tmp_path: Path, role: str, answers: list[BaseModel | Exception]) -> Bench:
    """A crew whose built-in model answers as told in one role, and then as ever."""
    bench = Bench(tmp_path, [passage(1, PRICE)], policy="best", frontier=Scripted(draft(PRICE, [1], PRICE)))
    makers = bench.crew._tiers.makers
    made = makers["local"]()
    assert isinstance(made, LocalModel)
    usual, told = made._skills[role], iter(answers)

    def do(received: BaseModel) -> BaseModel:
        answer = next(told, None)
        if isinstance(answer, Exception):
            raise answer
        return answer or usual.do(received)

    makers["local"] = lambda: LocalModel({**made._skills, role: Skill(usual.receives, do)})
    return bench


@pytest.mark.parametrize(
    ("role", "answer"),
    [
        (router.ROLE, Decision(intent="other", complexity="simple", stakes="low", reasons=[], questions=[])),
        (retriever.ROLE, Found(passages=[], reasons=[])),
        (retriever.ROLE, TimeoutError("the embedder is slow")),
        (verifier.ROLE, Verdict(supported=False, score=0, claims=[])),
    ],
)
def test_a_step_whose_answer_is_lost_is_done_once_more(
    tmp_path: Path, role: str, answer: BaseModel | Exception
) -> None:
    case = bench_with(tmp_path, role, [answer]).ask(TICKET.text)
    assert case.outcome == "accepted"
    again = [step for step in path_of(case) if step[2] == "failed"]
    assert again == [(role, role, "failed")]
    assert case.cost_usd is not None  # what failed was free


def test_a_step_that_fails_again_ends_the_case(tmp_path: Path) -> None:
    case = bench_with(tmp_path, retriever.ROLE, [TimeoutError(), TimeoutError()]).ask(TICKET.text)
    assert (case.outcome, case.task("retrieve").attempts) == ("failed", 2)


def test_an_answer_that_stands_on_a_page_out_of_force_alone_is_not_sent(tmp_path: Path) -> None:
    old = passage(1, PRICE, deprecated=True, title="Pro plan (2024)")
    written = draft(PRICE, [1], PRICE)
    case = Bench(tmp_path, [old], policy="best", frontier=Scripted(written, written)).ask(TICKET.text)
    assert case.outcome == "needs_human"
    assert "no longer in force" in case.outcome_reason


def test_whoever_asks_for_the_old_page_gets_it(tmp_path: Path) -> None:
    old = passage(1, PRICE, deprecated=True, title="Pro plan (2024)")
    bench = Bench(tmp_path, [old], policy="best", frontier=Scripted(draft(PRICE, [1], PRICE)))
    assert bench.ask("How much was the Pro plan in 2024?").outcome == "accepted"
