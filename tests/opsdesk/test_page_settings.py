"""The settings' page, run without a browser, and a worker that does what it asks for."""

from __future__ import annotations

import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import streamlit as st
from pydantic import SecretStr
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from opsdesk.desk import Desk
from opsdesk.pages.settings import in_force
from opsdesk.settings import PREFIX, McpServer, McpSettings, Settings, read_settings
from opsdesk.worker import Worker
from tasks.database import Database
from tasks.requests import Requests
from tasks.workers import Workers
from tests.simulator import Model, Simulator

KEY = "sk-very-secret-1234567890"


@pytest.fixture
def desk(home: Path) -> Iterator[Callable[[], Desk]]:
    """Opens the desk that the page finds too, with the settings that are in force then."""
    st.cache_resource.clear()
    yield lambda: Desk(read_settings())
    st.cache_resource.clear()


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """One paid tier at an address of which nobody answers."""
    for name, value in {"MODEL": "gpt-6-luna", "BASE_URL": "http://127.0.0.1:9/v1", "API_KEY": KEY}.items():
        monkeypatch.setenv(f"OPSDESK_TIERS__CHEAP__{name}", value)


def page() -> AppTest:
    def script() -> None:
        from opsdesk.pages import parts, settings

        parts.arrive()
        settings.page()

    return AppTest.from_function(script, default_timeout=60)


def texts(app: AppTest) -> str:
    return "\n".join(element.value for element in [*app.text, *app.caption])


def everything(app: AppTest) -> str:
    return "\n".join(str(getattr(element, "proto", "")) for element in app) + "\n".join(
        element.value.to_csv() for element in app.dataframe
    )


def test_what_is_in_force_is_listed_with_the_variable_of_each(
    desk: Callable[[], Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPSDESK_POLICY", "cheapest")
    monkeypatch.setenv("OPSDESK_DAILY_BUDGET_USD", "7")
    app = page().run()
    assert not app.exception
    table = app.dataframe[0].value
    found = {row["variable"]: row["value"] for _, row in table.iterrows()}
    assert found["OPSDESK_POLICY"] == "cheapest"
    assert found["OPSDESK_DAILY_BUDGET_USD"] == "$7.0000"
    assert found["OPSDESK_TENANT_DAILY_BUDGET_USD"] == "no limit"


def shown(settings: Settings) -> dict[str, str]:
    """The value that is shown of each variable."""
    database = Database("sqlite://")
    try:
        return {variable: value for _, value, variable in in_force(settings, database)}
    finally:
        database.dispose()


def test_every_setting_is_shown(tmp_path: Path) -> None:
    with_a_table_of_their_own = {"tiers"}
    names = {name for name in Settings.model_fields if name not in with_a_table_of_their_own}
    variables = {variable.split("__")[0] for variable in shown(Settings(home=tmp_path))}
    missing = {name for name in names if not {name.upper(), f"{PREFIX}{name.upper()}"} & variables}
    assert not missing


def test_what_is_set_is_what_is_shown(tmp_path: Path) -> None:
    values = shown(
        Settings(
            home=tmp_path,
            shadow_share=0.005,
            in_flight="hold",
            rate_limit=0,
            webhook_private=True,
            trace_text=True,
            price_per_resolved_usd=0.99,
            keep_days=90,
            keep_cases=10_000,
            mcp=McpSettings(servers={"orders": McpServer(command="python", tools=["order_status"])}),
        )
    )
    told = {
        "SHADOW_SHARE": "0.5%",
        "IN_FLIGHT": "hold",
        "RATE_LIMIT": "no limit",
        "WEBHOOK_PRIVATE": "allowed",
        "TRACE_TEXT": "figures and texts",
        "PRICE_PER_RESOLVED_USD": "$0.9900",
        "KEEP_DAYS": "90",
        "KEEP_CASES": "10,000",
        "MCP__SERVERS": "orders",
        "API_TOKEN": "not set",
    }
    assert {name: values[PREFIX + name] for name in told} == told


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://hooks.example.com/services/T0/hunter2?key=hunter2#hunter2", "hooks.example.com"),
        ("https://hunter2:hunter2@hooks.example.com:8443/x", "hooks.example.com"),
        ("hunter2", "no address"),
        ("https://[hunter2", "no address"),
        ("", "whom a request names"),
    ],
)
def test_of_a_webhook_its_host_is_shown_and_of_a_secret_whether_it_is_set(tmp_path: Path, url: str, host: str) -> None:
    key = SecretStr("hunter2" * 3)
    signing = SecretStr("whsec_" + b64encode(b"hunter2" * 4).decode())
    settings = Settings(home=tmp_path, webhook_url=url, openai_api_key=key, api_token=key, webhook_secret=signing)
    values = shown(settings)
    assert values[f"{PREFIX}WEBHOOK_URL"] == host
    assert [values[name] for name in ("OPENAI_API_KEY", f"{PREFIX}API_TOKEN", f"{PREFIX}WEBHOOK_SECRET")] == ["set"] * 3
    assert not [value for value in values.values() if "hunter2" in value or signing.get_secret_value() in value]


def test_own_prices_are_told_to_stand_above_the_table(desk: Callable[[], Desk]) -> None:
    assert "stand above the price table" in texts(page().run())


