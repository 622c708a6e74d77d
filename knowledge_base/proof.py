"""Proof: an answer and the passages it rests on -> its claims, each supported or not, and why.

Three things are held against the passages a claim cites: every fact in it must stand there and be said of the same
thing (`binding`), its wording must be carried by them (`support`), and it must affirm what they affirm (`polarity`).
A fact that fails is decided, whatever the wording; wording alone is weighed, and what it leaves in doubt is marked
`undecided`. No model takes part, so the same input gives the same verdict.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence, Set
from dataclasses import dataclass, field

from knowledge_base.binding import Binding, Place, bind, exchanged, misplaced, names_in, rarity
from knowledge_base.claims import Assertion, assertions
from knowledge_base.context import CONCEPT, Context, Token, merged, neighbours, tokens, within
from knowledge_base.evidence import AMOUNTS, Evidence, Source, Unit, read
from knowledge_base.facts import Fact, Key, facts_in, implied, key, one_line
from knowledge_base.language import foreign
from knowledge_base.polarity import Words, opposed
from knowledge_base.sides import Place as Beside
from knowledge_base.sides import conflict, moved
from knowledge_base.stating import is_aside, places
from knowledge_base.support import (
    ASKED,
    HERE,
    Known,
    answer_risk,
    floor,
    levels,
    names_said,
    risk,
    signs,
    unknown_names,
)
from knowledge_base.text import stems, words

__all__ = ["Claim", "Evidence", "Proof", "prove"]

MISPLACED = 0.7
"""How likely a value must be said of something else before the claim fails for it."""
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
) -> Proof:
    """Hold every claim of `answer` against the passages it cites, or against all if it cites none.

    With `require_citations` a claim without a citation is not supported. `beside` is more of the same documents:
    it supports nothing, but shows what a value might rather belong to.
    """
    judged = findings(answer, passages, question, require_citations=require_citations, beside=beside)
    if not judged:
        return Proof(False, 0.0, ())
    _off_topic(judged, frozenset(stems(question)))
    _weigh(judged)
    claims = tuple(finding.claim() for finding in judged)
    return Proof(all(c.supported for c in claims), round(1 - answer_risk([f.risk for f in judged]), 4), claims)


def findings(
    answer: str,
    passages: Sequence[Evidence],
    question: str = "",
    *,
    require_citations: bool = False,
    beside: Sequence[Evidence] = (),
) -> list[Finding]:
    """What the passages say to each claim of `answer`, before the doubts are weighed against each other."""
    shelf = _Shelf([read(passage) for passage in passages], question, [read(passage) for passage in beside])
    made = [
        assertion
        for assertion in assertions(answer, shelf.sources)
        if not (assertion.lead_in and _announces(assertion, shelf.known(()).stems | shelf.asked))
    ]
    return [_judge(assertion, shelf, require_citations=require_citations) for assertion in made]


def strays(
    text: str, quotes: Sequence[Evidence], question: str = "", names: Set[str] = frozenset()
) -> tuple[str, bool]:
    """Why a sentence does not say what the words it was taken from say, and whether only its wording speaks against it.

    Empty when it keeps to them. For writing by span: `quotes` are the words alone, with the title and headings they
    stand under. Closer than `prove`: of a sentence that names its source more may be asked than of any answer. Whether
    its figures stand in the quotes is not asked here. `names` are those of the passages: one may begin the sentence.
    """
    doubt = ""
    for finding in findings(text, quotes, question):
        made, unit = finding.assertion, finding.unit
        if finding.reason.startswith(("belongs", "contradicts", "negation")):
            return finding.reason, False
        if unit is None or _as_it_stands(made, [read(quote) for quote in quotes]):
            continue
        said = " ".join((unit.plain, *unit.around))
        if reason := opposed(Words(made.prose), made.prose, unit.words, said, bound=True, closely=True):
            return reason, False
        known = frozenset(stems(question)).union(*(read(quote).stems for quote in quotes))
        first = made.prose.split()[:1]
        said_names = [*names_said(made.prose), *(word for word in first if word in names)]
        if strange := [name for name in said_names if not known.issuperset(stems(name))]:
            return f"absent: {strange[0]} is not in the words it was taken from", False
        if finding.carried < _TAKEN and finding.words > 2:
            doubt = doubt or f"absent: the quoted words do not say it ({', '.join(finding.loose[:4])})"
    return doubt, bool(doubt)


_TAKEN = 0.34
"""The least share of a sentence's words that the words it was taken from must have."""


