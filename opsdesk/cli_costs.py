"""`opsdesk costs`: what cases cost, by whatever they can be told apart by, and what they earn."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from errors import UsageError
from opsdesk.command import Json, open_desk, print_json

if TYPE_CHECKING:
    from opsdesk.pricing import Costs
    from tasks.paths import Shadows


class By(StrEnum):
    """What costs can be told apart by."""

    DAY = "day"
    TIER = "tier"
    INTENT = "intent"
    KB = "kb"
    TENANT = "tenant"


def register(app: typer.Typer) -> None:
    """Adds `costs` to the command line."""
    app.command()(costs)


def costs(
    by: Annotated[By, typer.Option("--by", help="What a row stands for.")] = By.TENANT,
    days: Annotated[int, typer.Option("--days", min=1, max=36_500, help="The last so many days (UTC).")] = 30,
    tenant: Annotated[str | None, typer.Option("--tenant", help="One tenant's cases only.")] = None,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, in which no cell runs.")] = False,
) -> None:
    """Show what cases cost, what a resolved one cost, and with a price set what is left of it.

    Every figure is a sum over handoffs. A case is resolved when it was accepted; of those whose cost is not wholly
    known only what is known is counted, and how many there are is told. OPSDESK_PRICE_PER_RESOLVED_USD is the price.
    Shadow runs are in none of it: what they cost is told apart.
    Example: opsdesk costs --by day --csv > costs.csv
    """
    from opsdesk import pricing
    from opsdesk.draft_files import csv_line
    from tasks.budget import NANO
    from tasks.facts import Facts, Filters
    from tasks.paths import Paths

    if as_json and as_csv:
        raise UsageError("print one or the other: --json or --csv")
    desk = open_desk()
    today = datetime.now(UTC).date()
    filters = Filters(today - timedelta(days=days - 1), today, tenant=tenant)
    groups = Facts(desk.task_list.database).grouped((by.value, "outcome"), filters)
    price = desk.settings.price_per_resolved_usd
    rows = pricing.costs(by.value, groups, price)
    whole = pricing.all_costs(groups, price)
    shadows = Paths(desk.task_list.database).shadows(filters.since.isoformat(), filters.until.isoformat(), tenant)
    names = [by.value, *pricing.Costs._fields[1:]]
    if as_json:
        named = [dict(zip(names, row, strict=True)) for row in rows]
        apart = {"runs": shadows.runs, "cost_usd": shadows.nano / NANO, "cost_unknown": shadows.unknown}
        print_json({"rows": named, "total": dict(zip(names[1:], whole[1:], strict=True)), "shadow": apart})
        return
    if as_csv:
        sys.stdout.buffer.write(csv_line(names))
        for row in rows:
            sys.stdout.buffer.write(csv_line(row))
        return
    _show(by, days, [*rows, whole._replace(key="all")], shadows)


def _show(by: By, days: int, rows: list[Costs], shadows: Shadows) -> None:
    from opsdesk import show
    from opsdesk.display import count, usd
    from tasks.budget import NANO

    shown = [
        (
            row.key or "none",
            f"{row.cases:,}",
            f"{row.resolved:,}",
            f"{usd(row.cost_usd)}{' or more' if row.cost_unknown else ''}",
            usd(row.all_frontier_usd),
            "none resolved" if row.cost_per_resolved_usd is None else usd(row.cost_per_resolved_usd),
            "no price set" if row.margin_usd is None else f"${row.margin_usd:,.2f}",
        )
        for row in rows
    ]
    columns = [by.value, "cases", "resolved", "cost", "all-frontier (est.)", "per resolved", "margin"]
    show.table(f"Costs of the last {days} days", columns, shown)
    if shadows.runs:
        more = f", and of {count(shadows.unknown, 'run')} it is not wholly known" if shadows.unknown else ""
        show.console.print(f"Shadow runs, in none of these: {shadows.runs:,}, {usd(shadows.nano / NANO)}{more}")
