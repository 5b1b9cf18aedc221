"""Lets that a derivation does not show: they are written out where they are read, in a program that is differentiated.

The derivation and the kernels start from one differentiated program. What is simplified for display is a rewrite of it,
Gradient -> Gradient, and is recorded: the forward equations get the let's body, the gradient of the let goes, and what
it passed on comes directly from the let's readers, by the chain rule. A let that counts as a constant passes nothing
on; it is never written out, unless it is made of sizes alone. Certificates compare both programs.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

from gradscribe.derive.calculus.differentiate import Adjoint, Contribution, Gradient, assembled, contribute
from gradscribe.derive.calculus.passes.inline import inserted, is_pointwise
from gradscribe.derive.calculus.passes.rewrite import count
from gradscribe.derive.derivation.forward.idealisation import Idealised, idealised
from gradscribe.derive.ir.functions import Stepped
from gradscribe.derive.ir.term import Access, Program, Statement, Tensor, accesses


@dataclass(frozen=True)
class Rewritten:
    """A differentiated program and what a derivation shows of it.

    Attributes:
        origin: the program that the kernels start from, too.
        shown: the same gradients of a shorter forward program.
        lets: what is written out in it.
        idealised: equations of it that are computed otherwise.
    """

    origin: Gradient
    shown: Gradient
    lets: tuple[Statement, ...] = ()
    idealised: tuple[Idealised, ...] = ()


def written_out(origin: Gradient, hidden: Collection[str] = ()) -> Rewritten:
    """A differentiated program with lets written out.

    Args:
        origin: a differentiated program.
        hidden: names of lets that should go, besides those that depend on sizes alone, such as the extent of a window.
    """
    gradient, fixed = _counted(origin)
    program, changed = idealised(gradient.forward)
    gradient = _over(gradient, program)
    lets = []
    for name in dict.fromkeys(s.target.name for s in gradient.forward.statements):
        if name not in hidden and (name not in fixed or _is_rounded(gradient.forward, name)):
            continue
        let = gradient.forward.definitions(name)[0]
        shorter = _without(gradient, let)
        if shorter is not None:
            gradient = shorter
            lets.append(let)
    return Rewritten(origin, gradient, tuple(lets), changed)


def _is_rounded(program: Program, name: str) -> bool:
    """Whether a let is a position between elements, its whole part or its fraction: read more than once, and long."""
    found = (s for s in program.statements if s.target.name == name or _reads(s, name))
    return any(s.term.body.has(Stepped) for s in found)


def _counted(gradient: Gradient) -> tuple[Gradient, set[str]]:
    """Sums over sizes alone as products of extents, and the tensors that depend on sizes alone."""
    program = gradient.forward
    fixed: set[str] = set()
    statements = []
    for statement in program.statements:
        if all(a.tensor in fixed for a in accesses(statement.term.body)) and statement.term.is_sum:
            fixed.add(statement.target.name)
            statement = replace(statement, term=count(statement.term, program))
        statements.append(statement)
    return _over(gradient, replace(program, statements=tuple(statements))), fixed


def _without(gradient: Gradient, let: Statement) -> Gradient | None:
    """The gradient with `let` written out; None where that is not exact, or the let is a result or a constant."""
    program, name = gradient.forward, let.target.name
    constant = let.target.constant and bool(accesses(let.term.body))
    if constant or not is_pointwise(let) or name in program.outputs or len(program.definitions(name)) > 1:
        return None
    statements = tuple(
        replace(s, term=inserted(s.term, let)) if _reads(s, name) else s for s in program.statements if s is not let
    )
    if any(_reads(s, name) for s in statements):
        return None
    return _over(gradient, replace(program, statements=statements))


def _over(gradient: Gradient, program: Program) -> Gradient:
    """The gradient over a forward program of the same tensors or fewer: what changed statements pass on is anew."""
    if program.statements == gradient.forward.statements:
        return gradient
    known = {(c.reader, c.access): c for a in gradient.adjoints for c in a.contributions}
    seeds = {**gradient.seeds, **{a.tensor.name: a.gradient for a in gradient.adjoints}}
    taken = gradient.forward.names() | {t.name for t in seeds.values()}
    adjoints = tuple(
        replace(a, contributions=found)
        for a in gradient.adjoints
        if a.tensor.name in program.tensors and (found := _contributions(a, program, seeds, known, taken))
    )
    results = {a.tensor.name: a.gradient for a in gradient.adjoints if a.gradient.name in gradient.program.outputs}
    return assembled(program, gradient.seeds, adjoints, {**results, **gradient.zeros})


def _contributions(
    adjoint: Adjoint,
    program: Program,
    seeds: dict[str, Tensor],
    known: dict[tuple[Statement, Access], Contribution],
    taken: set[str],
) -> tuple[Contribution, ...]:
    """What every access of a tensor adds to its gradient, in the order of `differentiate`.

    Where one is anew all are, so that all have one element's indices: what was written out has left a name free.
    """
    reads = [
        (reader, access, seeds[reader.target.name])
        for reader in reversed(program.statements)
        for access in (accesses(reader.term.body) if reader.target.name in seeds else ())
        if access.tensor == adjoint.tensor.name
    ]
    old = [known.get((reader, access)) for reader, access, _ in reads]
    found = [contribute(program, *read, taken) for read in reads] if None in old else old
    return tuple(c for c in found if c is not None)


def _reads(statement: Statement, name: str) -> bool:
    return any(a.tensor == name for a in accesses(statement.term.body))
