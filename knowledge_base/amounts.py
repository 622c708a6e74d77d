"""Amounts: numbers with their currency, unit and rate, in one normal form ("1.2k dollars" is 1200 USD)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from knowledge_base.units import (
    COIN_WORDS, COINS_AFTER, COINS_BEFORE, LONG_UNITS, ONE_LETTER, TIMES, any_of, currency, in_rate_order, plain, unit_name,
)  # fmt: skip

AmountKind = Literal["money", "percent", "quantity", "number"]
Amount = tuple[AmountKind, str, str, int, int]
"""kind, value, unit, and the start and end of the match."""

# --- numbers in words --------------------------------------------------------------------------------

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
_ORDINAL_VALUES = {w: i for i, w in enumerate(_ORDINALS[:-2], 1)} | {"twentieth": 20, "thirtieth": 30}
_TIMES_WORDS = {"once": 1, "twice": 2, "thrice": 3, "double": 2, "doubled": 2, "doubles": 2, "triple": 3, "tripled": 3, "triples": 3, "twofold": 2, "threefold": 3, "fourfold": 4, "fivefold": 5, "tenfold": 10}
_SCALES = {
    "hundred": 2, "k": 3, "thousand": 3, "lakh": 5, "lac": 5, "m": 6, "mm": 6, "mn": 6, "million": 6, "crore": 7,
    "b": 9, "bn": 9, "billion": 9, "trillion": 12,
}  # fmt: skip
_TWO = rf"(?:(?:{'|'.join(_TENS)})(?:[-\s](?:{'|'.join(_SMALL[1:10])})\b)?|(?:{any_of(_SMALL)}))"
_HUNDREDS = rf"(?:(?:{_TWO}|a)\b\shundred\b(?:\s(?:and\s)?{_TWO}\b)?|{_TWO}\b)"
_LONG_UNIT = any_of(LONG_UNITS)
_SPELLED_NUMBER = (
    rf"(?:(?:{_HUNDREDS}|a)\smillion\b\s(?:and\s)?)?(?:{_HUNDREDS}|a(?=\sthousand))(?:\sthousand\b(?:\s(?:and\s)?{_HUNDREDS})?)?"
)
_SPELLED = re.compile(rf"{_SPELLED_NUMBER}(?!-(?!(?:{_LONG_UNIT})\b|dollar|to-)[a-z])", re.IGNORECASE)
_DOZEN = re.compile(rf"(?:(?P<half>half\sa)|(?P<n>{_TWO}|a)(?:\s(?P<h>half))?)[\s-]dozen\b", re.IGNORECASE)
_A_SCALE = re.compile(r"(?P<half>half\s)?an?\s(?=(?:million|billion|trillion|lakh|crore)\b)", re.IGNORECASE)
_PART = re.compile(
    rf"""
    (?:(?:an?|one)[\s-])? (?P<part>half|quarter|three[\s-]quarters?|third|two[\s-]thirds) \b
    (?: (?:[\s-](?:of\s)?(?:an?\s|one\s|1\s)?(?P<unit>(?:business\s|working\s)?(?:hour|minute|second|day|month|year|week)s?|percentage\spoints?|percent|per\scent|%)(?!\w))
      | (?=\s(?:of\s)?(?:the|your|our|their|its|that|this|all|his|her)\b|\soff\b|\sprice\b) )
    """,
    re.VERBOSE | re.IGNORECASE,
)
_PARTS = {"half": (1, 2), "quarter": (1, 4), "threequarters": (3, 4), "threequarter": (3, 4), "third": (1, 3), "twothirds": (2, 3)}
_NTH_HALF = re.compile(r"(?:first|second|third|fourth|last|latter|other|top|bottom|next|this|per|every|\d(?:st|nd|rd|th)|each|past|the)\s$", re.IGNORECASE)
_AN = re.compile(
    r"an?\s(?P<unit>(?:business\s|working\s|full\s|whole\s)?(?:second|minute|hour|day|week|fortnight|month|quarter|year|decade))(?![\w-])",
    re.IGNORECASE,
)
_BEFORE_AN = re.compile(r"\b(?:within|after|least|than|takes?|lasts?|about|approximately|around|under|nearly|almost|to|for)\s$", re.IGNORECASE)
_NTH = re.compile(
    rf"(?:(?P<tens>twenty|thirty)-)?(?P<nth>{any_of(_ORDINALS)})\s(?:of\b|(?:business|working|calendar)\sday|(?:day|week|month|quarter|year)\b)",
    re.IGNORECASE,
)
_TIMES = re.compile(
    r"(?P<word>once(?=\s(?:per|an?|each|every|daily|weekly|monthly|yearly|annually)\b)|(?:two|three|four|five|ten)fold|twice|thrice|(?:double|triple)[ds]?(?=[\s-](?:the|your|our|their|that|its|points?|miles?|rewards?"
    r"|cash|earnings?|credits?|bonus|interest|pay|rates?|limits?|fees?|benefits?|storage|capacity|price|cost|amount|value)\b))(?!\w|-)",
    re.IGNORECASE,
)
_FIRST_LETTERS: dict[str, list[str]] = {}
for _word in [
    *_SMALL, *_TENS, *_TIMES_WORDS, *_ORDINALS, "half", "quarter", "an", "a",
]:  # fmt: skip
    _FIRST_LETTERS.setdefault(_word[0], []).append(_word[1:])
_WORD_START = re.compile(
    rf"[{''.join(_FIRST_LETTERS)}{''.join(_FIRST_LETTERS).upper()}](?<!\w.)(?i:"
    + "|".join(rf"(?<={c})(?:{any_of(rest)})" for c, rest in _FIRST_LETTERS.items())
    + r")(?=[\s-]|\b)"
)

# --- numbers in digits -------------------------------------------------------------------------------

_COIN_AFTER = rf"(?:{any_of(COINS_AFTER)}|(?i:{any_of(COIN_WORDS)})s?)"
_MONEY_COMMA = rf"(?=\s?(?:€|%|kr\b|z[łl]|{any_of(c for c in COINS_AFTER if c.isalpha())}|(?i:euros?|percent|per\scent|Prozent)\b))"
_FORMS = r"""
        \d{1,3}(?:[.'’]\d{3})++,\d{1,2}(?!\d)     # 1.200,50
      | \d{1,3}(?:[,'’]\d{3})++(?:\.\d+)?          # 1,200.50
      | \d{1,2}(?:,\d\d(?=,))++,\d{3}(?:\.\d+)?  # 12,00,000
      | \d{1,3}(?:\.\d{3}){2,}                     # 1.200.000
"""
_NUMBER = re.compile(rf"(?:{_FORMS} | \d+,\d{{1,2}}{_MONEY_COMMA} | \d+(?:\.\d+)?)(?!\d)", re.VERBOSE)
_PRICE = re.compile(rf"(?:{_FORMS} | \d+,\d{{1,2}}(?!\d|,\d) | \d+(?:\.\d+)?)(?!\d)", re.VERBOSE)
_DIGITS = re.compile(r"\d(?<!\d\d)")
_OF_THE = re.compile(r"\sof\s(?:the|your|our|their|its|all|an?)\b")
_FRACTION = re.compile(r"(?:(?P<whole>\d{1,4})\s(?:and\s)?)?(?P<n>\d{1,2})/(?P<d>\d{1,2})(?![\w/.])")
_SPELLED_SIGN = re.compile(
    r"(?:^|[^\w\s)%]\s?|\n|\b(?:is|was|are|be|to|of|at|by|from|than|and|or|set|below|it|as|see)\s)(?P<sign>minus\s)$|(?P<word>\bnegative\s)$",
    re.IGNORECASE,
)  # not "the balance minus $5"
_BEFORE = re.compile(
    rf"(?P<sign>(?:(?<![\w)\]%\x01$€£¥°'.-])[-–])?)(?:(?<![A-Za-z])(?:(?P<code>USD|CAD|AUD|EUR|GBP|INR|SGD|NZD|HKD|US)\s?[$€£₹]"
    rf"|(?P<coin>{any_of(COINS_BEFORE)}))[\s*_]{{0,3}}(?P<sign2>[-–]?))?$"
)
_ENDS_LIKE_PRICE = frozenset("$€£¥₹₩₽₺₪₴₫₦₱฿₿¢łč. *_-–") | frozenset("".join(c[-1] for c in COINS_BEFORE))
_TIME_NAME = "(?i:second|sec|s|minute|min|hour|hr|h|day|night|week|wk|month|mo|quarter|year|yr)"
_PER_ADJECTIVE = (
    r"(?:(?:calendar|single|individual|full|whole|given|additional|extra|new|active|eligible|successful|qualifying|qualified"
    r"|approved|completed|incoming|outgoing|domestic|international|returned|covered|linked|referred|authorized|ATM)[\s-])?"
)
_PER_WORD = (
    rf"{_PER_ADJECTIVE}(?:(?:billing|statement|business|working|account|fiscal|membership"
    r"|cardmember|anniversary|policy|api)[\s-])?(?!rolling\b)[A-Za-z]{1,30}"
)
_RATE = rf"""(?:
      (?:,?\s|-)?(?i:per)[\s-](?!(?i:the|your|our|their|this|that|these|its|my)\b)(?:(?i:{_PER_WORD})|(?:US)?\$1(?![\d.,]\d|\d)|[€£]1(?![\d.,]\d|\d))
    | \s?/\s?(?:[A-Za-z]{{1,20}}(?!\w|\.\w)|\$1(?![\d.,]))
    | \s(?i:an?|each|every)\s(?:{_TIME_NAME}|(?i:business\sday|user|seat|person|transaction|request|share|head))\b
    | \s(?i:monthly|annually|annual|yearly|daily|weekly|hourly|quarterly)\b(?!\s(?i:payments?|installments?|instalments?))
    | \s?p\.a\.
    )"""
_NOUN_RATE = rf"""(?=\s(?i:per)[\s-](?!rolling|cent\b)|\s?/\s?(?:{_TIME_NAME}|(?i:user|seat|agent|request|gb|tb|account|card))\b
        |\s(?i:an?|each|every)\s{_TIME_NAME}\b)"""
_TAIL = r"""
    (?P<more> \sand\s(?i:an?|one)[\s-](?i:half|quarter)\b )?
    (?P<scale> [\s-]?(?i:hundred|thousand|million|billion|trillion|lakhs?|lacs?|crores?|mn|bn)\b{money_scale} | [kKMB](?!\w) | [mb](?=\s?(?:{coin})(?!\w)) )?
    (?: \s?\((?P<again>[\d,.]{{1,20}}|(?i:{spelled}))\) )?
    (?: \s?(?P<percent>%|‰|(?i:percents?|per\ cent|pct|bps|bp|basis[\s-]points?)(?!\w))
      | [\s*_]{{0,4}}-?(?P<coin>{coin})(?!\w)(?:\s?\([A-Z]{{3}}\))?
      | (?P<times>×(?!\s?[\d$€£])|[xX](?![\w.]))
      | (?P<nth>st|nd|rd|th)(?!\w)
      | (?P<glued>[{one_letter}]|\ [sh](?![\w'’-])|hr|min|sec)(?:(?!\w)|(?=\d{{1,4}}(?:h|hr|m|min|s|sec|ms)(?![a-z])))
      | [\s*_]{{0,4}}-?(?:(?:calendar|consecutive|full|additional|more|whole|rolling|extra|further|straight|solid)\s)?
        (?P<unit>(?i:{long_unit})|[KMGT]b(?:ps|/s)?)(?:\(s\))?(?!\w)
      | (?!\sper\b|-)(?:\s(?!{function_word})[A-Za-z]{{1,30}}){{0,2}}\s(?!{function_word})(?P<noun>[A-Za-z]{{3,30}}){noun_rate}
    )?
    (?P<rate>{rate}*) (?:(?!\w)|(?<=[a-z])(?=\d{{1,4}}(?:h|hr|m|min|s|sec|ms)(?![a-z])))
"""


def _tail(money_scale: str) -> re.Pattern[str]:
    filled = _TAIL.format(
        money_scale=money_scale, spelled=_SPELLED_NUMBER.replace(" ", r"\s"), coin=_COIN_AFTER.replace(r"\ ", r"\s"),
        one_letter=ONE_LETTER, long_unit=_LONG_UNIT.replace(r"\ ", r"[\s-]"), noun_rate=_NOUN_RATE, rate=_RATE,
        function_word=r"(?i:is|are|was|were|be|will|can|must|may|of|and|or|in|on|at|to|for|with|from|by|as|per|if|that|than)\b",
    )  # fmt: skip
    return re.compile(filled, re.VERBOSE)


_RATES = re.compile(f"{_RATE}*", re.VERBOSE)
_RATE_NAME = re.compile(
    rf"(?:(?i:per)[\s-]|/\s?|\s(?i:an?|each|every)\s|\s(?=(?i:[a-z]+ly|annual)\b)|(?=p\.a\.))"
    rf"(?i:{_PER_ADJECTIVE})(p\.a\.|US\$1|[$€£]1|(?i:business\sday|{_PER_WORD}))"
)
_NO_RATE = re.compile(rf"\s[a-z]+ly|\sannual|/(?!(?:{_TIME_NAME}|user|seat|person|account|card)s?\b)\w+", re.IGNORECASE)
"""What is no rate after a bare number: "12 monthly payments" are twelve, "9090/rules" is a place."""
_AND_LESS = re.compile(rf"\sand\s(?:\d{{1,2}}|{_TWO})\s(?:day|hour|minute|second|month)s?\b", re.IGNORECASE)
_AND_MORE = re.compile(r"\sand\s(?:an?|one)[\s-](half|quarter)\b(?!\s(?:hour|minute|day|percent))", re.IGNORECASE)
_AFTER_NUMBER = _tail("")
_AFTER_PRICE = _tail(r"|\s?(?:mm|MM|[mb](?!\w))(?!\w)")
_RANGE_GAP = re.compile(r"\s?(?:-|–|—|~|to|or|through)\s?|-to-")
_LIST_GAP = re.compile(r",?\s(?:and|or)\s|,\s")
_SPACED_GROUPS = re.compile(r"[1-9](?<![\w.,].)(?<!\d .)\d{0,2}(?: \d{3})++(?!\d|,\d(?!\d\b|\b)| \d)")
_COIN_BEFORE = re.compile(rf"(?:{any_of(COINS_BEFORE)})\s?$")
_UNIT_NEXT = re.compile(rf"\s?(?:%|(?:{_COIN_AFTER}|(?i:{_LONG_UNIT}|percent|requests|users))(?!\w))")


# --- reading -----------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Read:
    """An amount while its neighbours are looked at; `scale` is the power of ten that was written as a word."""

    kind: AmountKind
    value: Decimal
    unit: str
    start: int
    end: int
    written: str = ""
    scale: int = 0


def amounts_in(text: str) -> list[Amount]:
    """The amounts of `text`, in order."""
    text = _join_groups(text)
    starts = [match.start() for match in _DIGITS.finditer(text)]
    digits = set(starts)
    starts += [match.start() for match in _WORD_START.finditer(text)]
    found: list[_Read] = []
    end = 0
    for start in sorted(starts):
        if start >= end and (read := (_in_digits if start in digits else _in_words)(text, start, end)):
            found.append(read)
            end = read.end
    found = _share_units(_joined(found, text), text)
    return [(a.kind, a.written or plain(a.value), a.unit, a.start, a.end) for a in found]


def is_amount(token: str) -> bool:
    """Whether `token` is one amount and nothing else ("24h", "$5", "10 GB/s", "1h30m")."""
    return [(start, end) for *_, start, end in amounts_in(token)] == [(0, len(token))]


def _in_digits(text: str, at: int, since: int) -> _Read | None:
    """The amount whose digits begin `at`; what was read before ends at `since`."""
    start = at - 1 if text[max(0, at - 1) : at] == "." and not text[max(0, at - 2) : at - 1].isalnum() else at
    last = text[start - 1] if start else " "
    before = _BEFORE.search(text, max(since, start - 16), start) if last in _ENDS_LIKE_PRICE else None
    coin = before["code"] or before["coin"] if before else None
    if not coin and start != since:
        if last.isalnum() or last == "_" or (last == "." and start > 1 and text[start - 2].isdigit()):
            return None
        if last == "-" and start > 1 and text[start - 2].isalpha() and start - 1 != since:
            return None
    number = (_PRICE if coin else _NUMBER).match(text, at)
    if number is None:
        return None
    if not coin and (ratio := _ratio(text, at)):
        return ratio
    tail = (_AFTER_PRICE if coin else _AFTER_NUMBER).match(text, number.end())
    if tail is None:
        return None
    written = _written(text[start : number.end()])
    read = _amount(text, Decimal(written), tail, coin or "", start)
    if before:
        read.start = before.start()
    signed = before and (before["sign"] or before["sign2"])
    if not signed and (spelled := _SPELLED_SIGN.search(text[max(since, read.start - 14) : read.start])):
        signed, read.start = True, read.start - len(spelled["sign"] or spelled["word"])
    if not tail["scale"] and read.kind == "money" and re.fullmatch(r"[1-9]\d{0,2}\.\d{3}", written):
        read.written = f"{plain(read.value)}|{plain(read.value * 1000)}"  # "1.200 EUR" can be either
    elif read.kind == "number" and not tail["scale"] and not tail["more"] and not read.written:
        read.written = written
    if signed:
        read.value, read.written = -read.value, f"-{read.written}" if read.written else ""
    return read


def _ratio(text: str, at: int) -> _Read | None:
    """"1/2 hour" and "1 1/2 hours" are fractions; "24/7", "2/4 nodes" and "1:1" equal only themselves."""
    if (colon := re.compile(r"\d{1,4}:\d{1,4}(?![\w:]|\.\d)").match(text, at)) and text[at - 1 : at] != ":":
        return _Read("number", Decimal(0), "", at, colon.end(), colon[0])
    match = _FRACTION.match(text, at)
    if match is None or text[at - 1 : at] == "/":
        return None
    n, d, whole = int(match["n"]), int(match["d"]), int(match["whole"] or 0)
    tail = _AFTER_NUMBER.match(text, match.end())
    exact = d in (2, 4, 8) and n < d and n % 2 == 1
    if tail and (tail["unit"] or tail["percent"]) and exact:
        return _amount(text, whole + Decimal(n) / d, tail, "", at)
    if whole:
        return None
    if n < d < 13 and _OF_THE.match(text, match.end()):
        terminating = d in (2, 4, 5, 8, 10)
        return _Read("quantity", Decimal(n) / d, "part", at, match.end(), "" if terminating else f"{n}/{d}")
    read = _amount(text, Decimal(0), tail, "", at) if tail and tail["unit"] else None
    read = read or _Read("number", Decimal(0), "", at, match.end())
    read.written = f"{n}/{d}"
    return read


def _in_words(text: str, at: int, since: int) -> _Read | None:
    """The amount that begins with the word `at`: "twelve hundred dollars", "half an hour", "twice a month"."""
    if (match := _PART.match(text, at)) and (part := _part(text, match)):
        return part
    value: Decimal | None = None
    end = at
    if match := _DOZEN.match(text, at):
        value, end = Decimal(12) * (_spelled_value(match["n"]) if match["n"] else 1), match.end()
        value = value / 2 if match["half"] else value + 6 * bool(match["h"])
    elif match := _A_SCALE.match(text, at):
        value, end = Decimal("0.5") if match["half"] else Decimal(1), match.end()
    elif match := _TIMES.match(text, at):
        rates = _RATES.match(text, match.end())
        assert rates is not None  # noqa: S101  # every text matches
        if not rates[0] and match["word"].lower() == "once":
            return None
        unit = "/".join(["x", *_rates(rates[0])])
        return _Read("quantity", Decimal(_TIMES_WORDS[match["word"].lower()]), unit, at, rates.end())
    elif match := _NTH.match(text, at):
        aside = text[match.end() :].startswith(" all") or re.search(r"(?i)\b(?:per|an?|each|every)\s$", text[max(0, at - 6) : at])
        number = _ORDINAL_VALUES[match["nth"].lower()]
        tens = {"twenty": 20, "thirty": 30}.get((match["tens"] or "").lower(), 0)
        return None if aside else _Read("quantity", Decimal(tens + number), "th", at, match.end("nth"))
    elif match := _SPELLED.match(text, at):
        value, end = _spelled_value(match[0]), match.end()
    elif match := _AN.match(text, at):
        read = _with_more(text, _Read("quantity", Decimal(1), _unit_of(match["unit"]), at, match.end()))
        more = read.value > 1 or _AND_LESS.match(text, read.end)
        return read if more or _BEFORE_AN.search(text, max(0, at - 15), at) else None
    tail = _AFTER_NUMBER.match(text, end) if value is not None else None
    if value is None or tail is None:
        return None
    read = _amount(text, value, tail, "", at)
    plainly_said = read.kind == "number" and not read.scale
    return None if plainly_said and text[at:end].lower() in ("one", "zero") else read  # a pronoun, or an adjective


def _unit_of(words: str) -> str:
    return unit_name(re.sub(r"(?i)^(?:full|whole)\s", "", words))


def _part(text: str, match: re.Match[str]) -> _Read | None:
    """"half an hour", "a quarter of a percent", "half the fee", "two-thirds of the votes"."""
    part, unit = re.sub(r"[\s-]", "", match["part"].lower()), match["unit"]
    article = not match[0].lower().startswith(part[:2])
    if not article and (part == "third" or (part == "quarter" and not (unit and re.match(r"(?i)hour|per|%", unit)))):
        return None
    if not unit and not article and _NTH_HALF.search(text, max(0, match.start() - 8), match.start()):
        return None
    n, d = _PARTS[part]
    if unit and d == 3:
        return None
    kind: AmountKind = "quantity"
    name = _unit_of(unit) if unit else "part"
    if unit and re.fullmatch(r"(?i)percent|per\scent|%", unit):
        kind, name = "percent", "%"
    rates = _RATES.match(text, match.end())
    end = rates.end() if unit and rates else match.end()
    name = "/".join([name, *_rates(text[match.end() : end])])
    return _Read(kind, Decimal(n) / d, name, match.start(), end, f"{n}/{d}" if d == 3 else "")


def _amount(text: str, value: Decimal, tail: re.Match[str], coin: str, start: int) -> _Read:
    """The amount of a number and what follows it."""
    if tail["more"]:
        value += Decimal("0.5" if tail["more"].lower().endswith("half") else "0.25")
    scale = _SCALES[tail["scale"].strip(" -\n\t").lower().removesuffix("s")] if tail["scale"] else 0
    value = value.scaleb(scale)
    kind: AmountKind = "number"
    name = ""
    unit = tail["unit"] or (tail["glued"] or "").strip()
    after = tail["coin"]
    if coin or after:
        code, cents = currency(after if after and (not coin or after.isupper()) else coin)  # "$5 CAD" is not USD
        kind, name, value = "money", code, value / 100 if cents else value
    elif percent := tail["percent"]:
        kind, name = "percent", "%"
        value = value / 100 if percent[0] in "bB" else value / 10 if percent == "‰" else value
    elif tail["times"]:
        kind, name = "quantity", "x"
    elif tail["nth"]:
        kind, name = "quantity", "th"
    elif unit or tail["noun"] or tail["rate"]:
        kind, name = "quantity", unit_name(unit or tail["noun"] or "")
        kind = "percent" if name == "pp" else kind
    rate = tail["rate"]
    end = tail.end()
    if rate and (name == "th" or not (name or after or coin)) and _NO_RATE.fullmatch(rate):
        rate, end = "", tail.start("rate")
        kind = "quantity" if name else "number"
    read = _Read(kind, value, "/".join([name, *in_rate_order(_rates(rate))]), start, end, "", scale)
    if tail["again"] and not _same(tail["again"], value.scaleb(-scale)):
        read.written = f"{plain(value)}|{tail['again']}"  # "thirty (60) days"
    return read if rate else _with_more(text, read)


def _same(again: str, value: Decimal) -> bool:
    try:
        return (_spelled_value(again) if again[0].isalpha() else Decimal(_written(again.rstrip(".,")))) == value
    except ArithmeticError:
        return False


def _with_more(text: str, read: _Read) -> _Read:
    """`read` with the half that follows its unit: "an hour and a half"."""
    if read.unit in TIMES and (more := _AND_MORE.match(text, read.end)):
        read.value += Decimal("0.5" if more[1].lower() == "half" else "0.25")
        read.end = more.end()
    return read


def _rates(rate: str) -> list[str]:
    return [unit_name(name) for name in _RATE_NAME.findall(rate)] if rate else []


def _spelled_value(words: str) -> Decimal:
    total = part = 0
    for word in re.split(r"[-\s]+", words.lower()):
        if word in ("thousand", "million"):
            total, part = total + (part or 1) * (1000 if word == "thousand" else 10**6), 0
        elif word == "hundred":
            part = (part or 1) * 100
        elif word != "and":
            part += _WORD_VALUES[word]
    return Decimal(total + part)


def _written(number: str) -> str:
    """Digits with a decimal point, from any of the spellings `_NUMBER` accepts."""
    number = re.sub("['’]", "", number)
    if "," in number:
        whole, last = number.rsplit(",", 1)
        if "." in whole or ("." not in last and len(last) != 3):  # a decimal comma
            return whole.replace(".", "").replace(",", "") + "." + last
        return number.replace(",", "")
    return number.replace(".", "") if number.count(".") > 1 else number


def _join_groups(text: str) -> str:
    """`text` of the same length, where the spaces inside "1 200 EUR" or "€1 200" are apostrophes.

    Spaces group digits only beside a currency or a unit: "ports 80 443" are two numbers.
    """

    def joined(match: re.Match[str]) -> str:
        before, after = text[max(0, match.start() - 5) : match.start()], text[match.end() : match.end() + 20]
        grouped = _COIN_BEFORE.search(before) or _UNIT_NEXT.match(after)
        return match[0].replace(" ", "'") if grouped else match[0]

    return _SPACED_GROUPS.sub(joined, text)


# --- neighbours --------------------------------------------------------------------------------------

_CENTS = re.compile(r"^,?\sand\s[\w-]{1,20}\s(?:cents?|pence)$", re.IGNORECASE)  # "three dollars and fifty cents"
_IN_SECONDS = {"day": 86400, "hour": 3600, "minute": 60, "second": 1}
_IN_MONTHS = {"year": 12, "month": 1}


def _joined(amounts: list[_Read], text: str) -> list[_Read]:
    """`amounts` with "1 hour 30 minutes" and "1h30m" as one."""
    joined: list[_Read] = []
    for amount in amounts:
        last = joined[-1] if joined else None
        if last and last.kind == amount.kind == "money" and _CENTS.search(text[last.end : amount.end]):
            if last.unit == amount.unit and amount.value < 1 and last.value == last.value.to_integral_value():
                last.value, last.end = last.value + amount.value, amount.end
                continue
        for sizes in (_IN_SECONDS, _IN_MONTHS):
            if (
                last
                and sizes.get(last.unit, 0) > sizes.get(amount.unit, 0) > 0
                and 0 < amount.value * sizes[amount.unit] < sizes[last.unit]
                and text[last.end : amount.start] in ("", " ", " and ", ", ")
                and not (last.written or amount.written)
            ):
                last.value = last.value * sizes[last.unit] / sizes[amount.unit] + amount.value
                last.unit, last.end = amount.unit, amount.end
                break
        else:
            joined.append(amount)
    return joined


def _share_units(amounts: list[_Read], text: str) -> list[_Read]:
    """`amounts`, where both ends of a range, and the members of a list, have the unit that is written once.

    "5–10 minutes", "$5-10k", "$5-$10 per month", "30, 60 or 90 days".
    """
    in_list = False
    for this, following in zip(amounts[-2::-1], amounts[:0:-1], strict=True):
        gap = text[this.end : following.start]
        between = gap == " and " and text[max(0, this.start - 8) : this.start].lower() == "between "
        is_range = between or bool(_RANGE_GAP.fullmatch(gap))
        last_of_list = bool(_LIST_GAP.fullmatch(gap)) and ("or" in gap or "and" in gap)
        in_list = last_of_list or (in_list and gap == ", ")
        if not (is_range or (in_list and following.kind == "quantity" and len(this.written) < 4)):
            continue
        if is_range and following.scale > this.scale == 0:
            if abs(this.value) < abs(following.value.scaleb(-following.scale)) and "|" not in this.written:
                this.value, this.written, this.scale = this.value.scaleb(following.scale), "", following.scale
        if this.kind == "number" and following.kind != "number" and following.unit != "th":
            this.kind, this.unit, this.written = following.kind, following.unit, this.written if not this.written.replace(".", "").isdigit() else ""
        elif this.kind == "money" and (following.kind == "number" or following.unit.startswith("/")):
            following.kind, following.unit, following.written = "money", this.unit + following.unit, ""
            this.unit = following.unit
        elif is_range and this.kind == following.kind and following.unit.startswith(f"{this.unit}/"):
            this.unit = following.unit
    return amounts
