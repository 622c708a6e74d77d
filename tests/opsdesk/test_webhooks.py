"""Webhooks, sent to real receivers: signed, tried again, never twice at once, never to where they may not go."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

import wire
from errors import UsageError
from opsdesk.settings import Settings, read_settings
from opsdesk.tiers import secrets_of
from opsdesk.webhooks import Post, reachable, signed, target
from tasks.case import Ticket
from tasks.database import Database
from tasks.drafts import Drafts
from tasks.requests import MAX_ATTEMPTS, Requests
from tasks.webhooks import HELD, URL, WAITS, Line, Webhooks
from tests.loopback import Loopback, Received, Reply, closed_port, drips, hangs, raw, resets, whole

ROOT = Path(__file__).resolve().parents[2]
KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
OK = whole(b"")


class Clock:
    """A clock that stands until it is set on."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 26, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Office:
    """A database in which a batch ends, and somebody who sends what is left there then."""

    def __init__(self, url: str) -> None:
        self.url, self.clock = url, Clock()
        self.database = Database(self.url)
        self.webhooks = Webhooks(self.database, self.clock)

    def post(self, **more: Any) -> Post:
        """Another sender, with connections of its own."""
        options = {"private": True, "seconds": 0.7, **more}
        return Post(Webhooks(Database(self.url), self.clock), SecretStr(SECRET), self.clock, **options)

    def end(self, url: str, tenant: str = "acme") -> str:
        """Ends a batch, and returns its id: nobody can work its only ticket."""
        rows = [(Ticket(text=" "), "the ticket is empty")]
        return Drafts(self.database, self.clock).make("b", "kb", rows, settings={"tenant": tenant, URL: url})

    def line(self) -> Line:
        (line,) = self.webhooks.page(10)
        return line


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(f"sqlite:///{tmp_path / 'opsdesk.sqlite'}")


@pytest.fixture
def either(database_url: str) -> Iterator[Office]:
    """One on each kind of database."""
    found = Office(database_url)
    yield found
    found.database.dispose()


