"""A collector of traces on loopback: OTLP over HTTP, as a backend takes it, or one that goes wrong in a set way.

`python -m tests.collector` is one in a process of its own: it prints its address, and ends with its standard input.
"""

from __future__ import annotations

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Collector(ThreadingHTTPServer):
    """Takes spans as OTLP over HTTP. While `waits` is not set it takes them and answers nothing.

    Use as a context manager: it serves until it is left.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.spans: list[Any] = []
        self.resources: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self.status = 200
        self.asked, self.waits = threading.Event(), threading.Event()
        self.waits.set()

    def __enter__(self) -> Collector:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.waits.set()
        self.shutdown()
        self.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        told = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.set()
        self.server.waits.wait(30)
        self.server.headers.append(dict(self.headers))
        for resource in told.resource_spans if self.server.status == 200 else ():
            self.server.resources.append(resource.resource)
            for scope in resource.scope_spans:
                self.server.spans += scope.spans
        try:
            self.send_response(self.server.status)
            self.end_headers()
        except BrokenPipeError:  # who told has not waited
            pass

    def log_message(self, *_: Any) -> None:
        pass


def attributes(told: Any) -> dict[str, Any]:
    """The attributes of a span or a resource."""
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in told.attributes}


if __name__ == "__main__":
    with Collector() as collector:
        print(collector.url, flush=True)
        sys.stdin.read()  # until whoever started it hangs up
