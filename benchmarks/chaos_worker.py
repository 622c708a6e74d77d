"""A worker of `benchmarks.chaos`: forked from a process that has imported what takes long."""

from __future__ import annotations

import ctypes
import json
import os
import signal
from datetime import UTC, datetime, timedelta

import agents.crew
import knowledge_base.embeddings
import opsdesk.durable
import opsdesk.worker

LOADED = (agents.crew, knowledge_base.embeddings, opsdesk.durable)


def work(settings: str, places: int) -> None:
    """Works on batches until it is killed."""
    from opsdesk.desk import Desk
    from opsdesk.settings import Settings

    given = json.loads(settings)
    if given.pop("namespace", False):
        _be_the_first_process()
    ahead = timedelta(hours=given.pop("clock_hours", 0))

    def now() -> datetime:
        return datetime.now(UTC) + ahead

    desk = Desk(Settings.model_validate(given), now)
    desk.threads = 1
    opsdesk.worker.Worker(desk, now, places=places, drafts_only=True).run()


def _be_the_first_process() -> None:
    """Goes on as process 1 of a namespace of its own, as a container's program does."""
    libc = ctypes.CDLL(None, use_errno=True)
    new_pid, death_signal = 0x20000000, 1  # CLONE_NEWPID, PR_SET_PDEATHSIG
    if libc.unshare(new_pid):
        raise OSError(ctypes.get_errno(), "a namespace of process ids cannot be made here")
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        os._exit(0)
    libc.prctl(death_signal, signal.SIGKILL)
