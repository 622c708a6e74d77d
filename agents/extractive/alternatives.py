"""A question whose answer differs from plan to plan, in a ticket that names none: the cases, and a question back."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from agents.extractive.names import figures, named_in, names
from agents.extractive.units import Unit, narrowed
from knowledge_base import text as language
from tasks.case import Question

MOST = 4  # alternatives that are still told; of more it is only asked which
AS_GOOD = 0.75  # the alternatives must score this share of the best piece
ALIKE = 0.7  # the share of their words that they must have in common

_ALL_WANTED = re.compile(
    r"\b(?:each|every|all|any|both|different|which|what|your|compare\w*|differences?|between|versus|vs)\b"
    r"[^.?!]{0,30}\b(?:plan|tier|edition|region|package|product|version|option|card|account)s?\b|\bcompar|\bdifference",
    re.I,
)
_KINDS = "plan tier edition region package product card account subscription workspace model size environment".split()


class Alternatives(NamedTuple):
    """The pieces that say it for each case, and what to ask; both empty when there is one answer."""

    units: list[Unit]
    ask: str


def alternatives(question: Question, pool: Sequence[Unit], scores: Sequence[float], ticket: str = "") -> Alternatives:
    """What the passages say for each of several namesakes, when they differ and the ticket names none of them."""
    order = sorted(range(len(pool)), key=lambda i: -scores[i])
    near = [i for i in order if scores[i] >= AS_GOOD * scores[order[0]] and pool[i].kind in ("prose", "item")]
    asked = set(language.stems(question.text))
    for rows in (False, True):
        cases = _cases([i for i in near if bool(pool[i].subject) == rows], pool, asked)
        if len(cases) < 2:
            continue
        named = [names(pool[i]) for i in cases]
        subjects = {name for found in named for name in found if not all(name in other for other in named)}
        if named_in(question, [pool[i] for i in cases], ticket) & subjects:
            continue
        cases = sorted({*cases, *_others(cases, order, pool, scores)})
        told = [replace(narrowed(pool[i], asked), kind="item") for i in cases]
        if _ALL_WANTED.search(question.text):
            return Alternatives(told, "") if len(told) <= MOST else Alternatives([], "")
        kind = _kind(told) or _kind([unit for unit in pool if unit.subject and names(unit) & subjects])
        if not kind:
            continue
        ask = f"Which {kind} are you on?" if kind in ("plan", "tier", "edition") else f"Which {kind} is it about?"
        return Alternatives(told if len(told) <= MOST else [], ask)
    return Alternatives([], "")


def _cases(near: Sequence[int], pool: Sequence[Unit], asked: set[str]) -> list[int]:
    """The largest set of pieces that say the same of different names with different figures."""
    best: list[int] = []
    for first in near[:4]:
        found = [first]
        for i in near:
            if i != first and all(_differ(pool[i], pool[k], asked) for k in found):
                found.append(i)
        best = max(best, found, key=len)
    return best if len(best) > 1 else []


def _differ(unit: Unit, other: Unit, asked: set[str]) -> bool:
    if unit.passage.doc_id != other.passage.doc_id or bool(unit.subject) != bool(other.subject):
        return False
    unit, other = narrowed(unit, asked), narrowed(other, asked)
    here, there = names(unit), names(other)
    mine, theirs = _said(unit), _said(other)
    alike = len(mine & theirs) >= ALIKE * max(len(mine), len(theirs), 1)
    differ = bool(figures(unit) and figures(other)) and figures(unit) != figures(other)
    return bool(here and there and here != there and asked & mine) and alike and differ


def _said(unit: Unit) -> set[str]:
    """The stems of a piece but those of its names and figures."""
    own = {stem for name in names(unit) for stem in language.stems(name)}
    text = " ".join(name for name, _ in unit.cells) if unit.subject else unit.text
    return {stem for stem in language.stems(text) if not stem[0].isdigit()} - own


def _others(cases: Sequence[int], order: Sequence[int], pool: Sequence[Unit], scores: Sequence[float]) -> list[int]:
    """What the same section says, nearly as fitting, of names that no case has: "Starter has none"."""
    told = set().union(*(names(pool[i]) for i in cases))
    first = pool[cases[0]]
    found = []
    for i in order:
        unit = pool[i]
        here = unit.passage.doc_id == first.passage.doc_id and unit.headings == first.headings
        other = bool(names(unit)) and not names(unit) & told and not figures(unit)
        if here and other and unit.kind == first.kind and scores[i] >= AS_GOOD * min(scores[k] for k in cases):
            found.append(i)
    return found


def _kind(told: Sequence[Unit]) -> str:
    """What the namesakes are: the word that stands with their names in most of the pieces, or heads their column."""
    said = Counter(word for unit in told for word in set(_kinds_in(unit)))
    return said.most_common(1)[0][0] if said else ""


def _kinds_in(unit: Unit) -> list[str]:
    text = f"{unit.column} {unit.text}" if unit.subject else unit.text
    return [word.removesuffix("s") for word in language.words(text) if word.removesuffix("s") in _KINDS]
