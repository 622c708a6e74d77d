"""The leak meter's figures and words: from sums, without a database."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsdesk.leaks import Told, as_json, by_week, difference, leakiest, pass_k, sentence, told
from opsdesk.reliability import FEW, wilson
from tasks.meter import Passing, Repeated, Seams
from tasks.seams import LAYERS


def sums(source: str = "verifier", key: str = "", cases: int = 1000, **layers: tuple[int, int]) -> Seams:
    """Sums in which each layer has (of, hits); what is mended and held is made up so that it adds up."""
    pairs = tuple(Passing(*layers.get(layer, (0, 0))) for layer in LAYERS)
    clean = min([cases, *(hits for of, hits in layers.values())])
    mended, held = min(10, cases - clean), min(3, clean)
    return Seams(source, key, cases, clean + mended - held, clean, mended, held, layers=pairs)


def one(*groups: Seams) -> Told:
    return told(groups)[0]


def test_the_product_is_that_of_the_seams_that_there_is_anything_of() -> None:
    found = one(sums(routing=(1000, 970), retrieval=(1000, 970), writing=(500, 485)))
    assert [seam.layer for seam in found.seams] == ["routing", "retrieval", "writing"]
    assert found.product == pytest.approx(0.97**3)
    assert found.seams[0].success == wilson(970, 1000)


def test_sources_stand_apart_in_their_order_and_only_those_with_cases() -> None:
    groups = [sums("shadow", surface=(3, 3)), sums("people", writing=(9, 8)), sums("suite", cases=0), sums()]
    assert [found.source for found in told(groups)] == ["verifier", "people", "shadow"]


def test_the_leakiest_seam_is_named_with_those_that_may_leak_as_much() -> None:
    found = one(sums(routing=(1000, 980), retrieval=(1000, 900), writing=(1000, 700)))
    assert sentence(found) == (
        "Writing leaks most: 300 of 1,000 cases had a first draft that could not stand as it was."
    )
    close = one(sums(retrieval=(100, 88), writing=(100, 85), surface=(1000, 999)))
    assert sentence(close).endswith("Retrieval may leak as much: the intervals overlap.")


def test_of_few_cases_no_seam_is_named() -> None:
    few = one(sums(cases=FEW - 1, writing=(FEW - 1, 1)))
    assert leakiest(few.seams) is None
    assert sentence(few).startswith("Too few cases to say which seam leaks most")
    assert as_json(few)["layers"][0]["too_few"] is True
    assert sentence(one(sums(cases=5, writing=(5, 5)))).startswith("Too few cases")
    assert sentence(one(sums(writing=(1000, 1000)))) == "No seam has leaked."


def test_why_product_and_end_to_end_differ_is_told_in_cases() -> None:
    same = one(sums(retrieval=(1000, 900), writing=(1000, 900)))
    assert difference(same) == (
        "The seams come to 81.0% if each leaked by itself; in 90.0% of cases none leaked (leaks fall on the same "
        "cases, and not every case gets to every seam). 90.7% went well from end to end: 10 that leaked were mended on "
        "the way and went well all the same, 3 in which nothing leaked did not."
    )
    assert difference(one(sums(cases=3))) == ""


def test_examples_are_asked_for_where_something_leaked_alone() -> None:
    asked: list[tuple[str, str]] = []

    def examples(source: str, layer: str) -> list[str]:
        asked.append((source, layer))
        return ["c-1"]

    (found,) = told([sums(routing=(5, 5), writing=(5, 4))], examples=examples)
    assert asked == [("verifier", "writing")]
    assert [seam.examples for seam in found.seams] == [[], ["c-1"]]


def test_days_become_iso_weeks_and_nothing_is_lost() -> None:
    days = [sums(key=day, cases=10, writing=(10, hits)) for day, hits in
            (("2026-12-28", 9), ("2027-01-03", 8), ("2027-01-04", 7))]  # fmt: skip
    weeks = by_week(days)
    assert [(week.key, week.cases, week.layer("writing")) for week in weeks] == [
        ("2026-W53", 20, Passing(20, 17)),
        ("2027-W01", 10, Passing(10, 7)),
    ]


@given(st.lists(st.lists(st.booleans(), min_size=1, max_size=6), min_size=1, max_size=5), st.integers(1, 5))
def test_pass_k_is_the_share_of_all_choices_of_k_runs_that_all_went_well(runs: list[list[bool]], k: int) -> None:
    found = pass_k([Repeated(len(question), sum(question), 1) for question in runs])[k - 1]
    enough = [list(combinations(question, k)) for question in runs if len(question) >= k]
    assert found.questions == len(enough)
    if enough:
        each = [Fraction(sum(map(all, choices)), len(choices)) for choices in enough]
        assert found.share == pytest.approx(float(sum(each) / len(each)))
    else:
        assert found.share is None


@given(st.lists(st.tuples(st.integers(1, 500), st.integers(0, 500)), min_size=1, max_size=6))
def test_a_product_is_never_above_its_least_seam(layers: list[tuple[int, int]]) -> None:
    named: dict[str, tuple[int, int]] = {
        layer: (of, min(of, hits)) for layer, (of, hits) in zip(LAYERS, layers, strict=False)
    }
    found = one(sums("verifier", "", 1000, **named))
    assert found.product is not None
    assert found.product <= min(hits / of for of, hits in named.values()) + 1e-12
    assert found.product == pytest.approx(prod(hits / of for of, hits in named.values()))
