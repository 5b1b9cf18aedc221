"""The programs that a layer's functions run: what computes given tensors forward, and what computes given gradients.

The gradients are given forward tensors that exist and the seeds. Intermediates that depend on no input are computed
again instead of being kept.
"""

from collections.abc import Sequence, Set
from dataclasses import replace
from itertools import islice

from sympy import Integer

from gradscribe.derive.calculus.closed.closed_program import with_closed_forms
from gradscribe.derive.calculus.collapse import rename
from gradscribe.derive.calculus.differentiate import Gradient
from gradscribe.derive.calculus.passes.inline import inline
from gradscribe.derive.calculus.passes.recall import recalled
from gradscribe.derive.calculus.passes.reuse import distributions, reused
from gradscribe.derive.calculus.passes.ties import unused
from gradscribe.derive.calculus.programs.closure import closure
from gradscribe.derive.calculus.programs.computed_program import computed_program
from gradscribe.derive.calculus.programs.products.empty_sums import with_empty_sums
from gradscribe.derive.ir.index import fresh_names
from gradscribe.derive.ir.interpret.recurrence import arranged
from gradscribe.derive.ir.term import Program, Statement, Tensor, Term, accesses, index_ranges


def forward_program(program: Program, results: tuple[str, ...], keep: Set[str] = frozenset()) -> Program:
    """What computes the tensors `results` of the forward pass; those of `keep` that it needs are tensors in it, too."""
    program = computed_program(program)
    kept = closure(program.statements, results)
    statements = tuple(  # ties are read by derivatives only; their count stays where it is a result
        replace(s, argument=s.argument if s.argument and s.argument.name in results else None, ties=None, others=None)
        for s in kept
    )
    made = {s.target.name for s in statements}
    wanted = reused(replace(program, statements=statements, outputs=results), whole=keep)
    return with_extrema(inline(wanted, set(results) | keep & made))


def with_extrema(program: Program) -> Program:
    """The program with a maximum for each place of one: what computes it records where it is."""
    taken = program.names()

    def found(statement: Statement) -> Statement:
        word = statement.term.reduction.places
        if not word:
            return statement
        best = replace(statement.target, name=unused("best", statement.target, taken), integer=False, constant=True)
        return Statement(best, replace(statement.term, op=word), argument=statement.target)

    return replace(program, statements=tuple(map(found, program.statements)))


def gradient_program(
    gradient: Gradient,
    names: Sequence[str],
    recomputed: Set[str],
    frugal: bool = False,
    keep: Set[str] = frozenset(),
    whole: Set[str] = frozenset(),
) -> Program:
    """What computes the gradients of `names`, over the tensors it has to be given.

    A gradient of 0 is a statement that says so.

    Args:
        gradient: the differentiated program.
        names: the inputs whose gradients are wanted.
        recomputed: tensors that are computed again.
        frugal: whether differences are read from tensors that hold them, so that less must be kept.
        keep: gradients that are tensors in it where they are needed, though they could be put in where they are read.
        whole: gradients that closed forms of others read as they are.
    """
    forward = gradient.forward
    tensors = gradient.program.tensors
    zeros = [zero(gradient.zeros[name]) for name in names if name in gradient.zeros]
    found = {a.tensor.name: a.gradient for a in gradient.adjoints} | gradient.zeros
    targets = tuple(found[name].name for name in names)
    closed = with_closed_forms(gradient, targets, whole)
    renamed = tuple(replace(s, term=rename(s.term)[0]) for s in closed.statements)
    wanted = closure(renamed, targets)
    edges = keep & {s.target.name for s in wanted}
    backward = with_empty_sums(inline(replace(closed, statements=(*wanted, *zeros), outputs=targets), edges))
    backward = recalled(backward, forward) if frugal else backward
    saved = [let for let in distributions(forward, set(tensors)) if let.target.name in forward.tensors]
    choices = [closure(p.statements, targets) for p in (reused(backward, saved, edges), backward)]
    statements = min(choices, key=lambda chosen: len(_given_to(chosen)))  # y instead of h and z, but not beside them
    again = recomputation(forward, _read(statements), recomputed)
    read = _read((*again, *statements))
    defined = {s.target.name for s in (*statements, *again)}
    seeds = tuple(t for t in gradient.seeds.values())
    rest = tuple(t for t in tensors.values() if t.name in read - defined and t not in seeds)
    return with_extrema(Program((*seeds, *rest), (*again, *arranged(statements)), targets, forward.sizes))


def computed_again(program: Program) -> set[str]:
    """The intermediate tensors that gradients compute again instead of keeping them: what depends on sizes only.

    So they do with what only slopes are written with; the results of the forward pass need none of it.
    """
    found: set[str] = {s.others.name for s in program.statements if s.others is not None}
    for name in dict.fromkeys(s.target.name for s in program.statements):
        read = {a.tensor for s in program.definitions(name) for a in accesses(s.term.body)}
        if read <= found and not program.tensors[name].integer:
            found.add(name)
    return found


def recomputation(forward: Program, read: Set[str], recomputed: Set[str]) -> tuple[Statement, ...]:
    """The forward statements that are computed again for what is read."""
    return closure([s for s in forward.statements if s.target.name in recomputed], read & recomputed)


def without_idle(program: Program) -> Program:
    """The program without inputs that it does not read."""
    names = {a.tensor for s in program.statements for a in accesses(s.term.body)}
    return replace(program, inputs=tuple(t for t in program.inputs if t.name in names))


def zero(target: Tensor) -> Statement:
    """``target = 0``."""
    free = index_ranges(islice(fresh_names({target.name}), len(target.shape)), target.shape)
    return Statement(target, Term(free, (), Integer(0)))


def _read(statements: Sequence[Statement]) -> set[str]:
    return {a.tensor for s in statements for a in accesses(s.term.body)}


def _given_to(statements: Sequence[Statement]) -> set[str]:
    return _read(statements) - {s.target.name for s in statements}
