"""`opsdesk costs`: its figures are the handoffs' own, its rows add up, and its CSV runs nothing."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from opsdesk.desk import Desk
from opsdesk.settings import Settings
from tasks.case import Case, Handoff, Outcome, Route, Ticket
from tasks.task_list import TaskList

PRICE = 0.9
SPENT: list[tuple[str, Outcome, float | None]] = [
    ("acme", "accepted", 0.25),
    ("acme", "accepted", 0.1),
    ("acme", "needs_human", 0.05),
    ("=cmd|' /C calc'!A0", "abstained", 0.0),
    ("globex", "accepted", None),
]


def keep(tasks: TaskList, n: int, tenant: str, outcome: Outcome, cost: float | None) -> None:
    """A closed case with one handoff that cost so much."""
    at = datetime.now(UTC)
    ticket = Ticket(text="How much is it?")
    route = Route(intent="billing", complexity="simple", stakes="low", tier="cheap", reasons=[], questions=[])
    case = Case(case_id=f"c-{n}", ticket=ticket, kb="sample", tenant=tenant, created_at=at, route=route)
    tasks.open_case(case)
    tasks.start(case, "write")
    handoff: dict[str, Any] = {
        **{"seq": 1, "from": "writer", "to": "verifier", "task": "write", "attempt": 1, "status": "done"},
        **{"reason": "", "tier": "cheap", "model": "m", "tokens_in": 10, "tokens_out": 5, "tokens_cached": 0},
        **{"tokens_reasoning": 0, "tokens_estimated": False, "model_calls": 1, "cost_usd": cost},
        **{"cost_all_frontier_usd": 1.0, "started_at": at, "seconds": 1.0, "payload": {}},
    }
    tasks.record(case, Handoff.model_validate(handoff))
    case.outcome = outcome
    tasks.close(case)


@pytest.fixture
def kept(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OPSDESK_PRICE_PER_RESOLVED_USD", str(PRICE))
    for n, spent in enumerate(SPENT):
        keep(Desk(Settings(home=home)).task_list, n, *spent)
    return home


def test_each_tenant_has_its_cost_a_resolved_ticket_and_its_margin(kept: Path, run: Callable[..., Any]) -> None:
    found = run("costs", "--by", "tenant", "--json").json
    acme = next(row for row in found["rows"] if row["tenant"] == "acme")
    assert (acme["cases"], acme["resolved"], acme["cost_unknown"]) == (3, 2, 0)
    assert acme["cost_usd"] == pytest.approx(0.4)
    assert acme["cost_per_resolved_usd"] == pytest.approx(0.2)
    assert acme["margin_usd"] == pytest.approx(2 * PRICE - 0.4)
    globex = next(row for row in found["rows"] if row["tenant"] == "globex")
    assert (globex["resolved"], globex["cost_unknown"]) == (1, 1)


@pytest.mark.parametrize("by", ["day", "tier", "intent", "kb", "tenant"])
def test_rows_add_up_whatever_they_stand_for(by: str, kept: Path, run: Callable[..., Any]) -> None:
    found = run("costs", "--by", by, "--json").json
    for name in ("cases", "resolved", "cost_usd", "cost_unknown", "all_frontier_usd"):
        assert sum(row[name] for row in found["rows"]) == pytest.approx(found["total"][name])
    assert found["total"]["cases"] == len(SPENT)


def test_one_tenant_is_told_of_alone_and_without_a_price_there_is_no_margin(
    kept: Path, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPSDESK_PRICE_PER_RESOLVED_USD")
    found = run("costs", "--tenant", "acme", "--json").json
    assert [row["tenant"] for row in found["rows"]] == ["acme"]
    assert found["total"]["margin_usd"] is None
    assert "no price set" in run("costs").out


def test_a_tenant_of_that_name_runs_nothing_in_a_spreadsheet(kept: Path, run: Callable[..., Any]) -> None:
    rows = list(csv.reader(io.StringIO(run("costs", "--csv").out)))
    assert any("calc" in cell for row in rows for cell in row)
    assert all(not cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)


def test_json_and_csv_together_are_refused(kept: Path, run: Callable[..., Any]) -> None:
    assert run("costs", "--json", "--csv").code == 2
