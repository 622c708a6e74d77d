"""What stands around a batch: what it will take, an edited text held against its passages, the rows of an export.

Imports no CrewAI: pages use it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from opsdesk.draft_files import REVIEWED
from tasks.batches import WORKED, DraftRow, Planned
from tasks.budget import NANO
from tasks.case import Case, Claim, Tier
from tasks.drafts import ROWS_AT_ONCE, Drafts
from tasks.task_list import cases

if TYPE_CHECKING:
    from knowledge_base.proof import Proof
    from opsdesk.desk import Desk
    from opsdesk.ticket_files import Row

ENOUGH = 10
"""Kept cases from which the next ones are estimated; with fewer it is done from prices and usual lengths."""

LOOKED_AT = 50
LOCAL_SECONDS = 0.1
"""How long the built-in model takes for a ticket, on two cores."""

REASONS = ("Wrong", "Incomplete", "Wrong tone", "Not the question", "Should not be answered", "Other")
"""Why a draft is rejected, to choose from."""


class Estimate(NamedTuple):
    """What a batch will take: USD from `low` to `high`, None where no price is known; `seconds`; and how it was told.

    `high` is not the most that it can cost: that is the cap.
    """

    low: float | None
    high: float | None
    seconds: float
    how: str


def estimate(desk: Desk, tickets: int, kb: str) -> Estimate:
    """What `tickets` tickets will take, one after the other, on the last cases of `kb` with the same models.

    Raises `UsageError` for broken settings of tiers.
    """
    if not desk.tiers or desk.settings.policy == "offline":
        seconds = _local_seconds(desk, kb)
        return Estimate(0.0, 0.0, tickets * seconds, "Everything runs on the built-in model, which is free.")
    models = {(tier, paid.model) for tier, paid in desk.tiers.items()}
    past = [case for case in _last(desk, kb) if _models(case) <= models]
    costs = [case.cost_usd for case in past if case.cost_usd is not None]
    if len(costs) >= ENOUGH:
        mean, seconds = math.fsum(costs) / len(costs), math.fsum(case.seconds for case in past) / len(past)
        spread = 2 * math.sqrt(math.fsum((cost - mean) ** 2 for cost in costs) / len(costs) * tickets)
        low, high = max(0.0, mean * tickets - spread), mean * tickets + spread
        return Estimate(
            low, high, seconds * tickets, f"Estimated from the last {len(costs)} tickets with these models."
        )
    return _by_price(desk, tickets)


def _by_price(desk: Desk, tickets: int) -> Estimate:
    from agents.experience import SECONDS
    from agents.routing import USUAL
    from tasks.usage import Usage

    found = []
    for tier, paid in desk.tiers.items():
        usage = Usage(tokens_in=USUAL.read, tokens_out=USUAL.written, model_calls=1)
        found.append(desk.ledger.cost(tier, paid.model, usage).cost_usd)
    seconds = max(SECONDS[tier] for tier in desk.tiers) * tickets
    lengths = f"{USUAL.read:,} tokens read and {USUAL.written:,} written a ticket"
    known = [cost for cost in found if cost is not None]
    if len(known) < len(found):
        return Estimate(0.0, None, seconds, "Not every model's price is known, so only the cap says what it may cost.")
    how = f"Estimated from list prices at {lengths}: from all on the built-in model to all on the dearest one."
    return Estimate(0.0, max(known) * tickets, seconds, how)


def _last(desk: Desk, kb: str) -> list[Case]:
    newest = sa.select(cases.c.case_id).where(cases.c.kb == kb, cases.c.outcome.in_(("accepted", "needs_human")))
    with desk.task_list.database.reading() as db:
        ids = list(db.execute(newest.order_by(cases.c.created_at.desc()).limit(LOOKED_AT)).scalars())
    return [desk.task_list.case(case_id) for case_id in ids]


def _models(case: Case) -> set[tuple[Tier, str]]:
    return {(step.tier, step.model) for step in case.handoffs if step.tier != "local"}


def _local_seconds(desk: Desk, kb: str) -> float:
    past = [case.seconds for case in _last(desk, kb) if not _models(case)]
    return sorted(past)[len(past) // 2] if len(past) >= ENOUGH else LOCAL_SECONDS


def planned(rows: Iterable[Row]) -> Iterator[Planned]:
    """The rows of a file of tickets, as a batch is made of them."""
    from opsdesk.likeness import likeness

    for row in rows:
        wrong = f"line {row.line}: {row.error}" if row.error else ""
        yield Planned(row.ticket, wrong, row.priority, row.due, likeness(row.ticket))


# --- the proof of an edited text -----------------------------------------------------------------------


def reproof(text: str, case: Case) -> Proof:
    """An edited answer held against the passages of its case; greeting, sign-off and sources claim nothing.

    A customer's answer is not held against internal pages, which may not be quoted to them.
    """
    from knowledge_base.proof import Evidence, prove

    evidence = [Evidence(str(p.n), p.text, p.title, tuple(p.headings)) for p in case.quotable]
    return prove(text, evidence, case.ticket.text)


def claims_of(proof: Proof) -> list[Claim]:
    """A proof's claims, as a case keeps them."""
    return [
        Claim(text=c.text, supported=c.supported, reason=c.reason, citations=[int(n) for n in c.citations])
        for c in proof.claims
    ]


# --- export --------------------------------------------------------------------------------------------


def export_rows(desk: Desk, drafts: Drafts, batch_id: str, after: int = 0) -> Iterator[dict[str, Any]]:
    """A batch's rows behind the number `after`, in order, a few hundred read at a time.

    What is open is not started; an edited draft's claims are those of the edited text.
    """
    rows = drafts.rows(batch_id, after)
    while page := list(islice(rows, ROWS_AT_ONCE)):
        bodies = _bodies(desk, {row.case_id for row in page if row.case_id and row.status in WORKED})
        yield from (_exported(row, bodies.get(row.case_id)) for row in page)


def _bodies(desk: Desk, case_ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """The cases as they are kept, without handoffs, which an export does not have."""
    with desk.task_list.database.reading() as db:
        found = db.execute(sa.select(cases.c.case_id, cases.c.body).where(cases.c.case_id.in_(case_ids)))
        return {row.case_id: row.body for row in found}


def _exported(row: DraftRow, body: dict[str, Any] | None) -> dict[str, Any]:
    citations, claims = (body["citations"], body["claims"]) if body and row.text else ([], [])
    if body and row.review == "edited":
        citations = [citation for citation in citations if f"[{citation['n']}]" in row.text]
        claims = [claim.model_dump() for claim in claims_of(reproof(row.text, Case.model_validate(body)))]
    return {
        "ticket_id": row.ticket_id,
        "status": row.status if row.status not in ("todo", "doing") else "not_started",
        "draft": row.text,
        "citations": citations,
        "claims": claims,
        "case_id": row.case_id,
        "cost_usd": None if row.cost_nano is None else row.cost_nano / NANO,
        **{name: getattr(row, name) for name in ("error", *REVIEWED)},
    }
