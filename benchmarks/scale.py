"""What a knowledge base costs as it grows: indexing, bringing up to date, and a search in a warm process.

Indexing and syncing are done for real on --corpus. For each of --sizes an index of that many chunks is then made
of the same documents over and over, where every vector is a real one plus noise (cosine with it about 0.8) and
every text a real one: real embeddings of a million passages would take hours. Such vectors lie in clusters, as
those of real collections do, but there is no saying how alike. Each size is opened and searched in a process of
its own, with the real embedding model. "recall@10" is of the exact ten nearest vectors.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.bench import KB, arguments, questions, show, with_model
from benchmarks.latency import spread
from knowledge_base.embeddings import Embedder
from knowledge_base.index import Content, Index, open_index, write
from knowledge_base.ranking import Arms
from knowledge_base.reader import peak_memory
from knowledge_base.search import Searcher
from knowledge_base.vectors import Vectors
from knowledge_base.words import Titles, WordIndex
from opsdesk.desk import Desk
from opsdesk.settings import Settings

NOISE = 0.75  # length of the noise; the vectors have length 1

Floats = NDArray[np.float32]


def main() -> None:
    """Prints one table for indexing and one with a row for each size."""
    parser = arguments(__doc__ or "", over_documents=True)
    parser.add_argument("--sizes", type=int, nargs="+", default=[5_000, 100_000], help="chunks, such as 1000000")
    parser.add_argument("--asked", type=int, default=200, help="questions, whose nearest are looked for")
    parser.add_argument("--probe", nargs=2, metavar=("HOME", "QUESTIONS"), help="(one size, in a process of its own)")
    options = parser.parse_args()
    if options.probe:
        print(json.dumps(probe(Path(options.probe[0]), Path(options.probe[1]))))
        return
    with TemporaryDirectory() as folder:
        desk = Desk(Settings(home=with_model(Path(folder) / "real")))
        indexing = index(desk, options.corpus, Path(folder) / "one.md")
        base = open_index(desk.settings.knowledge_bases, KB)
        texts = [str(question["text"])[:300] for question in questions(options.questions)][: options.asked]
        asked = desk.embedder.embed(texts)
        searching = {}
        for size in options.sizes:
            home = with_model(Path(folder) / str(size))
            exact, seconds = grow(base, size, home, desk.embedder, asked)
            file = Path(folder) / f"{size}.json"
            file.write_text(json.dumps({"texts": texts, "exact": exact.tolist()}))
            searching[f"{size:,} chunks"] = {**probed(home, file), "made in s": seconds}
    if options.json:
        print(json.dumps({"indexing": indexing, "searching": searching}))
    else:
        show(indexing, False, "indexing")
        print()
        show(searching, False, "searching")


def index(desk: Desk, corpus: Sequence[Path], extra: Path) -> dict[str, dict[str, float]]:
    """The real thing: the first run, one with nothing changed, and one with one file more or another text."""
    rows: dict[str, dict[str, float]] = {}
    extra.write_text("# A page\n\nIt says little.\n")
    paths = [*corpus, extra]
    for name in ("first run", "nothing changed", "one file changed"):
        if name == "one file changed":
            extra.write_text("# A page\n\nIt says something else.\n")
        began = time.perf_counter()
        report = desk.index(paths, KB)
        seconds = time.perf_counter() - began
        rows[name] = {"chunks": report.chunks, "seconds": seconds, "chunks/s": report.chunks / seconds}
    return rows


def grow(base: Index, size: int, home: Path, embedder: Embedder, asked: Floats) -> tuple[NDArray[np.int64], float]:
    """An index of `size` chunks in `home`, the exact ten nearest to each question, and how long it took."""
    import faiss

    began = time.perf_counter()
    copies, rest = divmod(size, len(base))
    rows = [*range(len(base))] * copies + [*range(rest)]
    documents = base.passages.documents()
    passages = base.passages.all()
    vectors = noisy(base.arms.vectors.at(np.arange(len(base))), rows)
    number = {document.doc_id: n for n, document in enumerate(documents)}
    words = WordIndex.count(rows, base.arms.words)
    of = [n // len(base) * len(documents) + number[passages[row].chunk.doc_id] for n, row in enumerate(rows)]
    titles = [d.title for _ in range(copies + 1) for d in documents]
    arms = Arms(words, Titles.count(words, titles, of), Vectors.of(vectors))
    many = [replace(d, doc_id=f"{n}/{d.doc_id}", text="") for n in range(copies + 1) for d in documents]
    chunks = [
        replace(c, chunk_id=f"{n // len(base)}/{c.chunk_id}", doc_id=f"{n // len(base)}/{c.doc_id}")
        for n, c in ((n, passages[row].chunk) for n, row in enumerate(rows))
    ]
    folder = home / "kb" / KB
    folder.mkdir(parents=True)
    write(folder, Content(many, {}), chunks, arms, base.manifest.learned, embedder, lambda: datetime.now(UTC))
    seconds = time.perf_counter() - began
    _, exact = faiss.knn(asked, vectors, 10, metric=faiss.METRIC_INNER_PRODUCT)
    return exact, seconds


def noisy(vectors: Floats, rows: Sequence[int], block: int = 50_000) -> Floats:
    """Unit vectors near those of `rows`; the first of each is the real one."""
    random = np.random.default_rng(0)
    found = np.empty((len(rows), vectors.shape[1]), np.float32)
    for start in range(0, len(rows), block):
        taken = vectors[rows[start : start + block]]
        noise = random.normal(size=taken.shape).astype(np.float32) * (NOISE / np.sqrt(taken.shape[1]))
        noise[np.arange(start, start + len(taken)) < len(vectors)] = 0
        found[start : start + block] = taken + noise
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    return found


def probed(home: Path, file: Path) -> dict[str, float]:
    """`probe` in a new process, whose memory is its own."""
    command = [sys.executable, "-m", "benchmarks.scale", "--probe", str(home), str(file)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def probe(home: Path, file: Path) -> dict[str, float]:
    """What opening and searching cost, in ms and MB."""
    given: dict[str, Any] = json.loads(file.read_text())
    desk = Desk(Settings(home=home))
    embedder = desk.embedder
    began = time.perf_counter()
    index = open_index(desk.settings.knowledge_bases, KB)
    opened = time.perf_counter() - began
    searcher = Searcher(index, embedder)
    for text in given["texts"][:20]:
        searcher.search(text)  # warm
    times, embedding, found = [], [], []
    for text in given["texts"]:
        times.append(timed(lambda text=text: searcher.search(text)))
        embedding.append(timed(lambda text=text: embedder.embed([text])))
        found.append(index.arms.vectors.nearest(embedder.embed([text])[0], 10))
    same = [len(set(a) & set(b.tolist())) / 10 for a, b in zip(given["exact"], found, strict=True)]
    search, embed = spread(times), spread(embedding)
    return {
        "p50 ms": search["median"],
        "p95 ms": search["p95"],
        "embedding p50": embed["median"],
        "recall@10": float(np.mean(same)),
        "open s": opened,
        "peak MB": peak_memory() / 1e6,
        "disk MB": sum(file.bytes for file in index.manifest.files.values()) / 1e6,
    }


def timed(work: Any) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
