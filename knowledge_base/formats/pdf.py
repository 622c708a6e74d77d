"""PDF: the text of its pages, and on which line each page begins."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from io import BytesIO

from pypdf import PageObject, PdfReader
from pypdf.errors import DependencyError, PyPdfError

from knowledge_base.formats.page import File, Page, Refusal, clean, content, first_short_line, has_text, scalar

# What the library raises on a file that is not what it claims to be, beside its own errors.
_BROKEN = (PyPdfError, ArithmeticError, AssertionError, AttributeError, LookupError, OSError, TypeError, ValueError)
_REASON_BROKEN = "a broken PDF; open it and save it as a new one"


def pdf(file: File) -> Iterator[Page | Refusal]:
    """The one page of a PDF file, as plain text, and a word on its pages that hold only pictures."""
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it warns of each oddity
    data = content(file)
    if isinstance(data, Refusal):
        yield data
        return
    try:
        reader = PdfReader(BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            yield Refusal("protected by a password; save it without one")
            return
        title = scalar(reader.metadata.title) if reader.metadata else ""
        texts, pictures = _read(reader)
    except DependencyError:
        yield Refusal("encrypted in a way that cannot be read here; save it without encryption")
    except RecursionError:
        yield Refusal("nested too deeply for a PDF; open it and save it as a new one")
    except _BROKEN:
        yield Refusal(_REASON_BROKEN, passing=True)
    else:
        yield from _pages(file, title, texts, pictures)


def _read(reader: PdfReader) -> tuple[list[str], list[int]]:
    """The text of each page, and the numbers of the pages that have a picture instead."""
    texts = []
    pictures = []
    for number, page in enumerate(reader.pages, start=1):
        text = clean(page.extract_text()).strip("\n")
        texts.append(text if has_text(text) else "")
        if not texts[-1] and _has_picture(page):
            pictures.append(number)
    return texts, pictures


def _has_picture(page: PageObject) -> bool:
    resources = page.get("/Resources")
    objects = resources.get_object().get("/XObject") if resources else None
    items = objects.get_object().values() if objects else ()
    return any(item.get_object().get("/Subtype") == "/Image" for item in items)


def _pages(file: File, title: str, texts: list[str], pictures: list[int]) -> Iterator[Page | Refusal]:
    if not any(texts):
        scan = "only pictures, no text (a scan?); run text recognition (OCR) over it and save the result"
        yield Refusal(scan if pictures else "no text in it")
        return
    marks: list[tuple[int, str]] = []
    line = 1
    for number, text in enumerate(texts, start=1):
        if text:
            marks.append((line, f"page {number}"))
            line += text.count("\n") + 2
    joined = unhyphenated("\n\n".join(filter(None, texts)))
    yield Page(file.doc_id, title or first_short_line(joined) or file.name, joined, marks=tuple(marks))
    if pictures:
        yield Refusal(f"{_numbers(pictures)} only a picture; run text recognition (OCR) if there is text in it")


def _numbers(pages: list[int]) -> str:
    listed = ", ".join(map(str, pages[:20])) + (", …" if len(pages) > 20 else "")
    return f"page {listed} holds" if len(pages) == 1 else f"pages {listed} hold"


_BROKEN_WORD = re.compile(r"\b([^\W\d_A-Z]{2,})(?:-|\u00ad)\n([^\W\d_A-Z]{2,})\b(\S*) ")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")


def unhyphenated(text: str) -> str:
    """`text` with words whole that were broken at line ends, where the same word stands whole elsewhere.

    Any other hyphen at a line end may belong to its word: `read-` / `only` stays. No line is added or lost.
    """
    words = set(_WORD.findall(text))

    def whole(match: re.Match[str]) -> str:
        word = match[1] + match[2]
        return f"{word}{match[3]}\n" if word in words and f"{match[1]}-{match[2]}" not in words else match[0]

    return _BROKEN_WORD.sub(whole, text)
