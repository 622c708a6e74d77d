"""Files -> documents: what can be read, what was skipped, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Format = Literal["markdown", "text", "html", "jsonl"]


@dataclass(frozen=True, slots=True)
class Document:
    """One page of a knowledge base.

    `text` is Markdown for every format but `text`; `first_line` is the 1-based line of the source
    file on which `text` begins (front matter comes before it).
    """

    doc_id: str
    title: str
    text: str
    format: Format
    source: str
    path: str
    sha256: str
    modified: str | None = None
    first_line: int = 1
    meta: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file, or a line of a JSONL file, that was left out; `reason` is one plain line."""

    path: str
    reason: str


def read_sources(paths: Sequence[Path], max_bytes: int = 20_000_000) -> Iterator[Document | Skipped]:
    """Every document under `paths`, in a stable order, and every file that had to be skipped."""
    raise NotImplementedError
