"""Batches of tickets and their drafts: worked one by one, then reviewed by people.

This is the side of people, pages and commands; the workers' is in `tasks.queue`. Every step is one short transaction,
conditional on what it found, so that any number of workers and reviewers may be at it at once.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import cached_property
from itertools import islice
from typing import Any, Literal

import sqlalchemy as sa

from errors import UsageError
from tasks import seams
from tasks.batches import (
    EVERY_ROW,
    NEVER,
    WORKED,
    Batch,
    DraftRow,
    Filters,
    Line,
    Planned,
    Progress,
    Verdict,
    batches,
    drafts,
    passing,
    progress,
)
from tasks.case import Case, Ticket
from tasks.database import Database, newest_first
from tasks.experience import feedback
from tasks.queue import Queue, end_if_done, move, this_row, worked
from tasks.repeats import Once
from tasks.webhooks import batch_ended

_SAID = {"accepted": "accept", "edited": "edit", "rejected": "reject"}

HANDED_OVER = "b-chat"
"""The batch of what was handed over from the chat."""

_THIS = sa.select(batches).where(batches.c.id == sa.bindparam("its_batch"))  # made once: workers ask it for each ticket

_NEWEST_OF = (
    sa.select(batches).where(batches.c.digest == sa.bindparam("its_digest")).order_by(batches.c.made_at.desc()).limit(1)
)

_NO_NOTE = {"note": "", "stopped_by": ""}

ROWS_AT_ONCE = 500
"""Rows that are written, or read, as one statement."""


class MadeMeanwhile(Exception):
    """Somebody else has made a batch of the same."""


class Drafts:
    """The batches in a database. Safe to share between threads."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database, self._now = database, now

    def make(
        self,
        name: str,
        kb: str,
        rows: Iterable[tuple[Ticket, str] | Planned],
        *,
        person: str = "",
        budget_nano: int | None = None,
        settings: dict[str, Any] | None = None,
        digest: str = "",
        known: str | None = None,
        once: Once | None = None,
    ) -> str:
        """Makes a batch that runs, of tickets with what is wrong with each ("": nothing), and returns its id.

        Under a key that was used before, none is made and the id of then is returned. Raises `OtherContent`,
        `Forgotten` when that one has been pruned, and `MadeMeanwhile` when the newest batch of the same digest is not
        the `known` one ("": none; None: any).
        """
        id_ = f"b-{secrets.token_hex(6)}"
        batch = Batch(id_, name, person, kb, "running", budget_nano, settings or {}, self._at(), "", "", "", digest)
        seen: dict[str, int] = {}
        numbered = enumerate((Planned(*row) for row in rows), start=1)
        with self._database.writing() as db:
            if once and (first := once.first(db, id_, batches)) != id_:
                return first
            if known is not None:
                if db.dialect.name == "postgresql":  # SQLite has one writer at a time anyway
                    db.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(digest))))
                newest = db.execute(_NEWEST_OF, {"its_digest": digest}).one_or_none()
                if newest and newest.id != known:
                    raise MadeMeanwhile
            db.execute(batches.insert().values(batch._asdict()))
            made = 0
            while page := list(islice(numbered, ROWS_AT_ONCE)):
                made += len(page)
                db.execute(drafts.insert(), [_new_row(id_, seq, row, _first(seen, seq, row)) for seq, row in page])
            if not made:
                raise UsageError("a batch needs at least one ticket; choose a file that has some")
            end_if_done(db, id_, self._at())
        return id_

    def made_of(self, digest: str) -> Batch | None:
        """The newest batch that was made of the same."""
        with self._database.reading() as db:
            row = db.execute(_NEWEST_OF, {"its_digest": digest}).one_or_none()
        return Batch(*row) if row else None

    @cached_property
    def queue(self) -> Queue:
        """The worker's side."""
        return Queue(self._database, self._now)

    def batch(self, id_: str) -> Batch:
        """A batch as it is now. Raises `UsageError` when there is none of that id."""
        with self._database.reading() as db:
            row = db.execute(_THIS, {"its_batch": id_}).one_or_none()
        if row is None:
            raise UsageError("there is no such batch; choose one from the list")
        return Batch(*row)

    def batches(
        self,
        person: str | None = None,
        limit: int = 100,
        *,
        after: tuple[str, str] | None = None,
        beginning: str = "",
    ) -> list[tuple[Batch, Progress]]:
        """The newest batches and how far each is, of one person where one is given.

        `after` is the time and the id of the last one of the page before; with `beginning` those whose ids begin so.
        """
        asked = sa.select(batches)
        if person is not None:
            asked = asked.where(batches.c.person == person)
        if beginning:
            asked = asked.where(batches.c.id.startswith(beginning, autoescape=True))
        with self._database.reading() as db:
            found = db.execute(newest_first(asked, batches.c.made_at, batches.c.id, limit, after)).all()
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
            row = db.execute(sa.select(drafts).where(*this_row(batch_id, seq))).one_or_none()
        if row is None:
            raise UsageError("there is no such ticket in the batch; choose one from the list")
        return DraftRow(*row)

    def rows(self, batch_id: str, after: int = 0) -> Iterator[DraftRow]:
        """All rows behind the number `after`, whole, in order, a page at a time: for an export."""
        seq, more = after, True
        while more:
            page = sa.select(drafts).where(drafts.c.batch_id == batch_id, drafts.c.seq > seq).order_by(drafts.c.seq)
            with self._database.reading() as db:
                found = [DraftRow(*row) for row in db.execute(page.limit(ROWS_AT_ONCE))]
            yield from found
            more = bool(found)
            seq = found[-1].seq if found else seq

    def assignees(self) -> list[str]:
        """Everybody to whom something was assigned."""
        names = sa.select(drafts.c.assignee).where(drafts.c.assignee != "").distinct().order_by(drafts.c.assignee)
        with self._database.reading() as db:
            return list(db.execute(names).scalars())

    def set_state(self, batch_id: str, state: Literal["running", "paused", "cancelled"]) -> None:
        """Pauses, resumes or cancels a batch; one that is done stays so.

        Of a paused one what is at work is let go to its end; of a cancelled one it is given up.
        """
        at = self._at()
        with self._database.writing() as db:
            this = batches.update().where(batches.c.id == batch_id)
            if state == "running":
                db.execute(this.where(batches.c.state != "done").values(state=state, ended_at="", **_NO_NOTE))
                move(db, batch_id, "not_started", "todo")
            elif state == "paused":
                db.execute(this.where(batches.c.state == "running").values(state=state, **_NO_NOTE))
            else:
                open_ = this.where(batches.c.state.in_(("running", "paused"))).values(
                    state=state, ended_at=at, **_NO_NOTE
                )
                if cancelled := db.execute(open_.returning(*batches.c)).one_or_none():
                    move(db, batch_id, "todo", "not_started")
                    batch_ended(db, Batch(*cancelled), at)

    def retry_failed(self, batch_id: str) -> int:
        """Has the failed tickets worked again, and returns how many; what was paid for them is used again.

        Raises `UsageError` for what was handed over from the chat: those cases are no tickets of a batch.
        """
        if batch_id == HANDED_OVER:
            raise UsageError("what was handed over from the chat is not worked again; ask it anew in the chat")
        failed = (drafts.c.batch_id == batch_id, drafts.c.status == "failed")
        again = {"status": "todo", "attempts": 0, "error": "", "not_before": "", "review": ""}
        with self._database.writing() as db:
            count = db.execute(drafts.update().where(*failed).values(again)).rowcount
            if count:
                this = batches.update().where(batches.c.id == batch_id, batches.c.state != "cancelled")
                db.execute(this.values(state="running", ended_at="", **_NO_NOTE))
        return count

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
            this = (*this_row(batch_id, seq), drafts.c.reviewed_at == verdict.seen, drafts.c.status.in_(WORKED))
            row = db.execute(drafts.update().where(*this).values(values).returning(drafts.c.case_id)).one_or_none()
            if row is None:
                raise UsageError("somebody else has decided this ticket, or it is at work again; look at it once more")
            old = (feedback.c.case_id == row.case_id, feedback.c.at == verdict.seen)
            db.execute(feedback.delete().where(*old))
            if said := _SAID.get(verdict.review):
                _give(db, [row.case_id], said, verdict.reason, verdict.by, at)
            seams.hear(db, [row.case_id])

    def accept_proven(self, batch_id: str, by: str) -> int:
        """Accepts every undecided draft that is fully proven, and returns how many."""
        at = self._at()
        open_ = (drafts.c.batch_id == batch_id, drafts.c.review == "", drafts.c.status == "drafted", drafts.c.proven)
        accepted = drafts.update().where(*open_).values(review="accepted", reviewed_by=by, reviewed_at=at)
        with self._database.writing() as db:
            cases = list(db.execute(accepted.returning(drafts.c.case_id)).scalars())
            _give(db, cases, "accept", "accepted with all that are fully proven", by, at)
            seams.hear(db, cases)
        return len(cases)

    def hand_over(self, case: Case, *, assignee: str, note: str, by: str) -> tuple[str, int]:
        """Puts a case that was worked elsewhere before people, assigned to somebody, and returns batch and number."""
        row = _new_row(HANDED_OVER, 0, Planned(case.ticket), 0) | {
            **worked(case),
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

    def _at(self) -> str:
        return self._now().isoformat()


def _first(seen: dict[str, int], seq: int, row: Planned) -> int:
    """The number of the first ticket that asks the same, 0 for the first itself."""
    if row.error or not row.likeness:
        return 0
    first = seen.setdefault(row.likeness, seq)
    return first if first != seq else 0


def _new_row(batch_id: str, seq: int, planned: Planned, same_as: int) -> dict[str, Any]:
    blank: dict[str, Any] = dict.fromkeys(DraftRow._fields, "")
    ticket, error = planned.ticket, planned.error
    return blank | {
        **{"batch_id": batch_id, "seq": seq, "ticket_id": ticket.ticket_id, "subject": ticket.subject},
        **{"customer": ticket.customer, "body": ticket.text, "status": "rejected" if error else "todo"},
        **{"proven": False, "cost_nano": None, "frontier_nano": None, "attempts": 0, "error": error},
        **{"priority": planned.priority, "due": planned.due or NEVER, "same_as": same_as, "run": 0},
    }


def _give(db: sa.Connection, cases: list[str], verdict: str, reason: str, by: str, at: str) -> None:
    rows = [
        {"case_id": case_id, "verdict": verdict, "reason": reason, "by": by, "at": at} for case_id in cases if case_id
    ]
    if rows:
        db.execute(feedback.insert(), rows)
