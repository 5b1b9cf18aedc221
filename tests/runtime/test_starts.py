"""How weights start, and tables of blocks: against NumPy's own draws."""

import numpy as np
import pytest

from gradscribe.generated import runtime as rt


def test_weights_are_drawn_in_the_order_of_the_table() -> None:
    layer = rt.Layer()
    table: dict[str, rt.Start] = {
        "a": rt.Normal((3, 2), 2.0 / 9),
        "b": rt.Constant((2,), 1.0),
        "mean": rt.State((2,), 0.5),
        "c": rt.Uniform((4,), 0.25),
    }
    rt.start(layer, "net", table, np.float32, 5)
    rng = np.random.default_rng(5)
    normal, uniform = rng.normal(0.0, np.sqrt(2.0 / 9), (3, 2)), rng.uniform(-0.25, 0.25, 4)
    assert list(layer.params) == ["a", "b", "c"]
    assert list(layer.state) == ["mean"]
    np.testing.assert_array_equal(layer.params["a"], normal.astype(np.float32))
    np.testing.assert_array_equal(layer.params["c"], uniform.astype(np.float32))
    assert layer.params["b"].tolist() == [1, 1]
    assert layer.state["mean"].tolist() == [0.5, 0.5]
    assert {a.dtype for a in (*layer.params.values(), *layer.state.values())} == {np.dtype(np.float32)}


def test_a_weight_larger_than_memory_is_refused_before_any_is_made() -> None:
    layer = rt.Layer()
    table: dict[str, rt.Start] = {"a": rt.Constant((2,), 0.0), "b": rt.Normal((1 << 40, 1 << 20), 1.0)}
    with pytest.raises(ValueError, match=r"net: b would have the shape \(1099511627776, 1048576\)"):
        rt.start(layer, "net", table, np.float64)
    assert not layer.params


def test_what_is_true_of_a_block_is_true_of_its_places() -> None:
    table = {"conv.w": 1, "norm.gamma": 2}
    assert list(rt.placed(table, "a", "b").items()) == [
        ("a_conv.w", 1), ("a_norm.gamma", 2), ("b_conv.w", 1), ("b_norm.gamma", 2),
    ]  # fmt: skip
    assert rt.placed_names(("h", "v"), "a", "b") == ("a_h", "a_v", "b_h", "b_v")
