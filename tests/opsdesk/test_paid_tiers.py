"""The crew with paid models, over real HTTP: which tier writes, what is paid, and what happens when a server fails."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from errors import UsageError
from opsdesk.desk import Desk
from opsdesk.settings import Settings
from tasks.budget import Budget, Cap, Spending
from tasks.case import Case, Ticket
from tasks.processes import host_name
from tests.opsdesk.conftest import CHEAP, FRONTIER, KEY, Result
from tests.simulator import Simulator, closed_port

PRO = "Does your Pro plan include API access, and how much is it?"
RESET = "How do I reset my password?"


SOON: dict[str, Any] = {"timeout": 0.8}
"""For a tier whose server never comes to an end. The others have time, however slow the machine is."""


@pytest.fixture(scope="module")
def indexed(offline: Desk) -> Path:
    """Its home."""
    return offline.settings.home


@pytest.fixture
def desk(home: Path, indexed: Path, offline: Desk, sim: Simulator) -> Callable[..., Desk]:
    """A desk over the sample with two paid tiers at the simulator, or as changed."""

    def made(tiers: dict[str, dict[str, Any]] | None = None, **settings: Any) -> Desk:
        given = tiers or {"cheap": {}, "frontier": {}}
        models = {"cheap": CHEAP, "mid": CHEAP, "frontier": FRONTIER}
        usual = {
            tier: {"model": models[tier], "base_url": sim.base_url, "api_key": KEY, "timeout": 8} for tier in given
        }
        paid = {tier: {**usual[tier], **changes} for tier, changes in given.items()}
        desk = Desk(Settings.model_validate({"home": indexed, "tiers": paid, **settings}))
        desk.embedder, desk._searchers = offline.embedder, offline._searchers
        return desk

    return made


def ask(desk: Desk, text: str, **more: Any) -> Case:
    return desk.ask(Ticket(text=text), "sample", **more)


def written_by(case: Case) -> list[str]:
    return [h.tier for h in case.handoffs if h.task == "write"]


# --- which tier, and what it costs ----------------------------------------------------------------------


def test_the_two_worked_questions_go_where_they_should(desk: Callable[..., Desk]) -> None:
    hard = ask(desk(), PRO)
    assert hard.route is not None
    assert (hard.route.complexity, hard.route.stakes, hard.route.tier) == ("hard", "high", "frontier")
    assert (hard.outcome, written_by(hard)) == ("accepted", ["frontier"])
    assert "$49" in hard.answer
    assert {c.doc_id for c in hard.citations} >= {"plans.md"}
    plain = ask(desk(), RESET)
    assert plain.route is not None
    assert (plain.outcome, plain.route.tier, written_by(plain)) == ("accepted", "cheap", ["cheap"])
    assert any("frontier" in reason for reason in plain.route.reasons)  # what it would have cost there


def test_the_bill_is_the_servers_own(desk: Callable[..., Desk], sim: Simulator) -> None:
    at = desk()
    sim.set(CHEAP, reasoning_tokens=40, cache=True)
    sim.set(FRONTIER, reasoning_tokens=700, cache=True)
    cases = [ask(at, text, hear=lambda _, __: None) for text in (PRO, RESET, PRO, RESET, "How do I export my data?")]
    shown = sum(round((case.cost_usd or 0) * 1e9) for case in cases)
    assert shown == sim.books.count()["billed_nano"] > 0
    assert sum(h.tokens_cached for case in cases for h in case.handoffs) > 0
    assert sum(h.tokens_reasoning for case in cases for h in case.handoffs) > 0


def test_a_lie_is_sent_back_then_escalated_with_the_evidence_and_never_sent(
    desk: Callable[..., Desk], sim: Simulator
) -> None:
    sim.set(CHEAP, wrong=1.0, lies=("invented figure",))
    case = ask(desk(), RESET)
    lies = {told.text for told in sim.mind.told}
    assert lies
    assert not any(lie in case.answer for lie in lies)
    asked = [seen["body"] for seen in sim.seen if "rejected" in seen["body"]["messages"][-1]["content"]]
    assert {body["model"] for body in asked} <= {CHEAP, FRONTIER}
    assert case.outcome in ("accepted", "needs_human")


def test_the_writers_prompts_of_one_case_share_their_beginning(desk: Callable[..., Desk], sim: Simulator) -> None:
    sim.set(CHEAP, wrong=1.0, lies=("invented figure",), cache=True)
    case = ask(desk(), RESET)
    writes = [h for h in case.handoffs if h.task == "write" and h.tier == "cheap"]
    assert len(writes) == 2
    assert writes[1].tokens_cached > writes[1].tokens_in // 2


def test_prompts_hold_no_places_scores_or_names(desk: Callable[..., Desk], sim: Simulator) -> None:
    desk().ask(Ticket(text=RESET, customer="Ada Lovelace", ticket_id="T-77"), "sample")
    sent = json.dumps([seen["body"] for seen in sim.seen])
    assert "writer of a support desk" in sent
    for word in ("Ada Lovelace", "T-77", "chunk_id", "doc_sha256", "password-reset.md", "score"):
        assert word not in sent


def test_a_writer_that_streams_is_heard_before_it_has_finished(desk: Callable[..., Desk], sim: Simulator) -> None:
    heard: list[str] = []
    case = ask(desk(), RESET, hear=lambda _, text: heard.append(text))
    assert case.outcome == "accepted"
    assert len(heard) > 1
    assert all(later.startswith(earlier[:20]) for earlier, later in pairwise(heard))


def test_a_server_without_structured_output_is_read_all_the_same(desk: Callable[..., Desk], sim: Simulator) -> None:
    sim.set(CHEAP, structured=False)
    at = desk()
    assert [ask(at, RESET).outcome for _ in range(2)] == ["accepted"] * 2
    statuses = sim.books.count()["models"][CHEAP]["statuses"]
    assert statuses == {"400": 1, "200": 2}  # asked once, and remembered


@pytest.mark.parametrize("policy", ["cheapest", "offline"])
def test_these_policies_let_the_built_in_model_write(desk: Callable[..., Desk], sim: Simulator, policy: str) -> None:
    case = ask(desk(policy=policy), RESET)
    assert (case.outcome, written_by(case), case.cost_usd) == ("accepted", ["local"], 0)
    assert sim.books.count()["requests"] == 0


def test_best_asks_the_dearest(desk: Callable[..., Desk]) -> None:
    assert written_by(ask(desk(policy="best"), RESET)) == ["frontier"]


# --- limits ---------------------------------------------------------------------------------------------


def test_a_case_never_pays_more_than_its_budget(desk: Callable[..., Desk], sim: Simulator) -> None:
    at = desk()
    for budget in (0.0, 0.0001, 0.001, 0.01, 0.1):
        before = sim.books.count()["billed_nano"]
        case = ask(at, PRO, budget_usd=budget)
        assert sim.books.count()["billed_nano"] - before <= budget * 1e9
        assert case.cost_at_most_usd <= budget
        assert case.outcome in ("accepted", "needs_human")


def test_a_days_and_a_tenants_budget_hold_over_cases(desk: Callable[..., Desk], sim: Simulator, tmp_path: Path) -> None:
    fresh = f"sqlite:///{tmp_path / 'own.sqlite'}"
    at = desk(daily_budget_usd=0.5, tenant_daily_budget_usd=0.15, policy="best", database_url=fresh)
    cases = [ask(at, PRO, tenant="acme") for _ in range(20)]
    stopped = [case for case in cases if case.stopped_by == "budget"]
    assert stopped
    assert "OPSDESK_TENANT_DAILY_BUDGET_USD" in stopped[0].outcome_reason
    assert sim.books.count()["billed_nano"] <= 0.15e9
    other = ask(at, PRO, tenant="other")
    assert other.outcome == "accepted", other.outcome_reason


def test_when_a_shared_budget_is_out_a_cheaper_tier_writes(
    desk: Callable[..., Desk], sim: Simulator, tmp_path: Path
) -> None:
    fresh = f"sqlite:///{tmp_path / 'own.sqlite'}"
    at = desk(daily_budget_usd=0.02, database_url=fresh)  # holds a call of the cheap tier, and none of the dearest
    case = ask(at, PRO)
    assert (case.outcome, written_by(case)) == ("accepted", ["frontier", "cheap"])
    first = next(h for h in case.handoffs if h.task == "write")
    assert (first.status, first.cost_usd) == ("failed", 0)
    assert "OPSDESK_DAILY_BUDGET_USD" in first.reason
    assert {seen["body"]["model"] for seen in sim.seen} == {CHEAP}
    none = ask(desk(daily_budget_usd=0.0, database_url=fresh), PRO)
    assert (none.outcome, written_by(none)) == ("accepted", ["frontier", "cheap", "local"])


def test_what_a_killed_process_held_is_booked_when_a_desk_opens(desk: Callable[..., Desk], tmp_path: Path) -> None:
    fresh = f"sqlite:///{tmp_path / 'own.sqlite'}"
    first = desk(database_url=fresh)
    killed = Budget(first.task_list.database, f"{host_name()}:4194304", lambda: datetime.now(UTC))  # no such process
    killed.reserve([Cap("day:2026-11-25", 10**9)], 7, case_id="c-1", model=CHEAP)
    ask(desk(database_url=fresh), RESET)
    assert first.budget.spent("day:2026-11-25") == Spending(spent=7, reserved=0)


@pytest.mark.parametrize("fault", ["greedy", "loop", "huge_stream", "huge"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_model_that_does_not_stop_is_stopped_and_what_it_cost_is_shown(
    desk: Callable[..., Desk], sim: Simulator, fault: str, stream: bool
) -> None:
    sim.set(FRONTIER, always=fault)
    case = ask(desk({"frontier": SOON}, policy="best"), RESET, hear=(lambda _, __: None) if stream else None)
    assert case.outcome == "needs_human"
    assert case.passages
    failed = next(h for h in case.handoffs if h.task == "write")
    assert failed.cost_usd is not None or (failed.cost_at_most_usd or 0) > 0
    assert sim.books.count()["requests"] <= 3


def test_an_unknown_usage_is_an_unknown_cost_and_not_nothing(desk: Callable[..., Desk], sim: Simulator) -> None:
    sim.set(CHEAP, always="no_usage")
    case = ask(desk(), RESET)
    assert (case.outcome, case.cost_usd, case.cost_is_known) == ("accepted", None, False)
    assert case.cost_at_most_usd * 1e9 >= sim.books.count()["billed_nano"] > 0


def test_an_unknown_price_is_an_unknown_cost(desk: Callable[..., Desk], sim: Simulator) -> None:
    sim.set("my-own-llama", price=(1, 1, 1))
    case = ask(desk({"cheap": {"model": "my-own-llama", "api_key": None}}), RESET)
    assert (case.outcome, case.cost_usd) == ("accepted", None)
    assert case.cost_at_most_usd > 0


# --- servers that fail: every case, every agent that asks a model ----------------------------------------

FAULTS = [
    *("429", "429:0.1", "429:55", "500", "401", "404", "quota", "timeout", "html", "cut_json", "no_choices"),
    *("choices_null", "null_content", "empty_content", "no_usage", "negative_usage", "absurd_usage", "truncated"),
    *("drip", "drip_headers", "hang", "huge", "gzip_bomb", "redirect", "tool_call", "echo_401", "echo_500", "reset"),
    *("malformed", "cut_answer", "echo_content", "refused"),
]
SOME_FAULTS = [*FAULTS[::3], "refused"]
"""For the other agents: what a server may do is `tests.agents.test_endpoint_faults`' matter."""

