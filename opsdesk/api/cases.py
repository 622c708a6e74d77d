"""`/v1/cases`: a ticket in, its case out, and its handoffs as they happen."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from opsdesk.api.access import Caller, Reads, Writes
from opsdesk.api.doors import Doors, doors
from opsdesk.api.paging import cut, place_of
from opsdesk.api.problems import Refused, documented
from opsdesk.api.shapes import Asked, IdempotencyKey, KbName, Name, Subject, Text, WebhookUrl
from tasks.case import Agent, Case, Handoff, Outcome, Policy, StepName, Ticket

router = APIRouter(tags=["cases"])

LONGEST_WAIT = 120.0
"""Seconds that a call waits for its case; what takes longer is asked for again."""

LOOK_SECONDS, KEEP_ALIVE_SECONDS = 0.15, 10.0

_PLACE = r"^(?:[0-9T:.+-]{1,40}~c-[0-9A-Za-z-]{1,40})?$"

CaseId = Annotated[str, Path(pattern=r"^c-[0-9A-Za-z-]{1,40}$", description="As a case tells of itself.")]


class TicketIn(BaseModel):
    """A ticket, and how it is to be worked."""

    model_config = ConfigDict(extra="forbid")

    text: Asked = Field(description="What is asked.")
    ticket_id: Name = ""
    subject: Subject = ""
    customer: Name = ""
    kind: Literal["question", "reply"] = Field(default="question", description="`reply` is a whole letter.")
    audience: Literal["customer", "staff"] = Field(default="customer", description="Staff see internal pages.")
    earlier: list[Text] = Field(default=[], max_length=20, description="What was asked before, the last last.")
    kb: KbName = ""
    tenant: Name = Field(default="", description="Only for a token of all tenants.")
    policy: Policy | None = Field(default=None, description="How cost and quality are weighed; empty as it is set.")
    webhook_url: WebhookUrl = ""
    wait: float = Field(default=60.0, ge=0, le=LONGEST_WAIT, description="Seconds to wait for the case.")

    def ticket(self) -> Ticket:
        """The ticket alone."""
        names = ("text", "ticket_id", "subject", "customer", "kind", "audience")
        return Ticket(**{name: getattr(self, name) for name in names}, earlier=tuple(self.earlier))


class StaleOut(BaseModel):
    """A cited document that has changed since."""

    doc_id: str
    title: str
    change: str


class FirstFailureOut(BaseModel):
    """The first step of a case that failed, mended or not, and the agent who did it."""

    step: StepName
    agent: Agent
    why: str = Field(description="In the case's own words.")


class CaseOut(Case):
    """A case, with the cited documents that have changed since, and who failed first."""

    stale: list[StaleOut] = Field(default=[])
    first_failure: FirstFailureOut | None = Field(description="null where no step failed.")


class Working(BaseModel):
    """A case that has not ended: ask again where `location` says, or follow its events."""

    case_id: str
    status: Literal["waiting", "working"]
    location: str


class Stopping(BaseModel):
    """A case that shall stop: one that is `working` ends as soon as its worker sees it."""

    case_id: str
    status: Literal["working", "stopped"]
    location: str


class LineOut(BaseModel):
    """A case in a list."""

    case_id: str
    created_at: str
    outcome: Outcome | None
    text: str


class Page(BaseModel):
    """Some of the cases, the newest first; `next` is what to give as `after` for those that follow."""

    cases: list[LineOut]
    next: str | None


def _working(case_id: str, *, begun: bool) -> JSONResponse:
    location = f"/v1/cases/{case_id}"
    working = Working(case_id=case_id, status="working" if begun else "waiting", location=location)
    return JSONResponse(working.model_dump(), 202, {"Location": location, "Retry-After": "1"})


_LATER: dict[int | str, dict[str, Any]] = {202: {"model": Working, "description": "It has not ended yet."}}


@router.post(
    "/v1/cases",
    response_model=CaseOut,
    responses={**_LATER, **documented(400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 503)},
)
async def ask(
    given: TicketIn,
    request: Request,
    caller: Writes,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Have the crew work a ticket, and get the case: its answer, citations, proof, handoffs and cost.

    With an `Idempotency-Key` the same request sent again gives the same case, and is paid for once.
    """
    at = doors(request)
    tenant = caller.acts_for(given.tenant)
    asked = given.model_dump(mode="json", exclude={"wait"})
    once = at.once(caller, idempotency_key, ["cases", asked])
    asks = (caller, given.ticket(), given.kb, tenant, given.policy, once, given.webhook_url)
    left = await run_in_threadpool(at.leave, *asks)
    case = await at.case(left, given.wait)
    if case is None:
        return _working(left.case_id, begun=left.status == "doing")
    return JSONResponse(await run_in_threadpool(at.whole, case))


