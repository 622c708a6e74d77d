"""Numbers in words: "twelve hundred", "two dozen", "half a", "twice", "the third of"."""

from __future__ import annotations

import re
from decimal import Decimal

from knowledge_base.units import LONG_UNITS, any_of

_SMALL = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen
    """.split()
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_WORD_VALUES = {w: i for i, w in enumerate(_SMALL)} | {w: 10 * i for i, w in enumerate(_TENS, 2)} | {"a": 1}
_ORDINALS = """
    first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth
    sixteenth seventeenth eighteenth nineteenth twentieth thirtieth
    """.split()
ORDINAL_VALUES = {w: i for i, w in enumerate(_ORDINALS[:-2], 1)} | {"twentieth": 20, "thirtieth": 30}
TIMES_WORDS = {
    "twice": 2, "thrice": 3, "double": 2, "doubled": 2, "doubles": 2, "triple": 3, "tripled": 3,
    "triples": 3, "twofold": 2, "threefold": 3, "fourfold": 4, "fivefold": 5, "tenfold": 10,
}  # fmt: skip
SCALES = {
    "hundred": 2, "k": 3, "thousand": 3, "lakh": 5, "lac": 5, "m": 6, "mm": 6, "mn": 6, "million": 6, "crore": 7,
    "mil": 6, "b": 9, "bn": 9, "billion": 9, "trillion": 12,
}  # fmt: skip
TWO = rf"(?:(?:{'|'.join(_TENS)})(?:[-\s](?:{'|'.join(_SMALL[1:10])})\b)?|(?:{any_of(_SMALL)}))"
_HUNDREDS = rf"(?:(?:{TWO}|a)\b\shundred\b(?:\s(?:and\s)?{TWO}\b)?|{TWO}\b)"
LONG_UNIT = any_of(LONG_UNITS)
SPELLED_NUMBER = (
    rf"(?:(?:{_HUNDREDS}|a)\smillion\b\s(?:and\s)?)?(?:{_HUNDREDS}|a(?=\sthousand))"
    rf"(?:\sthousand\b(?:\s(?:and\s)?{_HUNDREDS})?)?"
)
SPELLED = re.compile(rf"{SPELLED_NUMBER}(?!-(?!(?:{LONG_UNIT})\b|dollar|to-)[a-z])", re.IGNORECASE)
DOZEN = re.compile(rf"(?:(?P<half>half\sa)|(?P<n>{TWO}|a)(?:\s(?P<h>half))?)[\s-]dozen\b", re.IGNORECASE)
A_SCALE = re.compile(r"(?P<half>half\s)?an?\s(?=(?:million|billion|trillion|lakh|crore)\b)", re.IGNORECASE)
PART = re.compile(
    r"""
    (?:(?:an?|one)[\s-])? (?P<part>half|quarter|three[\s-]quarters?|third|two[\s-]thirds) \b
    (?: (?:[\s-](?:of\s)?(?:an?\s|one\s|1\s)?
        (?P<unit>(?:business\s|working\s)?(?:hour|minute|second|day|month|year|week)s?
        |percentage\spoints?|percent|per\scent|%)(?!\w))
      | (?=\s(?:of\s)?(?:the|your|our|their|its|that|this|all|his|her)\b|\soff\b|\sprice\b) )
    """,
    re.VERBOSE | re.IGNORECASE,
)
PARTS = {
    "half": (1, 2), "quarter": (1, 4), "threequarters": (3, 4), "threequarter": (3, 4), "third": (1, 3),
    "twothirds": (2, 3),
}  # fmt: skip
NTH_HALF = re.compile(
    r"(?:first|second|third|fourth|last|latter|other|top|bottom|next|this|per|every|\d(?:st|nd|rd|th)|each|past|the)\s$",
    re.IGNORECASE,
)
AN = re.compile(
    r"an?\s(?P<unit>(?:business\s|working\s|full\s|whole\s)?"
    r"(?:second|minute|hour|day|week|fortnight|month|quarter|year|decade))(?![\w-])",
    re.IGNORECASE,
)
BEFORE_AN = re.compile(
    r"\b(?:within|after|least|than|takes?|lasts?|about|approximately|around|under|nearly|almost|to|for)\s$",
    re.IGNORECASE,
)
NTH = re.compile(
    rf"(?:(?P<tens>twenty|thirty)-)?(?P<nth>{any_of(_ORDINALS)})\s"
    r"(?:of\b|(?:business|working|calendar)\sday|(?:day|week|month|quarter|year)\b)",
    re.IGNORECASE,
)
TIMES = re.compile(
    r"(?P<word>twice|thrice"
    r"|(?:two|three|four|five|ten)fold|(?:double|triple)[ds]?(?=[\s-](?:the|your|our|their|that|its|points?|miles?|rewards?"
    r"|cash|earnings?|credits?|bonus|interest|pay|rates?|limits?|fees?|benefits?|storage|capacity|price|cost|amount|value)"
    r"\b))(?!\w|-)",
    re.IGNORECASE,
)
_FIRST_LETTERS: dict[str, list[str]] = {}
for _word in (*_SMALL, *_TENS, *TIMES_WORDS, *_ORDINALS, "half", "quarter", "an", "a"):
    _FIRST_LETTERS.setdefault(_word[0], []).append(_word[1:])
WORD_START = re.compile(
    rf"[{''.join(_FIRST_LETTERS)}{''.join(_FIRST_LETTERS).upper()}](?<!\w.)(?i:"
    + "|".join(rf"(?<={c})(?:{any_of(rest)})" for c, rest in _FIRST_LETTERS.items())
    + r")(?=[\s-]|\b)"
)


def spelled_value(words: str) -> Decimal:
    """The value of a number that SPELLED_NUMBER matches: "two hundred and five"."""
    total = part = 0
    for word in re.split(r"[-\s]+", words.lower()):
        if word in ("thousand", "million"):
            total, part = total + (part or 1) * (1000 if word == "thousand" else 10**6), 0
        elif word == "hundred":
            part = (part or 1) * 100
        elif word != "and":
            part += _WORD_VALUES[word]
    return Decimal(total + part)