WITH_AN_ANSWER = {"no_usage", "negative_usage", "absurd_usage"}
OF_THE_KEY = {"401", "echo_401"}


def kept_and_clean(case: Case, desk: Desk, sim: Simulator) -> None:
    """The case is kept, nobody followed a redirect, and the key is in nothing that is kept."""
    assert KEY not in desk.case(case.case_id).model_dump_json()
    assert sim.books.redirected == 0


@pytest.mark.parametrize("fault", FAULTS)
def test_a_writer_whose_server_fails_is_replaced_or_a_person_told(
    desk: Callable[..., Desk], sim: Simulator, fault: str
) -> None:
    broken = {**SOON, "base_url": closed_port()} if fault == "refused" else SOON
    sim.set(CHEAP, always="" if fault == "refused" else fault)
    at = desk({"cheap": broken, "frontier": {}})
    began = time.monotonic()
    case = ask(at, RESET, deadline_s=20)
    assert time.monotonic() - began < 21
    kept_and_clean(case, at, sim)
    first = next(h for h in case.handoffs if h.task == "write")
    assert sim.books.count()["models"].get(CHEAP, {"statuses": {}})["statuses"].get("200", 0) <= 3
    if fault in WITH_AN_ANSWER:
        assert (case.outcome, first.status, case.cost_usd) == ("accepted", "done", None)
    elif fault in OF_THE_KEY:
        assert (case.outcome, first.status) == ("failed", "failed")  # a person has to mend it
        assert "OPSDESK_TIERS__CHEAP__API_KEY" in case.outcome_reason
        assert case.passages
    elif fault == "echo_content":
        assert case.outcome in ("accepted", "needs_human")
    else:
        assert first.status == "failed"
        assert any(word in first.reason for word in ("OPSDESK_TIERS__CHEAP", "try again", "not a Draft"))
        assert (case.outcome, written_by(case)[-1]) == ("accepted", "frontier")
    sim.set(CHEAP, always="")
    # The same ticket, when the server is well; one that asked for a long rest is left alone, a short one waited for.
    again = ask(desk(), RESET)
    writers = ["cheap", "frontier"] if fault == "429:55" else ["cheap"]
    assert (again.outcome, written_by(again)) == ("accepted", writers)


