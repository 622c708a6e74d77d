"""Binding: is a value said of what the passages say it of?

Another value of the same document in the wrong place is the hard case of checking: the price of another plan is
no invented number. So what an answer says around a value is compared with what stands around that value in the
passages, and with what stands around every other value of its kind.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from knowledge_base.context import CONCEPT, OTHERS, Context, adjacency, as_word, concepts, likeness, weighed
from knowledge_base.evidence import Source, column, is_row
from knowledge_base.facts import Fact, Key, key
from knowledge_base.logistic import probability
from knowledge_base.stating import places
from knowledge_base.units import dimension

_RANGE_GAP = re.compile(r"\s?(?:-|–|—|to|or|through|and)\s?")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a passage states a value, and how well what stands around it agrees with the claim."""

    source: Source
    unit: int
    fact: Fact
    likeness: float
    adjacent: float
    precision: float

    @property
    def rank(self) -> float:
        """By this the best place is found."""
        return _rank(self.likeness, self.adjacent, self.precision)


@dataclass(frozen=True, slots=True)
class Binding:
    """The best place of a claim's own value, and the best one of another value of its kind, if there is any."""

    own: Place | None
    rival: Place | None
    longer_name: bool = False  # own is said of "Pro Plus", rival of "Pro", and so is the claim


def rarity(sources: Sequence[Source]) -> dict[str, float]:
    """Stem -> how rare it is among the units of `sources` (inverse document frequency); concepts too."""
    units = [unit for source in sources for unit in source.units]
    counts: Counter[str] = Counter()
    for unit in units:
        named = {token.stem for token in unit.tokens}
        named |= {as_word(fact) for fact in unit.facts}
        counts.update(named | concepts(named))
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
    names: frozenset[str] = frozenset(),
    beside_them: Sequence[Source] = (),
) -> Binding:
    """Compares what a claim says around `fact` (`said`; `beside`: the words that touch it) with the passages.

    `names` are the proper names that the claim says, as `names_in` gives them. `beside_them` is more of the same
    documents: nothing there states the value, but another one may belong there.
    """
    said_here = _Said.of(said, rare)
    wanted = key(fact)
    own: Place | None = None
    for source in sources:
        here = set(places(source, fact))
        for place, other, states in source.amounts if here else ():
            if wanted in states or (place in here and other.value == fact.value):
                own = _better(own, source, place, other, said_here, beside, rare)
    rival: Place | None = None
    for source in (*sources, *beside_them):
        for place, other, states in source.amounts:
            if wanted in states or (other.value == fact.value and not _otherwise(fact, other)):
                continue
            comparable = _comparable(fact, other) or (own is not None and _in_its_list(own, source, place, other))
            if not comparable or _in_one_range(source, place, other, fact):
                continue
            rival = _better(rival, source, place, other, said_here, beside, rare)
    return Binding(own, rival, bool(own and rival and _longer_name(names, own, rival)))


_ARTICLE = re.compile(r"^(?:The|A|An|Our|Your|For|On|With|In|And|Yes|If|When) (?=[A-Z])")
_NAMES = re.compile(r"\b[A-Z]\w*(?:[ -][A-Z]\w*)*")


def names_in(text: str) -> frozenset[str]:
    """The runs of capitalised words in `text`, without articles and the like before them."""
    return frozenset(_ARTICLE.sub("", name) for name in _NAMES.findall(text))


def _longer_name(names: frozenset[str], own: Place, rival: Place) -> bool:
    mine, theirs = (names_in(place.source.units[place.unit].text) for place in (own, rival))
    for name in names & theirs:
        if name not in mine and any(longer.startswith(name + " ") for longer in mine):
            return not any(longer.startswith(name + " ") for longer in names)
    return False


def _comparable(fact: Fact, other: Fact) -> bool:
    """Whether `other` could have been meant where `fact` stands: the same kind, and a unit of the same dimension."""
    if fact.kind != other.kind or fact.unit == other.unit:
        return fact.kind == other.kind
    if fact.kind == "quantity":
        return bool(dimension(fact.unit)) and dimension(fact.unit) == dimension(other.unit)
    mine, theirs = set(fact.unit.split("/")), set(other.unit.split("/"))
    return fact.kind == "money" and (mine <= theirs or theirs <= mine)  # a rate may be left unsaid, or be another one


def _otherwise(fact: Fact, other: Fact) -> bool:
    """Whether two facts of one number count different things: 30 minutes and 30 days."""
    return fact.kind == other.kind == "quantity" and fact.unit != other.unit and _comparable(fact, other)


def _in_its_list(own: Place, source: Source, place: int, other: Fact) -> bool:
    """Whether `other` is what the claim's value is there: in a table, a value of the same column."""
    mine, theirs = own.source.units[own.unit], source.units[place]
    if is_row(mine) and is_row(theirs):
        if column(mine, own.fact) != column(theirs, other):
            return False
        if own.source is source and mine.header == theirs.header:
            return own.fact.kind == other.kind
    return _comparable(own.fact, other)


def _in_one_range(source: Source, place: int, other: Fact, fact: Fact) -> bool:
    """Whether `other` is one end of a range whose other end is the value of `fact`: "7-10 days"."""
    text = source.evidence.text
    for at, mate in source.valued.get(fact.value, ()):
        if at == place and mate is not other:
            first, second = sorted((mate, other), key=lambda end: end.start)
            if _RANGE_GAP.fullmatch(text[first.end : second.start]):
                return True
    return False


