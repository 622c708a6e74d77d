"""A simulated model, for the tests of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.agents.simulated import KEY, SMALL
from tests.simulator import Model, Simulator


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator({SMALL: Model(price=(250, 25, 2_000), key=KEY)}) as running:
        yield running
