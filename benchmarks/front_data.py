"""A database as it is after months of work, for measuring pages: `python -m benchmarks.front_data FOLDER`.

A few hundred made-up cases are stood up whole, and written many times over with days, knowledge bases and tenants of
their own.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa

from agents.experience import Intent
from tasks import seams, task_list
from tasks.case import (
    STEPS,
    Case,
    Citation,
    Draft,
    Handoff,
    Outcome,
    Passage,
    Quote,
    Route,
    Sentence,
    StepName,
    Ticket,
    Tier,
    ToolCall,
    ToolUse,
)
from tasks.database import Database
from tasks.experience import feedback
from tasks.facts import CaseFacts, case_facts, facts_of
from tasks.paths import Path as CasePath
from tasks.paths import case_paths, path_of
from tasks.seams import CaseSeams, case_seams, seams_of
from tasks.task_list import TaskList

DAYS = 90
KBS = ("help", "runbooks", "policies", "api")
TENANTS = ("", "acme", "borealis", "cobalt", "dune", "everest")
INTENTS: tuple[Intent, ...] = ("howto", "billing", "account", "api", "pricing", "incident", "data", "security")
QUESTIONS = {
    "howto": "How do I invite a colleague to a shared workspace?",
    "billing": "Why were we charged twice in October?",
    "account": "How do I reset my password when the e-mail never arrives?",
    "api": "Which header carries the idempotency key?",
    "pricing": "What does the Team plan cost for 12 seats a year?",
    "incident": "Deploys have failed with exit code 137 since noon. What now?",
    "data": "How long are exports kept, and where?",
    "security": "Can we require hardware keys for all administrators?",
}
MODELS: dict[Tier, tuple[str, float]] = {
    "local": ("built-in extractive model", 0.0),
    "cheap": ("gpt-6-luna", 0.3),
    "mid": ("gpt-6-terra", 1.0),
    "frontier": ("gpt-6.1-sol", 4.0),
}
"""A tier's model, and made-up USD per million tokens."""

STOOD_UP = 800
PAGE = 5_000
LONG = "c-sixty-steps"
"""The id of a case of 60 steps."""

BATCH = "b-ten-thousand"

_DONE = {"status": "done", "attempts": 1, "owner": ""}


DRAFT = Draft(
    sentences=[Sentence(text="Open Settings and choose Invite.", quotes=[Quote(n=1, text="choose Invite")])]
).model_dump(mode="json")


class Mould(NamedTuple):
    """A case as it is written: all but its id, time, knowledge base and tenant."""

    body: dict[str, Any]
    handoffs: list[dict[str, Any]]
    facts: CaseFacts
    seams: CaseSeams
    path: CasePath


def fill(database: Database, cases: int = 100_000, drafts: int = 10_000, seed: int = 1) -> None:
    """Fills a database that is empty; `seed` decides all but the days, which end today."""
    chance = random.Random(seed)
    now = datetime.now(UTC)
    moulds = [_mould(chance, now) for _ in range(min(STOOD_UP, max(1, cases)))]
    for page in _pages(_rows(moulds, cases, chance, now)):
        with database.writing() as db:
            db.execute(task_list.cases.insert(), [row[0] for row in page])
            db.execute(task_list.tasks.insert(), [task for row in page for task in row[1]])
            db.execute(task_list.handoffs.insert(), [handoff for row in page for handoff in row[2]])
            db.execute(case_facts.insert(), [row[3] for row in page])
            db.execute(case_paths.insert(), [row[4] for row in page])
            said = [word for row in page for word in row[5]]
            if said:
                db.execute(feedback.insert(), said)
            last = {word["case_id"]: word["verdict"] for word in said}
            rows = [row[6] for row in page]
            db.execute(case_seams.insert(), [row._asdict() for row in (*rows, *seams.said(rows, last))])
    _long_case(database, chance, now)
    if drafts:
        _batch(database, drafts, chance, now)


