"""The built-in writer's craft: which sentences of the passages answer a question, and in what order.

Every sentence is copied from one place of one passage: `units` cuts passages up, `rank` scores the pieces,
`statements` and `procedures` choose among them, `names` keeps namesakes apart, and `alternatives` notices
that the answer differs for cases which the ticket does not tell apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from agents.extractive.alternatives import alternatives
from agents.extractive.disagreement import newest
from agents.extractive.point import BESIDE, to_the_point, usable
from agents.extractive.procedures import procedure
from agents.extractive.rank import ANSWERS, PROCEDURAL, Embed, rank
from agents.extractive.statements import statements
from agents.extractive.units import Unit, cell_texts, units
from tasks.case import Draft, Passage, Question, Sentence, Ticket

SURE = 0.55
"""What passages that were found for another question of the ticket must score to answer this one."""


class Chosen(NamedTuple):
    """The sentences for one question. `answered` may be true without any, when they were given already."""

    sentences: list[Sentence]
    answered: bool
    ask: str = ""


def draft(
    ticket: Ticket,
    questions: Sequence[Question],
    passages: Sequence[Passage],
    embed: Embed,
    refused: Iterable[str] = (),
) -> Draft:
    """An answer to every question that the passages answer, in the order of the questions.

    A question for which nothing was found may still be answered by what was found for the others.
    """
    no = set(refused)
    found = [[p for p in passages if index in p.questions] for index in range(len(questions))]
    text = f"{ticket.subject} | {ticket.text}"
    taken: list[Sentence] = []
    unanswered: list[int] = []
    asks: list[str] = []
    for index in sorted(range(len(questions)), key=lambda index: not found[index]):
        mine, least = (found[index], ANSWERS) if found[index] else (passages, SURE)
        chosen = answer_sentences(questions[index], mine, embed, taken, no, text, least)
        taken += [sentence.model_copy(update={"question": index}) for sentence in chosen.sentences]
        asks += [chosen.ask] if chosen.ask else []
        if not chosen.answered:
            unanswered.append(index)
    in_order = sorted(taken, key=lambda sentence: sentence.question)
    return Draft(sentences=in_order, unanswered=sorted(unanswered), ask=asks[0] if asks else "")


def answer_sentences(
    question: Question,
    passages: Sequence[Passage],
    embed: Embed,
    taken: Sequence[Sentence] = (),
    refused: Iterable[str] = (),
    ticket: str = "",
    least: float = ANSWERS,
) -> Chosen:
    """The sentences that answer `question`, in reading order, without those in `taken` and `refused`.

    `ticket` is the text around the question; what scores less than `least` answers nothing.
    """
    no = set(refused)
    # In their order, so that a document reads as it was written.
    in_order = sorted(usable(question, passages), key=lambda p: p.position)
    pool = [u for p in in_order for u in units(p) if u.text not in no]
    scores = rank(question, pool, embed) if pool else []
    may = to_the_point(question, pool, scores)
    if max((score for score, fits in zip(scores, may, strict=True) if fits), default=0.0) < least:
        return Chosen([], answered=False)
    scores = [score - BESIDE * (not fits) for score, fits in zip(scores, may, strict=True)]
    ask = ""
    picked = procedure(question, pool, scores) if PROCEDURAL.search(question.text) else []
    if not picked:
        picked, ask = alternatives(question, pool, scores, ticket)
    if not picked and not ask:
        picked = statements(question, pool, scores, ticket)
    fitting = [unit for unit, fits in zip(pool, may, strict=True) if fits]
    if not ask and {unit.quote for unit in fitting}.isdisjoint(unit.quote for unit in picked):
        return Chosen([], answered=False)
    kept = [unit for unit in newest(picked, fitting) if not any(_told(unit, sentence) for sentence in taken)]
    return Chosen([unit.sentence() for unit in kept], answered=True, ask=ask)


def _told(unit: Unit, sentence: Sentence) -> bool:
    """Whether a sentence of the draft is this piece already; of a table's row other columns may still be told."""
    same = any(quote.text == unit.quote for quote in sentence.quotes)
    return same and all(cell in sentence.text for cell in cell_texts(unit.cells))
