"""Is the right document found, and is it noticed when there is none?

Words alone, vectors alone, two fixed ways to fuse them, and ours, on the same index. A document ranks where
its first passage ranks, as `opsdesk search --queries` gives them.

For the second table every question is asked twice: as it is, and with its documents taken away. "refused" is
the share of the latter that is told apart where nine in ten of the former are answered, and "AUROC" the chance
that of one of each the answerable one looks surer; then what the crew's own threshold does.

With --data DIR the development sets in that folder are measured, one after the other, and the sample.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.retriever import DOUBT
from benchmarks.bench import KB, arguments, desk_over, questions, show
from knowledge_base.search import Searcher
from knowledge_base.text import stems
from opsdesk.demo import SAMPLE
from opsdesk.desk import Desk

DEPTH = 50  # passages that are looked at for ten documents
ANSWERED = 0.9

Table = dict[str, dict[str, float]]
Found = Callable[[str], Sequence[str]]


class Set(NamedTuple):
    """Documents, and questions about them (None for the sample's own)."""

    corpus: Path
    questions: Path | None
    titles: bool = True


def main() -> None:
    """Prints both tables for one set, or for each of many."""
    parser = arguments(__doc__ or "", over_documents=True)
    parser.add_argument("--data", type=Path, help="a folder with the development sets")
    options = parser.parse_args()
    if not options.data:
        with desk_over(options.corpus) as desk:
            found = measured(desk, questions(options.questions))
        if options.json:
            print(json.dumps({**found[0], "unanswerable": found[1]}))
        else:
            printed("", found)
        return
    every: dict[str, Table] = {}
    for name, one in sets(options.data).items():
        with titled(one) as corpus, desk_over([corpus]) as desk:
            found = measured(desk, questions(one.questions))
        every |= {name: found[0], f"{name}, unanswerable": found[1]}
        if not options.json:
            printed(name, found)
    if options.json:
        print(json.dumps(every))


def sets(data: Path) -> dict[str, Set]:
    """The development sets in `data`, and the sample."""
    bank = data / "bank_policies"
    return {
        "stackfaq, no titles": Set(data / "stackfaq/corpus.jsonl", data / "stackfaq/questions.jsonl", titles=False),
        "stackfaq": Set(data / "stackfaq/corpus.jsonl", data / "stackfaq/questions.jsonl"),
        "aws_docs": Set(data / "aws_docs/corpus.jsonl", data / "aws_docs/questions.jsonl"),
        "bank_policies": Set(bank / "corpus.jsonl", bank / "scenarios.jsonl"),
        "runbooks": Set(data / "runbooks", Path(__file__).parent / "oncall.jsonl"),
        "sample": Set(SAMPLE / "docs", None),
    }


@contextmanager
def titled(one: Set) -> Iterator[Path]:
    """The documents of a set, without their titles where it is to be measured without."""
    if one.titles:
        yield one.corpus
        return
    with TemporaryDirectory() as folder:
        bare = Path(folder) / "corpus.jsonl"
        lines = map(json.loads, one.corpus.read_text(encoding="utf-8").splitlines())
        bare.write_text("".join(json.dumps({"id": d["id"], "text": d["text"]}) + "\n" for d in lines))
        yield bare


def printed(name: str, found: tuple[Table, Table]) -> None:
    """Both tables, for people."""
    ranks, doubts = found
    show(ranks, False, name or "questions with a page")
    print()
    show(doubts, False, "no page has the answer")
    print()


def measured(desk: Desk, asked: Sequence[Mapping[str, Any]]) -> tuple[Table, Table]:
    """The figures of each method on one set."""
    searcher = desk.searcher(KB)
    answerable = [question for question in asked if question["relevant"]]
    fixed = Fixed(searcher, desk)
    methods: dict[str, Found] = {
        "words alone (BM25)": lambda query: fixed.ranked(query, lambda words, _: words),
        "vectors alone (MiniLM)": lambda query: fixed.ranked(query, lambda _, cosines: cosines),
        "RRF(60) of both": lambda query: fixed.ranked(query, rrf),
        "half of each": lambda query: fixed.ranked(query, half),
        "ours": lambda query: [hit.doc_id for hit in searcher.search(query, DEPTH)],
    }
    ranks = {name: figures(answerable, find) for name, find in methods.items()}
    return ranks, doubts(searcher, answerable)


def figures(asked: Sequence[Mapping[str, Any]], find: Found) -> dict[str, float]:
    """hit@k, MRR@10 and recall@10 of one method, over documents."""
    ranks, recalls = [], []
    for question in asked:
        documents = list(dict.fromkeys(find(question["text"])))
        wanted = set(question["relevant"])
        ranks.append(next((i for i, doc in enumerate(documents, start=1) if doc in wanted), 10**6))
        recalls.append(len(wanted & set(documents[:10])) / len(wanted))
    hits = {f"hit@{k}": float(np.mean([rank <= k for rank in ranks])) for k in (1, 3, 5, 10)}
    reciprocal = float(np.mean([1 / rank if rank <= 10 else 0 for rank in ranks]))
    return {**hits, "MRR@10": reciprocal, "recall@10": float(np.mean(recalls)), "questions": len(asked)}


class Fixed:
    """Rankings that treat every knowledge base and every question alike, over all passages."""

    def __init__(self, searcher: Searcher, desk: Desk):
        arms = searcher.index.arms
        self._words, self._embed = arms.words, desk.embedder.embed
        self._vectors = arms.vectors.at(np.arange(len(searcher.index)))
        self._documents = [passage.chunk.doc_id for passage in searcher.index.passages.all()]

    def ranked(self, query: str, fuse: Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]) -> list[str]:
        """Documents by their best passages."""
        scores = fuse(self._words.scores(stems(query)), self._vectors @ self._embed([query])[0])
        return [self._documents[i] for i in np.argsort(-scores, kind="stable")[:DEPTH]]


