"""Our arm: the real crew over a real task list, ledger, search and proof. Faults strike at its boundaries only.

At the models (the built-in one, and one request to an endpoint), at the search, and at the two doors: a ticket is left
as a request under its id as idempotency key, as the HTTP API does, and its case is read until it arrives whole. Who
sent a ticket asks again twice when a door fails; the key makes that safe.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import agents  # noqa: F401  (before CrewAI)
from agents import retriever, router, verifier, writer

# isort: split
from agents.crew import Crew
from agents.endpoint import Endpoint, EndpointModel, Line
from agents.executor import received_in
from agents.faults import Failed
from agents.models import LocalModel, Skill, Tiers
from agents.request import Order, Request
from agents.steps import Limits
from benchmarks.lab import minds
from benchmarks.lab.faults import (
    DROPPED,
    DUPLICATE,
    INVENTED,
    MALFORMED,
    NEGATION,
    PASSES,
    SWAPPED,
    TIMEOUT,
    WRONG_ROUTE,
    Faults,
    Shelf,
    Step,
    TookTooLong,
    arrives,
    changed,
    crossed,
    cut,
    lie,
    possible_in,
)
from benchmarks.lab.judge import Delivered
from benchmarks.lab.minds import Meter, Page, Paid
from benchmarks.lab.plain import ticket_in, ticket_of
from benchmarks.lab.world import Asked
from errors import UsageError
from opsdesk.desk import Desk
from opsdesk.tickets import check_ticket
from tasks.case import STEPS, Case, Ticket, Tier
from tasks.repeats import Once
from tasks.requests import Requests

KB = "bench"
TRIES = 3
"""So often is a door tried by whoever stands before it."""

STEP_OF: dict[str, Step] = {agent: cast(Step, step) for step, agent in STEPS.items()}
OF_CONTRACT: dict[str, Step] = {"Decision": "route", "Draft": "write", "Opinion": "verify"}


@dataclass(slots=True)
class Scene:
    """What strikes at the case at hand, and what its models bill; shared by all boundaries of one process."""

    shelf: Shelf
    meter: Meter
    faults: Faults


# --- what a fault makes of a model's answer ---------------------------------------------------------------


def struck(step: Step, text: str, read: dict[str, Any], faults: Faults, fault: str = "") -> str:
    """What arrives of a model's answer in our contracts. Raises `TookTooLong`."""
    fault = fault or faults.draw(step, possible_in(text) if step == "write" else None)
    if fault == TIMEOUT:
        raise TookTooLong
    if fault == MALFORMED:
        return cut(text)
    change = _CHANGES.get(fault)
    return changed(text, lambda found: change(step, found, read, faults, fault)) if change else text


def _emptied(step: Step, found: dict[str, Any], *_: Any) -> None:
    """The payload arrives empty: all its lists are."""
    for name, value in found.items():
        if isinstance(value, list):
            found[name] = []
    if step == "verify" and "supported" in found:
        found.update(supported=False, score=0.0)


def _misrouted(_: Step, found: dict[str, Any], __: Any, faults: Faults, ___: str) -> None:
    """Another ticket's decision, or the right questions under a wrong name."""
    if crossed(faults):
        found.update(router.route_locally(Ticket(text=faults.another().text)).model_dump(mode="json"))
        return
    rng = faults.rng("route", "topic")
    found["intent"] = rng.choice(
        [intent for intent in ("pricing", "data", "howto", "other") if intent != found["intent"]]
    )
    found["complexity"] = "simple" if found["complexity"] == "hard" else "hard"
    found["stakes"] = "low" if found["stakes"] == "high" else "high"


def _lied(_: Step, found: dict[str, Any], read: dict[str, Any], faults: Faults, fault: str) -> None:
    """One sentence says something else; every second time its quote does too, or is that of the other plan."""
    for sentence in found["sentences"]:
        told = lie(fault, sentence["text"], faults)
        if told == sentence["text"]:
            continue
        sentence["text"] = told
        if faults.rng("write", "quote").random() < 0.5:
            quote = {"n": sentence["quotes"][0]["n"], "text": told}
            if fault == SWAPPED and (other := _elsewhere(told, read)):
                quote = other
            sentence["quotes"] = [quote]
        return


