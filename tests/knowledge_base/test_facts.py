from __future__ import annotations

import datetime as dt
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from knowledge_base.facts import Fact, facts_in, implied, key
from tests.growth import is_linear


def only(text: str) -> Fact:
    (fact,) = facts_in(text)
    return fact


def said(text: str) -> list[tuple[str, str, str]]:
    return [(fact.kind, fact.value, fact.unit) for fact in facts_in(text)]


@pytest.mark.parametrize(
    "spellings",
    [
        ["$1,200", "USD 1200.00", "1.2k dollars", "US$1200", "1 200 USD", "$1.2k", "１,２００ dollars"],
        ["€1.200,50", "1200.50 EUR", "1,200.50 euros", "€1 200.50"],
        ["75 cents", "75¢", "$0.75", "$.75"],
        ["$5M", "$5 million", "5,000,000 dollars"],
        ["20 %", "20%", "20 percent", "twenty per cent", "20 pct"],
        ["600 requests per minute", "600 req/min", "600 requests/minute", "600 rpm", "600 API requests per minute"],
        ["$49/mo", "$49 per month", "$49 a month", "$49 monthly", "USD 49 each month"],
        ["$8 per user per month", "$8/user/month", "$8/user/mo"],
        ["three business days", "3 business days", "3 working days", "**3** business days"],
        ["1 hour", "60 minutes", "one hour", "3600 seconds", "60-minute", "1h"],
        ["2 years", "24 months"],
        ["2026-03-01", "March 1, 2026", "1 March 2026", "Mar 1st, 2026", "1st of March 2026", "2026/03/01"],
        ["9 am", "09:00", "9:00 a.m.", "9AM"],
        ["v1.2.3", "1.2.3"],
        ["2½ hours", "2.5 hours", "150 minutes"],
        ["512 MB", "512MB", "512 mb"],
        ["1\u200b2\u200b34", "1234", "1,234", "1\u202f234"],
        ["twelve hundred dollars", "$1,200", "$1.2 thousand", "USD$1,200", "1 200 $"],
        ["₹5,00,000", "Rs. 5 lakh", "INR 500000"],
        ["CHF 1'200", "1’200 Swiss francs"],
        ["¢99", "99 cents", "$0.99"],
        ["three dollars and fifty cents", "$3.50"],
        ["4,50 €", "EUR 4.50", "€4,50"],
        ["-$5", "$-5", "minus $5", "−$5"],
        ["half a percent", "0.5%", "50 basis points", "50 bps", "5‰"],
        ["half an hour", "30 minutes", "1/2 hour", "½ hour"],
        ["an hour and a half", "90 minutes", "1h30m", "1 hour and 30 minutes", "1 1/2 hours", "1h30"],
        ["two weeks", "14 days", "one fortnight"],
        ["thirty (30) days", "30 calendar days", "30-day"],
        ["$95 annual fee", "$95 per annum", "$95/yr", "$95 per calendar year"],
        ["$8 per month per user", "$8 per user per month", "$8 (per user, per month)"],
        ["twice a month", "2 times per month", "two times each month"],
        ["double the points", "2x the points", "2× the points", "two times the points"],
        ["half the fee", "50% of the fee"],
        ["100 Mbps", "100 Mb/s", "100 megabits per second"],
        ["two dozen", "24"],
        ["the 15th of the month", "the fifteenth of the month"],
        ["24/7", "24x7", "24 hours a day, 7 days a week"],
        ["Q3 2025", "third quarter of 2025", "2025 Q3", "3Q25", "Q3 FY2025"],
        ["noon", "12 pm", "12:00"],
        ["3 p.m. ET", "15:00 ET", "3:00 PM Eastern Time"],
        ["(800) 555-0199", "+1 800 555 0199", "1-800-555-0199"],
        ["$1٢٣4", "$1234", "＄１２３４"],
        ["5 dаys", "5 days"],  # a Cyrillic letter
        ["АUTH-417", "AUTH-417"],  # another
    ],
)
def test_spellings_of_one_meaning_have_one_key(spellings: list[str]) -> None:
    assert {key(only(spelling)) for spelling in spellings} == {key(only(spellings[0]))}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("$5", "€5"), ("$5", "5%"), ("5 days", "5 business days"), ("$5/month", "$5/year"), ("5 GB", "5 MB"),
        ("$5", "$5/month"), ("09:00 UTC", "09:00 EST"), ("Python 3.1", "Python 3.10"), ("-5 °C", "5 °C"),
        ("512 MB", "512 MiB"), ("512 MB", "512 Mb"), ("$1.200", "$1,200"), ("$1.200", "$1.20"),
        ("0.5%", "0.5 percentage points"),
        ("5 m", "5 minutes"), ("5 MW", "5 mW"), ("5 g", "5 kg"), ("--dry-run=client", "--dry-run=server"),
        ("2x", "2"), ("24/7", "24/5"), ("1:1", "1:2"), ("v1.2", "v1.20"), ("m5", "m6"), ("$5 per user", "$5 per month"),
        ("thirty (60) days", "30 days"), ("$5/transaction", "$5"), ("5 working hours", "5 hours"),
        ("10² units", "102 units"),
        ("noon", "midnight"), ("Q3 2025", "Q3 2026"), ("the 15th", "15"), ("CAD 5", "AUD 5"), ("5 lakh", "5 crore"),
        ("AUTH-417", "AUTH-41"), ("`rm -rf /tmp/a`", "`rm -rf /tmp`"), ("`ls -a`", "`ls -A`"), ("5 CAD", "$5"),
    ],
)  # fmt: skip
def test_what_differs_in_meaning_differs_in_key(one: str, other: str) -> None:
    assert key(only(one)) != key(only(other))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5–10 minutes", [("quantity", "5", "minute"), ("quantity", "10", "minute")]),
        ("$5-$10", [("money", "5", "USD"), ("money", "10", "USD")]),
        ("$5-10", [("money", "5", "USD"), ("money", "10", "USD")]),
        ("between 5 and 10 GB", [("quantity", "5", "GB"), ("quantity", "10", "GB")]),
        ("five to ten days", [("quantity", "5", "day"), ("quantity", "10", "day")]),
        ("5%-10%", [("percent", "5", "%"), ("percent", "10", "%")]),
        ("$5-10k", [("money", "5000", "USD"), ("money", "10000", "USD")]),
        ("$500 to $1k", [("money", "500", "USD"), ("money", "1000", "USD")]),
        ("$5-$10 per month", [("money", "5", "USD/month"), ("money", "10", "USD/month")]),
        ("5-7 business days", [("quantity", "5", "business day"), ("quantity", "7", "business day")]),
        ("9-11 am", [("time", "09:00", ""), ("time", "11:00", "")]),
        ("11-2 pm", [("time", "11:00", ""), ("time", "14:00", "")]),
        ("9:00-17:00", [("time", "09:00", ""), ("time", "17:00", "")]),
        ("March 1-15, 2026", [("date", "2026-03-01", ""), ("date", "2026-03-15", "")]),
        ("Mon-Fri", [("date", "monday", ""), ("date", "friday", "")]),
    ],
)
def test_both_ends_of_a_range_have_its_unit(text: str, expected: list[tuple[str, str, str]]) -> None:
    assert said(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "1. Open the console\n2. Restart it\n3. Wait", "see step 2", "repeat steps 3 and 4", "passage 3 says so",
        "as shown in section 4.2", "It is free [1].", "It is free [2, 3] [^4].", "one of them", "the first time",
        "third-party cookies", "double-check it", "one-time", "first-class", "a month", "in May", "once in a while",
        "two-factor authentication", "e.g. this, i.e. that", "and/or", "Stop.Then go on", "zero-downtime",
    ],
)  # fmt: skip
def test_what_only_points_or_counts_off_is_no_fact(text: str) -> None:
    assert said(text) == []


