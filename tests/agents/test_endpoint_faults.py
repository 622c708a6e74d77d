"""However a server fails: an error with a name, in time, in three requests at most, that shows no secret."""

from __future__ import annotations

import logging
import time

import pytest
from crewai.events.types.llm_events import LLMCallFailedEvent, LLMCallStartedEvent
from hypothesis import given
from hypothesis import strategies as st

from agents import faults
from agents.endpoint import REQUESTS
from agents.faults import Failed
from errors import EndpointError
from tasks.usage import Usage
from tests.agents.calls import (
    DEADLINE,
    KEY,
    LATE,
    SSE,
    TOOK,
    UNKNOWN,
    Purse,
    ask,
    body,
    chunk,
    heard,
    model,
    refusal,
    says,
    streams,
)
from tests.loopback import Loopback, Reply, closed_port, drips, hangs, raw, resets, whole

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n"
ECHO = f"Bearer {KEY}"
HTML = b"<!doctype html><html><body>Welcome</body></html>"
TOOL = [{"id": "1", "type": "function", "function": {"name": "run", "arguments": "{}"}}]

# reply, fault, requests, usage of each request
FAULTY: dict[str, tuple[Reply, str, int, Usage]] = {
    "429": (refusal("429 Too Many"), "rate limited", 3, Usage()),
    "429 for a long time": (refusal("429 Too Many", "", "Retry-After: 55"), "rate limited", 1, Usage()),
    "429 without credit": (refusal("429 Too Many", "insufficient_quota"), "no credit", 1, Usage()),
    "500": (refusal("500 Oops"), "server error", 3, Usage()),
    "529": (refusal("529 Overloaded"), "server error", 3, Usage()),
    "503 for a long time": (refusal("503 Busy", "", "Retry-After: 55"), "server error", 1, Usage()),
    "401": (refusal("401 Unauthorized"), "key refused", 1, Usage()),
    "403": (refusal("403 Forbidden"), "not allowed", 1, Usage()),
    "404": (refusal("404 Not Found"), "model unknown", 1, Usage()),
    "404 as a page": (whole(HTML, "404 Not Found", kind="text/html"), "model unknown", 1, Usage()),
    "400": (refusal("400 Bad Request"), "request refused", 1, Usage()),
    "echo in a 401": (refusal("401 Unauthorized", ECHO, f"X-Echo: {ECHO}"), "key refused", 1, Usage()),
    "echo in a 500": (refusal("500 Oops", ECHO, f"X-Echo: {ECHO}"), "server error", 3, Usage()),
    "echo in a 400": (refusal("400 Bad", ECHO), "request refused", 1, Usage()),
    "echo in no JSON": (whole(ECHO.encode()), "not JSON", 1, UNKNOWN),
    "silence": (hangs(), "timeout", 1, UNKNOWN),
    "half a reply, then silence": (hangs(HEAD + body()[:40]), "timeout", 1, UNKNOWN),
    "a byte at a time": (drips(HEAD + body(), at_once=len(HEAD)), "timeout", 1, UNKNOWN),
    "headers a byte at a time": (drips(HEAD), "timeout", 1, UNKNOWN),
    "reset": (resets(), "reset", 3, UNKNOWN),
    "closed without a word": (raw(b""), "reset", 3, UNKNOWN),
    "a page": (whole(HTML, kind="text/html"), "not JSON", 1, UNKNOWN),
    "no HTTP": (raw(b"SSH-2.0-OpenSSH_9.6\r\n"), "reset", 3, UNKNOWN),
    "cut JSON": (whole(body()[:-20]), "cut short", 3, UNKNOWN),
    "a truncated body": (raw(HEAD + body()), "cut short", 3, UNKNOWN),
    "no choices": (whole(b'{"id": "1"}'), "no answer", 1, UNKNOWN),
    "null choices": (whole(b'{"choices": null}'), "no answer", 1, UNKNOWN),
    "null content": (says(None), "no answer", 1, TOOK),
    "empty content": (says("  "), "no answer", 1, TOOK),
    "a tool call": (says(None, tool_calls=TOOL), "tool call", 1, TOOK),
    "cut at the limit": (says("30", finish="length"), "out of tokens", 1, TOOK),
    "greedy": (says("word " * 400), "too long", 1, TOOK),
    "50 MB": (whole(b'{"choices": "' + b"x" * 50_000_000 + b'"}'), "too large", 1, UNKNOWN),
    "compressed": (whole(b"\x1f\x8b", "200 OK", "Content-Encoding: gzip"), "too large", 1, UNKNOWN),
    "a redirect": (whole(b"", "307 Moved", "Location: http://127.0.0.1:1/v1"), "redirected", 1, Usage()),
    "deep JSON": (whole(b"[" * 100_000), "not JSON", 1, UNKNOWN),
    "another encoding": (whole(b"\xff\xfe\xff"), "not JSON", 1, UNKNOWN),
}
STREAM_FAULTY: dict[str, tuple[Reply, str, int, Usage]] = {
    "no end": (raw(SSE + chunk("30 days")), "cut short", 3, UNKNOWN),
    "an error in the middle": (
        raw(SSE + chunk("30") + b'data: {"error": {"message": "x"}}\n\n'),
        "cut short",
        3,
        UNKNOWN,
    ),
    "broken JSON": (raw(SSE + chunk("30") + b"data: {nope\n\n"), "not JSON", 1, UNKNOWN),
    "a page": (whole(HTML, kind="text/html"), "not JSON", 1, UNKNOWN),
    "silence in the middle": (hangs(SSE + chunk("30")), "timeout", 1, UNKNOWN),
    "a chunk at a time for ever": (drips(SSE + chunk("a") * 99, 0.01, len(SSE)), "timeout", 1, UNKNOWN),
    "text for ever": (raw(SSE + chunk("word " * 100) * 5_000), "too long", 1, UNKNOWN),
    "empty chunks for ever": (raw(SSE + chunk("") * 40_000), "too large", 1, UNKNOWN),
    "a line for ever": (raw(SSE + b"data: " + b"x" * 5_000_000), "too large", 1, UNKNOWN),
    "a tool call": (raw(SSE + b'data: {"choices": [{"delta": {"tool_calls": [{}]}}]}\n\n'), "tool call", 1, UNKNOWN),
    "no text": (streams(), "no answer", 1, TOOK),
    "500": (refusal("500 Oops"), "server error", 3, Usage()),
    "401": (refusal("401 No", ECHO), "key refused", 1, Usage()),
}
ALL = [pytest.param(*row, False, id=name) for name, row in FAULTY.items()]
ALL += [pytest.param(*row, True, id=f"stream: {name}") for name, row in STREAM_FAULTY.items()]


