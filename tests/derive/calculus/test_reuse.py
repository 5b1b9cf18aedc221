"""What is computed already is read: by name in a derivation, from its array in a kernel."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from sympy import exp, log

from gradscribe.codegen.driver import compile_layer
from gradscribe.codegen.kernel.form import size_hints
from gradscribe.codegen.numpy.layer.layer_module import module_source
from gradscribe.derive.calculus.passes.recall import recalled
from gradscribe.derive.calculus.passes.reuse import distributions, reused
from gradscribe.derive.ir.index import integers
from gradscribe.derive.ir.interpret import interpret
from gradscribe.derive.ir.term import Access, EquationError, Program, accesses
from gradscribe.derive.language import read
from gradscribe.derive.layer.interface import Layer
from tests.cases.agreement import assert_kernels_agree, compiled, shapes

SOFTMAX = """
h[n, k] = exp(x[n, k])
z[n] = sum(k) h[n, k]
s[n] = log(z[n])
y[n, k] = exp(x[n, k] - s[n])
"""


def program(text: str) -> Program:
    return read(text).program


def body(found: Program, name: str) -> str:
    (statement,) = found.definitions(name)
    return str(statement.term.body)


def test_a_factor_that_is_computed_already_is_read() -> None:
    found = reused(program("h[n, k] = exp(x[n, k] - a[n])\ny[n, k] = exp(x[n, k] - a[n]) * a[n]"))
    n, k = (r.index for r in found.definitions("y")[0].term.free)
    assert found.definitions("y")[0].term.body == Access("h", n, k) * Access("a", n)


def test_names_are_written_out_where_that_helps() -> None:
    found = reused(program(SOFTMAX))
    n, k = (r.index for r in found.definitions("y")[0].term.free)
    assert found.definitions("y")[0].term.body == Access("h", n, k) / Access("z", n)
    assert found.definitions("s")[0].term.body == log(Access("z", n))  # nothing to gain


@pytest.mark.parametrize(
    "text",
    [
        # outside of h a read gives 0, where exp(0) is 1
        "h[n, k] = exp(x[n, k])\nk < K\ny[n, k] = sum(r) exp(x[n, k + r - 1])\nr < 3\noutput y[N, K]\ninput x[N, K]",
        # a sum is no factor
        "h[n, k] = exp(x[n, k])\ny[n, k] = exp(x[n, k]) + 1",
        # h is not finished
        "h[n, k] = exp(x[n, k])\nh[n, k] += x[n, k]\ny[n, k] = exp(x[n, k]) * h[n, k]",
    ],
)
def test_what_could_differ_is_computed_again(text: str) -> None:
    before = program(text)
    after = reused(before)
    assert body(after, "y") == body(before, "y")


@pytest.mark.parametrize("reuse", [reused, lambda p: p])
def test_values_stay(reuse: Callable[[Program], Program]) -> None:
    x = np.random.default_rng(0).normal(size=(2, 3))
    expected = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    sizes = dict(zip(integers("N K"), x.shape, strict=True))
    np.testing.assert_allclose(interpret(reuse(program(SOFTMAX)), {"x": x}, sizes)["y"], expected, rtol=1e-14)


def test_a_quotient_by_the_own_sum_has_the_name_of_the_tensor_that_is_it() -> None:
    assert [let.target.name for let in distributions(program(SOFTMAX), set())] == ["y"]
    other = SOFTMAX.replace("exp(x[n, k] - s[n])", "x[n, k] - s[n]")
    assert [let.target.name for let in distributions(program(other), set())] == ["p"]
    assert [let.target.name for let in distributions(program(other), {"p"})] == ["p1"]


def test_a_kernel_reads_the_saved_quotient_and_computes_exp_once() -> None:
    source = module_source(read(SOFTMAX, "smooth")).text
    assert source.count("np.exp(") == 1
    assert "def smooth_grad_input(dy: Any, y: Any)" in source


# ----- differences that a tensor holds --------------------------------------------------------------------------------
NORMALISED = "h[n, k] = (x[n, k] - m[n]) * a[n]"


@pytest.mark.parametrize(("difference", "factor"), [("x - m", 1), ("m - x", -1), ("3*m - 3*x", -3), ("x + x - 2*m", 2)])
def test_a_multiple_of_a_difference_is_read_from_the_tensor_that_holds_it(difference: str, factor: int) -> None:
    written = difference.replace("x", "x[n, k]").replace("m", "m[n]")
    both = program(f"{NORMALISED}\ng[n, k] = d[n, k] * ({written})\noutput h, g")
    inputs = (*both.inputs, both.tensors["h"])
    found = recalled(
        replace(both, inputs=inputs, statements=both.definitions("g"), outputs=("g",)), program(NORMALISED)
    )
    (statement,) = found.statements
    assert {a.tensor for a in accesses(statement.term.body)} == {"d", "h", "a"}
    rng = np.random.default_rng(0)
    x, d, m, a = rng.normal(size=(2, 3)), rng.normal(size=(2, 3)), rng.normal(size=2), rng.normal(size=2)
    given = {"x": x, "d": d, "m": m, "a": a, "h": (x - m[:, None]) * a[:, None]}
    sizes = dict(zip(integers("N K"), x.shape, strict=True))
    np.testing.assert_allclose(interpret(found, given, sizes)["g"], factor * d * (x - m[:, None]), rtol=1e-13)


# ----- sums and sizes that the kernels of these layers rely on --------------------------------------------------------
def test_a_long_sum_in_float32_does_not_stop_growing() -> None:
    found = compile_layer(read("y[c] = sum(n) x[n, c]", "column_sum"))
    x = np.ones((2**24 + 2**20, 1), np.float32)  # 2**24 + 1 is no float32
    y = found.column_sum_forward(x)
    assert y.dtype == np.float32
    assert y[0] == 2**24 + 2**20


def test_a_factor_common_to_all_summands_is_multiplied_once() -> None:
    source = module_source(read("a = 2.0\ny[c] = sum(n) a * x[n, c]^2 / N", "mean_square")).text
    assert "rt.total(np.square(x), 0)" in source
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    found = compile_layer(read("a = 2.0\ny[c] = sum(n) a * x[n, c]^2 / N", "mean_square"))
    np.testing.assert_allclose(found.mean_square_forward(x), [10.0, 20.0])


def test_single_elements_are_factors_of_a_product() -> None:
    layer = read("input v[2], u[2,3]\ny[n, k] = sum(c) 5 * x[n, c] * w[c, k] * v[0] * u[1, 2]", "scaled")
    rng = np.random.default_rng(1)
    sizes = dict(zip(integers("N C K"), (2, 3, 4), strict=True))
    values = {name: rng.normal(size=shape) for name, shape in shapes(layer, sizes).items()}
    assert_kernels_agree(layer, sizes, values, rng)
    found = compiled(layer).scaled_forward(*(values[t.name] for t in layer.program.inputs))
    np.testing.assert_allclose(found, 5 * values["v"][0] * values["u"][1, 2] * (values["x"] @ values["w"]))


def test_a_neighbourhood_is_small() -> None:
    C, R = integers("C R")
    hints = size_hints(program("q < R\nP = R // 2\ny[n, c] = sum(q) x[n, c + q - P]^2\noutput y[N, C]\ninput x[N, C]"))
    assert hints[R] < hints[C]


# ----- state ----------------------------------------------------------------------------------------------------------
COUNTER = "input x[N], total[N]\nconstant total, added\noutput y, added\ny[n] = exp(x[n])\nadded[n] = total[n] + x[n]"


def test_a_class_keeps_its_state_from_call_to_call() -> None:
    found = compile_layer(read(COUNTER, "counter", state=(("total", "added", 2.0),)))
    built = found.Counter(3)
    np.testing.assert_array_equal(built.state["total"], [2.0, 2.0, 2.0])
    x = np.array([1.0, 2.0, 3.0], np.float32)
    np.testing.assert_allclose(built(x), np.exp(x))
    built(x)
    np.testing.assert_array_equal(built.state["total"], [4.0, 6.0, 8.0])
    np.testing.assert_allclose(built.backward(np.ones(3, np.float32)), np.exp(x))


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (("x", "added", 0.0), "state x is no constant input"),
        (("missing", "added", 0.0), "state missing is no constant input"),
        (("total", "missing", 0.0), "replaced by missing, which is no output of its shape"),
    ],
)
def test_state_that_does_not_fit_is_refused(state: tuple[str, str, float], message: str) -> None:
    layer: Layer = read(COUNTER, "counter", state=(state,))
    with pytest.raises(EquationError, match=message):
        module_source(layer)


def test_exp_is_what_the_texts_say() -> None:
    (statement,) = program(SOFTMAX).definitions("h")
    n, k = (r.index for r in statement.term.free)
    assert statement.term.body == exp(Access("x", n, k))
