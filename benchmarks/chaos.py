"""`python -m benchmarks.chaos`: batches whose workers are killed, stopped, and lose their database.

Workers are real processes, forked from one that has imported everything, so that a hundred can be killed in minutes;
the paid model is simulated on loopback, and counts what it is asked for. Says what was lost, drafted twice, bought
again, and how long a killed worker's tickets waited.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from benchmarks.bench import with_model
from benchmarks.places import Place, places, resize, small_disk, used
from tasks.batches import drafts as rows
from tasks.budget import NANO, reservations, spending
from tasks.case import Ticket
from tasks.drafts import Drafts
from tasks.workers import Workers

MODEL, PRICE = "gpt-6-luna", (100, 10, 500)
QUESTIONS = (
    "How do I reset my password?",
    "What does a seat on Pro cost?",
    "How do I export my data?",
    "What is the rate limit of the API?",
)
WORKERS, PLACES = 3, 4
LATENCY_S = 1.5
"""Of the simulated model: most kills then meet calls on their way."""

ONE_BUDGET = 0.09
"""USD: about half of what those tickets cost."""

GIVE_UP = 1_800.0
"""Seconds: the longest that a scenario may take."""

fork = multiprocessing.get_context("forkserver")
fork.set_forkserver_preload(["benchmarks.chaos_worker"])


class Floor:
    """A database, its workers, and one batch over the bundled sample."""

    def __init__(self, home: Path, place: Place, base_url: str, places: int = PLACES, **settings: Any) -> None:
        from opsdesk.demo import SAMPLE
        from opsdesk.desk import Desk
        from opsdesk.settings import Settings

        self.home, self.place, self.places = home, place, places
        tier = {"model": MODEL, "base_url": base_url, "api_key": "sk-simulated-123456", "max_concurrency": 64}
        paid = {"policy": "best", "tiers": {"cheap": tier}}
        self.settings = {"home": str(home), "database_url": place.url, **paid, **settings}
        self.desk = Desk(Settings.model_validate(self.settings))
        if not self.desk.has_knowledge_bases():
            self.desk.index([SAMPLE / "docs"], "sample")
        self.drafts = Drafts(self.desk.task_list.database, lambda: datetime.now(UTC))
        self.workers: list[Any] = []

    def start(self, **settings: Any) -> Any:
        """One worker more."""
        from benchmarks.chaos_worker import work

        process = fork.Process(target=work, args=(json.dumps({**self.settings, **settings}), self.places), daemon=True)
        process.start()
        self.workers.append(process)
        return process

    def batch(self, tickets: int, budget_usd: float | None = None) -> str:
        """A batch of so many tickets, no two alike."""
        asked = (
            (Ticket(text=f"{QUESTIONS[n % 4]} Order {n}.", ticket_id=str(n), kind="reply"), "") for n in range(tickets)
        )
        return self.drafts.make(
            "chaos", "sample", asked, budget_nano=None if budget_usd is None else int(budget_usd * NANO)
        )

    def held_by(self, pid: int) -> list[int]:
        """The tickets that a process is at."""
        mine = (rows.c.status == "doing", rows.c.owner.like(f"%:{pid}:%"))
        with self.desk.task_list.database.reading() as db:
            return list(db.execute(sa.select(rows.c.seq).where(*mine)).scalars())

    def open_of(self, batch_id: str, seqs: list[int]) -> set[int]:
        """Those of these tickets that have not ended."""
        open_ = (rows.c.batch_id == batch_id, rows.c.seq.in_(seqs), rows.c.status.in_(("todo", "doing")))
        with self.desk.task_list.database.reading() as db:
            return set(db.execute(sa.select(rows.c.seq).where(*open_)).scalars())

    def end(self) -> None:
        """Kills what is left."""
        for worker in self.workers:
            if worker.is_alive():
                with suppress(ProcessLookupError):
                    os.kill(worker.pid, signal.SIGKILL)
            worker.join()
        self.desk.task_list.dispose()

    def books(self, batch_id: str) -> dict[str, Any]:
        """What became of every ticket, and of every call."""
        c = reservations.c
        answered = (c.call_key != "", c.reply.is_not(None))
        calls = sa.select(c.case_id, c.call_key, sa.func.count()).where(*answered).group_by(c.case_id, c.call_key)
        worked = (rows.c.batch_id == batch_id, rows.c.case_id != "")
        cases = sa.select(rows.c.case_id, sa.func.count()).where(*worked).group_by(rows.c.case_id)
        with self.desk.task_list.database.reading() as db:
            bought = db.execute(calls).all()
            sent = db.execute(sa.select(sa.func.count()).where(c.call_key != "")).scalar_one()
            lost = db.execute(sa.select(sa.func.count()).where(c.lost)).scalar_one()
            shared = sum(count > 1 for _, count in db.execute(cases))
            money = db.execute(sa.select(spending).where(spending.c.scope == f"batch:{batch_id}")).one_or_none()
            costs = db.execute(sa.select(sa.func.sum(rows.c.cost_nano)).where(rows.c.batch_id == batch_id)).scalar()
            errors = db.execute(
                sa.select(rows.c.error).where(rows.c.batch_id == batch_id, rows.c.error != "")
            ).scalars()
            whys = Counter(errors)
        return {
            "by_status": dict(self.drafts.progress(batch_id).by_status),
            **({"why": dict(whys)} if whys else {}),
            "cases of two tickets": shared,
            "calls": sent,
            "calls with a reply": sum(count for *_, count in bought),
            "bought again after a reply": sum(count - 1 for *_, count in bought),
            "in flight when a worker ended": lost,
            "spent_usd": (money.spent if money else 0) / NANO,
            "held_usd": (money.reserved if money else 0) / NANO,
            "told by the rows_usd": int(costs or 0) / NANO,
        }


def until(seen: Callable[[], bool], what: str, seconds: float = GIVE_UP) -> None:
    """Waits for something to come true."""
    give_up = time.monotonic() + seconds
    while not seen():
        if time.monotonic() > give_up:
            raise TimeoutError(what)
        time.sleep(0.05)


def kills(floor: Floor, batch_id: str, wanted: int, every: float, seed: int) -> tuple[list[float], list[float]]:
    """Kills workers at random moments until the batch has ended.

    Returns how long it took, after each kill, until others were at the tickets of the killed one, and until these had
    ended: that has the model's time in it, and that of the kills which they met then.
    """
    chance = random.Random(seed)
    taken: list[float] = []
    ended: list[float] = []
    left: list[tuple[float, int]] = []
    open_: list[tuple[float, list[int]]] = []
    for _ in range(WORKERS):
        floor.start()
    killed = 0
    due = time.monotonic() + 3
    while floor.drafts.batch(batch_id).state == "running":
        now = time.monotonic()
        for began, pid in [kill for kill in left if not floor.held_by(kill[1])]:
            taken.append(now - began)
            left.remove((began, pid))
        for began, seqs in [kill for kill in open_ if not floor.open_of(batch_id, kill[1])]:
            ended.append(now - began)
            open_.remove((began, seqs))
        alive = [worker for worker in floor.workers if worker.is_alive()]
        busy = [worker for worker in alive if floor.held_by(worker.pid)]
        if killed < wanted and len(busy) == WORKERS and now >= due:
            victim = chance.choice(busy)
            os.kill(victim.pid, signal.SIGKILL)
            victim.join()
            left.append((time.monotonic(), victim.pid))
            open_.append((time.monotonic(), floor.held_by(victim.pid)))
            killed += 1
            due = now + chance.uniform(0, 2 * every)
        for _ in range(WORKERS - len([worker for worker in floor.workers if worker.is_alive()])):
            floor.start()
        time.sleep(0.05)
    last = time.monotonic()
    return [*taken, *(last - began for began, _ in left)], [*ended, *(last - began for began, _ in open_)]


def killed_often(floor: Floor, sim: Any, tickets: int, wanted: int, every: float, seed: int) -> dict[str, Any]:
    """The main scenario."""
    batch_id = floor.batch(tickets)
    began = time.monotonic()
    taken, ended = kills(floor, batch_id, wanted, every, seed)
    found = floor.books(batch_id)
    answered = sum(1 for row in sim.books.rows() if row["nano"])
    return {
        "tickets": tickets,
        "kills": len(taken),
        "seconds": round(time.monotonic() - began, 1),
        "recovery_p50_s": _share(taken, 50),
        "recovery_p95_s": _share(taken, 95),
        "until its tickets ended_p95_s": _share(ended, 95),
        **found,
        "answered by the simulator": answered,
        "lost": tickets - sum(found["by_status"].get(s, 0) for s in ("drafted", "needs_human", "abstained", "failed")),
    }


def _share(seconds: list[float], percent: int) -> float | None:
    return round(float(np.percentile(seconds, percent)), 2) if seconds else None


def stopped_and_woken(floor: Floor, sim: Any) -> dict[str, Any]:
    """A worker is stopped, its tickets are taken over, and it wakes up again."""
    batch_id = floor.batch(120)
    first = floor.start()
    until(lambda: bool(floor.held_by(first.pid)), "the first worker began nothing", 120)
    time.sleep(0.7)  # its calls are on their way: one that is stopped within a write keeps SQLite's lock while it is
    os.kill(first.pid, signal.SIGSTOP)
    held = floor.held_by(first.pid)
    began = time.monotonic()
    floor.start()
    until(lambda: not floor.open_of(batch_id, held), "nobody took them over", 120)
    taken = time.monotonic() - began
    os.kill(first.pid, signal.SIGCONT)
    until(lambda: floor.drafts.batch(batch_id).state == "done", "it did not end", 300)
    time.sleep(2)  # whatever the woken one still has to say
    return {"taken over after_s": round(taken, 1), **floor.books(batch_id)}


def locked(floor: Floor, sim: Any) -> dict[str, Any]:
    """Somebody else holds SQLite's write lock for half a minute."""
    batch_id = floor.batch(150)
    floor.start()
    until(lambda: floor.drafts.progress(batch_id).done > 10, "it did not begin", 120)
    with floor.desk.task_list.database.writing():
        time.sleep(30)
    until(lambda: floor.drafts.batch(batch_id).state == "done", "it did not end", 300)
    return floor.books(batch_id)


