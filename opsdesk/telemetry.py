"""Cases as OpenTelemetry traces, for Phoenix, Langfuse, LangSmith or any OTLP backend.

A trace is made of the case once that has ended, in a thread of its own: what a case tells is in the case, and no
collector can slow it down or lose a part of it. Off unless OTEL_EXPORTER_OTLP_ENDPOINT is set.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import unquote

from opsdesk.otel_spans import Teller
from tasks.case import Case

if TYPE_CHECKING:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
HEADERS = ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS")
EXPORTER = "OTEL_TRACES_EXPORTER"

MOST_WAITING = 200
"""Cases that wait for a collector; with more the oldest is not told of, so that memory is bounded."""

AT_ONCE = 8
"""Cases in one request, at most. None waits for others: a case that runs meanwhile would notice eight being packed."""

FLUSH_SECONDS = 2.0
"""The longest that a process waits at its end."""

MOST_ATTRIBUTES = 1_000
"""Of a span: a search may find more passages than OpenTelemetry's usual 128 hold."""

THREAD = "opsdesk-telemetry"

log = logging.getLogger("opsdesk.telemetry")


def wanted() -> bool:
    """Whether anybody collects traces, as the standard variables say. What they say and we cannot do is logged."""
    name, endpoint = _first(ENDPOINTS)
    exporters = [each.strip().lower() for each in os.environ.get(EXPORTER, "otlp").split(",") if each.strip()]
    if not endpoint or os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or exporters == ["none"]:
        return False
    if exporters and "otlp" not in exporters:
        log.error("no traces are sent: %s names no exporter that we have; set it to otlp, or to none", EXPORTER)
        return False
    if not endpoint.lower().startswith(("http://", "https://")):
        log.error("no traces are sent: %s has to begin with http:// or https://", name)
        return False
    name, protocol = _first(PROTOCOLS)
    if protocol not in ("", "http/protobuf"):
        log.error(
            "no traces are sent: %s is %s, and we speak http/protobuf alone; set it to that, and the endpoint to the "
            "collector's port for HTTP (mostly 4318)",
            name,
            protocol,
        )
        return False
    return True


