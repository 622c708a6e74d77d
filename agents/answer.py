"""A proven draft -> the answer that people see: its text, with numbered citations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agents.extractive.disagreement import Disagreement, disagreements
from agents.reply import PHRASES, PLAIN, Manner, closing, disagree, opening, quoted, sources
from tasks.case import Case, Citation, Draft, Passage, Question, Sentence, Ticket

UNKNOWN = 0
"""The number of a passage that was cited and is not there."""


def number(passages: list[Passage], draft: Draft) -> dict[int, int]:
    """Numbers the passages from 1 in the order in which a draft cites them, the others after them.

    Done to the first draft before anyone else has seen the numbers; they stay as they are from then on. Returns the
    new number of each old one.
    """
    known = {passage.n for passage in passages}
    cited = [n for n in dict.fromkeys(n for s in draft.sentences for n in s.citations) if n in known]
    new = {n: i for i, n in enumerate([*cited, *(p.n for p in passages if p.n not in cited)], start=1)}
    for passage in passages:
        passage.n = new[passage.n]
    passages.sort(key=lambda passage: passage.n)
    renumber(draft, new)
    return new


def renumber(draft: Draft, new: Mapping[int, int]) -> None:
    """Gives the quotes of a draft the new numbers of their passages."""
    for quote in (quote for sentence in draft.sentences for quote in sentence.quotes):
        quote.n = new.get(quote.n, UNKNOWN)


def present(case: Case, draft: Draft, manner: Manner = PLAIN) -> None:
    """Puts the draft into the case as its answer. Citations come in the order in which the answer cites them."""
    questions = case.route.questions if case.route else []
    rivals = _disagreements(draft, case.quotable, questions)
    case.answer = _text(draft, case.ticket, questions, case.quotable, manner, rivals)
    passages = {passage.n: passage for passage in case.passages}
    quotes: dict[int, str] = {}
    for sentence in [*draft.sentences, *(rival.quoted for rival in rivals)]:
        for quote in sentence.quotes:
            quotes.setdefault(quote.n, quote.text)
    case.citations = [_citation(passages[n], words) for n, words in quotes.items()]
    case.unanswered = [questions[i].text for i in draft.unanswered if 0 <= i < len(questions)]


def _citation(passage: Passage, words: str) -> Citation:
    return Citation(n=passage.n, doc_id=passage.doc_id, title=passage.title, locator=passage.locator, quote=words)


def compose(
    draft: Draft,
    ticket: Ticket,
    questions: Sequence[Question] = (),
    passages: Sequence[Passage] = (),
    manner: Manner = PLAIN,
) -> str:
    """The draft as the text that is sent: Markdown, each sentence followed by its citation marks.

    A reply has a greeting, each question above what answers it when there are several, and a sign-off;
    both name what is left open and where documents disagree, and end with their sources. Of the ticket
    nothing is repeated but the name and the questions, as plain words.
    """
    return _text(draft, ticket, questions, passages, manner, _disagreements(draft, passages, questions))


def _text(
    draft: Draft,
    ticket: Ticket,
    questions: Sequence[Question],
    passages: Sequence[Passage],
    manner: Manner,
    rivals: Sequence[Disagreement],
) -> str:
    reply = ticket.kind == "reply"
    blocks = opening(ticket, manner) if reply else []
    for asked, sentences in _parts(draft, questions):
        told = [i for i, sentence in enumerate(draft.sentences) if any(sentence is mine for mine in sentences)]
        if asked and (not sentences or (reply and len(questions) > 1)):
            blocks.append(quoted(asked, manner))
        blocks += _blocks(sentences) or [PHRASES[manner.tone].open_question]
        blocks += _notes(draft, [rival for rival in rivals if rival.sentence in told], manner)
    blocks += [draft.ask] if draft.ask else []
    blocks += closing(manner) if reply else []
    cited = dict.fromkeys(n for s in [*draft.sentences, *(rival.quoted for rival in rivals)] for n in s.citations)
    named = [passage for n in cited for passage in passages if passage.n == n]
    return "\n\n".join([*blocks, *([sources(named)] if named else [])])


def _disagreements(draft: Draft, passages: Sequence[Passage], questions: Sequence[Question]) -> list[Disagreement]:
    return disagreements(draft, passages, " ".join(question.text for question in questions))


def _parts(draft: Draft, questions: Sequence[Question]) -> list[tuple[list[str], list[Sentence]]]:
    """The draft cut up by the questions that it answers, in their order, each with the sentences for it.

    A question whose answer was given already goes with the one before it, an open one has no sentences.
    """
    parts: list[tuple[list[str], list[Sentence]]] = []
    waiting: list[str] = []
    for index in sorted({*range(len(questions)), *(s.question for s in draft.sentences)}):
        asked = [questions[index].text] if 0 <= index < len(questions) else []
        mine = [sentence for sentence in draft.sentences if sentence.question == index]
        if mine:
            parts.append(([*waiting, *asked], mine))
            waiting = []
        elif index in draft.unanswered:
            parts.append((asked, []))
        elif before := next((part for part in reversed(parts) if part[1]), None):
            before[0].extend(asked)
        else:
            waiting += asked
    return parts


def _notes(draft: Draft, rivals: Sequence[Disagreement], manner: Manner) -> list[str]:
    """What is said of pages that disagree with the answer: once a page."""
    notes: list[str] = []
    for rival in {rival.rival.passage.doc_id: rival for rival in rivals}.values():
        cited = draft.sentences[rival.sentence].citations
        note = disagree(rival.newer, cited, rival.rival.passage, manner.tone)
        notes += [note, *(_blocks([rival.quoted]) if rival.newer is None else [])]
    return notes


def _blocks(sentences: Sequence[Sentence]) -> list[str]:
    blocks: list[str] = []
    kind_before = ""
    number = 0
    for sentence in sentences:
        if sentence.kind not in ("step", "code"):
            number = 0
        number += sentence.kind == "step"
        line = _line(sentence, number)
        if sentence.kind == kind_before and sentence.kind != "code":
            blocks[-1] += (" " if sentence.kind == "prose" else "\n") + line
        else:
            blocks.append(line)
        kind_before = sentence.kind
    return blocks


def _line(sentence: Sentence, number: int) -> str:
    if sentence.kind == "code":
        return f"```\n{sentence.text}\n```"
    start = {"step": f"{number}. ", "item": "- "}.get(sentence.kind, "")
    return start + sentence.text + "".join(f" [{n}]" for n in sentence.citations)
