"""The highest scores, whatever their number."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge_base.ranking import _top


@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.sampled_from([0, 1, 7, 600, 5_000, 40_000]),
    distinct=st.integers(1, 1_000),
    share=st.floats(0, 1),
    k=st.integers(1, 60),
)
@settings(deadline=None)
def test_the_highest_scores_are_those_of_a_full_sort(
    seed: int, count: int, distinct: int, share: float, k: int
) -> None:
    random = np.random.default_rng(seed)
    scores = random.integers(0, distinct, count).astype(np.float32) * (random.random(count) < share)
    full = np.argsort(-scores, kind="stable")[:k]
    assert _top(scores.astype(np.float32), k).tolist() == full[scores[full] > 0].tolist()
