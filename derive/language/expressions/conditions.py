"""Conditions in brackets: on indices they restrict what is reduced, on values they are factors 0 or 1."""

from collections.abc import Callable, Iterator

import sympy
from sympy import Expr

from gradscribe.derive.ir.functions import at_least, equal, greater, unequal
from gradscribe.derive.language.meaning.integers import interval
from gradscribe.derive.language.meaning.vocabulary import Bound, Vocabulary
from gradscribe.derive.language.syntax.located_error import Located
from gradscribe.derive.language.syntax.tree import Bracket, Comparison, Node, Number, Product, Sum, divides
from gradscribe.derive.layer.equations import inside


def brackets(
    node: Bracket, bound: Bound, factor: bool, vocabulary: Vocabulary, value: Callable[[Node, Bound], Expr]
) -> Iterator[Expr]:
    """The factors that a bracket stands for.

    Args:
        node: the bracket.
        bound: the indices that have a value here.
        factor: whether it is a factor of a summand; elsewhere a condition on indices is a value 0 or 1 as well.
        vocabulary: the names.
        value: reads a value.
    """
    waiting = list(node.comparisons)
    while waiting:
        first = waiting.pop(0)
        if not (factor and _on_indices(first, vocabulary)):
            yield _compared(first.sign, value(first.left, bound), value(first.right, bound))
        elif waiting and _is_range(first, waiting[0]) and _on_indices(waiting[0], vocabulary):
            second = waiting.pop(0)
            extent = vocabulary.position(second.right, bound) + (1 if second.sign == "<=" else 0)
            yield inside(vocabulary.indexed(vocabulary.position(first.right, bound)), extent)
        else:
            yield _restricted(first, bound, vocabulary)


def excludes(body: Node) -> bool:
    """Whether brackets of a body that is reduced have something to exclude: brackets and numbers alone are a value."""
    match body:
        case Bracket() | Number():
            return False
        case Product(first, rest):
            return excludes(first) or any(excludes(factor) for _, factor in rest)
        case Sum(((_, part),)):
            return excludes(part)
    return True


def _on_indices(node: Comparison, vocabulary: Vocabulary) -> bool:
    sides = node.left, node.right
    return all(vocabulary.is_integer(side) and not divides(side) for side in sides)


def _is_range(first: Comparison, second: Comparison) -> bool:
    """``0 <= e < E`` (or <= E)."""
    zero = isinstance(first.left, Number) and first.left.text == "0"
    return zero and first.sign == "<=" and second.left is first.right and second.sign in ("<", "<=")


def _compared(sign: str, a: Expr, b: Expr) -> Expr:
    """A comparison of values: a factor 0 or 1."""
    match sign:
        case "==":
            return equal(a, b)
        case "!=":
            return unequal(a, b)
        case ">":
            return greater(a, b)
        case ">=":
            return at_least(a, b)
        case "<":
            return greater(b, a)
    return at_least(b, a)


def _restricted(node: Comparison, bound: Bound, vocabulary: Vocabulary) -> Expr:
    """A comparison of indices: it restricts what is reduced."""
    a, b = vocabulary.position(node.left, bound), vocabulary.position(node.right, bound)
    if node.sign in ("==", "!="):
        return _compared(node.sign, vocabulary.indexed(a), vocabulary.indexed(b))
    margin = sympy.expand((a - b if node.sign[0] == ">" else b - a) - (1 if len(node.sign) == 1 else 0))
    reach = interval(margin, vocabulary.ranges)
    if reach is None:
        raise Located("the sign of a coefficient is unknown; expected an index times a size", node.at)
    return inside(vocabulary.indexed(margin), sympy.expand(reach[1] + 1))
