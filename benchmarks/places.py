"""Databases to try things on: empty ones of each kind, and a disk that can be made small."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Place:
    """A database, and how to take it away for a moment."""

    url: str
    restart: Callable[[], None]


@contextmanager
def places(kind: str, folder: Path) -> Iterator[Place]:
    """An empty database of that kind."""
    if kind == "sqlite":
        yield Place(f"sqlite:///{folder / 'opsdesk.sqlite'}", lambda: None)
        return
    from tests.postgres import server

    with server() as running, running.database() as url:
        yield Place(url, running.restart)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk that can be made small."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def resize(folder: Path, size: int) -> None:
    """Gives a small disk so many bytes."""
    subprocess.run(["mount", "-o", f"remount,size={size}", folder], check=True)


def used(folder: Path, *, free: bool = False) -> int:
    """The bytes that are used of a disk, or that are free."""
    told = os.statvfs(folder)
    return told.f_bfree * told.f_frsize if free else (told.f_blocks - told.f_bfree) * told.f_frsize
