"""One call to a model at any OpenAI-compatible endpoint, that cannot hang, overrun, leak or lie unnoticed.

CrewAI's own OpenAI class logs what the provider says in an error, which may be the key, retries by itself, and
cannot tell a usage that nobody told from one of zero. So this is CrewAI's `BaseLLM`, its door for other models, over
the official `openai` client. What a server sends is never shown to anybody but as the text of an answer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import openai
import stamina
from circuitbreaker import CircuitBreaker
from crewai.events.types.llm_events import LLMCallType
from crewai.llms.base_llm import BaseLLM, llm_call_context
from pydantic import PrivateAttr, SecretStr

import wire
from agents import without_panels
from agents.faults import Failed, left
from agents.request import Abilities, Hold, Order, Request
from agents.turns import aside
from errors import EndpointError, OpsdeskError, Stopped
from tasks.budget import Call
from tasks.case import Tier
from tasks.pace import TooMany
from tasks.usage import Usage

REQUESTS = 3
"""The most requests that one call makes, whatever for."""

LONGEST_WAIT = 10.0
"""Seconds: a server that asks for a longer wait is not waited for, so that another tier can be asked."""

LEAST_LEFT = 1.0
"""Seconds: with less until the deadline, no request is made again."""

REPLY_BYTES = 2_000_000
"""Of one response."""

HIDDEN = "[hidden]"

STOPPED = "stopped by a person; what was found until then is kept"

FAILURES, REST = 5, 30
"""So many failures in a row, and an endpoint is left alone for so many seconds."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a tier's model is, and how it may be used. Without a key, a placeholder is sent.

    `timeout_s` bounds one request; the calls on their way at once are `max_concurrency`.
    """

    tier: Tier
    model: str
    base_url: str
    api_key: SecretStr | None = None
    timeout_s: float = 60
    max_concurrency: int = 8


class Line:
    """What all threads share for one endpoint: the client, the circuit breaker, the places, what the server can do."""

    def __init__(self, endpoint: Endpoint, rest: float = REST) -> None:
        self.endpoint = endpoint
        self.host = urlsplit(endpoint.base_url).netloc.rpartition("@")[2]
        self.places = threading.BoundedSemaphore(endpoint.max_concurrency)
        is_openai = self.host == "api.openai.com"
        self.abilities = Abilities(completion_tokens=is_openai)
        self.breaker = CircuitBreaker(FAILURES, rest, expected_exception=_is_the_servers_fault, name=self.host)
        key = endpoint.api_key.get_secret_value() if endpoint.api_key else ""
        self._secret = key if len(key) > 5 else ""  # shorter ones are words of any text
        self.client = openai.OpenAI(
            api_key=key or "none", base_url=endpoint.base_url, max_retries=0, http_client=wire.client()
        )
        if not is_openai:  # the client takes headers from OPENAI_… variables, which are nobody else's business
            self.client.organization = self.client.project = None
            self.client._custom_headers = {}

    @property
    def structured(self) -> bool:
        """Whether the server takes a JSON schema for its answer, as far as it was tried."""
        return self.abilities.structured

    def told(self, failed: Failed) -> EndpointError:
        """The error for people: which tier, what happened, and which variable to change."""
        end, fault = self.endpoint, failed.fault
        names = {name: f"OPSDESK_TIERS__{end.tier.upper()}__{name}" for name in _SETTINGS}
        advice = fault.advice.format(**names, REST=f"{max(1.0, failed.after or 0.0):.0f}")
        if failed.name in ("model unknown", "not JSON") and not urlsplit(end.base_url).path.strip("/"):
            advice = f"{names['BASE_URL']} has no /v1 at its end, which most servers want"
        status = f" (status {failed.code})" if failed.code else ""
        message = f"{end.tier} ({end.model} at {self.host}) {fault.says}{status}; {advice}"
        return EndpointError(message, failed.name, elsewhere=fault.elsewhere)

    def without_key(self, pieces: Iterator[str]) -> Iterator[str]:
        """A reply's pieces without the key, should the server have put it there, be it cut in two."""
        kept, key = "", self._secret
        for piece in pieces:
            kept = (kept + piece).replace(key, HIDDEN) if key else piece
            begun = next((n for n in range(min(len(key) - 1, len(kept)), 0, -1) if key.startswith(kept[-n:])), 0)
            yield kept[: len(kept) - begun]
            kept = kept[len(kept) - begun :]
        yield kept


