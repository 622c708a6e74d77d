"""A run as one web page that needs nothing else: its answer, its proof, and its steps to go through one by one."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import UTC
from html import escape

from opsdesk import answering, spans
from opsdesk.display import count, duration, usd
from opsdesk.export_page import SCRIPT, document
from opsdesk.export_page import text as _text
from opsdesk.handed import told
from opsdesk.known import Stale
from tasks.case import STEPS, Case, Handoff


def page_html(case: Case, stale: Sequence[Stale] = ()) -> str:
    """The page. All that comes from people, documents and models stands in it as escaped text."""
    view = answering.view(case, stale)
    parts = [
        f"<h1>Run {_text(case.case_id)}</h1>",
        f"<p class=quiet>{case.created_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC · knowledge base {_text(case.kb)}</p>",
        f"<div class=text>{_text(_asked(case))}</div>",
        _figures(case),
        f"<p>{_text(case.outcome_reason)}</p>",
        "<h2>Answer</h2>",
        f"<div class='text answer'>{_text(str(view['text'])) or 'none'}</div>",
        *(_passage(citation) for citation in view["citations"]),
        "<h2>Proof</h2>" if view["claims"] else "",
        _claims(view["claims"]),
        "<h2>Steps</h2>",
        *_stepped(case),
    ]
    return document(case.case_id, parts, SCRIPT if case.handoffs else "")


def _asked(case: Case) -> str:
    return f"{case.ticket.subject}\n\n{case.ticket.text}" if case.ticket.subject else case.ticket.text


def _figures(case: Case) -> str:
    items = (
        f"<li><span class=quiet>{_text(label)}</span><b>{_text(value)}</b><span class=quiet>{_text(below)}</span></li>"
        for label, value, below, _ in spans.figures(case)
    )
    return f"<ul class=figures>{''.join(items)}</ul>"


def _passage(citation: dict[str, object]) -> str:
    pieces: object = citation["parts"]
    text = "".join(
        f"<mark>{escape(words)}</mark>" if marked else escape(words)
        for words, marked in (pieces if isinstance(pieces, list) else [])
    )
    head = f"[{citation['n']}] {_text(str(citation['title']))} · {_text(str(citation['locator']))}"
    notes: object = citation["notes"]
    said = "".join(f"<p class=quiet>{_text(str(note))}</p>" for note in (notes if isinstance(notes, list) else []))
    return f"<details><summary>{head}</summary>{said}<div class=text>{text}</div></details>"


def _claims(claims: list[dict[str, object]]) -> str:
    items = (
        f"<li><span class='word {_KIND.get(str(claim['verdict']), 'warn')}'>{_text(str(claim['verdict']))}</span> "
        f"{_text(str(claim['text']))} <span class=quiet>{_text(str(claim['reason']))}</span></li>"
        for claim in claims
    )
    return f"<ol>{''.join(items)}</ol>" if claims else ""


_KIND = {"proven": "good", "not proven": "bad"}


# --- step by step ----------------------------------------------------------------------------------------


def _stepped(case: Case) -> list[str]:
    """The timeline, and below it the steps: one at a time with the page's script, else all of them."""
    most = len(case.handoffs)
    slider = f"<input type=range min=1 max={most} value=1 step=1 aria-label='Step of the run'>"
    controls = [
        "<div class=controls hidden><button type=button aria-label='Step back'>←</button>",
        f"{slider}<button type=button aria-label='Step on'>→</button><output aria-live=polite></output>",
        "<span class=quiet>or the arrow keys</span></div>",
    ]
    return [
        *(["".join(controls)] if case.handoffs else []),
        _timeline(case),
        *(_step(case, number) for number in range(most)),
    ]


