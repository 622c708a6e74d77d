"""Amounts: numbers with their currency, unit and rate, in one normal form ("1.2k dollars" is 1200 USD)."""

from __future__ import annotations

import re
from decimal import Decimal

from knowledge_base.numerals import (
    A_SCALE,
    AN,
    BEFORE_AN,
    DOZEN,
    LONG_UNIT,
    NTH,
    NTH_HALF,
    ORDINAL_VALUES,
    PART,
    PARTS,
    SCALES,
    SPELLED,
    SPELLED_NUMBER,
    TIMES,
    TIMES_WORDS,
    TWO,
    WORD_START,
    spelled_value,
)  # fmt: skip
from knowledge_base.ranges import AmountKind, Read, joined, share_units
from knowledge_base.units import (
    COIN_WORDS,
    COINS_AFTER,
    COINS_BEFORE,
    ONE_LETTER,
    TIME_UNITS,
    any_of,
    currency,
    in_rate_order,
    plain,
    unit_name,
)  # fmt: skip

Amount = tuple[AmountKind, str, str, int, int]
"""kind, value, unit, and the start and end of the match."""

# --- numbers in digits -------------------------------------------------------------------------------

_COIN_AFTER = rf"(?:{any_of(COINS_AFTER)}|(?i:{any_of(COIN_WORDS)})s?)"
_COIN_LETTERS = any_of(coin for coin in COINS_AFTER if coin.isalpha())
_MONEY_COMMA = rf"(?=\s?(?:€|%|{_COIN_LETTERS}|(?i:euros?|percent|per\scent)\b))"
# No possessive group (`(...)++`): before Python 3.11.5 one with a look-ahead in it ends in the wrong place (gh-106052).
_FORMS = r"""
        \d{1,3}(?:[.'’]\d{3})+,\d{1,2}(?!\d)                      # 1.200,50
      | \d{1,3}(?:[,'’]\d{3})+(?![,'’]\d{3})(?:\.\d+)?            # 1,200.50
      | \d{1,2}(?:,\d\d(?=,))+,\d{3}(?:\.\d+)?                    # 12,00,000
      | \d{1,3}(?:\.\d{3}){2,}                                    # 1.200.000
"""
_NUMBER = re.compile(rf"(?:{_FORMS} | \d+,\d{{1,2}}{_MONEY_COMMA} | \d+(?:\.\d+)?)(?!\d)", re.VERBOSE)
_PRICE = re.compile(rf"(?:{_FORMS} | \d+,\d{{1,2}}(?!\d|,\d) | \d+(?:\.\d+)?)(?!\d)", re.VERBOSE)
_DIGITS = re.compile(r"\d(?<!\d\d)")
_OF_THE = re.compile(r"\sof\s(?:the|your|our|their|its|all|an?)\b")
_FRACTION = re.compile(r"(?:(?P<whole>\d{1,4})\s(?:and\s)?)?(?P<n>\d{1,2})/(?P<d>\d{1,2})(?![\w/.])")
_SPELLED_SIGN = re.compile(
    r"(?:^|[^\w\s)%]\s?|\n|\b(?:is|was|are|be|to|of|at|by|from|than|and|or|set|below|it|as|see)\s)(?P<sign>minus\s)$"
    r"|(?P<word>\bnegative\s)$",
    re.IGNORECASE,
)  # not "the balance minus $5"
_BEFORE = re.compile(
    rf"(?P<sign>(?:(?<![\w)\]%\x01$€£¥°'.-])[-–])?)(?:(?<![A-Za-z])(?:(?P<code>USD|CAD|AUD|EUR|GBP|INR|SGD|NZD|HKD|US)\s?[$€£₹]"
    rf"|(?P<coin>{any_of(COINS_BEFORE)}))[\s*_]{{0,3}}(?P<sign2>[-–]?))?$"
)
_ENDS_LIKE_PRICE = frozenset("$€£¥₹₩₽₺₪₴₫₦₱฿₿¢łč. *_-–") | frozenset("".join(c[-1] for c in COINS_BEFORE))
_TIME_NAME = "(?i:second|sec|s|minute|min|hour|hr|h|day|night|week|wk|month|mo|quarter|year|yr)"
_PER_ADJECTIVE = (
    r"(?:(?:calendar|single|individual|full|whole|given|additional|extra|new|active|eligible|successful|qualifying"
    r"|qualified|approved|completed|incoming|outgoing|domestic|international|returned|covered|linked|referred|authorized|ATM)[\s-])?"
)
_PER_WORD = (
    rf"{_PER_ADJECTIVE}(?:(?:billing|statement|business|working|account|fiscal|membership"
    r"|cardmember|anniversary|policy|api)[\s-])?(?!rolling\b)[A-Za-z]{1,30}"
)
_RATE = rf"""(?:
      (?:,?\s|-)?(?i:per)[\s-](?!(?i:the|your|our|their|this|that|these|its|my)\b)
        (?:(?i:{_PER_WORD})|(?:(?:US)?\$|[€£])1(?![\d.,]\d|\d))
    | \s\((?i:per\s{_PER_WORD}(?:,?\sper\s{_PER_WORD})*)\)
    | \s?/\s?(?:[A-Za-z]{{1,20}}(?!\w|\.\w)|\$1(?![\d.,]))
    | \s(?i:an?|each|every)\s(?:{_TIME_NAME}|(?i:business\sday|user|seat|person|transaction|request|share|head))\b
    | \s(?i:monthly|annually|annual|yearly|daily|weekly|hourly|quarterly)\b(?!\s(?i:payment|instal))
    | \s?p\.a\.
    )"""
