"""What the proof catches, what it refuses wrongly, and how fast: beside a plain string check and a normalised one.

Sentences are perturbed (`benchmarks.perturbations`): of the sample, and with --data of the bank's policies, from the
half of the documents that nothing was fitted on. Then whole answers with labels, and answers a second.

plain: every run of characters with a digit must stand in the document. normalised: every figure must, by value and
unit. Both only look whether a figure is there, not what it is said of.
"""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import labelled
from benchmarks.bench import arguments, show
from benchmarks.labelled import DATA, auroc, best_f1, calibration_error, f1
from benchmarks.perturbations import LIES, figures, respelled
from knowledge_base.evidence import Evidence, quotable
from knowledge_base.facts import facts_in, implied, key
from knowledge_base.proof import prove
from knowledge_base.sources import Document, read_sources
from knowledge_base.text import stems
from opsdesk.demo import SAMPLE

_RUN = re.compile(r"[$€£]?\d[\d.,:/%-]*\w*")


@dataclass(frozen=True, slots=True)
class Statement:
    """A text that is true of a document."""

    evidence: Evidence
    text: str


Check = Callable[[str, Evidence], bool]
"""Whether a check lets a text pass."""


def plain(text: str, evidence: Evidence) -> bool:
    """Every run of characters with a digit stands in the document as it is."""
    return all(run.strip(".,:-") in evidence.text for run in _RUN.findall(text))


def normalised(text: str, evidence: Evidence) -> bool:
    """Every figure stands in the document, by value and unit."""
    stated = {known for fact in facts_in(evidence.text) for known in implied(fact)}
    return all(key(fact) in stated for fact in facts_in(text) if fact.kind != "identifier")


def ours(text: str, evidence: Evidence) -> bool:
    """`knowledge_base.proof`."""
    return prove(text, [evidence]).supported


CHECKS: dict[str, Check] = {"plain": plain, "normalised": normalised, "ours": ours}


def sentences(documents: Sequence[Evidence], most: int, dice: random.Random) -> list[Statement]:
    """Sentences with a figure or a verb of being, up to `most`, spread over the documents."""
    chosen: list[Statement] = []
    for evidence in dice.sample(documents, len(documents)):
        units = [
            unit.text
            for unit in quotable(evidence.text)
            if unit.kind in ("prose", "item", "step", "row") and len(unit.text) > 25 and unit.text[-1] not in ":?*"
        ]
        chosen += [Statement(evidence, text) for text in dice.sample(units, min(4, len(units)))]
    return chosen[:most]


def caught(statements: list[Statement], seed: int) -> dict[str, dict[str, float]]:
    """For each lie the share that each check refuses, and of how many."""
    rows: dict[str, dict[str, float]] = {}
    for name, lie in LIES.items():
        dice = random.Random(f"{seed} {name}")
        told = [(lie(s.text, s.evidence.text, dice), s.evidence) for s in statements]
        lies = [(text, evidence) for text, evidence in told if text is not None]
        if lies:
            rows[name] = _refused(lies)
    return rows


def refused(statements: list[Statement], seed: int) -> dict[str, dict[str, float]]:
    """The share of true texts that each check refuses: as they are, and with a figure spelled otherwise."""
    dice = random.Random(seed)
    spelled = [(respelled(s.text, dice), s.evidence) for s in statements]
    others = [(text, evidence) for text, evidence in spelled if text is not None]
    rows = {"false alarms, as they are": _refused([(s.text, s.evidence) for s in statements])}
    return rows | ({"false alarms, other formats": _refused(others)} if others else {})


def _refused(texts: list[tuple[str, Evidence]]) -> dict[str, float]:
    shares: dict[str, float] = {
        name: sum(not check(text, evidence) for text, evidence in texts) / len(texts) for name, check in CHECKS.items()
    }
    return shares | {"of": len(texts)}


def sample() -> list[Evidence]:
    """The sample's documents."""
    found = [item for item in read_sources([SAMPLE / "docs"]) if isinstance(item, Document)]
    return [Evidence(document.doc_id, document.text, document.title) for document in found]


