from __future__ import annotations

import fcntl
import pickletools
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from errors import DamagedFile, NoKnowledgeBase, StoreError, UsageError
from knowledge_base.embeddings import Embedder
from knowledge_base.index import Index, open_index
from knowledge_base.sources import Document, Skipped
from knowledge_base.versions import folders, marked
from tests.knowledge_base.conftest import MORE, NOON, PAGES, document, indexed

ROOT = Path(__file__).resolve().parents[2]


class Counting(Embedder):
    """The real model, with the number of texts that it embedded."""

    def __init__(self, cache: Path) -> None:
        super().__init__(cache)
        self.texts = 0

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.texts += len(texts)
        return super().embed(texts)


@pytest.fixture
def counting(embedder: Embedder, model_cache: Path) -> Counting:
    return Counting(model_cache)


def versions(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "help").glob("v*"))


def ids(index: Index) -> list[str]:
    return [document.doc_id for document in index.passages.documents()]


def files(root: Path) -> list[Path]:
    version = root / "help" / versions(root)[-1]
    return [root / "help" / "CURRENT", *sorted(path for path in version.rglob("*") if path.is_file())]


def test_an_index_holds_every_chunk_with_its_vector(tmp_path: Path, embedder: Embedder) -> None:
    report = indexed(tmp_path, embedder)
    assert (report.documents, report.chunks, report.added, report.unchanged) == (3, 3, 3, 0)
    index = open_index(tmp_path, "help")
    for passage in index.passages.all():
        vector = embedder.embed([passage.search_text])[0]
        assert index.arms.vectors.nearest(vector, 1).tolist() == [passage.position]
        assert np.array_equal(index.arms.vectors.at(np.array([passage.position]))[0], vector)


def test_a_document_comes_back_as_it_was_given(tmp_path: Path, embedder: Embedder) -> None:
    page = replace(
        document("a.md", "# É\n\n\0 ünïcode 😀\n", "Ä", audience="internal"), modified="2026-01-02", first_line=4
    )
    indexed(tmp_path, embedder, [page])
    assert list(open_index(tmp_path, "help").passages.documents()) == [page]


def test_indexing_unchanged_documents_writes_nothing_and_embeds_nothing(tmp_path: Path, counting: Counting) -> None:
    indexed(tmp_path, counting)
    before = {path: path.stat().st_mtime_ns for path in files(tmp_path) if path.name != "CURRENT"}
    counting.texts = 0
    report = indexed(tmp_path, counting, at=NOON + timedelta(days=1))
    assert (report.added, report.updated, report.removed, report.unchanged) == (0, 0, 0, 3)
    assert counting.texts == 0
    assert {path: path.stat().st_mtime_ns for path in files(tmp_path) if path.name != "CURRENT"} == before


def test_the_knowledge_base_indexed_last_is_known_even_if_nothing_had_changed(
    tmp_path: Path, embedder: Embedder
) -> None:
    indexed(tmp_path, embedder, kb="one")
    indexed(tmp_path, embedder, kb="two", at=NOON + timedelta(hours=1))
    assert [marked(kb) for kb in folders(tmp_path)] == [NOON, NOON + timedelta(hours=1)]
    indexed(tmp_path, embedder, kb="one", at=NOON + timedelta(hours=2))
    assert max(folders(tmp_path), key=marked).name == "one"


def test_only_new_passages_are_embedded_and_vanished_documents_are_removed(tmp_path: Path, counting: Counting) -> None:
    indexed(tmp_path, counting)
    counting.texts = 0
    changed = document("login.md", "# Login\n\nAUTH-417 means that the token is too old.", "Login problems")
    report = indexed(tmp_path, counting, [PAGES[0], changed, MORE])
    assert (report.added, report.updated, report.removed, report.unchanged) == (1, 1, 1, 1)
    assert counting.texts == 2
    index = open_index(tmp_path, "help")
    assert ids(index) == ["login.md", "refunds.md", "sso.md"]
    assert "token" in index.arms.words
    assert "csv" not in index.arms.words


