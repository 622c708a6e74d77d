"""`opsdesk ui` and `opsdesk worker`: the pages, and who does what they ask for."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from errors import UsageError
from opsdesk.command import INTERRUPTED, open_desk
from opsdesk.processes import end_with, start_worker

END_SECONDS = 45.0
"""So long a worker that is told to end may take: it waits for calls that are paid for."""

RESTART_SECONDS = 1.0
"""Before a worker that has died is started again; twice as long each time, up to a minute."""


def register(app: typer.Typer) -> None:
    """Adds `ui` and `worker` to the command line."""
    app.command()(ui)
    app.command()(worker)


def ui(
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port of the page.")] = 8501,
    host: Annotated[str, typer.Option("--host", help="Address to listen on; all but loopback need sign-in.")] = (
        "127.0.0.1"
    ),
    name: Annotated[list[str] | None, typer.Option("--name", help="Host name that the page is called by.")] = None,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Start no worker; one runs elsewhere.")] = False,
    open_to_everybody: Annotated[
        bool, typer.Option("--open-to-everybody", help="Listen on the network without sign-in.")
    ] = False,
) -> None:
    """Open the pages: chat, ticket drafts, handoffs, knowledge base, costs, reliability, settings. Starts a worker too.

    On 127.0.0.1 nobody signs in: who reaches this machine's loopback is you. Example: opsdesk ui --port 8700
    """
    from opsdesk import web

    login = web.signs_in()
    web.check_exposure(host, signs_in=login, open_to_all=open_to_everybody)
    names = web.names_on(host, name)
    check_port(host, port)
    desk = open_desk()
    if login:
        web.check_people(desk.settings.allowed_emails)
    _ = desk.task_list, desk.tiers  # what is wrong with the settings or the database is told here, not on a page
    with workers_beside(0 if no_worker else 1):
        typer.echo(f"Opsdesk is at {url_of(host, port)} (Ctrl-C ends it)", err=True)
        web.serve(host, port, names, login=login)


def worker(
    with_parent: Annotated[int, typer.Option("--with-parent", hidden=True, help="The process to end with.")] = 0,
    batch: Annotated[str, typer.Option("--batch", hidden=True, help="The one batch to work on.")] = "",
    drafts_only: Annotated[bool, typer.Option("--drafts-only", help="Work on batches alone.")] = False,
    places: Annotated[
        int, typer.Option("--places", min=0, help="Tickets of batches at once; 0 is what the tiers take.")
    ] = 0,
) -> None:
    """Do what the pages ask for, until Ctrl-C. Run it on as many machines as you like against one database.

    What a worker that is killed was at is done by the next one. Example: opsdesk worker
    """
    from opsdesk.worker import Worker

    desk = open_desk(tell=not with_parent)
    _ = desk.task_list, desk.tiers
    if drafts_only:
        desk.threads = 1  # there is a process for each core
    made, interrupted = Worker(desk, places=places, drafts_only=drafts_only, batch_id=batch), threading.Event()

    def end(number: int, _: object) -> None:
        if number == signal.SIGINT:
            interrupted.set()
        made.ending.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    if with_parent:
        if not drafts_only:
            os.nice(5)  # the page answers a click before the crew goes on
        threading.Thread(target=end_with, args=(with_parent, made.ending), daemon=True).start()
    else:
        typer.echo(f"the worker {made.name} is ready (Ctrl-C ends it)", err=True)
    made.run()
    if interrupted.is_set():
        raise typer.Exit(INTERRUPTED)


def check_port(host: str, port: int) -> None:
    """Raises `UsageError` where nobody can listen."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            message = f"cannot listen on {host}:{port}: {error.strerror}; choose another with --port"
            raise UsageError(message) from error


def url_of(host: str, port: int) -> str:
    """Where a page or a server is."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def workers_beside(count: int) -> Iterator[None]:
    """Runs so many workers until the block ends, and another one whenever one dies."""
    ending = threading.Event()
    keepers = [threading.Thread(target=_keep_worker, args=(ending,), name="keeper") for _ in range(count)]
    for keeper in keepers:
        keeper.start()
    try:
        yield
    finally:
        ending.set()
        for keeper in keepers:
            keeper.join()


def _keep_worker(ending: threading.Event) -> None:
    wait = RESTART_SECONDS
    while not ending.is_set():
        began = time.monotonic()
        process = start_worker(stdin=subprocess.DEVNULL, stdout=sys.stderr)  # standard output may carry a protocol
        while process.poll() is None and not ending.wait(0.1):
            pass
        if ending.is_set():
            _end(process)
            return
        typer.echo(f"the worker ended (code {process.returncode}); starting another", err=True)
        wait = RESTART_SECONDS if time.monotonic() - began > 60 else min(60.0, wait * 2)
        ending.wait(wait)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
