"""What functions in C compute does not depend on where arrays lie, to the bit: not on borders of lines and vectors."""

from typing import Any

import numpy as np
import pytest

from gradscribe import generated
from gradscribe.generated import runtime as rt
from gradscribe.generated.runtime.arguments.arrays import Array
from tests.cases.together import together

pytestmark = pytest.mark.usefixtures("compiles")

LINE = 64
CONTRACTIONS = {
    "m k, e k -> m e": ((33, 256), (65, 256), (33, 65)),
    "n c, c k -> n k": ((7, 100), (100, 45), (7, 45)),
    "c, c k -> k": ((300,), (300, 45), (45,)),
    "n i+r-1 j+t-1 c, r t c k -> n i j k": ((2, 9, 8, 17), (3, 3, 17, 20), (2, 9, 8, 20)),
    "n m+i-1 q+j-1 v, n i j e -> m q v e": ((2, 9, 8, 17), (2, 9, 8, 20), (3, 3, 17, 20)),
    "m i j k, r t e k -> m i+r-1 j+t-1 e": ((2, 9, 8, 20), (3, 3, 17, 20), (2, 9, 8, 17)),
}


def moved(array: Array, places: int) -> Array:
    """The same numbers so many elements behind a border."""
    room = np.empty(array.nbytes + 4 * LINE, np.uint8)
    start = -room.__array_interface__["data"][0] % LINE + places * array.itemsize
    found: Array = np.ndarray(array.shape, array.dtype, room, start)
    found[...] = array
    return found


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@together("spec", CONTRACTIONS)
@together("strategy", ("direct", "dots", "fold", "fused4", "fused2"))
def test_contractions(spec: str, strategy: str, kind: Any) -> None:
    left, right, out = CONTRACTIONS[spec]
    rng = np.random.default_rng(0)
    one, other = (rng.standard_normal(shape).astype(kind) for shape in (left, right))
    found = set()
    with rt.settings(backend="compiled", strategy=strategy):
        for places in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (4, 3, 2), (12, 4, 8)):
            a, b, target = map(moved, (one, other, np.zeros(out, kind)), places)
            rt.contract(spec, a, b, out=target)
            found.add(target.tobytes())
    assert len(found) == 1


@together("name", ("softmax", "layer_norm", "batch_norm_inference", "gelu", "max_pool2d", "avg_pool2d"))
def test_loops(name: str) -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((3, 8, 9, 21)).astype(np.float32)
    others = [
        rng.uniform(0.5, 1, 21).astype(np.float32)
        for _ in range({"layer_norm": 2, "batch_norm_inference": 4}.get(name, 0))
    ]
    options: dict[str, Any] = {"kernel_size": 3} if "pool" in name else {}
    found = set()
    with rt.settings(backend="compiled"):
        for places in (0, 1, 4, 15):
            y = getattr(generated, f"{name}_forward")(moved(x, places), *(moved(a, places) for a in others), **options)
            found.add((y[0] if isinstance(y, tuple) else y).tobytes())
    assert len(found) == 1
