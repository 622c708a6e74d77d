"""Two cases side by side: where they part, and what differs in figures, steps, passages, sentences, claims. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from typing import Any

from knowledge_base.text import sentences
from opsdesk import answering, display, spans
from tasks.case import Case

SAME = "same"
TOOK = ("cost", "latency")
"""What may differ between two runs that do the same."""

_MARK = re.compile(r" ?\[\d{1,3}\]")


def diff(case: Case, other: Case) -> dict[str, Any]:
    """All that differs between two cases, A and B, as JSON; amounts are USD, None is not known."""
    return {
        "a": case.case_id,
        "b": other.case_id,
        "same_ticket": case.ticket == other.ticket,
        "part": part(case, other),
        "figures": figures(case, other),
        "route": route(case, other),
        "steps": steps(case, other),
        "passages": passages(case, other),
        "sentences": said(case, other),
        "claims": claims(case, other),
        "cost_usd": {"a": case.cost_usd, "b": other.cost_usd},
        "seconds": {"a": case.seconds, "b": other.seconds},
    }


def part(case: Case, other: Case) -> dict[str, Any] | None:
    """The first step at which they do not do the same, and in what; None when they never part.

    What a step cost and how long it took is no parting.
    """
    for row in steps(case, other):
        what = [name for name in row["differs"].split(", ") if name not in (SAME, *TOOK)]
        if what:
            return {"step": int(row["step"]), "what": what, "a": row["A"], "b": row["B"]}
    return None


def route(case: Case, other: Case) -> list[dict[str, str]]:
    """The router's decisions, a row each, and its reasons."""
    rows = []
    for name in ("intent", "complexity", "stakes", "tier", "approval", "questions", "reasons"):
        a, b = (_routed(run, name) for run in (case, other))
        if a or b:
            rows.append({"what": name, "differs": SAME if a == b else "differs", "A": a, "B": b})
    return rows


def _routed(run: Case, name: str) -> str:
    if run.route is None:
        return ""
    if name == "questions":
        return display.visible("\n".join(question.text for question in run.route.questions))
    value = getattr(run.route, name)
    return display.visible("\n".join(value) if isinstance(value, list) else str(value))


def passages(case: Case, other: Case) -> list[dict[str, Any]]:
    """The passages that the writers had: in both, in A or in B alone, and who cites them."""
    mine, theirs = ({p.chunk_id: p for p in run.passages} for run in (case, other))
    cited = [{citation.n for citation in run.citations} for run in (case, other)]
    found = []
    for id_ in dict.fromkeys([*mine, *theirs]):
        a, b = mine.get(id_), theirs.get(id_)
        one = a or b
        assert one is not None  # noqa: S101
        found.append(
            {
                "chunk_id": id_,
                "doc_id": one.doc_id,
                "title": one.title,
                "locator": one.locator,
                "in": "both" if a and b else "A" if a else "B",
                "same_text": bool(a and b and a.text == b.text),
                "cited_in": [name for name, p, ns in (("A", a, cited[0]), ("B", b, cited[1])) if p and p.n in ns],
            }
        )
    order = {"both": 1, "A": 0, "B": 0}
    return sorted(found, key=lambda row: order[str(row["in"])])


def said(case: Case, other: Case) -> list[dict[str, str]]:
    """The sentences of both answers in order, each same, changed, only in A ("removed") or only in B ("added")."""
    a, b = (_sentences(run) for run in (case, other))
    mine, theirs = ([" ".join(text.split()).casefold() for text in side] for side in (a, b))
    found: list[dict[str, str]] = []
    for kind, i, j, k, m in difflib.SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes():
        if kind == "equal":
            found += [_sentence("same", text, text) for text in a[i:j]]
        else:
            found += _changed(a[i:j], b[k:m])
    return found


def _sentences(run: Case) -> list[str]:
    body = _MARK.sub("", display.visible(answering.body(run.answer)))
    return [sentence.text for sentence in sentences(body)]


def _sentence(change: str, a: str, b: str) -> dict[str, str]:
    return {"change": change, "a": a, "b": b}


