"""Tokens for the doors that programs use: who may do what, for which tenant, until when.

Only a token's digest is kept. It is 256 random bits, so a plain SHA-256 of it gives nothing to guess from.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Literal, NamedTuple

import sqlalchemy as sa

from errors import UsageError
from tasks.database import Database, metadata

tokens = sa.Table(
    "tokens",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("scopes", sa.JSON, nullable=False),
    sa.Column("made_at", sa.Text, nullable=False),
    sa.Column("expires_at", sa.Text, nullable=False),
    sa.Column("revoked_at", sa.Text, nullable=False),
)

ScopeName = Literal["read", "write"]
SCOPES: tuple[ScopeName, ...] = ("read", "write")
"""`read` sees what is there and searches; `write` has the crew work, and so may spend."""

PREFIX = "od_"
"""Tells a token of ours from others where one is found."""


class Token(NamedTuple):
    """A token without its secret; times are ISO 8601, "" for never. `tenant` is whose cases it makes and sees."""

    id: str
    name: str
    tenant: str
    scopes: tuple[ScopeName, ...]
    made_at: str
    expires_at: str
    revoked_at: str


class Tokens:
    """The tokens in a database. Safe to share between threads."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database, self._now = database, now

    def make(
        self, tenant: str, scopes: Collection[ScopeName], *, name: str = "", expires: datetime | None = None
    ) -> tuple[Token, str]:
        """Makes a token and returns it with its secret, which is told this once.

        Raises `UsageError` for a tenant without a name, and for a time that is past.
        """
        if not tenant.strip():
            raise UsageError("a token belongs to a tenant; name one, for example --tenant acme")
        if expires and expires <= self._now():
            raise UsageError("the token would have expired already; choose a later time")
        secret = PREFIX + secrets.token_urlsafe(32)
        made = Token(
            f"t-{secrets.token_hex(4)}",
            name,
            tenant.strip(),
            tuple(scope for scope in SCOPES if scope in scopes),
            self._now().isoformat(),
            expires.isoformat() if expires else "",
            "",
        )
        with self._database.writing() as db:
            db.execute(
                tokens.insert().values({**made._asdict(), "scopes": list(made.scopes), "digest": _digest(secret)})
            )
        return made, secret

    def find(self, secret: str) -> Token | None:
        """The token of that secret, if it is in force."""
        with self._database.reading() as db:
            row = db.execute(_SHOWN.where(tokens.c.digest == _digest(secret))).one_or_none()
        if row is None or row.revoked_at:
            return None
        expired = row.expires_at and datetime.fromisoformat(row.expires_at) <= self._now()
        return None if expired else _token(row)

    def all(self) -> list[Token]:
        """All tokens, the newest first, those that are not in force too."""
        with self._database.reading() as db:
            return [_token(row) for row in db.execute(_SHOWN.order_by(tokens.c.made_at.desc()))]

    def revoke(self, id_: str) -> None:
        """Ends a token at once. Raises `UsageError` when there is none of that id."""
        this = tokens.update().where(tokens.c.id == id_).values(revoked_at=self._now().isoformat())
        with self._database.writing() as db:
            if not db.execute(this).rowcount:
                raise UsageError(f'there is no token "{id_}"; list them with: opsdesk token list')


_SHOWN = sa.select(*(tokens.c[name] for name in Token._fields))


def _token(row: sa.Row[tuple[object, ...]]) -> Token:
    return Token._make(row)._replace(scopes=tuple(row.scopes))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
