"""`opsdesk eval`: the sample's own suite against its kept run, and what a person meets on the way."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from opsdesk.desk import Desk
from opsdesk.settings import Settings
from tasks.case import Ticket
from tests.simulator import Model, Simulator

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


def test_ctrl_c_keeps_what_was_done_and_says_so(run: Any, suite: Path, tmp_path: Path) -> None:
    count = 60
    tickets = "".join(f"  - {{id: t{n}, text: How do I reset my password {n}}}\n" for n in range(count))
    suite.write_text(f"documents: [docs]\ntickets:\n{tickets}", encoding="utf-8")
    Desk(Settings()).task_list.recent(1)

    def press_once_a_ticket_is_done() -> None:
        cases = Desk(Settings()).task_list
        while sum(bool(line.outcome) for line in cases.recent(5)) < 2:  # the first is on the report for sure
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    pressing = threading.Thread(target=press_once_a_ticket_is_done, daemon=True)
    pressing.start()
    found = run("eval", suite, "--json", "--save-baseline", tmp_path / "kept.json")
    pressing.join()
    assert found.code == 130
    assert (found.json["stopped"], found.json["ok"], found.json["thresholds"]) == (True, False, [])
    done = [ticket["id"] for ticket in found.json["tickets"]]
    assert done == [f"t{n}" for n in range(len(done))]
    assert 0 < len(done) < count
    assert not (tmp_path / "kept.json").exists()
    assert "not kept" in found.err
    assert "what was finished is kept" in found.err


def test_with_a_tier_it_writes_and_is_paid_and_another_model_has_no_baseline(
    run: Any, suite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, price = "sk-canary-0123456789abcdef", (100, 10, 500)
    kept, junit = tmp_path / "kept.json", tmp_path / "out.xml"
    with Simulator({"gpt-6-luna": Model(price=price, key=key), "gpt-6.1-sol": Model(price=price, key=key)}) as sim:
        for tier, model in (("CHEAP", "gpt-6-luna"), ("FRONTIER", "gpt-6.1-sol")):
            for name, value in (("MODEL", model), ("BASE_URL", sim.base_url), ("API_KEY", key)):
                monkeypatch.setenv(f"OPSDESK_TIERS__{tier}__{name}", value)
        found = run("eval", suite, "--tier", "cheap", "--save-baseline", kept, "--json").json
        assert (found["policy"], found["tier"]) == ("best", "cheap")
        assert set(found["models"]) == {"local", "cheap"}
        written = found["tickets"][0]
        assert (written["passed"], written["local"], "cheap" in written["tiers"]) == (True, False, True)
        assert written["cost_usd"] > 0
        assert found["totals"]["cost_usd"] == pytest.approx(sum(one["cost_usd"] for one in found["tickets"]))
        again = run("eval", suite, "--tier", "cheap", "--baseline", kept, "--junit", junit)
        assert again.code == 0, again.err
        other = run("eval", suite, "--tier", "frontier", "--baseline", kept)
        assert other.code == 2
        assert "made with --tier cheap, not frontier; it was made with cheap gpt-6-luna, not frontier" in other.err
    assert key not in junit.read_text(encoding="utf-8") + kept.read_text(encoding="utf-8")


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
