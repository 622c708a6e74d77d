"""What commands share: the desk, JSON on standard output, options."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from errors import UsageError
from opsdesk.desk import Desk
from opsdesk.redaction import hide
from opsdesk.settings import read_settings
from opsdesk.tiers import secrets_of

Json = Annotated[bool, typer.Option("--json", help="Print exactly one JSON value and nothing else on stdout.")]

MOST_USD = 1_000_000
"""The largest budget that an option takes: beyond it nobody means a limit."""

INTERRUPTED = 130
"""The exit code after Ctrl-C."""


def open_desk(*, tell: bool = True, **changes: object) -> Desk:
    """The desk as it is set, but for `changes`; from here on its secrets are kept out of what is printed.

    `tell`: whether variables that begin as ours do and set nothing are named, on standard error.
    """
    unknown: list[str] = []
    settings = read_settings(unknown.extend).model_copy(update=changes)
    hide(secrets_of(settings))
    if tell and unknown:
        typer.echo(f"opsdesk: no setting, and passed over: {', '.join(unknown)} (see docs/settings.md)", err=True)
    return Desk(settings)


def day(since: str) -> datetime | None:
    """The beginning, in UTC, of the day that `--since` names as YYYY-MM-DD; None where it names none."""
    try:
        return datetime.strptime(since, "%Y-%m-%d").replace(tzinfo=UTC) if since else None
    except ValueError:
        raise UsageError(f'--since: "{since}" is no day; write it as YYYY-MM-DD, such as 2026-11-01') from None


def print_json(value: Any) -> None:
    """One JSON value, as one line."""
    typer.echo(json.dumps(value, ensure_ascii=False))
