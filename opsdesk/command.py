"""What commands share: the desk, JSON on standard output, options."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from opsdesk.desk import Desk
from opsdesk.redaction import hide
from opsdesk.settings import read_settings
from opsdesk.tiers import secrets_of

Json = Annotated[bool, typer.Option("--json", help="Print exactly one JSON value and nothing else on stdout.")]

MOST_USD = 1_000_000
"""The largest budget that an option takes: beyond it nobody means a limit."""

INTERRUPTED = 130
"""The exit code after Ctrl-C."""


def open_desk(**changes: object) -> Desk:
    """The desk as it is set, but for `changes`; from here on its secrets are kept out of what is printed."""
    settings = read_settings().model_copy(update=changes)
    hide(secrets_of(settings))
    return Desk(settings)


def print_json(value: Any) -> None:
    """One JSON value, as one line."""
    typer.echo(json.dumps(value, ensure_ascii=False))
