"""Fits the weights of the proof: of `knowledge_base.binding` (is a value in the wrong place) and `.support` (is a claim
unsupported), and the scale that makes an answer's score a probability. Prints them as they stand in those files.

Binding: sentences of the bank's policies and paraphrases of them, true and with another figure of the document put in,
from the first half of the documents; and the supported claims of the labelled answers. Support: the claims of
`benchmarks/data/answers.jsonl`, and true paraphrases. Errors printed are from folds that were not fitted on.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks import labelled
from benchmarks.bench import arguments, show
from benchmarks.labelled import Array, auroc, calibration_error, f1
from benchmarks.perturbations import another, exchanged
from benchmarks.proof import Statement, bank, paraphrases, sentences
from knowledge_base import binding, support
from knowledge_base.evidence import Evidence
from knowledge_base.findings import MISPLACED, Finding, findings

FOLDS = 5
OF_ANSWERS = 0.3
"""What a claim of a labelled answer counts when binding is fitted, beside a statement of the bank."""
OF_TOLD, OF_EXCHANGED = 5.0, 5.0
"""The same of a paraphrase, of which there are few, and of two values exchanged, of which there are fewest."""
OF_PARAPHRASES = 6.0
"""What a true paraphrase counts when support is fitted: they are few, and to refuse them costs most."""


def main() -> None:
    """Prints the weights and what they do on unseen folds."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds bank_policies/")
    options = parser.parse_args()
    documents = bank(options.data, 0)
    told = paraphrases("paraphrases_bank_dev.jsonl", documents)
    rows = {"values in the wrong place": _fit_binding(sentences(documents, 1200, random.Random(2)), told, options.json)}
    rows["unsupported claims and answers"] = _fit_support(told, options.json)
    show(rows, options.json, "folds not fitted on")


# --- binding --------------------------------------------------------------------------------------------


def _fit_binding(real: list[Statement], told: list[Statement], quiet: bool) -> dict[str, float]:
    dice = random.Random(7)
    rows: list[tuple[list[float], bool, float, int]] = []  # signs, wrong, weight, fold
    for n, statement in enumerate([*real, *told]):
        evidence = statement.evidence
        weight = OF_TOLD if n >= len(real) else 1.0
        rows += [(signs, False, weight, n) for signs, _ in _bindings(statement.text, evidence)]
        for lie in (another, another, exchanged):
            text = lie(statement.text, evidence.text, dice)
            if text is None:
                continue
            at = next(i for i, (a, b) in enumerate(zip(text, statement.text + "\0", strict=False)) if a != b)
            found = sorted(_bindings(text, evidence), key=lambda row: abs(row[1] - at))
            rows += [(signs, True, OF_EXCHANGED if lie is exchanged else weight, n) for signs, _ in found[:1]]
    for n, answer in enumerate(labelled.answers("answers.jsonl")):
        for finding in findings(answer.text, answer.passages, answer.question):
            if not _wrong(finding, answer):
                rows += [(binding.signs(b, fact, said), False, OF_ANSWERS, n) for fact, b, said in finding.bindings]
    signs, wrong, weights, folds = (np.array(column) for column in zip(*rows, strict=True))
    risks = _unseen(signs, wrong, weights, folds % FOLDS)
    if not quiet:
        _print("knowledge_base/binding.py", fit(signs, wrong, weights))
    own = weights != OF_ANSWERS
    return {
        "caught": float((risks[wrong & own] > MISPLACED).mean()),
        "false alarms": float((risks[~wrong & own] > MISPLACED).mean()),
        "false alarms, answers": float((risks[~own] > MISPLACED).mean()),
    }


def _bindings(text: str, evidence: Evidence) -> Iterator[tuple[list[float], int]]:
    """The signs of each amount of a text, and where it begins."""
    for finding in findings(text, [evidence]):
        for fact, bound, said in finding.bindings:
            yield binding.signs(bound, fact, said), fact.start


# --- support --------------------------------------------------------------------------------------------


