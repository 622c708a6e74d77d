"""Lists a page at a time, the newest first: the place after which a page begins, and where the next one does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

Line = TypeVar("Line")

Place = tuple[str, str]
"""The time and the id of a line."""


def place_of(after: str) -> Place | None:
    """The place that a caller gives back as `after`; None for the first page."""
    at, _, id_ = after.partition("~")
    return (at, id_) if after else None


def cut(found: Sequence[Line], limit: int, place: Callable[[Line], Place]) -> tuple[Sequence[Line], str | None]:
    """A page of `limit` lines, of which one more was looked for, and the `after` of the next; None at the end."""
    page = found[:limit]
    return page, "~".join(place(page[-1])) if len(found) > limit else None
