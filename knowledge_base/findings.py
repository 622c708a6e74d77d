"""Findings: what the passages say to each claim of an answer, before the doubts are weighed against each other.

Three things are held against the passages that a claim cites: every fact in it must stand there (`stating`) and be said
of the same thing (`binding`), it must affirm what they affirm (`polarity`, `sides`), and they must carry its wording
(`support`). A fact, name or denial that fails decides; wording only weighs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import lru_cache

from knowledge_base.binding import Binding, Place, bind, exchanged, misplaced, names_in, rarity
from knowledge_base.claims import Assertion, assertions
from knowledge_base.context import Context, merged, neighbours, tokens, within
from knowledge_base.evidence import AMOUNTS, Evidence, Source, Unit, bare, read
from knowledge_base.facts import Fact, Key, facts_in, implied, key, one_line
from knowledge_base.language import foreign
from knowledge_base.polarity import DENIES, Words, gainsaid, opposed
from knowledge_base.sides import Beside, conflict, halved, moved, refuted, turned
from knowledge_base.stating import is_aside, places
from knowledge_base.support import ASKED, ELSEWHERE, FRAME, Known, floor, levels, risk, signs, unknown_names
from knowledge_base.text import stems, words

MISPLACED = 0.7
"""How likely a value must be said of something else before the claim fails for it."""


@dataclass(slots=True)
class Finding:
    """What the passages say to one claim. `reason` is empty while nothing speaks against it.

    `spoken` are the content words as `support.levels` gives them, `signs` those of `support`.
    """

    assertion: Assertion
    reason: str = ""
    undecided: bool = False
    risk: float = 1.0
    source: Source | None = None
    unit: Unit | None = None
    spoken: list[tuple[str, int, int]] = field(default_factory=list)
    signs: list[float] = field(default_factory=list)
    bindings: list[tuple[Fact, Binding, set[Key]]] = field(default_factory=list)

    @property
    def loose(self) -> list[str]:
        """The words that stand in none of the passages."""
        prose = self.assertion.prose
        return [prose[start:].split()[0].strip(".,;:()") for _, start, level in self.spoken if level < ELSEWHERE]

    @property
    def carried(self) -> float:
        """The share of the others, 0..1."""
        return _carried(self.spoken) / len(self.spoken) if self.spoken else 1.0


def _carried(spoken: list[tuple[str, int, int]]) -> int:
    return sum(level >= ELSEWHERE for *_, level in spoken)


def findings(
    answer: str,
    passages: Sequence[Evidence],
    question: str = "",
    *,
    require_citations: bool = False,
    beside: Sequence[Evidence] = (),
    checkpoint: Callable[[], None] = lambda: None,
) -> list[Finding]:
    """What the passages say to each claim of `answer`, before the doubts are weighed against each other.

    `checkpoint` is called before each piece of the work, and what it raises ends it.
    """

    def sources(given: Iterable[Evidence]) -> Iterator[Source]:
        for passage in given:
            checkpoint()
            yield read(passage)

    shelf = _Shelf(list(sources(passages)), question, list(sources(beside)), checkpoint)
    made = [
        assertion
        for assertion in assertions(answer, shelf.sources)
        if not (assertion.lead_in and _announces(assertion, shelf.known(()).stems | shelf.asked))
    ]
    return [_judge(assertion, shelf, require_citations=require_citations) for assertion in made]


def _announces(assertion: Assertion, known: Set[str]) -> bool:
    said = Words(assertion.prose)
    asserts = not _ASSERTING.isdisjoint(words(assertion.prose))
    return not said.denials and (not asserts or 3 * len(said.content - known) <= max(len(said.content), 3))


_ASSERTING = frozenset("is are was were be been has have had does do did will would can could may must should".split())


class _Shelf:
    """The passages of one call, by id, with what any choice of them says between them."""

    def __init__(
        self, sources: Sequence[Source], question: str, beside: Sequence[Source], checkpoint: Callable[[], None]
    ) -> None:
        self.beside, self.checkpoint = beside, checkpoint
        self.sources: dict[str, list[Source]] = {}  # an id that two passages share names both
        for source in sources:
            self.sources.setdefault(source.evidence.id, []).append(source)
        # Most writers cite by place, whatever the passages are called.
        by_place = not any(id_.isdecimal() for id_ in self.sources)
        self._places = {str(place): [source] for place, source in enumerate(sources, start=1)} if by_place else {}
        self.asked = frozenset(stems(question))
        self.asked_facts = {stated for fact in facts_in(question) for stated in implied(fact)}

    def named(self, id_: str) -> list[Source]:
        """The passages of that id; where none has a number for an id, `[2]` is the second one."""
        return self.sources.get(id_) or self._places.get(id_, [])

    def cited(self, ids: tuple[str, ...]) -> list[Source]:
        """The passages named, or all."""
        return [source for id_ in ids or self.sources for source in self.named(id_)]

    def known(self, ids: tuple[str, ...]) -> Known:
        """What those say."""
        return replace(_known(tuple(self.cited(ids))), asked=self.asked)


@lru_cache(maxsize=256)
def _known(sources: tuple[Source, ...]) -> Known:
    """What passages say between them: kept, since all sentences of an answer rest on the same few."""
    return Known.of(sources, rarity(sources))


# --- one claim ---------------------------------------------------------------------------------------


def _judge(made: Assertion, shelf: _Shelf, *, require_citations: bool) -> Finding:
    if reason := _uncited(made, shelf, require_citations):
        return Finding(made, reason)
    shelf.checkpoint()
    cited, known = shelf.cited(made.citations), shelf.known(made.citations)
    carried = levels(made, known)
    if reason := _unreadable(made, carried.words, cited):
        return Finding(made, reason)
    unit = _evidence(made, carried.best, cited)
    source = next(source for source in cited if any(mine is unit for mine in source.units))
    finding = Finding(made, source=source, unit=unit, spoken=carried.words)
    around, bindings = _bindings(made, shelf, cited, known)
    stated = {fact for fact in made.facts if any(places(s, fact) for s in cited) or _said_apart(fact, made, cited)}
    missing = [fact for fact in made.facts if fact not in stated and not _excused(fact, bindings, shelf)]
    bound = {fact: binding for fact, binding in bindings.items() if fact in stated and binding.own}
    claimed = {key(fact) for fact in made.facts}
    finding.bindings = [(fact, binding, claimed) for fact, binding in bound.items()]
    elsewhere = denied = ""
    misbound = 0.0
    if not as_it_stands(made, cited):
        misbound, elsewhere = _elsewhere(finding.bindings)
        elsewhere = _crossed(exchanged([(b, around[fact]) for fact, b in bound.items()], known.rare)) or elsewhere
        denied = _denied(made, unit, bound, known) or _halved(made, bound)
    finding.reason = (
        _missing(missing, cited)
        or _repeats(made, carried.words, known)
        or elsewhere
        or denied
        or "".join(f"absent: {name} is in none of the passages" for name in unknown_names(made.prose, known)[:1])
    )
    finding.signs = signs(made, known, carried, absent=len(missing), misplaced=misbound, opposed=bool(denied))
    finding.risk = max(risk(finding.signs), floor(finding.reason))
    return finding


def _uncited(made: Assertion, shelf: _Shelf, require_citations: bool) -> str:
    """Why there is nothing to hold a claim against, or nothing in it to hold; empty when there is."""
    unknown = [cited for cited in made.citations if not shelf.named(cited)]
    if unknown:
        return f"no citation: [{unknown[0]}] is not among the passages"
    if require_citations and not made.citations:
        return "no citation: it names no passage"
    if not stems(made.wording) and not made.facts:
        return "cannot judge: a bare yes or no"
    if not any(source.units for source in shelf.cited(made.citations)):
        return "absent: there is no passage to support it"
    return ""


def _unreadable(made: Assertion, spoken: list[tuple[str, int, int]], cited: Sequence[Source]) -> str:
    """Why the proof, which reads English, cannot judge a claim; empty when it can."""
    if all(source.language for source in cited if source.units):
        return "cannot judge: the passages are in another language than English"
    if 2 * _carried(spoken) < len(spoken) and foreign(made.prose):
        return "cannot judge: it is in another language than the passages"
    return ""


_SHORT = 15


def as_it_stands(made: Assertion, cited: Sequence[Source]) -> bool:
    """Whether a claim is a whole sentence, item or row of a passage, word for word."""
    said = bare(one_line(made.prose))
    return len(said) > _SHORT and any(said in source.whole for source in cited)


def _evidence(made: Assertion, best: list[Unit], cited: Sequence[Source]) -> Unit:
    """The unit to show for a claim: the one that states most of its facts, and of those the one with its words."""
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


def _bindings(
    made: Assertion, shelf: _Shelf, cited: Sequence[Source], known: Known
) -> tuple[dict[Fact, Context], dict[Fact, Binding]]:
    """What a claim says around each of its amounts, and what the passages have there."""
    amounts = [fact for fact in made.facts if fact.kind in AMOUNTS][:_BOUND]
    spoken, names = tokens(made.text), names_in(made.text)
    around = {
        fact: merged((_ASKED, known.asked), own=within(made.text, spoken, made.facts, fact, made.start))
        for fact in amounts
    }
    bindings = {}
    for fact, said in around.items():
        shelf.checkpoint()
        beside = neighbours(made.text, fact, made.start)
        bindings[fact] = bind(fact, said, beside, cited, known.rare, names, shelf.beside)
    return around, bindings


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


def _elsewhere(bindings: Sequence[tuple[Fact, Binding, set[Key]]]) -> tuple[float, str]:
    """How likely the worst of a claim's values is said of something else, 0..1; the reason when that is too likely."""
    doubts = [(misplaced(binding, fact, claimed), fact, binding) for fact, binding, claimed in bindings]
    if not doubts:
        return 0.0, ""
    doubt, fact, binding = max(doubts, key=lambda found: found[0])
    if doubt <= MISPLACED:
        return doubt, ""
    own, rival = binding.own, binding.rival
    said_of = _short(own.source.units[own.unit].plain) if own else "something else"
    instead = f"; here the passages have {rival.fact.text.strip()}" if rival else ""
    return doubt, f'belongs to something else: {fact.text.strip()} is said in "{said_of}"{instead}'


