"""The benchmarks of the work itself run as printed in the README, and print what they say."""

from __future__ import annotations

import pytest

from tests.browser import chromium
from tests.running import run


def test_overhead_measures_ours_beside_the_alternatives() -> None:
    pytest.importorskip("langgraph")
    rows = run("overhead", "--runs", "3")
    assert set(rows) >= {"LangGraph, four nodes", "CrewAI, sequential Crew", "ours, Flow + four Tasks"}
    assert all(row["cpu_ms"] > 0 and row["peak_kb"] > 0 for row in rows.values())


def test_a_budget_that_processes_are_killed_on_is_never_exceeded() -> None:
    rows = run("caps", "--workers", "4", "--calls", "60", "--kills", "3")
    assert "SQLite" in rows
    for row in rows.values():
        assert (row["kills"], row["failed"], row["overshoot"], row["held at the end"]) == (3, 0, 0, 0)
        assert 0 < row["billed"] <= row["booked"] <= row["cap"] == pytest.approx(60 * 0.00055)


def test_the_router_decides_as_the_worked_questions_want() -> None:
    report = run("routing")
    assert list(report["worked"].values()) == ["frontier", "cheap"]
    assert all(row["p95"] > 0 for row in report["policies"].values())
    assert (report["policies"]["best"]["frontier"], report["policies"]["offline"]["local"]) == (1, 1)
    for row in report["policies"].values():
        assert sum(row[tier] for tier in ("local", "cheap", "frontier")) == pytest.approx(1)


def test_the_pages_are_measured_beside_their_targets() -> None:
    if chromium.PROGRAM is None:
        pytest.skip(chromium.MISSING)
    rows = run("front", "--times", "1", "--idle", "1", "--cases", "300", "--drafts", "40")
    assert {"first paint, cold", "event seen in the chat", "Handoffs, 60 steps: its address"} <= set(rows)
    assert all(row["median"] > 0 for name, row in rows.items() if "idle" not in name)
    assert all(row["target"] for name, row in rows.items() if "idle" not in name)


def test_killed_workers_lose_nothing_and_nothing_is_bought_twice() -> None:
    options = ("--tickets", "24", "--kills", "1", "--every", "1", "--database", "sqlite", "--only", "killed")
    found = run("chaos", *options)["sqlite: killed"]
    assert found["by_status"] == {"drafted": 24}, found.get("why")
    assert found["cases of two tickets"] == found["bought again after a reply"] == found["lost"] == 0
    assert found["answered by the simulator"] <= 24 + found["in flight when a worker ended"]


def test_the_traces_of_cases_are_what_their_ledger_says() -> None:
    rows = run("traces", "--cases", "4")
    assert rows["cases, traces"] == {"ledger": 4, "traces": 4}
    assert rows["spans"]["ledger"] == rows["spans"]["traces"] >= 4 * 9
    for row in ("model calls", "tokens read", "tokens written", "cost, USD"):
        assert rows[row]["ledger"] == pytest.approx(rows[row]["traces"])
        assert rows[row]["ledger"] > 0
    assert rows["cases that differ"]["traces"] == 0


def test_no_collector_changes_what_a_case_says() -> None:
    rows = run("telemetry_cost", "--turns", "2", "--exits", "0", "--ways", "good", "never answers")
    assert set(rows) == {"off", "good", "never answers"}
    assert {row["differ"] for row in rows.values()} == {0}
    assert rows["good"]["sent"] > 0 == rows["never answers"]["sent"]
