"""Word documents -> HTML -> Markdown, after a look at the archive that they are, and without hidden text."""

from __future__ import annotations

import html
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from itertools import pairwise
from xml.etree.ElementTree import ParseError
from xml.parsers.expat import ExpatError

import mammoth

from knowledge_base.formats.hidden import without_hidden
from knowledge_base.formats.html import page_of
from knowledge_base.formats.page import File, Page, Refusal, content, scalar

_ENTRIES = 5_000  # parts in one document
_TOTAL = 100_000_000  # bytes, of all parts unpacked
_RATIO = 100  # unpacked to packed; text of office documents is at 5 to 20
_SMALL = 1_000_000  # bytes; below that any ratio is harmless
_OLD_OR_LOCKED = b"\xd0\xcf\x11\xe0"
_TITLE = re.compile(rb"<dc:title>([^<]{1,1000})</dc:title>")
# What the libraries raise on a file that is not what it claims to be.
_BROKEN = (
    zipfile.BadZipFile,
    ExpatError,
    ParseError,
    zlib.error,
    struct.error,
    ArithmeticError,
    AttributeError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
_REASON_BROKEN = "a broken Word document; open it and save it as a new .docx"


def docx(file: File) -> Iterator[Page | Refusal]:
    """The one page of a Word document, without its pictures."""
    data = content(file)
    if isinstance(data, Refusal):
        yield data
    elif data.startswith(_OLD_OR_LOCKED):
        yield Refusal("protected by a password, or in the old Word format; save it as an unprotected .docx")
    else:
        yield _read(file, data)


def _read(file: File, data: bytes) -> Page | Refusal:
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            if refusal := _refusal(archive):
                return Refusal(refusal)
            title = _title(archive)
            shown = without_hidden(archive) or data
        markup = mammoth.convert_to_html(
            BytesIO(shown), convert_image=lambda image: [], style_map="p[style-name='Title'] => h1:fresh"
        ).value
    except RecursionError:
        return Refusal("nested too deeply for a Word document")
    except _BROKEN:
        return Refusal(_REASON_BROKEN, passing=True)
    page = page_of(file, markup)
    return Page(page.doc_id, title, page.text, page.meta) if title and isinstance(page, Page) else page


def _refusal(archive: zipfile.ZipFile) -> str:
    """Why the archive is not unpacked; empty if it looks like a document. What it declares is all that is unpacked."""
    parts = archive.infolist()
    total = sum(part.file_size for part in parts)
    if len(parts) > _ENTRIES:
        return f"an archive of {len(parts)} parts, which no Word document is"
    if total > _TOTAL:
        return f"{total / 1e6:.0f} MB unpacked, over the limit of {_TOTAL / 1e6:.0f} MB"
    if any(p.file_size > max(_SMALL, _RATIO * p.compress_size) for p in parts):
        return f"packed more than {_RATIO} times over, which no Word document is"
    ends = sorted((part.header_offset, part.compress_size) for part in parts)
    if any(start + size > following for (start, size), (following, _) in pairwise(ends)):
        return "an archive whose parts overlap, which no Word document is"
    names = [part.filename for part in parts]
    if len(set(names)) < len(names):
        return "an archive with parts of the same name, which no Word document is"
    return ""


def _title(archive: zipfile.ZipFile) -> str:
    """The title among the document's properties."""
    try:
        with archive.open("docProps/core.xml") as properties:
            found = _TITLE.search(properties.read(65_536))
    except KeyError:
        return ""
    return scalar(html.unescape(found[1].decode("utf-8", "replace"))) if found else ""
