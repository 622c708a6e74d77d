"""One meaning in two formats, and two meanings in one: does the check of facts tell them apart?

Thousands of pairs (a source and a claim, each in a sentence), from a fixed seed. "false alarms" is the share of
pairs with one meaning that do not meet, "misses" that of pairs with two meanings that do. A claim without any fact
that the check can see meets everything. The formats are written here, not taken from the parser that they try.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import permutations

from benchmarks.bench import show
from knowledge_base.facts import facts_in, implied, key

SEED, ROUNDS = 20_260_301, 60

Pair = tuple[str, str, str]
"""kind, what the source has, what the claim has."""

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()
_FRAMES = (
    "The answer for this account is {}.", "{} applies to every customer", "Please note: {}, as agreed.",
    "- Standard plan: {}\n- Other plans differ", "| Item | Value |\n|---|---|\n| Standard | {} |", "It was set to **{}** for you.",
    "Customers see {} (see the notes).", "We said “{}” and mean it.",
)  # fmt: skip
_PLAIN_FRAMES = _FRAMES[:4]


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
    yield [f"${n:,}", f"USD {n}.00", f"{n} dollars", f"US${n:,}.00", f"{_grouped(n, ' ')} USD", f"$ {n}", f"{n:,} US dollars", f"${n} USD"]
    k = rng.randrange(2, 90) * 100
    yield [f"${k:,}", f"{k / 1000:g}k dollars", f"${k / 1000:g}K", f"{in_words(k)} dollars", f"USD {k}", f"{_grouped(k, ' ')} $"]
    m = rng.choice([2, 5, 12, 250, 1.5, 2.25])
    yield [f"${m:g} million", f"US$ {m:g} million", f"${int(m * 10**6):,}", f"${m:g}M", f"${m:g}m", f"USD {m:g}mn", f"{m:g} million dollars"]
    e, c = rng.randrange(1000, 99_999), rng.randrange(1, 100)
    yield [f"€{_grouped(e, '.')},{c:02}", f"{e}.{c:02} EUR", f"€{e:,}.{c:02}", f"EUR {_grouped(e, ' ')},{c:02}", f"{e:,}.{c:02} euros"]
    small = rng.randrange(1, 100)
    yield [f"€{small},{c:02}", f"{small},{c:02} €", f"EUR {small}.{c:02}", f"{small}.{c:02} euros", f"{small},{c:02} EUR"]
    p = rng.randrange(2, 100)
    yield [f"¢{p}", f"{p}¢", f"{p} cents", f"$0.{p:02}", f"USD 0.{p:02}", f"$.{p:02}", f"{in_words(p)} cents"]
    chf = rng.randrange(1000, 99_999)
    yield [f"CHF {_grouped(chf, chr(39))}", f"{chf} CHF", f"{_grouped(chf, '’')} Swiss francs", f"CHF {chf:,}.00"]
    lakh = rng.randrange(1, 99)
    yield [f"₹{lakh},00,000", f"Rs. {lakh} lakh", f"INR {lakh * 100_000}", f"{lakh},00,000 rupees", f"Rs {lakh * 100_000:,}"]
    yield [f"£{small}.{c:02}", f"GBP {small}.{c:02}", f"{small}.{c:02} pounds", f"{small}.{c:02} GBP"]
    yield [f"-${n}", f"$-{n}", f"minus ${n}", f"USD -{n}", f"−${n:,}"]
    yield [f"${n} CAD", f"CAD {n}", f"C${n}", f"CA${n:,}", f"{n} Canadian dollars"]


def rates(rng: random.Random) -> Iterator[list[str]]:
    """What is paid or counted per month, user, transaction."""
    n = rng.randrange(2, 500)
    yield [f"${n} a month", f"${n} per month", f"${n} monthly", f"${n}/mo", f"${n} each month", f"{n} dollars every month", f"USD {n}/month"]
    yield [f"${n} a year", f"${n} per annum", f"${n} annually", f"${n}/yr", f"${n} yearly", f"${n} per year", f"${n} per calendar year"]
    yield [f"${n} per user per month", f"${n}/user/month", f"${n}/user/mo", f"${n} per month per user", f"USD {n} per user/month"]
    yield [f"${n} per transaction", f"${n}/transaction", f"${n} per-transaction", f"${n} each transaction"]
    yield [f"{n} requests per minute", f"{n} req/min", f"{n} requests/minute", f"{n} rpm", f"{n} API requests per minute", f"{n} requests a minute"]
    yield [f"{n} MB/s", f"{n} MB per second", f"{n} megabytes per second", f"{n} MBps"]
    yield [f"{n} Mbps", f"{n} Mb/s", f"{n} Mbit/s", f"{n} megabits per second"]
    yield ["twice a month", "2 times per month", "two times a month", "2x per month"]
    yield [f"{n / 100:g}% per annum", f"{n / 100:g}% a year", f"{n / 100:g} percent p.a.", f"{n / 100:g}% annually"]


def percents(rng: random.Random) -> Iterator[list[str]]:
    """Percentages, basis points, fractions of a percent."""
    bps = rng.randrange(5, 995, 5)
    yield [f"{bps / 100:g}%", f"{bps / 100:g} %", f"{bps / 100:g} percent", f"{bps} basis points", f"{bps} bps", f"{bps / 100:.2f}%"]
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
    yield [f"{n} business days", f"{n} working days", f"{in_words(n)} business days", f"{n} banking days", f"{in_words(n)} ({n}) business days"]
    h, m = rng.randrange(1, 9), rng.randrange(1, 59)
    yield [f"{h} hours {m} minutes", f"{h}h{m}m", f"{h}h {m}m", f"{60 * h + m} minutes", f"{h} hours and {m} minutes", f"{h} hr {m} min"]
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
    yield [f"{a}-{b} business days", f"between {a} and {b} business days", f"{a} to {b} business days", f"{a}–{b} working days", f"from {a} to {b} business days", f"{in_words(a)} to {in_words(b)} business days"]
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
        f"{full} {d}, {y}", f"{d} {full} {y}", f"{y}-{m + 1:02}-{d:02}", f"{full[:3]} {d}{th}, {y}", f"{d}{th} of {full} {y}",
        f"{m + 1}/{d}/{y}", f"{d}/{m + 1}/{y}", f"{y}/{m + 1:02}/{d:02}", f"{d}.{m + 1}.{y}", f"{d}-{full[:3]}-{y}", f"{full} the {d}{th}, {y}",
    ]  # fmt: skip
    yield [f"{full} {y}", f"{full[:3]} {y}", f"{full}, {y}", f"{full[:3]}-{y}"]
    q = rng.randrange(4)
    yield [f"Q{q + 1} {y}", f"the {['first', 'second', 'third', 'fourth'][q]} quarter of {y}", f"{y} Q{q + 1}", f"Q{q + 1} of {y}", f"{q + 1}Q{y % 100}", f"Q{q + 1}/{y}"]
    yield [f"FY{y}", f"fiscal year {y}", f"FY{y % 100}", f"fiscal {y}"]
    h, minute = rng.randrange(1, 12), rng.randrange(60)
    yield [f"{h} am", f"{h:02}:00", f"{h}:00 a.m.", f"{h}AM", f"{h}:00"]
    yield [f"{h}:{minute:02} pm", f"{h + 12}:{minute:02}", f"{h}:{minute:02}PM", f"{h}.{minute:02} p.m."]
    yield [f"{h} pm UTC", f"{h + 12}:00 UTC", f"{h + 12}:00Z", f"{h + 12}00 UTC"]
    yield ["noon", "12:00", "12 pm", "12 noon", "midday"]
    yield ["midnight", "00:00", "12 am", "12 midnight"]
    yield [f"{h} to {h + 1}:30 pm", f"{h} pm to {h + 1}:30 pm", f"{h}–{h + 1}:30pm"] if h < 10 else ["9-5 pm", "9 am to 5 pm"]
    yield ["the first of each month", "the 1st of each month"]
    yield ["the fifteenth of the month", "the 15th of the month"]
    yield ["Mon-Fri", "Monday to Friday", "Monday through Friday", "Mon – Fri"]


def names(rng: random.Random) -> Iterator[list[str]]:
    """Versions, codes, commands, places: what counts as written."""
    a, b, c = (rng.randrange(1, 30) for _ in range(3))
    yield [f"v{a}.{b}.{c}", f"{a}.{b}.{c}", f"version {a}.{b}.{c}", f"V{a}.{b}.{c}"]
    yield [f"v{a}.{b}", f"version {a}.{b}", f"Version {a}.{b}"]
    code = f"{rng.choice(['AUTH', 'INC', 'ERR', 'PAY'])}-{rng.randrange(100, 9999)}"
    yield [code, code.lower(), f"`{code}`", code.replace("A", "А").replace("E", "Е")]  # noqa: RUF001  # Cyrillic
    host = f"portal{a}.example.com"
    yield [f"https://{host}/help", f"https://{host.upper()}/help", f"https://{host}/help/"]
    yield [f"team{a}@example.com", f"Team{a}@Example.com", f"<team{a}@example.com>"]
    yield [f"`kubectl get pods -n web{a}`", f"`kubectl  get pods -n web{a}`", f"`$ kubectl get pods -n web{a}`"]
    yield [f"/etc/app{a}/main.conf", f"`/etc/app{a}/main.conf`"]
    yield [f"1-800-555-{1000 + a}", f"(800) 555-{1000 + a}", f"800-555-{1000 + a}", f"+1 800 555 {1000 + a}", f"800.555.{1000 + a}"]
    yield [f"{a}:1", f"`{a}:1`"]


def disguises(rng: random.Random) -> Iterator[list[str]]:
    """The same with characters that a reader does not see, or sees as others."""
    n = rng.randrange(1000, 9999)
    digits = str(n)
    yield [
        f"${n}", f"${digits[0]}\u200b{digits[1:]}", f"${digits[:2]}\u00ad{digits[2:]}", f"$\u2060{n}\ufeff", f"${_other_digits(digits, 0xFF10)}",
        f"${_other_digits(digits, 0x660)}", f"${_other_digits(digits, 0x966)}", f"＄{n}", f"\u200e${n}\u200f", f"${_other_digits(digits, 0x1D7CE)}",
    ]  # fmt: skip
    yield [f"{n} days", f"{n}\u00a0days", f"{n} dаys", f"{n} d\u200bays", f"{n}\u2011day"]  # noqa: RUF001  # Cyrillic а
    yield [f"{n} GB", f"{n} GВ", f"{n} ＧＢ", f"{n}\u202fGB"]  # noqa: RUF001  # Cyrillic В


SAME: dict[str, Callable[[random.Random], Iterator[list[str]]]] = {
    f.__name__: f for f in (money, rates, percents, durations, ranges, sizes, dates, names, disguises)
}

# --- two meanings -----------------------------------------------------------------------------------------


def _digit_changed(text: str, rng: random.Random) -> str:
    places = [i for i, c in enumerate(text) if c in "123456789"]
    at = rng.choice(places)
    return text[:at] + rng.choice([c for c in "123456789" if c != text[at]]) + text[at + 1 :]


def different(rng: random.Random) -> Iterator[Pair]:
    """Pairs that look alike and differ: kind, source, claim."""
    n = rng.randrange(2, 90)
    y = rng.randrange(2019, 2031)
    d = rng.randrange(13, 28)
    for kind, pairs in {
        "money": [
            (f"${n}", f"€{n}"), (f"£{n}", f"${n}"), (f"${n} CAD", f"${n}"), (f"${n}.5", f"${n}5"), (f"${n}", f"-${n}"),
            (f"${n}", f"{n} cents"), (f"${n}k", f"${n}"), (f"${n} million", f"${n} thousand"), (f"${n}0", f"${n}"), (f"${n}", f"${n}0"),
            (f"${n},000", f"${n}.00"), (f"CHF {n}", f"EUR {n}"), (f"${n}.99", f"${n}.90"), (f"Rs. {n} lakh", f"Rs. {n} crore"),
            (f"€{n}.500", f"€{n}.50"), (f"{in_words(n)} dollars", f"{in_words(n + 1)} dollars"), (f"${n}", f"{n}%"),
        ],
        "rates": [
            (f"${n} per month", f"${n} per year"), (f"${n} per user", f"${n} per month"), (f"${n}/user/month", f"${n}/user/year"),
            (f"${n}", f"${n} per month"), (f"{n} requests per minute", f"{n} requests per second"), (f"{n} Mbps", f"{n} MBps"),
            (f"${n} per transaction", f"${n} per account"), ("twice a month", "twice a year"), (f"{n}% per annum", f"{n}% per month"),
        ],
        "percents": [
            (f"{n}%", f"{n} bps"), (f"{n}%", f"0.{n:02}%"), (f"{n / 10:g}%", f"{(n + 1) / 10:g}%"), ("half a percent", "a quarter of a percent"),
            (f"{n}%", f"{n} percentage points"), (f"{n}%", f"{n}‰"),
        ],
        "durations": [
            (f"{n} days", f"{n} business days"), (f"{n} business days", f"{n} days"), (f"{n} hours", f"{n} minutes"), (f"{n} weeks", f"{n} days"),
            (f"{n} business days", f"{n} business hours"), (f"{n} months", f"{n} minutes"), ("half an hour", "an hour and a half"),
            (f"{n}h", f"{n}m"), (f"{n}ms", f"{n}s"), (f"{n} hours", f"{n} and a half hours"), ("within 2 hours", "within an hour"),
            (f"{n} days", f"{in_words(n + 1)} days"), (f"2h{n % 50 + 1}m", f"2h{n % 50 + 2}m"), (f"{in_words(n)} ({n}) days", f"{in_words(n)} ({n + 1}) days"),
        ],
        "ranges": [
            (f"{n}-{n + 5} days", f"{n}-{n + 6} days"), (f"${n}-{n + 5}", f"${n}-{n + 5}k"), (f"{n} to {n + 2} hours", f"{n} to {n + 2} days"),
            (f"{n}-{n + 5} days", f"{n}-{n + 5} business days"), (f"${n}", f"${n}-{n + 5}"),
        ],
        "sizes": [
            (f"{n} MB", f"{n} MiB"), (f"{n} MB", f"{n} Mb"), (f"{n} GB", f"{n} TB"), (f"{n} Gi", f"{n} Mi"), (f"{n} km", f"{n} miles"),
            (f"-{n} °C", f"{n} °C"), (f"{n} °C", f"{n} °F"), (f"{n}x points", f"{n + 1}x points"), ("double points", "triple points"),
            (f"{n} users", f"{n}k users"), ("half the fee", "a quarter of the fee"), ("two-thirds of the fee", "half of the fee"),
            (f"{n},200", f"{n}.200"), ("24/7", "24/5"), ("1:1", "1:2"), (f"-{n}", f"{n}"), (f"{n}", f"-{n}"), (f"{n} kg", f"{n} lbs"), ("5×", "6×"),
        ],
        "dates": [
            (f"March {d}, {y}", f"March {d + 1}, {y}"), (f"March {d}, {y}", f"May {d}, {y}"), (f"March {d}, {y}", f"March {d}, {y + 1}"),
            (f"03/04/{y}", f"March 4, {y}"), (f"03/04/{y}", f"April 3, {y}"), (f"Q3 {y}", f"Q2 {y}"), (f"Q3 {y}", f"Q3 {y + 1}"), (f"FY{y}", f"FY{y + 1}"),
            ("9 am", "9 pm"), ("09:00 UTC", "09:00 EST"), ("noon", "midnight"), ("9:30", "9:35"), ("the 1st of the month", "the 2nd of the month"),
            ("the first of the month", "the second of the month"), ("Mon-Fri", "Mon-Sat"), ("on Monday", "on Tuesday"), ("9-11 am", "9-11 pm"), ("12 am", "12 pm"),
        ],
        "names": [
            (f"v{n}.2", f"v{n}.20"), (f"v{n}.1.0", f"v{n}.1.1"), ("m5.large", "m6.large"), ("m5.large", "m5.xlarge"), (f"INC-{n}42", f"INC-{n}4"),
            (f"INC-{n}4", f"INC-{n}42"), ("`rm -rf /tmp/a`", "`rm -rf /tmp`"), ("`ls -a`", "`ls -A`"), ("https://a.example.com/x", "https://b.example.com/x"),
            ("https://paypal.com/x", "https://pаypal.com/x"), ("a@example.com", "b@example.com"), ("/etc/hosts", "/etc/host"), ("--force", "--no-force"),  # noqa: RUF001
            ("us-east-1", "us-west-1"), ("800-555-1234", "800-555-1235"), (f"10.0.{n}.1", f"10.0.{n}.10"), ("10.0.0.0/16", "10.0.0.0/24"), ("E1001", "E1010"), (f"Python 3.{n}", f"Python 3.{n}0"),
        ],
        "disguises": [
            ("$1", "$1О0"), ("$100", "$1О0"), ("$10", "$1O0"), ("$1", "$lOO"), ("1 day", "l0 days"), ("$1", "$1,OOO"), ("$100", "$1\u033600"), ("$1", "$1\u20e500"),  # noqa: RUF001
            ("$001", "\u202e$001\u202c"), ("10 users", "10² users"), ("102 users", "10² users"), (f"${n}", f"${n}\u200b0"), (f"${n}", f"${n}٠"), (f"{n} MB", f"{n} Mb\u200b"), ("$49", "$4９5"),
        ],
    }.items():  # fmt: skip
        yield from ((kind, *pair) for pair in pairs)
    for kind, groups in SAME.items():
        for group in groups(rng):
            source, claim = rng.choice(group), rng.choice(group)
            if kind not in ("names", "disguises") and any(c in "123456789" for c in claim):
                yield kind, source, _digit_changed(claim, rng)


# --- measuring ------------------------------------------------------------------------------------------------


def pairs() -> tuple[list[Pair], list[Pair]]:
    """Pairs with one meaning and with two, each text in a sentence; the same at every call."""
    rng = random.Random(SEED)

    def framed(text: str) -> str:
        return rng.choice(_PLAIN_FRAMES if "`" in text or "*" in text else _FRAMES).format(text)

    same: list[Pair] = []
    differ: list[Pair] = []
    for _ in range(ROUNDS):
        for kind, groups in SAME.items():
            for group in groups(rng):
                chosen = rng.sample(list(permutations(group, 2)), k=1)
                same += [(kind, f"{framed(a)}\x00{a}", f"{framed(b)}\x00{b}") for a, b in chosen]
        differ += [(kind, f"{framed(a)}\x00{a}", f"{framed(b)}\x00{b}") for kind, a, b in different(rng)]
    return same, differ


def written_alike(source: str, claim: str) -> bool:
    """The plain check: the claim's figure stands in the source as it is written."""
    return claim.split("\x00")[1].lower() in source.split("\x00")[0].lower()


