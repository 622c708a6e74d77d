"""The database: SQLite or PostgreSQL, brought to the newest revision when it is opened.

Every write is one short transaction, so that what was done is there for others to read at once and
is still there after a crash. SQLite runs in WAL mode with `synchronous=FULL`; PostgreSQL writes at READ COMMITTED,
so a write that depends on what it finds must say so in its own WHERE.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from errors import NewerDatabase, StoreError, UsageError

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

REVISION = "0011"
"""The database revision that this code reads and writes; `migrations/versions` leads up to it."""

BUSY_SECONDS = 30
THREADS = 64
"""Connections to a SQLite file that are kept: one for each thread that may wait for the lock."""
FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 0.0003, 0.005
"""Between two tries for SQLite's write lock: first a part of the millisecond or two that a write takes, then twice as
long each time, so that a long writer's many followers do not take the processor from it."""
CONNECT_SECONDS = 10
IDLE_SECONDS = 30
"""A transaction in which nothing is done for so long is ended by PostgreSQL: its machine has gone, or its process was
stopped, and all others may be waiting for its locks."""
_MIGRATING = 6_736_783_101  # any number, as long as all of Opsdesk takes the same

Asked = TypeVar("Asked", bound=sa.Select[Any])

metadata = sa.MetaData()
"""Every table, declared beside the code that reads and writes it."""


class Database:
    """Connections to one database. Safe to share between threads; open one per process.

    Raises `NewerDatabase` when the database was migrated by a later Opsdesk, and `StoreError` when it
    cannot be opened, read or written.
    """

    def __init__(self, url: str) -> None:
        try:
            self.url = make_url(url)
        except ArgumentError as error:
            raise UsageError("OPSDESK_DATABASE_URL is no database URL; unset it to use SQLite under home") from error
        self._engine = _engine(self.url)
        # A reader of several statements sees one state; SQLite's deferred transactions give that by themselves.
        snapshot = {} if self.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
        self._reader = self._engine.execution_options(read_only=True, **snapshot)
        self._writer = threading.Lock()
        with self._guarded():
            self._migrate()

    @property
    def name(self) -> str:
        """The kind of database: "sqlite" or "postgresql"."""
        return self.url.get_backend_name()

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """One transaction, kept when the block ends and rolled back when it raises."""
        with self._guarded(), self._turn(), self._engine.begin() as db:
            yield db

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One thread of a process at a time asks SQLite for its write lock: many would spend their time asking."""
        if self.name != "sqlite":
            yield
            return
        if not self._writer.acquire(timeout=BUSY_SECONDS):
            raise sqlite3.OperationalError("database is locked")
        try:
            yield
        finally:
            self._writer.release()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection that sees one state of the database."""
        # Ends with a commit: psycopg takes a rollback as a reason to forget every prepared statement.
        with self._guarded(), self._reader.begin() as db:
            yield db

    def vacuum(self) -> None:
        """Has SQLite write its file anew, without free pages; nobody else writes in the meantime."""
        with self._guarded(), self._turn():
            raw = self._engine.raw_connection()
            try:
                connection = raw.driver_connection
                assert isinstance(connection, sqlite3.Connection)  # noqa: S101  (the engine's own driver; for the type)
                insist(connection, "VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                raw.close()

    def dispose(self) -> None:
        """Closes the connections."""
        self._engine.dispose()

    def _migrate(self) -> None:
        with self._engine.begin() as db:
            if self.name == "postgresql":  # one process migrates, the others wait, as SQLite's write lock has it
                db.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATING)))
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
                f"the database {self._shown} was written by a newer Opsdesk (revision {found}, this one knows "
                f"{REVISION}) and was left untouched; update Opsdesk, or set OPSDESK_HOME to a fresh folder"
            )
        return found

    @property
    def _shown(self) -> str:
        return self.url.render_as_string(hide_password=True)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except (DatabaseError, PoolTimeout, sqlite3.Error) as error:
            cause = error.orig if isinstance(error, DatabaseError) else error
            reason = " ".join(str(cause).split()) or type(cause).__name__
            cure = (
                "check that its folder is writable and has free space, or move the file away to start afresh"
                if self.name == "sqlite"
                else "check that the server is up and lets this user in, or unset OPSDESK_DATABASE_URL to use SQLite"
            )
            raise StoreError(f"cannot use the database {self._shown}: {reason}; {cure}") from error


def inserting(dialect: str, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that may say what to do where the row is there already."""
    from sqlalchemy.dialects import postgresql, sqlite

    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def newest_first(
    asked: Asked, made_at: sa.Column[str], id_: sa.Column[str], limit: int, after: tuple[str, str] | None
) -> Asked:
    """A page of what is asked; `after` is the time and the id of the last row of the page before."""
    if after:
        same = sa.and_(made_at == after[0], id_ > after[1])
        asked = asked.where(sa.or_(made_at < after[0], same))
    return asked.order_by(made_at.desc(), id_).limit(limit)


def _engine(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() != "sqlite":
        try:
            engine = sa.create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": CONNECT_SECONDS})
        except (ImportError, NoSuchModuleError) as error:
            raise UsageError(
                f"OPSDESK_DATABASE_URL names {url.drivername}, whose driver is not installed; write "
                "postgresql+psycopg:// and install it (uv sync --extra postgres), or unset it to use SQLite under home"
            ) from error
        sa.event.listen(engine, "connect", _prepare_postgresql)
        return engine
    in_memory = not url.database or url.database == ":memory:"
    if url.database and not in_memory:
        folder = Path(url.database).parent
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StoreError(
                f"cannot make the folder {folder}: {error.strerror}; choose another OPSDESK_HOME"
            ) from error
    options = {"timeout": BUSY_SECONDS, "check_same_thread": False}
    engine = sa.create_engine(url, connect_args=options, **({} if in_memory else {"pool_size": THREADS}))
    sa.event.listen(engine, "connect", _prepare_sqlite)
    # The driver's own transaction handling starts a write late and deadlocks two upgrading readers.
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _begin_sqlite(db: sa.Connection) -> None:
    if db.get_execution_options().get("read_only"):
        db.exec_driver_sql("BEGIN")
        return
    connection = db.connection.dbapi_connection
    assert isinstance(connection, sqlite3.Connection)  # noqa: S101  (the engine's own driver; for the type)
    insist(connection, "BEGIN IMMEDIATE")


def _prepare_postgresql(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute(f"SET idle_in_transaction_session_timeout = {IDLE_SECONDS * 1000}")
    cursor.close()
    connection.commit()


def _prepare_sqlite(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None
    insist(connection, "PRAGMA journal_mode=WAL")
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def insist(connection: sqlite3.Connection, statement: str) -> None:
    """Runs a statement as soon as no other writer is in its way.

    SQLite's own waiting asks the less often the longer it lasts, so that among many writers some starve; and it does
    not wait at all to switch a new file to WAL.
    """
    give_up, wait = time.monotonic() + BUSY_SECONDS, FIRST_RETRY_SECONDS
    connection.execute("PRAGMA busy_timeout=0")
    try:
        while True:
            try:
                connection.execute(statement)
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                    raise
                time.sleep(wait)
                wait = min(LAST_RETRY_SECONDS, wait * 2)
    finally:
        connection.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