def _announces(assertion: Assertion, known: Set[str]) -> bool:
    said = Words(assertion.prose)
    asserts = not _ASSERTING.isdisjoint(words(assertion.prose))
    return not said.denials and (not asserts or 3 * len(said.content - known) <= max(len(said.content), 3))


_ASSERTING = frozenset("is are was were be been has have had does do did will would can could may must should".split())


class _Shelf:
    """The passages of one call, by id, with what any choice of them says between them."""

    def __init__(self, sources: Sequence[Source], question: str, beside: Sequence[Source]) -> None:
        self.beside = beside
        self.sources: dict[str, list[Source]] = {}  # an id that two passages share names both
        for source in sources:
            self.sources.setdefault(source.evidence.id, []).append(source)
        self.asked = frozenset(stems(question))
        self.asked_facts = {stated for fact in facts_in(question) for stated in implied(fact)}
        self._known: dict[tuple[str, ...], Known] = {}

    def cited(self, ids: tuple[str, ...]) -> list[Source]:
        """The passages named, or all."""
        return [source for id_ in ids or self.sources for source in self.sources[id_]]

    def known(self, ids: tuple[str, ...]) -> Known:
        """What those say."""
        if ids not in self._known:
            chosen = self.cited(ids)
            self._known[ids] = Known.of(chosen, self.asked, rarity(chosen))
        return self._known[ids]


_FAILED = 0.49
"""The most that a failed claim scores, so that whoever sorts by score sees it below those that stand."""


# --- judging -----------------------------------------------------------------------------------------


@dataclass(slots=True)
class Finding:
    """What the passages say to one claim. `reason` is empty while nothing speaks against it.

    `signs` are those of `support`; `loose` are the words that stand in none of the passages, `carried` is the
    share of the others.
    """

    assertion: Assertion
    reason: str = ""
    undecided: bool = False
    risk: float = 1.0
    source: Source | None = None
    unit: Unit | None = None
    loose: list[str] = field(default_factory=list)
    carried: float = 1.0
    words: int = 0
    signs: list[float] = field(default_factory=list)
    bindings: list[tuple[Fact, Binding, set[Key]]] = field(default_factory=list)

    def claim(self) -> Claim:
        made = self.assertion
        return Claim(
            made.text, made.start, made.end, not self.reason, self.reason,
            round(min(1 - self.risk, _FAILED) if self.reason else 1 - self.risk, 4),
            self.source.evidence.id if self.source else None, (self.unit.start, self.unit.end) if self.unit else None,
            made.citations, self.undecided,
        )  # fmt: skip


