"""Handoffs: one run, step by step, so that the faulty seam is found in seconds."""

from __future__ import annotations

import json
from typing import get_args

import streamlit as st

from errors import UsageError
from opsdesk import components, display, export, show, spans
from opsdesk.known import Stale
from opsdesk.pages import compare, handoff_detail, parts
from opsdesk.redaction import redacted
from opsdesk.tiers import secrets_of
from tasks.case import Case, Policy
from tasks.task_list import CaseLine

LISTED = 200
"""The newest runs, which can be picked."""

VIEWS = ["Timeline", "Sequence", "Table"]
POLICIES: tuple[Policy, ...] = get_args(Policy)


def page() -> None:
    """Draws the run that the address names, or the newest one."""
    tasks = parts.desk().task_list
    runs = tasks.recent(LISTED)
    if not runs:
        st.title("Handoffs")
        parts.nothing_yet("No run yet", "Ask something on the page Chat; each of its runs can be looked into here.")
        return
    id_ = st.query_params.get("run", "") or runs[0].case_id
    case = tasks.find(id_)
    if case is None:
        st.title("Handoffs")
        _waiting_for(id_)
        return
    _head(case, runs)
    other = st.query_params.get("with", "")
    if other and other != id_:
        _compare(case, other)
    elif case.outcome is None:
        _at_work(id_)
    else:
        _run(case)


def _waiting_for(id_: str) -> None:
    """A run that was asked for and has not begun, or one that is not there."""
    request = parts.requests().of_case(id_)
    if request and request.is_open:
        parts.worker_state()
        _await(id_)
    elif request:
        parts.failed(UsageError(request.error or "this run was stopped before it began; replay the one before"))
    else:
        parts.failed(UsageError("there is no such run; pick one from the list on this page"))


@st.fragment(run_every="0.5s")
def _await(id_: str) -> None:
    if parts.desk().task_list.find(id_) or not _is_open(id_):
        st.rerun()
    st.text("Waiting for the run to begin")


def _is_open(id_: str) -> bool:
    request = parts.requests().of_case(id_)
    return bool(request and request.is_open)


# --- the line above it -------------------------------------------------------------------------------------


