"""Sides: at most or at least, within or after, more or less, by or to: on which side of a value does a sentence stand?

Two texts may state one value and mean opposite things by it. What stands right beside it tells, where both say it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

from knowledge_base.facts import Fact
from knowledge_base.polarity import readable
from knowledge_base.text import stem, stems

Side = Literal["over", "under", "most", "least", ""]
When = Literal["within", "after", "before", ""]
Way = Literal["up", "down", ""]


_PART = re.compile(r"[.;:,|\n]|\b(?:and|but|or|that|which)\b", re.IGNORECASE)


class Beside(NamedTuple):
    """A value in a sentence, and what stands beside it.

    `fact` is in a text of which `text` is the part that begins at `offset`.
    """

    text: str
    fact: Fact
    offset: int

    def of(self, other: Fact) -> Beside:
        """Another value of the same text."""
        return Beside(self.text, other, self.offset)

    @property
    def before(self) -> str:
        """The 80 characters before the value."""
        at = self.fact.start - self.offset
        return readable(self.text[max(0, at - 80) : at])

    @property
    def after(self) -> str:
        """The 25 characters after it."""
        return readable(self.text[self.fact.end - self.offset :][:25])

    @property
    def clause(self) -> tuple[str, str]:
        """What of both is in the value's own clause."""
        return _PART.split(self.before)[-1], _PART.split(self.after)[0]


def conflict(claim: Beside, passage: Beside, others: Sequence[Fact] = ()) -> str:
    """What the passage says of the value that the claim turns round, in a word; "" when they agree or are silent.

    A value in a condition ("if you have more than $5") says when and not how much: it is compared with its like only.
    `others` are the passage's other values of this kind.
    """
    if _conditional(claim) == _conditional(passage):
        sides = _side(claim), _side(passage) or _carried(passage, others)
        if sides in _OPPOSITE:
            return {"most": "at most", "least": "at least"}.get(sides[1], sides[1])
    if _denies(claim) != _denies(passage):
        return _worded(passage) if {_when(claim), _when(passage)} == {"within", "after"} else ""
    if claim.fact.kind in ("quantity", "date", "time"):
        for times in (_within(claim), _within(passage)), (_then(claim), _then(passage)):
            if set(times) in ({"within", "after"}, {"before", "after"}):
                return times[1]
    changes = _change(claim), _change(passage)
    if all(changes) and changes[0] != changes[1]:
        return changes[1]
    if claim.fact.kind in ("percent", "money"):
        ways = _way(claim), _way(passage)
        if set(ways) == {"up", "down"}:
            return "more" if ways[1] == "up" else "less"
    return ""


def moved(claim: Beside, passage: Beside, others: Sequence[Fact]) -> str:
    """Whether "at most" or "at least" has come from another value of the sentence to this one; "" when it has not.

    "10% an hour, up to 50%" is not "50% an hour, up to 10%". `others` are the passage's other values of this kind.
    """
    side = _side(claim)
    if side not in ("most", "least") or _side(passage) or _carried(passage, others):
        return ""
    theirs = any(_side(passage.of(other)) == side for other in others)
    return {"most": "at most", "least": "at least"}[side] if theirs else ""


def halved(claim: Beside, said: Collection[str], passage: Beside, others: Sequence[Fact]) -> str:
    """The range of the passage of which the claim tells one end as the value; "" where it tells none so.

    "It takes 5 days" is not "3 to 5 days"; "up to 5 days" and "can take 5 days" are. `said` are the claim's values,
    `others` the passage's other values of this kind.
    """
    for other in others:
        first, second = sorted((passage.fact, other), key=lambda end: end.start)
        gap = passage.text[first.end - passage.offset : second.start - passage.offset]
        before = passage.of(first).before
        is_range = _TO.fullmatch(gap) or (gap.strip() == "and" and _BETWEEN.search(before))
        if is_range and other.value not in said and not _CHANGING.search(before):
            if _at_the_end(claim, "least" if passage.fact is first else "most"):
                return ""
            return passage.text[first.start - passage.offset : second.end - passage.offset]
    return ""


def _at_the_end(claim: Beside, end: Literal["least", "most"]) -> bool:
    """Whether a claim tells its value as the lower or the upper end of something, or as one that may be."""
    side, (words, sides) = _side(claim), _ENDS[end]
    if words.search(f"{claim.before}\0{claim.after}") or side in sides:
        return True
    return not side and bool(_MAY.search(claim.before))


