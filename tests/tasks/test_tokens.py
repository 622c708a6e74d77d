"""Tokens: who has one may do what it says until it ends, and nothing in the database gives one away."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from errors import UsageError
from tasks.database import Database
from tasks.repeats import KEPT, Once, OtherContent, repeats
from tasks.requests import Requests
from tasks.tokens import SCOPES, Tokens, tokens
from tests.tasks.conftest import NOW, Clock


def test_a_token_is_found_by_its_secret_alone_and_the_secret_is_kept_nowhere(database: Database, clock: Clock) -> None:
    mine = Tokens(database, clock)
    made, secret = mine.make("acme", SCOPES, name="the shop")
    assert mine.find(secret) == made
    assert (made.tenant, made.scopes) == ("acme", ("read", "write"))
    assert [mine.find(wrong) for wrong in ("", "od_", secret[:-1], secret + "x", made.id, "\ud800")] == [None] * 6
    with database.reading() as db:
        assert secret[3:] not in str(db.execute(sa.select(tokens)).all())


def test_a_token_ends_when_its_time_is_over_or_somebody_says_so(database: Database, clock: Clock) -> None:
    mine = Tokens(database, clock)
    _, hour = mine.make("acme", SCOPES[:1], expires=NOW + timedelta(hours=1))
    lasting, secret = mine.make("acme", SCOPES[:1])
    clock.at += timedelta(minutes=59)
    assert mine.find(hour)
    clock.at += timedelta(minutes=1)
    assert mine.find(hour) is None
    assert mine.find(secret)
    mine.revoke(lasting.id)
    assert mine.find(secret) is None
    assert len(mine.all()) == 2


def test_what_makes_no_sense_is_refused(database: Database, clock: Clock) -> None:
    mine = Tokens(database, clock)
    for wrong in ({"tenant": " "}, {"tenant": "acme", "expires": NOW}):
        with pytest.raises(UsageError):
            mine.make(scopes=SCOPES, **wrong)
    with pytest.raises(UsageError, match="opsdesk token list"):
        mine.revoke("t-1")


def test_a_key_is_one_request_for_a_day_whoever_is_first(database: Database, clock: Clock) -> None:
    mine = Requests(database, clock)
    made: list[str] = []

    def leave() -> None:
        made.append(mine.leave("ask", {}, once=Once("acme", "k", {"text": "a"}, clock)))

    threads = [threading.Thread(target=leave) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    assert len(set(made)) == 1
    assert mine.open() == 1
    with pytest.raises(OtherContent):
        mine.leave("ask", {}, once=Once("acme", "k", {"text": "b"}, clock))
    assert mine.leave("ask", {}, once=Once("globex", "k", {"text": "b"}, clock)) not in made
    clock.at += KEPT + timedelta(seconds=1)
    assert mine.leave("ask", {}, once=Once("acme", "k", {"text": "b"}, clock)) not in made
    with database.reading() as db:
        assert len(db.execute(sa.select(repeats)).all()) == 1
