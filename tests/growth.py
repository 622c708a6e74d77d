"""How work grows with its input, in processor time: what else runs on the machine does not count."""

from __future__ import annotations

import time
from collections.abc import Callable

TIMES = 4
"""So much longer is the longer input."""

_NOISE = 0.03
"""Seconds below which a figure says nothing."""


def is_linear(work: Callable[[int], object], length: int) -> bool:
    """Whether `work` grows with the length of its input, given up to `length`, rather than with its square."""
    return _seconds(work, length) < TIMES * TIMES / 2 * max(_seconds(work, length // TIMES), _NOISE)


def _seconds(work: Callable[[int], object], length: int) -> float:
    began = time.thread_time()
    work(length)
    return time.thread_time() - began
