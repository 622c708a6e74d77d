"""What a call to an endpoint asks for, returns, counts, pays for and never shows."""

from __future__ import annotations

import json
import pickle
import signal
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from crewai.events import crewai_event_bus
from crewai.events.event_listener import event_listener
from crewai.events.types.llm_events import LLMCallCompletedEvent, LLMCallFailedEvent, LLMCallStartedEvent
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from agents import router, verifier, writer
from agents.endpoint import REQUESTS, Endpoint, EndpointModel, Line
from agents.request import Request, _schema
from errors import BudgetReached, EndpointError, LimitReached
from tasks.case import Draft
from tasks.usage import Usage
from tests.agents.calls import (
    DONE,
    KEY,
    MESSAGES,
    SSE,
    TOLD,
    TOOK,
    UNKNOWN,
    AtOnce,
    Purse,
    ask,
    heard,
    model,
    order,
    refusal,
    says,
    streams,
)
from tests.loopback import Loopback, hangs, raw, whole


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_is_returned_paid_for_and_told_to_crewai(stream: bool) -> None:
    purse, pieces = Purse(), list[str]()
    with Loopback(streams("30 ", "days") if stream else says()) as server, heard() as events:
        llm = model(server.url)
        assert ask(llm, purse=purse, on_text=pieces.append if stream else None) == "30 days"
    assert pieces == (["30 ", "days"] if stream else [])  # as they came
    assert llm.taken == TOOK
    assert purse.settled == [TOOK]
    assert llm.get_token_usage_summary().prompt_tokens == 9
    assert [type(event) for event in events] == [LLMCallStartedEvent, LLMCallCompletedEvent]
    assert events[1].usage["completion_tokens"] == 3
    sent = server.requests[0]
    assert sent.headers["authorization"] == f"Bearer {KEY}"
    assert sent.json["max_tokens"] == 100
    assert "temperature" not in sent.json


