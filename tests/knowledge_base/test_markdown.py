"""What a reader of a Markdown page does not see is no part of it."""

from __future__ import annotations

import time

import pytest

from tests.knowledge_base.parsed import only, refused


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("Fees are $40.<!-- staff may waive them --> Pay soon.", "Fees are $40. Pay soon."),
        ("# Fees\n<!--\nTwo lines,\n\nand a third.\n-->\nEnd.", "# Fees\n\n\n\n\n\nEnd."),
        ("  <!-- a --> <!-- b -->x", " x"),
        ("x <!--> y <!---> z", "x  y  z"),
        ("Seen <!-- within a line\n\nSeen.", "Seen <!-- within a line\n\nSeen."),
        ("[//]: # (staff may waive them)\n[note]: <> 'x'\nSeen.", "\n\nSeen."),
        ('[fees]: https://x.example "Fees"\n[top]: #\n', '[fees]: https://x.example "Fees"\n[top]: #\n'),
        ("Write `<!-- so -->` or ``<!-- `so` -->``.", "Write `<!-- so -->` or ``<!-- `so` -->``."),
        ("- a\n  ```html\n  <!-- so -->\n  ```\n<!-- c -->", "- a\n  ```html\n  <!-- so -->\n  ```\n"),
        ("~~~\n```\n<!-- so -->\n~~~~\n<!-- c -->x", "~~~\n```\n<!-- so -->\n~~~~\nx"),
        ("A lone ` and <!-- c -->\n\nanother ` there", "A lone ` and \n\nanother ` there"),
    ],
)
def test_comments_are_no_text_and_lines_still_count(written: str, seen: str) -> None:
    page = only("a.md", f"---\ntitle: Fees\n---\n{written}\nEnd")
    assert (page.text, page.first_line) == (f"{seen}\nEnd", 4)


def test_a_comment_that_is_never_closed_hides_what_follows() -> None:
    assert only("a.md", "Seen.\n<!-- never closed\n\n```\nhidden").text == "Seen.\n\n\n\n"


def test_a_title_in_a_comment_is_none_and_a_page_of_comments_is_empty() -> None:
    assert only("on-call.md", "<!-- # Draft -->\n<!--\n# Old\n-->\n# New\n").title == "New"
    assert refused("a.md", "<!-- nothing\nhere -->\n") == "empty, or without text"


@pytest.mark.parametrize(
    "content", ["     <!--\n", "`a ", "<!-- ", "```\n", "``` x\n", "[a]:\n", "> ", "`x\n\n", "[[]:", " "]
)
def test_any_marks_are_read_in_time_that_grows_with_them(content: str) -> None:
    started = time.process_time()
    only("a.md", "x\n" + content * (900_000 // len(content)) + "\n<!--")
    assert time.process_time() - started < 4
