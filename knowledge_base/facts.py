"""Facts: the numbers, prices, dates, names of things and commands in a text, each in one normal form.

A fact is what an answer may not get wrong by one character. Spellings of one meaning ("$1,200",
"USD 1200.00", "1.2k dollars") share a `key`, so that a claim is compared with its source by meaning.

Passes run over the text from the most to the least specific; each blanks out what it read, so facts
never overlap. Patterns start at a token boundary and are bounded, which keeps reading linear.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from knowledge_base.amounts import amounts_in, in_base, is_amount, is_unit, two_decimals
from knowledge_base.text import visible

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
    ("3.10"); ISO 8601 dates with less where less is said ("2026-03-01", "2026-03", "--03-01") and "|"
    between the readings of an ambiguous one ("2026-01-03|2026-03-01"); 24-hour times ("09:00");
    lower-case identifiers ("auth-417"); commands with single spaces and no prompt.
    `unit` is canonical: an ISO 4217 code, "%", "day", "MB", a time zone, or ""; what it is counted by
    follows a slash ("request/minute", "USD/user/month").
    """

    kind: Kind
    value: str
    unit: str
    start: int
    end: int
    text: str


_Found = tuple[Kind, str, str, int, int]  # kind, value, unit, start and end in the folded text

_MONTHS = """
    january february march april may june july august september october november december
    """.split()

# --- patterns --------------------------------------------------------------------------------------

