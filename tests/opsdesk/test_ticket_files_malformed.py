"""Files that are broken in all the ways that files are: rows in are rows out, or one clear error."""

from __future__ import annotations

import codecs
import csv
import io
import json
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import UsageError
from opsdesk.ticket_files import MAX_BYTES, Row, read
from opsdesk.tickets import MAX_TICKET_CHARACTERS

LONG = "x" * 10_000_000


def rows(data: bytes, name: str) -> list[Row]:
    return read(data, name).rows().rows


@dataclass(frozen=True)
class Bad:
    """A file; the line of each of its rows, with the reason where it is rejected."""

    what: str
    data: bytes = field(repr=False)
    rows: dict[int, str]
    name: str = "t.csv"
    texts: tuple[str, ...] | None = None


def _json(*lines: str) -> bytes:
    return "\n".join(lines).encode()


GOOD = '{"id": 1, "body": "How?"}'
UMLAUTS = ("Schöne Grüße", "Wie läuft es?")
UMLAUT = "id,body\n1,Schöne Grüße\n2,Wie läuft es?\n"
DEEP = '{"id": 2, "body": ' + "[" * 10_000 + "]" * 10_000 + "}"
FROM_ = b"From a@example.com Thu Nov 26 09:00:00 2026\n"
HEAD = b"From: a@example.com\nSubject: x\n"