@pytest.mark.parametrize(("reply", "fault", "requests", "usage", "stream"), ALL)
def test_every_fault_has_its_name_in_time_and_is_paid_for_and_shows_no_key(
    reply: Reply, fault: str, requests: int, usage: Usage, stream: bool, caplog: pytest.LogCaptureFixture
) -> None:
    purse = Purse()
    with Loopback(reply) as server, heard() as events, caplog.at_level(logging.DEBUG):
        llm = model(server.url + "/v1")
        seconds = DEADLINE if fault == "timeout" else 20  # the others end by themselves, and have time for each request
        began = time.monotonic()
        with pytest.raises(EndpointError) as caught:
            ask(llm, purse=purse, on_text=(lambda _: None) if stream else None, seconds=seconds)
        assert time.monotonic() - began < seconds + LATE
        assert len(server.requests) == requests <= REQUESTS
    error = caught.value
    assert error.fault == fault
    assert error.elsewhere == (fault != "key refused")
    assert purse.settled == [None if usage.unknown else usage] * requests
    assert llm.taken == sum([usage] * requests, Usage())
    assert [type(event) for event in events] == [LLMCallStartedEvent, LLMCallFailedEvent]
    assert events[1].error == str(error)
    assert error.__context__ is None  # where what the server said would be found
    shown = [str(error), repr(error), caplog.text, *(repr(event) for event in events), repr(llm), str(llm.model_dump())]
    assert not [text for text in shown if "canary" in text]
    assert "OPSDESK_TIERS__CHEAP__" in str(error) or "try again" in str(error)
    assert "\n" not in str(error)


