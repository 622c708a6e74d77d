"""What a knowledge base holds, read from its documents alone: neither vectors nor words are opened."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from errors import NoKnowledgeBase
from knowledge_base import versions
from knowledge_base.passages import Passages
from knowledge_base.sources import is_internal

DOCUMENTS = "chunks.sqlite"
"""The file of a version that holds its documents and their chunks."""


class Holding(NamedTuple):
    """A document of a knowledge base: `modified` is a date or None, `characters` and `chunks` are counts."""

    doc_id: str
    title: str
    format: str
    modified: str | None
    characters: int
    chunks: int
    source: str
    path: str


def documents_in_force(root: Path, kb: str) -> tuple[versions.Manifest, Passages]:
    """The manifest and the documents of the version in force; of its files only theirs is checked."""
    version, manifest = versions.read(versions.folder_of(root, kb))
    versions.check(version, manifest, only=(DOCUMENTS,))
    return manifest, Passages.open(version / DOCUMENTS)


def versions_now(root: Path, kb: str, doc_ids: Sequence[str]) -> dict[str, str]:
    """The SHA-256 of those of the documents that a knowledge base holds now; none when there is no such base."""
    try:
        _, passages = documents_in_force(root, kb)
    except NoKnowledgeBase:
        return {}
    with closing(passages):
        return passages.version_of(doc_ids)


def headings(root: Path, kb: str, most: int = 200) -> list[str]:
    """Headings of the first passages, each once, the titles of their documents first."""
    _, passages = documents_in_force(root, kb)
    with closing(passages):
        found = passages.at(range(most))
    titles = [passage.title for passage in found]
    return list(dict.fromkeys([*titles, *(heading for passage in found for heading in passage.chunk.headings)]))


def outline(root: Path, kb: str, most: int = 5_000) -> list[Holding]:
    """The first documents of a knowledge base, by id."""
    _, passages = documents_in_force(root, kb)
    with closing(passages):
        return [Holding(*row) for row in passages.outline(most)]


def public_text(root: Path, kb: str, doc_id: str) -> str | None:
    """The text of a document that anybody may read; None when there is none, or it is internal."""
    _, passages = documents_in_force(root, kb)
    with closing(passages):
        found = passages.document(doc_id)
    return None if found is None or is_internal(found.meta) else found.text
