"""The shared task list: cases, their tasks and their handoffs. Every step is one short transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import sqlalchemy as sa

from errors import UsageError
from tasks import facts, paths
from tasks.case import Case, Handoff, Outcome, StepName, Task
from tasks.database import Database, metadata, newest_first
from tasks.processes import process_name

cases = sa.Table(
    "cases",
    metadata,
    sa.Column("case_id", sa.String(32), primary_key=True),
    sa.Column("ticket_id", sa.Text, nullable=False),
    sa.Column("kb", sa.Text, nullable=False),
    sa.Column("tenant", sa.Text, nullable=False, index=True, server_default=""),
    sa.Column("batch_id", sa.Text, nullable=False, index=True, server_default=""),
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

# Made once, since making a statement takes longer than most take to run.
_OF_CASE: sa.BindParameter[str] = sa.bindparam("its_case")
_BODY = sa.select(cases.c.body).where(cases.c.case_id == _OF_CASE)
_KNOWN = sa.select(sa.exists().where(cases.c.case_id == _OF_CASE))
_PRUNED = sa.select(sa.exists().where(facts.case_facts.c.case_id == _OF_CASE))
_CHANGE_CASE = cases.update().where(cases.c.case_id == _OF_CASE)
_INSERT_CASE, _INSERT_TASKS, _INSERT_HANDOFFS = cases.insert(), tasks.insert(), handoffs.insert()
_PUT_TASK = tasks.update().where(tasks.c.case_id == _OF_CASE, tasks.c.name == sa.bindparam("its_name"))

Also = Callable[[sa.Connection, Case], Callable[[], None] | None]
"""What else is written with a case: done at the beginning of its transaction, and what it returns at the end."""

_APART = {"tasks", "handoffs"}  # kept in tables of their own
_DERIVED = set(Case.model_computed_fields)


class News(NamedTuple):
    """New handoffs of a case, and the step that is being done."""

    handoffs: list[Handoff]
    doing: StepName | None


class CaseLine(NamedTuple):
    """A case in a list: when it was begun (ISO 8601), what came of it (None: at work), how its ticket begins."""

    case_id: str
    created_at: str
    outcome: Outcome | None
    text: str


class TaskList:
    """The cases in a database. Safe to share between threads."""

    def __init__(self, database: Database | str) -> None:
        self.database = Database(database) if isinstance(database, str) else database
        self.owner = process_name()

    def open_case(self, case: Case) -> None:
        """Puts a case with its tasks on the list; one that was begun before is begun again, its handoffs stay."""
        with self.database.writing() as db:
            row = _case_row(case)
            if db.execute(_CHANGE_CASE, {"its_case": case.case_id, **row}).rowcount:
                for task in case.tasks:
                    task.status, task.owner = "todo", ""
                    _put_task(db, case.case_id, task)
                return
            db.execute(_INSERT_CASE, {"case_id": case.case_id, **row})
            rows = [{"case_id": case.case_id, **task.model_dump()} for task in case.tasks]
            db.execute(_INSERT_TASKS, rows)

    def start(self, case: Case, name: StepName) -> None:
        """Marks a task as being done by this process, and counts the attempt."""
        task = case.task(name)
        task.status, task.owner, task.attempts = "doing", self.owner, task.attempts + 1
        with self.database.writing() as db:
            _put_task(db, case.case_id, task)

    def record(self, case: Case, handoff: Handoff) -> None:
        """Appends a handoff to the case and closes its task with the handoff's status, as one write."""
        task = case.task(handoff.task)
        task.status = handoff.status
        with self.database.writing() as db:
            body = handoff.model_dump(mode="json", by_alias=True)
            db.execute(_INSERT_HANDOFFS, {"case_id": case.case_id, "seq": handoff.seq, "body": body})
            _put_task(db, case.case_id, task)
        case.handoffs.append(handoff)

    def close(self, case: Case) -> None:
        """Writes the outcome and the facts; steps never begun become `skipped`, one cut short `failed`."""
        with self.database.writing() as db:
            for task in case.tasks:
                if task.status in ("todo", "doing"):
                    task.status = "skipped" if task.status == "todo" else "failed"
                    _put_task(db, case.case_id, task)
            db.execute(_CHANGE_CASE, {"its_case": case.case_id, **_case_row(case)})
            facts.keep(db, case)
            paths.keep(db, case)

    def write(self, case: Case, also: Also, *, fresh: bool = False) -> None:
        """Writes a case that has ended whole, in place of what there is of it.

        Where `also` returns None, it is another worker's by now, and nothing else is written.
        `fresh`: nothing was written of it before, so that it need not be looked for.
        """
        this = case.case_id
        with self.database.writing() as db:
            last = also(db, case)
            if last is None:
                return
            known = not fresh and bool(db.execute(_KNOWN, {"its_case": this}).scalar())
            if known:
                db.execute(_CHANGE_CASE, {"its_case": this, **_case_row(case)})
                db.execute(tasks.delete().where(tasks.c.case_id == this))
                db.execute(handoffs.delete().where(handoffs.c.case_id == this))
            else:
                db.execute(_INSERT_CASE, {"case_id": this, **_case_row(case)})
            db.execute(_INSERT_TASKS, [{"case_id": this, **task.model_dump()} for task in case.tasks])
            bodies = [
                {"case_id": this, "seq": handoff.seq, "body": handoff.model_dump(mode="json", by_alias=True)}
                for handoff in case.handoffs
            ]
            if bodies:
                db.execute(_INSERT_HANDOFFS, bodies)
            facts.keep(db, case, again=known)
            paths.keep(db, case, again=known)
            last()

    def case(self, case_id: str) -> Case:
        """The case as kept. Raises `UsageError` when there is none of that id."""
        found = self.find(case_id)
        if found is None:
            with self.database.reading() as db:
                if db.execute(_PRUNED, {"its_case": case_id}).scalar():
                    raise UsageError(f'the case "{case_id}" was pruned; its figures count, its texts are gone')
            raise UsageError(f'there is no case "{case_id}"; ids are printed by: opsdesk ask, opsdesk demo')
        return found

    def find(self, case_id: str) -> Case | None:
        """The case as kept; None when there is none of that id."""
        with self.database.reading() as db:
            return case_in(db, case_id)

    def recent(self, limit: int, *, tenant: str | None = None, after: tuple[str, str] | None = None) -> list[CaseLine]:
        """The newest cases, those at work too; of one tenant where one is given.

        `after` is the time and the id of the last one of the page before.
        """
        asked = sa.select(cases.c.case_id, cases.c.created_at, cases.c.outcome, cases.c.body["ticket"]["text"])
        if tenant is not None:
            asked = asked.where(cases.c.tenant == tenant)
        with self.database.reading() as db:
            rows = db.execute(newest_first(asked, cases.c.created_at, cases.c.case_id, limit, after))
            return [CaseLine(id_, at, outcome, str(text)[:200]) for id_, at, outcome, text in rows]

    def latest(self, kb: str, limit: int) -> list[Case]:
        """The newest cases of a knowledge base that have ended, without their handoffs."""
        ended = sa.select(cases.c.body).where(cases.c.kb == kb, cases.c.outcome.is_not(None))
        with self.database.reading() as db:
            newest = db.execute(ended.order_by(cases.c.created_at.desc()).limit(limit)).scalars()
            return [Case.model_validate(body) for body in newest]

    def news(self, case_id: str, after: int = 0) -> News:
        """What has happened to a case since its handoff number `after`; one short look, for those who wait for it."""
        with self.database.reading() as db:
            passed = sa.select(handoffs.c.body).where(handoffs.c.case_id == case_id, handoffs.c.seq > after)
            found = [Handoff.model_validate(body) for body in db.execute(passed.order_by(handoffs.c.seq)).scalars()]
            doing = sa.select(tasks.c.name).where(tasks.c.case_id == case_id, tasks.c.status == "doing")
            return News(found, db.execute(doing).scalar())

    def dispose(self) -> None:
        """Closes the connections."""
        self.database.dispose()


