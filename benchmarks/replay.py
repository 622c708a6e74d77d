"""Does `opsdesk replay` tell beforehand what another policy comes to? Predicted beside measured, over many splits.

The real crew works every ticket with every tier as the first writer: real retrieval, writing over HTTP, proof, judges,
revisions and escalations, at list prices. The models are simulated, and differ in how often a draft has a lie in it:
50% (cheap), 25% (mid), 3% (frontier); the built-in model writes as it does. This table of outcomes is complete, so any
policy's run can be put together from it without running the crew again: a ticket's outcome under a policy is that of
the tier which the policy chooses for it. That the crew chooses the same tier as the replay says is checked by running
it under each policy ("decided alike"); it sees tickets, the replay kept rows.

A split draws a history and, on its own, other tickets of the same stream, on which the other policy is really run: held
out, since what one wants to know is what comes next. Both are drawn with replacement from the table, as people ask the
same thing again. The history is what the old policy chose, and shadow runs of `--shadow` of its cases, by the rule of
`opsdesk.shadow`; the replay sees nothing else. "error": of the predicted cost a case, beside the measured one, on the
tickets that the replay covers; what asking a model to classify a hard ticket costs is the router's own estimate on
both sides, since the table's runs ask none. "inside": the measured share accepted lies in the 95% interval; "cost
inside": the same of the cost. "calls": what the simulator was asked while replays ran.

`--scale N` instead measures the command on a database of N cases.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import httpx
import numpy as np

from agents.routing import POLICIES, Rules
from benchmarks.bench import arguments, nano_prices, show, simulator
from benchmarks.cost import TEXT_LIES, tickets_of
from opsdesk.cli_replay import stage_of
from opsdesk.demo import SAMPLE
from opsdesk.desk import Desk
from opsdesk.policies import rules_of
from opsdesk.redeciding import Decided, Kind, Router, Stage, kind_of
from opsdesk.replay import replay
from opsdesk.settings import Settings, TierSettings, TiersSettings
from opsdesk.shadow import is_chosen, least_tried
from tasks.case import Case, Ticket, Tier
from tasks.paths import Path as Kept
from tasks.paths import path_of

MODELS: dict[Tier, tuple[str, float]] = {
    "cheap": ("gpt-6-luna", 0.50),
    "mid": ("gpt-6.1-terra", 0.25),
    "frontier": ("gpt-6.1-sol", 0.03),
}
"""A tier's model, and the share of its drafts that have a lie in them."""

FIRM = "[targets]\nlow = 0.91\nhigh = 0.94\n"
"""A policy of one's own: what is plain goes to the middle tier."""

ASKED: tuple[tuple[str, str], ...] = (
    ("balanced", "cheapest"),
    ("balanced", "best"),
    ("balanced", "firm.toml"),
    ("balanced", "offline"),
    ("firm.toml", "balanced"),
)
"""The policy of the history, and the one that is asked about."""

CHECKED = 25
"""Tickets on which the crew is run under each policy, to see whether it decides as the replay says."""

Bank = list[dict[Tier, Kept]]
"""Of each ticket, how it goes with each tier as the first writer."""


class Split(NamedTuple):
    """One split: the error of the cost, whether the measured figures lie inside, and the share of cases covered."""

    error: float
    cost_inside: bool
    quality_inside: bool
    predicted: float
    measured: float
    width: float
    covered: float


