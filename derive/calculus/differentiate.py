"""Reverse mode: Program -> Gradient, again a Program.

Statements are visited in reverse. For every distinct access X[e] in the body of ``y[f] = sum(...) body`` one statement

    dX[q] += sum(f, bound) [q == e] dy[f] * d(body)/d(X[e])

is emitted: one statement per access is the product rule, one per intermediate tensor the chain rule. The Kronecker
deltas ``[q == e]`` stay in the Term; `derive.calculus.collapse` takes them away. A reduction other than a sum adds the
slope that its row in `derive.ir.reductions` states. For an extremum that is the bracket [position == argument recorded
by the forward statement], or [body == y[f]] / ties[f] where ties share the gradient.

The statements of a recurrence are visited once, like all others. What it reads at t - 1 gives [q = t - 1], so that its
gradient is a recurrence that comes from t + 1: back-propagation through time (Werbos, 1990).

Every delta owns a private index with coefficient 1, the fresh q made here. Hence statements with affine deltas, box
ranges and zero-extended accesses are closed under differentiation at any order (Urban and van der Smagt, Gradients of
element-wise expressions, arXiv:1711.01348).
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice

import sympy
from sympy import Add, Dummy, Expr, Integer, Mul, Pow

from gradscribe.derive.calculus.programs.products.others import with_others
from gradscribe.derive.ir.functions import FUNCTIONS, decreed, equal, is_indicator, real_derivative, relu
from gradscribe.derive.ir.index import fresh_names
from gradscribe.derive.ir.interpret.recurrence import Recurrence, arranged, stages
from gradscribe.derive.ir.quote import listed, shown
from gradscribe.derive.ir.reductions import Element
from gradscribe.derive.ir.term import (
    Access,
    EquationError,
    Program,
    Statement,
    Tensor,
    Term,
    accesses,
    index_ranges,
    position,
)
from gradscribe.derive.ir.well_formed import check
from gradscribe.kept import kept
from gradscribe.printed import Printed


@dataclass(frozen=True)
class Contribution:
    """What one access of one statement adds to the gradient of a tensor.

    Attributes:
        reader: the forward statement.
        access: the access in its body that is differentiated by.
        term: the raw term, Kronecker deltas included.
        by_value: the same term with the derivative written in terms of the reader's saved result, where possible.
    """

    reader: Statement
    access: Access
    term: Term
    by_value: Term | None

    @property
    def computed(self) -> Term:
        """The form a kernel computes: by the saved result where possible."""
        return self.by_value or self.term


@dataclass(frozen=True)
class Adjoint:
    """The gradient of one tensor: ``gradient = sum of contributions``."""

    tensor: Tensor
    gradient: Tensor
    contributions: tuple[Contribution, ...]


@dataclass(frozen=True, repr=False)
class Gradient(Printed):
    """The result of `differentiate`.

    Attributes:
        forward: the program that was differentiated, with the tensors that slopes are written with.
        seeds: gradients of the outputs, given from outside, by name of the output.
        adjoints: gradients in order of computation, intermediate tensors included.
        program: all of them as one Program over the forward tensors and the seeds.
        zeros: inputs whose gradient was asked for and is 0 whatever the numbers are, and that gradient; no statement
            writes it.
    """

    forward: Program
    seeds: dict[str, Tensor]
    adjoints: tuple[Adjoint, ...]
    program: Program
    zeros: dict[str, Tensor]

    def adjoint(self, name: str) -> Adjoint | None:
        """The gradient of tensor `name`; None when the outputs do not depend on it."""
        return next((a for a in self.adjoints if a.tensor.name == name), None)


def differentiate(
    program: Program, wrt: Sequence[str] | None = None, seeds: dict[str, str] | None = None, prefix: str = "d"
) -> Gradient:
    """Differentiate a scalar E of the outputs with respect to inputs.

    Args:
        program: a checked program.
        wrt: names of inputs; all differentiable ones by default.
        seeds: names of the given gradients dE/d(output) by output; "dy" for a single output, else (or where "dy"
            is a tensor or a size already) "d" + name. An output of integers and a constant one have none.
        prefix: what the name of a gradient begins with, once more where there is a tensor of that name.

    Returns:
        The gradient program; inputs that the outputs do not depend on have no statement in it (their gradient is 0).

    Raises:
        EquationError: when `wrt` names no differentiable input.
    """
    choices = tuple(t.name for t in program.inputs if _differentiable(t))
    names = tuple(wrt) if wrt is not None else choices
    for name in names:
        if name not in choices:
            expected = f"expected one of {listed(choices)}" if choices else "no input is differentiable"
            raise EquationError(f"cannot differentiate with respect to {shown(name)}; {expected}")
    return _differentiated(program, names, tuple((seeds or {}).items()), prefix)


@kept(128)  # pages, kernels and their verification start from the gradients of the same program
def _differentiated(
    program: Program, names: tuple[str, ...], seeds: tuple[tuple[str, str], ...], prefix: str
) -> Gradient:
    """The same, of arguments that were checked."""
    tensors = program.tensors
    outputs = [name for name in program.outputs if _differentiable(tensors[name])]
    taken = program.names()
    single = len(outputs) == 1 and "dy" not in {*tensors, *(s.name for s in program.symbols())}
    seed_names = dict(seeds) or ({outputs[0]: "dy"} if single else {})
    taken |= set(seed_names.values())
    gradients = {
        o: Tensor(seed_names.get(o) or _fresh_tensor(o, taken), tensors[o].shape, ravel=tensors[o].ravel)
        for o in outputs
    }
    seed_tensors = dict(gradients)
    needed = _depends_on(program, set(names))
    recurrences = {name: s for s in stages(program) if isinstance(s, Recurrence) for name in s.axes}
    collected: dict[str, list[Contribution]] = {}
    completed: dict[Statement, tuple[Statement, Statement]] = {}

    def named(name: str) -> Tensor:
        return Tensor(_fresh_tensor(name, taken, prefix), tensors[name].shape, ravel=tensors[name].ravel)

    for statement in reversed(program.statements):
        recurrence = recurrences.pop(statement.target.name, None)
        if recurrence is not None:  # a gradient is read here before all of its summands are known
            for name in recurrence.axes:
                recurrences.pop(name, None)
            flowing = _flowing(recurrence, set(gradients), needed, tensors)
            gradients |= {n: named(n) for n in flowing if gradients.get(n) == seed_tensors.get(n)}
        seed = gradients.get(statement.target.name)
        if seed is None:
            continue
        reader = statement
        for access in accesses(statement.term.body):
            tensor = tensors[access.tensor]
            if access.tensor not in needed or not _differentiable(tensor):
                continue
            if reader.term.reduction.leaves_out and reader.others is None:
                completed[statement] = with_others(statement, taken)
                reader, _ = completed[statement]
            contribution = contribute(program, reader, access, seed, taken)
            if contribution is None:
                continue
            if gradients.get(access.tensor) == seed_tensors.get(access.tensor):  # none yet, or only what is given
                gradients[access.tensor] = named(access.tensor)
            collected.setdefault(access.tensor, []).append(contribution)
    if completed:
        every = [t for s in program.statements for t in completed.get(s, (s,))]
        program = replace(program, statements=arranged(every))
    order = [s.target.name for s in reversed(program.statements)] + [t.name for t in program.inputs]
    adjoints = tuple(
        Adjoint(tensors[name], gradients[name], tuple(collected[name]))
        for name in dict.fromkeys(order)
        if name in collected
    )
    gradients |= {name: named(name) for name in names if name not in collected}
    return assembled(program, seed_tensors, adjoints, {name: gradients[name] for name in names})


def assembled(
    program: Program, seeds: dict[str, Tensor], adjoints: tuple[Adjoint, ...], wanted: dict[str, Tensor]
) -> Gradient:
    """The gradient program of these adjoints.

    Args:
        program: what is differentiated.
        seeds: gradients given, by output.
        adjoints: in order of computation.
        wanted: the gradients that are its results, by input; those without an adjoint are 0.
    """
    made = {a.tensor.name for a in adjoints}
    zeros = {name: tensor for name, tensor in wanted.items() if name not in made}
    taken = program.names() | {t.name for t in seeds.values()} | {a.gradient.name for a in adjoints}
    statements: list[Statement] = []
    for a in adjoints:
        if a.tensor.name in seeds:
            statements.append(_copy(seeds[a.tensor.name], a.gradient, taken))
        statements += (Statement(a.gradient, c.computed) for c in a.contributions)
    given = tuple(program.tensors.values()) + tuple(t for t in seeds.values() if t.name not in program.tensors)
    outputs = tuple(tensor.name for name, tensor in wanted.items() if name in made)
    return Gradient(
        program, seeds, adjoints, check(Program(given, arranged(statements), outputs, program.sizes)), zeros
    )


def _copy(seed: Tensor, gradient: Tensor, taken: set[str]) -> Statement:
    """An output that is read again starts from the gradient given for it."""
    free = index_ranges(islice(fresh_names(taken), len(seed.shape)), seed.shape)
    return Statement(gradient, Term(free, (), Access(seed.name, *(r.index for r in free))))


def _differentiable(tensor: Tensor) -> bool:
    return not tensor.integer and not tensor.constant


def _depends_on(program: Program, names: set[str]) -> set[str]:
    """The tensors through which the gradient flows: `names` and every tensor computed from them."""
    found, before = set(names), -1
    while len(found) != before:  # once, but where a recurrence reads what comes later
        before = len(found)
        for statement in program.statements:
            read = {a.tensor for a in accesses(statement.term.body)}
            if read & found and _differentiable(statement.target):
                found.add(statement.target.name)
    return found


def _flowing(
    recurrence: Recurrence, given: Set[str], needed: Set[str], tensors: Mapping[str, Tensor]
) -> tuple[str, ...]:
    """The tensors of a recurrence to which it hands gradients on, of those `given` from outside."""
    names = [n for n in dict.fromkeys(s.target.name for s in reversed(recurrence.statements)) if n in needed]
    flowing = given & recurrence.axes.keys()
    found: set[str] = set()
    for _ in names:
        for s in recurrence.statements:
            if s.target.name in flowing:
                read = (a for a in accesses(s.term.body) if a.tensor in names and derivative(s.term.value, a) != 0)
                found |= {a.tensor for a in read if _differentiable(tensors[a.tensor])}
        flowing |= found
    return tuple(name for name in names if name in found)


def _fresh_tensor(name: str, taken: set[str], prefix: str = "d") -> str:
    candidate = f"{prefix}{name}"
    while candidate in taken:
        candidate = f"{prefix}{candidate}"
    taken.add(candidate)
    return candidate


def contribute(
    program: Program, statement: Statement, access: Access, seed: Tensor, taken: set[str]
) -> Contribution | None:
    """What one access adds to the gradient of its tensor; None where the slope is 0.

    Args:
        program: the forward program.
        statement: one of its statements, the reader.
        access: an access in the body of the statement.
        seed: the gradient of the statement's target.
        taken: names that the indices of the element may not have.
    """
    term = statement.term
    # the recorded position is admitted, so the brackets hold wherever its own does
    partial = derivative(term.value if statement.argument is not None else term.body, access)
    if partial == 0:
        return None
    shape = program.tensors[access.tensor].shape
    free = index_ranges(islice(fresh_names(taken), len(shape)), shape)
    guards = term.guards if statement.argument is None else ()
    factor = Access(seed.name, *(r.index for r in term.free)) * term.reduction.slope(_element(statement))
    deltas = tuple(sympy.expand(r.index - e) for r, e in zip(free, access.indices, strict=True))

    def raw(slope: Expr) -> Term:
        return Term(free, term.free + term.bound, factor * slope, term.deltas + deltas, guards)

    slope = _by_value(program, statement, access)
    return Contribution(statement, access, raw(partial), raw(slope) if slope is not None else None)


def _element(statement: Statement) -> Element:
    """What the slope of a statement's reduction is written with."""
    term = statement.term
    at = [r.index for r in term.free]
    result = Access(statement.target.name, *at)
    if statement.argument is not None:
        return Element(term.value, result, equal(position(term.bound), Access(statement.argument.name, *at)))
    if statement.ties is not None:
        # no position attains an empty window's infinity or NaN: the false bracket wins over the division by 0
        return Element(term.value, result, equal(term.value, result) / Access(statement.ties.name, *at))
    if statement.others is not None:
        return Element(term.value, result, others=Access(statement.others.name, *term.indices))
    if term.reduction.selects:
        noun = term.reduction.noun
        raise EquationError(f"{statement.target.name} is a {noun} without a recorded argument; declare it constant")
    return Element(term.value, result)


