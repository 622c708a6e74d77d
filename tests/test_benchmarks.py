"""Every benchmark runs, at a small size, and prints one JSON value of the figures that it names."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]


def run(name: str, *arguments: str) -> Any:
    command = [sys.executable, "-m", f"benchmarks.{name}", "--json", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_overhead_measures_ours_beside_the_alternatives() -> None:
    pytest.importorskip("langgraph")
    rows = run("overhead", "--runs", "3")
    assert set(rows) >= {"LangGraph, four nodes", "CrewAI, sequential Crew", "ours, Flow + four Tasks"}
    assert all(row["cpu_ms"] > 0 for row in rows.values())


def test_retrieval_on_the_sample_finds_the_right_page() -> None:
    rows = run("retrieval")
    assert rows["ours"]["hit@5"] >= 0.9
    assert set(rows) == {"words alone (BM25)", "vectors alone (MiniLM)", "ours"}


def test_no_answer_on_the_sample_holds_a_loose_figure() -> None:
    counts = run("answers")["count"]
    assert counts["loose figures"] == 0
    assert counts["figures"] > 20
    assert counts["accepted"] >= 15


def test_latency_prints_what_a_person_waits_for() -> None:
    assert {"search, warm", "ask, warm", "search, cold process"} <= set(run("latency"))
