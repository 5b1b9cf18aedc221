"""Numerical verification of a layer: the rows of its derivation and its generated kernels, with figures."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from sympy import Symbol

from codegen.arguments import shape_argument
from codegen.compiler import compile_layer
from codegen.kernel import Kernel, evaluation, kernels
from codegen.network.verify import network_differences
from codegen.second_order import kernels_of_order
from derive.collapse import rename
from derive.composition import Network
from derive.derivation import derive
from derive.derivation.verify import certify
from derive.differentiate import differentiate
from derive.interface import Kind, Layer, Option
from derive.interpret import complete_sizes, interpret, shape_of
from derive.sampling import sample_sizes, sample_values
from derive.second_order import SecondOrder, checked_order, second_order
from derive.term import Program

ROWS = 1e-10
CHAIN = 1e-5
KERNEL = 1e-10


@dataclass(frozen=True)
class Verified:
    """One line of the report: what was checked against what, on how many shapes, and the greatest difference."""

    checked: str
    against: str
    shapes: int
    difference: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the difference is within the tolerance; NaN is not."""
        return self.difference <= self.tolerance


def verify_layer(layer: Layer, shapes: int, seed: int = 0, order: int = 1) -> Iterator[Verified]:
    """Check every row of the derivation and every kernel of `layer`.

    Args:
        layer: the layer.
        shapes: how many random admissible shapes.
        seed: makes the figures repeatable.
        order: 2 for the gradient of the gradient, too: its rows, double backward and the Hessian-vector product.
    """
    for number in range(1, checked_order(layer, order) + 1):
        found = certify(derive(layer, order=number), shapes, seed)
        of = "" if number == 1 else " of order 2"
        gap, chain = found.difference, found.chain_difference
        yield Verified(f"{found.rows} rows of the derivation{of}", "the row before", shapes, gap, ROWS)
        yield Verified(f"{found.chain_rows} chain-rule rows{of}", "finite differences", shapes, chain, CHAIN)
    if isinstance(layer, Network):
        for name, difference in network_differences(layer, shapes, seed).items():
            yield Verified(name, "the interpreter", shapes, difference, KERNEL)
        return
    first, second = kernels_of_order(layer, order)
    after = evaluation(layer)
    worst = dict.fromkeys((k.name for k in (*first, *([after] if after else []), *second)), 0.0)
    module = compile_layer(layer, order)
    twice = _renamed(second_order(layer.program)) if second else None
    rng = np.random.default_rng(seed)
    for _ in range(shapes):
        sizes = sample_sizes(layer, rng, terms=[s.term for s in twice.second.program.statements] if twice else ())
        expected, given = _expected(layer, sizes, rng)
        for kernel in second:
            assert twice is not None  # there are functions of second order
            values, wanted = _expected_second(twice, kernel, given, sizes, rng)
            difference = _difference(getattr(module, kernel.name), kernel, wanted, values, sizes)
            worst[kernel.name] = float(np.maximum(worst[kernel.name], difference))
        if after is not None and layer.evaluation is not None:
            wanted = interpret(layer.evaluation, given, sizes)
            difference = _difference(getattr(module, after.name), after, wanted, given, sizes)
            worst[after.name] = float(np.maximum(worst[after.name], difference))
        for kernel in first:
            difference = _difference(getattr(module, kernel.name), kernel, expected, given, sizes)
            worst[kernel.name] = float(np.maximum(worst[kernel.name], difference))
    for name, difference in worst.items():
        yield Verified(name, "the interpreter", shapes, difference, KERNEL)


def _expected(
    layer: Layer, sizes: dict[Symbol, int | float], rng: np.random.Generator
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Every tensor by the interpreter, gradients included, and what the functions are given."""
    gradient = differentiate(layer.program)
    known = complete_sizes(layer.program, sizes)  # type: ignore[arg-type]
    values = sample_values(layer.program, sizes, rng)
    forward = interpret(layer.program, values, sizes)  # type: ignore[arg-type]
    seeds = {t.name: rng.normal(size=shape_of(t.shape, known)) for t in gradient.seeds.values()}
    given = {**forward, **seeds}
    raw: Program = gradient.program
    return {**interpret(raw, given, sizes), **_zeros(layer, given)}, given  # type: ignore[arg-type]


def _renamed(found: SecondOrder) -> SecondOrder:
    """The statements of second order as differentiation made them, but for deltas of two indices: a smaller box."""
    program = found.second.program
    statements = tuple(replace(s, term=rename(s.term)[0]) for s in program.statements)
    return replace(found, second=replace(found.second, program=replace(program, statements=statements)))


def _expected_second(
    found: SecondOrder,
    kernel: Kernel,
    given: dict[str, np.ndarray],
    sizes: dict[Symbol, int | float],
    rng: np.random.Generator,
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """What a function of second order is given, and its results by the interpreter."""
    called = {name: direction for direction, name in kernel.directions}
    values = given | {t.name: rng.normal(size=given[n].shape) for n, t in found.directions.items()}
    first = interpret(found.order_1, values, sizes)  # type: ignore[arg-type]
    every = interpret(found.second.program, first, sizes)  # type: ignore[arg-type]
    seeds = () if kernel.name.endswith("hessian_vector") else tuple(dict(kernel.seeds))
    wrt = (*seeds, *kernel.layer.differentiable)
    adjoints = [found.second.adjoint(name) for name in wrt]
    wanted = {
        result: np.zeros_like(given[name]) if adjoint is None else every[adjoint.gradient.name]
        for result, name, adjoint in zip(kernel.results, wrt, adjoints, strict=True)
    }
    return values | {called[n]: values[t.name] for n, t in found.directions.items()}, wanted


def _zeros(layer: Layer, given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Gradients that no statement computes are 0."""
    gradient = differentiate(layer.program)
    wanted = zip(layer.differentiable, kernels(layer)[1:], strict=True)
    return {k.results[0]: np.zeros_like(given[n]) for n, k in wanted if gradient.adjoint(n) is None}


def _difference(
    function: object,
    kernel: Kernel,
    expected: dict[str, np.ndarray],
    given: dict[str, np.ndarray],
    sizes: dict[Symbol, int | float],
) -> float:
    """The greatest difference of a kernel's results, relative to the greatest entry expected."""
    arguments = [given[t.name] for t in kernel.arguments]
    options = {o.name: option_value(o, sizes) for o in kernel.options}
    options |= {shape_argument(t): given[t.name].shape for t in kernel.shaped}
    results = function(*arguments, **options)  # type: ignore[operator]
    found = results if len(kernel.results) > 1 else (results,)
    gaps = [0.0]
    for name, value in zip(kernel.results, found, strict=True):
        wanted = expected[name]
        if np.shape(value) != np.shape(wanted):
            return float("inf")
        if wanted.size:
            with np.errstate(invalid="ignore"):
                gap = np.where((value == wanted) | (np.isnan(value) & np.isnan(wanted)), 0.0, np.abs(value - wanted))
            scale = np.abs(wanted[np.isfinite(wanted)]).max(initial=1.0)
            gaps.append(float(gap.max() / scale))
    return float(np.max(gaps))


def option_value(option: Option, sizes: dict[Symbol, int | float]) -> object:
    """The value of an option, as a user writes it, that sets its symbols to `sizes`."""
    values = [sizes[s] for s in option.symbols]
    match option.kind:
        case Kind.PADDING:
            return tuple(zip(values[::2], values[1::2], strict=True))
        case Kind.SIZE:
            return tuple(values)
        case Kind.FLAG:
            return bool(values[0])
        case _:
            return values[0]
