from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge_base.proof import Claim, Evidence, prove
from tests.growth import is_linear

PRICING = Evidence(
    "1",
    "Premium costs $49 per user per month. Basic costs $19 per user per month.\n\n"
    "Refunds take 5 business days. Cards are not refundable after 30 days. Support answers without delay.",
    "Pricing",
)
PLANS = Evidence(
    "2",
    "| Plan | Price (USD) | Seats |\n|---|---|---|\n| Gold | 99 | 12 |\n| Silver | 59 | 5 |\n\n"
    "Monthly maintenance fee: $7\n\n"
    "When AUTH-417 appears, run `kubectl get pods -n monitoring` and open /var/log/auth.log.\n\n"
    "```bash\nsystemctl restart auth \\\n  --now\nrm -rf /tmp/cache\n```\n",
    "Plans",
    ("Limits", "API 2026"),
)
BOTH = (PRICING, PLANS)


def claim(answer: str, question: str = "") -> Claim:
    (made,) = prove(answer, BOTH, question).claims
    return made


@pytest.mark.parametrize(
    "answer",
    [
        "Premium costs $49 per user per month [1].",
        "Premium is $49/user/mo.",
        "According to the pricing policy, Premium costs USD 49.00 per user per month.",
        "According to [1], refunds take five working days.",
        "You get a refund in 5 business days.",
        "Cards are not refundable after 30 days.",
        "After 30 days, cards aren't refundable.",
        "Gold costs $99 [2].",
        "The Silver plan has 5 seats.",
        "The maintenance fee is $7 per month.",
        "If you see AUTH-417, run `kubectl get pods -n monitoring`.",
        "```\nsystemctl restart auth --now\n```",
        "Check /var/log/auth.log when AUTH-417 appears.",
        "Yes. Refunds take 5 business days.",
        "No, cards are not refundable after 30 days.",
    ],
)
def test_what_a_passage_says_is_supported_however_it_is_spelled(answer: str) -> None:
    made = claim(answer)
    assert made.supported, made.reason
    assert made.reason == ""
    assert made.score > 0.5


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("Premium costs $50 per user per month.", "absent"),
        ("Premium costs $49 per user per year.", "unit differs"),
        ("Premium costs €49 per user per month.", "unit differs"),
        ("Refunds take 5 days.", "unit differs"),
        ("Refunds take 5 business hours.", "unit differs"),
        ("Basic costs $49 per user per month.", "belongs to something else"),
        ("Gold costs $59 [2].", "belongs to something else"),
        ("Cards are refundable after 30 days.", "negation lost"),
        ("Refunds do not take 5 business days.", "contradicts"),
        ("When AUTH-41 appears, run `kubectl get pods -n monitoring`.", "absent"),
        ("When AUTH-417 appears, run `kubectl get pods`.", "absent"),
        ("When AUTH-417 appears, run `kubectl get pods -n monitor`.", "absent"),
        ("```\nrm -rf /tmp\n```", "absent"),
        ("```\nrm -rf /\n```", "absent"),
        ("Open /var/log when AUTH-417 appears.", "absent"),
        ("See https://example.com/refunds for refunds within 5 business days.", "absent"),
        ("Refunds take 5 business days, write to help@example.com.", "absent"),
        ("Refunds take 5 business days, says Alice Meyer.", "absent"),
        ("Employees enjoy generous parental leave every spring.", "absent"),
        ("Premium costs $49 per user per month [7].", "no citation"),
        ("Premium costs $49 per user per month [2].", "absent"),
        ("Yes.", "cannot judge"),
        ("Возврат занимает пять рабочих дней и ничего не стоит.", "cannot judge"),
        ("Die Rückerstattung dauert immer noch mehrere Wochen und kostet Geld.", "cannot judge"),
    ],
)
def test_what_no_passage_says_is_refused_with_its_reason(answer: str, reason: str) -> None:
    made = claim(answer)
    assert not made.supported
    assert made.reason.startswith(reason)
    assert "\n" not in made.reason
    assert made.score < 0.5