pages = st.lists(
    st.sampled_from([*PAGES, MORE, document("login.md", "Anew.")]), min_size=1, unique_by=lambda d: d.doc_id
)


@given(first=pages, second=pages)
@settings(max_examples=15, deadline=None)
def test_an_index_does_not_depend_on_the_runs_that_led_to_it(
    tmp_path_factory: pytest.TempPathFactory, embedder: Embedder, first: list[Document], second: list[Document]
) -> None:
    root = tmp_path_factory.mktemp("kbs")
    indexed(root, embedder, first, kb="grown")
    indexed(root, embedder, second, kb="grown")
    indexed(root, embedder, second, kb="fresh")
    grown, fresh = open_index(root, "grown"), open_index(root, "fresh")
    assert grown.passages.all() == fresh.passages.all()
    assert np.array_equal(grown.arms.vectors.at(np.arange(len(grown))), fresh.arms.vectors.at(np.arange(len(fresh))))
    assert np.array_equal(grown.arms.words.scores(["login"]), fresh.arms.words.scores(["login"]))


def test_documents_of_other_sources_stay_and_keep_their_ids(tmp_path: Path, embedder: Embedder) -> None:
    docs, wiki = tmp_path / "docs", tmp_path / "wiki"
    docs.mkdir()
    pages = [document(page.doc_id, page.text, page.title, str(docs)) for page in PAGES]
    for page in pages:
        Path(page.path).touch()
    indexed(tmp_path, embedder, pages, [str(docs)])
    rival = document("login.md", "Another page.", source=str(wiki))
    report = indexed(tmp_path, embedder, [rival, document("sso.md", MORE.text, source=str(wiki))], [str(wiki)])
    assert (report.documents, report.added, report.removed, report.skipped) == (5, 2, 0, ())
    index = open_index(tmp_path, "help")
    assert ids(index) == ["export.md", "login.md", "refunds.md", "sso.md", "wiki/login.md"]
    assert index.passages.document("login.md") == pages[1]
    assert indexed(tmp_path, embedder, pages[1:], [str(docs)]).removed == 1  # of docs alone


def test_what_lies_in_a_folder_that_cannot_be_read_just_now_stays(tmp_path: Path, embedder: Embedder) -> None:
    inner, beside = document("inner/a.md", "Inside.", "Inside"), document("inner.md", "Beside.", "Beside")
    indexed(tmp_path, embedder, [PAGES[0], inner, beside])
    locked = Skipped("/docs/inner", "not readable by this user", unread=True)
    slow = Skipped("/docs/new.pdf", "took longer than 4.8 s to read", unread=True)
    report = indexed(tmp_path, embedder, [PAGES[0], locked, slow])
    assert (report.documents, report.removed, report.unchanged) == (2, 1, 2)
    assert report.skipped == (Skipped(locked.path, f"{locked.reason}; what was read of it before stays"), slow)
    refused = Skipped("/docs/inner/a.md", "a link that leads out of the folder")
    assert indexed(tmp_path, embedder, [PAGES[0], refused]).removed == 1


def test_an_index_of_no_document_is_refused_and_the_old_one_stays(tmp_path: Path, embedder: Embedder) -> None:
    with pytest.raises(UsageError, match=r"no document was found in /docs; give a folder"):
        indexed(tmp_path, embedder, [])
    with pytest.raises(NoKnowledgeBase):
        open_index(tmp_path, "help")
    assert folders(tmp_path) == []
    indexed(tmp_path, embedder)
    with pytest.raises(UsageError, match=r"1 files were skipped, the first, /docs/a.bin: binary"):
        indexed(tmp_path, embedder, [Skipped("/docs/a.bin", "binary")])
    assert len(open_index(tmp_path, "help")) == 3


def test_documents_of_function_words_alone_can_be_indexed(tmp_path: Path, embedder: Embedder) -> None:
    indexed(tmp_path, embedder, [document("a", "The and of it.", "is")])
    assert open_index(tmp_path, "help").arms.words.scores(["refund"]).tolist() == [0]


