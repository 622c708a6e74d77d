"""What a parser takes and gives, and the notions of text and title that all of them share."""

from __future__ import annotations

import codecs
import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from knowledge_base.text import plain, visible

TITLE_LIMIT = 200  # characters
EMPTY = "empty, or without text"
BINARY = "binary or of no known encoding"


@dataclass(frozen=True, slots=True)
class File:
    """An open file to parse. `name` is its name as a person would say it, for pages that have no title."""

    stream: BinaryIO
    suffix: str
    doc_id: str
    name: str
    max_bytes: int


@dataclass(frozen=True, slots=True)
class Page:
    """What becomes one document; the fields are those of `Document`."""

    doc_id: str
    title: str
    text: str
    meta: dict[str, str] = field(default_factory=dict)
    first_line: int = 1
    marks: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a file, or the part of it `at` (":12" is line 12), is left out, in one plain line.

    What is wrong with a whole file may be `passing`: it is half written, say, or the machine was busy.
    """

    reason: str
    at: str = ""
    passing: bool = False


# Bytes -> text

LONE_SURROGATE = re.compile("[\ud800-\udfff]")


_MARKS = (  # UTF-32's little-endian one begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def clean(text: str) -> str:
    """`text` with `\\n` line ends and nothing in it that UTF-8 or SQLite cannot hold."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    return LONE_SURROGATE.sub("\ufffd", text)


def content(file: File) -> bytes | Refusal:
    """All bytes of a file, unless there are more than its limit."""
    data = file.stream.read(file.max_bytes + 1)
    return over(len(data), file.max_bytes) if len(data) > file.max_bytes else data


def over(size: int, limit: int) -> Refusal:
    """The refusal of a file of `size` bytes."""
    return Refusal(f"{size / 1e6:.1f} MB, over the limit of {limit / 1e6:.1f} MB")


def text_of(file: File) -> str | Refusal:
    """The decoded content of a text file."""
    data = content(file)
    if isinstance(data, Refusal):
        return data
    text = decode(data)
    return Refusal(BINARY) if text is None else text


def decode(data: bytes) -> str | None:
    """What its mark says, else UTF-8 if it is that, else Windows-1252 or the best guess; None for binary data.

    UTF-8 with a few lines in something else, as files put together from several have it, is read line by line.
    charset-normalizer's guesses rank almost at random on short English texts, and a `£` read as `｣` or a no-break
    space as part of a Chinese character falsifies a price. So it is not asked where only signs are not ASCII, and
    where Windows-1252 is about as likely as its best guess that is taken.
    """
    marked = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8-sig")
    try:
        text = data.decode(marked)
    except UnicodeDecodeError:
        if (mixed := _line_by_line(data)) is not None:
            return mixed
        if (signs := _western(data)) is not None:
            return signs
        import charset_normalizer  # 50 ms, and most files are UTF-8

        guesses = charset_normalizer.from_bytes(data)
        best = guesses.best()
        if best is None:
            return None
        western = (g for g in guesses if g.encoding == "cp1252" or "cp1252" in g.could_be_from_charset)
        text = str(next((g for g in western if g.coherence > best.coherence - 0.05), best)).removeprefix("\ufeff")
    return None if "\0" in text else clean(text)


def _line_by_line(data: bytes) -> str | None:
    """Lines of UTF-8, and among them no more of Windows-1252; None where that is not what the data is."""
    found, odd, proper = [], 0, 0
    for line in data.split(b"\n"):
        try:
            found.append(line.decode("utf-8"))
            proper += not line.isascii()
        except UnicodeDecodeError:
            found.append(line.decode("cp1252", "replace"))
            odd += 1
    text = "\n".join(found).removeprefix("\ufeff")
    return clean(text) if odd <= proper and "\0" not in text else None


_SHARED = frozenset("áâäçéëíîóôöúüßÁÂÄÇÉËÍÎÓÔÖÚÜµ")
"""Letters that stand at the same byte in the encodings of western, central European and Turkish Windows."""
_NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_SIGN_IN_WORD = re.compile("[A-Za-z][‚„†‡ˆ‰‹“”•˜›¡-¬®-¶¸-¿×÷](?=[A-Za-z])|‚")
"""As letters of other encodings look: `z³oty` is the złoty of Windows-1250, and a `‚` most often half of a kana."""


