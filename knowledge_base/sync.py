"""What a run keeps of the documents there were and of those there are, and under which ids.

A file belongs to one source. Whoever gives a folder gives all below it, and a part of a source that is held is read as
a part of it; so the same file is never there twice, and never in two states.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from knowledge_base.sources import Document, Skipped, Source, gone


def arranged(given: Sequence[Source], held: Iterable[str]) -> list[Source]:
    """`given`, so that no file is in two of them; `held` are the names of the sources that a knowledge base has."""
    found = []
    names = list(held)
    by_path = {str(source.path): source for source in reversed(given)}  # the first of those with one path
    for path, source in reversed(by_path.items()):
        if any(_holds(other, path) for other in by_path if other != path):
            continue
        around = min((name for name in names if name != path and _holds(name, path)), key=len, default="")
        found.append(replace(source, part_of=Path(around)) if around and not source.called else source)
    return found


def _holds(given: str, path: str) -> bool:
    """Whether `path` is `given` or is found by reading it: hidden entries of a folder are not."""
    if path == given:
        return True
    folder = given.rstrip("/")
    return path.startswith(f"{folder}/") and "/." not in path[len(folder) :]


class Scope:
    """What `sources` answer for: a document there that was not found again has vanished."""

    def __init__(self, sources: Sequence[Source]):
        self._names = {source.name for source in sources if not source.part_of}
        self._paths = [str(source.path) for source in sources]

    def __contains__(self, document: Document) -> bool:
        return self.all_of(document.source) or any(_holds(path, document.path) for path in self._paths)

    def all_of(self, source: str) -> bool:
        """Whether nothing of the source of that name is left out."""
        return source in self._names or any(_holds(path, source) for path in self._paths)


class Sync:
    """The documents that a knowledge base is to hold, by id in `kept`, and how they differ from those `before`.

    Of other sources than those given all stay; and so does, of a file or folder that could not be read just now, what
    was read of it before. An id stays with the file that has it. A second document of that id gets the folders before
    it that tell the two apart. `renamed` are the files of such documents: read alone, they have another id.
    """

    def __init__(
        self, kb: str, before: Mapping[str, Document], read: Iterable[Document | Skipped], sources: Sequence[Source]
    ):
        scope = Scope(sources)
        documents: list[Document] = []
        self.skipped: list[Skipped] = []
        for item in read:
            if isinstance(item, Skipped):
                self.skipped.append(item)
            else:
                documents.append(item)
        self.renamed: set[str] = set()
        self.added = self.updated = self.unchanged = 0
        self._before, self._moved = before, False
        self.kept = {doc_id: d for doc_id, d in before.items() if d not in scope}
        self.others = set(self.kept)
        self._unread = self._not_read_again([d for d in before.values() if d in scope])
        self._take(documents)
        for doc_id in self._unread.keys() - self.kept.keys():
            self.kept[doc_id] = self._unread[doc_id]
            self.unchanged += 1
        self.others &= {doc_id for doc_id in self.kept if self.kept[doc_id] is before.get(doc_id)}
        self.removed = len(before.keys() - self.kept.keys())
        self._tell_of_gone(kb)

    @property
    def changed(self) -> bool:
        """Whether the knowledge base has to be written anew."""
        return bool(self.added or self.updated or self.removed or self._moved)

    def _not_read_again(self, documents: Sequence[Document]) -> dict[str, Document]:
        """Those of `documents` whose file, or a folder above it, could not be read; it is told that they stay."""
        unread = {skipped.path for skipped in self.skipped if skipped.unread}
        if not unread:
            return {}
        stay, of = {}, set()
        for document in documents:
            above = (document.path, *map(str, Path(document.path).parents))
            if found := unread.intersection(above):
                stay[document.doc_id] = document
                of |= found
        told = "; what was read of it before stays"
        self.skipped = [replace(s, reason=s.reason + told) if s.unread and s.path in of else s for s in self.skipped]
        return stay

    def _take(self, documents: Sequence[Document]) -> None:
        """Keep `documents`, each under an id of its own."""
        owners: dict[str, Document] = {}
        for document in documents:
            old = self._before.get(document.doc_id)
            if document.doc_id not in owners or (old and old.path == document.path):
                owners[document.doc_id] = document
        for document in documents:
            holder = self._holder(document.doc_id, document, owners)
            if holder is None:
                self._keep(document)
                continue
            for doc_id in _longer_ids(document, holder):
                if self._holder(doc_id, document, owners) is None:
                    self.renamed.add(document.path)
                    self._keep(_renamed(document, doc_id))
                    break
            else:
                self.skipped.append(Skipped(document.path, f'"{document.doc_id}" is already the id of {holder.path}'))

    def _holder(self, doc_id: str, document: Document, owners: Mapping[str, Document]) -> Document | None:
        """Who keeps `document` from having that id."""
        owner, unread, kept = owners.get(doc_id), self._unread.get(doc_id), self.kept.get(doc_id)
        if owner is not None and owner is not document:
            return owner
        if unread is not None and unread.path != document.path:
            return unread
        # What was moved, or is in a folder that was renamed, is found again in another source.
        return None if kept and doc_id in self.others and gone(Path(kept.path)) else kept

    def _keep(self, new: Document) -> None:
        old = self._before.get(new.doc_id)
        self.kept[new.doc_id] = new
        if old is None:
            self.added += 1
        elif old.sha256 != new.sha256:
            self.updated += 1
        else:
            self.unchanged += 1
            self._moved = self._moved or (old.source, old.path) != (new.source, new.path)

    def _tell_of_gone(self, kb: str) -> None:
        held: dict[str, int] = {}
        for doc_id in self.others:
            source = self.kept[doc_id].source
            held[source] = held.get(source, 0) + 1
        for source, documents in sorted(held.items()):
            if Path(source).is_absolute() and gone(Path(source)):
                stay = "1 document of it stays" if documents == 1 else f"{documents:,} documents of it stay"
                remedy = f"opsdesk kb forget {kb} {shlex.quote(source)}"
                self.skipped.append(Skipped(source, f"it is gone; {stay} in the knowledge base until: {remedy}"))


def _longer_ids(document: Document, holder: Document) -> Iterator[str]:
    """Ids that also say where `document` comes from, the shortest first, beginning with one that `holder` has not."""
    other = f"{_place(holder)}/{document.doc_id}"
    folders = [part for part in _place(document).split("/") if part]
    for first in reversed(range(len(folders))):
        longer = "/".join([*folders[first:], document.doc_id])
        if not other.endswith(f"/{longer}"):
            yield longer


def _place(document: Document) -> str:
    """Where its id begins: below a folder when it is made of the file's path, else in the file itself."""
    parts = document.path.split("/")
    for first in reversed(range(len(parts))):
        path = "/".join(parts[first:])
        if document.doc_id == path or document.doc_id.startswith(f"{path}#"):
            return "/".join(parts[:first])
    return document.path


def _renamed(document: Document, doc_id: str) -> Document:
    sha256 = hashlib.sha256(f"{doc_id}\n{document.sha256}".encode()).hexdigest()
    title = doc_id if document.title == document.doc_id else document.title
    return replace(document, doc_id=doc_id, title=title, sha256=sha256)
