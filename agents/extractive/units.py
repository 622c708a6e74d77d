"""A passage -> the pieces of it that can be quoted alone."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import takewhile
from typing import Literal

from knowledge_base import text as language
from tasks.case import Passage, Quote, Sentence


@dataclass(frozen=True, slots=True)
class Unit:
    """One quotable piece of a passage: `quote` is verbatim, `text` is `quote` without Markdown's marks.

    `headings` is the path of headings above it, outermost first. A table's row has `cells`, each with the
    name of its column, and a `subject`: its first cell, which says what the row is about, below `column`; where
    that does not tell the rows of a table apart, its first cells.
    """

    text: str
    quote: str
    kind: Literal["prose", "item", "step", "code"]
    passage: Passage
    headings: tuple[str, ...]
    subject: str = ""
    column: str = ""
    cells: tuple[tuple[str, str], ...] = ()

    @property
    def section(self) -> str:
        """The nearest heading above it, else the title."""
        return self.headings[-1] if self.headings else self.passage.title

    @property
    def leads_in(self) -> bool:
        """Whether it only announces what follows."""
        return self.text.endswith(":")

    def sentence(self) -> Sentence:
        """As a sentence of a draft."""
        return Sentence(text=self.text, kind=self.kind, quotes=[Quote(n=self.passage.n, text=self.quote)])


_NOWHERE = Passage(n=0, doc_id="", chunk_id="", title="", locator="", text="", score=0)
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_NOTHING = re.compile(r"\s*(?:[-*+•]\s+)?(?:\[[^\]]+\]:\s*\S+|(?:to-?do|tbd|n/?a|coming soon)\W*$)", re.I)
"""A link's target, or the place of a text that nobody wrote yet."""
_MARKER = re.compile(r"^\s*(?:[-*+•]|\d{1,3}[.)])\s+(?:\[[ xX]\]\s+)?")
_FENCE_LINE = re.compile(r"^\s*(?:```|~~~).*$", re.M)
POINTER = re.compile(
    r"^(?:see|refer to|read|for (?:more|further|details)|(?:more|further) (?:information|reading|details)"
    r"|this (?:page|document|article|guide|section|topic))\b",
    re.I,
)
"""Begins a sentence that only says where else to look, or what the page is about."""

ASIDE = re.compile(
    r"\b(?:as|approach\w*|steps?) (?:listed|described|shown|mentioned|explained|given|noted) (?:above|below|earlier)"
    r"|\b(?:see|shown?|listed|described) (?:above|below)\b|^(?:the|these) following\b|\b(?:to|of|for|with) that \w+",
    re.I,
)
"""Leans on a text elsewhere on the page, which the reader of an answer does not see."""

DANGLING = re.compile(
    r"^(?:it|they|this|that|these|those|he|she|then|there|also|otherwise|however|but|and|so)\b"
    r"|^(?:after|before|during|in|until|on|for|with) (?:that|those|these|this)\b",
    re.I,
)
"""Begins a sentence that needs the one before it."""

_TITLE = re.compile(r"[^\W\d_][^.!?:;,]{0,60}")
_TITLE_LEVEL = 7  # below Markdown's six
_ALIGNED = re.compile(r"^[ \t]*(\S+(?: \S+)?)[ \t]{2,}(\S.*?)[ \t]*$", re.M)
_SAYS_SOMETHING = re.compile(r"[^\W\d_]{2}")
_TO_A_MACHINE = re.compile(
    r"\b(?:AI|assistants?|chat ?bots?|language models?|LLMs?)\b.{0,60}"
    r"\b(?:must|should|tell|reply|ignore|reading|follow|respond)\b"
    r"|\bignore (?:all |any |the |your )?(?:previous|prior|above)\b|^\s*(?:SYSTEM|ASSISTANT)\s*:",
    re.I | re.S,
)


def units(passage: Passage) -> list[Unit]:
    """The quotable pieces of a passage, in order; headings, block quotes and table rules are none.

    A block quote repeats what somebody else said; it is not the document's own statement. Nor is an order
    to a machine with what follows it in its paragraph: leaving these out keeps answers clean, and is no
    barrier. The barriers are the page's audience, the proof, and that an answer has no other effect.
    """
    return [replace(unit, passage=passage) for unit in _units(passage.text, tuple(passage.headings))]


