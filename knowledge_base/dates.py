"""Dates and times in one normal form: ISO 8601 with less where less is said, quarters, weekdays, times of day."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

Found = tuple[Literal["date", "time"], str, str, int, int]
"""kind, value, time zone or "", start and end of the match."""

_MONTHS = """
    january february march april may june july august september october november december
    """.split()
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

# --- patterns: each begins with a plain character class, which `re` looks for many times faster ------------

_MONTH = rf"(?i:{'|'.join(_MONTHS).replace('may|', '')}|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\b\.?|May\b"
_MONTH_HINT = re.compile(r"[JFMASONDjfmasond](?<![A-Za-z].)(?i:an|eb|ar|pr|ay|un|ul|ug|ep|ct|ov|ec)")
_YEAR = r"(?:19|20)\d\d"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_TO_DAY = rf"(?:\s?(?:-|–|—|to|through|and|until)\s?(?:the\s)?(?P<{{}}>{_DAY})(?![\w:%./]|-\d))?"
_NAMED_DATE = re.compile(
    rf"""
    (?<!\w) (?:
          (?P<d1>\d{{1,2}})(?:st|nd|rd|th)?{_TO_DAY.replace("{}", "d1b")}[\s-](?:of\s)?(?:day\sof\s)? (?P<m1>{_MONTH})
        | (?P<m2>{_MONTH}) (?:\s(?:the\s)?(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?(?![\w:%]|\.\d|,\d{{3}}(?!\d))
            {_TO_DAY.replace("{}", "d2b")})? )
    (?:(?:,?\s(?:of\s)?|[-/,])(?P<y>{_YEAR})(?!\w)|(?<=[A-Za-z])-(?P<yy>\d\d)(?![\w-]))?
    """,
    re.VERBOSE,
)
ISO_DATE = re.compile(
    r"[12](?<![\w.-].)(?<!\w/.)\d{3}(?P<sep>[-/])(?P<m>\d\d)"
    r"(?:(?P=sep)(?P<d>\d\d)(?=T\d|(?![\w/]|-\w))|(?<=-\d\d)(?![\w/-]))"
)
SHORT_DATE = re.compile(
    r"\d(?<![\w/.-].)\d?(?P<sep>[-/.])(?P<b>\d{1,2})(?P=sep)(?P<y>(?:19|20)\d\d|(?<=/)\d\d)(?![\w/]|[.-]\d)"
)
QUARTER = re.compile(
    rf"""
    [QH1-4qhtsfl] (?<!\w.) (?:
      (?:(?<=[Qq])[1-4]|(?<=H)[12])
        (?:(?:\s(?:of\s)?(?:(?i:fiscal|calendar)\s(?:year\s)?)?(?:FY\s?)?|[-/'’]|\s['’])
          (?P<y1>{_YEAR}|\d\d\b(?<=['’/]\d\d))(?!\w))?
    | (?:(?<=[1-4])Q\s?(?P<y2>{_YEAR}|\d\d))
    | (?P<nth>(?:(?<=1)st|(?<=2)nd|(?<=3)rd|(?<=4)th|(?<=f)irst|(?<=s)econd|(?<=t)hird|(?<=f)ourth))
        \s(?P<what>quarter|half)
        (?:\s(?:of\s)?(?:the\s)?(?:(?:fiscal|calendar)\s)?(?:year\s)?(?P<y3>{_YEAR}))? )(?!\w)
    """,
    re.VERBOSE,
)
YEAR_QUARTER = re.compile(rf"(?<![\w.-])(?:FY\s?(?:{_YEAR}|\d\d)|{_YEAR})[\s-]?[QH][1-4](?!\w)")
FISCAL_YEAR = re.compile(rf"[Ff](?<!\w.)(?:(?<=F)Y\s?['’]?|(?i:iscal\s)(?i:years?\s)?)(?P<y>{_YEAR}|\d\d)(?!\w)")
_SHORT_DAY = r"(?:on|ues?|ed|hu(?:rs?)?|ri|at|un)\b\.?"  # without its first letter
WEEKDAY = re.compile(
    r"[MTWFSmtwfs](?<!\w.)(?:(?i:onday|uesday|ednesday|hursday|riday|aturday|unday)s?(?!\w)"
    rf"|{_SHORT_DAY}(?=,?\s(?:{_MONTH}\s)?\d))"
)
WEEKDAYS = re.compile(
    rf"[MTWFS](?<!\w.){_SHORT_DAY}(?:\s?[-–/]\s?|\s(?:to|through|thru)\s)(?P<until>[MTWFS]{_SHORT_DAY})"
)
_ZONE_NAMES = {"eastern": "ET", "central": "CT", "pacific": "PT", "mountain": "MT"}
_ZONE = (
    r"(?:\s?\(?(?P<{}>(?:UTC|GMT)(?:[+-]\d{1,2}(?::?\d\d)?)?"
    r"|(?:(?<=T\d\d:\d\d)|(?<=\d:\d\d:\d\d)|(?<=\.\d\d\d))[+-]\d\d:\d\d|Z|[ECMP][SD]?T|AK[SD]T|HST|CES?T|EES?T|WES?T|MSK|[BIJKS]ST|SGT|HKT"
    r"|A[CEW][SD]?T|NZ[SD]T|(?:Eastern|Central|Pacific|Mountain)(?:\s(?:Standard|Daylight))?\s[Tt]ime)(?![A-Za-z])\)?)?"
)
_HALF = r"(?:\s?(?P<{}>[aApP])\.?\s?[mM]\b\.?)"
TIME = re.compile(
    r"[T\d](?<![\w.:,$€£].)(?P<h>(?:(?<=T)\d\d|(?<=\d)\d?))(?:(?P<sep>[:.])(?P<m>\d\d)(?::(?P<s>\d\d)(?:[.,]\d+)?)?)?"
    + _HALF.replace("{}", "half") + "?" + _ZONE.replace("{}", "zone") + r"(?!\w|:\d)"
)  # fmt: skip
TIME_RANGE = re.compile(
    r"\d(?<![\w.:,$€£].)\d?(?::(?P<m1>\d\d))?(?P<gap>\s?(?:-|–|—|to|and|until)\s?)(?P<h2>\d{1,2})(?::(?P<m2>\d\d))?"
    + _HALF.replace("{}", "half") + _ZONE.replace("{}", "zone") + r"(?!\w|:\d)"
)  # fmt: skip
NAMED_TIME = re.compile(
    r"[nmNM1](?<!\w.)(?:(?<=1)2(?::00)?\s(?:noon|midnight|midday)"
    r"|(?:(?<=[nN])oon|(?<=[mM])idnight|(?<=[mM])idday))(?!\w)" + _ZONE.replace("{}", "zone")
)
MILITARY = re.compile(
    r"[01]\d(?<![\w.:,$€£]..)[0-5]\d"
    + _ZONE.replace("{}", "zone")
    + r"(?!\w)|2[0-3](?<![\w.:,$€£]..)[0-5]\d"
    + _ZONE.replace("{}", "zone2")
    + r"(?!\w)"
)

# --- readers: a match -> the facts in it -------------------------------------------------------------------


def _date(year: str | None, month: int, day: str | None, start: int, end: int) -> Iterator[Found]:
    if 1 <= month <= 12 and (day is None or 1 <= int(day) <= 31):
        value = f"{int(year)}-{month:02}" if year else f"--{month:02}"
        yield "date", f"{value}-{int(day):02}" if day else value, "", start, end


def iso_date(match: re.Match[str]) -> Iterator[Found]:
    """ "2026-03-01", "2026/03/01" or "2026-03"."""
    yield from _date(match[0][:4], int(match["m"]), match["d"], *match.span())


def named_dates(text: str) -> list[Found]:
    """ "March 1, 2026", "1 March", "March 1-15", "Mar 2026", but no month alone."""
    found: list[Found] = []
    end = 0
    for hint in _MONTH_HINT.finditer(text):  # the pattern is slow, and few texts name a month
        match = _NAMED_DATE.search(text, max(end, hint.start() - 30), hint.end() + 60)
        if match and hint.start() >= end:
            found += _named_date(match)
            end = match.end()
    return found


def _named_date(match: re.Match[str]) -> Iterator[Found]:
    first = "d1" if match["d1"] else "d2"
    name, second, year = (match["m1"] or match["m2"]).lower(), match[f"{first}b"], match["y"]
    year = f"20{match['yy']}" if match["yy"] else year
    if not (match[first] or year):
        return
    month = next(i for i, full in enumerate(_MONTHS, 1) if full.startswith(name[:3]))
    if not second:
        yield from _date(year, month, match[first], *match.span())
        return
    yield from _date(year, month, match[first], match.start(), match.end(first))
    yield from _date(year, month, re.sub(r"\D", "", second), match.start(f"{first}b"), match.end())


def short_date(match: re.Match[str]) -> Iterator[Found]:
    """ "03/04/2025" is two readings in one; "13/04/2025" and "03.04.2025" are one."""
    a = re.match(r"\d+", match[0])[0]  # type: ignore[index]  # the pattern begins with a digit
    year = match["y"] if len(match["y"]) == 4 else f"20{match['y']}"
    orders = {(int(match["b"]), a)} | ({(int(a), match["b"])} if match["sep"] != "." else set())
    readings = {value for month, day in orders for _, value, *_ in _date(year, month, day, 0, 0)}
    if readings:
        yield "date", "|".join(sorted(readings)), "", *match.span()


def quarter(match: re.Match[str]) -> Iterator[Found]:
    """ "Q3 2025", "3Q25", "third quarter of 2025", "H1 2025"; a quarter without a year is "--Q3"."""
    year = match["y1"] or match["y2"] or match["y3"]
    if match["nth"]:
        number = {"f": 4 if match["nth"] == "ourth" else 1, "s": 2, "t": 3}.get(match[0][0]) or int(match[0][0])
        if match["what"] == "half" and not year:
            return
        part = f"{'Q' if match['what'] == 'quarter' else 'H'}{number}"
    else:
        part = f"Q{match[0][0]}" if match["y2"] else match[0][:2].upper()
        if part[0] == "H" and not year:
            return
    year = f"20{year}" if year and len(year) == 2 else year
    if part < "H3" or part[0] == "Q":
        yield "date", f"{year or '-'}-{part}", "", *match.span()


def year_quarter(match: re.Match[str]) -> Iterator[Found]:
    """ "2025 Q3", "2025-Q3", "2025Q3"."""
    yield "date", f"20{re.sub(r'[^0-9]', '', match[0][:-2])[-2:]}-{match[0][-2:]}", "", *match.span()


def fiscal_year(match: re.Match[str]) -> Iterator[Found]:
    """ "FY2025", "FY25", "fiscal year 2025"."""
    yield "date", f"FY{match['y'] if len(match['y']) == 4 else '20' + match['y']}", "", *match.span()


def _weekday(written: str, start: int, end: int) -> Iterator[Found]:
    for day in _DAYS:
        if day.startswith(written[:3].lower()):  # "Sue 12" has the letters of a day, too
            yield "date", day, "", start, end


def weekday(match: re.Match[str]) -> Iterator[Found]:
    """ "Monday", "Mondays"; short forms only before a date: "Sat, March 1"."""
    yield from _weekday(match[0], *match.span())


def weekdays(match: re.Match[str]) -> Iterator[Found]:
    """ "Mon-Fri": its two ends."""
    yield from _weekday(match[0], match.start(), match.start() + 3)
    yield from _weekday(match["until"], *match.span("until"))


def _zone(written: str | None) -> str:
    if not written:
        return ""
    if known := _ZONE_NAMES.get(written.split()[0].lower()):
        return known if len(written.split()) == 2 else f"{known[0]}{written.split()[1][0].upper()}T"
    offset = re.fullmatch(r"(?:UTC|GMT)?([+-])(\d{1,2}):?(\d\d)?", written)
    if offset and (offset[2].strip("0") or (offset[3] or "").strip("0")):
        return f"UTC{offset[1]}{int(offset[2]):02}:{offset[3] or '00'}"
    return "UTC" if offset or written in ("Z", "GMT", "UTC") else written


def _clock(hour: int, minute: int, seconds: str | None, half: str) -> str:
    """The 24-hour time, or "" if there is none such."""
    if not (0 < hour < 13 if half else hour < 25) or minute > 59 or int(seconds or 0) > 60:
        return ""
    hour = hour % 12 + 12 * (half == "p") if half else hour % 24
    return f"{hour:02}:{minute:02}" + (f":{seconds}" if seconds and seconds != "00" else "")


def time_of_day(match: re.Match[str]) -> Iterator[Found]:
    """ "9 am", "09:00", "9.30 a.m.", "T17:00:00Z", "5 PM Eastern Time"."""
    half = (match["half"] or "").lower()
    hour = int(match["h"] if match[0][0] == "T" else match[0][0] + match["h"])
    told = (match["m"] and match["sep"] == ":") or half
    if told and (value := _clock(hour, int(match["m"] or 0), match["s"], half)):
        yield "time", value, _zone(match["zone"]), *match.span()


def time_range(match: re.Match[str]) -> Iterator[Found]:
    """ "9-11 am", "11-2 pm": the half of the day, written once, is that of the second time."""
    first = re.match(r"\d+", match[0])[0]  # type: ignore[index]  # the pattern begins with a digit
    half = match["half"].lower()
    earlier = int(first) % 12 < int(match["h2"]) % 12 or first == match["h2"]
    begin = _clock(int(first), int(match["m1"] or 0), None, half if earlier else "ap".replace(half, ""))
    end = _clock(int(match["h2"]), int(match["m2"] or 0), None, half)
    if begin and end:
        zone = _zone(match["zone"])
        yield "time", begin, zone, match.start(), match.start("gap")
        yield "time", end, zone, match.start("h2"), match.end()


def named_time(match: re.Match[str]) -> Iterator[Found]:
    """ "noon", "12 midnight"."""
    yield "time", "00:00" if "midnight" in match[0].lower() else "12:00", _zone(match["zone"]), *match.span()


def military_time(match: re.Match[str]) -> Iterator[Found]:
    """ "1700 UTC"; without a zone it is a number."""
    if zone := match["zone"] or match["zone2"]:
        yield "time", f"{match[0][:2]}:{match[0][2:4]}", _zone(zone), *match.span()
