"""A passage -> the pieces of it that can be quoted alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from knowledge_base import text as language
from tasks.case import Passage, Quote, Sentence


@dataclass(frozen=True, slots=True)
class Unit:
    """One quotable piece of a passage: `quote` is verbatim, `text` is `quote` without Markdown's marks.

    `headings` is the path of headings above it, outermost first. `subject` is set for a table's row: its
    first cell, which says what the row is about.
    """

    text: str
    quote: str
    kind: Literal["prose", "item", "step", "code"]
    passage: Passage
    headings: tuple[str, ...]
    subject: str = ""

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


_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_NOTHING = re.compile(r"\s*(?:[-*+•]\s+)?(?:\[[^\]]+\]:\s*\S+|(?:to-?do|tbd|n/?a|coming soon)\W*$)", re.I)
"""A link's target, or the place of a text that nobody wrote yet."""
_MARKER = re.compile(r"^\s*(?:[-*+•]|\d{1,3}[.)])\s+(?:\[[ xX]\]\s+)?")
_FENCE_LINE = re.compile(r"^\s*(?:```|~~~).*$", re.M)
POINTER = re.compile(
    r"^(?:see|refer to|read|for (?:more|further|details)|this (?:page|document|article|guide|section|topic))\b", re.I
)
"""Begins a sentence that only says where else to look, or what the page is about."""

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
    found: list[Unit] = []
    ordered_until = -1  # the end of a paragraph that gives a machine orders
    path = dict(enumerate(passage.headings, start=1))  # level -> heading
    header: list[str] = []
    before = ""
    for piece in language.sentences(passage.text):
        if piece.kind == "heading":
            level = len(piece.text) - len(piece.text.lstrip("#"))
            path = {above: heading for above, heading in path.items() if above < level}
            path[level] = plain(piece.text.strip("# "))
        elif piece.kind == "row":
            cells = _cells(piece.text)
            if before != "row":
                header = cells
            else:
                found.append(
                    Unit(_row_text(header, cells), piece.text, "item", passage, tuple(path.values()), cells[0])
                )
        elif _TO_A_MACHINE.search(piece.text):
            ordered_until = _paragraph_end(passage.text, piece.end)
        elif piece.kind != "quote" and piece.start >= ordered_until and not _NOTHING.match(piece.text):
            text = _FENCE_LINE.sub("", piece.text).strip("\n") if piece.kind == "code" else plain(piece.text)
            if _SAYS_SOMETHING.search(text):
                found.append(Unit(text, piece.text, piece.kind, passage, tuple(path.values())))
        before = piece.kind
    return found


def _paragraph_end(text: str, position: int) -> int:
    blank = _BLANK_LINE.search(text, position)
    return blank.start() if blank else len(text)


def plain(markdown: str) -> str:
    """One line of text without its list marker; inline code keeps its marks."""
    return language.plain(_MARKER.sub("", markdown), keep_code=True)


def _cells(row: str) -> list[str]:
    return [plain(cell) for cell in row.strip().strip("|").split("|")]


def _row_text(header: Sequence[str], cells: Sequence[str]) -> str:
    """A table row that can be read without its table: "Pro: Monthly price $49, Seats 1 to 50"."""
    rest = [f"{name} {cell}" for name, cell in zip(header[1:], cells[1:], strict=False) if cell]
    return f"{cells[0]}: {', '.join(rest)}" if rest else cells[0]
