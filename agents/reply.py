"""What stands around a proven answer: greeting, the questions it answers, what is left open, sign-off, sources.

Code writes it, so that no model does. None of it says anything about the matter: `knowledge_base.claims`
reads no claim in it, and where a customer's own words would be read as one they are left out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

from knowledge_base import text as language
from knowledge_base.claims import assertions
from knowledge_base.facts import facts_in
from tasks.case import Passage, Ticket

Tone = Literal["plain", "warm", "formal"]
SIGN_OFF = "The support team"


class Manner(NamedTuple):
    """How replies are written. `sign_off` is the text below the closing words; "" leaves both out."""

    tone: Tone = "plain"
    sign_off: str = SIGN_OFF


PLAIN = Manner()


class Phrases(NamedTuple):
    """The words of one tone; "" where it has none. `open_question` follows the question that it is about."""

    greeting: str
    greeting_without_name: str
    opening: str
    open_question: str
    other_question: str
    closing: str


PHRASES: dict[Tone, Phrases] = {
    "plain": Phrases(
        greeting="Hello {name},",
        greeting_without_name="Hello,",
        opening="",
        open_question="The documents do not say this in so many words.",
        other_question="To your next question:",
        closing="Regards,",
    ),
    "warm": Phrases(
        greeting="Hi {name},",
        greeting_without_name="Hello,",
        opening="Thanks for getting in touch.",
        open_question="Sorry, our documents do not say this in so many words.",
        other_question="To your next question:",
        closing="Kind regards,",
    ),
    "formal": Phrases(
        greeting="Dear {name},",
        greeting_without_name="Dear customer,",
        opening="Thank you for your message.",
        open_question="Our documentation does not state this explicitly.",
        other_question="Regarding your next question:",
        closing="Yours sincerely,",
    ),
}

_LONGEST_QUESTION = 160  # characters of a customer's question that are repeated
_LONGEST_NAME = 60
_CLOSING = 400  # characters at the end of a ticket in which a signature is looked for


# --- greeting ------------------------------------------------------------------------------------------

_NOT_IN_A_NAME = re.compile(r"[^\w .'’-]")
_WORD_OF_A_NAME = r"[^\W\d_a-z][\w'’-]*\.?"
_SIGNED = re.compile(
    r"(?:^|\n|[.!?] )[ \t]*(?i:(?:many |kind |best |warm |with )*(?:thanks|thank you|thx|regards|wishes|best|cheers"
    r"|sincerely|yours(?: \w+)?)(?: (?:again|in advance|a lot|so much))?)[ \t]*(?:[,.!–-]+[ \t]*\n?|\n)\s*"
    rf"(?P<name>{_WORD_OF_A_NAME}(?: {_WORD_OF_A_NAME}){{0,2}})[ \t]*\.?[ \t]*(?=\n|$)"
)
_GREETED = re.compile(
    r"^[ \t]*(?i:hi|hello|hey|dear|good (?:morning|afternoon|evening|day))[ \t,]+(?:(?:Mr|Mrs|Ms|Dr)\.? )?"
    rf"(?P<name>{_WORD_OF_A_NAME}(?: {_WORD_OF_A_NAME}){{0,2}})[ \t]*(?=[,.!:;–-]|$)",
    re.MULTILINE,
)
_NO_NAME = frozenset(
    """team support all everyone everybody guys folks sir madam again advance regards best thanks thank cheers sent
    the from for your our we you it please help engineering sales marketing finance security operations ops it dept
    department ltd inc llc gmbh corp company group customer service ceo cto cfo head manager director hi hello asap
    and or p.s ps yours kind""".split()
)


def name_of(ticket: Ticket) -> str:
    """The customer's name: the ticket's field, else what plainly is a name below its closing words; "" if none."""
    words = [word for word in ticket.customer.split() if "@" not in word]  # an address is no name to greet
    return " ".join(_NOT_IN_A_NAME.sub("", " ".join(words)).split())[:_LONGEST_NAME] or signed(ticket.text)


def signed(text: str) -> str:
    """What plainly is a name below the closing words of a ticket; "" if none."""
    found = list(_SIGNED.finditer(text[-_CLOSING:]))
    return found[-1]["name"] if found and _is_name(found[-1]["name"]) else ""


def greeted(text: str) -> list[str]:
    """What plainly are names after a ticket's words of greeting, at the beginning of a line."""
    return [match["name"] for match in _GREETED.finditer(text) if _is_name(match["name"])]


