"""JSON -> records: an array, an object that holds one, or an object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Set
from typing import Any

from errors import UsageError
from opsdesk.ticket_files.exports import as_ticket, held, name_of
from opsdesk.ticket_files.table import UNREAD, Record


def json_records(text: str, lines: bool, mapped: Set[str]) -> Iterator[Record]:
    """The records of a JSON text. With `lines` a line that is broken costs itself, else the file.

    `mapped` are columns that only a ticket has. Raises `UsageError` for a text that is neither JSON nor one value a
    line.
    """
    try:
        whole = _load(text)
    except (ValueError, RecursionError) as error:
        if not lines and not _ends_with_its_line(error):
            where = f"line {error.lineno}, " if isinstance(error, json.JSONDecodeError) else ""
            why = f"the file is not JSON ({where}{_why(error)}); mend it, or give one object a line"
            raise UsageError(why) from error
        yield from _lines(text, mapped)
    else:
        yield from _records(whole, mapped)


def _ends_with_its_line(error: Exception) -> bool:
    """Whether a text is broken by nothing but a second value, on the second line."""
    if not isinstance(error, json.JSONDecodeError) or not error.msg.startswith("Extra data"):
        return False
    first = error.doc[: error.pos]
    return first[-1:] == "\n" and "\n" not in first.strip()


def _lines(text: str, mapped: Set[str]) -> Iterator[Record]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                value = _load(line)
            except (ValueError, RecursionError) as error:
                yield Record(number, {UNREAD: line}, f"not JSON ({_why(error)})")
            else:
                # An array of objects is a page, as `gh` prints them; any other is a line that holds no ticket.
                is_row = isinstance(value, list) and not any(isinstance(each, dict) for each in value)
                yield from [_record(number, value, {})] if is_row else _records(value, mapped, number)


def _records(value: Any, mapped: Set[str], line: int | None = None) -> Iterator[Record]:
    """The tickets in a value, each in the `line` that holds it, or else numbered by its place."""
    found = held(value, mapped)
    for place, each in enumerate(found.tickets, start=1):
        yield _record(line or place, each, found.users)
    if not found.tickets and isinstance(value, dict):  # a line is a row, whatever is in it
        yield _unread(line or 1, value, "it has no tickets, and no text of its own")


def _load(text: str) -> Any:
    """NaN and the infinities, which are no JSON but are met in it, are read as nothing."""
    return json.loads(text, parse_constant=lambda _: None)


def _why(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return f"{error.msg}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)[:100]


def _record(line: int, value: Any, users: Mapping[Any, str]) -> Record:
    if not isinstance(value, dict):
        return _unread(line, value, "not an object of named values")
    try:
        ticket, error = as_ticket(value, users)
        return Record(line, {name_of(name): _text(found) for name, found in ticket.items()}, error)
    except RecursionError:
        return Record(line, {}, "nested too deeply")


def _unread(line: int, value: Any, why: str) -> Record:
    try:
        return Record(line, {UNREAD: json.dumps(value, ensure_ascii=False)}, why)
    except RecursionError:
        return Record(line, {}, "nested too deeply")


def _text(value: Any) -> str:
    """A value as one text: people and things by their name, lists with commas, the rest as JSON."""
    if isinstance(value, dict):
        value = next((value[key] for key in ("name", "login") if isinstance(value.get(key), str)), value)
    if isinstance(value, list) and all(isinstance(each, str | dict) for each in value):
        return ", ".join(_text(each) for each in value)
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)
