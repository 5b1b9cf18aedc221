"""Windows whose rows are shorter than a vector, or no multiple of one, and windows that lie side by side."""

from typing import Any

import numpy as np
import pytest

from gradscribe import network
from tests.cases.thorough import some

KINDS = ("max_pool2d(2)", "avg_pool2d(2)", "max_pool2d(3, 2, 1)", "avg_pool2d(3, stride=3)")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("pool", some(KINDS, 2))
def test_they_compute_what_numpy_does(pool: str, dtype: Any) -> None:
    for channels in some((1, 2, 3, 6, 7, 9, 17, 20), 3):
        made = network(f"input x[N, 6, 12, {channels}]\np: {pool}", f"short{channels}").compile()
        (cls,) = (v for v in vars(made).values() if isinstance(v, type) and v.__name__.startswith("Short"))
        rng = np.random.default_rng(channels)
        x = np.round(rng.standard_normal((3, 6, 12, channels)), 1).astype(dtype)  # some are equal
        x[0, :3] = np.nan
        found = []
        for backend in ("numpy", "compiled"):
            with made.rt.settings(backend=backend):
                net = cls()
                y = net(x)
                found.append((y.copy(), net.backward(np.cos(np.arange(y.size, dtype=dtype)).reshape(y.shape)).copy()))
        for one, other in zip(*found, strict=True):
            np.testing.assert_allclose(other, one, 0, 16 * np.finfo(dtype).eps)