@pytest.mark.parametrize(
    "answer",
    [
        "", "   \n\n", "Hi Maria,", "Thank you for contacting us!", "# Refunds", "Best regards,\nThe support team",
        "I could not find this in the documents.", "The passages do not mention parental leave.",
        "Would you like to know more?", "Let me know if you have any other questions.", "Sources: [1], [2]",
        "## Sources\n- [1] Pricing\n- [2] Plans",
    ],
)  # fmt: skip
def test_an_answer_that_asserts_nothing_has_no_claims_and_is_not_supported(answer: str) -> None:
    proof = prove(answer, BOTH)
    assert (proof.supported, proof.score, proof.claims) == (False, 0.0, ())


@pytest.mark.parametrize(
    "answer",
    [
        "# Refunds take 9 days", "Hi Maria, the code is INC-9042.", "Is 80% off enough?", "Sources:\n- [1] costs $77",
        "I could not find it, but the fee is $77.", "| $77 |\n|---|\n", "- [1] $77", "The fee is\n77. Pay it.",
        "Do this within 77 hours:", "Step 2: wait 77 hours.",
    ],
)  # fmt: skip
def test_a_fact_is_judged_wherever_it_hides(answer: str) -> None:
    assert any(not made.supported for made in prove(answer, BOTH).claims)


def test_an_abstention_that_turns_into_an_assertion_is_judged() -> None:
    assert not claim("The documents do not say so, but students always pay nothing.").supported


def test_each_sentence_item_and_row_is_a_claim_with_its_place_in_the_answer() -> None:
    answer = (
        "Hello,\n\nTo get your money back:\n\n"
        "1. Refunds take 5 business days. Cards are not refundable after 30 days. [1]\n"
        "2. Premium costs $49 per user per month [1].\n\n"
        "| Plan | Price |\n|---|---|\n| Gold | 99 |\n\nBest regards"
    )
    proof = prove(answer, BOTH)
    assert [made.text for made in proof.claims] == [
        "Refunds take 5 business days.",
        "Cards are not refundable after 30 days. [1]",
        "Premium costs $49 per user per month [1].",
        "| Gold | 99 |",
    ]
    assert all(answer[made.start : made.end] == made.text for made in proof.claims)
    assert proof.supported
    assert 0.5 < proof.score <= min(made.score for made in proof.claims)


def test_the_evidence_of_a_claim_is_shown_by_passage_and_span() -> None:
    made = claim("Basic costs $19 per user per month.")
    assert made.passage == "1"
    assert made.span is not None
    assert PRICING.text[slice(*made.span)] == "Basic costs $19 per user per month."


def test_a_mark_after_the_full_stop_cites_for_the_sentence_before_it() -> None:
    proof = prove("Refunds take 5 business days. [1] Gold costs $99. [2]", BOTH)
    assert [made.citations for made in proof.claims] == [("1",), ("2",)]
    assert proof.supported


def test_marks_may_list_give_a_range_or_name_a_passage_by_its_id() -> None:
    named = Evidence("doc_7", PRICING.text)
    assert claim("Refunds take 5 business days [1, 2].").citations == ("1", "2")
    assert claim("Refunds take 5 business days [1-2].").citations == ("1", "2")
    assert prove("Refunds take 5 business days [doc_7].", [named]).claims[0].citations == ("doc_7",)


def test_only_the_cited_passage_counts() -> None:
    assert prove("Refunds take 5 business days [1].", BOTH).supported
    assert not prove("Refunds take 5 business days [2].", BOTH).supported


def test_where_no_passage_has_a_number_for_an_id_a_number_cites_by_place() -> None:
    pages = [Evidence("plans.md", "Pro costs $49 per month."), Evidence("plus.md", "Pro Plus costs $69 per month.")]
    assert prove("Pro costs $49 per month [1]. Pro Plus costs $69 per month [2].", pages).supported
    assert prove("Pro costs $49 per month [plans.md].", pages).supported
    assert not prove("Pro Plus costs $69 per month [1].", pages).supported
    assert "[3] is not among" in prove("Pro costs $49 per month [3].", pages).claims[0].reason
    numbered = [Evidence("7", "Pro costs $49 per month."), Evidence("plus.md", "Pro Plus costs $69 per month.")]
    assert "[1] is not among" in prove("Pro costs $49 per month [1].", numbered).claims[0].reason


def test_two_cited_passages_support_a_claim_between_them() -> None:
    assert prove("Refunds take 5 business days and Gold costs $99 [1][2].", BOTH).supported


