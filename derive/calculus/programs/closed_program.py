"""Gradients computed by their closed forms, where that is less work.

With dx = gamma/(M s) (M dy - sum dy - h sum dy h) three passes over the elements take the place of seven: the gradients
of mean and variance are no tensors any more, and both sums are dbeta and dgamma, which are wanted anyway.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import product

from sympy import Expr, Integer, Mul, prod

from gradscribe.derive.calculus.closed.closed_form import closed_forms
from gradscribe.derive.calculus.collapse import discharge, rename, solve
from gradscribe.derive.calculus.differentiate import Adjoint, Gradient
from gradscribe.derive.calculus.passes.inline import inline
from gradscribe.derive.calculus.passes.left_side import equation
from gradscribe.derive.calculus.passes.reuse import distributions
from gradscribe.derive.calculus.programs.closed_statements import Closed, closed_statements
from gradscribe.derive.calculus.programs.closure import closure
from gradscribe.derive.ir.functions import equal
from gradscribe.derive.ir.index import affine
from gradscribe.derive.ir.term import Program, Statement, Tensor, Term, accesses
from gradscribe.kept import kept

SIZE = Integer(8)
"""What a size that is no number counts as, where work is compared."""


@dataclass(frozen=True)
class Choice:
    """A gradient in closed form, and how much work its statements are without it, up to what the closed form reads."""

    closed: Closed
    without: Expr


def with_closed_forms(gradient: Gradient, targets: Sequence[str], whole: Set[str]) -> Program:
    """The gradient program with closed forms in place of what they are less work than.

    Args:
        gradient: the differentiated program.
        targets: the gradients that are wanted; they may be read for nothing.
        whole: gradients that are not put into others.
    """
    statements = gradient.program.statements
    for closed in _chosen(gradient, targets, whole):
        statements = _put(statements, closed)
    return replace(gradient.program, statements=statements)


def closed_gradients(gradient: Gradient, targets: Sequence[str], whole: Set[str] = frozenset()) -> frozenset[str]:
    """The gradients that `with_closed_forms` computes so."""
    return frozenset(closed.target for closed in _chosen(gradient, targets, whole))


def _chosen(gradient: Gradient, targets: Sequence[str], whole: Set[str]) -> Iterator[Closed]:
    """The closed forms that are less work than what they stand for."""
    seeds = tuple(gradient.seeds.items())
    for choice in _choices(gradient.forward, seeds, gradient.adjoints, gradient.program, frozenset(whole)):
        closed = choice.closed
        shared = [s for name in closed.shared if name not in targets for s in gradient.program.definitions(name)]
        if work((*closed.statements, *closed.sums, *shared)) < choice.without:
            yield closed


def work(statements: Iterable[Statement]) -> Expr:
    """Elements that are read and written, roughly: a body is computed for each value of its indices."""
    return sum((_times(s.term) * (len(accesses(s.term.body)) + 1) for s in statements), Integer(0))


def _times(term: Term) -> Expr:
    """How often the body is computed: a delta takes one index away, as does the bracket [v = t[n]], which names v."""
    extents = {r.index: r.extent for r in term.ranges}
    for delta in term.deltas:
        extents.pop(next((i for i, _ in affine(delta, term.indices).terms if i in extents), None), None)
    for bracket in Mul.make_args(term.body):
        if isinstance(bracket, equal) and accesses(bracket):
            extents.pop(next((e for e in bracket.args if e in extents), None), None)
    count: Expr = prod(extents.values(), start=Integer(1))
    return count.xreplace(dict.fromkeys(count.free_symbols, SIZE))


@kept(64)  # the programs of single gradients, and that of all, ask for the same
def _choices(
    forward: Program,
    seeds: tuple[tuple[str, Tensor], ...],
    adjoints: tuple[Adjoint, ...],
    program: Program,
    whole: frozenset[str],
) -> tuple[Choice, ...]:
    """Every gradient that has a closed form, in order of computation."""
    gradient = Gradient(forward, dict(seeds), adjoints, program, {})
    known = [let for let in distributions(forward, set(program.tensors)) if let.target.name in forward.tensors]
    forms, taken = closed_forms(gradient, known, whole), program.names() | forward.names()
    groups: dict[str, list[Statement]] = {}
    for statement in program.statements:
        collapsed = replace(statement, term=_collapsed(statement.term, program))
        groups.setdefault(statement.target.name, []).append(collapsed)
    found: list[Choice] = []
    for name, group in groups.items():
        plain, terms = _written(group)
        if plain:
            forms.learn(name, terms)
        stages = forms.stages(name, terms, learning=plain) if terms else ()
        if stages:
            closed = closed_statements(group[0], stages[-1].value, terms[0].free, groups, forms.signals, taken)
            found.append(Choice(closed, _without(closed, groups, program)))
    return tuple(found)


def _without(closed: Closed, groups: Mapping[str, Sequence[Statement]], program: Program) -> Expr:
    """The work of what a closed form stands for: its gradient, with all that this needs and it does not read itself."""
    others = (s for name, group in groups.items() if name not in closed.read for s in group)
    wanted = closure([*others], [closed.target])
    given = {a.tensor for s in wanted for a in accesses(s.term.body)} - {s.target.name for s in wanted}
    inputs = tuple(program.tensors[name] for name in sorted(given))
    return work(inline(Program(inputs, wanted, (closed.target,), program.sizes)).statements)


def _collapsed(term: Term, program: Program) -> Term:
    """The term without the deltas that give one index for another, or for what certainly is in its range."""
    term, _ = discharge(rename(term)[0], program)
    for delta, bound in product(term.deltas, term.bound):
        if affine(delta, term.indices).coefficient(bound.index) in (1, -1):
            solved, _ = discharge(solve(term, delta, bound.index), program)
            if len(solved.guards) <= len(term.guards):
                return _collapsed(solved, program)
    return term


def _written(group: Sequence[Statement]) -> tuple[bool, list[Term]]:
    """The terms of a gradient with the free indices of the first, and whether these are its axes.

    They may be the digits of an index: dx[n, C*g + c]. None where statements write different elements.
    """
    first, *_ = [equation(s) for s in group]
    own = [r.index for r in first[1].free]
    terms: list[Term] = []
    for left, term in (equation(s) for s in group):
        if len(term.free) != len(own):
            return False, []
        names = dict(zip((r.index for r in term.free), own, strict=True))
        if left.xreplace(names) != first[0]:
            return False, []
        terms.append(term.rename(names))
    return first[1].free == group[0].term.free, terms


def _put(statements: Sequence[Statement], closed: Closed) -> tuple[Statement, ...]:
    """The statements with the closed form in place of its gradient's, behind all that it reads."""
    first = next(n for n, s in enumerate(statements) if s.target.name == closed.target)
    before, behind = statements[:first], [s for s in statements[first:] if s.target.name != closed.target]
    early = [s for s in behind if s.target.name in closed.shared]
    late = [s for s in behind if s.target.name not in closed.shared]
    return (*before, *closed.sums, *early, *closed.statements, *late)
