"""What ways of choosing a model cost, and what they let out: simulated models over real HTTP, at real list prices.

500 tickets: the sample's, scenarios of bank customers and messages to a bank (the last two with `--data`, else the
sample's again in other words of order). The cheap model tells a lie in `--wrong` of its drafts, the frontier model in
2%: each is an honest draft from the passages with one lie of `benchmarks.lies`, of every kind that changes the text,
drawn anew for a revision. So "right" means: accepted, and without a lie. Nothing else is judged.

"frontier", "cheap", "random", "router only": one call a ticket, sent as it is. "cascade only": the proof, a revision
and one escalation, always from the cheap model up. "ours": the router, then the same. "frontier, proven": every draft
by the frontier model, with the proof. All share one retrieval; what it does not find nobody answers.

"usd": per 1,000 tickets. "saved": against "frontier", with a 95% interval over tickets (bootstrap). "seconds": of
model calls a ticket, at 1.5 s for a cheap one and 4 s for one of the frontier; arithmetic, no measurement.
"""

from __future__ import annotations

import csv
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import numpy as np

from benchmarks.bench import arguments, nano_prices, show, simulator
from opsdesk.demo import SAMPLE
from opsdesk.desk import Desk
from opsdesk.llms import makers
from opsdesk.settings import Settings, TierSettings, TiersSettings
from tasks.case import Case, Passage, Ticket, Tier
from tests.simulator.mind import USUAL_LIES

CHEAP, FRONTIER = "gpt-6-luna", "gpt-6.1-sol"
SECONDS: dict[Tier, float] = {"local": 0.0, "cheap": 1.5, "mid": 2.5, "frontier": 4.0}
TEXT_LIES = tuple(lie for lie in USUAL_LIES if lie not in ("passage not given",))
"""The kinds that change what a reader reads."""


@dataclass(slots=True)
class Result:
    """What became of one ticket under one way. `fate`: "right", "wrong", "person" or "nobody" (nothing was found)."""

    fate: str
    usd: float
    seconds: float
    tiers: list[Tier] = field(default_factory=list)


Way = Callable[[str, Ticket], Result]


def main() -> None:
    """Prints the table, or one JSON value with `--json`."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--data", type=Path, help="a folder with bank_policies and customer_messages.csv")
    parser.add_argument("--tickets", type=int, default=500)
    parser.add_argument(
        "--wrong", type=float, nargs="+", default=[0.15, 0.05, 0.30], help="of the cheap model's drafts"
    )
    parser.add_argument("--frontier-wrong", type=float, default=0.02)
    parser.add_argument("--threads", type=int, default=4)
    options = parser.parse_args()
    found: dict[str, dict[str, dict[str, float]]] = {}
    with stage(options.data) as set_:
        tickets = tickets_of(options.data, options.tickets)
        for i, wrong in enumerate(options.wrong):
            told = set_.models(wrong, options.frontier_wrong)
            names = None if i == 0 else ("frontier", "frontier, proven", "cascade only", "ours")
            ways = {name: way for name, way in set_.ways(told).items() if names is None or name in names}
            rows = {name: run(set_, name, way, tickets, options.threads) for name, way in ways.items()}
            found[f"{wrong:.0%}"] = summed(rows)
    if options.json:
        print(json.dumps(found))
        return
    for wrong, table in found.items():
        show(table, False, f"cheap wrong {wrong}")
        print()


def run(set_: Stage, name: str, way: Way, tickets: Sequence[tuple[str, Ticket]], threads: int) -> list[Result]:
    """The fate of each ticket, in order. Prompts that another way has sent are not in the models' caches any more."""
    began = time.monotonic()
    set_.forget()
    with ThreadPoolExecutor(threads) as pool:
        results = list(pool.map(lambda pair: way(*pair), tickets))
    print(f"{name}: {len(results)} tickets in {time.monotonic() - began:.0f} s", file=sys.stderr)
    return results


def summed(rows: dict[str, list[Result]]) -> dict[str, dict[str, float]]:
    """Shares, costs and savings by way."""
    base = np.array([result.usd for result in rows["frontier"]])
    return {name: _row(results, base) for name, results in rows.items()}


