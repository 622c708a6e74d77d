"""Amounts: numbers with their currency, unit and rate, in one normal form ("1.2k dollars" is 1200 USD)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Literal

AmountKind = Literal["money", "percent", "quantity", "number"]
Amount = tuple[AmountKind, str, str, int, int]
"""kind, value, unit, and the start and end of the match."""

# --- vocabulary ------------------------------------------------------------------------------------

_UNITS = {
    alias: unit
    for unit, aliases in {
        "millisecond": "ms msec millisecond milliseconds",
        "second": "s sec secs second seconds",
        "minute": "m min mins minute minutes",
        "hour": "h hr hrs hour hours",
        "day": "d day days",
        "business day": "business_day business_days working_day working_days banking_day banking_days",
        "business hour": "business_hour business_hours working_hour working_hours",
        "week": "w wk wks week weeks",
        "month": "mo mos mth month months",
        "year": "y yr yrs year years",
        "byte": "byte bytes",
        **{f"{p}B": f"{p}b".lower() for p in "KMGTP"},
        **{f"{p}iB": f"{p}i {p}ib".lower() for p in "KMGTP"},
        **{f"{p}bps": f"{p}bps {p}bit/s".lower() for p in "KMG"},
        "request/second": "rps qps",
        "request/minute": "rpm",
        "MHz": "mhz",
        "GHz": "ghz",
        "mile": "mile miles",
        "km": "km kms",
        "kg": "kg kgs",
        "°C": "°c",
        "°F": "°f",
    }.items()
    for alias in (name.replace("_", " ") for name in aliases.split())
}
_ONE_LETTER = "smhdwy"  # units only when glued: "5m" is five minutes, "5 m" could be anything
_SECONDS = {"millisecond": "0.001", "minute": "60", "hour": "3600", "day": "86400", "week": "604800"}
_COUNTED_BY = {
    "monthly": "month", "annually": "year", "yearly": "year", "annum": "year", "daily": "day", "weekly": "week",
    "hourly": "hour", "req": "request", "reqs": "request",
}  # fmt: skip
_CODES = """
    USD EUR GBP JPY INR CAD AUD NZD CHF CNY SEK NOK DKK SGD HKD BRL MXN ZAR KRW PLN CZK HUF ILS AED RUB TRY UAH
    """.split()
_COINS = {
    "$": "USD", "US$": "USD", "C$": "CAD", "CA$": "CAD", "A$": "AUD", "AU$": "AUD", "NZ$": "NZD", "HK$": "HKD",
    "S$": "SGD", "R$": "BRL", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "₩": "KRW", "₽": "RUB", "₺": "TRY",
    "₪": "ILS", "₴": "UAH", "zł": "PLN", "usd": "USD", "eur": "EUR", "gbp": "GBP", **{code: code for code in _CODES},
}  # fmt: skip
_COIN_WORDS = {
    "dollar": "USD", "euro": "EUR", "pound": "GBP", "yen": "JPY", "rupee": "INR", "franc": "CHF", "cent": "USD",
}  # fmt: skip
_SCALES = {"k": 3, "thousand": 3, "m": 6, "mn": 6, "million": 6, "b": 9, "bn": 9, "billion": 9, "trillion": 12}
_SMALL = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen
    """.split()
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_WORD_VALUES = {w: i for i, w in enumerate(_SMALL)} | {w: 10 * i for i, w in enumerate(_TENS, 2)}


def _any_of(names: Iterable[str]) -> str:
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))


# --- patterns --------------------------------------------------------------------------------------

