"""The server: paths, errors, bounds, and what it measures of itself."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from starlette.middleware.trustedhost import TrustedHostMiddleware

from opsdesk.api import batches, cases, chat, knowledge, problems, status, webhooks
from opsdesk.api.access import Gate
from opsdesk.api.bounds import Bounds
from opsdesk.api.doors import Doors
from opsdesk.desk import Desk, version

ABOUT = """Questions in, proven answers out: every sentence stands in a passage that it cites, every figure is
checked, and every response tells what it cost. Errors are `application/problem+json` (RFC 9457); below
`/v1/chat/` they have the shape of OpenAI's."""


def create_app(desk: Desk, hosts: Sequence[str]) -> FastAPI:
    """The application. `hosts` are the names that it may be called by; a `*` among them is any."""
    at = Doors(desk)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        async with at.following.running():
            yield

    app = FastAPI(
        title="Opsdesk",
        version=version(),
        description=ABOUT,
        lifespan=life,
        docs_url=None,  # its page is fetched from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    settings = desk.settings
    app.state.doors = at
    app.state.gate = Gate(at.tokens, settings.api_token, settings.rate_limit)
    app.state.registry, took = status.registry_of(at)
    for part in (cases, knowledge, batches, webhooks, chat, status):
        app.include_router(part.router)
    problems.register(app)

    @app.middleware("http")
    async def measured(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        began, code = time.perf_counter(), 500
        try:
            response = await go_on(request)
            code = response.status_code
        finally:
            route = request.scope.get("route")
            took.labels(getattr(route, "path", "other"), str(code)).observe(time.perf_counter() - began)
        response.headers.update({"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"})
        return response

    app.add_middleware(Bounds)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)
    return app
