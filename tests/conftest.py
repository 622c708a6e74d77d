"""What every test stands on: no network, no settings of the person who runs it, real parts."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opsdesk.__main__ import GC_THRESHOLDS
from tests.postgres import MISSING, Server, programs, server

LOOPBACK = {"127.0.0.1", "::1", "localhost", "", None}
looked_up: list[str] = []
"""Every host that was looked up or connected to and is not this machine, over the whole run."""


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host not in LOOPBACK:
        looked_up.append(host)
        raise PermissionError(f"a test tried to reach {host}")


sys.addaudithook(_watch)
gc.set_threshold(*GC_THRESHOLDS)

SLOWEST_FIRST = ("test_hostile", "test_benchmarks", "test_batch", "test_paid_tiers", "browser/", "test_offline")
"""Files that take longest; were they begun last, one process would end long after the other."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the files that take longest first."""

    def place(item: pytest.Item) -> int:
        slow = (n for n, part in enumerate(SLOWEST_FIRST) if part in item.path.as_posix())
        return next(slow, len(SLOWEST_FIRST))

    items.sort(key=place)


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what it puts in the background deaf to Ctrl-C, and so would be every process that a test starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def nothing_outside_this_machine_is_reached() -> Iterator[None]:
    """Fails the run at its end if any test reached out, even where the attempt was swallowed."""
    yield
    assert looked_up == []


@pytest.fixture(autouse=True)
def the_main_module_stays() -> Iterator[None]:
    """Streamlit's own tester puts the page in its place, and a process started afterwards would run that page."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture(scope="session")
def model_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedding model's cache, built once a run."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session", autouse=True)
def benchmarks_share_the_model(model_cache: Path) -> None:
    """Benchmarks that a test runs would each make the embedding model anew."""
    os.environ["BENCHMARK_MODELS"] = str(model_cache)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server, started once a run; what asks for it is skipped where PostgreSQL is not installed."""
    if programs() is None:
        pytest.skip(MISSING)
    with server(durable=False) as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database that does not exist yet or is empty; of each kind in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'state' / 'opsdesk.sqlite'}"
        return
    with request.getfixturevalue("postgres").database() as url:
        yield url


@pytest.fixture
def home(tmp_path: Path, model_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty Opsdesk home that shares the run's embedding model; no other setting is in force."""
    for name in [name for name in os.environ if name.startswith(("OPSDESK_", "OPENAI_"))]:
        monkeypatch.delenv(name)
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    (folder / "models").symlink_to(model_cache, target_is_directory=True)
    monkeypatch.setenv("OPSDESK_HOME", str(folder))
    monkeypatch.chdir(tmp_path)
    return folder