@router.get("/v1/cases", responses=documented(401, 403, 422, 429, 503))
def cases(
    request: Request,
    caller: Reads,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: Annotated[str, Query(pattern=_PLACE, description="`next` of the page before.")] = "",
) -> Page:
    """The cases of the tenant, the newest first."""
    found = doors(request).desk.task_list.recent(limit + 1, tenant=caller.tenant, after=place_of(after))
    page, next_ = cut(found, limit, lambda line: (str(line.created_at), line.case_id))
    lines = [LineOut(**line._asdict() | {"created_at": str(line.created_at)}) for line in page]
    return Page(cases=lines, next=next_)


@router.get(
    "/v1/cases/{case_id}",
    response_model=CaseOut,
    responses={**_LATER, **documented(401, 403, 404, 409, 422, 429, 500, 503)},
)
def case(case_id: CaseId, request: Request, caller: Reads) -> Response:
    """A case; one that has not ended is answered with 202, one that was stopped before it came to an end with 409."""
    at = doors(request)
    found, asked = at.find(caller, case_id)
    if (ended := at.ended(found, asked)) is None:
        return _working(case_id, begun=found is not None)
    return JSONResponse(at.whole(ended))


@router.post("/v1/cases/{case_id}/stop", responses=documented(401, 403, 404, 409, 422, 429, 503))
def stop(case_id: CaseId, request: Request, caller: Writes) -> Stopping:
    """End a case that waits or is at work: what it has found is kept."""
    at = doors(request)
    found, asked = at.find(caller, case_id)
    if asked and asked.is_open:
        at.requests.ask_to_stop(asked.id)
        asked = at.requests.get(asked.id)
    if asked is None and not (found and found.outcome):
        told = "it is a batch's or a command's: cancel the batch at /v1/batches/{batch_id}/cancel, or end the command"
        raise Refused(409, told)
    if asked is None or asked.status in ("done", "failed"):
        raise Refused(409, f"it has ended already; see /v1/cases/{case_id}")
    status: Literal["working", "stopped"] = "working" if asked.is_open else "stopped"
    return Stopping(case_id=case_id, status=status, location=f"/v1/cases/{case_id}")


@router.get(
    "/v1/cases/{case_id}/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}, **documented(401, 403, 404, 422, 429, 503)},
)
async def events(case_id: CaseId, request: Request, caller: Reads) -> StreamingResponse:
    """The handoffs of a case as they happen, as server-sent events: `handoff` each, at the end `case`."""
    at = doors(request)
    _, asked = await run_in_threadpool(at.find, caller, case_id)
    return StreamingResponse(_events(at, caller, case_id, asked and asked.id), media_type="text/event-stream")


async def _events(at: Doors, caller: Caller, case_id: str, request_id: str | None) -> AsyncIterator[str]:
    told, silent = 0, 0.0
    while not at.following.closing:  # then the stream ends as it stands, and can be followed anew
        news = await run_in_threadpool(at.desk.task_list.news, case_id, told)
        passed, found, asked = news.handoffs, None, None
        over = await run_in_threadpool(at.requests.ended, [request_id] if request_id else [])
        if over or not news.doing:  # between two steps, or at an end: only the whole case says which
            found, asked = await run_in_threadpool(at.find, caller, case_id)
            passed = found.handoffs[told:] if found else []
        for handoff in passed:
            yield event("handoff", handoff_json(handoff), f"{case_id}.{handoff.seq}")
            told, silent = handoff.seq, 0.0
        if found and found.outcome:
            yield event("case", await run_in_threadpool(at.whole, found), case_id)
            return
        if asked and asked.status in ("failed", "stopped"):
            yield event("error", {"detail": asked.error or "it was stopped"}, case_id)
            return
        await asyncio.sleep(LOOK_SECONDS)
        silent += LOOK_SECONDS
        if silent >= KEEP_ALIVE_SECONDS:  # whoever stands between closes what says nothing
            yield ": at work\n\n"
            silent = 0.0


def handoff_json(handoff: Handoff) -> dict[str, Any]:
    """A handoff as the contract has it."""
    return handoff.model_dump(mode="json", by_alias=True)


def event(name: str, data: Any, id_: str = "") -> str:
    """One server-sent event."""
    lines = [f"id: {id_}"] if id_ else []
    return "\n".join([*lines, f"event: {name}", f"data: {json.dumps(data, ensure_ascii=False)}", "", ""])
