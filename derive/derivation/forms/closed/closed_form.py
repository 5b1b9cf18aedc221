"""The closed form of a gradient: gradients of statistics inserted, sums that are known dropped, names read, factored.

A statistic is a tensor of fewer elements than the one that is differentiated by, such as its mean over a batch: its
gradient is a sum, which is inserted. Gradients of tensors of the same size stay: dS = P (dP - rowsum(dP P)).

A closed form is one that is shorter than the formula together with those that it inserts, reads no other gradient of
an inner tensor than the formula does, and has no sum within a sum.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sympy import Add, Expr, Integer, Mul, Symbol

from gradscribe.derive.derivation.forms.closed.factor import factored
from gradscribe.derive.derivation.forms.closed.identities import Identities
from gradscribe.derive.derivation.forms.closed.nested import depth, is_plain, length, measure, nested, normal
from gradscribe.derive.derivation.forms.closed.readings import inner_ranges, is_inside, read_by_name, readings
from gradscribe.derive.ir.term import Access, InnerSum, Program, Range, Statement, Tensor, Term, accesses


@dataclass(frozen=True)
class KnownSum:
    """A sum whose value is known, by the definition of these tensors."""

    total: InnerSum
    value: Expr
    tensors: tuple[str, ...]


@dataclass(frozen=True)
class Stage:
    """One rewrite and what came out.

    Attributes:
        rule: what it is called.
        value: the gradient.
        words: what was done, where it needs no names.
        inserted: the gradients that were inserted.
        known: the sums that were replaced by their values.
        read: the definitions of the tensors that are read in place of what they are.
    """

    rule: str
    value: Expr
    words: str = ""
    inserted: tuple[str, ...] = ()
    known: tuple[KnownSum, ...] = ()
    read: tuple[Statement, ...] = ()


@dataclass(frozen=True)
class Formula:
    """A gradient as an expression of its free indices."""

    free: tuple[Range, ...]
    value: Expr


@dataclass(frozen=True)
class Sources:
    """What a closed form comes from: the gradients that are inserted, and tensors whose definitions are used."""

    gradients: tuple[str, ...]
    tensors: tuple[str, ...]


@dataclass
class ClosedForms:
    """Finds closed forms of gradients in order of computation, each with those before it.

    Attributes:
        program: the forward program.
        signals: every gradient tensor.
        given: the gradients that stay, such as those given from outside.
        results: the gradients of inputs.
        lets: names for known quotients.
        known: what has been found so far, closed or not, by gradient.
        closed: the gradients that have a closed form, and what it comes from.
    """

    program: Program
    signals: Mapping[str, Tensor]
    given: frozenset[str]
    results: frozenset[str]
    lets: Sequence[Statement] = ()
    known: dict[str, Formula] = field(default_factory=dict)
    closed: dict[str, Sources] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.identities = Identities(self.program)
        self.readings = readings(self.program, self.lets)

    def learn(self, gradient: str, terms: Sequence[Term]) -> None:
        """Let later gradients insert a formula: sums without brackets, of the same free indices."""
        formula = _formula(terms)
        if formula is not None:
            self.known[gradient] = formula

    def stages(self, gradient: str, terms: Sequence[Term], learning: bool = True) -> tuple[Stage, ...]:
        """The rewrites from a formula to the closed form; () where there is none.

        Args:
            gradient: a gradient tensor.
            terms: its formula.
            learning: whether later gradients insert the closed form; not if the indices of the formula are no axes.
        """
        formula = _formula(terms)
        if formula is None:
            return ()
        stages = tuple(self._rewritten(formula, gradient in self.results))
        if not self._is_closed(gradient, formula.value, stages):
            return ()
        self.closed[gradient] = self._sources(stages)
        if learning:
            self.known[gradient] = replace(formula, value=stages[-1].value)
        return stages

    def _rewritten(self, formula: Formula, of_input: bool) -> Iterator[Stage]:
        """The stages that change something, as far as it may become a closed form."""
        free = formula.free
        value, inserted = self._inserted(formula, of_input)
        if inserted:
            yield Stage("insert", value, inserted=inserted)
        elif self._before_sums(value) != self._before_sums(formula.value):
            yield Stage("pull", value, "what does not depend on its index leaves a sum")
        value, known = self._valued(value, free)
        if known:
            yield Stage("known sum", value, known=known)
        if not (inserted or known or _is_sum(value)):
            return
        value, read = read_by_name(value, free, self.readings, self.signals)
        if read:
            yield Stage("name", value, read=read)
        together = factored(value, self.signals)
        if together != value:
            yield Stage("factor", together, "common factors in front")

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
        if not (summed or inserted & self.closed.keys() or any(s.known for s in stages)):
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

    def _inserted(self, formula: Formula, of_input: bool) -> tuple[Expr, tuple[str, ...]]:
        """The normal form with gradients of statistics and plain products of gradients inserted, and their names.

        The gradient of an input that is a product without a sum gets the closed form of its only gradient.
        """
        value, names = formula.value, dict[str, None]()
        while True:
            value = normal(value, self.signals)
            closing = of_input and not isinstance(value, Add) and not value.has(InnerSum)
            found = [a for a in accesses(value) if self._is_inserted(a, value, formula.free, closing)]
            if not found:
                return value, tuple(names)
            names |= dict.fromkeys(a.tensor for a in found)
            value = value.xreplace({a: self._definition(a) for a in found})

    def _is_inserted(self, access: Access, value: Expr, free: Sequence[Range], closing: bool) -> bool:
        """Whether an access reads a gradient that is a product, or one of fewer elements, outside of sums.

        Args:
            access: an access of the value.
            value: a formula so far.
            free: its indices.
            closing: whether any closed form is inserted.
        """
        definition = self.known.get(access.tensor)
        if definition is None or access.tensor in self.given:
            return False
        if not isinstance(definition.value, Add) and not definition.value.has(InnerSum):
            return is_inside(access, self.signals[access.tensor], (*free, *inner_ranges(value)))
        if closing and access.tensor in self.closed:
            return True
        own = {r.index for r in free}
        fewer = access.free_symbols & own < own or not all(isinstance(e, Symbol) for e in access.indices)
        return fewer and not access.free_symbols & {r.index for r in inner_ranges(value)}

    def _definition(self, access: Access) -> Expr:
        """What an access of a gradient stands for; its sums have letters of the program, which no element has."""
        formula = self.known[access.tensor]
        place: dict[Expr, Expr] = dict(zip((r.index for r in formula.free), access.indices, strict=True))
        return formula.value.xreplace(place)

    def _valued(self, value: Expr, free: Sequence[Range]) -> tuple[Expr, tuple[KnownSum, ...]]:
        """The value with the sums that are known put in, and these."""
        found: list[KnownSum] = []
        mapping: dict[Expr, Expr] = {}
        for total in sorted(value.atoms(InnerSum), key=str):
            inner, outer, ranges = self._apart(total)
            if not inner.ranges:
                continue
            known = self.identities.known(inner, (*free, *ranges))
            if known is not None and not known.value.has(InnerSum) and length(known.value) < length(inner):
                found.append(KnownSum(inner, known.value, known.tensors))
                mapping[total] = InnerSum(outer * known.value, *ranges) if ranges else outer * known.value
        return normal(value.xreplace(mapping), self.signals), tuple(found)

    def _apart(self, total: InnerSum) -> tuple[InnerSum, Expr, tuple[Range, ...]]:
        """The part of a sum that no gradient depends on, as a sum; the other factors, and the ranges left for these."""
        factors = Mul.make_args(total.body)
        fixed = {v for f in factors if self._read(f) for v in f.free_symbols}
        ranges = tuple(r for r in total.ranges if r.index not in fixed)
        within = [f for f in factors if f.free_symbols & {r.index for r in ranges}]
        return (
            InnerSum(Mul(*within), *ranges),
            Mul(*(f for f in factors if f not in within)),
            tuple(r for r in total.ranges if r not in ranges),
        )


def _formula(terms: Sequence[Term]) -> Formula | None:
    """The sum of terms; None where there are brackets."""
    plain = all(is_plain(t) and t.free == terms[0].free for t in terms)
    return Formula(terms[0].free, Add(*(nested(t) for t in terms))) if plain else None


def _is_sum(value: Expr) -> bool:
    """Whether tensors are added, not only over indices; what is inserted into a product closes nothing."""
    return isinstance(value, Add) or any(isinstance(f, Add) and f.has(Access) for f in Mul.make_args(value))
