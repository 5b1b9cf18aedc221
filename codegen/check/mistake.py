"""Mistakes: the derived gradient of one input with one slip somewhere on its way, as programs that can be evaluated.

The slips of single terms come from `slip` and `slip_index`; here are those of whole statements: a contribution of the
product or chain rule that is missing, ties of a maximum, values overwritten where they should be added, and slips in
what the backward computes again of the forward pass.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import combinations
from typing import Any

import numpy as np
import sympy
from sympy import Expr, Integer

from codegen.check.case import Case
from codegen.check.problem import Problem
from codegen.check.slip import BODY, Slip, Surroundings
from codegen.check.slip_index import INDEX, summed
from derive.collapse import rename
from derive.derivation.record import Words
from derive.differentiate import Adjoint, position
from derive.functions import equal, is_indicator
from derive.interpret import Sizes, Values, evaluate
from derive.term import EXTREMA, Access, Range, Statement, Tensor, Term, accesses

Evaluate = Callable[[Term, Values, Sizes], np.ndarray]


def _plainly(term: Term, values: Values, sizes: Sizes) -> np.ndarray:
    return evaluate(term, values, sizes)[0]


@dataclass(frozen=True)
class Mistake:
    """The gradient of one input with one thing wrong.

    Attributes:
        words: what is wrong: "your dx is the derived one " + words.
        statements: what is computed, in order; the last target is the gradient of the input.
        adjoint: the gradient, perhaps of an intermediate tensor, whose derivation has the row at fault; None where it
            is in the forward pass.
        terms: the wrong row of that gradient, Kronecker deltas included; () where no row can say it.
        forward: the wrong equation of the forward pass, where that is at fault.
        evaluate: how the terms of the last target are evaluated.
    """

    words: Words
    statements: tuple[Statement, ...]
    target: str
    adjoint: Adjoint | None
    terms: tuple[Term, ...] = ()
    forward: Statement | None = None
    evaluate: Evaluate = _plainly

    def value(self, case: Case) -> np.ndarray:
        """The wrong gradient of an example."""
        found: dict[str, Any] = dict(case.tensors)
        if self.target in found:
            found[self.target] = np.zeros(np.shape(found[self.target]))
        written: set[str] = set()
        for statement in self.statements:
            name = statement.target.name
            if statement.argument is not None:
                found[name], found[statement.argument.name] = evaluate(statement.term, found, case.sizes)
                continue
            how = self.evaluate if name == self.target else _plainly
            value = how(statement.term, found, case.sizes)
            found[name] = found[name] + value if name in written else value
            written.add(name)
        return np.asarray(found[self.target])


def mistakes(problem: Problem, name: str) -> Iterator[Mistake]:
    """Every single mistake in the gradient of input `name`, the likely ones first."""
    adjoint = problem.gradient.adjoint(name)
    if adjoint is None:
        return
    chain = _Chain(problem, adjoint)
    for own in chain.adjoints:
        yield from _overwritten(chain, own)
        yield from _ties(chain, own)
        yield from _missing(chain, own)
        yield from _slips(chain, own)
    yield from _scaled(chain)
    yield from _forward(chain)


class _Chain:
    """The gradients that one gradient is computed from, itself first."""

    def __init__(self, problem: Problem, adjoint: Adjoint) -> None:
        self.problem, self.target = problem, adjoint.gradient.name
        needed = {self.target}
        found: list[Adjoint] = []
        for candidate in reversed(problem.gradient.adjoints):
            if candidate.gradient.name in needed:
                found.append(candidate)
                needed |= {a.tensor for c in candidate.contributions for a in accesses(c.computed.body)}
        self.adjoints = tuple(found)
        self.read = needed
        statements = problem.backward.statements
        self.statements = tuple(s for s in statements if s.target.name in {a.gradient.name for a in found})

    def surroundings(self, own: Adjoint | None) -> Surroundings:
        """What could be taken by mistake: forward tensors, seeds, and gradients computed before."""
        problem = self.problem
        before = []
        for adjoint in problem.gradient.adjoints:
            if own is None or adjoint.gradient.name == own.gradient.name:
                break
            before.append(adjoint.gradient)
        tensors = (*problem.program.tensors.values(), *problem.seeds, *(before if own is not None else ()))
        sizes = tuple(sorted(problem.program.symbols(), key=lambda s: s.name))
        return Surroundings({t.name: t for t in tensors}, sizes, dict(problem.program.sizes))

    def replaced(
        self, own: Adjoint, number: int, new: Sequence[Statement], among: tuple[Statement, ...] | None = None
    ) -> tuple[Statement, ...]:
        """The statements, or those `among` the first of which are whole, with a contribution replaced by `new` ones."""
        found: list[Statement] = []
        seen = -1 if own.tensor.name in self.problem.gradient.seeds else 0  # the gradient given comes first
        for statement in self.statements if among is None else among:
            if statement.target.name == own.gradient.name:
                if seen == number:
                    found += new
                    seen += 1
                    continue
                seen += 1
            found.append(statement)
        return tuple(found)

    def mistake(self, words: Words, own: Adjoint, number: int, new: Sequence[Statement], term: Term | None) -> Mistake:
        """The mistake that replaces a contribution; `term` is the row that says so, None for none."""
        rows = [c.computed for c in own.contributions]
        rows[number : number + 1] = [] if term is None else [term]
        return Mistake(words, self.replaced(own, number, new), self.target, own, tuple(rows))


def _slips(chain: _Chain, own: Adjoint) -> Iterator[Mistake]:
    around = chain.surroundings(own)
    for rule in (*INDEX, *BODY):
        for number, contribution in enumerate(own.contributions):
            for words, term in _finite(rule(contribution.computed, around)):
                statement = Statement(own.gradient, rename(term)[0])
                yield chain.mistake(words, own, number, [statement], term)


def _finite(slips: Iterator[Slip]) -> Iterator[Slip]:
    """Without those that divide by 0 whatever the sizes are."""
    return (slip for slip in slips if not slip[1].body.has(sympy.nan, sympy.zoo))


def _missing(chain: _Chain, own: Adjoint) -> Iterator[Mistake]:
    """Contributions of the product rule or of the chain rule are missing; all of them last."""
    count = len(own.contributions)
    for lost in (c for size in range(1, count + 1) for c in combinations(range(count), size)):
        statements = chain.statements
        for number in reversed(lost):
            statements = chain.replaced(own, number, [], statements)
        words: list[str | Expr] = ["with 0 for the gradient of ", Access(own.tensor.name)]
        if len(lost) < count:
            paths = [_path(own, number) for number in lost]
            words = ["without the contribution by way of ", *paths[0]]
            words += [w for path in paths[1:] for w in (" and by way of ", *path)]
        yield Mistake(tuple(words), statements, chain.target, own)


def _path(own: Adjoint, number: int) -> Words:
    """The tensor through which a contribution comes, and by which access where it has several."""
    contribution = own.contributions[number]
    reader = contribution.reader.target.name
    alone = sum(1 for c in own.contributions if c.reader.target.name == reader) == 1
    return (Access(reader),) if alone else (contribution.access, " in ", Access(reader))


def _ties(chain: _Chain, own: Adjoint) -> Iterator[Mistake]:
    """Among equal elements the gradient goes to all, in full or in shares, or to the last instead of the first."""
    for number, contribution in enumerate(own.contributions):
        reader, term = contribution.reader, contribution.term
        if reader.ties is not None:
            yield _first_only(chain, own, number)
        if reader.argument is None:
            continue
        at = [r.index for r in reader.term.free]
        place = position(reader.term.bound)
        bracket = equal(place, Access(reader.argument.name, *at))
        attained = equal(reader.term.body, Access(reader.target.name, *at))
        every = replace(term, body=term.body.xreplace({bracket: attained}), guards=reader.term.guards)
        extremum = EXTREMA[reader.term.op]
        words: Words = (f"with the gradient given to every element that equals the {extremum}: ties count twice",)
        yield chain.mistake(words, own, number, [Statement(own.gradient, rename(every)[0])], every)

        count = replace(reader.target, name=_unused("count", chain.problem))
        counted = Statement(count, replace(reader.term, body=attained, op="sum"))
        shared = replace(every, body=every.body / Access(count.name, *at))
        words = ("with ties sharing the gradient; if that is meant, check against the layer with --ties split",)
        yield chain.mistake(words, own, number, [counted, Statement(own.gradient, rename(shared)[0])], every)

        back = {r.index: r.extent - 1 - r.index for r in reader.term.bound}
        last = Statement(reader.target, reader.term.substitute(back), reader.argument)
        total = reduce(lambda a, r: a * r.extent, reader.term.bound, Integer(1))
        found = equal(total - 1 - place, Access(reader.argument.name, *at))
        turned = replace(term, body=term.body.xreplace({bracket: found}))
        words = (f"with the last of equal elements taken for the {extremum}, not the first",)
        yield chain.mistake(words, own, number, [last, Statement(own.gradient, rename(turned)[0])], None)


def _first_only(chain: _Chain, own: Adjoint, number: int) -> Mistake:
    """The gradient goes to the first of equal elements, where the layer shares it."""
    contribution = own.contributions[number]
    reader, term = contribution.reader, contribution.term
    at = [r.index for r in reader.term.free]
    argument = replace(reader.target, name=_unused("argument", chain.problem), integer=True)
    shared = equal(reader.term.body, Access(reader.target.name, *at))
    chosen = equal(position(reader.term.bound), Access(argument.name, *at))
    ties = Access(reader.ties.name, *at) if reader.ties is not None else Integer(1)
    first = replace(term, body=term.body.xreplace({shared: chosen}) * ties)
    found = Statement(reader.target, reader.term, argument)
    words: Words = ("with ties going to the first of equal elements; if that is meant, check without --ties split",)
    return chain.mistake(words, own, number, [found, Statement(own.gradient, rename(first)[0])], None)


def _unused(name: str, problem: Problem) -> str:
    taken = problem.gradient.program.names()
    return next(n for n in (name, *(f"{name}{k}" for k in range(1, 99))) if n not in taken)


def _overwritten(chain: _Chain, own: Adjoint) -> Iterator[Mistake]:
    """Where windows overlap, the last one overwrites the others: = was written for +=."""
    if len(own.contributions) != 1 or own.gradient.name != chain.target:
        return
    (contribution,) = own.contributions
    term = rename(contribution.computed)[0]
    outer = {r.index for r in contribution.reader.term.free}
    written = tuple(r for r in summed(term) if r.index in outer)
    if not written or not term.deltas:
        return
    names = [str(r.index) for r in written]
    words: Words = (f"with the last {','.join(names)} overwriting the others where they meet: = instead of +=",)
    for brackets in ((), tuple(f for f in term.body.args if is_indicator(f))):
        mistake = chain.mistake(words, own, 0, [Statement(own.gradient, term)], None)
        yield replace(mistake, evaluate=_last_of(written, brackets))


def _last_of(written: tuple[Range, ...], brackets: tuple[Expr, ...]) -> Evaluate:
    """Evaluates a term so that of the summands over `written` indices the last one that exists counts."""

    def last(term: Term, values: Values, sizes: Sizes) -> np.ndarray:
        kept = {r.index for r in written}
        inner = tuple(r for r in term.bound if r.index not in kept)
        apart = replace(term, free=(*term.free, *written), bound=inner)
        product = reduce(lambda a, b: a * b, brackets, Integer(1))
        value, there = (evaluate(t, values, sizes)[0] for t in (apart, replace(apart, body=product)))
        shape = value.shape[: len(term.free)]
        value, there = value.reshape(*shape, -1), there.reshape(*shape, -1) != 0
        if value.shape[-1] == 0:
            return np.zeros(shape)
        at = there.shape[-1] - 1 - there[..., ::-1].argmax(-1)
        return np.where(there.any(-1), np.take_along_axis(value, at[..., None], -1)[..., 0], 0.0)

    return last


def _scaled(chain: _Chain) -> Iterator[Mistake]:
    """The whole gradient multiplied or divided by a size: a mean for a sum, or a sum for a mean, somewhere above."""
    target = chain.adjoints[0].gradient
    free = chain.adjoints[0].contributions[0].term.free
    result = replace(target, name=f"{target.name} times")  # no tensor is called so
    for size in chain.surroundings(None).sizes:
        for words, factor in (("times ", size), ("divided by ", 1 / size)):
            body = factor * Access(target.name, *(r.index for r in free))
            scaled = Statement(result, Term(free, (), body))
            yield Mistake((words, size), (*chain.statements, scaled), result.name, chain.adjoints[0])


def _forward(chain: _Chain) -> Iterator[Mistake]:
    """A slip in a tensor of the forward pass that the gradient reads and the backward may have computed again."""
    program = chain.problem.program
    around = chain.surroundings(None)
    read = chain.read | {s.target.name for s in program.statements if s.argument and s.argument.name in chain.read}
    for first, statement in enumerate(program.statements):
        name = statement.target.name
        if name not in read or len(program.definitions(name)) > 1:
            continue
        for rule in (*INDEX, *BODY):
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
    chain = _Chain(problem, adjoint)
    term, names = rename(contribution.computed)
    known = {stays: gone for gone, stays in names.items()}
    for bound in summed(contribution.computed):
        rest = tuple(r for r in term.bound if r.index != bound.index)
        apart = replace(term, free=(*term.free, bound), bound=rest)
        yield _with_axes(chain, adjoint, apart, ("without the sum over ", bound.index))
        for axis, own in enumerate(term.free):
            free = (*term.free[:axis], bound, *term.free[axis + 1 :])
            words: Words = ("summed over ", known.get(own.index, own.index), " instead of ", bound.index)
            yield _with_axes(chain, adjoint, replace(term, free=free, bound=(*rest, own)), words)


def _with_axes(chain: _Chain, adjoint: Adjoint, term: Term, words: Words) -> Mistake:
    target = Tensor(adjoint.gradient.name, tuple(r.extent for r in term.free))
    return Mistake(words, chain.replaced(adjoint, 0, [Statement(target, term)]), chain.target, adjoint)
