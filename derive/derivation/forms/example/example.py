"""The example of a page: small sizes, inputs, results and gradients as matrices, one element worked out."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
from sympy import Expr, ImmutableMatrix, Integer, Symbol

from gradscribe.derive.calculus.differentiate import Gradient
from gradscribe.derive.composition.network import Network
from gradscribe.derive.derivation.forms.example.slid_axes import image_sizes
from gradscribe.derive.derivation.forms.example.small_sizes import small_sizes
from gradscribe.derive.derivation.forms.example.spelling import place
from gradscribe.derive.derivation.forms.example.whole_values import seeds, whole_values
from gradscribe.derive.derivation.forms.example.worked import Places, Values, rounded, worked
from gradscribe.derive.derivation.forward.place import places
from gradscribe.derive.derivation.letters.element import axis_letters
from gradscribe.derive.derivation.record.page_record import Derivation, Example, Worked
from gradscribe.derive.derivation.record.section_record import Formula, Section
from gradscribe.derive.derivation.record.sentence import Equals, Words, joined
from gradscribe.derive.ir.interpret import complete_sizes, evaluate, interpret, number
from gradscribe.derive.ir.term import Access, EquationError, Tensor
from gradscribe.derive.layer.interface import Layer


def with_example(page: Derivation) -> Derivation:
    """The page of a layer or a network with numbers beside its formulas.

    Raises:
        EquationError: for order 2.
    """
    rewritten = page.rewritten
    if rewritten is None or page.layer is None or page.premises:
        raise EquationError(f"{page.name}: expected first gradients for an example; use order 1")
    return replace(page, example=_example(page, rewritten.shown, page.layer))


def _example(page: Derivation, gradient: Gradient, layer: Layer) -> Example:
    numbers, data = _own_numbers(layer)
    sizes = small_sizes(page.program, layer, page.mapping, numbers, {name: v.shape for name, v in data.items()})
    given = whole_values(page.program, sizes, data) if sizes is not None else None
    if sizes is None or given is None:
        why = "no sizes are small enough" if sizes is None else "results are finite at none of the numbers tried"
        return Example(((f"This {_kind(layer)} has no example: {why}.",),), (), (), page.notation)
    known = complete_sizes(page.program, sizes)
    computed = {s.target.name for s in gradient.program.statements}
    arriving = {output: seed for output, seed in gradient.seeds.items() if computed and seed.name not in computed}
    values = interpret(page.program, given, sizes) | seeds(arriving, known)
    values = interpret(gradient.program, values, sizes)
    for section in page.sections:
        for let in section.lets:
            values[let.target.name] = evaluate(let.term, values, known)[0]
    letters, tensors = axis_letters(page.program), page.program.tensors
    letters |= {seed.name: letters[output] for output, seed in arriving.items()}
    images = image_sizes(page.program, layer)
    axes = {name: _image_axes(t, images) for name, t in tensors.items()}
    axes |= {seed.name: axes[output] for output, seed in arriving.items()}
    names = [*tensors, *(seed.name for seed in arriving.values())]
    extents = {n: [number(r.extent, known) for r in ranges] for n, ranges in places([page.program]).items()}
    shown = tuple(
        f
        for name in names
        for f in _matrices(name, values[name], letters.get(name, ()), axes[name], extents.get(name, ()))
    )
    derived = [s for s in page.sections if s.wrt in page.program.tensors]
    return Example(
        tuple(_setup(sizes, values, page.notation.sizes, numbers, _kind(layer))),
        shown,
        tuple(_gradient(s, values, known, letters.get(s.wrt, ()), axes[s.wrt], extents) for s in derived),
        page.notation,
    )


def _own_numbers(layer: Layer) -> tuple[Mapping[Symbol, Expr], Mapping[str, np.ndarray]]:
    """What a network says its sizes and parameters are, and its constants."""
    if not isinstance(layer, Network):
        return {}, {}
    return dict(layer.values), {name: np.array(data, dtype=float) for name, data in layer.constants}


def _kind(layer: Layer) -> str:
    return "network" if isinstance(layer, Network) else "layer"


def _gradient(
    section: Section,
    values: Values,
    sizes: Mapping[Symbol, Any],
    letters: Sequence[Symbol],
    image: Sequence[int],
    extents: Places,
) -> Worked:
    row = section.results[0].step
    name = row.left.tensor
    rows = worked(row, values, sizes, extents) if not section.like else ()  # they would be worked out alike
    return Worked(section.wrt, tuple(_matrices(name, values[name], letters, image)), rows)


def _setup(
    sizes: Mapping[Symbol, Any],
    values: Values,
    axes: tuple[Symbol, ...],
    numbers: Mapping[Symbol, Expr],
    kind: str,
) -> Iterator[Words]:
    """The sizes in the order of the axes, and what is left out of the matrices."""
    order = sorted(sizes, key=lambda s: (axes.index(s) if s in axes else len(axes), s.name))
    chosen: Words = (", with ", *joined([Equals(s, rounded(float(sizes[s]))) for s in order], " and "))
    smaller = any(s in numbers and sizes[s] != numbers[s] for s in sizes)
    yield ("In numbers", *(chosen if order else ()), f", smaller than the {kind}'s own." if smaller else ".")
    narrow = any(1 in np.shape(v) and np.ndim(v) > 1 for v in values.values())
    broken = any(np.any(np.abs(v - np.round(v, 3)) > 1e-9) for v in values.values())
    yield (
        f"{'Matrices leave out axes of one element. ' if narrow else ''}Indices count from 0."
        f"{' Numbers are rounded to three digits behind the point.' if broken else ''}",
    )


def _image_axes(tensor: Tensor, images: Collection[Symbol]) -> list[int]:
    return [axis for axis, extent in enumerate(tensor.shape) if extent.free_symbols & set(images)]


def _matrices(
    name: str, array: np.ndarray, letters: Sequence[Symbol], image: Sequence[int], extents: Sequence[int] = ()
) -> Iterator[Formula]:
    """A tensor as a number, a row or a matrix; one of more axes as several matrices, such as one for each channel.

    Args:
        name: the tensor.
        array: its values.
        letters: the indices of its axes.
        image: the axes along which windows slide; the last axes where these are not two.
        extents: of a tensor of places, the extents that they are numbered in.
    """

    def entry(value: float) -> Expr:
        return place(int(value), extents) if extents else rounded(float(value))

    array = np.asarray(array)
    wide = [axis for axis, extent in enumerate(array.shape) if extent > 1]
    seen = [axis for axis in wide if axis in image]
    last = seen if len(seen) == 2 else wide[-2:]
    others = [axis for axis in wide if axis not in last]
    for at in product(*(range(array.shape[axis]) for axis in others)):
        index: list[Any] = [0] * array.ndim
        for axis, position in zip(others, at, strict=True):
            index[axis] = position
        for axis in last:
            index[axis] = slice(None)
        shown = [letter if axis in last else Integer(index[axis]) for axis, letter in enumerate(letters)]
        part = array[tuple(index)]
        left = Access(name, *shown) if others and shown else Access(name)
        if part.ndim == 0:
            yield Formula(left, entry(part))
        else:
            yield Formula(left, ImmutableMatrix([[entry(v) for v in line] for line in np.atleast_2d(part)]))
