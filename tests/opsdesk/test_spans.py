"""A case as rows of a trace, as a sequence, as figures, and as a page of its own."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsdesk import diff, spans
from opsdesk.export import page_html
from opsdesk.export_page import SCRIPT
from opsdesk.prompts import prompt
from tasks.case import STEPS, Case, Claim, Handoff, Passage, Route, Ticket, Verdict

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def handoff(seq: int, task: str, to: str, at: float = 0, **more: Any) -> Handoff:
    usual: dict[str, Any] = {
        **{"seq": seq, "from_": STEPS[task], "to": to, "task": task, "attempt": 1, "status": "done"},  # type: ignore[index]
        **{"reason": "because", "tier": "local", "model": "m", "tokens_in": 10, "tokens_out": 5, "seconds": 0.5},
        **{"cost_usd": 0.0, "cost_all_frontier_usd": 0.01, "started_at": NOW + timedelta(seconds=at)},
    }
    return Handoff(**{**usual, **more})


def verdict(*supported: bool) -> dict[str, Any]:
    claims = [Claim(text=f"Claim {n}.", supported=s, citations=[1], reason="" if s else "absent")
              for n, s in enumerate(supported)]  # fmt: skip
    return {"sent": Verdict(supported=all(supported), score=1, claims=claims).model_dump(mode="json")}


def case(*handoffs: Handoff, **more: Any) -> Case:
    usual = {"case_id": "c-1", "kb": "docs", "created_at": NOW, "outcome": "accepted", "seconds": 5.0}
    return Case.model_validate({**usual, "ticket": Ticket(text="How much?"), "handoffs": handoffs, **more})


@pytest.fixture
def escalated() -> Case:
    """Rejected, revised, rejected, escalated, passed; the frontier's usage is unknown."""
    frontier = {"tier": "frontier", "model": "f", "model_calls": 1, "cost_usd": None, "cost_at_most_usd": 0.02}
    return case(
        handoff(1, "route", "retriever"),
        handoff(
            2, "retrieve", "writer", 0.5, payload={"received": {"questions": [{"text": "How much?"}]}, "sent": [{}]}
        ),
        handoff(3, "write", "verifier", 1, tier="cheap", model_calls=1, cost_usd=0.001),
        handoff(4, "verify", "writer", 1.5, status="failed", payload=verdict(True, False)),
        handoff(5, "write", "verifier", 2, tier="cheap", model_calls=1, cost_usd=0.001),
        handoff(
            6, "verify", "writer", 2.5, status="failed", reason="no; escalated to frontier", payload=verdict(False)
        ),
        handoff(7, "write", "verifier", 3, **frontier),
        handoff(8, "verify", "asker", 4, payload=verdict(True)),
    )


def top(found: list[spans.Span]) -> list[spans.Span]:
    return [row for row in found if not row.parent]


def test_each_step_says_which_try_it_is_and_how_it_ended(escalated: Case) -> None:
    rows = top(spans.spans(escalated))
    assert [row.label for row in rows] == [
        "Route request",
        "Retrieve evidence",
        "Draft answer",
        "Verify grounding",
        "Draft answer - retry 1",
        "Verify grounding",
        "Draft answer - escalated",
        "Verify grounding",
    ]
    assert [[word for word, _ in row.badges] for row in rows] == [
        [], [], [], ["failed"], ["try 2"], ["failed", "escalated"], ["try 3"], ["passed"],
    ]  # fmt: skip
    assert [row.failed for row in rows] == [False, False, False, True, False, True, False, False]


def test_a_claim_that_was_refused_is_a_row_without_a_time_nobody_measured(escalated: Case) -> None:
    rows = {row.id: row for row in spans.spans(escalated)}
    refused = rows["4.1"]
    assert (refused.parent, refused.label, refused.failed) == ("4", "Claim 1.", True)
    assert (refused.start, refused.seconds) == (None, None)
    assert "absent" in refused.detail
    assert rows["2.1"].label == "How much?"
    assert "8.1" not in rows


def passage(n: int, *questions: int) -> Passage:
    return Passage(n=n, doc_id="d", chunk_id=f"d#{n}", title=f"Page {n}", locator="line 1", text="T", score=1 / n,
                   questions=list(questions))  # fmt: skip


def test_each_question_says_what_was_handed_on_for_it_also_where_reasons_are_fewer_than_questions() -> None:
    asked = {"received": {"questions": [{"text": "One?"}, {"text": "Two?"}, {"text": "Three?"}]}}
    found = handoff(1, "retrieve", "writer", payload=asked, reason="1 passage; nothing")
    rows = spans.spans(case(found, passages=[passage(1, 0), passage(2, 0, 2)]))[1:]
    assert [(row.label, row.detail.splitlines()[1], [word for word, _ in row.badges]) for row in rows] == [
        ("One?", "2 passages, the best from Page 1", []),
        ("Two?", "no passage was handed on for it", ["nothing found"]),
        ("Three?", "1 passage, the best from Page 2", []),
    ]
    at_work = spans.spans(case(found, outcome=None))[1:]  # its passages are kept when it ends
    assert [row.badges for row in at_work] == [(), (), ()]


