"""Files made to harm whoever reads them: each must be accepted, or skipped with its path and a reason, within limits.

Each lies in a folder of its own and is read by `read_sources` in a new process. Seconds are those of reading, MB the
most that the process that parses held (its limits are 4.8 s and 512 MB), and "our MB" the most that the reader of its
answers held.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.hostile_files import DATA, DOCX, NO_FILES, TEXTS, VANISHING, WEB
from benchmarks.hostile_pdfs import PDFS
from knowledge_base.reader import peak_memory
from knowledge_base.sources import Document, read_sources

KINDS: dict[str, dict[str, Callable[[], bytes]]] = {
    "PDF": PDFS,
    "Word": DOCX,
    "web and Markdown": WEB,
    "JSON and CSV": DATA,
    "text": TEXTS,
}
ODD = "links, names, no files"


def made(folder: Path, only: str) -> Iterator[tuple[str, Path]]:
    """The kind and the folder of each hostile file whose name holds `only`; one is there at a time."""
    names = [(kind, name) for kind, files in KINDS.items() for name in files] + [(ODD, name) for name in NO_FILES]
    for kind, name in names:
        if only in name:
            place = folder / name.replace(".", "-")
            place.mkdir()
            if kind == ODD:
                NO_FILES[name](place)
            else:
                (place / name).write_bytes(KINDS[kind][name]())
            yield kind, place
            shutil.rmtree(place)


def read(folder: Path) -> dict[str, Any]:
    """What becomes of the file in `folder`, in this process, which should be a new one."""
    started = time.perf_counter()
    documents = characters = reasons = unnamed = 0
    first = ""
    try:
        for item in read_sources([folder]):
            (folder / VANISHING).unlink(missing_ok=True)
            if isinstance(item, Document):
                documents += 1
                characters += len(item.text)
            else:
                reasons += 1
                unnamed += not (item.path.startswith(str(folder)) and item.reason)
                first = first or f"{Path(item.path).name[-40:]}: {item.reason}"
    except Exception as error:  # noqa: BLE001 -- to be counted, whatever it is
        unnamed += 1
        first = f"raised {error!r}"
    unit = 1 << (20 if sys.platform == "darwin" else 10)
    return {
        "documents": documents,
        "characters": characters,
        "reasons": reasons,
        "unnamed": unnamed,
        "first": first,
        "seconds": time.perf_counter() - started,
        "MB": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / unit,
        "our MB": peak_memory() / 1e6,
    }


def measured(kind: str, folder: Path) -> dict[str, Any]:
    """One row: `read` in a new process."""
    command = [sys.executable, "-m", "benchmarks.hostile", "--folder", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    row = json.loads(done.stdout) if done.returncode == 0 else {"unnamed": 1, "first": done.stderr[-300:]}
    return {
        "kind": kind,
        "file": folder.name,
        "documents": 0,
        "reasons": 0,
        "seconds": 0.0,
        "MB": 0.0,
        "our MB": 0.0,
        **row,
    }


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The figures over some rows. A file is accepted if it gave documents, and in part if it gave reasons as well."""
    return {
        "files": len(rows),
        "accepted": sum(r["documents"] > 0 and not r["reasons"] for r in rows),
        "in part": sum(r["documents"] > 0 and r["reasons"] > 0 for r in rows),
        "skipped": sum(not r["documents"] and r["reasons"] > 0 for r in rows),
        "nothing said": sum(not r["documents"] and not r["reasons"] and not r["unnamed"] for r in rows),
        "unnamed": sum(r["unnamed"] > 0 for r in rows),
        "longest s": max((r["seconds"] for r in rows), default=0.0),
        "largest MB": max((r["MB"] for r in rows), default=0.0),
        "our MB": max((r["our MB"] for r in rows), default=0.0),
    }


def main() -> None:
    """Measures all files and prints a row a kind, or every row with --json or --each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="the files whose name holds this")
    parser.add_argument("--each", action="store_true", help="print what becomes of each file")
    parser.add_argument("--json", action="store_true", help="print one JSON value")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.folder:
        print(json.dumps(read(options.folder)))
        return
    rows = []
    with TemporaryDirectory() as folder:
        for kind, place in made(Path(folder), options.only):
            rows.append(measured(kind, place))
            if options.each:
                row = rows[-1]
                print(f"{row['file']:45}{row['seconds']:6.2f} s{row['MB']:5.0f} MB {row['documents']:7} ", end="")
                print(f"{row['reasons']:5} {row['first']!r}", flush=True)
    if options.json:
        print(json.dumps({**summary(rows), "rows": rows}))
        return
    from benchmarks.bench import show

    kinds = {kind: [r for r in rows if r["kind"] == kind] for kind in (*KINDS, ODD)}
    show({kind: summary(some) for kind, some in [*kinds.items(), ("all", rows)] if some}, as_json=False)


if __name__ == "__main__":
    main()
