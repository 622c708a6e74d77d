"""The index of a knowledge base: documents, chunks, their vectors and their words, kept in step with the sources."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from errors import DamagedFile, NoKnowledgeBase, UsageError
from knowledge_base import tuning, versions
from knowledge_base.chunks import LIMIT, TARGET, Chunk, chunk
from knowledge_base.embeddings import DIMENSION, Embedder
from knowledge_base.formats import KINDS
from knowledge_base.holdings import DOCUMENTS, documents_in_force
from knowledge_base.passages import Passage, Passages, search_text
from knowledge_base.ranking import Arms
from knowledge_base.sources import Document, Skipped, Source
from knowledge_base.sync import Scope, Sync
from knowledge_base.vectors import Vectors
from knowledge_base.words import K1, B, Titles, WordIndex

if TYPE_CHECKING:
    from langchain_community.vectorstores.faiss import FAISS

logger = logging.getLogger(__name__)

# A version made with other settings is built anew from the documents it holds. `reading` is to be raised when a
# file would now be read into other documents: files are then read again, changed or not; `words`, when a text would
# now have other words.
SETTINGS: dict[str, float] = {"reading": 2, "words": 2, "chunk_target": TARGET, "chunk_limit": LIMIT, "k1": K1, "b": B}

_VECTORS, _WORDS = "vectors.faiss", "words"
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
        versions.check(folder, manifest)
        self.version = folder.name
        self.manifest = manifest
        self.passages = Passages.open(folder / DOCUMENTS)
        words = WordIndex.load(folder / _WORDS)
        self.arms = Arms(words, Titles.load(words, folder / _WORDS), Vectors.load(folder / _VECTORS))

    def __len__(self) -> int:
        return self.manifest.chunks

    def close(self) -> None:
        """Let go of the files."""
        self.passages.close()

    def vector_store(self, embedder: Embedder) -> FAISS:
        """The same vectors and chunks as a LangChain vector store, for its retrievers and chains."""
        from knowledge_base.vector_store import vector_store

        ids = [passage.chunk.chunk_id for passage in self.passages.all()]
        return vector_store(embedder, self.arms.vectors.index, self.passages, ids)


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


def known_files(root: Path, kb: str, sources: Sequence[Source]) -> Callable[[str, str], Sequence[Document] | None]:
    """What was read from the files of a knowledge base: path and SHA-256 of the bytes -> their documents, or None.

    For `read_sources`, so that files that have not changed are not parsed again.
    """
    try:
        manifest, passages = documents_in_force(root, kb)
    except (NoKnowledgeBase, DamagedFile, OSError):
        return lambda path, sha256: None
    with closing(passages):
        if manifest.settings != SETTINGS:
            return lambda path, sha256: None
        files, names = passages.files(), {source.name for source in sources}
        documents: dict[str, list[Document]] = {}
        for document in passages.documents():
            documents.setdefault(document.path, []).append(document)

    def known(path: str, sha256: str) -> Sequence[Document] | None:
        found = documents.get(path, [])
        same = all(document.source in names for document in found)  # in another source it has another id
        return found if found and same and files.get(path) == sha256 else None

    return known


def build(
    root: Path,
    kb: str,
    documents: Iterable[Document | Skipped],
    sources: Sequence[Source],
    embedder: Embedder,
    now: Callable[[], datetime],
    progress: Progress | None = None,
    files: Mapping[str, str] | None = None,
) -> IndexReport:
    """Bring a knowledge base up to date with `documents`, which are all there is in `sources` (see `sync.arranged`).

    Documents of other sources stay (see `Sync`). What has not changed is neither cut, counted nor embedded again,
    and without any change no version is written. `progress` is told how many new passages are embedded,
    and of how many. `files` holds the SHA-256 of the files that were read whole (see `known_files`); it
    is looked at when all documents have been taken. Raises UsageError when no document would be left,
    and StoreError when the disk does not let us write or another run is building; the version before
    stays in force then.
    """
    started = now()
    folder = versions.folder_of(root, kb)
    with versions.lock(folder), ExitStack() as stack:
        previous = _previous(root, kb, sources)
        if previous:
            stack.callback(previous.close)
        before = {d.doc_id: d for d in previous.passages.documents()} if previous else {}
        sync = Sync(kb, before, documents, sources)
        if not sync.kept or not (sync.removed or len(sync.others) < len(sync.kept)):
            raise UsageError(_nothing(kb if previous else "", sources, sync.skipped))
        manifest = previous.manifest if previous else None
        if sync.changed or not manifest or (manifest.embedder, manifest.settings) != (embedder.name, SETTINGS):
            others = {sync.kept[doc_id].path for doc_id in sync.others}
            noted = previous.passages.files() if previous else {}
            known = {path: sha256 for path, sha256 in noted.items() if path in others}
            known |= {path: sha256 for path, sha256 in (files or {}).items() if path not in sync.renamed}
            content = Content(list(sync.kept.values()), known)
            manifest = _build(folder, content, previous, embedder, now, progress)
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


def _previous(root: Path, kb: str, sources: Sequence[Source]) -> Index | None:
    """The index to go on from. Raises DamagedFile when it is damaged and held sources that are not given now."""
    try:
        return open_index(root, kb)
    except NoKnowledgeBase:
        return None
    except DamagedFile as error:
        if not all(map(Scope(sources).all_of, versions.sources(versions.folder_of(root, kb)))):
            raise
        logger.warning("%s. Building it anew", error)
        return None


def _nothing(kb: str, sources: Sequence[Source], skipped: Sequence[Skipped]) -> str:
    """That no document would be left; `kb` is the knowledge base that there is."""
    where = ", ".join(str(source.path) for source in sources)
    first = f"; {len(skipped)} files were skipped, the first, {skipped[0].path}: {skipped[0].reason}" if skipped else ""
    remove = f'. "{kb}" stays as it was; to take it away: opsdesk kb remove {kb}' if kb else ""
    return f"no document was found in {where}{first}; give a folder with files to read ({KINDS}){remove}"


class Content(NamedTuple):
    """What a version is to hold: documents, and the SHA-256 of the files that were read whole."""

    documents: list[Document]
    files: dict[str, str]


class _Row(NamedTuple):
    """A chunk to be: its document's number and title, and its position in the version before, or -1."""

    document: int
    title: str
    chunk: Chunk
    before: int

    @property
    def text(self) -> str:
        """What is embedded."""
        return search_text(self.title, self.chunk)


