"""What callers are told of when a case or a batch has ended: written as it ends, sent until it arrives.

An event is a row, made in the transaction that ends what it tells of, so neither is there without the other. Its
shape follows Standard Webhooks 1.0.0 (https://www.standardwebhooks.com). Sending is in `opsdesk.webhooks`.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa

from tasks.batches import Batch, progress
from tasks.database import Database, metadata, newest_first
from tasks.task_list import case_in

webhooks = sa.Table(
    "webhooks",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("event", sa.String(32), nullable=False),
    sa.Column("case_id", sa.String(32), nullable=False),
    sa.Column("batch_id", sa.String(32), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("claim", sa.String(32), nullable=False),
    sa.Column("made_at", sa.Text, nullable=False, index=True),
    sa.Column("next_at", sa.Text, nullable=False),
    sa.Column("delivered_at", sa.Text, nullable=False),
    sa.Column("last_error", sa.Text, nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Index("ix_webhooks_due", "status", "next_at"),
)

Event = Literal["case.completed", "batch.completed"]
Status = Literal["pending", "delivered", "given_up"]

URL = "webhook_url"
"""Where a request, or a batch's settings, say whom to tell."""

WAITS = tuple(timedelta(seconds=s) for s in (5, 30, 120, 600, 3_600, 21_600, 86_400))
"""After each try that failed; the one that fails after them all is the last."""

HELD = timedelta(minutes=2)
"""So long one who sends has it to himself: many times what a try may take. Then he is taken for dead."""


class Line(NamedTuple):
    """One event and how its delivery stands; times are ISO 8601, "" for what has not happened.

    `case_id` or `batch_id` is "". `next_at` is the next try of a pending one; while one is being made, when the
    sender would be taken for dead.
    """

    id: str
    tenant: str
    event: Event
    case_id: str
    batch_id: str
    status: Status
    attempts: int
    made_at: str
    next_at: str
    delivered_at: str
    last_error: str


class Claimed(NamedTuple):
    """An event to be sent by whoever has the `claim`. `attempts` counts this try too."""

    id: str
    claim: str
    attempts: int
    url: str
    body: str


_LINE = tuple(webhooks.c[name] for name in Line._fields)


