"""Which workers are alive: each says so every few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa

from tasks.database import Database, metadata
from tasks.processes import is_dead, is_running

workers = sa.Table(
    "workers",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("began_at", sa.Text, nullable=False),
    sa.Column("beat_at", sa.Text, nullable=False),
)

BEAT_SECONDS = 1.5
"""How often a worker says that it lives."""

SILENCE = timedelta(seconds=8)
"""One that was silent for so long is taken for dead, unless it is known sooner."""

LONG_SILENCE = timedelta(seconds=60)
"""The same for one of this machine that is seen to run: it is starved, and may yet speak."""

OWN_SILENCE = SILENCE / 2
"""Who could not speak for so long (the database was gone) has heard nobody either, and begins to listen anew: the
first that is back would take all the others for dead."""


class Worker(NamedTuple):
    """A worker process; times are ISO 8601."""

    name: str
    version: str
    began_at: str
    beat_at: str


class Workers:
    """The workers of one database."""

    def __init__(
        self,
        database: Database,
        now: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
        *,
        listens_only: bool = False,
    ) -> None:
        """`listens_only`: whoever looks is no worker itself, so that its own silence tells nothing."""
        self._listens_only = listens_only
        self._database, self._now, self._monotonic = database, now, monotonic
        self._heard: dict[str, tuple[str, float]] = {}  # each one's last word, and when it was first seen here
        self._spoke = self._speaks_since = monotonic()

    def beat(self, name: str, version: str) -> None:
        """Says that `name` lives."""
        at = self._now().isoformat()
        with self._database.writing() as db:
            if not db.execute(workers.update().where(workers.c.name == name).values(beat_at=at)).rowcount:
                db.execute(workers.insert().values(name=name, version=version, began_at=at, beat_at=at))
        now = self._monotonic()
        if not self._listens_only and now - self._spoke > OWN_SILENCE.total_seconds():
            self._speaks_since = now  # first: another thread looks by the other one whether this holds
        self._spoke = now

    def leave(self, name: str) -> None:
        """Says that `name` has ended."""
        with self._database.writing() as db:
            db.execute(workers.delete().where(workers.c.name == name))

    def alive(self) -> list[Worker]:
        """Those at work, the oldest first, by the clocks of the machines: for a single look."""
        now = self._now()
        since, long_since = (now - SILENCE).isoformat(), (now - LONG_SILENCE).isoformat()
        with self._database.reading() as db:
            rows = db.execute(sa.select(workers).where(workers.c.beat_at >= long_since).order_by(workers.c.began_at))
            found = [Worker(*row) for row in rows]
        return [w for w in found if not is_dead(w.name) and (w.beat_at >= since or is_running(w.name))]

    def living(self) -> list[str]:
        """The names of those that are not known to have ended, as `look` has them."""
        return self.look()[0]

    def look(self) -> tuple[list[str], list[str]]:
        """The names of those that are not known to have ended, the oldest first, and of the others: for who looks again
        and again.

        A clock may be wrong: what counts is whether a worker has said anything new while it was watched from here, by
        one that could speak itself. Raises `StoreError`.
        """
        with self._database.reading() as db:
            asked = sa.select(workers.c.name, workers.c.beat_at).order_by(workers.c.began_at)
            words: dict[str, str] = {row.name: row.beat_at for row in db.execute(asked)}
        now, before = self._monotonic(), self._heard
        self._heard = {
            name: before[name] if before.get(name, ("",))[0] == word else (word, now) for name, word in words.items()
        }
        living = [name for name in words if not is_dead(name) and self._speaks(name, now)]
        return living, [name for name in words if name not in living]

    def _speaks(self, name: str, now: float) -> bool:
        if now - self._spoke > OWN_SILENCE.total_seconds():
            return True
        silent = now - max(self._heard[name][1], self._speaks_since)
        starved = silent < LONG_SILENCE.total_seconds() and is_running(name)
        return silent < SILENCE.total_seconds() or starved

    def forget(self, names: Collection[str]) -> None:
        """Strikes off the list who has ended."""
        with self._database.writing() as db:
            db.execute(workers.delete().where(workers.c.name.in_(names)))
