"""Layers that are not in the catalogue, a few lines each: differentiated, generated, imported and compared."""

import importlib.util
import inspect
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from sympy import Eq, Expr, Idx, IndexedBase, Sum, exp, tanh

import gradscribe
from gradscribe.codegen.driver import compile_layer
from gradscribe.codegen.numpy.package.runtime import runtime_sources
from gradscribe.codegen.tool.package import package_sources, write_package
from gradscribe.derive.calculus.differentiate import differentiate
from gradscribe.derive.ir.functions import relu
from gradscribe.derive.ir.index import floordiv, integers
from gradscribe.derive.ir.interpret import complete_sizes, interpret, shape_of
from gradscribe.derive.ir.term import EquationError
from gradscribe.derive.layer.equations import Maximum, inside, program
from gradscribe.derive.layer.interface import ROLES, Kind, Layer, Option
from gradscribe.derive.layer.interval import Interval
from tests.cases.finite_differences import compare_slopes, weighted_sum
from tests.cases.simplified import simplified_program

Array = np.ndarray
N, L, M, C, K, R, s, d, p = integers("N L M C K R s d p")
n, m, c, k, r = (Idx(name, extent) for name, extent in zip(["n", "m", "c", "k", "r"], (N, M, C, K, R), strict=True))
VALID = floordiv(L + 2 * p - d * (R - 1) - 1, s) + 1


def tensors(**shapes: Sequence[Expr]) -> tuple[IndexedBase, ...]:
    return tuple(IndexedBase(name, shape=tuple(shape), real=True) for name, shape in shapes.items())


def counts(*symbols: Any, minimum: int = 1) -> tuple[Option, ...]:
    return tuple(Option(v.name, (v,), Kind.COUNT, interval=Interval(minimum)) for v in symbols)


# ----- the layers -----------------------------------------------------------------------------------------------------
def causal_convolution(activation: Callable[[Expr], Expr] = tanh) -> Layer:
    """A dilated 1-D convolution of sequences with an activation."""
    x, w, b, y = tensors(x=(N, L, C), w=(R, C, K), b=(K,), y=(N, M, K))
    total = Sum(x[n, s * m + d * r - p, c] * w[r, c, k], r, c)
    equation = Eq(y[n, m, k], activation(total + b[k]))
    return Layer(
        "causal_convolution",
        "CausalConvolution",
        "dilated convolution of sequences",
        program(equation, inputs=(x, w, b), sizes={M: VALID}),
        weights=("w", "b"),
        options=(*counts(s, d), *counts(p, minimum=0)),
    )


def radial_basis() -> Layer:
    """LeNet's output layer: squared distances to centres."""
    x, w, y = tensors(x=(N, C), w=(C, K), y=(N, K))
    equation = Eq(y[n, k], Sum((x[n, c] - w[c, k]) ** 2, c))
    return Layer(
        "radial_basis",
        "RadialBasis",
        "distances",
        program(equation, inputs=(x, w)),
        weights=("w",),
        features=(("in_features", C), ("out_features", K)),
    )


def bilinear() -> Layer:
    """Two inputs, one weight: three factors."""
    x, v, w, y = tensors(x=(N, C), v=(N, R), w=(C, R, K), y=(N, K))
    equation = Eq(y[n, k], Sum(x[n, c] * v[n, r] * w[c, r, k], c, r))
    return Layer("bilinear", "Bilinear", "bilinear form", program(equation, inputs=(x, v, w)), weights=("w",))


def locally_connected() -> Layer:
    """A convolution whose weights differ from place to place."""
    x, w, y = tensors(x=(N, L, C), w=(M, R, C, K), y=(N, M, K))
    equation = Eq(y[n, m, k], Sum(x[n, s * m + r, c] * w[m, r, c, k], r, c))
    return Layer(
        "locally_connected",
        "LocallyConnected",
        "local weights",
        program(equation, inputs=(x, w)),
        weights=("w",),
        options=counts(s),
    )


