"""Every single mistake in a derived gradient, as programs that can be evaluated.

The slips of single terms come from `slip` and `slip_index`, ties and overwritten values from `tie`. Here are a missing
contribution of the product or chain rule, a size too many or too few in front of the whole, slips in what the backward
computes again of the forward pass, and sums over other indices.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import sympy
from sympy import Expr, Integer, Rational, Symbol

from gradscribe.codegen.tool.check.mistake.chain import Chain, Mistake, path
from gradscribe.codegen.tool.check.mistake.slip import (
    Rule,
    Slip,
    lost_factors,
    lost_summands,
    more_factors,
    other_powers,
    other_tensors,
)
from gradscribe.codegen.tool.check.mistake.slip_index import INDEX, summed
from gradscribe.codegen.tool.check.mistake.tie import overwritten, ties
from gradscribe.codegen.tool.check.problem.problem import Problem
from gradscribe.codegen.tool.check.trial.case import Case
from gradscribe.derive.calculus.collapse import rename
from gradscribe.derive.calculus.differentiate import Adjoint
from gradscribe.derive.derivation.record.sentence import Spoken
from gradscribe.derive.ir.term import Access, Statement, Tensor, Term

RULES: tuple[Rule, ...] = (*INDEX, other_powers, lost_summands, other_tensors)
"""In the order in which they are tried, after factors: what is forgotten before what is changed."""


def mistakes(problem: Problem, name: str) -> Iterator[Mistake]:
    """Every single mistake in the gradient of input `name`, the likely ones first."""
    adjoint = problem.gradient.adjoint(name)
    if adjoint is None:
        return
    chain = Chain(problem, adjoint)
    for own in chain.adjoints:
        yield from overwritten(chain, own)
        yield from ties(chain, own)
        yield from _missing(chain, own)
        yield from _slips(chain, own, (lost_factors,))
        if own is chain.adjoints[0]:
            yield from _multiplied(chain, NUMBERS)
        yield from _slips(chain, own, (more_factors, *RULES))
    sizes = chain.surroundings(None).sizes
    yield from _multiplied(chain, [(words, f) for s in sizes for words, f in _by_size(s)])
    yield from _diagonal(chain)
    yield from _forward(chain)


def _slips(chain: Chain, own: Adjoint, rules: Sequence[Rule]) -> Iterator[Mistake]:
    around = chain.surroundings(own)
    for rule in rules:
        for number, contribution in enumerate(own.contributions):
            for words, term in _finite(rule(contribution.computed, around)):
                statement = Statement(own.gradient, rename(term)[0])
                yield chain.mistake(words, own, number, [statement], term)


def _finite(slips: Iterator[Slip]) -> Iterator[Slip]:
    """Without those that divide by 0 whatever the sizes are."""
    return (slip for slip in slips if not slip[1].body.has(sympy.nan, sympy.zoo))


def _missing(chain: Chain, own: Adjoint) -> Iterator[Mistake]:
    """Contributions of the product rule or of the chain rule are missing; all of them last."""
    count = len(own.contributions)
    for lost in (c for size in range(1, count + 1) for c in combinations(range(count), size)):
        statements = chain.statements
        for number in reversed(lost):
            statements = chain.replaced(own, number, [], statements)
        words: list[str | Expr] = ["with 0 for the gradient of ", Access(own.tensor.name)]
        if own.gradient.name == chain.target:
            words = ["times 0"]
        if len(lost) < count:
            paths = [path(own, number) for number in lost]
            words = ["without the contribution by way of ", *paths[0]]
            words += [w for other in paths[1:] for w in (" and by way of ", *other)]
        yield Mistake(tuple(words), statements, chain.target, own)


NUMBERS: tuple[tuple[Spoken, Expr], ...] = (
    (("twice as large",), Integer(2)),
    (("half as large",), Rational(1, 2)),
    (("with the opposite sign",), Integer(-1)),
)
"""What the whole gradient may be multiplied by."""


def _by_size(size: Symbol) -> tuple[tuple[Spoken, Expr], ...]:
    """A mean for a sum, or a sum for a mean, somewhere above."""
    return ((("times ", size), size), (("divided by ", size), 1 / size))


def _multiplied(chain: Chain, factors: Sequence[tuple[Spoken, Expr]]) -> Iterator[Mistake]:
    """The whole gradient multiplied by something."""
    target = chain.adjoints[0].gradient
    free = chain.adjoints[0].contributions[0].term.free
    result = replace(target, name=f"{target.name} times")  # no tensor is called so
    for words, factor in factors:
        scaled = Statement(result, Term(free, (), factor * Access(target.name, *(r.index for r in free))))
        yield Mistake(words, (*chain.statements, scaled), result.name, chain.adjoints[0])


@dataclass(frozen=True)
class _Diagonal(Mistake):
    """Each element of the gradient comes from the element of the output in its own place alone."""

    seed: str = ""

    def value(self, case: Case) -> np.ndarray:
        """The gradient, one element after the other."""
        given = np.asarray(case.tensors[self.seed])
        result = np.zeros(given.shape)
        for place in np.ndindex(given.shape):
            alone = np.zeros(given.shape)
            alone[place] = given[place]
            result[place] = super().value(replace(case, tensors={**case.tensors, self.seed: alone}))[place]
        return result


def _diagonal(chain: Chain) -> Iterator[Mistake]:
    """Of the Jacobian matrix only the diagonal is used, as if the layer were elementwise."""
    own, seeds = chain.adjoints[0], chain.problem.gradient.seeds
    if len(seeds) == 1:
        ((output, seed),) = seeds.items()
        if seed.shape == own.tensor.shape and seed.shape:
            y, x = Access(output), Access(own.tensor.name)
            words: Spoken = (
                "with the diagonal of ∂",
                y,
                "/∂",
                x,
                " alone, as if each element had an effect on itself only",
            )
            yield _Diagonal(words, chain.statements, chain.target, own, seed=seed.name)


def _forward(chain: Chain) -> Iterator[Mistake]:
    """A slip in a tensor of the forward pass that the gradient reads and the backward may have computed again."""
    program = chain.problem.program
    around = chain.surroundings(None)
    read = chain.read | {s.target.name for s in program.statements if s.argument and s.argument.name in chain.read}
    for first, statement in enumerate(program.statements):
        name = statement.target.name
        if name not in read or len(program.definitions(name)) > 1:
            continue
        for rule in (lost_factors, more_factors, *RULES):
            for words, term in _finite(rule(statement.term, around)):
                slipped = replace(statement, term=rename(term)[0])
                again = (slipped, *program.statements[first + 1 :])
                yield Mistake(words, (*again, *chain.statements), chain.target, None, forward=slipped)


def other_sums(problem: Problem, name: str) -> Iterator[Mistake]:
    """The gradient with a sum not taken, or over other indices: the result has other axes, the additional one last."""
    adjoint = problem.gradient.adjoint(name)
    if adjoint is None or len(adjoint.contributions) != 1:
        return
    (contribution,) = adjoint.contributions
    chain = Chain(problem, adjoint)
    term, names = rename(contribution.computed)
    known = {stays: gone for gone, stays in names.items()}
    for bound in summed(contribution.computed):
        rest = tuple(r for r in term.bound if r.index != bound.index)
        apart = replace(term, free=(*term.free, bound), bound=rest)
        yield _with_axes(chain, adjoint, apart, ("without the sum over ", bound.index))
        for axis, own in enumerate(term.free):
            free = (*term.free[:axis], bound, *term.free[axis + 1 :])
            words: Spoken = ("summed over ", known.get(own.index, own.index), " instead of ", bound.index)
            yield _with_axes(chain, adjoint, replace(term, free=free, bound=(*rest, own)), words)


def _with_axes(chain: Chain, adjoint: Adjoint, term: Term, words: Spoken) -> Mistake:
    target = Tensor(adjoint.gradient.name, tuple(r.extent for r in term.free))
    return Mistake(words, chain.replaced(adjoint, 0, [Statement(target, term)]), chain.target, adjoint)
