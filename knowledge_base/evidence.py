"""Evidence: a passage read once, so that many claims can be held against it.

Each sentence, item, table row or code block of it becomes a unit, which knows its facts, its content
words, those it denies, and the words that title, headings, lead-in or table header lend it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from knowledge_base.context import Context, Token, as_word, concepts_of, merged, neighbours, tokens, within
from knowledge_base.facts import Fact, Key, facts_in, implied, one_line
from knowledge_base.language import foreign
from knowledge_base.polarity import Words
from knowledge_base.text import Kind, Sentence, bars, cells, sentences, stems


@dataclass(frozen=True, slots=True)
class Evidence:
    """A passage as evidence; its `id` is what a mark such as [2] names, and unique.

    `title` and `headings` lend their words and facts to every sentence of it.
    """

    id: str
    text: str
    title: str = ""
    headings: tuple[str, ...] = ()


# --- words -------------------------------------------------------------------------------------------

_MARKER = re.compile(r"\s*(?:[-*+•]|\d{1,3}[.)])\s+")


def quotable(text: str) -> list[Sentence]:
    """`sentences(text)`, with list items cut into their sentences and without their markers."""
    found: list[Sentence] = []
    for unit in sentences(text):
        if unit.kind in ("item", "step"):
            marker = _MARKER.match(unit.text)
            start = unit.start + (marker.end() if marker else 0)
            found += [
                Sentence(part.text, start + part.start, start + part.end, unit.kind)
                for part in sentences(text[start : unit.end])
            ]
        else:
            found.append(unit)
    return found


# --- a passage, read once per call ---------------------------------------------------------------------


@dataclass(slots=True)
class Unit:
    """A sentence, item, row or code block of a passage, with what its surroundings add to it."""

    start: int
    end: int
    kind: Kind
    text: str
    words: Words
    tokens: list[Token]
    facts: list[Fact]
    plain: str  # as a reader sees it, on one line
    uncoded: str  # the same without its commands
    above: list[tuple[float, list[str]]] = field(default_factory=list)  # weight and stems of what stands over it
    header: list[list[str]] = field(default_factory=list)  # stems of each column's head, for a row
    around: set[str] = field(default_factory=set)  # stems of title, headings, lead-in or table header
    window: set[str] = field(default_factory=set)  # stems of the unit, of its neighbours, and of what is around
    near: list[tuple[float, list[str]]] = field(default_factory=list)  # weight and stems of the sentences beside it


@lru_cache(maxsize=256)
def read(evidence: Evidence) -> Source:
    """`evidence` as a source; the passages last read are kept, since several answers often rest on the same."""
    return Source(evidence)


AMOUNTS = frozenset(("money", "percent", "quantity", "number", "date", "time"))
_MOST = 400
"""So many amounts are compared at most: a passage of numbers alone must not take quadratic time."""


class Surroundings(NamedTuple):
    """What a passage says around one of its facts."""

    whole: Context
    """By its unit and what stands around that."""

    own: Context
    """By its unit alone."""

    concepts: Context
    """Of `whole`."""

    touching: tuple[list[str], list[str]]
    """The words before and after it, nearest first."""


class Source:
    """A passage prepared for many claims."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        above = "\n".join((evidence.title, *evidence.headings))
        self.named = set(stems(evidence.id))  # a file's name says what it is about, too
        self.title = [token.stem for token in tokens(above)]
        self.stems = set(stems(above))
        self.above = one_line(above)
        self.units = _units(evidence.text, set(self.stems), self.title)
        self.stated: dict[Key, list[int]] = defaultdict(list)  # -> units; -1 is title or headings
        self.valued: dict[str, list[tuple[int, Fact]]] = defaultdict(list)
        self.amounts: list[tuple[int, Fact, set[Key]]] = []  # with the unit each stands in, and all that it states
        self.dates: list[tuple[int, Fact]] = []
        for place, fact in [
            *((-1, fact) for fact in facts_in(above)),
            *((i, fact) for i, unit in enumerate(self.units) for fact in unit.facts),
        ]:
            self.valued[fact.value].append((place, fact))
            if fact.kind == "date":
                self.dates.append((place, fact))
            states = implied(fact)
            if place >= 0 and fact.kind in AMOUNTS and len(self.amounts) < _MOST:
                self.amounts.append((place, fact, states))
            for stated in states:
                self.stated[stated].append(place)
        for unit in self.units:
            self.stems |= unit.words.content
        self.whole = {bare(unit.plain) for unit in self.units}  # its sentences, items and rows, to be met word for word
        self.found: dict[tuple[str, str, str], list[int]] = {}  # what `stating` has looked up
        self.language = foreign(evidence.text)
        self._contexts: dict[tuple[int, int], Surroundings] = {}

    def context(self, place: int, fact: Fact) -> Surroundings:
        """What the unit at `place` says that `fact`, one of its own, is about."""
        at = (place, fact.start)
        if at not in self._contexts:
            unit = self.units[place]
            own = _own_context(unit, fact)
            whole = merged(*unit.above, *unit.near, own=own)
            self._contexts[at] = Surroundings(whole, own, concepts_of(whole), neighbours(unit.text, fact, unit.start))
        return self._contexts[at]


_MARKS = " .:;,*_-|"


def bare(line: str) -> str:
    """One line as it counts word for word: without marks around it, in small letters."""
    return line.strip(_MARKS).casefold()


# --- how a passage is built ------------------------------------------------------------------------------

