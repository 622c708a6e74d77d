"""Tiers: a name -> a CrewAI LLM. And the one that is always there: the built-in extractive model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from crewai.llms.base_llm import BaseLLM, llm_call_context
from pydantic import BaseModel, PrivateAttr

from agents.executor import parse, received_in
from agents.placeholders import Redaction
from tasks.case import LOCAL_MODEL, TIERS, Tier
from tasks.usage import estimate_tokens


@dataclass(frozen=True, slots=True)
class Skill:
    """What the built-in model can do in one role: a pure function from what was received to the contract.

    `reads` is false for a skill that no language model would be asked for, so that its text is not
    counted as tokens.
    """

    receives: type[BaseModel]
    do: Callable[[Any], BaseModel]
    reads: bool = True


class LocalModel(BaseLLM):
    """The built-in extractive model: no network, no weights of its own, the same answer every time.

    It is no language model: it reads the same messages as one, and answers in the same contract, by
    classifying, quoting and checking what it was given. One skill per agent role.
    """

    model: str = LOCAL_MODEL
    provider: str = "local"
    _skills: dict[str, Skill] = PrivateAttr(default_factory=dict)

    def __init__(self, skills: dict[str, Skill]) -> None:
        super().__init__(model=LOCAL_MODEL, provider="local")
        self._skills = skills

    def call(self, messages: Any, *_: Any, from_task: Any = None, from_agent: Any = None, **__: Any) -> str:
        """Answers in the contract of `from_agent`'s role, as JSON."""
        with llm_call_context():
            skill = self._skills[from_agent.role]
            answer = skill.do(parse(received_in(messages[-1]["content"]), skill.receives)).model_dump_json()
            if skill.reads:
                usage = {
                    "prompt_tokens": self.get_input_tokens_count(messages),
                    "completion_tokens": estimate_tokens(answer),
                }
                self._track_token_usage_internal(usage)
            return answer

    async def acall(self, messages: Any, *args: Any, **kwargs: Any) -> str:
        """As `call`: there is nothing to wait for."""
        return self.call(messages, *args, **kwargs)

    def supports_function_calling(self) -> bool:
        """It calls no tools."""
        return False

    def get_input_tokens_count(self, messages: Any, *_: Any, **__: Any) -> int:
        """An estimate: characters over four."""
        return sum(estimate_tokens(message["content"]) for message in messages)

    def get_context_window_size(self) -> int:
        """It reads whatever it is given."""
        return 10_000_000


Maker = Callable[[], BaseLLM]
"""Makes the LLM of a tier, for one thread."""


@dataclass(frozen=True, slots=True)
class Tiers:
    """The configured tiers: for each, how to make its LLM. `local` is always among them.

    LLMs are made per thread, since CrewAI counts an LLM's tokens on the object. `redaction` tells which are sent
    placeholders in place of personal data; None when none is.
    """

    makers: dict[Tier, Maker]
    redaction: Redaction | None = None

    @property
    def names(self) -> list[Tier]:
        """The configured tiers, cheapest first."""
        return [tier for tier in TIERS if tier in self.makers]

    def above(self, tier: Tier) -> Tier | None:
        """The next dearer configured tier."""
        return next((dearer for dearer in self.names if TIERS.index(dearer) > TIERS.index(tier)), None)
