"""A question -> passages: words and vectors, fused, with how likely it is that the passages answer it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from errors import UsageError
from knowledge_base.chunks import locator
from knowledge_base.embeddings import Embedder
from knowledge_base.index import Index
from knowledge_base.passages import Passage
from knowledge_base.ranking import Candidates, Positions, Scores, Signs, confidence
from knowledge_base.sources import is_internal
from knowledge_base.text import sentences, stems, typed, visible

MAX_QUERY = 8_000  # characters
MANY = 6  # sentences; a query of as many is asked sentence by sentence too
MOST = 30  # sentences asked alone; each takes about 3 ms
SIBLINGS = 6  # on each side; a runbook's remedy often stands some chunks below its symptom
EXACT = 0.3  # what an identifier or a quotation adds to the weight of words
ROUNDS = 5  # searches at most; each leaves out the internal pages that the one before has found
LONG = 0.2  # what a query of many sentences adds, for the whole of it: one vector blurs them

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

    @property
    def internal(self) -> bool:
        """Whether only staff may be shown what it says."""
        return is_internal(self.meta)


@dataclass(frozen=True, slots=True)
class Findings:
    """Hits, and what to judge by whether they answer the question.

    `confidence` is how likely it is, 0..1, that the hits answer; `signs` are what it was taken from.
    `missing` are words of the question that are nowhere in the knowledge base.
    """

    hits: list[Hit]
    confidence: float
    signs: Signs
    missing: tuple[str, ...]


class _Ranking(NamedTuple):
    """Candidates with one score each; each query, the whole and its parts, with what the arms said of them."""

    scores: Scores
    queries: list[str]
    found: list[Candidates]

    def best(self, k: int) -> Positions:
        """Where among the candidates the `k` best are, best first; equal ones in index order."""
        return np.argsort(-self.scores, kind="stable")[:k]


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

        Of a query longer than 8,000 characters the beginning is read.
        """
        return self._hits(self._ranked(_readable(query)), k)

    def findings(self, query: str, k: int = 10, without: Sequence[int] = ()) -> Findings:
        """`search`, and how likely it is that what it found answers the query; `k` is at least 1.

        `without` are numbers of documents (`Titles.document_of`) that are taken for not being there.
        """
        query = _readable(query)
        ranking = self._ranked(query, without)
        arms, learned = self.index.arms, self.index.manifest.learned
        vocabulary, asked = arms.words, _content(query)
        # Of a query of many sentences the surest: most are not questions, and the whole is like nothing.
        signs = max(
            (arms.signs(found, stems(text)) for text, found in zip(ranking.queries, ranking.found, strict=True)),
            key=lambda signs: confidence(signs, learned),
        )
        return Findings(
            hits=self._hits(ranking, k),
            confidence=confidence(signs, learned),
            signs=signs,
            missing=_distinct(word for stem, word in asked.items() if stem not in vocabulary),
        )

    def public(self, query: str, k: int = 10) -> Findings:
        """`findings`, as if there were no internal pages."""
        documents, hidden = self.index.arms.titles.document_of, set[int]()
        for _ in range(ROUNDS):
            found = self.findings(query, k, sorted(hidden))
            seen = {int(documents[hit.position]) for hit in found.hits if hit.internal}
            if not seen:
                break
            hidden |= seen
        return replace(found, hits=[hit for hit in found.hits if not hit.internal])

    def siblings(self, hit: Hit) -> list[Hit]:
        """The chunks of `hit`'s document around it, and `hit`, in reading order. The others have no scores."""
        around = self.index.passages.at(list(range(hit.position - SIBLINGS, hit.position + SIBLINGS + 1)))
        return [
            hit if p.position == hit.position else _hit(p, 0.0, 0.0, 0.0)
            for p in around
            if p.chunk.doc_id == hit.doc_id
        ]

    def _ranked(self, query: str, without: Sequence[int] = ()) -> _Ranking:
        queries = [query, *parts(query)]
        vectors = self._embedder.embed(queries)
        found = self.index.arms.candidates([stems(text) for text in queries], vectors, without)
        weights = [self._words_weight(text) for text in queries]
        weights[0] += LONG * (len(queries) > 1)
        whole, *alone = [arms.fused(weight) for arms, weight in zip(found, weights, strict=True)]
        likeness = [float(arms.cosines.max(initial=0.0)) for arms in found[1:]]
        return _Ranking(combine(whole, alone, likeness), queries, found)

    def _words_weight(self, query: str) -> float:
        """How much words count for a query: more when it holds identifiers, codes or quotations."""
        return self.index.manifest.learned["words_weight"] + EXACT * names_exactly(query)

    def _hits(self, ranking: _Ranking, k: int) -> list[Hit]:
        best = ranking.best(k)
        arms = ranking.found[0]
        found = self.index.passages.at(arms.positions[best].tolist())
        return [
            _hit(passage, float(ranking.scores[i]), float(arms.words[i]), float(arms.cosines[i]))
            for passage, i in zip(found, best, strict=True)
        ]


def combine(whole: Scores, alone: Sequence[Scores], likeness: Sequence[float]) -> Scores:
    """One score, 0..1, for each candidate, of the whole query's scores and those of its parts.

    A passage that is the best for one part counts for more than one that is fair for all: each part's
    scores are raised to the fourth power before they are added. A part that nothing is like, by its
    highest cosine, is small talk and counts for little.
    """
    if not alone:
        return whole
    summed = np.sum([scores**4 * like**2 for scores, like in zip(alone, likeness, strict=True)], axis=0)
    scores: Scores = (whole / (whole.max(initial=0.0) or 1.0) + summed / (summed.max(initial=0.0) or 1.0)) / 2
    return scores


def parts(query: str) -> list[str]:
    """The sentences of a query that has many, to be asked alone too; none of a short one."""
    found = [s.text for s in sentences(query) if len(s.text) >= 15]
    return found[:MOST] if len(found) >= MANY else []


def names_exactly(query: str) -> bool:
    """Whether a query holds what is meant to the letter: identifiers, codes, quotations."""
    return bool(_QUOTED.search(query) or _identifiers(query))


def _readable(query: str) -> str:
    whole = query[: 2 * MAX_QUERY].encode(errors="replace").decode()  # a shell may hand over broken UTF-8
    text = typed(visible(whole)).strip()[:MAX_QUERY]
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
