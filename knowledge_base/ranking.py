"""The two arms of a search, words and vectors: their candidates, one score of both, and the signs of an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from knowledge_base.logistic import logistic
from knowledge_base.vectors import Vectors
from knowledge_base.words import Titles, WordIndex

CANDIDATES = 50  # of each arm
ELSE = 0.2  # the cosine of a question with a passage on something else, about
TITLE = 0.1  # what a title that is said in full adds, where the best of both arms is 1

Scores = NDArray[np.float32]
Positions = NDArray[np.int64]


class Candidates(NamedTuple):
    """Chunks that either arm ranks high, by position, with their BM25 score, cosine and share of the title said."""

    positions: Positions
    words: Scores
    cosines: Scores
    titles: Scores

    def fused(self, weight: float) -> Scores:
        """One score for each."""
        return fuse(self.words, self.cosines, self.titles, weight)


class Signs(NamedTuple):
    """What tells whether the passages found answer a question.

    `cosine` is the highest, -1..1, and `lead` what it is above the tenth; `words_lead` is what the highest
    BM25 score is above the tenth, where the inverse document frequencies of the question's stems add up to 1.
    Where there are fewer than ten candidates, the missing ones are taken for passages on something else.
    """

    cosine: float
    lead: float
    words_lead: float


@dataclass(frozen=True, slots=True)
class Arms:
    """Words, titles and vectors of the same chunks."""

    words: WordIndex
    titles: Titles
    vectors: Vectors

    def candidates(
        self, queries: Sequence[Sequence[str]], vectors: Scores, without: Sequence[int] = ()
    ) -> list[Candidates]:
        """For each query, of stems and as a unit vector, the candidates of all of them together.

        `without` are numbers of documents that are taken for not being there.
        """
        absent = np.isin(self.titles.document_of, without) if without else None
        depth = CANDIDATES + (int(absent.sum()) if absent is not None else 0)
        word_scores = [self.words.scores(terms) for terms in queries]
        found = [_top(scores, depth) for scores in word_scores]
        found += [self.vectors.nearest(vector, depth) for vector in vectors]
        positions = np.unique(np.concatenate(found))
        if absent is not None:
            positions = positions[~absent[positions]]
        rows = self.vectors.at(positions)
        titles = self.titles.coverage(queries, positions)
        return [
            # Not @, which rounds equal rows differently: equal passages are to get equal scores.
            Candidates(positions, scores[positions], (rows * vector).sum(axis=1), said)
            for scores, vector, said in zip(word_scores, vectors, titles, strict=True)
        ]

    def signs(self, found: Candidates, terms: Sequence[str]) -> Signs:
        """The signs of whether any of `found` answers a question of the stems `terms`."""
        asked = sum(self.words.rarity(stem) for stem in terms) or 1.0
        missing = max(0, 10 - len(found.positions))
        cosines = -np.sort(-np.append(found.cosines, [ELSE] * missing))
        words = -np.sort(-np.append(found.words, [0.0] * missing))
        return Signs(float(cosines[0]), float(cosines[0] - cosines[9]), float(words[0] - words[9]) / asked)


def fuse(words: Scores, cosines: Scores, titles: Scores, weight: float) -> Scores:
    """One score, 0..1, for each candidate: both arms as shares of their best, words counting `weight` of 1.

    Shares of the best and not ranks (as in RRF): how far a candidate lies behind the best is kept.
    """
    both = weight * _share(words) + (1 - weight) * _share(cosines)
    fused: Scores = (both + TITLE * titles) / (1 + TITLE)
    return fused


def confidence(signs: Signs, learned: Mapping[str, float]) -> float:
    """How likely it is, 0..1, that the passages found answer the question.

    Each sign is measured against what it is in this knowledge base for questions whose document was taken
    away (`learned`, from `knowledge_base.tuning`): cosines that are high among long pages on one subject
    say little there, and much among short answers on many.
    """
    above = sum(
        _COUNTS[name] * (sign - learned[f"{name}_without"]) / learned[f"{name}_spread"]
        for name, sign in signs._asdict().items()
    )
    return logistic(_SLOPE * above / sum(_COUNTS.values()) + _BIAS)


_COUNTS = {"cosine": 2, "lead": 1, "words_lead": 1}
# Fitted on the development sets, each question once with and once without its pages.
_SLOPE, _BIAS = 1.6, -0.5


def _share(scores: Scores) -> Scores:
    best = scores.max(initial=0.0)
    return np.clip(scores, 0, None) / best if best > 0 else np.zeros_like(scores)


_BLOCK = 256


def _top(scores: Scores, k: int) -> Positions:
    """Positions of the `k` highest scores above 0; of equal ones the first."""
    some = np.arange(len(scores))
    whole = len(scores) // _BLOCK * _BLOCK
    if whole > 2 * k * _BLOCK:
        # As many blocks hold a score this high: a pass to find it and one to use it, where partition takes ten.
        highest = scores[:whole].reshape(-1, _BLOCK).max(axis=1)
        some = np.flatnonzero(scores >= max(np.partition(highest, -k)[-k], np.finfo(np.float32).tiny))
    best = some[np.argsort(-scores[some], kind="stable")[:k]]
    return best[scores[best] > 0]
