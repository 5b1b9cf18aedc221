"""The gradient of the gradient: `differentiate` once more, applied to the program "forward pass, then gradients".

The first gradients are dE/dx, dE/dw, ... of a scalar E. Each is watched in a direction, and

    S = sum of direction * gradient

is differentiated by the inputs and by the gradients that arrived (the seeds of the first pass). As E changes at the
rate S where the inputs move in their directions, dS/dx is the Hessian of E times the direction, and dS/d(seed) the rate
of change of the output (Pearlmutter, Fast exact multiplication by the Hessian, Neural Computation 6, 1994, section 3).

Positions recorded by an extremum stay where they are, and constants stay constants. A gradient that is 0 whatever the
numbers are has no statement.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sympy import Symbol

from gradscribe.derive.calculus.collapse import discharge, rename, solve
from gradscribe.derive.calculus.differentiate import Gradient, differentiate
from gradscribe.derive.calculus.passes.inline import inline
from gradscribe.derive.calculus.passes.reuse import distributions, reused
from gradscribe.derive.ir.index import affine
from gradscribe.derive.ir.quote import quoted
from gradscribe.derive.ir.term import Access, EquationError, Program, Tensor, Term, accesses
from gradscribe.derive.ir.well_formed import check
from gradscribe.kept import kept


@dataclass(frozen=True)
class SecondOrder:
    """The result of `second_order`.

    Attributes:
        first: the first differentiation.
        program: the forward statements, then those of the first gradients, which are its outputs.
        directions: input -> the direction in which its first gradient is watched.
        second: S differentiated: the result of differentiating `program` with the directions as seeds.
        order_1: the first gradients, over forward tensors and seeds.
        order_2: the gradients of S, over forward tensors, seeds and directions: what of the first ones they read too.
    """

    first: Gradient
    program: Program
    directions: dict[str, Tensor]
    second: Gradient
    order_1: Program
    order_2: Program

    @property
    def counts(self) -> tuple[int, int]:
        """How many statements the first gradients take, and how many those of S."""
        return len(self.order_1.statements), len(self.order_2.statements)


def second_order(
    program: Program,
    watched: Sequence[str] | None = None,
    wrt: Sequence[str] | None = None,
    direction: str = "dd",
    prefix: str = "grad_",
) -> SecondOrder:
    """Differentiate S, the sum of direction * first gradient.

    Args:
        program: a checked forward program.
        watched: the inputs whose first gradients S sums over; all differentiable ones by default.
        wrt: what S is differentiated by, seeds and inputs; all of them, seeds first, by default.
        direction: what the name of a direction begins with: ``ddx`` goes with input x.
        prefix: what the name of a gradient of S begins with.

    Raises:
        EquationError: when `watched` or `wrt` names nothing differentiable.
    """
    by, of = (tuple(names) if names is not None else None for names in (watched, wrt))
    return _second_order(program, by, of, direction, prefix)


@kept(128)  # pages, kernels and their verification start from the same one
def _second_order(
    program: Program, watched: tuple[str, ...] | None, wrt: tuple[str, ...] | None, direction: str, prefix: str
) -> SecondOrder:
    first, gradients = _order_1(program, watched)
    program = first.forward
    seeds = tuple(first.seeds.values())
    both = Program(
        (*seeds, *program.inputs), (*program.statements, *gradients.statements), gradients.outputs, program.sizes
    )
    named = {a.gradient.name: a.tensor.name for a in first.adjoints if a.gradient.name in gradients.outputs}
    taken = check(both).names()
    names = {gradient: _unused(f"{direction}{named[gradient]}", taken) for gradient in gradients.outputs}
    second = differentiate(both, wrt, names, prefix)
    directions = {named[gradient]: tensor for gradient, tensor in second.seeds.items()}
    slopes = tuple(s for s in second.forward.statements if s.target.name not in both.tensors)
    made = {s.target.name for s in (*slopes, *gradients.statements)}
    given = tuple(t for t in second.program.inputs if t.name not in made)
    statements = (*slopes, *gradients.statements, *second.program.statements)
    order_2 = condensed(replace(second.program, inputs=given, statements=statements), program)
    return SecondOrder(first, both, directions, second, gradients, order_2)


@kept(32)  # by whatever S is differentiated then
def _order_1(program: Program, watched: tuple[str, ...] | None) -> tuple[Gradient, Program]:
    """The gradients of E, and what computes them in few statements."""
    first = differentiate(program, watched)
    condensed_first = condensed(first.program, first.forward, fixed=False)
    return first, _named_as_forward(_placed(condensed_first, first.forward), first)


def checked_order(name: str, order: int) -> int:
    """`order` if it is 1 or 2.

    Raises:
        EquationError: naming the layer called `name`, for any other.
    """
    if order not in (1, 2):
        raise EquationError(f"{name}: order must be 1 or 2, received {quoted(order)}")
    return order


def condensed(program: Program, forward: Program, fixed: bool = True) -> Program:
    """A gradient program in few statements: copies and single uses inlined, the forward pass's tensors read again.

    Args:
        program: the gradient program.
        forward: the program that was differentiated.
        fixed: whether constants may be read for what has their value: not in what will be differentiated.
    """
    renamed = tuple(replace(s, term=rename(s.term)[0]) for s in program.statements)
    plain = inline(replace(program, statements=renamed))
    saved = [let for let in distributions(forward, set(program.tensors), fixed) if let.target.name in forward.tensors]
    return min((inline(reused(plain, saved)), plain), key=_size)


def natural_indices(program: Program, name: str) -> tuple[Symbol | None, ...]:
    """The index that the program itself has for each axis of a tensor where it is defined, or first read; or None."""
    tensors = program.tensors
    defined = [Access(name, *(r.index for r in s.term.free)) for s in program.definitions(name)]
    found = [*defined, *(a for s in program.statements for a in accesses(s.term.body) if a.tensor == name)]
    axes = [[a.indices[k] for a in found] for k in range(len(tensors[name].shape))]
    indices = {v for s in program.statements for v in s.term.indices}  # an option is a symbol, too
    plain = tuple(next((e for e in column if e in indices), None) for column in axes)
    known = [e for e in plain if e is not None]
    return plain if len(set(known)) == len(known) else (None,) * len(axes)


def _placed(gradients: Program, forward: Program) -> Program:
    """The gradients with the places that the forward pass writes to as expressions: dy[n, K*g + k], dh[n, t + 1]."""
    axes = {r.index for s in forward.statements for r in s.term.free for d in s.term.deltas if d.has(r.index)}

    def placed(term: Term) -> Term:
        for axis in (r.index for r in term.bound):
            forms = ((d, affine(d, term.indices)) for d in term.deltas)
            known = (d for d, f in forms if f.coefficient(axis) in (1, -1) and (axis in axes or len(f.terms) == 2))
            delta = next(known, None)
            term = discharge(solve(term, delta, axis), gradients)[0] if delta is not None else term
        return term

    return check(replace(gradients, statements=tuple(replace(s, term=placed(s.term)) for s in gradients.statements)))


def _named_as_forward(gradients: Program, first: Gradient) -> Program:
    """The gradients with the indices that the forward pass has for their tensors, where these are free."""
    forward = {a.gradient.name: a.tensor.name for a in first.adjoints}
    statements = []
    for s in gradients.statements:
        names = natural_indices(first.forward, forward[s.target.name])
        renames = {r.index: n for r, n in zip(s.term.free, names, strict=True) if n is not None and n != r.index}
        clash = set(renames.values()) & set(s.term.indices)
        statements.append(s if clash else replace(s, term=s.term.rename(renames)))
    return check(replace(gradients, statements=tuple(statements)))


def _size(program: Program) -> tuple[int, int]:
    """The number of statements, then of the tensors given that they read."""
    read = {a.tensor for s in program.statements for a in accesses(s.term.body)}
    return len(program.statements), len(read - {s.target.name for s in program.statements})


def _unused(name: str, taken: set[str]) -> str:
    while name in taken:
        name = f"{name[0]}{name}"
    taken.add(name)
    return name
