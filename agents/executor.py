"""One model call per task, nothing else: no tool loop, no hidden retry, no second prompt."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from crewai import Agent, Task
from crewai.agents.agent_executor import AgentExecutor, AgentExecutorState
from crewai.llms.base_llm import BaseLLM
from crewai.tools import BaseTool
from crewai.utilities.types import LLMMessage
from pydantic import BaseModel, PrivateAttr, ValidationError

from agents.endpoint import EndpointModel
from agents.placeholders import NOTE, Hidden, plain
from agents.request import Order
from errors import ModelError, OpsdeskError, UnreadableAnswer
from tasks.case import StepName
from tasks.usage import Usage

INPUT_OPENS, INPUT_CLOSES = "<input>\n", "\n</input>"

Contract = TypeVar("Contract", bound=BaseModel)


class OneCall(AgentExecutor):
    """Sends the agent's role and the task's text, once, and returns what the model wrote.

    Does not call `super().invoke()`, which would start CrewAI's loop of up to 25 calls. `usage` is what the last
    call took: None while that is not known, as after a model that failed without telling it.
    """

    _usage: Usage | None = PrivateAttr(default=None)

    def _create_initial_state(self) -> AgentExecutorState:
        """The state that the executor gives itself a moment later; the flow's own makes a class for it each time."""
        return AgentExecutorState()

    def invoke(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """One call of the agent's model. `inputs` is ignored but for CrewAI's own sake."""
        llm, agent, task = cast(BaseLLM, self.llm), cast(Agent, self.agent), cast(Task, self.task)
        messages: list[LLMMessage] = [
            {"role": "system", "content": agent.backstory},
            {"role": "user", "content": task.description},
        ]
        if isinstance(llm, EndpointModel):
            try:
                return {"output": llm.call(messages, from_task=task, from_agent=agent)}
            finally:
                self._usage = llm.taken
        self._usage = None
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
    def usage(self) -> Usage | None:
        """What the last call took."""
        return self._usage


class _Agent(Agent):
    """An agent that knows nothing but what it is told: CrewAI's own unpickles a file of the folder it is started in,
    at every step, and so runs whatever that holds."""

    def _use_trained_data(self, task_prompt: str) -> str:
        return task_prompt

    def create_agent_executor(self, tools: list[BaseTool] | None = None, task: Task | None = None) -> None:
        """One for all tasks: CrewAI's own writes the prompts of its loop anew for each, and here they are not read."""
        if isinstance(self.agent_executor, OneCall):
            self.agent_executor.task = task
        else:
            super().create_agent_executor(tools, task)


def new_agent(role: str, goal: str, prompt: str, llm: BaseLLM) -> Agent:
    """A CrewAI agent that makes one call per task. Not safe to share between threads."""
    return _Agent(
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


def describe(instruction: str, received: BaseModel, *, short: bool = False) -> str:
    """A task's text: the instruction, then what was received as JSON between marks.

    `<` is escaped inside the JSON, so that nothing in a ticket or document can close the mark. `short` leaves out
    what a language model has no use for and would be paid to read. What differs between the calls of one case
    stands last, so that a provider's prompt cache holds what comes before.
    """
    return f"{instruction}\n\n{INPUT_OPENS}{_json(_data(received, short=short))}{INPUT_CLOSES}"


def describe_hidden(
    instruction: str, received: BaseModel, hide: Callable[[dict[str, Any]], Hidden]
) -> tuple[str, dict[str, str]]:
    """As `describe`, short, with the placeholders that `hide` puts into it; and what these stand for."""
    data, values = hide(_data(received, short=True))
    said = f"{instruction} {NOTE}" if values else instruction
    return f"{said}\n\n{INPUT_OPENS}{plain(_json(data))}{INPUT_CLOSES}", values


def _data(received: BaseModel, *, short: bool) -> dict[str, Any]:
    kept = received.model_dump(mode="json")
    return _short(kept) if short else kept


def _json(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")


_OF_NO_USE = frozenset(
    "ticket_id customer kind audience doc_id chunk_id position locator score questions internal doc_sha256".split()
)


def _short(received: dict[str, Any]) -> dict[str, Any]:
    """Without what is empty, and without places, scores and names in the ticket and its passages."""
    found = {name: value for name, value in received.items() if value not in ("", None, [])}
    for name, value in found.items():
        if name == "ticket":
            found[name] = _bare(value)
        elif name == "passages":
            found[name] = [_bare(passage) for passage in value]
    return found


def _bare(value: dict[str, Any]) -> dict[str, Any]:
    return {
        name: inner for name, inner in value.items() if name not in _OF_NO_USE and inner not in ("", None, [], False)
    }


def received_in(description: str) -> str:
    """The JSON that `describe` put into a task's text."""
    return description.rpartition(INPUT_OPENS)[2].removesuffix(INPUT_CLOSES)


def execute(
    agent: Agent, name: StepName, description: str, contract: type[BaseModel], order: Order | None = None
) -> str:
    """Has `agent` do one CrewAI task and returns what its model wrote; `order` is for a model at an endpoint.

    It is given to the agent itself: `Task.execute_sync` around that copies the prompt into an output of its own and
    opens an event loop, which takes as long as a step of the built-in model. Raises `ModelError`, without the model's
    own words, for whatever the model raised.
    """
    task = Task(name=name, description=description, expected_output=contract.__name__, agent=agent)
    if isinstance(agent.llm, EndpointModel) and order:
        agent.llm.order = order
    try:
        return str(agent.execute_task(task))
    except OpsdeskError:
        raise
    except Exception as error:  # noqa: BLE001  (whatever a model's client raises; its text may hold a key)
        raise ModelError(f"the model failed ({type(error).__name__}); ask again or use another tier") from None


def usage_of(agent: Agent) -> Usage | None:
    """What the last call of an agent's model took; None when that is not known."""
    executor = agent.agent_executor
    return executor.usage if isinstance(executor, OneCall) else None


def parse(text: str, contract: type[Contract]) -> Contract:
    """What a model wrote, as its contract: JSON, also between prose or fences, or with small slips of syntax.

    Raises `UnreadableAnswer` when it does not fit, or was cut short: what is missing is not guessed.
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
    raise UnreadableAnswer(
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
