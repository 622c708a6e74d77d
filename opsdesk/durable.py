"""Tickets of batches as durable workflows: one a ticket, one step of it an agent's. The only file that knows DBOS.

The task list says which tickets there are and who holds each; DBOS keeps what each agent made, so that a ticket whose
worker has ended goes on at the step it was in; paid calls are kept apart (`tasks.calls`), so that none is paid twice.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, DBOSConfig, Serializer, SetWorkflowID

from agents.turns import Turns, in_turn
from errors import OpsdeskError, Postponed, Stopped, StoreError
from opsdesk.work import told
from tasks.batches import DraftRow
from tasks.database import insist
from tasks.queue import MAX_ATTEMPTS, PATIENCE

if TYPE_CHECKING:
    from opsdesk.desk import Desk
    from tasks.database import Database
    from tasks.drafts import Drafts

PROTOCOL = "1"
"""What workers of one database agree on: tickets of another one are left alone by DBOS, so it seldom changes."""

AT_A_TIME = 1
"""Tickets that one process works at a time, beside those that wait for a model: it has one Python lock. Measured with
64 at once over two processes (`benchmarks.batch`): with two or four, and without turns, fewer are drafted a second."""

SCHEMA = "dbos"
"""Where DBOS keeps its tables in PostgreSQL."""

AGAIN_SECONDS = 1.0
"""Between two tries to give a ticket back while the database is gone."""

RECORDS_KEPT = timedelta(hours=1)
"""So long what the agents made of a ticket, step by step, stays after its end: a worker that was taken for dead may
still come back to it. Its case is kept elsewhere."""

AT_ONCE = 100
"""Tickets whose records are deleted as one transaction."""

log = logging.getLogger("opsdesk.worker")


class Durable:
    """The durable tickets of this process. There is one at a time: DBOS is one a process."""

    def __init__(self, desk: Desk, drafts: Drafts, batch_id: str = "") -> None:
        """`batch_id` is the one batch to work on; what is taken over of others is left to their workers."""
        self._batch_id = batch_id
        self._desk, self._drafts, self._queue, self._owner = desk, drafts, drafts.queue, desk.task_list.owner
        self._stops: dict[threading.Event, str] = {}
        self._doing: Counter[tuple[str, int]] = Counter()
        self._idle: set[tuple[str, int]] = set()
        self._claimed: dict[tuple[str, int, int], DraftRow] = {}
        self._turns, self._has_looked = Turns(AT_A_TIME), False
        self.ending = threading.Event()
        if _running:
            raise OpsdeskError("durable tickets are at work in this process already; start another worker for them")
        launch(desk.task_list.database.url, self._owner)
        _running.append(self)

    def close(self) -> None:
        """Ends DBOS. What is still at work is gone on with by another worker."""
        self.ending.set()
        _running.remove(self)
        DBOS.destroy(workflow_completion_timeout_sec=0)

    @property
    def batch_ids(self) -> set[str]:
        """The batches of which something is at work here."""
        return set(self._stops.copy().values())

    def stop(self, batch_ids: Collection[str]) -> None:
        """Gives up what is at work here for these batches."""
        for stop, batch_id in self._stops.copy().items():
            if batch_id in batch_ids:
                stop.set()

    def draft(self, row: DraftRow) -> None:
        """Works a claimed ticket to its end. Nothing is raised: what goes wrong ends the row, or puts it back."""
        self._doing[row.batch_id, row.seq] += 1
        self._claimed[row.batch_id, row.seq, row.run] = row
        try:
            with in_turn(self._turns), SetWorkflowID(_id(row)):
                _draft(row.batch_id, row.seq, row.run)
        except Exception as error:  # noqa: BLE001  (DBOS's own: its database is gone)
            log.error("%s", error)
            self._give_back(row)
        finally:
            self._claimed.pop((row.batch_id, row.seq, row.run), None)
            self._let_go(row.batch_id, row.seq)

    def take_over(self, living: Collection[str], dead: Collection[str]) -> None:
        """Has those tickets gone on with whose workers are not among the living, and those that were dropped here.

        The dead may have left one that was finished, but not yet said to be: also that one comes to its end.
        """
        left = self._queue.left_behind([*living, self._owner]) + self._dropped()
        if not left and not dead and self._has_looked:
            return
        ids = [_id(row) for row in left]
        known = DBOS.list_workflows(workflow_ids=ids, load_input=False, load_output=False) if ids else []
        going_on = {found.workflow_id for found in known if found.status in ("PENDING", "ENQUEUED")}
        if not self._has_looked:  # who has died before this worker began is on no list any more
            known += DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
        # Also those who had taken one over and ended before they could say so.
        runners = {str(found.executor_id) for found in known if found.status == "PENDING"}
        gone = sorted({row.owner for row in left}.union(runners, dead) - {*living, self._owner})
        self._desk.budget.reclaim_of(gone)
        DBOS._recover_pending_workflows(gone)  # asks again whose they are, so that of two workers one gets each
        self._has_looked = True
        for row in left:
            if _id(row) not in going_on:
                self._queue.release(row)

    def forget_ended(self) -> int:
        """Deletes the records of some of the tickets that have ended, and returns of how many."""
        return _forget(DBOS, self._desk.now())

    def _dropped(self) -> list[DraftRow]:
        """Tickets that are this worker's by name and that nobody here is at, at two looks in a row."""
        mine = [row for row in self._queue.held_by(self._owner) if not self._doing[row.batch_id, row.seq]]
        before, self._idle = self._idle, {(row.batch_id, row.seq) for row in mine}
        return [row for row in mine if (row.batch_id, row.seq) in before]

    def work(self, batch_id: str, seq: int, run: int) -> None:
        """A ticket's workflow, from its beginning or, after a crash, from its records."""
        row = self._claimed.pop((batch_id, seq, run), None) or self._queue.hold(batch_id, seq, run, self._owner)
        if row is None:
            return
        self._doing[batch_id, seq] += 1
        stop = threading.Event()
        self._stops[stop] = batch_id
        try:
            self._ask(row, stop)
        except Postponed as reason:
            if reason.waits_for == "endpoint":
                self._queue.postpone(row)
            else:
                stays = reason.waits_for == "settings" and not self._batch_id  # or else it ends with its batch
                why = f"{reason}, and restart the worker {self._owner}" if stays else str(reason)
                self._queue.halt(row, why, reason.waits_for)
        except Stopped:
            self._give_back(row)
        except Exception as error:  # noqa: BLE001  (whatever it is, one ticket fails and the others go on)
            # No fault of the ticket's: the database is gone (DBOS's errors come as they are), or DBOS is being ended.
            if self.ending.is_set() or isinstance(error, StoreError | sa.exc.SQLAlchemyError):
                log.error("%s", error)
                self._give_back(row)
            else:
                self._queue.fail(row, told(error), 0 if isinstance(error, OpsdeskError) else None)
        finally:
            del self._stops[stop]
            self._let_go(batch_id, seq)

    def _ask(self, row: DraftRow, stop: threading.Event) -> None:
        from agents.reply import Manner, readdressed
        from agents.steps import Journal
        from tasks.budget import MOST, Cap
        from tasks.calls import Calls
        from tasks.sheet import Sheet

        desk, batch = self._desk, self._drafts.batch(row.batch_id)
        if batch.state != "running":
            raise Stopped("the batch does not run")
        if self._batch_id not in ("", batch.id) or batch.kb not in desk.kb_names():
            raise Stopped("it was taken over from a worker that had other batches, or knowledge bases")
        if row.attempts > MAX_ATTEMPTS:
            self._queue.release(row)
            return
        manner = Manner(desk.settings.tone, desk.settings.sign_off)

        def reword(first: DraftRow, other: DraftRow) -> str:
            return readdressed(first.text, first.ticket, other.ticket, manner)

        fresh = row.run == 1 and row.attempts == 1
        journal = Journal(
            step=lambda name, do: DBOS.run_step({"name": name}, do),
            calls=Calls(
                desk.budget,
                row.case_id,
                desk.settings.in_flight,
                self._queue.guard(row),
                fresh=fresh,
            ),
            sheet=Sheet(desk.task_list, lambda db, case: self._queue.finish_in(db, row, case, reword), fresh=fresh),
            patient=row.run <= PATIENCE,
        )
        most = MOST if batch.budget_nano is None else batch.budget_nano  # booked all the same: a cap may be set later
        desk.ask(
            row.ticket,
            batch.kb,
            tenant=batch.settings.get("tenant", ""),
            case_id=row.case_id,
            batch_id=batch.id,
            caps=(Cap(batch.scope, most),),
            stopped=stop.is_set,
            journal=journal,
        )

    def _let_go(self, batch_id: str, seq: int) -> None:
        self._doing[batch_id, seq] -= 1
        if not self._doing[batch_id, seq]:
            del self._doing[batch_id, seq]

    def _give_back(self, row: DraftRow) -> None:
        """Puts a ticket back, as soon as the database lets us."""
        while True:
            try:
                self._queue.give_back(row)
                return
            except StoreError as error:
                log.error("%s", error)
                if self.ending.wait(AGAIN_SECONDS):
                    return  # another worker takes it over


