"""Markdown with its front matter, and plain text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from knowledge_base.formats.front_matter import front_matter
from knowledge_base.formats.page import EMPTY, File, Page, Refusal, first_h1, first_short_line, has_text, text_of


def markdown(file: File) -> Iterator[Page | Refusal]:
    """The one page of a Markdown file; its front matter becomes title and meta, and is no part of its text."""
    text = text_of(file)
    if isinstance(text, Refusal):
        yield text
        return
    front = front_matter(text)
    if isinstance(front, Refusal):
        yield front
        return
    body = without_comments(text[front.end :])
    title = front.meta.get("title") or first_h1(body) or file.name
    page = Page(file.doc_id, title, body, front.meta, first_line=1 + text.count("\n", 0, front.end))
    yield page if has_text(body) else Refusal(EMPTY)


_CODE_OR_COMMENT = re.compile(
    r"""
    ^[ \t>]*(?P<fence>```+|~~~+) .*? (?: ^[ \t>]*(?P=fence)[`~]*[ \t]*$ | \Z )
    | (?<!`)(?P<ticks>`+)(?!`) (?:(?!\n[ \t]*\n).){1,500}? (?<!`)(?P=ticks)(?!`)
    | (?P<comment>
        ^[ \t>]*<!-- (?: -?> | .*? (?: --> | \Z ) )                          # never closed, it hides all that follows
        | <!-- (?: -?> | .{0,2000}? --> )
        | ^[ ]{0,3}\[[^\]\n]*\]:[ \t]*(?:\#|<>)[ \t]+["'(][^\n]*["')][ \t]*$   # a link that leads nowhere
      )
    """,
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)


def without_comments(markdown: str) -> str:
    """`markdown` without what its writer hid from readers: `<!-- this -->` and `[//]: # (this)`. Its lines stay."""
    if "<!--" not in markdown and "]:" not in markdown:
        return markdown

    def shown(found: re.Match[str]) -> str:
        return found[0] if found["comment"] is None else "\n" * found[0].count("\n")

    return _CODE_OR_COMMENT.sub(shown, markdown)


def plain_text(file: File) -> Iterator[Page | Refusal]:
    """The one page of a text file."""
    text = text_of(file)
    if isinstance(text, Refusal):
        yield text
    elif has_text(text):
        yield Page(file.doc_id, first_short_line(text) or file.name, text)
    else:
        yield Refusal(EMPTY)
