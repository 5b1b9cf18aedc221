"""Random statements that follow each other: elements, sums along rows and over them, of groups, numbers, brackets."""

import random

import numpy as np
import pytest

import gradscribe
from gradscribe.codegen.driver import compile_layer
from gradscribe.codegen.kernel.kernel import kernels
from gradscribe.codegen.loops import Nest
from gradscribe.codegen.numpy.function.function_text import plan
from gradscribe.codegen.numpy.plan import walk
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
    whole, rows, columns, images = ["x[n,i,j]"], ["a[n,i]"], ["b[j]"], ["d[n,j]"]

    def value() -> str:
        read = [rng.choice(rng.choice([whole, whole, rows, columns, images])) for _ in range(rng.randint(1, 3))]
        return rng.choice([" * ", " + ", " - "]).join(rng.choice(FUNCTIONS).format(e) for e in read)

    lines = []
    for k in range(rng.randint(3, 8)):
        bracket = rng.choice(BRACKETS)
        match rng.choice(["whole", "whole", "row", "most", "column", "number", "image", "image", "squares"]):
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
            case "squares":
                about = rng.choice(whole)
                lines.append(f"m{k}[j] = sum(n,i) {about} / (N*L)")
                distance = rng.choice([f"{about} - m{k}[j]", f"m{k}[j] - {about}"])
                lines.append(f"t{k}[j] = sum(n,i) ({distance})^2")
                columns += [f"m{k}[j]", f"t{k}[j]"]
            case "image":
                lines.append(f"t{k}[n,j] = sum(i) {bracket}(({value()}) * x[n,i,j])")
                images.append(f"t{k}[n,j]")
            case "number":
                lines.append(f"t{k}[n,i] = tanh({rng.choice(rows)}) + {rng.choice(rows)}^2")
                rows.append(f"t{k}[n,i]")
    total = " + ".join([*whole[-3:], *rows[-2:], *columns[-2:], *images[-2:]])
    return "; ".join(["input x[N,L,S], a[N,L], b[S], d[N,S]", *lines, f"y[n,i,j] = {total}"])


def grouped_equations(seed: int) -> str:
    """Statements over x[N,L,G*C], some of which have one element for a group of C columns."""
    rng = random.Random(seed)
    whole, groups, columns = ["x[n,i,C*g+c]"], ["a[n,g]", "e[g]"], ["b[C*g+c]"]

    def value() -> str:
        read = [rng.choice(rng.choice([whole, groups, columns])) for _ in range(rng.randint(1, 3))]
        return rng.choice([" * ", " + ", " - "]).join(rng.choice(FUNCTIONS).format(e) for e in read)

    lines = []
    for k in range(rng.randint(3, 7)):
        match rng.choice(["whole", "group", "group", "column", "joined"]):
            case "whole":
                lines.append(f"t{k}[n,i,C*g+c] = {value()} + x[n,i,C*g+c]")
                whole.append(f"t{k}[n,i,C*g+c]")
            case "joined":
                lines.append(f"t{k}[n,i,j] = {whole[-1]} * {columns[-1]}".replace("C*g+c", "j"))
                whole.append(f"t{k}[n,i,C*g+c]")
            case "group":
                lines.append(f"t{k}[n,g] = sum(i,c) ({value()}) * x[n,i,C*g+c]")
                groups.append(f"t{k}[n,g]")
            case "column":
                lines.append(f"t{k}[C*g+c] = sum(n,i) ({value()}) * x[n,i,C*g+c]")
                columns.append(f"t{k}[C*g+c]")
    total = " + ".join([*whole[-3:], *groups[-2:], *columns[-2:]])
    text = "; ".join(["input x[N,L,C*G], a[N,G], b[C*G], e[G]; c < C", *lines, f"y[n,i,C*g+c] = {total}"])
    return text.replace("C", str(rng.choice([2, 3, 4])))


def test_sums_of_groups_are_passes() -> None:
    """A sum over two axes with a kept one between them, and what reads it, are one pass over each image."""
    text = "input x[N,L,3*G]; g < G; c < 3; m[n,g] = sum(i,c) x[n,i,3*g+c]; y[n,i,3*g+c] = x[n,i,3*g+c] - m[n,g]"
    (forward,) = (k for k in kernels(gradscribe.layer(text, name="centred")) if not k.wrt)
    nests = [r for _, r in walk(plan(forward).records) if isinstance(r, Nest)]
    assert [(n.kind, len(n.stages), n.local) for n in nests] == [("stages", 2, ("m",))]


@pytest.mark.parametrize("text", [*map(equations, some(range(12), 1)), *map(grouped_equations, some(range(12), 1))])
def test_passes_compute_what_numpy_does(text: str) -> None:
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
