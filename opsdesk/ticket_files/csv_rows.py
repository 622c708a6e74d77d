"""CSV in its dialects -> records."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence

from errors import UsageError
from opsdesk.ticket_files.table import UNREAD, Record, check_columns

_DELIMITERS = ",;\t|"
_SAMPLE = 8_192  # characters that are looked at for the delimiter
_NEVER = "\x1f"  # of a single column: what no text is cut at
_SAID = re.compile(r"\ufeff?\s*sep=([,;\t|])\n", re.IGNORECASE)


def csv_records(text: str, delimiter: str, longest: int) -> tuple[list[str], Iterator[Record]]:
    """(columns, records) of a table with a header. `delimiter` "" finds it out; a cell may have `longest` characters.

    Raises `UsageError` for a table without a header that can be read, or with too many columns.
    """
    csv.field_size_limit(longest)
    said = _SAID.match(text)  # as Excel writes it for itself
    begin = said.end() if said else 0
    if not delimiter:
        delimiter = said[1] if said else _delimiter(text[begin : begin + _SAMPLE])
    lines = _csv_rows(text, delimiter, begin)
    header = next((row for row in lines if row[2] or any(cell.strip() for cell in row[1])), None)
    if header is None:
        raise UsageError("the file has no text; choose one with a ticket in each row")
    line, cells, error = header
    if error:
        raise UsageError(f"line {line}, which names the columns: {error}; mend it in the file")
    check_columns(len(cells))
    columns = _distinct(cells)
    return columns, _checked(lines, columns)


def _delimiter(sample: str) -> str:
    header = next((line for line in sample.split("\n") if line.strip()), "")
    try:
        found = csv.Sniffer().sniff(sample, _DELIMITERS).delimiter
    except csv.Error:
        found = ""
    # The sniffer may have counted marks within texts instead.
    if found not in header or not found:
        found = max(_DELIMITERS, key=header.count)
    return found if found in header else _NEVER


def _checked(lines: Iterator[tuple[int, list[str], str]], columns: list[str]) -> Iterator[Record]:
    for line, cells, error in lines:
        if not error and not any(cell.strip() for cell in cells):
            continue
        while len(cells) > len(columns) and not cells[-1].strip():
            cells = cells[:-1]
        if not error and len(cells) != len(columns):
            error = f"{len(cells)} cells in a table of {len(columns)} columns"
        yield Record(line, {UNREAD: "\n".join(cells)} if error else dict(zip(columns, cells, strict=True)), error)


def _distinct(cells: Sequence[str]) -> list[str]:
    """Each column's name; of two alike the second is told apart by its place."""
    found: list[str] = []
    for place, cell in enumerate(cells, start=1):
        name = " ".join(cell.split())[:200] or f"column {place}"
        found.append(name if name not in found else f"{name} (column {place})")
    return found


def _csv_rows(text: str, delimiter: str, begin: int) -> Iterator[tuple[int, list[str], str]]:
    """(line, cells, error) of each row from `begin` on. A quote never closed would swallow all tickets below it.

    So after a malformed row reading goes on at its second line: it costs that row, not the rest.
    """
    stream = io.StringIO(text, newline="\n")
    stream.seek(begin)
    line = 1 + text.count("\n", 0, begin)
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
