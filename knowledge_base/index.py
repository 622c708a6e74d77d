"""The index of a knowledge base: documents, chunks, their vectors and their words, kept in step with the sources."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from errors import DamagedFile, NoKnowledgeBase, UsageError
from knowledge_base import versions
from knowledge_base.chunks import chunk
from knowledge_base.embeddings import DIMENSION, Embedder
from knowledge_base.passages import Passages, search_text
from knowledge_base.sources import Document, Skipped
from knowledge_base.words import K1, B, WordIndex

if TYPE_CHECKING:
    from langchain_community.vectorstores.faiss import FAISS

logger = logging.getLogger(__name__)

# A version made with other settings is built anew from the documents it holds.
SETTINGS: dict[str, float] = {"chunk_target": 900, "chunk_limit": 1800, "k1": K1, "b": B}

_DOCUMENTS, _VECTORS, _WORDS = "chunks.sqlite", "vectors.faiss", "words"
_BATCH = 64  # chunks embedded between two reports of progress

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What a run did. `documents` and `chunks` are the totals now; the rest counts documents of the given sources."""

    kb: str
    documents: int
    chunks: int
    added: int
    updated: int
    removed: int
    unchanged: int
    skipped: tuple[Skipped, ...]
    seconds: float


class Index:
    """One version of a knowledge base, open for reading; safe to share between threads.

    It goes on working while newer versions are built, and never sees them.
    """

    def __init__(self, folder: Path, manifest: versions.Manifest):
        import faiss

        versions.check(folder, manifest)
        self.version = folder.name
        self.manifest = manifest
        self.passages = Passages.open(folder / _DOCUMENTS)
        self.words = WordIndex.load(folder / _WORDS)
        self._vectors = faiss.read_index(str(folder / _VECTORS))

    def __len__(self) -> int:
        return self.manifest.chunks

    def close(self) -> None:
        """Let go of the files."""
        self.passages.close()

    def nearest(self, vector: NDArray[np.float32], k: int) -> NDArray[np.int64]:
        """The positions of the `k` chunks (or all, if fewer) of highest cosine with `vector`, best first."""
        _, positions = self._vectors.search(vector[None], min(k, len(self)))
        found: NDArray[np.int64] = positions[0]
        return found

    def vectors(self, positions: NDArray[np.int64]) -> NDArray[np.float32]:
        """The vectors of chunks, shape (len(positions), 384)."""
        found: NDArray[np.float32] = self._vectors.reconstruct_batch(positions)
        return found

    def vector_store(self, embedder: Embedder) -> FAISS:
        """The same vectors and chunks as a LangChain vector store, for its retrievers and chains."""
        from knowledge_base.vector_store import vector_store

        return vector_store(embedder, self._vectors, self.passages, [p.chunk.chunk_id for p in self.passages.all()])


def open_index(root: Path, kb: str) -> Index:
    """The version in force, every file of it checked. Raises UsageError, NoKnowledgeBase, DamagedFile."""
    folder = versions.folder_of(root, kb)
    while True:
        before = versions.pointer(folder)
        try:
            return Index(*versions.read(folder))
        except (DamagedFile, OSError):
            if versions.pointer(folder) == before:
                raise
            # Two builds have ended meanwhile and taken this version away: the newest is as good.


def build(
    root: Path,
    kb: str,
    documents: Iterable[Document | Skipped],
    sources: Sequence[str],
    embedder: Embedder,
    now: Callable[[], datetime],
    progress: Progress | None = None,
) -> IndexReport:
    """Bring a knowledge base up to date with `documents`, which are all there is in `sources`.

    Documents of other sources stay. Passages whose text was embedded before keep their vectors, and
    without any change no version is written. `progress` is told how many new passages are embedded,
    and of how many. Raises UsageError when no document would be left, and StoreError when the disk
    does not let us write or another run is building; the version before stays in force then.
    """
    started = now()
    folder = versions.folder_of(root, kb)
    with versions.lock(folder), ExitStack() as stack:
        previous = _previous(root, kb, sources)
        if previous:
            stack.callback(previous.close)
        sync = _Sync(previous, documents, sources)
        given = any(document.source in sources for document in sync.kept.values())
        if not sync.kept or not (given or sync.removed):
            raise UsageError(_nothing(sources, sync.skipped))
        manifest = previous.manifest if previous else None
        if sync.changed or not manifest or (manifest.embedder, manifest.settings) != (embedder.name, SETTINGS):
            manifest = _build(folder, list(sync.kept.values()), previous, embedder, now, progress)
        else:
            versions.mark(folder, now())
    return IndexReport(
        kb=kb,
        documents=manifest.documents,
        chunks=manifest.chunks,
        added=sync.added,
        updated=sync.updated,
        removed=sync.removed,
        unchanged=sync.unchanged,
        skipped=tuple(sync.skipped),
        seconds=(now() - started).total_seconds(),
    )


