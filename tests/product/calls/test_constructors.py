"""How classes are constructed: which sizes they ask for, under which names, and how weights begin."""

import inspect
from typing import Any

import numpy as np
import pytest
from sympy import Eq, Idx, Sum

from gradscribe.codegen.driver import compile_layer
from gradscribe.derive.ir.index import floordiv, integers
from gradscribe.derive.ir.term import EquationError
from gradscribe.derive.layer.equations import program
from gradscribe.derive.layer.interface import Kind, Layer, Option
from tests.product.calls.test_outputs import C, K, L, M, N, R, n, tensor, weighted


def constructor(layer: Layer) -> tuple[Any, list[str]]:
    cls = getattr(compile_layer(layer), layer.class_name)
    return cls, [p.name for p in inspect.signature(cls).parameters.values()]


def test_sizes_that_nothing_gives_are_constructor_arguments() -> None:
    cls, names = constructor(weighted())
    assert names == ["K", "C", "R", "bias", "dtype", "rng"]
    layer = cls(2, 3, 4)
    assert layer.params["w"].shape == (2, 3, 4)
    assert layer(np.ones((5, 3), np.float32)).shape == (5, 2, 4)
    assert "    R: an extent in the equations." in inspect.getdoc(cls).splitlines()  # type: ignore[union-attr]
    with pytest.raises(ValueError, match="weighted: argument R: expected at least 1, received 0"):
        cls(2, 3, 0)


def test_features_come_before_the_sizes_that_are_left() -> None:
    cls, names = constructor(weighted(features=(("width", C),)))
    assert names[:3] == ["width", "K", "R"]
    assert cls(3, 2, 4).params["w"].shape == (2, 3, 4)


def test_a_feature_of_two_unknown_sizes_needs_one_of_them() -> None:
    cls, names = constructor(weighted(features=(("volume", K * R),)))
    assert names[:3] == ["volume", "R", "C"]
    assert cls(8, 4, 3).params["w"].shape == (2, 3, 4)


def test_features_are_solved_in_the_order_that_works() -> None:
    cls, names = constructor(weighted(features=(("volume", K * R), ("rows", K))))
    assert names[:3] == ["volume", "rows", "C"]
    assert cls(8, 2, 3).params["w"].shape == (2, 3, 4)


def test_a_derived_size_of_a_weight_is_computed_in_the_constructor() -> None:
    """A locally connected layer: its weights know the output's length, hence it has to be told the input's."""
    m, r = Idx("m", M), Idx("r", R)
    x, w, y = tensor("x", N, L), tensor("w", M, R), tensor("y", N, M)
    (stride,) = integers("s")
    source = program(
        Eq(y[n, m], Sum(x[n, stride * m + r] * w[m, r], r)), inputs=(x, w), sizes={M: floordiv(L - R, stride) + 1}
    )
    layer = Layer(
        "local", "Local", "local", source, weights=("w",), options=(Option("stride", (stride,), Kind.COUNT, default=1),)
    )
    cls, names = constructor(layer)
    assert names == ["L", "R", "stride", "dtype", "rng"]
    local = cls(9, 3, stride=2, dtype=np.float64, rng=0)
    assert local.params["w"].shape == (4, 3)
    x0 = np.random.default_rng(0).normal(size=(2, 9))
    expected = [[sum(row[2 * a + b] * local.params["w"][a, b] for b in range(3)) for a in range(4)] for row in x0]
    np.testing.assert_allclose(local(x0), expected)


def test_initial_weights() -> None:
    cls, names = constructor(weighted(initial=(("b", 0.5),)))
    assert names == ["K", "C", "R", "bias", "dtype", "rng"]
    layer = cls(2, 3, 4, rng=0, dtype=np.float64)
    np.testing.assert_array_equal(layer.params["b"], np.full(4, 0.5))
    assert layer.params["b"].dtype == np.float64
    assert len(set(layer.params["w"].flat)) == 24
    assert abs(layer.params["w"]).max() <= 1 / np.sqrt(3)
    cls, names = constructor(weighted(initial=(("w", 1.0), ("b", 0.0))))
    assert "rng" not in names
    np.testing.assert_array_equal(cls(2, 3, 4).params["w"], np.ones((2, 3, 4), np.float32))


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "initial of no weight": ({"initial": (("x", 1.0),)}, "weighted: initial names x, expected one of w, b"),
    "two arguments of one name": (
        {"features": (("R", K),)},
        "weighted: argument of the constructor and size would be called R; rename one of them",
    ),
}


@pytest.mark.parametrize(("fields", "message"), WRONG.values(), ids=WRONG)
def test_wrong_declarations_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(EquationError, match=message):
        compile_layer(weighted(**fields))
