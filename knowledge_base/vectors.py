"""Vectors of a knowledge base: exact up to some ten thousand chunks, then compressed and searched in part.

Chosen by `benchmarks.scale`: one flat scan takes 9 ms at 100,000 vectors; an inverted file over eight-bit
vectors (IVF, Jégou et al. 2011, with FAISS's scalar quantiser) a quarter of a millisecond, at a quarter of
the memory. It builds ten times faster than a graph (HNSW) of the same recall.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

EXACT = 20_000  # up to so many vectors are searched exactly
_TRAINED_ON = 40  # vectors a cell
_SAMPLE = 200  # vectors that the search is tried with
_RECALL = 0.97  # of the exact ten nearest, to be reached on the sample; eight bits alone cost 0.01
_NOISE = 1.7
_REGROW = 2.0  # cells are made anew when the knowledge base has grown by more

Floats = NDArray[np.float32]


class Vectors:
    """Unit vectors by position. Safe to read from many threads."""

    def __init__(self, index: Any):
        self._index = index
        if hasattr(index, "make_direct_map"):
            index.make_direct_map()

    @classmethod
    def of(cls, vectors: Floats, previous: Vectors | None = None, exact: int = EXACT) -> Self:
        """An index over `vectors`, shape (n, dimension); exact up to `exact` of them.

        The cells of `previous` are used again while they fit, so that a small change costs no training.
        """
        import faiss

        count, dimension = vectors.shape
        if count <= exact:
            flat = faiss.IndexFlatIP(dimension)
            flat.add(vectors)
            return cls(flat)
        cells: Any = previous._cells_for(count) if previous else None
        if cells is None:
            cells = faiss.index_factory(dimension, f"IVF{_cells(count)},SQ8", faiss.METRIC_INNER_PRODUCT)
            rows = np.random.default_rng(0).permutation(count)[: _cells(count) * _TRAINED_ON]
            cells.train(vectors[np.sort(rows)])
        cells.add(vectors)
        cells.nprobe = _probes(cells, vectors)
        return cls(cells)

    @classmethod
    def load(cls, path: Path) -> Self:
        """What `save` wrote."""
        import faiss

        return cls(faiss.read_index(str(path)))

    def save(self, path: Path) -> None:
        """Write one file."""
        import faiss

        # Not write_index, whose C++ errors do not say that the disk is full.
        path.write_bytes(faiss.serialize_index(self._index).data)

    @property
    def index(self) -> Any:
        """The FAISS index."""
        return self._index

    def nearest(self, vector: Floats, k: int) -> NDArray[np.int64]:
        """The positions of the `k` vectors (or all, if fewer) of highest cosine with `vector`, best first."""
        _, positions = self._index.search(vector[None], min(k, len(self)))
        found: NDArray[np.int64] = positions[0][positions[0] >= 0]  # few cells may hold fewer than k
        return found

    def at(self, positions: NDArray[np.int64]) -> Floats:
        """The vectors at `positions`, shape (len(positions), dimension)."""
        found: Floats = self._index.reconstruct_batch(positions)
        return found

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def _cells_for(self, count: int) -> Any | None:
        """An empty copy of a trained index, unless `count` vectors want other cells."""
        faiss: Any = importlib.import_module("faiss")
        if not hasattr(self._index, "nlist") or not 1 / _REGROW <= _cells(count) / self._index.nlist <= _REGROW:
            return None
        copy = faiss.clone_index(self._index)
        copy.set_direct_map_type(faiss.DirectMap.NoMap)
        copy.reset()
        return copy


def _cells(count: int) -> int:
    """4 √n, a power of two: a search then reads about as many centroids as vectors."""
    return 1 << int(np.log2(4 * np.sqrt(count)))


def _probes(index: Any, vectors: Floats) -> int:
    """How many cells to read so that the ten nearest of a sample are found nearly as in an exact search."""
    import faiss

    rows = np.random.default_rng(1).permutation(len(vectors))[:_SAMPLE]
    asked = np.ascontiguousarray(vectors[np.sort(rows)])
    # Real questions lie far from the passages: with noise of this length the cosine is about one half.
    noise = np.random.default_rng(2).normal(size=asked.shape).astype(np.float32)
    asked = asked + noise * (_NOISE / np.sqrt(asked.shape[1]))
    _, exact = faiss.knn(asked, vectors, 10, metric=faiss.METRIC_INNER_PRODUCT)
    probes: int = max(8, index.nlist // 64)
    while probes < index.nlist // 4:
        index.nprobe = probes
        _, found = index.search(asked, 10)
        if np.mean([len(set(a) & set(b)) / 10 for a, b in zip(exact, found, strict=True)]) >= _RECALL:
            break
        probes *= 2
    return probes
