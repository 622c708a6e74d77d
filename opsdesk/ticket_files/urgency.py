"""When a ticket is due and how urgent it is, from whatever a tool calls it. What cannot be read is no error."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo

from dateutil import parser

NORMAL = 2
"""The priority of a ticket that has none."""

_PRIORITIES: dict[str, int] = {
    **dict.fromkeys(("urgent", "critical", "blocker", "highest", "emergency", "immediate", "asap"), 0),
    **dict.fromkeys(("high", "major", "important"), 1),
    **dict.fromkeys(("normal", "medium", "moderate", "standard"), NORMAL),
    **dict.fromkeys(("low", "lowest", "minor", "trivial", "planning"), 3),
    **{f"{letter}{n}": max(0, min(n - 1, 3)) for letter in ("p", "s", "sev") for n in range(6)},
}
_ABOUT = frozenset(("priority", "prio", "severity", "sev", "urgency", "importance"))
_WORDS = re.compile(r"[^\W_]+")

_MOST = 64  # characters of a date
_YEAR = re.compile(r"\d{4}", re.ASCII)
_DAY = r"\d{4}-\d\d-\d\d"
_EXACT = re.compile(_DAY + r"(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
_JIRA = re.compile(r"(\d{1,2}/[a-z]{3}/)(\d\d)\b", re.ASCII | re.IGNORECASE)
_GERMAN = re.compile(r"\s*\d{1,2}\.\d{1,2}\.\d{4}", re.ASCII)
# Read over both of these, a date that leaves out its year, month, day or hour gives two different ones.
_EARLY, _LATE = datetime(2001, 1, 1, 0), datetime(2002, 2, 2, 1)


def priority_of(text: str) -> int:
    """0 urgent, 1 high, 2 normal, 3 low, by the first word that says so; normal where none does.

    P1 to P4, S1 and SEV1 count from urgent. A bare number says nothing: tools count in both directions.
    """
    return next((_PRIORITIES[word] for word in _words(text) if word in _PRIORITIES), NORMAL)


def is_priority(label: str) -> bool:
    """Whether a label is about priority and nothing else: `P1`, `priority: high`, not `high contrast`."""
    words = _words(label)
    return any(word in _PRIORITIES for word in words) and all(word in _PRIORITIES or word in _ABOUT for word in words)


def _words(text: str) -> list[str]:
    return _WORDS.findall(text[:200].casefold())


def due_at(text: str) -> str:
    """A date, with or without a time -> ISO 8601 in UTC, to the second; "" for what is none, or lacks a part.

    A date alone is the end of that day. A time without an offset is taken as UTC. Where day and month could be
    either the earlier date is taken: a ticket worked too soon does no harm.
    """
    text = _JIRA.sub(r"\g<1>20\2", text.strip()[: _MOST + 1])
    if len(text) > _MOST or not _YEAR.search(text):
        return ""
    readings = [moment for day_first in _orders(text) if (moment := _read(text, day_first)) is not None]
    return min(readings).isoformat(timespec="seconds") if readings else ""


def _orders(text: str) -> tuple[bool, ...]:
    if _GERMAN.match(text):
        return (True,)
    return (False, True) if "/" in text else (False,)


def _read(text: str, day_first: bool) -> datetime | None:
    try:
        if _EXACT.fullmatch(text):  # as most tools write it; twenty times as fast
            exact = datetime.fromisoformat(text)
            return _in_utc(exact if ":" in text else _end_of_day(exact))
        early: datetime = parser.parse(text, default=_EARLY, dayfirst=day_first, tzinfos=_zone)
        late: datetime = parser.parse(text, default=_LATE, dayfirst=day_first, tzinfos=_zone)
        if early.date() != late.date():
            return None
        if early.hour != late.hour:
            early = _end_of_day(early)
        return _in_utc(early)
    except (ValueError, OverflowError):
        return None


def _end_of_day(moment: datetime) -> datetime:
    return datetime.combine(moment, time(23, 59, 59), moment.tzinfo)


def _in_utc(moment: datetime) -> datetime:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _zone(_: str | None, offset: int | None) -> tzinfo:
    """A zone's name means what this computer thinks it does, or nothing; its offset is the same everywhere."""
    return timezone(timedelta(seconds=offset)) if offset else UTC
