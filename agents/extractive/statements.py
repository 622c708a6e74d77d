"""A question about how things are: the best sentence first, and what else says something new about it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agents.extractive.names import figures, foreign, kindred, named_in, names, repeats, rivals
from agents.extractive.rank import wanted_kinds
from agents.extractive.units import ASIDE, DANGLING, POINTER, Unit, narrowed
from knowledge_base import text as language
from tasks.case import Question

ALSO = 0.8  # a further sentence must score at least this share of the best one
NEAR = 0.5  # a neighbour of the best one, of the same section, this share
AS_GOOD = 0.9  # what scores this share of the best one may be the better beginning
CLEARLY = 1.15  # the best piece must be better than any of another section by this, for its steps to be told
MAX_STATEMENTS = 3
MAX_LED = 6  # pieces of a list that come with its lead-in, when one of them answers
MAX_RUN = 10  # pieces of one list
_ACTS = re.compile(
    r"^(?:please |(?:to|if|before|after|when) [^,]{3,80}, )?(?:send|write|open|choose|contact|use|set|go|ask|claim"
    r"|invite|call|check|select|sign in|log in|upload|enter|add|remove|change|set up|turn|click|create|tell|wait|try"
    r"|run|save|export|download|split|give|verify|report|revoke|replace|read|look)\b(?! (?:is|are|was|of|to be)\b)",
    re.I,
)
ENOUGH_WORDS = 40  # an answer that has as many is not filled up


def statements(question: Question, pool: Sequence[Unit], scores: Sequence[float], ticket: str = "") -> list[Unit]:
    """The best sentence with what it needs, then those nearly as good that say something new about the same thing.

    An answer that is short is filled up with what its section says next to it. `ticket` is the text around
    the question, in which the asker may have named a plan.
    """
    named = named_in(question, pool, ticket)
    fitting = _fitting(pool, named) or list(range(len(pool)))
    order = sorted(fitting, key=lambda i: -scores[i])
    wanted = wanted_kinds(question)
    first = _first(order, pool, scores, named, wanted)
    picked = _with_company(first, pool, scores)
    for i in _further(question, order, first, pool, scores):
        if len(picked) < MAX_STATEMENTS and _new(pool[i], picked, named):
            picked.append(pool[i])
    for i in _around(order, first, pool, scores):
        if sum(len(unit.text.split()) for unit in picked) < ENOUGH_WORDS and _new(pool[i], picked, named):
            picked.append(pool[i])
    picked = _without_needless_rows(picked, question)
    elsewhere = [scores[pool.index(u)] for u in picked if u in pool and not _same_section(u, pool[first])]
    if scores[first] < CLEARLY * max(elsewhere, default=0.0):
        return picked  # it cannot be told what to do about which
    return picked + _what_to_do(first, pool, picked, question)


def _fitting(pool: Sequence[Unit], named: set[str]) -> list[int]:
    """The pieces that are not about another plan than the one that was named."""
    ours, others = kindred(pool, named)
    about = [unit for unit in pool if unit.kind == "prose" and names(unit) & named]

    def another(unit: Unit) -> bool:
        if foreign(unit, ours, others):
            return True
        same = (other for other in about if not names(unit) & named and _same_section(unit, other))
        return unit.kind == "prose" and any(rivals(unit, other, named) for other in same)

    return [i for i, unit in enumerate(pool) if not another(unit)]


def _first(
    order: Sequence[int], pool: Sequence[Unit], scores: Sequence[float], named: set[str], wanted: set[str]
) -> int:
    """The best piece; of those about as good, one with what was asked for, in prose, from the newest page."""
    best = order[0]
    if pool[best].kind in ("step", "code"):
        return best
    has = bool(wanted) and bool(figures(pool[best], wanted))
    least = ALSO if wanted and not has else AS_GOOD  # a price that was asked for makes up for some words

    def as_good(i: int) -> bool:
        if scores[i] < least * scores[best] or pool[i].kind != "prose" or _leans(pool[i]):
            return False
        if pool[best].kind == "code" and not wanted:
            return True
        return bool(figures(pool[i], wanted) & figures(pool[best], wanted) if has else figures(pool[i], wanted))

    def fit(i: int) -> tuple[bool, int, bool, str, float]:
        unit = pool[i]
        with_value = bool(figures(unit, wanted))
        return with_value, len(named & names(unit)), unit.kind == "prose", unit.passage.modified or "", scores[i]

    return max([best, *(i for i in order if i != best and as_good(i))], key=fit)


def _further(
    question: Question, order: Sequence[int], first: int, pool: Sequence[Unit], scores: Sequence[float]
) -> Iterator[int]:
    """What is nearly as good: from the same section, or with a word of the question that the best one lacks."""
    asked = set(language.stems(question.text))
    said = set(language.stems(pool[first].text))
    wanted = wanted_kinds(question)
    given = _values(pool[first], wanted)
    for i in sorted(order, key=lambda i: bool(pool[i].subject)):  # a row only for what no sentence says
        unit = pool[i]
        if i == first or scores[i] < ALSO * scores[first] or unit.kind not in ("prose", "item") or unit.leads_in:
            continue
        if _leans(unit) or (wanted and _values(unit, wanted) & given):
            continue  # the same price in other words
        if _same_section(unit, pool[first]) or (asked & set(language.stems(unit.text))) - said:
            said |= set(language.stems(unit.text))
            given |= _values(unit, wanted)
            yield i


def _values(unit: Unit, kinds: set[str]) -> set[str]:
    return {value for value, _ in figures(unit, kinds or None)}


def _around(order: Sequence[int], first: int, pool: Sequence[Unit], scores: Sequence[float]) -> Iterator[int]:
    """The prose next to the best piece in its section, what follows it first, as long as it is about the same."""
    can = set(order)
    for way in (range(first + 1, len(pool)), range(first - 1, -1, -1)):
        for i in way:
            unit = pool[i]
            if not _same_section(unit, pool[first]) or unit.kind not in ("prose", "item") or unit.subject:
                break
            if i in can and scores[i] >= NEAR * scores[first] and not unit.leads_in and not _leans(unit):
                yield i


def _what_to_do(first: int, pool: Sequence[Unit], picked: Sequence[Unit], question: Question) -> list[Unit]:
    """What to do about what the answer says, when it does not say so itself.

    That is the steps of its section, or the sentence there that tells to do something, or the steps that the
    same page gives under "How to ..." for what was asked.
    """
    if any(unit.kind in ("step", "code") or _ACTS.match(unit.text) for unit in picked):
        return []
    after = [i for i in range(first + 1, len(pool)) if _same_section(pool[i], pool[first])]
    steps = next((_run(i, pool) for i in after if pool[i].kind == "step"), [])
    telling = [pool[i] for i in after if pool[i].kind == "prose" and _ACTS.match(pool[i].text)]
    return steps or telling[:1] or _how_to(pool[first], pool, question)


def _how_to(first: Unit, pool: Sequence[Unit], question: Question) -> list[Unit]:
    about = set(language.stems(question.text)) & set(language.stems(first.text))
    for i, unit in enumerate(pool):
        here = unit.kind == "step" and unit.passage.doc_id == first.passage.doc_id
        if here and unit.section.lower().startswith("how to ") and about & set(language.stems(unit.section)):
            return _run(i, pool)
    return []


def _leans(unit: Unit) -> bool:
    return bool(DANGLING.match(unit.text) or POINTER.match(unit.text) or ASIDE.search(unit.text))


def _new(unit: Unit, picked: Sequence[Unit], named: set[str]) -> bool:
    return not repeats(unit, picked) and not any(rivals(unit, other, named) for other in picked)


def _same_section(unit: Unit, other: Unit) -> bool:
    return unit.passage.doc_id == other.passage.doc_id and unit.headings == other.headings


def _without_needless_rows(picked: Sequence[Unit], question: Question) -> list[Unit]:
    """Without table rows whose figures stand in the prose already; the others with the columns asked for."""
    said = {value for unit in picked if not unit.subject for value, _ in figures(unit)}
    asked = set(language.stems(question.text))
    kept = (narrowed(unit, asked) if unit.subject else unit for unit in picked)
    return [unit for unit in kept if not unit.subject or not said or {value for value, _ in figures(unit)} - said]


def _with_company(i: int, pool: Sequence[Unit], scores: Sequence[float]) -> list[Unit]:
    """A unit with what it cannot be read without: a lead-in with what follows, code with its lead-in."""
    unit = pool[i]
    if unit.kind == "step":
        run = _run(i, pool)
        start = pool.index(run[0])
        before = [k for k in range(start) if _same_section(pool[k], unit) and pool[k].kind == "prose"]
        direct = [k for k in before if not pool[k].leads_in and scores[k] >= NEAR * scores[i] and not _leans(pool[k])]
        lead = [pool[start - 1]] if before and before[-1] == start - 1 and pool[start - 1].leads_in else []
        return [*([pool[max(direct, key=lambda k: scores[k])]] if direct else []), *lead, *run]
    if unit.leads_in:
        return _with_steps(i, pool)
    if unit.kind == "code" and i and pool[i - 1].passage is unit.passage:
        return [pool[i - 1], unit]
    if unit.kind == "item" and not unit.subject:
        run = _run(i, pool)
        start = pool.index(run[0])
        if start and pool[start - 1].leads_in and _same_section(pool[start - 1], unit) and len(run) <= MAX_LED:
            return [pool[start - 1], *run]
    if DANGLING.match(unit.text) and i and _same_section(pool[i - 1], unit) and pool[i - 1].kind == "prose":
        return [pool[i - 1], unit]
    return [unit]


def _with_steps(i: int, pool: Sequence[Unit]) -> list[Unit]:
    """A lead-in with the list or the code that it leads to; nothing follows it at the end of a passage."""
    if i + 1 < len(pool) and _same_section(pool[i + 1], pool[i]):
        return [pool[i], *_run(i + 1, pool)]
    return [pool[i]]


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
