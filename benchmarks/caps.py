"""Does a budget hold, to the nano-dollar, under many processes of which some are killed?

64 processes spend from one day's budget, under caps of their cases and tenants too, until it refuses them all; 100 are
killed (SIGKILL) at random moments on the way. Then the books are read: the most that was ever spent and held together
(kept by triggers of the database, so no moment is missed), what was booked, and what the provider billed by its own
count. Amounts are USD. On SQLite, and on PostgreSQL where it is installed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.bench import show
from tests.postgres import MISSING, programs, server

MONEY = ("cap", "most", "overshoot", "held at the end", "booked", "booked - sum of calls", "billed")


def main() -> None:
    """Prints a row for each kind of database."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--calls", type=int, default=3000, help="about how many the budget allows")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print one JSON value")
    options = parser.parse_args()
    sizes = [f"--{name}={getattr(options, name)}" for name in ("workers", "calls", "kills", "seed")]
    rows = {}
    with sqlite() as url:
        rows["SQLite"] = spent_on(url, sizes)
    if programs() is None:
        print(f"{MISSING}: its row is left out", file=sys.stderr)
    else:
        with server() as running, running.database() as url:
            rows["PostgreSQL"] = spent_on(url, sizes)
    show(rows, options.json)


@contextmanager
def sqlite() -> Iterator[str]:
    """The URL of a database file that does not exist yet."""
    with TemporaryDirectory() as folder:
        yield f"sqlite:///{Path(folder) / 'opsdesk.sqlite'}"


def spent_on(url: str, sizes: list[str]) -> dict[str, float]:
    """One run of `benchmarks.spenders` on an empty database; amounts in USD."""
    command = [sys.executable, "-m", "benchmarks.spenders", url, *sizes]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout)
    return {name: value / 10**9 if name in MONEY else value for name, value in found.items()}


if __name__ == "__main__":
    main()
