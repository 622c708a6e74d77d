"""Tools that look a thing up which no document knows, such as an order: which of them a question calls for.

Chosen by words and forms alone, never by what a server says of itself: a tool is asked when the question is about its
subject and the ticket holds what it has to be told. One that changes something is proposed to a person. No I/O.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import regex

from knowledge_base.text import STOP_WORDS, stem_all, stems, words
from tasks.case import Question, Ticket, ToolCall

MOST_CALLS = 3
"""For one question."""

READ = 2_000
"""Characters of a ticket that are searched for what a tool has to be told."""

SECONDS_A_PATTERN = 0.05
"""A pattern may come from a server: one that takes longer finds nothing."""

_GENERIC = frozenset(
    stem_all(
        "get list find fetch look lookup search query read check show return give current details detail info "
        "information data tool one id number name value by for of with the a an".split()
    )
)


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that is on the allow-list. `inputs` is the JSON Schema of what it has to be told.

    `when` are words that call for it beside its name and title; `patterns` find an argument in a ticket. `changes` is
    true for one that does more than read.
    """

    server: str
    name: str
    title: str = ""
    when: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    patterns: Mapping[str, str] = field(default_factory=dict)
    changes: bool = False
    internal: bool = False

    @property
    def shown(self) -> str:
        """Its name for people."""
        return self.title or " ".join(_words_of(self.name)).capitalize()

    @property
    def subject(self) -> frozenset[str]:
        """The stems of what it is about."""
        found = stem_all([*_words_of(self.name), *words(f"{self.title} {self.when}")])
        return frozenset(found) - _GENERIC - STOP_WORDS


_NAME = re.compile(r"[\w.@+#/-]{1,64}")


class Planned(NamedTuple):
    """A tool and what it is told; `pinned` are the values of it that name one thing, such as an order's number.

    `own` is whether the question itself is about its subject, and not only what stands around it.
    """

    tool: Tool
    arguments: dict[str, Any]
    pinned: tuple[str, ...]
    own: bool = True

    @property
    def about(self) -> str:
        """The things that it asks about, where they are names or numbers: no sentence of a ticket, which is no source,
        may come to stand where the proof reads."""
        return ", ".join(value for value in self.pinned if _NAME.fullmatch(value))

    @property
    def call(self) -> ToolCall:
        """As it is kept with the case."""
        return ToolCall(server=self.tool.server, tool=self.tool.name, arguments=self.arguments)


class Result(NamedTuple):
    """What came of a call: text to quote, or what went wrong in plain words."""

    text: str
    error: str
    seconds: float


class Tools(Protocol):
    """The servers that are configured."""

    def listed(self) -> tuple[Sequence[Tool], Sequence[str]]:
        """The tools that can be asked now, and which servers cannot and why."""

    def ask(self, planned: Sequence[Planned]) -> Sequence[Result]:
        """Calls them all at once; one result each. Nothing that goes wrong there is raised."""


def planned(question: Question, ticket: Ticket, tools: Sequence[Tool]) -> tuple[list[Planned], list[str]]:
    """The calls that a question asks for, the nearest first, and what the ticket does not say for others.

    A tool that is told which thing is meant needs one word of its subject in the question, another needs two.
    """
    asked, own = set(stems(f"{ticket.subject} {question.search_text}")), set(stems(question.text))
    found: list[tuple[int, Planned]] = []
    missing: list[str] = []
    for tool in tools:
        near = len(asked & tool.subject)
        if tool.changes or not near:
            continue
        for arguments, pinned in _tellings(tool, question, ticket):
            lacking = [name for name in tool.inputs.get("required", ()) if name not in arguments]
            if lacking and near >= min(2, len(tool.subject)):
                missing.append(f"{tool.server}.{tool.name} was not asked: the ticket names no {lacking[0]}")
            elif not lacking and (pinned or near >= min(2, len(tool.subject))):
                found.append((near, Planned(tool, arguments, pinned, own=bool(own & tool.subject))))
    found.sort(key=lambda one: -one[0])
    return [plan for _, plan in found[:MOST_CALLS]], list(dict.fromkeys(missing)) if not found else []


def proposed(ticket: Ticket, questions: Sequence[Question], tools: Sequence[Tool]) -> list[Planned]:
    """Calls of tools that change something, which a ticket asks for in so many words and which a person may make."""
    text = f"{ticket.subject} {ticket.text}"[:READ]
    said = set(stems(text))
    if _HOW_TO.search(text):
        return []
    found = []
    for tool in tools:
        named = set(stem_all(_words_of(tool.name)))
        if not tool.changes or not named <= said:
            continue
        for arguments, pinned in _tellings(tool, questions[0] if questions else Question(text=text), ticket):
            if pinned and all(name in arguments for name in tool.inputs.get("required", ())):
                found.append(Planned(tool, arguments, pinned))
    return found[:MOST_CALLS]


