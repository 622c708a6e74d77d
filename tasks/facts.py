"""What a closed case comes to, in one narrow row: an index for figures over many cases, derived from the case alone.

It is written in the same transaction as the outcome and counts nothing itself: sums over rows are sums over handoffs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa

from tasks import seams
from tasks.case import STEPS, TIERS, Case, Handoff, StepName, Tier
from tasks.database import Database, metadata
from tasks.purse import nano, nano_sum

# The key is the order in which rows are summed, and in SQLite that in which they lie: no figure has to sort or to seek.
# No key leads to the case: it may have been pruned, and its row stays.
case_facts = sa.Table(
    "case_facts",
    metadata,
    sa.Column("day", sa.String(10), primary_key=True),
    sa.Column("outcome", sa.String(16), primary_key=True),
    sa.Column("case_id", sa.String(32), primary_key=True, unique=True),
    sa.Column("kb", sa.Text, nullable=False),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("intent", sa.Text, nullable=False),
    sa.Column("tier", sa.String(16), nullable=False),
    sa.Column("batch_id", sa.Text, nullable=False),
    sa.Column("milliseconds", sa.BigInteger, nullable=False),
    sa.Column("model_calls", sa.Integer, nullable=False),
    sa.Column("tokens_in", sa.BigInteger, nullable=False),
    sa.Column("tokens_out", sa.BigInteger, nullable=False),
    sa.Column("cost_nano", sa.BigInteger),
    sa.Column("at_most_nano", sa.BigInteger),
    sa.Column("all_frontier_nano", sa.BigInteger),
    sa.Column("cheap_nano", sa.BigInteger, nullable=False),
    sa.Column("mid_nano", sa.BigInteger, nullable=False),
    sa.Column("frontier_nano", sa.BigInteger, nullable=False),
    *(
        sa.Column(f"{step}_{what}", sa.Integer, nullable=False)
        for step in ("route", "retrieve", "write", "verify")
        for what in ("tries", "failed")
    ),
    sa.Column("revised", sa.Integer, nullable=False),
    sa.Column("escalated", sa.Integer, nullable=False),
    sa.Index("ix_case_facts_whose", "kb", "tenant"),
    sqlite_with_rowid=False,
)

Key = Literal["day", "kb", "tenant", "intent", "tier", "outcome"]
KEYS: tuple[Key, ...] = ("day", "kb", "tenant", "intent", "tier", "outcome")
"""What cases can be grouped by. `tier` is the one that wrote last, "" where nothing was written."""


class CaseFacts(NamedTuple):
    """One closed case. Amounts are nano-dollars; `day` is YYYY-MM-DD in UTC.

    `cost_nano` and `all_frontier_nano` are None when a handoff's is unknown. `cheap_nano`, `mid_nano` and
    `frontier_nano` are what is known of each tier's cost, also then. `at_most_nano` is None where a call failed of
    which nothing was told and nothing was held. Of each step, `_tries` are its handoffs, `_failed` those that failed.
    `revised` is 1 when more than one draft was written, `escalated` when a later one was of a dearer tier.
    """

    case_id: str
    day: str
    kb: str
    tenant: str
    intent: str
    tier: str
    outcome: str
    milliseconds: int
    model_calls: int
    tokens_in: int
    tokens_out: int
    cost_nano: int | None
    at_most_nano: int | None
    all_frontier_nano: int | None
    cheap_nano: int
    mid_nano: int
    frontier_nano: int
    route_tries: int
    route_failed: int
    retrieve_tries: int
    retrieve_failed: int
    write_tries: int
    write_failed: int
    verify_tries: int
    verify_failed: int
    revised: int
    escalated: int


def facts_of(case: Case) -> CaseFacts:
    """What a case comes to. Nothing but the case decides it."""
    passed = case.handoffs
    drafts = [TIERS.index(h.tier) for h in passed if h.task == "write" and h.status == "done"]
    return CaseFacts(
        case_id=case.case_id,
        day=f"{case.created_at.astimezone(UTC):%Y-%m-%d}",
        kb=case.kb,
        tenant=case.tenant,
        intent=case.route.intent if case.route else "",
        tier=TIERS[drafts[-1]] if drafts else "",
        outcome=case.outcome or "failed",
        milliseconds=round(case.seconds * 1000),
        model_calls=case.model_calls,
        tokens_in=case.tokens_in,
        tokens_out=case.tokens_out,
        cost_nano=nano_sum(h.cost_usd for h in passed),
        at_most_nano=nano_sum(h.cost_at_most_usd if h.cost_usd is None else h.cost_usd for h in passed),
        all_frontier_nano=nano_sum(h.cost_all_frontier_usd for h in passed),
        cheap_nano=_of_tier(passed, "cheap"),
        mid_nano=_of_tier(passed, "mid"),
        frontier_nano=_of_tier(passed, "frontier"),
        **{f"{step}_tries": sum(h.task == step for h in passed) for step in STEPS},
        **{f"{step}_failed": sum(h.task == step and h.status == "failed" for h in passed) for step in STEPS},
        revised=int(len(drafts) > 1),
        escalated=int(any(later > drafts[0] for later in drafts)),
    )


def _of_tier(passed: Iterable[Handoff], tier: Tier) -> int:
    return sum(nano(h.cost_usd) for h in passed if h.tier == tier and h.cost_usd is not None)


_FORGET = case_facts.delete().where(case_facts.c.case_id == sa.bindparam("its_case"))
_INSERT = case_facts.insert()


def keep(db: sa.Connection, case: Case, *, again: bool = True) -> None:
    """Writes the rows of a case that is being closed; `again`: in place of what an earlier closing may have left."""
    if again:
        db.execute(_FORGET, {"its_case": case.case_id})
    db.execute(_INSERT, {**facts_of(case)._asdict(), "batch_id": case.batch_id})
    seams.keep(db, case, again=again)


# --- figures over many cases -------------------------------------------------------------------------------


class Filters(NamedTuple):
    """Which cases count: begun on the days from `since` to `until`, both included; "" is every one."""

    since: date
    until: date
    kb: str = ""
    tenant: str | None = None
    """None is every tenant; "" are the cases of none."""


class Group(NamedTuple):
    """Sums over cases; the keys that were not grouped by are "". Amounts are nano-dollars, and what is unknown is not
    in them but counted.

    `cost_unknown` and `all_frontier_unknown` are cases; of the first, `unbounded` are those of which not even the most
    is known; `at_most_nano` leaves these out. `compared` are cases of which both the cost and the all-frontier
    estimate are known: `compared_nano` and `compared_frontier_nano`. Of each step, `_runs` are cases that got there and
    `_leaks` those of them in which a handoff of it failed.
    """

    day: str = ""
    kb: str = ""
    tenant: str = ""
    intent: str = ""
    tier: str = ""
    outcome: str = ""
    cases: int = 0
    milliseconds: int = 0
    model_calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cheap_nano: int = 0
    mid_nano: int = 0
    frontier_nano: int = 0
    cost_unknown: int = 0
    unbounded: int = 0
    at_most_nano: int = 0
    all_frontier_unknown: int = 0
    compared: int = 0
    compared_nano: int = 0
    compared_frontier_nano: int = 0
    route_runs: int = 0
    route_leaks: int = 0
    retrieve_runs: int = 0
    retrieve_leaks: int = 0
    write_runs: int = 0
    write_leaks: int = 0
    verify_runs: int = 0
    verify_leaks: int = 0
    revised: int = 0
    escalated: int = 0

    @property
    def spent_nano(self) -> int:
        """What is known to have been spent."""
        return self.cheap_nano + self.mid_nano + self.frontier_nano

    def step(self, name: StepName) -> tuple[int, int]:
        """Cases that got to a step, and those of them in which it failed at least once."""
        return getattr(self, f"{name}_runs"), getattr(self, f"{name}_leaks")


SUMS = Group._fields[len(KEYS) :]
MONEY = ("cases", "cheap_nano", "mid_nano", "frontier_nano", "cost_unknown")
"""The sums that say what cases cost; a few are summed faster than all."""


def total(groups: Sequence[Group]) -> Group:
    """All of them as one, without keys."""
    columns = zip(*(group[len(KEYS) :] for group in groups), strict=True)
    return Group._make([*Group()[: len(KEYS)], *map(sum, columns)]) if groups else Group()


class Facts:
    """Figures over the closed cases of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def grouped(self, by: Sequence[Key], filters: Filters, sums: Sequence[str] = SUMS) -> list[Group]:
        """The cases that count, a row for each combination of `by` that there is, in their order.

        One scan; by day and outcome it is a fast one. Sums that are not among `sums` are 0.
        """
        keys, all_sums = [case_facts.c[key] for key in by], _sums()
        asked = sa.select(*keys, *(all_sums[name] for name in sums)).where(*counted(case_facts, filters))
        with self._database.reading() as db:
            found = db.execute(asked.group_by(*keys).order_by(*keys))
            groups = [Group(**dict(zip((*by, *sums), row, strict=True))) for row in found]
        return [group for group in groups if group.cases]  # over no case at all there is one row, of nothing

    def whose(self) -> tuple[list[str], list[str]]:
        """The knowledge bases and the tenants that closed cases are of."""
        pairs = sa.select(case_facts.c.kb, case_facts.c.tenant).distinct()
        with self._database.reading() as db:
            found = db.execute(pairs).all()
        return sorted({kb for kb, _ in found}), sorted({tenant for _, tenant in found})

    def words(self, filters: Filters) -> dict[str, int]:
        """How many of the cases that count have which last word of a person."""
        from tasks.experience import feedback

        last = sa.select(sa.func.max(feedback.c.id)).group_by(feedback.c.case_id)
        # "exists" and no join: of a join SQLite may begin with the cases, and seek the words of each.
        counts = sa.exists().where(case_facts.c.case_id == feedback.c.case_id, *counted(case_facts, filters))
        said = sa.select(feedback.c.verdict, sa.func.count()).where(feedback.c.id.in_(last), counts)
        said = said.group_by(feedback.c.verdict)
        with self._database.reading() as db:
            return dict(map(tuple, db.execute(said)))


