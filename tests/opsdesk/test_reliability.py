"""Shares with their intervals, and savings: from sums, without a database."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsdesk.reliability import Summary, summary, unknown_sentence, wilson
from tasks.facts import Group


def told(*groups: Group, **words: int) -> Summary:
    return summary(groups, words)


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (1, 10, 0.0179, 0.4042), (81, 263, 0.2553, 0.3662)],
)
def test_intervals_are_those_of_wilson(hits: int, of: int, low: float, high: float) -> None:
    found = wilson(hits, of)
    assert [found.low, found.high] == pytest.approx([low, high], abs=1e-4)


@given(st.integers(1, 10**6).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_an_interval_holds_its_share_and_its_ends_solve_wilsons_equation(trial: tuple[int, int]) -> None:
    hits, of = trial
    found = wilson(hits, of)
    assert found.low is not None and found.high is not None and found.share is not None  # noqa: PT018
    assert 0 <= found.low <= found.share <= found.high <= 1
    for end in (found.low, found.high):  # (share - p)^2 = z^2 p (1 - p) / n
        if 0 < end < 1:
            assert abs(found.share - end) == pytest.approx(
                1.959964 * math.sqrt(end * (1 - end) / of), rel=1e-6, abs=1e-9
            )


def test_of_nothing_there_is_no_share() -> None:
    assert wilson(0, 0) == (0, 0, None, None, None)
    assert told().resolved.each_nano is None
    assert told().saving.share is None
    assert told().words == {}


def test_savings_are_told_of_those_cases_alone_of_which_both_sides_are_known() -> None:
    known = Group(outcome="accepted", cases=8, cheap_nano=20, compared=8, compared_nano=20, compared_frontier_nano=100)
    half = Group(outcome="failed", cases=2, cheap_nano=7, cost_unknown=2, at_most_nano=50)
    saving = told(known, half).saving
    assert (saving.nano, saving.cases, saving.left_out) == (80, 8, 2)
    assert saving.share == pytest.approx(0.8)


def test_what_was_dearer_than_all_frontier_is_a_negative_saving() -> None:
    saving = told(Group(outcome="accepted", cases=1, compared=1, compared_nano=30, compared_frontier_nano=20)).saving
    assert saving.nano == -10
    assert saving.share == pytest.approx(-0.5)


def test_a_resolved_ticket_costs_what_all_cases_cost() -> None:
    found = told(
        Group(outcome="accepted", cases=4, cheap_nano=40, frontier_nano=20),
        Group(outcome="needs_human", cases=1, mid_nano=20, cost_unknown=1),
    )
    assert (found.resolved.each_nano, found.resolved.accepted, found.resolved.at_least) == (20, 4, True)


def test_unknown_costs_are_told_and_never_taken_for_nothing() -> None:
    assert unknown_sentence(Group(cases=9)) == ""
    bounded = unknown_sentence(Group(cases=9, cost_unknown=2, at_most_nano=1_500_000_000))
    assert bounded.startswith("The cost of 2 of 9 cases is not wholly known")
    assert "$1.5" in bounded
    open_ = unknown_sentence(Group(cases=9, cost_unknown=2, unbounded=1, at_most_nano=1_500_000_000))
    assert "for 1 of them no limit is known" in open_
    assert "$1.5" not in open_


def test_shares_of_outcomes_are_of_all_cases_and_those_of_words_of_all_words() -> None:
    found = told(Group(outcome="accepted", cases=3), Group(outcome="abstained", cases=1), accept=3, reject=1)
    assert found.outcomes["accepted"].share == 0.75
    assert found.outcomes["failed"].share == 0
    assert (found.words["reject"].share, found.words["edit"].share) == (0.25, 0)