class Telemetry:
    """Tells a collector of cases, from a thread of its own. Safe to share between threads.

    `with_text` tells what was asked, found and written, too; `secrets` are taken out of it. `endpoint` is where traces
    are posted to, where that is not what the environment says.
    """

    def __init__(self, version: str, *, with_text: bool, secrets: Iterable[str], endpoint: str | None = None) -> None:
        self._version, self._with_text, self._endpoint = version, with_text, endpoint
        self._secrets = [*secrets, *_header_values()]
        self._changed = threading.Condition()
        self._waiting: deque[Case] = deque()
        self._at_work, self._given_up = 0, False
        self._thread: threading.Thread | None = None
        self.sent = self.lost = self._lost_now = 0
        """Cases that a collector has taken, and cases that none was told of."""

    def tell(self, case: Case) -> None:
        """Has a case that has ended told of, later and by another thread; nothing that fails there is raised."""
        with self._changed:
            if self._given_up:
                return
            if len(self._waiting) == MOST_WAITING:
                self._waiting.popleft()
                self._lose(1, f"{MOST_WAITING} traces wait for the collector; the oldest are dropped")
            self._waiting.append(case)
            if self._thread is None or not self._thread.is_alive():
                if self._thread is None:
                    atexit.register(self.flush)
                self._thread = threading.Thread(target=self._run, name=THREAD, daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def flush(self, seconds: float = FLUSH_SECONDS) -> None:
        """Waits, not longer than that, until what was told of is sent."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting and not self._at_work, seconds)
            left = len(self._waiting) + self._at_work
        if left:
            log.warning("%d traces are not sent yet: the collector did not answer within %s s", left, seconds)

    def _lose(self, count: int, why: str) -> None:
        """Counts, and says so once until the collector takes traces again."""
        if not self._lost_now:
            log.error("%s; cases go on, and the next traces are tried again", why)
        self._lost_now += count
        self.lost += count

    def _run(self) -> None:
        try:
            exporter, teller, made = self._set_up()
        except Exception as error:  # noqa: BLE001  (a case is done, whatever a library makes of the environment)
            log.error("no traces are sent: a variable OTEL_… cannot be used (%s)", type(error).__name__)
            with self._changed:
                self._given_up = True
                self.lost += len(self._waiting)
                self._waiting.clear()
                self._changed.notify_all()
            return
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting))
                cases = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
                self._at_work = len(cases)
            sent = self._send(cases, exporter, teller, made)
            with self._changed:
                self._at_work = 0
                if sent:
                    self._took(len(cases))
                else:
                    self._lose(len(cases), "the collector at OTEL_EXPORTER_OTLP_ENDPOINT takes no traces")
                self._changed.notify_all()

    def _took(self, count: int) -> None:
        if self._lost_now:
            log.error("the collector takes traces again; %d cases are not there", self._lost_now)
        self.sent, self._lost_now = self.sent + count, 0

    def _send(self, cases: list[Case], exporter: OTLPSpanExporter, teller: Teller, made: InMemorySpanExporter) -> bool:
        from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, attach, detach, set_value
        from opentelemetry.sdk.trace.export import SpanExportResult

        token = attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))  # nobody traces the sending of traces
        try:
            for case in cases:
                teller.tell(case)
            spans = made.get_finished_spans()
            return not spans or exporter.export(spans) is SpanExportResult.SUCCESS
        except Exception as error:  # noqa: BLE001  (a case is done, whatever a library makes of it)
            log.warning("a case could not be told of: %s", type(error).__name__)
            return False
        finally:
            made.clear()
            detach(token)

    def _set_up(self) -> tuple[OTLPSpanExporter, Teller, InMemorySpanExporter]:
        """A provider of our own: the global one is whoever's we run within. Its spans are kept until they are sent."""
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace import SpanLimits, TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

        for name in ("opentelemetry.exporter.otlp.proto.http.trace_exporter", "opentelemetry.sdk"):
            logging.getLogger(name).addFilter(_not_ours)
        made = InMemorySpanExporter()
        limits = SpanLimits(max_span_attributes=MOST_ATTRIBUTES)
        provider = TracerProvider(resource=_resource(self._version), span_limits=limits, shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(made))
        tracer = provider.get_tracer("opsdesk", self._version)
        teller = Teller(tracer, with_text=self._with_text, secrets=self._secrets)
        return OTLPSpanExporter(self._endpoint), teller, made


def _resource(version: str) -> Resource:
    """Who tells: as OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say, else opsdesk; it is Phoenix's project, too."""
    from opentelemetry.sdk.resources import Resource

    told = Resource.create()
    given = {key: value for key, value in told.attributes.items() if key != "service.name" or _names_itself(value)}
    name = given.get("service.name", "opsdesk")
    ours = {"service.name": name, "service.version": version, "openinference.project.name": name}
    return Resource({**told.attributes, **ours, **given})


def _names_itself(name: object) -> bool:
    return not str(name).startswith("unknown_service")


def _not_ours(record: logging.LogRecord) -> bool:
    """Leaves out what a library says of our own collector: that it is gone is told once, by us."""
    return record.threadName != THREAD


def _first(names: tuple[str, ...]) -> tuple[str, str]:
    """The variable that is set, and what to; the first one wins."""
    return next(((name, os.environ[name].strip()) for name in names if os.environ.get(name, "").strip()), ("", ""))


def _header_values() -> list[str]:
    """The values of the headers that a collector wants: mostly its key, so a secret."""
    pairs = [pair.partition("=")[2].strip() for name in HEADERS for pair in os.environ.get(name, "").split(",")]
    found = {value for pair in pairs for value in (pair, unquote(pair), unquote(pair).removeprefix("Bearer "))}
    return sorted(value for value in found if value)
