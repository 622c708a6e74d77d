"""`opsdesk router` and `opsdesk feedback`, as a person runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agents.experience import Experience, is_held_out
from agents.models import LocalModel
from opsdesk import learning
from opsdesk.desk import Desk
from opsdesk.settings import Settings
from tasks.case import LOCAL_MODEL, Case, Handoff, Route, StepName, Ticket
from tests.opsdesk.conftest import Result

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., Result]


@pytest.fixture
def desk(home: Path) -> Desk:
    return Desk(Settings(home=home))


def worked(desk: Desk, case_id: str, *, accepted: bool = True, at: datetime | None = None) -> None:
    """A kept case of one draft by the built-in model about an account."""
    at = at or datetime.now(UTC)
    case = Case(case_id=case_id, ticket=Ticket(text="How do I reset it?"), kb="kb", created_at=at)
    fields = {"intent": "account", "complexity": "simple", "stakes": "low", "tier": "local"}
    case.route = Route.model_validate({**fields, "reasons": [], "questions": []})
    desk.task_list.open_case(case)
    for step in ("write", "verify"):
        desk.task_list.record(case, _handoff(case, step, ok=accepted or step == "write"))
    case.outcome = "accepted" if accepted else "needs_human"
    desk.task_list.close(case)


def _handoff(case: Case, task: StepName, *, ok: bool) -> Handoff:
    fields = {"seq": len(case.handoffs) + 1, "from": "writer", "to": "asker", "task": task, "attempt": 1, "reason": ""}
    spent = {"tokens_in": 0, "tokens_out": 0, "cost_usd": 0, "cost_all_frontier_usd": 0, "seconds": 0.5}
    sent = {"claims": [{"text": "It is."}]}
    more = {"tier": "local", "model": LOCAL_MODEL, "started_at": case.created_at, "payload": {"sent": sent}}
    return Handoff.model_validate({**fields, **spent, **more, "status": "done" if ok else "failed"})


def many(desk: Desk, count: int, bad: int, name: str = "c") -> None:
    """`count` cases to learn from and a quarter as many held out; the same share of both is refused."""
    for held, number in ((False, count), (True, count // 4)):
        ids = [i for i in (f"{name}-{n}" for n in range(20 * count)) if is_held_out(i) is held][:number]
        for position, case_id in enumerate(ids):
            worked(desk, case_id, accepted=position >= bad * number // count)


def test_without_a_paid_tier_the_table_shows_the_built_in_model(run: Run) -> None:
    shown = run("router", "show", "--json").json
    assert (shown["version"], shown["policy"]) == (0, "balanced")
    assert [tier["tier"] for tier in shown["tiers"]] == ["local"]
    assert len(shown["cells"]) == len(shown["writes"]) == 9
    assert [cell["chance"] for cell in shown["cells"]] == pytest.approx([0.72] * 9)
    assert {writes["tier"] for writes in shown["writes"].values()} == {"local"}
    people = run("router", "show").out
    assert "nothing learned yet" in " ".join(people.split())
    assert "72% (0)" in people


def test_with_a_key_each_tier_has_a_column_and_the_key_is_not_shown(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-0123456789")
    shown = run("router", "show", "--json")
    assert [tier["tier"] for tier in shown.json["tiers"]] == ["local", "cheap", "frontier"]
    assert {writes["tier"] for writes in shown.json["writes"].values()} == {"cheap"}
    assert all(tier["input"] > 0 for tier in shown.json["tiers"][1:])
    assert "canary" not in shown.out + run("router", "show").out


def test_what_is_learned_is_in_force_until_it_is_taken_back(run: Run, desk: Desk) -> None:
    many(desk, 40, bad=30)
    dry = run("router", "learn", "--dry-run", "--json").json
    assert (dry["version"], dry["dry_run"], dry["refused"]) == (None, True, None)
    assert run("router", "show", "--json").json["version"] == 0

    learned = run("router", "learn", "--json").json
    assert (learned["version"], learned["observations"], learned["held_out"]) == (1, 50, 10)
    assert learned["loss_after"] < learned["loss_before"]
    assert learned["cells"] == {f"account|local|{LOCAL_MODEL}": {"good": 10.0, "bad": 30.0}}
    shown = run("router", "show", "--json").json
    (account,) = [cell for cell in shown["cells"] if cell["intent"] == "account"]
    assert (shown["version"], account["seen"]) == (1, 40)
    assert account["chance"] < 0.4
    assert "(in force)" in run("router", "history").out

    assert run("router", "rollback", "--json").json == {"version": 0, "was": 1}
    assert run("router", "show", "--json").json["version"] == 0
    assert [v["in_force"] for v in run("router", "history", "--json").json] == [False]
    assert run("router", "rollback").code == 2


def test_too_few_cases_teach_nothing_and_that_is_no_failure(run: Run, desk: Desk) -> None:
    worked(desk, "c-1")
    told = run("router", "learn")
    assert told.code == 0
    assert "too little was seen: 1 drafts" in told.out
    assert run("router", "history").out.startswith("nothing was learned yet")


def test_cases_older_than_the_window_are_left_out(run: Run, desk: Desk) -> None:
    worked(desk, "c-old", at=datetime.now(UTC) - learning.WINDOW - timedelta(days=1))
    worked(desk, "c-new")
    assert run("router", "learn", "--json").json["observations"] == 1


def test_a_persons_word_turns_what_is_learned(run: Run, desk: Desk) -> None:
    many(desk, 40, bad=0)
    ids = [case.case_id for case, _ in desk.records.closed(datetime.now(UTC) - timedelta(days=1))]
    for case_id in ids:
        learning.give_feedback(desk.records, case_id, "reject", "wrong plan", "Ada", datetime.now(UTC))
    learned = run("router", "learn", "--json").json
    assert learned["cells"] == {f"account|local|{LOCAL_MODEL}": {"good": 0.0, "bad": 40.0}}


def test_feedback_is_kept_with_its_case(run: Run, desk: Desk) -> None:
    worked(desk, "c-1")
    given = run("feedback", "c-1", "edit", "--reason", "too long", "--by", "Ada", "--json").json
    (word,) = given["feedback"]
    assert (word["verdict"], word["reason"], word["by"]) == ("edit", "too long", "Ada")
    assert datetime.fromisoformat(word["at"]).tzinfo is not None
    assert "counts as refused" in run("feedback", "c-1", "reopen").out
    assert [w.verdict for w in desk.records.given("c-1")] == ["edit", "reopen"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["c-9", "accept"], 'no case "c-9"'),
        (["c-1", "splendid"], "splendid"),
        (["c-1", "accept", "--reason", "x" * 2_001], "say it shorter"),
        (["c-1", "accept", "--by", "\udc80"], "no text"),
    ],
)
def test_feedback_that_cannot_be_kept_is_wrong_usage(run: Run, desk: Desk, arguments: list[str], why: str) -> None:
    worked(desk, "c-1")
    refused = run("feedback", *arguments)
    assert refused.code == 2
    assert why in refused.err
    assert desk.records.given("c-1") == []


def test_the_built_in_model_has_one_name(desk: Desk) -> None:
    assert learning.offers(desk, Experience())[0].model == LocalModel({}).model == LOCAL_MODEL


@pytest.mark.parametrize("arguments", [["router", "show"], ["router", "learn"], ["feedback", "c-1", "accept"]])
def test_none_of_these_commands_waits_for_crewai(home: Path, arguments: list[str]) -> None:
    program = (
        "import sys\n"
        "from opsdesk import cli\n"
        f"sys.argv = ['opsdesk', *{json.dumps(arguments)}]\n"
        "try: cli.main()\n"
        "finally: print('CREW' if 'crewai' in sys.modules else 'NO CREW', file=sys.stderr)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert "NO CREW" in done.stderr
