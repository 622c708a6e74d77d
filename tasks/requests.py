"""What pages leave for the worker to do, and how far it has come.

A page never does the work itself: it leaves a request and reads what became of it, so that a reload, another tab or
a killed page loses nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa

from errors import UsageError
from tasks.database import Database, metadata
from tasks.repeats import Once
from tasks.webhooks import case_ended

requests = sa.Table(
    "requests",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("kb", sa.Text, nullable=False),
    sa.Column("conversation_id", sa.String(32), nullable=False, index=True),
    sa.Column("case_id", sa.String(32), nullable=False, index=True),
    sa.Column("body", sa.JSON, nullable=False),
    sa.Column("progress", sa.JSON, nullable=False),
    sa.Column("result", sa.JSON, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("stop", sa.Boolean, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("made_at", sa.Text, nullable=False),
    sa.Column("ended_at", sa.Text, nullable=False),
    sa.Index("ix_requests_waiting", "status", "made_at"),
)

Kind = Literal["ask", "index", "forget", "remove", "search", "check_tiers", "learn"]
State = Literal["todo", "doing", "done", "failed", "stopped"]
OPEN: tuple[State, ...] = ("todo", "doing")
MAX_ATTEMPTS = 3
"""A request that has outlived so many workers is given up: it may be what ends them."""


class Request(NamedTuple):
    """One thing asked of the worker; times are ISO 8601.

    `body` is what to do, `progress` how far it is, `result` what came of it: each of a shape that its kind has.
    """

    id: str
    kind: Kind
    status: State
    person: str
    kb: str
    conversation_id: str
    case_id: str
    body: dict[str, Any]
    progress: dict[str, Any]
    result: dict[str, Any]
    error: str
    stop: bool
    attempts: int
    owner: str
    made_at: str
    ended_at: str

    @property
    def is_open(self) -> bool:
        """Whether it waits or is at work."""
        return self.status in OPEN


class Requests:
    """The requests in a database. Safe to share between threads."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database, self._now = database, now

    def leave(
        self,
        kind: Kind,
        body: dict[str, Any],
        *,
        person: str = "",
        kb: str = "",
        conversation_id: str = "",
        once: Once | None = None,
    ) -> str:
        """Leaves a request and returns its id. One for a case is given the case's id too, so that it can be linked.

        Under a key that was used before, nothing is left and the id of then is returned. Raises `OtherContent`, and
        `Forgotten` when what was left then has been pruned.
        """
        id_ = f"r-{secrets.token_hex(6)}"
        row = {
            **{"id": id_, "kind": kind, "status": "todo", "person": person, "kb": kb, "body": body},
            **{"conversation_id": conversation_id, "case_id": f"c-{secrets.token_hex(6)}" if kind == "ask" else ""},
            **{"progress": {}, "result": {}, "error": "", "stop": False, "attempts": 0, "owner": ""},
            **{"made_at": self._now().isoformat(), "ended_at": ""},
        }
        with self._database.writing() as db:
            known = once.first(db, id_, requests) if once else id_
            if known == id_:
                db.execute(requests.insert().values(row))
        return known

    def get(self, id_: str) -> Request:
        """A request as it is now. Raises `UsageError` when there is none of that id."""
        with self._database.reading() as db:
            row = db.execute(sa.select(requests).where(requests.c.id == id_)).one_or_none()
        if row is None:
            raise UsageError(f'there is no request "{id_}"; open the page anew')
        return Request(*row)

    def of_case(self, case_id: str) -> Request | None:
        """The request that a case was made for; None for a case of the command line."""
        with self._database.reading() as db:
            row = db.execute(sa.select(requests).where(requests.c.case_id == case_id)).first()
        return Request(*row) if row else None

    def open(self) -> int:
        """How many wait or are at work."""
        asked = sa.select(sa.func.count()).select_from(requests).where(requests.c.status.in_(OPEN))
        with self._database.reading() as db:
            return int(db.execute(asked).scalar_one())

    def of_conversation(self, conversation_id: str) -> list[Request]:
        """A conversation's requests, in order."""
        asked = sa.select(requests).where(requests.c.conversation_id == conversation_id)
        with self._database.reading() as db:
            return [Request(*row) for row in db.execute(asked.order_by(requests.c.made_at, requests.c.id))]

    def latest(self, kinds: Collection[Kind], person: str | None = None, limit: int = 20) -> list[Request]:
        """The newest requests of these kinds, of one person where one is given."""
        asked = sa.select(requests).where(requests.c.kind.in_(kinds))
        if person is not None:
            asked = asked.where(requests.c.person == person)
        with self._database.reading() as db:
            return [Request(*row) for row in db.execute(asked.order_by(requests.c.made_at.desc()).limit(limit))]

    def ask_to_stop(self, id_: str) -> None:
        """Stops a request: at once where it still waits, else as soon as its worker sees it."""
        with self._database.writing() as db:
            db.execute(requests.update().where(requests.c.id == id_).values(stop=True))
            waiting = requests.update().where(requests.c.id == id_, requests.c.status == "todo")
            _end(db, waiting.values(status="stopped"), self._now().isoformat())

    # --- the worker's side -----------------------------------------------------------------------

    def waiting(self) -> set[Kind]:
        """The kinds of which a request waits: one short look."""
        with self._database.reading() as db:
            return set(db.execute(sa.select(requests.c.kind).where(requests.c.status == "todo").limit(100)).scalars())

    def claim(self, owner: str, kinds: Sequence[Kind]) -> Request | None:
        """Takes the request of these kinds that has waited longest; None when none waits. No two owners get one."""
        oldest = sa.select(requests.c.id).where(requests.c.status == "todo", requests.c.kind.in_(kinds))
        with self._database.reading() as db:
            id_ = db.execute(oldest.order_by(requests.c.made_at).limit(1)).scalar()
        if id_ is None:
            return None
        this = requests.update().where(requests.c.id == id_, requests.c.status == "todo")
        with self._database.writing() as db:
            taken = db.execute(this.values(status="doing", owner=owner, attempts=requests.c.attempts + 1)).rowcount
        return self.get(id_) if taken else None

    def tell(self, id_: str, progress: dict[str, Any]) -> None:
        """Says how far a request is."""
        with self._database.writing() as db:
            db.execute(requests.update().where(requests.c.id == id_).values(progress=progress))

    def shall_stop(self, ids: Collection[str]) -> set[str]:
        """Which of these shall stop."""
        if not ids:
            return set()
        with self._database.reading() as db:
            return set(db.execute(sa.select(requests.c.id).where(requests.c.id.in_(ids), requests.c.stop)).scalars())

    def ended(self, ids: Collection[str]) -> set[str]:
        """Which of these have ended."""
        if not ids:
            return set()
        asked = sa.select(requests.c.id).where(requests.c.id.in_(ids), requests.c.status.not_in(OPEN))
        with self._database.reading() as db:
            return set(db.execute(asked).scalars())

    def end(
        self, id_: str, owner: str, status: State, *, result: dict[str, Any] | None = None, error: str = ""
    ) -> None:
        """Ends a request that `owner` holds; a late word of one that was taken for dead changes nothing."""
        this = requests.update().where(requests.c.id == id_, requests.c.owner == owner, requests.c.status == "doing")
        ended = self._now().isoformat()
        with self._database.writing() as db:
            _end(db, this.values(status=status, result=result or {}, error=error), ended)

    def release(self, living: Collection[str]) -> int:
        """Gives back what workers have left that are not among the living, and returns how many that were."""
        left = (requests.c.status == "doing") & requests.c.owner.not_in(living)
        with self._database.reading() as db:
            if not db.execute(sa.select(requests.c.id).where(left).limit(1)).scalar():
                return 0
        too_often = f"given up: {MAX_ATTEMPTS} workers ended while they worked on it; look at the worker's log"
        with self._database.writing() as db:
            lost = requests.update().where(left, requests.c.attempts >= MAX_ATTEMPTS)
            _end(db, lost.values(status="failed", error=too_often), self._now().isoformat())
            stopped = requests.update().where(left, requests.c.stop)
            _end(db, stopped.values(status="stopped"), self._now().isoformat())
            return db.execute(requests.update().where(left).values(status="todo", owner="")).rowcount


def _end(db: sa.Connection, change: sa.Update, at: str) -> None:
    """Makes a change that ends requests, and leaves word for those who want to be told of their cases."""
    told = (requests.c.case_id, requests.c.body, requests.c.error)
    for case_id, body, error in db.execute(change.values(ended_at=at).returning(*told)).all():
        if case_id:
            case_ended(db, case_id, body, error or "it was stopped before anything was done", at)
