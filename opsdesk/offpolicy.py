"""What another way of choosing would have come to, out of outcomes that are kept. Statistics alone: numbers in and out.

Cases whose path stays the same count as they were. The others are estimated from trials: first drafts of the tier that
would have written, about tickets of the same kind. Within a kind, intents are drawn together by as much as the trials
of each are few (a beta-binomial for shares, a normal model for costs, their spread by moments: Gelman et al., Bayesian
Data Analysis, ch. 5). So the estimate is direct, stratified off-policy evaluation: no model of the reward is fitted
beyond the mean of a stratum, and where nothing was tried nothing is said.

An interval says where the figure of a real run on as many new tickets like these would lie, 19 times out of 20. It
holds what is not known of each stratum, that these tickets are themselves a sample, and that the new ones are another.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

DRAWS, SEED = 4_000, 1
LEVEL = 0.95

FEW_INTENTS, USUAL_SPREAD = 3, 0.05
"""With fewer intents tried how far they lie apart cannot be seen; then this share of the variance is taken for it."""

LEAST_SPREAD, MOST_SPREAD = 0.005, 0.5


class Stratum(NamedTuple):
    """Cases of one kind that go to one tier. `intents` are small numbers; `base` is what is known of each case already.

    `tried` are trials of that tier about that kind: their intents, and what each came to, less its own base.
    """

    intents: npt.NDArray[np.int64]
    base: Array
    tried_intents: npt.NDArray[np.int64]
    tried: Array


class Estimate(NamedTuple):
    """The mean over all cases, and where that of a real run on as many new ones would lie."""

    mean: float
    low: float
    high: float


def share(kept: Array, strata: Sequence[Stratum], seed: int = SEED) -> Estimate:
    """Of what is 0 or 1. `kept` are cases that stay as they were; there is at least one case in all."""
    rng = np.random.default_rng(seed)
    counts, means, draws = [len(kept)], [_mean(kept)], [_beta(rng, kept.sum() + 0.5, (1 - kept).sum() + 0.5)]
    for stratum in strata:
        drawn = _shares(stratum, rng)
        counts += drawn.counts
        means += drawn.means
        draws += drawn.draws
    drawn_counts, total = _again(counts, rng)
    found = sum(rng.binomial(drawn_counts[:, i], np.clip(p, 0, 1)) for i, p in enumerate(draws)) / total
    return _estimate(counts, means, np.asarray(found))


def amount(kept: Array, strata: Sequence[Stratum], seed: int = SEED) -> Estimate:
    """Of amounts, such as what cases cost. `kept` are cases that stay as they were; there is at least one case."""
    rng = np.random.default_rng(seed)
    counts, means, spreads = [len(kept)], [_mean(kept)], [_sd(kept)]
    draws = [means[0] + spreads[0] / math.sqrt(max(1, len(kept))) * rng.standard_normal(DRAWS)]
    for stratum in strata:
        drawn = _amounts(stratum, rng)
        counts += drawn.counts
        means += drawn.means
        draws += drawn.draws
        spreads += drawn.spreads
    drawn_counts, total = _again(counts, rng)
    noise = [s * np.sqrt(drawn_counts[:, i]) * rng.standard_normal(DRAWS) for i, s in enumerate(spreads)]
    found = sum(drawn_counts[:, i] * draws[i] + noise[i] for i in range(len(counts))) / total
    return _estimate(counts, means, np.asarray(found))


class _Drawn(NamedTuple):
    """By intent of a stratum: cases, the estimate, draws of the true mean, and the spread of one case."""

    counts: list[int]
    means: list[float]
    draws: list[Array]
    spreads: list[float]


class _Intent(NamedTuple):
    cases: int
    base: Array
    tried: Array


def _by_intent(stratum: Stratum) -> list[_Intent]:
    found = []
    for intent in np.unique(stratum.intents):
        mine = stratum.intents == intent
        found.append(_Intent(int(mine.sum()), stratum.base[mine], stratum.tried[stratum.tried_intents == intent]))
    return found


class _Spread(NamedTuple):
    """Of trials: the variance within an intent, and that between intents; `clusters` are the sizes."""

    within: float
    between: float
    clusters: Array


def _spread(stratum: Stratum) -> _Spread:
    """One-way analysis of variance, by moments."""
    groups = [stratum.tried[stratum.tried_intents == i] for i in np.unique(stratum.tried_intents)]
    sizes, count = np.array([len(g) for g in groups], float), len(stratum.tried)
    if len(groups) < FEW_INTENTS or count <= len(groups):
        variance = float(stratum.tried.var(ddof=1)) if count > 1 else float(stratum.tried.mean() ** 2)
        return _Spread(variance * (1 - USUAL_SPREAD), variance * USUAL_SPREAD, sizes)
    whole = stratum.tried.mean()
    within = float(sum(((g - g.mean()) ** 2).sum() for g in groups)) / (count - len(groups))
    between = float(sum(len(g) * (g.mean() - whole) ** 2 for g in groups)) / (len(groups) - 1)
    size = (count - (sizes**2).sum() / count) / (len(groups) - 1)
    return _Spread(within, max(0.0, (between - within) / size), sizes)


def _shares(stratum: Stratum, rng: np.random.Generator) -> _Drawn:
    spread, count, good = _spread(stratum), len(stratum.tried), float(stratum.tried.sum())
    whole = spread.within + spread.between
    rho = min(max(spread.between / whole if whole else USUAL_SPREAD, LEAST_SPREAD), MOST_SPREAD)
    strength = 1 / rho - 1
    effect = 1 + ((spread.clusters**2).sum() / count - 1) * rho  # trials of one intent say less than as many of several
    of_kind = _beta(rng, 0.5 + good / effect, 0.5 + (count - good) / effect)
    drawn = _Drawn([], [], [], [])
    for intent in _by_intent(stratum):
        tries, passed = len(intent.tried), float(intent.tried.sum())
        drawn.counts.append(intent.cases)
        drawn.means.append((passed + strength * good / count) / (tries + strength))
        drawn.draws.append(_beta(rng, passed + strength * of_kind, tries - passed + strength * (1 - of_kind)))
        drawn.spreads.append(0.0)
    return drawn


def _amounts(stratum: Stratum, rng: np.random.Generator) -> _Drawn:
    spread, count, mean = _spread(stratum), len(stratum.tried), float(stratum.tried.mean())
    error = spread.within / count + spread.between * float((spread.clusters**2).sum()) / count**2
    of_kind = mean + math.sqrt(error) * rng.standard_normal(DRAWS)
    drawn = _Drawn([], [], [], [])
    for intent in _by_intent(stratum):
        tries = len(intent.tried)
        both = spread.between + spread.within / tries if tries else 0.0
        weight = spread.between / both if both else 0.0
        own, base = weight * _mean(intent.tried), _mean(intent.base)
        left = math.sqrt(spread.between * (1 - weight)) * rng.standard_normal(DRAWS)
        drawn.counts.append(intent.cases)
        drawn.means.append(base + own + (1 - weight) * mean)
        drawn.draws.append(base + own + (1 - weight) * of_kind + left)
        drawn.spreads.append(math.sqrt(spread.within + _sd(intent.base) ** 2))
    return drawn


def _again(counts: Sequence[int], rng: np.random.Generator) -> tuple[npt.NDArray[np.int64], int]:
    """How many of as many new tickets fall into each group: these are a sample, and the new ones another."""
    total = sum(counts)
    shares = rng.dirichlet(np.maximum(np.array(counts, float), 1e-9), DRAWS)
    return rng.multinomial(total, shares / shares.sum(axis=1, keepdims=True)), total


def _estimate(counts: Sequence[int], means: Sequence[float], found: Array) -> Estimate:
    mean = sum(c * m for c, m in zip(counts, means, strict=True)) / sum(counts)
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(float(mean), float(low), float(high))


def _beta(rng: np.random.Generator, good: Any, bad: Any) -> Array:
    return rng.beta(np.maximum(good, 1e-6), np.maximum(bad, 1e-6), DRAWS)


def _mean(values: Array) -> float:
    return float(values.mean()) if len(values) else 0.0


def _sd(values: Array) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0