def case_in(db: sa.Connection, case_id: str) -> Case | None:
    """As `TaskList.find`, within a transaction."""
    row = db.execute(_BODY, {"its_case": case_id}).scalar()
    return None if row is None else _case(db, case_id, row)


def _case_row(case: Case) -> dict[str, Any]:
    return {
        "ticket_id": case.ticket.ticket_id,
        "kb": case.kb,
        "tenant": case.tenant,
        "batch_id": case.batch_id,
        "created_at": case.created_at.isoformat(),
        "outcome": case.outcome,
        "body": case.model_dump(mode="json", exclude=_APART | _DERIVED),
    }


def _put_task(db: sa.Connection, case_id: str, task: Task) -> None:
    put = {"status": task.status, "attempts": task.attempts, "owner": task.owner}
    db.execute(_PUT_TASK, {"its_case": case_id, "its_name": task.name, **put})


def _case(db: sa.Connection, case_id: str, body: dict[str, Any]) -> Case:
    steps = sa.select(tasks.c.name, tasks.c.agent, tasks.c.status, tasks.c.attempts, tasks.c.owner).where(
        tasks.c.case_id == case_id
    )
    passed = sa.select(handoffs.c.body).where(handoffs.c.case_id == case_id).order_by(handoffs.c.seq)
    found = {row.name: Task.model_validate(row._asdict()) for row in db.execute(steps)}
    fresh = Case.model_validate({**body, "handoffs": list(db.execute(passed).scalars())})
    fresh.tasks = [found[task.name] for task in fresh.tasks]
    return fresh
