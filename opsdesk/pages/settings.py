"""What is in force and how to change it, whether the tiers answer, and what the router has learned. Never a key."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import streamlit as st
from pydantic import SecretStr

from errors import UsageError
from opsdesk import display
from opsdesk.desk import Desk, version
from opsdesk.pages import parts, settings_router
from opsdesk.pages.asked import latest, waiting
from opsdesk.settings import PREFIX, Settings
from opsdesk.tiers import Problem, prices, problems, variable
from tasks.database import Database
from tasks.requests import Request


def page() -> None:
    """Draws all of it."""
    st.title("Settings")
    desk = parts.desk()
    found = problems(desk.settings)
    for problem in found:
        _problem(problem)
    _workers()
    _in_force(desk)
    _tiers(desk, found)
    st.header("Router")
    if any(problem.level == "error" for problem in found):
        parts.quiet("Shown as soon as the settings above are mended.")
    else:
        settings_router.draw(desk)


def _problem(problem: Problem) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        hue = "red" if problem.level == "error" else "orange"
        st.markdown(parts.badge(problem.level, hue), width="content")
        st.text(display.visible(f"{problem.variable}: {problem.text}"))


# --- what is in force --------------------------------------------------------------------------------------


def _in_force(desk: Desk) -> None:
    st.header("In force")
    rows = [
        {"setting": name, "value": display.visible(value), "variable": variable}
        for name, value, variable in in_force(desk.settings, desk.task_list.database)
    ]
    columns = {"setting": "Setting", "value": "Value", "variable": "Variable"}
    st.dataframe(rows, hide_index=True, column_config=columns, height="content", alt="Settings in force")
    parts.quiet("Change one in the environment, in .env or in opsdesk.toml, then start Opsdesk again. For example:")
    st.code(f"{PREFIX}POLICY=cheapest\n{PREFIX}BUDGET_USD=0.20", language=None)


def in_force(settings: Settings, database: Database) -> list[tuple[str, str, str]]:
    """Name, value and variable of each setting that is no tier's; no value is a secret."""
    least = settings.high_stakes_tier or "the dearest"
    return [
        ("Policy", settings.policy, f"{PREFIX}POLICY"),
        ("Budget of a case", display.usd(settings.budget_usd), f"{PREFIX}BUDGET_USD"),
        ("Budget of a day (UTC)", _cap(settings.daily_budget_usd), f"{PREFIX}DAILY_BUDGET_USD"),
        ("Budget of a tenant's day", _cap(settings.tenant_daily_budget_usd), f"{PREFIX}TENANT_DAILY_BUDGET_USD"),
        ("Deadline of a case", display.duration(settings.deadline_s), f"{PREFIX}DEADLINE_S"),
        ("Least tier for high stakes", least, f"{PREFIX}HIGH_STAKES_TIER"),
        ("Personal data replaced for", settings.redacted, f"{PREFIX}REDACT"),
        ("Paid call that a worker left open", settings.in_flight, f"{PREFIX}IN_FLIGHT"),
        ("Cases written again unseen", f"{settings.shadow_share * 100:g}%", f"{PREFIX}SHADOW_SHARE"),
        ("All-frontier estimate at", settings.reference_model, f"{PREFIX}REFERENCE_MODEL"),
        ("Price of a resolved ticket", _price_asked(settings), f"{PREFIX}PRICE_PER_RESOLVED_USD"),
        ("Embedding model", settings.embedder, f"{PREFIX}EMBEDDER"),
        ("Tone", settings.tone, f"{PREFIX}TONE"),
        ("Sign-off", settings.sign_off or "none", f"{PREFIX}SIGN_OFF"),
        *_ways_in_and_out(settings),
        ("Days that cases are kept whole", _limit(settings.keep_days), f"{PREFIX}KEEP_DAYS"),
        ("Cases that are kept whole", _limit(settings.keep_cases), f"{PREFIX}KEEP_CASES"),
        ("Home", str(settings.home), f"{PREFIX}HOME"),
        ("Database", _without_secrets(database), f"{PREFIX}DATABASE_URL"),
        ("Version", version(), ""),
    ]


def _ways_in_and_out(settings: Settings) -> list[tuple[str, str, str]]:
    private = "allowed" if settings.webhook_private else "refused"
    texts = "figures and texts" if settings.trace_text else "figures alone"
    return [
        ("OpenAI's key", _is_set(settings.openai_api_key), "OPENAI_API_KEY"),
        ("Token of opsdesk serve", _is_set(settings.api_token), f"{PREFIX}API_TOKEN"),
        ("Who may sign in to the pages", ", ".join(settings.allowed_emails) or "not set", f"{PREFIX}ALLOWED_EMAILS"),
        ("Requests of a token in a minute", _limit(settings.rate_limit or None), f"{PREFIX}RATE_LIMIT"),
        ("Webhooks go to", _host(settings.webhook_url), f"{PREFIX}WEBHOOK_URL"),
        ("Webhooks to private addresses", private, f"{PREFIX}WEBHOOK_PRIVATE"),
        ("Secret that signs webhooks", _is_set(settings.webhook_secret), f"{PREFIX}WEBHOOK_SECRET"),
        ("Servers of tools", ", ".join(settings.mcp.servers) or "none", f"{PREFIX}MCP__SERVERS"),
        ("Traces hold", texts, f"{PREFIX}TRACE_TEXT"),
    ]


