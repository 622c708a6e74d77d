"""Evidence: a passage read once, so that many claims can be held against it.

Each sentence, item, table row or code block of it becomes a unit, which knows its facts, its content
words, those it denies, and the words that title, headings, lead-in or table header lend it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass

from knowledge_base.facts import Fact, Key, facts_in, implied, key, one_line
from knowledge_base.text import STOP_WORDS, Sentence, sentences, stem_all, stems, words


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
_CUES = frozenset("not no never cannot without neither nor none non unless except unable nobody nothing".split())
_HARMLESS = re.compile(
    r"\b(?:not\s+only|whether\s+or\s+not|no\s+(?:more|less|later|fewer|longer\s+than|earlier|sooner)\s+than|if\s+not"
    r"|no\s+matter)\b",
    re.IGNORECASE,
)


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


class Words:
    """The content stems of a text, numbers apart; which of them it denies; how many words of denial it has."""

    __slots__ = ("affirmed", "content", "denials", "negated")

    def __init__(self, text: str) -> None:
        spoken = words(_HARMLESS.sub(" ", text) if "no" in text or "No" in text else text)
        stemmed = stem_all(spoken)
        topical = [w not in STOP_WORDS and not w[0].isdigit() for w in spoken]  # numbers are held as facts
        self.content = {s for s, is_topic in zip(stemmed, topical, strict=True) if is_topic}
        self.negated: set[str] = set()
        self.affirmed = self.content
        cues = [i for i, word in enumerate(spoken) if word in _CUES or word.endswith("n't")]
        self.denials = len(cues)
        if cues:
            self._deny(spoken, stemmed, topical, cues)

    def _deny(self, spoken: list[str], stemmed: list[str], topical: list[bool], cues: list[int]) -> None:
        """A cue denies the next content word, and the one after it if that was an adverb or an adjective of "no"."""
        denied: set[int] = set()
        for cue in cues:
            reach = 2 if spoken[cue] in ("no", "without") else 1
            for i in range(cue + 1, min(cue + 7, len(spoken))):
                if not topical[i] or spoken[i] in _CUES:
                    continue
                denied.add(i)
                reach -= not spoken[i].endswith("ly")
                if reach <= 0:
                    break
        self.negated = {stemmed[i] for i in denied}
        self.affirmed = {stem for i, stem in enumerate(stemmed) if topical[i] and i not in denied}


# --- a passage, read once per call ---------------------------------------------------------------------


@dataclass(slots=True)
class Unit:
    """A sentence, item, row or code block of a passage, with what its surroundings add to it."""

    start: int
    end: int
    words: Words
    around: set[str]  # stems of title, headings, lead-in or table header
    window: set[str]  # stems of the unit, of its neighbours, and of what is around
    plain: str  # as a reader sees it, on one line
    uncoded: str  # the same without its commands
    facts: list[Fact]


class Source:
    """A passage prepared for many claims."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        above = "\n".join((evidence.title, *evidence.headings))
        self.stems = set(stems(above))
        self.above = one_line(above)
        self.units = self._read(evidence.text)
        self.stated: dict[Key, list[int]] = defaultdict(list)  # -> units; -1 is title or headings
        self.valued: dict[str, list[tuple[int, Fact]]] = defaultdict(list)
        for place, fact in [
            *((-1, fact) for fact in facts_in(above)),
            *((i, fact) for i, unit in enumerate(self.units) for fact in unit.facts),
        ]:
            self.valued[fact.value].append((place, fact))
            for stated in implied(fact):
                self.stated[stated].append(place)
        for unit in self.units:
            self.stems |= unit.words.content

    def _read(self, text: str) -> list[Unit]:
        facts, position = facts_in(text), 0
        units: list[Unit] = []
        heading: set[str] = set()
        leading: set[str] = set()
        before: Sentence | None = None
        for sentence in quotable(text):
            first = position
            while position < len(facts) and facts[position].start < sentence.end:
                position += 1
            unit = _unit(sentence, facts[first:position])
            if sentence.kind == "heading":
                heading, leading = unit.words.content, set()
            elif sentence.kind == "row" and (before is None or before.kind != "row"):
                leading = unit.words.content  # a table's header
            elif sentence.kind == "prose":
                leading = set()
            unit.around = self.stems | heading | leading
            if sentence.kind in ("prose", "item") and sentence.text.rstrip("*_ ").endswith(":"):
                leading = unit.words.content
            units.append(unit)
            before = sentence
        for i, unit in enumerate(units):
            unit.window = unit.around.union(*(near.words.content for near in units[max(0, i - 1) : i + 2]))
        return units

    def places(self, fact: Fact) -> list[int]:
        """The units that state `fact`; -1 stands for the title or a heading."""
        if found := self.stated.get(key(fact)):
            return found[:64]
        if key(fact)[0] == "literal":
            return self._written(fact)
        if fact.unit:
            return [
                place for place, stated in self.valued.get(fact.value, ())[:64] if self._implies(place, stated, fact)
            ]
        return []

    def _written(self, fact: Fact) -> list[int]:
        command = fact.kind == "command"
        exact = fact.kind in ("command", "path", "url") or fact.value.startswith("-")  # -v and -V are two flags
        texts = [self.above, *(unit.uncoded if command else unit.plain for unit in self.units)]
        value, texts = (fact.value, texts) if exact else (fact.value.lower(), [text.lower() for text in texts])
        return [place for place, text in enumerate(texts, -1) if _stands_in(value, text, command)]

    def _implies(self, place: int, stated: Fact, claimed: Fact) -> bool:
        """Whether the unit of `claimed` is `stated` and words beside it: "Monthly fee: $12", "Limit (days) | 5"."""
        if place < 0 or stated.kind not in ("money", "percent", "quantity", "number"):
            return False
        missing = claimed.unit.removeprefix("/").split("/")
        if stated.unit:
            have = stated.unit.removeprefix("/").split("/")
            if missing[: len(have)] != have:
                return False
            missing = missing[len(have) :]
        elif re.match(r"\s?[A-Za-z]", self.evidence.text[stated.end : stated.end + 2]):
            return False  # it counts something else
        unit = self.units[place]
        said = unit.words.content | unit.around
        return all(_SAID_AS.get(part, set()) & said or said.issuperset(stems(part) or {part}) for part in missing)


_SAID_AS = {"year": {"annual"}, "day": {"daili"}, "USD": {"dollar"}, "EUR": {"euro"}, "%": {"percent", "percentag"}}


def _unit(sentence: Sentence, facts: list[Fact]) -> Unit:
    pieces, position = [], 0
    for fact in facts:
        if fact.kind == "command":
            pieces.append(sentence.text[position : max(position, fact.start - sentence.start)])
            position = fact.end - sentence.start
    uncoded = "\x01".join([*pieces, sentence.text[position:]])
    said = Words(sentence.text)
    return Unit(sentence.start, sentence.end, said, set(), set(), one_line(sentence.text), one_line(uncoded), facts)


def _stands_in(value: str, text: str, command: bool) -> bool:
    """Whether `value` stands in `text` as a whole, not as a part of a longer name or command."""
    start = text.find(value)
    while start >= 0:
        before, after = text[max(0, start - 2) : start], text[start + len(value) : start + len(value) + 4]
        whole = not re.search(r"\w$|\w[-./:@]$", before) and not re.match(r"\w|[-./:@?#&%]\w", after)
        if whole and not (command and re.match(r"\s--?\w", after)):
            return True
        start = text.find(value, start + 1)
    return False