def _crossed(places: tuple[Place, Place] | None) -> str:
    if places is None:
        return ""
    one, other = (place.fact.text.strip() for place in places)
    return f"belongs to something else: {one} and {other} stand in each other's place"


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:77].rsplit(" ", 1)[0] + " …"


_MEASURED = ("quantity", "money", "percent")


def _halved(made: Assertion, bindings: dict[Fact, Binding]) -> str:
    values = {fact.value for fact in made.facts}
    for fact, binding in bindings.items():
        if binding.own and fact.kind in _MEASURED:
            unit, own = binding.own.source.units[binding.own.unit], binding.own.fact
            here, there = Beside(made.text, fact, made.start), Beside(unit.text, own, unit.start)
            if whole := halved(here, values, there, _others(unit, fact, own)):
                return f"contradicts: the passage has {whole.strip()}, of which the claim tells one end as the value"
    return ""


def _others(unit: Unit, fact: Fact, own: Fact) -> list[Fact]:
    """What else of the claim's kind of value a unit says beside the claim's own."""
    return [other for other in unit.facts if other.kind == fact.kind and other.value != own.value]


def _alike(fact: Fact, made: Assertion, own: Fact, unit: Unit) -> list[Beside]:
    """The values of a unit that may be the claim's: where both say it as often as each other, in turn."""
    mine = [f for f in made.facts if (f.kind, f.value, f.unit) == (fact.kind, fact.value, fact.unit)]
    theirs = [f for f in unit.facts if (f.kind, f.value, f.unit) == (own.kind, own.value, own.unit)]
    theirs = [theirs[mine.index(fact)]] if len(mine) == len(theirs) else theirs
    return [Beside(unit.text, one, unit.start) for one in theirs]


