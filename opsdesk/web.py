"""The pages, served: Streamlit under a content security policy, on this machine alone unless people sign in."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from errors import UsageError
from opsdesk.settings import UI_LOGIN

APP = Path(__file__).resolve().parents[1] / "app.py"
LOOPBACK = ("127.0.0.1", "::1", "localhost")
HERE = (*LOOPBACK, "[::1]")
"""The names by which a page or a server on this machine alone may be called."""

POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' blob: data:",
        "media-src 'self' blob:",
        "worker-src 'self' blob:",
        "frame-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
"""The second layer below the escaping: whatever is shown, nothing is fetched from, or sent to, anywhere else."""


class Headers:
    """Adds the headers that keep a page to itself to every response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, and its response back with the headers."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = POLICY
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
            await send(message)

        await self._app(scope, receive, guarded if scope["type"] == "http" else send)


def check_exposure(host: str, *, signs_in: bool, open_to_all: bool) -> None:
    """Raises `UsageError` when the pages would stand open to the network without anybody signing in."""
    if host in LOOPBACK or signs_in or open_to_all:
        return
    raise UsageError(
        f"on {host} everybody who reaches this machine could read and spend; set up sign-in (an [auth] section in "
        ".streamlit/secrets.toml, see docs/pages.md) or say --open-to-everybody"
    )


def names_on(host: str, given: list[str] | None) -> list[str]:
    """The host names by which a server on `host` may be called. Raises `UsageError` when none tells them.

    What comes under another name is a page of somebody else's, which has that name point to this machine.
    """
    if host not in LOOPBACK and not given:
        raise UsageError(f"on {host} say by which host name it is called, with --name; others are refused")
    return given or [*HERE]


def check_people(allowed: Collection[str]) -> None:
    """Raises `UsageError` where sign-in would let in whoever has an account at the identity provider."""
    if not allowed:
        raise UsageError(
            "everybody who has an account at the identity provider could sign in, read and spend; say who may with "
            "OPSDESK_ALLOWED_EMAILS=ann@example.com,@example.org (addresses and domains; * for everybody it knows)"
        )


def signs_in() -> bool:
    """Whether an identity provider is configured for `st.login`."""
    from streamlit import secrets

    return bool(secrets.load_if_toml_exists() and secrets.get("auth"))


def serve(host: str, port: int, names: list[str], *, login: bool) -> None:
    """Serves the pages until the process is told to end; `names` are those by which they may be called."""
    import pandas  # noqa: F401  (what the first page would wait for)
    from streamlit.starlette import App

    from opsdesk.pages import frame  # noqa: F401

    os.environ[UI_LOGIN] = "1" if login else "0"
    sys.argv = [str(APP)]  # beside it lie the theme and the fonts
    config: dict[str, object] = {"server.address": host, "server.port": port, "server.headless": True}
    config["server.allowedHosts"] = names
    hosts = Middleware(TrustedHostMiddleware, allowed_hosts=names, www_redirect=False)
    App(APP, middleware=[hosts, Middleware(Headers)]).run(config=config)
