"""A proven draft -> the answer that people see: its text, with numbered citations."""

from __future__ import annotations

import re

from tasks.case import Case, Citation, Draft, Passage, Sentence, Ticket

_NOT_IN_A_NAME = re.compile(r"[^\w .,'’-]")


UNKNOWN = 0
"""The number of a passage that was cited and is not there."""


def number(passages: list[Passage], draft: Draft) -> None:
    """Numbers the passages from 1 in the order in which a draft cites them, the others after them.

    Done to the first draft before anyone else has seen the numbers; they stay as they are from then on.
    """
    known = {passage.n for passage in passages}
    cited = [n for n in dict.fromkeys(n for s in draft.sentences for n in s.citations) if n in known]
    new = {n: i for i, n in enumerate([*cited, *(p.n for p in passages if p.n not in cited)], start=1)}
    for passage in passages:
        passage.n = new[passage.n]
    passages.sort(key=lambda passage: passage.n)
    for quote in (quote for sentence in draft.sentences for quote in sentence.quotes):
        quote.n = new.get(quote.n, UNKNOWN)


def present(case: Case, draft: Draft) -> None:
    """Puts the draft into the case as its answer. Citations come in the order in which the answer cites them."""
    passages = {passage.n: passage for passage in case.passages}
    quotes: dict[int, str] = {}
    for quote in (quote for sentence in draft.sentences for quote in sentence.quotes):
        quotes.setdefault(quote.n, quote.text)
    case.answer = compose(draft, case.ticket)
    case.citations = []
    for n, words in quotes.items():
        passage = passages[n]
        case.citations.append(
            Citation(n=n, doc_id=passage.doc_id, title=passage.title, locator=passage.locator, quote=words)
        )
    questions = case.route.questions if case.route else []
    case.unanswered = [questions[i].text for i in draft.unanswered if 0 <= i < len(questions)]


def compose(draft: Draft, ticket: Ticket) -> str:
    """The draft as the text that is sent: Markdown, each sentence followed by its citation marks.

    Nothing of the ticket is repeated but the name in the greeting, as plain words.
    """
    blocks: list[str] = []
    kind_before = ""
    number = 0
    for sentence in draft.sentences:
        if sentence.kind not in ("step", "code"):
            number = 0
        number += sentence.kind == "step"
        line = _line(sentence, number)
        if sentence.kind == kind_before and sentence.kind != "code":
            blocks[-1] += (" " if sentence.kind == "prose" else "\n") + line
        else:
            blocks.append(line)
        kind_before = sentence.kind
    if draft.ask:
        blocks.append(draft.ask)
    name = " ".join(_NOT_IN_A_NAME.sub("", ticket.customer).split())
    if ticket.kind == "reply" and name:
        blocks.insert(0, f"Hi {name},")
    return "\n\n".join(blocks)


def _line(sentence: Sentence, number: int) -> str:
    if sentence.kind == "code":
        return f"```\n{sentence.text}\n```"
    start = {"step": f"{number}. ", "item": "- "}.get(sentence.kind, "")
    return start + sentence.text + "".join(f" [{n}]" for n in sentence.citations)
