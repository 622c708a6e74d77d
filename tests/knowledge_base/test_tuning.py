"""What a knowledge base teaches about itself, without anybody's labels."""

from __future__ import annotations

import numpy as np
import pytest

from knowledge_base.chunks import Chunk, chunk
from knowledge_base.embeddings import Embedder
from knowledge_base.passages import search_text
from knowledge_base.ranking import Arms, confidence
from knowledge_base.text import stems
from knowledge_base.tuning import DEFAULT, learn, outgrown
from knowledge_base.vectors import Vectors
from knowledge_base.words import Titles, WordIndex
from tests.knowledge_base.conftest import document

FACTS = [
    ("Refunds", "A yearly plan is refunded in full within 30 days. Ask the billing team for it in writing."),
    ("Login", "The clock of the server must be right or signing in fails. A token is valid for one hour only."),
    ("Export", "Every project can be downloaded as a spreadsheet file. Large exports are sent by e-mail at night."),
    ("Seats", "A guest takes no seat and cannot edit anything. Removing a colleague frees the seat at once."),
    ("Backups", "Copies are made each night and kept for two weeks. Restoring one takes the support team an hour."),
    ("Offices", "The main office is in Lisbon near the river. Parcels are accepted on weekdays before noon."),
]


def passages() -> list[tuple[str, Chunk]]:
    pages = [document(f"{n}-{title}.md", text, title) for n in range(6) for title, text in FACTS]
    return [(page.title, piece) for page in pages for piece in chunk(page)]


def arms(given: list[tuple[str, Chunk]], embedder: Embedder) -> Arms:
    texts = [search_text(title, piece) for title, piece in given]
    words = WordIndex.count(texts)
    titles = Titles.count(words, [title for title, _ in given], range(len(given)))
    return Arms(words, titles, Vectors.of(embedder.embed(texts)))


def test_the_same_passages_teach_the_same_and_within_bounds(embedder: Embedder) -> None:
    given = passages()
    found = arms(given, embedder)
    learned = learn(found, given, embedder.embed)
    assert learned == learn(found, given, embedder.embed)
    assert set(learned) == {*DEFAULT, "chunks"}
    assert 0.1 <= learned["words_weight"] <= 0.4
    assert all(learned[name] > 0 for name in learned if name.endswith("_spread"))


def test_nothing_to_learn_from_leaves_the_defaults(embedder: Embedder) -> None:
    given = [("A", Chunk("a#1", "a", "Short.", (), 1, 1))]
    assert learn(arms(given, embedder), given, embedder.embed) == {**DEFAULT, "chunks": 1.0}


def test_words_count_for_more_where_passages_differ_by_codes_alone(embedder: Embedder) -> None:
    random = np.random.default_rng(0)
    codes = [f"{a}{b}{n}" for a in "qxzkvw" for b in "jhfgtr" for n in (117, 253, 389)]
    given = []
    for n in range(60):
        first, second, third, fourth = random.permutation(codes)[:4]
        text = f"Unit {first} reports error {second} to rack {third}. Reset {second} on {first} and then {fourth}."
        given.append(("", Chunk(f"{n}#1", str(n), text, (), 1, 1)))
    assert learn(arms(given, embedder), given, embedder.embed)["words_weight"] > DEFAULT["words_weight"] + 0.05


def test_it_is_learned_again_only_after_a_fifth_has_changed() -> None:
    learned = {"chunks": 1000.0}
    assert not outgrown(learned, 1000)
    assert not outgrown(learned, 1200)
    assert outgrown(learned, 1201)
    assert outgrown(learned, 700)


@pytest.mark.parametrize("question", ["How long is a token valid?", "Is a yearly plan refunded in full?"])
def test_a_question_is_surer_with_its_documents_than_without(embedder: Embedder, question: str) -> None:
    given = passages()
    found = arms(given, embedder)
    learned = learn(found, given, embedder.embed)
    terms, vector = stems(question), embedder.embed([question])
    gone = [n for n, (title, _) in enumerate(given) if title in ("Login", "Refunds")]
    with_them, without = (
        confidence(found.signs(found.candidates([terms], vector, absent)[0], terms), learned) for absent in ((), gone)
    )
    assert without < with_them
