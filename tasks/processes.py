"""Who is at work: a process by its host and id, and whether it still lives."""

from __future__ import annotations

import os
import socket


def host_name() -> str:
    """This machine."""
    return socket.gethostname()


def process_name() -> str:
    """Who owns the tasks of this process: host and process id."""
    return f"{host_name()}:{os.getpid()}"


def is_dead(owner: str) -> bool:
    """Whether that process is known to be gone; of one on another machine nothing is known."""
    host, _, pid = owner.rpartition(":")
    if host != host_name() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass  # it lives and is somebody else's
    return False
