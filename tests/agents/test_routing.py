"""Which tier writes: the hard rules, the weighing, the limits, and when a model is asked to classify."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.experience import Cell, Experience, Intent, name_of
from agents.router import Decision, route_locally
from agents.routing import BAND, TARGETS, USUAL, Choice, Offer, Stakes, decide, offer, settled_by, worst_usd
from tasks.case import TIERS, Policy, Question, Ticket, Tier
from tasks.ledger import Ledger

LOCAL = Offer("local", "built-in", 0, 0, 0.1)
CHEAP = Offer("cheap", "small", 0.25e-6, 2e-6, 4)
MID = Offer("mid", "middle", 1e-6, 8e-6, 6)
FRONTIER = Offer("frontier", "large", 5e-6, 30e-6, 10)
THREE, FOUR = (LOCAL, CHEAP, FRONTIER), (LOCAL, CHEAP, MID, FRONTIER)
NEW = Experience()
PRICE = "Does your Pro plan include API access, and how much is it?"
RESET = "How do I reset my password?"


def of(complexity: str = "simple", stakes: str = "low", approval: str = "", asked: int = 1) -> Decision:
    questions = [Question(text="What is this?")] * asked
    fields = {"complexity": complexity, "stakes": stakes, "approval": approval, "questions": questions}
    return Decision.model_validate({"intent": "account", "reasons": [], **fields})


def choose(
    decision: Decision,
    offers: tuple[Offer, ...] = THREE,
    policy: Policy = "balanced",
    experience: Experience = NEW,
    text: str = "What is this?",
    usd: float = 10,
    seconds: float = 600,
    found: float | None = None,
    high: Tier | None = None,
) -> Choice:
    return decide(
        decision,
        Ticket(text=text),
        offers,
        experience,
        policy,
        tokens=USUAL,
        usd_left=usd,
        seconds_left=seconds,
        found=found,
        high_stakes_tier=high,
    )


def ask(text: str, **more: object) -> Choice:
    return choose(route_locally(Ticket(text=text)), text=text, **more)  # type: ignore[arg-type]


def after(tier: Tier, model: str, good: float, bad: float, intent: Intent = "account") -> Experience:
    return Experience(version=1, cells={name_of(intent, tier, model): Cell(good=good, bad=bad)})


@pytest.mark.parametrize("offers", [THREE, FOUR])
def test_the_worked_questions_go_where_they_should(offers: tuple[Offer, ...]) -> None:
    price = ask(PRICE, offers=offers)
    assert price.tier == "frontier"
    assert price.reasons == ["frontier writes: the stakes are high and the ticket is hard"]
    assert ask(RESET, offers=offers).tier == "cheap"


def test_under_cheapest_the_built_in_model_comes_first_where_little_is_at_stake() -> None:
    assert ask(RESET, policy="cheapest").tier == "local"
    assert ask("How much is the Pro plan?", policy="cheapest").tier == "cheap"


def test_a_plain_question_about_a_price_goes_to_the_cheap_tier() -> None:
    choice = ask("How much is the Pro plan?", offers=FOUR)
    assert choice.tier == "cheap"
    assert "80% is asked for" in choice.reasons[0]


@pytest.mark.parametrize("policy", ["balanced", "cheapest"])
@pytest.mark.parametrize(
    "text",
    ["Please delete our whole workspace.", "I want my money back!", "Our account was hacked.", "Is a refund possible?"],
)
def test_grave_matters_go_to_the_tier_set_for_them(text: str, policy: Policy) -> None:
    assert ask(text, offers=FOUR, policy=policy).tier == "frontier"
    assert ask(text, offers=FOUR, policy=policy, high="mid").tier == "mid"
    assert ask(text, policy=policy, high="mid").tier == "frontier"  # mid is not configured: the next one above


def test_the_tier_set_for_grave_matters_does_not_lower_what_is_high_and_hard() -> None:
    assert choose(of("hard", "high"), FOUR, high="cheap").tier == "frontier"


def test_best_is_always_the_dearest_and_offline_never_a_paid_one() -> None:
    assert ask(RESET, policy="best").tier == "frontier"
    assert ask("Please delete our workspace.", policy="offline").tier == "local"


def test_without_a_paid_tier_the_built_in_model_writes_and_says_what_to_set() -> None:
    choice = ask(PRICE, offers=(LOCAL,))
    assert choice.tier == "local"
    assert "set OPENAI_API_KEY or OPSDESK_TIERS__CHEAP__MODEL" in choice.reasons[0]


def test_a_budget_too_small_for_a_tier_takes_the_next_cheaper_and_says_so() -> None:
    choice = ask(PRICE, usd=0.05)  # the frontier's worst case is $0.24, the cheap tier's $0.014
    assert choice.tier == "cheap"
    assert "a call of frontier may cost $0.2400, and $0.0500 of the budget is left" in choice.reasons[0]
    assert ask(PRICE, usd=0).tier == "local"


def test_a_deadline_too_short_for_a_tier_takes_one_that_it_holds() -> None:
    assert ask(PRICE, seconds=9).tier == "cheap"
    last = ask(PRICE, seconds=3)
    assert last.tier == "local"
    assert "a call of frontier takes about 10 s, and 3 s are left" in last.reasons[0]


def test_when_time_holds_no_second_call_the_first_draft_must_be_likelier_to_stand() -> None:
    hard = of("hard", asked=2)
    assert choose(hard).tier == "cheap"
    hurried = choose(hard, seconds=11)
    assert hurried.tier == "frontier"
    assert "hold no second call" in hurried.reasons[-1]
    assert hurried.doubt is None


def test_a_tier_that_keeps_failing_at_something_is_passed_over_for_it_alone() -> None:
    failing = after("cheap", "small", good=2, bad=38)
    assert choose(of(), FOUR, experience=failing).tier == "mid"
    other = choose(of().model_copy(update={"intent": "api"}), (LOCAL, CHEAP), experience=after("cheap", "small", 40, 0))
    assert other.tier == "cheap"


def test_the_built_in_model_writes_first_where_it_has_shown_that_it_can() -> None:
    choice = choose(of(), experience=after("local", "built-in", good=42, bad=1))
    assert choice.tier == "local"
    assert "by 43 drafts about account" in choice.reasons[0]


def test_a_tier_that_costs_more_with_its_escalations_than_a_likelier_one_is_not_taken() -> None:
    near = MID._replace(price_in=CHEAP.price_in * 1.05, price_out=CHEAP.price_out * 1.05)
    failing = after("cheap", "small", good=60, bad=18)
    choice = choose(of(), (LOCAL, CHEAP, near), experience=failing)
    assert choice.tier == "mid"


def test_the_expected_cost_is_the_draft_a_revision_and_an_escalation() -> None:
    choice = choose(of())
    cheap, frontier = (3_500 * o.price_in + 500 * o.price_out for o in (CHEAP, FRONTIER))
    assert choice.expected_usd == pytest.approx(cheap + 0.12 * (cheap + 0.5 * frontier))


def test_when_no_tier_is_likely_enough_the_likeliest_writes() -> None:
    choice = choose(of("hard", asked=5), experience=after("frontier", "large", 5, 20), found=0.1)
    assert "no tier has the 60%" in choice.reasons[0]
    assert choice.chance < 0.60


def test_passages_found_with_little_confidence_can_take_a_ticket_up_a_tier() -> None:
    assert choose(of("hard", asked=3), found=0.9).tier == "cheap"
    assert choose(of("hard", asked=3), found=0.1).tier == "frontier"


@pytest.mark.parametrize("text", ["What does AUTH-417 mean?", "so " * 300])
def test_codes_and_length_take_something_from_every_chance(text: str) -> None:
    assert choose(of(), text=text).chance < choose(of()).chance


def test_each_question_after_the_first_takes_something_and_none_adds_to_a_chance() -> None:
    chances = [choose(of(asked=asked), (LOCAL, CHEAP), "offline").chance for asked in range(6)]
    assert chances == sorted(chances, reverse=True)
    assert chances[0] == chances[1] > chances[2] > chances[5]


def test_a_model_is_asked_only_where_a_hard_ticket_just_misses_a_cheaper_tier() -> None:
    just_short = of("hard", asked=5)
    choice = choose(just_short)
    assert choice.tier == "frontier"
    assert choice.doubt is not None
    assert choice.doubt.tier == "cheap"
    assert choose(of("hard", asked=1)).doubt is None  # the cheap tier writes: asking could only cost
    assert choose(just_short, found=0.1).doubt is None  # far off
    simple = choose(of("simple", asked=5), found=0.1)  # as short of it, but no word of a model makes it simpler
    assert (simple.tier, simple.doubt) == ("frontier", None)


def test_a_model_is_not_asked_when_that_costs_more_than_it_may_save() -> None:
    near = FRONTIER._replace(price_in=CHEAP.price_in * 2, price_out=CHEAP.price_out * 2)
    choice = choose(of("hard", asked=5), (LOCAL, CHEAP, near))
    assert (choice.tier, choice.doubt) == ("frontier", None)


def test_a_models_word_can_take_a_ticket_down_a_tier_but_never_lower_its_stakes() -> None:
    before = of("hard", asked=5)
    assert choose(before).tier == "frontier"
    opinion = Decision(intent="api", complexity="simple", stakes="low", reasons=["plain\nenough"], questions=[])
    settled = settled_by(before, opinion)
    assert (settled.intent, settled.complexity, len(settled.questions)) == ("api", "simple", 5)
    assert settled.reasons == ["a model says: plain enough"]
    assert choose(settled).tier == "cheap"
    grave = settled_by(of("hard", "high", approval="an act"), opinion)
    assert (grave.stakes, grave.approval) == ("high", "an act")
    assert settled_by(before, opinion.model_copy(update={"stakes": "high", "approval": "law"})).approval == "law"


def test_a_model_of_unknown_price_is_weighed_as_dear_as_the_reference_and_never_as_free() -> None:
    ledger = Ledger("gpt-6.1-sol")
    unknown, known = (offer("frontier", model, ledger, NEW) for model in ("made-up-model", "gpt-6.1-sol"))
    assert unknown[2:4] == known[2:4]
    assert unknown.price_in > 0
    assert offer("local", "built-in", ledger, NEW)[2:4] == (0, 0)


# --- what must hold for every ticket ----------------------------------------------------------------

INTENTS = get_args(Intent)
chances = st.floats(0, 50)


@st.composite
def offered(draw: st.DrawFn) -> tuple[Offer, ...]:
    """The built-in model and some paid tiers; a dearer one costs more and takes longer."""
    paid = draw(st.lists(st.sampled_from((CHEAP, MID, FRONTIER)), unique=True))
    scale = draw(st.floats(0.1, 50))
    dear = [o._replace(price_in=o.price_in * scale, price_out=o.price_out * scale) for o in paid]
    return (LOCAL, *sorted(dear, key=lambda o: TIERS.index(o.tier)))


@st.composite
def learned(draw: st.DrawFn) -> Experience:
    cells = {}
    for one in FOUR:
        for intent in draw(st.lists(st.sampled_from(INTENTS), max_size=3)):
            cells[name_of(intent, one.tier, one.model)] = Cell(good=draw(chances), bad=draw(chances))
    return Experience(version=1, cells=cells)


decisions = st.builds(
    Decision,
    intent=st.sampled_from(INTENTS),
    complexity=st.sampled_from(["simple", "hard"]),
    stakes=st.sampled_from(["low", "high"]),
    reasons=st.just([]),
    questions=st.lists(st.just(Question(text="What is this?")), max_size=5),
    approval=st.sampled_from(["", "an act"]),
)
policies: st.SearchStrategy[Policy] = st.sampled_from(("cheapest", "balanced", "best", "offline"))
found = st.none() | st.floats(0, 1)
texts = st.sampled_from(["What is this?", "What is AUTH-417?", "Is a refund possible?", "so " * 300])


@given(decisions, offered(), policies, learned(), texts, st.floats(-1, 2), st.floats(-1, 100), found)
def test_there_is_always_a_choice_with_a_reason_within_the_limits(
    decision: Decision,
    offers: tuple[Offer, ...],
    policy: Policy,
    experience: Experience,
    text: str,
    usd: float,
    seconds: float,
    sure: float | None,
) -> None:
    choice = choose(decision, offers, policy, experience, text, usd, seconds, sure)
    chosen = next(o for o in offers if o.tier == choice.tier)
    assert choice.reasons[0].startswith(f"{choice.tier} writes: ")
    assert 0 < choice.chance < 1
    assert choice.expected_usd >= 0
    if policy == "offline":
        assert choice.tier == "local"
    if policy == "best":
        assert chosen is offers[-1]
    elif chosen.tier != "local":
        assert worst_usd(chosen, USUAL) <= usd
        assert chosen.seconds <= seconds
    if choice.doubt:
        assert policy in TARGETS
        assert decision.complexity == "hard"
        assert choice.doubt.tier == offers[1].tier


@given(decisions, offered(), st.sampled_from(("cheapest", "balanced")), learned(), texts, st.floats(0, 2), found)
def test_higher_stakes_never_take_a_less_likely_or_a_cheaper_draft(
    decision: Decision,
    offers: tuple[Offer, ...],
    policy: Policy,
    experience: Experience,
    text: str,
    usd: float,
    sure: float | None,
) -> None:
    low, high = (
        choose(
            decision.model_copy(update={"stakes": s, "approval": ""}), offers, policy, experience, text, usd, 600, sure
        )
        for s in get_args(Stakes)
    )
    if decision.complexity == "simple" and "refund" not in text:  # no rule speaks: the weighing alone
        assert high.chance >= low.chance
        assert high.expected_usd >= low.expected_usd
    else:
        able = [o.tier for o in offers if worst_usd(o, USUAL) <= usd]
        assert high.tier == able[-1] or high.chance >= low.chance


@given(decisions, offered(), st.sampled_from(("cheapest", "balanced")), texts, st.floats(0, 2), found)
def test_before_anything_is_learned_higher_stakes_never_take_a_lower_tier(
    decision: Decision, offers: tuple[Offer, ...], policy: Policy, text: str, usd: float, sure: float | None
) -> None:
    low, high = (
        choose(decision.model_copy(update={"stakes": s}), offers, policy, NEW, text, usd, 600, sure)
        for s in ("low", "high")
    )
    assert TIERS.index(high.tier) >= TIERS.index(low.tier)


@given(learned(), st.sampled_from(FOUR), st.sampled_from(INTENTS), st.floats(0, 20), st.sampled_from(INTENTS))
def test_more_failures_never_raise_a_chance_and_more_successes_never_lower_one(
    table: Experience, one: Offer, intent: Intent, more: float, asked: Intent
) -> None:
    name = name_of(intent, one.tier, one.model)
    cell = table.cells.get(name, Cell())

    def chance(good: float, bad: float) -> float:
        cells = {**table.cells, name: Cell(good=cell.good + good, bad=cell.bad + bad)}
        return Experience(cells=cells).chance(asked, one.tier, one.model)

    tiny = 1e-12
    assert chance(0, more) <= chance(0, 0) + tiny
    assert chance(more, 0) >= chance(0, 0) - tiny


def test_the_band_lies_between_the_targets_of_a_policy_and_nothing() -> None:
    assert all(0 < BAND < target["low"] < target["high"] < 1 for target in TARGETS.values())
