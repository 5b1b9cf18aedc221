"""Loops as a function, and the function that calls it: what a module says in one line, it says in numbers and rows."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

import sympy
from sympy import Expr, Integer, Symbol

from gradscribe.codegen.loops.kinds import elementwise, gather, reduce, scatter
from gradscribe.codegen.loops.loop_writer import Writer
from gradscribe.codegen.loops.nest import Nest
from gradscribe.codegen.python.definition import ANY, ARRAY, INT, Function, Parameter, Signature, of
from gradscribe.codegen.python.expression import Expression, Literal, Name, call
from gradscribe.codegen.python.scalars.scalar import DTYPE, ArrayPrinter, size
from gradscribe.codegen.python.statement import Body, Do, let
from gradscribe.derive.ir.index import affine
from gradscribe.derive.ir.reductions import REDUCTIONS
from gradscribe.derive.ir.term import Access

ROW = of("np.ndarray", ANY, ANY)
"""An array as a row of its elements."""
WRITERS: dict[str, Callable[[Writer], Expr]] = {
    "gather": gather.write,
    "scatter": scatter.write,
    "reduce": reduce.write,
    "pointwise": elementwise.write,
}


@dataclass(frozen=True)
class NestFunctions:
    """The loops of a nest, and what calls them.

    Attributes:
        functions: the loops, which are compiled, and the function that a module calls.
        arrays: the arrays that it calls it with, the target first.
        others: the numbers and sizes behind them.
    """

    functions: tuple[Function, ...]
    arrays: tuple[str, ...]
    others: tuple[str, ...]


def nest_functions(nest: Nest, name: str, taken: Collection[str]) -> NestFunctions:
    """The function `name` of a nest, and its loops; `taken` are the names of arrays, sizes and options."""
    w = Writer(nest, taken, nest.order)
    extent = WRITERS[nest.kind](w)
    fixed = tuple(s for s in _fixed(nest) if s in w.sizes) if nest.kind != "scatter" else ()
    sizes = tuple(sorted(w.sizes - set(fixed), key=lambda s: s.name))
    every = dict.fromkeys([nest.target, *([nest.argument] if nest.argument else []), *dict(nest.shapes)])
    arrays = tuple(a for a in every if dict(nest.shapes)[a])
    known = {s.name: w.name(f"{s.name}_fixed", "fixed") for s in fixed}
    parameters = (
        *_parameters([w.name("start").text, w.name("stop").text], INT),
        *_parameters(arrays, ROW),
        *_parameters([n.text for n in w.numbers.values()], ANY),
        *_parameters([s.name for s in sizes], INT),
        *_parameters([n.text for n in known.values()], ANY),
    )
    head = (let(size, call("len", given)) for size, given in known.items())
    loops = f"{name}_loops"
    inner = Function(loops, Signature(parameters), _summary(nest), (*head, *w.body), decorator=Name("rt.compiled"))
    steps = sympy.prod([r.extent for r in nest.ranges], start=Integer(1))
    given = _Given(extent, steps, arrays, tuple(w.numbers), sizes, fixed)
    outer = Function(name, given.signature, f"Call `{loops}` for all of {nest.target}.", given.body(loops))
    return NestFunctions((inner, outer), arrays, given.others)


@dataclass(frozen=True)
class _Given:
    """What loops are given: the extent of the outermost, the steps of all, arrays, numbers of the arrays' type, sizes.

    `fixed` are the sizes that are known when they are compiled.
    """

    extent: Expr
    steps: Expr
    arrays: tuple[str, ...]
    numbers: tuple[Expr, ...]
    sizes: tuple[Symbol, ...]
    fixed: tuple[Symbol, ...]

    @property
    def scalars(self) -> tuple[str, ...]:
        """Arrays without axes that numbers are made of."""
        return tuple(sorted({a.tensor for n in self.numbers for a in n.atoms(Access)}))

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """The sizes and options that all of it is made of."""
        read = {s for e in (self.extent, self.steps, *self.numbers) for s in e.free_symbols if isinstance(s, Symbol)}
        return tuple(sorted(read | {*self.sizes, *self.fixed}, key=lambda s: s.name))

    @property
    def others(self) -> tuple[str, ...]:
        """What a module gives besides arrays."""
        return (*self.scalars, *(s.name for s in self.symbols))

    @property
    def signature(self) -> Signature:
        """That of the function that a module calls."""
        symbols = (Parameter(s.name, INT if s.is_integer else ANY) for s in self.symbols)
        return Signature((*_parameters(self.arrays, ARRAY), *_parameters(self.scalars, ANY), *symbols))

    def body(self, loops: str) -> Body:
        """Its statements."""
        printer = ArrayPrinter(lambda a: Name(a.tensor), lambda s, _: Name(s.name))
        arguments: tuple[Expression, ...] = (
            *(call("rt.flat", Name(a)) for a in self.arrays),
            *(call("dtype", printer.value(n)) for n in self.numbers),
            *(Name(s.name) for s in self.sizes),
            *(call("rt.fixed", Name(s.name)) for s in self.fixed),
        )
        target = self.arrays[0]
        kind = let(DTYPE.text, call("rt.float_type", Literal(loops), **{target: Name(target)}))
        run = Do(call("rt.run", Name(loops), size(self.extent), size(self.steps), *arguments))
        return (kind, run) if self.numbers else (run,)


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
