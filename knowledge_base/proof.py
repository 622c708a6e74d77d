"""Proof: an answer and the passages it rests on -> its claims, each supported or not, and why.

What the passages say to each claim (`findings`) is weighed: a fact that fails is decided, whatever the wording; doubts
of wording add up over the claims, and what only they speak against is marked `undecided`. No model takes part, so
the same input gives the same verdict.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass

from knowledge_base.context import as_concepts
from knowledge_base.evidence import Evidence, read
from knowledge_base.findings import Finding, as_it_stands, findings
from knowledge_base.polarity import Words, opposed
from knowledge_base.support import FORM, answer_risk, floor, names_said
from knowledge_base.text import stems

__all__ = ["Claim", "Evidence", "Proof", "prove", "strays"]

DOUBT = 0.3
"""How likely an answer may be unsupported as a whole; where F1 is best when a fifth of all answers are."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One thing an answer says (`text == answer[start:end]`) and what became of it.

    `reason` is "" when supported; otherwise it begins with "absent", "unit differs", "belongs to something else",
    "contradicts", "negation lost", "not about the question", "no citation" or "cannot judge". `undecided`: only the
    wording speaks against it, no fact, name, citation or negation. `score` is how likely the passages support it, 0..1.
    `passage` is the id of the best evidence and `span` the place of it in that passage's text.
    `citations` are the ids that the claim itself cites.
    """

    text: str
    start: int
    end: int
    supported: bool
    reason: str
    score: float
    passage: str | None
    span: tuple[int, int] | None
    citations: tuple[str, ...]
    undecided: bool = False


@dataclass(frozen=True, slots=True)
class Proof:
    """`supported` when there is a claim and every claim is; `score`: how likely all of them are, 0 without any."""

    supported: bool
    score: float
    claims: tuple[Claim, ...]


def prove(
    answer: str,
    passages: Sequence[Evidence],
    question: str = "",
    *,
    require_citations: bool = False,
    beside: Sequence[Evidence] = (),
    checkpoint: Callable[[], None] = lambda: None,
) -> Proof:
    """Hold every claim of `answer` against the passages it cites, or against all if it cites none.

    With `require_citations` a claim without a citation is not supported. `beside` is more of the same documents:
    it supports nothing, but shows what a value might rather belong to. The work grows with the claims times what the
    passages state: `checkpoint` is called before each piece of it, and what it raises ends it.
    """
    judged = findings(
        answer, passages, question, require_citations=require_citations, beside=beside, checkpoint=checkpoint
    )
    if not judged:
        return Proof(False, 0.0, ())
    _off_topic(judged, frozenset(stems(question)))
    _weigh(judged)
    claims = tuple(_claim(finding) for finding in judged)
    return Proof(all(c.supported for c in claims), round(1 - answer_risk([f.risk for f in judged]), 4), claims)


_FAILED = 0.49
"""The most that a failed claim scores, so that whoever sorts by score sees it below those that stand."""


def _claim(finding: Finding) -> Claim:
    made, source, unit = finding.assertion, finding.source, finding.unit
    score = min(1 - finding.risk, _FAILED) if finding.reason else 1 - finding.risk
    return Claim(
        made.text, made.start, made.end, not finding.reason, finding.reason, round(score, 4),
        source.evidence.id if source else None, (unit.start, unit.end) if unit else None,
        made.citations, finding.undecided,
    )  # fmt: skip


def _off_topic(judged: list[Finding], asked: frozenset[str]) -> None:
    """Fails the claims of an answer that is about something else than the question, however true it is.

    It is when neither a claim nor anything in the passages that support it has a word of it.
    """
    wanted = as_concepts(asked)
    if len(wanted) < 3:
        return
    forms = {stem[:FORM] for stem in asked if len(stem) >= FORM}
    for finding in judged:
        around = finding.source.stems | finding.source.named if finding.source else set()
        said = around.union(stems(finding.assertion.prose))
        if not wanted.isdisjoint(as_concepts(said)) or any(s[:FORM] in forms for s in said):
            return
    for finding in judged:
        if not finding.reason:
            finding.reason = "not about the question: neither it nor its passage has a word of what was asked"
            finding.risk = max(finding.risk, floor(finding.reason))


def _weigh(judged: list[Finding]) -> None:
    """Fails the most doubtful claims until the doubt that the others leave is small enough to send them."""
    standing = sorted((finding for finding in judged if not finding.reason), key=lambda finding: finding.risk)
    risks = [finding.risk for finding in standing]
    sendable = bisect_left(range(len(risks) + 1), True, key=lambda n: answer_risk(risks[:n]) > DOUBT) - 1
    for finding in standing[max(sendable, 0) :]:
        said = ", ".join(dict.fromkeys(finding.loose[:4]))
        finding.reason = f"absent: no passage says it ({said})" if said else "absent: no passage says it like this"
        finding.undecided = True


# --- a sentence and the words it was taken from --------------------------------------------------------------


def strays(
    text: str, quotes: Sequence[Evidence], question: str = "", names: Set[str] = frozenset()
) -> tuple[str, bool]:
    """Why a sentence does not say what the words it was taken from say, and whether only its wording speaks against it.

    Empty when it keeps to them. For writing by span: `quotes` are the words alone, with the title and headings they
    stand under. Closer than `prove`: of a sentence that names its source more may be asked than of any answer. Whether
    its figures stand in the quotes is not asked here. `names` are those of the passages: one may begin the sentence.
    """
    sources = [read(quote) for quote in quotes]
    known = frozenset(stems(question)).union(*(source.stems for source in sources))
    doubt = ""
    for finding in findings(text, quotes, question):
        made, unit = finding.assertion, finding.unit
        if finding.reason.startswith(("belongs", "contradicts", "negation")):
            return finding.reason, False
        if unit is None or as_it_stands(made, sources):
            continue
        said = " ".join((unit.plain, *unit.around))
        if reason := opposed(Words(made.prose), made.prose, unit.words, said, bound=True, closely=True):
            return reason, False
        first = made.prose.split()[:1]
        said_names = [*names_said(made.prose), *(word for word in first if word in names)]
        if strange := [name for name in said_names if not known.issuperset(stems(name))]:
            return f"absent: {strange[0]} is not in the words it was taken from", False
        if finding.carried < _TAKEN and len(finding.spoken) > 2:
            doubt = doubt or f"absent: the quoted words do not say it ({', '.join(finding.loose[:4])})"
    return doubt, bool(doubt)


_TAKEN = 0.34
"""The least share of a sentence's words that the words it was taken from must have."""
