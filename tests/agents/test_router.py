"""The router's local skill: what is asked, how hard it is, what is at stake."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.router import questions_in, route_locally
from tasks.case import Question, Ticket


def test_a_price_question_in_two_parts_is_hard_and_high_in_stakes() -> None:
    decision = route_locally(Ticket(text="Does your Pro plan include API access, and how much is it?"))
    assert (decision.complexity, decision.stakes, decision.approval) == ("hard", "high", "")
    assert [q.text for q in decision.questions] == ["Does your Pro plan include API access", "how much is it?"]
    assert "Pro plan" in decision.questions[1].context


def test_a_password_reset_is_simple_and_low_in_stakes() -> None:
    decision = route_locally(Ticket(text="How do I reset my password?"))
    assert (decision.complexity, decision.stakes, decision.approval) == ("simple", "low", "")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Please delete our whole workspace today.", "an act"),
        ("I demand my money back.", "an act"),
        ("We want everything refunded, or our lawyers will write to you.", "legal action"),
        ("Could you cancel our subscription and reimburse us?", "an act"),
    ],
)
def test_a_demand_that_only_a_person_may_grant_needs_approval(text: str, why: str) -> None:
    decision = route_locally(Ticket(text=text))
    assert decision.stakes == "high"
    assert why in decision.approval


@pytest.mark.parametrize(
    "text",
    [
        "How do I delete my account?",
        "What is your refund policy?",
        "Can I cancel?",
        "Can you delete a group in use?",
        "When is data deleted?",
    ],
)
def test_asking_how_something_works_needs_no_approval(text: str) -> None:
    assert route_locally(Ticket(text=text)).approval == ""


def test_a_greeting_and_thanks_are_not_questions() -> None:
    ticket = Ticket(text="Hi there,\n\nhow long do you keep backups?\n\nThanks a lot,\nSam")
    assert [q.text for q in questions_in(ticket)] == ["how long do you keep backups?"]


def test_a_ticket_without_a_question_mark_is_one_question() -> None:
    ticket = Ticket(subject="Export", text="My export is empty since this morning.")
    assert questions_in(ticket) == [Question(text="Export My export is empty since this morning.", stated=True)]


def test_a_question_that_points_back_brings_what_stands_before_it() -> None:
    ticket = Ticket(text="We removed eight seats on Friday. Does it come off the next bill?")
    (question,) = questions_in(ticket)
    assert question.context == "We removed eight seats on Friday."
    assert question.search_text.startswith("Does it come off")


@given(st.text(min_size=1))
def test_whatever_is_asked_there_is_a_decision_of_bounded_size(text: str) -> None:
    decision = route_locally(Ticket(text=text))
    assert len(decision.questions) <= 5
    assert all(len(q.text) <= 1000 and len(q.context) <= 1000 for q in decision.questions)
    assert len(decision.reasons) == 3


@pytest.mark.parametrize(
    "question",
    [
        "Is it safe to restart the Lyra printer while a sync is running?",
        "What does it cost to set up the Juniper plan?",
        "What is the largest file that the Meadow plan takes?",
        "How much is the one-time setup fee of the Cobalt plan?",
    ],
)
def test_a_question_that_points_to_nothing_before_is_asked_alone(question: str) -> None:
    before = "How many weeks does the Granite plan keep backups?"
    found = route_locally(Ticket(text=f"{before} {question}")).questions
    assert [(one.text, one.context) for one in found] == [(before, ""), (question, "")]


def test_a_question_that_points_back_keeps_its_context() -> None:
    found = route_locally(Ticket(text="We use the Granite plan. Is it possible to move that to Harbor?")).questions
    assert found[-1].context == "We use the Granite plan."


@pytest.mark.parametrize(
    ("text", "questions"),
    [
        (
            "How many calls a month do I get, what does a seat cost, and can I get a refund after 60 days?",
            ["How many calls a month do I get", "what does a seat cost", "can I get a refund after 60 days?"],
        ),
        ("Where is my parcel; why was I charged twice?", ["Where is my parcel", "why was I charged twice?"]),
        (
            "As an admin, how do I add users, how do I remove them?",
            ["As an admin, how do I add users", "how do I remove them?"],
        ),
        ("what's the price\nwhat's the limit", ["what's the price", "what's the limit"]),
        (
            "is there a pool\ncan I bring my dog\nhow late is check-in",
            ["is there a pool", "can I bring my dog", "how late is check-in"],
        ),
        (
            "Please tell me the price of Pro, the storage limit and the trial length.",
            ["Please tell me the price of Pro", "Please tell me the storage limit", "Please tell me the trial length."],
        ),
        (
            "What are the opening hours, the late fee, and the deposit?",
            ["What are the opening hours", "What are the late fee", "What are the deposit"],
        ),
    ],
)
def test_each_of_several_questions_is_one(text: str, questions: list[str]) -> None:
    assert [q.text.rstrip("?.") for q in questions_in(Ticket(text=text))] == [q.rstrip("?.") for q in questions]


@pytest.mark.parametrize(
    "text",
    [
        "When the export fails, what do I do?",
        "If I cancel, do I get a refund?",
        "How do I use the importer, which is slow?",
        "I have a Pro plan, how many calls do I get?",
        "After we upgrade, when is the next invoice due?",
        "What is the difference between the Pro plan, the Business plan and the Starter plan?",
        "What is the price of the Pro plan, the Business plan and the Starter plan?",
        "Does Pro have SSO, SCIM, and audit logs?",
        "We moved to a\nnew office, is there a way\nto change the address?",
        "I do not know\nhow to reset my password",
    ],
)
def test_one_question_stays_one(text: str) -> None:
    assert [q.text for q in questions_in(Ticket(text=text))] == [" ".join(text.split())]


def test_one_of_several_questions_brings_the_names_that_it_lacks_and_not_what_else_is_asked() -> None:
    text = "What does a Pro seat cost, how many API calls are included, and what is the storage limit?"
    assert [q.context for q in questions_in(Ticket(text=text))] == ["", "", "Pro"]
