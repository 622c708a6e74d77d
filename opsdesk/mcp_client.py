"""The client of MCP servers, which asks their allow-listed tools. A server may be slow, huge, lying or gone.

Each server has one connection, kept by a task of its own in an event loop beside the crew's threads; a server that
fails is left alone for a while, so that a case waits for it once and not at every step.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Literal, NamedTuple

import anyio
import httpx
from anyio.abc import TaskGroup, TaskStatus
from anyio.from_thread import BlockingPortal
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import McpError
from mcp.types import CONNECTION_CLOSED, CallToolResult, TextContent
from mcp.types import Tool as Described

from agents.tools import Planned, Result, Tool
from agents.turns import aside
from knowledge_base.formats.objects import listed
from knowledge_base.formats.page import clean
from opsdesk.settings import McpServer

MOST_CHARACTERS = 20_000
"""Of one result: a longer one is no answer to one question."""

MOST_BYTES = 4_000_000
"""Of one response over HTTP."""

MOST_TOOLS = 500
"""Of one server, that are looked through for those on the allow-list."""

LEFT_ALONE = 30.0
"""Seconds for which a server that failed is not tried again."""


TO_START = 3
"""Times as long as for an answer is waited for a server to start."""


class _Failed(Exception):
    """A server cannot be asked; the text says why, for people."""


class _TooLarge(Exception):
    """A response went past its cap."""


Use = Literal["calls it", "proposes it", "is not allowed"]
"""What the crew does with a tool: one that changes something is proposed to a person."""


class Row(NamedTuple):
    """A tool of a server and what the crew does with it; or, without a tool, what is wrong with the server."""

    server: str
    tool: str = ""
    use: Use | None = None
    told: Sequence[str] = ()
    problem: str = ""


class Toolbox:
    """The tools of all servers that are configured. Safe to share between threads; opened when it is first used.

    `stderr` is where servers that are started here write their own messages: nowhere, or a file descriptor.
    """

    def __init__(
        self, servers: Mapping[str, McpServer], clock: Callable[[], float] = time.monotonic, stderr: int | None = None
    ) -> None:
        self._servers = [_Server(name, server, clock, stderr) for name, server in servers.items()]
        self._starting = threading.Lock()
        self._portal: BlockingPortal | None = None

    def listed(self) -> tuple[Sequence[Tool], Sequence[str]]:
        """The tools that can be asked now, and which servers cannot and why."""
        found = self._run(self._list)
        return [tool for tools, _ in found for tool in tools], [problem for _, problem in found if problem]

    def ask(self, planned: Sequence[Planned]) -> Sequence[Result]:
        """Calls them all at once; one result each. Nothing that goes wrong is raised."""
        found: list[Result] = self._run(self._ask, planned)
        return found

    def report(self) -> list[Row]:
        """Every tool of every server, allowed or not, and what is wrong with those that cannot be asked."""
        return [row for rows in self._run(self._report) for row in rows]

    def close(self) -> None:
        """Hangs up, and ends the servers that were started."""
        portal, self._portal = self._portal, None
        if portal is not None:
            ended = threading.Thread(target=portal.call, args=(portal.stop, True), daemon=True)
            ended.start()
            ended.join(3)

    def _run(self, do: Callable[..., Any], *args: Any) -> Any:
        with self._starting:
            if self._portal is None:
                self._portal = self._start()
        with aside():
            return self._portal.call(do, self._nursery, *args)

    def _start(self) -> BlockingPortal:
        """An event loop in a thread that ends with the process, whatever a server does then."""
        logging.getLogger("mcp").setLevel(logging.CRITICAL)  # it logs what servers send, with a traceback
        ready: Future[tuple[BlockingPortal, TaskGroup]] = Future()

        async def serve() -> None:
            async with BlockingPortal() as portal, anyio.create_task_group() as nursery:
                ready.set_result((portal, nursery))
                await portal.sleep_until_stopped()
                nursery.cancel_scope.cancel()

        threading.Thread(target=anyio.run, args=(serve,), daemon=True, name="mcp").start()
        portal, self._nursery = ready.result()
        atexit.register(self.close)
        return portal

    async def _list(self, nursery: TaskGroup) -> list[tuple[list[Tool], str]]:
        found: list[tuple[list[Tool], str]] = await _each(nursery, [server.tools for server in self._servers])
        return found

    async def _report(self, nursery: TaskGroup) -> list[list[Row]]:
        found: list[list[Row]] = await _each(nursery, [server.report for server in self._servers])
        return found

    async def _ask(self, nursery: TaskGroup, planned: Sequence[Planned]) -> list[Result]:
        named = {server.name: server for server in self._servers}

        def asking(plan: Planned) -> Callable[[TaskGroup], Any]:
            return lambda nursery: named[plan.tool.server].ask(plan, nursery)

        found: list[Result] = await _each(nursery, [asking(plan) for plan in planned])
        return found


async def _each(nursery: TaskGroup, tasks: Sequence[Callable[[TaskGroup], Any]]) -> list[Any]:
    """What each of them gives, all run at once."""
    found: list[Any] = [None] * len(tasks)

    async def one(n: int) -> None:
        found[n] = await tasks[n](nursery)

    async with anyio.create_task_group() as group:
        for n in range(len(tasks)):
            group.start_soon(one, n)
    return found


class _Server:
    """One server, and the connection to it."""

    def __init__(self, name: str, config: McpServer, clock: Callable[[], float], stderr: int | None) -> None:
        self.name, self._config, self._clock, self._stderr = name, config, clock, stderr
        self._session: ClientSession | None = None
        self._offered: list[Described] = []
        self._scope: anyio.CancelScope | None = None
        self._failed_at, self._why = -LEFT_ALONE, ""
        self._connecting: anyio.Lock | None = None
        self._patience = config.timeout * (TO_START if config.command else 1)

    async def tools(self, nursery: TaskGroup) -> tuple[list[Tool], str]:
        """Those on the allow-list that the server has, or why none can be asked."""
        try:
            await self._connected(nursery)
        except _Failed as failed:
            return [], str(failed)
        by_name, problem = {tool.name: tool for tool in self._offered}, ""
        allowed = self._config.allowed
        found = [_tool(self.name, by_name[name], self._config) for name in allowed if name in by_name]
        gone = [name for name in allowed if name not in by_name]
        if gone:
            problem = f"{self.name} has no tool {gone[0]}; opsdesk tools shows those that it has"
        return found, problem

    async def report(self, nursery: TaskGroup) -> list[Row]:
        """A row for each tool that it has, and for what is wrong."""
        tools, problem = await self.tools(nursery)
        mine = {tool.name: tool for tool in tools}
        rows = []
        for offered in self._offered:
            use: Use = "is not allowed" if offered.name not in mine else "calls it"
            if offered.name in mine and mine[offered.name].changes:
                use = "proposes it"
            rows.append(Row(self.name, offered.name, use, list(offered.inputSchema.get("properties", {}))))
        return [*rows, Row(self.name, problem=problem)] if problem else rows

    async def ask(self, plan: Planned, nursery: TaskGroup) -> Result:
        """Calls a tool. A connection that was lost while nobody asked is made anew, once."""
        began, error = self._clock(), ""
        for _ in range(2):
            lost = self._session
            try:
                session = await self._connected(nursery)
                with anyio.fail_after(self._config.timeout):
                    answer = await session.call_tool(plan.tool.name, plan.arguments)
                text, error = _read(answer, plan)
                return Result(text, error, self._clock() - began)
            except _Failed as failed:
                return Result("", str(failed), self._clock() - began)
            except (McpError, *_CLOSED) as failed:
                if isinstance(failed, McpError) and _signature(failed) not in _ENDED:
                    return Result("", _said(str(failed)), self._clock() - began)  # it refuses this call, no other
                error, again = f"{self.name} hung up", lost is not None
            except Exception as failed:  # noqa: BLE001  (a server that lies makes the library raise anything)
                error, again = self._reason(failed), False
            self._hang_up()
            if not again:
                break
        self._leave_alone(error)
        return Result("", error, self._clock() - began)

    async def _connected(self, nursery: TaskGroup) -> ClientSession:
        if self._connecting is None:
            self._connecting = anyio.Lock()
        async with self._connecting:
            if self._session is None:
                if self._clock() - self._failed_at < LEFT_ALONE:
                    raise _Failed(f"{self._why} (not tried again for {LEFT_ALONE:.0f} s)")
                try:
                    with anyio.fail_after(self._patience):
                        self._session = await nursery.start(self._hold)
                except Exception as error:  # noqa: BLE001  (whatever a transport raises)
                    self._leave_alone(self._reason(error))
                    raise _Failed(self._why) from None
            return self._session

    async def _hold(self, *, task_status: TaskStatus[ClientSession]) -> None:
        """Keeps the connection open until it is hung up. What ends it before it stands is raised to who connects."""
        stood = False
        try:
            with anyio.CancelScope() as scope:
                async with self._transport() as (read, write), ClientSession(read, write) as session:
                    await session.initialize()
                    self._offered = await _all_tools(session)
                    self._scope, stood = scope, True
                    task_status.started(session)
                    await anyio.sleep_forever()
        except Exception:
            if not stood:
                raise
            self._session = None  # lost while nobody asked: the next call makes it anew

    def _transport(self) -> AbstractAsyncContextManager[tuple[Any, Any]]:
        return _over_http(self._config) if self._config.url else _over_stdio(self._config, self._stderr)

    def _hang_up(self) -> None:
        self._session = None
        if self._scope:
            self._scope.cancel()

    def _leave_alone(self, why: str) -> None:
        """Until a while from now. `why` is told to every case, and so holds nothing of what the server said to one."""
        self._failed_at, self._why = self._clock(), why

    def _reason(self, error: BaseException) -> str:
        """Why the server failed, in plain words, without what it or a library said."""
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        if isinstance(error, TimeoutError | httpx.TimeoutException):
            within = self._patience if self._session is None else self._config.timeout
            return f"{self.name} gave no answer within {within:g} s"
        if isinstance(error, _TooLarge):
            return f"{self.name} sent more than {MOST_BYTES // 1_000_000} MB"
        if isinstance(error, httpx.HTTPStatusError):
            status = error.response.status_code
            told = "; is its token right?" if status in (401, 403) else ""
            return f"{self.name} answered with HTTP {status}{told}"
        if isinstance(error, FileNotFoundError | PermissionError | NotADirectoryError):
            return f"{self.name} cannot be started: no command {self._config.command}"
        if isinstance(error, httpx.TransportError | OSError):
            return f"{self.name} cannot be reached"
        # Which of them it is depends on whether the server was faster to end or we to write to it.
        if isinstance(error, _CLOSED) or (isinstance(error, McpError) and _signature(error) == _HUNG_UP):
            return f"{self.name} ended at once; opsdesk tools shows what it said"
        if isinstance(error, McpError) and _signature(error) == _NOT_FOUND:
            return f"{self.name} answered with HTTP 404; is its url right?"
        return f"{self.name} answered with something that is not MCP ({type(error).__name__})"


_CLOSED = (anyio.ClosedResourceError, anyio.BrokenResourceError)
_HUNG_UP, _NOT_FOUND = (CONNECTION_CLOSED, "Connection closed"), (32600, "Session terminated")
_ENDED = (_HUNG_UP, _NOT_FOUND)
"""What the library itself says of a connection that has ended, the latter of an HTTP 404: the server was started anew.
Any other error is an answer of the server's."""


