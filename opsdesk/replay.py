"""Past cases decided again under another policy, out of what was kept of them. No model is called.

The router's own decision is made again from the signs that are kept of each case, with the table that was in force when
it began. Where the same tier and model would have written first, what happened stands. Where another would have, the
figures come from first drafts of that tier and model about tickets of the same kind (`opsdesk.offpolicy`), with all
that followed them: judges, revisions, escalations. What its first draft reads is priced from the case's own passages
by the price table of today; what it writes, and all that follows, is the mean of those trials.

A kind is what is at stake, how hard it is, and whether more weighs on it (many questions, length, a weak find): what
the router itself chooses by, so that within a kind the choice says little more of the outcome. Intents within it are
drawn together. An endpoint that failed counts with the tier that was chosen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from agents.routing import FOUND_WELL, Rules
from opsdesk.offpolicy import Estimate, Stratum, amount, share
from opsdesk.redeciding import FREE, Kind, Reading, Router, Stage, kind_of, reading_of
from opsdesk.reliability import wilson
from tasks.budget import NANO
from tasks.case import TIERS, Tier
from tasks.paths import Path

LEAST = 20
"""Trials of a tier about a kind, below which nothing is said of it: of so few, even when all were accepted, one in
seven may fail in truth (0.86^20 = 5%), and how far intents lie apart could not be seen at all."""

MOST_LEFT_OUT = 0.2
"""The share of cases that may be left out of a total; above it there is none, since the rest would not be like them."""

SHOWN_IDS = 200
"""Case ids that are kept of each change."""


class Change(NamedTuple):
    """Cases that would have gone to another tier, the newest first; `case_ids` are at most `SHOWN_IDS`."""

    was: Tier
    now: Tier
    cases: int
    case_ids: list[str]


class LeftOut(NamedTuple):
    """Cases of one kind of which nothing is said, since `now` was tried too seldom about it."""

    kind: str
    now: Tier
    model: str
    cases: int
    tried: int
    why: str


class Figure(NamedTuple):
    """What was, and what would have been, over `cases` of which both can be told; means a case. None: cannot be told.

    `unknown` are cases that are left out beside, since what they really cost is not known.
    """

    cases: int
    real: float | None
    real_low: float | None
    real_high: float | None
    estimate: Estimate | None
    unknown: int = 0


class Replay(NamedTuple):
    """What a replay came to. `cost` is in USD, `quality` the share that is accepted; `refused` says why there is no
    estimate of all, or is empty. `covered` are the ids of the cases that the figures are about.

    `not_drawn` are cases whose estimate rests on drafts that the router itself has given to that tier, and not on
    shadow runs drawn at random.
    """

    cases: int
    same: int
    changes: list[Change]
    left_out: list[LeftOut]
    refused: str
    quality: Figure
    cost: Figure
    no_cost: str
    not_drawn: int
    covered: frozenset[str]


def replay(paths: Sequence[Path], words: Mapping[str, str], stage: Stage, rules: Rules) -> Replay:
    """What `paths` would have come to under `rules`; `words` are people's last ones, by case."""
    return _Replaying(paths, words, stage, rules).result()


