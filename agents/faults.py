"""How a model's server can fail: each way by name, whether it is asked again, and what a person can do about it."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

import httpx
import openai

from wire import TooLarge


class Fault(NamedTuple):
    """One way to fail. `again`: may the same server be asked again; `elsewhere`: may another tier be asked.

    `billed`: may the provider bill for the request, so that what it cost is unknown. `passes`: is it over by itself
    after a while. `opens`: does it count towards opening the circuit of a server that fails several times in a row.
    `advice` holds the names of settings of the tier in braces.
    """

    says: str
    advice: str
    again: bool = False
    elsewhere: bool = True
    billed: bool = False
    passes: bool = False
    opens: bool = False


_LATER = "try again later"
_WRONG_ADDRESS = "check {BASE_URL}, which usually ends in /v1"
FAULTS: dict[str, Fault] = {
    "rate limited": Fault(
        "allows no more calls for now", "lower {MAX_CONCURRENCY} or try again later", again=True, passes=True
    ),
    "no credit": Fault("says that the account cannot pay", "add credit there, or set another {API_KEY}"),
    "server error": Fault("failed on its side", _LATER, again=True, passes=True, opens=True),
    "key refused": Fault("refuses the key", "set {API_KEY} to a valid one", elsewhere=False),
    "not allowed": Fault("does not allow this request", "check what {API_KEY} may use, and what may be sent there"),
    "model unknown": Fault("knows no such model or path", "check {MODEL} and {BASE_URL}"),
    "request refused": Fault("does not take the request", "check that {MODEL} is a chat model that reads so much"),
    "option refused": Fault("does not take the options of the request", "use another {MODEL}", again=True),
    "timeout": Fault(
        "did not answer in time",
        "raise {TIMEOUT} or the deadline, or try again later",
        again=True,
        billed=True,
        passes=True,
        opens=True,
    ),
    "no connection in time": Fault("could not be reached in time", _WRONG_ADDRESS, passes=True, opens=True),
    "unreachable": Fault("cannot be reached", _WRONG_ADDRESS, again=True, passes=True, opens=True),
    "reset": Fault("broke the connection", _LATER, again=True, billed=True, passes=True, opens=True),
    "not JSON": Fault("answered with something that is no JSON", _WRONG_ADDRESS, billed=True, opens=True),
    "cut short": Fault("stopped in the middle of its answer", _LATER, again=True, billed=True, opens=True),
    "out of tokens": Fault("did not finish within the tokens it was allowed", "use another {MODEL}", billed=True),
    "too long": Fault("wrote more than it was allowed to", "use another {MODEL}", billed=True),
    "no answer": Fault("answered without any text", "use another {MODEL}, or try again", billed=True),
    "tool call": Fault("asked for a tool that nobody offered", "use another {MODEL}", billed=True),
    "too large": Fault("sent far more than an answer", "check {BASE_URL}", billed=True, opens=True),
    "redirected": Fault("sends requests to another address", "set {BASE_URL} to that of the API itself", opens=True),
    "circuit open": Fault(
        "has failed several times in a row and is given a rest", "it is tried again in {REST} s", passes=True
    ),
    "busy": Fault(
        "has as many calls on their way as allowed", "raise {MAX_CONCURRENCY}, or try again later", passes=True
    ),
}


class Failed(Exception):
    """One request failed. `after` are the seconds that the server asks to wait; `code` is its status, if any."""

    def __init__(self, name: str, *, after: float | None = None, code: int | None = None, told: str = "") -> None:
        super().__init__(name)
        self.name, self.after, self.code, self.told = name, after, code, told

    @property
    def fault(self) -> Fault:
        """What that means."""
        return FAULTS[self.name]


def named(error: Exception) -> Failed:
    """What a client raised, as one of the faults. `told` holds the server's words, to decide by and never to show."""
    chain = list(_causes(error))
    if any(isinstance(cause, TooLarge) for cause in chain):
        return Failed("too large")
    if isinstance(error, openai.APIStatusError):
        return _of_status(error.response, _words(error.body))
    if any(isinstance(cause, httpx.ConnectTimeout | httpx.PoolTimeout) for cause in chain):
        return Failed("no connection in time")
    if any(isinstance(cause, httpx.TimeoutException) for cause in chain):
        return Failed("timeout")
    if any(isinstance(cause, httpx.ConnectError | httpx.UnsupportedProtocol | httpx.ProxyError) for cause in chain):
        return Failed("unreachable")
    if any(isinstance(cause, httpx.RemoteProtocolError) and "peer closed" in str(cause) for cause in chain):
        return Failed("cut short")
    if any(isinstance(cause, httpx.TransportError) for cause in chain):
        return Failed("reset")
    if any(isinstance(cause, ValueError | RecursionError) for cause in chain):  # no JSON, or text in no encoding
        return Failed("not JSON")
    return Failed("cut short")  # an error told in the middle of a stream


def _of_status(response: httpx.Response, told: str) -> Failed:
    code, after = response.status_code, _seconds(response.headers.get("retry-after", ""))
    if code == 402 or "insufficient_quota" in told:
        return Failed("no credit", code=code)
    if code == 429:
        return Failed("rate limited", after=after, code=code)
    if code in (401, 407):
        return Failed("key refused", code=code)
    if code == 403:  # it may be said of a single text, such as by a moderation
        return Failed("not allowed", code=code)
    if code in (404, 405):
        return Failed("model unknown", code=code)
    if code < 400:
        return Failed("redirected", code=code)
    if code < 500 and code != 408:
        return Failed("request refused", code=code, told=told)
    return Failed("server error", after=after, code=code)


def _causes(error: BaseException | None) -> Any:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _words(body: object) -> str:
    try:
        return json.dumps(body)[:4_000].lower()
    except (TypeError, ValueError):
        return ""


def _seconds(retry_after: str) -> float | None:
    """Retry-After (RFC 9110, section 10.2.3): seconds, or a date."""
    if re.fullmatch(r"[0-9]{1,6}(?:\.[0-9]{1,6})?", retry_after.strip()):
        return float(retry_after)
    try:
        at = parsedate_to_datetime(retry_after)
        return max(0.0, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - datetime.now(UTC).timestamp())
    except (ValueError, OverflowError):
        return None


def left(deadline: float) -> float:
    """Seconds until a `time.monotonic()`; negative when it is past."""
    return deadline - time.monotonic()
