"""Each fault of the simulated model looks on the wire as its name says, whole and streamed, and is booked so."""

from __future__ import annotations

import gzip
import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import openai
import pytest

from tests.simulator import Model, Simulator, closed_port
from tests.simulator.faults import BODY_FAULTS, CONTENT_FAULTS, ECHOES, FAULTS, GREEDY, STATUS, UNBILLED, WIRE_FAULTS

KEY = "key-canary-0123456789"
SMALL = "small-1"
HONEST = '{"ok": true}'
PING = [{"role": "user", "content": "ping"}]
READ, WRITTEN = 1, 3
"""Tokens of the question and of the honest answer."""
Wire = Callable[..., socket.socket]

both = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator({SMALL: Model(price=(1, 1, 1), key=KEY)}) as running:
        yield running


def asked(*, stream: bool, **more: Any) -> dict[str, Any]:
    options = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    return {"model": SMALL, "messages": PING, **options, **more}


def post(sim: Simulator, *, stream: bool, **more: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {KEY}"}
    url = f"{sim.base_url}/chat/completions"
    return httpx.post(url, json=asked(stream=stream, **more), headers=headers, timeout=30)


def events(response: httpx.Response) -> list[dict[str, Any]]:
    assert response.headers["content-type"] == "text/event-stream"
    lines = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def reply(response: httpx.Response, *, stream: bool) -> tuple[Any, Any, str | None]:
    """The content (None where there is no choice or it is null), the usage and why it ended."""
    if not stream:
        body: dict[str, Any] = response.json()
        choice: dict[str, Any] = (
            body["choices"][0] if body["choices"] else {"message": {"content": None}, "finish_reason": None}
        )
        return choice["message"]["content"], body.get("usage"), choice["finish_reason"]
    told = events(response)
    choices = [event["choices"][0] for event in told if event.get("choices")]
    pieces = [c["delta"]["content"] for c in choices if c["delta"].get("content") is not None]
    finish = next((c["finish_reason"] for c in choices if c["finish_reason"]), None)
    usage = next((event["usage"] for event in told if event.get("usage") is not None), None)
    return "".join(pieces) if pieces else None, usage, finish


@pytest.fixture
def wire(sim: Simulator) -> Iterator[Callable[..., socket.socket]]:
    """Opens a connection and asks on it; the test reads what comes."""
    opened: list[socket.socket] = []

    def ask(*, stream: bool) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", urlsplit(sim.base_url).port or 0), timeout=30)
        opened.append(connection)
        body = json.dumps(asked(stream=stream)).encode()
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        connection.sendall(head.encode() + body)
        return connection

    yield ask
    for connection in opened:
        connection.close()


def until(connection: socket.socket, enough: Callable[[bytearray], bool]) -> bytes:
    """What comes until it is enough, or the connection ends."""
    got = bytearray()
    while not enough(got) and (more := connection.recv(65_536)):
        got += more
    return bytes(got)


def silent(connection: socket.socket, seconds: float = 0.3) -> bool:
    """Whether nothing comes for a while, on a connection that stays open."""
    connection.settimeout(seconds)
    try:
        connection.recv(1)
    except TimeoutError:
        return True
    return False


def test_every_fault_has_a_kind_and_one_only() -> None:
    kinds = [*STATUS, *ECHOES, *CONTENT_FAULTS, *BODY_FAULTS, *WIRE_FAULTS]
    assert len(kinds) == len(set(kinds)) == len(FAULTS)


# --- an error status ------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("fault", sorted(STATUS))
def test_an_error_status_is_an_error_in_openais_form_and_costs_nothing(
    sim: Simulator, fault: str, stream: bool
) -> None:
    sim.set(SMALL, faults=[fault, f"{fault}:55"])
    code, kind = STATUS[fault]
    plain, with_wait = post(sim, stream=stream), post(sim, stream=stream)
    assert (plain.status_code, plain.json()["error"]["code"]) == (code, kind)
    assert ("retry-after" not in plain.headers, with_wait.headers["retry-after"]) == (True, "55")
    assert sim.books.count()["billed_nano"] == 0
    assert sim.books.count()["models"][SMALL]["statuses"] == {str(code): 2}
    assert post(sim, stream=stream).status_code == 200


@pytest.mark.parametrize(("fault", "code"), ECHOES.items())
def test_an_echo_has_the_key_in_its_body_and_headers(sim: Simulator, fault: str, code: int) -> None:
    sim.set(SMALL, always=fault)
    got = post(sim, stream=False)
    assert (got.status_code, KEY in got.text, KEY in str(got.headers.raw)) == (code, True, True)
    assert sim.books.count()["billed_nano"] == 0


# --- what it writes -------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize(
    ("fault", "content", "finish"),
    [
        ("malformed", "I would rather talk about the weather.", "stop"),
        ("echo_content", f"Bearer {KEY}{HONEST}", "stop"),
        ("cut_answer", HONEST[:4], "length"),
        ("greedy", GREEDY, "stop"),
    ],
)
def test_a_model_may_write_what_it_should_not_and_that_is_billed(
    sim: Simulator, fault: str, content: str, finish: str, stream: bool
) -> None:
    sim.set(SMALL, always=fault)
    said, usage, ended = reply(post(sim, stream=stream, max_tokens=100), stream=stream)
    assert (said, ended) == (content, finish)
    assert usage["completion_tokens"] == -(-len(content) // 4)
    assert sim.books.count()["billed_nano"] == sim.books.count()["told_nano"] == READ + usage["completion_tokens"]


@both
@pytest.mark.parametrize("limit", [50, None])
def test_a_model_in_a_loop_repeats_itself_up_to_the_limit(sim: Simulator, limit: int | None, stream: bool) -> None:
    sim.set(SMALL, always="loop")
    options = {"max_completion_tokens": limit} if limit else {}
    said, usage, ended = reply(post(sim, stream=stream, **options), stream=stream)
    assert (len(said), usage["completion_tokens"], ended) == ((limit or 16_384) * 4, limit or 16_384, "length")
    assert len(set(said.split(". ")[:-1])) == 1


# --- a reply that is not what it should be --------------------------------------------------------------


@both
@pytest.mark.parametrize("fault", ["no_choices", "choices_null", "null_content", "empty_content", "tool_call"])
def test_a_reply_may_have_no_text_and_is_billed(sim: Simulator, fault: str, stream: bool) -> None:
    sim.set(SMALL, always=fault)
    got = post(sim, stream=stream)
    said, _, __ = reply(got, stream=stream)
    assert not said
    bodies = events(got) if stream else [got.json()]
    if fault in ("no_choices", "choices_null"):
        assert [body["choices"] for body in bodies] == [[] if fault == "no_choices" else None]
    if fault == "tool_call":
        assert "delete_all" in got.text
    if not stream and fault in ("null_content", "empty_content"):
        assert said == (None if fault == "null_content" else "")
    assert sim.books.count()["billed_nano"] == READ + WRITTEN


@both
@pytest.mark.parametrize(
    ("fault", "usage"),
    [
        ("no_usage", None),
        ("null_usage", None),
        ("stream_no_usage", None),
        ("negative_usage", {"prompt_tokens": -5, "completion_tokens": -1}),
        ("absurd_usage", {"prompt_tokens": 10**12, "completion_tokens": 10**12}),
        ("text_usage", {"prompt_tokens": "many", "completion_tokens": [1]}),
    ],
)
def test_usage_may_be_missing_or_a_lie_and_is_billed_as_it_was(
    sim: Simulator, fault: str, usage: object, stream: bool
) -> None:
    sim.set(SMALL, always=fault)
    said, told, _ = reply(post(sim, stream=stream), stream=stream)
    assert (said, told) == (HONEST, usage)
    assert (sim.books.count()["billed_nano"], sim.books.count()["told_nano"]) == (READ + WRITTEN, 0)


@both
def test_a_body_may_be_a_list(sim: Simulator, stream: bool) -> None:
    sim.set(SMALL, always="body_is_list")
    got = post(sim, stream=stream)
    assert isinstance(events(got)[0] if stream else got.json(), list)
    assert sim.books.count()["told_nano"] == 0


# --- broken on the wire ---------------------------------------------------------------------------------


@both
def test_a_page_comes_in_place_of_a_reply(sim: Simulator, stream: bool) -> None:
    sim.set(SMALL, always="html")
    got = post(sim, stream=stream)
    assert (got.status_code, got.headers["content-type"], got.text[:6]) == (200, "text/html", "<html>")


@both
def test_cut_json_is_whole_http_that_ends_within_json(sim: Simulator, stream: bool) -> None:
    sim.set(SMALL, always="cut_json")
    got = post(sim, stream=stream)
    last = got.text.split("\n\n")[-1].removeprefix("data: ")
    assert last
    with pytest.raises(ValueError, match=r".+"):
        json.loads(last)
    assert (got.status_code, "[DONE]" in got.text) == (200, False)
    assert (sim.books.count()["billed_nano"], sim.books.count()["told_nano"]) == (READ + WRITTEN, 0)


@both
def test_a_truncated_body_is_shorter_than_was_said(sim: Simulator, stream: bool) -> None:
    sim.set(SMALL, always="truncated")
    with pytest.raises(httpx.RemoteProtocolError, match="received"):
        post(sim, stream=stream)
    assert sim.books.count()["billed_nano"] == READ + WRITTEN


@both
def test_a_reset_has_no_reply(sim: Simulator, wire: Wire, stream: bool) -> None:
    sim.set(SMALL, always="reset")
    assert until(wire(stream=stream), lambda _: False) == b""
    assert sim.books.count()["models"][SMALL]["statuses"] == {"0": 1}


@both
def test_a_timeout_says_nothing(sim: Simulator, wire: Wire, stream: bool) -> None:
    sim.set(SMALL, always="timeout")
    assert silent(wire(stream=stream))
    assert sim.books.count()["models"][SMALL]["statuses"] == {"0": 1}


@both
def test_a_hang_is_half_a_reply_and_then_nothing(sim: Simulator, wire: Wire, stream: bool) -> None:
    sim.set(SMALL, always="hang")
    connection = wire(stream=stream)
    assert until(connection, lambda got: b"chatcmpl" in got)
    assert silent(connection)
    assert sim.books.count()["billed_nano"] == READ + WRITTEN


@both
@pytest.mark.parametrize(("fault", "begins"), [("drip", b"\r\n\r\n"), ("drip_headers", b"H")])
def test_a_drip_comes_byte_by_byte(sim: Simulator, wire: Wire, fault: str, begins: bytes, stream: bool) -> None:
    sim.set(SMALL, always=fault)
    connection = wire(stream=stream)
    until(connection, lambda got: begins in got)
    connection.settimeout(10)
    assert [len(connection.recv(100)) for _ in range(2)] == [1, 1]


@both
def test_a_huge_body_has_50_megabytes(sim: Simulator, stream: bool) -> None:
    sim.set(SMALL, always="huge")
    assert len(post(sim, stream=stream).content) >= 50_000_000


@both
def test_a_bomb_is_small_on_the_wire_and_huge_when_unpacked(sim: Simulator, wire: Wire, stream: bool) -> None:
    sim.set(SMALL, always="gzip_bomb")
    connection = wire(stream=stream)
    head, _, body = until(connection, lambda got: b"\r\n\r\n" in got).partition(b"\r\n\r\n")
    length = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
    body += until(connection, lambda got: len(got) + len(body) >= length)
    assert b"Content-Encoding: gzip" in head
    assert len(body) < 100_000 < 50_000_000 <= len(gzip.decompress(body))


@both
def test_an_endless_reply_goes_on_until_the_client_leaves(sim: Simulator, wire: Wire, stream: bool) -> None:
    sim.set(SMALL, always="huge_stream")
    connection = wire(stream=stream)
    got = until(connection, lambda got: len(got) > 20_000_000)
    assert len(got) > 20_000_000
    assert got.partition(b"\r\n\r\n")[2].startswith(b"data: " if stream else b'{"choices"')
    assert got.count(b"The same sentence again.") > 10_000


@both
def test_a_redirect_leads_to_where_requests_are_counted(sim: Simulator, stream: bool) -> None:
    sim.set(SMALL, always="redirect")
    got = post(sim, stream=stream)
    assert (got.status_code, got.headers["location"]) == (307, f"{sim.elsewhere}/v1/chat/completions")
    assert (sim.elsewhere in sim.base_url, sim.books.redirected) == (False, 0)
    following = openai.OpenAI(api_key=KEY, base_url=sim.base_url, max_retries=0)
    with pytest.raises(openai.InternalServerError):
        following.chat.completions.create(model=SMALL, messages=[{"role": "user", "content": "ping"}])
    assert sim.books.redirected == 1


def test_a_stream_may_end_in_an_error_that_names_the_key(sim: Simulator) -> None:
    sim.set(SMALL, always="stream_error")
    told = events(post(sim, stream=True))
    assert ("choices" in told[0], KEY in told[-1]["error"]["message"]) == (True, True)
    assert "error" in post(sim, stream=False).json()
    assert (sim.books.count()["billed_nano"], sim.books.count()["told_nano"]) == (2 * (READ + WRITTEN), 0)


def test_a_stream_may_end_without_its_mark_and_is_whole_all_the_same(sim: Simulator) -> None:
    got = post(sim, stream=True)
    assert got.text.endswith("data: [DONE]\n\n")
    sim.set(SMALL, always="stream_no_done")
    without = post(sim, stream=True)
    assert "[DONE]" not in without.text
    assert reply(without, stream=True) == reply(got, stream=True) == reply(post(sim, stream=False), stream=False)
    assert sim.books.count()["told_nano"] == 3 * (READ + WRITTEN)


def test_nothing_listens_at_a_closed_port() -> None:
    with pytest.raises(httpx.ConnectError):
        httpx.post(f"{closed_port()}/chat/completions", json={})


# --- all of them ----------------------------------------------------------------------------------------

ENDLESS = {"timeout", "drip", "drip_headers", "hang", "huge_stream"}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_fault_is_in_the_books_once_and_leaves_nothing_broken(sim: Simulator, wire: Wire, fault: str) -> None:
    """And what has no end is ended by closing the simulator, whose answers to others it does not hold up."""
    sim.set(SMALL, faults=[fault])
    connection = wire(stream=False)
    if fault not in ENDLESS:
        connection.shutdown(socket.SHUT_WR)
        until(connection, lambda _: False)
    while not sim.books.rows():
        time.sleep(0.01)
    sim.set("other")
    assert httpx.post(f"{sim.base_url}/chat/completions", json=asked(stream=False) | {"model": "other"}).json()
    (row,) = [row for row in sim.books.rows() if row["model"] == SMALL]
    is_billed = fault not in {*STATUS, *ECHOES, *UNBILLED}
    is_told = is_billed and fault not in {*WIRE_FAULTS, "body_is_list"} and not fault.endswith("usage")
    is_told = is_told or fault == "stream_no_done"
    assert (row["fault"], row["nano"] > 0, row["told"]) == (fault, is_billed, is_told)
    sim.close()
    connection.settimeout(10)
    until(connection, lambda _: False)  # or it would time out
    assert sim.broken == []


def test_a_kept_connection_is_not_served_after_the_end(sim: Simulator) -> None:
    with httpx.Client(headers={"Authorization": f"Bearer {KEY}"}) as client:
        url = f"{sim.base_url}/chat/completions"
        assert client.post(url, json=asked(stream=True)).status_code == 200
        assert client.post(url, json=asked(stream=False)).status_code == 200
        sim.close()
        with pytest.raises(httpx.TransportError):
            client.post(url, json=asked(stream=False))


@pytest.mark.parametrize("fault", ["500:1", "html", "truncated", "no_usage", "redirect"])
def test_embeddings_fail_in_these_ways_too(sim: Simulator, fault: str) -> None:
    sim.set(SMALL, always=fault)
    client = openai.OpenAI(api_key=KEY, base_url=sim.base_url, max_retries=0, timeout=30)
    ask = client.embeddings.with_raw_response.create
    if fault == "no_usage":
        assert "usage" not in json.loads(ask(model=SMALL, input="hello").content)
        assert sim.books.count()["billed_nano"] > sim.books.count()["told_nano"] == 0
    elif fault == "html":
        assert ask(model=SMALL, input="hello").headers["content-type"] == "text/html"
    else:
        with pytest.raises(openai.APIError):
            ask(model=SMALL, input="hello")