class _Replaying:
    """One replay. Cases are sorted into those that stay as they were and groups that go elsewhere."""

    def __init__(self, paths: Sequence[Path], words: Mapping[str, str], stage: Stage, rules: Rules) -> None:
        self._own = [path for path in paths if not path.shadow_of]
        self._words, self._stage, self._rules = words, stage, rules
        self._router = Router(stage, rules)
        self._allowed = {"local", *rules.tiers}
        self._configured = {one.tier for one in stage.offers(stage.tables[0][1])}
        self._kinds: dict[tuple[object, ...], Kind] = {}
        self._trials: dict[tuple[str, str, Kind], list[Path]] = defaultdict(list)
        for path in paths:
            if path.tier:
                self._trials[path.tier, path.model, self._kind(path)].append(path)
        self._chosen: dict[tuple[Tier, str, Kind], list[Path]] = {}
        self._readings: dict[tuple[str, str], Reading | None] = {}

    def result(self) -> Replay:
        """Decides, sorts, sums."""
        same: list[Path] = []
        moved: dict[tuple[Tier, str, Kind], list[Path]] = defaultdict(list)
        changes: dict[tuple[Tier, Tier], list[str]] = defaultdict(list)
        for path in self._own:
            if not path.tier:
                same.append(path)  # nobody wrote, whoever would have
                continue
            tier, model, _ = self._router.choose(path)
            if (path.tier, path.model) == (tier, model) and (self._stands(path) or not self._above(tier)):
                same.append(path)
                continue
            moved[tier, model, self._kind(path)].append(path)
            if path.tier != tier or path.model != model:
                changes[path.tier, tier].append(path.case_id)  # type: ignore[index]
        left_out = [found for key, cases in moved.items() if (found := self._left_out(*key, cases))]
        gone = {(out.now, out.model, out.kind) for out in left_out}
        told = {key: cases for key, cases in moved.items() if (key[0], key[1], str(key[2])) not in gone}
        ordered = sorted(changes.items(), key=lambda item: -len(item[1]))
        quality, cost, no_cost, refused = self._figures(same, told, left_out)
        return Replay(
            len(self._own),
            len(same),
            [Change(was, now, len(ids), ids[::-1][:SHOWN_IDS]) for (was, now), ids in ordered],
            sorted(left_out, key=lambda out: -out.cases),
            refused,
            quality,
            cost,
            no_cost,
            sum(len(cases) for key, cases in told.items() if not all(path.shadow_of for path in self._tried(key))),
            frozenset(path.case_id for path in [*same, *(p for cases in told.values() for p in cases)]),
        )

    def _kind(self, path: Path) -> Kind:
        found = None if path.found is None else round(min(path.found, FOUND_WELL), 2)
        key = (*path[7:14], found)  # all that is looked at
        if key not in self._kinds:
            self._kinds[key] = kind_of(path._replace(found=found))
        return self._kinds[key]

    # --- what is supported ------------------------------------------------------------------------------

    def _stands(self, path: Path) -> bool:
        """Whether all who had a hand in a case may have one under these rules too."""
        return not path.others or self._allowed.issuperset(path.others.split(","))

    def _tried(self, key: tuple[Tier, str, Kind]) -> list[Path]:
        """Trials of a tier about a kind: shadow runs alone where there are enough, since these are drawn at random.

        Best are those about tickets that the policy asked about gives to that tier too: within a kind it chooses again.
        To its own drafts the router has given what it thought fit for that tier.
        """
        if key not in self._chosen:
            trials = self._trials[key]
            drawn = [path for path in trials if path.shadow_of]
            fitting = [path for path in drawn if self._router.choose(path)[:2] == key[:2]]
            self._chosen[key] = next((some for some in (fitting, drawn) if len(some) >= LEAST), trials)
        return self._chosen[key]

    def _left_out(self, tier: Tier, model: str, kind: Kind, cases: list[Path]) -> LeftOut | None:
        """Why nothing can be said of these cases; None when it can."""
        trials = self._tried((tier, model, kind))
        why = ""
        if len(trials) < LEAST:
            why = f"it was tried on {len(trials)} tickets of their kind, and {LEAST} are the least"
        elif not all(self._stands(path) for path in trials) and self._above(tier):
            why = "its drafts were helped by tiers that this policy leaves out"
        return LeftOut(str(kind), tier, model, len(cases), len(trials), why) if why else None

    def _above(self, tier: Tier) -> bool:
        """Whether a dearer tier is left that would help where another one did; else what that one mended fails."""
        return any(other in self._configured and other in self._allowed for other in TIERS[TIERS.index(tier) + 1 :])

    # --- what it comes to -------------------------------------------------------------------------------

    def _figures(
        self, same: list[Path], told: Mapping[tuple[Tier, str, Kind], list[Path]], left_out: Sequence[LeftOut]
    ) -> tuple[Figure, Figure, str, str]:
        cases = [*same, *(path for group in told.values() for path in group)]
        unsaid, total = sum(out.cases for out in left_out), len(self._own)
        refused = ""
        if not total:
            refused = "no case has ended that could be decided again"
        elif unsaid > MOST_LEFT_OUT * total:
            refused = (
                f"nothing can be said of {unsaid:,} of {total:,} tickets, and without more than {MOST_LEFT_OUT:.0%} of "
                f"them the rest is no measure of all; {_help(left_out, self._own, self._kind)}"
            )
        if refused:
            cases = self._own
        quality = _quality(cases, [self._good(path) for path in cases])
        priced = [path for path in cases if path.cost_nano is not None]
        real = _mean([(path.cost_nano or 0) / NANO for path in priced])
        cost = Figure(len(priced), real, None, None, None, len(cases) - len(priced))
        if refused:
            return quality, cost, refused, refused
        found = share(np.array([self._good(path) for path in same], float), [self._shares(*i) for i in told.items()])
        quality = quality._replace(estimate=found)
        no_cost = self._no_cost(told, priced)
        if not no_cost:
            kept = np.array([self._cost_as_it_was(path) for path in same if path.cost_nano is not None], float)
            strata = [self._amounts(key, known) for key, group in told.items() if (known := _known(group))]
            cost = cost._replace(estimate=amount(kept, strata))
        return quality, cost, no_cost, ""

    def _good(self, path: Path) -> bool:
        """Whether its answer was sent, and nobody has taken that back."""
        if path.others and not self._stands(path):
            return False
        return path.accepted and self._words.get(path.case_id) not in ("reject", "reopen")

    def _no_cost(self, told: Mapping[tuple[Tier, str, Kind], list[Path]], priced: Sequence[Path]) -> str:
        """Why the cost cannot be told, though the quality can."""
        if not priced:
            return "what these cases cost is unknown, so nothing can be said of what they would have"
        for tier, model, kind in told:
            if self._reading(tier, model) is None:
                variable = f"OPSDESK_TIERS__{tier.upper()}__INPUT_PRICE"
                return f'the price of "{model}" is unknown, and so is the cost; set {variable} and __OUTPUT_PRICE'
            known = len(_known(self._tried((tier, model, kind))))
            if known < LEAST:
                return f"what {tier} cost is known of {known} tickets of one kind ({kind}), and {LEAST} are the least"
        return ""

    def _shares(self, key: tuple[Tier, str, Kind], cases: Sequence[Path]) -> Stratum:
        trials, numbers = self._tried(key), _Numbers()
        return Stratum(
            numbers.of(cases),
            np.zeros(len(cases)),
            numbers.of(trials),
            np.array([self._good(p) for p in trials], float),
        )

    def _amounts(self, key: tuple[Tier, str, Kind], cases: Sequence[Path]) -> Stratum:
        """In USD. What a case's first draft reads is its own; all else is what trials came to."""
        reading, trials, numbers = self._reading(key[0], key[1]) or FREE, _known(self._tried(key)), _Numbers()
        base = np.array([reading.first(path) + self._asking(path) / NANO for path in cases])
        tried = np.array([reading.rest(path, self._paid(path)) for path in trials])
        return Stratum(numbers.of(cases), base, numbers.of(trials), tried)

    def _paid(self, path: Path) -> int:
        """What a case cost, in nano-dollars, without those who may not help."""
        return (path.cost_nano if self._stands(path) else path.alone_nano) or 0

    def _cost_as_it_was(self, path: Path) -> float:
        asking = self._asking(path) if path.tier else path.route_nano or 0
        return (self._paid(path) - (path.route_nano or 0) + asking) / NANO

    def _asking(self, path: Path) -> float:
        """What asking a model to classify it would cost, in nano-dollars; what it did cost where it is asked again.

        A ticket that is simple by such a word was hard before: it is asked about again.
        """
        paid, asking = path.route_nano or 0, self._router.choose(path).asking
        if asking:
            return paid or asking
        return 0 if self._rules.always or path.complexity == "hard" else paid

    def _reading(self, tier: Tier, model: str) -> Reading | None:
        if (tier, model) not in self._readings:
            trials = [p for key, group in self._trials.items() if key[:2] == (tier, model) for p in group]
            self._readings[tier, model] = reading_of(tier, model, trials, self._stage.prices)
        return self._readings[tier, model]


