"""Which workers are alive: each says so every few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
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


class Worker(NamedTuple):
    """A worker process; times are ISO 8601."""

    name: str
    version: str
    began_at: str
    beat_at: str


class Workers:
    """The workers of one database."""

    def __init__(
        self, database: Database, now: Callable[[], datetime], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._database, self._now, self._monotonic = database, now, monotonic
        self._heard: dict[str, tuple[str, float]] = {}  # each one's last word, and when it was first seen here

    def beat(self, name: str, version: str) -> None:
        """Says that `name` lives."""
        at = self._now().isoformat()
        with self._database.writing() as db:
            if not db.execute(workers.update().where(workers.c.name == name).values(beat_at=at)).rowcount:
                db.execute(workers.insert().values(name=name, version=version, began_at=at, beat_at=at))

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

    def living(self) -> list[Worker]:
        """Those that are not known to have ended, for who looks again and again.

        A clock may be wrong: what counts is whether a worker has said anything new while it was watched from here.
        """
        now = self._monotonic()
        with self._database.reading() as db:
            found = [Worker(*row) for row in db.execute(sa.select(workers).order_by(workers.c.began_at))]
        before = self._heard
        self._heard = {w.name: (w.beat_at, now) for w in found}
        self._heard |= {w.name: before[w.name] for w in found if before.get(w.name, ("",))[0] == w.beat_at}
        return [w for w in found if not is_dead(w.name) and self._speaks(w.name, now - self._heard[w.name][1])]

    def _speaks(self, name: str, silent: float) -> bool:
        starved = silent < LONG_SILENCE.total_seconds() and is_running(name)
        return silent < SILENCE.total_seconds() or starved

    def forget_dead(self) -> list[Worker]:
        """Strikes those that are gone off the list, and returns the others, as `living` does."""
        living = self.living()
        if gone := self._heard.keys() - {worker.name for worker in living}:
            with self._database.writing() as db:
                db.execute(workers.delete().where(workers.c.name.in_(gone)))
        return living
