from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from knowledge_base.facts import Fact, facts_in, implied, key


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
    ],
)
def test_spellings_of_one_meaning_have_one_key(spellings: list[str]) -> None:
    assert {key(only(spelling)) for spelling in spellings} == {key(only(spellings[0]))}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("$5", "€5"), ("$5", "5%"), ("5 days", "5 business days"), ("$5/month", "$5/year"), ("5 GB", "5 MB"),
        ("$5", "$5/month"), ("09:00 UTC", "09:00 EST"), ("Python 3.1", "Python 3.10"), ("-5 °C", "5 °C"),
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
    ],
)
def test_both_ends_of_a_range_have_its_unit(text: str, expected: list[tuple[str, str, str]]) -> None:
    assert said(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "1. Open the console\n2. Restart it\n3. Wait", "see step 2", "repeat steps 3 and 4", "passage 3 says so",
        "as shown in section 4.2", "It is free [1].", "It is free [2, 3] [^4].", "one of them", "the first time",
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
    assert key(only("09:00")) in implied(only("9 am UTC"))


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
    ],
)
def test_hostile_repetition_takes_linear_time(unit: str) -> None:
    started = time.perf_counter()
    facts_in("5" + unit * (30_000 // len(unit)))
    assert time.perf_counter() - started < 2
