"""Random programs: every way to compute one of them gives the same numbers.

GRADSCRIBE_FUZZ=N runs N seeds.
"""

import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache, partial
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from sympy import IndexedBase, Symbol

from gradscribe.codegen.driver import compile_layer
from gradscribe.derive.calculus.collapse import digits, discharge, divide, identify, rename, solve
from gradscribe.derive.calculus.differentiate import Gradient, differentiate
from gradscribe.derive.calculus.passes.inline import inline
from gradscribe.derive.calculus.passes.rewrite import count, reverse
from gradscribe.derive.ir.index import affine, sign
from gradscribe.derive.ir.interpret import complete_sizes, evaluate, interpret, shape_of
from gradscribe.derive.ir.term import Program, Statement, Term
from gradscribe.derive.layer.equations import program, to_sympy
from gradscribe.derive.layer.interface import ROLES, Layer
from tests.cases.finite_differences import compare_slopes, weighted_sum
from tests.cases.random_programs import Array, Case, random_case
from tests.cases.simplified import simplified_program, with_gradient
from tests.cases.thorough import THOROUGH, some
from tests.cases.together import hold

COUNT = int(os.environ.get("GRADSCRIBE_FUZZ", "40"))
FOUND = (51, 106, 1034, 1233)
"""Seeds beyond COUNT that have found a bug."""
SEEDS = (*some(range(COUNT), 3), *(seed for seed in FOUND if seed >= COUNT))
SECOND_ORDER_SEEDS = range(COUNT // 3) if THOROUGH else (0, 6, 11)
"""The few reach what the others do: sums within windows (0), slices that are spread (11)."""
FEW_POINTS = 12
"""Index boxes of second-order programs stay small: their raw gradients have many indices."""


def close(one: Any, other: Any, tolerance: float = 1e-9) -> bool:
    """Equality up to rounding, relative to the largest finite number; infinities must agree."""
    one, other = np.asarray(one), np.asarray(other)
    scale = max(1.0, float(np.max(np.abs(other[np.isfinite(other)]), initial=0.0)))
    return one.shape == other.shape and np.allclose(one, other, rtol=tolerance, atol=tolerance * scale)


@cache
def differentiated(seed: int) -> tuple[Case, Gradient, dict[str, Array]]:
    """The case of `seed`, its gradient and the values of every tensor, dy included."""
    case = random_case(seed)
    gradient = differentiate(case.layer.program)
    rng = np.random.default_rng([seed, 1])
    shape = shape_of(case.layer.output.shape, complete_sizes(case.layer.program, case.sizes))
    forward = interpret(case.layer.program, case.values, case.sizes)
    found = interpret(gradient.program, {**forward, "dy": rng.normal(size=shape)}, case.sizes)
    return case, gradient, found


def input_gradients(gradient: Gradient, found: dict[str, Array]) -> dict[str, Array]:
    """The gradient of every differentiable input; zeros where the output does not depend on it."""
    names = [t.name for t in gradient.forward.inputs if not t.integer]
    adjoints = {name: gradient.adjoint(name) for name in names}
    return {n: found[a.gradient.name] if a else np.zeros_like(found[n]) for n, a in adjoints.items()}


def gradient_equals_finite_differences(seed: int) -> None:
    case, gradient, found = differentiated(seed)
    function = weighted_sum(case.layer.program, {case.layer.output.name: found["dy"]}, case.sizes)
    slopes = input_gradients(gradient, found)
    tally = compare_slopes(function, case.values, slopes, np.random.default_rng([seed, 2]))
    assert tally.skipped <= 2 + tally.compared // 4


def slopes_by_value_equal_plain_slopes(seed: int) -> None:
    case, gradient, found = differentiated(seed)
    statements = tuple(Statement(a.gradient, c.term) for a in gradient.adjoints for c in a.contributions)
    plain = interpret(replace(gradient.program, statements=statements), without_gradients(gradient, found), case.sizes)
    for adjoint in gradient.adjoints:
        assert close(plain[adjoint.gradient.name], found[adjoint.gradient.name])


def without_gradients(gradient: Gradient, found: dict[str, Array]) -> dict[str, Array]:
    return {t.name: found[t.name] for t in gradient.program.inputs}


def every_rewrite_keeps_the_value(seed: int) -> None:
    case, gradient, found = differentiated(seed)
    rng = np.random.default_rng([seed, 3])
    sizes = complete_sizes(gradient.program, case.sizes)
    for statement in gradient.program.statements:
        expected = evaluate(statement.term, found, sizes)[0]
        for _ in range(2):
            done = []
            for step, term in rewrites(statement.term, gradient.program, rng):
                done.append(step)
                assert close(evaluate(term, found, sizes)[0], expected), f"{statement.target.name}: {' '.join(done)}"


def rewrites(term: Term, source: Program, rng: np.random.Generator) -> Iterator[tuple[str, Term]]:
    """A random sequence of the rewrites of derive.calculus.collapse, until none applies."""
    while True:
        if term.bound and rng.random() < 0.05:
            index = term.bound[int(rng.integers(len(term.bound)))].index
            term = reverse(term, index)
            yield f"reverse {index}", term
        if rng.random() < 0.02:
            return
        made = next((made for made in attempts(term, source, rng) if made[1] != term), None)
        if made is None:
            return
        term = made[1]
        yield made


def attempts(term: Term, source: Program, rng: np.random.Generator) -> Iterator[tuple[str, Term]]:
    """Every single rewrite of `term` in random order, with its name; some leave it as it is."""
    bound = {r.index for r in term.bound}
    found: list[tuple[str, Callable[[], Term | None]]] = [
        ("rename", lambda: rename(term)[0]),
        ("discharge", lambda: discharge(term, source)[0]),
        ("identify", lambda: identify(term)),
        ("count", lambda: count(term, source)),
    ]
    for delta in term.deltas:
        found.append((f"digits {delta}", partial(digits, term, delta)))
        for index, coefficient in affine(delta, term.indices).terms:
            if index in bound and coefficient in (1, -1):
                found += [(f"solve {delta} for {index}", partial(solve, term, delta, index))] * 2
            elif index in bound and sign(coefficient) != 0:
                found.append((f"divide {delta} for {index}", partial(divide, term, delta, index)))
    for number in rng.permutation(len(found)):
        name, rewrite = found[number]
        made = rewrite()
        if made is not None:
            yield name, made


def inlining_keeps_the_value(seed: int) -> None:
    case, gradient, found = differentiated(seed)
    both = with_gradient(gradient)
    if not both.outputs:
        return
    inlined = interpret(inline(both), {t.name: found[t.name] for t in both.inputs}, case.sizes)
    for name in both.outputs:
        assert close(inlined[name], found[name]), name


def sympy_and_back_keeps_the_value(seed: int) -> None:
    case, _, found = differentiated(seed)
    source = case.layer.program
    again = program(
        *to_sympy(source),
        inputs=sympy_inputs(source),
        integers="l",
        sizes=dict(source.sizes),
    )
    assert close(interpret(again, case.values, case.sizes)[source.outputs[0]], found[source.outputs[0]])


def sympy_inputs(source: Program) -> list[Any]:
    return [IndexedBase(t.name, shape=t.shape, real=True) if t.shape else Symbol(t.name) for t in source.inputs]


# ----- emitted kernels ----------------------------------------------------------------------------------------------
@cache
def compiled(seed: int) -> ModuleType:
    return compile_layer(differentiated(seed)[0].layer)


def laid_out(array: Array, rng: np.random.Generator) -> Array:
    """The same values, read-only, in a random memory layout: C or Fortran order, reversed strides, every other one."""
    kind = rng.integers(4)
    if array.ndim == 0 or kind == 0:
        made = array.copy()
    elif kind == 1:
        made = np.asfortranarray(array)
    elif kind == 2:
        made = array[::-1].copy()[::-1]
    else:
        made = np.repeat(array, 2, axis=-1)[..., ::2]
    if made is array:
        made = array.copy(order="K")
    made.flags.writeable = False
    return made


def forward_results(seed: int, dtype: type, rng: np.random.Generator) -> tuple[Array, ...]:
    case, _, _ = differentiated(seed)
    arrays = [laid_out(of_type(case.values[t.name], dtype), rng) for t in case.layer.program.inputs]
    results = compiled(seed).fuzz_forward(*arrays, **case.options)
    return results if isinstance(results, tuple) else (results,)


def of_type(array: Array, dtype: type) -> Array:
    """Real arrays in `dtype`; integers stay."""
    array = np.asarray(array)
    return array.astype(dtype) if array.dtype.kind == "f" else array


def gradient_functions(seed: int) -> dict[str, Callable[..., Array]]:
    """The generated gradient functions by name of the input."""
    names = [t.name for t in differentiated(seed)[0].layer.program.inputs if not t.integer]
    return {name: getattr(compiled(seed), f"fuzz_grad_{ROLES.get(name, name)}") for name in names}


def call_gradient(function: Callable[..., Array], seed: int, dtype: type, rng: np.random.Generator) -> Array:
    """Call a gradient function of `seed` with arrays of `dtype` in random memory layouts."""
    case, _, found = differentiated(seed)
    given = {name: laid_out(of_type(value, dtype), rng) for name, value in found.items()}
    return call_by_signature(function, case.layer, given, case.sizes)


def call_by_signature(
    function: Callable[..., Array], layer: Layer, found: Mapping[str, Array], sizes: Mapping[Symbol, int]
) -> Array:
    """Call with what the signature asks for: tensors by name, options, shapes of inputs."""
    known: dict[str, Any] = dict(found) | {o.name: sizes[o.symbols[0]] for o in layer.options}
    known |= {f"{ROLES.get(t.name, t.name)}_shape": np.shape(found[t.name]) for t in layer.program.inputs}
    parameters = inspect.signature(function).parameters.values()
    positional = [known[p.name] for p in parameters if p.kind is not inspect.Parameter.KEYWORD_ONLY]
    keywords = {p.name: known[p.name] for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}
    return function(*positional, **keywords)


def emitted_forward_equals_interpreter(seed: int) -> None:
    case, _, found = differentiated(seed)
    output, *saved = forward_results(seed, np.float64, np.random.default_rng([seed, 5]))
    assert output.dtype == np.float64
    assert close(output, found[case.layer.output.name])
    lets = [found[s.target.name] for s in case.layer.program.statements]
    lets += [found[s.argument.name] for s in case.layer.program.statements if s.argument is not None]
    for value in saved:
        assert any(close(value, let) for let in lets)


def emitted_gradients_equal_interpreter(seed: int) -> None:
    _, gradient, found = differentiated(seed)
    expected = input_gradients(gradient, found)
    for name, function in gradient_functions(seed).items():
        result = call_gradient(function, seed, np.float64, np.random.default_rng([seed, 6]))
        assert close(result, expected[name]), f"d{name}"


def emitted_kernels_stay_in_float32(seed: int) -> None:
    case, gradient, found = differentiated(seed)
    rng = np.random.default_rng([seed, 7])
    output = forward_results(seed, np.float32, rng)[0]
    assert output.dtype == np.float32
    assert close(output, found[case.layer.output.name], 2e-3)
    expected = input_gradients(gradient, found)
    for name, function in gradient_functions(seed).items():
        result = call_gradient(function, seed, np.float32, rng)
        assert result.dtype == np.float32
        assert close(result, expected[name], 2e-2), f"d{name}"


CLAIMS = [
    gradient_equals_finite_differences,
    slopes_by_value_equal_plain_slopes,
    every_rewrite_keeps_the_value,
    inlining_keeps_the_value,
    sympy_and_back_keeps_the_value,
    emitted_forward_equals_interpreter,
    emitted_gradients_equal_interpreter,
    emitted_kernels_stay_in_float32,
]
PARTS = 4


@pytest.mark.parametrize("part", range(PARTS))
def test_programs(part: int) -> None:
    """All claims, program by program: each is differentiated, interpreted and compiled once."""
    hold((seed, claim) for seed in SEEDS[part::PARTS] for claim in CLAIMS)


# ----- second order -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("seed", SECOND_ORDER_SEEDS)
def test_second_order_equals_finite_differences(seed: int) -> None:
    case = random_case(10_000 + seed, FEW_POINTS)
    first = differentiate(case.layer.program)
    both = with_gradient(first)
    if not both.outputs:
        return
    second = differentiate(both)
    rng = np.random.default_rng([seed, 4])
    known = complete_sizes(both, case.sizes)
    values = {**case.values, "dy": rng.normal(size=shape_of(case.layer.output.shape, known))}
    seeds = {o: rng.normal(size=shape_of(both.tensors[o].shape, known)) for o in both.outputs}
    named = {second.seeds[o].name: value for o, value in seeds.items()}
    found = interpret(simplified_program(second.program), {**interpret(both, values, case.sizes), **named}, case.sizes)
    slopes = input_gradients(second, found)
    tally = compare_slopes(weighted_sum(both, seeds, case.sizes), values, slopes, rng, single=3)
    assert tally.skipped <= 2 + tally.compared // 4


@pytest.mark.parametrize("seed", SECOND_ORDER_SEEDS)
def test_emitted_kernels_of_gradients_equal_interpreter(seed: int) -> None:
    """A gradient program is a program: each gradient of the first order as a layer of its own."""
    case = random_case(10_000 + seed, FEW_POINTS)
    rng = np.random.default_rng([seed, 8])
    both = with_gradient(differentiate(case.layer.program))
    for output in both.outputs:
        options = tuple(o for o in case.layer.options if o.symbols[0] not in case.layer.output.shape)  # dy has that
        layer = replace(case.layer, program=replace(both, outputs=(output,)), options=options)
        gradient = differentiate(layer.program)
        shape = shape_of(case.layer.output.shape, complete_sizes(both, case.sizes))
        values = {**case.values, "dy": rng.normal(size=shape)}
        found = interpret(layer.program, values, case.sizes)
        found[gradient.seeds[output].name] = rng.normal(size=found[output].shape)
        found = interpret(simplified_program(gradient.program), found, case.sizes)
        module = compile_layer(layer)
        result = call_by_signature(module.fuzz_forward, layer, values, case.sizes)
        assert close(result[0] if isinstance(result, tuple) else result, found[output]), output
        for name, expected in input_gradients(gradient, found).items():
            function = getattr(module, f"fuzz_grad_{ROLES.get(name, name)}")
            assert close(call_by_signature(function, layer, found, case.sizes), expected), f"d{output}/d{name}"
