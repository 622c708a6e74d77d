"""Is the bill exact, and does a cap hold? Real calls over HTTP against a simulated server that keeps books of its own.

"exact": calls of two tiers from eight threads, half of them streamed, with prompts that share their beginning (cached
tokens), reasoning tokens, and failures at set rates. What a call cost is shown as a handoff shows it. The server's own
count of what it told truthfully has to be the same to the nano-dollar; for requests of which it told no usage, or that
were cut off, what was held must not be less than what it billed.

"capped": 64 workers (8 processes of 8 threads, since every process imports CrewAI) spend one budget; processes are
killed with SIGKILL and replaced. What the server has billed, and what the database has as spent and held, at every
moment looked at, must not be above the cap.
"""

from __future__ import annotations

import json
import logging
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from benchmarks.bench import arguments, nano_prices, simulator
from errors import BudgetReached, OpsdeskError
from tasks.budget import Budget, Cap
from tasks.case import Tier
from tasks.database import Database
from tasks.ledger import Ledger
from tasks.processes import process_name
from tasks.purse import Purse

MODELS: dict[Tier, str] = {"cheap": "gpt-6-luna", "frontier": "gpt-6.1-sol"}
FRONTIER = MODELS["frontier"]
FAILURES = {"429:0.05": 0.01, "500": 0.01, "reset": 0.01, "truncated": 0.01, "cut_json": 0.01, "no_usage": 0.01}
FAILURES |= {"absurd_usage": 0.005, "negative_usage": 0.005, "malformed": 0.01, "tool_call": 0.005}
SCOPE = "batch:b"
ABOUT = "You answer operational questions. " * 180  # some 1,500 tokens that every prompt begins with
MAX_TOKENS = 200


def main() -> None:
    """Prints two tables, or one JSON value with `--json`."""
    logging.basicConfig(level=logging.ERROR)  # or every retry is told
    if "--worker" in sys.argv:
        spend(*sys.argv[sys.argv.index("--worker") + 1 :])
        return
    parser = arguments(__doc__ or "")
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--cap", type=float, default=4.0, help="USD that 64 workers share")
    parser.add_argument("--kills", type=int, default=8)
    options = parser.parse_args()
    report = {"exact": exact(options.calls), "capped": capped(options.cap, options.kills)}
    if options.json:
        print(json.dumps(report))
        return
    for name, row in report.items():
        print(name)
        for what, value in row.items():
            print(f"  {what:<58}{value:,.9g}")


# --- exact ----------------------------------------------------------------------------------------------


def exact(calls: int) -> dict[str, float]:
    """The bill of `calls` calls, beside the server's own."""
    from agents.endpoint import EndpointModel

    with simulator() as url, TemporaryDirectory() as home:
        _behave(url, cache=True, reasoning_tokens=30, rates=FAILURES)
        database = Database(f"sqlite:///{home}/bill.sqlite")
        budget, ledger, lines = _budget(database), Ledger(FRONTIER), _lines(url, list(MODELS))
        of_thread = threading.local()

        def call(number: int) -> tuple[float, int, int]:
            tier: Tier = "frontier" if number % 3 == 0 else "cheap"
            models = of_thread.__dict__.setdefault("models", {})
            if tier not in models:
                models[tier] = EndpointModel(lines[tier])
            purse = Purse(budget, ledger, [Cap(SCOPE, 10**15)], tier, MODELS[tier], f"c-{number}")
            _ask(models[tier], purse, number, stream=bool(number % 2))
            taken = models[tier].taken
            known = ledger.cost(tier, MODELS[tier], replace(taken, unknown=0)).cost_usd or 0.0
            return known, taken.unknown, purse.paid

        began = time.monotonic()
        with ThreadPoolExecutor(8) as pool:
            rows = list(pool.map(call, range(calls)))
        seconds = time.monotonic() - began
        books = _count(url)
        shown = sum(round(known * 1e9) for known, _, _ in rows)
        untold = books["billed_nano"] - books["told_nano"]
        held = sum(paid for _, _, paid in rows) - shown
        return {
            "calls": calls,
            "requests": books["requests"],
            "seconds": seconds,
            "cost shown, USD": shown / 1e9,
            "the server's own count of what it told, USD": books["told_nano"] / 1e9,
            "difference, nano-dollars": shown - books["told_nano"],
            "requests of unknown usage": sum(unknown for _, unknown, _ in rows),
            "billed for them by the server, USD": untold / 1e9,
            "held for them, USD": held / 1e9,
            "billed for them and not held, nano-dollars": max(0, untold - held),
            "spent in the database, less shown and held": budget.spent(SCOPE).spent - shown - held,
        }


