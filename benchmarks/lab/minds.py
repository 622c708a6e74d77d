"""The simulated models: what a language model would make of a ticket and of passages, and what its tokens cost.

They know the language, not the facts: an answer is a sentence of the passages that they are given, which is about
what is asked. All systems have the same ones, which make no mistakes of their own: faults are injected around them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from benchmarks.lab.judge import OPEN

Paid = Literal["cheap", "frontier"]
MODELS: dict[Paid, str] = {"cheap": "gpt-6-luna", "frontier": "gpt-6.1-sol"}


class Page(NamedTuple):
    """A passage as a model reads it."""

    n: int
    title: str
    text: str
    updated: str = ""
    outdated: bool = False


class Said(NamedTuple):
    """An answer to one question: the sentence, and where it stands. `sentence` is "" when nothing answers."""

    question: int
    sentence: str
    n: int = 0


class Sense(NamedTuple):
    """What a question that matches `asks` is about, and how a sentence speaks of it."""

    topic: str
    asks: re.Pattern[str]
    says: re.Pattern[str]


def _sense(topic: str, asks: str, says: str) -> Sense:
    return Sense(topic, re.compile(asks, re.I), re.compile(says, re.I))


SENSES = (
    _sense("prices", r"set(?:ting)?[ -]?up\b.*plan|setup", r"\bsetting up\b.*costs"),
    _sense("prices", r"per seat|\bseat\b.*cost|price|how much does", r"costs .*per seat"),
    _sense("limits", r"API calls", r"API calls"),
    _sense("limits", r"\bfiles?\b", r"\bfile\b"),
    _sense("limits", r"\bmembers\b", r"\bmembers\b"),
    _sense("retention", r"audit logs", r"audit logs"),
    _sense("retention", r"backups", r"backups"),
    _sense("operations", r"\brestart\b", r"\brestart\b"),
    _sense("operations", r"\bupdate\b", r"\bupdate\b"),
    _sense("operations", r"\bunplug\b", r"\bunplug\b"),
)
_NAME = re.compile(
    r"\b(?!(?:How|What|Which|For|Is|May|Can|Best|Kind|Hello|Good|My|We|Hi|Thanks)\b)[A-Z][a-z]+(?= [a-z]+)"
)
_DENIES = re.compile(r"\b(?:not|never|no)\b", re.I)


def questions_of(ticket: str) -> list[str]:
    """The questions of a ticket."""
    asked = [part.strip() for part in re.split(r"(?<=[.!?])\s+|(?<=Hello,)\s|(?<=one:)\s", ticket) if "?" in part]
    return asked or [ticket]


def sense_of(question: str) -> Sense | None:
    """What a question is about."""
    return next((sense for sense in SENSES if sense.asks.search(question)), None)


def topic_of(questions: Sequence[str]) -> list[str]:
    """The departments that questions belong to."""
    return sorted({sense.topic for question in questions if (sense := sense_of(question))})


def names_in(question: str) -> set[str]:
    """The plans and devices that are asked about: names, but no usual word with a capital."""
    return set(_NAME.findall(question))


def answers(questions: Sequence[str], pages: Sequence[Page]) -> list[Said]:
    """A sentence for each question; of pages that disagree the one in force, then the newest."""
    ranked = sorted(pages, key=lambda page: page.updated, reverse=True)
    ranked.sort(key=lambda page: page.outdated)
    return [_answer(i, question, ranked) for i, question in enumerate(questions)]


def _answer(i: int, question: str, pages: Sequence[Page]) -> Said:
    sense, names = sense_of(question), names_in(question)
    for page in pages:
        for sentence in sentences_of(page.text):
            if sense and names and sense.says.search(sentence) and all(name in sentence for name in names):
                return Said(i, sentence, page.n)
    return Said(i, "")


def sentences_of(text: str) -> list[str]:
    """The sentences of a passage."""
    lines = [line for line in text.splitlines() if line and not line.startswith(("#", "|", ">"))]
    return [part for line in lines for part in re.split(r"(?<=[.!?])\s+", line) if part]


def as_text(said: Sequence[Said], questions: Sequence[str]) -> str:
    """An answer as plain text, which says so where there is none."""
    return " ".join(one.sentence or f"I {OPEN} this in our documents: {questions[one.question]}" for one in said)


def grounded(answer: str, pages: Sequence[Page]) -> bool:
    """Whether each sentence of an answer stands in a passage. A grader without mistakes, which is generous."""
    known = {sentence for page in pages for sentence in sentences_of(page.text)}
    said = sentences_of(answer)
    return bool(said) and all(OPEN in sentence or "?" in sentence or sentence in known for sentence in said)


def addresses(answer: str, questions: Sequence[str]) -> bool:
    """Whether an answer speaks of each thing that is asked."""
    said = sentences_of(answer)
    return all(
        any(OPEN in s or (sense.says.search(s) and all(name in s for name in names_in(question))) for s in said)
        for question in questions
        if (sense := sense_of(question))
    )


@dataclass(slots=True)
class Meter:
    """What the models' provider bills, in USD; also for calls that failed after they were read."""

    prices: dict[Paid, tuple[int, int]]
    nano: int = 0
    calls: dict[str, int] = field(default_factory=dict)

    def bill(self, tier: Paid, read: str, written: str) -> tuple[int, int]:
        """Bills a call, and returns its tokens: characters over four."""
        tokens = max(1, len(read) // 4), max(1, len(written) // 4)
        self.nano += tokens[0] * self.prices[tier][0] + tokens[1] * self.prices[tier][1]
        self.calls[tier] = self.calls.get(tier, 0) + 1
        return tokens

    def taken(self) -> float:
        """What was billed since the last time, in USD."""
        usd, self.nano = self.nano / 1e9, 0
        return usd


def meter() -> Meter:
    """At the list prices."""
    from benchmarks.bench import nano_prices

    prices = {tier: nano_prices(model) for tier, model in MODELS.items()}
    return Meter({tier: (read, written) for tier, (read, _, written) in prices.items()})