def _build(
    folder: Path,
    content: Content,
    previous: Index | None,
    embedder: Embedder,
    now: Callable[[], datetime],
    progress: Progress | None,
) -> versions.Manifest:
    # By id, so that an index does not depend on the runs that led to it.
    documents = sorted(content.documents, key=lambda d: d.doc_id)
    titles = ["" if d.title == d.doc_id else d.title for d in documents]
    before = previous.passages.all() if previous else []
    cut_alike = previous if previous and previous.manifest.settings == SETTINGS else None
    embedded_alike = previous if previous and previous.manifest.embedder == embedder.name else None
    rows = _cut(documents, before if cut_alike else [])
    embedded = _vectors(rows, embedded_alike, before, embedder, progress)
    vectors = Vectors.of(embedded, embedded_alike.arms.vectors if embedded_alike else None)
    counted = [row.before if row.before >= 0 else f"{titles[row.document]}\n{row.text}" for row in rows]  # titles twice
    words = WordIndex.count(counted, previous.arms.words if previous else None)
    arms = Arms(words, Titles.count(words, titles, [row.document for row in rows]), vectors)
    learned = previous.manifest.learned if previous and cut_alike and embedded_alike else None
    if learned is None or tuning.outgrown(learned, len(rows)):
        learned = tuning.learn(arms, [(row.title, row.chunk) for row in rows], embedder.embed)
    return write(
        folder, content._replace(documents=documents), [row.chunk for row in rows], arms, learned, embedder, now
    )


def write(
    folder: Path,
    content: Content,
    chunks: Sequence[Chunk],
    arms: Arms,
    learned: dict[str, float],
    embedder: Embedder,
    now: Callable[[], datetime],
) -> versions.Manifest:
    """Put a finished index in force. `chunks` are those of `content`, in the order of `arms`. Raises StoreError."""
    documents = content.documents
    with versions.writing(folder) as building:
        with closing(Passages.create(building / DOCUMENTS)) as passages:
            passages.add_documents(documents)
            passages.add_chunks(chunks)
            passages.add_files({d.path: content.files[d.path] for d in documents if d.path in content.files})
        arms.vectors.save(building / _VECTORS)
        arms.words.save(building / _WORDS)
        arms.titles.save(building / _WORDS)
        manifest = versions.Manifest(
            kb=folder.name,
            created=now().isoformat(),
            embedder=embedder.name,
            documents=len(documents),
            chunks=len(chunks),
            sources=tuple(sorted({d.source for d in documents})),
            settings=SETTINGS,
            learned=learned,
            files=versions.files_of(building),
        )
        versions.publish(building, manifest, now())
    return manifest


def _cut(documents: Sequence[Document], before: Sequence[Passage]) -> list[_Row]:
    """The chunks of `documents`, in order; a document that stands in `before` as it is keeps those it has."""
    old: dict[tuple[str, str], list[Passage]] = {}
    for passage in before:
        old.setdefault((passage.chunk.doc_id, passage.doc_sha256), []).append(passage)
    rows = []
    for number, document in enumerate(documents):
        if kept := old.get((document.doc_id, document.sha256)):
            rows += [_Row(number, document.title, passage.chunk, passage.position) for passage in kept]
        else:
            rows += [_Row(number, document.title, new, -1) for new in chunk(document)]
    return rows


def _vectors(
    rows: Sequence[_Row],
    previous: Index | None,
    before: Sequence[Passage],
    embedder: Embedder,
    progress: Progress | None,
) -> NDArray[np.float32]:
    """The vectors of `rows`; those of a text that `previous` (whose passages are `before`) embedded come from there."""
    known = {passage.search_text: passage.position for passage in before} if previous else {}
    texts = [row.text for row in rows]
    vectors = np.empty((len(texts), DIMENSION), dtype=np.float32)
    old = [row for row, text in enumerate(texts) if text in known]
    if previous and old:
        vectors[old] = previous.arms.vectors.at(np.array([known[texts[row]] for row in old]))
    new = [row for row, text in enumerate(texts) if text not in known]
    for start in range(0, len(new), _BATCH):
        taken = new[start : start + _BATCH]
        vectors[taken] = embedder.embed([texts[row] for row in taken])
        if progress:
            progress(start + len(taken), len(new))
    return vectors
