"""What the simulator billed: counted on its side, in whole nano-dollars, whatever it tells its clients."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(slots=True)
class Entry:
    """One request. `told` is whether its usage was reported truthfully."""

    model: str
    status: int
    fault: str
    tokens_in: int = 0
    tokens_cached: int = 0
    tokens_out: int = 0
    nano: int = 0
    told: bool = False


@dataclass(slots=True)
class Books:
    """All requests so far. Safe to share between threads."""

    entries: list[Entry] = field(default_factory=list)
    redirected: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, entry: Entry) -> None:
        with self._lock:
            self.entries.append(entry)

    def count(self) -> dict[str, Any]:
        """By model: requests by status, answered ones, tokens and nano-dollars billed, and of these those told."""
        with self._lock:
            entries = list(self.entries)
        return {
            "requests": len(entries),
            "billed_nano": sum(e.nano for e in entries),
            "told_nano": sum(e.nano for e in entries if e.told),
            "redirected": self.redirected,
            "models": {
                model: {
                    "statuses": dict(Counter(str(e.status) for e in entries if e.model == model)),
                    "faults": dict(Counter(e.fault for e in entries if e.model == model and e.fault)),
                    "answered": sum(e.model == model and e.tokens_in > 0 for e in entries),
                    "tokens_in": sum(e.tokens_in for e in entries if e.model == model),
                    "tokens_cached": sum(e.tokens_cached for e in entries if e.model == model),
                    "tokens_out": sum(e.tokens_out for e in entries if e.model == model),
                    "billed_nano": sum(e.nano for e in entries if e.model == model),
                }
                for model in sorted({e.model for e in entries})
            },
        }

    def rows(self) -> list[dict[str, Any]]:
        """Every request, in order."""
        with self._lock:
            return [asdict(entry) for entry in self.entries]
