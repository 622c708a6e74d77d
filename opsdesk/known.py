"""What is known: a knowledge base in figures, and what of it has changed since it was cited."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from errors import UsageError
from tasks.case import EVALUATION, TOOL_RESULT, Case

if TYPE_CHECKING:
    from knowledge_base.sources import Source


@dataclass(frozen=True, slots=True)
class KnowledgeBase:
    """What a knowledge base holds. `created` is when its version was written, `indexed` when it was last compared."""

    kb: str
    version: str
    documents: int
    chunks: int
    files: int
    bytes: int
    sources: list[str]
    embedder: str
    learned: dict[str, float]
    created: datetime
    indexed: datetime


class Stale(NamedTuple):
    """A cited document that is no longer what it was when the case was worked."""

    doc_id: str
    title: str
    change: Literal["changed", "removed"]


def described(root: Path, kb: str) -> KnowledgeBase:
    """The knowledge base of that name below `root`. Raises `NoKnowledgeBase`, and `DamagedFile` for its manifest."""
    from knowledge_base import versions

    folder = versions.folder_of(root, kb)
    version, manifest = versions.read(folder)
    return KnowledgeBase(
        kb=folder.name,
        version=version.name,
        documents=manifest.documents,
        chunks=manifest.chunks,
        files=len(manifest.files),
        bytes=sum(file.bytes for file in manifest.files.values()),
        sources=list(manifest.sources),
        embedder=manifest.embedder,
        learned=manifest.learned,
        created=datetime.fromisoformat(manifest.created),
        indexed=versions.marked(folder),
    )


def check_that_none_is_gone(kb: str, given: Sequence[Source], held: Collection[str]) -> None:
    """Raise `UsageError` for one that a knowledge base holds and that is not there any more."""
    from knowledge_base.sources import gone

    for source in given:
        if source.name in held and gone(source.path):
            raise UsageError(
                f"{source.path} is gone; give what took its place, or take its documents out with: "
                f"opsdesk kb forget {kb} {shlex.quote(source.name)}"
            )


def stale(root: Path, case: Case) -> list[Stale]:
    """The documents that a case cites and that are not what they were.

    What a tool said was true when it said it. None of a suite that stood alone: what was made of its documents goes
    with its run.
    """
    from knowledge_base import versions
    from knowledge_base.holdings import versions_now

    if case.tenant == EVALUATION and case.kb not in {folder.name for folder in versions.folders(root)}:
        return []

    read = {p.doc_id: p for p in case.passages}
    cited = {
        c.doc_id: read[c.doc_id] for c in case.citations if c.doc_id in read and not c.doc_id.startswith(TOOL_RESULT)
    }
    now = versions_now(root, case.kb, list(cited)) if cited else {}
    return [
        Stale(doc_id, passage.title, "changed" if doc_id in now else "removed")
        for doc_id, passage in cited.items()
        if now.get(doc_id) != passage.doc_sha256
    ]
