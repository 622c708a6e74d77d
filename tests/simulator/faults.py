"""The ways in which the simulator fails, by name: what a broken server would send, whole or as a stream."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from tests.simulator.reply import CHARACTERS_PER_TOKEN, event, tokens, within

if TYPE_CHECKING:
    from tests.simulator.handler import Handler

Body = dict[str, Any]

# --- an error status: nothing is billed -----------------------------------------------------------------

STATUS: dict[str, tuple[int, str]] = {
    "429": (429, "rate_limit_exceeded"),
    "500": (500, "server_error"),
    "503": (503, "overloaded"),
    "401": (401, "invalid_api_key"),
    "404": (404, "model_not_found"),
    "quota": (429, "insufficient_quota"),
}
ECHOES = {"echo_401": 401, "echo_500": 500}
"""The key is repeated in the body and in headers."""


def error(code: int, kind: str, message: str = "no", param: str | None = None) -> Body:
    """An error in OpenAI's form."""
    group = "invalid_request_error" if code in (400, 404) else kind
    return {"error": {"message": message, "type": group, "code": kind, "param": param}}


def status(handler: Handler, name: str, after: str | None = None) -> None:
    """An error status, with Retry-After if given."""
    code, kind = STATUS[name]
    handler.reply_json(code, error(code, kind), {"Retry-After": after} if after else {})


def echo(handler: Handler, code: int) -> None:
    """An error whose body and headers repeat the key."""
    key = handler.headers.get("Authorization", "")
    body = {"error": {"message": f"bad request with {key}", "code": key, "type": key, "param": key}}
    handler.reply_json(code, body, {"X-Debug": key, "WWW-Authenticate": key})


# --- a model that writes what it should not --------------------------------------------------------------

ENDLESS = 16_384
"""Tokens of a model that repeats itself where no limit is set."""
SAID_AGAIN = "The same sentence again. "
GREEDY = "word " * 80_000

