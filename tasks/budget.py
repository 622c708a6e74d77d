"""Money that may be spent: held before each call, settled after it, never above a cap.

Atomic in the database, and so across threads, processes and machines. Amounts are whole nano-dollars. Every
transaction takes its rows in the same order, a reservation and then its scopes by name, so that no two wait for
each other.
What a killed process held counts as spent: its call may have been made.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from errors import BudgetReached
from tasks import pace
from tasks.database import Database, metadata
from tasks.processes import is_dead
from tasks.workers import workers

spending = sa.Table(
    "spending",
    metadata,
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("spent", sa.BigInteger, nullable=False),
    sa.Column("reserved", sa.BigInteger, nullable=False),
)
reservations = sa.Table(
    "reservations",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("scopes", sa.JSON, nullable=False),
    sa.Column("nano", sa.BigInteger, nullable=False),
    sa.Column("settled", sa.BigInteger, index=True),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("case_id", sa.String(32), nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("made_at", sa.Text, nullable=False),
    sa.Column("call_key", sa.String(64), nullable=False, server_default=""),
    sa.Column("line", sa.Text, nullable=False, server_default=""),
    sa.Column("lost", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("usage", sa.JSON(none_as_null=True)),
    sa.Column("reply", sa.Text),
    sa.Index("ix_reservations_call", "case_id", "call_key"),
)

# Made once, since making a statement takes longer than most take to run.
_NEW = reservations.insert()
_ON_THEIR_WAY = (
    sa.select(sa.func.count())
    .select_from(reservations)
    .where(reservations.c.settled.is_(None), reservations.c.line == sa.bindparam("its_line"))
)
_SETTLE = (
    reservations.update()
    .where(reservations.c.id == sa.bindparam("its_id"), reservations.c.settled.is_(None))
    .values(settled=sa.func.coalesce(sa.bindparam("cost", type_=sa.BigInteger), reservations.c.nano))
    .returning(reservations.c.scopes, reservations.c.nano, reservations.c.settled)
)
_BOOK = (
    spending.update()
    .where(spending.c.scope == sa.bindparam("its_scope"))
    .values(
        reserved=spending.c.reserved - sa.bindparam("held", type_=sa.BigInteger),
        spent=spending.c.spent + sa.bindparam("cost", type_=sa.BigInteger),
    )
)
_OF_SCOPE = sa.select(spending.c.spent, spending.c.reserved).where(spending.c.scope == sa.bindparam("its_scope"))

NANO = 10**9
"""Nano-dollars in a dollar."""

MOST = 10**9 * NANO
"""The largest amount and cap: a billion dollars. Sums of a few still fit the database's 64 bits."""

_RAISED_WITH = {
    "case": "--budget or OPSDESK_BUDGET_USD",
    "batch": "--budget",
    "day": "OPSDESK_DAILY_BUDGET_USD",
    "tenant": "OPSDESK_TENANT_DAILY_BUDGET_USD",
    "shadow": "OPSDESK_DAILY_BUDGET_USD",
}


class Cap(NamedTuple):
    """The most that may be spent in a scope, in nano-dollars.

    Scopes are "case:c-12", "batch:b-1", "day:2026-11-25", "tenant:acme:2026-11-25".
    """

    scope: str
    nano: int


class Call(NamedTuple):
    """What a reservation is for: the call by its digest ("": not kept), and the endpoint, `most` of whose calls may be
    on their way at once, over all processes."""

    key: str = ""
    line: str = ""
    most: int = 0


ANY_CALL = Call()


class Spending(NamedTuple):
    """Nano-dollars of one scope: settled, and held for calls on their way."""

    spent: int
    reserved: int


