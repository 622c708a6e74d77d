"""How well a quotable piece answers a question.

Ranking mixes the overlap of stems and word pairs with the question, the cosine of the sentence
embeddings, whether the sentence holds the kind of fact that is asked for, and how well its passage was found.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from agents.extractive.names import misnames, named_in
from agents.extractive.units import ASIDE, DANGLING, POINTER, Unit
from knowledge_base import text as language
from knowledge_base.facts import facts_in
from tasks.case import Question

Embed = Callable[[Sequence[str]], npt.NDArray[np.float32]]

ANSWERS = 0.40  # a piece that scores less does not answer the question
_EMBEDDED = 16  # pieces that are worth embedding, by their words; each takes about 1 ms
_EMBEDDED_CHARACTERS = 240

_WANTED: tuple[tuple[re.Pattern[str], frozenset[str]], ...] = (
    (
        re.compile(r"\bhow much (?:is|are|do|does|will|would)\b|\bpric\w+|\bcosts?\b|\bfees?\b", re.I),
        frozenset({"money"}),
    ),
    (
        re.compile(
            r"\bhow (?:long|soon|often|quick\w*|fast)\b"
            r"|(?:^|[,;.]\s*)(?:and |by |until |since )?when\b(?! (?:i|we|it|you|they|the)\b)|\bdeadline\b",
            re.I,
        ),
        frozenset({"quantity", "date", "time"}),
    ),
    (
        re.compile(r"\bhow (?:many|big|large)\b|\blimits?\b|\bmax(?:imum)?\b|\bquota\b", re.I),
        frozenset({"quantity", "number"}),
    ),
    (re.compile(r"\bcommands?\b", re.I), frozenset({"command"})),
)
PROCEDURAL = re.compile(
    r"\bhow (?:do|can|should|would|could|to)\b|\bwhat (?:do|should|can|must) (?:i|we)\b"
    r"|\bwhat (?:\w+ ){0,3}(?:first|next|now)\b|\bwhere do i (?:start|look|begin)\b"
    r"|\b(?:steps?|fix|resolve|mitigate|recover|troubleshoot|diagnose|debug|unblock)\b"
    r"|\bwhat('s| is) (?:the )?(?:first|next|procedure|fix)\b",
    re.I,
)
"""Asks what to do, not how things are."""


def rank(question: Question, pool: Sequence[Unit], embed: Embed) -> list[float]:
    """One score a unit, about 0..1.3."""
    lexical = _lexical(question, pool)
    top = sorted(range(len(pool)), key=lambda i: -lexical[i] - 0.4 * pool[i].passage.score)[:_EMBEDDED]
    vectors = embed([question.search_text, *(f"{pool[i].section}: {pool[i].text}"[:_EMBEDDED_CHARACTERS] for i in top)])
    cosine = dict(zip(top, (vectors[1:] @ vectors[0]).tolist(), strict=True))
    wanted, named = wanted_kinds(question), named_in(question, pool)
    best_passage = max(u.passage.score for u in pool) or 1.0
    scores = []
    for i, unit in enumerate(pool):
        score = 0.4 * lexical[i] + 0.5 * max(0.0, cosine.get(i, 0.0)) + 0.15 * unit.passage.score / best_passage
        if wanted and i in cosine:
            score += 0.2 if not unit.leads_in and wanted & {fact.kind for fact in facts_in(unit.text)} else -0.1
        score -= 0.1 * bool(DANGLING.match(unit.text)) + 0.2 * bool(POINTER.match(unit.text) or ASIDE.search(unit.text))
        score -= (
            (0.05 if "command" in wanted or PROCEDURAL.search(question.text) else 0.15) * (unit.kind == "code")
            + 0.1 * bool(unit.subject)
            + 0.25 * misnames(unit, named)
        )
        scores.append(score)
    return scores


def wanted_kinds(question: Question) -> set[str]:
    """The kinds of fact that the question asks for."""
    return {kind for pattern, kinds in _WANTED if pattern.search(question.text) for kind in kinds}


def _lexical(question: Question, pool: Sequence[Unit]) -> list[float]:
    """Share of the question's stems (weighted by rarity in the pool) and word pairs in each unit, 0..1.

    Stems that no unit holds are left out: whether the passages answer at all is the retriever's to say.
    The context of a question counts for less than its own words.
    """
    asked = language.stems(question.text)
    pairs = set(pairwise(language.stems(question.search_text)))
    own = [language.stems(u.text) for u in pool]
    around = [set(language.stems(f"{u.section} {u.passage.title}")) for u in pool]
    seen = Counter(stem for found, near in zip(own, around, strict=True) for stem in {*found, *near})
    told = {stem for stem in language.stems(question.context) if not stem.isdigit()}
    weight = {s: 0.4 * math.log(1 + len(pool) / seen[s]) for s in told if seen[s]}
    weight |= {s: math.log(1 + len(pool) / seen[s]) for s in asked if seen[s]}
    total = sum(weight.values()) or 1.0
    scores = []
    for found, near in zip(own, around, strict=True):
        inside = set(found)
        covered = sum(w * (1.0 if s in inside else 0.6 if s in near else 0.0) for s, w in weight.items()) / total
        paired = len(pairs & set(pairwise(found))) / len(pairs) if pairs else 0.0
        scores.append(0.8 * covered + 0.2 * min(1.0, 3 * paired))
    return scores
