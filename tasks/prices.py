"""What a model's tokens cost: the bundled `genai-prices` table, and a user's own prices above it. No network.

A model that neither knows has an unknown price, which is None and never 0.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from tasks.case import Tier
from tasks.usage import Usage

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice

MILLION = 1_000_000

LONGEST_CALL = timedelta(minutes=10)
"""Prices that change with the time of day are looked up now and this much later; the dearer one is reserved."""


@dataclass(frozen=True, slots=True)
class OwnPrice:
    """A user's price of a tier, in USD per million tokens; cached input costs as much as other input unless said."""

    input: Decimal
    output: Decimal
    cached: Decimal | None = None


class Price(NamedTuple):
    """What is shown of a price, in USD per million tokens; `cached` is None where it has no price of its own."""

    input: Decimal
    cached: Decimal | None
    output: Decimal
    source: str


class Prices:
    """Prices usage, by tier and model. `own` are the prices that a user has set for a tier."""

    def __init__(
        self, own: Mapping[Tier, OwnPrice] | None = None, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._own, self._now = own or {}, now

    def cost(self, tier: Tier, model: str, usage: Usage) -> Decimal | None:
        """USD for `usage`; None when the price or the usage is unknown. The local tier is free."""
        if tier == "local":
            return Decimal(0)
        if usage.unknown:
            return None
        if own := self._own.get(tier):
            cached = own.input if own.cached is None else own.cached
            fresh = usage.tokens_in - usage.tokens_cached
            return (fresh * own.input + usage.tokens_cached * cached + usage.tokens_out * own.output) / MILLION
        if not (prices := _listed(model, self._now())):
            return None
        if not (usage.tokens_in or usage.tokens_cached or usage.tokens_out):  # half of all steps; spares the sum
            return Decimal(0)
        from genai_prices import Usage as PricedUsage

        tokens = PricedUsage(
            input_tokens=usage.tokens_in, output_tokens=usage.tokens_out, cache_read_tokens=usage.tokens_cached
        )
        try:
            return prices.calc_price(tokens)["total_price"]
        except ValueError:  # a usage that cannot be, such as more cached tokens than tokens
            return None

    def worst(self, tier: Tier, model: str, tokens_in: int, tokens_out: int) -> Decimal | None:
        """The most that so many tokens can cost: each at the highest rate that the model has for its kind."""
        if tier == "local":
            return Decimal(0)
        if own := self._own.get(tier):
            return (tokens_in * max(own.input, own.cached or own.input) + tokens_out * own.output) / MILLION
        now = self._now()
        listed = [prices for at in (now, now + LONGEST_CALL) if (prices := _listed(model, at))]
        if not listed:
            return None
        read = max(rate for prices in listed for kind in _READ for rate in _rates(prices, kind))
        written = max(rate for prices in listed for rate in _rates(prices, "output_mtok"))
        return (tokens_in * read + tokens_out * written) / MILLION

    def shown(self, tier: Tier, model: str) -> Price | None:
        """The price in force now; None when it is unknown. Of prices by length the first is shown."""
        if own := self._own.get(tier):
            return Price(own.input, own.cached, own.output, "yours")
        if not (prices := _listed(model, self._now())):
            return None
        first = [next(_rates(prices, kind), None) for kind in ("input_mtok", "cache_read_mtok", "output_mtok")]
        source = f"genai-prices {importlib.metadata.version('genai-prices')}"
        return Price(first[0] or Decimal(0), first[1], first[2] or Decimal(0), source)


_READ = ("input_mtok", "cache_read_mtok", "cache_write_mtok", "cache_write_1h_mtok")


def _listed(model: str, at: datetime) -> ModelPrice | None:
    """The listed prices of a model that is billed by tokens read and written."""
    found = _info(model)
    prices = found.get_prices(at) if found else None
    if prices is None:
        return None
    return prices if all(any(True for _ in _rates(prices, kind)) for kind in ("input_mtok", "output_mtok")) else None


@lru_cache(256)
def _info(model: str) -> ModelInfo | None:
    """What is listed of a model; the table is bundled and does not change while a process runs."""
    from genai_prices.data_snapshot import get_snapshot

    try:
        return get_snapshot().find_provider_model(model, None, None, None)[1]
    except (LookupError, ValueError):
        return None


def _rates(prices: ModelPrice, kind: str) -> Iterator[Decimal]:
    """USD per million tokens of one kind: one rate, or the first and those of longer prompts."""
    rate = prices.__dict__.get(kind)
    if isinstance(rate, Decimal):
        yield rate
    elif rate is not None:
        yield rate.base
        yield from (tier.price for tier in rate.tiers)
