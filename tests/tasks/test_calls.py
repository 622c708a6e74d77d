"""Paid calls are bought once; an endpoint's pace is everybody's."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from errors import BudgetReached, CallInDoubt, Stopped, StoreError
from tasks.budget import ANY_CALL, Budget, Call, Cap
from tasks.calls import Calls, InFlight, key_of
from tasks.database import Database
from tasks.ledger import Ledger
from tasks.pace import LONGEST_REST, TooMany
from tasks.purse import Purse
from tasks.usage import Usage
from tests.tasks.conftest import Clock

USAGE = {"tokens_in": 9, "tokens_out": 3, "tokens_cached": 0, "tokens_reasoning": 0, "model_calls": 1, "unknown": 0}
KEY = key_of(["model", "what is asked"])
CALL = Call(KEY)


def budget(database: Database, clock: Clock, owner: str = "w:1") -> Budget:
    return Budget(database, owner, clock)


def calls(of: Budget, in_flight: InFlight = "repeat") -> Calls:
    return Calls(of, "c-1", in_flight, lambda _: None)


def hold(of: Budget, nano: int = 50, call: Call = CALL) -> str:
    return of.reserve([Cap("batch:b", 10**9)], nano, case_id="c-1", model="m", call=call)


def test_a_reply_that_was_paid_for_is_used_again_with_its_usage(database: Database, clock: Clock) -> None:
    mine = budget(database, clock)
    mine.settle(hold(mine), 12, USAGE, "the answer")
    found = calls(budget(database, clock, "w:2")).recall(KEY, "cheap")
    assert (found.reply, found.usage, found.paid) == ("the answer", Usage(9, 3, model_calls=1), 12)


def test_of_a_call_on_its_way_the_most_is_counted_and_it_is_made_again_or_held(
    database: Database, clock: Clock
) -> None:
    dead = budget(database, clock, "w:1")
    left = hold(dead)
    mine = budget(database, clock, "w:2")
    found = calls(mine).recall(KEY, "cheap")
    assert (found.reply, found.usage.unknown, found.paid) == (None, 1, 50)
    with pytest.raises(CallInDoubt, match="is not made again"):
        calls(mine, "hold").recall(KEY, "cheap")
    dead.settle(left, 12, USAGE, "a late answer")
    assert calls(mine).recall(KEY, "cheap").reply is None


def test_what_failed_for_nothing_is_no_doubt(database: Database, clock: Clock) -> None:
    mine = budget(database, clock)
    mine.settle(hold(mine), 0, dict.fromkeys(USAGE, 0))
    found = calls(mine, "hold").recall(KEY, "cheap")
    assert (found.reply, found.usage, found.paid) == (None, Usage(), 0)


def test_what_an_earlier_try_bought_and_this_one_does_not_need_is_told(database: Database, clock: Clock) -> None:
    mine = budget(database, clock)
    mine.settle(hold(mine), 12, USAGE, "the answer")
    mine.settle(hold(mine, call=Call(key_of("another"))), 7, USAGE, "another answer")
    book = calls(mine)
    book.recall(KEY, "cheap")
    assert {model: bought.paid for model, bought in book.unused().items()} == {"m": 7}


def test_a_case_that_is_another_workers_by_now_buys_nothing(database: Database, clock: Clock) -> None:
    def guard(_: sa.Connection) -> None:
        raise Stopped("another worker has taken this ticket over")

    mine = budget(database, clock)
    with pytest.raises(Stopped):
        mine.reserve([Cap("batch:b", 100)], 10, case_id="c-1", model="m", guard=guard)
    assert mine.spent("batch:b").reserved == 0


def test_no_more_calls_are_on_their_way_than_the_endpoint_takes(database: Database, clock: Clock) -> None:
    place = Call(KEY, "m at host", 2)
    one, two = budget(database, clock, "w:1"), budget(database, clock, "w:2")
    first = hold(one, call=place)
    hold(two, call=place)
    with pytest.raises(TooMany):
        hold(two, call=place)
    one.settle(first, 1)
    hold(two, call=place)


def test_a_refusal_slows_everybody_down_and_wears_off(database: Database, clock: Clock) -> None:
    place = Call(KEY, "m at host", 8)
    one, two = budget(database, clock, "w:1"), budget(database, clock, "w:2")
    one.slow_down(place, 3.0)
    with pytest.raises(TooMany):
        hold(two, call=place)
    clock.at += timedelta(seconds=3.1)
    held = [hold(two, call=place) for _ in range(5)]  # half of eight, and one more for the seconds that have passed
    with pytest.raises(TooMany):
        hold(two, call=place)
    for _ in range(6):
        clock.at += timedelta(seconds=1.1)
        held.append(hold(one, call=place)) if len(held) < 8 else None
    assert len(held) == 8


def test_a_clock_that_was_moved_a_day_keeps_nobody_waiting(database: Database, clock: Clock) -> None:
    place = Call(KEY, "m at host", 8)
    one = budget(database, clock)
    clock.at += timedelta(days=1)
    one.slow_down(place, 10 * LONGEST_REST)
    clock.at -= timedelta(days=1)
    assert hold(one, call=place)


def test_money_that_others_hold_is_waited_for_and_money_that_is_spent_is_not(database: Database, clock: Clock) -> None:
    mine, caps = budget(database, clock), [Cap("batch:b", 100)]
    held = mine.reserve(caps, 60, case_id="c-2", model="m", call=CALL)

    def next_call(call: Call, nano: int = 60, case: int = 1000) -> str:
        return mine.reserve([*caps, Cap("case:c-1", case)], nano, case_id="c-1", model="m", call=call)

    with pytest.raises(TooMany):
        next_call(CALL)
    for refused in ((ANY_CALL,), (CALL, 101), (CALL, 60, 50)):  # nobody waits for these: one of them never fits
        with pytest.raises(BudgetReached):
            next_call(*refused)
    mine.settle(held, 50)
    with pytest.raises(BudgetReached):
        next_call(CALL)
    mine.settle(next_call(CALL, 50), 50)
    assert mine.spent("batch:b") == (100, 0)


def test_a_reply_that_was_paid_for_is_kept_though_the_database_is_gone_for_a_moment(
    database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, kept = budget(database, clock), Budget.settle
    gone = [StoreError("it is restarted"), StoreError("it still is")]

    def settle(*given: object) -> None:
        if gone:
            raise gone.pop()
        kept(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(Budget, "settle", settle)
    purse = Purse(mine, Ledger("gpt-4o"), [], "cheap", "gpt-4o-mini", "c-1", calls=calls(mine))
    purse.recall("what is asked")
    purse.reserve(100, 100).settle(Usage(9, 3, model_calls=1), "the answer")
    assert not gone
    assert calls(budget(database, clock)).recall(key_of("what is asked"), "cheap").reply == "the answer"
