"""Opsdesk over MCP, as the official client and a CrewAI agent elsewhere find it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client
from mcp.shared.exceptions import McpError
from pydantic import AnyUrl

from opsdesk.desk import Desk
from opsdesk.mcp_server import http_app
from opsdesk.settings import Settings
from opsdesk.worker import Worker
from tasks.tokens import SCOPES, Tokens
from tests.browser.served import ROOT, environment
from tests.opsdesk.api_served import MASTER, running, settings_of

QUESTION = "How do I reset my password?"
TOOLS = {"search_knowledge", "answer_question", "draft_reply", "check_answer", "get_case"}


@pytest.fixture(scope="module")
def url(home_of_all: Path) -> Iterator[str]:
    """A server over HTTP, with a worker behind it."""
    settings = settings_of(home_of_all)
    with running(http_app(Desk(settings), ["127.0.0.1"]), Worker(Desk(settings))) as site:
        yield f"{site}/mcp"


@asynccontextmanager
async def session(url: str, secret: str) -> AsyncIterator[ClientSession]:
    headers = {"Authorization": f"Bearer {secret}"}
    async with streamablehttp_client(url, headers=headers) as (read, write, _), ClientSession(read, write) as client:
        await client.initialize()
        yield client


def talk(url: str, secret: str, do: Callable[[ClientSession], Awaitable[Any]]) -> Any:
    async def talked() -> Any:
        async with session(url, secret) as client:
            return await do(client)

    return apart(talked())


def apart(talking: Coroutine[Any, Any, Any]) -> Any:
    """Runs it in a thread of its own: a browser's tests leave their event loop running in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, talking).result()


def call(url: str, name: str, arguments: dict[str, Any], secret: str = MASTER) -> Any:
    return talk(url, secret, lambda client: client.call_tool(name, arguments))


def token(home: Path, tenant: str, *, read_only: bool = False) -> str:
    desk = Desk(Settings(home=home))
    return Tokens(desk.task_list.database, desk.now).make(tenant, SCOPES[:1] if read_only else SCOPES)[1]


def test_the_client_lists_and_calls_every_tool(url: str) -> None:
    async def every(client: ClientSession) -> Any:
        listed = await client.list_tools()
        assert {tool.name for tool in listed.tools} == TOOLS
        assert all(tool.description and tool.outputSchema and tool.annotations for tool in listed.tools)
        hits: Any = await client.call_tool("search_knowledge", {"query": "reset password", "k": 3})
        assert len(hits.structuredContent["hits"]) == 3
        answered: Any = await client.call_tool("answer_question", {"question": QUESTION})
        assert answered.structuredContent["outcome"] == "accepted"
        assert answered.structuredContent["citations"]
        drafted: Any = await client.call_tool("draft_reply", {"ticket": QUESTION, "customer": "Mara Klein"})
        assert "Mara" in drafted.structuredContent["answer"]
        checked: Any = await client.call_tool("check_answer", {"answer": "It costs $5.", "passages": ["It costs $6."]})
        assert checked.structuredContent["supported"] is False
        case: Any = await client.call_tool("get_case", {"case_id": answered.structuredContent["case_id"]})
        assert len(case.structuredContent["case"]["handoffs"]) == 4
        return hits.structuredContent["hits"][0]["uri"], answered.structuredContent["case_id"]

    document, case_id = talk(url, MASTER, every)

    async def read(client: ClientSession) -> None:
        text: Any = await client.read_resource(AnyUrl(document))
        assert "password" in text.contents[0].text.lower()
        case: Any = await client.read_resource(AnyUrl(f"opsdesk://cases/{case_id}"))
        assert json.loads(case.contents[0].text)["case_id"] == case_id
        prompts = await client.list_prompts()
        assert {prompt.name for prompt in prompts.prompts} == {"answer_ticket", "check_text", "explain_case"}
        said: Any = await client.get_prompt("answer_ticket", {"ticket": QUESTION})
        assert QUESTION in said.messages[0].content.text

    talk(url, MASTER, read)


