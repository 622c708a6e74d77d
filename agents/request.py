"""One request to a chat endpoint, and what came back. Nothing that a server sends is taken for what it should be."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol, TypeGuard

import httpx
import openai
from pydantic import BaseModel

import wire
from agents.faults import Failed, named
from tasks.calls import Bought
from tasks.usage import Usage

BYTES_PER_TOKEN = 16
"""No tokenizer's usual token is longer: a reply that goes past this many for each token allowed is stopped."""

PER_MESSAGE = 64
"""Tokens that roles and marks may add to a message: a bound, not a count."""

PATH = "/chat/completions"


class Hold(Protocol):
    """Money held for one request."""

    def settle(self, usage: Usage | None, reply: str | None = None) -> None:
        """Books what the request took; None when that is unknown. `reply` is what it brought, when it is an answer."""


class Purse(Protocol):
    """What pays for the requests of a call."""

    def recall(self, sent: Any) -> Bought | None:
        """What was bought before of a call that sends this; None where calls are not kept."""

    def reserve(self, tokens_in: int, tokens_out: int) -> Hold:
        """Holds the worst case of one request. Raises `LimitReached` when it does not fit, `TooMany` to wait."""

    def slow_down(self, after: float | None) -> None:
        """Tells everybody that the endpoint takes no more for now."""


@dataclass(slots=True)
class Order:
    """How a call is to be made.

    `deadline` is a `time.monotonic()`, `max_tokens` bound the reply with its reasoning. `contract` asks for
    structured output where the server supports it. With `on_text` the reply is streamed, and told piece by piece.
    Once `stopped` is true, the call is given up.
    """

    deadline: float
    max_tokens: int
    contract: type[BaseModel] | None = None
    purse: Purse | None = None
    on_text: Callable[[str], None] | None = None
    stopped: Callable[[], bool] = lambda: False


@dataclass(slots=True)
class Abilities:
    """What the server was seen to support; assumed until it refuses."""

    structured: bool = True
    usage_in_streams: bool = True
    completion_tokens: bool = False
    """Whether it wants `max_completion_tokens`, as OpenAI's own does, and not `max_tokens`."""


