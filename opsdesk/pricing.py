"""What cases cost and what they earn: the unit is a resolved ticket. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple

from tasks.budget import NANO
from tasks.facts import Group, Key, total


class Costs(NamedTuple):
    """What the cases of one key came to, in USD. A case is resolved when it was accepted.

    `cost_usd` is what is known to have been spent; `cost_unknown` counts the cases of which something is not, and then
    the cost of a resolved one is at least what is said. None where there is nothing to divide by, or no price is set.
    """

    key: str
    cases: int
    resolved: int
    cost_usd: float
    cost_unknown: int
    all_frontier_usd: float
    cost_per_resolved_usd: float | None
    price_per_resolved_usd: float | None
    revenue_usd: float | None
    margin_usd: float | None
    margin: float | None


def costs(by: Key, groups: Iterable[Group], price_usd: float | None) -> list[Costs]:
    """The rows of a table by `by`, from groups by that and by outcome, in their order."""
    keyed = groupby(groups, key=lambda group: str(getattr(group, by)))
    return [_row(key, list(of_key), price_usd) for key, of_key in keyed]


def all_costs(groups: list[Group], price_usd: float | None) -> Costs:
    """All of them as one."""
    return _row("", groups, price_usd)


def _row(key: str, groups: list[Group], price_usd: float | None) -> Costs:
    sums = total(groups)
    resolved = sum(group.cases for group in groups if group.outcome == "accepted")
    cost = sums.spent_nano / NANO
    revenue = None if price_usd is None else price_usd * resolved
    margin = None if revenue is None else revenue - cost
    return Costs(
        key=key,
        cases=sums.cases,
        resolved=resolved,
        cost_usd=cost,
        cost_unknown=sums.cost_unknown,
        all_frontier_usd=sums.compared_frontier_nano / NANO,
        cost_per_resolved_usd=cost / resolved if resolved else None,
        price_per_resolved_usd=price_usd,
        revenue_usd=revenue,
        margin_usd=margin,
        margin=margin / revenue if margin is not None and revenue else None,
    )
