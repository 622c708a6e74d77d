"""`opsdesk serve`, `opsdesk mcp`, `opsdesk tools` and `opsdesk token`: the doors for programs, and who may use them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from errors import UsageError
from opsdesk.cli_front import check_port, url_of, workers_beside
from opsdesk.command import INTERRUPTED, Json, open_desk, print_json
from opsdesk.desk import Desk

if TYPE_CHECKING:
    from starlette.applications import Starlette

token = typer.Typer(no_args_is_help=True, help="Tokens for `opsdesk serve`: make, list, revoke.")


def register(app: typer.Typer) -> None:
    """Adds `serve`, `mcp`, `tools` and `token` to the command line."""
    app.command()(serve)
    app.command()(mcp)
    app.command()(tools)
    app.add_typer(token, name="token")


def serve(
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen on.")] = 8600,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    name: Annotated[list[str] | None, typer.Option("--name", help="Host name that it is called by.")] = None,
    workers: Annotated[int, typer.Option("--workers", min=0, help="Workers to start; 0 when they run elsewhere.")] = 1,
) -> None:
    """Serve the HTTP API: cases, batches, search, check, and OpenAI's chat completions. Starts a worker too.

    Every call needs a token: OPSDESK_API_TOKEN, or one of `opsdesk token make`. The API is described at /openapi.json.
    Example: OPSDESK_API_TOKEN=$(openssl rand -hex 24) opsdesk serve
    """
    from opsdesk.api.app import create_app

    _serve(create_app, host, port, name, workers, "API", "/v1")


def mcp(
    http: Annotated[
        bool, typer.Option("--http", help="Serve over HTTP at /mcp, with tokens, instead of stdio.")
    ] = False,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen on.")] = 8601,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    name: Annotated[list[str] | None, typer.Option("--name", help="Host name that it is called by.")] = None,
    workers: Annotated[int, typer.Option("--workers", min=0, help="Workers to start; 0 when they run elsewhere.")] = 1,
) -> None:
    """Serve other agents over MCP: search_knowledge, answer_question, draft_reply, check_answer, get_case.

    Over stdio it is what an editor or a desktop client starts: {"command": "opsdesk", "args": ["mcp"]}.
    """
    from opsdesk import mcp_server

    if http:
        _serve(mcp_server.http_app, host, port, name, workers, "MCP", "/mcp")
        return
    import anyio

    desk = open_desk()
    _ = desk.task_list, desk.tiers
    with workers_beside(workers):
        anyio.run(mcp_server.over_stdio, desk)


def tools(as_json: Json = False) -> None:
    """Show the MCP servers that the crew may ask, what tools each has, and which of them it may call.

    They are set in opsdesk.toml: [mcp.servers.orders] with command and args, or url and token, and with tools, the
    allow-list. A tool that changes something is proposed to a person and never called. Nothing is called here either;
    what servers that are started here say on stderr is shown.
    """
    import sys

    from opsdesk.mcp_client import Toolbox
    from opsdesk.show import notes, table

    servers = open_desk().settings.mcp.servers
    if not servers:
        raise UsageError("no MCP server is set; add [mcp.servers.NAME] to opsdesk.toml, as in examples/orders")
    found = Toolbox(servers, stderr=sys.stderr.fileno()).report()
    if as_json:
        print_json([row._asdict() for row in found])
        return
    table(
        "Tools",
        ["server", "tool", "the crew", "what it has to be told"],
        [(row.server, row.tool, row.use or "", ", ".join(row.told)) for row in found if row.tool],
    )
    for row in found:
        if row.problem:
            notes.print(f"{row.server}: {row.problem}", soft_wrap=True)


def _serve(
    make_app: Callable[[Desk, list[str]], Starlette],
    host: str,
    port: int,
    names: list[str] | None,
    workers: int,
    what: str,
    path: str,
) -> None:
    from opsdesk.api import server
    from opsdesk.web import names_on
    from tasks.tokens import Tokens

    check_port(host, port)
    desk = open_desk()
    _ = desk.task_list, desk.tiers
    if not desk.settings.api_token and not Tokens(desk.task_list.database, desk.now).all():
        raise UsageError(
            "nobody could call it: set OPSDESK_API_TOKEN, or make a token with: opsdesk token make --tenant NAME"
        )
    app = make_app(desk, names_on(host, names))
    with workers_beside(workers):
        typer.echo(f"Opsdesk's {what} is at {url_of(host, port)}{path} (Ctrl-C ends it)", err=True)
        try:
            server.serve(app, host, port)
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None


@token.command("make")
def make(
    tenant: Annotated[str, typer.Option("--tenant", help="Whose cases it makes and sees.")],
    read_only: Annotated[bool, typer.Option("--read-only", help="It sees and searches, and spends nothing.")] = False,
    days: Annotated[int, typer.Option("--days", min=0, max=36_500, help="Days until it expires; 0 is never.")] = 0,
    name: Annotated[str, typer.Option("--name", help="What it is for.")] = "",
    as_json: Json = False,
) -> None:
    """Make a token, and print its secret this once. Example: opsdesk token make --tenant acme --days 90"""
    from tasks.tokens import SCOPES, Tokens

    desk = open_desk()
    expires = desk.now() + timedelta(days=days) if days else None
    scopes = SCOPES[:1] if read_only else SCOPES
    made, secret = Tokens(desk.task_list.database, desk.now).make(tenant, scopes, name=name, expires=expires)
    if as_json:
        print_json({**made._asdict(), "token": secret})
        return
    typer.echo(secret)
    typer.echo(f"{made.id} for {made.tenant}: {', '.join(made.scopes)}; it is not shown again", err=True)


@token.command("list")
def show(as_json: Json = False) -> None:
    """List the tokens, without their secrets."""
    from opsdesk.show import table
    from tasks.tokens import Tokens

    desk = open_desk()
    found = Tokens(desk.task_list.database, desk.now).all()
    if as_json:
        print_json([made._asdict() for made in found])
        return
    rows = [
        (made.id, made.tenant, made.name, ", ".join(made.scopes), made.expires_at or "never", made.revoked_at)
        for made in found
    ]
    table("Tokens", ["id", "tenant", "name", "may", "expires", "revoked"], rows)


@token.command("revoke")
def revoke(id_: Annotated[str, typer.Argument(metavar="ID", help="As `opsdesk token list` shows it.")]) -> None:
    """End a token at once."""
    from tasks.tokens import Tokens

    desk = open_desk()
    Tokens(desk.task_list.database, desk.now).revoke(id_)
    typer.echo(f"{id_} is not in force any more", err=True)
