"""The simulated model bills, caches, refuses and is run as it was set, to the unmodified OpenAI client."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest

from tests.agents.simulated import (
    KEY,
    PING,
    SMALL,
    ask,
    asked_to_write,
    client,
    content,
    get,
    post,
    streamed,
)
from tests.simulator import Model, Simulator

# --- what it bills --------------------------------------------------------------------------------------


def test_a_streams_pieces_join_to_the_whole_reply_and_tell_the_same_usage(sim: Simulator) -> None:
    sim.set(SMALL, reasoning_tokens=11)
    messages = asked_to_write("How much is the Pro plan?")
    reply = ask(client(sim), messages)
    pieces, usage = streamed(client(sim), messages)
    assert ("".join(pieces), usage) == (content(reply), reply.usage)
    assert len(pieces) > 5
    assert usage.prompt_tokens == -(-len("\n".join(m["content"] for m in messages)) // 4)
    assert usage.completion_tokens == -(-len(content(reply)) // 4) + 11
    assert usage.completion_tokens_details.reasoning_tokens == 11


def test_a_stream_tells_its_usage_only_to_whom_asks_for_it_and_is_billed_all_the_same(sim: Simulator) -> None:
    assert all(chunk.usage is None for chunk in ask(client(sim), stream=True))
    count = sim.books.count()
    assert count["billed_nano"] > count["told_nano"] == 0


def test_the_books_are_what_the_client_counts(sim: Simulator) -> None:
    """Whole and streamed, with caches, reasoning and refusals, at once: to the nano-dollar."""
    sim.set(SMALL, cache=True, reasoning_tokens=7, rates={"500": 0.1, "429": 0.1})
    shared, page = client(sim), "All that is known of the plan is this. " * 130

    def one(n: int) -> Any:
        messages = [{"role": "system", "content": page + "x" * (n % 3)}, {"role": "user", "content": f"number {n}"}]
        try:
            return streamed(shared, messages)[1] if n % 2 else ask(shared, messages).usage
        except openai.APIStatusError as error:
            return error.status_code

    with ThreadPoolExecutor(16) as pool:
        got = list(pool.map(one, range(200)))
    usages = [usage for usage in got if not isinstance(usage, int)]
    cached = sum(usage.prompt_tokens_details.cached_tokens for usage in usages)
    read, written = sum(u.prompt_tokens for u in usages), sum(u.completion_tokens for u in usages)
    count = get(sim, "/count?requests=1")
    mine = count["models"][SMALL]
    statuses = Counter(str(usage) for usage in got if isinstance(usage, int))
    assert mine["statuses"] == {"200": len(usages), **statuses}
    assert set(statuses) == {"500", "429"}
    assert (mine["answered"], mine["tokens_in"], mine["tokens_out"]) == (len(usages), read, written)
    assert mine["tokens_cached"] == cached > 0
    assert mine["billed_nano"] == count["billed_nano"] == (read - cached) * 250 + cached * 25 + written * 2_000
    assert mine["told_nano"] == mine["billed_nano"] == sum(row["nano"] for row in count["rows"])
    answered = [row["id"] for row in count["rows"] if row["status"] == 200]
    assert len(set(answered)) == len(answered) == len(usages)
    assert count["broken"] == []


def test_the_beginning_of_a_prompt_is_cached_in_steps(sim: Simulator) -> None:
    sim.set(SMALL, cache=True)
    sim.set("other", cache=True)

    def cached(text: str, to: str = SMALL) -> int:
        messages = [{"role": "system", "content": "Answer."}, {"role": "user", "content": text}]
        return int(ask(client(sim), messages, to).usage.prompt_tokens_details.cached_tokens)

    page = "".join(f"{n:07d} " for n in range(1_000))  # 2,000 tokens, of which no two are alike
    assert [cached(page), cached(page)] == [0, 1_920]
    assert cached(page[:4_400] + "another end" * 500) == 1_024
    assert cached("! " + page) == 0
    assert cached(page, "other") == 0
    assert [cached(page[:2_000]), cached(page[:2_000])] == [0, 0]  # too short
    post(sim, "/forget")
    assert cached(page) == 0


def test_a_limit_on_tokens_is_kept_with_its_reasoning(sim: Simulator) -> None:
    sim.set(SMALL, reasoning_tokens=10)
    messages = asked_to_write("How much is the Pro plan?")
    full = content(ask(client(sim), messages))
    cut = ask(client(sim), messages, max_completion_tokens=30)
    assert (content(cut), cut.choices[0].finish_reason) == (full[:80], "length")
    assert cut.usage.completion_tokens == 30
    nothing = ask(client(sim), messages, max_completion_tokens=5)
    assert (content(nothing), nothing.usage.completion_tokens) == ("", 5)


# --- what it refuses ------------------------------------------------------------------------------------


def test_a_model_that_is_unknown_and_a_key_that_is_wrong_are_refused_as_by_openai(sim: Simulator) -> None:
    with pytest.raises(openai.NotFoundError, match="does not exist") as unknown:
        ask(client(sim), model="large-9")
    assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.AuthenticationError) as refused:
        ask(client(sim, "another-key"))
    assert refused.value.code == "invalid_api_key"
    assert "another-key" not in str(refused.value)
    sim.set(SMALL, echoes=True)
    with pytest.raises(openai.AuthenticationError, match="another-key"):
        ask(client(sim, "another-key"))
    assert sim.books.count()["billed_nano"] == 0


@pytest.mark.parametrize(
    ("changes", "asked", "param"),
    [
        ({"structured": False}, {"response_format": {"type": "json_object"}}, "response_format"),
        ({"limit": "max_completion_tokens"}, {"max_tokens": 9}, "max_tokens"),
        ({"limit": "max_tokens"}, {"max_completion_tokens": 9}, "max_completion_tokens"),
        ({}, {"max_tokens": 0}, "max_tokens"),
        ({}, {"messages": []}, "messages"),
    ],
)
def test_what_it_does_not_support_is_refused_by_name(
    sim: Simulator, changes: dict[str, Any], asked: dict[str, Any], param: str
) -> None:
    sim.set(SMALL, **changes)
    with pytest.raises(openai.BadRequestError) as refused:
        ask(client(sim), **asked)
    assert refused.value.param == param
    taken: dict[str, Any] = {"max_tokens" if changes.get("limit") == "max_tokens" else "max_completion_tokens": 100}
    ask(client(sim), **taken)
    assert sim.books.count()["models"][SMALL]["statuses"] == {"400": 1, "200": 1}


def test_without_v1_there_is_only_a_page(sim: Simulator) -> None:
    found = post(sim, "/chat/completions", {"model": SMALL, "messages": PING})
    assert (found.status_code, found.headers["content-type"]) == (404, "text/html")
    assert [model.id for model in client(sim).models.list()] == [SMALL]


def test_embeddings_are_the_same_every_time_alike_for_like_texts_and_billed(sim: Simulator) -> None:
    texts = ["reset the password", "resetting passwords", "the price of the plan"]
    first = client(sim).embeddings.create(model=SMALL, input=texts)
    plain = client(sim).embeddings.create(model=SMALL, input=texts, encoding_format="float", dimensions=64)
    vectors = np.array([row.embedding for row in first.data])
    assert vectors.shape == (3, 384)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert vectors[0] @ vectors[1] > 0.9 > 0.3 > vectors[0] @ vectors[2]
    assert len(plain.data[0].embedding) == 64
    again = client(sim).embeddings.create(model=SMALL, input=texts)
    assert [row.embedding for row in again.data] == [row.embedding for row in first.data]
    assert first.usage.prompt_tokens == sum(-(-len(text) // 4) for text in texts)
    assert sim.books.count()["billed_nano"] == 3 * first.usage.prompt_tokens * 250


# --- how it is run --------------------------------------------------------------------------------------


def test_64_requests_are_answered_at_once(sim: Simulator) -> None:
    """Each takes a second: one after the other it would be a minute, and the client gives up after 20 seconds."""
    sim.set(SMALL, latency_s=1.0)
    patient = openai.OpenAI(api_key=KEY, base_url=sim.base_url, max_retries=0, timeout=20)
    with ThreadPoolExecutor(64) as pool:
        assert {content(reply) for reply in pool.map(lambda _: ask(patient), range(64))} == {'{"ok": true}'}


def test_a_slow_model_writes_at_its_speed(sim: Simulator) -> None:
    sim.set(SMALL, tokens_per_second=6.0)  # three tokens
    before = ask(client(sim), timeout=5)
    with pytest.raises(openai.APITimeoutError):
        ask(client(sim), timeout=0.2)
    assert content(before) == "".join(streamed(client(sim))[0])


def test_it_is_set_over_http_and_what_does_not_exist_is_refused(sim: Simulator) -> None:
    assert post(sim, "/control", {"new": {"always": "429:55", "lies": ["off by one"]}}).status_code == 200
    assert (sim.models["new"].always, sim.models["new"].lies) == ("429:55", ("off by one",))
    for changes in (
        {"always": "4299"},
        {"lies": ["a white one"]},
        {"limit": "tokens"},
        {"speed": 1},
        {"faults": ["?"]},
    ):
        assert post(sim, "/control", {SMALL: changes}).status_code == 400
    assert sim.models[SMALL] == Model(price=(250, 25, 2_000), key=KEY)


def test_faults_are_used_up_one_by_one_and_rates_are_the_seeds(sim: Simulator) -> None:
    sim.set(SMALL, faults=["500", "", "429"])
    assert [sim.next_fault(SMALL) for _ in range(4)] == ["500", "", "429", ""]
    sim.set(SMALL, rates={"500": 0.2, "429": 0.1})
    sim.reset()
    sim.set(SMALL, faults=[])
    drawn = Counter(sim.next_fault(SMALL) for _ in range(1_000))
    assert 150 < drawn["500"] < 250
    assert 60 < drawn["429"] < 140
    assert sum(drawn.values()) == 1_000


def test_what_was_asked_can_be_looked_at_without_the_key(sim: Simulator) -> None:
    ask(client(sim))
    with pytest.raises(openai.AuthenticationError):
        ask(client(sim, "another-key"))
    told = get(sim, "/requests")
    assert [one["headers"]["authorization"] for one in told["requests"]] == ["ours", "other"]
    assert [one["body"]["model"] for one in told["requests"]] == [SMALL, SMALL]
    assert not re.search(f"{KEY}|another-key", json.dumps(told))


def test_a_reset_forgets_all_that_was_asked_and_nothing_that_was_set(sim: Simulator) -> None:
    sim.set(SMALL, wrong=1.0, faults=["", "500"])
    ask(client(sim), asked_to_write("How much is the Pro plan?"))
    post(sim, "/reset")
    assert (get(sim, "/count")["requests"], get(sim, "/told")["told"], get(sim, "/requests")["requests"]) == (0, [], [])
    ask(client(sim))
    with pytest.raises(openai.InternalServerError):
        ask(client(sim))


def test_a_defect_of_the_simulator_fails_the_test_that_uses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks() -> None:
        with Simulator({SMALL: Model()}) as sim:
            monkeypatch.setattr(sim.mind, "answer", None)
            with pytest.raises(openai.APIConnectionError):
                ask(client(sim))

    with pytest.raises(AssertionError, match="NoneType"):
        breaks()


def test_it_runs_as_a_process_and_ends_at_ctrl_c(tmp_path: Path) -> None:
    config = tmp_path / "models.json"
    config.write_text(json.dumps({SMALL: {"price": [1, 1, 1], "lies": ["off by one"], "rates": {"500": 0.0}}}))
    command = [sys.executable, "-m", "tests.simulator", "--port", "0", "--config", str(config)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root, env=dict(os.environ)) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        reply = ask(openai.OpenAI(api_key="k", base_url=url, max_retries=0, timeout=30))
        assert reply.usage.completion_tokens == 3
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
