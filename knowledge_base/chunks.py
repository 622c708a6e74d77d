"""Documents -> chunks: passages short enough to embed and whole enough to quote."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import accumulate, takewhile

from markdown_it import MarkdownIt
from markdown_it.token import Token

from errors import UsageError
from knowledge_base.sources import Document
from knowledge_base.text import plain, sentences

TARGET, LIMIT = 500, 1000  # characters: about 128 tokens, which is what the embedding model was trained on


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of whole blocks of one document.

    `text` is the exact source text of lines `first_line..last_line` (1-based, inclusive, counted in
    the source file). `headings` is the path of headings above all of it, outermost first. `place` is
    the page, row or object it comes from, where the source has such. Where a block longer than the
    limit had to be split, `text` is the part of those lines that fell to this chunk; it stays exact,
    so the later parts of a table come without its header row.
    """

    chunk_id: str
    doc_id: str
    text: str
    headings: tuple[str, ...]
    first_line: int
    last_line: int
    place: str = ""


@dataclass(frozen=True, slots=True)
class _Block:
    """`text[start:end]`, without blank lines at either end, and where it stands in the outline."""

    start: int
    end: int
    headings: tuple[str, ...] = ()
    section: int = 0  # grows by one at each H1 and H2
    level: int = 0  # of a heading; 0 for anything else
    leads: bool = False  # belongs with what comes next: a heading, "as follows:"

    @property
    def size(self) -> int:
        return self.end - self.start


def chunk(document: Document, target: int = TARGET, limit: int = LIMIT) -> list[Chunk]:
    """The chunks of `document`, in order, covering all of its text.

    Blocks are those of CommonMark with tables, or blank-line paragraphs for plain text and for
    documents of more than 100,000 lines. They are gathered up to `target` characters; only a block
    longer than `limit` is split, and no chunk is longer. A chunk begins anew at an H1 or H2 unless
    that would leave a stub. Raises UsageError unless 0 < target <= limit.
    """
    if not 0 < target <= limit:
        raise UsageError(f"target {target} and limit {limit}: choose 0 < target <= limit")
    text = document.text
    line_starts = _line_starts(text)
    if document.format in ("text", "pdf") or len(line_starts) > _MARKDOWN_LINES:
        blocks = _paragraphs(text, limit)
    else:
        blocks = _markdown_blocks(text, line_starts, limit)
    ids: dict[int, int] = {}
    chunks = []
    for block in _without_stubs(_packed(_units(blocks, limit), target), target, limit):
        first = bisect_right(line_starts, block.start) + document.first_line - 1
        last = bisect_right(line_starts, block.end - 1) + document.first_line - 1
        ids[first] = ids.get(first, 0) + 1
        chunk_id = f"{document.doc_id}#{first}" + (f"-{ids[first]}" if ids[first] > 1 else "")
        body = text[block.start : block.end]
        place = _place(document, first, last)
        chunks.append(Chunk(chunk_id, document.doc_id, body, block.headings, first, last, place))
    return chunks


def _place(document: Document, first: int, last: int) -> str:
    """The marks that lines `first..last` fall under: "page 3", "page 3 to page 4"."""
    begun = [label for line, label in document.marks if line <= last]
    here = max(sum(line <= first for line, _ in document.marks) - 1, 0)
    return " to ".join(dict.fromkeys([*begun[here : here + 1], *begun[-1:]]))


def locator(chunk: Chunk, title: str = "") -> str:
    """Where a person finds `chunk`, such as "lines 12–18 · Refunds › Annual plans" or "page 3".

    A first heading that only repeats `title`, the document's, is left out.
    """
    lines = f"lines {chunk.first_line}–{chunk.last_line}"
    if chunk.first_line == chunk.last_line:
        lines = f"line {chunk.first_line}"
    lines = chunk.place or lines
    headings = chunk.headings[1:] if chunk.headings[:1] == (plain(title),) else chunk.headings
    return f"{lines} · {' › '.join(headings)}" if headings else lines


# Text -> blocks

