"""Stating: does a passage state a fact, whatever the spelling, and where?

A fact is stated by an equal one, by one that implies it, or by a bare number whose unit stands beside it: in the
row's label ("Monthly fee | 12"), in the sentence before ("15 minutes for large ones. Small took me 8"), in the
other half of a list ("120 requests on Standard and 600 on Scale"). A different unit written there never counts.
"""

from __future__ import annotations

import re

from knowledge_base.context import tokens
from knowledge_base.evidence import AMOUNTS, Source, Unit, column, is_row
from knowledge_base.facts import Fact, key
from knowledge_base.text import cells, stems

_MOST = 64
_SAID_AS = {"year": {"annual"}, "day": {"daili"}, "USD": {"dollar"}, "EUR": {"euro"}, "%": {"percent", "percentag"}}
_PAYING = frozenset(
    stems("paid pay pays cost costs price priced quote quoted quotes charge charged fee fees wanted asking bucks bill")
)
_GENERIC = frozenset(("x", "time", "occasion", ""))
_NOUN_NEXT = re.compile(
    r"\s?(?!(?:and|or|on|for|of|in|to|with|at|per|from|but|by|if|when|after|each|a|an|the|is|was)\b)[A-Za-z]"
)
_NUMBER_OF = re.compile(r"(\d[\d,]*(?:\.\d+)?)-[a-z]")


def places(source: Source, fact: Fact) -> list[int]:
    """The units of `source` that state `fact`; -1 stands for its title, a heading above it, or its name."""
    known = source.found.get((fact.kind, fact.value, fact.unit))
    if known is None:
        known = source.found[fact.kind, fact.value, fact.unit] = _places(source, fact)
    return known


def _places(source: Source, fact: Fact) -> list[int]:
    if found := source.stated.get(key(fact)):
        return found[:_MOST]
    if key(fact)[0] == "literal":
        return _written(source, fact) or _named(source, fact) or _counted(source, fact)
    if fact.kind == "date":
        return [place for place, other in source.dates if fact.value in other.value.split("|")]
    if fact.kind not in AMOUNTS or not fact.unit:
        return []
    return [
        place for place, stated in source.valued.get(fact.value, ())[:_MOST] if _implies(source, place, stated, fact)
    ]


def _written(source: Source, fact: Fact) -> list[int]:
    command = fact.kind == "command"
    exact = fact.kind in ("command", "path", "url") or fact.value.startswith("-")  # -v and -V are two flags
    texts = [source.above, *(unit.uncoded if command else unit.plain for unit in source.units)]
    value, texts = (fact.value, texts) if exact else (fact.value.lower(), [text.lower() for text in texts])
    return [place for place, text in enumerate(texts, -1) if _stands_in(value, text, command)]


def _named(source: Source, fact: Fact) -> list[int]:
    """Whether the passage's id says the name: a file's name says what it is about, too."""
    said = fact.kind == "identifier" and fact.value.isalpha() and source.named.issuperset(stems(fact.value))
    return [-1] if said else []


def _counted(source: Source, fact: Fact) -> list[int]:
    """A number with its noun as one word ("15-gallon", "44-year-old"): the number stands there, the noun may differ."""
    if fact.kind != "identifier" or not (match := _NUMBER_OF.match(fact.value)):
        return []
    return [place for place, stated in source.valued.get(match[1].replace(",", ""), ()) if stated.kind in AMOUNTS]


def _implies(source: Source, place: int, stated: Fact, claimed: Fact) -> bool:
    if place < 0 or stated.kind not in AMOUNTS:
        return False
    missing, have = _parts(claimed.unit), _parts(stated.unit)
    if {claimed.unit, stated.unit} == {"%", "pp"}:
        return True  # "a bonus of +0.4%" is one of 0.4 percentage points
    if not have and missing == ["x"]:
        return True  # "8 times running" of 8 attempts in a row
    if have and missing[0] in _GENERIC and have[0] not in missing:
        return missing[1:] in (have[1:], have[:1])  # "twelve times a month" of twelve withdrawals a month
    if any(part not in missing for part in have):
        return False
    missing = [part for part in missing if part not in have]
    said = _said_beside(source.units[place], stated)
    alone = have or not re.match(r"\s?[A-Za-z]", source.evidence.text[stated.end : stated.end + 2])
    if alone and all(_SAID_AS.get(part, set()) & said or said.issuperset(stems(part) or {part}) for part in missing):
        return True
    return bool(have or not _NOUN_NEXT.match(source.evidence.text, stated.end)) and _elided(
        source, place, claimed, have
    )


def _said_beside(unit: Unit, stated: Fact) -> set[str]:
    """The words that may name what a number counts: those of its sentence and above it; in a row, of its own column."""
    if not is_row(unit):
        return unit.words.content | unit.around
    at = column(unit, stated)
    others = set().union(*(head for i, head in enumerate(unit.header) if i != at))
    mine = set(unit.header[at]) if at < len(unit.header) else set()
    row = cells(unit.text)
    own = {token.stem for cell in {row[0], row[min(at, len(row) - 1)]} for token in tokens(cell)}
    return own | (unit.around - others) | mine


def _parts(unit: str) -> list[str]:
    return unit.removeprefix("/").split("/") if unit else []


def _elided(source: Source, place: int, claimed: Fact, have: list[str]) -> bool:
    """Whether what a number lacks of its unit is that of another amount beside it, or money since it was paid."""
    near = [fact for other in source.units[max(0, place - 1) : place + 2] for fact in other.facts]
    head = _parts(claimed.unit)[0]
    if any(fact.unit == claimed.unit or (not have and _parts(fact.unit)[:1] == [head]) for fact in near):
        return True
    if claimed.kind != "money" or head in have:
        return False
    currencies = {_parts(fact.unit)[0] for _, fact, _ in source.amounts if fact.kind == "money"}
    return currencies <= {head} and not _PAYING.isdisjoint(source.units[place].words.content)


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


_FEW = 12


def is_aside(fact: Fact) -> bool:
    """Whether a number may be the writer's own count ("there are two ways"), which no passage need have."""
    if fact.kind not in ("number", "quantity") or any(character.isdigit() for character in fact.text):
        return False
    try:
        value = float(fact.value)
    except ValueError:
        return False
    return value <= 1 or (value <= _FEW and not fact.unit)
