"""What it cost, and how often it worked: figures over the closed cases of a period."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import streamlit as st

from opsdesk import display, reliability
from opsdesk.pages import charts, parts
from opsdesk.pages.costs_table import columns as _columns
from opsdesk.pages.costs_table import download
from opsdesk.reliability import Summary
from tasks.budget import NANO, Budget
from tasks.facts import MONEY, Facts, Filters, Group, Key

PERIODS = {"7": "Last 7 days", "30": "Last 30 days", "90": "Last 90 days", "all": "All time", "custom": "Custom"}
BY: dict[str, Key] = {"Intent": "intent", "Knowledge base": "kb", "Tenant": "tenant"}
NOBODY = {"intent": "not told", "kb": "none", "tenant": "no tenant"}
TIER_HUES = {"cheap": "green", "mid": "blue", "frontier": "violet"}
OUTCOME_HUES = {"Proven": "green", "Needs a person": "orange", "No answer found": "blue", "Failed": "red"}
STEP_HUES = {"route": "violet", "retrieve": "blue", "write": "green", "verify": "orange"}
LONG_AGO = date(2000, 1, 1)


def page() -> None:
    """Draws the figures over the cases that the address names."""
    st.title("Costs & reliability")
    facts = Facts(parts.desk().task_list.database)
    kbs, tenants = facts.whose()
    if not kbs:
        parts.nothing_yet("No case has ended yet", "Ask something on the page Chat; what it cost is shown here.")
        _budget()
        return
    filters = _filters(kbs, tenants)
    groups = facts.grouped(("day", "outcome"), filters)
    _budget()
    if not groups:
        parts.nothing_yet("No case of this kind", "Choose a longer period, or other filters.")
        return
    told = reliability.summary(groups, facts.words(filters))
    _figures(told)
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True):
        _spend_by_day(groups)
    with right, st.container(border=True):
        _spend_by(facts, filters, tenants)
    st.subheader("Reliability")
    parts.quiet(reliability.leak_sentence(told.steps))
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True):
        _outcomes(groups)
    with right, st.container(border=True):
        _steps(told)
    _words(told)
    download(facts, filters)


# --- which cases -------------------------------------------------------------------------------------------


def _filters(kbs: list[str], tenants: list[str]) -> Filters:
    """One line of filters, kept in the address."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        period = st.selectbox(
            "Period",
            list(PERIODS),
            index=1,
            format_func=PERIODS.__getitem__,
            key="period",
            bind="query-params",
            width=160,
        )
        today = parts.now().date()
        since, until = _span(str(period), today)
        kb = st.selectbox(
            "Knowledge base",
            ["", *kbs],
            format_func=lambda kb: display.line(kb, 60) or "All",
            key="kb",
            bind="query-params",
            width=220,
        )
        tenant = None
        if any(tenants):
            tenant = st.selectbox(
                "Tenant",
                [None, *tenants],
                format_func=lambda name: "All" if name is None else display.line(name, 60) or "No tenant",
                key="tenant",
                bind="query-params",
                width=220,
            )
    return Filters(since, until, kb or "", tenant)


def _span(period: str, today: date) -> tuple[date, date]:
    if period == "all":
        return LONG_AGO, today
    if period != "custom":
        return today - timedelta(days=int(period) - 1), today
    month = (today - timedelta(days=29), today)
    picked = st.date_input("From, to (UTC)", month, max_value=today, key="days", bind="query-params", width=240)
    chosen = tuple(picked) if isinstance(picked, (tuple, list)) else (picked,)
    return (chosen[0], chosen[-1]) if chosen else month


# --- money -------------------------------------------------------------------------------------------------


def _figures(told: Summary) -> None:
    """Six figures, each with what it rests on."""
    all_, saving, resolved = told.all, told.saving, told.resolved
    accepted, person = told.outcomes["accepted"], told.outcomes["needs_human"]
    missing = f"{all_.cost_unknown:,} of unknown cost" if all_.cost_unknown else "all costs known"
    compared = f"over {saving.cases:,} cases" + (f", {saving.left_out:,} left out" if saving.left_out else "")
    share = "unknown" if saving.share is None else f"{saving.share:.0%}"
    each = "unknown" if resolved.each_nano is None else display.usd(resolved.each_nano / NANO)
    figures = [
        ("Spent", ("at least " if all_.cost_unknown else "") + _usd(all_.spent_nano), missing),
        (
            "Cost per resolved ticket",
            each,
            f"{resolved.accepted:,} resolved" + (", at least" if resolved.at_least else ""),
        ),
        ("Saved (estimate)", f"{_usd(saving.nano)}, {share}" if saving.cases else "unknown", compared),
        ("Cases", f"{all_.cases:,}", display.count(all_.model_calls, "model call")),
        ("Proven", _percent(accepted.share), f"{accepted.hits:,} cases"),
        ("Handed to a person", _percent(person.share), f"{person.hits:,} cases"),
    ]
    with st.container(horizontal=True):
        for label, value, under in figures:
            st.metric(
                label, value.replace("$", "\\$"), under, delta_color="off", delta_arrow="off", border=True, width=176
            )
    unknown = reliability.unknown_sentence(all_)
    at_most = f" It was at most {_usd(all_.at_most_nano)} in all." if unknown and not all_.unbounded else ""
    estimate = "Saved is an estimate: the same tokens at the reference model's price, less what was paid."
    parts.quiet(f"{estimate} {unknown}{at_most}")


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
        {"day": day, "tier": tier, "usd": nano / NANO, "told": _usd(nano), "place": place}
        for day, tiers in days.items()
        for place, (tier, nano) in enumerate(tiers.items())
    ]
    most = max(sum(tiers.values()) for tiers in days.values()) / NANO
    colour = charts.hues("tier", "Tier", TIER_HUES)
    spec = charts.stacked_days("usd", "USD", charts.money_axis(most), colour, "told")
    sums = {tier: sum(tiers[tier] for tiers in days.values()) for tier in TIER_HUES}
    alt = f"Spend by day and tier, {len(days)} days: " + ", ".join(
        f"{tier} {_usd(nano)}" for tier, nano in sums.items()
    )
    charts.draw("Spend by day", rows, spec, alt, _columns("day", "tier", "usd"), "days")