@lru_cache(maxsize=1_024)
def _units(passage: str, headings: tuple[str, ...]) -> tuple[Unit, ...]:
    """The pieces of a passage's text, not yet its own: the same one is found for many tickets."""
    found: list[Unit] = []
    ordered_until = -1  # the end of a paragraph that gives a machine orders
    path = dict(enumerate(headings, start=1))  # level -> heading
    header: list[str] = []
    labels = 1
    before = ""
    pieces = language.sentences(passage)
    for n, piece in enumerate(pieces):
        if piece.kind == "heading":
            level = len(piece.text) - len(piece.text.lstrip("#"))
            path = {above: heading for above, heading in path.items() if above < level}
            path[level] = plain(piece.text.strip("# "))
        elif _is_title(piece, passage):
            path = {above: heading for above, heading in path.items() if above < _TITLE_LEVEL}
            path[_TITLE_LEVEL] = plain(piece.text)
        elif piece.kind == "row":
            cells = _cells(piece.text)
            if before != "row":
                header = cells
                labels = _labels([_cells(row.text) for row in takewhile(lambda p: p.kind == "row", pieces[n + 1 :])])
            else:
                found.append(_row(piece.text, header, cells, labels, tuple(path.values())))
        elif piece.kind == "prose" and len(aligned := _ALIGNED.findall(piece.text)) > 1:
            found += [_aligned_row(line, passage, tuple(path.values())) for line in aligned]
        elif _TO_A_MACHINE.search(piece.text):
            ordered_until = _paragraph_end(passage, piece.end)
        elif piece.kind != "quote" and piece.start >= ordered_until and not _NOTHING.match(piece.text):
            text = _FENCE_LINE.sub("", piece.text).strip("\n") if piece.kind == "code" else plain(piece.text)
            if _SAYS_SOMETHING.search(text):
                found.append(Unit(text, piece.text, piece.kind, _NOWHERE, tuple(path.values())))
        before = piece.kind
    return tuple(found)


def _paragraph_end(text: str, position: int) -> int:
    blank = _BLANK_LINE.search(text, position)
    return blank.start() if blank else len(text)


def _is_title(piece: language.Sentence, text: str) -> bool:
    """Whether a piece is a heading as plain text has them: a few words in a line of their own, without a stop."""
    if piece.kind != "prose" or "\n" in piece.text or not _TITLE.fullmatch(piece.text):
        return False
    before, after = text[: piece.start].rstrip(" \t"), text[piece.end :].lstrip(" \t")
    return (not before or before.endswith("\n\n")) and after.startswith("\n\n") and bool(after.strip())


def plain(markdown: str) -> str:
    """One line of text without its list marker; inline code keeps its marks."""
    return language.plain(_MARKER.sub("", markdown), keep_code=True)


def _cells(row: str) -> list[str]:
    return [plain(cell) for cell in language.cells(row)]


def _labels(rows: Sequence[Sequence[str]]) -> int:
    """How many of the first columns it takes to tell the rows of a table apart: two where each plan has two regions."""
    columns = min(map(len, rows), default=1)
    return next((n for n in range(1, columns) if len({tuple(row[:n]) for row in rows}) == len(rows)), 1)


def _row(quote: str, header: Sequence[str], values: Sequence[str], labels: int, headings: tuple[str, ...]) -> Unit:
    subject = ", ".join(filter(None, values[:labels]))
    cells = tuple((name, value) for name, value in zip(header[labels:], values[labels:], strict=False) if value)
    return Unit(_row_text(subject, cells), quote, "item", _NOWHERE, headings, subject, header[0], cells)


def _row_text(subject: str, cells: Sequence[tuple[str, str]]) -> str:
    """A table row that can be read without its table: "Pro: Monthly price $49, Seats 1 to 50"."""
    rest = ", ".join(cell_texts(cells))
    return f"{subject}: {rest}" if rest else subject


def cell_texts(cells: Sequence[tuple[str, str]]) -> list[str]:
    """How each cell of a row reads: "Monthly price $49"."""
    return [f"{name} {value}".strip(" .") for name, value in cells]


def _aligned_row(line: tuple[str, str], passage: str, headings: tuple[str, ...]) -> Unit:
    """A line of two columns set apart by blanks: "due_date     optional, written as YYYY-MM-DD"."""
    name, rest = line
    quote = next(found for found in passage.split("\n") if name in found and rest in found).strip()
    return Unit(f"{plain(name)}: {plain(rest)}", quote, "item", _NOWHERE, headings, subject=plain(name))


def narrowed(unit: Unit, asked: Set[str]) -> Unit:
    """A table's row with only the columns whose names are asked for (as stems), when some are."""

    def share(name: str) -> float:
        said = set(language.stems(name))
        return len(said & asked) / len(said) if said else 0.0

    best = max((share(name) for name, _ in unit.cells), default=0.0)
    if best < 0.5:
        return unit
    kept = tuple(cell for cell in unit.cells if share(cell[0]) == best)
    return replace(unit, text=_row_text(unit.subject, kept), cells=kept)
