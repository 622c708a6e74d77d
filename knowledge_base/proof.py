"""Proof: an answer and the passages it rests on -> its claims, each supported or not, and why.

A claim is supported when one passage that it cites states every fact in it, has most of its content
words within one window (a sentence and its neighbours, or a table row and its header), all of its
names, and affirms what it affirms. No model takes part, so the same input gives the same verdict.
The count of unsupported content words is the best single feature on RAGTruth (Niu et al., ACL 2024).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from knowledge_base.claims import Assertion, assertions
from knowledge_base.evidence import Evidence, Source, Unit, Words
from knowledge_base.facts import Fact, implied, key
from knowledge_base.text import STOP_WORDS, stems, words

__all__ = ["Claim", "Evidence", "Proof", "prove"]

COVERED = 0.6
"""The share of a claim's content words that its best window must have."""
SAME = 0.6
"""The share of all content words that two sentences have in common when they say the same or the opposite."""
MARGIN = 0.25
"""How much better the words around a rival value must fit before a claim's own value is taken for misplaced."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One thing an answer says (`text == answer[start:end]`) and what became of it.

    `reason` is "" when supported; otherwise it begins with "absent", "unit differs", "contradicts",
    "negation lost", "no citation" or "cannot judge". `score` is 0..1, above 0.5 only when supported.
    `passage` is the id of the best evidence and `span` the place of it in that passage's text.
    `citations` are the ids that the claim itself cites. `undecided`: not supported, but by its wording alone.
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
    """`supported` when there is a claim and every claim is; `score` is that of the weakest claim, 0 if none."""

    supported: bool
    score: float
    claims: tuple[Claim, ...]


def prove(answer: str, passages: Sequence[Evidence], question: str = "", *, require_citations: bool = False) -> Proof:
    """Hold every claim of `answer` against the passages it cites, or against all if it cites none.

    With `require_citations` a claim without a citation is not supported.
    """
    sources = {passage.id: Source(passage) for passage in passages}
    asked = set(stems(question))
    known = asked.union(*(source.stems for source in sources.values()))
    claims = [
        _claim(assertion, sources, asked, require_citations)
        for assertion in assertions(answer, sources)
        if not (assertion.lead_in and _announces(assertion, known))
    ]
    if not claims:
        return Proof(False, 0.0, ())
    return Proof(all(c.supported for c in claims), min(c.score for c in claims), tuple(claims))


def _announces(assertion: Assertion, known: set[str]) -> bool:
    said = Words(assertion.prose)
    asserts = not _ASSERTING.isdisjoint(words(assertion.prose))
    return not said.denials and (not asserts or 3 * len(said.content - known) <= max(len(said.content), 3))


# --- judging -----------------------------------------------------------------------------------------

_ASSERTING = frozenset("is are was were be been has have had does do will would can could may must should".split())
_PRICING = frozenset(stems("cost costs price priced charge charged fee pay amount"))
_NAME = re.compile(r"(?<=[\w,;)] )[A-Z][a-z]+\b")


@dataclass(slots=True)
class _Finding:
    """What one passage says to a claim."""

    source: Source
    place: int | None
    covered: set[str]
    missing: list[Fact]
    reason: str
    score: float


def _claim(assertion: Assertion, sources: dict[str, Source], asked: set[str], require_citations: bool) -> Claim:
    unknown = [cited for cited in assertion.citations if cited not in sources]
    if unknown:
        return _unproved(assertion, f"no citation: [{unknown[0]}] is not among the passages")
    if require_citations and not assertion.citations:
        return _unproved(assertion, "no citation: it names no passage")
    content = _content(assertion)
    if not content and not assertion.facts:
        return _unproved(assertion, "cannot judge: a bare yes or no")
    if not sources:
        return _unproved(assertion, "absent: there is no passage to support it")
    cited = [sources[id_] for id_ in assertion.citations] or list(sources.values())
    findings = [_judge(assertion, content, asked, source) for source in cited]
    best = max(findings, key=lambda finding: (not finding.reason, finding.score))
    if best.reason and len(assertion.citations) > 1:
        best = _together(content, findings, best)
    if best.reason and _foreign(assertion.prose, best.covered, cited):
        best.reason = "cannot judge: it is in another language than the passages"
    unit = best.source.units[best.place] if best.place is not None else None
    return Claim(
        assertion.text, assertion.start, assertion.end, not best.reason, best.reason, round(best.score, 4),
        best.source.evidence.id, (unit.start, unit.end) if unit else None, assertion.citations,
        undecided=best.reason.startswith("absent: most of its words"),
    )  # fmt: skip


def _content(assertion: Assertion) -> set[str]:
    """The words that a passage must have: not those of the facts, nor those that go with a fact of that kind."""
    content = set(stems(assertion.wording))
    return content - _PRICING if any(fact.kind == "money" for fact in assertion.facts) else content


def _unproved(assertion: Assertion, reason: str) -> Claim:
    return Claim(assertion.text, assertion.start, assertion.end, False, reason, 0.0, None, None, assertion.citations)


def _judge(assertion: Assertion, content: set[str], asked: set[str], source: Source) -> _Finding:
    places = [source.places(fact) for fact in assertion.facts]
    missing = [fact for fact, found in zip(assertion.facts, places, strict=True) if not found]
    if not source.units:
        return _Finding(source, None, set(), missing, "absent: the passage is empty", 0.0)
    at = [set(found) for found in places]

    def fit(i: int) -> float:
        unit = source.units[i]
        stated = sum(-1 in found or not found.isdisjoint((i - 1, i, i + 1)) for found in at)
        exact = sum(i in found for found in at)
        own = len(content & unit.words.content)
        return 2 * stated + exact + len(content & unit.window) + own / 2 + own / (1 + len(unit.words.content))

    best = max(range(len(source.units)), key=fit)
    covered = content & source.units[best].window
    spread = False
    for found in at:
        if found and -1 not in found and found.isdisjoint((best - 1, best, best + 1)):
            spread = True
            covered |= content & source.units[min(found)].window
    share = len(covered) / len(content) if content else 1.0
    held = 1 - len(missing) / len(assertion.facts) if assertion.facts else 1.0
    reason = (
        _missing(missing, source)
        or _misplaced(assertion.facts, at, content, source)
        or _uncovered(assertion, content, covered, asked | source.stems)
        or _denied(Words(assertion.prose), source.units[best])
    )
    sure = share * held * (0.9 if spread else 1.0)
    if reason:
        sure *= 0.4 if reason.startswith(("contradicts", "negation")) else 0.98
    return _Finding(source, best, covered, missing, reason, 0.5 * sure if reason else 0.5 + 0.5 * sure)


def _missing(missing: list[Fact], source: Source) -> str:
    for fact in missing:
        others = sorted({stated.unit for _, stated in source.valued.get(fact.value, ()) if stated.unit != fact.unit})
        if fact.unit and others:
            return f"unit differs: {fact.text} is not among the passages, which have {fact.value} {others[0]}".rstrip()
    return f"absent: {missing[0].text} is in none of the passages" if missing else ""


def _misplaced(facts: Iterable[Fact], at: list[set[int]], content: set[str], source: Source) -> str:
    """Whether the words around a fact fit another value of its kind far better: the price of another plan."""
    claimed = {key(fact) for fact in facts}
    for fact, found in zip(facts, at, strict=True):
        if key(fact)[0] == "literal" or -1 in found:
            continue
        fits = [len(content & (unit.words.content | unit.around)) for unit in source.units]
        own = max(fits[place] for place in found)
        for place, unit in enumerate(source.units):
            if place in found or fits[place] - own < max(1, MARGIN * len(content)):
                continue
            for rival in unit.facts:
                alike = (rival.kind, rival.unit) == (fact.kind, fact.unit) or rival.value == fact.value
                in_cell = rival.kind == "number" and unit.plain.startswith("|")  # its unit stands in the header
                if (alike or in_cell) and key(rival) not in claimed and key(fact) not in implied(rival):
                    return f"contradicts: the passage has {rival.text} where the claim has {fact.text}"
    return ""


def _uncovered(assertion: Assertion, content: set[str], covered: set[str], known: set[str]) -> str:
    for name in _NAME.findall(assertion.wording):
        if name.lower() not in STOP_WORDS and not known.issuperset(stems(name)):
            return f"absent: {name} is in none of the passages"
    allowed = max(int((1 - COVERED) * len(content)), 1 if assertion.facts and len(content) > 1 else 0)
    if len(content) - len(covered) > allowed:
        return "absent: most of its words are in no one place of the passages"
    return ""


def _denied(said: Words, unit: Unit) -> str:
    """Whether the claim affirms what the passage denies, or the reverse."""
    source = unit.words
    if (source.negated - source.affirmed) & (said.affirmed - said.negated):
        return "negation lost: the passage denies what the claim affirms"
    if (said.negated - said.affirmed) & (source.affirmed - source.negated):
        return "contradicts: the claim denies what the passage affirms"
    same = len(said.content & source.content) > SAME * len(said.content | source.content)
    if same and said.denials != source.denials:  # the same sentence with a "not" more or less
        return (
            "negation lost: the passage denies what the claim affirms"
            if said.denials < source.denials
            else "contradicts: the claim denies what the passage affirms"
        )
    return ""


def _together(content: set[str], findings: list[_Finding], best: _Finding) -> _Finding:
    """`best`, supported if the passages that a claim cites support it between them."""
    nowhere = [fact for fact in best.missing if all(fact in finding.missing for finding in findings)]
    covered = set[str]().union(*(finding.covered for finding in findings))
    split = best.reason.startswith(("absent", "unit differs")) and not nowhere
    if split and len(covered) >= COVERED * len(content):
        share = len(covered) / len(content) if content else 1.0
        return replace(best, covered=covered, missing=[], reason="", score=0.5 + 0.4 * share)
    return best


def _foreign(prose: str, covered: set[str], sources: list[Source]) -> bool:
    """Whether a claim is in a script, or shares no word and is in a language, that the passages are not in."""
    spoken, written = _language(prose), _language("\n".join(source.evidence.text for source in sources))
    return bool(spoken and written) and spoken != written and ("other" in (spoken, written) or not covered)


def _language(text: str) -> str:
    """Which of "english", "latin" or "other" a text is written in; "" if it is too short to tell."""
    letters = [character for character in text if character.isalpha()]
    if len(letters) < 12:
        return ""
    if 2 * sum(ord(letter) > 0x24F for letter in letters) > len(letters):
        return "other"  # than the Latin script
    spoken = words(text)
    if len(spoken) < 8:
        return ""
    return "english" if 16 * sum(word in STOP_WORDS for word in spoken) > len(spoken) else "latin"
