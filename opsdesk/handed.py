"""What one agent handed to the next, as text that people read. Pure: whole values are in the raw view.

Nothing is left out but what is empty: a part that has no form of its own here is written as it is kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from tasks.case import Passage

INDENT = "  "
_CLAIMS = ("claims", "rejected", "struck")


def told(payload: object, passages: Sequence[Passage]) -> str:
    """A payload as lines; "" when nothing was handed on. `passages` are the case's, for titles and numbers."""
    known = {passage.chunk_id: passage for passage in passages}
    if isinstance(payload, list):
        return "\n".join(_part("passages" if _is_passages(payload) else "items", payload, known))
    if isinstance(payload, dict):
        return "\n".join(line for name, value in payload.items() for line in _part(name, value, known))
    return "" if payload is None else str(payload)


def _is_passages(items: list[object]) -> bool:
    return all(isinstance(item, dict) and "chunk_id" in item for item in items)


def _part(name: str, value: object, known: Mapping[str, Passage]) -> list[str]:
    """One named value: on a line where it is short, else below its name."""
    if value in ("", None) or value == [] or value == {}:
        return []
    if isinstance(value, dict):
        return _below(name, [line for key, inner in value.items() for line in _part(key, inner, known)])
    if isinstance(value, list):
        if not all(isinstance(item, dict) for item in value):
            return _below(name, [_plain(item) for item in value])
        items = [line for n, item in enumerate(value, start=1) for line in _item(name, n, item, known)]
        return _below(f"{name} ({len(value)})", items)
    text = _plain(value)
    return _below(name, text.splitlines()) if "\n" in text else [f"{name}: {text}"]


def _below(name: str, lines: Sequence[str]) -> list[str]:
    return [name, *(INDENT + line for line in lines)]


def _plain(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.4g}"
        case str():
            return value
    return json.dumps(value, ensure_ascii=False)


def _item(name: str, n: int, item: dict[str, object], known: Mapping[str, Passage]) -> list[str]:
    """A question, sentence, claim or passage among several."""
    text = " ".join(str(item.get("text", "")).split())
    if name == "passages" and "chunk_id" in item:
        return [_passage(item, known)]
    if name == "questions" and text:
        context = " ".join(str(item.get("context", "")).split())
        return [f"{n}. {text}", *([f"   asked after: {context}"] if context else [])]
    if name == "sentences" and text:
        quotes = item.get("quotes")
        numbers = [quote.get("n") for quote in quotes if isinstance(quote, dict)] if isinstance(quotes, list) else []
        return [f"{n}. {text}{_marks(numbers)}"]
    if name in _CLAIMS and text:
        word = {True: "proven", False: "not proven", None: "in doubt"}[_flag(item.get("supported"))]
        reason = str(item.get("reason", ""))
        return [f"{word}: {text}{_marks(item.get('citations'))}", *([f"   {reason}"] if reason else [])]
    return [json.dumps(item, ensure_ascii=False)]


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _marks(numbers: object) -> str:
    found = dict.fromkeys(numbers) if isinstance(numbers, list) else {}
    return " " + "".join(f"[{n}]" for n in found) if found else ""


def _passage(item: Mapping[str, object], known: Mapping[str, Passage]) -> str:
    passage = known.get(str(item["chunk_id"]))
    score = item.get("score")
    parts = [f"[{passage.n}] {passage.title}", passage.locator] if passage else [str(item["chunk_id"])]
    return " · ".join([*parts, *([f"{score:.2f}"] if isinstance(score, float) else [])])