def rrf(words: NDArray[Any], cosines: NDArray[Any]) -> NDArray[Any]:
    """Reciprocal rank fusion (Cormack et al. 2009)."""
    ranks = [np.argsort(np.argsort(-scores, kind="stable")) for scores in (words, cosines)]
    fused: NDArray[Any] = 1 / (61 + ranks[0]) + 1 / (61 + ranks[1])
    return fused


def half(words: NDArray[Any], cosines: NDArray[Any]) -> NDArray[Any]:
    """The mean of both scores, each scaled to 0..1."""
    scaled = [(scores - scores.min()) / (float(np.ptp(scores)) or 1.0) for scores in (words, cosines)]
    fused: NDArray[Any] = scaled[0] + scaled[1]
    return fused


def doubts(searcher: Searcher, asked: Sequence[Mapping[str, Any]]) -> Table:
    """How well questions with and without their documents are told apart."""
    index = searcher.index
    number = {p.chunk.doc_id: int(index.arms.titles.document_of[p.position]) for p in index.passages.all()}
    cosine: list[tuple[float, float]] = []
    sure: list[tuple[float, float]] = []
    for question in asked:
        gone = [number[doc] for doc in question["relevant"] if doc in number]
        found, without = (searcher.findings(question["text"], 1, absent) for absent in ((), gone))
        cosine.append((found.signs.cosine, without.signs.cosine))
        sure.append((found.confidence, without.confidence))
    ours = apart(sure)
    answered, without = np.array(sure).T
    ours |= {"answered, as set": float(np.mean(answered >= DOUBT)), "refused, as set": float(np.mean(without < DOUBT))}
    return {"top cosine alone": apart(cosine), "ours": ours}


def apart(pairs: Sequence[tuple[float, float]]) -> dict[str, float]:
    """How well a score tells the first of each pair from the second."""
    answerable, not_so = np.array(pairs).T
    least = np.quantile(answerable, 1 - ANSWERED)
    above = (answerable[:, None] > not_so[None]) + 0.5 * (answerable[:, None] == not_so[None])
    return {"refused": float(np.mean(not_so < least)), "AUROC": float(above.mean())}


if __name__ == "__main__":
    main()
