"""`/v1/chat/completions`, as OpenAI's clients call it: the last user message is the ticket, the answer is proven.

Nothing is streamed before it is proven: what a writer has said so far may still be refused, and nobody could take it
back. Meanwhile a stream is kept open by comments, which clients pass over.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any, Literal, get_args

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from errors import OpsdeskError
from opsdesk.api.access import Reads, Writes
from opsdesk.api.cases import KEEP_ALIVE_SECONDS
from opsdesk.api.doors import Doors, doors
from opsdesk.api.problems import Refused, as_openai, documented
from opsdesk.api.shapes import IdempotencyKey, KbName, Name
from opsdesk.work import told
from tasks.case import Case, Policy, Ticket
from tasks.requests import Request as Left

router = APIRouter(tags=["OpenAI-compatible"])

MODEL = "opsdesk"
PIECE = 24
"""Characters of a streamed piece: a proven answer is there whole, and need not trickle."""

EARLIER = 20
"""Messages before the last one that tell what it points back to."""


class Part(BaseModel):
    """A piece of a message."""

    model_config = ConfigDict(extra="ignore")

    type: str
    text: str = Field(default="", max_length=20_000)


class Message(BaseModel):
    """A message of the conversation."""

    model_config = ConfigDict(extra="ignore")

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None

    @property
    def text(self) -> str:
        """What it says."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if part.type == "text")
        return self.content or ""


class Extension(BaseModel):
    """What OpenAI's shape has no word for: `extra_body={"opsdesk": {...}}` with its Python client."""

    model_config = ConfigDict(extra="forbid")

    kb: KbName = ""
    kind: Literal["question", "reply"] = "question"
    audience: Literal["customer", "staff"] = "customer"
    tenant: Name = ""


class StreamOptions(BaseModel):
    """What a stream ends with."""

    model_config = ConfigDict(extra="ignore")

    include_usage: bool | None = False


class ChatIn(BaseModel):
    """A chat request; fields of OpenAI's that say how a model samples have no meaning here and are passed over."""

    model_config = ConfigDict(extra="ignore")

    model: str = Field(max_length=200, description="`opsdesk`, or `opsdesk:` and a policy, such as opsdesk:cheapest.")
    messages: list[Message] = Field(min_length=1, max_length=1_000)
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    opsdesk: Extension = Extension()


class ModelOut(BaseModel):
    """A name that `model` may have."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = MODEL


class Models(BaseModel):
    """All of them."""

    object: Literal["list"] = "list"
    data: list[ModelOut]


@router.get("/v1/models", responses=documented(401, 403, 429, 503))
def models(caller: Reads) -> Models:
    """The names that `model` may have."""
    return Models(data=[ModelOut(id=name) for name in (MODEL, *(f"{MODEL}:{p}" for p in get_args(Policy)))])


@router.post(
    "/v1/chat/completions",
    responses={
        200: {"content": {"application/json": {}, "text/event-stream": {}}},
        **as_openai(400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 503),
    },
)
async def complete(
    given: ChatIn,
    request: Request,
    caller: Writes,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Answer the last user message from the knowledge base; the extension field `opsdesk` has case, proof and cost."""
    at = doors(request)
    more = given.opsdesk
    name, _, policy = given.model.partition(":")
    if name != MODEL or (policy and policy not in get_args(Policy)):
        raise Refused(404, f"there is no model {given.model[:80]!r}; GET /v1/models lists them")
    asked = [message.text for message in given.messages if message.role == "user"]
    if not asked or given.messages[-1].role != "user":
        raise Refused(422, "the last message has to be the user's")
    ticket = Ticket(text=asked[-1], kind=more.kind, audience=more.audience, earlier=tuple(asked[-1 - EARLIER : -1]))
    once = at.once(caller, idempotency_key, ["chat", given.model_dump(mode="json")])
    tenant = caller.acts_for(more.tenant)
    chosen: Any = policy or None
    left = await run_in_threadpool(at.leave, caller, ticket, more.kb, tenant, chosen, once)
    if given.stream:
        usage = bool(given.stream_options and given.stream_options.include_usage)
        pieces = _stream(at, left, given.model, usage=usage)
        return StreamingResponse(pieces, media_type="text/event-stream", headers={"Cache-Control": "no-store"})
    case = await at.case(left, at.patience)
    if case is None:
        raise Refused(503, "the crew has not come to it in time; ask again with the same Idempotency-Key")
    choice = {"index": 0, "message": {"role": "assistant", "content": said(case)}, "finish_reason": "stop"}
    whole = {**_head("chat.completion", left, given.model), "choices": [choice], "usage": _usage(case)}
    return JSONResponse({**whole, "opsdesk": extension(case)})


def said(case: Case) -> str:
    """What the caller reads: the answer; where there is none, why."""
    return case.answer or f"No answer: {case.outcome_reason}"


def extension(case: Case) -> dict[str, Any]:
    """The case behind an answer, in short."""
    return {
        "case_id": case.case_id,
        "outcome": case.outcome,
        "outcome_reason": case.outcome_reason,
        "citations": [citation.model_dump(mode="json") for citation in case.citations],
        "claims": [claim.model_dump(mode="json") for claim in case.claims],
        "cost_usd": case.cost_usd,
        "cost_all_frontier_usd": case.cost_all_frontier_usd,
        "cost_is_known": case.cost_is_known,
    }


def _usage(case: Case) -> dict[str, int]:
    return {
        "prompt_tokens": case.tokens_in,
        "completion_tokens": case.tokens_out,
        "total_tokens": case.tokens_in + case.tokens_out,
    }


def _head(kind: str, left: Left, model: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{left.case_id}", "object": kind, "created": int(time.time()), "model": model}


async def _stream(at: Doors, left: Left, model: str, *, usage: bool) -> AsyncIterator[str]:
    head = _head("chat.completion.chunk", left, model)

    def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> str:
        return _data({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more})

    yield chunk({"role": "assistant", "content": ""})
    waiting = asyncio.ensure_future(at.case(left, at.patience))
    try:
        while not (await asyncio.wait([waiting], timeout=KEEP_ALIVE_SECONDS))[0]:
            yield ": at work\n\n"
        case = waiting.result()
        if case is None:
            raise Refused(503, "the crew has not come to it in time")
    except (OpsdeskError, Refused) as error:
        why = told(error) if isinstance(error, OpsdeskError) else error.detail
        yield _data({"error": {"message": why, "type": "server_error", "param": None, "code": "500"}})
        return
    finally:
        waiting.cancel()
    text = said(case)
    for n in range(0, len(text), PIECE):
        yield chunk({"content": text[n : n + PIECE]})
    yield chunk({}, "stop", opsdesk=extension(case))
    if usage:
        yield _data({**head, "choices": [], "usage": _usage(case)})
    yield "data: [DONE]\n\n"


def _data(value: Any) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"
