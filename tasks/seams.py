"""Where a closed case leaked: for each layer that it went through whether it held, as one narrow row a case and source.

Who says so is the row's source, and rows of different sources are never summed together. A row outlives its case.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa

from tasks.case import EVALUATION, TIERS, Case, Handoff, Ticket
from tasks.database import metadata

Layer = Literal["routing", "retrieval", "tools", "writing", "proof", "surface"]
LAYERS: tuple[Layer, ...] = ("routing", "retrieval", "tools", "writing", "proof", "surface")
"""In the order in which a case goes through them."""

Source = Literal["verifier", "people", "suite", "shadow"]
SOURCES: tuple[Source, ...] = ("verifier", "people", "suite", "shadow")
"""Who says whether a layer held: the crew's own proof and record; people's last words; a regression suite; a run in
the shadow of people."""

AT_ONCE = 500
"""Cases that are looked up by one statement."""

# The key is the order in which rows are summed, and in SQLite that in which they lie. No key leads to the case: it may
# have been pruned, and its row stays.
case_seams = sa.Table(
    "case_seams",
    metadata,
    sa.Column("source", sa.String(16), primary_key=True),
    sa.Column("day", sa.String(10), primary_key=True),
    sa.Column("case_id", sa.String(32), primary_key=True),
    sa.Column("kb", sa.Text, nullable=False),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("intent", sa.Text, nullable=False),
    sa.Column("tier", sa.String(16), nullable=False),
    sa.Column("alike", sa.String(16), nullable=False),
    sa.Column("word", sa.String(16), nullable=False),
    *(sa.Column(layer, sa.SmallInteger) for layer in LAYERS),
    sa.Column("end_to_end", sa.SmallInteger, nullable=False),
    sa.Column("leaks", sa.SmallInteger, nullable=False),
    sa.Column("answered", sa.SmallInteger, nullable=False),
    sa.Column("cited", sa.SmallInteger, nullable=False),
    sa.Column("passed", sa.SmallInteger),
    sa.Column("unproven", sa.SmallInteger, nullable=False),
    sa.Index("ix_case_seams_case", "case_id", "source", unique=True),
    sa.Index("ix_case_seams_alike", "source", "kb", "alike", "day", "end_to_end"),
    sqlite_with_rowid=False,
)


class CaseSeams(NamedTuple):
    """One case as one source sees it. Of each layer: 1 it held, 0 it leaked, None it was not reached or nothing tells.

    `day` is YYYY-MM-DD in UTC; `tier` the one that was asked to write first, "" where nobody was; `alike` the same for
    tickets that ask the same; `word` what the source said in the end: an outcome, or a person's word. `leaks` counts
    the layers that leaked. The rest is what a person's word is read against: `answered` there was an answer to send,
    `cited` it cites a passage that was found, `passed` the proof let it pass (None: it was not asked), `unproven`
    something stands in it that the proof refused.
    """

    source: str
    day: str
    case_id: str
    kb: str
    tenant: str
    intent: str
    tier: str
    alike: str
    word: str
    routing: int | None
    retrieval: int | None
    tools: int | None
    writing: int | None
    proof: int | None
    surface: int | None
    end_to_end: int
    leaks: int
    answered: int
    cited: int
    passed: int | None
    unproven: int


def counted(row: CaseSeams) -> CaseSeams:
    """The row with `leaks` as its layers have it."""
    return row._replace(leaks=sum(getattr(row, layer) == 0 for layer in LAYERS))


# --- what the crew's own record says -----------------------------------------------------------------------


def seams_of(case: Case) -> CaseSeams:
    """What a closed case says of its layers by itself, each a share of the cases that got to it:

    - routing, of those routed: the tier that the router chose wrote to the end. It was not changed when the passages
      were known, and no refused draft went up a tier. A tier whose endpoint failed is the writing's.
    - retrieval, of those searched for: passages that may be quoted were handed on, and the case did not end in the
      statement that nothing answers it. That statement may be right: only people can tell, and do below.
    - tools, of those that asked one: each of them said something that can be read.
    - writing, of those whose first draft failed or was judged: it could be read, and the proof let all of it pass.
    - proof, of those with a draft to judge: each time a verdict came.
    - surface, of all: it came to an end that reached the asker or a person; it did not fail, was not interrupted, and
      did not run past its deadline.

    End to end is a share of all: an answer that is proven was sent, after whatever was mended on the way.
    """
    passed = [h for h in case.handoffs if h.to != "nobody"]  # bookings of what an earlier try has paid for
    routes, searches = _of(passed, "route"), _of(passed, "retrieve")
    writes, proofs = _of(passed, "write"), _of(passed, "verify")
    asked = [use for h in searches for use in _uses(h)]
    verdicts = [h for h in proofs if h.to != "verifier" and not _died(h)]  # to itself: a judge is asked
    found = {p.n for p in case.passages}
    ended_well = case.outcome != "failed" and case.stopped_by not in ("interrupt", "deadline")
    return counted(
        CaseSeams(
            source="suite" if case.tenant == EVALUATION else "verifier",
            day=f"{case.created_at.astimezone(UTC):%Y-%m-%d}",
            case_id=case.case_id,
            kb=case.kb,
            tenant=case.tenant,
            intent=case.route.intent if case.route else "",
            tier=writes[0].tier if writes else "",
            alike=alike(case.ticket),
            word=case.outcome or "failed",
            routing=int(_kept_its_tier(case, passed)) if routes else None,
            retrieval=int(searches[-1].to == "writer" and case.outcome != "abstained") if searches else None,
            tools=int(not any(use["error"] for use in asked)) if asked else None,
            writing=_first_draft(writes, verdicts),
            proof=int(not any(map(_died, proofs))) if proofs else None,
            surface=int(ended_well),
            end_to_end=int(case.outcome == "accepted"),
            leaks=0,
            answered=int(bool(case.answer)),
            cited=int(any(citation.n in found for citation in case.citations)),
            passed=int(verdicts[-1].status == "done") if verdicts else None,
            unproven=int(bool(case.answer) and any(not claim.supported for claim in case.claims)),
        )
    )


def _of(passed: Sequence[Handoff], task: str) -> list[Handoff]:
    return [h for h in passed if h.task == task]


def _uses(handoff: Handoff) -> list[dict[str, Any]]:
    """The calls of tools that a search made, as `ToolUse`."""
    sent = handoff.payload.get("sent")
    return [use for use in sent if isinstance(use, dict) and "error" in use] if isinstance(sent, list) else []


def _died(handoff: Handoff) -> bool:
    """Whether the step itself failed; a draft that is refused is handed on with what was refused."""
    return handoff.status == "failed" and handoff.payload.get("sent", "unknown") in ({}, None, "", [])


def _kept_its_tier(case: Case, passed: Sequence[Handoff]) -> bool:
    route = _of(passed, "route")[-1]
    chosen = route.sent.get("tier")
    rerouted = case.route is not None and chosen is not None and chosen != case.route.tier
    return route.status == "done" and not rerouted and not _went_up(passed)


def _went_up(passed: Sequence[Handoff]) -> bool:
    """Whether a refused draft was written anew by a dearer tier."""
    wrote, refused = -1, False
    for h in passed:
        if h.task == "write":
            if refused and TIERS.index(h.tier) > wrote:
                return True
            wrote, refused = TIERS.index(h.tier), False
        elif h.task == "verify":
            refused = h.status == "failed"
    return False


def _first_draft(writes: Sequence[Handoff], verdicts: Sequence[Handoff]) -> int | None:
    """Whether the first draft was read and proven as it was; None where nothing was drafted, or nobody has judged."""
    if not writes:
        return None
    if writes[0].status == "failed":
        return 0
    return int(verdicts[0].status == "done" and not verdicts[0].sent.get("struck")) if verdicts else None


# --- what people say ---------------------------------------------------------------------------------------


def heard(row: CaseSeams, word: str) -> CaseSeams:
    """What a person's last word says of a case's layers; None where it says nothing of one. `row` is the crew's own.

    - routing: nothing that is kept tells.
    - retrieval: an answer that was accepted or edited cites a passage that was found; an abstention was accepted.
      A rejected answer does not tell whether the passages or the draft were wrong.
    - writing, of answers: accepted as it was. Edited or rejected it leaked; a reopened one tells nothing of its words.
    - proof: what it let pass was accepted, not rejected or reopened (an edit may be one of tone); what it refused was
      not accepted with what it refused still standing in it.
    - tools, surface: nothing that is kept tells.

    End to end is a share of all cases with a word: accepted as it was.
    """
    accepted, answered = word == "accept", bool(row.answered)
    retrieval = writing = proof = None
    if row.word == "abstained":
        retrieval = int(accepted)
    elif answered and word in ("accept", "edit"):
        retrieval = row.cited
    if answered and word != "reopen":
        writing = int(accepted)
    if row.passed == 1 and word != "edit":
        proof = int(accepted)
    elif row.passed == 0:
        proof = int(not (accepted and row.unproven))
    return counted(
        row._replace(
            source="people",
            word=word,
            routing=None,
            retrieval=retrieval,
            tools=None,
            writing=writing,
            proof=proof,
            surface=None,
            end_to_end=int(accepted),
        )
    )


# --- writing them ------------------------------------------------------------------------------------------

_FORGET = case_seams.delete().where(
    case_seams.c.case_id == sa.bindparam("its_case"), case_seams.c.source == sa.bindparam("its_source")
)
_INSERT = case_seams.insert()
_COLUMNS = [case_seams.c[name] for name in CaseSeams._fields]


def put(db: sa.Connection, row: CaseSeams) -> bool:
    """Writes the row of a case as a source sees it, and returns whether it replaced an earlier one."""
    replaced = db.execute(_FORGET, {"its_case": row.case_id, "its_source": row.source}).rowcount > 0
    db.execute(_INSERT, row._asdict())
    return replaced


def keep(db: sa.Connection, case: Case, *, again: bool) -> None:
    """Writes what a case says that is being closed; a word that was said of an earlier closing is read anew."""
    if not again:
        db.execute(_INSERT, seams_of(case)._asdict())
    elif put(db, seams_of(case)):
        hear(db, [case.case_id])


def hear(db: sa.Connection, case_ids: Sequence[str]) -> None:
    """Reads people's last words on these cases anew; to be called in the transaction that changes them."""
    from tasks.experience import feedback

    for begin in range(0, len(case_ids), AT_ONCE):
        some = case_ids[begin : begin + AT_ONCE]
        mine = case_seams.c.case_id.in_(some)
        words = sa.select(feedback.c.case_id, feedback.c.verdict).where(feedback.c.case_id.in_(some))
        last = dict(map(tuple, db.execute(words.order_by(feedback.c.id))))
        own = db.execute(sa.select(*_COLUMNS).where(mine, case_seams.c.source == "verifier"))
        rows = said((CaseSeams(*row) for row in own), last)
        db.execute(case_seams.delete().where(mine, case_seams.c.source == "people"))
        if rows:
            db.execute(_INSERT, [row._asdict() for row in rows])


def said(rows: Iterable[CaseSeams], last: dict[str, str]) -> list[CaseSeams]:
    """The people's rows beside these ones of the crew, where there is a last word."""
    return [heard(row, last[row.case_id]) for row in rows if row.case_id in last]


# --- the same question, asked again ------------------------------------------------------------------------

_WORDS = re.compile(r"[^\s.,;:!?\"'()\[\]]+")
_COURTESIES = frozenset(
    "a an the so just please kindly hi hello hey dear thanks thank you many again regards best cheers".split()
)


def alike(ticket: Ticket) -> str:
    """What is the same for tickets that ask the same or nearly the same: 16 hexadecimal digits.

    Case, marks, spaces and courtesies are left out; every other word, number and sign counts, in its order, and so does
    what was asked before in the same conversation. For counting alone: nothing is answered by it.
    """
    text = "\n".join([ticket.subject, ticket.text, *ticket.earlier])
    words = _WORDS.findall(unicodedata.normalize("NFKC", text).casefold())
    meant = [word for word in words if word not in _COURTESIES] or words
    return hashlib.blake2b(" ".join(meant).encode(errors="replace"), digest_size=8).hexdigest()
