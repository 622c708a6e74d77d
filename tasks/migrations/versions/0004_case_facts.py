"""One narrow row a closed case, for figures over many of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from pydantic import ValidationError

revision = "0004"
down_revision = "0003"

PAGE = 500
"""Cases that are read at once."""


def upgrade() -> None:
    """Makes the table, and a row for each case that has ended. Amounts are nano-dollars, days YYYY-MM-DD in UTC."""
    amounts = ("cheap_nano", "mid_nano", "frontier_nano")
    steps = [f"{step}_{what}" for step in ("route", "retrieve", "write", "verify") for what in ("tries", "failed")]
    table = op.create_table(
        "case_facts",
        sa.Column("day", sa.String(10), primary_key=True),
        sa.Column("outcome", sa.String(16), primary_key=True),
        sa.Column("case_id", sa.String(32), sa.ForeignKey("cases.case_id"), primary_key=True, unique=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("kb", "tenant", "intent")),
        sa.Column("tier", sa.String(16), nullable=False),
        sa.Column("batch_id", sa.Text, nullable=False),
        sa.Column("milliseconds", sa.BigInteger, nullable=False),
        sa.Column("model_calls", sa.Integer, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("tokens_in", "tokens_out")),
        *(sa.Column(name, sa.BigInteger) for name in ("cost_nano", "at_most_nano", "all_frontier_nano")),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in amounts),
        *(sa.Column(name, sa.Integer, nullable=False) for name in (*steps, "revised", "escalated")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_case_facts_whose", "case_facts", ["kb", "tenant"])
    fill(op.get_bind(), table)


def fill(db: sa.Connection, table: sa.Table) -> None:
    """A row for each case that has ended and has none yet. The columns are this revision's, whatever later code knows.

    A case that cannot be read any more is left out: no page shows it either.
    """
    from tasks.case import Case
    from tasks.facts import facts_of

    cases = sa.table("cases", *map(sa.column, ("case_id", "batch_id", "outcome")), sa.column("body", sa.JSON))
    handoffs = sa.table("handoffs", *map(sa.column, ("case_id", "seq")), sa.column("body", sa.JSON))
    missing = sa.select(cases.c.case_id, cases.c.batch_id, cases.c.body).where(
        cases.c.outcome.is_not(None), ~sa.exists().where(table.c.case_id == cases.c.case_id)
    )
    after = ""
    while page := db.execute(missing.where(cases.c.case_id > after).order_by(cases.c.case_id).limit(PAGE)).all():
        after = page[-1].case_id
        passed: dict[str, list[object]] = {row.case_id: [] for row in page}
        of_page = handoffs.c.case_id.in_(passed)
        for row in db.execute(sa.select(handoffs.c.case_id, handoffs.c.body).where(of_page).order_by(handoffs.c.seq)):
            passed[row.case_id].append(row.body)
        rows = []
        for case_id, batch_id, body in page:
            try:
                found = facts_of(Case.model_validate({**body, "handoffs": passed[case_id]}))._asdict()
            except ValidationError:
                continue
            rows.append({**{name: found[name] for name in table.c.keys() if name in found}, "batch_id": batch_id})  # noqa: SIM118
        if rows:
            db.execute(table.insert(), rows)


def downgrade() -> None:
    """Drops it again."""
    op.drop_table("case_facts")
