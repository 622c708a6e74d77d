"""The pages as a person starts them: `opsdesk ui` as a process of its own, over a home of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from opsdesk.desk import Desk
from opsdesk.settings import Settings
from tasks.workers import Workers

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 90.0


@dataclass
class Served:
    """A running `opsdesk ui`: where it is, and what lies under it."""

    home: Path
    url: str
    process: subprocess.Popen[bytes]

    @cached_property
    def desk(self) -> Desk:
        """A desk over the same home, to seed and to look; it never runs the crew."""
        return Desk(Settings(home=self.home))

    def workers(self) -> list[str]:
        """The names of the workers that are alive."""
        return [worker.name for worker in Workers(self.desk.task_list.database, now).alive()]

    def worker_pids(self) -> list[int]:
        """The process ids of its workers."""
        found = subprocess.run(
            ["ps", "-o", "pid=,args=", "--ppid", str(self.process.pid)], capture_output=True, text=True, check=False
        )
        return [int(line.split()[0]) for line in found.stdout.splitlines() if " worker" in line]

    def kill_workers(self) -> None:
        """Ends its workers as a power cut would."""
        for pid in self.worker_pids():
            os.kill(pid, signal.SIGKILL)

    def wait_for_worker(self) -> None:
        """Returns once a worker takes requests."""
        until(lambda: bool(self.workers()), "no worker came up")


@contextmanager
def served(
    home: Path, *options: str, settings: dict[str, Any] | None = None, port: int | None = None
) -> Iterator[Served]:
    """`opsdesk ui` over `home`, with nothing of the caller's own settings in force; `settings` are variables."""
    port = port or free_port()
    with (home / "ui.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "opsdesk", "ui", "--port", str(port), *options],
            cwd=home,  # where no .env and no opsdesk.toml of the person who runs this lies
            env=environment(home, settings or {}),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        until(lambda: _healthy(url, process), "the page did not come up", START_SECONDS)
        yield Served(home, url, process)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def environment(home: Path, settings: dict[str, Any]) -> dict[str, str]:
    """The environment of a command over `home`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPSDESK_", "OPENAI_"))}
    return {**kept, "OPSDESK_HOME": str(home), "PYTHONPATH": str(ROOT), **{k: str(v) for k, v in settings.items()}}


def opsdesk(home: Path, *arguments: str, settings: dict[str, Any] | None = None) -> str:
    """Runs a command over `home` and returns what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "opsdesk", *arguments],
        cwd=home,
        env=environment(home, settings or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def tiers_at(base_url: str, key: str, models: dict[str, str]) -> dict[str, str]:
    """The variables that make `models` (by tier) paid tiers at an endpoint."""
    return {
        f"OPSDESK_TIERS__{tier.upper()}__{name}": value
        for tier, model in models.items()
        for name, value in {"MODEL": model, "BASE_URL": base_url, "API_KEY": key}.items()
    }


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(true: Any, otherwise: str, seconds: float = 60.0, every: float = 0.05) -> None:
    """Waits until `true()` holds. Raises `AssertionError` with `otherwise` when it never does."""
    give_up = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < give_up, otherwise
        time.sleep(every)


def _healthy(url: str, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "opsdesk ui ended; see ui.log in its home"
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def now() -> datetime:
    """The clock of what is seeded."""
    return datetime.now(UTC)
