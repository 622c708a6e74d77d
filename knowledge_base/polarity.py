"""Polarity: does a text affirm or deny, and on which side of a value does it stand?

Deterministic and shallow: cues of denial and what they reach. It is only consulted for a claim and the passage
unit that says nearly the same, where one "not" more or less turns the meaning round.
"""

from __future__ import annotations

import re
from typing import Literal

from knowledge_base.context import BOUNDARY, CONCEPT, tokens
from knowledge_base.facts import Fact
from knowledge_base.text import STOP_WORDS, stem_all, words

_CUES = frozenset("not no never cannot without neither nor none non unless except unable nobody nothing".split())
_CUE = re.compile(
    r"\b(?:not|no|never|cannot|without|neither|nor|none|non|unless|except|unable|nobody|nothing)\b|n['’]t\b",
    re.IGNORECASE,
)
_HARMLESS = re.compile(
    r"\b(?:not\s+only|whether\s+or\s+not|no\s+(?:more|less|later|fewer|longer\s+than|earlier|sooner)\s+than|if\s+not"
    r"|no\s+matter)\b",
    re.IGNORECASE,
)
_LIKE_A_DENIAL = re.compile(
    r"\b(?:no|not|never|cannot|\w+n['’]t|without|neither|nor|none|non\w*|unless|except\w*|unable|nobody|nothing|only|exclu\w*"
    r"|declin\w*|den(?:y|ied|ies)|prohibit\w*|forbid\w*|prevent\w*|avoid\w*|block\w*|fail\w*|lack\w*|miss(?:ed|ing)?|ineligib\w*"
    r"|in(?:valid|correct|active|sufficient)\w*|un(?!der|til|less|it|ion|ique|ivers)\w{4,}|rather|instead|zero|false|outside|stop\w*"
    r"|refus\w*|reject\w*|disallow\w*|restrict\w*|remov\w*|cease\w*|expire\w*|los(?:es?|t)|void|discontinu\w*|alone|other\s+than"
    r"|regardless|sav(?:e|ing)|dis\w{4,}|revok\w*|withh\w*|clos\w*|end\w*|lock\w*|suspend\w*|idle|dormant|freez\w*|frozen)\b",
    re.IGNORECASE,
)
_BOUNDING = re.compile(
    r"(?:\b(?:no|not|never|cannot|without|none|nobody|nothing)\b|n['’]t\b)[^.;]{0,70}?\b(?:more|over|above|exceed\w*|under|below|less"
    r"|fewer|past|beyond|longer|later|unless|until|any|another|again|further|enough|than|before|except|if)\b"
    r"|\b(?:no|none|nobody|nothing)\b",
    re.IGNORECASE,
)
"""A denial that only says where something ends: what a limit says in the affirmative."""
_FREE = re.compile(r"\b(?:free|waiv\w*|rebat\w*|refund\w*|complimentary|includ\w*|no|zero)\b|[$€£]0\b", re.IGNORECASE)
_PAYING = re.compile(
    r"(?:\b(?:not?|never|without|cannot)\b|n['’]t\b)[^.;]{0,40}?\b(?:pay|cost|charg|fee|bill|owe|spend)\w*",
    re.IGNORECASE,
)


class Words:
    """The content stems of a text, numbers apart; which of them it denies; how many words of denial it has."""

    __slots__ = ("affirmed", "clauses", "content", "denials", "negated")

    def __init__(self, text: str) -> None:
        spoken = words(_HARMLESS.sub(" ", text) if "no" in text or "No" in text else text)
        stemmed = stem_all(spoken)
        topical = [w not in STOP_WORDS and not w[0].isdigit() for w in spoken]  # numbers are held as facts
        self.content = {s for s, is_topic in zip(stemmed, topical, strict=True) if is_topic}
        self.negated: set[str] = set()
        self.affirmed = self.content
        cues = [i for i, word in enumerate(spoken) if word in _CUES or word.endswith("n't")]
        self.denials = len(cues)
        self.clauses: list[set[str]] = []  # content stems of each clause that holds a cue
        if cues:
            self.clauses = [_content(clause) for clause in BOUNDARY.split(text) if _CUE.search(clause)]
            self._deny(spoken, stemmed, topical, cues)

    def _deny(self, spoken: list[str], stemmed: list[str], topical: list[bool], cues: list[int]) -> None:
        """A cue denies the next content word, and the one after it if that was an adverb or an adjective of "no"."""
        denied: set[int] = set()
        for cue in cues:
            reach = 2 if spoken[cue] in ("no", "without") else 1
            for i in range(cue + 1, min(cue + 7, len(spoken))):
                if not topical[i] or spoken[i] in _CUES:
                    continue
                denied.add(i)
                reach -= not spoken[i].endswith("ly")
                if reach <= 0:
                    break
        self.negated = {stemmed[i] for i in denied}
        self.affirmed = {stem for i, stem in enumerate(stemmed) if topical[i] and i not in denied}


