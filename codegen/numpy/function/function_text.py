"""Kernel -> one function: signature, docstring, and the statements that check, compute and return."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise

from gradscribe.codegen.kernel.calling import shape_argument
from gradscribe.codegen.kernel.conditions.gradient_conditions import Condition, conditions, result_conditions
from gradscribe.codegen.kernel.kernel import Kernel, Purpose
from gradscribe.codegen.kernel.page.provenance import kernel_numbers
from gradscribe.codegen.loops import NestLoops
from gradscribe.codegen.numpy.function.arguments import FULL, given_statements, value_statements
from gradscribe.codegen.numpy.function.conditional import conditional, presence, presence_statements, where_wanted
from gradscribe.codegen.numpy.function.docstring import function_doc
from gradscribe.codegen.numpy.function.sizes import Sizes, Work, own_statements, shared_sizes
from gradscribe.codegen.numpy.layer.constructor import annotation, default
from gradscribe.codegen.numpy.lower import lower
from gradscribe.codegen.numpy.lower.indirect.real_values import with_real_values
from gradscribe.codegen.numpy.lower.products.added_rows import with_rows
from gradscribe.codegen.numpy.lower.recurrences.in_stretches import in_stretches
from gradscribe.codegen.numpy.lower.release import released, released_blocks
from gradscribe.codegen.numpy.plan import Count, Equation, Plan, Record, effects
from gradscribe.codegen.numpy.print.emit import Emitter
from gradscribe.codegen.numpy.print.fixed_names import ARRAY, FIXED, RUNTIME
from gradscribe.codegen.python.definition import (
    ANY,
    INT,
    NONE,
    Function,
    Parameter,
    Signature,
    defaults_last,
    of,
)
from gradscribe.codegen.python.expression import Expression, Literal, Name, Star, call, method
from gradscribe.codegen.python.names import check_distinct
from gradscribe.codegen.python.scalars.scalar import size
from gradscribe.codegen.python.statement import Body, Return, Sourced, folded, live, used
from gradscribe.derive.ir.term import EquationError, Program, Statement, Tensor
from gradscribe.derive.layer.interface import REQUIRED

TRUE = Literal(True)


def plan(kernel: Kernel) -> Plan:
    """How a kernel is computed; print it to read it."""
    kernel = replace(kernel, program=with_real_values(kernel.program))
    given = [t.name for t in kernel.arguments]
    inputs = tuple(replace(t, optional=t.optional and t not in kernel.filled) for t in kernel.arguments)
    program = replace(kernel.program, inputs=inputs)
    backward = kernel.purpose is Purpose.BACKWARD
    under = conditions(kernel) if backward else {}
    keys = [under[s.target.name] for s in program.statements] if backward else ()
    planned = _lowered(replace(kernel, program=program), given, keys)
    planned = replace(planned, records=released_blocks(planned.records))
    if not backward:
        return replace(planned, records=with_rows(planned.records))
    found = conditional(planned, kernel)
    return replace(found, records=released(found.records, kernel.results))


def _lowered(kernel: Kernel, given: Sequence[str], keys: Sequence[Hashable]) -> Plan:
    """The plan without conditions and without what lets go of arrays."""
    program, taken, numbers = kernel.program, _taken(kernel), kernel_numbers(kernel)
    if kernel.checkpoints is None:
        return lower(program, kernel.name, given, taken, numbers, keys=keys, kept=kernel.results)
    known = dict(zip(program.statements, keys, strict=True)) if keys else {}

    def within(part: Program, said: Mapping[Statement, Equation], reserved: Iterable[str]) -> Sequence[Record]:
        there, own = [t.name for t in part.inputs], [known.get(s) for s in part.statements]
        return lower(part, kernel.name, there, reserved, numbers, keys=own, kept=part.outputs, said=said).records

    return Plan(kernel.name, in_stretches(program, kernel.checkpoints, given, taken, numbers, within))


def _taken(kernel: Kernel) -> set[str]:
    options = {o.name for o in kernel.layer.options}
    own = {kernel.flag, *presence(kernel).values(), *(shape_argument(t) for t in kernel.shaped)}
    return options | own | FIXED | set(kernel.layer.program.names())


def function_sources(kernels: Sequence[Kernel]) -> tuple[Function, ...]:
    """The functions of a module, and before the first that needs them those that name their sizes."""
    computed: dict[str, _Computed] = {}
    for kernel in kernels:
        computed[kernel.name] = _computed(kernel, [loops for c in computed.values() for loops in c.loops])
    shared = shared_sizes(kernels, {name: found.work for name, found in computed.items()})
    found: dict[str, Function] = {}
    for kernel in kernels:
        sizes = shared.get(kernel.name)
        found |= {sizes.function.name: sizes.function} if sizes else {}
        found[kernel.name] = _assembled(kernel, computed[kernel.name], sizes)
    return tuple(found.values())


def function_source(kernel: Kernel) -> Function:
    """One function that names its sizes itself, and the compiled loops that it calls."""
    return _assembled(kernel, _computed(kernel), None)


@dataclass(frozen=True)
class _Computed:
    """What a function does once its arguments are checked: its plan, the statements, the loops that these call."""

    plan: Plan
    work: Work
    loops: tuple[NestLoops, ...]


def _computed(kernel: Kernel, known: Sequence[NestLoops] = ()) -> _Computed:
    tensors = kernel.program.tensors
    sizes = {s.name for s in kernel.program.symbols()}
    check_apart(kernel)
    flags, results = presence(kernel), result_conditions(kernel)
    taken = {*tensors, *sizes, *(o.name for o in kernel.options), kernel.flag, *flags.values()}
    emitter = Emitter(taken, known=known)
    planned = plan(kernel)
    returned = (where_wanted(_returned(tensors[name]), results[name], flags) for name in kernel.results)
    body = folded((*emitter.statements(planned), Return(tuple(returned))))
    checks = (*presence_statements(kernel), *value_statements(kernel))
    checks = live(checks, set().union(*map(used, body)), RUNTIME)
    return _Computed(planned, Work((*checks, *body), _fixed(body, kernel.results)), tuple(emitter.nests))


def _fixed(body: Body, results: Sequence[str]) -> tuple[Sourced, ...]:
    """The equations, and the statements that say how often they hold, of arrays that sizes alone decide."""
    counted = [
        (before, s)
        for before, s in pairwise(s for s in body if isinstance(s, Sourced))
        if isinstance(s.source, Count) and isinstance(before.source, Equation)
    ]
    others = (s.source for s in body if isinstance(s, Sourced) and not isinstance(s.source, Count))
    written = effects(*others).writes | set(results)
    return tuple(chain.from_iterable(pair for pair in counted if pair[1].source.name not in written))


def _assembled(kernel: Kernel, computed: _Computed, sizes: Sizes | None) -> Function:
    """The whole function; without `sizes` it names them itself."""
    bound = sizes.statements(kernel) if sizes else own_statements(kernel)
    work, fixes = computed.work, sizes is not None and sizes.fixes
    return Function(
        name=kernel.name,
        signature=_signature(kernel),
        doc=function_doc(kernel, kernel_numbers(kernel)),
        body=(*live((*given_statements(kernel), *bound), work.read(fixes), RUNTIME), *work.left(fixes)),
        loops=computed.loops,
        source=computed.plan,
    )


def check_apart(kernel: Kernel) -> None:
    """Raise where two names that a function is given or binds are one, or a gradient has a name of the function's own.

    Raises:
        EquationError: naming both.
    """
    for name in sorted(FIXED & set(kernel.program.tensors)):
        raise EquationError(
            f"{kernel.name}: a gradient would be called {name}, which generated code uses itself; rename its tensor"
        )
    sizes = {s.name for s in kernel.program.symbols()}
    names = [("tensor", name) for name in kernel.program.tensors]
    names += [("size", name) for name in sorted(sizes)]
    names += [("argument", kernel.flag)] if kernel.flag else []
    names += [("option", o.name) for o in kernel.options if (o.name,) != tuple(s.name for s in o.symbols)]
    check_distinct(kernel.name, [*names, *(("argument", shape_argument(t)) for t in kernel.shaped)])


def _returned(tensor: Tensor) -> Expression:
    name = Name(tensor.name)
    if tensor.ravel is not None:
        axes = [Star(FULL) if axis == tensor.ravel else size(e) for axis, e in enumerate(tensor.shape)]
        return method(name, "reshape", *([FULL] if len(axes) == 1 else axes))
    return name if tensor.shape or tensor.integer else call("dtype", name)


def _signature(kernel: Kernel) -> Signature:
    given = tuple(Parameter(t.name, ANY, NONE if t.optional else None) for t in kernel.arguments)
    keyword = [Parameter(shape_argument(t), of("Sequence", INT)) for t in kernel.shaped]
    available = {o.name for o in kernel.options}
    for option in sorted(kernel.options, key=lambda o: o.default is not REQUIRED):
        required = option.default is REQUIRED or (isinstance(option.default, str) and option.default not in available)
        keyword.append(Parameter(option.name, annotation(option), None if required else default(option)))
    keyword += [Parameter(kernel.flag, Name("bool"), TRUE)] if kernel.flag else []
    always = {n for n, condition in result_conditions(kernel).items() if condition == Condition()}
    kinds = tuple(ARRAY if kernel.program.tensors[n].shape and n in always else ANY for n in kernel.results)
    return Signature(defaults_last(given), tuple(keyword), kinds[0] if len(kinds) == 1 else of("tuple", *kinds))
