"""Keeps the database bounded: what is old is deleted with all its texts, and its figures stay.

Of a case that is pruned there is left: its row in `case_facts` (costs), its rows in `case_seams` (reliability), the
sums of what was spent, and the verdicts of people without their reasons and names. No figure changes by it.

What is held, however old: cases that are at work; batches that run or are paused, and every batch with a draft that
nobody has decided on, whole; cases of those; requests that wait or are at work; webhooks that have not arrived yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa

from errors import UsageError
from tasks.batches import WORKED, batches, drafts
from tasks.budget import reservations, spending
from tasks.conversations import conversations
from tasks.database import Database
from tasks.drafts import HANDED_OVER
from tasks.experience import feedback
from tasks.requests import OPEN, requests
from tasks.task_list import cases, handoffs, tasks
from tasks.webhooks import webhooks

AT_ONCE = 100
"""Rows that one transaction deletes, with what hangs on them: some milliseconds, so that nobody waits long."""

UNDECIDED = ("", "assigned")
"""Reviews by which a draft still waits for somebody."""


class Rule(NamedTuple):
    """What is kept whole: what is not older than `days`, and the newest `cases`; None is all."""

    days: int | None = None
    cases: int | None = None


class Pruned(NamedTuple):
    """How many of each were deleted, or would be."""

    cases: int = 0
    drafts: int = 0
    batches: int = 0
    requests: int = 0
    conversations: int = 0
    webhooks: int = 0

    def plus(self, other: Pruned) -> Pruned:
        """Both together."""
        return Pruned(*(a + b for a, b in zip(self, other, strict=True)))


class Retention:
    """Prunes one database. Any number of processes may do it at once, and stop at any time."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database, self._now = database, now

    def cutoff(self, rule: Rule) -> str | None:
        """What was begun (or, of a batch, a request or a conversation, ended) before this time goes; ISO 8601.

        None when nothing does. Both limits of the rule count: the later time is the one.
        """
        found: list[str] = []
        if rule.days is not None:
            found.append((self._now().astimezone(UTC) - timedelta(days=rule.days)).isoformat())
        if rule.cases is not None:
            newest = sa.select(cases.c.created_at).where(cases.c.outcome.is_not(None))
            last = newest.order_by(cases.c.created_at.desc()).offset(rule.cases - 1).limit(1)
            with self._database.reading() as db:
                if oldest := db.execute(last).scalar():
                    found.append(str(oldest))
        return max(found, default=None)

    def count(self, cutoff: str) -> Pruned:
        """How many of each `prune` would delete as things are now. Nothing is changed."""
        with self._database.reading() as db:
            rows = zip(_ORDER, _which(cutoff, planned=True), strict=True)
            return Pruned(**{name: _count(db, table, which) for name, (table, which) in rows})

    def prune(self, cutoff: str) -> Iterator[Pruned]:
        """Prunes a little, yields what that was, and goes on until nothing is left. Each little is one transaction."""
        for name, (table, which) in zip(_ORDER, _which(cutoff), strict=True):
            keys = list(table.primary_key.columns)
            place = [cases.c.created_at, cases.c.case_id] if table is cases else keys
            ordered = sa.select(*place).where(*which).order_by(*place).limit(AT_ONCE)
            some, more = ordered, True
            while more:
                with self._database.writing() as db:
                    found = [tuple(row) for row in db.execute(some)]
                    ids = [row[-len(keys) :] for row in found]
                    if ids:
                        _forget(db, table, [str(id_[0]) for id_ in ids])
                        db.execute(table.delete().where(sa.tuple_(*keys).in_(ids)))
                if found:
                    yield Pruned(**{name: len(found)})
                    some = ordered.where(sa.tuple_(*place) > sa.tuple_(*map(sa.literal, found[-1])))
                more = len(found) == AT_ONCE

    def vacuum(self) -> None:
        """Gives freed pages of an SQLite file back to the disk. Needs as much free space again, and nobody else writes
        in the meantime. Raises `UsageError` for PostgreSQL, whose autovacuum frees them for use again by itself."""
        if self._database.name != "sqlite":
            raise UsageError("--vacuum is for SQLite; PostgreSQL's autovacuum does it by itself")
        self._database.vacuum()


_ORDER = ("webhooks", "drafts", "batches", "requests", "conversations", "cases")
"""In which they go: what refers to others first."""

Which = tuple[sa.Table, list[sa.ColumnElement[bool]]]


def _which(cutoff: str, *, planned: bool = False) -> list[Which]:
    """Of each table of `_ORDER` the rows that go; `planned` are those that will once all before them have gone."""
    d, b, r, k, c = drafts.c, batches.c, requests.c, conversations.c, cases.c
    undecided = sa.and_(d.status.in_(WORKED), d.review.in_(UNDECIDED))
    open_rows = sa.select(d.batch_id).where(sa.or_(d.status.in_(("todo", "doing")), undecided))
    over = [
        *(b.id != HANDED_OVER, b.state.in_(("done", "cancelled")), b.ended_at < cutoff),
        b.id.not_in(open_rows),
    ]
    # What was handed over from the chat never ends as a whole: it goes row by row.
    handed_over = sa.and_(d.batch_id == HANDED_OVER, ~undecided, d.reviewed_at < cutoff)
    draft_goes = sa.or_(d.batch_id.in_(sa.select(b.id).where(*over)), handed_over)
    request_goes = sa.and_(r.kind.in_(("ask", "search")), r.status.not_in(OPEN), r.ended_at < cutoff)
    stay = {"draft": ~draft_goes, "request": ~request_goes} if planned else {"draft": sa.true(), "request": sa.true()}
    return [
        (webhooks, [webhooks.c.status != "pending", webhooks.c.made_at < cutoff]),
        (drafts, [draft_goes]),
        (batches, [*over, *([] if planned else [~sa.exists().where(d.batch_id == b.id)])]),
        (requests, [request_goes]),
        (conversations, [k.changed_at < cutoff, ~sa.exists().where(r.conversation_id == k.id, stay["request"])]),
        (
            cases,
            [
                *(c.outcome.is_not(None), c.created_at < cutoff),
                ~sa.exists().where(d.case_id == c.case_id, stay["draft"]),
                ~sa.exists().where(r.case_id == c.case_id, stay["request"]),
            ],
        ),
    ]


def _count(db: sa.Connection, table: sa.Table, which: list[sa.ColumnElement[bool]]) -> int:
    return int(db.execute(sa.select(sa.func.count()).select_from(table).where(*which)).scalar_one())


def _forget(db: sa.Connection, table: sa.Table, ids: list[str]) -> None:
    """Deletes what hangs on cases and batches. Verdicts of people stay, and what a day has cost."""
    if table is cases:
        for below in (handoffs, tasks):
            db.execute(below.delete().where(below.c.case_id.in_(ids)))
        db.execute(reservations.delete().where(reservations.c.case_id.in_(ids), reservations.c.settled.is_not(None)))
        db.execute(feedback.update().where(feedback.c.case_id.in_(ids)).values(reason="", by=""))
    if table in (cases, batches):
        kind = "case" if table is cases else "batch"
        own = spending.c.scope.in_([f"{kind}:{id_}" for id_ in ids])
        db.execute(spending.delete().where(own, spending.c.reserved == 0))
