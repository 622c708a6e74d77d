"""The leak meter: how often each seam between agents holds, what that comes to from end to end, and which leaks most.

Each source speaks for itself: what the crew's proof says and what people say are never one number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Literal, NamedTuple

from opsdesk.reliability import FEW, Share, wilson
from tasks.facts import Filters
from tasks.meter import Meter, Passing, Repeated, Seams
from tasks.seams import LAYERS, SOURCES, Layer

By = Literal["intent", "tier", "kb", "day", "week"]

TOLD: Mapping[str, str] = {
    "verifier": "By the crew's own proof",
    "people": "By people's last word",
    "suite": "By regression suites",
    "shadow": "By shadow runs",
}
"""Each source, as a heading."""

HELD: Mapping[str, Mapping[Layer, str]] = {
    "verifier": {
        "routing": "the tier that was chosen wrote to the end",
        "retrieval": "passages were found that answer",
        "tools": "each tool that was asked said something",
        "writing": "the first draft could be read and was proven",
        "proof": "each draft got its verdict",
        "surface": "it reached the asker or a person, in time",
    },
    "people": {
        "retrieval": "the answer taken cites what was found; an abstention was accepted",
        "writing": "the answer was accepted as it was",
        "proof": "what was proven was accepted; what was refused was not sent as it was",
    },
}
"""What it means that a layer held, as a source sees it; a suite and a shadow say it as the crew's own proof does."""

LEAKED: Mapping[str, Mapping[Layer, str]] = {
    "verifier": {
        "routing": "had to be written by another tier than the router chose",
        "retrieval": "ended without passages that answer",
        "tools": "had a tool that failed, or said nothing that can be read",
        "writing": "had a first draft that could not stand as it was",
        "proof": "had a draft that got no verdict",
        "surface": "failed, were interrupted or ran too long",
    },
    "people": {
        "retrieval": "had nothing cited that was found, or a person overruled the abstention",
        "writing": "had an answer that was not accepted as it was",
        "proof": "had an answer that the proof had judged otherwise than a person did",
    },
}
"""What became of the cases that a layer leaked, after "120 of 900 cases", as a source sees it."""

MOST_K = 5


class Seam(NamedTuple):
    """How often a layer held; `examples` are cases in which it leaked, the newest first."""

    layer: Layer
    success: Share
    examples: list[str]

    @property
    def leaks(self) -> int:
        """Cases in which it did not hold."""
        return self.success.of - self.success.hits


class PassK(NamedTuple):
    """The chance that `k` runs of one question all go well, over the `questions` asked that often; None without any."""

    k: int
    share: float | None
    questions: int


class Told(NamedTuple):
    """What one source says of some cases. `seams` are those that it tells anything of, in order.

    `product` is what the seams would come to if each leaked by itself; `clean` the cases in which none leaked;
    `end_to_end` those that went well in the end. `mended` leaked and went well, `held` did neither.
    """

    source: str
    key: str
    cases: int
    seams: list[Seam]
    product: float | None
    clean: Share
    end_to_end: Share
    mended: int
    held: int
    pass_k: list[PassK]


def whole(meter: Meter, filters: Filters) -> list[Told]:
    """What each source says of the cases that count, with repeats and examples."""
    groups, repeats = meter.grouped(None, filters), meter.repeats(filters)
    return told(groups, repeats, lambda source, layer: meter.examples(source, layer, filters))


def rows(meter: Meter, by: By, filters: Filters) -> list[Told]:
    """The same of each value of `by` apart, without repeats and examples."""
    return told(by_week(meter.grouped("day", filters)) if by == "week" else meter.grouped(by, filters))


def told(
    groups: Iterable[Seams],
    repeats: Mapping[str, Sequence[Repeated]] | None = None,
    examples: Callable[[str, Layer], list[str]] = lambda source, layer: [],
) -> list[Told]:
    """Each group as it is told, in the sources' order; those of a source without cases are left out."""
    found = [_told(group, (repeats or {}).get(group.source, ()), examples) for group in groups if group.cases]
    return sorted(found, key=lambda one: SOURCES.index(one.source) if one.source in SOURCES else len(SOURCES))


def _told(group: Seams, repeats: Sequence[Repeated], examples: Callable[[str, Layer], list[str]]) -> Told:
    seams = []
    for layer in LAYERS:
        of, hits = group.layer(layer)
        if of:
            seams.append(Seam(layer, wilson(hits, of), examples(group.source, layer) if hits < of else []))
    shares = [seam.success.hits / seam.success.of for seam in seams]
    return Told(
        source=group.source,
        key=group.key,
        cases=group.cases,
        seams=seams,
        product=math.prod(shares) if shares else None,
        clean=wilson(group.clean, group.cases),
        end_to_end=wilson(group.end_to_end, group.cases),
        mended=group.mended,
        held=group.held,
        pass_k=pass_k(repeats),
    )


def pass_k(repeats: Sequence[Repeated], most: int = MOST_K) -> list[PassK]:
    """pass^k for k from 1 to `most`: for each question that was asked n >= k times and went well c times, C(c, k) /
    C(n, k), which is unbiased; the mean over those questions. Questions count alike, however often they were asked.

    S. Yao, N. Shinn, P. Razavi, K. Narasimhan, "tau-bench: A Benchmark for Tool-Agent-User Interaction in Real-World
    Domains", arXiv:2406.12045 (2024).
    """
    found = []
    for k in range(1, most + 1):
        enough = [one for one in repeats if one.runs >= k]
        questions = sum(one.questions for one in enough)
        all_k = math.fsum(one.questions * math.comb(one.hits, k) / math.comb(one.runs, k) for one in enough)
        found.append(PassK(k, min(1.0, all_k / questions) if questions else None, questions))
    return found


