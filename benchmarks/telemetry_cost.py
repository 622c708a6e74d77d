"""What telling a collector costs a case: none, a good one, and ones that refuse, never answer, leave, or do not exist.

The same tickets in one process, on the built-in model and the sample. The ways take turns ticket by ticket, so that
noise hits all alike. Each turn asks twice: a case that leaves a trace to be told of, then the one that is timed while
that is done. Differences are to the case without telemetry of the same turn. `CPU more` is processor time
of the whole process, which a busy machine moves less, and the most that telling can take from a case that runs beside
it. Then `opsdesk ask` as a command, to its end.
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.bench import show, with_model
from opsdesk.demo import DOCS, tickets
from opsdesk.desk import Desk
from opsdesk.settings import Settings
from opsdesk.telemetry import Telemetry
from tasks.case import Case, Ticket
from tests.collector import Collector

OFF, GOOD, REFUSES, SILENT, LEAVES, NOWHERE = "off", "good", "refuses", "never answers", "leaves", "no such host"
WAYS = (OFF, GOOD, REFUSES, SILENT, LEAVES, NOWHERE)
REFUSING = "http://127.0.0.1:9"
"""A port that nothing listens on."""

SETTLE_SECONDS = 0.05
"""Between turns, so that what one way leaves to do is not done in the turn of another."""


def main() -> None:
    """Prints the tables, or one JSON value of both with `--json`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=100, help="tickets each way; 0 for the command alone")
    parser.add_argument("--exits", type=int, default=2, help="how often the command is run to its end, each way")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    logging.disable()  # that a collector is gone is told of, and here wanted
    ways = [OFF, *(way for way in options.ways if way != OFF)]
    with TemporaryDirectory() as home, ExitStack() as open_:
        desk = Desk(Settings(home=with_model(Path(home)), trace_text=True))
        desk.index([DOCS], "sample")
        silent = open_.enter_context(Collector())
        silent.waits.clear()
        good, leaves = (open_.enter_context(apart()) for _ in range(2))
        ends = {GOOD: address(good), LEAVES: address(leaves), SILENT: silent.url}
        ends |= {REFUSES: REFUSING, NOWHERE: "http://collector.invalid"}
        tellers = {way: None if way == OFF else told_to(ends[way]) for way in ways}
        rows = measured(desk, tellers, options.turns, leaves) if options.turns else {}
        exits = {f"{way}: opsdesk ask": at_exit(Path(home), ends.get(way), options.exits) for way in ways}
    show(rows | (exits if options.exits else {}), options.json, f"ms a case, {options.turns} turns")


@contextmanager
def apart() -> Iterator[subprocess.Popen[str]]:
    """A collector in a process of its own, as one is: in ours it would compete with the cases for the interpreter."""
    command = [sys.executable, "-m", "tests.collector"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def address(collector: subprocess.Popen[str]) -> str:
    """Where a collector listens."""
    assert collector.stdout is not None
    return collector.stdout.readline().strip()


def told_to(url: str) -> Telemetry:
    """What tells the collector at `url`, with texts."""
    return Telemetry("bench", with_text=True, secrets=["sk-not-a-real-key-1234"], endpoint=f"{url}/v1/traces")


def measured(
    desk: Desk, tellers: dict[str, Telemetry | None], turns: int, leaves: subprocess.Popen[str]
) -> dict[str, dict[str, float]]:
    """Median and p95 of the difference to `off`, in ms, and how many cases differ in what they say."""
    asked = tickets()
    for n in range(3):  # what is opened on first use
        for teller in tellers.values():
            timed(desk, teller, asked[n])
    took: dict[str, list[float]] = {way: [] for way in tellers}
    cpu: dict[str, list[float]] = {way: [] for way in tellers}
    said: dict[str, list[str]] = {way: [] for way in tellers}
    names = list(tellers)
    for turn in range(turns):
        if turn == turns // 2:
            leaves.kill()
        ticket = asked[turn % len(asked)]
        for way in names[turn % len(names) :] + names[: turn % len(names)]:
            worked = time.process_time()
            timed(desk, tellers[way], ticket)
            ms, case = timed(desk, tellers[way], ticket)
            took[way].append(ms)
            time.sleep(SETTLE_SECONDS)
            cpu[way].append((time.process_time() - worked) * 1000 / 2)
            said[way].append(content(desk.case(case.case_id)))
    rows = {way: row(took[way], took[OFF], said[way], said[OFF], tellers[way]) for way in tellers}
    for way, found in rows.items():
        found["CPU more"] = statistics.median(a - b for a, b in zip(cpu[way], cpu[OFF], strict=True))
    return rows


def timed(desk: Desk, teller: Telemetry | None, ticket: Ticket) -> tuple[float, Case]:
    """One case told of by `teller`, and its milliseconds."""
    desk.telemetry = teller
    began = time.perf_counter()
    case = desk.ask(ticket, "sample")
    return (time.perf_counter() - began) * 1000, case


def content(case: Case) -> str:
    """All that a case says, but for its name and its times."""
    handoff = {"started_at", "seconds"}
    left_out = {"case_id": True, "created_at": True, "seconds": True, "handoffs": {"__all__": handoff}}
    return case.model_dump_json(exclude=left_out)  # type: ignore[arg-type]


def row(
    ms: Sequence[float], off: Sequence[float], said: Sequence[str], meant: Sequence[str], teller: Telemetry | None
) -> dict[str, float]:
    """A way's figures."""
    extra = sorted(mine - theirs for mine, theirs in zip(ms, off, strict=True))
    found = {
        "median": statistics.median(ms),
        "p95": sorted(ms)[int(0.95 * (len(ms) - 1))],
        "median more": statistics.median(extra),
        "p95 more": sorted(ms)[int(0.95 * (len(ms) - 1))] - sorted(off)[int(0.95 * (len(off) - 1))],
        "differ": float(sum(mine != theirs for mine, theirs in zip(said, meant, strict=True))),
    }
    return found | ({"sent": float(teller.sent), "lost": float(teller.lost)} if teller else {})


def at_exit(home: Path, endpoint: str | None, times: int) -> dict[str, float]:
    """Milliseconds of `opsdesk ask` from its last printed line to the end of its process: the longest of `times`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "OPSDESK_"))}
    environment["OPSDESK_HOME"] = str(home)
    if endpoint:
        environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint
    command = [sys.executable, "-m", "opsdesk", "ask", "How do I reset my password?", "--json"]
    longest = 0.0
    for _ in range(times):
        with running(command, environment) as process:
            assert process.stdout is not None
            assert process.stdout.readline()
            answered = time.perf_counter()
            assert process.wait(60) == 0
            longest = max(longest, (time.perf_counter() - answered) * 1000)
    return {"at exit": longest}


@contextmanager
def running(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """The command, its standard output to be read."""
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        yield process


if __name__ == "__main__":
    main()
