"""What the router learns from kept cases and from people's words on them. Imports no CrewAI."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, get_args

from agents.experience import Experience, Intent, Learned, Observation, learn, observe
from agents.routing import USUAL, Choice, Offer, decide, offer
from errors import UsageError
from tasks.case import EVALUATION, LOCAL_MODEL, Policy, Question, Route, Ticket, Tier
from tasks.experience import ExperienceStore, Said, Word

if TYPE_CHECKING:
    from opsdesk.desk import Desk

WINDOW = timedelta(days=180)
"""Older cases are left out: models and documents change, also those that keep their names."""

INTENTS: tuple[Intent, ...] = get_args(Intent)

MAX_REASON, MAX_NAME = 2_000, 200
"""Characters of a person's reason and name."""


class Lesson(NamedTuple):
    """What learning came to; `version` is the one now in force because of it, None when there is none."""

    learned: Learned
    version: int | None


class Rating(NamedTuple):
    """How likely one tier's first draft about one thing is accepted, and on how many drafts that rests."""

    intent: Intent
    tier: Tier
    model: str
    chance: float
    seen: float


def learn_from_cases(
    records: ExperienceStore,
    before: Experience,
    now: datetime,
    *,
    keep: bool = True,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Lesson:
    """A new table from the cases of the last WINDOW, put in force unless it was refused or `keep` is false."""

    def seen() -> Iterator[Observation]:
        for count, (case, words) in enumerate(records.closed(now - WINDOW), 1):
            if case.tenant == EVALUATION:
                continue  # what a suite asks again and again is no traffic
            yield from observe(case, [word.verdict for word in words])
            progress(count, 0)

    learned = learn(seen(), before)
    if learned.refused or not keep:
        return Lesson(learned, None)
    note = f"{learned.observations} drafts, {learned.held_out} of them held out"
    version = records.put(learned.table.model_dump(exclude={"version"}), note, now.astimezone(UTC).isoformat())
    return Lesson(learned, version)


def give_feedback(records: ExperienceStore, case_id: str, said: Said, reason: str, by: str, now: datetime) -> None:
    """Keeps a person's word on a case's draft. Raises `UsageError` when it cannot be kept as it is."""
    if len(reason) > MAX_REASON or len(by) > MAX_NAME:
        raise UsageError(f"a reason has {MAX_REASON:,} characters at most, and a name {MAX_NAME}; say it shorter")
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in reason + by):
        raise UsageError("the reason or the name holds bytes that are no text; pass it as UTF-8")
    records.give(case_id, Word(said, reason, by, now.astimezone(UTC).isoformat()))


def offers(desk: Desk, experience: Experience) -> list[Offer]:
    """The built-in model and the paid tiers in force, cheapest first. Raises `UsageError` for broken settings."""
    paid = ((tier, one.model) for tier, one in desk.tiers.items())
    models: list[tuple[Tier, str]] = [("local", LOCAL_MODEL), *paid]
    return [offer(tier, model, desk.ledger, experience) for tier, model in models]


def ratings(offered: Sequence[Offer], experience: Experience) -> list[Rating]:
    """The table, intent by intent, for the models that are configured."""
    pairs = [(intent, one.tier, one.model) for intent in INTENTS for one in offered]
    return [Rating(*pair, experience.chance(*pair), experience.seen(*pair)) for pair in pairs]


def typical(
    offered: Sequence[Offer], experience: Experience, policy: Policy, usd: float, s: float
) -> dict[str, Choice]:
    """Who would write about each thing, were it one plain question with little at stake; within `usd` and `s`."""
    ticket = Ticket(text="How does this work?")
    plain = Route(
        intent="", complexity="simple", stakes="low", tier="local", reasons=[], questions=[Question(text=ticket.text)]
    )
    return {
        intent: decide(
            plain.model_copy(update={"intent": intent}),
            ticket,
            offered,
            experience,
            policy,
            tokens=USUAL,
            usd_left=usd,
            seconds_left=s,
        )
        for intent in INTENTS
    }
