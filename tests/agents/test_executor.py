"""The executor does what it is told and nothing else that CrewAI would."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import pytest

from tests.agents.bench import Bench, passage


class _Harmful:
    """What runs a command as soon as it is unpickled."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, ("touch ran",)


def test_nothing_of_the_folder_that_it_is_started_in_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CrewAI looks there for what agents were trained with, as a pickle."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trained_agents_data.pkl").write_bytes(pickle.dumps(_Harmful()))
    bench = Bench(tmp_path, [passage(1, "The Pro plan costs $49 a month.")])
    assert bench.ask("How much is the Pro plan?").outcome == "accepted"
    assert not (tmp_path / "ran").exists()