# The parser keeps about 2 KB and 20 µs a line at worst (a list of one-word items).
_MARKDOWN_LINES = 100_000
# Only lines of blocks are wanted: inline markup is not parsed, and link definitions count as text.
_PARSER = MarkdownIt("commonmark").enable("table").disable(["inline", "text_join", "reference"])
_CONTAINERS = {
    "blockquote_open",
    "bullet_list_open",
    "ordered_list_open",
    "list_item_open",
    "table_open",
    "thead_open",
    "tbody_open",
}
_CODE = {"fence", "code_block", "html_block"}
_BLANK_LINES = re.compile(r"\n(?:[^\S\n]*\n)+")
_LEADING_BLANK_LINES = re.compile(r"(?:[^\S\n]*\n)*")


def _line_starts(text: str) -> list[int]:
    return [0, *accumulate(len(line) + 1 for line in text.split("\n"))][:-1]


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without blank lines before it and white space after it."""
    body = text[start:end].rstrip()
    blank = _LEADING_BLANK_LINES.match(body)
    return start + (blank.end() if blank else 0), start + len(body)


def _paragraphs(text: str, limit: int) -> Iterator[_Block]:
    for start, end in _between(_BLANK_LINES, text, 0, len(text)):
        for piece in _by_sentence(text, start, end, limit):
            yield _Block(*piece, leads=text[piece[1] - 1] == ":")


def _markdown_blocks(text: str, line_starts: list[int], limit: int) -> Iterator[_Block]:
    # The parser would take a lone carriage return for a line end and count lines otherwise than we do.
    outline = _Outline(text, _PARSER.parse(text.replace("\r", " ")), line_starts, limit)
    path: dict[int, str] = {}  # level -> heading
    section = 0
    rule: int | None = None  # where a thematic break stands that goes with the next block
    for index, start, end in outline.spans(-1, 0, len(text)):
        token = outline.tokens[index]
        start = start if rule is None else rule
        rule = start if token.type == "hr" and end < len(text) else None
        if rule is not None:
            continue
        level = int(token.tag[1]) if token.type == "heading_open" else 0
        if level:
            path = {above: heading for above, heading in path.items() if above < level}
            path[level] = plain(outline.tokens[index + 1].content[:200])
            section += level <= 2
        for piece in outline.pieces(index, start, end):
            follows = token.type == "paragraph_open" and text[piece[1] - 1] == ":"
            yield _Block(*piece, tuple(path.values()), section, level, leads=bool(level) or follows)


@dataclass(frozen=True, slots=True)
class _Outline:
    """The block tokens of a text, and how a block too long is taken apart."""

    text: str
    tokens: list[Token]
    line_starts: list[int]
    limit: int

    def spans(self, parent: int, start: int, end: int) -> list[tuple[int, int, int]]:
        """(token index, start, end) of the blocks right inside `parent`; together they cover start..end."""
        level = self.tokens[parent].level + 1 if parent >= 0 else 0
        found = []
        for index in range(parent + 1, len(self.tokens)):
            token = self.tokens[index]
            if token.level < level:
                break
            if token.level == level and token.map and token.type != "inline":
                found.append((index, self.line_starts[token.map[0]]))
        starts = [start, *(at for _, at in found[1:]), end]
        return [(index, starts[i], starts[i + 1]) for i, (index, _) in enumerate(found)]

    def pieces(self, index: int, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The block as spans of at most `limit` characters: itself if it fits, else its parts."""
        start, end = _trimmed(self.text, start, end)
        kind = self.tokens[index].type
        if end - start <= self.limit:
            if start < end:
                yield start, end
        elif kind in _CONTAINERS and (inside := self.spans(index, start, end)):
            for child in inside:
                yield from self.pieces(*child)
        elif kind in _CODE:
            yield from _by_line(self.text, start, end, self.limit)
        else:
            yield from _by_sentence(self.text, start, end, self.limit)


# Blocks longer than the limit


