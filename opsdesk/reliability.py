"""How often it worked and what that cost: figures over many cases, from their sums. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from opsdesk.display import usd
from tasks.budget import NANO
from tasks.case import Outcome
from tasks.facts import Group, total

Z_95 = 1.959964
"""Standard deviations to either side that hold 95% of a normal distribution."""

FEW = 20
"""Cases below which a seam is not named the leakiest, nor a share taken for more than chance."""


class Share(NamedTuple):
    """`hits` of `of`, with a 95% interval; the shares are None of nothing, and else 0..1."""

    hits: int
    of: int
    share: float | None
    low: float | None
    high: float | None


class Saving(NamedTuple):
    """What was paid beside the all-frontier estimate, over the cases where both are known; in nano-dollars.

    `left_out` counts the others.
    """

    paid_nano: int
    frontier_nano: int
    cases: int
    left_out: int

    @property
    def nano(self) -> int:
        """What was saved; negative when it was dearer."""
        return self.frontier_nano - self.paid_nano

    @property
    def share(self) -> float | None:
        """Of the estimate; None where that is nothing."""
        return self.nano / self.frontier_nano if self.frontier_nano else None


class Resolved(NamedTuple):
    """What a resolved ticket cost: all that is known to have been spent, by accepted cases. In nano-dollars.

    `each_nano` is None without any; `at_least` tells that some costs are unknown, so that it was more.
    """

    each_nano: float | None
    accepted: int
    at_least: bool


class Summary(NamedTuple):
    """Everything that the page says of some cases."""

    all: Group
    outcomes: dict[Outcome, Share]
    saving: Saving
    resolved: Resolved
    words: dict[str, Share]


def wilson(hits: int, of: int) -> Share:
    """A share with Wilson's score interval, which holds for few trials and for shares near 0 and 1 too.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the American
    Statistical Association 22 (1927), 209-212.
    """
    if of <= 0:
        return Share(0, 0, None, None, None)
    share, z2 = hits / of, Z_95**2
    centre = (share + z2 / (2 * of)) / (1 + z2 / of)
    reach = Z_95 * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of)) / (1 + z2 / of)
    # At 0 and 1 the bound is the share itself; rounding may put it a hair beyond.
    low = 0.0 if hits == 0 else max(0.0, centre - reach)
    high = 1.0 if hits == of else min(1.0, centre + reach)
    return Share(hits, of, share, low, high)


def summary(groups: Sequence[Group], words: Mapping[str, int]) -> Summary:
    """From groups by outcome, whatever else they are grouped by, and people's last words on the same cases."""
    all_ = total(groups)
    ended: dict[Outcome, int] = {"accepted": 0, "needs_human": 0, "abstained": 0, "failed": 0}
    outcomes = {outcome: sum(g.cases for g in groups if g.outcome == outcome) for outcome in ended}
    accepted = outcomes["accepted"]
    said = sum(words.values())
    return Summary(
        all=all_,
        outcomes={outcome: wilson(count, all_.cases) for outcome, count in outcomes.items()},
        saving=Saving(all_.compared_nano, all_.compared_frontier_nano, all_.compared, all_.cases - all_.compared),
        resolved=Resolved(all_.spent_nano / accepted if accepted else None, accepted, all_.cost_unknown > 0),
        words={word: wilson(words.get(word, 0), said) for word in ("accept", "edit", "reject", "reopen")}
        if said
        else {},
    )


def unknown_sentence(all_: Group) -> str:
    """What is not in the money shown, in one sentence; "" when nothing is missing."""
    if not all_.cost_unknown:
        return ""
    told = f"The cost of {all_.cost_unknown:,} of {all_.cases:,} cases is not wholly known: more may have been spent"
    if all_.unbounded:
        return f"{told}, and for {all_.unbounded:,} of them no limit is known."
    return f"{told}, at most {usd(all_.at_most_nano / NANO)} in all."
