"""Records of tables, JSON and JSON Lines: nothing in them is lost, and an internal one stays internal."""

from __future__ import annotations

import json

import pytest

from knowledge_base.formats.page import Page, Refusal
from knowledge_base.sources import is_internal
from tests.knowledge_base.parsed import only, parsed, refused

PLANS = [{"name": "Pro", "price": 20}, {"name": "Basic", "price": 5, "audience": "customers", "status": "new"}]


def pages(name: str, content: str) -> list[Page]:
    found = parsed(name, content)
    assert not [item for item in found if isinstance(item, Refusal)]
    return [item for item in found if isinstance(item, Page)]


def test_what_stands_beside_a_list_is_a_page_and_its_audience_and_dates_are_those_of_each_object() -> None:
    around = {"audience": "internal", "updated": "2026-01-02", "currency": "EUR", "tax": {"note": "Without VAT"}}
    pro, basic, beside = pages("plan-prices.json", json.dumps({**around, "plans": PLANS, "next": None}))
    assert pro.meta == {"audience": "internal", "updated": "2026-01-02"}
    assert basic.meta == {"audience": "customers", "status": "new", "updated": "2026-01-02"}
    assert (beside.doc_id, beside.title, beside.meta) == ("plan-prices.json", "Plan prices", pro.meta)
    assert beside.text == "- audience: internal\n- updated: 2026-01-02\n- currency: EUR\n- tax.note: Without VAT"


def test_a_title_beside_a_list_is_that_of_its_page_and_nothing_beside_it_is_no_page() -> None:
    assert pages("a.json", json.dumps({"title": "Plans", "plans": PLANS}))[-1].title == "Plans"
    assert len(pages("a.json", json.dumps({"next": None, "tags": [], "of": {"x": " "}, "plans": PLANS}))) == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", {"meta": {"audience": ["internal"]}, "plans": [{"name": "Pro"}]}),
        ("a.json", {"title": "Two lists", "a": [{"x": 1, "audience": "Internal"}], "b": [{"x": 2}]}),
        ("a.json", {"text": "Say no.", "audience": "customers", "parts": [{"audience": "internal"}]}),
        ("a.jsonl", {"id": "1", "text": "Say no.", "audience": ["internal"]}),
        ("a.jsonl", {"id": "1", "text": "Say no.", "metadata": {"Audience": "internal"}}),
    ],
)
def test_an_internal_audience_is_found_wherever_it_stands(name: str, content: object) -> None:
    assert all(is_internal(page.meta) for page in pages(name, json.dumps(content)))


def test_of_two_columns_of_one_name_either_makes_a_row_internal() -> None:
    assert is_internal(only("a.csv", "x,audience,Audience\n1,customers,internal\n").meta)
    assert only("a.csv", "x,audience\n1,international\n").meta == {"audience": "international"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'x,audience\n1,"internal, partners"\n'),
        ("a.json", '{"audience": ["internal", "partners"], "plans": [{"name": "Pro"}]}'),
        ("a.json", '{"text": "Say no.", "audience": "internal only"}'),
        ("a.jsonl", '{"id": "1", "text": "Say no.", "audience": ["internal", "partners"]}'),
        ("a.jsonl", '{"id": "1", "text": "Say no.", "metadata": {"audience": {"internal": true}}}'),
    ],
)
def test_an_internal_audience_among_others_is_refused_and_not_made_public(name: str, content: str) -> None:
    assert 'give it as "internal" alone' in refused(name, content)


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
@pytest.mark.parametrize("first", ["sep=;", "SEP=;"])
def test_the_delimiter_that_excel_writes_above_a_table_is_taken_and_is_no_row(name: str, first: str) -> None:
    (page,) = pages(name, f"{first}\nplan;price, net\nPro;20,00\n")
    assert page.text == "- plan: Pro\n- price, net: 20,00"
    assert page.doc_id == f"{name}#row-2"


@pytest.mark.parametrize("content", [",,,", ";;\n;;\n", " , \n", "sep=;\n", '""\n'])
def test_a_table_of_nothing_but_delimiters_is_reported_as_empty(content: str) -> None:
    assert refused("a.csv", content) == "empty, or without text"


def test_of_two_columns_of_one_name_neither_is_lost() -> None:
    assert (
        only("a.csv", "id,text,Text\n7,The first.,The second.\n").text == "- id: 7\n- Text: The second.\n\nThe first."
    )
    assert only("a.csv", "id,text,Text\n7,,The second.\n").text == "- id: 7\n- Text: The second."
