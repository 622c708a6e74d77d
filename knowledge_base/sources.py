"""Files -> documents: what can be read, what was skipped, and why."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import re
import stat
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from errors import UsageError
from knowledge_base.formats import FORMATS, KINDS
from knowledge_base.formats import Format as Format
from knowledge_base.formats.page import BINARY, LONE_SURROGATE, TITLE_LIMIT, Page, over
from knowledge_base.reader import Reader, open_regular, why

_DATE_KEYS = ("modified", "updated", "date", "last_modified", "lastmod")
_HEAD = 65_536  # bytes looked at before a file without a limit is read


@dataclass(frozen=True, slots=True)
class Document:
    """One page of a knowledge base.

    `text` is Markdown for every format but `text` and `pdf`, with `\\n` line ends; `first_line` is the
    1-based line of the source file on which `text` begins (front matter comes before it). Where lines
    are those of `text` itself, as in all but Markdown and text, it is 1. `marks` names the places
    that begin on a line of `text`, 1-based: `(1, "page 1"), (40, "page 2")`, or `(1, "row 12"),`.
    `sha256` covers all that a reader of the index could see (id, title, text, meta, first line,
    marks) and so not the file's time.
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
    marks: tuple[tuple[int, str], ...] = ()


def is_internal(meta: Mapping[str, str]) -> bool:
    """Whether a page says of itself that only staff may be shown it."""
    return meta.get("audience", "").lower() == "internal"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file, or a line (`path:line`) of one, that was left out; `reason` is one plain line.

    `unread` is a file or folder that is there and could not be read as it is: locked, or half written, say.
    """

    path: str
    reason: str
    unread: bool = field(default=False, compare=False)


Known = Callable[[str, str], Sequence[Document] | None]
"""The path of a file and the SHA-256 of its bytes -> its documents from an earlier run, or None."""


@dataclass(frozen=True, slots=True)
class Source:
    """What is read as one: a folder, or a file.

    A knowledge base knows it by its path, or as `called`, wherever it lies. It may be `part_of` a folder that is
    known already: its documents then have the ids that they have there.
    """

    path: Path
    called: str = ""
    part_of: Path | None = None

    @property
    def name(self) -> str:
        """What its documents say that they come from."""
        return self.called or str(self.part_of or self.path)


def gone(path: Path) -> bool:
    """Whether nothing is there; what cannot be looked at may be."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    doc_id: str
    source: str


@dataclass(frozen=True, slots=True)
class _Seen:
    """A regular file as it was when its bytes were digested."""

    sha256: str
    modified: str | None
    stamp: tuple[int, int, int]


class Reading(Iterator[Document | Skipped]):
    """Documents and skipped files, read as they are asked for; can be gone through once.

    `files` holds the SHA-256 of the bytes of each file that gave documents and nothing to skip, by
    its path, and is complete at the end. `close` it if you stop before that.
    """

    def __init__(self, sources: Sequence[Source], max_bytes: int, known: Known | None):
        self.files: dict[str, str] = {}
        # What reads does not know this object: forgotten half-way, it is closed at once and not by a later sweep.
        self._found = _Run(max_bytes, known, self.files).read(sources)

    def __next__(self) -> Document | Skipped:
        """The next document or skipped file."""
        return next(self._found)

    def close(self) -> None:
        """Stop reading."""
        self._found.close()


class _Run:
    """One reading; what it notes in `files` is told by `Reading`."""

    def __init__(self, max_bytes: int, known: Known | None, files: dict[str, str]):
        self._max_bytes = max_bytes
        self._known = known
        self._files = files

    def read(self, sources: Sequence[Source]) -> Generator[Document | Skipped]:
        with closing(Reader()) as reader:
            for source in sources:
                for file in _files(source):
                    if isinstance(file, Skipped):
                        yield file
                    else:
                        yield from self._read_file(file, reader)

    def _read_file(self, file: _File, reader: Reader) -> Iterator[Document | Skipped]:
        seen = _look(file.path, self._max_bytes)
        if isinstance(seen, Skipped):
            yield seen
            return
        path = str(file.path)
        whole = True
        for item in (self._known and self._known(path, seen.sha256)) or self._parsed(file, seen.modified, reader):
            whole = whole and isinstance(item, Document)
            yield item
        if whole and _stamp_of(file.path) == seen.stamp:  # else what was read is not what was digested
            self._files[path] = seen.sha256

    def _parsed(self, file: _File, modified: str | None, reader: Reader) -> Iterator[Document | Skipped]:
        ids: set[str] = set()
        for item in reader.read(file.path, file.doc_id, self._max_bytes):
            if isinstance(item, Page) and item.doc_id in ids:
                yield Skipped(str(file.path), f"the id {item.doc_id!r} is already taken by {file.path}")
            elif isinstance(item, Page):
                ids.add(item.doc_id)
                yield _document(file, item, modified)
            else:
                yield Skipped(f"{file.path}{item.at}", item.reason, unread=item.passing)


