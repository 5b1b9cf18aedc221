"""What a reader must know of the forward equations, in sentences behind them."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import sympy
from sympy import Expr, Symbol
from sympy.codegen.cfunctions import expm1, log1p

from gradscribe.derive.calculus.collapse import proved
from gradscribe.derive.calculus.reduced_sizes import named
from gradscribe.derive.derivation.forward.forward_equations import single_summands
from gradscribe.derive.derivation.forward.idealisation import BOUND, Idealised
from gradscribe.derive.derivation.forward.quotients import Partial
from gradscribe.derive.derivation.record.page_record import Definition
from gradscribe.derive.derivation.record.sentence import AND, OR, Below, Equals, Words, joined
from gradscribe.derive.ir.functions import decreed, is_indicator, sigmoid, softplus
from gradscribe.derive.ir.interpret.recurrence import Recurrence, stages
from gradscribe.derive.ir.term import Access, Guard, Program, Statement, Tensor, Term, accesses
from gradscribe.said import Message, say, say_number

FROM_FIRST = Message(
    "{tensors} recur: all are computed at {index} = 0, then at 1, and so on; their gradients from {last} back."
)
FROM_LAST = Message(
    "{tensors} recur: all are computed at {index} = {last}, then one before, and so on; their gradients from 0 on."
)


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
        *_recurrences(program, shown),
        *_explained(part, rows),
        *_decreed(program),
        *_infinite(part),
        *_stated_for([one for one in idealised if one.equation.target.name in {s.target.name for s in shown}]),
        *_places(part),
        *_others(part),
        *_constants(program, shown, unchanging),
        *(say("{name} stands for {quotient}.", name=_element(let), quotient=let.term.body) for let in quotients),
    )


def _written_out(lets: Sequence[Statement]) -> Iterator[Words]:
    """What stands in no equation of its own; of a name for a size there is nothing to say."""
    found = [_equation(let) for let in lets if let.term.bound or let.term.body.free_symbols & {*let.term.indices}]
    if found:
        equations = joined(found, AND)
        number = len(found)
        yield say_number(number, "{equations} is written out.", "{equations} are written out.", equations=equations)


def _equation(let: Statement) -> Equals:
    return Equals(_element(let), let.term.body)


def _element(let: Statement) -> Access:
    return Access(let.target.name, *(r.index for r in let.term.free))


def _infinite(program: Program) -> Iterator[Words]:
    """What very negative numbers are that stand alone in sums and extrema: logarithms of nothing."""
    bodies = [s.term.body for s in program.statements]
    if not any(body.has(sympy.exp) for body in bodies):
        return
    summed = (part for body in bodies for e in (body, *body.atoms(sympy.Add, sympy.Max)) for part in _alternatives(e))
    numbers = (part.as_coeff_Mul() for part in summed)
    found = {number: None for number, rest in numbers if number <= -BOUND and _is_bracket(rest)}
    for number in found:
        yield say(
            "{number} stands for {infinity}, the logarithm of 0: its exponential is 0; but it is a number, so that "
            "differences with it are, too.",
            number=number,
            infinity=-sympy.oo,
        )


def _alternatives(e: Expr) -> Sequence[Expr]:
    """What is added, or what a maximum is of."""
    return e.args if isinstance(e, sympy.Add | sympy.Max) else (e,)


def _is_bracket(e: Expr) -> bool:
    """Whether a product has no factors but brackets."""
    return all(f == 1 or is_indicator(f) for f in sympy.Mul.make_args(e))


def _stated_for(idealised: Sequence[Idealised]) -> Iterator[Words]:
    """For which sizes and values an equation holds."""
    conditions = dict.fromkeys(c for one in idealised for c in one.conditions)
    for condition in conditions:
        names = dict.fromkeys(Access(one.equation.target.name) for one in idealised if condition in one.conditions)
        yield say_number(
            len(names),
            "{tensors} is stated for {condition}.",
            "{tensors} are stated for {condition}.",
            tensors=joined(list(names), AND),
            condition=Below(condition.lower, condition.upper),
        )


def _places(program: Program) -> Iterator[Words]:
    """Which positions of an extremum a gradient flows to, and the tensor that records or counts them."""
    found: dict[tuple[str, tuple[Symbol, ...]], list[Access]] = {}
    for statement in program.statements:
        term = statement.term
        place = statement.target if term.reduction.places else statement.argument
        if place is not None:
            indices = tuple(r.index for r in term.bound)
            order = indices if len(indices) > 1 else ()
            found.setdefault((term.reduction.of_values.noun, order), []).append(Access(place.name))
        elif statement.ties is not None:
            yield say(
                "{number} is the number of elements that are the {extremum}: each has an equal share in the gradient.",
                number=Access(statement.ties.name),
                extremum=term.reduction.noun,
            )
    for (noun, indices), records in found.items():
        places = say_number(
            len(records),
            "{records} is the place of the {extremum}",
            "{records} are the places of the {extremum}",
            records=joined(records, AND),
            extremum=noun,
        )
        if indices:
            yield say(
                "{places}, of several the first one in row-major order of {indices}.",
                places=places,
                indices=joined(indices),
            )
        else:
            yield say("{places}, of several the first one.", places=places)


def _others(program: Program) -> Iterator[Words]:
    """What the tensors are that a slope is written with."""
    for statement in program.statements:
        if statement.others is not None:
            yield say(
                "{others} is {product} without the factor of {indices}, and so the rate at which it changes with that "
                "factor.",
                others=Access(statement.others.name, *statement.term.indices),
                product=_element(statement),
                indices=joined([r.index for r in statement.term.bound]),
            )


def _constants(program: Program, shown: Sequence[Statement], unchanging: Collection[str]) -> Iterator[Words]:
    """Why nothing is differentiated through a tensor."""
    outputs = [Access(n) for n in program.outputs if not (program.tensors[n].constant or program.tensors[n].integer)]
    counts = {s.ties.name for s in shown if s.ties is not None}  # of which it is said above
    names = [s.target.name for s in shown if s.target.constant and s.target.name not in counts]
    apart = [n for n in dict.fromkeys(names) if n in program.outputs and not _is_read(n, program)]
    if apart:
        yield say_number(
            len(outputs),
            "No gradient arrives at {others}: {outputs} alone is differentiated.",
            "No gradient arrives at {others}: {outputs} alone are differentiated.",
            others=joined([Access(n) for n in apart], AND),
            outputs=joined(outputs, AND),
        )
    for name in dict.fromkeys(names):
        if name in unchanging:
            slopes = [Equals(Partial(output, Access(name)), sympy.Integer(0)) for output in outputs]
            yield say_number(
                len(outputs),
                "{constant} counts as a constant: {outputs} is the same whatever it is, so that {slopes}.",
                "{constant} counts as a constant: {outputs} are the same whatever it is, so that {slopes}.",
                constant=Access(name),
                outputs=joined(outputs, AND),
                slopes=joined(slopes),
            )
        elif name not in apart and not (_readers(name, program) and all(r.constant for r in _readers(name, program))):
            yield _by_decree(name, program, outputs)


def _by_decree(name: str, program: Program, outputs: Sequence[Access]) -> Words:
    """What equations say of a constant, and what that makes of gradients by the inputs that it depends on."""
    behind = {name}
    for statement in reversed(program.statements):
        behind |= {a.tensor for a in accesses(statement.term.body)} if statement.target.name in behind else set()
    inputs = [Access(t.name) for t in program.inputs if t.name in behind and not (t.integer or t.constant)]
    constant = say(
        "{constant} counts as a constant by decree: what would pass through it is no part of a gradient",
        constant=Access(name),
    )
    if not inputs:
        return (*constant, ".")
    return say(
        "{constant}, so that what is derived here is not the derivative of {outputs} as a function of {inputs}.",
        constant=constant,
        outputs=joined(outputs, AND),
        inputs=joined(inputs, AND),
    )


def _is_read(name: str, program: Program) -> bool:
    return bool(_readers(name, program))


def _readers(name: str, program: Program) -> list[Tensor]:
    return [s.target for s in program.statements if any(a.tensor == name for a in accesses(s.term.body))]


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
        slope = 2 * sympy.exp(-(a**2)) / sympy.sqrt(sympy.pi)
        yield say("{function} is 0 at 0, and its slope is {slope}.", function=sympy.erf(a), slope=slope)


def _decreed(program: Program) -> Iterator[Words]:
    """Functions whose slopes are no derivatives, and what is put in their place."""
    calls = (d for s in program.statements for d in sorted(s.term.body.atoms(decreed), key=str))
    general = (decreed(d.rule, *d.rule.parameters[: len(d.given)], *d.args[len(d.given) + 1 :]) for d in calls)
    for function in dict.fromkeys(general):
        rule = function.rule
        if type(rule.value).__name__ != rule.name:  # it is defined here
            yield say("{function} is {value}.", function=function, value=function.value)
        slopes: list[Words | Expr] = [*function.slopes]
        if len(slopes) > 1:
            pairs = zip(function.slopes, function.given, strict=True)
            slopes = [say("{slope} by {argument}", slope=slope, argument=argument) for slope, argument in pairs]
        yield say(
            "By decree the slope of {function} is {slopes}, whatever its derivative is.",
            function=function,
            slopes=joined(slopes, AND),
        )


def _padding(program: Program, shown: Sequence[Statement], numbers: Mapping[Symbol, Expr]) -> Iterator[Words]:
    reads = ((s.term, a) for s in shown if not s.term.reduction.selects for a in accesses(s.term.body))
    padded = {
        a.tensor for term, a in reads if any(_may_leave(e, n, term, program, numbers) for e, n in _axes(a, program))
    }
    if padded:
        tensors = joined([Access(n) for n in program.tensors if n in padded], OR)
        yield say("An access outside {tensors} reads 0.", tensors=tensors)


def _recurrences(program: Program, shown: Sequence[Statement]) -> Iterator[Words]:
    """In which order tensors that read each other are computed."""
    made = {s.target.name for s in shown}
    for stage in stages(program):
        if isinstance(stage, Recurrence) and made & stage.axes.keys():
            names = dict.fromkeys(s.target.name for s in stage.statements)
            own = stage.along(stage.statements[0])
            message = FROM_FIRST if stage.step > 0 else FROM_LAST
            tensors = joined([Access(name) for name in names], AND)
            yield say(message, tensors=tensors, index=own.index, last=own.extent - 1)


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
