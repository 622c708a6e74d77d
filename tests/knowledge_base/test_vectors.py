"""Vectors by position: exact while few, compressed and nearly exact when many, the same after a round trip."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
import pytest
from numpy.typing import NDArray

from knowledge_base.vectors import Vectors


def crowd(count: int, seed: int = 0, dimension: int = 384) -> NDArray[np.float32]:
    """Unit vectors around fifty centres."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(7).normal(size=(50, dimension))
    found = centres[random.integers(50, size=count)] + random.normal(size=(count, dimension))
    unit: NDArray[np.float32] = (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)
    return unit


def recall(vectors: Vectors, rows: NDArray[np.float32], asked: NDArray[np.float32]) -> float:
    _, exact = faiss.knn(asked, rows, 10, metric=faiss.METRIC_INNER_PRODUCT)
    found = [vectors.nearest(vector, 10) for vector in asked]
    return float(np.mean([len(set(a) & set(b)) / 10 for a, b in zip(exact, found, strict=True)]))


def test_few_vectors_are_found_and_read_exactly() -> None:
    rows = crowd(300)
    vectors = Vectors.of(rows)
    assert recall(vectors, rows, crowd(20, seed=1)) == 1
    assert np.array_equal(vectors.at(np.array([5, 299])), rows[[5, 299]])
    assert len(vectors.nearest(rows[0], 1000)) == len(vectors) == 300


@pytest.fixture(scope="module")
def rows() -> NDArray[np.float32]:
    return crowd(6_000)


@pytest.fixture(scope="module")
def compressed(rows: NDArray[np.float32]) -> Vectors:
    return Vectors.of(rows, exact=1_000)


def test_many_vectors_are_found_nearly_as_by_an_exact_search(compressed: Vectors, rows: NDArray[np.float32]) -> None:
    assert recall(compressed, rows, crowd(100, seed=1)) >= 0.95
    at = np.array([0, 17, 5_999])
    assert np.abs(compressed.at(at) - rows[at]).max() < 0.01


def test_what_is_saved_comes_back_and_takes_a_quarter_of_the_room(
    tmp_path: Path, compressed: Vectors, rows: NDArray[np.float32]
) -> None:
    compressed.save(tmp_path / "vectors")
    again = Vectors.load(tmp_path / "vectors")
    for vector in crowd(20, seed=2):
        assert np.array_equal(again.nearest(vector, 10), compressed.nearest(vector, 10))
    assert np.array_equal(again.at(np.arange(50)), compressed.at(np.arange(50)))
    assert (tmp_path / "vectors").stat().st_size < rows.nbytes / 3


def test_a_small_change_keeps_the_cells_and_a_large_one_makes_new_ones(
    compressed: Vectors, rows: NDArray[np.float32]
) -> None:
    more = np.concatenate([rows, crowd(100, seed=3)])
    grown = Vectors.of(more, compressed, exact=1_000)
    assert np.array_equal(grown.index.quantizer.reconstruct_n(0, 5), compressed.index.quantizer.reconstruct_n(0, 5))
    assert recall(grown, more, crowd(100, seed=4)) >= 0.95
    assert len(compressed) == 6_000  # the one it was made from is as it was
    few = Vectors.of(crowd(400), exact=100)
    assert Vectors.of(rows, few, exact=100).index.nlist > 2 * few.index.nlist


def test_vectors_written_back_do_not_drift(compressed: Vectors) -> None:
    once = compressed.at(np.arange(len(compressed)))
    twice = Vectors.of(once, compressed, exact=1_000).at(np.arange(len(compressed)))
    assert np.abs(once - twice).max() < 1e-6
