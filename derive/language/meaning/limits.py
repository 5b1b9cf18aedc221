"""What a text says of its parameters' values: ``0 <= p < 1`` is an interval, ``a <= b`` a relation of two."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf

from sympy import Expr, Symbol

from gradscribe.derive.ir.index import integer
from gradscribe.derive.language.meaning.scope import Parameter, constant
from gradscribe.derive.language.syntax.located_error import Located
from gradscribe.derive.language.syntax.tree import Comparison, Limit, Name, Node, Text
from gradscribe.derive.layer.interface import Requirement
from gradscribe.derive.layer.interval import FINITE, Interval

MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "!=": "!="}


@dataclass(frozen=True)
class Limits:
    """The limits of the parameters.

    Attributes:
        intervals: the values that a parameter may have, by name.
        relations: (smaller parameter, larger parameter, least difference).
    """

    intervals: Mapping[str, Interval]
    relations: tuple[tuple[str, str, int], ...]

    def requirements(self, parameters: Mapping[str, Parameter], called: Mapping[Symbol, str]) -> list[Requirement]:
        """The relations; `called` says which option a symbol belongs to."""
        found = []
        for low, high, gap in self.relations:
            a, b = (_symbol(n, parameters[n]) for n in (low, high))
            words = "less than" if gap else "at most"
            margin: Expr = b - a - gap
            found.append(Requirement((margin,), called.get(a, low), f"{words} {called.get(b, high)}"))
        return found


def parted(text: Text, parameters: Mapping[str, Parameter]) -> Text:
    """The text with ``p < 1`` among its limits where p is a parameter, and no index."""
    own = [line for line in text.ranges if line.index.name in parameters]
    limits = tuple(Limit((Comparison(r.index, "<", r.extent, r.at),), r.at) for r in own)
    return replace(text, ranges=tuple(r for r in text.ranges if r not in own), limits=(*text.limits, *limits))


def limits(text: Text, parameters: Mapping[str, Parameter]) -> Limits:
    """Read the limits of a text.

    Raises:
        Located: when a line says nothing of a parameter, or a default lies outside.
    """
    intervals: dict[str, Interval] = {}
    relations: list[tuple[str, str, int]] = []
    for comparison in (c for line in text.limits for c in line.comparisons):
        left, right = comparison.left, comparison.right
        if _is_parameter(left, parameters) and _is_parameter(right, parameters):
            relations.append(_relation(comparison, parameters))
            continue
        name, sign, number = _compared(comparison, parameters)
        if parameters[name].flag:
            raise Located(f"{name} is a flag, true or false; expected a range of a number", comparison.at)
        whole = parameters[name].integer
        intervals[name] = intervals.get(name, FINITE).meet(_interval(sign, number, whole, comparison))
        if parameters[name].default not in intervals[name]:
            words = intervals[name].words
            raise Located(f"{name} is {parameters[name].default} by default; expected {words}", comparison.at)
    return Limits(intervals, tuple(relations))


def _is_parameter(node: Node, parameters: Mapping[str, Parameter]) -> bool:
    return isinstance(node, Name) and node.name in parameters


def _compared(comparison: Comparison, parameters: Mapping[str, Parameter]) -> tuple[str, str, float]:
    """(parameter, sign, number)."""
    sides = (comparison.left, comparison.right)
    for node, other, sign in (
        (*sides, comparison.sign),
        (*sides[::-1], MIRRORED.get(comparison.sign, "==")),
    ):
        number = constant(other)
        if isinstance(node, Name) and node.name in parameters and number is not None and sign != "==":
            return node.name, sign, number
    unknown = next((n for n in sides if isinstance(n, Name) and n.name not in parameters), None)
    hint = f"{unknown.name} is no parameter; " if unknown is not None else ""
    raise Located(f"{hint}expected the range of a parameter, such as 0 <= p < 1 or a <= b", comparison.at)


def _interval(sign: str, number: float, whole: bool, comparison: Comparison) -> Interval:
    if sign == "!=":
        if whole:
            raise Located("expected <, <=, > or >= for an integer parameter", comparison.at)
        return Interval(without=number)
    if whole and not float(number).is_integer():
        raise Located(f"{number} is no integer; expected one for an integer parameter", comparison.at)
    if whole and len(sign) == 1:
        sign, number = f"{sign}=", number + (1 if sign == ">" else -1)
    if sign[0] == ">":
        return Interval(number, inf, above=sign == ">")
    return Interval(-inf, number, below=sign == "<")


def _relation(comparison: Comparison, parameters: Mapping[str, Parameter]) -> tuple[str, str, int]:
    names = [node.name for node in (comparison.left, comparison.right) if isinstance(node, Name)]
    if comparison.sign[0] == ">":
        names.reverse()
    low, high = names
    strict = len(comparison.sign) == 1
    if comparison.sign in ("==", "!=") or (strict and not all(parameters[n].integer for n in names)):
        raise Located("expected <= or >= between two parameters", comparison.at)
    if parameters[high].default - parameters[low].default < int(strict):
        raise Located(f"the defaults of {low} and {high} do not fulfil this", comparison.at)
    return low, high, int(strict)


def _symbol(name: str, parameter: Parameter) -> Symbol:
    return integer(name) if parameter.integer else Symbol(name, real=True)
