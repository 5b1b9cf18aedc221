"""The loops over the elements of a target, which threads share, and when nothing is summed up for one of them."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from sympy import Expr

from gradscribe.codegen.loops.kinds.gather import flattened, outermost, separate
from gradscribe.codegen.loops.writing.loop_writer import Writer
from gradscribe.codegen.python.expression import Comparison, Expression, Name
from gradscribe.codegen.python.scalars.scalar import ZERO
from gradscribe.derive.ir.term import Range

Limits = tuple[Expression, Expression]


@contextmanager
def rows(w: Writer) -> Iterator[tuple[Name, Limits]]:
    """Statements within the loops over all outer indices but the last, which they are given, with its limits."""
    shared = [r.index for r in _shared(w)]
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


def divided(w: Writer) -> Expr:
    """The extent that is divided into parts."""
    return flattened(w, [r.index for r in _shared(w)])


def _shared(w: Writer) -> tuple[Range, ...]:
    """The outer indices whose values parts of the work are made of: no two parts write the same element.

    The last one is left to a part, unless there is no other.
    """
    nest = w.nest
    outer = nest.outer
    if all(e.is_Symbol or e.is_Integer for e in nest.place):
        return outer[:-1] or outer
    alone = nest.place[0] == outer[0].index and not any(outer[0].index in e.free_symbols for e in nest.place[1:])
    return outer[:1] if alone and len(outer) > 1 else ()


def conditions(w: Writer, summed: Iterable[Range]) -> list[Expression]:
    """The brackets that nothing `summed` over is in: elements for which one is false are 0."""
    inside = {r.index for r in summed}
    return [
        Comparison((ZERO, w.integer(b.value), w.integer(b.extent)), ("<=", "<"))
        for b in w.nest.brackets
        if not b.value.free_symbols & inside
    ]
