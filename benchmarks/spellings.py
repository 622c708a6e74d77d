"""Spellings for `benchmarks.formats`: groups that mean the same, and pairs that look alike and do not.

Written from what people write, not from what the parser reads: nothing here is taken from its tables.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator

Pair = tuple[str, str, str]
"""kind, what the source has, what the claim has."""

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()


def in_words(number: int) -> str:
    """A whole number below a million in English."""
    if number < 20:
        return _ONES[number]
    if number < 100:
        return _TENS[number // 10] + (f"-{_ONES[number % 10]}" if number % 10 else "")
    if number < 1000:
        return f"{_ONES[number // 100]} hundred" + (f" and {in_words(number % 100)}" if number % 100 else "")
    return f"{in_words(number // 1000)} thousand" + (f" {in_words(number % 1000)}" if number % 1000 else "")


def _grouped(number: int, by: str) -> str:
    return f"{number:,}".replace(",", by)


def _other_digits(text: str, zero: int) -> str:
    return "".join(chr(zero + int(c)) if c.isdigit() else c for c in text)


# --- one meaning: every kind gives groups of spellings --------------------------------------------------


def money(rng: random.Random) -> Iterator[list[str]]:
    """Prices in several currencies, with all sorts of separators, scales and signs."""
    n = rng.choice([rng.randrange(2, 1000), rng.randrange(1000, 999_999)])
    yield [
        f"${n:,}", f"USD {n}.00", f"{n} dollars", f"US${n:,}.00", f"{_grouped(n, ' ')} USD", f"$ {n}",
        f"{n:,} US dollars", f"${n} USD",
    ]  # fmt: skip
    k = rng.randrange(2, 90) * 100
    yield [
        f"${k:,}", f"{k / 1000:g}k dollars", f"${k / 1000:g}K", f"{in_words(k)} dollars", f"USD {k}",
        f"{_grouped(k, ' ')} $",
    ]  # fmt: skip
    m = rng.choice([2, 5, 12, 250, 1.5, 2.25])
    yield [
        f"${m:g} million", f"US$ {m:g} million", f"${int(m * 10**6):,}", f"${m:g}M", f"${m:g}m", f"USD {m:g}mn",
        f"{m:g} million dollars",
    ]  # fmt: skip
    e, c = rng.randrange(1000, 99_999), rng.randrange(1, 100)
    yield [
        f"€{_grouped(e, '.')},{c:02}", f"{e}.{c:02} EUR", f"€{e:,}.{c:02}", f"EUR {_grouped(e, ' ')},{c:02}",
        f"{e:,}.{c:02} euros",
    ]  # fmt: skip
    small = rng.randrange(1, 100)
    yield [
        f"€{small},{c:02}", f"{small},{c:02} €", f"EUR {small}.{c:02}", f"{small}.{c:02} euros",
        f"{small},{c:02} EUR",
    ]  # fmt: skip
    p = rng.randrange(2, 100)
    yield [f"¢{p}", f"{p}¢", f"{p} cents", f"$0.{p:02}", f"USD 0.{p:02}", f"$.{p:02}", f"{in_words(p)} cents"]
    chf = rng.randrange(1000, 99_999)
    yield [f"CHF {_grouped(chf, chr(39))}", f"{chf} CHF", f"{_grouped(chf, '’')} Swiss francs", f"CHF {chf:,}.00"]
    lakh = rng.randrange(1, 99)
    yield [
        f"₹{lakh},00,000", f"Rs. {lakh} lakh", f"INR {lakh * 100_000}", f"{lakh},00,000 rupees",
        f"Rs {lakh * 100_000:,}",
    ]  # fmt: skip
    yield [f"£{small}.{c:02}", f"GBP {small}.{c:02}", f"{small}.{c:02} pounds", f"{small}.{c:02} GBP"]
    yield [f"-${n}", f"$-{n}", f"minus ${n}", f"USD -{n}", f"−${n:,}"]
    yield [f"${n} CAD", f"CAD {n}", f"C${n}", f"CA${n:,}", f"{n} Canadian dollars"]


def rates(rng: random.Random) -> Iterator[list[str]]:
    """What is paid or counted per month, user, transaction."""
    n = rng.randrange(2, 500)
    yield [
        f"${n} a month", f"${n} per month", f"${n} monthly", f"${n}/mo", f"${n} each month",
        f"{n} dollars every month", f"USD {n}/month",
    ]  # fmt: skip
    yield [
        f"${n} a year", f"${n} per annum", f"${n} annually", f"${n}/yr", f"${n} yearly", f"${n} per year",
        f"${n} per calendar year",
    ]  # fmt: skip
    yield [
        f"${n} per user per month", f"${n}/user/month", f"${n}/user/mo", f"${n} per month per user",
        f"USD {n} per user/month",
    ]  # fmt: skip
    yield [f"${n} per transaction", f"${n}/transaction", f"${n} per-transaction", f"${n} each transaction"]
    yield [
        f"{n} requests per minute", f"{n} req/min", f"{n} requests/minute", f"{n} rpm",
        f"{n} API requests per minute", f"{n} requests a minute",
    ]  # fmt: skip
    yield [f"{n} MB/s", f"{n} MB per second", f"{n} megabytes per second", f"{n} MBps"]
    yield [f"{n} Mbps", f"{n} Mb/s", f"{n} Mbit/s", f"{n} megabits per second"]
    yield ["twice a month", "2 times per month", "two times a month", "2x per month"]
    yield [f"{n / 100:g}% per annum", f"{n / 100:g}% a year", f"{n / 100:g} percent p.a.", f"{n / 100:g}% annually"]


def percents(rng: random.Random) -> Iterator[list[str]]:
    """Percentages, basis points, fractions of a percent."""
    bps = rng.randrange(5, 995, 5)
    yield [
        f"{bps / 100:g}%", f"{bps / 100:g} %", f"{bps / 100:g} percent", f"{bps} basis points", f"{bps} bps",
        f"{bps / 100:.2f}%",
    ]  # fmt: skip
    n = rng.randrange(2, 100)
    yield [f"{n}%", f"{in_words(n)} percent", f"{n} per cent", f"{n}.0%", f"{n} pct", f"{n}٪"]
    yield ["half a percent", "0.5%", "50 basis points", "half of one percent", "0,5 %"]
    yield ["a quarter of a percent", "0.25%", "25 bps"]


def durations(rng: random.Random) -> Iterator[list[str]]:
    """Spans of time, mixed and in fractions."""
    n = rng.randrange(2, 40)
    yield [f"{n} hours", f"{n}h", f"{n} hrs", f"{in_words(n)} hours", f"{60 * n} minutes", f"{n}-hour", f"{n} hour(s)"]
    yield [f"{n} weeks", f"{7 * n} days", f"{in_words(n)} weeks", f"{n}-week"]
    yield [f"{n} years", f"{12 * n} months", f"{n} yrs", f"{in_words(n)} years"]
    yield [
        f"{n} business days", f"{n} working days", f"{in_words(n)} business days", f"{n} banking days",
        f"{in_words(n)} ({n}) business days",
    ]  # fmt: skip
    h, m = rng.randrange(1, 9), rng.randrange(1, 59)
    yield [
        f"{h} hours {m} minutes", f"{h}h{m}m", f"{h}h {m}m", f"{60 * h + m} minutes", f"{h} hours and {m} minutes",
        f"{h} hr {m} min",
    ]  # fmt: skip
    yield ["half an hour", "30 minutes", "1/2 hour", "half-hour", "0.5 hours", "½ hour"]
    yield ["an hour and a half", "90 minutes", "1.5 hours", "1½ hours", "one and a half hours", "1 1/2 hours"]
    yield [f"{n} and a half hours", f"{n}.5 hours", f"{n}½ hours", f"{in_words(n)} and a half hours"]
    yield [f"{n} ms", f"{n}ms", f"{n} milliseconds", f"{n / 1000:g} seconds"]
    yield ["one hour", "1 hour", "60 minutes", "3600 s", "60 min"]
    yield ["two weeks", "14 days", "a fortnight" if rng.random() < 0 else "2 weeks"]
    yield [f"{n} days", f"{in_words(n)} days", f"{n} calendar days", f"{n} consecutive days", f"{24 * n} hours"]
    yield [f"{3 * n} months", f"{n} quarters", f"{in_words(3 * n)} months"]


def ranges(rng: random.Random) -> Iterator[list[str]]:
    """From this to that, and lists that share a unit."""
    a = rng.randrange(2, 20)
    b = a + rng.randrange(1, 20)
    yield [
        f"{a}-{b} business days", f"between {a} and {b} business days", f"{a} to {b} business days",
        f"{a}–{b} working days", f"from {a} to {b} business days", f"{in_words(a)} to {in_words(b)} business days",
    ]  # fmt: skip
    yield [f"${a}-{b}", f"${a} to ${b}", f"between ${a} and ${b}", f"${a}–${b}", f"{a} to {b} dollars"]
    yield [f"${a}k-{b}k", f"${a}-{b}k", f"${a},000 to ${b},000", f"between ${a}k and ${b}k"]
    yield [f"{a}-{b}%", f"{a}% to {b}%", f"between {a} and {b} percent", f"{a} % – {b} %"]
    yield [f"{a}, {b} or {b + 9} days", f"{a} days, {b} days or {b + 9} days"]
    yield [f"${a}-${b} per month", f"${a} per month to ${b} per month", f"${a}–{b}/month"]


def sizes(rng: random.Random) -> Iterator[list[str]]:
    """Bytes, bits, lengths, weights, temperatures, counts."""
    n = rng.randrange(2, 900)
    yield [f"{n} GB", f"{n}GB", f"{n} gigabytes", f"{n} gb", f"{n}-GB"]
    yield [f"{n} MiB", f"{n}Mi", f"{n}MiB", f"{n} mebibytes"]
    yield [f"{n} km", f"{n} kilometers", f"{n}km", f"{n} kilometres"]
    yield [f"{n} kg", f"{n}kg", f"{n} kilograms"]
    yield [f"-{n} °C", f"−{n}°C", f"minus {n} degrees Celsius", f"-{n} ℃"]
    big = rng.randrange(1000, 999_999)
    yield [f"{big:,} users", f"{big} users", f"{_grouped(big, ' ')} users", f"{_grouped(big, chr(0x202F))} users"]
    yield [f"{n}k users", f"{n},000 users", f"{n} thousand users", f"{n}K users"]
    yield [f"{in_words(n)} seats", f"{n} seats"]
    x = rng.randrange(2, 9)
    yield [f"{x}x points", f"{x}X points", f"{x} times the points", f"{x}× points"]
    yield ["twice the limit", "double the limit", "2x the limit", "two times the limit", "2 times the limit"]
    yield ["half the fee", "half of the fee", "50% of the fee"]
    yield ["a dozen cards", "12 cards", "twelve cards"]
    yield ["24/7", "24x7", "24 hours a day, 7 days a week"]


def dates(rng: random.Random) -> Iterator[list[str]]:
    """Days, months, quarters, ordinals and times of day."""
    y, m, d = rng.randrange(2019, 2031), rng.randrange(12), rng.randrange(13, 29)
    full = "January February March April May June July August September October November December".split()[m]
    th = {1: "st", 2: "nd", 3: "rd"}.get(d % 10, "th")
    yield [
        f"{full} {d}, {y}", f"{d} {full} {y}", f"{y}-{m + 1:02}-{d:02}", f"{full[:3]} {d}{th}, {y}",
        f"{d}{th} of {full} {y}",
        f"{m + 1}/{d}/{y}", f"{d}/{m + 1}/{y}", f"{y}/{m + 1:02}/{d:02}", f"{d}.{m + 1}.{y}", f"{d}-{full[:3]}-{y}",
        f"{full} the {d}{th}, {y}",
    ]  # fmt: skip
    yield [f"{full} {y}", f"{full[:3]} {y}", f"{full}, {y}", f"{full[:3]}-{y}"]
    q = rng.randrange(4)
    yield [
        f"Q{q + 1} {y}", f"the {['first', 'second', 'third', 'fourth'][q]} quarter of {y}", f"{y} Q{q + 1}",
        f"Q{q + 1} of {y}", f"{q + 1}Q{y % 100}", f"Q{q + 1}/{y}",
    ]  # fmt: skip
    yield [f"FY{y}", f"fiscal year {y}", f"FY{y % 100}", f"fiscal {y}"]
    h, minute = rng.randrange(1, 12), rng.randrange(60)
    yield [f"{h} am", f"{h:02}:00", f"{h}:00 a.m.", f"{h}AM", f"{h}:00"]
    yield [f"{h}:{minute:02} pm", f"{h + 12}:{minute:02}", f"{h}:{minute:02}PM", f"{h}.{minute:02} p.m."]
    yield [f"{h} pm UTC", f"{h + 12}:00 UTC", f"{h + 12}:00Z", f"{h + 12}00 UTC"]
    yield ["noon", "12:00", "12 pm", "12 noon", "midday"]
    yield ["midnight", "00:00", "12 am", "12 midnight"]
    yield [
        f"{h} to {h + 1}:30 pm", f"{h} pm to {h + 1}:30 pm", f"{h}–{h + 1}:30pm"] if h < 10 else ["9-5 pm",
        "9 am to 5 pm",
    ]  # fmt: skip
    yield ["the first of each month", "the 1st of each month"]
    yield ["the fifteenth of the month", "the 15th of the month"]
    yield ["Mon-Fri", "Monday to Friday", "Monday through Friday", "Mon – Fri"]


def names(rng: random.Random) -> Iterator[list[str]]:
    """Versions, codes, commands, places: what counts as written."""
    a, b, c = (rng.randrange(1, 30) for _ in range(3))
    yield [f"v{a}.{b}.{c}", f"{a}.{b}.{c}", f"version {a}.{b}.{c}", f"V{a}.{b}.{c}"]
    yield [f"v{a}.{b}", f"version {a}.{b}", f"Version {a}.{b}"]
    code = f"{rng.choice(['AUTH', 'INC', 'ERR', 'PAY'])}-{rng.randrange(100, 9999)}"
    yield [code, code.lower(), f"`{code}`", code.replace("A", "А").replace("E", "Е")]  # Cyrillic
    host = f"portal{a}.example.com"
    yield [f"https://{host}/help", f"https://{host.upper()}/help", f"https://{host}/help/"]
    yield [f"team{a}@example.com", f"Team{a}@Example.com", f"<team{a}@example.com>"]
    yield [f"`kubectl get pods -n web{a}`", f"`kubectl  get pods -n web{a}`", f"`$ kubectl get pods -n web{a}`"]
    yield [f"/etc/app{a}/main.conf", f"`/etc/app{a}/main.conf`"]
    yield [
        f"1-800-555-{1000 + a}", f"(800) 555-{1000 + a}", f"800-555-{1000 + a}", f"+1 800 555 {1000 + a}",
        f"800.555.{1000 + a}",
    ]  # fmt: skip
    yield [f"{a}:1", f"`{a}:1`"]


def disguises(rng: random.Random) -> Iterator[list[str]]:
    """The same with characters that a reader does not see, or sees as others."""
    n = rng.randrange(1000, 9999)
    digits = str(n)
    yield [
        f"${n}", f"${digits[0]}\u200b{digits[1:]}", f"${digits[:2]}\u00ad{digits[2:]}", f"$\u2060{n}\ufeff",
        f"${_other_digits(digits, 0xFF10)}",
        f"${_other_digits(digits, 0x660)}", f"${_other_digits(digits, 0x966)}", f"＄{n}", f"\u200e${n}\u200f",
        f"${_other_digits(digits, 0x1D7CE)}",
    ]  # fmt: skip
    yield [f"{n} days", f"{n}\u00a0days", f"{n} dаys", f"{n} d\u200bays", f"{n}\u2011day"]  # Cyrillic а
    yield [f"{n} GB", f"{n} GВ", f"{n} ＧＢ", f"{n}\u202fGB"]  # Cyrillic В


_UNUSUAL = """
    $1.2 thousand | $1,200 USD | USD$1,200 | US $1,200 | 1200$ | twelve hundred bucks
    $1.2 thousand | one thousand two hundred dollars | $1200/- | $12 hundred | USD1,200.00 | 1200USD | $1200.0
    $1.2 thousand | 1,200 dollars US | US dollars 1,200 | 1,200.00 U.S. dollars | $1,200.00 (USD)
    one hundred and twenty-five thousand dollars | $125,000 | $125k | 125 thousand dollars | $125K | $0.125 million
    3 to 5 working days | 3–5 business days | three to five business days | 3 - 5 business days | 3-5 bank days
    3 to 5 working days | 3—5 business days | three-to-five business days | 3 – 5 business-days
    3 to 5 working days | from three to five business days
    two and a half percent | 2.5% | 2½% | 250bps | 250 bp | 2 1/2 percent
    six months | half a year | 6-month | six (6) months | 6 mos. | six-month | 6 calendar months
    1.5M users | 1,500,000 users | 1.5 million users | one and a half million users | 1.5m users
    12/31/2025 | 31 Dec 2025 | Dec. 31, 2025 | 31st December, 2025 | 31/12/25 | December 31st 2025 | Dec 31 2025
    12/31/2025 | 31-Dec-25 | 2025/12/31 | 31.12.2025 | the 31st of December 2025 | 31 December, 2025
    12/31/2025 | December 31,2025 | 12-31-2025 | 31 DEC 2025
    3pm ET | 15:00 ET | 3:00 PM Eastern Time | 3 p.m. (ET) | 3:00pm ET | 3 PM ET
    9:00-17:00 | 9am-5pm | 9 AM – 5 PM | 09:00 to 17:00 | 9 a.m. to 5 p.m. | 09:00–17:00 | between 9 AM and 5 PM
    v2 | version 2 | ver. 2
    +1-800-555-0199 | (800) 555-0199 | 1 (800) 555-0199 | 800.555.0199 | 1.800.555.0199
    $5 per 1,000 requests | $5/1k requests | $5 per 1K requests | $5 per thousand requests
    5 times a day | five times per day | 5x/day | 5 times/day | five times daily
    $1.5bn | $1.5 billion | 1.5 billion US dollars | $1,500,000,000 | USD 1.5B | US$1.5bn
    $8 per user, per month | $8 per user per month | $8/user per month | $8 per-user per-month | $8/user/mo.
    $8 per user, per month | $8 (per user, per month)
    €49.99 | 49,99 € | EUR 49,99 | 49.99€ | 49,99 Euro | € 49,99 | 49,99 EUR | EUR49.99
    £1.5m | £1.5 million | 1.5 million pounds | GBP 1,500,000 | £1,500,000 | 1,500,000 GBP | 1.5m GBP
    ₹5,00,000 | Rs. 500,000 | INR 5 lakh | five lakh rupees | Rs 5 lakhs | ₹5 lakh | ₹0.5 million
    1 in 10 | one in ten
    one third of the fee | a third of the fee | 1/3 of the fee
    Q3 FY2025 | third quarter of fiscal 2025 | Q3 of fiscal year 2025 | FY2025 Q3 | FY25 Q3
    5 to 10 GB | 5-10GB | between 5 GB and 10 GB | 5 – 10 GB | 5GB-10GB | 5GB–10GB | five to ten gigabytes
    2×4 GB | 2 x 4 GB | 2x4GB
    1,200 kg | 1200 kilograms | 1 200 kg
    3x | three times | 3 times | threefold | 3-fold | three-fold
    $25 monthly fee | $25 fee per month | $25 a month | $25 per month | $25 each month | $25/mo.
    $25 monthly fee | $25 per calendar month | $25-per-month
    5 years and 6 months | 66 months | 5.5 years | 5½ years | five and a half years
    USD 1.2 million | $1.2m | 1,200,000 dollars | $1.2MM | $1.2 mil | $1.2-million
    0.5 percentage points | half a percentage point | 0.5 pp
    1 hour and 15 minutes | 75 minutes | 1h15 | 1 hr 15 mins | 1.25 hours | an hour and fifteen minutes
    1 hour and 15 minutes | an hour and a quarter
