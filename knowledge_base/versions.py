"""Versions of a knowledge base on disk: whole, checked before they are read, and never changed.

    <root>/<kb>/CURRENT        the version in force and the SHA-256 of its manifest; replaced last
                v000001/       manifest.json, and the files it lists with their SHA-256
                .building/     a version being written, or what a killed run left of one
                .lock          held by the one run that builds

A reader holds on to its version while others are built; the last two are kept.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shlex
import shutil
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from errors import DamagedFile, NoKnowledgeBase, StoreError, UsageError
from knowledge_base.files import replace_file, sha256_of, sync

FORMAT = 2  # raise when what an earlier release wrote can no longer be read
_KEPT = 2  # the version in force, and the one that readers may still be opening
_POINTER = re.compile(r"(v\d{6,}) ([0-9a-f]{64})\n")

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
"""What a knowledge base may be called."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of a version, as it was written."""

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a version holds. `created` is ISO 8601.

    `settings` are those it was read, cut and counted with, `learned` is what was found out about it.
    """

    kb: str
    created: str
    embedder: str
    documents: int
    chunks: int
    sources: tuple[str, ...]
    settings: dict[str, float]
    learned: dict[str, float]
    files: dict[str, File]
    format: int = FORMAT

    @classmethod
    def from_json(cls, content: bytes) -> Manifest:
        """What `to_json` gave."""
        found = json.loads(content)
        files = {name: File(**file) for name, file in found.pop("files").items()}
        return cls(**found | {"sources": tuple(found["sources"]), "files": files})

    def to_json(self) -> bytes:
        """As JSON, in UTF-8."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1).encode()


def folder_of(root: Path, kb: str) -> Path:
    """Where a knowledge base is kept. Raises UsageError for a name that is not plain."""
    if not NAME.fullmatch(kb):
        raise UsageError(
            f"{kb[:80]!r} cannot name a knowledge base; use 1 to 64 of a-z, 0-9, - and _, a letter or digit first"
        )
    return root / kb


def folders(root: Path) -> list[Path]:
    """The folders of the knowledge bases under `root`, by name."""
    return sorted(path.parent for path in root.glob("*/CURRENT") if NAME.fullmatch(path.parent.name))


def pointer(folder: Path) -> tuple[str, str]:
    """The version in force and its manifest's SHA-256. Raises NoKnowledgeBase, DamagedFile."""
    path, kb = folder / "CURRENT", folder.name
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        message = f'there is no knowledge base "{kb}"; make one with: opsdesk index FOLDER --kb {kb}'
        raise NoKnowledgeBase(message) from error
    found = _POINTER.fullmatch(content.decode("ascii", errors="replace"))
    if not found:
        raise _damaged(path, "is altered", kb)
    return found[1], found[2]


def read(folder: Path) -> tuple[Path, Manifest]:
    """The version in force and its manifest, which is checked. Raises NoKnowledgeBase, DamagedFile."""
    version, checksum = pointer(folder)
    path = folder / version / "manifest.json"
    if not path.parent.is_dir():
        raise _damaged(folder / "CURRENT", f"names {version}, which is not there", folder.name)
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise _damaged(path, "is missing", folder.name) from error
    if hashlib.sha256(content).hexdigest() != checksum:
        raise _damaged(path, f"is not the one that {folder / 'CURRENT'} names", folder.name)
    if json.loads(content)["format"] != FORMAT:
        raise _damaged(path, "was written by another release of Opsdesk", folder.name)
    return path.parent, Manifest.from_json(content)


def sources(folder: Path) -> tuple[str, ...]:
    """What the version in force was made of; nothing where there is none, or its manifest is damaged."""
    try:
        return read(folder)[1].sources
    except (NoKnowledgeBase, DamagedFile):
        return ()


def check(version: Path, manifest: Manifest, only: Collection[str] = ()) -> None:
    """Raise DamagedFile unless every file of a version, or each of `only`, is as it was written."""
    for name, file in manifest.files.items():
        if only and name not in only:
            continue
        path = version / name
        if not path.is_file():
            raise _damaged(path, "is missing", manifest.kb, manifest.sources)
        if path.stat().st_size != file.bytes:
            raise _damaged(path, f"has {path.stat().st_size:,} of {file.bytes:,} bytes", manifest.kb, manifest.sources)
        if sha256_of(path) != file.sha256:
            raise _damaged(path, "is altered", manifest.kb, manifest.sources)


def _damaged(path: Path, how: str, kb: str, sources: tuple[str, ...] = ("PATH",)) -> DamagedFile:
    return DamagedFile(f"{path} {how}; build the index again with: opsdesk index {shlex.join(sources)} --kb {kb}")


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Be the one run that builds this knowledge base. Raises StoreError when another is at it."""
    with _telling_write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".lock").open("ab")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = f'another index run is at work on "{folder.name}"; wait until it has ended, then run this again'
            raise StoreError(message) from error
        yield


@contextmanager
def writing(folder: Path) -> Iterator[Path]:
    """A fresh folder to write a version in, for `publish`; unpublished, it is removed. Raises StoreError."""
    building = folder / ".building"
    with _telling_write_errors(folder):
        try:
            if building.exists():
                shutil.rmtree(building)
            building.mkdir()
            yield building
        finally:
            shutil.rmtree(building, ignore_errors=True)  # what stays behind, the next run removes


def publish(building: Path, manifest: Manifest, at: datetime) -> None:
    """Make what was written in `building` the version in force, and drop versions no longer kept."""
    folder = building.parent
    content = manifest.to_json()
    replace_file(building / "manifest.json", content)
    for path in [*building.rglob("*"), building]:
        sync(path)
    kept = sorted(path for path in folder.iterdir() if re.fullmatch(r"v\d{6,}", path.name))
    version = f"v{int(kept[-1].name[1:]) + 1 if kept else 1:06d}"
    building.rename(folder / version)
    sync(folder)
    replace_file(folder / "CURRENT", f"{version} {hashlib.sha256(content).hexdigest()}\n".encode())
    mark(folder, at)
    for old in kept[: 1 - _KEPT]:
        shutil.rmtree(old)


def files_of(building: Path) -> dict[str, File]:
    """The files written so far, for the manifest, by their path in the folder."""
    return {
        path.relative_to(building).as_posix(): File(sha256_of(path), path.stat().st_size)
        for path in sorted(building.rglob("*"))
        if path.is_file()
    }


def mark(folder: Path, at: datetime) -> None:
    """Note when a run last found the knowledge base up to date, or made it so."""
    os.utime(folder / "CURRENT", (at.timestamp(), at.timestamp()))


def marked(folder: Path) -> datetime:
    """What `mark` noted."""
    return datetime.fromtimestamp((folder / "CURRENT").stat().st_mtime, UTC)


def remove(folder: Path) -> None:
    """Take a knowledge base away; readers that have it open go on with it. Raises NoKnowledgeBase, StoreError."""
    if not folder.is_dir():
        pointer(folder)
    with lock(folder), _telling_write_errors(folder):
        (folder / "CURRENT").unlink(missing_ok=True)  # first, so that nobody opens what is half gone
        shutil.rmtree(folder)


@contextmanager
def _telling_write_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StoreError(
            f"cannot write the index in {folder}: {reason}; the version before stays in force. "
            "Make room or choose another folder, then run this again"
        ) from error
