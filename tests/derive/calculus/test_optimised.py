"""Rewritten programs: the values of what was written, for less work, and a record of each rewrite."""

from collections.abc import Iterator

import numpy as np
import pytest
from sympy import Add, Symbol

from benchmarks.cases.equations import TEXTS, Equation
from gradscribe import layer
from gradscribe.derive.calculus.differentiate import differentiate
from gradscribe.derive.calculus.programs.gradient_program import computed_again, forward_program, gradient_program
from gradscribe.derive.calculus.programs.optimised import optimised
from gradscribe.derive.calculus.programs.optimised.statement_work import statements_work
from gradscribe.derive.ir.interpret import interpret
from gradscribe.derive.ir.term import Program, accesses
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.sampling import sample_sizes, sample_values
from tests.cases.hash_seeds import printed_alike
from tests.cases.random_programs import random_case
from tests.cases.thorough import some
from tests.cases.together import together

BY_TITLE = {case.title: case for case in TEXTS}
POLYNOMIALS = ("cumsum", "causal linear attention", "fno", "cp tensor", "factorisation machine", "low-rank adapter")


def programs(made: Layer) -> Iterator[Program]:
    """That of the outputs, and that of all gradients."""
    yield forward_program(made.program, made.program.outputs)
    if made.differentiable:
        yield gradient_program(differentiate(made.program), made.differentiable, computed_again(made.program))


