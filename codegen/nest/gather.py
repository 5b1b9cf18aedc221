"""Every element of the target is the sum or the extremum of one window.

Where a window lies within the arrays as a whole, its elements stay in registers: the taps are unrolled, as their number
is known when the function is compiled. At the edges they are looped over.
"""

from collections.abc import Mapping, Sequence

from sympy import Expr, Integer, Symbol, oo

from gradscribe.codegen.nest.addresses import Address
from gradscribe.codegen.nest.writer import Writer, extents
from gradscribe.codegen.plan import Nest
from gradscribe.derive.term import Access, accesses

BLOCK = 4
"""Neighbouring windows that are computed at once where they share a factor, such as the weights."""

MOST_TAPS = 9
"""Taps that are unrolled."""


def write(w: Writer) -> Expr:
    """Write the loops; returns the extent that is divided into parts."""
    nest = w.nest
    *rows, last = nest.outer
    extent = flattened(w, [r.index for r in rows])
    with w.block(f"for {_row(w, rows)} in range({w.name('start')}, {w.name('stop')}):"):
        separate(w, [r.index for r in rows])
        bound = {r.index for r in rows}
        early = [t.index for t in nest.taps if w.known(t.index, bound)]
        for index in early:
            w.clip(index)
        _along(w, last.index, early)
    return extent


def _row(w: Writer, rows: Sequence[object]) -> str:
    indices = [r.index for r in w.nest.outer[: len(rows)]]
    if not indices:
        return w.name("_")
    return w.index(indices[0]) if len(indices) == 1 else w.name("row")


def flattened(w: Writer, indices: Sequence[Symbol]) -> Expr:
    """The number of values that the outer indices have together."""
    return extents(r for r in w.nest.ranges if r.index in indices)


def separate(w: Writer, indices: Sequence[Symbol]) -> None:
    """Write the outer indices, given their common number."""
    if len(indices) < 2:
        return
    rest = w.name("row")
    for index in reversed(indices[1:]):
        extent = w.integer(w.extents[index], 2)
        w.line(f"{w.index(index)} = {rest} % {extent}")
        rest = f"{rest} // {extent}"
    w.line(f"{w.index(indices[0])} = {rest}")


def _along(w: Writer, last: Symbol, early: Sequence[Symbol]) -> None:
    """The loop along the innermost outer index."""
    nest = w.nest
    taps = tuple(t.index for t in nest.taps)
    number = extents(nest.taps)
    late = [v for v in taps if v not in early]
    windows = w.windows and not (number.is_Integer and int(number) > MOST_TAPS)
    j, length = w.index(last), w.integer(w.extents[last])
    if not windows:
        with w.block(f"for {j} in range({length}):"):
            _edge(w, late)
        return
    tests = [] if number.is_Integer else [f"{w.integer(number)} <= {MOST_TAPS}"]
    for v in early:
        if w.clips(v):
            low, high = w.limited(v)
            tests.append(f"{low} == 0 and {high} == {w.integer(w.extents[v])}")
    found = w.whole(last, taps)
    first, end = w.name(f"{last.name}_first", "first"), w.name(f"{last.name}_last", "last")
    if found:
        w.limits(last, found, (first, end))
        if tests:
            with w.block(f"if not ({' and '.join(tests)}):"):
                w.line(f"{end} = {first}")
    elif tests:
        w.line(f"{first}, {end} = 0, {length} if {' and '.join(tests)} else 0")
    else:
        first, end = "0", length
    w.line(f"{j} = 0")
    blocks = ([BLOCK] if _shares(nest, last) else []) + [1]
    with w.block(f"while {j} < {length}:"):
        for k, block in enumerate(blocks):
            low = "" if first == "0" else f"{first} <= "
            test = f"{low}{j} < {end}" if block == 1 else f"{low}{j} <= {end} - {block}"
            with w.block(f"{'el' if k else ''}if {test}:"):
                _window(w, last, block)
                w.line(f"{j} += {block}")
        if first != "0" or end != length:
            with w.block("else:"):
                _edge(w, late)
                w.line(f"{j} += 1")


def _shares(nest: Nest, last: Symbol) -> bool:
    """Whether neighbouring windows have a factor with taps in common."""
    taps = {t.index for t in nest.taps}
    return nest.op == "sum" and any(a.free_symbols & taps and last not in a.free_symbols for a in accesses(nest.body))