def facts_alike(source: str, claim: str) -> bool:
    """Our check: every fact of the claim's sentence is stated by the source's."""
    stated = set().union(*(implied(fact) for fact in facts_in(source.split("\x00")[0])))
    return all(key(fact) in stated for fact in facts_in(claim.split("\x00")[0]))


def main() -> None:
    """Prints the shares in percent, for both checks and for every kind, and what fails with --failures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON value")
    parser.add_argument("--failures", action="store_true", help="print every pair that our check gets wrong, once")
    options = parser.parse_args()
    same, differ = pairs()
    rows: dict[str, dict[str, float]] = {}
    wrong: set[tuple[str, str, str, str]] = set()
    for name, alike in {"as written": written_alike, "by meaning": facts_alike}.items():
        counts: dict[str, list[list[bool]]] = defaultdict(lambda: [[], []])
        started = time.perf_counter()
        for expected, some in ((1, same), (0, differ)):
            for kind, source, claim in some:
                failed = alike(source, claim) != bool(expected)
                counts[kind][1 - expected].append(failed)
                if failed and name == "by meaning":
                    wrong.add(("misses", "false alarms")[expected], ) if False else wrong.add((("miss", "false alarm")[expected], kind, source.split("\x00")[1], claim.split("\x00")[1]))
        seconds = time.perf_counter() - started
        total = [[f for kind in counts for f in counts[kind][which]] for which in (0, 1)]
        rows[name] = {**_shares(total), "texts/s": 2 * (len(same) + len(differ)) / seconds}
        if name == "by meaning":
            rows |= {f"  {kind}": _shares(some) for kind, some in counts.items()}
    show(rows, options.json, f"{len(same)} pairs with one meaning, {len(differ)} with two")
    for failure in sorted(wrong) if options.failures else ():
        print(*map(repr, failure))


def _shares(failed: list[list[bool]]) -> dict[str, float]:
    alarms, misses = failed
    return {"false alarms %": 100 * sum(alarms) / len(alarms), "misses %": 100 * sum(misses) / len(misses)}


if __name__ == "__main__":
    main()
