from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from errors import UsageError
from knowledge_base.embeddings import Embedder
from knowledge_base.index import open_index
from knowledge_base.ranking import fuse
from knowledge_base.search import MAX_QUERY, MOST, Searcher, combine, names_exactly, parts
from tests.knowledge_base.conftest import MORE, PAGES, document, indexed

LONG = "\n\n".join(
    f"# Chapter {name}\n\n" + f"What the {name} plan offers is told here at some length. " * 14
    for name in ("basic", "silver", "golden", "platinum")
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder) -> Path:
    folder = tmp_path_factory.mktemp("kbs")
    noisy = [document(f"noise-{n}.md", f"Notes on topic {n}: AUTH-{500 + n} is logged.") for n in range(60)]
    pages = [*PAGES, MORE, document("plans.md", LONG, "Plans", modified="2026-01-02", audience="internal"), *noisy]
    indexed(folder, embedder, pages)
    return folder


@pytest.fixture(scope="module")
def searcher(root: Path, embedder: Embedder) -> Searcher:
    return Searcher(open_index(root, "help"), embedder)


@pytest.mark.parametrize(
    ("query", "doc_id"),
    [
        ("Can I get my money back?", "refunds.md"),  # none of the page's words
        ("what does AUTH-417 mean", "login.md"),  # one exact code among sixty alike
        ("download projects as csv", "export.md"),
        ("pLaTiNuM plan offers", "plans.md"),
    ],
)
def test_paraphrases_and_exact_codes_both_find_their_page(searcher: Searcher, query: str, doc_id: str) -> None:
    assert searcher.search(query)[0].doc_id == doc_id


def test_a_hit_carries_what_a_person_needs_to_find_and_judge_it(searcher: Searcher) -> None:
    hit = searcher.search("silver plan", 1)[0]
    assert "silver" in hit.text
    assert (hit.title, hit.headings, hit.modified, hit.meta) == (
        "Plans",
        ("Chapter silver",),
        "2026-01-02",
        {"audience": "internal"},
    )
    assert hit.locator == "lines 5–7 · Chapter silver"
    assert hit.chunk_id == "plans.md#5"
    assert 0 < hit.vector < 1 < hit.words
    assert hit.doc_sha256


def test_what_is_public_is_found_as_if_nothing_else_were_there(searcher: Searcher) -> None:
    query = "what does the golden plan offer"
    whole, public = searcher.findings(query), searcher.public(query)
    assert whole.hits[0].internal
    assert public.hits
    assert not any(hit.internal for hit in public.hits)
    assert public.confidence < whole.confidence
    assert searcher.public("what does AUTH-517 mean").hits[0] == searcher.search("what does AUTH-517 mean")[0]


def test_of_a_knowledge_base_with_internal_pages_alone_nothing_is_public(tmp_path: Path, embedder: Embedder) -> None:
    indexed(tmp_path, embedder, [document(f"{n}.md", LONG, "Plans", audience="internal") for n in range(2)])
    found = Searcher(open_index(tmp_path, "help"), embedder).public("golden plan")
    assert (found.hits, found.confidence < 0.3) == ([], True)


def test_hits_come_best_first_once_each_and_as_many_as_asked_for(searcher: Searcher) -> None:
    hits = searcher.search("the plan", 7)
    assert len(hits) == len({hit.chunk_id for hit in hits}) == 7
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert all(0 <= hit.score <= 1 for hit in hits)
    assert len(searcher.search("the plan", 1_000)) <= 100


def test_equal_hits_come_in_the_order_of_the_index(tmp_path: Path, embedder: Embedder) -> None:
    indexed(tmp_path, embedder, [document(f"{n}.md", "Same text.", "Same") for n in (2, 0, 1)])
    hits = Searcher(open_index(tmp_path, "help"), embedder).search("same text")
    assert [hit.doc_id for hit in hits] == ["0.md", "1.md", "2.md"]
    assert len({hit.score for hit in hits}) == 1


