"""The budget: never above a cap, and its books always right; SQLite and PostgreSQL, threads, processes and kills."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from errors import BudgetReached, LimitReached
from tasks.budget import MOST, Budget, Cap, Spending, reservations, spending
from tasks.database import Database
from tasks.processes import host_name, process_name
from tasks.workers import Workers

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DEAD = f"{host_name()}:{2**31 - 1}"
"""A process of this machine that cannot live: no system gives such an id."""


@pytest.fixture
def budget(database: Database) -> Budget:
    return Budget(database, process_name(), lambda: NOW)


def hold(budget: Budget, nano: int, **caps: int) -> str:
    named = [Cap(f"{scope}:x", most) for scope, most in caps.items()]
    return budget.reserve(named, nano, case_id="c-1", model="m")


def test_what_is_held_and_settled_is_counted_in_every_scope(budget: Budget) -> None:
    held = hold(budget, 70, case=100, day=1000)
    assert budget.spent("case:x") == budget.spent("day:x") == Spending(0, 70)
    budget.settle(held, 12)
    assert budget.spent("case:x") == budget.spent("day:x") == Spending(12, 0)
    assert budget.spent("case:another") == Spending(0, 0)


def test_the_last_nano_dollar_may_be_spent_and_not_one_more(budget: Budget) -> None:
    hold(budget, 40, day=100)
    hold(budget, 60, day=100)
    with pytest.raises(BudgetReached):
        hold(budget, 1, day=100)
    hold(budget, 0, day=100)


def test_what_is_held_counts_until_it_is_settled_to_less(budget: Budget) -> None:
    held = hold(budget, 100, day=100)
    with pytest.raises(BudgetReached):
        hold(budget, 50, day=100)
    budget.settle(held, 50)
    hold(budget, 50, day=100)


def test_when_one_cap_is_too_small_nothing_is_held_anywhere(budget: Budget, database: Database) -> None:
    with pytest.raises(BudgetReached) as caught:
        hold(budget, 11, case=100, day=10, tenant=100)
    assert caught.value.scope == "day:x"
    assert budget.spent("case:x") == budget.spent("tenant:x") == Spending(0, 0)
    with database.reading() as db:
        assert db.execute(sa.select(reservations)).all() == []


def test_unknown_usage_is_settled_at_all_that_was_held(budget: Budget) -> None:
    budget.settle(hold(budget, 70, day=100), None)
    assert budget.spent("day:x") == Spending(70, 0)


@pytest.mark.parametrize("again", [12, 0, 70, None])
def test_settling_twice_changes_nothing(budget: Budget, again: int | None) -> None:
    held = hold(budget, 70, day=100)
    budget.settle(held, 12)
    budget.settle(held, again)
    assert budget.spent("day:x") == Spending(12, 0)


def test_a_cost_above_what_was_held_is_booked_as_it_is(budget: Budget) -> None:
    budget.settle(hold(budget, 70, day=100), 130)
    assert budget.spent("day:x") == Spending(130, 0)
    with pytest.raises(BudgetReached, match=r"\$0 of \$0\.0000001 are left"):
        hold(budget, 0, day=100)


def test_of_two_caps_on_one_scope_the_smaller_counts_and_once(budget: Budget) -> None:
    both = [Cap("day:x", 100), Cap("day:x", 50)]
    with pytest.raises(BudgetReached):
        budget.reserve(both, 51, case_id="c-1", model="m")
    budget.reserve(both, 50, case_id="c-1", model="m")
    assert budget.spent("day:x") == Spending(0, 50)


def test_without_caps_a_call_is_booked_all_the_same(budget: Budget, database: Database) -> None:
    budget.settle(hold(budget, 70), 12)
    with database.reading() as db:
        assert db.execute(sa.select(reservations.c.settled)).scalar() == 12


def test_a_cap_of_nothing_lets_only_free_calls_pass(budget: Budget) -> None:
    budget.settle(hold(budget, 0, case=0), 0)
    with pytest.raises(BudgetReached):
        hold(budget, 1, case=0)


@pytest.mark.parametrize("amount", [-1, MOST + 1])
def test_amounts_that_make_no_sense_are_refused(budget: Budget, amount: int) -> None:
    with pytest.raises(ValueError, match="an amount must be between"):
        hold(budget, amount, day=100)
    held = hold(budget, 70, day=100)
    with pytest.raises(ValueError, match="an amount must be between"):
        budget.settle(held, amount)
    assert budget.spent("day:x") == Spending(0, 70)


def test_a_cap_beyond_what_the_database_can_count_still_holds(budget: Budget) -> None:
    hold(budget, MOST, day=10**30)
    with pytest.raises(BudgetReached):
        hold(budget, 1, day=10**30)


@pytest.mark.parametrize(
    ("scope", "whose", "how"),
    [
        ("case:c-12", "this case", "--budget or OPSDESK_BUDGET_USD"),
        ("batch:b-1", "this batch", "--budget"),
        ("day:2026-11-25", "2026-11-25", "OPSDESK_DAILY_BUDGET_USD"),
        ("tenant:acme:eu:2026-11-25", 'the tenant "acme:eu" on 2026-11-25', "OPSDESK_TENANT_DAILY_BUDGET_USD"),
    ],
)
def test_a_refusal_says_what_was_needed_what_is_left_and_how_to_raise_it(
    budget: Budget, scope: str, whose: str, how: str
) -> None:
    caps = [Cap(scope, 10_000_000)]
    budget.reserve(caps, 9_999_000, case_id="c-1", model="m")
    with pytest.raises(LimitReached) as caught:
        budget.reserve(caps, 2_500_000_000, case_id="c-1", model="m")
    assert str(caught.value) == (
        f"stopped: the next call may cost $2.5, and $0.000001 of $0.01 are left for {whose}; "
        f"what was found is kept; raise it with {how}"
    )
    assert (caught.value.limit, caught.value.exit_code) == ("budget", 3)
    assert isinstance(caught.value, BudgetReached)
    assert caught.value.scope == scope


def owned(database: Database, owner: str, at: datetime = NOW) -> str:
    return hold(Budget(database, owner, lambda: at), 70, day=1000)


def test_what_a_dead_process_held_counts_as_spent(budget: Budget, database: Database) -> None:
    left = owned(database, DEAD)
    assert budget.reclaim(HOUR) == 1
    assert budget.spent("day:x") == Spending(70, 0)
    budget.settle(left, 1)  # too late
    assert budget.reclaim(HOUR) == 0
    assert budget.spent("day:x") == Spending(70, 0)


@pytest.mark.parametrize(
    "owner",
    [process_name(), f"{host_name()}:{os.getppid()}", "elsewhere:1", "nobody"],
    ids=["this process", "its parent", "another machine", "no process"],
)
def test_what_may_still_be_on_its_way_is_left_alone_until_it_is_old(
    budget: Budget, database: Database, owner: str
) -> None:
    owned(database, owner, NOW - HOUR)
    assert budget.reclaim(HOUR) == 0
    assert budget.reclaim() == 0  # without a clock it is never old
    assert budget.spent("day:x") == Spending(0, 70)
    assert budget.reclaim(HOUR - timedelta(microseconds=1)) == 1
    assert budget.spent("day:x") == Spending(70, 0)


def test_by_age_no_worker_is_taken_for_dead_whatever_this_clock_says(budget: Budget, database: Database) -> None:
    known = Workers(database, lambda: NOW)
    known.beat("elsewhere:1", "1")
    owned(database, "elsewhere:1", NOW - HOUR)
    assert budget.reclaim(timedelta(0)) == 0
    known.leave("elsewhere:1")
    assert budget.reclaim(timedelta(0)) == 1


def test_a_process_that_was_really_killed_is_found_dead(budget: Budget, database: Database) -> None:
    program = (
        "import os, sys; from datetime import UTC, datetime; from tasks.budget import Budget, Cap\n"
        "from tasks.database import Database; from tasks.processes import process_name\n"
        "budget = Budget(Database(sys.argv[1]), process_name(), lambda: datetime(2026, 11, 25, 12, tzinfo=UTC))\n"
        "budget.reserve([Cap('day:x', 100)], 70, case_id='c-1', model='m'); print(flush=True); sys.stdin.read()"
    )
    url = database.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", program, url]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert budget.reclaim(HOUR) == 0
        assert budget.spent("day:x") == Spending(0, 70)
        process.kill()
    assert budget.reclaim(HOUR) == 1
    assert budget.spent("day:x") == Spending(70, 0)


CAPS = {"case:c-1": 100, "day:d": 150, "tenant:a:d": 90, "tenant:b:d": 120}
NAMES = sorted(CAPS)
OWNERS = [process_name(), DEAD, "elsewhere:1"]


class Spenders(RuleBasedStateMachine):
    """Any order of holding, settling, dying and reclaiming, beside a model of what the books must say."""

    database: Database

    @initialize()
    def afresh(self) -> None:
        with self.database.writing() as db:
            db.execute(reservations.delete())
            db.execute(spending.delete())
        self.now = NOW
        self.open: dict[str, tuple[frozenset[str], int, str, datetime]] = {}
        self.settled: dict[str, tuple[frozenset[str], int]] = {}

    def books(self, scope: str) -> Spending:
        return Spending(
            sum(cost for scopes, cost in self.settled.values() if scope in scopes),
            sum(nano for scopes, nano, *_ in self.open.values() if scope in scopes),
        )

    def budget(self, owner: str) -> Budget:
        return Budget(self.database, owner, lambda: self.now)

    @rule(scopes=st.lists(st.sampled_from(NAMES), max_size=4), nano=st.integers(0, 80), owner=st.sampled_from(OWNERS))
    def reserve(self, scopes: list[str], nano: int, owner: str) -> None:
        full = sorted(scope for scope in set(scopes) if sum(self.books(scope)) + nano > CAPS[scope])
        caps = [Cap(scope, CAPS[scope]) for scope in scopes]
        if full:
            with pytest.raises(BudgetReached) as caught:
                self.budget(owner).reserve(caps, nano, case_id="c-1", model="m")
            assert caught.value.scope == full[0]
            return
        held = self.budget(owner).reserve(caps, nano, case_id="c-1", model="m")
        self.open[held] = (frozenset(scopes), nano, owner, self.now)

    @precondition(lambda self: self.open)
    @rule(data=st.data(), share=st.none() | st.integers(0, 4))
    def settle(self, data: Any, share: int | None) -> None:
        held = data.draw(st.sampled_from(list(self.open)))
        scopes, nano, owner, _ = self.open.pop(held)
        cost = None if share is None else nano * share // 4
        self.budget(owner).settle(held, cost)
        self.settled[held] = (scopes, nano if cost is None else cost)

    @precondition(lambda self: self.settled)
    @rule(data=st.data(), cost=st.none() | st.integers(0, 80))
    def settle_again(self, data: Any, cost: int | None) -> None:
        self.budget(OWNERS[0]).settle(data.draw(st.sampled_from(list(self.settled))), cost)

    @rule(minutes=st.integers(1, 45))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(by=st.sampled_from(OWNERS))
    def reclaim(self, by: str) -> None:
        gone = [held for held, (*_, owner, at) in self.open.items() if owner == DEAD or self.now - at > HOUR]
        assert self.budget(by).reclaim(HOUR) == len(gone)
        for held in gone:
            scopes, nano, *_ = self.open.pop(held)
            self.settled[held] = (scopes, nano)

    @invariant()
    def no_cap_is_exceeded_and_the_books_are_right(self) -> None:
        for scope, cap in CAPS.items():
            found = self.budget(OWNERS[0]).spent(scope)
            assert found == self.books(scope)
            assert sum(found) <= cap


def test_in_any_order_no_cap_is_exceeded_and_the_books_equal_the_reservations(database: Database) -> None:
    kind = type("Spenders", (Spenders,), {"database": database})
    examples = settings(max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck))
    run_machine(kind, settings=examples)


def test_threads_that_share_a_budget_do_not_exceed_it_either(budget: Budget) -> None:
    refused: list[BudgetReached] = []
    together = threading.Barrier(8)

    def spend() -> None:
        together.wait()
        for _ in range(10):
            try:
                budget.settle(hold(budget, 7, day=300, case=1000), None)
            except BudgetReached as reached:
                refused.append(reached)

    threads = [threading.Thread(target=spend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert budget.spent("day:x") == budget.spent("case:x") == Spending(294, 0)  # 42 times 7, and no 43rd
    assert len(refused) == 80 - 42


def test_the_cap_holds_to_the_nano_dollar_under_64_processes_of_which_some_are_killed(database_url: str) -> None:
    sizes = ["--workers=64", "--calls=300", "--kills=20"]
    command = [sys.executable, "-m", "benchmarks.spenders", database_url, *sizes]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["kills"], found["failed"]) == (20, 0)
    assert found["overshoot"] == found["held at the end"] == found["booked - sum of calls"] == 0
    assert found["billed"] <= found["booked"] <= found["cap"]
    assert found["most"] > 0.95 * found["cap"]  # else nobody came near it, and nothing was shown
    assert found["reclaimed"] > 0  # some were killed in the midst of a call
