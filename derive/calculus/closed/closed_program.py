"""Gradients computed by their closed forms, where that is less work.

With dx = gamma/(M s) (M dy - sum dy - h sum dy h) three passes over the elements take the place of seven: the gradients
of mean and variance are no tensors any more, and both sums are dbeta and dgamma, which are wanted anyway.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import product

from sympy import Expr, Integer, Mul, prod

from gradscribe.derive.calculus.closed.closed_form import ClosedForms, closed_forms
from gradscribe.derive.calculus.closed.closed_statements import Closed, closed_statements
from gradscribe.derive.calculus.collapse import discharge, rename, solve
from gradscribe.derive.calculus.differentiate import Adjoint, Gradient
from gradscribe.derive.calculus.passes.inline import inline
from gradscribe.derive.calculus.passes.left_side import equation
from gradscribe.derive.calculus.passes.reuse import distributions
from gradscribe.derive.ir.functions import equal
from gradscribe.derive.ir.index import affine
from gradscribe.derive.ir.interpret.recurrence import grouped
from gradscribe.derive.ir.term import Program, Statement, Tensor, Term, accesses
from gradscribe.kept import kept

MOST = 6
"""Summands up to which a closed form is looked for: a weight that many statements read has more."""

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
    chosen = {closed.target: closed for closed in _chosen(gradient, targets, whole)}
    return replace(gradient.program, statements=tuple(_put(gradient.program, chosen)))


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
    forms, taken = closed_forms(gradient, known, whole, shown=False), program.names() | forward.names()
    groups: dict[str, list[Statement]] = {}
    for statement in program.statements:
        alone = replace(statement, term=collapsed(statement.term, program))
        groups.setdefault(statement.target.name, []).append(alone)
    order = {name: number for number, name in enumerate(groups)}
    found: list[Choice] = []
    for name, group in groups.items():
        plain, terms = _written(group)
        if plain:
            forms.learn(name, terms)
        tried = len(terms) <= MOST and not _is_multiple(terms, group, forms)
        stages = forms.stages(name, terms, learning=plain) if terms and tried else ()
        if stages:
            closed = closed_statements(group[0], stages[-1].value, terms[0].free, groups, forms.signals, taken)
            found.append(Choice(closed, _without(closed, groups, order, program)))
    return tuple(found)


def _is_multiple(terms: Sequence[Term], group: Sequence[Statement], forms: ClosedForms) -> bool:
    """Whether a gradient is another one of the same shape times something: there is nothing to be closed."""
    if len(terms) != 1 or terms[0].bound:
        return False
    found = [forms.signals[a.tensor] for a in accesses(terms[0].body) if a.tensor in forms.signals]
    return all(t.shape == group[0].target.shape for t in found)


def _without(
    closed: Closed, groups: Mapping[str, Sequence[Statement]], order: Mapping[str, int], program: Program
) -> Expr:
    """The work of what a closed form stands for: its gradient, with all that this needs and it does not read itself."""
    read, waiting, found = closed.read, [closed.target], set[str]()
    while waiting:
        name = waiting.pop()
        if name in groups and name not in read | found:
            found.add(name)
            waiting += [a.tensor for s in groups[name] for a in accesses(s.term.body)]
    wanted = tuple(s for name in sorted(found, key=order.__getitem__) for s in groups[name])
    given = {a.tensor for s in wanted for a in accesses(s.term.body)} - {s.target.name for s in wanted}
    inputs = tuple(program.tensors[name] for name in sorted(given))
    return work(inline(Program(inputs, wanted, (closed.target,), program.sizes)).statements)


def collapsed(term: Term, program: Program) -> Term:
    """The term without the deltas that give one index for another, or for what certainly is in its range."""
    term, _ = discharge(rename(term)[0], program)
    for delta, bound in product(term.deltas, term.bound):
        if affine(delta, term.indices).coefficient(bound.index) in (1, -1):
            solved, _ = discharge(solve(term, delta, bound.index), program)
            if len(solved.guards) <= len(term.guards):
                return collapsed(solved, program)
    return term


def _written(group: Sequence[Statement]) -> tuple[bool, list[Term]]:
    """The terms of a gradient with the free indices of the first, and whether these are its axes.

    They may be the digits of an index: dx[n, C*g + c]. None where statements write different elements.
    """
    if any(not d.free_symbols & {r.index for r in s.term.bound} for s in group for d in s.term.deltas):
        return False, []  # a diagonal
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


def _put(program: Program, chosen: Mapping[str, Closed]) -> Iterator[Statement]:
    """The statements with closed forms in place of those of their gradients, behind all that they read."""
    done: set[str] = set()
    together = {name: group for names, group in grouped(program.statements).items() for name in names}

    def of(name: str) -> Iterator[Statement]:
        if name in done:
            return
        statements = together.get(name, [])
        done.update({name}, (s.target.name for s in statements))
        closed = chosen.get(name)
        if closed is None:
            for read in dict.fromkeys(a.tensor for s in statements for a in accesses(s.term.body)):
                yield from of(read)
            yield from statements
            return
        yield from closed.sums
        for other in closed.shared:
            yield from of(other)
        yield from closed.statements

    for name in dict.fromkeys(s.target.name for s in program.statements):
        yield from of(name)
