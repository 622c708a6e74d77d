"""How long a person waits: a question to the crew in a warm process, a search there, and a search from cold.

Wall milliseconds. The cold search is `opsdesk search` as a new process, from its start to its end.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from benchmarks.bench import KB, arguments, desk_over, questions, show
from opsdesk.desk import Desk
from tasks.case import Ticket

COLD_RUNS = 3


def main() -> None:
    """Prints median, 95th percentile and longest of each."""
    parser = arguments(__doc__ or "", over_documents=True)
    parser.add_argument("--cold", type=int, default=COLD_RUNS, help="searches by a process of their own")
    options = parser.parse_args()
    texts = [str(question["text"])[:2000] for question in questions(options.questions)]
    with desk_over(options.corpus) as desk:
        searcher = desk.searcher(KB)
        searcher.search(texts[0])
        desk.ask(Ticket(text=texts[0]), KB)  # warm
        rows = {"search, warm": spread(timed(lambda text: searcher.search(text), text) for text in texts)}
        steps: dict[str, list[float]] = defaultdict(list)
        rows["ask, warm"] = spread(timed(lambda text: ask(desk, text, steps), text) for text in texts)
        rows |= {f"  {step}": spread(times) for step, times in steps.items()}
        rows["search, cold process"] = spread(
            timed(lambda _: cold_search(desk, texts[0]), "") for _ in range(options.cold)
        )
        chunks = len(searcher.index)
    show(rows, options.json, f"ms at {chunks:,} chunks")


def timed(work: Callable[[str], Any], text: str) -> float:
    """How many milliseconds `work` takes."""
    began = time.perf_counter()
    work(text)
    return (time.perf_counter() - began) * 1000


def spread(times: Iterable[float]) -> dict[str, float]:
    """Median, 95th percentile and longest of some milliseconds."""
    known = sorted(times)
    return {"median": statistics.median(known), "p95": known[int(0.95 * (len(known) - 1))], "longest": known[-1]}


def ask(desk: Desk, text: str, steps: dict[str, list[float]]) -> None:
    """One case; notes what each of its steps took."""
    for handoff in desk.ask(Ticket(text=text), KB).handoffs:
        steps[handoff.task].append(handoff.seconds * 1000)


def cold_search(desk: Desk, text: str) -> None:
    """`opsdesk search` in a new process."""
    environment = {**os.environ, "OPSDESK_HOME": str(desk.settings.home)}
    command = [sys.executable, "-m", "opsdesk", "search", text, "--kb", KB, "--json"]
    subprocess.run(command, env=environment, check=True, capture_output=True)


if __name__ == "__main__":
    main()