def verified(got: Received) -> Any:
    """What came, once its signature is found right by the words of the specification."""
    id_, stamp, signatures = (got.headers[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
    content = b".".join((id_.encode(), stamp.encode(), got.body))
    expected = base64.b64encode(hmac.digest(KEY, content, hashlib.sha256)).decode()
    assert expected in [given[3:] for given in signatures.split(" ") if given.startswith("v1,")]
    assert got.json["id"] == id_
    return got.json


def test_a_signature_is_the_one_that_the_reference_libraries_make() -> None:
    at = datetime.fromtimestamp(1614265330, UTC)
    secret = SecretStr("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = signed(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, '{"test": 2432232314}')
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert made["webhook-timestamp"] == "1614265330"


def test_the_reference_library_takes_what_is_sent(office: Office) -> None:
    library = pytest.importorskip("standardwebhooks", reason="standardwebhooks is not installed")
    office.clock.now = datetime.now(UTC)  # it refuses what is older than five minutes
    with Loopback(OK) as receiver:
        office.end(receiver.url)
        assert office.post().one()
        (got,) = receiver.requests
    assert library.Webhook(SECRET).verify(got.body, got.headers)["type"] == "batch.completed"


def test_the_end_of_a_batch_arrives_signed_and_once(office: Office) -> None:
    with Loopback(OK) as receiver:
        batch = office.end(f"{receiver.url}/hook?token=1")
        post = office.post()
        assert post.one()
        assert not post.one()
        (got,) = receiver.requests
    event = verified(got)
    assert got.path == "/hook?token=1"
    assert got.headers["content-type"] == "application/json"
    assert (event["type"], event["timestamp"]) == ("batch.completed", office.clock.now.isoformat())
    counts = {"tickets": 1, "rejected": 1, "drafted": 0, "not_started": 0, "cost_usd": 0}
    assert event["data"].items() >= {"tenant": "acme", "batch_id": batch, "outcome": "done", **counts}.items()
    line = office.line()
    assert (line.status, line.attempts, line.next_at, line.last_error) == ("delivered", 1, "", "")


def test_a_receiver_that_comes_back_is_given_the_same_event(office: Office) -> None:
    with Loopback(resets(), whole(b"", "500 Internal Server Error"), OK) as receiver:
        office.end(receiver.url)
        post = office.post()
        for wait, told in zip(WAITS[:2], ("broke the connection", "answered 500"), strict=True):
            assert post.one()
            assert told in office.line().last_error
            office.clock.now += wait - timedelta(seconds=1)
            assert not post.one()
            office.clock.now += timedelta(seconds=1)
        assert post.one()
        events = [verified(got) for got in receiver.requests]
        stamps = {got.headers["webhook-timestamp"] for got in receiver.requests}
    assert len(events) == len(stamps) == 3
    assert events[0] == events[1] == events[2]
    assert (office.line().status, office.line().attempts) == ("delivered", 3)


def test_one_that_never_comes_back_is_given_up_and_sent_again_when_asked_to(office: Office) -> None:
    office.end(f"http://127.0.0.1:{closed_port()}")
    post = office.post()
    for wait in (*WAITS, timedelta(days=365)):
        assert post.one()
        office.clock.now += wait
    line = office.line()
    assert (line.status, line.attempts, line.last_error) == ("given_up", len(WAITS) + 1, "cannot be reached")
    assert not post.one()
    office.webhooks.again(line.id)
    assert post.one()
    assert (office.line().status, office.line().attempts) == ("pending", 1)


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        pytest.param(hangs(), "did not answer", id="silence"),
        pytest.param(drips(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 1000), "did not answer", id="byte by byte"),
        pytest.param(raw(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 900_000), "", id="huge headers"),
        pytest.param(raw(b"no HTTP at all\r\n\r\n"), "broke the connection", id="no HTTP"),
    ],
)
def test_a_reply_that_is_none_is_bounded_and_tried_again(office: Office, reply: Reply, told: str) -> None:
    with Loopback(reply) as receiver:
        office.end(receiver.url)
        assert office.post().one()
    assert office.line().status == "pending"
    assert office.line().last_error
    assert told in office.line().last_error


def test_a_body_of_any_length_is_not_read(office: Office) -> None:
    endless = raw(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 900000000\r\n\r\n" + b"x" * 5_000_000)
    with Loopback(endless) as receiver:
        office.end(receiver.url)
        assert office.post().one()
    assert office.line().status == "delivered"


def test_a_redirect_is_not_followed(office: Office) -> None:
    with Loopback(OK) as other, Loopback(whole(b"", "307 Temporary Redirect", f"Location: {other.url}")) as receiver:
        office.end(receiver.url)
        assert office.post().one()
        assert other.connections == 0
    assert office.line().last_error == "answered 307, and redirects are not followed"


def test_a_receiver_that_wants_no_more_is_left_alone(office: Office) -> None:
    with Loopback(whole(b"", "410 Gone")) as receiver:
        office.end(receiver.url)
        assert office.post().one()
    assert (office.line().status, office.line().attempts) == ("given_up", 1)


def test_a_sender_that_is_killed_while_it_has_an_event_does_not_take_it_along(either: Office) -> None:
    with Loopback(OK) as receiver:
        either.end(receiver.url)
        program = (
            "import os, signal, sys; from datetime import datetime; from tasks.database import Database\n"
            "from tasks.webhooks import Webhooks\n"
            f"now = datetime.fromisoformat({either.clock.now.isoformat()!r})\n"
            f"assert Webhooks(Database({either.url!r}), lambda: now).claim()\n"
            "os.kill(os.getpid(), signal.SIGKILL)"
        )
        assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == -9
        post = either.post()
        assert not post.one()
        either.clock.now += HELD
        assert post.one()
        assert len(receiver.requests) == 1
    assert (either.line().status, either.line().attempts) == ("delivered", 2)


def test_a_late_word_of_one_who_was_taken_for_dead_changes_nothing(either: Office) -> None:
    either.end("http://127.0.0.1:9")
    late = either.webhooks.claim()
    either.clock.now += HELD
    now = either.webhooks.claim()
    assert late
    assert now
    either.webhooks.delivered(now)
    either.webhooks.failed(late, "too late", for_good=True)
    assert (either.line().status, either.line().last_error) == ("delivered", "")


def test_many_senders_send_each_event_once(either: Office) -> None:
    with Loopback(OK) as receiver:
        batches = {either.end(f"{receiver.url}/{n % 7}") for n in range(40)}
        posts = [either.post(), either.post()]

        def all_of(post: Post) -> int:
            return sum(iter(lambda: int(post.one()), 0))

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(all_of, posts * 4)) == 40
        assert sorted(verified(got)["data"]["batch_id"] for got in receiver.requests) == sorted(batches)


def test_one_url_that_does_not_answer_holds_up_no_other(office: Office) -> None:
    silent, due = "http://127.0.0.1:1/silent", "http://127.0.0.1:2/due"
    for url in (silent, silent, due):
        office.end(url)
        office.clock.now += timedelta(seconds=1)
    first = office.webhooks.claim()
    assert first
    assert first.url == silent
    second = office.webhooks.claim({silent})
    assert second
    assert second.url == due
    assert office.webhooks.claim({silent}) is None


# --- what ends, and is told of ---------------------------------------------------------------------------


def _stopped(requests: Requests, id_: str) -> None:
    requests.ask_to_stop(id_)


def _outlived(requests: Requests, _: str) -> None:
    for _attempt in range(MAX_ATTEMPTS):
        requests.claim("dead", ["ask"])
        requests.release([])


@pytest.mark.parametrize(("end", "told"), [(_stopped, "it was stopped"), (_outlived, "given up")])
def test_a_case_that_never_came_to_anything_is_told_of_too(
    office: Office, end: Callable[[Requests, str], None], told: str
) -> None:
    requests = Requests(office.database, office.clock)
    ticket = Ticket(text="x", ticket_id="T-1").model_dump(mode="json")
    with Loopback(OK) as receiver:
        end(requests, requests.leave("ask", {"ticket": ticket, "tenant": "acme", URL: receiver.url}))
        assert office.post().one()
        data = verified(receiver.requests[0])["data"]
    assert (data["outcome"], data["ticket_id"], data["answer"]) == ("failed", "T-1", "")
    assert told in data["outcome_reason"]
    assert office.line().tenant == "acme"


def test_a_cancelled_batch_is_told_of_once(office: Office) -> None:
    drafts = Drafts(office.database, office.clock)
    id_ = drafts.make("b", "kb", [(Ticket(text="x"), "")], settings={URL: "http://127.0.0.1:9"})
    assert office.webhooks.page(10) == []
    for _ in range(2):
        drafts.set_state(id_, "cancelled")
    claimed = office.webhooks.claim()
    assert claimed
    assert json.loads(claimed.body)["data"].items() >= {"outcome": "cancelled", "not_started": 1}.items()
    assert len(office.webhooks.page(10)) == 1


def test_nobody_is_told_who_did_not_ask(office: Office) -> None:
    office.end("")
    assert office.webhooks.page(10) == []


# --- where it may go -------------------------------------------------------------------------------------


def settings(**more: Any) -> Settings:
    return Settings.model_validate({"webhook_secret": SECRET, **more})


@pytest.mark.parametrize(
    ("url", "more", "told"),
    [
        ("https://127.0.0.1/x", {}, "private"),
        ("https://localhost/x", {}, "private"),
        ("https://169.254.169.254/latest", {}, "private"),
        ("https://[::ffff:10.0.0.1]/", {}, "private"),
        ("http://127.0.0.1/x", {}, "https"),
        ("http://8.8.8.8/x", {"webhook_private": True}, "public without https"),
        ("https://me:pass@8.8.8.8/x", {}, "credentials"),
        ("https://", {}, "no URL"),
        ("ftp://8.8.8.8/", {}, "no URL"),
        ("https://[8.8.8.8/", {}, "no URL"),
        ("https://8.8.8.8/x", {"webhook_secret": None}, "WEBHOOK_SECRET"),
    ],
)
def test_a_url_that_nothing_may_be_sent_to_is_refused_when_it_is_named(
    home: Path, url: str, more: dict[str, Any], told: str
) -> None:
    with pytest.raises(UsageError, match=told) as refused:
        target(settings(**more), url)
    assert "pass" not in str(refused.value)


def test_the_urls_that_may_be_sent_to(home: Path) -> None:
    assert target(settings(), "https://8.8.8.8/x?y=1") == "https://8.8.8.8/x?y=1"
    assert target(settings(webhook_private=True), "http://127.0.0.1:1/x") == "http://127.0.0.1:1/x"
    assert target(settings(webhook_url="https://a.example/x")) == "https://a.example/x"
    assert target(settings(webhook_url="https://a.example/x"), "https://8.8.8.8/x") == "https://8.8.8.8/x"
    assert target(settings()) == ""


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_an_address_is_looked_at_when_it_is_connected_to(office: Office, host: str) -> None:
    """A name may mean another address by then than when it was taken."""
    with Loopback(OK) as receiver:
        office.end(f"https://{host}:{receiver.port}/")
        assert office.post(private=False).one()
        assert receiver.connections == 0
    assert "private" in office.line().last_error


PRIVATE = [
    *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "100.64.0.0/10"),
    *("0.0.0.0/8", "224.0.0.0/4", "::1/128", "fc00::/7", "fe80::/10", "ff00::/8", "::ffff:10.0.0.0/104"),
    *("64:ff9b::a00:0/104", "2002:a00::/24", "fec0::/10", "64:ff9b:1::/48", "::ffff:0:0:0/96", "::a00:0/104"),
]


@given(st.sampled_from(PRIVATE), st.integers(min_value=0))
def test_no_address_that_is_not_the_internets_is_reachable(network: str, n: int) -> None:
    found = ipaddress.ip_network(network)
    address = str(found[n % found.num_addresses])
    assert not wire.is_public(address)
    assert not reachable("https", private=False)(address)
    assert reachable("http", private=True)(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_an_address_of_the_internet_is_reachable(address: str) -> None:
    assert wire.is_public(address)


@pytest.mark.parametrize("secret", ["hunter2-hunter2-hunter2", "whsec_!!", "whsec_c2hvcnQ="])
def test_a_secret_that_is_none_is_refused_without_being_told(
    home: Path, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setenv("OPSDESK_WEBHOOK_SECRET", secret)
    with pytest.raises(UsageError, match=r"OPSDESK_WEBHOOK_SECRET: is no secret; make one with") as refused:
        read_settings()
    assert secret not in str(refused.value)


def test_the_secret_is_hidden_wherever_others_are(home: Path) -> None:
    assert {SECRET, SECRET.removeprefix("whsec_")} <= set(secrets_of(settings()))
    assert SECRET not in repr(settings())
