"""The shared task list: cases, their tasks and their handoffs, in SQLite or another SQL database.

Every step is one short transaction, so that what was done is there for others to read at once and
is still there after a crash. SQLite runs in WAL mode with `synchronous=FULL`.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry

from errors import NewerDatabase, StoreError, UsageError
from tasks.case import Case, Handoff, StepName, Task

REVISION = "0001"
"""The database revision that this code reads and writes; `migrations/versions` leads up to it."""

BUSY_SECONDS = 30

metadata = sa.MetaData()

cases = sa.Table(
    "cases",
    metadata,
    sa.Column("case_id", sa.String(32), primary_key=True),
    sa.Column("ticket_id", sa.Text, nullable=False),
    sa.Column("kb", sa.Text, nullable=False),
    sa.Column("created_at", sa.Text, nullable=False, index=True),
    sa.Column("outcome", sa.Text, index=True),
    sa.Column("body", sa.JSON, nullable=False),
)
tasks = sa.Table(
    "tasks",
    metadata,
    sa.Column("case_id", sa.String(32), sa.ForeignKey("cases.case_id"), primary_key=True),
    sa.Column("name", sa.String(16), primary_key=True),
    sa.Column("agent", sa.Text, nullable=False),
    sa.Column("status", sa.String(16), nullable=False, index=True),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
)
handoffs = sa.Table(
    "handoffs",
    metadata,
    sa.Column("case_id", sa.String(32), sa.ForeignKey("cases.case_id"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("body", sa.JSON, nullable=False),
)

_APART = {"tasks", "handoffs"}  # kept in tables of their own
_DERIVED = set(Case.model_computed_fields)


def process_name() -> str:
    """Who owns the tasks of this process: host and process id."""
    return f"{socket.gethostname()}:{os.getpid()}"


class TaskList:
    """The database behind the crew. Safe to share between threads; open one per process.

    Raises `NewerDatabase` when the database was migrated by a later Opsdesk, and `StoreError` when it
    cannot be opened, read or written.
    """

    def __init__(self, url: str) -> None:
        try:
            self.url = make_url(url)
        except ArgumentError as error:
            raise UsageError("OPSDESK_DATABASE_URL is no database URL; unset it to use SQLite under home") from error
        self.owner = process_name()
        self._engine = _engine(self.url)
        self._reader = self._engine.execution_options(read_only=True)
        with self._guarded():
            self._migrate()

    def open_case(self, case: Case) -> None:
        """Puts a new case with its tasks on the list."""
        with self._writing() as db:
            db.execute(cases.insert().values(case_id=case.case_id, **_case_row(case)))
            rows = [{"case_id": case.case_id, **task.model_dump()} for task in case.tasks]
            db.execute(tasks.insert(), rows)

    def start(self, case: Case, name: StepName) -> None:
        """Marks a task as being done by this process, and counts the attempt."""
        task = case.task(name)
        task.status, task.owner, task.attempts = "doing", self.owner, task.attempts + 1
        with self._writing() as db:
            _put_task(db, case.case_id, task)

    def record(self, case: Case, handoff: Handoff) -> None:
        """Appends a handoff to the case and closes its task with the handoff's status, as one write."""
        task = case.task(handoff.task)
        task.status = handoff.status
        with self._writing() as db:
            body = handoff.model_dump(mode="json", by_alias=True)
            db.execute(handoffs.insert().values(case_id=case.case_id, seq=handoff.seq, body=body))
            _put_task(db, case.case_id, task)
        case.handoffs.append(handoff)

    def close(self, case: Case) -> None:
        """Writes the outcome; steps that were never begun become `skipped`, one cut short `failed`."""
        with self._writing() as db:
            for task in case.tasks:
                if task.status in ("todo", "doing"):
                    task.status = "skipped" if task.status == "todo" else "failed"
                    _put_task(db, case.case_id, task)
            db.execute(cases.update().where(cases.c.case_id == case.case_id).values(**_case_row(case)))

    def case(self, case_id: str) -> Case:
        """The case as kept. Raises `UsageError` when there is none of that id."""
        with self._guarded(), self._reader.connect() as db:
            row = db.execute(sa.select(cases.c.body).where(cases.c.case_id == case_id)).scalar()
            if row is None:
                raise UsageError(f'there is no case "{case_id}"; ids are printed by: opsdesk ask, opsdesk demo')
            return _case(db, case_id, row)

    def dispose(self) -> None:
        """Closes the connections."""
        self._engine.dispose()

    def _migrate(self) -> None:
        with self._engine.begin() as db:
            if self._revision(db) == REVISION:
                return
            from tasks.migrations import upgrade

            upgrade(db)

    def _revision(self, db: sa.Connection) -> str | None:
        if not sa.inspect(db).has_table("alembic_version"):
            return None
        found: str | None = db.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
        if found is not None and found > REVISION:
            raise NewerDatabase(
                f"the database {self._name} was written by a newer Opsdesk (revision {found}, this one knows "
                f"{REVISION}) and was left untouched; update Opsdesk, or set OPSDESK_HOME to a fresh folder"
            )
        return found

    @property
    def _name(self) -> str:
        return self.url.render_as_string(hide_password=True)

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with self._guarded(), self._engine.begin() as db:
            yield db

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except DatabaseError as error:
            reason = str(error.orig).strip() or type(error.orig).__name__
            raise StoreError(
                f"cannot use the database {self._name}: {reason}; "
                "check that its folder is writable and has free space, or move the file away to start afresh"
            ) from error


def _engine(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() != "sqlite":
        try:
            return sa.create_engine(url, pool_pre_ping=True)
        except (ImportError, NoSuchModuleError) as error:
            raise UsageError(
                f"OPSDESK_DATABASE_URL names {url.drivername}, whose driver is not installed; "
                "unset it to use SQLite under home"
            ) from error
    if url.database and url.database != ":memory:":
        folder = Path(url.database).parent
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StoreError(
                f"cannot make the folder {folder}: {error.strerror}; choose another OPSDESK_HOME"
            ) from error
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})
    sa.event.listen(engine, "connect", _prepare_sqlite)
    # The driver's own transaction handling starts a write late and deadlocks two upgrading readers.
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _begin_sqlite(db: sa.Connection) -> None:
    db.exec_driver_sql("BEGIN" if db.get_execution_options().get("read_only") else "BEGIN IMMEDIATE")


def _prepare_sqlite(connection: Any, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _case_row(case: Case) -> dict[str, Any]:
    return {
        "ticket_id": case.ticket.ticket_id,
        "kb": case.kb,
        "created_at": case.created_at.isoformat(),
        "outcome": case.outcome,
        "body": case.model_dump(mode="json", exclude=_APART | _DERIVED),
    }


def _put_task(db: sa.Connection, case_id: str, task: Task) -> None:
    this = (tasks.c.case_id == case_id) & (tasks.c.name == task.name)
    db.execute(tasks.update().where(this).values(status=task.status, attempts=task.attempts, owner=task.owner))


def _case(db: sa.Connection, case_id: str, body: dict[str, Any]) -> Case:
    steps = sa.select(tasks.c.name, tasks.c.agent, tasks.c.status, tasks.c.attempts, tasks.c.owner).where(
        tasks.c.case_id == case_id
    )
    passed = sa.select(handoffs.c.body).where(handoffs.c.case_id == case_id).order_by(handoffs.c.seq)
    found = {row.name: Task.model_validate(row._asdict()) for row in db.execute(steps)}
    fresh = Case.model_validate({**body, "handoffs": list(db.execute(passed).scalars())})
    fresh.tasks = [found[task.name] for task in fresh.tasks]
    return fresh
