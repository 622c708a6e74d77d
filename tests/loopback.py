"""A server on loopback that sends exactly what a test says, byte by byte if need be. It understands nothing."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came in. `headers` has names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Reply = Callable[[socket.socket, threading.Event], object]
"""Sends what it likes, and returns True if the connection is kept. The event is set when the server closes."""


class Loopback:
    """Answers the first request with the first reply, and so on; the last reply is used for all that follow."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.requests: list[Received] = []
        self.connections = 0
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = int(self._listener.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Loopback:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as reader:
            try:
                while (request := _read(reader)) is not None:
                    with self._lock:
                        self.requests.append(request)
                        reply = self.replies[min(len(self.requests), len(self.replies)) - 1]
                    if reply(connection, self._closed) is not True:
                        return
            except OSError:
                return  # the client left


def _read(reader: Any) -> Received | None:
    first = reader.readline()
    if not first:
        return None
    headers: dict[str, str] = {}
    while (line := reader.readline().strip()) != b"":
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    return Received(first.split()[1].decode(), headers, reader.read(int(headers.get("content-length", 0))))


def whole(body: bytes, status: str = "200 OK", *headers: str, kind: str = "application/json") -> Reply:
    """A response that is complete; the connection stays open."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers]
    data = "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    def reply(connection: socket.socket, _: threading.Event) -> bool:
        connection.sendall(data)
        return True

    return reply


def raw(data: bytes) -> Reply:
    """These bytes, then the end of the connection."""
    return lambda connection, _: connection.sendall(data)


def hangs(data: bytes = b"") -> Reply:
    """These bytes, then silence."""

    def reply(connection: socket.socket, closed: threading.Event) -> None:
        connection.sendall(data)
        closed.wait(30)

    return reply


def drips(data: bytes, every: float = 0.1, at_once: int = 0) -> Reply:
    """The first bytes at once, and each of the others after a while."""

    def reply(connection: socket.socket, closed: threading.Event) -> None:
        connection.sendall(data[:at_once])
        for byte in data[at_once:]:
            if closed.wait(every):
                return
            connection.sendall(bytes([byte]))

    return reply


def resets() -> Reply:
    """No reply: the connection is torn down."""

    def reply(connection: socket.socket, _: threading.Event) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    return reply


def closed_port() -> int:
    """A port of this machine where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