def _between(separator: re.Pattern[str], text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The spans of start..end that `separator` leaves, trimmed; empty ones are left out."""
    ends = [match.start() for match in separator.finditer(text, start, end)]
    for first, last in zip([start, *ends], [*ends, end], strict=True):
        first, last = _trimmed(text, first, last)
        if first < last:
            yield first, last


_PROSE = 100_000  # characters; a longer paragraph is data, and is not worth looking for sentences in
_LINE_END = re.compile(r"\n")
_SPACE = re.compile(r"\s*")


def _by_line(text: str, start: int, end: int, limit: int) -> Iterator[tuple[int, int]]:
    """Code, between its stanzas; between lines only where a stanza is longer than `limit`."""
    for first, last in _between(_BLANK_LINES, text, start, end):
        if last - first <= limit:
            yield first, last
        else:
            for line in _between(_LINE_END, text, first, last):
                yield from _by_width(text, *line, limit)


def _by_sentence(text: str, start: int, end: int, limit: int) -> Iterator[tuple[int, int]]:
    if end - start > _PROSE:
        yield from _by_width(text, start, end, limit)
        return
    if end - start <= limit:
        yield start, end
        return
    starts = [start + sentence.start for sentence in sentences(text[start:end])]
    for first, last in zip([start, *starts[1:]], [*starts[1:], end], strict=True):
        yield from _by_width(text, *_trimmed(text, first, last), limit)


def _by_width(text: str, start: int, end: int, limit: int) -> Iterator[tuple[int, int]]:
    """The last resort: cut at a line end or else at white space before `limit`, or at `limit` itself."""
    while end - start > limit:
        window = text[start : start + limit + 1]
        cut = max(window.rfind("\n", limit // 2), 0) or max(window.rfind(" "), window.rfind("\t"), 0)
        stop = start + (cut if window[:cut].strip() else limit)
        piece = _trimmed(text, start, stop)
        if piece[0] < piece[1]:
            yield piece
        start = _SPACE.match(text, stop, end).end()  # type: ignore[union-attr]  # it matches nothing too
    if start < end:
        yield start, end


# Blocks -> chunks


def _units(blocks: Iterable[_Block], limit: int) -> Iterator[_Block]:
    """Each block together with the headings and the "as follows:" that lead to it, if all of it fits."""
    unit: list[_Block] = []
    for block in blocks:
        if unit and block.level and not 0 < unit[-1].level < block.level:
            yield from _joined(unit, limit)  # an empty section, or a colon before a heading
            unit = []
        unit.append(block)
        if not block.leads:
            yield from _joined(unit, limit)
            unit = []
    yield from _joined(unit, limit)


def _joined(unit: list[_Block], limit: int) -> list[_Block]:
    if unit and unit[-1].end - unit[0].start <= limit:
        return [replace(unit[-1], start=unit[0].start, level=unit[0].level)]
    return unit


def _packed(units: Iterable[_Block], target: int) -> list[_Block]:
    """Neighbours of one H1 or H2 section gathered up to `target`; past half of it, a heading begins anew."""
    packed: list[_Block] = []
    for unit in units:
        last = packed[-1] if packed else None
        full = target // 2 if unit.level else target
        if last and last.section == unit.section and last.size < full and unit.end - last.start <= target:
            packed[-1] = _merged(last, unit)
        else:
            packed.append(unit)
    return packed


def _without_stubs(blocks: Iterable[_Block], target: int, limit: int) -> list[_Block]:
    """Blocks of under a quarter of `target` joined to a neighbour, across sections if need be."""
    kept: list[_Block] = []
    for block in blocks:
        last = kept[-1] if kept else None
        room = limit if last and last.section == block.section else target
        if last and min(last.size, block.size) < target // 4 and block.end - last.start <= room:
            kept[-1] = _merged(last, block)
        else:
            kept.append(block)
    return kept


def _merged(first: _Block, second: _Block) -> _Block:
    shared = takewhile(lambda pair: pair[0] == pair[1], zip(first.headings, second.headings, strict=False))
    return replace(second, start=first.start, headings=tuple(heading for heading, _ in shared), level=first.level)
