"""What a batch will take, an edited text held against its passages, and the rows of an export."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from opsdesk import drafting, ticket_files
from opsdesk.desk import Desk
from opsdesk.draft_files import as_bytes
from opsdesk.settings import read_settings
from tasks.batches import Verdict
from tasks.case import Case, Citation, Claim, Handoff, Passage, Ticket
from tasks.drafts import Drafts

NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)
ANSWER = "Hello Ada,\n\nThe Pro plan costs $49 per seat per month. [1]\n\nRegards,  \nThe support team"


@pytest.fixture
def desk(home: Path) -> Desk:
    return Desk(read_settings(), lambda: NOW)


@pytest.fixture
def paid(home: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("OPSDESK_TIERS__MID__MODEL", "test-model")
    monkeypatch.setenv("OPSDESK_TIERS__MID__BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("OPSDESK_TIERS__MID__INPUT_PRICE", "2")
    monkeypatch.setenv("OPSDESK_TIERS__MID__OUTPUT_PRICE", "10")
    return Desk(read_settings(), lambda: NOW)


def case(case_id: str, cost: float | None = 0.0, model: str = "test-model", answer: str = ANSWER) -> Case:
    made = Case(
        case_id=case_id,
        ticket=Ticket(text="How much is the Pro plan?", customer="Ada", kind="reply"),
        kb="kb",
        created_at=NOW,
        outcome="accepted",
        answer=answer,
        seconds=2.0,
    )
    text = "The Pro plan costs $49 per seat per month. It has 50,000 calls."
    made.passages = [Passage(n=1, doc_id="p", chunk_id="p#0", title="Plans", locator="1", text=text, score=1.0)]
    made.citations = [Citation(n=1, doc_id="p", title="Plans", locator="1", quote="costs $49")]
    made.claims = [Claim(text="The Pro plan costs $49 per seat per month.", supported=True, citations=[1])]
    write = Handoff(
        **{"seq": 1, "from": "writer", "to": "verifier", "task": "write", "attempt": 1, "status": "done"},
        **{"reason": "", "tier": "mid", "model": model, "tokens_in": 1, "tokens_out": 1, "cost_usd": cost},
        **{"cost_all_frontier_usd": cost, "started_at": NOW, "seconds": 2.0},
    )
    made.handoffs = [write]
    return made


def keep(desk: Desk, made: Case) -> None:
    steps, made.handoffs = made.handoffs, []
    desk.task_list.open_case(made)
    for step in steps:
        desk.task_list.record(made, step)
    desk.task_list.close(made)


def test_the_built_in_model_is_free(desk: Desk) -> None:
    found = drafting.estimate(desk, 50, "kb")
    assert (found.low, found.high) == (0, 0)
    assert "free" in found.how


def test_without_cases_an_estimate_stands_on_prices_and_usual_lengths(paid: Desk) -> None:
    found = drafting.estimate(paid, 100, "kb")
    assert found.low == 0
    assert found.high == pytest.approx(100 * (3_500 * 2 + 500 * 10) / 1e6)
    assert "list prices" in found.how


def test_an_estimate_stands_on_the_last_cases_with_the_same_models(paid: Desk) -> None:
    for n in range(10):
        keep(paid, case(f"c-{n}", 0.01))
    keep(paid, case("c-other", 5.0, model="another-model"))
    found = drafting.estimate(paid, 100, "kb")
    assert (found.low, found.high) == pytest.approx((1.0, 1.0))
    assert found.seconds == pytest.approx(200)
    assert "last 10 tickets" in found.how
    assert "list prices" in drafting.estimate(paid, 100, "another").how


def test_an_edited_text_is_held_against_its_passages_and_nothing_else() -> None:
    made = case("c-1")
    assert drafting.reproof(made.answer, made).supported
    friendly = made.answer.replace("Hello Ada,", "Dear Ada,\n\nThanks for getting in touch.")
    assert drafting.reproof(friendly, made).supported
    found = drafting.claims_of(drafting.reproof(made.answer.replace("$49", "$39"), made))
    assert [claim.supported for claim in found] == [False]
    assert "$39" in found[0].text


def test_a_customers_answer_is_not_held_against_internal_pages() -> None:
    made = case("c-1")
    made.passages[0].internal = True
    assert not drafting.reproof(made.answer, made).supported


def test_an_export_has_every_row_in_order_and_an_edited_ones_own_proof(desk: Desk) -> None:
    drafts = Drafts(desk.task_list.database, lambda: NOW)
    rows = [(Ticket(text="How much?", ticket_id=f"T-{n}"), "") for n in range(3)]
    id_ = drafts.make("June", "kb", [*rows, (Ticket(text="", ticket_id="T-3"), "line 5: the text is empty")])
    for _ in range(2):
        row = drafts.queue.claim("w:1")
        assert row
        made = case(row.case_id, 0.25)
        keep(desk, made)
        drafts.queue.finish(row, desk.case(row.case_id))
    edited = made.answer.replace("$49", "$39")
    drafts.review(id_, 2, Verdict("edited", "Ada", "", "price", text=edited, proven=False))
    found = list(drafting.export_rows(desk, drafts, id_))
    assert [row["ticket_id"] for row in found] == ["T-0", "T-1", "T-2", "T-3"]
    assert [row["status"] for row in found] == ["drafted", "drafted", "not_started", "rejected"]
    assert [[c["supported"] for c in row["claims"]] for row in found] == [[True], [False], [], []]
    assert (found[1]["draft"], found[1]["review"], found[1]["reviewed_by"]) == (edited, "edited", "Ada")
    assert [row["cost_usd"] for row in found] == [0.25, 0.25, None, None]
    assert found[3]["error"] == "line 5: the text is empty"
    assert [json.loads(line) for line in as_bytes(found, "t.jsonl").splitlines()] == found


def test_a_time_estimate_of_the_built_in_model_is_what_it_took_here(desk: Desk) -> None:
    for n in range(10):
        made = case(f"c-{n}")
        made.handoffs[0].tier, made.created_at = "local", NOW + timedelta(seconds=n)
        keep(desk, made)
    assert drafting.estimate(desk, 10, "kb").seconds == pytest.approx(20)


def test_a_batch_knows_how_urgent_its_tickets_are_and_which_ask_the_same() -> None:
    lines = ["text,due,priority", "How much is it?,2026-12-01T10:00:00Z,urgent", "Hello how much is it please,,", "x,,"]
    rows = ticket_files.read("\n".join(lines).encode(), "t.csv").rows().rows
    first, second, third = drafting.planned(rows)
    assert (first.due, first.priority, first.error) == ("2026-12-01T10:00:00+00:00", 0, "")
    assert second.likeness == first.likeness != ""
    assert (second.due, second.priority, third.likeness) == ("", 2, "")
