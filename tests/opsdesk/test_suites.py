"""Regression suites: what a file may hold, what a check sees, what is a regression, what is written of it."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from errors import UsageError
from opsdesk.suites import baseline, from_cases, reports, running
from opsdesk.suites.checks import Answer, failures, slow
from opsdesk.suites.running import Result, Run
from opsdesk.suites.suite import Suite, read_suite
from tasks.case import Case, Citation, Claim, Handoff, Ticket
from tasks.experience import Word
from tests.hostile import HOSTILE

AT = datetime(2026, 11, 26, 12, tzinfo=UTC)
PRICE = "The Pro plan costs $49 per seat per month [1]. It includes **API access** with 50,000 calls a month [2]."


def suite_of(*tickets: dict[str, Any], **more: Any) -> Suite:
    return Suite.model_validate({"tickets": tickets, **more})


def case_of(answer: str = PRICE, **more: Any) -> Case:
    cited = [Citation(n=1, doc_id="plans.md", title="Plans and prices", locator="lines 1-9", quote="$49")]
    usual = {"case_id": "c-1", "ticket": Ticket(text="How much?"), "kb": "docs", "created_at": AT}
    return Case.model_validate({**usual, "outcome": "accepted", "answer": answer, "citations": cited, **more})


def paid(cost: float | None) -> Handoff:
    return Handoff.model_validate(
        {
            **{"seq": 1, "from": "writer", "to": "verifier", "task": "write", "attempt": 1, "status": "done"},
            **{"reason": "", "tier": "cheap", "model": "m", "tokens_in": 1, "tokens_out": 1, "model_calls": 1},
            **{"cost_usd": cost, "cost_all_frontier_usd": 1.0, "started_at": AT, "seconds": 1.0},
        }
    )


# --- the file --------------------------------------------------------------------------------------------

GOOD = "tickets:\n  - id: a\n    text: How much is it?\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tickets: []\n", ":1: tickets: a suite needs at least one ticket"),
        ("", "begins with tickets:"),
        ("- a\n", "begins with tickets:"),
        ("tickets:\n  - id: [\n", ":3: not YAML"),
        (GOOD + "  - id: a\n    text: And then?\n", ":4: ticket 'a': another ticket has that id too"),
        (GOOD + "    musst: $49\n", ":4: ticket 'a': musst: there is no such field"),
        (GOOD + "    outcome: answered\n", ":4: ticket 'a': outcome"),
        (GOOD + "    max_cost_usd: cheap\n", ":4: ticket 'a': max_cost_usd"),
        (GOOD + "    body: Also this?\n", ":2: ticket 'a': give either text (a question) or body"),
        ("tickets:\n  - text: How much?\n", ":2: ticket number 1: id: is missing"),
        ("tickets:\n  - id: a\n    text: ' '\n", "ticket 'a': give either text"),
        (GOOD + "    text: twice\n", ':4: "text" stands here twice'),
        ("a: &a [x, x]\nb: &b [*a, *a]\ntickets: *b\n", "aliases"),
        ("a: &a [*a]\ntickets: *a\n", "aliases"),
        ("tickets: !!python/object/apply:os.system [true]\n", "tags"),
        ("tickets: " + "[" * 5_000, "nested too deeply"),
        ("tickets:\n  - id: a\n    text: \x00\n", "not YAML"),
        (GOOD + "thresholds: {passed: 2}\n", ":4: thresholds.passed"),
    ],
)
def test_a_faulty_suite_is_told_of_by_ticket_field_and_line(text: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "suite.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as wrong:
        read_suite(file)
    assert told in str(wrong.value)
    assert "\n" not in str(wrong.value)


def test_a_file_that_is_too_large_is_no_text_or_is_not_there_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "suite.yaml"
    file.write_bytes(b"#" * 10_000_000)
    with pytest.raises(UsageError, match="more than 2 MB"):
        read_suite(file)
    file.write_bytes(b"tickets: \xff")
    with pytest.raises(UsageError, match="not UTF-8"):
        read_suite(file)
    with pytest.raises(UsageError, match="No such file"):
        read_suite(tmp_path / "none.yaml")


def test_scalars_stay_what_was_written_and_one_text_may_stand_for_a_list(tmp_path: Path) -> None:
    file = tmp_path / "suite.yaml"
    file.write_text("tickets:\n  - {id: 007, text: When, must: [2026-03-01, no, 1_000], cites: plans.md}\n")
    (one,) = read_suite(file).tickets
    assert (one.id, one.must, one.cites) == ("007", ("2026-03-01", "no", "1_000"), ("plans.md",))


# --- the checks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "demand",
    [
        "$49",
        "USD 49.00",
        "49 dollars per seat each month",
        "50000 calls per month",
        "API access",
        "pro PLAN",
        "costs $49",
    ],
)
def test_a_value_is_met_in_any_spelling_and_words_as_they_are(demand: str) -> None:
    assert Answer(PRICE).says(demand)


@pytest.mark.parametrize("demand", ["$490", "$4", "€49", "50 calls a month", "API", "access API", "Business $49", "9"])
def test_another_value_another_currency_and_other_words_are_not_met(demand: str) -> None:
    answer = Answer(PRICE.replace("API access", "API-access"))
    assert not answer.says(demand)


def test_what_the_list_of_sources_says_is_not_what_the_answer_says() -> None:
    assert not Answer("It is free [1].\n\nSources:\n\n- [1] Prices of $49").says("$49")


def test_each_failed_check_is_told_in_words() -> None:
    suite = suite_of(
        {"id": "a", "text": "?", "must": ["$39"], "must_not": ["$49"], "cites": ["other.md", "PLANS AND PRICES"]},
        {"id": "b", "text": "?", "outcome": ["abstained", "needs_human"], "max_cost_usd": 0.01, "max_seconds": 1},
    )
    assert failures(suite, suite.tickets[0], case_of()) == [
        'the answer does not say "$39"',
        'the answer says "$49", which it must not',
        'does not cite "other.md" but plans.md',
    ]
    dear = case_of(handoffs=[paid(0.05)], seconds=2.0, outcome_reason="all was proven")
    assert failures(suite, suite.tickets[1], dear) == [
        "came out as accepted, not abstained or needs_human: all was proven",
        "cost $0.0500, more than $0.0100",
    ]
    assert slow(suite, suite.tickets[1], dear) == "took 2.00 s, more than 1.00 s"
    unknown = case_of(handoffs=[paid(None)], outcome="abstained")
    assert "not wholly known" in " ".join(failures(suite, suite.tickets[1], unknown))


def test_a_ticket_without_any_demand_must_still_be_accepted() -> None:
    suite = suite_of({"id": "a", "text": "?"})
    assert failures(suite, suite.tickets[0], case_of()) == []
    assert failures(suite, suite.tickets[0], case_of(outcome="failed")) != []


# --- baselines -------------------------------------------------------------------------------------------


def run_of(passed: str, *, local: bool = True, cost: float | None = 0.0, policy: str = "offline") -> Run:
    """A run of tickets 0, 1, …: "+" passed, "-" failed."""
    results = [
        Result(
            str(n),
            mark == "+",
            [] if mark == "+" else ["it broke"],
            "",
            "accepted",
            f"c-{n}",
            cost,
            1.0,
            [],
            local,
            "d",
        )
        for n, mark in enumerate(passed)
    ]
    return Run("s", "docs", policy, "", {"local": "built-in"}, len(results), results, False)


def compared(now: Run, then: Run, tolerance: float = 0.25) -> baseline.Comparison:
    return baseline.compare(now, running.totals(now), baseline.kept(then, running.totals(then)), tolerance)


def test_of_tickets_without_a_model_a_single_lost_one_is_a_regression_and_is_named() -> None:
    found = compared(run_of("+-+"), run_of("++-"))
    assert (found.lost, found.gained, found.p) == (["1"], ["2"], None)
    assert found.regressions == ["1 passed and now fails: it broke"]
    assert compared(run_of("+++"), run_of("++-")).regressions == []


def test_of_paid_tickets_as_many_must_be_lost_as_chance_would_not_bring() -> None:
    few = compared(run_of("-----+++", local=False), run_of("++++++++", local=False))
    assert few.regressions == []
    assert few.p == pytest.approx(0.0625)
    assert few.lost == ["0", "1", "2", "3", "4"]
    assert "5 were lost and 0 gained" in few.notes[0]
    many = compared(run_of("------++", local=False), run_of("++++++++", local=False))
    assert many.p == pytest.approx(0.03125)
    assert "6 were lost and 0 gained" in many.regressions[0]
    assert compared(run_of("++++++++", local=False), run_of("------++", local=False)).regressions == []


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemars_p_is_the_sum_of_all_splits_that_are_no_likelier(lost: int, gained: int) -> None:
    changed = lost + gained
    chances = [math.comb(changed, k) / 2**changed for k in range(changed + 1)]
    expected = sum(chance for chance in chances if chance <= chances[lost] * (1 + 1e-9))
    assert baseline.mcnemar(lost, gained) == pytest.approx(min(1.0, expected))
    assert baseline.mcnemar(lost, gained) == baseline.mcnemar(gained, lost)


def test_a_run_that_is_dearer_than_its_tolerance_is_a_regression_and_an_unknown_cost_is_none() -> None:
    assert compared(run_of("+", cost=0.012), run_of("+", cost=0.01)).regressions == []
    assert "dearer by more than the 25%" in compared(run_of("+", cost=0.013), run_of("+", cost=0.01)).regressions[0]
    unknown = compared(run_of("+", cost=None), run_of("+", cost=0.01))
    assert (unknown.regressions, unknown.notes) == ([], ["the cost is not compared, since it is not wholly known"])


def test_a_baseline_of_something_else_is_refused_with_what_differs(tmp_path: Path) -> None:
    suite = suite_of({"id": "a", "text": "?"}, {"id": "b", "text": "?"})
    results = [running.result(suite, one, case_of()) for one in suite.tickets]
    run = Run("s", "docs", "offline", "", {"local": "m"}, 2, results, False)
    file = tmp_path / "kept.json"
    baseline.write(file, baseline.kept(run, running.totals(run)))
    kept = baseline.read(file)
    baseline.check(kept, file, suite, "offline", "", {"local": "m"})
    other = suite_of({"id": "a", "text": "?", "must": ["$49"]}, {"id": "c", "text": "?"})
    with pytest.raises(UsageError) as wrong:
        baseline.check(kept, file, other, "best", "", {"local": "m"})
    told = str(wrong.value)
    assert "it lacks c; the suite lacks b; other than then is a; it was made under the policy offline, not best" in told
    with pytest.raises(UsageError, match="no paid model, not cheap x"):
        baseline.check(kept, file, suite, "offline", "", {"local": "m", "cheap": "x"})
    file.write_text("{}")
    with pytest.raises(UsageError, match="no baseline"):
        baseline.read(file)


def test_every_ticket_must_pass_unless_a_threshold_or_a_baseline_says_otherwise() -> None:
    of = running.totals(run_of("+" * 18 + "--"))

    def missed(*, compared: bool = False, **asked: float) -> list[str]:
        thresholds = suite_of({"id": "a", "text": "?"}, thresholds=asked).thresholds
        return [one.name for one in running.thresholds(thresholds, of, compared=compared) if not one.kept]

    assert missed() == ["passed"]
    assert missed(passed=0.9) == []
    assert missed(compared=True) == []
    assert missed(compared=True, passed=0.95) == ["passed"]
    assert missed(passed=0, p95_seconds=0.5) == ["p95 seconds"]


# --- what is written -------------------------------------------------------------------------------------


def report_of(text: str) -> reports.Report:
    result = Result(text, False, [f'does not say "{text}"'], "", "accepted", "c-1", None, 1.0, ["local"], True, "d")
    run = Run(text, text, "offline", "", {"local": "m"}, 1, [result], False)
    of = running.totals(run)
    return reports.Report(
        run, of, running.thresholds(suite_of({"id": "a", "text": "?"}).thresholds, of, compared=False), None
    )


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_texts_are_words_in_every_report(text: str) -> None:
    report = report_of(text[:5_000])
    root = ElementTree.fromstring(reports.junit(report))
    assert {node.tag for node in root.iter()} == {
        *("testsuites", "testsuite", "properties", "property", "testcase", "failure", "system-out"),
    }
    written = reports.markdown(report)
    assert not any(mark in written.replace("<details><summary>", "").replace("</summary>", "").replace("</details>", "")
                   for mark in ("<", "](", "![", "**", "://", "@"))  # fmt: skip
    assert {line.count("|") for line in written.splitlines() if line.startswith("|")} <= {3, 5}
    json.dumps(reports.as_json(report))


def test_junit_counts_its_failures() -> None:
    root = ElementTree.fromstring(reports.junit(report_of("a")))
    assert (root.attrib["tests"], root.attrib["failures"]) == ("2", "2")
    assert len(root.findall(".//failure")) == 2


# --- from cases ------------------------------------------------------------------------------------------


def asked(text: str, day: int, **more: Any) -> Case:
    claims = [
        Claim(text="The Pro plan costs $49 per seat per month.", supported=True, citations=[1]),
        Claim(text="It includes 70,000 calls.", supported=False, citations=[1]),
    ]
    at = AT.replace(day=day)
    return case_of(case_id=f"c-{day}", ticket=Ticket(text=text, **more), created_at=at, claims=claims)


def word(verdict: Any) -> Word:
    return Word(verdict, "", "ana", AT.isoformat())


def test_a_suite_is_made_of_what_people_accepted_and_then_of_what_was_proven(tmp_path: Path) -> None:
    hostile = "'; - [x]: {y} & *z !tag #c\n\u2028 \u202e ünï\t\x85"
    closed = [
        (asked("How much is the Pro plan?", 1), [word("accept")]),
        (asked("Hello, how much is the Pro plan, please", 2), []),  # asks the same, and nobody has looked at it
        (asked("What does Business cost?", 3), [word("accept"), word("reject")]),
        (asked(hostile, 4, kind="reply", subject="No: 'yes'", ticket_id="T 1"), []),
        (asked("Which plans have an API?", 5, audience="staff"), []),
        (case_of(outcome="abstained"), [word("accept")]),
    ]
    found = from_cases.worth_keeping(closed, "docs")
    assert [one.case.case_id for one in found] == ["c-1", "c-5", "c-4"]
    made = from_cases.suite_text(found, 10, "out.yaml")
    assert "1 accepted by people, 2 accepted by the proof alone" in made.text
    assert "personal data" in made.text
    file = tmp_path / "out.yaml"
    from_cases.write(file, made.text)
    first, second, third = read_suite(file).tickets
    assert (first.must, first.cites, first.outcome) == (("$49 per seat per month",), ("plans.md",), ("accepted",))
    assert (second.audience, third.id, third.body, third.subject) == ("staff", "T 1", hostile, "No: 'yes'")
    assert [ticket for ticket in yaml.safe_load(made.text)["tickets"] if "70,000" in str(ticket)] == []