@pytest.mark.parametrize("kb", ["", "Help", "../help", "a/b", "-a", "a" * 65, "help\n", ".", "hélp"])
def test_names_that_are_not_plain_are_refused(tmp_path: Path, embedder: Embedder, kb: str) -> None:
    with pytest.raises(UsageError, match="cannot name a knowledge base"):
        open_index(tmp_path / "root", kb)
    with pytest.raises(UsageError, match="cannot name a knowledge base"):
        indexed(tmp_path / "root", embedder, kb=kb)
    assert not (tmp_path / "root").exists()


def test_a_knowledge_base_that_does_not_exist_is_told_with_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(NoKnowledgeBase) as error:
        open_index(tmp_path, "help")
    message = 'there is no knowledge base "help"; make one with: opsdesk index FOLDER --kb help'
    assert str(error.value) == message


@pytest.mark.parametrize("damage", ["cut short", "bit flipped", "gone"])
def test_every_damaged_file_is_refused_by_name_with_the_command_that_repairs(
    tmp_path: Path, embedder: Embedder, damage: str
) -> None:
    indexed(tmp_path, embedder)
    for path in files(tmp_path):
        whole = path.read_bytes()
        middle = len(whole) // 2
        if damage == "cut short":
            path.write_bytes(whole[:-1])
        elif damage == "bit flipped":
            path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
        elif path.name == "CURRENT":
            continue  # without it there is no knowledge base
        else:
            path.unlink()
        with pytest.raises(DamagedFile, match=rf"{path.name} .*opsdesk index (PATH|/docs) --kb help$"):
            open_index(tmp_path, "help")
        path.write_bytes(whole)
    assert len(open_index(tmp_path, "help")) == 3


def test_a_damaged_version_is_replaced_by_indexing_again(tmp_path: Path, embedder: Embedder) -> None:
    indexed(tmp_path, embedder)
    (tmp_path / "help" / "v000001" / "vectors.faiss").write_bytes(b"")
    assert indexed(tmp_path, embedder).added == 3
    assert len(open_index(tmp_path, "help")) == 3


