"""Words: BM25 that grows without reading everything again, and titles that a question says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge_base.text import stems
from knowledge_base.words import Titles, WordIndex

texts = st.lists(st.text("abc xyz", max_size=20), min_size=1, max_size=8)


@given(before=texts, after=texts, data=st.data())
@settings(deadline=None)
def test_an_index_grown_from_another_scores_as_one_made_anew(
    before: list[str], after: list[str], data: st.DataObject
) -> None:
    old = WordIndex.count(before)
    kept = data.draw(st.lists(st.integers(0, len(before) - 1), max_size=8))
    grown = WordIndex.count([*kept, *after], old)
    fresh = WordIndex.count([*[before[n] for n in kept], *after])
    for word in ("a", "x", "abc", "yz", "nowhere"):
        assert np.array_equal(grown.scores([word]), fresh.scores([word]))
        assert (word in grown) == (word in fresh)
        assert grown.rarity(word) == fresh.rarity(word)


def test_a_text_outside_the_index_scores_as_it_would_inside() -> None:
    pages = ["refund the yearly plan", "log in with a token", "export a file of the plan", "the plan"]
    words = WordIndex.count(pages)
    for n, page in enumerate(pages):
        inside = float(words.scores(["plan", "refund"])[n])
        assert abs(words.score(["plan", "refund"], stems(page)) - inside) < 1e-5


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    words = WordIndex.count(["one page on tokens", "another page"])
    titles = Titles.count(words, ["Tokens", ""], [0, 1])
    words.save(tmp_path)
    titles.save(tmp_path)
    again = WordIndex.load(tmp_path)
    assert np.array_equal(again.scores(["page", "token"]), words.scores(["page", "token"]))
    assert WordIndex.count([1, 0], again).scores(["token"])[1] == words.scores(["token"])[0]
    asked = [["token"], ["nothing"]]
    said, loaded = titles.coverage(asked, np.arange(2)), Titles.load(again, tmp_path)
    assert np.array_equal(loaded.coverage(asked, np.arange(2)), said)


def test_a_title_said_in_full_counts_whole_and_its_rare_words_most() -> None:
    names = ["Purple account fees", "Purple account limits", "Green account fees", ""]
    words = WordIndex.count([f"{name} text" for name in names])
    titles = Titles.count(words, names, [0, 1, 2, 3, 3])
    query = stems("what are the fees of the purple account?")
    whole, limits, green, *untitled = titles.coverage([query], np.arange(5))[0].tolist()
    assert whole == 1
    assert 0 < green <= limits < 1 or 0 < limits <= green < 1
    assert untitled == [0, 0]
