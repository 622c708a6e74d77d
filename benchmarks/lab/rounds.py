"""Rounds: every system works the same tickets at one rate; in several processes, each with a database of its own."""

from __future__ import annotations

import logging
import multiprocessing
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchmarks.bench import with_model
from benchmarks.lab.faults import Faults, Shelf, Step, Strike, old_hits
from benchmarks.lab.judge import Fate, judge
from benchmarks.lab.minds import meter
from benchmarks.lab.world import World

SYSTEMS = ("naive", "crew", "langgraph", "ours")
KB = "bench"


@dataclass(frozen=True, slots=True)
class Order:
    """Some tickets for one system, at one rate, with all seams leaking or `only` one."""

    system: str
    rate: float
    numbers: tuple[int, ...]
    only: Step | None = None


@dataclass(slots=True)
class Result:
    """What became of one ticket. `path` is what our case went through, `blamed` the step and agent that it blames."""

    number: int
    system: str
    rate: float
    only: Step | None
    fate: Fate
    why: str
    usd: float
    seconds: float
    struck: list[Strike]
    path: str = ""
    blamed: tuple[str, str] | None = None
    reasons: list[str] = field(default_factory=list)


def build(home: Path, seed: int) -> None:
    """Indexes the world of a seed in `home`."""
    from opsdesk.desk import Desk
    from opsdesk.settings import Settings

    pages = with_model(home) / "pages"
    pages.mkdir()
    World(seed).write(pages)
    Desk(Settings(home=home, openai_api_key=None)).index([pages], KB)


class Stage:
    """What one process needs: the systems over one knowledge base, and a database of its own."""

    def __init__(self, home: Path, seed: int) -> None:
        import stamina

        from agents.retriever import Library
        from benchmarks.lab.graph import Graph
        from benchmarks.lab.ours import Ours
        from benchmarks.lab.plain import Naive
        from benchmarks.lab.sequential import Sequential
        from opsdesk.desk import Desk
        from opsdesk.settings import Settings

        os.environ["CREWAI_STORAGE_DIR"] = str(home / f"crewai-{os.getpid()}")  # where a plain Crew keeps its outputs
        stamina.set_testing(True, attempts=3)  # what is tried again is not waited for
        logging.getLogger("crewai").setLevel(logging.CRITICAL)  # each fault would be a line on the terminal
        logging.getLogger("stamina").setLevel(logging.CRITICAL)
        self.world = World(seed)
        database = f"sqlite:///{home}/lab-{os.getpid()}.sqlite"
        self.desk = Desk(Settings(home=home, database_url=database, openai_api_key=None))
        searcher = self.desk.searcher(KB)
        search = lru_cache(20_000)(searcher.findings)  # asked alike at each rate
        library = Library(search, searcher.siblings, searcher.public)
        self.shelf = Shelf(library, old_hits(searcher, self.world))
        self.meter = meter()
        none = Faults(self.world, self.world.ticket(0), 0.0)
        self.ours = Ours(self.desk, self.shelf, self.meter, none)
        self.systems: dict[str, Any] = {
            "naive": Naive(self.shelf, self.meter),
            "crew": Sequential(self.shelf, self.meter),
            "langgraph": Graph(self.shelf, self.meter),
            "ours": self.ours,
        }

    def work(self, order: Order) -> list[Result]:
        """The tickets of an order, in turn."""
        return [self._one(order, number) for number in order.numbers]

    def _one(self, order: Order, number: int) -> Result:
        asked = self.world.ticket(number)
        faults = Faults(self.world, asked, order.rate, order.only)
        self.meter.taken()
        began = time.process_time()
        delivered = self.systems[order.system].work(asked, faults)
        seconds = time.process_time() - began
        fate, why = judge(delivered, asked, self.world)
        result = Result(
            number, order.system, order.rate, order.only, fate, why, self.meter.taken(), seconds, faults.struck
        )
        if order.system == "ours" and self.ours.case:
            told(result, self.ours.case)
        return result


def told(result: Result, case: Any) -> None:
    """What a case tells of its way."""
    from opsdesk.attribution import blame

    result.path = " ".join(f"{h.task}:{h.tier}:{h.status}:{h.model_calls}" for h in case.handoffs) + f" {case.outcome}"
    found = blame(case)
    result.blamed = (found.step, found.agent) if found else None
    result.reasons = [f"{h.from_}->{h.to} {h.status} {h.tier}: {h.reason}" for h in case.handoffs]


_stage: Stage


def start(home: str, seed: int) -> None:
    """Sets the stage of this process."""
    global _stage  # what a pool's initializer makes can be kept nowhere else
    _stage = Stage(Path(home), seed)


def work(order: Order) -> list[Result]:
    """One order in this process."""
    return _stage.work(order)


def worked(home: Path, seed: int, orders: Sequence[Order], processes: int, together: int = 1) -> Iterator[Result]:
    """The results of all orders, of which `together` go to one process; progress goes to stderr."""
    if processes < 2:
        start(str(home), seed)
        yield from _reported(map(work, orders), orders)
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, spawn, start, (str(home), seed)) as pool:
        yield from _reported(pool.map(work, orders, chunksize=together), orders)


def _reported(results: Iterable[list[Result]], orders: Sequence[Order]) -> Iterator[Result]:
    began, done, expected = time.monotonic(), 0, sum(len(order.numbers) for order in orders)
    for some in results:
        done += len(some)
        print(f"\r{done:,} of {expected:,} tickets after {time.monotonic() - began:.0f} s", end="", file=sys.stderr)
        yield from some
    print(file=sys.stderr)
