"""The fault injector: what can go wrong at each seam, when it does, and what it changes. The only part that knows.

At each execution of a step, also a retry's, one of the faults that can happen there strikes with a probability. What
is drawn depends on the ticket, the step and how often it was run in this ticket alone, so that all systems meet
the same faults.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Literal, NamedTuple

from agents.retriever import Library
from benchmarks.lab.world import Asked, Fact, World, old_of
from knowledge_base.search import Findings, Hit

Step = Literal["receive", "route", "retrieve", "write", "verify", "deliver"]
SEAMS: tuple[Step, ...] = ("receive", "route", "retrieve", "write", "verify", "deliver")

DUPLICATE, DROPPED, MALFORMED, TIMEOUT = "duplicate delivery", "dropped handoff", "malformed output", "timeout"
WRONG_ROUTE = "wrong route"
MISSING, STALE = "right passage missing", "stale passage"
INVENTED, SWAPPED, NEGATION = "invented figure", "swapped figure", "lost negation"
PASSES = "passes everything"

FAULTS: dict[Step, tuple[str, ...]] = {
    "receive": (DUPLICATE, DROPPED, MALFORMED, TIMEOUT),
    "route": (WRONG_ROUTE, DROPPED, MALFORMED, TIMEOUT),
    "retrieve": (MISSING, STALE, DROPPED, MALFORMED, TIMEOUT),
    "write": (INVENTED, SWAPPED, NEGATION, DROPPED, MALFORMED, TIMEOUT),
    "verify": (PASSES, DROPPED, MALFORMED, TIMEOUT),
    "deliver": (DUPLICATE, DROPPED, MALFORMED, TIMEOUT),
}
"""What can happen where. `PASSES` only where something is verified, `NEGATION` only where something is denied."""


class TookTooLong(Exception):
    """A call that has failed after its time; nobody has waited for it."""


class Strike(NamedTuple):
    """A fault that has struck: at the `run`-th execution of a step, counted from 1."""

    step: Step
    fault: str
    run: int


@dataclass(slots=True)
class Faults:
    """The faults of one ticket in one system. `only` is the one seam that leaks, None for all of them."""

    world: World
    asked: Asked
    rate: float
    only: Step | None = None
    struck: list[Strike] = field(default_factory=list)
    runs: dict[Step, int] = field(default_factory=dict)

    def draw(self, step: Step, possible: Sequence[str] | None = None) -> str:
        """The fault that strikes this execution of `step`, or ""; booked in `struck`."""
        run = self.runs[step] = self.runs.get(step, 0) + 1
        rng = self.rng(step, "draw")
        at, which = rng.random(), rng.random()
        if at >= self.rate or self.only not in (None, step):
            return ""
        kinds = FAULTS[step] if possible is None else tuple(possible)
        fault = kinds[int(which * len(kinds))]
        self.struck.append(Strike(step, fault, run))
        return fault

    def rng(self, step: Step, what: str) -> Random:
        """Chance that is the same for all systems."""
        return Random(f"{self.world.seed} {self.asked.number} {step} {self.runs.get(step, 0)} {what}")

    def fact(self, step: Step) -> Fact:
        """The fact of the ticket that a fault is about."""
        return self.rng(step, "fact").choice(self.asked.facts)

    def another(self) -> Asked:
        """Another ticket, which asks for nothing that this one asks for."""
        rng = self.rng("route", "another")
        while True:
            other = self.world.ticket(rng.randrange(1_000_000))
            if not {fact.subject for fact in other.facts} & {fact.subject for fact in self.asked.facts}:
                return other


def cut(text: str) -> str:
    """The first third of a text: JSON that is no JSON any more, an answer without its figure."""
    return text[: len(text) // 3]


def arrives(fault: str, payload: str, empty: str = "") -> str:
    """A payload after its way from one step to the next. Raises `TookTooLong`."""
    if fault == TIMEOUT:
        raise TookTooLong("no answer in time")
    if fault == DROPPED:
        return empty
    return cut(payload) if fault == MALFORMED else payload


# --- the writer's ---------------------------------------------------------------------------------------


def possible_in(text: str) -> tuple[str, ...]:
    """What can happen to a writer of `text`."""
    told = [*([INVENTED, SWAPPED] if _FIGURE.search(text) else []), *([NEGATION] if _DENIAL.search(text) else [])]
    return (*told, DROPPED, MALFORMED, TIMEOUT)


_FIGURE = re.compile(r"\$?\d+(?:[.,]\d+)*")
_DENIAL = re.compile(r"\b[Dd]o not (\w)")


def lie(fault: str, sentence: str, faults: Faults) -> str:
    """`sentence` with its figure invented or swapped for another plan's, or without its "not"; else as it is."""
    rng = faults.rng("write", "lie")
    if fault == NEGATION:
        return _DENIAL.sub(lambda match: match.group(1).upper(), sentence, count=1)
    found = _FIGURE.search(sentence)
    if fault not in (INVENTED, SWAPPED) or not found:
        return sentence
    meant = next((f for f in faults.world.facts if f.value == found.group() and f.subject in sentence), None)
    others = faults.world.others(meant) if meant else []
    if fault == SWAPPED and others:
        figure = rng.choice(others).value
    else:
        known = {f.value for f in others} | {found.group()}
        sign, number = "$" * found.group().startswith("$"), int(found.group().lstrip("$").replace(",", ""))
        figure = next(v for v in iter(lambda: f"{sign}{number + rng.randint(1, number + 9):,}", "") if v not in known)
    return sentence[: found.start()] + figure + sentence[found.end() :]


