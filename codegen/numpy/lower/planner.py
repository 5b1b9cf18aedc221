"""The planner: picks a strategy for every statement of a program."""

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence, Set
from dataclasses import replace
from functools import partial
from itertools import groupby, repeat

from sympy import Add, Expr, Integer, Symbol, prod

from gradscribe.codegen.kernel.form import Form, choose_form, chosen_forms, estimate, size_hints
from gradscribe.codegen.kernel.form import joined as joined_axes
from gradscribe.codegen.kernel.page.equation import Equation, equation
from gradscribe.codegen.loops import Nest
from gradscribe.codegen.numpy.lower.context import Scope
from gradscribe.codegen.numpy.lower.indirect.lookup import adds_at_labels, lower_label_extrema, lower_lookups
from gradscribe.codegen.numpy.lower.indirect.read_once import read_once
from gradscribe.codegen.numpy.lower.loops.joining import Lowered, joined, steps_of
from gradscribe.codegen.numpy.lower.loops.label_passes import together, where_labels_say
from gradscribe.codegen.numpy.lower.loops.nests import loops
from gradscribe.codegen.numpy.lower.loops.passes.element_pass import element_pass
from gradscribe.codegen.numpy.lower.loops.passes.grouping import widened
from gradscribe.codegen.numpy.lower.loops.passes.passing import Pass, loops_of
from gradscribe.codegen.numpy.lower.loops.passes.sum_pass import sum_pass
from gradscribe.codegen.numpy.lower.products.accumulated import lower_running, lower_slopes
from gradscribe.codegen.numpy.lower.products.contract import (
    contractible,
    lower_contract,
    pointwise_operands,
)
from gradscribe.codegen.numpy.lower.products.radix import split_axes, split_target
from gradscribe.codegen.numpy.lower.products.separate import is_separate
from gradscribe.codegen.numpy.lower.recurrences.step_by_step import lower_recurrence
from gradscribe.codegen.numpy.lower.slices.blocks import scattered
from gradscribe.codegen.numpy.lower.slices.first_writes import stored
from gradscribe.codegen.numpy.lower.slices.moving_sums import lower_part_sums, sums_parts
from gradscribe.codegen.numpy.lower.slices.taps import lower_sums, lower_taps, pointwise
from gradscribe.codegen.numpy.lower.slices.windows import is_small, lower_windows
from gradscribe.codegen.numpy.plan import Allocate, Branch, Compiled, Define, Plan, Present, Record, Split, When
from gradscribe.codegen.numpy.plan.effects import effects
from gradscribe.derive.calculus.programs.products.running_products import unmade
from gradscribe.derive.ir.functions import whole
from gradscribe.derive.ir.interpret.recurrence import Recurrence, arranged, stages
from gradscribe.derive.ir.term import Program, Statement, accesses


