"""The example at the end of a page: small sizes, inputs, results and gradients as matrices, one element worked out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
from sympy import Expr, ImmutableMatrix, Integer, Symbol

from gradscribe.derive.calculus.differentiate import Gradient
from gradscribe.derive.composition.network import Network
from gradscribe.derive.derivation.forms.example.small_sizes import seeds, small_sizes, whole_values
from gradscribe.derive.derivation.forms.example.spelling import place
from gradscribe.derive.derivation.forms.example.worked import rounded, worked
from gradscribe.derive.derivation.forward.place import places
from gradscribe.derive.derivation.letters.element import axis_letters
from gradscribe.derive.derivation.record import Derivation, Equals, Example, Formula, Section, Words, Worked, joined
from gradscribe.derive.ir.interpret import complete_sizes, evaluate, interpret, number
from gradscribe.derive.ir.term import Access, EquationError


def with_example(page: Derivation) -> Derivation:
    """The page of a layer with numbers at its end.

    Raises:
        EquationError: for a network and order 2.
    """
    rewritten = page.rewritten
    if rewritten is None or page.layer is None or isinstance(page.layer, Network) or page.premises:
        raise EquationError(f"{page.name}: expected first gradients of a single layer for an example")
    return replace(page, example=_example(page, rewritten.shown))


def _example(page: Derivation, gradient: Gradient) -> Example:
    assert page.layer is not None  # as above
    title: Words = ("example",)
    sizes = small_sizes(page.program, page.layer, page.mapping)
    given = whole_values(page.program, sizes) if sizes is not None else None
    if sizes is None or given is None:
        why = "no sizes are small enough" if sizes is None else "results are finite at none of the numbers tried"
        return Example(title, ((f"This layer has no example: {why}.",),), (), (), page.notation)
    known = complete_sizes(page.program, sizes)
    values = interpret(page.program, given, sizes) | seeds(gradient.seeds, known)
    values = interpret(gradient.program, values, sizes)
    for section in page.sections:
        for let in section.lets:
            values[let.target.name] = evaluate(let.term, values, known)[0]
    letters = axis_letters(page.program)
    letters |= {seed.name: letters[output] for output, seed in gradient.seeds.items()}
    names = [*page.program.tensors, *(seed.name for seed in gradient.seeds.values())]
    extents = {n: [number(r.extent, known) for r in ranges] for n, ranges in places([page.program]).items()}
    shown = tuple(f for name in names for f in _matrices(name, values[name], letters, extents.get(name, ())))
    derived = [s for s in page.sections if s.wrt in page.program.tensors]
    return Example(
        title,
        tuple(_setup(sizes, values, page.notation.sizes)),
        shown,
        tuple(_gradient(section, values, known, letters, extents) for section in derived),
        page.notation,
    )


def _gradient(
    section: Section,
    values: Mapping[str, np.ndarray],
    sizes: Mapping[Symbol, Any],
    letters: Mapping[str, Any],
    extents: Mapping[str, Sequence[int]],
) -> Worked:
    row = section.results[0].step
    name = row.left.tensor
    axes = {name: letters[section.wrt]} if section.wrt in letters else {}
    return Worked(tuple(_matrices(name, values[name], axes)), worked(row, values, sizes, extents))


def _setup(sizes: Mapping[Symbol, Any], values: Mapping[str, np.ndarray], axes: tuple[Symbol, ...]) -> Iterator[Words]:
    """The sizes in the order of the axes, and what is left out of the matrices."""
    if sizes:
        order = sorted(sizes, key=lambda s: (axes.index(s) if s in axes else len(axes), s.name))
        yield ("With ", *joined([Equals(s, rounded(float(sizes[s]))) for s in order], " and "), ":")
    narrow = any(1 in np.shape(v) and np.ndim(v) > 1 for v in values.values())
    broken = any(np.any(np.abs(v - np.round(v, 3)) > 1e-9) for v in values.values())
    yield (
        f"{'Matrices leave out axes of one element. ' if narrow else ''}Indices count from 0."
        f"{' Numbers are rounded to three digits behind the point.' if broken else ''}",
    )


def _matrices(
    name: str, array: np.ndarray, letters: Mapping[str, tuple[Symbol, ...]], extents: Sequence[int] = ()
) -> Iterator[Formula]:
    """A tensor as a number, a row or a matrix; one of more axes as several matrices; with `extents` one of places."""

    def entry(value: float) -> Expr:
        return place(int(value), extents) if extents else rounded(float(value))

    array = np.asarray(array)
    wide = [axis for axis, extent in enumerate(array.shape) if extent > 1]
    last, others = wide[-2:], wide[:-2]
    for at in product(*(range(array.shape[axis]) for axis in others)):
        index: list[Any] = [0] * array.ndim
        shown: list[Expr] = list(letters.get(name, ()))
        for axis, position in zip(others, at, strict=True):
            index[axis] = position
        for axis in last:
            index[axis] = slice(None)
        for axis in set(range(len(shown))) - set(last):
            shown[axis] = Integer(index[axis])
        part = array[tuple(index)]
        left = Access(name, *shown) if others and shown else Access(name)
        if part.ndim == 0:
            yield Formula(left, entry(part))
        else:
            yield Formula(left, ImmutableMatrix([[entry(v) for v in line] for line in np.atleast_2d(part)]))
