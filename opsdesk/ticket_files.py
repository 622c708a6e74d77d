"""A file of tickets -> a row for each, good or bad, in order: CSV in its dialects, JSON Lines, a JSON array.

Rows in are rows out: one that cannot be worked is kept with its line and what is wrong with it.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Literal, NamedTuple, get_args

from errors import UsageError
from knowledge_base.formats.page import clean, decode
from knowledge_base.text import visible
from opsdesk.tickets import check_ticket
from tasks.case import Ticket

Field = Literal["body", "subject", "ticket_id", "customer"]
FIELDS: tuple[Field, ...] = get_args(Field)

USUAL: dict[Field, tuple[str, ...]] = {
    "body": (
        "body",
        "description",
        "text",
        "message",
        "question",
        "content",
        "ticket",
        "request",
        "comment",
        "details",
    ),
    "subject": ("subject", "title", "summary", "topic", "headline"),
    "ticket_id": ("ticket_id", "id", "ticket", "ticket_number", "number", "case_id", "key", "reference", "ref"),
    "customer": ("customer", "customer_name", "name", "requester", "requester_name", "from", "contact", "author"),
}
"""The names under which each field is looked for, the likeliest first."""

MAX_BYTES = 50_000_000
MAX_ROWS = 100_000
MAX_COLUMNS = 500
SHOWN = 5
"""Rows of a preview."""

SUFFIXES = (".csv", ".tsv", ".jsonl", ".json")
_DELIMITERS = ",;\t|"
_SAMPLE = 8_192  # characters that are looked at for the delimiter


class Row(NamedTuple):
    """One ticket of a file, numbered from 1; `error` says why it is rejected, and is "" for one to work.

    `line` is where it begins in the file, or its place in a JSON array.
    """

    seq: int
    line: int
    ticket: Ticket
    error: str = ""


@dataclass(frozen=True, slots=True)
class TicketFile:
    """A file as it was read: its columns, the one taken for each field, and its rows. "" is a field without one."""

    name: str
    columns: list[str]
    mapping: dict[Field, str]
    rows: list[Row]

    @property
    def rejected(self) -> list[Row]:
        """The rows that cannot be worked."""
        return [row for row in self.rows if row.error]


class _Record(NamedTuple):
    """A row before its fields are told apart; `error` as in `Row`."""

    line: int
    values: dict[str, str]
    error: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """The columns and records of a file, from which rows are made by any mapping."""

    name: str
    columns: list[str]
    records: list[_Record]

    def guess(self) -> dict[Field, str]:
        """The column of each field by its usual names; "" where none fits. No column serves twice."""
        by_name = {_plain(column): column for column in reversed(self.columns)}
        found: dict[Field, str] = {}
        for field, names in USUAL.items():
            free = (by_name[n] for n in names if n in by_name and by_name[n] not in found.values())
            found[field] = next(free, "")
        return found

    def rows(self, mapping: Mapping[Field, str] | None = None) -> TicketFile:
        """The tickets under a mapping, the guessed one for what it leaves out.

        Raises `UsageError` when no column is the body, or the mapping names a column that is not there.
        """
        chosen = {**self.guess(), **(mapping or {})}
        for field, column in chosen.items():
            if column and column not in self.columns:
                raise UsageError(f'there is no column "{column}" for the {field}; the file has: {_list(self.columns)}')
        if not chosen["body"]:
            raise UsageError(f"no column holds the tickets' text; say which one does, of: {_list(self.columns)}")
        rows = [_row(seq, record, chosen) for seq, record in enumerate(self.records, start=1)]
        return TicketFile(self.name, self.columns, chosen, rows)


def read(data: bytes, name: str) -> Table:
    """The table in a file's bytes; its name tells the format.

    Raises `UsageError` for a file that is too large, no text, empty, or of another format.
    """
    suffix = PurePath(name).suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"tickets come as {', '.join(SUFFIXES)}; export them as one of these")
    if len(data) > MAX_BYTES:
        raise UsageError(f"the file has {len(data) / 1e6:.0f} MB, over the limit of {MAX_BYTES / 1e6:.0f}; split it")
    text = decode(data)
    if text is None:
        raise UsageError("the file is binary or of no known encoding; export it as UTF-8")
    if not text.strip():
        raise UsageError("the file is empty; choose one with a ticket in each row")
    if suffix in (".csv", ".tsv"):
        columns, records = _csv(text, "\t" if suffix == ".tsv" else _delimiter(text[:_SAMPLE]))
    else:
        columns, records = _objects(_array(text) if suffix == ".json" and text.lstrip()[0] == "[" else _lines(text))
    if not records:
        raise UsageError("the file names columns and has no tickets; choose one with a ticket in each row")
    return Table(name, columns, records)


def _row(seq: int, record: _Record, mapping: Mapping[Field, str]) -> Row:
    if record.error:
        raw = clean("\n".join(record.values.values()))
        return Row(seq, record.line, Ticket(text=raw, ticket_id=str(seq), kind="reply"), record.error)
    value = {field: clean(record.values.get(column, "")) if column else "" for field, column in mapping.items()}
    ticket = Ticket(
        text=value["body"],
        ticket_id=" ".join(value["ticket_id"].split()) or str(seq),
        subject=" ".join(value["subject"].split()),
        customer=" ".join(value["customer"].split()),
        kind="reply",
    )
    if not visible(ticket.text).strip():
        return Row(seq, record.line, ticket, "the text is empty")
    try:
        check_ticket(ticket)
    except UsageError as error:
        return Row(seq, record.line, ticket, str(error))
    return Row(seq, record.line, ticket)


def _plain(column: str) -> str:
    return "_".join("".join(c if c.isalnum() else " " for c in column.lower()).split())


def _list(columns: Sequence[str]) -> str:
    return ", ".join(f'"{column[:60]}"' for column in columns[:12]) + (" …" if len(columns) > 12 else "")


def _counted(records: Iterator[_Record]) -> list[_Record]:
    found: list[_Record] = []
    for record in records:
        if len(found) == MAX_ROWS:
            raise UsageError(f"the file has more than {MAX_ROWS:,} tickets; split it")
        found.append(record)
    return found


# --- CSV ---------------------------------------------------------------------------------------------


def _delimiter(sample: str) -> str:
    header = next(line for line in sample.split("\n") if line.strip() or not sample.strip())
    try:
        found = csv.Sniffer().sniff(sample, _DELIMITERS).delimiter
    except csv.Error:
        found = ""
    # The sniffer may have counted marks within texts instead.
    return found if found and found in header else max(_DELIMITERS, key=header.count)


def _csv(text: str, delimiter: str) -> tuple[list[str], list[_Record]]:
    csv.field_size_limit(MAX_BYTES)
    lines = _csv_rows(text, delimiter)
    header = next((row for row in lines if row[2] or any(cell.strip() for cell in row[1])), None)
    if header is None:
        raise UsageError("the file has no text; choose one with a ticket in each row")
    line, cells, error = header
    if error:
        raise UsageError(f"line {line}, which names the columns: {error}; mend it in the file")
    if len(cells) > MAX_COLUMNS:
        raise UsageError(f"the file has {len(cells):,} columns, more than {MAX_COLUMNS}; leave some out")
    columns = _distinct(cells)
    return columns, _counted(_checked(lines, columns))


def _checked(lines: Iterator[tuple[int, list[str], str]], columns: list[str]) -> Iterator[_Record]:
    for line, cells, error in lines:
        if not error and not any(cell.strip() for cell in cells):
            continue
        while len(cells) > len(columns) and not cells[-1].strip():
            cells = cells[:-1]
        if not error and len(cells) != len(columns):
            error = f"{len(cells)} cells in a table of {len(columns)} columns"
        named = zip(columns, cells, strict=False) if not error else ((str(n), cell) for n, cell in enumerate(cells))
        yield _Record(line, dict(named), error)


def _distinct(cells: Sequence[str]) -> list[str]:
    """Each column's name; of two alike the second is told apart by its place."""
    found: list[str] = []
    for place, cell in enumerate(cells, start=1):
        name = " ".join(cell.split())[:200] or f"column {place}"
        found.append(name if name not in found else f"{name} (column {place})")
    return found


