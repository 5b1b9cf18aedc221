"""The example of a page: small sizes, inputs, results and gradients as matrices, one element worked out."""

from collections.abc import Iterator
from dataclasses import replace

from sympy import Symbol

from gradscribe.derive.composition.network import Network
from gradscribe.derive.derivation.forms.example.chosen.numbers import Numbers, numbers
from gradscribe.derive.derivation.forms.example.sheets import formulas
from gradscribe.derive.derivation.forms.example.worked import rounded, worked
from gradscribe.derive.derivation.record.page_record import Derivation, Example, Worked
from gradscribe.derive.derivation.record.section_record import Section
from gradscribe.derive.derivation.record.sentence import Equals, Words, joined


def with_example(page: Derivation) -> Derivation:
    """The page of a layer or a network with numbers beside its formulas.

    Raises:
        EquationError: for order 2.
    """
    found = numbers(page)
    if isinstance(found, str):
        none = Example(((f"This {kind(page)} has no example: {found}.",),), (), (), page.notation)
        return replace(page, example=none)
    example = Example(
        tuple(setup(found, page.notation.sizes, kind(page))),
        tuple(f for name in found.given for f in formulas(name, found.values[name], found.axes[name])),
        tuple(_gradient(s, found) for s in page.sections if s.wrt in page.program.tensors),
        page.notation,
    )
    return replace(page, example=example)


def kind(page: Derivation) -> str:
    """What the page is about."""
    return "network" if isinstance(page.layer, Network) else "layer"


def _gradient(section: Section, found: Numbers) -> Worked:
    row = section.results[0].step
    name = row.left.tensor
    rows = worked(row, found.values, found.known, found.places) if not section.like else ()  # others are alike
    axes = replace(found.axes[section.wrt], extents=())
    return Worked(section.wrt, tuple(formulas(name, found.values[name], axes)), rows)


def setup(found: Numbers, axes: tuple[Symbol, ...], kind_: str) -> Iterator[Words]:
    """The sizes in the order of the axes, and what is left out of the matrices."""
    sizes, values = found.sizes, found.values.values()
    order = sorted(sizes, key=lambda s: (axes.index(s) if s in axes else len(axes), s.name))
    chosen: Words = (", with ", *joined([Equals(s, rounded(float(sizes[s]))) for s in order], " and "))
    smaller = any(s in found.own and sizes[s] != found.own[s] for s in sizes)
    yield ("In numbers", *(chosen if order else ()), f", smaller than the {kind_}'s own." if smaller else ".")
    narrow = any(1 in array.shape and len(array.shape) > 1 for array in values)
    broken = any(abs(v - round(v, 3)) > 1e-9 for array in values for v in array.numbers)
    yield (
        f"{'Matrices leave out axes of one element. ' if narrow else ''}Indices count from 0."
        f"{' Numbers are rounded to three digits behind the point.' if broken else ''}",
    )