# --- the search's ---------------------------------------------------------------------------------------


class Shelf:
    """The knowledge base as a `Library`, with faults: the right passages are left out, or old ones in their place.

    `fault` and `faults` are set for each search step.
    """

    def __init__(self, library: Library, old: dict[str, list[Hit]]) -> None:
        self._library, self._old = library, old
        self.fault = ""
        self.faults: Faults | None = None

    def library(self) -> Library:
        """For the retriever."""
        return Library(self.search, self.siblings, self.search)  # the world of the lab has no internal pages

    def search(self, query: str, count: int) -> Findings:
        """What is found, less or older than it should be when a fault has struck."""
        findings = self._library.search(query, count)
        return replace(findings, hits=self._changed(findings.hits))

    def siblings(self, hit: Hit) -> list[Hit]:
        """The chunks around a hit; of an old page, the old ones."""
        return self._changed(self._library.siblings(hit))

    def _changed(self, hits: list[Hit]) -> list[Hit]:
        if self.faults is None or self.fault not in (MISSING, STALE):
            return hits
        fact = self.faults.fact("retrieve")
        if self.fault == MISSING:
            return [hit for hit in hits if fact.statement not in hit.text and fact.old not in hit.text]
        gone = {fact.doc, old_of(fact.doc)}
        kept = [hit for hit in hits if hit.doc_id not in gone]
        first = next((i for i, hit in enumerate(hits) if hit.doc_id in gone), None)
        return kept if first is None else [*kept[:first], *self._old[fact.doc], *kept[first:]]


def old_hits(searcher: Any, world: World) -> dict[str, list[Hit]]:
    """The outdated version of each page, as search would return it."""
    from knowledge_base import search

    found: dict[str, list[Hit]] = {doc: [] for doc in world.of_doc}
    new_of = {old_of(doc): doc for doc in world.of_doc}
    for passage in searcher.index.passages.all():
        if passage.chunk.doc_id in new_of:
            found[new_of[passage.chunk.doc_id]].append(search._hit(passage, 0.9, 0.0, 0.5))
    return found


# --- the router's and the verifier's --------------------------------------------------------------------


def crossed(faults: Faults) -> bool:
    """Whether a wrong route is another ticket's, or else this one's under a wrong name."""
    return faults.rng("route", "crossed").random() < 0.5


def changed(text: str, change: Callable[[dict[str, Any]], None]) -> str:
    """A JSON object, changed."""
    found = json.loads(text)
    change(found)
    return json.dumps(found)
