"""What stands above the text of a Markdown page, and that no slip in it makes an internal page public."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from knowledge_base.formats.page import Refusal
from knowledge_base.sources import is_internal
from tests.knowledge_base.parsed import only, parsed, refused

BODY = "# Goodwill refunds\n\nUp to $500 may be granted without approval.\n"


@pytest.mark.parametrize(
    "title",
    [
        "Refunds: who decides",
        "[Staff] Goodwill refunds",
        '"Refunds" and more',
        "'Refunds' and more",
        "@team refunds",
        "*Refunds* of staff",
        "%d days",
        "`refund` command",
        "- refunds",
        "{{ page.title }}",
        "[refunds, credits",
        "!!python/object/apply:os.getcwd []",
        "[" * 5_000,
        "2024-02-30",
    ],
)
def test_a_title_that_is_no_yaml_stands_as_it_is_and_costs_nothing_else(title: str) -> None:
    page = only("a.md", f"---\ntitle: {title}\naudience: internal # staff\ntags:\n- money\n\n# note\n---\n\n{BODY}")
    assert (page.title, page.text) == (title, BODY)
    assert page.meta == {"title": title, "audience": "internal", "tags": "money"}
    assert page.first_line == 10


@pytest.mark.parametrize(
    "head",
    [
        "---\ntitle: Refunds\nsub:\n\tkey: value\naudience: internal\n---\n",
        "---\ntitle: Refunds\naudience: internal\n...\n",
        "\n---\nAudience : 'Internal'\n---\n",
        "---\naudience: [internal]\n---\n",
        "---\naudience:\n- internal\n---\n",
        "---\ntitle: Refunds\naudience:internal\n---\n",
        "---\ntitle: [Staff] Refunds\naudience:\n\tinternal\n---\n",
        "---\nparams:\n  audience: internal\n---\n",
        "---\naudience: customers\nparts: [{audience: internal}]\n---\n",
        '+++\ntitle = "Refunds"\naudience = "internal"\n+++\n',
        '+++\ntitle = [Staff] Refunds\naudience = "internal" # staff\n+++\n',
        "+++\n[params]\naudience = 'internal'\n+++\n",
        '{\n"title": "Refunds",\n"audience": "internal"\n}\n',
    ],
)
def test_an_internal_page_is_known_for_one_however_that_is_written(head: str) -> None:
    page = only("a.md", head + BODY)
    assert is_internal(page.meta)
    assert (page.text, page.first_line) == (BODY, 1 + head.count("\n"))


@pytest.mark.parametrize(
    "head",
    [
        "---\naudience: [internal, partners]\n---\n",
        "---\naudience: internal, partners\n---\n",
        "---\naudience: {internal: true}\n---\n",
        "---\naudience: {{ internal }}\n---\n",
        "---\ntitle: Refunds\n  audience: internal\n---\n",
        "---\ntitle: Refunds\naudience internal\n---\n",
        "---\ntitle: Refunds\nA line that is no entry.\naudience: internal\n---\n",
        "---\ntitle: Refunds\naudience: internal\n\n",
        "---\n" + "note: x\n" * 9_000 + "audience: internal\n---\n",
        "+++\n[params\naudience = 'internal'\n+++\n",
        '{\n"title": "Refunds",\n"audience": "internal",\n}\n',
    ],
)
def test_a_page_whose_internal_audience_is_not_understood_is_refused_and_not_made_public(head: str) -> None:
    assert 'write "audience: internal" on a line of its own' in refused("a.md", head + BODY)


@pytest.mark.parametrize(
    ("head", "audience"),
    [
        ("---\naudience: [customers, partners]\n---\n", "['customers', 'partners']"),
        ("---\naudience: customers\nnote: internal\n---\n", "customers"),
        ("---\naudience: international\n---\n", "international"),
        ("---\ndescription: written for an audience of internal users\n---\n", None),
        ("---\naudience:\n---\n", None),
        ("---\na: &a [*a]\n---\n", None),
    ],
)
def test_any_other_audience_is_public(head: str, audience: str | None) -> None:
    page = only("a.md", head + BODY)
    assert page.meta.get("audience") == audience
    assert not is_internal(page.meta)


def test_a_rule_above_a_text_with_colons_is_no_front_matter() -> None:
    text = "---\nNote: [this: is a sentence, and no front matter.\nIt goes on here.\n---\nAnd here.\n"
    page = only("note.md", text)
    assert (page.text, page.meta) == (text, {})


@given(
    st.sampled_from(["---\n", "+++\n", "{\n"]),
    st.lists(st.text("ab:=[]{}'\"-#|>&*! \t\n", max_size=12), max_size=6),
    st.integers(0, 6),
)
def test_no_lines_beside_it_make_an_internal_page_public(mark: str, lines: list[str], place: int) -> None:
    written = {"-": "audience: internal", "+": "audience = 'internal'", "{": '"audience": "internal"'}[mark[0]]
    before = "\n".join(lines[:place])
    assume(not re.search(r"^(-{3,}|[+]{3}|[}])\s*$", before, re.MULTILINE))  # the block ends there
    block = "\n".join([before, written, *lines[place:]])
    closing = "}\n" if mark == "{\n" else mark
    (found,) = parsed("a.md", f"{mark}{block}\n{closing}\n{BODY}")
    assert isinstance(found, Refusal) or is_internal(found.meta)