def _judge(made: Assertion, shelf: _Shelf, *, require_citations: bool) -> Finding:
    unknown = [cited for cited in made.citations if cited not in shelf.sources]
    if unknown:
        return Finding(made, f"no citation: [{unknown[0]}] is not among the passages")
    if require_citations and not made.citations:
        return Finding(made, "no citation: it names no passage")
    if not stems(made.wording) and not made.facts:
        return Finding(made, "cannot judge: a bare yes or no")
    cited = shelf.cited(made.citations)
    if not any(source.units for source in cited):
        return Finding(made, "absent: there is no passage to support it")
    known = shelf.known(made.citations)
    spoken, best = carried = levels(made, known)
    if reason := _unreadable(made, spoken, cited):
        return Finding(made, reason)
    finding = Finding(made)
    finding.unit = _evidence(made, best, cited)
    finding.source = next(source for source in cited if finding.unit in source.units)
    stated = {
        fact: any(places(source, fact) for source in cited) or _said_apart(fact, made, cited) for fact in made.facts
    }
    amounts = [fact for fact in made.facts if fact.kind in AMOUNTS][:_BOUND]
    spoken_words, names = tokens(made.text), names_in(made.text)
    around = {fact: _around(fact, made, spoken_words, known) for fact in amounts}
    beside_them = shelf.beside
    bindings = [
        (fact, bind(fact, said, neighbours(made.text, fact, made.start), cited, known.rare, names, beside_them))
        for fact, said in around.items()
    ]
    missing = [fact for fact in made.facts if not stated[fact] and not _excused(fact, dict(bindings), shelf)]
    bound = [(fact, binding) for fact, binding in bindings if stated[fact] and binding.own]
    claimed = {key(fact) for fact in made.facts}
    doubts = [(misplaced(binding, fact, claimed), fact, binding) for fact, binding in bound]
    misbound, wrong, found = max(doubts, key=lambda doubt: doubt[0], default=(0.0, None, None))
    denied = _denied(made, finding.unit, bound)
    as_it_stands = _as_it_stands(made, cited)
    if as_it_stands:
        denied, misbound, wrong = "", 0.0, None
    finding.reason = (
        _missing(missing, cited)
        or _repeats(made, spoken, known)
        or _crossed(
            exchanged([(binding, around[fact]) for fact, binding in bound], known.rare) if not as_it_stands else None
        )
        or (_elsewhere(wrong, found) if wrong and found and misbound > MISPLACED else "")
        or denied
        or "".join(f"absent: {name} is in none of the passages" for name in unknown_names(made.prose, known)[:1])
    )
    finding.words = len(spoken)
    finding.carried = sum(level >= HERE - 1 for *_, level in spoken) / len(spoken) if spoken else 1.0
    finding.loose = [made.prose[start:].split()[0].strip(".,;:()") for _, start, level in spoken if level < HERE - 1]
    finding.bindings = [(fact, binding, claimed) for fact, binding in bound]
    finding.signs = signs(made, known, carried, absent=len(missing), misplaced=misbound, opposed=bool(denied))
    finding.risk = max(risk(finding.signs), floor(finding.reason))
    return finding


def _unreadable(made: Assertion, spoken: list[tuple[str, int, int]], cited: Sequence[Source]) -> str:
    """Why the proof, which reads English, cannot judge a claim; empty when it can."""
    if all(source.language for source in cited if source.units):
        return "cannot judge: the passages are in another language than English"
    known = sum(level >= HERE - 1 for *_, level in spoken)
    if 2 * known < len(spoken) and foreign(made.prose):
        return "cannot judge: it is in another language than the passages"
    return ""


def _as_it_stands(made: Assertion, cited: Sequence[Source]) -> bool:
    """Whether a claim is a whole sentence, item or row of a passage, word for word."""
    said = one_line(made.prose).strip(_MARKS).casefold()
    return len(said) > _SHORT and any(said == unit.plain.strip(_MARKS).casefold() for s in cited for unit in s.units)


_MARKS = " .:;,*_-|"
_SHORT = 15


def _evidence(made: Assertion, best: list[Unit], cited: Sequence[Source]) -> Unit:
    """The unit to show for a claim: the one that states most of its facts, and of those the one with its words."""
    if not made.facts:
        return best[0] if best else next(source.units[0] for source in cited if source.units)
    stating: dict[int, tuple[int, Unit]] = {}
    for source in cited:
        for fact in made.facts:
            for at in set(places(source, fact)):
                if at >= 0:
                    count, unit = stating.get(id(source.units[at]), (0, source.units[at]))
                    stating[id(unit)] = (count + 1, unit)
    if not stating:
        return best[0] if best else next(source.units[0] for source in cited if source.units)
    said = set(stems(made.prose))
    return max(
        stating.values(), key=lambda pair: (pair[0], len(said & pair[1].window), len(said & pair[1].words.content))
    )[1]


_BOUND = 24
"""So many amounts of one claim are compared with the others around them; every one must stand in a passage."""


def _around(fact: Fact, made: Assertion, spoken: list[Token], known: Known) -> Context:
    return merged((_ASKED, known.asked), own=within(made.text, spoken, made.facts, fact, made.start))


_ASKED = 0.15
"""What a word of the question counts as being said around a fact: "it costs $49" is said of what was asked."""


def _said_apart(fact: Fact, made: Assertion, cited: Sequence[Source]) -> bool:
    """Whether a claim says elsewhere what its rate lacks: "a seat is $49 per month" of $49 per seat per month."""
    mine = fact.unit.split("/")
    for source in cited:
        for _, other in source.valued.get(fact.value, ()):
            theirs = other.unit.split("/")
            dropped = [part for part in theirs if part not in mine]
            if fact.unit and dropped and all(part in theirs for part in mine) and other.kind == fact.kind:
                return set(stems(made.wording)).issuperset(stem for part in dropped for stem in stems(part))
    return False


