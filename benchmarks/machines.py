"""`python -m benchmarks.machines`: one batch, worked by workers that share nothing but a PostgreSQL.

Each worker is `opsdesk worker` with a home and an index of its own and, where the system lets it be made, in namespaces
of its own for the network and for processes, as on a machine of its own. At a third of the tickets one is killed for
good. `opsdesk draft --concurrency 0` waits for the others' work and writes the file.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.batch import sample_texts
from benchmarks.chaos import until
from opsdesk.demo import SAMPLE
from opsdesk.desk import Desk
from opsdesk.settings import Settings
from tasks.drafts import Drafts
from tasks.task_list import cases
from tests.browser.served import environment, now
from tests.postgres import server

MACHINES = 3
NAMESPACES = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]


def machine(home: Path, url: str) -> dict[str, str]:
    """A home with an index of its own, and the environment of commands there."""
    home.mkdir()
    Desk(Settings(home=home, database_url=url)).index([SAMPLE / "docs"], "sample")
    return environment(home, {"OPSDESK_DATABASE_URL": url})


def apart() -> list[str]:
    """What a worker's command begins with."""
    can = subprocess.run([*NAMESPACES, "true"], capture_output=True, check=False).returncode == 0
    return NAMESPACES if can else []


def work(folder: Path, url: str, tickets: int) -> dict[str, Any]:
    """Has the batch worked, and says what became of it."""
    homes = [machine(folder / f"machine-{n}", url) for n in range(MACHINES)]
    given, out = folder / "tickets.csv", folder / "drafts.jsonl"
    with given.open("w", newline="") as file:
        csv.writer(file).writerows([["text"], *([text] for text in sample_texts(tickets))])
    opsdesk = [sys.executable, "-m", "opsdesk"]
    with ExitStack() as stack:
        log = stack.enter_context((folder / "log").open("wb"))
        begin: dict[str, Any] = {"stdout": log, "stderr": log, "start_new_session": True}
        workers = [
            stack.enter_context(subprocess.Popen([*apart(), *opsdesk, "worker", "--drafts-only"], env=env, **begin))
            for env in homes
        ]
        stack.callback(kill, workers)
        command = [*opsdesk, "draft", str(given), "--out", str(out), "--kb", "sample", "--concurrency", "0", "--json"]
        app = subprocess.Popen(command, env=homes[0], stdout=subprocess.PIPE, stderr=log, text=True)
        database = Desk(Settings(home=folder / "machine-0", database_url=url)).task_list.database
        drafts = Drafts(database, now)

        def done(share: float) -> bool:
            return any(far.done >= share * tickets for _, far in drafts.batches())

        until(lambda: done(0.002), "nothing was begun", 120)
        began = time.monotonic()
        until(lambda: done(1 / 3), "a third was never reached")
        first = time.monotonic() - began
        kill(workers[-1:])
        printed, _ = app.communicate()
        rest = time.monotonic() - began - first
        batch = drafts.batches()[0][0]
        with database.reading() as db:
            kept = db.execute(sa.select(sa.func.count()).where(cases.c.batch_id == batch.id)).scalar_one()
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    return {
        "apart": bool(apart()),
        **json.loads(printed),
        "rows written": len(rows),
        "statuses": dict(Counter(row["status"] for row in rows)),
        "different cases in them": len({row["case_id"] for row in rows}),
        "cases kept": kept,
        "tickets/s with three": round(tickets / 3 / first, 1),
        "tickets/s with two": round(tickets * 2 / 3 / rest, 1),
    }


def kill(workers: list[subprocess.Popen[bytes]]) -> None:
    """Ends them as a power cut would."""
    for worker in workers:
        if worker.poll() is None:
            os.killpg(worker.pid, signal.SIGKILL)


def main() -> None:
    """Prints what became of the tickets."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.machines", description=__doc__)
    parser.add_argument("--tickets", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="machines")))
        url = stack.enter_context(stack.enter_context(server()).database())
        found = work(folder, url, options.tickets)
    if options.json:
        print(json.dumps(found))
        return
    for what, value in found.items():
        print(f"{what:28} {value}")


if __name__ == "__main__":
    main()