def _cap(usd: float | None) -> str:
    return "no limit" if usd is None else display.usd(usd)


def _limit(most: int | None) -> str:
    return "no limit" if most is None else f"{most:,}"


def _price_asked(settings: Settings) -> str:
    asked = settings.price_per_resolved_usd
    return "not set" if asked is None else display.usd(asked)


def _is_set(secret: SecretStr | None) -> str:
    return "set" if secret and secret.get_secret_value() else "not set"


def _host(url: str) -> str:
    """Where a webhook goes; the rest of its address may be what lets one in."""
    if not url:
        return "whom a request names"
    try:
        return urlsplit(url).hostname or "no address"
    except ValueError:
        return "no address"


def _without_secrets(database: Database) -> str:
    """The database's URL; a password may stand in its query too."""
    url = database.url
    hidden = {name: "***" if "pass" in name.lower() else value for name, value in url.query.items()}
    return url.set(query=hidden).render_as_string(hide_password=True)


def _workers() -> None:
    parts.worker_state()
    alive, ours = parts.workers(), version()
    if alive:
        names = ", ".join(f"{worker.name} (since {display.when(worker.began_at)} UTC)" for worker in alive)
        st.text(display.visible(f"{display.count(len(alive), 'worker')} at work: {names}"))
    if others := {worker.version for worker in alive} - {ours}:
        st.markdown(parts.badge("another version", "orange"))
        st.text(display.visible(f"A worker runs version {', '.join(sorted(others))}, these pages {ours}: restart it."))


# --- tiers -------------------------------------------------------------------------------------------------


def _tiers(desk: Desk, found: list[Problem]) -> None:
    st.header("Tiers")
    if any(problem.level == "error" for problem in found):
        parts.quiet("No paid tier can be used until the errors above are mended.")
        return
    from opsdesk.show_models import models_json

    told = models_json(desk.tiers, prices(desk.settings), found, {})["tiers"]
    rows = [
        {
            "tier": row["tier"],
            "model": display.visible(row["model"]),
            "endpoint": display.visible(row["base_url"] or "this process"),
            "key": "needs none" if row["tier"] == "local" else "set" if row["key"] else "not set",
            "price": _price(row),
            "source": (row["price"] or {}).get("source", ""),
            "personal": "" if row["tier"] == "local" else "replaced" if row["redacted"] else "sent",
            "limits": f"{row['max_concurrency']} calls, {row['timeout_s']:g} s" if row["tier"] != "local" else "",
        }
        for row in told
    ]
    columns = {
        "tier": "Tier",
        "model": "Model",
        "endpoint": "Endpoint",
        "key": "Key",
        "price": "USD per million in / cached / out",
        "source": "Price from",
        "personal": "Personal data",
        "limits": "At once, a request",
    }
    st.dataframe(rows, hide_index=True, column_config=columns, height="content", alt="Tiers, cheapest first")
    if desk.tiers:
        _check(found)
    with st.expander("Configure a tier"):
        names = ("MODEL", "BASE_URL", "API_KEY", "INPUT_PRICE", "OUTPUT_PRICE")
        values = ("gpt-6-luna", "https://api.openai.com/v1", "...", "0.10", "0.40")
        lines = [f"{variable('cheap', name)}={value}" for name, value in zip(names, values, strict=True)]
        st.code("\n".join(lines), language=None)
        parts.quiet(
            "CHEAP may also be MID or FRONTIER. Prices are USD per million tokens and stand above the price table: "
            "give both, or neither."
        )


def _price(row: dict[str, object]) -> str:
    if row.get("free"):
        return "free"
    price = row["price"]
    if not isinstance(price, dict):
        return "unknown"
    cached = "–" if price["cached"] is None else f"{price['cached']:g}"
    return f"{price['input']:g} / {cached} / {price['output']:g}"


def _check(found: list[Problem]) -> None:
    """One tiny call to each paid tier, by the worker."""
    line = st.container(horizontal=True, vertical_alignment="center")
    busy = latest("check_tiers")
    if line.button("Test the tiers", icon=":material/network_check:", disabled=bool(busy and busy.is_open)):
        parts.requests().leave("check_tiers", {}, person=parts.person())
        st.rerun()
    with line:
        parts.quiet("One tiny call each, paid from the day's budget.")
    if busy is None:
        return
    if busy.is_open:
        waiting(busy.id, "Testing")
    elif busy.status == "failed":
        parts.failed(UsageError(busy.error))
    else:
        _checked(busy)


def _checked(request: Request) -> None:
    rows = [
        {
            "tier": one["tier"],
            "result": "failed" if one["error"] else "answers",
            "seconds": one["seconds"],
            "structured": "" if one["error"] else "yes" if one["structured"] else "no: its text is parsed and mended",
            "cost": display.usd(one["cost_usd"]),
        }
        for one in request.result["tiers"]
    ]
    parts.quiet(f"Last test, {display.when(request.ended_at)} UTC")
    columns: dict[str, Any] = {
        "tier": "Tier",
        "result": "Result",
        "seconds": st.column_config.NumberColumn("Seconds", format="%.2f"),
        "structured": "Structured output",
        "cost": "Cost",
    }
    st.dataframe(rows, hide_index=True, column_config=columns, height="content", alt="What each tier answered")
    for one in request.result["tiers"]:
        if one["error"]:
            st.text(display.visible(one["error"]))
