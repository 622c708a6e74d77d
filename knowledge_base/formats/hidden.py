"""Text of a Word document whose font is set to "Hidden", which its reader does not see."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Set
from io import BytesIO
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

_BODY = re.compile(r"word/(?:document\d*|footnotes|endnotes)\.xml")
_STYLES = re.compile(r"word/styles\d*\.xml")
_MARK = b"vanish"  # the element's name; to look for it spares nearly all documents a second reading
_NO_TEXT = ("rPr", "fldChar", "instrText")  # what stays of a hidden run: the parts of a field belong together
_OFF = ("0", "false", "off")


def without_hidden(archive: zipfile.ZipFile) -> bytes | None:
    """The document without its hidden text, and without its pictures; None if no text of it is hidden.

    Raises ParseError for what is no XML, and RecursionError for what is nested too deeply.
    """
    names = archive.namelist()
    bodies = {name: archive.read(name) for name in names if _BODY.fullmatch(name)}
    styles = [archive.read(name) for name in names if _STYLES.fullmatch(name)]
    if not any(_MARK in part for part in [*bodies.values(), *styles]):
        return None
    hidden = {style for part in styles if _MARK in part for style in _hidden_styles(part)}
    shown = BytesIO()
    with zipfile.ZipFile(shown, "w") as copied:
        for name in names:
            if "/media/" not in name:
                copied.writestr(name, _shown(bodies[name], hidden) if name in bodies else archive.read(name))
    return shown.getvalue()


def _hidden_styles(styles: bytes) -> set[str]:
    root = ElementTree.fromstring(styles)  # noqa: S314 -- expat bounds what entities become
    return {_value(style, "styleId") for style in root.iterfind("{*}style") if _hides(style)}


def _shown(body: bytes, hidden: Set[str]) -> bytes:
    """A part of the document without hidden runs. `hidden` are the ids of the styles that hide."""
    paragraphs = [False]  # whether the text of each open paragraph is hidden by its style
    root: Element | None = None
    for event, element in ElementTree.iterparse(BytesIO(body), events=("start", "end")):  # noqa: S314 -- as above
        root = element if root is None else root
        name = _name(element)
        if name == "p":
            if event == "start":
                paragraphs.append(False)
            else:
                paragraphs.pop()
        elif event == "end" and name == "pStyle":
            paragraphs[-1] = _value(element, "val") in hidden
        elif event == "end" and name == "r" and _hides(element, hidden, by_default=paragraphs[-1]):
            element[:] = [child for child in element if _name(child) in _NO_TEXT]
    return ElementTree.tostring(root, encoding="utf-8") if root is not None else body


def _hides(element: Element, hidden: Set[str] = frozenset(), *, by_default: bool = False) -> bool:
    """Whether a run or style hides its text: by its own word, else by its character style's."""
    own, style = element.find("{*}rPr/{*}vanish"), element.find("{*}rPr/{*}rStyle")
    if own is not None:
        return _value(own, "val") not in _OFF
    return by_default or (style is not None and _value(style, "val") in hidden)


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _value(element: Element, attribute: str) -> str:
    return next((value for key, value in element.items() if key.rpartition("}")[2] == attribute), "")
