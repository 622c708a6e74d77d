"""`opsdesk check` without its command line: any system's answers, in order, in one process or in several."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from errors import UsageError
from opsdesk.checking import checked

ROOT = Path(__file__).resolve().parents[2]
MANY = 170
"""More than are checked in this process alone."""


def line(n: int, price: int | None = None, id_: Any = None) -> tuple[str, dict[str, Any]]:
    """The n-th line of a file: true unless another price is said."""
    passages = [{"id": "p", "text": f"Plan {n} costs ${n + 1} a month."}]
    answer = f"Plan {n} costs ${n + 1 if price is None else price} a month."
    return f"answers.jsonl:{n + 1}", {"id": n if id_ is None else id_, "answer": answer, "passages": passages}


BAD = ("answers.jsonl:151", {"id": 150, "answer": ["no text"], "passages": []})


def test_ids_of_any_json_type_come_back_as_they_are() -> None:
    ids = [1, "a", 1.5, True, [1, {"x": None}], {"k": "v"}, ""]
    assert [id_ for id_, _ in checked(line(n, id_=id_) for n, id_ in enumerate(ids))] == ids
    where, row = line(1)
    assert next(checked([(where, row | {"id": None})]))[0] is None


def test_a_bad_line_is_named_after_the_proofs_of_those_before_it_and_ends_the_file() -> None:
    results = checked(
        [line(0), line(1, price=99), ("answers.jsonl:3", {"id": 2, "answer": 7, "passages": []}), line(3)]
    )
    assert [(id_, proof.supported) for id_, proof in (next(results), next(results))] == [(0, True), (1, False)]
    with pytest.raises(UsageError, match=r"answers\.jsonl:3"):
        next(results)
    assert list(results) == []


@pytest.mark.parametrize(
    "passages", [None, 5, "text", [1], [{"id": "p"}], [{"text": "no id"}], {"id": "p", "text": "t"}]
)
def test_passages_of_another_shape_are_a_bad_line(passages: Any) -> None:
    with pytest.raises(UsageError, match="passages"):
        list(checked([("answers.jsonl:1", {"id": 1, "answer": "It is $5.", "passages": passages})]))


def test_an_empty_file_gives_nothing() -> None:
    assert list(checked([])) == []


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core does it in one process")
def test_many_lines_are_checked_in_several_processes_in_their_order_up_to_a_bad_one() -> None:
    rows = [BAD if n == 150 else line(n, price=None if n % 7 else 9_999) for n in range(MANY)]
    results = checked(rows)
    found = [(id_, proof.supported) for id_, proof in islice(results, 150)]
    assert len(multiprocessing.active_children()) > 1
    assert found == [(n, n % 7 != 0) for n in range(150)]
    with pytest.raises(UsageError, match=r"answers\.jsonl:151"):
        next(results)


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core does it in one process")
def test_a_reader_that_stops_early_leaves_no_process_behind() -> None:
    results = checked(line(n) for n in range(MANY))
    assert next(results)[0] == 0
    assert multiprocessing.active_children()
    results.close()  # type: ignore[attr-defined]
    until = time.monotonic() + 20
    while multiprocessing.active_children() and time.monotonic() < until:
        time.sleep(0.05)
    assert multiprocessing.active_children() == []


def test_checking_imports_neither_crewai_nor_an_index() -> None:
    program = (
        "import sys\nfrom opsdesk.checking import checked\n"
        "row = {'id': 1, 'answer': 'It costs $5.', 'passages': [{'id': 'p', 'text': 'It costs $5.'}]}\n"
        "assert next(checked([('1', row)]))[1].supported\n"
        "print({'crewai', 'faiss', 'onnxruntime', 'langchain_core'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "set()"), done.stderr