_NOUN_RATE = rf"""(?=\s(?i:per)[\s-](?!rolling|cent\b)
        |\s?/\s?(?:{_TIME_NAME}|(?i:user|seat|agent|request|gb|tb|account|card))\b
        |\s(?i:an?|each|every)\s{_TIME_NAME}\b)"""
_FUNCTION_WORD = (
    r"(?i:is|are|was|were|be|will|can|must|may|of|and|or|in|on|at|to|for|with|from|by|as|per|if|that|than|an?|each"
    r"|every)\b"
)
_GOES_ON = r"(?:(?=\d{1,4}(?:h|hr|m|min|s|sec|ms)(?![a-z]))|(?<=\dh)(?=\d\d(?!\w)))"  # "1h30m", "1h15"
_TAIL = r"""
    (?P<more> \sand\s(?i:an?|one)[\s-](?i:half|quarter)\b )?
    (?P<scale> [\s-]?(?i:hundred|thousand|million|billion|trillion|lakhs?|lacs?|crores?|mn|bn)\b{money_scale}
      | [kKMB](?!\w) | [mb](?=\s?(?:{coin})(?!\w)|\s(?:users|customers|people|records|rows)\b) )?
    (?: \s?\((?P<again>[\d,.]{{1,20}}|(?i:{spelled}))\) )?
    (?: \s?(?P<percent>%|‰|(?i:percents?|per\ cent|pct|bps|bp|basis[\s-]points?)(?!\w))
      | [\s*_]{{0,4}}-?(?P<coin>{coin})(?!\w)(?:\s?\([A-Z]{{3}}\))?
      | (?P<times>×(?!\s?[\d$€£])|[xX](?!\w|\.\w))
      | (?P<nth>st|nd|rd|th)(?!\w)
      | (?P<glued>[{one_letter}]|\ [shmg](?![\w'’-])|hr|min|sec)(?:(?!\w)|{goes_on})
      | [\s*_]{{0,4}}-?(?:(?:calendar|consecutive|full|additional|more|whole|rolling|extra|further|straight|solid)\s)?
        (?P<unit>(?i:{long_unit})|[KMGT]b(?:ps|/s)?|[mMG]W)(?:\(s\))?(?!\w)
      | (?!\sper\b|-)(?:\s(?!{function_word})[A-Za-z]{{1,30}}){{0,2}}
        \s(?!{function_word})(?P<noun>[A-Za-z]{{3,30}}){noun_rate}
    )?
    (?P<rate>{rate}*) (?:(?!\w)|(?<=[a-z]){goes_on})
"""


def _tail(money_scale: str) -> re.Pattern[str]:
    filled = _TAIL.format(
        money_scale=money_scale, spelled=SPELLED_NUMBER.replace(" ", r"\s"), coin=_COIN_AFTER.replace(r"\ ", r"\s"),
        one_letter=ONE_LETTER, long_unit=LONG_UNIT.replace(r"\ ", r"[\s-]"), noun_rate=_NOUN_RATE, rate=_RATE,
        function_word=_FUNCTION_WORD, goes_on=_GOES_ON,
    )  # fmt: skip
    return re.compile(filled, re.VERBOSE)