def lower(
    program: Program,
    name: str,
    given: Sequence[str],
    reserved: Iterable[str] = (),
    numbers: Mapping[str, int] | None = None,
    sizes: Mapping[Symbol, Sequence[int]] | None = None,
    keys: Sequence[Hashable] = (),
    kept: Collection[str] = (),
    said: Mapping[Statement, Equation] | None = None,
) -> Plan:
    """Plan the computation of `program`.

    Args:
        program: the statements to compute, in order.
        name: the function's name, for the plan's print.
        given: names of the tensors that exist already.
        reserved: names that no temporary may take (sizes, options).
        numbers: those of a derivation's equations by tensor.
        sizes: what size symbols are at several places, in their order, where that is known.
        keys: of the statements: those with different ones are computed apart.
        kept: the tensors, besides the results, that somebody reads afterwards.
        said: what is said of statements, where these are not the equations themselves.
    """
    known = sizes or {}
    hints = _hints(program, known)
    most = {symbol: Integer(max(values)) for symbol, values in known.items()}
    scope = Scope(dict(program.tensors), hints, program, set(reserved) | set(program.names()), most=most)
    order = (*given, *(s.target.name for s in program.statements))
    written = set(given)
    found: list[Lowered] = []
    forms = chosen_forms(program, hints)
    places = {s: place for place, s in enumerate(arranged(program.statements))}  # those of a recurrence together
    every = sorted(
        zip(program.statements, forms, keys or repeat(None), strict=bool(keys)), key=lambda one: places[one[0]]
    )
    recurrences = {s: stage for stage in stages(program) if isinstance(stage, Recurrence) for s in stage.statements}
    idle = _idle(program, forms, scope, recurrences, {*program.outputs, *kept})
    for recurrence, group in groupby(every, key=lambda one: recurrences.get(one[0])):
        together = list(group)
        spoken: list[Equation] = []
        for statement, form, key in together if recurrence is not None else _ordered(together):
            own = equation(statement, form, statement.target.name not in written, order, numbers or {})
            spoken.append((said or {}).get(statement, own))
            if recurrence is None:
                made = statement.target.name not in idle
                running = lower_running(statement, scope, partial(_by_itself, program, scope), made)
                seen = joined_axes(form, scope.tensors)
                found.append(
                    _lowered(statement, seen, program, scope, spoken[-1], key, written)
                    if running is None
                    else Lowered(spoken[-1], tuple(running), key)
                )
            written.add(statement.target.name)
        if recurrence is not None:
            records = _recurred(recurrence, program, scope, spoken, {*program.outputs, *kept}, known)
            found.append(Lowered(spoken[0], records, together[0][2], said=True))
    return Plan(name, stored(read_once(joined(found, scope, {*program.outputs, *kept}))))


def _recurred(
    recurrence: Recurrence,
    program: Program,
    scope: Scope,
    said: Sequence[Equation],
    kept: Set[str],
    sizes: Mapping[Symbol, Sequence[int]],
) -> tuple[Record, ...]:
    """A recurrence as records: what it computes at one position is a program, and planned as such."""
    others = [s for s in program.statements if s not in recurrence.statements]
    read = {a.tensor for s in others for a in accesses(s.term.body)}

    def lowered(inside: Program) -> Sequence[Record]:
        given = [t.name for t in inside.inputs]
        spoken = dict(zip(inside.statements, said, strict=True))
        records = lower(inside, "", given, scope.taken, sizes=sizes, said=spoken).records
        scope.taken.update(effects(*records).names)  # what comes after has other names: a name has one meaning
        return records

    return lower_recurrence(recurrence, program, scope.taken, kept | read, lowered)


def _idle(
    program: Program, forms: Sequence[Form], scope: Scope, recurring: Collection[Statement], kept: Collection[str]
) -> set[str]:
    """The tensors that need not be made, see `unmade`; those of recurrences and what they read are made."""
    if not any(s.term.reduction.leaves_out for s in program.statements):
        return set()
    parts = [
        [None] if statement in recurring else [part.term for part in _summands(form, scope)]
        for statement, form in zip(program.statements, forms, strict=True)
    ]
    return unmade(program.statements, parts, {*kept, *(s.target.name for s in recurring)})


def _by_itself(program: Program, scope: Scope, statement: Statement) -> list[Record]:
    """The records of a statement that is none of the program, whose target is new."""
    return _statement(statement, choose_form(statement, program, scope.hints), program, scope, fresh=True)