class Budget:
    """The spending in a database. Safe to share between threads. `owner` is the process that holds."""

    def __init__(self, database: Database, owner: str, now: Callable[[], datetime]) -> None:
        self.database, self._owner, self._now = database, owner, now

    def reserve(
        self,
        caps: Sequence[Cap],
        nano: int,
        *,
        case_id: str,
        model: str,
        call: Call = ANY_CALL,
        guard: Callable[[sa.Connection], None] = lambda _: None,
    ) -> str:
        """Holds `nano` under every cap and returns the reservation's id. Of two caps on one scope the smaller counts.

        Raises `BudgetReached` when one cap is too small for it, `TooMany` when its endpoint has as many calls as it
        takes, and what `guard` raises: nothing is held then. A call that is kept gets `TooMany`, too, where a cap
        shared with other cases is too small only for as long as theirs are on their way. Raises `ValueError` when
        `nano` is negative or above `MOST`.
        """
        _check(nano)
        smallest = {cap.scope: cap for cap in sorted(caps, reverse=True)}
        held = {
            "id": secrets.token_hex(16),
            "scopes": sorted(smallest),
            "nano": nano,
            "owner": self._owner,
            "case_id": case_id,
            "model": model,
            "made_at": self._now().isoformat(),
            "call_key": call.key,
            "line": call.line,
        }
        with self.database.writing() as db:
            guard(db)
            if call.line:
                allowed = pace.allowed(db, call.line, call.most, self._now().timestamp())
                if db.execute(_ON_THEIR_WAY, {"its_line": call.line}).scalar_one() >= allowed:
                    raise pace.TooMany(pace.LOOK_SECONDS)
            db.execute(_NEW, held)  # before the rows that others wait for
            full = _hold(db, [cap for _, cap in sorted(smallest.items())], nano)
            for cap in full:
                now = _spending(db, cap.scope)
                if not call.key or cap.scope.startswith("case:") or now.spent + nano > cap.nano:
                    raise _too_small(cap, nano, now)
            if full:
                raise pace.TooMany(pace.MONEY_SECONDS)
        return str(held["id"])

    def settle(
        self, reservation: str, nano: int | None, usage: dict[str, int] | None = None, reply: str | None = None
    ) -> None:
        """Books what a held call cost, even above what was held; None when it is not known: all that was held then.

        `usage` and `reply` are kept with it. Only the first time counts. Raises `ValueError` when `nano` is negative or
        above `MOST`.
        """
        if nano is not None:
            _check(nano)
        with self.database.writing() as db:
            _settle(db, reservation, nano, usage=usage, reply=reply)

    def give_up(self, reservation: str) -> None:
        """Books a call whose worker has ended at all that was held: it may have been made."""
        with self.database.writing() as db:
            _settle(db, reservation, None, lost=True)

    def slow_down(self, call: Call, after: float | None) -> None:
        """An endpoint has refused a call for being one too many, and asks to be left alone for `after` seconds."""
        with self.database.writing() as db:
            pace.slow_down(db, call.line, call.most, after, self._now().timestamp())

    def spent(self, scope: str) -> Spending:
        """What a scope has spent, and holds."""
        with self.database.reading() as db:
            return _spending(db, scope)

    def reclaim(self, older_than: timedelta | None = None) -> int:
        """Settles, at all that was held, what processes left behind that are gone. Returns how many.

        A process of this machine is gone when it does not live. Of any other, and of one whose id is in use again,
        only age tells: `older_than` must be longer than any call may take; None where this clock shall not count.
        It may be wrong: workers are told from the dead by workers (`reclaim_of`), and so left alone here.
        Should a call end after all, its books say too much, never too little.
        """
        before = "" if older_than is None else (self._now() - older_than).isoformat()
        is_a_worker = sa.exists().where(workers.c.name == reservations.c.owner).label("is_a_worker")
        columns = (reservations.c.id, reservations.c.owner, reservations.c.made_at, is_a_worker)
        with self.database.reading() as db:
            held = db.execute(sa.select(*columns).where(reservations.c.settled.is_(None))).all()
        reclaimed = 0
        for row in held:
            if is_dead(row.owner) or (row.made_at < before and not row.is_a_worker):
                with self.database.writing() as db:  # one each, for the order of rows
                    reclaimed += _settle(db, row.id, None, lost=True)
        return reclaimed

    def reclaim_of(self, owners: Collection[str]) -> int:
        """Settles, at all that was held, what workers left behind that are known to have ended. Returns how many."""
        left = sa.select(reservations.c.id).where(reservations.c.settled.is_(None), reservations.c.owner.in_(owners))
        with self.database.reading() as db:
            found = list(db.execute(left).scalars())
        for id_ in found:
            self.give_up(id_)
        return len(found)


