"""The shared task list, on real SQLite files."""

from __future__ import annotations

import os
import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from errors import NewerDatabase, StoreError, UsageError
from tasks import budget, experience
from tasks.case import STEPS, Case, Handoff, StepName, Ticket
from tasks.database import REVISION, metadata
from tasks.task_list import TaskList

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def new_case(case_id: str = "c-1") -> Case:
    return Case(case_id=case_id, ticket=Ticket(text="How?", ticket_id="T-1"), kb="sample", created_at=NOW)


def handoff(case: Case, task: StepName, cost: float | None = 0.0, status: str = "done") -> Handoff:
    return Handoff.model_validate(
        {
            "seq": len(case.handoffs) + 1,
            "from": STEPS[task],
            "to": "next",
            "task": task,
            "attempt": 1,
            "status": status,
            "reason": "because",
            "tier": "local",
            "model": "m",
            "tokens_in": 10,
            "tokens_out": 5,
            "cost_usd": cost,
            "cost_all_frontier_usd": 0.25,
            "started_at": NOW,
            "seconds": 0.5,
            "payload": {"received": {"a": 1}, "sent": "é"},
        }
    )


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'state' / 'opsdesk.sqlite'}"


def test_a_case_is_read_back_as_it_was_kept(url: str) -> None:
    tasks, case = TaskList(url), new_case()
    tasks.open_case(case)
    for step in STEPS:
        tasks.start(case, step)
        tasks.record(case, handoff(case, step))
    case.outcome, case.answer = "accepted", "Yes. [1]"
    tasks.close(case)
    assert TaskList(url).case("c-1") == case


def test_a_case_cut_short_is_kept_up_to_its_last_step(url: str) -> None:
    tasks, case = TaskList(url), new_case()
    tasks.open_case(case)
    tasks.start(case, "route")
    tasks.record(case, handoff(case, "route"))
    tasks.start(case, "retrieve")
    kept = TaskList(url).case("c-1")
    assert [task.status for task in kept.tasks] == ["done", "doing", "todo", "todo"]
    assert kept.tasks[1].owner == f"{os.uname().nodename}:{os.getpid()}"
    assert [h.seq for h in kept.handoffs] == [1]


def test_steps_that_were_never_begun_are_skipped_when_the_case_closes(url: str) -> None:
    tasks, case = TaskList(url), new_case()
    tasks.open_case(case)
    tasks.start(case, "route")
    tasks.record(case, handoff(case, "route"))
    tasks.start(case, "retrieve")
    tasks.close(case)
    assert [task.status for task in TaskList(url).case("c-1").tasks] == ["done", "failed", "skipped", "skipped"]


def test_the_cost_is_the_sum_of_the_handoffs_and_unknown_when_one_is() -> None:
    case = new_case()
    case.handoffs = [handoff(case, "route", 0.1), handoff(case, "write", 0.2)]
    assert case.cost_usd == pytest.approx(0.3)
    assert case.cost_is_known
    case.handoffs.append(handoff(case, "verify", None))
    assert case.cost_usd is None
    assert not case.cost_is_known
    assert case.cost_all_frontier_usd == 0.75
    assert (case.tokens_in, case.tokens_out) == (30, 15)


def test_sqlite_keeps_what_it_said_it_kept(url: str) -> None:
    tasks = TaskList(url)
    with tasks.database.reading() as db:
        assert db.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert db.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL


def test_a_database_of_a_newer_version_is_refused_and_left_alone(url: str, tmp_path: Path) -> None:
    TaskList(url).dispose()
    file = tmp_path / "state" / "opsdesk.sqlite"
    with sqlite3.connect(file) as db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    before = file.read_bytes()
    with pytest.raises(NewerDatabase, match=r"newer Opsdesk.*9999.*update Opsdesk"):
        TaskList(url)
    assert file.read_bytes() == before


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    file = tmp_path / "opsdesk.sqlite"
    file.write_text("this is not a database, it is a shopping list" * 50)
    with pytest.raises(StoreError, match=r"opsdesk\.sqlite.*not a database"):
        TaskList(f"sqlite:///{file}")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot make the folder .*file"):
        TaskList(f"sqlite:///{tmp_path / 'file' / 'opsdesk.sqlite'}")


@pytest.mark.parametrize("wrong", ["nonsense", "nosuch+driver://x/y", "mssql+pyodbc://x/y"])
def test_a_database_url_that_cannot_be_used_is_wrong_usage(wrong: str) -> None:
    with pytest.raises(UsageError, match="OPSDESK_DATABASE_URL"):
        TaskList(wrong)


def test_the_migrations_lead_to_the_tables_that_the_code_uses(url: str) -> None:
    assert {budget.spending, budget.reservations, experience.feedback, experience.router_tables} < set(
        metadata.sorted_tables
    )
    with TaskList(url).database.reading() as db:
        context = MigrationContext.configure(db)
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == REVISION


def test_a_case_that_does_not_exist_is_wrong_usage(url: str) -> None:
    with pytest.raises(UsageError, match='no case "c-none"'):
        TaskList(url).case("c-none")


def test_eight_threads_may_open_a_new_database_at_once(url: str) -> None:
    failures: list[BaseException] = []

    def open_it() -> None:
        try:
            TaskList(url)
        except StoreError as error:
            failures.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
