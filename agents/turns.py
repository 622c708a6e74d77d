"""Of many cases at once in one process, few are worked at a time: the others wait for a model or for a tool.

Threads that all compute wait for each other at Python's lock and at the database's, and each switch costs both. A case
that computes has a turn; it gives it back while it waits for somebody else. Without turns, nobody waits here.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

Turns = threading.Semaphore
"""How many cases are worked at a time."""

_of_thread = threading.local()


@contextmanager
def in_turn(turns: Turns) -> Iterator[None]:
    """Works a case in this thread as soon as there is a turn for it."""
    with turns:
        _of_thread.turns = turns
        try:
            yield
        finally:
            _of_thread.turns = None


@contextmanager
def aside() -> Iterator[None]:
    """Gives this thread's turn to another case while it waits in the block, and takes one again behind it."""
    turns: Turns | None = getattr(_of_thread, "turns", None)
    if turns is None:
        yield
        return
    _of_thread.turns = None
    turns.release()
    try:
        yield
    finally:
        turns.acquire()
        _of_thread.turns = turns
