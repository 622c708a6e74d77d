"""The built-in writer's craft: which sentences of the passages answer a question, and in what order.

Every sentence is copied from one place of one passage: `units` cuts passages up, `rank` scores the pieces,
`statements` and `procedures` choose among them, and `names` keeps namesakes apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from agents.extractive.procedures import PROCEDURAL, procedure
from agents.extractive.rank import ANSWERS, Embed, rank
from agents.extractive.statements import statements
from agents.extractive.units import units
from tasks.case import Passage, Question, Sentence


class Chosen(NamedTuple):
    """The sentences for one question. `answered` may be true without any, when they were given already."""

    sentences: list[Sentence]
    answered: bool


def answer_sentences(
    question: Question,
    passages: Sequence[Passage],
    embed: Embed,
    taken: Sequence[Sentence] = (),
    refused: Iterable[str] = (),
) -> Chosen:
    """The sentences that answer `question`, in reading order, without those in `taken` and `refused`."""
    no = set(refused)
    in_order = sorted(_usable(passages), key=lambda p: p.position)  # so that a document reads as it was written
    pool = [u for p in in_order for u in units(p) if u.text not in no]
    scores = rank(question, pool, embed) if pool else []
    if max(scores, default=0.0) < ANSWERS:
        return Chosen([], answered=False)
    picked = procedure(question, pool, scores) if PROCEDURAL.search(question.text) else []
    if not picked:
        picked = statements(question, pool, scores)
    given = {quote.text for sentence in taken for quote in sentence.quotes}
    return Chosen([u.sentence() for u in picked if u.quote not in given], answered=True)


def _usable(passages: Sequence[Passage]) -> Sequence[Passage]:
    """Without deprecated pages, unless there is nothing else."""
    return [p for p in passages if not p.deprecated] or passages
