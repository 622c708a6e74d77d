"""Knowledge bases over time: listed, checked, removed, watched, and followed by what reads them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest

from errors import NoKnowledgeBase
from opsdesk.desk import Desk
from opsdesk.settings import Settings
from tasks.case import Ticket
from tests.opsdesk.conftest import Result

Run = Callable[..., Result]


@pytest.fixture
def desk(home: Path) -> Desk:
    return Desk(Settings(home=home))


def test_bases_are_listed_with_the_one_indexed_last_first(run: Run, page: Path) -> None:
    assert "no knowledge base yet" in run("kb", "list").out
    run("index", page.parent, "--kb", "one")
    run("index", page.parent, "--kb", "two")
    assert [kb["kb"] for kb in run("kb", "list", "--json").json] == ["two", "one"]
    assert run("kb", "list").out.index("two") < run("kb", "list").out.index("one")


def test_info_tells_what_a_base_holds_and_where_it_comes_from(run: Run, page: Path) -> None:
    run("index", page.parent, "--kb", "help")
    info = run("kb", "info", "--json").json
    assert (info["kb"], info["version"], info["documents"], info["chunks"]) == ("help", "v000001", 1, 1)
    assert info["sources"] == [str(page.parent)]
    assert 0 < info["learned"]["words_weight"] < 1
    assert str(page.parent) in run("kb", "info", "help").out.replace("\n", "")


def test_verify_passes_a_whole_base_and_names_what_is_damaged(run: Run, page: Path, home: Path) -> None:
    run("index", page.parent, "--kb", "help")
    assert run("kb", "verify", "--json").json["ok"] is True
    file = home / "kb" / "help" / "v000001" / "chunks.sqlite"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    damaged = run("kb", "verify", "help", "--json")
    assert (damaged.code, damaged.out) == (1, "")
    assert "chunks.sqlite is altered; build the index again with: opsdesk index" in damaged.err


def test_a_base_is_removed_only_when_that_is_said_and_its_documents_stay(run: Run, page: Path, home: Path) -> None:
    run("index", page.parent, "--kb", "help")
    asked = run("kb", "remove", "help")
    assert asked.code == 2
    assert "say so with: opsdesk kb remove help --yes" in asked.err
    assert run("kb", "remove", "help", "--yes").code == 0
    assert page.exists()
    assert not (home / "kb" / "help").exists()
    assert run("search", "reset", "--kb", "help").code == 2
    assert run("kb", "remove", "help", "--yes").code == 2


def test_a_desk_at_work_follows_a_base_that_is_indexed_again(desk: Desk, page: Path, home: Path) -> None:
    desk.index([page.parent], "help")
    assert "login page" in desk.search("how do I reset it?", "help")[0].text
    crew = desk.crew("help")
    page.write_text("# Reset your password\n\nAsk an admin of your workspace to reset it.\n")
    Desk(Settings(home=home)).index([page.parent], "help")  # another process
    assert "admin" in desk.search("how do I reset it?", "help")[0].text
    case = desk.ask(Ticket(text="How do I reset my password?"), "help")
    assert "admin" in case.answer
    assert desk.crew("help") is crew


def test_searches_go_on_while_the_base_is_indexed(desk: Desk, page: Path, home: Path) -> None:
    desk.index([page.parent], "help")
    for n in range(40):
        (page.parent / f"{n}.md").write_text(f"# Page {n}\n\nAll about topic {n}.\n")
    indexing = threading.Thread(target=Desk(Settings(home=home)).index, args=([page.parent], "help"))
    indexing.start()
    while indexing.is_alive():
        assert desk.search("reset my password", "help")[0].doc_id == "reset.md"
    indexing.join()
    assert desk.search("topic 7", "help", k=1)[0].doc_id == "7.md"


def test_a_proof_is_stale_once_a_cited_document_has_changed_or_is_gone(run: Run, page: Path) -> None:
    run("index", page.parent, "--kb", "help")
    case_id = run("ask", "How do I reset my password?", "--json").json["case_id"]
    assert run("trace", case_id, "--json").json["stale"] == []
    (page.parent / "other.md").write_text("# Export\n\nExports are CSV files.\n")
    run("index", page.parent, "--kb", "help")
    assert run("trace", case_id, "--json").json["stale"] == []  # another page is no matter
    page.write_text("# Reset your password\n\nAsk an admin.\n")
    run("index", page.parent, "--kb", "help")
    stale = run("trace", case_id, "--json").json["stale"]
    assert stale == [{"doc_id": "reset.md", "title": "Reset your password", "change": "changed"}]
    assert "stale proof: Reset your password (reset.md) was changed since" in run("trace", case_id).out
    page.unlink()
    run("index", page.parent, "--kb", "help")
    assert run("trace", case_id, "--json").json["stale"][0]["change"] == "removed"
    run("kb", "remove", "help", "--yes")
    assert run("trace", case_id, "--json").json["stale"][0]["change"] == "removed"


def test_files_that_have_not_changed_are_not_parsed_again(
    desk: Desk, page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.index([page.parent], "help")
    os.utime(page)  # touched, and the same
    monkeypatch.setattr("knowledge_base.reader.Reader.read", lambda *_: pytest.fail("a parser was asked"))
    assert desk.index([page.parent], "help").unchanged == 1


def test_indexing_one_source_does_not_forget_the_files_of_another(
    desk: Desk, page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wiki").mkdir()
    (tmp_path / "wiki" / "export.md").write_text("# Export\n\nExports are CSV files.\n")
    desk.index([page.parent], "help")
    desk.index([tmp_path / "wiki"], "help")
    monkeypatch.setattr("knowledge_base.reader.Reader.read", lambda *_: pytest.fail("a parser was asked"))
    assert desk.index([page.parent], "help").unchanged == 1
    assert desk.index([tmp_path / "wiki"], "help").unchanged == 1


def test_a_file_of_two_sources_is_one_document(desk: Desk, page: Path) -> None:
    inner = page.parent / "inner"
    inner.mkdir()
    page.rename(inner / page.name)
    assert desk.index([page.parent], "help").documents == 1
    assert desk.search("reset", "help")[0].doc_id == "inner/reset.md"
    both = desk.index([page.parent, inner], "help")
    assert (both.documents, both.unchanged, both.skipped) == (1, 1, ())


def test_a_base_of_three_rows_answers_what_they_say_and_nothing_else(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "plans.csv").write_text("name,price\nPro,$49\nBusiness,$99\nStarter,$0\n")
    desk.index([tmp_path / "plans.csv"], "plans")
    case = desk.ask(Ticket(text="How much is the Business plan?"), "plans")
    assert (case.outcome, [c.locator for c in case.citations]) == ("accepted", ["row 3"])
    assert "$99" in case.answer
    assert "$49" not in case.answer
    assert desk.ask(Ticket(text="Who won the tennis match yesterday?"), "plans").outcome == "abstained"


def test_removing_a_base_that_is_not_there_names_the_command_that_makes_one(desk: Desk) -> None:
    with pytest.raises(NoKnowledgeBase, match="make one with: opsdesk index"):
        desk.remove("help")


class Watching:
    """`opsdesk index --watch` in a process of its own."""

    def __init__(self, docs: Path, home: Path) -> None:
        command = [sys.executable, "-m", "opsdesk", "index", str(docs), "--kb", "help", "--watch", "--json"]
        environment = {**os.environ, "OPSDESK_HOME": str(home)}
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def report(self) -> Any:
        return json.loads(self._line(self.process.stdout))

    def told(self) -> str:
        return self._line(self.process.stderr)

    def _line(self, stream: IO[str] | None) -> str:
        assert stream is not None
        kill = threading.Timer(60, self.process.kill)
        kill.start()
        line = stream.readline()
        kill.cancel()
        return line


def test_watching_indexes_what_changes_until_ctrl_c(home: Path, page: Path) -> None:
    watching = Watching(page.parent, home)
    try:
        assert watching.report()["added"] == 1
        assert "watching" in watching.told()
        (page.parent / "new.txt").write_text("Exports are ready within one hour.")
        assert watching.report()["added"] == 1
        page.write_text("# Reset\n\nAsk an admin.\n")
        assert watching.report()["updated"] == 1
        page.unlink()
        (page.parent / "new.txt").unlink()
        assert "no document was found" in watching.told()  # the last version stays, and it goes on
        page.write_text("# Reset\n\nAsk an owner.\n")
        assert watching.report()["updated"] == 1
        watching.process.send_signal(signal.SIGINT)
        assert watching.process.wait(30) == 130
    finally:
        watching.process.kill()
        watching.process.communicate()
