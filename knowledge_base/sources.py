"""Files -> documents: what can be read, what was skipped, and why."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal

import charset_normalizer
import frontmatter
import yaml
from bs4 import BeautifulSoup, Comment, Tag
from bs4.exceptions import ParserRejectedMarkup
from markdownify import MarkdownConverter

from errors import UsageError
from knowledge_base.text import plain, visible

Format = Literal["markdown", "text", "html", "jsonl"]

_FORMATS: dict[str, Format] = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "text",
    ".html": "html",
    ".htm": "html",
    ".jsonl": "jsonl",
}
_DATE_KEYS = ("modified", "updated", "date", "last_modified", "lastmod")
_FRONT_MATTER_LIMIT = 65_536  # characters; the YAML parser is slow, and no real front matter is longer
_TITLE_LIMIT = 200  # characters


@dataclass(frozen=True, slots=True)
class Document:
    """One page of a knowledge base.

    `text` is Markdown for every format but `text`, with `\\n` line ends; `first_line` is the 1-based
    line of the source file on which `text` begins (front matter comes before it). For `html` and
    `jsonl` lines are those of `text` itself, so it is 1. `sha256` covers all that a reader of the
    index could see (id, title, text, meta, first line) and so not the file's time.
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


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    doc_id: str
    source: str


@dataclass(frozen=True, slots=True)
class _Page:
    title: str
    text: str
    meta: dict[str, str]
    first_line: int = 1


def read_sources(paths: Sequence[Path], max_bytes: int = 20_000_000) -> Iterator[Document | Skipped]:
    """Every document under `paths`, in a stable order, and every file that had to be skipped.

    A path is a folder, read recursively, or a file. Hidden entries of a folder are passed over in
    silence. `max_bytes` bounds a file, or one line of a JSONL file. Nothing is read before the
    iterator is asked for it. Raises UsageError at once if a path does not exist.
    """
    for path in paths:
        try:
            path.stat()
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}; check the path and its permissions") from error
    return _distinct(found for path in paths for found in _read_path(path.absolute(), max_bytes))


def _distinct(found: Iterable[Document | Skipped]) -> Iterator[Document | Skipped]:
    """`found`, where only the first document of an id is kept."""
    first: dict[str, str] = {}
    for item in found:
        if isinstance(item, Document) and item.doc_id in first:
            yield Skipped(item.path, f"the id {item.doc_id!r} is already taken by {first[item.doc_id]}")
            continue
        if isinstance(item, Document):
            first[item.doc_id] = item.path
        yield item


def _read_path(given: Path, max_bytes: int) -> Iterator[Document | Skipped]:
    if not given.is_dir():
        yield from _read_file(_File(given, given.name, str(given)), max_bytes)
        return
    for path in _walk(given, given.resolve()):
        if isinstance(path, Skipped):
            yield path
        else:
            yield from _read_file(_File(path, path.relative_to(given).as_posix(), str(given)), max_bytes)


def _walk(folder: Path, root: Path) -> Iterator[Path | Skipped]:
    """Files below `folder` in order of name; links are followed to files inside `root`, never to folders."""
    waiting = [folder]
    while waiting:
        path = waiting.pop()
        try:
            refusal = _refusal(path, root) if path != folder and path.is_symlink() else ""
            if refusal:
                yield Skipped(str(path), refusal)
            elif path.is_dir():
                waiting.extend(sorted((p for p in path.iterdir() if not p.name.startswith(".")), reverse=True))
            else:
                yield path
        except OSError as error:
            yield Skipped(str(path), _why(error))


def _refusal(link: Path, root: Path) -> str:
    try:
        target = link.resolve()
    except RuntimeError:  # until Python 3.13 a loop is not an OSError
        return "a link that leads to itself"
    if not target.is_relative_to(root):
        return "a link that leads out of the folder"
    return "a link to a folder that is read where it stands" if target.is_dir() else ""


