"""A suite through the crew, ticket by ticket -> what became of each, and of all."""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from errors import UsageError
from opsdesk.desk import Desk
from opsdesk.reliability import Share, wilson
from opsdesk.suites.checks import failures, slow
from opsdesk.suites.suite import Suite, SuiteTicket, Thresholds
from tasks.case import EVALUATION, LOCAL_MODEL, TIERS, Case, Tier

if TYPE_CHECKING:
    from knowledge_base.index import Progress

ALONE = "suite-alone"
"""The knowledge base of a suite's own documents, while it runs."""


class Result(NamedTuple):
    """What became of one ticket. `failed` are the checks that failed, in words; `slow` says that it took too long.

    `cost_usd` is None when it is not wholly known; `local`: no language model was asked, so that it is the same again.
    """

    id: str
    passed: bool
    failed: list[str]
    slow: str
    outcome: str
    case_id: str
    cost_usd: float | None
    seconds: float
    tiers: list[Tier]
    local: bool
    digest: str


class Totals(NamedTuple):
    """Of all tickets that were run. `cost_usd` is what is known; `cost_unknown` counts the tickets where not all is."""

    tickets: int
    run: int
    passed: Share
    cost_usd: float
    cost_unknown: int
    p50_seconds: float | None
    p95_seconds: float | None
    outcomes: dict[str, int]


class Kept(NamedTuple):
    """One of the suite's thresholds: what it asks for, what was found, whether that will do."""

    name: str
    asked: str
    found: str
    kept: bool
    note: str = ""


class Run(NamedTuple):
    """A suite that was run. `models` are by tier; `tier` is "" unless one was asked for. `stopped`: not to its end."""

    suite: str
    kb: str
    policy: str
    tier: str
    models: dict[str, str]
    tickets: int
    results: list[Result]
    stopped: bool


Watch = Callable[[int, int, Result], None]


def under_tier(desk: Desk, tier: Tier, *, policy_is_set: bool) -> Desk:
    """A desk where of the paid tiers only `tier` is in force; by itself it then writes every draft."""
    if tier == "local":
        return desk.under("offline")
    _ = desk.ledger  # priced at the reference model, whichever tier is left
    if tier not in desk.tiers:
        raise UsageError(f"the tier {tier} is not configured, or the policy is offline; see opsdesk models")
    found = desk if policy_is_set else desk.under("best")
    found.tiers = {tier: found.tiers[tier]}
    found.__dict__.pop("lines", None)
    return found


def models(desk: Desk) -> dict[str, str]:
    """The model of each tier in force."""
    return {"local": LOCAL_MODEL, **{tier: paid.model for tier, paid in desk.tiers.items()}}


@contextmanager
def standing_alone(
    desk: Desk, suite: Suite, file: Path, progress: Progress | None = None
) -> Iterator[tuple[Desk, str]]:
    """A desk that knows the suite's own documents alone, and the name they go by; its cases are kept as ever.

    What is made of the documents is gone at the end. Raises `UsageError` for one that is not there.
    """
    paths = [file.parent / name for name in suite.documents]
    for path, name in zip(paths, suite.documents, strict=True):
        if not path.exists():
            raise UsageError(f'{file}: the document "{name}" is not there ({path}); paths are relative to the suite')
    with tempfile.TemporaryDirectory(prefix="opsdesk-suite-") as folder:
        apart = desk.settings.model_copy(update={"home": Path(folder), "database_url": desk.settings.database})
        alone = Desk(apart, desk.now)
        for opened in ("embedder", "task_list", "tiers", "ledger", "lines", "telemetry"):
            setattr(alone, opened, getattr(desk, opened))
        alone.index(paths, ALONE, progress)
        yield alone, ALONE


def run_suite(desk: Desk, suite: Suite, kb: str, watch: Watch) -> tuple[list[Result], bool]:
    """Has the crew work each ticket, in order; the results, and whether Ctrl-C ended it before its end.

    `watch` is told the number of each, how many there are, and its result. Cases are kept under a tenant of their own.
    """
    results: list[Result] = []
    try:
        for number, one in enumerate(suite.tickets, start=1):
            case = desk.ask(suite.ticket(one), kb, tenant=EVALUATION)
            if case.stopped_by == "interrupt":
                return results, True
            results.append(result(suite, one, case))
            watch(number, len(suite.tickets), results[-1])
    except KeyboardInterrupt:
        return results, True
    return results, False


def result(suite: Suite, one: SuiteTicket, case: Case) -> Result:
    """A ticket's case, held against what the suite says of it."""
    failed = failures(suite, one, case)
    used = {handoff.tier for handoff in case.handoffs}
    return Result(
        id=one.id,
        passed=not failed,
        failed=failed,
        slow=slow(suite, one, case),
        outcome=case.outcome or "failed",
        case_id=case.case_id,
        cost_usd=case.cost_usd,
        seconds=case.seconds,
        tiers=[tier for tier in TIERS if tier in used],
        local=used <= {"local"},
        digest=suite.digest(one),
    )


def totals(run: Run) -> Totals:
    """Sums over the tickets that were run."""
    found = run.results
    seconds = sorted(one.seconds for one in found)
    return Totals(
        tickets=run.tickets,
        run=len(found),
        passed=wilson(sum(one.passed for one in found), len(found)),
        cost_usd=math.fsum(one.cost_usd or 0 for one in found),
        cost_unknown=sum(one.cost_usd is None for one in found),
        p50_seconds=_rank(seconds, 0.5),
        p95_seconds=_rank(seconds, 0.95),
        outcomes=dict(Counter(one.outcome for one in found)),
    )


def _rank(ordered: Sequence[float], share: float) -> float | None:
    """The least value that so large a share is no more than; None of nothing."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def thresholds(asked: Thresholds, of: Totals, *, compared: bool) -> list[Kept]:
    """Each threshold of a suite. Where none is said of the share passed, all must, unless a baseline says what did."""
    from opsdesk.display import duration, usd

    found: list[Kept] = []
    least = asked.passed if asked.passed is not None or compared else 1.0
    if least is not None:
        share = of.passed.share or 0
        found.append(Kept("passed", f"at least {least:.0%}", f"{share:.1%}", share >= least))
    if asked.cost_usd is not None:
        known = of.cost_unknown == 0
        told = usd(of.cost_usd) if known else f"unknown, {usd(of.cost_usd)} or more"
        found.append(Kept("cost", f"at most {usd(asked.cost_usd)}", told, known and of.cost_usd <= asked.cost_usd))
    if asked.p95_seconds is not None and of.p95_seconds is not None:
        kept, told = of.p95_seconds <= asked.p95_seconds, duration(of.p95_seconds)
        asks = f"at most {duration(asked.p95_seconds)}"
        found.append(Kept("p95 seconds", asks, told, kept, "depends on the machine"))
    return found