ROW_BY_ROW = [
    Bad("quote never closed", b'id,body\n1,"How\n2,Why\n', {2: "never closed", 3: ""}),
    Bad("quote never closed in the last row", b'id,body\n1,How\n2,"Why', {2: "", 3: "never closed"}),
    Bad("every quote unclosed", b'id,body\n1,"a\n2,"b\n3,"c\n', {2: "malformed", 3: "malformed", 4: "never closed"}),
    Bad("text after a closed quote", b'id,body\n1,"How" much\n2,Why\n', {2: "malformed", 3: ""}),
    Bad("quote within a cell", b'id,body\n1,a 5" disk\n', {2: ""}, texts=('a 5" disk',)),
    Bad("backslash for a quote", b'id,body\n1,"a \\"b\\" c"\n2,Why\n', {2: "malformed", 3: ""}),
    Bad("too many cells", b"id,body\n1,How,much\n2,Why\n", {2: "3 cells", 3: ""}),
    Bad("too few cells", b"id,subject,body\n1,How\n2,a,Why\n", {2: "2 cells", 3: ""}),
    Bad("empty cells at the end", b"id,body\n1,How,,,\n", {2: ""}),
    Bad("empty rows", b"id,body\n\n,\n1,How\n\n\n2,Why\n", {4: "", 7: ""}),
    Bad("empty text", b"id,body\n1,\n2,  \n3,Why\n", {2: "text is empty", 3: "text is empty", 4: ""}),
    Bad("invisible text", "id,body\n1,\u200b\u2060\n2,Why\n".encode(), {2: "text is empty", 3: ""}),
    Bad("line ends in cells", b'id,body\n1,"a\r\nb"\r\n2,"c\n\nd"\r\n3,e\r\n', {2: "", 4: "", 7: ""}),
    Bad("line ends of an old Mac", b"id,body\r1,How\r2,Why\r", {2: "", 3: ""}, texts=("How", "Why")),
    Bad("line ends of all kinds", b"id,body\n1,a\r\n2,b\r3,c\n", {2: "", 3: "", 4: ""}, texts=("a", "b", "c")),
    Bad("one row", b"body\nHow?", {2: ""}, texts=("How?",)),
    Bad("commas in a single column", b"body\nHow, when, and why?\nWho?\n", {2: "", 3: ""}),
    Bad("same id twice", b"id,body\n7,a\n7,b\n", {2: "", 3: ""}, texts=("a", "b")),
    Bad("same column twice", b"body,body\na,b\n", {2: ""}, texts=("a",)),
    Bad("column without a name", b"id,,body\n1,x,a\n", {2: ""}, texts=("a",)),
    Bad("formulas", b"id,body\n1,=1+1\n2,@SUM(A1)\n", {2: "", 3: ""}, texts=("=1+1", "@SUM(A1)")),
    Bad("delimiter told to a spreadsheet", b"sep=;\nid;body\n1;How, when?\n", {3: ""}, texts=("How, when?",)),
    Bad("a cell of 10 MB", f'id,body\n1,"{LONG}"\n2,Why\n'.encode(), {2: "10,000,000 characters", 3: ""}),
    Bad("an id of 10 MB", f"id,body\n{LONG},How\n2,Why\n".encode(), {2: "too long", 3: ""}),
    Bad("a few NULs in a short file", b"id,text\n1,How do I \x00reset it?\n2\x00,How much?\n", {2: "", 3: ""}),
    Bad("a NUL", UMLAUT.encode() + b"3,a\0b\n" + b"4,filler\n" * 200, dict.fromkeys(range(2, 205), "")),
    Bad("UTF-8 with its mark", UMLAUT.encode("utf-8-sig"), {2: "", 3: ""}, texts=UMLAUTS),
    *(
        Bad(f"{kind} with its mark", mark + UMLAUT.encode(kind), {2: "", 3: ""}, texts=UMLAUTS)
        for kind, mark in (
            ("utf-16-le", codecs.BOM_UTF16_LE),
            ("utf-16-be", codecs.BOM_UTF16_BE),
            ("utf-32-le", codecs.BOM_UTF32_LE),
            ("utf-32-be", codecs.BOM_UTF32_BE),
        )
    ),
    Bad("Windows-1252", b"id,body\n1,It is \xa35\n", {2: ""}, texts=("It is £5",)),
    Bad("two encodings", UMLAUT.encode() + b"3,\xa35\n", {2: "", 3: "", 4: ""}, texts=(*UMLAUTS, "£5")),
    Bad("surrogates in UTF-8", UMLAUT.encode() + b"3,\xed\xa0\x80 odd\n", {2: "", 3: "", 4: ""}),
    Bad("a lone surrogate in JSON", _json('{"body": "\\ud800 odd"}'), {1: ""}, "t.jsonl", ("\ufffd odd",)),
    Bad("a NUL in JSON", _json('{"body": "a\\u0000b"}'), {1: ""}, "t.jsonl", ("a\ufffdb",)),
    Bad("NaN", _json('{"id": NaN, "body": "How?"}', '{"id": 2, "body": -Infinity}'), {1: "", 2: "empty"}, "t.jsonl"),
    Bad("JSON 10,000 deep", _json(GOOD, DEEP, GOOD), {1: "", 2: "nested too deeply", 3: ""}, "t.jsonl"),
    Bad("10,000 digits", _json(GOOD, '{"body": "a", "id": ' + "9" * 10_000 + "}"), {1: "", 2: "not JSON"}, "t.jsonl"),
    Bad("a trailing comma in a line", _json(GOOD, '{"body": "a",}'), {1: "", 2: "not JSON"}, "t.jsonl"),
    Bad("a line that stops", _json(GOOD, '{"body": "a'), {1: "", 2: "not JSON"}, "t.jsonl"),
    Bad("a first line that stops", _json('{"body": "a', GOOD), {1: "not JSON", 2: ""}, "t.jsonl"),
    Bad("single quotes", _json(GOOD, "{'body': 'a'}"), {1: "", 2: "not JSON"}, "t.jsonl"),
    Bad("no objects", _json(GOOD, '"a"', "1", "null"), {1: ""} | dict.fromkeys((2, 3, 4), "not an object"), "t.jsonl"),
    Bad("an array of both", _json(f'[{GOOD}, "a", {GOOD}]'), {1: "", 2: "not an object", 3: ""}, "t.json"),
    Bad("tickets with a hole", _json(f'{{"tickets": [{GOOD}, null]}}'), {1: "", 2: "not an object"}, "t.json"),
    Bad("lines in a .json", _json(GOOD, '{"body": '), {1: "", 2: "not JSON"}, "t.json"),
    Bad("an array in a .jsonl", _json(f"[{GOOD}, {GOOD}]"), {1: "", 2: ""}, "t.jsonl"),
    Bad("texts that are none", _json('{"body": {"html": "a"}}', '{"body": ["a", "b"]}'), {1: "", 2: ""}, "t.jsonl"),
    Bad("without text", _json(GOOD, '{"id": 2}', '{"body": null}'), {1: "", 2: "empty", 3: "empty"}, "t.jsonl"),
    Bad("a key twice", _json('{"body": "a", "body": "b"}'), {1: ""}, "t.jsonl", ("b",)),
    Bad("Windows line ends in JSON lines", _json(GOOD + "\r", GOOD + "\r"), {1: "", 2: ""}, "t.jsonl"),
    Bad("mail cut off", FROM_ + HEAD + b"\nHow?\n\n" + FROM_ + b"From: a", {1: "", 7: "text is empty"}, "t.mbox"),
    Bad("an mbox without separators", HEAD + b"\nHow?\n", {1: ""}, "t.mbox"),
    Bad("base64 cut off", FROM_ + HEAD + b"Content-Transfer-Encoding: base64\n\nSG93I\n", {1: "base64"}, "t.mbox"),
]  # fmt: skip