@pytest.mark.parametrize("name", sorted(TOOLS))
@pytest.mark.parametrize("who", ["reader", "other", "full"])
def test_each_token_may_call_what_is_its_own(who: str, name: str, url: str, home_of_all: Path) -> None:
    owner = token(home_of_all, "owner")
    case_id = call(url, "answer_question", {"question": QUESTION}, owner).structuredContent["case_id"]
    arguments: dict[str, dict[str, Any]] = {
        "search_knowledge": {"query": "password"},
        "answer_question": {"question": QUESTION},
        "draft_reply": {"ticket": QUESTION},
        "check_answer": {"answer": "a", "passages": ["a"]},
        "get_case": {"case_id": case_id},
    }
    secret = {
        "reader": lambda: token(home_of_all, "owner", read_only=True),
        "other": lambda: token(home_of_all, "other"),
        "full": lambda: owner,
    }[who]()
    refused = {("reader", "answer_question"), ("reader", "draft_reply"), ("other", "get_case")}
    assert call(url, name, arguments[name], secret).isError == ((who, name) in refused)


@pytest.mark.parametrize("given", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {MASTER}"}])
def test_nobody_without_a_token_gets_in(url: str, given: dict[str, str]) -> None:
    asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    headers = {"Accept": "application/json, text/event-stream", **given}
    assert httpx.post(url, json=asked, headers=headers).status_code == 401


def test_names_and_pages_of_elsewhere_are_refused(url: str) -> None:
    asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    known = {"Accept": "application/json, text/event-stream", "Authorization": f"Bearer {MASTER}"}
    assert httpx.post(url, json=asked, headers=known).status_code == 200
    assert httpx.post(url, json=asked, headers={**known, "Host": "evil.example"}).status_code == 421
    assert httpx.post(url, json=asked, headers={**known, "Origin": "https://evil.example"}).status_code == 403


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("get_case", {"case_id": "c-nowhere"}, "there is no such case"),
        ("search_knowledge", {"query": "x", "kb": "nowhere"}, "nowhere"),
        ("answer_question", {"question": ""}, "question"),
        ("search_knowledge", {"query": "x", "k": 1000}, "k"),
    ],
)
def test_a_wrong_call_is_told_what_is_wrong(url: str, name: str, arguments: dict[str, Any], told: str) -> None:
    answered = call(url, name, arguments)
    assert answered.isError
    assert told in answered.content[0].text


def test_what_internal_pages_say_is_for_staff_alone(url: str) -> None:
    query = {"query": "refund approval limits internal", "k": 50}
    customers = call(url, "search_knowledge", query).structuredContent["hits"]
    staff = call(url, "search_knowledge", {**query, "audience": "staff"}).structuredContent["hits"]
    hidden = {hit["uri"] for hit in staff} - {hit["uri"] for hit in customers}
    assert hidden

    async def read(client: ClientSession) -> str:
        with pytest.raises(McpError) as refused:
            await client.read_resource(AnyUrl(next(iter(hidden))))
        return str(refused.value)

    assert "there is no such document" in talk(url, MASTER, read)


def test_over_stdio_it_is_one_command(home_of_all: Path) -> None:
    async def answered() -> Any:
        server = StdioServerParameters(
            command=sys.executable,
            args=["-m", "opsdesk", "mcp"],
            env=environment(home_of_all, {}),
            cwd=str(home_of_all),
        )
        async with stdio_client(server) as (read, write), ClientSession(read, write) as client:
            await client.initialize()
            return await client.call_tool("answer_question", {"question": QUESTION})

    assert apart(answered()).structuredContent["outcome"] == "accepted"


def test_a_crewai_agent_elsewhere_is_answered(url: str, home_of_all: Path) -> None:
    """The worker behind `url` does what it asks for."""
    program = [sys.executable, "-m", "tests.opsdesk.crewai_elsewhere", QUESTION]
    done = subprocess.run(
        program, env=environment(home_of_all, {}), cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    said = json.loads(done.stderr.rpartition("SAID ")[2].splitlines()[0])
    assert said["outcome"] == "accepted"
    assert "password" in said["answer"].lower()


def test_the_question_of_a_check_is_bounded_as_its_answer_is(url: str) -> None:
    asked = {"answer": "It costs $5.", "passages": ["It costs $5."]}
    assert not call(url, "check_answer", {**asked, "question": "What does it cost?"}).isError
    assert call(url, "check_answer", {**asked, "question": "x" * 20_001}).isError
