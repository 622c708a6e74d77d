"""The page of ticket drafts, as Streamlit runs it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from opsdesk.desk import Desk
from opsdesk.pages import parts
from tasks.batches import DraftRow, StoppedBy
from tasks.case import Case, Citation, Claim, Passage, Ticket
from tasks.drafts import Drafts
from tasks.experience import ExperienceStore

HOSTILE = "![x](https://evil.example/x.png) :green-badge[VERIFIED] $a$ <b>b</b> [l](javascript:alert(1))"
ANSWER = "Hello Ada,\n\nThe Pro plan costs $49 per seat per month. [1]"


@pytest.fixture
def desk(home: Path) -> Iterator[Desk]:
    st.cache_resource.clear()
    yield parts.desk()
    st.cache_resource.clear()


@pytest.fixture
def drafts(desk: Desk) -> Drafts:
    return Drafts(desk.task_list.database, lambda: datetime.now(UTC))


def shown(**address: str) -> AppTest:
    def script() -> None:
        from opsdesk.pages import drafts, parts

        parts.arrive()
        drafts.page()

    test = AppTest.from_function(script, default_timeout=30)
    for name, value in address.items():
        test.query_params[name] = value
    test.run()
    assert not test.exception
    return test


def work(desk: Desk, row: DraftRow) -> Case:
    case = Case(case_id=row.case_id, ticket=row.ticket, kb="kb", created_at=datetime.now(UTC))
    desk.task_list.open_case(case)
    text = "The Pro plan costs $49 per seat per month."
    case.passages = [Passage(n=1, doc_id="p", chunk_id="p#0", title="Plans", locator="1", text=text, score=1.0)]
    case.citations = [Citation(n=1, doc_id="p", title="Plans", locator="1", quote=text)]
    case.outcome, case.answer = "accepted", ANSWER
    case.claims = [Claim(text=text, supported=True, citations=[1])]
    desk.task_list.close(case)
    return case


@pytest.fixture
def batch(desk: Desk, drafts: Drafts) -> str:
    tickets = [Ticket(text="How much is the Pro plan?", ticket_id=f"T-{n}", subject=f"Plan {n}") for n in range(3)]
    id_ = drafts.make("June", "kb", [*((ticket, "") for ticket in tickets), (Ticket(text=""), "line 5: empty")])
    for _ in range(3):
        row = drafts.queue.claim("w:1")
        assert row
        drafts.queue.finish(row, work(desk, row))
    return id_


def button(test: AppTest, label: str) -> Any:
    return next(found for found in test.button if found.label == label)


def texts(test: AppTest) -> str:
    return "\n".join(str(found.value) for found in test.text)


def markup(test: AppTest) -> str:
    """Everything that is read as Markdown, labels included."""
    found = [*test.markdown, *test.caption, *test.title, *test.subheader, *test.error, *test.info, *test.warning]
    labelled = [*test.button, *test.selectbox, *test.text_input, *test.text_area, *test.expander, *test.metric]
    return "\n".join([*(str(one.value) for one in found), *(str(one.label) for one in labelled)])


def test_an_empty_page_says_what_to_do(desk: Desk) -> None:
    test = shown()
    assert "No batch yet" in markup(test)
    button(test, "New batch").click().run()
    assert test.file_uploader


def test_a_file_is_previewed_estimated_and_started(desk: Desk, drafts: Drafts, page: Path) -> None:
    desk.index([page], "kb")
    test = shown(new="1")
    data = b"Row,Question,Name\n7,How much?,Ada\n8,,Bob\n"
    test.file_uploader[0].upload("june.csv", data, "text/csv").run()
    assert [box.value for box in test.selectbox[:4]] == [1, 0, 0, 3]
    assert "1 ticket" in markup(test)
    assert "1 rejected" in markup(test)
    assert "free" in texts(test)
    test.selectbox[2].set_value(1).run()
    test.number_input[0].set_value(2.5).run()
    button(test, "Start").click().run()
    ((batch, far),) = drafts.batches()
    assert (batch.name, batch.kb, batch.budget_nano) == ("june", "kb", 2_500_000_000)
    assert far.by_status == {"todo": 1, "rejected": 1}
    assert drafts.draft(batch.id, 1).ticket_id == "7"
    assert drafts.draft(batch.id, 2).error == "line 3: the text is empty"
    assert test.query_params["batch"] == batch.id


def test_a_file_that_cannot_be_read_says_why(desk: Desk) -> None:
    test = shown(new="1")
    test.file_uploader[0].upload("june.csv", b'"id\n', "text/csv").run()
    assert "never closed" in texts(test)


def test_accepting_goes_on_to_the_next_and_undo_comes_back(desk: Desk, drafts: Drafts, batch: str) -> None:
    test = shown(batch=batch)
    assert "T-0 · Plan 0" in texts(test)
    button(test, "Accept").click().run()
    assert "T-1 · Plan 1" in texts(test)
    assert drafts.draft(batch, 1).review == "accepted"
    case_id = drafts.draft(batch, 1).case_id
    assert [word.verdict for word in ExperienceStore(desk.task_list).given(case_id)] == ["accept"]
    button(test, "Undo").click().run()
    assert "T-0 · Plan 0" in texts(test)
    assert drafts.draft(batch, 1).review == ""
    assert ExperienceStore(desk.task_list).given(case_id) == []


def test_an_edit_that_the_documents_do_not_support_is_saved_only_knowingly(drafts: Drafts, batch: str) -> None:
    test = shown(batch=batch)
    button(test, "Edit").click().run()
    test.text_area[0].set_value(ANSWER.replace("$49", "$39"))
    button(test, "Save").click().run()
    assert drafts.draft(batch, 1).review == ""
    assert "1 not supported" in markup(test)
    assert "$39" in texts(test)
    button(test, "Save anyway").click().run()
    row = drafts.draft(batch, 1)
    assert (row.review, row.proven, row.reason) == ("edited", False, "saved with 1 statement not supported")
    assert "$39" in row.text


def test_an_edit_that_stays_true_is_saved_at_once(drafts: Drafts, batch: str) -> None:
    test = shown(batch=batch)
    button(test, "Edit").click().run()
    test.text_area[0].set_value(ANSWER.replace("Hello Ada", "Dear Ada"))
    button(test, "Save").click().run()
    row = drafts.draft(batch, 1)
    assert (row.review, row.proven, row.reason) == ("edited", True, "")
    assert "T-1 · Plan 1" in texts(test)


def test_a_rejection_has_a_reason_and_an_assignment_a_person(drafts: Drafts, batch: str) -> None:
    test = shown(batch=batch)
    button(test, "Reject").click().run()
    test.selectbox(key="draft_why").set_value("Wrong tone").run()
    test.text_input(key="draft_more").set_value("too curt").run()
    button(test, "Reject it").click().run()
    assert (drafts.draft(batch, 1).review, drafts.draft(batch, 1).reason) == ("rejected", "Wrong tone: too curt")
    button(test, "Assign").click().run()
    assert button(test, "Assign it").disabled
    button(test, "Back").click().run()
    assert drafts.draft(batch, 2).review == ""


def test_all_that_are_proven_are_accepted_together(drafts: Drafts, batch: str) -> None:
    test = shown(batch=batch)
    button(test, "Accept 3").click().run()
    assert drafts.progress(batch).by_review == {"accepted": 3}
    assert "Nothing left here" in markup(test)


def test_somebody_elses_verdict_in_the_meantime_is_told(desk: Desk, drafts: Drafts, batch: str) -> None:
    test = shown(batch=batch)
    button(shown(batch=batch), "Accept").click().run()
    button(test, "Accept").click().run()
    assert "Somebody else has decided" in texts(test)


def test_the_address_says_which_row_and_filters_are_shown(batch: str) -> None:
    test = shown(batch=batch, seq="3")
    assert "T-2 · Plan 2" in texts(test)
    test = shown(batch=batch, review="All", status="Row rejected")
    assert "1 ticket" in texts(test)
    assert "line 5: empty" in texts(test)
    assert "no such batch" in texts_of_failure("b-nothing")


def texts_of_failure(batch: str) -> str:
    def script() -> None:
        from errors import OpsdeskError
        from opsdesk.pages import drafts, parts

        try:
            drafts.page()
        except OpsdeskError as error:
            parts.failed(error)

    test = AppTest.from_function(script, default_timeout=30)
    test.query_params["batch"] = batch
    return texts(test.run())


def test_a_running_batch_can_be_paused_resumed_and_cancelled(drafts: Drafts) -> None:
    id_ = drafts.make("June", "kb", [(Ticket(text="How?"), "")])
    test = shown(batch=id_)
    assert "No worker is running" in markup(test)
    button(test, "Pause").click().run()
    assert drafts.batch(id_).state == "paused"
    button(test, "Resume").click().run()
    assert drafts.batch(id_).state == "running"
    button(test, "Cancel").click().run()
    assert drafts.batch(id_).state == "cancelled"
    assert drafts.progress(id_).by_status == {"not_started": 1}


@pytest.mark.parametrize(("by", "badge", "caps"), [("budget", "a budget", 1), ("settings", "a refused key", 0)])
def test_a_batch_that_has_paused_by_itself_says_why_and_offers_what_helps(
    drafts: Drafts, by: StoppedBy, badge: str, caps: int
) -> None:
    id_ = drafts.make("June", "kb", [(Ticket(text="How?"), "")])
    row = drafts.queue.claim("w:1")
    assert row
    drafts.queue.halt(row, "so it is told", by)
    test = shown(batch=id_)
    assert f"Paused by {badge}" in markup(test)
    assert "so it is told" in texts(test)
    assert len(test.number_input) == caps
    button(test, "Resume").click().run()
    assert (drafts.batch(id_).state, drafts.batch(id_).stopped_by) == ("running", "")


def test_untrusted_text_is_never_read_as_markup(desk: Desk, drafts: Drafts) -> None:
    ticket = Ticket(text=HOSTILE, ticket_id=HOSTILE, subject=HOSTILE, customer=HOSTILE)
    id_ = drafts.make(HOSTILE, "kb", [(ticket, ""), (ticket, HOSTILE)], person=HOSTILE)
    row = drafts.queue.claim("w:1")
    assert row
    drafts.queue.fail(row, HOSTILE)
    for test in (shown(), shown(batch=id_), shown(batch=id_, seq="2")):
        assert "evil.example" not in markup(test)
    assert HOSTILE in texts(shown(batch=id_))
    upload = shown(new="1")
    data = json.dumps({HOSTILE: "x", "body": HOSTILE}).encode()
    upload.file_uploader[0].upload("t.jsonl", data, "application/json").run()
    assert "evil.example" not in markup(upload)
