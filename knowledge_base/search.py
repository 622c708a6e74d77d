"""A question -> passages: words and vectors, fused, with the signs of whether the passages answer it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from errors import UsageError
from knowledge_base.chunks import locator
from knowledge_base.embeddings import Embedder
from knowledge_base.index import Index
from knowledge_base.passages import Passage
from knowledge_base.text import stems, visible

MAX_QUERY = 2_000  # characters; the model reads about 1,000 of them, and more words only blur BM25
CANDIDATES = 50  # of each arm
SIBLINGS = 4  # on each side; a runbook's remedy often stands some chunks below its symptom

Scores = NDArray[np.float32]

# What is meant to the letter: snake_case, camelCase, a letter with digits after it (m5, AUTH-417, v1.2), 0x1f, --flag.
_IDENTIFIER = re.compile(
    r"\w+_\w+|\w*[a-z][A-Z]\w*|[A-Za-z][\w.\-]*\d[\w.\-]*|0x[0-9A-Fa-f]+|--[a-z][\w\-]+|\w+(?:\.\w+){2,}"
)
_QUOTED = re.compile(r"""`[^`]+`|["“][^"”]{3,}["”]""")


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that was found. `score` is 0..1 and compares hits of one query only.

    `words` is its BM25 score and `vector` its cosine, -1..1, as they came.
    """

    doc_id: str
    chunk_id: str
    title: str
    locator: str
    score: float
    text: str
    headings: tuple[str, ...]
    modified: str | None
    doc_sha256: str
    position: int
    meta: dict[str, str] = field(default_factory=dict)
    words: float = 0.0
    vector: float = 0.0


@dataclass(frozen=True, slots=True)
class Findings:
    """Hits, and what to judge by whether they answer the question.

    `coverage` is the share, 0..1, of the question's content stems found in the first hit, rare stems
    counting for more; `top_cosine` the highest cosine among the hits; `margin` the lead of the first hit's
    score over that of the best hit of another document. `missing` are words of the question that
    are nowhere in the knowledge base, `unmet` those that are in no hit, `missing` included.
    """

    hits: list[Hit]
    coverage: float
    top_cosine: float
    margin: float
    missing: tuple[str, ...]
    unmet: tuple[str, ...]


class Searcher:
    """Search over one version of a knowledge base. Safe to share between threads.

    Raises UsageError when the index holds vectors of another embedder.
    """

    def __init__(self, index: Index, embedder: Embedder):
        if index.manifest.embedder != embedder.name:
            raise UsageError(
                f'"{index.manifest.kb}" was indexed with the embedder {index.manifest.embedder}, not {embedder.name}; '
                f"index it again with: opsdesk index PATH --kb {index.manifest.kb}"
            )
        self.index = index
        self._embedder = embedder

    def search(self, query: str, k: int = 10) -> list[Hit]:
        """The best `k` chunks, best first; equal ones in index order. Raises UsageError for an empty query.

        Of a query longer than 2,000 characters the beginning is read.
        """
        query = _readable(query)
        vector = self._embedder.embed([query])[0]
        word_scores = self.index.words.scores(list(dict.fromkeys(stems(query))))
        candidates = np.union1d(self.index.nearest(vector, CANDIDATES), _top(word_scores, CANDIDATES))
        # Not @, which rounds equal rows differently: equal passages are to get equal scores.
        cosines = (self.index.vectors(candidates) * vector).sum(axis=1)
        fused = fuse(word_scores[candidates], cosines, words_weight(query))
        best = np.argsort(-fused, kind="stable")[:k]
        found = self.index.passages.at(candidates[best].tolist())
        return [
            _hit(passage, float(fused[i]), float(word_scores[candidates[i]]), float(cosines[i]))
            for passage, i in zip(found, best, strict=True)
        ]

    def findings(self, query: str, k: int = 10) -> Findings:
        """`search`, and the signs of whether what it found answers the query; `k` is at least 1."""
        query = _readable(query)
        hits = self.search(query, k)
        vocabulary = self.index.words
        asked = _content(query)
        weights = {stem: vocabulary.rarity(stem) for stem in asked}
        held = [set(stems("\n".join([hit.title, *hit.headings, hit.text]))) for hit in hits]
        others = [hit.score for hit in hits if hit.doc_id != hits[0].doc_id]
        return Findings(
            hits=hits,
            coverage=sum(w for stem, w in weights.items() if stem in held[0]) / (sum(weights.values()) or 1),
            top_cosine=max(hit.vector for hit in hits),
            margin=hits[0].score - max(others, default=0.0),
            missing=_distinct(word for stem, word in asked.items() if stem not in vocabulary),
            unmet=_distinct(word for stem, word in asked.items() if not any(stem in texts for texts in held)),
        )

    def siblings(self, hit: Hit) -> list[Hit]:
        """The chunks of `hit`'s document around it, and `hit`, in reading order. The others have no scores."""
        around = self.index.passages.at(list(range(hit.position - SIBLINGS, hit.position + SIBLINGS + 1)))
        return [
            hit if p.position == hit.position else _hit(p, 0.0, 0.0, 0.0)
            for p in around
            if p.chunk.doc_id == hit.doc_id
        ]


def fuse(word_scores: Scores, cosines: Scores, weight: float) -> Scores:
    """One score, 0..1, for each candidate: both arms as shares of their best, words counting `weight` of 1.

    Shares of the best and not ranks (as in RRF): how far a candidate lies behind the best is kept.
    """
    return weight * _share(word_scores) + (1 - weight) * _share(cosines)


def words_weight(query: str) -> float:
    """How much words count for a query: more when it holds identifiers, codes or quotations."""
    return 0.6 if _QUOTED.search(query) or _identifiers(query) else 0.3


def _share(scores: Scores) -> Scores:
    best = scores.max(initial=0.0)
    return np.clip(scores, 0, None) / best if best > 0 else np.zeros_like(scores)


def _top(scores: Scores, k: int) -> NDArray[np.int64]:
    """Positions of the `k` highest scores above 0."""
    best = np.argsort(-scores, kind="stable")[:k]
    return best[scores[best] > 0]


def _readable(query: str) -> str:
    whole = query[: 2 * MAX_QUERY].encode(errors="replace").decode()  # a shell may hand over broken UTF-8
    text = visible(whole).strip()[:MAX_QUERY]
    if not text:
        raise UsageError('the query is empty; ask something, for example: opsdesk search "reset a password"')
    return text


def _identifiers(text: str) -> list[str]:
    return [word for word in map(_bare, text.split()) if _IDENTIFIER.fullmatch(word)]


def _bare(word: str) -> str:
    return word.strip("\"'“”‘’`.,;:!?()[]{}<>*")


def _content(query: str) -> dict[str, str]:
    """Stem -> the word as asked, for the content words of a query.

    An identifier stands for itself alone (AUTH-417 is not met by AUTH-422 and a 417 elsewhere), any
    other compound for its parts (upload/download is met by upload and download).
    """
    asked: dict[str, str] = {}
    for word in map(_bare, query.split()):
        found = stems(word)
        for stem in found[:1] if _IDENTIFIER.fullmatch(word) else found[1:] or found:
            asked.setdefault(stem, word)
    return asked


def _distinct(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))


def _hit(passage: Passage, score: float, words: float, vector: float) -> Hit:
    chunk = passage.chunk
    return Hit(
        doc_id=chunk.doc_id,
        chunk_id=chunk.chunk_id,
        title=passage.title,
        locator=locator(chunk, passage.title),
        score=score,
        text=chunk.text,
        headings=chunk.headings,
        modified=passage.modified,
        doc_sha256=passage.doc_sha256,
        position=passage.position,
        meta=passage.meta,
        words=words,
        vector=vector,
    )
