"""Two texts may state one value and mean opposite things by it: at most and at least, within and after, up and down."""

from __future__ import annotations

import pytest

from knowledge_base.proof import Claim, Evidence, prove

RULES = Evidence(
    "1",
    "Deposits of at least $100 earn interest. Uploads are limited to 20 files. Cancel 30 days before the renewal. "
    "Refunds must be requested within 14 days of purchase. The trial ends after 21 days. "
    "Annual billing is 20% cheaper. Priority support costs 15% more. The balance must stay above $250. "
    "The rate rises by 2% in May.",
    "Rules",
)
CONDITIONS = Evidence(
    "1",
    "If your balance is more than $5,000, the monthly fee is waived. Orders over $75 ship free. "
    "The fee is $12 if the balance falls below $300. "
    "The account is suspended when an invoice is more than 30 days late.",
    "Conditions",
)


def claim(answer: str, evidence: Evidence = RULES) -> Claim:
    (made,) = prove(answer, [evidence]).claims
    return made


@pytest.mark.parametrize(
    "answer",
    [
        "Deposits of at most $100 earn interest.", "Deposits of up to $100 earn interest.",
        "Deposits under $100 earn interest.", "You can upload at least 20 files.", "You can upload more than 20 files.",
        "The balance must stay below $250.",
    ],
)  # fmt: skip
def test_the_other_side_of_a_limit_contradicts(answer: str) -> None:
    assert claim(answer).reason.startswith("contradicts")


@pytest.mark.parametrize(
    "answer",
    [
        "Deposits of $100 or more earn interest.", "You can upload up to 20 files.",
        "You can upload no more than 20 files.", "You can upload at most 20 files.", "The balance must stay over $250.",
    ],
)  # fmt: skip
def test_the_same_side_of_a_limit_may_be_worded_otherwise(answer: str) -> None:
    assert claim(answer).reason == ""


@pytest.mark.parametrize(
    "answer",
    [
        "Cancel 30 days after the renewal.", "Refunds must be requested after 14 days of purchase.",
        "The trial ends within 21 days.", "The trial ends before 21 days.",
    ],
)  # fmt: skip
def test_before_and_after_a_term_contradict(answer: str) -> None:
    assert claim(answer).reason.startswith("contradicts")


@pytest.mark.parametrize(
    "answer",
    [
        "Cancel at least 30 days before the renewal.", "Cancel 30 days ahead of the renewal.",
        "Request a refund within 14 days of your purchase.", "After 21 days the trial ends.",
    ],
)  # fmt: skip
def test_a_term_may_be_worded_otherwise(answer: str) -> None:
    assert claim(answer).reason == ""


@pytest.mark.parametrize(
    ("answer", "stands"),
    [
        ("You save 20% with annual billing.", True),
        ("Annual billing costs 20% less.", True),
        ("Annual billing is 20% more expensive.", False),
        ("Annual billing costs 20% more.", False),
        ("Priority support costs 15% extra.", True),
        ("Priority support is 15% cheaper.", False),
        ("The rate increases by 2% in May.", True),
        ("The rate falls by 2% in May.", False),
    ],
)
def test_a_difference_goes_one_way(answer: str, stands: bool) -> None:
    assert claim(answer).reason.startswith("" if stands else "contradicts")
    assert claim(answer).supported is stands


@pytest.mark.parametrize(
    ("answer", "stands"),
    [
        ("The monthly fee is waived if your balance is more than $5,000.", True),
        ("The monthly fee is waived for balances over $5,000.", True),
        ("If your balance is under $5,000, the monthly fee is waived.", False),
        ("The monthly fee is waived if your balance is less than $5,000.", False),
        ("Orders of more than $75 ship free.", True),
        ("Orders under $75 ship free.", False),
        ("When the balance is less than $300, a $12 fee applies.", True),
        ("The fee is $12 if the balance is above $300.", False),
        ("An account is suspended when an invoice is less than 30 days late.", False),
    ],
)
def test_a_condition_keeps_its_side(answer: str, stands: bool) -> None:
    made = claim(answer, CONDITIONS)
    assert made.supported is stands
    assert made.reason.startswith("" if stands else "contradicts")


def test_a_limit_that_has_moved_to_another_value_of_the_sentence_is_seen() -> None:
    passage = Evidence("1", "The credit is 10% of the month's fee for each full hour missed, up to 50%.")
    assert prove(
        "You are credited 10% of the month's fee for each full hour missed, to a ceiling of 50%.", [passage]
    ).supported
    swapped = prove(
        "You are credited 50% of the month's fee for each full hour missed, to a ceiling of 10%.", [passage]
    )
    assert swapped.claims[0].reason.startswith("belongs to something else")


@pytest.mark.parametrize(
    ("answer", "stands"),
    [
        ("Standard allows up to 120 requests per minute.", True),
        ("Scale allows up to 600 requests per minute.", True),
        ("Standard allows at least 120 requests per minute.", False),
        ("Solo allows uploads of at most 20 files.", True),
        ("You are credited up to 10% of the fee for each hour.", False),
    ],
)
def test_a_limit_holds_for_all_values_of_its_list_and_for_none_before_it(answer: str, stands: bool) -> None:
    limits = Evidence(
        "1",
        "The API allows up to 600 requests per minute on Scale and 120 requests per minute on Standard. "
        "Uploads of up to 90 files are allowed on Team and 20 files on Solo. "
        "The credit is 10% of the fee for each hour, up to 50%.",
    )
    assert claim(answer, limits).supported is stands