_SETTINGS = ("MODEL", "BASE_URL", "API_KEY", "TIMEOUT", "MAX_CONCURRENCY")


def _is_the_servers_fault(_: type[BaseException], error: BaseException) -> bool:
    return isinstance(error, Failed) and error.fault.opens


class EndpointModel(BaseLLM):
    """A model at an endpoint, for one thread. `order` is set before a call; `taken` tells what the last one took."""

    _line: Line = PrivateAttr()
    _order: Order | None = PrivateAttr(default=None)
    _taken: Usage = PrivateAttr(default_factory=Usage)

    def __init__(self, line: Line) -> None:
        super().__init__(model=line.endpoint.model, provider="openai-compatible")
        without_panels()
        self._line = line

    @property
    def place(self) -> Call:
        """The endpoint, and how many calls it takes at once."""
        end = self._line.endpoint
        return Call(line=f"{end.model} at {self._line.host}", most=end.max_concurrency)

    @property
    def order(self) -> Order | None:
        """How the next call is to be made."""
        return self._order

    @order.setter
    def order(self, order: Order) -> None:
        self._order = order

    @property
    def taken(self) -> Usage:
        """What the last call took, all its requests together, also when it failed."""
        return self._taken

    def call(self, messages: Any, *_: Any, from_task: Any = None, from_agent: Any = None, **__: Any) -> str:
        """The reply's text. Raises `EndpointError`, and `LimitReached` when the purse does not hold a request."""
        if self._order is None:
            raise ValueError("an order has to be set before a call")
        self._taken = Usage()
        with llm_call_context():
            self._emit_call_started_event(messages, from_task=from_task, from_agent=from_agent)
            try:
                text = self._asked(messages, self._order)
            except OpsdeskError as error:
                self._emit_call_failed_event(str(error), from_task=from_task, from_agent=from_agent)
                raise
            counted = {
                "prompt_tokens": self._taken.tokens_in,
                "completion_tokens": self._taken.tokens_out,
                "total_tokens": self._taken.tokens_in + self._taken.tokens_out,
                "cached_prompt_tokens": self._taken.tokens_cached,
                "reasoning_tokens": self._taken.tokens_reasoning,
            }
            self._track_token_usage_internal(counted)
            self._emit_call_completed_event(
                text, LLMCallType.LLM_CALL, from_task, from_agent, messages=messages, usage=counted
            )
            return text

    # CrewAI wraps this method in retries of its own, unless it says that it has them.
    call._crewai_rate_limit_wrapped = True  # type: ignore[attr-defined]

    async def acall(self, messages: Any, *args: Any, **kwargs: Any) -> str:
        """As `call`, in a thread."""
        import asyncio

        return await asyncio.to_thread(self.call, messages, *args, **kwargs)

    def supports_function_calling(self) -> bool:
        """No tools are offered."""
        return False

    def get_context_window_size(self) -> int:
        """Unknown for most servers: what does not fit is refused by them, and told."""
        return 10_000_000

    def _asked(self, messages: Any, order: Order) -> str:
        line, began = self._line, time.monotonic()
        contract = order.contract.__name__ if order.contract else ""
        bought = order.purse and order.purse.recall([line.endpoint.model, line.host, messages, contract])
        if bought:
            self._taken += bought.usage
            if bought.reply is not None:
                return bought.reply
        self._take_place(order)
        try:
            attempts = stamina.retry_context(
                on=lambda error: self._again(error, began, order.deadline),
                attempts=REQUESTS,
                timeout=None,  # `_again` looks at the deadline
                wait_initial=0.2,
                wait_max=2.0,
                wait_jitter=0.2,
            )
            for attempt in _waiting_aside(attempts):
                with attempt:
                    return self._once(messages, order)
        except Failed as error:
            failed = error
        except wire.Cancelled:
            raise Stopped(STOPPED) from None
        finally:
            line.places.release()
        # Not from within: what the server said would be in the error's context, where others find it, and where
        # CrewAI takes any 429 for a reason to make the whole call again.
        raise line.told(failed)

    def _take_place(self, order: Order) -> None:
        """Waits until the endpoint takes one call more."""
        line = self._line
        give_up = min(order.deadline, time.monotonic() + line.endpoint.timeout_s)
        if line.places.acquire(blocking=False):
            return
        with aside():
            while not line.places.acquire(timeout=max(0.0, min(left(give_up), wire.LOOK_SECONDS))):
                if order.stopped():
                    raise Stopped(STOPPED)
                if left(give_up) <= 0:
                    raise line.told(Failed("busy"))

    def _again(self, error: Exception, began: float, deadline: float) -> bool | float:
        """Whether a request is made again, and if the server asked for it, after how many seconds."""
        if not isinstance(error, Failed) or not error.fault.again or (self._order and self._order.stopped()):
            return False
        seconds = left(deadline)
        if seconds < LEAST_LEFT or self._line.breaker.opened:
            return False
        if error.name == "timeout" and seconds < (deadline - began) / 3:
            return False
        if error.after is None:
            return True
        return error.after if error.after <= min(LONGEST_WAIT, seconds - LEAST_LEFT) else False

    def _once(self, messages: Any, order: Order) -> str:
        """One request, paid for whatever becomes of it."""
        line = self._line
        deadline = min(order.deadline, time.monotonic() + line.endpoint.timeout_s)
        if left(deadline) <= 0:
            raise Failed("timeout")
        if line.breaker.opened:
            raise Failed("circuit open", after=line.breaker.open_remaining)
        request = Request(line.client, line.endpoint.model, line.abilities, messages, order)
        hold, reply = self._held(request, order, deadline), None
        took = Usage(model_calls=1, unknown=1)  # unless it is told otherwise: also after Ctrl-C
        with aside():  # until the reply is kept: who died with it in memory, waiting for a turn, would buy it again
            try:
                with line.breaker, wire.within(deadline, REPLY_BYTES, order.stopped):
                    text = self._text(request, order)
                took = request.usage()
                reply = request.checked(text)
                return reply
            except Failed as failed:
                took = request.usage() if failed.fault.billed else Usage()
                if failed.name == "rate limited" and order.purse:
                    order.purse.slow_down(failed.after)
                if request.unsupported(failed):
                    raise Failed("option refused", after=0.0, code=failed.code) from None
                raise
            finally:
                self._taken += took
                if hold:
                    hold.settle(None if took.unknown else took, reply)

    def _held(self, request: Request, order: Order, deadline: float) -> Hold | None:
        """The money for one request, held as soon as all workers together have a place and money for it."""
        while order.purse:
            try:
                return order.purse.reserve(request.tokens_in, order.max_tokens)
            except TooMany as full:
                if left(deadline) <= full.seconds:
                    raise Failed("busy") from None
                _wait(full.seconds, order)
        return None

    def _text(self, request: Request, order: Order) -> str:
        pieces = []
        for piece in self._line.without_key(request.pieces()):
            pieces.append(piece)
            if order.on_text and piece:
                order.on_text(piece)
        return "".join(pieces)


def _waiting_aside(attempts: Iterable[stamina.Attempt]) -> Iterator[stamina.Attempt]:
    """The attempts; between two of them it is waited."""
    left_over = iter(attempts)
    attempt = next(left_over, None)
    while attempt:
        yield attempt
        with aside():
            attempt = next(left_over, None)


def _wait(seconds: float, order: Order) -> None:
    """Waits. Raises `Stopped` as soon as the order is."""
    until = time.monotonic() + seconds
    with aside():
        while not order.stopped():
            if left(until) <= 0:
                return
            time.sleep(max(0.0, min(left(until), wire.LOOK_SECONDS)))
    raise Stopped(STOPPED)
