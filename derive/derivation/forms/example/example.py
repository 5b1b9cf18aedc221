"""The example of a page: small sizes, inputs, results and gradients as matrices, one element worked out."""

from collections.abc import Iterator
from dataclasses import replace

from gradscribe.derive.composition.network import Network
from gradscribe.derive.derivation.forms.example.chosen.numbers import Numbers, numbers
from gradscribe.derive.derivation.forms.example.sheets import formulas
from gradscribe.derive.derivation.forms.example.worked import rounded, worked
from gradscribe.derive.derivation.record.page_record import Derivation, Example, Worked
from gradscribe.derive.derivation.record.section_record import Section
from gradscribe.derive.derivation.record.sentence import AND, Equals, Words, joined
from gradscribe.said import say


def with_example(page: Derivation) -> Derivation:
    """The page of a layer or a network with numbers beside its formulas.

    Raises:
        EquationError: for order 2.
    """
    found = numbers(page)
    if isinstance(found, str):
        none = (
            say("This network has no example: {reason}.", reason=found)
            if isinstance(page.layer, Network)
            else say("This layer has no example: {reason}.", reason=found)
        )
        return replace(page, example=Example((none,), (), (), page.notation))
    example = Example(
        tuple(setup(found, page)),
        tuple(f for name in found.given for f in formulas(name, found.values[name], found.axes[name])),
        tuple(_gradient(s, found) for s in page.sections if s.wrt in page.program.tensors),
        page.notation,
    )
    return replace(page, example=example)


def _gradient(section: Section, found: Numbers) -> Worked:
    row = section.results[0].step
    name = row.left.tensor
    rows = worked(row, found.values, found.known, found.places) if not section.like else ()  # others are alike
    axes = replace(found.axes[section.wrt], extents=())
    return Worked(section.wrt, tuple(formulas(name, found.values[name], axes)), rows)


def setup(found: Numbers, page: Derivation) -> Iterator[Words]:
    """The sizes in the order of the axes, and what is left out of the matrices."""
    sizes, values, axes = found.sizes, found.values.values(), page.notation.sizes
    order = sorted(sizes, key=lambda s: (axes.index(s) if s in axes else len(axes), s.name))
    chosen = joined([Equals(s, rounded(float(sizes[s]))) for s in order], AND)
    numbers = say("In numbers, with {sizes}", sizes=chosen) if order else say("In numbers")
    if any(s in found.own and sizes[s] != found.own[s] for s in sizes):
        network = isinstance(page.layer, Network)
        yield (
            say("{numbers}, smaller than the network's own.", numbers=numbers)
            if network
            else say("{numbers}, smaller than the layer's own.", numbers=numbers)
        )
    else:
        yield (*numbers, ".")
    said = [say("Indices count from 0.")]
    if any(1 in array.shape and len(array.shape) > 1 for array in values):
        said.insert(0, say("Matrices leave out axes of one element."))
    if any(abs(v - round(v, 3)) > 1e-9 for array in values for v in array.numbers):
        said.append(say("Numbers are rounded to three digits behind the point."))
    yield joined(said, " ", " ")
