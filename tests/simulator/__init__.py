"""A simulated model: an OpenAI-compatible server on loopback that answers, lies, bills and fails in set ways.

In a test: `with Simulator({"cheap": Model(...)}) as sim: ... sim.base_url`. In a process of its own, so that it does
not share its client's interpreter: `python -m tests.simulator --config FILE.json`, which prints its URL. Both are
asked and told the same way over HTTP, beside the API:

POST /control   {model: changes}, as the fields of `Model`
POST /forget    empties the prompt caches
POST /reset     as if nothing had been asked yet; models stay as they are
GET  /count     the books; with ?requests=1 each request too
GET  /told      the lies told, and how many drafts there were
GET  /requests  the last requests, without their key
"""

from __future__ import annotations

from tests.simulator.model import Model
from tests.simulator.server import Simulator, closed_port

__all__ = ["Model", "Simulator", "closed_port"]
