"""Sources that are renamed, overlap, have pages of one name or cannot be read just now: what is searched then."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import UsageError
from knowledge_base.holdings import documents_in_force
from knowledge_base.sources import Document
from opsdesk import uploads
from opsdesk.demo import DOCS, KB, SAMPLE
from opsdesk.desk import Desk
from opsdesk.settings import Settings
from tests.opsdesk.conftest import Result

Run = Callable[..., Result]


@pytest.fixture
def desk(home: Path) -> Desk:
    return Desk(Settings(home=home))


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def held(desk: Desk, kb: str = "help") -> dict[str, Document]:
    _, passages = documents_in_force(desk.settings.knowledge_bases, kb)
    try:
        return {document.doc_id: document for document in passages.documents()}
    finally:
        passages.close()


def texts(desk: Desk, kb: str = "help") -> dict[str, str]:
    return {doc_id: document.text.strip() for doc_id, document in held(desk, kb).items()}


# --- renamed, and gone ---------------------------------------------------------------------------------------


def test_a_folder_that_was_renamed_takes_the_place_of_the_one_it_was(run: Run, desk: Desk, tmp_path: Path) -> None:
    write(tmp_path / "runbooks" / "refunds.md", "Refunds take 5 days.")
    run("index", tmp_path / "runbooks", "--kb", "help")
    (tmp_path / "runbooks").rename(tmp_path / "manuals")
    write(tmp_path / "manuals" / "refunds.md", "Refunds take 9 days.")
    write(tmp_path / "manuals" / "new.md", "Exports take one hour.")
    report = run("index", tmp_path / "manuals", "--kb", "help", "--json").json
    assert (report["added"], report["updated"], report["removed"], report["skipped"]) == (1, 1, 0, [])
    assert texts(desk) == {"refunds.md": "Refunds take 9 days.", "new.md": "Exports take one hour."}
    assert desk.knowledge_base("help").sources == [str(tmp_path / "manuals")]


def test_what_is_left_of_a_folder_that_is_gone_is_told_until_it_is_forgotten(
    run: Run, desk: Desk, tmp_path: Path
) -> None:
    old, new = tmp_path / "old books", tmp_path / "manuals"
    write(old / "refunds.md", "Refunds take 5 days.")
    write(old / "export.md", "Exports take one hour.")
    run("index", old, "--kb", "help")
    old.rename(new)
    (new / "export.md").unlink()
    report = run("index", new, "--kb", "help", "--json").json
    assert (report["unchanged"], report["documents"]) == (1, 2)
    (told,) = report["skipped"]
    remedy = f"opsdesk kb forget help '{old}'"
    assert told == {
        "path": str(old),
        "reason": f"it is gone; 1 document of it stays in the knowledge base until: {remedy}",
    }
    both = run("index", old, new, "--kb", "help")
    assert both.code == 2
    assert remedy in both.err
    forgotten = run("kb", "forget", "help", old, "--json").json
    assert (forgotten["removed"], forgotten["documents"], forgotten["skipped"]) == (1, 1, [])
    assert held(desk)["refunds.md"].source == str(new)


def test_only_a_source_that_is_there_beside_others_can_be_forgotten(run: Run, tmp_path: Path, page: Path) -> None:
    run("index", page.parent, "--kb", "help")
    absent = run("kb", "forget", "help", tmp_path / "nowhere")
    assert (absent.code, absent.err) == (
        2,
        f'opsdesk: "help" has nothing from {tmp_path / "nowhere"}; it is made of: {page.parent}\n',
    )
    only = run("kb", "forget", "help", page.parent)
    assert only.code == 2
    assert "opsdesk kb remove help" in only.err


# --- one file, one document ----------------------------------------------------------------------------------


def test_a_file_and_then_its_folder_are_one_source(desk: Desk, tmp_path: Path) -> None:
    page = write(tmp_path / "docs" / "sub" / "y.md", "Old.")
    desk.index([page], "help")
    assert list(held(desk)) == ["y.md"]
    write(page, "New.")
    report = desk.index([tmp_path / "docs"], "help")
    assert (report.added, report.removed, report.skipped) == (1, 1, ())
    assert texts(desk) == {"sub/y.md": "New."}


def test_a_part_of_a_source_is_read_as_a_part_of_it(desk: Desk, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    write(docs / "x.md", "One.")
    write(docs / "sub" / "y.md", "Two.")
    desk.index([docs], "help")
    write(docs / "x.md", "Three.")
    write(docs / "sub" / "y.md", "Four.")
    write(docs / "sub" / "z.md", "Five.")
    report = desk.index([docs / "sub"], "help")
    assert (report.added, report.updated, report.removed) == (1, 1, 0)
    assert texts(desk) == {"x.md": "One.", "sub/y.md": "Four.", "sub/z.md": "Five."}
    (docs / "sub" / "y.md").unlink()
    assert desk.index([docs / "sub", docs / "sub" / "z.md"], "help").removed == 1
    assert desk.index([docs], "help").updated == 1
    assert desk.knowledge_base("help").sources == [str(docs)]


def test_what_a_folder_hides_is_a_source_of_its_own(desk: Desk, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    write(docs / "x.md", "One.")
    hidden = write(docs / ".notes" / "y.md", "Two.")
    desk.index([docs], "help")
    assert desk.index([hidden.parent], "help").added == 1
    assert desk.index([docs], "help").unchanged == 1
    assert texts(desk) == {"x.md": "One.", "y.md": "Two."}
    assert desk.index([docs, hidden.parent], "help").unchanged == 2


def test_the_sample_s_own_folder_is_the_sample(run: Run, desk: Desk) -> None:
    pages = desk.index([DOCS], KB).documents
    again = run("index", SAMPLE / "docs", "--kb", KB, "--json").json
    assert (again["unchanged"], again["documents"], again["skipped"]) == (pages, pages, [])
    by_name = run("index", KB, "--kb", KB, "--json").json
    assert (by_name["unchanged"], by_name["documents"], by_name["skipped"]) == (pages, pages, [])
    assert desk.knowledge_base(KB).sources == [KB]


# --- one name, two documents ---------------------------------------------------------------------------------


def test_two_pages_of_one_name_are_both_there_and_keep_their_ids(desk: Desk, tmp_path: Path) -> None:
    api = write(tmp_path / "api" / "docs" / "README.md", "About the API.").parent
    web = write(tmp_path / "web" / "docs" / "README.md", "About the web.").parent
    both = desk.index([api, web], "help")
    assert (both.documents, both.skipped) == (2, ())
    assert texts(desk) == {"README.md": "About the API.", "web/docs/README.md": "About the web."}
    write(web / "README.md", "All about the web.")
    for sources in ([web], [web, api], [api, web]):  # whoever is read first, an id stays with its file
        write(api / "README.md", f"About the API, {len(sources)}.")
        desk.index(sources, "help")
        assert held(desk)["web/docs/README.md"].text.strip() == "All about the web."
        assert held(desk)["README.md"].path == str(api / "README.md")
    assert desk.index([web], "help").unchanged == 1
    shutil.rmtree(api)
    desk.index([web], "help")
    assert texts(desk) == {"README.md": "All about the web."}


def test_rows_and_ids_of_two_files_of_one_name_are_all_there(desk: Desk, tmp_path: Path) -> None:
    docs, paths = tmp_path / "docs", []
    for team in ("a", "b"):
        paths.append(write(docs / f"{team}.jsonl", json.dumps({"id": "7", "text": f"Of {team}."})))
        paths.append(write(docs / team / "plans.csv", f"name,price\nPro {team},$20\n"))
    desk.index(paths, "help")
    assert list(held(desk)) == ["7", "b.jsonl/7", "b/plans.csv#row-2", "plans.csv#row-2"]
    assert held(desk)["b/plans.csv#row-2"].title == "Pro b"
    assert desk.index(paths, "help").unchanged == 4
    assert desk.index([docs], "whole").skipped == ()
    assert list(held(desk, "whole")) == ["7", "a/plans.csv#row-2", "b.jsonl/7", "b/plans.csv#row-2"]


# --- what cannot be read just now ----------------------------------------------------------------------------

STAYS = "; what was read of it before stays"


def test_a_file_that_is_half_written_keeps_what_was_read_of_it(desk: Desk, tmp_path: Path) -> None:
    plans = write(tmp_path / "docs" / "plans.json", json.dumps({"plans": [{"name": "Pro", "price": 20}]}))
    before = desk.index([plans.parent], "help")
    whole = plans.read_text().replace("20", "30")
    write(plans, whole[:-5])
    half = desk.index([plans.parent], "help")
    assert (half.unchanged, half.removed, half.documents) == (1, 0, before.documents)
    assert half.skipped[0].reason.startswith("not JSON")
    assert half.skipped[0].reason.endswith(STAYS)
    write(plans, whole)
    assert desk.index([plans.parent], "help").updated == 1
    assert "30" in next(iter(held(desk).values())).text
    write(plans, "[]")  # that is whole, and holds nothing
    write(tmp_path / "docs" / "x.md", "One.")
    assert desk.index([plans.parent], "help").removed == 1


def test_a_file_that_never_was_read_whole_has_nothing_that_stays(desk: Desk, tmp_path: Path) -> None:
    write(tmp_path / "docs" / "x.md", "One.")
    write(tmp_path / "docs" / "plans.json", "{")
    assert STAYS not in desk.index([tmp_path / "docs"], "help").skipped[0].reason


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_folder_that_is_closed_keeps_what_was_read_of_it(desk: Desk, tmp_path: Path) -> None:
    inner = write(tmp_path / "docs" / "inner" / "y.md", "Two.").parent
    write(tmp_path / "docs" / "x.md", "One.")
    desk.index([tmp_path / "docs"], "help")
    inner.chmod(0)
    report = desk.index([tmp_path / "docs"], "help")
    inner.chmod(0o700)
    assert (report.unchanged, report.skipped[0].reason) == (2, f"not readable by this user{STAYS}")


# --- uploads -------------------------------------------------------------------------------------------------


def test_uploads_of_one_name_are_numbered_whatever_their_case() -> None:
    given = ["a/README.md", "b\\Readme.md", "README.md", "README (2).md", ".env", "..", "\0", "x.tar.gz", "x.tar.gz"]
    assert uploads.names(given) == [
        *("README.md", "Readme (2).md", "README (3).md", "README (2) (2).md"),
        *("env", "file", "file (2)", "x.tar.gz", "x.tar (2).gz"),
    ]


@given(st.lists(st.text(max_size=300), max_size=5))
def test_the_name_of_any_upload_can_be_written(tmp_path_factory: pytest.TempPathFactory, given: list[str]) -> None:
    folder, names = tmp_path_factory.mktemp("uploads"), uploads.names(given)
    uploads.keep(folder, [(name, b"x") for name in names])
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    assert len(names) == len(given)


def test_a_long_name_keeps_its_suffix(tmp_path: Path) -> None:
    (name,) = uploads.names(["\u8cbb" * 200 + ".md"])
    uploads.keep(tmp_path, [(name, b"x")])
    assert (tmp_path / name).suffix == ".md"


def test_uploads_go_with_their_knowledge_base_and_when_they_are_forgotten(desk: Desk, page: Path) -> None:
    folder = desk.uploads("help")
    uploads.keep(folder, [("a.md", b"Of the first.")])
    desk.index([folder, page.parent], "help")
    desk.forget("help", str(folder))
    assert list(held(desk)) == [page.name]
    uploads.keep(folder, [("b.md", b"Of the second.")])
    desk.index([folder], "help")
    assert list(held(desk)) == ["b.md", page.name]
    desk.remove("help")
    uploads.keep(folder, [("c.md", b"Of another.")])
    desk.index([folder], "help")
    assert list(held(desk)) == ["c.md"]


# --- whatever happened before --------------------------------------------------------------------------------

FOLDERS = ("a", "a/sub", "b", "b/sub")
folder, name = st.sampled_from(FOLDERS), st.sampled_from(["x.md", "y.md", "rows.jsonl"])
text = st.sampled_from(["One.", "Two.", "Three."])
given_sources = st.lists(st.sampled_from([*FOLDERS, "a/x.md", "b/rows.jsonl", "a/sub/y.md"]), min_size=1, max_size=3)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), folder, name, text),
        st.tuples(st.just("delete"), folder, name),
        st.tuples(st.just("move"), folder, folder),
        st.tuples(st.just("index"), given_sources),
    ),
    min_size=2,
    max_size=8,
)


def do(desk: Desk, root: Path, step: tuple[object, ...]) -> None:
    """One step; what cannot be done as things stand is refused, and changes nothing."""
    what, *where = step
    if what == "index":
        index(desk, root, where[0], "grown")
        return
    target = root.joinpath(*map(str, where[:2]))
    if what == "write":
        said = str(where[2])
        lines = "".join(json.dumps({"id": n, "text": said}) + "\n" for n in range(len(said) - 3))
        write(target, lines if target.suffix == ".jsonl" else said)
    elif what == "delete":
        target.unlink(missing_ok=True)
    else:
        with suppress(OSError):  # not into itself, nor onto a folder that holds something
            (root / str(where[0])).rename(root / str(where[1]))


def index(desk: Desk, root: Path, sources: object, kb: str) -> bool:
    assert isinstance(sources, list)
    try:
        desk.index([root / source for source in sources], kb)
    except UsageError:
        return False
    return True


@given(before=steps, sources=given_sources)
@settings(max_examples=10, deadline=None)
def test_after_whatever_happened_the_given_sources_are_held_as_if_indexed_anew(
    tmp_path_factory: pytest.TempPathFactory, model_cache: Path, before: list[tuple[object, ...]], sources: list[str]
) -> None:
    home, root = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("root")
    (home / "models").symlink_to(model_cache, target_is_directory=True)
    desk = Desk(Settings(home=home))
    write(root / "a" / "x.md", "One.")
    write(root / "b" / "x.md", "Two.")
    write(root / "a" / "sub" / "rows.jsonl", '{"id": 1, "text": "Three."}\n')
    do(desk, root, ("index", ["a", "b"]))
    for step in before:
        do(desk, root, step)
    if not index(desk, root, sources, "fresh"):
        return
    assert index(desk, root, sources, "grown")
    places = [root / source for source in sources]
    grown = [d for d in held(desk, "grown").values() if any(Path(d.path).is_relative_to(place) for place in places)]
    fresh = list(held(desk, "fresh").values())
    assert sorted((d.path, d.text) for d in grown) == sorted((d.path, d.text) for d in fresh)
    everything = held(desk, "grown").values()
    assert len({(d.path, d.text, d.marks, d.doc_id.rsplit("/")[-1]) for d in everything}) == len(everything)
    again = desk.index(places, "grown")
    assert (again.added, again.updated, again.removed) == (0, 0, 0)