def _denied(made: Assertion, unit: Unit, bindings: dict[Fact, Binding], known: Known) -> str:
    said = Words(made.prose)
    here_too = {f: b.own.fact for f, b in bindings.items() if b.own and b.own.source.units[b.own.unit] is unit}
    beside = [
        (own, Beside(made.text, fact, made.start), _alike(fact, made, own, unit)) for fact, own in here_too.items()
    ]
    if not any(turned(here, there) for _, here, all_there in beside for there in all_there):
        around = f"{unit.plain} {' '.join(unit.around)}"
        if reason := opposed(said, made.prose, unit.words, around, bound=bool(here_too)):
            return reason
    for own, here, all_there in beside:
        told = here.fact.text.strip()
        others = _others(unit, here.fact, own)
        if all(sides := [moved(here, there, others) for there in all_there]):
            return f'belongs to something else: the passage has "{sides[0]}" of another value than {told}'
        if all(instead := [conflict(here, there, others) for there in all_there]):
            return f"contradicts: the passage has {instead[0]} {told}, the claim the opposite"
        if all(refuted(here, there) for there in all_there):
            return f"contradicts: the claim denies {told}, which the passage has"
    return DENIES if gainsaid(said, made.prose, ((u.words, u.plain) for u in known.units), FRAME) else ""
