"""`opsdesk reliability`: how often each seam holds, what that comes to, and which one leaks most."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from opsdesk.command import Json, day, open_desk, print_json

if TYPE_CHECKING:
    from opsdesk.leaks import Told
    from opsdesk.reliability import Share

DAYS = 30
"""Days that count where no `--since` is given, today included."""


class By(StrEnum):
    """What cases can be told apart by."""

    INTENT = "intent"
    TIER = "tier"
    KB = "kb"
    DAY = "day"
    WEEK = "week"


def register(app: typer.Typer) -> None:
    """Adds `reliability` to the command line."""
    app.command()(reliability)


def reliability(
    since: Annotated[str, typer.Option("--since", help="First day, YYYY-MM-DD in UTC; without it, 30 days.")] = "",
    by: Annotated[By | None, typer.Option("--by", help="A row for each of these too.")] = None,
    kb: Annotated[str, typer.Option("--kb", help="One knowledge base's cases only.")] = "",
    as_json: Json = False,
) -> None:
    """Show how often each seam between the agents holds, what that comes to from end to end, and which leaks most.

    Over the closed cases of this database. What the crew's own proof says and what people say stand apart, each with
    95% intervals (Wilson's). The product of the seams is not the end-to-end rate: leaks fall together, and what was
    mended on the way counts only at the end. pass^k is the chance that k runs of one question all go well.

    JSON: {"since", "until", "kb", "milliseconds", "sources": [{"source", "cases", "layers": [{"layer", "hits", "of",
    "share", "low", "high", "leaks", "too_few", "examples": [case ids]}], "product", "clean", "end_to_end", "mended",
    "held", "leakiest", "sentence", "difference", "pass_k": [{"k", "share", "questions"}]}], "by", "rows": [the same
    with "key", without words, examples and pass_k]}. Shares are 0..1, null of nothing.

    Example: opsdesk reliability --since 2026-11-01 --by week
    """
    from opsdesk import leaks
    from tasks.facts import Filters
    from tasks.meter import Meter

    today, begun = datetime.now(UTC).date(), day(since)
    filters = Filters(begun.date() if begun else today - timedelta(days=DAYS - 1), today, kb=kb)
    meter = Meter(open_desk().task_list.database)
    began = time.perf_counter()
    whole = leaks.whole(meter, filters)
    rows = leaks.rows(meter, by.value, filters) if by else []
    spent = 1000 * (time.perf_counter() - began)
    if as_json:
        about = {"since": filters.since.isoformat(), "until": filters.until.isoformat(), "kb": kb}
        print_json(
            {
                **about,
                "milliseconds": round(spent, 1),
                "sources": [leaks.as_json(one) for one in whole],
                "by": by.value if by else None,
                "rows": [leaks.as_json(one, brief=True) for one in rows],
            }
        )
        return
    _show(whole, rows, by.value if by else "", filters.since)


def _show(whole: list[Told], rows: list[Told], by: str, since: date) -> None:
    from opsdesk import leaks, show

    if not whole:
        show.console.print(f"No case has been closed since {since}. Ask something (opsdesk ask), or look further back.")
        return
    for one in whole:
        title = f"{leaks.TOLD[one.source]}, since {since}: {one.cases:,} cases"
        show.table(title, ["seam", "held", "95% interval", "of", "leaked", "cases to open"], _lines(one))
        for told in (leaks.sentence(one), leaks.difference(one), leaks.repeats(one)):
            if told:
                show.console.print(told)
        show.console.print()
    if rows:
        columns = [by, "told", "cases", "product", "end to end", "95% interval", "leaks most"]
        show.table(f"By {by}", columns, [_row(one) for one in rows])


def _lines(one: Told) -> list[list[str]]:
    from opsdesk.leaks import few

    def shown(name: str, share: Share, leaked: str = "", also: str = "") -> list[str]:
        rate = "unknown" if share.share is None else f"{share.share:.1%}"
        return [name, rate, few(share) or _interval(share), f"{share.of:,}", leaked, also]

    seams = [shown(s.layer, s.success, f"{s.leaks:,}", " ".join(s.examples)) for s in one.seams]
    product = ["product", "unknown" if one.product is None else f"{one.product:.1%}", "", "", "", ""]
    return [*seams, product, shown("none leaked", one.clean), shown("end to end", one.end_to_end)]


def _interval(share: Share) -> str:
    return "" if share.low is None or share.high is None else f"{share.low:.1%} to {share.high:.1%}"


def _row(one: Told) -> list[str]:
    from opsdesk.display import line
    from opsdesk.leaks import few, leakiest

    worst = leakiest(one.seams)
    product = "unknown" if one.product is None else f"{one.product:.1%}"
    end = one.end_to_end
    most = f"{worst.layer} {worst.leaks / worst.success.of:.1%}" if worst else ""
    interval = few(end) or _interval(end)
    key, rate = line(one.key, 40) or "none", f"{end.share or 0:.1%}"
    return [key, one.source, f"{one.cases:,}", product, rate, interval, most]
