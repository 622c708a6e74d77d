"""One step of one case: a CrewAI task done by a CrewAI agent, booked on the task list and in the ledger."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel

from agents.endpoint import STOPPED, EndpointModel
from agents.executor import Contract, describe, describe_hidden, execute, parse, usage_of
from agents.experience import Experience
from agents.hearing import Hearing
from agents.personal import finds_names, finds_whole_names, names_of
from agents.placeholders import Placeholders, counted, restored_in, restored_so_far
from agents.records import Wrote, is_outage, kept_of, wrote_of
from agents.request import Order
from agents.retriever import Wanted
from agents.roles import ROLES, Agents
from agents.routing import Offer, offer
from agents.whole import flaw
from errors import (
    BudgetReached,
    LimitReached,
    ModelError,
    OpsdeskError,
    Postponed,
    Stopped,
    StoreError,
    UnreadableAnswer,
)
from tasks.budget import NANO, Budget, Cap
from tasks.calls import Calls
from tasks.case import STEPS, Case, Handoff, StepName, Ticket, Tier
from tasks.ledger import Cost, Ledger
from tasks.purse import Purse, nano
from tasks.sheet import Sheet
from tasks.task_list import TaskList
from tasks.usage import Usage

Watcher = Callable[[Case, Handoff], None]
"""Is told of each handoff as it happens, after it was kept."""

Listener = Callable[[Case, str], None]
"""Is told what the writer has said so far, unproven, while a paid tier writes."""


@dataclass(frozen=True, slots=True)
class Journal:
    """What makes a case durable. `step` returns what a step of that name made, from its record if it was done before.

    What it made is JSON. `calls` are the case's paid ones; `sheet` is where it is written at its end. Where `patient`,
    an endpoint that is out of order is waited for: `Postponed` is raised.
    """

    step: Callable[[str, Callable[[], dict[str, Any]]], dict[str, Any]]
    calls: Calls
    sheet: Sheet
    patient: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """What one case may take: USD, seconds, and calls of paid models. `caps` are those it shares with other cases.

    Once `stopped` is true, no further step is begun and a call that waits for its reply is given up.
    """

    budget_usd: float
    deadline_s: float
    caps: tuple[Cap, ...] = ()
    max_calls: int = 12
    stopped: Callable[[], bool] = lambda: False
    journal: Journal | None = None


@dataclass(frozen=True, slots=True)
class Books:
    """Where steps are booked and paid from, and the clock that dates them."""

    task_list: TaskList | Sheet
    ledger: Ledger
    budget: Budget
    now: Callable[[], datetime]


class Done(NamedTuple):
    """A finished step that has not been handed on yet. `usage` is None when a model failed without telling it.

    `paid` is what was settled for it, in nano-dollars: its cost, or what was held where that is unknown. `replaced` are
    how many values of which kind its model was sent placeholders for; None where it was sent everything as it is.
    """

    task: StepName
    tier: Tier
    usage: Usage | None
    paid: int
    started_at: datetime
    seconds: float
    received: Any
    replaced: dict[str, int] | None = None


def _kept(received: BaseModel) -> Any:
    """A step's input without what stands in the case already: passages, and the ticket that a search may look into."""
    once: dict[str, Any] = {"passages": {"__all__": {"text", "n"}}}
    return received.model_dump(mode="json", exclude=once | ({"ticket": True} if isinstance(received, Wanted) else {}))


def _whole(made: Contract, received: BaseModel, tier: Tier) -> Contract:
    """What was made, if it can be the answer to what was received. Raises `UnreadableAnswer`.

    Of a paid model's word on a route the questions are not used, so it may name them as it likes.
    """
    why = flaw(made, received) if tier == "local" or not isinstance(received, Ticket) else ""
    if why:
        raise UnreadableAnswer(f"the {type(made).__name__.lower()} is not whole: {why}; try again or use another tier")
    return made