_TO = re.compile(r"\s?(?:-|–|—|~|to|through)\s?|-to-")
_BETWEEN = re.compile(r"\bbetween\s+$", re.IGNORECASE)
_MAY = re.compile(r"\b(?:can|may|might|could|sometimes|possibly|perhaps)\b[^.;:|\n]*$", re.IGNORECASE)
_NEARLY = r"(?:\s+(?:a|an|the|about|around|nearly|almost|just|over|under|of|total|maximum|minimum|full|some))*\s*"
_LOW = re.compile(
    rf"\b(?:from|start(?:s|ing)?(?:\s+(?:at|from))?|as\s+(?:little|few|low|early|soon)\s+as|after|earliest\s+is){_NEARLY}\0"
    r"|\0\s?(?:\+|at\s+the\s+earliest|upwards?\b|onwards?\b)",
    re.IGNORECASE,
)  # fmt: skip
_HIGH = re.compile(
    rf"\b(?:to|until|till|by|within|allow(?:s|ing)?|wait(?:s|ing)?|as\s+(?:high|late)\s+as|latest\s+is){_NEARLY}\0"
    r"|\0\s?(?:at\s+(?:the\s+)?(?:most|latest)\b|tops\b)",
    re.IGNORECASE,
)  # fmt: skip
_ENDS = {"least": (_LOW, ("least", "over")), "most": (_HIGH, ("most", "under"))}
"""What makes a value, which is the NUL, the lower or the upper end of something, and the sides that do."""


def _carried(passage: Beside, others: Sequence[Fact]) -> Side:
    """The side of the value before, when it holds for this one too: "up to 600 calls on Scale and 120 on Standard"."""
    here = passage.fact
    before = [other for other in others if other.unit == here.unit and other.end <= here.start]
    return _side(passage.of(before[-1])) if before and _AND_THEN.search(passage.before) else ""


_AND_THEN = re.compile(r"(?:[,;]|\b(?:and|or|but))\s*(?:(?:only|just|to)\s+)?$", re.IGNORECASE)
_OPPOSITE = frozenset(
    {("over", "most"), ("most", "over"), ("under", "least"), ("least", "under"), ("most", "least"), ("least", "most"),
     ("over", "under"), ("under", "over")}
)  # fmt: skip
_CONDITION = re.compile(r"\b(?:if|when|whenever|once|where|whose|unless)\b[^.;:,|\n]*$", re.IGNORECASE)
_CUE = re.compile(r"\b(?:not|no|never|cannot|without|nor|none|unless)\b|n['’]t\b", re.IGNORECASE)


def _conditional(place: Beside) -> bool:
    return bool(_CONDITION.search(place.before))


def _denies(place: Beside) -> bool:
    return bool(_CUE.search(readable(place.text)))


def refuted(claim: Beside, passage: Beside) -> bool:
    """Whether the claim denies just what the passage says of the value: "is not 50 GB", "does not expire after it"."""
    here, there = claim.clause[0], " ".join(passage.clause)
    if not _CUE.search(here) or _CUE.search(there) or _BUT.match(claim.after):
        return False
    if _IS_NOT.search(here):
        return True
    verb = None if _BOUNDS.search(here) else _VERB.search(here)
    return verb is not None and stem(verb[1].lower()) in stems(there)


_BUT = re.compile(r"\s*,?\s*(?:but|rather|any\s?more|any\s+longer|yet)\b", re.IGNORECASE)
_IS_NOT = re.compile(
    r"(?:\b(?:not|never)\b|n['’]t\b)(?:\s+(?:a|an|the|exactly|just|about|around|cost|be|have|take|last))*\s*$",
    re.IGNORECASE,
)
_BOUNDS = re.compile(
    r"\b(?:until|till|before|after|within|in|more|less|fewer|over|under|above|below|exceed\w*|than|beyond|any|unless|only)\b",
    re.IGNORECASE,
)
_VERB = re.compile(r"(?:\b(?:not|never|cannot)\b|n['’]t\b)\s+(?:\w+ly\s+|be\s+|get\s+)*([a-z]{3,})", re.IGNORECASE)


# --- how much ------------------------------------------------------------------------------------------

_NEGATED = r"(?:\b(?:no|not|never|cannot|without)\b|n['’]t\b)(?:(?!\band\b)[^.;:,|\n]){0,30}?"
_LINKING = r"(?:\s+(?:of|is|are|at|to|a|an|the|total))*\W{0,4}$"
_MORE = r"(?:more|greater|higher|longer|larger|bigger|heavier|older)"
_LESS = r"(?:less|fewer|lower|smaller|shorter|lighter|younger|newer)"
_SIDES: tuple[tuple[Side, str], ...] = (
    ("most", rf"{_NEGATED}\b(?:{_MORE}|over|above|exceed\w*|past|beyond)(?:\s+than)?"),
    ("least", rf"{_NEGATED}\b(?:{_LESS}|below|under)(?:\s+than)?"),
    ("over", rf"\b(?:{_MORE}\s+than|over|above|exceed(?:s|ed|ing)?|in\s+excess)"),
    ("under", rf"\b(?:{_LESS}\s+than|under|below)"),
    (
        "most",
        r"\b(?:up\s+to|at\s+most|as\s+(?:much|many|long)\s+as|max(?:imum)?(?:\s+[a-z]+){0,3}|limited|capped|ceiling)",
    ),
    ("most", r"\b(?<!credit\s)(?:limit|cap)"),
    ("least", r"\b(?:at\s+least|min(?:imum)?(?:\s+[a-z]+){0,3})"),
)
_BESIDE: tuple[tuple[Side, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern + _LINKING, re.IGNORECASE)) for name, pattern in _SIDES
)
_OR_MORE: tuple[tuple[Side, str], ...] = (
    ("least", r"\s*(?:or|and)\s+(?:more|older|above|higher|over|greater|longer|up)\b|\s+min(?:imum)?\b"),
    ("most", r"\s*(?:or|and)\s+(?:less|fewer|younger|below|under|lower)\b|\s+max(?:imum)?\b"),
)
_BEHIND: tuple[tuple[Side, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern, re.IGNORECASE)) for name, pattern in _OR_MORE
)


