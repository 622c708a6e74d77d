"""Which pieces are to the point: they speak of the feature that a question asks after, and hold for its time."""

from __future__ import annotations

from collections.abc import Sequence

from agents.asked import closes, features_in, speaking_of
from agents.extractive.units import Unit
from agents.period import holds_for, period_asked
from tasks.case import Passage, Question

BESIDE = 1.0
"""What a piece beside the point loses of its score: it comes only with one that needs it, as its list or lead-in."""

_AS_GOOD = 0.7
"""The share of the best score that a piece must have which is said of the time asked about: it is of the same thing."""


def to_the_point(question: Question, pool: Sequence[Unit], scores: Sequence[float]) -> list[bool]:
    """For each piece, whether it may answer the question.

    Of what is said of another feature the best piece may, when it closes a list ("... only").
    """
    features, asked = features_in(question.text), period_asked(question.text)
    may = [True] * len(pool)
    if not pool or not (features or asked):
        return may
    said = [f"{u.passage.title} | {' | '.join(u.headings)} | {u.column} {u.text}" for u in pool]
    if features:
        may = [any(one) for one in zip(*(speaking_of(feature, said) for feature in features), strict=True)]
        best = max(range(len(pool)), key=lambda i: scores[i])
        may[best] = may[best] or closes(pool[best].text)
    if asked:
        least = _AS_GOOD * max(scores)
        for i, unit in enumerate(pool):
            page = unit.passage
            timely = holds_for(asked, said[i], page.modified, in_force=not page.deprecated)
            may[i] = may[i] and timely and scores[i] >= least
    return may


def usable(question: Question, passages: Sequence[Passage]) -> Sequence[Passage]:
    """Without deprecated pages, unless there is nothing else, or their title tells the time that is asked about."""
    asked = period_asked(question.text)
    return [
        p for p in passages if not p.deprecated or (asked and holds_for(asked, p.title, in_force=False))
    ] or passages
