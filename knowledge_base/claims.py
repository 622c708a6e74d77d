"""An answer -> what it asserts: one assertion a sentence, list item, table row or code block.

Left out is what asserts nothing: greetings, headings, table headers, questions, lists of sources and
"I could not find it". Whatever holds a fact is never left out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from knowledge_base.evidence import quotable
from knowledge_base.facts import Fact, facts_in
from knowledge_base.text import Kind, Sentence, stems


@dataclass(frozen=True, slots=True)
class Assertion:
    """One thing an answer says: `text == answer[start:end]`.

    `prose` is what remains of it without citation marks and openings such as "According to the policy,";
    `wording` is `prose` without its facts. `lead_in`: it only announces what follows ("Do this:").
    """

    text: str
    start: int
    end: int
    kind: Kind
    prose: str
    wording: str
    facts: tuple[Fact, ...]
    citations: tuple[str, ...] = ()
    lead_in: bool = False


_MARK = re.compile(r"\[\^?([^\[\]\n]{1,200})\](?![(:])")
_RANGE = re.compile(r"(\d{1,3})\s?[-–]\s?(\d{1,3})")
_FENCE = re.compile(r"^\s*(?:```|~~~).*", re.MULTILINE)
_SOURCES = re.compile(r"\W*(?:sources?|references|citations|cited passages)\W*", re.IGNORECASE)
_ADJECTIVE = r"(?:(?:provided|given|above|following|official|internal|relevant|available|retrieved|cited|company)\s+)?"
_DOCUMENT = rf"{_ADJECTIVE}(?:passages?|documents?|documentation|docs?|sources?|context|polic(?:y|ies)|information)"
_OPENING = re.compile(
    rf"""[\W_]*(?:
        (?:yes|no)\s*[,.!:;–—-]\s*
      | (?:sure|certainly|of\ course|absolutely|unfortunately|however|therefore|also|additionally)\b[\s,.!:;–—-]*
      | (?:based\ on|according\ to|as\ per|per|as\ (?:stated|described|mentioned|noted|explained|shown)\ (?:in|by))
        \s+(?:(?:the|our|your|these|this)\s+)?(?:(?-i:[a-z-]+\s+){{0,2}}{_DOCUMENT})?(?:\s+(?:provided|above|given))?(?:\s+\d+)?\s*,\s*
      | (?:the\s+)?{_DOCUMENT}(?:\s+\d+)?\s+(?:states?|says?|mentions?|notes?|explains?|indicates?)(?:\s+that)?\s+
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_BARE_ANSWER = re.compile(r"\W*(?:yes|no)\W*", re.IGNORECASE)
_TELLING = (
    r"(?:say|state|mention|specif|address|answer|explain|discuss|describ|tell|indicat|clarif|refer|name|detail"
    r"|report)\w*"
)
_SAYING = rf"(?:{_TELLING}|(?:contain|cover|includ|provid|giv|list|offer|have)\w*)"
_TEXT = rf"(?:{_DOCUMENT}|text|article|snippet|author|writer|poster)s?"
_NEWS = (
    r"(?:(?:any|enough|further|more|specific|such|exact|the|an?|\w+ed)\s+){0,3}"
    r"(?:information|info|details?|mention|figures?|data|answers?)"
)
_TO_TELL = rf"(?:{_NEWS}|whether|how|what|which|when|where|why|if)"
_SPEAKER = rf"(?:(?:the|these|this|those|any|all|your|our)\s+)?(?!polic){_TEXT}(?:\s+\d+)?"
_THING = r"(?:they|it|(?:(?:the|these|this|those|your|our)\s+)?polic(?:y|ies))"
"""What may be a text or something that a text is about: "it does not cover theft" says nothing of a text."""
_DOES_NOT = r"(?:do|does|did)(?:\s+not|n['’]t)\s+(?:\w+ly\s+|actually\s+)?"
_SHOWN = r"(?:given|provided|covered|said|explained|included|clear|listed)"
_ABSTAINING = re.compile(
    rf"""\b(?:
        (?:i|we)\s+(?:(?:could|can|did)(?:\s+not|n['’]t)|cannot|(?:was|am|are)\s+unable\s+to)\s+
        (?:find|locate|answer|determine|confirm|say|tell|provide\s+(?:you\s+with\s+)?{_NEWS})
      | (?:i|we)\s+(?:do\s+not|don['’]t)\s+(?:know|have\s+{_NEWS})
      | (?:unable|not\s+possible|impossible)\s+to\s+(?:answer|say|determine|tell|confirm|(?:give|provide)\s+{_NEWS})
      | (?:{_SPEAKER})\s+{_DOES_NOT}{_SAYING}
      | {_THING}\s+{_DOES_NOT}(?:{_TELLING}|{_SAYING}\s+{_TO_TELL}\b)
      | (?:neither|no)\s+passages?\s+(?:{_SAYING}|is|are)
      | (?:none|neither|no\s+one|nothing)\s+(?:of|in)\s+(?:these|them|those|the\s+(?:\w+\s+){{0,2}}{_TEXT})
        (?:\s+(?:{_SAYING}|is|are))?
      | no\s+(?:{_DOCUMENT}|mention|information|details?|figures?|data|passages?)\s+
        (?:{_TELLING}|about|on|of|regarding|in|(?:is|are|was|were)\s+(?:\w+ly\s+)?(?:available|found|there|{_SHOWN}))
      | there\s+(?:is|was|are)\s+no(?:t\s+enough)?\s+(?:\w+\s+)?(?:{_DOCUMENT}|mention|information|details?|data)
      | (?:is|are|was|were)(?:\s+not|n['’]t)\s+(?:\w+ly\s+)?
        (?: mentioned|stated|specified|addressed|discussed
          | {_SHOWN}(?=\s+(?:in\s+(?:the|these|any|this|your|our)\s+(?:\w+\s+)?{_TEXT}
            |(?:by|from)\s+(?:the|these|any|this)\s+(?:\w+\s+)?(?!polic){_TEXT}))
        )
        (?:\s+(?:in|by|from)\s+(?:the|these|any|this))?
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)
_ABSTAINED = re.compile(
    r"[^.;!?]*?(?=$|[.;!?]|,?\s\b(?:but|however|although|though|yet|except|so(?! many)|because|while|since)\b)",
    re.IGNORECASE,
)
_TURN = re.compile(r"[,;.]|\b(?:but|and)\b", re.IGNORECASE)
_COURTESY = re.compile(
    r"\W*(?:hi|hello|dear|hey|thanks|thank\s+you|(?:i|we)\s+(?:hope|understand|apologi[sz]e)|hope\s+th|(?:i'm|we're"
    r"|i\s+am|we\s+are)\s+(?:sorry|happy|glad)|sorry|please\s+(?:let|feel|do\s+not\s+hesitate|don't\s+hesitate)"
    r"|let\s+(?:me|us)\s+know|feel\s+free|(?:best|kind|warm|many)?\s*regards|sincerely|yours|cheers|happy\s+to|glad\s+to"
    r"|you're\s+welcome|great\s+question|if\s+you\s+have\s+any|is\s+there\s+anything|don't\s+hesitate)\b",
    re.IGNORECASE,
)
_COURTESIES = frozenset(
    stems(
        """hi hello dear hey thanks thank hope helps helpful understand apologize apologise apologies sorry happy glad
        please let know feel free hesitate best kind warm many regards sincerely yours faithfully cheers welcome great
        question questions anything else further additional more other contact contacting reach reaching touch ask
        asking message inquiry enquiry query assist assistance help clarifies clear inconvenience frustration
        frustrating hear concern concerns patience today day nice wonderful team support customer service need time
        writing back reply issue trouble confusion sounds"""
    )
)


def assertions(answer: str, ids: Collection[str]) -> list[Assertion]:
    """What `answer` asserts, in order. `ids` are those of the passages, which a mark such as `[2]` may name."""
    facts, position = facts_in(answer), 0
    found: list[Assertion] = []
    bare: Assertion | None = None  # a "Yes." that waits for the sentence it goes with
    sources_follow = False
    units = quotable(answer)
    for unit, following in zip(units, [*units, None][1:], strict=True):
        while position < len(facts) and facts[position].start < unit.start:  # what looked like a list's number
            found.append(_alone(facts[position]))
            position += 1
        first = position
        while position < len(facts) and facts[position].start < unit.end:
            position += 1
        assertion, leading = _read(unit, facts[first:position], ids)
        if leading and found and not found[-1].citations and "\n" not in answer[found[-1].end : unit.start]:
            found[-1] = replace(found[-1], citations=leading)  # "It is free. [1] It is fast. [2]"
        elif leading:
            assertion = replace(assertion, citations=_distinct(leading, assertion.citations))
        if bare is not None and "\n" in answer[bare.end : unit.start]:
            found.append(bare)
            bare = None
        sources_follow = sources_follow or bool(_SOURCES.fullmatch(assertion.wording))
        is_header = unit.kind == "row" and following is not None and "--" in answer[unit.end : following.start]
        if not assertion.facts and (is_header or _says_nothing(assertion, sources_follow)):
            continue
        if bare is not None:
            assertion = replace(assertion, text=answer[bare.start : assertion.end], start=bare.start)
            bare = None
        if _BARE_ANSWER.fullmatch(assertion.text):
            bare = assertion
        else:
            found.append(assertion)
    return [*found, bare] if bare is not None else found


def _alone(fact: Fact) -> Assertion:
    return Assertion(fact.text, fact.start, fact.end, "prose", fact.text, " " * len(fact.text), (fact,))


def _read(unit: Sentence, facts: list[Fact], ids: Collection[str]) -> tuple[Assertion, tuple[str, ...]]:
    """The assertion of a unit, and the citations that stand before its first word."""
    text = unit.text
    spans = [(fact.start - unit.start, fact.end - unit.start) for fact in facts]
    marks: list[tuple[int, int]] = []
    cited, leading = list[str](), list[str]()
    quoted = [s for s, fact in zip(spans, facts, strict=True) if fact.kind in ("command", "url") or fact.text[0] == "`"]
    for mark in _MARK.finditer(_without(text, quoted)):
        if named := _named(mark[1], ids):
            since = marks[-1][1] if marks else 0
            at_start = not cited and not re.search(r"\w", text[since : mark.start()])
            (leading if at_start else cited).extend(named)
            marks.append(mark.span())
    prose = _without(text, marks)
    facts = [fact for fact, (start, end) in zip(facts, spans, strict=True) if prose[start:end].strip()]
    wording = _FENCE.sub("", _without(prose, spans)) if unit.kind == "code" else _without(prose, spans)
    while (opening := _OPENING.match(prose)) and opening.end():
        prose, wording = prose[opening.end() :], wording[opening.end() :]
    prose, wording = _unsaid(prose, wording)
    lead_in = text.rstrip("*_ ").endswith(":") and not facts
    assertion = Assertion(
        text, unit.start, unit.end, unit.kind, prose, wording, tuple(facts), _distinct(cited), lead_in
    )
    return assertion, _distinct(leading)


def _unsaid(prose: str, wording: str) -> tuple[str, str]:
    """Both without what they say of the passages' silence ("they do not say whether ..."): no passage supports that."""
    spans: list[tuple[int, int]] = []
    for found in _ABSTAINING.finditer(prose):
        if spans and found.start() < spans[-1][1]:
            continue
        since = spans[-1][1] if spans else 0
        before = [match.end() for match in _TURN.finditer(prose, since, found.start())]
        start = before[-1] if before else since
        rest = _ABSTAINED.match(prose, found.end())
        spans.append((start, rest.end() if rest else found.end()))
    return _without(prose, spans), _without(wording, spans)


def _distinct(*ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(id_ for some in ids for id_ in some))


def _without(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """`text` with blanks in place of `spans`, which are in order."""
    pieces, position = [], 0
    for start, end in spans:
        pieces += [text[position:start], " " * (end - start)]
        position = end
    return "".join([*pieces, text[position:]])


def _named(mark: str, ids: Collection[str]) -> list[str]:
    """The passage ids that the inside of a mark names: "2", "1, 3", "1-3", "doc_7"; none if it is no citation."""
    if mark in ids:
        return [mark]
    named: list[str] = []
    for part in re.split(r"\s*[,;]\s*\^?", mark.strip()):
        if part in ids or re.fullmatch(r"\d{1,3}", part):
            named.append(part)
        elif (ends := _RANGE.fullmatch(part)) and 0 <= int(ends[2]) - int(ends[1]) < 50:
            named += [str(n) for n in range(int(ends[1]), int(ends[2]) + 1)]
        else:
            return []
    return named


def _says_nothing(assertion: Assertion, sources_follow: bool) -> bool:
    text = assertion.text
    if _BARE_ANSWER.fullmatch(text):
        return False
    if assertion.kind == "heading" or text.endswith("?") or not (said := stems(assertion.wording)):
        return True
    if sources_follow and not text.endswith((".", "!")):
        return True
    return _is_courtesy(text, said)


def _is_courtesy(text: str, said: Iterable[str]) -> bool:
    if re.fullmatch(r"(?i)\s*(?:hi|hello|dear|hey)\b(?:\s+[\w.'’-]+){0,3}\s*[,!.]?", text):
        return True  # with a name, which no passage can know
    return bool(_COURTESY.match(text)) and _COURTESIES.issuperset(said)
