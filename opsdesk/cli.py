"""The command line. It parses, calls the desk and prints; it decides nothing."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from errors import LimitReached, OpsdeskError, UsageError
from opsdesk import (
    cli_batch,
    cli_costs,
    cli_doors,
    cli_eval,
    cli_front,
    cli_kb,
    cli_prune,
    cli_reliability,
    cli_replay,
    cli_router,
    cli_trace,
)
from opsdesk.command import INTERRUPTED, MOST_USD, Json, open_desk, print_json
from opsdesk.desk import version
from opsdesk.tickets import check_ticket
from opsdesk.tiers import prices, problems
from tasks.case import Tier

if TYPE_CHECKING:
    from opsdesk.tier_check import Checked

app = typer.Typer(
    name="opsdesk",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Answers operational questions from your documents, proves every sentence, and shows what it cost. "
    "Start with: opsdesk demo. With -v logs are shown, with --debug a traceback.",
)

Kb = Annotated[str, typer.Option("--kb", help="Knowledge base; default: the only one, else the one indexed last.")]


def main() -> NoReturn:
    """Runs the command line and exits: 0 done, 1 failed, 2 wrong usage, 3 stopped by a limit, 130 interrupted."""
    os.umask(0o077)
    arguments, debug, verbose = _everywhere(sys.argv[1:])
    logging.basicConfig(
        level=logging.INFO if verbose else logging.ERROR, stream=sys.stderr, format="%(name)s: %(message)s"
    )
    if not verbose:
        logging.getLogger("crewai").setLevel(logging.CRITICAL)  # it logs what we tell in one line of our own
    try:
        app(arguments)
        code = 0
    except SystemExit as done:  # how typer ends, whatever happened
        code = int(done.code or 0)
        if code == INTERRUPTED:
            _fail("interrupted; what was finished is kept", code, debug)
    except OpsdeskError as error:
        code = _fail(str(error), error.exit_code, debug)
    except OSError as error:
        what = f"{error.filename or 'the system'}: {error.strerror or error}"
        code = _fail(f"{what}; check the disk and its permissions, or set OPSDESK_HOME to another folder", 1, debug)
    except Exception as error:  # noqa: BLE001  (the last line of defence: one line, not a traceback)
        what = f"a fault of Opsdesk's own ({type(error).__name__})"
        code = _fail(f"{what}; run it again with --debug and report what it prints", 1, debug)
    sys.exit(code)


def _everywhere(arguments: list[str]) -> tuple[list[str], bool, bool]:
    """The arguments without --debug and -v, which may stand anywhere before `--`, and whether each was there."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    before = arguments[:end]
    rest = [argument for argument in before if argument not in ("--debug", "-v", "--verbose")]
    return rest + arguments[end:], "--debug" in before, bool({"-v", "--verbose"} & set(before))


def _fail(message: str, code: int, debug: bool) -> int:
    if debug:
        logging.getLogger("opsdesk").exception("failed")
    print(f"opsdesk: {message}", file=sys.stderr)  # noqa: T201
    return code


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"opsdesk {version()}")
        raise typer.Exit


