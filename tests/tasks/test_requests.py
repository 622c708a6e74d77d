"""Requests that pages leave, the workers that take them, and the conversations that they belong to."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from errors import UsageError
from tasks.conversations import MAX_NAME, Conversations
from tasks.database import Database
from tasks.processes import host_name, is_dead, process_name
from tasks.requests import MAX_ATTEMPTS, Requests
from tasks.workers import SILENCE, Workers

ROOT = Path(__file__).resolve().parents[2]
NOBODY = f"{host_name()}:{2**31 - 1}"


class Clock:
    """A clock that goes on by a millisecond whenever it is read, and further when it is told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 26, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def requests(database: Database, clock: Clock) -> Requests:
    return Requests(database, clock)


def test_a_request_is_taken_in_the_order_it_was_left_and_only_by_who_does_its_kind(requests: Requests) -> None:
    first, second = requests.leave("ask", {"n": 1}), requests.leave("ask", {"n": 2})
    index = requests.leave("index", {})
    taken = [requests.claim("w", ["ask"]) for _ in range(3)]
    assert [request.id if request else None for request in taken] == [first, second, None]
    assert taken[0] is not None
    assert (taken[0].status, taken[0].body, taken[0].owner, taken[0].attempts) == ("doing", {"n": 1}, "w", 1)
    assert (found := requests.claim("w", ["index"]))
    assert found.id == index


def test_no_request_is_taken_twice_by_many_workers(requests: Requests) -> None:
    left = {requests.leave("ask", {}) for _ in range(40)}

    def work(owner: str) -> list[str]:
        mine = []
        while request := requests.claim(owner, ["ask"]):
            mine.append(request.id)
        return mine

    with ThreadPoolExecutor(8) as pool:
        taken = [id_ for mine in pool.map(work, [f"w{n}" for n in range(8)]) for id_ in mine]
    rest = []
    while request := requests.claim("late", ["ask"]):  # who lost a race for the oldest has gone home
        rest.append(request.id)
    assert sorted([*taken, *rest]) == sorted(left)


def test_one_that_waits_is_stopped_at_once_and_one_at_work_when_its_worker_looks(requests: Requests) -> None:
    waiting, working = requests.leave("search", {}), requests.leave("ask", {})
    requests.claim("w", ["ask"])
    requests.ask_to_stop(waiting)
    requests.ask_to_stop(working)
    assert requests.get(waiting).status == "stopped"
    assert requests.claim("w", ["search"]) is None
    assert requests.get(working).status == "doing"
    assert requests.shall_stop([waiting, working]) == {waiting, working}
    requests.tell(working, {"said": "x"})
    assert requests.get(working).progress == {"said": "x"}


def test_what_a_dead_worker_was_at_is_done_by_another_and_its_late_word_changes_nothing(requests: Requests) -> None:
    id_ = requests.leave("ask", {})
    requests.claim("dead", ["ask"])
    assert requests.release(["living"]) == 1
    assert requests.claim("living", ["ask"]) is not None
    requests.end(id_, "dead", "failed", error="late")
    assert requests.get(id_).status == "doing"
    requests.end(id_, "living", "done", result={"a": 1})
    found = requests.get(id_)
    assert (found.status, found.result, found.attempts, found.error) == ("done", {"a": 1}, 2, "")
    assert requests.release(["living"]) == 0


def test_a_request_that_ends_every_worker_is_given_up(requests: Requests) -> None:
    id_ = requests.leave("ask", {})
    for _ in range(MAX_ATTEMPTS):
        assert requests.claim("w", ["ask"]) is not None
        requests.release([])
    assert requests.claim("w", ["ask"]) is None
    found = requests.get(id_)
    assert found.status == "failed"
    assert "given up" in found.error


def test_one_that_was_to_stop_is_not_begun_again_when_its_worker_dies(requests: Requests) -> None:
    id_ = requests.leave("ask", {})
    requests.claim("w", ["ask"])
    requests.ask_to_stop(id_)
    requests.release([])
    assert requests.get(id_).status == "stopped"


def test_a_request_is_found_by_its_case_and_conversation(requests: Requests) -> None:
    ids = [requests.leave("ask", {}, conversation_id="k") for _ in range(3)]
    requests.leave("ask", {}, conversation_id="other")
    assert [request.id for request in requests.of_conversation("k")] == ids
    case_id = requests.get(ids[1]).case_id
    assert (found := requests.of_case(case_id)) is not None
    assert found.id == ids[1]
    assert requests.of_case("c-none") is None
    assert [request.id for request in requests.latest(["ask"], limit=1)] != ids[:1]
    with pytest.raises(UsageError, match="no request"):
        requests.get("r-none")


