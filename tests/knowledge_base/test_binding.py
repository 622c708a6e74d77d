"""A value must be said of what the passages say it of: the price of another plan is no invented number."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from knowledge_base.facts import facts_in, key
from knowledge_base.proof import Claim, Evidence, prove

PLANS = Evidence(
    "prose",
    "Pro costs $49 per seat per month and keeps logs for 30 days. "
    "Starter costs $19 per seat per month and keeps logs for 7 days.",
    "Plans",
)
NESTED = Evidence("nested", "Pro costs $49 per seat per month. Pro Plus costs $79 per seat per month.", "Prices")
TABLE = Evidence(
    "table",
    "| Plan | Price | Seats |\n|---|---|---|\n| Gold | $99 | 12 |\n| Silver | $59 | 5 |\n| Bronze | $29 | 2 |",
    "Plans",
)
HEADINGS = Evidence(
    "headings",
    "## Standard\n\n- Uploads: up to 20 files\n- Retention: 14 days\n\n"
    "## Scale\n\n- Uploads: up to 90 files\n- Retention: 60 days",
    "Limits",
)
LEAD_INS = Evidence(
    "lead-ins",
    "For domestic transfers:\n\n- The fee is $5.\n- Delivery takes 2 days.\n\n"
    "For international transfers:\n\n- The fee is $25.\n- Delivery takes 6 days.",
    "Transfers",
)
PAIR = Evidence("pair", "Exports finish within 4 hours on Team and within 12 hours on Free.", "Exports")
TITLED = Evidence(
    "titled", "Items must be unused. Bring the receipt.", "Returns: 60 days, in store only", ("Sale 2025",)
)


def claim(answer: str, evidence: Evidence) -> Claim:
    (made,) = prove(answer, [evidence]).claims
    return made


@pytest.mark.parametrize(
    ("evidence", "answer"),
    [
        (PLANS, "Starter costs $49 per seat per month."),
        (PLANS, "Pro costs $19 per seat per month."),
        (PLANS, "Pro keeps logs for 7 days."),
        (TABLE, "Gold costs $59."),
        (TABLE, "Silver has 12 seats."),
        (TABLE, "The Bronze plan is $29 and comes with 5 seats."),
        (TABLE, "| Gold | $59 | 12 |"),
        (HEADINGS, "On Standard you can upload up to 90 files."),
        (HEADINGS, "On Scale, data is retained for 14 days."),
        (HEADINGS, "Standard keeps data for 60 days."),
        (LEAD_INS, "Domestic transfers cost $25."),
        (LEAD_INS, "The fee for international transfers is $5."),
        (LEAD_INS, "International transfers take 2 days."),
    ],
)
def test_a_value_of_another_thing_of_the_passage_is_refused(evidence: Evidence, answer: str) -> None:
    made = claim(answer, evidence)
    assert made.reason.startswith("belongs to something else")
    assert not made.undecided


@pytest.mark.parametrize(
    ("evidence", "answer"),
    [
        (PLANS, "On Pro, logs are kept for 30 days."),
        (PLANS, "The Pro plan retains logs for 30 days."),
        (PLANS, "On Starter you pay $19 per seat per month."),
        (TABLE, "The Bronze plan is $29 and comes with 2 seats."),
        (TABLE, "You pay $59 for Silver."),
        (HEADINGS, "Standard allows 20 files and keeps them for 14 days."),
        (HEADINGS, "On Scale, data is retained for 60 days."),
        (LEAD_INS, "The fee for international transfers is $25."),
        (LEAD_INS, "A domestic transfer takes 2 days."),
        (PAIR, "Exports on Free take up to 12 hours."),
        (PAIR, "Team exports are ready within 4 hours."),
    ],
)
def test_an_honest_paraphrase_may_change_order_verb_and_nouns(evidence: Evidence, answer: str) -> None:
    assert claim(answer, evidence).reason == ""


def test_the_reason_says_what_the_value_is_said_of_and_what_stands_in_its_place() -> None:
    reason = claim("Gold costs $59.", TABLE).reason
    assert "Silver" in reason
    assert "$99" in reason


@pytest.mark.parametrize(("plan", "price"), [("Pro", "$49"), ("Pro Plus", "$79")])
def test_a_name_within_a_longer_name_keeps_its_own_value(plan: str, price: str) -> None:
    other = {"$49": "$79", "$79": "$49"}[price]
    assert claim(f"{plan} costs {price} per seat per month.", NESTED).supported
    assert claim(f"{plan} costs {other} per seat per month.", NESTED).reason.startswith("belongs to something else")


def test_a_value_of_the_longer_name_is_not_one_of_the_shorter_though_all_other_words_agree() -> None:
    logs = Evidence("1", "Log retention on Pro Plus is 90 days. Pro has 30 days of history.")
    assert claim("Log retention on Pro Plus is 90 days.", logs).supported
    assert claim("Log retention on Pro is 90 days.", logs).reason.startswith("belongs to something else")


def test_two_values_of_one_sentence_cannot_be_exchanged() -> None:
    assert claim(PAIR.text, PAIR).supported
    exchanged = "Exports finish within 12 hours on Team and within 4 hours on Free."
    assert claim(exchanged, PAIR).reason.startswith("belongs to something else")


def test_two_items_of_a_list_cannot_exchange_their_values() -> None:
    assert prove("- Standard: 20 files\n- Scale: 90 files", [HEADINGS]).supported
    made = prove("- Standard: 90 files\n- Scale: 20 files", [HEADINGS]).claims
    assert [one.reason[:7] for one in made] == ["belongs", "belongs"]


def test_a_value_in_a_column_of_its_own_is_not_one_of_another_column() -> None:
    assert claim("Gold has 12 seats.", TABLE).supported
    assert not claim("Gold costs $12.", TABLE).supported
    assert not claim("Gold has 99 seats.", TABLE).supported


def test_a_value_that_only_the_title_or_a_heading_states_is_supported_and_no_other() -> None:
    assert claim("Returns are accepted for 60 days.", TITLED).supported
    assert claim("In 2025 items must be unused.", TITLED).supported
    assert claim("Returns are accepted for 90 days.", TITLED).reason.startswith("absent")
    assert claim("Returns are accepted for 60 weeks.", TITLED).reason.startswith("unit differs")
    assert claim("In 2024 items must be unused.", TITLED).reason.startswith("absent")


def test_a_value_of_another_passage_counts_only_where_that_passage_is_cited() -> None:
    both = [Evidence("1", "Gold costs $99 a month."), Evidence("2", "Silver costs $59 a month.")]
    assert prove("Silver costs $59 a month.", both).supported
    assert prove("Silver costs $59 a month [2].", both).supported
    assert not prove("Silver costs $59 a month [1].", both).supported
    assert not prove("Silver costs $99 a month.", both).supported


DIMENSIONS = Evidence(
    "1",
    "Access tokens expire after 30 minutes. Refresh tokens expire after 30 days. "
    "The Basic plan has 500 MB of storage. The Premium plan has 2 TB of storage. "
    "Vacation is 10 days per year. Parental leave is paid for 16 weeks. "
    "Rooms are 5 m wide. The hall is 80 feet wide.\n\n"
    "| Plan | Uploads |\n|---|---|\n| Starter | 10 GB |\n| Team | 1 TB |",
)


@pytest.mark.parametrize(
    ("answer", "stands"),
    [
        ("Refresh tokens expire after 30 days.", True), ("Refresh tokens expire after 30 minutes.", False),
        ("An access token expires after half an hour.", True), ("An access token expires after 30 days.", False),
        ("Premium has 2 TB of storage.", True), ("The Basic plan has 2 TB of storage.", False),
        ("Parental leave is paid for 16 weeks.", True), ("Parental leave is paid for 10 days per year.", False),
        ("The hall is 80 feet wide.", True), ("Rooms are 80 feet wide.", False),
        ("Starter has 10 GB of uploads.", True), ("Starter has 1 TB of uploads.", False),
    ],
)  # fmt: skip
def test_a_value_in_another_unit_of_its_dimension_is_another_value(answer: str, stands: bool) -> None:
    assert claim(answer, DIMENSIONS).reason.startswith("" if stands else "belongs")
    assert claim(answer, DIMENSIONS).supported is stands


TIMES = st.tuples(st.integers(2, 90), st.sampled_from(["seconds", "minutes", "hours", "days", "weeks", "months"]))


@settings(deadline=None)
@given(TIMES, TIMES)
def test_two_things_keep_their_own_time_in_whatever_unit(one: tuple[int, str], other: tuple[int, str]) -> None:
    first, second = ("{} {}".format(*time) for time in (one, other))
    assume(key(facts_in(first)[0]) != key(facts_in(second)[0]))
    passage = Evidence("1", f"A parcel is kept for {first}. A letter is kept for {second}.")
    assert claim(f"A parcel is kept for {first}.", passage).supported
    assert claim(f"Letters are kept for {second}.", passage).supported
    assert not claim(f"A parcel is kept for {second}.", passage).supported
    assert not claim(f"Letters are kept for {first}.", passage).supported


LISTS = [  # two things, a value of each, and how a sentence says both
    ("Admins", "members", "30 days", "10 days", "{} have {}{} {} have {}."),
    ("Basic", "Premium", "$19", "$49", "{} costs {}{} {} costs {}."),
    ("Domestic parcels", "foreign parcels", "$6", "$19", "{} cost {}{} {} cost {}."),
    ("Staging", "production", "2 GB", "16 GB", "{} needs {} of memory{} {} needs {}."),
    ("The lobby", "the gym", "9 am", "6 am", "{} opens at {}{} {} opens at {}."),
    ("Letters", "parcels", "30 minutes", "14 days", "{} are kept for {}{} {} are kept for {}."),
]


@pytest.mark.parametrize("joint", [" and", ";", ", but", " while"])
@pytest.mark.parametrize(("one", "other", "first", "second", "form"), LISTS)
def test_of_two_things_in_a_sentence_each_keeps_its_value_in_either_order(
    one: str, other: str, first: str, second: str, form: str, joint: str
) -> None:
    def says(a: str, x: str, b: str, y: str) -> str:
        return form.format(a[0].upper() + a[1:], x, joint, b, y)

    passage = Evidence("1", says(one, first, other, second))
    assert claim(passage.text, passage).supported
    assert claim(says(other, second, one, first), passage).supported
    assert claim(says(one, second, other, first), passage).reason.startswith("belongs")
    assert claim(says(other, first, one, second), passage).reason.startswith("belongs")
