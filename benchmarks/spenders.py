"""Processes that spend from one budget while some are killed: what `benchmarks.caps` runs, one database at a time.

A process of its own that imports little and has one thread, since it forks every spender. A spender holds the worst
case of a call, is billed (a record in a file that stands for the provider's own count), and settles, under the caps of
its case, its tenant and the day. A killed one is followed by another, and each first reclaims what the dead have left.
Triggers of the database write down the most that each scope ever had spent and held.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import struct
import time
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa

from errors import BudgetReached
from tasks.budget import Budget, Cap, reservations, spending
from tasks.database import Database
from tasks.processes import process_name

WORST = 2_000_000
"""The most that any call may cost, in nano-dollars. The worst case of one is up to that, and its cost up to its own."""
USUAL = WORST * 11 // 40
"""What a call is booked at in the mean: one in ten is of unknown usage."""
CASE_CAP = 10 * WORST
DAY = "day:2026-11-25"
TENANTS = 4
LONGER_THAN_ANY_CALL = timedelta(hours=1)
PATIENCE = 10
"""A spender ends after so many refusals by the day in a row."""

_PEAKS = "CREATE TABLE peaks (scope TEXT PRIMARY KEY, most BIGINT NOT NULL)"
_SQLITE = (
    "CREATE TRIGGER peak AFTER UPDATE ON spending BEGIN INSERT INTO peaks VALUES (new.scope, new.spent + new.reserved) "
    "ON CONFLICT (scope) DO UPDATE SET most = max(most, excluded.most); END",
)
_POSTGRESQL = (
    "CREATE FUNCTION peak() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO peaks VALUES (new.scope, "
    "new.spent + new.reserved) ON CONFLICT (scope) DO UPDATE SET most = greatest(peaks.most, excluded.most); "
    "RETURN NULL; END $$",
    "CREATE TRIGGER peak AFTER UPDATE ON spending FOR EACH ROW EXECUTE FUNCTION peak()",
)
_OTHERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
)


def main() -> None:
    """Prints one JSON value: what `hammered` returns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="an empty database")
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--calls", type=int, default=3000, help="about how many the day's cap allows")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(json.dumps(hammered(options.url, options.workers, options.calls, options.kills, options.seed)))


def hammered(url: str, workers: int, calls: int, kills: int, seed: int) -> dict[str, float]:
    """Spends until the day's cap refuses everybody, killing `kills` spenders on the way; then reads the books."""
    day = calls * USUAL
    with TemporaryDirectory() as folder:
        bill, reclaimed = Path(folder) / "bill", Path(folder) / "reclaimed"
        bill.touch()
        _open(url)
        began = time.perf_counter()
        killed, failed = _run(url, day, bill, workers, calls, kills, random.Random(seed))
        seconds = time.perf_counter() - began
        costs, before = _numbers(bill), sum(_numbers(reclaimed))
        books = _books(url, day)
    return {
        "processes": workers,
        "calls": len(costs),
        "kills": killed,
        "failed": failed,
        "cap": day,
        **books,
        "reclaimed": before + books["reclaimed"],
        "billed": sum(costs),
        "seconds": seconds,
        "transactions/s": 2 * len(costs) / seconds,
    }


def _open(url: str) -> None:
    database = Database(url)
    with database.writing() as db:
        for statement in (_PEAKS, *(_SQLITE if database.name == "sqlite" else _POSTGRESQL)):
            db.exec_driver_sql(statement)
    database.dispose()  # a connection must not be forked


def _numbers(file: Path) -> list[int]:
    return [number for (number,) in struct.iter_unpack("q", file.read_bytes())]


def _write(file: Path, number: int) -> None:
    with file.open("ab", buffering=0) as end:  # one write at the end of the file: never mixed with another's
        end.write(struct.pack("q", number))


def _run(
    url: str, day: int, bill: Path, workers: int, calls: int, kills: int, chance: random.Random
) -> tuple[int, int]:
    living = {_fork(url, day, bill, n, chance.random()) for n in range(workers)}
    killed = failed = 0
    while living:
        pid, status = os.waitpid(-1, os.WNOHANG)
        living.discard(pid)
        failed += pid != 0 and status != 0
        billed = bill.stat().st_size // 8
        if living and killed < kills and billed >= 0.8 * calls * (killed + 1) / (kills + 1):
            time.sleep(chance.uniform(0, 0.005))  # at any moment of whatever it is doing
            victim = chance.choice(sorted(living))
            os.kill(victim, signal.SIGKILL)
            _, status = os.waitpid(victim, 0)
            killed += os.WIFSIGNALED(status)
            living.discard(victim)
            living.add(_fork(url, day, bill, killed, chance.random()))
        else:
            time.sleep(0.001)
    return killed, failed


def _fork(url: str, day: int, bill: Path, n: int, seed: float) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        _spend(url, day, bill, n, random.Random(seed))
    except BaseException:  # noqa: BLE001  (a forked process must end here, whatever it was)
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _spend(url: str, day: int, bill: Path, n: int, chance: random.Random) -> None:
    budget = Budget(Database(url), process_name(), lambda: datetime.now(UTC))
    _write(bill.with_name("reclaimed"), budget.reclaim(LONGER_THAN_ANY_CALL))
    tenant = Cap(f"tenant:t{n % TENANTS}:2026-11-25", day // 3)
    cases = refusals = 0
    while refusals < PATIENCE:
        case = f"c-{os.getpid()}-{cases}"
        caps = [Cap(DAY, day), tenant, Cap(f"case:{case}", CASE_CAP)]
        worst = chance.randint(1, WORST)
        try:
            held = budget.reserve(caps, worst, case_id=case, model="m")
        except BudgetReached as reached:
            cases += reached.scope.startswith("case:")
            refusals += not reached.scope.startswith("case:")
            time.sleep(chance.uniform(0, 0.002))
            continue
        refusals = 0
        cost = chance.randint(0, worst)
        _write(bill, cost)
        told = None if chance.random() < 0.1 else cost
        for _ in range(1 + (chance.random() < 0.1)):  # settling twice must change nothing
            budget.settle(held, told)


def _books(url: str, day: int) -> dict[str, float]:
    """What the database says when all is over, in nano-dollars; it is asked, not told by the spenders."""
    database = Database(url)
    _wait_for_the_dead(database)
    budget = Budget(database, process_name(), lambda: datetime.now(UTC))
    reclaimed = budget.reclaim(LONGER_THAN_ANY_CALL)
    caps = {"day": day, "tenant": day // 3, "case": CASE_CAP}
    with database.reading() as db:
        peaks = db.exec_driver_sql("SELECT scope, most FROM peaks").all()
        settled = db.execute(sa.select(sa.func.sum(reservations.c.settled))).scalar() or 0
        reserved = db.execute(sa.select(sa.func.sum(spending.c.reserved))).scalar() or 0
    booked = budget.spent(DAY).spent
    database.dispose()
    return {
        "most": max(most for scope, most in peaks if scope == DAY),
        "overshoot": max(0, *(most - caps[scope.partition(":")[0]] for scope, most in peaks)),
        "reclaimed": reclaimed,
        "held at the end": int(reserved),
        "booked": booked,
        "booked - sum of calls": booked - int(settled),
    }


def _wait_for_the_dead(database: Database) -> None:
    """PostgreSQL may still be at what a killed client asked last."""
    while database.name == "postgresql":
        with database.reading() as db:
            if not db.exec_driver_sql(_OTHERS).scalar():
                return
        time.sleep(0.01)


if __name__ == "__main__":
    main()
