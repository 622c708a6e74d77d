"""Shadow runs: a few finished cases are written once more by another tier, after their answer was given. Never shown.

What they come to is a row of `case_paths`, whose money is told apart, and nothing else: no case, no handoff, no fact.
One thread makes them, one after the other; when it falls behind, or the worker ends, what waits is lost. Their calls
are held under the day's and the tenant's caps, and under one of their own: a tenth of the day's.
"""

from __future__ import annotations

import hashlib
import logging
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

from errors import OpsdeskError
from tasks import paths
from tasks.budget import Cap
from tasks.case import TIERS, Case, Tier
from tasks.paths import Paths, path_of

if TYPE_CHECKING:
    from opsdesk.desk import Desk

MOST_WAITING = 32
"""Cases that wait to be written again; further ones are let go."""

OF_THE_DAY = 10
"""A day's shadow runs may take one part in so many of the day's budget."""

log = logging.getLogger("opsdesk.worker")


def is_chosen(case_id: str, share: float) -> bool:
    """Whether a case is one of the `share` that is written again: by a hash of its id, so always the same ones."""
    return int.from_bytes(hashlib.sha256(f"shadow {case_id}".encode()).digest()[:8]) < share * 2**64


def other_tier(case: Case, tiers: Sequence[Tier], tried: Mapping[Tier, int]) -> Tier | None:
    """Who writes it again: of the tiers that did not, the one least tried about its kind; the dearest of equals.

    None for a case that nobody wrote about, or that was cut short, since it says nothing that could be compared.
    """
    first = path_of(case).tier
    if not first or case.stopped_by or case.outcome not in ("accepted", "needs_human"):
        return None
    return least_tried(first, tiers, tried)


def least_tried(first: str, tiers: Sequence[Tier], tried: Mapping[Tier, int]) -> Tier | None:
    """Of the tiers but the `first`, the one least tried; the dearest of equals. None when there is no other."""
    left = [tier for tier in tiers if tier != first]
    return min(left, key=lambda tier: (tried.get(tier, 0), -TIERS.index(tier)), default=None)


def shadow_id(case_id: str) -> str:
    """The id under which a shadow run of a case is booked."""
    return f"s-{hashlib.sha256(case_id.encode()).hexdigest()[:12]}"


def run(desk: Desk, case: Case, stopped: Callable[[], bool] = lambda: False) -> Tier | None:
    """Writes a finished case again by another tier, and keeps how that went; None where nothing was made.

    A run that was begun before, and that a kill has ended, uses the replies that were paid for then.
    """
    kept = Paths(desk.task_list.database)
    tier = other_tier(case, ["local", *desk.tiers], kept.tried(path_of(case)))
    this = shadow_id(case.case_id)
    if tier is None or kept.has(this):
        return None
    from agents.crew import Crew, Dial
    from agents.routing import Choice
    from agents.steps import Journal, Limits
    from tasks.calls import Calls
    from tasks.sheet import Sheet

    def keep(db: sa.Connection, again: Case) -> None:  # and nothing else of it
        paths.keep(db, again, shadow_of=case.case_id)  # one that was cut short tells what it cost, and is no trial

    choice = Choice(tier, [f"{tier} writes: a shadow run"], 1.0, 0.0)
    dial = Dial("best", decide=lambda *_, **__: choice)  # under which no other tier stands in where money is short
    crew = Crew(desk.llms(case.kb), desk.task_list, desk.ledger, desk.now, dial=dial, budget=desk.budget)
    journal = Journal(
        step=lambda _, do: do(),
        calls=Calls(desk.budget, this, "repeat", lambda _: None),
        sheet=Sheet(desk.task_list, keep),
    )
    about = {"kb": case.kb, "tenant": case.tenant, "created_at": desk.now()}
    again = Case(case_id=this, ticket=case.ticket, **about)
    limits = Limits(
        desk.settings.budget_usd, desk.settings.deadline_s, _caps(desk, case), stopped=stopped, journal=journal
    )
    crew.work(again, limits)
    return tier


def _caps(desk: Desk, case: Case) -> tuple[Cap, ...]:
    caps = desk.caps(case.tenant)
    of_day = [cap for cap in caps if cap.scope.startswith("day:")]
    return (*caps, *(Cap(f"shadow:{cap.scope}", cap.nano // OF_THE_DAY) for cap in of_day))


class Shadows:
    """The thread of a worker that makes shadow runs, and what waits for it. Nothing is made where the share is 0."""

    def __init__(self, desk: Desk, ending: threading.Event) -> None:
        self._desk, self._ending = desk, ending
        self._waiting: queue.Queue[str] = queue.Queue(MOST_WAITING)
        self._share = desk.settings.shadow_share
        if self._share:
            threading.Thread(target=self._run, name="shadows", daemon=True).start()

    def may_take(self, case_id: str) -> None:
        """Takes a case that has ended and whose answer was given, if it is one that is written again."""
        if is_chosen(case_id, self._share):
            try:
                self._waiting.put_nowait(case_id)
            except queue.Full:
                log.info("%s is not written again: too much waits for that", case_id)

    def _run(self) -> None:
        while not self._ending.is_set():
            try:
                case_id = self._waiting.get(timeout=1)
            except queue.Empty:
                continue
            try:
                run(self._desk, self._desk.case(case_id), self._ending.is_set)
            except OpsdeskError as error:  # a budget, an endpoint, the database: what it was for goes on without
                log.info("%s is not written again: %s", case_id, error)
            except Exception:
                log.error("a shadow run failed", exc_info=True)