def test_cached_and_reasoning_tokens_are_counted() -> None:
    details = {"prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 2}}
    with Loopback(says(usage={**TOLD, **details})) as server:
        llm = model(server.url)
        ask(llm)
    assert llm.taken == Usage(9, 3, 4, 2, model_calls=1)


@pytest.mark.parametrize(
    "usage",
    [
        None,
        "9",
        [],
        {},
        {"prompt_tokens": 9},
        {"prompt_tokens": -9, "completion_tokens": 3},
        {"prompt_tokens": 9, "completion_tokens": -3},
        {"prompt_tokens": None, "completion_tokens": None},
        {"prompt_tokens": True, "completion_tokens": 3},
        {"prompt_tokens": 9.5, "completion_tokens": 3},
        {"prompt_tokens": 0, "completion_tokens": 3},
        {"prompt_tokens": 10**12, "completion_tokens": 3},
        {"prompt_tokens": 9, "completion_tokens": 10**12},
        {**TOLD, "prompt_tokens_details": {"cached_tokens": 10}},
        {**TOLD, "prompt_tokens_details": {"cached_tokens": -1}},
        {**TOLD, "completion_tokens_details": {"reasoning_tokens": 4}},
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_usage_that_cannot_be_is_unknown_and_the_answer_is_kept(usage: Any, stream: bool) -> None:
    purse = Purse()
    last = b"data: " + json.dumps({"choices": [], "usage": usage}).encode() + b"\n\n"
    with Loopback(streams("30 days", last=last) if stream else says(usage=usage)) as server:
        llm = model(server.url)
        assert ask(llm, purse=purse, on_text=(lambda _: None) if stream else None) == "30 days"
    assert llm.taken == UNKNOWN
    assert purse.settled == [None]


def test_a_request_is_held_at_no_less_than_it_can_read_and_write() -> None:
    purse = Purse()
    with Loopback(says()) as server:
        ask(model(server.url), purse=purse, max_tokens=77)
    ((read, written),) = purse.held
    assert read >= sum(len(message["content"].encode()) for message in MESSAGES)
    assert written == 77


def test_a_purse_that_does_not_hold_a_request_keeps_it_from_being_sent() -> None:
    with Loopback(says()) as server, heard() as events:
        llm = model(server.url)
        with pytest.raises(LimitReached):
            ask(llm, purse=Purse(fits=0))
        assert server.requests == []
        assert llm.taken == Usage()
    assert isinstance(events[1], LLMCallFailedEvent)


def test_a_purse_that_does_not_hold_a_second_request_ends_the_call() -> None:
    with Loopback(refusal("500 Oops")) as server:
        with pytest.raises(BudgetReached):
            ask(model(server.url), purse=Purse(fits=1))
        assert len(server.requests) == 1


class Contract(BaseModel):
    days: int = 30


def test_a_contract_is_asked_for_as_a_strict_schema() -> None:
    with Loopback(says()) as server:
        ask(model(server.url), contract=Contract)
    form = server.requests[0].json["response_format"]
    assert form["json_schema"]["strict"] is True
    assert form["json_schema"]["schema"]["required"] == ["days"]
    assert '"default"' not in json.dumps(form)


@pytest.mark.parametrize("contract", [Draft, router.Decision, verifier.Opinion])
def test_every_contract_of_the_crew_has_a_strict_schema(contract: type[BaseModel]) -> None:
    schema = _schema(contract)["json_schema"]["schema"]
    for part in [schema, *schema.get("$defs", {}).values()]:
        if part["type"] == "object":
            assert part["additionalProperties"] is False
            assert set(part["required"]) == set(part["properties"])


UNSUPPORTED: list[tuple[str, str, Callable[[Any], bool], bool]] = [
    (
        "This response_format type is unavailable now",
        "response_format",
        lambda sent: "response_format" not in sent,
        False,
    ),
    (
        "Unrecognized request argument: stream_options",
        "stream_options",
        lambda sent: "stream_options" not in sent,
        True,
    ),
    (
        "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
        "max_tokens",
        lambda sent: sent["max_completion_tokens"] == 100 and "max_tokens" not in sent,
        False,
    ),
]


@pytest.mark.parametrize(("told", "option", "is_without", "stream"), UNSUPPORTED)
def test_an_option_that_the_server_refuses_is_left_out_at_once_and_from_then_on(
    told: str, option: str, is_without: Callable[[Any], bool], stream: bool
) -> None:
    purse = Purse()
    answer = streams("30 days") if stream else says()
    with Loopback(refusal("400 Bad Request", told), answer) as server:
        llm = model(server.url)
        options: dict[str, Any] = {"contract": Contract, "on_text": (lambda _: None) if stream else None}
        assert ask(llm, purse=purse, **options) == "30 days"
        ask(llm, **options)
        first, *others = [request.json for request in server.requests]
    assert option in first
    assert len(others) == 2
    assert all(is_without(sent) for sent in others)
    assert purse.settled == [Usage(), TOOK]


def test_a_limit_that_is_too_high_is_no_reason_to_call_it_by_another_name() -> None:
    told = "'max_tokens' or 'max_completion_tokens' is too large: 100. This model's context is 64 tokens."
    with Loopback(refusal("400 Bad Request", told)) as server:
        llm = model(server.url)
        with pytest.raises(EndpointError) as caught:
            ask(llm)
        assert caught.value.fault == "request refused"
        assert len(server.requests) == 1


def test_a_server_that_refuses_every_option_is_asked_three_times() -> None:
    with Loopback(
        refusal("400 Bad Request", "Unsupported: response_format, max_tokens, max_completion_tokens")
    ) as server:
        with pytest.raises(EndpointError):
            ask(model(server.url), contract=Contract)
        assert len(server.requests) == REQUESTS


def test_no_more_calls_are_on_their_way_than_allowed() -> None:
    here = AtOnce()

    def counts(connection: Any, closed: threading.Event) -> object:
        with here:
            time.sleep(0.05)
        return says()(connection, closed)

    with Loopback(counts) as server:
        line = model(server.url, max_concurrency=2)._line
        threads = [threading.Thread(target=lambda: ask(EndpointModel(line), seconds=10)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(15)
    assert here.most == 2


def test_a_call_that_gets_no_place_in_time_says_so() -> None:
    with Loopback(hangs()) as server:
        line = model(server.url, max_concurrency=1)._line
        llm = EndpointModel(line)
        assert line.places.acquire()
        with pytest.raises(EndpointError, match="OPSDESK_TIERS__CHEAP__MAX_CONCURRENCY") as caught:
            ask(llm, seconds=0.3)
        assert caught.value.fault == "busy"
        assert server.requests == []


def test_a_place_is_given_back_after_every_failure() -> None:
    with Loopback(refusal("401 No")) as server:
        llm = model(server.url, max_concurrency=1)
        for _ in range(3):
            with pytest.raises(EndpointError) as caught:
                ask(llm)
            assert caught.value.fault == "key refused"


def test_a_key_in_an_answer_is_hidden_even_when_cut_in_two() -> None:
    pieces: list[str] = []
    with Loopback(streams("your key is " + KEY[:7], KEY[7:12], KEY[12:] + ", ke", "pt")) as server:
        text = ask(model(server.url), on_text=pieces.append)
    assert text == "".join(pieces) == "your key is [hidden], kept"
    with Loopback(says(f"your key is {KEY}")) as server:
        assert ask(model(server.url)) == "your key is [hidden]"


def test_what_the_listener_raises_is_not_taken_for_a_fault_of_the_server() -> None:
    purse = Purse()

    def fails(_: str) -> None:
        raise ValueError("mine")

    with Loopback(streams("30")) as server:
        with pytest.raises(ValueError, match="mine"):
            ask(model(server.url), purse=purse, on_text=fails)
        assert len(server.requests) == 1
    assert purse.settled == [None]


def test_ctrl_c_ends_a_call_at_once_and_pays_the_worst_for_it() -> None:
    purse = Purse()
    with Loopback(hangs()) as server:
        llm = model(server.url)
        main = threading.main_thread().ident or 0
        threading.Timer(0.3, signal.pthread_kill, [main, signal.SIGINT]).start()
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            ask(llm, purse=purse, seconds=30)
        assert time.monotonic() - began < 10
    assert purse.settled == [None]
    assert llm.taken == UNKNOWN


def test_half_a_surrogate_pair_in_a_ticket_can_be_sent() -> None:
    with Loopback(says()) as server:
        llm = model(server.url)
        llm.order = order()
        assert llm.call([{"role": "user", "content": "caf\ud800\u00e9 \U0001f600"}]) == "30 days"
    assert server.requests[0].json["messages"][0]["content"] == "caf\ufffd\u00e9 \U0001f600"


def test_what_the_openai_variables_say_is_sent_to_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-canary")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-canary")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Gateway: canary\nAuthorization: Bearer canary")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    with Loopback(says()) as server:
        llm = EndpointModel(Line(Endpoint("cheap", "small-1", server.url)))
        ask(llm)
    assert "canary" not in str(server.requests[0].headers)


def test_a_model_cannot_be_pickled_or_copied_with_its_key() -> None:
    llm = model("http://127.0.0.1:1/v1")
    with pytest.raises(TypeError):
        pickle.dumps(llm)
    shown = [repr(llm), str(llm), repr(llm._line), repr(llm._line.endpoint), str(llm.to_config_dict()), repr(vars(llm))]
    assert not [text for text in shown if "canary" in text]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
REPLY = st.fixed_dictionaries(
    {},
    optional={
        "choices": JSON
        | st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    name: JSON | st.fixed_dictionaries({}, optional={"content": JSON, "tool_calls": JSON})
                    for name in ("message", "delta", "finish_reason")
                },
            ),
            max_size=2,
        ),
        "usage": JSON | st.dictionaries(st.sampled_from(["prompt_tokens", "completion_tokens"]), JSON),
        "error": JSON,
    },
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(reply=REPLY | JSON, stream=st.booleans())
def test_whatever_json_a_server_sends_there_is_an_answer_or_a_named_error(reply: Any, stream: bool) -> None:
    data = json.dumps(reply).encode()
    sent = raw(SSE + b"data: " + data + b"\n\n" + DONE) if stream else whole(data)
    with Loopback(sent) as server:
        llm = model(server.url)
        try:
            text = ask(llm, on_text=(lambda _: None) if stream else None, seconds=0.9)
        except EndpointError:
            text = "named"
        assert text.strip()
        assert llm.taken.model_calls == len(server.requests) == 1


@cache
def idle_line() -> Line:
    return Line(Endpoint("cheap", "small-1", "http://127.0.0.1:1/v1"))


@given(st.text(max_size=60), st.integers(1, 5))
def test_a_bound_is_never_below_the_bytes_of_its_messages(text: str, copies: int) -> None:
    line = idle_line()
    messages = [{"role": "user", "content": text}] * copies
    request = Request(line.client, "small-1", line.abilities, messages, order())
    assert request.tokens_in >= copies * len(text.encode(errors="replace"))


def test_the_writers_prompt_is_bounded_closely_enough_to_be_affordable() -> None:
    messages = [{"role": "system", "content": writer.PROMPT}, {"role": "user", "content": "x" * 4_000}]
    line = idle_line()
    request = Request(line.client, "small-1", line.abilities, messages, order(contract=Draft))
    assert request.tokens_in < 2 * sum(len(message["content"]) for message in messages)


def test_a_failed_call_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    event_listener.formatter.verbose = True  # as CrewAI has it
    with Loopback(refusal("401 No")) as server:
        with pytest.raises(EndpointError):
            ask(model(server.url))
        crewai_event_bus.flush()
    assert capsys.readouterr() == ("", "")
