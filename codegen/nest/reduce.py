"""Every element of the target is a sum over all windows: the gradient of weights that are no matrix.

Rows of sums stay in cache while windows pass by, several at a time; they are added up in float64 every now and then, as
a long sum in float32 would stop growing.
"""

from sympy import Expr, Integer, Symbol

from codegen.nest.gather import flattened
from codegen.nest.writer import Writer
from derive.term import Range

BLOCK = 8
"""Neighbouring windows that are added at once."""

MOST_TAPS = 4
"""Taps that are unrolled."""


def write(w: Writer) -> Expr:
    """Write the loops; returns the extent that is divided into parts."""
    nest = w.nest
    *before, tap = nest.taps
    depth = w.depth
    if not before:
        w.line(f"for _ in range({w.name('start')}, {w.name('stop')}):")
        w.depth += 1
    for k, r in enumerate(before):
        limits = f"{w.name('start')}, {w.name('stop')}" if k == 0 else w.integer(r.extent)
        w.line(f"for {w.index(r.index)} in range({limits}):")
        w.depth += 1
    width = w.integer(tap.extent * nest.vector.extent)
    sums, part = w.name("sums"), w.name("part")
    w.line(f"{sums} = np.zeros({width}, np.float64)", f"{part} = np.zeros({width}, {nest.target}.dtype)")
    inner = w.depth
    for r in nest.outer[:-1]:
        w.clip(r.index)
        w.line(f"for {w.index(r.index)} in range({w.span(r.index)}):")
        w.depth += 1
    _along(w, nest.outer[-1], tap)
    w.depth = min(w.depth, inner + 1)
    at = w.name("at")
    with w.block(f"for {at} in range({width}):"):
        w.line(f"{sums}[{at}] += {part}[{at}]", f"{part}[{at}] = {w.number(Integer(0))}")
    w.depth = inner
    with w.block(f"for {w.index(tap.index)} in range({w.integer(tap.extent)}):"):
        target = w.base()
        with w.block(w.vector_head()):
            w.line(f"{nest.target}[{w.element(target, {})}] = {sums}[{_place(w, tap)}]")
    w.depth = depth
    return flattened(w, [r.index for r in before[:1]])


def _place(w: Writer, tap: Range) -> str:
    """Where a sum is among the sums."""
    return f"{w.unsigned(tap.index * w.nest.vector.extent)} + {w.index(w.nest.vector.index)}"


def _along(w: Writer, last: Range, tap: Range) -> None:
    """The loop along the innermost outer index."""
    j = w.index(last.index)
    w.clip(last.index)
    low, high = w.limited(last.index) if w.clips(last.index) else ("0", w.integer(last.extent))
    tests = [] if tap.extent.is_Integer else [f"{w.integer(tap.extent)} <= {MOST_TAPS}"]
    unrolled = not tap.extent.is_Integer or int(tap.extent) <= MOST_TAPS
    if not unrolled or not w.windows(last.index):
        with w.block(f"for {j} in range({low}, {high}):"):
            _one(w, tap)
        return
    found = w.whole(last.index, (tap.index,))
    names = w.name(f"{last.index.name}_first"), w.name(f"{last.index.name}_last")
    if found:
        w.limits(last.index, found, names)
        tests.append(f"{names[0]} <= {j} and {j} + {BLOCK} <= {names[1]}")
    else:
        tests.append(f"{j} + {BLOCK} <= {high}")
    w.line(f"{j} = {low}")
    with w.block(f"while {j} < {high}:"):
        with w.block(f"if {' and '.join(tests)}:"):
            _several(w, last.index, tap)
            w.line(f"{j} += {BLOCK}")
        with w.block("else:"):
            _one(w, tap)
            w.line(f"{j} += 1")


def _several(w: Writer, last: Symbol, tap: Range) -> None:
    """Neighbouring windows, all taps."""
    bases = w.bases(w.nest.body, (tap.index,), (last,))
    with (
        w.block(w.vector_head()),
        w.block(f"for {w.index(tap.index)} in range({w.integer(tap.extent)}):"),
    ):
        moved: dict[Symbol, Expr] = {tap.index: tap.index}
        total = w.name("total")
        w.line(f"{total} = {w.number(Integer(0))}")
        for k in range(BLOCK):
            w.line(f"{total} += {w.value(w.nest.body, bases, moved | {last: Integer(k)})}")
        w.line(f"{w.name('part')}[{_place(w, tap)}] += {total}")


def _one(w: Writer, tap: Range) -> None:
    """One window, the taps that lie within the arrays."""
    w.clip(tap.index)
    with w.block(f"for {w.index(tap.index)} in range({w.span(tap.index)}):"):
        bases = w.bases(w.nest.body)
        w.clip(w.nest.vector.index)
        with w.block(w.vector_head()):
            w.line(f"{w.name('part')}[{_place(w, tap)}] += {w.value(w.nest.body, bases, {})}")
