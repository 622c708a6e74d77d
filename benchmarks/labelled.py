"""Answers with labels: three passages, a question, six answers each, and in each the spans that no passage supports.

`benchmarks/data/answers.jsonl` was used to fit the weights of `knowledge_base.support`; `answers_kept.jsonl` only to
measure. In the set "near" answers keep to the words of their passages, as chat models mostly do; in "free" they
paraphrase freely.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from knowledge_base.evidence import Evidence

DATA = Path(__file__).parent / "data"
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Labelled:
    """One answer. `unsupported` are the spans (start, end) of `text` that no passage supports."""

    source: str
    kind: str
    question: str
    passages: tuple[Evidence, ...]
    text: str
    unsupported: tuple[tuple[int, int], ...]


def answers(name: str) -> Iterator[Labelled]:
    """The labelled answers of a file in `benchmarks/data`."""
    for line in (DATA / name).read_text(encoding="utf-8").splitlines():
        source = json.loads(line)
        passages = tuple(Evidence(str(n), text) for n, text in enumerate(source["passages"], 1))
        for answer in source["answers"]:
            text = answer["text"]
            spans = tuple((text.index(span), text.index(span) + len(span)) for span in answer["unsupported"])
            yield Labelled(source["id"], source["set"], source["question"], passages, text, spans)


def auroc(scores: Sequence[float] | Array, wrong: Sequence[bool] | NDArray[np.bool_]) -> float:
    """The chance that a wrong answer has a higher score than a right one; ties count half."""
    values, labels = np.asarray(scores, dtype=float), np.asarray(wrong, dtype=bool)
    order = np.unique(values, return_inverse=True)[1]
    counts = np.bincount(order)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[order]
    ones = labels.sum()
    return float((ranks[labels].sum() - ones * (ones + 1) / 2) / (ones * (len(labels) - ones)))


def f1(said: Sequence[bool] | NDArray[np.bool_], wrong: Sequence[bool] | NDArray[np.bool_]) -> float:
    """F1 of saying that an answer is wrong."""
    a, b = np.asarray(said, dtype=bool), np.asarray(wrong, dtype=bool)
    return float(2 * (a & b).sum() / max(1, a.sum() + b.sum()))


def best_f1(scores: Sequence[float], wrong: Sequence[bool]) -> float:
    """The F1 at the best threshold, chosen on these very answers: what a baseline can reach at most."""
    values = np.asarray(scores, dtype=float)
    return max(f1(values >= threshold, wrong) for threshold in np.unique(values))


def calibration_error(
    scores: Sequence[float] | Array, right: Sequence[bool] | NDArray[np.bool_], bins: int = 10
) -> float:
    """The expected calibration error of scores in 0..1 over bins of equal width (Naeini et al. 2015)."""
    values, labels = np.asarray(scores, dtype=float), np.asarray(right, dtype=float)
    place = np.minimum((values * bins).astype(int), bins - 1)
    return float(
        sum(
            (place == bin_).mean() * abs(values[place == bin_].mean() - labels[place == bin_].mean())
            for bin_ in np.unique(place)
        )
    )
