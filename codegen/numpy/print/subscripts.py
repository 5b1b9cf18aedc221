"""Specs of contractions and of windows as code: subscripts by name, ``"n 2i+r-1 c, r c k -> n i k"``."""

from collections.abc import Iterable, Sequence

from sympy import Expr, Symbol

from gradscribe.codegen.numpy.plan import Labels, Window
from gradscribe.codegen.python.expression import Dictionary, Expression, Literal, formatted
from gradscribe.codegen.python.scalars.scalar import size
from gradscribe.derive.ir.index import Affine, sign
from gradscribe.derive.ir.term import Range

Words = tuple[str | Expression, ...]
"""Parts of a spec: texts, and sizes that are known when it runs."""


def names_of(symbols: Iterable[Expr]) -> str:
    """The names of indices, as the runtime reads them."""
    return " ".join(str(s.name) for s in symbols)


def whole(axes: Iterable[Symbol]) -> Words:
    """The subscripts of an array with an axis per index."""
    return (names_of(axes),)


def seen(window: Window) -> Words:
    """The subscripts of a window's source."""
    plain = [p.plain() for p in window.positions]
    marked = None not in plain and len(set(plain)) == len(plain)  # else it would be the whole array
    first, *rest = [_subscript(p) for p in window.positions] or [()]
    return (*first, *(["+0"] if marked and first else []), *(part for words in rest for part in (" ", *words)))


def _subscript(form: Affine) -> Words:
    found: list[str | Expression] = []
    for factor, name in (*((c, v.name) for v, c in form.terms), (form.offset, "")):
        if factor == 0 and (name or form.terms):
            continue
        negative = sign(factor) == -1
        amount: Expr = -factor if negative else factor
        found += ["-"] if negative else ["+"] if found else []
        if amount != 1 or not name:
            found.append(str(int(amount)) if amount.is_Integer else size(amount))
        found += [name] if name else []
    return tuple(found)


def spec(operands: Sequence[Words], out: Words) -> Expression:
    """Factors, and what they become."""
    words: list[str | Expression] = []
    for k, operand in enumerate(operands):
        words += [*([", "] if k else []), *operand]
    return formatted([*words, " -> ", *out])


def extents(ranges: Iterable[Range]) -> Dictionary:
    """How many values indices have, by name."""
    return Dictionary(tuple((Literal(r.index.name), size(r.extent)) for r in ranges))


def unseen(windows: Iterable[Window], arrays: Iterable[Symbol]) -> list[Range]:
    """The indices that only windows have."""
    known = set(arrays)
    return list(dict.fromkeys(r for w in windows for r in w.axes if r.index not in known))


def looked_up(axes: Iterable[Expr], labels: Iterable[Labels], out: Iterable[Expr]) -> Expression:
    """Axes by name, then per label array the axis that it stands for and its own axes."""
    parts = [names_of(axes), *(f"{k.index.name}: {names_of(k.axes)}" for k in labels)]
    return Literal(f"{', '.join(parts)} -> {names_of(out)}")
