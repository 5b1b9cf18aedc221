"""Numerical verification: rows of derivations, boxed gradients and kernels, each against the others, with figures."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gradscribe.codegen.driver import compile_layer
from gradscribe.codegen.kernel.kernel import backward_kernel
from gradscribe.codegen.kernel.second_order_kernels import kernels_of_order
from gradscribe.codegen.tool.verify.calls import DIFFERENCES, INTERPRETER, PAGE, Gap
from gradscribe.codegen.tool.verify.first import first_gaps
from gradscribe.codegen.tool.verify.network_gaps import network_gaps
from gradscribe.codegen.tool.verify.second import second_gaps
from gradscribe.derive.calculus.second_order import checked_order
from gradscribe.derive.composition import Network
from gradscribe.derive.derivation import Derivation, derive
from gradscribe.derive.derivation.certificate.certificate import CHAIN_TOLERANCE, ROWS_TOLERANCE, Certificate
from gradscribe.derive.derivation.certificate.certify import certify
from gradscribe.derive.ir.functions import Rule
from gradscribe.derive.layer.interface import Layer

KERNEL_TOLERANCE = 1e-10
DECREED = f"{DIFFERENCES}, slopes as decreed"
"""What is said instead where functions have slopes that are not their derivatives."""
TOLERANCES = {INTERPRETER: KERNEL_TOLERANCE, PAGE: KERNEL_TOLERANCE, DIFFERENCES: CHAIN_TOLERANCE}


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
    """Compare every row of the derivation with its neighbour, and every kernel with three others.

    These are the interpreter, the boxed row of the derivation, and central differences. Every other time the data are
    whole numbers, so that maxima have ties; there, and where a constant is in the way, the interpreter decides.

    Args:
        layer: the layer or network.
        shapes: how many random admissible shapes.
        seed: makes the figures repeatable.
        order: 2 for the gradient of the gradient, too: its rows, double backward and the Hessian-vector product.
    """
    pages = {
        number: derive(layer, order=number, form="all") for number in range(1, checked_order(layer.name, order) + 1)
    }
    for number, page in pages.items():
        yield from _rows(certify(page, shapes, seed), "" if number == 1 else " of order 2")
        yield from _missing(page, shapes)
    decreed = any(s.term.body.has(Rule) for s in layer.program.statements)
    found: dict[str, dict[str, list[float]]] = {}
    for name, against, gap in _kernel_gaps(layer, pages, shapes, np.random.default_rng(seed), order):
        found.setdefault(name, {}).setdefault(against, []).append(gap)
    for name, gaps in found.items():
        for against in (a for a in TOLERANCES if a in gaps):
            said = DECREED if against == DIFFERENCES and decreed else against
            yield Verified(name, said, len(gaps[against]), float(np.max(gaps[against])), TOLERANCES[against])


def _kernel_gaps(
    layer: Layer, pages: dict[int, Derivation], shapes: int, rng: np.random.Generator, order: int
) -> Iterator[Gap]:
    """Every comparison of a generated function, shape by shape."""
    if isinstance(layer, Network):
        yield from network_gaps(layer, pages, shapes, rng)
        return
    first, second = kernels_of_order(layer, order)
    backward = backward_kernel(layer)
    first = (*first, *([backward] if backward is not None else []))
    module = compile_layer(layer, order)
    for number in range(shapes):
        tied = number % 2 == 1
        yield from first_gaps(layer, pages[1], first, module, rng, tied)
        if second:
            yield from second_gaps(layer, pages[2], second, module, rng, tied)


def _rows(found: Certificate, of: str) -> Iterator[Verified]:
    """The rows, the exact ones apart; a page without rows has failed."""
    shapes, rounded = found.shapes, found.rows - found.exact
    if not shapes:
        yield Verified(f"the derivation{of}", "the oracle: too large", shapes, float("nan"), 0)
        return
    difference = found.difference if found.rows else float("nan")
    if found.exact:
        exact = difference if not rounded or np.isinf(difference) else 0.0
        yield Verified(f"{found.exact} rows of the derivation{of}", "row before, exact", shapes, exact, 0)
    if rounded or not found.rows:
        name = f"{rounded} rows of the derivation{of}"
        yield Verified(name, "row before", shapes, difference, ROWS_TOLERANCE)
    if found.captions:
        name = f"{found.captions} captions{of}"
        yield Verified(name, "their definitions", shapes, found.caption_difference, ROWS_TOLERANCE)
    if found.chain_rows or not found.rows:
        chain = f"{found.chain_rows} chain-rule rows{of}"
        yield Verified(
            chain, DECREED if found.decreed else DIFFERENCES, shapes, found.chain_difference, CHAIN_TOLERANCE
        )


def _missing(page: Derivation, shapes: int) -> Iterator[Verified]:
    """A failure for every gradient asked for that the page does not show."""
    assert page.rewritten is not None  # what `derive` made
    origin = page.rewritten.origin
    shown = {section.wrt for section in page.sections}
    asked = [a.tensor.name for a in origin.adjoints if a.gradient.name in origin.program.outputs]
    asked += origin.zeros
    same = {name for name, seed in page.rewritten.shown.seeds.items() if seed.name not in origin.seeds}
    for name in asked:
        if name not in shown | same:
            yield Verified(f"the gradient with respect to {name}", "the page: it is missing", shapes, float("inf"), 0)
