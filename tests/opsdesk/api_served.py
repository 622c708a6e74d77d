"""The HTTP API as a server on loopback, with a worker beside it, over a home of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

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
def serving(home: Path, *, working: bool = True, **settings: Any) -> Iterator[Api]:
    """A server over `home`, and a worker unless nothing shall be `working`."""
    wanted = {"home": home, "api_token": MASTER, "rate_limit": 0, **settings}
    desk, port = Desk(Settings.model_validate(wanted)), free_port()
    app = create_app(desk, ["127.0.0.1"])
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical"))
    threads = [threading.Thread(target=server.run)]
    worker = Worker(Desk(Settings.model_validate(wanted))) if working else None
    if worker:
        threads.append(threading.Thread(target=worker.run))
    for thread in threads:
        thread.start()
    try:
        until(lambda: server.started, "the server did not come up")
        yield Api(desk, app, f"http://127.0.0.1:{port}")
    finally:
        server.should_exit = True
        if worker:
            worker.ending.set()
        for thread in threads:
            thread.join()


def until_done(api: Api, batch_id: str) -> None:
    """Returns once a batch has ended."""
    give_up = time.monotonic() + 120
    while api.client().get(f"/v1/batches/{batch_id}").json()["state"] != "done":
        assert time.monotonic() < give_up
        time.sleep(0.1)
