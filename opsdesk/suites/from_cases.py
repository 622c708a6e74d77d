"""Kept cases -> a suite: what was answered well once must be answered as well again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from knowledge_base.evidence import AMOUNTS
from knowledge_base.facts import Fact, facts_in, key
from knowledge_base.stating import is_aside
from opsdesk.likeness import likeness
from opsdesk.suites.checks import Answer
from opsdesk.suites.suite import MOST_BYTES
from tasks.case import EVALUATION, Case
from tasks.experience import Word

MOST_DEMANDS, MOST_CHARACTERS = 20, 200
_VALUES = AMOUNTS | {"version", "command", "url", "email"}

HEAD = """\
# A regression suite, made of kept cases by `opsdesk eval --from-cases`; run it with: opsdesk eval {name}
# Its tickets are what people wrote: they may hold names, addresses and other personal data. Read it before you share or
# commit it, and take out what must not leave. What each answer must hold are the values that were proven then: where a
# document was wrong, so is this.
# {people} accepted by people, {proof} accepted by the proof alone.
"""


class Worth(NamedTuple):
    """A case that is worth keeping; those that a person accepted come first, the newest of each first."""

    by_person: bool
    at: datetime
    case: Case


def worth_keeping(closed: Iterable[tuple[Case, list[Word]]], kb: str) -> list[Worth]:
    """The accepted cases of a knowledge base, one for each ticket that asks the same, the best first.

    A person's last word stands above the proof's: what somebody edited, rejected or reopened is left out.
    """
    best: dict[tuple[str, str], Worth] = {}
    for case, words in closed:
        if case.outcome != "accepted" or case.kb != kb or case.ticket.earlier:
            continue
        if words and words[-1].verdict != "accept":
            continue
        if case.tenant == EVALUATION and not words:
            continue
        found = Worth(bool(words), case.created_at, case)
        asks = (likeness(case.ticket) or case.ticket.text.casefold(), case.ticket.audience)
        if asks not in best or found[:2] > best[asks][:2]:
            best[asks] = found
    return sorted(best.values(), key=lambda one: (one.by_person, one.at), reverse=True)


def ticket(case: Case, id_: str) -> dict[str, Any]:
    """A case as a suite's ticket."""
    asked = case.ticket
    found: dict[str, Any] = {"id": id_}
    if asked.kind == "question":
        found["text"] = asked.text
    else:
        found |= {**({"subject": asked.subject} if asked.subject else {}), "body": asked.text}
    if asked.audience == "staff":
        found["audience"] = "staff"
    found["must"] = demands(case)
    found["cites"] = list(dict.fromkeys(citation.doc_id for citation in case.citations))
    found["outcome"] = "accepted"
    return {name: value for name, value in found.items() if value != []}


def demands(case: Case) -> list[str]:
    """The values of the proven claims, each once, as the answer writes it."""
    answer = Answer(case.answer)
    facts: dict[tuple[str, str, str], Fact] = {}
    for claim in case.claims:
        for fact in facts_in(claim.text) if claim.supported else ():
            if fact.kind in _VALUES and not is_aside(fact) and len(fact.text) <= MOST_CHARACTERS:
                facts.setdefault(key(fact), fact)
    told = (" ".join(fact.text.split()) for fact in facts.values())
    return [text for text in told if text and answer.says(text)][:MOST_DEMANDS]


class Made(NamedTuple):
    """A suite's text, and how many tickets it holds of how many that were worth it."""

    text: str
    tickets: int
    of: int


def suite_text(found: list[Worth], limit: int, name: str) -> Made:
    """A suite as YAML, of the first cases, as many as are wanted and as a suite may hold."""
    taken: list[Worth] = []
    pieces: list[str] = []
    size = 0
    ids: set[str] = set()
    for one in found[:limit]:
        piece = yaml.safe_dump([ticket(one.case, _id(one.case, ids))], allow_unicode=True, sort_keys=False, width=100)
        size += len(piece.encode())
        if size > MOST_BYTES - 10_000:
            break
        taken.append(one)
        pieces.append(piece)
    people = sum(one.by_person for one in taken)
    head = HEAD.format(name=name, people=people, proof=len(taken) - people)
    return Made("".join([head, "tickets:\n", *pieces]), len(taken), len(found))


def _id(case: Case, taken: set[str]) -> str:
    """The ticket's own id, else the case's; with a number where it is taken."""
    first = " ".join(case.ticket.ticket_id.split())[:80] or case.case_id
    found = next(id_ for id_ in _numbered(first) if id_ not in taken)
    taken.add(found)
    return found


def _numbered(first: str) -> Iterator[str]:
    yield first
    number = 2
    while True:
        yield f"{first} ({number})"
        number += 1


def write(path: Path, text: str) -> None:
    """Writes a suite that only its owner can read, whole or not at all."""
    from knowledge_base.files import replace_file

    replace_file(path, text.encode())
