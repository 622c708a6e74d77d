"""Words, stems and sentences: the few notions of text that search, proof and the local writer share."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import sentencex
import Stemmer

from knowledge_base.remembered import remembered

# Function words carry no topic: they are left out of coverage counts and of BM25 queries.
STOP_WORDS = frozenset(
    """
    a about above after again all also am an and any are aren't as at be because been before being
    below between both but by can can't cannot could couldn't did didn't do does doesn't doing don't
    down during each else few for from further get gets getting got had has have having he her here
    hers him his how i i'd i'll i'm i've if in into is isn't it it's its itself just let let's like me
    more most my myself no nor not of off on once one only or other our ours out over own please same
    she should so some such than that that's the their theirs them then there these they this those
    through to too under until up us very was wasn't we we'd we'll we're we've were weren't what
    what's when where where's which while who whom why will with won't would you you'd you'll you're
    you've your yours
    """.split()
)

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)
_WORD = re.compile(r"[^\W_]+(?:[_.\-/:'’][^\W_]+)*")
ELECTRONIC = re.compile(r"e-[^\W\d_]{4,}")
"""What is written with a hyphen by some, and as one word by others: e-mail, e-commerce."""
_JOINT = re.compile(r"[_.\-/:]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

Kind = Literal["prose", "item", "step", "code", "row", "heading", "quote"]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A unit of a passage that can be quoted alone: `text == passage[start:end]`."""

    text: str
    start: int
    end: int
    kind: Kind


def visible(text: str) -> str:
    """`text` as a reader sees it: compatibility forms folded, invisible, bidi and broken characters gone.

    The length may change; use it to compare, never to index into the original.
    """
    return _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))


_HYPHEN_IN_CODE = re.compile(r"[\u2010\u2011\u2212](?<=[^\W_].)(?=[^\W_]*\d)")


def typed(text: str) -> str:
    """`text` with the hyphens of codes as one types them: a word processor makes `AUTH\u2011417` of AUTH-417.

    The parts of `out\u2011of\u2011network` are words of their own, and stay so.
    """
    return text if text.isascii() else _HYPHEN_IN_CODE.sub("-", text)


_MARKED = re.compile("[\u0300-\u036f\u00c0-\u024f\u1e00-\u1eff][\u0300-\u036f]*")
_UNMARKED = {
    "ß": "ss", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D",
}  # fmt: skip


def unmarked(text: str) -> str:
    """`text` with Latin letters as one types them who does not have their marks: `Zürich` as `Zurich`.

    The marks of other scripts make other letters, and stay. The length may change.
    """
    return text if text.isascii() else _MARKED.sub(_without_mark, text)


def _without_mark(found: re.Match[str]) -> str:
    letter = unicodedata.normalize("NFD", found[0])[0]
    if "\u0300" <= letter <= "\u036f":
        before = found.string[found.start() - 1 : found.start()]
        return "" if before.isascii() and before.isalpha() else found[0]
    return _UNMARKED.get(letter, letter if letter.isascii() else found[0])


@remembered(8_192)
def words(text: str) -> list[str]:
    """Lower-case words in order, without their marks. An identifier gives itself and its parts.

    `etcdMembersDown` gives `etcdmembersdown etcd members down`, `AUTH-417` gives `auth-417 auth 417`; and
    `e-mail` is `email`.
    """
    shown = text if text.isascii() else unmarked(typed(visible(text))).replace("’", "'")
    found: list[str] = []
    for word in _WORD.findall(shown):
        lower = word.lower()
        if ELECTRONIC.fullmatch(lower):
            found.append(lower.replace("-", ""))
            continue
        found.append(lower)
        if word[1:].isalpha() and word[1:].islower():
            continue  # one plain word, as most are
        parts = [p for joint in _JOINT.split(word) for p in _CAMEL.split(joint) if p]
        if len(parts) > 1:
            found.extend(p.lower() for p in parts)
    return found


_stemmers = threading.local()  # a PyStemmer object is not safe across threads


def stem(word: str) -> str:
    """The Snowball (Porter 2) stem of one lower-case English word; words with digits are left alone."""
    return stem_all([word])[0]


def stem_all(lower_words: list[str]) -> list[str]:
    """`stem` over a list, in one call."""
    if not hasattr(_stemmers, "english"):
        _stemmers.english = Stemmer.Stemmer("english")
    stemmed: list[str] = _stemmers.english.stemWords(lower_words)
    return stemmed


@remembered(8_192)
def stems(text: str) -> list[str]:
    """Stems of the content words of `text`, in order, with repeats."""
    return stem_all([w for w in words(text) if w not in STOP_WORDS])