def _fit_support(told: list[Statement], quiet: bool) -> dict[str, float]:
    answers = list(labelled.answers("answers.jsonl"))
    sources = {source: n for n, source in enumerate(dict.fromkeys(answer.source for answer in answers))}
    rows = [
        (finding.signs, _wrong(finding, answer), n, sources[answer.source], support.floor(finding.reason))
        for n, answer in enumerate(answers)
        for finding in findings(answer.text, answer.passages, answer.question)
        if finding.signs
    ]
    signs, wrong, answer_of, source_of, floors = (np.array(column) for column in zip(*rows, strict=True))
    true = np.array([f.signs for s in told for f in findings(s.text, [s.evidence]) if f.signs])
    more = (np.vstack([signs, true]), np.r_[wrong, np.zeros(len(true), bool)])
    weights = np.r_[np.ones(len(signs)), np.full(len(true), OF_PARAPHRASES)]
    folds = np.r_[source_of % FOLDS, np.full(len(true), -1)]  # paraphrases are in every fold's fit
    risks = _unseen(*more, weights, folds)[: len(signs)]
    if not quiet:
        _print("knowledge_base/support.py", fit(*more, weights))
    worst = np.zeros(len(answers))
    np.add.at(worst, answer_of, np.maximum(risks, floors) ** support.NORM)
    worst = np.clip(worst ** (1 / support.NORM), 1e-6, 0.999)
    odds = np.log(worst / (1 - worst))[:, None]
    unsupported = np.array([bool(answer.unsupported) for answer in answers])
    scale = fit(odds, unsupported, np.ones(len(odds)), ridge=1e-4)
    whole = _logistic(odds @ scale[:-1] + scale[-1])
    if not quiet:
        print(f"_SCALE, _SHIFT = {scale[0]:.3f}, {scale[1]:.3f}\n")
    return {
        "claims AUROC": auroc(risks, wrong),
        "answers AUROC": auroc(whole, unsupported),
        "F1": f1(whole > 0.3, unsupported),
        "calibration": calibration_error(1 - whole, ~unsupported),
    }


def _wrong(finding: Finding, answer: labelled.Labelled) -> bool:
    claim = finding.assertion
    return any(start < claim.end and end > claim.start for start, end in answer.unsupported)


# --- logistic regression ---------------------------------------------------------------------------------


def fit(signs: Array, wrong: Array, weights: Array, ridge: float = 1.5e-3) -> Array:
    """Weights and bias of a logistic regression with a ridge, by Newton's method; on the scale of `signs`."""
    mean, spread = signs.mean(0), signs.std(0) + 1e-9
    columns = np.c_[(signs - mean) / spread, np.ones(len(signs))]
    penalty = ridge * len(signs) * np.r_[np.ones(signs.shape[1]), 0.0]
    found = np.zeros(columns.shape[1])
    for _ in range(40):
        risk = _logistic(columns @ found)
        slope = columns.T @ (weights * (risk - wrong)) + penalty * found
        curve = (columns * (weights * risk * (1 - risk))[:, None]).T @ columns + np.diag(penalty + 1e-9)
        found -= np.linalg.solve(curve, slope)
    scaled: Array = np.r_[found[:-1] / spread, found[-1] - (found[:-1] * mean / spread).sum()]
    return scaled


def _unseen(signs: Array, wrong: Array, weights: Array, folds: Array) -> Array:
    """The risk of each row by weights that were fitted on the other folds."""
    risks = np.zeros(len(signs))
    for fold in range(FOLDS):
        out = folds == fold
        found = fit(signs[~out], wrong[~out], weights[~out])
        risks[out] = _logistic(signs[out] @ found[:-1] + found[-1])
    return risks


def _logistic(x: Array) -> Array:
    result: Array = 1 / (1 + np.exp(-x))
    return result


def _print(file: str, found: Array) -> None:
    print(f"{file}\n_WEIGHTS: tuple[float, ...] = ({', '.join(f'{weight:.3f}' for weight in found[:-1])})")
    print(f"_BIAS = {found[-1]:.3f}\n")


if __name__ == "__main__":
    main()