def fill_paths(database: Database, cases: int, seed: int = 1) -> None:
    """How so many cases went and nothing else of them, which is all that a replay reads."""
    chance, now = random.Random(seed), datetime.now(UTC)
    moulds = [_mould(chance, now) for _ in range(min(STOOD_UP, max(1, cases)))]
    for page in _pages(_rows(moulds, cases, chance, now)):
        with database.writing() as db:
            db.execute(case_paths.insert(), [row[4] for row in page])


def _pages(rows: Iterator[Any]) -> Iterator[list[Any]]:
    return iter(lambda: list(islice(rows, PAGE)), [])


def _rows(moulds: Sequence[Mould], count: int, chance: random.Random, now: datetime) -> Iterator[tuple[Any, ...]]:
    """Rows of each case: itself, its tasks, handoffs, facts, path, what a person said of it, and its seams."""
    days = [now - timedelta(days=i) for i in range(DAYS)]
    busy = [(1.0 if day.weekday() < 5 else 0.3) * (1.4 - i / DAYS) for i, day in enumerate(days)]
    for i, day in enumerate(chance.choices(days, busy, k=count)):
        mould, case_id = chance.choice(moulds), f"c-{i:012x}"
        at = day - timedelta(seconds=chance.randrange(60)) if day is days[0] else day - timedelta(minutes=i % 300)
        kb = chance.choices(KBS, (5, 3, 2, 1))[0]
        tenant = chance.choices(TENANTS, (2, 6, 4, 3, 2, 1))[0]
        text = f"{mould.body['ticket']['text']} Our account is {int(chance.paretovariate(0.3)) % 40_000}."
        ticket = {**mould.body["ticket"], "ticket_id": f"T-{i}", "text": text}
        own = {"case_id": case_id, "kb": kb, "tenant": tenant, "created_at": at.isoformat()}
        case = {**own, "ticket_id": f"T-{i}", "batch_id": "", "outcome": mould.facts.outcome}
        facts = mould.facts._replace(case_id=case_id, kb=kb, tenant=tenant, day=f"{at:%Y-%m-%d}")
        yield (
            {**case, "body": {**mould.body, **own, "ticket": ticket}},
            [{"case_id": case_id, "name": name, "agent": agent, **_DONE} for name, agent in STEPS.items()],
            [
                {"case_id": case_id, "seq": h["seq"], "body": {**h, "started_at": at.isoformat()}}
                for h in mould.handoffs
            ],
            {**facts._asdict(), "batch_id": ""},
            _path(mould.path, chance)
            ._replace(case_id=case_id, kb=kb, tenant=tenant, at=at.astimezone(UTC).isoformat(timespec="seconds"))
            ._asdict(),
            _said(case_id, at.isoformat(), chance),
            mould.seams._replace(
                case_id=case_id, kb=kb, tenant=tenant, day=facts.day, alike=seams.alike(Ticket(text=text))
            ),
        )


def _path(path: CasePath, chance: random.Random) -> CasePath:
    """The same with passages of its own, since no two tickets find quite the same."""
    return path._replace(found=round(chance.betavariate(5, 2), 4), passages_bytes=chance.randrange(1_500, 9_000))


def _said(case_id: str, at: str, chance: random.Random) -> list[dict[str, str]]:
    if chance.random() > 0.08:
        return []
    verdict = chance.choices(("accept", "edit", "reject", "reopen"), (70, 18, 9, 3))[0]
    return [{"case_id": case_id, "verdict": verdict, "reason": "", "by": "", "at": at}]


def _mould(chance: random.Random, now: datetime) -> Mould:
    case = _made_up("c-mould", chance, now)
    body = case.model_dump(mode="json", exclude={"tasks", "handoffs", *Case.model_computed_fields})
    passed = [h.model_dump(mode="json", by_alias=True) for h in case.handoffs]
    return Mould(body, passed, facts_of(case), seams_of(case), path_of(case))


