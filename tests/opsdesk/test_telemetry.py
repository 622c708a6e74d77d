"""Traces: a real collector on loopback is told of each case as it was; one that is slow or gone hinders none."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.environment_variables import OTEL_SPAN_EVENT_COUNT_LIMIT
from opentelemetry.trace import use_span

from opsdesk import telemetry
from opsdesk.desk import Desk
from opsdesk.settings import Settings
from opsdesk.telemetry import Telemetry
from tasks.case import Case, Handoff, Passage, Ticket
from tests.collector import Collector, attributes

QUESTION = "How do I reset my password?"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as running:
        yield running


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def told(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> Collector:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    return collector


def ask(home: Path, **settings: Any) -> tuple[Desk, Case]:
    desk = Desk(Settings.model_validate({"home": home, **settings}))
    return desk, desk.ask(Ticket(text=QUESTION), tenant="acme")


def test_a_case_is_one_trace_with_a_span_a_handoff_and_its_calls(home_of_all: Path, told: Collector) -> None:
    desk, case = ask(home_of_all)
    desk.flush()
    assert len({span.trace_id for span in told.spans}) == 1
    root = next(span for span in told.spans if not span.parent_span_id)
    inner = [span for span in told.spans if span.parent_span_id == root.span_id]
    assert [attributes(span)["gen_ai.agent.name"] for span in inner] == [h.from_ for h in case.handoffs]
    calls = [span for span in told.spans if span not in (root, *inner)]
    assert {span.parent_span_id for span in calls} == {span.span_id for span in inner}
    kinds = [attributes(span)["openinference.span.kind"] for span in calls]
    assert kinds == ["LLM", "RETRIEVER", "LLM", "LLM"]
    said = attributes(root)
    assert (said["opsdesk.case_id"], said["user.id"]) == (case.case_id, "acme")
    assert said["opsdesk.tokens_in"] == case.tokens_in
    assert [
        name for span in (root, *inner) for name in attributes(span) if "usage" in name or "token_count" in name
    ] == []
    models = [attributes(span) for span in calls if attributes(span)["openinference.span.kind"] == "LLM"]
    written = sum(h.tokens_out for h in case.handoffs if h.task != "retrieve")
    assert sum(model["llm.token_count.completion"] for model in models) == written
    for span in told.spans:
        assert root.start_time_unix_nano <= span.start_time_unix_nano
        assert span.start_time_unix_nano <= span.end_time_unix_nano <= root.end_time_unix_nano


def test_texts_are_told_only_when_that_is_asked_for_and_never_a_secret(
    home_of_all: Path, told: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, _ = ask(home_of_all)
    desk.flush()
    assert QUESTION not in str(told.spans)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer abc")
    secret = "reset my password"
    desk, _ = ask(home_of_all, trace_text=True, api_token=secret)
    desk.flush()
    assert "How do I [hidden]?" in str(told.spans)
    assert secret not in str(told.spans)
    assert told.headers[-1]["authorization"] == "Bearer abc"


def test_a_collector_that_never_answers_keeps_no_case_waiting(home_of_all: Path, told: Collector) -> None:
    told.waits.clear()
    desk, case = ask(home_of_all)
    assert case.outcome == "accepted"
    desk.flush(0.5)
    assert told.asked.is_set()
    assert told.spans == []  # it has not answered, and we are here


def test_a_collector_that_is_gone_loses_nothing_of_the_case(
    home_of_all: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    desk, case = ask(home_of_all)
    desk.flush(0.5)
    assert desk.case(case.case_id) == case
    assert case.outcome == "accepted"
    assert [record.name for record in caplog.records if record.levelno >= logging.WARNING] == ["opsdesk.telemetry"]
    assert "not sent yet" in caplog.text


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("OTEL_SDK_DISABLED", "true", ""),
        ("OTEL_TRACES_EXPORTER", "none", ""),
        ("OTEL_TRACES_EXPORTER", "console", "set it to otlp, or to none"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "OTEL_EXPORTER_OTLP_PROTOCOL is grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json", "we speak http/protobuf alone"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318", "has to begin with http:// or https://"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "", ""),
    ],
)
def test_nothing_is_sent_where_the_variables_say_so_and_what_cannot_be_done_is_told(
    home_of_all: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    name: str,
    value: str,
    said: str,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    assert telemetry.wanted()
    monkeypatch.setenv(name, value)
    assert Desk(Settings(home=home_of_all)).telemetry is None
    assert said in caplog.text
    assert len(caplog.records) == bool(said)


def test_a_variable_that_cannot_be_read_ends_no_case(
    home_of_all: Path, told: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(OTEL_SPAN_EVENT_COUNT_LIMIT, "many")
    desk, case = ask(home_of_all)
    desk.flush()
    assert case.outcome == "accepted"
    assert "a variable OTEL_" in caplog.text
    assert told.spans == []


def a_case(n: int = 0, *handoffs: Handoff, **given: Any) -> Case:
    named = {"case_id": f"c-{n}", "kb": "kb", "created_at": AT, "outcome": "accepted", **given}
    return Case(ticket=Ticket(text=QUESTION), handoffs=list(handoffs), **named)


def a_handoff(**given: Any) -> Handoff:
    usual: dict[str, Any] = {
        "seq": 1, "from": "writer", "to": "verifier", "task": "write", "attempt": 1, "status": "done", "reason": "",
        "tier": "cheap", "model": "m", "tokens_in": 7, "tokens_out": 3, "cost_usd": 0.25, "cost_all_frontier_usd": None,
        "started_at": AT, "seconds": 1.5,
    }  # fmt: skip
    return Handoff.model_validate(usual | given)


AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def teller(collector: Collector, *secrets: str) -> Telemetry:
    return Telemetry("1", with_text=True, secrets=secrets, endpoint=f"{collector.url}/v1/traces")


def test_a_step_that_failed_is_an_error_down_to_its_call_and_says_why_without_secrets(collector: Collector) -> None:
    told = teller(collector, "sk-abcdef")
    failed = a_handoff(status="failed", reason="the key sk-abcdef was refused", cost_usd=None)
    told.tell(a_case(1, failed, outcome="failed", outcome_reason="no tier with sk-abcdef", stopped_by="budget"))
    told.flush(10)
    assert [span.status.code for span in collector.spans] == [2, 2, 2]
    assert {span.status.message for span in collector.spans} == {
        "the key [hidden] was refused", "no tier with [hidden]"
    }  # fmt: skip
    assert [attributes(span)["error.type"] for span in collector.spans] == ["_OTHER", "_OTHER", "budget"]
    assert not [span for span in collector.spans if "llm.cost.total" in attributes(span)]
    assert "sk-abcdef" not in str(collector.spans)


def test_a_draft_that_was_refused_is_an_error_of_the_step_and_not_of_its_call(collector: Collector) -> None:
    told = teller(collector)
    told.tell(a_case(1, a_handoff(status="failed", reason="1 of 1 is not proven", payload={"sent": {"score": 0}})))
    told.flush(10)
    by_kind = {attributes(span)["openinference.span.kind"]: span for span in collector.spans}
    assert [by_kind[kind].status.code for kind in ("LLM", "AGENT", "CHAIN")] == [1, 2, 1]
    assert attributes(by_kind["AGENT"])["error.type"] == "refused"


def test_a_secret_is_hidden_wherever_it_stands_also_a_collectors_own_key(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20key-12345678,x=other-7654321")
    told = teller(collector)
    everywhere = "key-12345678 and other-7654321"
    passed = {"received": {"a": everywhere}, "sent": everywhere}
    step = a_handoff(model=everywhere, reason=everywhere, payload=passed)
    told.tell(a_case(1, step, kb=everywhere, tenant=everywhere, batch_id=everywhere, answer=everywhere))
    told.flush(10)
    assert len(collector.spans) == 3
    assert "12345678" not in str(collector.spans)
    assert "7654321" not in str(collector.spans)
    assert collector.headers[0]["authorization"] == "Bearer key-12345678"


def test_a_search_shows_all_that_it_found_in_its_order_with_where_each_stands(collector: Collector) -> None:
    found = {"doc_id": "d", "title": "Plans", "locator": "line 1", "text": "x" * 30_000, "score": 0.5}
    passages = [Passage(n=n, chunk_id=f"d#{n}", **found) for n in range(1, 61)]
    sent = [{"chunk_id": p.chunk_id, "score": 0.5} for p in reversed(passages)]
    told = teller(collector)
    told.tell(a_case(1, a_handoff(task="retrieve", payload={"sent": sent}), passages=passages))
    told.flush(10)
    search = next(attributes(s) for s in collector.spans if attributes(s)["openinference.span.kind"] == "RETRIEVER")
    assert [search[f"retrieval.documents.{n}.document.id"] for n in range(60)] == [p["chunk_id"] for p in sent]
    assert len(search["retrieval.documents.0.document.content"]) == 20_000
    assert "line 1" in search["retrieval.documents.59.document.metadata"]
    assert search["input.value"] == QUESTION


def test_a_service_has_the_name_it_is_given_and_so_has_the_project(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    for given_, name, project in (({}, "opsdesk", "opsdesk"), ({"OTEL_SERVICE_NAME": "desk-eu"}, "desk-eu", "desk-eu")):
        for variable, value in given_.items():
            monkeypatch.setenv(variable, value)
        told = teller(collector)
        told.tell(a_case())
        told.flush(10)
        said = attributes(collector.resources[-1])
        assert (said["service.name"], said["openinference.project.name"]) == (name, project)
        assert said["service.version"] == "1"


def test_more_cases_than_may_wait_are_counted_and_told_of_once(
    collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    collector.waits.clear()
    told = teller(collector)
    told.tell(a_case())
    assert collector.asked.wait(30)
    for n in range(telemetry.MOST_WAITING + 50):
        told.tell(a_case(n))
    assert told.lost == 50
    assert [r.message for r in caplog.records if "oldest are dropped" in r.message] == [caplog.messages[0]]
    collector.waits.set()
    told.flush(30)
    assert told.sent == 1 + telemetry.MOST_WAITING
    assert attributes(collector.spans[-1])["opsdesk.case_id"] == f"c-{telemetry.MOST_WAITING + 49}"
    assert "50 cases are not there" in caplog.text


def test_a_collector_that_refuses_a_trace_is_told_of_once_until_it_takes_one(
    collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    told = teller(collector)
    collector.status = 400
    for n in range(3):
        told.tell(a_case(n))
        told.flush(10)
    assert (told.sent, told.lost) == (0, 3)
    assert len(caplog.records) == 1
    collector.status = 200
    told.tell(a_case(3))
    told.flush(10)
    assert (told.sent, told.lost) == (1, 3)
    assert "takes traces again; 3 cases are not there" in caplog.text


def test_threads_that_tell_at_once_lose_and_mix_nothing(collector: Collector) -> None:
    told = teller(collector)

    def some(first: int) -> None:
        for n in range(first, first + 10):
            told.tell(a_case(n, a_handoff()))

    threads = [threading.Thread(target=some, args=(10 * n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told.flush(30)
    assert told.sent == 80
    assert len({span.trace_id for span in collector.spans}) == 80
    roots = [attributes(span)["opsdesk.case_id"] for span in collector.spans if not span.parent_span_id]
    assert sorted(roots) == sorted(f"c-{n}" for n in range(80))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(0, 5)), max_size=4), st.floats(0, 9))
def test_no_span_ends_before_it_begins_or_lies_outside_its_case(steps: list[tuple[float, float]], took: float) -> None:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from opsdesk.otel_spans import Teller

    made, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(made))
    tracer = provider.get_tracer("t")
    handoffs = [
        a_handoff(seq=n, started_at=AT + timedelta(seconds=at), seconds=seconds)
        for n, (at, seconds) in enumerate(steps, 1)
    ]
    with use_span(tracer.start_span("whoever we run within")):
        Teller(tracer, with_text=True, secrets=[]).tell(a_case(1, *handoffs, seconds=took))
    *inner, root = made.get_finished_spans()
    assert root.parent is None
    assert len(inner) == 2 * len(steps)
    for span in (*inner, root):
        assert (root.start_time or 0) <= (span.start_time or 0) <= (span.end_time or 0) <= (root.end_time or 0)
