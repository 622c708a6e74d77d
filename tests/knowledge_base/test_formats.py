"""What PDF, Word, CSV and JSON files become, and what is told of those that cannot be read."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader, PdfWriter

from knowledge_base.formats import FORMATS
from knowledge_base.formats.page import Page, Refusal
from knowledge_base.formats.pdf import unhyphenated
from knowledge_base.reader import Reader
from knowledge_base.sources import Document, Skipped, read_sources


def read(path: Path, content: bytes | str) -> tuple[list[Document], dict[str, str]]:
    """The documents of a file, and its reasons by the part of it that they are about."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = list(read_sources([path]))
    reasons = {x.path.removeprefix(str(path)): x.reason for x in found if isinstance(x, Skipped)}
    return [x for x in found if isinstance(x, Document)], reasons


def only(path: Path, content: bytes | str) -> Document:
    documents, reasons = read(path, content)
    assert reasons == {}
    (document,) = documents
    return document


def refusal(path: Path, content: bytes | str) -> str:
    documents, reasons = read(path, content)
    assert documents == []
    return reasons[""]


# PDF


def pdf(*pages: str, title: str = "", picture: bool = False) -> bytes:
    """A PDF of these pages, a line of text each line; an empty page has a picture if asked for."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    kids = []
    for text in pages:
        lines = "".join(f"({line}) Tj 0 -14 Td " for line in text.split("\n")) if text else ""
        content = f"BT /F1 12 Tf 72 720 Td {lines}ET".encode("latin-1")
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
        shown = b"/XObject << /X 3 0 R >>" if picture and not text else b""
        font = b"/Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >>"
        kids.append(len(objects) + 1)
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R /Resources << %s %s >> >>"
            % (len(objects), font, shown)
        )
    if picture:
        objects[2] = objects[2].replace(b"<< ", b"<< /Subtype /Image /Width 1 /Height 1 ", 1)
    listed = b" ".join(b"%d 0 R" % kid for kid in kids)
    objects[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (listed, len(kids))
    out = BytesIO()
    body = b"%PDF-1.4\n" + b"".join(b"%d 0 obj\n%s\nendobj\n" % pair for pair in enumerate(objects, start=1))
    writer = PdfWriter(clone_from=PdfReader(BytesIO(body + b"trailer << /Root 1 0 R /Size 99 >>\nstartxref\n0\n%%EOF")))
    if title:
        writer.add_metadata({"/Title": title})
    writer.write(out)
    return out.getvalue()


def encrypted(data: bytes, user: str) -> bytes:
    out = BytesIO()
    writer = PdfWriter(clone_from=PdfReader(BytesIO(data)))
    writer.encrypt(user, owner_password="owner", algorithm="AES-256")
    writer.write(out)
    return out.getvalue()


def test_a_pdf_is_one_document_that_knows_where_its_pages_begin(tmp_path: Path) -> None:
    got = only(tmp_path / "guide.pdf", pdf("Refund guide\nAsk within 30 days.", "", "Page three.", title="Refunds"))
    assert (got.doc_id, got.title, got.format, got.first_line) == ("guide.pdf", "Refunds", "pdf", 1)
    assert got.text == "Refund guide\nAsk within 30 days.\n\nPage three."
    assert got.marks == ((1, "page 1"), (4, "page 3"))


@pytest.mark.parametrize(("first", "title"), [("Short line", "Short line"), ("long " * 20, "On call")])
def test_a_pdf_without_a_title_has_its_first_short_line_or_its_name(tmp_path: Path, first: str, title: str) -> None:
    assert only(tmp_path / "on-call.pdf", pdf(first)).title == title


def test_a_pdf_that_anybody_may_open_is_read_and_one_with_a_password_is_reported(tmp_path: Path) -> None:
    assert only(tmp_path / "a.pdf", encrypted(pdf("Open to all."), "")).text == "Open to all."
    assert refusal(tmp_path / "b.pdf", encrypted(pdf("Secret."), "pass")) == (
        "protected by a password; save it without one"
    )


def test_a_scan_is_reported_with_what_to_do_and_pages_that_are_pictures_are_named(tmp_path: Path) -> None:
    assert "a scan?); run text recognition (OCR)" in refusal(tmp_path / "a.pdf", pdf("", picture=True))
    assert refusal(tmp_path / "b.pdf", pdf("")) == "no text in it"
    documents, reasons = read(tmp_path / "c.pdf", pdf("Text.", "", "More.", "", picture=True))
    assert [d.text for d in documents] == ["Text.\n\nMore."]
    assert reasons[""].startswith("pages 2, 4 hold only a picture")


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7\n", b"no pdf at all", pdf("x")[:200]])
def test_a_broken_pdf_is_reported_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    assert refusal(tmp_path / "a.pdf", content) == "a broken PDF; open it and save it as a new one"


def test_words_broken_at_a_line_end_are_joined_only_where_the_whole_word_is_known() -> None:
    text = "An example. For exam-\nple, read-\nonly disks, and up-\nto-date ones; the inter-\nval is 5."
    assert (
        unhyphenated(text)
        == "An example. For example,\nread-\nonly disks, and up-\nto-date ones; the inter-\nval is 5."
    )
    assert unhyphenated("a co-op or coop: the co-\nop is") == "a co-op or coop: the co-\nop is"


# Word

WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
RELATIONS = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
NUMBERING = (
    f'<w:numbering {WORD}><w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/></w:lvl>'
    '</w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num></w:numbering>'
)
STYLES = (
    f'<w:styles {WORD}><w:style w:type="paragraph" w:styleId="H1"><w:name w:val="heading 1"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="H2"><w:name w:val="heading 2"/></w:style></w:styles>'
)
DRAWING = (
    '<w:p><w:r><w:drawing><wp:inline xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing">'
    '<wp:docPr descr="A chart"/><a:graphic xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main">'
    '<a:graphicData><pic:pic xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture"><pic:blipFill>'
    f'<a:blip r:embed="rId9" xmlns:r="{OFFICE}"/></pic:blipFill></pic:pic></a:graphicData></a:graphic></wp:inline>'
    "</w:drawing></w:r></w:p>"
)


def paragraph(text: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"


def cell(text: str) -> str:
    return f"<w:tc>{paragraph(text)}</w:tc>"


def docx(body: str, parts: Mapping[str, str | bytes] | None = None, styles: str = STYLES) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        main = f'<Relationship Id="r1" Type="{OFFICE}/officeDocument" Target="word/document.xml"/>'
        archive.writestr("_rels/.rels", f"<Relationships {RELATIONS}>{main}</Relationships>")
        archive.writestr("word/document.xml", f"<w:document {WORD}><w:body>{body}</w:body></w:document>")
        archive.writestr("word/styles.xml", styles)
        archive.writestr("word/numbering.xml", NUMBERING)
        for name, content in (parts or {}).items():
            archive.writestr(name, content)
    return out.getvalue()


def test_a_word_document_keeps_headings_lists_and_tables_and_loses_its_pictures(tmp_path: Path) -> None:
    item = '<w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr>'
    picture = f'<Relationship Id="rId9" Type="{OFFICE}/image" Target="media/x.png"/>'
    rows = "".join(f"<w:tr>{cell(a)}{cell(b)}</w:tr>" for a, b in (("Plan", "Price"), ("Pro", "$12")))
    body = (
        paragraph("Refunds", '<w:pStyle w:val="H1"/>')
        + paragraph("Set max_wait_s first.")
        + paragraph("Limits", '<w:pStyle w:val="H2"/>')
        + paragraph("one", item)
        + paragraph("two", item)
        + f"<w:tbl>{rows}</w:tbl>"
        + DRAWING
    )
    parts: dict[str, str | bytes] = {
        "word/_rels/document.xml.rels": f"<Relationships {RELATIONS}>{picture}</Relationships>",
        "word/media/x.png": b"\x89PNG",
    }
    got = only(tmp_path / "a.docx", docx(body, parts))
    assert (got.title, got.format, got.first_line, got.marks) == ("Refunds", "docx", 1, ())
    for expected in ("# Refunds", "max_wait_s", "## Limits", "- one\n- two", "| Plan | Price |", "| Pro | $12 |"):
        assert expected in got.text
    assert "base64" not in got.text
    assert "png" not in got.text


def test_the_title_among_its_properties_names_a_word_document(tmp_path: Path) -> None:
    properties = (
        "<cp:coreProperties xmlns:cp='x' xmlns:dc='y'><dc:title>Fees &amp; refunds</dc:title></cp:coreProperties>"
    )
    assert only(tmp_path / "a.docx", docx(paragraph("x"), {"docProps/core.xml": properties})).title == "Fees & refunds"
    assert only(tmp_path / "on-call.docx", docx(paragraph("x"))).title == "On call"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (docx(paragraph("x"), {"big": b"\0" * 120_000_000}), "120 MB unpacked, over the limit of 100 MB"),
        (docx(paragraph("x"), {"big": b"\0" * 3_000_000}), "packed more than 100 times over"),
        (docx(paragraph("x"), {str(n): b"" for n in range(5_000)}), "an archive of 5004 parts"),
        (docx(paragraph("x"))[:-40], "a broken Word document; open it"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" * 9, "protected by a password, or in the old Word format"),
        (docx(""), "empty, or without text"),
    ],
    ids=["too much", "packed too well", "too many parts", "cut off", "old", "empty"],
)
def test_an_archive_that_is_no_honest_word_document_is_reported(tmp_path: Path, content: bytes, reason: str) -> None:
    assert refusal(tmp_path / "a.docx", content).startswith(reason)


# CSV


def test_each_row_of_a_table_is_a_document_named_by_its_own_id(tmp_path: Path) -> None:
    table = (
        "ID,Question,Price,Audience,Updated,Answer\n"
        'fees,"What are\nthe fees?",=1+1,internal,2024-02-03,"Two lines\n\nof text, yes."\n'
        "\n"
        "free,,0,,,\n"
    )
    first, second = read(tmp_path / "faq.csv", table)[0]
    assert (first.doc_id, first.title, first.marks) == ("faq.csv#fees", "What are the fees?", ((1, "row 2"),))
    assert first.text == (
        "- ID: fees\n- Question:\n  What are\n  the fees?\n- Price: =1+1\n- Audience: internal\n"
        "- Updated: 2024-02-03\n\nTwo lines\n\nof text, yes."
    )
    assert first.meta == {"audience": "internal", "updated": "2024-02-03"}
    assert (first.modified, first.format, first.first_line) == ("2024-02-03", "csv", 1)
    assert (second.doc_id, second.title, second.marks) == ("faq.csv#free", "free", ((1, "row 4"),))
    assert second.text == "- ID: free\n- Price: 0"


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("a.csv", "plan;price\nPro;12,50\nFree;0,00\n"),
        ("a.csv", "plan|price\nPro|12,50\nFree|0,00\n"),
        ("a.csv", 'plan, price\r\nPro, "12,50"\r\nFree, "0,00"\r\n'),
        ("a.tsv", "plan\tprice\nPro\t12,50\nFree\t0,00\n"),
    ],
)
def test_the_delimiter_is_found(tmp_path: Path, name: str, table: str) -> None:
    documents, reasons = read(tmp_path / name, table)
    assert reasons == {}
    assert [d.text for d in documents] == ["- plan: Pro\n- price: 12,50", "- plan: Free\n- price: 0,00"]
    assert [d.doc_id for d in documents] == [f"{name}#row-2", f"{name}#row-3"]


def test_a_table_is_decoded_like_any_text(tmp_path: Path) -> None:
    assert only(tmp_path / "a.csv", "fee,note\n£25,café\n".encode("cp1252")).text == "- fee: £25\n- note: café"


def test_ids_that_do_not_tell_rows_apart_are_not_used(tmp_path: Path) -> None:
    documents, _ = read(tmp_path / "a.csv", "id,key,slug,x\n1,,a,x\n1,k,b,y\n")
    assert [d.doc_id for d in documents] == ["a.csv#a", "a.csv#b"]


def test_a_malformed_row_is_named_with_its_line_and_every_other_row_is_kept(tmp_path: Path) -> None:
    table = 'id,text\n1,"one\nand more"\n2,"never closed\n3,three\n4,"a" b\n5\n6,six\n7,a,b\n8,eight,\n9,nine'
    documents, reasons = read(tmp_path / "a.csv", table)
    assert [d.doc_id for d in documents] == [f"a.csv#{n}" for n in (1, 3, 6, 8, 9)]
    assert list(reasons) == [":4", ":6", ":7", ":9"]
    assert reasons[":7"] == "1 cells in a table of 2 columns"


def test_a_quote_that_is_never_closed_costs_one_row(tmp_path: Path) -> None:
    documents, reasons = read(tmp_path / "a.csv", 'a,b\n1,"x\n2,y\n3,z\n')
    assert [d.text for d in documents] == ["- a: 2\n- b: y", "- a: 3\n- b: z"]
    assert reasons == {":2": "a quote in it is never closed"}


@pytest.mark.parametrize(
    ("table", "reason"),
    [("", "empty, or without text"), ("a,b\n", "names of columns, and no rows below them"), ("a\0b", "binary")],
)
def test_a_table_without_rows_is_reported(tmp_path: Path, table: str, reason: str) -> None:
    assert refusal(tmp_path / "a.csv", table).startswith(reason)


# JSON


@pytest.mark.parametrize("around", ["%s", '{"total": 2, "items": %s, "tags": ["x"]}'])
def test_each_object_of_a_list_is_a_document_with_its_values_as_they_are_written(tmp_path: Path, around: str) -> None:
    listed = """[
        {"slug": "pro", "name": "Pro", "price": 12.50, "status": "deprecated", "big": 1e999, "on": true, "off": null,
         "limits": {"seats": [5, 10], "regions": [{"name": "EU"}, {"name": "US"}]}, "text": "# Pro\\n\\nFor teams."},
        {"slug": "free", "name": "Free"}]"""
    documents, reasons = read(tmp_path / "plans.json", around % listed)
    assert reasons == {}
    assert [d.doc_id for d in documents[:2]] == ["plans.json#pro", "plans.json#free"]
    assert documents[0].text == (
        "- slug: pro\n- name: Pro\n- price: 12.50\n- status: deprecated\n- big: 1e999\n- on: true\n"
        "- limits.seats: 5, 10\n- limits.regions.1.name: EU\n- limits.regions.2.name: US\n\n# Pro\n\nFor teams."
    )
    assert (documents[0].title, documents[0].format) == ("Pro", "json")
    assert documents[0].meta == {"status": "deprecated"}
    assert documents[1].marks == ((1, "object 2"),)


def test_any_other_object_is_one_document_and_a_page_keeps_its_lists(tmp_path: Path) -> None:
    got = only(tmp_path / "a.json", '{"title": "Reset", "body": "Do this.", "steps": [{"say": "stop"}]}')
    assert (got.doc_id, got.title, got.text) == ("a.json", "Reset", "- title: Reset\n- steps.1.say: stop\n\nDo this.")
    assert only(tmp_path / "b.json", '{"a": [{"x": 1}], "b": [{"x": 2}]}').text == "- a.1.x: 1\n- b.1.x: 2"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("[" * 100_000, "nested more than 100 levels deep"),
        ('{"a":' * 101 + "1" + "}" * 101, "object 1 is nested more than 100 levels deep"),
        ('{"a": 1', "not JSON: Expecting"),
        ("[1, 2]", "neither an object nor a list of objects"),
        ("[]", "empty, or without text"),
        ('{"a": [null, ""]}', "object 1 is empty, or without text"),
    ],
)
def test_json_that_is_no_document_is_reported(tmp_path: Path, content: str, reason: str) -> None:
    assert refusal(tmp_path / "a.json", content).startswith(reason)


def test_what_is_no_object_in_a_list_is_reported_and_the_rest_is_kept(tmp_path: Path) -> None:
    documents, reasons = read(tmp_path / "a.json", '[{"a": 1}, 2, {"a": 3}]')
    assert [d.doc_id for d in documents] == ["a.json#object-1", "a.json#object-3"]
    assert reasons == {"": "object 2 is not an object but a single value or a list"}


# All


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    shared = Reader()
    yield shared
    shared.close()


BEGINNINGS = [b"", b"%PDF-1.7\n1 0 obj\n<<", b"PK\3\4", b'a,b\n"', b'[{"a":', b"---\na: ", b"<html><p", b"\xff\xfe"]
SAMPLES = [
    pdf("Some text"),
    docx(paragraph("Some text")),
    b'id,text\n1,"a"\n',
    b'[{"id": 1, "text": "a"}]',
    b"<p>x</p>",
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good file with some of its bytes changed, or one that begins like one."""
    if draw(st.booleans()):
        return draw(st.sampled_from(BEGINNINGS)) + draw(st.binary(max_size=200))
    content = bytearray(draw(st.sampled_from(SAMPLES)))
    for place in draw(st.lists(st.integers(0, len(content) - 1), max_size=8)):
        content[place] = draw(st.integers(0, 255))
    return bytes(content[: draw(st.integers(0, len(content)))]) if draw(st.booleans()) else bytes(content)


@given(content=damaged(), suffix=st.sampled_from(sorted(FORMATS)))
@settings(max_examples=150, deadline=None)
def test_any_bytes_of_any_kind_give_pages_or_a_reason_and_the_next_file_is_read(
    reader: Reader, tmp_path_factory: pytest.TempPathFactory, content: bytes, suffix: str
) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / f"any{suffix}").write_bytes(content)
    (folder / "good.md").write_text("# Good")
    found = list(reader.read(folder / f"any{suffix}", "any", 1_000_000))
    assert found
    assert all(isinstance(item, Page) or (isinstance(item, Refusal) and item.reason) for item in found)
    assert list(reader.read(folder / "good.md", "good.md", 99)) == [Page("good.md", "Good", "# Good")]
