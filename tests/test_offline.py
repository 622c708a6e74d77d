"""Offline means offline: the whole demo, in a process that records every name it looks up."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from opsdesk.demo import tickets

ROOT = Path(__file__).resolve().parents[1]
WATCHED = """
import sys
def watch(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.connect", "socket.sendto"):
        if event != "socket.connect" or isinstance(arguments[1], tuple):
            print("NETWORK", event, arguments, file=sys.stderr)
sys.addaudithook(watch)
from opsdesk.cli import main
main()
"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, model_cache: Path) -> subprocess.CompletedProcess[str]:
    """`opsdesk demo` in a new home, watched."""
    home = tmp_path_factory.mktemp("demo")
    (home / "models").symlink_to(model_cache, target_is_directory=True)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OPSDESK_")}
    environment |= {"OPSDESK_HOME": str(home), "PYTHONPATH": str(ROOT), "OPENAI_API_KEY": "sk-never-used"}
    command = [sys.executable, "-c", WATCHED, "demo"]
    return subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, timeout=120, check=False)


def test_no_name_is_looked_up_and_nothing_is_connected(demo: subprocess.CompletedProcess[str]) -> None:
    assert demo.returncode == 0, demo.stderr
    assert "NETWORK" not in demo.stderr


def test_the_demo_is_silent_but_for_what_it_shows(demo: subprocess.CompletedProcess[str]) -> None:
    assert demo.stderr == ""
    assert "\x1b" not in demo.stdout
    assert "sk-never-used" not in demo.stdout


def test_the_demo_ends_with_its_table(demo: subprocess.CompletedProcess[str]) -> None:
    for ticket in tickets():
        assert ticket.ticket_id in demo.stdout
    for heading in ("outcome", "accepted", "abstained", "needs_human", "time per step", "all-frontier, an estimate"):
        assert heading in demo.stdout