_HOW_TO = re.compile(r"\bhow (?:do|can|should|would|could|to)\b|\bis it possible\b|\bcan (?:i|we)\b", re.I)


# --- what a tool is told ---------------------------------------------------------------------------------------


def _tellings(tool: Tool, question: Question, ticket: Ticket) -> list[tuple[dict[str, Any], tuple[str, ...]]]:
    """What `tool` may be told: once for each thing of its kind that is named, in the question before the ticket."""
    properties = tool.inputs.get("properties")
    schemas = properties if isinstance(properties, Mapping) else {}
    required = [name for name in tool.inputs.get("required", ()) if isinstance(name, str)]
    texts = [question.text, question.context, f"{ticket.subject}\n{ticket.text}"[:READ]]
    told: dict[str, Any] = {}
    pinned: list[str] = []
    many: tuple[str, list[str]] | None = None
    for name, schema in schemas.items():
        values, pins = _values(tool, name, schema if isinstance(schema, Mapping) else {}, texts, ticket)
        if not values or (name not in required and not pins):
            continue
        if pins:
            pinned.append(values[0])
            if len(values) > 1 and many is None:
                many = name, values
        told[name] = _typed(values[0], schema)
    if many is None:
        return [(told, tuple(pinned))]
    name, values = many
    others = tuple(value for value in pinned if value != values[0])
    return [({**told, name: _typed(value, schemas[name])}, (value, *others)) for value in values[:MOST_CALLS]]


def _values(
    tool: Tool, name: str, schema: Mapping[str, Any], texts: Sequence[str], ticket: Ticket
) -> tuple[list[str], bool]:
    """What the ticket says for one argument, and whether that names one thing."""
    pattern = tool.patterns.get(name) or schema.get("pattern")
    if isinstance(pattern, str) and pattern:
        return _first(texts, lambda text: _matched(pattern, text)), True
    allowed = schema.get("enum")
    if isinstance(allowed, list):
        return [
            str(value) for value in allowed if re.search(rf"\b{re.escape(str(value))}\b", " ".join(texts), re.I)
        ], True
    parts = _words_of(name)
    last = parts[-1] if parts else ""
    if name in ("ticket_id", "ticket"):
        return [ticket.ticket_id] if ticket.ticket_id else [], True
    if last in ("email", "mail"):
        return _first(texts, _EMAIL.findall), True
    if last == "customer" or (parts[:1] == ["customer"] and last == "name"):
        return [ticket.customer] if ticket.customer else [], False
    if last in ("query", "question", "text", "q", "search"):
        return [texts[0]], False
    if last in ("id", "number", "no", "key", "code", "ref", "reference") or len(parts) == 1:
        kind = " ".join(parts[:-1]) or last
        return _first(texts, lambda text: _named(kind, text)), True
    return [], False


_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


def _first(texts: Sequence[str], find: Any) -> list[str]:
    """What is found in the first of the texts that has any, each once."""
    return next((list(dict.fromkeys(found)) for text in texts if (found := find(text))), [])


def _matched(pattern: str, text: str) -> list[str]:
    """Whole words that `pattern` matches, whatever anchors it has."""
    whole = pattern.removeprefix("^").removesuffix("$")
    try:
        found = regex.finditer(rf"(?<![\w-])(?:{whole})(?![\w-])", text, timeout=SECONDS_A_PATTERN)
        return [match.group() for match in found if match.group()]
    except (regex.error, TimeoutError):
        return []


def _named(kind: str, text: str) -> list[str]:
    """Identifiers that follow their kind: "order number ORD-1042", "orders 17 and 18" gives the first."""
    said = re.escape(kind).replace(r"\ ", r"[\s_-]+")
    follows = rf"\b{said}s?\b(?:[\s:#.(]+(?:id|no|number|ref|reference|code|is|was|nr)\b)*[\s:#.(\"']*"
    return [m for m in re.findall(rf"{follows}([A-Za-z0-9][\w-]{{0,39}})", text, re.I) if re.search(r"\d", m)]


def _typed(value: str, schema: object) -> Any:
    wanted = schema.get("type") if isinstance(schema, Mapping) else None
    try:
        return int(value) if wanted == "integer" else float(value) if wanted == "number" else value
    except ValueError:
        return value


def _words_of(name: str) -> list[str]:
    """The words in a name of any style: order_status, order-status, orderStatus."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", name)]
