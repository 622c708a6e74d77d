"""JSON: a list of objects gives a document for each, any other object gives one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from knowledge_base.formats import record
from knowledge_base.formats.page import EMPTY, File, Page, Refusal, clean, has_text, readable, text_of

_DEPTH = 100
_TOO_DEEP = Refusal(f"nested more than {_DEPTH} levels deep")


class _TooDeep(Exception):
    """A value lies deeper than is read."""


def objects(file: File) -> Iterator[Page | Refusal]:
    """The page of each object. Numbers stay as they are written: 12.50 is not 12.5."""
    text = text_of(file)
    if isinstance(text, Refusal) or not has_text(text):
        yield text if isinstance(text, Refusal) else Refusal(EMPTY)
        return
    try:
        value = json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except RecursionError:
        yield _TOO_DEEP
    except ValueError as error:
        yield Refusal(f"not JSON: {error}", passing=True)
    else:
        yield from _pages(file, value)


def listed(text: str, of: str = "") -> str | None:
    """The values in a JSON text, as they are written, in lines that can be quoted alone: "Status of ORD-7: shipped".

    `of` is the thing that it is about. A list of objects is a table. None when the text is neither it nor an object.
    For what a program tells, and no file does; names are put in words: `expected_delivery` is "Expected delivery".
    """
    try:
        value = json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
        found, _ = _found(value)
        if not found:
            return None
        if len(found) > 1 and all(isinstance(item, dict) for item in found):
            return _table([dict(_fields(item)) for item in found])
        fields = list(_fields(found[0] if len(found) == 1 else value))
    except (ValueError, RecursionError, _TooDeep):
        return None
    about = f" of {of}" if of else ""
    lines = [f"- {_in_words(name)}{about}: {' '.join(told.split())}" for name, told in fields if told and told != of]
    return "\n".join(lines) or None


def _table(rows: list[dict[str, str]]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [[" ".join(row.get(name, "").split()).replace("|", "\\|") for name in names] for row in rows]
    header = [_in_words(name).replace("|", "\\|") for name in names]
    return "\n".join(f"| {' | '.join(line)} |" for line in [header, ["---"] * len(names), *cells])


def _in_words(name: str) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name.replace(".", ", "))
    return readable(words)


def _pages(file: File, value: object) -> Iterator[Page | Refusal]:
    found, beside = _found(value)
    if not found:
        yield Refusal(EMPTY if value in ([], None, "") else "neither an object nor a list of objects")
        return
    around = _page(file, beside, "", "what stands beside the objects", file.name)
    if isinstance(around, Refusal):
        yield around  # it may be what makes them internal
        return
    try:
        id_from = record.id_name(_fields(item) for item in found if isinstance(item, dict))
    except _TooDeep:
        id_from = ""
    for number, item in enumerate(found, start=1):
        place = f"object {number}"
        page = _page(file, item, id_from, place) or Refusal(f"{place} is {EMPTY}")
        if isinstance(page, Page) and item is value:
            yield replace(page, doc_id=file.doc_id)  # a single object is the file, and has its id
        elif isinstance(page, Page) and around:
            yield replace(page, meta={**around.meta, **page.meta})
        else:
            yield page
    if around:
        yield replace(around, doc_id=file.doc_id, marks=())


def _found(value: object) -> tuple[list[Any], dict[str, Any]]:
    """The objects in a file, and what stands beside their list; those of a page with a text of its own are part of it.

    None where the value is neither an object nor a list of objects.
    """
    if isinstance(value, dict):
        lists = [k for k, v in value.items() if isinstance(v, list) and v and all(isinstance(x, dict) for x in v)]
        if len(lists) != 1 or record.has_body(value):
            return [value], {}
        return value[lists[0]], {name: other for name, other in value.items() if name != lists[0]}
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return value, {}
    return [], {}


def _page(file: File, item: object, id_from: str, place: str, name: str = "") -> Page | Refusal | None:
    """The page of one object (see `record.page`); None if it is empty."""
    if not isinstance(item, dict):
        return Refusal(f"{place} is not an object but a single value or a list")
    try:
        fields = list(_fields(item))
    except _TooDeep:
        return Refusal(f"{place} is {_TOO_DEEP.reason}")
    told = has_text("".join(value for _, value in fields))
    return record.page(file.doc_id, fields, id_from, place, name) if told else None


def _fields(value: object, name: str = "", depth: int = 0) -> list[tuple[str, str]]:
    """The values in `value` by their dotted names; items of a list that holds more than words are counted from 1."""
    if depth > _DEPTH:
        raise _TooDeep
    if isinstance(value, list) and not any(isinstance(item, dict | list) for item in value):
        return [(name, ", ".join(filter(None, map(_told, value))))]
    if not isinstance(value, dict | list):
        return [(name, _told(value))]
    named = value.items() if isinstance(value, dict) else ((str(n), item) for n, item in enumerate(value, start=1))
    found: list[tuple[str, str]] = []
    for key, item in named:
        own = " ".join(clean(key).split())[: record.NAME_LIMIT]
        found += _fields(item, f"{name}.{own}" if name else own, depth + 1)
    return found


def _told(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return clean(value).strip() if isinstance(value, str) else ""
