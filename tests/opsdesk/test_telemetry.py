"""Traces: a real collector on loopback is told of each case as it was; one that is slow or gone hinders none."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from opsdesk import telemetry
from opsdesk.desk import Desk
from opsdesk.settings import Settings
from tasks.case import Case, Ticket

QUESTION = "How do I reset my password?"


class Collector(ThreadingHTTPServer):
    """Takes spans as OTLP over HTTP. While `waits` is not set it takes them and answers nothing."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.spans: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self.asked, self.waits = threading.Event(), threading.Event()
        self.waits.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        told = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.set()
        self.server.waits.wait(30)
        self.server.headers.append(dict(self.headers))
        for resource in told.resource_spans:
            for scope in resource.scope_spans:
                self.server.spans += scope.spans
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.waits.set()
        running.shutdown()


@pytest.fixture
def told(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> Collector:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    return collector


def ask(home: Path, **settings: Any) -> tuple[Desk, Case]:
    desk = Desk(Settings.model_validate({"home": home, **settings}))
    return desk, desk.ask(Ticket(text=QUESTION), tenant="acme")


def attributes(span: Any) -> dict[str, Any]:
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in span.attributes}


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
    assert said["gen_ai.usage.input_tokens"] == case.tokens_in
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
    assert [record for record in caplog.records if record.levelname in ("ERROR", "WARNING")] == []


def test_without_a_collector_nothing_is_made(home_of_all: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in telemetry.ENDPOINTS:
        monkeypatch.delenv(name, raising=False)
    assert Desk(Settings(home=home_of_all)).telemetry is None
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert not telemetry.wanted()
