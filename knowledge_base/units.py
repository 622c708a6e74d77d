"""Units: what numbers count, in all their spellings, and which of them convert into each other exactly."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

_DECIMAL = {"K": "kilo", "M": "mega", "G": "giga", "T": "tera", "P": "peta", "E": "exa"}
_BINARY = {"K": "ki", "M": "me", "G": "gi", "T": "te", "P": "pe", "E": "ex"}
_ALIASES = {
    "nanosecond": "ns nanosecond nanoseconds",
    "microsecond": "μs us microsecond microseconds",
    "millisecond": "ms msec msecs millisecond milliseconds",
    "second": "s sec secs second seconds",
    "minute": "m min mins minute minutes",
    "hour": "h hr hrs hour hours",
    "day": "d day days",
    "night": "night nights",
    "business day": "business_day business_days working_day working_days banking_day banking_days bank_day bank_days "
    "workday workdays work_day work_days",
    "business hour": "business_hour business_hours working_hour working_hours",
    "week": "w wk wks week weeks",
    "fortnight": "fortnight fortnights",
    "month": "mo mos mth mths month months",
    "quarter": "quarter quarters qtr qtrs",
    "year": "y yr yrs year years",
    "decade": "decade decades",
    "bit": "bit bits",
    "byte": "byte bytes",
    **{f"{p}B": f"{p}b {name}byte {name}bytes".lower() for p, name in _DECIMAL.items()},
    **{f"{p}iB": f"{p}i {p}ib {name}bibyte {name}bibytes".lower() for p, name in _BINARY.items()},
    **{f"{p}bit": f"{p}bit {p}bits {name}bit {name}bits".lower() for p, name in _DECIMAL.items()},
    **{f"{p}bit/second": f"{p}bps {p}bit/s".lower() for p in "KMGT"},
    "request/second": "rps qps",
    "request/minute": "rpm",
    "transaction/second": "tps",
    "IOPS": "iops",
    "vCPU": "vcpu vcpus",
    **{f"{p}Hz": f"{p}hz".lower() for p in ("", "k", "M", "G")},
    "mm": "mm millimeter millimeters millimetre millimetres",
    "cm": "cm centimeter centimeters centimetre centimetres",
    "meter": "meter meters metre metres",
    "km": "km kms kilometer kilometers kilometre kilometres",
    "mile": "mile miles",
    "foot": "ft foot feet",
    "inch": "inch inches",
    "mph": "mph",
    "km/hour": "kph kmh",
    "mg": "mg milligram milligrams",
    "gram": "gram grams",
    "kg": "kg kgs kilogram kilograms kilo kilos",
    "lb": "lb lbs",
    "ounce": "oz ounce ounces",
    "ton": "ton tons tonne tonnes",
    "ml": "ml milliliter milliliters millilitre millilitres",
    "liter": "liter liters litre litres",
    "W": "watt watts",
    "kW": "kw kilowatt kilowatts",
    "kWh": "kwh kilowatt-hour kilowatt-hours",
    "°C": "°c °_c degrees_celsius degrees_centigrade degrees_c deg_c celsius",
    "°F": "°f °_f degrees_fahrenheit degrees_f deg_f fahrenheit",
    "pp": "pp percentage_point percentage_points",
    "x": "times -fold fold",
}  # fmt: skip
_UNITS = {alias.replace("_", " "): unit for unit, aliases in _ALIASES.items() for alias in aliases.split()}
_CASED = {
    **{f"{p}b": f"{p}bit" for p in "KMGT"}, **{f"{p}b/s": f"{p}bit/second" for p in "KMGT"},
    **{f"{p}Bps": f"{p}B/second" for p in "KMGT"}, "mW": "mW", "MW": "MW", "GW": "GW",
}  # fmt: skip
"""Spellings whose case tells: "Mb" are megabits; "mb" and "MB" are megabytes."""
ONE_LETTER = "smhdwy"  # units only when glued: "5m" is five minutes, "5 m" could be anything
LONG_UNITS = [alias for alias in _UNITS if alias not in ONE_LETTER and not alias.startswith("-")]
TIME_UNITS = frozenset(
    {
        "second",
        "minute",
        "hour",
        "day",
        "night",
        "business day",
        "business hour",
        "week",
        "fortnight",
        "month",
        "quarter",
        "year",
    }
)
_COUNTED_BY = {
    "monthly": "month", "annually": "year", "annual": "year", "yearly": "year", "annum": "year", "p.a.": "year",
    "daily": "day", "weekly": "week", "hourly": "hour", "quarterly": "quarter", "time": "x", "req": "request",
    "reqs": "request",
    "txn": "transaction", "txns": "transaction", "us$1": "dollar", "$1": "dollar", "€1": "euro", "£1": "pound",
    "business": "business day",
}  # fmt: skip
_SECONDS = {
    "nanosecond": "1e-9", "microsecond": "1e-6", "millisecond": "0.001", "minute": "60", "hour": "3600",
    "day": "86400", "week": "604800", "fortnight": "1209600",
}  # fmt: skip
_DIMENSION = {
    **dict.fromkeys([*_SECONDS, *TIME_UNITS, "decade"], "time"),
    **dict.fromkeys(["byte", *(f"{p}B" for p in _DECIMAL), *(f"{p}iB" for p in _BINARY)], "size"),
    **dict.fromkeys("mm cm meter km mile foot inch".split(), "length"),
    **dict.fromkeys("mg gram kg lb ounce ton".split(), "weight"),
}
_MONTHS = {"quarter": "3", "year": "12", "decade": "120"}

# --- money -------------------------------------------------------------------------------------------

CODES = """
    USD EUR GBP JPY INR CAD AUD NZD CHF CNY SEK NOK DKK SGD HKD BRL MXN ZAR KRW PLN CZK HUF ILS AED RUB TRY UAH
    THB IDR MYR PHP VND TWD SAR EGP NGN KES CLP COP ARS RON BGN ISK QAR KWD PKR BDT LKR BTC ETH
    """.split()
_WORDLIKE = {"PHP", "TRY"}  # before a number these are mostly words: "PHP 7.4", "TRY 3 TIMES"
SYMBOLS = {
    "$": "USD", "US$": "USD", "U.S.$": "USD", "C$": "CAD", "CA$": "CAD", "A$": "AUD", "AU$": "AUD", "NZ$": "NZD",
    "HK$": "HKD", "S$": "SGD", "R$": "BRL", "MX$": "MXN", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "₩": "KRW",
    "₽": "RUB", "₺": "TRY", "₪": "ILS", "₴": "UAH", "₫": "VND", "₦": "NGN", "₱": "PHP", "฿": "THB", "₿": "BTC",
}  # fmt: skip
_NAMED = {
    "Rs.": "INR", "Rs": "INR", "rs.": "INR", "rs": "INR", "zł": "PLN", "Kč": "CZK", "Fr.": "CHF", "kr": "krone",
    "kr.": "krone",
}  # fmt: skip
_CENTS = {
    "¢": "USD", "cent": "USD", "penny": "USD", "us cent": "USD", "euro cent": "EUR", "eurocent": "EUR", "pence": "GBP",
}  # fmt: skip
COINS_BEFORE = [
    *SYMBOLS,
    "¢",
    *_NAMED,
    *(code for code in CODES if code not in _WORDLIKE),
    "usd",
    "eur",
    "gbp",
    "US dollars",
]
COINS_AFTER = [*SYMBOLS, "¢", *_NAMED, *CODES, "usd", "eur", "gbp"]
_DOLLARS = {
    "": "USD", "us": "USD", "u.s.": "USD", "american": "USD", "canadian": "CAD", "australian": "AUD",
    "singapore": "SGD", "hong kong": "HKD", "new zealand": "NZD",
}  # fmt: skip
_WORDS = {
    **{f"{whose} dollar".strip(): code for whose, code in _DOLLARS.items()},
    "buck": "USD", "euro": "EUR", "pound": "GBP", "british pound": "GBP", "pound sterling": "GBP", "quid": "GBP",
    "yen": "JPY", "japanese yen": "JPY", "rupee": "INR", "indian rupee": "INR", "franc": "CHF", "swiss franc": "CHF",
    "yuan": "CNY", "renminbi": "CNY", "zloty": "PLN", "peso": "peso", "kronor": "krone", "kroner": "krone",
    "krona": "krone", "krone": "krone",
}  # fmt: skip
COIN_WORDS = [*_WORDS, *(word for word in _CENTS if word != "¢"), "pounds sterling", "pennies"]


def dimension(unit: str) -> str:
    """What a unit measures, where several units measure one: "time", "size", "length" or "weight"; else ""."""
    return _DIMENSION.get(unit.partition("/")[0], "")


def any_of(names: Iterable[str]) -> str:
    """A pattern for one of `names`, the longest first."""
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))


def currency(coin: str) -> tuple[str, bool]:
    """The ISO 4217 code of a symbol, code or word ("US$", "eur", "Canadian dollars"), and whether it counts cents."""
    if known := SYMBOLS.get(coin) or _NAMED.get(coin) or (coin.upper() if coin.upper() in CODES else None):
        return known, False
    word = " ".join(coin.lower().split())
    word = {"pounds sterling": "pound sterling", "pennies": "penny"}.get(word, word)
    for name in (word, word.removesuffix("s")):
        if name in _CENTS:
            return _CENTS[name], True
        if name in _WORDS:
            return _WORDS[name], False
    return "USD", False


def unit_name(word: str) -> str:
    """The canonical name of a unit, or the singular of any other noun that things are counted by."""
    if word in _CASED:
        return _CASED[word]
    if word.isupper() and word.lower() not in _UNITS:
        return word.lower()
    word = " ".join(word.lower().split())
    word = word if word in _UNITS else word.replace("-", " ")
    if known := _UNITS.get(word) or _COUNTED_BY.get(word):
        return known
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if re.search(r"(?:ss|[^aeo]us|x|ch|sh)es$", word):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def is_unit(word: str) -> bool:
    """Whether `word` names a unit of time, size, rate or length, in any of its spellings."""
    return word in _CASED or word.lower() in _UNITS or word.lower() in _COUNTED_BY


def in_rate_order(names: Iterable[str]) -> list[str]:
    """What an amount is counted by, time last: "$8 per month per user" is "$8 per user per month"."""
    return sorted(names, key=lambda name: name in TIME_UNITS)


def plain(number: Decimal) -> str:
    """Digits without an exponent or needless zeros."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def two_decimals(value: str) -> str:
    """`value` as money is often written: "4.5" is "4.50"; other values are left alone."""
    return value + "0" if re.fullmatch(r"-?\d+\.\d", value) else value


def in_base(value: str, unit: str) -> tuple[str, str]:
    """The same amount in the smallest unit of its scale, for units that convert exactly: 1 hour is 3600 second."""
    if "|" in value or "/" in value:
        return value, unit
    if unit in _SECONDS:
        return plain(Decimal(value) * Decimal(_SECONDS[unit])), "second"
    if unit in _MONTHS:
        return plain(Decimal(value) * Decimal(_MONTHS[unit])), "month"
    if unit == "part":
        return plain(Decimal(value) * 100), "%"
    return value, unit
