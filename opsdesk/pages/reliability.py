"""Where it leaks: each seam between the agents over the closed cases of a period, and cases to open."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import streamlit as st

from opsdesk import display, leaks
from opsdesk.leaks import By, Told
from opsdesk.pages import charts, parts
from opsdesk.pages.costs_table import columns
from opsdesk.reliability import Share
from tasks.facts import Facts, Filters
from tasks.meter import Meter

PERIODS = {"7 days": 7, "30 days": 30, "90 days": 90, "All time": 100_000}
"""Days of each, with today."""

BY: dict[str, By] = {"Intent": "intent", "Tier": "tier", "Knowledge base": "kb", "Week": "week"}
NOBODY = {"intent": "not told", "tier": "nothing written", "kb": "none", "week": ""}

MOST_ROWS = 9
"""Values that a chart has room for; the table has them all."""


SHOWN = 2
"""Cases to open at each seam."""


def page() -> None:
    """Draws what the address names."""
    st.title("Reliability")
    database = parts.desk().task_list.database
    kbs, _ = Facts(database).whose()
    if not kbs:
        parts.nothing_yet("No case has ended yet", "Ask something on the page Chat; where it leaked is shown here.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        filters = _filters(kbs)
        sources = {leaks.TOLD[one.source]: one for one in leaks.whole(Meter(database), filters)}
        if not sources:
            parts.nothing_yet("No case of this kind", "Choose a longer period, or another knowledge base.")
            return
        names = list(sources)
        told = sources[names[0]]
        if len(names) > 1:
            picked = st.selectbox("Told", names, key="told", bind="query-params", width=230)
            told = sources[str(picked)]
    _figures(told)
    st.markdown(f"**{leaks.sentence(told)}**")
    left, right = st.columns([3, 2])
    with left:
        _seams(told)
    with right:
        _examples(told)
    _by(Meter(database), filters, told.source)


def _filters(kbs: list[str]) -> Filters:
    """Which cases, kept in the address."""
    period = st.selectbox("Period", list(PERIODS), index=1, key="period", bind="query-params", width=130)
    kb = st.selectbox(
        "Knowledge base",
        ["", *kbs],
        format_func=lambda kb: display.line(kb, 60) or "All",
        key="kb",
        bind="query-params",
        width=170,
    )
    today = parts.now().date()
    return Filters(today - timedelta(days=PERIODS[str(period)] - 1), today, kb or "")


def _figures(told: Told) -> None:
    """From end to end, beside what the seams come to."""
    end, leaky = told.end_to_end, told.cases - told.clean.hits
    product = "unknown" if told.product is None else f"{told.product:.1%}"
    figures = [
        ("End to end", _percent(end), leaks.few(end) or _interval(end), "Cases that went well in the end"),
        ("Seams' product", product, f"{len(told.seams)} seams", "What they come to if each leaked by itself"),
        ("None leaked", _percent(told.clean), display.count(told.clean.hits, "case"), "Cases in which every seam held"),
        ("Mended", f"{told.mended:,}", f"of {leaky:,} that leaked", "A seam leaked, and yet the case went well"),
    ]
    for each in told.pass_k[2:3]:
        if each.share is not None:
            under = display.count(each.questions, "question")
            help_ = "Of questions that were asked three times or more: the chance that three runs all go well"
            figures.append(("pass^3", f"{each.share:.1%}", under, help_))
    with st.container(horizontal=True):
        for label, value, under, help_ in figures:
            st.metric(label, value, under, delta_color="off", delta_arrow="off", border=True, width=168, help=help_)


def _seams(told: Told) -> None:
    """The seams in their order, the leakiest in red, then what they come to."""
    worst = leaks.leakiest(told.seams)
    rows = [
        _row(seam.layer.capitalize(), seam.success, "red" if seam == worst else "blue", leaks=seam.leaks)
        for seam in told.seams
    ]
    rows.append(_row("End to end", told.end_to_end, "green", leaks=told.cases - told.end_to_end.hits))
    spec = charts.intervals([row["name"] for row in rows], "Cases in which it held, with 95% interval")
    alt = "How often each seam held: " + "; ".join(f"{row['name']} {row['told']}" for row in rows)
    with charts.card("Seams") as head:
        shown = columns("name", "share", "low", "high", "of", "leaks")
        as_table = head.toggle("Table", key="table-seams")
        charts.draw(rows, spec, alt, shown, as_table=as_table, height=60 + 42 * len(rows))
        for line in (leaks.difference(told), leaks.repeats(told)):
            if line:
                parts.quiet(line)


def _examples(told: Told) -> None:
    """Cases in which a seam leaked, the leakiest seam first; the tip says what it means that one holds."""
    leaky = sorted((seam for seam in told.seams if seam.leaks), key=lambda seam: -seam.leaks / seam.success.of)
    with charts.card("Cases to open"):
        if not leaky:
            st.text("No seam has leaked.")
        for seam in leaky:
            held = leaks.holds(told.source, seam.layer)
            tip = f"It holds where {held}." if held else None
            st.markdown(f"**{seam.layer.capitalize()}** leaked in {seam.leaks:,} of {seam.success.of:,}", help=tip)
            if not seam.examples:
                parts.quiet("Those cases were pruned.")
                continue
            with st.container(horizontal=True):
                for case_id in seam.examples[:SHOWN]:
                    parts.link(display.line(case_id, 24), "handoffs", run=case_id)


def _by(meter: Meter, filters: Filters, source: str) -> None:
    """End to end by what is chosen; the worst first, weeks in their order."""
    with charts.card("End to end by") as head:
        picked = head.segmented_control(
            "End to end by",
            list(BY),
            default="Intent",
            required=True,
            label_visibility="collapsed",
            key="by",
            bind="query-params",
        )
        by = BY[str(picked or "Intent")]
        groups = [one for one in leaks.rows(meter, by, filters) if one.source == source]
        if by != "week":
            groups.sort(key=lambda one: one.end_to_end.share or 0.0)
        rows = [_group(one, by) for one in groups]
        shown = rows[-MOST_ROWS:] if by == "week" else rows[:MOST_ROWS]
        spec = charts.intervals([row["name"] for row in shown], "Went well from end to end, with 95% interval")
        alt = f"End to end by {str(picked).lower()}: " + "; ".join(row["told"] for row in shown)
        as_table = head.toggle("Table", key="table-by")
        table = columns("name", "cases", "share", "low", "high", "product", "worst")
        height = 60 + 42 * len(shown)
        charts.draw(rows if as_table else shown, spec, alt, table, as_table=as_table, height=height)


def _group(one: Told, by: By) -> dict[str, Any]:
    worst = leaks.leakiest(one.seams)
    name = display.line(one.key, 60) or NOBODY[by]
    row = _row(name, one.end_to_end, "green")
    return {**row, "cases": one.cases, "product": one.product, "worst": worst.layer.capitalize() if worst else ""}


def _row(name: str, share: Share, hue: str, **more: Any) -> dict[str, Any]:
    """A point with its interval, as a chart takes it."""
    told = f"{_percent(share)} ({_interval(share)}) of {share.of:,}"
    few = leaks.few(share)
    return {"name": name, "hue": hue, **share._asdict(), "label": few or _percent(share), "told": told, **more}


def _percent(share: Share) -> str:
    return "unknown" if share.share is None else f"{share.share:.1%}"


def _interval(share: Share) -> str:
    return "unknown" if share.low is None or share.high is None else f"{share.low:.1%} to {share.high:.1%}"
