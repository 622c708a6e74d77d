"""A simulated model: an OpenAI-compatible server on loopback that answers, lies, bills and fails in set ways.

In a test: `with Simulator({"cheap": Model(...)}) as sim: ... sim.base_url`. In a process of its own, so that it does
not share its client's interpreter: `python -m tests.simulator '{"cheap": {"wrong": 0.15}}'`, which prints its URL;
then `POST /control`, `GET /count`, `GET /told` and `GET /seen` beside the API.
"""

from __future__ import annotations

from tests.simulator.server import Model, Simulator, closed_port, wait_until

__all__ = ["Model", "Simulator", "closed_port", "wait_until"]
