"""A run as one web page that needs nothing else: no script, no network, light and dark."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC
from html import escape

from opsdesk import answering, spans
from opsdesk.display import visible as _visible
from opsdesk.known import Stale
from tasks.case import Case

STYLE = """
:root { color-scheme: light dark; --line: light-dark(#dfe2e8, #2b303c); --soft: light-dark(#f4f5f7, #181b24);
  --router: light-dark(#7a56d6, #a78bf5); --retriever: light-dark(#1480c8, #4fb0ee);
  --writer: light-dark(#179b6c, #3ecb94); --verifier: light-dark(#c27803, #f2b04a); }
body { font: 14px/1.5 Inter, system-ui, sans-serif; margin: 0 auto; padding: 24px; max-width: 1080px;
  background: light-dark(#fff, #0f1117); color: light-dark(#181c25, #e8eaf0); overflow-wrap: anywhere; }
h1 { font-size: 20px; } h2 { font-size: 16px; margin-top: 28px; }
.figures { display: flex; flex-wrap: wrap; gap: 10px; padding: 0; list-style: none; }
.figures li { border: 1px solid var(--line); border-radius: 6px; padding: 8px 12px; min-width: 130px; }
.figures b { display: block; font-size: 18px; font-weight: 400; } .quiet { font-size: 12px; opacity: .75; }
.steps { border: 1px solid var(--line); border-radius: 8px; overflow: hidden; }
.row { display: grid; grid-template-columns: minmax(0, 250px) minmax(60px, 1fr) 76px 66px 80px; gap: 8px;
  padding: 5px 10px; border-top: 1px solid var(--line); align-items: center; font-variant-numeric: tabular-nums; }
.row.head { background: var(--soft); border-top: 0; font-size: 12px; }
.row.child { padding-left: 26px; font-size: 13px; } .row > :nth-child(n + 3) { text-align: right; }
.lane { position: relative; height: 12px; display: block; }
.bar { position: absolute; height: 11px; border-radius: 3px; min-width: 2px; }
.failed { background-image: repeating-linear-gradient(135deg, transparent 0 3px,
  light-dark(#fff9, #0009) 3px 6px) !important; }
.router { background: var(--router); } .retriever { background: var(--retriever); }
.writer { background: var(--writer); } .verifier { background: var(--verifier); }
.word { font-size: 11px; font-weight: 600; border: 1px solid currentColor; border-radius: 4px; padding: 0 4px; }
pre, .text { white-space: pre-wrap; font: 12.5px/1.5 "JetBrains Mono", ui-monospace, monospace; margin: 6px 0;
  background: var(--soft); border-radius: 6px; padding: 8px 10px; }
details { border: 1px solid var(--line); border-radius: 6px; padding: 6px 12px; margin: 6px 0; }
summary { cursor: pointer; } mark { background: light-dark(#fdf0b8, #5a4a10); color: inherit; }
@media (max-width: 640px) { .row { grid-template-columns: 1fr 66px 80px; }
  .row > :nth-child(2), .row > :nth-child(4) { display: none; } }
"""


def page_html(case: Case, stale: Sequence[Stale] = ()) -> str:
    """The page. All that comes from people, documents and models stands in it as escaped text."""
    view = answering.view(case, stale)
    parts = [
        "<!doctype html><html lang=en><head><meta charset=utf-8>",
        "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        '<meta name=viewport content="width=device-width, initial-scale=1">',
        f"<title>{_text(case.case_id)}</title><style>{STYLE}</style></head><body>",
        f"<h1>Run {_text(case.case_id)}</h1>",
        f"<p class=quiet>{case.created_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC · knowledge base {_text(case.kb)}</p>",
        f"<div class=text>{_text(case.ticket.text)}</div>",
        _figures(case),
        f"<p>{_text(case.outcome_reason)}</p>",
        "<h2>Answer</h2>",
        f"<div class=text>{_text(str(view['text'])) or 'none'}</div>",
        *(_passage(citation) for citation in view["citations"]),
        "<h2>Proof</h2>" if view["claims"] else "",
        _claims(view["claims"]),
        "<h2>Steps</h2>",
        _steps(case),
        "<h2>Handoffs</h2>",
        *(_handoff(case, number) for number in range(len(case.handoffs))),
        "</body></html>",
    ]
    return "\n".join(part for part in parts if part)


def _text(untrusted: str) -> str:
    return escape(_visible(untrusted))


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
    told = "".join(f"<p class=quiet>{_text(str(note))}</p>" for note in (notes if isinstance(notes, list) else []))
    return f"<details><summary>{head}</summary>{told}<div class=text>{text}</div></details>"


def _claims(claims: list[dict[str, object]]) -> str:
    items = (
        f"<li><span class=word>{_text(str(claim['verdict']))}</span> {_text(str(claim['text']))} "
        f"<span class=quiet>{_text(str(claim['reason']))}</span></li>"
        for claim in claims
    )
    return f"<ol>{''.join(items)}</ol>" if claims else ""


def _steps(case: Case) -> str:
    rows = ["<div class='row head'><span>Step</span><span>Time</span><span>Latency</span><span>Tokens</span>"
            "<span>Cost</span></div>"]  # fmt: skip
    for row in spans.waterfall(spans.spans(case), case.seconds, "")["rows"]:
        words = " ".join(f"<span class=word>{escape(badge['word'])}</span>" for badge in row["badges"])
        bar = ""
        if row["left"] is not None and row["width"] is not None:
            failed = " failed" if row["failed"] else ""
            place = f"left:{min(row['left'], 99.6)}%;width:{min(row['width'], 100 - row['left'])}%"
            bar = f'<span class="bar {escape(row["agent"])}{failed}" style="{place}"></span>'
        rows.append(
            f"<div class='row{' child' if row['parent'] else ''}'><span>{_text(row['label'])} "
            f"<span class=quiet>{escape(row['agent'])}</span> {words}</span><span class=lane>{bar}</span>"
            f"<span>{escape(row['latency'])}</span><span>{escape(row['tokens'])}</span><span>{escape(row['cost'])}</span>"
            "</div>"
        )
    return f"<div class=steps>{''.join(rows)}</div>"


def _handoff(case: Case, number: int) -> str:
    handoff = case.handoffs[number]
    raw = json.dumps(handoff.model_dump(mode="json", by_alias=True), ensure_ascii=False, indent=1)
    head = f"{handoff.seq}. {handoff.from_} → {_text(handoff.to)} · {handoff.tier} · {handoff.status}"
    return f"<details><summary>{head}: {_text(handoff.reason)}</summary><pre>{_text(raw)}</pre></details>"
