"""Polarity: does a text affirm or deny?

Deterministic and shallow: cues of denial and what they reach. It is only consulted for a claim and the passage
unit that says nearly the same, where one "not" more or less turns the meaning round.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Set

from knowledge_base.context import BOUNDARY, as_concepts, tokens
from knowledge_base.facts import facts_in
from knowledge_base.folding import latin
from knowledge_base.text import STOP_WORDS, stem_all, visible, words

_CUES = frozenset("not no never cannot without neither nor none non unless except unable nobody nothing".split())
_APOSTROPHES = str.maketrans("’ʼ＇`´", "'''''")


def readable(text: str) -> str:
    """`text` as it is read: no hidden characters, look-alike letters and apostrophes made plain ones."""
    return text if text.isascii() else latin(visible(text)).translate(_APOSTROPHES)


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
    r"\b(?:no|not|never|cannot|\w+n['’]t|without|neither|nor|none|non\w*|unless|except\w*|unable|nobody|nothing|(?<!-)only|exclu\w*"
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
_LIMIT = re.compile(
    r"\b(?:max\w*|min\w*|limit\w*|cap|caps|capped|up\s+to|at\s+(?:most|least)|ceiling|within|(?<!-)only|as\s+(?:much|many)\s+as)\b",
    re.IGNORECASE,
)
_FREE = re.compile(r"\b(?:free|waiv\w*|rebat\w*|refund\w*|complimentary|includ\w*|no|zero)\b|[$€£]0\b", re.IGNORECASE)
_PAYING = re.compile(
    r"(?:\b(?:not?|never|without|cannot)\b|n['’]t\b)[^.;]{0,40}?\b(?:pay|cost|charg|fee|bill|owe|spend)\w*",
    re.IGNORECASE,
)

_DENYING = r"(?:\b(?:not?|never|cannot)\b|n['’]t\b)"
_NUMBER = r"(?:\d|(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|fourteen|thirty|sixty|ninety)\b)"
_AFTER_IT = rf"\b(?:after|outside(?:\s+of)?|once)\s+(?:(?:the|those|these|first)\s+){{0,2}}{_NUMBER}"
_TOO_LATE = re.compile(rf"{_DENYING}[^.;]{{0,70}}?{_AFTER_IT}|{_AFTER_IT}[^.;]{{0,70}}?{_DENYING}", re.IGNORECASE)
_IN_TIME = re.compile(rf"\b(?:within|until|before|up\s+to|by|in\s+(?:the\s+)?(?:first\s+)?{_NUMBER})", re.IGNORECASE)
"""What "within 30 days" affirms, "not after 30 days" denies of the rest."""


class Words:
    """The content stems of a text, numbers apart; which of them it denies; how many words of denial it has."""

    __slots__ = ("affirmed", "clauses", "content", "denials", "negated")

    def __init__(self, text: str) -> None:
        text = readable(text)
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
    return as_concepts(token.stem for token in tokens(text))


SAME = 0.6
"""The share of all content words that two sentences have in common when they say the same or the opposite."""

_OPPOSITES = tuple(
    (frozenset(stem_all(one.split())), frozenset(stem_all(other.split())))
    for one, other in (
        ("before prior ahead", "after following once since"), ("always", "never"), ("first", "last"),
        ("enable enabled on", "disable disabled off"), ("include includes included", "exclude excludes excluded"),
        ("increase increases raise higher", "decrease decreases reduce lower"), ("minimum min", "maximum max"),
        ("open opens opened", "close closes closed"), ("allow allowed allows", "forbid forbidden deny denied"),
        ("more", "less fewer"), ("above over", "below under"), ("with", "without"),
        ("monthly month", "annual annually yearly year"),
        ("second", "minute"), ("minute", "hour"), ("hour hourly", "day daily night nightly"),
        ("day daily night nightly", "week weekly"), ("week weekly", "month monthly"),
        ("day daily night nightly", "month monthly"), ("day daily night nightly", "year yearly annual annually"),
    )
)  # fmt: skip
"""Words of which one turns a sentence round when it stands in the other's place."""
_TURNING = {
    one: frozenset(others.split())
    for pair in (
        ("before", "after"),
        ("more", "less fewer"),
        ("first", "last"),
        ("always", "never"),
        ("minimum", "maximum"),
    )
    for here, others in (pair, pair[::-1])
    for one in here.split()
}

_NEARLY_ONE = 0.85
"""Above this two sentences are one but for a word, and no limit is said in other words."""

ALMOST = 0.35
"""The same where they are known to speak of one thing, since they share a fact."""

LOST = "negation lost: the passage denies what the claim affirms"
DENIES = "contradicts: the claim denies what the passage affirms"


