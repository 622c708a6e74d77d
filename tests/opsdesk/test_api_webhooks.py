"""Webhooks of the HTTP API: who asks for one is told, by the worker, and sees only what is its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.browser.served import until
from tests.loopback import Loopback, whole
from tests.opsdesk.api_served import Api, serving
from tests.opsdesk.test_webhooks import SECRET, verified

QUESTION = "How do I reset my password?"


@pytest.fixture(scope="module")
def owners() -> Iterator[Loopback]:
    """Who is told of whatever names nobody else."""
    with Loopback(whole(b"")) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def api(home_of_all: Path, owners: Loopback) -> Iterator[Api]:
    settings: dict[str, Any] = {"webhook_secret": SECRET, "webhook_private": True, "webhook_url": owners.url}
    with serving(home_of_all, **settings) as running:
        yield running


def arrived(client: httpx.Client) -> list[dict[str, Any]]:
    """The events of the caller, once they have all arrived."""
    found: list[dict[str, Any]] = []

    def all_have() -> bool:
        found[:] = client.get("/v1/webhooks").json()["webhooks"]
        return bool(found) and all(event["status"] == "delivered" for event in found)

    until(all_have, "it did not arrive", 60, 0.1)
    return found


def test_who_asks_is_told_of_the_case_with_its_answer_and_nobody_else_sees_it(api: Api) -> None:
    client, other = api.client(api.token("acme")), api.client(api.token("other"))
    with Loopback(whole(b"")) as receiver:
        body = {"text": QUESTION, "ticket_id": "T-1", "webhook_url": f"{receiver.url}/cases"}
        case = client.post("/v1/cases", json=body).json()
        (event,) = arrived(client)
        (got,) = receiver.requests
        told = verified(got)
        names = ("case_id", "tenant", "outcome", "answer", "citations", "cost_usd", "cost_all_frontier_usd")
        assert {name: told["data"][name] for name in names} == {name: case[name] for name in names}
        assert (told["type"], told["data"]["ticket_id"], case["outcome"]) == ("case.completed", "T-1", "accepted")
        assert (event["webhook_id"], event["case_id"]) == (told["id"], case["case_id"])
        assert (event["attempts"], event["next_at"], event["last_error"]) == (1, None, "")
        assert other.get("/v1/webhooks").json() == {"webhooks": [], "next": None}
        path = f"/v1/webhooks/{event['webhook_id']}/redeliver"
        assert other.post(path).status_code == 404
        assert client.post(path).json()["status"] == "pending"
        until(lambda: len(receiver.requests) == 2, "it was not sent again")
        assert verified(receiver.requests[1]) == told
    assert receiver.url not in client.get("/v1/webhooks").text


def test_a_batch_is_told_of_at_its_end_to_the_owners_url(api: Api, owners: Loopback) -> None:
    client = api.client(api.token("batches"))
    tickets = [{"text": f"{QUESTION} I am number {n}."} for n in range(2)]
    batch = client.post("/v1/batches", json={"tickets": [*tickets, {"text": " "}]}).json()["batch_id"]
    (event,) = arrived(client)
    assert (event["event"], event["batch_id"]) == ("batch.completed", batch)
    (told,) = [data for got in owners.requests if (data := verified(got)["data"]).get("batch_id") == batch]
    shown = client.get(f"/v1/batches/{batch}").json()
    names = ("tickets", "drafted", "needs_human", "abstained", "rejected", "failed", "not_started", "cost_usd")
    assert {name: told[name] for name in names} == {name: shown[name] for name in names}
    assert (told["outcome"], told["rejected"], told["tenant"]) == ("done", 1, "batches")


def test_pages_of_webhooks_hold_each_once(api: Api) -> None:
    client = api.client(api.token("pages"))
    for _ in range(3):
        client.post("/v1/batches", json={"tickets": [{"text": " "}]})
    seen, after = [], ""
    while after is not None:
        page = client.get("/v1/webhooks", params={"limit": 2, "after": after}).json()
        seen += [event["webhook_id"] for event in page["webhooks"]]
        after = page["next"]
    assert len(seen) == len(set(seen)) == 3


@pytest.mark.parametrize("path", ["/v1/cases", "/v1/batches"])
def test_a_webhook_that_could_not_be_signed_or_may_not_be_sent_is_refused(home_of_all: Path, path: str) -> None:
    body = {"text": QUESTION} if path == "/v1/cases" else {"tickets": [{"text": QUESTION}]}
    with serving(home_of_all, working=False) as api:
        answer = api.client().post(path, json=body | {"webhook_url": "https://8.8.8.8/"})
        assert (answer.status_code, "OPSDESK_WEBHOOK_SECRET is not set" in answer.json()["detail"]) == (409, True)
    with serving(home_of_all, working=False, webhook_secret=SECRET) as api:
        answer = api.client().post(path, json=body | {"webhook_url": "https://127.0.0.1:8600/"})
        assert (answer.status_code, "OPSDESK_WEBHOOK_PRIVATE" in answer.json()["detail"]) == (422, True)
        assert SECRET not in answer.text
