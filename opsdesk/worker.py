"""The worker: does what pages have asked for. It owns the crew; a page that is closed or killed changes nothing here.

One thread looks for requests and hands them to others, so that an idle worker costs one short look at a time.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from errors import OpsdeskError
from opsdesk import work
from opsdesk.desk import Desk, version
from tasks.requests import Kind, Request, Requests
from tasks.workers import BEAT_SECONDS, Workers

LOOK_SECONDS = 0.03
"""Between two looks for something to do: what a person waits for begins so soon."""

PLACES: dict[tuple[Kind, ...], int] = {("ask", "search"): 4, ("index", "remove", "check_tiers", "learn"): 1}
"""Requests worked at once. What takes long has a place of its own, so that it never keeps an answer waiting."""

GRACE_SECONDS = 5.0
"""So long a worker that is told to end waits for what it is at."""

log = logging.getLogger("opsdesk.worker")


class Worker:
    """One worker process: its name, its threads, and what they are at."""

    def __init__(self, desk: Desk, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._desk = desk
        database = desk.task_list.database
        self.requests, self.workers = Requests(database, now), Workers(database, now)
        self.name = desk.task_list.owner
        self.ending = threading.Event()
        self._at_work: dict[str, threading.Event] = {}
        self._pools = [_Pool(kinds, places, self._do) for kinds, places in PLACES.items()]

    def run(self) -> None:
        """Works until `ending` is set. What is still at work then is given back, for another worker to go on with."""
        self.workers.beat(self.name, version())
        self._take_over()
        threading.Thread(target=self._beat, name="beat", daemon=True).start()
        threading.Thread(target=self._warm_up, name="warm-up", daemon=True).start()
        while not self.ending.is_set():
            try:
                taken = [self._take(pool) for pool in self._pools]
                if not any(taken):
                    self.ending.wait(LOOK_SECONDS)
            except OpsdeskError as error:  # the database is locked or gone: it may come back
                log.error("%s", error)
                self.ending.wait(1)
        give_up = time.monotonic() + GRACE_SECONDS
        while self._at_work and time.monotonic() < give_up:
            time.sleep(LOOK_SECONDS)
        self.workers.leave(self.name)
        self._take_over()

    def _warm_up(self) -> None:
        """Calls the crew before anybody asks: loading it takes seconds."""
        try:
            self._desk.crew(self._desk.default_kb())
        except OpsdeskError as error:  # there is no knowledge base yet, or it is damaged: who asks is told
            log.info("%s", error)

    def _take(self, pool: _Pool) -> bool:
        request = self.requests.claim(self.name, pool.kinds) if pool.free() else None
        if request is None:
            return False
        self._at_work[request.id] = threading.Event()
        pool.put(request)
        return True

    def _do(self, request: Request) -> None:
        stop = self._at_work[request.id]
        try:
            result = work.do(work.Doing(self._desk, self.requests, request, stop.is_set))
            self.requests.end(request.id, self.name, "stopped" if stop.is_set() else "done", result=result)
        except OpsdeskError as error:
            self._failed(request, str(error))
        except Exception as error:
            log.exception("a fault of Opsdesk's own")
            self._failed(request, f"a fault of Opsdesk's own ({type(error).__name__}); the worker's log says more")
        finally:
            del self._at_work[request.id]

    def _failed(self, request: Request, why: str) -> None:
        try:
            self.requests.end(request.id, self.name, "failed", error=why)
        except OpsdeskError as error:  # it stays "doing" and is taken up again once this worker has ended
            log.error("%s", error)

    def _beat(self) -> None:
        """Says that this worker lives, takes over from dead ones, and passes on what people want stopped."""
        last = 0.0
        while not self.ending.wait(0.15):
            try:
                for id_ in self.requests.shall_stop(list(self._at_work)):
                    if stop := self._at_work.get(id_):
                        stop.set()
                if time.monotonic() - last >= BEAT_SECONDS:
                    last = time.monotonic()
                    self.workers.beat(self.name, version())
                    self._take_over()
            except OpsdeskError as error:
                log.error("%s", error)

    def _take_over(self) -> None:
        """Puts back on the list what dead workers were at."""
        self.workers.forget_dead()
        self.requests.release([worker.name for worker in self.workers.alive()])


class _Pool:
    """Threads that stay, since the crew's agents are made once a thread; daemons, since a call cannot be left."""

    def __init__(self, kinds: tuple[Kind, ...], places: int, do: Callable[[Request], None]) -> None:
        self.kinds = kinds
        self._places = threading.BoundedSemaphore(places)
        self._waiting: queue.SimpleQueue[Request] = queue.SimpleQueue()
        for number in range(places):
            threading.Thread(target=self._run, args=(do,), name=f"{kinds[0]}-{number}", daemon=True).start()

    def free(self) -> bool:
        """Whether there is a place; takes nothing."""
        taken = self._places.acquire(blocking=False)
        if taken:
            self._places.release()
        return taken

    def put(self, request: Request) -> None:
        """Has the next free thread do it."""
        self._places.acquire()
        self._waiting.put(request)

    def _run(self, do: Callable[[Request], None]) -> None:
        while True:
            request = self._waiting.get()
            try:
                do(request)
            finally:
                self._places.release()
