"""Shadow runs: chosen by their id, by another tier, told apart in money, shown nowhere, within the budgets."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import ValidationError

from errors import OpsdeskError
from opsdesk import shadow
from opsdesk.desk import Desk
from opsdesk.settings import Settings
from opsdesk.shadow import is_chosen, least_tried, shadow_id
from opsdesk.worker import Worker
from tasks.case import Case, Ticket, Tier
from tasks.facts import case_facts
from tasks.paths import Path as Kept
from tasks.paths import Paths, path_of
from tasks.requests import Requests, requests
from tasks.task_list import cases, handoffs
from tests.simulator import Model, Simulator

CHEAP, FRONTIER = "gpt-6-luna", "gpt-6.1-sol"
RESET = "How do I reset my password?"


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator({CHEAP: Model(price=(100, 10, 500)), FRONTIER: Model(price=(2000, 100, 10000))}) as running:
        yield running


@pytest.fixture
def desk(home: Path, home_of_all: Path, sim: Simulator) -> Callable[..., Desk]:
    """A desk with two paid tiers and a database of the test's own."""

    def made(**more: Any) -> Desk:
        tiers = {tier: {"model": m, "base_url": sim.base_url} for tier, m in (("cheap", CHEAP), ("frontier", FRONTIER))}
        url = f"sqlite:///{home / 'own.sqlite'}"
        return Desk(Settings.model_validate({"home": home_of_all, "database_url": url, "tiers": tiers, **more}))

    return made


def rows(desk: Desk) -> list[Kept]:
    return [path for path in Paths(desk.task_list.database).read() if path.shadow_of]


def counted(desk: Desk) -> list[int]:
    with desk.task_list.database.reading() as db:
        return [
            db.execute(sa.select(sa.func.count()).select_from(t)).scalar_one() for t in (cases, handoffs, case_facts)
        ]


def test_a_shadow_run_leaves_a_row_of_its_own_and_nothing_else(
    desk: Callable[..., Desk], run: Callable[..., Any]
) -> None:
    here = desk()
    case = here.ask(Ticket(text=RESET), "sample")
    assert path_of(case).tier == "cheap"
    before, kept = counted(here), here.case(case.case_id)
    assert shadow.run(here, case) == "frontier"  # of two that were never tried the dearest
    (row,) = rows(here)
    assert (row.case_id, row.shadow_of, row.tier, row.outcome) == (
        shadow_id(case.case_id),
        case.case_id,
        "frontier",
        "accepted",
    )
    assert row.cost_nano
    assert row.cost_nano > 0
    assert counted(here) == before
    assert here.case(case.case_id) == kept
    assert [line.case_id for line in here.task_list.recent(10)] == [case.case_id]
    assert here.task_list.find(row.case_id) is None


def test_what_a_shadow_cost_is_told_apart(
    desk: Callable[..., Desk], run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = desk()
    case = here.ask(Ticket(text=RESET), "sample")
    shadow.run(here, case)
    monkeypatch.setenv("OPSDESK_DATABASE_URL", here.settings.database_url)
    told = run("costs", "--json").json
    assert told["total"]["cost_usd"] == pytest.approx(case.cost_usd)
    assert told["shadow"]["runs"] == 1
    assert told["shadow"]["cost_usd"] == pytest.approx((rows(here)[0].cost_nano or 0) / 1e9)
    assert "Shadow runs, in none of these: 1, $" in run("costs").out


def test_it_is_made_once_and_after_a_kill_what_was_bought_is_used(desk: Callable[..., Desk], sim: Simulator) -> None:
    here = desk()
    case = here.ask(Ticket(text=RESET), "sample")
    shadow.run(here, case)
    calls = len(sim.seen)
    assert shadow.run(here, case) is None
    with here.task_list.database.writing() as db:  # as though the process had ended before it could write the row
        db.execute(sa.text("DELETE FROM case_paths WHERE shadow_of != ''"))
    assert shadow.run(here, case) == "frontier"
    assert len(sim.seen) == calls
    assert rows(here)[0].cost_nano


def test_a_budget_that_is_used_up_stops_it_and_the_answer_stays(desk: Callable[..., Desk], sim: Simulator) -> None:
    case = desk().ask(Ticket(text=RESET), "sample")
    calls, poor = len(sim.seen), desk(daily_budget_usd=0.2)  # of which a tenth holds no call of the frontier
    with pytest.raises(OpsdeskError, match=r"shadow"):
        shadow.run(poor, case)
    assert len(sim.seen) == calls
    assert rows(poor) == []
    assert poor.case(case.case_id).outcome == "accepted"


def test_nobody_writes_again_what_nobody_wrote_or_what_was_cut_short() -> None:
    case = Case(case_id="c-1", ticket=Ticket(text="?"), kb="", created_at=datetime.now(UTC), outcome="abstained")
    assert shadow.other_tier(case, ["local", "cheap"], {}) is None


@pytest.mark.parametrize(
    ("tried", "expected"),
    [
        ({}, "frontier"),
        ({"frontier": 1}, "mid"),
        ({"frontier": 1, "mid": 1}, "local"),
        ({"local": 2, "mid": 1, "frontier": 1}, "frontier"),
    ],
)
def test_the_tier_least_tried_writes_and_of_equals_the_dearest(tried: dict[Tier, int], expected: Tier) -> None:
    assert least_tried("cheap", ["local", "cheap", "mid", "frontier"], tried) == expected


def test_the_share_is_kept_and_always_the_same_cases() -> None:
    ids = [f"c-{i}" for i in range(20_000)]
    chosen = [id_ for id_ in ids if is_chosen(id_, 0.05)]
    assert len(chosen) == pytest.approx(1_000, abs=120)
    assert set(chosen) >= {id_ for id_ in ids if is_chosen(id_, 0.01)}
    assert not any(is_chosen(id_, 0.0) for id_ in ids)


def test_more_than_one_in_twenty_is_refused() -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({"shadow_share": 0.06})


def test_a_worker_makes_them_once_the_answer_is_given(desk: Callable[..., Desk]) -> None:
    here = desk(shadow_share=0.05)
    left = Requests(here.task_list.database, lambda: datetime.now(UTC))
    ids = [f"c-{i}" for i in range(1_000)]
    chosen, other = (next(id_ for id_ in ids if is_chosen(id_, 0.05) == is_it) for is_it in (True, False))
    for case_id in (other, chosen):
        body = {"ticket": Ticket(text=RESET).model_dump(mode="json")}
        asked = left.leave("ask", body, kb="sample")
        with here.task_list.database.writing() as db:
            db.execute(requests.update().where(requests.c.id == asked).values(case_id=case_id))
    worker = Worker(here)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        until(lambda: bool(rows(here)) and here.task_list.find(other) is not None)
        assert here.case(chosen).outcome == "accepted"
    finally:
        worker.ending.set()
        thread.join()
    assert [row.shadow_of for row in rows(here)] == [chosen]


def until(done: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 60
    while not done():
        assert time.monotonic() < give_up
        time.sleep(0.05)