class Webhooks:
    """The events in a database. Safe to share between threads."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database, self._now = database, now

    def page(self, limit: int, *, tenant: str | None = None, after: tuple[str, str] | None = None) -> list[Line]:
        """The newest events, of one tenant where one is given.

        `after` is the time and the id of the last one of the page before.
        """
        asked = sa.select(*_LINE)
        if tenant is not None:
            asked = asked.where(webhooks.c.tenant == tenant)
        with self._database.reading() as db:
            rows = db.execute(newest_first(asked, webhooks.c.made_at, webhooks.c.id, limit, after))
            return [Line(*row) for row in rows]

    def find(self, id_: str) -> Line | None:
        """An event; None when there is none of that id."""
        with self._database.reading() as db:
            row = db.execute(sa.select(*_LINE).where(webhooks.c.id == id_)).one_or_none()
        return Line(*row) if row else None

    def again(self, id_: str) -> None:
        """Has an event sent anew, with all its tries, whatever came of it."""
        fresh = {"status": "pending", "attempts": 0, "claim": "", "next_at": self._at(), "delivered_at": ""}
        with self._database.writing() as db:
            db.execute(webhooks.update().where(webhooks.c.id == id_).values(fresh))

    # --- the sender's side -----------------------------------------------------------------------

    def claim(self, busy: Collection[str] = ()) -> Claimed | None:
        """Takes the event that has been due longest, of those for none of the `busy` URLs; None when none is due.

        No two senders get the same, as long as one who has it neither ends nor takes longer than `HELD`.
        """
        now, c = self._now(), webhooks.c
        due = (c.status == "pending", c.next_at <= now.isoformat())
        oldest = sa.select(c.id).where(*due, c.url.not_in(busy)).order_by(c.next_at, c.id).limit(1)
        with self._database.reading() as db:
            id_ = db.execute(oldest).scalar()
        if id_ is None:
            return None
        take = webhooks.update().where(c.id == id_, *due)
        taken = {"claim": secrets.token_hex(8), "attempts": c.attempts + 1, "next_at": (now + HELD).isoformat()}
        fields = tuple(c[name] for name in Claimed._fields)
        with self._database.writing() as db:
            row = db.execute(take.values(taken).returning(*fields)).one_or_none()
        return Claimed(*row) if row else self.claim(busy)

    def delivered(self, sent: Claimed) -> None:
        """It has arrived."""
        self._settle(sent, {"status": "delivered", "delivered_at": self._at(), "next_at": "", "last_error": ""})

    def failed(self, sent: Claimed, error: str, *, for_good: bool = False) -> None:
        """It has not: it is tried again after a while, unless that was the last try or it failed `for_good`."""
        if for_good or sent.attempts > len(WAITS):
            self._settle(sent, {"status": "given_up", "next_at": "", "last_error": error})
        else:
            later = (self._now() + WAITS[sent.attempts - 1]).isoformat()
            self._settle(sent, {"next_at": later, "last_error": error})

    def _settle(self, sent: Claimed, values: dict[str, Any]) -> None:
        """A late word of one who was taken for dead changes nothing."""
        this = (webhooks.c.id == sent.id, webhooks.c.claim == sent.claim)
        with self._database.writing() as db:
            db.execute(webhooks.update().where(*this).values(claim="", **values))

    def _at(self) -> str:
        return self._now().isoformat()


# --- written as something ends ---------------------------------------------------------------------------


def case_ended(db: sa.Connection, case_id: str, asked: dict[str, Any], error: str, at: str) -> None:
    """Leaves the event of a case that was asked for so, where somebody is to be told. Part of what ends it.

    `error` says why there is no case, or none that has an outcome.
    """
    if not asked.get(URL):
        return
    tenant, case = asked.get("tenant", ""), case_in(db, case_id)
    data: dict[str, Any] = {"tenant": tenant, "case_id": case_id}
    if case and case.outcome:
        names = {"outcome", "outcome_reason", "answer", "citations", "unanswered"}
        costs = {"cost_usd", "cost_is_known", "cost_all_frontier_usd"}
        data |= {"ticket_id": case.ticket.ticket_id, **case.model_dump(mode="json", include=names | costs)}
    else:
        ticket_id = asked.get("ticket", {}).get("ticket_id", "")
        unknown = {"cost_usd": None, "cost_is_known": False, "cost_all_frontier_usd": None}
        free = {"cost_usd": 0.0, "cost_is_known": True, "cost_all_frontier_usd": 0.0}
        data |= {"ticket_id": ticket_id, "outcome": "failed", "outcome_reason": error, "answer": "", "citations": []}
        data |= {"unanswered": [], **(unknown if case else free)}
    _leave(db, asked[URL], "case.completed", tenant, data, at)


def batch_ended(db: sa.Connection, batch: Batch, at: str) -> None:
    """The same for a batch that is done or was cancelled."""
    if not batch.settings.get(URL):
        return
    tenant = batch.settings.get("tenant", "")
    data = {"tenant": tenant, "batch_id": batch.id, "name": batch.name, "outcome": batch.state}
    data |= progress(db, [batch.id])[batch.id].summary
    _leave(db, batch.settings[URL], "batch.completed", tenant, data, at)


def _leave(db: sa.Connection, url: str, event: Event, tenant: str, data: dict[str, Any], at: str) -> None:
    id_ = f"w-{secrets.token_hex(6)}"
    body = {"type": event, "id": id_, "timestamp": at, "data": data}
    row = {
        **{"id": id_, "tenant": tenant, "event": event, "url": url, "body": json.dumps(body, ensure_ascii=False)},
        **{"case_id": data.get("case_id", ""), "batch_id": data.get("batch_id", ""), "status": "pending"},
        **{"attempts": 0, "claim": "", "made_at": at, "next_at": at, "delivered_at": "", "last_error": ""},
    }
    db.execute(webhooks.insert().values(row))