def test_a_worker_is_alive_while_it_says_so_and_its_process_lives(database: Database, clock: Clock) -> None:
    seconds = [0.0]
    workers = Workers(database, clock, lambda: seconds[0])
    for name in (process_name(), NOBODY, "elsewhere:1"):
        workers.beat(name, "1")
        workers.beat(name, "1")
    assert [worker.name for worker in workers.alive()] == [process_name(), "elsewhere:1"]
    clock.now += SILENCE
    workers.beat(process_name(), "1")
    assert [worker.name for worker in workers.alive()] == [process_name()]
    assert workers.living() == [process_name(), "elsewhere:1"]
    for seconds[0] in 4.0, SILENCE.total_seconds():
        workers.beat(process_name(), "1")
    assert workers.look() == ([process_name()], [NOBODY, "elsewhere:1"])
    workers.forget([NOBODY, "elsewhere:1"])
    clock.now -= SILENCE
    assert [worker.name for worker in workers.alive()] == [process_name()]
    workers.leave(process_name())
    assert workers.alive() == []
    assert is_dead(NOBODY)
    assert not is_dead("elsewhere:1")


def test_a_wrong_clock_neither_ends_a_worker_nor_keeps_one_alive(database: Database, clock: Clock) -> None:
    seconds = [0.0]
    here, ahead = Workers(database, clock, lambda: seconds[0]), Clock()
    ahead.now += timedelta(days=1)
    there = Workers(database, ahead, lambda: seconds[0])
    here.beat("one:1", "1")
    there.beat("other:1", "1")
    for _ in range(20):
        seconds[0] += 1
        here.beat("one:1", "1")
        assert "one:1" in there.living()
    for _ in range(20):  # "other" is silent from the start, though its last word is of tomorrow
        here.beat("one:1", "1")
        found = here.living()
        seconds[0] += 1
    assert found == ["one:1"]


def test_who_could_not_speak_itself_takes_nobody_for_dead(database: Database, clock: Clock) -> None:
    seconds = [0.0]
    here, there = (Workers(database, clock, lambda: seconds[0]) for _ in range(2))

    def both_speak() -> None:
        clock.now += timedelta(seconds=1)
        here.beat("one:1", "1")
        there.beat("elsewhere:1", "1")

    both_speak()
    assert here.living() == ["one:1", "elsewhere:1"]
    seconds[0] += 3600  # the database was gone, for both
    assert here.living() == ["one:1", "elsewhere:1"]
    here.beat("one:1", "1")  # this one is back first
    assert here.living() == ["one:1", "elsewhere:1"]
    seconds[0] += 3
    both_speak()
    assert here.living() == ["one:1", "elsewhere:1"]
    for _ in range(4):  # and now the other one is gone indeed
        seconds[0] += 2
        here.beat("one:1", "1")
    assert here.living() == ["one:1"]


def test_a_process_of_another_container_is_not_taken_for_a_dead_one_of_this(tmp_path: Path) -> None:
    """It may have the same machine's name, and the number of a process that is not here."""
    told = "from tasks.processes import is_dead, process_name; import sys; print(process_name(), is_dead(sys.argv[1]))"
    namespace = ["unshare", "--fork", "--pid", "--mount-proc", sys.executable, "-c", told]
    mine = process_name()
    done = subprocess.run([*namespace, mine], capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode:
        pytest.skip(f"no namespace of process ids can be made here: {done.stderr.strip()}")
    theirs, dead = done.stdout.split()
    assert dead == "False"
    assert theirs.partition(":")[2].startswith("1:")
    assert theirs.partition("/")[0] == mine.partition("/")[0]
    assert not is_dead(theirs)


def test_a_conversation_is_its_persons_own(database: Database, clock: Clock) -> None:
    conversations = Conversations(database, clock)
    first, second = conversations.begin("ann", "One", "docs"), conversations.begin("ann", "Two", "docs")
    conversations.begin("bob", "Three", "docs")
    conversations.touch(first, "ann")
    assert [c.name for c in conversations.of("ann")] == ["One", "Two"]
    conversations.rename(second, "ann", "  Two\n again ")
    assert conversations.get(second, "ann").name == "Two again"
    for deed in (
        lambda: conversations.get(first, "bob"),
        lambda: conversations.rename(first, "bob", "mine"),
        lambda: conversations.remove(first, "bob"),
        lambda: conversations.touch(first, ""),
    ):
        with pytest.raises(UsageError, match="no such conversation"):
            deed()
    conversations.remove(first, "ann")
    assert [c.id for c in conversations.of("ann")] == [second]


@pytest.mark.parametrize(("given", "kept"), [("", "Conversation"), (" \n ", "Conversation"), ("x" * 200, None)])
def test_a_conversation_has_a_short_name(database: Database, clock: Clock, given: str, kept: str | None) -> None:
    conversations = Conversations(database, clock)
    name = conversations.get(conversations.begin("ann", given, "docs"), "ann").name
    assert len(name) <= MAX_NAME
    assert kept is None or name == kept