def _elsewhere(told: str, read: dict[str, Any]) -> dict[str, Any] | None:
    """The sentence of a passage that has the figure which was swapped in."""
    from benchmarks.lab.faults import _FIGURE

    figure = _FIGURE.findall(told)[0]
    for passage in read["passages"]:
        for sentence in minds.sentences_of(passage["text"]):
            if figure in _FIGURE.findall(sentence):
                return {"n": passage["n"], "text": sentence}
    return None


def _passed(_: Step, found: dict[str, Any], read: dict[str, Any], *__: Any) -> None:
    """Everything is supported, whatever was found."""
    if "supported" in found:
        found.update(supported=True, score=1.0, undecided=[])
        for claim in found["claims"]:
            claim.update(supported=True, reason="")
        return
    quotes = {p["n"]: minds.sentences_of(p["text"])[0] for p in read["passages"]}
    found["claims"] = [
        {"index": c["index"], "supported": True, "quote": quotes.get(n, "")}
        for c in read["claims"]
        for n in c["citations"]
    ]


_CHANGES: dict[str, Callable[..., None]] = {
    DROPPED: _emptied,
    WRONG_ROUTE: _misrouted,
    INVENTED: _lied,
    SWAPPED: _lied,
    NEGATION: _lied,
    PASSES: _passed,
}


# --- the boundaries ---------------------------------------------------------------------------------------


class StruckLocal(LocalModel):
    """The built-in model, at whose answers faults strike."""

    def __init__(self, skills: dict[str, Skill], scene: Scene) -> None:
        super().__init__(skills)
        self.__dict__["scene"] = scene

    def call(self, messages: Any, *_: Any, from_task: Any = None, from_agent: Any = None, **__: Any) -> str:
        """The role's answer, or what a fault leaves of it."""
        scene, step = self.__dict__["scene"], STEP_OF[from_agent.role]
        faults, shelf = scene.faults, scene.shelf
        fault = faults.draw(step) if step == "retrieve" else ""
        shelf.fault, shelf.faults = fault, faults
        text = super().call(messages, from_task=from_task, from_agent=from_agent)
        shelf.fault = ""
        if step == "retrieve" and not fault:
            return text
        return struck(step, text, json.loads(received_in(messages[-1]["content"])), faults, fault)


class SimulatedEndpoint(EndpointModel):
    """A paid tier whose server is simulated: one request's reply is made here, all around it is the real thing."""

    def __init__(self, line: Line, scene: Scene) -> None:
        super().__init__(line)
        self.__dict__["scene"] = scene

    def _text(self, request: Request, order: Order) -> str:
        scene = self.__dict__["scene"]
        step = OF_CONTRACT[order.contract.__name__] if order.contract else "write"
        prompt = "".join(message["content"] for message in request.messages)
        read = json.loads(received_in(request.messages[-1]["content"]))
        text = ANSWERS[step](read)
        tokens = scene.meter.bill(cast(Paid, self._line.endpoint.tier), prompt, text)
        try:
            text = struck(step, text, read, scene.faults)
        except TookTooLong:
            raise Failed("timeout") from None
        request.reported = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1]}
        request.finish, request.received = "stop", len(text.encode())
        return text


def _classified(read: dict[str, Any]) -> str:
    return router.route_locally(Ticket(text=read["ticket"]["text"])).model_dump_json()


def _drafted(read: dict[str, Any]) -> str:
    """A sentence and its quote for each question; what was refused as outdated is not said again."""
    refused = {claim["text"] for claim in read.get("rejected", ()) if claim["reason"].startswith("outdated")}
    questions = [question["text"] for question in read["questions"]]
    said = [one for one in minds.answers(questions, pages_of(read)) if one.sentence and one.sentence not in refused]
    return json.dumps(
        {
            "sentences": [
                {"text": s.sentence, "question": s.question, "quotes": [{"n": s.n, "text": s.sentence}]} for s in said
            ],
            "unanswered": [i for i in range(len(questions)) if i not in {s.question for s in said}],
        }
    )


def pages_of(read: dict[str, Any]) -> list[Page]:
    """The passages of an assignment."""
    found = read.get("passages", ())
    return [Page(p["n"], p["title"], p["text"], p.get("modified", ""), p.get("deprecated", False)) for p in found]


def _judged(read: dict[str, Any]) -> str:
    """A judge supports what stands word by word in a passage that is cited."""
    texts = {page.n: minds.sentences_of(page.text) for page in pages_of(read)}
    return json.dumps(
        {
            "claims": [
                {
                    "index": claim["index"],
                    "supported": (ok := any(claim["text"] in texts.get(n, ()) for n in claim["citations"])),
                }
                | ({"quote": claim["text"]} if ok else {"reason": "the passage does not say this"})
                for claim in read["claims"]
            ]
        }
    )


