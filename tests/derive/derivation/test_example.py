"""Examples in numbers: the matrices beside plain loops and central differences, the rows beside their own sums."""

import re
from collections.abc import Callable, Mapping

import numpy as np
import pytest
from sympy import Add, Expr, ImmutableMatrix, Integer, Mul, Pow

from gradscribe.codegen.tool.finding.find import find
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.composition.network import Network
from gradscribe.derive.derivation import derive
from gradscribe.derive.derivation.forms.example.chosen.small_sizes import small_sizes
from gradscribe.derive.derivation.forms.example.chosen.whole_values import whole_values
from gradscribe.derive.derivation.forms.example.spelling import Coordinates, Numeral, Spelt
from gradscribe.derive.derivation.record.page_record import Derivation, Example
from gradscribe.derive.derivation.record.section_record import Formula
from gradscribe.derive.derivation.record.sentence import Equals, mathematics
from gradscribe.derive.ir.functions import FUNCTIONS, equal
from gradscribe.derive.ir.interpret import interpret
from gradscribe.derive.ir.term import Access, EquationError
from gradscribe.derive.typeset.formats import FORMATS, rendered
from gradscribe.said import say
from tests.cases.catalogue import layer
from tests.cases.english import english
from tests.cases.naive import conv2d
from tests.cases.plain_arrays import arrays
from tests.cases.together import together

OWN = [
    "u[n,i] = sum(r) w[r] * x[n, 2*i + r]; weight w",
    "y[i,j] = sum(r,t) x[i-r,j-t]*w[r,t]; weight w",
    "y[n] = tanh(sum(m) a[n,m]*x[m]) ; weight a",
    "y[n,k] = x[n,k] / sum(c) x[n,c]^2",
    "y[n] = log(sum(m) x[n,m])",
    "s = sum(n) x[n]^3",
    "y[n,a,b,c] = x[n,b,a,c]*v[c]; weight v",
]


def example_of(page: Derivation) -> Example:
    assert page.example is not None
    return page.example


def has_places(formula: Formula) -> bool:
    return isinstance(formula.right, Expr | ImmutableMatrix) and formula.right.has(Coordinates)


def matrices(page: Derivation) -> dict[str, np.ndarray]:
    """The tensors of an example by name, without axes of one element; those of several matrices put together."""
    found = example_of(page)
    parts: dict[str, list[Formula]] = {}
    every = (*found.given, *(f for g in found.gradients for f in g.matrices))
    for formula in (f for f in every if not has_places(f)):
        assert isinstance(formula.left, Access)
        parts.setdefault(formula.left.tensor, []).append(formula)
    return {name: together_of(formulas) for name, formulas in parts.items()}


def test_places_are_those_of_the_greatest_elements() -> None:
    page = derive(LAYERS["max_pool2d"](), example=True)
    (found,) = (f.right for f in example_of(page).given if has_places(f))
    x = matrices(page)["x"]
    windows = [[x[2 * i : 2 * i + 2, 2 * j : 2 * j + 2] for j in range(2)] for i in range(2)]
    expected = [[Coordinates(*map(Integer, np.argwhere(w == w.max())[0])) for w in row] for row in windows]
    assert found == ImmutableMatrix(expected)
    (row,) = (s for s in example_of(page).gradients[0].steps if s.reason == say("one element"))
    (bracket,) = row.terms[0].body.atoms(equal)
    _, i, j, _ = map(int, bracket.args[1].indices)
    assert bracket.args[0] == expected[i][j]


def together_of(formulas: list[Formula]) -> np.ndarray:
    """One tensor: an index that is a number says where a matrix belongs."""
    if len(formulas) == 1:
        return array_of(formulas[0])
    places = [[int(e) if e.is_Integer else slice(None) for e in f.left.args[1:]] for f in formulas]
    axes = list(zip(*places, strict=True))
    counts = [max(at for at in axis if isinstance(at, int)) + 1 if isinstance(axis[0], int) else 0 for axis in axes]
    extents = iter(array_of(formulas[0]).shape)
    found = np.full([count or next(extents) for count in counts], np.nan)
    for formula, place in zip(formulas, places, strict=True):
        found[tuple(place)] = array_of(formula)
    return found.squeeze()


def array_of(formula: Formula) -> np.ndarray:
    right = formula.right
    if isinstance(right, ImmutableMatrix):
        return np.array(right.tolist(), dtype=float).squeeze()
    assert isinstance(right, Expr)
    return np.array(float(right))


