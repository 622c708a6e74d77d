"""Who or what a piece is about: another plan's price is no answer, however alike its words."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from functools import lru_cache

from agents.extractive.units import Unit
from knowledge_base import text as language
from knowledge_base.facts import facts_in
from tasks.case import Question

_NAME = re.compile(r"[A-Z][\w-]*(?:\s+[A-Z][\w-]*)*")


def names(unit: Unit) -> frozenset[str]:
    """The names in a unit, lower-case, `unmarked`: runs of capitalised words (pro, "pro plus"), or a row's subject."""
    return _names(unit.subject or unit.text)


@lru_cache(maxsize=4_096)
def _names(text: str) -> frozenset[str]:
    found = [match.group().lower().split() for match in _NAME.finditer(language.unmarked(language.typed(text)))]
    kept = (words[1:] if words[0] in language.STOP_WORDS else words for words in found)
    return frozenset(" ".join(words) for words in kept if words)


def named_in(question: Question, pool: Sequence[Unit], around: str = "") -> set[str]:
    """The names of the pool that the question, or the text around it, mentions; "Pro Plus" does not mention "Pro"."""
    asked = f" {' '.join(language.words(f'{question.search_text} | {around}'))} "
    found = set()
    for name in sorted({name for unit in pool for name in names(unit)}, key=len, reverse=True):
        if f" {name} " in asked:
            found.add(name)
            asked = asked.replace(f" {name} ", "  ")
    return found


def misnames(unit: Unit, named: set[str]) -> bool:
    """Whether a unit is about a namesake of what was asked: "Pro Plus" for "Pro", or the reverse."""
    mine = names(unit)
    return any(
        f" {name} " in f" {other} " or f" {other} " in f" {name} " for name in mine - named for other in named - mine
    )


def kindred(pool: Sequence[Unit], named: set[str]) -> tuple[set[str], set[str]]:
    """The names that were asked for and stand in the first column of a table, and the others there: the other plans."""
    tables: dict[tuple[str, str], set[str]] = {}
    for unit in pool:
        if unit.subject:
            tables.setdefault((unit.passage.doc_id, unit.column), set()).update(names(unit))
    related = {name for table in tables.values() if table & named for name in table}
    return related & named, related - named


def foreign(unit: Unit, ours: set[str], others: set[str]) -> bool:
    """Whether a unit is about another plan alone: about `others`, and none of `ours` (see `kindred`)."""
    mine = names(unit)
    return bool(mine & others) and not mine & ours


def rivals(unit: Unit, other: Unit, named: set[str]) -> bool:
    """Whether `unit` says of something else what `other` says of what was asked: another plan's price."""
    mine, theirs = set(language.stems(unit.text)), set(language.stems(other.text))
    alike = len(mine & theirs) >= 0.5 * min(len(mine), len(theirs))
    return alike and any(name not in other.text for name in names(unit) - names(other) - named)  # lower-case: no name


def figures(unit: Unit, kinds: Set[str] | None = None) -> set[tuple[str, str]]:
    """The facts of a unit (of some kinds) as values with their units."""
    return {(fact.value, fact.unit) for fact in facts_in(unit.text) if kinds is None or fact.kind in kinds}


def repeats(unit: Unit, picked: Sequence[Unit]) -> bool:
    """Whether `unit` says nothing that `picked` does not say."""
    if unit.kind in ("step", "code") or unit.leads_in:  # like steps are still steps of their own
        return any(unit.quote == other.quote for other in picked)
    mine = set(language.stems(unit.text))
    for other in picked:
        shared = len(mine & set(language.stems(other.text)))
        if shared >= 0.75 * len(mine) and figures(unit) <= figures(other):
            return True
    return not mine
