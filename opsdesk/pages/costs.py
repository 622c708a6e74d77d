"""What it cost, and what came of it: figures over the closed cases of a period."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, cast

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from opsdesk import display, reliability
from opsdesk.pages import charts, parts
from opsdesk.pages.costs_table import columns as _columns
from opsdesk.pages.costs_table import download
from opsdesk.reliability import Summary
from tasks.budget import NANO, Budget
from tasks.case import Outcome
from tasks.facts import MONEY, Facts, Filters, Group, Key

CUSTOM = "Custom"
PERIODS = {"7 days": 7, "30 days": 30, "90 days": 90, "All time": 100_000, CUSTOM: 30}
"""Days of each, with today."""

BY: dict[str, Key] = {"Intent": "intent", "Knowledge base": "kb", "Tenant": "tenant"}
NOBODY = {"intent": "not told", "kb": "none", "tenant": "no tenant"}
EVERY = "\0"
"""Every tenant: a name that none can have."""

TIER_HUES = {"cheap": "green", "mid": "blue", "frontier": "violet"}
OUTCOME_HUES = {"Proven": "green", "Needs a person": "orange", "No answer found": "blue", "Failed": "red"}


def page() -> None:
    """Draws the figures over the cases that the address names."""
    st.title("Costs")
    facts = Facts(parts.desk().task_list.database)
    kbs, tenants = facts.whose()
    if not kbs:
        parts.nothing_yet("No case has ended yet", "Ask something on the page Chat; what it cost is shown here.")
        _budget()
        return
    filters = _filters(facts, kbs, tenants)
    groups = facts.grouped(("day", "outcome"), filters)
    _budget()
    if not groups:
        parts.nothing_yet("No case of this kind", "Choose a longer period, or other filters.")
        return
    told = reliability.summary(groups, facts.words(filters))
    _figures(told)
    left, right = st.columns(2)
    with left:
        _spend_by_day(groups)
    with right:
        _spend_by(facts, filters, tenants)
    _outcomes(groups)
    _words(told)
    parts.link("Where it leaks, seam by seam", "reliability", ":material/water_drop:")


# --- which cases -------------------------------------------------------------------------------------------


def _filters(facts: Facts, kbs: list[str], tenants: list[str]) -> Filters:
    """One line of filters, kept in the address, and the file of what they leave."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        period = st.selectbox("Period", list(PERIODS), index=1, key="period", bind="query-params", width=130)
        since, until = _span(str(period))
        kb = st.selectbox(
            "Knowledge base",
            ["", *kbs],
            format_func=lambda kb: display.line(kb, 60) or "All",
            key="kb",
            bind="query-params",
            width=170,
        )
        tenant: str | None = EVERY
        if any(tenants):
            tenant = st.selectbox(
                "Tenant",
                [EVERY, *tenants],
                format_func=lambda name: "All" if name == EVERY else display.line(name, 60) or "No tenant",
                key="tenant",
                bind="query-params",
                width=170,
            )
        filters = Filters(since, until, kb or "", None if tenant == EVERY else tenant)
        download(facts, filters)
    return filters


def _span(period: str) -> tuple[date, date]:
    today = parts.now().date()
    span = today - timedelta(days=PERIODS[period] - 1), today
    if period != CUSTOM:
        return span
    picked = st.date_input("From, to (UTC)", span, max_value=today, key="days", bind="query-params", width=220)
    chosen = list(picked) if isinstance(picked, (tuple, list)) else [picked]
    return (chosen[0], chosen[-1]) if chosen else span  # one end alone, while the other is being chosen


# --- money -------------------------------------------------------------------------------------------------


def _figures(told: Summary) -> None:
    """Six figures, each with what it rests on."""
    all_, saving, resolved = told.all, told.saving, told.resolved
    accepted, person = told.outcomes["accepted"], told.outcomes["needs_human"]
    missing = display.count(all_.cost_unknown, "cost") + " unknown" if all_.cost_unknown else "all costs known"
    share = "unknown" if saving.share is None else f"{saving.share:.0%}"
    share += f", {saving.left_out:,} left out" if saving.left_out else " of all-frontier"
    each = "unknown" if resolved.each_nano is None else display.usd(resolved.each_nano / NANO)
    figures = [
        ("Spent", _usd(all_.spent_nano), missing),
        ("Per resolved ticket", each, f"{resolved.accepted:,} resolved"),
        ("Saved (estimate)", _usd(saving.nano) if saving.cases else "unknown", share),
        ("Cases", f"{all_.cases:,}", display.count(all_.model_calls, "model call")),
        ("Proven", _percent(accepted.share), display.count(accepted.hits, "case")),
        ("Handed to a person", _percent(person.share), display.count(person.hits, "case")),
    ]
    with st.container(horizontal=True):
        for label, value, under in figures:
            text = value.replace("$", "\\$")
            st.metric(label, text, under, delta_color="off", delta_arrow="off", border=True, width=158)
    estimate = (
        "Saved is an estimate: the same tokens at the reference model's price (all-frontier), less what was paid."
    )
    parts.quiet(f"{estimate} {reliability.unknown_sentence(all_)}")