def _changed(a: list[str], b: list[str]) -> list[dict[str, str]]:
    """Those of one place: each of A with the most alike of B that is left, where half of their words are the same."""
    found, left = [], list(b)
    for mine in a:
        alike = [(_likeness(mine, theirs), theirs) for theirs in left]
        share, theirs = max(alike, key=lambda pair: pair[0], default=(0.0, ""))
        if share >= 0.5:
            before = left[: left.index(theirs)]
            found += [_sentence("added", "", text) for text in before]
            left = left[len(before) + 1 :]
            found.append(_sentence("changed", mine, theirs))
        else:
            found.append(_sentence("removed", mine, ""))
    return found + [_sentence("added", "", text) for text in left]


def _likeness(a: str, b: str) -> float:
    mine, theirs = a.casefold().split(), b.casefold().split()
    shared = sum(block.size for block in difflib.SequenceMatcher(None, mine, theirs).get_matching_blocks())
    return 2 * shared / max(1, len(mine) + len(theirs))


def words(a: str, b: str) -> list[tuple[str, str]]:
    """A changed sentence as pieces in order: words of both ("same"), of A alone ("removed"), of B alone ("added")."""
    mine, theirs = a.split(), b.split()
    found: list[tuple[str, str]] = []
    for kind, i, j, k, m in difflib.SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes():
        if kind == "equal":
            found.append(("same", " ".join(mine[i:j])))
            continue
        found += [(name, " ".join(part)) for name, part in (("removed", mine[i:j]), ("added", theirs[k:m])) if part]
    return found


def claims(case: Case, other: Case) -> list[dict[str, Any]]:
    """What was claimed and what the proof said of it, in A and in B; None where it was not claimed."""
    a, b = (
        {" ".join(str(claim["text"]).split()): claim for claim in answering.view(run)["claims"]}
        for run in (case, other)
    )
    found = []
    for text in dict.fromkeys([*a, *b]):
        mine, theirs = a.get(text), b.get(text)
        verdicts = [claim["verdict"] if claim else None for claim in (mine, theirs)]
        change = (
            SAME
            if verdicts[0] == verdicts[1]
            else "changed"
            if mine and theirs
            else "only in A"
            if mine
            else "only in B"
        )
        reasons = dict.fromkeys(str(claim["reason"]) for claim in (mine, theirs) if claim and claim["reason"])
        found.append({"text": text, "change": change, "A": verdicts[0], "B": verdicts[1], "reasons": list(reasons)})
    return found


def figures(case: Case, other: Case) -> list[dict[str, str]]:
    """A row a figure: its name, A, B, and what differs; of an amount, by how much B is more or less."""
    rows = [(label, a, b) for (label, a, *_), (_, b, *_) in zip(spans.figures(case), spans.figures(other), strict=True)]
    rows += [
        ("Written by", _writers(case), _writers(other)),
        ("Claims proven", _proven(case), _proven(other)),
        ("Sources", _sources(case), _sources(other)),
        ("Why", case.outcome_reason, other.outcome_reason),
    ]
    amounts = _amounts(case, other)
    return [
        {
            "figure": name,
            "differs": SAME if a == b else amounts.get(name) or "differs",
            "A": display.visible(a),
            "B": display.visible(b),
        }
        for name, a, b in rows
    ]


def _amounts(case: Case, other: Case) -> dict[str, str]:
    """By how much B differs, in words; nothing of what is unknown."""
    tokens = [run.tokens_in + run.tokens_out for run in (case, other)]
    found = {
        "Latency": _by(other.seconds - case.seconds, display.duration, "slower", "faster"),
        "Model calls": _by(other.model_calls - case.model_calls, str, "more", "fewer"),
        "Tokens": _by(tokens[1] - tokens[0], "{:,}".format, "more", "fewer"),
    }
    for name, a, b, more, less in (
        ("Cost of this run", case.cost_usd, other.cost_usd, "dearer", "cheaper"),
        ("All-frontier estimate", case.cost_all_frontier_usd, other.cost_all_frontier_usd, "higher", "lower"),
    ):
        if a is not None and b is not None:
            found[name] = _by(b - a, display.usd, more, less)
    return found


