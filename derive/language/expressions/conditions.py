"""Conditions in brackets: on indices they restrict what is reduced, on values they are factors 0 or 1."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import sympy
from sympy import Expr

from gradscribe.derive.ir.functions import at_least, contrary, either, equal, greater, unequal
from gradscribe.derive.language.meaning.integers import interval
from gradscribe.derive.language.meaning.vocabulary import Bound, Vocabulary
from gradscribe.derive.language.syntax.located_error import Located
from gradscribe.derive.language.syntax.tree import (
    Bracket,
    Comparison,
    Condition,
    Connective,
    Element,
    Node,
    Number,
    Product,
    Sum,
    below,
    divides,
)
from gradscribe.derive.layer.equations import inside

OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


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
    waiting = [part for condition in node.conditions for part in _conjuncts(condition, vocabulary)]
    while waiting:
        first = waiting.pop(0)
        if isinstance(first, Connective):
            yield _connected(first, bound, value)
        elif not (factor and _on_indices(first, vocabulary)):
            yield _compared(first.sign, value(first.left, bound), value(first.right, bound))
        elif (second := _end_of_range(first, waiting, vocabulary)) is not None:
            waiting.pop(0)
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


def _conjuncts(node: Condition, vocabulary: Vocabulary, negative: bool = False) -> Iterator[Condition]:
    """The conditions that all have to hold where `node` does, or does not; ``not`` stands before comparisons alone."""
    if isinstance(node, Comparison):
        exact = node.sign in ("==", "!=") or (_is_whole(node.left, vocabulary) and _is_whole(node.right, vocabulary))
        if negative and not exact:  # NaN is neither less than a number nor at least that
            yield Connective("not", (node,), node.at)
        else:
            yield replace(node, sign=OPPOSITE[node.sign]) if negative else node
    elif node.word == "not":
        yield from _conjuncts(node.parts[0], vocabulary, not negative)
    elif (node.word == "and") != negative:
        for part in node.parts:
            yield from _conjuncts(part, vocabulary, negative)
    else:
        groups = (tuple(_conjuncts(part, vocabulary, negative)) for part in node.parts)
        yield Connective("or", tuple(g[0] if len(g) == 1 else Connective("and", g, node.at) for g in groups), node.at)


def _connected(node: Condition, bound: Bound, value: Callable[[Node, Bound], Expr]) -> Expr:
    """A condition as a factor 0 or 1."""
    if isinstance(node, Comparison):
        return _compared(node.sign, value(node.left, bound), value(node.right, bound))
    parts = [_connected(part, bound, value) for part in node.parts]
    if node.word == "not":
        return contrary(parts[0])
    return either(parts) if node.word == "or" else sympy.Mul(*parts)


def _is_whole(node: Node, vocabulary: Vocabulary) -> bool:
    """Whether a node is an integer: of indices, sizes and elements of integer tensors."""
    labels = vocabulary.scope.flags["integer"]
    if isinstance(node, Element):
        return node.tensor in labels
    if isinstance(node, Sum | Product):
        return all(_is_whole(part, vocabulary) for part in below(node)) and not (
            isinstance(node, Product) and any(operator == "/" for operator, _ in node.rest)
        )
    return vocabulary.is_integer(node)


def _on_indices(node: Comparison, vocabulary: Vocabulary) -> bool:
    sides = node.left, node.right
    return all(vocabulary.is_integer(side) and not divides(side) for side in sides)


def _end_of_range(first: Comparison, waiting: Sequence[Condition], vocabulary: Vocabulary) -> Comparison | None:
    """What follows in ``0 <= e < E`` (or <= E)."""
    second = waiting[0] if waiting else None
    if not isinstance(second, Comparison) or not _on_indices(second, vocabulary):
        return None
    zero = isinstance(first.left, Number) and first.left.text == "0"
    ranged = zero and first.sign == "<=" and second.left == first.right and second.sign in ("<", "<=")
    return second if ranged else None


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
