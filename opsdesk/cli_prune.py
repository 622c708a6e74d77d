"""`opsdesk prune`: deletes what is older than the settings keep."""

from __future__ import annotations

from typing import Annotated

import typer

from errors import UsageError
from opsdesk.command import Json, open_desk, print_json


def register(app: typer.Typer) -> None:
    """Adds `prune` to the command line."""
    app.command()(prune)


def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and delete nothing.")] = False,
    vacuum: Annotated[
        bool, typer.Option("--vacuum", help="Then make an SQLite file smaller: takes as much free space again.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Delete cases, conversations and reviewed batches that are older than OPSDESK_KEEP_DAYS, or beyond the newest
    OPSDESK_KEEP_CASES, with all their texts. Costs and reliability stay what they were.

    Never deleted: open cases, batches that run or are paused, and batches in which a draft waits for a person. What
    agents noted of a batch's ticket from step to step goes an hour after its end. A worker does the same once an hour.
    It is done in small steps, so others go on meanwhile. SQLite uses freed pages again, and its file stays as large as
    it was; with --vacuum it is written anew, and nobody else can write until that is done.

    JSON: {"cutoff", "dry_run", "cases", "drafts", "batches", "requests", "conversations", "webhooks"}; cutoff is
    null where nothing is old enough. Example: OPSDESK_KEEP_DAYS=90 opsdesk prune --dry-run
    """
    from opsdesk import show
    from tasks.retention import Pruned, Retention, Rule

    if dry_run and vacuum:
        raise UsageError("--dry-run changes nothing; leave out --vacuum, or --dry-run")
    desk = open_desk()
    rule = Rule(desk.settings.keep_days, desk.settings.keep_cases)
    if rule == Rule() and not vacuum:
        raise UsageError("everything is kept; say what is not: OPSDESK_KEEP_DAYS=90, or OPSDESK_KEEP_CASES=100000")
    retention = Retention(desk.task_list.database, desk.now)
    cutoff, gone = retention.cutoff(rule), Pruned()
    if cutoff and dry_run:
        gone = retention.count(cutoff)
    elif cutoff:
        for some in retention.prune(cutoff):
            gone = gone.plus(some)
    if not dry_run:
        from opsdesk.durable import forget_ended

        for _ in forget_ended(desk.task_list.database, desk.now()):
            pass
    if vacuum:
        retention.vacuum()
    if as_json:
        print_json({"cutoff": cutoff, "dry_run": dry_run, **gone._asdict()})
        return
    parts = [f"{count:,} {name}" for name, count in gone._asdict().items() if count]
    verb = "would be pruned" if dry_run else "pruned"
    since = f" (from before {cutoff[:16]} UTC)" if cutoff else ""
    show.console.print(f"{', '.join(parts) or 'nothing'} {verb}{since}")