@lru_cache(maxsize=5_000)
def derivative(body: Expr, access: Access) -> Expr:
    """d(body)/d(access); every access counts as an independent real variable, and a jump (of sign) has slope 0."""
    if body == access:
        return Integer(1)
    if not body.has(access):
        return Integer(0)
    if isinstance(body, Add):
        return Add(*(derivative(part, access) for part in body.args))
    factors = [f for f in Mul.make_args(body) if f.has(access)]
    if isinstance(body, Mul) and len(factors) == 1:
        return Mul(*(derivative(f, access) if f in factors else f for f in body.args))
    dummies = {a: Dummy(a.tensor, real=True) for a in accesses(body)}
    if access not in dummies:
        return Integer(0)
    slope = real_derivative(body.xreplace(dummies), dummies[access])
    return slope.xreplace({dummy: a for a, dummy in dummies.items()})


def _by_value(program: Program, statement: Statement, access: Access) -> Expr | None:
    """The slope written with the saved y: through ``y = A*f(argument) + B`` by the table, f = (y - B)/A, or a quotient.

    Where a guard is false the term is 0, whatever the slope.
    """
    term, name = statement.term, statement.target.name
    if term.bound or term.deltas or not term.is_sum or len(program.definitions(name)) > 1:
        return None
    if term.body.has(decreed):  # its slope says nothing of its value
        return None
    calls = [f for f in term.body.atoms(*FUNCTIONS) if FUNCTIONS[f.func].by_value and f.has(access)]
    if not calls:
        return _quotient_slope(term.body, access, Access(name, *(r.index for r in term.free)))
    if len(calls) != 1:
        return None
    (call,) = calls
    stand_in = Dummy("f", real=True)
    outer = term.body.xreplace({call: stand_in})
    scale = sympy.diff(outer, stand_in)
    divisor = _never_0(scale, term)
    if outer.has(Access) or scale.has(stand_in) or divisor is None:
        return None
    saved = Access(name, *(r.index for r in term.free))
    value = (saved - outer.xreplace({stand_in: Integer(0)})) / divisor
    rule = FUNCTIONS[call.func].by_value
    assert rule is not None  # selected above
    if call.func is relu and not scale.is_positive:
        return None  # [x > 0] is [y > 0] only when y grows with x
    slope = scale * rule(value) * derivative(call.args[0], access)
    return slope if slope.has(saved) or slope.is_number else None


def _never_0(scale: Expr, term: Term) -> Expr | None:
    """What y is divided by where the brackets of its scale hold: elsewhere the slope is 0; None where that may be 0.

    An index is 0 somewhere; sizes and parameters are taken not to be.
    """
    given = {s: Dummy(positive=True) for s in scale.free_symbols if s not in term.indices}
    factors = [f for f in Mul.make_args(scale) if not is_indicator(f)]
    divides = (isinstance(f, Pow) and f.exp.is_negative for f in factors)
    certain = all(known or f.xreplace(given).is_nonzero for known, f in zip(divides, factors, strict=True))
    return Mul(*factors) if certain else None


def _quotient_slope(body: Expr, access: Access, saved: Access) -> Expr | None:
    """The slope of ``y = rest / access**k`` by the divisor: ``-k*y/access``."""
    powers = [f for f in sympy.Mul.make_args(body) if isinstance(f, Pow) and f.base == access]
    if len(powers) != 1 or not powers[0].exp.is_negative or (body / powers[0]).has(access):
        return None
    return powers[0].exp * saved / access
