"""HTTP to servers that may be slow, huge, lying or gone: a total deadline and a cap on bytes, for every request.

httpx limits each read, so a server that sends a byte a second holds a request for ever. Here the bounds stand below
it, on the socket: each look-up, connect, handshake, write and read gets what is left of one deadline. Stands below
every package, beside `errors.py`.
"""

from __future__ import annotations

import ipaddress
import logging
import select
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from ssl import SSLContext
from typing import Any

import httpcore
import httpx

MAX_BYTES = 16_000_000
"""Of one response, its headers included, unless `within` says otherwise."""

IDLE = 100
"""Connections kept open per client. How many are open at once is for the caller to bound: a queue has no deadline."""

SLICE = 16_384
"""Bytes written at once: the time that is left is looked at anew for each slice."""

ERRORS = (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL)
"""What httpx raises when a request fails."""


LOOK_SECONDS = 0.2
"""How often it is looked whether a request that waits for its reply was given up."""


class Cancelled(BaseException):
    """The request was given up while it waited. No `Exception`: clients take any of those for a fault of the server."""


class Forbidden(Exception):
    """The host has an address that may not be reached. Nothing was sent."""


class TooLarge(Exception):
    """A response went past its cap on bytes, or came compressed, so that its size could not be told."""


@dataclass(slots=True)
class _Bounds:
    deadline: float
    bytes_left: int
    cancelled: Callable[[], bool] | None = None
    allowed: Callable[[str], bool] | None = None

    def left(self, timeout: float | None, exceeded: type[Exception]) -> float:
        """Seconds that may be waited. Raises `exceeded` when there are none."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise exceeded("the deadline is past")
        return left if timeout is None else min(left, timeout)


_bounds: ContextVar[_Bounds | None] = ContextVar("wire_bounds", default=None)


@contextmanager
def within(
    deadline: float,
    max_bytes: int = MAX_BYTES,
    cancelled: Callable[[], bool] | None = None,
    allowed: Callable[[str], bool] | None = None,
) -> Iterator[None]:
    """Bounds every request of a `client` made in this block, by this thread: a `time.monotonic()` and bytes read.

    Past the deadline requests raise httpx's timeouts, past the cap `TooLarge`, and `Cancelled` soon after `cancelled`
    has come true. `allowed` is asked of every address as it is connected to, so that what a name meant before does
    not count: `Forbidden` when one is not. Through a proxy it is the proxy's: `trust_env=False` makes a client without.
    """
    token = _bounds.set(_Bounds(deadline, max_bytes, cancelled, allowed))
    try:
        yield
    finally:
        _bounds.reset(token)


def client(**options: Any) -> httpx.Client:
    """An httpx client under `within`: no redirects, no compression. Proxies of the environment are used.

    At DEBUG httpcore and openai log the headers that a server sends, which may hold the key: they keep to INFO.
    """
    for name in ("httpcore", "openai"):
        logging.getLogger(name).setLevel(logging.INFO)
    made = httpx.Client(
        follow_redirects=False,
        headers={"Accept-Encoding": "identity"},
        timeout=None,  # noqa: S113  (bounded below)
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=IDLE),
        event_hooks={"response": [_uncompressed]},
        **options,
    )
    # httpx offers no door to the socket: its pools are given another backend. A test holds this.
    for transport in (made._transport, *made._mounts.values()):
        if transport is not None:
            pool: Any = transport._pool  # type: ignore[attr-defined]
            pool._network_backend = _Backend(pool._network_backend)
    return made


def _uncompressed(response: httpx.Response) -> None:
    if response.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
        raise TooLarge("the response is compressed, which nobody asked for")


class _Backend(httpcore.NetworkBackend):
    """Connects within the bounds, and hands out streams that stay within them."""

    def __init__(self, inner: httpcore.NetworkBackend) -> None:
        self._inner = inner

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        bounds = _bounds.get()
        if bounds is None:
            return _Stream(self._inner.connect_tcp(host, port, timeout, local_address, socket_options))
        failed: Exception = httpcore.ConnectError("the name has no address")
        addresses = _addresses(host, port, bounds)
        if bounds.allowed and not all(map(bounds.allowed, addresses)):
            raise Forbidden("the host has an address that may not be reached")
        for tried, address in enumerate(addresses):
            left = bounds.left(timeout, httpcore.ConnectTimeout)
            share = left / (len(addresses) - tried)  # one that swallows packets must not use up the time of the next
            try:
                return _Stream(self._inner.connect_tcp(address, port, share, local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class _Stream(httpcore.NetworkStream):
    """Reads, writes and shakes hands within the bounds of the thread that asks."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        bounds = _bounds.get()
        if bounds is None:
            return self._inner.read(max_bytes, timeout)
        self._await_data(bounds, timeout)
        data = self._inner.read(max_bytes, bounds.left(timeout, httpcore.ReadTimeout))
        bounds.bytes_left -= len(data)
        if bounds.bytes_left < 0:
            raise TooLarge("the response is larger than its cap")
        return data

    def _await_data(self, bounds: _Bounds, timeout: float | None) -> None:
        """Returns when there is something to read, for a request that can be given up."""
        connection = self._inner.get_extra_info("socket")
        if bounds.cancelled is None or connection is None:
            return
        readable = select.poll()
        readable.register(connection, select.POLLIN)
        give_up = time.monotonic() + bounds.left(timeout, httpcore.ReadTimeout)
        decrypted = getattr(connection, "pending", lambda: 0)  # TLS may hold what poll knows nothing of
        while not decrypted() and not readable.poll(LOOK_SECONDS * 1000):
            if bounds.cancelled():
                raise Cancelled
            if time.monotonic() >= give_up:
                raise httpcore.ReadTimeout("the deadline is past")

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        bounds = _bounds.get()
        if bounds is None:
            return self._inner.write(buffer, timeout)
        view = memoryview(buffer)
        for begins in range(0, len(view), SLICE):
            left = bounds.left(timeout, httpcore.WriteTimeout)
            self._inner.write(view[begins : begins + SLICE].tobytes(), left)

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        bounds = _bounds.get()
        left = bounds.left(timeout, httpcore.ConnectTimeout) if bounds else timeout
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left))

    def close(self) -> None:
        self._inner.close()

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def addresses(host: str, port: int, deadline: float) -> list[str]:
    """The addresses that a host has now; none when it has none. Raises httpx's `ConnectTimeout`."""
    try:
        return _addresses(host, port, _Bounds(deadline, 0))
    except httpcore.ConnectTimeout as error:
        raise httpx.ConnectTimeout(str(error)) from error
    except httpcore.ConnectError:
        return []


