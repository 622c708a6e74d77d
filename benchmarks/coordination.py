"""Where a chain of agents breaks: known faults at six seams, in four systems that work the same tickets.

Six steps at 97% are 83% from end to end. At every execution of every step, also a retry's, one of the faults that can
happen there strikes with the rate of the row: `benchmarks.lab.faults` lists them. The systems share tickets, documents,
search, simulated models and prices:

"naive": a chain of calls that trusts each step. "crew": CrewAI's sequential `Crew` with contexts, Pydantic outputs, a
guardrail, a reviewer and its default retries. "langgraph": a router graph with a grader, a retry loop, two tiers and a
RetryPolicy on every node. "ours": the whole crew on its task list, behind the HTTP API's idempotency keys.
The graders of "crew" and "langgraph" make no mistakes of their own, which is generous.

"right": what was sent holds every fact that was asked for, once, and nothing wrong. "handed_over": a person got it, it
failed for everybody to see, or the answer says plainly what it leaves open. "wrong_and_sent": anything else. Judged by
what the generator of the tickets knows. "usd": a ticket, at list prices; "ms": processor time a ticket.
"attribution": whether `opsdesk.attribution.blame` names the step, and the agent, that a fault struck first, over cases
whose way or fate it changed; and the step most blamed when one seam alone leaks at 10%.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.lab.judge import shares
from benchmarks.lab.rounds import SYSTEMS, Order, Result, build, worked
from opsdesk.reliability import wilson
from tasks.case import STEPS

RATES = (0.0, 0.01, 0.03, 0.05, 0.10)
FATES = ("right", "handed_over", "wrong_and_sent", "right_or_handed_over")
TOGETHER = 25
"""Tickets that one process works at all rates in all systems, so that each question is searched for once."""

ALONE = 0.10
"""The rate at which one seam leaks, while the others do not."""


LEAST_ALONE = 75
"""Tickets, of a tenth of all, at which one seam leaks: of fewer some seam may not be struck at all."""


def main() -> None:
    """Prints the tables, or one JSON value with `--json`; progress goes to stderr."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tickets", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--failures", type=Path, help="a file for the tickets that ours has not answered right")
    parser.add_argument("--json", action="store_true", help="print one JSON value")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        build(Path(folder), options.seed)
        orders, together = orders_for(options.tickets)
        results = list(worked(Path(folder), options.seed, orders, options.processes, together))
    if options.failures:
        failed = [r for r in results if r.system == "ours" and r.fate != "right"]
        options.failures.write_text("".join(json.dumps(_plain(r)) + "\n" for r in failed), encoding="utf-8")
    report = summed(results)
    print(json.dumps(report)) if options.json else show(report)


def orders_for(tickets: int) -> tuple[list[Order], int]:
    """All orders, and how many of them belong together."""
    orders, together = [], 0
    for first in range(0, tickets, TOGETHER):
        numbers = tuple(range(first, min(first + TOGETHER, tickets)))
        some = [Order(system, rate, numbers) for rate in RATES for system in SYSTEMS]
        if first < max(tickets / 10, LEAST_ALONE):
            some += [Order("ours", ALONE, numbers, step) for step in STEPS]
        together = together or len(RATES) * len(SYSTEMS)
        orders += some
    return orders, together


def summed(results: Sequence[Result]) -> dict[str, Any]:
    """The report: by rate and system, and the attribution."""
    rows: dict[tuple[float, str], list[Result]] = defaultdict(list)
    for result in results:
        if result.only is None:
            rows[result.rate, result.system].append(result)
    report: dict[str, Any] = {f"{rate:.0%}": {system: row(rows[rate, system]) for system in SYSTEMS} for rate in RATES}
    report["attribution"] = attribution([r for r in results if r.system == "ours"])
    return report


def row(results: Sequence[Result]) -> dict[str, Any]:
    """The shares of one system at one rate, with 95% intervals, and what a ticket took."""
    of = len(results)
    told: dict[str, Any] = dict(shares([result.fate for result in results]))
    told["cost_usd"] = sum(result.usd for result in results) / of
    told["ms"] = 1_000 * sum(result.seconds for result in results) / of
    told["tickets"] = of
    told["intervals"] = {fate: list(wilson(round(told[fate] * of), of)[3:]) for fate in FATES}
    return told


# --- attribution ----------------------------------------------------------------------------------------


def attribution(results: Sequence[Result]) -> dict[str, Any]:
    """How often the step and the agent that a fault struck first are named, and the step most blamed."""
    undisturbed = {r.number: r for r in results if not r.rate}
    told: Counter[str] = Counter()
    for result in (r for r in results if r.rate and r.only is None):
        seams = [strike.step for strike in result.struck if strike.step in STEPS]
        before = undisturbed[result.number]
        if not seams or (result.path, result.fate) == (before.path, before.fate):
            continue
        told["cases"] += 1
        if result.blamed:
            told["step"] += result.blamed[0] == seams[0]
            told["agent"] += result.blamed[1] == STEPS[seams[0]]
    quiet = [r for r in undisturbed.values() if r.fate == "right"]
    alone = {step: _most_blamed([r for r in results if r.only == step]) for step in STEPS}
    return {
        "cases": told["cases"],
        "right_step": told["step"] / told["cases"] if told["cases"] else None,
        "right_agent": told["agent"] / told["cases"] if told["cases"] else None,
        "blamed_without_a_fault": sum(r.blamed is not None for r in quiet) / (len(quiet) or 1),
        "one_seam_leaks": alone,
    }


def _most_blamed(results: Sequence[Result]) -> str | None:
    counts = Counter(result.blamed[0] for result in results if result.blamed)
    return counts.most_common(1)[0][0] if counts else None


# --- what is printed ------------------------------------------------------------------------------------


def show(report: Mapping[str, Any]) -> None:
    """The tables."""
    named = "".join(f"{fate:>24}" for fate in ("right", "handed over", "wrong and sent"))
    print(f"{'rate':<6}{'system':<11}{named}{'either':>9}{'usd':>9}{'ms':>7}")
    for rate in (f"{rate:.0%}" for rate in RATES):
        for system in SYSTEMS:
            told = report[rate][system]
            cells = "".join(f"{_interval(told, fate):>24}" for fate in FATES[:3])
            either = f"{told['right_or_handed_over']:>9.2%}"
            print(f"{rate:<6}{system:<11}{cells}{either}{told['cost_usd']:>9.5f}{told['ms']:>7.1f}")
        print()
    found = report["attribution"]
    if found["cases"]:
        print(
            f"Of {found['cases']:,} cases that a fault changed, the case alone names the right agent in "
            f"{found['right_agent']:.1%} and the right step in {found['right_step']:.1%};\n"
            f"of cases without a fault {found['blamed_without_a_fault']:.1%} blame somebody."
        )
    for step, blamed in found["one_seam_leaks"].items():
        print(f"Only {step} leaks, at {ALONE:.0%}: most cases blame {blamed}.")


def _interval(told: Mapping[str, Any], fate: str) -> str:
    low, high = told["intervals"][fate]
    return f"{told[fate]:.2%} ({low:.2%}–{high:.2%})"


def _plain(result: Result) -> dict[str, Any]:
    struck = [f"{strike.step}: {strike.fault}" for strike in result.struck]
    kept: dict[str, Any] = {"number": result.number, "rate": result.rate, "fate": result.fate, "why": result.why}
    return kept | {"only": result.only, "struck": struck, "blamed": result.blamed, "handoffs": result.reasons}


if __name__ == "__main__":
    main()
