"""The simulator: what is shared by all its connections, and its two servers on loopback."""

from __future__ import annotations

import hashlib
import socket
import sys
import threading
import traceback
from collections import deque
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Any, cast

from tests.simulator.books import Books
from tests.simulator.handler import Handler, cut
from tests.simulator.mind import Mind
from tests.simulator.model import Model
from tests.simulator.reply import CHARACTERS_PER_TOKEN

CACHE_FROM, CACHE_STEP = 1_024, 128
"""A prompt's beginning is cached from so many tokens on, in such steps, as at OpenAI."""

REMEMBERED = 2_000
"""Requests that are kept to be looked at."""


class Simulator:
    """Serves until it is closed. Use as a context manager; `base_url` is where the API begins."""

    def __init__(self, models: dict[str, Model] | None = None, *, port: int = 0, seed: int = 1) -> None:
        self.models = dict(models or {})
        self.books, self.mind, self.seed = Books(), Mind(seed), seed
        self.closing = threading.Event()
        self.seen: deque[dict[str, Any]] = deque(maxlen=REMEMBERED)
        self.broken: list[str] = []
        """What went wrong in the simulator itself: nothing may."""
        self._lock = threading.Lock()
        self._queues = {name: deque(model.faults) for name, model in self.models.items()}
        self._numbers: dict[str, int] = {}
        self._answers = 0
        self._prefixes: set[bytes] = set()
        self._server = _Server(("127.0.0.1", port), Handler, self)
        self._trap = _Server(("127.0.0.1", 0), _Trap, self)
        for server in (self._server, self._trap):
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def __enter__(self) -> Simulator:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close()
        assert kind or not self.broken, self.broken[0]

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    @property
    def elsewhere(self) -> str:
        """Another address, which nobody may follow a redirect to."""
        return f"http://127.0.0.1:{self._trap.server_port}"

    def set(self, name: str, **changes: Any) -> None:
        """Changes, or adds, a model; a list counts as a tuple. Raises ValueError, TypeError for what is not to be."""
        given: dict[str, Any] = {
            field: tuple(value) if isinstance(value, list) else value for field, value in changes.items()
        }
        with self._lock:
            self.models[name] = replace(self.models.get(name, Model()), **given)
            if "faults" in given:
                self._queues[name] = deque(self.models[name].faults)

    def reset(self) -> None:
        """As if nothing had been asked yet. Models stay as they are, with their queues of faults full again."""
        with self._lock:
            self.books.clear()
            self.seen.clear()
            self.mind.clear()
            self._numbers.clear()
            self._prefixes.clear()
            self._queues = {name: deque(model.faults) for name, model in self.models.items()}

    def forget(self) -> None:
        """Empties the prompt caches."""
        with self._lock:
            self._prefixes.clear()

    def next_fault(self, name: str) -> str:
        """What befalls the next request of a model: the next of its queue, or by its rates; "" for nothing."""
        model = self.models[name]
        with self._lock:
            self._numbers[name] = number = self._numbers.get(name, 0) + 1
            if queue := self._queues.get(name):
                return queue.popleft()
        if model.always:
            return model.always
        drawn = Random(f"{self.seed}|{name}|{number}").random()
        for fault, rate in model.rates.items():
            drawn -= rate
            if drawn < 0:
                return fault
        return ""

    def next_answer(self) -> int:
        """A number for a reply."""
        with self._lock:
            self._answers += 1
            return self._answers

    def cached(self, name: str, prompt: str, tokens: int) -> int:
        """How many tokens of a prompt's beginning were read before, by the same model."""
        read, prefixes, begun = hashlib.blake2b(name.encode(), digest_size=16), {}, 0
        for end in range(CACHE_FROM, tokens + 1, CACHE_STEP):
            stop = end * CHARACTERS_PER_TOKEN
            read.update(prompt[begun:stop].encode(errors="replace"))
            begun, prefixes[end] = stop, read.digest()
        with self._lock:
            found = max((end for end, prefix in prefixes.items() if prefix in self._prefixes), default=0)
            self._prefixes.update(prefixes.values())
        return found

    def close(self) -> None:
        """Stops; every connection is closed, whatever it waits for."""
        self.closing.set()
        for server in (self._server, self._trap):
            server.shutdown()
            server.server_close()
            server.hang_up()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], simulator: Simulator) -> None:
        self.simulator = simulator
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Closes what is open still: a kept-alive connection would be served on, a full one wait for its reader."""
        with self._lock:
            for connection in self._open:
                cut(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error; anything else is one of the simulator's."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            self.simulator.broken.append(traceback.format_exc())


class _Trap(BaseHTTPRequestHandler):
    """Where redirects lead."""

    def do_POST(self) -> None:
        cast(_Server, self.server).simulator.books.followed()
        self.send_error(500)

    do_GET = do_POST

    def log_message(self, *_: Any) -> None:
        pass


def closed_port() -> str:
    """A URL where nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/v1"
