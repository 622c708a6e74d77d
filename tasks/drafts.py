"""Batches of tickets and their drafts: worked one by one, then reviewed by people.

A worker claims a row, has it drafted and finishes it; a page reads and reviews. Every step is one short transaction,
conditional on what it found, so that any number of workers and reviewers may be at it at once.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from errors import UsageError
from tasks.batches import (
    EVERY_ROW,
    WORKED,
    Batch,
    DraftRow,
    Filters,
    Line,
    Progress,
    Status,
    Verdict,
    batches,
    drafts,
    passing,
    progress,
)
from tasks.budget import spending
from tasks.case import Case, Ticket
from tasks.database import Database
from tasks.experience import feedback
from tasks.purse import nano

_SAID = {"accepted": "accept", "edited": "edit", "rejected": "reject"}
_STATUS: dict[str | None, Status] = {"accepted": "drafted", "needs_human": "needs_human", "abstained": "abstained"}

HANDED_OVER = "b-chat"
"""The batch of what was handed over from the chat."""

MAX_ATTEMPTS = 3
"""A ticket that has outlived so many workers is given up: it may be what ends them."""

_SHARED_CAP = re.compile("are left for (?!this case)")
"""What the budget says when a cap is too small for the next call that a case shares with others."""


class Drafts:
    """The batches in a database. Safe to share between threads."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database, self._now = database, now

    def make(
        self,
        name: str,
        kb: str,
        rows: Iterable[tuple[Ticket, str]],
        *,
        person: str = "",
        budget_nano: int | None = None,
        settings: dict[str, Any] | None = None,
    ) -> str:
        """Makes a batch that runs, of tickets with what is wrong with each ("": nothing), and returns its id."""
        id_ = f"b-{secrets.token_hex(6)}"
        batch = Batch(id_, name, person, kb, "running", budget_nano, settings or {}, self._at(), "", "", "")
        found = [_new_row(id_, seq, ticket, error) for seq, (ticket, error) in enumerate(rows, start=1)]
        if not found:
            raise UsageError("a batch needs at least one ticket; choose a file that has some")
        with self._database.writing() as db:
            db.execute(batches.insert().values(batch._asdict()))
            db.execute(drafts.insert(), found)
            _end_if_done(db, id_, self._at())
        return id_

    def batch(self, id_: str) -> Batch:
        """A batch as it is now. Raises `UsageError` when there is none of that id."""
        with self._database.reading() as db:
            row = db.execute(sa.select(batches).where(batches.c.id == id_)).one_or_none()
        if row is None:
            raise UsageError("there is no such batch; choose one from the list")
        return Batch(*row)

    def batches(self, person: str | None = None, limit: int = 100) -> list[tuple[Batch, Progress]]:
        """The newest batches and how far each is, of one person where one is given."""
        asked = sa.select(batches).order_by(batches.c.made_at.desc(), batches.c.id).limit(limit)
        with self._database.reading() as db:
            found = db.execute(asked if person is None else asked.where(batches.c.person == person)).all()
            far = progress(db, [row.id for row in found])
        return [(Batch(*row), far[row.id]) for row in found]

    def progress(self, batch_id: str) -> Progress:
        """How far a batch is."""
        with self._database.reading() as db:
            return progress(db, [batch_id])[batch_id]

    def lines(self, batch_id: str, filters: Filters = EVERY_ROW) -> list[Line]:
        """The rows of a batch that pass the filters, in order, without their texts."""
        columns = [drafts.c[name] for name in Line._fields]
        asked = sa.select(*columns).where(drafts.c.batch_id == batch_id, *passing(filters))
        with self._database.reading() as db:
            return [Line(*row) for row in db.execute(asked.order_by(drafts.c.seq))]

    def draft(self, batch_id: str, seq: int) -> DraftRow:
        """One row, whole. Raises `UsageError` when there is none."""
        with self._database.reading() as db:
            row = db.execute(sa.select(drafts).where(*_this(batch_id, seq))).one_or_none()
        if row is None:
            raise UsageError("there is no such ticket in the batch; choose one from the list")
        return DraftRow(*row)

    def rows(self, batch_id: str) -> list[DraftRow]:
        """All rows, whole, in order: for an export."""
        with self._database.reading() as db:
            found = db.execute(sa.select(drafts).where(drafts.c.batch_id == batch_id).order_by(drafts.c.seq))
            return [DraftRow(*row) for row in found]

    def assignees(self) -> list[str]:
        """Everybody to whom something was assigned."""
        names = sa.select(drafts.c.assignee).where(drafts.c.assignee != "").distinct().order_by(drafts.c.assignee)
        with self._database.reading() as db:
            return list(db.execute(names).scalars())

    def set_state(self, batch_id: str, state: Literal["running", "paused", "cancelled"]) -> None:
        """Pauses, resumes or cancels a batch; one that is done stays so. What is at work is let go to its end."""
        at = self._at()
        with self._database.writing() as db:
            this = batches.update().where(batches.c.id == batch_id)
            if state == "running":
                db.execute(this.where(batches.c.state != "done").values(state=state, ended_at="", note=""))
                _move(db, batch_id, "not_started", "todo")
            elif state == "paused":
                db.execute(this.where(batches.c.state == "running").values(state=state, note=""))
            elif db.execute(this.where(batches.c.state != "done").values(state=state, ended_at=at, note="")).rowcount:
                _move(db, batch_id, "todo", "not_started")

    def set_budget(self, batch_id: str, budget_nano: int | None) -> None:
        """Changes the most that a batch may cost; None is no cap."""
        with self._database.writing() as db:
            db.execute(batches.update().where(batches.c.id == batch_id).values(budget_nano=budget_nano))

    # --- a person's side -------------------------------------------------------------------------

    def review(self, batch_id: str, seq: int, verdict: Verdict) -> None:
        """Keeps a person's verdict, and their word on the case for the router and the writer to learn from.

        Raises `UsageError` when the row is still being worked, or somebody else has decided it in the meantime.
        """
        text = {name: value for name in ("text", "proven") if (value := getattr(verdict, name)) is not None}
        at = self._at()
        values = {
            **{"review": verdict.review, "reviewed_by": verdict.by, "reviewed_at": at},
            **{"reason": verdict.reason, "assignee": verdict.assignee, **text},
        }
        with self._database.writing() as db:
            this = (*_this(batch_id, seq), drafts.c.reviewed_at == verdict.seen, drafts.c.status.in_(WORKED))
            row = db.execute(drafts.update().where(*this).values(values).returning(drafts.c.case_id)).one_or_none()
            if row is None:
                raise UsageError("somebody else has decided this ticket, or it is at work again; look at it once more")
            old = (feedback.c.case_id == row.case_id, feedback.c.at == verdict.seen)
            db.execute(feedback.delete().where(*old))
            if said := _SAID.get(verdict.review):
                _give(db, [row.case_id], said, verdict.reason, verdict.by, at)

    def accept_proven(self, batch_id: str, by: str) -> int:
        """Accepts every undecided draft that is fully proven, and returns how many."""
        at = self._at()
        open_ = (drafts.c.batch_id == batch_id, drafts.c.review == "", drafts.c.status == "drafted", drafts.c.proven)
        accepted = drafts.update().where(*open_).values(review="accepted", reviewed_by=by, reviewed_at=at)
        with self._database.writing() as db:
            cases = list(db.execute(accepted.returning(drafts.c.case_id)).scalars())
            _give(db, cases, "accept", "accepted with all that are fully proven", by, at)
        return len(cases)

    def hand_over(self, case: Case, *, assignee: str, note: str, by: str) -> tuple[str, int]:
        """Puts a case that was worked elsewhere before people, assigned to somebody, and returns batch and number."""
        row = _new_row(HANDED_OVER, 0, case.ticket, "") | {
            **_worked(case),
            **{"case_id": case.case_id, "review": "assigned", "assignee": assignee, "reason": note},
            **{"reviewed_by": by, "reviewed_at": self._at()},
        }
        numbers = sa.select(sa.func.coalesce(sa.func.max(drafts.c.seq), 0)).where(drafts.c.batch_id == HANDED_OVER)
        with self._database.writing() as db:
            if not db.execute(sa.select(batches.c.id).where(batches.c.id == HANDED_OVER).with_for_update()).scalar():
                at = self._at()
                batch = Batch(HANDED_OVER, "Handed over from the chat", "", case.kb, "done", None, {}, at, at, at, "")
                db.execute(batches.insert().values(batch._asdict()))
            row["seq"] = int(db.execute(numbers).scalar_one()) + 1
            db.execute(drafts.insert().values(row))
        return HANDED_OVER, row["seq"]

    # --- the worker's side -----------------------------------------------------------------------

    def claim(self, owner: str) -> DraftRow | None:
        """Takes the next ticket of the oldest running batch; None when none waits. No two owners get the same.

        A row has the id of its case from then on: a case that a killed worker has left is gone on with.
        """
        waiting = sa.exists().where(drafts.c.batch_id == batches.c.id, drafts.c.status == "todo")
        oldest = sa.select(batches.c.id).where(batches.c.state == "running", waiting)
        while True:
            with self._database.reading() as db:
                batch_id = db.execute(oldest.order_by(batches.c.made_at, batches.c.id).limit(1)).scalar()
            if batch_id is None:
                return None
            if row := self._take(owner, batch_id):
                return row

    def _take(self, owner: str, batch_id: str) -> DraftRow | None:
        todo = (drafts.c.batch_id == batch_id, drafts.c.status == "todo")
        first = sa.select(drafts.c.seq).where(*todo).order_by(drafts.c.seq).limit(1).with_for_update(skip_locked=True)
        running = sa.exists().where(batches.c.id == batch_id, batches.c.state == "running")
        case_id = sa.case((drafts.c.case_id == "", f"c-{secrets.token_hex(6)}"), else_=drafts.c.case_id)
        taken = (
            drafts.update()
            .where(*todo, drafts.c.seq == first.scalar_subquery(), running)
            .values(status="doing", owner=owner, attempts=drafts.c.attempts + 1, case_id=case_id)
            .returning(*drafts.c)
        )
        with self._database.writing() as db:
            row = db.execute(taken).one_or_none()
            if row is None:
                return None
            began = batches.update().where(batches.c.id == batch_id, batches.c.began_at == "")
            db.execute(began.values(began_at=self._at()))
        return DraftRow(*row)

    def finish(self, row: DraftRow, case: Case) -> None:
        """Keeps what became of a claimed row. A late word of a worker that was taken for dead changes nothing.

        A batch is paused when a cap that its tickets share, its own or the day's, was reached: nothing else of it
        could be worked then.
        """
        shared = case.stopped_by == "budget" and _SHARED_CAP.search(case.outcome_reason)
        self._end(row, _worked(case), case.outcome_reason if shared else "")

    def fail(self, row: DraftRow, error: str, cost_nano: int | None = 0) -> None:
        """Ends a claimed row that could not be worked; `cost_nano` is None when it is not known what that cost."""
        self._end(row, {"status": "failed", "error": error, "cost_nano": cost_nano}, "")

    def give_back(self, row: DraftRow) -> None:
        """Puts a claimed row back that was not finished; one of a cancelled batch is not begun again."""
        cancelled = sa.exists().where(batches.c.id == row.batch_id, batches.c.state == "cancelled")
        status = sa.case((cancelled, "not_started"), else_="todo")
        with self._database.writing() as db:
            db.execute(drafts.update().where(*_held(row)).values(status=status, owner=""))

    def is_cancelled(self, batch_id: str) -> bool:
        """Whether what is at work for a batch shall stop."""
        with self._database.reading() as db:
            return db.execute(sa.select(batches.c.state).where(batches.c.id == batch_id)).scalar() == "cancelled"

    def release(self, living: Collection[str]) -> int:
        """Gives back what workers have left that are not among the living, and returns how many rows that were."""
        left = (drafts.c.status == "doing", drafts.c.owner.not_in(living))
        with self._database.reading() as db:
            rows = [DraftRow(*row) for row in db.execute(sa.select(drafts).where(*left))]
        for row in rows:
            if row.attempts >= MAX_ATTEMPTS:
                too_often = f"given up: {MAX_ATTEMPTS} workers ended while they worked on it; look at the worker's log"
                self.fail(row, too_often, None)
            else:
                self.give_back(row)
        return len(rows)

    def _end(self, row: DraftRow, values: dict[str, Any], stop: str) -> None:
        with self._database.writing() as db:
            # First, so that of two rows finished at once the later one sees that it was the last.
            batch = db.execute(sa.select(batches).where(batches.c.id == row.batch_id).with_for_update()).one()
            if not db.execute(drafts.update().where(*_held(row)).values(owner="", **values)).rowcount:
                return
            spent = db.execute(sa.select(spending.c.spent).where(spending.c.scope == f"batch:{row.batch_id}")).scalar()
            if batch.budget_nano and (spent or 0) >= batch.budget_nano:
                stop = "all of the batch's cap is spent"
            if stop and batch.state == "running" and _move(db, row.batch_id, "todo", "not_started"):
                db.execute(batches.update().where(batches.c.id == row.batch_id).values(state="paused", note=stop))
            _end_if_done(db, row.batch_id, self._at())

    def _at(self) -> str:
        return self._now().isoformat()


