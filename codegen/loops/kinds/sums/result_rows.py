"""The innermost loop goes along the target: a vector of its elements stays in a register until all is summed up.

Neighbouring rows share what they read alike. What is summed up last comes together in chunks: a long sum in float32
would stop growing. Where brackets restrict that innermost index rows are made by `clipped_rows`.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from sympy import Expr, Integer, Symbol

from gradscribe.codegen.loops.kinds.sums.clipped_rows import before, is_clipped, write_row
from gradscribe.codegen.loops.kinds.sums.result_loops import Limits, conditions, divided, rows
from gradscribe.codegen.loops.text.c_function import LONG, REAL, CIf, Count, CWhile, cases
from gradscribe.codegen.loops.writing.loop_writer import Writer, fit
from gradscribe.codegen.python.expression import Binary, Comparison, Literal, Name, call, every
from gradscribe.codegen.python.statement import Assign
from gradscribe.derive.ir.term import accesses

TOGETHER = 4
"""Neighbouring rows of the target that are computed at once where they share something."""

CHUNK = 128
"""Summands that are added up before they are added to others."""


def write(w: Writer) -> Expr:
    """Write the loops; returns the extent that is divided into parts."""
    clipped = is_clipped(w)
    if clipped:
        before(w)
    with rows(w) as (last, limits):
        if not clipped and _share(w):
            _several(w, w.nest.outer[-1].index, limits)
        else:
            with w.loop(last, *limits):
                _rows(w, (), 1)
    return divided(w)


def _share(w: Writer) -> bool:
    """Whether rows along the last outer index read something alike, and sum over the same.

    Where parts of the work are such rows, results may not depend on where a part begins.
    """
    nest = w.nest
    if len(nest.outer) < 2:
        return False
    last = nest.outer[-1].index
    summed = {r.index for r in nest.taps}
    alike = any(a.free_symbols & summed and last not in a.free_symbols for a in accesses(nest.body))
    return alike and not any(last in b.value.free_symbols for b in nest.brackets)


def _several(w: Writer, last: Symbol, limits: Limits) -> None:
    """The rows along the last outer index, several at a time."""
    j, (low, high) = w.index(last), limits
    w.new(LONG, j, low)
    ways = []
    for number in (TOGETHER, 1):
        with w.apart() as body:
            _rows(w, (last,), number)
            w.add(j, Literal(number))
        ways.append((fit(j, high, number), tuple(body)))
    (several, one) = ways
    w.put(CWhile(Comparison((j, high), ("<",)), cases([several], one[1])))


def _rows(w: Writer, last: tuple[Symbol, ...], number: int) -> None:
    """A number of rows of the target, neighbours along the `last` index."""
    nest = w.nest
    tests = conditions(w, (*nest.taps, nest.vector))
    with w.apart() as sums:
        if is_clipped(w):
            write_row(w)
        else:
            _summed(w, last, number)
    if not tests:
        w.put(*sums)
        return
    with w.apart() as nothing:
        if not nest.adds:
            target = w.base()
            with w.row():
                w.let(w.element(nest.target, target, {}), w.number(Integer(0)))
    w.put(CIf(every(tests), tuple(sums), tuple(nothing)))


def _summed(w: Writer, last: tuple[Symbol, ...], number: int) -> None:
    """Rows of sums."""
    nest = w.nest
    taps = tuple(r.index for r in nest.taps)
    for tap in taps:
        w.clip(tap)
    target, bases, afters = w.base(last), w.bases(nest.body, taps, last), w.bases(nest.after, (), last)
    moves = [dict.fromkeys(last, Integer(k)) for k in range(number)]
    with w.vector(again=True):
        totals = _zeros(w, "total", number)
        with _loops(w, taps, totals) as parts:
            inside: dict[Symbol, Expr] = {v: v for v in taps}
            for part, moved in zip(parts, moves, strict=True):
                w.add(part, w.value(nest.body, bases, inside | moved))
        for total, moved in zip(totals, moves, strict=True):
            found = total if nest.after == 1 else Binary("*", total, w.value(nest.after, afters, moved))
            w.put(Assign(w.element(nest.target, target, moved), found, "+=" if nest.adds else "="))


def _zeros(w: Writer, word: str, number: int) -> list[Name]:
    """New variables that are 0."""
    names = [w.name(f"{word}_{k}" if k else word, "sum") for k in range(number)]
    for name in names:
        w.new(REAL, name, w.number(Integer(0)))
    return names


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
            parts = _zeros(w, "part", len(totals))
            with w.loop(w.index(last), first, call("min", Binary("+", first, Literal(CHUNK)), high)):
                yield parts
            for total, part in zip(totals, parts, strict=True):
                w.add(total, part)
        w.put(Count(first, low, high, tuple(chunk), step=CHUNK))