def test_a_number_that_begins_a_wrapped_line_is_not_taken_for_a_list_number() -> None:
    assert said("The fee is\n49. Pay it soon.") == [("number", "49", "")]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("m5.large", "identifier", "m5.large"), ("INC-9042", "identifier", "inc-9042"), ("p99", "identifier", "p99"),
        ("KubePodCrashLooping", "identifier", "kubepodcrashlooping"), ("MAX_CONN", "identifier", "max_conn"),
        ("--dry-run", "identifier", "--dry-run"), ("us-east-1a", "identifier", "us-east-1a"),
        ("2-step", "identifier", "2-step"), ("os.path", "identifier", "os.path"), ("10.0.0.1", "version", "10.0.0.1"),
        ("us\\-east\\-1", "identifier", "us-east-1"), ("`kubectl`", "identifier", "kubectl"),
        ("`$ kubectl  get pods`", "command", "kubectl get pods"), ("/etc/hosts", "path", "/etc/hosts"),
        ("~/notes.txt", "path", "~/notes.txt"), ("src/app.py", "path", "src/app.py"),
        ("(https://Example.com/A/b/).", "url", "https://example.com/A/b"), ("<Bob@Ex.com>,", "email", "bob@ex.com"),
        ("01/03/2026", "date", "2026-01-03|2026-03-01"), ("13/03/2026", "date", "2026-03-13"),
        ("May 2026", "date", "2026-05"), ("March 5", "date", "--03-05"), ("Python 3.10", "number", "3.10"),
    ],
)  # fmt: skip
def test_names_places_and_dates_have_a_canonical_value(text: str, kind: str, value: str) -> None:
    fact = only(text)
    assert (fact.kind, fact.value) == (kind, value)


