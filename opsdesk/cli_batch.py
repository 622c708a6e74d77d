"""`opsdesk draft` and `opsdesk batch`: a file of tickets -> a file of drafts, and what one does with batches."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer

from errors import LimitReached, OpsdeskError, UsageError
from opsdesk.command import INTERRUPTED, MOST_USD, Json, open_desk, print_json
from opsdesk.desk import Desk

if TYPE_CHECKING:  # these import slowly, and most commands make no batch
    from opsdesk.batch import Watch
    from opsdesk.ticket_files import Field
    from tasks.batches import Batch, Progress
    from tasks.drafts import Drafts

Out = Annotated[Path | None, typer.Option("--out", help="File of drafts: .jsonl, .csv or .zendesk.json.")]
Budget = Annotated[
    float | None, typer.Option("--budget", min=0, max=MOST_USD, help="The most that the batch may cost, in USD.")
]
Concurrency = Annotated[
    int | None, typer.Option("--concurrency", min=0, help="Tickets at once; 0 leaves them to workers elsewhere.")
]
Name = Annotated[str, typer.Argument(help="The batch's id, or how it begins; the newest when it is left out.")]

FIRST_SECONDS, NEXT_SECONDS = 10, 60
"""Until how far a batch is is told where no terminal shows it, and between two times."""

group = typer.Typer(no_args_is_help=True, help="Look at batches, pause, resume, cancel, retry and export them.")


def register(app: typer.Typer) -> None:
    """Adds `draft` and `batch` to the command line."""
    app.command()(draft)
    app.add_typer(group, name="batch")


def draft(
    tickets: Annotated[
        Path,
        typer.Argument(
            help="Tickets: .csv, .tsv, .jsonl, .json, .mbox or .eml, also as Zendesk and GitHub export them."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="File of drafts: .jsonl, .csv or .zendesk.json.")],
    kb: Annotated[str, typer.Option("--kb", help="Knowledge base; default: the only one, else the newest.")] = "",
    budget: Budget = None,
    concurrency: Concurrency = None,
    columns: Annotated[
        list[str] | None, typer.Option("--map", help="A field's column, such as body=Text; may be given again.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Only go on with a batch that was begun before.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Draft anew what was drafted before.")] = False,
    as_json: Json = False,
) -> None:
    """Draft replies to a file of tickets: one row out for each row in, in order.

    Ctrl-C pauses it, and the same command goes on where it was, also after a crash; nothing is paid for twice. Rows
    that hold no ticket are rejected by their line. When --budget is used up, the rest is not started (exit code 3).
    Example: opsdesk draft queue.csv --out drafts.csv --budget 5
    """
    from opsdesk import batch as batches
    from opsdesk import show
    from tasks.purse import nano

    batches.check_out(out)
    if out.exists() and tickets.exists() and out.samefile(tickets):
        raise UsageError("the drafts would be written over the tickets; choose another --out")
    desk = open_desk()
    drafts, name = _drafts(desk), kb or desk.default_kb()
    mapping = _mapping(columns or [])
    want: Literal["either", "begun", "new"] = "begun" if resume else "new" if again else "either"
    made = batches.make(desk, drafts, tickets, name, mapping, None if budget is None else nano(budget), want)
    for row in made.file.rejected[:20]:
        show.notes.print(f"line {row.line} is rejected: {row.error}", soft_wrap=True)
    if made.again:
        told = "was drafted before; --again drafts it anew" if made.batch.state == "done" else "was begun before"
        show.notes.print(f"{tickets.name} {told} ({made.batch.id})", soft_wrap=True)
    _run(desk, drafts, made.batch.id, out, concurrency, as_json)


def _run(desk: Desk, drafts: Drafts, id_: str, out: Path | None, concurrency: int | None, as_json: bool) -> None:
    """Works a batch, writes it down also when it was interrupted or failed, and exits as it went."""
    from opsdesk import batch as batches
    from opsdesk import show
    from tasks.workers import Workers

    if concurrency == 0 and not Workers(desk.task_list.database, desk.now).alive():
        show.notes.print("no worker is at work yet; start one: opsdesk worker --drafts-only")
    began, batch = time.monotonic(), drafts.batch(id_)
    failed: OpsdeskError | None = None
    interrupted = False
    try:
        with _progress() as watch:
            if batch.state != "done":
                here = concurrency != 0
                batch = batches.run(desk, drafts, id_, watch, concurrency=concurrency or 0, here=here)
    except KeyboardInterrupt:
        interrupted = True
    except OpsdeskError as error:
        failed = error
    if out:
        try:
            batches.write(desk, drafts, id_, out)
        except OSError as error:
            kept = f"the drafts are kept: opsdesk batch export --out FILE {id_}"
            failed = failed or OpsdeskError(f"{out} cannot be written: {error.strerror}; {kept}")
    far = drafts.progress(id_)
    if as_json:
        print_json({**far.summary, "seconds": round(time.monotonic() - began, 2)})
    else:
        _show_summary(far, id_, out)
    if failed:
        raise failed
    if interrupted:
        raise typer.Exit(INTERRUPTED)
    if batch.state == "paused" and batch.stopped_by == "settings":
        raise OpsdeskError(f"{batch.note}; then go on with: opsdesk batch resume {id_}")
    if batch.state == "paused" and batch.note:
        raise LimitReached(f"{batch.note}; go on with: opsdesk batch resume {id_} --budget USD")
    if batch.state != "done":
        raise OpsdeskError(f"the batch was {batch.state} elsewhere; go on with: opsdesk batch resume {id_}")
    if count := far.by_status.get("failed"):
        _tell_failed(drafts, id_, count, nothing_else=count == far.done - far.by_status.get("rejected", 0))


def _tell_failed(drafts: Drafts, id_: str, count: int, *, nothing_else: bool) -> None:
    """Says that tickets failed, and why the first did. Raises `OpsdeskError` when nothing came of any ticket."""
    from opsdesk import display, show
    from tasks.batches import Filters

    first = drafts.draft(id_, drafts.lines(id_, Filters(status="failed"))[0].seq)
    told = f"{display.count(count, 'ticket')} failed, the first of them with: {first.error}; "
    told += f"once that is mended: opsdesk batch retry-failed {id_}"
    if nothing_else:
        raise OpsdeskError(told)
    show.notes.print(told, soft_wrap=True)


@group.command(name="list")
def list_(as_json: Json = False) -> None:
    """List the newest batches and how far each is."""
    from opsdesk import display, show

    found = _drafts(open_desk()).batches()
    if as_json:
        print_json([_batch_json(batch, far) for batch, far in found])
        return
    rows = [
        (batch.id, display.line(batch.name, 40), batch.state, f"{far.done:,}", f"{far.total:,}", display.spent(far))
        for batch, far in found
    ]
    show.table("Batches", ["batch", "file", "state", "done", "of", "spent"], rows)


@group.command(name="show")
def show_(name: Name = "", as_json: Json = False) -> None:
    """Show how far a batch is, and why it is paused."""
    from opsdesk import show

    drafts = _drafts(open_desk())
    batch = _find(drafts, name)
    far = drafts.progress(batch.id)
    if as_json:
        print_json(_batch_json(batch, far))
        return
    _show_summary(far, batch.id, None)
    show.console.print(f"{batch.state}{': ' + batch.note if batch.note else ''}", soft_wrap=True)


@group.command()
def pause(name: Name = "") -> None:
    """Pause a batch: what is at work is finished, nothing else is begun."""
    _set_state(name, "paused")


@group.command()
def resume(
    name: Name = "", out: Out = None, budget: Budget = None, concurrency: Concurrency = None, as_json: Json = False
) -> None:
    """Go on with a batch, under another --budget if one is given."""
    from opsdesk import batch as batches
    from tasks.purse import nano

    desk = open_desk()
    drafts = _drafts(desk)
    batch = _find(drafts, name)
    if out:
        batches.check_out(out)
    if budget is not None:
        drafts.set_budget(batch.id, nano(budget))
    _run(desk, drafts, batch.id, out, concurrency, as_json)


@group.command()
def cancel(name: Name = "") -> None:
    """Cancel a batch: also what is at work is given up. It can be resumed."""
    _set_state(name, "cancelled")


@group.command(name="retry-failed")
def retry_failed(name: Name = "", out: Out = None, concurrency: Concurrency = None, as_json: Json = False) -> None:
    """Draft the failed tickets of a batch once more; what was paid for them is used again."""
    from opsdesk import batch as batches
    from opsdesk import display, show

    desk = open_desk()
    drafts = _drafts(desk)
    batch = _find(drafts, name)
    if out:
        batches.check_out(out)
    count = drafts.retry_failed(batch.id)
    show.notes.print(f"{display.count(count, 'ticket')} to try again")
    _run(desk, drafts, batch.id, out, concurrency, as_json)


@group.command()
def export(
    out: Annotated[Path, typer.Option("--out", help="File of drafts: .jsonl, .csv or .zendesk.json.")], name: Name = ""
) -> None:
    """Write a batch's drafts as they stand, with what people said of them."""
    from opsdesk import batch as batches

    batches.check_out(out)
    desk = open_desk()
    drafts = _drafts(desk)
    batches.write(desk, drafts, _find(drafts, name).id, out)