@pytest.mark.parametrize("fault", SOME_FAULTS)
def test_a_router_whose_model_fails_decides_alone(desk: Callable[..., Desk], sim: Simulator, fault: str) -> None:
    """Where a tier's chance is near what is wanted, a model is asked to classify the ticket."""
    sim.set(CHEAP, faults=(fault,) * 3 if fault != "refused" else ())
    at = desk({"cheap": {**SOON, "base_url": closed_port()} if fault == "refused" else SOON, "frontier": {}})
    at.records.put({"cells": {f"data|cheap|{CHEAP}": {"bad": 1}}}, "for a test", "2026-11-25")
    try:
        case = ask(at, "Why does my import keep failing?")
    finally:
        at.records.roll_back()
    kept_and_clean(case, at, sim)
    routed = [h for h in case.handoffs if h.task == "route"]
    assert [h.tier for h in routed] == ["local", "cheap"], "this ticket needs no model's word any more"
    assert routed[-1].to == "retriever"
    assert case.route is not None
    if fault not in WITH_AN_ANSWER | {"malformed", "echo_content"}:
        assert "could not say more" in " ".join(case.route.reasons)
    assert len([h for h in case.handoffs if h.task == "retrieve"]) == 1


@pytest.mark.parametrize("fault", SOME_FAULTS)
def test_a_judge_whose_server_fails_leaves_the_claim_refused(
    desk: Callable[..., Desk], sim: Simulator, fault: str
) -> None:
    sim.set(CHEAP, wrong=1.0, lies=("invented prose",))
    sim.set(FRONTIER, always="" if fault == "refused" else fault)
    at = desk({"cheap": {}, "frontier": {**SOON, "base_url": closed_port()} if fault == "refused" else SOON})
    case = ask(at, RESET, deadline_s=20)
    kept_and_clean(case, at, sim)
    lies = {told.text for told in sim.mind.told}
    assert not any(lie in case.answer for lie in lies)
    assert case.outcome in ("accepted", "needs_human", "failed")
    assert case.outcome_reason