def skewed() -> Layer:
    """Diagonal and skew reads, an index as a number, a scattered result."""
    x, w, y = tensors(x=(L, L), w=(R,), y=(2 * M + R,))
    equation = Eq(y[2 * m + r], x[m, m] * w[r] + tanh(x[m + r, m - r + p]) * (1 + r))
    return Layer("skewed", "Skewed", "skew reads", program(equation, inputs=(x, w)), options=counts(p, M, minimum=0))


def softmax_pool() -> Layer:
    """A window's soft maximum: several statements, a maximum as a stabiliser, padding excluded."""
    x, a, h, z, y = tensors(x=(N, L), a=(N, M), h=(N, M, R), z=(N, M), y=(N, M))
    position = s * m + r - p
    return Layer(
        "softmax_pool",
        "SoftmaxPool",
        "soft maximum of windows",
        program(
            Eq(a[n, m], Maximum(inside(position, L) * x[n, position], r)),
            Eq(h[n, m, r], inside(position, L) * exp(x[n, position] - a[n, m])),
            Eq(z[n, m], Sum(h[n, m, r], r)),
            Eq(y[n, m], Sum(h[n, m, r] * x[n, position], r) / z[n, m]),
            inputs=(x,),
            constants="a",
            sizes={M: floordiv(L + 2 * p - R, s) + 1},
        ),
        options=(*counts(R, s), *counts(p, minimum=0)),
    )


SIZES: dict[str, list[dict[Any, int]]] = {
    "causal_convolution": [
        {N: 2, L: 9, C: 2, K: 3, R: 3, s: 1, d: 2, p: 2},
        {N: 3, L: 8, C: 1, K: 2, R: 2, s: 3, d: 1, p: 1},
        {N: 1, L: 1, C: 1, K: 1, R: 1, s: 1, d: 1, p: 0},
    ],
    "radial_basis": [{N: 3, C: 4, K: 2}, {N: 1, C: 1, K: 1}, {N: 0, C: 2, K: 2}],
    "bilinear": [{N: 3, C: 4, R: 2, K: 5}, {N: 2, C: 1, R: 3, K: 1}],
    "locally_connected": [{N: 2, L: 7, M: 3, R: 3, C: 2, K: 2, s: 2}, {N: 2, L: 3, M: 4, R: 2, C: 1, K: 2, s: 1}],
    "skewed": [{L: 5, R: 3, M: 4, p: 1}, {L: 2, R: 2, M: 5, p: 0}, {L: 3, R: 1, M: 0, p: 2}],
    "softmax_pool": [{N: 2, L: 6, R: 3, s: 2, p: 1}, {N: 1, L: 5, R: 2, s: 1, p: 0}],
}
LAYERS = (causal_convolution, radial_basis, bilinear, locally_connected, skewed, softmax_pool)
CASES = [(build, sizes) for build in LAYERS for sizes in SIZES[build.__name__]]


# ----- one way to call them all ---------------------------------------------------------------------------------------
def inputs_for(layer: Layer, sizes: dict[Any, int], rng: np.random.Generator) -> dict[str, Array]:
    known = complete_sizes(layer.program, sizes)
    return {t.name: rng.normal(size=shape_of(t.shape, known)) for t in layer.program.inputs}


def options_for(layer: Layer, sizes: dict[Any, int]) -> dict[str, int]:
    return {o.name: sizes[o.symbols[0]] for o in layer.options}


def forward(module: ModuleType, layer: Layer, values: dict[str, Array], sizes: dict[Any, int]) -> Array:
    result = getattr(module, f"{layer.name}_forward")(*values.values(), **options_for(layer, sizes))
    return np.asarray(result[0] if isinstance(result, tuple) else result)


def gradient(module: ModuleType, layer: Layer, name: str, found: dict[str, Array], sizes: dict[Any, int]) -> Array:
    """Call the gradient function with what its signature asks for."""
    function = getattr(module, f"{layer.name}_grad_{ROLES.get(name, name)}")
    known: dict[str, Any] = {**found, **options_for(layer, sizes)}
    known |= {f"{ROLES.get(t.name, t.name)}_shape": found[t.name].shape for t in layer.program.inputs}
    parameters = inspect.signature(function).parameters.values()
    positional = [known[q.name] for q in parameters if q.kind is not inspect.Parameter.KEYWORD_ONLY]
    keywords = {q.name: known[q.name] for q in parameters if q.kind is inspect.Parameter.KEYWORD_ONLY}
    return np.asarray(function(*positional, **keywords))


