"""What a step's model wrote, and the same as JSON: the record by which a durable case goes on after a crash."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple

import errors
from agents.faults import FAULTS
from errors import EndpointError, OpsdeskError
from tasks.case import Tier
from tasks.usage import Usage


class Wrote(NamedTuple):
    """What came of a step's call: its text, or the error that it ended with.

    `usage` is None when a model failed without telling it; `paid` are nano-dollars. `hidden` is what the placeholders
    that it was sent stand for; None for a tier that is sent everything as it is.
    """

    text: str
    error: OpsdeskError | None
    tier: Tier
    usage: Usage | None
    paid: int
    started_at: datetime
    seconds: float
    hidden: dict[str, str] | None = None


def is_outage(made: object) -> bool:
    """Whether it is an error that an endpoint is out of order for now."""
    fault = FAULTS.get(made.fault) if isinstance(made, EndpointError) else None  # a record may hold another version's
    return fault is not None and fault.passes


def kept_of(wrote: Wrote, elapsed: float, calls: Collection[str]) -> dict[str, Any]:
    """A record of what was written; `elapsed` are the seconds of the case until then, `calls` those that were paid."""
    error = wrote.error
    told = error and {"kind": type(error).__name__, "says": str(error), **vars(error)}
    return {
        **wrote._asdict(),
        **{"error": told, "usage": wrote.usage and asdict(wrote.usage), "started_at": wrote.started_at.isoformat()},
        **{"elapsed": elapsed, "calls": sorted(calls)},
    }


def wrote_of(kept: dict[str, Any]) -> Wrote:
    """What a record says."""
    values = {name: kept[name] for name in Wrote._fields if name in kept}  # one of before may have fewer
    return Wrote(**values)._replace(
        error=_error(dict(kept["error"])) if kept["error"] else None,
        usage=Usage(**kept["usage"]) if kept["usage"] else None,
        started_at=datetime.fromisoformat(kept["started_at"]),
    )


def _error(told: dict[str, Any]) -> OpsdeskError:
    """The error that was recorded; as a plain one where this version knows no such kind."""
    says, kind = told.pop("says"), getattr(errors, told.pop("kind"), OpsdeskError)
    found: OpsdeskError = kind.__new__(kind, says)
    vars(found).update(told)
    return found
