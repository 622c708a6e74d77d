"""The worker: does what pages have asked for. It owns the crew; a page that is closed or killed changes nothing here.

One thread looks for requests and hands them to others, so that an idle worker costs one short look at a time.
"""

from __future__ import annotations

import gc
import logging
import os
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from errors import OpsdeskError, UsageError
from opsdesk import work
from opsdesk.desk import Desk, version
from opsdesk.shadow import Shadows
from opsdesk.webhooks import Post
from tasks.batches import DraftRow
from tasks.drafts import Drafts
from tasks.requests import Kind, Requests
from tasks.retention import Pruned, Retention, Rule
from tasks.webhooks import Webhooks
from tasks.workers import BEAT_SECONDS, Workers

if TYPE_CHECKING:
    from opsdesk.durable import Durable

LOOK_SECONDS = 0.1
"""Between two looks for something to do: what a person waits for begins so soon."""

BULK_LOOK_SECONDS = 0.5
"""The same for batches while none is there."""

QUICK: tuple[Kind, ...] = ("ask", "search")
SLOW: tuple[Kind, ...] = ("index", "forget", "remove", "check_tiers", "learn")
"""What takes long has a place of its own, so that it never keeps an answer waiting."""

QUICK_PLACES, MOST_DRAFTS = 4, 64
"""Requests that people wait for, and drafts of batches, worked at once."""

GRACE_SECONDS, PAID_GRACE_SECONDS = 5.0, 30.0
"""So long a worker that is told to end waits for what it is at; longer where calls are paid for."""

RECLAIM_SECONDS = 30.0
"""Between two looks for places and money that a killed command, which is no worker, has left held."""

FORGET_SECONDS, FORGET_PAUSE_SECONDS = 60.0, 0.25
"""The same for the records of tickets that have ended."""

PRUNE_SECONDS, PRUNE_PAUSE_SECONDS = 3_600.0, 0.05
"""Between two looks for what the settings do not keep, and between two little steps of deleting it."""

log = logging.getLogger("opsdesk.worker")


@dataclass(frozen=True, slots=True)
class _Job:
    """Something at work: what to do, and whether it was given up. `batch_id` is "" for a request."""

    id: str
    batch_id: str
    do: Callable[[_Job], None]
    stop: threading.Event = field(default_factory=threading.Event)


