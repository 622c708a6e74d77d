"""A case that has ended as OpenTelemetry spans: one of the case, one a handoff, below that one of its model calls.

Attributes are OpenInference's and those of the GenAI semantic conventions. Tokens and costs stand on the spans of model
calls alone: backends add up all spans of a trace. The case's own sums are under `opsdesk.`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from opsdesk.redaction import hiding
from tasks.case import Case, Handoff

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span, Tracer

MOST_CHARACTERS = 20_000
"""Of one text in a span."""

Attributes = dict[str, str | int | float | bool]


class Teller:
    """Makes the spans of a case with `tracer`.

    `with_text` tells what was asked, found and written, too; `secrets` are taken out of every text.
    """

    def __init__(self, tracer: Tracer, *, with_text: bool, secrets: Sequence[str]) -> None:
        self._tracer, self._with_text = tracer, with_text
        self._hidden: Callable[[str], str] = hiding(secrets)

    def tell(self, case: Case) -> None:
        """Makes the trace of `case`: a root of its own, whatever span the caller may be in."""
        from opentelemetry.context import Context

        starts = [case.created_at, *(handoff.started_at for handoff in case.handoffs)]
        ends = [case.created_at + timedelta(seconds=case.seconds), *map(_end, case.handoffs)]
        root, inside = self._begin("invoke_workflow opsdesk", Context(), min(starts), self._of_case(case))
        for handoff in case.handoffs:
            self._handoff(case, handoff, inside)
        failed = case.outcome == "failed"
        self._finish(root, max(ends), failed, case.outcome_reason, case.stopped_by or "")

    def _handoff(self, case: Case, handoff: Handoff, inside: Context) -> None:
        attributes, failed = self._of_handoff(case, handoff), handoff.status == "failed"
        agent, below = self._begin(f"invoke_agent {handoff.from_}", inside, handoff.started_at, attributes)
        if handoff.task == "retrieve":
            name, attributes = f"retrieval {case.kb}", self._of_search(case, handoff)
        else:
            name, attributes = f"chat {handoff.model}", self._of_calls(handoff)
        inner, _ = self._begin(name, below, handoff.started_at, attributes, remote=handoff.tier != "local")
        made = handoff.payload.get("sent") is not None  # a verdict that refuses a draft: no call has failed there
        self._finish(inner, _end(handoff), failed and not made, handoff.reason)
        self._finish(agent, _end(handoff), failed, handoff.reason, "refused" if made else "")

    def _begin(
        self, name: str, inside: Context, at: datetime, attributes: Attributes, *, remote: bool = False
    ) -> tuple[Span, Context]:
        from opentelemetry.trace import SpanKind, set_span_in_context

        said = {key: self._said(value) if isinstance(value, str) else value for key, value in attributes.items()}
        kind = SpanKind.CLIENT if remote else SpanKind.INTERNAL
        span = self._tracer.start_span(self._said(name), inside, kind, said, start_time=_nanos(at))
        return span, set_span_in_context(span, inside)

    def _finish(self, span: Span, at: datetime, failed: bool, reason: str, kind: str = "") -> None:
        from opentelemetry.trace import Status, StatusCode

        if failed:
            span.set_attribute("error.type", kind or "_OTHER")
            span.set_status(Status(StatusCode.ERROR, self._said(reason)))
        else:
            span.set_status(Status(StatusCode.OK))
        span.end(_nanos(at))

    def _of_case(self, case: Case) -> Attributes:
        found: Attributes = {
            "openinference.span.kind": "CHAIN",
            "gen_ai.operation.name": "invoke_workflow",
            "gen_ai.workflow.name": "opsdesk",
            "opsdesk.case_id": case.case_id,
            "opsdesk.kb": case.kb,
            "opsdesk.outcome": case.outcome or "failed",
            "opsdesk.outcome_reason": case.outcome_reason,
            "opsdesk.claims": len(case.claims),
            "opsdesk.claims_supported": sum(claim.supported for claim in case.claims),
            "opsdesk.model_calls": case.model_calls,
            "opsdesk.tokens_in": case.tokens_in,
            "opsdesk.tokens_out": case.tokens_out,
            "opsdesk.cost_is_known": case.cost_is_known,
            "opsdesk.cost_at_most_usd": case.cost_at_most_usd,
        }
        if case.batch_id:
            found |= {"session.id": case.batch_id, "gen_ai.conversation.id": case.batch_id}
        if case.tenant:
            found["user.id"] = case.tenant
        if case.cost_usd is not None:
            found["opsdesk.cost_usd"] = case.cost_usd
        if case.cost_all_frontier_usd is not None:
            found["opsdesk.cost_all_frontier_usd"] = case.cost_all_frontier_usd
        named = {"case_id": case.case_id, "outcome": case.outcome, "cost_usd": case.cost_usd}
        found["metadata"] = json.dumps(named, ensure_ascii=False)  # what lists of traces can show and be filtered by
        return found | self._texts(case.ticket.text, case.answer or case.outcome_reason)

    def _of_handoff(self, case: Case, handoff: Handoff) -> Attributes:
        found: Attributes = {
            "openinference.span.kind": "AGENT",
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": handoff.from_,
            "agent.name": handoff.from_,
            "graph.node.id": f"{handoff.from_}-{handoff.seq}",
            "graph.node.name": handoff.from_,
            "opsdesk.case_id": case.case_id,
            "opsdesk.task": handoff.task,
            "opsdesk.to": handoff.to,
            "opsdesk.attempt": handoff.attempt,
            "opsdesk.tier": handoff.tier,
            "opsdesk.reason": handoff.reason,
        }
        before = next((other for other in reversed(case.handoffs) if other.seq < handoff.seq), None)
        if before:
            found["graph.node.parent_id"] = f"{before.from_}-{before.seq}"
        return found | self._passed(handoff)

    def _of_search(self, case: Case, handoff: Handoff) -> Attributes:
        found: Attributes = {
            "openinference.span.kind": "RETRIEVER",
            "gen_ai.operation.name": "retrieval",
            "gen_ai.data_source.id": case.kb,
        }
        if self._with_text:
            questions = case.route.questions if case.route else []
            query = "\n".join(question.search_text for question in questions) or case.ticket.text
            found |= {"input.value": query, "input.mime_type": "text/plain", "gen_ai.retrieval.query.text": query}
        passages = {passage.chunk_id: passage for passage in case.passages}
        sent = handoff.payload.get("sent")
        for n, hit in enumerate(sent if isinstance(sent, list) else []):
            passage = passages.get(str(hit.get("chunk_id"))) if isinstance(hit, dict) else None
            if passage is None:
                continue
            document = f"retrieval.documents.{n}.document"
            found |= {f"{document}.id": passage.chunk_id, f"{document}.score": passage.score}
            if self._with_text:
                where = {"title": passage.title, "locator": passage.locator, "citation": passage.n}
                found[f"{document}.content"] = passage.text
                found[f"{document}.metadata"] = json.dumps(where, ensure_ascii=False)
        return found

    def _of_calls(self, handoff: Handoff) -> Attributes:
        """All model calls of a handoff as one span: each one's time is not kept, their sums are."""
        local = handoff.tier == "local"
        provider = "opsdesk" if local else "openai"  # whose manner of speaking it is; who serves it is not known
        found: Attributes = {
            "openinference.span.kind": "LLM",
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": provider,
            "gen_ai.request.model": handoff.model,
            "gen_ai.usage.input_tokens": handoff.tokens_in,
            "gen_ai.usage.output_tokens": handoff.tokens_out,
            "gen_ai.usage.cache_read.input_tokens": handoff.tokens_cached,
            "gen_ai.usage.reasoning.output_tokens": handoff.tokens_reasoning,
            "llm.model_name": handoff.model,
            "llm.provider": provider,
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
        return found | self._passed(handoff)

    def _passed(self, handoff: Handoff) -> Attributes:
        received, sent = (handoff.payload.get(name) for name in ("received", "sent"))
        return self._texts(_text(received), _text(sent))

    def _texts(self, asked: str, said: str) -> Attributes:
        if not self._with_text:
            return {}
        found: Attributes = {}
        for name, text in (("input", asked), ("output", said)):
            if text:
                is_json = text[0] in "{["
                found |= {f"{name}.value": text, f"{name}.mime_type": "application/json" if is_json else "text/plain"}
        return found

    def _said(self, text: str) -> str:
        return self._hidden(text)[:MOST_CHARACTERS]


def _end(handoff: Handoff) -> datetime:
    return handoff.started_at + timedelta(seconds=handoff.seconds)


def _nanos(at: datetime) -> int:
    return int(at.timestamp() * 1e6) * 1000


def _text(value: object) -> str:
    if isinstance(value, Mapping) and isinstance(text := value.get("text"), str):
        return text
    return "" if value is None else json.dumps(value, ensure_ascii=False)