def test_a_server_that_is_not_there_is_named_and_costs_nothing() -> None:
    purse = Purse()
    llm = model(f"http://127.0.0.1:{closed_port()}/v1")
    with pytest.raises(EndpointError, match="OPSDESK_TIERS__CHEAP__BASE_URL") as caught:
        ask(llm, purse=purse)
    assert caught.value.fault == "unreachable"
    assert purse.settled == [Usage()] * 3
    assert llm.taken == Usage()


@pytest.mark.parametrize("reply", [refusal("404 Not Found"), whole(HTML, kind="text/html")])
def test_a_base_url_without_v1_is_pointed_out(reply: Reply) -> None:
    with Loopback(reply) as server:
        with pytest.raises(EndpointError, match="/v1"):
            ask(model(server.url))
        with pytest.raises(EndpointError) as caught:
            ask(model(server.url + "/v1"))
        assert "has no /v1" not in str(caught.value)


def test_failures_are_paid_for_beside_the_answer_that_follows() -> None:
    purse = Purse()
    replies = (refusal("500 Oops"), whole(body()[:-20]), says())
    with Loopback(*replies) as server:
        llm = model(server.url)
        assert ask(llm, purse=purse, seconds=5) == "30 days"
        assert len(server.requests) == 3
    assert purse.settled == [Usage(), None, TOOK]
    assert llm.taken == UNKNOWN + TOOK


def test_a_short_wait_that_the_server_asks_for_is_kept() -> None:
    with Loopback(refusal("429 Too Many", "", "Retry-After: 0.7"), says()) as server:
        began = time.monotonic()
        assert ask(model(server.url), seconds=5) == "30 days"
        assert time.monotonic() - began >= 0.7


def test_a_wait_that_ends_after_the_deadline_is_not_begun() -> None:
    with Loopback(refusal("429 Too Many", "", "Retry-After: 9")) as server:
        began = time.monotonic()
        with pytest.raises(EndpointError):
            ask(model(server.url), seconds=9)
        assert time.monotonic() - began < LATE


def test_a_timeout_is_tried_again_while_a_third_of_the_time_is_left() -> None:
    with Loopback(hangs(), says()) as server:
        llm = model(server.url, timeout_s=0.5)
        assert ask(llm, seconds=4) == "30 days"
    assert llm.taken == UNKNOWN + TOOK
    now = time.monotonic()
    assert llm._again(Failed("timeout"), now - 4, now + 4) is True
    assert llm._again(Failed("timeout"), now - 8, now + 2) is False


@given(
    st.text(max_size=40) | st.dates().map(str) | st.sampled_from(["Wed, 21 Oct 2015 07:28:00 GMT", "0", "-1", "1e9"])
)
def test_any_wait_that_a_server_asks_for_is_read_or_passed_over(told: str) -> None:
    seconds = faults._seconds(told)
    assert seconds is None or seconds >= 0


def test_a_circuit_opens_after_five_failures_and_closes_after_an_answer() -> None:
    with Loopback(*[refusal("500 Oops")] * 5, says()) as server:
        llm = model(server.url, rest=1)
        for _ in range(2):
            with pytest.raises(EndpointError, match="on its side"):
                ask(llm, seconds=4)
        assert len(server.requests) == 5
        with pytest.raises(EndpointError, match=r"tried again in \d+ s") as caught:
            ask(llm)
        assert caught.value.fault == "circuit open"
        assert caught.value.elsewhere
        assert len(server.requests) == 5
        time.sleep(1.1)
        assert ask(llm) == "30 days"
        assert ask(llm) == "30 days"


@pytest.mark.parametrize("reply", [refusal("401 No"), refusal("404 No"), refusal("400 No"), refusal("429 No")])
def test_a_server_that_answers_with_a_refusal_is_not_cut_off(reply: Reply) -> None:
    with Loopback(*[reply] * 6, says()) as server:
        llm = model(server.url)
        while len(server.requests) < 6:
            with pytest.raises(EndpointError):
                ask(llm)
        assert ask(llm) == "30 days"


def test_a_call_made_while_a_throttled_one_is_mended_is_not_repeated_by_crewai() -> None:
    with Loopback(refusal("401 No")) as server:
        try:
            raise RuntimeError("429: too many requests")
        except RuntimeError:
            with pytest.raises(EndpointError):
                ask(model(server.url))
        assert len(server.requests) == 1
