"""What was handed on, as text: every part that is not empty, and titles where only ids are kept."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from opsdesk.handed import told
from tasks.case import Claim, Draft, Passage, Quote, Sentence, Verdict

PASSAGE = Passage(
    n=3, doc_id="p.md", chunk_id="p.md#5", title="Plans", locator="line 5", text="The Pro plan costs $49.", score=0.9
)


def test_passages_that_are_kept_by_id_are_told_by_number_and_title() -> None:
    assert told([{"chunk_id": "p.md#5", "score": 0.95238}, {"chunk_id": "gone#1", "score": 0.5}], [PASSAGE]) == (
        "passages (2)\n  [3] Plans · line 5 · 0.95\n  gone#1 · 0.50"
    )


def test_a_draft_and_its_verdict_are_told_sentence_by_sentence() -> None:
    draft = Draft(sentences=[Sentence(text="It costs $49.", quotes=[Quote(n=3, text="$49")])], unanswered=[1])
    assert told({"draft": draft.model_dump(mode="json")}, []) == (
        "draft\n  sentences (1)\n    1. It costs $49. [3]\n  unanswered\n    1"
    )
    claim = Claim(text="It costs $48.", supported=False, citations=[3], reason="the passages give $49")
    verdict = Verdict(supported=False, score=0.12345, claims=[claim]).model_dump(mode="json")
    assert told(verdict, []) == (
        "supported: no\nscore: 0.1235\nclaims (1)\n  not proven: It costs $48. [3]\n     the passages give $49"
    )


def test_a_question_says_what_its_words_point_back_to() -> None:
    payload = {"questions": [{"text": "how much is it?", "context": "Does Pro include it?", "stated": False}]}
    assert told(payload, []) == "questions (1)\n  1. how much is it?\n     asked after: Does Pro include it?"


NAMES = ("text", "claims", "passages", "questions", "sentences", "quotes", "citations", "chunk_id", "supported", "n")
json_values: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_whatever_was_kept_can_be_told(payload: object) -> None:
    assert isinstance(told(payload, [PASSAGE]), str)


@given(st.dictionaries(st.from_regex(r"[a-z]{3,9}", fullmatch=True), st.from_regex(r"[a-z]{1,9}", fullmatch=True)))
def test_no_part_is_left_out(payload: dict[str, str]) -> None:
    text = told({"inner": [{"unknown": payload}], **payload}, [])
    assert json.dumps(payload, ensure_ascii=False) in text
    assert all(f"{name}: {value}" in text for name, value in payload.items() if name != "inner")