def by_week(groups: Iterable[Seams]) -> list[Seams]:
    """Groups by day as groups by ISO 8601 week, such as "2026-W48"."""
    weeks: dict[tuple[str, str], Seams] = {}
    for group in groups:
        year, week, _ = date.fromisoformat(group.key).isocalendar()
        place = (group.source, f"{year}-W{week:02}")
        weeks[place] = _plus(weeks.get(place, Seams(*place, 0, 0, 0, 0, 0)), group)
    return list(weeks.values())


def _plus(one: Seams, other: Seams) -> Seams:
    cases, end_to_end, clean, mended, held = (a + b for a, b in zip(one[2:7], other[2:7], strict=True))
    layers = tuple(Passing(a.of + b.of, a.hits + b.hits) for a, b in zip(one.layers, other.layers, strict=True))
    return Seams(one.source, one.key, cases, end_to_end, clean, mended, held, layers)


# --- in words ----------------------------------------------------------------------------------------------


def leakiest(seams: Iterable[Seam]) -> Seam | None:
    """The seam with the largest share of leaks, of those that leaked at all and that enough cases got to."""
    leaking = [seam for seam in seams if seam.leaks and seam.success.of >= FEW]
    return max(leaking, key=lambda seam: (seam.leaks / seam.success.of, seam.leaks), default=None)


def sentence(one: Told) -> str:
    """Which seam leaks most, plainly, and whether the next one is too close to tell them apart."""
    worst = leakiest(one.seams)
    if worst is None:
        few = any(seam.leaks for seam in one.seams) or one.cases < FEW
        return f"Too few cases to say which seam leaks most: {FEW} have to get to it." if few else "No seam has leaked."
    became = _of(LEAKED, one.source).get(worst.layer, "leaked")
    leaked = f"{worst.leaks:,} of {worst.success.of:,} cases {became}"
    what = f"{worst.layer.capitalize()} leaks most: {leaked}."
    others = [seam for seam in one.seams if seam is not worst and seam.leaks and seam.success.of >= FEW]
    close = [seam.layer for seam in others if _reach(seam) > _reach(worst, least=True)]
    return f"{what} {' and '.join(close).capitalize()} may leak as much: the intervals overlap." if close else what


def holds(source: str, layer: Layer) -> str:
    """What it means that a layer held, as a source sees it."""
    return _of(HELD, source).get(layer, "")


def _of(words: Mapping[str, Mapping[Layer, str]], source: str) -> Mapping[Layer, str]:
    return words.get(source, words["verifier"])


def _reach(seam: Seam, *, least: bool = False) -> float:
    """The most, or the least, that a seam leaks by its interval."""
    end = seam.success.high if least else seam.success.low
    return 1 - (end or 0.0)


def difference(one: Told) -> str:
    """Why the product is not the end-to-end rate, in two plain sentences with the cases that make the difference."""
    if one.product is None or one.clean.share is None or one.end_to_end.share is None:
        return ""
    apart = one.clean.share - one.product
    none = f"in {one.clean.share:.1%} of cases none leaked"
    first = f"The seams come to {one.product:.1%} if each leaked by itself; {none}"
    if abs(apart) >= 0.0005:
        why = "leaks fall on the same cases" if apart > 0 else "leaks fall on different cases"
        why += ", and not every case gets to every seam"
        first += f" ({why})"
    also = [f"{one.mended:,} that leaked were mended on the way and went well all the same"] if one.mended else []
    also += [f"{one.held:,} in which nothing leaked did not"] if one.held else []
    end = f"{one.end_to_end.share:.1%} went well from end to end"
    return f"{first}. {end}{': ' + ', '.join(also) if also else ''}."


def repeats(one: Told) -> str:
    """pass^k in one line; "" where nothing was asked more than once."""
    if len(one.pass_k) < 2 or not one.pass_k[1].questions:
        return ""
    parts = []
    for each in one.pass_k:
        if each.share is not None:
            of = f"{each.questions:,} questions" if each.k == 1 else f"{each.questions:,}"
            parts.append(f"pass^{each.k} {each.share:.1%} ({of}{', too few' if each.questions < FEW else ''})")
    return f"The same question asked k times, all of them well: {', '.join(parts)}."


def few(share: Share) -> str:
    """What to say beside a share of few cases; "" for enough."""
    return "too few cases" if share.of < FEW else ""


# --- as JSON -----------------------------------------------------------------------------------------------


def as_json(one: Told, *, brief: bool = False) -> dict[str, Any]:
    """What a source says, as the command prints it; `brief` leaves out examples, words and repeats, for a row."""
    worst = leakiest(one.seams)
    found: dict[str, Any] = {
        "source": one.source,
        "cases": one.cases,
        "layers": [
            {
                "layer": seam.layer,
                **seam.success._asdict(),
                "leaks": seam.leaks,
                "too_few": bool(few(seam.success)),
                **({} if brief else {"examples": seam.examples}),
            }
            for seam in one.seams
        ],
        "product": one.product,
        "clean": one.clean._asdict(),
        "end_to_end": one.end_to_end._asdict(),
        "mended": one.mended,
        "held": one.held,
        "leakiest": worst.layer if worst else None,
    }
    if brief:
        return {"key": one.key, **found}
    return {
        **found,
        "sentence": sentence(one),
        "difference": difference(one),
        "pass_k": [each._asdict() for each in one.pass_k],
    }