def main() -> None:
    """Prints the table, or one JSON value with `--json`."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--tickets", type=int, default=160, help="that the crew works with every tier")
    parser.add_argument("--history", type=int, default=20_000, help="cases of a split's history, and of its other half")
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--shadow", type=float, default=0.05)
    parser.add_argument("--scale", type=int, default=0, metavar="N", help="measure the command on N cases instead")
    options = parser.parse_args()
    if options.scale:
        show(scale(options.scale), options.json, f"{options.scale:,} cases")
        return
    rows, errors = measured(options.tickets, options.history, options.splits, options.shadow)
    if options.json:
        print(json.dumps({"rows": rows, "errors": errors}))
        return
    show(rows, False, "history → policy")
    print("\nerror of the cost by split, in percent")
    for name, found in errors.items():
        print(f"{name}: {' '.join(f'{error:+.1f}' for error in found)}")


def measured(
    tickets: int, history: int, splits: int, shadow: float
) -> tuple[dict[str, dict[str, float]], dict[str, list[float]]]:
    """A row a pair of policies, and the errors of the cost by split, in percent."""
    with TemporaryDirectory() as home, simulator() as url:
        manners = {
            model: {"wrong": wrong, "price": nano_prices(model), "cache": True, "lies": TEXT_LIES}
            for model, wrong in MODELS.values()
        }
        httpx.post(f"{url.removesuffix('/v1')}/control", json=manners).raise_for_status()
        (Path(home) / "firm.toml").write_text(FIRM)
        desk = _desk(Path(home), url)
        desk.index([SAMPLE / "docs"], "sample")
        asked = [ticket for _, ticket in tickets_of(None, tickets)]
        alone = list(map(_worked(desk.under("offline"), None), asked))
        table, stage = Table.of(outcomes(desk, asked), alone), stage_of(desk)
        rules = {name: _rules(Path(home), name) for pair in ASKED for name in pair}
        ways = {name: Way.of(table, stage, found) for name, found in rules.items()}
        rows, errors = {}, {}
        for before, after in ASKED:
            alike = _alike(desk.under("offline") if after == "offline" else desk, asked, rules[after], stage)
            calls = _calls(url)
            began = time.perf_counter()
            found = [_split(table, stage, ways[before], ways[after], history, shadow, i) for i in range(splits)]
            seconds = time.perf_counter() - began
            name, told = f"{before} → {after}", [one for one in found if one]
            more = {"refused": splits - len(told), "alike": alike, "calls": _calls(url) - calls}
            rows[name] = {**(_row(told) if told else {}), **more, "s a split": seconds / splits}
            errors[name] = [100 * one.error for one in told]
        return rows, errors


def outcomes(desk: Desk, asked: Sequence[Ticket], threads: int = 4) -> Bank:
    """How each ticket goes with each tier as the first writer."""
    tiers: list[Tier] = ["local", *MODELS]
    began = time.monotonic()
    works = {tier: _worked(desk, tier) for tier in tiers}
    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(lambda pair: works[pair[1]](pair[0]), [(t, tier) for t in asked for tier in tiers]))
    print(f"{len(found)} cases in {time.monotonic() - began:.0f} s", file=sys.stderr)
    each = len(tiers)
    return [dict(zip(tiers, found[i : i + each], strict=True)) for i in range(0, len(found), each)]


def _worked(desk: Desk, tier: Tier | None, rules: Rules | None = None) -> Callable[[Ticket], Kept]:
    """How the crew works a ticket: with a tier as the first writer, or with the one that `rules` choose."""
    from agents.crew import Crew, Dial
    from agents.routing import Choice, decide
    from agents.steps import Limits

    def choose(decision: Any, ticket: Any, offers: Any, experience: Any, policy: Any, **more: Any) -> Choice:
        if tier:
            return Choice(tier, [f"{tier} writes"], 1.0, 0.0)
        return decide(decision, ticket, offers, experience, rules or policy, **more)

    crew = Crew(desk.llms("sample"), desk.task_list, desk.ledger, dial=Dial(decide=choose))
    limits = Limits(desk.settings.budget_usd, 600)
    name = f"{tier or 'rules'}-{time.monotonic_ns()}"

    def work(ticket: Ticket) -> Kept:
        number = f"c-{abs(hash((name, ticket.text))):x}"
        return path_of(crew.work(Case(case_id=number, ticket=ticket, kb="sample", created_at=desk.now()), limits))

    return work


def _alike(desk: Desk, asked: Sequence[Ticket], rules: Rules, stage: Stage) -> float:
    """The share of tickets that the crew gives to the tier that the replay says, deciding on what was kept of them."""
    work, router = _worked(desk, None, rules), Router(stage, rules)
    found = [path for path in map(work, asked[:CHECKED]) if path.tier]
    return sum(router.choose(path).tier == path.tier for path in found) / max(1, len(found))


# --- a split --------------------------------------------------------------------------------------------


class Table(NamedTuple):
    """All outcomes: of each ticket its paths by the tier that wrote first, and its kind."""

    paths: Bank
    kinds: list[Kind]
    alone: list[Kept]

    @classmethod
    def of(cls, bank: Bank, alone: list[Kept]) -> Table:
        """`alone` is how each ticket goes where there is no model but the built-in one; kinds are the tickets' own."""
        return cls(bank, [kind_of(_signs(paths)) for paths in bank], alone)


class Way(NamedTuple):
    """A policy, and what it decides about each ticket; None where nobody writes, whatever it is."""

    rules: Rules
    chosen: list[Decided | None]

    @classmethod
    def of(cls, table: Table, stage: Stage, rules: Rules) -> Way:
        """Decided once: a ticket's signs do not change."""
        router, signs = Router(stage, rules), [_signs(paths) for paths in table.paths]
        return cls(rules, [router.choose(path) if path.tier else None for path in signs])


def _signs(paths: dict[Tier, Kept]) -> Kept:
    """Any path of a ticket; one that somebody wrote on, if there is."""
    return next((path for path in paths.values() if path.tier), paths["local"])


