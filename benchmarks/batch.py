"""`python -m benchmarks.batch`: `opsdesk draft` from a cold start to the written file, offline and with a paid model.

Each run is the command itself, in a home of its own, on SQLite and on PostgreSQL. Beside it the same tickets without a
batch, in as many processes at once; and a `for` loop over a sequential CrewAI `Crew` and `Crew.kickoff_for_each_async`,
both with the agents' answers given to them: no search, no proof, nothing kept, so what they show is their least.
`--data FOLDER` takes the knowledge base and the tickets from there. `--memory 1000 50000` prints instead how much
memory the largest process took at batches of so many tickets.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import gc
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from benchmarks.bench import side_by_side, simulator
from benchmarks.chaos import MODEL, PRICE, QUESTIONS
from benchmarks.places import places
from opsdesk.__main__ import GC_THRESHOLDS

IN_PROCESS = 100
FEW = 40
"""Tickets that show what a start takes: as many as have every core's worker started, as the large batch does."""
AT_ONCE = 64


class Home:
    """A home with one knowledge base, and a file of tickets."""

    def __init__(self, folder: Path, data: Path | None, tickets: int) -> None:
        from opsdesk.demo import SAMPLE
        from opsdesk.desk import Desk
        from opsdesk.settings import Settings

        self.folder = folder
        self.desk = Desk(Settings(home=folder))
        self.desk.index([data / "bank_policies" if data else SAMPLE / "docs"], "kb")
        self.texts = _texts(data, tickets)

    def file(self, count: int) -> Path:
        """The first `count` tickets."""
        path = self.folder / f"tickets-{count}.csv"
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([["text"], *([text] for text in self.texts[:count])])
        return path


def _texts(data: Path | None, tickets: int) -> list[str]:
    if data:
        with (data / "customer_messages.csv").open(newline="") as file:
            found = [row["text"] for row in csv.DictReader(file)]
        return found[:tickets]
    return sample_texts(tickets)


def sample_texts(tickets: int) -> list[str]:
    """Questions that the bundled sample answers, no two alike."""
    return [f"{QUESTIONS[n % len(QUESTIONS)]} My order is number {n}." for n in range(tickets)]


def draft(home: Home, url: str, count: int, more: dict[str, str], *options: str) -> dict[str, float]:
    """One run of the command: seconds from cold to file, tickets a second while it worked, CPU seconds, memory."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("OPSDESK_", "OPENAI_"))}
    env |= {"OPSDESK_HOME": str(home.folder), "OPSDESK_DATABASE_URL": url, **more}
    out = home.folder / "out.jsonl"
    command = [sys.executable, "-m", "opsdesk", "draft", str(home.file(count)), "--out", str(out), "--json", "--again"]
    before, began = _children_cpu(), time.monotonic()
    process = subprocess.Popen([*command, *options], env=env, stdout=subprocess.PIPE, text=True)
    seen: list[tuple[float, int]] = []
    peak = [0]
    ended = threading.Event()
    watching = threading.Thread(target=_watch, args=(url, process.pid, seen, peak, ended), daemon=True)
    watching.start()
    printed, _ = process.communicate()
    ended.set()
    watching.join()
    seconds = time.monotonic() - began
    summary = json.loads(printed)
    done = summary["tickets"] - summary["not_started"]
    if done != count or process.returncode:
        raise SystemExit(f"only {done} of {count} were drafted (code {process.returncode})")
    working = [(at, n) for at, n in seen if n]
    first, last = working[0], next(pair for pair in working if pair[1] == working[-1][1])
    rate = (last[1] - first[1]) / (last[0] - first[0]) if last[0] > first[0] else 0.0
    return {
        "seconds": seconds,
        "rate": rate,
        "cpu": _children_cpu() - before,
        "memory_mb": peak[0] / 2**20,
        "drafted": summary["drafted"],
    }


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _watch(url: str, pid: int, seen: list[tuple[float, int]], peak: list[int], ended: threading.Event) -> None:
    """How many have ended, and the most memory of one process, a few times a second."""
    from datetime import UTC, datetime

    from tasks.database import Database
    from tasks.drafts import Drafts

    database = Database(url)
    drafts = Drafts(database, lambda: datetime.now(UTC))
    known = {batch.id for batch, _ in drafts.batches()}
    while not ended.wait(0.2):
        new = [far for batch, far in drafts.batches() if batch.id not in known]
        if new:
            seen.append((time.monotonic(), new[0].done))
        peak[0] = max(peak[0], *(_memory(process) for process in _family(pid)), 0)
    database.dispose()


def _family(pid: int) -> Iterator[int]:
    yield pid
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            yield from (int(child) for child in (task / "children").read_text().split())
    except OSError:
        return


def _memory(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()
    except (OSError, IndexError):
        return 0


def in_process(home: Home) -> float:
    """CPU milliseconds a ticket of the same cases without a batch, as many processes beside each other as a batch has:
    two on one core's threads take more than each would alone."""
    texts = home.texts[: 2 * IN_PROCESS]
    found: list[float] = side_by_side(_asks, [(home.folder, n, texts) for n in range(os.cpu_count() or 1)])
    return statistics.mean(found)


