"""Which tier writes: hard rules first, then the cheapest in expectation whose chance is good enough.

Judging a question alone saves little at equal quality; a cheap draft, a proof and one escalation save most. So the
router only has to know when a cheap draft is likely to be refused, or must not be tried. No I/O, and no CrewAI.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from agents.experience import Experience
from errors import BudgetReached, EndpointError, ModelError, OpsdeskError
from knowledge_base.facts import facts_in
from knowledge_base.logistic import logistic
from tasks.case import LONG_TICKET, TIERS, Policy, Question, Signs, Ticket, Tier
from tasks.usage import CHARACTERS_PER_TOKEN

if TYPE_CHECKING:
    from agents.router import Decision
    from tasks.ledger import Ledger

Stakes = Literal["low", "high"]

TARGETS: dict[Policy, dict[Stakes, float]] = {
    "balanced": {"low": 0.60, "high": 0.80},
    "cheapest": {"low": 0.50, "high": 0.80},
}
"""The least chance of an accepted draft with which a tier is tried first, by what is at stake.

A draft that is refused costs money and time, but no quality: the proof refuses it, whoever wrote it.
"""

QUOTING: dict[Policy, float] = {"balanced": 0.80, "cheapest": 0.50}
"""The same for the built-in model: whether what it quotes answers the question, no proof can tell. A balanced one is
above what it reaches before anything was learned, so it comes first where it has shown that it can."""


class Rules(NamedTuple):
    """A policy as data. `low` and `high` are targets by what is at stake, `quoting` that of the built-in model.

    `always` sends every ticket to "local" or to the "dearest" tier. `hard_and_high` sends hard tickets of high stakes
    to the dearest. Paid tiers that are not among `tiers` are not there; `high_stakes_tier` stands above the setting.
    """

    low: float
    high: float
    quoting: float
    always: Literal["", "local", "dearest"] = ""
    hard_and_high: bool = False
    tiers: tuple[Tier, ...] = TIERS
    high_stakes_tier: Tier | None = None


POLICIES: dict[Policy, Rules] = {
    "cheapest": Rules(TARGETS["cheapest"]["low"], TARGETS["cheapest"]["high"], QUOTING["cheapest"]),
    "balanced": Rules(TARGETS["balanced"]["low"], TARGETS["balanced"]["high"], QUOTING["balanced"], hard_and_high=True),
    "best": Rules(1.0, 1.0, 1.0, always="dearest"),
    "offline": Rules(0.0, 0.0, 0.0, always="local", tiers=()),
}
"""What the policies by name mean."""

HARD, PER_QUESTION, LONG, CODED = -0.6, -0.25, -0.3, -0.2
WEAK_FIND, FOUND_WELL = 1.5, 0.5
"""Priors, on the logit scale: what a hard, long or coded ticket takes from a chance, each question after the first,
and passages that are found with a confidence below FOUND_WELL. Set by judgement, not fitted to any questions."""

READ_FOR_CODES = 2_000
"""Characters of a ticket in which identifiers and error codes are looked for."""

FAIL_AGAIN = 0.5
"""An estimate: of the drafts that are revised, the share that is refused again."""

BAND = 0.06
"""Below the target: so little short, a better classification could change the choice."""

IT_MATTERS = 0.5
"""A guess: how often a model that is asked then does change it."""

CLASSIFICATION = (700, 250)
"""Tokens that asking a model to classify a ticket reads and writes: estimates."""

GRAVE = re.compile(
    r"\b(?:legal|lawyers?|attorneys?|lawsuit|sue|court|gdpr|breach\w*|hack\w*|compromised|leak(?:ed)?|unauthori[sz]ed"
    r"|fraud\w*|phishing|stolen|delet\w+|eras\w+|wipe|purge|irreversibl\w+|terminate|refund\w*|reimburs\w*|chargebacks?)\b",
    re.I,
)
"""Law, security, deletion, money that goes out."""

NO_TIER = "no paid tier is configured; set OPENAI_API_KEY or OPSDESK_TIERS__CHEAP__MODEL for more"


class Classified(Protocol):
    """What is known of a ticket: a router's `Decision`, or the `Route` that came of it."""

    @property
    def intent(self) -> str:
        """What it is about."""

    @property
    def complexity(self) -> Literal["simple", "hard"]:
        """How hard it is."""

    @property
    def stakes(self) -> Stakes:
        """What a wrong answer would do."""

    @property
    def questions(self) -> list[Question]:
        """What it asks."""

    @property
    def approval(self) -> str:
        """Why a person must approve the reply, or nothing."""


