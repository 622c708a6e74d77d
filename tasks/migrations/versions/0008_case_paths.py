"""How each closed case went, in one narrow row, so that it can be decided on again; and shadow runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from pydantic import ValidationError

revision = "0008"
down_revision = "0007"

PAGE = 500
"""Cases that are read at once."""


def upgrade() -> None:
    """Makes the table, and a row for each case that has ended. Amounts are nano-dollars, times ISO 8601 in UTC."""
    amounts = ("route_nano", "draft_nano", "alone_nano", "cost_nano", "at_most_nano")
    table = op.create_table(
        "case_paths",
        sa.Column("case_id", sa.String(32), primary_key=True),
        sa.Column("shadow_of", sa.String(32), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("kb", "tenant", "intent")),
        *(sa.Column(name, sa.String(16), nullable=False) for name in ("outcome", "complexity", "stakes")),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("approval", "grave", "questions", "long", "coded")),
        sa.Column("found", sa.Float),
        sa.Column("passages_bytes", sa.BigInteger, nullable=False),
        sa.Column("tier", sa.String(16), nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("others", sa.String(64), nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("tokens_in", "tokens_cached", "tokens_out")),
        *(sa.Column(name, sa.BigInteger) for name in amounts),
    )
    op.create_index("ix_case_paths_at", "case_paths", ["at"])
    fill(op.get_bind(), table)


def fill(db: sa.Connection, table: sa.Table) -> None:
    """A row for each case that has ended and has none yet. The columns are this revision's, whatever later code knows.

    A case that cannot be read any more is left out: no page shows it either.
    """
    from tasks.case import Case
    from tasks.paths import path_of

    cases = sa.table("cases", sa.column("case_id"), sa.column("outcome"), sa.column("body", sa.JSON))
    handoffs = sa.table("handoffs", *map(sa.column, ("case_id", "seq")), sa.column("body", sa.JSON))
    ended, after = sa.select(cases.c.case_id, cases.c.body).where(cases.c.outcome.is_not(None)), ""
    while page := db.execute(ended.where(cases.c.case_id > after).order_by(cases.c.case_id).limit(PAGE)).all():
        after = page[-1].case_id
        passed: dict[str, list[object]] = {row.case_id: [] for row in page}
        of_page = handoffs.c.case_id.in_(passed)
        for row in db.execute(sa.select(handoffs.c.case_id, handoffs.c.body).where(of_page).order_by(handoffs.c.seq)):
            passed[row.case_id].append(row.body)
        rows = []
        for case_id, body in page:
            try:
                found = path_of(Case.model_validate({**body, "handoffs": passed[case_id]}))._asdict()
            except ValidationError:
                continue
            rows.append({name: found[name] for name in table.c.keys()})  # noqa: SIM118
        if rows:
            db.execute(table.insert(), rows)


def downgrade() -> None:
    """Drops it again."""
    op.drop_table("case_paths")
