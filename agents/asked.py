"""What a question asks after: the feature whose being there is in question, and which texts speak of it.

"Does the Pro plan include phone support?" is answered by what is said of phones alone: whatever else the plan
includes has most of the question's words, and is beside the point. Only questions of that form are read here: others
are answered in too many other words.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from knowledge_base import text as language
from knowledge_base.context import as_concepts

_HAVE = (
    r"(?:have|has|includes?|offers?|supports?|provides?|contains?|(?:comes?|ships?) with|accepts?|allows?|sells?"
    r"|lends?|covers?)"
)
_HELD = r"(?:included|available|part of|offered|supported|provided|covered|possible|accepted|allowed|permitted)"
_STILL = r"(?:(?:also|still|already|currently|even|actually) )?"
_BEGINS = r"(?:^|[.,;:?!] |\b(?:and|or|but|so|also|then|hi|hello|know|tell me) )"
_OF = r"(?!(?:I|we|to|who|that|which|if|whether|how)\b)[\w.'’+-]+(?<!n't)"
_WHERE = r"(?: (?:in|on|at|for|with|within)\b(?:(?!\b(?:to|I|this|that|it|these)\b)[^?])*)"
_FORMS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"{_BEGINS}(?:do|does|did|will|would) (?:{_OF} ){{1,5}}?{_STILL}{_HAVE} (?!to\b)(.+)",
        rf"\b(?:if|whether) (?:{_OF} ){{1,5}}?{_STILL}(?!have|has){_HAVE} (?!to\b)(.+)",
        rf"{_BEGINS}(?:which|what) (?:{_OF} ){{1,3}}?{_HAVE} (?!to\b)(.+)",
        rf"{_BEGINS}(?:which|what) (?:{_OF} ){{0,2}}do you {_HAVE} (?!to\b)(.+)",
        rf"{_BEGINS}(?:is|are) there ((?:[\w-]+ ){{0,4}}?[\w-]+){_WHERE}?[?.]*$",
        rf"(?:{_BEGINS}(?:is|are)|\b(?:if|whether)) ([^,.?!;]{{2,60}}?) (?:(?:is|are) )?{_STILL}{_HELD}\b",
        rf"{_BEGINS}(?:is|are) ([^,.?!;]{{2,40}}?)[ -](?:compliant|certified|accredited)\b",
    )
)
_ENDS = re.compile(
    r"[.;:?!()]|(?<![\w-])(?:for|on|in|at|with|without|from|by|to|of|if|when|while|that|which|who|where|as|per|than"
    r"|after|before|during|since|because|so|through|via|under|over|up|into|between|like|around)(?![\w-])|\s(?:I|you|we)\b",
    re.IGNORECASE,
)
"""Ends the words that name a thing: "phone support" in "phone support for all users"."""
_LISTED = re.compile(r",\s*(?:and |or )?|\s(?:and|or)\s", re.IGNORECASE)
_ACCESS = re.compile(r"\baccess to\b", re.IGNORECASE)

# What says of a thing only that it is one, how good it is, or how much of it.
_LIGHT = frozenset(
    language.stems(
        """feature features support access service services kind type number amount plan plans tier edition package
        product dedicated full extra additional special specific certain good better new different proper official
        real it's maybe perhaps"""
    )
)
# What may be anything.
_VAGUE = frozenset(
    language.stems(
        """way ways possibility method chance option options thing things something anything alternative workaround
        functionality solution idea need problem difference reason similar same away around restriction limit limits"""
    )
)
# Words and what they are short for, or are called elsewhere.
_ALIKE = {
    stem: alike.split()[0]
    for alike in (
        "phone telephon", "app applic", "admin administr", "config configur", "info inform", "auth authent",
        "photo photograph", "tls ssl", "web onlin", "doc document",
    )
    for stem in alike.split()
}  # fmt: skip
_SPOKEN_OF = 0.5
"""The least share of a thing's words, weighed, that a text must have to speak of it."""
_HEAD = 1.5
"""What the last word of a thing counts, beside the others: a family discount is a discount."""
_ONLY = re.compile(r"\b(?:only|solely|exclusively|others?|else)\b", re.IGNORECASE)