_COIN = _any_of(_COINS)
_COIN_AFTER = rf"(?:{_COIN}|¢|(?i:(?:us\ )?(?:{_any_of(_COIN_WORDS)})s?))"
_LONG_UNIT = _any_of(alias for alias in _UNITS if alias not in _ONE_LETTER)
_TIME_NAME = "(?i:second|sec|s|minute|min|hour|hr|h|day|week|month|mo|quarter|year|yr)"
_TWO = rf"(?:(?:{'|'.join(_TENS)})(?:[-\s](?:{'|'.join(_SMALL[1:10])})\b)?|(?:{_any_of(_SMALL)}))"
_THREE = rf"{_TWO}\b(?:\shundred\b(?:\s(?:and\s)?{_TWO}\b)?)?"
_SPELLED = rf"(?i:\b{_THREE}(?:\sthousand\b(?:\s(?:and\s)?{_THREE})?)?)(?!-(?!(?:{_LONG_UNIT})\b)[a-z])"
_AMOUNT = re.compile(
    rf"""
    (?<!\w) (?<!\d\.) (?<![A-Za-z]-)
    (?: (?P<sign>(?<![\w)\]%])[-−])? (?:(?P<coin>{_COIN})[\s*]?)? )
    (?P<number>
        \d{{1,3}}(?:[,'’]\d{{3}})++(?:\.\d+)?      # 1,200.50
      | \d{{1,2}}(?:,\d{{2}})++,\d{{3}}            # 12,00,000
      | \d{{1,3}}(?:\.\d{{3}})++,\d+               # 1.200,50
      | \d{{1,3}}(?:\.\d{{3}}){{2,}}               # 1.200.000
      | \d+,\d{{1,2}}(?=\s?[€%])                   # 4,5 %
      | \d+(?:\.\d+)? | \.\d+
      | {_SPELLED}
    ) (?![\d])
    (?P<scale> \s?(?i:thousand|million|billion|trillion|mn|bn)\b | [kKMB](?!\w) | (?(coin)[mb](?!\w)|(?!)) )?
    (?: \s?(?P<percent>%|(?i:percent|per\ cent|pct)\b)
      | [\s*]{{0,4}}-?(?P<coin_after>{_COIN_AFTER})(?!\w)
      | (?P<glued>[{_ONE_LETTER}])(?!\w)
      | [\s*]{{0,4}}-?(?:(?:calendar|consecutive|full|additional|more|whole|rolling)\s)?
        (?P<unit>(?i:{_LONG_UNIT}))(?!\w)
      | (?!\sper\b)(?:\s[A-Za-z]+)?\s(?P<noun>[A-Za-z]{{3,}})
        (?=\s(?i:per)\s|\s?/\s?{_TIME_NAME}\b|\s(?:a|an|each|every)\s{_TIME_NAME}\b)
    )?
    (?P<rate>(?: \s(?i:per)\s[A-Za-z]+ | \s?/\s?(?:{_TIME_NAME}|(?i:user|seat|agent|request|gb|tb))\b
      | \s(?:a|an|each|every)\s{_TIME_NAME}\b | \s(?i:monthly|annually|yearly|daily|weekly|hourly)\b )*)
    (?!\w)
    """,
    re.VERBOSE,
)
_RATE_NAME = re.compile(r"(?:(?i:\sper)\s|/\s?|\s(?:a|an|each|every)\s|\s(?=(?i:[a-z]+ly)\b))([A-Za-z]+)")
_RANGE_GAP = re.compile(r"\s?(?:-|–|—|to|or|through)\s?")
_SPACED_GROUPS = re.compile(r"(?<![\w.,])(?<!\d )[1-9]\d{0,2}(?: \d{3})++(?!\d|,\d| \d)")
_COIN_BEFORE = re.compile(rf"(?:{_COIN})\s?$")
_UNIT_NEXT = re.compile(rf"\s?(?:%|(?:{_COIN_AFTER}|(?i:{_LONG_UNIT}|percent|requests|users))(?!\w))")


# --- reading ---------------------------------------------------------------------------------------


def _plain(number: Decimal) -> str:
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _spelled_value(words: str) -> Decimal:
    total = part = 0
    for word in re.split(r"[-\s]+", words.lower()):
        if word == "thousand":
            total, part = total + part * 1000, 0
        elif word == "hundred":
            part *= 100
        elif word != "and":
            part += _WORD_VALUES[word]
    return Decimal(total + part)


def _written(number: str) -> str:
    """Digits with a decimal point, from any of the spellings `_AMOUNT` accepts."""
    if not number.isascii():
        number = re.sub(r"\d", lambda digit: str(int(digit[0])), number)
    number = re.sub("['’]", "", number)
    if "," in number:
        whole, last = number.rsplit(",", 1)
        if "." in whole or ("." not in last and len(last) != 3):  # a decimal comma
            return whole.replace(".", "").replace(",", "") + "." + last
        return number.replace(",", "")
    return number.replace(".", "") if number.count(".") > 1 else number


