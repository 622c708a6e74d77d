"""Webhooks: who is told when a case or a batch has ended, and the sending, as Standard Webhooks 1.0.0 has it.

The events are rows (`tasks.webhooks`); every worker sends what is due. https://www.standardwebhooks.com
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import ssl
import threading
import time
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

import wire
from errors import OpsdeskError, UsageError
from opsdesk.settings import PREFIX, Settings
from tasks.webhooks import URL, Claimed, Webhooks

SECONDS, LOOK_UP_SECONDS = 10.0, 5.0
"""For one try, from the look-up of the name to the status; for the look-up alone when a URL is given."""

REPLY_BYTES = 256_000
"""Of a reply; only its status is looked at."""

LOOK_SECONDS, PLACES = 0.5, 4
"""Between two looks for what is due; events that a worker sends at once, each to another URL."""

log = logging.getLogger("opsdesk.worker")


def target(settings: Settings, given: str = "") -> str:
    """The URL to be told: what a request names, else the owner's; "" for nobody.

    Raises `UsageError` for one that nothing may or can be sent to.
    """
    url, name = (given, "webhook_url") if given else (settings.webhook_url, f"{PREFIX}WEBHOOK_URL")
    if not url:
        return ""
    if settings.webhook_secret is None:
        raise UsageError(
            f"{name}: webhooks are signed, and {PREFIX}WEBHOOK_SECRET is not set; "
            "make one with: echo whsec_$(openssl rand -base64 32)"
        )
    host, port, scheme = _parts(url, name)
    if scheme == "http" and not settings.webhook_private:
        raise UsageError(f"{name}: must begin with https://; on a private network set {PREFIX}WEBHOOK_PRIVATE=true")
    if not given:  # the owner's is not looked up for every case; it is checked as it is connected to
        return url
    try:
        found = wire.addresses(host, port, time.monotonic() + LOOK_UP_SECONDS)
    except httpx.ConnectTimeout:
        found = []
    if not found:
        raise UsageError(f"{name}: its host has no address; check it")
    if not all(map(reachable(scheme, private=settings.webhook_private), found)):
        raise UsageError(f"{name}: {_OUT_OF_BOUNDS}")
    return url


def told_to(settings: Settings, given: str = "") -> dict[str, str]:
    """The same, as what is kept with a request or a batch."""
    url = target(settings, given)
    return {URL: url} if url else {}


_OUT_OF_BOUNDS = f"its host is private, or public without https; use https, or set {PREFIX}WEBHOOK_PRIVATE=true"


def _parts(url: str, name: str) -> tuple[str, int, str]:
    try:
        _ = urlsplit(url).port  # refuses brackets that are not closed, which httpx takes for a name
        parsed = httpx.URL(url)
        port = parsed.port or {"https": 443, "http": 80}.get(parsed.scheme, 0)
    except (ValueError, httpx.InvalidURL):
        parsed, port = httpx.URL(""), 0
    if not parsed.host or not port or parsed.scheme not in ("http", "https"):
        raise UsageError(f"{name}: is no URL; it looks like https://host/path")
    if parsed.userinfo:
        raise UsageError(f"{name}: holds credentials, which are not sent; leave them out, every webhook is signed")
    return parsed.raw_host.decode(), port, parsed.scheme


def reachable(scheme: str, *, private: bool) -> Callable[[str], bool]:
    """Which addresses may be sent to: public ones over https, and private ones only where that is allowed."""

    def may(address: str) -> bool:
        return scheme == "https" if wire.is_public(address) else private

    return may


def signed(secret: SecretStr, id_: str, at: datetime, body: str) -> dict[str, str]:
    """The headers of one try."""
    key = base64.b64decode(secret.get_secret_value().removeprefix("whsec_"))
    stamp = str(int(at.timestamp()))
    made = hmac.new(key, f"{id_}.{stamp}.{body}".encode(), hashlib.sha256).digest()
    return {
        "webhook-id": id_,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(made).decode()}",
    }


class Post:
    """Sends what is due. Safe to share between threads."""

    def __init__(
        self,
        webhooks: Webhooks,
        secret: SecretStr,
        now: Callable[[], datetime],
        *,
        private: bool,
        seconds: float = SECONDS,
    ) -> None:
        """`private`: may it go to private addresses too; `seconds` are those of one try."""
        self._webhooks, self._secret, self._now = webhooks, secret, now
        self._private, self._seconds = private, seconds
        self._trust = ssl.create_default_context()
        self._busy: set[str] = set()
        self._claiming = threading.Lock()
        self._places = threading.BoundedSemaphore(PLACES)

    def run(self, ending: threading.Event) -> None:
        """Sends until `ending` is set."""
        while not ending.wait(LOOK_SECONDS):
            self._begin(ending)

    def close(self, ending: threading.Event, seconds: float) -> None:
        """Begins what is due once more, and waits, not longer than that, for what is on its way.

        So the word of a batch whose workers end with it is not left to others. What is not settled is sent again later.
        """
        give_up = time.monotonic() + seconds
        self._begin(ending)
        for _ in range(PLACES):
            if not self._places.acquire(timeout=max(0.0, give_up - time.monotonic())):
                return

    def one(self) -> bool:
        """Sends one event that is due; False when none is."""
        sent = self._claim()
        if sent is not None:
            self._send(sent)
        return sent is not None

    def _begin(self, ending: threading.Event) -> None:
        """Has as many of those that are due sent beside as there are places."""
        while self._places.acquire(blocking=False):
            if (sent := self._claim()) is None:
                self._places.release()
                return
            threading.Thread(target=self._send_on, args=(sent, ending), name="webhook", daemon=True).start()

    def _send_on(self, sent: Claimed | None, ending: threading.Event) -> None:
        """Sends one, and as long as there are more the next one at once."""
        try:
            while sent is not None:
                self._send(sent)
                sent = None if ending.is_set() else self._claim()
        finally:
            self._places.release()

    def _claim(self) -> Claimed | None:
        """One that is due, for a URL that nothing is on its way to: one that does not answer holds up no other."""
        with self._claiming:
            try:
                sent = self._webhooks.claim(self._busy)
            except OpsdeskError as error:  # the database is locked or gone: it may come back
                log.error("%s", error)
                return None
            if sent:
                self._busy.add(sent.url)
            return sent

    def _send(self, sent: Claimed) -> None:
        status, wrong = 0, ""
        try:
            status = self._status(sent)
            wrong = "" if 200 <= status < 300 else _of_status(status)
        except (*wire.ERRORS, wire.TooLarge, wire.Forbidden) as error:
            wrong = _of_error(error, self._seconds)
        try:
            if wrong:
                self._webhooks.failed(sent, wrong, for_good=status == httpx.codes.GONE)
            else:
                self._webhooks.delivered(sent)
        except OpsdeskError as error:  # what came of it cannot be kept: it is sent again
            log.error("%s", error)
        finally:
            with self._claiming:
                self._busy.discard(sent.url)

    def _status(self, sent: Claimed) -> int:
        headers = signed(self._secret, sent.id, self._now(), sent.body)
        headers |= {"Content-Type": "application/json", "User-Agent": "Opsdesk"}
        allowed = reachable(httpx.URL(sent.url).scheme, private=self._private)
        bounds = wire.within(time.monotonic() + self._seconds, REPLY_BYTES, allowed=allowed)
        with wire.client(trust_env=False, verify=self._trust) as client, bounds:
            client.event_hooks = {}  # a compressed reply is none the worse: it is not read
            with client.stream("POST", sent.url, content=sent.body.encode(), headers=headers) as response:
                return response.status_code


def _of_status(status: int) -> str:
    if status == httpx.codes.GONE:
        return "answered 410: nothing more is wanted there"
    return f"answered {status}, and redirects are not followed" if 300 <= status < 400 else f"answered {status}"


def _of_error(error: Exception, seconds: float) -> str:
    """What went wrong, in our own words: a server's may hold anything."""
    if isinstance(error, wire.Forbidden):
        return _OUT_OF_BOUNDS
    if isinstance(error, wire.TooLarge):
        return "sent far more than a reply"
    if isinstance(error, httpx.TimeoutException):
        return f"did not answer within {seconds:g} s"
    return "cannot be reached" if isinstance(error, httpx.ConnectError) else "broke the connection"
