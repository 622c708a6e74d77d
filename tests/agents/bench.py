"""A crew over given passages, with scripted tiers beside the built-in one: what tests of agents share."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from agents import retriever, router, verifier, writer
from agents.crew import Crew, Dial
from agents.models import LocalModel, Skill, Tiers
from agents.placeholders import Redaction
from agents.steps import Limits
from tasks.case import Case, Draft, Found, Passage, Policy, Ticket, Tier
from tasks.ledger import Ledger
from tasks.task_list import TaskList
from tests.agents.scripted import Scripted

NOW = datetime(2026, 11, 24, tzinfo=UTC)
LIMITS = Limits(budget_usd=0.5, deadline_s=60)
PRICE = "The Pro plan costs $49 per seat per month."
ACCESS = "The Pro plan includes API access with 50,000 calls a month."


def passage(n: int, text: str, **more: object) -> Passage:
    fields = {"n": n, "doc_id": f"d{n}.md", "chunk_id": f"d{n}.md#1", "title": f"Page {n}", "locator": "line 1"}
    return Passage.model_validate({**fields, "text": text, "score": 1.0, "questions": [0, 1, 2, 3, 4], **more})


def embed(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """Everything looks alike, so that only words decide."""
    return np.full((len(texts), 4), 0.5, dtype=np.float32)


def said(text: str, quote: str, n: int = 1, kind: str = "prose", question: int = 0) -> dict[str, object]:
    """A sentence of a draft, as a model writes it."""
    return {"text": text, "kind": kind, "question": question, "quotes": [{"n": n, "text": quote}]}


def drafted(*sentences: dict[str, object], **more: object) -> str:
    """A draft, as a model writes it."""
    return json.dumps({"sentences": sentences, "unanswered": [], **more})


def draft(text: str, citations: list[int], quote: str = "") -> str:
    """A draft of one sentence."""
    return drafted({"text": text, "quotes": [{"n": n, "text": quote} for n in citations]})


def path_of(case: Case) -> list[tuple[str, str, str]]:
    return [(h.from_, h.to, h.status) for h in case.handoffs]


class Bench:
    """A crew over the given passages; tiers beside `local` are scripted, and so are its drafts if given."""

    def __init__(
        self,
        folder: Path,
        passages: list[Passage],
        local_drafts: Sequence[str] = (),
        policy: Policy = "cheapest",
        redaction: Redaction | None = None,
        **scripted: Scripted,
    ) -> None:
        def find(_: retriever.Wanted) -> Found:
            reasons = ["found" if passages else "nothing resembles the question"]
            return Found(passages=[p.model_copy() for p in passages], reasons=reasons)

        queued = iter(local_drafts)
        told = Skill(writer.Assignment, lambda _: Draft.model_validate_json(next(queued)))
        skills = {
            router.ROLE: router.SKILL,
            retriever.ROLE: Skill(retriever.Wanted, find, reads=False),
            writer.ROLE: told if local_drafts else writer.local_skill(embed),
            verifier.ROLE: verifier.SKILL,
        }
        makers: dict[Tier, Callable[[], LocalModel | Scripted]] = {"local": lambda: LocalModel(skills)}
        for tier, llm in scripted.items():
            makers[tier] = lambda llm=llm: llm  # type: ignore[misc,index]
        self.task_list = TaskList(f"sqlite:///{folder / 'opsdesk.sqlite'}")
        tiers = Tiers(dict(makers), redaction)
        self.crew = Crew(tiers, self.task_list, Ledger("gpt-6.1-sol"), now=lambda: NOW, dial=Dial(policy))

    def ask(self, text: str, limits: Limits = LIMITS, case_id: str = "c-1", **more: str) -> Case:
        ticket = Ticket.model_validate({"text": text, **more})
        return self.crew.work(Case(case_id=case_id, ticket=ticket, kb="kb", created_at=NOW), limits)
