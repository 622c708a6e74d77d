"""What the simulator billed: counted on its side, in whole nano-dollars, whatever it tells its clients."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.simulator.reply import Usage


@dataclass(slots=True)
class Entry:
    """One request. `status` is 0 where none was sent; `told` is whether its usage was sent, whole and true."""

    model: str
    status: int
    fault: str
    tokens_in: int = 0
    tokens_cached: int = 0
    tokens_out: int = 0
    nano: int = 0
    told: bool = False
    id: str = ""


def billed(
    number: int, model: str, fault: str, usage: Usage, price: tuple[int, int, int], *, status: int, told: bool
) -> Entry:
    """The entry of a request that a model answered, or was cut off while answering."""
    fresh, kept, out = price
    nano = (usage.read - usage.cached) * fresh + usage.cached * kept + usage.written * out
    return Entry(
        model, status, fault, usage.read, usage.cached, usage.written, nano, told=told, id=f"chatcmpl-{number}"
    )


@dataclass(slots=True)
class Books:
    """All requests so far. Safe to share between threads."""

    entries: list[Entry] = field(default_factory=list)
    redirected: int = 0
    """Requests to where a redirect led."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, entry: Entry) -> None:
        with self._lock:
            self.entries.append(entry)

    def followed(self) -> None:
        """A client followed a redirect."""
        with self._lock:
            self.redirected += 1

    def clear(self) -> None:
        with self._lock:
            self.entries, self.redirected = [], 0

    def count(self) -> dict[str, Any]:
        """By model: requests by status, answered ones, tokens and nano-dollars billed, and of these those told."""
        with self._lock:
            entries = list(self.entries)
        by_model: dict[str, list[Entry]] = {}
        for entry in entries:
            by_model.setdefault(entry.model, []).append(entry)
        return {
            "requests": len(entries),
            "billed_nano": sum(e.nano for e in entries),
            "told_nano": sum(e.nano for e in entries if e.told),
            "redirected": self.redirected,
            "models": {model: _totals(by_model[model]) for model in sorted(by_model)},
        }

    def rows(self) -> list[dict[str, Any]]:
        """Every request, in order."""
        with self._lock:
            return [asdict(entry) for entry in self.entries]


def _totals(entries: list[Entry]) -> dict[str, Any]:
    return {
        "statuses": dict(Counter(str(e.status) for e in entries)),
        "faults": dict(Counter(e.fault for e in entries if e.fault)),
        "answered": sum(e.tokens_in > 0 for e in entries),
        "tokens_in": sum(e.tokens_in for e in entries),
        "tokens_cached": sum(e.tokens_cached for e in entries),
        "tokens_out": sum(e.tokens_out for e in entries),
        "billed_nano": sum(e.nano for e in entries),
        "told_nano": sum(e.nano for e in entries if e.told),
    }
