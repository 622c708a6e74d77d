"""Cases that end without an answer, over HTTP and MCP: who asks for them is told so, and stopping says what it did."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from opsdesk.desk import Desk
from opsdesk.mcp_server import http_app
from tasks.case import Case, Ticket
from tasks.requests import Request, Requests
from tests.opsdesk.api_served import Api, running, serving
from tests.opsdesk.test_mcp_server import call

QUESTION = "How do I reset my password?"


@pytest.fixture(scope="module")
def api(home_of_all: Path) -> Iterator[Api]:
    """A server without a worker: what becomes of a request is what a test makes of it."""
    with serving(home_of_all, working=False) as api:
        yield api


@pytest.fixture(scope="module")
def mcp(api: Api) -> Iterator[str]:
    with running(http_app(Desk(api.desk.settings), ["127.0.0.1"]), None) as site:
        yield f"{site}/mcp"


@pytest.fixture
def requests(api: Api) -> Requests:
    return Requests(api.desk.task_list.database, api.desk.now)


@pytest.fixture
def asked(api: Api, requests: Requests) -> Request:
    """A ticket that waits."""
    made = api.client().post("/v1/cases", json={"text": QUESTION, "wait": 0})
    assert (made.status_code, made.json()["status"]) == (202, "waiting")
    (found,) = [request for request in requests.latest(["ask"]) if request.is_open]
    assert made.json()["case_id"] == found.case_id
    return found


def begun(api: Api, case_id: str) -> Case:
    made = Case(case_id=case_id, ticket=Ticket(text=QUESTION), kb="sample", created_at=datetime.now(UTC))
    api.desk.task_list.open_case(made)
    return made


def stop(api: Api, case_id: str) -> httpx.Response:
    return api.client().post(f"/v1/cases/{case_id}/stop")


def test_a_ticket_that_is_stopped_while_it_waits_is_stopped_wherever_one_looks(
    api: Api, mcp: str, asked: Request
) -> None:
    for _ in range(2):
        answer = stop(api, asked.case_id)
        assert (answer.status_code, answer.json()["status"]) == (200, "stopped")
    read = api.client().get(f"/v1/cases/{asked.case_id}")
    assert (read.status_code, read.json()["detail"]) == (409, "it was stopped before it came to an end; ask again")
    assert "it was stopped" in call(mcp, "get_case", {"case_id": asked.case_id}).content[0].text


def test_a_ticket_that_could_not_be_worked_says_why_wherever_one_looks(
    api: Api, mcp: str, asked: Request, requests: Requests
) -> None:
    assert requests.claim("w", ["ask"])
    requests.end(asked.id, "w", "failed", error="the index is damaged; index it anew")
    read = api.client().get(f"/v1/cases/{asked.case_id}")
    assert (read.status_code, read.json()["detail"]) == (500, "the index is damaged; index it anew")
    assert "the index is damaged" in call(mcp, "get_case", {"case_id": asked.case_id}).content[0].text
    assert "the index is damaged" in api.client().get(f"/v1/cases/{asked.case_id}/events").text
    assert stop(api, asked.case_id).status_code == 409


def test_a_case_at_work_is_asked_to_stop_and_one_that_has_ended_is_not(
    api: Api, mcp: str, asked: Request, requests: Requests
) -> None:
    assert requests.claim("w", ["ask"])
    case = begun(api, asked.case_id)
    answer = stop(api, asked.case_id)
    assert (answer.status_code, answer.json()["status"]) == (200, "working")
    assert requests.shall_stop([asked.id]) == {asked.id}
    assert api.client().get(f"/v1/cases/{asked.case_id}").status_code == 202
    assert call(mcp, "get_case", {"case_id": asked.case_id}).structuredContent["case"]["outcome"] is None
    case.outcome = "abstained"
    api.desk.task_list.close(case)
    requests.end(asked.id, "w", "done")
    refused = stop(api, asked.case_id)
    assert (refused.status_code, refused.json()["detail"]) == (
        409,
        f"it has ended already; see /v1/cases/{asked.case_id}",
    )
    assert api.client().get(f"/v1/cases/{asked.case_id}").json()["outcome"] == "abstained"


def test_a_case_of_a_batch_is_not_said_to_be_stopped(api: Api) -> None:
    begun(api, "c-of-a-batch")
    refused = stop(api, "c-of-a-batch")
    assert refused.status_code == 409
    assert "cancel the batch" in refused.json()["detail"]
