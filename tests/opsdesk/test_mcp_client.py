"""Tools of MCP servers: a real one in another process, over stdio and HTTP, and many that go wrong."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp.server.fastmcp import FastMCP
from pydantic import ValidationError
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from agents.tools import Planned, Result, Tool
from opsdesk.desk import Desk
from opsdesk.mcp_client import Toolbox
from opsdesk.redaction import redacted
from opsdesk.settings import McpServer, Settings
from opsdesk.tiers import secrets_of
from tasks.case import Case, Ticket
from tests.browser.served import ROOT
from tests.opsdesk.api_served import running

EXAMPLE = ROOT / "examples" / "orders"
FAULTY = Path(__file__).with_name("faulty_mcp.py")


def faulty(way: str, timeout: float = 5, **more: Any) -> McpServer:
    found = {
        "command": sys.executable,
        "args": [str(FAULTY), way],
        "tools": ["order_status"],
        "timeout": timeout,
        **more,
    }
    return McpServer.model_validate(found)


@contextmanager
def box(*ways: str, **more: Any) -> Iterator[Toolbox]:
    found = Toolbox({way: faulty(way, **more) for way in ways})
    try:
        yield found
    finally:
        found.close()


def asked(toolbox: Toolbox, server: str, order: str = "ORD-1") -> Result:
    tool = Tool(server, "order_status")
    return toolbox.ask([Planned(tool, {"order_id": order}, (order,))])[0]


# --- a crew and a real server ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def desk(home_of_all: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    orders = tmp_path_factory.mktemp("orders") / "orders.csv"
    shutil.copy(EXAMPLE / "orders.csv", orders)
    server = {
        "command": sys.executable,
        "args": [str(EXAMPLE / "server.py"), str(orders)],
        "timeout": 20,
        "tools": {"order_status": {"when": "parcel arrive"}, "cancel_order": {}},
    }
    made = Desk(Settings.model_validate({"home": home_of_all, "mcp": {"servers": {"orders": server}}}))
    yield made
    if made.toolbox:
        made.toolbox.close()


def ask(desk: Desk, text: str) -> Case:
    return desk.ask(Ticket(text=text))


def test_an_orders_status_is_answered_and_its_figure_proven_to_what_the_tool_said(desk: Desk) -> None:
    case = ask(desk, "When will my order ORD-1042 arrive, and how much was it?")
    assert case.outcome == "accepted"
    assert "2026-12-02" in case.answer
    assert {citation.doc_id for citation in case.citations} == {"mcp:orders/order_status"}
    told = {passage.n: passage.text for passage in case.passages}
    assert all(citation.quote in told[citation.n] for citation in case.citations)
    assert desk.stale(case) == []


def test_tool_and_documents_answer_one_ticket_together(desk: Desk) -> None:
    case = ask(desk, "When will order ORD-1043 arrive, and how do I reset my password?")
    assert case.outcome == "accepted"
    assert "2026-12-14" in case.answer
    assert {"mcp:orders/order_status", "password-reset.md"} <= {citation.doc_id for citation in case.citations}


def test_a_change_is_proposed_to_a_person_and_never_made(desk: Desk) -> None:
    file = Path(desk.settings.mcp.servers["orders"].args[1])
    before = file.read_bytes()
    case = ask(desk, "Please cancel order ORD-1043.")
    assert case.outcome == "needs_human"
    assert [str(call) for call in case.proposed] == ["orders.cancel_order(order_id=ORD-1043)"]
    assert "proposed, and not called: orders.cancel_order(order_id=ORD-1043)" in case.outcome_reason
    assert file.read_bytes() == before


def test_an_order_that_is_not_there_is_no_answer(desk: Desk) -> None:
    case = ask(desk, "What is the status of order ORD-9999?")
    assert case.outcome == "abstained"
    assert "there is no order ORD-9999; went on without it" in case.outcome_reason


def test_a_dead_server_is_named_and_the_documents_still_answer(home_of_all: Path) -> None:
    server = {"command": "/no/such/command", "tools": ["order_status"]}
    lost = Desk(Settings.model_validate({"home": home_of_all, "mcp": {"servers": {"orders": server}}}))
    case = ask(lost, "How do I reset my password?")
    assert case.outcome == "accepted"
    (handoff,) = [handoff for handoff in case.handoffs if handoff.task == "retrieve"]
    assert "orders cannot be started: no command /no/such/command" in handoff.reason


# --- servers that go wrong -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("way", "error"),
    [
        ("hangs", "hangs gave no answer within 2 s"),
        ("dies", "dies hung up"),
        ("huge", "it answered with 10,000,000 characters, more than the 20,000 that are read"),
        ("lies", "lies answered with something that is not MCP (ValidationError)"),
        ("breaks its schema", "breaks its schema answered with something that is not MCP (RuntimeError)"),
        ("silent", "it said nothing that can be read"),
        ("refuses", "it says: no such order"),
    ],
)
def test_a_call_that_goes_wrong_is_told_in_plain_words(way: str, error: str) -> None:
    with box(way, timeout=30 if way == "huge" else 2) as toolbox:
        assert asked(toolbox, way)[:2] == ("", error)


@pytest.mark.parametrize(
    ("way", "problem"),
    [
        ("ends at once", "ends at once ended at once; opsdesk tools shows what it said"),
        ("never starts", "never starts gave no answer within 3 s"),
        ("no such tool", "no such tool has no tool order_status; opsdesk tools shows those that it has"),
    ],
)
def test_a_server_that_cannot_be_asked_is_named_beside_one_that_can(way: str, problem: str) -> None:
    with box(way, "fine", timeout=1 if way == "never starts" else 5) as toolbox:
        toolbox.listed()  # a slow machine may need the first for starting both
        tools, problems = toolbox.listed()
        assert [tool.server for tool in tools] == ["fine"]
        assert [told.removesuffix(" (not tried again for 30 s)") for told in problems] == [problem]


def test_a_command_that_ends_before_anything_is_written_to_it_has_ended_at_once() -> None:
    toolbox = Toolbox({"true": McpServer(command="true", tools=["order_status"], timeout=5)})
    try:
        assert toolbox.listed()[1] == ["true ended at once; opsdesk tools shows what it said"]
    finally:
        toolbox.close()


def test_a_connection_that_was_lost_is_made_anew() -> None:
    with box("once") as toolbox:
        assert [asked(toolbox, "once").text for _ in range(2)] == ["- Status of ORD-1: shipped"] * 2


def test_a_call_that_is_answered_with_an_error_fails_alone_and_its_words_reach_no_other_case() -> None:
    with box("errs") as toolbox:
        assert asked(toolbox, "errs", "ORD-9")[:2] == ("", "it says: order ORD-9 belongs to jane@example.com")
        assert asked(toolbox, "errs")[:2] == ("- Status of ORD-1: shipped", "")
        tools, problems = toolbox.listed()
        assert ([tool.server for tool in tools], problems) == (["errs"], [])


def test_a_server_that_failed_is_left_alone_for_a_while() -> None:
    now = [0.0]
    toolbox = Toolbox({"gone": McpServer(command="/no/such/command", tools=["order_status"])}, lambda: now[0])
    assert asked(toolbox, "gone").error == "gone cannot be started: no command /no/such/command"
    assert "not tried again for 30 s" in asked(toolbox, "gone").error
    now[0] = 31.0
    assert "not tried again" not in asked(toolbox, "gone").error
    toolbox.close()


def test_a_tool_that_says_it_destroys_is_never_called_unless_the_settings_say_otherwise() -> None:
    with box("changes") as toolbox:
        assert [tool.changes for tool in toolbox.listed()[0]] == [True]
    with box("changes", tools={"order_status": {"changes": False}}) as toolbox:
        assert [tool.changes for tool in toolbox.listed()[0]] == [False]


def test_a_server_is_given_none_of_our_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-for-servers")
    script = "import os,sys; sys.stderr.write(repr(dict(os.environ))); sys.exit(1)"
    with tempfile.TemporaryFile() as errors:
        server = McpServer.model_validate(
            {"command": sys.executable, "args": ["-c", script], "env": {"A": "b"}, "tools": []}
        )
        toolbox = Toolbox({"s": server}, stderr=errors.fileno())
        toolbox.listed()
        toolbox.close()
        errors.seek(0)
        seen = errors.read().decode()
    assert "'A': 'b'" in seen
    assert "sk-not-for-servers" not in seen


# --- over HTTP -------------------------------------------------------------------------------------------------

TOKEN = "orders-token-0123456789"


def over_http() -> Any:
    server: FastMCP[Any] = FastMCP("orders", stateless_http=True, json_response=True, log_level="CRITICAL")

    @server.tool()
    def order_status(order_id: str) -> str:
        return "x" * 10_000_000 if order_id == "huge" else f"Order {order_id} was shipped on 2026-11-20."

    app = server.streamable_http_app()

    async def known(request: Request, go_on: Any) -> Response:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return PlainTextResponse("who are you?", 401)
        answer: Response = await go_on(request)
        return answer

    app.add_middleware(BaseHTTPMiddleware, dispatch=known)
    return app


def test_a_server_at_an_address_is_asked_with_its_token_and_bounded() -> None:
    with running(over_http(), None) as site:
        given = {"url": f"{site}/mcp", "tools": ["order_status"], "timeout": 20, "token": TOKEN}
        servers = {"right": given, "huge": {**given, "timeout": 2}, "wrong": {**given, "token": "another-987654321"}}
        settings = Settings.model_validate({"mcp": {"servers": servers}})
        toolbox = Toolbox(settings.mcp.servers)
        assert asked(toolbox, "right")[:2] == ("Order ORD-1 was shipped on 2026-11-20.", "")
        huge = toolbox.ask([Planned(Tool("huge", "order_status"), {"order_id": "huge"}, ())])[0]
        assert huge[:2] == ("", "huge gave no answer within 2 s")
        assert asked(toolbox, "wrong").error == "wrong answered with HTTP 401; is its token right?"
        toolbox.close()
    assert TOKEN not in redacted(f"it said {TOKEN}", secrets_of(settings))


def test_a_server_that_was_started_anew_and_knows_no_session_is_asked_again() -> None:
    app, calls = over_http(), 0

    async def forgetful(request: Request, go_on: Any) -> Response:
        nonlocal calls
        if b"tools/call" in await request.body():
            calls += 1
            if calls == 2:
                return PlainTextResponse("no such session", 404)
        answer: Response = await go_on(request)
        return answer

    app.add_middleware(BaseHTTPMiddleware, dispatch=forgetful)
    with running(app, None) as site:
        given = {"url": f"{site}/mcp", "tools": ["order_status"], "timeout": 20, "token": TOKEN}
        toolbox = Toolbox({"orders": McpServer.model_validate(given)})
        assert [asked(toolbox, "orders").text for _ in range(2)] == ["Order ORD-1 was shipped on 2026-11-20."] * 2
        toolbox.close()


def test_an_address_that_holds_no_server_is_named() -> None:
    with running(over_http(), None) as site:
        given = {"url": f"{site}/elsewhere", "tools": ["order_status"], "timeout": 20, "token": TOKEN}
        toolbox = Toolbox({"lost": McpServer.model_validate(given)})
        assert asked(toolbox, "lost").error == "lost answered with HTTP 404; is its url right?"
        toolbox.close()


def test_an_address_that_nobody_listens_at_is_named() -> None:
    server = McpServer.model_validate({"url": "http://127.0.0.1:9/mcp", "tools": ["order_status"]})
    toolbox = Toolbox({"gone": server})
    assert asked(toolbox, "gone").error == "gone cannot be reached"
    toolbox.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"command": "a", "url": "http://127.0.0.1/mcp"},
        {"url": "ftp://127.0.0.1"},
        {"url": "http://name:secret@127.0.0.1/mcp"},
        {"command": "a", "timeout": 0},
        {"command": "a", "tools": {"t": {"chnges": True}}},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        McpServer.model_validate({"tools": ["t"], **wrong})