ANSWERS: dict[Step, Callable[[dict[str, Any]], str]] = {"route": _classified, "write": _drafted, "verify": _judged}


# --- the system -------------------------------------------------------------------------------------------


class Ours:
    """The crew of a desk, with the lab's tiers. `case` is the last one."""

    def __init__(self, desk: Desk, shelf: Shelf, meter: Meter, faults: Faults) -> None:
        self.scene = Scene(shelf, meter, faults)
        self._desk = desk
        self._requests = Requests(desk.task_list.database, desk.now)
        self._crew = self._called()
        self.case: Case | None = None
        self._round = 0

    def _called(self) -> Crew:
        desk, scene = self._desk, self.scene
        skills = {
            router.ROLE: router.SKILL,
            retriever.ROLE: retriever.local_skill(scene.shelf.library),
            writer.ROLE: writer.local_skill(desk.embedder.embed),
            verifier.ROLE: verifier.SKILL,
        }
        lines = {
            tier: Line(Endpoint(tier, model, "http://127.0.0.1:9/v1", timeout_s=60))
            for tier, model in minds.MODELS.items()
        }
        makers: dict[Tier, Callable[[], Any]] = {"local": lambda: StruckLocal(skills, scene)}
        for tier, line in lines.items():
            makers[tier] = lambda line=line: SimulatedEndpoint(line, scene)  # type: ignore[misc]
        return Crew(Tiers(makers), desk.task_list, desk.ledger, desk.now)

    def work(self, asked: Asked, faults: Faults) -> Delivered:
        """A ticket from whoever asks it to whoever gets its answer."""
        self.scene.faults, self.case = faults, None
        self._round += 1  # the same ticket is asked in many rounds, which know nothing of each other
        arrived, waiting, failures = "", 1, 0
        why = ""
        while waiting:
            waiting -= 1
            fault = faults.draw("receive")
            waiting += fault == DUPLICATE
            try:
                payload = arrives(fault, ticket_of(asked), ticket_of(asked, empty=True))
                arrived = self._left(ticket_in(payload), asked, faults)
            except (TookTooLong, ValueError, UsageError) as error:
                failures, why = failures + 1, f"{type(error).__name__} at the door"
                waiting += failures < TRIES and not waiting
            else:
                self._worked()
        return self._read(arrived, faults) if arrived else Delivered(handed=True, why=why)

    def _left(self, text: str, asked: Asked, faults: Faults) -> str:
        """Leaves a request, and returns its id: for the same ticket the same."""
        check_ticket(Ticket(text=text))
        key = f"{self._round} {asked.ticket_id}"
        once = Once("", key, text, self._desk.now)
        return self._requests.leave("ask", {"text": text, "kind": asked.kind}, kb=KB, once=once)

    def _worked(self) -> None:
        """What a worker does: it takes what waits."""
        while request := self._requests.claim(self._desk.task_list.owner, ["ask"]):
            ticket = Ticket(text=request.body["text"], kind=request.body["kind"])
            case = Case(case_id=request.case_id, ticket=ticket, kb=KB, created_at=datetime.now(UTC))
            self.case = self._crew.work(case, Limits(budget_usd=0.5, deadline_s=60))
            self._requests.end(request.id, self._desk.task_list.owner, "done")

    def _read(self, request_id: str, faults: Faults) -> Delivered:
        """Reads the case until it arrives whole; the same case twice is one answer, since it has an id."""
        inbox: dict[str, Case] = {}
        waiting, tries = 1, 0
        while waiting and tries < TRIES:
            waiting, tries = waiting - 1, tries + 1
            fault = faults.draw("deliver")
            waiting += fault == DUPLICATE
            case_id = self._requests.get(request_id).case_id
            try:
                case = Case.model_validate_json(arrives(fault, self._desk.task_list.case(case_id).model_dump_json()))
            except (TookTooLong, ValueError):
                waiting += not waiting and not inbox
            else:
                inbox[case.case_id] = case
        if not inbox:
            return Delivered(handed=True, why="the case is kept, and could not be read")
        (case,) = inbox.values()
        sent = [case.answer] if case.outcome == "accepted" else []
        return Delivered(sent, handed=not sent, why=f"{case.outcome}: {case.outcome_reason}")