def opposed(said: Words, claim: str, found: Words, unit: str, *, bound: bool, closely: bool = False) -> str:
    """Why the claim affirms what the passage denies, or the reverse; empty when it does not.

    `unit` is what the passage says with what stands above it. `bound`: the two are known to speak of the same
    thing, since they share a fact; `closely`: the claim was taken from these very words. A limit, an exception or a
    word such as "free" may say in the affirmative what another says in the negative, so where one stands nothing is
    concluded.
    """
    claim, unit = readable(claim), readable(unit)
    alike = _alike(said.content, found.content)
    closest = ALMOST if closely else SAME
    # of a short sentence one word is much, so that words are also compared without the two that were exchanged
    pair = _exchanged(claim, unit) if alike > closest or _alike(said.content, found.content, but=2) > SAME else None
    if pair and _CUES.isdisjoint(pair) and _denied(pair[0], claim) != _denied(pair[1], unit):
        return ""  # turned round twice: "not open" where the passage has "closed"
    if said.denials and not found.denials and _denies_the_rest(claim) and _IN_TIME.search(unit):
        return ""
    if alike > SAME and said.denials != found.denials:  # the same sentence with a "not" more or less
        if said.denials < found.denials and _said_in(found.clauses, said.content):
            return "" if alike < _NEARLY_ONE and _BOUNDING.search(unit) and _LIMIT.search(claim) else LOST
        if said.denials > found.denials and _said_in(said.clauses, found.content):
            return "" if alike < _NEARLY_ONE and _BOUNDING.search(claim) and _LIMIT.search(unit) else DENIES
    if pair:
        return f'contradicts: the passage has "{pair[1]}" where the claim has "{pair[0]}"'
    if not closely and alike < (ALMOST if bound else SAME):
        return ""
    if said.negated and not found.denials and not _LIKE_A_DENIAL.search(unit):
        harmless = _BOUNDING.search(claim) or (_PAYING.search(claim) and _FREE.search(unit))
        if not harmless and _said_in(said.clauses, found.content, _SOME_OF_IT if closely else _MOST_OF_IT):
            return DENIES
    if (
        found.negated
        and not said.denials
        and not _LIKE_A_DENIAL.search(claim)
        and _said_in(found.clauses, said.affirmed)
    ):
        return LOST
    return ""


_HAVING = as_concepts(stem_all("include cover offer provide have contain come get give available".split()))
"""What a thing does with what it has: to deny one is to deny the others."""


def gainsaid(said: Words, claim: str, units: Iterable[tuple[Words, str]], but: Set[str]) -> bool:
    """Whether what one clause of the claim denies is affirmed by one of the passages' units, and denied by none.

    `units` are the words and the text of each; `but` are stems that say nothing of what is denied. A clause of a
    single word says too little to be met anywhere.
    """
    claim = readable(claim)
    if not said.clauses or _BOUNDING.search(claim) or _denies_the_rest(claim):
        return False
    clauses = [words for clause in said.clauses if len(words := clause - (but - _HAVING)) > 1]
    affirmed = False
    for found, text in units if clauses else ():
        content = as_concepts(found.content)
        if any(_has(content, clause) for clause in clauses):
            text = readable(text)
            if found.denials or _LIKE_A_DENIAL.search(text) or _PAYING.search(claim) or _exchanged(claim, text):
                return False
            affirmed = True
    return affirmed


def _has(content: set[str], clause: set[str]) -> bool:
    return clause - _HAVING <= content and (clause.isdisjoint(_HAVING) or not content.isdisjoint(_HAVING))


_MOST_OF_IT, _SOME_OF_IT = 0.6, 0.4


def _said_in(clauses: list[set[str]], content: set[str], share: float = _MOST_OF_IT) -> bool:
    """Whether another text says most of a clause that is denied."""
    concepts = as_concepts(content)
    return any(clause and len(clause & concepts) >= share * len(clause) for clause in clauses)


def _exchanged(claim: str, unit: str) -> tuple[str, str] | None:
    """A word of the claim, and its opposite that stands in the unit instead."""
    turns = [[word for word in words(text) if word in _TURNING] for text in (claim, unit)]
    if len(turns[0]) == len(turns[1]):
        for ours, others in zip(*turns, strict=True):
            if others in _TURNING[ours]:
                return ours, others
    pair = _opposites(claim, unit)  # seldom any: amounts are taken out only to look again
    return pair and _opposites(_without_amounts(claim), _without_amounts(unit))


def _opposites(claim: str, unit: str) -> tuple[str, str] | None:
    mine, theirs = (dict(zip(stem_all(spoken), spoken, strict=True)) for spoken in (words(claim), words(unit)))
    for pair in _OPPOSITES:
        for ours, others in (pair, pair[::-1]):
            here, there = ours & mine.keys(), others & theirs.keys()
            if here and there and not (ours & theirs.keys() or others & mine.keys()):
                return mine[min(here)], theirs[min(there)]
    return None


def _denies_the_rest(claim: str) -> bool:
    """Whether it denies what lies behind a time, and says nothing of what lies before it."""
    return bool(_TOO_LATE.search(claim)) and not _IN_TIME.search(claim)


def _denied(word: str, text: str) -> bool:
    """Whether the clause that has `word` denies."""
    return any(word in words(clause) and _CUE.search(clause) for clause in BOUNDARY.split(text))


def _without_amounts(text: str) -> str:
    """`text` without its amounts, whose units are no words in another's place: "two weeks" are 14 days."""
    for fact in reversed(facts_in(text)):
        if fact.unit:
            text = f"{text[: fact.start]} {text[fact.end :]}"
    return text


def _alike(some: set[str], others: set[str], but: int = 0) -> float:
    """The share of all words of two sentences that they have in common, near synonyms being one (Jaccard).

    `but` so many words that they do not have in common.
    """
    a, b = as_concepts(some), as_concepts(others)
    return len(a & b) / max(len(a | b) - but, 1)
