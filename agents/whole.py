"""Is what an agent made whole, and of what it was given? An empty payload is not "nothing was found".

A step whose answer is not is done again, as after an answer that cannot be read: what was lost on its way, was mixed
up with another ticket's or was never made must not pass for a result. Pure functions.
"""

from __future__ import annotations

import re

from pydantic import BaseModel

from agents.retriever import Wanted
from agents.router import Decision, questions_in
from agents.verifier import Submission
from tasks.case import Draft, Found, Ticket, Verdict


def flaw(made: BaseModel, received: BaseModel) -> str:
    """Why `made` cannot be the answer to `received`, as a plain sentence; "" when it can."""
    if isinstance(made, Decision) and isinstance(received, Ticket):
        return _of_decision(made, received)
    if isinstance(made, Found) and isinstance(received, Wanted) and not made.reasons:
        return "it says of no question what was found"
    if isinstance(made, Draft) and not (made.sentences or made.unanswered or made.ask):
        return "it says nothing, and leaves no question open"
    if isinstance(made, Verdict) and isinstance(received, Submission):
        return _of_verdict(made, received)
    return ""


def _of_decision(made: Decision, ticket: Ticket) -> str:
    """A router repeats what is asked, in the ticket's own words, or as they are found in it."""
    if not made.questions:
        return "it names no question"
    known = set(_words(f"{ticket.subject} {ticket.text}"))
    strange = {question.text for question in made.questions if not known.issuperset(_words(question.text))}
    if strange and not strange.issubset(question.text for question in questions_in(ticket)):
        return "it names a question that the ticket does not ask"
    return ""


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _of_verdict(made: Verdict, given: Submission) -> str:
    """A verdict has a claim for each sentence of the draft, and a word for all of them that they bear out."""
    sentences = given.draft.sentences
    if [claim.text for claim in made.claims[: len(sentences)]] != [sentence.text for sentence in sentences]:
        return "its claims are not the sentences of the draft"
    if made.supported != (bool(made.claims) and all(claim.supported for claim in made.claims)):
        return "its verdict is not that of its claims"
    return ""
