"""The same thing asked twice is done once: idempotency keys, as in draft-ietf-httpapi-idempotency-key-header."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from errors import UsageError
from tasks.database import inserting, metadata

repeats = sa.Table(
    "repeats",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("made", sa.String(32), nullable=False),
    sa.Column("made_at", sa.Text, nullable=False, index=True),
)

KEPT = timedelta(hours=24)
"""So long a key is known; after that it is a new one."""

MAX_KEY = 255
"""Characters of a key."""


class OtherContent(UsageError):
    """A key that was used before came with something else."""


class Forgotten(UsageError):
    """What was made under a key has been pruned since."""


class Once:
    """One key with what is asked under it."""

    def __init__(self, tenant: str, key: str, asked: Any, now: Callable[[], datetime]) -> None:
        self.tenant, self.key, self._now = tenant, key, now
        self.digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()

    def first(self, db: sa.Connection, id_: str, made_in: sa.Table) -> str:
        """The id of what was made under the key, a row of `made_in`: `id_` the first time, else the one of then.

        Part of the transaction that makes it. Raises `OtherContent` and `Forgotten`.
        """
        at = self._now()
        db.execute(repeats.delete().where(repeats.c.made_at < (at - KEPT).isoformat()))
        row = {"tenant": self.tenant, "key": self.key, "digest": self.digest, "made": id_, "made_at": at.isoformat()}
        db.execute(inserting(db.dialect.name, repeats).values(row).on_conflict_do_nothing())
        this = (repeats.c.tenant == self.tenant, repeats.c.key == self.key)
        found = db.execute(sa.select(repeats.c.digest, repeats.c.made).where(*this)).one()
        if found.digest != self.digest:
            raise OtherContent(
                "this idempotency key was used for another request within the last day; send a new key with new content"
            )
        is_there = sa.select(made_in.c.id).where(made_in.c.id == found.made)
        if found.made != id_ and db.execute(is_there).scalar() is None:
            raise Forgotten(
                "what was asked under this idempotency key was done, and was pruned since; send a new key to have it "
                "done again"
            )
        return str(found.made)