@lru_cache(maxsize=256)
def features_in(question: str) -> tuple[tuple[str, ...], ...]:
    """The features whose being there is asked after, each as the words that name it; none for other questions."""
    flat = _ACCESS.sub("", " ".join(question.split()))
    for form in _FORMS:
        if found := form.search(flat):
            held = _ENDS.split(next(group for group in found.groups() if group), maxsplit=1)[0]
            named = [item.split() for item in _LISTED.split(held)]
            if not any(_VAGUE.intersection(language.stems(" ".join(words))) for words in named):
                told = (tuple(word for word in words if _tells(word)) for words in named)
                return tuple(words for words in told if words)
    return ()


def _tells(word: str) -> bool:
    return any(stem not in _LIGHT and not stem.isdigit() for stem in language.stems(word))


def speaking_of(feature: Sequence[str], texts: Sequence[str]) -> list[bool]:
    """Which of `texts` speak of a feature: say its words, rarer ones counting for more, or what their initials are."""
    spelled = " ".join(feature)
    there: list[set[str]] = []
    for text in texts:
        if any(_initials(word, spelled) for word in _ACRONYM.findall(text)):
            there.append(set(feature))
        else:
            there.append({word for word in feature if says(text, word)})
    held = Counter(word for found in there for word in found)
    weight = {word: math.log(1 + len(texts) / max(held[word], 1)) for word in feature}
    weight[feature[-1]] *= _HEAD
    least = _SPOKEN_OF * sum(weight.values())
    return [sum(weight[word] for word in found) >= least for found in there]


def closes(text: str) -> bool:
    """Whether a text tells of all that it does not name: "Other animals are not accepted"."""
    return bool(_ONLY.search(text))


_JOINT = re.compile(r"(?<=\w)[-.'’/](?=\w)")


@lru_cache(maxsize=4_096)
def _said(text: str) -> frozenset[str]:
    """The stems of a text, near synonyms being one, and its compounds in one word: "e-mail" is "email"."""
    joined = [_JOINT.sub("", word) for word in text.split() if _JOINT.search(word)]
    stems = [*language.stems(text), *language.stems(" ".join(joined))]
    return frozenset(as_concepts(_ALIKE.get(stem, stem) for stem in stems))


def says(text: str, word: str) -> bool:
    """Whether a text has a word, in whatever form: a compound may be written apart, an acronym spelled out."""
    said, whole = _said(text), _JOINT.sub("", word).lower()
    if not said.isdisjoint(_said(whole)) or _initials(word, text):
        return True
    parts = _said(" ".join(_JOINT.split(word)))
    return (whole != word.lower() and said >= parts) or (len(whole) >= _LONG and whole in _squeezed(text))


_LONG = 7
"""So many letters are not met by chance across the ends of words."""


@lru_cache(maxsize=4_096)
def _squeezed(text: str) -> str:
    return re.sub(r"[\s-]", "", text).lower()


_ACRONYM = re.compile(r"\b[A-Z]{2,6}\b")


def _initials(word: str, text: str) -> bool:
    """Whether an acronym is made of the first letters of words that follow each other in `text`."""
    short = re.sub(r"s$", "", word.strip("\"'")) if word[:-1].isupper() else word
    if not _ACRONYM.fullmatch(short) or len(short) < 3:
        return False
    return short.lower() in _first_letters(text)


_WORD_OR_STOP = re.compile(r"(?<=[\w]-)[^\W\d_]+|[^\W\d_]+|[.,;:|]")


@lru_cache(maxsize=4_096)
def _first_letters(text: str) -> str:
    """The first letters of a text's words in order; function words and stops are dots ("sign-on" is two words)."""
    found = ((match.group(), text[match.start() - 1 : match.start()]) for match in _WORD_OR_STOP.finditer(text))
    return "".join(
        "." if word.lower() in language.STOP_WORDS and before != "-" else word[0].lower() for word, before in found
    )
