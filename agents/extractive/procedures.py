"""A question about what to do: the section of the right document that says it, in reading order."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from agents.extractive.names import repeats
from agents.extractive.rank import ANSWERS
from agents.extractive.units import ASIDE, POINTER, Unit
from knowledge_base import text as language
from tasks.case import Question

ALSO = 0.8  # a later section must score at least this share of the first one
MAX_WORDS = 120  # of prose, steps and items; code is not counted
MAX_SENTENCES = 10

_TO_LOOK = re.compile(
    r"\b(?:first|start|look|find out|why|debug|diagnos\w*|check|cause|investigate|troubleshoot)\b", re.I
)
_TO_MEND = re.compile(r"\b(?:fix|mitigat\w*|resolv\w*|recover|clear|repair|restore|get rid|stop|solve|mend)\b", re.I)
_LOOKING = re.compile(r"\b(?:diagnos\w*|first|check\w*|investigat\w*|troubleshoot\w*|debug\w*|triage)\b", re.I)
_MENDING = re.compile(r"\b(?:mitigat\w*|resol\w*|remed\w*|fix\w*|recover\w*|solution|repair\w*)\b", re.I)
_IDLE = re.compile(r"\b(?:meaning|impact|overview|background|afterwards|severity|see also|references?|context)\b", re.I)


@dataclass(frozen=True, slots=True)
class _Section:
    """The units under one heading of one document, as positions in the pool. `path` is the headings above them."""

    doc_id: str
    path: str
    members: list[int]
    score: float
    acts: bool
    titled: float  # the share of its heading's words that the question has


def procedure(question: Question, pool: Sequence[Unit], scores: Sequence[float]) -> list[Unit]:
    """What to do, in reading order, from the one document that fits best; empty when it says nothing of the kind.

    The document must be about the question; the words of its steps need not resemble it.
    """
    acting = [section for section in _sections(question, pool, scores) if section.acts]
    about = _about(question, pool, scores)

    def fit(doc_id: str) -> float:
        here = [s for s in acting if s.doc_id == doc_id]
        return about[doc_id] + max(s.score for s in here) + 0.3 * any(_fits(question, s) for s in here)

    for doc_id in sorted({s.doc_id for s in acting}, key=lambda d: (-fit(d), d)):
        if max(score for unit, score in zip(pool, scores, strict=True) if unit.passage.doc_id == doc_id) < ANSWERS:
            continue
        here = sorted((s for s in acting if s.doc_id == doc_id), key=lambda s: s.members[0])
        start = _start(question, here)
        mending = _looks(start) or _mends(start) or _fits(question, start)
        rest = [
            s
            for s in here
            if s.members[0] > start.members[-1] and (s.score >= ALSO * start.score or (mending and _mends(s)))
        ]
        return _within_room([pool[i] for s in [start, *rest] for i in s.members])
    return []


def _start(question: Question, here: Sequence[_Section]) -> _Section:
    """Where the answer begins: the section that does what was asked, else the first of a runbook, else the best."""
    fitting = [s for s in here if _fits(question, s)]
    best = max(fitting or here, key=lambda s: s.score)
    if best.titled or (_mends(best) and fitting):
        return best
    in_order = [s for s in fitting or here if _looks(s) or _mends(s)]
    return in_order[0] if _looks(best) or _mends(best) else best


def _sections(question: Question, pool: Sequence[Unit], scores: Sequence[float]) -> list[_Section]:
    asked = set(language.stems(question.text))
    members: dict[tuple[str, str], list[int]] = {}
    for i, unit in enumerate(pool):
        members.setdefault((unit.passage.doc_id, " › ".join(unit.headings)), []).append(i)
    found = []
    for (doc_id, path), inside in members.items():
        kinds = Counter(pool[i].kind for i in inside if not POINTER.match(pool[i].text))
        does = kinds["step"] + kinds["code"] + kinds["item"] / 2
        names_it = bool(_LOOKING.search(path) or _MENDING.search(path))
        acts = bool(kinds) and not _IDLE.search(path) and (does >= 1 or names_it)
        top = sorted((scores[i] for i in inside), reverse=True)[:3]
        first = pool[inside[0]]
        heading = set(language.stems(first.section)) - set(language.stems(first.passage.title))
        titled = len(asked & heading) / len(heading) if heading else 0.0
        score = 0.6 * top[0] + 0.4 * sum(top) / len(top) + 0.1 * names_it + 0.05 * min(does, 3) + 0.2 * titled
        found.append(_Section(doc_id, path, inside, score, acts, titled))
    return found


def _about(question: Question, pool: Sequence[Unit], scores: Sequence[float]) -> dict[str, float]:
    """How well each document fits as a whole: how it was found, its title, and its best sentence of any kind."""
    asked = set(language.stems(question.search_text))
    fit: dict[str, float] = {}
    best_passage = max(u.passage.score for u in pool) or 1.0
    for unit, score in zip(pool, scores, strict=True):
        title = set(language.stems(f"{unit.passage.title} {unit.passage.doc_id.rpartition('/')[2]}"))
        titled = len(asked & title) / max(1, min(len(asked), 4))
        value = unit.passage.score / best_passage + 0.5 * min(1.0, titled) + 0.5 * score
        fit[unit.passage.doc_id] = max(value, fit.get(unit.passage.doc_id, 0.0))
    return fit


def _fits(question: Question, section: _Section) -> bool:
    """Whether a section does what is asked for: looks for the cause, or mends it."""
    if _TO_MEND.search(question.text) and _mends(section):
        return True
    return bool(_TO_LOOK.search(question.text)) and _looks(section)


def _looks(section: _Section) -> bool:
    return bool(_LOOKING.search(section.path))


def _mends(section: _Section) -> bool:
    return bool(_MENDING.search(section.path))


def _within_room(found: Sequence[Unit]) -> list[Unit]:
    """As many as fit an answer, without repeats, and without a lead-in at the end that leads nowhere.

    Once the first step of numbered steps is taken the others are too: half a procedure is worse than none.
    """
    picked: list[Unit] = []
    room = MAX_WORDS
    for unit in found:
        in_steps = bool(picked) and unit.kind in ("step", "code") and any(u.kind == "step" for u in picked[-2:])
        room -= 0 if unit.kind == "code" else len(unit.text.split())
        if picked and not in_steps and (room < 0 or len(picked) >= MAX_SENTENCES):
            break
        leans = unit.kind == "prose" and ASIDE.search(unit.text)
        if not repeats(unit, picked) and not POINTER.match(unit.text) and not leans:
            picked.append(unit)
    while len(picked) > 1 and picked[-1].leads_in:
        picked.pop()
    return picked
