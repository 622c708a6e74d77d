"""How a case went, in one narrow row: what its tier was chosen by, who wrote first, what came of it, what it cost.

Written in the transaction that closes a case, and derived from the case alone; so past cases can be decided on again
without reading them. A row of its own beside `case_facts`, whose scans stay as short as they are. Shadow runs are
rows here and nowhere else: no sum, page or export over cases can count or show one by mistake.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

import sqlalchemy as sa

from tasks.case import LONG_TICKET, TIERS, Case, Signs, Tier
from tasks.database import Database, metadata
from tasks.purse import nano_sum

case_paths = sa.Table(
    "case_paths",
    metadata,
    sa.Column("case_id", sa.String(32), primary_key=True),
    sa.Column("shadow_of", sa.String(32), nullable=False),
    sa.Column("at", sa.String(32), nullable=False, index=True),
    *(sa.Column(name, sa.Text, nullable=False) for name in ("kb", "tenant", "intent")),
    *(sa.Column(name, sa.String(16), nullable=False) for name in ("outcome", "complexity", "stakes")),
    *(sa.Column(name, sa.Integer, nullable=False) for name in ("approval", "grave", "questions", "long", "coded")),
    sa.Column("found", sa.Float),
    sa.Column("passages_bytes", sa.BigInteger, nullable=False),
    sa.Column("tier", sa.String(16), nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("others", sa.String(64), nullable=False),
    *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("tokens_in", "tokens_cached", "tokens_out")),
    *(
        sa.Column(name, sa.BigInteger)
        for name in ("route_nano", "draft_nano", "alone_nano", "cost_nano", "at_most_nano")
    ),
)


class Path(NamedTuple):
    """How one case went. Amounts are nano-dollars, None where unknown; `at` is ISO 8601 in UTC.

    `tier` and `model` are those of the first draft, "" where nobody wrote; the tokens and `draft_nano` are that draft's
    alone. `others` are the paid tiers that had a hand in it afterwards, as writers or judges: "mid,frontier".
    `alone_nano` is what all but these cost, `route_nano` what asking a model to classify cost; all are in `cost_nano`.
    `shadow_of` is the case that a shadow run has written again, "" for a case of its own; of a run that was cut short
    only the money is told.
    """

    case_id: str
    shadow_of: str
    at: str
    kb: str
    tenant: str
    intent: str
    outcome: str
    complexity: str
    stakes: str
    approval: int
    grave: int
    questions: int
    long: int
    coded: int
    found: float | None
    passages_bytes: int
    tier: str
    model: str
    others: str
    tokens_in: int
    tokens_cached: int
    tokens_out: int
    route_nano: int | None
    draft_nano: int | None
    alone_nano: int | None
    cost_nano: int | None
    at_most_nano: int | None

    @property
    def accepted(self) -> bool:
        """Whether its answer was sent."""
        return self.outcome == "accepted"


def path_of(case: Case, shadow_of: str = "") -> Path:
    """How a case went. Nothing but the case decides it."""
    route, passed = case.route, case.handoffs
    writes = [h for h in passed if h.task == "write" and h.to != "nobody"]
    cut_short = shadow_of and case.stopped_by
    first, signs = (writes[0] if writes and not cut_short else None), _signs(case)
    others = {h.tier for h in passed if first and h.task != "route" and h.tier not in ("local", first.tier)}
    return Path(
        case_id=case.case_id,
        shadow_of=shadow_of,
        at=case.created_at.astimezone(UTC).isoformat(timespec="seconds"),
        kb=case.kb,
        tenant=case.tenant,
        intent=route.intent if route else "",
        outcome=case.outcome or "failed",
        complexity=route.complexity if route else "simple",
        stakes=route.stakes if route else "low",
        approval=int(bool(route and route.approval)),
        grave=int(bool(signs.grave)),
        questions=len(route.questions) if route else 0,
        long=int(signs.long),
        coded=int(signs.coded),
        found=signs.found,
        passages_bytes=signs.passages_bytes or 0,
        tier=first.tier if first else "",
        model=first.model if first else "",
        others=",".join(tier for tier in TIERS if tier in others),
        tokens_in=first.tokens_in if first else 0,
        tokens_cached=first.tokens_cached if first else 0,
        tokens_out=first.tokens_out if first else 0,
        route_nano=nano_sum(h.cost_usd for h in passed if h.task == "route"),
        draft_nano=nano_sum([first.cost_usd] if first else []),
        alone_nano=nano_sum(h.cost_usd for h in passed if h.task == "route" or h.tier not in others),
        cost_nano=nano_sum(h.cost_usd for h in passed),
        at_most_nano=nano_sum(h.cost_at_most_usd if h.cost_usd is None else h.cost_usd for h in passed),
    )


def _signs(case: Case) -> Signs:
    """As they were kept; else what an older case still tells: what was found in it, and its identifiers, are not."""
    route = case.route
    if route and route.signs:
        return route.signs
    said = route.reasons if route else []
    grave = "grave" if any("it touches law, security, deletion" in reason for reason in said) else ""
    size = sum(p.weight for p in case.quotable)
    return Signs(long=len(case.ticket.text) > LONG_TICKET, coded=False, grave=grave, passages_bytes=size)


_FORGET = case_paths.delete().where(case_paths.c.case_id == sa.bindparam("its_case"))
_INSERT = case_paths.insert()


def keep(db: sa.Connection, case: Case, shadow_of: str = "", *, again: bool = True) -> None:
    """Writes the row of a case that is being closed; `again`: in place of one that an earlier closing may have left."""
    if again:
        db.execute(_FORGET, {"its_case": case.case_id})
    db.execute(_INSERT, path_of(case, shadow_of)._asdict())


class Shadows(NamedTuple):
    """What shadow runs came to: `nano` is known money, `unknown` are runs of which a part is not known."""

    runs: int
    nano: int
    unknown: int


class Paired(NamedTuple):
    """Cases that were written again by the dearest tier: their all-frontier estimate, and what that really cost."""

    cases: int
    estimated_nano: int
    measured_nano: int


class Paths:
    """The rows of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, since: datetime | None = None, kb: str = "") -> list[Path]:
        """All of them, shadow runs too, the oldest first; of one knowledge base where one is named."""
        asked = sa.select(*(case_paths.c[name] for name in Path._fields))
        if since:
            asked = asked.where(case_paths.c.at >= since.astimezone(UTC).isoformat(timespec="seconds"))
        if kb:
            asked = asked.where(case_paths.c.kb == kb)
        with self._database.reading() as db:
            return [Path._make(row) for row in db.execute(asked.order_by(case_paths.c.at, case_paths.c.case_id))]

    def last_words(self) -> dict[str, str]:
        """People's last words, by case."""
        from tasks.experience import feedback

        last = sa.select(sa.func.max(feedback.c.id)).group_by(feedback.c.case_id)
        said = sa.select(feedback.c.case_id, feedback.c.verdict).where(feedback.c.id.in_(last))
        with self._database.reading() as db:
            return dict(map(tuple, db.execute(said)))

    def has(self, case_id: str) -> bool:
        """Whether there is a row of that id."""
        with self._database.reading() as db:
            return bool(db.execute(sa.select(sa.exists().where(case_paths.c.case_id == case_id))).scalar())

    def tried(self, path: Path) -> dict[Tier, int]:
        """How often each tier was tried by a shadow run about what is of one kind with `path`."""
        c, count = case_paths.c, sa.func.count()
        alike = [c[name] == getattr(path, name) for name in ("stakes", "complexity", "approval", "grave")]
        asked = sa.select(c.tier, count).where(c.tier != "", c.shadow_of != "", *alike).group_by(c.tier)
        with self._database.reading() as db:
            return dict(map(tuple, db.execute(asked)))

    def paired(self, tier: Tier) -> Paired:
        """Cases that a shadow run of `tier` has written again, where both figures are known."""
        from tasks.facts import case_facts

        c, estimated = case_paths.c, case_facts.c.all_frontier_nano
        asked = sa.select(sa.func.count(), sa.func.sum(estimated), sa.func.sum(c.cost_nano))
        asked = asked.join_from(case_paths, case_facts, case_facts.c.case_id == c.shadow_of)
        known = (c.shadow_of != "", c.tier == tier, c.cost_nano.is_not(None), estimated.is_not(None))
        with self._database.reading() as db:
            count, all_frontier, measured = db.execute(asked.where(*known)).one()
        return Paired(count, int(all_frontier or 0), int(measured or 0))

    def shadows(self, first_day: str, last_day: str, tenant: str | None = None) -> Shadows:
        """What shadow runs of these days (YYYY-MM-DD, UTC, both included) came to."""
        c = case_paths.c
        counts = [c.shadow_of != "", c.at >= first_day, c.at < f"{last_day}U"]  # "U" is after the "T" of every time
        if tenant is not None:
            counts.append(c.tenant == tenant)
        known = sa.func.count(c.cost_nano)
        asked = sa.select(sa.func.count(), sa.func.sum(c.cost_nano), sa.func.count() - known).where(*counts)
        with self._database.reading() as db:
            runs, spent, unknown = db.execute(asked).one()
        return Shadows(runs, int(spent or 0), unknown)
