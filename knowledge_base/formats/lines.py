"""JSON Lines of {"id", "title", "text"}: a line is a document."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import BinaryIO

from knowledge_base.formats.page import (
    BINARY,
    EMPTY,
    UNCLEAR,
    File,
    Page,
    Refusal,
    clean,
    first_h1,
    has_text,
    is_unclear,
    scalar,
    scalars,
)


def lines(file: File) -> Iterator[Page | Refusal]:
    """The page of each good line, and each bad line with its number. The limit is that of a line."""
    empty = True
    for number, line in enumerate(_lines(file.stream, file.max_bytes), start=1):
        if number == 1 and line and b"\0" in line:
            yield Refusal(BINARY)
            return
        if line is not None and not line.strip():
            continue
        empty = False
        page = f"over the limit of {file.max_bytes / 1e6:.1f} MB" if line is None else _page(line)
        yield Refusal(page, f":{number}") if isinstance(page, str) else page
    if empty:
        yield Refusal(EMPTY)


def _lines(stream: BinaryIO, max_bytes: int) -> Iterator[bytes | None]:
    """The lines of `stream`; None for one that is longer than `max_bytes`, which is never held in memory."""
    while line := stream.readline(max_bytes + 1):
        if len(line.rstrip(b"\r\n")) <= max_bytes:
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(max_bytes + 1)
        yield None


def _page(line: bytes) -> Page | str:
    """The page of one line, or why there is none."""
    try:
        record = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return "not JSON in UTF-8"
    if not isinstance(record, dict):
        return "not a JSON object"
    doc_id = scalar(record.pop("id", None))
    if not doc_id:
        return "no id"
    text = record.pop("text", None)
    if not isinstance(text, str) or not has_text(text):
        return "no text"
    text = clean(text)
    title = scalar(record.pop("title", None)) or first_h1(text) or doc_id
    meta = scalars(record)
    return UNCLEAR if is_unclear(meta.get("audience", "")) else Page(doc_id, title, text, meta)
