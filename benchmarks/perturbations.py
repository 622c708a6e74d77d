"""Ways of getting a sentence wrong by a little, and of saying it right in other figures' spellings.

Written apart from the proof: it uses `facts_in` to find figures in a sentence, and nothing that judges them.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from knowledge_base.facts import Fact, facts_in, key

AMOUNTS = ("money", "percent", "quantity", "number")
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


def figures(text: str) -> list[Fact]:
    """The amounts of a text that are written in digits."""
    return [fact for fact in facts_in(text) if fact.kind in AMOUNTS and _NUMBER.search(fact.text)]


def _with(text: str, fact: Fact, number: str) -> str:
    found = _NUMBER.search(fact.text)
    assert found is not None
    return text[: fact.start] + fact.text[: found.start()] + number + fact.text[found.end() :] + text[fact.end :]


def _absent(text: str, fact: Fact, number: str, document: str) -> str | None:
    """`text` with another number, unless the document has it: then it would be no invention."""
    if number in _NUMBER.findall(document) or number.replace(",", "") in _NUMBER.findall(document.replace(",", "")):
        return None
    return _with(text, fact, number)


def invented(text: str, document: str, dice: random.Random) -> str | None:
    """A figure that the document does not have, of about the same size."""
    for fact in _shuffled(figures(text), dice):
        digits = _NUMBER.search(fact.text)
        assert digits is not None
        whole = float(digits[0].replace(",", ""))
        number = round(whole * dice.uniform(0.3, 3)) + dice.randint(1, 9)
        if made := _absent(text, fact, f"{number:,}", document):
            return made
    return None


def off_by_one(text: str, document: str, dice: random.Random) -> str | None:
    """The last digit of a figure one higher or lower."""
    for fact in _shuffled(figures(text), dice):
        digits = _NUMBER.search(fact.text)
        assert digits is not None
        last = int(digits[0][-1])
        changed = digits[0][:-1] + str(last + 1 if last == 0 or (last < 9 and dice.random() < 0.5) else last - 1)
        if made := _absent(text, fact, changed, document):
            return made
    return None


def another(text: str, document: str, dice: random.Random) -> str | None:
    """Another figure of the document, of the same kind and unit, in the place of one."""
    said = {key(fact) for fact in facts_in(text)}
    others = [fact for fact in facts_in(document) if fact.kind in AMOUNTS]
    for fact in _shuffled([fact for fact in facts_in(text) if fact.kind in AMOUNTS], dice):
        rivals = {
            key(o): o for o in others if (o.kind, o.unit) == (fact.kind, fact.unit) and key(o) not in said
        }  # each once
        if rivals:
            rival = dice.choice(list(rivals.values()))
            return text[: fact.start] + rival.text + text[fact.end :]
    return None


_RANGE = re.compile(r"(?<![\w.-])([$€£]?)(\d[\d,.]*)(?:\s?(?:-|–|to)\s?)[$€£]?(\d[\d,.]*)(?=\s?(?:%|[a-z]{3}))")


def range_end(text: str, document: str, dice: random.Random) -> str | None:
    """One end of a range told as the value."""
    found = [match for match in _RANGE.finditer(text) if len(facts_in(match[0])) > 1]
    if not found:
        return None
    match = dice.choice(found)
    return text[: match.start()] + match[1] + match[dice.choice((2, 3))] + text[match.end() :]


_UNITS = {
    "days": "hours", "day": "hour", "hours": "days", "hour": "day", "minutes": "hours", "months": "weeks",
    "month": "year", "monthly": "yearly", "weeks": "months", "years": "months", "year": "month", "annual": "monthly",
    "GB": "MB", "MB": "GB", "business days": "days",
}  # fmt: skip


def other_unit(text: str, document: str, dice: random.Random) -> str | None:
    """The unit, or what is counted per, of a figure changed."""
    for fact in _shuffled(figures(text), dice):
        for unit, instead in _UNITS.items():
            changed = re.sub(rf"\b{unit}\b", instead, fact.text)
            if changed != fact.text and changed.lower() not in document.lower():
                return text[: fact.start] + changed + text[fact.end :]
    return None


def other_currency(text: str, document: str, dice: random.Random) -> str | None:
    """Dollars made euros, or pounds."""
    money = [fact for fact in figures(text) if fact.kind == "money" and "$" in fact.text]
    if not money:
        return None
    fact = dice.choice(money)
    return text[: fact.start] + fact.text.replace("$", dice.choice("€£")) + text[fact.end :]


_DENIALS = (
    (r"\bcannot\b", "can"), (r"\bcan['’]t\b", "can"), (r"\bwon['’]t\b", "will"),
    (r"\b(do|does|did|is|are|was|were|has|have|would|could|should)n['’]t\b", r"\1"), (r"\b(?:do|does|did) not ", ""),
    (r"\b(is|are|was|were|can|will|must|may|should|would|could|has|have) not\b", r"\1"), (r"\bnever\b", "always"),
    (r"\bwithout\b", "with"), (r"\bnot ", ""), (r"\bno\b", "a"),
)  # fmt: skip
_MODAL = re.compile(r"\b(is|are|was|were|can|could|will|would|must|may|should|has|have)\b(?! not)", re.IGNORECASE)
_DENIED = re.compile(r"\b(?:not|no|never|cannot|without|unless|except)\b|n['’]t\b", re.IGNORECASE)


def denial_dropped(text: str, document: str, dice: random.Random) -> str | None:
    """A "not" taken out."""
    for pattern, instead in _DENIALS:
        changed, count = re.subn(pattern, instead, text, count=1, flags=re.IGNORECASE)
        if count and changed != text:
            return changed
    return None


def denial_added(text: str, document: str, dice: random.Random) -> str | None:
    """A "not" put in after the first auxiliary, where nothing was denied."""
    found = None if _DENIED.search(text) else _MODAL.search(text)
    return f"{text[: found.end()]} not{text[found.end() :]}" if found else None


def exchanged(text: str, document: str, dice: random.Random) -> str | None:
    """Two figures of one sentence, of the same kind and unit, in each other's place."""
    found = figures(text)
    pairs = [
        (a, b)
        for i, a in enumerate(found)
        for b in found[i + 1 :]
        if (a.kind, a.unit) == (b.kind, b.unit) and key(a) != key(b) and b.start - a.end > 8
    ]
    if not pairs:
        return None
    a, b = dice.choice(pairs)
    return text[: a.start] + b.text + text[a.end : b.start] + a.text + text[b.end :]


