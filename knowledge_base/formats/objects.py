"""JSON: a list of objects gives a document for each, any other object gives one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from knowledge_base.formats import record
from knowledge_base.formats.page import EMPTY, File, Page, Refusal, clean, has_text, text_of

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
        yield Refusal(f"not JSON: {error}")
    else:
        yield from _pages(file, value)


def _pages(file: File, value: object) -> Iterator[Page | Refusal]:
    found = _found(value)
    if isinstance(found, Refusal):
        yield found
        return
    try:
        id_from = record.id_name(_fields(item) for item in found if isinstance(item, dict))
    except _TooDeep:
        id_from = ""
    for number, item in enumerate(found, start=1):
        page = _page(file, item, id_from, f"object {number}")
        # A single object is the file, and has its id.
        yield replace(page, doc_id=file.doc_id) if item is value and isinstance(page, Page) else page


def _found(value: object) -> list[Any] | Refusal:
    """The objects in a file; those of a page with a text of its own are part of it."""
    if isinstance(value, dict):
        lists = [v for v in value.values() if isinstance(v, list) and v and all(isinstance(x, dict) for x in v)]
        return lists[0] if len(lists) == 1 and not record.has_body(value) else [value]
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return value
    return Refusal(EMPTY if value in ([], None, "") else "neither an object nor a list of objects")


def _page(file: File, item: object, id_from: str, place: str) -> Page | Refusal:
    if not isinstance(item, dict):
        return Refusal(f"{place} is not an object but a single value or a list")
    try:
        fields = list(_fields(item))
    except _TooDeep:
        return Refusal(f"{place} is {_TOO_DEEP.reason}")
    if not has_text("".join(value for _, value in fields)):
        return Refusal(f"{place} is {EMPTY}")
    return record.page(file.doc_id, fields, id_from, place)


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
