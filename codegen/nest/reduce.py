"""Every element of the target is a sum over all windows: the gradient of weights that are no matrix.

The target has an axis for the outermost index, so that parts do not write the same sums; NumPy adds these up. Sums
stay in cache while windows pass by, several at a time, and go to float64 every now and then: a long sum in float32
would stop growing.
"""

from sympy import Expr, Integer, Symbol

from gradscribe.codegen.nest.writer import Writer
from gradscribe.derive.term import Range

BLOCKS = 8, 1
"""Neighbouring windows that are added at once."""

MOST_TAPS = 4
"""Taps that are unrolled."""

ROWS = 32
"""Rows of windows after which sums go to float64."""


def write(w: Writer) -> Expr:
    """Write the loops; returns the extent that is divided into parts."""
    nest = w.nest
    first, *middle, last = nest.outer
    sums, zero = w.name("sums"), w.number(Integer(0))
    with w.block(f"for {w.index(first.index)} in range({w.name('start')}, {w.name('stop')}):"):
        w.line(f"{sums} = np.zeros({w.integer(_size(w))}, np.float64)")
        _each(w, f"{{0}} = {zero}")
        depth = w.depth
        bound = {first.index}
        done = _clips(w, bound, set())
        for k, r in enumerate(middle):
            w.line(f"for {w.index(r.index)} in range({w.integer(r.extent)}):")
            w.depth += 1
            bound.add(r.index)
            if k == 0:
                with w.block(f"if {w.index(r.index)} % {ROWS} == {ROWS - 1}:"):
                    _each(w, f"{sums}[{{1}}] += {{0}}", f"{{0}} = {zero}")
            done |= _clips(w, bound, done)
        for r in nest.taps[:-1]:
            w.line(f"for {w.index(r.index)} in range({w.span(r.index)}):")
            w.depth += 1
        _along(w, last, nest.taps[-1])
        w.depth = depth
        _each(w, f"{{0}} += {sums}[{{1}}]")
    return first.extent


def _size(w: Writer) -> Expr:
    """The number of sums."""
    size: Expr = w.nest.vector.extent
    for r in w.nest.taps:
        size *= r.extent
    return size


def _each(w: Writer, *lines: str) -> None:
    """Do something with every sum: {0} in `lines` is the element of the target, {1} its number."""
    depth = w.depth
    number: Expr = Integer(0)
    for r in w.nest.taps:
        w.line(f"for {w.index(r.index)} in range({w.integer(r.extent)}):")
        w.depth += 1
        number = number * r.extent + r.index
    at = w.name("sums_at")
    target = w.base()
    w.line(f"{at} = {w.unsigned(number * w.nest.vector.extent)}")
    vector = w.nest.vector
    with w.block(f"for {w.index(vector.index)} in range({w.unsigned(vector.extent)}):"):
        element = f"{w.nest.target}[{w.element(target, {})}]"
        w.line(*(line.format(element, f"{at} + {w.index(vector.index)}") for line in lines))
    w.depth = depth


def _clips(w: Writer, bound: set[Symbol], done: set[Symbol]) -> set[Symbol]:
    """Write the ranges of taps that are known by now."""
    found = {r.index for r in w.nest.taps[:-1] if r.index not in done and w.known(r.index, bound)}
    for r in w.nest.taps:
        if r.index in found:
            w.clip(r.index)
    return found


def _along(w: Writer, last: Range, tap: Range) -> None:
    """The loop along the innermost outer index."""
    j, length = w.index(last.index), w.integer(last.extent)
    unrolled = not tap.extent.is_Integer or int(tap.extent) <= MOST_TAPS
    if not unrolled or not w.windows:
        with w.block(f"for {j} in range({length}):"):
            _one(w, tap)
        return
    found = w.whole(last.index, (tap.index,))
    first, end = w.name(f"{last.index.name}_first", "first"), w.name(f"{last.index.name}_last", "last")
    if found:
        w.limits(last.index, found, (first, end))
    else:
        w.line(f"{first}, {end} = 0, {length}")
    if not tap.extent.is_Integer:
        with w.block(f"if {w.integer(tap.extent)} > {MOST_TAPS}:"):
            w.line(f"{end} = {first}")
    w.line(f"{j} = 0")
    with w.block(f"while {j} < {length}:"):
        for k, block in enumerate(BLOCKS):
            with w.block(f"{'el' if k else ''}if {first} <= {j} <= {end} - {block}:"):
                _several(w, last.index, tap, block)
                w.line(f"{j} += {block}")
        with w.block("else:"):
            _one(w, tap)
            w.line(f"{j} += 1")


def _several(w: Writer, last: Symbol, tap: Range, block: int) -> None:
    """Neighbouring windows, all taps."""
    target = w.base((), (tap.index,))
    bases = w.bases(w.nest.body, (tap.index,), (last,))
    with (
        w.block(w.vector_head()),
        w.block(f"for {w.index(tap.index)} in range({w.integer(tap.extent)}):"),
    ):
        moved: dict[Symbol, Expr] = {tap.index: tap.index}
        total = w.name("total")
        for k in range(block):
            value = w.value(w.nest.body, bases, moved | {last: Integer(k)})
            if k:
                w.add(total, value)
            else:
                w.line(f"{total} = {value}")
        w.line(f"{w.nest.target}[{w.element(target, moved)}] += {total}")


def _one(w: Writer, tap: Range) -> None:
    """One window, the taps that lie within the arrays."""
    w.clip(tap.index)
    with w.block(f"for {w.index(tap.index)} in range({w.span(tap.index)}):"):
        target, bases = w.base(), w.bases(w.nest.body)
        w.clip(w.nest.vector.index)
        with w.block(w.vector_head()):
            w.add(f"{w.nest.target}[{w.element(target, {})}]", w.value(w.nest.body, bases, {}))
