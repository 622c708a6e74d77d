"""`opsdesk draft` and `opsdesk batch`, as processes: rows in are rows out, and nothing is paid twice."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from errors import NoKnowledgeBase, StoreError, UsageError
from opsdesk import batch as batches
from opsdesk.batch import share
from opsdesk.desk import Desk
from opsdesk.likeness import likeness
from opsdesk.processes import end_with
from opsdesk.settings import Settings
from opsdesk.worker import Worker
from tasks.batches import Batch, Progress
from tasks.case import Ticket
from tasks.drafts import Drafts
from tests.simulator import Model, Simulator

ROOT = Path(__file__).resolve().parents[2]
CHEAP = "gpt-6-luna"
PRICE = (100_000, 100_000, 500_000)
SECONDS = 120


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """A paid model that takes half a second."""
    with Simulator({CHEAP: Model(price=PRICE, latency_s=0.5)}) as running:
        yield running


@pytest.fixture
def desk(home_of_all: Path) -> Desk:
    return Desk(Settings(home=home_of_all))


@pytest.fixture
def drafts(desk: Desk) -> Drafts:
    return Drafts(desk.task_list.database, desk.now)


def environment(home: Path, sim: Simulator | None = None) -> dict[str, str]:
    found = {name: value for name, value in os.environ.items() if not name.startswith(("OPSDESK_", "OPENAI_"))}
    found |= {"OPSDESK_HOME": str(home), "PYTHONPATH": str(ROOT)}
    if sim:
        tier = {"MODEL": CHEAP, "BASE_URL": sim.base_url, "API_KEY": "sk-simulated-123456", "MAX_CONCURRENCY": "4"}
        tier |= {"INPUT_PRICE": "100", "OUTPUT_PRICE": "500"}
        found |= {f"OPSDESK_TIERS__CHEAP__{name}": value for name, value in tier.items()}
        found |= {"OPSDESK_POLICY": "best", "OPSDESK_BUDGET_USD": "50"}
    return found


def start(arguments: list[str], env: dict[str, str], folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-P", "-m", "opsdesk", *arguments]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=folder, env=env, start_new_session=True, **pipes)


def run(arguments: list[str], env: dict[str, str], folder: Path) -> tuple[int, str, str]:
    process = start(arguments, env, folder)
    out, told = process.communicate(timeout=SECONDS)
    return process.returncode, out, told


def tickets(path: Path, texts: list[str]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "name", "message"])
        writer.writerows([f"T-{n}", "Ana" if n % 2 else "Bob", text] for n, text in enumerate(texts))
    return path


def test_rows_in_are_rows_out_in_order_and_the_same_command_drafts_nothing_again(
    home_of_all: Path, tmp_path: Path
) -> None:
    texts = ["How do I reset my password?", "", "What does a seat on Pro cost?", "Who wrote Hamlet?"]
    texts.append("Hello, how do I reset my password? Thanks")
    given, out = tickets(tmp_path / "in.csv", texts), tmp_path / "out.jsonl"
    (tmp_path / "tasks.py").write_text("raise RuntimeError('it is not Opsdesk who is meant')")
    command = ["draft", str(given), "--out", str(out), "--kb", "sample", "--json"]
    code, printed, told = run(command, environment(home_of_all), tmp_path)
    summary, rows = json.loads(printed), [json.loads(line) for line in out.read_text().splitlines()]
    assert code == 0, told
    assert [row["ticket_id"] for row in rows] == [f"T-{n}" for n in range(5)]
    assert [row["status"] for row in rows] == ["drafted", "rejected", "drafted", "abstained", "drafted"]
    assert rows[1]["error"] == "line 3: the text is empty"
    assert "$49" in rows[2]["draft"]
    assert rows[2]["citations"]
    assert (rows[4]["case_id"], rows[4]["cost_usd"]) == (rows[0]["case_id"], 0)
    assert "Bob," in rows[0]["draft"].splitlines()[0]
    assert rows[4]["draft"].splitlines()[1:] == rows[0]["draft"].splitlines()[1:]
    assert (summary["tickets"], summary["drafted"], summary["abstained"], summary["rejected"]) == (5, 3, 1, 1)
    assert summary["not_started"] == 0
    before = out.read_bytes()
    out.unlink()
    code, printed, told = run(command, environment(home_of_all), tmp_path)
    assert (code, out.read_bytes()) == (0, before)
    assert "--again" in told
    code, printed, _ = run(["batch", "list", "--json"], environment(home_of_all), tmp_path)
    assert [batch["state"] for batch in json.loads(printed)] == ["done"]


def test_a_batch_that_is_killed_goes_on_and_buys_nothing_twice(
    home_of_all: Path, tmp_path: Path, sim: Simulator, drafts: Drafts
) -> None:
    given = tickets(tmp_path / "in.csv", [f"What does a seat on Pro cost? Order {n}." for n in range(20)])
    command = ["draft", str(given), "--out", str(tmp_path / "out.csv"), "--kb", "sample", "--json"]
    env = environment(home_of_all, sim)
    first = start(command, env, tmp_path)
    give_up = time.monotonic() + SECONDS
    while sum(row["nano"] > 0 for row in sim.books.rows()) < 6:
        assert time.monotonic() < give_up, first.communicate(timeout=5)
        time.sleep(0.05)
    workers = subprocess.run(["pgrep", "-P", str(first.pid)], capture_output=True, text=True, check=True).stdout.split()
    os.kill(first.pid, signal.SIGKILL)
    for worker in workers:
        os.kill(int(worker), signal.SIGKILL)
    first.communicate()
    answered = sum(row["nano"] > 0 for row in sim.books.rows())
    code, printed, told = run(command, env, tmp_path)
    assert code == 0, told
    assert json.loads(printed)["drafted"] == 20
    newest = drafts.batches()[0][0]
    assert len({row.case_id for row in drafts.rows(newest.id)}) == 20
    all_answered = sum(row["nano"] > 0 for row in sim.books.rows())
    assert 20 <= all_answered <= 20 + 4  # what was on its way at the kill, at most the tier's four
    assert answered < 20
    assert len(list(csv.reader((tmp_path / "out.csv").open(newline="", encoding="utf-8-sig")))) == 21


def test_another_batch_that_was_left_running_is_left_alone(home_of_all: Path, tmp_path: Path, drafts: Drafts) -> None:
    older = drafts.make("older", "sample", [(Ticket(text="What does a seat on Pro cost?"), "")])
    given, out = tickets(tmp_path / "in.csv", ["How do I cancel my plan?"]), tmp_path / "out.jsonl"
    command = ["draft", str(given), "--out", str(out), "--kb", "sample", "--json"]
    code, printed, told = run(command, environment(home_of_all), tmp_path)
    assert (code, json.loads(printed)["tickets"]) == (0, 1), told
    assert drafts.progress(older).by_status == {"todo": 1}
    drafts.set_state(older, "cancelled")


def test_a_batch_whose_key_is_refused_stops_and_goes_on_with_another(
    home_of_all: Path, tmp_path: Path, sim: Simulator
) -> None:
    questions = [f"How do I reset my password? Case {n}." for n in range(20)]
    given = tickets(tmp_path / "in.csv", ["", *questions])
    out, env = tmp_path / "out.jsonl", environment(home_of_all, sim)
    sim.set(CHEAP, always="401")
    code, printed, told = run(["draft", str(given), "--out", str(out), "--kb", "sample", "--json"], env, tmp_path)
    summary = json.loads(printed)
    assert (code, summary["not_started"], summary["failed"], summary["cost_usd"]) == (1, 20, 0, 0), told
    assert "refuses the key" in told
    assert "opsdesk batch resume" in told
    assert len(sim.books.rows()) < 20  # nobody goes on knocking
    sim.set(CHEAP, always="")
    code, printed, told = run(["batch", "resume", "--out", str(out), "--json"], env, tmp_path)
    summary = json.loads(printed)
    assert (code, summary["drafted"]) == (0, 20), told
    assert [json.loads(line)["status"] for line in out.read_text().splitlines()] == ["rejected", *["drafted"] * 20]
    assert summary["cost_usd"] == pytest.approx(summary["booked_usd"], abs=1e-6)


def test_a_batch_that_nothing_came_of_has_failed_and_says_why(
    home_of_all: Path, tmp_path: Path, drafts: Drafts
) -> None:
    id_ = drafts.make("a", "sample", [(Ticket(text=""), "the text is empty"), (Ticket(text="How much?"), "")])
    row = drafts.queue.claim("w:1")
    assert row
    drafts.queue.fail(row, "six workers ended on it", None)
    code, printed, told = run(["batch", "resume", id_, "--json"], environment(home_of_all), tmp_path)
    assert (code, json.loads(printed)["failed"], json.loads(printed)["cost_usd"]) == (1, 1, None)
    assert "1 ticket failed, the first of them with: six workers ended on it" in told
    assert f"opsdesk batch retry-failed {id_}" in told


def test_ctrl_c_pauses_also_when_the_database_is_gone_for_a_moment(
    monkeypatch: pytest.MonkeyPatch, desk: Desk, drafts: Drafts
) -> None:
    id_ = drafts.make("a", "sample", [(Ticket(text="How do I export my data?"), "")])
    there, refused = drafts.set_state, list[str]()

    def gone_at_first(batch_id: str, state: Literal["running", "paused", "cancelled"]) -> None:
        if state == "paused" and len(refused) < 2:
            refused.append(state)
            raise StoreError("the server is being restarted")
        there(batch_id, state)

    def watch(_: object, __: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(drafts, "set_state", gone_at_first)
    with pytest.raises(KeyboardInterrupt):
        batches.run(desk, drafts, id_, watch, here=False)
    assert (drafts.batch(id_).state, len(refused)) == ("paused", 2)
    there(id_, "cancelled")


def test_who_only_watches_does_not_wait_for_a_dead_worker(desk: Desk, drafts: Drafts) -> None:
    id_ = drafts.make("a", "sample", [(Ticket(text="How do I export my data?"), "")])
    assert drafts.queue.claim("nobody:1", only=id_)

    def watch(batch: Batch, _: object) -> None:
        if batch.state == "running":
            drafts.set_state(id_, "paused")

    assert batches.run(desk, drafts, id_, watch, here=False).state == "paused"
    drafts.set_state(id_, "cancelled")


@pytest.mark.parametrize(("waiting", "concurrency"), [(400, 1), (400, 3), (400, 5), (30, 4), (1, 7), (400, 64)])
def test_no_more_tickets_are_at_work_at_once_than_was_asked_for(
    home_of_all: Path, waiting: int, concurrency: int
) -> None:
    places = share(Desk(Settings(home=home_of_all)), waiting, concurrency)
    assert sum(places) == concurrency
    assert min(places) >= 1


def test_a_batch_whose_knowledge_base_is_removed_is_paused_and_says_so(
    tmp_path: Path, desk: Desk, drafts: Drafts
) -> None:
    (tmp_path / "page.md").write_text("# Exports\n\nAn export is ready within one hour.\n")
    desk.index([tmp_path / "page.md"], "short-lived")
    id_ = drafts.make("a", "short-lived", [(Ticket(text="How do I export my data?"), "")])

    def watch(_: object, __: object) -> None:
        if "short-lived" in desk.kb_names():
            desk.remove("short-lived")

    with pytest.raises(NoKnowledgeBase):
        batches.run(desk, drafts, id_, watch)
    assert drafts.batch(id_).state == "paused"


def test_a_watcher_outlives_a_database_that_is_gone_for_a_while(
    monkeypatch: pytest.MonkeyPatch, desk: Desk, drafts: Drafts
) -> None:
    id_ = drafts.make("a", "sample", [(Ticket(text="How do I export my data?"), "")])
    there, seen = drafts.progress, list[int]()

    def sometimes_gone(batch_id: str) -> Progress:
        seen.append(len(seen))
        if seen[-1] in (2, 3):
            raise StoreError("the server is being restarted")
        if seen[-1] == 4:
            drafts.set_state(batch_id, "cancelled")
        return there(batch_id)

    monkeypatch.setattr(drafts, "progress", sometimes_gone)
    assert batches.run(desk, drafts, id_, lambda *_: None, here=False).state == "cancelled"
    assert len(seen) > 4


def test_a_worker_whose_parent_is_gone_before_it_looks_ends() -> None:
    ending = threading.Event()
    end_with(os.getpid(), ending)  # this process is not its own parent
    assert ending.is_set()


def test_at_its_cap_a_batch_stops_with_three_and_goes_on_under_a_larger_one(
    home_of_all: Path, tmp_path: Path, sim: Simulator
) -> None:
    given = tickets(tmp_path / "in.csv", [f"How do I reset my password? Case {n}." for n in range(20)])
    out = tmp_path / "out.jsonl"
    env = environment(home_of_all, sim)
    command = ["draft", str(given), "--out", str(out), "--kb", "sample", "--budget", "5", "--json"]
    code, printed, told = run(command, env, tmp_path)
    summary = json.loads(printed)
    assert code == 3, told
    assert "left for this batch" in told
    assert 0 < summary["not_started"] < 20
    assert sim.books.count()["billed_nano"] <= 5 * 10**9
    assert len(out.read_text().splitlines()) == 20
    code, printed, told = run(["batch", "resume", "--out", str(out), "--budget", "100", "--json"], env, tmp_path)
    assert (code, json.loads(printed)["drafted"]) == (0, 20), told
    assert sum(row["nano"] > 0 for row in sim.books.rows()) == 20


def test_ctrl_c_pauses_and_what_was_at_work_is_finished(home_of_all: Path, tmp_path: Path, sim: Simulator) -> None:
    given = tickets(tmp_path / "in.csv", [f"How do I export my data? Case {n}." for n in range(40)])
    out = tmp_path / "out.jsonl"
    env = environment(home_of_all, sim)
    process = start(["draft", str(given), "--out", str(out), "--kb", "sample"], env, tmp_path)
    give_up = time.monotonic() + SECONDS
    while len(sim.books.rows()) < 3:
        assert time.monotonic() < give_up, process.communicate(timeout=5)
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=SECONDS)
    assert process.returncode == 130, told
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(rows) == 40
    assert [row["error"] for row in rows if row["status"] not in ("drafted", "not_started")] == []
    assert {row["status"] for row in rows} == {"drafted", "not_started"}
    assert sum(row["status"] == "drafted" for row in rows) == sum(row["nano"] > 0 for row in sim.books.rows())


def test_a_worker_of_another_version_is_refused(home_of_all: Path) -> None:
    worker = Worker(Desk(Settings(home=home_of_all)))
    worker.workers.beat("elsewhere:1:aa", "0.0.1")
    with pytest.raises(UsageError, match=r"is Opsdesk 0\.0\.1"):
        worker.run()
    worker.workers.leave("elsewhere:1:aa")


@pytest.mark.parametrize("name", ["out.txt", "out", "nowhere/out.csv"])
def test_a_file_that_cannot_be_written_is_told_before_anything_is_spent(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="--out"):
        batches.check_out(tmp_path / name)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("How do I reset my password?", "Hi team,\nhow do I reset my password please?\nThanks", True),
        ("Move me from Pro to Free.", "Move me from Free to Pro.", False),
        ("I was charged $10.", "I was charged €10.", False),
        ("I was charged 10.", "I was charged -10.", False),
        ("Does it work?", "Does it not work?", False),
        ("Thanks", "Thank you", False),
    ],
)
def test_only_tickets_that_ask_the_same_are_alike(one: str, other: str, same: bool) -> None:
    a, b = likeness(Ticket(text=one)), likeness(Ticket(text=other))
    assert (a == b and a != "") is same
