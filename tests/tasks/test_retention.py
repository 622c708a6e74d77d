"""Pruning: what goes, what is held, and that no figure changes by it; SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from errors import UsageError
from tasks import retention
from tasks.batches import Verdict
from tasks.budget import Budget, Cap
from tasks.case import Case, Outcome, Ticket
from tasks.conversations import Conversations
from tasks.database import Database
from tasks.drafts import Drafts
from tasks.experience import ExperienceStore, Word
from tasks.facts import Facts
from tasks.meter import Meter
from tasks.repeats import Forgotten, Once
from tasks.requests import Requests
from tasks.retention import Pruned, Retention, Rule
from tasks.task_list import TaskList
from tasks.webhooks import Webhooks, case_ended, webhooks
from tests.tasks.conftest import NOW, Clock
from tests.tasks.test_facts import ALL, kept, new_case, passed

DAYS_90 = Rule(days=90)


@pytest.fixture
def tasks(database: Database) -> TaskList:
    return TaskList(database)


def old(case_id: str, days: int = 100, usd: float = 0.002, secret: str = "s3cret words") -> Case:
    case = new_case(case_id, ticket=Ticket(text=secret), created_at=NOW - timedelta(days=days))
    passed(case, "route")
    passed(case, "write", "cheap", usd, payload={"received": {"ticket": secret}})
    return case


def prune(database: Database, clock: Clock, rule: Rule = DAYS_90) -> Pruned:
    """Prunes, and checks that it was said before what would go."""
    made = Retention(database, clock)
    cutoff, gone = made.cutoff(rule), Pruned()
    if cutoff is None:
        return gone
    planned = made.count(cutoff)
    for some in made.prune(cutoff):
        gone = gone.plus(some)
    assert planned == gone
    assert made.count(cutoff) == Pruned()
    return gone


def ids(database: Database) -> set[str]:
    with database.reading() as db:
        return set(db.execute(sa.text("SELECT case_id FROM cases")).scalars())


def test_old_cases_go_with_their_texts_and_no_figure_changes(database: Database, tasks: TaskList, clock: Clock) -> None:
    for n in range(6):
        kept(tasks, old(f"c-{n}", days=85 + 2 * n, usd=0.001 * n + 1e-9), ("accepted", "needs_human")[n % 2])
    store = ExperienceStore(tasks)
    store.give("c-5", Word("edit", "the s3cret words", "Ada", NOW.isoformat()))
    store.give("c-0", Word("accept", "fine", "Ada", NOW.isoformat()))
    facts, meter = Facts(database), Meter(database)

    def figures() -> object:
        groups = [facts.grouped((by,), ALL) for by in ("day", "kb", "outcome")]
        return groups, facts.words(ALL), [meter.grouped(by, ALL) for by in (None, "day", "tier")], meter.repeats(ALL)

    before = figures()
    assert prune(database, clock) == Pruned(cases=3)
    assert ids(database) == {"c-0", "c-1", "c-2"}
    assert figures() == before
    with database.reading() as db:
        for table in ("handoffs", "tasks"):
            left = db.execute(sa.text(f"SELECT DISTINCT case_id FROM {table} ORDER BY case_id")).scalars().all()
            assert left == ["c-0", "c-1", "c-2"]
        words = dict(map(tuple, db.execute(sa.text("SELECT case_id, reason FROM feedback"))))
    assert words == {"c-5": "", "c-0": "fine"}
    with pytest.raises(UsageError, match="was pruned; its figures count"):
        tasks.case("c-5")
    assert prune(database, clock) == Pruned()


def test_the_newest_so_many_cases_are_kept_whatever_their_age(
    database: Database, tasks: TaskList, clock: Clock
) -> None:
    for n in range(5):
        kept(tasks, old(f"c-{n}", days=200 - n))
    assert prune(database, clock, Rule(cases=3)) == Pruned(cases=2)
    assert ids(database) == {"c-2", "c-3", "c-4"}
    assert prune(database, clock, Rule(cases=10)) == Pruned()
    assert prune(database, clock, Rule(days=199, cases=3)) == Pruned()
    assert prune(database, clock, Rule(days=197, cases=3)) == Pruned(cases=1)  # whichever rule keeps less
    assert prune(database, clock, Rule()) == Pruned()


def test_a_key_whose_request_or_batch_was_pruned_is_told_so_and_does_nothing_again(
    database: Database, tasks: TaskList, clock: Clock
) -> None:
    requests, drafts = Requests(database, clock), Drafts(database, clock)

    def ask() -> str:
        return requests.leave("ask", {}, once=Once("acme", "k-1", {}, clock))

    def batch() -> str:
        return drafts.make("a", "sample", [(Ticket(text=" "), "empty")], once=Once("acme", "k-2", {}, clock))

    assert (ask(), batch()) == (ask(), batch())
    assert requests.claim("w", ["ask"])
    requests.end(ask(), "w", "done")
    clock.at += timedelta(minutes=5)
    kept(tasks, old("c-1", days=-1))
    assert prune(database, clock, Rule(cases=1)) == Pruned(drafts=1, batches=1, requests=1)
    for again in (ask, batch):
        with pytest.raises(Forgotten, match="send a new key"):
            again()
    assert requests.open() == 0
    assert drafts.batches() == []


def test_a_case_at_work_is_never_pruned(database: Database, tasks: TaskList, clock: Clock) -> None:
    tasks.open_case(old("c-1"))
    assert prune(database, clock) == Pruned()


def worked_batch(drafts: Drafts, tasks: TaskList, count: int, outcome: Outcome = "accepted") -> str:
    batch = drafts.make("old.csv", "sample", [(Ticket(text=f"s3cret {n}"), "") for n in range(count)])
    for _ in range(count):
        row = drafts.queue.claim("me")
        assert row is not None
        case = old(row.case_id)
        case.answer = "yes"
        drafts.queue.finish(row, kept(tasks, case, outcome))
    return batch


def test_a_batch_goes_only_when_every_draft_is_decided(database: Database, tasks: TaskList, clock: Clock) -> None:
    clock.at = NOW - timedelta(days=100)
    drafts = Drafts(database, clock)
    batch = worked_batch(drafts, tasks, 2)
    drafts.review(batch, 1, Verdict("accepted", "Ada", ""))
    drafts.review(batch, 2, Verdict("assigned", "Ada", "", assignee="Bo"))
    clock.at = NOW
    assert prune(database, clock) == Pruned()
    drafts.review(batch, 2, Verdict("edited", "Bo", drafts.draft(batch, 2).reviewed_at, text="no"))
    assert prune(database, clock) == Pruned(cases=2, drafts=2, batches=1)
    assert Facts(database).words(ALL) == {"accept": 1, "edit": 1}
    assert Meter(database).grouped(None, ALL)[0].cases == 2  # people's


@pytest.mark.parametrize("state", ["running", "paused"])
def test_a_batch_that_may_go_on_is_never_pruned(database: Database, tasks: TaskList, clock: Clock, state: str) -> None:
    clock.at = NOW - timedelta(days=100)
    drafts = Drafts(database, clock)
    batch = drafts.make("old.csv", "sample", [(Ticket(text=text), "") for text in "ab"])
    row = drafts.queue.claim("me")
    assert row is not None
    drafts.queue.finish(row, kept(tasks, old(row.case_id), "failed"))
    drafts.review(batch, 1, Verdict("rejected", "Ada", ""))
    if state == "paused":
        drafts.set_state(batch, "paused")
    clock.at = NOW
    assert prune(database, clock) == Pruned()
    drafts.set_state(batch, "cancelled")
    clock.at = NOW + timedelta(days=91)
    assert prune(database, clock) == Pruned(cases=1, drafts=2, batches=1)


def test_what_was_handed_over_from_the_chat_goes_row_by_row(database: Database, tasks: TaskList, clock: Clock) -> None:
    clock.at = NOW - timedelta(days=100)
    drafts = Drafts(database, clock)
    for n in range(2):
        case = kept(tasks, old(f"c-{n}"), "needs_human")
        drafts.hand_over(case, assignee="Ada", note="", by="Bo")
    row = drafts.draft("b-chat", 1)
    drafts.review("b-chat", 1, Verdict("accepted", "Ada", row.reviewed_at))
    clock.at = NOW
    assert prune(database, clock) == Pruned(cases=1, drafts=1)
    assert [line.seq for line in drafts.lines("b-chat")] == [2]


def test_conversations_and_their_requests_go_by_the_same_rule(
    database: Database, tasks: TaskList, clock: Clock
) -> None:
    clock.at = NOW - timedelta(days=100)
    talks, requests = Conversations(database, clock), Requests(database, clock)
    for name in ("done", "waits"):
        talk = talks.begin("ada", name, "sample")
        left = requests.leave("ask", {"ticket": {"text": "s3cret"}}, person="ada", conversation_id=talk)
        if name == "done":
            assert requests.claim("me", ["ask"]) is not None
            requests.end(left, "me", "done")
            kept(tasks, old(requests.get(left).case_id))
    requests.leave("learn", {})
    clock.at = NOW
    assert prune(database, clock) == Pruned(cases=1, requests=1, conversations=1)
    assert [talk.name for talk in talks.of("ada")] == ["waits"]
    assert requests.waiting() == {"ask", "learn"}


def test_what_was_spent_stays_and_kept_replies_go(database: Database, tasks: TaskList, clock: Clock) -> None:
    budget, day = Budget(database, "me", clock), Cap("day:2026-11-26", 10**9)
    for case_id in ("c-1", "c-2"):
        held = budget.reserve([day, Cap(f"case:{case_id}", 10**9)], 100, case_id=case_id, model="m")
        budget.settle(held, 70)
    kept(tasks, old("c-1"))
    assert prune(database, clock) == Pruned(cases=1)
    assert budget.spent("day:2026-11-26").spent == 140
    with database.reading() as db:
        assert db.execute(sa.text("SELECT case_id FROM reservations")).scalars().all() == ["c-2"]
        scopes = db.execute(sa.text("SELECT scope FROM spending ORDER BY scope")).scalars().all()
    assert scopes == ["case:c-2", day.scope]


def test_it_is_done_in_little_steps_and_may_be_left_at_any(
    database: Database, tasks: TaskList, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    for n in range(5):
        kept(tasks, old(f"c-{n}"))
    made = Retention(database, clock)
    cutoff = made.cutoff(DAYS_90)
    assert cutoff is not None
    assert next(made.prune(cutoff)) == Pruned(cases=2)
    assert len(ids(database)) == 3
    assert [some.cases for some in made.prune(cutoff)] == [2, 1]


def test_freed_pages_are_used_again_and_a_vacuum_gives_them_back(tmp_path: Path, clock: Clock) -> None:
    file = tmp_path / "opsdesk.sqlite"
    database = Database(f"sqlite:///{file}")
    tasks = TaskList(database)
    for n in range(20):
        kept(tasks, old(f"c-{n}", secret="s3cret " * 4_000))
    assert prune(database, clock) == Pruned(cases=20)
    with database.reading() as db:
        free = db.exec_driver_sql("PRAGMA freelist_count").scalar()
    assert int(free or 0) > 100
    Retention(database, clock).vacuum()
    with database.reading() as db:
        assert db.exec_driver_sql("PRAGMA freelist_count").scalar() == 0
    database.dispose()
    assert b"s3cret" not in file.read_bytes()


def test_there_is_no_vacuum_for_postgresql(database: Database, clock: Clock) -> None:
    if database.name == "sqlite":
        pytest.skip("it is for SQLite")
    with pytest.raises(UsageError, match="autovacuum"):
        Retention(database, clock).vacuum()


def test_webhooks_go_with_the_answers_that_they_hold_unless_they_have_not_arrived(
    database: Database, tasks: TaskList, clock: Clock
) -> None:
    sent = Webhooks(database, clock)
    asked = {"webhook_url": "https://example.org/hook", "ticket": {}}
    with database.writing() as db:
        for name, days in (("arrived", 100), ("on its way", 100), ("new", 1)):
            case_ended(db, name, asked, "", (NOW - timedelta(days=days)).isoformat())
            db.execute(webhooks.update().where(webhooks.c.case_id == "arrived").values(status="delivered"))
    assert prune(database, clock) == Pruned(webhooks=1)
    assert {line.case_id for line in sent.page(10)} == {"on its way", "new"}
