"""Placeholders in a text that leaves for a paid model, and the values back in what it writes. Pure.

In one case a value has one placeholder, such as <EMAIL_1>, in every step. What already looks like one, in a ticket or
a document, is itself replaced: so whatever looks like one in a reply was made of those that were sent, and is either
known or invented. `restored(hidden(text)) == text` for any text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel

from tasks.case import Tier

KINDS = ("EMAIL", "PHONE", "CARD", "IBAN", "IP", "SSN", "WALLET", "PERSON", "TEXT")
"""What placeholders are named after; TEXT stands for what looks like a placeholder and is none."""

NOTE = (
    "Marks such as <PHONE_1> stand for values that are kept from you: where you repeat or quote one, copy the mark "
    "letter for letter, and make up none."
)
"""Said to a model that is sent any."""

_KIND = f"(?:{'|'.join(KINDS)})"
_LOOKS_LIKE = re.compile(
    rf"(?P<certain><{_KIND}_[0-9]{{1,9}}>"  # as it is sent
    # cut, escaped, spaced, in other brackets or in none
    rf"|(?:\\?<|&lt;|\\u003c)\s{{0,3}}{_KIND}[\s_-]{{0,3}}[0-9]{{1,9}}(?:\s{{0,3}}(?:\\?>|&gt;|\\u003e)|(?![\w-]))"
    rf"|\[{_KIND}_[0-9]{{1,9}}\](?!\()|\{{{_KIND}_[0-9]{{1,9}}\}}"
    rf"|(?<![\w<]){_KIND}_[0-9]{{1,9}}(?![\w>]))"
    # without its number, of another name, or with something added: not to be read for certain
    rf"|(?-i:<{_KIND}>)|<[^\W\d_][\w .-]{{0,40}}[_ -][0-9]{{1,9}}\s?>|<?(?<![^\W_]){_KIND}_[0-9][\w-]*>?",
    re.IGNORECASE,
)
_NAMED = re.compile(rf"({_KIND})[\s_-]{{0,3}}([0-9]{{1,9}})", re.IGNORECASE)
_CUT = re.compile(r"(?:<|&(?:lt?;?)?|\\u003c)\s{0,3}(?:[^\W\d_][\w -]{0,20})?$")


class Found(NamedTuple):
    """A value in a text: its kind, one of `KINDS`, and where it stands."""

    kind: str
    start: int
    end: int


Find = Callable[[str], Sequence[Found]]
"""Finds values in a text; they may overlap."""


@dataclass(frozen=True, slots=True)
class Redaction:
    """Which tiers are sent placeholders, and what finds the values."""

    tiers: frozenset[Tier]
    find: Find


class Hidden(NamedTuple):
    """What is sent in place of some data, and what its placeholders stand for."""

    data: Any
    values: dict[str, str]


@dataclass(slots=True)
class Placeholders:
    """Those of one case, numbered in the order in which values are met, so that the same case makes the same ones."""

    _known: dict[str, str] = field(default_factory=dict)
    _counts: Counter[str] = field(default_factory=Counter)

    def learn(self, values: Mapping[str, str]) -> None:
        """Takes over what an earlier try of the case has sent, placeholder by value."""
        for placeholder, value in values.items():
            kind, _, number = placeholder.strip("<>").partition("_")
            self._known[value] = placeholder
            self._counts[kind] = max(self._counts[kind], int(number))

    def hide(self, data: Any, find: Find, names: Find, whole_names: Find) -> Hidden:
        """JSON data with every value in its texts replaced.

        `names` are the asker's in every form; below the key "passages", which the company wrote, only `whole_names`.
        """

        def spans(text: str, path: tuple[str, ...]) -> list[Found]:
            if path[-1:] == ("customer",):
                return [Found("PERSON", 0, len(text))]
            like = [Found("TEXT", *match.span()) for match in _LOOKS_LIKE.finditer(text)]
            return [*like, *find(text), *(whole_names if "passages" in path else names)(text)]

        def met(text: str, path: tuple[str, ...]) -> str:
            for found in _merged(spans(text, path)):
                self._placeholder(found.kind, text[found.start : found.end])
            return text

        def replaced(text: str, path: tuple[str, ...]) -> str:
            return self._replaced(text, _merged([*spans(text, path), *again(text)]), values)

        values: dict[str, str] = {}
        _mapped(data, met)  # all of them first: a value that is found in one text is replaced in every other
        again = self._again()
        return Hidden(_mapped(data, replaced), values)

    def _again(self) -> Find:
        """Finds the values met so far, but for names, which are words of other things too."""
        left_out = ("<PERSON_", "<TEXT_")
        kinds = {v: p.strip("<>").partition("_")[0] for v, p in self._known.items() if not p.startswith(left_out)}
        if not kinds:
            return lambda _: []
        longest_first = sorted(kinds, key=len, reverse=True)
        pattern = re.compile("|".join(_bounded(value) for value in longest_first))
        return lambda text: [Found(kinds[match[0]], *match.span()) for match in pattern.finditer(text)]

    def _replaced(self, text: str, spans: Iterable[Found], values: dict[str, str]) -> str:
        pieces, place, put, length = [], 0, [], 0
        here: dict[str, str] = {}
        for found in spans:
            value = text[found.start : found.end]
            placeholder = self._placeholder(found.kind, value)
            here[placeholder] = value
            pieces += [text[place : found.start], placeholder]
            length += found.start - place
            put.append((length, length + len(placeholder)))
            length, place = length + len(placeholder), found.end
        sent = "".join([*pieces, text[place:]])
        if [match.span() for match in _LOOKS_LIKE.finditer(sent)] != put:
            # What is left around a placeholder reads as one together with it: none of the text can be told apart then.
            sent = self._placeholder("TEXT", text)
            here = {sent: text}
        values.update(here)
        return sent

    def _placeholder(self, kind: str, value: str) -> str:
        if value not in self._known:
            self._counts[kind] += 1
            self._known[value] = f"<{kind}_{self._counts[kind]}>"
        return self._known[value]


def _bounded(value: str) -> str:
    """A pattern of `value` where it is no part of a longer word."""
    before, after = (r"(?<!\w)" if value[0].isalnum() else ""), (r"(?!\w)" if value[-1].isalnum() else "")
    return f"{before}{re.escape(value)}{after}"


def _merged(spans: Iterable[Found]) -> list[Found]:
    """The spans in order, those that overlap as one, of the kind of the longest of them."""
    merged: list[Found] = []
    longest = 0
    for found in sorted(spans, key=lambda found: (found.start, -found.end)):
        size = found.end - found.start
        if size <= 0:
            continue
        if merged and found.start < merged[-1].end:
            last = merged[-1]
            kind = found.kind if size > longest else last.kind
            merged[-1] = Found(kind, last.start, max(last.end, found.end))
            longest = max(longest, size)
        else:
            merged.append(found)
            longest = size
    return merged


def _mapped(data: Any, change: Callable[[str, tuple[str, ...]], str], path: tuple[str, ...] = ()) -> Any:
    """JSON data with its texts changed; `change` is told the keys that lead to each."""
    if isinstance(data, str):
        return change(data, path)
    if isinstance(data, dict):
        return {name: _mapped(value, change, (*path, name)) for name, value in data.items()}
    return [_mapped(value, change, path) for value in data] if isinstance(data, list) else data


def plain(text: str) -> str:
    """JSON whose `<` are escaped, with the placeholders as they are: none of them can close a mark."""
    return re.sub(rf"(?<!\\)\\u003c({_KIND}_[0-9]+>)", r"<\1", text)


def counted(values: Iterable[str]) -> dict[str, int]:
    """How many placeholders of which kind there are."""
    return dict(sorted(Counter(placeholder.strip("<>").partition("_")[0] for placeholder in values).items()))


# --- the values back -----------------------------------------------------------------------------------


def restored(text: str, values: Mapping[str, str], unresolved: set[str] | None = None) -> str:
    """A model's words with the values back, also where it has bent a placeholder but its name and number are whole.

    What looks like a placeholder and is none that was sent stays as it is, and is added to `unresolved`.
    """

    def back(match: re.Match[str]) -> str:
        named = _NAMED.search(match[0]) if match["certain"] else None
        value = values.get(f"<{named[1].upper()}_{int(named[2])}>") if named else None
        if value is None and unresolved is not None:
            unresolved.add(match[0])
        return match[0] if value is None else value

    return _LOOKS_LIKE.sub(back, text)


Made = TypeVar("Made", bound=BaseModel)


def restored_in(made: Made, values: Mapping[str, str], unresolved: set[str]) -> Made:
    """What a model made, as `restored` in all of its texts."""
    data = _mapped(made.model_dump(), lambda text, _: restored(text, values, unresolved))
    return type(made).model_validate(data)


def restored_so_far(text: str, values: Mapping[str, str]) -> str:
    """As `restored`, of a text that goes on: a placeholder that has only begun at its end is held back."""
    return restored(_CUT.sub("", text), values)
