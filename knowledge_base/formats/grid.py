"""Tables of a page -> plain grids: a cell for each row and column, one row of heads, and no tables for layout."""

from __future__ import annotations

import copy
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby, takewhile

from bs4 import BeautifulSoup, Tag

_MOST_ADDED = 20_000  # cells, in all tables of a page; each takes some 50 µs
_LONGEST_REPEATED = 200  # characters; what is longer is prose, and is left where it was written
_MOST_COLUMNS, _MOST_ROWS = 1_000, 65_534  # of one cell, by HTML's own rule
_MOST_HEADS = 4  # rows; a table with more was marked up by a tool that calls all of its rows heads
_HEADINGS = ["h1", "h2", "h3", "h4", "h5", "h6"]
_GROUPS = ("thead", "tbody", "tfoot")
_PARTS = ["caption", "colgroup", "col", *_GROUPS, "tr", "td", "th"]
_NUMBER = re.compile(r"\s*(\d{1,9})", re.ASCII)


class TooManyCells(ValueError):
    """The merged cells of a page stand for more cells than can be written out; the message says what to do."""


def straighten(soup: BeautifulSoup) -> None:
    """Make each table of `soup` one in which every row says by itself what a visitor sees in it.

    What a merged cell says is said in each row and column that it spans, heads of several rows become one, and a
    table that only places things on the page becomes blocks. Raises TooManyCells.
    """
    parts: dict[int, list[Tag]] = defaultdict(list)
    for part in soup.find_all(_PARTS):
        if table := part.find_parent("table"):
            parts[id(table)].append(part)
    left = _MOST_ADDED
    for table in soup.find_all("table"):
        own = parts[id(table)]
        if _places_things(table, _named(own, "tr")):
            for part in [table, *own]:
                part.name = "div"
        else:
            left -= _straighten(table, own, left)


def _named(parts: Sequence[Tag], *names: str) -> list[Tag]:
    return [part for part in parts if part.name in names]


def _cells(row: Tag) -> list[Tag]:
    return [cell for cell in row.children if isinstance(cell, Tag) and cell.name in ("td", "th")]


def _places_things(table: Tag, rows: Sequence[Tag]) -> bool:
    """Whether it tells nothing in which row and column something stands."""
    if table.get("role") in ("presentation", "none") or table.find("table"):
        return True
    widest = max((len(_cells(row)) for row in rows), default=0)
    return widest * len(rows) <= 1 or (1 in (widest, len(rows)) and table.find(_HEADINGS) is not None)


def _straighten(table: Tag, parts: Sequence[Tag], most: int) -> int:
    """How many cells were added to the rows of `table`; at most `most`."""
    for foot in _named(parts, "tfoot"):
        table.append(foot)  # HTML 4 has it above the body
    rows = sorted(_named(parts, "tr"), key=lambda row: row.parent is not None and row.parent.name == "tfoot")
    _put_before(table, _named(parts, "caption"))
    while len(rows) > 1 and len(title := _cells(rows[0])) == 1 and _spanned(title[0], "colspan", _MOST_COLUMNS) > 1:
        _put_before(table, title)
        rows.pop(0).decompose()
    heads = _heads(rows)
    added = 0
    for _, group in groupby(rows, key=lambda row: id(row.parent)):  # no cell spans rows of two groups
        some = list(group)
        lines = [_cells(row) for row in some]
        for row, cells, line in zip(some, lines, _spread(lines, most - added), strict=True):
            added += len(line) - len(cells)
            _write(row, cells, line)
    _merge([row for row in rows[:heads] if not row.decomposed])
    for part in _named(parts, *_GROUPS, "colgroup", "col"):
        part.unwrap()
    return added


def _put_before(table: Tag, parts: list[Tag]) -> None:
    for part in parts:
        part.name, part.attrs = "p", {}
        table.insert_before(part)


def _heads(rows: Sequence[Tag]) -> int:
    """How many rows at the top are heads of all rows below."""
    marked = list(takewhile(lambda row: row.parent is not None and row.parent.name == "thead", rows))
    heads = len(marked or list(takewhile(lambda row: all(cell.name == "th" for cell in _cells(row)), rows)))
    return heads if heads < len(rows) and heads <= _MOST_HEADS else 0


# Merged cells


def _spanned(cell: Tag, attribute: str, most: int) -> int:
    """How many rows or columns `cell` spans; 0 stands for all that follow."""
    number = _NUMBER.match(str(cell.get(attribute, "")))
    return min(int(number[1]), most) if number else 1


def _spread(rows: Sequence[list[Tag]], most: int) -> Iterator[list[Tag | None]]:
    """For each row the cell of each of its columns, a merged one in all that it spans; None where no cell is."""
    above: dict[int, tuple[int, Tag]] = {}  # column -> the last row that a cell from above spans, and that cell
    for number, row in enumerate(rows):
        above = {column: spanning for column, spanning in above.items() if spanning[0] >= number}
        amid = len(row) == 1 and not above  # a title amid the rows need not be said in each column
        line: list[Tag | None] = []
        for cell in row:
            while len(line) in above:
                line.append(above[len(line)][1])
            last = number - 1 + (_spanned(cell, "rowspan", _MOST_ROWS) or len(rows))
            for _ in range(1 if amid else max(1, _spanned(cell, "colspan", _MOST_COLUMNS))):
                if last > number:
                    above[len(line)] = last, cell
                line.append(cell)
            if len(line) - len(row) > most:
                raise TooManyCells("its tables merge too many cells; split the page")
        further = range(len(line), max(above, default=-1) + 1)
        line += [above[column][1] if column in above else None for column in further]
        most -= len(line) - len(row)
        yield line


def _write(row: Tag, cells: Sequence[Tag], line: Sequence[Tag | None]) -> None:
    """Make `line` the cells of `row` in place of `cells`; a row that has none is removed."""
    for own in cells:
        own.attrs = {}
    if len(line) > len(cells):
        for own in cells:
            own.extract()
        for cell in line:
            row.append(cell if cell and cell.parent is None else _again(cell))
    elif not line and not row.get_text(strip=True):
        row.decompose()


def _again(cell: Tag | None) -> Tag:
    if cell is None or len(cell.get_text()) > _LONGEST_REPEATED:
        return Tag(name="td")
    return copy.copy(cell)


def _merge(heads: Sequence[Tag]) -> None:
    """Make one row of several rows of heads: "Price" above "EU" becomes "Price EU"."""
    above = [(cell, {"", _words(cell)}) for row in heads[:1] for cell in _cells(row)]
    for row in heads[1:]:
        for column, cell in enumerate(_cells(row)):
            if column >= len(above):
                above.append((cell, {_words(cell)}))
                heads[0].append(cell)
            elif (words := _words(cell)) not in above[column][1]:
                above[column][1].add(words)
                above[column][0].extend([" ", *cell.contents])
        row.decompose()


def _words(cell: Tag) -> str:
    return " ".join(cell.get_text().split())