@pytest.mark.parametrize("step", ["retrieve"])
def test_the_retriever_asks_no_model(desk: Callable[..., Desk], step: str) -> None:
    case = ask(desk(policy="best"), PRO)
    assert [(h.tier, h.model_calls, h.cost_usd) for h in case.handoffs if h.task == step] == [("local", 0, 0)]


def test_when_nothing_answers_a_person_gets_the_passages(desk: Callable[..., Desk], sim: Simulator) -> None:
    sim.set(CHEAP, always="500")
    sim.set(FRONTIER, always="500")
    case = ask(desk(policy="best"), RESET)
    assert (case.outcome, case.answer) == ("needs_human", "")
    assert "password-reset.md" in {p.doc_id for p in case.passages}
    assert case.unanswered == [RESET]
    local = ask(desk(), RESET)  # other policies fall back to the built-in model, and say so
    assert (local.outcome, written_by(local)) == ("accepted", ["cheap", "frontier", "local"])


# --- the command line -----------------------------------------------------------------------------------


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch, home: Path, indexed: Path, sim: Simulator) -> Callable[..., None]:
    """Sets the tiers in the environment, as a person would."""

    def set_up(**variables: str) -> None:
        monkeypatch.setenv("OPSDESK_HOME", str(indexed))
        for tier, model in (("CHEAP", CHEAP), ("FRONTIER", FRONTIER)):
            usual = {"MODEL": model, "BASE_URL": sim.base_url, "API_KEY": KEY, "TIMEOUT": "8"}
            for name, value in usual.items():
                monkeypatch.setenv(f"OPSDESK_TIERS__{tier}__{name}", value)
        for name, value in variables.items():
            monkeypatch.setenv(f"OPSDESK_{name}", value)

    return set_up


