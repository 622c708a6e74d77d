"""What web pages and Word documents show: merged cells, raised digits, end tags left out, hidden text."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from knowledge_base.facts import facts_in
from knowledge_base.text import cells
from tests.knowledge_base.test_formats import OFFICE, RELATIONS, WORD, docx, only, paragraph, refusal


def shown(folder: Path, markup: str) -> str:
    """The text of a page of this markup."""
    return only(folder / "a.html", markup).text.strip()


def amounts(text: str) -> list[tuple[str, str]]:
    return [(fact.value, fact.unit) for fact in facts_in(text)]


# Digits set high or low


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("The Pro plan costs $20<sup>1</sup> a month.", "The Pro plan costs $20¹ a month."),
        ('$20<span style="vertical-align: super">1</span>', "$20¹"),
        ("$20<sup>1, 2</sup> or $30<sup>3)</sup>", "$20¹, ² or $30⁽³⁾"),
        ('14<sup><a href="#n1">1</a></sup> days', "14⁽¹⁾ days"),
        ('14<a href="#n1"><sup>[1]</sup></a> days', "14⁽¹⁾ days"),
        ('see<sup>[<a href="https://x.example/">4</a>]</sup>', "see[⁽⁴⁾](https://x.example/)"),
        ('<a href="#n">10<sup>6</sup></a>', "[10⁶](#n)"),
        ("10<sup>6</sup> at 10<sup>-3</sup> s, 5 m<sup>2</sup>", "10⁶ at 10⁻³ s, 5 m²"),
        ("the 1<sup>st</sup>, the 2<SUP>nd</SUP>", "the 1st, the 2nd"),
        ("$20<sup>a</sup>, fee<sup>b</sup>, Brand<sup>®</sup>, $5<sup>*</sup>", "$20 a, fee b, Brand®, $5*"),
        ("5<sup>1</sup>/<sub>2</sub> cm at 25<sup>o</sup>C", "5 1/2 cm at 25°C"),
        ("H<sub>2</sub>O, 20<sub>1</sub>", "H2O, 20 1"),
        ('<p>Billed yearly. <a href="#ref1">↩︎</a></p>', "Billed yearly."),
        ('<ol><li><p>Net.</p><li>Per seat. <a href="#r2">↑</a></ol>', "⁽¹⁾ Net.\n\n⁽²⁾ Per seat."),
    ],
)
def test_what_is_set_high_or_low_does_not_join_the_figure_before_it(tmp_path: Path, markup: str, text: str) -> None:
    assert shown(tmp_path, f"<p>{markup}</p>") == text


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("It costs $20¹ a month.", [("20", "USD/month")]),
        ("Trials last 14⁽¹⁾ days.", [("14", "day")]),
        ("$20¹ 000", [("20", "USD"), ("000", "")]),
        ("10⁶ requests", [("10⁶", "")]),
        ("10⁻³", [("10ː³", "")]),
    ],
)
def test_a_note_is_no_part_of_a_figure_and_a_power_is(text: str, facts: list[tuple[str, str]]) -> None:
    assert amounts(text) == facts


# Tables


@pytest.mark.parametrize(
    ("table", "text"),
    [
        (
            "<tr><th>Plan<th>Region<th>Price<tr><td rowspan=2>Pro<td>US<td>$20<tr><td>EU<td>$25",
            "| Plan | Region | Price |\n| --- | --- | --- |\n| Pro | US | $20 |\n| Pro | EU | $25 |",
        ),
        (
            "<caption>Prices</caption><thead><tr><th rowspan=2>Plan<th colspan=2>Price<tr><th>US<th>EU"
            "<tfoot><tr><td>Max<td colspan=2>Ask us<tbody><tr><td>Pro<td>$20<td>$25",
            "Prices\n\n| Plan | Price US | Price EU |\n| --- | --- | --- |\n| Pro | $20 | $25 |\n"
            "| Max | Ask us | Ask us |",
        ),
        (
            "<tr><td colspan=2><b>Fees</b><tr><td>Late<td>$5<tbody><tr><td colspan=2>Cards<tr><td>Lost<td rowspan=9>$7",
            "**Fees**\n\n| Late | $5 |\n| --- | --- |\n| Cards |\n| Lost | $7 |",
        ),
        (
            "<tr><td rowspan=0>a<td>b<td rowspan=2>c<tr><td>d<tr><td>e<td colspan='²'>f",
            "| a | b | c |\n| --- | --- | --- |\n| a | d | c |\n| a | e | f |",
        ),
        (
            "<tr><th>Task<th>Command<tr><td>a|b<td><code>ls | wc</code>",
            "| Task | Command |\n| --- | --- |\n| a\\|b | `ls \\| wc` |",
        ),
        ("<tr><td>One<p>cell", "One\n\ncell"),
        (
            "<tr><td><h2>Prices</h2>Yearly:<td><table><tr><td>Pro<td>$20<tr><td>Max<td>$30</table><tr><td>end<td>",
            "## Prices\n\nYearly:\n\n| Pro | $20 |\n| --- | --- |\n| Max | $30 |\n\nend",
        ),
    ],
    ids=["rows merged", "heads of two rows", "titles", "to the end", "bars", "one cell", "layout"],
)
def test_each_row_of_a_table_says_by_itself_what_a_visitor_sees_in_it(tmp_path: Path, table: str, text: str) -> None:
    assert shown(tmp_path, f"<table>{table}</table>") == text


def test_a_long_text_that_spans_rows_stands_once_and_the_columns_stay(tmp_path: Path) -> None:
    long = "Long. " * 40
    text = shown(tmp_path, f"<table><tr><th>a<th>b<tr><td rowspan=2>{long}<td>1<tr><td>2</table>")
    assert text.endswith(f"| {long.strip()} | 1 |\n|  | 2 |")


def test_more_merged_cells_than_can_be_written_out_are_reported(tmp_path: Path) -> None:
    wide = "<tr>" + "<td colspan=1000 rowspan=99999>x" * 100
    assert refusal(tmp_path / "a.html", f"<table>{wide}</table>") == "its tables merge too many cells; split the page"


def test_a_bar_within_a_cell_begins_no_cell() -> None:
    assert cells(r"| a \| b | c |") == [" a | b ", " c "]
    assert cells("||US|EU|") == ["", "US", "EU"]
    assert cells("a | b") == ["a ", " b"]


# End tags left out


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        (
            "<table><tr><th>Plan<th>Price<tr><td>Pro<td>$20<tr><td>Basic<td>$5</table>",
            "| Plan | Price |\n| --- | --- |\n| Pro | $20 |\n| Basic | $5 |",
        ),
        ("<table><th>a<th>b<tbody><td>1<td>2</table>", "| a | b |\n| --- | --- |\n| 1 | 2 |"),
        ("<ul><li>one<li>two<ul><li>a<li>b</ul><li>three</ul>", "- one\n- two\n  - a\n  - b\n- three"),
        ("<p>one<b>bold<p>two<div>three<h2>four</h2></div>", "one**bold**\n\ntwo\n\nthree\n\n## four"),
        ("<dl><dt>Fee<dd>$5<dt>Limit<dd>3</dl>", "Fee\n:   $5\n\nLimit\n:   3"),
        ("<select><option>US<option>EU</select>", "US\n\nEU"),
        ("<summary>Why?</summary>So.<footer>End</footer>", "Why?\n\nSo.\n\nEnd"),
        (
            "<font><table><tr><td><font>a<td>b</font><tr><td>1<td>2</table></font>",
            "| a | b |\n| --- | --- |\n| 1 | 2 |",
        ),
        ("<body>one</body>two", "onetwo"),
    ],
)
def test_an_element_ends_where_html_says_though_its_end_tag_is_left_out(tmp_path: Path, markup: str, text: str) -> None:
    assert shown(tmp_path, f"<!doctype html><title>T</title><meta charset=utf-8>{markup}") == text


def test_a_page_without_end_tags_is_read_as_fast_as_any(tmp_path: Path) -> None:
    begun = time.process_time()
    assert shown(tmp_path, "<p>a <b>b<a name=x>" * 1_000).count("a **b**") == 1_000
    assert "nested too deeply" in refusal(tmp_path / "b.html", "<p><button>" + "<div>" * 2_000_000)
    assert time.process_time() - begun < 5


# Text that no reader sees


def test_what_no_visitor_sees_is_left_out_and_what_a_click_shows_stays(tmp_path: Path) -> None:
    unseen = (
        '<p style="color:red; display : none">secret</p><p style="font-size:0">secret</p><dialog>secret</dialog>'
        '<p style="visibility:\nhidden">secret</p>'
    )
    seen = (
        '<div style="font-size:0"><span style="font-size:12px">one</span></div><dialog open>two</dialog>'
        '<style>.answer { display: none }</style><p class="answer">three</p><p style="opacity:0">four</p>'
    )
    assert shown(tmp_path, f"{unseen}{seen}").split() == ["one", "two", "three", "four"]


def run(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


HIDDEN = "<w:vanish/>"
STYLES = (
    f'<w:styles {WORD}><w:style w:type="character" w:styleId="Secret"><w:rPr>{HIDDEN}</w:rPr></w:style>'
    f'<w:style w:type="paragraph" w:styleId="Draft"><w:rPr>{HIDDEN}</w:rPr></w:style></w:styles>'
)


def test_hidden_text_of_a_word_document_is_left_out(tmp_path: Path) -> None:
    shown_still = "<w:vanish w:val='0'/>"
    paragraphs = (
        run("Seen.") + run("SECRET", HIDDEN) + run(" On.", shown_still),
        run("SECRET", "<w:rStyle w:val='Secret'/>") + run("Also."),
        "<w:pPr><w:pStyle w:val='Draft'/></w:pPr>" + run("SECRET") + run("But this.", shown_still),
        f"<w:pPr><w:rPr>{HIDDEN}</w:rPr></w:pPr>" + run("Only its mark is hidden."),
    )
    content = docx("".join(f"<w:p>{inner}</w:p>" for inner in paragraphs), styles=STYLES)
    text = only(tmp_path / "a.docx", content).text
    assert text.split("\n\n") == ["Seen. On.", "Also.", "But this.", "Only its mark is hidden."]


def test_a_word_document_keeps_merged_cells_notes_and_raised_digits(tmp_path: Path) -> None:
    def cell(text: str, merged: str = "") -> str:
        return f"<w:tc><w:tcPr>{merged}</w:tcPr>{paragraph(text)}</w:tc>"

    raised = '<w:vertAlign w:val="superscript"/>'
    first, further = '<w:vMerge w:val="restart"/>', "<w:vMerge/>"
    rows = (
        cell("Plan") + cell("Region") + cell("Price"),
        cell("Pro", first) + cell("US") + cell("$20"),
        cell("", further) + cell("EU") + cell("$25"),
    )
    note = f'<w:footnotes {WORD}><w:footnote w:id="2">{paragraph("Without tax.")}</w:footnote></w:footnotes>'
    link = f'<Relationship Id="r1" Type="{OFFICE}/footnotes" Target="footnotes.xml"/>'
    body = (
        f"<w:p>{run('It costs $20')}{run('1', raised)}{run(' for 14')}"
        f'<w:r><w:footnoteReference w:id="2"/></w:r>{run(" days.")}</w:p>'
        + f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in rows)}</w:tbl>"
    )
    parts = {
        "word/footnotes.xml": note,
        "word/_rels/document.xml.rels": f"<Relationships {RELATIONS}>{link}</Relationships>",
    }
    assert only(tmp_path / "a.docx", docx(body, parts)).text.strip() == (
        "It costs $20¹ for 14⁽¹⁾ days.\n\n| Plan | Region | Price |\n| --- | --- | --- |\n| Pro | US | $20 |\n"
        "| Pro | EU | $25 |\n\n⁽¹⁾ Without tax."
    )
