"""A passage states a value whatever its spelling, and never in another unit or currency."""

from __future__ import annotations

import pytest

from knowledge_base.proof import Claim, Evidence, prove

FEES = Evidence("1", "The setup fee is $40. Storage costs €3 per GB per month.", "Fees")
SAVINGS = Evidence("1", "Savings accounts allow twelve withdrawals a month. A further withdrawal costs $2.", "Savings")
SEATS = Evidence("1", "Starter costs $19 per seat per month.", "Seats")
LIMITS = Evidence("1", "API calls are limited to 120 requests per minute on Standard and 600 on Scale.", "Limits")
TABLE = Evidence(
    "1",
    "| Plan | Price (USD) | Retention (days) |\n|---|---|---|\n| Gold | 99 | 30 |\n| Silver | 59 | 14 |",
    "Plans",
)
NOTICES = Evidence(
    "1",
    "The old endpoint was retired on 3 March 2025. Maintenance starts on Sunday, 14 June 2026 at 22:00 UTC.",
    "Notices",
)


def claim(answer: str, evidence: Evidence) -> Claim:
    (made,) = prove(answer, [evidence]).claims
    return made


@pytest.mark.parametrize(
    ("evidence", "answer"),
    [
        (FEES, "The setup fee is 40 dollars."),
        (FEES, "The setup fee is USD 40.00."),
        (FEES, "Storage costs 3 euros per gigabyte each month."),
        (FEES, "Storage costs 3 euros a month per GB."),
        (FEES, "Storage is €3/GB/month."),
        (SEATS, "With Starter you pay $19 a seat each month."),
        (SAVINGS, "You can withdraw money twelve times a month."),
        (SAVINGS, "You can withdraw money 12 times a month."),
        (SAVINGS, "Savings accounts allow 12 withdrawals per month."),
        (LIMITS, "On Scale, API calls are limited to 600 requests."),
        (TABLE, "Gold costs $99."),
        (TABLE, "Gold keeps data for 30 days."),
        (TABLE, "Silver's retention is 14 days."),
        (NOTICES, "The old endpoint was retired on March 3, 2025."),
        (NOTICES, "The old endpoint was retired on 2025-03-03."),
        (NOTICES, "The old endpoint was retired in March 2025."),
        (NOTICES, "Maintenance starts on 14 June 2026 at 10 pm UTC."),
    ],
)
def test_a_value_is_stated_in_any_spelling_and_by_the_unit_written_beside_or_above_it(
    evidence: Evidence, answer: str
) -> None:
    assert claim(answer, evidence).reason == ""


@pytest.mark.parametrize("written", ["€40", "£40", "40 CAD", "40 yen", "CHF 40"])
def test_a_currency_never_stands_for_another(written: str) -> None:
    assert claim(f"The setup fee is {written}.", FEES).reason.startswith("unit differs")


@pytest.mark.parametrize(
    ("evidence", "answer"),
    [
        (FEES, "Storage costs €3 per GB per year."),
        (FEES, "Storage costs €3 per TB per month."),
        (SAVINGS, "You can withdraw 12 times a year."),
        (SAVINGS, "You can withdraw 12 times a week."),
        (SAVINGS, "Savings accounts allow 12 deposits a month."),
    ],
)
def test_a_rate_is_another_value_when_what_it_is_counted_by_is_another(evidence: Evidence, answer: str) -> None:
    assert claim(answer, evidence).reason.startswith("unit differs")


@pytest.mark.parametrize(
    "answer",
    [
        "Gold costs $30.", "Gold keeps data for 99 days.", "Gold costs €99.", "Gold keeps data for 30 months.",
        "Gold keeps data for $30.",
    ],
)  # fmt: skip
def test_the_head_of_a_column_lends_its_unit_to_no_other_column(answer: str) -> None:
    assert not claim(answer, TABLE).supported


def test_a_unit_left_out_in_the_second_half_of_a_list_is_that_of_the_first_and_no_other() -> None:
    assert not claim("On Scale, API calls are limited to 600 requests per hour.", LIMITS).supported
    assert not claim("On Scale, API calls are limited to 600 megabytes.", LIMITS).supported


@pytest.mark.parametrize(
    "answer",
    [
        "The old endpoint was retired on 4 March 2025.",
        "The old endpoint was retired on 3 March 2024.",
        "The old endpoint was retired in April 2025.",
        "Maintenance starts on 14 June 2026 at 10 am UTC.",
        "Maintenance starts on 14 July 2026.",
    ],
)
def test_a_date_or_time_of_another_day_month_year_or_half_of_the_day_is_absent(answer: str) -> None:
    assert claim(answer, NOTICES).reason.startswith("absent")
