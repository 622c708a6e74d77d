"""One step of one case: a CrewAI task done by a CrewAI agent, booked on the task list and in the ledger."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, cast

from crewai import Agent
from crewai.llms.base_llm import BaseLLM
from pydantic import BaseModel

from agents import retriever, router, verifier, writer
from agents.executor import Contract, describe, execute, new_agent, parse
from agents.models import LOCAL_MODEL, Tiers
from errors import LimitReached, OpsdeskError
from tasks.case import STEPS, Case, Handoff, StepName, Tier
from tasks.ledger import Cost, Ledger
from tasks.task_list import TaskList
from tasks.usage import Usage

Watcher = Callable[[Case, Handoff], None]
"""Is told of each handoff as it happens, after it was kept."""


class _Role(NamedTuple):
    goal: str
    prompt: str
    instruction: str


_ROLES: dict[StepName, _Role] = {
    "route": _Role(router.GOAL, router.PROMPT, router.INSTRUCTION),
    "retrieve": _Role(retriever.GOAL, retriever.PROMPT, retriever.INSTRUCTION),
    "write": _Role(writer.GOAL, writer.PROMPT, writer.INSTRUCTION),
    "verify": _Role(verifier.GOAL, verifier.PROMPT, verifier.INSTRUCTION),
}


class Agents:
    """The agents of one thread, made on first use. CrewAI's agents are not safe to share."""

    def __init__(self, tiers: Tiers) -> None:
        self._tiers = tiers
        self._made: dict[tuple[StepName, Tier], Agent] = {}

    def agent(self, step: StepName, tier: Tier) -> Agent:
        """Who does `step` on `tier`."""
        if (step, tier) not in self._made:
            role = _ROLES[step]
            self._made[step, tier] = new_agent(STEPS[step], role.goal, role.prompt, self._tiers.makers[tier]())
        return self._made[step, tier]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one case may take: USD and seconds."""

    budget_usd: float
    deadline_s: float


@dataclass(frozen=True, slots=True)
class Books:
    """Where steps are booked, and the clock that dates them."""

    task_list: TaskList
    ledger: Ledger
    now: Callable[[], datetime]


class Done(NamedTuple):
    """A finished step that has not been handed on yet. `usage` is None when a model failed without telling it."""

    task: StepName
    tier: Tier
    usage: Usage | None
    started_at: datetime
    seconds: float
    received: Any


class Steps:
    """Does the steps of one case, one after the other."""

    def __init__(self, case: Case, agents: Agents, books: Books, limits: Limits, watch: Watcher | None) -> None:
        self.case = case
        self._agents, self._books, self._limits, self._watch = agents, books, limits, watch
        self._began = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the case began."""
        return time.monotonic() - self._began

    def do(self, task: StepName, tier: Tier, received: BaseModel, contract: type[Contract]) -> tuple[Contract, Done]:
        """Has the step's agent do its task on `tier`, and returns what it made.

        Raises `LimitReached` before the call when time or money is used up. A step that fails is
        handed to a person, and its error raised.
        """
        made, done = self.attempt(task, tier, received, contract)
        if isinstance(made, OpsdeskError):
            self.hand_on(done, "person", str(made), {}, failed=True)
            raise made
        return made, done

    def attempt(
        self, task: StepName, tier: Tier, received: BaseModel, contract: type[Contract]
    ) -> tuple[Contract | OpsdeskError, Done]:
        """As `do`, but a failure is returned, for a step that the case can go on without."""
        if reached := self.limit(tier):
            self.case.stopped_by, why = reached
            raise LimitReached(why)
        self._books.task_list.start(self.case, task)
        started_at, began = self._books.now(), time.monotonic()
        usage: Usage | None = Usage() if tier == "local" else None
        kept = received.model_dump(mode="json", exclude={"passages": {"__all__": {"text", "n"}}})
        made: Contract | OpsdeskError
        try:
            agent = self._agents.agent(task, tier)
            answer = execute(agent, task, describe(_ROLES[task].instruction, received), contract)
            usage = answer.usage
            made = parse(answer.text, contract)
        except OpsdeskError as error:
            made = error
        return made, Done(task, tier, usage, started_at, time.monotonic() - began, kept)

    def hand_on(self, done: Done, to: str, reason: str, sent: Any, *, failed: bool = False) -> None:
        """Books a finished step as a handoff to `to`; `reason` says in plain words why it goes there."""
        case = self.case
        local = done.tier == "local"
        model = LOCAL_MODEL if local else cast(BaseLLM, self._agents.agent(done.task, done.tier).llm).model
        usage = done.usage or Usage()
        cost = self._books.ledger.cost(done.tier, model, usage) if done.usage else Cost(None, None)
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
            tokens_estimated=local,
            model_calls=0 if local else usage.model_calls,
            cost_usd=cost.cost_usd,
            cost_all_frontier_usd=cost.cost_all_frontier_usd,
            started_at=done.started_at,
            seconds=done.seconds,
            payload={"received": done.received, "sent": sent},
        )
        self._books.task_list.record(case, handoff)
        if self._watch:
            self._watch(case, handoff)

    def limit(self, tier: Tier) -> tuple[Literal["budget", "deadline"], str] | None:
        """Which limit forbids another step on `tier`, and the message that says so; None when none does."""
        if self.elapsed > self._limits.deadline_s:
            return "deadline", (
                f"stopped after {self.elapsed:.1f} s, past the deadline of {self._limits.deadline_s:g} s; "
                "what was found is kept; raise it with --deadline or OPSDESK_DEADLINE_S"
            )
        spent = self.case.cost_usd
        if tier != "local" and (spent is None or spent >= self._limits.budget_usd):
            return "budget", (
                f"stopped: the budget of ${self._limits.budget_usd:g} is used up; "
                "what was found is kept; raise it with --budget or OPSDESK_BUDGET_USD"
            )
        return None
