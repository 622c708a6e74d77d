"""Does each paid tier answer? One tiny call each, paid from the day's budget."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from pydantic import BaseModel

from agents.endpoint import EndpointModel, Line
from agents.request import Order
from errors import OpsdeskError
from tasks.case import Tier
from tasks.ledger import Ledger
from tasks.purse import Purse
from tasks.usage import Usage

SECONDS = 30
"""The longest that one check may take."""

MAX_TOKENS = 1_000
"""Enough for a model that thinks before it says one word."""


class Checked(NamedTuple):
    """What a tier's check found. `error` is empty when it answered; `cost_usd` is None when it is unknown."""

    tier: Tier
    seconds: float
    usage: Usage
    cost_usd: float | None
    structured: bool
    error: str


class Pong(BaseModel):
    """What a tier is asked for."""

    ok: bool


_MESSAGES = [
    {"role": "system", "content": 'Answer with this JSON object and nothing else: {"ok": true}'},
    {"role": "user", "content": "ping"},
]


def check(lines: Mapping[Tier, Line], ledger: Ledger, purse: Callable[[Tier, str], Purse]) -> Iterator[Checked]:
    """Calls each tier once, cheapest first."""
    for tier, line in lines.items():
        model = EndpointModel(line)
        model.order = Order(
            time.monotonic() + SECONDS, MAX_TOKENS, contract=Pong, purse=purse(tier, line.endpoint.model)
        )
        began, error = time.monotonic(), ""
        try:
            model.call(_MESSAGES)
        except OpsdeskError as failure:
            error = str(failure)
        seconds = time.monotonic() - began
        cost = ledger.cost(tier, line.endpoint.model, model.taken).cost_usd
        yield Checked(tier, seconds, model.taken, cost, line.structured, error)
