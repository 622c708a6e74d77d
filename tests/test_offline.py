"""Offline means offline: the whole demo, in a process that records every name it looks up."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from opsdesk.demo import tickets

STRACE = shutil.which("strace")
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


def run_demo(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """`opsdesk demo`, by `command`, in a new home and with a key that it must not use."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("OPSDESK_", "ORT_", "CREWAI_"))}
    environment |= {"HOME": str(folder), "OPSDESK_HOME": str(folder / "opsdesk"), "PYTHONPATH": str(ROOT)}
    environment |= {"OPENAI_API_KEY": "sk-never-used"}
    return subprocess.run(
        [*command, "demo"], env=environment, cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )


class Demo(NamedTuple):
    """The demo as it ended, and the system calls to the network that it made; "" where nothing watched them."""

    done: subprocess.CompletedProcess[str]
    calls: str


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo, once: Python's own look-ups and connections are printed on stderr, native code's kept by strace."""
    folder = tmp_path_factory.mktemp("demo")
    log = folder / "calls"
    watch = ["strace", "-f", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", str(log)] if STRACE else []
    done = run_demo(folder, *watch, sys.executable, "-c", WATCHED)
    return Demo(done, log.read_text() if STRACE else "")


def test_python_looks_up_no_name_and_connects_to_nothing(demo: Demo) -> None:
    assert demo.done.returncode == 0, demo.done.stderr
    assert "NETWORK" not in demo.done.stderr


@pytest.mark.skipif(STRACE is None, reason="strace is not installed (.ci/run installs it)")
def test_native_code_looks_up_no_name_and_connects_to_nothing(demo: Demo) -> None:
    assert demo.done.returncode == 0, demo.done.stderr
    assert "+++ exited with 0 +++" in demo.calls  # it did watch
    assert [line for line in demo.calls.splitlines() if "AF_INET" in line] == []


def test_the_demo_is_silent_but_for_what_it_shows(demo: Demo) -> None:
    assert demo.done.stderr == ""
    assert "\x1b" not in demo.done.stdout
    assert "sk-never-used" not in demo.done.stdout


def test_the_demo_ends_with_its_table(demo: Demo) -> None:
    for ticket in tickets():
        assert ticket.ticket_id in demo.done.stdout
    for heading in ("outcome", "accepted", "abstained", "needs_human", "time per step", "all-frontier, an estimate"):
        assert heading in demo.done.stdout
