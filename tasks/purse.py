"""The money of one step: the worst case of each request is held before it is sent, and settled to its usage after."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal

from errors import LimitReached
from tasks.budget import NANO, Budget, Cap
from tasks.case import Tier
from tasks.ledger import Ledger
from tasks.usage import Usage


def nano(usd: Decimal | float) -> int:
    """USD -> nano-dollars, rounded up."""
    return math.ceil(Decimal(str(usd)) * NANO)


class Purse:
    """Pays for the requests of one step on one tier's model, under all of `caps`.

    A model of unknown price is held at the reference model's, which is an assumption: what it costs stays unknown.
    """

    def __init__(
        self, budget: Budget, ledger: Ledger, caps: Sequence[Cap], tier: Tier, model: str, case_id: str
    ) -> None:
        self._budget, self._ledger, self._caps = budget, ledger, caps
        self._tier, self._model, self._case_id = tier, model, case_id
        self.paid = 0
        """Nano-dollars settled so far: what requests cost, and the worst case of those whose usage is unknown."""

    def reserve(self, tokens_in: int, tokens_out: int) -> Held:
        """Holds the worst case of one request. Raises `LimitReached` when a cap is too small for it."""
        worst = self.worst(tokens_in, tokens_out)
        reservation = self._budget.reserve(self._caps, worst, case_id=self._case_id, model=self._model)
        return Held(self, reservation, worst)

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

    def settle(self, held: Held, usage: Usage | None) -> None:
        """Books what a request cost; all of it when its usage, or the price, is unknown."""
        cost = None if usage is None else self._ledger.prices.cost(self._tier, self._model, usage)
        settled = None if cost is None else nano(cost)
        self._budget.settle(held.reservation, settled)
        self.paid += held.worst if settled is None else settled


class Held:
    """The worst case of one request, held until it is settled."""

    def __init__(self, purse: Purse, reservation: str, worst: int) -> None:
        self._purse, self.reservation, self.worst = purse, reservation, worst

    def settle(self, usage: Usage | None) -> None:
        """Settles to `usage`; None when it is unknown."""
        self._purse.settle(self, usage)
