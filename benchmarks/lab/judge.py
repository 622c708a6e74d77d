"""What became of a ticket, judged by what the generator knows, with nothing of the proof's own code."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from benchmarks.lab.world import Asked, Fact, World

Fate = Literal["right", "handed_over", "wrong_and_sent"]
OPEN = "could not find"
"""What the simulated writer says of a question that its passages do not answer."""

_FIGURE = re.compile(r"\$?\d+(?:[.,]\d+)*")
_OPEN_WORDS = re.compile(rf"{OPEN}|documents do not say", re.I)


@dataclass(slots=True)
class Delivered:
    """What one system made of one ticket.

    `messages` are what was sent to the customer, in order. `handed` tells that a person was given the ticket, or that
    it failed for everybody to see: then nothing is sent.
    """

    messages: list[str] = field(default_factory=list)
    handed: bool = False
    why: str = ""


def judge(delivered: Delivered, asked: Asked, world: World) -> tuple[Fate, str]:
    """The fate of a ticket, and why."""
    if not delivered.messages:
        return (
            ("handed_over", delivered.why)
            if delivered.handed
            else ("wrong_and_sent", "nothing was sent, and no one told")
        )
    if len(delivered.messages) > 1:
        return "wrong_and_sent", "sent twice"
    said = sentences(delivered.messages[0])
    if not said:
        return "wrong_and_sent", "empty"
    for sentence in said:
        if wrong := _wrong(sentence, world):
            return "wrong_and_sent", wrong
    missing = [fact for fact in asked.facts if not any(_states(sentence, fact) for sentence in said)]
    if not missing:
        return "right", ""
    if any(_OPEN_WORDS.search(sentence) for sentence in said):
        return "handed_over", f"left open, and says so: {missing[0].statement}"
    return "wrong_and_sent", f"does not say: {missing[0].statement}"


def sentences(message: str) -> list[str]:
    """What a message says: without its marks, its sources, and the customer's own words that it repeats."""
    body = message.partition("\n\nSources:")[0]
    body = re.sub(r"^> .*$", "", body, flags=re.M)
    body = re.sub(r" ?\[\d+\]", "", body)
    return [part.strip() for part in re.split(r"(?<=[.!?])\s+|\n+", body) if re.search(r"\w", part)]


def _states(sentence: str, fact: Fact) -> bool:
    if fact.subject not in sentence or fact.sign.lower() not in sentence.lower():
        return False
    if fact.value:
        return fact.value in _FIGURE.findall(sentence)
    return bool(re.search(rf"\bnot {re.escape(fact.act)}", sentence, re.I))


def _wrong(sentence: str, world: World) -> str:
    """Why a sentence is wrong; "" when nothing in it is."""
    if sentence.endswith("?") or _OPEN_WORDS.search(sentence):
        return ""
    figures = _FIGURE.findall(sentence)
    low = sentence.lower()
    if figures:
        meant = [f for f in world.facts if f.value and f.subject in sentence and f.sign.lower() in low]
        true = {fact.value for fact in meant}
        if strange := [figure for figure in figures if figure not in true]:
            return f"a wrong figure, {strange[0]}: {sentence}"
    for fact in world.facts:
        if fact.act and fact.act.lower() in low and not _states(sentence, fact):
            return f"the opposite: {sentence}"
    return ""


def shares(fates: Sequence[Fate]) -> dict[str, float]:
    """The share of each fate, 0..1."""
    of = len(fates) or 1
    right, handed = fates.count("right") / of, fates.count("handed_over") / of
    return {
        "right": right,
        "handed_over": handed,
        "wrong_and_sent": fates.count("wrong_and_sent") / of,
        "right_or_handed_over": right + handed,
    }
