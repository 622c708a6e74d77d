"""Drafts as files: exact, harmless in a spreadsheet, as Zendesk takes them."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import UsageError
from opsdesk.draft_files import COLUMNS, MAX_CELL, as_bytes, pieces

FORMULAS = [
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", '"=1', "'=1", '" =1"', "\u200b=1", "\ufeff=1",
    "\u202e=1", "\u00ad=1", "\xa0=1", "＝1", "＋1", "－1", "＠SUM(A1)", "﹦1", "﹢1", "⁼1", "−1", "“=1”", "\u0301=1",
    "=cmd|'/C calc'!A0", "-2+3+cmd|'/C calc'!A0", '=HYPERLINK("http://a.example","b")', "- =1",
]  # fmt: skip
DANGEROUS = "=+-@−＝＋－＠"


def row(**values: Any) -> dict[str, Any]:
    return {**dict.fromkeys(COLUMNS, ""), "citations": [], "claims": [], "cost_usd": None, **values}


def cells(rows: list[dict[str, Any]], delimiter: str = ",") -> list[list[str]]:
    text = as_bytes(rows, "t.csv").decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


def seen(cell: str) -> str:
    """A cell from its first character that is neither space, quote nor invisible."""
    while cell and (cell[0] in '"“”„«»‘’' or unicodedata.category(cell[0]) in ("Cc", "Cf", "Zs", "Zl", "Zp", "Mn")):
        cell = cell[1:]
    return cell


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_begins_a_formula_even_behind_what_is_not_seen(text: str) -> None:
    _, found = cells([row(ticket_id=text, draft=text, subject=text)])
    for cell in (found[0], found[2], found[8]):
        assert cell.startswith("'")
        assert cell.replace("'", "") == text.replace("'", "")


@settings(max_examples=150)
@given(st.text(st.sampled_from("=+-@−＝＋－＠ \t\r\n;,'\"“\u200b\ufeffa1|(!"), max_size=12) | st.text(max_size=20))
def test_no_cell_of_any_output_begins_a_formula_where_commas_or_semicolons_part_them(text: str) -> None:
    made = [row(draft=text, customer=text, citations=[{"quote": text}])]
    for line in cells(made):
        assert len(line) == len(COLUMNS)
        assert not any(seen(cell).startswith(tuple(DANGEROUS)) for cell in line)
    # What is left of "-" there is an entry of a list; as a formula it is a name that does not exist.
    for line in cells(made, ";"):
        assert not any(seen(cell).startswith(tuple(DANGEROUS.replace("-", ""))) for cell in line)


def test_a_formula_behind_a_semicolon_or_line_end_is_disarmed_and_a_list_is_left_alone() -> None:
    text = "Two ways:\n- by mail\n- by phone\n-2+3+cmd|'/C calc'!A0\na;=1+1"
    assert cells([row(draft=text)])[1][2] == "Two ways:\n- by mail\n- by phone\n'-2+3+cmd|'/C calc'!A0\na;'=1+1"


def test_ordinary_texts_and_figures_stay_as_they_are() -> None:
    made = row(ticket_id="T-1", draft="It costs $49; a year is $490.\n\n1. Pay = own", cost_usd=0.25, claims=[{"n": 1}])
    found = dict(zip(COLUMNS, cells([made])[1], strict=True))
    assert (found["draft"], found["cost_usd"], found["claims"]) == (made["draft"], "0.25", '[{"n": 1}]')


@pytest.mark.parametrize("character", ["x", "€", "😀"])
def test_a_text_longer_than_a_cell_is_cut_and_says_so(character: str) -> None:
    fits, long = character * (MAX_CELL // 2), character * (MAX_CELL + 1)
    found = cells([row(draft=fits), row(draft=long), row(draft="=" + long)])
    assert found[1][2] == fits
    for cell in (found[2][2], found[3][2]):
        assert len(cell.encode("utf-16-le")) <= 2 * MAX_CELL
        assert cell.endswith("characters; the JSONL has them all]")


def test_a_row_that_nobody_has_reviewed_is_written_too() -> None:
    contract = dict.fromkeys(COLUMNS[:8], "")
    assert len(cells([contract])[1]) == len(COLUMNS)


@given(st.text(st.characters(), max_size=20))
def test_jsonl_is_exact(text: str) -> None:
    data = as_bytes([row(draft=text), row()], "t.jsonl")
    assert [json.loads(line) for line in data.split(b"\n")[:-1]] == [row(draft=text), row()]


def test_drafts_become_private_notes_and_other_rows_none() -> None:
    made = [
        row(ticket_id="35436", status="drafted", draft="Hello [1]"),
        row(ticket_id="T-2", status="needs_human", draft="Perhaps", review="accepted"),
        row(ticket_id="3", status="needs_human", draft=" "),
        row(ticket_id="4", status="abstained"),
        row(ticket_id="5", status="rejected", error="line 5"),
        row(ticket_id="6", status="drafted", draft="No", review="rejected"),
        row(ticket_id="007", status="drafted", draft="Bond"),
    ]
    notes = json.loads(as_bytes(made, "t.zendesk.json"))["tickets"]
    assert notes[0] == {
        "id": 35436,
        "comment": {"body": "Hello [1]", "public": False},
        "additional_tags": ["opsdesk_drafted"],
    }
    assert [note["id"] for note in notes] == [35436, "T-2", "007"]
    assert not any(note["comment"]["public"] for note in notes)
    assert json.loads(as_bytes([], "t.zendesk.json")) == {"tickets": []}


def test_a_file_is_written_a_row_at_a_time_and_its_name_tells_the_format() -> None:
    def endless() -> Iterator[dict[str, Any]]:
        while True:
            yield row(ticket_id="1", status="drafted", draft="x")

    for name, begin in (("a.CSV", b"\xef\xbb\xbfticket_id,"), ("a.jsonl", b'{"'), ("a.zendesk.json", b'{"tickets": [')):
        assert next(pieces(endless(), name)).startswith(begin)
    with pytest.raises(UsageError, match=r"\.zendesk\.json"):
        pieces([], "a.json")
