"""What the router has learned: how often a tier's first draft was accepted, by intent and model.

A table of shrunken Beta counts. A cell is drawn towards its tier's rate, and that towards a prior, by as much as
little was seen. Cells are kept by model too: a changed model starts afresh.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from pydantic import BaseModel

from tasks.case import Case, Tier

PRIORS: dict[Tier, float] = {"local": 0.72, "cheap": 0.88, "mid": 0.93, "frontier": 0.97}
"""Chances of a draft that is accepted and right, before anything was seen.

Estimates: that of `local` is the share of the sample's tickets that end as wanted, the others are guesses of usual
models with the passages before them.
"""

STRENGTH = 10.0
"""So many drafts does a prior count for."""

SECONDS: dict[Tier, float] = {"local": 0.1, "cheap": 4.0, "mid": 6.0, "frontier": 10.0}
"""Of one draft, before any was seen: guesses."""

LEAST, LEAST_HELD_OUT = 20, 4
"""Drafts without which nothing is learned."""

Verdict = Literal["accept", "edit", "reject", "reopen"]
WORTH: dict[Verdict, float] = {"accept": 1.0, "edit": 0.5, "reject": 0.0, "reopen": 0.0}
"""What a person's word says of a draft: one that had to be edited is half a success."""


class Cell(BaseModel):
    """Drafts seen: how many were accepted (an edited one half), and how many were not."""

    good: float = 0.0
    bad: float = 0.0


class Experience(BaseModel):
    """The table. `version` 0 is the one before anything was learned."""

    version: int = 0
    cells: dict[str, Cell] = {}
    durations: dict[str, float] = {}

    def chance(self, intent: str, tier: Tier, model: str) -> float:
        """0..1: that the first draft of `tier` is accepted and right, before the ticket is looked at."""
        mine = [cell for name, cell in self.cells.items() if name.endswith(f"|{tier}|{model}")]
        overall = _shrunken(PRIORS[tier], Cell(good=sum(c.good for c in mine), bad=sum(c.bad for c in mine)))
        return _shrunken(overall, self.cells.get(name_of(intent, tier, model), Cell()))

    def seen(self, intent: str, tier: Tier, model: str) -> float:
        """How many drafts of this kind the chance rests on."""
        cell = self.cells.get(name_of(intent, tier, model), Cell())
        return cell.good + cell.bad

    def seconds(self, tier: Tier, model: str) -> float:
        """How long a draft takes."""
        return self.durations.get(f"{tier}|{model}", SECONDS[tier])


def name_of(intent: str, tier: Tier, model: str) -> str:
    """A cell's name."""
    return f"{intent}|{tier}|{model}"


def _shrunken(prior: float, cell: Cell) -> float:
    return (prior * STRENGTH + cell.good) / (STRENGTH + cell.good + cell.bad)


class Observation(NamedTuple):
    """What became of one draft: `worth` is 1 for accepted, 0 for refused. `seconds` are None for a person's word."""

    case_id: str
    intent: str
    tier: Tier
    model: str
    worth: float
    seconds: float | None


def observe(case: Case, verdicts: Sequence[Verdict] = ()) -> list[Observation]:
    """What a case says about tiers: the fate of its first draft, and a person's last word on the one that was sent.

    Later drafts are of tickets that a first one has failed on, and would speak against the tiers that get those. An
    endpoint that failed, a limit and an abstention say nothing about a draft.
    """
    if case.route is None:
        return []
    writes = [h for h in case.handoffs if h.task == "write" and h.status == "done"]
    proofs = [h for h in case.handoffs if h.task == "verify" and h.to != "verifier"]
    if not writes or not proofs or case.outcome == "abstained":
        return []
    first, last, intent = writes[0], writes[-1], case.route.intent
    sent = proofs[0].payload.get("sent")
    struck = isinstance(sent, dict) and bool(sent.get("struck"))
    worth = 1.0 if proofs[0].status == "done" and not struck else 0.0
    found = [Observation(case.case_id, intent, first.tier, first.model, worth, first.seconds)]
    if verdicts:
        said = WORTH[verdicts[-1]]
        if last is first:
            return [found[0]._replace(worth=said)]
        found.append(Observation(case.case_id, intent, last.tier, last.model, said, None))
    return found


class Learned(NamedTuple):
    """What learning came to. `table` is the new one; it is only to be used when `refused` is empty."""

    table: Experience
    refused: str
    observations: int
    held_out: int
    loss_before: float | None
    loss_after: float | None


def learn(observations: Iterable[Observation], before: Experience) -> Learned:
    """A new table from all that was seen, unless it predicts a part held out worse than the one in force.

    One case in five, by a hash of its id, is held out: "worse" is a mean log loss that is higher by more than its
    standard error. The table that is returned then rests on all observations.
    """
    seen = list(observations)
    held_out = [o for o in seen if _is_held_out(o.case_id)]
    if len(seen) < LEAST or len(held_out) < LEAST_HELD_OUT:
        why = (
            f"{len(seen)} drafts were seen, {len(held_out)} of them to test on; {LEAST} and {LEAST_HELD_OUT} are needed"
        )
        return Learned(before, why, len(seen), len(held_out), None, None)
    tried = _table([o for o in seen if not _is_held_out(o.case_id)])
    worse = [_loss(tried, o) - _loss(before, o) for o in held_out]
    mean = math.fsum(worse) / len(worse)
    error = math.sqrt(math.fsum((d - mean) ** 2 for d in worse) / max(1, len(worse) - 1) / len(worse))
    old, new = (math.fsum(_loss(table, o) for o in held_out) / len(held_out) for table in (before, tried))
    refused = ""
    if mean > error:
        refused = f"the new table predicts the drafts held out worse (log loss {new:.3f}, in force {old:.3f})"
    return Learned(_table(seen), refused, len(seen), len(held_out), old, new)


def _is_held_out(case_id: str) -> bool:
    return hashlib.sha256(case_id.encode()).digest()[0] % 5 == 0


def _loss(table: Experience, seen: Observation) -> float:
    chance = min(max(table.chance(seen.intent, seen.tier, seen.model), 1e-6), 1 - 1e-6)
    return -(seen.worth * math.log(chance) + (1 - seen.worth) * math.log(1 - chance))


def _table(observations: Sequence[Observation]) -> Experience:
    cells: dict[str, Cell] = {}
    took: dict[str, list[float]] = {}
    for seen in observations:
        cell = cells.setdefault(name_of(seen.intent, seen.tier, seen.model), Cell())
        cell.good += seen.worth
        cell.bad += 1 - seen.worth
        if seen.seconds is not None:
            took.setdefault(f"{seen.tier}|{seen.model}", []).append(seen.seconds)
    return Experience(cells=cells, durations=_means(took))


def _means(took: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return {name: math.fsum(seconds) / len(seconds) for name, seconds in took.items()}
