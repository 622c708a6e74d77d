"""A regression suite: a YAML file of tickets and of what must become of each -> checked values.

The file is composed and never constructed: scalars stay the text that they are ("2026-03-01" is no date, "no" is not
false), so that no tag of YAML makes anything. Aliases are refused, since a few lines of them stand for gigabytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from errors import UsageError
from opsdesk.tickets import MAX_TICKET_CHARACTERS, check_ticket
from tasks.case import Ticket

MOST_BYTES = 2_000_000
MOST_TICKETS = 5_000
_PLAIN = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "timestamp", "seq", "map")}

Wanted = Literal["accepted", "needs_human", "abstained"]


def _several(value: Any) -> Any:
    """One text may stand for a list of one; nothing for an empty list."""
    return [] if value is None else [value] if isinstance(value, str) else value


Texts = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=500)], ...], BeforeValidator(_several), Field(max_length=50)
]
Outcomes = Annotated[tuple[Wanted, ...], BeforeValidator(_several), Field(min_length=1, max_length=3)]
Most = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Defaults(_Strict):
    """What holds for tickets that do not say otherwise."""

    audience: Literal["customer", "staff"] = "customer"
    outcome: Outcomes = ("accepted",)
    max_cost_usd: Most | None = None
    max_seconds: Most | None = None


class Thresholds(_Strict):
    """What the whole run must keep to. `passed` is a share of the tickets, 0..1; None: whatever else is asked.

    `cost_tolerance` is how much dearer than its baseline a run may be: 0.25 is a quarter.
    """

    passed: Annotated[float, Field(ge=0, le=1)] | None = None
    cost_usd: Most | None = None
    p95_seconds: Most | None = None
    cost_tolerance: Annotated[float, Field(ge=0, le=10)] = 0.25


class SuiteTicket(_Strict):
    """A ticket and what must become of it.

    With `text` it is a question, as of `opsdesk ask`; with `body` a ticket that is replied to, as of `opsdesk draft`.
    `cites` are ids or titles of documents. What is None or empty is taken from the suite's defaults, or not asked.
    """

    id: Annotated[str, Field(min_length=1, max_length=100)]
    text: Annotated[str, Field(max_length=MAX_TICKET_CHARACTERS)] = ""
    subject: Annotated[str, Field(max_length=1_000)] = ""
    body: Annotated[str, Field(max_length=MAX_TICKET_CHARACTERS)] = ""
    audience: Literal["customer", "staff"] | None = None
    must: Texts = ()
    must_not: Texts = ()
    cites: Texts = ()
    outcome: Outcomes | None = None
    max_cost_usd: Most | None = None
    max_seconds: Most | None = None

    @model_validator(mode="after")
    def _asks_something(self) -> SuiteTicket:
        if bool(self.text.strip()) == bool(self.body.strip()):
            raise ValueError("give either text (a question) or body (a ticket, with a subject if it has one)")
        if self.text and self.subject:
            raise ValueError("a subject belongs to a body, not to a text")
        return self


class Suite(_Strict):
    """A suite. `documents` are paths relative to its file, indexed for it alone."""

    name: Annotated[str, Field(max_length=100)] = ""
    defaults: Defaults = Defaults()
    thresholds: Thresholds = Thresholds()
    documents: Texts = ()
    tickets: Annotated[tuple[SuiteTicket, ...], Field(min_length=1, max_length=MOST_TICKETS)]

    def ticket(self, one: SuiteTicket) -> Ticket:
        """What the crew is given of it."""
        return Ticket(
            text=one.text or one.body,
            subject=one.subject,
            ticket_id=one.id,
            kind="question" if one.text else "reply",
            audience=one.audience or self.defaults.audience,
        )

    def outcomes(self, one: SuiteTicket) -> tuple[Wanted, ...]:
        """What may become of it."""
        return one.outcome or self.defaults.outcome

    def max_cost_usd(self, one: SuiteTicket) -> float | None:
        """The most that it may cost; None is any."""
        return self.defaults.max_cost_usd if one.max_cost_usd is None else one.max_cost_usd

    def max_seconds(self, one: SuiteTicket) -> float | None:
        """The longest it should take; None is any."""
        return self.defaults.max_seconds if one.max_seconds is None else one.max_seconds

    def digest(self, one: SuiteTicket) -> str:
        """What is the same as long as a ticket and what is asked of it are; times apart."""
        asked = {**one.model_dump(exclude={"max_seconds"}), "outcome": sorted(self.outcomes(one))}
        asked |= {"audience": self.ticket(one).audience, "max_cost_usd": self.max_cost_usd(one)}
        return hashlib.sha256(repr(sorted(asked.items())).encode()).hexdigest()[:16]


def read_suite(path: Path) -> Suite:
    """A suite from its file. Raises `UsageError`, which names the ticket, the field and the line."""
    text = _text(path)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise UsageError(f"{path}{_where(error)}: not YAML ({_problem(error)}); mend that line") from error
    except RecursionError:
        raise UsageError(f"{path}: nested too deeply; a suite is a list of tickets") from None
    if not isinstance(root, yaml.MappingNode):
        raise UsageError(f"{path}: a suite begins with tickets: and a list of them; see opsdesk eval --help")
    try:
        found = Suite.model_validate(_plain(root, path, set()))
    except ValidationError as error:
        raise _wrong(error, root, path) from error
    return _checked(found, root, path)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; give a suite, a YAML file of tickets") from error
    if len(content) > MOST_BYTES:
        raise UsageError(f"{path}: more than {MOST_BYTES / 1e6:.0f} MB; cut the suite into several files")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 text; give a suite, a YAML file of tickets") from error


def _checked(suite: Suite, root: yaml.MappingNode, path: Path) -> Suite:
    """The suite, once its ids are told apart and its tickets are ones that the crew takes."""
    seen: set[str] = set()
    for number, one in enumerate(suite.tickets):
        where = f"{path}:{_line(root, ('tickets', number, 'id'))}: ticket {one.id!r}"
        if one.id in seen:
            raise UsageError(f"{where}: another ticket has that id too; give each its own")
        seen.add(one.id)
        try:
            check_ticket(suite.ticket(one))
        except UsageError as error:
            raise UsageError(f"{where}: {error}") from error
    return suite


# --- YAML's nodes ----------------------------------------------------------------------------------------


def _plain(node: yaml.Node, path: Path, seen: set[int]) -> Any:
    """A node as lists, dictionaries and texts. Raises `UsageError` for aliases, tags and keys that stand twice."""
    where = f"{path}:{node.start_mark.line + 1}"
    if id(node) in seen:
        raise UsageError(f"{where}: YAML's aliases (&name, *name) are not read in a suite; write it out")
    seen.add(id(node))
    if node.tag not in _PLAIN:
        raise UsageError(f"{where}: YAML's tags ({node.tag[:60]}) are not read in a suite; leave it out")
    if isinstance(node, yaml.ScalarNode):
        return None if node.tag.endswith(":null") else node.value
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, path, seen) for item in node.value]
    found: dict[str, Any] = {}
    for key, value in node.value:
        name = _plain(key, path, seen)
        if not isinstance(name, str) or name in found:
            twice = f'"{name}" stands here twice' if isinstance(name, str) else "a field needs a name"
            raise UsageError(f"{path}:{key.start_mark.line + 1}: {twice}; mend that line")
        found[name] = _plain(value, path, seen)
    return found


def _steps(root: yaml.Node, place: tuple[int | str, ...]) -> Iterator[tuple[int | str, yaml.Node]]:
    """The way to a value, as far as the file has it."""
    node = root
    for step in place:
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
        elif isinstance(node, yaml.MappingNode) and (
            found := next((value for key, value in node.value if key.value == step), None)
        ):
            node = found
        else:
            return
        yield step, node


def _line(root: yaml.Node, place: tuple[int | str, ...]) -> int:
    nodes = [root, *(node for _, node in _steps(root, place))]
    return int(nodes[-1].start_mark.line) + 1


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f":{mark.line + 1}" if mark else ""


def _problem(error: yaml.YAMLError) -> str:
    return " ".join(str(getattr(error, "problem", None) or getattr(error, "reason", None) or "damaged").split())


_TOLD = {"extra_forbidden": "there is no such field", "missing": "is missing"}


def _wrong(error: ValidationError, root: yaml.MappingNode, path: Path) -> UsageError:
    """The first fault, with its ticket, its field and its line."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = tuple(first["loc"])
    found = dict(enumerate(_steps(root, place)))
    ticket, field = "", ".".join(str(step) for step in place if isinstance(step, str))
    if place[:1] == ("tickets",) and len(place) > 1:
        names = {key.value: value.value for key, value in found[1][1].value} if _is_mapping(found.get(1)) else {}
        name = names.get("id")
        ticket = f"ticket {name!r}" if isinstance(name, str) and name else f"ticket number {int(place[1]) + 1}"
        field = ".".join(str(step) for step in place[2:] if isinstance(step, str))
    told = _TOLD.get(first["type"], first["msg"].removeprefix("Value error, ").lower())
    if first["type"] == "too_short" and place == ("tickets",):
        told = "a suite needs at least one ticket"
    parts = [f"{path}:{_line(root, place)}", ticket, field, told]
    return UsageError(f"{': '.join(part for part in parts if part)}; see opsdesk eval --help")


def _is_mapping(step: tuple[int | str, yaml.Node] | None) -> bool:
    return step is not None and isinstance(step[1], yaml.MappingNode)
