"""Two cases side by side: where they part and what differs, as data, as text and as a page of its own."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsdesk import diff
from opsdesk.desk import Desk
from opsdesk.export import page_html
from opsdesk.export_diff import diff_html
from opsdesk.settings import Settings
from tasks.case import Case, Citation, Claim, Passage, Route, Ticket
from tests.hostile import HOSTILE
from tests.opsdesk.test_spans import case, handoff, verdict


def passage(n: int, name: str, text: str = "It costs $5.") -> Passage:
    return Passage(n=n, doc_id=f"{name}.md", chunk_id=f"{name}#1", title=name, locator="lines 1-2", text=text, score=1)


def routed(tier: Any) -> Route:
    return Route(intent="pricing", complexity="simple", stakes="low", tier=tier, reasons=[tier], questions=[])


def run_of(
    tier: str = "local", *, found: tuple[str, ...] = ("plans",), sentence: str = "It costs $5.", **more: Any
) -> Case:
    handed = [{"chunk_id": f"{name}#1"} for name in found]
    return case(
        handoff(1, "route", "retriever", payload={"sent": {"intent": "pricing", "tier": tier}}),
        handoff(2, "retrieve", "writer", 0.5, payload={"sent": handed}),
        handoff(3, "write", "verifier", 1, tier=tier, payload={"sent": {"sentences": [{"text": sentence}]}}),
        handoff(4, "verify", "asker", 2, payload=verdict(True)),
        **{
            **{"answer": f"{sentence} [1]", "claims": [Claim(text=sentence, supported=True, citations=[1])]},
            **{"passages": [passage(n, name) for n, name in enumerate(found, 1)], "route": routed(tier)},
            "citations": [Citation(n=1, doc_id=f"{found[0]}.md", title=found[0], locator="lines 1-2", quote=sentence)],
            **more,
        },
    )


def test_runs_that_do_the_same_never_part_however_long_they_take() -> None:
    slow = run_of(seconds=50.0)
    slow.handoffs[2].seconds, slow.handoffs[2].cost_usd = 40.0, 0.1
    found = diff.diff(run_of(), slow)
    assert (found["part"], found["same_ticket"]) == (None, True)
    assert found["steps"][2]["differs"] == "cost, latency"
    assert "never part" in diff_html(run_of(), slow)


@pytest.mark.parametrize(
    ("other", "step", "what"),
    [
        (run_of("cheap"), 1, ["route"]),
        (run_of(found=("plans", "prices")), 2, ["passages"]),
        (run_of(sentence="It costs $6."), 3, ["draft"]),
    ],
)
def test_the_first_step_that_hands_on_something_else_is_where_they_part(
    other: Case, step: int, what: list[str]
) -> None:
    part = diff.part(run_of(), other)
    assert part is not None
    assert (part["step"], part["what"]) == (step, what)
    assert f"they first part at <b>step {step}</b>" in diff_html(run_of(), other).lower()


def test_passages_claims_and_route_say_what_is_in_which_run() -> None:
    a = run_of(found=("plans", "old"))
    b = run_of("cheap", found=("plans", "new"), sentence="It costs $6.")
    b.passages[0] = passage(1, "plans", "It costs $6.")
    b.claims.append(Claim(text="It costs $5.", supported=False, citations=[1], reason="the page says $6"))
    rows = {row["doc_id"]: row for row in diff.passages(a, b)}
    assert {name: row["in"] for name, row in rows.items()} == {"plans.md": "both", "old.md": "A", "new.md": "B"}
    assert (rows["plans.md"]["same_text"], rows["plans.md"]["cited_in"]) == (False, ["A", "B"])
    claims = {row["text"]: (row["change"], row["A"], row["B"]) for row in diff.claims(a, b)}
    assert claims == {
        "It costs $5.": ("changed", "proven", "not proven"),
        "It costs $6.": ("only in B", None, "proven"),
    }
    assert {row["what"] for row in diff.route(a, b) if row["differs"] != "same"} == {"tier", "reasons"}


def test_sentences_are_paired_by_their_words() -> None:
    a = case(answer="It costs $5 a month for each seat [1]. It is old [2]. Ask us.\n\nSources:\n\n- one")
    b = case(
        answer="Ask us first, always. It costs $6 a month for each seat [1]. Ask us. It is blue.\n\nSources:\n\n- two"
    )
    assert [(row["change"], row["a"], row["b"]) for row in diff.said(a, b)] == [
        ("added", "", "Ask us first, always."),
        ("changed", "It costs $5 a month for each seat.", "It costs $6 a month for each seat."),
        ("removed", "It is old.", ""),
        ("same", "Ask us.", "Ask us."),
        ("added", "", "It is blue."),
    ]
    pieces = diff.words("It costs $5 a month.", "It costs $6 a month.")
    assert pieces == [("same", "It costs"), ("removed", "$5"), ("added", "$6"), ("same", "a month.")]


words = st.lists(st.sampled_from("a b c d e f".split()), max_size=8).map(" ".join)


@given(
    st.lists(words.filter(bool).map(lambda text: f"X {text}.")), st.lists(words.filter(bool).map(lambda t: f"X {t}."))
)
def test_no_sentence_is_lost_or_made_up(a: list[str], b: list[str]) -> None:
    rows = diff.said(case(answer="\n\n".join(a)), case(answer="\n\n".join(b)))
    assert [row["a"] for row in rows if row["a"]] == a
    assert [row["b"].casefold() for row in rows if row["b"]] == [text.casefold() for text in b]
    for row in rows:
        pieces = diff.words(row["a"], row["b"])
        assert " ".join(said for kind, said in pieces if kind != "added") == " ".join(row["a"].split())
        assert " ".join(said for kind, said in pieces if kind != "removed") == " ".join(row["b"].split())


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def tags(html: str) -> tuple[set[str], set[str]]:
    found = Tags()
    found.feed(html)
    return found.tags, found.attributes


def hostile_run(text: str) -> Case:
    """A run in which everything that is not ours is `text`."""
    found = run_of(sentence=text, ticket=Ticket(text=text, subject=text), outcome_reason=text, kb=text, case_id=text)
    found.passages = [passage(1, text, text)]
    found.claims = [Claim(text=text, supported=False, citations=[1], reason=text)]
    found.citations = [Citation(n=1, doc_id=text, title=text, locator=text, quote=text)]
    found.route = routed("local").model_copy(update={"intent": text, "reasons": [text], "approval": text})
    for step in found.handoffs:
        step.reason, step.model, step.payload = text, text, {"sent": {"text": text}, "received": text}
    return found


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_make_no_element_and_no_attribute(name: str) -> None:
    plain, other = hostile_run("plain"), hostile_run("simple")
    hostile = hostile_run(HOSTILE[name][:2_000])
    before = tags(diff_html(plain, other))
    found = tags(diff_html(plain, hostile))
    assert found[0] <= before[0] | {"br", "ins", "del"}
    assert found[1] <= before[1]
    assert found[0].isdisjoint({"script", "img", "link", "a", "form", "iframe"})
    single = page_html(hostile)
    assert tags(single)[1] <= tags(page_html(plain))[1]
    assert single.count("<script") == 1


def test_trace_of_two_cases_tells_where_they_part_in_every_form(run: Any, page: Path, tmp_path: Path) -> None:
    desk = Desk(Settings())
    desk.index([page], "help")
    asked = ("How do I reset my password?", "Who are you?")
    ids = [desk.ask(Ticket(text=text), "help").case_id for text in asked]
    file = tmp_path / "diff.html"
    run_ = run("trace", *ids, "--html", file)
    assert (run_.code, run_.out) == (0, "")
    assert "They first part at" in file.read_text(encoding="utf-8")
    found = run("trace", *ids, "--json").json
    assert (found["a"], found["b"], found["part"]["step"]) == (*ids, 1)
    told = run("trace", *ids)
    assert "they first part at step 1" in told.out
    assert "- " in told.out
    assert run("trace", ids[0], ids[0]).code == 2
    assert run("trace", ids[0], "c-none").code == 2


def test_a_secret_is_in_neither_page(run: Any, page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "sk-canary-0123456789abcdef"
    desk = Desk(Settings())
    desk.index([page], "help")
    ids = [desk.ask(Ticket(text=f"{text} {key}"), "help").case_id for text in ("How do I reset it?", "Who is that?")]
    monkeypatch.setenv("OPENAI_API_KEY", key)
    monkeypatch.setenv("OPSDESK_POLICY", "offline")
    for arguments in ([ids[0]], ids):
        file = tmp_path / "page.html"
        assert run("trace", *arguments, "--html", file).code == 0
        assert key not in file.read_text(encoding="utf-8")
        assert "[hidden]" in file.read_text(encoding="utf-8")
