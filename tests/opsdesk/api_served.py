"""The HTTP API as a server on loopback, with a worker beside it, over a home of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from opsdesk.api.app import create_app
from opsdesk.desk import Desk
from opsdesk.settings import Settings
from opsdesk.worker import Worker
from tasks.tokens import SCOPES, ScopeName, Tokens
from tests.browser.served import free_port, until

MASTER = "master-0123456789abcdef"


@dataclass
class Api:
    """A running server."""

    desk: Desk
    app: FastAPI
    url: str

    def token(self, tenant: str, scopes: tuple[ScopeName, ...] = SCOPES, **more: Any) -> str:
        """The secret of a new token."""
        return Tokens(self.desk.task_list.database, self.desk.now).make(tenant, scopes, **more)[1]

    def client(self, secret: str = MASTER) -> httpx.Client:
        """A client with this token; "" is none."""
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=120)


@contextmanager
def running(app: ASGIApp, worker: Worker | None) -> Iterator[str]:
    """A server of `app`, and a worker beside it; yields where it is."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical"))
    threads = [threading.Thread(target=server.run)]
    if worker:
        threads.append(threading.Thread(target=worker.run))
    for thread in threads:
        thread.start()
    try:
        until(lambda: server.started, "the server did not come up")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        if worker:
            worker.ending.set()
        for thread in threads:
            thread.join()


def settings_of(home: Path, **more: Any) -> Settings:
    """The settings of a server over `home`."""
    return Settings.model_validate({"home": home, "api_token": MASTER, "rate_limit": 0, **more})


@contextmanager
def serving(home: Path, *, working: bool = True, **settings: Any) -> Iterator[Api]:
    """The API over `home`, and a worker unless nothing shall be `working`."""
    wanted = settings_of(home, **settings)
    desk = Desk(wanted)
    app = create_app(desk, ["127.0.0.1"])
    with running(app, Worker(Desk(wanted)) if working else None) as url:
        yield Api(desk, app, url)


def until_done(api: Api, batch_id: str) -> None:
    """Returns once a batch has ended."""
    client = api.client()
    until(lambda: client.get(f"/v1/batches/{batch_id}").json()["state"] == "done", "it did not end", 120, 0.1)
