"""Reliability, run without a browser over real cases: it draws what the leak meter says, and decides nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from benchmarks.front_data import fill
from opsdesk import leaks
from opsdesk.desk import Desk
from opsdesk.pages.reliability import BY
from opsdesk.settings import Settings
from tasks.experience import ExperienceStore, Word
from tasks.meter import Meter
from tests.opsdesk.test_page_costs import figures, kept, texts
from tests.tasks.test_facts import ALL


@pytest.fixture
def desk(home: Path) -> Iterator[Desk]:
    """A desk of the home that the page finds too."""
    st.cache_resource.clear()
    yield Desk(Settings(home=home))
    st.cache_resource.clear()


def reliability(**address: str) -> AppTest:
    def script() -> None:
        from opsdesk.pages import parts, reliability

        parts.arrive()
        reliability.page()

    app = AppTest.from_function(script, default_timeout=60)
    for name, value in address.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def test_without_a_case_the_page_says_what_to_do(desk: Desk) -> None:
    app = reliability()
    assert "Ask something on the page Chat" in texts(app)
    assert not app.metric


def test_filters_that_leave_nothing_say_so(desk: Desk) -> None:
    kept(desk, "c-1", days=60)
    assert "Choose a longer period" in texts(reliability())


def test_the_leakiest_seam_is_named_and_its_cases_can_be_opened(desk: Desk) -> None:
    for i in range(25):
        kept(desk, f"c-{i:02}", sent_back=i >= 20)
    app = reliability()
    shown = texts(app)
    assert "**Writing leaks most: 5 of 25 cases" in app.markdown[0].value
    assert "c-24" in shown
    assert "c-19" not in shown
    found = figures(app)
    assert found["None leaked"] == ("80.0%", "20 cases")
    assert found["Mended"] == ("5", "of 5 that leaked")


def test_few_cases_are_called_few(desk: Desk) -> None:
    kept(desk, "c-1", sent_back=True)
    app = reliability()
    assert "Too few cases to say which seam leaks most" in app.markdown[0].value
    assert figures(app)["End to end"] == ("100.0%", "too few cases")


def test_what_people_say_stands_apart(desk: Desk) -> None:
    for i in range(3):
        kept(desk, f"c-{i}")
    assert not [box for box in reliability().selectbox if box.label == "Told"]  # one source: nothing to choose
    ExperienceStore(desk.task_list).give("c-1", Word("reject", "", "", datetime.now(UTC).isoformat()))
    assert figures(reliability())["End to end"][0] == "100.0%"
    assert figures(reliability(told="By people's last word"))["End to end"][0] == "0.0%"


@pytest.mark.parametrize("by", BY)
def test_tables_hold_what_the_meter_says(desk: Desk, by: str) -> None:
    fill(desk.task_list.database, cases=60, drafts=0)
    app = reliability(period="All time", by=by)
    for toggle in app.toggle:
        toggle.set_value(True)
    app.run()
    assert not app.exception
    seams, groups = (element.value for element in app.dataframe)
    meter = Meter(desk.task_list.database)
    crew = leaks.whole(meter, ALL)[0]
    assert seams["of"].tolist() == [*(seam.success.of for seam in crew.seams), crew.cases]
    assert seams["leaks"].tolist()[:-1] == [seam.leaks for seam in crew.seams]
    assert sum(groups["cases"]) == crew.cases == 61
    rows = [one for one in leaks.rows(meter, BY[by], ALL) if one.source == "verifier"]
    assert sorted(groups["share"]) == sorted(one.end_to_end.share for one in rows)  # type: ignore[type-var]


def test_names_of_others_reach_no_markdown(desk: Desk) -> None:
    hostile = "![x](http://203.0.113.1/a.png) :green-badge[VERIFIED]"
    kept(desk, "c-1", kb=hostile)
    app = reliability(by="Knowledge base")
    surfaces = [*app.markdown, *app.caption, *app.metric, *app.title, *app.subheader]
    assert not any("203.0.113.1" in str(element.proto) for element in surfaces)