_LINK = re.compile(r"!?\[([^\[\]]*)\](?:\((?:[^()\s]|\([^()]*\)|\{\{[^{}]*\}\})*(?:\s[^()]*)?\)|\[[^\[\]]*\])")
_CODE_SPAN = re.compile(r"(`+[^`]*`+)")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>|\{#[^{}]*\}")
_EMPHASIS = re.compile(r"(?<![\w\\])(\*{1,3}|_{1,3})(?=[^\s*_])(.+?)(?<=[^\s*_\\])\1(?![\w(])")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")  # CommonMark's backslash escapes


def plain(markdown: str, *, keep_code: bool = False) -> str:
    """Markdown on one line as a reader sees it: no links, tags, emphasis or escapes, and no code marks unless kept.

    What stands inside code marks is left as it is.
    """
    pieces = []
    for piece in _CODE_SPAN.split(_LINK.sub(r"\1", markdown)):
        if _CODE_SPAN.fullmatch(piece):
            pieces.append(piece if keep_code else piece.strip("`"))
        else:
            pieces.append(_ESCAPED.sub(r"\1", _EMPHASIS.sub(r"\2", _TAG.sub("", piece))))
    return " ".join("".join(pieces).split())


_FENCE = re.compile(r"^\s*(```+|~~~+)")
_QUOTED = re.compile(r"^ {0,3}>")
_HEADING = re.compile(r"^ {0,3}#{1,6}\s")
_ITEM = re.compile(r"^\s*(?:[-*+•]|(?P<number>\d{1,3}[.)]))\s+")
_ROW = re.compile(r"^\s*\|.*\|\s*$")
_UNDERLINE = re.compile(r"^ {0,3}(?:=+|-+)\s*$")  # a setext heading's
_RULE = re.compile(r"^(?=.*--)[\s:|+-]+$")


@remembered(1_024, longest=4_000)
def sentences(text: str) -> list[Sentence]:
    """The quotable units of Markdown or plain text, in order.

    Prose is cut into sentences (sentencex); a list item, a numbered step, a table row, a heading and
    a fenced code block each stay whole. Blank lines and table rules are dropped.
    """
    return [s for s in _units(text) if s.text]


def _units(text: str) -> Iterator[Sentence]:
    block: list[tuple[int, int]] = []  # (start, end) of the lines gathered so far
    kind: Kind = "prose"
    fence = ""

    def flush() -> Iterator[Sentence]:
        if block:
            start, end = block[0][0], block[-1][1]
            if kind == "prose":
                yield from _prose(text, start, end)
            else:
                yield _trimmed(text, start, end, kind)
        block.clear()

    position = 0
    for line in text.splitlines(keepends=True):
        start, position = position, position + len(line)
        span = (start, position)
        if fence:
            block.append(span)
            if line.strip().startswith(fence) and not line.strip().strip(fence[0]):
                yield from flush()
                fence = ""
        elif opened := _FENCE.match(line):
            yield from flush()
            kind, fence = "code", opened.group(1)
            block.append(span)
        elif kind == "prose" and len(block) == 1 and _UNDERLINE.match(line):
            yield _trimmed(text, *block[0], "heading")
            block.clear()
        elif not line.strip() or _RULE.match(line):
            yield from flush()
            kind = "prose"
        elif _HEADING.match(line) or _ROW.match(line):
            yield from flush()
            yield _trimmed(text, *span, "heading" if _HEADING.match(line) else "row")
            kind = "prose"
        elif _QUOTED.match(line):
            if kind != "quote":
                yield from flush()
            kind = "quote"
            block.append(span)
        elif item := _ITEM.match(line):
            yield from flush()
            kind = "step" if item["number"] else "item"
            block.append(span)
        else:
            block.append(span)
    yield from flush()


_BAR = re.compile(r"(?<!\\)\|")


def bars(row: str) -> list[int]:
    """Where the bars between the cells of a Markdown table's row stand; one that is escaped belongs to its cell."""
    return [bar.start() for bar in _BAR.finditer(row)]


def cells(row: str) -> list[str]:
    """The cells of a Markdown table's row, with blanks around them and bars within as a reader sees them."""
    found = [cell.replace("\\|", "|") for cell in _BAR.split(row.strip())]
    return found[not found[0] : len(found) - (len(found) > 1 and not found[-1])]


_SURROGATE = re.compile("[\ud800-\udfff]")  # half a character, which the splitter cannot encode


def _prose(text: str, start: int, end: int) -> Iterator[Sentence]:
    for piece in sentencex.segment("en", _SURROGATE.sub("\ufffd", text[start:end])):
        yield _trimmed(text, start, start + len(piece), "prose")
        start += len(piece)


def _trimmed(text: str, start: int, end: int, kind: Kind) -> Sentence:
    raw = text[start:end]
    start += len(raw) - len(raw.lstrip())
    stripped = raw.strip()
    return Sentence(stripped, start, start + len(stripped), kind)
