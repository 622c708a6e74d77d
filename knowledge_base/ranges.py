"""Neighbours: amounts that are one ("1 hour 30 minutes"), and amounts that share a unit ("5-10 days")."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

AmountKind = Literal["money", "percent", "quantity", "number"]


@dataclass(slots=True)
class Read:
    """An amount while its neighbours are looked at; `scale` is the power of ten that was written as a word."""

    kind: AmountKind
    value: Decimal
    unit: str
    start: int
    end: int
    written: str = ""
    scale: int = 0


_RANGE_GAP = re.compile(r"\s?(?:-|–|—|~|to|or|through)\s?|-to-")
_LIST_GAP = re.compile(r",?\s(?:and|or)\s|,\s")
_CENTS = re.compile(r"^,?\sand\s[\w-]{1,20}\s(?:cents?|pence)$", re.IGNORECASE)  # "three dollars and fifty cents"
_IN_SECONDS = {"day": 86400, "hour": 3600, "minute": 60, "second": 1}
_IN_MONTHS = {"year": 12, "month": 1}


def _is_change(last: Read, amount: Read, text: str) -> bool:
    """Whether `amount` are the cents of the dollars before it."""
    whole = last.kind == amount.kind == "money" and last.unit == amount.unit and last.value % 1 == 0
    return whole and amount.value < 1 and bool(_CENTS.search(text[last.end : amount.end]))


def joined(amounts: list[Read], text: str) -> list[Read]:
    """`amounts` with "1 hour 30 minutes" and "1h30m" as one."""
    joined: list[Read] = []
    for amount in amounts:
        last = joined[-1] if joined else None
        if last and _is_change(last, amount, text):
            last.value, last.end = last.value + amount.value, amount.end
            continue
        if last and last.unit == "hour" and last.end == amount.start and amount.kind == "number" and amount.value < 60:
            amount.kind, amount.unit, amount.written = "quantity", "minute", ""  # "1h15"
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


def share_units(amounts: list[Read], text: str) -> list[Read]:
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
        mantissa = following.value.scaleb(-following.scale)
        if is_range and following.scale > this.scale == 0 and abs(this.value) < abs(mantissa):
            this.value, this.written, this.scale = this.value.scaleb(following.scale), "", following.scale
        if this.kind == "number" and following.kind != "number" and following.unit != "th":
            this.kind, this.unit = following.kind, following.unit
            this.written = "" if this.written.strip("-").replace(".", "").isdigit() else this.written
        elif this.kind == "money" and (following.kind == "number" or following.unit.startswith("/")):
            following.kind, following.unit, following.written = "money", this.unit + following.unit, ""
            this.unit = following.unit
        elif is_range and this.kind == following.kind and following.unit.startswith(f"{this.unit}/"):
            this.unit = following.unit
    return amounts
