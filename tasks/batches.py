"""Batches of tickets and their drafts: the tables, what a row holds, which rows pass a filter, how far a batch is.

What is done with them is in `tasks.drafts`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal, NamedTuple, get_args

import sqlalchemy as sa

from tasks.budget import NANO, spending
from tasks.case import Ticket
from tasks.database import metadata

NEVER = "9999"
"""The due time of a ticket that has none: after all others."""

batches = sa.Table(
    "batches",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("kb", sa.Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False, index=True),
    sa.Column("budget_nano", sa.BigInteger),
    sa.Column("settings", sa.JSON, nullable=False),
    sa.Column("made_at", sa.Text, nullable=False, index=True),
    sa.Column("began_at", sa.Text, nullable=False),
    sa.Column("ended_at", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False, index=True, server_default=""),
    sa.Column("stopped_by", sa.String(16), nullable=False, server_default=""),
)
# Long texts come last: SQLite then lists ten thousand rows without reading them.
drafts = sa.Table(
    "drafts",
    metadata,
    sa.Column("batch_id", sa.String(32), sa.ForeignKey("batches.id"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("ticket_id", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("proven", sa.Boolean, nullable=False),
    sa.Column("case_id", sa.String(32), nullable=False, index=True),
    sa.Column("cost_nano", sa.BigInteger),
    sa.Column("frontier_nano", sa.BigInteger),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False, server_default="2"),
    sa.Column("due", sa.Text, nullable=False, server_default=NEVER),
    sa.Column("same_as", sa.Integer, nullable=False, server_default="0"),
    sa.Column("run", sa.Integer, nullable=False, server_default="0"),
    sa.Column("not_before", sa.Text, nullable=False, server_default=""),
    sa.Column("review", sa.String(16), nullable=False),
    sa.Column("assignee", sa.Text, nullable=False),
    sa.Column("reviewed_by", sa.Text, nullable=False),
    sa.Column("reviewed_at", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("customer", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Index("ix_drafts_waiting", "status", "batch_id", "priority", "due", "seq"),
    sa.Index(
        "ix_drafts_alike",
        "batch_id",
        "same_as",
        sqlite_where=sa.text("same_as > 0"),
        postgresql_where=sa.text("same_as > 0"),
    ),
)

State = Literal["running", "paused", "cancelled", "done"]
StoppedBy = Literal["", "budget", "settings"]
Status = Literal["todo", "doing", "drafted", "needs_human", "abstained", "rejected", "failed", "not_started"]
STATUSES: tuple[Status, ...] = get_args(Status)
ROUNDING = 100
"""Nano-dollars by which what a row cost may differ from the sum of its calls, each of which is rounded up."""

WORKED: tuple[Status, ...] = ("drafted", "needs_human", "abstained", "failed")
"""What a person decides on: the crew has done with it."""

OUTCOMES: tuple[Status, ...] = ("drafted", "needs_human", "abstained", "rejected", "failed")
"""What may become of a row."""

Review = Literal["", "accepted", "edited", "rejected", "assigned"]


class Batch(NamedTuple):
    """A batch; times are ISO 8601, "" for what has not happened. `budget_nano` None is no cap.

    `note` says why it is paused when no person did it, and `stopped_by` what has to change then. `settings` is what
    else is kept with it. `digest` tells what it was made of, so that the same command finds it again; "" for one that a
    page made.
    """

    id: str
    name: str
    person: str
    kb: str
    state: State
    budget_nano: int | None
    settings: dict[str, Any]
    made_at: str
    began_at: str
    ended_at: str
    note: str
    digest: str = ""
    stopped_by: StoppedBy = ""

    @property
    def scope(self) -> str:
        """Its name in the books of what is spent."""
        return scope_of(self.id)


class Line(NamedTuple):
    """What a list shows of a row. `cost_nano` is None while nothing, or not all, is known."""

    seq: int
    ticket_id: str
    subject: str
    status: Status
    proven: bool
    review: Review
    assignee: str
    cost_nano: int | None

    @property
    def undecided(self) -> bool:
        """Whether it waits for a person's verdict."""
        return not self.review and self.status in WORKED


class DraftRow(NamedTuple):
    """One ticket of a batch, numbered from 1, its draft and what a person said of it.

    `text` is the draft as it stands, after an edit the edited one; `proven` is said of that text. `error` says why a
    row is rejected, failed or with a person. `attempts` counts the workers that ended on it, the one that has it
    included; `run` counts how often it was begun anew. `same_as` is the number of an earlier ticket that asks the same
    and whose draft it gets; 0 for most. `due` and `not_before` are ISO 8601.
    """

    batch_id: str
    seq: int
    ticket_id: str
    subject: str
    status: Status
    proven: bool
    case_id: str
    cost_nano: int | None
    frontier_nano: int | None
    attempts: int
    owner: str
    priority: int
    due: str
    same_as: int
    run: int
    not_before: str
    review: Review
    assignee: str
    reviewed_by: str
    reviewed_at: str
    reason: str
    error: str
    customer: str
    body: str
    text: str

    @property
    def ticket(self) -> Ticket:
        """The ticket, as the crew takes it."""
        return Ticket(
            text=self.body, ticket_id=self.ticket_id, subject=self.subject, customer=self.customer, kind="reply"
        )


