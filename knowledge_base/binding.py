"""Binding: is a value said of what the passages say it of?

Another value of the same document in the wrong place is the hard case of checking: the price of another plan is
no invented number. So what an answer says around a value is compared with what stands around that value in the
passages, and with what stands around every other value of its kind.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from knowledge_base.context import CONCEPT, OTHERS, Context, adjacency, as_word, likeness, neighbours
from knowledge_base.evidence import Source
from knowledge_base.facts import Fact, implied, key

AMOUNTS = frozenset(("money", "percent", "quantity", "number"))
_RANGE_GAP = re.compile(r"\s?(?:-|–|—|to|or|through|and)\s?")
_MOST = 400
"""So many values of one kind are compared at most: a passage of numbers alone must not take quadratic time."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a passage states a value, and how well what stands around it agrees with the claim."""

    source: Source
    unit: int
    fact: Fact
    likeness: float
    adjacent: float
    precision: float


@dataclass(frozen=True, slots=True)
class Binding:
    """The best place of a claim's own value, and the best one of another value of its kind, if there is any."""

    own: Place | None
    rival: Place | None


def rarity(sources: Sequence[Source]) -> dict[str, float]:
    """Stem -> how rare it is among the units of `sources` (inverse document frequency); concepts too."""
    units = [unit for source in sources for unit in source.units]
    counts: Counter[str] = Counter()
    for unit in units:
        named = {token.stem for token in unit.tokens}
        named |= {as_word(fact) for fact in unit.facts}
        counts.update(named | {CONCEPT[stem] for stem in named if stem in CONCEPT})
    lent: set[str] = set().union(*(source.stems for source in sources)) if sources else set()
    for stem in lent:
        counts.setdefault(stem, 1)
    counts[OTHERS] = 1
    return {stem: math.log(1 + (len(units) + 0.5) / (count + 0.5)) for stem, count in counts.items()}


def bind(
    fact: Fact,
    said: Context,
    beside: tuple[list[str], list[str]],
    sources: Sequence[Source],
    rare: Mapping[str, float],
) -> Binding:
    """Compares what a claim says around `fact` (`said`; `beside`: the words that touch it) with the passages."""
    own: Place | None = None
    rival: Place | None = None
    kinds = AMOUNTS if fact.kind in AMOUNTS else {fact.kind}
    for source in sources:
        here = set(source.places(fact))
        seen = 0
        for kind in kinds:
            for place, other in source.of_kind.get(kind, ()):
                mine = key(fact) in implied(other) or (place in here and other.value == fact.value)
                if not mine and (not _comparable(fact, other) or _in_one_range(source, place, other, fact)):
                    continue
                seen += 1
                if seen > _MOST:
                    break
                at = _place(source, place, other, said, beside, rare)
                if mine and (own is None or _rank(at) > _rank(own)):
                    own = at
                elif not mine and (rival is None or _rank(at) > _rank(rival)):
                    rival = at
    return Binding(own, rival)


def _comparable(fact: Fact, other: Fact) -> bool:
    """Whether `other` could have been meant where `fact` stands: the same kind and unit, another value."""
    if other.value == fact.value:
        return False
    if fact.kind == other.kind:
        return fact.unit == other.unit or not fact.unit or not other.unit or fact.kind == "money"
    return {fact.kind, other.kind} == {"number", "quantity"} and (not fact.unit or not other.unit)


def _in_one_range(source: Source, place: int, other: Fact, fact: Fact) -> bool:
    """Whether `other` is one end of a range whose other end is the value of `fact`: "7-10 days"."""
    text = source.evidence.text
    for mate in source.units[place].facts:
        if mate.value == fact.value and mate is not other:
            first, second = sorted((mate, other), key=lambda end: end.start)
            if _RANGE_GAP.fullmatch(text[first.end : second.start]):
                return True
    return False


def _place(
    source: Source,
    unit: int,
    fact: Fact,
    said: Context,
    beside: tuple[list[str], list[str]],
    rare: Mapping[str, float],
) -> Place:
    context = source.context(unit, fact)
    text = source.units[unit]
    touching = neighbours(text.text, fact, text.start)
    spoken = {token.stem for token in text.tokens}
    agreed = sum(1 for stem in spoken if stem in said)
    return Place(
        source, unit, fact, likeness(said, context, rare), adjacency(beside, touching), agreed / max(1, len(spoken))
    )


def _rank(place: Place) -> float:
    return place.likeness + 0.05 * place.adjacent + 0.1 * place.precision


# --- how likely a value is in the wrong place --------------------------------------------------------------

_WEIGHTS = (0.1, 6.81, 0.77, 3.3, -3.15, -3.11, -0.91, -3.26, -0.09)
_BIAS = -0.16
"""A logistic regression over `signs`, fitted by `benchmarks.calibration` on paraphrased statements and swapped values."""


def signs(binding: Binding, fact: Fact) -> list[float]:
    """What tells whether a value is in the wrong place, in the order of the weights."""
    own, rival = binding.own, binding.rival
    likeness, adjacent, precision = (own.likeness, own.adjacent, own.precision) if own else (0.0, 0.0, 0.0)
    number = float(fact.kind == "number")
    if rival is None:
        return [0.0, 0.0, 0.0, 0.0, 1.0, likeness, 0.0, 0.0, number]
    return [
        likeness,
        rival.likeness - likeness,
        rival.adjacent - adjacent,
        rival.precision - precision,
        0.0,
        0.0,
        float(rival.fact.unit != (own.fact if own else fact).unit),
        float(own is not None and rival.source is own.source and rival.unit == own.unit),
        number,
    ]


def misplaced(binding: Binding, fact: Fact) -> float:
    """The probability that the value is said of something else than in the passages, 0..1."""
    total = _BIAS + sum(w * x for w, x in zip(_WEIGHTS, signs(binding, fact), strict=True))
    return 1 / (1 + math.exp(-total))
