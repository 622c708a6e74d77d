"""What ticket tools export as JSON, told by what it holds -> plain objects with a ticket's usual names.

Shapes: Zendesk's tickets, with or without users and comments; GitHub's issues, from its REST interface or `gh`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import Any, NamedTuple

from knowledge_base.formats.page import clean
from opsdesk.ticket_files.table import OWN, USUAL, plain
from opsdesk.ticket_files.urgency import is_priority

_NAME = 200  # characters
_LISTS = ("tickets", "issues", "items", "results")
_OF_A_TICKET = frozenset(name for field in OWN for name in USUAL[field])
_ANY_FIELD = frozenset(name for names in USUAL.values() for name in names)
_GITHUB = frozenset(("number", "title", "body"))
_GITHUB_ALSO = frozenset(("user", "author", "labels", "milestone", "node_id", "pull_request", "html_url", "url"))


class Held(NamedTuple):
    """The tickets in a JSON value, and users' names by id."""

    tickets: list[Any]
    users: dict[Any, str]


def held(value: Any, mapped: Set[str]) -> Held:
    """What a JSON value holds: it is an array, a page of an export, an object around one ticket, or one ticket.

    An object that has one of the `mapped` columns is a ticket itself, whatever lists it has.
    """
    if isinstance(value, list):
        return Held(value, {})
    if not isinstance(value, dict):
        return Held([value], {})
    if isinstance(value.get("ticket"), dict) and not _named(value.keys() - {"ticket"}, USUAL["body"]):
        # What stands around it may have been mapped, but is not to be guessed: an event's id is not the ticket's.
        around = {name: value[name] for name in value if name not in ("ticket", "users") and not _named([name])}
        return Held([{**value["ticket"], **around, **value["ticket"]}], _users(value))
    # Tickets have lists too: what they were bought with, what they link to.
    lists = [value[name] for name in _LISTS if isinstance(value.get(name), list)]
    if not lists or _named(value, _OF_A_TICKET) or any(name_of(name) in mapped for name in value):
        return Held([value], {})
    found = [each for some in lists if _objects(some) for each in some]
    return Held(found, _users(value)) if found or not any(lists) else Held([value], {})


def name_of(name: str) -> str:
    """The column that an object's name is."""
    return clean(name)[:_NAME].strip() or "(no name)"


def _named(names: Iterable[str], usual: Iterable[str] = _ANY_FIELD) -> bool:
    """Whether one of the names is a usual one, as columns are matched."""
    return not {plain(clean(name)) for name in names}.isdisjoint(usual)


def _users(value: Mapping[str, Any]) -> dict[Any, str]:
    return {
        user["id"]: user["name"]
        for user in _objects(value.get("users"))
        if isinstance(user.get("id"), int | str) and isinstance(user.get("name"), str)
    }


def as_ticket(value: Mapping[str, Any], users: Mapping[Any, str]) -> tuple[Mapping[str, Any], str]:
    """(values, error): an object with what its tool keeps elsewhere under usual names; why it is no ticket, or ""."""
    if value.keys() >= _GITHUB and not _GITHUB_ALSO.isdisjoint(value):
        return _github(value)
    if "requester_id" in value:
        return _zendesk(value, users)
    return value, ""


def _github(issue: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    # People know an issue by its number; its id is the database's.
    found = {name: each for name, each in issue.items() if name not in ("id", "node_id")}
    names = [label.get("name") if isinstance(label, dict) else label for label in _list(issue.get("labels"))]
    urgent = [name for name in names if isinstance(name, str) and is_priority(name)]
    if urgent and not found.get("priority"):
        found["priority"] = urgent[0]
    milestone = issue.get("milestone")
    if isinstance(milestone, dict):
        found["due_on"] = milestone.get("due_on") or milestone.get("dueOn")
    return found, "it is a pull request" if issue.get("pull_request") else ""


def _zendesk(ticket: Mapping[str, Any], users: Mapping[Any, str]) -> tuple[Mapping[str, Any], str]:
    found = dict(ticket)
    requester = ticket["requester_id"]
    name = users.get(requester) if isinstance(requester, int | str) else None
    if not found.get("requester") and (name or (name := _sender(ticket))):
        found["requester"] = name
    if said := _unanswered(ticket, requester):  # else no column is made up: the text may stand in another
        found["description"] = said
    return found, "it is deleted" if ticket.get("status") == "deleted" else ""


def _sender(ticket: Mapping[str, Any]) -> str:
    """The name that a mail came under: `via.source.from.name`."""
    at: Any = ticket
    for step in ("via", "source", "from", "name"):
        at = at.get(step) if isinstance(at, dict) else None
    return at if isinstance(at, str) else ""


def _unanswered(ticket: Mapping[str, Any], requester: Any) -> str:
    """What the requester has said in public since the last answer to it; "" when nothing, or without comments."""
    said: list[str] = []
    for comment in sorted(_objects(ticket.get("comments")), key=lambda each: str(each.get("created_at", ""))):
        text = comment.get("plain_body") or comment.get("body")
        if comment.get("public") is False or not isinstance(text, str):
            continue
        if comment.get("author_id", requester) == requester:
            said.append(text)
        else:
            said.clear()
    return "\n\n".join(said)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in _list(value) if isinstance(each, dict)]
