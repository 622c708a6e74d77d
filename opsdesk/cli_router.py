"""`opsdesk router` and `opsdesk feedback`: what the router has learned, and what people said of drafts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from opsdesk.command import Json, open_desk, print_json
from tasks.experience import Said

router = typer.Typer(
    no_args_is_help=True, help="What the router has learned about its tiers: show, learn, roll back, history."
)


def register(app: typer.Typer) -> None:
    """Adds `router` and `feedback` to the command line."""
    app.add_typer(router, name="router")
    app.command()(feedback)


@router.command()
def show(as_json: Json = False) -> None:
    """Show how likely a first draft of each tier is accepted, on how many drafts that rests, and who would write.

    "writes" is the tier that would write about it, were it one plain question with little at stake.
    Example: opsdesk router show
    """
    from opsdesk import learning, show_router

    desk = open_desk()
    experience, settings = desk.experience(), desk.settings
    offered = learning.offers(desk, experience)
    rated = learning.ratings(offered, experience)
    writes = learning.typical(offered, experience, settings.policy, settings.budget_usd, settings.deadline_s)
    if as_json:
        print_json(show_router.table_json(settings.policy, experience, offered, rated, writes))
    else:
        show_router.table(settings.policy, experience, offered, rated, writes)


@router.command()
def learn(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be learned.")] = False,
    as_json: Json = False,
) -> None:
    """Learn from the cases of the last half year, and from what people said of them.

    The new table is put in force only if it predicts cases that it was not learned from at least as well as the
    one before; why it is refused is told.
    Example: opsdesk router learn --dry-run
    """
    from opsdesk import learning, show_router
    from opsdesk.show import progress

    desk = open_desk()
    with progress("reading cases", "cases") as told:
        lesson = learning.learn_from_cases(
            desk.records, desk.experience(), datetime.now(UTC), keep=not dry_run, progress=told
        )
    if as_json:
        print_json(show_router.lesson_json(lesson, dry_run=dry_run))
    else:
        show_router.lesson(lesson)


@router.command()
def rollback(as_json: Json = False) -> None:
    """Put back in force the table that the present one has replaced; nothing is deleted.

    Example: opsdesk router rollback
    """
    from opsdesk import show_router

    desk = open_desk()
    was = desk.experience().version
    version = desk.records.roll_back()
    if as_json:
        print_json({"version": version, "was": was})
    else:
        show_router.rolled_back(version, was)


@router.command()
def history(as_json: Json = False) -> None:
    """List the versions of the table, the newest first.

    Example: opsdesk router history
    """
    from opsdesk import show_router

    versions = open_desk().records.history()
    if as_json:
        print_json([version._asdict() for version in versions])
    else:
        show_router.history(versions)


def feedback(
    case_id: Annotated[str, typer.Argument(help="The case's id, as printed by ask and demo.")],
    verdict: Annotated[Said, typer.Argument(help="What became of its draft; reopen: its asker came back.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, in your words; kept with the case.")] = "",
    by: Annotated[str, typer.Option("--by", help="Who says so.")] = "",
    as_json: Json = False,
) -> None:
    """Say what became of a case's draft; the router learns from it.

    The last word on a case counts, and stands above the proof's own.
    Example: opsdesk feedback c-0123456789ab reject --reason "that plan was renamed"
    """
    from opsdesk import learning, show_router

    desk = open_desk()
    learning.give_feedback(desk.records, case_id, verdict, reason, by, datetime.now(UTC))
    if as_json:
        print_json({"case_id": case_id, "feedback": [word._asdict() for word in desk.records.given(case_id)]})
    else:
        show_router.thanks(case_id, verdict)
