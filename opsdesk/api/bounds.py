"""What a connection may send: so much, within so long, from a page of ours or from none."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from opsdesk.api.problems import answer

BODY_BYTES, BATCH_BYTES = 16_000_000, 64_000_000
BATCHES = "/v1/batches"
BYTES_TOGETHER = 256_000_000
"""Of all bodies that are being read."""

BODY_SECONDS = 30.0
"""So long a body may take to arrive."""


class Bounds:
    """Reads a request's body before anything is done for it: one that is too long, too slow or never whole costs
    nobody else anything."""

    def __init__(self, app: ASGIApp) -> None:
        self._app, self._held = app, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on a request that is whole; others are answered here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers, path = Headers(scope=scope), scope["path"]
        close = {"Connection": "close"}
        if _is_elsewhere(headers.get("origin", ""), headers.get("host", "")):
            await answer(path, 403, "pages of other sites may not call this", close)(scope, receive, send)
            return
        most = BATCH_BYTES if path == BATCHES else BODY_BYTES
        length = headers.get("content-length", "")
        try:
            body = await asyncio.wait_for(self._read(receive, length, most), BODY_SECONDS)
        except _TooMuch:
            await answer(path, 503, "too much is being sent at once; try again", close)(scope, receive, send)
            return
        except TimeoutError:
            await answer(path, 408, f"the body took longer than {BODY_SECONDS:g} s", close)(scope, receive, send)
            return
        except _TooLong:
            await answer(path, 413, f"the body has more than {most:,} bytes", close)(scope, receive, send)
            return
        if body is None:  # whoever called has gone
            return
        given = False

        async def once() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, once, send)

    async def _read(self, receive: Receive, announced: str, most: int) -> bytes | None:
        """The whole body; None when whoever sent it has gone. Raises `_TooLong` and `_TooMuch`."""
        if announced.isdigit() and int(announced) > most:
            raise _TooLong
        pieces, size, more = [], 0, True
        try:
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                pieces.append(message.get("body", b""))
                size += len(pieces[-1])
                self._held += len(pieces[-1])
                if size > most:
                    raise _TooLong
                if self._held > BYTES_TOGETHER:
                    raise _TooMuch
                more = message.get("more_body", False)
        finally:
            self._held -= size
        return b"".join(pieces)


def _is_elsewhere(origin: str, host: str) -> bool:
    """Whether a page of `origin` ("": no page) is not one of `host`'s."""
    try:
        return bool(origin) and urlsplit(origin).netloc != host
    except ValueError:  # it is no URL
        return True


class _TooLong(Exception):
    """More than is taken."""


class _TooMuch(Exception):
    """More than is taken of all together."""
