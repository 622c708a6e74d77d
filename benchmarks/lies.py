"""The lies of the simulated writer: an honest sentence -> the same with exactly one thing wrong.

Each takes what is to be told (`Base`), what was given to the writer (`Scene`) and a source of chance, and returns the
lie, or None when it cannot be told of that sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count
from random import Random

from benchmarks.figures import Figure, figures, loose, put
from benchmarks.rephrasing import low
from knowledge_base.text import STOP_WORDS, stems
from tasks.case import Passage

NOT_GIVEN = "not given"
"""Stands for the passage of a quote where none with that number was given."""


@dataclass(frozen=True, slots=True)
class Base:
    """A sentence for a draft: `quotes` are the ids of passages with the words quoted from them."""

    text: str
    quotes: tuple[tuple[str, str], ...]
    kind: str
    doc: str
    form: str = "verbatim"
    """How it is worded: "verbatim", "rules" or "hand"."""


@dataclass
class Scene:
    """What the writer was given; `bases` are all sentences of the passages, `claim` what the ticket claims."""

    passages: list[Passage]
    bases: list[Base]
    asked: frozenset[str]
    claim: str = ""
    numbers: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for passage in self.passages:
            text = " ".join((passage.title, *passage.headings, passage.text))
            self.numbers.update(number.replace(",", "") for number in re.findall(r"\d[\d,]*(?:\.\d+)?", text))
            self.numbers.update(figure.value for figure in figures(text))

    @cached_property
    def small(self) -> frozenset[str]:
        """The words that the passages have in small letters: none of them is a name."""
        return frozenset(word for p in self.passages for word in re.findall(r"\b[a-z]{2,}", p.text))

    @cached_property
    def names(self) -> list[str]:
        """The names that stand inside of sentences."""
        return sorted({match[0] for base in self.bases for match in self.names_in(base.text)})

    def names_in(self, text: str) -> list[re.Match[str]]:
        """The names in a sentence: capitalised words that are no common ones, and the steps of a menu."""
        return [
            match
            for match in _NAME.finditer(text)
            if match.start() and not re.search(r"[:.!?•;] [\"'(*]*$", text[: match.start()])
            if re.search(r"[→>] \**$", text[: match.start()])
            or not any(word.lower() in self.small | STOP_WORDS for word in match[0].split())
        ]


_Swap = str | Callable[[re.Match[str]], str]
Lie = Callable[[Base, Scene, Random], Base | None]


def _figure(base: Base, rng: Random) -> Figure | None:
    found = [figure for figure in figures(base.text) if figure.number != "1"]  # or it would say "77 minute"
    return rng.choice(found) if found else None


def _invented_number(like: str, scene: Scene, rng: Random) -> str:
    """A number of the size of `like` that no passage has."""
    whole, _, rest = like.partition(".")
    for tried in count():
        digits = len(whole) + rng.choice((0, 0, 1)) + tried // 20
        number = str(rng.randrange(10 ** (digits - 1), 10**digits))
        if rng.random() < 0.4 and digits > 1:
            number = number[:-1] + rng.choice("05")
        number += f".{rng.randrange(1, 10 ** len(rest)):0{len(rest)}}" if rest else ""
        if number not in scene.numbers and _value(number) not in scene.numbers:
            break
    return number


def _value(number: str) -> str:
    return Figure(0, 0, number, "").value


def invented_figure(base: Base, scene: Scene, rng: Random) -> Base | None:
    """A figure that no passage has, in the place of one, or added."""
    figure = _figure(base, rng)
    if figure:
        return replace(base, text=put(base.text, figure, _invented_number(figure.number, scene, rng)))
    if not base.text.endswith("."):
        return None
    number = _invented_number("30", scene, rng)
    added = rng.choice((f" within {number} days.", f", for a fee of ${number}.", f", up to {number} times a year."))
    return replace(base, text=base.text[:-1] + added)


def off_by_one(base: Base, scene: Scene, rng: Random) -> Base | None:
    """One more or less in the last digit, or ten times as much."""
    figure = _figure(base, rng)
    if not figure:
        return None
    whole, _, rest = figure.number.partition(".")
    places = len(rest)
    value = int(whole + rest)
    near = [str(n).rjust(places + 1, "0") for n in (value + 1, value - 1, value * 10) if n > 0]
    written = [f"{n[:-places]}.{n[-places:]}" if places else n for n in near]
    new = [n for n in written if not {n, _value(n)} & scene.numbers and "1" not in (n, figure.number)]
    return replace(base, text=put(base.text, figure, rng.choice(new))) if new else None


def altered_run(base: Base, scene: Scene, rng: Random) -> Base | None:
    """Another digit in a date, clock time, version, code, address or step's number: in what is no amount."""
    amounts = {at for figure in figures(base.text) for at in range(figure.start, figure.end)}
    places = [i for i, c in enumerate(base.text) if c.isascii() and c.isdigit() and i not in amounts]
    said = "\n".join(part for p in scene.passages for part in (p.title, *p.headings, p.text))
    for at in rng.sample(places, len(places)):
        digit = rng.choice([d for d in "123456789" if d != base.text[at]])
        text = base.text[:at] + digit + base.text[at + 1 :]
        if loose(text, said):
            return replace(base, text=text)
    return None


