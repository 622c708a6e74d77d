"""Which tickets ask the same, so that they are drafted once: the same words in the same order, courtesies apart.

Strict on purpose: what could change an answer keeps two tickets apart, be it a number, a name, a negation, the order.
"""

from __future__ import annotations

import hashlib

from knowledge_base.text import stem_all, visible
from tasks.case import Ticket

_COURTESIES = frozenset(
    """hi hello hey dear team support there please kindly thanks thank you regards kind best many again advance cheers
    good morning afternoon evening sincerely greetings""".split()
)
_AROUND = frozenset("a an the so just".split())


_MARKS = ".,;:!?\"'()[]"


def likeness(ticket: Ticket) -> str:
    """What is the same for tickets that ask the same; "" for one too short to tell."""
    said = [word for word in _words(f"{ticket.subject}\n{ticket.text}") if word not in _AROUND]
    around = _COURTESIES.union(_words(ticket.customer))
    while said and said[0] in around:
        said.pop(0)
    while said and said[-1] in around:
        said.pop()
    meant = stem_all([word for word in said if word not in ("please", "kindly")])
    return hashlib.sha256(" ".join(meant).encode()).hexdigest() if len(meant) > 1 else ""


def _words(text: str) -> list[str]:
    """Without the marks around them; those within, and signs such as $, % and -, may change an answer."""
    return [word for raw in visible(text).casefold().split() if (word := raw.strip(_MARKS))]
