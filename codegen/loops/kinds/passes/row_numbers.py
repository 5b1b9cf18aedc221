"""What takes functions, roots or quotients and does not vary along a row: a number that is computed once for it.

Elements are multiplied by its reciprocal then, instead of each being divided.
"""

from collections.abc import Mapping, Sequence

import sympy
from sympy import Add, Expr, Integer, Mul

from gradscribe.codegen.loops.nest import Nest
from gradscribe.codegen.loops.text.c_function import FINAL_REAL
from gradscribe.codegen.loops.writing.body import CALLED, is_number
from gradscribe.codegen.loops.writing.loop_writer import Base, Writer
from gradscribe.derive.ir.functions import is_indicator
from gradscribe.derive.ir.term import Access, accesses


def once_a_row(w: Writer, group: Sequence[Nest], bases: Mapping[Access, Base]) -> list[Expr]:
    """The bodies of a group, in which such numbers are read; writes them down before."""
    found: dict[Expr, Access] = {}
    return [_taken(m.body, w, bases, found) for m in group]


def _taken(e: Expr, w: Writer, bases: Mapping[Access, Base], found: dict[Expr, Access]) -> Expr:
    if isinstance(e, Access) or is_indicator(e) or is_number(e, w.indices):
        return e
    if w.nest.vector.index not in e.free_symbols:
        return _number(e, w, bases, found) if is_slow(e) else e
    if not isinstance(e, Add | Mul):
        return e.func(*(_taken(a, w, bases, found) for a in e.args))
    still = [a for a in e.args if _stays(a, w)]
    moving = [_taken(a, w, bases, found) for a in e.args if not _stays(a, w)]
    if any(map(is_slow, still)):
        still = [_number(e.func(*still), w, bases, found)]
    return e.func(*still, *moving)


def _stays(e: Expr, w: Writer) -> bool:
    """Whether an expression is one number for a row, and made of elements."""
    return not is_indicator(e) and w.nest.vector.index not in e.free_symbols and not is_number(e, w.indices)


def is_slow(e: Expr) -> bool:
    """Whether an expression of elements takes a function, a root or a quotient."""
    return any(accesses(p) and not (p.exp.is_Integer and p.exp > 0) for p in e.atoms(sympy.Pow)) or any(
        accesses(f) for f in e.atoms(*CALLED)
    )


def _number(e: Expr, w: Writer, bases: Mapping[Access, Base], found: dict[Expr, Access]) -> Access:
    if e not in found:
        name = w.unique("number_of_row")
        w.new(FINAL_REAL, name, w.scalar(e, bases))
        found[e] = Access(name.text, Integer(0))
        w.in_row[found[e]] = name
    return found[e]