def _lowered(
    statement: Statement, form: Form, program: Program, scope: Scope, said: Equation, key: Hashable, written: set[str]
) -> Lowered:
    """A statement as records, by itself and as a part of a pass."""
    fresh = statement.target.name not in written
    absent = [a.tensor for a in accesses(statement.term.body) if scope.tensors[a.tensor].optional]
    if absent:
        zeros = [Allocate(statement.target.name, statement.target.shape, 0)] if fresh else []
        lowered = _statement(statement, form, program, scope, fresh=False)
        return Lowered(said, (*zeros, Present(absent[0], tuple(lowered))), key)
    asked = tuple(g for g in form.guards if not (g.value.free_symbols | g.extent.free_symbols) & set(form.indices))
    if asked and form.is_sum:  # once for all elements
        zeros = [Allocate(statement.target.name, statement.target.shape, 0)] if fresh else []
        rest = replace(form, guards=tuple(g for g in form.guards if g not in asked))
        body = tuple(_statement(statement, rest, program, scope, fresh=False))
        return Lowered(said, (*zeros, *([When(asked, (), body)] if body else [])), key)
    by_label = lower_label_extrema(form, scope, _form) if fresh else None
    if by_label is not None:
        return Lowered(said, tuple(by_label), key)
    slopes = any(a.tensor in scope.unmade for a in accesses(form.body))
    if not slopes and (ways := where_labels_say(form, scope, fresh, _strategy)) is not None:
        at_labels, made, otherwise = ways
        both = Compiled(at_labels.steps, (), (together([at_labels]),), otherwise)
        return Lowered(said, (*made, both), key, None, made, otherwise, labelled=at_labels)
    passed = _in_one_pass(form, scope, fresh) if not (slopes or sums_parts(form, scope)) else None
    if passed is None:
        return Lowered(said, tuple(_statement(statement, form, program, scope, fresh)), key)
    found, made, otherwise = passed
    nest = loops_of([found]) if found.worth else None
    if nest is None:
        records = tuple(_statement(statement, form, program, scope, fresh))
    else:
        records = (*found.before, *made, Compiled(steps_of(found), (), (nest,), otherwise))
    return Lowered(said, records, key, found, made, otherwise)


def _hints(program: Program, known: Mapping[Symbol, Sequence[int]]) -> dict[Symbol, int]:
    """Typical sizes; where they are known those of the place with the most summands, which decides for the others."""
    typical = size_hints(program)
    places = [typical | dict(zip(known, numbers, strict=True)) for numbers in zip(*known.values(), strict=True)]

    def summands(hints: dict[Symbol, int]) -> float:
        return sum(prod(estimate(r.extent, hints) for r in form.box) for form in chosen_forms(program, hints))

    return max(places, key=summands, default=typical)


def _ordered(
    statements: Iterable[tuple[Statement, Form, Hashable]],
) -> list[tuple[Statement, Form, Hashable]]:
    """Of consecutive statements with one target first those that write all of it, then those that add to a part."""
    groups = groupby(statements, key=lambda found: found[0].target.name)
    return [found for _, group in groups for found in sorted(group, key=lambda found: adds_at_labels(found[0]))]


def _statement(statement: Statement, form: Form, program: Program, scope: Scope, fresh: bool) -> list[Record]:
    if statement.term.body == 0 and statement.term.is_sum:
        return [Allocate(statement.target.name, statement.target.shape, 0)] if fresh else []
    if isinstance(form.body, whole):
        return _integers(form, scope)
    parts = _summands(form, scope)
    if len(parts) > 1:
        return [r for k, part in enumerate(parts) for r in _form(part, scope, fresh and k == 0)]
    return _unit_steps(_form(form, scope, fresh), statement, program, scope)


def _integers(form: Form, scope: Scope) -> list[Record]:
    """A new array of integers; numbers that are no simple expression of whole arrays are computed first."""
    made = pointwise(form)
    covered = form.body.free_symbols >= set(form.indices) and form.place == form.indices
    if covered and all(scope.plain(a, form) for a in accesses(form.body)):
        return [Define(form.target.name, made)]
    numbers = scope.declare("numbers", form.target.shape)
    first = _form(replace(form, target=numbers, body=form.body.args[0]), scope, True)
    place = tuple(r.index for r in form.box)
    return [*first, Define(form.target.name, pointwise(replace(form, body=whole(numbers(*place)))))]