def _content(text: str) -> set[str]:
    return {CONCEPT.get(token.stem, token.stem) for token in tokens(text)}


SAME = 0.6
"""The share of all content words that two sentences have in common when they say the same or the opposite."""

ALMOST = 0.35
"""The same where they are known to speak of one thing, since they share a fact."""

LOST = "negation lost: the passage denies what the claim affirms"
DENIES = "contradicts: the claim denies what the passage affirms"


def opposed(said: Words, claim: str, found: Words, unit: str, *, bound: bool) -> str:
    """Why the claim affirms what the passage denies, or the reverse; empty when it does not.

    `unit` is what the passage says with what stands above it. `bound`: the two are known to speak of the same
    thing, since they share a fact. A limit, an exception or a word such as "free" may say
    in the affirmative what another says in the negative, so where one stands nothing is concluded.
    """
    alike = _alike(said.content, found.content)
    if alike > SAME and said.denials != found.denials:  # the same sentence with a "not" more or less
        if said.denials < found.denials and _said_in(found.clauses, said.content):
            return LOST
        if said.denials > found.denials and _said_in(said.clauses, found.content):
            return DENIES
    if alike < (ALMOST if bound else SAME):
        return ""
    if said.negated and not found.denials and not _LIKE_A_DENIAL.search(unit):
        harmless = _BOUNDING.search(claim) or (_PAYING.search(claim) and _FREE.search(unit))
        if not harmless and _said_in(said.clauses, found.content):
            return DENIES
    if (
        found.negated
        and not said.denials
        and not _LIKE_A_DENIAL.search(claim)
        and _said_in(found.clauses, said.affirmed)
    ):
        return LOST
    return ""


_MOST_OF_IT = 0.6


def _said_in(clauses: list[set[str]], content: set[str]) -> bool:
    """Whether another text says most of a clause that is denied."""
    concepts = {CONCEPT.get(stem, stem) for stem in content}
    return any(clause and len(clause & concepts) >= _MOST_OF_IT * len(clause) for clause in clauses)


def _alike(some: set[str], others: set[str]) -> float:
    """The share of all words of two sentences that they have in common, near synonyms being one (Jaccard)."""
    a, b = ({CONCEPT.get(stem, stem) for stem in words} for words in (some, others))
    return len(a & b) / len(a | b) if a or b else 0.0


# --- the side of a value ---------------------------------------------------------------------------------

Side = Literal["over", "under", "most", "least", ""]

