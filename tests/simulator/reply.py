"""What goes over the wire when all is well: a completion as OpenAI's API words it, whole or as a stream's events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

PIECE = 24
"""Characters of a reply in one event of its stream."""

CHARACTERS_PER_TOKEN = 4


def tokens(text: str) -> int:
    """As the simulator counts and bills them."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a reply took; `read` includes the cached ones, `written` those of reasoning."""

    read: int
    cached: int = 0
    written: int = 0
    reasoning: int = 0

    def body(self) -> dict[str, Any]:
        return {
            "prompt_tokens": self.read,
            "completion_tokens": self.written,
            "total_tokens": self.read + self.written,
            "prompt_tokens_details": {"cached_tokens": self.cached},
            "completion_tokens_details": {"reasoning_tokens": self.reasoning},
        }


def completion(number: int, model: str, content: str, finish: str, usage: Usage) -> dict[str, Any]:
    """A reply's body."""
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 1_750_000_000,
        "model": model,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish}],
        "usage": usage.body(),
    }


def within(content: str, limit: int | None, reasoning: int) -> tuple[str, str, int]:
    """Content, finish and tokens written, of a model that keeps to its limit: what goes past it is not written."""
    written = tokens(content) + reasoning
    if limit is None or written <= limit:
        return content, "stop", written
    return content[: max(0, limit - reasoning) * CHARACTERS_PER_TOKEN], "length", limit


def whole(body: Any) -> bytes:
    """A body as JSON."""
    return json.dumps(body).encode()


def events(body: Any, *, usage: bool, done: bool = True) -> Iterator[bytes]:
    """The same body as the events of a stream; with `usage`, one more tells it, as when a client asks for that."""
    if not isinstance(body, dict) or not body.get("choices"):
        yield event(body)
    else:
        shared = {**body, "object": "chat.completion.chunk"} | ({"usage": None} if usage else {})
        if not usage:
            shared.pop("usage", None)
        choice = body["choices"][0]
        for delta in _deltas(choice["message"]):
            yield event({**shared, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
        yield event({**shared, "choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]})
        if usage and "usage" in body:
            yield event({**shared, "choices": [], "usage": body["usage"]})
    if done:
        yield b"data: [DONE]\n\n"


def pieces(text: str) -> Iterator[str]:
    """`text` in the pieces that it is streamed in."""
    yield from (text[i : i + PIECE] for i in range(0, len(text), PIECE))


def _deltas(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {"role": "assistant"}
    for index, call in enumerate(message.get("tool_calls") or []):
        yield {"tool_calls": [{"index": index, **call}]}
    for piece in pieces(message.get("content") or ""):
        yield {"content": piece}


def event(body: Any) -> bytes:
    """A body as one event of a stream."""
    return b"data: " + whole(body) + b"\n\n"
