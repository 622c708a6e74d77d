"""How many calls an endpoint is sent at once, by all workers of a database together.

Calls on their way are the reservations that are not settled. When the endpoint refuses calls for being too many, it
is left alone for as long as it asks, then sent half as many, and one more each second: additive increase and
multiplicative decrease, as TCP does it (Chiu and Jain, 1989). All workers read and write the same row.
"""

from __future__ import annotations

import sqlalchemy as sa

from tasks.database import inserting, metadata

paces = sa.Table(
    "paces",
    metadata,
    sa.Column("line", sa.Text, primary_key=True),
    sa.Column("allowed", sa.Float, nullable=False),
    sa.Column("rests_until", sa.Float, nullable=False),
    sa.Column("changed_at", sa.Float, nullable=False),
)

# Made once, since making a statement takes longer than most take to run.
_OF_LINE = paces.c.line == sa.bindparam("its_line")
_LOCK = sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(sa.bindparam("its_line", type_=sa.Text))))
_PACE = sa.select(paces).where(_OF_LINE)
_PUT = paces.update().where(_OF_LINE)

LOOK_SECONDS = 0.1
"""Between two looks for a place."""

MONEY_SECONDS = 0.5
"""Between two looks for money that others hold; each is a write that is taken back."""

LONGEST_REST = 60.0
"""Seconds: no refusal keeps an endpoint waiting for longer, whatever it asks for or a clock says."""

USUAL_REST = 1.0
"""Seconds of rest after a refusal that names none."""


class TooMany(Exception):
    """A call has to wait, for a place or for money that is held for others; look again after `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"look again in {seconds:.1f} s")
        self.seconds = seconds


def allowed(db: sa.Connection, line: str, most: int, now: float) -> int:
    """How many calls `line` takes at once now; part of the transaction that books one more, for which others wait.

    `most` is the endpoint's limit, and `now` seconds since 1970. Raises `TooMany` while it is left alone.
    """
    if db.dialect.name == "postgresql":  # SQLite has one writer at a time anyway
        db.execute(_LOCK, {"its_line": line})
    row = db.execute(_PACE, {"its_line": line}).one_or_none()
    if row is None:
        return most
    rest = row.rests_until - now
    if 0 < rest <= LONGEST_REST:
        raise TooMany(rest)
    some = min(float(most), row.allowed)
    if some < most and not 0 <= now - row.changed_at < 1:
        some = min(float(most), some + 1)
        _put(db, line, some, row.rests_until, now)
    return int(some)


def slow_down(db: sa.Connection, line: str, most: int, after: float | None, now: float) -> None:
    """Halves what `line` is sent at once, and lets it rest for `after` seconds; refusals of one second count once."""
    row = db.execute(_PACE.with_for_update(), {"its_line": line}).one_or_none()
    rest = now + min(LONGEST_REST, USUAL_REST if after is None else after)
    if row is None:
        new = inserting(db.dialect.name, paces).values(
            line=line, allowed=max(1.0, most / 2), rests_until=rest, changed_at=now
        )
        db.execute(new.on_conflict_do_nothing())
    elif not 0 <= now - row.changed_at < 1:
        _put(db, line, max(1.0, min(row.allowed, most) / 2), rest, now)
    else:
        _put(db, line, row.allowed, max(row.rests_until, rest), row.changed_at)


def _put(db: sa.Connection, line: str, allowed: float, rests_until: float, changed_at: float) -> None:
    values = {"allowed": allowed, "rests_until": rests_until, "changed_at": changed_at}
    db.execute(_PUT, {"its_line": line, **values})