def _western(data: bytes) -> str | None:
    """Windows-1252 of English and signs (`20\xa0€ – 30\xa0€`), with letters among them that could not be others."""
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        return None
    letters = [character for character in text if character.isalpha()]
    odd = [letter for letter in letters if not letter.isascii()]
    if not _SHARED.issuperset(odd) or (odd and 2 * len(odd) > len(letters)):
        return None
    return None if _NO_TEXT.search(text) or _SIGN_IN_WORD.search(text) else clean(text)


def has_text(text: str) -> bool:
    """Whether a reader sees anything of `text`; looks only as far as the first thing to see."""
    return any(visible(text[start : start + 4096]).strip() for start in range(0, len(text), 4096))


# Titles and metadata

_H1_OR_FENCE = re.compile(
    r"^ {0,3}(?:(?P<fence>```+|~~~+)|#[ \t]+(?P<text>.*))"
    r"|^(?<![^\n]\n)(?![-+*][ \t])(?P<over>[^\s>|].*)\n {0,3}=+[ \t]*$",  # a paragraph of one line, underlined
    re.MULTILINE,
)


def first_h1(markdown: str) -> str:
    """The first heading of level one outside code, as a reader sees it; empty if there is none."""
    fence = ""
    for match in _H1_OR_FENCE.finditer(markdown):
        if opened := match["fence"]:
            fence = opened if not fence else "" if opened.startswith(fence) else fence
        elif not fence and (title := plain((match["text"] or match["over"])[:TITLE_LIMIT].rstrip(" \t#"))):
            return title
    return ""


def first_short_line(text: str) -> str:
    """The first line with text, if it is at most 80 characters long; else empty."""
    match = re.search(r"\S[^\n]*", text)
    line = match[0].strip() if match else ""
    return line if len(line) <= 80 else ""


def readable(stem: str) -> str:
    """A file's name as a person would say it: `roll-back_a-release` gives `Roll back a release`."""
    name = re.sub(r"[-_\s]+", " ", stem).strip()
    return name[:1].upper() + name[1:]


def scalars(values: Mapping[str, Any]) -> dict[str, str]:
    """What can be told in one line of `values`, by its lower-case name; an audience from wherever in them."""
    found = {str(key).lower(): scalar(value) for key, value in values.items()}
    found["audience"] = closest(_audiences(values))
    return {clean(key): value for key, value in found.items() if value}


def scalar(value: object) -> str:
    """`value`, or the only one in a list, as one line of text; empty for what is neither text, number, truth value
    nor date."""
    if isinstance(value, list) and len(value) == 1 and not isinstance(value[0], list):
        return scalar(value[0])
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dt.date):  # a datetime is one too
        return value.isoformat()
    return " ".join(clean(str(value)).split()) if isinstance(value, str | int | float) else ""


# Audiences: what is unclear must not become public

UNCLEAR = 'names an internal audience together with others; give it as "internal" alone, or leave "internal" out'
_INTERNAL = re.compile(r"\binternal\b", re.IGNORECASE)


def is_unclear(audience: str) -> bool:
    """Whether an audience speaks of internal, and not of that alone: nobody can tell then who may read the page."""
    return audience.lower() != "internal" and bool(_INTERNAL.search(audience))


def closest(audiences: Iterable[str]) -> str:
    """The one of several audiences that keeps a page from most readers; empty if there is none."""
    told = [audience for audience in audiences if audience]
    return min(filter(_INTERNAL.search, told), key=len, default="") or next(iter(told), "")


def _audiences(values: object) -> Iterator[str]:
    """What is said of an audience anywhere in nested values."""
    waiting, seen = [values], set[int]()  # YAML can say that a list is in itself
    while waiting:
        value = waiting.pop()
        if id(value) in seen or not isinstance(value, Mapping | list):
            continue
        seen.add(id(value))
        waiting += value.values() if isinstance(value, Mapping) else value
        for name, told in value.items() if isinstance(value, Mapping) else ():
            if str(name).lower() == "audience" and told:
                yield scalar(told) or " ".join(clean(str(told)).split())
