"""How a simulated model behaves: prices, speed, mistakes, what it supports, and how it fails."""

from __future__ import annotations

from dataclasses import dataclass, field

from benchmarks.lies import LIES
from tests.simulator.faults import FAULTS
from tests.simulator.mind import USUAL_LIES

LIMITS = ("both", "max_tokens", "max_completion_tokens")


@dataclass(frozen=True, slots=True)
class Model:
    """A model's manners. Raises ValueError for a fault, lie or limit that does not exist.

    A fault is a name of `FAULTS`; an error status may say when to come back: "429:55".
    """

    price: tuple[int, int, int] = (0, 0, 0)
    """Nano-dollars a token: read, read from the cache, written."""
    wrong: float = 0.0
    """The share of drafts with one lie, 0..1."""
    wrong_again: float | None = None
    """That share of revisions; None is as `wrong`."""
    judge_wrong: float = 0.0
    """The share of claims that it judges the wrong way round."""
    lies: tuple[str, ...] = USUAL_LIES
    latency_s: float = 0.0
    """Seconds before the reply begins."""
    tokens_per_second: float = 0.0
    """How fast it writes after that; 0 is at once."""
    structured: bool = True
    """Whether it takes `response_format`."""
    limit: str = "both"
    """Which name of the limit on tokens it takes: "max_tokens", "max_completion_tokens" or "both"."""
    key: str = ""
    """The key that it wants, if any."""
    echoes: bool = False
    """Whether it repeats a wrong key in refusing it."""
    cache: bool = False
    """Whether beginnings of prompts that it has read are cheaper."""
    reasoning_tokens: int = 0
    """Written before every reply, and billed."""
    dimensions: int = 384
    """Of its embeddings."""
    faults: tuple[str, ...] = ()
    """Used up one a request, in order; "" for none."""
    rates: dict[str, float] = field(default_factory=dict)
    """Faults by the share of requests that they befall."""
    always: str = ""
    """A fault of every request that has none of its own."""

    def __post_init__(self) -> None:
        named = {*self.faults, *self.rates, self.always}
        if unknown := {name for name in named if name and name.partition(":")[0] not in FAULTS}:
            raise ValueError(f"no such fault: {sorted(unknown)}; there are {sorted(FAULTS)}")
        if unknown := set(self.lies) - set(LIES):
            raise ValueError(f"no such lie: {sorted(unknown)}; there are {sorted(LIES)}")
        if self.limit not in LIMITS:
            raise ValueError(f"no such limit: {self.limit}; there are {LIMITS}")