# --- capped ---------------------------------------------------------------------------------------------


def capped(cap_usd: float, kills: int, processes: int = 8) -> dict[str, float]:
    """What 64 workers spent of one budget while processes were killed."""
    cap, rng = round(cap_usd * 1e9), random.Random(1)
    with simulator() as url, TemporaryDirectory() as home:
        _behave(url, rates={"no_usage": 0.05, "500": 0.03, "reset": 0.02}, latency_s=0.05)
        database = f"sqlite:///{home}/bill.sqlite"
        budget = _budget(Database(database))
        workers = [_worker(url, database, cap) for _ in range(processes)]
        most, killed = 0, 0
        next_kill = time.monotonic() + 8
        while any(worker.poll() is None for worker in workers):
            spent = budget.spent(SCOPE)
            most = max(most, spent.spent + spent.reserved)
            if killed < kills and time.monotonic() > next_kill and spent.spent:
                alive = [i for i, worker in enumerate(workers) if worker.poll() is None]
                i = rng.choice(alive)
                os.kill(workers[i].pid, signal.SIGKILL)
                workers[i].wait()
                workers[i] = _worker(url, database, cap)
                killed, next_kill = killed + 1, time.monotonic() + rng.uniform(0.2, 1.5)
            time.sleep(0.01)
        left = budget.spent(SCOPE).reserved
        budget.reclaim(timedelta(0))
        after, books = budget.spent(SCOPE), _count(url)
        return {
            "workers": processes * 8,
            "requests": books["requests"],
            "processes killed": killed,
            "cap, USD": cap / 1e9,
            "most ever spent and held, USD": most / 1e9,
            "left held by the killed, USD": left / 1e9,
            "still held after reclaiming, USD": after.reserved / 1e9,
            "spent in the database, USD": after.spent / 1e9,
            "billed by the server, USD": books["billed_nano"] / 1e9,
            "above the cap, nano-dollars": max(0, most - cap, after.spent - cap, books["billed_nano"] - cap),
        }


def _worker(url: str, database: str, cap: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "benchmarks.bill", "--worker", url, database, str(cap)])


def spend(url: str, database: str, cap: str) -> None:
    """One process: eight threads that call until the cap refuses."""
    from agents.endpoint import EndpointModel

    budget, ledger, lines = _budget(Database(database)), Ledger(FRONTIER), _lines(url, ["frontier"])

    def work(thread: int) -> None:
        model, number = EndpointModel(lines["frontier"]), thread * 10**6
        while True:
            number += 1
            caps = [Cap(SCOPE, int(cap)), Cap(f"case:{os.getpid()}-{number}", 10**9)]
            purse = Purse(budget, ledger, caps, "frontier", FRONTIER, f"c-{number}")
            if isinstance(_ask(model, purse, number, stream=bool(number % 2)), BudgetReached):
                return

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))


# --- both -----------------------------------------------------------------------------------------------


def _ask(model: Any, purse: Purse, number: int, *, stream: bool) -> OpsdeskError | None:
    """One call; returns the error that it ended in, if any."""
    from agents.request import Order

    model.order = Order(time.monotonic() + 30, MAX_TOKENS, purse=purse, on_text=_unheard if stream else None)
    messages = [{"role": "system", "content": ABOUT}, {"role": "user", "content": f"Is ticket {number} open?"}]
    try:
        model.call(messages)
    except OpsdeskError as error:
        return error
    return None


def _unheard(_: str) -> None:
    """What is streamed is not shown."""


def _behave(url: str, **manners: Any) -> None:
    set_ = {model: {"price": nano_prices(model), **manners} for model in MODELS.values()}
    httpx.post(f"{url.removesuffix('/v1')}/control", json=set_).raise_for_status()


def _count(url: str) -> dict[str, Any]:
    counted: dict[str, Any] = httpx.get(f"{url.removesuffix('/v1')}/count", timeout=60).json()
    return counted


def _budget(database: Database) -> Budget:
    return Budget(database, process_name(), lambda: datetime.now(UTC))


def _lines(url: str, tiers: Sequence[Tier]) -> dict[Tier, Any]:
    from agents.endpoint import Endpoint, Line

    return {tier: Line(Endpoint(tier, MODELS[tier], url, max_concurrency=64)) for tier in tiers}


if __name__ == "__main__":
    main()
