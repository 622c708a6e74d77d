"""One "not" more or less turns a sentence round; other words for the same do not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge_base.polarity import Words
from knowledge_base.proof import Claim, Evidence, prove, strays

RULES = Evidence(
    "1",
    "Passwords cannot be reused. Exports are available without a subscription. Basic transfers are free. "
    "Refunds are paid to the original card. You must not share API keys. Guests may not invite other people. "
    "The API is not available on Starter. Cards are always shipped by courier. Wire transfers are not reversible. "
    "The minimum deposit is $25. Vouchers are sent within 14 days. Log in before you connect the printer.",
    "Rules",
)


_THINGS = ["single sign-on", "audit logs", "water damage", "priority support", "a guest pass", "the swimming pool"]
_DENYING = ["it does not include {}", "it doesn't cover {}", "it does not offer {}", "we do not have {}"]


def claim(answer: str) -> Claim:
    (made,) = prove(answer, [RULES]).claims
    return made


@pytest.mark.parametrize(
    "answer",
    [
        "Passwords can be reused.", "Passwords may be reused.", "Exports are available with a subscription.",
        "You must share API keys.", "Guests may invite other people.", "The API is available on Starter.",
        "Wire transfers are reversible.", "Wire transfers can be reversed.",
    ],
)  # fmt: skip
def test_a_claim_that_affirms_what_the_passage_denies_is_refused(answer: str) -> None:
    assert claim(answer).reason.startswith("negation lost")


@pytest.mark.parametrize(
    "answer",
    [
        "Refunds are not paid to the original card.", "Refunds aren't paid to the original card.",
        "Refunds are never paid to the original card.", "Basic transfers are not free.",
        "Exports are not available without a subscription.", "Cards are never shipped by courier.",
    ],
)  # fmt: skip
def test_a_claim_that_denies_what_the_passage_affirms_is_refused(answer: str) -> None:
    assert claim(answer).reason.startswith("contradicts")


@pytest.mark.parametrize(
    "answer",
    [
        "Passwords can't be reused.", "You can't reuse a password.", "Reusing a password is not possible.",
        "Exports do not need a subscription.", "Never share API keys.", "Guests can't invite other people.",
        "The API isn't available on Starter.", "Starter does not include the API.",
        "Wire transfers cannot be reversed.",
    ],
)  # fmt: skip
def test_a_denial_may_be_worded_otherwise(answer: str) -> None:
    assert claim(answer).reason == ""


@pytest.mark.parametrize(
    "answer",
    [
        "You won't pay for basic transfers.", "You won't be charged for basic transfers.",
        "There is no charge for basic transfers.", "Basic transfers cost nothing.", "A deposit can't be less than $25.",
        "A voucher is not sent later than 14 days.",
    ],
)  # fmt: skip
def test_a_denial_may_say_what_free_or_a_limit_says_in_the_affirmative(answer: str) -> None:
    assert claim(answer).reason == ""


def test_a_word_in_the_place_of_its_opposite_is_refused() -> None:
    assert claim("Log in after you connect the printer.").reason.startswith("contradicts")
    assert claim("Log in before you connect the printer.").supported


def test_read_only_is_no_limit() -> None:
    page = Evidence("1", "When the trial ends without a plan being chosen, the workspace becomes read-only.", "Trial")
    (made,) = prove("The workspace becomes read-only when the trial ends with a plan being chosen.", [page]).claims
    assert made.reason.startswith("negation lost")


def test_a_denial_reaches_the_word_behind_it_and_not_those_of_the_next_clause() -> None:
    said = Words("Cards are not refundable, but vouchers are.")
    assert "voucher" in said.affirmed
    assert said.negated == {"refund"}
    assert (said.denials, Words("Vouchers are refundable.").denials) == (1, 0)


@pytest.mark.parametrize("text", ["Not only cards are refundable.", "Pay no later than Friday.", "No more than 5."])
def test_some_words_of_denial_deny_nothing(text: str) -> None:
    assert Words(text).denials == 0


TERMS = Evidence(
    "1",
    "The trial lasts 14 days. Logs are kept for 1 year. A session ends after 15 minutes of silence. "
    "Refunds are available within 30 days of purchase. Support is closed on public holidays and answers no mail then. "
    "The guest network is disabled by default. You can change the booking before the departure date.",
    "Terms",
)


def closely(text: str) -> str:
    return strays(text, [TERMS])[0]


@pytest.mark.parametrize(
    "text",
    [
        "The trial lasts two weeks.", "Logs are kept for 12 months.",
        "A session ends after a quarter of an hour of silence.", "A session ends after 900 seconds of silence.",
    ],
)  # fmt: skip
def test_the_same_time_in_another_unit_is_no_opposite(text: str) -> None:
    assert prove(text, [TERMS]).supported
    assert closely(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        "Refunds are not available after 30 days of purchase.", "After 30 days you cannot get a refund.",
        "Support is not open on public holidays.", "Support isn't open on public holidays.",
        "The guest network is not enabled by default.", "You cannot change the booking after the departure date.",
    ],
)  # fmt: skip
def test_the_denied_opposite_says_the_same(text: str) -> None:
    assert prove(text, [TERMS]).supported
    assert closely(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        "Refunds are not available within 30 days of purchase.", "Refunds are available after 30 days of purchase.",
        "Support is open on public holidays.", "Support is open on public holidays and answers no mail then.",
        "The guest network is enabled by default.", "The guest network is not disabled by default.",
        "You can change the booking after the departure date.",
    ],
)  # fmt: skip
def test_the_opposite_alone_or_the_denial_alone_does_not(text: str) -> None:
    assert closely(text).startswith(("contradicts", "belongs"))


CLUB = Evidence(
    "1",
    "The Family plan includes the pool and the sauna. Backups run every night. Reports are sent weekly. "
    "Guests cannot bring others. Members can bring others. Refunds are available within 30 days of purchase.",
    "Club",
)


@pytest.mark.parametrize(
    "text",
    [
        "Backups run weekly.", "Backups run every week.", "Reports are sent monthly.", "Reports are sent daily.",
        "Refunds are not available.", "The pool is not included in the Family plan.", "Members cannot bring others.",
        "The Family plan includes the pool, but it does not include the pool and the sauna.",
    ],
)  # fmt: skip
def test_a_sentence_of_few_words_is_turned_round_by_one_too(text: str) -> None:
    assert not prove(text, [CLUB]).supported


@pytest.mark.parametrize(
    "text",
    [
        "Backups run nightly.", "Reports are sent every week.", "Refunds are not available after 30 days of purchase.",
        "Guests can't bring others.", "Members can bring others.", "The Family plan includes the pool.",
        "You get no refund more than 30 days after the purchase.",
    ],
)  # fmt: skip
def test_a_short_sentence_may_be_worded_otherwise(text: str) -> None:
    assert prove(text, [CLUB]).supported


@settings(deadline=None)
@given(st.sampled_from(_THINGS), st.sampled_from(_THINGS), st.sampled_from(_DENYING))
def test_what_one_sentence_affirms_no_other_clause_of_an_answer_may_deny(one: str, other: str, denying: str) -> None:
    passage = Evidence("1", f"The Family plan includes {one} and {other}. The fee is $30 a month.")
    lie = denying.format(other)
    assert not prove(f"The Family plan includes {one}, but {lie}.", [passage]).supported
    assert not prove(f"The fee is $30 a month. {lie.capitalize()}.", [passage]).supported
    assert prove(f"The fee is $30 a month. The Family plan includes {other}.", [passage]).supported
