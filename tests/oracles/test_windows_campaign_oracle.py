"""Random windows against PyTorch: sizes from 0, every option by axis, empty results; forward and all gradients.

A sample of a campaign. Where PyTorch refuses what has a meaning (images without rows) nothing is compared; where it
computes, so must we.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from gradscribe.generated import runtime as rt

torch = pytest.importorskip("torch")
F = torch.nn.functional
pytestmark = pytest.mark.oracle

Array = np.ndarray
CASES = 150
FAMILIES = "conv", "conv_transpose", "max_pool", "avg_pool"


@dataclass(frozen=True)
class Case:
    """A call: the layer's name, its arrays and the options, which PyTorch has under the same names."""

    name: str
    x: Array
    w: Array | None
    b: Array | None
    options: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.name}: {self.x.shape}, {None if self.w is None else self.w.shape}, {self.options}"


def by_axis(rng: np.random.Generator, low: int, high: int, rank: int) -> tuple[int, ...]:
    return tuple(int(v) for v in rng.integers(low, high + 1, size=rank))


def drawn(family: str, seed: int) -> Case:
    rng = np.random.default_rng([seed, FAMILIES.index(family)])
    rank = int(rng.integers(1, 4))
    space = by_axis(rng, 0 if rng.random() < 0.3 else 1, 9 if rank < 3 else 6, rank)
    batch = int(rng.choice([0, 1, 2, 3], p=[0.08, 0.4, 0.3, 0.22]))
    stride, name = by_axis(rng, 1, 3, rank), f"{family}{rank}d"
    if family.endswith("pool"):
        kernel = by_axis(rng, 1, 5, rank)
        options: dict[str, Any] = {
            "kernel_size": kernel,
            "stride": stride,
            "padding": tuple(int(rng.integers(0, k // 2 + 1)) for k in kernel),
            "ceil_mode": bool(rng.random() < 0.5),
        }
        if family == "max_pool":
            options["dilation"] = by_axis(rng, 1, 3, rank)
        else:
            options["count_include_pad"] = bool(rng.random() < 0.5)
        x = rng.normal(size=(batch, *space, int(rng.integers(1, 4))))
        return Case(name, np.round(x) if rng.random() < 0.3 else x, None, None, options)
    groups, c, k = int(rng.integers(1, 4)), int(rng.integers(1, 4)), int(rng.integers(1, 4))
    dilation = by_axis(rng, 1, 3, rank)
    options = {"stride": stride, "padding": by_axis(rng, 0, 4, rank), "dilation": dilation, "groups": groups}
    kernel = by_axis(rng, 1, 4, rank)
    channels = (c, groups * k) if family == "conv" else (k, groups * c)
    if family == "conv_transpose":
        ends = (max(s, d) for s, d in zip(stride, dilation, strict=True))
        options["output_padding"] = tuple(int(rng.integers(0, end)) for end in ends)
    b = rng.normal(size=groups * k) if rng.random() < 0.6 else None
    return Case(name, rng.normal(size=(batch, *space, groups * c)), rng.normal(size=(*kernel, *channels)), b, options)


def leaf(array: Array, *axes: int) -> Any:
    """A tensor of an array whose `axes` come first."""
    return torch.tensor(np.moveaxis(array, axes, range(len(axes))).copy(), requires_grad=True)


def theirs(case: Case) -> Any:
    """PyTorch's result and its inputs; None where it refuses."""
    x = leaf(case.x, 0, -1)
    w = None if case.w is None else leaf(case.w, -1, -2)
    b = None if case.b is None else leaf(case.b)
    weights = () if w is None else (w, b)
    try:
        return getattr(F, case.name)(x, *weights, **case.options), (x, w, b)
    except RuntimeError:
        return None


def last(array: Any, number: int) -> Array:
    """What PyTorch has first, last: the channels, of a kernel both kinds of them."""
    return np.moveaxis(array.detach().numpy(), (1,) if number == 1 else (0, 1), (-1,) if number == 1 else (-1, -2))


def agree(found: Array, expected: Array, case: Case) -> None:
    assert found.shape == expected.shape, str(case)
    largest = float(np.abs(expected, where=np.isfinite(expected), out=np.zeros_like(expected)).max(initial=1.0))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * largest, err_msg=str(case))


def compared(case: Case) -> bool:
    """Compare; whether there was something to compare with."""
    reference = theirs(case)
    if reference is None:
        return False
    expected, (x, w, b) = reference
    module = import_module(f"gradscribe.generated.{case.name}")
    call: dict[str, Any] = {
        word: getattr(module, f"{case.name}_{word}", None)
        for word in ("forward", "grad_input", "grad_weight", "grad_bias")
    }
    weights = () if case.w is None else (case.w, case.b)
    found = call["forward"](case.x, *weights, **case.options)
    y, *saved = found if isinstance(found, tuple) else (found,)
    agree(y, last(expected, 1), case)
    if saved and (saved[0] < 0).any():  # windows without elements: PyTorch gives their gradient to some element
        return True
    dy = np.random.default_rng(0).normal(size=y.shape)
    expected.backward(leaf(dy, 0, -1).detach())
    given = saved if case.w is None else [case.w]
    agree(call["grad_input"](dy, *given, input_shape=case.x.shape, **case.options), last(x.grad, 1), case)
    if case.w is not None:
        dw = call["grad_weight"](dy, case.x, kernel_size=case.w.shape[:-2], **case.options)
        agree(dw, last(w.grad, 2), case)
    if case.b is not None:
        agree(call["grad_bias"](dy), b.grad.numpy(), case)
    return True


@pytest.mark.parametrize("accuracy", ["fast", "strict"])
@pytest.mark.parametrize("family", FAMILIES)
def test_random_windows(family: str, accuracy: str) -> None:
    cases = [drawn(family, seed + CASES * (accuracy == "strict")) for seed in range(CASES)]
    with rt.settings(accuracy=accuracy, backend="numpy"):
        assert sum(compared(case) for case in cases) > CASES // 3


def test_a_transposed_convolution_without_columns() -> None:
    """Whose cost nothing had to be computed for."""
    rng = np.random.default_rng(0)
    options = {"stride": (1, 3), "padding": (2, 1), "dilation": (3, 2), "groups": 2}
    for accuracy in ("fast", "strict"):
        x, w = rng.normal(size=(2, 1, 4, 6)), rng.normal(size=(2, 2, 3, 6))
        with rt.settings(accuracy=accuracy):
            assert import_module("gradscribe.generated.conv_transpose2d").conv_transpose2d_forward(
                x, w, **options
            ).shape == (
                2,
                0,
                10,
                6,
            )
            compared(Case("conv_transpose2d", x, w, None, options))
