"""Who is at work: a process by its host and id, and whether it still lives."""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
from contextlib import suppress
from functools import cache
from pathlib import Path

_TOKEN = secrets.token_hex(3)


@cache
def host_name() -> str:
    """Where process ids mean the same as here: the machine's name, with a sign of its start and of this container.

    Names alone do not tell: containers may share one, and each begins to count its processes at 1.
    """
    told = ""
    with suppress(OSError):
        told = Path("/proc/sys/kernel/random/boot_id").read_text() + str(Path("/proc/self/ns/pid").readlink())
    sign = hashlib.sha256(told.encode()).hexdigest()[:6] if told else "000000"
    return f"{socket.gethostname()}/{sign}"


def process_name() -> str:
    """Who owns the tasks of this process: host, process id, and a token, since both may come again after a restart."""
    return f"{host_name()}:{os.getpid()}:{_TOKEN}"


def is_running(owner: str) -> bool:
    """Whether that process is known to run: on this machine, and not stopped. False where nothing is known."""
    host, _, rest = owner.partition(":")
    try:
        state = Path(f"/proc/{int(rest.partition(':')[0])}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, ValueError, IndexError):
        return False
    return host == host_name() and state not in "TtZX"


def is_dead(owner: str) -> bool:
    """Whether that process is known to be gone; of one on another machine nothing is known."""
    host, _, rest = owner.partition(":")
    pid, _, token = rest.partition(":")
    if host != host_name() or not pid.isdigit():
        return False
    if int(pid) == os.getpid():
        return token not in ("", _TOKEN)
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass  # it lives and is somebody else's
    return False
