"""What the benchmarks share: a desk in a home of its own, questions from a file, and a table."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from opsdesk.demo import SAMPLE
from opsdesk.desk import Desk
from opsdesk.settings import Settings

KB = "bench"


def arguments(about: str, *, over_documents: bool = False) -> argparse.ArgumentParser:
    """The options of every benchmark, and those of one `over_documents`, which runs on the sample without them."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON value")
    if not over_documents:
        return parser
    parser.add_argument("--corpus", type=Path, nargs="+", default=[SAMPLE / "docs"], help="what `opsdesk index` takes")
    parser.add_argument("--questions", type=Path, help='a .jsonl of {"id", "text", "relevant": [doc ids]}')
    return parser


def with_model(home: Path) -> Path:
    """`home`, with the embedding model from the folder that `BENCHMARK_MODELS` names: to make one takes seconds."""
    if folder := os.environ.get("BENCHMARK_MODELS"):
        home.mkdir(parents=True, exist_ok=True)
        (home / "models").symlink_to(folder, target_is_directory=True)
    return home


@contextmanager
def desk_over(corpus: Sequence[Path]) -> Iterator[Desk]:
    """A desk with `corpus` indexed, in a temporary home."""
    with TemporaryDirectory() as home:
        desk = Desk(Settings(home=with_model(Path(home))))
        desk.index(corpus, KB)
        yield desk


def questions(file: Path | None) -> list[dict[str, Any]]:
    """The questions of `file`, or the sample's tickets in the same shape."""
    if file is not None:
        return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    tickets = map(json.loads, (SAMPLE / "tickets.jsonl").read_text(encoding="utf-8").splitlines())
    return [{"id": t["id"], "text": t["body"], "relevant": t["expect"]["cite"]} for t in tickets]


def show(rows: Mapping[str, Mapping[str, float]], as_json: bool, title: str = "") -> None:
    """The rows as a table, or as one JSON value."""
    if as_json:
        print(json.dumps(rows))
        return
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    width = max(len(title), *(len(name) for name in rows)) + 2
    print(title.ljust(width) + "".join(column.rjust(max(9, len(column) + 2)) for column in columns))
    for name, row in rows.items():
        cells = (f"{row[c]:,.0f}" if row.get(c, 0) >= 1_000 else f"{row[c]:.3g}" if c in row else "–" for c in columns)
        print(name.ljust(width) + "".join(v.rjust(max(9, len(c) + 2)) for v, c in zip(cells, columns, strict=True)))


def side_by_side(work: Callable[..., None], each: Sequence[tuple[Any, ...]]) -> list[Any]:
    """What processes that run at once put into a queue, one value each.

    Each runs `work(*its_arguments, together, told)`: `together.wait()` returns when all have come there, `told` is the
    queue.
    """
    spawning = multiprocessing.get_context("spawn")
    together, told = spawning.Barrier(len(each)), spawning.Queue()
    processes = [spawning.Process(target=work, args=(*mine, together, told)) for mine in each]
    for process in processes:
        process.start()
    found = [told.get(timeout=600) for _ in processes]
    for process in processes:
        process.join()
    return found


def nano_prices(model: str) -> tuple[int, int, int]:
    """Nano-dollars a token read, read from the cache, and written: the list price, in the simulator's books too."""
    from tasks.prices import Prices

    listed = Prices().shown("cheap", model)
    assert listed is not None
    rates = (listed.input, listed.cached if listed.cached is not None else listed.input, listed.output)
    return (int(rates[0] * 1_000), int(rates[1] * 1_000), int(rates[2] * 1_000))


@contextmanager
def simulator(config: Path | None = None) -> Iterator[str]:
    """The model simulator in a process of its own, with the models of a file; yields its base URL."""
    command = [sys.executable, "-m", "tests.simulator", *(["--config", str(config)] if config else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()
