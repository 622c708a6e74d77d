"""The simulator's HTTP server: OpenAI's chat API on loopback, with books of its own."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections import deque
from dataclasses import asdict, dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Any, cast

from tests.simulator.books import Books, Entry
from tests.simulator.faults import BODY_FAULTS, NOT_BILLED, STATUS, UNTOLD, echo, pieces, status, wire_faults
from tests.simulator.mind import USUAL_LIES, Mind

CACHE_FROM, CACHE_STEP = 1_024, 128
"""A prompt's beginning is cached from so many tokens on, in such steps, as at OpenAI."""


@dataclass(frozen=True, slots=True)
class Model:
    """How a model behaves. Prices are nano-dollars a token: read, read from the cache, written."""

    price: tuple[int, int, int] = (0, 0, 0)
    wrong: float = 0.0
    lies: tuple[str, ...] = USUAL_LIES
    latency_s: float = 0.0
    structured: bool = True
    limit: str = "both"
    """Which name of the limit on tokens it takes: "max_tokens", "max_completion_tokens" or "both"."""
    key: str = ""
    cache: bool = False
    reasoning_tokens: int = 0
    faults: tuple[str, ...] = ()
    """Used up one a request, in order."""
    rates: dict[str, float] = field(default_factory=dict)
    """Faults by the share of requests that they befall."""
    always: str = ""
    """A fault of every request."""


class Simulator:
    """Serves until it is closed. Use as a context manager; `base_url` is where the API begins."""

    def __init__(self, models: dict[str, Model] | None = None, *, port: int = 0, seed: int = 1) -> None:
        self.models = dict(models or {})
        self.books, self.mind, self.seed = Books(), Mind(seed), seed
        self.closing = threading.Event()
        self.lock = threading.Lock()
        self.seen: deque[dict[str, Any]] = deque(maxlen=2_000)
        self._queues = {name: deque(model.faults) for name, model in self.models.items()}
        self._numbers: dict[str, int] = {}
        self._prefixes: set[tuple[str, str]] = set()
        self._server = _Server(("127.0.0.1", port), Handler)
        self._server.simulator = self
        self._trap = _Server(("127.0.0.1", 0), _Trap)
        self._trap.simulator = self
        for server in (self._server, self._trap):
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def __enter__(self) -> Simulator:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    @property
    def elsewhere(self) -> str:
        """Another address, which nobody may follow a redirect to."""
        return f"http://127.0.0.1:{self._trap.server_port}"

    def set(self, name: str, **changes: Any) -> None:
        """Changes, or adds, a model."""
        with self.lock:
            self.models[name] = replace(self.models.get(name, Model()), **changes)
            self._queues[name] = deque(self.models[name].faults)

    def fault(self, name: str) -> str:
        """What befalls the next request of a model: the next of its queue, or by its rates; "" for nothing."""
        model = self.models[name]
        with self.lock:
            self._numbers[name] = number = self._numbers.get(name, 0) + 1
            queue = self._queues.setdefault(name, deque())
            if queue:
                return queue.popleft()
        if model.always:
            return model.always
        drawn = Random(f"{self.seed}|{name}|{number}").random()
        for fault, rate in model.rates.items():
            drawn -= rate
            if drawn < 0:
                return fault
        return ""

    def cached(self, name: str, prompt: str, tokens: int) -> int:
        """How many tokens of a prompt's beginning were read before, by the same model."""
        found = 0
        with self.lock:
            for end in range(CACHE_FROM, tokens + 1, CACHE_STEP):
                prefix = (name, str(hash(prompt[: end * 4])))
                found = end if prefix in self._prefixes else found
                self._prefixes.add(prefix)
        return found

    def close(self) -> None:
        self.closing.set()
        for server in (self._server, self._trap):
            server.shutdown()
            server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    simulator: Simulator

    def handle_error(self, *_: Any) -> None:
        """A client that went away is no error."""


