"""Context: the words that say what a fact is about.

"$49" alone means nothing: the words around it in its sentence, the label of its table row, the head of its
column, the lead-in of its list, the headings above it and the title say which fee of which product it is. The
same is read off an answer and off a passage, and `likeness` says how well the two agree.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from knowledge_base.facts import Fact, key
from knowledge_base.remembered import remembered
from knowledge_base.text import STOP_WORDS, stem_all, unmarked, visible

Context = dict[str, float]
"""Stems of content words, each with how surely it belongs to the fact, 0..1."""

_WORD = re.compile(r"(?:\b[Ee]-(?=[^\W\d_]{4}))?[^\W\d_]+(?:['’][^\W\d_]+)?")
BOUNDARY = re.compile(r"[,;|()]|\s[-–—]\s|\b(?:and|or|but|while|whereas|plus)\b|\n", re.IGNORECASE)
_OTHERS = re.compile(
    r"\b(?:(?:other\s+than|besides|except(?:\s+for)?|excluding|apart\s+from|aside\s+from|outside(?:\s+of)?"
    r"|that\s+(?:isn['’]t|aren['’]t|is\s+not|are\s+not))\s(?P<excluded>[^.;:|\n]{0,80}?(?=$|[.;:|\n]|\b(?:still|gets?|earns?"
    r"|are|is|brings?)\b))|(?:all|any|every)\s+other|(?:every|any)thing\s+else|everywhere\s+else|elsewhere|remaining|the\s+rest)",
    re.IGNORECASE,
)
NOT = "\0not "
"""Before the stem of a word that is excluded."""
OTHERS = "\0others"
"""The word for "all the rest": what is said of it is not said of what is named beside it."""
_WINDOW = 300
"""So many characters before and after a fact say what it is about; further ones do not."""
_FADE = (1.0, 0.75, 0.5, 0.4)
"""What a word counts when 0, 1, 2, 3 or more clause boundaries lie between it and the fact."""
_BEHIND_A_RIVAL = 0.6
"""What remains of that when another fact of the same kind lies between."""
_OF_A_RIVAL = 0.2
"""What remains when the word lies between the two, in the other's clause."""
_NEARER_TO_A_RIVAL = 0.6
"""What remains when the word is nearer to the other, with no clause boundary between."""
_SHARED = 0.6
"""What the words before the first of several facts count for the others if these have words of their own before them
("Basic costs $19 and Premium $49"); without, they count fully ("answers within 4 hours on Pro and 8 on Free")."""

# Words that a writer puts for one another when stating a figure: each line counts as nearly one word.
_CONCEPTS = """
    fee fees charge charges charged cost costs price prices priced pay pays paid paying expense
    limit limits max maximum cap caps capped ceiling most exceed exceeds highest top upper
    minimum min least lowest lower smallest
    free waive waived waives waiver complimentary gratis
    year years annual annually yearly annum
    month months monthly
    day days daily
    week weeks weekly
    hour hours hourly
    buy buys bought purchase purchases spend spends spending spent
    get gets receive receives received earn earns earned obtain
    open opens opened opening start starts begin begins create
    close closes closed closing closure shut shuts shutting terminate end ends
    send sends sent mail mails mailed ship ships shipped shipping deliver delivered delivery arrive arrives
    need needs needed require requires required requirement requirements must necessary mandatory
    wait waiting waits hold cooldown delay
    replace replaces replaced replacement reissue new
    foreign international abroad overseas
    allow allows allowed permit permits permitted may can eligible qualify qualifies entitled
    reduce reduces reduced lower decrease discount discounted cut
    increase increases increased raise raised rise higher boost
    tell tells report reports reported notify inform contact
    lock locked locks block blocked freeze frozen suspend suspended
    check checks verify verifies verified confirm confirmed
    own has have hold holding keep keeps kept maintain maintained maintaining
    after following once later since
    late overdue missed
    people person users user members member customers customer
    last previous past prior
    rate rates interest apr apy yield
    include includes included including come comes comprise
    amount amounts balance sum value
    return returns returned refund refunds refunded reimburse reimbursed reimbursement rebate rebated rebates
    score scores rating
    per each every
    choose chooses select selects pick picks click clicks press
    verify check test tests
    """


def _concepts() -> dict[str, str]:
    table: dict[str, str] = {}
    for line in _CONCEPTS.strip().splitlines():
        stemmed = stem_all(line.split())
        for stem in stemmed:
            table.setdefault(stem, stemmed[0])
    return table


CONCEPT: Mapping[str, str] = _concepts()
"""Stem -> the first stem of its line; what has no line stands for itself."""
_BY_CONCEPT = 0.8


def concepts(stems: Iterable[str]) -> set[str]:
    """The concepts of those of `stems` that have a line."""
    return {CONCEPT[stem] for stem in stems if stem in CONCEPT}


def as_concepts(stems: Iterable[str]) -> set[str]:
    """`stems`, near synonyms being one; what has no line stays as it is."""
    return {CONCEPT.get(stem, stem) for stem in stems}


@dataclass(frozen=True, slots=True)
class Token:
    """A content word of a text, by its stem and place."""

    stem: str
    start: int
    end: int


@remembered(8_192)
def tokens(text: str) -> list[Token]:
    """The content words of `text`, in order; numbers are facts and stay out."""
    found = [(match.group().lower().replace("’", "'"), match.start(), match.end()) for match in _WORD.finditer(text)]
    found = [(word.replace("-", ""), start, end) for word, start, end in found]  # "e-mail" is "email"
    found = [(word if word.isascii() else unmarked(visible(word)), start, end) for word, start, end in found]
    found = [item for item in found if item[0] not in STOP_WORDS and len(item[0]) > 1]
    stemmed = stem_all([word for word, _, _ in found])
    return [Token(stem, start, end) for stem, (_, start, end) in zip(stemmed, found, strict=True)]