CONTENT_FAULTS: dict[str, Callable[[str, int | None, int, str], tuple[str, str, int]]] = {
    "malformed": lambda _, limit, thought, __: within("I would rather talk about the weather.", limit, thought),
    "echo_content": lambda said, limit, thought, key: within(key + said, limit, thought),
    "cut_answer": lambda said, _, thought, __: within(said, thought + tokens(said) // 2, thought),
    "greedy": lambda *_: (GREEDY, "stop", tokens(GREEDY)),
    "loop": lambda _, limit, thought, __: within(_again(limit), limit or ENDLESS, thought),
}
"""What was said, the limit on tokens, those of reasoning, the key -> what is said, why it ends, tokens written.

`greedy` takes no notice of the limit, `loop` goes on up to it.
"""


def _again(limit: int | None) -> str:
    return SAID_AGAIN * (((limit or ENDLESS) + 1) * CHARACTERS_PER_TOKEN // len(SAID_AGAIN) + 1)


# --- a reply that is not what it should be, in whole JSON ------------------------------------------------

BODY_FAULTS: dict[str, Callable[[Body], Any]] = {
    "no_choices": lambda body: {**body, "choices": []},
    "choices_null": lambda body: {**body, "choices": None},
    "null_content": lambda body: _with(body, content=None),
    "empty_content": lambda body: _with(body, content=""),
    "tool_call": lambda body: _with(
        body,
        content=None,
        tool_calls=[{"id": "t", "type": "function", "function": {"name": "delete_all", "arguments": "{}"}}],
    ),
    "no_usage": lambda body: _without_usage(body),
    "null_usage": lambda body: {**body, "usage": None},
    "negative_usage": lambda body: {**body, "usage": {"prompt_tokens": -5, "completion_tokens": -1}},
    "absurd_usage": lambda body: {**body, "usage": {"prompt_tokens": 10**12, "completion_tokens": 10**12}},
    "text_usage": lambda body: {**body, "usage": {"prompt_tokens": "many", "completion_tokens": [1]}},
    "stream_no_usage": lambda body: _without_usage(body),
    "body_is_list": lambda body: [body],
}
UNTOLD = {name for name in BODY_FAULTS if name.endswith("usage")} | {"body_is_list"}
"""Nobody can read from the reply what it took."""


def _with(body: Body, content: str | None, **more: Any) -> Body:
    message = {"role": "assistant", "content": content, **more}
    return {**body, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}


def _without_usage(body: Body) -> Body:
    return {name: value for name, value in body.items() if name != "usage"}


# --- broken, late or endless on the wire ----------------------------------------------------------------

UNBILLED: dict[str, int] = {"timeout": 0, "reset": 0, "redirect": 307, "html": 200, "drip_headers": 200}
"""The status of those in which no model is asked, or nobody can say that it was."""

MEGABYTES = 60
"""Of what is huge."""


def _html(handler: Handler, _: bytes, __: str) -> None:
    handler.reply(200, b"<html><body><h1>Welcome</h1></body></html>", "text/html")


def _half(data: bytes) -> bytes:
    """The first half, which ends within a line."""
    return data[: len(data) // 2].rstrip()[:-1]


def _cut_json(handler: Handler, data: bytes, kind: str) -> None:
    handler.reply(200, _half(data), kind)


def _truncated(handler: Handler, data: bytes, kind: str) -> None:
    handler.begin(200, len(data), kind)
    handler.write(_half(data))
    handler.hang_up()


def _drip(handler: Handler, data: bytes, kind: str) -> None:
    handler.begin(200, len(data), kind)
    _slowly(handler, data)


def _drip_headers(handler: Handler, _: bytes, __: str) -> None:
    _slowly(handler, b"HTTP/1.1 200 OK\r\n" + b"X-Slow: yes\r\n" * 50)


def _slowly(handler: Handler, data: bytes) -> None:
    for byte in data:
        handler.write(bytes([byte]))
        handler.wait(1)


def _hang(handler: Handler, data: bytes, kind: str) -> None:
    handler.begin(200, len(data), kind)
    handler.write(_half(data))
    handler.wait()


def _timeout(handler: Handler, _: bytes, __: str) -> None:
    handler.wait()
    handler.hang_up()


def _huge(handler: Handler, _: bytes, kind: str) -> None:
    handler.begin(200, None, kind)
    for _megabyte in range(MEGABYTES):
        handler.write(b" " * 1_000_000)


def _huge_stream(handler: Handler, data: bytes, kind: str) -> None:
    """Goes on until the client has enough: events, or the text of a reply that does not end."""
    handler.begin(200, None, kind)
    more = SAID_AGAIN.encode() * 40
    if kind == EVENT_STREAM:
        more = event({"id": "chatcmpl-0", "choices": [{"index": 0, "delta": {"content": SAID_AGAIN * 40}}]})
    else:
        handler.write(b'{"choices": [{"index": 0, "message": {"role": "assistant", "content": "')
    while not handler.simulator.closing.is_set():
        handler.write(more)


@cache
def _bomb() -> bytes:
    return gzip.compress(b" " * (MEGABYTES * 1_000_000))


def _gzip_bomb(handler: Handler, _: bytes, kind: str) -> None:
    handler.reply(200, _bomb(), kind, {"Content-Encoding": "gzip"})


def _redirect(handler: Handler, _: bytes, __: str) -> None:
    handler.reply(307, b"", headers={"Location": handler.simulator.elsewhere + handler.path})


def _stream_error(handler: Handler, data: bytes, kind: str) -> None:
    """After some events one that says error, key included; to a client that wants no stream, that alone."""
    told = error(500, "server_error", f"broken for {handler.headers.get('Authorization', '')}")
    if kind != EVENT_STREAM:
        handler.reply_json(200, told)
        return
    begun = data[: len(data) // 2].rpartition(b"\n\n")[0] + b"\n\n"
    handler.reply(200, begun + event(told), kind)


def _stream_no_done(handler: Handler, data: bytes, kind: str) -> None:
    handler.reply(200, data.removesuffix(b"data: [DONE]\n\n"), kind)


EVENT_STREAM = "text/event-stream"

WIRE_FAULTS: dict[str, Callable[[Handler, bytes, str], None]] = {
    "html": _html,
    "timeout": _timeout,
    "reset": lambda handler, *_: handler.hang_up(),
    "cut_json": _cut_json,
    "truncated": _truncated,
    "drip": _drip,
    "drip_headers": _drip_headers,
    "hang": _hang,
    "huge": _huge,
    "huge_stream": _huge_stream,
    "gzip_bomb": _gzip_bomb,
    "redirect": _redirect,
    "stream_error": _stream_error,
    "stream_no_done": _stream_no_done,
}
"""What should have been sent, and its type -> what is sent in its place."""

WHOLE = {"stream_no_done"}
"""Those of them that leave the reply and its usage whole."""

FAULTS = frozenset({*STATUS, *ECHOES, *CONTENT_FAULTS, *BODY_FAULTS, *WIRE_FAULTS})
"""Every name. That nothing listens at all is `closed_port`."""