def test_a_claim_without_a_citation_is_refused_only_where_citations_are_required() -> None:
    answer = "Refunds take 5 business days."
    assert prove(answer, BOTH).supported
    assert prove(answer, BOTH, require_citations=True).claims[0].reason.startswith("no citation")


def test_nothing_is_supported_without_passages_or_by_an_empty_one() -> None:
    for passages in ((), (Evidence("1", ""),)):
        proof = prove("Refunds take 5 business days.", passages)
        assert not proof.supported
        assert proof.claims[0].reason.startswith("absent")


def test_a_claim_that_only_repeats_the_question_is_refused() -> None:
    question = "Is it true that I was promised a refund of $500 within 2 hours?"
    assert not prove("I was promised a refund of $500 within 2 hours.", BOTH, question).supported


def test_title_and_headings_lend_their_facts() -> None:
    assert prove("In 2026 the Gold plan has 12 seats [2].", BOTH).supported


def test_one_unsupported_claim_makes_the_answer_unsupported() -> None:
    proof = prove("Refunds take 5 business days. Premium costs $50 per user per month.", BOTH)
    assert [made.supported for made in proof.claims] == [True, False]
    assert not proof.supported


@given(st.integers(0, 99_999), st.integers(0, 99_999), st.sampled_from(["$", "€", "£"]), st.sampled_from(["$", "€"]))
def test_a_price_is_supported_exactly_when_the_passage_has_it(a: int, b: int, one: str, other: str) -> None:
    passage = Evidence("1", f"The replacement card fee is {one}{a:,} for every customer.")
    proof = prove(f"The replacement card fee is {other}{b} for every customer.", [passage])
    assert proof.supported == ((a, one) == (b, other))


@given(st.text(st.sampled_from("aB5 $.[]|-:\n`#*!?1,") | st.characters(exclude_categories=["Cs"]), max_size=120))
def test_any_answer_gets_claims_inside_it_and_scores_between_0_and_1(answer: str) -> None:
    proof = prove(answer, BOTH)
    assert 0 <= proof.score <= 1
    for made in proof.claims:
        assert answer[made.start : made.end] == made.text
        assert made.supported == (made.score > 0.5) == (made.reason == "")


@pytest.mark.parametrize("unit", ["a", "[1] ", "Yes. ", "[", "[1, 2", "5 ", "- ", "Foo Bar ", "Refunds take 5 days. "])
def test_a_long_hostile_answer_takes_linear_time(unit: str) -> None:
    assert is_linear(lambda length: prove(unit * (length // len(unit)), BOTH), 12_000)


def test_a_proof_can_be_ended_between_two_pieces_of_its_work() -> None:
    passages = [Evidence(str(n), f"A seat costs ${n} a month. Setup takes {n} days.") for n in range(1, 5)]
    answer, pieces = "A seat costs $1 a month. A seat costs $2 a month.", 0

    def checkpoint(most: int = 100) -> None:
        nonlocal pieces
        pieces += 1
        if pieces > most:
            raise TimeoutError

    whole = prove(answer, passages, checkpoint=checkpoint)
    assert whole == prove(answer, passages)
    assert pieces >= len(passages) + 2 * len(whole.claims)  # each passage, each claim, each amount of it
    for most in range(pieces):
        pieces = 0
        with pytest.raises(TimeoutError):
            prove(answer, passages, checkpoint=partial(checkpoint, most))


def test_the_documents_example_of_the_python_interface_prints_what_it_is_about(
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "proof.md").read_text(encoding="utf-8")
    example = page.partition("```python\n")[2].partition("```")[0]
    exec(compile(example, "proof.md", "exec"), {})
    assert capsys.readouterr().out.startswith("False belongs to something else: $69")


def test_a_name_is_supported_with_or_without_its_accents_and_with_any_hyphen() -> None:
    written = [Evidence("1", "Our Zürich office closes at noon. Error AUTH\u2011417 means that the clock is wrong.")]
    for answer in ("The Zurich office closes at noon [1].", "The Zürich office closes at noon [1]."):
        assert prove(answer, written).supported
    assert prove("Error AUTH-417 means that the clock is wrong [1].", written).supported
    assert not prove("Error AUTH-422 means that the clock is wrong [1].", written).supported
    assert not prove("The Geneva office closes at noon [1].", written).supported