def _csv_rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str], str]]:
    """(line, cells, error) of each row. A quote that is never closed would swallow all tickets below it.

    So after a malformed row reading goes on at its second line: it costs that row, not the rest.
    """
    stream = io.StringIO(text, newline="\n")
    line, begin = 1, 0
    reader = csv.reader(stream, delimiter=delimiter, strict=True)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            never_closed = "unexpected end" in str(error)
            stream.seek(begin)
            raw = stream.readline()
            yield line, [raw], "a quote in it is never closed" if never_closed else f"malformed: {error}"
            reader = csv.reader(stream, delimiter=delimiter, strict=True)
            line += 1
        else:
            yield line, cells, ""
            line += 1 + sum(cell.count("\n") for cell in cells)
        begin = stream.tell()


# --- JSON --------------------------------------------------------------------------------------------


def _lines(text: str) -> Iterator[_Record]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield _record(number, json.loads(line))
            except (ValueError, RecursionError) as error:
                yield _Record(number, {"line": line}, f"not JSON ({_why(error)})")


def _array(text: str) -> Iterator[_Record]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the file is not JSON ({_why(error)}); mend it, or give one object a line") from error
    for place, value in enumerate(found, start=1):
        yield _record(place, value)


def _why(error: Exception) -> str:
    return f"{error.msg}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)[:100]


def _record(line: int, value: Any) -> _Record:
    if not isinstance(value, dict):
        return _Record(line, {"line": json.dumps(value, ensure_ascii=False)}, "not an object of named values")
    return _Record(line, {str(name): _text(found) for name, found in value.items()})


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _objects(records: Iterator[_Record]) -> tuple[list[str], list[_Record]]:
    found = _counted(records)
    columns = list(dict.fromkeys(name for record in found if not record.error for name in record.values))
    if len(columns) > MAX_COLUMNS:
        raise UsageError(f"the file has {len(columns):,} names of values, more than {MAX_COLUMNS}; leave some out")
    return columns or ["line"], found
