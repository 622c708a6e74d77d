"""The time that a question asks about, and whether a text holds for it: $49 today is not what it cost in 2024."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from knowledge_base.facts import facts_in


class Period(NamedTuple):
    """The first and the last month of a time, each as 12 * year + month, months counted from 0.

    `now`: asked in the present tense, so that what holds today answers it, unless it was written later; `coming`: in
    the future tense.
    """

    first: int
    last: int
    now: bool = False
    coming: bool = False

    def meets(self, other: Period) -> bool:
        """Whether the two have a month in common. What holds from some day on is not told for all the future."""
        last = min(other.last, other.first + _FORESEEN) if self.coming else other.last
        return self.first <= last and other.first <= self.last


_FORESEEN = 24
"""Months for which what holds from some day on, without an end, is said to hold in the future."""


_ALONE = r"(?![\w%/]|[.,]\d|-\d(?!\d{3}))"
_YEAR = re.compile(rf"(?:(?<![\w$€£.,/#-])|(?<=(?:19|20)\d\d-))(?:19|20)\d\d{_ALONE}")
_IN = r"(?:in|during|for|from|since|before|after|until|till|by|as of|through|year|FY|back in|between)"
_DATED = re.compile(
    rf"\b{_IN} (?:the |early |late |mid-? ?|end of |start of |\w+,? (?:\d{{1,2}},? )?)?$", re.IGNORECASE
)
_BEFORE = re.compile(r"\b(?:before|until|till|prior to)\b[^,?]{0,12}$", re.IGNORECASE)
_THEN = re.compile(r"\b(?:did|was|were|had|will|used to|going to|would)\b", re.IGNORECASE)
_COMING = re.compile(r"\b(?:will|going to)\b", re.IGNORECASE)
_OF_A_VALUE = re.compile(r"\b(?:what|which|how (?:much|many|long|often|big|large|high)|when)\b", re.IGNORECASE)
_OF_THE_ASKER = re.compile(r"(?<!do )(?<!did )(?<!does )(?<!will )(?<!would )\b(?:I|we|my|our)\b")
_MANY = re.compile(
    r"\s(?:calls?|users?|seats?|people|requests?|items?|files?|rows?|[KMGT]B|euros?|dollars?)\b", re.IGNORECASE
)


@lru_cache(maxsize=256)
def period_asked(question: str) -> Period | None:
    """The year or month for which a question asks how things were, are or will be; None where it asks of no time.

    The year of something that the asker did or has ("the key I made in 2023") is not asked about.
    """
    for year in _YEAR.finditer(question):
        before = question[: year.start()]
        if not _DATED.search(before) or _OF_THE_ASKER.search(before) or _MANY.match(question, year.end()):
            continue
        then = bool(_THEN.search(before))
        if then or _OF_A_VALUE.search(before):
            dated = next((p for *_, p in _places(question) if p.first // 12 == int(year[0])), _year(year[0]))
            first = dated.first - 12 * bool(_BEFORE.search(before))
            return Period(first, dated.last, now=not then, coming=bool(_COMING.search(before)))
    return None


def holds_for(asked: Period, text: str, modified: str | None = None, *, in_force: bool = True) -> bool:
    """Whether a text, with its title and headings, is said of a time, or for a span of dates that the time is in.

    A page in force also speaks for the year in which it was last changed (`modified`, ISO 8601), and for later ones
    where the question is asked in the present tense.
    """
    if any(asked.meets(span) for span in _spans(text)):
        return True
    if not in_force or not modified:
        return in_force and asked.now
    written = _year(modified[:4])
    return asked.meets(written) or (asked.now and asked.first > written.last)


def _year(year: str) -> Period:
    return Period(12 * int(year), 12 * int(year) + 11)


_SINCE = re.compile(r"\b(?:since|from|starting|as of|after|effective|beginning)(?: on)?(?: the)?\s*$", re.IGNORECASE)
_UNTIL = re.compile(r"\b(?:until|till|before|through|up to|prior to|to|by)(?: the)?(?: end of)?\s*$", re.IGNORECASE)
_TO = re.compile(r"\s*(-|–|—|to|until|till|through|and)\s*", re.IGNORECASE)
_BETWEEN = re.compile(r"\b(?:between|from)\s*$", re.IGNORECASE)
_FIRST, _LAST = 0, 12 * 9999


@lru_cache(maxsize=4_096)
def _spans(text: str) -> tuple[Period, ...]:
    """The times that a text tells: its dates, and the spans that begin or end with one."""
    found: list[Period] = []
    places = _places(text)
    begun: Period | None = None  # the beginning of a span whose end comes next
    for i, (start, end, period) in enumerate(places):
        following = places[i + 1] if i + 1 < len(places) else None
        before = text[max(0, start - 24) : start]
        joint = _TO.fullmatch(text[end : following[0]]) if following else None
        if begun:
            found.append(Period(begun.first, period.last))
            begun = None
        elif joint and (joint[1].lower() != "and" or _BETWEEN.search(before)):
            begun = period
        elif _SINCE.search(before):
            found.append(Period(period.first, _LAST))
        elif _UNTIL.search(before):
            found.append(Period(_FIRST, period.last))
        else:
            found.append(period)
    return tuple(found)


def _places(text: str) -> list[tuple[int, int, Period]]:
    dated = [(f.start, f.end, p) for f in facts_in(text) if f.kind == "date" and (p := _of_date(f.value))]
    taken = [(start, end) for start, end, _ in dated]
    years = [
        (match.start(), match.end(), _year(match[0]))
        for match in _YEAR.finditer(text)
        if not any(start <= match.start() < end for start, end in taken) and not _MANY.match(text, match.end())
    ]
    return sorted([*dated, *years])


_ISO = re.compile(r"(?:FY)?(?P<year>\d{4})(?:-(?P<month>\d\d)|-Q(?P<quarter>[1-4])|-H(?P<half>[12]))?")


def _of_date(value: str) -> Period | None:
    """The months of a date as `facts` writes it; None for one without a year."""
    if not (found := _ISO.match(value)):
        return None
    begins = 12 * int(found["year"])
    for name, months in (("month", 1), ("quarter", 3), ("half", 6)):
        if found[name]:
            first = begins + (int(found[name]) - 1) * months
            return Period(first, first + months - 1)
    return Period(begins, begins + 11)
