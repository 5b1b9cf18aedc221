"""Integer expressions of a text: subscripts, sizes and conditions as SymPy expressions, and the interval of each."""

from collections.abc import Callable, Mapping, Sequence
from math import prod

import sympy
from sympy import Expr, Integer, Symbol

from gradscribe.derive.ir.index import IntegerFunction, NotAffineError, affine, bounds, choose, floordiv, minimum, mod
from gradscribe.derive.ir.reductions import REDUCTIONS
from gradscribe.derive.language.syntax.located_error import Located
from gradscribe.derive.language.syntax.tree import Call, Name, Node, Number, Power, Product, Reduction, Sum

LARGEST_POWER, MONOMIALS = 8, 100
Look = Callable[[Name], Expr]


def integer_expression(node: Node, look: Look, special: Callable[[Node], Expr | None] = lambda node: None) -> Expr:
    """The integer expression that `node` says.

    Args:
        node: numbers, names, + - * // % **, min, max and choose(flag, a, b).
        look: the meaning of a name.
        special: the meaning of any other node, where it has one.

    Raises:
        Located: when `node` is no integer expression.
    """

    def read(part: Node) -> Expr:
        found = special(part)
        if found is not None:
            return found
        match part:
            case Number(text, at):
                if not text.isdigit():
                    hint = "subscripts and sizes are integers, a subscript between two is lerp(..., zero)"
                    raise Located(f"{text} is no integer; {hint}", at)
                return Integer(int(text))
            case Name():
                return look(part)
            case Sum(parts):
                return sympy.Add(*(read(p) if sign == "+" else -read(p) for sign, p in parts))
            case Product(first, rest):
                value = read(first)
                for operator, factor in rest:
                    value = _combine(value, operator, read(factor), factor)
                return value
            case Power(base, exponent):
                return _power(read(base), read(exponent), part)
            case Call("min" | "max", arguments) if len(arguments) > 1:
                flip = 1 if part.function == "min" else -1
                value = flip * read(arguments[0])
                for argument in arguments[1:]:
                    value = minimum(value, flip * read(argument))
                return flip * value
            case Call("choose", (flag, then, otherwise)):
                return choose(read(flag), read(then), read(otherwise))
        if isinstance(part, Reduction) and REDUCTIONS[part.op].places:
            hint = f"give it an equation of its own, such as k[n] = {part.op}(j) ..., and write k[n] here"
            raise Located(f"{part.op} stands in a subscript or size; {hint}", part.at)
        raise Located("not an integer; expected integers, indices and sizes with + - * // %", part.at)

    found = read(node)
    if _monomials(found) > MONOMIALS:
        raise Located(f"too long an expression; expected at most {MONOMIALS} terms when multiplied out", node.at)
    return found


def _monomials(expression: Expr) -> int:
    """How many terms an expression has when it is multiplied out, at most."""
    counts = [_monomials(e) for e in expression.args]
    if expression.is_Add:
        return sum(counts)
    if expression.is_Mul:
        return prod(counts)
    if expression.is_Pow:
        return counts[0] ** int(expression.exp)
    return max(counts, default=1)


def _combine(left: Expr, operator: str, right: Expr, node: Node) -> Expr:
    if operator == "*":
        return left * right
    if operator == "/":
        raise Located("/ makes no integer; write // for the quotient rounded down", node.at)
    if right == 0:
        raise Located("division by 0", node.at)
    return floordiv(left, right) if operator == "//" else mod(left, right)


def _power(base: Expr, exponent: Expr, node: Power) -> Expr:
    if not exponent.is_Integer or not 0 <= int(exponent) <= LARGEST_POWER:
        hint = "another power is a value, and a position as floor(...), such as floor(2^g)"
        raise Located(f"expected a power from 0 to {LARGEST_POWER}; {hint}", node.exponent.at)
    return base ** int(exponent)


def check_affine(expression: Expr, indices: Mapping[Symbol, Expr], node: Node) -> None:
    """Raise unless `expression` is affine in the indices.

    Raises:
        Located: naming the index at fault.
    """
    for function in expression.atoms(IntegerFunction):
        inside = function.free_symbols & set(indices)
        if inside:
            name = min(v.name for v in inside)
            raise Located(f"index {name} stands inside // or %; expected an affine expression of the indices", node.at)
    try:
        affine(expression, tuple(indices))
    except NotAffineError:
        raise Located("not affine in the indices; expected a sum of sizes times single indices", node.at) from None


def interval(expression: Expr, indices: Mapping[Symbol, Expr]) -> tuple[Expr, Expr] | None:
    """As `derive.ir.index.bounds`, for sizes of at least 1."""
    return bounds(expression, indices, direction_of)


def direction_of(expression: Expr) -> int:
    """1 or -1 for an expression of sizes >= 1 that is never negative or never positive; 0 where neither is certain."""
    shifted = sympy.expand(expression.xreplace({s: s + 1 for s in expression.free_symbols if s.name[0].isupper()}))
    signs = {1 if c > 0 else -1 for c in shifted.as_coefficients_dict().values() if c != 0}
    return signs.pop() if len(signs) == 1 else 0


def largest(extents: Sequence[Expr]) -> Expr | None:
    """The largest of all; None where that depends on the sizes, or there is none."""
    best = extents[0] if extents else None
    for extent in extents[1:]:
        step = direction_of(sympy.expand(extent - best))
        if step == 0 and sympy.expand(extent - best) != 0:
            return None
        best = extent if step > 0 else best
    return best