REFUSED = [
    (b"", "t.csv", "empty"),
    (b"\xef\xbb\xbf", "t.csv", "empty"),
    (b"\xff\xfe", "t.csv", "empty"),
    (b"\r\n\r\n", "t.jsonl", "empty"),
    (b"id,body\n", "t.csv", "no tickets"),
    (b"sep=;\n", "t.csv", "no text"),
    (b"id,subject\n1,a\n", "t.csv", "no column holds"),
    (b"\0" * 1_000, "t.csv", "binary"),
    ("id,body\n1,How\n".encode("utf-16-le"), "t.csv", "binary"),
    (b"PK\x03\x04" + bytes(range(256)) * 4, "t.csv", "binary"),
    (b'id,"body\n1,a\n', "t.csv", "line 1, which names the columns"),
    (b"a," * 2_000_000, "t.csv", "2,000,001 columns"),
    (b"[" * 10_000, "t.json", "nested too deeply"),
    (b'[{"body": "a"},]', "t.json", "line 1"),
    (b'{"tickets": [\n{"body": "a"},\n', "t.json", "not JSON"),
    (b'["a", "b"]', "t.json", "not an object"),
    (b"[]", "t.json", "no tickets"),
    (b"null", "t.json", "not an object"),
    (b"nonsense\nand more\n", "t.jsonl", "line 1: not JSON"),
    (b'{"id": 1}\n', "t.jsonl", "no column holds"),
    (json.dumps({f"k{n}": 1 for n in range(600)}).encode(), "t.json", "600 columns"),
    (b"no mail at all", "t.mbox", "no headers"),
    (b"x" * (MAX_BYTES + 1), "t.csv", "split it"),
    (b"body\na\n", "t.xlsx", "tickets come as"),
    (b"body\na\n", "csv", "tickets come as"),
]  # fmt: skip


@pytest.mark.parametrize("bad", ROW_BY_ROW, ids=lambda bad: bad.what)
def test_each_row_comes_out_and_a_bad_one_is_named_by_its_line_and_reason(bad: Bad) -> None:
    found = rows(bad.data, bad.name)
    assert [row.line for row in found] == list(bad.rows)
    assert [row.seq for row in found] == list(range(1, len(found) + 1))
    for row, why in zip(found, bad.rows.values(), strict=True):
        assert why in row.error, row
        assert bool(why) == bool(row.error), row
        assert len(row.ticket.text) <= MAX_TICKET_CHARACTERS
    if bad.texts is not None:
        assert tuple(row.ticket.text for row in found) == bad.texts


@pytest.mark.parametrize(("data", "name", "why"), REFUSED, ids=[f"{why}-{n}" for n, (_, _, why) in enumerate(REFUSED)])
def test_a_file_that_cannot_be_worked_is_refused_with_one_reason(data: bytes, name: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        rows(data, name)


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"], include_characters="\n\t"), max_size=30)


@settings(max_examples=150)
@given(st.lists(WORDS, min_size=1, max_size=8), st.sampled_from(",;\t|"), st.integers(0, 2))
def test_texts_written_as_csv_come_back_the_same_in_order(texts: list[str], delimiter: str, before: int) -> None:
    texts = [f"{n} {text}" for n, text in enumerate(texts)]
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow([*("id", "subject")[:before], "body"])
    writer.writerows([[*("7", "a, b; c")[:before], text] for text in texts])
    found = rows(out.getvalue().encode(), "t.csv")
    assert [(row.ticket.text, row.error) for row in found] == [(text, "") for text in texts]
