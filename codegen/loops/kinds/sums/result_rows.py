"""The innermost loop goes along the target: a vector of its elements stays in a register until all is summed up.

Neighbouring rows share what they read alike. What is summed up last comes together in chunks: a long sum in float32
would stop growing. Of a single row several summands at a time come together apart, so that none waits for the one
before. Where brackets restrict that innermost index rows are made by `clipped_rows`.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial

from sympy import Expr, Integer, Symbol, Tuple

from gradscribe.codegen.loops.kinds.sums.clipped_rows import before, is_clipped, write_row
from gradscribe.codegen.loops.kinds.sums.result_loops import add_all, conditions, over_results, sums
from gradscribe.codegen.loops.text.c_function import REAL, CIf, Count
from gradscribe.codegen.loops.writing.loop_writer import Writer
from gradscribe.codegen.python.expression import Binary, Expression, Literal, Name, call, every
from gradscribe.codegen.python.statement import Assign

CHUNK = 128
"""Summands that are added up before they are added to others."""

APART = 4
"""Summands of a single row that are added up side by side: an addition takes as long as so many that do not wait."""


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
        inside: dict[Symbol, Expr] = {v: v for v in taps}

        def add(parts: Sequence[Name], further: int = 0) -> None:
            at = inside | {v: v + further for v in taps[-1:]}
            for part, moved in zip(parts, moves, strict=True):
                w.add(part, w.value(nest.body, bases, at | moved))

        _over(w, taps, totals, add)
        for total, moved in zip(totals, moves, strict=True):
            found = total if nest.after == 1 else Binary("*", total, w.value(nest.after, bases, moved))
            w.put(Assign(w.element(nest.target, target, moved), found, "+=" if nest.adds else "="))


def _over(w: Writer, taps: Sequence[Symbol], totals: Sequence[Name], add: Callable[..., None]) -> None:
    """Write the loops over what is summed: `add` adds a summand, or one so much further along the last of `taps`."""
    if not taps:
        add(totals)
        return
    *outer, last = taps
    low, high = w.span(last)
    index, first = w.index(last), w.name(f"{last.name}_from", "chunk")
    stop: Expression = call("min", Binary("+", first, Literal(CHUNK)), high)
    with ExitStack() as loops:
        for v in outer:
            loops.enter_context(w.loop(w.index(v), *w.span(v)))
        with w.apart() as chunk:
            alone = len(totals) == 1
            parts = sums(w, REAL, "part", w.number(Integer(0)), APART if alone else len(totals))
            start: Expression = first
            if alone:
                start = Binary("-", stop, Binary("%", Binary("-", stop, first), Literal(APART)))
                with w.apart() as together:
                    for k, part in enumerate(parts):
                        add([part], k)
                w.put(Count(index, first, start, tuple(together), step=APART))
            with w.loop(index, start, stop):
                add(parts[: len(totals)])
            add_all(w, [*totals] * APART if alone else totals, parts)
        w.put(Count(first, low, high, tuple(chunk), step=CHUNK))
