"""The four agents: what each is for, what its model is told, and who does a step on which tier."""

from __future__ import annotations

from typing import NamedTuple

from crewai import Agent
from crewai.llms.base_llm import BaseLLM

from agents import retriever, router, verifier, writer
from agents.executor import new_agent
from agents.models import Tiers
from tasks.case import STEPS, StepName, Tier


class Role(NamedTuple):
    """What an agent is for, and what its model is told."""

    goal: str
    prompt: str
    instruction: str
    max_tokens: int
    """Of a paid model's reply, its reasoning included."""


ROLES: dict[StepName, Role] = {
    "route": Role(router.GOAL, router.PROMPT, router.INSTRUCTION, 2_000),
    "retrieve": Role(retriever.GOAL, retriever.PROMPT, retriever.INSTRUCTION, 0),
    "write": Role(writer.GOAL, writer.PROMPT, writer.INSTRUCTION, writer.MAX_TOKENS),
    "verify": Role(verifier.GOAL, verifier.PROMPT, verifier.INSTRUCTION, 2_000),
}


class Agents:
    """The agents of one thread, made on first use. CrewAI's agents are not safe to share."""

    def __init__(self, tiers: Tiers) -> None:
        self.tiers = tiers
        self._llms: dict[Tier, BaseLLM] = {}
        self._made: dict[tuple[StepName, Tier], Agent] = {}

    def agent(self, step: StepName, tier: Tier) -> Agent:
        """Who does `step` on `tier`."""
        if (step, tier) not in self._made:
            role = ROLES[step]
            self._made[step, tier] = new_agent(STEPS[step], role.goal, role.prompt, self.llm(tier))
        return self._made[step, tier]

    def llm(self, tier: Tier) -> BaseLLM:
        """The model of `tier`."""
        if tier not in self._llms:
            self._llms[tier] = self.tiers.makers[tier]()
        return self._llms[tier]
