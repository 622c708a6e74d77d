"""A batch from the command line: made of a file or found again, worked by processes of its own, written down.

This process only watches. The crew is in workers beside it, one a core, so that Python's lock is none; whatever dies,
this one included, the same command goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from errors import OpsdeskError, StoreError, UsageError
from knowledge_base.files import replacing
from opsdesk import draft_files, drafting
from opsdesk.desk import Desk
from opsdesk.processes import start_worker
from opsdesk.ticket_files import Field, TicketFile, read
from opsdesk.webhooks import told_to
from opsdesk.worker import drafts_at_once
from tasks.batches import Batch, Progress
from tasks.drafts import Drafts, MadeMeanwhile
from tasks.purse import BOOKED_SECONDS
from tasks.workers import Workers as Living

LOOK_SECONDS = 0.25
TICKETS_A_PROCESS = 20
"""Fewer do not repay the seconds that another process takes to start."""

FEW_SECONDS, MOST_DEATHS = 20.0, 5
"""Workers that end so soon after their start, so many in a row, will not do better."""

WAIT_SECONDS = 90.0
"""So long a pause waits for the calls that are on their way."""


@dataclass(frozen=True, slots=True)
class Made:
    """A batch for a file: `again` when one that had been begun before was found."""

    batch: Batch
    again: bool
    file: TicketFile


def check_out(out: Path) -> None:
    """Raises `UsageError` for a place where drafts cannot be written, before anything is spent."""
    if not out.name.endswith(draft_files.SUFFIXES):
        raise UsageError(f"drafts are written as {', '.join(draft_files.SUFFIXES)}; name the file so with --out")
    if out.is_dir() or not out.parent.is_dir() or not os.access(out.parent, os.W_OK):
        raise UsageError(f"{out} cannot be written; choose a file in a folder that is there with --out")


def read_tickets(path: Path, mapping: Mapping[Field, str]) -> tuple[TicketFile, bytes]:
    """The tickets of a file, and its bytes. Raises `UsageError` for what holds no tickets."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}; name a file of tickets") from error
    return read(data, path.name, mapping).rows(mapping), data


def make(
    desk: Desk,
    drafts: Drafts,
    path: Path,
    kb: str,
    mapping: Mapping[Field, str],
    budget_nano: int | None,
    want: Literal["either", "begun", "new"] = "either",
) -> Made:
    """The batch of a file: the one that the same file has already, else a new one, or only one of these if so wanted.

    One that has ended is taken for the same unless the knowledge base has changed since. Raises `UsageError` when one
    that was begun is wanted and there is none.
    """
    file, data = read_tickets(path, mapping)
    version = desk.knowledge_base(kb).version
    told = [kb, sorted(file.mapping.items()), desk.settings.policy, sorted((t, p.model) for t, p in desk.tiers.items())]
    digest = hashlib.sha256(data + json.dumps(told).encode()).hexdigest()
    found = None if want == "new" else drafts.made_of(digest)
    if found and (found.state != "done" or found.settings.get("kb_version") == version):
        if budget_nano is not None:
            drafts.set_budget(found.id, budget_nano)
        return Made(drafts.batch(found.id), True, file)
    if want == "begun":
        raise UsageError(f"no batch of {path} was begun; run the same command without --resume")
    settings = {"kb_version": version, "file": path.name, **told_to(desk.settings)}
    known, rows = None if want == "new" else found.id if found else "", drafting.planned(file.rows)
    try:
        id_ = drafts.make(path.name, kb, rows, budget_nano=budget_nano, settings=settings, digest=digest, known=known)
    except MadeMeanwhile:  # by the same command in another terminal
        return make(desk, drafts, path, kb, mapping, budget_nano, want)
    return Made(drafts.batch(id_), False, file)


# --- run -----------------------------------------------------------------------------------------------


Watch = Callable[[Batch, Progress], None]


