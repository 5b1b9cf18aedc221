"""The innermost loop goes along the target: a vector of its elements stays in a register until all is summed up.

Neighbouring rows share what they read alike. What is summed up last comes together in chunks: a long sum in float32
would stop growing. Where brackets restrict that innermost index rows are made by `clipped_rows`.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

from sympy import Expr, Integer, Symbol, Tuple

from gradscribe.codegen.loops.kinds.sums.clipped_rows import before, is_clipped, write_row
from gradscribe.codegen.loops.kinds.sums.result_loops import add_all, conditions, over_results, sums
from gradscribe.codegen.loops.text.c_function import REAL, CIf, Count
from gradscribe.codegen.loops.writing.loop_writer import Writer
from gradscribe.codegen.python.expression import Binary, Literal, Name, call, every
from gradscribe.codegen.python.statement import Assign

CHUNK = 128
"""Summands that are added up before they are added to others."""


def write(w: Writer) -> Expr:
    """Write the loops; returns the extent that is divided into parts."""
    clipped = is_clipped(w)
    if clipped:
        before(w)
    return over_results(w, () if clipped else w.nest.taps, partial(_rows, w))


def _rows(w: Writer, last: tuple[Symbol, ...], number: int) -> None:
    """A number of rows of the target, neighbours along the `last` index."""
    nest = w.nest
    tests = conditions(w, (*nest.taps, nest.vector))
    with w.apart() as body:
        if is_clipped(w):
            write_row(w)
        else:
            _summed(w, last, number)
    if not tests:
        w.put(*body)
        return
    with w.apart() as nothing:
        if not nest.adds:
            target = w.base()
            with w.row():
                w.let(w.element(nest.target, target, {}), w.number(Integer(0)))
    w.put(CIf(every(tests), tuple(body), tuple(nothing)))


def _summed(w: Writer, last: tuple[Symbol, ...], number: int) -> None:
    """Rows of sums."""
    nest = w.nest
    taps = tuple(r.index for r in nest.taps)
    for tap in taps:
        w.clip(tap)
    target, bases = w.base(last), w.bases(Tuple(nest.body, nest.after), taps, last)  # both may read one array
    moves = [dict.fromkeys(last, Integer(k)) for k in range(number)]
    with w.vector(again=True):
        totals = sums(w, REAL, "total", w.number(Integer(0)), number)
        with _loops(w, taps, totals) as parts:
            inside: dict[Symbol, Expr] = {v: v for v in taps}
            for part, moved in zip(parts, moves, strict=True):
                w.add(part, w.value(nest.body, bases, inside | moved))
        for total, moved in zip(totals, moves, strict=True):
            found = total if nest.after == 1 else Binary("*", total, w.value(nest.after, bases, moved))
            w.put(Assign(w.element(nest.target, target, moved), found, "+=" if nest.adds else "="))


@contextmanager
def _loops(w: Writer, taps: Sequence[Symbol], totals: Sequence[Name]) -> Iterator[Sequence[Name]]:
    """Statements within the loops over what is summed, given where they add to; that is added to the totals."""
    if not taps:
        yield totals
        return
    *outer, last = taps
    low, high = w.span(last)
    first = w.name(f"{last.name}_from", "chunk")
    with ExitStack() as loops:
        for v in outer:
            loops.enter_context(w.loop(w.index(v), *w.span(v)))
        with w.apart() as chunk:
            parts = sums(w, REAL, "part", w.number(Integer(0)), len(totals))
            with w.loop(w.index(last), first, call("min", Binary("+", first, Literal(CHUNK)), high)):
                yield parts
            add_all(w, totals, parts)
        w.put(Count(first, low, high, tuple(chunk), step=CHUNK))
