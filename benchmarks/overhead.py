"""What the crew itself costs, with the agents' answers taken as given.

The same four steps, each answering at once with a fixed text: as LangGraph nodes, as a sequential CrewAI
`Crew`, as our Flow of four Tasks with nothing kept, and as our whole `Crew.work` on a SQLite task list.
CPU time of the process per case, median over warm runs that take turns, so that a busy machine hits all alike. Then
memory: the most that a case takes while it runs, and what it leaves behind.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict, cast

import agents  # noqa: F401  (before CrewAI)

# isort: split
from crewai.llms.base_llm import BaseLLM
from pydantic import PrivateAttr

from agents import retriever, router, verifier, writer
from agents.crew import Crew
from agents.models import LocalModel, Skill, Tiers
from agents.steps import Limits
from opsdesk.settings import Settings
from tasks.case import Case, Claim, Draft, Found, Passage, Question, Quote, Sentence, Ticket, Verdict
from tasks.ledger import Ledger
from tasks.task_list import TaskList

QUESTION = "How much is the Pro plan?"
TEXT = "The Pro plan costs $49 per seat per month."


def main() -> None:
    """Prints the table, or one JSON value with `--json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CREWAI_STORAGE_DIR"] = folder  # a plain Crew keeps its task outputs there
        variants: dict[str, Callable[[], Any]] = {
            "LangGraph, four nodes": langgraph(),
            "CrewAI, sequential Crew": sequential_crew(),
            "ours, Flow + four Tasks": ours(cast(TaskList, KeepsNothing())),
            "ours, kept in SQLite": ours(TaskList(f"sqlite:///{Path(folder) / 'opsdesk.sqlite'}")),
        }
        measured = measure(variants, options.runs)
        for name, run in variants.items():
            measured[name] |= memory(run, min(20, options.runs))
    if options.json:
        print(json.dumps(measured))
        return
    ours_ms = measured["ours, Flow + four Tasks"]["cpu_ms"]
    names = f"{'CPU ms':>8}{'wall ms':>9}{'ratio':>8}{'peak kB':>9}{'left kB':>9}"
    print(f"{'per case, median of ' + str(options.runs):<30}{names}")
    for name, row in measured.items():
        times = f"{row['cpu_ms']:>8.1f}{row['wall_ms']:>9.1f}{row['cpu_ms'] / ours_ms:>8.2f}"
        print(f"{name:<30}{times}{row['peak_kb']:>9.0f}{row['left_kb']:>9.1f}")


def measure(variants: dict[str, Callable[[], Any]], runs: int, warm: int = 10) -> dict[str, dict[str, float]]:
    """Median CPU and wall milliseconds of each variant; variants take turns."""
    cpu: dict[str, list[float]] = {name: [] for name in variants}
    wall: dict[str, list[float]] = {name: [] for name in variants}
    for turn in range(warm + runs):
        for name, run in variants.items():
            began_cpu, began = time.process_time(), time.perf_counter()
            run()
            if turn >= warm:
                cpu[name].append((time.process_time() - began_cpu) * 1000)
                wall[name].append((time.perf_counter() - began) * 1000)
    return {
        name: {"cpu_ms": statistics.median(cpu[name]), "wall_ms": statistics.median(wall[name])} for name in variants
    }


def memory(run: Callable[[], Any], runs: int) -> dict[str, float]:
    """Kilobytes of Python's own: the median of what a case takes at most, and what each leaves behind."""
    gc.collect()
    tracemalloc.start()
    try:
        first, peaks = tracemalloc.get_traced_memory()[0], []
        for _ in range(runs):
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            run()
            peaks.append(tracemalloc.get_traced_memory()[1] - before)
        gc.collect()
        left = (tracemalloc.get_traced_memory()[0] - first) / runs
    finally:
        tracemalloc.stop()
    return {"peak_kb": statistics.median(peaks) / 1000, "left_kb": left / 1000}


def given() -> dict[str, Skill]:
    """The four agents' answers, taken as given."""
    found = {"doc_id": "plans.md", "chunk_id": "plans.md#1", "title": "Plans", "locator": "line 1"}
    passage = Passage.model_validate({**found, "n": 1, "text": TEXT, "score": 1.0, "questions": [0]})
    decision = router.Decision(
        intent="pricing", complexity="simple", stakes="high", reasons=["given"], questions=[Question(text=QUESTION)]
    )
    draft = Draft(sentences=[Sentence(text=TEXT, quotes=[Quote(n=1, text=TEXT)])])
    verdict = Verdict(supported=True, score=1, claims=[Claim(text=TEXT, supported=True, citations=[1])])
    return {
        router.ROLE: Skill(Ticket, lambda _: decision),
        retriever.ROLE: Skill(retriever.Wanted, lambda _: Found(passages=[passage.model_copy()], reasons=["given"])),
        writer.ROLE: Skill(writer.Assignment, lambda _: draft),
        verifier.ROLE: Skill(verifier.Submission, lambda _: verdict),
    }


class KeepsNothing:
    """A task list that writes nowhere, so that the flow is measured without its database."""

    database, owner = None, ""

    def open_case(self, case: Case) -> None:
        """Forgets it."""

    close = open_case

    def start(self, case: Case, name: Any) -> None:
        """Counts the attempt."""
        case.task(name).attempts += 1

    def record(self, case: Case, handoff: Any) -> None:
        """Appends the handoff."""
        case.handoffs.append(handoff)


def ours(task_list: TaskList) -> Callable[[], Case]:
    """Our crew over `task_list`."""
    skills = given()
    reference = Settings.model_fields["reference_model"].default
    crew = Crew(Tiers({"local": lambda: LocalModel(skills)}), task_list, Ledger(reference))
    numbers = iter(range(1_000_000))

    def run() -> Case:
        case = Case(case_id=f"c-{next(numbers)}", ticket=Ticket(text=QUESTION), kb="kb", created_at=datetime.now(UTC))
        crew.work(case, Limits(budget_usd=1, deadline_s=60))
        assert case.outcome == "accepted"
        return case

    return run


def sequential_crew() -> Callable[[], Any]:
    """CrewAI's own way, one ticket after the other."""
    kickoff: Callable[[], Any] = plain_crew().kickoff
    return kickoff


class Fixed(BaseLLM):
    """Answers at once with the same text, whatever is asked."""

    _answer: str = PrivateAttr()

    def __init__(self, answer: str) -> None:
        super().__init__(model="fixed", provider="fixed")
        self._answer = answer

    def call(self, messages: Any, *_: Any, **__: Any) -> str:
        """The text."""
        return self._answer

    async def acall(self, messages: Any, *_: Any, **__: Any) -> str:
        """The text."""
        return self._answer

    def supports_function_calling(self) -> bool:
        """It calls no tools."""
        return False

    def get_input_tokens_count(self, messages: Any, *_: Any, **__: Any) -> int:
        """None, or CrewAI warns of its own estimate at every call."""
        return 0


def plain_crew() -> Any:
    """One `Crew` of four agents and four tasks, its stock executor, our silent model."""
    from crewai import Agent, Process, Task
    from crewai import Crew as PlainCrew

    llm = Fixed("Thought: done.\nFinal Answer: " + TEXT)
    workers = [
        Agent(role=role, goal="as ours", backstory="as ours", llm=llm, allow_delegation=False, cache=False)
        for role in given()
    ]
    tasks = [Task(description=QUESTION, expected_output="an answer", agent=worker) for worker in workers]
    return PlainCrew(agents=workers, tasks=tasks, process=Process.sequential, verbose=False, memory=False, cache=False)


def langgraph() -> Callable[[], Any]:
    """The same four nodes in LangGraph, passing plain dictionaries."""
    from langgraph.graph import END, START, StateGraph

    class State(TypedDict):
        text: str
        answer: str

    graph = StateGraph(State)
    names = ["route", "retrieve", "write", "verify"]
    for name in names:
        graph.add_node(name, lambda _: {"answer": TEXT})
    for before, after in zip([START, *names], [*names, END], strict=True):
        graph.add_edge(before, after)
    compiled = graph.compile()
    return lambda: compiled.invoke({"text": QUESTION, "answer": ""})


if __name__ == "__main__":
    main()