def read_sources(paths: Sequence[Path | Source], max_bytes: int = 20_000_000, known: Known | None = None) -> Reading:
    """Every document under `paths`, in a stable order, and every file that had to be skipped.

    Documents of several files may have one id (see `Sync`). A path is a folder, read recursively, or a
    file. Hidden entries of a folder are passed over in silence. `max_bytes` bounds a file, or one line
    of a JSONL file. Files are parsed in a process of their own, within its limits of time and memory;
    one for which `known` has documents is not parsed. Nothing is read before the result is asked for
    it. Raises UsageError at once if a path does not exist, and StoreError later if no process can be
    started.
    """
    sources = [path if isinstance(path, Source) else Source(path.absolute()) for path in paths]
    for source in sources:
        try:
            source.path.stat()
        except OSError as error:
            raise UsageError(f"{source.path}: {error.strerror}; check the path and its permissions") from error
    return Reading(sources, max_bytes, known)


def _files(source: Source) -> Iterator[_File | Skipped]:
    given = source.path
    root = source.part_of or (given if given.is_dir() else given.parent)
    for path in _walk(given, root.resolve()) if given.is_dir() else [given]:
        if isinstance(path, Skipped):
            yield path
        else:
            yield _File(path, path.relative_to(root).as_posix(), source.name)


def _walk(folder: Path, root: Path) -> Iterator[Path | Skipped]:
    """Files below `folder` in order of name; links are followed to files inside `root`, never to folders."""
    waiting = [folder]
    while waiting:
        path = waiting.pop()
        try:
            refusal = _refusal(path, root) if path != folder and path.is_symlink() else ""
            if refusal:
                yield Skipped(_printable(path), refusal)
            elif path.is_dir():
                waiting.extend(sorted((p for p in path.iterdir() if not p.name.startswith(".")), reverse=True))
            else:
                yield path
        except OSError as error:
            yield _unopened(path, error)


def _refusal(link: Path, root: Path) -> str:
    try:
        target = link.resolve()
    except RuntimeError:  # until Python 3.13 a loop is not an OSError
        return "a link that leads to itself"
    if not target.is_relative_to(root):
        return "a link that leads out of the folder"
    return "a link to a folder that is read where it stands" if target.is_dir() else ""


# Control characters can forge a line of what is printed, and marks of direction make a name read as another.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def _printable(path: Path) -> str:
    return _UNPRINTABLE.sub("\ufffd", str(path))


def _unopened(path: Path, error: OSError) -> Skipped:
    return Skipped(_printable(path), why(error), unread=not isinstance(error, FileNotFoundError))


def _look(path: Path, max_bytes: int) -> _Seen | Skipped:
    """The digest of a file that may be read, or why it may not."""
    kind = FORMATS.get(path.suffix.lower())
    printable = _printable(path)
    if printable != str(path):
        what = "is not valid Unicode" if LONE_SURROGATE.search(str(path)) else "has control characters"
        return Skipped(printable, f"its name {what}; rename it")
    if kind is None:
        return Skipped(printable, f"not a kind of file that is read ({KINDS})")
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a socket cannot be opened, and some devices must not be
            return Skipped(printable, "not a regular file")
        with open_regular(path) as file:
            status = os.fstat(file.fileno())
            if kind != "jsonl" and status.st_size > max_bytes:
                return Skipped(printable, over(status.st_size, max_bytes).reason)
            if b"\0" in file.read(_HEAD) and kind == "jsonl":  # such as a file of holes, which has no end
                return Skipped(printable, BINARY)
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return _unopened(path, error)
    return _Seen(digest, _day(status.st_mtime), _stamp(status))


def _day(seconds: float) -> str | None:
    """YYYY-MM-DD of a file's time, in UTC; None for a year that no calendar has."""
    try:
        return dt.datetime.fromtimestamp(seconds, dt.UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return None


def _stamp(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _stamp_of(path: Path) -> tuple[int, int, int] | None:
    try:
        return _stamp(path.stat())
    except OSError:
        return None


def _document(file: _File, page: Page, modified: str | None) -> Document:
    title = page.title[:TITLE_LIMIT]
    hashed = json.dumps([page.doc_id, title, page.text, page.meta, page.first_line, page.marks], sort_keys=True)
    return Document(
        doc_id=page.doc_id,
        title=title,
        text=page.text,
        format=FORMATS[file.path.suffix.lower()],
        source=file.source,
        path=str(file.path),
        sha256=hashlib.sha256(hashed.encode()).hexdigest(),
        modified=_date_in(page.meta) or modified,
        first_line=page.first_line,
        meta=page.meta,
        marks=page.marks,
    )


def _date_in(meta: Mapping[str, str]) -> str | None:
    """The first date among the usual keys of `meta`, as YYYY-MM-DD."""
    for key in _DATE_KEYS:
        try:
            return dt.date.fromisoformat(meta.get(key, "")[:10]).isoformat()
        except ValueError:
            continue
    return None