Lie = Callable[[str, str, random.Random], str | None]
"""A true text, the document it is true of, dice -> a false one; None when the text offers no occasion."""

LIES: dict[str, Lie] = {
    "invented figure": invented,
    "off by one": off_by_one,
    "another figure of the document": another,
    "one end of a range": range_end,
    "changed unit": other_unit,
    "changed currency": other_currency,
    "negation dropped": denial_dropped,
    "negation added": denial_added,
}

# --- the same, spelled otherwise ---------------------------------------------------------------------

_WORDS = "zero one two three four five six seven eight nine ten eleven twelve".split()


def respelled(text: str, dice: random.Random) -> str | None:
    """One figure of `text` in another spelling of the same meaning."""
    for fact in _shuffled(figures(text), dice):
        ways = [way for way in _spellings(fact.text) if way != fact.text]
        if ways:
            return text[: fact.start] + dice.choice(ways) + text[fact.end :]
    return None


def _spellings(written: str) -> list[str]:
    if money := re.fullmatch(r"\$(\d[\d,]*)(\.\d\d)?", written):
        whole, cents = money[1], money[2] or ""
        plain = whole.replace(",", "")
        exact = f"{int(plain):,}{cents}"
        ways = [f"{exact} dollars", f"USD {exact}", f"${plain}{cents}", f"US${exact}"]
        return [*ways, f"${exact}.00", f"{exact} USD"] if not cents else ways
    if percent := re.fullmatch(r"(\d+(?:\.\d+)?)%", written):
        return [f"{percent[1]} percent", f"{percent[1]} %", f"{percent[1]} per cent"]
    if period := re.fullmatch(r"(\d+)([ -])(days?|hours?|months?|weeks?|minutes?|years?)", written):
        ways = [f"{period[1]}{' ' if period[2] == '-' else '-'}{period[3]}"] if period[3][-1] != "s" else []
        small = int(period[1])
        return [*ways, f"{_WORDS[small]} {period[3]}"] if small < len(_WORDS) and period[2] == " " else ways
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+", written):
        return [written.replace(",", "")]
    return []


def _shuffled(facts: list[Fact], dice: random.Random) -> list[Fact]:
    return dice.sample(facts, len(facts))
