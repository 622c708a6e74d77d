"""Conversations: what one person has asked in a row. Their questions are requests, their answers cases."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from errors import UsageError
from tasks.database import Database, metadata

conversations = sa.Table(
    "conversations",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("kb", sa.Text, nullable=False),
    sa.Column("made_at", sa.Text, nullable=False),
    sa.Column("changed_at", sa.Text, nullable=False),
    sa.Index("ix_conversations_of", "person", "changed_at"),
)

MAX_NAME = 80
"""Characters of a conversation's name."""


class Conversation(NamedTuple):
    """A conversation; times are ISO 8601."""

    id: str
    person: str
    name: str
    kb: str
    made_at: str
    changed_at: str


class Conversations:
    """The conversations in a database. Each is its person's own: for anybody else it is not there."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database, self._now = database, now

    def begin(self, person: str, name: str, kb: str) -> str:
        """Begins one and returns its id."""
        id_, at = f"k-{secrets.token_hex(6)}", self._now().isoformat()
        row = Conversation(id_, person, _short(name), kb, at, at)
        with self._database.writing() as db:
            db.execute(conversations.insert().values(row._asdict()))
        return id_

    def get(self, id_: str, person: str) -> Conversation:
        """One of a person's. Raises `UsageError` when there is none of that id."""
        asked = sa.select(conversations).where(conversations.c.id == id_, conversations.c.person == person)
        with self._database.reading() as db:
            row = db.execute(asked).one_or_none()
        if row is None:
            raise UsageError("there is no such conversation; begin a new one")
        return Conversation(*row)

    def of(self, person: str, limit: int = 50) -> list[Conversation]:
        """A person's conversations, the one that was changed last first."""
        asked = sa.select(conversations).where(conversations.c.person == person)
        with self._database.reading() as db:
            rows = db.execute(asked.order_by(conversations.c.changed_at.desc()).limit(limit))
            return [Conversation(*row) for row in rows]

    def rename(self, id_: str, person: str, name: str) -> None:
        """Gives one another name."""
        self._change(id_, person, name=_short(name))

    def touch(self, id_: str, person: str) -> None:
        """Marks one as changed now."""
        self._change(id_, person, changed_at=self._now().isoformat())

    def remove(self, id_: str, person: str) -> None:
        """Takes one off the list; its cases stay."""
        self.get(id_, person)
        with self._database.writing() as db:
            db.execute(conversations.delete().where(conversations.c.id == id_))

    def _change(self, id_: str, person: str, **values: str) -> None:
        self.get(id_, person)
        with self._database.writing() as db:
            db.execute(conversations.update().where(conversations.c.id == id_).values(values))


def _short(name: str) -> str:
    line = " ".join(name.split()) or "Conversation"
    return line if len(line) <= MAX_NAME else line[: MAX_NAME - 1].rstrip() + "…"
