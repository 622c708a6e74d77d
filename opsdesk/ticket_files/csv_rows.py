"""CSV in its dialects -> records."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence

from errors import UsageError
from knowledge_base.formats.tables import CsvRow, allow_cells, rows_of, said_delimiter
from opsdesk.ticket_files.table import UNREAD, Record, check_columns

_DELIMITERS = ",;\t|"
_SAMPLE = 8_192  # characters that are looked at for the delimiter
_NEVER = "\x1f"  # of a single column: what no text is cut at


def csv_records(text: str, delimiter: str, longest: int) -> tuple[list[str], Iterator[Record]]:
    """(columns, records) of a table with a header. `delimiter` "" finds it out; a cell may have `longest` characters.

    Raises `UsageError` for a table without a header that can be read, or with too many columns.
    """
    allow_cells(longest)
    said, begin = said_delimiter(text)
    delimiter = delimiter or said or _delimiter(text[begin : begin + _SAMPLE])
    rows = rows_of(text, delimiter, begin=begin)
    header = next((row for row in rows if row.wrong or any(cell.strip() for cell in row.cells)), None)
    if header is None:
        raise UsageError("the file has no text; choose one with a ticket in each row")
    if header.wrong:
        raise UsageError(f"line {header.line}, which names the columns: {header.wrong}; mend it in the file")
    check_columns(len(header.cells))
    columns = _distinct(header.cells)
    return columns, _checked(rows, columns)


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


def _checked(rows: Iterator[CsvRow], columns: list[str]) -> Iterator[Record]:
    for row in rows:
        cells, error = row.cells, row.wrong
        if not error and not any(cell.strip() for cell in cells):
            continue
        while len(cells) > len(columns) and not cells[-1].strip():
            cells = cells[:-1]
        if not error and len(cells) != len(columns):
            error = f"{len(cells)} cells in a table of {len(columns)} columns"
        yield Record(row.line, {UNREAD: "\n".join(cells)} if error else dict(zip(columns, cells, strict=True)), error)


def _distinct(cells: Sequence[str]) -> list[str]:
    """Each column's name; of two alike the second is told apart by its place."""
    found: list[str] = []
    for place, cell in enumerate(cells, start=1):
        name = " ".join(cell.split())[:200] or f"column {place}"
        found.append(name if name not in found else f"{name} (column {place})")
    return found
