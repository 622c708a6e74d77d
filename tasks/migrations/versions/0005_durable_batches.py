"""Paid calls that are kept, the pace of an endpoint, and what a batch's tickets need to be worked anywhere."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Adds the columns and the table of paces. Times are seconds since 1970, or ISO 8601 where they are text."""
    for kept in (
        sa.Column("call_key", sa.String(64), nullable=False, server_default=""),
        sa.Column("line", sa.Text, nullable=False, server_default=""),
        sa.Column("lost", sa.Boolean, nullable=False, server_default=sa.false()),
    ):
        op.add_column("reservations", kept)
    op.add_column("reservations", sa.Column("usage", sa.JSON(none_as_null=True)))
    op.add_column("reservations", sa.Column("reply", sa.Text))
    op.create_index("ix_reservations_call", "reservations", ["case_id", "call_key"])
    op.create_table(
        "paces",
        sa.Column("line", sa.Text, primary_key=True),
        sa.Column("allowed", sa.Float, nullable=False),
        sa.Column("rests_until", sa.Float, nullable=False),
        sa.Column("changed_at", sa.Float, nullable=False),
    )
    op.add_column("batches", sa.Column("digest", sa.String(64), nullable=False, server_default=""))
    op.create_index("ix_batches_digest", "batches", ["digest"])
    for column, least in (("priority", "2"), ("same_as", "0"), ("run", "0")):
        op.add_column("drafts", sa.Column(column, sa.Integer, nullable=False, server_default=least))
    for column, usual in (("due", "9999"), ("not_before", "")):
        op.add_column("drafts", sa.Column(column, sa.Text, nullable=False, server_default=usual))
    op.drop_index("ix_drafts_waiting", "drafts")
    op.create_index("ix_drafts_waiting", "drafts", ["status", "batch_id", "priority", "due", "seq"])
