"""Functions with derivatives by decree against `torch.autograd.Function`, whose backward is differentiated again."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.oracles.beside_autograd import compare

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.oracle

Shape = tuple[int, ...]


def ruled(value: Callable[..., Any], *slopes: Callable[..., Any]) -> Callable[..., Any]:
    """A function of PyTorch with this value and these slopes by its arguments."""

    class Own(torch.autograd.Function):  # type: ignore[name-defined]  # PyTorch has no types here
        @staticmethod
        def forward(ctx: Any, *arguments: Any) -> Any:
            ctx.save_for_backward(*arguments)
            return value(*arguments)

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> tuple[Any, ...]:
            return tuple(gradient * slope(*ctx.saved_tensors) for slope in slopes)

    found: Callable[..., Any] = Own.apply
    return found


spike = ruled(lambda v: (v > 0).double(), lambda v: 1 / (1 + v.abs()) ** 2)
fast = ruled(lambda v: (v > 0).double(), lambda v: 1 / (1 + (3 * v) ** 2))
binary = ruled(torch.sign, lambda v: (v.abs() <= 1).double())
reverse = ruled(lambda v: v.clone(), lambda v: torch.full_like(v, -0.5))
gate = ruled(lambda a, b: a * torch.sigmoid(b), lambda a, b: b**2, lambda a, b: torch.sin(a))
guided = ruled(torch.relu, lambda v: v**3)
SPIKE = "define spike(v) = [v > 0]\nderivative of spike(v) is 1/(1+abs(v))^2\n"

CASES: dict[str, tuple[str, Callable[..., Any], dict[str, Shape]]] = {
    "spiking_neuron": (
        SPIKE
        + """theta = 0.3; beta = 0.9
        u[n,k] = beta * v[n,k] + sum(c) x[n,c]*w[c,k]
        s[n,k] = spike(u[n,k] - theta); r[n,k] = u[n,k] - theta * s[n,k]
        input x, w, v; output s, r""",
        lambda x, w, v: ((s := spike((u := 0.9 * v + x @ w) - 0.3)), u - 0.3 * s),
        {"x": (3, 4), "w": (4, 2), "v": (3, 2)},
    ),
    "two_spiking_layers": (
        SPIKE + "h[n,j] = spike(sum(c) x[n,c]*w[c,j]); y[n,k] = spike(sum(j) h[n,j]*v[j,k]) * exp(h[n,0])",
        lambda x, w, v: spike((h := spike(x @ w)) @ v) * h[:, :1].exp(),
        {"x": (3, 4), "w": (4, 5), "v": (5, 2)},
    ),
    "a_parameter": (
        "a = 3.0; define spike(v) = [v > 0]; derivative of spike(v) is 1/(1+(a*v)^2); y[n] = spike(x[n]) * x[n]",
        lambda x: fast(x) * x,
        {"x": (6,)},
    ),
    "binary_weights": (
        "derivative of sign(v) is [abs(v) <= 1]; y[n,k] = sum(c) sign(x[n,c]) * sign(w[c,k])",
        lambda x, w: binary(x) @ binary(w),
        {"x": (3, 4), "w": (4, 2)},
    ),
    "gradient_reversal": (
        """strength = 0.5
        define reverse(v) = v
        derivative of reverse(v) is -strength
        h[n,k] = tanh(sum(c) x[n,c]*w[c,k]); y[n] = sum(k) h[n,k]*u[k]; d[n] = sum(k) reverse(h[n,k])^2*z[k]
        input x, w, u, z; output y, d""",
        lambda x, w, u, z: ((h := torch.tanh(x @ w)) @ u, reverse(h) ** 2 @ z),
        {"x": (3, 4), "w": (4, 5), "u": (5,), "z": (5,)},
    ),
    "two_arguments": (
        "define gate(a, b) = a * sigmoid(b); derivative of gate(a, b) is (b^2, sin(a)); "
        "y[n] = gate(x[n] + z[n], x[n]*z[n]) / (1 + z[n]^2)",
        lambda x, z: gate(x + z, x * z) / (1 + z**2),
        {"x": (5,), "z": (5,)},
    ),
    "a_line_for_each_argument": (
        """define gate(a, b) = a * sigmoid(b)
        derivative of gate(a, b) by b is sin(a)
        derivative of gate(a, b) by a is b^2
        y[n] = sum(k) gate(x[n,k], z[k])""",
        lambda x, z: gate(x, z.expand_as(x).contiguous()).sum(1),
        {"x": (4, 3), "z": (3,)},
    ),
    "nested": (
        SPIKE + "define twice(v) = 2*spike(v) - 1; y[n] = spike(twice(x[n]) * z[n] + spike(z[n]))",
        lambda x, z: spike((2 * spike(x) - 1) * z + spike(z)),
        {"x": (6,), "z": (6,)},
    ),
    "in_a_maximum_and_a_power": (
        SPIKE + "m[n] = max(k) (spike(x[n,k]) + x[n,k]); y[n,k] = (1 + spike(x[n,k]))^2.5 / exp(m[n])",
        lambda x: (1 + spike(x)) ** 2.5 / (spike(x) + x).max(1, keepdim=True).values.exp(),
        {"x": (4, 3)},
    ),
    "guided": (
        "derivative of relu(v) is v^3; y[n,k] = relu(sum(c) x[n,c]*w[c,k]) * sigmoid(relu(x[n,0]))",
        lambda x, w: guided(x @ w) * torch.sigmoid(guided(x[:, :1])),
        {"x": (3, 4), "w": (4, 2)},
    ),
    "beside_a_constant": (
        SPIKE + "y[n] = spike(x[n]) * constant(spike(x[n]) + x[n]) + x[n] * constant(x[n])",
        lambda x: spike(x) * (spike(x) + x).detach() + x * x.detach(),
        {"x": (5,)},
    ),
    "shares_of_spikes": (
        SPIKE + "h[n,k] = exp(spike(x[n,k])*x[n,k]); z[n] = sum(k) h[n,k]; y[n,k] = h[n,k]/z[n]",
        lambda x: torch.softmax(spike(x) * x, 1),
        {"x": (4, 3)},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_slopes_are_what_was_decreed(name: str) -> None:
    text, function, shapes = CASES[name]
    rng = np.random.default_rng(sum(map(ord, name)))
    compare(text, function, {n: rng.normal(size=shape) for n, shape in shapes.items()})
