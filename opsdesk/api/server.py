"""The server under `opsdesk serve` and `opsdesk mcp --http`: when it is told to end, nobody is left waiting."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette

from opsdesk.api.doors import Doors

GRACE_SECONDS = 10
"""So long what is being answered may still take."""


def serve(app: Starlette, host: str, port: int) -> None:
    """Serves `app`, whose `state.doors` is what stands behind it, until the process is told to end.

    Raises `KeyboardInterrupt` after Ctrl-C.
    """
    at: Doors = app.state.doors
    config = uvicorn.Config(
        app, host=host, port=port, log_level="warning", server_header=False, timeout_graceful_shutdown=GRACE_SECONDS
    )
    _Server(config, at.following.close).run()


class _Server(uvicorn.Server):
    """Calls `close` before it waits for open connections: the application's own end comes only after them."""

    def __init__(self, config: uvicorn.Config, close: Callable[[], None]) -> None:
        super().__init__(config)
        self._close = close

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn does it, once who follows a case is let go."""
        self._close()
        await super().shutdown(sockets)