def within(text: str, words: Sequence[Token], facts: Sequence[Fact], fact: Fact, offset: int) -> Context:
    """The words and other facts of one sentence around `fact`. `text` begins at `offset` of what the facts are in."""
    start, end = fact.start - offset, fact.end - offset
    low, high = max(0, start - _WINDOW), end + _WINDOW
    beside = [(o, o.start - offset, o.end - offset) for o in _near(facts, low + offset, high + offset) if o is not fact]
    others = [(at, to) for o, at, to in beside if o.kind == fact.kind]
    values = [Token(as_word(o), at, to) for o, at, to in beside]
    words = [word for word in words if low <= word.start <= high]
    cuts = [match.start() for match in BOUNDARY.finditer(text, low, high)]
    excluded = list(_OTHERS.finditer(text, low, high))
    context: Context = {OTHERS: 1.0} if excluded else {}
    first = min((at for at, _ in others), default=start)
    since = max((cut for cut in cuts if cut < start), default=low)
    shared = _SHARED if any(since <= word.start and word.end <= start for word in words) else 1.0
    for word in [*words, *values]:
        if word.start >= start and word.end <= end:
            continue
        low, high = (word.end, start) if word.end <= start else (end, word.start)
        crossed = sum(low <= cut < high for cut in cuts)
        weight = _FADE[min(crossed, len(_FADE) - 1)]
        if any(low <= other[0] < high for other in others):
            weight = shared if word.end <= first else weight * _BEHIND_A_RIVAL
        elif any(_nearer(word, other, crossed, high - low, cuts, shared < 1) for other in others):
            weight *= _OF_A_RIVAL if crossed else _NEARER_TO_A_RIVAL
        out = any(match.start("excluded") <= word.start < match.end("excluded") for match in excluded)
        stem = NOT + word.stem if out else word.stem
        context[stem] = max(weight, context.get(stem, 0.0))
    return context


def _nearer(
    word: Token, other: tuple[int, int], crossed: int, distance: int, cuts: Sequence[int], own_words: bool
) -> bool:
    """Whether a word belongs rather to the fact at `other` than to one from which `crossed` boundaries part it."""
    low, high = (word.end, other[0]) if other[0] >= word.end else (other[1], word.start)
    parting = sum(low <= cut < high for cut in cuts)
    return parting <= crossed and (high - low < distance or (own_words and parting < crossed))


def _near(facts: Sequence[Fact], low: int, high: int) -> Sequence[Fact]:
    """The facts, which are in order, that begin in `low:high`; at most as many on each side as tell anything."""
    first, last = (bisect_left(facts, place, key=lambda fact: fact.start) for place in (low, high))
    return facts[first:last]


def as_word(fact: Fact) -> str:
    """A fact as a word of the context of others: "within 60 days" tells which of two fees is meant."""
    return "\0".join(key(fact))


def merged(*parts: tuple[float, Iterable[str]], own: Context | None = None) -> Context:
    """`own` with the stems of `parts`, each part at its weight, where they are not there with more."""
    context = dict(own or {})
    for weight, stems in parts:
        for stem in stems:
            if weight > context.get(stem, 0.0):
                context[stem] = weight
    return context


def weighed(claimed: Context, rarity: Mapping[str, float]) -> list[tuple[str, str, float]]:
    """The words of a claim's context as (stem, concept or "", weight times rarity).

    Words that no passage has (no `rarity`) say nothing about which of two places is meant, and are left out.
    """
    found = []
    for stem, weight in claimed.items():
        bare = stem.removeprefix(NOT)
        concept = CONCEPT.get(bare, "")
        if (rare := rarity.get(bare) or rarity.get(concept)) is not None:
            found.append((stem, concept if stem is bare or stem == bare else "", weight * rare))
    return found


def concepts_of(context: Context) -> Context:
    """The concepts of a context's words, each at the weight of its surest word."""
    found: Context = {}
    for stem, weight in context.items():
        if (concept := CONCEPT.get(stem)) and weight > found.get(concept, 0.0):
            found[concept] = weight
    return found


def likeness(claimed: Sequence[tuple[str, str, float]], found: Context, concepts: Context) -> float:
    """How much of what a claim says of its fact (`weighed`) `found` says too, in the sum of weights agreed on."""
    agreed: list[float] = []  # summed exactly: the order of a set's words must not turn a tie
    for stem, concept, weight in claimed:
        match = found.get(stem, 0.0)
        if concept and match < 1:
            match = max(match, _BY_CONCEPT * concepts.get(concept, 0.0))
        agreed.append(weight * match)
    return math.fsum(agreed)


def neighbours(text: str, fact: Fact, offset: int = 0) -> tuple[list[str], list[str]]:
    """The three words before the fact and the three after it, function words too, nearest first."""
    before = text[max(0, fact.start - offset - 60) : fact.start - offset]
    after = text[fact.end - offset : fact.end - offset + 60]
    return _ANY.findall(before.lower())[-3:][::-1], _ANY.findall(after.lower())[:3]


_ANY = re.compile(r"[^\W_]+")


def adjacency(claimed: tuple[list[str], list[str]], found: tuple[list[str], list[str]]) -> float:
    """How many of the words that touch a fact are the same on both sides, 0..6."""
    score = 0.0
    for mine, theirs in zip(claimed, found, strict=True):
        for a, b in zip(mine, theirs, strict=False):
            if a != b:
                break
            score += 1
    return score
