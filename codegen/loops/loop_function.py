"""A loop function: its parameters, its statements, and what it is called with."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from sympy import Expr, Symbol

from gradscribe.codegen.loops.kinds import elementwise, gather, reduce, scatter
from gradscribe.codegen.loops.loop_writer import Writer
from gradscribe.codegen.loops.nest import Nest
from gradscribe.codegen.python.definition import ANY, INT, Function, Parameter, Signature, of
from gradscribe.codegen.python.expression import Expression, call
from gradscribe.codegen.python.statement import let
from gradscribe.derive.ir.index import affine
from gradscribe.derive.ir.reductions import REDUCTIONS

ROW = of("np.ndarray", ANY, ANY)
"""An array as a row of its elements."""
WRITERS: dict[str, Callable[[Writer], Expr]] = {
    "gather": gather.write,
    "scatter": scatter.write,
    "reduce": reduce.write,
    "pointwise": elementwise.write,
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

    function: Function
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
    known = {s.name: w.name(f"{s.name}_fixed", "fixed") for s in fixed}
    parameters = (
        *_parameters([w.name("start").text, w.name("stop").text], INT),
        *_parameters(arrays, ROW),
        *_parameters([n.text for n in w.numbers.values()], ANY),
        *_parameters([s.name for s in sizes], INT),
        *_parameters([n.text for n in known.values()], ANY),
    )
    head = (let(size, call("len", given)) for size, given in known.items())
    function = Function(name, Signature(parameters), _summary(nest), (*head, *w.body))
    return NestFunction(function, extent, arrays, tuple(w.numbers), sizes, fixed)


def _parameters(names: Iterable[str], kind: Expression) -> Iterator[Parameter]:
    return (Parameter(name, kind) for name in names)


def _summary(nest: Nest) -> str:
    """What the loops compute, in a sentence."""
    outer, taps = (", ".join(r.index.name for r in ranges) for ranges in (nest.outer, nest.taps))
    vector = nest.vector.index.name
    match nest.kind:
        case "gather":
            return f"{REDUCTIONS[nest.op].plural.capitalize()} over {taps} for every {outer}, {vector}."
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
