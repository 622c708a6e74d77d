"""What a chunk holds together, what it may split, and that nothing of a document is lost."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from errors import UsageError
from knowledge_base.chunks import Chunk, chunk, locator
from knowledge_base.sources import Document, Format

PROSE = "The quick brown fox jumps over the lazy dog. " * 10


def document(text: str, kind: Format = "markdown", first_line: int = 1) -> Document:
    return Document("doc", "Title", text, kind, "/kb", "/kb/doc", "0" * 64, first_line=first_line)


def texts(text: str, target: int = 900, limit: int = 1800, kind: Format = "markdown") -> list[str]:
    return [c.text for c in chunk(document(text, kind), target, limit)]


LINES = st.sampled_from(
    [
        "",
        "   ",
        "# One",
        "## Two `x`",
        "### Three",
        "Setext\n===",
        "A sentence. Another one! And a longer third one, which goes on.",
        "As follows:",
        "- item",
        "  - nested item",
        "1. step",
        "    indented",
        "> quote",
        "```",
        "~~~ sh",
        "| a | b |",
        "| - | - |",
        "---",
        "<div>",
        "</div>",
        "[ref]: /url 'title'",
        "x" * 70,
        "\f\u2028 odd\rspace",
        "- - - - deep",
    ]
)
MARKDOWN = st.lists(st.one_of(LINES, st.text(max_size=20)), max_size=40).map("\n".join)


@given(MARKDOWN, st.sampled_from(["markdown", "text"]), st.integers(1, 120), st.integers(0, 120), st.integers(1, 9))
@example("[ref]: /url", "markdown", 900, 900, 1)
@example("* a\n\n  " + "b " * 50, "markdown", 10, 0, 3)
def test_every_character_is_in_some_chunk_in_order_within_the_limit_and_on_its_lines(
    text: str, kind: Format, target: int, extra: int, first_line: int
) -> None:
    chunks = chunk(document(text, kind, first_line), target, target + extra)
    assert "".join("".join(c.text.split()) for c in chunks) == "".join(text.split())
    assert len({c.chunk_id for c in chunks}) == len(chunks)
    lines = text.split("\n")
    for c in chunks:
        assert 0 < len(c.text) <= target + extra
        spanned = lines[c.first_line - first_line : c.last_line - first_line + 1]
        assert c.text in "\n".join(spanned)
        assert spanned[0].strip()
        assert spanned[-1].strip()


def test_chunks_are_the_same_every_time() -> None:
    text = f"# A\n\n{PROSE}\n\n## B\n\n{PROSE * 5}\n"
    assert chunk(document(text)) == chunk(document(text))


def test_sections_of_ordinary_length_are_chunks_of_their_own_with_their_heading() -> None:
    text = f"# Refunds\n\n{PROSE}\n\n## Annual plans\n\n{PROSE}\n\n### Late\n\n{PROSE}\n\n## Monthly\n\n{PROSE}"
    got = chunk(document(text, first_line=5))
    assert [(c.chunk_id, c.first_line, c.last_line, c.headings) for c in got] == [
        ("doc#5", 5, 7, ("Refunds",)),
        ("doc#9", 9, 11, ("Refunds", "Annual plans")),
        ("doc#13", 13, 15, ("Refunds", "Annual plans", "Late")),
        ("doc#17", 17, 19, ("Refunds", "Monthly")),
    ]
    assert got[1].text.startswith("## Annual plans\n\nThe quick")


def test_stubs_are_joined_under_the_headings_they_share() -> None:
    got = chunk(document("# Alert\n\n## Meaning\n\nIt is down.\n\n## Impact\n\n## Mitigation\n\nRestart it."))
    assert [c.headings for c in got] == [("Alert",)]
    assert got[0].text.endswith("Restart it.")


def test_a_document_of_only_headings_is_a_chunk() -> None:
    got = chunk(document("# A\n\n## B\n\n## C\n"))
    assert [c.text for c in got] == ["# A\n\n## B\n\n## C"]


@pytest.mark.parametrize("lead", ["### Steps", "Do as follows:", "### Steps\n\nDo as follows:"])
def test_what_leads_to_a_list_stays_with_it(lead: str) -> None:
    steps = "\n".join(f"{i}. Step number {i}" for i in range(10))
    got = texts(f"{PROSE}\n\n{lead}\n\n{steps}", target=500)
    assert got == [PROSE.strip(), f"{lead}\n\n{steps}"]


@pytest.mark.parametrize(
    "block",
    [
        "\n".join(f"- item {i}" for i in range(15)),
        "```yaml\n" + "key: value\n\n" * 12 + "```",
        "| a | b |\n| - | - |\n" + "\n".join("| 1 | 2 |" for _ in range(12)),
    ],
)
def test_a_list_a_code_block_and_a_table_stay_whole_up_to_the_limit(block: str) -> None:
    assert block in texts(f"{PROSE}\n\n{block}\n\n{PROSE}", target=100, limit=200)


def test_a_list_longer_than_the_limit_is_split_between_items() -> None:
    items = [f"- item {i}\n  and more of it\n\n  - nested" for i in range(20)]
    got = texts("\n".join(items), target=120, limit=150)
    assert len(got) > 5
    assert all(text.startswith("- item") and text.endswith("- nested") for text in got)


def test_a_table_longer_than_the_limit_is_split_between_rows() -> None:
    got = texts("| a | b |\n| - | - |\n" + "\n".join(f"| {i} | x |" for i in range(40)), target=100, limit=150)
    assert got[0].startswith("| a | b |\n| - | - |\n| 0 | x |")
    assert all(line.startswith("|") and line.endswith("|") for text in got for line in text.split("\n"))


def test_code_longer_than_the_limit_is_split_at_blank_lines_where_it_can_be() -> None:
    stanza = "def f():\n    return 1"
    got = texts("```python\n" + f"{stanza}\n\n" * 12 + "```", target=60, limit=80)
    assert all(text.count("def f") == text.count("return") for text in got)
    assert texts("```\n" + "y = 2\n" * 30 + "```", target=60, limit=80)[1].split("\n")[0] == "y = 2"


@pytest.mark.parametrize("kind", ["markdown", "text"])
def test_a_paragraph_longer_than_the_limit_is_split_between_sentences(kind: Format) -> None:
    got = texts(PROSE, target=100, limit=100, kind=kind)
    assert len(got) == 5
    assert all(text.startswith("The quick") and text.endswith("dog.") for text in got)


def test_parts_of_one_line_have_ids_of_their_own() -> None:
    assert [c.chunk_id for c in chunk(document(PROSE), 200, 200)] == ["doc#1", "doc#1-2", "doc#1-3"]


def test_plain_text_is_never_read_as_markdown() -> None:
    got = chunk(document("# not a heading\n\nfirst\n\n\n- second", "text"))
    assert [(c.text, c.headings) for c in got] == [("# not a heading\n\nfirst\n\n\n- second", ())]


def test_a_heading_inside_code_or_a_list_opens_no_section() -> None:
    got = chunk(document("# Real\n\n```\n# comment\n```\n\n- # listed\n\ntext"))
    assert [c.headings for c in got] == [("Real",)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("one line without spaces", "x" * 1_000_000),
        ("one paragraph", "word word word.\n" * 60_000),
        ("more items than the parser is given", "- item\n" * 110_000),
        ("quotes in quotes", ">" * 10_000),
        ("lists in lists", "\n".join(" " * 2 * i + "- a" for i in range(200))),
        ("brackets", "# " + "[" * 10_000),
        ("blank lines", "a" + "\n" * 200_000 + "b"),
        ("spaces", "a" + " " * 200_000 + "b"),
        ("headings", "# a\n" * 5_000),
        ("rules", "---\n\n" * 5_000),
    ],
)
def test_no_input_takes_more_than_linear_time(name: str, text: str) -> None:
    started = time.thread_time()
    got = texts(text)
    assert time.thread_time() - started < 5, name
    assert max(map(len, got)) <= 1800
    assert sum(len("".join(t.split())) for t in got) == len("".join(text.split()))


@pytest.mark.parametrize(("target", "limit"), [(0, 10), (11, 10), (-1, -1)])
def test_sizes_that_make_no_sense_are_refused(target: int, limit: int) -> None:
    with pytest.raises(UsageError, match="choose 0 < target <= limit"):
        chunk(document("text"), target, limit)


def test_a_locator_names_lines_and_headings_but_not_the_title_again() -> None:
    found = Chunk("d#12", "d", "text", ("Refunds", "Annual plans"), 12, 18)
    assert locator(found) == "lines 12–18 · Refunds › Annual plans"
    assert locator(found, title="Refunds") == "lines 12–18 · Annual plans"
    assert locator(Chunk("d#3", "d", "text", ("`Refunds`",), 3, 3), title="Other") == "line 3 · `Refunds`"
    assert locator(Chunk("d#3", "d", "text", (), 3, 3)) == "line 3"
