"""The router's decision, made again on kept cases by the signs that are kept of them. No model is called."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import NamedTuple

from agents.experience import Experience
from agents.routing import CLASSIFICATION, FOUND_WELL, HARD, USUAL, Choice, Offer, Rules, decide, shift_of, tokens_of
from opsdesk.prompts import prompt
from tasks.budget import NANO
from tasks.case import Question, Route, Signs, Tier
from tasks.paths import Path
from tasks.prices import Prices

LADEN = -0.29
"""On the router's logit scale, without what being hard takes: more than that weighs on a ticket."""

SIZE_STEP = 1_024
"""Bytes of passages: decisions are made once for sizes that differ by less, and for finds alike to a hundredth."""


class Stage(NamedTuple):
    """Where decisions are made: the tiers of today, what a case may take, and the tables by when they were made.

    `tables` begin with the one before anything was learned, at ""; `offers` are the tiers as a table knows them.
    """

    tables: Sequence[tuple[str, Experience]]
    offers: Callable[[Experience], list[Offer]]
    prices: Prices
    usd: float
    seconds: float
    high_stakes_tier: Tier | None = None


class Decided(NamedTuple):
    """The tier and the model that would write first, and what asking one to classify would cost, in nano-dollars."""

    tier: Tier
    model: str
    asking: float


class Router:
    """The router's decision on kept cases, under `rules`. What was decided on before is remembered."""

    def __init__(self, stage: Stage, rules: Rules) -> None:
        self._stage, self._rules = stage, rules
        self._since = [made_at for made_at, _ in stage.tables]
        self._chances = [_Remembered(table) for _, table in stage.tables]
        self._offers = [stage.offers(table) for _, table in stage.tables]
        self._known: dict[tuple[object, ...], Decided] = {}

    def choose(self, path: Path) -> Decided:
        """Who would write first about a case, as far as its signs tell."""
        table = bisect_right(self._since, path.at) - 1
        found = None if path.found is None else round(min(path.found, FOUND_WELL), 2)
        size = -(-path.passages_bytes // SIZE_STEP) * SIZE_STEP
        ticket = (path.intent, path.complexity, path.stakes, path.approval, path.grave, path.questions)
        key = (table, *ticket, path.long, path.coded, found, size)
        if key not in self._known:
            self._known[key] = self._decided(path, table, found, size)
        return self._known[key]

    def _decided(self, path: Path, table: int, found: float | None, size: int) -> Decided:
        offers, stage, route, signs = self._offers[table], self._stage, route_of(path), signs_of(path)
        known = {one.tier: one for one in offers}

        def once(found: float | None, size: int | None) -> Choice:
            return decide(
                route,
                signs.model_copy(update={"found": found}),
                offers,
                self._chances[table],
                self._rules,
                tokens=USUAL if size is None else tokens_of(size + _prompt()),
                usd_left=stage.usd,
                seconds_left=stage.seconds,
                high_stakes_tier=stage.high_stakes_tier,
            )

        doubt = once(None, None).doubt if path.complexity == "hard" and not self._rules.always else None
        read, written = CLASSIFICATION
        usd = read * known[doubt.tier].price_in + written * known[doubt.tier].price_out if doubt else 0.0
        tier = once(found, size).tier
        return Decided(tier, known[tier].model, usd * NANO)


def _prompt() -> int:
    """The bytes of what a writer is told, before the passages."""
    return len(prompt("writer"))


class _Remembered:
    """A table that remembers what it was asked: summing its cells takes longer than the rest of a decision."""

    def __init__(self, table: Experience) -> None:
        self._table = table
        self._chances: dict[tuple[str, Tier, str], float] = {}

    def chance(self, intent: str, tier: Tier, model: str) -> float:
        """As the table's."""
        key = intent, tier, model
        if key not in self._chances:
            self._chances[key] = self._table.chance(*key)
        return self._chances[key]

    def seen(self, intent: str, tier: Tier, model: str) -> float:
        """As the table's."""
        return self._table.seen(intent, tier, model)


def route_of(path: Path) -> Route:
    """What the router knew of a kept case. What its questions say is not kept: their number counts."""
    return Route.model_validate(
        {
            **{"intent": path.intent, "complexity": path.complexity, "stakes": path.stakes, "tier": "local"},
            **{"reasons": [], "questions": [Question(text="")] * path.questions},
            "approval": "a person has to approve" if path.approval else "",
        }
    )


def signs_of(path: Path) -> Signs:
    """The signs that are kept of a case."""
    grave = "grave" if path.grave else ""
    return Signs(long=bool(path.long), coded=bool(path.coded), grave=grave, found=path.found)


class Kind(NamedTuple):
    """What tickets are alike in: what is at stake, how hard they are, whether more weighs on them."""

    weight: str
    complexity: str
    laden: bool

    def __str__(self) -> str:
        return f"{self.weight}, {self.complexity}{', much weighs on it' if self.laden else ''}"


def kind_of(path: Path) -> Kind:
    """The kind of a case."""
    grave = path.grave and path.stakes == "high"
    weight = "to approve" if path.approval else "grave" if grave else f"{path.stakes} stakes"
    rest = shift_of(route_of(path), signs_of(path)) - HARD * (path.complexity == "hard")
    return Kind(weight, path.complexity, rest < LADEN)


# --- prices ---------------------------------------------------------------------------------------------


class Reading(NamedTuple):
    """USD per token of a model, and how many tokens it reads per byte of a prompt."""

    read: float
    cached: float
    written: float
    tokens_a_byte: float

    def first(self, path: Path) -> float:
        """What reading a case's passages for a first draft costs, before what is cached of it."""
        return self.read * self.tokens_a_byte * (_prompt() + path.passages_bytes)

    def rest(self, path: Path, paid_nano: int) -> float:
        """What a trial cost beyond that: its first draft at today's prices, and what followed it as it was paid."""
        fresh = path.tokens_in - path.tokens_cached
        draft = fresh * self.read + path.tokens_cached * self.cached + path.tokens_out * self.written
        followed = (paid_nano - (path.draft_nano or 0) - (path.route_nano or 0)) / NANO
        return draft + followed - self.first(path)


FREE = Reading(0.0, 0.0, 0.0, 0.0)
"""The built-in model's."""


def reading_of(tier: Tier, model: str, trials: Sequence[Path], prices: Prices) -> Reading | None:
    """Out of the price table and of what a tier has read in `trials`; None when its price is unknown."""
    if tier == "local":
        return FREE
    price = prices.shown(tier, model)
    if price is None:
        return None
    read, written = float(price.input) / 1e6, float(price.output) / 1e6
    cached = read if price.cached is None else float(price.cached) / 1e6
    told = [path for path in trials if path.tokens_in and path.passages_bytes]
    size = sum(_prompt() + path.passages_bytes for path in told)
    return Reading(read, cached, written, sum(path.tokens_in for path in told) / size if size else 0.25)