def _unit_steps(lowered: list[Record], statement: Statement, program: Program, scope: Scope) -> list[Record]:
    """Where windows move in steps of 1, what they add to is a sum over windows, too: loops that gather instead."""
    branch = lowered[-1]
    adding = branch.then[-1] if isinstance(branch, Compiled) else None
    if not isinstance(branch, Compiled) or not isinstance(adding, Nest) or not adding.steps:
        return lowered
    special, there = _where(adding.steps, statement, program, scope)
    *views, other = _form(special, there, fresh=True)
    gathered = other.then[-1] if isinstance(other, Compiled) else None
    if not isinstance(gathered, Nest) or gathered.kind != "gather":
        return lowered
    either = Branch(adding.steps, (gathered,), (adding,))
    known = (*lowered[:-1], *branch.then)
    views = [r for r in views if r not in known]
    return [*lowered[:-1], *views, replace(branch, then=(*branch.then[:-1], either))]


def _where(ones: tuple[Symbol, ...], statement: Statement, program: Program, scope: Scope) -> tuple[Form, Scope]:
    """The form of a statement where these sizes are 1, and the scope with the shapes for that case."""
    values: dict[Symbol, Expr] = dict.fromkeys(ones, Integer(1))
    special = program.substitute(values)
    same = special.statements[program.statements.index(statement)]
    tensors = {name: replace(t, shape=tuple(e.xreplace(values) for e in t.shape)) for name, t in scope.tensors.items()}
    return choose_form(same, special, scope.hints), Scope(tensors, scope.hints, special, scope.taken)


def _summands(form: Form, scope: Scope) -> list[Form]:
    """One form per summand of a sum that is reduced or may be clipped: each summand is clipped by itself."""
    if not form.is_sum or not isinstance(form.body, Add):
        return [form]
    if not form.contracted and not form.guards and all(scope.whole(a, form) for a in accesses(form.body)):
        return [form]
    return [replace(form, body=part) for part in form.body.as_ordered_terms()]


def _form(form: Form, scope: Scope, fresh: bool) -> list[Record]:
    slopes = lower_slopes(form, scope, partial(_by_itself, scope.program, scope))
    if slopes is not None:
        records, form = slopes
        return [*records, *_form(form, scope, fresh)]
    if sums_parts(form, scope):
        return lower_part_sums(form, scope, fresh, _form)
    windows = lower_windows(form, scope, fresh) if is_small(form, scope) else None
    if windows is not None:
        return _or_loops(windows, form, form, [], scope, fresh)
    form, views = split_axes(form, scope)
    split_form, view = split_target(form, scope)
    lowered = _into_view(form, split_form, view, scope, fresh) if view is not None else _strategy(form, scope, fresh)
    if contractible(split_form, scope) and not is_separate(split_form, scope):
        return [*views, *lowered]
    return [*views, *_or_loops(lowered, form, split_form, [view] if view is not None else [], scope, fresh)]


def _in_one_pass(form: Form, scope: Scope, fresh: bool) -> tuple[Pass, tuple[Allocate, ...], tuple[Record, ...]] | None:
    """The pass that computes a form, the array that is made for it, and what NumPy does instead; None without one."""
    wide = widened(form, scope)
    seen, there, grouping = (wide.form, wide.scope, wide.grouping) if wide else (form, scope, None)
    counts = any(scope.tensors[a.tensor].integer for a in accesses(form.body))  # arrays of a pass hold real numbers
    if counts or not _takes_long(form, scope) or len(_summands(seen, there)) > 1:
        return None
    found = element_pass(seen, there, fresh, grouping) or sum_pass(seen, there, fresh, grouping)
    if found is None or (wide and loops_of([found]) is None):
        return None
    found = found.undivided if wide else found
    inner, views = split_axes(form if wide else found.form, scope)
    inner, view = split_target(inner, scope)
    lowered = _strategy(inner, scope, fresh)
    made = Allocate(form.target.name, form.target.shape, None)
    match lowered:
        case [Define() as defined]:
            lowered = [replace(defined, into=True, view=view is not None)]
        case _ if fresh:
            filled = [r for r in lowered if isinstance(r, Allocate) and r.name == inner.target.name]
            whole = replace(made, name=inner.target.name, shape=inner.target.shape)
            if not filled or (filled[0] != whole and not form.guards):
                return None
            made = replace(made, fill=filled[0].fill)
            lowered = [r for r in lowered if r != filled[0]]
    return found, ((made,) if fresh else ()), (*views, *([view] if view is not None else []), *lowered)


