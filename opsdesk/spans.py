"""A case as rows of a trace: its steps, what each took, what failed, and why. Pure.

A row's time is what was measured. What a step's payload tells of its parts (a question searched for, a claim that was
refused) is a row without a time: none was measured, so none is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Literal

from opsdesk.display import OUTCOMES, count, duration, line, saved, usd, visible
from tasks.case import STEPS, Case, Handoff, Outcome, StepName

Kind = Literal["good", "bad", "warn", "move", "quiet"]
"""What a badge means; its word says it too."""

LABELS: dict[StepName, str] = {
    "route": "Route request",
    "retrieve": "Retrieve evidence",
    "write": "Draft answer",
    "verify": "Verify grounding",
}
DOING: dict[StepName, str] = {"route": "Routing", "retrieve": "Searching", "write": "Writing", "verify": "Checking"}
SHORT: dict[Outcome | None, str] = {"needs_human": "To a person", "abstained": "No answer"}
"""Outcomes in fewer words, where there is little room."""

BADGES: dict[str, Kind] = {"not proven": "bad", "struck": "warn", "nothing found": "warn"}
"""The words at parts of a step."""

MANY = 12
"""Above so many rows, groups with a single child are closed at first."""


@dataclass(frozen=True, slots=True)
class Span:
    """One row: a step, one of several handoffs of a step, or a part without a time of its own.

    `id` is "4" or, below it, "4.2". `start` and `seconds` are None where nothing was measured; `cost_usd` is None when
    it is unknown. `handoff` is what it shows; of a step with several, the last.
    """

    id: str
    parent: str
    label: str
    agent: str
    handoff: Handoff | None
    start: float | None = None
    seconds: float | None = None
    tokens: int = 0
    cost_usd: float | None = 0.0
    at_most_usd: float | None = None
    badges: tuple[tuple[str, Kind], ...] = ()
    failed: bool = False
    calls: int = 0
    detail: str = ""


def spans(case: Case) -> list[Span]:
    """The rows of a case, parents before their children, in the order in which things happened."""
    found: list[Span] = []
    drafts = 0
    escalated = False
    steps = [list(group) for _, group in groupby(case.handoffs, key=lambda handoff: handoff.task)]
    for number, handoffs in enumerate(steps, start=1):
        task = handoffs[0].task
        drafts += task == "write"
        step = _step(str(number), handoffs, case.created_at, drafts, escalated)
        found.append(step)
        if len(handoffs) > 1:
            found += [_part(f"{number}.{n}", step.id, handoff, case) for n, handoff in enumerate(handoffs, start=1)]
        found += _told(step.id, handoffs[-1], case, len(handoffs) if len(handoffs) > 1 else 0)
        escalated = task == "verify" and "escalated to" in handoffs[-1].reason
    running = next((task for task in case.tasks if task.status == "doing"), None)
    if case.outcome is None and running:
        label = DOING[running.name]
        at_work: tuple[str, Kind] = ("at work", "move")
        found.append(Span(str(len(steps) + 1), "", label, running.agent, None, badges=(at_work,)))
    return found


def _step(id_: str, handoffs: Sequence[Handoff], began: datetime, drafts: int, escalated: bool) -> Span:
    last = handoffs[-1]
    label = LABELS[last.task]
    badges: list[tuple[str, Kind]] = []
    if last.task == "write" and drafts > 1:
        label += " - escalated" if escalated else f" - retry {drafts - 1}"
        badges.append((f"try {drafts}", "warn"))
    if last.status == "failed":
        badges.append(("failed", "bad"))
        badges += [("escalated", "move")] if last.task == "verify" and "escalated to" in last.reason else []
    elif last.task == "verify":
        badges.append(("passed", "good"))
    elif last.task == "retrieve" and last.to != "writer":
        badges.append(("nothing to quote", "warn"))
    known = [handoff.cost_usd for handoff in handoffs if handoff.cost_usd is not None]
    bounds = [_bound(handoff) for handoff in handoffs]
    start = _offset(handoffs[0], began)
    return Span(
        id_,
        "",
        label,
        last.from_,
        last,
        start=start,
        seconds=_offset(last, began) + last.seconds - start,
        tokens=sum(handoff.tokens_in + handoff.tokens_out for handoff in handoffs),
        cost_usd=sum(known) if len(known) == len(handoffs) else None,
        at_most_usd=sum(bound for bound in bounds if bound is not None) if None not in bounds else None,
        badges=tuple(badges),
        failed=last.status == "failed",
        calls=sum(handoff.model_calls for handoff in handoffs),
    )


def _part(id_: str, parent: str, handoff: Handoff, case: Case) -> Span:
    """One of several handoffs of a step."""
    own = {"route": "classify by words", "verify": "check the proof", "write": "draft", "retrieve": "search"}
    paid = {"route": "ask", "verify": "judge", "write": "draft by", "retrieve": "search by"}
    label = own[handoff.task] if handoff.tier == "local" else f"{paid[handoff.task]} {handoff.tier}"
    return Span(
        id_,
        parent,
        label,
        handoff.from_,
        handoff,
        start=_offset(handoff, case.created_at),
        seconds=handoff.seconds,
        tokens=handoff.tokens_in + handoff.tokens_out,
        cost_usd=handoff.cost_usd,
        at_most_usd=_bound(handoff),
        badges=(("failed", "bad"),) if handoff.status == "failed" else (),
        failed=handoff.status == "failed",
        calls=handoff.model_calls,
    )


def _told(parent: str, handoff: Handoff, case: Case, before: int) -> list[Span]:
    """Parts that a step's payload tells of: the questions searched for, the claims refused, the sentences struck.

    `before` are the parts that stand above them already.
    """
    if handoff.task == "retrieve":
        asked = _list(handoff.payload.get("received"), "questions")
        told = [(str(question.get("text", "")), *_found(case, handoff, n)) for n, question in enumerate(asked)]
    elif handoff.task == "verify":
        sent = handoff.payload.get("sent")
        refused = [(claim, "not proven") for claim in _list(sent, "claims") if not claim.get("supported")]
        refused += [(claim, "struck") for claim in _list(sent, "struck")]
        told = [(str(claim.get("text", "")), str(claim.get("reason", "")), word) for claim, word in refused]
    else:
        return []
    return [
        Span(
            f"{parent}.{n}", parent, line(text, 60), handoff.from_, handoff,
            badges=((word, BADGES[word]),) if word else (), failed=word == "not proven", detail=f"{text}\n{why}",
        )
        for n, (text, why, word) in enumerate(told, start=before + 1)
    ]  # fmt: skip


def _found(case: Case, handoff: Handoff, question: int) -> tuple[str, str]:
    """What was handed on for a question, and the word that says that nothing was."""
    if not case.passages and handoff.to == "writer":  # they are kept when the run ends
        return "", ""
    found = [passage for passage in case.passages if question in passage.questions]
    if not found:
        return "no passage was handed on for it", "nothing found"
    return f"{count(len(found), 'passage')}, the best from {max(found, key=lambda p: p.score).title}", ""


def _list(payload: object, name: str) -> list[dict[str, Any]]:
    found = payload.get(name) if isinstance(payload, dict) else None
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _bound(handoff: Handoff) -> float | None:
    return handoff.cost_usd if handoff.cost_usd is not None else handoff.cost_at_most_usd


def _offset(handoff: Handoff, began: datetime) -> float:
    return max(0.0, (handoff.started_at - began).total_seconds())


# --- what the waterfall shows of them ----------------------------------------------------------------------


def filtered(rows: Sequence[Span], *, calls: bool, problems: bool) -> list[Span]:
    """The rows with model calls, or with problems; a parent stays when one of its children does."""

    def passes(row: Span) -> bool:
        return (not calls or row.calls > 0) and (not problems or row.failed or any(k == "warn" for _, k in row.badges))

    kept = {row.id for row in rows if passes(row)}
    kept |= {row.parent for row in rows if row.id in kept}
    return [row for row in rows if row.id in kept]


def waterfall(rows: Sequence[Span], seconds: float, selected: str) -> dict[str, Any]:
    """The component's data: each row with its place on the lane, in percent, and its figures as text."""
    total = max(
        [seconds, *(row.start + row.seconds for row in rows if row.start is not None and row.seconds is not None), 1e-6]
    )
    children = {row.parent for row in rows if row.parent}
    single = {p for p in children if sum(row.parent == p for row in rows) == 1} if len(rows) > MANY else set()
    untimed = {p for p in children if all(row.start is None for row in rows if row.parent == p)}
    return {
        "selected": selected,
        "ticks": [{"at": n * 20, "label": _tick(total * n / 5, total)} for n in range(5)],
        "rows": [
            {
                "id": row.id,
                "parent": row.parent,
                "has_children": row.id in children,
                "open": row.id in children and row.id not in single and (row.failed or row.id not in untimed),
                "label": row.label,
                "agent": row.agent,
                "badges": [{"word": word, "kind": kind} for word, kind in row.badges],
                "failed": row.failed,
                "left": None if row.start is None else round(100 * row.start / total, 3),
                "width": None if row.seconds is None else round(100 * row.seconds / total, 3),
                "latency": "–" if row.seconds is None else duration(row.seconds),
                "tokens": f"{row.tokens:,}" if row.tokens else "–",
                "cost": _cost(row),
                "title": visible(row.handoff.reason)[:300] if row.handoff else "",
            }
            for row in rows
        ],
    }


