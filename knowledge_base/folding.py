"""Folding: a text as a reader sees it, with the place of every character in the text it came from.

Compatibility forms, the digits of all scripts, dashes and letters that look like Latin ones are made equal;
what is invisible goes. A digit of which nobody can tell what a reader sees (struck through, or turned round by a
bidirectional override) gets `UNSURE` beside it, which makes its word a name that equals only itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from knowledge_base.text import visible

UNSURE = "\u02d0"
_FRACTION_SLASH = "\u2044"
_GROUPING_SPACE = re.compile(r"(?<=\d)[\u00a0\u2007\u2009\u202f](?=\d{3}(?!\d))")
ESCAPE = re.compile(r"\\(?=[-_.*+#!()\[\]{}<>|~:$])")  # of Markdown
_SPECIAL = re.compile(rf"{ESCAPE.pattern}|[^\x00-\x7f]")
_SPECIAL_OR_DIGIT = re.compile(rf"{_SPECIAL.pattern}|\d")
_OVERRIDE = re.compile("[\u202d\u202e]([^\u202c\n]*)")
_MARK_ON_DIGIT = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20dc\u20e5-\u20ff](?<=[0-9].)")
_RAISED = re.compile("\u207d?[\u00b9\u00b2\u00b3\u2070\u2074-\u2079]+\u207e?")
_BEFORE_NOTE = re.compile(r"(?:[^\w\s\u207a\u207b]|[a-z]{4}|[.,]\d\d\d?|[$€£¥₹]\d{1,3})$")
"""Raised digits point at a note in raised brackets, or after a word, a sign or a price. After another number they are
powers."""
_WORD_FOLLOWS = re.compile(r"\s[^\W\d]")
_SIGNS = {
    "\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2212": "-", "\ufe63": "-", "\uff0d": "-",
    "\u066a": "%", "\u066b": ".", "\u066c": ",", "\u201a": ",", "\u2215": "/", "\u2044": "/", "\u20e3": "",
}  # fmt: skip
_LATIN = str.maketrans(
    "АВЕЅІЈКМНОРСТУХҮԚԜаеорсухіјѕһԁӏԛԝѵΑΒΕΖΗΙΚΜΝΟΡΤΥΧονρϲϳıօ",
    "ABESIJKMHOPCTYXYQWaeopcyxijshdlqwvABEZHIKMNOPTYXovpcjio",
)
"""Cyrillic, Greek and Armenian letters that most fonts draw like a Latin one (UTS 39). Others stay and differ."""
_LIKE_LATIN = "".join(map(chr, _LATIN))
_OTHER_SCRIPT = re.compile("[\u0370-\u058f]")
_MIXED = re.compile(r"[^\W_]+")


def folded(text: str) -> tuple[str, Sequence[int]]:
    """`text` as a reader sees it, and for each of its characters the offset in `text` it came from."""
    if text.isascii() and "\\" not in text:
        return text, range(len(text))
    text = _GROUPING_SPACE.sub("'", text)
    unsure = _unsure(text)
    pieces: list[str] = []
    offsets: list[int] = []
    position = 0
    for special in (_SPECIAL_OR_DIGIT if _OVERRIDE.search(text) else _SPECIAL).finditer(text):
        start = special.start()
        if start < position:
            continue
        shown = _shown(text[start], start, unsure)
        if shown == text[start]:
            continue
        pieces += [text[position:start], shown]
        offsets += range(position, start)
        offsets += [start] * len(shown)
        position = start + 1
    if not position:
        return text, range(len(text))
    pieces.append(text[position:])
    offsets += range(position, len(text))
    return "".join(pieces), offsets


def _unsure(text: str) -> dict[int, str]:
    """What to show in place of certain characters, by offset: notes, and marks that hide what a digit is."""
    if text.isascii():
        return {}
    shown = {
        i: "" if _WORD_FOLLOWS.match(text, raised.end()) else " "  # "$20¹ a month" is "$20 a month"
        for raised in _RAISED.finditer(text)
        if raised[0][0] == "\u207d" or _BEFORE_NOTE.search(text[max(0, raised.start() - 5) : raised.start()])
        for i in range(*raised.span())
    }
    shown |= {mark.start(): UNSURE for mark in _MARK_ON_DIGIT.finditer(text)}
    for turned in _OVERRIDE.finditer(text):
        shown |= {i: text[i] + UNSURE for i in range(*turned.span()) if text[i].isdecimal()}
    return shown


def _shown(character: str, offset: int, unsure: dict[int, str]) -> str:
    if offset in unsure:
        return unsure[offset]
    if character == "\\":
        return ""
    if character in _SIGNS:
        return _SIGNS[character]
    if unicodedata.category(character) == "Nd":
        return str(unicodedata.digit(character))
    if character in "²³¹⁰⁴⁵⁶⁷⁸⁹":
        return character  # a power: "10⁶" is not 106
    if character in "⁺⁻":
        return UNSURE * (1 + (character == "⁺"))  # of a power: "10⁻³" is not 10
    shown = visible(character)
    if _FRACTION_SLASH in shown[1:-1]:
        return f"{unicodedata.numeric(character):.4g}".replace("0.", ".")  # "2½" is 2.5
    if len(shown) > 1 and not shown.isalnum() and shown not in ("°C", "°F"):
        return character  # an ellipsis, or a sign such as "℀": parts of it are nobody's facts
    return _SIGNS.get(shown, shown)


def latin(text: str) -> str:
    """`text` of the same length, where letters that only look Latin are.

    In a text with other letters of their script only words are changed that have Latin letters or digits too.
    """
    if text.isascii() or not _OTHER_SCRIPT.search(text):
        return text
    if not any(character.isalpha() and character not in _LIKE_LATIN for character in _OTHER_SCRIPT.findall(text)):
        return text.translate(_LATIN)

    def made_latin(word: re.Match[str]) -> str:
        if word[0].isascii() or not any("0" <= character <= "z" for character in word[0]):
            return word[0]
        changed = word[0].translate(_LATIN)
        return changed if changed.isascii() else word[0]

    return _MIXED.sub(made_latin, text)
