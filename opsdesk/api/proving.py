"""Answers of any system held against passages for whoever calls: on threads of their own, and not for ever."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from errors import UsageError
from opsdesk.show import proof_json

if TYPE_CHECKING:
    from knowledge_base.proof import Evidence

SECONDS = 5.0
"""Of computing, for one proof: the work grows with the answer times the passages."""

AT_ONCE = 2
"""Proofs: Python computes one at a time, and more would only be in the way of all other calls."""


class Prover:
    """One a server. Safe to share between tasks of its event loop."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(AT_ONCE, "prover")

    async def proof(self, answer: str, passages: Sequence[Evidence], question: str) -> dict[str, Any]:
        """The proof of an answer, as `proof_json` has it. Raises `UsageError` where it would take too long."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._proved, answer, passages, question)

    def _proved(self, answer: str, passages: Sequence[Evidence], question: str) -> dict[str, Any]:
        from knowledge_base.proof import prove

        return proof_json(prove(answer, passages, question, checkpoint=_within(self._seconds)))


def _within(seconds: float) -> Callable[[], None]:
    """What raises `UsageError` once this thread has computed for so long; waiting for others does not count."""
    end = time.thread_time() + seconds

    def checkpoint() -> None:
        if time.thread_time() > end:
            raise UsageError(
                f"that is too much to check at once: it takes more than {seconds:g} s of computing; send the answer in "
                "parts, or fewer passages"
            )

    return checkpoint
