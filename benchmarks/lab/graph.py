"""LangGraph's arm: a router graph with a retry loop, as its tutorials build it (adaptive RAG), on six nodes.

receive -> route -> retrieve -> draft -> grade -> deliver, each with a RetryPolicy. A draft that the grader finds not
grounded is written again by the dearer model; one that does not speak of what is asked is retrieved anew, with the
questions taken from the ticket. After three drafts a person gets it. The grader compares word by word, so it makes no
mistakes of its own.
"""

from __future__ import annotations

import json
from typing import Any, TypedDict

from benchmarks.lab import minds
from benchmarks.lab.faults import DUPLICATE, PASSES, Faults, Shelf, TookTooLong, arrives
from benchmarks.lab.judge import Delivered
from benchmarks.lab.minds import Meter, Paid
from benchmarks.lab.plain import (
    EXPECTED,
    pages_in,
    retrieved,
    routed,
    spoiled,
    ticket_in,
    ticket_of,
    written,
)
from benchmarks.lab.world import TOPICS, Asked

DRAFTS = 3


class State(TypedDict, total=False):
    """What passes from node to node."""

    ticket: str
    route: dict[str, Any]
    passages: dict[str, Any]
    answer: str
    drafts: int
    tier: Paid
    grade: str
    sent: list[str]
    handed: str


class Graph:
    """The compiled graph; `faults` are those of the ticket at hand."""

    def __init__(self, shelf: Shelf, meter: Meter) -> None:
        self._shelf, self._meter = shelf, meter
        self._asked: Asked
        self._faults: Faults
        self._deliveries = 0
        self._compiled = self._compile()

    def work(self, asked: Asked, faults: Faults) -> Delivered:
        """A ticket from its queue to its customer, once for each time that it is delivered."""
        self._asked, self._faults, self._deliveries = asked, faults, 1
        delivered = Delivered()
        while self._deliveries:
            self._deliveries -= 1
            try:
                state = self._compiled.invoke({"drafts": 0, "tier": "cheap", "sent": []})
            except EXPECTED as error:
                delivered.handed, delivered.why = True, f"{type(error).__name__}: {error}"
                continue
            delivered.messages += state["sent"]
            if why := state.get("handed"):
                delivered.handed, delivered.why = True, why
        return delivered

    def _compile(self) -> Any:
        from langgraph.graph import END, START, StateGraph
        from langgraph.types import RetryPolicy

        retry = RetryPolicy(initial_interval=0.0, max_attempts=3, jitter=False, retry_on=(TookTooLong, ValueError))
        graph = StateGraph(State)
        nodes: dict[str, Any] = {
            "receive": self._receive,
            "route": self._route,
            "retrieve": self._retrieve,
            "draft": self._draft,
            "grade": self._grade,
            "deliver": self._deliver,
            "person": lambda _: {"handed": "three drafts were refused"},
        }
        for name, node in nodes.items():
            graph.add_node(name, node, retry_policy=retry)
        for before, after in zip([START, "receive", "route", "retrieve", "draft"], list(nodes)[:5], strict=True):
            graph.add_edge(before, after)
        graph.add_conditional_edges("grade", lambda state: state["grade"], ["deliver", "draft", "retrieve", "person"])
        graph.add_edge("deliver", END)
        graph.add_edge("person", END)
        return graph.compile()

    def _receive(self, _: State) -> State:
        fault = self._faults.draw("receive")
        self._deliveries += fault == DUPLICATE
        return {"ticket": ticket_in(arrives(fault, ticket_of(self._asked), ticket_of(self._asked, empty=True)))}

    def _route(self, state: State) -> State:
        self._meter.bill("cheap", state["ticket"], "{}")
        route = json.loads(routed(state["ticket"], self._faults))
        return {"route": route, "tier": "frontier" if len(route["questions"]) > 1 else "cheap"}

    def _retrieve(self, state: State) -> State:
        return {"passages": json.loads(retrieved(state["route"], self._faults, self._shelf))}

    def _draft(self, state: State) -> State:
        answer = written(state["route"]["questions"], pages_in(state["passages"]))
        self._meter.bill(state["tier"], state["ticket"] + json.dumps(state["passages"]), answer)
        answer, fault = spoiled(answer, self._faults)
        return {"answer": arrives(fault, answer), "drafts": state["drafts"] + 1}

    def _grade(self, state: State) -> State:
        pages, questions = pages_in(state["passages"]), minds.questions_of(state["ticket"])
        self._meter.bill("cheap", state["answer"] + json.dumps(state["passages"]), "{}")
        grounded, useful = minds.grounded(state["answer"], pages), minds.addresses(state["answer"], questions)
        fault = self._faults.draw("verify")
        if fault == PASSES:
            return {"grade": "deliver"}
        verdict = json.loads(arrives(fault, json.dumps({"grounded": grounded, "useful": useful}), "{}"))
        if verdict.get("grounded") and verdict.get("useful"):
            return {"grade": "deliver"}
        if state["drafts"] >= DRAFTS:
            return {"grade": "person"}
        if not verdict.get("grounded"):
            return {"grade": "draft", "tier": "frontier"}
        return {"grade": "retrieve", "tier": "frontier", "route": {"topics": list(TOPICS), "questions": questions}}

    def _deliver(self, state: State) -> State:
        fault = self._faults.draw("deliver")
        return {"sent": [arrives(fault, state["answer"])] * (1 + (fault == DUPLICATE))}