_NEGATED = r"(?:\b(?:no|not|never|cannot|without)\b|n['’]t\b)(?:(?!\band\b)[^.;:,|\n]){0,30}?"
_SIDES: tuple[tuple[Side, str], ...] = (
    ("most", rf"{_NEGATED}\b(?:more|greater|higher|longer|over|above|exceed\w*|past|beyond)(?:\s+than)?"),
    ("least", rf"{_NEGATED}\b(?:less|fewer|lower|below|under)(?:\s+than)?"),
    ("over", r"\b(?:(?:more|greater|higher|longer)\s+than|over|above|exceed(?:s|ed|ing)?|in\s+excess)"),
    ("under", r"\b(?:(?:less|fewer|lower)\s+than|under|below)"),
    ("most", r"\b(?:up\s+to|at\s+most|max(?:imum)?|limited|capped|(?<!credit\s)(?:limit|cap))"),
    ("least", r"\b(?:at\s+least|min(?:imum)?)"),
)
_LINKING = r"(?:\s+(?:of|is|are|at|to|a|an|the|total))*\W{0,4}$"
_BEFORE: tuple[tuple[Side, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern + _LINKING, re.IGNORECASE)) for name, pattern in _SIDES
)
_AFTER: tuple[tuple[Side, re.Pattern[str]], ...] = (
    ("least", re.compile(r"\s*(?:or|and)\s+(?:more|older|above|higher|over|greater|longer|up)\b", re.IGNORECASE)),
    (
        "most",
        re.compile(r"\s*(?:or|and)\s+(?:less|fewer|younger|below|under|lower)\b|\s+(?:max|maximum)\b", re.IGNORECASE),
    ),
    ("least", re.compile(r"\s+(?:min|minimum)\b", re.IGNORECASE)),
)
_CONDITION = re.compile(
    r"\b(?:if|when|once|after|where|whose|who|unless|for|with|while|until)\b[^.;:,|\n]*$", re.IGNORECASE
)
_OPPOSITE: frozenset[tuple[str, str]] = frozenset(
    {("over", "most"), ("most", "over"), ("under", "least"), ("least", "under"), ("most", "least"), ("least", "most"),
     ("over", "under"), ("under", "over")}
)  # fmt: skip


def side(text: str, fact: Fact, offset: int = 0) -> Side:
    """On which side of a value a sentence stands: at "most" $5, at "least", "over", "under"; "" when it says none.

    Values in a condition ("if you have more than $5") have none: they say when, not how much.
    """
    before = text[max(0, fact.start - offset - 80) : fact.start - offset]
    if _CONDITION.search(before):
        return ""
    for name, pattern in _AFTER:
        if pattern.match(text, fact.end - offset):
            return name
    return next((name for name, pattern in _BEFORE if pattern.search(before)), "")


def on_other_side(claimed: Side, found: Side) -> bool:
    """Whether two sides of one value contradict each other."""
    return (claimed, found) in _OPPOSITE


# --- before or after, up or down ----------------------------------------------------------------------------

_WITHIN = re.compile(
    r"\b(?:within|in|inside|during|up\s+to|before|until)\s+(?:the\s+)?(?:first\s+|next\s+)?$", re.IGNORECASE
)
_AFTERWARDS = re.compile(
    r"\b(?:after|beyond|past|once|later\s+than|following)\s+(?:the\s+)?(?:first\s+)?$", re.IGNORECASE
)
_DOWN = re.compile(
    r"(?<!or )\b(?:cheaper|less|lower|off|discount\w*|decreas\w*|reduc\w*|sav(?:e|es|ing|ings)|fewer|down|drops?"
    r"|falls?)\b(?!\s+than\b)",
    re.IGNORECASE,
)
_UP = re.compile(
    r"(?<!or )\b(?:more|higher|extra|increas\w*|rais\w*|additional|surcharge|expensive|dearer|rises?)\b(?!\s+than\b)",
    re.IGNORECASE,
)


def turned_round(claim: str, claimed: Fact, offset: int, unit: str, found: Fact, start: int) -> bool:
    """Whether a claim says after where the passage says within, or up where it says down, of one value.

    `claim` begins at `offset` of the text that `claimed` is in, `unit` at `start` of that of `found`.
    """
    mine, theirs = _before_and_after(claim, claimed, offset), _before_and_after(unit, found, start)
    if claimed.kind == "quantity":
        when = [("in" if _WITHIN.search(b) else "after" if _AFTERWARDS.search(b) else "") for b, _ in (mine, theirs)]
        if set(when) == {"in", "after"} and _denials(claim) == _denials(unit):
            return True
    if claimed.kind in ("percent", "money"):
        ways = [_way(*around) for around in (mine, theirs)]
        return set(ways) == {"up", "down"} and _denials(claim) == _denials(unit)
    return False


def _before_and_after(text: str, fact: Fact, offset: int) -> tuple[str, str]:
    return text[max(0, fact.start - offset - 25) : fact.start - offset], text[
        fact.end - offset : fact.end - offset + 20
    ]


def _way(before: str, after: str) -> str:
    down, up = (bool(pattern.search(before) or pattern.search(after)) for pattern in (_DOWN, _UP))
    return "down" if down and not up else "up" if up and not down else ""


def _denials(text: str) -> bool:
    return bool(_CUE.search(text))
