"""`opsdesk demo`: the bundled sample, indexed and answered in front of your eyes."""

from __future__ import annotations

import json
import statistics
import time
from collections import Counter
from pathlib import Path

from rich.rule import Rule
from rich.text import Text

from knowledge_base.sources import Source
from opsdesk import show
from opsdesk.desk import Desk
from opsdesk.display import usd
from tasks.case import STEPS, Case, Ticket

SAMPLE = Path(__file__).parent / "sample"
KB = "sample"
DOCS = Source(SAMPLE / "docs", called=KB)
"""Its documents: known by that name, since they lie elsewhere in another installation."""


def source(path: Path) -> Path | Source:
    """What somebody means by a path: a knowledge base of the sample says that it comes from `sample`."""
    return DOCS if str(path) == KB and not path.exists() else path


def tickets() -> list[Ticket]:
    """The sample's tickets, in order."""
    lines = (SAMPLE / "tickets.jsonl").read_text(encoding="utf-8").splitlines()
    return [
        Ticket(
            ticket_id=row["id"],
            subject=row["subject"],
            text=row["body"],
            customer=row["customer"],
            kind="reply",
            audience=row.get("audience", "customer"),
        )
        for row in map(json.loads, lines)
    ]


def run(desk: Desk) -> None:
    """Indexes the sample, works its tickets one by one, and sums up."""
    show.console.print(
        Text("Opsdesk demo", style="bold"), Text(" · offline: every step is done by the built-in extractive model")
    )
    with show.progress("indexing the sample", unit="chunks") as advance:
        show.report(desk.index([DOCS], KB, advance))
    with show.waiting("calling the crew"):
        desk.crew(KB)
    began = time.monotonic()
    cases = []
    for ticket in tickets():
        _announce(ticket)
        case = desk.ask(ticket, KB, watch=show.handoff)
        show.case(case)
        if case.stopped_by == "interrupt":
            raise KeyboardInterrupt
        cases.append(case)
    _sum_up(cases, time.monotonic() - began)


def _announce(ticket: Ticket) -> None:
    show.console.print()
    show.console.print(Rule(Text(f"{ticket.ticket_id}  {ticket.subject}", style="bold"), align="left", style="dim"))
    show.console.print(show.indented(ticket.text, "italic"))
    show.console.print()


def _sum_up(cases: list[Case], seconds: float) -> None:
    show.console.print()
    outcomes = Counter(str(case.outcome) for case in cases)
    show.table(
        f"{len(cases)} tickets in {seconds:.1f} s",
        ["outcome", "tickets"],
        [[outcome, str(outcomes[outcome])] for outcome in show.OUTCOME_COLOURS if outcomes[outcome]],
    )
    show.console.print()
    rows = []
    for step, agent in STEPS.items():
        times = [h.seconds * 1000 for case in cases for h in case.handoffs if h.task == step]
        if times:
            rows.append(
                [f"{step} ({agent})", str(len(times)), f"{statistics.median(times):.1f} ms", f"{max(times):.1f} ms"]
            )
    show.table("time per step", ["step", "times", "median", "longest"], rows)
    show.console.print()
    tokens_in, tokens_out = sum(c.tokens_in for c in cases), sum(c.tokens_out for c in cases)
    frontier = sum(c.cost_all_frontier_usd or 0 for c in cases)
    show.table(
        "cost",
        ["", "USD"],
        [
            ["this run (local tier)", usd(sum(c.cost_usd or 0 for c in cases))],
            ["all-frontier, an estimate", usd(frontier)],
        ],
    )
    show.console.print(
        Text(
            f"The estimate prices about {tokens_in:,} tokens read and {tokens_out:,} written (four characters each) "
            "at the reference model's list price.",
            style="dim",
        )
    )
    show.console.print('\nNow ask it yourself:  opsdesk ask "How do I reset my password?"')
    show.console.print(f"See how it came about: opsdesk trace {cases[0].case_id}")