def _row(results: Sequence[Result], base: np.ndarray[Any, Any]) -> dict[str, float]:
    usd, count = np.array([result.usd for result in results]), len(results)
    drawn = np.random.default_rng(1).integers(0, count, (2_000, count))
    savings = 1 - usd[drawn].sum(axis=1) / base[drawn].sum(axis=1)
    low, high = np.quantile(savings, [0.025, 0.975])
    shares = {fate: sum(r.fate == fate for r in results) / count for fate in ("right", "wrong", "person", "nobody")}
    cheap = sum(bool(r.tiers) and "frontier" not in r.tiers for r in results)
    return {
        "usd": float(usd.sum()) / count * 1_000,
        "saved": float(1 - usd.sum() / base.sum()),
        "from": float(low),
        "to": float(high),
        **shares,
        "no frontier": cheap / max(1, sum(bool(r.tiers) for r in results)),
        "seconds": sum(r.seconds for r in results) / count,
    }


# --- the tickets ----------------------------------------------------------------------------------------


def tickets_of(data: Path | None, count: int) -> list[tuple[str, Ticket]]:
    """Knowledge bases and tickets: the sample's, bank scenarios, and messages drawn from all of them."""
    lines = (SAMPLE / "tickets.jsonl").read_text(encoding="utf-8").splitlines()
    own = [json.loads(line) for line in lines]
    found = [("sample", Ticket(text=t["body"], subject=t["subject"], customer=t["customer"])) for t in own]
    if data is None:
        repeated = (("sample", Ticket(text=f"{t['body']} ({n})")) for n in range(count) for t in own)
        return [*found, *repeated][:count]
    scenarios = (data / "bank_policies" / "scenarios.jsonl").read_text(encoding="utf-8").splitlines()
    found += [("bank", Ticket(text=json.loads(line)["text"][:4_000])) for line in scenarios]
    with (data / "customer_messages.csv").open(encoding="utf-8", newline="") as file:
        messages = [row["text"] for row in csv.DictReader(file)]
    left = max(0, count - len(found))
    found += [("bank", Ticket(text=text)) for text in Random(1).sample(messages, min(left, len(messages)))]
    return found[:count]


# --- the stage ------------------------------------------------------------------------------------------