def _timeline(case: Case) -> str:
    rows = ["<div class='row head'><span>Step</span><span>Time</span><span>Latency</span><span>Tokens</span>"
            "<span>Cost</span></div>"]  # fmt: skip
    found = spans.spans(case)
    for span, row in zip(found, spans.waterfall(found, case.seconds, "")["rows"], strict=True):
        words = " ".join(
            f"<span class='word {escape(badge['kind'])}'>{escape(badge['word'])}</span>" for badge in row["badges"]
        )
        bar = ""
        if row["left"] is not None and row["width"] is not None:
            failed = " failed" if row["failed"] else ""
            place = f"left:{min(row['left'], 99.6)}%;width:{min(row['width'], 100 - row['left'])}%"
            bar = f'<span class="bar {escape(row["agent"])}{failed}" style="{place}"></span>'
        number = f" data-step={case.handoffs.index(span.handoff) + 1}" if span.handoff else ""
        rows.append(
            f"<div class='row{' child' if row['parent'] else ''}'{number}><span><i class='dot {escape(row['agent'])}'>"
            f"</i>{_text(row['label'])} <span class=quiet>{escape(row['agent'])}</span> {words}</span>"
            f"<span class=lane>{bar}</span><span>{escape(row['latency'])}</span><span>{escape(row['tokens'])}</span>"
            f"<span>{escape(row['cost'])}</span></div>"
        )
    return f"<div class=steps>{''.join(rows)}</div>"


def _step(case: Case, number: int) -> str:
    """One handoff: who handed what to whom and why, and how far the run was then."""
    handoff = case.handoffs[number]
    raw = json.dumps(handoff.model_dump(mode="json", by_alias=True), ensure_ascii=False, indent=1)
    state = "rejected" if handoff.task == "verify" else "failed"
    badge = f" <span class='word bad'>{state}</span>" if handoff.status == "failed" else ""
    tries = f" · attempt {handoff.attempt}" if handoff.attempt > 1 else ""
    reasons = "".join(f"<li>{_text(reason)}</li>" for reason in handoff.reason.split("; ") if reason)
    return (
        f"<section class=step id=step-{number + 1} data-name='{spans.LABELS[handoff.task]}'>"
        f"<h3><i class='dot {handoff.from_}'></i>{number + 1}. {spans.LABELS[handoff.task]}{badge}</h3>"
        f"<p class=quiet>{handoff.from_} → {_text(handoff.to)} · {handoff.tier} · {_text(handoff.model)}{tries}</p>"
        f"{_progress(case, number)}<ul class=reasons>{reasons}</ul><div class=pair>"
        f"{_payload('Received', handoff.payload.get('received'), case)}"
        f"{_payload('Sent', handoff.payload.get('sent'), case)}"
        f"</div><details><summary>Raw</summary><pre tabindex=0>{_text(raw)}</pre></details></section>"
    )


def _progress(case: Case, number: int) -> str:
    """The task list after that handoff, what it took, and what all until then did."""
    passed, this = case.handoffs[: number + 1], case.handoffs[number]
    status = {handoff.task: handoff.status for handoff in passed}
    tasks = "".join(
        f"<span class='word {_TASK[status.get(task, 'to do')]}'>{task} {status.get(task, 'to do')}</span> "
        for task in STEPS
    )
    took = [duration(this.seconds), count(this.tokens_in + this.tokens_out, "token"), _cost([this])]
    until = max((h.started_at - case.created_at).total_seconds() + h.seconds for h in passed)
    tokens = sum(handoff.tokens_in + handoff.tokens_out for handoff in passed)
    so_far = [duration(max(0.0, until)), count(tokens, "token"), _cost(passed)]
    return (
        f"<p class=tasks>{tasks}</p><p class=took><span><b>This step</b> {escape(' · '.join(took))}</span> "
        f"<span><b>So far</b> {escape(' · '.join(so_far))}</span></p>"
    )


_TASK = {"done": "good", "failed": "bad", "to do": "todo"}


def _cost(handoffs: Sequence[Handoff]) -> str:
    known = [handoff.cost_usd for handoff in handoffs if handoff.cost_usd is not None]
    return usd(math.fsum(known)) if len(known) == len(handoffs) else "cost not wholly known"


def _payload(name: str, payload: object, case: Case) -> str:
    return f"<div><h4>{name}</h4><pre tabindex=0>{_text(told(payload, case.passages)) or 'nothing'}</pre></div>"
