"""Answers and passages that are broken, hidden, endless or beside the point get a verdict, and never a wrong "yes"."""

from __future__ import annotations

import pytest

from knowledge_base.proof import Claim, Evidence, prove

PASSAGE = Evidence(
    "1",
    "Refunds take 5 business days and are paid to the original card. Premium costs $49 per user per month.",
    "Refunds",
)


def claim(answer: str, question: str = "") -> Claim:
    (made,) = prove(answer, [PASSAGE], question).claims
    return made


def test_without_passages_every_claim_is_refused() -> None:
    made = prove("Refunds take 5 business days. Premium costs $49 per user per month.", []).claims
    assert [one.reason for one in made] == ["absent: there is no passage to support it"] * 2


@pytest.mark.parametrize("answer", ["", " \n\t ", "\u200b\u200d\ufeff", "\u202e\u2066", "\u00ad"])
def test_an_answer_without_a_visible_character_is_not_supported(answer: str) -> None:
    proof = prove(answer, [PASSAGE])
    assert (proof.supported, proof.claims) == (False, ())


def test_one_wrong_figure_is_found_at_the_end_of_100_kb() -> None:
    true = "Refunds take 5 business days and are paid to the original card. " * 1600
    assert len(true) > 100_000
    proof = prove(true + "Premium costs $48 per user per month.", [PASSAGE])
    assert not proof.supported
    assert [one.text for one in proof.claims if not one.supported] == ["Premium costs $48 per user per month."]


@pytest.mark.parametrize(
    "answer",
    [
        "Refunds take 5\u200b business days.", "Refunds take \u200b5 busi\u200bness da\u00adys.",
        "Premium costs $4\u200b9 per user per month.", "Refunds take ５ business days.",
        "Refunds take ٥ business days.", "Premium costs $４９ per user per month.",
        "Premium c\u043ests $49 per us\u0435r per month.",
    ],
)  # fmt: skip
def test_what_a_reader_sees_as_the_same_is_the_same(answer: str) -> None:
    assert claim(answer).reason == ""


@pytest.mark.parametrize(
    "answer",
    [
        "Refunds take 5\u200b0 business days.", "Premium costs $4\u200b8 per user per month.",
        "Refunds take ６ business days.", "Refunds take ٦ business days.",
        "Premium costs \u202e94$\u202c per user per month.", "Premium costs $l9 per user per month.",
        "Premium costs $4O per user per month.", "Premium costs $\u206649\u20690 per user per month.",
        "Premium costs $49\u200b9 per user per month.",
    ],
)  # fmt: skip
def test_no_character_that_is_invisible_or_looks_alike_smuggles_in_another_figure(answer: str) -> None:
    made = prove(answer, [PASSAGE]).claims
    assert any(one.reason.startswith("absent") for one in made)
    assert not any(one.supported for one in made)


def test_a_figure_reversed_by_bidi_characters_in_the_passage_supports_neither_reading() -> None:
    passage = Evidence("1", "Premium costs \u202e94$\u202c per user per month.")
    for price in ("$49", "$94"):
        assert not prove(f"Premium costs {price} per user per month.", [passage]).supported


@pytest.mark.parametrize("marks", ["[3]", "[1][3]", "[1, 3]", "[1-3]", "[0]"])
def test_a_citation_of_a_passage_that_is_not_there_fails_even_beside_one_that_is(marks: str) -> None:
    made = claim(f"Refunds take 5 business days {marks}.")
    assert made.reason.startswith("no citation")
    assert made.score < 0.5


def test_two_passages_with_one_id_both_count() -> None:
    both = [Evidence("d", "Gold costs $99."), Evidence("d", "Silver costs $59.")]
    assert prove("Gold costs $99 [d]. Silver costs $59 [d].", both).supported
    assert not prove("Silver costs $99 [d].", both).supported
    assert not prove("Silver costs $49 [d].", both).supported


@pytest.mark.parametrize(
    ("answer", "question"),
    [
        ("I was promised a refund of $500 within 2 hours.", "Was I promised a refund of $500 within 2 hours?"),
        ("You were charged twice for the March invoice.", "Why was I charged twice for the March invoice?"),
        ("Premium costs $59 per user per month.", "Is it right that Premium costs $59 per user per month?"),
    ],
)  # fmt: skip
def test_what_only_the_question_says_supports_nothing(answer: str, question: str) -> None:
    assert claim(answer, question).reason.startswith("absent")


def test_an_answer_about_something_else_is_refused_however_true_it_is() -> None:
    answer = "Refunds take 5 business days and are paid to the original card."
    assert claim(answer, "How do I rotate signing certificates?").reason.startswith("not about the question")
    assert claim(answer, "When do I get my refund?").supported
    assert claim(answer).supported