def _budget() -> None:
    """What is spent of today's budget, where there is one."""
    cap = parts.desk().settings.daily_budget_usd
    if cap is None:
        return
    day = parts.now().date().isoformat()
    spent, held = Budget(parts.desk().task_list.database, "", parts.now).spent(f"day:{day}")
    text = f"Today (UTC): {_usd(spent)} spent of {display.usd(cap)}"
    text += f", {_usd(held)} held for calls on their way" if held else ""
    st.progress(min(1.0, (spent + held) / (cap * NANO)) if cap else 1.0, text.replace("$", "\\$"))


def _spend_by_day(groups: list[Group]) -> None:
    days: dict[str, dict[str, int]] = {}
    for group in groups:
        day = days.setdefault(group.day, dict.fromkeys(TIER_HUES, 0))
        for tier in TIER_HUES:
            day[tier] += getattr(group, f"{tier}_nano")
    rows = [
        {"day": day, "tier": tier, "usd": nano / NANO, "place": place}
        for day, tiers in days.items()
        for place, (tier, nano) in enumerate(tiers.items())
    ]
    most = max(sum(tiers.values()) for tiers in days.values()) / NANO
    spec = charts.stacked_days(
        "usd", "Spent", charts.money_axis(most), charts.hues("tier", "Tier", TIER_HUES), _length(groups)
    )
    sums = {tier: sum(tiers[tier] for tiers in days.values()) for tier in TIER_HUES}
    alt = f"Spend by day and tier, {len(days)} days: " + ", ".join(
        f"{tier} {_usd(nano)}" for tier, nano in sums.items()
    )
    with charts.card("Spend over time") as head:
        charts.draw(rows, spec, alt, _columns("day", "tier", "usd"), as_table=_toggle(head, "days"))


def _length(groups: list[Group]) -> int:
    """Days from the first to the last case."""
    return (date.fromisoformat(groups[-1].day) - date.fromisoformat(groups[0].day)).days + 1


def _spend_by(facts: Facts, filters: Filters, tenants: list[str]) -> None:
    names = [name for name in BY if name != "Tenant" or any(tenants)]
    with charts.card("Spend by") as head:
        picked = head.segmented_control(
            "Spend by",
            names,
            default=names[0],
            required=True,
            label_visibility="collapsed",
            key="by",
            bind="query-params",
        )
        key = BY[picked or names[0]]
        groups = sorted(facts.grouped((key,), filters, MONEY), key=lambda group: -group.spent_nano)
        rows = [_spend_row(group, key) for group in groups]
        alt = f"Spend by {str(picked).lower()}, {len(rows)} of them; the most is {rows[0]['told']}"
        spec = charts.bars("usd", "name", "Spent", rows[0]["usd"], "told", len(rows))
        charts.draw(rows, spec, alt, _columns("name", "usd", "cases", "unknown"), as_table=_toggle(head, "by"))


def _spend_row(group: Group, key: Key) -> dict[str, Any]:
    name = display.line(getattr(group, key), 60) or NOBODY[key]
    told = _usd(group.spent_nano)
    spent = group.spent_nano / NANO
    return {"name": name, "usd": spent, "told": told, "cases": group.cases, "unknown": group.cost_unknown}


# --- what came of it ---------------------------------------------------------------------------------------


def _outcomes(groups: list[Group]) -> None:
    whole: dict[str, int] = {}
    for group in groups:
        whole[group.day] = whole.get(group.day, 0) + group.cases
    words = {outcome: word for outcome, word in display.OUTCOMES.items() if word in OUTCOME_HUES}
    places = {outcome: place for place, outcome in enumerate(words)}
    rows = [
        {
            "day": group.day,
            "outcome": words[cast("Outcome", group.outcome)],
            "cases": group.cases,
            "share": group.cases / whole[group.day],
            "place": places[cast("Outcome", group.outcome)],
        }
        for group in groups
    ]
    colour = charts.hues("outcome", "Outcome", OUTCOME_HUES, columns=2)
    spec = charts.stacked_days("cases", "Cases", ",", colour, _length(groups), share=True)
    alt = f"Outcome shares by day, {len(whole)} days"
    with charts.card("Outcomes over time") as head:
        columns = _columns("day", "outcome", "cases", "share")
        charts.draw(rows, spec, alt, columns, as_table=_toggle(head, "outcomes"))


def _words(told: Summary) -> None:
    """What people said of drafts, in one line."""
    if not told.words:
        return
    words = {"accept": "accepted as they were", "edit": "edited", "reject": "rejected", "reopen": "reopened"}
    of = next(iter(told.words.values())).of
    shares = ", ".join(f"{_percent(told.words[word].share)} {name}" for word, name in words.items())
    parts.quiet(f"People's last word on {of:,} answers: {shares}.")


def _toggle(head: DeltaGenerator, key: str) -> bool:
    return head.toggle("Table", key=f"table-{key}")


def _usd(nano: int) -> str:
    return display.usd(nano / NANO) if nano >= 0 else f"-{display.usd(-nano / NANO)}"


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{share:.1%}"