@pytest.mark.parametrize(
    ("answer", "stands"),
    [
        ("Files of more than 100 MB are rejected.", True), ("Files bigger than 100 MB are rejected.", True),
        ("Files smaller than 100 MB are rejected.", False), ("Files of less than 100 MB are rejected.", False),
        ("Accounts older than 90 days can vote.", True), ("Accounts younger than 90 days can vote.", False),
        ("Parcels over 30 kg need a permit.", True), ("Parcels lighter than 30 kg need a permit.", False),
        ("Buy tickets at least 3 days before the show.", True), ("A stay no longer than 21 days is free.", True),
    ],
)  # fmt: skip
def test_whatever_is_compared_the_other_side_contradicts(answer: str, stands: bool) -> None:
    rules = Evidence(
        "1",
        "Files larger than 100 MB are rejected. Accounts older than 90 days can vote. Parcels heavier than 30 kg need "
        "a permit. Tickets must be bought no later than 3 days before the show. Stays of up to 21 days are free.",
    )
    assert claim(answer, rules).supported is stands


RANGES = Evidence(
    "1",
    "Refunds usually take 3 to 5 business days to arrive. The fee is $5-$10 per month, depending on your plan. "
    "Setup takes between 10 and 20 minutes. We raised the price of a seat from $12 to $15.",
    "Ranges",
)


@pytest.mark.parametrize(
    "answer",
    [
        "Refunds take 3 business days to arrive.", "Refunds usually take 5 business days.", "The fee is $5 per month.",
        "Setup takes 20 minutes.", "Refunds arrive within 3 business days.", "Refunds take at least 5 business days.",
        "Refunds can take at most 3 business days.",
    ],
)  # fmt: skip
def test_one_end_of_a_range_is_not_the_value(answer: str) -> None:
    assert claim(answer, RANGES).reason.startswith("contradicts")


@pytest.mark.parametrize(
    "answer",
    [
        "Refunds take up to 5 business days.", "Refunds take at least 3 business days.",
        "Refunds can take 5 business days.", "Refunds arrive in 5 business days at the latest.",
        "Refunds arrive 3–5 business days later.", "The fee starts at $5 per month.", "Setup takes 10-20 minutes.",
        "Wait 5 business days for the refund.", "A seat costs $15.", "The price of a seat was raised to $15.",
    ],
)  # fmt: skip
def test_an_end_that_is_told_as_an_end_may_stand(answer: str) -> None:
    assert claim(answer, RANGES).reason == ""


CHANGES = Evidence("1", "Churn rose to 7% in May. Latency fell by 30 ms after the upgrade.", "Changes")


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("Churn rose by 7% in May.", "contradicts"), ("Churn increased by about 7% in May.", "contradicts"),
        ("In May churn rose to 7%.", ""), ("Churn was 7% in May.", ""),
        ("Latency fell to 30 ms after the upgrade.", "contradicts"),
        ("After the upgrade latency dropped by 30 ms.", ""),
    ],
)  # fmt: skip
def test_a_change_is_not_its_result(answer: str, verdict: str) -> None:
    assert claim(answer, CHANGES).reason.split(":")[0] == verdict


DEADLINES = Evidence(
    "1",
    "Refunds are paid within 10 days. Vouchers are sent within 20 days and are not available for gift cards. "
    "Returns cannot be requested after 14 days. "
    "You cannot cancel before 30 days have passed. The report is due no later than 45 days after the audit. "
    "Support does not answer after 18:00.",
    "Deadlines",
)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("Refunds are not paid before 10 days.", "contradicts"), ("Vouchers are sent after 20 days.", "contradicts"),
        ("Vouchers are sent within 20 days.", ""), ("Returns can be requested within 14 days.", ""),
        ("Returns can be requested after 14 days.", "negation lost"), ("You can cancel after 30 days.", ""),
        ("You can cancel within 30 days.", "negation lost"), ("The report is due within 45 days of the audit.", ""),
        ("Support answers until 18:00.", ""), ("Support answers after 18:00.", "negation lost"),
    ],
)  # fmt: skip
def test_a_denial_turns_within_and_after_round(answer: str, verdict: str) -> None:
    assert claim(answer, DEADLINES).reason.split(":")[0] == verdict


TWICE = Evidence("1", "Exports larger than 5 GB come as several ZIP files of up to 5 GB each.", "Exports")


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("Exports larger than 5 GB come as several ZIP files of as much as 5 GB each.", ""),
        ("Exports of over 5 GB come as several ZIP files.", ""),
        ("ZIP files of an export have at most 5 GB each.", ""),
        ("Exports larger than 5 GB come as several ZIP files of over 5 GB each.", "contradicts"),
    ],
)
def test_a_value_that_is_said_twice_is_compared_with_its_own_mention(answer: str, verdict: str) -> None:
    assert claim(answer, TWICE).reason.split(":")[0] == verdict


VALUES = Evidence(
    "1",
    "| Plan | Storage |\n| --- | --- |\n| Starter | 50 GB |\n| Pro | 200 GB |\n\nThe link works once and expires after "
    "60 minutes. A seat costs $49. Unpaid accounts are locked for 24 hours. Others pay $12; students do not pay it.",
    "Values",
)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("For Starter, the storage is not 50 GB.", "contradicts"), ("A seat does not cost $49.", "contradicts"),
        ("You can use the link one time only, and it does not expire 60 minutes later.", "contradicts"),
        ("For Starter, the storage is 50 GB.", ""), ("An unpaid account is not available for 24 hours.", ""),
        ("A seat costs no more than $49.", ""),
    ],
)  # fmt: skip
def test_a_value_that_the_passage_has_is_not_denied(answer: str, verdict: str) -> None:
    assert claim(answer, VALUES).reason.split(":")[0] == verdict
