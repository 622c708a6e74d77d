"""`python -m benchmarks.floor`: what a batch takes at least, of the libraries that it is built on, beside ours.

For each ticket a durable DBOS workflow of four steps, as `opsdesk.durable` has it, and nothing else: no search, no
proof, no task list, no budget. Then in each step a CrewAI agent's one call, answered at once by a fixed text, in a flow
of four methods. Then the same with the writer's call made by the `openai` client to the simulated endpoint, which
takes a second, 64 at once; all of it on as many processes as there are cores, with the turns of `agents.turns`. Below
them the same machine's `opsdesk draft`. What the floor does not reach, nothing built on these parts can.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from multiprocessing.synchronize import Barrier
from pathlib import Path
from threading import local
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa
from dbos import DBOS, SetWorkflowID

from agents.executor import execute, new_agent
from agents.here import run_here
from agents.turns import Turns, aside, in_turn
from benchmarks.batch import AT_ONCE, Home, offline, paid
from benchmarks.bench import show, side_by_side, simulator
from benchmarks.chaos import MODEL, PRICE
from benchmarks.overhead import Fixed
from benchmarks.places import places
from opsdesk.durable import AT_A_TIME, launch
from tasks.case import STEPS, StepName, Verdict

Layer = Literal["DBOS", "DBOS, CrewAI", "DBOS, CrewAI, 1 s a call"]
LAYERS: tuple[Layer, ...] = ("DBOS", "DBOS, CrewAI", "DBOS, CrewAI, 1 s a call")
ANSWER = json.dumps({"sentences": [{"text": "The Pro plan costs $49 per seat per month.", "quotes": [1] * 40}]})
WARM = 20
"""Tickets of each process before the clock starts."""

Step = Callable[[str, Callable[[], dict[str, Any]]], Any]


class Share(NamedTuple):
    """One process's part: so many tickets, `threads` at once."""

    number: int
    layer: Layer
    url: str
    base_url: str
    tickets: int
    threads: int


class Process:
    """A process that works tickets as a worker does."""

    def __init__(self, share: Share) -> None:
        self._share, self._turns, self._of_thread = share, Turns(AT_A_TIME), local()
        self._numbers = itertools.count()
        self.ends: list[float] = []
        self._pool = ThreadPoolExecutor(share.threads)  # its threads keep their agents

        @DBOS.workflow(name="floor")
        def ticket(number: int) -> None:
            self._work(lambda name, do: DBOS.run_step({"name": name}, do))

        self._ticket = ticket
        launch(sa.make_url(share.url), f"floor-{share.number}")

    def run(self, count: int) -> None:
        """Works so many tickets to their ends."""
        for _ in self._pool.map(self._one, itertools.islice(self._numbers, count)):
            pass

    def _one(self, number: int) -> None:
        with in_turn(self._turns), SetWorkflowID(f"{self._share.layer}:{self._share.number}:{number}"):
            self._ticket(number)
        self.ends.append(time.monotonic())

    def _work(self, step: Step) -> None:
        if self._share.layer == "DBOS":
            for name in STEPS:
                step(name, lambda: {"text": ANSWER})
            return
        if not hasattr(self._of_thread, "four"):
            self._of_thread.four = four_agents(self._share.base_url if self._share.layer == LAYERS[-1] else "")
        self._of_thread.four(step)


def four_agents(base_url: str) -> Callable[[Step], None]:
    """A flow of four CrewAI agents, each with one call a step; with `base_url` the third one's goes there."""
    from crewai.flow.flow import Flow, FlowState, listen, start
    from openai import OpenAI

    client = OpenAI(base_url=base_url or "http://127.0.0.1:9", api_key="sk-simulated-123456", max_retries=0)

    class Paid(Fixed):
        """Asks the endpoint."""

        def call(self, messages: Any, *_: Any, **__: Any) -> str:
            with aside():
                told = client.chat.completions.create(model=MODEL, messages=messages)
            return told.choices[0].message.content or ""

    class State(FlowState):
        """Nothing: as in `agents.order`."""

    def agent(role: str, llm: type[Fixed]) -> Any:
        return new_agent(role, "as ours", "as ours", llm(ANSWER))

    crew = {name: agent(name, Paid if base_url and name == "write" else Fixed) for name in STEPS}

    class Four(Flow[State]):
        """Four agents, one after the other."""

        _skip_auto_memory: bool = True

        def __init__(self, step: Step) -> None:
            super().__init__(initial_state=State, suppress_flow_events=True, tracing=False)
            self._step = step

        def _do(self, name: StepName) -> None:
            self._step(name, lambda: {"text": execute(crew[name], name, "How much is the Pro plan?", Verdict)})

        @start()
        def route(self) -> None:
            self._do("route")

        @listen(route)
        def retrieve(self) -> None:
            self._do("retrieve")

        @listen(retrieve)
        def write(self) -> None:
            self._do("write")

        @listen(write)
        def verify(self) -> None:
            self._do("verify")

    return lambda step: run_here(Four(step))


def _process(share: Share, together: Barrier, told: Any) -> None:
    process = Process(share)
    process.run(max(WARM, 2 * share.threads))
    together.wait()
    process.ends.clear()
    began = time.process_time()
    process.run(share.tickets)
    told.put((time.process_time() - began, process.ends[0], process.ends[-1]))
    together.wait()
    told.close()
    told.join_thread()
    os._exit(0)  # DBOS waits for its threads


def floor(layer: Layer, url: str, base_url: str, count: int) -> dict[str, float]:
    """Tickets a second of as many processes as there are cores, from the first one's end to the last one's; CPU
    milliseconds a ticket of the processes, without servers."""
    cores = os.cpu_count() or 2
    threads = AT_ONCE // cores if layer == LAYERS[-1] else 1
    shares = [Share(n, layer, url, base_url, count // cores, threads) for n in range(cores)]
    ended = side_by_side(_process, [(share,) for share in shares])
    tickets = count // cores * cores
    rate = (tickets - 1) / (max(last for _, _, last in ended) - min(first for _, first, _ in ended))
    found = {"rate": rate, "cpu_ms_per_ticket": sum(cpu for cpu, _, _ in ended) / tickets * 1000}
    return {**found, "of_ideal": rate / AT_ONCE} if layer == LAYERS[-1] else found


def rows(kind: str, options: argparse.Namespace) -> Iterator[tuple[str, dict[str, float]]]:
    """The floor's layers and ours, on one kind of database."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="floor")))
        url = stack.enter_context(places(kind, folder)).url
        config = folder / "sim.json"
        config.write_text(json.dumps({MODEL: {"price": PRICE, "latency_s": 1.0}}))
        with simulator(config) as base_url:
            for layer in LAYERS:
                yield f"{kind}: {layer}", floor(layer, url, base_url, options.tickets)
        if options.ours:
            home = Home(folder, None, options.ours)
            wanted = ("rate", "cpu_ms_per_ticket", "of_ideal")
            for name, ran in (("offline", offline), ("1 s a call", paid)):
                found = ran(home, url, options.ours)
                yield f"{kind}: ours, {name}", {column: found[column] for column in wanted if column in found}


def main() -> None:
    """Prints the table, or one JSON value with `--json`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.floor", description=__doc__)
    parser.add_argument("--tickets", type=int, default=1_000, help="of each layer")
    parser.add_argument("--ours", type=int, default=640, help="tickets of `opsdesk draft`; 0 leaves it out")
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    kinds = ("sqlite", "postgresql") if options.database == "both" else (options.database,)
    show({name: row for kind in kinds for name, row in rows(kind, options)}, options.json)


if __name__ == "__main__":
    main()