def whole(case: Equation, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Arrays of small integers: sums of products of them are exact in float64."""
    return {n: rng.integers(-3, 4, a.shape) if a.dtype.kind == "f" else a for n, a in case.arrays("float64").items()}


def values(
    made: Layer, given: dict[str, np.ndarray], rng: np.random.Generator
) -> tuple[dict[str, np.ndarray], dict[Symbol, int]]:
    """Inputs, forward tensors and seeds; and the sizes."""
    program = made.program
    sizes: dict[Symbol, int] = {}
    for tensor in program.inputs:
        sizes |= {e: n for e, n in zip(tensor.shape, given[tensor.name].shape, strict=True) if e.is_Symbol}
    sizes |= {s: int(o.default) for o in made.options for s in o.symbols if o.default is not None}
    forward = interpret(program, {t.name: given[t.name] for t in program.inputs}, sizes)
    seeds = {t.name: rng.integers(-3, 4, forward[output].shape) for output, t in differentiate(program).seeds.items()}
    return {**given, **forward, **seeds}, sizes


@pytest.mark.parametrize("title", BY_TITLE)
def test_it_says_the_same_for_less_work(title: str) -> None:
    case, rng = BY_TITLE[title].reduced(), np.random.default_rng(len(title))
    made = layer(case.text, case.name)
    exact = title in POLYNOMIALS
    given = whole(case, rng) if exact else case.arrays("float64")
    known, sizes = values(made, given, rng)
    for program in programs(made):
        found = optimised(program)
        assert bool(found.rewritings) == (found.program != program)
        expected, computed = (
            interpret(p, {t.name: known[t.name] for t in p.inputs}, sizes) for p in (program, found.program)
        )
        for name in program.outputs:
            if exact:
                np.testing.assert_array_equal(computed[name], expected[name])
            else:
                np.testing.assert_allclose(computed[name], expected[name], rtol=1e-10, atol=1e-12)


@together("seed", some(range(60), 10))
def test_random_programs_say_the_same(seed: int) -> None:
    case, rng = random_case(seed), np.random.default_rng(seed)
    made = case.layer
    forward = interpret(made.program, case.values, case.sizes)
    gradient = differentiate(made.program)
    seeds = {t.name: rng.standard_normal(forward[output].shape) for output, t in gradient.seeds.items()}
    known = {**case.values, **forward, **seeds}
    for program in programs(made):
        found = optimised(program).program
        expected, computed = (
            interpret(p, {t.name: known[t.name] for t in p.inputs}, case.sizes) for p in (program, found)
        )
        for name in program.outputs:
            np.testing.assert_allclose(computed[name], expected[name], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("title", "reasons"),
    [
        ("swiglu", ("factors", "what")),
        ("causal linear attention", ("conditions",)),
        ("bilinear hats", ("conditions",)),
        ("fno", ("factors", "what")),
        ("cp tensor", ("what",)),
    ],
)
def test_what_was_done_is_recorded(title: str, reasons: tuple[str, ...]) -> None:
    case = BY_TITLE[title]
    (*_, program) = programs(layer(case.text, case.name))
    found = optimised(program)
    assert {r.reason.split()[0] for r in found.rewritings} >= set(reasons)
    for rewriting in found.rewritings:
        assert rewriting.after[-1].target == rewriting.before.target
    assert statements_work(found.program.statements) < 0.8 * statements_work(program.statements)


def test_functions_wait_for_the_sum_that_they_multiply() -> None:
    (_, program) = programs(layer("h[n,k] = sum(c) x[n,c]*w[c,k]; y[n,l] = sum(k) tanh(h[n,k])^3*v[k,l]", "own"))
    found = optimised(program)
    behind = [r for r in found.rewritings if r.reason.startswith("functions of elements wait")]
    assert [r.before.target.name for r in behind] == ["dh"]
    (first, second) = behind[0].after
    assert (len(first.term.bound), len(second.term.bound)) == (1, 0)
    assert [a.tensor for a in accesses(first.term.body)] == ["dy", "v"]


def test_a_mask_has_no_more_indices_than_its_condition() -> None:
    """Another factor that is computed is an array of its own, with an axis of its own: their product would be wide."""
    case = BY_TITLE["spatial transformer"]
    (_, program) = programs(layer(case.text, case.name))
    made = {s.target.name: len(s.target.shape) for s in optimised(program).program.statements}
    assert {name: axes for name, axes in made.items() if "_sum" in name} == {"du_sum1": 3, "dv_sum1": 3}


def test_no_tensor_is_a_multiple_of_a_result() -> None:
    """dW is there already, so that its transpose, times 2, is not stored for the other gradients."""
    case = BY_TITLE["low-rank adapter"]
    (_, program) = programs(layer(case.text, case.name))
    assert {"dt1"} < {s.target.name for s in program.statements}
    found = optimised(program).program
    assert sorted(s.target.name for s in found.statements) == ["da", "db", "dw", "dx"]


@pytest.mark.parametrize("reader", ["exp(t[n,c])", "sum(k) exp(t[n,k]) * w[k,c]", "t[n,c]; z[n,c] = t[n,c]"])
def test_a_multiple_that_is_read_otherwise_stays(reader: str) -> None:
    made = layer(f"t[n,c] = 2*x[n,c]; y[n,c] = {reader}; u[n,k] = sum(c) t[n,c]*w[c,k]; input x[N,C], w[C,C]", "own")
    program = forward_program(made.program, (*made.program.outputs, "t"))
    assert "t" in {s.target.name for s in optimised(program).program.statements}
    shorter = optimised(forward_program(made.program, ("u",))).program
    assert [s.target.name for s in shorter.statements] == ["u"]


def test_a_false_condition_is_zero_beside_infinity() -> None:
    made = layer(
        "y[n,i] = sum(j,k) [j <= i] exp((j - i) * a[n]) * b[n,j,k] * c[k]; i < L; input a[N], b[N,L,K], c[K]", "own"
    )
    (program, _) = programs(made)
    assert any("conditions" in r.reason for r in optimised(program).rewritings)
    given = {"a": np.full(1, 1e3), "b": np.ones((1, 4, 2)), "c": np.ones(2)}
    sizes = {s: {"N": 1, "L": 4, "K": 2}[s.name] for s in program.symbols()}
    found = interpret(optimised(program).program, given, sizes)["y"]
    np.testing.assert_array_equal(found, np.full((1, 4), 2.0))


def test_differences_are_not_written_out() -> None:
    made = layer("y[k] = sum(n) (x[n] - m[k]) * w[n]", "centred")
    for program in programs(made):
        differences = [s for s in program.statements if s.term.body.atoms(Add)]
        assert differences
        assert all(s in optimised(program).program.statements for s in differences)


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("y[n,k] = a[n,k] * sum(c) tanh(a[n,c])", 0.2),
        ("y[k] = b[k] * sum(n) tanh(x[n])", 0.2),
        ("y[n,m] = sum(c,d) exp(x[n,c]) * cos(z[m,d])", 0.2),
        ("y[n,i,c] = x[n,i,c] * sum(j,k) exp(x[n,j,k] * g[n,j]) * sum(l) sin(g[n,l])", 0.2),
        ("y[n,k] = b[n,k] * sum(c) tanh(x[n,c] * w[k,c])", 1.0),
        ("y[n,i] = b[n] * sum(r) tanh(x[n,i+r] * w[r])", 1.0),
    ],
)
def test_a_sum_of_fewer_indices_is_computed_once(text: str, most: float) -> None:
    """Not once for each element that it multiplies; a sum of all indices stays where it is."""
    made = layer(text, "own")
    for seed in range(3):
        rng = np.random.default_rng(seed)
        sizes = sample_sizes(made, rng, limit=400)
        inputs = sample_values(made.program, sizes, rng)
        known, _ = values(made, inputs, rng)
        for program in programs(made):
            found = optimised(program)
            expected, computed = (
                interpret(p, {t.name: known[t.name] for t in p.inputs}, sizes) for p in (program, found.program)
            )
            for name in program.outputs:
                np.testing.assert_allclose(computed[name], expected[name], rtol=1e-9, atol=1e-12)
    (forward, _) = programs(made)
    found = optimised(forward)
    assert bool(found.rewritings) == (most < 1)
    assert statements_work(found.program.statements) <= most * statements_work(forward.statements)


def test_a_false_bracket_stays_with_what_it_multiplies() -> None:
    """a is infinite where no bracket holds: 0 there, and no product of infinity and a sum that is 0."""
    made = layer("y[n,k] = a[n,k] * sum(c) [c < n] tanh(x[c]); c < N", "own")
    (program, _) = programs(made)
    sizes = {s: {"N": 3, "K": 2}[s.name] for s in program.symbols()}
    given = {"a": np.full((3, 2), np.inf), "x": np.ones(3)}
    found = interpret(optimised(program).program, given, sizes)["y"]
    np.testing.assert_array_equal(found[0], np.zeros(2))


def test_what_may_be_absent_stays() -> None:
    made = layer("optional b; y[n,k] = sum(i,j) [j <= i] x[n,i] * z[n,j] * w[i,j,k] * b[k]; i < L; j < L", "own")
    for program in programs(made):
        reads = [s for s in program.statements if any("b[" in str(a) for a in s.term.body.args)]
        assert all(s in optimised(program).program.statements for s in reads)


def test_the_order_does_not_depend_on_hashes() -> None:
    titles = ("retention", "mamba", "cp tensor")
    texts = [BY_TITLE[t].text for t in titles]
    assert printed_alike(
        "from gradscribe import layer\n"
        "from gradscribe.codegen.kernel.kernel import first_order\n"
        f"for text in {texts!r}:\n"
        "    for kernel in first_order(layer(text, 'own')): print(kernel)\n"
    )
