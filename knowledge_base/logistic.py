"""A logistic regression at work: signs and the weights fitted for them -> a probability."""

from __future__ import annotations

import math
from collections.abc import Sequence


def probability(signs: Sequence[float], weights: Sequence[float], bias: float) -> float:
    """How likely it is, 0..1, of what `signs` tell; there is a weight for each."""
    return logistic(bias + sum(w * x for w, x in zip(weights, signs, strict=True)))


def logistic(log_odds: float) -> float:
    """The probability, 0..1, that has these log odds."""
    return 1 / (1 + math.exp(-log_odds))
