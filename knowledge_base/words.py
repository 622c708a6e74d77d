"""Words of a knowledge base: BM25 over stems, saved as arrays and JSON."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from knowledge_base.text import stems

if TYPE_CHECKING:
    from bm25s import BM25

K1, B = 1.2, 0.5  # chunks differ little in length, so b is below the usual 0.75

Numbers = NDArray[np.int32]
Scores = NDArray[np.float32]


class WordIndex:
    """BM25 (Robertson & Zaragoza 2009) in Lucene's variant, by bm25s (Lù 2024), over stems of content words.

    It also keeps every text as the numbers of its stems, so that the next build reads only what is new.
    """

    def __init__(self, bm25: BM25, texts: Rows):
        self._bm25 = bm25
        self._texts = texts
        self._mean_length = max(1.0, len(texts.values) / max(1, len(texts)))
        found = np.append(np.diff(bm25.scores["indptr"]), 0)  # the last stands for all that is found nowhere
        self._rarity = np.log(1 + (len(texts) - found + 0.5) / (found + 0.5)).astype(np.float32)

    @classmethod
    def count(cls, texts: Sequence[str | int], previous: WordIndex | None = None) -> WordIndex:
        """Over `texts`, in their order; a number stands for that text of `previous`, which is not read again."""
        from bm25s import BM25

        logging.getLogger("bm25s").setLevel(logging.WARNING)  # it brings a handler of its own, and talks
        vocabulary = dict(previous._bm25.vocab_dict) if previous else {}
        before = previous._texts if previous else Rows.of([])
        rows: list[Numbers] = []
        for text in texts:
            if isinstance(text, int):
                rows.append(before[text])
            else:  # a text of function words alone is given an empty word: no query has it, and lengths stay above 0
                found = stems(text) or [""]
                rows.append(np.array([vocabulary.setdefault(stem, len(vocabulary)) for stem in found], np.int32))
        counted, names = _renumbered(Rows.of(rows), list(vocabulary))
        bm25 = BM25(k1=K1, b=B)
        bm25.index((counted.lists(), {name: n for n, name in enumerate(names)}), show_progress=False)
        return cls(bm25, counted)

    @classmethod
    def load(cls, folder: Path) -> WordIndex:
        """What `save` wrote."""
        from bm25s import BM25

        return cls(BM25.load(folder, allow_pickle=False), Rows.load(folder / "texts"))

    def save(self, folder: Path) -> None:
        """Write arrays and JSON into `folder`."""
        self._bm25.save(folder, allow_pickle=False, show_progress=False)
        self._texts.save(folder / "texts")

    def scores(self, terms: Sequence[str]) -> Scores:
        """The score of every text for a query of stems, shape (texts,); a stem given twice counts twice."""
        known = self._bm25.get_tokens_ids(list(terms))
        scores: Scores = self._bm25.get_scores_from_ids(known)
        return scores

    def score(self, terms: Sequence[str], text: Sequence[str]) -> float:
        """The score that a text of stems which is not in the index would have, for a query of stems."""
        room = K1 * (1 - B + B * len(text) / self._mean_length)
        found = ((term, text.count(term)) for term in terms if term in self)
        return sum(self.rarity(term) * count / (count + room) for term, count in found)

    def rarity(self, term: str) -> float:
        """The inverse document frequency of a stem as BM25 counts it; highest for one found nowhere."""
        return float(self._rarity[self._bm25.vocab_dict.get(term, -1)])

    def numbers(self, terms: Sequence[str]) -> Numbers:
        """The numbers of those of `terms` that are in the index."""
        return np.array(self._bm25.get_tokens_ids(list(terms)), np.int32)

    def rarities(self, numbers: Numbers) -> Scores:
        """`rarity` of stems by their number."""
        found: Scores = self._rarity[numbers]
        return found

    def __contains__(self, term: str) -> bool:
        return term in self._bm25.vocab_dict


class Titles:
    """How much of a document's title a query says: a page named in a question is rarely the wrong one.

    Titles hold numbers of a `WordIndex`, in which every word of a title is found.
    """

    def __init__(self, words: WordIndex, titles: Rows, document_of: Numbers):
        self._words = words
        self._titles = titles
        self.document_of = document_of
        """The number of each chunk's document, shape (chunks,)."""

    @classmethod
    def count(cls, words: WordIndex, titles: Sequence[str], document_of: Sequence[int]) -> Titles:
        """Over the `titles` of documents (empty for one that has none) and each chunk's document."""
        numbers = [np.unique(words.numbers(stems(title))).astype(np.int32) for title in titles]
        return cls(words, Rows.of(numbers), np.array(document_of, np.int32))

    @classmethod
    def load(cls, words: WordIndex, folder: Path) -> Titles:
        """What `save` wrote."""
        document_of = np.load(folder / "document_of.npy", mmap_mode="r", allow_pickle=False)
        return cls(words, Rows.load(folder / "titles"), document_of.view(np.ndarray))

    def save(self, folder: Path) -> None:
        """Write arrays into `folder`."""
        self._titles.save(folder / "titles")
        np.save(folder / "document_of.npy", self.document_of)

    def coverage(self, queries: Sequence[Sequence[str]], positions: NDArray[np.int64]) -> Scores:
        """The share, 0..1, of the titles of the chunks at `positions` that each query of stems says.

        Rare stems count for more. Shape (len(queries), len(positions)).
        """
        documents, back = np.unique(self.document_of[positions], return_inverse=True)
        values, starts = self._titles.some(documents)
        weights = self._words.rarities(values)
        totals = _sums(weights, starts)
        shares = np.zeros((len(queries), len(documents)), np.float32)
        for n, terms in enumerate(queries):
            said = np.isin(values, self._words.numbers(terms))
            np.divide(_sums(weights * said, starts), totals, out=shares[n], where=totals > 0)
        return shares[:, back]