def clock_moved(floor: Floor, sim: Any) -> dict[str, Any]:
    """A second worker's clock is a day ahead: of its word and its silence nothing may be lost."""
    batch_id = floor.batch(200)
    floor.start()
    floor.start(clock_hours=24)
    until(lambda: floor.drafts.batch(batch_id).state == "done", "it did not end", 300)
    return floor.books(batch_id)


def many_on_one_budget(floor: Floor, sim: Any) -> dict[str, Any]:
    """Eight workers of eight tickets each, on a budget for a part of the tickets."""
    batch_id = floor.batch(600, budget_usd=ONE_BUDGET)
    for _ in range(8):
        floor.start()
    until(lambda: floor.drafts.batch(batch_id).state == "paused", "it did not stop", 300)
    until(lambda: not floor.drafts.progress(batch_id).by_status.get("doing"), "something is still at work", 120)
    billed = sum(row["nano"] for row in sim.books.rows()) / NANO
    return {"cap_usd": ONE_BUDGET, "billed by the simulator_usd": billed, **floor.books(batch_id)}


def server_restarted(floor: Floor, sim: Any) -> dict[str, Any]:
    """PostgreSQL crashes and is started again, five times, under three workers."""
    batch_id = floor.batch(400)
    for _ in range(WORKERS):
        floor.start()
    until(lambda: floor.drafts.progress(batch_id).done > 10, "it did not begin", 120)
    restarts = 0
    for _ in range(5):
        time.sleep(4)
        if floor.drafts.batch(batch_id).state == "running":
            floor.place.restart()
            restarts += 1
    until(lambda: floor.drafts.batch(batch_id).state == "done", "it did not end", 300)
    return {"restarts while it worked": restarts, **floor.books(batch_id)}