def is_public(address: str) -> bool:
    """Whether an address is one of the internet's: not of this machine, a private network, a site, a link or a group.

    An IPv6 address that carries an IPv4 one (mapped, 6to4, Teredo, NAT64) is what that one is too.
    """
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
        if inner is not None:
            return is_public(str(inner))
        if ip not in _GLOBAL:
            return False
    return ip.is_global and not ip.is_multicast


_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052
_GLOBAL = ipaddress.ip_network("2000::/3")
"""All of IPv6 that is the internet's. Of the rest, such as old site-local addresses and a network's own NAT64,
`is_global` may know nothing."""


def _addresses(host: str, port: int, bounds: _Bounds) -> list[str]:
    """The addresses of a host. A look-up cannot be stopped, so it runs beside and is left behind at the deadline."""
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        pass
    found: list[str] = []
    failed: list[Exception] = []

    def look_up() -> None:
        try:
            entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.extend(dict.fromkeys(str(entry[4][0]) for entry in entries))
        except (OSError, UnicodeError) as error:  # the latter for a name that no domain can have
            failed.append(error)

    beside = threading.Thread(target=look_up, daemon=True, name="look-up")
    beside.start()
    beside.join(bounds.left(None, httpcore.ConnectTimeout))
    if beside.is_alive():
        raise httpcore.ConnectTimeout("the name was not looked up in time")
    if failed:
        raise httpcore.ConnectError("the name has no address")
    return found
