"""Drafts as files: JSON Lines, a CSV that runs nothing in a spreadsheet, private notes for Zendesk."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from errors import UsageError

REVIEWED = ("subject", "customer", "proven", "review", "reason", "assignee", "reviewed_by", "reviewed_at")
COLUMNS = ("ticket_id", "status", "draft", "citations", "claims", "case_id", "cost_usd", "error", *REVIEWED)
"""Of an export: the contract's, then what people said."""

ZENDESK = ".zendesk.json"
MAX_CELL = 32_767
"""What a spreadsheet's cell holds, in UTF-16 code units."""

_STARTS = "=+-@−"
_BEFORE = "\"'`´‘’‚“”„«»‹›"
_UNSEEN = ("Cc", "Cf", "Cn", "Co", "Cs", "Mn", "Me", "Zs", "Zl", "Zp")
_CUT = re.compile(r"([;\t\r\n])")
_ID = re.compile(r"[1-9]\d{0,17}", re.ASCII)


def as_file(rows: Iterable[dict[str, Any]], name: str) -> bytes:
    """The rows of an export in the format that a file's name ends in: `.jsonl`, `.csv` or `.zendesk.json`.

    Raises `UsageError` for another.
    """
    for ending, made in ((".jsonl", as_jsonl), (".csv", as_csv), (ZENDESK, as_zendesk)):
        if name.lower().endswith(ending):
            return made(rows)
    raise UsageError(f"drafts are written as .jsonl, .csv or {ZENDESK}; choose a name that ends in one of these")


def as_jsonl(rows: Iterable[dict[str, Any]]) -> bytes:
    """Exact: a JSON object a line."""
    # A lone surrogate, which UTF-8 cannot hold, comes out as the escape that JSON has for it.
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode(errors="backslashreplace")


def as_zendesk(rows: Iterable[dict[str, Any]]) -> bytes:
    """Private notes, as the body of Zendesk's `PUT /api/v2/tickets/update_many.json`, which takes 100 at a time.

    Each draft that has a text, and that no person has rejected, is a note on its ticket, with the tag
    `opsdesk_drafted` or `opsdesk_needs_human`. A row without a draft is listed under no ticket.
    """
    notes = [
        {
            "id": int(row["ticket_id"]) if _ID.fullmatch(row["ticket_id"]) else row["ticket_id"],
            "comment": {"body": row["draft"], "public": False},
            "additional_tags": [f"opsdesk_{row['status']}"],
        }
        for row in rows
        if row["status"] in ("drafted", "needs_human") and row["draft"].strip() and row.get("review") != "rejected"
    ]
    return json.dumps({"tickets": notes}, ensure_ascii=False, indent=1).encode(errors="backslashreplace")


def as_csv(rows: Iterable[dict[str, Any]]) -> bytes:
    """For spreadsheets: no cell is read as a formula. Lists are JSON. Begins with a mark that says it is UTF-8.

    A row may lack what people said. A text longer than a cell can be is cut, and says so at its end.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_cell(row.get(name, "")) for name in COLUMNS])
    return b"\xef\xbb\xbf" + out.getvalue().encode(errors="replace")


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
