"""The index as a LangChain vector store. The only module that imports LangChain, which takes a second: import it late.

LangChain's own `save_local` and `load_local` use pickle and are never called; `knowledge_base.index`
keeps the parts on disk.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*langchain-community.*")
    from langchain_community.docstore.base import AddableMixin, Docstore
    from langchain_community.vectorstores.faiss import FAISS
    from langchain_community.vectorstores.utils import DistanceStrategy
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings

from knowledge_base.chunks import Chunk
from knowledge_base.embeddings import Embedder
from knowledge_base.passages import Passages

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class _Docstore(Docstore, AddableMixin):
    """LangChain's documents are our chunks: the text, and the other fields as metadata."""

    def __init__(self, passages: Passages):
        self._passages = passages

    def search(self, search: str) -> str | Document:
        passage = self._passages.named(search)
        if passage is None:
            return f"ID {search} not found."  # what LangChain's own docstores answer
        return _document(passage.chunk)

    def add(self, texts: dict[str, Document]) -> None:
        self._passages.add_chunks(
            Chunk(chunk_id, text=document.page_content, **document.metadata) for chunk_id, document in texts.items()
        )


class _Embeddings(Embeddings):
    def __init__(self, embedder: Embedder):
        self._embedder = embedder

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        rows: list[list[float]] = self._embedder.embed(texts).tolist()
        return rows

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


def vector_store(embedder: Embedder, vectors: Any, passages: Passages, chunk_ids: Sequence[str] = ()) -> FAISS:
    """The FAISS index `vectors`, whose rows are `chunk_ids`, and `passages` as a LangChain vector store."""
    return FAISS(
        embedding_function=_Embeddings(embedder),
        index=vectors,
        docstore=_Docstore(passages),
        index_to_docstore_id=dict(enumerate(chunk_ids)),
        distance_strategy=DistanceStrategy.MAX_INNER_PRODUCT,
    )


def add(store: FAISS, chunks: Sequence[Chunk], vectors: NDArray[np.float32]) -> None:
    """Add chunks and their vectors, row by row the same, to the store: to FAISS and to the passages."""
    documents = [_document(chunk) for chunk in chunks]
    store.add_embeddings(
        zip((d.page_content for d in documents), vectors, strict=True),
        metadatas=[d.metadata for d in documents],
        ids=[chunk.chunk_id for chunk in chunks],
    )


def _document(chunk: Chunk) -> Document:
    metadata = {
        "doc_id": chunk.doc_id,
        "headings": chunk.headings,
        "first_line": chunk.first_line,
        "last_line": chunk.last_line,
    }
    return Document(id=chunk.chunk_id, page_content=chunk.text, metadata=metadata)
