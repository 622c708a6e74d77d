"""Calls to a server on loopback that says what a test wants it to say."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from crewai.events import crewai_event_bus
from crewai.events.types.llm_events import LLMCallCompletedEvent, LLMCallFailedEvent, LLMCallStartedEvent
from pydantic import SecretStr

from agents.endpoint import Endpoint, EndpointModel, Line
from agents.request import Order
from errors import BudgetReached
from tasks.usage import Usage
from tests.loopback import Reply, raw, whole

KEY = "key-canary-0123456789"
DEADLINE = 1.6
LATE = 5
"""Seconds that a busy machine may need beside what is waited for; what hangs does so for longer."""
MESSAGES = [{"role": "system", "content": "Answer."}, {"role": "user", "content": "How many days?"}]
TOLD = {"prompt_tokens": 9, "completion_tokens": 3}
TOOK = Usage(9, 3, model_calls=1)
UNKNOWN = Usage(model_calls=1, unknown=1)


class Purse:
    """Keeps what is held and settled; refuses after `fits` requests."""

    def __init__(self, fits: int = 99) -> None:
        self.fits = fits
        self.held: list[tuple[int, int]] = []
        self.settled: list[Usage | None] = []

    def recall(self, sent: object) -> None:
        """Nothing was bought before."""

    def slow_down(self, after: float | None) -> None:
        """There is nobody else to tell."""

    def reserve(self, tokens_in: int, tokens_out: int) -> Purse:
        if len(self.held) == self.fits:
            raise BudgetReached("the budget is used up; raise it", "case:c-1")
        self.held.append((tokens_in, tokens_out))
        return self

    def settle(self, usage: Usage | None, reply: str | None = None) -> None:
        self.settled.append(usage)


class AtOnce:
    """Counts how many threads were in its block at the same time."""

    def __init__(self) -> None:
        self.most = self._now = 0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._now -= 1


def model(url: str, **options: Any) -> EndpointModel:
    rest = options.pop("rest", 30)
    return EndpointModel(Line(Endpoint("cheap", "small-1", url, SecretStr(KEY), **options), rest))


def order(**options: Any) -> Order:
    seconds = options.pop("seconds", DEADLINE)
    return Order(deadline=time.monotonic() + seconds, max_tokens=options.pop("max_tokens", 100), **options)


def ask(llm: EndpointModel, **options: Any) -> str:
    llm.order = order(**options)
    return llm.call(MESSAGES)


def body(content: Any = "30 days", usage: Any = TOLD, finish: str = "stop", **message: Any) -> bytes:
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content, **message}}
    return json.dumps({"id": "1", "choices": [choice], **({} if usage is None else {"usage": usage})}).encode()


def says(content: Any = "30 days", usage: Any = TOLD, **options: Any) -> Reply:
    return whole(body(content, usage, **options))


def refusal(status: str, told: str = "no", *headers: str) -> Reply:
    return whole(json.dumps({"error": {"message": told, "code": None}}).encode(), status, *headers)


def chunk(content: str | None = None, finish: str | None = None, **more: Any) -> bytes:
    choices = [{"index": 0, "delta": {"content": content}, "finish_reason": finish}]
    return b"data: " + json.dumps({"choices": choices, **more}).encode() + b"\n\n"


SSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
LAST = b"data: " + json.dumps({"choices": [], "usage": TOLD}).encode() + b"\n\n"
DONE = b"data: [DONE]\n\n"


def streams(*pieces: str, last: bytes = LAST) -> Reply:
    return raw(SSE + b"".join(chunk(piece) for piece in pieces) + chunk(None, "stop") + last + DONE)


@contextmanager
def heard() -> Iterator[list[Any]]:
    """CrewAI's events of calls, at the end in the order they were emitted: its bus hands them over in any."""
    events: list[Any] = []
    with crewai_event_bus.scoped_handlers():
        for kind in (LLMCallStartedEvent, LLMCallCompletedEvent, LLMCallFailedEvent):
            crewai_event_bus.on(kind)(lambda _, event: events.append(event))
        yield events
        crewai_event_bus.flush()
    events.sort(key=lambda event: event.emission_sequence)
