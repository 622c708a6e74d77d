"""The crew: four agents around one task list, and what becomes of a case that an error ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from agents import without_panels
from agents.here import run_here
from agents.models import Tiers
from agents.order import BALANCED, CaseFlow, Dial
from agents.reply import PLAIN, Manner
from agents.roles import Agents
from agents.steps import Books, Limits, Listener, Steps, Watcher
from errors import LimitReached, OpsdeskError, Postponed, Stopped, StoreError
from tasks.budget import Budget
from tasks.case import Case
from tasks.ledger import Ledger
from tasks.task_list import TaskList

__all__ = ["Crew", "Dial"]


class Crew:
    """Four agents around one task list. Safe to call from many threads: each has agents of its own."""

    def __init__(
        self,
        tiers: Tiers,
        task_list: TaskList,
        ledger: Ledger,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        manner: Manner = PLAIN,
        dial: Dial = BALANCED,
        budget: Budget | None = None,
    ) -> None:
        self._tiers, self._manner, self._dial = tiers, manner, dial
        budget = budget or Budget(task_list.database, task_list.owner, now)
        self._books = Books(task_list, ledger, budget, now)
        self._of_thread = threading.local()
        without_panels()

    def work(self, case: Case, limits: Limits, watch: Watcher | None = None, hear: Listener | None = None) -> Case:
        """Takes a case from its ticket to an outcome; every step is kept as it ends.

        A case that was begun before, and whose process has ended, is gone through anew: its handoffs stay, and count.
        What goes wrong in a step ends the case as `failed`, a limit as `needs_human`, each with its
        reason; so do Ctrl-C and `limits.stopped`, which `stopped_by` then tells. Raises `StoreError` when the task list
        cannot be written. A durable case is left unfinished instead when it is stopped, or has to wait: `Stopped` and
        `Postponed` are raised.
        """
        if not hasattr(self._of_thread, "agents"):
            self._of_thread.agents = Agents(self._tiers)
        journal = limits.journal
        books = replace(self._books, task_list=journal.sheet) if journal else self._books
        steps = Steps(case, self._of_thread.agents, books, limits, watch, hear)
        books.task_list.open_case(case)
        try:
            run_here(CaseFlow(steps, self._tiers, self._manner, self._dial))
        except (StoreError, Postponed, Stopped, KeyboardInterrupt) as error:
            if journal:
                raise  # it is gone on with later, from its records
            _end(case, error)
            if isinstance(error, StoreError):
                raise
        except OpsdeskError as error:
            _end(case, error)
        finally:
            if case.outcome or not journal:
                steps.book_unused()
                case.outcome = case.outcome or "failed"
                case.seconds = steps.elapsed
                books.task_list.close(case)
        return case


def _end(case: Case, error: BaseException) -> None:
    """What becomes of a case that an error has ended."""
    limit = error.limit if isinstance(error, LimitReached) else None
    case.outcome = "needs_human" if limit else "failed"
    case.outcome_reason = str(error) if isinstance(error, OpsdeskError) else "interrupted"
    if limit or isinstance(error, Stopped | KeyboardInterrupt):
        case.stopped_by = limit or "interrupt"
