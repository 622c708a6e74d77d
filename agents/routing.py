"""Which tier writes: hard rules first, then the cheapest in expectation whose chance is good enough.

Judging a question alone saves little at equal quality; a cheap draft, a proof and one escalation save most. So the
router only has to know when a cheap draft is likely to be refused, or must not be tried.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from agents.experience import Experience
from agents.router import Decision
from knowledge_base.facts import facts_in
from tasks.case import TIERS, Ticket, Tier

Policy = Literal["cheapest", "balanced", "best", "offline"]

TARGETS: dict[Policy, dict[Literal["low", "high"], float]] = {
    "balanced": {"low": 0.80, "high": 0.85},
    "cheapest": {"low": 0.50, "high": 0.80},
}
"""The least chance of an accepted draft with which a tier is tried first, by what is at stake."""

HARD, PER_QUESTION, LONG, CODED = -0.6, -0.25, -0.3, -0.2
WEAK_FIND, FOUND_WELL = 1.5, 0.5
"""Priors, on the logit scale: what a hard, long or coded ticket takes from a chance, each question after the first,
and passages that are found with a confidence below FOUND_WELL."""

LONG_TICKET = 600
FAIL_AGAIN = 0.5
"""An estimate: of the drafts that are revised, the share that is refused again."""

BAND = 0.025
"""Around the target: there a better classification could change the choice."""

CLASSIFICATION = (700, 250)
"""Tokens that asking a model to classify a ticket reads and writes: estimates."""

GRAVE = re.compile(
    r"\b(?:legal|lawyers?|attorneys?|lawsuit|sue|court|gdpr|breach\w*|hack\w*|compromised|leak(?:ed)?|unauthori[sz]ed"
    r"|fraud\w*|phishing|stolen|delet\w+|eras\w+|wipe|purge|irreversibl\w+|terminate|refund\w*|reimburs\w*|chargebacks?)\b",
    re.I,
)
"""Law, security, deletion, money that goes out."""


class Offer(NamedTuple):
    """A tier to choose: USD per token read and written, and the seconds that a draft takes."""

    tier: Tier
    model: str
    price_in: float
    price_out: float
    seconds: float


class Tokens(NamedTuple):
    """Of a draft: what is likely to be read and written, and the most that may be."""

    read: int
    written: int
    most_read: int
    most_written: int


class Doubt(NamedTuple):
    """A tier that should be asked to classify the ticket, and why that is worth its price."""

    tier: Tier
    reason: str


class Choice(NamedTuple):
    """The tier that writes; `reasons` are shown to people. `expected_usd` includes a possible escalation."""

    tier: Tier
    reasons: list[str]
    chance: float
    expected_usd: float
    doubt: Doubt | None = None


class _Rated(NamedTuple):
    offer: Offer
    chance: float
    usd: float


def decide(
    decision: Decision,
    ticket: Ticket,
    offers: Sequence[Offer],
    experience: Experience,
    policy: Policy,
    *,
    tokens: Tokens,
    usd_left: float,
    seconds_left: float,
    found: float | None = None,
    high_stakes_tier: Tier | None = None,
) -> Choice:
    """The tier that writes. `offers` are cheapest first and hold `local`; `found` is the retriever's confidence.

    The expected cost of a tier of cost c and chance p is c + (1-p) c for a revision, and (1-p) FAIL_AGAIN times the
    cost of the next dearer tier for an escalation.
    """
    local, paid = offers[0], offers[1:]
    if not paid or policy == "offline":
        why = "the policy is offline" if policy == "offline" else "no paid tier is configured"
        return _only(local, f"local writes: {why}", decision, ticket, experience, found)
    if policy == "best":
        return _only(paid[-1], f"{paid[-1].tier} writes: the policy is best", decision, ticket, experience, found)
    within = [o for o in paid if worst_usd(o, tokens) <= usd_left]
    if not within:
        why = f"local writes: what is left of the budget (${max(usd_left, 0):.4f}) holds no call of a paid tier"
        return _only(local, why, decision, ticket, experience, found)
    rated = _rated([local, *within], decision, ticket, experience, tokens, found)
    if rule := _rule(decision, ticket, [o.tier for o in within], high_stakes_tier):
        least, why = rule
        ruled = next(r for r in rated if TIERS.index(r.offer.tier) >= TIERS.index(least))
        return Choice(ruled.offer.tier, [f"{ruled.offer.tier} writes: {why}"], ruled.chance, ruled.usd)
    if hurried := _hurried(rated, seconds_left):
        return hurried
    return _weighed(rated, decision, experience, TARGETS[policy][decision.stakes])


def worst_usd(offer: Offer, tokens: Tokens) -> float:
    """The most that one call of a tier may cost, in USD."""
    return tokens.most_read * offer.price_in + tokens.most_written * offer.price_out


def chance_of(
    offer: Offer, decision: Decision, ticket: Ticket, experience: Experience, found: float | None = None
) -> float:
    """0..1: that the tier's first draft is accepted and right; the table's word, shifted by what the ticket is like."""
    chance = experience.chance(decision.intent, offer.tier, offer.model)
    shift = HARD * (decision.complexity == "hard") + PER_QUESTION * (len(decision.questions) - 1)
    shift += LONG * (len(ticket.text) > LONG_TICKET)
    shift += CODED * any(fact.kind == "identifier" for fact in facts_in(ticket.text[:2_000]))
    if found is not None:
        shift += WEAK_FIND * min(0.0, found - FOUND_WELL)
    return 1 / (1 + math.exp(-math.log(chance / (1 - chance)) - shift))


def settled_by(decision: Decision, opinion: Decision) -> Decision:
    """`decision` with a model's word on intent and complexity. Stakes and approval are never lowered by it.

    The questions stay as they were found: their words are the ticket's own.
    """
    stakes = "high" if "high" in (decision.stakes, opinion.stakes) else "low"
    said = [f"a model says: {' '.join(reason.split())[:200]}" for reason in opinion.reasons[:3]]
    return decision.model_copy(
        update={
            "intent": opinion.intent,
            "complexity": opinion.complexity,
            "stakes": stakes,
            "approval": decision.approval or opinion.approval[:200],
            "reasons": [*decision.reasons, *said],
        }
    )


def _only(
    offer: Offer, why: str, decision: Decision, ticket: Ticket, experience: Experience, found: float | None
) -> Choice:
    return Choice(offer.tier, [why], chance_of(offer, decision, ticket, experience, found), 0.0)


def _rated(
    offers: Sequence[Offer],
    decision: Decision,
    ticket: Ticket,
    experience: Experience,
    tokens: Tokens,
    found: float | None,
) -> list[_Rated]:
    costs = [tokens.read * o.price_in + tokens.written * o.price_out for o in offers]
    rated = []
    for i, (offer, cost) in enumerate(zip(offers, costs, strict=True)):
        chance = chance_of(offer, decision, ticket, experience, found)
        above = costs[i + 1] if i + 1 < len(costs) else 0.0
        rated.append(_Rated(offer, chance, cost + (1 - chance) * (cost + FAIL_AGAIN * above)))
    return rated


def _rule(
    decision: Decision, ticket: Ticket, paid: Sequence[Tier], high_stakes_tier: Tier | None
) -> tuple[Tier, str] | None:
    """The least tier that a hard rule asks for, and the rule."""
    dearest = paid[-1]
    set_for_it = next(
        (t for t in paid if high_stakes_tier and TIERS.index(t) >= TIERS.index(high_stakes_tier)), dearest
    )
    if decision.approval:
        return set_for_it, f"{decision.approval}, and that is the tier for what a person has to approve"
    grave = GRAVE.search(f"{ticket.subject}\n{ticket.text}")
    if decision.stakes == "high" and grave:
        return set_for_it, f'the stakes are high ("{grave.group().lower()}"), and that is the tier set for it'
    if decision.stakes == "high" and decision.complexity == "hard":
        return set_for_it, "the stakes are high and the ticket is hard"
    return None


def _hurried(rated: Sequence[_Rated], seconds_left: float) -> Choice | None:
    """When time holds no second call: the dearest tier that it holds one of, or the built-in model."""
    first = next(r for r in rated if r.offer.tier != "local")
    if first.offer.seconds + rated[-1].offer.seconds <= seconds_left:
        return None
    best = next((r for r in reversed(rated) if r.offer.seconds <= seconds_left), rated[0])
    why = f"{best.offer.tier} writes: the {max(seconds_left, 0):.0f} s that are left hold no second call"
    return Choice(best.offer.tier, [why], best.chance, best.usd)


def _weighed(rated: Sequence[_Rated], decision: Decision, experience: Experience, target: float) -> Choice:
    able = [r for r in rated if r.chance >= target]
    best = min(able, key=lambda r: r.usd) if able else max(rated, key=lambda r: (r.chance, -r.usd))
    tier, dearest = best.offer.tier, rated[-1]
    seen = experience.seen(decision.intent, tier, best.offer.model)
    rests = f"{seen:.0f} drafts about {decision.intent} were seen" if seen else "an estimate, none was seen yet"
    if able:
        why = f"its draft is accepted with a chance of {best.chance:.0%} ({rests}), {target:.0%} are wanted"
    else:
        why = f"no tier is accepted with a chance of {target:.0%}, this one most likely ({best.chance:.0%}, {rests})"
    reasons = [f"{tier} writes: {why}"]
    if best is not dearest:
        reasons.append(
            f"expected cost ${best.usd:.5f} with a possible escalation; {dearest.offer.tier} ${dearest.usd:.5f}"
        )
    return Choice(tier, reasons, best.chance, best.usd, _doubt(rated, best, target))


def _doubt(rated: Sequence[_Rated], best: _Rated, target: float) -> Doubt | None:
    """Whether a model should classify the ticket: when the next cheaper tier just fails, or this one just passes.

    It has to cost less than half of what the tiers differ by: that often, at a guess, it changes the choice.
    """
    i = rated.index(best)
    below, above = (rated[i - 1] if i else None), (rated[i + 1] if i + 1 < len(rated) else None)
    if below and below.offer.tier != "local" and target - below.chance <= BAND:
        other = below
    elif above and best.offer.tier != "local" and best.chance - target <= BAND:
        other = above
    else:
        return None
    asked = next(r.offer for r in rated if r.offer.tier != "local")
    price = CLASSIFICATION[0] * asked.price_in + CLASSIFICATION[1] * asked.price_out
    gain = abs(other.usd - best.usd) / 2
    if price >= gain:
        return None
    return Doubt(
        asked.tier,
        f"{best.offer.tier} or {other.offer.tier}: the chance is within {BAND:.1%} of what is wanted; "
        f"{asked.tier} is asked to classify the ticket, for ${price:.5f} where ${gain:.5f} may be saved",
    )
