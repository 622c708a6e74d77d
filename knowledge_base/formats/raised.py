"""Digits set high or low on a page -> characters that keep them apart from the figure or word before them."""

from __future__ import annotations

import re
from itertools import islice

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString

_HIGH = str.maketrans("0123456789+-−–", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁻")
_FIGURE = re.compile(r"[+\-−–]?[0-9]{1,9}|[0-9]{1,3}(?:\s?[,;]\s?[0-9]{1,3})+")
_WITHIN = re.compile("^#")
_BACK = re.compile(r"\s*[↑↩⤴⏎^]\ufe0e?\s*")
"""What a note's link back to its place in the text shows."""
_IN_BRACKETS = re.compile(r"[\[(]?([0-9]{1,3}(?:\s?[,;]\s?[0-9]{1,3})*)[\])]")
_NUMBER = re.compile("[0-9]+")
_ORDINAL = re.compile("st|nd|rd|th", re.IGNORECASE)
_SET = re.compile(r"vertical-align\s*:\s*(super|sub)\b", re.IGNORECASE)
_LONGEST = 40  # characters; what is longer is a text in small print, or was never closed
_NEAR = 20  # parts of a page among which the character before a raised text is looked for


def set_apart(soup: BeautifulSoup) -> None:
    """Write what `soup` sets high or low so that plain text keeps it apart: "$20" with a raised 1 costs no $201.

    A figure becomes raised digits ("10⁶", "$20¹"), and in brackets or linked to its note "$20⁽¹⁾". What else is set
    high or low has a space before it where it would join a figure or a word, but for "1st" and "H2O".
    """
    for tag in soup.find_all(style=_SET):
        tag.name = "sup" if "super" in str(tag["style"]).lower() else "sub"
    for tag in soup.find_all(["sup", "sub"]):
        text = " ".join(tag.get_text().split())
        if not text:
            continue
        before = _before(tag)
        shown = _high(tag, text, before) if tag.name == "sup" and len(text) <= _LONGEST else ""
        if shown:
            away = tag.find("a", href=re.compile("^[^#]"))
            tag.string = shown
            if away:
                away.string = shown
                tag.replace_with(away)
        elif text[0].isalnum() and (before.isdigit() if tag.name == "sub" else before.isalnum()):
            tag.insert(0, " ")


def number_notes(soup: BeautifulSoup) -> None:
    """Begin each note of a list with the mark that points at it in the text; its link back there is left out.

    A numbered list of notes would look like steps to take.
    """
    back = [link for link in soup.find_all("a", href=_WITHIN) if _BACK.fullmatch(link.get_text())]
    items = [item for link in back if (item := link.find_parent("li"))]
    lists = {id(item.parent): item.parent for item in items if item.parent and item.parent.name == "ol"}
    for notes in lists.values():
        notes.name = "div"
        for number, item in enumerate(notes.find_all("li", recursive=False), start=1):
            item.name = "div"
            (item.p or item).insert(0, f"{_note(str(number))} ")
    for link in back:
        link.decompose()


def _note(number: str) -> str:
    return f"⁽{number.translate(_HIGH)}⁾"


def _before(tag: Tag) -> str:
    """The character before `tag`; empty if none is near."""
    strings = (part for part in islice(tag.previous_elements, _NEAR) if isinstance(part, NavigableString) and part)
    return str(next(strings, ""))[-1:]


def _high(tag: Tag, text: str, before: str) -> str:
    """What to write for a raised `text`; empty if that is its own words."""
    around = tag.parent if tag.parent and tag.parent.name == "a" and tag.parent.get_text().strip() == text else None
    linked = bool(tag.find("a", href=True) or around)
    if _IN_BRACKETS.fullmatch(text) or (linked and _FIGURE.fullmatch(text)):
        if around and str(around.get("href", "")).startswith("#"):
            around.unwrap()
        return "".join(_note(number) for number in _NUMBER.findall(text))
    if _FIGURE.fullmatch(text):
        follows = tag.next_sibling
        if isinstance(follows, NavigableString) and follows.strip() in ("/", "⁄"):  # a half of "5½", so written
            return f" {text}" if before.isdigit() else text
        return text.translate(_HIGH)
    if text in ("o", "º"):
        return "°"
    return text if before.isdigit() and _ORDINAL.fullmatch(text) else ""
