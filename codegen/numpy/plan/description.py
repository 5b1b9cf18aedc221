"""What a record does, as a line to read: the deed, and behind it the operations or the elements moved."""

from collections.abc import Iterable

import sympy
from sympy import Expr, Integer, Symbol

from gradscribe.codegen.kernel.page.equation import Equation
from gradscribe.codegen.loops import Nest
from gradscribe.codegen.numpy.plan.arrays import Allocate, Release, Split, Window
from gradscribe.codegen.numpy.plan.lookups import (
    ContractByLabel,
    Count,
    Gather,
    Known,
    LabelExtrema,
    Labels,
    ScatterAdd,
)
from gradscribe.codegen.numpy.plan.records import (
    Apply,
    Block,
    Branch,
    Compiled,
    Invoke,
    Loop,
    Present,
    Record,
    Recur,
    Stretches,
    Wanted,
    When,
)
from gradscribe.codegen.numpy.plan.reduction import Accumulate, Contract, PartSums, Reduce, Spread
from gradscribe.codegen.numpy.plan.slice_update import Clip, Define, Positions, Scale, Update
from gradscribe.codegen.numpy.print.sums import summation
from gradscribe.derive.ir.reductions import REDUCTIONS, SUM
from gradscribe.derive.ir.term import Access, Range


def describe(record: Record) -> str:
    """One line on a record: what it does, floating-point operations, elements moved."""
    return f"{deed(record)}{work(record)}"


def deed(record: Record) -> str:
    """What a record does."""
    match record:
        case Allocate(name, shape, fill, _, buffered):
            filled = f" fill {fill}" if fill is not None else ""
            return f"allocate {name} {shape}{filled}{_reused(buffered)}"
        case Split(name, source, shape):
            return f"view {name} = {source} as {shape}"
        case Window(name, source, axes, positions, described):
            where = ", ".join(str(p.expression()) for p in positions)
            verb = "describe" if described else "window"
            return f"{verb} {name}[{_indices(axes)}] = {source}[{where}]"
        case Equation():
            return " ".join(line.strip() for line in record.lines(10**6))
        case Release(buffered):
            return f"give back {', '.join(buffered)}"
        case Contract(out, left, right, left_axes, right_axes, axes, scale, _, accumulate, into, row):
            spec = f"{_names(left_axes)}, {_names(right_axes)} -> {_indices(axes)}"
            where = " at its positions" if into else ""
            times = f" times {scale}" if scale != 1 else ""
            added = f" plus {row} in each row" if row else ""
            return f"contract {out} {_sign(accumulate)} {left}, {right}: {spec}{times}{where}{added}"
        case Reduce(out, op, window, _, _, scale, argument):
            recorded = f", first position in {argument}" if argument is not None else ""
            return f"reduce {out} = {op} of {window}{_scaled(scale)}{recorded}"
        case Accumulate(out, factors, _, places, _, first, backwards, weights):
            if weights:
                return f"slopes {out} = of the products of {factors}, weighted by {weights}"
            which = "all others" if first is None else f"from {first} on" if backwards else f"{first} and one more each"
            return f"products {out} of {factors} along {_indices(places)}: {which}"
        case Spread(out, values, _, _, scale, argument, accumulate):
            chosen = f" at {argument}" if argument is not None else ""
            return f"spread {out} {_sign(accumulate)} {values}{_scaled(scale)}{chosen}"
        case Clip(index, extent, constraints):
            brackets = ", ".join(f"0 <= {a}*{index} + {b} < {e}" for a, b, e in constraints)
            return f"clip 0 <= {index} < {extent} to {brackets}"
        case Update(target, op):
            recorded = f", position {record.argument[1]} in {record.argument[0].array}" if record.argument else ""
            return f"update {target.array} {op} {_value(record)}{recorded}"
        case Define(name, update, buffered):
            reduction = "" if update.is_sum else f"{update.op} of "
            return f"define {name} = {reduction}{_value(update)}{_reused(buffered)}"
        case Scale(update):
            return f"scale {update.target.array} by {_value(update)}"
        case Positions(name, update):
            return f"labels {name} = {update.body}"
        case Gather(name, source, source_axes, labels, axes):
            return f"gather {name}[{_indices(axes)}] = {source}[{', '.join(_looked_up(source_axes, labels))}]"
        case Count(name, along, counted):
            return f"{name}[{along.index}] = how many {counted.index} < {counted.extent} meet the brackets"
        case PartSums(name, source, _, summed, place, ends, labels, adjoint):
            parts = ", ".join(labels) or ", ".join(f"{place.index} + ({a}) to {place.index} + ({b})" for a, b in ends)
            return f"{name} = sums of {source} over parts of {summed.index}: {'within ' * adjoint}{parts}"
        case ContractByLabel(out, left, right, left_axes, right_axes, axes, labels, accumulate=accumulate):
            spec = f"{_names(left_axes)}, {_names(right_axes)}, {labels.index}: {_names(labels.axes)} -> {_names(axes)}"
            return f"{'add to' if accumulate else 'define'} {out} {_sign(accumulate)} by label {left}, {right}: {spec}"
        case LabelExtrema(out, op, values, values_axes, axes, labels, argument=argument):
            recorded = f", position in {argument}" if argument else ""
            found = f"{out}[{_names(axes)}] = {op} of {values}[{_names(values_axes)}]"
            return f"{found} by {labels.array}[{_names(labels.axes)}]{recorded}"
        case Known(name, labels, extent):
            return f"known {name} = 0 <= {labels} < {extent}"
        case ScatterAdd(target, target_axes, values, values_axes, labels):
            return f"scatter {target}[{', '.join(_looked_up(target_axes, labels))}] += {values}[{_names(values_axes)}]"
        case Nest() if record.members:
            return "; ".join(map(deed, record.members))
        case Nest(_, target, _, op, body, after):
            verb = "+" if REDUCTIONS[op] is SUM else op
            value = body if after == 1 else f"({body}) * {after}"
            recorded = f", position {record.position} in {record.argument}" if record.argument else ""
            place = f"[{', '.join(map(str, record.place))}]" if any(e.has(Access) for e in record.place) else ""
            return f"loops over {_indices(record.ranges)}: {target}{place} {verb}= {value}{recorded}"
        case Invoke(function, place, _, arrays):
            return f"{', '.join(record.results)} = {function} of {', '.join(arrays)} at {place}"
        case _:
            return _condition(record)


