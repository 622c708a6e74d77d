"""HTML -> Markdown, as a visitor of the page sees it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bs4 import BeautifulSoup, Comment, Tag
from bs4.exceptions import ParserRejectedMarkup
from markdownify import MarkdownConverter

from knowledge_base.formats.grid import TooManyCells, straighten
from knowledge_base.formats.markup import tree
from knowledge_base.formats.page import EMPTY, File, Page, Refusal, clean, has_text, scalars, text_of
from knowledge_base.formats.raised import number_notes, set_apart

_UNSEEN = "script, style, nav, template, noscript, [hidden], dialog:not([open])"
_UNSEEN_STYLE = re.compile(r"(?:^|[;\s])(?:display\s*:\s*none|visibility\s*:\s*hidden)\b", re.IGNORECASE)
_NO_SIZE = re.compile(r"(?:^|[;\s])font-size\s*:\s*0(?:\.0*)?[a-z%]*\s*(?:[;!]|$)", re.IGNORECASE)
_SIZE = re.compile(r"font(?:-size)?\s*:", re.IGNORECASE)
_BLOCKS = """
    address aside center details dialog fieldset figure footer form header hgroup legend main optgroup option search
    summary
""".split()
"""Blocks that the converter does not know as such."""


def html(file: File) -> Iterator[Page | Refusal]:
    """The one page of an HTML file."""
    text = text_of(file)
    yield text if isinstance(text, Refusal) else page_of(file, text)


def page_of(file: File, markup: str) -> Page | Refusal:
    """The page that `markup` shows, with `file`'s id, and its name if the page has no title."""
    try:
        page = _page(file, markup)
    except (RecursionError, ParserRejectedMarkup):
        return Refusal("its markup is nested too deeply, or broken beyond reading")
    except TooManyCells as error:
        return Refusal(str(error))
    return page if has_text(page.text) else Refusal(EMPTY)


def _page(file: File, markup: str) -> Page:
    soup = tree(markup)
    meta = scalars({str(m["name"]): m.get("content") for m in soup.find_all("meta", attrs={"name": True})})
    _leave_out_unseen(soup)
    for image in soup.find_all("img"):  # its address may be a megabyte of base64
        image.replace_with(str(image.get("alt", "")))
    titles = [" ".join(tag.get_text().split()) for tag in (soup.title, soup.h1) if tag]
    title = next(filter(None, titles), file.name)
    if soup.title:
        soup.title.extract()
    for block in soup.find_all(_BLOCKS):
        block.name = "div"
    number_notes(soup)
    set_apart(soup)
    straighten(soup)
    return Page(file.doc_id, title, clean(_Converter().convert_soup(soup)), meta)


def _leave_out_unseen(soup: BeautifulSoup) -> None:
    """Remove what no visitor sees. What a style sheet hides stays: a click may show it, as in a list of questions."""
    styled = [tag for tag in soup.find_all(style=True) if _hides(tag, str(tag["style"]))]
    for tag in [*soup.select(_UNSEEN), *styled]:
        tag.decompose()
    for comment in soup.find_all(string=lambda s: isinstance(s, Comment)):
        comment.extract()


def _hides(tag: Tag, style: str) -> bool:
    """Whether its own style hides `tag`; text of no size may hold some that has one again."""
    return bool(_UNSEEN_STYLE.search(style) or (_NO_SIZE.search(style) and not tag.find(style=_SIZE)))


class _Converter(MarkdownConverter):
    """Identifiers such as `max_wait_s` must stay as they are, so nothing is escaped but what would add a column."""

    def __init__(self) -> None:
        super().__init__(
            heading_style="atx", bullets="-", escape_asterisks=False, escape_underscores=False, table_infer_header=True
        )

    def convert_td(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """One cell, whatever columns it says that it spans."""
        cell = " ".join(text.split("\n")).strip().replace("|", "\\|")
        return f" {cell} |"

    convert_th = convert_td
