"""A case as people read it: the answer, the passages with the words that support it, the proof. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opsdesk.display import visible
from opsdesk.known import Stale
from tasks.case import Case, Claim, Draft

SOURCES = "\n\nSources:\n\n"
"""Above the list with which an answer's text ends; the pages show passages in its place."""


def view(case: Case, stale: Sequence[Stale] = ()) -> dict[str, Any]:
    """What the component `answer` shows of a case."""
    changed = {document.doc_id: document.change for document in stale}
    titles = {c.n: visible(c.title) for c in case.citations}
    return {
        "id": case.case_id,
        "text": visible(body(case.answer)),
        "citations": [
            _citation(n, case, _quotes(case, n), changed) for n in dict.fromkeys(c.n for c in case.citations)
        ],
        "claims": [_claim(claim, titles, "proven" if claim.supported else "not proven") for claim in case.claims]
        + [_claim(claim, titles, "struck") for claim in struck(case)],
    }


def body(answer: str) -> str:
    """An answer's text without its list of sources."""
    return answer.partition(SOURCES)[0]


def struck(case: Case) -> list[Claim]:
    """The sentences that were taken out before the answer was sent, with the reasons."""
    found = case.handoffs[-1].sent.get("struck") if case.handoffs else None
    return [Claim.model_validate(claim) for claim in found] if isinstance(found, list) else []


def _claim(claim: Claim, titles: Mapping[int, str], verdict: str) -> dict[str, Any]:
    return {
        "text": visible(claim.text),
        "supported": claim.supported and verdict == "proven",
        "verdict": verdict,
        "reason": visible(claim.reason),
        "from": [f"[{n}] {titles[n]}" for n in claim.citations if n in titles],
    }


def _citation(n: int, case: Case, quotes: Sequence[str], changed: Mapping[str, str]) -> dict[str, Any]:
    citation = next(c for c in case.citations if c.n == n)
    passage = next((p for p in case.passages if p.n == n), None)
    text = passage.text if passage else citation.quote
    notes = [f"{changed[citation.doc_id]} since: what is shown is what was read"] if citation.doc_id in changed else []
    if passage and passage.internal:
        notes.append("internal")
    if passage and passage.deprecated:
        notes.append("deprecated")
    return {
        "n": n,
        "title": visible(citation.title),
        "doc_id": visible(citation.doc_id),
        "locator": visible(citation.locator),
        "modified": passage.modified if passage else None,
        "stale": citation.doc_id in changed,
        "notes": notes,
        "parts": marked(text, quotes),
    }


def _quotes(case: Case, n: int) -> list[str]:
    """The words that the last draft has taken from passage `n`, and the one that its citation names."""
    found = [citation.quote for citation in case.citations if citation.n == n]
    drafts = [h.sent for h in case.handoffs if h.task == "write" and h.status == "done"]
    if drafts and "sentences" in drafts[-1]:
        draft = Draft.model_validate(drafts[-1])
        found += [quote.text for sentence in draft.sentences for quote in sentence.quotes if quote.n == n]
    return list(dict.fromkeys(found))


def marked(text: str, quotes: Sequence[str]) -> list[tuple[str, bool]]:
    """`text` in pieces, in order: whether each is among the `quotes`, wherever these stand in it first."""
    spans = sorted((at, at + len(quote)) for quote in quotes if quote and (at := text.find(quote)) >= 0)
    pieces: list[tuple[str, bool]] = []
    place = 0
    for begin, end in spans:
        if end <= place:
            continue
        pieces += [(text[place:begin], False)] if begin > place else []
        pieces.append((text[max(place, begin) : end], True))
        place = end
    pieces += [(text[place:], False)] if place < len(text) else []
    return [(visible(piece), mark) for piece, mark in pieces]