def _read_file(file: _File, max_bytes: int) -> Iterator[Document | Skipped]:
    kind = _FORMATS.get(file.path.suffix.lower())
    if _LONE_SURROGATE.search(str(file.path)):
        yield Skipped(_clean(str(file.path)), "its name is not valid Unicode; rename it")
        return
    if kind is None:
        yield Skipped(str(file.path), "not a kind of file that is read (md, txt, html, jsonl)")
        return
    try:
        status = file.path.stat()
        if not stat.S_ISREG(status.st_mode):  # opening a FIFO would wait for ever
            yield Skipped(str(file.path), "not a regular file")
            return
        modified = dt.datetime.fromtimestamp(status.st_mtime, dt.UTC).date().isoformat()
        with file.path.open("rb") as stream:
            if kind == "jsonl":
                yield from _read_jsonl(file, stream, modified, max_bytes)
            else:
                yield _read_page(file, kind, stream.read(max_bytes + 1), modified, max_bytes)
    except OSError as error:
        yield Skipped(str(file.path), _why(error))


def _why(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "not readable by this user"
    if isinstance(error, FileNotFoundError):
        return "it is gone: removed while reading, or a link to nothing"
    return f"could not be read ({error.strerror})"


def _read_page(file: _File, kind: Format, data: bytes, modified: str, max_bytes: int) -> Document | Skipped:
    path = str(file.path)
    if len(data) > max_bytes:
        size = max(file.path.stat().st_size, len(data))
        return Skipped(path, f"{size / 1e6:.1f} MB, over the limit of {max_bytes / 1e6:.1f} MB")
    text = _decode(data)
    if text is None:
        return Skipped(path, "binary or of no known encoding")
    try:
        page = _PARSERS[kind](text, _readable(file.path.stem))
    except (RecursionError, ParserRejectedMarkup):
        return Skipped(path, "its markup is nested too deeply, or broken beyond reading")
    if not visible(page.text).strip():
        return Skipped(path, "empty, or without text")
    return _document(file, file.doc_id, kind, page, modified)


def _document(file: _File, doc_id: str, kind: Format, page: _Page, modified: str) -> Document:
    title = page.title[:_TITLE_LIMIT]
    hashed = json.dumps([doc_id, title, page.text, page.meta, page.first_line], sort_keys=True)
    return Document(
        doc_id=doc_id,
        title=title,
        text=page.text,
        format=kind,
        source=file.source,
        path=str(file.path),
        sha256=hashlib.sha256(hashed.encode()).hexdigest(),
        modified=_date_in(page.meta) or modified,
        first_line=page.first_line,
        meta=page.meta,
    )


# Bytes -> text

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def _clean(text: str) -> str:
    """`text` with `\\n` line ends and nothing in it that UTF-8 or SQLite cannot hold."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    return _LONE_SURROGATE.sub("\ufffd", text)


def _decode(data: bytes) -> str | None:
    """UTF-8 if it is that, else the best guess of charset-normalizer; None for binary data.

    Where Windows-1252 is about as likely as the best guess it is taken: on short English texts the
    guesses rank almost at random, and a `£` read as `｣` or a `€` as `А` falsifies a price.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        guesses = charset_normalizer.from_bytes(data)
        best = guesses.best()
        if best is None:
            return None
        western = (g for g in guesses if g.encoding == "cp1252" or "cp1252" in g.could_be_from_charset)
        text = str(next((g for g in western if g.coherence > best.coherence - 0.05), best)).removeprefix("\ufeff")
    return None if "\0" in text else _clean(text)


# Text -> page

_H1_OR_FENCE = re.compile(r"^ {0,3}(?:(```+|~~~+)|#[ \t]+(.*))", re.MULTILINE)


def _first_h1(markdown: str) -> str:
    fence = ""
    for match in _H1_OR_FENCE.finditer(markdown):
        if match[1]:
            fence = match[1] if not fence else "" if match[1].startswith(fence) else fence
        elif not fence and (title := plain(match[2][:_TITLE_LIMIT].rstrip(" \t#"))):
            return title
    return ""


def _readable(stem: str) -> str:
    name = re.sub(r"[-_\s]+", " ", stem).strip()
    return name[:1].upper() + name[1:]


def _markdown(text: str, name: str) -> _Page:
    head = text[:_FRONT_MATTER_LIMIT]
    try:
        front, body = frontmatter.parse(head)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        front, body = {}, ""  # not front matter after all: it stays part of the text
    start = len(head.rstrip()) - len(body) if front else 0
    meta = _scalars(front)
    title = meta.get("title") or _first_h1(text[start:]) or name
    return _Page(title, text[start:], meta, first_line=1 + text.count("\n", 0, start))


def _plain_text(text: str, name: str) -> _Page:
    first = next((line.strip() for line in text.split("\n") if line.strip()), "")
    return _Page(first if len(first) <= 80 else name, text, {})


_UNSEEN = (
    "script, style, nav, template, noscript, [hidden],"
    " [style*='display:none' i], [style*='display: none' i],"
    " [style*='visibility:hidden' i], [style*='visibility: hidden' i]"
)


def _html(text: str, name: str) -> _Page:
    soup = BeautifulSoup(text, "html.parser")
    meta = _scalars({str(m["name"]): m.get("content") for m in soup.find_all("meta", attrs={"name": True})})
    for tag in soup.select(_UNSEEN):
        tag.decompose()
    for comment in soup.find_all(string=lambda s: isinstance(s, Comment)):
        comment.extract()
    for image in soup.find_all("img"):  # its address may be a megabyte of base64
        image.replace_with(str(image.get("alt", "")))
    titles = [" ".join(tag.get_text().split()) for tag in (soup.title, soup.h1) if tag]
    title = next(filter(None, titles), name)
    body: Tag = soup.body or soup
    if soup.title:
        soup.title.extract()
    # Identifiers such as `max_wait_s` must stay as they are, so nothing is escaped.
    converter = MarkdownConverter(
        heading_style="atx",
        bullets="-",
        escape_asterisks=False,
        escape_underscores=False,
        table_infer_header=True,
    )
    markdown: str = converter.convert_soup(body)
    return _Page(title, _clean(markdown), meta)


_PARSERS: dict[Format, Callable[[str, str], _Page]] = {"markdown": _markdown, "text": _plain_text, "html": _html}


# JSON Lines


def _read_jsonl(file: _File, stream: BinaryIO, modified: str, max_bytes: int) -> Iterator[Document | Skipped]:
    empty = True
    for number, line in enumerate(_lines(stream, max_bytes), start=1):
        if number == 1 and line and b"\0" in line:
            yield Skipped(str(file.path), "binary or of no known encoding")
            return
        if line is not None and not line.strip():
            continue
        empty = False
        record = f"over the limit of {max_bytes / 1e6:.1f} MB" if line is None else _record(line)
        if isinstance(record, str):
            yield Skipped(f"{file.path}:{number}", record)
        else:
            yield _document(file, record[0], "jsonl", record[1], modified)
    if empty:
        yield Skipped(str(file.path), "empty, or without text")


def _lines(stream: BinaryIO, max_bytes: int) -> Iterator[bytes | None]:
    """The lines of `stream`; None for one that is longer than `max_bytes`, which is never held in memory."""
    while line := stream.readline(max_bytes + 1):
        if len(line.rstrip(b"\r\n")) <= max_bytes:
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(max_bytes + 1)
        yield None


def _record(line: bytes) -> tuple[str, _Page] | str:
    """The id and page of one line, or why there is none."""
    try:
        record = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return "not JSON in UTF-8"
    if not isinstance(record, dict):
        return "not a JSON object"
    doc_id = _scalar(record.pop("id", None))
    if not doc_id:
        return "no id"
    text = record.pop("text", None)
    if not isinstance(text, str) or not visible(text).strip():
        return "no text"
    text = _clean(text)
    title = _scalar(record.pop("title", None)) or _first_h1(text) or doc_id
    return doc_id, _Page(title, text, _scalars(record))


# Metadata


def _scalars(values: Mapping[str, Any]) -> dict[str, str]:
    found = {str(key).lower(): _scalar(value) for key, value in values.items()}
    return {_clean(key): value for key, value in found.items() if value}


def _scalar(value: object) -> str:
    """`value` as one line of text; empty for what is neither text, number, truth value nor date."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dt.date):  # a datetime is one too
        return value.isoformat()
    return " ".join(_clean(str(value)).split()) if isinstance(value, str | int | float) else ""


def _date_in(meta: Mapping[str, str]) -> str | None:
    """The first date among the usual keys of `meta`, as YYYY-MM-DD."""
    for key in _DATE_KEYS:
        try:
            return dt.date.fromisoformat(meta.get(key, "")[:10]).isoformat()
        except ValueError:
            continue
    return None
