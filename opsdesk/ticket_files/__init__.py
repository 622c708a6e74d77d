"""A file of tickets -> a row for each, good or bad, in order: CSV, JSON, the exports of ticket tools, e-mail.

Rows in are rows out: one that cannot be worked is kept with its line and what is wrong with it. The file's name
says only how its rows stand in it; which tool wrote them is told by what they hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePath

from errors import UsageError
from knowledge_base.formats.page import clean, decode
from opsdesk.ticket_files.csv_rows import csv_records
from opsdesk.ticket_files.mail import mail_records
from opsdesk.ticket_files.objects import json_records
from opsdesk.ticket_files.table import (
    FIELDS,
    OWN,
    UNREAD,
    Field,
    Record,
    Row,
    Table,
    TicketFile,
    check_columns,
    unreadable,
)

__all__ = ["FIELDS", "MAX_BYTES", "MAX_ROWS", "SHOWN", "SUFFIXES", "Field", "Row", "Table", "TicketFile"]

MAX_BYTES = 50_000_000
MAX_ROWS = 100_000
SHOWN = 5
"""Rows of a preview."""

SUFFIXES = (".csv", ".tsv", ".jsonl", ".json", ".mbox", ".eml")
_FEW, _SHORT, _SOME = 1_000, 8, 10  # a text may hold one NUL in so many bytes; a short one more, but only some


def read(data: bytes, name: str, mapping: Mapping[Field, str] | None = None) -> Table:
    """The table in a file's bytes; its name tells the format.

    With a `mapping` that is known before, an object with a column of it is a ticket and no page of tickets.
    Raises `UsageError` for a file that is too large, no text, empty, without one row that can be read, or of
    another format.
    """
    suffix = PurePath(name).suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"tickets come as {', '.join(SUFFIXES)}; export them as one of these")
    if len(data) > MAX_BYTES:
        raise UsageError(f"the file has {len(data) / 1e6:.0f} MB, over the limit of {MAX_BYTES / 1e6:.0f}; split it")
    if not data.strip():
        raise UsageError("the file is empty; choose one with a ticket in each row")
    columns: list[str] | None = None
    if suffix in (".mbox", ".eml"):
        found = mail_records(data, one=suffix == ".eml")
    elif suffix in (".json", ".jsonl"):
        mapped = {(mapping or {}).get(field, "") for field in OWN} - {""}
        found = json_records(_text(data), suffix == ".jsonl", mapped)
    else:
        columns, found = csv_records(_text(data), "\t" if suffix == ".tsv" else "", MAX_BYTES)
    records = _counted(found)
    if not records:
        raise UsageError("the file names columns and has no tickets; choose one with a ticket in each row")
    if columns is None:
        columns = list(dict.fromkeys(name for record in records for name in record.values if name != UNREAD))
        check_columns(len(columns))
        if not columns:
            raise unreadable(records[0])
    return Table(name, columns, records)


def _text(data: bytes) -> str:
    text = decode(data)
    if text is None and data.count(0) <= max(min(_SOME, len(data) // _SHORT), len(data) // _FEW):
        # A stray NUL spoils its row, not the file; it stays visible as a replacement character.
        text = decode(data.replace(b"\0", "\ufffd".encode()))
    if text is None:
        raise UsageError("the file is binary or of no known encoding; export it as UTF-8")
    if not text.strip():
        raise UsageError("the file is empty; choose one with a ticket in each row")
    return clean(text)


def _counted(records: Iterator[Record]) -> list[Record]:
    found: list[Record] = []
    for record in records:
        if len(found) == MAX_ROWS:
            raise UsageError(f"the file has more than {MAX_ROWS:,} tickets; split it")
        found.append(record)
    return found
