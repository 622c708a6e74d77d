"""CrewAI's arm: a sequential `Crew` of four agents, with task contexts, `output_pydantic` and a guardrail.

As its documentation builds one: each task has a Pydantic output, the writer's a guardrail that refuses an empty answer
(CrewAI asks three times more), the reviewer corrects what does not stand in the passages and has the last word. An
agent that fails is asked twice more (`max_retry_limit`), which is CrewAI's default too.
"""

from __future__ import annotations

import json
from typing import Any, cast

import agents  # noqa: F401  (before CrewAI)

# isort: split
from crewai import Agent, Crew, CrewOutput, Process, Task
from crewai.llms.base_llm import BaseLLM, llm_call_context
from pydantic import BaseModel, PrivateAttr

from agents import without_panels
from benchmarks.lab import minds
from benchmarks.lab.faults import PASSES, Faults, Shelf, arrives
from benchmarks.lab.judge import Delivered
from benchmarks.lab.minds import Meter, Paid
from benchmarks.lab.plain import pages_in, pushed, retrieved, routed, spoiled, written
from benchmarks.lab.world import Asked


class Routed(BaseModel):
    """The router's output."""

    topics: list[str]
    questions: list[str]


class Passages(BaseModel):
    """The retriever's output."""

    pages: list[dict[str, Any]]


class Answer(BaseModel):
    """The writer's output."""

    answer: str


class Reviewed(BaseModel):
    """The reviewer's output: the answer as it is sent."""

    approved: bool
    final: str


ROLES = {
    "router": ("Say which department a ticket is for and what it asks.", Routed),
    "retriever": ("Find the passages that answer the questions.", Passages),
    "writer": ("Write a short answer from the passages.", Answer),
    "reviewer": ("Check the answer against the passages, and correct what they do not say.", Reviewed),
}


class Simulated(BaseLLM):
    """One model for all four agents: it reads what CrewAI puts into the prompt, and answers in the task's contract."""

    _shelf: Shelf = PrivateAttr()
    _meter: Meter = PrivateAttr()
    _faults: Faults = PrivateAttr()
    tier: Paid = "frontier"

    def __init__(self, shelf: Shelf, meter: Meter) -> None:
        super().__init__(model="simulated", provider="simulated")
        self._shelf, self._meter = shelf, meter

    @property
    def faults(self) -> Faults:
        """What strikes at the ticket at hand."""
        return self._faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._faults = faults

    def call(self, messages: Any, *_: Any, from_task: Any = None, from_agent: Any = None, **__: Any) -> str:
        """The role's answer after "Final Answer:", as CrewAI's own format has it."""
        with llm_call_context():
            text = messages if isinstance(messages, str) else "\n".join(str(m["content"]) for m in messages)
            if from_agent is None:  # CrewAI asks for broken output to be mended: what was cut off, nobody knows
                return text
            said = getattr(self, f"_{from_agent.role}")(_Read(text))
            self._meter.bill(self.tier, text, said)
            return f"Thought: I now can give a great answer\nFinal Answer: {said}"

    async def acall(self, messages: Any, *args: Any, **kwargs: Any) -> str:
        """As `call`: there is nothing to wait for."""
        return self.call(messages, *args, **kwargs)

    def supports_function_calling(self) -> bool:
        """It calls no tools."""
        return False

    def get_input_tokens_count(self, messages: Any, *_: Any, **__: Any) -> int:
        """Counted by the meter."""
        return 0

    def _router(self, read: _Read) -> str:
        return routed(read.ticket, self._faults)

    def _retriever(self, read: _Read) -> str:
        return retrieved(read.found("topics") or {"topics": [], "questions": []}, self._faults, self._shelf)

    def _writer(self, read: _Read) -> str:
        route, passages = read.found("topics"), read.found("pages")
        questions = route["questions"] if route else minds.questions_of(read.ticket)
        answer, fault = spoiled(written(questions, pages_in(passages or {"pages": []})), self._faults)
        return arrives(fault, json.dumps({"answer": answer}), json.dumps({"answer": ""}))

    def _reviewer(self, read: _Read) -> str:
        pages = pages_in(read.found("pages") or {"pages": []})
        answer = str((read.found("answer") or {"answer": ""})["answer"])
        questions = minds.questions_of(read.ticket)
        good = minds.grounded(answer, pages) and minds.addresses(answer, questions)
        fault = self._faults.draw("verify")
        final = answer if good or fault == PASSES else written(questions, pages)
        empty = json.dumps({"approved": True, "final": ""})
        return arrives(fault, json.dumps({"approved": good, "final": final}), empty)


class _Read:
    """A prompt, with what earlier tasks have put into it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.ticket = text.rpartition("<ticket>")[2].partition("</ticket>")[0]

    def found(self, key: str) -> dict[str, Any] | None:
        """The last JSON object that begins with `key`; None without one."""
        at = max(self._text.rfind(f'{{"{key}"'), self._text.rfind(f'{{\n  "{key}"'))
        if at < 0:
            return None
        try:
            value = json.JSONDecoder().raw_decode(self._text, at)[0]
        except ValueError:
            return None
        return value if isinstance(value, dict) else None


def says_something(output: Any) -> tuple[bool, Any]:
    """The writer's guardrail: an answer is not empty."""
    told = output.pydantic.answer if isinstance(output.pydantic, Answer) else output.raw
    return (True, output) if told.strip() else (False, "the answer is empty; write one")


class Sequential:
    """One crew for all tickets. CrewAI counts retries over all that an agent ever does; here each ticket begins anew,
    as with a crew of its own, which takes twice as long."""

    def __init__(self, shelf: Shelf, meter: Meter) -> None:
        without_panels()
        self._llm = Simulated(shelf, meter)
        self._crew = crew_of(self._llm)

    def work(self, asked: Asked, faults: Faults) -> Delivered:
        """A ticket from its queue to its customer."""
        return pushed(asked, faults, lambda ticket: self._kicked_off(ticket, faults), (Exception,))

    def _kicked_off(self, ticket: str, faults: Faults) -> str:
        self._llm.faults = faults
        for agent, task in zip(cast(list[Agent], self._crew.agents), self._crew.tasks, strict=True):
            agent._times_executed = task.retry_count = 0
        done = cast(CrewOutput, self._crew.kickoff(inputs={"ticket": ticket}))
        return done.pydantic.final if isinstance(done.pydantic, Reviewed) else str(done.raw)


def crew_of(llm: Simulated) -> Crew:
    """The crew, as CrewAI's documentation builds one."""
    made: list[Task] = []
    for role, (goal, contract) in ROLES.items():
        agent = Agent(role=role, goal=goal, backstory=f"You are a {role}.", llm=llm, allow_delegation=False)
        task = Task(
            description=f"{goal} <ticket>{{ticket}}</ticket>",
            expected_output=f"JSON: {contract.__name__}",
            agent=agent,
            context=list(made),
            output_pydantic=contract,
            guardrail=(lambda output: says_something(output)) if role == "writer" else None,
        )
        made.append(task)
    agents_ = [task.agent for task in made if task.agent]
    return Crew(agents=agents_, tasks=made, process=Process.sequential, verbose=False, cache=False)