class _Trap(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        cast(_Server, self.server).simulator.books.redirected += 1
        self.send_error(500)

    do_GET = do_POST

    def log_message(self, *_: Any) -> None:
        pass


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    @property
    def simulator(self) -> Simulator:
        return cast(_Server, self.server).simulator

    def log_message(self, *_: Any) -> None:
        pass

    # --- control ---------------------------------------------------------------------------------------

    def do_GET(self) -> None:
        sim = self.simulator
        path = self.path.partition("?")[0]
        if path == "/count":
            self.reply_json(200, {**sim.books.count(), **({"rows": sim.books.rows()} if "rows=1" in self.path else {})})
        elif path == "/told":
            self.reply_json(200, {"told": [asdict(told) for told in sim.mind.told]})
        elif path == "/seen":
            self.reply_json(200, {"seen": list(sim.seen)})
        elif path == "/v1/models":
            self.reply_json(200, {"object": "list", "data": [{"id": name, "object": "model"} for name in sim.models]})
        else:
            self.reply(404, b"<html>not found</html>", "text/html")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        if self.path == "/control":
            for name, changes in body.items():
                changes = {k: tuple(v) if isinstance(v, list) else v for k, v in changes.items()}
                self.simulator.set(name, **changes)
            self.reply_json(200, {})
        elif self.path == "/forget":
            with self.simulator.lock:
                self.simulator._prefixes.clear()
            self.reply_json(200, {})
        elif self.path == "/v1/chat/completions":
            self._complete(body)
        else:
            self.reply(404, b"<html>not found</html>", "text/html")

    # --- the API ---------------------------------------------------------------------------------------

    def _complete(self, body: dict[str, Any]) -> None:
        sim, name = self.simulator, str(body.get("model"))
        sim.seen.append({"body": body, "headers": sorted(self.headers.keys())})
        model = sim.models.get(name)
        if model is None:
            self._refused(name, "404")
            return
        if model.key and self.headers.get("Authorization") != f"Bearer {model.key}":
            self._refused(name, "401")
            return
        if refusal := _unsupported(model, body):
            sim.books.put(Entry(name, 400, "unsupported"))
            self.reply_json(400, {"error": refusal})
            return
        fault, _, after = sim.fault(name).partition(":")
        if fault in STATUS:
            sim.books.put(Entry(name, STATUS[fault][0], fault))
            status(self, fault, after or None)
            return
        if fault in ("echo_401", "echo_500"):
            sim.books.put(Entry(name, int(fault[5:]), fault))
            echo(self, int(fault[5:]))
            return
        self.wait(model.latency_s)
        self._answer(name, model, body, fault)

    def _refused(self, name: str, fault: str) -> None:
        self.simulator.books.put(Entry(name, STATUS[fault][0], fault))
        status(self, fault, None)

    def _answer(self, name: str, model: Model, body: dict[str, Any], fault: str) -> None:
        sim, messages = self.simulator, body["messages"]
        content = "" if fault in NOT_BILLED else sim.mind.answer(name, messages, model.wrong, model.lies)
        if fault == "echo_content":
            content = self.headers.get("Authorization", "") + content
        prompt = "\n".join(message["content"] for message in messages)
        read, written = -(-len(prompt) // 4), -(-len(content) // 4) + model.reasoning_tokens
        cached = sim.cached(name, prompt, read) if model.cache else 0
        if fault == "greedy":
            written = 125_000
        reply = {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "model": name,
            "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}],
            "usage": {
                "prompt_tokens": read,
                "completion_tokens": written,
                "total_tokens": read + written,
                "prompt_tokens_details": {"cached_tokens": cached},
                "completion_tokens_details": {"reasoning_tokens": model.reasoning_tokens},
            },
        }
        on_wire = wire_faults().get(fault)
        if fault not in NOT_BILLED:
            fresh, kept, out = model.price
            nano = (read - cached) * fresh + cached * kept + written * out
            told = on_wire is None and fault not in UNTOLD | {"stream_no_usage", "body_is_list"}
            sim.books.put(Entry(name, 200, fault, read, cached, written, nano, told))
        else:
            sim.books.put(Entry(name, 200, fault))
        if on_wire:
            on_wire(self, reply)
            return
        changed = BODY_FAULTS[fault](reply) if fault in BODY_FAULTS else reply
        if body.get("stream") and isinstance(changed, dict):
            self._stream(changed, usage=fault != "stream_no_usage" and bool(body.get("stream_options")))
        else:
            self.reply_json(200, changed)

    def _stream(self, reply: dict[str, Any], *, usage: bool) -> None:
        choices = reply.get("choices")
        choice = choices[0] if choices else {"message": {}, "finish_reason": None}
        message = choice["message"]
        self.begin(200, None, "text/event-stream")
        if message.get("tool_calls"):
            self._event({"delta": {"tool_calls": [{"index": 0, **message["tool_calls"][0]}]}, "finish_reason": None})
        for piece in pieces(message.get("content") or ""):
            self._event({"delta": {"content": piece}, "finish_reason": None})
        if choices:
            self._event({"delta": {}, "finish_reason": choice["finish_reason"]})
        if usage and reply.get("usage") is not None:
            self.write(f"data: {json.dumps({'id': 'x', 'choices': [], 'usage': reply['usage']})}\n\n".encode())
        self.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def _event(self, choice: dict[str, Any]) -> None:
        self.write(f"data: {json.dumps({'id': 'x', 'choices': [{'index': 0, **choice}]})}\n\n".encode())

    # --- the socket ------------------------------------------------------------------------------------

    def reply_json(self, code: int, body: Any, headers: dict[str, str] | None = None) -> None:
        self.reply(code, json.dumps(body).encode(), headers=headers)

    def reply(
        self, code: int, body: bytes, kind: str = "application/json", headers: dict[str, str] | None = None
    ) -> None:
        self.begin(code, len(body), kind, headers)
        self.write(body)

    def begin(
        self,
        code: int,
        length: int | None,
        kind: str = "application/json",
        headers: dict[str, str] | None = None,
    ) -> None:
        """Status and headers; without a length the body ends with the connection."""
        self.send_response(code)
        self.send_header("Content-Type", kind)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if length is None:
            self.send_header("Connection", "close")
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def write(self, data: bytes) -> None:
        """Sends; a client that has gone ends the request."""
        try:
            self.wfile.write(data)
        except OSError as gone:
            raise ConnectionAbortedError from gone

    def wait(self, seconds: float = 120) -> None:
        """Waits, unless the simulator is closed."""
        if seconds and self.simulator.closing.wait(seconds):
            raise ConnectionAbortedError

    def hang_up(self) -> None:
        """Closes the connection at once."""
        self.close_connection = True
        with contextlib.suppress(OSError):  # the client was faster
            self.connection.shutdown(socket.SHUT_RDWR)


def _unsupported(model: Model, body: dict[str, Any]) -> dict[str, Any] | None:
    def no(param: str, message: str) -> dict[str, Any]:
        return {"message": message, "type": "invalid_request_error", "param": param, "code": "unsupported_parameter"}

    if "response_format" in body and not model.structured:
        return no("response_format", "'response_format' of type 'json_schema' is not supported with this model.")
    for limit, other in (("max_tokens", "max_completion_tokens"), ("max_completion_tokens", "max_tokens")):
        if limit in body and model.limit == other:
            return no(limit, f"Unsupported parameter: '{limit}'. Use '{other}' instead.")
    return None


def closed_port() -> str:
    """A URL where nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/v1"


def wait_until(done: Any, seconds: float = 10) -> None:
    """Waits until `done()` is true; fails after `seconds`."""
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.01)
