"""Documents -> chunks: passages short enough to embed and whole enough to quote."""

from __future__ import annotations

from dataclasses import dataclass

from knowledge_base.sources import Document


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of whole blocks of one document.

    `text` is the exact source text of lines `first_line..last_line` (1-based, inclusive, counted in
    the source file). `headings` is the path of headings above it, outermost first.
    """

    chunk_id: str
    doc_id: str
    text: str
    headings: tuple[str, ...]
    first_line: int
    last_line: int


def chunk(document: Document, target: int = 900, limit: int = 1800) -> list[Chunk]:
    """The chunks of `document`, in order, covering all of its text."""
    raise NotImplementedError
