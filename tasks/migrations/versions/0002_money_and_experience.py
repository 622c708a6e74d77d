"""What may be spent and was, what people said of drafts, and what the router learned."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Cases get a tenant and a batch; four tables are new. Amounts are nano-dollars."""
    op.add_column("cases", sa.Column("tenant", sa.Text, nullable=False, server_default=""))
    op.create_index("ix_cases_tenant", "cases", ["tenant"])
    op.add_column("cases", sa.Column("batch_id", sa.Text, nullable=False, server_default=""))
    op.create_index("ix_cases_batch_id", "cases", ["batch_id"])
    op.create_table(
        "spending",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("spent", sa.BigInteger, nullable=False),
        sa.Column("reserved", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "reservations",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("nano", sa.BigInteger, nullable=False),
        sa.Column("settled", sa.BigInteger, index=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("case_id", sa.String(32), nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("made_at", sa.Text, nullable=False),
    )
    op.create_table(
        "feedback",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("case_id", sa.String(32), sa.ForeignKey("cases.case_id"), nullable=False, index=True),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
    )
    op.create_table(
        "router_tables",
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("made_at", sa.Text, nullable=False),
        sa.Column("in_force", sa.Boolean, nullable=False),
        sa.Column("replaced", sa.Integer, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
    )


def downgrade() -> None:
    """Drops them again."""
    for table in ("router_tables", "feedback", "reservations", "spending"):
        op.drop_table(table)
    op.drop_index("ix_cases_batch_id", "cases")
    op.drop_column("cases", "batch_id")
    op.drop_index("ix_cases_tenant", "cases")
    op.drop_column("cases", "tenant")