def _steps(form: Form) -> Expr:
    """The steps of all loops together."""
    return prod((r.extent for r in form.box), start=Integer(1))


def _takes_long(form: Form, scope: Scope) -> bool:
    """Whether there may be as many steps as somebody waits for a compiler for."""
    return scope.takes_long(_steps(form))


def _or_loops(
    lowered: list[Record], form: Form, inner: Form, view: list[Record], scope: Scope, fresh: bool
) -> list[Record]:
    """What NumPy does and, where there are loops for the `inner` form, whose target is a `view`, these instead."""
    found = loops(inner, scope, fresh) if _takes_long(form, scope) else None
    if found is None:
        return lowered
    fill = 0 if found.nest.adds or _leaves_some(inner) else None
    made: list[Record] = [Allocate(form.target.name, form.target.shape, fill)] if fresh else []
    made += [*view, *(Allocate(a.name, a.shape, None, integer=True) for a in [form.argument] if a is not None)]
    return _either(Compiled(_steps(form), found.inside, (*made, *found.before, found.nest), tuple(lowered)))


def _leaves_some(form: Form) -> bool:
    """Whether a form writes one position of an axis that has others, so that these have to be 0 before."""
    return any(e.is_Integer and extent != 1 for e, extent in zip(form.place, form.target.shape, strict=True))


def _either(ways: Compiled) -> list[Record]:
    """Two ways, and before them the new arrays that both make."""
    made = [r for r in ways.then if isinstance(r, Allocate) and r in ways.otherwise]
    then, otherwise = (tuple(r for r in way if r not in made) for way in (ways.then, ways.otherwise))
    return [*made, replace(ways, then=then, otherwise=otherwise)]


def _into_view(form: Form, inner: Form, view: Split, scope: Scope, fresh: bool) -> list[Record]:
    """Allocate the target, then compute into a view of it whose axes are split."""
    if not fresh:
        return [view, *_strategy(inner, scope, False)]
    lowered = _strategy(inner, scope, True)
    made = next((r for r in lowered if isinstance(r, Allocate) and r.name == inner.target.name), None)
    if made is None:  # a definition: the target is a reshape of what it yields
        return [*lowered, Split(form.target.name, inner.target.name, form.target.shape)]
    allocate = replace(made, name=form.target.name, shape=form.target.shape)
    rest = [r for r in lowered if r is not made]
    return [allocate, view, *rest]


def _strategy(form: Form, scope: Scope, fresh: bool) -> list[Record]:
    looked_up = lower_lookups(form, scope, fresh, _beside_lookups)
    if looked_up is not None:
        return looked_up
    if contractible(form, scope):
        return lower_contract(form, scope, fresh)
    windows = lower_windows(form, scope, fresh)
    if windows is not None:
        return windows
    if _scatters(form, scope):
        allocate = [Allocate(form.target.name, form.target.shape, 0)] if fresh else []
        return [*allocate, *scattered(form, scope, _scatter)]
    return lower_sums(form, scope, fresh)


def _beside_lookups(form: Form, scope: Scope, fresh: bool) -> list[Record]:
    """What is computed of arrays that were read at labels, in one pass where that is worth it."""
    passed = _in_one_pass(form, scope, fresh)
    nest = loops_of([passed[0]]) if passed is not None and passed[0].worth else None
    if passed is None or nest is None:
        return _strategy(form, scope, fresh)
    found, made, otherwise = passed
    return [*found.before, *made, Compiled(steps_of(found), (), (nest,), otherwise)]


def _scatter(form: Form, scope: Scope) -> list[Record]:
    """Loops over taps that add slices."""
    reduced, factors = pointwise_operands(form, scope)
    return [*factors, *lower_taps(reduced, scope, fresh=False)]


def _scatters(form: Form, scope: Scope) -> bool:
    return form.is_sum and not all(scope.fits(e, s, form) for e, s in zip(form.place, form.target.shape, strict=True))