@pytest.mark.thorough
@pytest.mark.parametrize(("build", "sizes"), CASES, ids=lambda v: getattr(v, "__name__", None))
def test_generated_kernels_equal_equations_and_differences(build: Callable[[], Layer], sizes: dict[Any, int]) -> None:
    layer, rng = build(), np.random.default_rng(1)
    values = inputs_for(layer, sizes, rng)
    module = compile_layer(layer)
    found = interpret(layer.program, values, sizes)
    expected = found[layer.output.name]
    np.testing.assert_allclose(forward(module, layer, values, sizes), expected, rtol=1e-10, atol=1e-12)

    derived = differentiate(layer.program)
    dy = rng.normal(size=expected.shape)
    found = interpret(simplified_program(derived.program), {**found, "dy": dy}, sizes)
    slopes = {name: gradient(module, layer, name, found, sizes) for name in layer.differentiable}
    for name, slope in slopes.items():
        adjoint = derived.adjoint(name)
        assert adjoint is not None
        np.testing.assert_allclose(slope, found[adjoint.gradient.name], rtol=1e-10, atol=1e-12, err_msg=name)
    if expected.size:
        function = weighted_sum(layer.program, {layer.output.name: dy}, sizes)
        assert compare_slopes(function, values, slopes, rng).compared > 0


# ----- generated into a folder ----------------------------------------------------------------------------------------
def imported(folder: Path, name: str) -> ModuleType:
    """Import `folder` as a package called `name`, as a user's own package would be."""
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[name] = package
    spec.loader.exec_module(package)
    return package


def test_a_package_of_own_layers_is_written_and_imported(tmp_path: Path) -> None:
    layers = [build() for build in LAYERS]
    written = write_package(layers, tmp_path)
    loops = {
        f"compiled/{name}.py" for name in ("__init__", "causal_convolution", "radial_basis", "skewed", "softmax_pool")
    }
    shared = {"__init__.py", *runtime_sources(), *loops}
    assert {p.relative_to(tmp_path).as_posix() for p in written} == {f"{x.name}.py" for x in layers} | shared
    assert write_package(layers, tmp_path) == []
    package = imported(tmp_path, "own_layers")
    assert {x.class_name for x in layers} <= set(package.__all__)

    layer, rng = bilinear(), np.random.default_rng(2)
    sizes = SIZES["bilinear"][0]
    values = inputs_for(layer, sizes, rng)
    module = importlib.import_module("own_layers.bilinear")
    np.testing.assert_allclose(
        forward(module, layer, values, sizes), np.einsum("nc,nr,crk->nk", values["x"], values["v"], values["w"])
    )
    dy = rng.normal(size=(3, 5))
    dv = gradient(module, layer, "v", {**values, "dy": dy}, sizes)
    np.testing.assert_allclose(dv, np.einsum("nk,nc,crk->nr", dy, values["x"], values["w"]))


def test_the_output_is_the_same_every_time() -> None:
    assert package_sources([build() for build in LAYERS]) == package_sources([build() for build in LAYERS])


def test_a_foreign_file_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "bilinear.py").write_text("# mine\n", encoding="utf-8")
    with pytest.raises(FileExistsError):
        write_package([bilinear()], tmp_path)
    assert (tmp_path / "bilinear.py").read_text(encoding="utf-8") == "# mine\n"


