"""How a replay is printed."""

from __future__ import annotations

from typing import Any

from opsdesk import show as printed
from opsdesk.display import count, usd
from opsdesk.offpolicy import Estimate
from opsdesk.replay import LEAST, Figure, Replay
from tasks.budget import NANO
from tasks.paths import Paired

FIRST_IDS = 3
"""Case ids that are shown of each change; `--json` has more."""

MANY_LEFT_OUT = 8
"""Kinds that are told of."""


def as_json(policy: str, since: str, kb: str, found: Replay, paired: Paired | None) -> dict[str, Any]:
    """As JSON: USD over `cost.cases`, shares 0..1; null is what cannot be told, and `refused` says why."""
    cost, quality = found.cost, found.quality
    whole: dict[str, Any] = {
        "policy": policy,
        "since": since,
        "kb": kb,
        "model_calls": 0,
        "cases": found.cases,
        "same": found.same,
        "refused": found.refused,
        "cost": {
            "cases": cost.cases,
            "unknown": cost.unknown,
            "real_usd": None if cost.real is None else cost.real * cost.cases,
            **_interval(cost.estimate, "_usd", cost.cases),
            "why_not": found.no_cost,
        },
        "quality": {
            "cases": quality.cases,
            "real": quality.real,
            "real_low": quality.real_low,
            "real_high": quality.real_high,
            **_interval(quality.estimate, "", 1),
        },
        "changes": [{"from": c.was, "to": c.now, "cases": c.cases, "case_ids": c.case_ids} for c in found.changes],
        "not_drawn_at_random": found.not_drawn,
        "left_out": [{**out._asdict()} for out in found.left_out],
    }
    if paired is not None:
        enough = paired.cases >= LEAST
        whole["all_frontier"] = {
            "shadow_runs": paired.cases,
            "estimated_usd": paired.estimated_nano / NANO if enough else None,
            "measured_usd": paired.measured_nano / NANO if enough else None,
        }
    return whole


def _interval(found: Estimate | None, unit: str, times: int) -> dict[str, float | None]:
    values = (None, None, None) if found is None else tuple(value * times for value in found)
    return dict(zip((f"estimate{unit}", f"low{unit}", f"high{unit}"), values, strict=True))


def show(policy: str, found: Replay, paired: Paired | None) -> None:
    """For people: what was beside what would have been, what changes, what nothing is said of."""
    _say(f"{count(found.cases, 'past case')} decided again under {policy}; no model was called", "bold")
    if found.refused:
        _say(f"No estimate: {found.refused}.")
    if found.cases:
        cost, quality = found.cost, found.quality
        rows = [["cost", usd(_times(cost.real, cost.cases)), *_dollars(cost)]]
        rows.append(["accepted", f"{_share(quality.real)} ({_share(quality.real_low)} to {_share(quality.real_high)})"])
        rows[1] += _shares(quality)
        printed.table("", ["", "really", f"under {policy} (estimate)", "95% interval"], rows)
        if cost.unknown:
            _say(f"Of {count(cost.unknown, 'case')} the cost is unknown: left out of both costs.")
        if found.no_cost and not found.refused:
            _say(f"No cost: {found.no_cost}.")
    if found.not_drawn and not found.refused:
        _say(
            f"For {count(found.not_drawn, 'case')} the estimate rests on drafts that the router itself has given to "
            "that tier, not on shadow runs drawn at random: their tickets may be easier or harder."
        )
    if found.changes:
        ids = [", ".join(change.case_ids[:FIRST_IDS]) for change in found.changes]
        rows = [[f"{c.was} → {c.now}", f"{c.cases:,}", shown] for c, shown in zip(found.changes, ids, strict=True)]
        printed.table("Who would write first instead", ["tiers", "cases", "newest (opsdesk trace ID)"], rows)
    for out in found.left_out[:MANY_LEFT_OUT]:
        them = "" if found.refused else "; the figures leave them out"
        _say(f"{out.cases:,} of {found.cases:,} tickets ({out.kind}) would go to {out.now}, but {out.why}{them}.")
    if len(found.left_out) > MANY_LEFT_OUT:
        _say(f"So it is with {count(len(found.left_out) - MANY_LEFT_OUT, 'more kind')}; --json lists them.")
    if paired is not None:
        _paired(paired)


def _paired(paired: Paired) -> None:
    if paired.cases < LEAST:
        runs = count(paired.cases, "shadow run")
        _say(f"All-frontier stays an estimate: {runs} by the dearest tier, and {LEAST} are the least to measure it.")
        return
    measured, estimated = paired.measured_nano / NANO, paired.estimated_nano / NANO
    _say(
        f"All-frontier, on the {paired.cases:,} cases that shadow runs have written again: estimated {usd(estimated)}, "
        f"measured {usd(measured)}."
    )


def _dollars(cost: Figure) -> list[str]:
    if cost.estimate is None:
        return ["not told", ""]
    mean, low, high = (usd(value * cost.cases) for value in cost.estimate)
    return [mean, f"{low} to {high}"]


def _shares(quality: Figure) -> list[str]:
    if quality.estimate is None:
        return ["not told", ""]
    mean, low, high = map(_share, quality.estimate)
    return [mean, f"{low} to {high}"]


def _times(value: float | None, times: int) -> float | None:
    return None if value is None else value * times


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1%}"


def _say(line: str, style: str = "") -> None:
    printed.console.print(printed.text(line, style), soft_wrap=True)
