"""What a knowledge base teaches about searching it, without anybody's labels: questions made of its own sentences.

A sentence is taken out of a passage and asked; the passage without it is what should be found (the inverse
cloze task, Lee et al. 2019). Asked again with the whole document taken away, it is a question that has no
answer here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knowledge_base.chunks import Chunk
from knowledge_base.passages import search_text
from knowledge_base.ranking import Arms, Candidates, Signs
from knowledge_base.text import plain, sentences, stems

QUESTIONS = 200
ENOUGH = 30  # questions; with fewer, what is learned counts for as much less
RELEARN = 0.2  # when the number of chunks has changed by this share

DEFAULT: Mapping[str, float] = {
    "words_weight": 0.2,
    "cosine_without": 0.54,
    "cosine_spread": 0.14,
    "lead_without": 0.10,
    "lead_spread": 0.06,
    "words_lead_without": 0.08,
    "words_lead_spread": 0.09,
}
"""What is assumed of a knowledge base too small to learn from: the middle of the development sets."""

_SLOPE = 1.5  # held-out sentences repeat words more than people do, so only the difference of both arms counts
_LEAST, _MOST = 0.1, 0.4
_SPREAD = 0.06  # of that difference between knowledge bases, about

Embed = Callable[[Sequence[str]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class _Question:
    position: int
    text: str
    rest: str  # the passage without it


def learn(arms: Arms, passages: Sequence[tuple[str, Chunk]], embed: Embed) -> dict[str, float]:
    """How much words should count, and what the signs of an answer are where there is none.

    `passages` are titles and chunks by position. The same passages teach the same.
    """
    asked = list(_questions(passages))
    learned = {**DEFAULT, "chunks": float(len(passages))}
    if not asked:
        return learned
    trust = min(1.0, len(asked) / ENOUGH)
    vectors, rests = embed([q.text for q in asked]), embed([q.rest for q in asked])
    ranks: list[tuple[float, float]] = []
    signs: list[Signs] = []
    for question, vector, rest in zip(asked, vectors, rests, strict=True):
        terms = stems(question.text)
        (found,) = arms.candidates([terms], vector[None])
        found = _with(found, question, arms.words.score(terms, stems(question.rest)), float(rest @ vector))
        ranks.append((_reciprocal_rank(arms, found, question, 1.0), _reciprocal_rank(arms, found, question, 0.0)))
        document = int(arms.titles.document_of[question.position])
        (others,) = arms.candidates([terms], vector[None], without=[document])
        if len(others.positions):
            signs.append(arms.signs(others, terms))
    learned["words_weight"] += _SLOPE * _mean(np.array([words - cosines for words, cosines in ranks]))
    learned["words_weight"] = min(_MOST, max(_LEAST, learned["words_weight"]))
    for n, name in enumerate(Signs._fields):
        values = np.array([sign[n] for sign in signs])
        if len(values):
            learned[f"{name}_without"] += trust * (float(np.median(values)) - DEFAULT[f"{name}_without"])
            learned[f"{name}_spread"] += trust * (max(float(values.std()), 0.02) - DEFAULT[f"{name}_spread"])
    return {name: round(value, 4) for name, value in learned.items()}


def _mean(differences: NDArray[np.float64]) -> float:
    """Their mean, drawn towards 0 by as much as it is uncertain (James & Stein 1961)."""
    error = float(differences.var()) / len(differences)
    return float(differences.mean()) * _SPREAD**2 / (_SPREAD**2 + error)


def outgrown(learned: Mapping[str, float], chunks: int) -> bool:
    """Whether a knowledge base of so many chunks is no longer the one that `learned` is about."""
    return abs(chunks - learned["chunks"]) > RELEARN * learned["chunks"]


def _questions(passages: Sequence[tuple[str, Chunk]]) -> Iterator[_Question]:
    random = np.random.default_rng(0)
    made = 0
    for position in random.permutation(len(passages)):
        if made == QUESTIONS:
            return
        title, chunk = passages[position]
        pieces = [s for s in sentences(chunk.text) if s.kind not in ("heading", "code")]
        fit = [s for s in pieces if len(s.text) >= 30 and len(stems(s.text)) >= 4]
        if len(pieces) < 2 or not fit:
            continue
        chosen = fit[int(random.integers(len(fit)))]
        rest = search_text(title, chunk).replace(chosen.text, " ")
        made += 1
        yield _Question(int(position), plain(chosen.text)[:300], rest)


def _with(found: Candidates, question: _Question, words: float, cosine: float) -> Candidates:
    """The candidates, where the passage the question was taken from stands as it is without it."""
    others = found.positions != question.position
    return Candidates(
        np.append(found.positions[others], question.position),
        np.append(found.words[others], words).astype(np.float32),
        np.append(found.cosines[others], cosine).astype(np.float32),
        np.zeros(int(others.sum()) + 1, np.float32),
    )


def _reciprocal_rank(arms: Arms, found: Candidates, question: _Question, weight: float) -> float:
    """One over the rank of the question's document; 0 past the tenth."""
    order = np.argsort(-found.fused(weight), kind="stable")
    documents = list(dict.fromkeys(arms.titles.document_of[found.positions[order]].tolist()))
    rank = documents.index(int(arms.titles.document_of[question.position])) + 1
    return 1 / rank if rank <= 10 else 0.0
