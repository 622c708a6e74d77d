"""HTML -> Markdown, as a visitor of the page sees it."""

from __future__ import annotations

from collections.abc import Iterator

from bs4 import BeautifulSoup, Comment, Tag
from bs4.exceptions import ParserRejectedMarkup
from markdownify import MarkdownConverter

from knowledge_base.formats.page import EMPTY, File, Page, Refusal, clean, has_text, scalars, text_of

_UNSEEN = (
    "script, style, nav, template, noscript, [hidden],"
    " [style*='display:none' i], [style*='display: none' i],"
    " [style*='visibility:hidden' i], [style*='visibility: hidden' i]"
)


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
    return page if has_text(page.text) else Refusal(EMPTY)


def _page(file: File, markup: str) -> Page:
    soup = BeautifulSoup(markup, "html.parser")
    meta = scalars({str(m["name"]): m.get("content") for m in soup.find_all("meta", attrs={"name": True})})
    for tag in soup.select(_UNSEEN):
        tag.decompose()
    for comment in soup.find_all(string=lambda s: isinstance(s, Comment)):
        comment.extract()
    for image in soup.find_all("img"):  # its address may be a megabyte of base64
        image.replace_with(str(image.get("alt", "")))
    titles = [" ".join(tag.get_text().split()) for tag in (soup.title, soup.h1) if tag]
    title = next(filter(None, titles), file.name)
    body: Tag = soup.body or soup
    if soup.title:
        soup.title.extract()
    # Identifiers such as `max_wait_s` must stay as they are, so nothing is escaped.
    converter = MarkdownConverter(
        heading_style="atx",
        bullets="-",
        escape_asterisks=False,
        escape_underscores=False,
        table_infer_header=True,
    )
    return Page(file.doc_id, title, clean(converter.convert_soup(body)), meta)
