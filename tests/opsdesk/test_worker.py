"""The worker: it does what was left for it, stops when it is told to, and another goes on when it is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from opsdesk.desk import Desk
from opsdesk.settings import Settings
from opsdesk.worker import Worker
from tasks.case import Ticket
from tasks.requests import Request, Requests
from tests.simulator import Model, Simulator

ROOT = Path(__file__).resolve().parents[2]
CHEAP = "gpt-6-luna"
QUESTION = "How do I reset my password?"


@pytest.fixture
def requests(home: Path, home_of_all: Path) -> Requests:
    return Requests(Desk(Settings(home=home_of_all)).task_list.database, lambda: datetime.now(UTC))


@pytest.fixture
def at_work(home_of_all: Path) -> Iterator[Callable[..., Worker]]:
    """Starts a worker in this process, with these settings; it ends with the test."""
    running: list[tuple[Worker, threading.Thread]] = []

    def start(**settings: Any) -> Worker:
        worker = Worker(Desk(Settings.model_validate({"home": home_of_all, **settings})))
        thread = threading.Thread(target=worker.run)
        thread.start()
        running.append((worker, thread))
        return worker

    yield start
    for worker, thread in running:
        worker.ending.set()
        thread.join()


@pytest.fixture
def slow() -> Iterator[Simulator]:
    """A paid model that takes its time."""
    with Simulator({CHEAP: Model(price=(100, 10, 500), latency_s=30)}) as running:
        yield running


def tiers(sim: Simulator) -> dict[str, Any]:
    return {"cheap": {"model": CHEAP, "base_url": sim.base_url, "api_key": "sk-simulated-123456"}}


def ticket(text: str = QUESTION, **more: Any) -> dict[str, Any]:
    return {"ticket": Ticket(text=text).model_dump(mode="json"), **more}


def until(seen: Callable[[], bool], seconds: float = 60) -> None:
    """Waits for something to come true; the limit only ends a test that would hang."""
    give_up = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < give_up, "it did not come true"
        time.sleep(0.02)


def ended(requests: Requests, id_: str) -> Request:
    until(lambda: not requests.get(id_).is_open)
    return requests.get(id_)


def test_a_worker_that_ends_says_that_it_lives_until_its_last_call_has_come_back(
    home_of_all: Path, requests: Requests, slow: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or else a worker of another machine would make the call again."""
    monkeypatch.setattr("opsdesk.worker.BEAT_SECONDS", 0.1)
    monkeypatch.setattr("opsdesk.worker.PAID_GRACE_SECONDS", 3.0)
    worker = Worker(Desk(Settings.model_validate({"home": home_of_all, "tiers": tiers(slow), "policy": "best"})))
    running = threading.Thread(target=worker.run)
    running.start()
    requests.leave("ask", ticket(), kb="sample")
    until(lambda: bool(slow.books.rows()) or bool(slow.seen))
    worker.ending.set()
    time.sleep(0.3)
    beats = set()
    while running.is_alive():
        beats |= {other.beat_at for other in worker.workers.alive() if other.name == worker.name}
        time.sleep(0.05)
    assert len(beats) > 3
    assert worker.name not in {other.name for other in worker.workers.alive()}


def test_ctrl_c_is_told_by_the_exit_code(home_of_all: Path) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("OPSDESK_", "OPENAI_"))}
    env |= {"OPSDESK_HOME": str(home_of_all), "PYTHONPATH": str(ROOT)}
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 0)):
        command = [sys.executable, "-P", "-m", "opsdesk", "worker"]
        worker = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True, start_new_session=True)
        assert worker.stderr
        assert "is ready" in worker.stderr.readline()
        worker.send_signal(number)
        worker.communicate(timeout=60)
        assert worker.returncode == code


def test_what_is_left_for_it_is_done(requests: Requests, at_work: Callable[..., Worker], tmp_path: Path) -> None:
    worker = at_work()
    asked = ended(requests, requests.leave("ask", ticket(), kb="sample"))
    assert (asked.status, asked.result["outcome"]) == ("done", "accepted")
    case = worker._desk.case(asked.case_id)
    assert case.citations[0].doc_id == "password-reset.md"
    found = ended(requests, requests.leave("search", {"query": "reset password", "k": 3}, kb="sample")).result
    assert found["hits"][0]["doc_id"] == "password-reset.md"
    assert {"words", "vector", "score"} <= set(found["hits"][0])
    (tmp_path / "new.md").write_text("# Badges\n\nA lost badge is replaced by the front desk within 3 days.\n")
    made = ended(requests, requests.leave("index", {"paths": [str(tmp_path / "new.md")]}, kb="badges"))
    assert (made.status, made.result["added"], made.result["skipped"]) == ("done", 1, [])
    asked = ended(requests, requests.leave("ask", ticket("Who replaces a lost badge?"), kb="badges"))
    assert "front desk" in worker._desk.case(asked.case_id).answer
    assert ended(requests, requests.leave("remove", {}, kb="badges")).status == "done"
    assert [kb.kb for kb in worker._desk.knowledge_bases()] == ["sample"]


