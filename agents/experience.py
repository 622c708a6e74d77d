"""What the router has learned: how often a tier's first draft was accepted, by intent and model.

A table of shrunken Beta counts. A cell is drawn towards its tier's rate, and that towards a prior, by as much as
little was seen. Cells are kept by model too: a changed model starts afresh. Imports no CrewAI.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from pydantic import BaseModel, Field

from tasks.case import Case, Tier
from tasks.experience import Said

Intent = Literal["pricing", "billing", "account", "security", "api", "data", "incident", "howto", "other"]
"""What a ticket is about: the rows of the table."""

PRIORS: dict[Tier, float] = {"local": 0.72, "cheap": 0.88, "mid": 0.93, "frontier": 0.97}
"""Chances of a draft that is accepted and right, before anything was seen.

Estimates: that of `local` is the share of the sample's tickets that end as wanted, the others are guesses of usual
models with the passages before them.
"""

STRENGTH = 10.0
"""So many drafts does a prior count for."""

SECONDS: dict[Tier, float] = {"local": 0.1, "cheap": 4.0, "mid": 6.0, "frontier": 10.0}
"""Of one draft, before any was seen: guesses."""

SUREST = 0.999
"""No chance is above this, or below the rest of it: whatever was seen, a draft can fail."""

LEAST, LEAST_HELD_OUT = 20, 4
"""Drafts without which nothing is learned."""

WORTH: dict[Said, float] = {"accept": 1.0, "edit": 0.5, "reject": 0.0, "reopen": 0.0}
"""What a person's word says of a draft: one that had to be edited is half a success."""


class Cell(BaseModel):
    """Drafts seen: how many were accepted (an edited one half), and how many were not."""

    good: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    bad: float = Field(default=0.0, ge=0, allow_inf_nan=False)


class Experience(BaseModel):
    """The table: cells by `name_of`, and the mean seconds of a draft by "tier|model".

    `version` 0 is the one before anything was learned.
    """

    version: int = 0
    cells: dict[str, Cell] = {}
    durations: dict[str, float] = {}

    def chance(self, intent: str, tier: Tier, model: str) -> float:
        """0..1: that the first draft of `tier` is accepted and right, before the ticket is looked at."""
        mine = [cell for name, cell in self.cells.items() if name.split("|", 1)[1:] == [f"{tier}|{model}"]]
        overall = _shrunken(PRIORS[tier], Cell(good=sum(c.good for c in mine), bad=sum(c.bad for c in mine)))
        chance = _shrunken(overall, self.cells.get(name_of(intent, tier, model), Cell()))
        return min(max(chance, 1 - SUREST), SUREST)

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
    """What became of one draft: `worth` is 1 for accepted, 0 for refused. `seconds` are None for a later draft."""

    case_id: str
    intent: str
    tier: Tier
    model: str
    worth: float
    seconds: float | None


def observe(case: Case, said: Sequence[Said] = ()) -> list[Observation]:
    """What a case says about tiers: the fate of its first draft, and a person's last word on the one that was sent.

    The proof has no say on a later draft: it is of a ticket that a first one has failed on, and would speak against
    the tiers that get those. A person has, when it is another model's. An endpoint that failed, a limit, an
    abstention and a question back say nothing about a draft.
    """
    if case.route is None:
        return []
    writes = [h for h in case.handoffs if h.task == "write" and h.status == "done"]
    proofs = [h for h in case.handoffs if h.task == "verify" and h.to != "verifier"]  # to itself: a judge is asked
    if not writes or not proofs or not proofs[0].sent.get("claims"):
        return []
    first, last, intent = writes[0], writes[-1], case.route.intent
    worth = 1.0 if proofs[0].status == "done" and not proofs[0].sent.get("struck") else 0.0
    found = Observation(case.case_id, intent, first.tier, first.model, worth, first.seconds)
    if not said:
        return [found]
    word = WORTH[said[-1]]
    if last is first:
        return [found._replace(worth=word)]
    if (last.tier, last.model) == (first.tier, first.model):
        return [found]
    return [found, Observation(case.case_id, intent, last.tier, last.model, word, None)]


class Learned(NamedTuple):
    """What learning came to: a new table, only to be used when `refused` is empty; log losses on what was held out."""

    table: Experience
    refused: str
    observations: int
    held_out: int
    loss_before: float | None
    loss_after: float | None


def learn(observations: Iterable[Observation], before: Experience) -> Learned:
    """A new table, unless it predicts drafts that were held out worse than the one in force, or too few were seen.

    One case in five, by a hash of its id, is held out, and stays so: no table ever rests on it, so that both are
    tested on what neither has seen. "Worse" is a mean log loss that is higher by more than the standard error of the
    paired differences.
    """
    seen = list(observations)
    held_out = [o for o in seen if is_held_out(o.case_id)]
    if len(seen) < LEAST or len(held_out) < LEAST_HELD_OUT:
        need = f"{LEAST} and {LEAST_HELD_OUT} are needed"
        why = f"too little was seen: {len(seen)} drafts, {len(held_out)} of them held out to test on; {need}"
        return Learned(before, why, len(seen), len(held_out), None, None)
    table = _table([o for o in seen if not is_held_out(o.case_id)])
    old, new = ([_loss(one, o) for o in held_out] for one in (before, table))
    worse, error = _mean_and_error([b - a for a, b in zip(old, new, strict=True)])
    loss_before, loss_after = (math.fsum(losses) / len(losses) for losses in (old, new))
    refused = ""
    if table.cells == before.cells:
        refused = "nothing was seen that the table in force does not rest on"
    elif worse > error + 1e-9:
        refused = (
            f"the new table predicts the {len(held_out)} drafts held out worse than the one in force "
            f"(log loss {loss_after:.3f} after {loss_before:.3f})"
        )
    return Learned(table, refused, len(seen), len(held_out), loss_before, loss_after)


def is_held_out(case_id: str) -> bool:
    """Whether a case is one of the fifth that is never learned from."""
    return hashlib.sha256(case_id.encode()).digest()[0] % 5 == 0


def _mean_and_error(differences: Sequence[float]) -> tuple[float, float]:
    count = len(differences)
    mean = math.fsum(differences) / count
    variance = math.fsum((d - mean) ** 2 for d in differences) / max(1, count - 1)
    return mean, math.sqrt(variance / count)


def _loss(table: Experience, seen: Observation) -> float:
    chance = table.chance(seen.intent, seen.tier, seen.model)
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
    return Experience(cells=cells, durations={name: math.fsum(s) / len(s) for name, s in took.items()})
