"""The benchmarks of what is known run as printed in the README, and print what they say."""

from __future__ import annotations

from pathlib import Path

from tests.running import run


def test_retrieval_on_the_sample_finds_the_right_page() -> None:
    rows = run("retrieval")
    doubts = rows.pop("unanswerable")
    assert rows["ours"]["hit@5"] >= 0.9
    alone = max(rows["words alone (BM25)"]["MRR@10"], rows["vectors alone (MiniLM)"]["MRR@10"])
    assert rows["ours"]["MRR@10"] >= alone - 0.01
    assert doubts["ours"]["AUROC"] > 0.6


def test_an_index_that_is_not_searched_exactly_finds_nearly_the_same() -> None:
    rows = run("scale", "--sizes", "300", "21000", "--asked", "40")
    assert set(rows["indexing"]) == {"first run", "nothing changed", "one file changed"}
    exact, compressed = (rows["searching"][f"{size} chunks"] for size in ("300", "21,000"))
    assert exact["recall@10"] == 1
    assert compressed["recall@10"] >= 0.9
    assert compressed["peak MB"] < 2_000


def test_damage_is_refused_by_name_and_a_kill_leaves_one_state_or_the_other() -> None:
    rows = run("damage", "--damages", "15", "--kills", "1")
    kills = rows.pop("killed while indexing")
    assert kills["tried"] == kills["old"] + kills["new"] == 1
    assert kills["whole afterwards"] == 1
    assert all(row["refused"] == row["tried"] > 0 for row in rows.values())


def test_hostile_files_are_accepted_or_skipped_with_a_reason() -> None:
    rows = run("hostile", "--only", "nested")
    assert rows["files"] > 0
    assert rows["unnamed"] == 0


def test_latency_prints_what_a_person_waits_for(tmp_path: Path) -> None:
    few = tmp_path / "questions.jsonl"
    few.write_text('{"id": "1", "text": "How do I reset my password?"}\n' * 3, encoding="utf-8")
    rows = run("latency", "--questions", str(few), "--cold", "1")
    assert {"search, warm", "ask, warm", "search, cold process"} <= set(rows)
    assert all(row["median"] > 0 for row in rows.values())
