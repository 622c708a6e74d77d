"""An accepted draft -> the answer that people see: its text, with numbered citations."""

from __future__ import annotations

from tasks.case import Case, Citation, Draft, Sentence, Ticket


def present(case: Case, draft: Draft) -> None:
    """Puts the draft into the case as its answer, passages renumbered from 1 in the order they are cited."""
    cited = dict.fromkeys(n for sentence in draft.sentences for n in sentence.citations)
    rest = (p.n for p in case.passages if p.n not in cited)
    number = {old: new for new, old in enumerate([*cited, *rest], start=1)}
    for passage in case.passages:
        passage.n = number[passage.n]
    case.passages.sort(key=lambda passage: passage.n)
    for sentence in draft.sentences:
        sentence.citations = [number[n] for n in sentence.citations]
    for claim in case.claims:
        claim.citations = [number[n] for n in claim.citations]
    case.answer = compose(draft, case.ticket)
    quotes = {n: s.quote for s in reversed(draft.sentences) for n in s.citations}
    case.citations = [
        Citation(n=p.n, doc_id=p.doc_id, title=p.title, locator=p.locator, quote=quotes[p.n])
        for p in case.passages
        if p.n in quotes
    ]


def compose(draft: Draft, ticket: Ticket) -> str:
    """The draft as the text that is sent: Markdown, each sentence followed by its citation marks."""
    blocks: list[str] = []
    kind_before = ""
    number = 0
    for sentence in draft.sentences:
        number = number + 1 if sentence.kind == "step" else 0
        line = _line(sentence, number)
        if sentence.kind == kind_before and sentence.kind != "code":
            blocks[-1] += (" " if sentence.kind == "prose" else "\n") + line
        else:
            blocks.append(line)
        kind_before = sentence.kind
    blocks += [f'The documents do not answer: "{question}"' for question in draft.unanswered]
    if ticket.kind == "reply" and ticket.customer:
        blocks.insert(0, f"Hi {ticket.customer},")
    return "\n\n".join(blocks)


def _line(sentence: Sentence, number: int) -> str:
    if sentence.kind == "code":
        return f"```\n{sentence.text}\n```"
    start = {"step": f"{number}. ", "item": "- "}.get(sentence.kind, "")
    return start + sentence.text + "".join(f" [{n}]" for n in sentence.citations)
