"""The tickets of batches that wait, as workers see them: claimed, held, finished, given back.

Every step is one short transaction, conditional on who holds the row, so that a late word of a worker that was taken
for dead changes nothing.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from errors import Stopped
from tasks.batches import Batch, DraftRow, Status, StoppedBy, batches, drafts, scope_of
from tasks.budget import names_shared_cap, spending
from tasks.case import Case
from tasks.database import Database
from tasks.purse import nano
from tasks.webhooks import batch_ended

_STATUS: dict[str | None, Status] = {"accepted": "drafted", "needs_human": "needs_human", "abstained": "abstained"}

MAX_ATTEMPTS = 6
"""A ticket that has outlived so many workers is given up: it may be what ends them."""

PATIENCE = 8
"""So often a ticket waits for an endpoint that is out of order; then it is worked as well as it can be."""

FIRST_WAIT, LONGEST_WAIT = 5.0, 300.0
"""Seconds that it waits: twice as long each time."""

SAME_BATCH_SECONDS = 1.0
"""So long a worker goes on with a batch before it looks whether an older one goes on as well."""

# Statements are made once: a ticket needs a dozen, and making one takes longer than most take to run.
_THIS = (drafts.c.batch_id == sa.bindparam("its_batch"), drafts.c.seq == sa.bindparam("its_number"))
_RUN = (*_THIS, drafts.c.status == "doing", drafts.c.run == sa.bindparam("its_run"))
_HELD = (
    *_RUN,
    drafts.c.owner == sa.bindparam("its_owner"),
    drafts.c.attempts == sa.bindparam("its_attempts"),
)
_OF_BATCH = batches.c.id == sa.bindparam("its_batch")
_WAITING = (drafts.c.status == "todo", drafts.c.same_as == 0, drafts.c.not_before <= sa.bindparam("by_now"))
_ONLY = sa.bindparam("only_batch", type_=sa.Text)
_OLDEST = (
    sa.select(batches.c.id, batches.c.began_at)
    .where(batches.c.state == "running", sa.or_(_ONLY == "", batches.c.id == _ONLY))
    .where(sa.exists().where(drafts.c.batch_id == batches.c.id, *_WAITING))
    .order_by(batches.c.made_at, batches.c.id)
    .limit(1)
)
_OLDEST_OVER = _OLDEST.where(batches.c.kb.in_(sa.bindparam("these_kbs", expanding=True)))
_FIRST = (
    sa.select(drafts.c.seq)
    .where(drafts.c.batch_id == sa.bindparam("its_batch"), *_WAITING)
    .order_by(drafts.c.priority, drafts.c.due, drafts.c.seq)
    .limit(1)
    .with_for_update(skip_locked=True)
)
# That it waits is said of the locked row alone: said twice, PostgreSQL looks for its number among all that wait.
_TAKE = (
    drafts.update()
    .where(
        drafts.c.batch_id == sa.bindparam("its_batch"),
        drafts.c.seq == _FIRST.scalar_subquery(),
        sa.exists().where(_OF_BATCH, batches.c.state == "running"),
    )
    .values(
        status="doing",
        owner=sa.bindparam("new_owner"),
        attempts=drafts.c.attempts + 1,
        run=drafts.c.run + 1,
        case_id=sa.case((drafts.c.case_id == "", sa.bindparam("new_case")), else_=drafts.c.case_id),
    )
    .returning(*drafts.c)
)
_STATE = sa.select(batches.c.state).where(_OF_BATCH)
_BEGIN = batches.update().where(_OF_BATCH, batches.c.began_at == "")
_AT_WORK = sa.select(drafts).where(*_RUN)
_TAKE_ON = drafts.update().where(*_RUN).values(attempts=drafts.c.attempts + 1).returning(*drafts.c)
_CHANGE = drafts.update().where(*_HELD)
_GUARD = sa.select(drafts.c.seq).where(*_HELD).with_for_update(read=True)
_END = _CHANGE.returning(*drafts.c)
_ALIKE = sa.select(drafts).where(
    drafts.c.batch_id == sa.bindparam("its_batch"),
    drafts.c.same_as == sa.bindparam("its_number"),
    drafts.c.same_as > sa.literal_column("0"),  # as the index has it
    drafts.c.status.in_(("todo", "not_started")),
)
_SPENT = sa.select(spending.c.spent).where(spending.c.scope == sa.bindparam("its_scope")).scalar_subquery()
_BATCH = (
    sa.select(batches.c.budget_nano, _SPENT.label("spent"), _ALIKE.exists().label("has_alike"))
    .where(_OF_BATCH)
    .with_for_update(of=batches)
)
_OPEN = ("todo", "doing", "not_started")
_DONE = (
    batches.update()
    .where(_OF_BATCH, ~sa.exists().where(drafts.c.batch_id == sa.bindparam("its_batch"), drafts.c.status.in_(_OPEN)))
    .returning(*batches.c)
)

Reword = Callable[[DraftRow, DraftRow], str]
"""The draft of a ticket, said to the asker of another one that asks the same."""


def _as_it_is(first: DraftRow, _: DraftRow) -> str:
    return first.text


class Queue:
    """The waiting tickets in a database. Safe to share between threads."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database, self._now = database, now
        # A batch, of which knowledge bases and batches it was the oldest, until when.
        self._last: tuple[str, tuple[frozenset[str] | None, str], float] = ("", (None, ""), 0.0)

    def has_work(self) -> bool:
        """Whether any batch runs, or has left something at work: one short look."""
        runs = sa.exists().where(batches.c.state == "running")
        at_work = sa.exists().where(drafts.c.status == "doing")
        with self._database.reading() as db:
            return bool(db.execute(sa.select(sa.or_(runs, at_work))).scalar())

    def claim(self, owner: str, kbs: Collection[str] | None = None, only: str = "") -> DraftRow | None:
        """Takes the most urgent ticket of the oldest running batch over one of `kbs` (None: any); None when none waits.

        No two owners get the same. A row has the id of its case from then on. Which batch is the oldest is looked for
        every `SAME_BATCH_SECONDS`, and whenever nothing of the last one is left to take. `only` is the one batch that
        is wanted ("": all).
        """
        over = None if kbs is None else frozenset(kbs)
        batch_id, of, until = self._last
        if of == (over, only) and time.monotonic() < until and (row := self._take(owner, batch_id)):
            return row
        asked: dict[str, Any] = {"by_now": self._at(), "only_batch": only}
        oldest = _OLDEST
        if over is not None:
            oldest, asked["these_kbs"] = _OLDEST_OVER, list(over)
        empty = ""
        while True:
            with self._database.reading() as db:
                batch = db.execute(oldest, asked).one_or_none()
            if batch is None or batch.id == empty:  # what waits there is in the hands of others, maybe of a hung one
                return None
            self._last = (batch.id, (over, only), time.monotonic() + SAME_BATCH_SECONDS)
            if row := self._take(owner, batch.id):
                if not batch.began_at:
                    with self._database.writing() as db:
                        db.execute(_BEGIN, {"its_batch": batch.id, "began_at": self._at()})
                return row
            empty = batch.id

    def _take(self, owner: str, batch_id: str) -> DraftRow | None:
        new = {"new_owner": owner, "new_case": f"c-{secrets.token_hex(6)}"}
        with self._database.writing() as db:
            row = db.execute(_TAKE, {"its_batch": batch_id, "by_now": self._at(), **new}).one_or_none()
        return DraftRow(*row) if row else None

    def hold(self, batch_id: str, seq: int, run: int, owner: str) -> DraftRow | None:
        """A row whose work goes on here, also when another worker had begun it; None when it is not at work."""
        this = {"its_batch": batch_id, "its_number": seq, "its_run": run}
        with self._database.reading() as db:
            row = db.execute(_AT_WORK, this).one_or_none()
        if row is None or row.owner == owner:
            return DraftRow(*row) if row else None
        with self._database.writing() as db:
            row = db.execute(_TAKE_ON, {**this, "owner": owner}).one_or_none()
        return DraftRow(*row) if row else None

    def finish(self, row: DraftRow, case: Case, reword: Reword = _as_it_is) -> None:
        """Keeps what became of a claimed row."""
        with self._database.writing() as db:
            if last := self.finish_in(db, row, case, reword):
                last()

    def finish_in(
        self, db: sa.Connection, row: DraftRow, case: Case, reword: Reword = _as_it_is
    ) -> Callable[[], None] | None:
        """As `finish`, within a transaction that ends with a call of what is returned; None: it is another worker's.

        A batch is paused when a cap that its tickets share, its own or the day's, was reached: nothing else of it
        could be worked then. Tickets that ask the same get the same draft.
        """
        shared = case.stopped_by == "budget" and names_shared_cap(case.outcome_reason)
        return self._end(db, row, worked(case), case.outcome_reason if shared else "", reword)

    def fail(self, row: DraftRow, error: str, cost_nano: int | None = 0) -> None:
        """Ends a claimed row that could not be worked; `cost_nano` is None when it is not known what that cost."""
        with self._database.writing() as db:
            values = {"status": "failed", "error": error, "cost_nano": cost_nano, "frontier_nano": cost_nano}
            if last := self._end(db, row, values, "", _as_it_is):
                last()

    def guard(self, row: DraftRow) -> Callable[[sa.Connection], None]:
        """What raises `Stopped`, within a transaction, when the row is not this worker's any more."""

        def check(db: sa.Connection) -> None:
            if db.execute(_GUARD, _held(row)).scalar() is None:
                raise Stopped("another worker has taken this ticket over")

        return check

    def give_back(self, row: DraftRow, wait: float = 0.0) -> None:
        """Puts a claimed row back that was not finished, for `wait` seconds at least; in a cancelled batch for good.

        It is no fault of the ticket, and does not count as an attempt.
        """
        with self._database.writing() as db:
            self._give_back(db, row, wait)

    def _give_back(self, db: sa.Connection, row: DraftRow, wait: float = 0.0) -> None:
        # With the batch locked: who takes a cancelled one up again either waits for this row or is seen here.
        state = db.execute(_STATE.with_for_update(), {"its_batch": row.batch_id}).scalar_one()
        later = (self._now() + timedelta(seconds=wait)).isoformat() if wait else ""
        values = {"status": "not_started" if state == "cancelled" else "todo", "owner": "", "not_before": later}
        db.execute(_CHANGE.values(attempts=drafts.c.attempts - 1), {**values, **_held(row)})

    def postpone(self, row: DraftRow) -> None:
        """Puts a row back whose endpoint is out of order: the longer it is, the later it is tried again."""
        self.give_back(row, min(LONGEST_WAIT, FIRST_WAIT * 2 ** (row.run - 1)))

    def halt(self, row: DraftRow, reason: str, by: StoppedBy) -> None:
        """Puts a row back and stops its batch with it: what keeps it from being worked keeps the others, too."""
        with self._database.writing() as db:
            self._give_back(db, row)
            self._stop(db, row.batch_id, reason, by)

    def shall_stop(self, batch_ids: Collection[str]) -> set[str]:
        """Those of these batches whose work shall stop: the cancelled ones."""
        if not batch_ids:
            return set()
        asked = sa.select(batches.c.id).where(batches.c.id.in_(batch_ids), batches.c.state == "cancelled")
        with self._database.reading() as db:
            return set(db.execute(asked).scalars())

    def held_by(self, owner: str) -> list[DraftRow]:
        """The rows at work that are one worker's."""
        with self._database.reading() as db:
            mine = sa.select(drafts).where(drafts.c.status == "doing", drafts.c.owner == owner)
            return [DraftRow(*row) for row in db.execute(mine)]

    def is_at(self, batch_id: str, owners: Collection[str]) -> bool:
        """Whether one of these workers is at a ticket of a batch."""
        theirs = (drafts.c.batch_id == batch_id, drafts.c.status == "doing", drafts.c.owner.in_(owners))
        with self._database.reading() as db:
            return bool(db.execute(sa.select(sa.exists().where(*theirs))).scalar())

    def left_behind(self, living: Collection[str]) -> list[DraftRow]:
        """The rows at work whose workers are not among the living."""
        left = (drafts.c.status == "doing", drafts.c.owner.not_in(living))
        with self._database.reading() as db:
            return [DraftRow(*row) for row in db.execute(sa.select(drafts).where(*left))]

    def release(self, row: DraftRow) -> Literal["todo", "failed"]:
        """Takes a row from a worker that has ended; one that has outlived too many is given up."""
        if row.attempts >= MAX_ATTEMPTS:
            self.fail(row, f"given up: {MAX_ATTEMPTS} workers ended while they worked on it; look at their logs", None)
            return "failed"
        with self._database.writing() as db:
            db.execute(_CHANGE, {"status": "todo", "owner": "", **_held(row)})
        return "todo"

    def _end(
        self, db: sa.Connection, row: DraftRow, values: dict[str, Any], stop: str, reword: Reword
    ) -> Callable[[], None] | None:
        found = db.execute(_END, {"owner": "", **values, **_held(row)}).one_or_none()
        if found is None:
            return None

        def last() -> None:
            # Locks the batch, so that of rows finished at once one sees that it was the last; its workers wait for it.
            of = {"its_batch": row.batch_id, "its_number": row.seq, "its_scope": scope_of(row.batch_id)}
            batch = db.execute(_BATCH, of).one()
            if batch.has_alike:
                self._pass_on(db, DraftRow(*found), reword)
            spent = batch.budget_nano and (batch.spent or 0) >= batch.budget_nano
            if reason := "all of the batch's cap is spent" if spent else stop:
                self._stop(db, row.batch_id, reason, "budget")
            end_if_done(db, row.batch_id, self._at())

        return last

    def _pass_on(self, db: sa.Connection, first: DraftRow, reword: Reword) -> None:
        """Gives the draft to the tickets that ask the same; it costs nothing again."""
        for found in db.execute(_ALIKE, {"its_batch": first.batch_id, "its_number": first.seq}).all():
            row = DraftRow(*found)
            values = {name: getattr(first, name) for name in ("status", "proven", "case_id", "error")}
            values |= {"text": reword(first, row), "cost_nano": 0, "frontier_nano": first.frontier_nano}
            db.execute(drafts.update().where(*this_row(row.batch_id, row.seq)).values(values))

    def _stop(self, db: sa.Connection, batch_id: str, reason: str, by: StoppedBy) -> None:
        # Its batch is locked: who locks rows first, and then it, may wait for who cancels it, and be waited for.
        running = (batches.c.id == batch_id, batches.c.state == "running")
        if move(db, batch_id, "todo", "not_started"):
            db.execute(batches.update().where(*running).values(state="paused", note=reason, stopped_by=by))

    def _at(self) -> str:
        return self._now().isoformat()


