"""The tickets of a batch that ask what another one asks, found without reading all that wait."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Adds an index that holds these rows alone."""
    alike = sa.text("same_as > 0")
    columns = ["batch_id", "same_as"]
    op.create_index("ix_drafts_alike", "drafts", columns, sqlite_where=alike, postgresql_where=alike)