def _made_up(case_id: str, chance: random.Random, now: datetime) -> Case:
    """A case that goes the way that most go, or one of the others."""
    intent = chance.choices(INTENTS, (24, 18, 16, 12, 10, 8, 7, 5))[0]
    stakes = intent == "security"
    tier: Tier = "frontier" if stakes else chance.choices(("local", "cheap", "mid"), (35, 50, 15))[0]
    case = Case(case_id=case_id, ticket=Ticket(text=QUESTIONS[intent], kind="reply"), kb="", created_at=now)
    case.route = Route(
        intent=intent,
        complexity="hard" if tier in ("mid", "frontier") else "simple",
        stakes="high" if stakes else "low",
        tier=tier,
        reasons=[f"about {intent}"],
        questions=[],
    )
    _pass(case, "route", "retriever", "local", chance)
    if chance.random() < 0.05:
        _pass(case, "retrieve", "asker", "local", chance)
        return _ended(case, "abstained", "nothing was found")
    _pass(case, "retrieve", "writer", "local", chance)
    case.passages = [_passage(1, "help/invite", "Open Settings and choose Invite.")]
    if chance.random() < 0.3:  # a tool was asked too, which brings nothing now and then
        error = "crm cannot be reached" if chance.random() < 0.06 else ""
        use = ToolUse(call=ToolCall(server="crm", tool="account"), seconds=0.1, error=error)
        case.handoffs[-1].payload["sent"] = [use.model_dump(mode="json")]
        if not error:
            case.passages.append(_passage(2, "mcp:crm/account", "The plan is Team."))
    if tier != "local" and chance.random() < 0.03:
        _pass(case, "write", "person", tier, chance, failed=True, told=chance.random() < 0.5)
        return _ended(case, "failed" if chance.random() < 0.3 else "needs_human", "the server did not answer in time")
    sure = {"local": 0.80, "cheap": 0.86, "mid": 0.92, "frontier": 0.97}
    dearer: dict[Tier, Tier] = {"local": "cheap", "cheap": "mid", "mid": "frontier", "frontier": "frontier"}
    for left in (2, 1, 0):
        _pass(case, "write", "verifier", tier, chance)
        if chance.random() < sure[tier]:
            _pass(case, "verify", "asker", "local", chance)
            return _ended(case, "accepted", "all of it is proven")
        _pass(case, "verify", "writer" if left else "person", "local", chance, failed=True)
        tier = tier if left == 2 else dearer[tier]
    return _ended(case, "needs_human", "two sentences stand in no passage; nobody is left to improve it")


def _pass(
    case: Case, task: StepName, to: str, tier: Tier, chance: random.Random, *, failed: bool = False, told: bool = True
) -> None:
    read = chance.randrange(900, 3_000) if task == "write" else chance.randrange(50, 400)
    wrote = chance.randrange(80, 400) if task == "write" else chance.randrange(10, 60)
    model, rate = MODELS[tier]
    usd = round((read + 4 * wrote) * rate / 1e6, 9)
    case.handoffs.append(
        Handoff(
            seq=len(case.handoffs) + 1,
            from_=STEPS[task],
            to=to,
            task=task,
            attempt=1 + sum(h.task == task for h in case.handoffs),
            status="failed" if failed else "done",
            reason="two sentences stand in no passage" if failed else "handed on",
            tier=tier,
            model=model,
            tokens_in=read,
            tokens_out=wrote,
            tokens_estimated=tier == "local",
            model_calls=int(tier != "local"),
            cost_usd=usd if told else None,
            cost_at_most_usd=None if told else round(3 * usd, 9),
            cost_all_frontier_usd=round((read + 4 * wrote) * MODELS["frontier"][1] / 1e6, 9) if told else None,
            started_at=case.created_at,
            seconds=round(chance.lognormvariate(0.8, 0.5) if tier != "local" else 0.04 * chance.random(), 4),
            payload={"received": {"ticket": case.ticket.text}, "sent": DRAFT if task == "write" else {}},
        )
    )


def _passage(n: int, doc_id: str, text: str) -> Passage:
    about = {"chunk_id": f"{doc_id}#1", "title": "Invite", "locator": "line 3", "score": 0.8}
    return Passage.model_validate({"n": n, "doc_id": doc_id, "text": text, **about})


