"""Quotients and remainders of sizes as coefficients in a subscript, C//3*a + i: values, gradients, C, errors."""

import numpy as np
import pytest

import gradscribe
from gradscribe.codegen.driver import emitted
from gradscribe.codegen.tool.verify import verify_layer

TEXTS = {
    "split": "y[n,a,i] = x[n, C//3*a + i]; a < 3; i < C//3; input x[N,C]",
    "stride": "y[n,i] = x[n, (C//3)*i + 1]; i < 3; input x[N,C]",
    "groups": "G = 4; y[n,g,i] = x[n, (C//G)*g + i]; g < G; i < C//G; input x[N,C]",
    "dilated": "y[n,i] = sum(r) x[n, i + (R//2)*r] * w[r]",
    "joined": "C = 3*I; y[n, C//3*a + i] = x[n,i,a]; a < 3; input x[N,I,A]",
    "halves": "y[n,c] = sum(k) x[n,k] * w[k, C//2 + c] * sigmoid(x[n,k] * w[k,c]); c < C//2; input w[K,C]",
    "rest": "y[n,i] = x[n, (C % 3)*i]; i < 3; input x[N,C]",
    "condition": "y[n] = max(k) [k == K//2 or k < K % 3] x[n,k]",
    "compared": "y[n,k] = [x[n,k] > K//2 - 1 or not k != K//2] * x[n,k]^2",
    "option": "s = 2; y[n,i] = sum(r) x[n, s//2*i + r] * w[r]",
}


@pytest.mark.parametrize(
    "name",
    ["split", "groups", *(pytest.param(n, marks=pytest.mark.thorough) for n in TEXTS if n not in ("split", "groups"))],
)
def test_all_that_is_made_of_it_is_verified(name: str) -> None:
    layer = gradscribe.layer(TEXTS[name], name)
    rows = list(verify_layer(layer, 3, order=2))
    assert rows
    assert all(row.passed for row in rows), rows
    assert "ptrdiff_t" in "".join(m.text for m in emitted(layer, 1, "c").modules)


def test_the_values_are_those_of_numpy() -> None:
    x = np.random.default_rng(0).normal(size=(2, 12))
    split = gradscribe.layer(TEXTS["split"], "split").compile()
    np.testing.assert_array_equal(split.split_forward(x), x.reshape(2, 3, 4))
    groups = gradscribe.layer(TEXTS["groups"], "groups").compile()
    np.testing.assert_array_equal(groups.groups_forward(x[:, :11], G=5), x[:, :10].reshape(2, 5, 2))
    gradient = groups.groups_grad_input(np.ones((2, 5, 2)), input_shape=(2, 11))
    np.testing.assert_array_equal(gradient, np.array([[1.0] * 10 + [0.0]] * 2))


def test_a_step_of_0_is_refused() -> None:
    stride = gradscribe.layer(TEXTS["stride"], "stride").compile()
    assert stride.stride_forward(np.ones((2, 9))).shape == (2, 3)
    with pytest.raises(ValueError, match=r"stride: argument x, axis 1: expected a step of at least 1, received 0$"):
        stride.stride_forward(np.ones((2, 2)))
    option = gradscribe.layer(TEXTS["option"], "option").compile()
    with pytest.raises(ValueError, match=r"option: argument s: expected a step of at least 1, received 1$"):
        option.option_forward(np.ones((2, 8)), np.ones(2), s=1)
    with pytest.raises(ValueError, match="a step of at least 1"):
        option.Option(s=1)


def test_a_quotient_of_sizes_is_a_value() -> None:
    halves = gradscribe.layer("y[n,c] = x[n,c] * (C//2)", "halves").compile()
    np.testing.assert_array_equal(halves.halves_forward(np.ones((2, 5))), np.full((2, 5), 2.0))