def _previous(root: Path, kb: str, sources: Sequence[str]) -> Index | None:
    """The index to go on from. Raises DamagedFile when it is damaged and held sources that are not given now."""
    try:
        return open_index(root, kb)
    except NoKnowledgeBase:
        return None
    except DamagedFile as error:
        if set(versions.sources(versions.folder_of(root, kb))) - set(sources):
            raise
        logger.warning("%s. Building it anew", error)
        return None


class _Sync:
    """What a run keeps of the documents there were and the documents there are, and how they differ."""

    def __init__(self, previous: Index | None, documents: Iterable[Document | Skipped], sources: Sequence[str]):
        before = {d.doc_id: d for d in previous.passages.documents()} if previous else {}
        self.kept = {doc_id: d for doc_id, d in before.items() if d.source not in sources}
        self.skipped: list[Skipped] = []
        self.added = self.updated = self.unchanged = 0
        for document in documents:
            if isinstance(document, Skipped):
                self.skipped.append(document)
            elif holder := self.kept.get(document.doc_id):
                self.skipped.append(Skipped(document.path, f'"{document.doc_id}" is already the id of {holder.path}'))
            else:
                self.kept[document.doc_id] = document
                self._count(before.get(document.doc_id), document)
        self.removed = len(before.keys() - self.kept.keys())

    def _count(self, old: Document | None, new: Document) -> None:
        if old is None:
            self.added += 1
        elif (old.sha256, old.source) == (new.sha256, new.source):
            self.unchanged += 1
        else:
            self.updated += 1

    @property
    def changed(self) -> bool:
        return bool(self.added or self.updated or self.removed)


def _nothing(sources: Sequence[str], skipped: Sequence[Skipped]) -> str:
    first = f"; {len(skipped)} files were skipped, the first, {skipped[0].path}: {skipped[0].reason}" if skipped else ""
    return f"no document was found in {', '.join(sources)}{first}; give a folder with md, txt, html or jsonl files"


def _build(
    folder: Path,
    documents: list[Document],
    previous: Index | None,
    embedder: Embedder,
    now: Callable[[], datetime],
    progress: Progress | None,
) -> versions.Manifest:
    import faiss

    from knowledge_base import vector_store

    # By id, so that an index does not depend on the runs that led to it.
    documents = sorted(documents, key=lambda d: d.doc_id)
    target, limit = int(SETTINGS["chunk_target"]), int(SETTINGS["chunk_limit"])
    titled = [(document.title, c) for document in documents for c in chunk(document, target, limit)]
    texts = [search_text(title, c) for title, c in titled]
    vectors = _vectors(texts, previous, embedder, progress)
    words = WordIndex.count(f"{title}\n{text}" for (title, _), text in zip(titled, texts, strict=True))  # titles twice
    with versions.writing(folder) as building:
        flat = faiss.IndexFlatIP(DIMENSION)
        with closing(Passages.create(building / _DOCUMENTS)) as passages:
            passages.add_documents(documents)
            vector_store.add(vector_store.vector_store(embedder, flat, passages), [c for _, c in titled], vectors)
        # Not write_index, whose C++ errors do not say that the disk is full.
        (building / _VECTORS).write_bytes(faiss.serialize_index(flat).data)
        words.save(building / _WORDS)
        manifest = versions.Manifest(
            kb=folder.name,
            created=now().isoformat(),
            embedder=embedder.name,
            documents=len(documents),
            chunks=len(titled),
            sources=tuple(sorted({d.source for d in documents})),
            settings=SETTINGS,
            files=versions.files_of(building),
        )
        versions.publish(building, manifest, now())
    return manifest


def _vectors(
    texts: Sequence[str], previous: Index | None, embedder: Embedder, progress: Progress | None
) -> NDArray[np.float32]:
    known: dict[str, int] = {}
    if previous and previous.manifest.embedder == embedder.name:
        known = {passage.search_text: passage.position for passage in previous.passages.all()}
    vectors = np.empty((len(texts), DIMENSION), dtype=np.float32)
    old = [row for row, text in enumerate(texts) if text in known]
    if previous and old:
        vectors[old] = previous.vectors(np.array([known[texts[row]] for row in old]))
    new = [row for row, text in enumerate(texts) if text not in known]
    for start in range(0, len(new), _BATCH):
        rows = new[start : start + _BATCH]
        vectors[rows] = embedder.embed([texts[row] for row in rows])
        if progress:
            progress(start + len(rows), len(new))
    return vectors