def test_no_key_is_shown_but_whether_there_is_one(desk: Callable[[], Desk], cheap: None) -> None:
    app = page().run()
    assert not app.exception
    tiers = app.dataframe[1].value
    assert tiers["key"].tolist() == ["needs none", "set"]
    assert tiers["endpoint"].tolist() == ["this process", "http://127.0.0.1:9/v1"]
    assert KEY not in everything(app)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://desk:hunter2@db.example/desk",
        "postgresql+psycopg://desk@db.example/desk?password=hunter2",
    ],
)
def test_the_databases_password_is_hidden_wherever_it_stands(tmp_path: Path, url: str) -> None:
    from sqlalchemy.engine import make_url

    database = Database(f"sqlite:///{tmp_path / 'x.sqlite'}")
    database.url = make_url(url)
    shown = {variable: value for _, value, variable in in_force(Settings(home=tmp_path), database)}
    assert "hunter2" not in str(shown)
    assert "db.example/desk" in shown["OPSDESK_DATABASE_URL"]
    database.dispose()


def test_what_is_wrong_is_told_and_the_rest_still_shown(
    desk: Callable[[], Desk], cheap: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPSDESK_TIERS__CHEAP__BASE_URL", f"http://desk:{KEY}@127.0.0.1:9/v1")
    app = page().run()
    assert not app.exception
    assert "OPSDESK_TIERS__CHEAP__BASE_URL: holds more than an address" in texts(app)
    assert len(app.dataframe) == 1
    assert KEY not in everything(app)


def test_without_a_worker_the_page_says_how_to_start_one(desk: Callable[[], Desk]) -> None:
    app = page().run()
    assert "opsdesk worker" in [code.value for code in app.code]


def test_a_worker_of_another_version_is_told(desk: Callable[[], Desk]) -> None:
    opened = desk()
    workers = Workers(opened.task_list.database, lambda: datetime.now(UTC))
    workers.beat(opened.task_list.owner, "0.0.1")
    shown = texts(page().run())
    assert "1 worker at work" in shown
    assert "A worker runs version 0.0.1" in shown


def test_testing_the_tiers_is_left_for_the_worker_and_what_came_of_it_is_shown(
    desk: Callable[[], Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Simulator({"gpt-6-luna": Model()}) as simulator:
        for name, value in {"MODEL": "gpt-6-luna", "BASE_URL": simulator.base_url, "API_KEY": KEY}.items():
            monkeypatch.setenv(f"OPSDESK_TIERS__CHEAP__{name}", value)
        monkeypatch.setenv("OPSDESK_TIERS__FRONTIER__MODEL", "gpt-6.1-sol")
        monkeypatch.setenv("OPSDESK_TIERS__FRONTIER__BASE_URL", "http://127.0.0.1:9/v1")
        opened = desk()
        app = page().run()
        click(app, "Test the tiers")
        assert "Waiting for a worker" in texts(app)
        assert button(app, "Test the tiers").disabled
        done(opened, "check_tiers")
        app.run()
        assert not app.exception
        checked = next(frame.value for frame in app.dataframe if "result" in frame.value)
        assert checked["result"].tolist() == ["answers", "failed"]
        assert "frontier (gpt-6.1-sol at 127.0.0.1:9) cannot be reached" in texts(app)
        assert "cheap (gpt-6-luna" not in texts(app)
        assert not button(app, "Test the tiers").disabled


def test_learning_is_left_for_the_worker_and_what_came_of_it_is_shown(desk: Callable[[], Desk]) -> None:
    opened = desk()
    app = page().run()
    click(app, "Learn from cases")
    done(opened, "learn")
    app.run()
    assert not app.exception
    assert "nothing new is in force: too little was seen" in texts(app)


def test_the_routers_table_and_its_versions_are_shown(desk: Callable[[], Desk], cheap: None) -> None:
    opened = desk()
    body = {"cells": {"billing|cheap|gpt-6-luna": {"good": 90, "bad": 10}}, "durations": {}}
    opened.records.put(body, "100 drafts", "2026-11-24T12:00:00+00:00")
    app = page().run()
    assert not app.exception
    table = next(frame.value for frame in app.dataframe if "writes" in frame.value).set_index("intent")
    assert table.loc["billing", "cheap"].endswith("(100)")
    assert table.loc["howto", "cheap"].endswith("(0)")
    assert "Version 1 is in force" in texts(app)
    versions = next(frame.value for frame in app.dataframe if "note" in frame.value)
    assert versions["note"].tolist() == ["100 drafts"]


def button(app: AppTest, label: str) -> Button:
    return next(one for one in app.button if one.label == label)


def click(app: AppTest, label: str) -> None:
    button(app, label).click()
    app.run()
    assert not app.exception


def done(desk: Desk, kind: str) -> None:
    """Has a worker do what was left."""
    requests = Requests(desk.task_list.database, lambda: datetime.now(UTC))
    worker = Worker(desk)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        give_up = time.monotonic() + 60
        while requests.latest([kind])[0].is_open and time.monotonic() < give_up:  # type: ignore[list-item]
            time.sleep(0.02)
    finally:
        worker.ending.set()
        thread.join()
