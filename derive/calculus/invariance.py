"""Extrema that no output depends on are constants: exp(x - m) / sum exp(x - m) is the same for every m.

That is proved in symbols. Where m is written, m + log(t) is put, t > 0 arbitrary for every element. A statement that
reads it gets log(t) or powers of t, beside or before what it was, and hands these on to its readers:

    g = exp(x - m)  ->  g/t        l = sum(j) g  ->  l/t        p = g/l  ->  p

Where these are gone before an output is reached, its derivative by m is 0. Nothing then flows through m, and nobody
has to know where the maximum was. It is what `constant m` says, seen without being told. What counts as constant stays
as it is: y = x - m + constant(m) is x whatever m is, but its derivative by m is -1.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace

import sympy
from sympy import Add, Expr, Function, Mul, Pow, S, exp, log

from gradscribe.derive.ir.term import Access, Program, Statement, Tensor, accesses

Change = tuple[Expr, Expr]
"""What an expression becomes: factor * expression + summand."""

_shift = Function("shift", positive=True)


@dataclass(frozen=True)
class Response:
    """What a tensor becomes where m is shifted: factor * value + summand, with an index for each of its axes."""

    indices: tuple[Expr, ...]
    factor: Expr = S.One
    summand: Expr = S.Zero

    def of(self, access: Access) -> Change:
        """The factor and the summand of an access of it."""
        place = dict(zip(self.indices, access.indices, strict=True))
        return self.factor.xreplace(place), self.summand.xreplace(place)


def with_constants(program: Program) -> Program:
    """The program with extrema that no output depends on as constants."""
    found = {s.target.name for s in program.statements if s.argument is not None and _is_idle(s, program)}
    if not found:
        return program

    def marked(statement: Statement) -> Statement:
        if statement.target.name not in found:
            return statement
        return replace(statement, target=replace(statement.target, constant=True), argument=None)

    return replace(program, statements=tuple(map(marked, program.statements)))


def _is_idle(extremum: Statement, program: Program) -> bool:
    """Whether no output changes where an extremum is shifted, and nobody wants its position."""
    name, indices = extremum.target.name, tuple(r.index for r in extremum.term.free)
    read = {a.tensor for s in program.statements for a in accesses(s.term.body)}
    position = extremum.argument.name if extremum.argument is not None else ""
    if position in {*program.outputs, *read} or len(program.definitions(name)) > 1:
        return False
    responses = {name: Response(indices, summand=log(_shift(*indices)))}
    moving = (s.target for s in program.statements if s.target.name != name and not s.target.constant)
    for target in dict.fromkeys(moving):
        group = program.definitions(target.name)
        if not any(a.tensor in responses for s in group for a in accesses(s.term.body)):
            continue
        found = {_response(s, responses, program.tensors) for s in group}
        own = next(iter(found))
        if own is None or len(found) > 1 or (len(group) > 1 and own.summand != 0):
            return False
        if (own.factor, own.summand) != (1, 0):
            responses[target.name] = own
    return not responses.keys() & set(program.outputs)


def _response(
    statement: Statement, responses: Mapping[str, Response], tensors: Mapping[str, Tensor]
) -> Response | None:
    """What the target becomes, in terms of numbers for its axes; None where that is not seen."""
    term = statement.term
    axes = tuple(sympy.Symbol(f"_{k}", integer=True) for k in range(len(term.free)))
    term = term.rename(dict(zip((r.index for r in term.free), axes, strict=True)))
    moved = [a for a in accesses(term.body) if a.tensor in responses]
    extents = {r.index: r.extent for r in term.ranges}
    for access in moved:  # what is read beyond the axes is 0, whatever is added to the elements
        whole = [extents.get(e) for e in access.indices] == [*tensors[access.tensor].shape]
        if responses[access.tensor].summand != 0 and not whole:
            return None
    change = _change(term.body, {a: responses[a.tensor].of(a) for a in moved})
    if change is None:
        return None
    factor, summand = change
    bound = {r.index for r in term.bound}
    if summand == 0 and _is_known(factor, bound) and (term.is_sum or (term.reduction.selects and factor.is_positive)):
        return Response(axes, factor=factor)
    if factor == 1 and _is_known(summand, bound) and (term.reduction.selects or not bound):
        return Response(axes, summand=summand)
    return None


def _change(e: Expr, moved: Mapping[Expr, Change]) -> Change | None:
    """What becomes of an expression, part by part; None where that is not seen."""
    if e in moved:
        return moved[e]
    if not any(a in moved for a in accesses(e)):
        return S.One, S.Zero
    found = [_change(a, moved) for a in e.args]
    parts = [part for part in found if part is not None]
    if len(parts) < len(found):
        return None
    factors, summands = {f for f, _ in parts}, [s for _, s in parts]
    if isinstance(e, Add):
        return (factors.pop(), sympy.expand(Add(*summands))) if len(factors) == 1 else None
    if isinstance(e, Mul) and not any(summands):
        return Mul(*(f for f, _ in parts)), S.Zero
    if isinstance(e, Mul) and factors == {S.One} and sum(s != 0 for s in summands) == 1:
        return S.One, Mul(*(s if s != 0 else a for a, s in zip(e.args, summands, strict=True)))
    factor, summand = parts[0]
    if isinstance(e, Pow) and parts[1] == (1, 0) and summand == 0:
        return factor**e.exp, S.Zero
    if isinstance(e, exp) and factor == 1:
        return exp(summand), S.Zero
    if isinstance(e, log) and summand == 0:
        return S.One, sympy.expand_log(log(factor))
    return (S.One, S.Zero) if all(part == (1, 0) for part in parts) else None


def _is_known(change: Expr, bound: Set[Expr]) -> bool:
    """Whether a change is one of the shift alone, the same for all that is reduced."""
    return not accesses(change) and not change.free_symbols & bound