_running: list[Durable] = []


@DBOS.workflow(name="draft", max_recovery_attempts=100)
def _draft(batch_id: str, seq: int, run: int) -> None:
    for durable in _running[-1:]:
        durable.work(batch_id, seq, run)


def _id(row: DraftRow) -> str:
    """A ticket's workflow: by batch, ticket, content, and how often it was begun anew."""
    content = json.dumps([row.ticket_id, row.subject, row.customer, row.body]).encode()
    return f"{row.batch_id}:{row.seq}:{hashlib.sha256(content).hexdigest()[:16]}:{row.run}"


_ERROR = "an error of Opsdesk's"


class _Json(Serializer):
    """DBOS's own default is pickle, which runs what it reads."""

    def serialize(self, data: Any) -> str:
        if isinstance(data, BaseException):
            return json.dumps({_ERROR: f"{type(data).__name__}: {data}"})
        return json.dumps(data, default=str)

    def deserialize(self, serialized_data: str) -> Any:
        found = json.loads(serialized_data)
        return OpsdeskError(found[_ERROR]) if isinstance(found, dict) and _ERROR in found else found

    def name(self) -> str:
        return "opsdesk_json"


def launch(url: sa.URL, owner: str) -> None:
    """Starts DBOS in this process, over a database and under a name that no other process has."""
    config: DBOSConfig = {
        "name": "opsdesk",
        "executor_id": owner,
        "application_version": PROTOCOL,
        "serializer": _Json(),
        "log_level": "CRITICAL",
        "use_listen_notify": False,
        "dbos_system_schema": SCHEMA,
        "system_database_url": url.render_as_string(hide_password=False),
        # DBOS tries again itself when a connection is gone, so it need not ask of each whether it is.
        "db_engine_kwargs": {"pool_pre_ping": False},
    }
    if url.get_backend_name() == "sqlite":
        engine = _engine(steps_file(url))
        config |= {"system_database_url": str(engine.url), "system_database_engine": engine}
    began = time.monotonic()
    DBOS(config=config)
    DBOS.launch()
    log.info("durable tickets are ready after %.1f s", time.monotonic() - began)