@pytest.mark.parametrize("query", ["", "  \n\t", "\u200b\u200d\ufeff", "\u202e\u2066"])
def test_a_query_in_which_nothing_can_be_seen_is_refused(searcher: Searcher, query: str) -> None:
    for method in (searcher.search, searcher.findings):
        with pytest.raises(UsageError, match="the query is empty"):
            method(query)


def test_of_a_very_long_query_the_beginning_is_read(searcher: Searcher) -> None:
    start = "refund of a yearly plan ".ljust(MAX_QUERY, ".")
    assert searcher.search(start + " csv export" * 20_000) == searcher.search(start)


@given(query=st.text(max_size=60))
@settings(max_examples=60, deadline=None)
def test_any_query_is_answered_or_refused_as_empty(searcher: Searcher, query: str) -> None:
    try:
        evidence = searcher.findings(query, 3)
    except UsageError:
        return
    assert len(evidence.hits) == 3
    assert 0 <= evidence.confidence <= 1


def test_broken_utf8_from_a_shell_does_not_break_a_search(searcher: Searcher) -> None:
    assert searcher.search("refund \udcff")[0].doc_id == "refunds.md"


def test_invisible_characters_inside_words_do_not_hide_them(searcher: Searcher) -> None:
    assert searcher.search("AU\u200bTH-4\u200d17") == searcher.search("AUTH-417")


def test_threads_searching_at_once_find_what_each_finds_alone(searcher: Searcher) -> None:
    queries = [f"{what} {n}" for n in range(10) for what in ("refund", "AUTH-417", "export csv", "notes on topic")]
    alone = [searcher.search(query) for query in queries]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(searcher.search, queries)) == alone


def test_siblings_are_the_chunks_around_a_hit_in_reading_order(searcher: Searcher) -> None:
    hit = searcher.search("golden plan", 1)[0]
    around = searcher.siblings(hit)
    names = ("basic", "silver", "golden", "platinum")
    assert [chunk.headings for chunk in around] == [(f"Chapter {name}",) for name in names]
    assert around[2] == hit
    alone = searcher.search("refund", 1)[0]
    assert searcher.siblings(alone) == [alone]


def test_a_name_that_is_in_no_document_is_reported_missing(searcher: Searcher) -> None:
    evidence = searcher.findings("What does the Titanium plan offer?")
    assert evidence.missing == ("Titanium",)
    assert searcher.findings("What does the Platinum plan offer?").missing == ()


@pytest.mark.parametrize(("written", "asked"), [("AUTH\u2011417", "AUTH-417"), ("Zürich", "Zurich"), ("Łódź", "Lodz")])
def test_a_name_is_found_with_or_without_its_accents_and_with_any_hyphen(
    tmp_path: Path, embedder: Embedder, written: str, asked: str
) -> None:
    pages = [document("a.md", f"What {written} means is told here."), document("b.md", "Nothing of AUTH-422 and 417.")]
    indexed(tmp_path, embedder, pages)
    mended = Searcher(open_index(tmp_path, "help"), embedder)
    for name in (written, asked):
        found = mended.findings(f"What does {name} mean?")
        assert found.missing == ()
        assert found.hits[0].doc_id == "a.md"
    absent = asked.replace("417", "999")
    if absent != asked:
        assert mended.findings(f"What does {absent.replace('-', chr(0x2011))} mean?").missing == (absent,)


def test_a_question_that_the_documents_answer_looks_surer_than_one_that_they_do_not(searcher: Searcher) -> None:
    answered = searcher.findings("How long after the purchase is a yearly plan refunded?").confidence
    assert answered > 0.5
    for other in ("Who won the tennis match yesterday?", "What is the best soil for tomatoes?"):
        assert searcher.findings(other).confidence < min(0.3, answered)