def is_proven(case: Case) -> bool:
    """Whether a case's answer may be sent without a look: accepted, and every claim of it is supported."""
    return case.outcome == "accepted" and bool(case.claims) and all(claim.supported for claim in case.claims)


def worked(case: Case) -> dict[str, Any]:
    """What a row says of its case."""
    status = _STATUS.get(case.outcome, "failed")
    return {
        "status": status,
        "proven": is_proven(case),
        "text": case.answer,
        "error": "" if status == "drafted" else case.outcome_reason,
        "cost_nano": None if case.cost_usd is None else nano(case.cost_usd),
        "frontier_nano": None if case.cost_all_frontier_usd is None else nano(case.cost_all_frontier_usd),
    }


def this_row(batch_id: str, seq: int) -> tuple[sa.ColumnElement[bool], ...]:
    """The row of that number."""
    return drafts.c.batch_id == batch_id, drafts.c.seq == seq


def move(db: sa.Connection, batch_id: str, before: Status, after: Status) -> int:
    """Gives all rows of one status another one, and returns how many those are."""
    these = drafts.update().where(drafts.c.batch_id == batch_id, drafts.c.status == before)
    return db.execute(these.values(status=after)).rowcount


def end_if_done(db: sa.Connection, batch_id: str, at: str) -> None:
    """Ends a batch of which nothing is open, and leaves word of it where it is wanted."""
    done = db.execute(_DONE, {"its_batch": batch_id, "state": "done", "ended_at": at, "note": ""}).one_or_none()
    if done:
        batch_ended(db, Batch(*done), at)


def _held(row: DraftRow) -> dict[str, Any]:
    """The parameters of `_HELD`."""
    return {
        "its_batch": row.batch_id, "its_number": row.seq, "its_run": row.run,
        "its_owner": row.owner, "its_attempts": row.attempts,
    }  # fmt: skip