def _spend_by(facts: Facts, filters: Filters, tenants: list[str]) -> None:
    names = [name for name in BY if name != "Tenant" or any(tenants)]
    picked = st.segmented_control(
        "Spend by", names, default=names[0], required=True, label_visibility="collapsed", key="by", bind="query-params"
    )
    key = BY[picked or names[0]]
    groups = facts.grouped((key,), filters, MONEY)
    groups.sort(key=lambda group: -group.spent_nano)
    rows = [_spend_row(group, key) for group in groups]
    alt = f"Spend by {str(picked).lower()}: {len(rows)} bars, the longest is {_usd(groups[0].spent_nano)}"
    spec = charts.bars("usd", "name", "USD", charts.money_axis(groups[0].spent_nano / NANO), "told")
    charts.draw(f"Spend by {str(picked).lower()}", rows, spec, alt, _columns("name", "usd", "cases", "unknown"), "by")


def _spend_row(group: Group, key: Key) -> dict[str, Any]:
    name = display.line(getattr(group, key), 60) or NOBODY[key]
    told = _usd(group.spent_nano)
    spent = group.spent_nano / NANO
    return {"name": name, "usd": spent, "told": told, "cases": group.cases, "unknown": group.cost_unknown}


# --- how often it worked -----------------------------------------------------------------------------------


def _outcomes(groups: list[Group]) -> None:
    whole: dict[str, int] = {}
    for group in groups:
        whole[group.day] = whole.get(group.day, 0) + group.cases
    places = {name: place for place, name in enumerate(OUTCOME_HUES)}
    rows = []
    for group in groups:
        name = next(word for outcome, word in display.OUTCOMES.items() if outcome == group.outcome)
        share = group.cases / whole[group.day]
        told = f"{share:.1%} ({group.cases:,} of {whole[group.day]:,})"
        row = {"day": group.day, "outcome": name, "cases": group.cases, "share": share}
        rows.append({**row, "told": told, "place": places[name]})
    colour = charts.hues("outcome", "Outcome", OUTCOME_HUES)
    spec = charts.stacked_days("cases", "Share of cases", ".0%", colour, "told", share=True)
    alt = f"Outcome shares by day, {len(whole)} days"
    charts.draw("Outcomes by day", rows, spec, alt, _columns("day", "outcome", "cases", "share"), "outcomes")


def _steps(told: Summary) -> None:
    rows = [
        {
            "name": one.step.capitalize(),
            "hue": STEP_HUES[one.step],
            **one.success._asdict(),
            "label": _percent(one.success.share),
            "told": f"{_percent(one.success.share)} ({_percent(one.success.low)} to {_percent(one.success.high)})",
            "failed": one.leaks,
        }
        for one in told.steps
        if one.success.of
    ]
    alt = "Success by step: " + "; ".join(f"{row['name']} {row['told']}" for row in rows)
    spec = charts.intervals([row["name"] for row in rows], "Cases in which the step never failed")
    columns = _columns("name", "share", "low", "high", "of", "failed")
    charts.draw("Success by step, with 95% intervals", rows, spec, alt, columns, "steps")


def _words(told: Summary) -> None:
    """What people said of drafts, in one line."""
    if not told.words:
        return
    words = {"accept": "accepted as they were", "edit": "edited", "reject": "rejected", "reopen": "reopened"}
    of = next(iter(told.words.values())).of
    shares = ", ".join(f"{_percent(told.words[word].share)} {name}" for word, name in words.items())
    parts.quiet(f"People's last word on {of:,} answers: {shares}.")


def _usd(nano: int) -> str:
    return display.usd(nano / NANO) if nano >= 0 else f"-{display.usd(-nano / NANO)}"


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{share:.1%}"
