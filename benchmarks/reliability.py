"""How long the leak meter takes over many kept cases, and how large their database is.

Milliseconds of the computation alone, as `opsdesk reliability` does it: sums, repeats and examples, without the
command's own start; with each grouping, its rows too. Pruning is measured on the same database, last.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import sqlalchemy as sa

from benchmarks.bench import show
from benchmarks.front_data import fill
from opsdesk import leaks
from tasks.database import Database
from tasks.facts import Filters
from tasks.meter import Meter
from tasks.retention import Pruned, Retention, Rule
from tasks.seams import case_seams

ALL = Filters(date(2000, 1, 1), date(2100, 1, 1))
TARGET = 2_000.0


def main() -> None:
    """Prints a median of each, beside its target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON value")
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=5, help="how often each is measured")
    parser.add_argument("--keep", type=int, default=0, help="then prune to so many cases; 0 prunes nothing")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        file = Path(folder) / "opsdesk.sqlite"
        database = Database(f"sqlite:///{file}")
        fill(database, options.cases, drafts=0)
        rows = measured(database, options.times)
        rows["database, MB"] = {"median": megabytes(file)}
        if options.keep:
            rows |= pruned(database, file, options.keep)
        database.dispose()
    show(rows, options.json, f"ms, {options.cases:,} cases")


def measured(database: Database, times: int) -> dict[str, dict[str, float]]:
    """The rows that are summed, and the milliseconds of each way to ask."""
    meter = Meter(database)
    with database.reading() as db:
        count = db.execute(sa.select(sa.func.count()).select_from(case_seams)).scalar_one()
    rows: dict[str, dict[str, float]] = {"rows of seams": {"median": count}}
    rows["all"] = timed(lambda: leaks.whole(meter, ALL), times)
    for by in get_args(leaks.By):
        rows[f"by {by}"] = timed(lambda by=by: (leaks.whole(meter, ALL), leaks.rows(meter, by, ALL)), times)  # type: ignore[misc]
    return rows


def timed(do: Callable[[], Any], times: int) -> dict[str, float]:
    """Milliseconds of some runs after a first one; of the processor on average, which tells a busy machine."""
    do()
    found, busy = [], time.process_time()
    for _ in range(times):
        began = time.perf_counter()
        do()
        found.append(1000 * (time.perf_counter() - began))
    cpu = 1000 * (time.process_time() - busy) / times
    return {"median": statistics.median(found), "longest": max(found), "processor": cpu, "target": TARGET}


def pruned(database: Database, file: Path, keep: int) -> dict[str, dict[str, float]]:
    """Prunes to the newest `keep` cases; each step is a transaction for which others wait."""
    retention = Retention(database, lambda: datetime.now(UTC))
    cutoff, gone, steps = retention.cutoff(Rule(cases=keep)), Pruned(), []
    began = time.perf_counter()
    for some in retention.prune(cutoff) if cutoff else ():
        gone = gone.plus(some)
        steps.append(1000 * (time.perf_counter() - began))
        began = time.perf_counter()
    before = megabytes(file)
    retention.vacuum()
    return {
        "pruned: cases": {"median": gone.cases},
        "pruned: a step": {"median": statistics.median(steps or [0]), "longest": max(steps or [0])},
        "pruned: MB before --vacuum": {"median": before},
        "pruned: MB after --vacuum": {"median": megabytes(file)},
    }


def megabytes(file: Path) -> float:
    """The size of the database's file; what waits in its journal is not in it."""
    return file.stat().st_size / 1e6


if __name__ == "__main__":
    main()
