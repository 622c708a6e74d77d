"""`opsdesk ui`: on this machine alone, under its policy, with a worker that is there and ends with it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from errors import UsageError
from opsdesk.desk import Desk
from opsdesk.settings import Settings
from opsdesk.web import check_exposure, names_on
from tasks.workers import Worker, Workers
from tests.opsdesk.conftest import Result

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def pages(home: Path, *more: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    port = free_port()
    command = [sys.executable, "-m", "opsdesk", "ui", "--port", str(port), *more]
    process = subprocess.Popen(
        command, env={**os.environ, "OPSDESK_HOME": str(home), "PYTHONPATH": str(ROOT)}, cwd=home
    )
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: is_up(url))
        yield process, url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def is_up(url: str) -> bool:
    try:
        return httpx.get(f"{url}/_stcore/health").status_code == 200
    except httpx.HTTPError:
        return False


def until(seen: Callable[[], bool], seconds: float = 60) -> None:
    """Waits for something to come true; the limit only ends a test that would hang."""
    give_up = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < give_up, "it did not come true"
        time.sleep(0.05)


def alive(home: Path) -> list[Worker]:
    database = Desk(Settings(home=home)).task_list.database
    try:
        return Workers(database, lambda: datetime.now(UTC)).alive()
    finally:
        database.dispose()


def test_pages_answer_under_their_policy_to_their_own_name_alone(home: Path) -> None:
    with pages(home, "--no-worker") as (_, url):
        found = httpx.get(url)
        assert found.status_code == 200
        policy = found.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "img-src 'self' data: blob:" in policy
        assert "http" not in policy
        assert found.headers["referrer-policy"] == "no-referrer"
        assert httpx.get(url, headers={"Host": "evil.example"}).status_code == 400
        font = httpx.get(f"{url}/app/static/inter.woff2")
        assert (font.status_code, font.content[:4]) == (200, b"wOF2")
        assert alive(home) == []


def test_a_worker_comes_with_the_page_comes_back_when_it_dies_and_goes_when_the_page_is_killed(home: Path) -> None:
    with pages(home) as (process, _):
        until(lambda: len(alive(home)) == 1)
        first = alive(home)[0].name
        os.kill(int(first.split(":")[1]), signal.SIGKILL)
        until(lambda: [worker.name for worker in alive(home)] not in ([], [first]))
        process.kill()
        process.wait()
        until(lambda: alive(home) == [])


def test_a_port_that_is_taken_is_told_with_the_way_out(run: Callable[..., Result]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = run("ui", "--port", taken.getsockname()[1])
    assert result.code == 2
    assert "--port" in result.err


def test_an_open_address_is_refused_without_sign_in_unless_it_is_asked_for(run: Callable[..., Result]) -> None:
    result = run("ui", "--host", "0.0.0.0", "--port", free_port())
    assert result.code == 2
    assert "[auth]" in result.err
    for host in ("127.0.0.1", "::1", "localhost"):
        check_exposure(host, signs_in=False, open_to_all=False)
    check_exposure("0.0.0.0", signs_in=True, open_to_all=False)
    check_exposure("0.0.0.0", signs_in=False, open_to_all=True)
    with pytest.raises(UsageError):
        check_exposure("192.0.2.1", signs_in=False, open_to_all=False)


def test_an_open_address_is_refused_until_its_host_name_is_told(run: Callable[..., Result]) -> None:
    """Any page that has its own name point to this machine could read and spend there."""
    result = run("ui", "--host", "0.0.0.0", "--port", free_port(), "--open-to-everybody")
    assert (result.code, "--name" in result.err) == (2, True)
    assert names_on("0.0.0.0", ["desk.example.com"]) == ["desk.example.com"]
    assert "localhost" in names_on("127.0.0.1", None)


def test_sign_in_is_refused_until_it_is_said_who_may(home: Path) -> None:
    (home / ".streamlit").mkdir()
    (home / ".streamlit" / "secrets.toml").write_text('[auth]\nclient_id = "opsdesk"\n')
    command = [sys.executable, "-m", "opsdesk", "ui", "--port", str(free_port())]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=env, cwd=home, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "OPSDESK_ALLOWED_EMAILS" in done.stderr
