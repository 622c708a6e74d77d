"""Words of a knowledge base: BM25 over stems, saved as arrays and JSON."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from knowledge_base.text import stems

if TYPE_CHECKING:
    from bm25s import BM25

K1, B = 1.2, 0.5  # chunks differ little in length, so b is below the usual 0.75


class WordIndex:
    """BM25 (Robertson & Zaragoza 2009) in Lucene's variant, by bm25s (Lù 2024), over stems of content words."""

    def __init__(self, bm25: BM25):
        self._bm25 = bm25

    @classmethod
    def count(cls, texts: Iterable[str]) -> WordIndex:
        """Over `texts`, in their order."""
        from bm25s import BM25

        logging.getLogger("bm25s").setLevel(logging.WARNING)  # it brings a handler of its own, and talks
        bm25 = BM25(k1=K1, b=B)
        # A text of function words alone is given an empty word: no query has it, and lengths stay above 0.
        bm25.index([stems(text) or [""] for text in texts], show_progress=False)
        return cls(bm25)

    @classmethod
    def load(cls, folder: Path) -> WordIndex:
        """What `save` wrote."""
        from bm25s import BM25

        return cls(BM25.load(folder, allow_pickle=False))

    def save(self, folder: Path) -> None:
        """Write arrays and JSON into `folder`."""
        self._bm25.save(folder, allow_pickle=False, show_progress=False)

    def scores(self, terms: Sequence[str]) -> NDArray[np.float32]:
        """The score of every text for a query of stems, shape (texts,); a stem given twice counts twice."""
        known = self._bm25.get_tokens_ids(list(terms))
        scores: NDArray[np.float32] = self._bm25.get_scores_from_ids(known)
        return scores

    def rarity(self, term: str) -> float:
        """The inverse document frequency of a stem as BM25 counts it; highest for one found nowhere."""
        texts, found = self._bm25.scores["num_docs"], 0
        if term in self:
            row, starts = self._bm25.vocab_dict[term], self._bm25.scores["indptr"]
            found = int(starts[row + 1] - starts[row])
        return math.log(1 + (texts - found + 0.5) / (found + 0.5))

    def __contains__(self, term: str) -> bool:
        return term in self._bm25.vocab_dict