def test_models_check_calls_each_tier_once(run: Callable[..., Result], configured: Callable[..., None]) -> None:
    configured()
    result = run("models", "--check", "--json")
    assert result.code == 0
    tiers = {row["tier"]: row for row in result.json["tiers"]}
    assert list(tiers) == ["local", "cheap", "frontier"]
    assert tiers["cheap"]["check"]["ok"]
    assert tiers["cheap"]["check"]["cost_usd"] > 0
    assert tiers["cheap"]["price"]["source"].startswith("genai-prices")
    assert KEY not in result.out + result.err


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("TIERS__CHEAP__API_KEY", "wrong-key-0123", "OPSDESK_TIERS__CHEAP__API_KEY"),
        ("TIERS__CHEAP__MODEL", "gpt-unheard-of", "OPSDESK_TIERS__CHEAP__MODEL"),
        ("TIERS__CHEAP__BASE_URL", "{no_v1}", "OPSDESK_TIERS__CHEAP__BASE_URL has no /v1"),
        ("TIERS__CHEAP__BASE_URL", "{closed}", "OPSDESK_TIERS__CHEAP__BASE_URL"),
        ("TIERS__CHEAP__INPUT_PRICE", "-1", "OPSDESK_TIERS__CHEAP__INPUT_PRICE"),
        ("TIERS__CHEAP__INPUT_PRICE", "1", "OPSDESK_TIERS__CHEAP__OUTPUT_PRICE"),
        ("HIGH_STAKES_TIER", "mid", "OPSDESK_HIGH_STAKES_TIER"),
    ],
)
def test_models_check_names_the_variable_to_change(
    run: Callable[..., Result],
    configured: Callable[..., None],
    sim: Simulator,
    variable: str,
    value: str,
    named: str,
) -> None:
    configured(**{variable: value.format(no_v1=sim.base_url.removesuffix("/v1"), closed=closed_port())})
    result = run("models", "--check")
    assert result.code in (1, 2)
    assert named in " ".join((result.out + result.err).split())
    assert KEY not in result.out + result.err


def test_a_budget_of_nothing_is_told_and_nothing_is_called(
    run: Callable[..., Result], configured: Callable[..., None], sim: Simulator
) -> None:
    configured(BUDGET_USD="0")
    result = run("models")
    assert (result.code, "OPSDESK_BUDGET_USD" in result.out) == (0, True)
    asked = run("ask", RESET, "--json")
    assert (asked.code, asked.json["outcome"], sim.books.count()["requests"]) == (0, "accepted", 0)


def test_best_without_a_tier_is_refused_before_anything(run: Callable[..., Result], home: Path) -> None:
    import os

    os.environ["OPSDESK_POLICY"] = "best"
    try:
        result = run("ask", RESET)
    finally:
        del os.environ["OPSDESK_POLICY"]
    assert result.code == 2
    assert "OPENAI_API_KEY" in result.err or "no knowledge base" in result.err


@pytest.mark.parametrize("fault", ["", "echo_401", "echo_500", "echo_content", "stream_error", "reset", "html"])
def test_the_key_is_found_nowhere(
    run: Callable[..., Result], configured: Callable[..., None], sim: Simulator, indexed: Path, fault: str
) -> None:
    sim.set(CHEAP, always=fault)
    sim.set(FRONTIER, always=fault)
    configured()
    shown = ""
    for arguments in (("models", "--check"), ("ask", RESET), ("ask", PRO, "--json")):
        result = run(*arguments, "-v", "--debug")
        shown += result.out + result.err
    assert KEY not in shown
    found = [path for path in indexed.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert found == []


def test_an_offline_desk_with_a_broken_tier_still_works(desk: Callable[..., Desk]) -> None:
    assert ask(desk({"cheap": {"base_url": "nonsense"}}, policy="offline"), RESET).outcome == "accepted"
    with pytest.raises(UsageError, match="OPSDESK_TIERS__CHEAP__BASE_URL"):
        ask(desk({"cheap": {"base_url": "nonsense"}}), RESET)
