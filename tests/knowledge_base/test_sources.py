"""What becomes a document, and what is reported instead of being lost in silence."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from errors import UsageError
from knowledge_base.sources import Document, Skipped, read_sources
from knowledge_base.text import plain


def read(*paths: Path, max_bytes: int = 20_000_000) -> tuple[list[Document], list[Skipped]]:
    found = list(read_sources(paths, max_bytes))
    return [x for x in found if isinstance(x, Document)], [x for x in found if isinstance(x, Skipped)]


def page(path: Path, content: str | bytes) -> Document:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    documents, skipped = read(path)
    assert skipped == []
    return documents[0]


def refusal(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    documents, skipped = read(path)
    assert documents == []
    assert [s.path for s in skipped] == [str(path)]
    return skipped[0].reason


def test_a_folder_is_read_in_order_with_ids_relative_to_it(tmp_path: Path) -> None:
    for name in ("b.md", "a/z.txt", "a/c.html", "a.d/deep/x.markdown"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("Some text")
    documents, skipped = read(tmp_path)
    assert [d.doc_id for d in documents] == ["a/c.html", "a/z.txt", "a.d/deep/x.markdown", "b.md"]
    assert {d.source for d in documents} == {str(tmp_path)}
    assert documents[0].path == str(tmp_path / "a" / "c.html")
    assert skipped == []


def test_a_path_that_does_not_exist_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"absent.*No such file or directory; check the path"):
        read_sources([tmp_path, tmp_path / "absent"])


def test_hidden_entries_are_passed_over_and_other_kinds_are_reported(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "x.md").write_text("x")
    (tmp_path / ".hidden.md").write_text("x")
    (tmp_path / "photo.png").write_bytes(b"\x89PNG")
    assert read(tmp_path) == (
        [],
        [
            Skipped(
                str(tmp_path / "photo.png"),
                "not a kind of file that is read (md, txt, html, pdf, docx, csv, tsv, json, jsonl)",
            )
        ],
    )


def test_front_matter_becomes_title_meta_and_date_and_lines_still_count_from_the_file(tmp_path: Path) -> None:
    got = page(
        tmp_path / "a.md",
        "---\r\nTitle: Refunds\r\nweight: 20\r\ndraft: false\r\ntags: [a]\r\ndate: 2024-05-06 10:00:00\r\n---\r\n\r\n"
        '# Other {{< ref "x" >}}\r\nBody\r\n',
    )
    assert got.title == "Refunds"
    assert got.meta == {
        "title": "Refunds",
        "weight": "20",
        "draft": "false",
        "tags": "a",
        "date": "2024-05-06T10:00:00",
    }
    assert got.modified == "2024-05-06"
    assert got.text == '# Other {{< ref "x" >}}\nBody\n'
    assert got.first_line == 9


@pytest.mark.parametrize(
    "content",
    [
        "---\n" + "[" * 5000 + "\n---\nBody",
        "---\nnever closed\n\nBody",
        "---\nJust prose between rules.\n---\nBody",
        "---\n# A heading\n---\nBody",
        '{\n"title": "Refunds",\n}\nBody',
        "+++\n[a]\n= 1\n+++\nBody",
    ],
)
def test_what_is_no_front_matter_stays_in_the_text(tmp_path: Path, content: str) -> None:
    got = page(tmp_path / "a.md", content)
    assert (got.text, got.meta, got.first_line) == (content, {}, 1)


@pytest.mark.parametrize(
    ("name", "content", "title"),
    [
        ("a.md", "intro\n\n# The `kubectl` [guide](x.md) #\n", "The kubectl guide"),
        ("a.md", "```sh\n# a comment\n```\n\n# Real\n", "Real"),
        ("a.md", "Underlined `one`\n===\n\n# Other", "Underlined one"),
        ("on-call.md", "two lines\nthat go on\n===\n\n```\nx\n\ncode\n====\n```\n- item\n===\n", "On call"),
        ("roll-back_a-release.md", "No heading.", "Roll back a release"),
        ("a.txt", "\n  Short first line\nrest", "Short first line"),
        ("on-call.txt", "long " * 20, "On call"),
        ("a.html", "<title> The\n page </title><h1>Other</h1>text", "The page"),
        ("a.html", "<title></title><h1>Other</h1>text", "Other"),
    ],
)
def test_the_title_is_the_best_name_the_page_gives_itself(tmp_path: Path, name: str, content: str, title: str) -> None:
    assert page(tmp_path / name, content).title == title


def test_html_becomes_markdown_without_what_a_visitor_does_not_see(tmp_path: Path) -> None:
    got = page(
        tmp_path / "a.html",
        """<html><head><title>Limits</title><meta name="Author" content="Ops"><style>p {}</style></head><body>
        <nav>Menu</nav><!-- secret --><script>evil()</script><template>later</template>
        <p hidden>unseen <b hidden>twice</b></p><p style="color: red; DISPLAY:none">unseen</p>
        <h2>Waiting</h2><p>Set <code>max_wait_s</code> and *args.</p>
        <ul><li>one</li><li>two</li></ul><pre><code>x = 1
