"""The queue of a batch's tickets as several workers see it at once, and what a batch has cost."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from errors import UsageError
from tasks.batches import batches, drafts
from tasks.budget import Budget, Cap
from tasks.case import Ticket
from tasks.database import Database
from tasks.drafts import HANDED_OVER, Drafts, MadeMeanwhile
from tasks.queue import move

DOLLAR = 10**9


@pytest.fixture
def store(database: Database) -> Drafts:
    return Drafts(database, lambda: datetime.now(UTC))


def batch_of(store: Drafts, count: int) -> str:
    return store.make("a", "kb", [(Ticket(text=f"How much is plan {n}?"), "") for n in range(count)])


def test_who_wants_one_batch_alone_gets_no_ticket_of_an_older_one(store: Drafts) -> None:
    older, newer = batch_of(store, 2), batch_of(store, 1)
    row = store.queue.claim("w:1", only=newer)
    assert row
    assert row.batch_id == newer
    assert store.queue.claim("w:1", only=newer) is None
    assert store.progress(older).by_status == {"todo": 2}
    other = store.queue.claim("w:1")
    assert other
    assert other.batch_id == older


def test_a_ticket_in_the_hands_of_a_hung_worker_keeps_nobody_busy(store: Drafts, database: Database) -> None:
    if database.name == "sqlite":
        pytest.skip("SQLite has one writer at a time: the others wait")
    id_ = batch_of(store, 1)
    with database.writing() as db:
        db.execute(sa.select(drafts.c.seq).where(drafts.c.batch_id == id_).with_for_update())
        assert store.queue.claim("w:1") is None
    assert store.queue.claim("w:1")


def test_a_ticket_that_is_given_back_while_its_batch_is_taken_up_again_waits_with_the_others(
    store: Drafts, database: Database
) -> None:
    id_ = batch_of(store, 2)
    row = store.queue.claim("w:1")
    assert row
    store.set_state(id_, "cancelled")
    giving = threading.Thread(target=store.queue.give_back, args=(row,))
    with database.writing() as db:  # as `set_state` does it
        db.execute(batches.update().where(batches.c.id == id_).values(state="running"))
        move(db, id_, "not_started", "todo")
        giving.start()
        time.sleep(0.3)  # for one that would not wait
    giving.join()
    assert store.progress(id_).by_status == {"todo": 2}


def test_what_was_handed_over_from_the_chat_is_not_tried_again(store: Drafts) -> None:
    with pytest.raises(UsageError, match="handed over"):
        store.retry_failed(HANDED_OVER)


def test_money_for_a_ticket_that_was_given_up_is_no_nought(store: Drafts, database: Database) -> None:
    id_ = batch_of(store, 1)
    budget = Budget(database, "w:1", lambda: datetime.now(UTC))
    row = store.queue.claim("w:1")
    assert row
    scope = store.batch(id_).scope
    budget.settle(budget.reserve([Cap(scope, DOLLAR)], DOLLAR // 4, case_id=row.case_id, model="m"), None)
    assert store.progress(id_).summary["cost_usd"] == 0  # of what has ended
    store.set_state(id_, "cancelled")
    store.queue.give_back(row)
    told = store.progress(id_).summary
    assert (told["cost_usd"], told["booked_usd"], told["not_started"]) == (None, 0.25, 1)


def test_an_estimate_that_is_not_known_is_no_nought(store: Drafts, database: Database) -> None:
    id_ = batch_of(store, 3)
    known, free, unknown = (store.queue.claim("w:1") for _ in range(3))
    assert known
    assert free
    assert unknown
    with database.writing() as db:
        of = drafts.update().where(drafts.c.batch_id == id_, drafts.c.seq == known.seq)
        db.execute(of.values(status="drafted", cost_nano=5 * DOLLAR, frontier_nano=9 * DOLLAR))
    store.queue.fail(free, "its endpoint was never asked", 0)
    told = store.progress(id_).summary
    assert (told["cost_usd"], told["cost_all_frontier_usd"]) == (5, 9)
    store.queue.fail(unknown, "six workers ended on it", None)
    told = store.progress(id_).summary
    assert (told["cost_usd"], told["cost_all_frontier_usd"]) == (None, None)


def test_of_two_that_make_a_batch_of_the_same_at_once_one_makes_it(database_url: str) -> None:
    made: list[str] = []
    meanwhile, both = [], threading.Barrier(2)

    def make() -> None:
        database = Database(database_url)
        mine = Drafts(database, lambda: datetime.now(UTC))
        both.wait()
        try:
            made.append(mine.make("a", "kb", [(Ticket(text="How much?"), "")] * 500, digest="the same", known=""))
        except MadeMeanwhile:
            meanwhile.append(mine)
        database.dispose()

    threads = [threading.Thread(target=make) for _ in range(both.parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), len(meanwhile)) == (1, 1)


def test_a_batch_of_the_same_is_made_anew_by_who_knows_the_last_one_or_does_not_ask(store: Drafts) -> None:
    tickets = [(Ticket(text="How much?"), "")]
    first = store.make("a", "kb", tickets, digest="the same", known="")
    second = store.make("a", "kb", tickets, digest="the same", known=first)
    assert store.make("a", "kb", tickets, digest="the same") not in (first, second)
