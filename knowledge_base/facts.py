"""Facts: the numbers, prices, dates, names of things and commands in a text, each in one normal form.

A fact is what an answer may not get wrong by one character. Spellings of one meaning ("$1,200",
"USD 1200.00", "1.2k dollars") share a `key`, so that a claim is compared with its source by meaning.

Passes run over the text from the most to the least specific; each blanks out what it read, so facts
never overlap. Patterns start at a token boundary and are bounded, which keeps reading linear.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from knowledge_base import dates
from knowledge_base.amounts import amounts_in, is_amount
from knowledge_base.folding import ESCAPE, folded, latin
from knowledge_base.remembered import remembered
from knowledge_base.text import visible
from knowledge_base.units import in_base, is_unit, plain, two_decimals

Kind = Literal[
    "money", "percent", "quantity", "number", "date", "time", "version",
    "identifier", "command", "path", "url", "email",
]  # fmt: skip
Key = tuple[str, str, str]
"""(family, value, unit). The family is "amount" for every number and "literal" for what counts as written."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact of a text: `text == source[start:end]`.

    `value` is canonical: plain decimal digits ("1200", "0.5"), as written for bare numbers and versions
    ("3.10"), "n/d" and "n:d" for ratios; ISO 8601 dates with less where less is said ("2026-03-01",
    "2026-03", "--03-01", "2026-Q1", "monday"); 24-hour times ("09:00"); "|" between the readings of an
    ambiguous date or price ("2026-01-03|2026-03-01", "1.2|1200"); lower-case identifiers ("auth-417");
    commands with single spaces and no prompt.
    `unit` is canonical: an ISO 4217 code, "%", "day", "MB", a time zone, "x" (times), "th" (in a row),
    "part" (of a whole), or ""; what it is counted by follows a slash ("request/minute", "USD/user/month").
    """

    kind: Kind
    value: str
    unit: str
    start: int
    end: int
    text: str


_Found = tuple[Kind, str, str, int, int]  # kind, value, unit, start and end in the folded text

# --- patterns --------------------------------------------------------------------------------------

_BLANK = "\x01"
_DIGIT = re.compile(r"\d")
_SPACE = re.compile(r"\s")
_FENCED = re.compile(r"^[ \t]*(`{3}|~{3})[^\n]*\n(?P<body>.*?)(?:^[ \t]*\1|\Z)", re.MULTILINE | re.DOTALL)
_LINE = re.compile(r"(?P<prompt>[ \t]*(?:[$>]\s+)?)(?P<line>(?:\\\n|[^\n])*)(?:\n|\Z)")
_INLINE = re.compile(r"`([^`\n]{1,300})`")
_URL = re.compile(r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{1,15}://[^\s<>\"'`\x01|\\)\]]*[\w/#=&]")
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_PATH = re.compile(
    r"(?<![\w/.:~<\\)\]-])(?:(?:~|\.{1,2})?/(?=[\w.{$-])|[A-Za-z]:\\)[\w./\\@%+~{}$*=:-]*[\w/}*]"
    r"|(?<![\w/.-])[\w.-]+(?:/[\w.-]+)+\.[A-Za-z]\w{0,5}(?!\w)"
)
_POINTER = re.compile(
    r"[spfdSPFD](?<!\w.)(?i:teps?|assages?|ources?|ections?|igures?|ocuments?)\s#?\d+(?:\.\d+)*"
    r"(?:(?:\s?(?:,|-|–)\s?|\s(?:and|or|to)\s)\d+(?:\.\d+)*)*(?![\w%])"
)
_CITATION = re.compile(r"\[\^?\d{1,3}(?:\s*[,;–-]\s*\^?\d{1,3})*\](?!\()")
_RUN_IN_NUMBER = re.compile(r"\d(?<=[:;,.]\s\d)\d?\)(?=\s)")
_LIST_NUMBER = re.compile(r"^[ \t>*-]{0,20}(?P<n>\d{1,3})(?:\.\d{1,2})*[.)](?=\s)", re.MULTILINE)
_PHONE = re.compile(
    r"[+(\d](?<![\w.-].)(?:(?<=\+)\d{1,3}(?:[\s.-]?\(?\d{2,4}\)?){2,5}"
    r"|(?:(?<=1)[\s.-]\(?)?(?:(?<=\()\d{3}|(?<!\()\d{2,3})(?:\)\s?|[.-])\d{3}[\s.-]\d{4})(?!\w|-\d)"
)
_ACCOUNT = re.compile(
    r"\d(?<![\w.-].)(?:\d\d-\d\d-\d{4}|\d{3}-\d{4}-\d{4}|\d{3}(?P<gap>[ -])\d{4}(?P=gap)\d{4}(?P=gap)\d{4})(?![\w-])"
)
_ADDRESS = re.compile(r"\d(?<![\w.].)\d{0,2}(?:\.\d{1,3}){3}(?:/\d{1,2}|:\d{2,5})(?!\w)")
_VERSION = re.compile(
    r"[vV\d](?<![\w.].)(?:(?<=[vV])\d+(?:\.\d+)*|(?<=\d)\d*(?:\.\d+){2,}|(?:(?<=ersion\s\d)|(?<=elease\s\d)|(?<=ver\.\s\d))\d{0,3}(?:\.\d+)*)"
    r"(?:[-+][A-Za-z][\w.]*)?(?!\w|\.\d|[,/]\d)"
)
_AROUND_THE_CLOCK = re.compile(
    r"2(?<![\w.].)4\s?[/x×]\s?7(?P<year>\s?[/x×]\s?365)?(?!\w)"
    r"|2(?<![\w.].)4\shours(?:\s(?:a|per)\sday|/day)?,?\s(?:and\s)?(?:7|seven)\sdays(?:\s(?:a|per)\sweek|/week)(?!\w)"
)
_UNREADABLE = re.compile(
    r"[$€£¥₹\dOolI](?:"
    r"(?<=[$€£¥₹])(?:(?=\w*[^\W\d])\w+(?:[.,][OolI\d]+(?!\w))*|\d{1,3}(?:[.,][OolI\d]{1,3}){1,5}(?<=[OolI])(?!\w))"
    r"|(?<=\d)(?<!\w.)\d{0,2}(?:[.,][OolI\d]{1,3}){1,5}(?<=[OolI])(?!\w)"
    r"|(?<=[OolI])(?<!\w.)[OolI\d]*\s?%)"
)
_TOKEN = re.compile(
    r"(?<![\w-])--?[A-Za-z][\w-]*(?:=[\w./:-]*\w)?"  # below: most words are passed over by the lookahead, for speed
    r"|(?<![\w.])(?=[A-Z]*[a-z]*+(?:[A-Z\d_]|[^\x00-\x7f]|[-.:@]\w))\w+(?:[-.:@]\w+)*"
)
_LEFT_OVER = re.compile(r"\d(?<!\d\d)\w*")
_LETTER_CASE = re.compile(r"[a-z][A-Z]")

# --- readers: a match -> the facts in it -------------------------------------------------------------


def _code_lines(match: re.Match[str]) -> Iterator[_Found]:
    for line in _LINE.finditer(match["body"]):
        value = one_line(line["line"].replace("\\\n", " "))
        if not value.startswith(("#", "//")) and any(c.isalnum() for c in value):  # a comment is read like prose
            start = match.start("body") + line.start("line")
            yield "command", value, "", start, start + len(line["line"].rstrip())


def _inline(match: re.Match[str]) -> Iterator[_Found]:
    code = one_line(match[1]).removeprefix("$ ")
    if not code or any(pattern.fullmatch(code) for pattern in _OWN_PASS) or is_amount(code):
        return  # a later pass reads what it is
    if " " in code:
        yield "command", code, "", match.start(), match.end()
    else:
        yield "identifier", code.lower(), "", match.start(), match.end()


def _url(match: re.Match[str]) -> Iterator[_Found]:
    scheme, rest = match[0].split("://", 1)
    host, slash, path = rest.partition("/")
    yield "url", f"{scheme.lower()}://{host.lower()}{slash}{path}".rstrip("/"), "", *match.span()


def _as_written(match: re.Match[str]) -> Iterator[_Found]:
    yield "identifier", match[0].lower(), "", *match.span()


def _email(match: re.Match[str]) -> Iterator[_Found]:
    yield "email", match[0].lower(), "", *match.span()


def _path(match: re.Match[str]) -> Iterator[_Found]:
    start = match.start()
    path = match[0].rstrip("*:") if match.string[start - 1 : start] == "*" else match[0]  # in bold
    if re.search(r"[^\W\d_]", path) and not is_unit(path.strip("/")):
        yield "path", path, "", start, start + len(path)


def _digits_only(match: re.Match[str]) -> Iterator[_Found]:
    """The number of a telephone or an account, without its punctuation; "+1" is the default country."""
    digits = re.sub(r"\D", "", match[0])
    if 9 <= len(digits) <= 16:
        yield "identifier", digits[1:] if len(digits) == 11 and digits[0] == "1" else digits, "", *match.span()


def _version(match: re.Match[str]) -> Iterator[_Found]:
    if not re.fullmatch(r"\d{1,3}(?:\.\d{3}){2,}", match[0]):  # 1.200.000 is a number
        yield "version", match[0].lower().removeprefix("v"), "", *match.span()


def _around_the_clock(match: re.Match[str]) -> Iterator[_Found]:
    yield "number", "24/7/365" if match["year"] else "24/7", "", *match.span()


def _unreadable(match: re.Match[str]) -> Iterator[_Found]:
    """A price or number with letters in it: nobody can tell what it says, so it equals only itself."""
    if not (any(c.isdigit() for c in match[0]) and is_amount(match[0])):
        yield "identifier", match[0].lower(), "", *match.span()


def _identifier(match: re.Match[str]) -> Iterator[_Found]:
    token = match[0]
    if token.startswith("-"):
        if token.startswith("--") or len(token) == 2:
            yield "identifier", token, "", *match.span()  # -v and -V are two flags
    elif _is_name(token):
        yield "identifier", token.lower(), "", *match.span()


def _is_name(token: str) -> bool:
    """Whether a word is the name of a thing: letters with digits, snake_case, camelCase or dotted."""
    if _DIGIT.search(token):
        amounts = all(p.isdigit() or is_unit(p) or is_amount(p) for p in token.split("-"))  # "30-day", "5-10k"
        return any(c.isalpha() for c in token) and not (amounts or is_amount(token))
    if "_" in token.strip("_") or _LETTER_CASE.search(token):
        return not is_unit(token)
    if "." not in token:
        return False
    first, *others = token.split(".")  # neither "e.g" nor two sentences without a space between them
    return len(first) > 1 and bool(others) and all(len(other) > 1 and other[0].islower() for other in others)


def _left_over(match: re.Match[str]) -> Iterator[_Found]:
    start, text = match.start(), match.string
    while start and (text[start - 1].isalnum() or text[start - 1] == "_"):
        start -= 1
    value = text[start : match.end()]
    yield "number" if value.isdecimal() else "identifier", value.lower(), "", start, match.end()


# --- one text ----------------------------------------------------------------------------------------

_Pass = tuple[str, re.Pattern[str], Callable[[re.Match[str]], Iterator[_Found]]]
"""Characters without one of which there is nothing to find, the pattern, and its reader."""
_CODE: tuple[_Pass, ...] = (("`~", _FENCED, _code_lines), ("`", _INLINE, _inline))
_AS_WRITTEN: tuple[_Pass, ...] = (("/", _URL, _url), ("@", _EMAIL, _email), ("/\\", _PATH, _path))
_WITH_DIGITS: tuple[_Pass, ...] = (
    ("", dates.ISO_DATE, dates.iso_date),
    ("", _ACCOUNT, _digits_only),
    (")-.+", _PHONE, _digits_only),
    (".", _ADDRESS, _as_written),
    ("/x×s", _AROUND_THE_CLOCK, _around_the_clock),
    ("Q", dates.YEAR_QUARTER, dates.year_quarter),
    ("QHhq", dates.QUARTER, dates.quarter),
    ("Ff", dates.FISCAL_YEAR, dates.fiscal_year),
    ("/.-", dates.SHORT_DATE, dates.short_date),
    ("mM", dates.TIME_RANGE, dates.time_range),
    (":mM", dates.TIME, dates.time_of_day),
    ("TCZ", dates.MILITARY, dates.military_time),
    (".vVr", _VERSION, _version),
)
_WORDS: tuple[_Pass, ...] = (
    ("-–/ot", dates.WEEKDAYS, dates.weekdays),
    ("", dates.WEEKDAY, dates.weekday),
    ("nNd", dates.NAMED_TIME, dates.named_time),
)
_MORE_THAN_A_NAME = re.compile(r"[\s()=]")  # "replicas = 3", "(96/4)/60"
_STAMP = re.compile(r"\d{1,2}(?::\d\d){1,2}|\d{4}-\d\d-\d\d(?:T[\d:.]+Z?)?|\d{1,4}/\d{1,4}(?:/\d{2,4})?")
_OWN_PASS = (_URL, _PATH, _EMAIL, _STAMP, _VERSION)


@remembered(8_192)
def facts_in(text: str) -> list[Fact]:
    """The facts of `text` in order; none overlaps another.

    Numbers that only point at something are no facts: list numbers, "step 2", "passage 3", "[1]".
    """
    rest, offsets = folded(text)
    rest, found = _read(_CODE, rest)
    for one in _AS_WRITTEN:
        rest, more = _read_around(one, rest)
        found += more
    rest = latin(rest)  # not before: a look-alike in a command, an address or a link is no harmless spelling
    rest, more = _read((("", _UNREADABLE, _unreadable),), rest)
    found += more
    if _DIGIT.search(rest):
        rest = _without_pointers(rest)
        more = [*dates.named_dates(rest)]
        rest = _blanked(rest, more)
        found += more
        rest, more = _read(_WITH_DIGITS, rest)
        found += more
    rest, more = _read(_WORDS, rest)
    found += more
    rest, names = _read((("", _TOKEN, _identifier),), rest)
    amounts = amounts_in(rest)
    _, left = _read((("", _LEFT_OVER, _left_over),), _blanked(rest, amounts))
    facts = sorted([*found, *names, *amounts, *left], key=lambda fact: fact[3])
    spans = [(offsets[start], offsets[end - 1] + 1) for *_, start, end in facts]
    return [
        Fact(kind, value, unit, start, end, text[start:end])
        for (kind, value, unit, *_), (start, end) in zip(facts, spans, strict=True)
    ]


def one_line(text: str) -> str:
    """`text` as a reader sees it, with single spaces: the form in which commands and names are looked for."""
    return " ".join(ESCAPE.sub("", visible(text)).split())


def _read(passes: Iterable[_Pass], text: str) -> tuple[str, list[_Found]]:
    found: list[_Found] = []
    for hints, pattern, reader in passes:
        if hints and not any(hint in text for hint in hints):
            continue
        facts = [fact for match in pattern.finditer(text) for fact in reader(match)]
        text = _blanked(text, facts)
        found += facts
    return text, found


def _read_around(one: _Pass, text: str) -> tuple[str, list[_Found]]:
    """`_read` where only the words that hold one of the hints are looked at."""
    hints, pattern, reader = one
    found: list[_Found] = []
    end = 0
    for hint in re.finditer(f"[{re.escape(hints)}]", text):
        if hint.start() >= end:
            start = max(end, *(text.rfind(space, end, hint.start()) + 1 for space in " \n\t"))
            after = _SPACE.search(text, hint.end())
            end = after.start() if after else len(text)
            found += [fact for match in pattern.finditer(text, start, end) for fact in reader(match)]
    return _blanked(text, found), found


def _blanked(text: str, facts: Sequence[_Found]) -> str:
    """`text` with every fact replaced by as many characters that no pattern takes for a part of a word."""
    pieces, position = [], 0
    for *_, start, end in facts:
        pieces += [text[position:start], _BLANK * (end - start)]
        position = end
    return "".join([*pieces, text[position:]]) if facts else text


def _without_pointers(text: str) -> str:
    """`text` without the numbers that only point at something."""
    text = _without_list_numbers(text)
    for hint, pattern in (("[", _CITATION), (")", _RUN_IN_NUMBER), ("", _POINTER)):
        if hint in text:
            text = pattern.sub(lambda match: " " * len(match[0]), text)
    return text


def _without_list_numbers(text: str) -> str:
    """`text` without its list numbers; a number that does not continue a list stays, being a wrapped line's."""
    seen = {0}

    def dropped(match: re.Match[str]) -> str:
        number = int(match["n"])
        if number not in seen and number - 1 not in seen:
            return match[0]
        seen.add(number)
        return " " * len(match[0])

    return _LIST_NUMBER.sub(dropped, text)