def _condition(record: Record) -> str:
    """When and how often the records within one run."""
    match record:
        case Loop(index, extent, _, clip):
            return f"loop {index} < {extent}" + (f", {deed(clip)}" if clip is not None else "")
        case Recur(index, extent, step, cut, made):
            parts = [f"{part} of {array} at {index + distance}" for part, array, _, distance in cut]
            order = "" if step > 0 else ", from the last"
            return f"position {index} < {extent}{order}: {', '.join(parts)}; makes {', '.join(n for n, _, _ in made)}"
        case Stretches():
            return _stretches(record)
        case When(guards, clips):
            parts = [f"0 <= {g.value} < {g.extent}" for g in guards] + [f"range of {v} not empty" for v in clips]
            return "when " + " and ".join(parts)
        case Block(extent, block, slices):
            return f"blocks of {block} along {extent}: " + ", ".join(f"{b} of {s}" for b, s, _ in slices)
        case Branch(ones):
            return f"branch: first part if {' and '.join(f'{s} == 1' for s in ones)}, else second"
        case Compiled(steps, within):
            tests = "".join(f" and 0 <= {g.value} < {g.extent}" for g in within)
            return f"branch: first part if {steps} steps are compiled{tests}, else second"
        case Present(array):
            return f"if {array} is given"
        case Wanted(flag):
            return f"if {flag}"
        case Apply(function, _, arguments, made):
            return f"{', '.join(made)} = {function} of {', '.join(arguments)}, which does"
    raise TypeError(f"no such record: {record}")