def _others(base: Base, scene: Scene, rng: Random) -> tuple[Figure, str, Base] | None:
    """A figure of `base`, and another number of its kind and unit with the sentence of the same document it is in."""
    mine = figures(base.text)
    said = {figure.value for figure in mine} | {f.value for _, quote in base.quotes for f in figures(quote)}
    found = [
        (figure, other.number, near)
        for near in scene.bases
        if near.doc == base.doc and near.form == "verbatim"
        for other in figures(near.text)
        for figure in mine
        if figure.kind and other.kind == figure.kind and other.value not in said
        if "1" not in (figure.number, other.number)  # or it would say "5 minute"
    ]
    return rng.choice(found) if found else None


def another_figure(base: Base, scene: Scene, rng: Random) -> Base | None:
    """Another figure of the same document, kind and unit; the quote is the honest one."""
    found = _others(base, scene, rng)
    return replace(base, text=put(base.text, found[0], found[1])) if found else None


def another_quoted(base: Base, scene: Scene, rng: Random) -> Base | None:
    """The same, quoting the sentence that the other figure stands in, alone or beside the honest quote."""
    found = _others(base, scene, rng)
    if not found:
        return None
    figure, number, near = found
    quotes = near.quotes if rng.random() < 0.5 else (*base.quotes, *near.quotes)
    return replace(base, text=put(base.text, figure, number), quotes=quotes)


_LISTED = re.compile(r"\s?(?:%|[a-z]+)?,?\s?(?:to|and|or|then|[-–—/,])\s?(?:(?:at|after|for|by|in|when)\s)?[$€£]?")
"""Between two figures that may be told in either order."""


def exchanged(base: Base, scene: Scene, rng: Random) -> Base | None:
    """Two figures of one kind in one sentence, each in the other's place."""
    found = figures(base.text)
    pairs = [
        (a, b)
        for i, a in enumerate(found)
        for b in found[i + 1 :]
        if a.kind == b.kind and a.kind and a.value != b.value
        if not _LISTED.fullmatch(base.text[a.end : b.start])
    ]
    if not pairs:
        return None
    a, b = rng.choice(pairs)
    return replace(base, text=put(put(base.text, b, a.number), a, b.number))


