"""Mistakes about who gets the gradient: equal elements of a maximum, and elements that several windows see."""

from collections.abc import Iterator
from dataclasses import replace
from functools import reduce

import numpy as np
from sympy import Expr, Integer, Mul

from gradscribe.codegen.tool.check.mistake.chain import Chain, Evaluate, Mistake
from gradscribe.codegen.tool.check.mistake.slip_index import summed
from gradscribe.codegen.tool.check.problem.problem import Problem
from gradscribe.derive.calculus.collapse import rename
from gradscribe.derive.calculus.differentiate import Adjoint
from gradscribe.derive.derivation.record.sentence import Spoken
from gradscribe.derive.ir.functions import equal, is_indicator
from gradscribe.derive.ir.interpret import Sizes, Values, evaluate
from gradscribe.derive.ir.term import Access, Range, Statement, Term, position


def ties(chain: Chain, own: Adjoint) -> Iterator[Mistake]:
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
        extremum = reader.term.reduction.noun
        words: Spoken = (f"with the whole gradient given to every element that equals the {extremum}",)
        yield chain.mistake(words, own, number, [Statement(own.gradient, rename(every)[0])], every)

        count = replace(reader.target, name=_unused("count", chain.problem))
        counted = Statement(count, replace(reader.term, body=attained, op="sum"))
        shared = replace(every, body=every.body / Access(count.name, *at))
        words = ("with ties sharing the gradient; if that is meant, check against the layer with --ties split",)
        yield chain.mistake(words, own, number, [counted, Statement(own.gradient, rename(shared)[0])], None)

        back = {r.index: r.extent - 1 - r.index for r in reader.term.bound}
        last = Statement(reader.target, reader.term.substitute(back), reader.argument)
        total = reduce(lambda a, r: a * r.extent, reader.term.bound, Integer(1))
        found = equal(total - 1 - place, Access(reader.argument.name, *at))
        turned = replace(term, body=term.body.xreplace({bracket: found}))
        words = (f"with the last of equal elements taken for the {extremum}, not the first",)
        yield chain.mistake(words, own, number, [last, Statement(own.gradient, rename(turned)[0])], None)


def _first_only(chain: Chain, own: Adjoint, number: int) -> Mistake:
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
    words: Spoken = ("with ties going to the first of equal elements; if that is meant, check without --ties split",)
    return chain.mistake(words, own, number, [found, Statement(own.gradient, rename(first)[0])], None)


def _unused(name: str, problem: Problem) -> str:
    taken = problem.gradient.program.names()
    return next(n for n in (name, *(f"{name}{k}" for k in range(1, 99))) if n not in taken)


def overwritten(chain: Chain, own: Adjoint) -> Iterator[Mistake]:
    """Where windows overlap, the last one overwrites the others: = was written for +=."""
    if len(own.contributions) != 1 or own.gradient.name != chain.target:
        return
    (contribution,) = own.contributions
    term = rename(contribution.computed)[0]
    outer = {r.index for r in contribution.reader.term.free}
    written = tuple(r for r in summed(term) if r.index in outer)
    chosen = tuple(f for f in Mul.make_args(term.body) if is_indicator(f))
    if not written or not (term.deltas or chosen):
        return
    names = [str(r.index) for r in written]
    words: Spoken = (f"with the last {','.join(names)} overwriting the others where they meet: = instead of +=",)
    for brackets in dict.fromkeys(((), chosen)):
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
