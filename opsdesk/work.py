"""What the worker does for each kind of request. Imports no Streamlit; CrewAI only when somebody asks something."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from errors import OpsdeskError, UsageError
from opsdesk.desk import Desk
from tasks.case import Case, Ticket
from tasks.requests import Kind, Request, Requests

log = logging.getLogger("opsdesk.worker")

TELL_SECONDS = 0.08
"""Between two words on how far a request is; each is a write that reaches the disk."""


class Doing:
    """A request at work: what it may use, how it tells how far it is, and whether it shall stop."""

    def __init__(self, desk: Desk, requests: Requests, request: Request, stopped: Callable[[], bool]) -> None:
        self.desk, self.request, self.stopped = desk, request, stopped
        self._requests, self._told_at = requests, 0.0

    def tell(self, *, now: bool = False, **progress: Any) -> None:
        """Says how far it is; words that come too fast are left out, unless it has to be `now`."""
        at = time.monotonic()
        if now or at - self._told_at >= TELL_SECONDS:
            self._told_at = at
            self._requests.tell(self.request.id, progress)


def ask(doing: Doing) -> dict[str, Any]:
    """Has the crew work a ticket. The case itself is the answer; `progress.said` is a draft as it is written."""
    body, request = doing.request.body, doing.request
    ticket = Ticket.model_validate(body["ticket"])
    desk = doing.desk.under(body.get("policy") or doing.desk.settings.policy)

    def hear(_: Case, said: str) -> None:
        doing.tell(said=said)

    case = desk.ask(
        ticket, request.kb, tenant=body.get("tenant", ""), case_id=request.case_id, hear=hear, stopped=doing.stopped
    )
    return {"case_id": case.case_id, "outcome": case.outcome}


def search(doing: Doing) -> dict[str, Any]:
    """Searches, and says what each arm made of every hit."""
    began = time.perf_counter()
    kb = doing.request.kb or doing.desk.default_kb()
    found = doing.desk.searcher(kb).findings(doing.request.body["query"], int(doing.request.body.get("k", 10)))
    names = ("doc_id", "chunk_id", "title", "locator", "score", "words", "vector", "text")
    return {
        "hits": [{name: getattr(hit, name) for name in names} for hit in found.hits],
        "confidence": found.confidence,
        "missing": list(found.missing),
        "ms": round((time.perf_counter() - began) * 1000, 2),
    }


def index(doing: Doing) -> dict[str, Any]:
    """Brings a knowledge base up to date with the sources that are named; the bundled sample has a name for a path.

    Of those that it has, one that is gone does not keep the others from being synced.
    """
    from knowledge_base import versions
    from knowledge_base.sources import gone
    from opsdesk.demo import source
    from opsdesk.show import report_json

    def progress(done: int, total: int) -> None:
        doing.tell(done=done, total=total)

    kb, desk = doing.request.kb, doing.desk
    paths = [source(Path(path)) for path in doing.request.body["paths"]]
    missing = {path for path in paths if isinstance(path, Path) and gone(path)}
    held = versions.sources(versions.folder_of(desk.settings.knowledge_bases, kb))
    for path in missing:
        if str(path) not in held:
            raise UsageError(f"{path} is not there; give a folder or a file on the machine where the worker runs")
    # When all are gone, the desk says so.
    report = desk.index([path for path in paths if path not in missing] or paths, kb, progress)
    return report_json(report)


def forget(doing: Doing) -> dict[str, Any]:
    """Takes what came of one source out of a knowledge base."""
    from opsdesk.show import report_json

    return report_json(doing.desk.forget(doing.request.kb, doing.request.body["source"]))


def remove(doing: Doing) -> dict[str, Any]:
    """Takes a knowledge base away."""
    doing.desk.remove(doing.request.kb)
    return {}


def check_tiers(doing: Doing) -> dict[str, Any]:
    """Calls each paid tier once."""
    found: list[dict[str, Any]] = []
    for checked in doing.desk.check_tiers():
        found.append({**checked._asdict(), "usage": None})
        doing.tell(now=True, tiers=found)
    return {"tiers": found}


def learn(doing: Doing) -> dict[str, Any]:
    """Learns from kept cases which tier is likely enough."""
    from datetime import UTC, datetime

    from opsdesk import learning, show_router

    def progress(done: int, total: int) -> None:
        doing.tell(done=done, total=total)

    desk = doing.desk
    lesson = learning.learn_from_cases(desk.records, desk.experience(), datetime.now(UTC), progress=progress)
    return show_router.lesson_json(lesson, dry_run=False)


WORK: dict[Kind, Callable[[Doing], dict[str, Any]]] = {
    "ask": ask,
    "search": search,
    "index": index,
    "forget": forget,
    "remove": remove,
    "check_tiers": check_tiers,
    "learn": learn,
}


def do(doing: Doing) -> dict[str, Any]:
    """Does what is asked. Raises `OpsdeskError`; anything else is a fault of Opsdesk's own."""
    work = WORK.get(doing.request.kind)
    if work is None:
        raise OpsdeskError(f"this worker does not know what {doing.request.kind} is; update it")
    return work(doing)


def told(error: Exception) -> str:
    """What people are told of an error; of one that was not foreseen the log has the rest."""
    if isinstance(error, OpsdeskError):
        return str(error)
    log.error("a fault of Opsdesk's own", exc_info=error)
    return f"a fault of Opsdesk's own ({type(error).__name__}); the worker's log says more"
