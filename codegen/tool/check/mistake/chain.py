"""The gradients that one gradient is computed from, and that gradient with something wrong on the way."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradscribe.codegen.tool.check.mistake.slip import Surroundings
from gradscribe.codegen.tool.check.problem.problem import Problem
from gradscribe.codegen.tool.check.trial.case import Case
from gradscribe.derive.calculus.differentiate import Adjoint
from gradscribe.derive.derivation.record.sentence import Spoken
from gradscribe.derive.ir.interpret import Sizes, Values, evaluate
from gradscribe.derive.ir.term import Access, Statement, Term, accesses

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

    words: Spoken
    statements: tuple[Statement, ...]
    target: str
    adjoint: Adjoint | None
    terms: tuple[Term, ...] = ()
    forward: Statement | None = None
    evaluate: Evaluate = _plainly

    def value(self, case: Case) -> np.ndarray:
        """The wrong gradient of an example."""
        return np.asarray(self.tensors(case)[self.target])

    def tensors(self, case: Case) -> dict[str, Any]:
        """Every tensor of an example, as it is with the mistake."""
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
        return found


class Chain:
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

    def mistake(self, words: Spoken, own: Adjoint, number: int, new: Sequence[Statement], term: Term | None) -> Mistake:
        """The mistake that replaces a contribution; `term` is the row that says so, None for none."""
        rows = [c.computed for c in own.contributions]
        rows[number : number + 1] = [] if term is None else [term]
        if len(own.contributions) > 1:  # of several summands one is wrong, not the whole
            words = (*words, ", in the contribution by way of ", *path(own, number))
        return Mistake(words, self.replaced(own, number, new), self.target, own, tuple(rows))


def path(own: Adjoint, number: int) -> Spoken:
    """The tensor through which a contribution comes, and by which access where it has several."""
    contribution = own.contributions[number]
    reader = contribution.reader.target.name
    alone = sum(1 for c in own.contributions if c.reader.target.name == reader) == 1
    return (Access(reader),) if alone else (contribution.access, " in ", Access(reader))