_RATES = re.compile(f"{_RATE}*", re.VERBOSE)
_RATE_NAME = re.compile(
    rf"(?:(?i:per)[\s-]|/\s?|\s(?i:an?|each|every)\s|\s(?=(?i:[a-z]+ly|annual)\b)|(?=p\.a\.))"
    rf"(?i:{_PER_ADJECTIVE})(p\.a\.|US\$1|[$€£]1|(?i:business\sday|{_PER_WORD}))"
)
_NO_RATE = re.compile(rf"\s[a-z]+ly|\sannual|/(?!(?:{_TIME_NAME}|user|seat|person|account|card)s?\b)\w+", re.IGNORECASE)
"""What is no rate after a bare number: "12 monthly payments" are twelve, "9090/rules" is a place."""
_IN_TEN = re.compile(rf"\s(?:in|out\sof)\s(?:\d|(?:every\s)?{TWO}\b)", re.IGNORECASE)
_AND_LESS = re.compile(rf"\sand\s(?:\d{{1,2}}|{TWO})\s(?:day|hour|minute|second|month)s?\b", re.IGNORECASE)
_AND_MORE = re.compile(r"\sand\s(?:an?|one)[\s-](half|quarter)\b(?!\s(?:hour|minute|day|percent))", re.IGNORECASE)
_AFTER_NUMBER = _tail("")
_AFTER_PRICE = _tail(r"|\s?(?:mm|MM|mil|[mb])(?!\w)")
_SPACED_GROUPS = re.compile(r"[1-9](?<![\w.,].)(?<!\d .)\d{0,2}(?: \d{3})+(?!\d|,\d(?!\d\b|\b)| \d)")
_COIN_BEFORE = re.compile(rf"(?:{any_of(COINS_BEFORE)})\s?$")
_UNIT_NEXT = re.compile(rf"\s?(?:%|(?:{_COIN_AFTER}|(?i:{LONG_UNIT}|percent|requests|users))(?!\w))")


# --- reading -----------------------------------------------------------------------------------------


def amounts_in(text: str) -> list[Amount]:
    """The amounts of `text`, in order."""
    text = _join_groups(text)
    starts = [match.start() for match in _DIGITS.finditer(text)]
    digits = set(starts)
    starts += [match.start() for match in WORD_START.finditer(text)]
    found: list[Read] = []
    end = 0
    for start in sorted(starts):
        if start >= end and (read := (_in_digits if start in digits else _in_words)(text, start, end)):
            found.append(read)
            end = read.end
    found = share_units(joined(found, text), text)
    return [(a.kind, a.written or plain(a.value), a.unit, a.start, a.end) for a in found]


def is_amount(token: str) -> bool:
    """Whether `token` is one amount and nothing else ("24h", "$5", "10 GB/s", "1h30m")."""
    return [(start, end) for *_, start, end in amounts_in(token)] == [(0, len(token))]


def _in_digits(text: str, at: int, since: int) -> Read | None:
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
    if not number[0].isdigit():  # ".50" is a half, but in " .1,200.50" the first dot is no part of it
        start = at
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


def _ratio(text: str, at: int) -> Read | None:
    """ "1/2 hour" and "1 1/2 hours" are fractions; "24/7", "2/4 nodes" and "1:1" equal only themselves."""
    if (colon := re.compile(r"\d{1,4}:\d{1,4}(?![\w:]|\.\d)").match(text, at)) and text[at - 1 : at] != ":":
        return Read("number", Decimal(0), "", at, colon.end(), colon[0])
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
        return Read("quantity", Decimal(n) / d, "part", at, match.end(), "" if terminating else f"{n}/{d}")
    read = _amount(text, Decimal(0), tail, "", at) if tail and tail["unit"] else None
    read = read or Read("number", Decimal(0), "", at, match.end())
    read.written = f"{n}/{d}"
    return read


