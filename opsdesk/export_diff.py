"""Two runs side by side as one web page that needs nothing else, and no script."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opsdesk import diff
from opsdesk.display import OUTCOMES, cost, count, duration
from opsdesk.export_page import document, text
from tasks.case import Case


def diff_html(case: Case, other: Case) -> str:
    """The page: A is `case`, B is `other`. All that is not ours stands in it as escaped text."""
    found = diff.diff(case, other)
    parts = [
        f"<h1>{text(case.case_id)} and {text(other.case_id)}</h1>",
        _parting(found),
        f"<div class=pair>{_head('A', case)}{_head('B', other)}</div>",
        "<h2>Figures</h2>",
        _table("figure", found["figures"], "figure"),
        "<h2>Route</h2>",
        _table("", found["route"], "what") or "<p>Neither was routed.</p>",
        "<h2>Steps</h2>",
        _steps(found),
        "<h2>Passages</h2>",
        _passages(found["passages"]),
        "<h2>Answers</h2>",
        _sentences(found["sentences"]),
        "<h2>Claims</h2>",
        _claims(found["claims"]),
    ]
    return document(f"{case.case_id} and {other.case_id}", parts)


def _parting(found: dict[str, Any]) -> str:
    part = found["part"]
    asked = "" if found["same_ticket"] else "<br>Their tickets are not the same."
    if part is None:
        return f"<p class=parting>They never part: each step did the same in both.{asked}</p>"
    what = text(" and ".join([", ".join(part["what"][:-1]), part["what"][-1]] if part["what"][1:] else part["what"]))
    return (
        f"<p class=parting>They first part at <b>step {part['step']}</b>: {what}.<br>"
        f"<span class=quiet>A: {text(part['a'])}</span><br><span class=quiet>B: {text(part['b'])}</span>{asked}</p>"
    )


def _head(name: str, case: Case) -> str:
    asked = f"{case.ticket.subject}\n\n{case.ticket.text}" if case.ticket.subject else case.ticket.text
    told = [OUTCOMES[case.outcome], duration(case.seconds), cost(case), f"{case.created_at:%Y-%m-%d %H:%M} UTC"]
    return (
        f"<div><h2 class=small>{name} · {text(case.case_id)}</h2><div class=text>{text(asked)}</div>"
        f"<p class=quiet>{text(' · '.join(told))} · knowledge base {text(case.kb)}</p></div>"
    )


def _table(head: str, rows: Sequence[dict[str, str]], name: str) -> str:
    """Rows of what A and B have, those that differ marked in a word."""
    if not rows:
        return ""
    lines = [f"<div class='side head'><span>{head}</span><span>A</span><span>B</span></div>"]
    for row in rows:
        same = row["differs"] == diff.SAME
        word = "" if same else f"<br><span class='word warn'>{text(row['differs'])}</span>"
        lines.append(
            f"<div class='side{' same' if same else ''}'><span>{text(row[name])}{word}</span>"
            f"<span data-of=A>{_lines(row['A'])}</span><span data-of=B>{_lines(row['B'])}</span></div>"
        )
    return f"<div class=steps>{''.join(lines)}</div>"


def _lines(value: str) -> str:
    return "<br>".join(text(line) for line in value.split("\n")) if value else "–"


def _steps(found: dict[str, Any]) -> str:
    part = found["part"]["step"] if found["part"] else 0
    rows = [
        {**row, "step": f"Step {row['step']}{' · they part here' if int(row['step']) == part else ''}"}
        for row in found["steps"]
    ]
    return _table("", rows, "step") or "<p>Neither has a step.</p>"


def _passages(rows: Sequence[dict[str, Any]]) -> str:
    if not rows:
        return "<p>Neither read any.</p>"
    parts = []
    for where, name in (("A", "Only in A"), ("B", "Only in B"), ("both", "In both")):
        found = [row for row in rows if row["in"] == where]
        items = "".join(f"<li>{_passage(row)}</li>" for row in found)
        parts.append(
            f"<div><h3 class=small>{name} ({len(found)})</h3><ul class=reasons>{items}</ul></div>" if found else ""
        )
    return f"<div class=three>{''.join(parts)}</div>"


def _passage(row: dict[str, Any]) -> str:
    notes = [f"cited in {' and '.join(row['cited_in'])}"] if row["cited_in"] else []
    notes += ["its text differs"] if row["in"] == "both" and not row["same_text"] else []
    words = "".join(f" <span class=word>{note}</span>" for note in notes)
    return f"{text(row['title'])} <span class=quiet>{text(row['doc_id'])} · {text(row['locator'])}</span>{words}"


_SIGN = {"same": " ", "removed": "−", "added": "+", "changed": "~"}
_WORD = {"removed": "only in A", "added": "only in B", "changed": "changed"}


def _sentences(rows: Sequence[dict[str, str]]) -> str:
    if not rows:
        return "<p>Neither has an answer.</p>"
    changed = [row for row in rows if row["change"] != "same"]
    verb = "differs" if len(changed) == 1 else "differ"
    told = f"{len(changed)} of {count(len(rows), 'sentence')} {verb}" if changed else "Both answers say the same"
    items = []
    for row in rows:
        kind = row["change"]
        word = f" <span class='word warn'>{_WORD[kind]}</span>" if kind in _WORD else ""
        said = _marked(row["a"], row["b"]) if kind == "changed" else text(row["a"] or row["b"])
        tag = {"removed": "del", "added": "ins"}.get(kind, "span")
        items.append(
            f"<li class={kind}><span class=sign>{_SIGN[kind]}</span><span><{tag}>{said}</{tag}>{word}</span></li>"
        )
    return f"<p class=quiet>{told}. − only in A, + only in B, ~ changed.</p><ul class=said>{''.join(items)}</ul>"


def _marked(a: str, b: str) -> str:
    tags = {"removed": "del", "added": "ins"}
    pieces = ((tags.get(kind, ""), text(words)) for kind, words in diff.words(a, b))
    return " ".join(f"<{tag}>{words}</{tag}>" if tag else words for tag, words in pieces)


def _claims(rows: Sequence[dict[str, Any]]) -> str:
    if not rows:
        return "<p>Neither makes any.</p>"
    changed = [row for row in rows if row["change"] != diff.SAME]
    same = [row for row in rows if row["change"] == diff.SAME]
    shown = [_claim(row) for row in changed] or ["<p>The proof says the same of every claim.</p>"]
    kept = "".join(_claim(row) for row in same)
    folded = f"<details><summary>{count(len(same), 'claim')} the same in both</summary>{kept}</details>" if same else ""
    return "".join(shown) + folded


def _claim(row: dict[str, Any]) -> str:
    verdicts = " · ".join(f"{name} {row[name] or 'does not claim it'}" for name in ("A", "B"))
    word = "" if row["change"] == diff.SAME else f"<span class='word warn'>{row['change']}</span> "
    why = "".join(f"<br><span class=quiet>{text(reason)}</span>" for reason in row["reasons"])
    return f"<p class=claim>{word}{text(row['text'])}<br><span class=quiet>{text(verdicts)}</span>{why}</p>"