y = 2</code></pre>
        <table><tr><th>Plan</th><th>Price</th></tr><tr><td>Pro</td><td>$12</td></tr></table>
        <img src="data:image/png;base64,AAAA" alt="A chart"></body></html>""",
    )
    assert got.meta == {"author": "Ops"}
    for expected in (
        "## Waiting",
        "Set `max_wait_s` and *args.",
        "- one\n- two",
        "```\nx = 1\ny = 2\n```",
        "| Plan | Price |\n| --- | --- |\n| Pro | $12 |",
        "A chart",
    ):
        assert expected in got.text
    for unseen in ("Menu", "secret", "evil", "later", "unseen", "twice", "base64", "p {}", "Limits"):
        assert unseen not in got.text
    assert got.first_line == 1


def test_html_nested_beyond_reading_is_reported(tmp_path: Path) -> None:
    assert "nested too deeply" in refusal(tmp_path / "a.html", b"<div>" * 5000 + b"x")


def test_each_good_line_of_a_jsonl_file_is_a_document_and_each_bad_one_is_named(tmp_path: Path) -> None:
    file = tmp_path / "faq.jsonl"
    lines = [
        '\ufeff{"id": 7, "title": "Fees", "text": "a\\r\\nb", "Updated": "2023-02-01", "rank": 1.5, "tags": []}',
        "not json",
        "",
        "[1]",
        '{"text": "no id"}',
        '{"id": true, "text": " "}',
        "[" * 100_000,
        '{"id": "h", "text": "# Heading\\n\\nlone \\ud800 surrogate"}',
        '{"id": "7", "text": "again"}',
        '{"id": "long", "text": "' + "x" * 200_000 + '"}',
        '{"id": "last", "text": "no line end"}',
    ]
    file.write_text("\n".join(lines), encoding="utf-8")
    documents, skipped = read(file, max_bytes=150_000)
    assert [(d.doc_id, d.title, d.text) for d in documents] == [
        ("7", "Fees", "a\nb"),
        ("h", "Heading", "# Heading\n\nlone \ufffd surrogate"),
        ("last", "last", "no line end"),
    ]
    assert documents[0].modified == "2023-02-01"
    assert documents[0].meta == {"updated": "2023-02-01", "rank": "1.5"}
    assert [(s.path.removeprefix(str(file)), s.reason) for s in skipped] == [
        (":2", "not JSON in UTF-8"),
        (":4", "not a JSON object"),
        (":5", "no id"),
        (":6", "no text"),
        (":7", "not JSON in UTF-8"),
        ("", f"the id '7' is already taken by {file}"),
        (":10", "over the limit of 0.1 MB"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "unread"),
    [
        ("a.json", b'[{"a": 1', True),
        ("a.pdf", b"%PDF-1.4 cut", True),
        ("a.docx", b"PK\3\4 cut", True),
        ("a.json", b"", False),
        ("a.json", b'[{"a": 1}, 5]', False),
        ("a.json", b'{"audience": "internal, partners", "plans": [{"a": 1}]}', False),
        ("a.md", b"", False),
        ("a.jsonl", b"{", False),
        ("a.exe", b"MZ", False),
    ],
)
def test_what_may_be_half_written_is_told_from_what_is_refused_for_good(
    tmp_path: Path, name: str, content: bytes, unread: bool
) -> None:
    (tmp_path / name).write_bytes(content)
    assert [skipped.unread for skipped in read(tmp_path)[1]] == [unread]


def test_one_line_in_another_encoding_spoils_no_other(tmp_path: Path) -> None:
    lines = ["Fee: €25".encode(), b"Tax: \xa35", "Café: €2".encode()]
    assert page(tmp_path / "a.txt", b"\n".join(lines)).text == "Fee: €25\nTax: £5\nCafé: €2"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("The refund is “final” – you’ll pay £25.50 or €30.", "utf-8-sig"),
        ("Fee: £25 per month", "cp1252"),
        ("café €5", "cp1252"),
        ("Grüße aus Köln, dies ist Text", "utf-16"),
        ("Стоимость возврата составляет пять рублей. Пожалуйста, проверьте номер счёта.", "cp1251"),
        ("返金手数料は五百円です。口座番号をご確認ください。", "shift-jis"),
    ],
)
def test_text_is_decoded_whatever_its_encoding(tmp_path: Path, text: str, encoding: str) -> None:
    assert page(tmp_path / "a.txt", text.encode(encoding)).text == text


@pytest.mark.parametrize("name", ["a.md", "a.txt", "a.html", "a.jsonl"])
def test_binary_and_empty_files_are_reported(tmp_path: Path, name: str) -> None:
    assert refusal(tmp_path / name, b"\x89PNG\r\0\x1a\0\0\0\rIHDR\xff\xfe\0") == "binary or of no known encoding"
    assert refusal(tmp_path / name, b"") == "empty, or without text"
    assert refusal(tmp_path / name, b"\n \n") == "empty, or without text"


def test_invisible_characters_are_kept_but_are_not_text(tmp_path: Path) -> None:
    assert page(tmp_path / "a.txt", "pass\u200bword").text == "pass\u200bword"
    assert refusal(tmp_path / "b.txt", "\u200b\n".encode()) == "empty, or without text"


def test_a_file_over_the_limit_is_reported_with_both_sizes(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"x" * 2_500_000)
    assert read(tmp_path, max_bytes=2_500_000)[1] == []
    assert read(tmp_path, max_bytes=1_000_000)[1][0].reason == "2.5 MB, over the limit of 1.0 MB"


def test_links_are_followed_to_files_inside_the_folder_and_nowhere_else(tmp_path: Path) -> None:
    folder = tmp_path / "kb"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "a.md").write_text("inside")
    (tmp_path / "secret.md").write_text("outside")
    (folder / "in.md").symlink_to("sub/a.md")
    (folder / "loop.md").symlink_to("loop.md")
    (folder / "nothing.md").symlink_to("gone.md")
    (folder / "out.md").symlink_to("../secret.md")
    (folder / "up").symlink_to("..")
    (folder / "self").symlink_to(".")
    documents, skipped = read(folder)
    assert [d.doc_id for d in documents] == ["in.md", "sub/a.md"]
    reasons = {Path(s.path).name: s.reason for s in skipped}
    assert reasons.keys() == {"loop.md", "nothing.md", "out.md", "up", "self"}
    assert reasons["out.md"] == reasons["up"] == "a link that leads out of the folder"
    assert reasons["self"] == "a link to a folder that is read where it stands"


def test_a_fifo_is_reported_and_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    assert read(tmp_path) == ([], [Skipped(str(tmp_path / "pipe.md"), "not a regular file")])


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_or_folder_without_permission_is_reported(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    (tmp_path / "a.md").touch(mode=0)
    reasons = [s.reason for s in read(tmp_path)[1]]
    (tmp_path / "closed").chmod(0o700)
    assert reasons == ["not readable by this user"] * 2


def test_a_file_that_vanishes_while_the_folder_is_read_is_reported(tmp_path: Path) -> None:
    for name in ("a.md", "b.md", "c.md"):
        (tmp_path / name).write_text(name)
    found = read_sources([tmp_path])
    first = next(found)
    (tmp_path / "b.md").unlink()
    gone, last = found
    assert isinstance(first, Document)
    assert isinstance(last, Document)
    assert isinstance(gone, Skipped)
    assert gone.reason.startswith("it is gone")


@pytest.mark.skipif(os.name != "posix", reason="file names are bytes on POSIX only")
def test_a_file_name_that_is_not_unicode_is_reported_in_printable_form(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.md")).write_text("x")
    assert read(tmp_path)[1] == [Skipped(f"{tmp_path}/caf\ufffd.md", "its name is not valid Unicode; rename it")]


@pytest.mark.parametrize("name", ["a\n3 documents\x1b[2J.md", "a\u202efdp.md", "a\u2066.png"])
def test_a_file_name_that_could_forge_what_is_printed_is_reported_in_printable_form(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("x")
    documents, (skipped,) = read(tmp_path)
    assert documents == []
    assert skipped.reason == "its name has control characters; rename it"
    assert skipped.path.removeprefix(f"{tmp_path}/").isprintable()


def test_a_file_of_holes_is_refused_without_reading_it(tmp_path: Path) -> None:
    for name in ("a.txt", "b.jsonl"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(1 << 40)
    reasons = [s.reason for s in read(tmp_path)[1]]
    assert reasons == ["1099511.6 MB, over the limit of 20.0 MB", "binary or of no known encoding"]


def test_the_digest_follows_what_is_indexed_and_not_the_files_time(tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    before = page(file, "# A\n\ntext")
    os.utime(file, (0, 0))
    again = read(file)[0][0]
    assert again.sha256 == before.sha256
    assert again.modified == "1970-01-01"
    assert page(file, "# A\n\ntext!").sha256 != before.sha256
    assert page(file, "---\nowner: x\n---\n# A\n\ntext").sha256 != before.sha256


def test_places_in_a_document_are_part_of_its_digest(tmp_path: Path) -> None:
    before = page(tmp_path / "a.csv", "id,a\nx,1\n")
    after = page(tmp_path / "a.csv", "\nid,a\nx,1\n")
    assert (before.text, before.marks, after.marks) == (after.text, ((1, "row 2"),), ((1, "row 3"),))
    assert before.sha256 != after.sha256


def test_the_digests_of_files_that_were_read_whole_are_told_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("whole")
    (tmp_path / "b.jsonl").write_text('{"id": "b", "text": "b"}\n[]')
    (tmp_path / "c.jsonl").write_text('{"id": "c", "text": "c"}\n{"id": "c", "text": "the id is taken"}')
    (tmp_path / "d.txt").write_text("")
    reading = read_sources([tmp_path])
    assert reading.files == {}
    assert len(list(reading)) == 6
    assert reading.files == {str(tmp_path / "a.md"): hashlib.sha256(b"whole").hexdigest()}
    assert list(reading) == []


def test_a_file_whose_documents_are_known_gives_those_and_is_not_parsed(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": "1", "text": "x"}\n{"id": "2", "text": "y"}')
    (tmp_path / "b.md").write_text("b")
    asked = []
    first = read_sources([tmp_path])
    *known, new = [item for item in first if isinstance(item, Document)]

    def knows(path: str, sha256: str) -> list[Document] | None:
        asked.append((path, sha256))
        return known if path.endswith(".jsonl") else None

    second = read_sources([tmp_path], known=knows)
    one, two, three = second
    assert (one is known[0], two is known[1], three is new, three == new) == (True, True, False, True)
    assert second.files == first.files == dict(asked)


def test_a_file_that_changes_while_it_is_read_is_not_told_as_read(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"id": "1", "text": "x"}\n{"id": "2", "text": "y"}')
    reading = read_sources([file])
    next(reading)
    file.write_text('{"id": "1", "text": "z"}')
    assert len(list(reading)) == 1
    assert reading.files == {}


def test_a_document_can_be_written_as_json_whatever_was_in_the_file(tmp_path: Path) -> None:
    got = page(tmp_path / "a.jsonl", '{"id": "\\udfff", "text": "a\\u0000b", "k\\ud800": "\\ud800"}')
    assert json.dumps([got.doc_id, got.text, got.meta], ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("inline", "expected"),
    [
        ("Set `max_wait_s` for __init__", "Set max_wait_s for init"),
        ("abs\\(Decimal\\) <a name='x'></a>", "abs(Decimal)"),
        ("**Bold** and *it* and a < b > c", "Bold and it and a < b > c"),
        ("See [the guide](x.md) {#anchor}", "See the guide"),
    ],
)
def test_plain_is_the_heading_as_a_reader_sees_it(inline: str, expected: str) -> None:
    assert plain(inline) == expected
