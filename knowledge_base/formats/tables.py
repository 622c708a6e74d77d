"""CSV and TSV: a row is a document, and the first row names the columns."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from knowledge_base.formats import record
from knowledge_base.formats.page import EMPTY, File, Page, Refusal, has_text, text_of

_DELIMITERS = ",;\t|"
_SAMPLE = 8_192  # characters; the sniffer's patterns are slow
_SAID = re.compile(r"\ufeff?\s*sep=([,;\t|])\n", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CsvRow:
    """A row: its number as a spreadsheet counts, the line on which it begins, and its cells.

    Where something is `wrong` with it, its first line is its only cell.
    """

    number: int
    line: int
    cells: list[str]
    wrong: str = ""


def table(file: File) -> Iterator[Page | Refusal]:
    """The page of each good row, and each malformed row with its line."""
    text = text_of(file)
    if isinstance(text, Refusal) or not has_text(text):
        yield text if isinstance(text, Refusal) else Refusal(EMPTY)
        return
    allow_cells(len(text))
    delimiter, spaced, begin = _dialect(text, file.suffix)
    rows = rows_of(text, delimiter, spaced=spaced, begin=begin)
    header = next((row for row in rows if row.wrong or any(cell.strip() for cell in row.cells)), None)
    if header is None:
        yield Refusal(EMPTY)
        return
    if header.wrong:
        yield Refusal(f"the row that names the columns: {header.wrong}", f":{header.line}")
        return
    names = [" ".join(cell.split())[: record.NAME_LIMIT] or f"column {n}" for n, cell in enumerate(header.cells, 1)]
    again = (row for row in rows_of(text, delimiter, spaced=spaced, begin=begin) if row.line > header.line)
    checked = (_checked(row, names) for row in again)
    id_from = record.id_name(list(zip(names, row.cells, strict=True)) for row in checked if row and not row.wrong)
    yield from _pages(file, rows, names, id_from)


def _pages(file: File, rows: Iterator[CsvRow], names: list[str], id_from: str) -> Iterator[Page | Refusal]:
    empty = True
    for row in filter(None, (_checked(row, names) for row in rows)):
        empty = False
        if row.wrong:
            yield Refusal(row.wrong, f":{row.line}")
        else:
            yield record.page(file.doc_id, list(zip(names, row.cells, strict=True)), id_from, f"row {row.number}")
    if empty:
        yield Refusal("names of columns, and no rows below them")


def _checked(row: CsvRow, names: list[str]) -> CsvRow | None:
    """The row with one cell for each column; None if it is blank."""
    if row.wrong:
        return row
    cells = [cell.strip() for cell in row.cells]
    if not has_text("".join(cells)):
        return None
    while len(cells) > len(names) and not cells[-1]:
        cells.pop()
    if len(cells) != len(names):
        return CsvRow(row.number, row.line, [], f"{len(cells)} cells in a table of {len(names)} columns")
    return CsvRow(row.number, row.line, cells)


def _dialect(text: str, suffix: str) -> tuple[str, bool, int]:
    """The delimiter, whether a space after it is no part of the cell, and the offset at which the table begins."""
    said, begin = said_delimiter(text)
    if said or suffix == ".tsv":
        return said or "\t", False, begin
    sample = text[:_SAMPLE]
    header = next(line for line in chain(sample.split("\n"), [sample]) if line.strip() or line is sample)
    try:
        found = csv.Sniffer().sniff(sample, _DELIMITERS)
    except csv.Error:
        pass
    else:
        if found.delimiter in header:  # it may have counted marks within texts instead
            return found.delimiter, found.skipinitialspace, 0
    return max(_DELIMITERS, key=header.count), False, 0


def said_delimiter(text: str) -> tuple[str, int]:
    """The delimiter that Excel writes above a table for itself (`sep=;`), and the offset at which the table begins.

    Of a table without that line "" and 0.
    """
    said = _SAID.match(text)
    return (said[1], said.end()) if said else ("", 0)


def allow_cells(longest: int) -> None:
    """Have `csv` read cells of so many characters. Its limit is one for the whole process, and so never lowered."""
    csv.field_size_limit(max(longest, csv.field_size_limit()))


def rows_of(text: str, delimiter: str, *, spaced: bool = False, begin: int = 0) -> Iterator[CsvRow]:
    """All rows from character `begin` on; `spaced`: a space after a delimiter is no part of the cell.

    After a malformed row reading goes on at its second line: an open quote costs one row, not the rest.
    """
    stream = io.StringIO(text, newline="\n")
    stream.seek(begin)
    number, line = 0, 1 + text.count("\n", 0, begin)

    def parsed() -> Iterator[list[str]]:
        return csv.reader(stream, delimiter=delimiter, skipinitialspace=spaced, strict=True)

    reader = parsed()
    while True:
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            never_closed = "unexpected end" in str(error)
            stream.seek(begin)
            raw = stream.readline()
            yield CsvRow(
                number, line, [raw], "a quote in it is never closed" if never_closed else f"malformed: {error}"
            )
            reader = parsed()
            line += 1
        else:
            yield CsvRow(number, line, cells)
            line += 1 + sum(cell.count("\n") for cell in cells)
        begin = stream.tell()
