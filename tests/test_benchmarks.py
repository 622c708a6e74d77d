"""Every benchmark runs, at a small size, and prints one JSON value of the figures that it names."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import bench, labelled, proof
from benchmarks.figures import loose, shown
from benchmarks.lies import Base, Scene, disguised, invented_figure, off_by_one
from benchmarks.rephrasing import rephrased
from tests.agents.bench import passage
from tests.running import run


def test_no_answer_on_the_sample_holds_a_loose_figure() -> None:
    counts = run("answers")["count"]
    assert counts["loose figures"] == 0
    assert counts["figures"] > 20
    assert counts["accepted"] >= 15


@pytest.fixture
def few_labelled_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two sources of each set: the whole files take a minute."""
    for name in ("answers.jsonl", "answers_kept.jsonl"):
        lines = (labelled.DATA / name).read_text(encoding="utf-8").splitlines()
        few = [line for kind in ("near", "free") for line in [x for x in lines if json.loads(x)["set"] == kind][:2]]
        (tmp_path / name).write_text("\n".join(few), encoding="utf-8")
    monkeypatch.setattr(labelled, "DATA", tmp_path)


def test_the_proof_catches_wrong_figures_of_the_sample_and_lets_its_own_sentences_pass(
    few_labelled_answers: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["proof", "--json", "--sentences", "50"])
    proof.main()
    tables = json.loads(capsys.readouterr().out)
    real, told = tables["the sample: sentences"], tables["the sample: paraphrases"]
    assert real["invented figure"]["of"] >= 10
    for rows in (real, told):
        assert rows["invented figure"]["ours"] >= 0.9
        assert rows["false alarms, as they are"]["ours"] <= 0.05
    assert told["changed currency"]["ours"] >= 0.9
    assert told["another figure of the document"]["ours"] > told["another figure of the document"]["normalised"] + 0.5
    for kind in ("near", "free"):
        assert tables[f"labelled answers, kept, {kind}"]["ours"]["answers"] == 12
    assert all(row["answers/s"] > 0 for row in tables["speed"].values())


def test_a_table_of_the_proof_has_a_line_a_row_under_its_title(capsys: pytest.CaptureFixture[str]) -> None:
    statements = proof.sentences(proof.sample(), 12, random.Random(1))
    bench.show(proof.refused(statements, 1), False, "the sample")
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split()[-4:] == ["plain", "normalised", "ours", "of"]
    assert rows[0].split()[-1] == "12"


def test_auroc_is_the_share_of_pairs_in_the_right_order_and_ties_count_half() -> None:
    assert labelled.auroc([0.9, 0.8, 0.2, 0.1], [True, True, False, False]) == 1
    assert labelled.auroc([0.1, 0.2, 0.8, 0.9], [True, True, False, False]) == 0
    assert labelled.auroc([0.5, 0.5, 0.5, 0.5], [True, False, True, False]) == 0.5
    assert labelled.auroc([0.9, 0.5, 0.5, 0.1], [True, True, False, False]) == pytest.approx(3.5 / 4)


def test_f1_weighs_what_was_missed_and_what_was_called_wrongly() -> None:
    assert labelled.f1([True, True, False, False], [True, False, True, False]) == 0.5
    assert labelled.f1([True, True, True], [True, False, False]) == 0.5
    assert labelled.f1([False, False], [True, False]) == 0
    assert labelled.best_f1([0.9, 0.8, 0.7, 0.1], [True, False, True, False]) == pytest.approx(0.8)


def test_the_calibration_error_is_how_far_scores_are_from_the_share_that_is_right() -> None:
    assert labelled.calibration_error([1.0, 1.0, 0.0], [True, True, False]) == 0
    assert labelled.calibration_error([0.75] * 4, [True, True, True, False]) == 0
    assert labelled.calibration_error([0.95] * 4, [True, True, True, False]) == pytest.approx(0.2)
    halves = labelled.calibration_error([0.95, 0.95, 0.05, 0.05], [True, False, False, False])
    assert halves == pytest.approx((0.45 + 0.05) / 2)


def test_no_lie_of_a_simulated_writer_gets_a_loose_figure_out() -> None:
    report = run("adversary", "--drafts", "24", "--processes", "1")
    everything, honest = report["all"], report["honest"]["drafts"]
    assert everything["answers with a loose figure"] == 0
    assert everything["drafts"] >= 24
    assert len(report["lies"]) >= 15
    assert honest["refused"] < 0.2
    assert report["lies"]["invented figure"]["accepted"] == report["lies"]["look-alikes and splits"]["accepted"] == 0


STATED = (
    "The Pro plan costs $1,200 per seat per month, and 2.5% more if it is paid within 30 days.",
    "The Pro plan includes API access with 50,000 calls a month.",
    "If you close the workspace, its files are kept for 60 days.",
    "To get support, write within 14 days after 2026-03-01.",
)


@pytest.mark.parametrize("text", STATED)
def test_the_count_of_loose_figures_takes_no_other_format_for_another_figure(text: str) -> None:
    said = {rephrased(text, random.Random(seed)) or text for seed in range(200)}
    assert len(said) > 3
    assert [each for each in said if loose(each, text)] == []


@pytest.mark.parametrize("lie", [invented_figure, off_by_one, disguised])
@pytest.mark.parametrize("text", STATED)
def test_the_count_of_loose_figures_sees_every_false_figure(lie: Any, text: str) -> None:
    base = Base(text, (("d1.md#1", text),), "prose", "d1.md")
    scene = Scene([passage(1, text)], [base], frozenset())
    told = [lie(base, scene, random.Random(seed)) for seed in range(100)]
    assert len({each.text for each in told if each}) > 2
    assert [each.text for each in told if each and not loose(each.text, text)] == []


def test_what_is_looked_for_in_an_answer_is_what_a_reader_sees() -> None:
    assert shown("It **costs** $4\u200b9 \uff15\uff10.") == "it costs $49 50."


def test_all_of_them_are_run_and_told_of_on_one_page(tmp_path: Path) -> None:
    out = tmp_path / "RESULTS.md"
    command = [sys.executable, "-m", "benchmarks", "--only", "formats", "--out", str(out)]
    subprocess.run(command, check=True, capture_output=True)
    page = out.read_text(encoding="utf-8")
    assert "$ uv run python -m benchmarks.formats\n" in page
    assert "## formats" in page
    assert "## proof" not in page
