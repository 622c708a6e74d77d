"""Every error that Opsdesk raises on purpose, in one tree.

    OpsdeskError                 exit code 1: the work failed
    ├── UsageError               2: what was asked for makes no sense as it stands
    │   └── NoKnowledgeBase      2: there is no knowledge base of that name yet
    ├── DamagedFile              1: an index, docstore or model file is missing or altered
    ├── StoreError               1: the database or the disk does not let us write or read
    │   └── NewerDatabase        1: the database was written by a later Opsdesk
    ├── ModelError               1: a model failed
    │   ├── EndpointError        1: its server did not answer as it must
    │   ├── UnreadableAnswer     1: its answer did not have the shape that was asked for
    │   └── CallInDoubt          1: a call was on its way when its worker ended, and is not to be repeated
    ├── Postponed                1: it has to wait for an endpoint, for money or for a valid key
    ├── LimitReached             3: a budget or a deadline stopped the work; what was done is kept
    │   └── BudgetReached        3: the next call may cost more than is left
    └── Stopped                130: a person stopped the work; what was done is kept

A message is one line, written for the person who reads it, and ends with what to do next.
This file stands below every package, since both `tasks` and `knowledge_base` raise from it and
neither may know the other.
"""

from __future__ import annotations

from typing import Literal


class OpsdeskError(Exception):
    """The work failed; the message says why and what to do next."""

    exit_code = 1


class UsageError(OpsdeskError):
    """The request itself cannot be carried out as it stands."""

    exit_code = 2


class NoKnowledgeBase(UsageError):
    """No knowledge base of that name exists; the message names the command that makes one."""


class DamagedFile(OpsdeskError):
    """A file that we wrote or shipped is missing, cut short or altered; it is named."""


class StoreError(OpsdeskError):
    """The database or disk is full, read-only, locked or gone."""


class NewerDatabase(StoreError):
    """The database was migrated by a later version of Opsdesk and is left untouched."""


class ModelError(OpsdeskError):
    """A model failed: it did not answer, or not as it must."""


class EndpointError(ModelError):
    """A model's server did not answer as it must. `fault` names how; `elsewhere`: may another tier be asked instead?"""

    def __init__(self, message: str, fault: str, *, elsewhere: bool = True) -> None:
        super().__init__(message)
        self.fault, self.elsewhere = fault, elsewhere


class UnreadableAnswer(ModelError):
    """A model answered in a shape that its task's contract does not allow."""


class CallInDoubt(ModelError):
    """A call may have been made by a worker that has ended, and is not to be repeated."""


class Postponed(OpsdeskError):
    """The work has to wait, for an endpoint that is out of order, for money, or for settings that a person has to mend:
    nothing of it is given up."""

    def __init__(self, message: str, waits_for: Literal["endpoint", "budget", "settings"] = "endpoint") -> None:
        super().__init__(message)
        self.waits_for: Literal["endpoint", "budget", "settings"] = waits_for


class LimitReached(OpsdeskError):
    """A budget or a deadline stopped the work, as `limit` says; what was done until then is kept."""

    exit_code = 3

    def __init__(self, message: str, limit: Literal["budget", "deadline"] = "budget") -> None:
        super().__init__(message)
        self.limit: Literal["budget", "deadline"] = limit


class BudgetReached(LimitReached):
    """The next call may cost more than `scope` has left; nothing was sent."""

    def __init__(self, message: str, scope: str) -> None:
        super().__init__(message, "budget")
        self.scope = scope


class Stopped(OpsdeskError):
    """A person stopped the work; what was done until then is kept."""

    exit_code = 130
