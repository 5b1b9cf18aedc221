"""Records that are alike but for numbers -> the one with symbols in their place.

Numbers are integers and fractions of an expression. Exponents and decimal fractions are none: x**2 and x**3 differ.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any, TypeVar, cast

from sympy import Add, Expr, Mul, Pow, Rational, Symbol

from gradscribe.derive.ir.term import Access

Record = TypeVar("Record")
Vector = tuple[Rational, ...]
"""A number at every place."""


class Use(Enum):
    """What a number is used for."""

    EXTENT = "the extent of an axis or an index"
    POSITION = "a part of an index expression"
    VALUE = "a part of a value"


Standing = Callable[[Vector, Use], Expr]
"""What stands for a number that differs."""

USES = {"shape": Use.EXTENT, "extent": Use.EXTENT, "deltas": Use.POSITION, "guards": Use.POSITION}
"""By the field of a record of equations; that of all others is VALUE."""


class UnlikeError(ValueError):
    """Numbers differ that no symbol can stand for."""


def skeleton(value: Any) -> str:
    """What is left of a record without its numbers: equal texts are alike but for these."""
    if isinstance(value, Expr):
        return _bare(value)
    if isinstance(value, tuple):
        return f"({' '.join(map(skeleton, value))})"
    if is_dataclass(value):
        inner = (skeleton(getattr(value, f.name)) for f in fields(value))
        return f"{type(value).__name__}({' '.join(inner)})"
    return repr(value)


def unified(versions: Sequence[Record], standing: Standing, use: Use = Use.VALUE) -> Record:
    """The record of which `versions` are that for one place each.

    Args:
        versions: records with one skeleton.
        standing: what stands for a number that differs.
        use: what numbers are used for in them.

    Raises:
        UnlikeError: where `standing` finds nothing.
    """
    first = versions[0]
    if all(version == first for version in versions):
        return first
    if isinstance(first, Expr):
        return cast("Record", _expression(cast("Sequence[Expr]", versions), standing, use))
    if isinstance(first, tuple):
        columns: Iterable[tuple[Any, ...]] = zip(*cast("Sequence[Any]", versions), strict=True)
        return cast("Record", tuple(unified(column, standing, use) for column in columns))
    record = cast("Any", first)
    made = {
        f.name: unified([getattr(v, f.name) for v in versions], standing, _use(f.name, use)) for f in fields(record)
    }
    return cast("Record", replace(record, **made))


def put(value: Record, numbers: Mapping[Symbol, Expr]) -> Record:
    """The record with numbers for symbols."""
    if isinstance(value, Expr):
        return cast("Record", value.xreplace(dict(numbers)))
    if isinstance(value, tuple):
        return cast("Record", tuple(put(part, numbers) for part in value))
    if is_dataclass(value):
        record = cast("Any", value)
        made = {f.name: put(getattr(record, f.name), numbers) for f in fields(record)}
        return cast("Record", replace(record, **made))
    return value


def _use(field: str, around: Use) -> Use:
    """A guard's value is a position, but its extent is one."""
    return USES.get(field, Use.VALUE if field == "body" else around)


def _expression(versions: Sequence[Expr], standing: Standing, use: Use) -> Expr:
    first = versions[0]
    if all(version == first for version in versions):
        return first
    if first.is_Rational:
        return standing(tuple(versions), use)
    within = Use.POSITION if isinstance(first, Access) else use
    columns = zip(*map(_ordered, versions), strict=True)
    return cast("Expr", first.func(*(_expression(column, standing, within) for column in columns)))


def _ordered(expression: Expr) -> tuple[Expr, ...]:
    """The arguments; of a sum or product in an order that numbers do not decide, unless nothing else does."""
    if not isinstance(expression, Add | Mul):
        return expression.args
    return tuple(sorted(expression.args, key=lambda e: (_bare(e), str(e))))


def _bare(expression: Expr) -> str:
    """The text of an expression with # for its numbers."""
    if expression.is_Rational:
        return "#"
    if not expression.args:
        return repr(expression)
    if isinstance(expression, Pow):
        return f"Pow({_bare(expression.base)} {expression.exp})"
    inner = map(_bare, expression.args)
    parts = sorted(inner) if isinstance(expression, Add | Mul) else inner
    return f"{expression.func.__name__}({' '.join(parts)})"
