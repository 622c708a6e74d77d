"""One model call per task, nothing else: no tool loop, no hidden retry, no second prompt."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar, cast

from crewai import Agent, Task
from crewai.agents.agent_executor import AgentExecutor
from crewai.llms.base_llm import BaseLLM
from crewai.utilities.types import LLMMessage
from pydantic import BaseModel, PrivateAttr, ValidationError

from errors import ModelError, OpsdeskError
from tasks.case import StepName
from tasks.usage import Usage

INPUT_OPENS, INPUT_CLOSES = "<input>\n", "\n</input>"

Contract = TypeVar("Contract", bound=BaseModel)


class OneCall(AgentExecutor):
    """Sends the agent's role and the task's text, once, and returns what the model wrote.

    Does not call `super().invoke()`, which would start CrewAI's loop of up to 25 calls.
    """

    _usage: Usage = PrivateAttr(default_factory=Usage)

    def invoke(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """One call of the agent's model. `inputs` is ignored but for CrewAI's own sake."""
        llm, agent, task = cast(BaseLLM, self.llm), cast(Agent, self.agent), cast(Task, self.task)
        messages: list[LLMMessage] = [
            {"role": "system", "content": agent.backstory},
            {"role": "user", "content": task.description},
        ]
        before = llm.get_token_usage_summary()
        text = llm.call(messages, from_task=task, from_agent=agent)
        after = llm.get_token_usage_summary()
        self._usage = Usage(
            tokens_in=after.prompt_tokens - before.prompt_tokens,
            tokens_out=after.completion_tokens - before.completion_tokens,
            tokens_cached=after.cached_prompt_tokens - before.cached_prompt_tokens,
            model_calls=after.successful_requests - before.successful_requests,
        )
        return {"output": text}

    @property
    def usage(self) -> Usage:
        """What the last call took."""
        return self._usage


class Answer(NamedTuple):
    """What a task's model wrote, as text, and what that took."""

    text: str
    usage: Usage


def new_agent(role: str, goal: str, prompt: str, llm: BaseLLM) -> Agent:
    """A CrewAI agent that makes one call per task. Not safe to share between threads."""
    return Agent(
        role=role,
        goal=goal,
        backstory=prompt,
        llm=llm,
        executor_class=OneCall,
        max_retry_limit=0,
        allow_delegation=False,
        cache=False,
        verbose=False,
    )


def describe(instruction: str, received: BaseModel) -> str:
    """A task's text: the instruction, then what was received as JSON between marks.

    `<` is escaped inside the JSON, so that nothing in a ticket or document can close the mark.
    """
    data = json.dumps(received.model_dump(mode="json"), ensure_ascii=False).replace("<", "\\u003c")
    return f"{instruction}\n\n{INPUT_OPENS}{data}{INPUT_CLOSES}"


def received_in(description: str) -> str:
    """The JSON that `describe` put into a task's text."""
    return description.rpartition(INPUT_OPENS)[2].removesuffix(INPUT_CLOSES)


def execute(agent: Agent, name: StepName, description: str, contract: type[BaseModel]) -> Answer:
    """Has `agent` do one CrewAI task and returns what its model wrote.

    Raises `ModelError`, without the model's own words, for whatever the model raised.
    """
    task = Task(name=name, description=description, expected_output=contract.__name__, agent=agent)
    try:
        text = task.execute_sync().raw
    except OpsdeskError:
        raise
    except Exception as error:  # noqa: BLE001  (whatever a model's client raises; its text may hold a key)
        raise ModelError(f"the model failed ({type(error).__name__}); ask again or use another tier") from None
    return Answer(text, cast(OneCall, agent.agent_executor).usage)


def parse(text: str, contract: type[Contract]) -> Contract:
    """What a model wrote, as its contract: JSON, also between prose or fences, or with small slips of syntax.

    Raises `ModelError` when it does not fit, or was cut short: what is missing is not guessed.
    """
    try:
        return contract.model_validate_json(text)
    except ValidationError as error:
        first = error
    opens = _OPENS.search(text)
    begins, ends = opens.start() if opens else text.find("{"), text.rfind("}")
    if 0 <= begins < ends and ends - begins < MAX_REPAIRED:
        try:
            return contract.model_validate(_without_nulls(_read(text[begins : ends + 1])))
        except ValidationError as error:
            first = error
        except (ValueError, RecursionError):
            pass  # no JSON at all: the first error says so
    problem = first.errors()[0]
    where = ".".join(str(part) for part in problem["loc"]) or "the answer"
    raise ModelError(
        f"the model's answer is not a {contract.__name__}: {where}: {problem['msg']}; try again or use another tier"
    ) from first


MAX_REPAIRED = 200_000
"""Characters of an answer that are searched for JSON; reading broken JSON takes about 1 s a million."""


def _read(text: str) -> Any:
    """JSON, its small slips mended. Raises ValueError when brackets are left open, since then it was cut short."""
    try:
        return json.loads(text, strict=False)
    except ValueError:
        outside = _STRING.sub("", text)
        if any(outside.count(opens) > outside.count(closes) for opens, closes in ("{}", "[]")):
            raise
    from json_repair import repair_json

    return repair_json(text, return_objects=True, skip_json_loads=True)


_OPENS = re.compile(r"""\{\s*["']""")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


def _without_nulls(value: Any) -> Any:
    """`value` without the keys that are null: models write null for what they leave out."""
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value