def disk_full(floor: Floor, sim: Any) -> dict[str, Any]:
    """The database's disk has 1 MB left, is full after some tickets, and is given room later."""
    folder = floor.home / "small"
    batch_id = floor.batch(200)
    resize(folder, used(folder) + 2**20)
    worker = floor.start()
    until(lambda: used(folder, free=True) < 16_384, "the disk was never full", 120)
    time.sleep(20)
    done, alive = floor.drafts.progress(batch_id).done, worker.is_alive()
    resize(folder, 64 * 2**20)
    until(lambda: floor.drafts.batch(batch_id).state == "done", "it did not end", 300)
    return {"ended while it was full": done, "the worker outlived it": alive, **floor.books(batch_id)}


def one_slot(floor: Floor, sim: Any) -> dict[str, Any]:
    """Two workers whose machine and process have the same names, as in two containers: each takes a slot of its own."""
    batch_id = floor.batch(120)
    for _ in range(2):
        floor.start(namespace=True)
    until(lambda: floor.drafts.progress(batch_id).done > 10, "it did not begin", 120)
    names = {worker.name for worker in Workers(floor.desk.task_list.database, lambda: datetime.now(UTC)).alive()}
    until(lambda: floor.drafts.batch(batch_id).state == "done", "it did not end", 300)
    processes = {name.partition(":")[2].partition(":")[0] for name in names}
    return {"workers": len(names), "process ids": len(processes), **floor.books(batch_id)}


