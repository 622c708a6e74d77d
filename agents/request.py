"""One request to a chat endpoint, and what came back. Nothing that a server sends is taken for what it should be."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeGuard

import openai
from pydantic import BaseModel

from agents.faults import Failed, Fault
from tasks.usage import Usage

BYTES_PER_TOKEN = 16
"""No tokenizer's usual token is longer: a stream that goes past this many for each token allowed is stopped."""

PER_MESSAGE = 64
"""Tokens that roles and marks may add to a message: a bound, not a count."""


class Hold(Protocol):
    """Money held for one request."""

    def settle(self, usage: Usage | None) -> None:
        """Books what the request took; None when that is unknown."""


class Purse(Protocol):
    """What pays for the requests of a call."""

    def reserve(self, tokens_in: int, tokens_out: int) -> Hold:
        """Holds the worst case of one request. Raises `LimitReached` when it does not fit."""


@dataclass(slots=True)
class Order:
    """How a call is to be made.

    `deadline` is a `time.monotonic()`, `max_tokens` bound the reply with its reasoning. `contract` asks for
    structured output where the server supports it. With `on_text` the reply is streamed, and told piece by piece.
    """

    deadline: float
    max_tokens: int
    contract: type[BaseModel] | None = None
    purse: Purse | None = None
    on_text: Callable[[str], None] | None = None


@dataclass(slots=True)
class Abilities:
    """What the server was seen to support; assumed until it refuses."""

    structured: bool = True
    usage_in_streams: bool = True
    completion_tokens: bool = False
    """Whether it wants `max_completion_tokens`, as OpenAI's own does, and not `max_tokens`."""


@dataclass(slots=True)
class Request:
    """One request and what came back of it. Nothing that a server sends is taken for what it should be."""

    client: openai.OpenAI
    model: str
    abilities: Abilities
    messages: Any
    order: Order
    reported: Any = None
    received: int = 0
    finish: str = ""
    sent: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        order, abilities = self.order, self.abilities
        limit = "max_completion_tokens" if abilities.completion_tokens else "max_tokens"
        self.sent = {"model": self.model, "messages": self.messages, limit: order.max_tokens}
        if order.contract and abilities.structured:
            self.sent["response_format"] = _schema(order.contract)
        if order.on_text:
            self.sent["stream"] = True
            if abilities.usage_in_streams:
                self.sent["stream_options"] = {"include_usage": True}

    @property
    def tokens_in(self) -> int:
        """An upper bound: no token of a byte-level tokenizer is shorter than a byte."""
        size = len(json.dumps([self.messages, self.sent.get("response_format")], ensure_ascii=False).encode())
        return size + PER_MESSAGE * (len(self.messages) + 1)

    def send(self) -> str:
        """The reply's text."""
        return self._streamed() if self.order.on_text else self._whole()

    def _whole(self) -> str:
        raw = self.client.chat.completions.with_raw_response.create(**self.sent)
        self.received = len(raw.content)
        try:
            body = json.loads(raw.content)
        except ValueError:
            raise Failed("cut short" if raw.content.lstrip().startswith(b"{") else "not JSON") from None
        if not isinstance(body, dict):
            raise Failed("not JSON")
        self.reported = body.get("usage")
        choices = body.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        message = choice.get("message") if isinstance(choice, dict) else None
        if not isinstance(message, dict):
            raise Failed("no answer")
        self.finish = str(choice.get("finish_reason") or "stop") if isinstance(choice, dict) else ""
        if message.get("tool_calls") and not message.get("content"):
            raise Failed("tool call")
        content = message.get("content")
        return content if isinstance(content, str) else ""

    def _streamed(self) -> str:
        pieces: list[str] = []
        with self.client.chat.completions.create(**self.sent) as stream:
            for chunk in stream:
                self.reported = _plain(getattr(chunk, "usage", None)) or self.reported
                choices = getattr(chunk, "choices", None)
                choice = choices[0] if isinstance(choices, list) and choices else None
                delta = getattr(choice, "delta", None)
                self.finish = str(getattr(choice, "finish_reason", None) or self.finish)
                if getattr(delta, "tool_calls", None):
                    raise Failed("tool call")
                piece = getattr(delta, "content", None)
                if isinstance(piece, str) and piece:
                    pieces.append(piece)
                    self.received += len(piece.encode())
                    if self.received > self.order.max_tokens * BYTES_PER_TOKEN:
                        raise Failed("too long")
                    if self.order.on_text:
                        self.order.on_text(piece)
        if not self.finish:
            raise Failed("cut short")
        return "".join(pieces)

    def checked(self, text: str) -> str:
        """The text, unless it is none, was cut, or is longer than allowed."""
        if self.finish == "length":
            raise Failed("out of tokens")
        if self.received > self.order.max_tokens * BYTES_PER_TOKEN:
            raise Failed("too long")
        if not text.strip():
            raise Failed("no answer")
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

    def learned(self, failed: Failed) -> Failed | None:
        """Puts down what the server does not support, and says to ask again without it; None if it was not that."""
        abilities, told = self.abilities, failed.told
        if failed.name != "request refused":
            return None
        if "response_format" in self.sent and ("response_format" in told or "json_schema" in told):
            abilities.structured = False
        elif "stream_options" in self.sent and "stream_options" in told:
            abilities.usage_in_streams = False
        elif "max_tokens" in self.sent and "max_completion_tokens" in told:
            abilities.completion_tokens = True
        elif "max_completion_tokens" in self.sent and "max_" in told:
            abilities.completion_tokens = False
        else:
            return None
        return _Unsupported()


class _Unsupported(Failed):
    """The server refused an option; the request is made again at once, without it."""

    def __init__(self) -> None:
        super().__init__("request refused", after=0.0)

    @property
    def fault(self) -> Fault:
        """The same, but asked again."""
        return super().fault._replace(again=True)


def _schema(contract: type[BaseModel]) -> dict[str, Any]:
    """The contract as a strict JSON schema, in which every field is required."""
    parameters = openai.pydantic_function_tool(contract)["function"]["parameters"]
    schema = {"name": contract.__name__, "strict": True, "schema": _without_defaults(parameters)}
    return {"type": "json_schema", "json_schema": schema}


def _without_defaults(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {name: _without_defaults(inner) for name, inner in schema.items() if name != "default"}
    return [_without_defaults(inner) for inner in schema] if isinstance(schema, list) else schema


def _plain(usage: Any) -> dict[str, Any] | None:
    return (
        usage.model_dump(warnings=False) if isinstance(usage, BaseModel) else usage if isinstance(usage, dict) else None
    )


def _detail(usage: dict[str, Any], name: str, count: str) -> Any:
    details = usage.get(name)
    return (details.get(count) or 0) if isinstance(details, dict) else 0


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
