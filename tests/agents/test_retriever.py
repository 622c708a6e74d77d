"""The retriever: what it hands on, and when it says that there is nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import pytest

from agents.retriever import DOUBT, Library, Wanted, local_skill, names_in
from knowledge_base.ranking import Signs
from knowledge_base.search import Findings, Hit
from tasks.case import Found, Question, Ticket


def hit(doc_id: str, position: int = 0, **meta: str) -> Hit:
    return Hit(
        doc_id=doc_id,
        chunk_id=f"{doc_id}#{position}",
        title=doc_id,
        locator="line 1",
        score=1.0,
        text="text",
        headings=(),
        modified=None,
        doc_sha256="0",
        position=position,
        meta=meta,
    )


def evidence(*hits: Hit, confidence: float = 0.9, missing: tuple[str, ...] = ()) -> Findings:
    return Findings(list(hits), confidence, Signs(0.8, 0.2, 0.2), missing)


def shelf(search: Callable[[str, int], Findings]) -> Library:
    return Library(search, lambda best: [best], search)


def retrieve(found: dict[str, Findings], *questions: Question) -> Found:
    library = shelf(lambda query, k: found[query])
    made = local_skill(lambda: library).do(Wanted(questions=list(questions), ticket=Ticket(text="")))
    assert isinstance(made, Found)
    return made


def test_a_passage_found_for_two_questions_is_handed_on_once_for_both() -> None:
    found = retrieve(
        {"a": evidence(hit("x")), "b": evidence(hit("x"), hit("y"))}, Question(text="a"), Question(text="b")
    )
    assert [(p.n, p.doc_id, p.questions) for p in found.passages] == [(1, "x", [0, 1]), (2, "y", [1])]


def test_the_best_hit_brings_its_neighbours() -> None:
    around = [hit("x", 4), hit("x", 5), hit("x", 6)]
    library = shelf(lambda query, k: evidence(hit("x", 5)))._replace(siblings=lambda best: around)
    made = local_skill(lambda: library).do(Wanted(questions=[Question(text="a")], ticket=Ticket(text="")))
    assert isinstance(made, Found)
    assert sorted(p.position for p in made.passages) == [4, 5, 6]


def test_passages_that_hardly_answer_the_question_are_not_handed_on() -> None:
    found = retrieve({"a": evidence(hit("x"), confidence=DOUBT - 0.01)}, Question(text="a"))
    reason = "nothing in the documents seems to answer the question (confidence 0.27)"
    assert (found.passages, found.reasons) == ([], [reason])
    assert retrieve({"a": evidence(hit("x"), confidence=DOUBT)}, Question(text="a")).passages


def test_a_question_that_points_back_is_also_asked_of_the_thing_alone() -> None:
    question = Question(text="how much is it?", context="Does your Pro plan include API access, and how much is it?")
    found = retrieve(
        {
            question.search_text: evidence(hit("api"), confidence=0.2),
            "how much is it? Pro plan": evidence(hit("api"), hit("prices"), confidence=0.8),
        },
        question,
    )
    assert [p.doc_id for p in found.passages] == ["api", "prices"]
    assert "confidence 0.80" in found.reasons[0]


def test_a_case_is_worked_with_one_version_of_the_knowledge_base() -> None:
    opened = []

    def newest() -> Library:
        opened.append(1)
        return shelf(lambda query, k: evidence(hit("x")))

    local_skill(newest).do(Wanted(questions=[Question(text="a"), Question(text="b")], ticket=Ticket(text="")))
    assert len(opened) == 1


def test_a_thing_that_no_document_names_is_not_answered_from_its_namesakes() -> None:
    text, context = "What does the Titanium plan cost", "What does the Titanium plan cost, and is it yearly?"
    follow_up = Question(text="is it yearly?", context=context)
    near = evidence(hit("plans"), missing=("Titanium",))
    asked = {text: near, follow_up.search_text: near, "is it yearly? Titanium plan": near}
    found = retrieve(asked, Question(text=text), follow_up)
    assert found.passages == []
    assert found.reasons == ['no document mentions "Titanium"'] * 2


def test_an_acronym_that_no_document_has_is_known_where_a_passage_spells_it_out() -> None:
    text = "Does the Pro plan include SSO?"
    page = replace(hit("sign-in"), text="Starter and Pro do not include single sign-on.")
    assert retrieve({text: evidence(page, missing=("SSO",))}, Question(text=text)).passages
    found = retrieve({text: evidence(hit("plans"), missing=("SSO",))}, Question(text=text))
    assert (found.passages, found.reasons) == ([], ['no document mentions "SSO"'])


def test_a_name_in_a_statement_is_the_writers_own_affair() -> None:
    said = Question(text="I own the Brightquay workspace. Erase it.", stated=True)
    assert retrieve({said.text: evidence(hit("x"), missing=("Brightquay",))}, said).passages


def test_internal_and_deprecated_pages_are_marked() -> None:
    found = retrieve({"a": STAFF_TOO}, Question(text="a"))
    assert [(p.internal, p.deprecated) for p in found.passages] == [(True, False), (False, True), (False, False)]


STAFF_TOO = evidence(hit("x", audience="Internal"), hit("y", status="deprecated"), hit("z"))


@pytest.mark.parametrize(
    ("audience", "public", "handed_on"),
    [
        ("customer", DOUBT - 0.01, ["x"]),  # only the internal page answers: for the person who takes over
        ("customer", 0.49, ["x"]),  # it is much surer to
        ("customer", 0.51, ["x", "y", "z"]),
        ("staff", DOUBT - 0.01, ["x", "y", "z"]),
    ],
)
def test_internal_pages_do_not_make_public_ones_an_answer_for_a_customer(
    audience: Literal["customer", "staff"], public: float, handed_on: list[str]
) -> None:
    library = shelf(lambda query, k: STAFF_TOO)._replace(
        public=lambda query, k: replace(STAFF_TOO, hits=STAFF_TOO.hits[1:], confidence=public)
    )
    wanted = Wanted(questions=[Question(text="a")], ticket=Ticket(text="a", audience=audience))
    made = local_skill(lambda: library).do(wanted)
    assert isinstance(made, Found)
    assert [passage.doc_id for passage in made.passages] == handed_on


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("What does the Titanium plan cost?", {"Titanium"}),
        ("does the titanium plan include api access", {"titanium"}),
        ("Titanium costs what?", set()),  # may be any word that begins a sentence
        ("What is the cheapest plan?", set()),
        ("Why do I get AUTH-999 today?", {"AUTH-999"}),
        ("Is there an iOS app?", {"iOS"}),
        ("Does the Pro plan include SCIM?", {"Pro", "SCIM"}),
        ("how do I file an RMA", {"RMA"}),
        ("WHY IS MY BILL SO HIGH", set()),  # says nothing of names
        ("What is the ETA of my order?", set()),
    ],
)
def test_names_are_told_from_ordinary_words(question: str, names: set[str]) -> None:
    assert names_in(question) == names
