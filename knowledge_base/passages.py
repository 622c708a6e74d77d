"""Documents and their chunks in one SQLite file, written once and then only read."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from knowledge_base.chunks import Chunk
from knowledge_base.sources import Document

_SCHEMA = """
create table documents (
    doc_id text primary key, title text not null, format text not null, source text not null, path text not null,
    sha256 text not null, modified text, first_line integer not null, meta text not null, marks text not null,
    text text not null
) without rowid;
create table chunks (
    position integer primary key, chunk_id text not null unique, doc_id text not null references documents,
    text text not null, headings text not null, first_line integer not null, last_line integer not null,
    place text not null
);
create table files (path text primary key, sha256 text not null) without rowid;
"""
_PASSAGES = """
select position, chunk_id, doc_id, c.text, headings, c.first_line, last_line, place,
    title, path, d.sha256, modified, meta
from chunks c join documents d using (doc_id)
"""


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk with what its document says of itself; `position` is its row in the vectors."""

    position: int
    chunk: Chunk
    title: str
    path: str
    doc_sha256: str
    modified: str | None
    meta: dict[str, str]

    @property
    def search_text(self) -> str:
        """What is embedded and what words are counted in."""
        return search_text(self.title, self.chunk)


def search_text(title: str, chunk: Chunk) -> str:
    """Title, headings and text of a chunk: a passage is often found by what stands above it.

    A title that is only the id of its document says nothing, and is left out.
    """
    above = dict.fromkeys([*([title] if title != chunk.doc_id else []), *chunk.headings])
    return "\n".join([" › ".join(above), chunk.text]) if above else chunk.text


class Passages:
    """Documents and chunks in an SQLite file. Safe to read from many threads; written by one."""

    def __init__(self, connection: sqlite3.Connection):
        self._connection = connection
        self._connection.row_factory = sqlite3.Row
        self._lock = threading.Lock()

    @classmethod
    def create(cls, path: Path) -> Passages:
        """A new, empty file at `path`; what is added is kept when it is closed."""
        connection = sqlite3.connect(path)
        connection.executescript(_SCHEMA)
        return cls(connection)

    @classmethod
    def open(cls, path: Path) -> Passages:
        """The finished file at `path`, read-only."""
        # immutable: a finished file never changes, so SQLite need not lock it or look for a journal beside it.
        uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        return cls(sqlite3.connect(uri, uri=True, check_same_thread=False))

    def close(self) -> None:
        """Keep what was added and let go of the file."""
        with self._lock:
            self._connection.commit()
            self._connection.close()

    def add_documents(self, documents: Iterable[Document]) -> None:
        """Add documents; each `doc_id` must be new."""
        names = [field.name for field in fields(Document)]
        rows = (
            {**{name: getattr(d, name) for name in names}, "meta": _json(d.meta), "marks": _json(d.marks)}
            for d in documents
        )
        values = ", ".join(f":{name}" for name in names)
        self._connection.executemany(f"insert into documents ({', '.join(names)}) values ({values})", rows)

    def add_chunks(self, chunks: Iterable[Chunk]) -> None:
        """Add chunks of added documents; positions follow on from those there are."""
        (position,) = self._connection.execute("select count(*) from chunks").fetchone()
        rows = (
            (n, c.chunk_id, c.doc_id, c.text, _json(c.headings), c.first_line, c.last_line, c.place)
            for n, c in enumerate(chunks, position)
        )
        self._connection.executemany("insert into chunks values (?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def add_files(self, files: Mapping[str, str]) -> None:
        """Note which files were read without anything being skipped: path and SHA-256 of the bytes."""
        self._connection.executemany("insert into files values (?, ?)", files.items())

    def at(self, positions: Sequence[int]) -> list[Passage]:
        """The passages at those of `positions` that there are, in that order."""
        marks = ",".join("?" * len(positions))
        found = {p.position: p for p in self._passages(f"where position in ({marks})", positions)}
        return [found[position] for position in positions if position in found]

    def named(self, chunk_id: str) -> Passage | None:
        """The passage of that id, if there is one."""
        return next(iter(self._passages("where chunk_id = ?", [chunk_id])), None)

    def all(self) -> list[Passage]:
        """Every passage, by position."""
        return self._passages("order by position", [])

    def documents(self) -> list[Document]:
        """Every document, by `doc_id`."""
        with self._lock:
            rows = self._connection.execute("select * from documents order by doc_id").fetchall()
        return [_document(row) for row in rows]

    def document(self, doc_id: str) -> Document | None:
        """The document of that id, if there is one."""
        with self._lock:
            row = self._connection.execute("select * from documents where doc_id = ?", [doc_id]).fetchone()
        return _document(row) if row else None

    def outline(self, most: int) -> list[tuple[str, str, str, str | None, int, int, str, str]]:
        """Of the first documents, by id: id, title, format, modified, characters, chunks, source, path."""
        counted = "select doc_id, count(*) as chunks from chunks group by doc_id"
        with self._lock:
            rows = self._connection.execute(
                "select doc_id, title, format, modified, length(text), coalesce(n.chunks, 0), source, path "
                f"from documents left join ({counted}) n using (doc_id) order by doc_id limit ?",
                [most],
            )
            return [tuple(row) for row in rows]

    def files(self) -> dict[str, str]:
        """What `add_files` noted."""
        with self._lock:
            return dict(self._connection.execute("select path, sha256 from files").fetchall())

    def version_of(self, doc_ids: Iterable[str]) -> dict[str, str]:
        """The SHA-256 of those of the documents that there are."""
        wanted = list(doc_ids)
        marks = ",".join("?" * len(wanted))
        with self._lock:
            rows = self._connection.execute(f"select doc_id, sha256 from documents where doc_id in ({marks})", wanted)
            return dict(rows.fetchall())

    def _passages(self, condition: str, values: Sequence[Any]) -> list[Passage]:
        with self._lock:
            rows = self._connection.execute(f"{_PASSAGES} {condition}", values).fetchall()
        return [_passage(*row) for row in rows]


def _passage(
    position: int,
    chunk_id: str,
    doc_id: str,
    text: str,
    headings: str,
    first_line: int,
    last_line: int,
    place: str,
    title: str,
    path: str,
    sha256: str,
    modified: str | None,
    meta: str,
) -> Passage:
    chunk = Chunk(chunk_id, doc_id, text, tuple(json.loads(headings)), first_line, last_line, place)
    return Passage(position, chunk, title, path, sha256, modified, json.loads(meta))


def _document(row: sqlite3.Row) -> Document:
    marks = tuple((line, label) for line, label in json.loads(row["marks"]))
    return Document(**dict(row) | {"meta": json.loads(row["meta"]), "marks": marks})


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