class Workers:
    """The worker processes of one batch, each with so many places; one that dies is replaced."""

    def __init__(self, batch_id: str, places: Sequence[int]) -> None:
        self._batch_id, self._deaths = batch_id, 0
        self._running = [(some, self._start(some), time.monotonic()) for some in places]

    def _start(self, places: int) -> subprocess.Popen[bytes]:
        # In a session of its own: Ctrl-C is for this process, which tells the workers itself. What a library prints
        # there goes to standard error: standard output is this command's result.
        options = ("--drafts-only", "--batch", self._batch_id, "--places", str(places))
        return start_worker(*options, start_new_session=True, stdout=2)

    def look(self) -> None:
        """Replaces those that have ended. Raises `OpsdeskError` when they all end as soon as they begin."""
        for n, (places, process, began) in enumerate(self._running):
            if process.poll() is None:
                continue
            self._deaths = self._deaths + 1 if time.monotonic() - began < FEW_SECONDS else 0
            if self._deaths >= MOST_DEATHS:
                raise OpsdeskError(
                    f"the workers end as soon as they start (code {process.returncode}), as told above; what was "
                    "drafted is kept: mend that and run the same command again"
                )
            self._running[n] = places, self._start(places), time.monotonic()

    def end(self, *, at_once: bool = False) -> None:
        """Ends them: each finishes what it is at, unless it shall be `at_once`."""
        for _, process, _ in self._running:
            process.kill() if at_once else process.terminate()
        for _, process, _ in self._running:
            try:
                process.wait(WAIT_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running = []


def share(desk: Desk, tickets: int, concurrency: int) -> list[int]:
    """Tickets at once in each process, for a batch of so many."""
    at_once = concurrency or drafts_at_once(desk)
    processes = max(1, min(os.cpu_count() or 1, at_once, -(-tickets // TICKETS_A_PROCESS)))
    each, more = divmod(at_once, processes)
    return [each + (number < more) for number in range(processes)]


def run(desk: Desk, drafts: Drafts, batch_id: str, watch: Watch, *, concurrency: int = 0, here: bool = True) -> Batch:
    """Has a batch worked until it ends, is stopped, or Ctrl-C pauses it, which is raised then.

    `watch` is told how far it is. Not `here`: by workers that run elsewhere. Raises `OpsdeskError` when its workers do
    not start, or its knowledge base is gone: it is paused then; and when the database stays away.
    """
    workers, at_once = None, False
    living = Living(desk.task_list.database, desk.now, listens_only=True)
    try:
        drafts.set_state(batch_id, "running")
        left = drafts.progress(batch_id)
        open_ = left.total - left.done
        workers = Workers(batch_id, share(desk, open_, concurrency)) if here and open_ else None
        seen = time.monotonic()
        while True:
            try:
                batch, far = drafts.batch(batch_id), drafts.progress(batch_id)
                ended = batch.state != "running" and not _is_at_work(drafts, far, batch_id, living)
                seen = time.monotonic()
            except StoreError:  # the workers outlive it, and so does who watches them
                if time.monotonic() - seen > BOOKED_SECONDS:
                    raise
                time.sleep(LOOK_SECONDS)
                continue
            watch(batch, far)
            if ended:
                return batch
            if workers:
                workers.look()
                if batch.kb not in desk.kb_names():
                    desk.knowledge_base(batch.kb)  # raises what is to be told
            time.sleep(LOOK_SECONDS)
    except KeyboardInterrupt:
        at_once = not _paused(drafts, batch_id, watch, living)
        raise
    except StoreError:
        raise
    except OpsdeskError:
        drafts.set_state(batch_id, "paused")
        raise
    finally:
        if workers:
            workers.end(at_once=at_once)


def _paused(drafts: Drafts, batch_id: str, watch: Watch, living: Living) -> bool:
    """Pauses a batch and waits for what is at work; False when it could not be, or another Ctrl-C does not want to."""
    give_up, told = time.monotonic() + WAIT_SECONDS, False
    try:
        while time.monotonic() < give_up:
            try:
                if not told:
                    drafts.set_state(batch_id, "paused")
                    told = True
                far = drafts.progress(batch_id)
                if not _is_at_work(drafts, far, batch_id, living):
                    return True
                watch(drafts.batch(batch_id), far)
            except StoreError:  # it may come back
                pass
            time.sleep(LOOK_SECONDS)
    except KeyboardInterrupt:
        return False
    return told


def _is_at_work(drafts: Drafts, far: Progress, batch_id: str, living: Living) -> bool:
    """Whether somebody who lives is at one of its tickets."""
    return bool(far.by_status.get("doing")) and drafts.queue.is_at(batch_id, living.living())


# --- written down --------------------------------------------------------------------------------------


def write(desk: Desk, drafts: Drafts, batch_id: str, out: Path) -> None:
    """Writes every row of a batch, in order: whole or not at all."""
    with replacing(out) as file:
        for piece in draft_files.pieces(drafting.export_rows(desk, drafts, batch_id), out.name):
            file.write(piece)
