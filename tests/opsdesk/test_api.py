"""The HTTP API, over real connections: the same cases as everywhere, for those who may, each asked for once."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from opsdesk.api.proving import Prover
from tasks.budget import NANO
from tasks.case import Ticket
from tasks.drafts import Drafts
from tasks.facts import Facts, Filters, total
from tasks.retention import Retention, Rule
from tasks.tokens import SCOPES, Tokens
from tasks.webhooks import URL, Webhooks
from tests.opsdesk.api_served import MASTER, Api, serving, until_done

QUESTION = "How do I reset my password?"


@pytest.fixture(scope="module")
def api(home_of_all: Path) -> Iterator[Api]:
    with serving(home_of_all) as running:
        yield running


def test_a_ticket_becomes_a_case_that_can_be_read_listed_and_followed(api: Api) -> None:
    client = api.client(api.token("acme"))
    made = client.post("/v1/cases", json={"text": QUESTION, "ticket_id": "T-1"})
    case = made.json()
    assert (made.status_code, case["outcome"], case["tenant"]) == (200, "accepted", "acme")
    assert case["citations"]
    assert case["cost_usd"] == 0
    id_ = case["case_id"]
    assert client.get(f"/v1/cases/{id_}").json() == case
    assert id_ in [line["case_id"] for line in client.get("/v1/cases").json()["cases"]]
    told = client.get(f"/v1/cases/{id_}/events").text
    assert told.count("event: handoff") == len(case["handoffs"])
    assert json.loads(told.rpartition("data: ")[2])["case_id"] == id_


def test_the_document_names_all_that_a_case_holds(api: Api) -> None:
    schemas = api.client("").get("/openapi.json").json()["components"]["schemas"]
    client = api.client()
    sent = client.post("/v1/cases", json={"text": QUESTION}).json()
    failed = client.post("/v1/cases", json={"text": "Do you deliver to the Moon?"}).json()
    for case in (sent, failed):
        assert set(case) == set(schemas["CaseOut"]["properties"])
    assert "first_failure" in schemas["CaseOut"]["required"]
    assert sent["first_failure"] is None
    told = failed["first_failure"]
    assert (told["step"], told["agent"], bool(told["why"])) == ("retrieve", "retriever", True)
    assert set(told) == set(schemas["FirstFailureOut"]["properties"])


def test_who_does_not_wait_is_told_where_the_case_will_be(api: Api) -> None:
    client = api.client()
    made = client.post("/v1/cases", json={"text": QUESTION, "wait": 0})
    assert made.status_code == 202
    names = [line[7:] for line in _followed(client, made.headers["location"] + "/events") if line.startswith("event: ")]
    assert names == ["handoff"] * 4 + ["case"]
    assert client.get(made.headers["location"]).json()["outcome"] == "accepted"


def _followed(client: httpx.Client, path: str) -> list[str]:
    with client.stream("GET", path) as response:
        return list(response.iter_lines())


def test_pages_of_cases_hold_each_case_once(api: Api) -> None:
    client = api.client(api.token("pages"))
    asked = {client.post("/v1/cases", json={"text": f"{QUESTION} ({n})"}).json()["case_id"] for n in range(3)}
    seen, after = [], ""
    while True:
        page = client.get("/v1/cases", params={"limit": 2, "after": after}).json()
        seen += [line["case_id"] for line in page["cases"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert len(seen) == 3
    assert set(seen) == asked


def test_the_openai_client_is_answered_as_it_is(api: Api) -> None:
    client = openai.OpenAI(base_url=f"{api.url}/v1", api_key=MASTER, max_retries=0)
    asked: Any = [{"role": "user", "content": QUESTION}]
    whole = client.chat.completions.create(model="opsdesk", messages=asked)
    behind = (whole.model_extra or {})["opsdesk"]
    assert behind["outcome"] == "accepted"
    assert behind["citations"]
    assert behind["cost_usd"] == 0
    options: Any = {"include_usage": True}
    chunks = list(client.chat.completions.create(model="opsdesk", messages=asked, stream=True, stream_options=options))
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert said == whole.choices[0].message.content
    assert chunks[-1].usage
    assert chunks[-1].usage.total_tokens > 0
    assert {model.id for model in client.models.list()} >= {"opsdesk", "opsdesk:cheapest"}
    with pytest.raises(openai.NotFoundError, match="there is no model 'gpt-4o'"):
        client.chat.completions.create(model="gpt-4o", messages=asked)
    with pytest.raises(openai.AuthenticationError, match="opsdesk token make"):
        client.with_options(api_key="wrong").models.list()


def test_fifty_repeats_at_once_are_one_case_and_other_content_is_refused(api: Api) -> None:
    client = api.client(api.token("repeats"))
    body = {"text": "What does the Pro plan cost?"}

    def ask(_: int) -> httpx.Response:
        return client.post("/v1/cases", json=body, headers={"Idempotency-Key": "k-1"})

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(ask, range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["case_id"] for answer in answers}) == 1
    assert len(client.get("/v1/cases").json()["cases"]) == 1
    other = client.post("/v1/cases", json={"text": QUESTION}, headers={"Idempotency-Key": "k-1"})
    assert other.status_code == 409
    elsewhere = api.client(api.token("others")).post("/v1/cases", json=body, headers={"Idempotency-Key": "k-1"})
    assert elsewhere.json()["case_id"] != answers[0].json()["case_id"]


def test_a_key_whose_case_was_pruned_is_told_so(api: Api) -> None:
    client = api.client(api.token("pruned"))

    def ask() -> httpx.Response:
        return client.post("/v1/cases", json={"text": QUESTION}, headers={"Idempotency-Key": "p-1"})

    assert ask().json()["outcome"] == "accepted"
    retention = Retention(api.desk.task_list.database, api.desk.now)
    client.post("/v1/cases", json={"text": QUESTION})
    list(retention.prune(retention.cutoff(Rule(cases=1)) or ""))
    again = ask()
    assert again.status_code == 409
    assert "was pruned since; send a new key" in again.json()["detail"]


def test_a_batch_is_drafted_once_and_told_of_in_order(api: Api) -> None:
    client = api.client(api.token("batches"))
    tickets = [{"text": f"{QUESTION} I am number {n}.", "ticket_id": f"T-{n}"} for n in range(3)]
    body = {"tickets": [*tickets, {"text": " "}], "budget_usd": 1}
    made = [client.post("/v1/batches", json=body, headers={"Idempotency-Key": "b"}) for _ in range(2)]
    assert [answer.status_code for answer in made] == [201, 201]
    assert made[0].json()["batch_id"] == made[1].json()["batch_id"]
    id_ = made[0].json()["batch_id"]
    until_done(api, id_)
    far = client.get(f"/v1/batches/{id_}").json()
    assert (far["drafted"], far["rejected"], far["tickets"]) == (3, 1, 4)
    first = client.get(f"/v1/batches/{id_}/drafts", params={"limit": 2}).json()
    rest = client.get(f"/v1/batches/{id_}/drafts", params={"after": first["next"]}).json()
    assert [row["ticket_id"] for row in first["drafts"] + rest["drafts"]] == ["T-0", "T-1", "T-2", ""]
    assert rest["next"] is None
    assert client.get(f"/v1/cases/{first['drafts'][0]['case_id']}").json()["tenant"] == "batches"
    assert [batch["batch_id"] for batch in client.get("/v1/batches").json()["batches"]] == [id_]


def test_batches_are_listed_a_page_at_a_time(api: Api) -> None:
    client = api.client()
    made = [client.post("/v1/batches", json={"tickets": [{"text": QUESTION}]}).json()["batch_id"] for _ in range(3)]
    listed, after = list[str](), ""
    while after is not None:
        page = client.get("/v1/batches", params={"limit": 2, "after": after}).json()
        assert len(page["batches"]) == 2 or page["next"] is None
        listed, after = [*listed, *(batch["batch_id"] for batch in page["batches"])], page["next"]
    assert listed[:3] == made[::-1]
    assert listed == [batch["batch_id"] for batch in client.get("/v1/batches").json()["batches"]]


def test_what_is_known_is_searched_and_any_answer_checked(api: Api) -> None:
    client = api.client()
    hits = client.get("/v1/search", params={"q": "reset password", "k": 3}).json()["hits"]
    assert len(hits) == 3
    told = {"answer": "It costs $5 a month.", "passages": [{"id": "p", "text": "The plan costs $6 a month."}]}
    assert client.post("/v1/check", json=told).json()["supported"] is False
    assert client.get("/v1/search", params={"q": "x", "kb": "nowhere"}).status_code == 404
    assert client.get("/v1/knowledge-bases").json()[0]["chunks"] > 0


def test_a_check_that_would_take_minutes_is_refused(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    client, prices = api.client(), ["".join(f"Pay ${n} now. " for n in range(k, k + 1_300)) for k in range(20)]
    told = {"answer": prices[0], "passages": [{"id": str(k), "text": text} for k, text in enumerate(prices)]}
    monkeypatch.setattr(api.app.state.doors, "prover", Prover(seconds=0.5))
    refused = client.post("/v1/check", json=told)
    assert refused.status_code == 422
    assert "in parts" in refused.json()["detail"]
    few = {"answer": prices[0][:50], "passages": told["passages"][:1]}
    monkeypatch.setattr(api.app.state.doors, "prover", Prover())
    assert client.post("/v1/check", json=few).json()["claims"]


@pytest.mark.parametrize(("earlier", "why"), [("x" * 20_001, "20,001 characters"), ("half \ud800", "no text")])
def test_what_was_asked_before_is_bounded_and_text_as_the_question_is(api: Api, earlier: str, why: str) -> None:
    said = [{"role": "user", "content": text} for text in ("Does Pro include API access?", earlier, QUESTION)]
    body = json.dumps({"model": "opsdesk", "messages": said})  # in ASCII: half a character can be sent so
    refused = api.client().post("/v1/chat/completions", content=body, headers={"Content-Type": "application/json"})
    assert refused.status_code == 422
    assert why in refused.json()["error"]["message"]


def test_metrics_agree_with_the_ledger(api: Api) -> None:
    text = api.client().get("/metrics").text
    facts = Facts(api.desk.task_list.database).grouped(("tenant", "outcome"), Filters(date(2000, 1, 1), date.max))
    whole = total(facts)
    assert whole.cases > 0
    assert _sum(text, "opsdesk_cases_total") == whole.cases
    assert _sum(text, "opsdesk_cost_usd_total") == pytest.approx(whole.spent_nano / NANO, abs=1e-9)
    assert _sum(text, "opsdesk_compared_all_frontier_usd_total") == pytest.approx(whole.compared_frontier_nano / NANO)


def _sum(text: str, name: str) -> float:
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name + "{"))


# --- who may do what -------------------------------------------------------------------------------------

READ = [
    "GET /v1/cases",
    "GET /v1/cases/{case}",
    "GET /v1/cases/{case}/events",
    "GET /v1/search?q=x",
    "GET /v1/batches",
    "GET /v1/batches/{batch}",
    "GET /v1/batches/{batch}/drafts",
    "GET /v1/webhooks",
    "GET /v1/knowledge-bases",
    "GET /v1/models",
    "POST /v1/check",
]
WRITE = [
    "POST /v1/cases",
    "POST /v1/cases/{case}/stop",
    "POST /v1/batches",
    "POST /v1/batches/{batch}/pause",
    "POST /v1/webhooks/{webhook}/redeliver",
    "POST /v1/chat/completions",
]
ALL = ["GET /metrics"]
OPEN = ["GET /healthz", "GET /readyz"]
OWNED = [path for path in (*READ, *WRITE) if "{" in path]

BODIES: dict[str, Any] = {
    "POST /v1/cases": {"text": QUESTION, "wait": 0},
    "POST /v1/check": {"answer": "a", "passages": []},
    "POST /v1/batches": {"tickets": [{"text": QUESTION}]},
    "POST /v1/chat/completions": {"model": "opsdesk", "messages": [{"role": "user", "content": QUESTION}]},
}


@pytest.fixture(scope="module")
def callers(api: Api) -> dict[str, httpx.Client]:
    earlier = datetime.now(UTC) - timedelta(hours=2)
    then = Tokens(api.desk.task_list.database, lambda: earlier)
    _, expired = then.make("owner", SCOPES, expires=earlier + timedelta(hours=1))
    return {
        "anonymous": api.client(""),
        "wrong": api.client("od_wrong"),
        "expired": api.client(expired),
        "other": api.client(api.token("other")),
        "reader": api.client(api.token("owner", ("read",))),
        "full": api.client(api.token("owner")),
        "master": api.client(),
    }


@pytest.fixture(scope="module")
def owned(api: Api, callers: dict[str, httpx.Client]) -> dict[str, str]:
    """What belongs to the tenant `owner`."""
    case = callers["full"].post("/v1/cases", json={"text": QUESTION}).json()["case_id"]
    batch = callers["full"].post("/v1/batches", json={"tickets": [{"text": QUESTION}]}).json()["batch_id"]
    until_done(api, batch)
    told = {"tenant": "owner", URL: "https://receiver.example/"}  # nobody sends it: no secret is set
    Drafts(api.desk.task_list.database, api.desk.now).make("b", "sample", [(Ticket(text=" "), "empty")], settings=told)
    (event,) = Webhooks(api.desk.task_list.database, api.desk.now).page(10, tenant="owner")
    return {"case": case, "batch": batch, "webhook": event.id}


def _expected(who: str, what: str) -> set[int]:
    if what in OPEN:
        return {200}
    if who in ("anonymous", "wrong", "expired"):
        return {401}
    if what in ALL:
        return {200} if who == "master" else {403}
    if who == "reader" and what in WRITE:
        return {403}
    if who == "other" and what in OWNED:
        return {404}
    return {409} if what.endswith("/stop") else {200, 201, 202}  # that case has ended


@pytest.mark.parametrize("what", [*READ, *WRITE, *ALL, *OPEN])
@pytest.mark.parametrize("who", ["anonymous", "wrong", "expired", "other", "reader", "full", "master"])
def test_each_caller_may_do_what_is_its_own(
    who: str, what: str, callers: dict[str, httpx.Client], owned: dict[str, str]
) -> None:
    method, _, path = what.partition(" ")
    body = {"json": BODIES.get(what, {})} if method == "POST" else {}
    answer = callers[who].request(method, path.format(**owned), **body)
    assert answer.status_code in _expected(who, what), answer.text


def test_a_tenant_cannot_act_for_another_and_the_master_can(api: Api) -> None:
    body = {"text": QUESTION, "tenant": "globex", "wait": 0}
    assert api.client(api.token("acme")).post("/v1/cases", json=body).status_code == 403
    assert api.client().post("/v1/cases", json=body).status_code == 202


def test_a_name_and_a_page_of_elsewhere_are_refused(api: Api) -> None:
    client = api.client()
    assert client.get("/v1/cases", headers={"Host": "evil.example"}).status_code == 400
    for origin in ("https://evil.example", "null", "http://["):
        assert client.get("/v1/cases", headers={"Origin": origin}).status_code == 403
    assert client.get("/v1/cases", headers={"Origin": api.url}).status_code == 200


def test_who_calls_too_often_is_told_when_to_come_back(home_of_all: Path) -> None:
    with serving(home_of_all, working=False, rate_limit=3) as few:
        client = few.client()
        answers = [client.get("/v1/models") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 61
        assert few.client(few.token("acme")).get("/v1/models").status_code == 200


# --- what is sent ----------------------------------------------------------------------------------------


def test_a_body_that_is_too_long_is_refused_before_it_is_read(api: Api) -> None:
    client = api.client()
    assert client.post("/v1/cases", content=b"x" * 20_000_000).status_code == 413

    def endless() -> Iterator[bytes]:
        for _ in range(100):
            yield b"x" * 1_000_000

    with suppress(httpx.WriteError, httpx.RemoteProtocolError):  # it may hang up while 100 MB are still being sent
        assert client.post("/v1/cases", content=endless()).status_code == 413
    assert client.get("/v1/models").status_code == 200


def test_half_a_request_keeps_nobody_waiting(api: Api) -> None:
    port = int(api.url.rpartition(":")[2])
    head = f"POST /v1/cases HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {MASTER}\r\nContent-Length: 900\r\n"
    open_ = []
    for sent in (head, head + "\r\n{", "POST /v1/cases HT") * 20:
        half = socket.create_connection(("127.0.0.1", port))
        half.sendall(sent.encode())
        open_.append(half)
    assert api.client().post("/v1/cases", json={"text": QUESTION}).json()["outcome"] == "accepted"
    for half in open_:
        half.close()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "text"),
        ({"text": ""}, "text"),
        ({"text": QUESTION, "wait": -1}, "wait"),
        ({"text": QUESTION, "surprise": 1}, "surprise"),
        ({"text": "\u200b"}, "text"),
        ({"text": QUESTION, "kind": "song"}, "kind"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong_and_nothing_is_asked(api: Api, body: Any, told: str) -> None:
    answer = api.client().post("/v1/cases", json=body)
    problem = answer.json()
    assert (answer.status_code, problem["status"]) == (422, 422)
    assert told in problem["detail"]
    assert answer.headers["content-type"] == "application/problem+json"
