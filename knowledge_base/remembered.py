"""What was read of a text is kept for the next time: the same passages answer question after question."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

Read = TypeVar("Read")
_Reader = Callable[[str], list[Read]]

LONGEST = 500
"""Longer texts are read anew: whole documents would fill the memory, and are seldom met twice."""


def remembered(
    size: int, longest: int = LONGEST
) -> Callable[[Callable[[str], list[Read]]], Callable[[str], list[Read]]]:
    """Keeps what a function makes of the `size` texts last met; each call gets a list of its own."""

    def decorated(read: _Reader[Read]) -> _Reader[Read]:
        @lru_cache(maxsize=size)
        def kept(text: str) -> tuple[Read, ...]:
            return tuple(read(text))

        @wraps(read)
        def looked_up(text: str) -> list[Read]:
            return list(kept(text)) if len(text) <= longest else read(text)

        return looked_up

    return decorated