def _sums(values: Scores, starts: NDArray[np.int64]) -> Scores:
    """The sum of each row of `values`; `starts` as in `Rows`."""
    running = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    sums: Scores = (running[starts[1:]] - running[starts[:-1]]).astype(np.float32)
    return sums


class Rows:
    """Rows of whole numbers of different lengths, kept as two arrays."""

    def __init__(self, values: Numbers, starts: NDArray[np.int64]):
        self.values = values
        self._starts = starts

    @classmethod
    def of(cls, rows: Sequence[Numbers]) -> Rows:
        """These rows, in order."""
        starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
        return cls(np.concatenate([*rows, np.empty(0, np.int32)]).astype(np.int32), starts)

    @classmethod
    def load(cls, path: Path) -> Rows:
        """What `save` wrote; rows are read from disk when they are asked for."""
        values, starts = (
            np.load(path.with_suffix(f".{name}.npy"), mmap_mode="r", allow_pickle=False)
            for name in ("values", "starts")
        )
        return cls(values.view(np.ndarray), starts.view(np.ndarray))  # a memmap's own indexing is slow

    def save(self, path: Path) -> None:
        """Write two arrays whose names begin with `path`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path.with_suffix(".values.npy"), self.values)
        np.save(path.with_suffix(".starts.npy"), self._starts)

    def with_values(self, values: Numbers) -> Rows:
        """Rows of the same lengths with other values."""
        return Rows(values, self._starts)

    def some(self, rows: Numbers) -> tuple[Numbers, NDArray[np.int64]]:
        """The values of these rows, one after the other, and where each starts."""
        first = self._starts[rows]
        starts = np.concatenate([[0], np.cumsum(self._starts[rows + 1] - first)])
        places = np.arange(starts[-1]) + np.repeat(first - starts[:-1], np.diff(starts))
        return self.values[places], starts

    def lists(self) -> list[list[int]]:
        """The rows as lists."""
        return [self[n].tolist() for n in range(len(self))]

    def __getitem__(self, n: int) -> Numbers:
        row: Numbers = self.values[self._starts[n] : self._starts[n + 1]]
        return row

    def __len__(self) -> int:
        return len(self._starts) - 1


def _renumbered(rows: Rows, names: list[str]) -> tuple[Rows, list[str]]:
    """The rows and the names of their numbers, without names that no row has, in alphabetical order."""
    used, values = np.unique(rows.values, return_inverse=True)
    kept = [names[n] for n in used]
    order = sorted(range(len(kept)), key=kept.__getitem__)
    place = np.empty(len(kept), np.int32)
    place[order] = np.arange(len(kept))
    return rows.with_values(place[values]), [kept[n] for n in order]