def _in_words(text: str, at: int, since: int) -> Read | None:
    """The amount that begins with the word `at`: "twelve hundred dollars", "half an hour", "twice a month"."""
    if (match := PART.match(text, at)) and (part := _part(text, match)):
        return part
    value: Decimal | None = None
    end = at
    if match := DOZEN.match(text, at):
        value, end = Decimal(12) * (spelled_value(match["n"]) if match["n"] else 1), match.end()
        value = value / 2 if match["half"] else value + 6 * bool(match["h"])
    elif match := A_SCALE.match(text, at):
        value, end = Decimal("0.5") if match["half"] else Decimal(1), match.end()
    elif match := TIMES.match(text, at):
        rates = _RATES.match(text, match.end())
        assert rates is not None  # noqa: S101  # every text matches
        unit = "/".join(["x", *_rates(rates[0])])
        return Read("quantity", Decimal(TIMES_WORDS[match["word"].lower()]), unit, at, rates.end())
    elif match := NTH.match(text, at):
        aside = text[match.end() :].startswith(" all") or re.search(
            r"(?i)\b(?:per|an?|each|every)\s$", text[max(0, at - 6) : at]
        )
        number = ORDINAL_VALUES[match["nth"].lower()]
        tens = {"twenty": 20, "thirty": 30}.get((match["tens"] or "").lower(), 0)
        return None if aside else Read("quantity", Decimal(tens + number), "th", at, match.end("nth"))
    elif match := SPELLED.match(text, at):
        value, end = spelled_value(match[0]), match.end()
    elif match := AN.match(text, at):
        read = _with_more(text, Read("quantity", Decimal(1), _unit_of(match["unit"]), at, match.end()))
        more = read.value > 1 or _AND_LESS.match(text, read.end)
        return read if more or BEFORE_AN.search(text, max(0, at - 15), at) else None
    tail = _AFTER_NUMBER.match(text, end) if value is not None else None
    if value is None or tail is None:
        return None
    read = _amount(text, value, tail, "", at)
    plainly_said = read.kind == "number" and not read.scale
    if plainly_said and text[at:end].lower() in ("one", "zero") and not _IN_TEN.match(text, end):
        return None  # a pronoun, or an adjective
    return read


def _unit_of(words: str) -> str:
    return unit_name(re.sub(r"(?i)^(?:full|whole)\s", "", words))


def _part(text: str, match: re.Match[str]) -> Read | None:
    """ "half an hour", "a quarter of a percent", "half the fee", "two-thirds of the votes"."""
    part, unit = re.sub(r"[\s-]", "", match["part"].lower()), match["unit"]
    article = not match[0].lower().startswith(part[:2])
    if not article and (part == "third" or (part == "quarter" and not (unit and re.match(r"(?i)hour|per|%", unit)))):
        return None
    if not unit and not article and NTH_HALF.search(text, max(0, match.start() - 8), match.start()):
        return None
    n, d = PARTS[part]
    if unit and d == 3:
        return None
    kind: AmountKind = "quantity"
    name = _unit_of(unit) if unit else "part"
    if unit and re.fullmatch(r"(?i)percent|per\scent|%", unit):
        kind, name = "percent", "%"
    rates = _RATES.match(text, match.end())
    end = rates.end() if unit and rates else match.end()
    name = "/".join([name, *_rates(text[match.end() : end])])
    return Read(kind, Decimal(n) / d, name, match.start(), end, f"{n}/{d}" if d == 3 else "")


def _amount(text: str, value: Decimal, tail: re.Match[str], coin: str, start: int) -> Read:
    """The amount of a number and what follows it."""
    if tail["more"]:
        value += Decimal("0.5" if tail["more"].lower().endswith("half") else "0.25")
    scale = SCALES[tail["scale"].strip(" -\n\t").lower().removesuffix("s")] if tail["scale"] else 0
    value = value.scaleb(scale)
    kind: AmountKind = "number"
    name = ""
    unit = tail["unit"] or {" m": "meter", " g": "gram"}.get(tail["glued"] or "", (tail["glued"] or "").strip())
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
    read = Read(kind, value, "/".join([name, *in_rate_order(_rates(rate))]), start, end, "", scale)
    if tail["again"] and not _same(tail["again"], value.scaleb(-scale)):
        read.written = f"{plain(value)}|{tail['again']}"  # "thirty (60) days"
    return read if rate else _with_more(text, read)


def _same(again: str, value: Decimal) -> bool:
    try:
        return (spelled_value(again) if again[0].isalpha() else Decimal(_written(again.rstrip(".,")))) == value
    except ArithmeticError:
        return False


def _with_more(text: str, read: Read) -> Read:
    """`read` with the half that follows its unit: "an hour and a half"."""
    if read.unit in TIME_UNITS and (more := _AND_MORE.match(text, read.end)):
        read.value += Decimal("0.5" if more[1].lower() == "half" else "0.25")
        read.end = more.end()
    return read


def _rates(rate: str) -> list[str]:
    return [unit_name(name) for name in _RATE_NAME.findall(rate)] if rate else []


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
