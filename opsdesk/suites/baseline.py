"""A kept run of a suite, and how a later one compares with it: what is a regression, and what may be noise.

A ticket that no language model worked comes out the same each time: one that passed and fails now is a regression.
With paid models either may happen by chance, so there the lost and the gained tickets are weighed by McNemar's test.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from errors import UsageError
from knowledge_base.files import replace_file
from opsdesk.suites.running import Result, Run, Totals
from opsdesk.suites.suite import Suite

ALPHA = 0.05
"""A change is beyond noise when chance alone would bring one as large less often than this."""

MOST_BYTES = 20_000_000


class KeptResult(BaseModel):
    """A ticket as it came out then. Nothing in it depends on the machine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    passed: bool
    outcome: str
    local: bool
    cost_usd: float | None
    digest: str
    failed: list[str] = []


class Baseline(BaseModel):
    """A kept run. `cost_usd` is None when it was not wholly known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    opsdesk_baseline: Literal[1] = 1
    suite: str
    policy: str
    tier: str
    models: dict[str, str]
    cost_usd: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None
    tickets: dict[str, KeptResult]


class Comparison(NamedTuple):
    """A run beside its baseline. `lost` passed then and fail now, `gained` the other way round, of `paid` tickets
    those that a model worked in either run; `regressions` say in words what is beyond noise.

    `p` is McNemar's, over the paid tickets; None where none of them changed.
    """

    lost: list[str]
    gained: list[str]
    lost_paid: list[str]
    gained_paid: list[str]
    p: float | None
    cost_usd: float | None
    baseline_cost_usd: float | None
    regressions: list[str]
    notes: list[str]


def kept(run: Run, of: Totals) -> Baseline:
    """What is kept of a run."""
    return Baseline(
        suite=run.suite,
        policy=run.policy,
        tier=run.tier,
        models=run.models,
        cost_usd=None if of.cost_unknown else of.cost_usd,
        tickets={
            one.id: KeptResult.model_validate({name: getattr(one, name) for name in KeptResult.model_fields})
            for one in run.results
        },
    )


def write(path: Path, baseline: Baseline) -> None:
    """Keeps a baseline, whole or not at all."""
    text = json.dumps(baseline.model_dump(mode="json"), ensure_ascii=False, indent=1, sort_keys=True)
    replace_file(path, f"{text}\n".encode())


def read(path: Path) -> Baseline:
    """A kept baseline. Raises `UsageError` when the file is none."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UsageError(f"{path}: too large for a baseline; give one that --save-baseline made")
        return Baseline.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; make a baseline with: --save-baseline {path}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        told = f"{place}: {first['msg'].lower()}"
        raise UsageError(f"{path}: no baseline ({told}); make one with --save-baseline") from error


def check(baseline: Baseline, path: Path, suite: Suite, policy: str, tier: str, models: dict[str, str]) -> None:
    """Raises `UsageError` when a baseline is of something else, so that a comparison would say nothing."""
    now = {one.id: suite.digest(one) for one in suite.tickets}
    then = {id_: one.digest for id_, one in baseline.tickets.items()}
    wrong = [
        _names("it lacks", [id_ for id_ in now if id_ not in then]),
        _names("the suite lacks", [id_ for id_ in then if id_ not in now]),
        _names("other than then is", [id_ for id_ in now if id_ in then and now[id_] != then[id_]]),
        f"it was made under the policy {baseline.policy}, not {policy}" if baseline.policy != policy else "",
        f"it was made with --tier {baseline.tier or 'none'}, not {tier or 'none'}" if baseline.tier != tier else "",
        f"it was made with {_listed(baseline.models)}, not {_listed(models)}" if baseline.models != models else "",
    ]
    if told := "; ".join(part for part in wrong if part):
        raise UsageError(f"{path} is the baseline of something else: {told}; make a new one with --save-baseline")


def _names(what: str, ids: Sequence[str]) -> str:
    more = f" and {len(ids) - 5} more" if len(ids) > 5 else ""
    return f"{what} {', '.join(ids[:5])}{more}" if ids else ""


def _listed(models: dict[str, str]) -> str:
    return ", ".join(f"{tier} {model}" for tier, model in models.items() if tier != "local") or "no paid model"


def mcnemar(lost: int, gained: int) -> float:
    """How often chance alone, each change as likely as its opposite, parts so many changes so unevenly or more.

    Two-sided and exact, by the binomial distribution: Q. McNemar, "Note on the sampling error of the difference
    between correlated proportions or percentages", Psychometrika 12 (1947), 153-157.
    """
    changed = lost + gained
    tail = sum(math.comb(changed, k) for k in range(min(lost, gained) + 1))
    return float(min(1.0, 2 * tail / 2**changed))


def compare(run: Run, of: Totals, baseline: Baseline, tolerance: float) -> Comparison:
    """A run beside its baseline. The cost is compared only where all tickets were run and both costs are known."""
    pairs = [(baseline.tickets[one.id], one) for one in run.results]
    lost = [now for then, now in pairs if then.passed and not now.passed]
    gained = [now for then, now in pairs if now.passed and not then.passed]
    paid = {now.id for then, now in pairs if not (then.local and now.local)}
    lost_paid, gained_paid = _paid(lost, paid), _paid(gained, paid)
    p = mcnemar(len(lost_paid), len(gained_paid)) if lost_paid or gained_paid else None
    regressions = [f"{one.id} passed and now fails: {'; '.join(one.failed)}" for one in lost if one.id not in paid]
    notes: list[str] = []
    if p is not None:
        told = f"of the tickets that paid models worked, {len(lost_paid)} were lost and {len(gained_paid)} gained"
        beyond = p < ALPHA and len(lost_paid) > len(gained_paid)
        (regressions if beyond else notes).append(f"{told}: {_likely(p, beyond)}")
    cost = None if of.cost_unknown else of.cost_usd
    told, dearer = _cost(cost, baseline.cost_usd, tolerance) if len(run.results) == run.tickets else ("", False)
    if told:
        (regressions if dearer else notes).append(told)
    return Comparison(
        [one.id for one in lost], [one.id for one in gained], lost_paid, gained_paid, p, cost, baseline.cost_usd,
        regressions, notes,
    )  # fmt: skip


def _paid(changed: Sequence[Result], paid: set[str]) -> list[str]:
    return [one.id for one in changed if one.id in paid]


def _likely(p: float, beyond: bool) -> str:
    chance = f"chance alone brings as much in {p:.1%} of runs"
    return f"{chance}, so it is worse" if beyond else f"{chance}, so nothing is shown"


def _cost(now: float | None, then: float | None, tolerance: float) -> tuple[str, bool]:
    """What is to be said of the cost, and whether it is a regression."""
    from opsdesk.display import usd

    if now is None or then is None:
        return "the cost is not compared, since it is not wholly known", False
    if now <= then * (1 + tolerance) + 1e-9:
        return "", False
    told = f"it cost {usd(now)}, before {usd(then)}"
    return f"{told}: dearer by more than the {tolerance:.0%} that are let pass", True