class Stage:
    """A desk over the documents and a simulator in a process of its own."""

    def __init__(self, desk: Desk, url: str) -> None:
        self.desk, self.url = desk, url
        self._makers = {kb.kb: makers(desk, kb.kb) for kb in desk.knowledge_bases()}
        self._retrieved: dict[str, Callable[[str], Any]] = {}

    def models(self, wrong: float, frontier_wrong: float) -> Callable[[], set[str]]:
        """Sets how the models behave; returns how to ask which lies they told."""
        set_ = {
            model: {"wrong": share, "price": nano_prices(model), "cache": True, "lies": TEXT_LIES}
            for model, share in ((CHEAP, wrong), (FRONTIER, frontier_wrong))
        }
        httpx.post(f"{self.url}/control", json=set_).raise_for_status()
        return lambda: {told["text"] for told in httpx.get(f"{self.url}/told", timeout=60).json()["told"]}

    def forget(self) -> None:
        """Empties the models' prompt caches."""
        httpx.post(f"{self.url}/forget", json={}).raise_for_status()

    def ways(self, told: Callable[[], set[str]]) -> dict[str, Way]:
        """Every way, by name."""
        both: tuple[Tier, ...] = ("local", "cheap", "frontier")
        rng = Random(2)
        sides: tuple[Tier, Tier] = ("cheap", "frontier")
        coin = lru_cache(None)(lambda text: rng.choice(sides))
        return {
            "frontier": self._plain(lambda _: "frontier", told),
            "cheap": self._plain(lambda _: "cheap", told),
            "random": self._plain(lambda ticket: coin(ticket.text), told),
            "router only": self._plain(self._routed, told),
            "cascade only": self._crew(both, told, always="cheap"),
            "ours": self._crew(both, told),
            "frontier, proven": self._crew(("local", "frontier"), told, always="frontier"),
        }

    def _crew(self, tiers: Sequence[Tier], told: Callable[[], set[str]], always: Tier | None = None) -> Way:
        from agents.crew import Crew, Dial
        from agents.models import Tiers
        from agents.routing import Choice
        from agents.steps import Limits

        dial = Dial(decide=lambda *_, **__: Choice(always, ["always"], 1.0, 0.0)) if always else Dial()
        crews = {
            kb: Crew(
                Tiers({t: m for t, m in makers.items() if t in tiers}), self.desk.task_list, self.desk.ledger, dial=dial
            )
            for kb, makers in self._makers.items()
        }
        numbers = iter(range(10**9))
        name = f"{always}-{len(tiers)}-{time.monotonic_ns()}"

        def way(kb: str, ticket: Ticket) -> Result:
            number = f"{abs(hash((name, next(numbers)))):x}"
            case = Case(case_id=f"c-{number}", ticket=ticket, kb=kb, created_at=self.desk.now())
            return _fate(crews[kb].work(case, Limits(budget_usd=1, deadline_s=120)), told())

        return way

    def _plain(self, choose: Callable[[Ticket], Tier], told: Callable[[], set[str]]) -> Way:
        """One call a ticket, whose draft is sent as it is."""
        from agents.endpoint import EndpointModel
        from agents.executor import describe, parse
        from agents.request import Order
        from agents.router import route_locally
        from agents.writer import INSTRUCTION, MAX_TOKENS, PROMPT, Assignment
        from tasks.case import Draft

        def way(kb: str, ticket: Ticket) -> Result:
            decision = route_locally(ticket)
            passages = self.retrieve(kb, decision.questions)
            if not passages:
                return Result("nobody", 0.0, 0.0)
            tier = choose(ticket)
            model = EndpointModel(self.desk.lines[tier])
            model.order = Order(time.monotonic() + 60, MAX_TOKENS, contract=Draft)
            given = Assignment(ticket=ticket, questions=decision.questions, passages=passages)
            prompt = describe(INSTRUCTION, given, short=True)
            messages = [{"role": "system", "content": PROMPT}, {"role": "user", "content": prompt}]
            draft = parse(model.call(messages), Draft)
            cost = self.desk.ledger.cost(tier, model.model, model.taken).cost_usd
            lies = told()
            wrong = any(sentence.text in lies for sentence in draft.sentences)
            fate = "nobody" if not draft.sentences else "wrong" if wrong else "right"
            return Result(fate, cost or 0.0, SECONDS[tier], [tier])

        return way

    def _routed(self, ticket: Ticket) -> Tier:
        from agents.experience import Experience
        from agents.router import route_locally
        from agents.routing import USUAL, Offer, decide

        experience = Experience()
        offers = [Offer("local", "", 0.0, 0.0, 0.1)]
        for tier, paid in self.desk.tiers.items():
            read, _, written = nano_prices(paid.model)
            offers.append(Offer(tier, paid.model, read / 1e9, written / 1e9, experience.seconds(tier, paid.model)))
        return decide(
            route_locally(ticket), ticket, offers, experience, "balanced", tokens=USUAL, usd_left=1, seconds_left=120
        ).tier

    def retrieve(self, kb: str, questions: Sequence[Any]) -> list[Passage]:
        """What the retriever finds that a customer may see."""
        from agents import retriever

        if kb not in self._retrieved:
            searcher = self.desk.searcher(kb)
            library = retriever.Library(searcher.findings, searcher.siblings, searcher.public)
            skill = retriever.local_skill(lambda: library)
            self._retrieved[kb] = lru_cache(None)(lambda wanted: skill.do(retriever.Wanted.model_validate_json(wanted)))
        found = self._retrieved[kb](
            retriever.Wanted(questions=list(questions), ticket=Ticket(text="")).model_dump_json()
        )
        return [passage for passage in found.passages if not passage.internal]


def _fate(case: Case, lies: set[str]) -> Result:
    tiers = [h.tier for h in case.handoffs if h.model_calls]
    seconds = sum(SECONDS[tier] for tier in tiers)
    usd = case.cost_at_most_usd
    if case.outcome == "abstained":
        return Result("nobody", usd, seconds, tiers)
    if case.outcome != "accepted":
        return Result("person", usd, seconds, tiers)
    wrong = any(claim.text in lies for claim in case.claims)
    return Result("wrong" if wrong else "right", usd, seconds, tiers)


@contextmanager
def stage(data: Path | None) -> Iterator[Stage]:
    """Documents indexed in a temporary home, and the simulator."""
    with TemporaryDirectory() as home, simulator() as base_url:
        paid = {"cheap": CHEAP, "frontier": FRONTIER}
        tiers = {tier: TierSettings(model=m, base_url=base_url, max_concurrency=64) for tier, m in paid.items()}
        desk = Desk(Settings(home=Path(home), tiers=TiersSettings.model_validate(tiers), openai_api_key=None))
        desk.index([SAMPLE / "docs"], "sample")
        if data is not None:
            desk.index([data / "bank_policies" / "corpus.jsonl"], "bank")
        yield Stage(desk, base_url.removesuffix("/v1"))


if __name__ == "__main__":
    main()
