"""How the tiers are printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from opsdesk.display import usd
from opsdesk.show import console, table, text
from opsdesk.tiers import PaidTier, Problem
from tasks.case import LOCAL_MODEL, Tier
from tasks.prices import Price, Prices

if TYPE_CHECKING:
    from opsdesk.tier_check import Checked  # imports CrewAI

LOCAL = {"tier": "local", "model": LOCAL_MODEL, "base_url": None, "price": None, "free": True}


def models_json(
    tiers: Mapping[Tier, PaidTier], prices: Prices, problems: Sequence[Problem], checks: Mapping[Tier, Checked]
) -> dict[str, Any]:
    """The tiers as JSON; prices are USD per million tokens, null where unknown."""
    rows = [LOCAL, *(_row(paid, prices.shown(tier, paid.model), checks.get(tier)) for tier, paid in tiers.items())]
    return {"tiers": rows, "problems": [problem._asdict() for problem in problems]}


def _row(paid: PaidTier, price: Price | None, found: Checked | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "tier": paid.tier,
        "model": paid.model,
        "base_url": paid.base_url,
        "key": paid.api_key is not None,
        "max_concurrency": paid.max_concurrency,
        "timeout_s": paid.timeout_s,
        "redacted": paid.redacted,
        "price": price
        and {
            "input": float(price.input),
            "cached": None if price.cached is None else float(price.cached),
            "output": float(price.output),
            "source": price.source,
        },
    }
    if found:
        row["check"] = {
            "ok": not found.error,
            "error": found.error or None,
            "seconds": found.seconds,
            "structured_output": found.structured,
            "usage_is_told": not found.usage.unknown,
            "tokens_in": found.usage.tokens_in,
            "tokens_out": found.usage.tokens_out,
            "cost_usd": found.cost_usd,
        }
    return row


def models(policy: str, tiers: Mapping[Tier, PaidTier], prices: Prices) -> None:
    """The tiers as a table, cheapest first."""
    rows = [["local", LOCAL_MODEL, "this process", "free", "", "stays here"]]
    for tier, paid in tiers.items():
        price, sent = prices.shown(tier, paid.model), "replaced" if paid.redacted else "sent"
        where, source = urlsplit(paid.base_url).netloc, price.source if price else ""
        rows.append([tier, paid.model, where, _rates(price), source, sent])
    names = ["tier", "model", "endpoint", "$ per 1M in / cached / out", "price from", "personal data"]
    table(f"policy: {policy}", names, rows)


def _rates(price: Price | None) -> str:
    if price is None:
        return "unknown"
    cached = "-" if price.cached is None else f"{price.cached.normalize():f}"
    return f"{price.input.normalize():f} / {cached} / {price.output.normalize():f}"


def problems(found: Sequence[Problem]) -> None:
    """What is wrong with the settings, one line each."""
    for problem in found:
        colour = "red" if problem.level == "error" else "yellow"
        console.print(text(f"{problem.level}: {problem.variable}: {problem.text}", colour), soft_wrap=True)


def checked(found: Checked) -> None:
    """One tier's check, as it ends."""
    if found.error:
        console.print(text(f"{found.tier}: {found.error}", "red"), soft_wrap=True)
        return
    structured = "structured output" if found.structured else "no structured output (its text is parsed and mended)"
    told = "usage told" if not found.usage.unknown else "usage not told: what it costs stays unknown"
    line = f"{found.tier}: answers in {found.seconds:.1f} s, {structured}, {told}, cost {usd(found.cost_usd)}"
    console.print(text(line, "green"), soft_wrap=True)
