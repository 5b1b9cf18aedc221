"""Windows whose weights are products are summed axis by axis: the same numbers, at any sizes, with NaN and nothing."""

import numpy as np
import pytest

from gradscribe import layer
from gradscribe.codegen.kernel.kernel import first_order
from gradscribe.derive.calculus.programs.gradient_program import forward_program
from gradscribe.derive.calculus.programs.optimised import optimised
from gradscribe.derive.ir.interpret import shape_of
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.sampling import sample_sizes, sample_values
from tests.cases.agreement import assert_kernels_agree

SEPARABLE = {
    "blurred": "i < I; j < J; y[n,i,j,c] = sum(r,t) x[n, reflect(i + r - 2), reflect(j + t - 2), c] * w[r] * v[t]",
    "padded": "i < I; j < J; y[n,i,j] = sum(r,t) x[n, i + r - 1, j + 2*t - 1] * w[r,n] * v[t]",
    "strided": "y[n,i,j] = sum(r,t) x[n, 2*i + r, 3*j + t] * w[r] * v[t]",
    "cube": "y[n,i,j,k] = sum(r,t,s) x[n, i + r, j + t, k + s] * w[r] * v[t] * z[s]",
    "grouped": "y[n,i,j,g] = sum(r,t,c) x[n, i + r, j + t, g, c] * w[r] * v[t,g] * u[c]",
}
WHOLE = {
    "convolution": "y[n,i,j,k] = sum(r,t,c) x[n, i + r, j + t, c] * w[r,t,c,k]",
    "box": "y[n,i,j] = sum(r,t) x[n, 2*i + r, 2*j + t]; r < 2; t < 2",
    "squared": "y[n,i,j] = sum(r,t) x[n, i + r, j + t]^2 * z[n, i + r] * w[r] * w[t]",
}


def turned(made: Layer) -> bool:
    """Whether the forward function has sums in turn."""
    found = optimised(forward_program(made.program, made.program.outputs)).rewritings
    return any("axis by axis" in r.reason for r in found)


@pytest.mark.parametrize("name", SEPARABLE)
def test_separable_windows_are_summed_in_turn(name: str) -> None:
    made = layer(SEPARABLE[name], name)
    assert turned(made)
    largest = max(
        len(s.term.bound) for s in optimised(forward_program(made.program, made.program.outputs)).program.statements
    )
    assert largest <= (2 if name == "grouped" else 1)


@pytest.mark.parametrize("name", WHOLE)
def test_other_windows_stay(name: str) -> None:
    assert not turned(layer(WHOLE[name], name))


@pytest.mark.parametrize("name", SEPARABLE | {"squared": ""})
def test_kernels_agree_with_the_interpreter(name: str) -> None:
    made = layer((SEPARABLE | WHOLE)[name], name)
    assert first_order(made)
    for seed in range(8):
        rng = np.random.default_rng(seed)
        sizes = sample_sizes(made, rng, limit=4000)
        values = sample_values(made.program, sizes, rng)
        assert_kernels_agree(made, sizes, values, rng)
        if seed % 2:
            values["x"].flat[:1] = np.nan
            assert_kernels_agree(made, sizes, values, rng)


@pytest.mark.parametrize("sizes", [(0, 4, 5, 2), (2, 4, 5, 0), (1, 3, 3, 1), (2, 3, 9, 1)])
def test_sizes_of_one_and_nothing(sizes: tuple[int, ...]) -> None:
    """A window along both axes, of images without pictures and without channels."""
    made = layer(SEPARABLE["blurred"], "blurred")
    n, i, j, c = sizes
    known = {"N": n, "I": i, "J": j, "C": c, "X1": i, "X2": j, "R": 3, "T": 5}
    rng = np.random.default_rng(0)
    given = {s: known[s.name] for s in made.program.symbols()}
    values = {t.name: rng.normal(size=shape_of(t.shape, given)) for t in made.program.inputs}
    assert_kernels_agree(made, given, values, rng)
