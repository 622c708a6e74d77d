"""Drafts as files: JSON Lines, a CSV that runs nothing in a spreadsheet, private notes for Zendesk."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

from errors import UsageError

REVIEWED = ("subject", "customer", "proven", "review", "reason", "assignee", "reviewed_by", "reviewed_at")
COLUMNS = ("ticket_id", "status", "draft", "citations", "claims", "case_id", "cost_usd", "error", *REVIEWED)
"""Of an export: the contract's, then what people said."""

Row = dict[str, Any]
"""A row of an export by its columns."""

SUFFIXES = (".jsonl", ".csv", ".zendesk.json")
MAX_CELL = 32_767
"""What a spreadsheet's cell holds, in UTF-16 code units."""

_STARTS = "=+-@−"
_BEFORE = "\"'`´‘’‚“”„«»‹›"
_UNSEEN = ("Cc", "Cf", "Cn", "Co", "Cs", "Mn", "Me", "Zs", "Zl", "Zp")
_CUT = re.compile(r"([;\t\r\n])")
_ID = re.compile(r"[1-9]\d{0,17}", re.ASCII)


def pieces(rows: Iterable[Row], name: str) -> Iterator[bytes]:
    """The rows of an export, piece by piece, in the format that a file's name ends in: one of `SUFFIXES`.

    Raises `UsageError` for another.
    """
    ways = zip(SUFFIXES, (jsonl, csv_lines, zendesk), strict=True)
    way = next((way for suffix, way in ways if name.lower().endswith(suffix)), None)
    if way is None:
        raise UsageError(f"drafts are written as {', '.join(SUFFIXES)}; choose a name that ends in one of these")
    return way(rows)


def as_bytes(rows: Iterable[Row], name: str) -> bytes:
    """The whole of `pieces`."""
    return b"".join(pieces(rows, name))


def jsonl(rows: Iterable[Row]) -> Iterator[bytes]:
    """Exact: a JSON object a line."""
    return (_json(row) + b"\n" for row in rows)


def zendesk(rows: Iterable[Row]) -> Iterator[bytes]:
    """Private notes, as the body of Zendesk's `PUT /api/v2/tickets/update_many.json`, which takes 100 at a time.

    Each draft that has a text, and that no person has rejected, is a note on its ticket, with the tag
    `opsdesk_drafted` or `opsdesk_needs_human`. A row without a draft is listed under no ticket.
    """
    between = b'{"tickets": [\n'
    for row in rows:
        if row["status"] in ("drafted", "needs_human") and row["draft"].strip() and row.get("review") != "rejected":
            yield between + _json(_note(row))
            between = b",\n"
    yield b'{"tickets": []}\n' if between.startswith(b"{") else b"\n]}\n"


def csv_lines(rows: Iterable[Row]) -> Iterator[bytes]:
    """For spreadsheets: no cell is read as a formula. Lists are JSON. Begins with a mark that says it is UTF-8.

    A row may lack what people said. A text longer than a cell can be is cut, and says so at its end.
    """
    yield b"\xef\xbb\xbf" + csv_line(COLUMNS)
    for row in rows:
        yield csv_line(row.get(name, "") for name in COLUMNS)


def _json(value: Row) -> bytes:
    # A lone surrogate, which UTF-8 cannot hold, comes out as the escape that JSON has for it.
    return json.dumps(value, ensure_ascii=False).encode(errors="backslashreplace")


def _note(row: Row) -> Row:
    id_ = row["ticket_id"]
    return {
        "id": int(id_) if _ID.fullmatch(id_) else id_,
        "comment": {"body": row["draft"], "public": False},
        "additional_tags": [f"opsdesk_{row['status']}"],
    }


def csv_line(cells: Iterable[Any]) -> bytes:
    """One line for spreadsheets: no cell of it is read as a formula."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerow(map(_cell, cells))
    return out.getvalue().encode(errors="replace")


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        value = json.dumps(value, ensure_ascii=False)
    return _short(_harmless(value)) if isinstance(value, str) else value


def _harmless(text: str) -> str:
    """`text` with an apostrophe, which spreadsheets read as "this is text", wherever a formula could begin.

    That is at its start, and after what a spreadsheet may cut it at: where the semicolon is the country's delimiter
    a quote in the middle of a line protects neither semicolons nor line ends. A list's "- " stays as it is.
    """
    front = "'" if _begins_formula(text) or text.startswith(("\t", "\r", "\n")) else ""
    first, *pieces = _CUT.split(text)
    inner = (f"'{piece}" if _begins_formula(piece) and not _is_item(piece) else piece for piece in pieces)
    return front + first + "".join(inner)


def _begins_formula(text: str) -> bool:
    """Whether the first thing to see in `text`, quotes aside, is a formula's first character or looks like one."""
    first = next((c for c in text if c not in _BEFORE and unicodedata.category(c) not in _UNSEEN), "")
    return bool(first) and unicodedata.normalize("NFKC", first)[0] in _STARTS


def _is_item(line: str) -> bool:
    """Whether a line is an entry of a list. A formula would need one of these marks to do anything."""
    return line.lstrip().startswith("- ") and not any(mark in line for mark in "|(!=@")


def _short(text: str) -> str:
    units = text.encode("utf-16-le", "surrogatepass")
    if len(units) <= 2 * MAX_CELL:
        return text
    mark = f" … [cut: {len(text):,} characters; the JSONL has them all]"
    # A character of two units that is cut in half is left out.
    return units[: 2 * (MAX_CELL - len(mark))].decode("utf-16-le", "ignore") + mark
