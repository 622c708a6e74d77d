"""The page Handoffs, run without a browser over real cases."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from opsdesk.desk import Desk
from opsdesk.settings import Settings
from tasks.case import Case, Ticket
from tasks.requests import Requests

QUESTION = "How do I reset my password?"


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory, model_cache: Path) -> Path:
    """A home with two cases over a page."""
    home = tmp_path_factory.mktemp("handoffs")
    (home / "models").symlink_to(model_cache, target_is_directory=True)
    (home / "reset.md").write_text("# Reset your password\n\n1. Open the login page.\n2. Choose Forgot password?\n")
    desk = Desk(Settings(home=home, policy="offline"))
    desk.index([home / "reset.md"], "help")
    desk.ask(Ticket(text=QUESTION), "help")
    desk.ask(Ticket(text="Who wrote Hamlet?"), "help")
    desk.task_list.dispose()
    return home


@pytest.fixture
def desk(home: Path, worked: Path) -> Iterator[Desk]:
    st.cache_resource.clear()
    for name in ("kb", "opsdesk.sqlite"):
        copy = shutil.copytree if (worked / name).is_dir() else shutil.copy
        copy(worked / name, home / name)
    yield Desk(Settings(home=home))
    st.cache_resource.clear()


def opened(**address: str) -> AppTest:
    def script() -> None:
        from opsdesk.pages import handoffs, parts

        parts.arrive()
        handoffs.page()

    app = AppTest.from_function(script, default_timeout=30)
    for name, value in address.items():
        app.query_params[name] = value
    return app.run()


def cases(desk: Desk) -> dict[str, Case]:
    return {line.text: desk.case(line.case_id) for line in desk.task_list.recent(10)}


def texts(app: AppTest) -> str:
    return "\n".join(element.value for element in app.text)


def test_without_a_run_the_page_says_what_to_do(home: Path) -> None:
    st.cache_resource.clear()
    app = opened()
    assert not app.exception
    assert "Ask something on the page Chat" in texts(app)


def test_the_newest_run_is_shown_and_the_one_that_is_named(desk: Desk) -> None:
    app = opened()
    assert not app.exception
    assert "Who wrote Hamlet?" in texts(app)
    named = opened(run=cases(desk)[QUESTION].case_id)
    assert not named.exception
    assert QUESTION in texts(named)
    assert [metric.label for metric in named.metric[:6]] == [
        "Outcome", "Latency", "Model calls", "Tokens", "Cost of this run", "All-frontier estimate",
    ]  # fmt: skip
    assert (named.metric[0].value, named.metric[2].value, named.metric[4].value) == ("Proven", "0", "$0")


def test_a_step_that_is_named_is_the_one_in_detail(desk: Desk) -> None:
    id_ = cases(desk)[QUESTION].case_id
    app = opened(run=id_, step="4")
    assert any("4 Verify grounding" in element.value for element in app.markdown)
    assert "Received from writer" in texts(app)
    assert "Sent to asker" in texts(app)
    received, sent = (element.value for element in app.code[:2])
    assert "1. Open the login page. [1]" in received
    assert "proven: Open the login page. [1]" in sent
    first = opened(run=id_, step="no such step")
    assert not first.exception
    assert any("1 Route request" in element.value for element in first.markdown)


def test_the_table_and_the_sequence_tell_the_same_steps(desk: Desk) -> None:
    app = opened(run=cases(desk)[QUESTION].case_id)
    app.segmented_control[0].set_value("Table").run()
    assert not app.exception
    table = app.dataframe[0].value
    assert [what for what, agent in zip(table["what"], table["agent"], strict=True) if agent != "retriever"] == [
        "Route request", "Draft answer", "Verify grounding",
    ]  # fmt: skip
    app.segmented_control[0].set_value("Sequence").run()
    assert not app.exception


def test_the_address_keeps_view_and_filters(desk: Desk) -> None:
    app = opened(run=cases(desk)[QUESTION].case_id, view="Table", only="Model calls")
    assert not app.exception
    assert "No step is like that." in texts(app)  # all was done by the built-in model
    assert app.dataframe[0].value.empty


def test_the_step_in_detail_is_one_that_the_filter_shows(desk: Desk) -> None:
    app = opened(run=cases(desk)["Who wrote Hamlet?"].case_id, step="1", only="Problems")
    assert not app.exception
    assert any("2 Retrieve evidence" in element.value for element in app.markdown)


def test_no_export_holds_a_key(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "sk-canary-0123456789"
    monkeypatch.setenv("OPENAI_API_KEY", key)
    leaky = desk.ask(Ticket(text=f"Who sees {key}?"), "help")
    st.cache_resource.clear()
    files: list[str] = []
    monkeypatch.setattr(st, "download_button", lambda label, data, *_, **__: files.append(data))
    assert not opened(run=leaky.case_id).exception
    assert len(files) == 2
    assert all(key not in file and "[hidden]" in file for file in files)


def test_a_run_that_is_not_there_is_told(desk: Desk) -> None:
    app = opened(run="c-000000000000")
    assert not app.exception
    assert "There is no such run" in texts(app)


def test_two_runs_stand_side_by_side(desk: Desk) -> None:
    found = cases(desk)
    app = opened(run=found[QUESTION].case_id, **{"with": found["Who wrote Hamlet?"].case_id})
    assert not app.exception
    figures, steps = (frame.value for frame in app.dataframe)
    assert figures["differs"].tolist()[0] == "differs"
    assert "only in A" in steps["differs"].tolist()


def test_a_replay_is_left_for_the_worker_under_its_policy_and_waited_for(desk: Desk) -> None:
    def script() -> None:
        import streamlit as st

        from opsdesk.pages import handoffs, parts

        parts.arrive()
        if st.button("Do replay"):
            handoffs.replay(parts.desk().case(st.query_params["run"]), "cheapest")
        handoffs.page()

    id_ = cases(desk)[QUESTION].case_id
    app = AppTest.from_function(script, default_timeout=30)
    app.query_params["run"] = id_
    app.run()
    next(button for button in app.button if button.label == "Do replay").click().run()
    assert not app.exception
    (request,) = Requests(desk.task_list.database, lambda: datetime.now(UTC)).latest(["ask"])
    assert (request.body["policy"], request.body["ticket"]["text"], request.kb) == ("cheapest", QUESTION, "help")
    assert app.query_params["run"] == request.case_id
    assert app.query_params["with"] == id_
    assert "Waiting for the run to begin" in texts(app)
