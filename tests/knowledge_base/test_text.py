"""Words, stems and sentences."""

from __future__ import annotations

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge_base.context import tokens
from knowledge_base.text import sentences, stems, unmarked, visible, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("etcdMembersDown", ["etcdmembersdown", "etcd", "members", "down"]),
        ("AUTH-417", ["auth-417", "auth", "417"]),
        ("won’t", ["won't"]),
        ("pass\u200bword", ["password"]),
        ("ｆｕｌｌ", ["full"]),
        ("KubeAPIDown", ["kubeapidown", "kube", "api", "down"]),
        ("AUTH\u2011417 AUTH\u2010417", ["auth-417", "auth", "417"] * 2),
        ("2\u22121 Monday\u2013Friday in\u2011network", "2-1 2 1 monday friday in network".split()),
        ("Zürich Zu\u0308rich İzmir Łódź Straße Ærø Việt", "zurich zurich izmir lodz strasse aero viet".split()),
        ("йод が 한국 हिन्दी", ["йод", "が", "한국", "ह", "न", "द"]),
    ],
)
def test_a_word_gives_itself_and_the_parts_of_an_identifier(text: str, found: list[str]) -> None:
    assert words(text) == found


def test_email_is_one_word_with_a_hyphen_and_without() -> None:
    assert words("E-mail, e-commerce, e-g, x-ray") == ["email", "ecommerce", "e-g", "e", "g", "x-ray", "x", "ray"]
    assert stems("Enter your e-mail address") == stems("Enter your email address")
    assert [token.stem for token in tokens("e-mails and emails")] == ["email", "email"]


def test_function_words_have_no_stems() -> None:
    assert stems("How do I reset my passwords?") == ["reset", "password"]


def test_each_kind_of_block_stays_whole() -> None:
    page = (
        "# Head\n\nOne costs $1.50 a.m. today. Two\nruns on.\n\n- item one\n  goes on\n- item two\n\n1. a step\n\n"
        "```sh\n$ ls\n\n$ df\n```\n\n| a | b |\n| - | -- |\n| 1 | 2 |\n\n> quoted\n> twice\n\nUnder\n=====\n\nEnd.\n"
    )
    assert [(s.kind, s.text) for s in sentences(page)] == [
        ("heading", "# Head"),
        ("prose", "One costs $1.50 a.m. today."),
        ("prose", "Two\nruns on."),
        ("item", "- item one\n  goes on"),
        ("item", "- item two"),
        ("step", "1. a step"),
        ("code", "```sh\n$ ls\n\n$ df\n```"),
        ("row", "| a | b |"),
        ("row", "| 1 | 2 |"),
        ("quote", "> quoted\n> twice"),
        ("heading", "Under"),
        ("prose", "End."),
    ]


@given(st.text(alphabet=st.characters(), max_size=300))
def test_sentences_lie_where_they_say_and_lose_only_rules_and_white_space(text: str) -> None:
    found = sentences(text)
    assert all(text[s.start : s.end] == s.text for s in found)
    assert all(a.end <= b.start for a, b in pairwise(found))


@given(st.text(alphabet=st.characters(codec=None), max_size=100))
def test_words_are_the_same_however_their_marks_are_written(text: str) -> None:
    assert unmarked(unmarked(text)) == unmarked(text)
    shown = visible(text)
    assert words(unicodedata.normalize("NFD", shown)) == words(shown)


@given(st.text(alphabet=st.characters(codec=None), max_size=100))
def test_any_string_has_words_and_stems(text: str) -> None:
    assert len(stems(text)) <= len(words(text))
    assert visible(visible(text)) == visible(text)