def test_a_sentence_that_was_struck_is_told_though_the_rest_passed() -> None:
    struck = {**verdict(True)["sent"], "struck": [{"text": "It is free.", "supported": False, "reason": "absent"}]}
    row = spans.spans(case(handoff(1, "verify", "asker", payload={"sent": struck})))[1]
    assert (row.label, row.badges, row.failed) == ("It is free.", (("struck", "warn"),), False)


def test_an_unknown_cost_is_shown_with_its_bound_and_never_as_nothing(escalated: Case) -> None:
    data = spans.waterfall(spans.spans(escalated), 5, "1")
    costs = {row["id"]: row["cost"] for row in data["rows"]}
    assert (costs["3"], costs["7"], costs["8"], costs["4.1"]) == ("$0.0010", "≤ $0.0200", "$0", "–")
    escalated.handoffs[6].cost_at_most_usd = None
    costs = {row["id"]: row["cost"] for row in spans.waterfall(spans.spans(escalated), 5, "1")["rows"]}
    assert costs["7"] == "unknown"


def test_the_figures_say_how_it_went(escalated: Case) -> None:
    found = {label: (value, below) for label, value, below, _ in spans.figures(escalated)}
    assert found["Outcome"] == ("Proven", "1 retry, 1 escalated")
    assert found["Model calls"] == ("3", "1 on frontier")
    assert found["Cost of this run"] == ("unknown", "at most $0.0220")
    assert found["All-frontier estimate"] == ("$0.0800", "cost unknown")
    plain = case(handoff(1, "route", "retriever"), handoff(2, "write", "verifier", cost_usd=0.002, tier="cheap"))
    found = {label: (value, below) for label, value, below, _ in spans.figures(plain)}
    assert found["Outcome"] == ("Proven", "first pass")
    assert found["Cost of this run"] == ("$0.0020", "100% from step 2")
    assert found["All-frontier estimate"] == ("$0.0200", "90% saved")


def test_several_handoffs_of_one_step_are_its_parts_and_add_up(escalated: Case) -> None:
    judged = case(
        handoff(1, "verify", "verifier", 1, payload=verdict(False)),
        handoff(
            2, "verify", "asker", 1.5, tier="frontier", cost_usd=0.01, model_calls=1, seconds=2, payload=verdict(True)
        ),
    )
    rows = spans.spans(judged)
    assert [row.id for row in rows] == ["1", "1.1", "1.2"]
    assert [row.label for row in rows] == ["Verify grounding", "check the proof", "judge frontier"]
    assert (rows[0].tokens, rows[0].cost_usd, rows[0].seconds, rows[0].calls) == (30, 0.01, 2.5, 1)


def test_a_case_at_work_shows_the_step_that_is_being_done() -> None:
    running = case(handoff(1, "route", "retriever"), outcome=None)
    running.tasks[1].status = "doing"
    last = spans.spans(running)[-1]
    assert (last.label, last.badges[0][0], last.seconds) == ("Searching", "at work", None)


def test_filters_keep_the_parents_of_what_they_keep(escalated: Case) -> None:
    rows = spans.spans(escalated)
    assert [row.id for row in spans.filtered(rows, calls=True, problems=False)] == ["3", "5", "7"]
    problems = [row.id for row in spans.filtered(rows, calls=False, problems=True)]
    assert problems == ["4", "4.1", "5", "6", "6.1", "7"]
    assert spans.filtered(rows, calls=False, problems=False) == rows


@given(
    st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.floats(0, 100), st.floats(0, 100)), min_size=1, max_size=70)
)
def test_every_bar_lies_on_the_lane_and_every_row_is_told_once(steps: list[tuple[str, float, float]]) -> None:
    handoffs = [handoff(n, task, "writer", at, seconds=seconds) for n, (task, at, seconds) in enumerate(steps, 1)]
    rows = spans.spans(case(*handoffs))
    assert len({row.id for row in rows}) == len(rows)
    data = spans.waterfall(rows, 1.0, rows[0].id)
    for row in data["rows"]:
        if row["left"] is not None:
            assert 0 <= row["left"] <= 100.01
            assert row["left"] + row["width"] <= 100.01
    shown = {row.handoff.seq for row in rows if row.handoff}
    assert shown == {h.seq for h in handoffs}


