"""HTML -> its tree, with an end for each element whose end tag the page leaves out, as HTML5 allows."""

from __future__ import annotations

from typing import Any, NamedTuple

from bs4 import BeautifulSoup
from bs4.exceptions import ParserRejectedMarkup

_DEEPEST = 500  # elements in one another; what is deeper could not be converted, and would make each tag slow
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_CELLS = frozenset({"td", "th"})
_GROUPS = frozenset({"thead", "tbody", "tfoot"})
_TABLE = _CELLS | _GROUPS | {"table", "caption", "colgroup", "tr"}
_END_A_PARAGRAPH = _HEADINGS | set(
    """
    address article aside blockquote center dd details dialog dir div dl dt fieldset figcaption figure footer form
    header hgroup hr li main menu nav ol p pre search section summary table ul
    """.split()
)
_BLOCKS = _END_A_PARAGRAPH | _TABLE | {"body", "button", "html", "object", "select", "template"}
_IN_HEAD = frozenset({"base", "link", "meta", "noscript", "script", "style", "template", "title"})


class _Rule(NamedTuple):
    """Which open elements a start tag ends, and beyond which of them it does not look."""

    ends: frozenset[str]
    within: frozenset[str]


def _rule(ends: set[str] | frozenset[str], passes: str = "") -> _Rule:
    return _Rule(frozenset(ends), frozenset(_BLOCKS - ends - set(passes.split())))


_PARTS = _TABLE - {"table"}
_RULES: dict[str, _Rule] = {
    **dict.fromkeys(_END_A_PARAGRAPH, _rule({"p"})),
    **dict.fromkeys(_HEADINGS, _rule({"p"} | _HEADINGS)),
    **dict.fromkeys(("dt", "dd"), _rule({"p", "dt", "dd"}, passes="address div")),
    **dict.fromkeys(_CELLS, _Rule(_CELLS | {"caption", "colgroup"}, frozenset({"table", "template"}))),
    **dict.fromkeys(_GROUPS, _Rule(_PARTS, frozenset({"table", "template"}))),
    "tr": _Rule(_PARTS - _GROUPS, frozenset({"table", "template"})),
    "li": _rule({"p", "li"}, passes="address div"),
    "option": _rule({"option"}),
    "optgroup": _rule({"option", "optgroup"}),
    "a": _rule({"a"}),
}


class _Tree(BeautifulSoup):
    """`html.parser` itself ends nothing: to it `<li>one<li>two` is one item within the other."""

    def handle_starttag(self, name: str, *args: Any, **kwargs: Any) -> Any:
        if len(self.tagStack) > _DEEPEST:
            raise ParserRejectedMarkup("nested too deeply")
        if (rule := _RULES.get(name)) and (ended := self._ended_by(rule)):
            self.handle_endtag(ended)
        current = self.currentTag.name if self.currentTag else ""
        if current == "head" and name not in _IN_HEAD:
            self.handle_endtag("head")
        elif name in _CELLS and (current == "table" or current in _GROUPS):
            super().handle_starttag("tr", None, None, {})
        return super().handle_starttag(name, *args, **kwargs)

    def handle_endtag(self, name: str, nsprefix: str | None = None) -> None:
        if name not in _TABLE:
            for tag in reversed(self.tagStack):
                if tag.name == name:
                    break
                if tag.name in _CELLS:
                    return self.endData()  # a stray one, which must not end the table around it
        return super().handle_endtag(name, nsprefix)

    def _ended_by(self, rule: _Rule) -> str:
        """The outermost of the open elements that `rule` ends; empty if there is none."""
        ended = ""
        if any(self.open_tag_counter.get(name) for name in rule.ends):
            for tag in reversed(self.tagStack):
                if tag.name in rule.within:
                    break
                if tag.name in rule.ends:
                    ended = tag.name
        return ended


def tree(markup: str) -> BeautifulSoup:
    """The tree of a page. Raises ParserRejectedMarkup if it is nested too deeply or broken beyond reading."""
    return _Tree(markup, "html.parser")
