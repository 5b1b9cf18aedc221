"""Gradients computed by their closed forms: the same values as by the chain rule, for less work."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from sympy import Symbol

from gradscribe import layer, network
from gradscribe.codegen.kernel.kernel import backward_kernel, kernels
from gradscribe.codegen.kernel.network_kernels import network_kernels
from gradscribe.codegen.kernel.page.provenance import kernel_numbers
from gradscribe.derive.calculus.closed.closed_program import closed_gradients, with_closed_forms, work
from gradscribe.derive.calculus.differentiate import Gradient, differentiate
from gradscribe.derive.calculus.passes.inline import inline
from gradscribe.derive.calculus.programs.closure import closure
from gradscribe.derive.calculus.programs.gradient_program import gradient_program
from gradscribe.derive.derivation import derive
from gradscribe.derive.ir.interpret import interpret
from gradscribe.derive.ir.term import Program
from tests.cases.catalogue import layer as layer_of
from tests.cases.thorough import draws

BATCH = """
m[c] = 1/N * sum(n) x[n,c]
v[c] = 1/N * sum(n) (x[n,c] - m[c])^2
h[n,c] = (x[n,c] - m[c]) / sqrt(v[c] + 1/10)
y[n,c] = g[c]*h[n,c] + b[c]
weight g, b
"""
RELU = BATCH.replace("y[n,c] =", "u[n,c] =") + "y[n,c] = relu(u[n,c])"
OWN = {
    "batch": BATCH,
    "rectified": RELU,
    "centred": "m[n] = 1/C * sum(c) x[n,c]; y[n,c] = x[n,c] - m[n]",
    "groups": """
        m[n,g] = 1/(H*C) * sum(h,c) x[n,h,C*g+c]
        v[n,g] = 1/(H*C) * sum(h,c) (x[n,h,C*g+c] - m[n,g])^2
        a[n,h,C*g+c] = (x[n,h,C*g+c] - m[n,g]) / sqrt(v[n,g] + 1/10)
        y[n,h,k] = w[k]*a[n,h,k]
        weight w
        g < G
        c < C
    """,
    "shares": "e[n,k] = exp(x[n,k]); z[n] = sum(k) e[n,k]; y[n,k] = e[n,k]/z[n]",
    "gated": "s[n,k] = sigmoid(x[n,k]*w[k]); y[n,k] = x[n,k]*s[n,k]; weight w",
    "unit": "r[n] = sqrt(1/10 + sum(c) x[n,c]^2); y[n,c] = x[n,c]/r[n]",
    "power": "v[n] = 1/C * sum(c) x[n,c]^4; y[n,c] = w[c]*x[n,c]*(v[n] + 1)^(-1/4); weight w",
    "between": "m[c] = 1/N * sum(n) x[n,c]; q[c] = m[c]^2; y[n,c] = x[n,c]*q[c] + m[c]",
    "covered": "m[n] = max(k) x[n,k]; e[n,k] = exp(x[n,k]-m[n]); z[n] = sum(k) e[n,k]; y[n] = log(z[n]) + m[n]",
}
"""Texts whose gradients have closed forms, and some that have none."""


def values(program: Program, rng: np.random.Generator) -> tuple[dict[str, np.ndarray], dict[Symbol, int]]:
    """Inputs of random sizes, one among them."""
    sizes = {s: int(rng.integers(1, 4)) for s in sorted(program.symbols(), key=lambda s: s.name)}
    given = {t.name: rng.standard_normal([int(e.xreplace(sizes)) for e in t.shape]) for t in program.inputs}
    return given, sizes


def gradients(
    gradient: Gradient, program: Program, given: Mapping[str, np.ndarray], sizes: Mapping[Symbol, int]
) -> dict[str, np.ndarray]:
    """The gradients that a program over forward tensors and seeds computes, by the interpreter."""
    rng = np.random.default_rng(0)
    forward = interpret(gradient.forward, given, sizes)
    seeds = {t.name: rng.standard_normal(forward[output].shape) for output, t in gradient.seeds.items()}
    known = {**given, **forward, **seeds}
    return interpret(program, {t.name: known[t.name] for t in program.inputs}, sizes)


@pytest.mark.parametrize("name", OWN)
def test_the_closed_form_is_the_chain_rule(name: str) -> None:
    made = layer(OWN[name], name)
    gradient = differentiate(made.program)
    names = list(made.differentiable)
    closed = gradient_program(gradient, names, set())
    rng = np.random.default_rng(len(name))
    for _ in range(draws(3, 20)):
        given, sizes = values(made.program, rng)
        expected = gradients(gradient, gradient.program, given, sizes)
        found = gradients(gradient, closed, given, sizes)
        for output in closed.outputs:
            np.testing.assert_allclose(found[output], expected[output], rtol=1e-9, atol=1e-9)


def test_a_normalisation_reads_its_input_once() -> None:
    """No gradient of the mean or the variance is left, and both sums are gradients that are wanted anyway."""
    kernel = backward_kernel(layer(BATCH, "own"))
    assert kernel is not None
    assert [s.target.name for s in kernel.program.statements] == ["db", "dg", "dx"]
    assert [t.name for t in kernel.arguments] == ["dy", "g", "v", "h"]


def test_sums_are_shared_where_a_gradient_is_put_into_the_closed_form() -> None:
    """dx has dy [y>0] for du; the sums of that are those of du."""
    kernel = backward_kernel(layer(RELU, "own"))
    assert kernel is not None
    assert [s.target.name for s in kernel.program.statements] == ["du", "db", "dg", "dx"]


def test_a_sum_that_is_no_gradient_has_a_name_that_is_free() -> None:
    text = "m[n] = 1/C * sum(c) x[n,c]; y[n,c] = x[n,c] - m[n] + dx_sum1[c]"
    program = kernels(layer(text, "own"))[1].program
    assert [s.target.name for s in program.statements] == ["dx_sum2", "dx"]


@pytest.mark.parametrize("text", ["u[c] = b[c] * sum(n) tanh(x[n,c]); y[c] = u[c]^2; weight b"])
def test_nothing_is_divided_by_what_may_be_0(text: str) -> None:
    """sum tanh(x) is u/b, but for b = 0."""
    gradient = differentiate(layer(text, "own").program)
    closed = gradient_program(gradient, ["b"], set())
    given = {"x": np.array([[1.0, 2.0]]), "b": np.array([0.0, 3.0])}
    sizes = {s: {"N": 1, "C": 2}[s.name] for s in gradient.forward.symbols()}
    found, expected = (gradients(gradient, p, given, sizes)["db"] for p in (closed, gradient.program))
    np.testing.assert_allclose(found, expected)
    assert np.isfinite(found).all()


def test_what_a_label_names_stays_apart() -> None:
    """[v = t[n]] within a sum of products would be asked for every v."""
    program = kernels(layer_of("softmax_cross_entropy"))[1].program
    assert len(program.definitions("dx")) == 2


@pytest.mark.parametrize("name", ["batch_norm", "layer_norm", "group_norm", "softmax", "silu", "rms_norm"])
def test_it_is_less_work(name: str) -> None:
    gradient = differentiate(layer_of(name).program)
    assert "dx" in closed_gradients(gradient, ["dx"])
    put, plain = (
        inline(replace(p, statements=closure(p.statements, ["dx"]), outputs=("dx",)))
        for p in (with_closed_forms(gradient, ["dx"], frozenset()), gradient.program)
    )
    assert work(put.statements) < work(plain.statements)


def test_statements_have_the_number_of_the_closed_form() -> None:
    kernel = backward_kernel(layer_of("batch_norm"))
    assert kernel is not None
    (section,) = (s for s in derive(layer_of("batch_norm")).sections if s.wrt == "x")
    assert section.results[-1].closed
    assert kernel_numbers(kernel)["dx"] > kernel_numbers(kernels(layer_of("batch_norm"))[0])["dx"]


def test_blocks_share_functions_with_sums_of_their_own() -> None:
    """The closed form of a norm without weights reads sums that are no gradients."""
    own = layer(BATCH.replace("g[c]*h[n,c] + b[c]", "h[n,c]").replace("weight g, b", ""), "plain_norm")
    text = """
        input x[N,6]
        block unit(k) = dense(k) -> plain_norm -> tanh
        dense(4) -> a: unit(4) -> b: unit(4) -> dense(2)
    """
    k = network_kernels(network(text, "net", layers={"plain_norm": own}))
    assert set(k.blocks) == {"a", "b"}
    assert any(s.target.name.endswith("_sum1") for s in k.backward.program.statements)


def test_a_diagonal_does_not_stand_for_the_whole_gradient() -> None:
    text = "s[i,j] = sum(c) x[i,c]*z[j,c]; p[i] = sum(j) exp(s[i,j]); l = sum(i) (log(p[i]) - s[i,i])"
    module = layer(f"{text}; input x[I,C], z[I,C]", "pairs").compile()
    x, z = np.random.default_rng(0).normal(size=(2, 4, 3))
    loss = module.Pairs()
    loss(x, z)
    e = np.exp(x @ z.T)
    np.testing.assert_allclose(
        loss.backward(np.float64(1))[0], (e / e.sum(1, keepdims=True) - np.eye(4)) @ z, rtol=1e-12
    )
