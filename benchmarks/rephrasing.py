"""A sentence of a document in other words, by rules that keep what it says: formats, synonyms, order."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

from benchmarks.figures import figures, in_words

_Swap = str | Callable[[re.Match[str]], str]

_FORMATS: list[tuple[str, _Swap]] = [
    (r"\$(\d[\d,]*(?:\.\d+)?)(?![\d.]*\d)(?![\d.,]*[KMBkmb]\b)(?! ?dollars)", r"\1 dollars"),
    (r"\$(\d[\d,]*(?:\.\d+)?)(?![\d.]*\d)(?![\d.,]*[KMBkmb]\b)(?! ?dollars)", r"USD \1"),
    (r"(?<=\d)%", " percent"),
    (r"\bper (?=(?:month|year|day|seat|minute|week)\b)", "a "),
    (r"\bper (?=(?:month|year|day|hour|minute|week)\b)", "each "),
    (r"(?<=\d )an? (?=(?:month|year|day|hour|minute|seat|week)\b)", "per "),
    (r"(?<=\d),(?=\d{3}\b)", ""),
]

_SYNONYMS: list[tuple[str, str]] = [
    (r"\bcannot\b", "can't"), (r"\bdo not\b", "don't"), (r"\bdoes not\b", "doesn't"), (r"\bis not\b", "isn't"),
    (r"\bare not\b", "aren't"), (r"\bwill not\b", "won't"), (r"\bmust not\b", "mustn't"), (r"\bcan't\b", "cannot"),
    (r"\bhas not\b", "hasn't"), (r"\bhave not\b", "haven't"), (r"\byou must\b", "you have to"),
    (r"\bis required\b", "is needed"), (r"\bare required\b", "are needed"), (r"\bcosts\b", "is priced at"),
    (r"\bincludes\b", "comes with"), (r"\bincluding\b", "such as"), (r"\bexpires\b", "runs out"),
    (r"\bchoose\b", "select"), (r"\bChoose\b", "Select"), (r"\bselect\b", "choose"), (r"\bcustomers\b", "clients"),
    (r"\breceive\b", "get"), (r"\breceives\b", "gets"), (r"\bprior to\b", "before"), (r"\bin order to\b", "to"),
    (r"\bup to (?=[$\d])", "as much as "), (r"\bup to (?=\d+ (?!percent))", "a maximum of "),
    (r"\bat least (?=[$\d])", "no less than "), (r"\bat least (?=\d)", "a minimum of "),
    (r"(?<!no )\bmore than (?=[$\d])", "over "),
    (r"(?<!no )\bless than (?=[$\d])", "under "), (r"\be-mail\b", "email"),
    (r"\bevery\b", "each"), (r"\bvia\b", "through"), (r"\bensure\b", "make sure"), (r"\bEnsure\b", "Make sure"),
    (r"\badditional\b", "extra"), (r"\bpurchase\b(?= (?:an?|the|more|extra)\b)", "buy"),
    (r"\bimmediately\b", "right away"), (r"\bapproximately\b", "about"), (r"\bobtain\b", "get"),
    (r"\brequest\b(?= an?\b)", "ask for"),
    (r"\ballows\b", "permits"), (r"\bwish to\b", "want to"), (r"\bbegins\b", "starts"), (r"\bneeds to\b", "has to"),
    (r"\bneed to\b", "have to"), (r"\bkeeps working\b", "continues to work"), (r"\butilize\b", "use"),
    (r"\bVerify\b", "Check"), (r"\bReview\b", "Look over"), (r"\bSubmit\b", "Send in"), (r"\bcharged\b", "billed"),
    (r"\bcan be\b", "may be"), (r"\bper calendar month\b", "in each calendar month"),
    (r"\bautomatically\b", "on its own"), (r"\bif needed\b", "when necessary"), (r"\bfor example\b", "for instance"),
]  # fmt: skip

_STARTS_LOW = frozenset(
    """a all an and any after as at before by by each every for from if in it its keep most no once only our some that
    the their there these they this those to until unless when while with without you your we not customers accounts
    clients check choose select make send use open look get provide review""".split()
)
_LED = (
    "Note that {}", "Please note that {}", "In short, {}", "According to our documentation, {}", "Yes, {}",
    "For your information, {}",
)  # fmt: skip
_BEGINS_WITH_PRONOUN = re.compile(r"(?:it|they|its|their|this|that|these|those|he|she|then)\b", re.IGNORECASE)


def low(text: str) -> str:
    """`text` as it stands inside a sentence: its first letter small, unless it begins with a name."""
    first = re.match(r"[A-Za-z]+", text)
    return text[0].lower() + text[1:] if first and first[0].lower() in _STARTS_LOW else text


def _high(text: str) -> str:
    return text[0].upper() + text[1:]


def _inside(label: str) -> str:
    """A label as it stands inside a sentence: its first letter small, unless it looks like a name."""
    return label if re.match(r"[A-Z]{2}|[A-Z]\b|[A-Z][a-z]+[- ][A-Z]", label) else label[0].lower() + label[1:]


def _condition_last(match: re.Match[str]) -> str:
    then = match[3]
    if ";" in then or ":" in then or _BEGINS_WITH_PRONOUN.match(then) or "," in match[2]:
        return match[0]
    return f"{_high(then)} {match[1].lower()} {match[2]}."


def _purpose_last(match: re.Match[str]) -> str:
    how = match[2]
    if any(mark in how for mark in ",;:") or _BEGINS_WITH_PRONOUN.match(how):
        return match[0]
    return f"{_high(how)} to {match[1]}."


_ORDERS: list[tuple[str, _Swap]] = [
    (r"^(If|When|After|Once|Before|Until|Unless) ([^,;:]+), ([^.]+)\.?$", _condition_last),
    (r"^To ([a-z][^,;:]+), ([^.]+)\.?$", _purpose_last),
    (r"^((?:The|An?|Each) [^,;:.]+?) costs (\$[^,;:]+?)\.?$", lambda m: f"The price of {low(m[1])} is {m[2]}."),
    (r"^((?:The|An?|Each) [^,;:.]+?) costs (\$[^,;:]+?)\.?$", lambda m: f"You pay {m[2]} for {low(m[1])}."),
    (
        r"^((?!With|For|In|If|Under|Within|After|Up|To|From|At|On|By)[A-Z][^,;:.|]{2,50}): "
        r"((?:up to |at least |about )?[$€£]?\d[^:;|]*?)\.?$",
        lambda m: f"The {_inside(m[1])} is {m[2]}.",
    ),
    (
        r"^([^,;:]+?) (within \d[\d,]* (?:business |calendar )?[a-z]+)\.?$",
        lambda m: f"{_high(m[2])}, {low(m[1])}.",
    ),
    (
        r"^([^,;:.]+?) (?:is|are) limited to ([\d$][^,;:]*?)\.?$",
        lambda m: f"The limit for {low(m[1])} is {m[2]}.",
    ),
    (r"^You can ([^,;:.]+)\.?$", lambda m: f"It is possible to {m[1]}."),
    (r"^There is an? ([^,;:.]+? (?:fee|charge|limit)) of ([^,;:]+?)\.?$", lambda m: f"The {m[1]} is {m[2]}."),
]  # fmt: skip


def rephrased(text: str, rng: Random) -> str | None:
    """`text`, plain and one sentence long, in other words; None when no rule applies to it."""
    said = text
    for pattern, swap in rng.sample(_ORDERS, len(_ORDERS)):
        if rng.random() < 0.7 and (moved := re.sub(pattern, swap, said, count=1)) != said:
            said = moved
            break
    for old, new in rng.sample(_SYNONYMS, len(_SYNONYMS)):
        if new not in said and rng.random() < 0.7:
            said = re.sub(old, new, said, count=1)
    if rng.random() < 0.6:
        said = _reformatted(said, rng)
    if said == text:
        return None
    return rng.choice(_LED).format(low(said)) if rng.random() < 0.2 and low(said) != said else said


def _reformatted(text: str, rng: Random) -> str:
    for pattern, swap in rng.sample(_FORMATS, 3):
        if (said := re.sub(pattern, swap, text)) != text:
            return said
    units = ("day", "hour", "minute", "month", "week", "year")
    times = [figure for figure in figures(text) if figure.kind.rpartition(" ")[2] in units]
    if times and text[times[0].start].isdigit() and not text[times[0].end :].startswith("-"):
        figure = times[0]
        word = in_words(figure.number)
        return text[: figure.start] + (_high(word) if not figure.start else word) + text[figure.end :]
    return text


_CELL = re.compile(r"(?<!\\)\|")


def cells(row: str) -> list[str]:
    """The cells of a Markdown table's row."""
    return [cell.strip() for cell in _CELL.split(row.strip().strip("|"))]


def row_in_words(header: str, row: str, rng: Random) -> str | None:
    """A table's row as a sentence on one of its cells that holds a figure; None when there is none."""
    heads, values = cells(header), cells(row)
    told = [i for i in range(1, len(values)) if i < len(heads) and heads[i] and any(c.isdigit() for c in values[i])]
    if len(heads) != len(values) or not told or not values[0] or len(values[0].split()) > 6:
        return None
    i = rng.choice(told)
    head, value = _inside(heads[i]), values[i].rstrip(".")
    return rng.choice((f"For {values[0]}, the {head} is {value}.", f"The {head} for {values[0]} is {value}."))
