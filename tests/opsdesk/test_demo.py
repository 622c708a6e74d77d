"""The crew on the bundled sample, offline: what a new user sees first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from opsdesk.demo import KB, SAMPLE, tickets
from opsdesk.desk import Desk
from opsdesk.settings import Settings
from tasks.case import Case, Ticket

EXPECTED: dict[str, dict[str, Any]] = {
    row["id"]: row["expect"]
    for row in map(json.loads, (SAMPLE / "tickets.jsonl").read_text(encoding="utf-8").splitlines())
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, model_cache: Path) -> Desk:
    home = tmp_path_factory.mktemp("home")
    (home / "models").symlink_to(model_cache, target_is_directory=True)
    desk = Desk(Settings(home=home))
    desk.index([SAMPLE / "docs"], KB)
    return desk


@pytest.fixture(scope="module")
def cases(desk: Desk) -> dict[str, Case]:
    return {ticket.ticket_id: desk.ask(ticket, KB) for ticket in tickets()}


def as_wanted(case: Case, expected: dict[str, Any]) -> bool:
    cited = {citation.doc_id for citation in case.citations}
    return (
        case.outcome == expected["outcome"]
        and all(text in case.answer for text in expected["must_contain"])
        and not any(text in case.answer for text in expected["must_not_contain"])
        and set(expected["cite"]) <= cited
    )


def test_price_and_allowance_are_each_pinned_to_their_own_page(desk: Desk) -> None:
    case = desk.ask(Ticket(text="Does your Pro plan include API access, and how much is it?"), KB)
    assert case.outcome == "accepted"
    assert case.route is not None
    assert (case.route.complexity, case.route.stakes) == ("hard", "high")
    quotes = {citation.doc_id: citation.quote for citation in case.citations}
    assert quotes == {
        "plans.md": "The Pro plan costs $49 per seat per month.",
        "api-limits.md": "The Pro plan includes API access with 50,000 calls a month.",
    }


def test_a_password_reset_is_simple_and_comes_in_steps(desk: Desk) -> None:
    case = desk.ask(Ticket(text="How do I reset my password?"), KB)
    assert case.route is not None
    assert (case.outcome, case.route.complexity) == ("accepted", "simple")
    assert "1. Open https://app.tidewater.example/login" in case.answer
    assert "5. Sign in with the new password." in case.answer


def test_a_plan_that_does_not_exist_is_not_priced(desk: Desk) -> None:
    case = desk.ask(Ticket(text="How much is the Titanium plan?"), KB)
    assert (case.outcome, case.answer) == ("abstained", "")
    assert 'no document mentions "Titanium"' in case.outcome_reason


def test_what_is_internal_is_told_to_staff_alone(desk: Desk) -> None:
    question = "How much may a support agent refund without asking anyone?"
    customer, staff = (desk.ask(Ticket(text=question, audience=who), KB) for who in ("customer", "staff"))
    assert "$200" not in customer.answer
    assert not any(passage.internal and passage.text in customer.answer for passage in customer.passages)
    assert "$200" in staff.answer


def test_pages_that_disagree_are_told_and_the_newer_is_followed(cases: dict[str, Case]) -> None:
    answer = cases["T-19"].answer
    assert "expires after 72 hours" in answer
    assert "expires after 24 hours" not in answer
    assert "follows the newer page [1], and an older one [" in answer
    assert "- [2] Exporting your data (2025)" in answer


def test_a_price_without_a_plan_is_told_for_each_plan_and_asked_back(desk: Desk) -> None:
    case = desk.ask(Ticket(text="How much does a seat cost per month?"), KB)
    assert case.outcome == "accepted"
    assert all(f"${price} per seat per month. [1]" in case.answer for price in (19, 49, 69, 99))
    assert "\n\nWhich plan are you on?\n\nSources:" in case.answer


def test_tone_and_sign_off_come_from_the_settings(desk: Desk) -> None:
    formal = Desk(Settings(home=desk.settings.home, tone="formal", sign_off="Ada Byron\nTidewater"))
    question = "How long do we have to get a refund on an annual plan?\n\nThanks,\nMaria Lopez"
    answer = formal.ask(Ticket(text=question, kind="reply"), KB).answer
    assert answer.startswith("Dear Maria Lopez,\n\nThank you for your message.\n\nAnnual plans can be refunded")
    assert "\n\nYours sincerely,  \nAda Byron\nTidewater\n\nSources:" in answer


def test_most_tickets_end_as_a_person_would_want(cases: dict[str, Case]) -> None:
    good = [ticket_id for ticket_id, case in cases.items() if as_wanted(case, EXPECTED[ticket_id])]
    assert len(good) >= 19, sorted(set(cases) - set(good))


@pytest.mark.parametrize("injected", ["12 months free", "approved automatically"])
def test_an_instruction_in_a_page_or_a_ticket_reaches_no_answer(cases: dict[str, Case], injected: str) -> None:
    assert not any(injected in case.answer for case in cases.values())


def test_no_customer_is_told_an_internal_figure(cases: dict[str, Case]) -> None:
    for_customers = [case for case in cases.values() if case.ticket.audience == "customer"]
    assert not any(figure in case.answer for case in for_customers for figure in ("$200", "$1,500", "$75"))
    assert not any("twops" in case.answer for case in for_customers)


def test_every_accepted_sentence_quotes_a_passage_that_the_case_keeps(cases: dict[str, Case]) -> None:
    for case in cases.values():
        texts = {passage.n: passage.text for passage in case.passages}
        assert all(citation.quote in texts[citation.n] for citation in case.citations)
        assert case.outcome != "accepted" or all(claim.supported and claim.citations for claim in case.claims)


def test_every_handoff_is_free_named_and_in_order(cases: dict[str, Case]) -> None:
    for case in cases.values():
        assert [handoff.seq for handoff in case.handoffs] == list(range(1, len(case.handoffs) + 1))
        assert {(handoff.model, handoff.cost_usd) for handoff in case.handoffs} == {("built-in extractive model", 0.0)}
        assert all(handoff.reason for handoff in case.handoffs)
