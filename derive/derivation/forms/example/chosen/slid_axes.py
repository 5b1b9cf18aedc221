"""The axes along which windows slide, and those of the windows, read off the equations."""

from collections.abc import Collection, Iterator

from sympy import Expr, Symbol

from gradscribe.derive.ir.index import IntegerFunction
from gradscribe.derive.ir.term import Access, Program, accesses
from gradscribe.derive.layer.interface import Layer


def image_sizes(program: Program, layer: Layer) -> set[Symbol]:
    """The sizes that extents along windows and kernels are made of: an axis with one of them is one of an image."""
    wide, narrow = slid(program, {e for w in layer.weights if w in program.tensors for e in program.tensors[w].shape})
    found = {s for e in wide | narrow for s in e.free_symbols}
    for symbol, definition in program.sizes:
        if definition.free_symbols & found:
            found.add(symbol)
    return found


def slid(program: Program, kernels: Collection[Expr]) -> tuple[set[Expr], set[Expr]]:
    """The extents of axes that windows slide along, and those of the windows.

    An index such as s*i + d*r is one of a window, where no coefficient is itself an extent, as in digits K*g + k. Where
    the window is written to, its own extents are those of `kernels`.
    """
    wide: set[Expr] = set()
    narrow: set[Expr] = set()
    for term in (s.term for s in program.statements):
        extents = {r.index: r.extent for r in term.ranges}
        read = [(e, extent) for a in accesses(term.body) for e, extent in _axes(a, program)]
        for form, axis in (*read, *((delta, None) for delta in term.deltas)):
            indices = [v for v in term.indices if v in form.free_symbols]
            scales = form.free_symbols - set(indices)
            pair = axis is None and len(indices) == 2 and not scales  # the target's axis has an index of its own
            if (
                form.has(IntegerFunction)
                or len(indices) < 2
                or pair
                or scales & set().union(*(extents[v].free_symbols for v in extents))
            ):
                continue
            own = {extents[v] for v in indices}
            taps = (
                {extents[r.index] for r in term.bound if r.index in indices} if axis is not None else own & set(kernels)
            )
            wide |= ({axis} if axis is not None else own) - taps
            narrow |= taps
    return wide - narrow, narrow


def _axes(access: Access, program: Program) -> Iterator[tuple[Expr, Expr]]:
    return zip(access.indices, program.tensors[access.tensor].shape, strict=True)