def _asks(folder: Path, number: int, texts: list[str], together: Barrier, told: Any) -> None:
    """One such process: the first half of the cases warms it up."""
    from opsdesk.desk import Desk
    from opsdesk.settings import Settings
    from tasks.case import Ticket

    gc.set_threshold(*GC_THRESHOLDS)  # as a worker has it
    desk = Desk(Settings(home=folder, database_url=f"sqlite:///{folder}/in-process-{number}.sqlite"))
    desk.threads = 1
    asked = [Ticket(text=text, kind="reply") for text in texts]
    half = len(asked) // 2
    for ticket in asked[:half]:
        desk.ask(ticket, "kb")
    together.wait()
    began = time.process_time()
    for ticket in asked[half:]:
        desk.ask(ticket, "kb")
    told.put((time.process_time() - began) / (len(asked) - half) * 1000)


def plain_crews(count: int) -> dict[str, float]:
    """Tickets a second of a plain CrewAI crew, one after the other and all at once."""
    from benchmarks.overhead import plain_crew, sequential_crew

    one: Callable[[], Any] = sequential_crew()
    one()
    began = time.perf_counter()
    for _ in range(count):
        one()
    rates = {"for loop over a sequential Crew": count / (time.perf_counter() - began)}
    crew = plain_crew()
    began = time.perf_counter()
    asyncio.run(crew.kickoff_for_each_async(inputs=[{} for _ in range(count)]))
    rates["Crew.kickoff_for_each_async"] = count / (time.perf_counter() - began)
    return rates


def offline(home: Home, url: str, count: int) -> dict[str, float]:
    """The built-in model: rate, and CPU a ticket beside the same cases in one process."""
    start = draft(home, url, FEW, {})
    found = draft(home, url, count, {})
    per_ticket = (found["cpu"] - start["cpu"]) / (count - FEW) * 1000
    return {**found, "cpu_ms_per_ticket": per_ticket, "in_process_ms": in_process(home)}


def memory(home: Home, url: str, counts: list[int]) -> dict[str, float]:
    """The most memory of one process, in MB, by the size of the batch."""
    return {f"{count:,} tickets": draft(home, url, count, {})["memory_mb"] for count in counts}


def paid(home: Home, url: str, count: int, seconds: float = 1.0) -> dict[str, float]:
    """A simulated endpoint that takes so many seconds a call, 64 at once."""
    config = home.folder / "sim.json"
    config.write_text(json.dumps({MODEL: {"price": PRICE, "latency_s": seconds}}))
    with simulator(config) as base_url:
        tier = {"MODEL": MODEL, "BASE_URL": base_url, "API_KEY": "sk-simulated-123456", "MAX_CONCURRENCY": str(AT_ONCE)}
        more = {f"OPSDESK_TIERS__CHEAP__{name}": value for name, value in tier.items()}
        found = draft(home, url, count, {**more, "OPSDESK_POLICY": "best"}, "--concurrency", str(AT_ONCE))
    return {**found, "of_ideal": found["rate"] * seconds / AT_ONCE}


def main() -> None:
    """Prints the table, or one JSON value with `--json`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.batch", description=__doc__)
    parser.add_argument("--tickets", type=int, default=1_000)
    parser.add_argument("--paid", type=int, default=640, help="tickets of the paid run; 0 leaves it out")
    parser.add_argument("--call", type=float, default=1.0, help="seconds that a paid call takes")
    parser.add_argument("--crews", type=int, default=200, help="tickets of the plain crews; 0 leaves them out")
    parser.add_argument("--memory", type=int, nargs="+", help="only the memory of batches of so many tickets")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    kinds = ("sqlite", "postgresql") if options.database == "both" else (options.database,)
    found: dict[str, dict[str, float]] = {}
    for kind in kinds:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="batch")))
            url = stack.enter_context(places(kind, folder)).url
            sizes = options.memory or [options.tickets, options.paid]
            home = Home(folder, options.data, max(sizes))
            if options.memory:
                found[f"{kind}, MB"] = memory(home, url, options.memory)
                continue
            found[f"{kind}, offline"] = offline(home, url, options.tickets)
            if options.paid:
                name = f"{kind}, {options.call:g} s a call, 64 at once"
                found[name] = paid(home, url, options.paid, options.call)
    if options.crews and not options.memory:
        found |= {name: {"rate": rate} for name, rate in plain_crews(options.crews).items()}
    if options.json:
        print(json.dumps(found))
        return
    for name, row in found.items():
        print(f"{name:36}" + "  ".join(f"{what} {value:.2f}" for what, value in row.items()))


if __name__ == "__main__":
    main()
