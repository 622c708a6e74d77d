"""A sentence that names the words it was taken from must keep to them."""

from __future__ import annotations

import pytest

from knowledge_base.proof import Evidence, strays

QUOTES = [
    Evidence("1", "Refunds take 5 business days. Cards are not refundable after 30 days.", "Refunds", ("Pro",)),
    Evidence("2", "Support is included with every plan. Log in before you connect the printer.", "Support"),
]


@pytest.mark.parametrize(
    "text",
    [
        "Refunds take 5 business days.", "A refund takes five working days.", "Refunds on Pro take 5 business days.",
        "Cards aren't refundable after 30 days.", "Support comes with every plan.", "Thank you for contacting us!",
    ],
)  # fmt: skip
def test_a_sentence_may_say_the_same_in_other_words_or_nothing(text: str) -> None:
    assert strays(text, QUOTES) == ("", False)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Refunds do not take 5 business days.", "contradicts"),
        ("Cards are refundable after 30 days.", "negation lost"),
        ("Support is excluded from every plan.", "contradicts"),
        ("Support comes without any plan.", "contradicts"),
        ("Log in after you connect the printer.", "contradicts"),
        ("Refunds take 5 business days, says Marlowe.", "absent: Marlowe"),
    ],
)
def test_a_sentence_that_turns_its_words_round_or_adds_a_name_has_strayed_for_sure(text: str, reason: str) -> None:
    why, only_wording = strays(text, QUOTES)
    assert why.startswith(reason)
    assert not only_wording


def test_a_sentence_of_other_words_is_doubted_for_its_wording_alone() -> None:
    why, only_wording = strays("Our friendly staff gladly phones everybody beforehand.", QUOTES)
    assert why.startswith("absent")
    assert "friend" in why
    assert only_wording


def test_a_name_that_the_customer_gave_is_none_that_was_added() -> None:
    text = "For Harborview, support is included with every plan."
    assert strays(text, QUOTES)[0].startswith("absent: Harborview")
    assert strays(text, QUOTES, "Is support included for Harborview?") == ("", False)


def test_one_sentence_that_strays_is_enough() -> None:
    why, _ = strays("Refunds take 5 business days. Cards are refundable after 30 days.", QUOTES)
    assert why.startswith("negation lost")
