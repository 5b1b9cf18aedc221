"""Matrix forms beside the program and the boxed gradients: the product, both gradients, the small example."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from sympy import Symbol

from gradscribe.derive.derivation.certificate.boxes import back_propagated
from gradscribe.derive.derivation.certificate.rows import gap
from gradscribe.derive.derivation.forms.caption.by_definition import Values
from gradscribe.derive.derivation.forms.caption.matrices.matrix_record import (
    MatrixForm,
    Toeplitz,
    Unfolding,
    factors,
    readings,
)
from gradscribe.derive.derivation.forms.caption.matrices.matrix_value import forward_value, gradient_values
from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.ir.interpret import complete_sizes, interpret
from gradscribe.derive.ir.term import Program, accesses
from gradscribe.derive.layer.sampling import sample_sizes, sample_values

Sizes = Mapping[Symbol, Any]


def matrix_gaps(derivation: Derivation, rng: np.random.Generator) -> Iterator[tuple[str, float]]:
    """Every matrix form at random sizes: the tensor it is of, and how far it is from the program and the boxes."""
    program = derivation.program
    if not derivation.matrices:
        return
    source = derivation.layer or program
    sizes = complete_sizes(program, sample_sizes(source, rng, mapping=derivation.mapping, limit=60_000))
    values = interpret(program, sample_values(program, sizes, rng), sizes)
    given = derivation.notation.seeds.items()
    values |= {seed: rng.normal(size=values[output].shape) for seed, output in given if output in values}
    found = back_propagated(derivation, values, sizes, rng)
    gradients = {s.wrt: s.steps[-1].left.tensor for whole in derivation.sections for s in whole.parts}
    total: dict[str, Any] = {}
    for form in (f for f in derivation.matrices if f.gradient in found):
        yield form.target, gap(forward_value(form, found, sizes), found[form.target], floor=1.0)
        for name, own in gradient_values(form, found, sizes).items():
            yield name, _slope_gap(form, name, own, found, sizes, rng)
            total[name] = total.get(name, 0) + own
    for name, gradient in total.items():
        whole = len(factors(derivation.matrices, name)) == readings(program, name)
        if whole and gradients.get(name) in found:
            yield name, gap(gradient, found[gradients[name]], floor=1.0)
    for form in derivation.matrices:
        for part, example in zip(form.parts, form.examples, strict=False):
            if example is not None:
                yield form.target, _example_gap(form, part, example, program, rng)


def _slope_gap(
    form: MatrixForm, name: str, own: np.ndarray, values: Values, sizes: Sizes, rng: np.random.Generator
) -> float:
    """The part of a gradient that comes through one equation, beside that equation's slope in a random direction.

    A product of two factors is quadratic at most, so that the central difference is its slope.
    """
    direction, products = rng.normal(size=np.shape(values[name])), replace(form, added=())
    ends = [forward_value(products, {**values, name: values[name] + step * direction}, sizes) for step in (1, -1)]
    slope = np.vdot(values[form.gradient], ends[0] - ends[1]) / 2
    return gap(np.vdot(own, direction), slope, floor=1.0 + float(np.sum(np.abs(own))))


def _example_gap(
    form: MatrixForm, part: Unfolding, example: Toeplitz, program: Program, rng: np.random.Generator
) -> float:
    """One matrix times the data against the equation."""
    sizes = dict(example.sizes)
    statements = tuple(s for s in program.definitions(form.target) if s.term == part.statement.term)
    name, kernel = part.tensors
    reads = {a.tensor for s in statements for a in accesses(s.term.body)}
    inputs = tuple(replace(program.tensors[t], optional=False) for t in sorted(reads))
    whole = Program(inputs, statements, (form.target,), program.sizes)
    values = interpret(whole, sample_values(whole, sizes, rng), sizes)
    weights = values[kernel].ravel()
    numbers = {
        a: weights[int(np.ravel_multi_index(tuple(int(i) for i in a.indices), example.taps))]
        for a in example.matrix.atoms(type(part.elements[0]))
    }
    matrix = np.array(example.matrix.xreplace(numbers).tolist(), dtype=float)
    return gap(matrix @ values[name].ravel(), values[form.target].ravel(), floor=1.0)