def _by(change: Any, written: Callable[[Any], str], more: str, less: str) -> str:
    return f"{written(abs(change))} {more if change > 0 else less} in B" if change else ""


def steps(case: Case, other: Case) -> list[dict[str, str]]:
    """A row a step, in order: what each run did there, and what differs between them."""
    a, b = ([row for row in spans.spans(run) if not row.parent] for run in (case, other))
    rows = []
    for n in range(max(len(a), len(b))):
        mine, theirs = (a[n] if n < len(a) else None), (b[n] if n < len(b) else None)
        rows.append({"step": str(n + 1), "differs": _differs(mine, theirs), "A": _step(mine), "B": _step(theirs)})
    return rows


def _step(row: spans.Span | None) -> str:
    if row is None:
        return "–"
    state = ", ".join(word for word, _ in row.badges)
    tier = row.handoff.tier if row.handoff else ""
    took = "" if row.seconds is None else display.duration(row.seconds)
    return " · ".join(part for part in (row.label, tier, state, took, display.usd(row.cost_usd)) if part)


def _differs(mine: spans.Span | None, theirs: spans.Span | None) -> str:
    if mine is None or theirs is None:
        return "only in B" if mine is None else "only in A"
    pairs = {
        "step": (mine.label, theirs.label),
        "tier": tuple(row.handoff.tier if row.handoff else "" for row in (mine, theirs)),
        "model": tuple(row.handoff.model if row.handoff else "" for row in (mine, theirs)),
        "outcome": (mine.badges, theirs.badges),
        "cost": (mine.cost_usd, theirs.cost_usd),
        _HANDED.get(_task(mine), "handoff"): (_handed(mine), _handed(theirs)),
        "latency": (False, _is_slow(mine.seconds, theirs.seconds)),
    }
    return ", ".join(name for name, (a, b) in pairs.items() if a != b) or SAME


_HANDED = {"route": "route", "retrieve": "passages", "write": "draft", "verify": "claims"}
"""What a step hands on."""


def _task(row: spans.Span) -> str:
    return row.handoff.task if row.handoff else ""


def _handed(row: spans.Span) -> object:
    """What a step has handed on, as far as two runs that do the same have it in common."""
    sent = row.handoff.payload.get("sent") if row.handoff else None
    if isinstance(sent, list):
        return [item.get("chunk_id") for item in sent if isinstance(item, dict)]
    if not isinstance(sent, dict):
        return sent
    if _task(row) == "route":
        return [sent.get(name) for name in ("intent", "complexity", "stakes", "tier")], _texts(sent, "questions")
    if _task(row) == "write":
        return _texts(sent, "sentences"), sent.get("ask")
    if _task(row) == "verify":
        return [(claim.get("text"), claim.get("supported")) for claim in _items(sent, "claims")]
    return None


def _texts(sent: dict[str, Any], name: str) -> list[object]:
    return [item.get("text") for item in _items(sent, name)]


def _items(sent: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = sent.get(name)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _is_slow(a: float | None, b: float | None) -> bool:
    """Whether two times are further apart than two runs of the same are: by more than half, and a tenth of a second."""
    return a is not None and b is not None and abs(a - b) > max(0.1, min(a, b) / 2)


def _writers(case: Case) -> str:
    return " → ".join(h.tier for h in case.handoffs if h.task == "write")


def _proven(case: Case) -> str:
    return f"{sum(claim.supported for claim in case.claims)} of {len(case.claims)}" if case.claims else "none checked"


def _sources(case: Case) -> str:
    return ", ".join(dict.fromkeys(citation.doc_id for citation in case.citations))


def answer_lines(case: Case, other: Case) -> list[str]:
    """The answers' differing lines with what stands around them, "-" of A and "+" of B; none when they are equal."""
    a, b = (display.visible(answering.body(run.answer)).splitlines() for run in (case, other))
    return [line for line in difflib.unified_diff(a, b, "A", "B", lineterm="", n=2) if not line.startswith("@@")]
