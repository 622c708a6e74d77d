"""`opsdesk` as a person runs it, in this process, and a page to index."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from opsdesk import cli
from opsdesk.demo import SAMPLE
from opsdesk.desk import Desk
from opsdesk.settings import Settings
from tests.simulator import Model, Simulator

KEY = "sk-canary-0123456789abcdef"
CHEAP, FRONTIER = "gpt-6-luna", "gpt-6.1-sol"


class Result:
    """What a command printed, and how it ended."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def run(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Result]]:
    """Runs `opsdesk ARGUMENTS` in this process."""
    old = os.umask(0o022)

    def command(*arguments: str | Path) -> Result:
        monkeypatch.setattr(sys, "argv", ["opsdesk", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        printed = capsys.readouterr()
        assert isinstance(stopped.value.code, int)
        return Result(stopped.value.code, printed.out, printed.err)

    yield command
    os.umask(old)


@pytest.fixture(scope="module")
def home_of_all(tmp_path_factory: pytest.TempPathFactory, model_cache: Path) -> Path:
    """A home that knows the sample's documents, for all tests of a file."""
    home = tmp_path_factory.mktemp("home")
    (home / "models").symlink_to(model_cache, target_is_directory=True)
    Desk(Settings(home=home)).index([SAMPLE / "docs"], "sample")
    return home


@pytest.fixture
def sim() -> Iterator[Simulator]:
    usual = {CHEAP: Model(price=(100, 10, 500), key=KEY), FRONTIER: Model(price=(2000, 100, 10000), key=KEY)}
    with Simulator(usual) as running:
        yield running


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory, model_cache: Path) -> Desk:
    """A desk that knows the sample's documents; the others share what it has opened."""
    home = tmp_path_factory.mktemp("paid")
    (home / "models").symlink_to(model_cache, target_is_directory=True)
    desk = Desk(Settings(home=home, policy="offline"))
    desk.index([SAMPLE / "docs"], "sample")
    desk.searcher("sample")
    return desk


@pytest.fixture
def page(tmp_path: Path) -> Path:
    file = tmp_path / "docs" / "reset.md"
    file.parent.mkdir()
    file.write_text("# Reset your password\n\n1. Open the login page.\n2. Choose Forgot password?\n", encoding="utf-8")
    return file
