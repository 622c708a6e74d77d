"""Cases, their tasks and their handoffs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Makes the first three tables."""
    op.create_table(
        "cases",
        sa.Column("case_id", sa.String(32), primary_key=True),
        sa.Column("ticket_id", sa.Text, nullable=False),
        sa.Column("kb", sa.Text, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False, index=True),
        sa.Column("outcome", sa.Text, index=True),
        sa.Column("body", sa.JSON, nullable=False),
    )
    op.create_table(
        "tasks",
        sa.Column("case_id", sa.String(32), sa.ForeignKey("cases.case_id"), primary_key=True),
        sa.Column("name", sa.String(16), primary_key=True),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("status", sa.String(16), nullable=False, index=True),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
    )
    op.create_table(
        "handoffs",
        sa.Column("case_id", sa.String(32), sa.ForeignKey("cases.case_id"), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("body", sa.JSON, nullable=False),
    )


def downgrade() -> None:
    """Drops them again."""
    for table in ("handoffs", "tasks", "cases"):
        op.drop_table(table)