def test_each_line_of_a_code_block_is_a_command_and_a_comment_is_prose() -> None:
    block = "```bash\n$ kubectl get pods \\\n    -n web\n# wait 5 minutes\nls -la\n```\n"
    assert said(block) == [
        ("command", "kubectl get pods -n web", ""),
        ("quantity", "5", "minute"),
        ("command", "ls -la", ""),
    ]


def test_an_amount_in_backticks_is_an_amount() -> None:
    assert said("Set it to `500ms`.") == [("quantity", "500", "millisecond")]


def test_a_source_states_the_less_specific_too_but_never_the_more_specific() -> None:
    rate, date = only("600 requests per minute"), only("March 1, 2026")
    assert {key(only("600"))} < implied(rate)
    assert key(rate) not in implied(only("600"))
    assert key(only("$49")) in implied(only("$49/month"))
    assert key(only("$49/month")) not in implied(only("$49"))
    assert {key(only(text)) for text in ("March 2026", "2026", "March 1", "01/03/2026")} <= implied(date)
    assert key(date) not in implied(only("01/03/2026"))
    assert key(only("24 hours a day")) in implied(only("24/7"))
    assert key(only("Q3")) in implied(only("Q3 2025"))
    assert key(only("09:00")) in implied(only("9 am UTC"))


@pytest.mark.parametrize(
    "disguised",
    [
        "$1О0", "$1O0", "$lOO", "$1,OOO", "1,OOO", "l0", "lO%", "$1\u033600", "$1\u20e500", "\u202e$001\u202c", "$1٭00",
        "$1З0",
    ],
)  # fmt: skip
def test_a_number_that_nobody_can_read_for_sure_is_a_fact_that_equals_no_number(disguised: str) -> None:
    facts = facts_in(f"It costs {disguised} here")
    assert facts
    readings = {
        value
        for text in ("1", "100", "$1", "$100", "$1,000", "1,000", "10", "10%", "$10", "$130", "$001")
        for value in implied(only(text))
    }
    assert not {key(fact) for fact in facts} <= readings


def test_a_look_alike_in_a_link_an_address_or_a_command_is_another() -> None:
    for true, false in [
        ("https://paypal.com/a", "https://pаypal.com/a"), ("a@example.com", "а@example.com"),
        ("`sudo ls`", "`sudо ls`"),
    ]:  # fmt: skip
        assert key(only(true)) != key(only(false))


def test_both_readings_of_an_ambiguous_price_are_stated_by_neither() -> None:
    ambiguous = only("1.200 EUR")
    assert key(ambiguous) in implied(only("€1,200"))
    assert key(ambiguous) in implied(only("€1.20"))
    assert key(only("€1,200")) not in implied(ambiguous)


def test_what_counts_is_not_what_is_counted_by() -> None:
    assert said("$20 per successful referral") == [("money", "20", "USD/referral")]
    assert said("2 cards per rolling 12-month period") == [("number", "2", ""), ("quantity", "12", "month")]
    assert said("12 monthly payments") == [("number", "12", "")]
    assert said("one card per vendor") == [("quantity", "1", "card/vendor")]


def test_code_that_holds_figures_states_them_too() -> None:
    (source,) = facts_in("Limits: `default quota = 80,000 units`")
    assert source.kind == "command"
    assert key(only("80,000")) in implied(source)
    assert key(source) not in implied(only("80,000"))


def test_brackets_and_braces_of_a_code_block_are_no_commands() -> None:
    assert said('```json\n{\n  "a": 1\n},\n]\n```') == [("command", '"a": 1', "")]


@given(st.text(st.sampled_from("ab5 $€%.,-–/:\n`~_@'’kM²½３\u200b\u00a0١") | st.characters(), max_size=80))
@example("2½ ¼ ⅟2 ↉ 1⁄2 ⁄ ⒈5⑽ 9㏂")
def test_facts_are_in_order_without_overlap_and_quote_the_source(text: str) -> None:
    position = 0
    for fact in facts_in(text):
        assert position <= fact.start < fact.end <= len(text)
        assert fact.text == text[fact.start : fact.end]
        position = fact.end


