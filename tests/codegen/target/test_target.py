"""A backend is a `Target` and a row: one of the tests' own, by which everything generates that asks the table."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import gradscribe
from gradscribe.codegen.driver import compile_layer, compile_module, emitted
from gradscribe.codegen.files.audit import AuditError
from gradscribe.codegen.kernel.kernel import Kernel
from gradscribe.codegen.kernel.second_order_kernels import kernels_of_order
from gradscribe.codegen.numpy.package import numpy_target
from gradscribe.codegen.target import DEFAULT, TARGETS, Row, Target, target
from gradscribe.codegen.tool.finding.find import find_any
from gradscribe.codegen.tool.package import generated_modules, package_sources, stale, write_package
from gradscribe.codegen.tool.verify.calls import difference, given, results
from gradscribe.derive.calculus.differentiate import differentiate
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.ir.interpret import interpret
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.sampling import sample_sizes
from tests.codegen.target import lists_target
from tests.codegen.tool.cli.running import run

BOTH: tuple[Target, ...] = (numpy_target.TARGET, lists_target.TARGET)
"""What the type checker has to find to be backends."""

OWN = {
    "a window": "y[n,i] = sum(r) w[r] * x[n, i + r]",
    "a window in steps": "y[n,i,c] = b[c] + sum(r) w[r,c] * x[n, s*i + d*r - p, c]",
    "pointwise": "y[n,c] = tanh(x[n,c]) * exp(v[c]) / (1 + x[n,c]^2)",
    "a loss": "e[n] = sum(c) (x[n,c] - v[n,c])^2\ny = sum(n) e[n]",
}
KNOWN = ("tanh", "sigmoid", "leaky_relu", "bilinear", "subsampling2d", "softsign", "rbf")
"""Layers of the catalogue that consist of sums."""


@pytest.fixture(autouse=True)
def lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """The row: all that is added besides the file."""
    monkeypatch.setitem(TARGETS, "lists", Row("lists", "lists", "tests.codegen.target.lists_target"))


def layer_of(name: str) -> Layer:
    """One of both."""
    found = gradscribe.layer(OWN[name], "mine") if name in OWN else find_any(name)
    assert isinstance(found, Layer)
    return found


def arguments(shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """What the window in steps is given for an x of a shape."""
    rng = np.random.default_rng(0)
    return {"x": rng.normal(size=shape), "w": rng.normal(size=(3, shape[-1])), "b": rng.normal(size=shape[-1:])}


def everything(kernel: Kernel, module: ModuleType, arrays: Any, sizes: Any) -> list[np.ndarray]:
    """What a function of lists returns, as arrays of the shapes of what is expected."""
    return [np.array(value) for value in results(module, kernel, arrays, sizes)]


@pytest.mark.parametrize("name", [*OWN, *KNOWN])
def test_the_functions_of_another_backend_equal_the_interpreter(name: str) -> None:
    """Forward and gradients, at random sizes; windows that are larger than their steps, and smaller."""
    layer, rng = layer_of(name), np.random.default_rng(3)
    module = compile_layer(layer, backend="lists")
    assert not hasattr(module, "np")
    gradient = differentiate(layer.program)
    (kernels, _) = kernels_of_order(layer, 1)
    assert len(kernels) > 1
    for _ in range(4):
        sizes = sample_sizes(layer, rng)
        arrays = given(gradient, sizes, rng, tied=False)
        expected = interpret(gradient.program, arrays, sizes)
        for kernel in kernels:
            found = everything(kernel, module, arrays, sizes)
            assert difference(found, [expected[n] for n in kernel.results]) < 1e-12, kernel.name


@pytest.mark.parametrize(("s", "d", "p"), [(1, 1, 0), (5, 1, 0), (2, 3, 4), (1, 2, 2)])
@pytest.mark.parametrize("shape", [(2, 9, 2), (1, 7, 1), (0, 9, 2)])
def test_both_backends_compute_the_same(shape: tuple[int, ...], s: int, d: int, p: int) -> None:
    """Steps beyond the window and within it, gaps, padding as wide as the window; size 1 and no batch."""
    layer = layer_of("a window in steps")
    lists, arrays = (compile_layer(layer, backend=name) for name in ("lists", DEFAULT))
    values, options = arguments(shape), {"s": s, "d": d, "p": p}
    expected = arrays.mine_forward(*values.values(), **options)
    found = lists.mine_forward(*values.values(), **options)
    np.testing.assert_allclose(np.reshape(found, expected.shape), expected, rtol=1e-12, atol=1e-12)


def test_an_optimiser_of_another_backend_equals_that_of_the_first() -> None:
    item = gradscribe.optimiser(
        "lr = 0.1; new_m[...] = 0.9*m[...] + g[...]; new_p[...] = p[...] - lr*new_m[...]", "mine"
    )
    found = {name: item.compile(name).mine_update for name in ("lists", DEFAULT)}
    p, g, m = np.random.default_rng(0).normal(size=(3, 4))
    for mine, other in zip(found["lists"](p, g, m, lr=0.5), found[DEFAULT](p, g, m, lr=0.5), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-12)


# ----- files ----------------------------------------------------------------------------------------------------------
def test_a_package_of_another_backend(tmp_path: Path) -> None:
    """What is written is found again, is fresh, can be added to, and runs in a process that knows nothing of us."""
    layer, out = layer_of("a window"), tmp_path / "package"
    write_package([layer], out, backend="lists")
    assert {p.name for p in out.iterdir()} == {"__init__.py", "mine.py", "plain.py"}
    write_package([find_any("tanh")], out, backend="lists")
    assert sorted(generated_modules(out, "lists")) == ["mine", "tanh"]
    assert generated_modules(out) == {}
    assert stale([layer], out, whole=False, backend="lists") == []
    assert len(stale([layer], out, whole=True, backend="lists")) == 2  # tanh.py, and its names
    code = "import package; print(package.mine_forward([[1, 2, 3]], [1, 1]), package.tanh_forward([0.0]))"
    done = subprocess.run([sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}"],
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert done.stdout == "[[3.0, 5.0]] [0.0]\n"


def test_a_package_has_one_backend(tmp_path: Path) -> None:
    write_package([find_any("tanh")], tmp_path)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*.py")}
    with pytest.raises(
        FileExistsError, match=r"tanh\.py: expected modules of template lists, found one of numpy/module"
    ):
        write_package([layer_of("a window")], tmp_path, backend="lists")
    assert {p: p.read_bytes() for p in tmp_path.rglob("*.py")} == before


def test_names_of_a_package_are_those_of_its_backend() -> None:
    """Every package has a runtime on NumPy, and `plain` where it is written as lists; other names are free."""
    for name, backend, other in (
        ("runtime", DEFAULT, "lists"),
        ("compiled", DEFAULT, "lists"),
        ("plain", "lists", DEFAULT),
    ):
        layer = gradscribe.layer("y[n] = 2*x[n]", name)
        with pytest.raises(EquationError, match=f"every generated package has a {name} of its own"):
            package_sources([layer], backend=backend)
        assert f"{name}.py" in package_sources([layer], backend=other)


def test_the_command_line_and_the_methods_offer_it(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("generate", "tanh", "--backend", "lists", "--out", out).code == 0
    assert run("generate", "tanh", "--backend", "lists", "--out", out, "--check").code == 0
    assert (out / "plain.py").is_file()
    layer = gradscribe.layer(OWN["a window"], "mine")
    assert [p.name for p in layer.generate(out, backend="lists")] == ["__init__.py", "mine.py"]
    assert layer.compile(backend="lists").mine_forward([[1, 2]], [1, 1]) == [[3.0]]


# ----- mistakes -------------------------------------------------------------------------------------------------------
def test_an_unknown_backend(tmp_path: Path) -> None:
    message = "backend: expected numpy or c or lists, received 'torch'"
    with pytest.raises(EquationError, match=message):
        target("torch")
    done = run("generate", "tanh", "--backend", "torch", "--out", tmp_path / "out")
    assert done.code == 2
    assert "expected numpy or c or lists" in done.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "message"), [("max_pool2d", "expected sums, received a max"), ("lenet5", "no networks")]
)
def test_what_a_backend_cannot_compute_it_refuses(name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(EquationError, match=message):
        write_package([find_any(name)], tmp_path / "out", backend="lists")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("line", ["import os", "from . import runtime as rt", "import numpy as np"])
def test_a_module_is_audited_by_the_lists_of_its_backend(line: str) -> None:
    made = emitted(layer_of("a window"), backend="lists")
    compile_module(made, "lists")
    with pytest.raises(AuditError, match="imports what it may not"):
        compile_module(replace(made, text=made.text.replace("import math", f"import math\n{line}")), "lists")
    for wrong in ("plain.open", "math.fsum", "x.tofile"):
        with pytest.raises(AuditError, match="uses the attribute"):
            compile_module(replace(made, text=made.text.replace("plain.add", wrong)), "lists")
