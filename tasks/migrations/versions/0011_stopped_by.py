"""What stopped a batch that no person stopped: a limit, or settings that have to be mended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Until now only money did."""
    op.add_column("batches", sa.Column("stopped_by", sa.String(16), nullable=False, server_default=""))
    op.execute("UPDATE batches SET stopped_by = 'budget' WHERE state = 'paused' AND note <> ''")
