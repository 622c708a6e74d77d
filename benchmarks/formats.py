"""One meaning in two formats, and two meanings in one: does the check of facts tell them apart?

Thousands of pairs (a source and a claim, each in a sentence), from a fixed seed. "false alarms" is the share of
pairs with one meaning that do not meet, "misses" that of pairs with two meanings that do. A claim without any fact
that the check can see meets everything. The formats are written here, not taken from the parser that they try.
"""

from __future__ import annotations

import argparse
import random
import time
from dataclasses import dataclass

from benchmarks.bench import show
from benchmarks.spellings import SAME, different
from knowledge_base.facts import facts_in, implied, key

SEED, ROUNDS = 20_260_301, 60

_FRAMES = (
    "The answer for this account is {}.", "{} applies to every customer", "Please note: {}, as agreed.",
    "- Standard plan: {}\n- Other plans differ", "| Item | Value |\n|---|---|\n| Standard | {} |",
    "It was set to **{}** for you.",
    "Customers see {} (see the notes).", "We said “{}” and mean it.",
)  # fmt: skip
_PLAIN_FRAMES = _FRAMES[:4]


@dataclass(frozen=True, slots=True)
class Case:
    """A source and a claim, each a figure in a sentence, and whether they mean the same."""

    kind: str
    source: str
    claim: str
    figures: tuple[str, str]
    same: bool


def cases() -> list[Case]:
    """All pairs, the same at every call."""
    rng = random.Random(SEED)

    def case(kind: str, source: str, claim: str, same: bool) -> Case:
        a, b = (rng.choice(_PLAIN_FRAMES if "`" in text else _FRAMES).format(text) for text in (source, claim))
        return Case(kind, a, b, (source, claim), same)

    made: list[Case] = []
    for _ in range(ROUNDS):
        for kind, groups in SAME.items():
            for group in groups(rng):
                a, b = rng.sample(group, 2)
                made.append(case(kind, a, b, True))
        made += [case(kind, a, b, False) for kind, a, b in different(rng)]
    return made


def as_written(case: Case) -> bool:
    """The plain check: whether the claim's figure stands in the source as it is written."""
    return case.figures[1].lower() in case.source.lower()


def by_meaning(case: Case) -> bool:
    """Our check: whether every fact of the claim is stated by the source."""
    stated = set().union(*(implied(fact) for fact in facts_in(case.source)))
    return all(key(fact) in stated for fact in facts_in(case.claim))


def main() -> None:
    """Prints the shares in percent, for both checks and for every kind, and what fails with --failures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON value")
    parser.add_argument("--failures", action="store_true", help="print every pair that our check gets wrong, once")
    options = parser.parse_args()
    tried = cases()
    rows = {"as written": _shares(tried, [as_written(case) == case.same for case in tried])}
    started = time.perf_counter()
    right = [by_meaning(case) == case.same for case in tried]
    seconds = time.perf_counter() - started
    rows["by meaning"] = {**_shares(tried, right), "texts/s": 2 * len(tried) / seconds}
    for kind in SAME:
        of_kind = [i for i, case in enumerate(tried) if case.kind == kind]
        rows[f"  {kind}"] = _shares([tried[i] for i in of_kind], [right[i] for i in of_kind])
    show(rows, options.json, f"{sum(case.same for case in tried)} pairs of one meaning, {len(tried)} in all")
    if options.failures:
        wrong = {
            (case.same, case.kind, *case.figures) for case, is_right in zip(tried, right, strict=True) if not is_right
        }
        for same, *failure in sorted(wrong):
            print("false alarm" if same else "miss", *map(repr, failure))


def _shares(tried: list[Case], right: list[bool]) -> dict[str, float]:
    shares: dict[str, float] = {}
    for name, same in (("false alarms %", True), ("misses %", False)):
        if some := [is_right for case, is_right in zip(tried, right, strict=True) if case.same == same]:
            shares[name] = 100 * (1 - sum(some) / len(some))
    return shares


if __name__ == "__main__":
    main()