def bank(data: Path, half: int) -> list[Evidence]:
    """Every second of the bank's policies."""
    lines = (data / "bank_policies" / "corpus.jsonl").read_text(encoding="utf-8").splitlines()[half::2]
    return [Evidence(row["id"], row["text"], row["title"]) for row in map(json.loads, lines)]


def paraphrases(name: str, documents: list[Evidence]) -> list[Statement]:
    """Statements of the documents in other words, written by hand, that hold a figure."""
    known = {evidence.id: evidence for evidence in documents}
    rows = [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]
    found = [Statement(known[row["doc"]], row["text"]) for row in rows if row["doc"] in known]
    return [statement for statement in found if figures(statement.text)]


def of_answers(name: str, kind: str) -> dict[str, dict[str, float]]:
    """How labelled answers are told apart, beside two plain signs at their best threshold."""
    found = [answer for answer in labelled.answers(name) if answer.kind == kind]
    wrong = [bool(answer.unsupported) for answer in found]
    proofs = [prove(answer.text, answer.passages, answer.question) for answer in found]
    loose, figures_absent = [], []
    for answer in found:
        said = "\n".join(passage.text for passage in answer.passages)
        known = set(stems(said))
        loose.append(float(sum(stem not in known and not stem.isdigit() for stem in stems(answer.text))))
        figures_absent.append(float(not normalised(answer.text, Evidence("all", said))))
    risks = [1 - proof.score for proof in proofs]
    return {
        "any absent figure": {"F1": best_f1(figures_absent, wrong), "AUROC": auroc(figures_absent, wrong)},
        "count of loose words": {"F1": best_f1(loose, wrong), "AUROC": auroc(loose, wrong)},
        "ours": {
            "F1": f1([not proof.supported for proof in proofs], wrong),
            "AUROC": auroc(risks, wrong),
            "calibration": calibration_error([proof.score for proof in proofs], [not w for w in wrong]),
            "answers": len(found),
            "wrong": sum(wrong) / len(wrong),
        },
    }


def speed(name: str) -> dict[str, dict[str, float]]:
    """Answers a second over three passages each: `prove` in one process, and the whole of `opsdesk check`."""
    found = list(labelled.answers(name))
    characters = sum(len(answer.text) for answer in found) / len(found)
    began = time.perf_counter()
    for answer in found:
        prove(answer.text, answer.passages, answer.question)
    alone = len(found) / (time.perf_counter() - began)
    lines = [
        {
            "id": n,
            "answer": answer.text,
            "question": answer.question,
            "passages": [{"id": passage.id, "text": passage.text} for passage in answer.passages],
        }
        for n, answer in enumerate(found)
    ]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "answers.jsonl"
        file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "opsdesk", "check", str(file)], stdout=subprocess.DEVNULL, check=True)
        checked = len(found) / (time.perf_counter() - began)
    return {
        "prove, one process": {"answers/s": alone, "characters": characters},
        "opsdesk check, its start included": {"answers/s": checked, "characters": characters},
    }


def main() -> None:
    """Prints each table."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--data", type=Path, help="the folder that holds bank_policies/")
    parser.add_argument("--sentences", type=int, default=1500, help="at most so many sentences a corpus")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    tables: dict[str, dict[str, dict[str, float]]] = {}
    corpora = {"the sample": (sample(), "paraphrases_sample.jsonl")}
    if options.data:
        corpora["bank policies, the kept half"] = (bank(options.data, 1), "paraphrases_bank_kept.jsonl")
    for title, (documents, file) in corpora.items():
        real = sentences(documents, options.sentences, random.Random(options.seed))
        tables[f"{title}: sentences"] = caught(real, options.seed) | refused(real, options.seed)
        told = paraphrases(file, documents)
        tables[f"{title}: paraphrases"] = caught(told, options.seed) | refused(told, options.seed)
    for kind in ("near", "free"):
        tables[f"labelled answers, kept, {kind}"] = of_answers("answers_kept.jsonl", kind)
    tables["speed"] = speed("answers.jsonl")
    if options.json:
        print(json.dumps(tables))
        return
    for title, rows in tables.items():
        show(rows, False, title)
        print()


if __name__ == "__main__":
    main()
