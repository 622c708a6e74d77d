"""The simulated model answers, lies, bills and refuses as it was set, to the unmodified OpenAI client."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any, cast

import httpx
import numpy as np
import openai
import pytest

from agents import router, verifier, writer
from agents.executor import describe
from agents.router import Decision, route_locally
from agents.verifier import Doubt, Doubts, Opinion
from agents.writer import Assignment
from benchmarks.lies import LIES
from tasks.case import Claim, Draft, Passage, Question, Ticket
from tests.agents.bench import ACCESS, PRICE, passage
from tests.simulator import Model, Simulator

KEY = "key-canary-0123456789"
SMALL = "small-1"
Messages = list[dict[str, str]]
PING: Messages = [{"role": "system", "content": "You are asked."}, {"role": "user", "content": "ping"}]
PAGES = [
    passage(1, f"{PRICE} The Team plan costs $99 per seat per month, and its trial lasts 14 days."),
    passage(2, f"{ACCESS} Calls above that number are refused with status 429 until the next day."),
]


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator({SMALL: Model(price=(250, 25, 2_000), key=KEY)}) as running:
        yield running


@lru_cache
def _client(base_url: str, key: str) -> openai.OpenAI:
    return openai.OpenAI(api_key=key, base_url=base_url, max_retries=0, timeout=30)


def client(sim: Simulator, key: str = KEY) -> openai.OpenAI:
    return _client(sim.base_url, key)


def ask(to: openai.OpenAI, messages: Messages = PING, model: str = SMALL, **more: Any) -> Any:
    return to.chat.completions.create(model=model, messages=cast(Any, messages), **more)


def streamed(to: openai.OpenAI, messages: Messages = PING, **more: Any) -> tuple[list[str], Any]:
    """The pieces of a stream, and the usage at its end."""
    chunks = list(ask(to, messages, stream=True, stream_options={"include_usage": True}, **more))
    return [c.choices[0].delta.content or "" for c in chunks if c.choices], chunks[-1].usage


def asked_to_write(text: str, pages: list[Passage] = PAGES, **more: Any) -> Messages:
    """What a writer is sent, as the crew sends it."""
    questions = [Question(text=text)]
    given = Assignment(ticket=Ticket(text=text), questions=questions, passages=pages, **more)
    return sent(writer.PROMPT, describe(writer.INSTRUCTION, given, short=True))


def sent(prompt: str, task: str) -> Messages:
    return [{"role": "system", "content": prompt}, {"role": "user", "content": task}]


def content(reply: Any) -> str:
    return str(reply.choices[0].message.content)


def get(sim: Simulator, path: str) -> Any:
    return httpx.get(sim.base_url.removesuffix("/v1") + path).json()


def post(sim: Simulator, path: str, body: object = None) -> httpx.Response:
    return httpx.post(sim.base_url.removesuffix("/v1") + path, json=body or {})


# --- what it says ---------------------------------------------------------------------------------------


def test_an_honest_writer_quotes_the_passages_and_answers_the_question(sim: Simulator) -> None:
    draft = Draft.model_validate_json(content(ask(client(sim), asked_to_write("How much is the Pro plan?"))))
    texts = {page.n: page.text for page in PAGES}
    assert PRICE in [sentence.text for sentence in draft.sentences]
    assert all(quote.text in texts[quote.n] for sentence in draft.sentences for quote in sentence.quotes)
    assert sim.mind.told == []


def test_an_honest_writer_lists_what_the_passages_do_not_answer(sim: Simulator) -> None:
    draft = Draft.model_validate_json(content(ask(client(sim), asked_to_write("Who founded the company?"))))
    assert (draft.sentences, draft.unanswered) == ([], [0])


def test_the_router_and_the_judge_answer_in_their_contracts(sim: Simulator) -> None:
    ticket = Ticket(text="How do I reset my password?")
    decided = content(ask(client(sim), sent(router.PROMPT, describe(router.INSTRUCTION, ticket, short=True))))
    assert Decision.model_validate_json(decided) == route_locally(ticket)
    assert content(ask(client(sim))) == '{"ok": true}'


def judged(sim: Simulator, *texts: str) -> list[bool]:
    claims = [Doubt(index=i, text=text, citations=[1]) for i, text in enumerate(texts)]
    doubts = Doubts(claims=claims, passages=PAGES[:1], question="How much is it?")
    reply = content(ask(client(sim), sent(verifier.PROMPT, describe(verifier.INSTRUCTION, doubts, short=True))))
    opinion = Opinion.model_validate_json(reply)
    assert all(judgement.quote in PAGES[0].text for judgement in opinion.claims)
    return [judgement.supported for judgement in opinion.claims]


def test_the_judge_knows_the_lies_that_were_told_and_errs_at_its_own_rate(sim: Simulator) -> None:
    sim.set(SMALL, wrong=1.0, lies=("invented figure",))
    ask(client(sim), asked_to_write("How much is the Pro plan?"))
    lie = sim.mind.told[0].text
    assert judged(sim, PRICE, lie) == [True, False]
    sim.set(SMALL, judge_wrong=1.0)
    assert judged(sim, PRICE, lie) == [False, True]


def test_a_lie_in_the_quotes_alone_makes_no_false_sentence(sim: Simulator) -> None:
    """A passage that was not given is cited half of the time for a sentence that another one says."""
    sim.set(SMALL, wrong=1.0, lies=("passage not given",))
    for n in range(12):
        ask(client(sim), asked_to_write(f"How much is the Pro plan for order {n}?"))
    said = " ".join(page.text for page in PAGES)
    assert {told.in_words for told in sim.mind.told} == {True, False}
    for told in sim.mind.told:
        assert (told.text in said) == (not told.in_words)
        assert judged(sim, told.text) == [not told.in_words]


# --- how often it lies ----------------------------------------------------------------------------------


def test_lies_come_at_the_set_rate_one_a_draft_and_all_are_told_of(sim: Simulator) -> None:
    """Each ticket's die is its own: the share is the one that the seed gives, and that is near the rate."""
    sim.set(SMALL, wrong=0.15)
    tickets = [f"How much is the Pro plan for order {n}?" for n in range(400)]
    expected = [Random(f"1|{SMALL}|{text}|0").random() < 0.15 for text in tickets]
    shared = client(sim)
    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda text: content(ask(shared, asked_to_write(text))), tickets))
    account = get(sim, "/told")
    lied = Counter(told["ticket"] for told in account["told"])
    assert lied == Counter(text for text, lies in zip(tickets, expected, strict=True) if lies)
    assert 0.10 < sum(expected) / 400 < 0.20
    assert (account["drafts"], account["unable"]) == ({SMALL: 400}, {SMALL: 0})
    sim.set(SMALL, wrong=0.0)
    told = {one["ticket"]: one["text"] for one in account["told"]}
    for text, reply in zip(tickets, replies, strict=True):
        honest = Draft.model_validate_json(content(ask(shared, asked_to_write(text)))).sentences
        changed = [s.text for s in Draft.model_validate_json(reply).sentences if s not in honest]
        assert changed == ([told[text]] if text in told else [])
    assert {one["lie"] for one in account["told"]} <= set(LIES)
    assert len({one["lie"] for one in account["told"]}) > 5


