"""Every benchmark but the longest, at a small size, and what each printed, in one page: `uv run python -m benchmarks`.

Writes `benchmarks/RESULTS.md` with the date, the machine and the commands. It takes under ten minutes on two quiet
cores. What needs longer than that even when it is small is named with its command, and not run.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "RESULTS.md"
MOST_SECONDS = 300
"""For one benchmark; then it is ended, and the page says so."""


class Run(NamedTuple):
    """A benchmark, its options at a small size, and what its figures are about."""

    name: str
    options: str
    about: str


RUNS = (
    Run("coordination", "--tickets 200", "known faults at six seams: right, handed to a person, wrong and sent"),
    Run("overhead", "--runs 30", "what the crew itself costs, beside LangGraph and a plain CrewAI `Crew`"),
    Run("answers", "", "outcomes on the sample, the right document cited first"),
    Run("retrieval", "", "what is found, beside words alone, vectors alone and fixed fusions"),
    Run("proof", "--sentences 300", "lies caught and truths refused, beside two plainer checks"),
    Run("adversary", "--drafts 400", "drafts of a writer that lies, through the whole crew"),
    Run("formats", "", "spellings of one meaning, and look-alikes with another"),
    Run("routing", "", "how long the router's decision takes, and what it chooses"),
    Run(
        "cost",
        "--tickets 60 --wrong 0.15",
        "what ways of choosing a simulated model cost, save and let out",
    ),
    Run("bill", "--calls 400", "the cost shown beside the server's own count"),
    Run("caps", "--workers 8 --calls 200 --kills 6", "the most ever spent beside the cap"),
    Run("batch", "--database sqlite --tickets 300 --paid 100 --crews 20", "`opsdesk draft` from cold to file"),
    Run("chaos", "--database sqlite --only killed --tickets 60 --kills 4 --every 4", "a batch of killed workers"),
    Run("replay", "--tickets 60 --history 20000", "a policy replayed, and really run"),
    Run("reliability", "--cases 10000 --times 3", "how long the leak meter takes"),
    Run("telemetry_cost", "--turns 40 --exits 0", "what telling a collector costs a case"),
    Run("traces", "--cases 10", "cases beside their traces"),
    Run("latency", "", "how long a person waits for a search and an answer"),
    Run("damage", "--damages 40 --kills 3", "damaged index files, and kills while indexing"),
)

LONGER = (
    ("batch --tickets 60 --paid 1000 --call 3 --crews 0", "64 paid calls of three seconds at once, on both databases"),
    ("batch --memory 1000 50000", "memory of batches of 1,000 and 50,000 tickets"),
    (
        "cost --data FOLDER",
        "what they cost over 500 tickets, with three cheap models; needs documents and tickets",
    ),
    ("doors", "200 clients on the HTTP API for a minute"),
    ("floor", "what the libraries under a batch take by themselves, beside ours, on both databases"),
    ("front", "how long a person waits for each page; needs Chromium"),
    ("hostile", "150 hostile files"),
    ("machines", "10,000 tickets over three workers and one PostgreSQL"),
    ("scale", "searches over 5,000 and 100,000 passages"),
)


def main() -> None:
    """Runs them one after the other and writes the page; what fails or takes too long is told on it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=[run.name for run in RUNS], help="these alone")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    began, failed, parts = time.monotonic(), [], []
    for run in RUNS:
        if given.only and run.name not in given.only:
            continue
        print(f"{run.name} …", end=" ", file=sys.stderr, flush=True)
        text, seconds, well = ran(run)
        print(f"{seconds:.0f} s{'' if well else ', FAILED'}", file=sys.stderr)
        failed += [] if well else [run.name]
        parts.append(f"## {run.name}\n\n{run.about[:1].upper()}{run.about[1:]}. {seconds:.0f} s.\n\n{text}")
    given.out.write_text(page(parts, time.monotonic() - began), encoding="utf-8")
    print(f"wrote {given.out}", file=sys.stderr)
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


def ran(run: Run) -> tuple[str, float, bool]:
    """What a benchmark printed, as a block of the page; seconds; whether it ended well."""
    command = [sys.executable, "-m", f"benchmarks.{run.name}", *run.options.split()]
    began = time.monotonic()
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=MOST_SECONDS)
        printed, well = done.stdout.strip(), done.returncode == 0
        if not well:
            printed += f"\n(ended with {done.returncode}: {done.stderr.strip().splitlines()[-1:] or ''})"
    except subprocess.TimeoutExpired:
        printed, well = f"(not done after {MOST_SECONDS} s)", False
    shown = f"uv run python -m benchmarks.{run.name} {run.options}".strip()
    return f"```\n$ {shown}\n{printed}\n```\n", time.monotonic() - began, well


def page(parts: list[str], seconds: float) -> str:
    """The page, in Markdown."""
    machine = f"{os.cpu_count()} cores ({platform.machine()}), {platform.system()}, Python {platform.python_version()}"
    longer = "\n".join(f"| `uv run python -m benchmarks.{command}` | {about} |" for command, about in LONGER)
    head = (
        "# Results\n\n"
        "Made by `uv run python -m benchmarks`, at sizes that are small on purpose: intervals are wide, and times are "
        "those of one machine. Each command without its options runs at full size.\n\n"
        f"{datetime.now(UTC):%Y-%m-%d}, {machine}. {seconds / 60:.0f} minutes in all.\n"
    )
    rest = f"## Not run here\n\nThese take longer or need more:\n\n| command | prints |\n| --- | --- |\n{longer}\n"
    return "\n".join([head, *parts, rest])


if __name__ == "__main__":
    main()
