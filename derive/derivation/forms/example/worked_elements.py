"""Every element of an example's results, with the elements that it is the sum of."""

from collections.abc import Iterator
from dataclasses import dataclass

from gradscribe.derive.derivation.forms.example.chosen.numbers import Numbers
from gradscribe.derive.derivation.forms.example.reads import counted, reads
from gradscribe.derive.derivation.forms.example.sheets import Sheet, sheets
from gradscribe.derive.derivation.forms.example.worked import steps_of, summands
from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.derivation.record.section_record import Step
from gradscribe.derive.ir.interpret.plain import Place

MOST_SUMMANDS = 40
"""That are written out; a page scrolls."""
MOST_ELEMENTS = 200
"""Of a tensor whose elements are worked out."""


@dataclass(frozen=True)
class Element:
    """An element that is computed.

    Attributes:
        at: its place.
        reads: the elements that it is made of.
        steps: rows that say how, of sums that are not too long.
    """

    at: Place
    reads: tuple[tuple[str, Place], ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Table:
    """A tensor of an example.

    Attributes:
        name: the tensor.
        wrt: of a gradient, the tensor differentiated by; "" for others.
        sheets: its matrices.
        elements: how each is computed; () for what is given, and where a function holds sums.
    """

    name: str
    wrt: str
    sheets: tuple[Sheet, ...]
    elements: tuple[Element, ...] = ()


def tables(page: Derivation, found: Numbers) -> Iterator[Table]:
    """The tensors of the forward equations and what arrives, then the gradients."""
    rows = {d.left.tensor: Step("example", (), d.left, d.terms, notation=page.notation) for d in page.equations}
    for name in found.given:
        own = tuple(sheets(name, found.values[name].shape, found.axes[name]))
        yield Table(name, "", own, _elements(rows.get(name), found))
    for section in page.sections:
        if section.wrt in page.program.tensors:
            row = section.results[0].step
            name = row.left.tensor
            axes = found.axes[section.wrt]
            yield Table(name, section.wrt, tuple(sheets(name, found.values[name].shape, axes)), _elements(row, found))


def _elements(row: Step | None, found: Numbers) -> tuple[Element, ...]:
    if row is None or len(found.values[row.left.tensor].entries) > MOST_ELEMENTS:
        return ()
    plain = all(index.is_Symbol for index in row.left.indices)  # else an element is at another place than its indices
    sums = summands(row, found.values, found.known) if plain else {}
    results = found.values[row.left.tensor]

    def steps(at: Place) -> tuple[Step, ...]:
        own = sums.get(at, ())
        return steps_of(row, at, own, float(results[at]), found.values, found.known, found.places, MOST_SUMMANDS)

    return tuple(Element(at, counted(read), steps(at)) for at, read in reads(row, found.values, found.known).items())
