"""How values are written for people, on the pages and in the terminal alike. Plain text: never markup."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tasks.case import Case, Outcome

if TYPE_CHECKING:
    from tasks.batches import Progress

OUTCOMES: dict[Outcome | None, str] = {
    "accepted": "Proven",
    "needs_human": "Needs a person",
    "abstained": "No answer found",
    "failed": "Failed",
    None: "At work",
}
"""An outcome in words."""

_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff\ud800-\udfff]+"
)


def visible(text: str) -> str:
    """`text` with a mark where characters stand that cannot be seen, or that turn the reading order round."""
    return _UNSEEN.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def line(text: str, most: int = 100) -> str:
    """`text` as one line of at most so many characters."""
    one = " ".join(visible(text[: most * 8]).split())
    return one if len(one) <= most else one[: most - 1].rstrip() + "…"


def usd(amount: float | None) -> str:
    """Money: "unknown" when it is."""
    if amount is None:
        return "unknown"
    if not amount:
        return "$0"
    if amount >= 100:
        return f"${amount:,.2f}"
    return f"${amount:.4f}" if amount >= 0.001 else f"${amount:.6f}"


def spent(far: Progress) -> str:
    """What a batch has cost, or the most that it can have cost."""
    told = far.summary
    return f"at most {usd(told['booked_usd'])}" if told["cost_usd"] is None else usd(told["cost_usd"])


def cost(case: Case) -> str:
    """What a case cost, or the most that it can have cost."""
    return usd(case.cost_usd) if case.cost_is_known else f"unknown, at most {usd(case.cost_at_most_usd)}"


def duration(seconds: float) -> str:
    """Seconds as "48 ms", "2.14 s", "3 min 20 s" or "2 h 5 min"."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def saved(cost_usd: float | None, all_frontier_usd: float | None) -> str:
    """How much cheaper than the all-frontier estimate; "" when that cannot be told."""
    if cost_usd is None or not all_frontier_usd:
        return ""
    share = 1 - cost_usd / all_frontier_usd
    return f"{share:.0%} saved" if share >= 0 else f"{-share:.0%} more"


def when(at: datetime | str) -> str:
    """A moment as "14:02" today, else as "25 Nov 14:02", in UTC."""
    moment = (datetime.fromisoformat(at) if isinstance(at, str) else at).astimezone(UTC)
    return f"{moment:%H:%M}" if moment.date() == datetime.now(UTC).date() else f"{moment.day} {moment:%b %H:%M}"


def count(number: int, one: str, many: str = "") -> str:
    """A number with its noun: "1 model call", "8 model calls"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def moment(at: str) -> datetime:
    """A kept time as a moment."""
    return datetime.fromisoformat(at)
