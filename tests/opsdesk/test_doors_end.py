"""`opsdesk serve` and `opsdesk mcp --http` as processes that are told to end while somebody waits for them."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.browser.served import environment, free_port, until
from tests.opsdesk.api_served import MASTER

QUICKLY = 8.0
"""Seconds; a server that waits for its connections to close takes ten and more."""


@contextmanager
def door(home: Path, *command: str) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    """A door without a worker, so that nothing that is asked comes to an end."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "opsdesk", *command, "--port", str(port), "--workers", "0"],
        cwd=home,
        env=environment(home, {"OPSDESK_API_TOKEN": MASTER}),
        stderr=subprocess.PIPE,
        text=True,
    )
    headers = {"Authorization": f"Bearer {MASTER}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=120) as client:

        def answers() -> bool:
            try:
                return bool(client.get("/").status_code)
            except httpx.TransportError:
                return False

        try:
            until(answers, "it did not come up", 90)
            yield process, client
        finally:
            process.kill()
            process.wait()


def interrupted(process: subprocess.Popen[str]) -> None:
    """Presses Ctrl-C, and sees that the process ends soon, quietly and as the contract says."""
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.splitlines()[1:] == ["opsdesk: interrupted; what was finished is kept"]  # below where it is
    assert time.monotonic() - began < QUICKLY


def test_ctrl_c_keeps_nobody_waiting_who_follows_a_case_or_waits_for_one(home_of_all: Path) -> None:
    body = {"text": "How do I reset my password?", "wait": 0}
    asked = {"model": "opsdesk", "messages": [{"role": "user", "content": body["text"]}]}
    with door(home_of_all, "serve") as (process, client), ThreadPoolExecutor() as pool:
        case = client.post("/v1/cases", json=body).headers["location"]
        follow = pool.submit(client.get, f"{case}/events")
        wait = pool.submit(client.post, "/v1/cases", json={**body, "wait": 100})
        chat = pool.submit(client.post, "/v1/chat/completions", json=asked)
        streamed = pool.submit(client.post, "/v1/chat/completions", json={**asked, "stream": True})
        time.sleep(1)
        assert not any(answer.done() for answer in (follow, wait, chat, streamed))
        interrupted(process)
        assert (follow.result().status_code, follow.result().text) == (200, "")
        assert (wait.result().status_code, wait.result().json()["status"]) == (202, "waiting")
        assert chat.result().status_code == 503
        assert "has not come to it in time" in streamed.result().text


@pytest.mark.parametrize("command", [["serve"], ["mcp", "--http"]])
def test_ctrl_c_on_a_door_that_nobody_uses_is_an_interruption(home_of_all: Path, command: list[str]) -> None:
    with door(home_of_all, *command) as (process, _):
        interrupted(process)
