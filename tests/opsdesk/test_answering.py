"""What people read of a case: passages with the words that support it marked, the proof, values in words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsdesk.answering import body, marked, view
from opsdesk.display import cost, count, duration, line, saved, usd, visible, when
from opsdesk.examples import questions
from opsdesk.known import Stale
from tasks.case import Case, Citation, Claim, Draft, Handoff, Passage, Quote, Sentence, Ticket

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def passage(n: int, text: str, **more: Any) -> Passage:
    place = {"doc_id": f"d{n}.md", "chunk_id": f"d{n}.md#1", "title": f"T{n}", "locator": "line 1"}
    return Passage.model_validate({**place, "n": n, "text": text, "score": 1, **more})


def handoff(**more: Any) -> Handoff:
    usual: dict[str, Any] = {
        **{
            "seq": 1,
            "from_": "writer",
            "to": "verifier",
            "task": "write",
            "attempt": 1,
            "status": "done",
            "reason": "",
        },
        **{"tier": "local", "model": "m", "tokens_in": 0, "tokens_out": 0, "cost_usd": 0.0, "seconds": 0.1},
        **{"cost_all_frontier_usd": 0.0, "started_at": NOW},
    }
    return Handoff(**{**usual, **more})


@pytest.fixture
def case() -> Case:
    draft = Draft(sentences=[Sentence(text="It costs $5.", quotes=[Quote(n=1, text="$5 a month")])])
    return Case(
        case_id="c-1",
        ticket=Ticket(text="How much?"),
        kb="docs",
        created_at=NOW,
        outcome="accepted",
        answer="It costs $5. [1]\n\nSources:\n\n- [1] T1",
        citations=[Citation(n=1, doc_id="d1.md", title="T1", locator="line 1", quote="The plan costs")],
        claims=[Claim(text="It costs $5.", supported=True, citations=[1])],
        passages=[passage(1, "The plan costs $5 a month. Others cost more.", internal=True)],
        handoffs=[handoff(payload={"sent": draft.model_dump(mode="json")})],
    )


def test_a_citation_opens_its_passage_with_all_the_words_that_were_taken_from_it_marked(case: Case) -> None:
    found = view(case)["citations"][0]
    assert [words for words, is_marked in found["parts"] if is_marked] == ["The plan costs", "$5 a month"]
    assert "".join(words for words, _ in found["parts"]) == case.passages[0].text
    assert [found[name] for name in ("title", "locator", "doc_id")] == ["T1", "line 1", "d1.md"]
    assert found["notes"] == ["internal"]


def test_the_list_of_sources_is_left_out_since_the_passages_are_there(case: Case) -> None:
    assert view(case)["text"] == "It costs $5. [1]" == body(case.answer)


def test_a_document_that_has_changed_since_is_told(case: Case) -> None:
    found = view(case, [Stale("d1.md", "T1", "changed")])["citations"][0]
    assert found["stale"] is True
    assert any("changed since" in note for note in found["notes"])
    assert view(case)["citations"][0]["stale"] is False


def test_what_was_struck_is_in_the_proof_and_not_proven(case: Case) -> None:
    gone = Claim(text="It is free.", supported=False, citations=[1], reason="absent")
    sent = {"struck": [gone.model_dump(mode="json")]}
    case.handoffs.append(handoff(seq=2, task="verify", from_="verifier", to="asker", payload={"sent": sent}))
    claims = view(case)["claims"]
    assert [(c["verdict"], c["supported"]) for c in claims] == [("proven", True), ("struck", False)]
    assert claims[1]["reason"] == "absent"
    assert claims[0]["from"] == ["[1] T1"]


@given(st.text(alphabet="ab \n", max_size=30), st.lists(st.text(alphabet="ab ", max_size=6), max_size=5))
def test_marking_loses_and_adds_nothing_and_marks_every_quote(text: str, quotes: list[str]) -> None:
    pieces = marked(text, quotes)
    assert "".join(piece for piece, _ in pieces) == text
    places = [is_marked for piece, is_marked in pieces for _ in piece]
    for quote in quotes:
        if quote and (at := text.find(quote)) >= 0:
            assert all(places[at : at + len(quote)])
    assert sum(places) <= sum(len(quote) for quote in set(quotes))


def test_what_cannot_be_seen_is_shown_as_a_mark() -> None:
    assert visible("a\u202eb\u200b\U000e0041\U000e0042c\x00") == "a\ufffdb\ufffdc\ufffd"
    assert visible("plain\r\ntext\tä 日本 €") == "plain\ntext\tä 日本 €"
    assert line("a  b\n" * 100, 7) == "a b a…"


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (usd(None), "unknown"),
        (usd(0), "$0"),
        (usd(0.0190), "$0.0190"),
        (usd(0.000012), "$0.000012"),
        (usd(1234.5), "$1,234.50"),
        (duration(0.0484), "48 ms"),
        (duration(0.9999), "1.00 s"),
        (duration(12.38), "12.4 s"),
        (duration(200), "3 min 20 s"),
        (duration(7500), "2 h 5 min"),
        (saved(0.019, 0.0363), "48% saved"),
        (saved(0.04, 0.02), "100% more"),
        (saved(None, 0.02), ""),
        (saved(0.01, None), ""),
        (count(1, "model call"), "1 model call"),
        (count(8, "model call"), "8 model calls"),
        (when("2020-01-02T03:04:05+00:00"), "2 Jan 03:04"),
    ],
)
def test_values_read_as_people_write_them(shown: str, expected: str) -> None:
    assert shown == expected


def test_an_unknown_cost_is_told_with_its_bound_and_never_as_nothing(case: Case) -> None:
    case.handoffs.append(handoff(seq=2, cost_usd=None, cost_at_most_usd=0.02))
    assert cost(case) == "unknown, at most $0.0200"


def test_examples_are_questions_made_of_the_documents_own_headings() -> None:
    headings = ["Can the trial be made longer?", "API limits", "Reset your password", "Create an API key", "x"]
    assert questions(headings) == [
        "Can the trial be made longer?",
        "How do I reset my password?",
        "How do I create an API key?",
        "What should I know about API limits?",
    ]
    assert questions([]) == []
    assert questions(["API limits", "Billing and invoices"]) == [
        "What should I know about API limits?",
        "What should I know about billing and invoices?",
    ]
