"""Files that people upload into a knowledge base: they lie in a folder of its own, which is one of its sources."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path, PurePath

from knowledge_base.files import replace_file

_NAME_BYTES = 200
"""What may be left of a name: file systems take 255, and writing puts some before it for a moment."""


def names(given: Sequence[str]) -> list[str]:
    """The file name of each upload, in order: no folders, not hidden, not too long, and no two alike."""
    taken: set[str] = set()
    return [_untaken(_plain(name), taken) for name in given]


def keep(folder: Path, files: Iterable[tuple[str, bytes]]) -> None:
    """Write files, named by `names`, into `folder`; each replaces, whole or not at all, an earlier one of its name."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, content in files:
        replace_file(folder / name, content)


def empty(folder: Path) -> None:
    """Take all uploads away; there may be none."""
    if folder.is_dir():
        shutil.rmtree(folder)


def _plain(name: str) -> str:
    name = PurePath(name.replace("\\", "/")).name.replace("\0", "")
    name = name.encode(errors="replace")[-_NAME_BYTES:].decode(errors="ignore")  # its end says what kind of file it is
    return name.lstrip(".") or "file"


def _untaken(name: str, taken: set[str]) -> str:
    """`name`, or with a number before its suffix; some file systems know no case."""
    found = next(candidate for candidate in _numbered(name) if candidate.casefold() not in taken)
    taken.add(found.casefold())
    return found


def _numbered(name: str) -> Iterator[str]:
    yield name
    path = PurePath(name)
    yield from (f"{path.stem} ({number}){path.suffix}" for number in count(2))