def _split(table: Table, stage: Stage, before: Way, after: Way, count: int, shadow: float, seed: int) -> Split | None:
    """None where the replay refuses an estimate."""
    rng = Random(seed)
    past = rng.choices(range(len(table.paths)), k=count)
    found = replay(_history(table, before, past, shadow, seed), {}, stage, after.rules)
    if found.cost.estimate is None or found.quality.estimate is None:
        print(f"refused: {found.refused or found.no_cost}", file=sys.stderr)
        return None
    gone = {(out.now, out.model, out.kind) for out in found.left_out}
    told, offline = [str(kind) for kind in table.kinds], after.rules.always == "local"
    costs, good = [], []
    for i in rng.choices(range(len(table.paths)), k=count):
        was, now = before.chosen[i], after.chosen[i]
        if was is None or now is None or was[:2] == now[:2] or (now.tier, now.model, told[i]) not in gone:
            path = table.alone[i] if offline else table.paths[i][now.tier if now else "local"]
            costs.append(((path.cost_nano or 0) + (now.asking if now else 0)) / 1e9)
            good.append(path.accepted)
    cost, quality = float(np.mean(costs)), float(np.mean(good))
    priced, shares = found.cost.estimate, found.quality.estimate
    return Split(
        priced.mean / cost - 1 if cost else priced.mean,
        priced.low <= cost <= priced.high,
        shares.low <= quality <= shares.high,
        shares.mean,
        quality,
        shares.high - shares.low,
        found.quality.cases / found.cases,
    )


def _history(table: Table, way: Way, drawn: Sequence[int], share: float, seed: int) -> list[Kept]:
    """What is kept of these tickets under a policy: its cases, and shadow runs by the rule of `opsdesk.shadow`."""
    tried: defaultdict[Kind, Counter[Tier]] = defaultdict(Counter)
    found = []
    for n, i in enumerate(drawn):
        chosen, case_id = way.chosen[i], f"c-{seed}-{n}"
        found.append(table.paths[i][chosen.tier if chosen else "local"]._replace(case_id=case_id))
        if chosen is None:
            continue
        counts = tried[table.kinds[i]]
        counts[chosen.tier] += 1
        other = least_tried(chosen.tier, list(table.paths[i]), counts) if is_chosen(case_id, share) else None
        if other:
            counts[other] += 1
            found.append(table.paths[i][other]._replace(case_id=f"s-{seed}-{n}", shadow_of=case_id))
    return found


def _row(found: Sequence[Split]) -> dict[str, float]:
    sizes = [abs(one.error) for one in found]
    return {
        "error, median %": 100 * median(sizes),
        "largest %": 100 * max(sizes),
        "within 5%": sum(size <= 0.05 for size in sizes) / len(found),
        "cost inside": sum(one.cost_inside for one in found) / len(found),
        "accepted, predicted": float(np.mean([one.predicted for one in found])),
        "measured": float(np.mean([one.measured for one in found])),
        "inside": sum(one.quality_inside for one in found) / len(found),
        "width": float(np.mean([one.width for one in found])),
        "covered": float(np.mean([one.covered for one in found])),
    }


# --- the stage ------------------------------------------------------------------------------------------


def _desk(home: Path, url: str) -> Desk:
    tiers = {tier: TierSettings(model=model, base_url=url, max_concurrency=64) for tier, (model, _) in MODELS.items()}
    return Desk(Settings(home=home, tiers=TiersSettings.model_validate(tiers), openai_api_key=None))


def _rules(home: Path, name: str) -> Rules:
    return rules_of(str(home / name) if name.endswith(".toml") else name)[1]


def _calls(url: str) -> int:
    return int(httpx.get(f"{url.removesuffix('/v1')}/count", timeout=60).json()["requests"])


# --- a large database -----------------------------------------------------------------------------------


def scale(cases: int) -> dict[str, dict[str, float]]:
    """Seconds that the whole command takes on so many cases, under each policy that needs no file.

    Of each case there is the one row that a replay reads.
    """
    from benchmarks.front_data import fill_paths
    from tasks.database import Database

    rows: dict[str, dict[str, float]] = {}
    with TemporaryDirectory() as home:
        database = Database(f"sqlite:///{home}/opsdesk.sqlite")
        fill_paths(database, cases)
        database.dispose()
        tiers = {f"OPSDESK_TIERS__{tier.upper()}__MODEL": model for tier, (model, _) in MODELS.items()}
        keys = {f"OPSDESK_TIERS__{tier.upper()}__BASE_URL": "http://127.0.0.1:9/v1" for tier in MODELS}
        environment = {**os.environ, **tiers, **keys, "OPSDESK_HOME": home}
        for policy in POLICIES:
            command = [sys.executable, "-m", "opsdesk", "replay", "--policy", policy, "--json"]
            used, began = os.times(), time.perf_counter()
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            wall, after = time.perf_counter() - began, os.times()
            told = json.loads(done.stdout)
            cpu = after.children_user + after.children_system - used.children_user - used.children_system
            rows[policy] = {"seconds": wall, "of the processor": cpu, "cases": told["cases"]}
    return rows


if __name__ == "__main__":
    main()
