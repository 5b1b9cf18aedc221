"""Computes random contractions by loop nests in C: a program that `test_nests` runs under sanitizers."""

from collections.abc import Iterable

import numpy as np

from gradscribe.generated import runtime as rt
from tests.cases.random_contractions import problem

SEEDS, TAG = 30, 52


def compute_all(seeds: Iterable[int]) -> None:
    """Every way in C, in one thread or two."""
    for seed in seeds:
        for strategy in ("direct", "fold", "fused4", "fused2"):
            case = problem([seed, TAG], np.dtype(np.float64))
            expected, scale = case.expected()
            with rt.settings(backend="compiled", strategy=strategy, threads=1 + seed % 2):
                found = case.compute()
            assert np.abs(found - expected).max(initial=0.0) <= 1e-11 * max(scale, 1.0), f"seed {seed}: {case}"


if __name__ == "__main__":
    compute_all(range(SEEDS))
    print("fine")
