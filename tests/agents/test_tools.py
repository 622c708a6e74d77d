"""Which tools a question calls for: by its words and what the ticket names, and never one that changes something."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.retriever import Library, Wanted, local_skill
from agents.tools import Planned, Result, Tool, planned, proposed
from knowledge_base.ranking import Signs
from knowledge_base.search import Findings
from tasks.case import Found, Question, Ticket


def schema(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


ID = schema("order_id", order_id={"type": "string", "pattern": r"^ORD-\d+$"})
STATUS = Tool("orders", "order_status", "Order status", when="parcel arrive", inputs=ID)
CANCEL = Tool("orders", "cancel_order", inputs=ID, changes=True)
ALERTS = Tool("ops", "firing_alerts", "Firing alerts", inputs=schema())


def plan(text: str, *tools: Tool, ticket: str = "", **more: str) -> list[str]:
    asked = Ticket.model_validate({"text": ticket or text, **more})
    return [str(one.call) for one in planned(Question(text=text), asked, tools)[0]]


def test_a_tool_is_asked_about_each_thing_that_the_question_names() -> None:
    assert plan("Where are orders ORD-1 and ORD-2?", STATUS) == [
        "orders.order_status(order_id=ORD-1)",
        "orders.order_status(order_id=ORD-2)",
    ]


def test_what_it_has_to_be_told_may_stand_elsewhere_in_the_ticket() -> None:
    assert plan("Has my parcel arrived?", STATUS, ticket="Has my parcel arrived? It is (ORD-7).") == [
        "orders.order_status(order_id=ORD-7)"
    ]


@pytest.mark.parametrize(
    "text", ["How do I reset my password for ORD-1?", "Where is my order?", "Is XORD-12 an order?"]
)
def test_a_question_about_something_else_or_of_nothing_named_asks_no_tool(text: str) -> None:
    assert plan(text, STATUS) == []


def test_what_the_ticket_does_not_say_is_told() -> None:
    found = planned(Question(text="What is the status of my order?"), Ticket(text="?"), [STATUS])
    assert found == ([], ["orders.order_status was not asked: the ticket names no order_id"])


def test_a_tool_that_is_told_nothing_needs_two_words_of_its_subject() -> None:
    assert plan("Which alerts are firing?", ALERTS) == ["ops.firing_alerts()"]
    assert plan("How do I silence alerts?", ALERTS) == []


@pytest.mark.parametrize(
    ("properties", "ticket", "arguments"),
    [
        ({"email": {"type": "string"}}, {"text": "The plan of ann@example.org?"}, {"email": "ann@example.org"}),
        ({"customer": {"type": "string"}}, {"text": "My account plan?", "customer": "Ann"}, {"customer": "Ann"}),
        ({"account_number": {"type": "integer"}}, {"text": "Plan of account no. 77?"}, {"account_number": 77}),
        ({"region": {"enum": ["eu", "us"]}}, {"text": "The plan in EU?"}, {"region": "eu"}),
        ({"ticket_id": {"type": "string"}}, {"text": "My plan?", "ticket_id": "T-9"}, {"ticket_id": "T-9"}),
        ({"query": {"type": "string"}}, {"text": "Which account plan?"}, {"query": "Which account plan?"}),
    ],
)
def test_arguments_are_found_by_their_names(
    properties: dict[str, Any], ticket: dict[str, str], arguments: dict[str, Any]
) -> None:
    tool = Tool("crm", "account_plan", when="plan", inputs=schema(*properties, **properties))
    asked = Ticket.model_validate(ticket)
    (found,) = planned(Question(text=asked.text), asked, [tool])[0]
    assert found.arguments == arguments


def test_an_endless_pattern_of_a_server_finds_nothing_and_ends() -> None:
    hostile = schema("order_id", order_id={"pattern": r"^(\w+\w+)+!$"})
    assert plan("Where is order " + "a" * 1_500, Tool("orders", "order_status", inputs=hostile)) == []


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=200), st.text(max_size=40))
def test_no_tool_that_changes_something_is_ever_planned(text: str, name: str) -> None:
    asked = Ticket(text=f"Please cancel order ORD-1. {text}", customer=name)
    assert not any(one.tool.changes for one in planned(Question(text=asked.text), asked, [STATUS, CANCEL])[0])


def test_a_change_is_proposed_when_it_is_asked_for_and_not_when_it_is_asked_how() -> None:
    def calls(text: str) -> list[str]:
        return [str(one.call) for one in proposed(Ticket(text=text), [Question(text=text)], [STATUS, CANCEL])]

    assert calls("Please cancel order ORD-5.") == ["orders.cancel_order(order_id=ORD-5)"]
    assert calls("How can I cancel an order such as ORD-5?") == []
    assert calls("Please cancel my order.") == []


class Told:
    """Tools that answer from what they are given."""

    def __init__(self, *results: Result) -> None:
        self.results, self.asked = list(results), list[Planned]()

    def listed(self) -> tuple[list[Tool], list[str]]:
        return [STATUS, CANCEL], ["crm cannot be reached"]

    def ask(self, plans: Any) -> list[Result]:
        self.asked += plans
        return self.results


def retrieved(tools: Told, text: str, *questions: str) -> Found:
    nothing = Findings([], 0.1, Signs(0, 0, 0), ())
    library = Library(lambda query, k: nothing, lambda hit: [hit], lambda query, k: nothing)
    wanted = Wanted(questions=[Question(text=q) for q in questions or [text]], ticket=Ticket(text=text))
    made = local_skill(lambda: library, tools).do(wanted)
    assert isinstance(made, Found)
    return made


def test_what_a_tool_says_is_a_passage_with_a_citation_of_its_own() -> None:
    found = retrieved(Told(Result("- Status of ORD-1: shipped", "", 0.1)), "Where is order ORD-1?")
    (passage,) = found.passages
    assert (passage.doc_id, passage.locator) == (
        "mcp:orders/order_status",
        "told by orders.order_status(order_id=ORD-1)",
    )
    assert (passage.text, passage.headings) == ("- Status of ORD-1: shipped", ["Order status: ORD-1"])
    assert [use.error for use in found.tools] == [""]


def test_a_tool_that_fails_is_named_and_the_case_goes_on() -> None:
    found = retrieved(Told(Result("", "orders gave no answer within 5 s", 5.0)), "Where is order ORD-1?")
    assert found.passages == []
    assert "crm cannot be reached" in found.reasons
    assert "orders.order_status(order_id=ORD-1): orders gave no answer within 5 s; went on without it" in found.reasons


def test_it_answers_the_question_that_is_about_it_and_no_other() -> None:
    told = Told(Result("- Status of ORD-1: shipped", "", 0.1))
    text = "When does order ORD-1 arrive? Can I get a refund?"
    found = retrieved(told, text, "When does order ORD-1 arrive?", "Can I get a refund?")
    assert [passage.questions for passage in found.passages] == [[0]]


@given(st.text(max_size=60))
def test_no_sentence_of_a_ticket_comes_to_stand_above_a_result(value: str) -> None:
    about = Planned(STATUS, {}, (value,)).about
    assert about in ("", value)
    assert not any(character.isspace() for character in about)