def _head(case: Case, runs: list[CaseLine]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title("Handoffs", width="content")
        with st.container(width="stretch"):
            _picker(case, runs)
        with st.container(horizontal=True, gap="small", width="content"):
            if st.button("Replay", icon=":material/replay:"):
                _replay(case)
            with st.popover("Compare", icon=":material/compare_arrows:"):
                _pick_other(case, runs)
            with st.popover("Export", icon=":material/download:"):
                _export(case)
    st.text(display.visible(case.ticket.text))


def _line(run: CaseLine) -> str:
    return f"{display.when(run.created_at)} · {display.OUTCOMES[run.outcome].lower()} · {display.line(run.text, 60)}"


def _picker(case: Case, runs: list[CaseLine]) -> None:
    known = {run.case_id: run for run in runs}
    if case.case_id not in known:
        line = CaseLine(case.case_id, case.created_at.isoformat(), case.outcome, case.ticket.text)
        known = {case.case_id: line, **known}
    ids = list(known)
    # The outcome in its key: a box goes on to show the text that it had when its option was picked.
    picked = st.selectbox(
        "Run", ids, index=ids.index(case.case_id), format_func=lambda id_: _line(known[id_]),
        label_visibility="collapsed", key=f"run-{case.case_id}-{case.outcome}",
    )  # fmt: skip
    if picked != case.case_id:
        parts.go(run=picked, step="", **{"with": ""})


def _pick_other(case: Case, runs: list[CaseLine]) -> None:
    others = {run.case_id: run for run in runs if run.case_id != case.case_id}
    if not others:
        st.text("There is no other run yet. Replay this one under another policy.")
        return
    same = [id_ for id_, run in others.items() if run.text == case.ticket.text[:200]]
    ids = [*same, *(id_ for id_ in others if id_ not in same)]
    picked = st.selectbox("With", ids, format_func=lambda id_: _line(others[id_]), key=f"with-{case.case_id}")
    if st.button("Compare"):
        parts.go(run=case.case_id, step="", **{"with": str(picked)})


@st.dialog("Replay")
def _replay(case: Case) -> None:
    """The same ticket once more, perhaps under another policy; both runs are kept."""
    st.text("The same ticket is worked again. Both runs are kept, and shown side by side.")
    policy = st.selectbox("Policy", POLICIES, index=POLICIES.index(parts.desk().settings.policy))
    if st.button("Replay"):
        replay(case, policy)


def replay(case: Case, policy: Policy) -> None:
    """Leaves a case's ticket for the worker once more, and goes to where both runs are compared."""
    body = {"ticket": case.ticket.model_dump(mode="json"), "policy": policy, "tenant": case.tenant}
    requests = parts.requests()
    id_ = requests.leave("ask", body, person=parts.person(), kb=case.kb)
    parts.go(run=requests.get(id_).case_id, step="", **{"with": case.case_id})


def _export(case: Case) -> None:
    stale = _stale(case)
    secrets = secrets_of(parts.desk().settings)
    data = redacted(json.dumps(show.case_json(case, stale), ensure_ascii=False, indent=1), secrets)
    st.download_button("JSON", data, f"{case.case_id}.json", "application/json", on_click="ignore", width="stretch")
    page_ = redacted(export.page_html(case, stale), secrets)
    st.download_button("Web page", page_, f"{case.case_id}.html", "text/html", on_click="ignore", width="stretch")
    parts.quiet("The web page needs no network.")


def _stale(case: Case) -> list[Stale]:
    from errors import OpsdeskError

    try:
        return parts.desk().stale(case)
    except OpsdeskError:
        return []  # a knowledge base that was removed or is damaged: its page says so


# --- the run -----------------------------------------------------------------------------------------------


@st.fragment(run_every="1s")
def _at_work(id_: str) -> None:
    """A run that is not done yet, drawn anew each second."""
    case = parts.desk().task_list.case(id_)
    if case.outcome is not None:
        st.rerun()
    request = parts.requests().of_case(id_)
    if request and request.status == "doing" and not parts.is_alive(request.owner):
        st.markdown(":orange-badge[:material/pause_circle: Its worker has ended]")
        st.text("The run goes on as soon as another worker is there.")
    case.seconds = (parts.now() - case.created_at).total_seconds()
    _figures(case)
    _steps(case)


def _run(case: Case) -> None:
    _figures(case)
    if case.outcome != "accepted":
        st.text(f"{display.OUTCOMES[case.outcome]}: {display.visible(case.outcome_reason)}")
    _body(case.case_id)


@st.fragment
def _body(id_: str) -> None:
    """What changes when another step is picked: drawn without the rest."""
    _steps(parts.desk().task_list.case(id_))


def _figures(case: Case) -> None:
    with st.container(horizontal=True, gap="small"):
        for label, value, below, hue in spans.figures(case):
            with st.container(border=True, width=168, gap="xxsmall"):
                st.metric(label, value)
                st.markdown(parts.badge(below, hue))


def _steps(case: Case) -> None:
    left, right = st.columns([11, 6], gap="medium")
    rows = spans.spans(case)
    with left:
        view, kept = _controls(rows)
        selected = _selected(kept or rows)
        if view == "Sequence":
            with st.container(border=True):
                st.mermaid_chart(spans.mermaid(case), alt="Who handed to whom; the table has the same")
        elif view == "Table":
            _table(kept)
        else:
            _timeline(case, kept, selected)
    with right:
        handoff_detail.draw(case, rows, selected)


def _controls(rows: list[spans.Span]) -> tuple[str, list[spans.Span]]:
    with st.container(horizontal=True, gap="small"):
        view = st.segmented_control(
            "View", VIEWS, default=VIEWS[0], required=True, label_visibility="collapsed", key="view",
            bind="query-params",
        )  # fmt: skip
        only = st.pills(
            "Only", ["Model calls", "Problems"], selection_mode="multi", label_visibility="collapsed", key="only",
            bind="query-params",
        )  # fmt: skip
    kept = spans.filtered(rows, calls="Model calls" in only, problems="Problems" in only)
    if not kept:
        st.text("No step is like that.")
    return str(view), kept


def _selected(rows: list[spans.Span]) -> str:
    """The step that the address names, else the first that failed, else the first."""
    named = st.query_params.get("step", "")
    if any(row.id == named for row in rows):
        return named
    failed = next((row.id for row in rows if row.failed), "")
    return failed or (rows[0].id if rows else "")


def _timeline(case: Case, rows: list[spans.Span], selected: str) -> None:
    data = {**spans.waterfall(rows, case.seconds, selected), "run": case.case_id}
    picked = components.picked("waterfall", f"waterfall-{case.case_id}", data)
    if picked and picked != selected:
        st.query_params["step"] = picked
        st.rerun(scope="fragment")


def _table(rows: list[spans.Span]) -> None:
    table = [
        {
            "step": row.id,
            "what": display.visible(row.label),
            "agent": row.agent,
            "tier": row.handoff.tier if row.handoff else "",
            "model": row.handoff.model if row.handoff else "",
            "state": ", ".join(word for word, _ in row.badges),
            "begins (s)": row.start,
            "seconds": row.seconds,
            "tokens": row.tokens,
            "cost (USD)": row.cost_usd if row.seconds is not None else None,
            "why": display.visible(row.handoff.reason) if row.handoff else "",
        }
        for row in rows
    ]
    number = st.column_config.NumberColumn
    st.dataframe(
        table,
        hide_index=True,
        column_config={
            "begins (s)": number(format="%.3f"),
            "seconds": number(format="%.3f"),
            "cost (USD)": number(format="%.6f"),
        },
        alt="The steps of this run",
    )


def _compare(case: Case, other_id: str) -> None:
    other = parts.desk().task_list.find(other_id)
    if other is None:
        parts.failed(UsageError("the other run is not there; pick one under Compare"))
        return
    if case.outcome is None:
        _await_end(case.case_id)
    compare.draw(case, other)


@st.fragment(run_every="1s")
def _await_end(id_: str) -> None:
    case = parts.desk().task_list.case(id_)
    if case.outcome is not None:
        st.rerun()
    st.text(f"The replay is at work: {display.count(len(case.handoffs), 'step')} done.")