def _stretches(record: Stretches) -> str:
    """How a recurrence is computed between its checkpoints."""
    order = "" if record.step > 0 else ", from the last"
    parts = [f"{record.every} positions of {record.extent} at a time{order}"]
    parts += [f"computed again from {', '.join(array for _, array, _ in record.known)}"] if record.known else []
    parts += [f"{state} goes on from stretch to stretch" for state, *_ in record.carried]
    parts += [f"keeps {', '.join(array for array, _, _ in record.kept)}"] if record.kept else []
    parts += [f"makes {', '.join(array for array, _, _ in record.made)}"] if record.made else []
    parts += [f"adds up {', '.join(array for array, _ in record.sums)}"] if record.sums else []
    return f"checkpoints: {'; '.join(parts)}"


def work(record: Record) -> str:
    """The operations or the elements of a record, behind a comma or semicolon; "" where there is nothing to count."""
    match record:
        case Allocate(_, shape):
            return f", {sympy.prod(shape)} elements"
        case Contract() | ContractByLabel():
            return f"; {2 * _volume(record.ranges)} flops"
        case Reduce(_, _, _, kept, taps):
            return f"; {_volume(kept + taps)} elements"
        case Spread(_, _, kept, taps):
            return f"; {_volume(kept + taps)} additions"
        case Accumulate(ranges=ranges):
            return f"; {_volume(ranges)} elements"
        case Update():
            return _operations(record) or f"; {_volume(record.ranges)} elements over {_names(record.axes)}"
        case Define(_, update) | Scale(update) | Positions(_, update):
            return _operations(update) or f"; {_volume(update.ranges)} elements"
        case Gather(_, _, _, _, axes):
            return f"; {_volume(axes)} elements"
        case ScatterAdd():
            return f"; {_volume(record.ranges)} additions"
        case Nest():
            return f"; {_volume(record.ranges)} elements"
        case _:
            return ""


def _operations(update: Update) -> str:
    """The operations of an update that is a contraction; "" for what is none."""
    if not update.is_sum:
        return ""
    said = summation(update)
    extents = (r for r in update.ranges if r.index in said.axes)
    return f"; {2 * _volume(extents)} flops" if said.product is not None else ""


def _value(update: Update) -> str:
    """What an update computes: its expression, what it is summed over, the contraction that does so."""
    if not update.is_sum:
        return str(update.body)
    said, lookup = summation(update), dict(update.slices)
    factor = said.outer * said.scale * _volume(r for r in update.ranges if r.index in said.counted)
    if not said.summed:
        return str(factor * said.body)
    before = f"{factor} times " if factor != 1 else ""
    if said.product is None:
        return f"{before}sum over {_names(said.summed)} of {said.body}"
    left, right = (lookup[a] for a in said.product)
    spec = f"{_names(left.axes)}, {_names(right.axes)} -> {_names(said.kept)}"
    return f"{before}contract {left.array}, {right.array}: {spec}"


def _scaled(scale: Update | None) -> str:
    return f" times {scale.body}" if scale is not None else ""


def _sign(accumulate: bool) -> str:
    return "+=" if accumulate else "="


def _reused(buffered: bool) -> str:
    return " from the buffers" if buffered else ""


def _names(symbols: Iterable[Symbol]) -> str:
    return " ".join(s.name for s in symbols)


def _indices(ranges: Iterable[Range]) -> str:
    return _names(r.index for r in ranges)


def _volume(ranges: Iterable[Range]) -> Expr:
    return sympy.prod([r.extent for r in ranges], start=Integer(1))


def _looked_up(axes: tuple[Symbol, ...], labels: tuple[Labels, ...]) -> list[str]:
    """The axes by name, labels in place of the indices that they stand for."""
    texts = {k.index: f"{k.array}[{_names(k.axes)}]" if k.axes else k.array for k in labels}
    return [texts.get(v, v.name) for v in axes]
