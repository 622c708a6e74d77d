"""Documents that disagree: which says otherwise of the same thing, and which of the two is the newer.

Deterministic, and careful rather than complete: two sentences disagree only when one says no more than
the other but for the figure, of the same names, in the same unit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

from agents.extractive.units import Unit, units
from knowledge_base import text as language
from knowledge_base.facts import facts_in
from tasks.case import Draft, Passage, Sentence

MOST_MORE = 3
"""How many words more one of two sentences may have that say the same."""

_VALUES = frozenset({"money", "percent", "quantity", "number", "range", "duration", "time"})
_NAME = re.compile(r"\b[A-Z][\w-]*")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
# What says of a value only that it is one.
_STATING = frozenset(
    language.stems(
        """cost costs price priced pay charge charged amount include includes including included allow allows offer
        offers come comes give gives get gets take takes valid expire expires stay stays keep keeps kept hold holds
        last lasts limit limits maximum most least now current currently today goes has set up total rate per
        available"""
    )
)
# What makes it another value: of another period, case or customer.
_APART = frozenset(
    language.stems(
        """annual annually year yearly month monthly day daily week weekly hourly urgent normal standard first second
        third old new before after until trial free renewal additional extra non without minimum maximum average
        version weekend business internal external upgrade downgrade"""
    )
) | {"annual", "year", "version"}

# What a title has besides the thing it is about.
_OF_A_TITLE = frozenset(
    language.stems(
        """policy policies guide overview faq page handbook terms rules price prices pricing new old current latest
        update updated updates change changes changed version notice announcement archive archived internal reference"""
    )
)


class Disagreement(NamedTuple):
    """A sentence of a draft, by its place, and the piece of another page that gives another value.

    `newer` tells whether that page is newer than the one the sentence quotes; None when it cannot be told.
    """

    sentence: int
    rival: Unit
    newer: bool | None

    @property
    def quoted(self) -> Sentence:
        """What the other page says, as a sentence."""
        return self.rival.sentence()


def disagreements(draft: Draft, passages: Sequence[Passage], question: str = "") -> list[Disagreement]:
    """Where another page contradicts a sentence of `draft`, at most once a sentence and page.

    Nothing is said of a value that the draft gives as well, of one that the question itself sets apart, or of
    what stands on a deprecated page when the draft does not: that page says itself that it no longer applies.
    """
    at = {passage.n: passage for passage in passages}
    stated = [_Statement(s.text, tuple(at[n] for n in s.citations if n in at)) for s in draft.sentences]
    cited = {page.doc_id: page for statement in stated for page in statement.pages}
    near = [p for p in passages if any(_related(p, page) for page in cited.values())]
    if len({page.doc_id for page in near} | cited.keys()) < 2:
        return []
    others = [(unit, _Statement(unit.text, (unit.passage,))) for p in near for unit in units(p) if not unit.subject]
    found: dict[tuple[int, str], Disagreement] = {}
    for i, (sentence, mine) in enumerate(zip(draft.sentences, stated, strict=True)):
        if sentence.kind == "code" or not mine.values or not mine.pages:
            continue
        for unit, theirs in others:
            if not _contradicts(mine, theirs) or any(_agrees(theirs, told) for told in stated):
                continue
            newer = is_newer(unit.passage, mine.pages[0])
            if newer is False and unit.passage.deprecated:
                continue
            wavers = any(_wavers(one, other) for _, other in others for one in (mine, theirs))
            if not wavers and not _set_apart(mine if newer else theirs, question):
                found.setdefault((i, unit.passage.doc_id), Disagreement(i, unit, newer))
    return list(found.values())


def outdated(draft: Draft, passages: Sequence[Passage], question: str = "") -> dict[int, str]:
    """The sentences of `draft`, by their place, that a newer page contradicts, each with the reason to refuse it."""
    return {
        found.sentence: (
            f'outdated: a newer page, "{found.rival.passage.title}" [{found.rival.passage.n}], says: '
            f"{found.rival.text} Follow the newer one"
        )
        for found in disagreements(draft, passages, question)
        if found.newer
    }


def out_of_force(sentence: Sentence, passages: Mapping[int, Passage], question: str) -> str:
    """Why a sentence may not stand that rests on pages marked as deprecated alone; "" when it may.

    It may where the question asks for the old one itself, by a word or a year of that page's title.
    """
    pages = [passages[n] for n in sentence.citations if n in passages]
    if not pages or not all(page.deprecated for page in pages):
        return ""
    title = pages[0].title
    own = {*_YEAR.findall(title), *(_APART & set(language.stems(f"{title} {' '.join(pages[0].headings)}")))}
    if own & {*_YEAR.findall(question), *language.stems(question)}:
        return ""
    return (
        f'outdated: it stands only on "{title}" [{pages[0].n}], which is marked as no longer in force; '
        "answer from a page that is, or list the question as open"
    )


def newest(picked: Sequence[Unit], pool: Sequence[Unit]) -> list[Unit]:
    """`picked` with each piece that a newer page of the pool contradicts replaced by what that says."""
    stated = [_Statement(unit.text, (unit.passage,)) for unit in picked]
    kept: list[Unit] = []
    for unit, mine in zip(picked, stated, strict=True):
        if unit.kind in ("prose", "item") and not unit.subject and mine.values:
            for other in pool:
                if (
                    other.subject
                    or not is_newer(other.passage, unit.passage)
                    or not _related(other.passage, unit.passage)
                ):
                    continue
                theirs = _Statement(other.text, (other.passage,))
                if _contradicts(mine, theirs) and not any(_agrees(theirs, told) for told in stated):
                    unit = other
                    break
        if unit not in kept:
            kept.append(unit)
    return kept


def is_newer(passage: Passage, other: Passage) -> bool | None:
    """Whether the page of `passage` is newer than that of `other`; None when nothing tells.

    A deprecated page is older than one in force; then the years in titles and headings count, then the
    day on which a page was changed.
    """
    if passage.deprecated != other.deprecated:
        return other.deprecated
    for mine, theirs in ((_year(passage), _year(other)), ((passage.modified or "")[:10], (other.modified or "")[:10])):
        if mine and theirs and mine != theirs:
            return mine > theirs
    return None


def _year(passage: Passage) -> str:
    return _newest_year(" ".join([passage.title, *passage.headings]))


@lru_cache(maxsize=1_024)
def _newest_year(text: str) -> str:
    return max(_YEAR.findall(text), default="")


@dataclass(frozen=True)
class _Statement:
    """A sentence taken apart: its values by kind and unit, its names, and the other words it has."""

    text: str
    pages: tuple[Passage, ...]

    @cached_property
    def values(self) -> dict[tuple[str, str], set[str]]:
        found: dict[tuple[str, str], set[str]] = {}
        for fact in facts_in(self.text):
            if fact.kind in _VALUES:
                found.setdefault((fact.kind, fact.unit), set()).add(fact.value)
        return found

    @cached_property
    def words(self) -> set[str]:
        """Of the clauses that hold a value: "...; after that, start a new one" is another matter."""
        found: set[str] = set()
        for clause in self.text.split("; "):
            pieces, position = [], 0
            for fact in (facts := facts_in(clause)):
                pieces.append(clause[position : max(position, fact.start)])
                position = max(position, fact.end)
            if any(fact.kind in _VALUES for fact in facts):
                found.update(language.stems(" ".join([*pieces, clause[position:]])))
        return {stem for stem in found if not stem[0].isdigit()} - _STATING

    @cached_property
    def names(self) -> set[str]:
        """The stems of its capitalised words; whether one is a name only the other sentence can tell."""
        return {stem for name in _NAME.findall(self.text) for stem in language.stems(name)} & self.words

    @cached_property
    def page(self) -> set[str]:
        """The stems of its page's title and headings."""
        return set(language.stems(" ".join(text for p in self.pages for text in (p.title, *p.headings))))

    @property
    def title(self) -> dict[str, bool]:
        return _title(self.pages[0].title)

    @cached_property
    def headings(self) -> set[str]:
        return set(language.stems(" ".join(text for p in self.pages for text in p.headings[1:])))

    @cached_property
    def denies(self) -> bool:
        return bool(re.search(r"\b(?:not|no|never|cannot|without|except)\b|n't\b", self.text, re.I))