_UNITS = [
    (r"\$(?=\d)", "€"), (r"\$(?=\d)", "£"), (r"(?<=\d) dollars\b", " euros"), (r"\bUSD(?= \d)", "EUR"),
    (r"(?<=\d)%", " dollars"), (r"(?<=\d) percent\b", " dollars"),
    (r"(?<=[\w] )days\b", "hours"), (r"(?<=\d )days\b", "weeks"), (r"\bbusiness days\b", "weeks"),
    (r"\bhours\b", "days"), (r"\bminutes\b", "hours"), (r"\bseconds\b", "minutes"), (r"\bmonths\b", "years"),
    (r"\byears\b", "months"), (r"\bweeks\b", "days"), (r"\b(?:per|a|each) month\b", "per year"),
    (r"\b(?:per|a|each) year\b", "per month"), (r"\b(?:per|a|each) day\b", "per week"),
    (r"\b(?:per|a|each) minute\b", "per second"), (r"(?<=\d )MB\b", "GB"), (r"(?<=\d )GB\b", "TB"),
    (r"(?<=\d )TB\b", "GB"), (r"(?<=\d )hour\b", "day"), (r"\bper seat\b", "per workspace"),
]  # fmt: skip


def other_unit(base: Base, scene: Scene, rng: Random) -> Base | None:
    """The number is right; its unit, currency or rate is not."""
    return _one_of(base, _UNITS, rng) if figures(base.text) else None


_DENIALS = [
    (r"\bcannot\b|\bcan't\b|\bcan not\b", "can"), (r"\bare not\b|\baren't\b", "are"), (r"\bis not\b|\bisn't\b", "is"),
    (r"\bdo not (?=[a-z])|\bdon't (?=[a-z])", ""), (r"\bwill not\b|\bwon't\b", "will"), (r"\bmay not\b", "may"),
    (r"\bmust not\b|\bmustn't\b", "must"), (r"\bhas not\b|\bhasn't\b", "has"), (r"\bhave not\b|\bhaven't\b", "have"),
    (r"\bnever\b", "always"), (r"\bwithout (?=an? |any |the |your )", "with "), (r"\bnot (?=[a-z])", ""),
    (r"\bdoes not\b|\bdoesn't\b", "does"), (r"\bunless\b", "if"), (r"\bno longer\b", "still"),
    (r"\b(is|are|has|have|with) no\b(?! (?:less|more|longer))", r"\1 a"), (r"\b[Nn]o (?=fee|charge|card|limit)", "a "),
]  # fmt: skip


def negation_dropped(base: Base, scene: Scene, rng: Random) -> Base | None:
    """Without its "not"."""
    if told := _one_of(base, _DENIALS, rng):
        return replace(told, text=told.text[0].upper() + told.text[1:])
    return None


_DENIED = re.compile(r"\b(?:not|never|no|none|nobody|cannot|without|unless)\b|n't\b", re.IGNORECASE)
_AFFIRMED: list[tuple[str, _Swap]] = [
    (r"\b(is|are|was|were|may|must|will|should)\b(?! not)", r"\1 not"), (r"\bcan\b(?! not)", "cannot"),
    (r"\bcosts\b", "does not cost"), (r"\bincludes\b", "does not include"), (r"\ballows\b", "does not allow"),
    (r"\bapplies\b", "does not apply"), (r"\brequires\b", "does not require"), (r"\bexpires\b", "does not expire"),
    (r"^(Choose|Select|Open|Enter|Click|Use|Confirm|Verify|Call|Check|Send|Submit|Keep|Review|Provide|Contact|Ask)\b",
     lambda m: f"Do not {m[1].lower()}"),
]  # fmt: skip


def negation_added(base: Base, scene: Scene, rng: Random) -> Base | None:
    """With a "not" where there is none."""
    return None if _DENIED.search(base.text) else _one_of(base, _AFFIRMED, rng)


