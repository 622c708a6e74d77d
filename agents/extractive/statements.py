"""A question about how things are: the best sentence, and what else says something new about it."""

from __future__ import annotations

from collections.abc import Sequence

from agents.extractive.names import figures, named_in, repeats, rivals
from agents.extractive.rank import wanted_kinds
from agents.extractive.units import Unit
from tasks.case import Question

ALSO = 0.8  # a further sentence must score at least this share of the best one
MAX_STATEMENTS = 3
MAX_RUN = 10  # pieces of one list


def statements(question: Question, pool: Sequence[Unit], scores: Sequence[float]) -> list[Unit]:
    """The best sentence with what it needs, then those nearly as good that say something new about the same thing."""
    order = sorted(range(len(pool)), key=lambda i: -scores[i])
    first = order[0]
    picked = _with_company(first, pool)
    named, wanted = named_in(question, pool), wanted_kinds(question)
    for i in order[1:]:
        if scores[i] < ALSO * scores[first] or len(picked) >= MAX_STATEMENTS:
            break
        unit = pool[i]
        readable = unit.kind in ("prose", "item") and not unit.leads_in
        if wanted and any(figures(unit, wanted) & figures(other, wanted) for other in picked):
            continue  # the same price in other words
        if readable and not repeats(unit, picked) and not any(rivals(unit, other, named) for other in picked):
            picked.append(unit)
    return picked


def _with_company(i: int, pool: Sequence[Unit]) -> list[Unit]:
    """A unit with what it cannot be read without: a lead-in with what follows, code with its lead-in."""
    unit = pool[i]
    if unit.kind == "step":
        return _run(i, pool)
    if unit.leads_in and i + 1 < len(pool) and pool[i + 1].passage is unit.passage:
        return [unit, *_run(i + 1, pool)]
    if unit.kind == "code" and i and pool[i - 1].passage is unit.passage:
        return [pool[i - 1], unit]
    return [unit]


def _run(i: int, pool: Sequence[Unit]) -> list[Unit]:
    """The whole list that unit `i` belongs to, with the code between its steps; else the unit alone.

    Steps are never cut; of a very long list of other items only the one itself is taken.
    """
    here = pool[i]
    if here.kind == "prose":
        return [here]
    kinds = (here.kind, "code")

    def in_list(unit: Unit) -> bool:
        return unit.kind in kinds and unit.passage is here.passage and unit.section == here.section

    first = last = i
    while first > 0 and in_list(pool[first - 1]):
        first -= 1
    while last + 1 < len(pool) and in_list(pool[last + 1]):
        last += 1
    whole = list(pool[first : last + 1])
    return whole if here.kind == "step" or len(whole) <= MAX_RUN else [here]
