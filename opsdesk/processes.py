"""Workers in processes of their own, started by a command and ending with it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[1]


def start_worker(*options: str, **how: Any) -> subprocess.Popen[bytes]:
    """Starts `opsdesk worker` with these options, which ends when this process does; `how` is for `Popen`.

    It imports what this process has, also in a folder that holds another `agents` or `tasks`: `-P` keeps the current
    folder off its path, and where Opsdesk runs from its sources these are put there.
    """
    command = [sys.executable, "-P", "-m", "opsdesk", "worker", "--with-parent", str(os.getpid()), *options]
    env = dict(os.environ)
    if (_ROOT / "pyproject.toml").is_file():
        env["PYTHONPATH"] = os.pathsep.join([str(_ROOT), *filter(None, [env.get("PYTHONPATH")])])
    return subprocess.Popen(command, env=env, **how)  # noqa: S603  (our own command)


def end_with(parent: int, ending: threading.Event) -> None:
    """Sets `ending` once `parent` is not this process's parent (any more): also when it was killed before we looked."""
    while os.getppid() == parent:
        time.sleep(0.5)
    ending.set()
