"""Markdown with its front matter, and plain text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from knowledge_base.formats.page import (
    EMPTY,
    File,
    Page,
    Refusal,
    first_h1,
    first_short_line,
    has_text,
    scalars,
    text_of,
)

_FRONT_MATTER_LIMIT = 65_536  # characters; the YAML parser is slow, and no real front matter is longer


def markdown(file: File) -> Iterator[Page | Refusal]:
    """The one page of a Markdown file; its front matter becomes title and meta, and is no part of its text."""
    text = text_of(file)
    if isinstance(text, Refusal):
        yield text
        return
    head = text[:_FRONT_MATTER_LIMIT]
    front, body = _front_matter(head)
    start = len(head.rstrip()) - len(body) if front else 0
    meta = scalars(front)
    title = meta.get("title") or first_h1(text[start:]) or file.name
    page = Page(file.doc_id, title, text[start:], meta, first_line=1 + text.count("\n", 0, start))
    yield page if has_text(page.text) else Refusal(EMPTY)


def _front_matter(head: str) -> tuple[dict[str, Any], str]:
    if not head.lstrip().startswith(("---", "+++", "{")):  # the library costs 50 ms to import
        return {}, ""
    import frontmatter
    import yaml

    for text in (head, _quoted(head)):
        try:
            front, body = frontmatter.parse(text)
            return front, body
        except (yaml.YAMLError, ValueError, TypeError, RecursionError):
            continue
    return {}, ""  # not front matter after all: it stays part of the text


_COLON_WITHIN = re.compile(r"^([A-Za-z_][\w-]*:[ \t]+)([^\s\"'\[{|>&*!%#@`][^\n]*:[ \t][^\n]*?)[ \t]*$", re.MULTILINE)


def _quoted(head: str) -> str:
    """`title: Refunds: who decides`, which is no YAML, with its value in quotation marks.

    A page must not lose its `audience: internal` to a colon in its title.
    """
    opens, front, body = head.partition("---\n")
    front, closes, body = body.partition("\n---") if front else ("", "", "")
    return opens + "---\n" + _COLON_WITHIN.sub(lambda m: m[1] + json.dumps(m[2]), front) + closes + body


def plain_text(file: File) -> Iterator[Page | Refusal]:
    """The one page of a text file."""
    text = text_of(file)
    if isinstance(text, Refusal):
        yield text
    elif has_text(text):
        yield Page(file.doc_id, first_short_line(text) or file.name, text)
    else:
        yield Refusal(EMPTY)
