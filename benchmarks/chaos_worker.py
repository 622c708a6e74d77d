"""A worker of `benchmarks.chaos`: forked from a process that has imported what takes long."""

from __future__ import annotations

import json
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
    ahead = timedelta(hours=given.pop("clock_hours", 0))

    def now() -> datetime:
        return datetime.now(UTC) + ahead

    desk = Desk(Settings.model_validate(given), now)
    desk.threads = 1
    opsdesk.worker.Worker(desk, now, places=places, drafts_only=True).run()
