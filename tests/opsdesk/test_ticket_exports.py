"""What ticket tools export, due dates and priorities."""

from __future__ import annotations

import json
from typing import Any

import pytest

from errors import UsageError
from opsdesk.ticket_files import Field, Row, read
from opsdesk.ticket_files.urgency import due_at, is_priority, priority_of

USERS = [{"id": 7, "name": "Ada", "email": "ada@example.com"}]
TICKET: dict[str, Any] = {
    "id": 35436,
    "subject": "Pro plan",
    "description": "How much is it?",
    "requester_id": 7,
    "priority": "urgent",
    "due_at": "2026-11-30T10:00:00Z",
    "status": "open",
    "created_at": "2026-11-26T09:00:00Z",
    "tags": ["billing", "pro"],
}
ISSUE: dict[str, Any] = {
    "id": 900_000_001,
    "node_id": "I_1",
    "number": 12,
    "title": "Login fails",
    "body": "How do I log in?",
    "user": {"login": "ada", "id": 1},
    "labels": [{"name": "high contrast"}, {"name": "priority: low"}],
    "milestone": {"title": "1.0", "due_on": "2026-12-01T08:00:00Z"},
}


def rows(data: Any, name: str = "t.json") -> list[Row]:
    text = data if isinstance(data, str) else json.dumps(data)
    return read(text.encode(), name).rows().rows


def mapped(text: str, name: str, mapping: dict[Field, str]) -> list[Row]:
    return read(text.encode(), name, mapping).rows(mapping).rows


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ({"tickets": [TICKET], "users": USERS, "next_page": None}, "t.json"),
        ({"ticket": TICKET, "users": USERS}, "t.json"),
        ([{**TICKET, "requester": USERS[0]}], "t.json"),
        (json.dumps({**TICKET, "via": {"source": {"from": {"name": "Ada"}}}}) + "\n", "t.jsonl"),
        (json.dumps({"tickets": [TICKET], "users": USERS}) + "\n", "t.jsonl"),
    ],
)
def test_a_zendesk_ticket_is_read_in_each_of_its_exports(data: Any, name: str) -> None:
    (row,) = rows(data, name)
    told = row.ticket
    assert (told.ticket_id, told.subject, told.text, told.customer) == ("35436", "Pro plan", "How much is it?", "Ada")
    assert (row.due, row.priority, row.error) == ("2026-11-30T10:00:00+00:00", 0, "")


def test_an_incremental_export_goes_on_over_several_lines() -> None:
    pages = [
        {"tickets": [{**TICKET, "id": 1}, {**TICKET, "id": 2}], "users": USERS},
        {"tickets": [{**TICKET, "id": 3}]},
    ]
    found = rows("\n".join(map(json.dumps, pages)))
    assert [(row.line, row.ticket.ticket_id, row.ticket.customer) for row in found] == [
        (1, "1", "Ada"),
        (1, "2", "Ada"),
        (2, "3", ""),
    ]


def test_of_a_conversation_the_text_is_what_the_customer_said_since_the_last_public_answer() -> None:
    def comment(n: int, author: int, text: str, public: bool = True) -> dict[str, Any]:
        return {"author_id": author, "body": text, "public": public, "created_at": f"2026-11-26T09:0{n}:00Z"}

    said = [
        comment(4, 7, "And per year?"),
        comment(1, 7, "How much is it?"),
        comment(2, 1, "Which plan?"),
        comment(3, 7, "The Pro plan."),
        comment(5, 1, "Remember the discount.", public=False),
    ]
    (open_,) = rows([{**TICKET, "comments": said}])
    assert open_.ticket.text == "The Pro plan.\n\nAnd per year?"
    (answered,) = rows([{**TICKET, "comments": [*said, comment(6, 1, "$49.")]}])
    assert answered.ticket.text == "How much is it?"


def test_a_ticket_deleted_in_zendesk_is_rejected() -> None:
    assert [row.error for row in rows([TICKET, {**TICKET, "status": "deleted"}])] == ["", "it is deleted"]


def test_a_github_issue_is_known_by_its_number_and_a_pull_request_is_rejected() -> None:
    issue, request = rows([ISSUE, {**ISSUE, "number": 13, "pull_request": {"url": "x"}}])
    assert (issue.ticket.ticket_id, issue.ticket.subject, issue.ticket.customer) == ("12", "Login fails", "ada")
    assert (issue.ticket.text, issue.due, issue.priority) == ("How do I log in?", "2026-12-01T08:00:00+00:00", 3)
    assert (request.ticket.ticket_id, request.error) == ("13", "it is a pull request")


