"""What a page consists of, walked: rows, boxes, sentences. Programs, of which the rows speak, stay as they are."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from operator import is_not
from typing import Any, TypeVar

import sympy
from sympy import Expr, Symbol
from sympy.matrices import MatrixBase

from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.ir.term import InnerSum, Program, Statement, Term

T = TypeVar("T")


def renamed(value: T, names: Mapping[Symbol, Symbol]) -> T:
    """`value` with indices under other names, in ranges of terms too."""
    changed = {old: new for old, new in names.items() if old != new}

    def change(part: Any) -> Any:
        if isinstance(part, Term):
            return part.rename(changed)
        return part.xreplace(changed) if isinstance(part, Expr | MatrixBase) else None

    return _mapped(value, change) if changed else value


def rewritten(value: T, write: Callable[[Notation], Notation]) -> T:
    """`value` with all that it is written with in another notation."""
    return _mapped(value, lambda part: write(part) if isinstance(part, Notation) else None)


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """`value` with every part for which `change` is not None put in."""
    found = change(value)
    if found is not None:
        return found
    if isinstance(value, tuple):
        new = tuple(_mapped(part, change) for part in value)
        return new if any(map(is_not, new, value)) else value
    kind: Any = type(value)
    put = {name: _mapped(getattr(value, name), change) for name in _fields(kind)}
    put = {name: part for name, part in put.items() if part is not getattr(value, name)}
    return replace(value, **put) if put else value


@cache
def _fields(kind: Any) -> tuple[str, ...]:
    """What is looked into of a record of that kind; () of all else."""
    if issubclass(kind, Notation | Program | Statement | Term) or not is_dataclass(kind):
        return ()
    return tuple(f.name for f in fields(kind))


def parts(value: Any) -> Iterator[Any]:
    """The terms and expressions of what stands on a page."""
    if isinstance(value, Term | Expr | MatrixBase):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from parts(part)
    else:
        kind: Any = type(value)
        for name in _fields(kind):
            yield from parts(getattr(value, name))


def expressions(value: Any) -> Iterator[Any]:
    """The expressions of what stands on a page, those of terms among them."""
    for part in parts(value):
        if isinstance(part, Term):
            yield from (r.index for r in part.bound)
            yield from (part.body, *part.deltas)
            yield from (e for g in part.guards for e in (g.value, g.extent))
            yield from (e for d in part.divisibilities for e in (d.value, d.modulus))
        else:
            yield part


def symbols_of(value: Any) -> set[Symbol]:
    """The symbols that occur, indices of sums within products among them."""
    return {
        s
        for e in expressions(value)
        for s in (*e.free_symbols, *(r.index for t in e.atoms(InnerSum) for r in t.ranges))
    }


def atoms_of(value: Any, *kinds: Any) -> list[Any]:
    """The nodes of some kinds in the order in which they stand on the page, each once."""
    found: dict[Any, None] = {}
    for expression in dict.fromkeys(expressions(value)):
        for node in sympy.preorder_traversal(expression):
            if isinstance(node, kinds):
                found.setdefault(node)
    return list(found)
