"""The boxed gradients of a page, at random values and the sizes that a layer's functions have there."""

from numpy.random import Generator

from gradscribe.codegen.tool.verify.calls import Arrays, Sizes, given
from gradscribe.derive.calculus.collapse import rename
from gradscribe.derive.derivation import Derivation
from gradscribe.derive.derivation.certificate.boxes import boxed
from gradscribe.derive.ir.interpret import complete_sizes, interpret, value
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.sampling import open_symbols, sample_sizes

LIMIT = 60_000
"""Points of an index box that the interpreter is given."""


def on_the_page(
    layer: Layer, page: Derivation, rng: Generator, tied: bool, fixed: Sizes | None = None
) -> tuple[Arrays, Arrays, Sizes]:
    """The boxes by tensor, the arrays that functions are given there, and the layer's own sizes.

    Args:
        layer: the layer.
        page: its derivation, in which several of its sizes may be one, or a number.
        rng: the source of randomness.
        tied: whether data are whole numbers.
        fixed: sizes and numbers that are not drawn.
    """
    assert page.rewritten is not None  # what `derive` made
    assert page.layer is not None
    origin = page.rewritten.origin
    terms = [rename(s.term)[0] for s in origin.program.statements]
    sizes = sample_sizes(page.layer, rng, mapping=page.mapping, fixed=fixed, terms=terms, limit=LIMIT)
    arrays = given(origin, sizes, rng, tied)
    boxes = boxed(page, arrays, complete_sizes(origin.forward, sizes), rng)
    needed = open_symbols(layer.program, [e for r in layer.requirements for e in r.expressions])
    own = {s: value(page.mapping.get(s, s), {}, sizes) for s in needed}
    inputs = {t.name: arrays[t.name] for t in layer.program.inputs}
    return boxes, {**interpret(layer.program, inputs, own), **arrays}, own