def test_what_gh_lists_is_read_and_an_issue_without_a_text_is_rejected() -> None:
    listed = {"number": 3, "title": "Hi", "body": "How?", "author": {"login": "bob", "is_bot": False}}
    found = rows([listed, {**listed, "number": 4, "body": None}])
    assert [(row.ticket.ticket_id, row.ticket.customer, row.error) for row in found] == [
        ("3", "bob", ""),
        ("4", "bob", "the text is empty"),
    ]


def test_of_a_page_with_two_lists_no_ticket_is_left_out() -> None:
    page = {"tickets": [{"id": 1, "body": "How?"}], "issues": [{"id": 2, "body": "When?"}, {"id": 3, "body": "Why?"}]}
    assert [row.ticket.ticket_id for row in rows(page)] == ["1", "2", "3"]


def test_a_list_within_a_ticket_is_not_taken_for_the_tickets() -> None:
    (row,) = rows({"id": 1, "body": "Where is my order?", "items": [{"name": "chair"}, {"name": "desk"}]})
    assert row.ticket.text == "Where is my order?"


FLAT: list[dict[str, Any]] = [
    {"id": "1", "request": "How do I reset it?", "items": []},
    {"id": "2", "request": "What does a seat cost?", "items": ["a", "b"]},
    {"id": "3", "request": "Where is it?", "tickets": [{"request": "not a ticket", "id": 9}, {"id": 10}]},
    {"id": "4", "request": "Who?", "ticket": {"name": "Concert"}},
    {"id": "5", "request": "When?", "requester_id": 7},
]


@pytest.mark.parametrize("body", ["request", "comment", "details", "Body", "Ticket", "MESSAGE", "Frage"])
@pytest.mark.parametrize("name", ["t.jsonl", "t.json"])
def test_a_ticket_is_a_row_whatever_lists_it_has_and_under_whatever_name_its_text_stands(body: str, name: str) -> None:
    data = [{body if key == "request" else key: value for key, value in each.items()} for each in FLAT]
    if body == "Ticket":
        del data[3]["ticket"]
    found = mapped("\n".join(map(json.dumps, data)), name, {"body": body})
    assert [(row.line, row.ticket.ticket_id, row.ticket.text, row.error) for row in found] == [
        (n, each["id"], each["request"], "") for n, each in enumerate(FLAT, start=1)
    ]


@pytest.mark.parametrize("extra", [[], ["a"], [{"name": "chair"}, {"name": "desk"}], [[]], [None], "x", None])
@pytest.mark.parametrize("among", ["tickets", "issues", "items", "results"])
@pytest.mark.parametrize("name", ["t.jsonl", "t.json"])
def test_an_object_with_a_mapped_column_is_a_ticket_itself(extra: Any, among: str, name: str) -> None:
    one = {"Nr": "7", "Frage": "Wie?", among: extra}
    for lines in (1, 2):  # a file of one line is one value too
        found = mapped("\n".join([json.dumps(one)] * lines), name, {"body": "Frage", "ticket_id": "Nr"})
        assert [(row.ticket.ticket_id, row.ticket.text, row.error) for row in found] == [("7", "Wie?", "")] * lines


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("[]", "not an object"),
        ("[1, 2]", "not an object"),
        ('[[{"body": "a"}, {"body": "b"}]]', "not an object"),
        ("null", "not an object"),
        ('"a"', "not an object"),
        ("{}", "the text is empty"),
        ('{"tickets": []}', "it has no tickets"),
        ('{"items": [], "results": [], "count": 0}', "it has no tickets"),
        ('{"items": [1, 2]}', "the text is empty"),
        ('{"ticket": {}}', "the text is empty"),
        ('{"Ticket ID": 4, "items": [{"x": 1}, {"x": 2}]}', "the text is empty"),
        ('{"Subject": "a", "items": [{"x": 1}, {"x": 2}]}', "the text is empty"),
        ('{"items": [], "deep": ' + "[" * 10_000 + "]" * 10_000 + "}", "nested too deeply"),
    ],
)
def test_a_line_without_a_ticket_is_one_rejected_row(line: str, why: str) -> None:
    good = '{"id": 1, "body": "How?"}'
    found = rows(f"{good}\n{line}\n{good}", "t.jsonl")
    assert [(row.line, bool(row.error)) for row in found] == [(1, False), (2, True), (3, False)]
    assert why in found[1].error