class Steps:
    """Does the steps of one case, one after the other."""

    def __init__(
        self,
        case: Case,
        agents: Agents,
        books: Books,
        limits: Limits,
        watch: Watcher | None = None,
        hear: Listener | None = None,
    ) -> None:
        self.case = case
        self._agents, self._books, self._limits, self._watch, self._hear = agents, books, limits, watch, hear
        self._caps = [Cap(f"case:{case.case_id}", nano(limits.budget_usd)), *limits.caps]
        self._began = time.monotonic()
        self._placeholders, self._names = Placeholders(), names_of(case.ticket)
        self.unresolved: list[str] = []
        """What looks like a placeholder in the last draft, and is none that its writer was sent."""

    def offer(self, tier: Tier, experience: Experience) -> Offer:
        """What `tier` costs a token, and how long it takes, for the router to weigh."""
        return offer(tier, self._agents.llm(tier).model, self._books.ledger, experience)

    @property
    def usd_left(self) -> float:
        """What the case's own budget still holds."""
        return self._limits.budget_usd - self.case.cost_at_most_usd

    @property
    def seconds_left(self) -> float:
        """Until the deadline."""
        return self._limits.deadline_s - self.elapsed

    @property
    def elapsed(self) -> float:
        """Seconds since the case began."""
        return time.monotonic() - self._began

    def do(self, task: StepName, tier: Tier, received: BaseModel, contract: type[Contract]) -> tuple[Contract, Done]:
        """Has the step's agent do its task on `tier`, and returns what it made.

        Raises `LimitReached` before the call when time or money is used up. A step whose model fails is done
        once more: a search that took too long, or an answer that was cut. One that fails again is handed to a
        person, and its error raised.
        """
        made, done = self.attempt(task, tier, received, contract)
        if isinstance(made, ModelError) and not self.limit(tier):
            self.hand_on(done, STEPS[task], f"{made}; it is done once more", {}, failed=True)
            made, done = self.attempt(task, tier, received, contract)
        if isinstance(made, OpsdeskError):
            self.hand_on(done, "person", str(made), {}, failed=True)
            raise made
        return made, done

    def attempt(
        self, task: StepName, tier: Tier, received: BaseModel, contract: type[Contract]
    ) -> tuple[Contract | OpsdeskError, Done]:
        """As `do`, but a failure is returned, for a step that the case can go on without.

        Raises `Stopped` when the case is given up; a step that was cut short by it is booked before.
        """
        if self._limits.stopped():
            raise Stopped(STOPPED)
        if reached := self.limit(tier):
            raise LimitReached(reached[1], reached[0])
        self._books.task_list.start(self.case, task)
        kept = _kept(received)
        wrote = self._wrote(task, tier, received, contract)
        self._placeholders.learn(wrote.hidden or {})  # those of an earlier try, where this was read from its record
        made: Contract | OpsdeskError
        try:
            made = wrote.error or _whole(self._read(task, wrote, contract), received, tier)
        except OpsdeskError as error:
            made = error
        replaced = None if wrote.hidden is None else counted(wrote.hidden)
        done = Done(task, wrote.tier, wrote.usage, wrote.paid, wrote.started_at, wrote.seconds, kept, replaced)
        if isinstance(made, Stopped):
            self.hand_on(done, "asker", str(made), {}, failed=True)
            raise made
        if self.is_patient and is_outage(made):
            raise Postponed(str(made))
        return made, done

    def _read(self, task: StepName, wrote: Wrote, contract: type[Contract]) -> Contract:
        """What was written, in its contract, with values in place of the placeholders that stand for them."""
        made, unresolved = parse(wrote.text, contract), set[str]()
        if wrote.hidden is not None:
            made = restored_in(made, wrote.hidden, unresolved)
        if task == "write":
            self.unresolved = sorted(unresolved)
        return made

    def _wrote(self, task: StepName, tier: Tier, received: BaseModel, contract: type[BaseModel]) -> Wrote:
        """What the step's model writes, or has written when the step was done before."""
        journal = self._limits.journal
        if journal is None:
            return self._write(task, tier, received, contract)

        def step() -> dict[str, Any]:
            wrote = self._write(task, tier, received, contract)
            return kept_of(wrote, self.elapsed, journal.calls.used - before)

        before = set(journal.calls.used)
        kept = journal.step(task, step)
        journal.calls.used.update(kept["calls"])
        self._began = min(self._began, time.monotonic() - kept["elapsed"])  # so that the deadline is the same one
        return wrote_of(kept)

    def _write(self, task: StepName, tier: Tier, received: BaseModel, contract: type[BaseModel]) -> Wrote:
        started_at, began = self._books.now(), time.monotonic()
        agent, purse = self._agents.agent(task, tier), self._purse(tier)
        text, failed, hidden = "", None, None
        try:
            described, hidden = self._described(task, tier, received, short=purse is not None)
            order = self._order(task, contract, purse, hidden) if purse else None
            text = execute(agent, task, described, contract, order)
        except StoreError:
            raise  # no failure of the model: the books cannot be written, so nothing is decided
        except OpsdeskError as error:
            failed = error
        paid = purse.paid if purse else 0
        usage = usage_of(agent)
        if usage is None and tier == "local":  # it is free, also when it fails
            usage = Usage()
        return Wrote(text, failed, tier, usage, paid, started_at, time.monotonic() - began, hidden)

    def _described(
        self, task: StepName, tier: Tier, received: BaseModel, *, short: bool
    ) -> tuple[str, dict[str, str] | None]:
        """What a step's model is sent, and what the placeholders in it stand for; None where none are put in."""
        instruction, redaction = ROLES[task].instruction, self._agents.tiers.redaction
        if redaction is None or tier not in redaction.tiers:
            return describe(instruction, received, short=short), None
        find, names, whole_names = redaction.find, finds_names(self._names), finds_whole_names(self._names)
        return describe_hidden(
            instruction, received, lambda data: self._placeholders.hide(data, find, names, whole_names)
        )

    def _purse(self, tier: Tier) -> Purse | None:
        """What pays for a step on `tier`; None for a model that is not at an endpoint."""
        llm, books = self._agents.llm(tier), self._books
        if not isinstance(llm, EndpointModel):
            return None
        calls = self._limits.journal.calls if self._limits.journal else None
        return Purse(books.budget, books.ledger, self._caps, tier, llm.model, self.case.case_id, llm.place, calls)

    def _order(self, task: StepName, contract: type[BaseModel], purse: Purse, hidden: dict[str, str] | None) -> Order:
        hear, tell = self._hear, None
        if hear and task == "write":
            tell = Hearing(lambda text: hear(self.case, text if hidden is None else restored_so_far(text, hidden)))
        return Order(
            deadline=self._began + self._limits.deadline_s,
            max_tokens=ROLES[task].max_tokens,
            contract=contract,
            purse=purse,
            on_text=tell,
            stopped=self._limits.stopped,
        )

    def book_unused(self) -> None:
        """Books what earlier tries of the case have paid for and this one did not need, so that its bill is whole."""
        journal = self._limits.journal
        for model, bought in (journal.calls.unused() if journal else {}).items():
            tier = next((t for t in self._agents.tiers.names if self._agents.llm(t).model == model), None)
            if tier:
                done = Done("write", tier, bought.usage, bought.paid, self._books.now(), 0.0, {})
                self.hand_on(done, "nobody", "paid for in an earlier try that was interrupted; not needed now", {})

    @property
    def is_patient(self) -> bool:
        """Whether the case is a durable one that waits for what is out of order."""
        return self._limits.journal is not None and self._limits.journal.patient

    def shares(self, error: BudgetReached) -> bool:
        """Whether the budget that is used up is one that a durable case shares with others."""
        return self._limits.journal is not None and not error.scope.startswith("case:")

    def hand_on(self, done: Done, to: str, reason: str, sent: Any, *, failed: bool = False) -> None:
        """Books a finished step as a handoff to `to`; `reason` says in plain words why it goes there."""
        case = self.case
        local = done.tier == "local"
        model = self._agents.llm(done.tier).model
        usage = done.usage or Usage()
        cost = self._books.ledger.cost(done.tier, model, usage) if done.usage else Cost(None, None)
        at_most = done.paid / NANO if cost.cost_usd is None and done.usage else None
        payload = {"received": done.received, "sent": sent}
        if done.replaced is not None:
            payload["replaced"] = done.replaced
            reason = f"{reason}; {_told(done.replaced)}"
        handoff = Handoff(
            seq=len(case.handoffs) + 1,
            from_=STEPS[done.task],
            to=to,
            task=done.task,
            attempt=case.task(done.task).attempts,
            status="failed" if failed else "done",
            reason=reason,
            tier=done.tier,
            model=model,
            tokens_in=usage.tokens_in,
            tokens_out=usage.tokens_out,
            tokens_cached=usage.tokens_cached,
            tokens_reasoning=usage.tokens_reasoning,
            tokens_estimated=local,
            model_calls=0 if local else usage.model_calls,
            cost_usd=cost.cost_usd,
            cost_at_most_usd=at_most,
            cost_all_frontier_usd=cost.cost_all_frontier_usd,
            started_at=done.started_at,
            seconds=done.seconds,
            payload=payload,
        )
        self._books.task_list.record(case, handoff)
        if self._watch:
            self._watch(case, handoff)

    def limit(self, tier: Tier) -> tuple[Literal["budget", "deadline"], str] | None:
        """Which limit forbids another step on `tier`, and the message that says so; None when none does."""
        if self.elapsed >= self._limits.deadline_s:
            return "deadline", (
                f"stopped after {self.elapsed:.1f} s, past the deadline of {self._limits.deadline_s:g} s; "
                "what was found is kept; raise it with --deadline or OPSDESK_DEADLINE_S"
            )
        if tier == "local":
            return None
        if self.case.model_calls >= self._limits.max_calls:
            return "budget", (
                f"stopped after {self.case.model_calls} model calls, which is as many as one case may make; "
                "what was found is kept; ask again, or use another model"
            )
        told = all(h.cost_usd is not None or h.cost_at_most_usd is not None for h in self.case.handoffs)
        if not told or self.case.cost_at_most_usd >= self._limits.budget_usd:
            return "budget", (
                f"stopped: the budget of ${self._limits.budget_usd:g} is used up; "
                "what was found is kept; raise it with --budget or OPSDESK_BUDGET_USD"
            )
        return None


def _told(replaced: dict[str, int]) -> str:
    """How many values of which kind a paid model was sent placeholders for; never the values."""
    kinds = ", ".join(f"{count} {kind}" for kind, count in replaced.items())
    return f"replaced before it was sent: {kinds or 'nothing was found'}"
