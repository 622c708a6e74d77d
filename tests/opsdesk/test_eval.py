"""`opsdesk eval`: the sample's own suite against its kept run, and what a person meets on the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from agents.crew import Crew
from opsdesk.desk import Desk
from opsdesk.settings import Settings
from tasks.case import Case, Ticket

SUITES = Path(__file__).parents[1] / "suites"
RESET = """
documents: [docs]
tickets:
  - id: reset
    text: How do I reset my password?
    must: [Forgot password]
    cites: reset.md
  - id: delete
    subject: Delete it
    body: Delete our whole workspace at once, backups too.
    outcome: needs_human
"""


@pytest.fixture
def suite(page: Path, tmp_path: Path) -> Path:
    """A suite that stands alone, over the one page."""
    file = tmp_path / "reset.yaml"
    file.write_text(RESET, encoding="utf-8")
    return file


def test_the_sample_answers_as_it_did_when_its_baseline_was_kept(run: Any, home: Path, tmp_path: Path) -> None:
    written = {"--junit": tmp_path / "out.xml", "--markdown": tmp_path / "out.md"}
    arguments = [part for pair in written.items() for part in pair]
    kept = SUITES / "sample.baseline.json"
    found = run("eval", SUITES / "sample.yaml", "--policy", "offline", "--baseline", kept, "--json", *arguments)
    assert found.code == 0, found.err
    told = found.json
    assert (told["ok"], told["baseline"]["lost"], told["baseline"]["gained"]) == (True, [], [])
    assert told["totals"]["outcomes"] == {"accepted": 7, "abstained": 1, "needs_human": 1}
    assert told["totals"]["cost_usd"] == 0
    assert "[9/9] pass delete-everything" in found.err
    first = told["tickets"][0]
    assert first["id"] == "pro-api-and-price"
    case = run("trace", first["case_id"], "--json").json
    assert (case["tenant"], case["stale"]) == ("opsdesk-eval", [])
    assert len(ElementTree.parse(written["--junit"]).findall(".//testcase")) == 10
    assert "Opsdesk suite sample: passed" in written["--markdown"].read_text(encoding="utf-8")
    assert not (home / "kb").exists() or not list((home / "kb").iterdir())


def test_a_page_that_changes_is_a_regression_that_names_ticket_check_and_case(
    run: Any, suite: Path, page: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.json"
    assert run("eval", suite, "--save-baseline", kept).code == 0
    before = kept.read_bytes()
    page.write_text(page.read_text().replace("Forgot password?", "Lost it?"), encoding="utf-8")
    found = run("eval", suite, "--baseline", kept, "--save-baseline", kept)
    assert found.code == 1
    assert "REGRESSION: reset passed and now fails" in found.out
    assert 'the answer does not say "Forgot password"' in found.out
    assert "opsdesk trace c-" in found.out
    assert found.err.splitlines()[-1].startswith("opsdesk: the suite does not pass: reset passed and now fails")
    assert kept.read_bytes() == before  # what regressed is not kept
    as_json = run("eval", suite, "--baseline", kept, "--json")
    assert (as_json.code, as_json.json["ok"], as_json.json["baseline"]["lost"]) == (1, False, ["reset"])


def test_ctrl_c_keeps_what_was_done_and_says_so(
    run: Any, suite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Crew.work

    def interrupted(self: Crew, case: Case, *more: Any) -> Case:
        if case.ticket.ticket_id == "delete":
            raise KeyboardInterrupt
        return work(self, case, *more)

    monkeypatch.setattr(Crew, "work", interrupted)
    found = run("eval", suite, "--json", "--save-baseline", tmp_path / "kept.json")
    assert found.code == 130
    assert (found.json["stopped"], found.json["ok"]) == (True, False)
    assert [ticket["id"] for ticket in found.json["tickets"]] == ["reset"]
    assert not (tmp_path / "kept.json").exists()
    assert "what was finished is kept" in found.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "give either a SUITE"),
        (["SUITE", "--from-cases", "out.yaml"], "give either a SUITE"),
        (["none.yaml"], "none.yaml: No such file"),
        (["SUITE", "--baseline", "none.json"], "none.json: No such file"),
        (["SUITE", "--tier", "cheap"], "the tier cheap is not configured"),
        (["SUITE", "--kb", "none"], '"none"'),
        (["--from-cases", "out.txt"], "ends in .yaml"),
    ],
)
def test_what_cannot_be_run_is_refused_in_one_line(run: Any, suite: Path, arguments: list[str], told: str) -> None:
    Desk(Settings()).index([suite.parent / "docs"], "help")
    found = run("eval", *(str(suite) if part == "SUITE" else part for part in arguments))
    assert found.code == 2
    (line,) = found.err.splitlines()
    assert told in line


def test_a_document_that_is_not_there_is_named(run: Any, suite: Path) -> None:
    suite.write_text(RESET.replace("[docs]", "[nowhere.md]"))
    found = run("eval", suite)
    assert (found.code, "nowhere.md" in found.err) == (2, True)


def test_cases_become_a_suite_that_passes_and_overwrites_nothing(run: Any, page: Path, tmp_path: Path) -> None:
    desk = Desk(Settings())
    desk.index([page], "help")
    case = desk.ask(Ticket(text="How do I reset my password?"), "help")
    assert case.outcome == "accepted"
    run("feedback", case.case_id, "accept")
    out = tmp_path / "made.yaml"
    found = run("eval", "--from-cases", out, "--json")
    assert (found.code, found.json) == (0, {"suite": str(out), "tickets": 1, "cases": 1})
    again = run("eval", "--from-cases", out)
    assert (again.code, "--force" in again.err) == (2, True)
    assert run("eval", "--from-cases", out, "--force").code == 0
    passed = run("eval", out, "--json")
    assert (passed.code, passed.json["totals"]["passed"]["hits"]) == (0, 1)
    none = run("eval", "--from-cases", tmp_path / "none.yaml", "--since", "2999-01-01")
    assert (none.code, "look further back" in none.err) == (1, True)


def test_the_kept_baseline_holds_nothing_that_depends_on_the_machine() -> None:
    kept = json.loads((SUITES / "sample.baseline.json").read_text(encoding="utf-8"))
    assert set(kept) == {"opsdesk_baseline", "suite", "policy", "tier", "models", "cost_usd", "tickets"}
    assert {frozenset(ticket) for ticket in kept["tickets"].values()} == {
        frozenset(("passed", "outcome", "local", "cost_usd", "digest", "failed"))
    }
