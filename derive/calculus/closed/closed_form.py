"""The closed form of a gradient: gradients of statistics inserted, sums that are known dropped, names read, factored.

A statistic is a tensor of fewer elements than the one that is differentiated by, such as its mean over a batch: its
gradient is a sum, which is inserted. Gradients of tensors of the same size stay: dS = P (dP - rowsum(dP P)).

A closed form is one that is shorter than the formula together with those that it inserts, reads no other gradient of
an inner tensor than the formula does, and has no sum within a sum.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sympy import Add, Expr, Integer, Mul

from gradscribe.derive.calculus.closed.rewrites.factor import divided_out, factored
from gradscribe.derive.calculus.closed.rewrites.identities import Identities
from gradscribe.derive.calculus.closed.rewrites.inserting import is_product, with_statistics
from gradscribe.derive.calculus.closed.rewrites.known_sums import valued
from gradscribe.derive.calculus.closed.rewrites.mirrored import mirrored
from gradscribe.derive.calculus.closed.rewrites.nested import depth, measure, normal
from gradscribe.derive.calculus.closed.rewrites.readings import read_by_name, readings
from gradscribe.derive.calculus.closed.stage import Formula, Sources, Stage, as_terms, formula
from gradscribe.derive.calculus.differentiate import Gradient
from gradscribe.derive.calculus.passes.brackets import bracketed, within
from gradscribe.derive.ir.functions import equal
from gradscribe.derive.ir.interpret.recurrence import Recurrence, stages
from gradscribe.derive.ir.term import Access, InnerSum, Program, Statement, Tensor, Term, accesses
from gradscribe.said import Message

NONE: Mapping[str, Sources] = {}


@dataclass
class ClosedForms:
    """Finds closed forms of gradients in order of computation, each with those before it.

    Attributes:
        program: the forward program.
        signals: every gradient tensor.
        given: the gradients that stay, such as those given from outside.
        results: the gradients of inputs.
        lets: names for known quotients.
        shown: whether it is for a page: there functions of -x may become those of x, and labels are positions. In code
            1 - f(x) is less exact than f(-x), and a label that is no position adds nothing.
        recurring: those of a recurrence, which are computed position by position: they stay, and have no closed form.
        known: what has been found so far and may be inserted, closed or not, by gradient.
        closed: the gradients that have a closed form, and what it comes from.
    """

    program: Program
    signals: Mapping[str, Tensor]
    given: frozenset[str]
    results: frozenset[str]
    lets: Sequence[Statement] = ()
    shown: bool = True
    recurring: frozenset[str] = frozenset()
    known: dict[str, Formula] = field(default_factory=dict)
    closed: dict[str, Sources] = field(default_factory=dict)

    def __post_init__(self) -> None:
        program = bracketed(self.program)
        self.identities = Identities(program, self.shown, self.lets)
        self.readings = readings(program, self.lets)

    def learn(self, gradient: str, terms: Sequence[Term]) -> None:
        """Let later gradients insert a formula: sums of the same free indices, guards as factors."""
        self._learn(gradient, formula(terms))

    def stages(self, gradient: str, terms: Sequence[Term], learning: bool = True) -> tuple[Stage, ...]:
        """The rewrites from a formula to the closed form; () where there is none.

        Args:
            gradient: a gradient tensor.
            terms: its formula.
            learning: whether later gradients insert the closed form; not if the indices of the formula are no axes.
        """
        start = formula(terms) if gradient not in self.recurring else None
        if start is None:
            return ()
        stages = next(filter(None, self._tried(gradient, start)), ())
        if not stages:
            return ()
        self.closed[gradient] = self._sources(stages)
        if learning:
            self._learn(gradient, replace(start, value=stages[-1].value))
        return stages

    def _tried(self, gradient: str, start: Formula) -> Iterator[tuple[Stage, ...]]:
        """The rewrites to a closed form, by what is inserted first; () where these lead to none.

        The closed form of a gradient is inserted into a product without a sum where that product is the gradient of an
        input, and in that of an inner tensor where what it is multiplied by joins in: h/z is p.
        """
        found: dict[tuple[Expr, tuple[str, ...]], tuple[Stage, ...]] = {}

        def closed_by(known: Mapping[str, Formula], closing: Mapping[str, Sources] = NONE) -> tuple[Stage, ...]:
            inserted = with_statistics(start, known, closing, self.signals)
            if inserted not in found:  # mostly all three insert the same
                found[inserted] = self._closed_by(gradient, start, *inserted)
            return found[inserted]

        stages = closed_by(self.known, self.closed)
        if gradient in self.results or any(s.read or s.known for s in stages):
            yield stages
        yield closed_by(self.known)
        few = {n: f for n, f in self.known.items() if len(f.free) < len(start.free) or not is_product(f.value)}
        yield closed_by(few)  # p (dp - sum dp p), where dp is long

    def _closed_by(self, gradient: str, start: Formula, value: Expr, inserted: tuple[str, ...]) -> tuple[Stage, ...]:
        """The rewrites to a closed form, if they lead to one."""
        stages = tuple(self._rewritten(start, value, inserted))
        rows = (t for s in stages for t in as_terms(s.value, start.free, self.signals))
        closed = self._is_closed(gradient, start.value, stages)
        return stages if closed and not any(t.body.has(within) for t in rows) else ()

    def _learn(self, gradient: str, found: Formula | None) -> None:
        """Keep what may be inserted: a formula of every element, with an index for each axis.

        Of those that stay, only one that a label picks: in a sum over all places it is a single element.
        """
        if found is None or len(found.free) != len(self.signals[gradient].shape):
            return
        if gradient in self.recurring:
            return
        if gradient not in self.given or any(isinstance(f, equal) for f in Mul.make_args(found.value)):
            self.known[gradient] = found

    def _rewritten(self, start: Formula, value: Expr, inserted: tuple[str, ...]) -> Iterator[Stage]:
        """The stages that change something, as far as it may become a closed form.

        Args:
            start: the formula.
            value: its normal form, in which gradients are inserted.
            inserted: these gradients.
        """
        free = start.free
        if inserted:
            yield Stage("insert", value, inserted=inserted)
        elif self._before_sums(value) != self._before_sums(start.value):
            yield Stage("pull", value, Message("what does not depend on its index leaves a sum"))
        value, known = valued(value, free, self.identities, self.signals)
        if known:
            yield Stage("known sum", value, known=known, closes=True)
        value, identities = mirrored(value, self.signals) if self.shown else (value, ())
        if identities:
            yield Stage("identity", value, identities=identities, closes=True)
        divided = divided_out(value) if self.shown else value
        if divided != value:
            value = normal(divided, self.signals)
            yield Stage("divide", value, Message("divisors cancelled"), closes=True)
        if not (inserted or known or _is_sum(value)):
            return
        value, read = read_by_name(value, free, self.readings, self.signals)
        if read:
            yield Stage("name", value, read=read)
        together = factored(value, self.signals)
        if together != value:
            yield Stage("factor", together, Message("common factors in front"))

    def _sources(self, stages: Sequence[Stage]) -> Sources:
        """What was used on the way, and on the way to what was inserted."""
        inserted = [name for s in stages for name in s.inserted]
        before = [self.closed[name] for name in inserted if name in self.closed]
        own = [name for s in stages for v in s.known for name in v.tensors]
        own += [let.target.name for s in stages for let in s.read]
        gradients = dict.fromkeys([*(n for s in before for n in s.gradients), *inserted])
        return Sources(tuple(gradients), tuple(dict.fromkeys([*(n for s in before for n in s.tensors), *own])))

    def _is_closed(self, gradient: str, before: Expr, stages: Sequence[Stage]) -> bool:
        inserted = {name for s in stages for name in s.inserted}
        summed = _is_sum(normal(before, self.signals)) and any(s.inserted or s.read for s in stages)
        if not (summed or inserted & self.closed.keys() or any(s.closes for s in stages)):
            return False
        closed, shape = stages[-1].value, self.signals[gradient].shape
        allowed = self.given | (self._read(before) - inserted)
        foreign = [n for n in self._read(closed) - allowed if self.signals[n].shape != shape]
        first, *others = (measure(v) for v in (before, *(self.known[n].value for n in inserted)))
        replaced = first[0] + sum(length for length, _ in others), first[1]
        return not foreign and depth(closed) < 2 and measure(closed) < replaced

    def _read(self, value: Expr) -> set[str]:
        return {a.tensor for a in accesses(value)} & self.signals.keys()

    def _before_sums(self, value: Expr) -> set[Access]:
        """The gradients that no sum within the value reads."""
        outside = value.xreplace({s: Integer(0) for s in value.atoms(InnerSum)})
        return {a for a in accesses(outside) if a.tensor in self.signals}


def closed_forms(
    gradient: Gradient, lets: Sequence[Statement], whole: Collection[str] = (), shown: bool = True
) -> ClosedForms:
    """What finds the closed forms of a program's gradients, in order of computation.

    Args:
        gradient: the differentiated program.
        lets: names for known quotients.
        whole: gradients that are not inserted, besides those given from outside: such as error signals.
        shown: as `ClosedForms` has it.
    """
    given = gradient.seeds.values()
    signals = {t.name: t for t in (*given, *(a.gradient for a in gradient.adjoints))}
    inputs = {t.name for t in gradient.forward.inputs}
    results = frozenset(a.gradient.name for a in gradient.adjoints if a.tensor.name in inputs)
    kept = frozenset([*whole, *(t.name for t in given)])
    recurring = frozenset(n for s in stages(gradient.program) if isinstance(s, Recurrence) for n in s.axes)
    return ClosedForms(gradient.forward, signals, kept | recurring, results, lets, shown, recurring)


def _is_sum(value: Expr) -> bool:
    """Whether tensors are added, not only over indices; what is inserted into a product closes nothing."""
    return isinstance(value, Add) or any(isinstance(f, Add) and f.has(Access) for f in Mul.make_args(value))
