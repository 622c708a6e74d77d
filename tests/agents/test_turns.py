"""Turns: few cases are worked at a time in one process, and none waits for a model with a turn in its hand."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from agents.turns import Turns, aside, in_turn
from errors import EndpointError
from tasks.usage import Usage
from tests.agents.calls import AtOnce, Purse, ask, model, refusal, says
from tests.loopback import Loopback


@pytest.mark.parametrize("most", [1, 3])
def test_no_more_cases_have_a_turn_than_there_are_turns(most: int) -> None:
    turns, at_work = Turns(most), AtOnce()

    def work(_: int) -> None:
        with in_turn(turns):
            with at_work:
                time.sleep(0.001)
            with aside():
                time.sleep(0.002)
            with at_work:
                time.sleep(0.001)

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(work, range(60)))
    assert 1 <= at_work.most <= most
    assert [turns.acquire(blocking=False) for _ in range(most + 1)] == [True] * most + [False]  # all were given back


def test_who_has_no_turn_waits_for_none_and_gives_none_away() -> None:
    turns = Turns(1)

    def steps_aside() -> bool:
        with aside():
            return turns.acquire(blocking=False)

    with in_turn(turns), ThreadPoolExecutor(1) as pool:
        assert pool.submit(steps_aside).result(20) is False


def test_a_turn_is_taken_again_and_given_back_whatever_is_raised() -> None:
    turns = Turns(1)

    def waits() -> None:
        with aside():
            assert turns.acquire(blocking=False)
            turns.release()
            raise KeyError

    def work() -> None:
        with in_turn(turns):
            with pytest.raises(KeyError):
                waits()
            assert not turns.acquire(blocking=False)
            raise ValueError("at work")

    with pytest.raises(ValueError, match="at work"):
        work()
    assert turns.acquire(blocking=False)


def test_cases_in_one_turn_wait_for_the_model_at_the_same_time() -> None:
    """The server answers nobody before all three have asked."""
    all_here, turns = threading.Barrier(3), Turns(1)

    def reply(connection: socket.socket, closed: threading.Event) -> object:
        all_here.wait(20)
        return says()(connection, closed)

    def work(_: int) -> str:
        with in_turn(turns):
            return ask(model(server.url), seconds=30)

    with Loopback(reply) as server, ThreadPoolExecutor(3) as pool:
        assert list(pool.map(work, range(3))) == ["30 days"] * 3


def test_between_two_attempts_another_case_has_the_turn() -> None:
    turns, came = Turns(1), threading.Event()

    def other() -> None:
        with in_turn(turns):
            came.set()

    busy = Loopback(refusal("429 Too Many", "", "Retry-After: 3"), says())
    with busy as server, ThreadPoolExecutor(1) as pool, in_turn(turns):
        pool.submit(other)
        assert ask(model(server.url), seconds=30) == "30 days"
        assert came.is_set()
    with Loopback(refusal("500 Oops")) as server, in_turn(turns), pytest.raises(EndpointError):
        ask(model(server.url), seconds=30)
    assert turns.acquire(blocking=False)


def test_a_reply_is_kept_before_its_case_has_a_turn_again() -> None:
    """It is paid for: who dies with it in memory would buy it again."""
    turns, kept = Turns(1), threading.Event()

    class Keeps(Purse):
        def settle(self, usage: Usage | None, reply: str | None = None) -> None:
            super().settle(usage, reply)
            kept.set()

    def reply(connection: socket.socket, closed: threading.Event) -> object:
        assert turns.acquire(timeout=20)  # another case computes from now on
        return says()(connection, closed)

    def work() -> str:
        with in_turn(turns):
            return ask(model(server.url), purse=Keeps(), seconds=30)

    with Loopback(reply) as server, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(work)
        try:
            assert kept.wait(20)
            assert not answer.done()
        finally:
            turns.release()
        assert answer.result(20) == "30 days"
