"""Which tier writes, by policy, over the sample's tickets or a CSV's, and how long that decision takes.

A decision is classifying the ticket by words and forms, and weighing the tiers; nobody is called. Prices are the
table's of the models that a key alone configures; before anything was learned. `--data FILE.csv` takes its column
"text". Two questions whose tier is given stand beside.
"""

from __future__ import annotations

import csv
import json
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from agents.experience import Experience
from agents.router import route_locally
from agents.routing import USUAL, Choice, Offer, decide, offer
from benchmarks.bench import arguments, show
from benchmarks.latency import spread
from opsdesk.demo import tickets
from opsdesk.tiers import OPENAI_MODELS
from tasks.case import LOCAL_MODEL, Policy, Ticket, Tier
from tasks.ledger import Ledger

WORKED: dict[str, Tier] = {
    "Does your Pro plan include API access, and how much is it?": "frontier",
    "How do I reset my password?": "cheap",
}
POLICIES: tuple[Policy, ...] = get_args(Policy)
BUDGET_USD, DEADLINE_S = 0.50, 60.0


def main() -> None:
    """Prints shares by tier for each policy, and median, 95th percentile and longest decision in milliseconds."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--data", type=Path, help='a .csv with a column "text"')
    options = parser.parse_args()
    asked = _tickets(options.data)
    offers = offered()
    rows: dict[str, dict[str, float]] = {}
    for policy in POLICIES:
        choices, times = _timed(asked, offers, policy)
        counts = Counter(choice.tier for choice in choices)
        shares: dict[str, float] = {one.tier: counts[one.tier] / len(asked) for one in offers}
        doubts = sum(choice.doubt is not None for choice in choices) / len(asked)
        rows[policy] = {
            **{str(tier): share for tier, share in shares.items()},
            "a model is asked": doubts,
            **spread(times),
        }
    right = {text: choose(Ticket(text=text), offers, "balanced").tier for text in WORKED}
    if options.json:
        print(json.dumps({"tickets": len(asked), "policies": rows, "worked": right}))
        return
    show(rows, False, f"{len(asked)} tickets, ms")
    for text, tier in right.items():
        print(f"{tier} (wanted: {WORKED[text]}): {text}")


def offered() -> list[Offer]:
    """The built-in model and the two that an OpenAI key configures."""
    ledger = Ledger(OPENAI_MODELS["frontier"])
    models: list[tuple[Tier, str]] = [("local", LOCAL_MODEL), *OPENAI_MODELS.items()]
    return [offer(tier, model, ledger, Experience()) for tier, model in models]


def choose(ticket: Ticket, offers: Sequence[Offer], policy: Policy) -> Choice:
    """One decision, from the ticket's text to the tier."""
    return decide(
        route_locally(ticket),
        ticket,
        offers,
        Experience(),
        policy,
        tokens=USUAL,
        usd_left=BUDGET_USD,
        seconds_left=DEADLINE_S,
    )


def _tickets(data: Path | None) -> list[Ticket]:
    if data is None:
        return tickets()
    messages = data / "customer_messages.csv" if data.is_dir() else data
    with messages.open(encoding="utf-8", newline="") as file:
        return [Ticket(text=row["text"]) for row in csv.DictReader(file) if row["text"].strip()]


def _timed(asked: Sequence[Ticket], offers: Sequence[Offer], policy: Policy) -> tuple[list[Choice], list[float]]:
    choose(asked[0], offers, policy)  # warm
    choices, times = [], []
    for ticket in asked:
        began = time.perf_counter()
        choices.append(choose(ticket, offers, policy))
        times.append((time.perf_counter() - began) * 1000)
    return choices, times


if __name__ == "__main__":
    main()