class _Said(NamedTuple):
    """What a claim says around a value, with how rare each word is, and the concepts of its words."""

    words: list[tuple[str, str, float]]  # stem, concept or "", weight times rarity
    total: float
    stems: Context
    concepts: set[str]

    @classmethod
    def of(cls, said: Context, rare: Mapping[str, float]) -> _Said:
        words = weighed(said, rare)
        return cls(words, math.fsum(weight for *_, weight in words), said, concepts(said))


def _better(
    best: Place | None,
    source: Source,
    unit: int,
    fact: Fact,
    said: _Said,
    beside: tuple[list[str], list[str]],
    rare: Mapping[str, float],
) -> Place:
    """Of the best place so far and that of `fact` the better one; of equal ones the first."""
    around = source.context(unit, fact)
    alike = likeness(said.words, around.whole, around.concepts) / said.total if said.total else 0.0
    adjacent = adjacency(beside, around.touching)
    if best and _rank(alike, adjacent, 1.0) <= best.rank:
        return best  # however well the rest agrees: most places end here
    rarity = {stem: weight * rare.get(stem, 0.0) for stem, weight in around.own.items()}
    spoken = math.fsum(rarity.values())
    agreed = math.fsum(
        weight for stem, weight in rarity.items() if stem in said.stems or CONCEPT.get(stem) in said.concepts
    )
    found = Place(source, unit, fact, alike, adjacent, agreed / spoken if spoken else 1.0)
    return found if best is None or found.rank > best.rank else best


def _rank(likeness: float, adjacent: float, precision: float) -> float:
    return likeness + 0.05 * adjacent + 0.1 * precision


def exchanged(pairs: Sequence[tuple[Binding, Context]], rare: Mapping[str, float]) -> tuple[Place, Place] | None:
    """Two values of a claim that stand in each other's place, by their own places; None when no two do.

    `pairs` are the bindings of a claim's amounts, each with what the claim says around it. Two of one kind and passage
    are exchanged when what tells them apart in the claim tells them apart there the other way round.
    """
    found = [(binding.own, said) for binding, said in pairs if binding.own]
    for i, (a, said_a) in enumerate(found):
        for b, said_b in found[i + 1 :]:
            if a.source is not b.source or a.fact.kind != b.fact.kind or key(a.fact) == key(b.fact):
                continue
            if a.unit == b.unit and _in_one_range(a.source, a.unit, a.fact, b.fact):
                continue
            said = _telling(said_a, said_b)
            there = _telling(*(place.source.context(place.unit, place.fact).own for place in (a, b)))
            straight, crossed = _agreement(said, there, rare), _agreement(said, there[::-1], rare)
            if min(crossed) > 0 and sum(crossed) > sum(straight):
                return a, b
    return None


_APART = 0.3
"""How much surer a word must belong to the one value than to the other to tell them apart."""


def _telling(one: Context, other: Context) -> tuple[set[str], set[str]]:
    """The words that tell two values of one text apart: those of the one, and those of the other."""
    one, other = _by_concept(one), _by_concept(other)
    return (
        {stem for stem, weight in one.items() if weight - other.get(stem, 0.0) > _APART},
        {stem for stem, weight in other.items() if weight - one.get(stem, 0.0) > _APART},
    )


def _agreement(
    said: tuple[set[str], set[str]], there: tuple[set[str], set[str]], rare: Mapping[str, float]
) -> tuple[float, float]:
    """How much of what tells the one and the other apart is the same in both, rare words counting more."""
    one, other = (
        math.fsum(rare.get(stem, 0.0) for stem in mine & theirs) for mine, theirs in zip(said, there, strict=True)
    )
    return one, other


def _by_concept(context: Context) -> Context:
    found: Context = {}
    for stem, weight in context.items():
        name = CONCEPT.get(stem, stem)
        if "\0" not in name:
            found[name] = max(weight, found.get(name, 0.0))
    return found


# --- how likely a value is in the wrong place --------------------------------------------------------------

SIGNS = (
    "likeness", "rival likeness", "rival adjacent", "rival precision", "alone", "likeness alone", "same unit",
    "said too", "bare", "spelled", "fits",
)  # fmt: skip
_WEIGHTS: tuple[float, ...] = (1.755, 4.920, 0.880, 3.375, -1.075, -2.386, -0.425, -0.679, -0.276, -2.682, 3.036)
_BIAS = -1.608
"""A logistic regression over `SIGNS`, fitted by `benchmarks.calibration` on paraphrases and swapped values."""


def signs(binding: Binding, fact: Fact, claimed: Collection[Key]) -> list[float]:
    """What tells whether a value is in the wrong place, in the order of `SIGNS`; `claimed`: all the claim's facts."""
    own, rival = binding.own, binding.rival
    likeness, adjacent, precision = (own.likeness, own.adjacent, own.precision) if own else (0.0, 0.0, 0.0)
    bare = float(fact.kind == "number")
    spelled = float(not any(character.isdigit() for character in fact.text))
    if rival is None:
        return [0.0, 0.0, 0.0, 0.0, 1.0, likeness, 0.0, 0.0, bare, spelled, 0.0]
    return [
        likeness,
        rival.likeness - likeness,
        rival.adjacent - adjacent,
        rival.precision - precision,
        0.0,
        0.0,
        float(own is not None and rival.source is own.source and rival.unit == own.unit),
        float(key(rival.fact) in claimed),
        bare,
        spelled,
        max(0.0, rival.likeness - likeness) * rival.likeness,
    ]


def misplaced(binding: Binding, fact: Fact, claimed: Collection[Key]) -> float:
    """The probability that the value is said of something else than in the passages, 0..1."""
    if binding.longer_name:
        return 0.95
    return probability(signs(binding, fact, claimed), _WEIGHTS, _BIAS)
