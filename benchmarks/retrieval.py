"""Is the right document found? Words alone, vectors alone, and ours, on the same index.

A document ranks where its first passage ranks, as `opsdesk search --queries` gives them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.bench import KB, arguments, desk_over, questions, show
from knowledge_base.search import Searcher
from knowledge_base.text import stems
from opsdesk.desk import Desk

DEPTH = 50  # passages that are looked at for ten documents


def main() -> None:
    """Prints hit@1, 3, 5, 10 and MRR@10 of each method."""
    options = arguments(__doc__ or "").parse_args()
    asked = [question for question in questions(options.questions) if question["relevant"]]
    with desk_over(options.corpus) as desk:
        searcher = desk.searcher(KB)
        methods: dict[str, Callable[[str], Sequence[str]]] = {
            "words alone (BM25)": lambda query: words_alone(searcher, query),
            "vectors alone (MiniLM)": lambda query: vectors_alone(searcher, desk, query),
            "ours": lambda query: [hit.doc_id for hit in searcher.search(query, DEPTH)],
        }
        rows = {name: figures(asked, find) for name, find in methods.items()}
    show(rows, options.json, f"{len(asked)} questions")


def figures(asked: Sequence[dict[str, Any]], find: Callable[[str], Sequence[str]]) -> dict[str, float]:
    """hit@k and MRR@10 of one method, over documents."""
    ranks = []
    for question in asked:
        documents = list(dict.fromkeys(find(question["text"])))
        ranks.append(next((i for i, doc in enumerate(documents, start=1) if doc in question["relevant"]), 10**6))
    hits = {f"hit@{k}": float(np.mean([rank <= k for rank in ranks])) for k in (1, 3, 5, 10)}
    return {**hits, "MRR@10": float(np.mean([1 / rank if rank <= 10 else 0 for rank in ranks]))}


def words_alone(searcher: Searcher, query: str) -> list[str]:
    """Documents by BM25."""
    return _documents(searcher, searcher.index.words.scores(stems(query)))


def vectors_alone(searcher: Searcher, desk: Desk, query: str) -> list[str]:
    """Documents by cosine."""
    index = searcher.index
    return _documents(searcher, index.vectors(np.arange(len(index))) @ desk.embedder.embed([query])[0])


def _documents(searcher: Searcher, scores: Any) -> list[str]:
    best = np.argsort(-scores, kind="stable")[:DEPTH]
    return [passage.chunk.doc_id for passage in searcher.index.passages.at(best.tolist())]


if __name__ == "__main__":
    main()