FULL = "disk full"
ONLY_ON = {"locked for 30 s": "sqlite", FULL: "sqlite", "server restarted 5 times": "postgresql"}

SCENARIOS: dict[str, Callable[[Floor, Any], dict[str, Any]]] = {
    "stopped and woken": stopped_and_woken,
    "64 on one budget": many_on_one_budget,
    "a clock a day ahead": clock_moved,
    "two workers, one slot": one_slot,
    "locked for 30 s": locked,
    FULL: disk_full,
    "server restarted 5 times": server_restarted,
}


def run(kind: str, name: str, options: argparse.Namespace) -> dict[str, Any]:
    """One scenario on one database."""
    from tests.simulator import Model, Simulator

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos")))
        where = folder if name != FULL else stack.enter_context(small_disk(folder / "small"))
        place = stack.enter_context(places(kind, where))
        sim = stack.enter_context(Simulator({MODEL: Model(price=PRICE, latency_s=options.latency)}))
        settings = {"in_flight": "hold"} if name == "killed, holding" else {}
        floor = Floor(with_model(folder), place, sim.base_url, options.places, **settings)
        stack.callback(floor.end)
        if name.startswith("killed"):
            return killed_often(floor, sim, options.tickets, options.kills, options.every, options.seed)
        return SCENARIOS[name](floor, sim)


def main() -> None:
    """Runs the scenarios that are asked for and prints what became of them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=__doc__)
    parser.add_argument("--tickets", type=int, default=1_000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--every", type=float, default=8, help="seconds between two kills, on the mean")
    parser.add_argument("--latency", type=float, default=LATENCY_S, help="seconds that the simulated model takes")
    parser.add_argument("--places", type=int, default=PLACES, help="tickets at once in each worker")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--only", help="one scenario")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    kinds = ("sqlite", "postgresql") if options.database == "both" else (options.database,)
    names = [options.only] if options.only else ["killed", "killed, holding", *SCENARIOS]
    found: dict[str, dict[str, Any]] = {}
    for kind in kinds:
        for name in names:
            if ONLY_ON.get(name, kind) != kind:
                continue
            found[f"{kind}: {name}"] = run(kind, name, options)
            if not options.json:
                print(f"{kind}: {name}", flush=True)
                for what, value in found[f"{kind}: {name}"].items():
                    print(f"    {what:32} {value}", flush=True)
    if options.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
