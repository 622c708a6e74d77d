"""Named values -> a page: what the rows of a table and the objects of a JSON file have in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from knowledge_base.formats.page import UNCLEAR, Page, Refusal, clean, closest, is_unclear, scalar

Fields = Sequence[tuple[str, str]]
"""The names and values of one record, in order."""

NAME_LIMIT = 100
"""Characters of a name; a longer one, repeated in each record, would be most of the text."""

_IDS = ("id", "doc_id", "key", "slug")
_ID_LIMIT = 200  # characters
_TITLES = ("title", "name", "subject", "question", "heading")
_BODIES = ("text", "body", "answer", "content", "description")
_META = ("status", "modified", "updated", "date", "last_modified", "lastmod")


def id_name(records: Iterable[Fields]) -> str:
    """The name whose values tell all `records` apart; empty if none of the usual ones does."""
    seen: dict[str, set[str]] = {name: set() for name in _IDS}
    for fields in records:
        values = _by_name(fields)
        for name in tuple(seen):
            value = scalar(values.get(name, ""))
            if not value or len(value) > _ID_LIMIT or value in seen[name]:
                del seen[name]
            else:
                seen[name].add(value)
        if not seen:
            return ""
    return next(iter(seen), "")


def page(file_id: str, fields: Fields, id_from: str, place: str, name: str = "") -> Page | Refusal:
    """The page of one record: a list of its values, then its long text. `place` is such as "row 12".

    One without a title is called `name`, or else by its first value.
    """
    values = _by_name(fields)
    # Also that of its parts (`pages.2.audience`), and of a second column of that name.
    audience = closest(scalar(value) for name, value in fields if "audience" in name.lower().split("."))
    if is_unclear(audience):
        return Refusal(f"{place} {UNCLEAR}")
    doc_id = f"{file_id}#{scalar(values[id_from]) if id_from else place.replace(' ', '-')}"
    body = next((name for name in _BODIES if values.get(name)), "")
    at = next((at for at, (name, _) in enumerate(fields) if name.lower() == body), -1)
    listed = [_item(name, value) for n, (name, value) in enumerate(fields) if value and n != at]
    text = "\n\n".join(filter(None, ["\n".join(listed), values.get(body, "")]))
    titles = [*(values.get(name, "") for name in _TITLES), name, *(value for _, value in fields)]
    title = next((scalar(value) for value in titles if value), doc_id)
    told = {"audience": audience, **{name: scalar(values.get(name, "")) for name in _META}}
    meta = {name: value for name, value in told.items() if value}
    return Page(doc_id, title, clean(text), meta, marks=((1, place),))


def _by_name(fields: Fields) -> dict[str, str]:
    """The first value of each name."""
    return {name.lower(): value for name, value in reversed(fields)}


def _item(name: str, value: str) -> str:
    indented = value.replace("\n", "\n  ")
    return f"- {name}:\n  {indented}" if "\n" in value else f"- {name}: {value}"


def has_body(values: dict[str, object]) -> bool:
    """Whether a record holds a long text of its own."""
    return any(name.lower() in _BODIES and isinstance(value, str) and value for name, value in values.items())