# --- comparing -----------------------------------------------------------------------------------------


def key(fact: Fact) -> Key:
    """What `fact` says, whatever its spelling: facts with equal keys mean the same."""
    if fact.kind in ("date", "time", "version"):
        return fact.kind, fact.value, fact.unit
    if fact.kind in ("money", "percent", "quantity", "number"):
        return "amount", *in_base(fact.value, fact.unit)
    return "literal", fact.value, ""


def implied(fact: Fact) -> set[Key]:
    """The keys of all that a text states which states `fact`: "600 requests per minute" also states "600"."""
    keys = {key(fact)}
    if fact.kind in ("command", "identifier") and _DIGIT.search(fact.value) and _MORE_THAN_A_NAME.search(fact.value):
        keys |= {key(part) for part in facts_in(fact.value.replace("`", " "))}
    elif fact.kind == "date" and "-Q" in fact.value and fact.value[0] != "-":
        keys |= {("date", "--" + fact.value[5:], ""), ("amount", fact.value[:4], "")}
    elif fact.kind == "date" and fact.value[:2] in ("19", "20", "--") and "|" not in fact.value:
        year, month, day = (*fact.value.replace("--", "0000-").split("-"), "")[:3]
        keys |= {("date", f"{year}-{month}", ""), ("amount", year, "")} if year != "0000" else set()
        if day:
            keys |= {("date", f"--{month}-{day}", "")}
            if day <= "12" and year != "0000":
                keys |= {("date", "|".join(sorted((f"{year}-{month}-{day}", f"{year}-{day}-{month}"))), "")}
    elif fact.kind == "time":
        keys |= {("time", fact.value, "")}
    elif fact.kind == "version":
        keys |= {("amount", fact.value, "")}
    elif fact.kind == "number":
        keys |= {("version", fact.value, "")}
        if fact.value == "24/7":
            keys |= {("amount", "24", "hour/day"), ("amount", "7", "day/week")}
    elif fact.kind in ("money", "percent", "quantity") and fact.unit not in ("th", "part"):
        keys |= {("amount", fact.value, ""), ("amount", two_decimals(fact.value), "")}
        parts = fact.unit.split("/")
        keys |= {("amount", fact.value, "/".join(parts[:n])) for n in range(1, len(parts))}
        if fact.kind == "money" and re.fullmatch(r"\d{1,6}(?:\.\d{1,3})?", fact.value):
            keys |= {("amount", reading, fact.unit) for reading in _ambiguous(Decimal(fact.value))}
    return keys


def _ambiguous(value: Decimal) -> Iterator[str]:
    """The values of prices such as "1.200 EUR" of which `value` is one reading."""
    if value < 1000:
        yield f"{plain(value)}|{plain(value * 1000)}"
    elif value == value.to_integral_value():
        yield f"{plain(value / 1000)}|{plain(value)}"