def test_a_source_that_is_gone_does_not_keep_the_others_from_being_synced(
    requests: Requests, at_work: Callable[..., Worker], tmp_path: Path
) -> None:
    worker = at_work()
    for team in ("hr", "it"):
        (tmp_path / team).mkdir()
        (tmp_path / team / f"{team}.md").write_text(f"# {team}\n\nWritten by {team}.\n")
    sources = [str(tmp_path / "hr"), str(tmp_path / "it")]
    ended(requests, requests.leave("index", {"paths": sources}, kb="teams"))
    (tmp_path / "hr").rename(tmp_path / "people")
    (tmp_path / "it" / "it.md").write_text("# it\n\nWritten anew by it.\n")
    synced = ended(requests, requests.leave("index", {"paths": sources}, kb="teams"))
    assert (synced.status, synced.result["updated"], synced.result["removed"]) == ("done", 1, 0)
    assert [one["path"] for one in synced.result["skipped"]] == sources[:1]
    (tmp_path / "it").rename(tmp_path / "systems")
    failed = ended(requests, requests.leave("index", {"paths": sources}, kb="teams"))
    assert f"opsdesk kb forget teams {sources[0]}" in failed.error
    forgotten = ended(requests, requests.leave("forget", {"source": sources[0]}, kb="teams"))
    assert (forgotten.result["removed"], worker._desk.knowledge_base("teams").sources) == (1, sources[1:])
    assert ended(requests, requests.leave("remove", {}, kb="teams")).status == "done"


@pytest.mark.parametrize(
    ("kind", "body", "kb", "says"),
    [
        ("ask", ticket(), "nowhere", "opsdesk index"),
        ("index", {"paths": ["/not/there"]}, "docs", "is not there"),
        ("search", {"query": "x"}, "nowhere", "opsdesk index"),
        ("ask", {"ticket": {"text": ""}}, "sample", "empty"),
        ("ask", {"nonsense": 1}, "sample", "fault of Opsdesk's own"),
    ],
)
def test_what_cannot_be_done_says_why_and_the_worker_goes_on(
    requests: Requests, at_work: Callable[..., Worker], kind: Any, body: dict[str, Any], kb: str, says: str
) -> None:
    at_work()
    failed = ended(requests, requests.leave(kind, body, kb=kb))
    assert failed.status == "failed"
    assert says in failed.error
    assert ended(requests, requests.leave("search", {"query": "x"}, kb="sample")).status == "done"


def test_an_earlier_question_is_what_a_later_one_points_back_to(
    requests: Requests, at_work: Callable[..., Worker]
) -> None:
    worker = at_work()
    later = ticket("And how much is it?")
    later["ticket"]["earlier"] = ["Does your Pro plan include API access?"]
    alone = ended(requests, requests.leave("ask", ticket("And how much is it?"), kb="sample"))
    after = ended(requests, requests.leave("ask", later, kb="sample"))
    assert "$49" in worker._desk.case(after.case_id).answer
    assert "$49" not in worker._desk.case(alone.case_id).answer


def test_another_policy_is_followed_for_one_request_alone(
    requests: Requests, at_work: Callable[..., Worker], slow: Simulator
) -> None:
    worker = at_work(tiers=tiers(slow))
    offline = ended(requests, requests.leave("ask", ticket(policy="offline"), kb="sample"))
    assert {h.tier for h in worker._desk.case(offline.case_id).handoffs} == {"local"}
    assert worker._desk.settings.policy == "balanced"


def test_stop_ends_a_case_while_its_model_is_silent(
    requests: Requests, at_work: Callable[..., Worker], slow: Simulator
) -> None:
    worker = at_work(tiers=tiers(slow))
    id_ = requests.leave("ask", ticket(), kb="sample")
    writes = worker._desk.task_list
    until(lambda: writes.news(requests.get(id_).case_id).doing == "write")
    until(lambda: len(slow.seen) > 0)
    began = time.monotonic()
    requests.ask_to_stop(id_)
    assert ended(requests, id_).status == "stopped"
    assert time.monotonic() - began < 10  # the model would have been silent for 30 s
    case = worker._desk.case(requests.get(id_).case_id)
    assert (case.outcome, case.stopped_by) == ("failed", "interrupt")
    assert [h.task for h in case.handoffs] == ["route", "retrieve", "write"]
    assert case.cost_usd is None
    assert case.cost_at_most_usd > 0


