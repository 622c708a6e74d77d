"""The ways in which the simulator fails, by name. Each writes to the socket what a broken server would."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.simulator.server import Handler

STATUS: dict[str, tuple[int, str]] = {
    "429": (429, "rate_limit_exceeded"),
    "500": (500, "server_error"),
    "503": (503, "overloaded"),
    "401": (401, "invalid_api_key"),
    "404": (404, "model_not_found"),
    "quota": (429, "insufficient_quota"),
}
NOT_BILLED = {"timeout", "redirect", "reset", "html", "drip_headers"}
"""Beside the error statuses: the model was not asked, or nobody can say that it was."""

BODY_FAULTS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no_choices": lambda body: {**body, "choices": []},
    "choices_null": lambda body: {**body, "choices": None},
    "null_content": lambda body: _with(body, content=None),
    "empty_content": lambda body: _with(body, content=""),
    "tool_call": lambda body: _with(
        body,
        content=None,
        tool_calls=[{"id": "t", "type": "function", "function": {"name": "delete_all", "arguments": "{}"}}],
    ),
    "malformed": lambda body: _with(body, content="I would rather talk about the weather."),
    "cut_answer": lambda body: _with(body, finish="length", content=_content(body)[: len(_content(body)) // 2]),
    "no_usage": lambda body: {name: value for name, value in body.items() if name != "usage"},
    "null_usage": lambda body: {**body, "usage": None},
    "negative_usage": lambda body: {**body, "usage": {"prompt_tokens": -5, "completion_tokens": -1}},
    "absurd_usage": lambda body: {**body, "usage": {"prompt_tokens": 10**12, "completion_tokens": 10**12}},
    "text_usage": lambda body: {**body, "usage": {"prompt_tokens": "many", "completion_tokens": [1]}},
    "greedy": lambda body: _with(body, content="word " * 100_000),
    "body_is_list": lambda body: [body],
}
"""What is changed in a whole, well-formed reply. `greedy` takes no notice of the limit on tokens."""

UNTOLD = {"no_usage", "null_usage", "negative_usage", "absurd_usage", "text_usage"}


def _with(body: dict[str, Any], content: str | None, finish: str = "stop", **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": content, **more}
    return {**body, "choices": [{"index": 0, "message": message, "finish_reason": finish}]}


def _content(body: dict[str, Any]) -> str:
    return str(body["choices"][0]["message"]["content"])


def wire_faults() -> dict[str, Callable[[Handler, dict[str, Any]], None]]:
    """Faults below the reply: what is on the wire is broken, late or endless."""
    return {
        "html": _html,
        "timeout": lambda handler, _: handler.wait(),
        "reset": lambda handler, _: handler.hang_up(),
        "cut_json": _cut_json,
        "truncated": _truncated,
        "drip": _drip,
        "drip_headers": _drip_headers,
        "hang": _hang,
        "huge": _huge,
        "huge_stream": _huge_stream,
        "loop": _huge_stream,
        "gzip_bomb": _gzip_bomb,
        "redirect": _redirect,
        "stream_error": _stream_error,
        "stream_no_done": _stream_no_done,
    }


def status(handler: Handler, name: str, after: str | None) -> None:
    """An error status in OpenAI's form, with Retry-After if given."""
    code, kind = STATUS[name]
    headers = {"Retry-After": after} if after is not None else {}
    handler.reply_json(code, {"error": {"message": "no", "type": kind, "code": kind, "param": None}}, headers)


def echo(handler: Handler, code: int) -> None:
    """An error whose body and headers repeat the key."""
    key = handler.headers.get("Authorization", "")
    body = {"error": {"message": f"bad request with {key}", "code": key, "type": key, "param": key}}
    handler.reply_json(code, body, {"X-Debug": key, "WWW-Authenticate": key})


def _html(handler: Handler, _: dict[str, Any]) -> None:
    handler.reply(200, b"<html><body><h1>Welcome</h1></body></html>", "text/html")


def _cut_json(handler: Handler, body: dict[str, Any]) -> None:
    text = json.dumps(body).encode()
    handler.reply(200, text[: len(text) // 2])


def _truncated(handler: Handler, body: dict[str, Any]) -> None:
    text = json.dumps(body).encode()
    handler.begin(200, len(text))
    handler.write(text[: len(text) // 2])
    handler.hang_up()


def _drip(handler: Handler, body: dict[str, Any]) -> None:
    text = json.dumps(body).encode()
    handler.begin(200, len(text))
    for byte in text:
        handler.write(bytes([byte]))
        handler.wait(1)


def _drip_headers(handler: Handler, _: dict[str, Any]) -> None:
    for byte in b"HTTP/1.1 200 OK\r\n" + b"X-Slow: yes\r\n" * 50:
        handler.write(bytes([byte]))
        handler.wait(1)


def _hang(handler: Handler, body: dict[str, Any]) -> None:
    text = json.dumps(body).encode()
    handler.begin(200, len(text))
    handler.write(text[: len(text) // 2])
    handler.wait()


def _huge(handler: Handler, _: dict[str, Any]) -> None:
    handler.begin(200, None)
    for _megabyte in range(50):
        handler.write(b" " * 1_000_000)
    handler.hang_up()


def _chunk(content: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": finish}
    return f"data: {json.dumps({'id': 'x', 'choices': [choice]})}\n\n".encode()


def _huge_stream(handler: Handler, _: dict[str, Any]) -> None:
    handler.begin(200, None, "text/event-stream")
    until = time.monotonic() + 60
    while time.monotonic() < until:
        handler.write(_chunk("The same sentence again. " * 40))


def _gzip_bomb(handler: Handler, _: dict[str, Any]) -> None:
    text = gzip.compress(b" " * 60_000_000)
    handler.begin(200, len(text), headers={"Content-Encoding": "gzip"})
    handler.write(text)


def _redirect(handler: Handler, _: dict[str, Any]) -> None:
    handler.reply(307, b"", headers={"Location": handler.simulator.elsewhere + "/v1/chat/completions"})


def _stream_error(handler: Handler, _: dict[str, Any]) -> None:
    handler.begin(200, None, "text/event-stream")
    handler.write(_chunk('{"sentences": ['))
    key = handler.headers.get("Authorization", "")
    handler.write(f"data: {json.dumps({'error': {'message': f'broken for {key}', 'code': 500}})}\n\n".encode())
    handler.hang_up()


def _stream_no_done(handler: Handler, body: dict[str, Any]) -> None:
    handler.begin(200, None, "text/event-stream")
    for piece in pieces(_content(body)):
        handler.write(_chunk(piece))
    handler.hang_up()


def pieces(text: str, size: int = 24) -> Iterator[str]:
    """`text` in the pieces that it is streamed in."""
    yield from (text[i : i + size] for i in range(0, len(text), size))
