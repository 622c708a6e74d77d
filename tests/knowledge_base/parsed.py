"""Parsing in this process, which tests of what a parser finds need no other one for."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from knowledge_base.formats import FORMATS, parser
from knowledge_base.formats.page import File, Page, Refusal, readable


def parsed(name: str, content: str | bytes) -> list[Page | Refusal]:
    """What a file of this name and content gives."""
    data = content if isinstance(content, bytes) else content.encode()
    path = Path(name)
    file = File(BytesIO(data), path.suffix, name, readable(path.stem), 1_000_000)
    return list(parser(FORMATS[path.suffix])(file))


def only(name: str, content: str | bytes) -> Page:
    """The one page that a file gives."""
    (page,) = parsed(name, content)
    assert isinstance(page, Page)
    return page


def refused(name: str, content: str | bytes) -> str:
    """Why a file gives no page."""
    (refusal,) = parsed(name, content)
    assert isinstance(refusal, Refusal)
    return refusal.reason
