"""Costs, run without a browser over real cases."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from benchmarks.front_data import fill
from opsdesk.desk import Desk
from opsdesk.pages.costs_table import as_csv
from opsdesk.settings import Settings
from tasks.budget import Budget, Cap
from tasks.case import Case, Handoff, Outcome, Ticket
from tasks.experience import ExperienceStore, Word
from tasks.facts import KEYS, Facts, Filters, total


@pytest.fixture
def desk(home: Path) -> Iterator[Desk]:
    """A desk of the home that the page finds too."""
    st.cache_resource.clear()
    yield Desk(Settings(home=home))
    st.cache_resource.clear()


def costs() -> AppTest:
    def script() -> None:
        from opsdesk.pages import costs, parts

        parts.arrive()
        costs.page()

    return AppTest.from_function(script, default_timeout=60)


def kept(
    desk: Desk, case_id: str, outcome: Outcome = "accepted", usd: float | None = 0.01, days: int = 0, kb: str = "help",
    tenant: str = "", sent_back: bool = False,
) -> None:  # fmt: skip
    at = datetime.now(UTC) - timedelta(days=days)
    case = Case(case_id=case_id, ticket=Ticket(text="?"), kb=kb, tenant=tenant, created_at=at)
    desk.task_list.open_case(case)
    for task, agent in (("write", "writer"), ("verify", "verifier")):
        failed = sent_back and task == "verify"
        about = {
            **{"seq": len(case.handoffs) + 1, "from": agent, "to": "next", "task": task, "attempt": 1, "reason": ""},
            **{"status": "failed" if failed else "done", "tier": "cheap" if task == "write" else "local", "model": "m"},
            **{"tokens_in": 10, "tokens_out": 5, "model_calls": int(task == "write"), "started_at": at, "seconds": 0.1},
            **{"cost_usd": usd if task == "write" else 0.0, "cost_at_most_usd": 0.05, "cost_all_frontier_usd": 0.05},
        }
        desk.task_list.record(case, Handoff.model_validate(about))
    case.outcome = outcome
    desk.task_list.close(case)


def texts(app: AppTest) -> str:
    return "\n".join(element.value for element in [*app.text, *app.caption])


def figures(app: AppTest) -> dict[str, tuple[str, str]]:
    return {metric.label: (metric.value.replace("\\", ""), metric.delta) for metric in app.metric}


def test_without_a_case_the_page_says_what_to_do(desk: Desk) -> None:
    app = costs().run()
    assert not app.exception
    assert "Ask something on the page Chat" in texts(app)
    assert not app.metric


def test_the_figures_are_those_of_the_cases(desk: Desk) -> None:
    kept(desk, "c-1", usd=0.01)
    kept(desk, "c-2", usd=0.03, sent_back=True)
    kept(desk, "c-3", "needs_human", usd=0.02)
    app = costs().run()
    assert not app.exception
    assert figures(app) == {
        "Spent": ("$0.0600", "all costs known"),
        "Per resolved ticket": ("$0.0300", "2 resolved"),
        "Saved (estimate)": ("$0.2400", "80% of all-frontier"),
        "Cases": ("3", "3 model calls"),
        "Proven": ("66.7%", "2 cases"),
        "Handed to a person": ("33.3%", "1 case"),
    }
    assert "estimate" in texts(app)


def test_an_unknown_cost_is_told_and_not_counted_as_nothing(desk: Desk) -> None:
    kept(desk, "c-1", usd=0.01)
    kept(desk, "c-2", usd=None)
    app = costs().run()
    assert figures(app)["Spent"] == ("$0.0100", "1 cost unknown")
    assert figures(app)["Saved (estimate)"][1].endswith("1 left out")
    assert "The cost of 1 of 2 cases is not wholly known: more may have been spent, at most \\$0.0600" in texts(app)


def test_peoples_words_are_told(desk: Desk) -> None:
    for i in range(3):
        kept(desk, f"c-{i}")
    store, at = ExperienceStore(desk.task_list), datetime.now(UTC).isoformat()
    store.give("c-1", Word("accept", "", "", at))
    store.give("c-2", Word("edit", "", "", at))
    shown = texts(costs().run())
    assert "People's last word on 2 answers: 50.0% accepted as they were, 50.0% edited" in shown


def test_filters_are_taken_from_the_address_and_narrow_the_cases(desk: Desk) -> None:
    kept(desk, "c-1", days=0, kb="help", tenant="acme")
    kept(desk, "c-2", days=10, kb="help")
    kept(desk, "c-3", days=40, kb="runbooks", tenant="acme")

    def cases(**address: str) -> str:
        app = costs()
        for name, value in address.items():
            app.query_params[name] = value
        app.run()
        assert not app.exception
        return figures(app)["Cases"][0]

    assert cases() == "2"  # of the last 30 days
    assert cases(period="7 days") == "1"
    assert cases(period="All time") == "3"
    assert cases(period="All time", kb="runbooks") == "1"
    assert cases(period="All time", tenant="acme") == "2"
    assert cases(period="All time", tenant="No tenant") == "1"
    assert cases(period="nonsense", kb="gone") == "2"


def test_filters_that_leave_nothing_say_so(desk: Desk) -> None:
    kept(desk, "c-1", days=60)
    app = costs().run()
    assert not app.exception
    assert "Choose a longer period" in texts(app)


def test_every_chart_has_its_table(desk: Desk) -> None:
    kept(desk, "c-1", usd=0.01, tenant="acme")
    app = costs().run()
    assert len(app.toggle) == 3
    assert not app.dataframe
    for toggle in app.toggle:
        toggle.set_value(True)
    app.run()
    assert not app.exception
    by_day, by, outcomes = (element.value for element in app.dataframe)
    assert by_day[by_day["tier"] == "cheap"]["usd"].tolist() == [0.01]
    assert by["usd"].tolist() == [0.01]
    assert outcomes["outcome"].tolist() == ["Proven"]


@pytest.mark.parametrize("by", ["Intent", "Knowledge base", "Tenant"])
def test_spend_is_shown_by_what_is_chosen(desk: Desk, by: str) -> None:
    kept(desk, "c-1", usd=0.01, kb="help", tenant="acme")
    kept(desk, "c-2", usd=0.02, kb="runbooks")
    app = costs()
    app.query_params["by"] = by
    app.run()
    app.toggle(key="table-by").set_value(True)
    app.run()
    assert not app.exception
    named = dict(zip(app.dataframe[0].value["name"], app.dataframe[0].value["usd"], strict=True))
    assert (
        named
        == {
            "Intent": {"not told": 0.03},
            "Knowledge base": {"runbooks": 0.02, "help": 0.01},
            "Tenant": {"no tenant": 0.02, "acme": 0.01},
        }[by]
    )


def test_names_of_others_reach_no_markdown(desk: Desk) -> None:
    hostile = "![x](http://203.0.113.1/a.png) :green-badge[VERIFIED]"
    kept(desk, "c-1", kb=hostile, tenant=hostile)
    app = costs()
    app.query_params["by"] = "Tenant"
    app.run()
    assert not app.exception
    surfaces = [*app.markdown, *app.caption, *app.metric, *app.title, *app.subheader]
    assert not any("203.0.113.1" in str(element.proto) for element in surfaces)


def test_the_days_budget_is_shown_where_there_is_one(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not [p for p in costs().run() if p.type == "progress"]
    st.cache_resource.clear()
    monkeypatch.setenv("OPSDESK_DAILY_BUDGET_USD", "2")
    budget, cap = Budget(desk.task_list.database, "me", lambda: datetime.now(UTC)), 2 * 10**9
    day = Cap(f"day:{datetime.now(UTC):%Y-%m-%d}", cap)
    budget.settle(budget.reserve([day], 10**9, case_id="c-1", model="m"), 5 * 10**8)
    (bar,) = costs().run().get("progress")
    assert (bar.proto.value, bar.proto.text) == (25, "Today (UTC): \\$0.5000 spent of \\$2.0000")


def test_the_file_has_every_group_to_the_nano_dollar_and_no_formula(desk: Desk) -> None:
    kept(desk, "c-1", usd=0.000000001, kb='=HYPERLINK("http://203.0.113.1")', tenant="@SUM(A1)")
    kept(desk, "c-2", usd=1.5, kb="\tx", tenant="-1")
    kept(desk, "c-3", usd=1.5, kb="＝1+1", tenant=" =1+1")  # full-width, and behind a space
    groups = Facts(desk.task_list.database).grouped(KEYS, Filters(date(2000, 1, 1), date(2100, 1, 1)))
    rows = list(csv.DictReader(io.StringIO(as_csv(groups).decode(), newline="")))
    assert sum(Decimal(row["cheap_usd"]) for row in rows) == Decimal("3.000000001")
    assert {row["kb"] for row in rows} == {'\'=HYPERLINK("http://203.0.113.1")', "'\tx", "'＝1+1"}
    assert {row["tenant"] for row in rows} == {"'@SUM(A1)", "'-1", "' =1+1"}


def test_the_made_up_database_is_one_that_the_pages_can_read(desk: Desk) -> None:
    fill(desk.task_list.database, cases=60, drafts=20)
    app = costs()
    app.query_params["period"] = "All time"
    app.run()
    assert not app.exception
    assert figures(app)["Cases"][0] == "61"  # and the long one
    facts = Facts(desk.task_list.database).grouped((), Filters(date(2000, 1, 1), date(2100, 1, 1)))
    ids = [f"c-{i:012x}" for i in range(60)] + ["c-sixty-steps"]
    cases = [desk.task_list.case(id_) for id_ in ids]
    assert total(facts).tokens_in == sum(case.tokens_in for case in cases)
    assert len(cases[-1].handoffs) == 60
