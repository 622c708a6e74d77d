"""A request ends at its deadline and at its cap on bytes, whatever the server does."""

from __future__ import annotations

import contextlib
import gzip
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpcore
import httpx
import pytest

import wire
from tests.loopback import Loopback, Reply, closed_port, drips, hangs, raw, whole

DEADLINE = 0.6
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\n"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@contextmanager
def ends_in_time() -> Iterator[None]:
    """Soon after the deadline, also on a busy machine, and not before it; what these servers do lasts for ever."""
    began = time.monotonic()
    yield
    assert DEADLINE - 0.05 <= time.monotonic() - began < DEADLINE + 5


def get(url: str, content: bytes = b"hello", **options: Any) -> httpx.Response:
    with wire.client() as client, wire.within(time.monotonic() + DEADLINE, **options):
        return client.post(url, content=content)


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(hangs(), id="silence"),
        pytest.param(hangs(HEAD + b"half"), id="half a body, then silence"),
        pytest.param(drips(HEAD + b"x" * 1000, at_once=len(HEAD)), id="a body byte by byte"),
        pytest.param(drips(HEAD), id="headers byte by byte"),
        pytest.param(drips(b"HTTP/1.1 100 Continue\r\n\r\n" * 100), id="interim responses for ever"),
    ],
)
def test_a_slow_server_holds_a_request_no_longer_than_its_deadline(reply: Reply) -> None:
    with Loopback(reply) as server, ends_in_time(), pytest.raises(httpx.ReadTimeout):
        get(server.url)


def test_a_server_that_does_not_read_holds_no_request_beyond_its_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf, ends_in_time(), pytest.raises(httpx.WriteTimeout):
        get(f"http://127.0.0.1:{deaf.getsockname()[1]}", b"x" * 30_000_000)


def test_a_handshake_that_never_ends_ends_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, ends_in_time(), pytest.raises(httpx.ConnectTimeout):
        get(f"https://127.0.0.1:{silent.getsockname()[1]}")


def test_a_name_look_up_that_never_ends_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [] if looked.wait(30) else None)
    with ends_in_time(), pytest.raises(httpx.ConnectTimeout):
        get("http://models.example")
    looked.set()


def test_a_deadline_that_is_past_sends_nothing() -> None:
    with Loopback(whole(b"ok")) as server, wire.client() as client:
        with wire.within(time.monotonic() - 1), pytest.raises(httpx.TimeoutException):
            client.get(server.url)
        assert server.connections == 0


def test_the_deadline_holds_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with Loopback(drips(HEAD)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        with ends_in_time(), pytest.raises(httpx.ReadTimeout):
            get("http://models.example/v1")
        assert proxy.requests[0].path == "http://models.example/v1"


def test_a_name_with_a_dead_and_a_living_address_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    with Loopback(whole(b"ok")) as server:
        addresses = [(socket.AF_INET6, 1, 6, "", ("::1", server.port, 0, 0)), (2, 1, 6, "", ("127.0.0.1", server.port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses)
        assert get(f"http://models.example:{server.port}").text == "ok"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("error", [socket.gaierror(-2, "unknown"), UnicodeError("label too long")])
def test_a_name_without_an_address_cannot_be_reached(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    with pytest.raises(httpx.ConnectError):
        get("http://models.example")


def test_nothing_listening_is_told_at_once() -> None:
    with pytest.raises(httpx.ConnectError):
        get(f"http://127.0.0.1:{closed_port()}")


def test_a_response_is_read_up_to_its_cap_and_not_beyond() -> None:
    sent = 0

    def endless(connection: socket.socket, closed: threading.Event) -> None:
        nonlocal sent
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while not closed.is_set():
            sent += connection.send(b"x" * 10_000)

    with Loopback(endless) as server:
        with pytest.raises(wire.TooLarge):
            get(server.url, max_bytes=100_000)
        assert sent < 20_000_000


def test_a_response_as_large_as_its_cap_is_read() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n"
    with Loopback(raw(head + b"x" * 50_000)) as server:
        assert len(get(server.url, max_bytes=len(head) + 50_000).content) == 50_000
        with pytest.raises(wire.TooLarge):
            get(server.url, max_bytes=len(head) + 49_999)


def test_the_cap_counts_each_request_anew() -> None:
    with Loopback(whole(b"x" * 1000)) as server, wire.client() as client:
        for _ in range(3):
            with wire.within(time.monotonic() + DEADLINE, 1500):
                client.get(server.url)
        assert server.connections == 1


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "br", "zstd", "identity, gzip"])
def test_a_compressed_response_is_refused_unread(coding: str) -> None:
    bomb = gzip.compress(b"x" * 50_000_000)
    with Loopback(whole(bomb, "200 OK", f"Content-Encoding: {coding}")) as server:
        with pytest.raises(wire.TooLarge):
            get(server.url)
        assert server.requests[0].headers["accept-encoding"] == "identity"


def test_a_redirect_is_not_followed() -> None:
    with Loopback(whole(b"secret")) as other, Loopback(whole(b"", "307 Moved", f"Location: {other.url}")) as server:
        assert get(server.url).status_code == 307
        assert other.connections == 0


def test_more_requests_than_connections_are_kept_do_not_wait_for_each_other() -> None:
    with Loopback(hangs()) as server, wire.client() as client:

        def ask() -> None:
            with wire.within(time.monotonic() + 30), contextlib.suppress(httpx.TransportError):
                client.get(server.url)

        threads = [threading.Thread(target=ask, daemon=True) for _ in range(wire.IDLE + 20)]
        for thread in threads:
            thread.start()
        until = time.monotonic() + 20
        while server.connections < len(threads) and time.monotonic() < until:
            time.sleep(0.02)
        assert server.connections == len(threads)


class Swallowing(httpcore.NetworkBackend):
    """Answers at one address only; at the others packets vanish."""

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, *_: Any, **__: Any) -> Any:
        if host == "127.0.0.1":
            return httpcore.MockStream([])
        assert timeout is not None
        time.sleep(timeout)
        raise httpcore.ConnectTimeout


def test_an_address_that_swallows_packets_leaves_time_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = [(2, 1, 6, "", (host, 80)) for host in ("127.0.0.3", "127.0.0.2", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses)
    with wire.within(time.monotonic() + DEADLINE):
        assert wire._Backend(Swallowing()).connect_tcp("models.example", 80)


def test_not_even_debug_logs_show_a_header_that_the_server_sent(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), Loopback(whole(b"ok", "200 OK", "X-Echo: canary-key")) as server:
        get(server.url)
    assert "canary" not in caplog.text
