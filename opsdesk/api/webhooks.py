"""`/v1/webhooks`: what was sent when cases and batches ended, and whether it has arrived."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field

from opsdesk.api.access import Reads, Writes
from opsdesk.api.doors import doors
from opsdesk.api.paging import cut, place_of
from opsdesk.api.problems import Refused, documented
from tasks.webhooks import Event, Line, Status

router = APIRouter(tags=["webhooks"])

_PLACE = r"^(?:[0-9T:.+-]{1,40}~w-[0-9a-z]{1,40})?$"

WebhookId = Annotated[str, Path(pattern=r"^w-[0-9a-z]{1,40}$", description="The `webhook-id` that it is sent with.")]


class WebhookOut(BaseModel):
    """One event and how its delivery stands; `case_id` or `batch_id` is empty. Times are ISO 8601."""

    webhook_id: str
    event: Event
    case_id: str
    batch_id: str
    status: Status
    attempts: int
    last_error: str
    made_at: str
    next_at: str | None = Field(description="When it is tried next; null for one that is not.")
    delivered_at: str | None


class WebhooksPage(BaseModel):
    """Some of the events, the newest first; `next` is what to give as `after` for those that follow."""

    webhooks: list[WebhookOut]
    next: str | None


@router.get("/v1/webhooks", responses=documented(401, 403, 422, 429, 503))
def webhooks(
    request: Request,
    caller: Reads,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: Annotated[str, Query(pattern=_PLACE, description="`next` of the page before.")] = "",
) -> WebhooksPage:
    """The events of the tenant, the newest first, and whether each has arrived."""
    found = doors(request).webhooks.page(limit + 1, tenant=caller.tenant, after=place_of(after))
    page, next_ = cut(found, limit, lambda line: (line.made_at, line.id))
    return WebhooksPage(webhooks=[_shown(line) for line in page], next=next_)


@router.post("/v1/webhooks/{webhook_id}/redeliver", responses=documented(401, 403, 404, 422, 429, 503))
def redeliver(webhook_id: WebhookId, request: Request, caller: Writes) -> WebhookOut:
    """Send an event again, under the same `webhook-id`, whatever came of it."""
    at = doors(request)
    found = at.webhooks.find(webhook_id)
    if found is None or not caller.sees(found.tenant):
        raise Refused(404, "there is no such webhook")
    at.webhooks.again(webhook_id)
    return _shown(at.webhooks.find(webhook_id) or found)


def _shown(line: Line) -> WebhookOut:
    names = ("event", "case_id", "batch_id", "status", "attempts", "last_error", "made_at")
    return WebhookOut(
        webhook_id=line.id,
        next_at=line.next_at or None,
        delivered_at=line.delivered_at or None,
        **{name: getattr(line, name) for name in names},
    )