def _read(match: re.Match[str]) -> Iterator[Amount]:
    number, scale = match["number"], match["scale"]
    spelled = number[0].isalpha()
    written_after, unit = match["coin_after"], match["unit"] or match["glued"]
    coin = written_after if written_after in _COINS else match["coin"] or written_after  # "$5 CAD" is not USD
    if spelled and number.lower() in ("one", "zero") and not (scale or coin or unit or match["percent"]):
        return  # a pronoun, or an adjective
    written = "" if spelled else _written(number)
    value = _spelled_value(number) if spelled else Decimal(written)
    if scale:
        value = value.scaleb(_SCALES[scale.strip().lower()])
    kind: AmountKind = "number"
    name = ""
    if coin:
        word = coin.lower().removeprefix("us ").removesuffix("s")
        kind, name = "money", _COINS.get(coin) or _COIN_WORDS.get(word, "USD")
        if word in ("cent", "¢"):
            value /= 100
    elif match["percent"]:
        kind, name = "percent", "%"
    elif unit or match["noun"] or match["rate"]:
        kind, name = "quantity", _unit_name(unit or match["noun"] or "")
    rates = [_unit_name(rate) for rate in _RATE_NAME.findall(match["rate"])]
    plain = written if kind == "number" and written and not scale else _plain(value)
    sign = "-" if match["sign"] else ""
    yield kind, sign + plain, "/".join([name, *rates]), match.start(), match.end()


def _unit_name(word: str) -> str:
    """The canonical name of a unit, or the singular of any other noun that things are counted by."""
    word = re.sub(r"\s+", " ", word.lower())
    if known := _UNITS.get(word) or _COUNTED_BY.get(word):
        return known
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def amounts_in(text: str) -> list[Amount]:
    """The amounts of `text`, in order."""
    text = _join_groups(text)
    return _share_units([amount for match in _AMOUNT.finditer(text) for amount in _read(match)], text)


def is_amount(token: str) -> bool:
    """Whether `token` is one amount and nothing else ("24h", "$5", "10 GB/s")."""
    return _AMOUNT.fullmatch(token) is not None


def is_unit(word: str) -> bool:
    """Whether `word` names a unit of time, size, rate or length, in any of its spellings."""
    return word.lower() in _UNITS or word.lower() in _COUNTED_BY


def two_decimals(value: str) -> str:
    """`value` as money is often written: "4.5" is "4.50"; other values are left alone."""
    return value + "0" if re.fullmatch(r"-?\d+\.\d", value) else value


def _join_groups(text: str) -> str:
    """`text` of the same length, where the spaces inside "1 200 EUR" or "€1 200" are apostrophes.

    Spaces group digits only beside a currency or a unit: "ports 80 443" are two numbers.
    """

    def joined(match: re.Match[str]) -> str:
        before, after = text[max(0, match.start() - 5) : match.start()], text[match.end() : match.end() + 20]
        grouped = _COIN_BEFORE.search(before) or _UNIT_NEXT.match(after)
        return match[0].replace(" ", "'") if grouped else match[0]

    return _SPACED_GROUPS.sub(joined, text)


def _share_units(amounts: list[Amount], text: str) -> list[Amount]:
    """`amounts`, where both ends of a range have the unit that is written once ("5–10 minutes", "$5-10")."""
    shared = list(amounts)
    for i in range(len(shared) - 2, -1, -1):
        (kind, value, unit, start, end), (next_kind, next_value, next_unit, next_start, next_end) = shared[i : i + 2]
        gap = text[end:next_start]
        between = gap == " and " and text[max(0, start - 8) : start].lower() == "between "
        if not (between or _RANGE_GAP.fullmatch(gap)):
            continue
        if kind == "number" and next_kind != "number":
            shared[i] = (next_kind, value, next_unit, start, end)
        elif kind == "money" and next_kind == "number":
            shared[i + 1] = (kind, next_value, unit, next_start, next_end)
    return shared


def in_base(value: str, unit: str) -> tuple[str, str]:
    """The same amount in the smallest unit of its scale, for units that convert exactly: 1 hour is 3600 second."""
    if unit in _SECONDS:
        return _plain(Decimal(value) * Decimal(_SECONDS[unit])), "second"
    if unit == "year":
        return _plain(Decimal(value) * 12), "month"
    return value, unit
