"""What a call books is what the server bills, to the nano-dollar, or is held in full where nobody told."""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from pydantic import SecretStr

from agents.endpoint import REQUESTS, Endpoint, EndpointModel, Line
from agents.request import Order
from errors import EndpointError
from tasks.usage import Usage
from tests.agents.calls import KEY, LATE
from tests.simulator import Model, Simulator
from tests.simulator.faults import FAULTS

READ, CACHED, WRITTEN = PRICE = (250, 25, 2_000)
PING = [{"role": "system", "content": "You are asked."}, {"role": "user", "content": "ping"}]
ENDLESS = {"timeout", "drip", "drip_headers", "hang"}
SECONDS = 1.6


@dataclass
class Held:
    """One request's money in nano-dollars: `told` is None while unknown."""

    worst: int
    told: int | None = None
    settled: bool = False

    def settle(self, usage: Usage | None, reply: str | None = None) -> None:
        assert not self.settled
        self.settled, self.told = True, None if usage is None else cost(usage)


@dataclass
class Purse:
    held: list[Held] = field(default_factory=list)

    def recall(self, sent: object) -> None:
        """Nothing was bought before."""

    def slow_down(self, after: float | None) -> None:
        """There is nobody else to tell."""

    def reserve(self, tokens_in: int, tokens_out: int) -> Held:
        self.held.append(Held(tokens_in * READ + tokens_out * WRITTEN))
        return self.held[-1]


def cost(usage: Usage) -> int:
    fresh = usage.tokens_in - usage.tokens_cached
    return fresh * READ + usage.tokens_cached * CACHED + usage.tokens_out * WRITTEN


def ask(line: Line, purse: Purse, *, stream: bool, seconds: float = SECONDS) -> Usage:
    """Asks once, and says what the call took, whatever came of it."""
    llm = EndpointModel(line)
    on_text = (lambda _: None) if stream else None
    llm.order = Order(time.monotonic() + seconds, 200, purse=purse, on_text=on_text)
    with contextlib.suppress(EndpointError):
        llm.call(PING)
    return llm.taken


def line(server: Simulator) -> Line:
    return Line(Endpoint("cheap", "small", server.base_url, SecretStr(KEY), max_concurrency=8), rest=1)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("fault", sorted({*FAULTS, "429:55"}))
def test_whatever_goes_wrong_the_bill_is_never_above_what_is_booked(fault: str, stream: bool) -> None:
    purse = Purse()
    with Simulator({"small": Model(price=PRICE, key=KEY, always=fault)}) as server:
        began = time.monotonic()
        taken = ask(line(server), purse, stream=stream)
        assert time.monotonic() - began < SECONDS + LATE
        count = server.books.count()
    assert len(purse.held) <= REQUESTS
    assert all(held.settled for held in purse.held)
    booked = sum(held.worst if held.told is None else held.told for held in purse.held)
    # A stream that ignores its limit is hung up on; what its server bills beyond the limit nobody can know.
    assert booked >= count["billed_nano"] or ((fault, stream) == ("greedy", True) and taken.unknown)
    assert taken.unknown == sum(held.told is None for held in purse.held)
    assert count["redirected"] == 0


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_the_bill_of_many_calls_at_once_is_the_servers_own(stream: bool) -> None:
    rates = {"500": 0.03, "429": 0.03, "no_usage": 0.03, "truncated": 0.02, "cut_json": 0.02, "reset": 0.02}
    purses = [Purse() for _ in range(200)]
    with Simulator({"small": Model(price=PRICE, key=KEY, cache=True, reasoning_tokens=7, rates=rates)}) as server:
        shared = line(server)
        with ThreadPoolExecutor(8) as pool:
            taken = list(pool.map(lambda purse: ask(shared, purse, stream=stream, seconds=20), purses))
        count = server.books.count()
    held = [one for purse in purses for one in purse.held]
    assert count["requests"] == len(held) > 200
    assert sum(one.told or 0 for one in held) == count["told_nano"]
    assert sum(one.worst for one in held if one.told is None) >= count["billed_nano"] - count["told_nano"]
    assert sum(usage.unknown for usage in taken) == sum(one.told is None for one in held) > 0
    assert sum(cost(usage) for usage in taken) == count["told_nano"]
