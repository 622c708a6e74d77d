"""What the lab's tickets are about: a knowledge base with outdated versions, and tickets whose answers are known.

All of it is drawn from one seed. A fact is a figure of a plan or a prohibition of a procedure; each page has an
outdated version, marked by its front matter, its date and its title, with other figures and without the "do not".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import NamedTuple

PLANS = ("Harbor", "Meadow", "Granite", "Cobalt", "Juniper", "Saffron", "Tundra", "Willow")
DEVICES = (
    "Orion relay",
    "Atlas gateway",
    "Delta mirror",
    "Vega importer",
    "Lyra printer",
    "Comet scheduler",
    "Nimbus proxy",
    "Pilot bridge",
)
TOPICS = ("prices", "limits", "retention", "operations")


class Attribute(NamedTuple):
    """A figure that every plan has. `sign` is what a sentence about it says, whoever words it."""

    name: str
    topic: str
    statement: str
    sign: str
    values: Sequence[int]
    questions: tuple[str, ...]


ATTRIBUTES = (
    Attribute(
        "price",
        "prices",
        "The {plan} plan costs ${value} per seat per month.",
        "per seat per month",
        range(9, 120),
        (
            "How much does the {plan} plan cost per seat?",
            "What does a seat on the {plan} plan cost per month?",
            "What is the monthly price per seat of the {plan} plan?",
            "What would we pay per seat and month on the {plan} plan?",
        ),
    ),
    Attribute(
        "setup",
        "prices",
        "Setting up the {plan} plan costs ${value} once.",
        "setting up",
        range(130, 990, 5),
        (
            "What does it cost to set up the {plan} plan?",
            "How much is the one-time setup fee of the {plan} plan?",
            "Which fee is there for setting up the {plan} plan?",
        ),
    ),
    Attribute(
        "calls",
        "limits",
        "The {plan} plan allows {value} API calls a day.",
        "API calls",
        range(2_000, 90_000, 500),
        (
            "How many API calls a day does the {plan} plan allow?",
            "What is the daily limit of API calls on the {plan} plan?",
            "How many API calls can our script make each day on the {plan} plan?",
        ),
    ),
    Attribute(
        "upload",
        "limits",
        "On the {plan} plan a single file may have up to {value} MB.",
        "single file",
        range(20, 900, 10),
        (
            "How large may a file be on the {plan} plan?",
            "What is the largest file that the {plan} plan takes?",
            "What is the size limit for a single file on the {plan} plan?",
        ),
    ),
    Attribute(
        "seats",
        "limits",
        "The {plan} plan has room for up to {value} members.",
        "members",
        range(12, 400, 4),
        (
            "How many members can the {plan} plan have?",
            "What is the maximum number of members on the {plan} plan?",
            "For how many members does the {plan} plan have room?",
        ),
    ),
    Attribute(
        "audit",
        "retention",
        "The {plan} plan keeps audit logs for {value} days.",
        "audit logs",
        range(14, 400, 3),
        (
            "How long does the {plan} plan keep audit logs?",
            "For how many days are audit logs kept on the {plan} plan?",
            "How many days of audit logs does the {plan} plan keep?",
        ),
    ),
    Attribute(
        "backup",
        "retention",
        "The {plan} plan keeps backups for {value} weeks.",
        "backups",
        range(2, 60),
        (
            "How long are backups kept on the {plan} plan?",
            "How many weeks does the {plan} plan keep backups?",
            "For how long does the {plan} plan keep our backups?",
        ),
    ),
)


class Act(NamedTuple):
    """What must not be done with a device, when, and what to do instead."""

    verb: str
    act: str
    when: str
    instead: str
    was: str


ACTS = (
    Act(
        "restart",
        "restart the {device}",
        "while a sync is running",
        "Wait until the sync has ended",
        "safe at any time",
    ),
    Act("update", "update the {device}", "during business hours", "Updates are made in the evening", "quick"),
    Act("unplug", "unplug the {device}", "before its light is off", "The light goes off by itself", "harmless"),
)
ASKED = (
    "May I {act} {when}?",
    "Can we {act} {when}?",
    "Is it allowed to {act} {when}?",
    "Is it safe to {act} {when}?",
)
OPENINGS = (
    "",
    "",
    "Hello, ",
    "Hi there. ",
    "Good morning, a quick one: ",
    "We are setting up our workspace this week. ",
    "My colleague could not tell me. ",
    "I have looked around and found nothing. ",
)
ENDINGS = ("", "", " Thanks!", " Thank you for your help.", " Kind regards", " Best, Sam")


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is so. `old` is what the outdated page says in place of `statement`.

    Of a figure, `value` is how it is written and `old_value` what it was; of a prohibition both are "", and `act`
    is what must not be done.
    """

    subject: str
    name: str
    topic: str
    doc: str
    statement: str
    old: str
    questions: tuple[str, ...]
    sign: str
    value: str = ""
    old_value: str = ""
    act: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A ticket with the facts that its answer must hold."""

    number: int
    text: str
    kind: str
    facts: tuple[Fact, ...]

    @property
    def ticket_id(self) -> str:
        """By which its sender knows it."""
        return f"T-{self.number}"


class World:
    """The facts of one seed, the pages that state them, and tickets that ask for them."""

    def __init__(self, seed: int = 1) -> None:
        self.seed = seed
        rng = Random(f"world {seed}")
        self.facts = [*_figures(rng), *_prohibitions()]
        self.of_doc: dict[str, list[Fact]] = {}
        for fact in self.facts:
            self.of_doc.setdefault(fact.doc, []).append(fact)

    def write(self, folder: Path) -> None:
        """Writes the pages, each with its outdated version beside it, as Markdown with front matter."""
        for doc, facts in self.of_doc.items():
            title = f"{facts[0].subject} plan {facts[0].topic}" if facts[0].value else f"{facts[0].subject} operations"
            new = [f"---\ntitle: {title}\nupdated: 2026-05-04\n---\n# {title}\n"]
            old = [f"---\ntitle: {title} (2024)\nupdated: 2024-02-12\nstatus: outdated\n---\n# {title} (2024)\n"]
            for fact in facts:
                heading, after = _around(fact)
                new.append(f"## {heading}\n\n{fact.statement} {after}\n")
                old.append(f"## {heading}\n\n{fact.old} {after}\n")
            (folder / doc).write_text("\n".join(new), encoding="utf-8")
            (folder / old_of(doc)).write_text("\n".join(old), encoding="utf-8")

    def ticket(self, number: int) -> Asked:
        """The ticket of that number: one question in three of four, two in the others."""
        rng = Random(f"{self.seed} ticket {number}")
        facts = rng.sample(self.facts, 2 if rng.random() < 0.25 else 1)
        opening, ending = rng.choice(OPENINGS), rng.choice(ENDINGS)
        questions = " ".join(rng.choice(fact.questions) for fact in facts)
        return Asked(number, f"{opening}{questions}{ending}", rng.choice(("question", "reply")), tuple(facts))

    def others(self, fact: Fact) -> list[Fact]:
        """The same figure of the other plans."""
        return [other for other in self.facts if other.name == fact.name and other.subject != fact.subject]


def old_of(doc: str) -> str:
    """The name of the outdated version of a page."""
    return doc.replace(".md", "-2024.md")


def _figures(rng: Random) -> list[Fact]:
    found = []
    for attribute in ATTRIBUTES:
        drawn = iter(rng.sample(list(attribute.values), 2 * len(PLANS)))  # no figure twice, so that each tells its plan
        for plan in PLANS:
            new, old = next(drawn), next(drawn)
            sign = "$" if "$" in attribute.statement else ""
            found.append(
                Fact(
                    subject=plan,
                    name=attribute.name,
                    topic=attribute.topic,
                    doc=f"{plan.lower()}-{attribute.topic}.md",
                    statement=attribute.statement.format(plan=plan, value=f"{new:,}"),
                    old=attribute.statement.format(plan=plan, value=f"{old:,}"),
                    questions=tuple(question.format(plan=plan) for question in attribute.questions),
                    sign=attribute.sign,
                    value=f"{sign}{new:,}",
                    old_value=f"{sign}{old:,}",
                )
            )
    return found


def _prohibitions() -> list[Fact]:
    found = []
    for device in DEVICES:
        for one in ACTS:
            act = one.act.format(device=device)
            found.append(
                Fact(
                    subject=device,
                    name=one.verb,
                    topic="operations",
                    doc=f"{device.lower().replace(' ', '-')}.md",
                    statement=f"Do not {act} {one.when}.",
                    old=f"You can {act} {one.when}.",
                    questions=tuple(asked.format(act=act, when=one.when) for asked in ASKED),
                    sign=one.verb,
                    act=act,
                )
            )
    return found


def _around(fact: Fact) -> tuple[str, str]:
    """A heading, and what stands after the fact: true, without figures."""
    if fact.value:
        heading = {
            "price": "Price",
            "setup": "One-time setup fee",
            "calls": "API",
            "upload": "Largest file",
            "seats": "Members",
        }
        return heading.get(fact.name, fact.sign.capitalize()), "An owner sees it on the page Plan."
    one = next(act for act in ACTS if act.verb == fact.name)
    return f"When to {fact.name}", f"{one.instead}."