class Worker:
    """One worker process: its name, its threads, and what they are at."""

    def __init__(
        self,
        desk: Desk,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        places: int = 0,
        drafts_only: bool = False,
        batch_id: str = "",
    ) -> None:
        """`places` are the drafts at once, 0 for as many as the tiers take; `drafts_only` leaves requests to others,
        and `batch_id` all other batches, which may have been begun under other settings."""
        self._desk = desk
        database = desk.task_list.database
        self.requests, self.drafts = Requests(database, now), Drafts(database, now)
        self.workers = Workers(database, now)
        self.name = desk.task_list.owner
        self.ending, self._left = threading.Event(), threading.Event()
        self._rule = Rule(desk.settings.keep_days, desk.settings.keep_cases)
        secret, private = desk.settings.webhook_secret, desk.settings.webhook_private
        self._post = Post(Webhooks(database, now), secret, now, private=private) if secret else None
        self._shadows = Shadows(desk, self.ending)
        self._at_work: dict[str, _Job] = {}
        self._durable: Durable | None = None
        self._batch_id = batch_id
        self._launching = threading.Lock()
        drafts = _Pool("drafts", (), places or drafts_at_once(desk), self._draft, self._do)
        quick = _Pool("quick", QUICK, QUICK_PLACES, lambda: self._request(QUICK), self._do)
        slow = _Pool("slow", SLOW, 1, lambda: self._request(SLOW), self._do)
        self._pools = [drafts] if drafts_only else [quick, slow, drafts]

    def run(self) -> None:
        """Works until `ending` is set. What is still at work then is given back, for another worker to go on with."""
        self._check_versions()
        self.workers.beat(self.name, version())
        self._take_over()
        beat = threading.Thread(target=self._beat, name="beat", daemon=True)
        beat.start()
        threading.Thread(target=self._mind, name="mind", daemon=True).start()
        if self._rule != Rule():
            threading.Thread(target=self._prune, name="prune", daemon=True).start()
        warm_up = threading.Thread(target=self._warm_up, name="warm-up", daemon=True)
        warm_up.start()
        if self._post:
            threading.Thread(target=self._post.run, args=(self.ending,), name="webhooks", daemon=True).start()
        while not self.ending.is_set():
            try:
                waiting = self.requests.waiting() if len(self._pools) > 1 else set()
                taken = [self._take(pool) for pool in self._pools if pool.may_have(waiting)]
                if not any(taken):
                    self.ending.wait(LOOK_SECONDS)
            except OpsdeskError as error:  # the database is locked or gone: it may come back
                log.error("%s", error)
                self.ending.wait(1)
        give_up = time.monotonic() + (PAID_GRACE_SECONDS if self._desk.tiers else GRACE_SECONDS)
        while self._is_at_work and time.monotonic() < give_up:
            time.sleep(LOOK_SECONDS)
        if self._post:
            self._post.close(self.ending, GRACE_SECONDS)
        self._left.set()
        beat.join()
        self.workers.leave(self.name)
        self.requests.release(self.workers.living())
        if self._durable:
            self._durable.close()
        warm_up.join(GRACE_SECONDS)  # Python may crash when it ends while native libraries are being loaded

    @property
    def _is_at_work(self) -> bool:
        """Also on what was taken over, which has no job here."""
        return bool(self._at_work or (self._durable and self._durable.batch_ids))

    def _check_versions(self) -> None:
        """Workers of one database are of one version: what one writes, the other reads."""
        mine = version()
        for worker in self.workers.alive():
            if worker.version != mine and worker.name != self.name:
                raise UsageError(
                    f"the worker {worker.name} on this database is Opsdesk {worker.version}, this one is {mine}; "
                    "end it, or install the same version here"
                )

    def _warm_up(self) -> None:
        """Calls the crew before anybody asks: loading it takes seconds."""
        try:
            self._desk.crew(self._desk.default_kb())
        except OpsdeskError as error:  # there is no knowledge base yet, or it is damaged: who asks is told
            log.info("%s", error)

    def _take(self, pool: _Pool) -> bool:
        job = pool.look()
        if job is None:
            return False
        self._at_work[job.id] = job
        pool.put(job)
        return True

    def _do(self, job: _Job) -> None:
        try:
            job.do(job)
        except OpsdeskError as error:  # its end could not be written: it is taken up again once this worker has ended
            log.error("%s", error)
        finally:
            del self._at_work[job.id]

    def _request(self, kinds: tuple[Kind, ...]) -> _Job | None:
        """The next request of these kinds."""
        request = self.requests.claim(self.name, kinds)
        if request is None:
            return None

        def do(job: _Job) -> None:
            try:
                result = work.do(work.Doing(self._desk, self.requests, request, job.stop.is_set))
            except Exception as error:  # noqa: BLE001  (whatever it is, who asked is told)
                self.requests.end(request.id, self.name, "failed", error=work.told(error))
            else:
                self.requests.end(request.id, self.name, "stopped" if job.stop.is_set() else "done", result=result)
                if request.kind == "ask" and request.body.get("policy") != "offline":
                    self._shadows.may_take(result["case_id"])

        return _Job(request.id, "", do)

    def _draft(self) -> _Job | None:
        """The next ticket of a batch."""
        durable = self._durable
        if durable is None:
            if self.drafts.queue.has_work() and self._launching.acquire(blocking=False):
                threading.Thread(target=self._launch, name="launch", daemon=True).start()
            return None
        row = self._claim()
        if row is None:
            return None
        first = row

        def do(_: _Job) -> None:
            row: DraftRow | None = first
            while row:  # the next one at once: whoever looks for work is asked only when there was none
                durable.draft(row)
                self._shadows.may_take(row.case_id)
                row = None if self.ending.is_set() else self._claim()

        return _Job(f"{row.batch_id}:{row.seq}", row.batch_id, do)

    def _claim(self) -> DraftRow | None:
        return self.drafts.queue.claim(self.name, self._desk.kb_names(), self._batch_id)

    def _launch(self) -> None:
        """Makes ready for batches: that takes seconds, and few workers ever see one."""
        from opsdesk.durable import Durable

        try:
            self._durable = Durable(self._desk, self.drafts, self._batch_id)
            threading.Thread(target=self._forget, args=(self._durable,), name="forget", daemon=True).start()
            _leave_alone_what_stays()
        except Exception as error:  # noqa: BLE001  (its database is locked or gone: it may come back)
            log.error("batches cannot be worked: %s", error)
            self.ending.wait(1)
            self._launching.release()

    def _beat(self) -> None:
        """Says that this worker lives, until it has left; a thread of its own, since one that is late is taken for
        dead, and what it is at would be done, and paid for, by another."""
        while not self._left.wait(BEAT_SECONDS):
            try:
                self.workers.beat(self.name, version())
            except OpsdeskError as error:
                log.error("%s", error)

    def _mind(self) -> None:
        """Takes over from dead workers and commands, and passes on what people want stopped."""
        looked = reclaimed = 0.0
        while not self.ending.wait(0.15):
            try:
                self._pass_on_stops()
                if time.monotonic() - looked >= BEAT_SECONDS:
                    looked = time.monotonic()
                    self._take_over()
                if time.monotonic() - reclaimed >= RECLAIM_SECONDS:
                    reclaimed = time.monotonic()
                    self._desk.budget.reclaim()
            except OpsdeskError as error:
                log.error("%s", error)
            except Exception as error:  # noqa: BLE001  (DBOS's own: its database is gone for now)
                log.error("cannot take over: %s", error)

    def _forget(self, durable: Durable) -> None:
        """Deletes the records of tickets that have ended, a few at a time."""
        some = 1
        while not self.ending.wait(FORGET_PAUSE_SECONDS if some else FORGET_SECONDS):
            try:
                some = durable.forget_ended()
            except Exception as error:  # noqa: BLE001  (DBOS's own: its database is gone for now)
                log.error("cannot delete the records of tickets that have ended: %s", error)
                some = 0

    def _prune(self) -> None:
        """Deletes what the settings do not keep, a little at a time; several workers may be at it at once."""
        retention = Retention(self._desk.task_list.database, self._desk.now)
        while not self.ending.is_set():
            try:
                cutoff, gone = retention.cutoff(self._rule), Pruned()
                for some in retention.prune(cutoff) if cutoff else ():
                    gone = gone.plus(some)
                    if self.ending.wait(PRUNE_PAUSE_SECONDS):
                        return
                if gone != Pruned():
                    log.info("pruned: %s", gone._asdict())
            except OpsdeskError as error:
                log.error("cannot prune: %s", error)
            self.ending.wait(PRUNE_SECONDS)

    def _pass_on_stops(self) -> None:
        jobs = list(self._at_work.values())
        stop = self.requests.shall_stop([job.id for job in jobs if not job.batch_id])
        for job in jobs:
            if job.id in stop:
                job.stop.set()
        if self._durable:
            self._durable.stop(self.drafts.queue.shall_stop(self._durable.batch_ids))

    def _take_over(self) -> None:
        """Goes on with what dead workers were at; what they held counts as spent."""
        living, dead = self.workers.look()
        self.requests.release(living)
        if self._durable:
            self._durable.take_over(living, dead)
        if dead:
            self._desk.budget.reclaim_of(dead)
            self.workers.forget(dead)