def _set_state(name: str, state: Literal["paused", "cancelled"]) -> None:
    from opsdesk import show

    drafts = _drafts(open_desk())
    id_ = _find(drafts, name).id
    drafts.set_state(id_, state)
    show.notes.print(f"{id_} is {drafts.batch(id_).state}")


def _drafts(desk: Desk) -> Drafts:
    from tasks.drafts import Drafts

    return Drafts(desk.task_list.database, desk.now)


def _find(drafts: Drafts, name: str) -> Batch:
    found = [batch for batch, _ in drafts.batches(limit=2, beginning=name)]
    if not found:
        raise UsageError(f'there is no batch "{name}"; see: opsdesk batch list' if name else "there is no batch yet")
    if name and len(found) > 1 and found[0].id != name:
        raise UsageError(f'"{name}" is the beginning of several batches; write more of it')
    return found[0]


def _mapping(columns: list[str]) -> dict[Field, str]:
    from opsdesk.ticket_files import Field

    found: dict[Field, str] = {}
    for column in columns:
        field, is_there, value = column.partition("=")
        if not is_there or field not in get_args(Field):
            raise UsageError(f"--map {column}: write FIELD=COLUMN, FIELD one of {', '.join(get_args(Field))}")
        found[field] = value  # type: ignore[index]
    return found


