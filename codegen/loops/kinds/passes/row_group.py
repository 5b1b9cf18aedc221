"""What is computed in one loop along a row: elements, sums of the row, sums over rows that go on; numbers behind it.

What a member has made of an element stays in a variable for those behind it, and is stored at the end.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from itertools import groupby

from sympy import Add, Expr, Integer

from gradscribe.codegen.loops.kinds.passes.row_numbers import once_a_row
from gradscribe.codegen.loops.kinds.passes.row_sums import RowSum, blocks, store
from gradscribe.codegen.loops.nest import Nest
from gradscribe.codegen.loops.text.c_function import APART, FINAL_LONG
from gradscribe.codegen.loops.writing.loop_writer import Base, Writer
from gradscribe.codegen.python.expression import Binary, Expression, Name, Part, call
from gradscribe.codegen.python.statement import Assign
from gradscribe.derive.ir.index import affine
from gradscribe.derive.ir.term import Access, Guard, accesses

Limits = tuple[Expression, Expression]
NUMBERS = "row_numbers"
"""The kind of a member that has one number for each row."""


def groups(members: Sequence[Nest]) -> list[list[Nest]]:
    """Members in groups none of which reads a number of the row that it makes, nor goes along another part of it."""
    found: list[list[Nest]] = [[]]
    totals: set[str] = set()
    for member in members:
        along = [m.brackets for m in found[-1] if m.kind != NUMBERS]
        apart = member.kind != NUMBERS and any(brackets != member.brackets for brackets in along)
        reads = member.kind != NUMBERS and totals & {a.tensor for a in accesses(member.body)}
        if apart or reads:
            found.append([])
            totals = set()
        found[-1].append(member)
        totals |= {member.target} if member.kind in ("row_sums", NUMBERS) else set()
    return found


def all_read(members: Sequence[Nest]) -> Expr:
    """All that is read and written in a row, but what is written at the end."""
    targets = (Access(m.target, *m.place) for m in members if m.kind != "column_sums")
    afters = (m.after for m in members if m.kind != "column_sums")
    return Add(*targets, *(m.body for m in members), *afters, evaluate=False)


def write_group(
    w: Writer,
    group: Sequence[Nest],
    bases: Mapping[Access, Base],
    limits: Limits,
    later: Collection[str],
    columns: Mapping[Nest, Part],
) -> None:
    """Write the loop of a group, and the sums and numbers of the row behind it.

    Args:
        w: the function.
        group: its members.
        bases: where all that is read and written begins.
        limits: of the loop.
        later: the arrays that other groups read; those that are local and not among them are not stored.
        columns: sum over rows -> where it comes together.
    """
    along = [m for m in group if m.kind != NUMBERS]
    stored = [m.target for m in along if m.kind == "pointwise" and (m.target not in w.nest.local or m.target in later)]
    sums = _sums(w, along)
    if along:
        whole, limits = limits, _within(w, along[0].brackets, limits)
        _write_loop(w, along, bases, limits, sums, columns, stored)
        if along[0].brackets:
            _fill(w, [m for m in along if m.target in stored and not m.adds], bases, whole, limits)
    for target, found in groupby((m for m in group if m in sums or m.kind == NUMBERS), lambda m: (m.target, m in sums)):
        members = list(found)
        if target[1]:
            store(w, members, sums, bases)
            continue
        for m in members:
            element = w.element(m.target, bases[Access(m.target, *m.place)], {})
            w.put(Assign(element, w.scalar(m.body, bases), "+=" if m.adds else "="))


def _sums(w: Writer, along: Sequence[Nest]) -> dict[Nest, RowSum]:
    """The sums that members make of a row; those of the same numbers are one, whatever multiplies it behind the row."""
    made = {m.target for m in along if m.kind == "pointwise"}
    found: dict[Nest, RowSum] = {}
    for m in along:
        if m.kind == "row_sums":
            still = not made & {a.tensor for a in accesses(m.body)}
            same = (s for n, s in found.items() if still and (n.body, n.op) == (m.body, m.op))
            found[m] = next(same, None) or RowSum(w, m)
    return found


def _write_loop(
    w: Writer,
    along: Sequence[Nest],
    bases: Mapping[Access, Base],
    limits: Limits,
    sums: Mapping[Nest, RowSum],
    columns: Mapping[Nest, Part],
    stored: Collection[str],
) -> None:
    bodies = once_a_row(w, along, bases)
    different = tuple(dict.fromkeys(sums.values()))
    for s in different:
        s.begin()
    with ExitStack() as stack:
        if sums:
            limits = stack.enter_context(blocks(w, limits, different))
        stack.enter_context(w.along(*limits, "" if sums else APART))
        made: dict[str, tuple[Part, Name]] = {}
        for m, body in zip(along, bodies, strict=True):
            if m in sums and sums[m].nest is not m:
                continue
            value = w.value(body, bases, {})
            if m in sums:
                sums[m].go_on(value)
            elif m in columns:
                w.add(columns[m], value)
            else:
                access = Access(m.target, *m.place)
                element = w.element(m.target, bases[access], {})
                if m.adds:
                    value = Binary("+", w.value(access, bases, {}), value)
                made[m.target] = element, w.make(m.target, element, value)
        for array, (element, name) in made.items():
            if array in stored:
                w.let(element, name)


def _within(w: Writer, brackets: Sequence[Guard], limits: Limits) -> Limits:
    """Write down the part of a row for which brackets hold, if there are any."""
    if not brackets:
        return limits
    first, last, v = w.unique("first"), w.unique("last"), w.nest.vector
    lows, highs = [], []
    for b in brackets:
        factor = affine(b.value, w.order).coefficient(v.index)
        given = (factor, b.value - factor * v.index, b.extent, v.extent)
        lows.append(call("first_within", *(w.integer(e.expand()) for e in given)))
        highs.append(call("behind_within", *(w.integer(e.expand()) for e in given)))
    w.new(FINAL_LONG, first, call("max", *lows) if len(lows) > 1 else lows[0])
    w.new(FINAL_LONG, last, call("max", first, call("min", *highs) if len(highs) > 1 else highs[0]))
    return first, last


def _fill(w: Writer, members: Sequence[Nest], bases: Mapping[Access, Base], whole: Limits, limits: Limits) -> None:
    """Write 0 where brackets do not hold."""
    v = w.index(w.nest.vector.index)
    for m in members:
        element = w.element(m.target, bases[Access(m.target, *m.place)], {})
        for low, high in ((whole[0], limits[0]), (limits[1], whole[1])):
            with w.loop(v, low, high, APART):
                w.let(element, w.number(Integer(0)))
