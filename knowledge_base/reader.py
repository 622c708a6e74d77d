"""Parsing in a process of its own, where a hostile file can take no more than memory and time that are set.

`Reader` is this side; `python -m knowledge_base.reader` is the other. They speak in lines of JSON: a request names
a file, the answers are its pages and refusals, and then "done". One process parses file after file.
"""

from __future__ import annotations

import json
import math
import os
import resource
import selectors
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO

from errors import StoreError
from knowledge_base.formats import FORMATS, Format, parser
from knowledge_base.formats.page import File, Page, Refusal, readable

MEMORY = 512 * 1024 * 1024  # bytes of address space; macOS does not enforce it
SECONDS = 4.8  # of waiting for the next message, and of processor time for it; with its end that is under 5
_START = 30.0  # seconds
_MOST_REFUSALS = 1_000  # of one file; a file with more is not of its kind
_RENEWED = 256 * 1024 * 1024  # bytes; a process that once held more makes way for a new one
_NO_MEMORY = 77  # exit code
_ROOT = Path(__file__).resolve().parents[1]


class _Ended(Exception):
    """The process was ended, or ended itself, before it was done; the message is the reason."""


class Reader:
    """A process that parses files; it is started with the first file, and anew after one that ended it.

    `seconds` bounds the time to each page and `memory`, in bytes, what the process may take. Not safe to share
    between threads. `close` it.
    """

    def __init__(self, seconds: float = SECONDS, memory: int = MEMORY):
        self._seconds = seconds
        self._memory = memory
        self._process: subprocess.Popen[bytes] | None = None
        self._buffer = bytearray()

    def read(self, path: Path, doc_id: str, max_bytes: int) -> Iterator[Page | Refusal]:
        """The pages and refusals of one file of a known kind. Whatever happens to the process ends in a refusal.

        `max_bytes` bounds the file, or one line of a JSONL file. Raises StoreError if no process can be started.
        """
        lines = FORMATS[path.suffix.lower()] == "jsonl"
        room = left = 6 * max_bytes + 1_000_000  # a control character takes six bytes in JSON
        done = False
        try:
            process = self._running()
            self._ask(process, {"path": str(path), "doc_id": doc_id, "max_bytes": max_bytes})
            while not done:
                message = self._message(process, left, self._seconds)
                left = room if lines else left - len(message)
                found = _understood(message)
                if isinstance(found, Page | Refusal):
                    yield found
                    continue
                done = True
                if found:
                    self.close()
        except _Ended as ended:
            yield Refusal(str(ended), passing=True)
        finally:
            if not done:
                self.close()

    def close(self) -> None:
        """End the process, whatever it is doing."""
        process, self._process = self._process, None
        self._buffer.clear()
        if process:
            _end(process)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process and self._process.poll() is not None:
            self.close()
        if not self._process:
            self._process = self._started()
        return self._process

    def _started(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-P", "-m", "knowledge_base.reader", str(self._memory), str(self._seconds)]
        try:
            process = subprocess.Popen(  # noqa: S603 -- ourselves
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={"PYTHONPATH": str(_ROOT), "PYTHONUTF8": "1"},
                start_new_session=True,  # Ctrl-C is for this side, which then ends the other
            )
        except OSError as error:
            raise StoreError(f"cannot start a process to read files: {error.strerror}; close some programs") from error
        try:
            self._message(process, 1_000, _START)
        except BaseException as error:
            _end(process)
            if isinstance(error, _Ended):
                raise StoreError("the process that reads files does not start; reinstall Opsdesk") from error
            raise
        return process

    def _ask(self, process: subprocess.Popen[bytes], request: dict[str, object]) -> None:
        assert process.stdin is not None  # noqa: S101
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            raise _Ended(_cause(process, self._seconds, self._memory)) from None

    def _message(self, process: subprocess.Popen[bytes], room: int, seconds: float) -> bytes:
        """The next line, of at most `room` bytes, within `seconds`."""
        assert process.stdout is not None  # noqa: S101
        deadline = time.monotonic() + seconds
        searched = 0
        with selectors.PollSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while (end := self._buffer.find(b"\n", searched)) < 0:
                searched = len(self._buffer)
                if searched > room:
                    raise _Ended("gives more text than is taken from one file; split it into smaller files")
                left = deadline - time.monotonic()
                if left <= 0 or not selector.select(left):
                    raise _Ended(_too_long(seconds))
                received = os.read(process.stdout.fileno(), 1 << 20)
                if not received:
                    raise _Ended(_cause(process, self._seconds, self._memory))
                self._buffer += received
        message = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return message


def _understood(message: bytes) -> Page | Refusal | bool:
    """What a message says: something found, or that this was all and whether the process makes way for a new one."""
    try:
        told: dict[str, Any] = json.loads(message)
        if "page" in told:
            return Page(**{**told["page"], "marks": tuple((line, label) for line, label in told["page"]["marks"])})
        return Refusal(**told["refusal"]) if "refusal" in told else bool(told["last"])
    except (ValueError, TypeError, LookupError, AttributeError):
        raise _Ended(_CRASHED) from None


_CRASHED = "its parser crashed"


def _too_long(seconds: float) -> str:
    return f"took longer than {seconds:g} s to read; split it into smaller files"


def _cause(process: subprocess.Popen[bytes], seconds: float, memory: int) -> str:
    """Why the process is no more; it has closed its end, and is given a moment to exit."""
    try:
        code = process.wait(1)
    except subprocess.TimeoutExpired:
        return _CRASHED
    if code == -signal.SIGXCPU:
        return _too_long(seconds)
    # The system kills what takes too much where the limit is not enforced.
    if code in (_NO_MEMORY, -signal.SIGKILL):
        return f"needs more than {memory >> 20} MB of memory to read; split it into smaller files"
    return _CRASHED


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    for pipe in (process.stdin, process.stdout):
        with suppress(OSError):  # what was still to be written is for nobody
            if pipe:
                pipe.close()
    process.wait()


def open_regular(path: Path) -> BufferedReader:
    """An open regular file. Raises OSError, also for a FIFO or device, which would let us wait for ever."""
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY), "rb")
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise OSError(0, "not a regular file")


