"""`opsdesk eval`: a suite of tickets through the crew, held against what must become of them and a kept run."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from errors import OpsdeskError, UsageError
from opsdesk.command import INTERRUPTED, Json, day, open_desk, print_json
from opsdesk.tiers import secrets_of
from tasks.case import Policy, Tier

if TYPE_CHECKING:
    from opsdesk.desk import Desk
    from opsdesk.suites.reports import Report
    from opsdesk.suites.running import Result


def register(app: typer.Typer) -> None:
    """Adds `eval` to the command line."""
    app.command(name="eval")(eval_)


def eval_(
    suite: Annotated[Path | None, typer.Argument(help="The suite, a YAML file of tickets.")] = None,
    kb: Annotated[
        str, typer.Option("--kb", help="Knowledge base, in place of the suite's own documents; else the usual one.")
    ] = "",
    policy: Annotated[Policy | None, typer.Option("--policy", help="The policy; default: the one that is set.")] = None,
    tier: Annotated[
        Tier | None, typer.Option("--tier", help="Leave only this paid tier in force, and let it write every draft.")
    ] = None,
    junit: Annotated[Path | None, typer.Option("--junit", help="Also write JUnit XML, for a CI server.")] = None,
    markdown: Annotated[Path | None, typer.Option("--markdown", help="Also write a pull request's comment.")] = None,
    baseline: Annotated[Path | None, typer.Option("--baseline", help="A kept run to compare with.")] = None,
    save_baseline: Annotated[
        Path | None, typer.Option("--save-baseline", help="Keep this run, unless it regressed against --baseline.")
    ] = None,
    from_cases: Annotated[
        Path | None, typer.Option("--from-cases", help="Make a suite of kept cases instead, and write it here.")
    ] = None,
    since: Annotated[
        str, typer.Option("--since", help="Cases from this day on (YYYY-MM-DD, UTC); without it, of 90 days.")
    ] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=5_000, help="The most cases of it.")] = 100,
    force: Annotated[bool, typer.Option("--force", help="Let --from-cases overwrite a file.")] = False,
    as_json: Json = False,
) -> None:
    """Run a suite of tickets through the crew; exit code 1 when one comes out wrong, or worse than before.

    \b
    documents: [../docs]            # optional: the suite then stands alone
    thresholds: {passed: 0.95, cost_usd: 0.10, p95_seconds: 5}
    tickets:
      - id: pro-price
        text: How much is the Pro plan?
        must: ["$49"]               # values match in any spelling, words as they are
        must_not: ["$39"]
        cites: plans.md             # or the document's title
        outcome: accepted           # the default; or needs_human, abstained, or a list
        max_cost_usd: 0.01

    A ticket may have subject and body in place of text, and audience: staff. Every ticket must pass, unless
    thresholds or --baseline say otherwise. Of tickets that no paid model worked, one that passed before and now fails
    is a regression; of the others, as many as chance would not bring (McNemar's test); and a cost that is
    higher by more than cost_tolerance, 0.25. Times depend on the machine: max_seconds fails no ticket.
    Example: opsdesk eval suite.yaml --baseline suite.baseline.json --junit out.xml
    """
    if (suite is None) == (from_cases is None):
        raise UsageError("give either a SUITE to run, or --from-cases OUT.yaml to make one; see opsdesk eval --help")
    begun = day(since)
    desk = open_desk(policy=policy) if policy else open_desk()
    if from_cases:
        _make(desk, from_cases, kb or desk.default_kb(), begun, limit, force=force, as_json=as_json)
        return
    assert suite is not None  # noqa: S101
    if tier:
        from opsdesk.suites.running import under_tier

        desk = under_tier(desk, tier, policy_is_set=policy is not None)
    report = _run(desk, suite, kb, tier or "", baseline, save_baseline)
    _write(report, desk, junit, markdown)
    if as_json:
        from opsdesk.suites.reports import as_json as told

        print_json(told(report))
    else:
        _show(report)
    desk.flush()
    if report.run.stopped:
        raise typer.Exit(INTERRUPTED)
    if report.wrong:
        more = f" (and {len(report.wrong) - 1} more)" if len(report.wrong) > 1 else ""
        raise OpsdeskError(f"the suite does not pass: {report.wrong[0]}{more}; open a case with opsdesk trace CASE_ID")


def _run(desk: Desk, file: Path, kb: str, tier: str, baseline: Path | None, save: Path | None) -> Report:
    """Runs a suite; what is to be compared is checked before anything is paid for."""
    from opsdesk import show
    from opsdesk.suites import baseline as baselines
    from opsdesk.suites import reports, running
    from opsdesk.suites.suite import read_suite

    suite = read_suite(file)
    policy, models, name = desk.settings.policy, running.models(desk), suite.name or file.stem
    before = baselines.read(baseline) if baseline else None
    if before and baseline:
        baselines.check(before, baseline, suite, policy, tier, models)
    with ExitStack() as stack:
        used, where = desk, kb
        if suite.documents and not kb:
            with show.progress("indexing the suite's documents", "chunks") as advance:
                used, where = stack.enter_context(running.standing_alone(desk, suite, file, advance))
        where = where or desk.default_kb()
        with show.waiting("calling the crew"):
            used.crew(where)
        results, stopped = running.run_suite(used, suite, where, _tell)
    run = running.Run(name, where, policy, tier, models, len(suite.tickets), results, stopped)
    of = running.totals(run)
    compared = baselines.compare(run, of, before, suite.thresholds.cost_tolerance) if before else None
    kept = [] if stopped else running.thresholds(suite.thresholds, of, compared=compared is not None)
    if save and not stopped and not (compared and compared.regressions):
        baselines.write(save, baselines.kept(run, of))
        show.notes.print(f"kept as {save}", soft_wrap=True)
    elif save:
        show.notes.print(f"not kept as {save}: it was stopped, or regressed", soft_wrap=True)
    return reports.Report(run, of, kept, compared)


def _tell(number: int, of: int, result: Result) -> None:
    from opsdesk import show
    from opsdesk.suites.reports import line

    show.notes.print(line(number, of, result), soft_wrap=True)


def _write(report: Report, desk: Desk, junit: Path | None, markdown: Path | None) -> None:
    from knowledge_base.files import replace_file
    from opsdesk.redaction import redacted
    from opsdesk.suites import reports

    secrets = secrets_of(desk.settings)
    if junit:
        replace_file(junit, redacted(reports.junit(report).decode(), secrets).encode())
    if markdown:
        replace_file(markdown, redacted(reports.markdown(report), secrets).encode())


def _show(report: Report) -> None:
    from opsdesk import show
    from opsdesk.suites.reports import changes, figures

    for one in report.run.results:
        if one.passed:
            continue
        show.console.print(show.text(f"{one.id}  {one.outcome}  opsdesk trace {one.case_id}", "bold"))
        for reason in one.failed:
            show.console.print(show.indented(reason, "red"))
    for name, value in figures(report):
        show.console.print(show.text(f"{name}: {value}"), soft_wrap=True)
    for kept in report.thresholds:
        note = f" ({kept.note})" if kept.note else ""
        state = "kept" if kept.kept else "MISSED"
        show.console.print(show.text(f"Threshold {state}: {kept.name} {kept.found}, {kept.asked}{note}"))
    for change in changes(report.compared) if report.compared else ():
        show.console.print(show.text(f"Baseline: {change}"), soft_wrap=True)
    for regression in report.compared.regressions if report.compared else ():
        show.console.print(show.text(f"REGRESSION: {regression}", "red"), soft_wrap=True)
    if report.run.stopped:
        left = report.totals.tickets - report.totals.run
        show.console.print(
            f"stopped: {left} tickets were not run; their cases would have come after these", style="yellow"
        )


def _make(desk: Desk, out: Path, kb: str, begun: datetime | None, limit: int, *, force: bool, as_json: bool) -> None:
    """Writes a suite of kept cases."""
    from opsdesk import show
    from opsdesk.redaction import redacted
    from opsdesk.suites import from_cases
    from opsdesk.suites.suite import read_suite

    if out.suffix not in (".yaml", ".yml"):
        raise UsageError(f"{out}: a suite's file ends in .yaml; choose another name")
    if out.exists() and not force:
        raise UsageError(f"{out} is there already; choose another name, or overwrite it with --force")
    begin = begun or datetime.now(UTC) - timedelta(days=90)
    with show.waiting("reading cases"):
        found = from_cases.worth_keeping(desk.records.closed(begin), kb)
    if not found:
        raise OpsdeskError(
            f'no accepted case of "{kb}" since {begin:%Y-%m-%d} is there to make a suite of; ask something first, or '
            "look further back with --since"
        )
    made = from_cases.suite_text(found, limit, out.name)
    from_cases.write(out, redacted(made.text, secrets_of(desk.settings)))
    read_suite(out)
    if as_json:
        print_json({"suite": str(out), "tickets": made.tickets, "cases": made.of})
        return
    show.console.print(f"wrote {made.tickets} of {made.of} cases to {out}", soft_wrap=True)
    show.notes.print("it holds what people wrote; read it before you share it")
