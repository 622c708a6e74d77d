"""The money of one step: the worst case of each request is held before it is sent, and settled to its usage after."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any

import stamina

from errors import LimitReached, StoreError
from tasks.budget import ANY_CALL, NANO, Budget, Call, Cap
from tasks.calls import Bought, Calls, key_of
from tasks.case import Tier
from tasks.ledger import Ledger
from tasks.usage import Usage

BOOKED_SECONDS = 120.0
"""So long a reply that was paid for waits for a database that is gone, as while it is restarted."""


def nano(usd: Decimal | float) -> int:
    """USD -> nano-dollars, rounded up."""
    return math.ceil(Decimal(str(usd)) * NANO)


def nano_sum(amounts: Iterable[float | None]) -> int | None:
    """USD -> nano-dollars of all of them; None when any is unknown."""
    known = list(amounts)
    return None if None in known else sum(nano(usd) for usd in known if usd is not None)


class Purse:
    """Pays for the requests of one step on one tier's model, under all of `caps`.

    A model of unknown price is held at the reference model's, which is an assumption: what it costs stays unknown.
    """

    def __init__(
        self,
        budget: Budget,
        ledger: Ledger,
        caps: Sequence[Cap],
        tier: Tier,
        model: str,
        case_id: str,
        call: Call = ANY_CALL,
        calls: Calls | None = None,
    ) -> None:
        self._budget, self._ledger, self._caps = budget, ledger, caps
        self._tier, self._model, self._case_id = tier, model, case_id
        self._call, self._calls = call, calls
        self.paid = 0
        """Nano-dollars settled so far: what requests cost, and the worst case of those whose usage is unknown."""

    def recall(self, sent: Any) -> Bought | None:
        """What was bought before of a call that sends this; None where calls are not kept.

        What earlier tries cost counts as paid. Raises `CallInDoubt` when it must not be repeated.
        """
        if self._calls is None:
            return None
        self._call = self._call._replace(key=key_of(sent))
        found = self._calls.recall(self._call.key, f"{self._tier} ({self._model})")
        self.paid += found.paid
        return found

    def reserve(self, tokens_in: int, tokens_out: int) -> Held:
        """Holds the worst case of one request.

        Raises `LimitReached` when a cap is too small for it, and `TooMany` when its endpoint takes no more for now.
        """
        worst = self.worst(tokens_in, tokens_out)
        guard = {"guard": self._calls.guard} if self._calls else {}
        reservation = self._budget.reserve(
            self._caps, worst, case_id=self._case_id, model=self._model, call=self._call, **guard
        )
        return Held(self, reservation, worst)

    def slow_down(self, after: float | None) -> None:
        """The endpoint takes no more for now, and asks to be left alone for `after` seconds."""
        if self._call.line:
            self._budget.slow_down(self._call, after)

    def worst(self, tokens_in: int, tokens_out: int) -> int:
        """The most that one request of so many tokens can cost, in nano-dollars."""
        worst = self._ledger.worst(self._tier, self._model, tokens_in, tokens_out)
        if worst is None:
            both = f'neither the price of "{self._model}" nor that of "{self._ledger.reference_model}"'
            raise LimitReached(
                f"{both} is known, so no budget can hold; "
                f"set OPSDESK_TIERS__{self._tier.upper()}__INPUT_PRICE and __OUTPUT_PRICE"
            )
        return nano(worst)

    def settle(self, held: Held, usage: Usage | None, reply: str | None = None) -> None:
        """Books what a request cost, all of it when its usage, or the price, is unknown; keeps its reply."""
        cost = None if usage is None else self._ledger.prices.cost(self._tier, self._model, usage)
        settled = None if cost is None else nano(cost)
        if self._calls:
            for attempt in stamina.retry_context(on=StoreError, attempts=None, timeout=BOOKED_SECONDS, wait_max=2.0):
                with attempt:
                    self._budget.settle(held.reservation, settled, asdict(usage) if usage else None, reply)
        else:
            self._budget.settle(held.reservation, settled)
        self.paid += held.worst if settled is None else settled


class Held:
    """The worst case of one request, held until it is settled."""

    def __init__(self, purse: Purse, reservation: str, worst: int) -> None:
        self._purse, self.reservation, self.worst = purse, reservation, worst

    def settle(self, usage: Usage | None, reply: str | None = None) -> None:
        """Settles to `usage`; None when it is unknown. `reply` is what came, if it is what was asked for."""
        self._purse.settle(self, usage, reply)
