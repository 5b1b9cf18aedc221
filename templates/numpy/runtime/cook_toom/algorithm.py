"""A Cook-Toom algorithm: a fast correlation."""

from typing import NamedTuple

from ..arguments.arrays import Array


class CookToom(NamedTuple):
    """F(m, r), exact: ``y = output @ ((kernel @ g) * (data @ d))`` is y[i] = sum over j of g[j] d[i + j].

    Attributes:
        output: A^T, (m, m + r - 1).
        kernel: G, (m + r - 1, r).
        data: B^T, (m + r - 1, m + r - 1).
        error: the greatest error of the 2-D algorithm in float32 relative to the largest element, with 128 channels.
    """

    output: Array
    kernel: Array
    data: Array
    error: float