def _excused(fact: Fact, bindings: dict[Fact, Binding], shelf: _Shelf) -> bool:
    """Whether a fact that no passage states may stand: the writer's own count, or what the question itself said.

    Not where the passages have another value in that place.
    """
    rival = bindings[fact].rival if fact in bindings else None
    if is_aside(fact):
        return rival is None or rival.likeness < _IN_ITS_PLACE or not rival.adjacent
    repeated = fact.kind in AMOUNTS and fact.kind != "money" and key(fact) in shelf.asked_facts
    return repeated and (rival is None or rival.likeness < _IN_ITS_PLACE)


def _repeats(made: Assertion, spoken: list[tuple[str, int, int]], known: Known) -> str:
    """Whether a claim is the question said again, which no passage confirms."""
    again = [level for stem, _, level in spoken if stem in known.asked]
    if len(again) > 2 and len(again) >= 0.8 * len(spoken) and 2 * sum(level <= ASKED for level in again) > len(again):
        return "absent: it only repeats the question"
    return ""


_IN_ITS_PLACE = 0.4
"""How alike what is said around another value must be for it to stand in the place of a claim's own."""


def _missing(missing: list[Fact], cited: Sequence[Source]) -> str:
    for fact in missing:
        others = sorted(
            {o.unit for source in cited for _, o in source.valued.get(fact.value, ()) if o.unit != fact.unit and o.unit}
        )
        if fact.unit and others:
            return f"unit differs: {fact.text} is not among the passages, which have {fact.value} {others[0]}".rstrip()
    return f"absent: {missing[0].text} is in none of the passages" if missing else ""


def _elsewhere(fact: Fact, binding: Binding) -> str:
    own, rival = binding.own, binding.rival
    said_of = _short(own.source.units[own.unit].plain) if own else "something else"
    instead = f"; here the passages have {rival.fact.text.strip()}" if rival else ""
    return f'belongs to something else: {fact.text.strip()} is said in "{said_of}"{instead}'


def _crossed(places: tuple[Place, Place] | None) -> str:
    if places is None:
        return ""
    one, other = (place.fact.text.strip() for place in places)
    return f"belongs to something else: {one} and {other} stand in each other's place"


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:77].rsplit(" ", 1)[0] + " …"


def _denied(made: Assertion, unit: Unit, bindings: list[tuple[Fact, Binding]]) -> str:
    said = Words(made.prose)
    bound = any(binding.own and binding.own.source.units[binding.own.unit] is unit for _, binding in bindings)
    if reason := opposed(said, made.prose, unit.words, f"{unit.plain} {' '.join(unit.around)}", bound=bound):
        return reason
    for fact, binding in bindings:
        if binding.own and binding.own.source.units[binding.own.unit] is unit:
            here = Beside(made.text, fact, made.start)
            there = Beside(unit.text, binding.own.fact, unit.start)
            others = [o for o in unit.facts if o.kind == fact.kind and o.value != binding.own.fact.value]
            if side := moved(here, there, others):
                return f'belongs to something else: the passage has "{side}" of another value than {fact.text.strip()}'
            if turned := conflict(here, there):
                return f"contradicts: the passage has {turned} {fact.text.strip()}, the claim the opposite"
    return ""


_FORM = 5
"""So many first letters tell the forms of one word."""


def _off_topic(judged: list[Finding], asked: frozenset[str]) -> None:
    """Fails the claims of an answer that is about something else than the question, however true it is.

    It is when neither a claim nor anything in the passages that support it has a word of it.
    """
    wanted = {CONCEPT.get(stem, stem) for stem in asked}
    if len(wanted) < 3:
        return
    forms = {stem[:_FORM] for stem in asked if len(stem) >= _FORM}
    for finding in judged:
        around = finding.source.stems | finding.source.named if finding.source else set()
        said = around.union(stems(finding.assertion.prose))
        if not wanted.isdisjoint(CONCEPT.get(stem, stem) for stem in said) or any(s[:_FORM] in forms for s in said):
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