def amount(e: Expr) -> float:
    """The value of an expression of numbers, by Python's arithmetic."""
    if e.has(Coordinates) and isinstance(e, equal):
        return float(e.args[0] == e.args[1].number)
    if isinstance(e, Numeral):
        return float(e.number)
    if isinstance(e, Spelt):
        return float(np.prod([amount(f) for f in e.upper]) / np.prod([amount(f) for f in e.lower]))
    parts = [amount(a) for a in e.args]
    if isinstance(e, Add):
        return sum(parts)
    if isinstance(e, Mul):
        return float(np.prod(parts))
    if isinstance(e, Pow):
        return float(parts[0] ** parts[1])
    return float(FUNCTIONS[e.func].compute(np, *map(np.asarray, parts)) if parts else e)


def test_the_matrices_of_conv2d_are_those_of_loops() -> None:
    found = matrices(derive(layer("conv2d"), example=True))
    x, w, delta = found["x"], found["w"], found["dy"]
    assert (x.shape, w.shape, delta.shape) == ((4, 4), (2, 2), (3, 3))
    by_loops = conv2d(x[None, :, :, None], w[:, :, None, None], np.array([found["b"]]))
    assert np.array_equal(found["u"], by_loops[0, :, :, 0])
    to_x = np.zeros_like(x)
    to_w = np.zeros_like(w)
    for i, j, r, t in np.ndindex(3, 3, 2, 2):
        to_x[i + r, j + t] += delta[i, j] * w[r, t]
        to_w[r, t] += delta[i, j] * x[i + r, j + t]
    assert np.array_equal(found["dx"], to_x)
    assert np.array_equal(found["dw"], to_w)
    assert found["db"] == delta.sum()


@together("name", ["conv2d", "dense", "max_pool2d", "avg_pool2d", "subsampling2d", "tanh", "prelu", "layer_norm", *OWN])
def test_gradients_are_slopes_and_rows_add_up(name: str) -> None:
    own = find(name)
    page = derive(own, example=True)
    sizes = small_sizes(page.program, page.layer or own, page.mapping)
    assert sizes is not None
    chosen = whole_values(page.program, sizes)
    assert chosen is not None
    given = arrays(chosen)
    found = matrices(page)
    program = page.program
    output = program.tensors[program.outputs[0]]
    assert page.rewritten is not None
    seed = page.rewritten.shown.seeds[output.name].name
    arrived = found.get(seed, np.ones(()))

    def scalar(moved: Mapping[str, np.ndarray]) -> float:
        return float((interpret(program, moved, sizes)[output.name].squeeze() * arrived).sum())

    compared = 0
    for gradient in (s for s in page.sections if s.wrt in own.differentiable):
        tensor, step = given[gradient.wrt], 1e-5
        target = gradient.results[0].step.left.tensor
        if target not in found:
            continue
        slopes = np.empty(tensor.shape)
        for at in np.ndindex(tensor.shape):
            ends = []
            for sign in (1, -1):
                there = tensor.astype(float).copy()
                there[at] += sign * step
                ends.append(scalar({**given, gradient.wrt: there}))
            slopes[at] = (ends[0] - ends[1]) / (2 * step)
        assert np.allclose(found[target], slopes.squeeze(), rtol=0.02, atol=2e-3), gradient.wrt
        compared += 1
    assert compared
    for worked in (g for g in example_of(page).gradients if g.steps):
        elements, numbers, result = worked.steps
        assert len(elements.terms) == len(numbers.terms) >= 1
        total = float(result.terms[0].body)
        assert np.isclose(sum(amount(t.body) for t in numbers.terms), total, rtol=0.05, atol=5e-3)


@together("name", list(LAYERS)[::6])
def test_every_layer_has_a_small_example_or_says_why(name: str) -> None:
    found = example_of(derive(layer(name), example=True))
    assert found.gradients or "has no example" in english(found.setup[0])
    assert all(f.right.shape[0] * f.right.shape[1] <= 64 for f in found.given if isinstance(f.right, ImmutableMatrix))


def test_sizes_of_windows_are_the_textbooks() -> None:
    for name in ("conv2d", "max_pool2d", "avg_pool2d", "conv_transpose2d", "lp_pool2d"):
        setup = example_of(derive(layer(name), example=True)).setup[0]
        sizes = {str(w.args[0]): w.args[1] for w in mathematics(setup) if isinstance(w, Equals)}
        assert [sizes[s] for s in "NHWCRT"] == [1, 4, 4, 1, 2, 2], name


def test_a_layer_without_numbers_says_so() -> None:
    page = derive(find("y[i] = log(x[i] - 100)"), example=True)
    words = "This layer has no example: results are finite at none of the numbers tried."
    assert list(map(english, example_of(page).setup)) == [words]
    assert not example_of(page).gradients
    assert "has no example" in " ".join(rendered(page, "text").split())


def test_second_gradients_have_none() -> None:
    with pytest.raises(EquationError, match="expected first gradients for an example; use order 1"):
        derive(find("dense"), order=2, example=True)