@dataclass(slots=True)
class Request:
    """One request and its reply. `received` counts the bytes that came, `written` those of the text among them."""

    client: openai.OpenAI
    model: str
    abilities: Abilities
    messages: Any
    order: Order
    reported: Any = None
    received: int = 0
    written: int = 0
    finish: str = ""
    wants_tool: bool = False
    sent: dict[str, Any] = field(default_factory=dict)
    tokens_in: int = 0
    """An upper bound: no token of a byte-level tokenizer is shorter than a byte."""

    def __post_init__(self) -> None:
        order, abilities = self.order, self.abilities
        limit = "max_completion_tokens" if abilities.completion_tokens else "max_tokens"
        messages = [{**message, "content": _encodable(message["content"])} for message in self.messages]
        self.sent = {"model": self.model, "messages": messages, limit: order.max_tokens}
        if order.contract and abilities.structured:
            self.sent["response_format"] = _schema(order.contract)
        if order.on_text:
            self.sent["stream"] = True
            if abilities.usage_in_streams:
                self.sent["stream_options"] = {"include_usage": True}
        read = json.dumps([messages, self.sent.get("response_format")], ensure_ascii=False)
        self.tokens_in = len(read.encode()) + PER_MESSAGE * (len(messages) + 1)

    def pieces(self) -> Iterator[str]:
        """Sends it and yields the reply's text: in one piece, or as it comes. Raises `Failed`.

        What the caller does with a piece is none of this: its errors pass through.
        """
        with _failing():
            yield from self._streamed() if self.order.on_text else self._whole()

    def _whole(self) -> Iterator[str]:
        response = self.client.post(PATH, cast_to=httpx.Response, body=self.sent)
        self.received = len(response.content)
        try:
            body = json.loads(response.content)
        except ValueError:
            raise Failed("cut short" if response.content.lstrip()[:1] == b"{" else "not JSON") from None
        yield from self._said(body, "message")
        self.finish = self.finish or "stop"

    def _streamed(self) -> Iterator[str]:
        kind = openai.Stream[object]
        with self.client.post(PATH, cast_to=object, body=self.sent, stream=True, stream_cls=kind) as stream:
            is_stream = "event-stream" in stream.response.headers.get("content-type", "")
            for chunk in stream:
                yield from self._said(chunk, "delta")
        if not self.finish and not self.wants_tool:
            raise Failed("cut short" if is_stream else "not JSON")

    def _said(self, body: object, name: str) -> Iterator[str]:
        """The text in one JSON object that was sent, if there is any; keeps what else it tells."""
        told = body if isinstance(body, dict) else {}
        self.reported = told.get("usage") or self.reported
        choice = _first(told.get("choices"))
        message = choice.get(name)
        message = message if isinstance(message, dict) else {}
        if isinstance(choice.get("finish_reason"), str):
            self.finish = choice["finish_reason"]
        text = message.get("content")
        if isinstance(text, str) and text:
            size = len(text.encode(errors="replace"))
            self.written += size
            self.received = max(self.received, self.written)
            if self.written > self.order.max_tokens * BYTES_PER_TOKEN:
                raise Failed("too long")
            yield text
        elif message.get("tool_calls"):
            self.wants_tool = True  # told when the reply has ended, and with it what it cost

    def checked(self, text: str) -> str:
        """The text, unless it is none or was cut."""
        if self.finish == "length":
            raise Failed("out of tokens")
        if not text.strip():
            raise Failed("tool call" if self.wants_tool else "no answer")
        return text

    def usage(self) -> Usage:
        """What the server says that it took, if that can be; else unknown."""
        told, unknown = self.reported, Usage(model_calls=1, unknown=1)
        if not isinstance(told, dict):
            return unknown
        read, written = told.get("prompt_tokens"), told.get("completion_tokens")
        cached = _detail(told, "prompt_tokens_details", "cached_tokens")
        thought = _detail(told, "completion_tokens_details", "reasoning_tokens")
        if not (_is_count(read) and _is_count(written) and _is_count(cached) and _is_count(thought)):
            return unknown
        most = max(self.order.max_tokens, self.received)
        if not (0 < read <= self.tokens_in and written <= most and cached <= read and thought <= written):
            return unknown
        return Usage(read, written, cached, thought, model_calls=1)

    def unsupported(self, failed: Failed) -> bool:
        """Whether it failed by an option that the server does not take, which is put down: ask again without it."""
        abilities, told = self.abilities, failed.told
        if failed.name != "request refused":
            return False
        if "response_format" in self.sent and re.search(r"response_format|json_schema", told):
            abilities.structured = False
        elif "stream_options" in self.sent and "stream_options" in told:
            abilities.usage_in_streams = False
        elif ("max_tokens" in self.sent or "max_completion_tokens" in self.sent) and _UNKNOWN_LIMIT.search(told):
            abilities.completion_tokens = "max_tokens" in self.sent
        else:
            return False
        return True


_UNKNOWN_LIMIT = re.compile(
    r"(?s)(?=.*max_(?:completion_)?tokens)(?=.*(?:unsupported|not supported|un(?:known|recogni[sz]ed|expected)|"
    r"extra|not permitted|not allowed))"
)
"""A server that does not know the parameter, and not one that finds its value too high."""


@contextmanager
def _failing() -> Iterator[None]:
    """What the client raises, as `Failed`."""
    try:
        yield
    except (openai.OpenAIError, ValueError, RecursionError, wire.TooLarge, *wire.ERRORS) as error:
        raise named(error) from None


def _encodable(text: str) -> str:
    """`text` with what is no character, half a surrogate pair, replaced: it cannot be sent."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@cache
def _schema(contract: type[BaseModel]) -> dict[str, Any]:
    """The contract as a strict JSON schema, in which every field is required."""
    parameters = openai.pydantic_function_tool(contract)["function"]["parameters"]
    schema = {"name": contract.__name__, "strict": True, "schema": _without_defaults(parameters)}
    return {"type": "json_schema", "json_schema": schema}


def _without_defaults(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {name: _without_defaults(inner) for name, inner in schema.items() if name != "default"}
    return [_without_defaults(inner) for inner in schema] if isinstance(schema, list) else schema


def _first(choices: object) -> dict[str, Any]:
    choice = choices[0] if isinstance(choices, list) and choices else None
    return choice if isinstance(choice, dict) else {}


def _detail(usage: dict[str, Any], name: str, count: str) -> Any:
    details = usage.get(name)
    return (details.get(count) or 0) if isinstance(details, dict) else 0


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
