"""The database under the task list: opened, migrated, refused; SQLite and PostgreSQL."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

import tasks.budget
import tasks.conversations
import tasks.drafts
import tasks.experience
import tasks.migrations
import tasks.requests
import tasks.task_list
import tasks.tokens
import tasks.workers
from errors import NewerDatabase, OpsdeskError, StoreError, UsageError
from tasks.database import REVISION, Database, metadata
from tasks.task_list import TaskList
from tests.postgres import Server
from tests.tasks.test_task_list import handoff, new_case

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "opsdesk.sqlite"


def kept_at(url: str, revision: str) -> None:
    """Makes a database of an earlier revision."""
    config = Config()
    config.set_main_option("script_location", str(Path(tasks.migrations.__file__).parent))
    with sa.create_engine(url).begin() as db:
        config.attributes["connection"] = db
        command.upgrade(config, revision)


def test_sqlite_keeps_what_it_said_it_kept(file: Path) -> None:
    with Database(f"sqlite:///{file}").reading() as db:
        assert db.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert db.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL


def test_the_migrations_lead_to_the_tables_that_the_code_uses(database_url: str) -> None:
    with Database(database_url).reading() as db:
        context = MigrationContext.configure(db)
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == REVISION


def test_a_database_of_the_first_revision_is_upgraded_and_loses_nothing(database_url: str, tmp_path: Path) -> None:
    Path(tmp_path / "state").mkdir(exist_ok=True)
    kept_at(database_url, "0001")
    case = new_case()
    row = {"case_id": "c-1", "ticket_id": "T-1", "kb": "sample", "created_at": case.created_at.isoformat()}
    body = json.dumps(
        case.model_dump(mode="json", exclude={"tasks", "handoffs", "tenant", *type(case).model_computed_fields})
    )
    passed = json.dumps(handoff(case, "route").model_dump(mode="json", by_alias=True))
    engine = sa.create_engine(database_url)
    with engine.begin() as db:
        db.execute(
            sa.text("INSERT INTO cases VALUES (:case_id, :ticket_id, :kb, :created_at, NULL, :body)"),
            {**row, "body": body},
        )
        for task in case.tasks:
            db.execute(
                sa.text("INSERT INTO tasks VALUES ('c-1', :name, :agent, 'todo', 0, '')"),
                {"name": task.name, "agent": task.agent},
            )
        db.execute(sa.text("INSERT INTO handoffs VALUES ('c-1', 1, :body)"), {"body": passed})
    engine.dispose()
    found = TaskList(database_url)
    assert found.case("c-1") == case.model_copy(update={"handoffs": [handoff(case, "route")]})
    with found.database.reading() as db:
        assert db.execute(sa.text("SELECT tenant, batch_id FROM cases")).one() == ("", "")


def test_a_database_of_a_newer_version_is_refused_and_left_alone(database_url: str) -> None:
    database = Database(database_url)
    with database.writing() as db:
        db.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(NewerDatabase, match=r"newer Opsdesk.*9999.*update Opsdesk"):
        Database(database_url)
    with database.reading() as db:
        assert db.execute(sa.text("SELECT version_num FROM alembic_version")).scalar() == "9999"
    database.dispose()


def test_a_newer_file_is_not_touched_by_a_single_byte(file: Path) -> None:
    Database(f"sqlite:///{file}").dispose()
    with sqlite3.connect(file) as db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    before = file.read_bytes()
    with pytest.raises(NewerDatabase):
        Database(f"sqlite:///{file}")
    assert file.read_bytes() == before


def test_a_write_that_fails_halfway_leaves_nothing(database_url: str) -> None:
    database = Database(database_url)
    row = {"scope": "case:c-1", "spent": 1, "reserved": 0}
    insert = tasks.budget.spending.insert().values(row)
    with pytest.raises(StoreError), database.writing() as db:
        [db.execute(insert) for _ in range(2)]  # the second finds its scope there already
    with database.reading() as db:
        assert db.execute(sa.select(tasks.budget.spending)).all() == []
    database.dispose()


def test_a_reader_sees_one_state_however_many_questions_it_asks(database_url: str) -> None:
    database = Database(database_url)
    count = sa.select(sa.func.count()).select_from(tasks.budget.spending)
    with database.reading() as reader:
        before = reader.execute(count).scalar()
        with database.writing() as db:
            db.execute(tasks.budget.spending.insert().values(scope="case:c-1", spent=1, reserved=0))
        assert reader.execute(count).scalar() == before == 0
    with database.reading() as reader:
        assert reader.execute(count).scalar() == 1
    database.dispose()


def test_a_broken_rule_of_the_database_is_one_line_that_says_what_to_do(database_url: str) -> None:
    database = Database(database_url)
    twice = [{"scope": "case:c-1", "spent": 0, "reserved": 0}] * 2
    with pytest.raises(StoreError) as caught, database.writing() as db:
        db.execute(tasks.budget.spending.insert(), twice)
    assert "\n" not in str(caught.value)
    assert "; check that" in str(caught.value)
    database.dispose()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    file = tmp_path / "opsdesk.sqlite"
    file.write_text("this is not a database, it is a shopping list" * 50)
    with pytest.raises(StoreError, match=r"opsdesk\.sqlite.*not a database"):
        Database(f"sqlite:///{file}")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot make the folder .*file"):
        Database(f"sqlite:///{tmp_path / 'file' / 'opsdesk.sqlite'}")


@pytest.mark.parametrize("wrong", ["nonsense", "nosuch+driver://x/y", "mssql+pyodbc://x/y", "postgres://x/y"])
def test_a_database_url_that_cannot_be_used_is_wrong_usage(wrong: str) -> None:
    with pytest.raises(UsageError, match="OPSDESK_DATABASE_URL"):
        Database(wrong)


def test_a_server_that_is_not_there_is_named_without_its_password(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(StoreError, match=r"check that the server is up") as caught:
        Database(f"postgresql+psycopg://desk:hunter2@/desk?host={tmp_path}")
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_database_that_the_server_does_not_have_is_named(postgres: Server) -> None:
    with pytest.raises(StoreError, match=r'"nowhere" does not exist; check that the server'):
        Database(postgres.url("nowhere"))


def test_statements_stay_prepared_beside_readers(postgres: Server) -> None:
    """A reader that ends with a rollback has psycopg forget them, and each is planned anew."""
    with postgres.database() as url:
        database = Database(url)
        statement = sa.text("SELECT count(*) FROM cases WHERE case_id = :id")
        for _ in range(10):
            with database.reading() as db:
                db.execute(statement, {"id": "c-1"})
        with database.reading() as db:
            kept = db.execute(sa.text("SELECT statement FROM pg_prepared_statements")).scalars().all()
        database.dispose()
    assert any("FROM cases" in prepared for prepared in kept)


def test_a_connection_that_the_server_has_cut_is_replaced(postgres: Server) -> None:
    asked = sa.text("SELECT pg_backend_pid()")
    with postgres.database() as url:
        database, other = Database(url), sa.create_engine(url)
        with database.reading() as db:
            first = db.execute(asked).scalar()
        with other.connect() as db:
            db.execute(sa.text(f"SELECT pg_terminate_backend({first})"))
        with database.reading() as db:
            assert db.execute(asked).scalar() != first
        database.dispose()
        other.dispose()


def test_four_processes_may_open_a_new_database_at_once(database_url: str) -> None:
    program = (
        "import sys, alembic.command; from tasks.database import Database\n"
        "print(flush=True); input(); Database(sys.argv[1])"
    )
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    command = [sys.executable, "-c", program, database_url]
    openers: list[Any] = [subprocess.Popen(command, cwd=ROOT, text=True, **pipes) for _ in range(4)]
    try:
        for opener in openers:
            opener.stdout.readline()  # all are ready
        for opener in openers:
            opener.stdin.write("\n")
            opener.stdin.flush()
        assert [opener.communicate(timeout=60)[1] for opener in openers] == [""] * 4
    finally:
        for opener in openers:
            opener.kill()
            opener.communicate()
    assert [opener.returncode for opener in openers] == [0] * 4


def test_a_file_that_another_is_just_making_is_waited_for(file: Path) -> None:
    file.parent.mkdir()
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")  # not in WAL mode yet: SQLite refuses the switch at once, whatever its timeout
    release = threading.Timer(0.2, other.execute, ["COMMIT"])
    release.start()
    Database(f"sqlite:///{file}").dispose()
    release.join()
    other.close()


def test_eight_threads_may_open_a_new_file_at_once(file: Path) -> None:
    failures: list[BaseException] = []
    together = threading.Barrier(8)

    def open_it() -> None:
        together.wait()
        try:
            Database(f"sqlite:///{file}").dispose()
        except OpsdeskError as error:
            failures.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_the_task_list_and_the_budget_need_no_crewai() -> None:
    program = "import sys, tasks.budget, tasks.experience; sys.exit(bool({'crewai', 'alembic'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0


def test_a_transaction_that_is_left_lying_keeps_nobody_waiting(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when its machine has lost its power: all others may wait for its locks."""
    monkeypatch.setattr("tasks.database.IDLE_SECONDS", 1)
    hung, other = Database(database_url), Database(database_url)
    if hung.name == "sqlite":
        pytest.skip("SQLite's file is let go by the system when a process ends")
    lock = sa.select(sa.func.pg_advisory_xact_lock(1))

    def hang() -> None:
        with hung.writing() as db:
            db.execute(lock)
            with other.writing() as waiting:
                waiting.execute(lock)

    with pytest.raises(StoreError, match="cannot use the database"):
        hang()
    for database in (hung, other):
        with database.writing() as db:
            db.execute(lock)
        database.dispose()