def test_long_runs_close_groups_of_a_single_child(escalated: Case) -> None:
    many = case(*(handoff(n, "retrieve" if n % 2 else "write", "writer", n,
                          payload={"received": {"questions": [{"text": "Q"}]}}) for n in range(1, 31)))  # fmt: skip
    opened = [row["open"] for row in spans.waterfall(spans.spans(many), 40, "")["rows"] if row["has_children"]]
    assert opened
    assert not any(opened)
    short = spans.waterfall(spans.spans(escalated), 5, "")["rows"]
    assert {row["id"] for row in short if row["open"]} == {"4", "6"}


# --- the sequence: nothing that was typed or written gets into the diagram's language ------------------------


@given(st.text(max_size=60))
def test_no_text_of_others_is_read_as_the_diagrams_language(text: str) -> None:
    route = Route(intent=text, complexity="simple", stakes="low", tier="local", reasons=[text], questions=[])
    sent = {"sent": route.model_dump(mode="json")}
    run = case(handoff(1, "route", "retriever", payload=sent, reason=text), handoff(2, "verify", "person", reason=text))
    for line in spans.mermaid(run).splitlines()[1:]:
        assert re.fullmatch(r"  participant [a-z]+|  [a-z]+-{1,2}(?:>>|x)[a-z]+: [\w ,]+", line), line


# --- the page of its own --------------------------------------------------------------------------------------


class Tags(HTMLParser):
    """Which elements and attributes a page has."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {(name, value or "") for name, value in attrs}


def test_an_exported_page_needs_nothing_and_makes_nothing_of_hostile_text(escalated: Case) -> None:
    hostile = "<script src=//evil.example></script><img src=http://evil.example/a.png onerror=x>\" style='x' ]]>"
    escalated.ticket = Ticket(text=hostile)
    escalated.outcome_reason = escalated.answer = hostile
    escalated.handoffs[0].reason = hostile
    escalated.handoffs[0].payload = {"sent": {"text": hostile}}
    html = page_html(escalated)
    found = Tags()
    found.feed(html)
    assert not found.tags & {"img", "link", "iframe", "object", "form", "a", "svg"}
    assert html.count("<script") == 1  # ours, which the policy knows by its digest; no other may run
    assert not {name for name, _ in found.attributes} & {"src", "href", "onerror", "action"}
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    nothing = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    policy = f"{nothing}; script-src 'sha256-{digest}'"
    assert ("content", policy) in found.attributes
    assert html.count("&lt;script src=//evil.example&gt;") >= 4
    assert "Draft answer - escalated" in html
    assert "2026-11-26 12:00 UTC" in html  # a file is read on another day


def test_two_runs_are_compared_in_words(escalated: Case) -> None:
    plain = case(
        handoff(1, "route", "retriever"),
        handoff(2, "retrieve", "writer", 0.5),
        handoff(3, "write", "verifier", 1, answer="x"),
        handoff(4, "verify", "asker", 2, payload=verdict(True)),
        answer="It costs $5.",
    )
    escalated.answer = "It costs $6."
    steps = diff.steps(plain, escalated)
    assert [row["differs"] for row in steps[:4]] == ["same", "passages", "tier, cost", "outcome, claims"]
    assert {row["differs"] for row in steps[4:]} == {"only in B"}
    assert {"-It costs $5.", "+It costs $6."} <= set(diff.answer_lines(plain, escalated))
    assert diff.answer_lines(plain, plain) == []
    differs = {row["figure"]: row["differs"] for row in diff.figures(plain, escalated)}
    assert (differs["Outcome"], differs["Model calls"]) == ("same", "3 more in B")
    assert differs["Cost of this run"] == "differs"  # B's is unknown: nobody can say by how much
    assert {row["figure"]: row["differs"] for row in diff.figures(plain, plain)}["Latency"] == "same"


def test_a_step_that_takes_much_longer_is_said_to_differ_and_one_that_takes_a_little_longer_is_not() -> None:
    runs = [case(handoff(1, "route", "retriever", seconds=seconds)) for seconds in (0.5, 0.55, 1.2)]
    assert diff.steps(runs[0], runs[1])[0]["differs"] == "same"
    assert diff.steps(runs[0], runs[2])[0]["differs"] == "latency"


def test_a_prompt_is_the_one_its_agent_has() -> None:
    from agents import retriever, router, verifier, writer

    for module in (router, retriever, writer, verifier):
        assert prompt(module.ROLE) == f"{module.PROMPT}\n\n{module.INSTRUCTION}"


def test_trace_writes_a_page(run: Any, page: Path, tmp_path: Path) -> None:
    run("index", page, "--kb", "help")
    asked = run("ask", "How do I reset my password?", "--json")
    found = run("trace", asked.json["case_id"], "--html", tmp_path / "run.html")
    assert (found.code, found.out) == (0, "")
    assert "Forgot password?" in (tmp_path / "run.html").read_text(encoding="utf-8")
    both = run("trace", asked.json["case_id"], "--html", tmp_path / "run.html", "--json")
    assert json.loads(both.out)["case_id"] == asked.json["case_id"]
