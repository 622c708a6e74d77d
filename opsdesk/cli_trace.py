"""`opsdesk trace`: a kept case, or two of them side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from errors import UsageError
from opsdesk.command import Json, open_desk, print_json

if TYPE_CHECKING:
    from opsdesk.desk import Desk


def register(app: typer.Typer) -> None:
    """Adds `trace` to the command line."""
    app.command()(trace)


def trace(
    case_id: Annotated[str, typer.Argument(help="The case's id, as printed by ask and demo.")],
    other: Annotated[str, typer.Argument(help="A second case, to see where the two part.")] = "",
    as_json: Json = False,
    html: Annotated[Path | None, typer.Option("--html", help="Write it as one web page that needs no network.")] = None,
) -> None:
    """Show a kept case: its answer, its tasks, every handoff and what it cost; or how two cases differ.

    The page of one case is gone through step by step, by a slider or the arrow keys.
    Example: opsdesk trace c-0123456789ab --html run.html
    Example: opsdesk trace c-0123456789ab c-ba9876543210 --html diff.html
    """
    from opsdesk import show

    desk = open_desk()
    if other:
        _two(desk, case_id, other, html, as_json=as_json)
        return
    kept = desk.case(case_id)
    stale = desk.stale(kept)
    if html:
        from opsdesk.export import page_html

        _write(desk, html, page_html(kept, stale))
    if as_json:
        print_json(show.case_json(kept, stale))
    elif html:
        show.notes.print(f"wrote {html}")
    else:
        show.trace(kept, stale)


def _two(desk: Desk, case_id: str, other: str, html: Path | None, *, as_json: bool) -> None:
    """How two cases differ."""
    from opsdesk import diff, show

    a, b = desk.case(case_id), desk.case(other)
    if case_id == other:
        raise UsageError("both are the same case; give the id of another")
    if html:
        from opsdesk.export_diff import diff_html

        _write(desk, html, diff_html(a, b))
    if as_json:
        print_json(diff.diff(a, b))
    elif html:
        show.notes.print(f"wrote {html}")
    else:
        show.differences(diff.diff(a, b))


def _write(desk: Desk, file: Path, page: str) -> None:
    from opsdesk.redaction import redacted
    from opsdesk.tiers import secrets_of

    file.write_text(redacted(page, secrets_of(desk.settings)), encoding="utf-8")
