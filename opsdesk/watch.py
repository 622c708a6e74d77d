"""Changes below folders and files, as they happen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from watchfiles import watch

QUIET_MS = 400
"""An editor or a checkout writes many files at once: so long without a change, and they are taken together."""


def changes(paths: Sequence[Path]) -> Iterator[None]:
    """Yields when it has begun to watch, and whenever something below `paths` has changed since, until interrupted.

    A file is watched through its folder, since editors replace files.
    """
    folders = {path if path.is_dir() else path.parent for path in (path.resolve() for path in paths)}
    begun = False
    for found in watch(
        *folders,
        step=QUIET_MS,
        debounce=10 * QUIET_MS,
        rust_timeout=1000,
        yield_on_timeout=True,
        raise_interrupt=True,
    ):
        if found or not begun:
            begun = True
            yield