def test_a_network_without_small_sizes_says_so() -> None:
    words = "This network has no example: no sizes are small enough."
    assert list(map(english, example_of(derive(find("lenet5"), example=True)).setup)) == [words]


NETWORKS = [
    "conv2d -> tanh -> conv2d",
    "input x[N, C]\nx -> dense(3) -> tanh -> dense(2)\nloss softmax_cross_entropy",
    "input x[N, H, W, C]\nx -> conv2d(2, 1) -> group_norm(2) -> softplus",
    "input x[N, C]\na = x -> dense(2) -> tanh\nb = x -> dense(2)\n(a, b) -> residual_add -> dense(1)",
]


@together("text", NETWORKS)
def test_gradients_of_networks_are_slopes_of_what_is_printed(text: str) -> None:
    """Every trained tensor, moved one element at a time in the whole network, as the interpreter has it."""
    own = find(text)
    assert isinstance(own, Network)
    page = derive(own, example=True)
    sizes = small_sizes(page.program, own, page.mapping, dict(own.values))
    assert sizes is not None
    chosen = whole_values(page.program, sizes)
    assert chosen is not None
    given = arrays(chosen)
    found = matrices(page)
    (output,) = page.program.outputs[:1]
    assert page.rewritten is not None
    arrived = found[page.rewritten.shown.seeds[output].name]

    def scalar(name: str, moved: np.ndarray) -> float:
        value = interpret(page.program, {**given, name: moved}, sizes)[output]
        return float((value.squeeze() * arrived).sum())

    compared = 0
    for gradient in (s for s in page.sections if s.wrt in own.weights):
        target = gradient.results[0].step.left.tensor
        if target in found:
            tensor = given[gradient.wrt].astype(float)
            slopes = [slope(scalar, gradient.wrt, tensor, at) for at in np.ndindex(tensor.shape)]
            assert np.allclose(found[target], np.reshape(slopes, tensor.shape).squeeze(), rtol=0.02, atol=2e-3), target
            compared += 1
    assert compared >= 2


def slope(scalar: Callable[[str, np.ndarray], float], name: str, tensor: np.ndarray, at: tuple[int, ...]) -> float:
    """A central difference along one element."""
    ends = []
    for sign in (1, -1):
        there = tensor.copy()
        there[at] += sign * 1e-5
        ends.append(scalar(name, there))
    return (ends[0] - ends[1]) / 2e-5


def test_a_network_keeps_its_numbers_where_they_are_small() -> None:
    setup = example_of(derive(find("input x[N, 2]\nx -> dense(3) -> dense(50)"), example=True)).setup
    sizes = {str(w.args[0]): w.args[1] for w in mathematics(setup[0]) if isinstance(w, Equals)}
    assert sizes["K_1"] == 3
    assert sizes["K_2"] < 50
    assert "smaller than the network's own" in english(setup[0])


def test_numbers_stand_beside_their_formulas() -> None:
    lines = rendered(derive(layer("conv2d"), example=True), "text").splitlines()
    place = {text: next(n for n, line in enumerate(lines) if text in line) for text in (
        "(1)", "In numbers", "respect to x", "∂E/∂x = δ↑s", "worked out", "respect to w", "Update"
    )}  # fmt: skip
    assert list(place.values()) == sorted(place.values())
    matrix = next(n for n, line in enumerate(lines) if line.lstrip().startswith("∂E/∂x = ⎢"))
    assert place["∂E/∂x = δ↑s"] < matrix < place["worked out"]


@together("form", ["operator", "matrix", "all"])
def test_every_form_has_its_numbers(form: str) -> None:
    text = rendered(derive(layer("conv2d"), example=True, form=form), "text")
    assert text.count("worked out") == 3


def test_matrices_are_images() -> None:
    """One for each channel, not one for each line of the image."""
    page = derive(find("input x[N, H, W, C]\nx -> conv2d(2, 2) -> tanh"), example=True)
    shown = [f for f in example_of(page).given if isinstance(f.left, Access) and f.left.tensor == "conv2d1_u"]
    assert [f.right.shape for f in shown if isinstance(f.right, ImmutableMatrix)] == [(3, 3)] * 2
    assert [f.left.args[-1] for f in shown] == [0, 1]


def test_every_format_prints_it_alike() -> None:
    page = derive(layer("conv2d"), example=True)
    assert page == derive(layer("conv2d"), example=True)
    text, latex, markdown = (rendered(page, form) for form in FORMATS)
    row = re.search(r"in numbers\s+= (.*?)  +\(\d+\)", text)
    assert row
    assert row[1].count("·") == 4
    products = [re.escape(p.replace("−", "-").replace("·", r" \cdot ")) for p in re.split(r" [+−] ", row[1])]
    for other in (latex, markdown):
        assert re.search(r"\W+.*".join(products), other)
