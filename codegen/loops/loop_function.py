"""A nest -> its function in C, and the one of Python that a module calls: what that says in one line, in numbers."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import sympy
from sympy import Expr, Integer, Symbol

from gradscribe.codegen.loops.kinds import at_labels, gather, reduce, scatter
from gradscribe.codegen.loops.kinds.long_rows import ROW, LongRows, lengthened
from gradscribe.codegen.loops.kinds.passes import row_loops, stage_loops
from gradscribe.codegen.loops.kinds.sums import result_rows, summed_rows
from gradscribe.codegen.loops.nest import Nest
from gradscribe.codegen.loops.text import vectors
from gradscribe.codegen.loops.text.c_function import CFunction, CParameter
from gradscribe.codegen.loops.writing.loop_writer import Writer
from gradscribe.codegen.loops.writing.row_uses import elementwise, row_uses
from gradscribe.codegen.python.definition import ANY, INT, Function, Parameter, Signature
from gradscribe.codegen.python.expression import Expression, Group, Literal, Name, call
from gradscribe.codegen.python.scalars.scalar import DTYPE, size
from gradscribe.codegen.python.statement import Return, let
from gradscribe.derive.ir.index import affine
from gradscribe.derive.ir.reductions import REDUCTIONS
from gradscribe.derive.ir.term import Access

SHORT_ROWS = ("gather", "scatter", "reduce", "result_rows", "summed_rows", "at_labels")
"""The kinds of nests whose innermost loop begins anew for each window, or each summand."""
ARRAY, BOOL = Name("rt.Array"), Name("bool")
WRITERS: dict[str, Callable[[Writer], Expr]] = {
    "gather": gather.write,
    "scatter": scatter.write,
    "reduce": reduce.write,
    "result_rows": result_rows.write,
    "summed_rows": summed_rows.write,
    **dict.fromkeys(("pointwise", "row_sums", "column_sums", "rows"), row_loops.write),
    "stages": stage_loops.write,
    "at_labels": at_labels.write,
}


@dataclass(frozen=True)
class NestLoops:
    """The loops of a nest, and what calls them.

    Attributes:
        nest: the nest.
        code: the loops, in C.
        caller: the function that a module calls.
        arrays: the arrays that it calls it with, the target first.
        others: the numbers and sizes behind them.
    """

    nest: Nest
    code: CFunction
    caller: Function
    arrays: tuple[str, ...]
    others: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of the function that a module calls."""
        return self.caller.name

    @property
    def text(self) -> str:
        """The name of the loops' text."""
        return text_of(self.name)


def text_of(name: str) -> str:
    """The name of the text of the loops that a function calls."""
    return f"{name}_loops"


def nest_loops(nest: Nest, name: str, argument: Callable[[Expr], Expression]) -> NestLoops:
    """The loops of a nest, and the function `name` that calls them.

    Args:
        nest: what is computed.
        name: of the function that a module calls.
        argument: how the backend that calls loops writes a number.
    """
    long = lengthened(nest)
    w = Writer(long.nest if long else nest, nest.order)
    extent = WRITERS[nest.kind](w)
    known = set(_fixed(nest))
    sizes = sorted(w.sizes, key=lambda s: (s != ROW, s.name))
    steps = sympy.prod([r.extent for r in nest.ranges[nest.blocked :]], start=Integer(max(len(nest.members), 1)))
    given = _Given(
        extent,
        steps,
        w.arrays,
        tuple(k for k, a in enumerate(w.arrays) if w.kind(a) != "REAL"),
        tuple(w.numbers),
        tuple(s for s in sizes if s not in known),
        tuple(s for s in sizes if s in known),
        w.sums,
        long,
        nest.vector.extent if nest.kind in SHORT_ROWS and not vectors.elementwise(w.body) else None,
        row_uses(nest, extent if w.sums is None else Integer(0), w.arrays),
    )
    code = CFunction(_summary(w), _parameters(w, given), w.body)
    return NestLoops(nest, code, given.caller(name, _summary(w), argument), w.arrays, given.others)


def _parameters(w: Writer, given: "_Given") -> tuple[CParameter, ...]:
    """What the loops are given: rows, memory, arrays, numbers of the arrays' type, sizes."""
    written = set(w.nest.written)
    apart = "" if elementwise(w.nest) else "restrict"  # weights are updated in place, and what a row alone reads
    arrays = (
        CParameter(f"{'' if a in written else 'const '}{w.kind(a)} *{apart}", w.array(a).text, f"arrays[{k}]")
        for k, a in enumerate(given.arrays)
    )
    reals = f"((const REAL *)arrays[{len(given.arrays)}])"
    numbers = (CParameter("REAL", name.text, f"{reals}[{k}]") for k, name in enumerate(w.numbers.values()))
    first = 2  # before them stand the extent and the rows of a part
    sizes = (
        CParameter("long", w.sizes[s].text, f"FIXED({k})" if s in given.fixed else f"numbers[{k}]", True)
        for k, s in enumerate((*given.sizes, *given.fixed), first)
    )
    team = (CParameter("struct team *const", "team", "work->team"),) if w.team else ()
    last = len(given.arrays) + bool(w.numbers)
    sweeps = (
        CParameter("int", w.name("sweep").text, "work->sweep"),
        CParameter("double *restrict", w.name("parts").text, f"arrays[{last}]"),
    )
    return (
        *(sweeps if w.sums is not None else ()),
        CParameter("long", w.name("start").text, "begin(work, number)"),
        CParameter("long", w.name("stop").text, "begin(work, number + 1)"),
        *team,
        *arrays,
        *numbers,
        *sizes,
    )


