"""Products scattered plane by plane, the batch innermost: a convolution's input gradient with few channels."""

from typing import Any

import numpy as np
import pytest

from gradscribe.generated import runtime as rt
from gradscribe.generated.conv2d import conv2d_forward, conv2d_grad_input
from gradscribe.generated.runtime.contractions import choice
from gradscribe.generated.runtime.contractions.contraction import Contraction
from tests.cases.windows import Array


def scattered(x_shape: tuple[int, ...], w: Array, dy: Array, options: dict[str, Any]) -> tuple[Array, list[Any]]:
    """The gradient computed by the strategy, and the orders of axes that it took."""
    orders: list[Any] = []

    def note(c: Contraction, compute: Any) -> None:
        way = choice.choice(c, rt.current())
        orders.append(way.plan.planes if way.strategy.name == "scatter" else None)
        compute(way)

    with rt.settings(strategy="scatter", backend="numpy"), choice.observing(note):
        return conv2d_grad_input(dy, w, input_shape=x_shape, **options), orders


@pytest.mark.parametrize(
    ("x_shape", "order"), [((40, 9, 8, 3), (4, 1, 2, 3, 0)), ((5, 9, 8, 3), (4, 0, 1, 2, 3)), ((40, 9, 8, 11), ())]
)
@pytest.mark.parametrize("options", [{}, {"stride": 2, "padding": 1}, {"stride": (3, 1), "dilation": (1, 2)}], ids=str)
@pytest.mark.parametrize("threads", [1, 2])
def test_it_is_the_adjoint(x_shape: tuple[int, ...], order: tuple[int, ...], options: Any, threads: int) -> None:
    rng = np.random.default_rng(7)
    x, w = rng.normal(size=x_shape), rng.normal(size=(3, 2, x_shape[-1], 6))
    y = conv2d_forward(x, w, None, **options)
    dy = rng.normal(size=y.shape)
    with rt.settings(threads=threads):
        dx, orders = scattered(x_shape, w, dy, options)
    assert order in orders
    np.testing.assert_allclose(np.vdot(dx, x), np.vdot(dy, y), rtol=1e-10)
    for _ in range(3):  # and for any other x
        other = rng.normal(size=x_shape)
        np.testing.assert_allclose(
            np.vdot(dx, other), np.vdot(dy, conv2d_forward(other, w, None, **options)), rtol=1e-9, atol=1e-9
        )
