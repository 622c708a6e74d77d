"""Tickets of batches as durable workflows, in this process."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest

from agents.turns import in_turn
from errors import OpsdeskError
from opsdesk.desk import Desk
from opsdesk.durable import Durable, forget_ended
from opsdesk.settings import Settings
from tasks.batches import DraftRow
from tasks.case import Ticket
from tasks.drafts import Drafts
from tests.opsdesk.conftest import CHEAP, KEY
from tests.opsdesk.test_worker import until
from tests.simulator import Simulator

QUESTIONS = ["How do I reset my password?", "What does a seat on Pro cost?"]


@pytest.fixture
def desk(home_of_all: Path) -> Desk:
    return Desk(Settings(home=home_of_all))


@pytest.fixture
def drafts(desk: Desk) -> Drafts:
    return Drafts(desk.task_list.database, lambda: datetime.now(UTC))


@contextmanager
def at_work(desk: Desk, drafts: Drafts) -> Iterator[Durable]:
    running = Durable(desk, drafts)
    try:
        yield running
    finally:
        running.close()


@pytest.fixture
def durable(desk: Desk, drafts: Drafts) -> Iterator[Durable]:
    with at_work(desk, drafts) as running:
        yield running


def with_a_model(home: Path, sim: Simulator) -> Desk:
    """A desk that has a model write each answer."""
    tier: dict[str, Any] = {"model": CHEAP, "base_url": sim.base_url, "api_key": KEY}
    tier |= {"input_price": 100, "output_price": 500}
    settings = {"home": home, "tiers": {"cheap": tier}, "policy": "best", "budget_usd": 50}
    return Desk(Settings.model_validate(settings))


def claimed(desk: Desk, drafts: Drafts, batch_id: str) -> DraftRow:
    row = drafts.queue.claim(desk.task_list.owner, only=batch_id)
    assert row
    assert row.batch_id == batch_id
    return row


@pytest.mark.parametrize(("state", "left"), [("paused", "todo"), ("cancelled", "not_started")])
def test_a_ticket_that_waited_for_its_turn_is_not_begun_in_a_batch_that_was_stopped_meanwhile(
    desk: Desk, drafts: Drafts, durable: Durable, state: Literal["paused", "cancelled"], left: str
) -> None:
    id_ = drafts.make("Monday", "sample", [(Ticket(text=text), "") for text in QUESTIONS])
    row = claimed(desk, drafts, id_)
    waiting = threading.Thread(target=durable.draft, args=(row,))
    with in_turn(durable._turns):
        waiting.start()
        while not durable._doing[id_, row.seq]:
            time.sleep(0.01)
        drafts.set_state(id_, state)
    waiting.join()
    kept = drafts.draft(id_, row.seq)
    assert (kept.status, kept.owner, kept.attempts) == (left, "", 0)  # no fault of the ticket's
    assert desk.task_list.find(row.case_id) is None
    drafts.set_state(id_, "running")
    again = claimed(desk, drafts, id_)
    durable.draft(again)
    assert drafts.draft(id_, again.seq).status == "drafted"
    drafts.set_state(id_, "cancelled")  # the other one is no test's any more


def test_a_ticket_whose_knowledge_base_another_machine_has_is_left_to_that_one(
    home_of_all: Path, desk: Desk, drafts: Drafts, tmp_path: Path
) -> None:
    elsewhere = {"database_url": desk.task_list.database.url.render_as_string(hide_password=False)}
    without = Desk(Settings.model_validate({"home": tmp_path / "other", **elsewhere}))
    id_ = drafts.make("Monday", "sample", [(Ticket(text=QUESTIONS[0]), "")])
    row = claimed(desk, drafts, id_)  # its worker ends now
    with at_work(without, drafts) as durable:
        durable.draft(row)
    left = drafts.draft(id_, 1)
    assert (left.status, left.owner, left.attempts) == ("todo", "", 0)
    assert drafts.queue.claim(without.task_list.owner, without.kb_names()) is None
    with at_work(desk, drafts) as durable:
        durable.draft(claimed(desk, drafts, id_))
    assert drafts.draft(id_, 1).status == "drafted"


def fails(*_: object, **__: object) -> None:
    raise OpsdeskError("a step has failed")


def test_a_ticket_whose_case_has_failed_is_worked_anew_once_the_reason_is_mended(
    home_of_all: Path, drafts: Drafts, sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = drafts.make("Monday", "sample", [(Ticket(text=QUESTIONS[0]), "")])
    refused = with_a_model(home_of_all, sim)
    with at_work(refused, drafts) as durable, monkeypatch.context() as broken:
        broken.setattr("agents.order.present", fails)
        durable.draft(claimed(refused, drafts, id_))
    failed = drafts.draft(id_, 1)
    assert (failed.status, drafts.batch(id_).state) == ("failed", "done")
    assert drafts.retry_failed(id_) == 1
    mended = with_a_model(home_of_all, sim)
    with at_work(mended, drafts) as durable:
        durable.draft(claimed(mended, drafts, id_))
    drafted = drafts.draft(id_, 1)
    assert (drafted.status, drafted.case_id, drafts.batch(id_).state) == ("drafted", failed.case_id, "done")
    assert mended.case(drafted.case_id).outcome == "accepted"
    booked = mended.budget.spent(drafts.batch(id_).scope)  # although it has no cap: one may be set later
    assert booked.spent == drafted.cost_nano


def test_what_agents_noted_of_a_ticket_goes_once_it_has_ended(home_of_all: Path, desk: Desk, drafts: Drafts) -> None:
    secret = "My number is 4711, how do I reset my password?"
    id_ = drafts.make("Monday", "sample", [(Ticket(text=text), "") for text in (secret, QUESTIONS[1])])
    tomorrow = desk.now() + timedelta(days=1)
    with at_work(desk, drafts) as durable:
        durable.draft(claimed(desk, drafts, id_))
        assert secret in noted(home_of_all)
        assert apart(durable.forget_ended) == 0  # too soon
        assert apart(lambda: sum(forget_ended(desk.task_list.database, tomorrow))) >= 1
        assert secret not in noted(home_of_all)
        durable.draft(claimed(desk, drafts, id_))  # the others go on
    assert drafts.progress(id_).by_status == {"drafted": 2}


def test_a_ticket_that_was_finished_by_a_worker_that_died_before_it_said_so_leaves_no_record(
    home_of_all: Path, desk: Desk, drafts: Drafts
) -> None:
    id_ = drafts.make("Monday", "sample", [(Ticket(text=QUESTIONS[0]), "")])
    with at_work(desk, drafts) as durable:
        durable.draft(claimed(desk, drafts, id_))
    with sqlite3.connect(home_of_all / "opsdesk-steps.sqlite") as steps:  # as if it had been killed just then
        steps.execute("UPDATE workflow_status SET status = 'PENDING', completed_at = NULL, executor_id = 'dead:1'")
    other = Desk(Settings(home=home_of_all))
    with at_work(other, drafts) as durable:
        apart(lambda: durable.take_over([], []))
        until(lambda: states(home_of_all) == {"SUCCESS"})
    assert drafts.progress(id_).by_status == {"drafted": 1}


def test_a_worker_waits_while_another_one_makes_the_file_of_steps(home: Path) -> None:
    desk = Desk(Settings(home=home))
    other = sqlite3.connect(home / "opsdesk-steps.sqlite", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    other.execute("CREATE TABLE first (n INTEGER)")
    held = threading.Timer(0.5, other.execute, ["COMMIT"])
    held.start()
    with at_work(desk, Drafts(desk.task_list.database, desk.now)) as durable:
        assert durable.batch_ids == set()
    held.join()
    other.close()
    with sqlite3.connect(home / "opsdesk-steps.sqlite") as steps:
        assert steps.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def apart(do: Callable[[], Any]) -> Any:
    """Does it in a thread, as a worker would: DBOS refuses where an event loop runs, as a browser's leaves one here."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(do).result()


def states(home: Path) -> set[str]:
    with sqlite3.connect(home / "opsdesk-steps.sqlite") as steps:
        return {state for (state,) in steps.execute("SELECT status FROM workflow_status")}


def noted(home: Path) -> str:
    """All that is kept of steps."""
    with sqlite3.connect(home / "opsdesk-steps.sqlite") as steps:
        return json.dumps(steps.execute("SELECT * FROM operation_outputs").fetchall())


def test_where_no_batch_was_worked_there_is_nothing_to_forget(home: Path) -> None:
    desk = Desk(Settings(home=home))
    assert apart(lambda: list(forget_ended(desk.task_list.database, desk.now()))) == []
