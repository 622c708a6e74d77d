"""What a case says about the tiers that wrote, and what is learned from many."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import get_args

import pytest

from agents.experience import (
    LEAST,
    PRIORS,
    STRENGTH,
    Cell,
    Experience,
    Intent,
    Observation,
    is_held_out,
    learn,
    name_of,
    observe,
)
from agents.steps import Limits
from errors import EndpointError
from tasks.case import LOCAL_MODEL, Case
from tests.agents.bench import ACCESS, PRICE, Bench, draft, drafted, passage, said
from tests.agents.scripted import Scripted

ASKED = "How much is the Pro plan?"
LIE = draft("The Pro plan costs $59 per seat per month.", [1], PRICE)
TRUTH = draft(PRICE, [1], PRICE)


def seen(case: Case, *words: str) -> list[tuple[str, float]]:
    return [(o.tier, o.worth) for o in observe(case, words)]  # type: ignore[arg-type]


def bench(folder: Path, *drafts: str, local: tuple[str, ...] = ()) -> Bench:
    frontier = Scripted(*drafts)
    return Bench(folder, [passage(1, PRICE), passage(2, ACCESS)], local_drafts=local, frontier=frontier)


# --- one case -----------------------------------------------------------------------------------------


def test_an_accepted_first_draft_is_a_success_of_its_tier_and_model(tmp_path: Path) -> None:
    case = bench(tmp_path, TRUTH).ask(ASKED)
    (found,) = observe(case)
    assert (found.tier, found.model, found.intent, found.worth) == ("frontier", "gpt-6.1-sol", "pricing", 1)
    assert found.seconds is not None
    assert found.seconds >= 0


def test_a_draft_that_was_mended_has_failed_once(tmp_path: Path) -> None:
    case = bench(tmp_path, LIE, TRUTH).ask(ASKED)
    assert case.outcome == "accepted"
    assert seen(case) == [("frontier", 0)]


def test_a_draft_that_was_escalated_speaks_against_the_first_tier_and_not_for_the_second(tmp_path: Path) -> None:
    case = bench(tmp_path, TRUTH, local=(LIE, LIE)).ask("Tell me about Pro.")
    assert case.handoffs[-2].tier == "frontier"
    assert seen(case) == [("local", 0)]


def test_a_draft_of_which_a_part_was_struck_has_failed(tmp_path: Path) -> None:
    part = drafted(said(PRICE, PRICE), said("It costs $59 elsewhere.", PRICE))
    case = bench(tmp_path, part, part).ask(ASKED)
    assert case.outcome == "accepted"
    assert seen(case) == [("frontier", 0)]


def test_a_first_draft_of_which_a_part_was_struck_for_want_of_money_has_failed(tmp_path: Path) -> None:
    part = drafted(said(PRICE, PRICE), said("It costs $59 elsewhere.", PRICE))
    frontier = Scripted(part)
    poor = Bench(tmp_path, [passage(1, PRICE)], policy="best", frontier=frontier)
    case = poor.ask(ASKED, Limits(budget_usd=0.000_001, deadline_s=60))
    assert (case.outcome, len(frontier.calls)) == ("accepted", 1)
    assert seen(case) == [("frontier", 0)]


def test_a_verdict_that_waits_for_a_judge_is_none_yet(tmp_path: Path) -> None:
    case = bench(tmp_path, LIE, TRUTH).ask(ASKED)
    first = next(h for h in case.handoffs if h.task == "verify")
    case.handoffs.insert(case.handoffs.index(first), first.model_copy(update={"to": "verifier", "status": "done"}))
    assert seen(case) == [("frontier", 0)]


def test_a_persons_last_word_stands_above_the_proof(tmp_path: Path) -> None:
    case = bench(tmp_path, TRUTH).ask(ASKED)
    assert seen(case, "reject") == [("frontier", 0)]
    assert seen(case, "accept", "reopen") == [("frontier", 0)]
    assert seen(case, "reject", "edit") == [("frontier", 0.5)]


def test_a_persons_word_on_an_escalated_draft_is_about_the_tier_that_wrote_it(tmp_path: Path) -> None:
    case = bench(tmp_path, TRUTH, local=(LIE, LIE)).ask("Tell me about Pro.")
    assert seen(case, "accept") == [("local", 0), ("frontier", 1)]
    assert seen(case, "reject") == [("local", 0), ("frontier", 0)]


def test_a_persons_word_on_a_mended_draft_says_nothing_of_first_drafts(tmp_path: Path) -> None:
    case = bench(tmp_path, LIE, TRUTH).ask(ASKED)
    assert seen(case, "accept") == [("frontier", 0)]


def test_an_endpoint_that_failed_is_no_evidence_about_its_drafts(tmp_path: Path) -> None:
    broken = Scripted(error=EndpointError("the server is down; try later", "server_error"))
    case = Bench(tmp_path, [passage(1, PRICE)], frontier=broken).ask(ASKED)
    assert [h.tier for h in case.handoffs if h.task == "write"] == ["frontier", "local"]
    assert [o.tier for o in observe(case)] == ["local"]


def test_an_abstention_a_limit_and_a_question_back_are_no_evidence(tmp_path: Path) -> None:
    assert seen(Bench(tmp_path / "a", []).ask(ASKED)) == []
    nothing = drafted(unanswered=[0])
    assert seen(bench(tmp_path / "b", nothing, nothing).ask(ASKED)) == []
    assert seen(bench(tmp_path / "c", drafted(ask="Which plan do you have?")).ask(ASKED)) == []
    stopped = Bench(tmp_path / "d", [passage(1, PRICE)], policy="best", frontier=Scripted(TRUTH))
    assert seen(stopped.ask(ASKED, Limits(budget_usd=0, deadline_s=60)), "reject") == []


# --- many cases -----------------------------------------------------------------------------------------


def cases(
    count: int, rate: float, seed: int, tier: str = "cheap", model: str = "m", intent: str = "api"
) -> list[Observation]:
    """`count` drafts, of which a share of `rate` was accepted."""
    chance = random.Random(seed)
    return [
        Observation(f"c-{seed}-{i}", intent, tier, model, float(chance.random() < rate), 2.0)  # type: ignore[arg-type]
        for i in range(count)
    ]


def test_before_anything_is_seen_a_chance_is_its_prior() -> None:
    assert {tier: Experience().chance("api", tier, "m") for tier in PRIORS} == pytest.approx(PRIORS)


def test_a_chance_is_drawn_from_the_prior_to_what_was_seen() -> None:
    table = Experience(cells={name_of("api", "cheap", "m"): Cell(good=0, bad=10)})
    overall = PRIORS["cheap"] * STRENGTH / 20
    assert table.chance("api", "cheap", "m") == pytest.approx(overall * STRENGTH / 20)
    assert table.chance("data", "cheap", "m") == pytest.approx(overall)  # little is known of it: its tier's rate


def test_a_changed_model_starts_afresh() -> None:
    table = Experience(cells={name_of("api", "cheap", "old"): Cell(bad=100)}, durations={"cheap|old": 30})
    assert table.chance("api", "cheap", "new") == pytest.approx(PRIORS["cheap"])
    assert table.seconds("cheap", "new") == 4
    tricky = Experience(cells={name_of("api", "cheap", "x|cheap|new"): Cell(bad=100)})
    assert tricky.chance("api", "cheap", "new") == pytest.approx(PRIORS["cheap"])


def test_no_chance_is_certain_whatever_was_seen() -> None:
    always = Experience(cells={name_of("api", "cheap", "m"): Cell(good=1e18)})
    never = Experience(cells={name_of("api", "cheap", "m"): Cell(bad=1e18)})
    assert 0 < never.chance("api", "cheap", "m") < always.chance("api", "cheap", "m") < 1


def test_what_is_learned_rests_on_the_cases_that_are_not_held_out() -> None:
    observations = cases(200, 0.6, seed=1)
    learned = learn(observations, Experience())
    assert learned.refused == ""
    (cell,) = learned.table.cells.values()
    kept = [o for o in observations if not is_held_out(o.case_id)]
    assert (cell.good, cell.bad) == (sum(o.worth for o in kept), sum(1 - o.worth for o in kept))
    assert 0.1 < learned.held_out / learned.observations < 0.3
    assert learned.loss_before is not None
    assert learned.loss_after is not None
    assert learned.loss_after < learned.loss_before
    assert learned.table.seconds("cheap", "m") == 2


def test_too_little_is_not_learned_from() -> None:
    learned = learn(cases(LEAST - 1, 0.5, seed=2), Experience())
    assert "too little was seen" in learned.refused
    assert learned.table == Experience()


def test_learning_twice_from_the_same_is_refused() -> None:
    first = learn(cases(100, 0.5, seed=3), Experience())
    assert "nothing was seen" in learn(cases(100, 0.5, seed=3), first.table).refused


@pytest.mark.parametrize("seed", range(5))
def test_a_table_that_predicts_worse_is_refused(seed: int) -> None:
    """Drafts are accepted nine times in ten, as the table in force has it, but those to learn from say the opposite."""
    truth = cases(300, 0.9, seed)
    in_force = learn(truth, Experience()).table
    noise = [o if is_held_out(o.case_id) else o._replace(worth=1 - o.worth) for o in cases(300, 0.9, seed + 100)]
    learned = learn(noise, in_force)
    assert "worse than the one in force" in learned.refused
    assert learned.loss_after is not None
    assert learned.loss_before is not None
    assert learned.loss_after > learned.loss_before


def test_what_is_no_worse_than_noise_is_not_refused() -> None:
    """Over many runs in which there is nothing to learn, a new table is mostly let pass: it is not worse."""
    intents = get_args(Intent)
    refused = 0
    for seed in range(60):
        rng = random.Random(seed)
        drafts = [o._replace(intent=rng.choice(intents)) for o in cases(400, PRIORS["cheap"], seed)]
        refused += bool(learn(drafts, Experience()).refused)
    assert refused < 30


def test_what_was_learned_is_nearer_to_the_truth() -> None:
    learned = learn(cases(300, 0.5, seed=4) + cases(300, 0.98, seed=5, intent="data"), Experience())
    assert learned.table.chance("api", "cheap", "m") == pytest.approx(0.5, abs=0.12)
    assert learned.table.chance("data", "cheap", "m") == pytest.approx(0.95, abs=0.06)
    assert math.isclose(learned.table.chance("api", "cheap", LOCAL_MODEL), PRIORS["cheap"])
