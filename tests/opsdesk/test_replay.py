"""`opsdesk replay`: right where the truth is known, silent where history says nothing, and it calls nobody."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.experience import Experience
from agents.routing import POLICIES, Offer, Rules
from benchmarks import replay as benchmark
from errors import UsageError
from opsdesk.desk import Desk
from opsdesk.offpolicy import Stratum, amount, share
from opsdesk.policies import rules_of
from opsdesk.redeciding import Stage
from opsdesk.replay import LEAST, Replay, replay
from opsdesk.settings import Settings
from tasks.case import LOCAL_MODEL, Tier
from tasks.paths import Path as Kept
from tasks.paths import case_paths
from tasks.prices import OwnPrice, Prices
from tests.simulator import Model, Simulator

MODELS: dict[str, str] = {"local": LOCAL_MODEL, "cheap": "small", "frontier": "large"}
TRIED: tuple[Tier, ...] = ("local", "cheap", "frontier")
PRICES = Prices({"cheap": OwnPrice(Decimal(1), Decimal(4)), "frontier": OwnPrice(Decimal(5), Decimal(20))})
DOLLAR = 10**9
USD: dict[str, int] = {"local": 0, "cheap": 4_000_000, "frontier": 20_000_000}
"""Nano-dollars of a first draft: 2,000 tokens read and 500 written."""


def offers(_: Experience) -> list[Offer]:
    return [
        Offer("local", MODELS["local"], 0, 0, 0.1),
        Offer("cheap", "small", 1e-6, 4e-6, 4),
        Offer("frontier", "large", 5e-6, 20e-6, 10),
    ]


STAGE = Stage([("", Experience())], offers, PRICES, 10.0, 600.0)


def path(case_id: str, tier: str = "cheap", *, good: bool = True, **about: Any) -> Kept:
    cost = USD.get(tier, 0)
    usual: dict[str, Any] = {
        **{"case_id": case_id, "shadow_of": "", "at": "2026-11-01T10:00:00+00:00", "kb": "help", "tenant": ""},
        **{"intent": "howto", "outcome": "accepted" if good else "needs_human", "complexity": "simple"},
        **{"stakes": "low", "approval": 0, "grave": 0, "questions": 1, "long": 0, "coded": 0, "found": 0.9},
        **{"passages_bytes": 5_000, "tier": tier, "model": MODELS.get(tier, ""), "others": ""},
        **{"tokens_in": 2_000 if tier else 0, "tokens_cached": 0, "tokens_out": 500 if tier else 0},
        **{"route_nano": 0, "draft_nano": cost, "alone_nano": cost, "cost_nano": cost, "at_most_nano": cost},
    }
    return Kept(**{**usual, **about})


def under(paths: Sequence[Kept], rules: Rules | str = "best", words: dict[str, str] | None = None) -> Replay:
    return replay(paths, words or {}, STAGE, POLICIES[rules] if isinstance(rules, str) else rules)  # type: ignore[index]


def history(chance: Random, cases: int, shadows: float, accepted: dict[Tier, float], revised: float) -> list[Kept]:
    """Cases that the cheap tier wrote first, some of them again by the frontier, at true rates.

    A draft costs what it costs at the table's prices, one that is revised twice as much.
    """

    def made(case_id: str, tier: Tier, **about: Any) -> Kept:
        written = chance.randrange(200, 800)
        rates = {"cheap": (1_000, 4_000), "frontier": (5_000, 20_000)}[tier]
        draft = 2_000 * rates[0] + written * rates[1]
        cost = draft * (2 if chance.random() < revised else 1)
        intent = chance.choice(["howto", "account", "api", "data"])
        costs = dict.fromkeys(("alone_nano", "cost_nano", "at_most_nano"), cost)
        good = chance.random() < accepted[tier]
        return path(
            case_id, tier, good=good, **{"intent": intent, "tokens_out": written, "draft_nano": draft, **costs, **about}
        )

    own = [made(f"c-{i}", "cheap") for i in range(cases)]
    again = [one for one in own if chance.random() < shadows]
    return own + [made(f"s-{one.case_id}", "frontier", shadow_of=one.case_id, intent=one.intent) for one in again]


# --- where the truth is known -----------------------------------------------------------------------------


def test_what_would_have_been_is_found_where_the_truth_is_known() -> None:
    """0.95 is accepted of the frontier, at (2,000 x $5 + 500 x $20)/M x 1.1; nearly all intervals hold it."""
    truth, cost = 0.95, 0.02 * 1.1
    hits, errors = 0, []
    for seed in range(15):
        found = under(history(Random(seed), 2_000, 0.15, {"cheap": 0.7, "frontier": truth}, 0.1))
        assert found.cost.estimate is not None
        assert found.quality.estimate is not None
        assert found.quality.real == pytest.approx(0.7, abs=0.05)
        hits += found.quality.estimate.low <= truth <= found.quality.estimate.high
        errors.append(abs(found.cost.estimate.mean / cost - 1))
    assert hits >= 13
    assert sum(error <= 0.05 for error in errors) >= 14


def test_under_the_policy_that_was_in_force_nothing_changes_and_the_figures_are_what_was() -> None:
    paths = [path(f"c-{i}", good=i % 4 > 0) for i in range(40)]
    found = under(paths, "balanced")
    assert (found.same, found.changes, found.left_out, found.refused) == (40, [], [], "")
    assert found.quality.real == 0.75
    assert found.quality.estimate is not None
    assert found.quality.estimate.mean == pytest.approx(0.75)
    assert found.cost.estimate is not None
    assert found.cost.estimate.mean == pytest.approx(0.004)


def test_cases_that_change_are_named_with_where_they_would_go() -> None:
    paths = [*(path(f"c-{i}") for i in range(30)), *(path(f"f-{i}", "frontier") for i in range(LEAST))]
    (change,) = under(paths).changes
    assert (change.was, change.now, change.cases) == ("cheap", "frontier", 30)
    assert change.case_ids[:2] == ["c-29", "c-28"]


def test_a_person_s_rejection_counts_against_what_was_accepted() -> None:
    paths = [path(f"c-{i}") for i in range(10)]
    found = under(paths, "balanced", {"c-1": "reject", "c-2": "reopen", "c-3": "edit", "c-4": "accept"})
    assert found.quality.real == 0.8


def test_a_case_that_nobody_wrote_about_stays_as_it_was() -> None:
    found = under([path(f"c-{i}", "", good=False) for i in range(5)])
    assert (found.same, found.refused) == (5, "")
    assert found.quality.estimate is not None
    assert found.quality.estimate.mean == 0


def test_the_table_of_its_time_decides() -> None:
    """Before the cheap tier was known to fail it wrote, and after that it did not."""
    from agents.experience import Cell, name_of

    bad = Experience(version=1, cells={name_of("howto", "cheap", "small"): Cell(good=0, bad=200)})
    stage = STAGE._replace(tables=[("", Experience()), ("2026-11-10T00:00:00+00:00", bad)])
    paths = [path("c-1"), path("c-2", at="2026-11-11T10:00:00+00:00")]
    found = replay(paths, {}, stage, POLICIES["balanced"])
    assert [(c.was, c.now, c.case_ids) for c in found.changes] == [("cheap", "frontier", ["c-2"])]


def test_a_model_that_was_changed_since_is_another_one() -> None:
    found = under([path(f"c-{i}", model="an older one") for i in range(30)], "balanced")
    assert (found.same, found.left_out[0].cases, found.left_out[0].tried) == (0, 30, 0)


# --- where nothing can be said ----------------------------------------------------------------------------


def test_a_kind_that_was_hardly_tried_is_left_out_and_told() -> None:
    paths = [path(f"c-{i}") for i in range(200)]
    paths += [path(f"s-{i}", "frontier", shadow_of=f"c-{i}") for i in range(LEAST)]
    paths += [path(f"h-{i}", complexity="hard") for i in range(10)]
    paths += [path(f"t-{i}", "frontier", shadow_of=f"h-{i}", complexity="hard") for i in range(3)]
    found = under(paths)
    (out,) = found.left_out
    assert (out.kind, out.now, out.cases, out.tried) == ("low stakes, hard", "frontier", 10, 3)
    assert found.refused == ""
    assert found.quality.cases == found.cost.cases == 200
    assert not found.covered & {f"h-{i}" for i in range(10)}


def test_without_too_many_of_them_there_is_no_total_but_what_would_help() -> None:
    found = under([path(f"c-{i}") for i in range(100)])
    assert found.quality.estimate is found.cost.estimate is None
    assert "nothing can be said of 100 of 100 tickets" in found.refused
    assert "OPSDESK_SHADOW_SHARE" in found.refused
    assert "about 400 more cases" in found.refused  # 20 trials at one in twenty
    assert found.cost.real == pytest.approx(0.004)  # what was paid is still told


def test_an_unknown_cost_is_left_out_of_both_sides_and_counted() -> None:
    paths = [path(f"c-{i}", cost_nano=None if i < 3 else 4_000_000) for i in range(10)]
    found = under(paths, "balanced")
    assert (found.cost.cases, found.cost.unknown, found.quality.cases) == (7, 3, 10)
    assert found.cost.estimate is not None
    assert found.cost.estimate.mean == pytest.approx(0.004)


def test_where_all_costs_are_unknown_none_is_told() -> None:
    found = under([path(f"c-{i}", cost_nano=None) for i in range(10)], "balanced")
    assert (found.cost.estimate, found.cost.real) == (None, None)
    assert "unknown" in found.no_cost
    assert found.quality.estimate is not None


def test_a_model_of_unknown_price_has_a_quality_and_no_cost() -> None:
    paths = [path(f"c-{i}") for i in range(100)]
    paths += [path(f"s-{i}", "frontier", shadow_of=f"c-{i}") for i in range(LEAST)]
    found = replay(paths, {}, STAGE._replace(prices=Prices()), POLICIES["best"])
    assert found.cost.estimate is None
    assert "OPSDESK_TIERS__FRONTIER__INPUT_PRICE" in found.no_cost
    assert found.quality.estimate is not None


def test_what_a_tier_mended_that_the_policy_leaves_out_counts_as_not_accepted() -> None:
    """Of ten cases two were mended by the frontier; a policy of the cheap tier alone would have had eight."""
    mended: dict[str, Any] = {"others": "frontier", "cost_nano": 24_000_000, "alone_nano": 8_000_000}
    paths = [path(f"c-{i}", **(mended if i < 20 else {})) for i in range(100)]
    found = under(paths, Rules(0.6, 0.8, 0.8, tiers=("cheap",)))
    assert found.quality.estimate is not None
    assert found.quality.estimate.mean == pytest.approx(0.8, abs=0.01)
    assert found.cost.estimate is not None
    assert found.cost.estimate.mean == pytest.approx(0.0048, rel=0.01)


def test_of_no_case_nothing_is_said() -> None:
    found = under([])
    assert (found.cases, found.changes, found.quality.real, found.cost.real) == (0, [], None, None)
    assert "no case has ended" in found.refused


# --- the statistics ---------------------------------------------------------------------------------------

a_share = st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=30)


@settings(max_examples=30, deadline=None)
@given(a_share, a_share, st.integers(1, 40), st.integers(1, 4))
def test_a_share_lies_between_what_was_seen_and_its_interval_in_0_to_1(
    kept: list[float], tried: list[float], moved: int, intents: int
) -> None:
    stratum = Stratum(np.arange(moved) % intents, np.zeros(moved), np.arange(len(tried)) % intents, np.array(tried))
    found = share(np.array(kept), [stratum])
    assert 0 <= found.low <= found.high <= 1
    assert min([*kept, *tried]) - 1e-9 <= found.mean <= max([*kept, *tried]) + 1e-9
    costs = amount(np.array(kept), [stratum])
    assert costs.low <= costs.high


def test_more_trials_make_a_narrower_interval() -> None:
    widths = []
    for count in (20, 200, 2_000):
        tried = np.array([1.0, 1.0, 1.0, 0.0] * (count // 4))
        stratum = Stratum(np.zeros(5_000, np.int64), np.zeros(5_000), np.zeros(count, np.int64), tried)
        found = share(np.array([]), [stratum])
        widths.append(found.high - found.low)
    assert widths == sorted(widths, reverse=True)


# --- the command ------------------------------------------------------------------------------------------


@pytest.fixture
def kept(home: Path) -> Callable[[Sequence[Kept]], None]:
    def keep(paths: Sequence[Kept]) -> None:
        with Desk(Settings(home=home)).task_list.database.writing() as db:
            db.execute(case_paths.insert(), [one._asdict() for one in paths])

    return keep


def test_no_model_is_called(
    run: Callable[..., Any], kept: Callable[[Sequence[Kept]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Simulator({model: Model() for model in ("small", "large")}) as sim:
        for tier in ("cheap", "frontier"):
            monkeypatch.setenv(f"OPSDESK_TIERS__{tier.upper()}__MODEL", MODELS[tier])
            monkeypatch.setenv(f"OPSDESK_TIERS__{tier.upper()}__BASE_URL", sim.base_url)
            monkeypatch.setenv(f"OPSDESK_TIERS__{tier.upper()}__INPUT_PRICE", "1")
            monkeypatch.setenv(f"OPSDESK_TIERS__{tier.upper()}__OUTPUT_PRICE", "4")
        kept(history(Random(1), 500, 0.05, {"cheap": 0.7, "frontier": 0.95}, 0.1))
        told = run("replay", "--policy", "best", "--json").json
        assert told["model_calls"] == len(sim.seen) == 0
        assert told["cases"] == 500
        assert told["quality"]["low"] < told["quality"]["estimate"] < told["quality"]["high"]
        assert told["cost"]["low_usd"] < told["cost"]["estimate_usd"] < told["cost"]["high_usd"]
        assert told["changes"][0]["case_ids"]
        assert told["all_frontier"]["estimated_usd"] is None  # no facts are kept of these, so no pair
        shown = run("replay", "--policy", "best").out
        assert "no model was called" in shown
        assert "cheap → frontier" in shown


def test_since_and_kb_leave_out_what_they_do_not_name(
    run: Callable[..., Any], kept: Callable[[Sequence[Kept]], None]
) -> None:
    old = datetime(2026, 10, 1, tzinfo=UTC).isoformat(timespec="seconds")
    kept([path("c-1", "local"), path("c-2", "local", at=old), path("c-3", "local", kb="other")])
    assert run("replay", "--policy", "offline", "--json").json["cases"] == 3
    assert run("replay", "--policy", "offline", "--since", "2026-11-01", "--json").json["cases"] == 2
    assert run("replay", "--policy", "offline", "--kb", "other", "--json").json["cases"] == 1


def test_an_empty_history_is_told_in_one_line(run: Callable[..., Any]) -> None:
    done = run("replay", "--policy", "offline")
    assert done.code == 0
    assert "no case has ended" in done.out
    told = run("replay", "--policy", "offline", "--json").json
    assert (told["cost"]["real_usd"], told["cost"]["estimate_usd"], told["quality"]["estimate"]) == (None, None, None)


def test_a_cost_that_cannot_be_told_is_printed_as_unknown(
    run: Callable[..., Any], kept: Callable[[Sequence[Kept]], None]
) -> None:
    kept([path(f"c-{i}", "local", cost_nano=None) for i in range(3)])
    out = run("replay", "--policy", "offline").out
    assert "unknown" in out
    assert "$0" not in out


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--policy", "splendid"], 'no policy and no file "splendid"'),
        (["--policy", "best"], "best needs a paid tier"),
        (["--policy", "offline", "--since", "yesterday"], "YYYY-MM-DD"),
    ],
)
def test_what_cannot_be_asked_is_wrong_usage(run: Callable[..., Any], arguments: list[str], why: str) -> None:
    done = run("replay", *arguments)
    assert done.code == 2
    assert why in done.err
    assert done.err.count("\n") == 1


# --- the file of a policy ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["firm.toml", "firm.yaml"])
def test_a_file_says_what_it_changes(tmp_path: Path, name: str) -> None:
    given: dict[str, Any] = {"targets": {"low": 0.9}, "tiers": ["cheap", "mid"], "high_stakes_tier": "mid"}
    toml = 'tiers = ["cheap", "mid"]\nhigh_stakes_tier = "mid"\n[targets]\nlow = 0.9\n'
    (tmp_path / name).write_text(toml if name.endswith("toml") else json.dumps(given))
    told, rules = rules_of(str(tmp_path / name))
    assert told == name
    assert rules == Rules(0.9, 0.8, 0.8, hard_and_high=True, tiers=("cheap", "mid"), high_stakes_tier="mid")


def test_an_empty_file_is_balanced(tmp_path: Path) -> None:
    (tmp_path / "same.yaml").write_text("")
    assert rules_of(str(tmp_path / "same.yaml"))[1] == POLICIES["balanced"]


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("p.toml", "[targets]\nlow = 1.2\n", "targets.low: input should be less than or equal to 1"),
        ("p.toml", "target = 1\n", "target: there is no such key; there are targets, quoting"),
        ("p.toml", 'tiers = ["huge"]\n', "tiers.0: input should be"),
        ("p.toml", "tiers = []\n", "tiers: "),
        ("p.toml", "low = ", "cannot be read"),
        ("p.yaml", "a: [", "cannot be read"),
        ("p.yaml", "- 1\n", "p.yaml: the file: "),
        ("p.yaml", "quoting: .nan\n", "quoting: input should be a finite number"),
        ("p.txt", "", "a policy is a .toml or .yaml file"),
        ("p.toml", "#" * 70_000, "64,000 bytes at most"),
    ],
)
def test_a_file_that_will_not_do_says_where_in_one_line(tmp_path: Path, name: str, text: str, why: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError) as refused:
        rules_of(str(tmp_path / name))
    assert why in str(refused.value)
    assert "\n" not in str(refused.value)


# --- the benchmark ----------------------------------------------------------------------------------------


def test_the_benchmark_holds_a_prediction_beside_tickets_that_it_has_not_seen() -> None:
    """A table of outcomes in which the frontier is accepted twice as often; no crew and no model are needed for it."""
    tickets = [
        {tier: path(f"c-{i}", tier, good=i % 10 < (8 if tier == "frontier" else 4)) for tier in TRIED}
        for i in range(50)
    ]
    table = benchmark.Table.of(tickets, [one["local"] for one in tickets])
    before, after = (benchmark.Way.of(table, STAGE, POLICIES[name]) for name in ("balanced", "best"))
    split = benchmark._split(table, STAGE, before, after, 3_000, 0.05, seed=1)
    assert split is not None
    assert split.covered == 1
    assert split.measured == pytest.approx(0.8, abs=0.03)
    assert abs(split.error) < 0.05
    assert split.quality_inside
    none = benchmark._split(table, STAGE, before, after, 3_000, 0.0, seed=1)  # without shadow runs nothing is known
    assert none is None