def _tick(seconds: float, total: float) -> str:
    """A mark on the lane; all of one lane have one unit."""
    if not seconds:
        return "0"
    return f"{seconds * 1000:.0f} ms" if total < 0.95 else f"{seconds:.2f} s" if total < 4 else f"{seconds:.1f} s"


def _cost(row: Span) -> str:
    if row.seconds is None:
        return "–"
    if row.cost_usd is None:
        return "unknown" if row.at_most_usd is None else f"≤ ${row.at_most_usd:.4f}"
    if 0 < row.cost_usd < 0.0001:
        return "<$0.0001"
    return f"${row.cost_usd:.4f}" if row.cost_usd else "$0"


# --- the figures above it ----------------------------------------------------------------------------------


def figures(case: Case) -> list[tuple[str, str, str, str]]:
    """The six figures of a case: label, value, what stands below it, and that badge's hue."""
    writing = sum(h.seconds for h in case.handoffs if h.task == "write")
    frontier = sum(h.model_calls for h in case.handoffs if h.tier == "frontier")
    local = all(h.tier == "local" for h in case.handoffs)
    where = f"{frontier} on frontier" if case.model_calls else "built-in model" if local else "none was answered"
    spared = saved(case.cost_usd, case.cost_all_frontier_usd)
    unsaid = "no price known" if case.cost_all_frontier_usd is None else "nothing to compare"
    unsaid = unsaid if case.cost_is_known else "cost unknown"
    cost = usd(case.cost_usd) if case.cost_is_known else "unknown"
    return [
        ("Outcome", SHORT.get(case.outcome, OUTCOMES[case.outcome]), *_how(case)),
        ("Latency", duration(case.seconds), f"{duration(writing)} writing", "gray"),
        ("Model calls", f"{case.model_calls}", where, "gray"),
        ("Tokens", f"{case.tokens_in + case.tokens_out:,}", f"{case.tokens_out:,} written", "gray"),
        ("Cost of this run", cost, _dearest(case), "gray"),
        (
            "All-frontier estimate",
            usd(case.cost_all_frontier_usd),
            spared or unsaid,
            "green" if spared else "gray",
        ),
    ]


