"""The task list of one case that is written down once, when it has ended.

For cases whose steps are durable elsewhere: nothing is lost when the process dies, and what is written is written
whole, or not at all when somebody else has the case by then.
"""

from __future__ import annotations

from tasks.case import Case, Handoff, StepName
from tasks.task_list import Also, TaskList


class Sheet:
    """Keeps one case's steps in memory. `also` and `fresh` are as for `TaskList.write`."""

    def __init__(self, task_list: TaskList, also: Also, *, fresh: bool = False) -> None:
        self._task_list, self._also, self._fresh = task_list, also, fresh

    def open_case(self, case: Case) -> None:
        """Nothing is written yet."""

    def start(self, case: Case, name: StepName) -> None:
        """Marks a task as being done by this process, and counts the attempt."""
        task = case.task(name)
        task.status, task.owner, task.attempts = "doing", self._task_list.owner, task.attempts + 1

    def record(self, case: Case, handoff: Handoff) -> None:
        """Appends a handoff to the case and closes its task with the handoff's status."""
        case.task(handoff.task).status = handoff.status
        case.handoffs.append(handoff)

    def close(self, case: Case) -> None:
        """Writes the case, its tasks, handoffs and facts, and what else belongs to it, as one transaction."""
        for task in case.tasks:
            if task.status in ("todo", "doing"):
                task.status = "skipped" if task.status == "todo" else "failed"
        self._task_list.write(case, self._also, fresh=self._fresh)