@app.callback()
def options(
    _: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of every command."""


@app.command()
def index(
    paths: Annotated[
        list[Path],
        typer.Argument(help="Folders or files: md, txt, html, pdf, docx, csv, json, jsonl of {id, text}."),
    ],
    kb: Annotated[str, typer.Option("--kb", help="Name of the knowledge base.")] = "default",
    watch: Annotated[
        bool, typer.Option("--watch", help="Stay, and index again whenever a document changes, until Ctrl-C.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make a knowledge base of documents, or bring it up to date.

    Running it again re-reads what changed, drops what vanished and leaves the rest alone. Searches go on
    meanwhile, with the version before. With --watch and --json there is one JSON line for each change.
    Example: opsdesk index ./runbooks --kb runbooks
    """
    from opsdesk import show
    from opsdesk.demo import source

    desk, given = open_desk(), [source(path) for path in paths]

    def run(*, again: bool = False) -> None:
        with show.progress("indexing", unit="chunks") as advance:
            report = desk.index(given, kb, advance)
        if again and not (report.added or report.updated or report.removed):
            return
        if as_json:
            print_json(show.report_json(report))
        else:
            show.report(report)

    run()
    if watch:
        from opsdesk.watch import changes

        show.notes.print(f"watching {', '.join(map(str, paths))}; Ctrl-C to stop", soft_wrap=True)
        for _ in changes([one if isinstance(one, Path) else one.path for one in given]):
            try:
                run(again=True)
            except OpsdeskError as error:  # the documents are half moved, or another run is at work: the next may do
                show.notes.print(f"opsdesk: {error}", soft_wrap=True)


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="What to look for.")] = "",
    queries: Annotated[
        Path | None, typer.Option("--queries", help="A .jsonl of {id, text}: one line of hits each.")
    ] = None,
    kb: Kb = "",
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="How many hits.")] = 10,
    as_json: Json = False,
) -> None:
    """Find the passages for a question; no model is asked.

    Example: opsdesk search "rate limit of the Pro plan" -k 3
    """
    from opsdesk import show

    if bool(query) == bool(queries):
        raise UsageError('give either a QUERY or --queries FILE, for example: opsdesk search "refund window"')
    desk = open_desk()
    searcher = desk.searcher(kb or desk.default_kb())
    if queries:
        for where, line in show.json_lines(queries, required=("id", "text")):
            try:
                found = searcher.search(str(line["text"]), k)
            except UsageError as error:
                raise UsageError(f"{where}: {error}") from error
            print_json({"id": line["id"], "hits": [show.hit_json(hit) for hit in found]})
        return
    hits, milliseconds = show.timed(lambda: searcher.search(query, k))
    if as_json:
        print_json({"hits": [show.hit_json(hit) for hit in hits], "ms": milliseconds})
    else:
        show.hits(hits, milliseconds)


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="The question, or - to read it from standard input.")],
    kb: Kb = "",
    budget: Annotated[
        float | None, typer.Option("--budget", min=0, max=MOST_USD, help="The most this case may cost, in USD.")
    ] = None,
    deadline: Annotated[
        float | None, typer.Option("--deadline", min=0, max=1_000_000, help="The longest it may take, in seconds.")
    ] = None,
    staff: Annotated[bool, typer.Option("--staff", help="For colleagues: internal pages may be quoted.")] = False,
    reply: Annotated[
        bool, typer.Option("--reply", help="As a reply to a customer: greeting, each question, sign-off.")
    ] = False,
    tenant: Annotated[str, typer.Option("--tenant", help="On whose account, for its daily budget and the bill.")] = "",
    as_json: Json = False,
) -> None:
    """Have the crew answer one question from your documents, with every sentence cited.

    Example: opsdesk ask "Does your Pro plan include API access, and how much is it?"
    """
    from opsdesk import show
    from tasks.case import Ticket

    text = show.read_stdin() if question == "-" else question
    ticket = Ticket(text=text, audience="staff" if staff else "customer", kind="reply" if reply else "question")
    check_ticket(ticket)
    desk = open_desk()
    kb = kb or desk.default_kb()
    with show.waiting("calling the crew"):  # importing CrewAI takes some seconds
        desk.crew(kb)
    if as_json:
        case = desk.ask(ticket, kb, budget, deadline, tenant=tenant)
    else:
        with show.Following() as following:
            case = desk.ask(ticket, kb, budget, deadline, following.watch, following.hear, tenant)
    if as_json:
        print_json(show.case_json(case))
    else:
        show.case(case)
    _exit_as(case.outcome, case.stopped_by, case.outcome_reason)


def _exit_as(outcome: str | None, stopped_by: str | None, reason: str) -> None:
    if stopped_by == "interrupt":
        raise KeyboardInterrupt
    if stopped_by:
        raise LimitReached(reason)
    if outcome == "failed":
        raise OpsdeskError(reason)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="A .jsonl of {id, answer, passages: [{id, text}], question?}.")],
) -> None:
    """Check answers of any system against their passages: the verifier alone, no model.

    Prints one JSON line an answer: supported, score, and each claim with its reason and span.
    Example: opsdesk check answers.jsonl
    """
    from opsdesk import show
    from opsdesk.checking import checked

    with show.progress("checking", "answers") as told:
        for done, (id_, proof) in enumerate(checked(show.json_lines(file, required=("id", "answer", "passages"))), 1):
            print_json({"id": id_, **show.proof_json(proof)})
            told(done, 0)


@app.command()
def models(
    check: Annotated[bool, typer.Option("--check", help="Test each paid tier with one tiny call.")] = False,
    as_json: Json = False,
) -> None:
    """Show each tier: its model, where it runs, what it costs and who says so.

    Paid tiers are optional. OPENAI_API_KEY alone is enough; any OpenAI-compatible server does with
    OPSDESK_TIERS__CHEAP__MODEL, __BASE_URL and __API_KEY (and MID, FRONTIER). With --check each is called once; what
    is wrong names the variable to change, and the exit code is 1.
    Example: opsdesk models --check
    """
    from opsdesk import show_models

    desk = open_desk()
    wrong = problems(desk.settings)
    broken = any(problem.level == "error" for problem in wrong)
    tiers = {} if broken else desk.tiers
    if not as_json:
        show_models.models(desk.settings.policy, tiers, prices(desk.settings))
        show_models.problems(wrong)
    found: dict[Tier, Checked] = {}
    for result in desk.check_tiers() if check and tiers else ():
        found[result.tier] = result
        if not as_json:
            show_models.checked(result)
    if as_json:
        print_json(show_models.models_json(tiers, prices(desk.settings), wrong, found))
    failed = [result.tier for result in found.values() if result.error]
    if broken or failed:
        what = "the settings cannot work" if broken else f"{', '.join(failed)} failed the check"
        raise OpsdeskError(f"{what}; change what is named above, and run opsdesk models --check again")


cli_batch.register(app)
cli_front.register(app)
cli_kb.register(app)
cli_doors.register(app)
cli_costs.register(app)
cli_eval.register(app)
cli_reliability.register(app)
cli_prune.register(app)
cli_replay.register(app)
cli_router.register(app)
cli_trace.register(app)


@app.command()
def demo() -> None:
    """Index the bundled sample and watch the crew work its 25 tickets.

    Needs no key and no network; even with a key no paid model is called. Leaves the knowledge base "sample" behind,
    so that opsdesk ask "How do I reset my password?" works right after it.
    """
    from opsdesk.demo import run

    run(open_desk(policy="offline"))
