"""Checking the answers of any system: a file of answers and passages -> a proof each, in order, on every core."""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import chain, islice
from typing import Any, NamedTuple

from errors import UsageError
from knowledge_base.proof import Evidence, Proof, prove

_BATCH = 32
_ALONE = 4 * _BATCH
"""Fewer answers than this are checked sooner than other processes have started."""
_MOST_PROCESSES = 8


class Job(NamedTuple):
    """One answer to check. `id` is whatever the file has, and comes back as it is."""

    id: Any
    answer: str
    passages: tuple[Evidence, ...]
    question: str


def checked(lines: Iterable[tuple[str, dict[str, Any]]]) -> Iterator[tuple[Any, Proof]]:
    """The id and the proof of each line, in order; `lines` are (where it stands, the object).

    Raises `UsageError` for a line that is not of the contract, after the proofs of those before it.
    """
    jobs = _Jobs(lines)
    first = list(islice(jobs, _ALONE))
    processes = min(os.cpu_count() or 1, _MOST_PROCESSES)
    if len(first) < _ALONE or processes == 1:
        yield from map(_proved, chain(first, jobs))
    else:
        yield from _in_processes(chain(first, jobs), processes)
    if jobs.error:
        raise jobs.error


class _Jobs(Iterator[Job]):
    """The jobs of a file up to its first bad line, which is kept as `error`."""

    def __init__(self, lines: Iterable[tuple[str, dict[str, Any]]]) -> None:
        self._lines = iter(lines)
        self.error: UsageError | None = None

    def __next__(self) -> Job:
        if self.error:
            raise StopIteration
        try:
            return _job(*next(self._lines))
        except UsageError as error:
            self.error = error
            raise StopIteration from None


def _job(where: str, line: dict[str, Any]) -> Job:
    try:
        passages = tuple(Evidence(str(p["id"]), _text(p["text"]), str(p.get("title") or "")) for p in line["passages"])
    except (TypeError, KeyError, AttributeError) as error:
        raise UsageError(f'{where}: "passages" is not a list of {{"id", "text"}}; mend that line') from error
    if not isinstance(line["answer"], str):
        raise UsageError(f'{where}: "answer" is not a text; mend that line')
    return Job(line["id"], line["answer"], passages, str(line.get("question") or ""))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _in_processes(jobs: Iterator[Job], processes: int) -> Iterator[tuple[Any, Proof]]:
    waiting: deque[Future[list[tuple[Any, Proof]]]] = deque()  # few, so that a file of any length fits
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _sweep_seldom) as pool:
        try:
            while batch := list(islice(jobs, _BATCH)):
                waiting.append(pool.submit(_all_proved, batch))
                if len(waiting) > 2 * processes:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        except BaseException:  # Ctrl-C, or a reader that stops early: what waits is not begun
            pool.shutdown(cancel_futures=True)
            raise


def _sweep_seldom() -> None:
    """A proof makes many small objects and no cycles: looking for cycles as often as Python does costs a tenth."""
    gc.set_threshold(100_000, 50, 50)


def _all_proved(jobs: list[Job]) -> list[tuple[Any, Proof]]:
    return [_proved(job) for job in jobs]


def _proved(job: Job) -> tuple[Any, Proof]:
    return job.id, prove(job.answer, job.passages, job.question)
