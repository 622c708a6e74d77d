"""One narrow row a closed case and source for where it leaked; figures and words that outlive their cases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from pydantic import ValidationError

revision = "0009"
down_revision = "0008"

PAGE = 500
"""Cases that are read at once."""

LAYERS = ("routing", "retrieval", "tools", "writing", "proof", "surface")


def upgrade() -> None:
    """Makes the table and its rows, and lets `case_facts` and `feedback` stay when their case is deleted."""
    db = op.get_bind()
    _free(db, "case_facts", ("kb", "tenant"), "ix_case_facts_whose")
    _free(db, "feedback", ("case_id",), "ix_feedback_case_id")
    flags = ("end_to_end", "leaks", "answered", "cited", "passed", "unproven")
    table = op.create_table(
        "case_seams",
        sa.Column("source", sa.String(16), primary_key=True),
        sa.Column("day", sa.String(10), primary_key=True),
        sa.Column("case_id", sa.String(32), primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("kb", "tenant", "intent")),
        *(sa.Column(name, sa.String(16), nullable=False) for name in ("tier", "alike", "word")),
        *(sa.Column(name, sa.SmallInteger) for name in LAYERS),
        *(sa.Column(name, sa.SmallInteger, nullable=name == "passed") for name in flags),
        sqlite_with_rowid=False,
    )
    fill(db, table)
    op.create_index("ix_case_seams_case", "case_seams", ["case_id", "source"], unique=True)
    op.create_index("ix_case_seams_alike", "case_seams", ["source", "kb", "alike", "day", "end_to_end"])


def _free(db: sa.Connection, name: str, indexed: tuple[str, ...], index: str) -> None:
    """Drops a table's foreign key. SQLite cannot, and has its rows moved into a table without one."""
    if db.dialect.name != "sqlite":
        for key in sa.inspect(db).get_foreign_keys(name):
            op.drop_constraint(str(key["name"]), name, type_="foreignkey")
        return
    old = sa.Table(name, sa.MetaData(), autoload_with=db, resolve_fks=False)
    columns = [
        sa.Column(c.name, c.type, primary_key=c.primary_key, nullable=c.nullable, unique=name != "feedback" and i == 2)
        for i, c in enumerate(old.c)
    ]
    new = op.create_table(f"{name}_new", *columns, sqlite_with_rowid=name == "feedback")
    db.execute(new.insert().from_select([c.name for c in old.c], sa.select(old)))
    op.drop_table(name)
    op.rename_table(f"{name}_new", name)
    op.create_index(index, name, list(indexed))


def fill(db: sa.Connection, table: sa.Table) -> None:
    """A row for each case that has ended, and one for people's last word on it, a page of cases at a time.

    The columns are this revision's, whatever later code knows. A case that cannot be read any more is left out.
    """
    from tasks.case import Case
    from tasks.seams import said, seams_of

    cases = sa.table("cases", *map(sa.column, ("case_id", "outcome")), sa.column("body", sa.JSON))
    handoffs = sa.table("handoffs", *map(sa.column, ("case_id", "seq")), sa.column("body", sa.JSON))
    feedback = sa.table("feedback", *map(sa.column, ("id", "case_id", "verdict")))
    ended = sa.select(cases.c.case_id, cases.c.body).where(cases.c.outcome.is_not(None)).order_by(cases.c.case_id)
    after = ""
    while page := db.execute(ended.where(cases.c.case_id > after).limit(PAGE)).all():
        after = page[-1].case_id
        passed: dict[str, list[object]] = {row.case_id: [] for row in page}
        of_page = sa.select(handoffs.c.case_id, handoffs.c.body).where(handoffs.c.case_id.in_(passed))
        for row in db.execute(of_page.order_by(handoffs.c.seq)):
            passed[row.case_id].append(row.body)
        words = sa.select(feedback.c.case_id, feedback.c.verdict).where(feedback.c.case_id.in_(passed))
        last = dict(map(tuple, db.execute(words.order_by(feedback.c.id))))
        found = []
        for case_id, body in page:
            try:
                found.append(seams_of(Case.model_validate({**body, "handoffs": passed[case_id]})))
            except ValidationError:
                continue
        rows = [row._asdict() for row in (*found, *said(found, last))]
        if rows:
            db.execute(table.insert(), [{name: row[name] for name in table.c.keys()} for row in rows])  # noqa: SIM118


def downgrade() -> None:
    """Drops the table. The foreign keys stay away: rows may be left whose cases are not there any more."""
    op.drop_table("case_seams")