def _signature(error: McpError) -> tuple[int, str]:
    return error.error.code, error.error.message


def _said(words: str) -> str:
    """What the server said to a call, as a reason that it was no use."""
    return f"it says: {' '.join(clean(words).split())[:200] or 'nothing'}"


async def _all_tools(session: ClientSession) -> list[Described]:
    found: list[Described] = []
    cursor: str | None = None
    while len(found) < MOST_TOOLS:
        page = await session.list_tools(cursor)
        found += page.tools
        cursor = page.nextCursor
        if not cursor or not page.tools:
            break
    return found[:MOST_TOOLS]


def _tool(server: str, offered: Described, config: McpServer) -> Tool:
    """A tool as the retriever knows it. It is taken to change things when the settings or the server say so."""
    mine, hints = config.allowed[offered.name], offered.annotations
    title = offered.title or (hints.title if hints else None) or ""
    says_so = bool(hints and (hints.readOnlyHint is False or hints.destructiveHint))
    return Tool(
        server=server,
        name=offered.name,
        title=" ".join(clean(title).split())[:100],
        when=mine.when,
        inputs=offered.inputSchema,
        patterns=mine.arguments,
        changes=says_so if mine.changes is None else mine.changes,
        internal=config.internal,
    )


def _read(answer: CallToolResult, plan: Planned) -> tuple[str, str]:
    """The text of a result, and what is wrong with it."""
    said = "\n\n".join(part.text for part in answer.content if isinstance(part, TextContent))
    if answer.isError:
        return "", _said(clean(said).removeprefix(f"Error executing tool {plan.tool.name}: "))
    if not said and answer.structuredContent:
        said = json.dumps(answer.structuredContent)
    if len(said) > MOST_CHARACTERS:
        return "", f"it answered with {len(said):,} characters, more than the {MOST_CHARACTERS:,} that are read"
    text = (listed(said, plan.about) or clean(said)).strip()
    return (text, "") if text else ("", "it said nothing that can be read")


