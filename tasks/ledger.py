"""What a handoff cost, and what it would have cost on the reference model."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from tasks.case import Tier
from tasks.prices import Prices
from tasks.usage import Usage


class Cost(NamedTuple):
    """USD for one step; None where a price is unknown."""

    cost_usd: float | None
    cost_all_frontier_usd: float | None


class Ledger:
    """Prices usage. The all-frontier figure is an estimate: the same tokens at `reference_model`.

    That is the frontier tier's model where there is one, with the prices that are set for it.
    """

    def __init__(self, reference_model: str, prices: Prices | None = None) -> None:
        self.reference_model = reference_model
        self.prices = prices or Prices()

    def worst(self, tier: Tier, model: str, tokens_in: int, tokens_out: int) -> Decimal | None:
        """The most that so many tokens can cost; where the price is unknown the reference model's, if that is known."""
        known = self.prices.worst(tier, model, tokens_in, tokens_out)
        return self.prices.worst("frontier", self.reference_model, tokens_in, tokens_out) if known is None else known

    def cost(self, tier: Tier, model: str, usage: Usage) -> Cost:
        """The cost of `usage` on `model`; the local tier is free."""
        own, reference = self.prices.cost(tier, model, usage), self.prices.cost("frontier", self.reference_model, usage)
        return Cost(None if own is None else float(own), None if reference is None else float(reference))
