"""Files of tickets: rows in are rows out, whatever is in them."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import UsageError
from opsdesk import ticket_files
from opsdesk.ticket_files import Field, Row, TicketFile, read
from opsdesk.tickets import MAX_TICKET_CHARACTERS

TEXT = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=40).filter(
    lambda text: text.strip() == text and any(c.isalnum() and c.isascii() for c in text)
)

NO_URGENCY = {"due": "", "priority": ""}


def rows(data: str | bytes, name: str = "t.csv") -> list[Row]:
    return read(data.encode() if isinstance(data, str) else data, name).rows().rows


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1), st.sampled_from([",", ";", "\t", "|"]), st.booleans())
def test_a_csv_of_any_dialect_gives_back_what_was_written(
    tickets: list[tuple[str, str]], delimiter: str, bom: bool
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([("customer", "message"), *tickets])
    found = read((b"\xef\xbb\xbf" if bom else b"") + out.getvalue().encode(), "export.CSV").rows()
    assert found.mapping == {"body": "message", "subject": "", "ticket_id": "", "customer": "customer", **NO_URGENCY}
    assert [(" ".join(customer.split()), text) for customer, text in tickets] == [
        (row.ticket.customer, row.ticket.text) for row in found.rows
    ]
    assert found.rejected == []


@given(st.lists(TEXT, min_size=1), st.booleans())
def test_jsonl_and_a_json_array_give_back_what_was_written(texts: list[str], array: bool) -> None:
    made = [{"id": n, "body": text} for n, text in enumerate(texts)]
    data = json.dumps(made) if array else "\n".join(json.dumps(one, ensure_ascii=False) for one in made)
    found = rows(data, "t.json" if array else "t.jsonl")
    assert [(row.ticket.ticket_id, row.ticket.text) for row in found] == [(str(n), t) for n, t in enumerate(texts)]


SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
NESTED = st.dictionaries(st.sampled_from(["id", "name", "text", "body", "number"]) | st.text(max_size=5), SCALAR)
LISTS = ("tickets", "issues", "items", "results")
EXTRA = st.dictionaries(
    st.sampled_from([*LISTS, "ticket", "users", "requester_id", "comments", "status", "url", "labels", "pull_request"])
    | st.text(max_size=5).map("x-{}".format),
    SCALAR | NESTED | st.lists(SCALAR | NESTED, max_size=3),
)


@given(
    st.sampled_from(["body", "Body", "request", "comment", "details", "Message", "Frage"]),
    st.lists(st.tuples(TEXT, EXTRA), min_size=1, max_size=6),
    st.sampled_from(["t.jsonl", "t.json"]),
)
def test_each_object_of_json_lines_is_a_row_in_order_whatever_else_it_holds(
    body: str, tickets: list[tuple[str, dict[str, Any]]], name: str
) -> None:
    lines = [json.dumps({"nr": n, body: text} | extra) for n, (text, extra) in enumerate(tickets, start=1)]
    mapping: dict[Field, str] = {"body": body, "ticket_id": "nr"}
    found = read("\n".join(lines).encode(), name, mapping).rows(mapping).rows
    assert [(row.seq, row.line, row.ticket.ticket_id) for row in found] == [
        (n, n, str(n)) for n in range(1, len(tickets) + 1)
    ]
    assert [row.ticket.text for row in found] == [text for text, _ in tickets]


@given(st.binary(max_size=300), st.sampled_from(ticket_files.SUFFIXES))
def test_any_bytes_are_read_or_refused_in_words(data: bytes, suffix: str) -> None:
    with contextlib.suppress(UsageError):  # any other error fails the test
        found = read(data, f"t{suffix}").rows()
        assert all(row.error or row.ticket.text for row in found.rows)


def test_an_unclosed_quote_costs_its_row_and_not_those_below_it() -> None:
    found = rows('id,body\n1,first\n2,"never closed\n3,third\n4,fourth\n')
    assert [(row.line, row.error) for row in found] == [(2, ""), (3, "a quote in it is never closed"), (4, ""), (5, "")]
    assert "never closed" in found[1].ticket.text


def test_each_bad_row_stays_in_its_place_with_its_line_and_reason() -> None:
    long = "x" * (MAX_TICKET_CHARACTERS + 1)
    found = rows(f'id,body\n1,"two\nlines"\n2,\n3,a,b\n4,{long}\n5,fine\n')
    assert [(row.seq, row.line) for row in found] == [(1, 2), (2, 4), (3, 5), (4, 6), (5, 7)]
    assert [row.error for row in found[:3]] == ["", "the text is empty", "3 cells in a table of 2 columns"]
    assert "20,001 characters" in found[3].error
    assert not found[4].error


def test_lines_that_are_no_objects_are_rejected_one_by_one() -> None:
    found = rows('{"body": "good"}\n{"body": \n[1]\n\n{"body": "\\ud800 odd \\u0000"}', "t.jsonl")
    assert [row.line for row in found] == [1, 2, 3, 5]
    assert [bool(row.error) for row in found] == [False, True, True, False]
    assert found[3].ticket.text == "� odd �"


def test_columns_are_known_by_their_usual_names_and_can_be_told_otherwise() -> None:
    table = read(b"Ticket ID;Title;Description;Requester Name;Other\n7;Hi;How?;Ada;x\n", "t.csv")
    assert table.guess() == {
        "body": "Description",
        "subject": "Title",
        "ticket_id": "Ticket ID",
        "customer": "Requester Name",
        **NO_URGENCY,
    }
    told: TicketFile = table.rows({"body": "Other", "subject": ""})
    assert (told.rows[0].ticket.text, told.rows[0].ticket.subject) == ("x", "")
    with pytest.raises(UsageError, match='no column "Gone"'):
        table.rows({"body": "Gone"})


def test_a_file_without_a_text_column_says_which_it_has() -> None:
    table = read(b"a,b\n1,2\n", "t.csv")
    with pytest.raises(UsageError, match='"a", "b"'):
        table.rows()


def test_two_columns_of_one_name_are_told_apart() -> None:
    assert read(b"body,body,\nx,y,z\n", "t.csv").columns == ["body", "body (column 2)", "column 3"]


def test_a_windows_file_keeps_its_prices() -> None:
    (row,) = rows("body\nIt is £5 – or €6?\n".encode("cp1252"))
    assert row.ticket.text == "It is £5 – or €6?"


@pytest.mark.parametrize(
    ("data", "name", "why"),
    [
        (b"x", "t.xlsx", "export them as one of these"),
        (b" \n", "t.csv", "empty"),
        (b"body\n", "t.csv", "has no tickets"),
        (b"\x00\x01\x02", "t.csv", "binary"),
        (b'"body\nx\n', "t.csv", "line 1, which names the columns"),
        (b"[1,", "t.json", "not JSON"),
        (b"," * 600 + b"\n", "t.csv", "no text"),
        (b"a," * 600 + b"\n1\n", "t.csv", "601 columns"),
    ],
)
def test_a_file_that_is_none_is_refused_in_words(data: bytes, name: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        read(data, name)


def test_limits_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticket_files, "MAX_ROWS", 2)
    with pytest.raises(UsageError, match="more than 2 tickets"):
        read(b"body\na\nb\nc\n", "t.csv")
    monkeypatch.setattr(ticket_files, "MAX_BYTES", 3)
    with pytest.raises(UsageError, match="over the limit"):
        read(b"body\na\n", "t.csv")
