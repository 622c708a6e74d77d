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
    doubts = rows.pop("unanswerable")
    assert rows["ours"]["hit@5"] >= 0.9
    alone = max(rows["words alone (BM25)"]["MRR@10"], rows["vectors alone (MiniLM)"]["MRR@10"])
    assert rows["ours"]["MRR@10"] >= alone - 0.01
    assert doubts["ours"]["AUROC"] > 0.6


def test_an_index_that_is_not_searched_exactly_finds_nearly_the_same() -> None:
    rows = run("scale", "--sizes", "300", "25000")
    assert set(rows["indexing"]) == {"first run", "nothing changed", "one file changed"}
    exact, compressed = (rows["searching"][f"{size} chunks"] for size in ("300", "25,000"))
    assert exact["recall@10"] == 1
    assert compressed["recall@10"] >= 0.9
    assert compressed["peak MB"] < 2_000


def test_damage_is_refused_by_name_and_a_kill_leaves_one_state_or_the_other() -> None:
    rows = run("damage", "--damages", "40", "--kills", "3")
    kills = rows.pop("killed while indexing")
    assert kills["tried"] == kills["old"] + kills["new"] == 3
    assert kills["whole afterwards"] == 1
    assert all(row["refused"] == row["tried"] > 0 for row in rows.values())


def test_hostile_files_are_accepted_or_skipped_with_a_reason() -> None:
    rows = run("hostile", "--only", "nested")
    assert rows["files"] > 0
    assert rows["unnamed"] == 0


def test_no_answer_on_the_sample_holds_a_loose_figure() -> None:
    counts = run("answers")["count"]
    assert counts["loose figures"] == 0
    assert counts["figures"] > 20
    assert counts["accepted"] >= 15


def test_latency_prints_what_a_person_waits_for() -> None:
    assert {"search, warm", "ask, warm", "search, cold process"} <= set(run("latency"))
