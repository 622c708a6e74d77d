"""What people said of drafts, and the router's tables: each version is kept, one is in force."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa

from errors import UsageError
from tasks import seams
from tasks.case import Case
from tasks.database import Database, metadata
from tasks.task_list import TaskList, cases

feedback = sa.Table(
    "feedback",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("case_id", sa.String(32), nullable=False, index=True),
    sa.Column("verdict", sa.String(16), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
)
router_tables = sa.Table(
    "router_tables",
    metadata,
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("made_at", sa.Text, nullable=False),
    sa.Column("in_force", sa.Boolean, nullable=False),
    sa.Column("replaced", sa.Integer, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("body", sa.JSON, nullable=False),
)
_IN_FORCE = sa.select(router_tables.c.version, router_tables.c.body).where(router_tables.c.in_force)


Said = Literal["accept", "edit", "reject", "reopen"]
"""A person's word on a draft that was sent; "reopen": its asker came back."""

PAGE = 200
"""Cases that are looked up at once."""


class Word(NamedTuple):
    """What a person said of a case's draft; `at` is ISO 8601."""

    verdict: Said
    reason: str
    by: str
    at: str


class Version(NamedTuple):
    """One version of the router's table, without its body; `replaced` is the one that was in force before it."""

    version: int
    made_at: str
    in_force: bool
    replaced: int
    note: str


class ExperienceStore:
    """Feedback and router tables in a database. Version 0 is the table before anything was learned, and is not kept."""

    def __init__(self, task_list: TaskList) -> None:
        self._task_list = task_list
        self._database: Database = task_list.database

    def give(self, case_id: str, word: Word) -> None:
        """Keeps a person's word. Raises `UsageError` when there is no such case, or it is still being worked."""
        if self._task_list.case(case_id).outcome is None:
            raise UsageError(f'the case "{case_id}" is still being worked; say what you think of it when it is done')
        with self._database.writing() as db:
            db.execute(feedback.insert().values(case_id=case_id, **word._asdict()))
            seams.hear(db, [case_id])

    def given(self, case_id: str) -> list[Word]:
        """What people said of a case, in order."""
        columns = sa.select(feedback.c.verdict, feedback.c.reason, feedback.c.by, feedback.c.at)
        with self._database.reading() as db:
            return [
                Word(*row) for row in db.execute(columns.where(feedback.c.case_id == case_id).order_by(feedback.c.id))
            ]

    def closed(self, since: datetime) -> Iterator[tuple[Case, list[Word]]]:
        """Every case begun since then that has ended, oldest first, with what people said of it; one at a time."""
        place = (cases.c.created_at, cases.c.case_id)
        ended = sa.select(*place).where(cases.c.outcome.is_not(None)).order_by(*place)
        after = (since.astimezone(UTC).isoformat(), "")
        while True:
            with self._database.reading() as db:
                page = db.execute(ended.where(sa.tuple_(*place) > sa.tuple_(*map(sa.literal, after))).limit(PAGE)).all()
            for _, case_id in page:
                yield self._task_list.case(case_id), self.given(case_id)
            if len(page) < PAGE:
                return
            after = (page[-1].created_at, page[-1].case_id)

    def in_force(self) -> tuple[int, dict[str, Any]] | None:
        """The version in force and its body; None before anything was learned."""
        with self._database.reading() as db:
            row = db.execute(_IN_FORCE).one_or_none()
        return (row.version, row.body) if row else None

    def put(self, body: dict[str, Any], note: str, at: str) -> int:
        """Puts a new version in force and returns its number."""
        with self._database.writing() as db:
            last = db.execute(sa.select(sa.func.max(router_tables.c.version))).scalar() or 0
            before = db.execute(sa.select(router_tables.c.version).where(router_tables.c.in_force)).scalar() or 0
            db.execute(router_tables.update().values(in_force=False))
            row = {"version": last + 1, "made_at": at, "in_force": True, "replaced": before, "note": note, "body": body}
            db.execute(router_tables.insert().values(row))
        return int(last + 1)

    def roll_back(self) -> int:
        """Puts back in force what the version in force has replaced, and returns its number; 0 is nothing learned.

        Nothing is deleted. Raises `UsageError` when nothing is in force.
        """
        with self._database.writing() as db:
            before = db.execute(sa.select(router_tables.c.replaced).where(router_tables.c.in_force)).scalar()
            if before is None:
                raise UsageError("nothing that was learned is in force; opsdesk router learn makes a table")
            db.execute(router_tables.update().values(in_force=router_tables.c.version == before))
        return int(before)

    def tables(self) -> list[tuple[str, int, dict[str, Any]]]:
        """When each version was made, its number and its body, the oldest first."""
        columns = (router_tables.c.made_at, router_tables.c.version, router_tables.c.body)
        with self._database.reading() as db:
            return [tuple(row) for row in db.execute(sa.select(*columns).order_by(router_tables.c.version))]

    def history(self) -> list[Version]:
        """All versions, newest first."""
        columns = [router_tables.c[name] for name in Version._fields]
        with self._database.reading() as db:
            rows = db.execute(sa.select(*columns).order_by(router_tables.c.version.desc()))
            return [Version(*row) for row in rows]
