"""What loops read and write of each array: rows that touch their own parts alone can be computed one by one."""

from collections.abc import Iterable, Iterator

import sympy
from sympy import Expr, Integer, Symbol

from gradscribe.codegen.loops.nest import Nest
from gradscribe.derive.ir.index import NotAffineError, affine, bounds, natural, same
from gradscribe.derive.ir.term import Access, Range, accesses

WRITTEN, ADDED, READ, HERE, ANY = "w", "a", "r", "h", "-"
"""Of each array: row k of so many writes, adds to, or reads the k-th of as many equal parts, the latter just where it
writes, maybe; or it reads what it likes."""

WHOLE, CHANGED = "*", "?"
"""Where rows are more than that: an array is written, all of it, or changed."""

KINDS = ("gather", "scatter", "pointwise", "rows")
"""The kinds of nests whose rows do not depend on each other and may be asked for alone."""


def row_uses(nest: Nest, extent: Expr, arrays: Iterable[str]) -> str:
    """A letter for each array, as the runtime has them.

    Args:
        nest: the loops.
        extent: of what is divided into rows, the outermost of its indices; 0 where rows are not all that is done.
        arrays: those that the loops are given.
    """
    arrays = tuple(arrays)
    return _by_rows(nest, extent, arrays) or "".join(_whole(nest, name) for name in arrays)


def _whole(nest: Nest, name: str) -> str:
    """What is done with an array by all rows together."""
    if name not in nest.written:
        return ANY
    return CHANGED if any(m.adds for m in (nest, *nest.members)) else WHOLE


def _by_rows(nest: Nest, extent: Expr, arrays: tuple[str, ...]) -> str:
    """The letters where rows have parts of their own; "" where they are more than that."""
    rows = _rows(nest, extent)
    if nest.kind not in KINDS or nest.blocked or nest.parted or not rows or _numbered(nest, rows):
        return ""
    found = [*_touched(nest)]
    shapes, written = dict(nest.shapes), set(nest.written)
    changed = ADDED if any(m.adds for m in (nest, *nest.members)) else WRITTEN
    written_at = {(a.indices, shapes[a.tensor]) for a in found if a.tensor in written}
    uses = ""
    for name in arrays:
        places = [a.indices for a in found if a.tensor == name]
        if places and all(_is_own(place, shapes[name], rows, nest) for place in places):
            here = elementwise(nest) and {(place, shapes[name]) for place in places} == written_at
            uses += changed if name in written else HERE if here else READ
        elif name in written or any(_reads(place, rows) for place in places):
            return ""
        else:
            uses += ANY
    return uses


def elementwise(nest: Nest) -> bool:
    """Whether all arrays are read and written at one place in each round, or are a row."""
    alike = all(m.kind == "pointwise" for m in nest.members or (nest,))
    return nest.kind in ("pointwise", "rows") and alike


def _rows(nest: Nest, extent: Expr) -> tuple[Range, ...]:
    """The outermost indices that a row is a value of; () where it is of none."""
    found: tuple[Range, ...] = ()
    for r in nest.outer or (nest.vector,):
        found = (*found, r)
        if same(sympy.prod([r.extent for r in found], start=Integer(1)), extent):
            return found
    return ()


def _members(nest: Nest) -> tuple[Nest, ...]:
    return nest.members or (nest,)


def _touched(nest: Nest) -> Iterator[Access]:
    """All accesses, the written ones too."""
    for member in _members(nest):
        yield Access(member.target, *member.place)
        if member.argument:
            yield Access(member.argument, *member.place)
        for expression in (member.body, member.after):
            yield from accesses(expression)


def _numbered(nest: Nest, rows: tuple[Range, ...]) -> bool:
    """Whether anything but a place in an array depends on which row it is."""
    numbers = {r.index for r in rows}

    def alone(e: Expr) -> Expr:
        return e.xreplace({a: Symbol(a.tensor) for a in accesses(e)})

    return any(
        alone(e).free_symbols & numbers
        for member in (nest, *nest.members)
        for e in (member.body, member.after, member.position, *(b.value for b in member.brackets))
    )


def _reads(place: tuple[Expr, ...], rows: tuple[Range, ...]) -> bool:
    """Whether a place depends on the row, or on what an array says."""
    numbers = {r.index for r in rows}
    return any(e.free_symbols & numbers or e.has(Access) for e in place)


def _is_own(place: tuple[Expr, ...], shape: tuple[Expr, ...], rows: tuple[Range, ...], nest: Nest) -> bool:
    """Whether a place is in the row's part of an array: ``0 <= address - row * part < part`` for all other indices."""
    ranges = (*nest.ranges, *([nest.groups.range] if nest.groups else []))
    extents = {r.index: r.extent for r in ranges}
    address: Expr = Integer(0)
    for position, extent in zip(place, shape, strict=True):
        address = address * extent + position
    if address.has(Access):
        return False
    try:
        form = affine(sympy.expand(address), tuple(extents))
        part = form.coefficient(rows[-1].index)
        size = part
        for r in reversed(rows):
            if not same(form.coefficient(r.index), size):
                return False
            size = size * r.extent
        inner = {v: e for v, e in extents.items() if v not in {r.index for r in rows}}
        reach = bounds(form.expression() - sum((form.coefficient(r.index) * r.index for r in rows), Integer(0)), inner)
    except NotAffineError:
        return False
    if reach is None or not same(size, sympy.prod(shape, start=Integer(1))):
        return False
    low, high = reach
    return natural(low) and natural(sympy.expand(part - 1 - high))
