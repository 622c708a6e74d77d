"""Prices: the table's, a user's own above it, and an upper bound that nothing exceeds."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.prices import OwnPrice, Prices
from tasks.usage import Usage

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
MODELS = ["gpt-6-luna", "gpt-6.1-sol", "gpt-5.5", "claude-opus-5-5", "deepseek-v4-flash", "deepseek-chat"]


def prices(**own: OwnPrice) -> Prices:
    return Prices(own, now=lambda: NOW)  # type: ignore[arg-type]


def test_a_listed_model_costs_what_the_table_says() -> None:
    usage = Usage(tokens_in=1_000_000, tokens_out=1_000_000)
    listed = prices().shown("cheap", "gpt-6-luna")
    assert listed is not None
    assert listed.source.startswith("genai-prices ")
    cheap = prices().cost("cheap", "gpt-6-luna", Usage(tokens_in=1_000, tokens_out=1_000))
    assert cheap == (listed.input + listed.output) / 1000
    assert prices().cost("local", "whatever", usage) == 0


def test_cached_tokens_are_priced_as_cached() -> None:
    listed = prices().shown("cheap", "gpt-6-luna")
    assert listed is not None
    assert listed.cached is not None
    cost = prices().cost("cheap", "gpt-6-luna", Usage(tokens_in=3_000, tokens_cached=2_000))
    assert cost == (1_000 * listed.input + 2_000 * listed.cached) / 1_000_000


def test_own_prices_stand_above_the_table_and_for_their_tier_alone() -> None:
    ours = prices(cheap=OwnPrice(Decimal(3), Decimal(7)))
    usage = Usage(tokens_in=1_000_000, tokens_cached=500_000, tokens_out=1_000_000)
    assert ours.cost("cheap", "gpt-6-luna", usage) == 10  # cached input has no price of its own here
    assert ours.cost("frontier", "gpt-6-luna", usage) != 10
    cached = prices(cheap=OwnPrice(Decimal(3), Decimal(7), Decimal(1)))
    assert cached.cost("cheap", "gpt-6-luna", usage) == 9


def test_a_price_of_nothing_is_known_and_an_unknown_price_is_not_nothing() -> None:
    usage = Usage(tokens_in=10, tokens_out=10)
    assert prices(cheap=OwnPrice(Decimal(0), Decimal(0))).cost("cheap", "my-own-llama", usage) == 0
    assert prices().cost("cheap", "my-own-llama", usage) is None
    assert prices().worst("cheap", "my-own-llama", 10, 10) is None
    assert prices().shown("cheap", "my-own-llama") is None


@pytest.mark.parametrize("model", MODELS)
def test_a_call_of_unknown_usage_has_an_unknown_cost(model: str) -> None:
    assert prices().cost("cheap", model, Usage(tokens_in=10, unknown=1)) is None


def test_more_cached_tokens_than_tokens_have_no_price() -> None:
    assert prices().cost("cheap", "gpt-6-luna", Usage(tokens_in=10, tokens_cached=11)) is None


@given(st.sampled_from(MODELS), st.integers(0, 400_000), st.integers(0, 100_000), st.floats(0, 1), st.floats(0, 1))
def test_nothing_costs_more_than_the_worst_case(
    model: str, read: int, written: int, part: float, cached: float
) -> None:
    usage = Usage(tokens_in=int(read * part), tokens_cached=int(read * part * cached), tokens_out=int(written * part))
    cost, worst = prices().cost("cheap", model, usage), prices().worst("cheap", model, read, written)
    assert cost is not None
    assert worst is not None
    assert cost <= worst


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.floats(0, 1), st.decimals(0, 100, places=2))
def test_nor_at_prices_of_ones_own(read: int, written: int, cached: float, rate: Decimal) -> None:
    ours = prices(mid=OwnPrice(rate, rate, rate / 2))
    usage = Usage(tokens_in=read, tokens_cached=int(read * cached), tokens_out=written)
    cost, worst = ours.cost("mid", "x", usage), ours.worst("mid", "x", read, written)
    assert cost is not None
    assert worst is not None
    assert cost <= worst