def _check(nano: int) -> None:
    if not 0 <= nano <= MOST:
        raise ValueError(f"an amount must be between 0 and {MOST} nano-dollars, not {nano}")


def _hold(db: sa.Connection, caps: Sequence[Cap], nano: int) -> list[Cap]:
    """Holds so much more under each cap, given in the order of their scopes, and returns those that are too small."""
    asked: dict[str, Any] = {"nano": nano}
    fit = [cap for cap in caps if nano <= min(cap.nano, MOST)]
    for n, cap in enumerate(fit):
        asked |= {f"scope_{n}": cap.scope, f"most_{n}": min(cap.nano, MOST)}
    held = set(db.execute(_holding(len(fit)), asked).scalars()) if fit else set()
    return [cap for cap in caps if cap.scope not in held]


@cache
def _holding(scopes: int) -> sa.Executable:
    """Holds so much more in each of so many scopes, known or new, where it fits; returns those in which it did.

    As text, since SQLAlchemy compiles an INSERT of several rows each time.
    """
    rows = ", ".join(f"(:scope_{n}, 0, :nano)" for n in range(scopes))
    most = " ".join(f"WHEN :scope_{n} THEN :most_{n}" for n in range(scopes))
    return sa.text(
        f"INSERT INTO spending (scope, spent, reserved) VALUES {rows} ON CONFLICT (scope) "
        "DO UPDATE SET reserved = spending.reserved + excluded.reserved "
        f"WHERE spending.spent + spending.reserved + excluded.reserved <= CASE excluded.scope {most} END "
        "RETURNING scope"
    ).bindparams(
        sa.bindparam("nano", type_=sa.BigInteger),
        *(sa.bindparam(f"scope_{n}", type_=sa.Text) for n in range(scopes)),
        *(sa.bindparam(f"most_{n}", type_=sa.BigInteger) for n in range(scopes)),
    )


def _settle(
    db: sa.Connection,
    reservation: str,
    nano: int | None,
    *,
    usage: dict[str, int] | None = None,
    reply: str | None = None,
    lost: bool = False,
) -> bool:
    kept = {"usage": usage, "reply": reply, "lost": lost}
    held = db.execute(_SETTLE, {"its_id": reservation, "cost": nano, **kept}).one_or_none()
    if held is None:
        return False
    moved = {"held": held.nano, "cost": held.settled}
    if held.scopes:
        db.execute(_BOOK, [{"its_scope": scope, **moved} for scope in sorted(held.scopes)])
    return True


def _spending(db: sa.Connection, scope: str) -> Spending:
    row = db.execute(_OF_SCOPE, {"its_scope": scope}).one_or_none()
    return Spending(*row) if row else Spending(0, 0)


_LEFT_FOR, _THIS_CASE = "are left for ", "this case"


def names_shared_cap(reason: str) -> bool:
    """Whether a case says that it was stopped by a cap that it shares with others."""
    _, is_cap, whose = reason.partition(_LEFT_FOR)
    return bool(is_cap) and not whose.startswith(_THIS_CASE)


def _too_small(cap: Cap, nano: int, now: Spending) -> BudgetReached:
    kind, _, name = cap.scope.partition(":")
    owner, _, day = name.rpartition(":")
    what = {"case": _THIS_CASE, "batch": "this batch", "day": name, "tenant": f'the tenant "{owner}" on {day}'}
    what["shadow"] = f"shadow runs on {day}"
    left = max(0, cap.nano - now.spent - now.reserved)
    return BudgetReached(
        f"stopped: the next call may cost {_usd(nano)}, and {_usd(left)} of {_usd(cap.nano)} {_LEFT_FOR}"
        f"{what.get(kind, name)}; what was found is kept; raise it with {_RAISED_WITH.get(kind, 'a larger budget')}",
        cap.scope,
    )


def _usd(nano: int) -> str:
    return f"${Decimal(nano).scaleb(-9).normalize():f}"
