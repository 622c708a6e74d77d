"""The index as a LangChain vector store. The only module that imports LangChain, which takes a second: import it late.

LangChain's own `save_local` and `load_local` use pickle and are never called; `knowledge_base.index`
keeps the parts on disk.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*langchain-community.*")
    from langchain_community.docstore.base import Docstore
    from langchain_community.vectorstores.faiss import FAISS
    from langchain_community.vectorstores.utils import DistanceStrategy
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings

from knowledge_base.chunks import Chunk
from knowledge_base.embeddings import Embedder
from knowledge_base.passages import Passages


class _Docstore(Docstore):
    """LangChain's documents are our chunks: the text, and the other fields as metadata. Nothing can be added."""

    def __init__(self, passages: Passages):
        self._passages = passages

    def search(self, search: str) -> str | Document:
        passage = self._passages.named(search)
        if passage is None:
            return f"ID {search} not found."  # what LangChain's own docstores answer
        return _document(passage.chunk)


class _Embeddings(Embeddings):
    def __init__(self, embedder: Embedder):
        self._embedder = embedder

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        rows: list[list[float]] = self._embedder.embed(texts).tolist()
        return rows

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


def vector_store(embedder: Embedder, vectors: Any, passages: Passages, chunk_ids: Sequence[str]) -> FAISS:
    """The FAISS index `vectors`, whose rows are `chunk_ids`, and `passages` as a LangChain vector store."""
    return FAISS(
        embedding_function=_Embeddings(embedder),
        index=vectors,
        docstore=_Docstore(passages),
        index_to_docstore_id=dict(enumerate(chunk_ids)),
        distance_strategy=DistanceStrategy.MAX_INNER_PRODUCT,
    )


def _document(chunk: Chunk) -> Document:
    metadata = {
        "doc_id": chunk.doc_id,
        "headings": chunk.headings,
        "first_line": chunk.first_line,
        "last_line": chunk.last_line,
        "place": chunk.place,
    }
    return Document(id=chunk.chunk_id, page_content=chunk.text, metadata=metadata)
