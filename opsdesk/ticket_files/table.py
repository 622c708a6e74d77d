"""The records of a file, whatever its format -> tickets, under a mapping of its columns to a ticket's fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from errors import UsageError
from knowledge_base.formats.page import clean
from knowledge_base.text import visible
from opsdesk.ticket_files.urgency import NORMAL, due_at, priority_of
from opsdesk.tickets import MAX_TICKET_CHARACTERS, check_ticket
from tasks.case import Ticket

Field = Literal["body", "subject", "ticket_id", "customer", "due", "priority"]
FIELDS: tuple[Field, ...] = get_args(Field)

USUAL: dict[Field, tuple[str, ...]] = {
    "body": (
        "body",
        "description",
        "text",
        "message",
        "question",
        "content",
        "ticket",
        "request",
        "comment",
        "details",
    ),
    "subject": ("subject", "title", "summary", "topic", "headline"),
    "ticket_id": (
        "ticket_id",
        "id",
        "ticket",
        "ticket_number",
        "number",
        "case_id",
        "issue_key",
        "key",
        "reference",
        "ref",
    ),
    "customer": (
        "customer",
        "customer_name",
        "name",
        "requester",
        "requester_name",
        "from",
        "contact",
        "author",
        "reporter",
        "user",
    ),
    "due": ("due", "due_at", "due_date", "duedate", "due_on", "due_by", "deadline"),
    "priority": ("priority", "urgency", "severity", "importance"),
}
"""The names under which each field is looked for, the likeliest first."""

OWN: tuple[Field, ...] = ("body", "subject", "ticket_id")
"""The fields that tell a ticket from an object around tickets."""

MAX_COLUMNS = 500


class Row(NamedTuple):
    """One ticket of a file, numbered from 1; `error` says why it is rejected, and is "" for one to work.

    `line` is where it begins in the file, or its place in a JSON array. `due` is in UTC as ISO 8601, "" for none.
    `priority` is 0 urgent, 1 high, 2 normal, 3 low. Two rows may have the same ticket id: both are kept.
    """

    seq: int
    line: int
    ticket: Ticket
    error: str = ""
    due: str = ""
    priority: int = NORMAL


@dataclass(frozen=True, slots=True)
class TicketFile:
    """A file as it was read: its columns, the one taken for each field, and its rows. "" is a field without one."""

    name: str
    columns: list[str]
    mapping: dict[Field, str]
    rows: list[Row]

    @property
    def rejected(self) -> list[Row]:
        """The rows that cannot be worked."""
        return [row for row in self.rows if row.error]


UNREAD = ""
"""The name of what a record holds of a row whose columns could not be told apart. No column has it."""


class Record(NamedTuple):
    """A row before its fields are told apart; `line` and `error` as in `Row`."""

    line: int
    values: dict[str, str]
    error: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """The columns and records of a file, from which rows are made by any mapping."""

    name: str
    columns: list[str]
    records: list[Record]

    def guess(self) -> dict[Field, str]:
        """The column of each field by its usual names; "" where none fits. No column serves twice."""
        by_name = {plain(column): column for column in reversed(self.columns)}
        found: dict[Field, str] = {}
        for field, names in USUAL.items():
            free = (by_name[n] for n in names if n in by_name and by_name[n] not in found.values())
            found[field] = next(free, "")
        return found

    def rows(self, mapping: Mapping[Field, str] | None = None) -> TicketFile:
        """The tickets under a mapping, the guessed one for what it leaves out.

        Raises `UsageError` when no column is the body, or the mapping names a column that is not there.
        """
        chosen = {**self.guess(), **(mapping or {})}
        for field, column in chosen.items():
            if column and column not in self.columns and not any(column in record.values for record in self.records):
                raise UsageError(f'there is no column "{column}" for the {field}; the file has: {_list(self.columns)}')
        if not chosen["body"]:
            if all(record.error for record in self.records):
                raise unreadable(self.records[0])
            raise UsageError(
                f"no column holds the tickets' text; say which one does (--map body=COLUMN), of: {_list(self.columns)}"
            )
        rows = [_row(seq, record, chosen) for seq, record in enumerate(self.records, start=1)]
        return TicketFile(self.name, self.columns, chosen, rows)


def check_columns(count: int) -> None:
    """Raises `UsageError` for more columns than a file of tickets has."""
    if count > MAX_COLUMNS:
        raise UsageError(f"the file has {count:,} columns, more than {MAX_COLUMNS}; leave some out")


def unreadable(first: Record) -> UsageError:
    """What is said of a file without one row that can be read; `first` is the first."""
    why = first.error or "it has no values"
    return UsageError(f"no ticket in the file can be read; the first, line {first.line}: {why}")


def _row(seq: int, record: Record, mapping: Mapping[Field, str]) -> Row:
    value = {field: clean(record.values.get(column, "")) if column else "" for field, column in mapping.items()}
    ticket = Ticket(
        text=value["body"],
        ticket_id=_line(value["ticket_id"]) or str(seq),
        subject=_line(value["subject"]),
        customer=_line(value["customer"]),
        kind="reply",
    )
    error = record.error or _wrong(ticket)
    if error:
        ticket = _short(ticket, ticket.text or clean(record.values.get(UNREAD, "")))
    return Row(seq, record.line, ticket, error, due_at(value["due"]), priority_of(value["priority"]))


def _wrong(ticket: Ticket) -> str:
    """Why a ticket cannot be worked; "" for one that can."""
    if not visible(ticket.text).strip():
        return "the text is empty"
    try:
        check_ticket(ticket)
    except UsageError as error:
        return str(error)
    return ""


def _short(ticket: Ticket, text: str) -> Ticket:
    """A rejected row is kept to be looked at: its beginning will do."""
    short = {name: getattr(ticket, name)[:200] for name in ("ticket_id", "subject", "customer")}
    return ticket.model_copy(update={**short, "text": text[:MAX_TICKET_CHARACTERS]})


def _line(text: str) -> str:
    return " ".join(text.split())


def plain(column: str) -> str:
    """A column's name as it is compared: lower case, with one `_` for whatever is no letter or digit."""
    return "_".join("".join(c if c.isalnum() else " " for c in column.lower()).split())


def _list(columns: Sequence[str]) -> str:
    return ", ".join(f'"{column[:60]}"' for column in columns[:12]) + (" …" if len(columns) > 12 else "")