@asynccontextmanager
async def _over_stdio(config: McpServer, stderr: int | None) -> AsyncIterator[tuple[Any, Any]]:
    """Starts the server. Of our variables it is given PATH and the like, and those that are set for it."""
    env = {name: value.get_secret_value() for name, value in config.env.items()}
    parameters = StdioServerParameters(command=config.command, args=config.args, env=env)
    with open(os.devnull if stderr is None else os.dup(stderr), "w") as errors:  # noqa: PTH123  (or a descriptor)
        async with stdio_client(parameters, errors) as streams:
            yield streams


@asynccontextmanager
async def _over_http(config: McpServer) -> AsyncIterator[tuple[Any, Any]]:
    headers = {"Accept-Encoding": "identity"}
    if config.token:
        headers["Authorization"] = f"Bearer {config.token.get_secret_value()}"
    client = httpx.AsyncClient(headers=headers, timeout=config.timeout, transport=_Capped())
    async with client, streamable_http_client(config.url, http_client=client) as (read, write, _):
        yield read, write


class _Capped(httpx.AsyncHTTPTransport):
    """Responses of at most MOST_BYTES."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """As httpx does it, but the body is counted."""
        response = await super().handle_async_request(request)
        stream = response.stream
        assert isinstance(stream, httpx.AsyncByteStream)  # noqa: S101  (what an async transport gives)
        response.stream = _Counted(stream)
        return response


class _Counted(httpx.AsyncByteStream):
    def __init__(self, inner: httpx.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = 0
        async for piece in self._inner:
            read += len(piece)
            if read > MOST_BYTES:
                raise _TooLarge
            yield piece

    async def aclose(self) -> None:
        await self._inner.aclose()