def test_the_same_request_gets_the_same_reply_and_another_seed_another() -> None:
    requests = [asked_to_write(f"How much is the Pro plan for order {n}?") for n in range(40)]

    def replies(seed: int) -> list[str]:
        with Simulator({SMALL: Model(wrong=0.5)}, seed=seed) as sim:
            return [content(ask(client(sim), messages)) for messages in [*requests, *requests]]

    first = replies(1)
    assert first[:40] == first[40:]
    assert first == replies(1)
    assert first != replies(2)


def revision(text: str) -> Messages:
    before = Draft.model_validate({"sentences": [{"text": "It is $1.", "quotes": [{"n": 1, "text": PRICE}]}]})
    rejected = [Claim(text="It is $1.", supported=False, citations=[1], reason="absent")]
    return asked_to_write(text, draft=before, rejected=rejected)


def test_a_revision_is_drawn_anew_at_its_own_rate(sim: Simulator) -> None:
    texts = [f"How much is the Pro plan for order {n}?" for n in range(30)]
    sim.set(SMALL, wrong=1.0, wrong_again=0.0)
    for text in texts:
        ask(client(sim), asked_to_write(text))
        ask(client(sim), revision(text))
    assert Counter(told.draft_no for told in sim.mind.told) == {0: 30}
    post(sim, "/reset")
    sim.set(SMALL, wrong=0.5, wrong_again=None)
    first = [Random(f"1|{SMALL}|{text}|0").random() < 0.5 for text in texts]
    again = [Random(f"1|{SMALL}|{text}|1").random() < 0.5 for text in texts]
    for text in texts:
        ask(client(sim), asked_to_write(text))
        ask(client(sim), revision(text))
    assert Counter(told.draft_no for told in sim.mind.told) == {0: sum(first), 1: sum(again)}


def test_a_lie_that_cannot_be_told_is_counted(sim: Simulator) -> None:
    sim.set(SMALL, wrong=1.0, lies=("figures exchanged",))
    draft = content(ask(client(sim), asked_to_write("Is it blue?", [passage(1, "The icon of the app is blue.")])))
    assert Draft.model_validate_json(draft).sentences
    assert (sim.mind.told, get(sim, "/told")["unable"]) == ([], {SMALL: 1})


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
    others = {"both": "max_tokens", "max_tokens": "max_tokens"}
    taken: dict[str, Any] = {others.get(sim.models[SMALL].limit, "max_completion_tokens"): 100}
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
        assert process.wait(20) == 0
