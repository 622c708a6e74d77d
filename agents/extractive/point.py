"""Which pieces are to the point: they speak of the feature that a question asks after."""

from __future__ import annotations

from collections.abc import Sequence

from agents.asked import closes, features_in, speaking_of
from agents.extractive.units import Unit
from tasks.case import Question

BESIDE = 1.0
"""What a piece beside the point loses of its score: it comes only with one that needs it, as its list or lead-in."""


def to_the_point(question: Question, pool: Sequence[Unit], scores: Sequence[float]) -> list[bool]:
    """For each piece, whether it may answer the question; all of them, where none could be told apart.

    The best piece may too when it closes a list that the feature would stand in ("... only").
    """
    features = features_in(question.text)
    if not features:
        return [True] * len(pool)
    said = [f"{u.passage.title} | {' | '.join(u.headings)} | {u.column} {u.text}" for u in pool]
    found = [any(one) for one in zip(*(speaking_of(feature, said) for feature in features), strict=True)]
    best = max(range(len(pool)), key=lambda i: scores[i])
    return [may or (i == best and closes(pool[i].text)) for i, may in enumerate(found)]