@given(st.text("ab 0179$€%.,-–/:_@k", max_size=60))
def test_every_digit_belongs_to_a_fact(text: str) -> None:
    text = "x " + text.replace(") ", " ").replace(". ", " ")  # nothing that could be a list number
    held = {i for fact in facts_in(text) for i in range(fact.start, fact.end)}
    assert {match.start() for match in re.finditer(r"\d", text)} <= held


_PRICES = ["{:,} dollars", "${:,}.00", "{:_} USD", "US${}", "USD {:,}", "$ {:,}"]


@given(st.integers(1, 10**8), st.integers(1, 10**8), st.sampled_from(_PRICES), st.sampled_from(_PRICES))
@example(1000, 1, "{:,} dollars", "US${}")
def test_prices_meet_in_all_formats_when_and_only_when_they_are_equal(a: int, b: int, form: str, other: str) -> None:
    def spelled(amount: int, form: str) -> str:
        return form.format(amount).replace("_", " ")

    assert key(only(spelled(a, form))) == key(only(spelled(a, other)))
    assert (key(only(spelled(a, form))) == key(only(spelled(b, other)))) == (a == b)


@given(st.integers(1, 400), st.integers(1, 400), st.sampled_from(["{} days", "{}-day", "{} d\u200bays", "**{}** days"]))
def test_durations_meet_only_when_they_are_equally_long(a: int, b: int, form: str) -> None:
    assert (key(only(form.format(a))) == key(only(f"{24 * b} hours"))) == (a == b)
    assert key(only(form.format(a))) != key(only(f"{b} business days"))


@given(st.dates(min_value=dt.date(1950, 1, 1), max_value=dt.date(2090, 1, 1)))
def test_a_day_is_the_same_in_every_order(day: dt.date) -> None:
    month = day.strftime("%B")
    for text in (
        f"{month} {day.day}, {day.year}",
        f"{day.day} {month[:3]} {day.year}",
        f"{day:%Y/%m/%d}",
        f"{day:%d.%m.%Y}",
    ):
        assert key(only(text)) == ("date", day.isoformat(), "")
    assert key(only(f"{day.month}/{day.day}/{day.year}")) in implied(only(day.isoformat()))


@given(st.text(max_size=200))
@example("\u202e1")
@example("1/0 hours, 0/0, 99/99 of the")
@example("9" * 5000)
@example(".1,200.1,200% .5,5€ .1.200,50 EUR")
def test_any_text_can_be_read(text: str) -> None:
    for fact in facts_in(text):
        assert key(fact) in implied(fact)


_PIECES = "0 12 5 00 000 1,200 , . ' $ € ₹ Rs. EUR % ½ 1/2 two half dozen per month user days am k bn lakh 1h v1. Q3 th"


@given(st.lists(st.sampled_from([*_PIECES.split(), " ", " ", "-", "–", "/", ":", "(", ")", "*", "\n"]), max_size=12))
def test_pieces_of_figures_can_be_read_in_any_order(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert all(fact.text == text[fact.start : fact.end] and key(fact) in implied(fact) for fact in facts_in(text))


@pytest.mark.parametrize(
    ("text", "stated"), [(" .1,200.50 dollars", "1200.5"), (" .5,5€", "5.5"), ("about .50 dollars", "0.5")]
)
def test_a_dot_before_a_figure_is_its_own_only_where_a_fraction_can_begin(text: str, stated: str) -> None:
    assert [fact.value for fact in facts_in(text)] == [stated]


@given(st.integers(0, 10**9), st.sampled_from(["{:,} dollars", "${}", "USD {:.2f}", "US${:,.2f}", "{} USD"]))
def test_a_price_keeps_its_value_in_every_format(amount: int, form: str) -> None:
    assert key(only(form.format(amount))) == ("amount", str(amount), "USD")


@pytest.mark.parametrize(
    "unit",
    [
        "1",
        "1,",
        "a.",
        "```\n",
        "`a",
        "twenty ",
        "1 ",
        "/a",
        " per a",
        "a@",
        "a",
        "[",
        "_",
        "US",
        "$",
        "1. ",
        "a-1-",
        "*",
        "1/2 ",
        "1:",
        "$1,O",
        "an hour and a half ",
        "1h",
        "March 1-",
        "9-10 am ",
        "+1 (555) ",
        "24 hours a day, ",
        "1, ",
        "1 to ",
        "\u202e1",
        "1\u0336",
        "dа1",
        "1²",
        "thirty (30) ",
        "1 a b c per ",
        "Mon-",
        "://",
    ],
)
def test_hostile_repetition_takes_linear_time(unit: str) -> None:
    assert is_linear(lambda length: facts_in("5" + unit * (length // len(unit))), 16_000)
