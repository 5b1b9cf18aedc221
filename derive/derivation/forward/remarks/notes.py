"""What a reader must know of the forward equations, in sentences behind them."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import sympy
from sympy import Expr, Symbol
from sympy.codegen.cfunctions import expm1, log1p

from gradscribe.derive.calculus.collapse import proved
from gradscribe.derive.calculus.reduced_sizes import named
from gradscribe.derive.derivation.forward.forward_equations import single_summands
from gradscribe.derive.derivation.forward.idealisation import Idealised
from gradscribe.derive.derivation.forward.quotients import Partial
from gradscribe.derive.derivation.record.page_record import Definition
from gradscribe.derive.derivation.record.sentence import Below, Equals, Words, joined
from gradscribe.derive.ir.functions import sigmoid, softplus
from gradscribe.derive.ir.term import Access, Guard, Program, Statement, Term, accesses


def notes(
    program: Program,
    lets: Sequence[Statement] = (),
    idealised: Sequence[Idealised] = (),
    unchanging: Collection[str] = (),
    stated: Collection[str] | None = None,
    numbers: Mapping[Symbol, Expr] | None = None,
    quotients: Sequence[Statement] = (),
    equations: Sequence[Definition] = (),
    rows: Iterable[Term] = (),
) -> tuple[Words, ...]:
    """The sentences: what is written out, padding, functions, for which sizes, places of maxima, constants, quotients.

    Args:
        program: the forward equations.
        lets: what is written out in them.
        idealised: equations without what they have for numbers of a computer.
        unchanging: constants that no output depends on.
        stated: the tensors whose equations are printed; all if None.
        numbers: sizes that a network fixes.
        quotients: what rows have a letter for though no equation defines it.
        equations: as they are printed, where sums over digits stand among them.
        rows: what stands in rows, where slopes have functions of their own.
    """
    shown = tuple(s for s in program.statements if stated is None or s.target.name in stated)
    part = replace(program, statements=shown)
    return (
        *_written_out(lets),
        *single_summands(equations, program),
        *_padding(program, shown, numbers or {}),
        *_explained(part, rows),
        *_stated_for([one for one in idealised if one.equation.target.name in {s.target.name for s in shown}]),
        *_places(part),
        *_constants(program, shown, unchanging),
        *((_element(let), " stands for ", let.term.body, ".") for let in quotients),
    )


def _written_out(lets: Sequence[Statement]) -> Iterator[Words]:
    """What stands in no equation of its own; of a name for a size there is nothing to say."""
    found = [_equation(let) for let in lets if let.term.bound or let.term.body.free_symbols & {*let.term.indices}]
    if found:
        yield (*joined(found, " and "), f" {'is' if len(found) == 1 else 'are'} written out.")


def _equation(let: Statement) -> Equals:
    return Equals(_element(let), let.term.body)


def _element(let: Statement) -> Access:
    return Access(let.target.name, *(r.index for r in let.term.free))


def _stated_for(idealised: Sequence[Idealised]) -> Iterator[Words]:
    """For which sizes and values an equation holds."""
    conditions = dict.fromkeys(c for one in idealised for c in one.conditions)
    for condition in conditions:
        names = dict.fromkeys(Access(one.equation.target.name) for one in idealised if condition in one.conditions)
        yield (
            *joined(list(names), " and "),
            " is" if len(names) == 1 else " are",
            " stated for ",
            Below(condition.lower, condition.upper),
            ".",
        )


def _places(program: Program) -> Iterator[Words]:
    """Which positions of an extremum a gradient flows to, and the tensor that records or counts them."""
    found: dict[tuple[Words, Words], list[Access]] = {}
    for statement in program.statements:
        term = statement.term
        if statement.argument is not None:
            indices = [r.index for r in term.bound]
            order: Words = (" in row-major order of ", *joined(indices)) if len(indices) > 1 else ()
            said = (f"of the {term.reduction.noun}",), (", of several the first one", *order, ".")
            found.setdefault(said, []).append(Access(statement.argument.name))
        elif statement.ties is not None:
            elements = f" is the number of elements that are the {term.reduction.noun}"
            yield (Access(statement.ties.name), f"{elements}: each has an equal share in the gradient.")
    for (of, rule), records in found.items():
        verb = " is the place " if len(records) == 1 else " are the places "
        yield (*joined(records, " and "), verb, *of, *rule)


def _constants(program: Program, shown: Sequence[Statement], unchanging: Collection[str]) -> Iterator[Words]:
    """Why nothing is differentiated through a tensor."""
    outputs = [Access(n) for n in program.outputs if not (program.tensors[n].constant or program.tensors[n].integer)]
    counts = {s.ties.name for s in shown if s.ties is not None}  # of which it is said above
    names = [s.target.name for s in shown if s.target.constant and s.target.name not in counts]
    apart = [n for n in dict.fromkeys(names) if n in program.outputs and not _is_read(n, program)]
    if apart:
        yield (
            *("No gradient arrives at ", *joined([Access(n) for n in apart], " and "), ": "),
            *(joined(outputs, " and ")),
            f" alone {'is' if len(outputs) == 1 else 'are'} differentiated.",
        )
    for name in dict.fromkeys(names):
        if name in unchanging:
            slopes = [Equals(Partial(output, Access(name)), sympy.Integer(0)) for output in outputs]
            verb = "is" if len(outputs) == 1 else "are"
            same = f" {verb} the same whatever it is, so that "
            yield (Access(name), " counts as a constant: ", *joined(outputs, " and "), same, *joined(slopes), ".")
        elif name not in apart:
            said = " counts as a constant, as the equations say: what would pass through it is no part of a gradient."
            yield (Access(name), said)


def _is_read(name: str, program: Program) -> bool:
    return any(a.tensor == name for s in program.statements for a in accesses(s.term.body))


def _explained(program: Program, rows: Iterable[Term]) -> Iterator[Words]:
    """Functions that not every reader knows by their names, and what they are."""
    a = Symbol("a", real=True)
    bodies = [t.body for t in (*(s.term for s in program.statements), *rows)]
    meanings = {
        log1p: sympy.log(1 + a),
        expm1: sympy.exp(a) - 1,
        softplus: sympy.log(1 + sympy.exp(a)),
        sigmoid: 1 / (1 + sympy.exp(-a)),
    }
    for function, meaning in meanings.items():
        if any(b.has(function) for b in bodies):
            yield (Equals(function(a), meaning), ".")
    if any(b.has(sympy.erf) for b in bodies):
        yield (sympy.erf(a), " is 0 at 0, and its slope is ", 2 * sympy.exp(-(a**2)) / sympy.sqrt(sympy.pi), ".")


def _padding(program: Program, shown: Sequence[Statement], numbers: Mapping[Symbol, Expr]) -> Iterator[Words]:
    reads = ((s.term, a) for s in shown if not s.term.reduction.selects for a in accesses(s.term.body))
    padded = {
        a.tensor for term, a in reads if any(_may_leave(e, n, term, program, numbers) for e, n in _axes(a, program))
    }
    if padded:
        yield ("An access outside ", *joined([Access(n) for n in program.tensors if n in padded], " or "), " reads 0.")


def _axes(access: Access, program: Program) -> Iterable[tuple[Expr, Expr]]:
    """The indices of an access, and the extents of the axes that they belong to."""
    return zip(access.indices, program.tensors[access.tensor].shape, strict=True)


def _may_leave(index: Expr, extent: Expr, term: Term, program: Program, numbers: Mapping[Symbol, Expr]) -> bool:
    bounds = [r.extent for r in term.ranges if r.index == index]
    if bounds:
        more = named(bounds[0], program.sizes) - named(extent, program.sizes)
        if sympy.expand(more.xreplace(dict(numbers))) == 0:
            return False
    if any(sympy.expand(g.value - index) == 0 and sympy.expand(g.extent - extent) == 0 for g in term.guards):
        return False
    return not index.has(sympy.Function) and not proved(term, Guard(index, extent), program)