def test_a_killed_workers_case_is_gone_on_with_by_the_next(
    requests: Requests, home_of_all: Path, slow: Simulator, at_work: Callable[..., Worker]
) -> None:
    names = {
        **{"OPSDESK_HOME": str(home_of_all), "OPSDESK_TIERS__CHEAP__MODEL": CHEAP, "PYTHONPATH": str(ROOT)},
        **{"OPSDESK_TIERS__CHEAP__BASE_URL": slow.base_url, "OPSDESK_TIERS__CHEAP__API_KEY": "sk-simulated-123456"},
    }
    process = subprocess.Popen([sys.executable, "-m", "opsdesk", "worker"], env={**os.environ, **names}, cwd=ROOT)
    try:
        id_ = requests.leave("ask", ticket(), kb="sample")
        until(lambda: requests.get(id_).case_id != "" and len(slow.seen) > 0)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert requests.get(id_).status == "doing"
    slow.set(CHEAP, latency_s=0.0)
    worker = at_work(tiers=tiers(slow))
    done = ended(requests, id_)
    case = worker._desk.case(done.case_id)
    assert (done.status, done.attempts, case.outcome) == ("done", 2, "accepted")
    assert [h.seq for h in case.handoffs] == list(range(1, len(case.handoffs) + 1))
    assert [h.task for h in case.handoffs][:4] == ["route", "retrieve", "route", "retrieve"]
    assert all(task.status == "done" for task in case.tasks)


def test_a_batch_is_drafted_to_its_end(home_of_all: Path, requests: Requests, at_work: Callable[..., Worker]) -> None:
    worker = at_work()
    drafts = worker.drafts
    texts = [QUESTION, "Who wrote Hamlet?", "What does a seat on Pro cost?"]
    id_ = drafts.make("Monday", "sample", [*((Ticket(text=text), "") for text in texts), (Ticket(text=""), "empty")])
    until(lambda: drafts.batch(id_).state == "done")
    rows = list(drafts.rows(id_))
    assert [row.status for row in rows] == ["drafted", "abstained", "drafted", "rejected"]
    assert "$49" in rows[2].text
    case = worker._desk.case(rows[0].case_id)
    assert (case.batch_id, case.ticket.kind, case.outcome) == (id_, "reply", "accepted")


def test_a_cancelled_batch_stops_also_what_is_at_work(
    home_of_all: Path, requests: Requests, at_work: Callable[..., Worker], slow: Simulator
) -> None:
    worker = at_work(tiers=tiers(slow))
    drafts = worker.drafts
    id_ = drafts.make("Tuesday", "sample", [(Ticket(text=f"{QUESTION} {n}"), "") for n in range(30)])
    until(lambda: len(slow.seen) > 0)
    drafts.set_state(id_, "cancelled")
    until(lambda: not any(line.status == "doing" for line in drafts.lines(id_)), 20)  # the model is silent for 30 s
    assert {line.status for line in drafts.lines(id_)} == {"not_started"}


def test_a_batch_that_no_cheaper_tier_may_write_stops_at_its_cap_and_says_so(
    home_of_all: Path, requests: Requests, at_work: Callable[..., Worker]
) -> None:
    with Simulator({CHEAP: Model(price=(100_000, 100_000, 500_000))}) as dear:
        prices = {"input_price": 100, "output_price": 500}
        worker = at_work(tiers={"cheap": {**tiers(dear)["cheap"], **prices}}, budget_usd=50, policy="best")
        id_ = worker.drafts.make(
            "Wednesday", "sample", [(Ticket(text=QUESTION), "") for _ in range(40)], budget_nano=6_000_000_000
        )
        until(lambda: worker.drafts.batch(id_).state != "running")
        batch = worker.drafts.batch(id_)
        assert batch.state == "paused"
        assert "left for this batch" in batch.note or "all of the batch" in batch.note
        assert dear.books.count()["billed_nano"] <= 6_000_000_000


def test_what_was_handed_over_from_the_chat_waits_for_its_person(
    home_of_all: Path, requests: Requests, at_work: Callable[..., Worker]
) -> None:
    worker = at_work()
    case = worker._desk.case(ended(requests, requests.leave("ask", ticket(), kb="sample")).case_id)
    places = [worker.drafts.hand_over(case, assignee="Ann", note="please look", by="bob") for _ in range(2)]
    assert places[1] == (places[0][0], places[0][1] + 1)
    row = worker.drafts.draft(*places[0])
    assert (row.review, row.assignee, row.reason, row.status, row.text) == (
        "assigned",
        "Ann",
        "please look",
        "drafted",
        case.answer,
    )
    assert worker.drafts.batch(places[0][0]).state == "done"


def test_a_worker_that_is_told_to_end_finishes_what_it_is_at_and_leaves_the_list(
    requests: Requests, home_of_all: Path
) -> None:
    worker = Worker(Desk(Settings(home=home_of_all)))
    thread = threading.Thread(target=worker.run)
    thread.start()
    id_ = requests.leave("ask", ticket(), kb="sample")
    until(lambda: requests.get(id_).status == "doing")
    worker.ending.set()
    thread.join()
    assert requests.get(id_).status == "done"
    assert worker.workers.alive() == []