_TIME = r"(?:business |calendar )?(?:second|minute|hour|day|week|month|year)"
_SIDES = [
    (rf"\bwithin (?=\w+ {_TIME})", "after "), (rf"\bafter (?=\w+ {_TIME})", "within "),
    (r"\bat least (?=[$\w])", "at most "), (r"\bat most (?=[$\w])", "at least "), (r"\bup to (?=[$\d])", "at least "),
    (r"\bmore than (?=[$\d])", "less than "), (r"\bless than (?=[$\d])", "more than "),
    (r"\b(M|m)inimum\b", r"\1aximum"), (r"\b(M|m)aximum\b", r"\1inimum"), (r"\babove (?=[$\d])", "below "),
    (r"\bbelow (?=[$\d])", "above "), (r"\bover (?=[$\d])", "under "), (r"\bunder (?=[$\d])", "over "),
    (r"\bexceeds?\b", "stays below"), (r"\bas much as (?=[$\d])", "no less than "),
    (r"\bno less than\b", "no more than"),
]  # fmt: skip
_ORDER = [(r"\bbefore\b", "after"), (r"\bafter\b", "before"), (r"\bBefore\b", "After"), (r"\bAfter\b", "Before")]


def turned(base: Base, scene: Scene, rng: Random) -> Base | None:
    """Within for after, at least for at most: the same figure on its other side."""
    return _one_of(base, _SIDES, rng) if figures(base.text) else None


def before_and_after(base: Base, scene: Scene, rng: Random) -> Base | None:
    """Before for after, or after for before."""
    return _one_of(base, _ORDER, rng)


_NO_NAMES = "May|I|If|The|When|Yes|No|You|Your|For|To|In|On|At|A|An|It|This|Note|Please|USD"
_NAME = re.compile(rf"(?<![-–])\b(?!(?:{_NO_NAMES})\b)[A-Z][a-z]\w+(?: [A-Z]\w+)*\b(?!-)")
_INVENTED = ("Zephyr", "Halcyon", "Quillon Plus", "Meridian", "Corvane", "Ostler Pro")


def invented_name(base: Base, scene: Scene, rng: Random) -> Base | None:
    """A name that no passage has, in the place of one, or added."""
    new = rng.choice(_INVENTED)
    found = scene.names_in(base.text)
    if found:
        return replace(base, text=_put(base.text, rng.choice(found), new))
    return replace(base, text=rng.choice(("On the {} plan, {}", "With the {} account, {}")).format(new, low(base.text)))


def another_name(base: Base, scene: Scene, rng: Random) -> Base | None:
    """A name that other passages have and the quoted one has not."""
    cited = [p for p in scene.passages if any(p.chunk_id == chunk for chunk, _ in base.quotes)]
    here = " ".join(part for p in cited for part in (p.title, *p.headings, p.text))
    new = [name for name in scene.names if name not in here]
    found = scene.names_in(base.text)
    return replace(base, text=_put(base.text, rng.choice(found), rng.choice(new))) if new and found else None


def altered_quote(base: Base, scene: Scene, rng: Random) -> Base | None:
    """An invented figure, and the quote altered to have it."""
    figure = _figure(base, rng)
    quoted = [f for f in figures(base.quotes[0][1]) if figure and f.number == figure.number]
    if not figure or not quoted:
        return None
    number = _invented_number(figure.number, scene, rng)
    chunk, quote = base.quotes[0]
    return replace(base, text=put(base.text, figure, number), quotes=((chunk, put(quote, quoted[0], number)),))


def not_given(base: Base, scene: Scene, rng: Random) -> Base | None:
    """Said with a citation to a passage that was not given; half of the time with an invented figure too."""
    told = invented_figure(base, scene, rng) if rng.random() < 0.5 else base
    return replace(told, quotes=((NOT_GIVEN, told.text),)) if told else None


def ticket_quoted(base: Base, scene: Scene, rng: Random) -> Base | None:
    """What the ticket claims, quoted as if a passage said it, or with an honest quote."""
    if not scene.claim:
        return None
    quotes = base.quotes if rng.random() < 0.5 else ((base.quotes[0][0], scene.claim),)
    return replace(base, text=scene.claim, quotes=quotes)