def _ended(case: Case, outcome: Outcome, reason: str) -> Case:
    case.outcome, case.outcome_reason = outcome, reason
    if outcome == "accepted":
        case.answer = "Open Settings and choose Invite. [1]"
        case.citations = [Citation(n=1, doc_id="help/invite", title="Invite", locator="line 3", quote="choose Invite")]
    case.seconds = round(sum(h.seconds for h in case.handoffs), 4)
    return case


def _long_case(database: Database, chance: random.Random, now: datetime) -> None:
    """A case of 60 steps, kept as the crew would keep it."""
    tasks = TaskList(database)
    case = _made_up(LONG, chance, now)
    case.kb, case.handoffs = KBS[0], []
    tasks.open_case(case)
    _pass(case, "route", "retriever", "local", chance)
    _pass(case, "retrieve", "writer", "local", chance)
    while len(case.handoffs) < 60:
        _pass(case, "write", "verifier", chance.choice(("cheap", "mid", "frontier")), chance)
        last = len(case.handoffs) == 59
        _pass(case, "verify", "asker" if last else "writer", "local", chance, failed=not last)
    passed, case.handoffs = case.handoffs, []
    began = now
    for handoff in passed:
        handoff.started_at = began
        began += timedelta(seconds=handoff.seconds)
        tasks.record(case, handoff)
    tasks.close(_ended(case, "accepted", "all of it is proven"))


def _batch(database: Database, count: int, chance: random.Random, now: datetime) -> None:
    """A batch with so many rows. Its tables are taken as they lie in the database: others write what they hold."""
    at = now.isoformat()
    whole = {"id": BATCH, "name": "October.csv", "person": "", "kb": KBS[0], "state": "done", "budget_nano": 5 * 10**9}
    whole |= {"settings": {}, "made_at": at, "began_at": at, "ended_at": at, "note": "", "digest": "", "stopped_by": ""}
    with database.writing() as db:
        tables = sa.MetaData()
        batches, drafts = (sa.Table(name, tables, autoload_with=db) for name in ("batches", "drafts"))
        db.execute(batches.insert(), {name: whole[name] for name in batches.c.keys()})  # noqa: SIM118
        for page in _pages(_draft(i, chance) for i in range(1, count + 1)):
            db.execute(drafts.insert(), [{name: row[name] for name in drafts.c.keys()} for row in page])  # noqa: SIM118


def _draft(seq: int, chance: random.Random) -> dict[str, Any]:
    intent = chance.choice(INTENTS)
    status = chance.choices(("drafted", "needs_human", "abstained", "failed"), (82, 12, 5, 1))[0]
    done = status == "drafted"
    review = chance.choices(("", "accepted", "edited", "rejected"), (80, 14, 4, 2))[0] if done else ""
    ticket = Ticket(text=QUESTIONS[intent], ticket_id=f"T-{seq}", subject=QUESTIONS[intent][:40], kind="reply")
    return {
        **{"batch_id": BATCH, "seq": seq, "ticket_id": ticket.ticket_id, "subject": ticket.subject, "status": status},
        **{"proven": done and chance.random() < 0.9, "case_id": f"c-{seq:012x}", "attempts": 1, "owner": ""},
        **{"priority": 2, "due": "9999", "same_as": 0, "run": 1, "not_before": ""},
        **{"cost_nano": chance.randrange(0, 4_000_000), "frontier_nano": chance.randrange(4_000_000, 16_000_000)},
        **{"review": review, "assignee": "", "reviewed_by": "Ada" if review else "", "reviewed_at": ""},
        **{"reason": "", "error": "", "customer": "", "body": ticket.text, "ticket": ticket.model_dump(mode="json")},
        "text": "Hello,\n\nopen Settings and choose Invite. [1]\n\nThe support team" if done else "",
    }


def main() -> None:
    """Fills the database of a home, and says how long it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path, help="an Opsdesk home without a database")
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--drafts", type=int, default=10_000)
    given = parser.parse_args()
    began = time.perf_counter()
    given.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = Database(f"sqlite:///{given.home / 'opsdesk.sqlite'}")
    fill(database, given.cases, given.drafts)
    database.dispose()
    print(f"{given.cases:,} cases and {given.drafts:,} drafts in {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main()
