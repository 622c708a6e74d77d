"""The front matter of a Markdown page: a block of YAML (`---`), TOML (`+++`) or JSON (`{`) at its top -> its values.

People write it by hand, and a slip in one line must not make an internal page public. So what is no YAML or TOML as
a whole is read entry by entry, and a page is refused when it names an internal audience that cannot be made out.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from typing import Any, NamedTuple

from knowledge_base.formats.page import Refusal, is_unclear, scalars

_LIMIT = 65_536  # characters; the YAML parser is slow, and no real front matter is longer
_OPENING = re.compile(r"\s*(?P<mark>-{3,}|\+{3}|\{)[ \t]*\n")
_CLOSING = {
    "-": re.compile(r"^(?:-{3,}|\.{3})[ \t]*$\s*", re.MULTILINE),
    "+": re.compile(r"^\+{3}[ \t]*$\s*", re.MULTILINE),
    "{": re.compile(r"^\}[ \t]*$\s*", re.MULTILINE),
}
_ENTRY = {
    "-": re.compile(r"([A-Za-z_][\w-]*)[ \t]*:(.*)", re.DOTALL),
    "+": re.compile(r"([A-Za-z_][\w-]*)[ \t]*=(.*)", re.DOTALL),
}
_NEXT_ENTRY = re.compile(r"\n(?![ \t\n]|-[ \n])")  # what is indented, or in a list, goes on with the one before
_NAMES_AUDIENCE = re.compile(r"^\W*audience\b|\baudience[\"']?\s*[:=]", re.IGNORECASE | re.MULTILINE)
_UNCLEAR = (
    "its front matter names an internal audience in a way that is not understood; "
    'close it, and write "audience: internal" on a line of its own'
)


class FrontMatter(NamedTuple):
    """The values, lower-case names and all in one line each, and the offset in the page where its text begins."""

    meta: dict[str, str]
    end: int


def front_matter(page: str) -> FrontMatter | Refusal:
    """What stands above the text of a page; without values where that begins at once, rules and all.

    A refusal where an internal audience is named, and not so that it is known to be that of the page.
    """
    head = page[:_LIMIT]
    opening = _OPENING.match(head)
    if not opening:
        return FrontMatter({}, 0)
    mark = opening["mark"][0]
    closing = _CLOSING[mark].search(head, opening.end())
    # What is never closed is text; but whoever wrote it may have meant it otherwise.
    block = page[opening.end() : closing.start() if closing else None]
    values = _values(mark, block) if closing else None
    meta = scalars(values or {})
    if _NAMES_AUDIENCE.search(block) and is_unclear(meta.get("audience") or block):
        return Refusal(_UNCLEAR)
    return FrontMatter(meta, closing.end()) if closing and values else FrontMatter({}, 0)


def _values(mark: str, block: str) -> dict[str, Any] | None:
    """The values of a block; None if it is none of front matter."""
    if mark == "{":
        return _parsed(json.loads, f"{{{block}}}")
    parse = tomllib.loads if mark == "+" else _yaml
    return _parsed(parse, block) or _entry_by_entry(mark, parse, block)


def _parsed(parse: Callable[[str], object], block: str) -> dict[str, Any] | None:
    try:
        values = parse(block)
    except (ValueError, TypeError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def _yaml(block: str) -> object:
    import yaml  # 20 ms, and many pages have no front matter

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(block, loader)  # noqa: S506 - a safe loader, written in C where there is one
    except yaml.YAMLError as error:
        raise ValueError from error


def _entry_by_entry(mark: str, parse: Callable[[str], object], block: str) -> dict[str, Any] | None:
    """Values where some are not written as they should be: those are taken as they stand (`title: Refunds: who pays`).

    None if any line is neither an entry, part of one, nor a comment.
    """
    values: dict[str, Any] = {}
    for written in _NEXT_ENTRY.split("\n" + block):
        entry = _ENTRY[mark].match(written)
        if entry:
            raw = " ".join(entry[2].split())
            quoted = len(raw) > 1 and raw[0] == raw[-1] and raw[0] in "\"'"
            values |= _parsed(parse, written) or {entry[1]: raw[1:-1] if quoted else raw}
        elif any(line and not line.startswith("#") for line in map(str.rstrip, written.split("\n"))):
            return None
    return values or None