def _leave_alone_what_stays() -> None:
    """Spares the garbage collector the 350,000 objects of the libraries, which it would walk again and again."""
    gc.collect()
    gc.freeze()


def drafts_at_once(desk: Desk) -> int:
    """How many drafts a worker has in hand: as many as its paid tiers take at once, else one a core."""
    paid = sum(tier.max_concurrency for tier in desk.tiers.values())
    return min(MOST_DRAFTS, paid) or os.cpu_count() or 1


class _Pool:
    """Threads that stay, since the crew's agents are made once a thread; daemons, since a call cannot be left."""

    def __init__(
        self,
        name: str,
        kinds: tuple[Kind, ...],
        places: int,
        claim: Callable[[], _Job | None],
        do: Callable[[_Job], None],
    ) -> None:
        self._kinds, self._claim, self._next_look = kinds, claim, 0.0
        self._places = threading.BoundedSemaphore(places)
        self._waiting: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        for number in range(places):
            threading.Thread(target=self._run, args=(do,), name=f"{name}-{number}", daemon=True).start()

    def may_have(self, waiting: set[Kind]) -> bool:
        """Whether it is worth a look: requests of its kinds wait, or it is time to ask for drafts."""
        return any(kind in waiting for kind in self._kinds) if self._kinds else time.monotonic() >= self._next_look

    def look(self) -> _Job | None:
        """Something to do, when there is a place for it; the place is taken then."""
        if not self._places.acquire(blocking=False):
            return None
        job = None
        try:
            job = self._claim()
        finally:
            if job is None:
                self._places.release()
                self._next_look = time.monotonic() + BULK_LOOK_SECONDS
        return job

    def put(self, job: _Job) -> None:
        """Has the next free thread do it."""
        self._waiting.put(job)

    def _run(self, do: Callable[[_Job], None]) -> None:
        while True:
            job = self._waiting.get()
            try:
                do(job)
            finally:
                self._places.release()
