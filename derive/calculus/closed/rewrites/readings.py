"""Forward tensors that shorten a formula are read in it: with h = (x - m)/s the difference x - m is s h.

Instead of a factor of the definition of h stands h times what else the definition divides by, so that nothing is
divided by that was not before. What gets no shorter stays.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sympy
from sympy import Expr, Function, Integer, Mul, Pow, Symbol

from gradscribe.derive.calculus.closed.rewrites.matching import places, same
from gradscribe.derive.calculus.closed.rewrites.nested import is_plain, measure, normal
from gradscribe.derive.calculus.passes.left_side import equation
from gradscribe.derive.ir.index import bounds
from gradscribe.derive.ir.term import Access, InnerSum, Program, Range, Statement, Tensor, Term, accesses


@dataclass(frozen=True)
class Reading:
    """``core**power = target * rest``, for the indices of a pointwise definition ``target = term.body``.

    The core is one factor of the body, or the product of all that it does not divide by: m exp(x) is p z.
    """

    let: Statement
    target: Access
    term: Term
    core: Expr
    power: Expr
    rest: Expr
    tensors: frozenset[str]


def readings(program: Program, lets: Sequence[Statement]) -> list[Reading]:
    """What tensors of a program, and `lets`, may be read for."""
    computed = {s.target.name for s in program.statements}
    single = [s for s in program.statements if len(program.definitions(s.target.name)) == 1]
    return [r for let in (*single, *lets) for r in _readings(let, computed)]


def _readings(let: Statement, computed: Collection[str]) -> Iterator[Reading]:
    target, term = equation(let)
    if not is_plain(term) or term.bound:
        return
    powers = [_power(f) for f in Mul.make_args(term.body)]
    for core, power in powers:
        others = [(b, e) for b, e in powers if b is not core]
        tensors = [(b, e) for b, e in others if b.has(Access)]
        divided = all(e.is_negative and any(a.tensor in computed for a in accesses(b)) for b, e in tensors)
        if core.has(Access) and power.is_positive and divided:
            yield Reading(let, target, term, core, power, Mul(*(Pow(b, -e) for b, e in others)), _tensors(core))
    yield from _of_products(let, computed)


def _of_products(let: Statement, computed: Collection[str]) -> Iterator[Reading]:
    """The same for all that a body does not divide by; products of tensors alone, such as gamma h, stay as they are."""
    target, term = equation(let)
    powers = [_power(f) for f in Mul.make_args(term.body)]
    upper = [(b, e) for b, e in powers if e.is_positive and b.free_symbols]
    lower = [(b, e) for b, e in powers if (b, e) not in upper]
    product = Mul(*(Pow(b, e) for b, e in upper))
    divided = all(any(a.tensor in computed for a in accesses(b)) for b, _ in lower if b.has(Access))
    if isinstance(product, Mul) and divided and not all(isinstance(b, Access | Symbol) for b, _ in upper):
        rest = Mul(*(Pow(b, -e) for b, e in lower))
        yield Reading(let, target, term, product, Integer(1), rest, _tensors(product))


def read_by_name(
    expression: Expr, free: Sequence[Range], known: Sequence[Reading], signals: Collection[str]
) -> tuple[Expr, tuple[Statement, ...]]:
    """The expression with tensors read in it as long as it gets shorter, and their definitions."""
    used: dict[Statement, None] = {}
    while True:
        tensors = _tensors(expression)
        possible = [r for r in known if r.tensors <= tensors]
        nodes = _nodes(expression, {r.core.func for r in possible})
        ranges = (*free, *inner_ranges(expression))
        choices = [(normal(e, signals), r) for r in possible for e in _read(expression, nodes[r.core.func], ranges, r)]
        best = min(choices, key=lambda choice: measure(choice[0]), default=None)
        if best is None or measure(best[0]) >= measure(expression):
            return expression, tuple(used)
        expression = best[0]
        used.setdefault(best[1].let)


def _nodes(expression: Expr, functions: Collection[Any]) -> dict[Any, list[Expr]]:
    """The parts of an expression that are made by each of these functions, in one walk; in an order of their own."""
    found: dict[Any, dict[Expr, None]] = {function: {} for function in functions}
    for node in sympy.preorder_traversal(expression):
        if node.func in found:
            found[node.func].setdefault(node)
    return {function: sorted(nodes, key=sympy.default_sort_key) for function, nodes in found.items()}


def _read(expression: Expr, nodes: Sequence[Expr], ranges: Sequence[Range], reading: Reading) -> Iterator[Expr]:
    """The expression with the tensor read wherever the core stands; nothing where that is not exact."""
    mapping: dict[Expr, Expr | None] = {}
    for node in nodes:
        for place in places(reading.core, node, [r.index for r in reading.term.free], [r.index for r in ranges]):
            target = reading.target.xreplace(place)
            if not is_inside(target, reading.let.target, ranges):
                continue
            core, value = reading.core.xreplace(place), target * reading.rest.xreplace(place)
            if same(core, node):
                mapping |= _powers(expression, node, value, reading.power)
                break
            rest = _beside(node, core) if isinstance(core, Mul) else None
            if rest is not None:
                mapping[node] = value * rest
                break
    exact = {old: new for old, new in mapping.items() if new is not None}
    if exact and len(exact) == len(mapping):
        yield expression.xreplace(exact)


def _beside(product: Expr, core: Expr) -> Expr | None:
    """The other factors of a product that has all factors of the core; None for one that lacks one."""
    others = list(Mul.make_args(product))
    for part in Mul.make_args(core):
        found = next((f for f in others if same(f, part)), None)
        if found is None:
            return None
        others.remove(found)
    return Mul(*others)


def _tensors(expression: Expr) -> frozenset[str]:
    return frozenset(a.tensor for a in accesses(expression))


def inner_ranges(expression: Expr) -> tuple[Range, ...]:
    """The ranges of all sums within an expression."""
    return tuple(r for s in expression.atoms(InnerSum) for r in s.ranges)


def is_inside(access: Access, tensor: Tensor, ranges: Sequence[Range]) -> bool:
    """Whether an access cannot leave its tensor: each index runs from 0 to the extent of its axis."""
    extents = {r.index: r.extent for r in ranges}
    reaches = [bounds(e, extents) if not e.has(Function) else None for e in access.indices]
    return all(
        reach is not None and reach[0] == 0 and sympy.expand(reach[1] + 1 - extent) == 0
        for reach, extent in zip(reaches, tensor.shape, strict=True)
    )


def _power(factor: Expr) -> tuple[Expr, Expr]:
    """Base and exponent; an exponential is its own base."""
    return (factor, Integer(1)) if isinstance(factor, sympy.exp) else factor.as_base_exp()


def _powers(expression: Expr, node: Expr, value: Expr, power: Expr) -> dict[Expr, Expr | None]:
    """Every power of a factor whose `power` is the value; None for one that is no whole power of the value."""
    found = {p for p in expression.atoms(Pow) if p.base == node} | {node}
    chosen: dict[Expr, Expr | None] = {}
    for factor in found:
        exponent = (Integer(1) if factor == node else factor.exp) / power
        whole = Mul(*(Pow(b, e * exponent) for b, e in map(_power, Mul.make_args(value))))
        chosen[factor] = whole if exponent.is_integer else None
    return chosen