def is_proven(case: Case) -> bool:
    """Whether a case's answer may be sent without a look: accepted, and every claim of it is supported."""
    return case.outcome == "accepted" and bool(case.claims) and all(claim.supported for claim in case.claims)


def _worked(case: Case) -> dict[str, Any]:
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


def _new_row(batch_id: str, seq: int, ticket: Ticket, error: str) -> dict[str, Any]:
    blank: dict[str, Any] = dict.fromkeys(DraftRow._fields, "")
    return blank | {
        **{"batch_id": batch_id, "seq": seq, "ticket_id": ticket.ticket_id, "subject": ticket.subject},
        **{"customer": ticket.customer, "body": ticket.text, "status": "rejected" if error else "todo"},
        **{"proven": False, "cost_nano": None, "frontier_nano": None, "attempts": 0, "error": error},
    }


def _this(batch_id: str, seq: int) -> tuple[sa.ColumnElement[bool], ...]:
    return drafts.c.batch_id == batch_id, drafts.c.seq == seq


def _held(row: DraftRow) -> tuple[sa.ColumnElement[bool], ...]:
    mine = (drafts.c.owner == row.owner, drafts.c.attempts == row.attempts, drafts.c.status == "doing")
    return *_this(row.batch_id, row.seq), *mine


def _move(db: sa.Connection, batch_id: str, before: Status, after: Status) -> int:
    these = drafts.update().where(drafts.c.batch_id == batch_id, drafts.c.status == before)
    return db.execute(these.values(status=after)).rowcount


def _end_if_done(db: sa.Connection, batch_id: str, at: str) -> None:
    open_ = sa.exists().where(drafts.c.batch_id == batch_id, drafts.c.status.in_(("todo", "doing", "not_started")))
    ended = batches.update().where(batches.c.id == batch_id, ~open_)
    db.execute(ended.values(state="done", ended_at=at, note=""))


def _give(db: sa.Connection, cases: list[str], verdict: str, reason: str, by: str, at: str) -> None:
    rows = [
        {"case_id": case_id, "verdict": verdict, "reason": reason, "by": by, "at": at} for case_id in cases if case_id
    ]
    if rows:
        db.execute(feedback.insert(), rows)
