"""Support: how much of a claim's wording the passages carry, and what that makes the claim worth.

No word of a passage is ever "nearly" another by a model's judgement: a word is there, there under another form
or in a near synonym, in the question, or nowhere. What counts is how many are nowhere and how they lie: six in a
row are an added thought, six spread out a paraphrase. The count of unsupported stems is the best single
feature on RAGTruth (Niu et al., ACL 2024); the weights are those of a logistic regression (`benchmarks.calibration`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from knowledge_base.claims import Assertion
from knowledge_base.context import BOUNDARY, CONCEPT, concepts, tokens
from knowledge_base.evidence import Source, Unit
from knowledge_base.logistic import logistic, probability
from knowledge_base.remembered import remembered
from knowledge_base.text import STOP_WORDS, stem_all

FRAME = frozenset(
    stem_all(
        """passage passages provide provided providing provides mention mentions mentioned state states stated
        according based given overall summary summarize answer question note noted noting important
        importantly include includes including follow following follows information text context document
        documents source sources describe describes described explain explains explained suggest suggests
        suggested indicate indicates say says said however additionally also finally conclusion therefore
        thus moreover furthermore example several various certain specific specifically refer refers
        different main mainly generally typically usually often commonly sometimes likely may might depend
        depends depending keep mind worth first second third fourth step steps way ways option options point
        points list key briefly short mean means case cases thing things need needs help helps use used
        using uses make makes making made take takes taking get gets getting one two three people person
        advise advises recommend recommends recommended warn warns add adds writer author poster discusses
        discuss experience experiences opinion personal story someone whatever whoever whichever somebody
        anybody anyone everybody everyone everything anything something still later soon earlier already
        even really quite rather back away along around else stuff lot bit part kind sort time times go goes
        going went come comes put puts set sets run runs turn turns look looks see let lets give gives bring
        brings count counts want wants like know known ask asks try tries happen happens every much many
        able""".split()
    )
)
"""Words of talking about an answer, which passages need not have."""
_ADDING = re.compile(
    r"\b(?:important|essential|crucial|recommend\w*|advis\w*|consult\w*|ensure|such\s+as|for\s+example|e\.g\.|because|since|due\s+to"
    r"|so\s+that|in\s+order\s+to|which\s+(?:helps?|can|may|makes?)|making|allowing|as\s+(?:it|they|this))\b",
    re.IGNORECASE,
)
_ABSOLUTE = re.compile(
    r"\b(?:always|never|only|all|must|guarantee\w*|every|any|none|most|best|completely|entirely|solely|exactly|immediately"
    r"|automatically)\b",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?<=[\w,;)] )[A-Z][a-z]+\b")
_CALENDAR = frozenset(
    """january february march april may june july august september october november december monday tuesday wednesday
    thursday friday saturday sunday""".split()
)
_ACRONYM = re.compile(r"\b(?:[A-Z]\.?){2,6}")
_RUN = re.compile(r"(?:[A-Z][a-z]+\s?){1,6}")


@dataclass(slots=True)
class Known:
    """What all passages of an answer say between them."""

    units: Sequence[Unit]
    stems: Set[str]
    concepts: Set[str]
    forms: Set[str]  # the first letters of the longer stems
    named: Set[str]  # stems of the passages' ids
    acronyms: Set[str]
    roots: Set[str]  # the first four letters of stems
    rare: Mapping[str, float]
    asked: Set[str] = frozenset()  # stems of the question

    @classmethod
    def of(cls, sources: Sequence[Source], rare: Mapping[str, float]) -> Known:
        """What `sources` say, whatever the question."""
        stems = frozenset().union(*(source.stems for source in sources))
        return cls(
            units=[unit for source in sources for unit in source.units],
            stems=stems,
            concepts=concepts(stems),
            forms={stem[:FORM] for stem in stems if len(stem) > FORM},
            acronyms={
                acronym.replace(".", "").lower()
                for source in sources
                for acronym in _ACRONYM.findall(source.evidence.text)
            },
            roots={stem[:4] for stem in stems},
            named=frozenset().union(*(source.named for source in sources)),
            rare=rare,
        )


FORM = 5
"""So many first letters tell the forms of one word."""
NOWHERE, ASKED, ELSEWHERE, HERE = 0, 1, 2, 3


class Carried(NamedTuple):
    """How the passages carry a claim's wording.

    `words`: each content word as (stem, offset in the claim's prose, NOWHERE to HERE); `best`: the units nearest to it.
    """

    words: list[tuple[str, int, int]]
    best: list[Unit]


def levels(assertion: Assertion, known: Known) -> Carried:
    """Where each content word of a claim stands: nowhere, only in the question, elsewhere, or in the best units."""
    spoken = [token for token in tokens(assertion.wording) if token.stem not in FRAME]
    said = {token.stem for token in spoken}
    best = sorted(known.units, key=lambda unit: -_overlap(unit, said, known.rare))[:2] if said else []
    here: set[str] = set().union(*(unit.window for unit in best))
    near = concepts(here)
    found: list[tuple[str, int, int]] = []
    for token in spoken:
        stem = token.stem
        concept = CONCEPT.get(stem)
        if stem in here or concept in near or stem in known.named:
            level = HERE
        elif stem in known.stems or concept in known.concepts:
            level = ELSEWHERE
        elif stem in known.asked or stem[:FORM] in known.forms:
            level = ASKED
        else:
            level = NOWHERE
        found.append((stem, token.start, level))
    return Carried(found, best)


def _overlap(unit: Unit, said: set[str], rare: Mapping[str, float]) -> float:
    shared = said & unit.window
    return math.fsum(rare.get(stem, 0.0) * (1.3 if stem in unit.words.content else 1.0) for stem in shared)


_REACH = 5


def signs(
    assertion: Assertion, known: Known, carried: Carried, *, absent: int, misplaced: float, opposed: bool
) -> list[float]:
    """What tells whether a claim is supported, in the order of `SIGNS`; `carried` is what `levels` gives for it."""
    words, best = carried
    missing = [(_weight(stem), level) for stem, _, level in words]
    loose = [weight if level == NOWHERE else 0.6 * weight if level == ASKED else 0.0 for weight, level in missing]
    far = [weight * (1.0, 0.8, 0.4, 0.0)[level] for weight, level in missing]
    n = len(words)
    spans = [sum(loose[i : i + _REACH]) for i in range(max(1, n - _REACH + 1))]
    near = [sum(far[i : i + _REACH]) for i in range(max(1, n - _REACH + 1))]
    run = longest = 0
    for _, level in missing:
        run = run + 1 if level <= ASKED else 0
        longest = max(longest, run)
    stems = [stem for stem, _, _ in words]
    pairs = [(a, b) for a, b in pairwise(stems) if a in known.stems and b in known.stems]
    apart = sum(not any(a in unit.window and b in unit.window for unit in known.units) for a, b in pairs)
    written = {word for unit in best for word in unit.plain.lower().split()}
    absolute = sum(word.lower() not in written for word in _ABSOLUTE.findall(assertion.prose))
    names = unknown_names(assertion.prose, known)
    adding = bool(_ADDING.search(assertion.prose))
    return [
        math.log1p(sum(loose)),
        sum(loose) / max(n, 3),
        max(spans, default=0.0),
        max(near, default=0.0),
        math.sqrt(longest),
        _worst_clause(assertion.prose, words),
        float(min(apart, 4)),
        float(min(absolute, 3)),
        float(min(len(names), 3)),
        float(adding),
        float(adding) * math.log1p(sum(loose)),
        float(min(absent, 3)),
        misplaced,
        float(opposed),
        float(bool(assertion.facts)),
        (1 - misplaced) * min(len(assertion.facts), 3) if assertion.facts and not absent else 0.0,
        math.log1p(n),
        float(assertion.lead_in),
    ]


SIGNS = (
    "loose", "loose share", "loose span", "far span", "run", "worst clause", "pairs apart", "absolute", "names",
    "adding", "adding loose", "absent", "misplaced", "opposed", "facts", "anchored", "length", "lead-in",
)  # fmt: skip


def unknown_names(prose: str, known: Known) -> list[str]:
    """The proper names of a claim that neither the passages nor the question mention, and steps of no path there."""
    found = []
    for match in _NAME.finditer(prose):
        name = match.group()
        run = _RUN.match(prose, match.start())
        initials = "".join(word[0] for word in run[0].split()).lower() if run else ""
        stem = stem_all([name.lower()])[0]
        if (
            name.lower() in STOP_WORDS
            or name.lower() in _CALENDAR
            or stem in FRAME
            or stem in known.stems
            or stem in known.asked
            or stem in known.named
        ):
            continue
        if len(initials) > 1 and initials in known.acronyms:
            continue  # "United States" where the passage has "US"
        if len(stem) > 4 and stem[:4] in known.roots:
            continue  # "Swedish" where it has "Sweden"
        found.append(name)
    return found + _unknown_steps(prose, known)


_ARROW = r"[ \t]*(?:→|➔|➜|›|»|(?<=[ \t])>(?=[ \t]))[ \t]*"
_STEP = re.compile(rf"(?<![\w-])([A-Z][^\W\d_]+)[*_`\"”]*{_ARROW}[*_`\"“]*([A-Z][^\W\d_]+)")


def _unknown_steps(prose: str, known: Known) -> list[str]:
    """The steps of a menu's path ("Settings → Billing") whose two names stand nowhere near each other."""
    found, at = [], 0
    while match := _STEP.search(prose, at):
        at = match.start(2)  # where the next one may begin
        names = stem_all([name.lower() for name in match.groups()])
        if not any(unit.window.issuperset(names) for unit in known.units):
            found.append(f"{match[1]} → {match[2]}")
    return found


_SAID_OF_TEXTS = re.compile(r"(?:Passage|Document|Source|Note|Please|According|Yes|No)")
_CAPITAL = re.compile(r"(?<![.!?:] )(?<![.!?:]\s\*\*)(?<!^)(?<!^\*\*)(?<![\w'’-])[A-Z][a-z]{2,}\b")


_NO_NAMES = STOP_WORDS | _CALENDAR


@remembered(2_048, longest=4_000)
def names_said(prose: str) -> list[str]:
    """The capitalised words of a sentence that may be names: not its first, nor words of talking about an answer."""
    return [
        name
        for name in _CAPITAL.findall(prose.strip())
        if name.lower() not in _NO_NAMES and not _SAID_OF_TEXTS.match(name)
    ]


def _weight(stem: str) -> float:
    """Long words say more than short ones, which are often verbs that carry no topic."""
    return min(len(stem), 9) / 6


def _worst_clause(prose: str, words: Sequence[tuple[str, int, int]]) -> float:
    """The share of loose words in the clause that has most of them; short clauses count less."""
    cuts = [match.start() for match in BOUNDARY.finditer(prose)]
    worst, start = 0.0, 0
    for cut in [*cuts, len(prose) + 1]:
        clause = [level <= ASKED for _, at, level in words if start <= at < cut]
        start = cut
        if len(clause) >= 2:
            worst = max(worst, sum(clause) / len(clause) * min(len(clause), 4) / 4)
    return worst


# --- how likely a claim is unsupported ---------------------------------------------------------------------

_WEIGHTS: tuple[float, ...] = (
    -0.657,
    0.871,
    0.338,
    0.515,
    0.742,
    2.047,
    0.558,
    0.377,
    1.586,
    0.327,
    -0.063,
    2.111,
    1.283,
    1.619,
    -0.000,
    -0.390,
    0.142,
    -3.129,
)
_BIAS = -5.510


def risk(found: Sequence[float]) -> float:
    """The probability that a claim with these signs is not supported, 0..1."""
    return probability(found, _WEIGHTS, _BIAS)


_FLOORS = {"absent": 0.45, "unit differs": 0.45, "belongs": 0.3, "contradicts": 0.3, "negation": 0.3, "not about": 0.9}


def floor(reason: str) -> float:
    """The least risk of a claim that fails for `reason`: how often such claims of language models are false, about."""
    return next((least for start, least in _FLOORS.items() if reason.startswith(start)), 0.0)


_SCALE, _SHIFT = 0.704, -0.310
NORM = 3


def answer_risk(risks: Sequence[float]) -> float:
    """The probability that an answer is not supported as a whole, given the risk of each of its claims, 0..1.

    The worst claim counts most: a 3-norm, scaled to be a probability (Platt 1999).
    """
    worst = min(max(sum(risk**NORM for risk in risks) ** (1 / NORM), 1e-6), 0.999)
    return logistic(_SHIFT + _SCALE * math.log(worst / (1 - worst)))