def _window(w: Writer, last: Symbol, block: int) -> None:
    """Whole windows side by side, element by element in registers."""
    nest = w.nest
    taps = tuple(t.index for t in nest.taps)
    target = w.base((last,))
    bases = w.bases(nest.body, taps, (last,))
    afters = w.bases(nest.after, (), (last,))
    with w.block(w.vector_head()):
        names = [_registers(w, k) for k in range(block)]
        for name in names:
            w.line(*_start(w, *name))
        depth = w.depth
        for tap in nest.taps:
            w.line(f"for {w.index(tap.index)} in range({w.integer(tap.extent)}):")
            w.depth += 1
        moved: dict[Symbol, Expr] = {v: v for v in taps}
        first = f"{' + '.join(w.index(v) for v in taps)} == 0"
        if nest.argument:
            w.line(f"{w.name('position')} = np.int32({w.integer(nest.position)})")
        for k, name in enumerate(names):
            _take(w, *name, w.value(nest.body, bases, moved | {last: Integer(k)}), first)
        w.depth = depth
        for k, (best, found) in enumerate(names):
            where = w.element(target, {last: Integer(k)})
            w.line(f"{nest.target}[{where}] = {_finished(w, best, afters, {last: Integer(k)})}")
            if nest.argument:
                w.line(f"{nest.argument}[{where}] = {found}")


def _registers(w: Writer, number: int) -> tuple[str, str]:
    """The variables that hold an element of the target and its position."""
    end = f"_{number}" if number else ""
    word = "total" if w.nest.op == "sum" else "best"
    return w.name(f"{word}{end}"), w.name(f"found{end}")


def _start(w: Writer, best: str, found: str) -> list[str]:
    """An element before the first tap."""
    none = {"sum": Integer(0), "max": -oo, "min": oo}[w.nest.op]
    return [f"{best} = {w.number(none)}", *([f"{found} = np.int32(-1)"] if w.nest.argument else [])]


def _take(w: Writer, best: str, found: str, value: str, first: str) -> None:
    """An element after one more tap: NaN wins, of equal ones the first, as in NumPy; `first` says it is the first."""
    nest = w.nest
    if nest.op == "sum":
        w.add(best, value)
        return
    new, better = w.name("value"), w.name("better")
    below, above = ("<=", ">") if nest.op == "max" else (">=", "<")
    if value != new:
        w.line(f"{new} = {value}")
    if not nest.argument:
        w.line(f"{best} = {new} if ({new} {above} {best}) | ({new} != {new}) else {best}")
        return
    w.line(
        f"{better} = (not {new} {below} {best}) & ({best} == {best}) | ({first})",
        f"{best} = {new} if {better} else {best}",
        f"{found} = {w.name('position')} if {better} else {found}",
    )


def _finished(w: Writer, best: str, bases: Mapping[Access, tuple[str, Address]], moved: Mapping[Symbol, Expr]) -> str:
    if w.nest.after == 1:
        return best
    value = w.value(w.nest.after, bases, moved)
    return f"{best} * ({value})" if " " in value else f"{best} * {value}"


def _edge(w: Writer, late: Sequence[Symbol]) -> None:
    """One window tap by tap, those left out that are outside of an array."""
    nest = w.nest
    best, found = _registers(w, 0)
    bound = {r.index for r in nest.outer}
    target = w.base()
    with w.block(f"for {w.index(nest.vector.index)} in range({w.unsigned(nest.vector.extent)}):"):
        w.line(*_start(w, f"{nest.target}[{w.element(target, {})}]", f"{nest.argument}[{w.element(target, {})}]"))
    depth = w.depth
    for tap in nest.taps:
        if tap.index in late:
            w.clip(tap.index)
        w.line(f"for {w.index(tap.index)} in range({w.span(tap.index)}):")
        w.depth += 1
        bound.add(tap.index)
    bases = w.bases(nest.body)
    if nest.argument:
        w.line(f"{w.name('position')} = np.int32({w.integer(nest.position)})")
    w.clip(nest.vector.index)
    with w.block(w.vector_head()):
        element = f"{nest.target}[{w.element(target, {})}]"
        value = w.value(nest.body, bases, {})
        if nest.op == "sum":
            w.add(element, value)
        else:
            place = f"{nest.argument}[{w.element(target, {})}]"
            w.line(f"{best} = {element}", *([f"{found} = {place}"] if nest.argument else []))
            _take(w, best, found, value, f"{found} < 0")
            w.line(f"{element} = {best}", *([f"{place} = {found}"] if nest.argument else []))
    w.depth = depth
    if nest.after != 1:
        afters = w.bases(nest.after)
        with w.block(f"for {w.index(nest.vector.index)} in range({w.unsigned(nest.vector.extent)}):"):
            element = f"{nest.target}[{w.element(target, {})}]"
            w.line(f"{element} = {_finished(w, element, afters, {})}")