@dataclass(frozen=True)
class _Given:
    """What loops are given: the extent of the outermost, the steps of all, arrays, numbers of the arrays' type, sizes.

    `integers` says which arrays have a type of their own, `fixed` are the sizes that are known when they are compiled;
    of `sums` see `Writer`, of `rows` `lengthened`, of `uses` `row_uses`.
    """

    extent: Expr
    steps: Expr
    arrays: tuple[str, ...]
    integers: tuple[int, ...]
    numbers: tuple[Expr, ...]
    sizes: tuple[Symbol, ...]
    fixed: tuple[Symbol, ...]
    sums: Expr | None
    rows: LongRows | None
    row: Expr | None
    uses: str

    @property
    def scalars(self) -> tuple[str, ...]:
        """Arrays without axes that numbers are made of."""
        return tuple(sorted({a.tensor for n in self.numbers for a in n.atoms(Access)}))

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """The sizes and options that all of it is made of."""
        read = {
            s
            for e in (
                self.extent,
                self.steps,
                self.sums or Integer(0),
                self.row or Integer(0),
                *self._sizes,
                *self.numbers,
            )
            for s in e.free_symbols
            if isinstance(s, Symbol)
        }
        return tuple(sorted(read | {*self.fixed}, key=lambda s: s.name))

    @property
    def _sizes(self) -> tuple[Expr, ...]:
        """The sizes that are not known when they are compiled, the first of them that of rows of any extent."""
        return tuple(self.rows.extent if self.rows and s == ROW else s for s in self.sizes)

    @property
    def others(self) -> tuple[str, ...]:
        """What a module gives besides arrays."""
        return (*self.scalars, *(s.name for s in self.symbols))

    def caller(self, name: str, doc: str, argument: Callable[[Expr], Expression]) -> Function:
        """The function that a module calls."""
        symbols = (Parameter(s.name, INT if s.is_integer else ANY) for s in self.symbols)
        arrays = (Parameter(a, ARRAY) for a in self.arrays)
        signature = Signature((*arrays, *(Parameter(a, ANY) for a in self.scalars), *symbols), result=BOOL)
        numbers = Group(tuple(call(DTYPE.text, argument(n)) for n in self.numbers))
        run = call(
            "rt.run",
            Name(text_of(name)),
            size(self.extent),
            size(self.steps),
            Group(tuple(map(Name, self.arrays))),
            numbers,
            Group(tuple(map(size, self._sizes))),
            Group(tuple(Name(s.name) for s in self.fixed)),
            *([size(self.sums)] if self.sums is not None else []),
        )
        if self.integers:
            run = replace(run, keywords=(("integers", Group(tuple(map(Literal, self.integers)))),))
        if self.rows:
            places = tuple(Literal(self.arrays.index(name)) for name in self.rows.repeated)
            run = replace(run, keywords=(*run.keywords, ("repeated", Group(places))))
        if self.row is not None:
            run = replace(run, keywords=(*run.keywords, ("row", size(self.row))))
        run = replace(run, keywords=(*run.keywords, ("uses", Literal(self.uses))))
        target = self.arrays[0]
        kind = let(DTYPE.text, call("rt.float_type", Literal(name), **{target: Name(target)}))
        return Function(name, signature, doc, (kind, Return((run,))) if self.numbers else (Return((run,)),))


def _summary(w: Writer) -> str:
    """What the loops compute, in a sentence, with the names that things have in C."""
    nest = w.nest
    outer, taps = (", ".join(w.index(r.index).text for r in ranges) for ranges in (nest.outer, nest.taps))
    vector = w.index(nest.vector.index).text
    match nest.kind:
        case "gather":
            return f"{REDUCTIONS[nest.op].plural.capitalize()} over {taps} for every {outer}, {vector}."
        case "scatter":
            return f"Windows {outer} added to what they cover, tap {taps} by tap."
        case "reduce" | "column_sums":
            first, *rest = (w.index(r.index).text for r in nest.outer)
            return f"Sums over {', '.join(rest)} for every {', '.join(filter(None, (first, taps, vector)))}."
        case "result_rows":
            sums = f"Sums over {taps}" if taps else "What is added"
            return f"{sums} for every {', '.join(filter(None, (outer, vector)))}."
        case "summed_rows":
            return f"Sums over {', '.join(filter(None, (taps, vector)))} for every {outer or 'call'}."
        case "row_sums":
            return f"Sums over {vector} for every {outer}."
        case "stages":
            return f"Stage by stage, for every {w.index(nest.outer[0].index).text}."
        case "at_labels":
            return f"Where labels say, for every {outer}."
        case "rows" if outer:
            return f"Row by row, for every {outer}."
        case _:
            return "Element by element."


def _fixed(nest: Nest) -> list[Symbol]:
    """The number of taps, and the factors of indices: windows can be unrolled once these are known.

    So can short rows that labels choose, as those of colours are.
    """
    moving = nest.order
    short = (nest.vector,) if nest.kind == "at_labels" else ()
    found = {s for r in (*nest.taps, *short) for s in r.extent.free_symbols}
    for bracket in nest.brackets:
        found |= {s for _, c in affine(bracket.value, moving).terms for s in c.free_symbols}
    return sorted(found, key=lambda s: s.name)