def why(error: OSError) -> str:
    """A plain reason for a file that cannot be opened or read."""
    if isinstance(error, PermissionError):
        return "not readable by this user"
    if isinstance(error, FileNotFoundError):
        return "it is gone: removed while reading, or a link to nothing"
    return f"could not be read ({error.strerror})"


# The other side


def _main(memory: int, seconds: float) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no message
    _limit(resource.RLIMIT_AS, memory)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    try:
        _say(out, {"ready": True})
        for line in sys.stdin.buffer:
            _answer(json.loads(line), out, seconds)
    except MemoryError:
        os._exit(_NO_MEMORY)  # there may be none left to go out in order
    except BrokenPipeError:
        os._exit(0)


def _answer(request: dict[str, Any], out: BinaryIO, seconds: float) -> None:
    path = Path(request["path"])
    refusals = 0
    _grant(seconds)
    for found in _found(path, FORMATS[path.suffix.lower()], request["doc_id"], request["max_bytes"]):
        refusals += isinstance(found, Refusal)
        if refusals > _MOST_REFUSALS:
            _say(out, {"refusal": asdict(Refusal(f"more than {_MOST_REFUSALS} faults in it; the rest is left out"))})
            break
        _say(out, {"page" if isinstance(found, Page) else "refusal": asdict(found)})
        _grant(seconds)
    _say(out, {"last": peak_memory() > _RENEWED})


def _found(path: Path, kind: Format, doc_id: str, max_bytes: int) -> Iterator[Page | Refusal]:
    try:
        with open_regular(path) as stream:
            yield from parser(kind)(File(stream, path.suffix.lower(), doc_id, readable(path.stem), max_bytes))
    except OSError as error:
        yield Refusal(why(error))


def _say(out: BinaryIO, message: dict[str, Any]) -> None:
    out.write(json.dumps(message, ensure_ascii=False).encode() + b"\n")
    out.flush()


def _limit(what: int, amount: int) -> None:
    _, hard = resource.getrlimit(what)
    with suppress(ValueError, OSError):  # macOS refuses some
        resource.setrlimit(what, (amount if hard == resource.RLIM_INFINITY else min(amount, hard),) * 2)


def _grant(seconds: float) -> None:
    """`seconds` of processor time from now."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    until = math.ceil(time.process_time() + seconds)
    with suppress(ValueError, OSError):
        soft = until if hard == resource.RLIM_INFINITY else min(until, hard)
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def peak_memory() -> int:
    """The most memory that this process has held, in bytes."""
    try:
        # Not ru_maxrss, which on Linux begins with what the parent held when it started this process.
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    _main(int(sys.argv[1]), float(sys.argv[2]))