def _agrees(one: _Statement, other: _Statement) -> bool:
    """Whether `other` gives one of the values of `one` too."""
    return any(values & other.values.get(measure, set()) for measure, values in one.values.items())


def _wavers(one: _Statement, other: _Statement) -> bool:
    """Whether `other` says the same as `one` with another value on the same page: for a case its heading tells."""
    same_page = one.pages[0].doc_id == other.pages[0].doc_id
    return same_page and one.words == other.words and one.values != other.values and bool(one.values and other.values)


def _contradicts(mine: _Statement, theirs: _Statement) -> bool:
    """Whether both say the same of the same thing but for the value."""
    if {p.doc_id for p in mine.pages} & {p.doc_id for p in theirs.pages} or mine.denies != theirs.denies:
        return False
    shared = mine.values.keys() & theirs.values.keys()
    if not shared or _agrees(mine, theirs):
        return False
    here, there = mine.words, theirs.words
    if any(p.deprecated for p in theirs.pages):
        there = there - (theirs.page - here)
    if any(p.deprecated for p in mine.pages):
        here = here - (mine.page - there)
    common, more = here & there, here ^ there
    if not (here <= there or there <= here) or len(common) < 2 or len(more) > MOST_MORE:
        return False
    names = {stem for stem in (mine.names | theirs.names) & more if not _acronym(stem, mine.text + theirs.text)}
    if names or more & _APART or not _same_subject(mine, theirs):
        return False
    return any(p.deprecated for p in (*mine.pages, *theirs.pages)) or not (mine.headings ^ theirs.headings) & _APART


def _same_subject(mine: _Statement, theirs: _Statement) -> bool:
    """Whether two pages are about the same, by their titles: that is what a sentence of theirs is about.

    A name in one title alone ("Gold Plus") sets the pages apart, unless both sentences give it themselves.
    """
    here, there = mine.title, theirs.title
    more = {stem: name for stem, name in [*here.items(), *there.items()] if (stem in here) != (stem in there)}
    named = {stem for stem, is_name in more.items() if is_name} - _OF_A_TITLE
    return (
        _related(mine.pages[0], theirs.pages[0])
        and named <= mine.words & theirs.words
        and not more.keys() & (_APART - _OF_A_TITLE)
    )


def _related(page: Passage, other: Passage) -> bool:
    """Whether one title has no other words than the other."""
    here, there = _title(page.title).keys(), _title(other.title).keys()
    return bool(here & there) and (here <= there or there <= here)


@lru_cache(maxsize=1024)
def _title(title: str) -> dict[str, bool]:
    """The stems of a title, each with whether it may be a name; "(2024)" is none."""
    return {s: word[0].isupper() for word in title.split() for s in language.stems(word) if not s[0].isdigit()}


def _acronym(stem: str, text: str) -> bool:
    return bool(re.search(rf"\b{re.escape(stem.upper())}\b", language.unmarked(text)))


def _set_apart(older: _Statement, question: str) -> bool:
    """Whether the question asks for the older one by a word that is its own: "in version 0"."""
    return bool(older.page & _APART & set(language.stems(question)))
