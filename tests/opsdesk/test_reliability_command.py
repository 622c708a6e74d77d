"""`opsdesk reliability` and `opsdesk prune`, as a person runs them over a database of made-up cases."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from benchmarks.front_data import fill
from opsdesk.desk import Desk
from opsdesk.settings import Settings
from opsdesk.worker import Worker
from tasks.case import Case, Ticket


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("filled")
    fill(Desk(Settings(home=home)).task_list.database, cases=300, drafts=0)
    return home


@pytest.fixture
def of_filled(home: Path, filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPSDESK_HOME", str(filled))


@pytest.mark.usefixtures("of_filled")
def test_the_json_has_each_source_apart_and_adds_up(run: Callable[..., Any]) -> None:
    found = run("reliability", "--since", "2000-01-01", "--json").json
    crew, people = found["sources"]
    assert (crew["source"], people["source"]) == ("verifier", "people")
    assert crew["cases"] == 301
    assert [layer["layer"] for layer in crew["layers"]] == [
        "routing", "retrieval", "tools", "writing", "proof", "surface",
    ]  # fmt: skip
    assert crew["clean"]["hits"] + crew["mended"] == crew["end_to_end"]["hits"] + crew["held"]
    desk = Desk(Settings())
    for layer in crew["layers"]:
        assert layer["hits"] + layer["leaks"] == layer["of"] <= crew["cases"]
        assert all(desk.case(case_id) for case_id in layer["examples"])
        assert bool(layer["examples"]) == (layer["leaks"] > 0)
    assert [each["k"] for each in crew["pass_k"]] == [1, 2, 3, 4, 5]
    assert found["by"] is None
    assert found["rows"] == []


@pytest.mark.usefixtures("of_filled")
@pytest.mark.parametrize("by", ["intent", "tier", "kb", "day", "week"])
def test_rows_add_up_to_the_whole(run: Callable[..., Any], by: str) -> None:
    found = run("reliability", "--since", "2000-01-01", "--by", by, "--json").json
    for whole in found["sources"]:
        rows = [row for row in found["rows"] if row["source"] == whole["source"]]
        assert len(rows) > 1
        for name in ("cases", "mended", "held"):
            assert sum(row[name] for row in rows) == whole[name]
        leaks = {layer["layer"]: layer["leaks"] for layer in whole["layers"]}
        for layer, count in leaks.items():
            assert sum(one["leaks"] for row in rows for one in row["layers"] if one["layer"] == layer) == count


@pytest.mark.usefixtures("of_filled")
def test_a_lead_reads_which_seam_leaks_most_and_what_to_open(run: Callable[..., Any]) -> None:
    found = run("reliability", "--since", "2000-01-01", "--by", "tier")
    assert found.code == 0
    assert "By the crew's own proof" in found.out
    assert "Writing leaks most" in found.out
    assert "went well from end to end" in " ".join(found.out.split())
    assert "pass^2" in found.out
    assert "By tier" in found.out
    narrow = run("reliability", "--since", "2000-01-01", "--kb", "no such").out
    assert "No case has been closed since 2000-01-01" in narrow


@pytest.mark.parametrize(
    "command", [["reliability"], ["replay", "--policy", "best"], ["eval", "--from-cases", "s.yaml"]]
)
def test_a_day_that_is_none_is_wrong_usage(run: Callable[..., Any], command: list[str]) -> None:
    found = run(*command, "--since", "20261101")
    assert found.code == 2
    assert "write it as YYYY-MM-DD" in found.err


def old(desk: Desk, case_id: str, days: int) -> None:
    at = datetime.now(UTC) - timedelta(days=days)
    case = Case(case_id=case_id, ticket=Ticket(text="How?"), kb="help", created_at=at)
    desk.task_list.open_case(case)
    case.outcome = "accepted"
    desk.task_list.close(case)


def test_prune_says_what_would_go_and_then_deletes_it(
    run: Callable[..., Any], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(Settings(home=home))
    old(desk, "c-old", 100)
    old(desk, "c-new", 1)
    assert run("prune").code == 2  # nothing is set: everything is kept
    monkeypatch.setenv("OPSDESK_KEEP_DAYS", "90")
    before = [run(command, "--json").json for command in ("costs",)]
    assert run("prune", "--dry-run", "--json").json["cases"] == 1
    assert desk.case("c-old")
    found = run("prune", "--vacuum")
    assert found.code == 0
    assert "1 cases pruned" in found.out
    assert desk.task_list.find("c-old") is None
    assert desk.case("c-new")
    assert [run(command, "--json").json for command in ("costs",)] == before
    assert run("prune", "--json").json["cases"] == 0
    assert run("prune", "--dry-run", "--vacuum").code == 2


def test_a_worker_prunes_by_itself(home: Path) -> None:
    desk = Desk(Settings(home=home, keep_cases=1))
    old(desk, "c-old", 100)
    old(desk, "c-new", 1)
    worker = Worker(desk)
    running = threading.Thread(target=worker.run)
    running.start()
    until = time.monotonic() + 60
    while desk.task_list.find("c-old") and time.monotonic() < until:
        time.sleep(0.05)
    worker.ending.set()
    running.join()
    assert desk.task_list.find("c-old") is None
    assert desk.case("c-new")