def forget_ended(database: Database, now: datetime) -> Iterator[int]:
    """Deletes the records of all tickets that have ended in a database, some at a time, and yields of how many."""
    url = database.url
    if url.get_backend_name() == "sqlite":
        if not steps_file(url).is_file():
            return
        engine = _engine(steps_file(url))
    else:
        engine = sa.create_engine(url)
    try:
        schema = None if engine.dialect.name == "sqlite" else SCHEMA
        if sa.inspect(engine).has_table("workflow_status", schema=schema):
            records = DBOSClient(system_database_engine=engine, serializer=_Json(), dbos_system_schema=SCHEMA)
            while some := _forget(records, now):
                yield some
    finally:
        engine.dispose()


def _forget(records: type[DBOS] | DBOSClient, now: datetime) -> int:
    ended = records.list_workflows(
        status=["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"],
        completed_before=(now - RECORDS_KEPT).isoformat(),
        limit=AT_ONCE,
        load_input=False,
        load_output=False,
    )
    if ended:
        records.delete_workflows([found.workflow_id for found in ended])
    return len(ended)


def steps_file(url: sa.URL) -> Path:
    """Where the steps are kept beside an SQLite database: in a file of its own, so that neither waits for the other."""
    database = Path(url.database or "opsdesk.sqlite")
    return database.with_name(f"{database.stem}-steps.sqlite")


def _engine(file: Path) -> sa.Engine:
    """In WAL mode, since a long reader stalls the default one.

    A power cut may lose the last steps, which are then done again; what was paid for is in the other file, on disk.
    """
    url = sa.URL.create("sqlite", database=str(file))
    engine = sa.create_engine(url, connect_args={"timeout": 30, "check_same_thread": False}, pool_size=64)

    def prepare(connection: Any, _: Any) -> None:
        insist(connection, "PRAGMA journal_mode=WAL")  # a new file's other workers open it in the same moment
        for pragma in ("synchronous=NORMAL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        connection.isolation_level = "IMMEDIATE"

    sa.event.listen(engine, "connect", prepare)
    return engine