def counted(rows: sa.Table, filters: Filters) -> list[sa.ColumnElement[bool]]:
    """What makes a row count, of a table with a row a case that has its day, knowledge base and tenant."""
    c = rows.c
    found = [c.day >= filters.since.isoformat(), c.day <= filters.until.isoformat()]
    if filters.kb:
        found.append(c.kb == filters.kb)
    if filters.tenant is not None:
        found.append(c.tenant == filters.tenant)
    return found


def _sums() -> dict[str, sa.ColumnElement[Any]]:
    """The columns of `SUMS`, by name."""
    c, cases = case_facts.c, sa.func.count()
    both = sa.and_(c.cost_nano.is_not(None), c.all_frontier_nano.is_not(None))
    special: dict[str, Any] = {
        "cases": cases,
        "cost_unknown": cases - sa.func.count(c.cost_nano),
        "unbounded": cases - sa.func.count(c.at_most_nano),
        "all_frontier_unknown": cases - sa.func.count(c.all_frontier_nano),
        "compared": cases.filter(both),
        "compared_nano": _sum(sa.func.sum(c.cost_nano).filter(both)),
        "compared_frontier_nano": _sum(sa.func.sum(c.all_frontier_nano).filter(both)),
        **{f"{step}_runs": sa.func.count(sa.func.nullif(c[f"{step}_tries"], 0)) for step in STEPS},
        **{f"{step}_leaks": sa.func.count(sa.func.nullif(c[f"{step}_failed"], 0)) for step in STEPS},
    }
    return {name: special[name] if name in special else _sum(sa.func.sum(c[name])) for name in SUMS}


def _sum(found: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """As an integer, and 0 over none: PostgreSQL's sums of big ones are decimals."""
    return sa.cast(sa.func.coalesce(found, 0), sa.BigInteger)
