"""The gradients of a network, one section each, and the recurrence from the error signals above to that of a level.

A gradient that one other gradient alone reads gets no section of its own: it is a lemma of the other and inserted in
it. So the error signal of a level is one formula of the signals above, as in textbooks: activation, flattening and the
inner tensors of a layer are gone from it. Through a layer that leaves the channels apart, such as pooling, a second
formula reaches down from the signal of the level above that.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sympy import Symbol

from gradscribe.derive.calculus.collapse import rename_pairs
from gradscribe.derive.calculus.differentiate import Adjoint, Gradient
from gradscribe.derive.calculus.passes.rewrite import distribute
from gradscribe.derive.derivation.gradient.outcome import as_statement, results
from gradscribe.derive.derivation.gradient.recognise import recognise
from gradscribe.derive.derivation.gradient.section import gradient_section
from gradscribe.derive.derivation.network.lettering import Lettering, letters_of, quotient_name
from gradscribe.derive.derivation.network.naming import bracketed, named, put_in
from gradscribe.derive.derivation.network.slope import is_slope, slope, slope_section
from gradscribe.derive.derivation.network.surroundings import surroundings
from gradscribe.derive.derivation.notation import Notation
from gradscribe.derive.derivation.record import Result, Section, Words, joined
from gradscribe.derive.ir.index import fresh_names, integer
from gradscribe.derive.ir.term import Access, Program, Statement, Term, accesses

Renames = tuple[dict[Symbol, Symbol], ...]
"""Per contribution, names of the forward equation and the indices of the element that took their places."""


@dataclass(frozen=True)
class Derived:
    """A gradient and its derivation.

    Attributes:
        adjoint: the gradient.
        section: its rows.
        terms: the last row, in which what may be inserted is inserted.
        words: what each of `terms` is called, without the slope.
        slope: the activation's slope by which all of `terms` are multiplied, in words; () for none.
        inserts: the gradients that were inserted.
    """

    adjoint: Adjoint
    section: Section
    terms: tuple[Term, ...]
    words: tuple[Words, ...]
    slope: Words = ()
    inserts: tuple[str, ...] = ()

    @property
    def gradient(self) -> str:
        """The name of the gradient tensor."""
        return self.adjoint.gradient.name

    @property
    def statement(self) -> Statement | None:
        """The gradient as a product of others, element by element; None where it is more than that."""
        found = as_statement(self.section, self.adjoint.gradient)
        plain = found is not None and all(e.is_Symbol for a in accesses(found.term.body) for e in a.indices)
        return found if plain else None

    @property
    def name(self) -> Words:
        """What the gradient is called."""
        return named(self.words, self.slope)


@dataclass
class BackPropagation:
    """Derives the gradients of a network in order of computation.

    Attributes:
        gradient: the gradient of the whole network, without copies.
        lettering: its tensors by level.
        notation: how they are written.
        lets: names for known quotients.
        given: gradients whose value is known.
        derived: what has been derived so far, by gradient.
    """

    gradient: Gradient
    lettering: Lettering
    notation: Notation
    lets: Sequence[Statement]
    given: Sequence[Statement] = ()
    derived: dict[str, Derived] = field(default_factory=dict)

    def __post_init__(self) -> None:
        adjoints = self.gradient.adjoints
        self._inputs = {t.name for t in self.gradient.forward.inputs}
        self._signals = {a.gradient.name for a in adjoints if a.gradient.name in self.notation.deltas}
        self._contributions = {a.gradient.name: a.contributions for a in adjoints}
        self._readers: dict[str, list[str]] = {}
        for adjoint in adjoints:
            for name in _read(adjoint):
                self._readers.setdefault(name, []).append(adjoint.gradient.name)

    def sections(self) -> dict[str, Section]:
        """The section of each tensor's gradient that has one, in order of computation."""
        for adjoint in self.gradient.adjoints:
            self.derived[adjoint.gradient.name] = self._derive(adjoint)
        return {d.adjoint.tensor.name: d.section for d in self.derived.values() if not self._is_lemma(d.adjoint)}

    def _is_lemma(self, adjoint: Adjoint) -> bool:
        """Whether a gradient is inserted into the only one that reads it; a sum into a sum would get out of hand."""
        name = adjoint.gradient.name
        readers = self._readers.get(name, [])
        if len(readers) != 1 or name in self._signals or adjoint.tensor.name in self._inputs:
            return False
        return len(adjoint.contributions) == 1 or len(self._contributions[readers[0]]) == 1

    def _derive(self, adjoint: Adjoint) -> Derived:
        lemmas = [d for n in _read(adjoint) if (d := self.derived.get(n)) is not None and self._is_inserted(d)]
        above = self._above(adjoint, lemmas)
        closure = self._closure([*lemmas, *above])
        everything = [*(d.adjoint for d in closure), adjoint]
        given = [s for s in self.given if any(s.target.name in _read(a) for a in everything)]
        read = {a.tensor for d in closure for t in d.terms for a in accesses(t.body)}
        lets = [let for let in self.lets if let.target.name in read]
        local, seeds = surroundings(self.gradient, everything, given, lets)
        own = self._relettered(adjoint, [*lemmas, *above])
        known = {d.gradient: s for d in lemmas if (s := d.statement) is not None}
        known |= {s.target.name: s for s in given}
        if is_slope(own, self.gradient.forward, self.lettering):
            section = slope_section(local, own, self.notation, known)
        else:
            section = gradient_section(local, own, self.notation, known, self.lets)
        section = replace(
            section,
            title=self._title(adjoint),
            seeds=seeds,
            lemmas=tuple(s for d in lemmas if self._is_lemma(d.adjoint) for s in (*d.section.lemmas, d.section)),
        )
        known_tensors = (*local.program.inputs, *(let.target for let in self.lets))
        program = replace(local.program, inputs=tuple({t.name: t for t in known_tensors}.values()))
        return self._finished(own, section, lemmas, above, program)

    def _is_inserted(self, derived: Derived) -> bool:
        """Whether a gradient is put in where it is read: a lemma, or nothing but a product of others."""
        pointwise = derived.gradient not in self._signals and derived.statement is not None
        return self._is_lemma(derived.adjoint) or pointwise

    def _above(self, adjoint: Adjoint, lemmas: Sequence[Derived]) -> list[Derived]:
        """The error signal of the level above, if that keeps channels apart and is the only one to come down."""
        found = [adjoint, *(d.adjoint for d in self._closure(lemmas))]
        contracted = any(_is_contraction(c.reader.term) for a in found for c in a.contributions)
        terms = [c.term for c in adjoint.contributions] + [t for d in lemmas for t in d.terms]
        read = {a.tensor for t in terms for a in accesses(t.body)} & self._signals & set(self.derived)
        if adjoint.gradient.name not in self._signals or len(adjoint.contributions) != 1 or len(read) != 1:
            return []
        upper = self.derived[read.pop()]
        return [upper] if not contracted and len(upper.terms) == 1 else []

    def _closure(self, found: Sequence[Derived]) -> list[Derived]:
        """These and what they insert themselves, in order of computation."""
        names: set[str] = set()
        waiting = list(found)
        while waiting:
            derived = waiting.pop()
            if derived.gradient not in names:
                names.add(derived.gradient)
                waiting += [self.derived[n] for n in derived.inserts]
        return [d for n, d in self.derived.items() if n in names]

    def _relettered(self, adjoint: Adjoint, inserted: Sequence[Derived]) -> Adjoint:
        """The element's indices under letters that no tensor of its formulas has."""
        terms = [t for c in adjoint.contributions for t in (c.term, c.computed)]
        terms += [t for d in inserted for t in d.terms]
        tensors = {a.tensor for t in terms for a in accesses(t.body)} | {adjoint.tensor.name}
        tensors |= {c.reader.target.name for c in adjoint.contributions}
        letters = letters_of(tensors, self.notation)
        bound = {r.index.name for c in adjoint.contributions for r in c.term.bound}
        free = [r.index for r in adjoint.contributions[0].term.free]
        taken = letters | bound | {v.name for v in free}
        fresh = fresh_names(taken, _ELEMENT)
        names = {v: integer(next(fresh)) for v in free if v.name in letters | bound}
        if not names:
            return adjoint
        contributions = tuple(
            replace(c, term=c.term.rename(names), by_value=c.by_value.rename(names) if c.by_value else None)
            for c in adjoint.contributions
        )
        return replace(adjoint, contributions=contributions)

    def _title(self, adjoint: Adjoint) -> Words:
        tensor = adjoint.tensor.name
        if adjoint.gradient.name in self._signals:
            return ("error signal ", Access(adjoint.gradient.name), " = ", Access(quotient_name(tensor)))
        return ("gradient with respect to ", Access(tensor))

    # ----- what a section ends with ---------------------------------------------------------------------------------
    def _finished(
        self, adjoint: Adjoint, section: Section, lemmas: Sequence[Derived], above: Sequence[Derived], program: Program
    ) -> Derived:
        """Sums are inserted into the last row; then the formula is complete, and a second one reaches further down."""
        last = section.steps[-1]
        sums = [d for d in lemmas if any(a.tensor == d.gradient for t in last.terms for a in accesses(t.body))]
        terms = last.terms
        for lemma in sums:
            terms = tuple(p for t in terms for p in distribute(t, lemma.gradient, lemma.terms, program))
        pairs = self._pairs(adjoint, lemmas, last.left)
        by_slope = is_slope(adjoint, self.gradient.forward, self.lettering)
        words = self._words(terms, lemmas, adjoint, by_slope, program)
        front = slope(adjoint) if by_slope else ()
        derived = Derived(adjoint, section, terms, words, front, tuple(d.gradient for d in (*lemmas, *above)))
        found = self._results(derived, terms, pairs, program, sums)
        for upper in above:
            complete = tuple(p for t in terms for p in distribute(t, upper.gradient, upper.terms, program))
            if complete != terms and len(terms) == 1:
                further = replace(derived, terms=complete, words=put_in(words, upper.gradient, upper.name))
                found += self._results(further, complete, pairs, program, above)
        return replace(derived, section=replace(section, results=found))

    def _words(
        self, terms: Sequence[Term], lemmas: Sequence[Derived], adjoint: Adjoint, by_slope: bool, program: Program
    ) -> tuple[Words, ...]:
        """What the summands are called; behind a slope, what the gradient of the activation's value is."""
        if not by_slope:
            gradients = [a for t in terms for a in accesses(t.body) if self.notation.is_gradient(a.tensor)]
            if not gradients:  # the loss is differentiated
                return (("derivative of the loss",),)
            return tuple(recognise((t,), self.notation, program) for t in terms)
        read = next(n for n in _read(adjoint) if self.notation.is_gradient(n))
        inner = next((d for d in lemmas if d.gradient == read), None)
        return inner.words if inner is not None else ((Access(read),),)

    def _pairs(self, adjoint: Adjoint, lemmas: Sequence[Derived], left: Access) -> list[Renames]:
        """Names that the forward equations have for the indices of the element: of the lemma's reader, then its own."""
        found: list[Renames] = []
        for derived in lemmas:
            other = derived.section.steps[-1].left.indices
            if len(other) == len(left.indices):
                place = dict(zip(other, left.indices, strict=True))
                pairs = [rename_pairs(c.term) for c in derived.adjoint.contributions]
                found.append(tuple({g: place.get(s, s) for g, s in p.items()} for p in pairs))
        return [*found, tuple(rename_pairs(c.term) for c in adjoint.contributions)]

    def _results(
        self,
        derived: Derived,
        terms: tuple[Term, ...],
        candidates: Sequence[Renames],
        program: Program,
        put: Sequence[Derived],
    ) -> tuple[Result, ...]:
        last = replace(derived.section.steps[-1], terms=terms, rule="insert" if put else "result")
        choices = [results(last, pairs, program) for pairs in candidates]
        found = next((c for c in choices if c[0].step.left != last.left), choices[-1])
        lead: Words = ("With ", *joined([Access(d.gradient) for d in put], " and "), " inserted:") if put else ()
        first = found[0]
        signal: Words = ()
        if derived.gradient in self._signals:
            signal = (Access(derived.gradient), " = ")
        name = (
            *signal,
            *(bracketed(derived.name) if signal and not derived.slope and len(derived.words) == 1 else derived.name),
        )
        return (replace(first, name=name, lead=lead or first.lead), *found[1:])


_ELEMENT = "m q v e a g d p"
"""Letters for the indices of the element that is differentiated by."""


def _read(adjoint: Adjoint) -> list[str]:
    """The tensors that a gradient's terms read, each once."""
    terms = [t for c in adjoint.contributions for t in (c.term, c.computed)]
    return list(dict.fromkeys(a.tensor for t in terms for a in accesses(t.body)))


def _is_contraction(term: Term) -> bool:
    """Whether a sum runs over a product of tensors, such as a convolution's over the channels, not over one tensor."""
    bound = {r.index for r in term.bound}
    return len({a.tensor for a in accesses(term.body) if bound & a.free_symbols}) > 1
