"""Random statements that follow each other: elements, sums along rows and over them, numbers of rows, brackets."""

import random

import numpy as np
import pytest

import gradscribe
from gradscribe.codegen.compiler import compile_layer
from gradscribe.codegen.kernel.kernel import kernels
from tests.cases.run_loops import COMPILED, looped
from tests.cases.thorough import some
from tests.codegen.loops.test_compiled import drawn, everything

pytestmark = COMPILED
FUNCTIONS = (
    "{0}",
    "{0}",
    "tanh({0})",
    "{0}^2",
    "relu({0})",
    "sigmoid({0})",
    "1/(2 + {0}^2)",
    "erf({0})",
    "sqrt({0}^2 + 1)",
)
BRACKETS = "", "", "", "", "[j <= i] ", "[i <= j] ", "[2*j <= i + 1] "


def equations(seed: int) -> str:
    """Statements over x[N,L,S], arrays of rows and of columns; the last one reads what there is of each."""
    rng = random.Random(seed)
    whole, rows, columns = ["x[n,i,j]"], ["a[n,i]"], ["b[j]"]

    def value() -> str:
        read = [rng.choice(rng.choice([whole, whole, rows, columns])) for _ in range(rng.randint(1, 3))]
        return rng.choice([" * ", " + ", " - "]).join(rng.choice(FUNCTIONS).format(e) for e in read)

    lines = []
    for k in range(rng.randint(3, 8)):
        bracket = rng.choice(BRACKETS)
        match rng.choice(["whole", "whole", "row", "most", "column", "number"]):
            case "whole":
                lines.append(f"t{k}[n,i,j] = {bracket}({value()})")
                whole.append(f"t{k}[n,i,j]")
            case "row":
                lines.append(f"t{k}[n,i] = sum(j) {bracket}({value()} + 0*x[n,i,j])")
                rows.append(f"t{k}[n,i]")
            case "most":
                lines.append(f"t{k}[n,i] = {rng.choice(['max', 'min'])}(j) {rng.choice(whole)}")
                rows.append(f"t{k}[n,i]")
            case "column":
                lines.append(f"t{k}[j] = sum(n,i) {bracket}(({value()}) * x[n,i,j])")
                columns.append(f"t{k}[j]")
            case "number":
                lines.append(f"t{k}[n,i] = tanh({rng.choice(rows)}) + {rng.choice(rows)}^2")
                rows.append(f"t{k}[n,i]")
    total = " + ".join([*whole[-3:], *rows[-2:], *columns[-2:]])
    return "; ".join(["input x[N,L,S], a[N,L], b[S]", *lines, f"y[n,i,j] = {total}"])


@pytest.mark.parametrize("seed", some(range(12), 3))
def test_passes_compute_what_numpy_does(seed: int) -> None:
    text = equations(seed)
    item = gradscribe.layer(text, name="window")
    module, found = compile_layer(item), kernels(item)
    for number in (1, 2):
        values, options, _ = drawn(item, number)
        with module.rt.settings(backend="numpy"):
            expected = everything(item, found, module, values, options)
        with looped(module) as ran:
            ours = everything(item, found, module, values, options)
        assert ran
        for name, theirs in expected.items():
            np.testing.assert_allclose(ours[name], theirs, rtol=1e-7, atol=1e-8, err_msg=f"{name} of {text}")