class _Numbers:
    """Intents as small numbers, the same for all that are asked of one object."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def of(self, paths: Sequence[Path]) -> npt.NDArray[np.int64]:
        return np.array([self._known.setdefault(path.intent, len(self._known)) for path in paths], np.int64)


def _known(paths: Sequence[Path]) -> list[Path]:
    return [path for path in paths if path.cost_nano is not None]


def _quality(cases: Sequence[Path], good: Sequence[bool]) -> Figure:
    found = wilson(sum(good), len(cases))
    return Figure(found.of, found.share, found.low, found.high, None)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


MOST_SHADOWS = 0.05
"""The largest share of cases that may be written again unseen."""


def _help(left_out: Sequence[LeftOut], own: Sequence[Path], kind: Callable[[Path], Kind]) -> str:
    """What would make an estimate possible, and after about how many more cases."""
    sizes: dict[str, int] = defaultdict(int)
    for path in own:
        sizes[str(kind(path))] += path.tier != ""
    needed, unsaid = 0.0, sum(out.cases for out in left_out)
    for out in sorted(left_out, key=lambda out: (LEAST - out.tried) / sizes[out.kind]):
        if unsaid <= MOST_LEFT_OUT * len(own):
            break
        needed = max(needed, (LEAST - out.tried) * len(own) / (MOST_SHADOWS * sizes[out.kind]))
        unsaid -= out.cases
    return (
        f"OPSDESK_SHADOW_SHARE={MOST_SHADOWS} has finished cases written again unseen, the least tried tier first: "
        f"about {max(1, round(needed)):,} more cases would do"
    )