_BLANK = "\x01"
_FRACTION_SLASH = "\u2044"
_DIGIT = re.compile(r"\d")
_GROUPING_SPACE = re.compile(r"(?<=\d)[\u00a0\u2007\u2009\u202f](?=\d{3}(?!\d))")
_ESCAPE = re.compile(r"\\(?=[-_.*+#!()\[\]{}<>|~:])")  # of Markdown
_FENCED = re.compile(r"^[ \t]*(`{3}|~{3})[^\n]*\n(?P<body>.*?)(?:^[ \t]*\1|\Z)", re.MULTILINE | re.DOTALL)
_LINE = re.compile(r"(?P<prompt>[ \t]*(?:[$>]\s+)?)(?P<line>(?:\\\n|[^\n])*)(?:\n|\Z)")
_INLINE = re.compile(r"`([^`\n]{1,300})`")
_URL = re.compile(r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{1,15}://[^\s<>\"'`\x01|\\)\]]*[\w/#=&]")
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_PATH = re.compile(
    r"(?<![\w/.:~<\\-])(?:(?:~|\.{1,2})?/(?=[\w.{$-])|[A-Za-z]:\\)[\w./\\@%+~{}$*=:-]*[\w/}*]"
    r"|(?<![\w/.-])[\w.-]+(?:/[\w.-]+)+\.[A-Za-z]\w{0,5}(?!\w)"
)
_NOT_A_FACT = re.compile(
    r"\[\^?\d{1,3}(?:\s*[,;–-]\s*\^?\d{1,3})*\](?!\()"
    r"|(?i:\b(?:steps?|passages?|sources?|sections?|figures?|documents?)\s#?\d+(?:\.\d+)*"
    r"(?:(?:\s?(?:,|-|–)\s?|\s(?:and|or|to)\s)\d+(?:\.\d+)*)*)(?![\w%])"
    r"|(?<=[:;,.]\s)\d{1,2}\)(?=\s)"
)
_LIST_NUMBER = re.compile(r"^[ \t>*-]{0,20}(?P<n>\d{1,3})(?:\.\d{1,2})*[.)](?=\s)", re.MULTILINE)
_ISO_DATE = re.compile(r"(?<![\w-])(?P<y>\d{4})([-/])(?P<m>\d\d)\2(?P<d>\d\d)(?=T\d|(?![\w-]))")
_MONTH = rf"(?i:{'|'.join(_MONTHS).replace('may|', '')}|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\b\.?|May\b"
_NAMED_DATE = re.compile(
    rf"""
    (?<!\w) (?: (?P<d1>\d{{1,2}})(?:st|nd|rd|th)?\s(?:of\s)? (?P<m1>{_MONTH})
        | (?P<m2>{_MONTH}) (?:\s(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?(?![\w:%]))? )
    (?:,?\s(?P<y>(?:19|20)\d\d)(?!\w))?
    """,
    re.VERBOSE,
)
_SHORT_DATE = re.compile(r"(?<![\w/.])(?P<a>\d{1,2})([/.])(?P<b>\d{1,2})\2(?P<y>(?:19|20)\d\d|\d\d)(?![\w/]|\.\d)")
_TIME = re.compile(
    r"(?<![\w.:])T?(?P<h>\d{1,2})(?::(?P<m>\d\d)(?::(?P<s>\d\d)(?:\.\d+)?)?)?(?:\s?(?P<half>[aApP])\.?[mM]\b\.?)?"
    r"(?:\s?(?P<zone>UTC|GMT|Z|[ECMP][SD]?T|CES?T|BST|IST|JST|AES?T)\b)?(?![\w:])"
)
_VERSION = re.compile(r"(?<![\w.])(?:[vV]\d+(?:\.\d+)*|\d+(?:\.\d+){2,})(?:[-+][A-Za-z][\w.]*)?(?![\w]|\.\d)")
_TOKEN = re.compile(
    r"(?<![\w-])--?[A-Za-z][\w-]*"  # below: most words are passed over by the lookahead, for speed
    r"|(?<![\w.])(?=[A-Z]*[a-z]*+(?:[A-Z\d_]|[^\x00-\x7f]|[-.:@]\w))\w+(?:[-.:@]\w+)*"
)
_LEFT_OVER = re.compile(r"(?<!\w)[^\W\d]*+\d\w*")

# --- readers: a match -> the facts in it -------------------------------------------------------------


def _code_lines(match: re.Match[str]) -> Iterator[_Found]:
    for line in _LINE.finditer(match["body"]):
        value = one_line(line["line"].replace("\\\n", " "))
        if value and not value.startswith(("#", "//")):  # a comment is read like prose
            start = match.start("body") + line.start("line")
            yield "command", value, "", start, start + len(line["line"].rstrip())


def _inline(match: re.Match[str]) -> Iterator[_Found]:
    code = one_line(match[1]).removeprefix("$ ")
    if not code or is_amount(code) or any(p.fullmatch(code) for p in (_URL, _PATH, _EMAIL, _ISO_DATE, _VERSION)):
        return  # a later pass reads what it is
    if " " in code:
        yield "command", code, "", match.start(), match.end()
    else:
        yield "identifier", code.lower(), "", match.start(), match.end()


def _url(match: re.Match[str]) -> Iterator[_Found]:
    scheme, rest = match[0].split("://", 1)
    host, slash, path = rest.partition("/")
    yield "url", f"{scheme.lower()}://{host.lower()}{slash}{path}".rstrip("/"), "", *match.span()


def _email(match: re.Match[str]) -> Iterator[_Found]:
    yield "email", match[0].lower(), "", *match.span()


def _path(match: re.Match[str]) -> Iterator[_Found]:
    if re.search(r"[^\W\d_]", match[0]) and not is_unit(match[0].strip("/")):
        yield "path", match[0], "", *match.span()


def _date(match: re.Match[str], year: str | None, month: int, day: str | None) -> Iterator[_Found]:
    if 1 <= month <= 12 and (day is None or 1 <= int(day) <= 31):
        start = f"{int(year)}-{month:02}" if year else f"--{month:02}"
        yield "date", f"{start}-{int(day):02}" if day else start, "", *match.span()


def _iso_date(match: re.Match[str]) -> Iterator[_Found]:
    yield from _date(match, match["y"], int(match["m"]), match["d"])


def _named_date(match: re.Match[str]) -> Iterator[_Found]:
    day, name = match["d1"] or match["d2"], (match["m1"] or match["m2"]).lower()
    if day or match["y"]:
        month = next(i for i, full in enumerate(_MONTHS, 1) if full.startswith(name[:3]))
        yield from _date(match, match["y"], month, day)


def _short_date(match: re.Match[str]) -> Iterator[_Found]:
    year = match["y"] if len(match["y"]) == 4 else f"20{match['y']}"
    orders = {(int(match["b"]), match["a"])} | ({(int(match["a"]), match["b"])} if match[2] == "/" else set())
    readings = {value for month, day in orders for _, value, *_ in _date(match, year, month, day)}
    if readings:
        yield "date", "|".join(sorted(readings)), "", *match.span()


def _time(match: re.Match[str]) -> Iterator[_Found]:
    hour, minute, half = int(match["h"]), int(match["m"] or 0), (match["half"] or "").lower()
    if (match["m"] or half) and hour < (13 if half else 25) and minute < 60:
        hour = hour % 12 + 12 * (half == "p") if half else hour
        seconds = f":{match['s']}" if match["s"] and match["s"] != "00" else ""
        zone = "UTC" if match["zone"] in ("Z", "GMT") else match["zone"] or ""
        yield "time", f"{hour:02}:{minute:02}{seconds}", zone, *match.span()


def _version(match: re.Match[str]) -> Iterator[_Found]:
    if not re.fullmatch(r"\d{1,3}(?:\.\d{3}){2,}", match[0]):  # 1.200.000 is a number
        yield "version", match[0].lower().removeprefix("v"), "", *match.span()


def _identifier(match: re.Match[str]) -> Iterator[_Found]:
    token = match[0]
    if token.startswith("-"):
        if token.startswith("--") or len(token) == 2:
            yield "identifier", token, "", *match.span()  # -v and -V are two flags
    elif _is_name(token):
        yield "identifier", token.lower(), "", *match.span()


def _is_name(token: str) -> bool:
    """Whether a word is the name of a thing: letters with digits, snake_case, camelCase or dotted."""
    if any(c.isdigit() for c in token):
        amounts = all(p.isdigit() or is_unit(p) or is_amount(p) for p in token.split("-"))  # "30-day", "5-10k"
        return any(c.isalpha() for c in token) and not (amounts or is_amount(token))
    if "_" in token.strip("_") or re.search(r"[a-z][A-Z]", token):
        return True
    first, *others = token.split(".")  # neither "e.g" nor two sentences without a space between them
    return len(first) > 1 and bool(others) and all(len(other) > 1 and other[0].islower() for other in others)


def _left_over(match: re.Match[str]) -> Iterator[_Found]:
    kind: Kind = "number" if match[0].isdecimal() else "identifier"
    yield kind, match[0].lower(), "", *match.span()


# --- one text ----------------------------------------------------------------------------------------

_Pass = tuple[re.Pattern[str], Callable[[re.Match[str]], Iterator[_Found]]]
_WRITTEN_AS_IS: tuple[_Pass, ...] = (
    (_FENCED, _code_lines),
    (_INLINE, _inline),
    (_URL, _url),
    (_EMAIL, _email),
    (_PATH, _path),
)
_WITH_DIGITS: tuple[_Pass, ...] = (
    (_ISO_DATE, _iso_date),
    (_NAMED_DATE, _named_date),
    (_SHORT_DATE, _short_date),
    (_TIME, _time),
    (_VERSION, _version),
)


def facts_in(text: str) -> list[Fact]:
    """The facts of `text` in order; none overlaps another.

    Numbers that only point at something are no facts: list numbers, "step 2", "passage 3", "[1]".
    """
    folded, offsets = _folded(text)
    rest, found = _read(_WRITTEN_AS_IS, folded)
    if _DIGIT.search(rest):
        rest = _NOT_A_FACT.sub(lambda match: " " * len(match[0]), _without_list_numbers(rest))
        rest, more = _read(_WITH_DIGITS, rest)
        found += more
    rest, names = _read(((_TOKEN, _identifier),), rest)
    amounts = amounts_in(rest)
    _, left = _read(((_LEFT_OVER, _left_over),), _blanked(rest, amounts))
    facts = sorted([*found, *names, *amounts, *left], key=lambda fact: fact[3])
    spans = [(offsets[start], offsets[end - 1] + 1) for *_, start, end in facts]
    return [
        Fact(kind, value, unit, start, end, text[start:end])
        for (kind, value, unit, *_), (start, end) in zip(facts, spans, strict=True)
    ]


def _folded(text: str) -> tuple[str, Sequence[int]]:
    """`text` as a reader sees it, and for each of its characters the offset in `text` it came from."""
    text = _GROUPING_SPACE.sub("'", text)
    escapes = {match.start() for match in _ESCAPE.finditer(text)}
    if not escapes and (text.isascii() or visible(text) == text):
        return text, range(len(text))
    characters: list[str] = []
    offsets: list[int] = []
    for offset, character in enumerate(text):
        if offset in escapes:
            continue
        shown = character if character.isascii() else visible(character)
        if _FRACTION_SLASH in shown[1:-1]:
            shown = f"{unicodedata.numeric(character):.4g}".replace("0.", ".")  # "2½" is 2.5
        elif len(shown) > 1 and not shown.isalnum():
            shown = character  # an ellipsis, or a sign such as "℀": parts of it are nobody's facts
        characters.append(shown)
        offsets += [offset] * len(shown)
    return "".join(characters), offsets


def one_line(text: str) -> str:
    """`text` as a reader sees it, with single spaces: the form in which commands and names are looked for."""
    return " ".join(_ESCAPE.sub("", visible(text)).split())


def _read(passes: Iterable[_Pass], text: str) -> tuple[str, list[_Found]]:
    found: list[_Found] = []
    for pattern, reader in passes:
        facts = [fact for match in pattern.finditer(text) for fact in reader(match)]
        text = _blanked(text, facts)
        found += facts
    return text, found


def _blanked(text: str, facts: Sequence[_Found]) -> str:
    """`text` with every fact replaced by as many characters that no pattern takes for a part of a word."""
    pieces, position = [], 0
    for *_, start, end in facts:
        pieces += [text[position:start], _BLANK * (end - start)]
        position = end
    return "".join([*pieces, text[position:]]) if facts else text


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
    if fact.kind == "date" and "|" not in fact.value:
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
    elif fact.kind in ("money", "percent", "quantity"):
        keys |= {("amount", fact.value, ""), ("amount", two_decimals(fact.value), "")}
        parts = fact.unit.split("/")
        keys |= {("amount", fact.value, "/".join(parts[:n])) for n in range(1, len(parts))}
    return keys