def test_what_stands_around_one_ticket_is_kept_for_a_mapping_and_never_guessed() -> None:
    event = {"id": "evt-1", "name": "hook", "Frage": "Wie?", "ticket": TICKET, "users": USERS}
    table = read(json.dumps(event).encode(), "t.jsonl")
    (row,) = table.rows().rows
    assert (row.ticket.ticket_id, row.ticket.text, row.ticket.customer) == ("35436", "How much is it?", "Ada")
    (row,) = table.rows({"body": "Frage"}).rows
    assert (row.ticket.ticket_id, row.ticket.text) == ("35436", "Wie?")


def test_a_page_of_issues_a_line_is_read() -> None:
    pages = [[ISSUE, {**ISSUE, "number": 13}], [{**ISSUE, "number": 14}]]
    found = rows("\n".join(map(json.dumps, pages)), "t.jsonl")
    assert [(row.line, row.ticket.ticket_id) for row in found] == [(1, "12"), (1, "13"), (2, "14")]


def test_two_tickets_of_one_id_are_both_kept() -> None:
    assert [(row.seq, row.ticket.ticket_id) for row in rows([TICKET, TICKET])] == [(1, "35436"), (2, "35436")]


def test_due_and_priority_come_from_usual_columns_or_those_that_are_told() -> None:
    data = b"id,body,Due date,Priority,Wanted\n1,How?,2026-12-01,P2,01.02.2027\n2,Why?,soon,,\n"
    table = read(data, "t.csv")
    assert [(row.due, row.priority) for row in table.rows().rows] == [("2026-12-01T23:59:59+00:00", 1), ("", 2)]
    told = table.rows({"due": "Wanted", "priority": ""}).rows
    assert [(row.due, row.priority) for row in told] == [("2027-02-01T23:59:59+00:00", 2), ("", 2)]


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("2026-01-31", "2026-01-31T23:59:59+00:00"),
        ("2026-01-31 10:00", "2026-01-31T10:00:00+00:00"),
        ("2026-01-31T00:00", "2026-01-31T00:00:00+00:00"),
        ("2026-01-31T10:00:00.5+02:00", "2026-01-31T08:00:00+00:00"),
        ("2026-01-31 10:00 EST", "2026-01-31T10:00:00+00:00"),
        ("2026-01-31T10:00:00Z", "2026-01-31T10:00:00+00:00"),
        ("Sat, 31 Jan 2026 10:00:00 -0800", "2026-01-31T18:00:00+00:00"),
        ("Jan 31, 2026", "2026-01-31T23:59:59+00:00"),
        ("04.03.2026", "2026-03-04T23:59:59+00:00"),
        ("13/04/2026", "2026-04-13T23:59:59+00:00"),
        ("03/04/2026", "2026-03-04T23:59:59+00:00"),
        ("04/03/2026", "2026-03-04T23:59:59+00:00"),
        ("05/Jan/26 10:00 AM", "2026-01-05T10:00:00+00:00"),
    ],
)
def test_a_due_date_is_told_in_utc_and_one_alone_ends_with_its_day(text: str, due: str) -> None:
    assert due_at(text) == due


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "5",
        "2026",
        "Jan 2026",
        "10:00",
        "2026-02-30",
        "46023",
        "1767225600",
        "2026-01-31T10:00:00+99:99",
        "9999-12-31T23:59:59-12:00",
        "0000-00-00",
        "9" * 40,
        "2026-01-01" + " " * 99 + "x",
        "\0",
        "1e4000",
    ],
)
def test_what_is_no_whole_date_is_ignored(text: str) -> None:
    assert due_at(text) == ""


@pytest.mark.parametrize(
    ("text", "priority"),
    [
        ("Urgent", 0),
        ("Highest", 0),
        ("Blocker", 0),
        ("1 - Critical", 0),
        ("P1", 0),
        ("SEV1", 0),
        ("high", 1),
        ("Major", 1),
        ("P2", 1),
        ("Normal", 2),
        ("Medium", 2),
        ("P3", 2),
        ("", 2),
        ("1", 2),
        ("whatever", 2),
        ("Low", 3),
        ("Lowest", 3),
        ("Trivial", 3),
        ("P4", 3),
        ("P5", 3),
        ("４", 2),
    ],
)
def test_priorities_are_known_by_the_words_of_the_usual_tools(text: str, priority: int) -> None:
    assert priority_of(text) == priority


def test_only_a_label_about_priority_alone_is_one() -> None:
    assert [is_priority(label) for label in ("P1", "priority: high", "prio/low")] == [True] * 3
    assert [is_priority(label) for label in ("high contrast", "priority", "low-code")] == [False] * 3


def test_a_file_without_one_ticket_says_so() -> None:
    with pytest.raises(UsageError, match="has no tickets"):
        rows({"tickets": []})