_NO_LONGER = re.compile(r"\bwithin\s+(?:the\s+)?(?:first\s+|next\s+)?$", re.IGNORECASE)


def _side(place: Beside) -> Side:
    for name, pattern in _BEHIND:
        if pattern.match(place.after):
            return name
    before = place.before
    if place.fact.kind == "quantity" and _NO_LONGER.search(before):
        return "most"
    return next((name for name, pattern in _BESIDE if pattern.search(before)), "")


# --- when ----------------------------------------------------------------------------------------------

_THE = r"\s+(?:the\s+)?(?:first\s+|next\s+)?$"
_WITHIN = re.compile(rf"\b(?:within|in|inside|during|up\s+to|before|until){_THE}", re.IGNORECASE)
_AFTERWARDS = re.compile(rf"\b(?:after|beyond|past|once|later\s+than|following){_THE}", re.IGNORECASE)
_THEN_BEFORE = re.compile(r"\s+(?:before|prior\s+to|ahead\s+of|earlier)\b", re.IGNORECASE)
_THEN_AFTER = re.compile(r"\s+(?:after|following|later|from|since)\b", re.IGNORECASE)


def _within(place: Beside) -> When:
    """ "within 30 days", "after 30 days"."""
    if _AFTERWARDS.search(place.before):
        return "after"
    return "within" if _WITHIN.search(place.before) else ""


def _when(place: Beside) -> When:
    """The same, where a denial turns it round: "not before 30 days" is after them."""
    when = _within(place)
    if not when or place.fact.kind not in ("quantity", "date", "time"):
        return ""
    here, rest = place.clause
    if _CUE.search(here):
        return "after" if when == "within" else "within"
    return "" if _CUE.search(rest) else when


def turned(claim: Beside, passage: Beside) -> bool:
    """Whether one says by a denial what the other says without: "not after 30 days", "within 30 days"."""
    denials = sum(len(_CUE.findall(readable(place.text))) for place in (claim, passage))
    return denials == 1 and _when(claim) == _when(passage) != "" and _within(claim) != _within(passage)


def _worded(place: Beside) -> str:
    found = _AFTERWARDS.search(place.before) or _WITHIN.search(place.before)
    said = found[0].strip().lower() if found else ""
    return f"not {said}" if _CUE.search(place.clause[0]) else said


def _then(place: Beside) -> When:
    """ "30 days before the renewal", "30 days after it"."""
    if _THEN_BEFORE.match(place.after):
        return "before"
    return "after" if _THEN_AFTER.match(place.after) else ""


# --- by, from or to ------------------------------------------------------------------------------------------

_CHANGED = (
    r"\b(?:r(?:ise|ises|ose|isen|ising)|grow\w*|grew|increas\w*|rais\w*|climb\w*"
    r"|go(?:es)?|went|chang\w*|mov(?:e|es|ed|ing)|f(?:all|alls|ell|allen|alling)|drop\w*|declin\w*|decreas\w*|reduc\w*|lower(?:s|ed|ing)|cut(?:s|ting)?|shr[aiu]nk\w*)\b"
)  # fmt: skip
_CHANGING = re.compile(rf"{_CHANGED}[^.;:|\n]{{0,40}}$", re.IGNORECASE)
_BY_OR_TO = re.compile(rf"{_CHANGED}[^.;:|\n]{{0,40}}?\b(by|from|to){_NEARLY}$", re.IGNORECASE)


def _change(place: Beside) -> str:
    """ "rose by 7%", "rose to 7%", "rose from 7%"."""
    return match[1].lower() if (match := _BY_OR_TO.search(place.before)) else ""


# --- up or down ------------------------------------------------------------------------------------------

_DOWN = re.compile(
    r"(?<!or )\b(?:cheaper|less|lower|off|discount\w*|decreas\w*|reduc\w*|sav(?:e|es|ing|ings)|fewer|down|drops?"
    r"|falls?)\b(?!\s+than\b)",
    re.IGNORECASE,
)
_UP = re.compile(
    r"(?<!or )\b(?:more|higher|extra|increas\w*|rais\w*|additional|surcharge|expensive|dearer|rises?)\b(?!\s+than\b)",
    re.IGNORECASE,
)


def _way(place: Beside) -> Way:
    near = place.before[-25:], place.after[:20]
    down, up = (any(pattern.search(text) for text in near) for pattern in (_DOWN, _UP))
    return "down" if down and not up else "up" if up and not down else ""
