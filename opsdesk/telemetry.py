"""Cases as OpenTelemetry traces: one a case, a span a handoff, below it one for its model calls.

Spans carry OpenInference's attributes and the GenAI semantic conventions, so that Phoenix, Langfuse, LangSmith or any
OTLP backend shows them as the work of agents. A trace is made of the case once that has ended: what a case tells is in
the case, and no collector can slow it down or lose a part of it. Off unless OTEL_EXPORTER_OTLP_ENDPOINT is set.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from opsdesk.redaction import redacted
from tasks.case import Case, Handoff

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
MOST_CHARACTERS = 20_000
"""Of one text in a span."""

Attributes = dict[str, str | int | float | bool]

log = logging.getLogger("opsdesk.telemetry")


def wanted() -> bool:
    """Whether anybody collects traces, as the standard variables say."""
    off = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    return not off and any(os.environ.get(name) for name in ENDPOINTS)


class Telemetry:
    """Tells a collector of cases, from a thread of its own. Safe to share between threads.

    `with_text` tells what was asked, found and written, too; `secrets` are taken out of it.
    """

    def __init__(self, version: str, *, with_text: bool, secrets: Iterable[str]) -> None:
        self._with_text, self._secrets = with_text, list(secrets)
        self._provider = _provider(version)
        self._tracer = self._provider.get_tracer("opsdesk", version)

    def tell(self, case: Case) -> None:
        """Makes the trace of a case that has ended. It is sent later; nothing that fails there is raised."""
        try:
            self._trace(case)
        except Exception as error:  # noqa: BLE001  (a case is done, whatever a library makes of it)
            log.warning("a case could not be told of: %s", type(error).__name__)

    def flush(self, seconds: float) -> None:
        """Waits, not longer than that, until what was told of is sent."""
        sending = threading.Thread(target=self._provider.force_flush, daemon=True)
        sending.start()
        sending.join(seconds)

    def _trace(self, case: Case) -> None:
        from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context

        ended = case.created_at + timedelta(seconds=case.seconds)
        ended = max([ended, *(_end(handoff) for handoff in case.handoffs)])
        root = self._tracer.start_span(
            "opsdesk.case", start_time=_nanos(case.created_at), attributes=self._of_case(case), kind=SpanKind.SERVER
        )
        inside = set_span_in_context(root)
        for handoff in case.handoffs:
            span = self._tracer.start_span(
                f"invoke_agent {handoff.from_}",
                context=inside,
                start_time=_nanos(handoff.started_at),
                attributes=self._of_handoff(case, handoff),
            )
            self._model_calls(case, handoff, set_span_in_context(span))
            if handoff.status == "failed":
                span.set_status(Status(StatusCode.ERROR, self._said(handoff.reason)))
            span.end(_nanos(_end(handoff)))
        if case.outcome == "failed":
            root.set_status(Status(StatusCode.ERROR, self._said(case.outcome_reason)))
        root.end(_nanos(ended))

    def _model_calls(self, case: Case, handoff: Handoff, inside: object) -> None:
        from opentelemetry.trace import SpanKind

        retrieves = handoff.task == "retrieve"
        span: Span = self._tracer.start_span(
            f"search {case.kb}" if retrieves else f"chat {handoff.model}",
            context=inside,  # type: ignore[arg-type]
            start_time=_nanos(handoff.started_at),
            attributes=self._of_search(case, handoff) if retrieves else _of_calls(handoff),
            kind=SpanKind.INTERNAL if handoff.tier == "local" else SpanKind.CLIENT,
        )
        span.end(_nanos(_end(handoff)))

    def _of_case(self, case: Case) -> Attributes:
        found: Attributes = {
            "openinference.span.kind": "CHAIN",
            "gen_ai.operation.name": "invoke_workflow",
            "gen_ai.workflow.name": "opsdesk",
            "gen_ai.usage.input_tokens": case.tokens_in,
            "gen_ai.usage.output_tokens": case.tokens_out,
            "session.id": case.batch_id or case.case_id,
            "opsdesk.case_id": case.case_id,
            "opsdesk.kb": case.kb,
            "opsdesk.outcome": case.outcome or "failed",
            "opsdesk.outcome_reason": self._said(case.outcome_reason),
            "opsdesk.claims": len(case.claims),
            "opsdesk.claims_supported": sum(claim.supported for claim in case.claims),
            "opsdesk.cost_is_known": case.cost_is_known,
            "opsdesk.cost_at_most_usd": case.cost_at_most_usd,
        }
        if case.tenant:
            found["user.id"] = case.tenant
        if case.cost_usd is not None:
            found["opsdesk.cost_usd"] = case.cost_usd
        if case.cost_all_frontier_usd is not None:
            found["opsdesk.cost_all_frontier_usd"] = case.cost_all_frontier_usd
        return found | self._texts(case.ticket.text, case.answer)

    def _of_handoff(self, case: Case, handoff: Handoff) -> Attributes:
        found: Attributes = {
            "openinference.span.kind": "AGENT",
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": handoff.from_,
            "graph.node.id": f"{handoff.from_}-{handoff.seq}",
            "opsdesk.case_id": case.case_id,
            "opsdesk.task": handoff.task,
            "opsdesk.to": handoff.to,
            "opsdesk.attempt": handoff.attempt,
            "opsdesk.tier": handoff.tier,
            "opsdesk.reason": self._said(handoff.reason),
        }
        if handoff.seq > 1:
            before = case.handoffs[handoff.seq - 2]
            found["graph.node.parent_id"] = f"{before.from_}-{before.seq}"
        payload = handoff.payload
        return found | self._texts(*(_json(payload.get(name)) for name in ("received", "sent")))

    def _of_search(self, case: Case, handoff: Handoff) -> Attributes:
        found: Attributes = {
            "openinference.span.kind": "RETRIEVER",
            "gen_ai.operation.name": "retrieval",
            "gen_ai.data_source.id": case.kb,
        }
        for n, passage in enumerate(case.passages):
            document = f"retrieval.documents.{n}.document"
            found |= {f"{document}.id": passage.chunk_id, f"{document}.score": passage.score}
            if self._with_text:
                found[f"{document}.content"] = self._said(passage.text)
        return found

    def _texts(self, asked: str, said: str) -> Attributes:
        if not self._with_text:
            return {}
        return {"input.value": self._said(asked), "output.value": self._said(said)}

    def _said(self, text: str) -> str:
        return redacted(text, self._secrets)[:MOST_CHARACTERS]


def _of_calls(handoff: Handoff) -> Attributes:
    """All model calls of a handoff as one span: each one's time is not kept, their sums are."""
    local = handoff.tier == "local"
    found: Attributes = {
        "openinference.span.kind": "LLM",
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "opsdesk" if local else "openai",
        "gen_ai.request.model": handoff.model,
        "gen_ai.response.model": handoff.model,
        "gen_ai.usage.input_tokens": handoff.tokens_in,
        "gen_ai.usage.output_tokens": handoff.tokens_out,
        "gen_ai.usage.cache_read.input_tokens": handoff.tokens_cached,
        "llm.model_name": handoff.model,
        "llm.provider": "opsdesk" if local else "openai",
        "llm.token_count.prompt": handoff.tokens_in,
        "llm.token_count.completion": handoff.tokens_out,
        "llm.token_count.total": handoff.tokens_in + handoff.tokens_out,
        "llm.token_count.prompt_details.cache_read": handoff.tokens_cached,
        "llm.token_count.completion_details.reasoning": handoff.tokens_reasoning,
        "opsdesk.model_calls": handoff.model_calls,
        "opsdesk.tokens_estimated": handoff.tokens_estimated,
    }
    if handoff.cost_usd is not None:
        found["llm.cost.total"] = handoff.cost_usd
    return found


def _provider(version: str) -> TracerProvider:
    """A provider of our own: the global one is whoever's we run within."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    for name in ("opentelemetry.exporter.otlp.proto.http.trace_exporter", "opentelemetry.sdk"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # a collector that is gone is no news every few seconds
    resource = Resource.create({"service.name": "opsdesk", "service.version": version})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def _end(handoff: Handoff) -> datetime:
    return handoff.started_at + timedelta(seconds=handoff.seconds)


def _nanos(at: datetime) -> int:
    return int(at.timestamp() * 1e6) * 1000


def _json(value: object) -> str:
    if isinstance(value, Mapping) and isinstance(text := value.get("text"), str):
        return text
    return "" if value is None else json.dumps(value, ensure_ascii=False)
