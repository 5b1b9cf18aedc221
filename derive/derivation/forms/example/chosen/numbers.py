"""The numbers of a page's example: small sizes, whole inputs, and everything that follows from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

from sympy import Expr, Symbol

from gradscribe.derive.calculus.differentiate import Gradient
from gradscribe.derive.composition.network import Network
from gradscribe.derive.derivation.forms.example.chosen.slid_axes import image_sizes
from gradscribe.derive.derivation.forms.example.chosen.small_sizes import OF_NUMBERS, Scale, small_sizes
from gradscribe.derive.derivation.forms.example.chosen.whole_values import seeds, whole_values
from gradscribe.derive.derivation.forward.place import places
from gradscribe.derive.derivation.letters.element import axis_letters
from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.derivation.record.section_record import Step
from gradscribe.derive.ir.interpret.plain import (
    Array,
    array_of,
    complete_sizes,
    evaluate_plainly,
    filled,
    interpret_plainly,
    number,
    shape_of,
)
from gradscribe.derive.ir.term import EquationError, Tensor
from gradscribe.derive.layer.interface import Layer
from gradscribe.said import Message


@dataclass(frozen=True)
class Axes:
    """How the axes of a tensor are shown.

    Attributes:
        letters: their indices.
        image: the axes along which windows slide.
        extents: of a tensor of places, the extents that they are numbered in.
    """

    letters: Sequence[Symbol] = ()
    image: Sequence[int] = ()
    extents: Sequence[int] = ()


@dataclass(frozen=True)
class Numbers:
    """A small case.

    Attributes:
        sizes: what was chosen, of sizes and parameters.
        known: these and the sizes that follow.
        values: every tensor of the forward equations and of the gradients.
        given: the tensors of the forward equations, then what arrives from above.
        axes: of tensors.
        own: what a network says its sizes and parameters are.
    """

    sizes: Mapping[Symbol, Any]
    known: Mapping[Symbol, Any]
    values: Mapping[str, Array]
    given: tuple[str, ...]
    axes: Mapping[str, Axes]
    own: Mapping[Symbol, Expr]

    @property
    def places(self) -> Mapping[str, Sequence[int]]:
        """Recorded positions, and the extents in which they are numbered."""
        return {name: axes.extents for name, axes in self.axes.items() if axes.extents}


def has_numbers(page: Derivation) -> bool:
    """Whether a page has first gradients of a layer, so that one may look for a small case."""
    second = any(isinstance(premise, Step) for premise in page.premises)  # the first gradients, as premises
    return page.rewritten is not None and page.layer is not None and not second


def numbers(page: Derivation, scale: Scale = OF_NUMBERS) -> Numbers | str:
    """The numbers for the page of a layer or a network; words that say why there are none.

    Raises:
        EquationError: for order 2.
    """
    rewritten, layer = page.rewritten, page.layer
    if rewritten is None or layer is None or not has_numbers(page):
        raise EquationError(f"{page.name}: expected first gradients for an example; use order 1")
    own, data = _own_numbers(layer)
    sizes = small_sizes(page.program, layer, page.mapping, own, {name: v.shape for name, v in data.items()}, scale)
    if sizes is None:
        return Message("no sizes are small enough")
    given = whole_values(page.program, sizes, data)
    if given is None:
        return Message("results are finite at none of the numbers tried")
    known = complete_sizes(page.program, sizes)
    arriving = _arriving(rewritten.shown)
    values = interpret_plainly(page.program, given, sizes) | seeds(arriving, known)
    values = interpret_plainly(rewritten.shown.program, values, sizes)
    zeros = rewritten.shown.zeros.values()
    values |= {t.name: filled(shape_of(t.shape, known), repeat(0.0).__next__) for t in zeros}
    for section in page.sections:
        for let in section.lets:
            values[let.target.name] = evaluate_plainly(let.term, values, known)[0]
    axes = _axes(page, layer, known, arriving)
    return Numbers(sizes, known, values, tuple(axes), axes, own)


def _own_numbers(layer: Layer) -> tuple[Mapping[Symbol, Expr], Mapping[str, Array]]:
    """What a network says its sizes and parameters are, and its constants."""
    if not isinstance(layer, Network):
        return {}, {}
    return dict(layer.values), {name: array_of(data) for name, data in layer.constants}


def _arriving(gradient: Gradient) -> Mapping[str, Tensor]:
    """The gradients that arrive from above, by output."""
    computed = {s.target.name for s in gradient.program.statements}
    return {output: seed for output, seed in gradient.seeds.items() if computed and seed.name not in computed}


def _axes(
    page: Derivation, layer: Layer, known: Mapping[Symbol, Any], arriving: Mapping[str, Tensor]
) -> dict[str, Axes]:
    """Of the tensors of the forward equations, and of what arrives, which has those of the output."""
    letters, images = axis_letters(page.program), image_sizes(page.program, layer)
    extents = {n: [number(r.extent, known) for r in ranges] for n, ranges in places([page.program]).items()}
    found = {
        name: Axes(letters.get(name, ()), _image_axes(tensor, images), extents.get(name, ()))
        for name, tensor in page.program.tensors.items()
    }
    return found | {seed.name: Axes(found[output].letters, found[output].image) for output, seed in arriving.items()}


def _image_axes(tensor: Tensor, images: set[Symbol]) -> list[int]:
    return [axis for axis, extent in enumerate(tensor.shape) if extent.free_symbols & images]
