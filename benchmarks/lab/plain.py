"""What the three other systems share: their steps' payloads, their doors, and the naive chain itself.

A ticket is pushed through: what comes out is sent at once. An error is seen by whoever has called, so it counts as
handed over.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.lab import minds
from benchmarks.lab.faults import (
    DROPPED,
    DUPLICATE,
    INVENTED,
    MALFORMED,
    NEGATION,
    SWAPPED,
    TIMEOUT,
    WRONG_ROUTE,
    Faults,
    Shelf,
    TookTooLong,
    arrives,
    crossed,
    lie,
    possible_in,
)
from benchmarks.lab.judge import Delivered
from benchmarks.lab.minds import Meter, Page, Paid
from benchmarks.lab.world import TOPICS, Asked
from errors import UsageError

RELAYED = (DROPPED, MALFORMED, TIMEOUT)
"""What can happen where a payload is only passed on."""

PASSAGES = 8
"""So many passages are handed to the writer."""


class HandedOver(Exception):
    """The system itself gives the ticket to a person."""


EXPECTED = (TookTooLong, ValueError, UsageError, HandedOver)
"""What may end a ticket for everybody to see; anything else is a bug of the lab."""


def pushed(
    asked: Asked, faults: Faults, work: Callable[[str], str], expected: tuple[type[Exception], ...] = EXPECTED
) -> Delivered:
    """Each delivery of a ticket is worked, and each answer sent."""
    delivered, waiting = Delivered(), 1
    while waiting:
        waiting -= 1
        fault = faults.draw("receive")
        waiting += fault == DUPLICATE
        try:
            answer = work(ticket_in(arrives(fault, ticket_of(asked), ticket_of(asked, empty=True))))
            fault = faults.draw("deliver")
            delivered.messages += [arrives(fault, answer)] * (1 + (fault == DUPLICATE))
        except expected as error:
            delivered.handed, delivered.why = True, f"{type(error).__name__}: {error}"
    return delivered


def ticket_of(asked: Asked, *, empty: bool = False) -> str:
    """A ticket as it comes in."""
    return json.dumps({"id": asked.ticket_id, "text": "" if empty else asked.text})


def ticket_in(payload: str) -> str:
    """Its text. Raises ValueError when the payload is no JSON."""
    return str(json.loads(payload)["text"])


# --- the steps ------------------------------------------------------------------------------------------


def routed(ticket: str, faults: Faults) -> str:
    """The router's answer, as JSON: the departments and the questions."""
    questions = minds.questions_of(ticket)
    route = {"topics": minds.topic_of(questions), "questions": questions}
    fault = faults.draw("route")
    if fault == WRONG_ROUTE and crossed(faults):
        questions = minds.questions_of(faults.another().text)
        route = {"topics": minds.topic_of(questions), "questions": questions}
    elif fault == WRONG_ROUTE:
        wrong = [topic for topic in TOPICS if topic not in route["topics"]]
        route["topics"] = [faults.rng("route", "topic").choice(wrong)]
    return arrives(fault, json.dumps(route), json.dumps({"topics": [], "questions": []}))


def retrieved(route: dict[str, Any], faults: Faults, shelf: Shelf) -> str:
    """The passages for a route, as JSON."""
    fault = faults.draw("retrieve")
    shelf.fault, shelf.faults = fault, faults
    found: dict[str, dict[str, Any]] = {}
    for question in route["questions"]:
        hits = shelf.search(question, 20).hits
        for hit in [hit for hit in hits if topic(hit.doc_id, faults) in route["topics"]][:PASSAGES]:
            outdated = hit.meta.get("status") == "outdated"
            page = Page(len(found) + 1, hit.title, hit.text, hit.modified or "", outdated)
            found.setdefault(hit.chunk_id, page._asdict())
    shelf.fault = ""
    return arrives(fault, json.dumps({"pages": list(found.values())}), json.dumps({"pages": []}))


def topic(doc: str, faults: Faults) -> str:
    """The department of a page."""
    return faults.world.of_doc[doc.replace("-2024.md", ".md")][0].topic


def pages_in(passages: dict[str, Any]) -> list[Page]:
    """The passages of a payload."""
    return [Page(**page) for page in passages["pages"]]


def spoiled(answer: str, faults: Faults) -> tuple[str, str]:
    """A writer's answer with what strikes it, before it is on its way; and the fault."""
    fault = faults.draw("write", possible_in(answer))
    return (lie(fault, answer, faults) if fault in (INVENTED, SWAPPED, NEGATION) else answer), fault


def written(questions: Sequence[str], pages: Sequence[Page]) -> str:
    """What a model writes."""
    return minds.as_text(minds.answers(questions, pages), questions)


# --- the naive chain ------------------------------------------------------------------------------------


class Naive:
    """Calls one model after the other and trusts what comes; nothing is checked, nothing is tried again."""

    tier: Paid = "frontier"

    def __init__(self, shelf: Shelf, meter: Meter) -> None:
        self._shelf, self._meter = shelf, meter

    def work(self, asked: Asked, faults: Faults) -> Delivered:
        """A ticket from its queue to its customer."""
        return pushed(asked, faults, lambda ticket: self._chain(ticket, faults))

    def _chain(self, ticket: str, faults: Faults) -> str:
        self._meter.bill(self.tier, ticket, "{}")
        route = json.loads(routed(ticket, faults))
        passages = retrieved(route, faults, self._shelf)
        pages = pages_in(json.loads(passages))
        answer = written(route["questions"], pages)
        self._meter.bill(self.tier, ticket + passages, answer)
        answer, fault = spoiled(answer, faults)
        answer = arrives(fault, answer)
        return arrives(faults.draw("verify", RELAYED), answer)
