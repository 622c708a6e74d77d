"""Prices: from the table, unknown when unknown, never zero by accident."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsdesk.settings import Settings
from tasks.ledger import Ledger
from tasks.usage import Usage, estimate_tokens

REFERENCE = Settings.model_fields["reference_model"].default


def test_the_local_tier_is_free_and_its_all_frontier_estimate_is_not() -> None:
    cost = Ledger(REFERENCE).cost("local", "built-in", Usage(tokens_in=1000, tokens_out=100))
    assert cost.cost_usd == 0
    assert cost.cost_all_frontier_usd is not None
    assert cost.cost_all_frontier_usd > 0


def test_the_default_reference_model_has_a_price_per_million_tokens() -> None:
    cost = Ledger(REFERENCE).cost("frontier", REFERENCE, Usage(tokens_in=1_000))
    assert cost.cost_usd == pytest.approx(0.002)  # $2 per million tokens read
    assert cost.cost_usd == cost.cost_all_frontier_usd


def test_an_unknown_model_has_an_unknown_price() -> None:
    cost = Ledger("no-such-model").cost("cheap", "nor-this-one", Usage(tokens_in=1))
    assert cost == (None, None)


@given(st.text())
def test_a_token_estimate_is_a_quarter_of_the_characters_rounded_up(text: str) -> None:
    assert estimate_tokens(text) * 4 - len(text) in range(4)
