"""Batches: claimed once, finished, paused, reviewed; on SQLite and PostgreSQL."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from errors import BudgetReached, Stopped, UsageError
from tasks.batches import DraftRow, Filters, Planned, Verdict
from tasks.budget import Budget, Cap
from tasks.case import Case, Claim, Outcome, Ticket
from tasks.drafts import Drafts
from tasks.experience import ExperienceStore
from tasks.queue import MAX_ATTEMPTS, SAME_BATCH_SECONDS
from tasks.task_list import TaskList

NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)


@pytest.fixture
def tasks(database_url: str) -> Iterator[TaskList]:
    task_list = TaskList(database_url)
    yield task_list
    task_list.dispose()


@pytest.fixture
def drafts(tasks: TaskList) -> Drafts:
    ticks = iter(range(10**6))
    return Drafts(tasks.database, lambda: NOW + timedelta(seconds=next(ticks)))


def tickets(count: int, bad: int = 0) -> list[tuple[Ticket, str]]:
    good = [(Ticket(text=f"How much is plan {n}?", ticket_id=f"T-{n}", subject=f"Plan {n}"), "") for n in range(count)]
    return good + [(Ticket(text=""), "the text is empty")] * bad


def worked(
    tasks: TaskList, row: DraftRow, outcome: Outcome = "accepted", proven: bool = True, answer: str = "It is $5. [1]"
) -> Case:
    case = Case(case_id=row.case_id, ticket=row.ticket, kb="kb", created_at=NOW)
    tasks.open_case(case)
    case.outcome, case.answer, case.outcome_reason = outcome, answer, f"because {outcome}"
    case.claims = [Claim(text="It is $5.", supported=proven, citations=[1])]
    tasks.close(case)
    return case


def work_all(tasks: TaskList, drafts: Drafts, proven: bool = True) -> None:
    while row := drafts.queue.claim("w:1"):
        drafts.queue.finish(row, worked(tasks, row, proven=proven))


def test_rows_in_are_rows_out_and_a_bad_one_is_never_worked(tasks: TaskList, drafts: Drafts) -> None:
    id_ = drafts.make("June", "kb", tickets(2, bad=1), person="Ada", budget_nano=7)
    work_all(tasks, drafts)
    assert [(line.seq, line.status) for line in drafts.lines(id_)] == [(1, "drafted"), (2, "drafted"), (3, "rejected")]
    batch = drafts.batch(id_)
    assert (batch.state, batch.person, batch.budget_nano) == ("done", "Ada", 7)
    assert batch.made_at < batch.began_at < batch.ended_at
    assert drafts.draft(id_, 3).error == "the text is empty"
    far = drafts.progress(id_)
    assert (far.total, far.done, far.proven, far.by_review) == (3, 3, 2, {"": 2})


def test_of_two_tickets_that_end_at_once_the_later_one_ends_the_batch(tasks: TaskList, drafts: Drafts) -> None:
    """On SQLite, whose writers come one after the other, the second waits for the first."""
    id_ = drafts.make("June", "kb", tickets(2))
    first, second = drafts.queue.claim("w:1"), drafts.queue.claim("w:2")
    assert first
    assert second
    case, other = worked(tasks, first), worked(tasks, second)
    at_once = threading.Thread(target=drafts.queue.finish, args=(second, other))
    with tasks.database.writing() as db:
        last = drafts.queue.finish_in(db, first, case)
        assert last
        at_once.start()
        if tasks.database.name == "postgresql":  # it ends within this transaction, and sees nothing of it
            at_once.join(20)
            assert (drafts.batch(id_).state, drafts.progress(id_).done) == ("running", 1)
        last()
    at_once.join(20)
    assert (drafts.batch(id_).state, drafts.progress(id_).done) == ("done", 2)


def test_batches_are_found_by_how_their_ids_begin(drafts: Drafts) -> None:
    ids = [drafts.make(name, "kb", tickets(1)) for name in "abc"]
    assert {batch.id for batch, _ in drafts.batches(beginning="b-")} == set(ids)
    assert [batch.id for batch, _ in drafts.batches(beginning=ids[1])] == [ids[1]]
    assert drafts.batches(beginning="b_") == []


def test_eight_threads_never_claim_one_row_twice(tasks: TaskList, drafts: Drafts) -> None:
    drafts.make("a", "kb", tickets(40))
    drafts.make("b", "kb", tickets(40))
    taken: list[tuple[str, int]] = []

    def work(name: str) -> None:
        while row := drafts.queue.claim(name):
            taken.append((row.batch_id, row.seq))
            drafts.queue.finish(row, worked(tasks, row))

    threads = [threading.Thread(target=work, args=(f"w:{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 80
    assert set(Counter(taken).values()) == {1}
    assert {batch.state for batch, _ in drafts.batches()} == {"done"}


def test_the_oldest_running_batch_goes_first(drafts: Drafts) -> None:
    first, second = drafts.make("a", "kb", tickets(1)), drafts.make("b", "kb", tickets(1))
    claimed = [row.batch_id for row in (drafts.queue.claim("w:1"), drafts.queue.claim("w:1")) if row]
    assert claimed == [first, second]
    assert drafts.queue.claim("w:1") is None


def test_an_older_batch_that_goes_on_is_gone_back_to_within_the_second(
    drafts: Drafts, monkeypatch: pytest.MonkeyPatch
) -> None:
    older, newer = drafts.make("a", "kb", tickets(2)), drafts.make("b", "kb", tickets(4))
    drafts.set_state(older, "paused")

    def claimed() -> str:
        row = drafts.queue.claim("w:1")
        assert row is not None
        return row.batch_id

    assert claimed() == newer
    drafts.set_state(older, "running")
    assert claimed() == newer
    later = time.monotonic() + SAME_BATCH_SECONDS
    monkeypatch.setattr("tasks.queue.time.monotonic", lambda: later)
    assert [claimed() for _ in range(4)] == [older, older, newer, newer]


def test_a_paused_batch_is_left_alone_and_a_resumed_one_goes_on(drafts: Drafts) -> None:
    id_ = drafts.make("a", "kb", tickets(2))
    drafts.set_state(id_, "paused")
    assert drafts.queue.claim("w:1") is None
    drafts.set_state(id_, "running")
    assert drafts.queue.claim("w:1")


def test_a_cancelled_batch_starts_nothing_more_and_can_be_taken_up_again(tasks: TaskList, drafts: Drafts) -> None:
    id_ = drafts.make("a", "kb", tickets(3))
    row = drafts.queue.claim("w:1")
    assert row
    drafts.set_state(id_, "cancelled")
    assert drafts.queue.shall_stop([id_]) == {id_}
    assert drafts.queue.claim("w:1") is None
    drafts.queue.give_back(row)
    assert drafts.progress(id_).by_status == {"not_started": 3}
    drafts.set_state(id_, "running")
    work_all(tasks, drafts)
    assert drafts.batch(id_).state == "done"


def test_what_a_dead_worker_has_left_is_done_by_another_as_the_same_case(tasks: TaskList, drafts: Drafts) -> None:
    id_ = drafts.make("a", "kb", tickets(1))
    lost = drafts.queue.claim("dead:1")
    assert lost
    assert [drafts.queue.release(row) for row in drafts.queue.left_behind(["w:1"])] == ["todo"]
    again = drafts.queue.claim("w:1")
    assert again
    assert (again.case_id, again.attempts) == (lost.case_id, 2)
    drafts.queue.fail(lost, "a late word")
    assert drafts.draft(id_, 1).status == "doing"
    drafts.queue.finish(again, worked(tasks, again))
    assert drafts.draft(id_, 1).status == "drafted"
    assert drafts.queue.left_behind(["w:1"]) == []


def test_a_ticket_that_ends_every_worker_is_given_up(drafts: Drafts) -> None:
    id_ = drafts.make("a", "kb", tickets(1))
    for _ in range(MAX_ATTEMPTS):
        assert drafts.queue.claim("dead:1")
        (left,) = drafts.queue.left_behind([])
        drafts.queue.release(left)
    assert drafts.queue.claim("w:1") is None
    assert drafts.draft(id_, 1).status == "failed"
    assert "given up" in drafts.draft(id_, 1).error
    assert drafts.batch(id_).state == "done"


@pytest.mark.parametrize(
    ("outcome", "proven", "status"),
    [("accepted", True, "drafted"), ("needs_human", True, "needs_human"), ("abstained", False, "abstained")],
)
def test_only_an_accepted_answer_counts_as_proven(
    tasks: TaskList, drafts: Drafts, outcome: Outcome, proven: bool, status: str
) -> None:
    id_ = drafts.make("a", "kb", tickets(1))
    row = drafts.queue.claim("w:1")
    assert row
    drafts.queue.finish(row, worked(tasks, row, outcome, proven))
    found = drafts.draft(id_, 1)
    assert (found.status, found.proven) == (status, outcome == "accepted")


@pytest.mark.parametrize("scope", ["batch:b", "day:2026-11-26"])
def test_a_cap_that_others_share_pauses_the_batch_and_more_money_takes_it_up(
    tasks: TaskList, drafts: Drafts, scope: str
) -> None:
    id_ = drafts.make("a", "kb", tickets(3), budget_nano=10)
    row = drafts.queue.claim("w:1")
    assert row
    case = worked(tasks, row, "needs_human")
    with pytest.raises(BudgetReached) as refused:
        Budget(tasks.database, "w:1", lambda: NOW).reserve([Cap(scope, 10)], 11, case_id="c", model="m")
    case.stopped_by, case.outcome_reason = "budget", str(refused.value)
    drafts.queue.finish(row, case)
    batch = drafts.batch(id_)
    assert (batch.state, batch.note) == ("paused", str(refused.value))
    assert drafts.progress(id_).by_status == {"needs_human": 1, "not_started": 2}
    drafts.set_budget(id_, 99)
    drafts.set_state(id_, "running")
    work_all(tasks, drafts)
    assert drafts.progress(id_).by_status == {"needs_human": 1, "drafted": 2}


def test_a_case_at_its_own_cap_does_not_stop_the_others(tasks: TaskList, drafts: Drafts) -> None:
    id_ = drafts.make("a", "kb", tickets(2), budget_nano=10)
    row = drafts.queue.claim("w:1")
    assert row
    case = worked(tasks, row, "needs_human")
    with pytest.raises(BudgetReached) as refused:
        Budget(tasks.database, "w:1", lambda: NOW).reserve([Cap("case:c", 10)], 11, case_id="c", model="m")
    case.stopped_by, case.outcome_reason = "budget", str(refused.value)
    drafts.queue.finish(row, case)
    assert drafts.batch(id_).state == "running"


def test_a_batch_that_has_spent_its_cap_is_paused(tasks: TaskList, drafts: Drafts) -> None:
    id_ = drafts.make("a", "kb", tickets(2), budget_nano=10)
    row = drafts.queue.claim("w:1")
    assert row
    budget = Budget(tasks.database, "w:1", lambda: NOW)
    budget.settle(budget.reserve([Cap(drafts.batch(id_).scope, 10)], 10, case_id="c", model="m"), 10)
    drafts.queue.finish(row, worked(tasks, row))
    assert drafts.batch(id_).state == "paused"


# --- reviews -----------------------------------------------------------------------------------------


def test_a_verdict_is_kept_and_told_to_the_router_and_can_be_taken_back(tasks: TaskList, drafts: Drafts) -> None:
    id_ = drafts.make("a", "kb", tickets(1))
    work_all(tasks, drafts)
    row, said = drafts.draft(id_, 1), ExperienceStore(tasks)
    drafts.review(id_, 1, Verdict("edited", "Ada", row.reviewed_at, "tone", text="Five dollars.", proven=False))
    row = drafts.draft(id_, 1)
    assert (row.review, row.text, row.proven, row.reviewed_by) == ("edited", "Five dollars.", False, "Ada")
    assert [(w.verdict, w.reason, w.by) for w in said.given(row.case_id)] == [("edit", "tone", "Ada")]
    drafts.review(id_, 1, Verdict("", "Ada", row.reviewed_at, text="It is $5. [1]", proven=True))
    row = drafts.draft(id_, 1)
    assert (row.review, row.text, row.proven) == ("", "It is $5. [1]", True)
    assert said.given(row.case_id) == []


def test_nobody_overrules_a_verdict_that_they_have_not_seen(tasks: TaskList, drafts: Drafts) -> None:
    id_ = drafts.make("a", "kb", tickets(1))
    work_all(tasks, drafts)
    seen = drafts.draft(id_, 1).reviewed_at
    drafts.review(id_, 1, Verdict("rejected", "Ada", seen, "Wrong"))
    with pytest.raises(UsageError, match="somebody else has decided"):
        drafts.review(id_, 1, Verdict("accepted", "Bob", seen))
    row = drafts.draft(id_, 1)
    assert (row.review, row.reason) == ("rejected", "Wrong")
    assert [word.verdict for word in ExperienceStore(tasks).given(row.case_id)] == ["reject"]


def test_what_is_at_work_cannot_be_reviewed(drafts: Drafts) -> None:
    id_ = drafts.make("a", "kb", tickets(1))
    with pytest.raises(UsageError, match="at work"):
        drafts.review(id_, 1, Verdict("accepted", "Ada", ""))


def test_accepting_all_that_are_proven_leaves_decided_and_doubtful_ones(tasks: TaskList, drafts: Drafts) -> None:
    id_ = drafts.make("a", "kb", tickets(4))
    rows = [row for _ in range(4) if (row := drafts.queue.claim("w:1"))]
    for row, proven in zip(rows, (True, True, False, True), strict=True):
        drafts.queue.finish(row, worked(tasks, row, proven=proven))
    drafts.review(id_, 4, Verdict("rejected", "Ada", "", "Wrong"))
    assert drafts.progress(id_).proven == 2
    assert drafts.accept_proven(id_, "Bob") == 2
    assert [line.review for line in drafts.lines(id_)] == ["accepted", "accepted", "", "rejected"]
    assert [word.verdict for word in ExperienceStore(tasks).given(rows[0].case_id)] == ["accept"]
    assert drafts.accept_proven(id_, "Bob") == 0


def test_filters_narrow_the_list_and_text_is_looked_for_as_typed(tasks: TaskList, drafts: Drafts) -> None:
    odd = (Ticket(text="100% of it_ is 'gone'", ticket_id="T-%", subject="Grüße"), "")
    id_ = drafts.make("a", "kb", [*tickets(3, bad=1), odd])
    work_all(tasks, drafts)
    drafts.review(id_, 1, Verdict("assigned", "Ada", "", assignee="Bob"))

    def found(**filters: str | bool) -> list[int]:
        return [line.seq for line in drafts.lines(id_, Filters(**filters))]  # type: ignore[arg-type]

    assert found(status="rejected") == [4]
    assert found(review="undecided") == [2, 3, 5]
    assert found(review="assigned") == found(text="bob") == [1]
    assert found(proven=True, text="PLAN 1") == [2]
    assert found(text="100%") == found(text="of it_ ") == found(text="Grüße") == [5]
    assert found(text="_") == [5]
    assert found(proven=False) == [4]


def test_the_most_urgent_is_drafted_first_then_what_is_due_first(drafts: Drafts) -> None:
    planned = [
        Planned(Ticket(text="a", ticket_id="usual")),
        Planned(Ticket(text="b", ticket_id="later"), due="2026-12-02T00:00:00+00:00"),
        Planned(Ticket(text="c", ticket_id="soon"), due="2026-12-01T00:00:00+00:00"),
        Planned(Ticket(text="d", ticket_id="urgent"), priority=0),
    ]
    drafts.make("a", "kb", planned)
    order = [row.ticket_id for _ in planned if (row := drafts.queue.claim("w:1"))]
    assert order == ["urgent", "soon", "later", "usual"]


def test_tickets_that_ask_the_same_are_drafted_once_and_linked(tasks: TaskList, drafts: Drafts) -> None:
    same = [
        Planned(Ticket(text=f"How much? {n}", customer=name), likeness="x") for n, name in enumerate(("Ana", "Bob"))
    ]
    id_ = drafts.make("a", "kb", [*same, Planned(Ticket(text="Else?"), likeness="y")])
    row = drafts.queue.claim("w:1")
    assert row
    drafts.queue.finish(row, worked(tasks, row), lambda first, other: f"{other.customer}: {first.text}")
    first, twin, other = drafts.rows(id_)
    assert (twin.status, twin.case_id, twin.text, twin.cost_nano) == ("drafted", first.case_id, "Bob: It is $5. [1]", 0)
    assert (twin.same_as, other.status) == (1, "todo")


def test_a_ticket_whose_endpoint_is_out_of_order_waits_and_is_no_poison(drafts: Drafts) -> None:
    id_ = drafts.make("a", "kb", tickets(1))
    row = drafts.queue.claim("w:1")
    assert row
    drafts.queue.postpone(row)
    later = drafts.draft(id_, 1)
    assert (later.status, later.attempts, later.run) == ("todo", 0, 1)
    assert drafts.queue.claim("w:1") is None
    for _ in range(6):
        drafts.batch(id_)  # each look is a second of this clock only where it is asked for
    assert later.not_before > NOW.isoformat()


def test_without_money_a_batch_stops_and_the_rest_is_not_started(drafts: Drafts) -> None:
    id_ = drafts.make("a", "kb", tickets(3))
    row = drafts.queue.claim("w:1")
    assert row
    drafts.queue.halt(row, "nothing is left for this batch", "budget")
    assert drafts.progress(id_).by_status == {"not_started": 3}
    assert (drafts.batch(id_).state, drafts.batch(id_).note) == ("paused", "nothing is left for this batch")


def test_failed_tickets_are_tried_again(tasks: TaskList, drafts: Drafts) -> None:
    id_ = drafts.make("a", "kb", tickets(2))
    row = drafts.queue.claim("w:1")
    assert row
    drafts.queue.fail(row, "the server is gone")
    work_all(tasks, drafts)
    assert drafts.batch(id_).state == "done"
    assert drafts.retry_failed(id_) == 1
    work_all(tasks, drafts)
    assert drafts.progress(id_).by_status == {"drafted": 2}


def test_a_ticket_goes_on_with_whoever_has_its_workflow_and_its_earlier_worker_has_no_say(
    tasks: TaskList, drafts: Drafts
) -> None:
    id_ = drafts.make("a", "kb", tickets(1))
    lost = drafts.queue.claim("w:1")
    assert lost
    mine = drafts.queue.hold(id_, 1, lost.run, "w:2")
    assert mine
    assert (mine.owner, mine.attempts) == ("w:2", 2)
    drafts.queue.finish(lost, worked(tasks, lost))
    drafts.queue.give_back(lost)
    assert drafts.draft(id_, 1).status == "doing"
    with tasks.database.writing() as db, pytest.raises(Stopped):
        drafts.queue.guard(lost)(db)
    drafts.queue.finish(mine, worked(tasks, mine, answer="It is $7. [1]"))
    assert drafts.draft(id_, 1).text == "It is $7. [1]"
    assert drafts.queue.hold(id_, 1, lost.run, "w:1") is None


@pytest.mark.parametrize("waiting", [50, 5_000])
def test_a_ticket_is_claimed_and_ended_without_reading_all_that_wait(waiting: int, tmp_path: Path) -> None:
    """Counted in SQLite's own steps, which are as many however many wait."""
    task_list = TaskList(f"sqlite:///{tmp_path / 'opsdesk.sqlite'}")
    drafts = Drafts(task_list.database, lambda: NOW)
    drafts.make("n", "kb", tickets(waiting))
    drafts.queue.claim("w1")  # looks for the batch, and notes when it began
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 100

    def counted(connection: Any, *_: Any) -> None:
        connection.set_progress_handler(count, 100)

    sa.event.listen(sa.pool.Pool, "checkout", counted)
    try:
        row = drafts.queue.claim("w1")
        assert row is not None
        drafts.queue.fail(row, "wrong")
    finally:
        sa.event.remove(sa.pool.Pool, "checkout", counted)
        task_list.dispose()
    assert 0 < steps < 2_000
