"""One connection to the simulator: OpenAI's API, and the paths by which it is set and counted."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, cast

from tests.simulator.books import Entry, billed
from tests.simulator.faults import (
    BODY_FAULTS,
    CONTENT_FAULTS,
    ECHOES,
    EVENT_STREAM,
    STATUS,
    UNBILLED,
    UNTOLD,
    WHOLE,
    WIRE_FAULTS,
    echo,
    error,
    status,
)
from tests.simulator.mind import embed
from tests.simulator.reply import Usage, completion, events, tokens, whole, within

if TYPE_CHECKING:
    from tests.simulator.model import Model
    from tests.simulator.server import Simulator


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that may be answered, and what befalls it."""

    name: str
    model: Model
    body: dict[str, Any]
    fault: str

    @property
    def streams(self) -> bool:
        return bool(self.body.get("stream"))

    @property
    def tells(self) -> bool:
        """Whether a stream ends with its usage."""
        return bool((self.body.get("stream_options") or {}).get("include_usage"))

    @property
    def limit(self) -> int | None:
        """Tokens that may be written."""
        return self.body.get("max_completion_tokens") or self.body.get("max_tokens")


class Handler(BaseHTTPRequestHandler):
    """One connection, of any number of requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    @property
    def simulator(self) -> Simulator:
        return cast("Simulator", self.server.simulator)  # type: ignore[attr-defined]

    def log_message(self, *_: Any) -> None:
        pass

    # --- control ---------------------------------------------------------------------------------------

    def do_GET(self) -> None:
        sim = self.simulator
        path, _, query = self.path.partition("?")
        if path == "/count":
            rows = {"rows": sim.books.rows()} if query == "requests=1" else {}
            self.reply_json(200, {**sim.books.count(), **rows, "broken": list(sim.broken)})
        elif path == "/told":
            self.reply_json(200, sim.mind.account())
        elif path == "/requests":
            self.reply_json(200, {"requests": list(sim.seen)})
        elif path == "/v1/models":
            models = [{"id": name, "object": "model", "created": 0, "owned_by": "nobody"} for name in list(sim.models)]
            self.reply_json(200, {"object": "list", "data": models})
        else:
            self.reply(404, b"<html>not found</html>", "text/html")

    def do_POST(self) -> None:
        sim, sent = self.simulator, self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            body = json.loads(sent or b"{}")
        except ValueError:
            self.reply_json(400, error(400, "invalid_json", "the body is no JSON"))
            return
        if self.path == "/control":
            self._control(body)
        elif self.path == "/forget":
            sim.forget()
            self.reply_json(200, {})
        elif self.path == "/reset":
            sim.reset()
            self.reply_json(200, {})
        elif self.path == "/v1/chat/completions":
            if asked := self._admitted(body, "messages"):
                self._complete(asked)
        elif self.path == "/v1/embeddings":
            if asked := self._admitted(body, "input"):
                self._embed(asked)
        else:
            self.reply(404, b"<html>not found</html>", "text/html")

    def _control(self, changed: dict[str, dict[str, Any]]) -> None:
        try:
            for name, changes in changed.items():
                self.simulator.set(name, **changes)
        except (TypeError, ValueError, AttributeError) as wrong:
            self.reply_json(400, error(400, "invalid_value", str(wrong)))
            return
        self.reply_json(200, {})

    # --- the API ---------------------------------------------------------------------------------------

    def _admitted(self, body: dict[str, Any], wanted: str) -> Asked | None:
        """The request, if it is to be answered; else it has been refused, and put down."""
        sim, name = self.simulator, str(body.get("model"))
        model, key = sim.models.get(name), self.headers.get("Authorization", "")
        is_known = model is not None and key == f"Bearer {model.key}"
        headers = {k.lower(): v for k, v in self.headers.items()} | {"authorization": "ours" if is_known else "other"}
        sim.seen.append(
            {"path": self.path, "headers": headers if key else {**headers, "authorization": ""}, "body": body}
        )
        if model is None:
            message = f"The model '{name}' does not exist or you do not have access to it."
            self._refused(name, "404", error(404, "model_not_found", message))
        elif model.key and not is_known:
            if model.echoes:
                self._echoed(name, "echo_401")
            else:
                self._refused(name, "401", error(401, "invalid_api_key", "Incorrect API key provided."))
        elif refusal := _refusal(model, body, wanted):
            self._refused(name, "400", refusal)
        else:
            fault, _, after = sim.next_fault(name).partition(":")
            if fault in STATUS:
                sim.books.put(Entry(name, STATUS[fault][0], fault))
                status(self, fault, after)
            elif fault in ECHOES:
                self._echoed(name, fault)
            else:
                return Asked(name, model, body, fault)
        return None

    def _refused(self, name: str, code: str, refusal: dict[str, Any]) -> None:
        self.simulator.books.put(Entry(name, int(code), "refused"))
        self.reply_json(int(code), refusal)

    def _echoed(self, name: str, fault: str) -> None:
        self.simulator.books.put(Entry(name, ECHOES[fault], fault))
        echo(self, ECHOES[fault])

    def _complete(self, asked: Asked) -> None:
        sim, model = self.simulator, asked.model
        self.wait(model.latency_s)
        if asked.fault in UNBILLED:
            self._unbilled(asked)
            return
        messages = [{**message, "content": _text(message.get("content"))} for message in asked.body["messages"]]
        prompt = "\n".join(message["content"] for message in messages)
        said, key = sim.mind.answer(asked.name, messages, model), self.headers.get("Authorization", "")
        if asked.fault in CONTENT_FAULTS:
            written = CONTENT_FAULTS[asked.fault](said, asked.limit, model.reasoning_tokens, key)
        else:
            written = within(said, asked.limit, model.reasoning_tokens)
        content, finish, count = written
        read = tokens(prompt)
        cached = sim.cached(asked.name, prompt, read) if model.cache else 0
        usage = Usage(read, cached, count, min(model.reasoning_tokens, count))
        number = sim.next_answer()
        body: Any = completion(number, asked.name, content, finish, usage)
        if asked.fault in BODY_FAULTS:
            body = BODY_FAULTS[asked.fault](body)
        is_whole = asked.fault not in UNTOLD and (asked.fault not in WIRE_FAULTS or asked.fault in WHOLE)
        told = is_whole and (asked.tells or not asked.streams)
        sim.books.put(billed(number, asked.name, asked.fault, usage, model.price, status=200, told=told))
        if asked.streams:
            self._send(asked, events(body, usage=asked.tells), EVENT_STREAM, count)
        else:
            self._send(asked, [whole(body)], "application/json", count)

    def _unbilled(self, asked: Asked) -> None:
        self.simulator.books.put(Entry(asked.name, UNBILLED[asked.fault], asked.fault))
        WIRE_FAULTS[asked.fault](self, b"", EVENT_STREAM if asked.streams else "application/json")

    def _send(self, asked: Asked, parts: Iterable[bytes], kind: str, written: int) -> None:
        """A reply on the wire, or what is made of it; at the speed at which the model writes."""
        speed = asked.model.tokens_per_second
        seconds = written / speed if speed else 0.0
        if asked.fault in WIRE_FAULTS:
            self.wait(seconds)
            WIRE_FAULTS[asked.fault](self, b"".join(parts), kind)
        elif not asked.streams:
            self.wait(seconds)
            self.reply(200, b"".join(parts), kind)
        else:
            every = list(parts)
            self.begin(200, None, kind, chunked=True)
            for part in every:
                self.wait(seconds / len(every))
                self.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
            self.write(b"0\r\n\r\n")

    def _embed(self, asked: Asked) -> None:
        sim, given = self.simulator, asked.body["input"]
        self.wait(asked.model.latency_s)
        if asked.fault in UNBILLED:
            self._unbilled(asked)
            return
        texts = [given] if isinstance(given, str) else list(given)
        vectors = embed(texts, int(asked.body.get("dimensions") or asked.model.dimensions))
        as_text = asked.body.get("encoding_format") == "base64"
        data = [
            {
                "object": "embedding",
                "index": i,
                "embedding": base64.b64encode(row.tobytes()).decode() if as_text else row.tolist(),
            }
            for i, row in enumerate(vectors)
        ]
        usage = Usage(sum(tokens(text) for text in texts))
        body: Any = {"object": "list", "model": asked.name, "data": data, "usage": usage.body()}
        if asked.fault in UNTOLD:
            body = BODY_FAULTS[asked.fault](body)
        told = asked.fault not in UNTOLD and (asked.fault not in WIRE_FAULTS or asked.fault in WHOLE)
        number = sim.next_answer()
        sim.books.put(billed(number, asked.name, asked.fault, usage, asked.model.price, status=200, told=told))
        self._send(asked, [whole(body)], "application/json", 0)

    # --- the socket ------------------------------------------------------------------------------------

    def reply_json(self, code: int, body: Any, headers: dict[str, str] | None = None) -> None:
        self.reply(code, whole(body), headers=headers)

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
        *,
        chunked: bool = False,
    ) -> None:
        """Status and headers; without a length, and not in chunks, the body ends with the connection."""
        self.send_response(code)
        self.send_header("Content-Type", kind)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif length is None:
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def write(self, data: bytes) -> None:
        """Sends. Raises ConnectionError when the client has gone, which ends the request."""
        self.wfile.write(data)

    def wait(self, seconds: float = 120) -> None:
        """Waits, unless the simulator is closed."""
        if seconds and self.simulator.closing.wait(seconds):
            raise ConnectionAbortedError

    def hang_up(self) -> None:
        """Closes the connection at once."""
        self.close_connection = True
        cut(self.connection)


def cut(connection: socket.socket) -> None:
    """Ends a connection, also under the feet of whoever waits on it."""
    with contextlib.suppress(OSError):  # the client was faster
        connection.shutdown(socket.SHUT_RDWR)


def _text(content: Any) -> str:
    """A message's content: text, or parts of which some are."""
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content if isinstance(part, dict))
    return content or ""


def _refusal(model: Model, body: dict[str, Any], wanted: str) -> dict[str, Any] | None:
    """Why a request is one that the model's server does not take, as its error's body."""
    if not body.get(wanted):
        return error(400, "missing_required_parameter", f"Missing required parameter: '{wanted}'.", wanted)
    if "response_format" in body and not model.structured:
        message = "'response_format' of type 'json_schema' is not supported with this model."
        return error(400, "unsupported_parameter", message, "response_format")
    for limit, other in (("max_tokens", "max_completion_tokens"), ("max_completion_tokens", "max_tokens")):
        if limit in body and model.limit == other:
            message = f"Unsupported parameter: '{limit}' is not supported with this model. Use '{other}' instead."
            return error(400, "unsupported_parameter", message, limit)
        if limit in body and not (isinstance(body[limit], int) and body[limit] > 0):
            return error(400, "invalid_value", f"Invalid value for '{limit}': it is at least 1.", limit)
    return None
