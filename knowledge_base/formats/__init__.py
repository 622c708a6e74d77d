"""Formats that are read: a file -> its pages. A parser is imported when its first file comes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

from knowledge_base.formats.page import File, Page, Refusal

Format = Literal["markdown", "text", "html", "jsonl", "pdf", "docx", "csv", "json"]
Parser = Callable[[File], Iterator[Page | Refusal]]

FORMATS: dict[str, Format] = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "text",
    ".html": "html",
    ".htm": "html",
    ".pdf": "pdf",
    ".docx": "docx",
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
}
KINDS = ", ".join(suffix[1:] for suffix in FORMATS if suffix not in (".markdown", ".htm"))


def parser(kind: Format) -> Parser:
    """The parser of one format; what it needs is imported here, since a PDF library alone takes half a second."""
    match kind:
        case "markdown":
            from knowledge_base.formats.markdown import markdown as parse
        case "text":
            from knowledge_base.formats.markdown import plain_text as parse
        case "html":
            from knowledge_base.formats.html import html as parse
        case "pdf":
            from knowledge_base.formats.pdf import pdf as parse
        case "docx":
            from knowledge_base.formats.docx import docx as parse
        case "csv":
            from knowledge_base.formats.tables import table as parse
        case "json":
            from knowledge_base.formats.objects import objects as parse
        case "jsonl":
            from knowledge_base.formats.lines import lines as parse
    return parse