@pytest.mark.parametrize(
    ("query", "missing"),
    [
        ("AUTH-418", ("AUTH-418",)),  # AUTH and other numbers are there
        ("download/export", ()),
        ("projects-export", ()),
        ("use max_retries", ("use", "max_retries")),
        ("the server's clock", ()),
        ("“refunded”, (yearly)?", ()),
    ],
)
def test_identifiers_are_met_whole_and_other_compounds_by_their_parts(
    searcher: Searcher, query: str, missing: tuple[str, ...]
) -> None:
    assert searcher.findings(query).missing == missing


def test_the_signs_are_leads_over_the_tenth_candidate(searcher: Searcher) -> None:
    signs = searcher.findings("AUTH-417").signs
    assert signs.cosine == max(hit.vector for hit in searcher.search("AUTH-417", 1000))
    assert 0 < signs.lead < signs.cosine
    assert signs.words_lead > 0


def test_each_question_of_a_long_ticket_finds_its_own_page(searcher: Searcher) -> None:
    chatter = "I was on holiday until Tuesday. My colleague wrote to you before. We like the product a lot. "
    ticket = f"{chatter}Can a yearly plan be refunded? Our log says AUTH-417. I need my projects as a CSV file."
    assert len(parts(ticket)) == 6
    assert {hit.doc_id for hit in searcher.search(ticket, 5)} >= {"refunds.md", "login.md", "export.md"}


def test_only_a_query_of_many_sentences_is_asked_in_parts() -> None:
    assert parts("Does the Pro plan include API access? And how much is it? We are a team of ten.") == []
    assert len(parts("This is a sentence of its own. " * 200)) == MOST


@given(whole=st.integers(1, 6), rows=st.integers(0, 4), data=st.data())
def test_a_part_that_finds_a_passage_never_lowers_it(whole: int, rows: int, data: st.DataObject) -> None:
    share = st.floats(0, 1, width=32)
    first = data.draw(arrays.arrays(np.float32, whole, elements=share))
    alone = [data.draw(arrays.arrays(np.float32, whole, elements=share)) for _ in range(rows)]
    combined = combine(first, alone, [0.5] * rows)
    assert np.all((combined >= 0) & (combined <= 1 + 1e-6))
    best = int(np.argmax(np.sum(np.stack([*alone, first]), axis=0)))
    if first[best] == first.max() and all(a[best] == a.max() for a in alone):
        assert combined[best] == combined.max()


def test_an_index_of_another_embedder_is_refused(root: Path, embedder: Embedder, model_cache: Path) -> None:
    other = Embedder(model_cache)
    other.name = "another"
    with pytest.raises(UsageError, match=r"index it again with: opsdesk index PATH --kb help$"):
        Searcher(open_index(root, "help"), other)


@pytest.mark.parametrize(
    "query",
    [
        "AUTH-417",
        "why etcdMembersDown",
        "set max_retries",
        "c5d.12xlarge?",
        'the message "no such host"',
        "--dry-run",
        "0x1F",
    ],
)
def test_identifiers_and_quotations_make_words_count_for_more(query: str) -> None:
    assert names_exactly(query)
    assert not names_exactly("How do I reset my password in 2 steps?")


scores = arrays.arrays(np.float32, st.integers(1, 8), elements=st.floats(-1, 50, width=32))


@given(data=st.data(), words=scores, weight=st.floats(0, 1))
def test_fused_scores_lie_in_0_to_1_and_never_fall_when_an_arm_rises(
    data: st.DataObject, words: np.ndarray, weight: float
) -> None:
    cosines = data.draw(arrays.arrays(np.float32, words.shape, elements=st.floats(-1, 1, width=32)))
    titles = data.draw(arrays.arrays(np.float32, words.shape, elements=st.floats(0, 1, width=32)))
    fused = fuse(words, cosines, titles, weight)
    assert np.all((fused >= 0) & (fused <= 1 + 1e-6))
    order = np.lexsort((titles, cosines, words))
    for low, high in pairwise(order):
        if cosines[low] <= cosines[high] and titles[low] <= titles[high]:
            assert fused[low] <= fused[high] + 1e-6
