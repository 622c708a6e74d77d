"""What was bought for a case: paid calls by what they asked, so that none is ever paid for twice.

A call is known by its case and a digest of all that is sent. Its reservation is the intent: written before it is sent,
and completed with the reply in the transaction that books what it cost.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa

from errors import CallInDoubt
from tasks.budget import Budget, reservations
from tasks.usage import Usage

InFlight = Literal["repeat", "hold"]
"""What becomes of a call that was on its way when its worker ended: made again, or left to a person."""


class Bought(NamedTuple):
    """What was paid for one call so far, in all tries: `reply` is None when none of them brought one.

    `usage` counts calls nobody told the usage of as unknown; `paid` are nano-dollars.
    """

    reply: str | None
    usage: Usage
    paid: int


def key_of(sent: Any) -> str:
    """The digest by which a call is known: SHA-256 of what is sent, as JSON."""
    return hashlib.sha256(json.dumps(sent, sort_keys=True, ensure_ascii=False).encode(errors="replace")).hexdigest()


class Calls:
    """The paid calls of one case. `guard` raises when this process does not hold the case any more.

    `fresh`: nobody was at the case before, so that what was bought earlier need not be looked for.
    """

    def __init__(
        self,
        budget: Budget,
        case_id: str,
        in_flight: InFlight,
        guard: Callable[[sa.Connection], None],
        *,
        fresh: bool = False,
    ) -> None:
        self._budget, self.case_id, self._in_flight, self.guard = budget, case_id, in_flight, guard
        self.fresh = fresh
        self.used: set[str] = set()
        """The calls that have a part in the case as it stands."""

    def recall(self, key: str, who: str) -> Bought:
        """What is there of a call. Raises `CallInDoubt` when it was on its way and must not be repeated.

        What an ended worker left open is settled at its most first, so that a late word of it changes nothing.
        """
        again = key in self.used
        rows = self._rows(key) if again or not self.fresh else []
        self.used.add(key)
        if any(row.settled is None for row in rows):
            for row in rows:
                if row.settled is None:
                    self._budget.give_up(row.id)
            rows = self._rows(key)
        reply = next((row.reply for row in rows if row.reply is not None), None)
        if reply is None and self._in_flight == "hold" and any(row.lost for row in rows):
            raise CallInDoubt(
                f"a call to {who} was on its way when its worker ended, and is not made again; its most is counted; "
                "answer the ticket, or set OPSDESK_IN_FLIGHT=repeat and retry it"
            )
        return Bought(reply, Usage(), 0) if again else _bought(reply, rows)

    def unused(self) -> dict[str, Bought]:
        """What was bought for this case and has no part in it now, by model: an earlier try took another way."""
        if self.fresh:
            return {}
        mine = (reservations.c.case_id == self.case_id, reservations.c.call_key != "")
        with self._budget.database.reading() as db:
            rows = db.execute(sa.select(reservations).where(*mine).order_by(reservations.c.made_at)).all()
        found: dict[str, list[sa.Row[Any]]] = {}
        for row in rows:
            if row.call_key not in self.used and row.settled:
                found.setdefault(row.model, []).append(row)
        return {model: _bought(None, of_model) for model, of_model in found.items()}

    def _rows(self, key: str) -> list[sa.Row[Any]]:
        this = (reservations.c.case_id == self.case_id, reservations.c.call_key == key)
        with self._budget.database.reading() as db:
            return list(db.execute(sa.select(reservations).where(*this).order_by(reservations.c.made_at)).all())


def _bought(reply: str | None, rows: list[sa.Row[Any]]) -> Bought:
    usage = Usage()
    for row in rows:
        if row.usage is not None:
            usage += Usage(**row.usage)
        elif row.settled:
            usage += Usage(model_calls=1, unknown=1)
    return Bought(reply, usage, sum(row.settled or 0 for row in rows))