def test_a_version_of_another_format_is_refused(
    tmp_path: Path, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    indexed(tmp_path, embedder)
    monkeypatch.setattr("knowledge_base.versions.FORMAT", 3)
    with pytest.raises(DamagedFile, match="another release of Opsdesk"):
        open_index(tmp_path, "help")


def test_vectors_of_another_embedder_are_made_anew(tmp_path: Path, counting: Counting) -> None:
    indexed(tmp_path, counting)
    counting.texts = 0
    counting.name = "another"
    assert indexed(tmp_path, counting).unchanged == 3
    assert counting.texts == 3
    assert open_index(tmp_path, "help").manifest.embedder == "another"


def test_a_run_that_fails_midway_leaves_the_old_version_in_force(tmp_path: Path, embedder: Embedder) -> None:
    indexed(tmp_path, embedder)

    def fail(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        indexed(tmp_path, embedder, [*PAGES, MORE], progress=fail)
    assert versions(tmp_path) == ["v000001"]
    assert len(open_index(tmp_path, "help")) == 3
    assert indexed(tmp_path, embedder, [*PAGES, MORE]).documents == 4


KILLED = """
import os, sys, pathlib
from knowledge_base import versions
from knowledge_base.embeddings import Embedder
from tests.knowledge_base.conftest import MORE, PAGES, indexed
versions.publish = lambda *_: os._exit(9)
indexed(pathlib.Path(sys.argv[1]), Embedder(pathlib.Path(sys.argv[2])), [*PAGES, MORE])
"""


def test_a_run_killed_while_it_writes_leaves_the_old_version_and_the_next_run_clears_up(
    tmp_path: Path, embedder: Embedder, model_cache: Path
) -> None:
    indexed(tmp_path, embedder)
    command = [sys.executable, "-c", KILLED, str(tmp_path), str(model_cache)]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 9
    assert (tmp_path / "help" / ".building" / "chunks.sqlite").exists()
    assert len(open_index(tmp_path, "help")) == 3
    assert indexed(tmp_path, embedder, [*PAGES, MORE]).added == 1
    assert sorted(path.name for path in (tmp_path / "help").iterdir()) == [".lock", "CURRENT", "v000001", "v000002"]


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes: the nearest thing to a full disk that needs no disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [0, 2_000, 20_000])
def test_a_disk_that_takes_no_more_is_told_and_the_old_version_stays(
    tmp_path: Path, embedder: Embedder, size: int
) -> None:
    indexed(tmp_path, embedder)
    many = [document(f"{n}.md", f"# Page {n}\n\n{'All about exports. ' * 20}") for n in range(20)]
    with largest_file(size), pytest.raises(StoreError, match=r"cannot write the index in .*/help: .*run this again$"):
        indexed(tmp_path, embedder, many)
    assert len(open_index(tmp_path, "help")) == 3
    assert sorted(path.name for path in (tmp_path / "help").iterdir()) == [".lock", "CURRENT", "v000001"]


def test_a_second_run_at_the_same_time_is_refused_and_readers_are_not(tmp_path: Path, embedder: Embedder) -> None:
    indexed(tmp_path, embedder)
    with (tmp_path / "help" / ".lock").open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(StoreError, match='another index run is at work on "help"'):
            indexed(tmp_path, embedder, [MORE])
        assert len(open_index(tmp_path, "help")) == 3
    assert indexed(tmp_path, embedder, [MORE]).documents == 1


def test_a_reader_keeps_its_version_while_others_are_built_and_two_are_kept(tmp_path: Path, embedder: Embedder) -> None:
    indexed(tmp_path, embedder)
    reader = open_index(tmp_path, "help")
    before = reader.passages.all()
    for n in range(3):
        indexed(tmp_path, embedder, [document("only.md", f"Page {n}")])
    assert versions(tmp_path) == ["v000003", "v000004"]
    assert reader.passages.all() == before
    assert reader.arms.vectors.nearest(embedder.embed(["refund"])[0], 3).size == 3
    assert ids(open_index(tmp_path, "help")) == ["only.md"]


def test_progress_counts_the_passages_that_are_embedded(tmp_path: Path, embedder: Embedder) -> None:
    told: list[tuple[int, int]] = []
    many = [document(f"{n}.md", f"Page {n}") for n in range(70)]
    indexed(tmp_path, embedder, many, progress=lambda done, total: told.append((done, total)))
    assert told == [(64, 70), (70, 70)]
    told.clear()
    indexed(tmp_path, embedder, many[1:], progress=lambda done, total: told.append((done, total)))
    assert told == []


def test_no_file_of_an_index_is_a_pickle_or_needs_one(tmp_path: Path, embedder: Embedder) -> None:
    indexed(tmp_path, embedder)
    for path in files(tmp_path):
        with pytest.raises((ValueError, IndexError, AttributeError)):
            for _ in pickletools.genops(path.read_bytes()):
                pass
        if path.suffix == ".npy":
            assert np.load(path, allow_pickle=False).dtype.kind in "fi"
    for module in (ROOT / "knowledge_base").glob("*.py"):
        assert "import pickle" not in module.read_text()
        assert "load_local(" not in module.read_text()


def test_langchain_finds_the_same_chunks_in_the_same_order(tmp_path: Path, embedder: Embedder) -> None:
    indexed(tmp_path, embedder)
    index = open_index(tmp_path, "help")
    found = index.vector_store(embedder).similarity_search("Can I get my money back?", k=3)
    nearest = index.arms.vectors.nearest(embedder.embed(["Can I get my money back?"])[0], 3)
    assert [d.id for d in found] == [p.chunk.chunk_id for p in index.passages.at(nearest.tolist())]
    assert found[0].metadata["doc_id"] == "refunds.md"
    assert found[0].page_content == PAGES[0].text


def test_reading_an_index_does_not_import_langchain(tmp_path: Path, embedder: Embedder) -> None:
    indexed(tmp_path, embedder)
    program = (
        "import sys, pathlib; from knowledge_base.index import open_index; "
        "open_index(pathlib.Path(sys.argv[1]), 'help'); sys.exit('langchain_core' in sys.modules)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0
