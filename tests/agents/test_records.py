"""What a step wrote goes through its record unchanged, the error that it ended with included."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from agents.records import Wrote, kept_of, wrote_of
from errors import BudgetReached, CallInDoubt, EndpointError, LimitReached, OpsdeskError, Stopped, UnreadableAnswer
from tasks.usage import Usage

ERRORS = [
    None,
    BudgetReached("too small", "batch:b"),
    CallInDoubt("in doubt"),
    EndpointError("it failed", "timeout", elsewhere=False),
    LimitReached("too late", "deadline"),
    Stopped("stopped"),
    UnreadableAnswer("no draft"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_record_gives_back_what_was_written(error: OpsdeskError | None) -> None:
    usage = None if error else Usage(9, 3, model_calls=1)
    wrote = Wrote("a text", error, "cheap", usage, 12, datetime(2026, 11, 26, tzinfo=UTC), 0.5)
    found = wrote_of(json.loads(json.dumps(kept_of(wrote, 1.0, {"a"}))))
    assert found._replace(error=None) == wrote._replace(error=None)
    assert type(found.error) is type(error)
    assert error is None or (str(found.error), vars(found.error)) == (str(error), vars(error))
