"""What a way to compute a contraction costs."""

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ..machine.threads import blas

# Rates of one core, to compare ways to compute the same; their ratios matter, and these vary less than the machines.
GEMM_RATE = 1e11
BLAS_SHARE = 0.75
WIDE_KERNELS = "SkylakeX", "Cooperlake", "SapphireRapids", "Sapphirerapids", "Zen4", "Zen5"
SHORT_SIDE = 6.0
SHORT_SUM = 10.0
COPY_RATE = 1.2e10
COPY_RUN = 64.0
CACHE_RATE = 3e10
CALL = 4e-6
"""Seconds of a call of NumPy."""


class Cost(NamedTuple):
    """What a way to compute a contraction is predicted to take.

    Attributes:
        seconds: on one thread.
        flops: floating-point operations.
        bytes: moved between memory and caches.
        scratch: bytes of memory besides factors and result, per thread where threads have their own.
        error: greatest error in float32, relative to the largest element; 0 for that of plain sums.
        direct: whether every element is the sum of its own products and of nothing else: then its error is relative to
            what it is the sum of, and NaN and infinity reach what reads them only. That is what strict accuracy takes.
    """

    seconds: float
    flops: int
    bytes: int
    scratch: int
    error: float = 0.0
    direct: bool = True


def full_rate(dtype: Any) -> float:
    """Floating-point operations per second that registers allow on one thread."""
    return (2 * GEMM_RATE if _is_wide() else GEMM_RATE) * 4 / np.dtype(dtype).itemsize


@cache
def _is_wide() -> bool:
    """Whether BLAS multiplies 16 numbers at once, not 8: twice as many in the time that memory takes for as many."""
    names = [getattr(library, "architecture", None) for library in blas().lib_controllers] if blas() else []
    return any(name in WIDE_KERNELS for name in names)


def gemm_rate(rows: int, columns: int, summed: int, dtype: Any) -> float:
    """Floating-point operations per second of BLAS on one thread: less where an extent is short."""
    full = BLAS_SHARE * full_rate(dtype)
    sides = (SHORT_SIDE / max(1, side) + (SHORT_SIDE / max(1, side)) ** 2 / 3 for side in (rows, columns))
    return full / (1 + sum(sides) + SHORT_SUM / max(1, summed))


def copy_rate(run: int) -> float:
    """Bytes per second of a copy whose contiguous runs have that many bytes."""
    return COPY_RATE / (1 + COPY_RUN / max(1, run))