class Chances(Protocol):
    """What is known of tiers: an `Experience`, or one that remembers what it was asked."""

    def chance(self, intent: str, tier: Tier, model: str) -> float:
        """0..1: that a first draft is accepted."""

    def seen(self, intent: str, tier: Tier, model: str) -> float:
        """How many drafts that rests on."""


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


USUAL = Tokens(read=3_500, written=500, most_read=24_000, most_written=4_000)
"""Estimates for a ticket, before it is known what is found; the last is the cap on a reply, its reasoning included."""


def tokens_of(size: int) -> Tokens:
    """What a draft is likely to take whose prompt has so many bytes, and the most: no token is shorter than a byte."""
    return USUAL._replace(read=size // CHARACTERS_PER_TOKEN, most_read=size)


class Doubt(NamedTuple):
    """A tier that should be asked to classify the ticket, and why that is worth its price."""

    tier: Tier
    reason: str


class Choice(NamedTuple):
    """The tier that writes; `reasons` are shown to people. `expected_usd` includes a revision and an escalation."""

    tier: Tier
    reasons: list[str]
    chance: float
    expected_usd: float
    doubt: Doubt | None = None


class _Rated(NamedTuple):
    offer: Offer
    chance: float
    usd: float


def offer(tier: Tier, model: str, ledger: Ledger, experience: Experience) -> Offer:
    """What a tier costs and takes. One of unknown price is weighed at the reference model's, as it is held for."""
    read, written = (float(ledger.worst(tier, model, *tokens) or 0) for tokens in ((1, 0), (0, 1)))
    return Offer(tier, model, read, written, experience.seconds(tier, model))


def signs_of(ticket: Ticket, found: float | None = None, size: int | None = None) -> Signs:
    """What of a ticket itself a tier is chosen by; `found` and `size` once its passages are known."""
    grave = GRAVE.search(f"{ticket.subject}\n{ticket.text}")
    return Signs(
        long=len(ticket.text) > LONG_TICKET,
        coded=any(fact.kind == "identifier" for fact in facts_in(ticket.text[:READ_FOR_CODES])),
        grave=grave.group().lower() if grave else "",
        found=found,
        passages_bytes=size,
    )


def decide(
    decision: Classified,
    ticket: Ticket | Signs,
    offers: Sequence[Offer],
    experience: Chances,
    policy: Policy | Rules,
    *,
    tokens: Tokens,
    usd_left: float,
    seconds_left: float,
    found: float | None = None,
    high_stakes_tier: Tier | None = None,
) -> Choice:
    """The tier that writes. `offers` are cheapest first and begin with `local`; `found` is the retriever's confidence.

    Nothing of a ticket counts but its signs, so one that is kept can be decided on again by them alone.
    The expected cost of a tier of cost c and chance p is c + (1-p) c for a revision, and (1-p) FAIL_AGAIN times the
    cost of the next dearer tier for an escalation. Where time holds one call alone there is neither, so the first
    draft has to be as likely to stand as one of high stakes.
    """
    rules = POLICIES[policy] if isinstance(policy, str) else policy
    signs = signs_of(ticket, found) if isinstance(ticket, Ticket) else ticket
    shift = shift_of(decision, signs)

    def rated(some: Sequence[Offer]) -> list[_Rated]:
        return _rated(some, decision.intent, shift, experience, tokens)

    def only(one: Offer, why: str) -> Choice:
        (it,) = rated([one])
        return Choice(one.tier, [f"{one.tier} writes: {why}"], it.chance, it.usd)

    local, paid = offers[0], [one for one in offers[1:] if one.tier in rules.tiers]
    if rules.always == "local":
        return only(local, "the policy is offline")
    if not paid:
        return only(local, NO_TIER)
    if rules.always == "dearest":
        return only(paid[-1], "the policy is best")
    able = [o for o in paid if worst_usd(o, tokens) <= usd_left and o.seconds <= seconds_left]
    out = [_why_out(o, tokens, usd_left, seconds_left) for o in paid if o not in able]
    if not able:
        return only(local, "; ".join(out))
    if rule := _rule(decision, signs, rules, [o.tier for o in paid], rules.high_stakes_tier or high_stakes_tier):
        least, why = rule
        ruled = next((o for o in able if TIERS.index(o.tier) >= TIERS.index(least)), able[-1])
        called = "that is the dearest tier that can" if TIERS.index(ruled.tier) < TIERS.index(least) else ""
        return only(ruled, "; ".join(filter(None, [why, *out, called])))
    alone = able[0].seconds + able[-1].seconds > seconds_left
    target = rules.high if alone or decision.stakes == "high" else rules.low
    (quoting,) = rated([local])
    able = [local, *able] if quoting.chance >= rules.quoting else able
    choice = _weighed(rated(able), decision, experience, target, ask=not alone)
    hurry = [f"the {seconds_left:.0f} s that are left hold no second call"] if alone else []
    return choice._replace(reasons=[*choice.reasons, *out, *hurry])


def stand_ins(
    error: OpsdeskError, tiers: Sequence[Tier], failed: Tier, policy: Policy, *, first: bool, shared: bool
) -> list[Tier]:
    """Who may write in place of a tier that has failed, in order: a dearer one, else a cheaper one.

    Where a budget does not hold its `first` draft, only a cheaper one, and where that is `shared` with other cases none
    that is free, since money was given for more. Under the policy `best` it is never one that costs less for that, and
    never the built-in model. A refused key is for a person to mend. `tiers` are cheapest first.
    """
    here = tiers.index(failed)
    cheaper, dearer = [*tiers[:here][::-1]], [*tiers[here + 1 :]]
    if isinstance(error, BudgetReached):
        left = cheaper if first and policy != "best" else []
        free = not shared
    elif isinstance(error, ModelError) and not (isinstance(error, EndpointError) and not error.elsewhere):
        left, free = [*dearer, *cheaper], True
    else:
        return []
    return [tier for tier in left if tier != "local" or (free and policy != "best")]


def worst_usd(offer: Offer, tokens: Tokens) -> float:
    """The most that one call of a tier may cost, in USD."""
    return tokens.most_read * offer.price_in + tokens.most_written * offer.price_out


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


def shift_of(decision: Classified, signs: Signs) -> float:
    """What the ticket itself takes from every tier's chance, on the logit scale; never above 0."""
    shift = HARD * (decision.complexity == "hard") + PER_QUESTION * max(0, len(decision.questions) - 1)
    shift += LONG * signs.long + CODED * signs.coded
    if signs.found is not None:
        shift += WEAK_FIND * min(0.0, signs.found - FOUND_WELL)
    return shift


def _rated(offers: Sequence[Offer], intent: str, shift: float, experience: Chances, tokens: Tokens) -> list[_Rated]:
    costs = [tokens.read * o.price_in + tokens.written * o.price_out for o in offers]
    rated = []
    for i, (offer, cost) in enumerate(zip(offers, costs, strict=True)):
        table = experience.chance(intent, offer.tier, offer.model)
        chance = logistic(math.log(table / (1 - table)) + shift)
        above = costs[i + 1] if i + 1 < len(costs) else 0.0
        rated.append(_Rated(offer, chance, cost + (1 - chance) * (cost + FAIL_AGAIN * above)))
    return rated


def _why_out(offer: Offer, tokens: Tokens, usd_left: float, seconds_left: float) -> str:
    most = worst_usd(offer, tokens)
    if most > usd_left:
        return f"a call of {offer.tier} may cost ${most:.4f}, and ${max(usd_left, 0):.4f} of the budget is left"
    return f"a call of {offer.tier} takes about {offer.seconds:.0f} s, and {max(seconds_left, 0):.0f} s are left"


def _rule(
    decision: Classified, signs: Signs, rules: Rules, paid: Sequence[Tier], high_stakes_tier: Tier | None
) -> tuple[Tier, str] | None:
    """The least tier that a hard rule asks for, and the rule. `paid` are the configured tiers."""
    dearest = paid[-1]
    set_for_it = next(
        (t for t in paid if high_stakes_tier and TIERS.index(t) >= TIERS.index(high_stakes_tier)), dearest
    )
    if decision.approval:
        return set_for_it, f"{decision.approval}, and {set_for_it} is the tier for what a person has to approve"
    if decision.stakes == "high" and signs.grave:
        return set_for_it, f'the stakes are high ("{signs.grave}"), and {set_for_it} is the tier set for that'
    if decision.stakes == "high" and decision.complexity == "hard" and rules.hard_and_high:
        return dearest, "the stakes are high and the ticket is hard"
    return None


def _weighed(rated: Sequence[_Rated], decision: Classified, experience: Chances, target: float, *, ask: bool) -> Choice:
    meet = [r for r in rated if r.chance >= target]
    best = min(meet, key=lambda r: r.usd) if meet else max(rated, key=lambda r: (r.chance, -r.usd))
    tier, dearest = best.offer.tier, rated[-1]
    seen = experience.seen(decision.intent, tier, best.offer.model)
    rests = f"by {seen:.0f} drafts about {decision.intent}" if seen >= 1 else "an estimate, no draft was seen yet"
    if meet:
        why = f"its draft is accepted with a chance of {best.chance:.0%} ({rests}), and {target:.0%} is asked for"
    else:
        why = (
            f"no tier has the {target:.0%} that is asked for, and this one the best chance ({best.chance:.0%}, {rests})"
        )
    reasons = [f"{tier} writes: {why}"]
    if best is not dearest:
        reasons.append(f"expected cost ${best.usd:.5f}, escalation included; {dearest.offer.tier}: ${dearest.usd:.5f}")
    doubt = _doubt(rated, best, target) if ask and decision.complexity == "hard" else None
    return Choice(tier, reasons, best.chance, best.usd, doubt)


def _doubt(rated: Sequence[_Rated], best: _Rated, target: float) -> Doubt | None:
    """Whether a model should say if a hard ticket is hard: where a cheaper tier just fails the target.

    It has to cost less than IT_MATTERS of what the tiers differ by. Where the cheaper tier just passes, asking could
    only make the answer dearer, and the proof stands behind it; the built-in model is never worth a paid question.
    """
    cheaper = [r for r in rated if r.offer.tier != "local" and r.usd < best.usd and 0 < target - r.chance <= BAND]
    if not cheaper:
        return None
    other = min(cheaper, key=lambda r: r.usd)
    asked = next(r.offer for r in rated if r.offer.tier != "local")
    price = CLASSIFICATION[0] * asked.price_in + CLASSIFICATION[1] * asked.price_out
    gain = IT_MATTERS * (best.usd - other.usd)
    if price >= gain:
        return None
    return Doubt(
        asked.tier,
        f"{other.offer.tier} is {target - other.chance:.0%} short of what is asked for: {asked.tier} is asked whether "
        f"the ticket is hard, for about ${price:.5f} where ${gain:.5f} may be saved",
    )