# ----- an equation is all there is to change --------------------------------------------------------------------------
def test_changing_an_equation_changes_its_kernels_and_nothing_else(tmp_path: Path) -> None:
    before = package_sources([causal_convolution(tanh), bilinear()])
    after = package_sources([causal_convolution(relu), bilinear()])
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    assert changed == {f"{folder}causal_convolution.py" for folder in ("", "compiled/")}

    rng = np.random.default_rng(3)
    sizes = SIZES["causal_convolution"][0]
    layer = causal_convolution(relu)
    values = inputs_for(layer, sizes, rng)
    outputs, slopes = {}, {}
    for activation in (tanh, relu):
        layer = causal_convolution(activation)
        module = compile_layer(layer)
        outputs[activation] = forward(module, layer, values, sizes)
        found = interpret(layer.program, values, sizes) | {"dy": np.ones_like(outputs[activation])}
        slopes[activation] = gradient(module, layer, "w", found, sizes)
    assert (outputs[relu] >= 0).all()
    assert (outputs[tanh] < 0).any()
    assert not np.allclose(slopes[tanh], slopes[relu])


def test_a_distance_of_another_power() -> None:
    """From squares to fourth powers: one character of the equation."""
    x, w, y = tensors(x=(N, C), w=(C, K), y=(N, K))
    equation = Eq(y[n, k], Sum((x[n, c] - w[c, k]) ** 4, c))
    layer = Layer("radial_basis", "RadialBasis", "distances", program(equation, inputs=(x, w)), weights=("w",))
    rng = np.random.default_rng(4)
    a, b, dy = rng.normal(size=(3, 4)), rng.normal(size=(4, 2)), rng.normal(size=(3, 2))
    module: Any = compile_layer(layer)
    cube = 4 * (a[:, :, None] - b) ** 3
    np.testing.assert_allclose(module.radial_basis_forward(a, b), ((a[:, :, None] - b) ** 4).sum(1))
    np.testing.assert_allclose(module.radial_basis_grad_input(dy, a, b), np.einsum("nk,nck->nc", dy, cube))
    np.testing.assert_allclose(module.radial_basis_grad_weight(dy, a, b), -np.einsum("nk,nck->ck", dy, cube))


def test_a_class_of_an_own_layer_trains() -> None:
    """Gradient descent with nothing but the generated class fits a bilinear form."""
    module: Any = compile_layer(radial_basis())
    rng = np.random.default_rng(5)
    inputs, centres = rng.normal(size=(64, 3)), rng.normal(size=(3, 2))
    wanted = ((inputs[:, :, None] - centres) ** 2).sum(1)
    layer = module.RadialBasis(3, 2, dtype=np.float64, rng=0)
    losses = []
    for _ in range(300):
        error = layer(inputs) - wanted
        losses.append(float((error**2).mean()))
        layer.backward(2 * error / error.size)
        for name, weight in layer.params.items():
            weight -= 0.05 * layer.grads[name]
    assert losses[-1] < 1e-6 * losses[0]
    np.testing.assert_allclose(layer.params["w"], centres, atol=1e-3)


@pytest.mark.parametrize("name", ["class", "np", "self", "2x"])
def test_names_that_python_cannot_have_are_refused(name: str) -> None:
    x, y = IndexedBase(name, shape=(N,), real=True), IndexedBase("y", shape=(N,), real=True)
    layer = Layer("own", "Own", "own", program(Eq(y[n], 2 * x[n]), inputs=(x,)))
    with pytest.raises(EquationError, match="cannot be a name in Python"):
        compile_layer(layer)


@pytest.mark.parametrize("name", ["settings", "runtime"])
def test_a_layer_is_not_named_as_what_every_package_has(name: str) -> None:
    with pytest.raises(EquationError, match=f"{name}: every generated package has a {name} of its own"):
        package_sources([gradscribe.layer("y[n] = 2 * x[n]", name)])


def test_the_settings_of_a_package_are_those_of_its_runtime(tmp_path: Path) -> None:
    write_package([gradscribe.layer("y[n] = 2 * x[n]", "twice")], tmp_path)
    package = imported(tmp_path, "own_settings")
    runtime = importlib.import_module("own_settings.runtime")
    with package.settings(accuracy="strict", threads=3) as chosen:
        assert runtime.current() == chosen == (chosen.backend, "strict", 3, None)
    assert runtime.current() == runtime.Settings()