_HEADING, _LEAD, _TITLE, _PARENT = 0.9, 0.9, 0.7, 0.9
"""What a word counts for a fact that stands below it, in a heading, a lead-in, the title, the item above."""
_BEFORE, _AFTER = 0.35, 0.15
"""What a word of the sentence before or after it counts."""
_LEVEL = re.compile(r"\s*(#{1,6})\s")
_BOLD_LINE = re.compile(r"\s*(\*\*|__)[^*_\n]{1,80}\1:?\s*")


@dataclass(slots=True)
class _Above:
    """What stands over the unit that is read next."""

    title: list[str]
    headings: list[tuple[int, list[str]]] = field(default_factory=list)  # level and stems, outermost first
    lead: list[str] = field(default_factory=list)
    parents: list[tuple[int, list[str]]] = field(default_factory=list)  # indent and stems of the items above
    header: list[list[str]] = field(default_factory=list)

    def parts(self) -> list[tuple[float, list[str]]]:
        headings = [(_HEADING, stems) for _, stems in self.headings]
        return [
            (_TITLE, self.title),
            *headings,
            (_LEAD, self.lead),
            *((_PARENT, stems) for _, stems in self.parents),
        ]


def _units(text: str, lent: set[str], title: list[str]) -> list[Unit]:
    facts, position = facts_in(text), 0
    units: list[Unit] = []
    above = _Above(title)
    before: Unit | None = None
    for sentence in quotable(text):
        first = position
        while position < len(facts) and facts[position].start < sentence.end:
            position += 1
        unit = _unit(sentence, facts[first:position])
        _place(unit, before, above, text)
        unit.around = lent.union(*(stems for _, stems in unit.above), *unit.header)
        units.append(unit)
        before = unit
    for i, unit in enumerate(units):
        unit.window = unit.around.union(*(near.words.content for near in units[max(0, i - 1) : i + 2]))
        for other, weight in ((i - 1, _BEFORE), (i + 1, _AFTER)):
            if 0 <= other < len(units) and unit.kind == units[other].kind == "prose":
                unit.near.append((weight, [token.stem for token in units[other].tokens]))
    return units


def _place(unit: Unit, before: Unit | None, above: _Above, text: str) -> None:
    """Gives `unit` what stands above it, and notes what it lends to those that follow."""
    spoken = [token.stem for token in unit.tokens]
    is_heading = unit.kind == "heading" or bool(_BOLD_LINE.fullmatch(unit.text))
    level, indent, leads = 0, 0, False
    if is_heading:
        level = len(match[1]) if (match := _LEVEL.match(unit.text)) else 6 + (unit.kind != "heading")
        above.headings = [(at, stems) for at, stems in above.headings if at < level]
    elif unit.kind in ("item", "step"):
        indent = _indent(text, unit.start)
        leads = before is None or before.kind != unit.kind or "\n" in text[before.end : unit.start]
        if leads:  # else it is the next sentence of the same item
            above.parents = [(at, stems) for at, stems in above.parents if at < indent]
    elif unit.kind == "prose":
        above.parents = []
    unit.above = above.parts()
    if is_heading:
        above.headings.append((level, spoken))
        above.lead, above.parents = [], []
    elif leads:
        above.parents.append((indent, spoken))
    elif unit.kind == "prose":
        above.lead = spoken if unit.text.rstrip("*_ ").endswith(":") else []
    elif unit.kind == "row" and (before is None or before.kind != "row"):
        above.header = [[token.stem for token in tokens(cell)] for cell in cells(unit.text)]
    elif unit.kind == "row":
        unit.header = above.header


def _indent(text: str, start: int) -> int:
    line = text[text.rfind("\n", 0, start) + 1 : start]
    return len(line) - len(line.lstrip())


def _own_context(unit: Unit, fact: Fact) -> Context:
    if is_row(unit):
        return _cell_context(unit, fact)
    return within(unit.text, unit.tokens, unit.facts, fact, unit.start)


def column(unit: Unit, fact: Fact) -> int:
    """The column of a table row that one of its facts stands in, from 0."""
    return bisect_left(bars(unit.text), fact.start - unit.start) - 1


def is_row(unit: Unit) -> bool:
    """Whether a unit is a row of a table with cells."""
    return unit.kind == "row" and unit.text.lstrip().startswith("|")


def _cell_context(unit: Unit, fact: Fact) -> Context:
    """In a row, the label and the fact's own cell count fully, the column's head too, other cells little."""
    ends = [*bars(unit.text), len(unit.text)]
    at = bisect_left(ends, fact.start - unit.start) - 1
    values = [Token(as_word(o), o.start - unit.start, o.end - unit.start) for o in unit.facts if o is not fact]
    context: Context = {}
    for token in [*unit.tokens, *values]:
        inside = token.start < ends[1] or ends[at] < token.start < ends[at + 1]
        context[token.stem] = max(context.get(token.stem, 0.0), 1.0 if inside else 0.4)
    if at < len(unit.header):
        context = merged((1.0, unit.header[at]), own=context)
    return merged(*((0.3, head) for head in unit.header), own=context)


def _unit(sentence: Sentence, facts: list[Fact]) -> Unit:
    pieces, position = [], 0
    for fact in facts:
        if fact.kind == "command":
            pieces.append(sentence.text[position : max(position, fact.start - sentence.start)])
            position = fact.end - sentence.start
    uncoded = "\x01".join([*pieces, sentence.text[position:]])
    return Unit(
        sentence.start, sentence.end, sentence.kind, sentence.text, Words(sentence.text), tokens(sentence.text), facts,
        one_line(sentence.text), one_line(uncoded),
    )  # fmt: skip
