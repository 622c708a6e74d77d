"""Who calls, what they may do, and how often."""

from __future__ import annotations

import hmac
import time
from typing import Annotated, NamedTuple

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from pydantic import SecretStr

from opsdesk.api.problems import Refused
from tasks.tokens import SCOPES, ScopeName, Tokens

_BEARER = HTTPBearer(auto_error=False, description="A token of `opsdesk token make`, or OPSDESK_API_TOKEN.")


class Caller(NamedTuple):
    """Who calls. `tenant` is None for the one that may see and do everything for everybody."""

    id: str
    tenant: str | None
    scopes: tuple[ScopeName, ...]

    @property
    def person(self) -> str:
        """Its name where a page would have a person's."""
        return f"api:{self.tenant or ''}"

    def sees(self, tenant: str) -> bool:
        """Whether what belongs to a tenant is there for it."""
        return self.tenant is None or self.tenant == tenant

    def must(self, scope: ScopeName) -> None:
        """Raises `Refused` unless it may do this."""
        if scope not in self.scopes:
            raise Refused(403, f"this token may not {scope}; make one that may with: opsdesk token make")

    def acts_for(self, tenant: str) -> str:
        """The tenant for which it asks, `tenant` if it may. Raises `Refused`."""
        if tenant and not self.sees(tenant):
            raise Refused(403, f"this token is for the tenant {self.tenant}; leave the tenant out")
        return tenant or self.tenant or ""


class Gate:
    """Lets callers in. Safe to share between threads."""

    def __init__(self, tokens: Tokens, master: SecretStr | None, per_minute: int) -> None:
        self._tokens, self._master = tokens, master.get_secret_value() if master else ""
        self._limit: RateLimitItem | None = RateLimitItemPerMinute(per_minute) if per_minute else None
        self._seen = MovingWindowRateLimiter(MemoryStorage())

    def caller(self, secret: str) -> Caller:
        """Who has this token. Raises `Refused`, also when it calls too often."""
        return self.paced(self.known(secret))

    def paced(self, caller: Caller) -> Caller:
        """The caller, one call of whom is counted. Raises `Refused` when these are too many."""
        if self._limit and not self._seen.hit(self._limit, caller.id):
            until = self._seen.get_window_stats(self._limit, caller.id).reset_time
            wait = str(max(1, int(until - time.time()) + 1))
            raise Refused(429, f"too many requests; try again in {wait} s", {"Retry-After": wait})
        return caller

    def known(self, secret: str) -> Caller:
        """Who has this token, however often it calls. Raises `Refused`."""
        if self._master and hmac.compare_digest(secret.encode(errors="replace"), self._master.encode()):
            return Caller("master", None, SCOPES)
        if token := self._tokens.find(secret) if secret else None:
            return Caller(token.id, token.tenant, token.scopes)
        raise Refused(
            401,
            "a bearer token that is in force is needed; make one with: opsdesk token make --tenant NAME",
            {"WWW-Authenticate": "Bearer"},
        )


def may(scope: ScopeName) -> object:
    """A dependency: the caller, who may do this."""

    def known(
        request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)] = None
    ) -> Caller:
        caller: Caller = request.app.state.gate.caller(given.credentials if given else "")
        _check_query(request)
        caller.must(scope)
        return caller

    return Depends(known)


def _check_query(request: Request) -> None:
    """Raises `Refused` for a parameter that the path does not have: it is a slip, and what was meant is unknown."""
    told = request.app.openapi()["paths"][request.scope["route"].path][request.method.lower()]
    known = {parameter["name"] for parameter in told.get("parameters", ()) if parameter["in"] == "query"}
    if unknown := sorted(set(request.query_params) - known):
        raise Refused(422, f"there is no parameter {unknown[0][:80]!r} here; see /openapi.json")


Reads = Annotated[Caller, may("read")]
Writes = Annotated[Caller, may("write")]
