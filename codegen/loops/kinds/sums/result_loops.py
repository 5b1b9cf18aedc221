"""The loops over the elements of a target, which threads share, and when nothing is summed up for one of them."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager

from sympy import Expr, Symbol

from gradscribe.codegen.loops.kinds.gather import flattened, outermost, separate
from gradscribe.codegen.loops.text.c_function import LONG, CWhile, cases
from gradscribe.codegen.loops.writing.loop_writer import Writer, fit
from gradscribe.codegen.python.expression import Comparison, Expression, Literal, Name
from gradscribe.codegen.python.scalars.scalar import ZERO
from gradscribe.derive.ir.term import Range, accesses

Limits = tuple[Expression, Expression]
Write = Callable[[tuple[Symbol, ...], int], None]
"""Writes the statements for so many elements, or rows of them, that are neighbours along an index, if there is one."""

TOGETHER = 4
"""Neighbours that are computed at once where they share something."""


def over_results(w: Writer, summed: Iterable[Range], write: Write) -> Expr:
    """Write the loops over all that is not summed; returns the extent that is divided into parts."""
    with _rows(w) as (last, limits):
        if _share(w, summed):
            _several(w, w.nest.outer[-1].index, limits, write)
        else:
            with w.loop(last, *limits):
                write((), 1)
    return flattened(w, [r.index for r in _divided(w)])


def _share(w: Writer, summed: Iterable[Range]) -> bool:
    """Whether neighbours along the last outer index read something alike, and sum over the same.

    Where parts of the work are such neighbours, results may not depend on where a part begins.
    """
    nest = w.nest
    if len(nest.outer) < 2:
        return False
    last, inside = nest.outer[-1].index, {r.index for r in summed}
    alike = any(a.free_symbols & inside and last not in a.free_symbols for a in accesses(nest.body))
    return alike and not any(last in b.value.free_symbols for b in nest.brackets)


def _several(w: Writer, last: Symbol, limits: Limits, write: Write) -> None:
    """The neighbours along the last outer index, several at a time."""
    j, (low, high) = w.index(last), limits
    w.new(LONG, j, low)
    ways = []
    for number in (TOGETHER, 1):
        with w.apart() as body:
            write((last,), number)
            w.add(j, Literal(number))
        ways.append((fit(j, high, number), tuple(body)))
    several, (_, one) = ways
    w.put(CWhile(Comparison((j, high), ("<",)), cases([several], one)))


@contextmanager
def _rows(w: Writer) -> Iterator[tuple[Name, Limits]]:
    """Statements within the loops over all outer indices but the last, which they are given, with its limits."""
    shared = [r.index for r in _divided(w)]
    rest = w.nest.outer[len(shared) :]
    part = w.name("start"), w.name("stop")
    if not rest:
        yield w.index(shared[0]) if shared else w.name("_"), part
        return
    with ExitStack() as loops:
        loops.enter_context(w.loop(outermost(w, shared) if shared else w.name("_"), *part))
        separate(w, shared)
        loops.enter_context(w.loops(rest[:-1]))
        yield w.index(rest[-1].index), (ZERO, w.integer(rest[-1].extent))


def _divided(w: Writer) -> tuple[Range, ...]:
    """The outer indices whose values parts of the work are made of: no two parts write the same element.

    The last one is left to a part, unless there is no other.
    """
    place, outer = w.nest.place, w.nest.outer
    if all(e.is_Symbol or e.is_Integer for e in place):
        return outer[:-1] or outer
    alone = (r for r in outer[:1] if place[0] == r.index and not any(r.index in e.free_symbols for e in place[1:]))
    return tuple(alone)


def sums(w: Writer, kind: Name, word: str, zero: Expression, number: int) -> list[Name]:
    """New variables of a type that are 0."""
    names = [w.name(f"{word}_{k}" if k else word, "sum") for k in range(number)]
    for name in names:
        w.new(kind, name, zero)
    return names


def add_all(w: Writer, totals: Iterable[Expression], found: Iterable[Expression]) -> None:
    """Add one number to each total."""
    for total, one in zip(totals, found, strict=True):
        w.add(total, one)


def conditions(w: Writer, summed: Iterable[Range]) -> list[Expression]:
    """The brackets that nothing `summed` over is in: elements for which one is false are 0."""
    inside = {r.index for r in summed}
    return [
        Comparison((ZERO, w.integer(b.value), w.integer(b.extent)), ("<=", "<"))
        for b in w.nest.brackets
        if not b.value.free_symbols & inside
    ]
