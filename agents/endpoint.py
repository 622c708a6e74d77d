"""One call to a model at any OpenAI-compatible endpoint, that cannot hang, overrun, leak or lie unnoticed.

CrewAI's own OpenAI class logs what the provider says in an error, which may be the key, retries by itself, and
cannot tell a usage that nobody told from one of zero. So this is CrewAI's `BaseLLM`, its door for other models, over
the official `openai` client. What a server sends is never shown to anybody but as the text of an answer.
"""

from __future__ import annotations

import threading
import time
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
from agents.faults import Failed, named, past
from agents.request import Abilities, Order, Request
from errors import EndpointError, OpsdeskError
from tasks.case import Tier
from tasks.usage import Usage

REQUESTS = 3
"""The most requests that one call makes, whatever for."""

LONGEST_WAIT = 10.0
"""Seconds: a server that asks for a longer wait is not waited for, so that another tier can be asked."""

REPLY_BYTES = 2_000_000
"""Of one response."""

FAILURES, REST = 5, 30
"""So many failures in a row, and an endpoint is left alone for so many seconds."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a tier's model is, and how it may be used. Without a key, a placeholder is sent."""

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
        self.abilities = Abilities(completion_tokens=self.host == "api.openai.com")
        self.breaker = CircuitBreaker(FAILURES, rest, expected_exception=_is_the_servers_fault, name=self.host)
        key = endpoint.api_key.get_secret_value() if endpoint.api_key else ""
        self._secret = key
        self.client = openai.OpenAI(
            api_key=key or "none", base_url=endpoint.base_url, max_retries=0, http_client=wire.client()
        )

    @property
    def structured(self) -> bool:
        """Whether the server takes a JSON schema for its answer, as far as it was tried."""
        return self.abilities.structured

    def told(self, failed: Failed) -> EndpointError:
        """The error for people: which tier, what happened, and which variable to change."""
        end, fault = self.endpoint, failed.fault
        names = {name: f"OPSDESK_TIERS__{end.tier.upper()}__{name}" for name in _SETTINGS}
        advice = fault.advice.format(**names)
        if failed.name in ("model unknown", "not JSON") and not urlsplit(end.base_url).path.strip("/"):
            advice = f"{names['BASE_URL']} has no /v1 at its end, which most servers want"
        status = f" (status {failed.code})" if failed.code else ""
        message = f"{end.tier} ({end.model} at {self.host}) {fault.says}{status}; {advice}"
        return EndpointError(message, failed.name, elsewhere=fault.elsewhere)

    def clean(self, text: str) -> str:
        """A reply without the key, should the server have put it there."""
        return text.replace(self._secret, "[hidden]") if len(self._secret) > 5 else text


_SETTINGS = ("MODEL", "BASE_URL", "API_KEY", "TIMEOUT", "MAX_CONCURRENCY")


def _is_the_servers_fault(_: type[BaseException], error: BaseException) -> bool:
    return isinstance(error, Failed) and error.name in _OF_THE_SERVER


_OF_THE_SERVER = {
    "server error",
    "timeout",
    "no connection in time",
    "unreachable",
    "reset",
    "not JSON",
    "cut short",
    "too large",
    "redirected",
}


class EndpointModel(BaseLLM):
    """A model at an endpoint, for one thread. `order` is set before a call; `taken` tells what the last one took."""

    _line: Line = PrivateAttr()
    _order: Order | None = PrivateAttr(default=None)
    _taken: Usage = PrivateAttr(default_factory=Usage)

    def __init__(self, line: Line) -> None:
        super().__init__(model=line.endpoint.model, provider="openai-compatible")
        self._line = line

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
        line = self._line
        deadline = min(order.deadline, time.monotonic() + line.endpoint.timeout_s)
        if not line.places.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise line.told(Failed("busy"))
        failure: Failed | None = None
        try:
            left = max(0.001, deadline - time.monotonic())
            for attempt in stamina.retry_context(
                on=lambda error: _wait(error, deadline),
                attempts=REQUESTS,
                timeout=left,
                wait_initial=0.2,
                wait_max=2.0,
                wait_jitter=0.2,
            ):
                with attempt:
                    return line.clean(self._once(messages, order, deadline))
        except Failed as failed:
            failure = failed
        finally:
            line.places.release()
        # Raised here and not above: CrewAI retries by itself whatever has a 429 anywhere in its context.
        raise line.told(failure or Failed("timeout"))

    def _once(self, messages: Any, order: Order, deadline: float) -> str:
        """One request, paid for whatever becomes of it."""
        line = self._line
        if past(deadline):
            raise Failed("timeout")
        if line.breaker.opened:
            raise Failed("circuit open")
        request = Request(line.client, line.endpoint.model, line.abilities, messages, order)
        hold = order.purse.reserve(request.tokens_in, order.max_tokens) if order.purse else None
        took: Usage | None = Usage(model_calls=1, unknown=1)  # unless it is told otherwise: also after Ctrl-C
        try:
            with line.breaker, wire.within(deadline, REPLY_BYTES):
                try:
                    text = request.send()
                except Failed:
                    raise
                except (openai.OpenAIError, ValueError, wire.TooLarge, *wire.ERRORS) as error:
                    raise named(error) from None
            took = request.usage()
            return request.checked(text)
        except Failed as failed:
            if took is not None and took.unknown:
                took = request.usage() if failed.fault.billed else Usage()
            again = request.learned(failed)
            raise again or failed from None
        finally:
            self._taken += took or Usage()
            if hold:
                hold.settle(None if took is None or took.unknown else took)


def _wait(error: Exception, deadline: float) -> bool | float:
    """Whether a request is made again, and if the server asked for it, after how many seconds."""
    if not isinstance(error, Failed) or not error.fault.again or past(deadline):
        return False
    if error.after is None:
        return True
    return error.after if error.after <= min(LONGEST_WAIT, deadline - time.monotonic()) else False
