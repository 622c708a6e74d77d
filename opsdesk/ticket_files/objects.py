"""JSON -> records: an array, an object that holds one, or an object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import accumulate, takewhile
from typing import Any

from errors import UsageError
from knowledge_base.formats.page import clean
from opsdesk.ticket_files.exports import as_ticket, held
from opsdesk.ticket_files.table import UNREAD, Record
from opsdesk.tickets import MAX_TICKET_CHARACTERS

_NAME = 200  # characters


def json_records(text: str, lines: bool) -> Iterator[Record]:
    """The records of a JSON text. With `lines` a line that is broken costs itself, else the file.

    Raises `UsageError` for a text that is neither JSON nor one value a line.
    """
    try:
        whole = _load(text)
    except (ValueError, RecursionError) as error:
        if not lines and not _ends_with_its_line(error):
            where = f"line {error.lineno}, " if isinstance(error, json.JSONDecodeError) else ""
            why = f"the file is not JSON ({where}{_why(error)}); mend it, or give one object a line"
            raise UsageError(why) from error
        yield from _lines(text)
    else:
        yield from _records(whole)


def _ends_with_its_line(error: Exception) -> bool:
    """Whether a text is broken by nothing but a second value, on the second line."""
    if not isinstance(error, json.JSONDecodeError) or not error.msg.startswith("Extra data"):
        return False
    first = error.doc[: error.pos]
    return first[-1:] == "\n" and "\n" not in first.strip()


def _lines(text: str) -> Iterator[Record]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                value = _load(line)
            except (ValueError, RecursionError) as error:
                yield Record(number, {UNREAD: line}, f"not JSON ({_why(error)})")
            else:
                # An array of objects is a page, as `gh` prints them; any other is a line that holds no ticket.
                is_row = isinstance(value, list) and not any(isinstance(each, dict) for each in value)
                yield from [_record(number, value, {})] if is_row else _records(value, number)


def _records(value: Any, line: int | None = None) -> Iterator[Record]:
    """The tickets in a value, each in the `line` that holds it, or else numbered by its place."""
    found = held(value)
    page = _page(line or 1, value) if found.is_page else None
    for place, each in enumerate(found.tickets, start=1):
        yield _record(line or place, each, found.users)._replace(page=page)
    if page and not found.tickets:  # a line is a row, whatever is in it
        yield _unread(page.line, value, "it has no tickets, and no text of its own")._replace(page=page)


def _page(line: int, value: Mapping[str, Any]) -> Record:
    """A page as one row. It may be the whole file, so of its lists no more is kept than makes them too long a text."""
    try:
        begun = {name: _begin(each) if isinstance(each, list) else each for name, each in value.items()}
        return _record(line, begun, {})
    except RecursionError:
        return Record(line, {}, "nested too deeply")


def _begin(values: list[Any]) -> list[Any]:
    lengths = accumulate(len(_text(each)) for each in values)
    return values[: sum(1 for _ in takewhile(lambda length: length <= MAX_TICKET_CHARACTERS, lengths)) + 1]


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
        return Record(line, {_name(name): _text(found) for name, found in ticket.items()}, error)
    except RecursionError:
        return Record(line, {}, "nested too deeply")


def _unread(line: int, value: Any, why: str) -> Record:
    try:
        return Record(line, {UNREAD: json.dumps(value, ensure_ascii=False)}, why)
    except RecursionError:
        return Record(line, {}, "nested too deeply")


def _name(name: str) -> str:
    return clean(name)[:_NAME].strip() or "(no name)"


def _text(value: Any) -> str:
    """A value as one text: people and things by their name, lists with commas, the rest as JSON."""
    if isinstance(value, dict):
        value = next((value[key] for key in ("name", "login") if isinstance(value.get(key), str)), value)
    if isinstance(value, list) and all(isinstance(each, str | dict) for each in value):
        return ", ".join(_text(each) for each in value)
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)