class Planned(NamedTuple):
    """A ticket that a batch is made of: what is wrong with it ("": nothing), how urgent it is (0 to 3, most to least),
    when it is due (ISO 8601 in UTC), and what is the same for tickets that ask the same ("": like no other)."""

    ticket: Ticket
    error: str = ""
    priority: int = 2
    due: str = NEVER
    likeness: str = ""


class Filters(NamedTuple):
    """Which rows of a batch: "" and None are all. `review` may be "undecided"; `text` is looked for in all texts."""

    status: str = ""
    review: str = ""
    proven: bool | None = None
    text: str = ""


EVERY_ROW = Filters()


class Progress(NamedTuple):
    """How far a batch is: rows by status, worked rows by review.

    `proven` counts undecided drafts that are fully proven. In nano-dollars: `spent` is what worked rows cost, `booked`
    what stands in the books for all of them, calls of unknown cost at their most, and `frontier` the all-frontier
    estimate of what was worked. `unpriced` and `unestimated` count worked rows of which the first and the last are not
    known. `running`: whether the batch runs.
    """

    by_status: dict[Status, int]
    by_review: dict[Review, int]
    proven: int
    spent: int
    frontier: int
    unpriced: int
    unestimated: int = 0
    booked: int = 0
    running: bool = False

    @property
    def total(self) -> int:
        """All rows."""
        return sum(self.by_status.values())

    @property
    def done(self) -> int:
        """Rows that nobody will work on any more, rejected ones included."""
        return self.total - sum(self.by_status.get(status, 0) for status in ("todo", "doing", "not_started"))

    @property
    def summary(self) -> dict[str, Any]:
        """How many tickets came to what, and what that cost in USD; None when that is not known."""
        return {
            "tickets": self.total,
            **{status: self.by_status.get(status, 0) for status in OUTCOMES},
            "not_started": self.total - self.done,
            "cost_usd": None if self.unpriced or self._paid_for_nothing else self.spent / NANO,
            "booked_usd": self.booked / NANO,
            "cost_all_frontier_usd": None if self.unestimated else self.frontier / NANO,
        }

    @property
    def _paid_for_nothing(self) -> bool:
        """Whether there are calls in the books of tickets that were given up: what those did cost is not known."""
        return not self.running and self.booked - self.spent > ROUNDING * self.total


class Verdict(NamedTuple):
    """A person's verdict; "" takes the last one back. `text` and `proven` replace the draft's, None leaves them.

    `seen` is the row's `reviewed_at` as the person saw it, so that nobody overrules what they have not seen.
    """

    review: Review
    by: str
    seen: str
    reason: str = ""
    assignee: str = ""
    text: str | None = None
    proven: bool | None = None


def passing(filters: Filters) -> list[sa.ColumnElement[bool]]:
    """What a row has to be to pass the filters."""
    found: list[sa.ColumnElement[bool]] = []
    if filters.status:
        found.append(drafts.c.status == filters.status)
    if filters.review == "undecided":
        found += [drafts.c.review == "", drafts.c.status.in_(WORKED)]
    elif filters.review:
        found.append(drafts.c.review == filters.review)
    if filters.proven is not None:
        found.append(drafts.c.proven == filters.proven)
    if filters.text:
        texts = (drafts.c[name] for name in ("ticket_id", "subject", "customer", "body", "text", "assignee"))
        found.append(sa.or_(*(column.icontains(filters.text, autoescape=True) for column in texts)))
    return found


def progress(db: sa.Connection, ids: Collection[str]) -> dict[str, Progress]:
    """How far each batch of `ids` is."""
    c, n = drafts.c, sa.func.count()
    asked = (
        sa.select(
            *(c.batch_id, c.status, c.review, c.proven, n, sa.func.coalesce(sa.func.sum(c.cost_nano), 0)),
            *(sa.func.coalesce(sa.func.sum(c.frontier_nano), 0), n - sa.func.count(c.cost_nano)),
            n - sa.func.count(c.frontier_nano),
        )
        .where(c.batch_id.in_(ids))
        .group_by(c.batch_id, c.status, c.review, c.proven)
    )
    found = {id_: Progress({}, {}, 0, 0, 0, 0) for id_ in ids}
    for id_, status, review, proven, rows, spent, frontier, unpriced, unestimated in db.execute(asked):
        before, worked = found[id_], status in WORKED
        found[id_] = Progress(
            {**before.by_status, status: before.by_status.get(status, 0) + rows},
            {**before.by_review, review: before.by_review.get(review, 0) + rows} if worked else before.by_review,
            before.proven + (rows if proven and not review and status == "drafted" else 0),
            before.spent + int(spent),
            before.frontier + int(frontier),
            before.unpriced + (unpriced if worked else 0),
            before.unestimated + (unestimated if worked else 0),
        )
    books = (
        sa.select(batches.c.id, batches.c.state, sa.func.coalesce(spending.c.spent, 0))
        .outerjoin(spending, spending.c.scope == sa.literal(scope_of("")) + batches.c.id)
        .where(batches.c.id.in_(ids))
    )
    for id_, state, booked in db.execute(books):
        far = found[id_]
        found[id_] = far._replace(booked=max(far.spent, int(booked)), running=state == "running")
    return found


def scope_of(batch_id: str) -> str:
    """A batch's name in the books of what is spent."""
    return f"batch:{batch_id}"