"""


def unusual(rng: random.Random) -> Iterator[list[str]]:
    """Some of the spellings collected by hand, the rarer ones too."""
    for line in rng.sample(_UNUSUAL.strip().splitlines(), 16):
        yield [spelling.strip() for spelling in line.split("|")]


SAME: dict[str, Callable[[random.Random], Iterator[list[str]]]] = {
    f.__name__: f for f in (money, rates, percents, durations, ranges, sizes, dates, names, disguises, unusual)
}

# --- two meanings -----------------------------------------------------------------------------------------


def _digit_changed(text: str, rng: random.Random) -> str:
    places = [i for i, c in enumerate(text) if c in "123456789"]
    at = rng.choice(places)
    return text[:at] + rng.choice([c for c in "123456789" if c != text[at]]) + text[at + 1 :]


def _apart(n: int, y: int, d: int) -> dict[str, list[tuple[str, str]]]:
    """Pairs that look alike and differ, by kind, around a number, a year and a day of a month."""
    return {
        "money": [
            (f"${n}", f"€{n}"), (f"£{n}", f"${n}"), (f"${n} CAD", f"${n}"), (f"${n}.5", f"${n}5"),
            (f"${n}", f"-${n}"),
            (f"${n}", f"{n} cents"), (f"${n}k", f"${n}"), (f"${n} million", f"${n} thousand"), (f"${n}0", f"${n}"),
            (f"${n}", f"${n}0"),
            (f"${n},000", f"${n}.00"), (f"CHF {n}", f"EUR {n}"), (f"${n}.99", f"${n}.90"),
            (f"Rs. {n} lakh", f"Rs. {n} crore"),
            (f"€{n}.500", f"€{n}.50"), (f"{in_words(n)} dollars", f"{in_words(n + 1)} dollars"), (f"${n}", f"{n}%"),
        ],
        "rates": [
            (f"${n} per month", f"${n} per year"), (f"${n} per user", f"${n} per month"),
            (f"${n}/user/month", f"${n}/user/year"),
            (f"${n}", f"${n} per month"), (f"{n} requests per minute", f"{n} requests per second"),
            (f"{n} Mbps", f"{n} MBps"),
            (f"${n} per transaction", f"${n} per account"), ("twice a month", "twice a year"),
            (f"{n}% per annum", f"{n}% per month"),
        ],
        "percents": [
            (f"{n}%", f"{n} bps"), (f"{n}%", f"0.{n:02}%"), (f"{n / 10:g}%", f"{(n + 1) / 10:g}%"),
            ("half a percent", "a quarter of a percent"),
            (f"{n}%", f"{n} percentage points"), (f"{n}%", f"{n}‰"),
        ],
        "durations": [
            (f"{n} days", f"{n} business days"), (f"{n} business days", f"{n} days"),
            (f"{n} hours", f"{n} minutes"), (f"{n} weeks", f"{n} days"),
            (f"{n} business days", f"{n} business hours"), (f"{n} months", f"{n} minutes"),
            ("half an hour", "an hour and a half"),
            (f"{n}h", f"{n}m"), (f"{n}ms", f"{n}s"), (f"{n} hours", f"{n} and a half hours"),
            ("within 2 hours", "within an hour"),
            (f"{n} days", f"{in_words(n + 1)} days"), (f"2h{n % 50 + 1}m", f"2h{n % 50 + 2}m"),
            (f"{in_words(n)} ({n}) days", f"{in_words(n)} ({n + 1}) days"),
        ],
        "ranges": [
            (f"{n}-{n + 5} days", f"{n}-{n + 6} days"), (f"${n}-{n + 5}", f"${n}-{n + 5}k"),
            (f"{n} to {n + 2} hours", f"{n} to {n + 2} days"),
            (f"{n}-{n + 5} days", f"{n}-{n + 5} business days"), (f"${n}", f"${n}-{n + 5}"),
        ],
        "sizes": [
            (f"{n} MB", f"{n} MiB"), (f"{n} MB", f"{n} Mb"), (f"{n} GB", f"{n} TB"), (f"{n} Gi", f"{n} Mi"),
            (f"{n} km", f"{n} miles"),
            (f"-{n} °C", f"{n} °C"), (f"{n} °C", f"{n} °F"), (f"{n}x points", f"{n + 1}x points"),
            ("double points", "triple points"),
            (f"{n} users", f"{n}k users"), ("half the fee", "a quarter of the fee"),
            ("two-thirds of the fee", "half of the fee"),
            (f"{n},200", f"{n}.200"), ("24/7", "24/5"), ("1:1", "1:2"), (f"-{n}", f"{n}"), (f"{n}", f"-{n}"),
            (f"{n} kg", f"{n} lbs"), ("5×", "6×"),
        ],
        "dates": [
            (f"March {d}, {y}", f"March {d + 1}, {y}"), (f"March {d}, {y}", f"May {d}, {y}"),
            (f"March {d}, {y}", f"March {d}, {y + 1}"),
            (f"03/04/{y}", f"March 4, {y}"), (f"03/04/{y}", f"April 3, {y}"), (f"Q3 {y}", f"Q2 {y}"),
            (f"Q3 {y}", f"Q3 {y + 1}"), (f"FY{y}", f"FY{y + 1}"),
            ("9 am", "9 pm"), ("09:00 UTC", "09:00 EST"), ("noon", "midnight"), ("9:30", "9:35"),
            ("the 1st of the month", "the 2nd of the month"),
            ("the first of the month", "the second of the month"), ("Mon-Fri", "Mon-Sat"),
            ("on Monday", "on Tuesday"), ("9-11 am", "9-11 pm"), ("12 am", "12 pm"),
        ],
        "names": [
            (f"v{n}.2", f"v{n}.20"), (f"v{n}.1.0", f"v{n}.1.1"), ("m5.large", "m6.large"),
            ("m5.large", "m5.xlarge"), (f"INC-{n}42", f"INC-{n}4"),
            (f"INC-{n}4", f"INC-{n}42"), ("`rm -rf /tmp/a`", "`rm -rf /tmp`"), ("`ls -a`", "`ls -A`"),
            ("https://a.example.com/x", "https://b.example.com/x"),
            ("https://paypal.com/x", "https://pаypal.com/x"), ("a@example.com", "b@example.com"),
            ("/etc/hosts", "/etc/host"), ("--force", "--no-force"),
            ("us-east-1", "us-west-1"), ("800-555-1234", "800-555-1235"), (f"10.0.{n}.1", f"10.0.{n}.10"),
            ("10.0.0.0/16", "10.0.0.0/24"), ("E1001", "E1010"), (f"Python 3.{n}", f"Python 3.{n}0"),
        ],
        "disguises": [
            ("$1", "$1О0"), ("$100", "$1О0"), ("$10", "$1O0"), ("$1", "$lOO"), ("1 day", "l0 days"),
            ("$1", "$1,OOO"), ("$100", "$1\u033600"), ("$1", "$1\u20e500"),
            ("$001", "\u202e$001\u202c"), ("10 users", "10² users"), ("102 users", "10² users"),
            (f"${n}", f"${n}\u200b0"), (f"${n}", f"${n}٠"), (f"{n} MB", f"{n} Mb\u200b"), ("$49", "$4９5"),
        ],
    }  # fmt: skip


def different(rng: random.Random) -> Iterator[Pair]:
    """Pairs that look alike and differ: kind, source, claim."""
    n = rng.randrange(2, 90)
    y = rng.randrange(2019, 2031)
    d = rng.randrange(13, 28)
    for kind, pairs in _apart(n, y, d).items():
        yield from ((kind, *pair) for pair in pairs)
    for kind, groups in SAME.items():
        for group in groups(rng):
            source, claim = rng.choice(group), rng.choice(group)
            if kind not in ("names", "disguises", "unusual") and any(c in "123456789" for c in claim):
                changed = _digit_changed(claim, rng)
                if not set(re.findall(r"\d+", changed)) < set(re.findall(r"\d+", claim)):  # "5 to 5" is in "5 to 9"
                    yield kind, source, changed
