"""The chat and the knowledge base's page, run without a browser against a real worker."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from opsdesk.demo import SAMPLE
from opsdesk.desk import Desk
from opsdesk.settings import Settings
from opsdesk.worker import Worker
from tasks.case import Ticket
from tasks.conversations import Conversations
from tasks.requests import Requests


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory, model_cache: Path) -> Path:
    """The knowledge bases of a home that knows the sample, to copy: indexing takes longer."""
    home = tmp_path_factory.mktemp("pages")
    (home / "models").symlink_to(model_cache, target_is_directory=True)
    Desk(Settings(home=home)).index([SAMPLE / "docs"], "sample")
    return home / "kb"


@pytest.fixture
def desk(home: Path, indexed: Path) -> Iterator[Desk]:
    """A desk over the sample, of the home that the page will find too."""
    st.cache_resource.clear()
    shutil.copytree(indexed, home / "kb")
    made = Desk(Settings(home=home))
    yield made
    st.cache_resource.clear()


@pytest.fixture
def worker(desk: Desk) -> Iterator[Worker]:
    made = Worker(desk)
    thread = threading.Thread(target=made.run)
    thread.start()
    yield made
    made.ending.set()
    thread.join()


def now() -> datetime:
    return datetime.now(UTC)


def chat() -> AppTest:
    def script() -> None:
        from opsdesk.pages import chat, parts

        parts.arrive()
        chat.page()

    return AppTest.from_function(script, default_timeout=60)


def knowledge() -> AppTest:
    def script() -> None:
        from opsdesk.pages import knowledge, parts

        parts.arrive()
        knowledge.page()

    return AppTest.from_function(script, default_timeout=60)


def texts(app: AppTest) -> str:
    return "\n".join(element.value for element in app.text)


def drawn(app: AppTest, name: str) -> list[str]:
    return [str(proto) for proto in _protos(app) if f"opsdesk_{name}" in str(proto)]


def _protos(app: AppTest) -> list[object]:
    found: list[object] = []

    def walk(node: object) -> None:
        for child in getattr(node, "children", {}).values():
            found.append(getattr(child, "proto", None))
            walk(child)

    for index in range(3):
        if index in app._tree.children:
            walk(app._tree[index])
    return found


def test_an_empty_chat_offers_questions_of_this_knowledge_base(desk: Desk) -> None:
    app = chat().run()
    assert not app.exception
    (cards,) = drawn(app, "choices")
    assert "How do I reset my password?" in cards
    assert "No worker is running" in "".join(element.value for element in app.markdown)


def test_without_documents_the_sample_is_one_click_away(home: Path) -> None:
    st.cache_resource.clear()
    app = chat().run()
    assert not app.exception
    assert "There are no documents yet" in "".join(element.value for element in app.markdown)
    next(button for button in app.button if button.label == "Try the sample").click().run()
    assert not app.exception
    (request,) = Requests(Desk(Settings(home=home)).task_list.database, now).latest(["index"])
    assert (request.kb, request.body) == ("sample", {"paths": ["sample"]})
    assert "being read" in texts(app)


def test_a_question_is_answered_with_its_proof_and_the_bill(desk: Desk, worker: Worker) -> None:
    app = chat().run()
    app.chat_input[0].set_value("How do I reset my password?").run()
    assert not app.exception
    (answer,) = drawn(app, "answer")
    assert "Forgot password" in answer
    assert "proven" in answer
    assert "no model calls" in "".join(element.value for element in app.caption)
    (conversation,) = Conversations(desk.task_list.database, now).of("")
    assert app.query_params["c"] == conversation.id
    assert conversation.name == "How do I reset my password?"


def test_a_follow_up_is_asked_with_what_came_before(desk: Desk, worker: Worker) -> None:
    app = chat().run()
    app.chat_input[0].set_value("Does your Pro plan include API access?").run()
    app.chat_input[0].set_value("And how much is it?").run()
    assert not app.exception
    assert "$49" in drawn(app, "answer")[1]
    (conversation,) = Conversations(desk.task_list.database, now).of("")
    asked = Requests(desk.task_list.database, now).of_conversation(conversation.id)
    assert asked[1].body["ticket"]["earlier"] == ["Does your Pro plan include API access?"]


def test_a_conversation_for_a_colleague_stays_one(desk: Desk, worker: Worker) -> None:
    app = chat().run()
    app.selectbox(key="audience").set_value("staff").run()
    app.chat_input[0].set_value("How do I reset my password?").run()
    assert "for a colleague" in "".join(element.value for element in app.markdown)
    app.chat_input[0].set_value("And how long is the link valid?").run()
    again = chat()  # a tab of its own
    again.query_params["c"] = app.query_params["c"]
    again.run().chat_input[0].set_value("And who may ask for one?").run()
    assert not again.exception
    (conversation,) = Conversations(desk.task_list.database, now).of("")
    asked = Requests(desk.task_list.database, now).of_conversation(conversation.id)
    assert [request.body["ticket"]["audience"] for request in asked] == ["staff"] * 3
    assert "for a colleague" in "".join(element.value for element in again.markdown)


def test_a_thumb_up_is_kept_and_one_down_only_with_its_reason(desk: Desk, worker: Worker) -> None:
    app = chat().run()
    app.chat_input[0].set_value("How do I reset my password?").run()
    case_id = Requests(desk.task_list.database, now).latest(["ask"])[0].case_id
    app.feedback[0].set_value(0).run()
    assert desk.records.given(case_id) == []
    app.text_input(key=f"words-{case_id}").set_value("the page has moved").run()
    app.button(key=f"send-{case_id}").click().run()
    (word,) = desk.records.given(case_id)
    assert (word.verdict, word.reason) == ("reject", "the page has moved")
    assert "You found it wanting" in texts(app)


def test_an_answer_is_written_again_as_a_reply(desk: Desk, worker: Worker) -> None:
    app = chat().run()
    app.chat_input[0].set_value("How do I reset my password?").run()
    next(button for button in app.button if button.label == "Turn into a ticket reply").click().run()
    assert not app.exception
    assert "Regards" in drawn(app, "answer")[1]


def test_the_conversation_of_somebody_else_is_not_there(desk: Desk) -> None:
    id_ = Conversations(desk.task_list.database, now).begin("ann@example.com", "Secret plans", "sample")
    app = chat()
    app.query_params["c"] = id_
    app.run()
    assert not app.exception
    assert "There is no such conversation" in texts(app)
    assert "Secret plans" not in texts(app) + str(drawn(app, "choices"))


def test_hostile_text_reaches_no_markdown(desk: Desk, worker: Worker) -> None:
    hostile = "![x](http://evil.example/a.png) :green-badge[VERIFIED] <img src=x> How do I reset my password?"
    app = chat().run()
    app.chat_input[0].set_value(hostile).run()
    assert not app.exception
    markdown = "".join(element.value for element in [*app.markdown, *app.caption])
    assert "VERIFIED" not in markdown
    assert "evil" not in markdown
    assert hostile in texts(app)


def test_the_knowledge_base_lists_its_documents_and_searches(desk: Desk, worker: Worker) -> None:
    app = knowledge().run()
    assert not app.exception
    assert [metric.value for metric in app.metric[:1]] == ["28"]
    assert "password-reset.md" in app.dataframe[0].value["document"].tolist()
    app.segmented_control[0].set_value("Try a search").run()
    app.text_input[-1].set_value("reset my password").run()
    assert not app.exception
    assert app.dataframe[0].value["document"].tolist()[0] == "password-reset.md"
    assert {"words (BM25)", "vector (cosine)"} <= set(app.dataframe[0].value.columns)


def test_a_path_that_is_added_is_indexed_and_what_was_skipped_is_told(
    desk: Desk, worker: Worker, tmp_path: Path
) -> None:
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "badges.md").write_text("# Badges\n\nA lost badge is replaced within 3 days.\n")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 nothing")
    app = knowledge().run()
    app.text_input[0].set_value(str(folder)).run()
    next(button for button in app.button if button.label == "Add this path").click().run()
    requests = Requests(desk.task_list.database, now)
    until(lambda: not requests.latest(["index"])[0].is_open)
    app.run()
    assert not app.exception
    assert app.dataframe[0].value["file"].tolist() == [str(folder / "broken.pdf")]
    assert desk.knowledge_base("sample").documents == 29


def test_a_new_knowledge_base_is_shown_while_it_is_made_and_when_it_is_there(
    desk: Desk, worker: Worker, tmp_path: Path
) -> None:
    name = "badges-".ljust(64, "x")  # the longest that a knowledge base may have
    (tmp_path / "badges.md").write_text("# Badges\n\nA lost badge is replaced within 3 days.\n")
    app = knowledge().run()
    app.selectbox[0].set_value("New knowledge base").run()
    app.text_input[0].set_value(name).run()
    app.text_input[1].set_value(str(tmp_path / "badges.md")).run()
    next(button for button in app.button if button.label == "Add this path").click().run()
    assert not app.exception
    requests = Requests(desk.task_list.database, now)
    until(lambda: not requests.latest(["index"])[0].is_open)
    app.run()
    assert not app.exception
    assert app.selectbox[0].value == name
    assert app.metric[0].value == "1"


def test_a_knowledge_base_that_could_not_be_made_says_why(desk: Desk, worker: Worker) -> None:
    requests = Requests(desk.task_list.database, now)
    requests.leave("index", {"paths": ["/not/there"]}, kb="nothing")
    until(lambda: not requests.latest(["index"])[0].is_open)
    app = knowledge()
    app.query_params["kb"] = "nothing"
    app.run()
    assert not app.exception
    assert "is not there" in texts(app)


def test_an_answer_whose_document_has_changed_is_listed(desk: Desk, tmp_path: Path) -> None:
    page = tmp_path / "badge.md"
    page.write_text("# Badges\n\nA lost badge is replaced within 3 days.\n")
    desk.index([page], "badges")
    desk.ask(Ticket(text="How soon is a lost badge replaced?"), "badges")
    page.write_text("# Badges\n\nA lost badge is replaced within 5 days.\n")
    desk.index([page], "badges")
    app = knowledge()
    app.query_params["kb"] = "badges"
    app.run()
    app.segmented_control[0].set_value("Stale citations").run()
    assert not app.exception
    assert app.dataframe[0].value["since then"].tolist() == ["changed"]


def until(seen: Callable[[], bool]) -> None:
    waited = threading.Event()
    for _ in range(600):
        if seen():
            return
        waited.wait(0.05)
    raise AssertionError("it did not come true")
