"""What a handoff cost, and what it would have cost on the reference model.

Prices come from the bundled `genai-prices` table (USD per million tokens, no network). A model that
the table does not know has an unknown price, which is None and never 0.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import NamedTuple

from tasks.case import Tier

CHARACTERS_PER_TOKEN = 4
"""The usual rule of thumb for English, used where no tokenizer reports a count."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one step, and how many model calls they took.

    `tokens_in` includes the cached ones and `tokens_out` the reasoning ones, as OpenAI counts. `unknown` are the calls
    whose usage nobody told, or told absurdly; what such a step cost is not known.
    """

    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    tokens_reasoning: int = 0
    model_calls: int = 0
    unknown: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(Usage)))


def estimate_tokens(text: str) -> int:
    """About how many tokens `text` has: its length in characters over four, rounded up."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


class Cost(NamedTuple):
    """USD for one step; None where a price is unknown."""

    cost_usd: float | None
    cost_all_frontier_usd: float | None


class Ledger:
    """Prices usage. The all-frontier figure is an estimate: the same tokens at `reference_model`."""

    def __init__(self, reference_model: str) -> None:
        self.reference_model = reference_model

    def cost(self, tier: Tier, model: str, usage: Usage) -> Cost:
        """The cost of `usage` on `model`; the local tier is free."""
        own = 0.0 if tier == "local" else _price(model, usage)
        return Cost(own, _price(self.reference_model, usage))


@lru_cache(maxsize=4096)
def _price(model: str, usage: Usage) -> float | None:
    from genai_prices import Usage as PricedUsage
    from genai_prices import calc_price

    tokens = PricedUsage(
        input_tokens=usage.tokens_in, output_tokens=usage.tokens_out, cache_read_tokens=usage.tokens_cached
    )
    try:
        return float(calc_price(tokens, model_ref=model).total_price)
    except (LookupError, ValueError):  # no such model, or a usage that cannot be
        return None
