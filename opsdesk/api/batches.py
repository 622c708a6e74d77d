"""`/v1/batches`: many tickets at once, drafted under one cap."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from errors import UsageError
from opsdesk import drafting
from opsdesk.api.access import Caller, Reads, Writes
from opsdesk.api.doors import Doors, doors
from opsdesk.api.paging import cut, place_of
from opsdesk.api.problems import Refused, documented
from opsdesk.api.shapes import IdempotencyKey, KbName, Name, Subject, Text, WebhookUrl
from tasks.batches import Batch, Planned, Progress
from tasks.budget import NANO
from tasks.case import Ticket
from tasks.purse import nano

router = APIRouter(tags=["batches"])

_PLACE = r"^(?:[0-9T:.+-]{1,40}~b-[0-9a-z]{1,40})?$"
BatchId = Annotated[str, Path(pattern=r"^b-[0-9a-z]{1,40}$")]


class BatchTicket(BaseModel):
    """One ticket of a batch."""

    model_config = ConfigDict(extra="forbid")

    text: Text
    ticket_id: Name = ""
    subject: Subject = ""
    customer: Name = ""


class BatchIn(BaseModel):
    """Tickets, and how much their drafts may cost together."""

    model_config = ConfigDict(extra="forbid")

    tickets: list[BatchTicket] = Field(min_length=1, max_length=10_000)
    name: Name = ""
    kb: KbName = ""
    tenant: Name = ""
    budget_usd: float | None = Field(default=None, ge=0, le=1_000_000)
    webhook_url: WebhookUrl = ""


class BatchOut(BaseModel):
    """How far a batch is; `note` says why it is paused when nobody did that. `booked_usd` counts calls of unknown cost
    at their most."""

    batch_id: str
    name: str
    kb: str
    state: Literal["running", "paused", "cancelled", "done"]
    note: str
    made_at: str
    ended_at: str
    budget_usd: float | None
    tickets: int
    drafted: int
    needs_human: int
    abstained: int
    rejected: int
    failed: int
    not_started: int
    cost_usd: float | None
    booked_usd: float
    cost_all_frontier_usd: float | None


class BatchesOut(BaseModel):
    """Some of the batches, the newest first; `next` is what to give as `after` for those that follow."""

    batches: list[BatchOut]
    next: str | None


class DraftsOut(BaseModel):
    """Some of the drafts, in the order of the tickets; `next` is what to give as `after`."""

    drafts: list[dict[str, Any]]
    next: int | None


@router.post("/v1/batches", status_code=201, responses=documented(400, 401, 403, 404, 408, 409, 413, 422, 429, 503))
def make(
    given: BatchIn,
    request: Request,
    caller: Writes,
    idempotency_key: IdempotencyKey = None,
) -> BatchOut:
    """Have replies to many tickets drafted. The workers begin at once; the cap holds over all of them."""
    at, tenant = doors(request), caller.acts_for(given.tenant)
    rows = [
        Planned(Ticket(**ticket.model_dump(), kind="reply"), "" if ticket.text.strip() else "the ticket is empty")
        for ticket in given.tickets
    ]
    id_ = at.drafts.make(
        given.name or f"{len(rows)} tickets",
        at.known(given.kb),
        rows,
        person=f"api:{tenant}",
        budget_nano=None if given.budget_usd is None else nano(given.budget_usd),
        settings={"tenant": tenant, **at.told_to(given.webhook_url)},
        once=at.once(caller, idempotency_key, ["batches", given.model_dump(mode="json")]),
    )
    return _shown(*_found(at, caller, id_))


@router.get("/v1/batches", responses=documented(401, 403, 422, 429, 503))
def batches(
    request: Request,
    caller: Reads,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    after: Annotated[str, Query(pattern=_PLACE, description="`next` of the page before.")] = "",
) -> BatchesOut:
    """The batches of the tenant, the newest first."""
    person = None if caller.tenant is None else caller.person
    found = doors(request).drafts.batches(person, limit + 1, after=place_of(after))
    page, next_ = cut(found, limit, lambda one: (one[0].made_at, one[0].id))
    return BatchesOut(batches=[_shown(batch, far) for batch, far in page], next=next_)


@router.get("/v1/batches/{batch_id}", responses=documented(401, 403, 404, 422, 429, 503))
def batch(batch_id: BatchId, request: Request, caller: Reads) -> BatchOut:
    """How far a batch is."""
    return _shown(*_found(doors(request), caller, batch_id))


@router.get("/v1/batches/{batch_id}/drafts", responses=documented(401, 403, 404, 422, 429, 503))
def drafts(
    batch_id: BatchId,
    request: Request,
    caller: Reads,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    after: Annotated[int, Query(ge=0, le=10**9)] = 0,
) -> DraftsOut:
    """The drafts of a batch in the order of its tickets, a page at a time; what is open is `not_started`."""
    at = doors(request)
    _found(at, caller, batch_id)
    rows = list(islice(drafting.export_rows(at.desk, at.drafts, batch_id, after), limit + 1))
    return DraftsOut(drafts=rows[:limit], next=after + limit if len(rows) > limit else None)


@router.post("/v1/batches/{batch_id}/{action}", responses=documented(401, 403, 404, 422, 429, 503))
def change(
    batch_id: BatchId, action: Literal["pause", "resume", "cancel"], request: Request, caller: Writes
) -> BatchOut:
    """Pause, resume or cancel a batch; what is at work is finished in a paused one, and given up in a cancelled one."""
    at = doors(request)
    _found(at, caller, batch_id)
    state: dict[str, Literal["paused", "running", "cancelled"]] = {
        "pause": "paused",
        "resume": "running",
        "cancel": "cancelled",
    }
    at.drafts.set_state(batch_id, state[action])
    return _shown(*_found(at, caller, batch_id))


def _found(at: Doors, caller: Caller, batch_id: str) -> tuple[Batch, Progress]:
    try:
        found = at.drafts.batch(batch_id)
    except UsageError:
        found = None
    if found is None or not (caller.tenant is None or found.person == caller.person):
        raise Refused(404, "there is no such batch")
    return found, at.drafts.progress(batch_id)


def _shown(found: Batch, far: Progress) -> BatchOut:
    names = ("name", "kb", "state", "note", "made_at", "ended_at")
    return BatchOut(
        batch_id=found.id,
        budget_usd=None if found.budget_nano is None else found.budget_nano / NANO,
        **{name: getattr(found, name) for name in names},
        **far.summary,
    )
