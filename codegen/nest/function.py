"""A loop function: its parameters, its text, and what it is called with."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from sympy import Expr, Symbol

from gradscribe.codegen.layout import fit
from gradscribe.codegen.nest import gather, pointwise, reduce, scatter
from gradscribe.codegen.nest.writer import Writer
from gradscribe.codegen.plan import Nest
from gradscribe.codegen.render import NestContext
from gradscribe.derive.index import affine

WRITERS: dict[str, Callable[[Writer], Expr]] = {
    "gather": gather.write,
    "scatter": scatter.write,
    "reduce": reduce.write,
    "pointwise": pointwise.write,
}


@dataclass(frozen=True)
class NestFunction:
    """A function and its arguments.

    Attributes:
        function: the function.
        extent: of the outermost loop, which is divided into parts.
        arrays: the arrays it is given, the target first.
        numbers: the numbers, which are to have the arrays' type.
        sizes: the sizes.
        fixed: the sizes that are known when it is compiled.
    """

    function: NestContext
    extent: Expr
    arrays: tuple[str, ...]
    numbers: tuple[Expr, ...]
    sizes: tuple[Symbol, ...]
    fixed: tuple[Symbol, ...]


def nest_function(nest: Nest, name: str, taken: Collection[str]) -> NestFunction:
    """The function `name` of a nest; `taken` are the names of arrays, sizes and options."""
    w = Writer(nest, taken, nest.order)
    extent = WRITERS[nest.kind](w)
    fixed = tuple(s for s in _fixed(nest) if s in w.sizes) if nest.kind != "scatter" else ()
    sizes = tuple(sorted(w.sizes - set(fixed), key=lambda s: s.name))
    arrays = tuple(dict.fromkeys([nest.target, *([nest.argument] if nest.argument else []), *dict(nest.shapes)]))
    parameters = [
        f"{w.name('start')}: int",
        f"{w.name('stop')}: int",
        *(f"{a}: rt.Array" for a in arrays),
        *(f"{n}: Any" for n in w.numbers.values()),
        *(f"{s.name}: int" for s in sizes),
        *(f"{w.name(f'{s.name}_fixed', 'fixed')}: Any" for s in fixed),
    ]
    head = [f"{s.name} = len({w.name(f'{s.name}_fixed', 'fixed')})" for s in fixed]
    context = NestContext(
        name,
        tuple(parameters),
        _summary(nest),
        tuple(fit([*head, *w.lines], 1)),
    )
    return NestFunction(context, extent, arrays, tuple(w.numbers), sizes, fixed)


def _summary(nest: Nest) -> str:
    """What the loops compute, in a sentence."""
    outer, taps = (", ".join(r.index.name for r in ranges) for ranges in (nest.outer, nest.taps))
    vector = nest.vector.index.name
    match nest.kind:
        case "gather":
            word = {"sum": "Sums", "max": "Maxima", "min": "Minima"}[nest.op]
            return f"{word} over {taps} for every {outer}, {vector}."
        case "scatter":
            return f"Windows {outer} added to what they cover, tap {taps} by tap."
        case "reduce":
            first, *rest = (r.index.name for r in nest.outer)
            return f"Sums over {', '.join(rest)} for every {first}, {taps}, {vector}."
        case _:
            return "Element by element."


def _fixed(nest: Nest) -> list[Symbol]:
    """The number of taps, and the factors of indices: windows can be unrolled once these are known."""
    moving = nest.order
    found = {s for r in nest.taps for s in r.extent.free_symbols}
    for bracket in nest.brackets:
        found |= {s for _, c in affine(bracket.value, moving).terms for s in c.free_symbols}
    return sorted(found, key=lambda s: s.name)
