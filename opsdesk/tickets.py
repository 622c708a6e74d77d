"""What a ticket may be, before anything is done for it."""

from __future__ import annotations

import re

from errors import UsageError
from tasks.case import Ticket

MAX_TICKET_CHARACTERS = 20_000
"""A longer ticket is refused: it is a document, and belongs into a knowledge base."""

MAX_AROUND_CHARACTERS = 2_000
"""Of a ticket's id, subject and customer together."""

_NO_TEXT = re.compile("[\0\ud800-\udfff]")
"""A NUL, which no database keeps, and halves of characters, which nothing can send on."""


def check_ticket(ticket: Ticket) -> None:
    """Raises `UsageError` for a ticket that is empty, far too long or no text; so too for what was asked before it."""
    from knowledge_base.text import visible

    if not visible(ticket.text).strip():
        raise UsageError('the question is empty; ask something, for example: opsdesk ask "How do I reset my password?"')
    around = ticket.ticket_id + ticket.subject + ticket.customer
    if any(_NO_TEXT.search(text) for text in (around, ticket.text, *ticket.earlier)):
        raise UsageError("the question holds bytes that are no text; pass it as UTF-8")
    if len(around) > MAX_AROUND_CHARACTERS:
        raise UsageError("the ticket's id, subject and customer are too long; put the text into its body")
    if len(ticket.text) > MAX_TICKET_CHARACTERS:
        raise UsageError(
            f"the question has {len(ticket.text):,} characters, more than the {MAX_TICKET_CHARACTERS:,} allowed; "
            "index it as a document (opsdesk index FILE) and ask about it"
        )
    if (longest := max(map(len, ticket.earlier), default=0)) > MAX_TICKET_CHARACTERS:
        raise UsageError(
            f"an earlier message has {longest:,} characters, more than the {MAX_TICKET_CHARACTERS:,} allowed; "
            "shorten it, or leave it out"
        )
