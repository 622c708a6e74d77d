"""The real embedding model and small documents to index."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from knowledge_base.embeddings import Embedder
from knowledge_base.index import IndexReport, Progress, build
from knowledge_base.sources import Document, Skipped, Source

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def embedder(model_cache: Path) -> Embedder:
    """The real model, built once a run."""
    return Embedder(model_cache)


def document(
    doc_id: str, text: str, title: str = "", source: str = "/docs", modified: str | None = None, **meta: str
) -> Document:
    """A Markdown page as `read_sources` would give it."""
    return Document(
        doc_id=doc_id,
        title=title or doc_id,
        text=text,
        format="markdown",
        source=source,
        path=f"{source}/{doc_id}",
        sha256=hashlib.sha256(f"{doc_id}\n{title}\n{text}\n{meta}".encode()).hexdigest(),
        modified=modified,
        meta=meta,
    )


PAGES = [
    document("refunds.md", "# Refunds\n\nYearly plans are refunded in full within 30 days of purchase.", "Refunds"),
    document("login.md", "# Login\n\nAUTH-417 means that the clock of your server is wrong.", "Login problems"),
    document("export.md", "# Export\n\nPress Export to download every project as a CSV file.", "Exporting data"),
]
MORE = document("sso.md", "# SSO\n\nSign in with your identity provider.", "Single sign-on")


def indexed(
    root: Path,
    embedder: Embedder,
    pages: Sequence[Document | Skipped] = PAGES,
    sources: Sequence[str] = ("/docs",),
    kb: str = "help",
    progress: Progress | None = None,
    at: datetime = NOON,
) -> IndexReport:
    """One run of `build` over `pages`, at noon."""
    given = [Source(Path(source)) for source in sources]
    return build(root, kb, pages, given, embedder, lambda: at, progress)