def _batch_json(batch: Batch, far: Progress) -> dict[str, Any]:
    from tasks.budget import NANO

    cap = None if batch.budget_nano is None else batch.budget_nano / NANO
    names = ("id", "name", "kb", "state", "note", "made_at", "ended_at")
    return {**{name: getattr(batch, name) for name in names}, "budget_usd": cap, **far.summary}


def _show_summary(far: Progress, id_: str, out: Path | None) -> None:
    from opsdesk import display, show
    from tasks.batches import OUTCOMES

    told = far.summary
    parts = [f"{told[name]:,} {name.replace('_', ' ')}" for name in (*OUTCOMES, "not_started") if told[name]]
    where = f" -> {out}" if out else ""
    frontier = display.usd(told["cost_all_frontier_usd"])
    show.console.print(f"{told['tickets']:,} tickets{where}: {', '.join(parts)}", soft_wrap=True)
    show.console.print(f"{display.spent(far)} spent, all-frontier estimate {frontier}")
    show.console.print(f"look at them with: opsdesk ui ({id_})", soft_wrap=True)


@contextmanager
def _progress() -> Iterator[Watch]:
    """A line on stderr with the rate, what was spent and the time left; where no terminal is, one now and then."""
    from opsdesk import display, show
    from tasks.budget import NANO

    with show.progress("drafting", unit="tickets") as advance:
        due = time.monotonic() + FIRST_SECONDS

        def watch(batch: Batch, far: Progress) -> None:
            nonlocal due
            spent = display.usd(far.booked / NANO)
            cap = "" if batch.budget_nano is None else f" of {display.usd(batch.budget_nano / NANO)}"
            advance(far.done, far.total, f"{spent}{cap}")
            if not show.notes.is_terminal and time.monotonic() >= due:
                due = time.monotonic() + NEXT_SECONDS
                show.notes.print(f"{far.done:,} of {far.total:,} drafted, {spent}{cap} spent")

        yield watch