def disguised(base: Base, scene: Scene, rng: Random) -> Base | None:
    """An invented figure in look-alike digits or letters, or split by what nobody sees."""
    told = off_by_one(base, scene, rng) if rng.random() < 0.5 else invented_figure(base, scene, rng)
    if not told:
        return None
    honest = {figure.number for figure in figures(base.text)}
    wrong = [f for f in figures(told.text) if f.number not in honest and told.text[f.start].isdigit()]
    if not wrong:
        return None
    figure = wrong[0]
    written = told.text[figure.start : figure.end]
    start = rng.choice((0xFF10, 0x0660, 0x1D7CE, 0x1D7D8, 0x06F0))
    hidden = rng.choice("\u200b\u200d\u2060\u00ad\u202d")
    ways = ["".join(chr(start + int(c)) if c.isdigit() else c for c in written)]
    if len(written) > 1:
        ways.append(written[0] + hidden + written[1:])
    if re.search("[01]", written[1:]):
        ways.append(written[0] + written[1:].replace("0", rng.choice("OОο")).replace("1", rng.choice("lІ")))
    return replace(told, text=told.text[: figure.start] + rng.choice(ways) + told.text[figure.end :])


_PLAUSIBLE = (
    "Our specialists look at every such request by hand before it takes effect.",
    "This applies to all customers, wherever they are.",
    "You will receive a confirmation by text message once it is done.",
    "If anything is unclear, your account manager can make an exception.",
    "The same rules hold for every other product that we offer.",
    "There is nothing else that you need to do, and no data is lost.",
    "It also works on mobile devices and in every browser.",
    "You can change your mind at any time, free of charge.",
    "We recommend that you keep a printed copy for your records.",
    "Weekend requests are handled by a separate team.",
)


def invented_prose(base: Base, scene: Scene, rng: Random) -> Base | None:
    """A plausible sentence without figures that no passage says, with an honest quote."""
    return replace(base, text=rng.choice(_PLAUSIBLE), kind="prose")


def irrelevant(base: Base, scene: Scene, rng: Random) -> Base | None:
    """A true sentence of another page that has no word of the question."""
    others = [other for other in scene.bases if other.doc != base.doc and other.form == base.form]
    off = [other for other in others if scene.asked.isdisjoint(stems(other.text))]
    return rng.choice(off) if off else None


def _one_of(base: Base, swaps: Sequence[tuple[str, _Swap]], rng: Random) -> Base | None:
    """`base` with one of the swaps that it allows done in one place."""
    ways = []
    for pattern, new in swaps:
        for match in re.finditer(pattern, base.text):
            word = match.expand(new) if isinstance(new, str) else new(match)
            ways.append(base.text[: match.start()] + word + base.text[match.end() :])
    return replace(base, text=rng.choice(ways)) if ways else None


def _put(text: str, match: re.Match[str], new: str) -> str:
    return text[: match.start()] + new + text[match.end() :]


LIES: dict[str, Lie] = {
    "invented figure": invented_figure,
    "off by one": off_by_one,
    "date, time or code altered": altered_run,
    "another figure": another_figure,
    "another figure, its quote": another_quoted,
    "figures exchanged": exchanged,
    "unit or currency": other_unit,
    "figure on its other side": turned,
    "quote altered to fit": altered_quote,
    "look-alikes and splits": disguised,
    "ticket quoted": ticket_quoted,
    "passage not given": not_given,
    "negation dropped": negation_dropped,
    "negation added": negation_added,
    "before and after": before_and_after,
    "invented name": invented_name,
    "another name": another_name,
    "invented prose": invented_prose,
    "irrelevant page": irrelevant,
}

PRESENT = ("another figure", "another figure, its quote", "figures exchanged")
"""Lies whose figures all stand in the document, in another place."""

OF_FIGURES = tuple(LIES)[:10]