def _how(case: Case) -> tuple[str, str]:
    """How it came to its outcome, and that badge's hue."""
    if case.outcome is None:
        return "not done yet", "blue"
    steps = [row for row in spans(case) if not row.parent and row.handoff]
    drafts = sum(row.handoff.task == "write" for row in steps if row.handoff)
    escalated = sum(word == "escalated" for row in steps for word, _ in row.badges)
    failed = sum(h.status == "failed" and h.task != "verify" for h in case.handoffs)
    parts = [
        *([count(drafts - 1 - escalated, "retry", "retries")] if drafts - 1 - escalated > 0 else []),
        *([f"{escalated} escalated"] if escalated else []),
        *([f"{failed} failed"] if failed else []),
    ]
    if case.stopped_by:
        parts.append({"budget": "budget reached", "deadline": "out of time", "interrupt": "stopped"}[case.stopped_by])
    if parts:
        return ", ".join(parts), "orange"
    return ("first pass", "green") if case.outcome == "accepted" else ("no retry", "gray")


def _dearest(case: Case) -> str:
    """Where the money went."""
    if not case.cost_is_known:
        return f"at most {usd(case.cost_at_most_usd)}"
    if not case.cost_usd:
        return "nothing was paid"
    step = max(case.handoffs, key=lambda handoff: handoff.cost_usd or 0)
    return f"{(step.cost_usd or 0) / case.cost_usd:.0%} from step {step.seq}"


def mermaid(case: Case) -> str:
    """Who handed to whom, as a Mermaid sequence diagram. Labels hold our own words and numbers alone."""
    people = [*STEPS.values(), *(who for who in ("asker", "person") if any(h.to == who for h in case.handoffs))]
    lines = ["sequenceDiagram", *(f"  participant {name}" for name in people)]
    drafts = 0
    for handoff in case.handoffs:
        drafts += handoff.task == "write" and handoff.status == "done"
        arrow = "-x" if handoff.status == "failed" else "->>"
        arrow = f"-{arrow}" if handoff.task == "verify" else arrow
        lines.append(f"  {handoff.from_}{arrow}{handoff.to}: {_message(handoff, drafts)}")
    return "\n".join(lines)


def _message(handoff: Handoff, drafts: int) -> str:
    sent = handoff.payload.get("sent")
    if handoff.task == "route" and isinstance(sent, dict):
        intent = "".join(c for c in str(sent.get("intent", "")) if c.isalnum() or c in "_ ")[:20]
        return ", ".join(filter(None, (intent.strip(), _one_of(sent, "complexity", "hard", "simple"), handoff.tier)))
    if handoff.task == "retrieve":
        return count(len(sent) if isinstance(sent, list) else 0, "passage")
    if handoff.task == "write":
        return f"draft {drafts}, {handoff.tier}" if handoff.status == "done" else f"{handoff.tier} failed"
    claims = _list(sent, "claims")
    proven = sum(bool(claim.get("supported")) for claim in claims)
    verdict = "fail" if handoff.status == "failed" else "pass"
    return f"{verdict}, {proven} of {len(claims)} proven"


def _one_of(payload: dict[str, Any], name: str, *words: str) -> str:
    return next((word for word in words if payload.get(name) == word), "")
