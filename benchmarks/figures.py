"""Figures, seen with other eyes than the proof's: found and rewritten by the simulated writer, compared by the count.

Nothing here is taken from `knowledge_base.facts`, so that a mistake there is not repeated here.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

_SMALL = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen""".split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
SPELLED = {word: n for n, word in enumerate(_SMALL)} | {
    f"{tens}-{_SMALL[unit]}" if unit else tens: 10 * n + unit for n, tens in enumerate(_TENS, 2) for unit in range(10)
}
_IN_WORDS = {n: word for word, n in SPELLED.items()}
_NUMERAL = "|".join(sorted(SPELLED, key=len, reverse=True)).replace("-", "[- ]")
_TIMES = r"(?:(?:business|working|calendar|full|consecutive)\s)?(?:second|minute|hour|day|week|month|quarter|year)s?"
_SIZES = r"[KMGT]B|[KMG]bps"
_MONTHS = "january february march april may june july august september october november december".split()

_FIGURE = re.compile(
    r"(?<![\w.,:/#$€£§-])(?P<sign>[$€£])?\s?"
    r"(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
    rf"|\b(?:{_NUMERAL})(?=[ -](?:{_TIMES}|dollars|percent)\b))"
    rf"(?P<unit>\s?%|[ -](?:percent|dollars)\b|[ -]?(?:{_SIZES})\b|[ -]{_TIMES}\b|\s[a-z]{{3,}}\b)?(?![\w:/)]|[.,-]\d)",
    re.IGNORECASE,
)
_NO_UNIT = frozenset("and for per the with from but are was were has have may can must will when than into".split())


@dataclass(frozen=True, slots=True)
class Figure:
    """A number of a text: `text[start:end]` is the number alone, without sign and unit, `number` it in digits.

    `kind` is "$", "%", a unit of time or size in the singular, what is counted, or "" for a bare number.
    """

    start: int
    end: int
    number: str
    kind: str

    @property
    def value(self) -> str:
        """The number, the same however many zeros end it: "2.5" for "2.50"."""
        return self.number.rstrip("0").rstrip(".") if "." in self.number else self.number


@lru_cache(maxsize=20_000)
def figures(text: str) -> tuple[Figure, ...]:
    """The prices, percentages, times, sizes and counts of a text; no dates, clock times, versions or codes."""
    found = []
    for match in _FIGURE.finditer(text):
        written = match["number"].lower().replace(" ", "-")
        number = str(SPELLED[written]) if written in SPELLED else written.replace(",", "")
        unit = (match["unit"] or "").strip(" -").lower()
        if match["sign"] or unit == "dollars":
            kind = "$"
        elif unit in ("%", "percent"):
            kind = "%"
        else:
            kind = "" if unit in _NO_UNIT else _singular(unit)
        year = not kind and re.fullmatch(r"(?:19|20)\d\d", number)
        if not (year or kind in _MONTHS or re.search(rf"\b(?:{'|'.join(_MONTHS)}) $", text[: match.start()].lower())):
            found.append(Figure(*match.span("number"), number, kind))
    return tuple(found)


def _singular(unit: str) -> str:
    return " ".join(unit.removesuffix("s").split())


def put(text: str, figure: Figure, number: str) -> str:
    """`text` with another number in the place of `figure`, written as that one is: in words, with or without commas."""
    old = text[figure.start : figure.end]
    if old[0].isalpha() and number.isdigit() and int(number) in _IN_WORDS:
        new = _IN_WORDS[int(number)]
        new = new.capitalize() if old[0].isupper() else new
    else:
        whole, _, rest = number.partition(".")
        grouped = f"{int(whole):,}" if "," in old or len(figure.number.partition(".")[0]) < 4 else whole
        new = grouped + (f".{rest}" if rest else "")
    return text[: figure.start] + new + text[figure.end :]


def in_words(number: str) -> str:
    """A whole number below 100 in words, another one as it is."""
    return _IN_WORDS.get(int(number), number) if number.isdigit() else number


# --- compared --------------------------------------------------------------------------------------------

HIDDEN = re.compile("[\u00ad\u034f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe0f\ufeff]")
_RUN = re.compile(r"[$€£]?[\w.:/@%+-]*\d[\w.:/@%+-]*|[$€£]")
_MONTH = "|".join(name[:3] for name in _MONTHS)
_DAY = re.compile(r"\b((?:19|20)\d\d)-(\d\d)-(\d\d)\b")
_SUFFIX = {" dollars": "$", " usd": "$", " euros": "€"}


def shown(text: str) -> str:
    """`text` as a reader sees it: nothing hidden, plain digits, single spaces, no Markdown; in lower case."""
    plain = unicodedata.normalize("NFKC", HIDDEN.sub("", text))
    plain = "".join(str(unicodedata.digit(c)) if unicodedata.digit(c, None) is not None else c for c in plain)
    return " ".join(re.sub(r"[*`\\]|(?<!\w)_|_(?!\w)|\]\([^()\s]*\)|\[(?=[^\[\]]*\]\()", "", plain).split()).lower()


@lru_cache(maxsize=20_000)
def runs(text: str) -> frozenset[str]:
    """Every run of a text with a digit or currency in it, in one format: "$1200", "3%", "30", "auth-417", "02:00"."""
    plain = shown(text)
    plain = _DAY.sub(lambda m: f"{int(m[3])} {_MONTHS[int(m[2]) - 1] if 0 < int(m[2]) < 13 else m[2]} {m[1]}", plain)
    plain = re.sub(rf"\b({_NUMERAL})(?=[ -](?:{_TIMES}|dollars|percent)\b)", _digits, plain)
    plain = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", plain)
    plain = re.sub(r"(?<=\d)\s?(?:percent|per cent)\b|(?<=\d)\s%", "%", plain)
    for suffix, sign in _SUFFIX.items():
        plain = re.sub(rf"(?<![\w.$])(\d[\d.]*){suffix}\b", rf"{sign}\1", plain)
    plain = re.sub(r"\busd\s?(?=\d)|\bus\$", "$", plain)
    plain = re.sub(r"(?<=[$€£])\s(?=\d)", "", plain)
    plain = re.sub(r"(?<=\d)-(?=[a-z]{3})", " ", plain)
    found = (run.strip(".:/-+@") for run in _RUN.findall(plain))
    return frozenset(re.sub(r"(?<=\d)\.0+(?=%|$)", "", run) for run in found if run)


def _digits(match: re.Match[str]) -> str:
    return str(SPELLED[match[1].replace(" ", "-")])


def loose(text: str, sources: str) -> list[str]:
    """The runs of `text` that are not in `sources`; one without sign there may have a sign or a unit joined to it."""
    known = runs(sources)
    bare = {part for run in known for part in re.findall(r"\d[\d.:]*", run)}
    return sorted(run for run in runs(text) - known if not (run in bare and re.fullmatch(r"[\d.:]+", run)))
