"""What has become of requests, for all who wait for one: a single short query at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from starlette.concurrency import run_in_threadpool

from errors import OpsdeskError
from tasks.requests import Requests

LOOK_SECONDS = 0.05
MOST = 500
"""Requests asked for in one query."""

log = logging.getLogger("opsdesk.api")


class Following:
    """Tells everybody who waits when their request has ended. One event loop's."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self.closing = False
        """Whether the server ends, and nobody shall wait any longer."""

    def close(self) -> None:
        """Lets everybody go who waits, now and from now on. Called in the event loop."""
        self.closing = True
        for events in self._waiting.values():
            for event in events:
                event.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Looks until the block ends."""
        task = asyncio.create_task(self._look_on())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def ended(self, id_: str, seconds: float) -> bool:
        """Waits until a request has ended; False when it has not within `seconds`, or the server ends first."""
        if self.closing:
            return False
        event = asyncio.Event()
        self._waiting.setdefault(id_, set()).add(event)
        try:
            await asyncio.wait_for(event.wait(), seconds)
            return not self.closing
        except TimeoutError:
            return False
        finally:
            others = self._waiting[id_]
            others.discard(event)
            if not others:
                del self._waiting[id_]

    async def _look_on(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            ids = list(self._waiting)
            for n in range(0, len(ids), MOST):
                try:
                    ended = await run_in_threadpool(self._requests.ended, ids[n : n + MOST])
                except OpsdeskError as error:  # the database is locked or gone: it may come back
                    log.error("%s", error)
                    continue
                for id_ in ended:
                    for event in self._waiting.get(id_, ()):
                        event.set()