def _is_name(found: str) -> bool:
    words = found.split()
    plain = all(word[0].isupper() and (len(word) == 1 or not word[1:].isupper()) for word in words)
    return plain and not any(word.lower().strip(".") in _NO_NAME for word in words)


def opening(ticket: Ticket, manner: Manner) -> list[str]:
    """The greeting, and the line after it."""
    phrases = PHRASES[manner.tone]
    name = name_of(ticket)
    candidates = [phrases.greeting.format(name=short) for short in (name, " ".join(name.split()[:3])) if short]
    greeting = unclaimed([*candidates, phrases.greeting_without_name])
    return [greeting, *([phrases.opening] if phrases.opening else [])]


def readdressed(reply: str, first: Ticket, other: Ticket, manner: Manner) -> str:
    """A reply to one ticket, as it greets the asker of another one that asks the same."""
    before, after = opening(first, manner)[0], opening(other, manner)[0]
    return after + reply.removeprefix(before) if reply.startswith(before) else reply


def closing(manner: Manner) -> list[str]:
    """The closing words with the sign-off below them, on a line of their own."""
    return [f"{PHRASES[manner.tone].closing}  \n{manner.sign_off.strip()}"] if manner.sign_off.strip() else []


# --- questions -----------------------------------------------------------------------------------------

_BEFORE_A_QUESTION = re.compile(r"^(?:(?:hi|hello|hey|dear|please|and|also|so|but|or|then|ok|okay)\b[\s,]*)+", re.I)
_MARKUP = re.compile(r"https?://\S+|[<>`*_#|\[\]{}\\~]+")


def quoted(questions: Sequence[str], manner: Manner) -> str:
    """The customer's questions as a quotation, which heads their answer.

    Without markup, cut when long; with "…" in place of a figure or name that would be read as a claim of ours.
    """
    seen = [language.visible(question) for question in questions]
    whole = [_asked(question) for question in seen]
    bare = [_asked(_without_facts(question)) for question in seen]
    candidates = ["\n".join(f"> {text}  " for text in texts).rstrip() for texts in (whole, bare)]
    return unclaimed([*candidates, PHRASES[manner.tone].other_question])


def _asked(question: str) -> str:
    text = " ".join(_MARKUP.sub(" ", question).split())
    text = _BEFORE_A_QUESTION.sub("", text).strip(" ,;:.!?-") or "?"
    if len(text) > _LONGEST_QUESTION:
        text = text[:_LONGEST_QUESTION].rsplit(" ", 1)[0] + " …"
    return f"{text[0].upper()}{text[1:]}?" if text != "?" else text


def _without_facts(question: str) -> str:
    pieces, position = [], 0
    for fact in facts_in(question):
        if fact.start >= position:
            pieces += [question[position : fact.start], "…"]
            position = fact.end
    return "".join([*pieces, question[position:]])


# --- what is said of the documents ---------------------------------------------------------------------


def disagree(newer: bool | None, mine: Sequence[int], rival: Passage, tone: Tone) -> str:
    """That another page gives another value than the answer.

    `newer` tells whether that page is newer; None when that cannot be told: what it says then follows.
    """
    documents = "Our documentation does" if tone == "formal" else "The documents do"
    marks = "".join(f" [{n}]" for n in mine)
    if newer is None:
        return f"{documents} not say the same everywhere, nor which page{marks} is the newer one, and another has:"
    which = "is from an older page" if newer else "follows the newer page"
    other = "a newer one" if newer else "an older one"
    named = f', "{rival.title}" [{rival.n}],'
    return unclaimed(
        [
            f"{documents} not say the same everywhere: this {which}{marks}, and {other}{name} has another figure."
            for name in (named, f" [{rival.n}]")
        ]
    )


def sources(passages: Sequence[Passage]) -> str:
    """The pages that the marks stand for, a line each."""
    marks: dict[tuple[str, str], list[str]] = {}
    for passage in passages:
        title = " ".join(_MARKUP.sub(" ", passage.title).split())
        marks.setdefault((passage.doc_id, title), []).append(f"[{passage.n}]")
    return "\n".join(["Sources:\n", *(f"- {' '.join(mine)} {title}" for (_, title), mine in marks.items())])


def unclaimed(candidates: Sequence[str], ids: Collection[str] = ()) -> str:
    """The first of `candidates` that `knowledge_base.claims` does not read as saying anything, else the last."""
    known = ids or {str(n) for n in range(1, 100)}
    return next((text for text in candidates if not assertions(text, known)), candidates[-1])
