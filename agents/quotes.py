"""Writing by span: what a draft says must come from words that stand in the passages it quotes.

`settled` makes the quotes of a draft verbatim where a reader would call them so; `refusal` says why a
sentence may not stand: a quote that is in no passage, or a figure that is in none of its quotes.
Pure functions; the same for every tier's drafts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from knowledge_base.evidence import Evidence, read
from knowledge_base.facts import Fact, facts_in, implied, key, one_line
from knowledge_base.stating import places
from knowledge_base.text import STOP_WORDS, visible, words
from tasks.case import Draft, Passage, Quote, Sentence

SHOWN = 80
"""Characters of a quote that a reason repeats."""


class Span(NamedTuple):
    """A place in a text: `text[start:end]`."""

    start: int
    end: int


# --- words as a reader sees them ---------------------------------------------------------------------

_MARKS = re.compile(
    r"^[ \t]*(?:```|~~~)[^\n]*$"  # a fence
    r"|^[ \t|:+-]*-{2,}[ \t|:+-]*$"  # a table's rule
    r"|^[ \t]*(?:>[ \t]?)*(?:\#{1,6}[ \t]+|[-*+•][ \t]+(?:\[[ xX]\][ \t]+)?|\d{1,3}[.)][ \t]+)?"  # at a line's start
    r"|!?\[(?=[^\[\]\n]*\]\()|(?<=[^\s\[])\]\([^()\n]*\)"  # a link's, around its words
    r"|</?(?:a|abbr|b|br|code|details|div|em|h[1-6]|hr|i|img|kbd|li|ol|p|pre|s|small|span|strong|sub|summary|sup|table"
    r"|tbody|td|th|thead|tr|u|ul)\b[^<>\n]*>"  # not <name>, which stands for a value
    r"|\\(?=[!-/:-@\[-`{-~])"
    r"|\*+|`+|~~|(?<!\w)_+|_+(?!\w)",
    re.MULTILINE,
)
_SPELLED = str.maketrans("‘’‚‛“”„‟«»‐‑‒–—―−", '\'\'\'\'""""""-------')
_AROUND = "\"'“”‘’«»….,;:\\ "
"""What a writer may add around a quote without changing what it quotes."""
_EMPHASIS = "*_`~"


@lru_cache(maxsize=512)
def _seen(text: str) -> tuple[str, tuple[int, ...]]:
    """`text` as a reader sees it, on one line and in one spelling of quotation marks and dashes; and where
    each character of that stands in `text`."""
    dropped: set[int] = set()
    for match in _MARKS.finditer(text):
        dropped.update(range(*match.span()))
    shown: list[str] = []
    offsets: list[int] = []
    for offset, character in enumerate(text):
        if offset in dropped:
            continue
        if character.isspace() or character == "|":
            if shown and shown[-1] != " ":
                shown.append(" ")
                offsets.append(offset)
            continue
        for piece in visible(character).translate(_SPELLED):
            if not piece.isspace():
                shown.append(piece)
                offsets.append(offset)
    return "".join(shown), tuple(offsets)


def seen(text: str) -> str:
    """`text` as a reader sees it: no Markdown, single spaces, plain quotation marks and dashes; case is kept."""
    return _seen(text)[0].strip()


@lru_cache(maxsize=4_096)
def find(quote: str, text: str) -> Span | None:
    """Where `text` has the words of `quote`, as a reader sees them; None when it has not.

    Whole words and whole figures only: "$5" is not in "$59". A figure that is begun is taken to its end
    ("$49" is widened to "$49 per seat per month"), and marks around the words are taken in.
    """
    shown, offsets = _seen(text)
    for wanted in dict.fromkeys((seen(quote), seen(quote).strip(_AROUND))):
        if not re.search(r"\w", wanted):
            continue
        at = shown.find(wanted)
        while at >= 0:
            end = at + len(wanted)
            whole = not (_joined(shown, at) or _joined(shown, end))
            if whole and (span := _widened(Span(offsets[at], offsets[end - 1] + 1), text)):
                return span
            at = shown.find(wanted, at + 1)
    return None


def _joined(shown: str, at: int) -> bool:
    """Whether a word goes on across `at`."""
    return 0 < at < len(shown) and bool(re.fullmatch(r"\w\w", shown[at - 1 : at + 1]))


@lru_cache(maxsize=512)
def _facts(text: str) -> tuple[Fact, ...]:
    """Of whole passages, which `facts_in` does not remember."""
    return tuple(facts_in(text))


def _widened(span: Span, text: str) -> Span | None:
    """`span` with the whole of each figure that it begins or ends in; None when it cuts one inside a word."""
    start, end = _with_marks(span, text)
    for fact in _facts(text):
        if fact.start < start < fact.end:
            if not text[start - 1].isspace():
                return None
            start = fact.start
        if fact.start < end < fact.end:
            if not re.match(r",?\s", text[end:]):
                return None
            end = fact.end
    return _with_marks(Span(start, end), text)


def _with_marks(span: Span, text: str) -> Span:
    start, end = span
    while start and text[start - 1] in _EMPHASIS:
        start -= 1
    while end < len(text) and text[end] in _EMPHASIS:
        end += 1
    if text.count("[", start, end) > text.count("]", start, end) and (rest := _LINK_ENDS.match(text, end)):
        end = rest.end()  # its words are in, so its address belongs to them
    return Span(start, end)


_LINK_ENDS = re.compile(r"\]\([^()\n]*\)")


def evidence(passage: Passage) -> Evidence:
    """A passage as the proof reads it."""
    return Evidence(str(passage.n), passage.text, passage.title, tuple(passage.headings))


def spans(sentence: Sentence, passages: Mapping[int, Passage]) -> list[Evidence]:
    """The quoted words of a sentence as evidence of their own, under the title and headings of their passage."""
    found = []
    for quote in sentence.quotes:
        passage = passages[quote.n]
        span = find(quote.text, passage.text)
        above = (*passage.headings, _table_header(passage.text, span.start)) if span else tuple(passage.headings)
        found.append(Evidence(str(quote.n), quote.text, passage.title, above))
    return found


# --- a model's draft, tidied --------------------------------------------------------------------------

_NUMBERS = r"\[\d{1,2}(?:,\s*\d{1,2})*\]"
_CITATION_MARK = re.compile(rf"\s+{_NUMBERS}|(?<=[.,;:!?)]){_NUMBERS}|(?<=\w){_NUMBERS}(?=[.,;:!?]?\s*$)")
_LIST_MARK = re.compile(r"^\s*(?:[-*+•]|\d{1,3}[.)])\s+")
_HIDDEN = re.compile("[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_WHOLE_FENCE = re.compile(r"^\s*```[^\n]*\n(.*?)\n?\s*```\s*$", re.DOTALL)


def settled(draft: Draft, passages: Sequence[Passage], questions: int) -> Draft:
    """`draft` with its quotes as they stand in `passages`, and without the marks that the answer adds itself.

    Quotes that are in no passage are left for `refusal`. With one question asked, all is about that one.
    """
    texts = {passage.n: passage.text for passage in passages}
    sentences = []
    for sentence in draft.sentences:
        quotes = []
        for quote in sentence.quotes:
            text = texts.get(quote.n, "")
            span = find(quote.text, text)
            words_of_it = text[span.start : span.end] if span else quote.text
            exact = quote.text in text and words_of_it in quote.text
            quotes.append(quote if exact else Quote(n=quote.n, text=words_of_it))
        question = 0 if questions == 1 else sentence.question
        sentences.append(Sentence(text=_tidy(sentence), kind=sentence.kind, quotes=quotes, question=question))
    unanswered = [i for i in dict.fromkeys(draft.unanswered) if 0 <= i < questions]
    return Draft(sentences=sentences, unanswered=unanswered, ask=" ".join(_HIDDEN.sub("", draft.ask).split()))


def _tidy(sentence: Sentence) -> str:
    if sentence.kind == "code":
        fenced = _WHOLE_FENCE.match(sentence.text)
        return (fenced[1] if fenced else sentence.text).strip("\n")
    text = _CITATION_MARK.sub("", _HIDDEN.sub("", sentence.text))
    if sentence.kind in ("step", "item"):
        text = _LIST_MARK.sub("", text)
    return " ".join(text.split())


# --- the gate -----------------------------------------------------------------------------------------

_MARKUP = re.compile(r"!?\[[^\[\]]*\]\([^()]*\)|</?[A-Za-z!][^<>]*>?")
_PROMISE = re.compile(r"\b(?:we|i)\s?(?:'ll|will|shall|guarantee|promise)\b")
_WRITTEN_ALONE = ("command", "path", "url", "email", "identifier")


def refusal(sentence: Sentence, passages: Mapping[int, Passage], ticket: str) -> str:
    """Why a sentence may not stand, in words that its writer can act on; "" when nothing is wrong with it.

    `passages` are those that the writer was given, by number. What the words *mean* is for the proof.
    """
    given = ", ".join(f"[{n}]" for n in sorted(passages)) or "none"
    if not sentence.quotes:
        return f"no citation: it quotes no passage (there are {given}); quote what it rests on, or drop the sentence"
    for quote in sentence.quotes:
        if quote.n not in passages:
            return (
                f"no citation: there is no passage [{quote.n}], only {given}; quote one of those, or drop the sentence"
            )
        if why := _not_a_quote(quote, passages[quote.n], ticket):
            return why
    cited = [passages[n] for n in sentence.citations]
    said = seen(sentence.text).casefold()
    quoted = " ".join(seen(quote.text) for quote in sentence.quotes).casefold()
    if len(said.split()) > 3 and said.rstrip(".!?") in seen(ticket).casefold() and said.rstrip(".!?") not in quoted:
        return "no citation: it repeats the ticket, which is no source; say what the passages say, or drop the sentence"
    if sentence.kind == "code" and "```" in sentence.text:
        return "absent: a code sentence is one block without marks around it; give each block a sentence of its own"
    raw = "\n".join(quote.text for quote in sentence.quotes)
    for markup in _MARKUP.findall(sentence.text) if sentence.kind != "code" else []:
        if markup not in raw and markup not in one_line(raw):
            return f"absent: the link or tag {markup} is not in the words you quoted; write plain text"
    text = f"```\n{sentence.text}\n```" if sentence.kind == "code" else sentence.text
    facts = facts_in(text)
    for fact in facts:
        if not any(_stated(fact, quote, passages[quote.n]) for quote in sentence.quotes):
            return _unquoted(fact, sentence, cited)
    above = "\n".join(f"{passage.title}\n{' '.join(passage.headings)}" for passage in cited)
    if pointer := _loose_number(text, facts, f"{raw}\n{above}"):
        return f"absent: the number {pointer} is in none of the words you quoted; use theirs, or drop the sentence"
    promise = _PROMISE.search(said)
    if promise and promise[0] not in quoted:
        return f'absent: "{promise[0]}" is a promise that the quoted words do not make; say only what they say'
    return ""


_DIGITS = re.compile(r"\d+")
_RANGE = re.compile(r"\b(\d[\d,.]*)\s?[-–—]\s?(\d[\d,.]*)\b")


def _loose_number(text: str, facts: Sequence[Fact], quoted: str) -> str:
    """A number that is no figure, such as that of a step, and not in the quoted words; or a range of one value."""
    written = set(_DIGITS.findall(visible(quoted)))
    for number in _DIGITS.finditer(text):
        inside = any(fact.start <= number.start() < fact.end for fact in facts)
        if not inside and visible(number[0]) not in written:
            return number[0]
    return next((found[0] for found in _RANGE.finditer(text) if found[1] == found[2] and found[0] not in quoted), "")


def _not_a_quote(quote: Quote, passage: Passage, ticket: str) -> str:
    shown = seen(quote.text)
    short = shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}…"
    if quote.text not in passage.text or not find(quote.text, passage.text):
        if shown and shown in seen(ticket):
            return f'no citation: the quoted words "{short}" are the ticket\'s, which is no source'
        return (
            f'absent: the quoted words "{short}" are not in [{quote.n}] as they stand there; copy them from it '
            "word for word and whole, or drop the sentence"
        )
    if _says_nothing_alone(quote.text, passage.text):
        return (
            f'absent: the quoted words "{short}" do not say what they are about; quote the whole sentence, line or '
            f"table row of [{quote.n}] that they stand in"
        )
    return ""


def _says_nothing_alone(quote: str, text: str) -> bool:
    """Whether a quote is a bare figure or a scrap.

    It needs two words beside its figures; one, if it begins a line or a table row, is what the figure belongs to.
    Whole rows, whole lines without a figure, and whole lines of commands, paths or addresses speak for themselves.
    """
    facts = facts_in(quote)
    rest, position = "", 0
    for fact in facts:
        rest, position = rest + quote[position : fact.start] + " ", fact.end
    beside = [word for word in words(rest + quote[position:]) if re.search(r"[^\W\d_]", word)]
    lines = [seen(line) for line in text.splitlines()]
    whole = all(line in lines for line in map(seen, quote.splitlines()))
    if whole and (not facts or quote.count("|") > 1 or any(fact.kind in _WRITTEN_ALONE for fact in facts)):
        return False
    enough = 1 if any(line.startswith(seen(quote)) for line in lines) else 2
    return len(beside) < enough or all(word in STOP_WORDS for word in beside)


def _stated(fact: Fact, quote: Quote, passage: Passage) -> bool:
    """Whether `fact` stands in the quoted words, or above them: in title, headings or their table's header.

    The quote is read where it stands, so that a table's header or a lead-in may say what its figure counts.
    """
    span, source = find(quote.text, passage.text), read(evidence(passage))
    if span is None:
        return False
    above = (*passage.headings, _table_header(passage.text, span.start))
    if places(read(Evidence(str(quote.n), quote.text, passage.title, above)), fact):
        return True
    for place in places(source, fact):
        unit = source.units[place]
        inside = (near for near in unit.facts if span.start <= near.start and near.end <= span.end)
        if any(near.value == fact.value or key(fact) in implied(near) for near in inside):
            return True
    return False


def _table_header(text: str, at: int) -> str:
    """The header of the table that has a row at `at`; "" outside of tables."""
    lines = text[: at + 1].split("\n")
    first = len(lines)
    while first and lines[first - 1].lstrip().startswith("|"):
        first -= 1
    return lines[first] if first < len(lines) - 1 else ""


def _unquoted(fact: Fact, sentence: Sentence, cited: Sequence[Passage]) -> str:
    """The reason for a figure that no quote has, with what the passages have in its place."""
    begins = f"absent: {fact.text} is in none of the words you quoted"
    for passage in cited:
        if places(read(evidence(passage)), fact):
            return f"{begins}; [{passage.n}] has it elsewhere: quote the words that hold it, or drop the sentence"
    for quote in sentence.quotes:
        rivals = [rival.text for rival in facts_in(quote.text) if rival.kind == fact.kind]
        if rivals:
            there = ", ".join(dict.fromkeys(rivals[:3]))
            return (
                f"{begins}; the passage [{quote.n}] you cite has {there} there: use it, quote the words that hold "
                f"{fact.text}, or drop the sentence"
            )
    return f"{begins}: quote the words that hold it, or drop the sentence"
