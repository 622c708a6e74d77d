"""The command line, as a person and as a program meet it: real files, a real database, real exit codes."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tasks.case import Case, Ticket
from tasks.task_list import TaskList
from tests.opsdesk.conftest import Result

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "opsdesk" / "sample" / "docs"


def one_line(result: Result, code: int) -> str:
    """The single line on stderr that a failed command prints."""
    assert result.code == code, result.err
    assert result.out == ""
    (line,) = result.err.splitlines()
    return line


def test_index_then_search_then_ask_then_trace(run: Any, page: Path) -> None:
    report = run("index", page.parent, "--kb", "help", "--json").json
    assert set(report) == {
        "kb", "documents", "chunks", "added", "updated", "removed", "unchanged", "skipped", "seconds",
    }  # fmt: skip
    assert (report["kb"], report["documents"], report["added"]) == ("help", 1, 1)

    found = run("search", "forgot my password", "--json").json
    assert set(found) == {"hits", "ms"}
    assert set(found["hits"][0]) == {"doc_id", "chunk_id", "title", "locator", "score", "text"}
    assert found["hits"][0]["doc_id"] == "reset.md"

    result = run("ask", "How do I reset my password?", "--json")
    case = result.json
    assert (result.code, case["outcome"]) == (0, "accepted")
    assert "1. Open the login page. [1]" in case["answer"]
    assert {"n", "doc_id", "title", "locator", "quote"} == set(case["citations"][0])
    assert {"text", "supported", "citations", "reason"} == set(case["claims"][0])
    assert {"intent", "complexity", "stakes", "tier", "reasons"} <= set(case["route"])
    assert {"name", "agent", "status", "attempts"} <= set(case["tasks"][0])
    assert {
        "seq", "from", "to", "task", "attempt", "status", "reason", "tier", "model", "tokens_in", "tokens_out",
        "tokens_cached", "cost_usd", "started_at", "seconds", "payload",
    } <= set(case["handoffs"][0])  # fmt: skip
    assert {
        "cost_usd", "cost_all_frontier_usd", "cost_is_known", "tokens_in", "tokens_out", "model_calls", "seconds",
    } <= set(case)  # fmt: skip
    assert case["cost_usd"] == 0
    assert case["cost_all_frontier_usd"] > 0

    assert case["stale"] == []
    assert run("trace", case["case_id"], "--json").json == case
    shown = run("trace", case["case_id"])
    assert "router → retriever" in shown.out
    assert "built-in extractive model" in json.dumps(case)


def test_indexing_again_brings_up_to_date(run: Any, page: Path) -> None:
    run("index", page.parent)
    (page.parent / "new.txt").write_text("Exports are ready within one hour.")
    page.write_text("# Reset\n\nAsk an admin.\n")
    report = run("index", page.parent, "--json").json
    assert (report["added"], report["updated"], report["removed"], report["unchanged"]) == (1, 1, 0, 0)
    page.unlink()
    report = run("index", page.parent, "--json").json
    assert (report["added"], report["updated"], report["removed"], report["unchanged"]) == (0, 0, 1, 1)


def test_what_was_skipped_is_named_with_its_reason(run: Any, page: Path) -> None:
    folder = page.parent
    (folder / "empty.md").write_text("")
    (folder / "binary.md").write_bytes(bytes(range(256)) * 40)
    (folder / "latin.txt").write_bytes("Café prices: a coffee costs 3 euros, a crêpe costs 5 euros.".encode("latin-1"))
    os.mkfifo(folder / "pipe.md")
    report = run("index", folder, "--json").json
    assert report["documents"] == 2
    assert {Path(s["path"]).name for s in report["skipped"]} == {"empty.md", "binary.md", "pipe.md"}
    assert all(s["reason"] for s in report["skipped"])


def test_queries_from_a_file_give_a_line_each(run: Any, page: Path, tmp_path: Path) -> None:
    run("index", page.parent)
    queries = tmp_path / "q.jsonl"
    queries.write_text('{"id": "a", "text": "password"}\n\n{"id": "b", "text": "login page", "relevant": []}\n')
    lines = [json.loads(line) for line in run("search", "--queries", queries, "-k", "3").out.splitlines()]
    assert [line["id"] for line in lines] == ["a", "b"]
    assert lines[0]["hits"][0]["doc_id"] == "reset.md"


def test_check_is_the_verifier_alone(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    passages = [{"id": "p", "text": "The Pro plan costs $49 per seat per month."}]
    rows = [
        {"id": 1, "answer": "The Pro plan costs $49 per seat per month.", "passages": passages},
        {
            "id": 2,
            "answer": "The Pro plan costs $59 per seat per month.",
            "passages": passages,
            "question": "How much?",
        },
    ]
    file.write_text("\n".join(map(json.dumps, rows)))
    good, bad = (json.loads(line) for line in run("check", file).out.splitlines())
    assert set(good) == {"id", "supported", "score", "claims"}
    assert set(good["claims"][0]) == {"text", "supported", "reason", "passage", "span"}
    assert (good["id"], good["supported"], bad["id"], bad["supported"]) == (1, True, 2, False)
    assert good["score"] > bad["score"]
    assert "$59" in bad["claims"][0]["reason"]


def test_an_abstention_is_a_result(run: Any, page: Path) -> None:
    run("index", page.parent)
    result = run("ask", "What is the boiling point of tungsten?", "--json")
    assert (result.code, result.json["outcome"], result.json["answer"]) == (0, "abstained", "")


@pytest.mark.parametrize("question", ["", "   ", "\u200b\u200b", "a\0b", "caf\udce9"])
def test_a_question_that_is_none_is_wrong_usage(run: Any, page: Path, question: str) -> None:
    run("index", page.parent)
    assert "opsdesk: the question" in one_line(run("ask", question), 2)


def test_a_question_of_200_kb_is_refused_with_what_to_do(run: Any, page: Path) -> None:
    run("index", page.parent)
    assert "opsdesk index FILE" in one_line(run("ask", "word " * 40_000), 2)


def test_without_a_knowledge_base_the_command_that_makes_one_is_named(run: Any, page: Path) -> None:
    assert "opsdesk index" in one_line(run("ask", "How?"), 2)
    assert "opsdesk index" in one_line(run("search", "password", "--kb", "other"), 2)
    assert "nowhere: No such file" in one_line(run("index", page.parent / "nowhere"), 2)


def test_an_empty_folder_makes_no_knowledge_base(run: Any, page: Path, tmp_path: Path) -> None:
    run("index", page.parent)
    (tmp_path / "nothing").mkdir()
    one_line(run("index", tmp_path / "nothing", "--kb", "nothing"), 2)
    assert run("search", "password", "--json").json["hits"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("not json", "answers.jsonl:1: not JSON"),
        ('{"id": 1}', '"answer" is missing'),
        ("[1]", '"id" is missing'),
        ('\n\n{"id": 1, "answer": "a", "passages": [1]}', "answers.jsonl:3:"),
        ('{"id": 1, "answer": null, "passages": []}', "not a text"),
        ('{"id": 1, "answer": "\\ud800", "passages": []}', "answers.jsonl:1"),
    ],
)
def test_a_bad_line_is_named(run: Any, tmp_path: Path, line: str, says: str) -> None:
    file = tmp_path / "answers.jsonl"
    file.write_text(line)
    assert says in one_line(run("check", file), 2)


def test_a_setting_that_makes_no_sense_is_named(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPSDESK_DEADLINE_S", "soon")
    assert "OPSDESK_DEADLINE_S" in one_line(run("trace", "c-1"), 2)


def test_a_deadline_that_has_passed_stops_with_3_and_prints_the_case(run: Any, page: Path) -> None:
    run("index", page.parent)
    result = run("ask", "How do I reset my password?", "--deadline", "0", "--json")
    assert (result.code, result.json["outcome"], result.json["stopped_by"]) == (3, "needs_human", "deadline")
    assert "deadline" in result.err


def test_a_case_whose_process_was_killed_can_be_traced(run: Any, home: Path) -> None:
    tasks = TaskList(f"sqlite:///{home / 'opsdesk.sqlite'}")
    case = Case(case_id="c-1", ticket=Ticket(text="How?"), kb="kb", created_at=datetime.now(UTC))
    tasks.open_case(case)
    tasks.start(case, "route")
    shown = run("trace", "c-1")
    assert shown.code == 0
    assert "in progress" in shown.out
    assert "route doing" in shown.out


def test_the_same_folder_spelled_otherwise_is_the_same_source(run: Any, page: Path) -> None:
    run("index", page.parent, "--kb", "help")
    page.write_text("# Reset\n\nAsk an admin.\n")
    report = run("index", page.parent / ".." / "docs", "--kb", "help", "--json").json
    assert (report["updated"], report["skipped"]) == (1, [])


def test_a_damaged_base_of_two_sources_is_not_rebuilt_from_one(
    run: Any, page: Path, tmp_path: Path, home: Path
) -> None:
    other = tmp_path / "other.md"
    other.write_text("# Other\n\nExports take an hour.\n")
    run("index", page.parent, other, "--kb", "help")
    (home / "kb" / "help" / "v000001" / "vectors.faiss").write_bytes(b"")
    line = one_line(run("index", other, "--kb", "help"), 1)
    assert str(page.parent) in line
    assert run("index", page.parent, other, "--kb", "help", "--json").json["documents"] == 2


def test_a_damaged_base_does_not_stop_the_others(run: Any, page: Path, home: Path) -> None:
    run("index", page.parent, "--kb", "one")
    run("index", page.parent, "--kb", "two")
    (home / "kb" / "one" / "v000001" / "manifest.json").write_text("{}")
    assert run("search", "password", "--json").json["hits"]


def test_a_flag_can_be_looked_for(run: Any, page: Path) -> None:
    page.write_text("# Flags\n\nThe option --verbose shows logs.\n")
    run("index", page.parent)
    assert run("search", "--json", "--", "--verbose").json["hits"]


def test_a_home_that_cannot_be_written_is_named(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("OPSDESK_HOME", str(tmp_path / "file" / "home"))
    assert "OPSDESK_HOME" in one_line(run("ask", "How?"), 1)


def test_state_is_for_the_owner_alone(run: Any, page: Path, home: Path) -> None:
    run("index", page.parent)
    run("ask", "How do I reset my password?")
    open_to_others = [path for path in home.rglob("*") if not path.is_symlink() and path.lstat().st_mode & 0o077]
    assert open_to_others == []


def test_a_token_that_would_outlive_the_calendar_is_wrong_usage(run: Any) -> None:
    refused = run("token", "make", "--tenant", "acme", "--days", "3000000")
    assert refused.code == 2
    assert "36500" in refused.err


def test_wrong_usage_exits_with_2(run: Any) -> None:
    assert run("ask").code == 2
    assert run("search").code == 2
    assert run("sing").code == 2


@pytest.mark.parametrize("command", ["index", "search", "ask", "check", "trace", "eval", "demo"])
def test_help_shows_how_to_call_a_command(run: Any, command: str) -> None:
    shown = run(command, "--help")
    assert shown.code == 0
    assert "opsdesk" in shown.out


def test_the_version_is_that_of_the_project(run: Any) -> None:
    shown = run("--version")
    assert (shown.code, shown.out) == (0, "opsdesk 0.1.0\n")


def test_control_characters_of_a_document_do_not_reach_the_terminal(run: Any, page: Path) -> None:
    page.write_text("# Reset\n\nTo reset the password press \x1b[31mred\x1b[0m twice.\n")
    run("index", page.parent)
    for shown in (run("search", "reset password"), run("ask", "How do I reset the password?")):
        assert "\x1b" not in shown.out


def test_ctrl_c_leaves_a_closed_case_and_exits_with_130(home: Path, page: Path, run: Any) -> None:
    run("index", page.parent)
    process = subprocess.Popen(
        [sys.executable, "-m", "opsdesk", "demo"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "router → retriever" in line:
            break
    time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
    with sqlite3.connect(home / "opsdesk.sqlite") as db:
        assert db.execute("SELECT count(*) FROM cases").fetchone()[0] >= 1
        assert db.execute("SELECT count(*) FROM cases WHERE outcome IS NULL").fetchone()[0] == 0
    again = run("ask", "How do I reset my password?", "--json")
    assert json.loads(again.out)["outcome"] == "accepted"


def test_a_reader_that_goes_away_is_no_error(home: Path, page: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = f"{sys.executable} -m opsdesk ask --help | head -n 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
