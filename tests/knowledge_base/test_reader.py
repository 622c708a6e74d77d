"""A file can crash, exhaust or stall its parser; it is then reported, the next is read, and no process stays behind."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from knowledge_base.formats.page import Page, Refusal
from knowledge_base.reader import Reader
from knowledge_base.sources import Document, Skipped, read_sources

ROOT = Path(__file__).resolve().parents[2]
SLOW = b"<" * 5_000_000  # in HTML, a minute of work
MANY = 50_000


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """Every process that is started in a test."""
    found: list[subprocess.Popen[bytes]] = []

    class Recorded(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            found.append(self)

    monkeypatch.setattr(subprocess, "Popen", Recorded)
    return found


def gone(processes: list[subprocess.Popen[bytes]]) -> bool:
    """Whether all of them are ended and waited for; `returncode` is only set by a wait."""
    return bool(processes) and all(process.returncode is not None for process in processes)


def open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def one(reader: Reader, path: Path, max_bytes: int = 20_000_000) -> list[Page | Refusal]:
    return list(reader.read(path, path.name, max_bytes))


@pytest.fixture
def good(tmp_path: Path) -> Path:
    (tmp_path / "z-good.md").write_text("# Good\n\nStill read.")
    return tmp_path / "z-good.md"


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """More documents than a pipe holds."""
    lines = (json.dumps({"id": f"d{n}", "text": "some text"}) for n in range(MANY))
    (tmp_path / "many.jsonl").write_text("\n".join(lines))
    return tmp_path / "many.jsonl"


def readers() -> Iterator[Reader]:
    reader = Reader()
    yield reader
    reader.close()


reader = pytest.fixture(readers)


def test_a_file_that_takes_too_long_is_reported_and_the_next_one_is_read(tmp_path: Path, good: Path) -> None:
    (tmp_path / "slow.html").write_bytes(SLOW)
    reader = Reader(seconds=1)
    begun = time.monotonic()
    assert one(reader, tmp_path / "slow.html") == [
        Refusal("took longer than 1 s to read; split it into smaller files", passing=True)
    ]
    assert time.monotonic() - begun < 4
    assert isinstance(one(reader, good)[0], Page)
    reader.close()


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS does not limit the address space")
def test_a_file_that_needs_too_much_memory_is_reported_and_the_next_one_is_read(tmp_path: Path, good: Path) -> None:
    (tmp_path / "wide.html").write_bytes(b"<p " + b" ".join(b"a%d=1" % n for n in range(200_000)) + b">x</p>")
    reader = Reader(seconds=30, memory=128 << 20)
    assert one(reader, tmp_path / "wide.html") == [
        Refusal("needs more than 128 MB of memory to read; split it into smaller files", passing=True)
    ]
    assert isinstance(one(reader, good)[0], Page)
    reader.close()


def test_what_a_crashing_parser_gave_stays_and_the_rest_of_its_file_is_reported(
    many: Path, good: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    found = read_sources([many.parent])
    first = next(found)
    os.kill(started[0].pid, signal.SIGSEGV)
    rest = list(found)
    assert isinstance(first, Document)
    assert Skipped(str(many), "its parser crashed") in rest
    assert len(rest) < MANY
    assert isinstance(rest[-1], Document)
    assert rest[-1].path == str(good)
    assert str(many) not in found.files
    assert len(started) == 2
    assert gone(started)


def test_more_text_than_a_file_could_hold_is_not_taken(reader: Reader, tmp_path: Path, good: Path) -> None:
    row = ",".join("1" * 100)
    table = "\n".join([",".join(["n" * 100] * 100), *[row] * 400])
    (tmp_path / "wide.csv").write_text(table)
    found = one(reader, tmp_path / "wide.csv", max_bytes=100_000)
    assert found[-1] == Refusal(
        "gives more text than is taken from one file; split it into smaller files", passing=True
    )
    assert 0 < len(found) < 400
    assert isinstance(one(reader, good)[0], Page)


def test_a_file_of_nothing_but_faults_is_given_up(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("[]\n" * 5000)
    found = one(reader, tmp_path / "a.jsonl")
    assert found[-1] == Refusal("more than 1000 faults in it; the rest is left out")
    assert len(found) == 1001


def test_no_process_and_no_open_file_stays_however_reading_ends(
    many: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    gc.collect()  # what earlier tests left open is not ours to count
    before = open_files()
    assert len(list(read_sources([many]))) == MANY
    stopped = read_sources([many])
    next(stopped)
    stopped.close()
    forgotten = read_sources([many])
    next(forgotten)
    del forgotten

    def interrupted() -> None:
        for _ in read_sources([many]):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(started) == 4
    assert gone(started)
    assert open_files() <= before


def test_ctrl_c_is_left_to_the_process_that_asks(
    reader: Reader, good: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    first = one(reader, good)
    os.kill(started[0].pid, signal.SIGINT)
    assert one(reader, good) == first
    assert len(started) == 1


def test_a_process_that_died_between_two_files_is_replaced(
    reader: Reader, good: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    first = one(reader, good)
    started[0].kill()
    os.waitid(os.P_PID, started[0].pid, os.WEXITED | os.WNOWAIT)
    assert one(reader, good) == first
    assert len(started) == 2


def child(*arguments: str, cwd: Path = ROOT) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", *arguments],
        cwd=cwd,
        env={"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def test_the_process_exits_when_nobody_asks_any_more() -> None:
    with child("-m", "knowledge_base.reader", str(512 << 20), "5") as process:
        assert process.stdout
        assert process.stdin
        process.stdout.readline()
        process.stdin.close()
        assert process.wait(5) == 0


def test_a_process_that_reads_markdown_imports_nothing_heavy(good: Path) -> None:
    program = (
        "import sys, io, pathlib, knowledge_base.reader as r\n"
        f"r._answer({{'path': {str(good)!r}, 'doc_id': 'x', 'max_bytes': 99}}, io.BytesIO(), 5)\n"
        "print(sorted({'numpy', 'bs4', 'pypdf', 'mammoth', 'yaml', 'charset_normalizer'} & set(sys.modules)))"
    )
    with child("-c", program) as process:
        assert process.communicate(timeout=30)[0] == b"[]\n"


def test_packages_of_the_folder_one_stands_in_are_not_imported(
    tmp_path: Path, good: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("json.py", "resource.py", "knowledge_base.py"):
        (tmp_path / name).write_text("raise SystemExit('foreign')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert isinstance(one(reader, good)[0], Page)


def test_one_process_reads_file_after_file_however_much_its_parent_holds(
    tmp_path: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    held = bytearray(os.urandom(1024)) * 400_000  # 400 MB, all of it written to
    for n in range(3):
        (tmp_path / f"{n}.md").write_text(f"Page {n}")
    assert len(list(read_sources([tmp_path]))) == 3
    assert len(started) == 1
    assert held
