"""The gradients of a network, one section each, and the recurrence from the error signals above to that of a level.

A gradient that one other gradient alone reads gets no section of its own: it is a lemma of the other and inserted in
it. So the error signal of a level is one formula of the signals above, as in textbooks: activation, flattening and the
inner tensors of a layer are gone from it. Through a layer that leaves the channels apart, such as pooling, a second
formula reaches down from the signal of the level above that.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from gradscribe.derive.calculus.closed.closed_form import closed_forms
from gradscribe.derive.calculus.differentiate import Adjoint, Gradient
from gradscribe.derive.calculus.passes.rewrite import distribute
from gradscribe.derive.derivation.forms.caption.operation import Caption
from gradscribe.derive.derivation.forms.caption.reading.row_reader import behind
from gradscribe.derive.derivation.forms.closed.closed_section import closed
from gradscribe.derive.derivation.gradient.outcome import as_statement, naming, results
from gradscribe.derive.derivation.gradient.section import gradient_section
from gradscribe.derive.derivation.gradient.steps.brevity import briefly, inserted_in_box
from gradscribe.derive.derivation.gradient.steps.reasons import with_these
from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.derivation.network.lettering import Lettering, quotient_name
from gradscribe.derive.derivation.network.slope import factored, is_slope, slope, slope_section
from gradscribe.derive.derivation.network.surroundings import surroundings
from gradscribe.derive.derivation.record.section_record import Result, Section, Step
from gradscribe.derive.derivation.record.sentence import Words
from gradscribe.derive.ir.functions import activation_prime
from gradscribe.derive.ir.term import Access, Program, Statement, Term, accesses
from gradscribe.said import say


@dataclass(frozen=True)
class Derived:
    """A gradient and its derivation.

    Attributes:
        adjoint: the gradient.
        section: its rows.
        terms: the last row, in which what may be inserted is inserted.
        caption: what `terms` are called; None where they have no name.
        inserts: the gradients that were inserted.
    """

    adjoint: Adjoint
    section: Section
    terms: tuple[Term, ...]
    caption: Caption | None = None
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


@dataclass
class BackPropagation:
    """Derives the gradients of a network in order of computation.

    Attributes:
        gradient: the gradient of the whole network, without copies.
        lettering: its tensors by level.
        notation: how they are written.
        lets: names for known quotients.
        given: gradients whose value is known.
        full: see `gradient_section`.
        derived: what has been derived so far, by gradient.
    """

    gradient: Gradient
    lettering: Lettering
    notation: Notation
    lets: Sequence[Statement]
    given: Sequence[Statement] = ()
    full: bool = False
    derived: dict[str, Derived] = field(default_factory=dict)

    def __post_init__(self) -> None:
        adjoints = self.gradient.adjoints
        self._forms = closed_forms(self.gradient, self.lets, self.notation.deltas)
        self._inputs = {t.name for t in self.gradient.forward.inputs}
        self._signals = {a.gradient.name for a in adjoints if a.gradient.name in self.notation.deltas}
        self._contributions = {a.gradient.name: a.contributions for a in adjoints}
        self._places = {a.gradient.name: place for place, a in enumerate(adjoints)}
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
        """Whether a gradient is inserted into the only one that reads it; a sum into a sum would get out of hand.

        What a recurrence reads of the position behind is derived after what reads it, and has a section of its own.
        """
        name = adjoint.gradient.name
        readers = self._readers.get(name, [])
        if len(readers) != 1 or name in self._signals or adjoint.tensor.name in self._inputs:
            return False
        if self._places[readers[0]] <= self._places[name]:
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
        known = {d.gradient: s for d in lemmas if (s := d.statement) is not None}
        known |= {s.target.name: s for s in given}
        if is_slope(adjoint, self.gradient.forward, self.lettering):
            section = slope_section(local, adjoint, self.notation, known, self.full)
        else:
            section = gradient_section(local, adjoint, self.notation, known, self.lets, (), self.full)
            section = section if self.full else briefly(section)
        section = replace(
            section,
            title=self._title(adjoint),
            seeds=seeds,
            lemmas=tuple(s for d in lemmas if self._is_lemma(d.adjoint) for s in (*d.section.lemmas, d.section)),
        )
        known_tensors = (*local.program.inputs, *(let.target for let in self.lets))
        program = replace(local.program, inputs=tuple({t.name: t for t in known_tensors}.values()))
        derived = self._finished(adjoint, section, lemmas, above, program)
        if self._is_lemma(adjoint):  # its last row is on the page, and nothing behind it
            self._forms.learn(derived.gradient, derived.section.results[0].step.terms)
            return derived
        whole = self._closed(derived, everything, lets)
        return whole if self.full else replace(whole, section=inserted_in_box(whole.section))

    def _closed(self, derived: Derived, everything: Sequence[Adjoint], lets: Sequence[Statement]) -> Derived:
        """With the closed form, if there is one; what it comes from belongs to the surroundings then."""
        section = closed(derived.section, self._forms)
        if section.closed is None:
            return derived
        sources = self._forms.closed[derived.gradient]
        inserted = self._closure([self.derived[n] for n in sources.gradients])
        adjoints = {a.gradient.name: a for a in (*(d.adjoint for d in inserted), *everything)}
        given = [s for s in self.given if any(s.target.name in _read(a) for a in adjoints.values())]
        local, seeds = surroundings(self.gradient, tuple(adjoints.values()), given, lets, sources.tensors)
        return replace(derived, section=replace(section, forward=local.forward, gradient=local.program, seeds=seeds))

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

    def _title(self, adjoint: Adjoint) -> Words:
        tensor = adjoint.tensor.name
        if adjoint.gradient.name in self._signals:
            signal = Access(adjoint.gradient.name)
            return say("error signal {signal} = {gradient}", signal=signal, gradient=Access(quotient_name(tensor)))
        return say("gradient with respect to {tensor}", tensor=Access(tensor))

    # ----- what a section ends with ---------------------------------------------------------------------------------
    def _finished(
        self, adjoint: Adjoint, section: Section, lemmas: Sequence[Derived], above: Sequence[Derived], program: Program
    ) -> Derived:
        """Sums are inserted into the last row; then the formula is complete, and a second one reaches further down."""
        last = section.steps[-1]
        terms, sums = last.terms, list[Derived]()
        for lemma in (d for d in lemmas if any(a.tensor == d.gradient for t in last.terms for a in accesses(t.body))):
            put = tuple(p for t in terms for p in distribute(t, lemma.gradient, lemma.terms, program))
            sums += [lemma] if put != terms else []
            terms = put
        read = self._reader(adjoint, last.left, program)
        derived = Derived(adjoint, section, terms, inserts=tuple(d.gradient for d in (*lemmas, *above)))
        found = self._results(derived, program, sums, read)
        derived = replace(derived, caption=found[0].operation)
        for upper in above:
            complete = tuple(p for t in terms for p in distribute(t, upper.gradient, upper.terms, program))
            if complete != terms and len(terms) == 1:
                further = replace(derived, terms=complete)
                found += self._results(further, program, above, _nested(derived, upper))
                derived = replace(further, caption=found[-1].operation)
        if is_slope(adjoint, self.gradient.forward, self.lettering):
            found = tuple(factored(r, slope(adjoint, self.notation), last.left) for r in found)
        return replace(derived, section=replace(section, results=found))

    def _reader(self, adjoint: Adjoint, left: Access, program: Program) -> Callable[[Step], Caption | None]:
        """What reads the name off a row; behind an activation the slope is written f'(u)."""
        if not is_slope(adjoint, self.gradient.forward, self.lettering):
            return lambda step: naming(step, program)
        factor = slope(adjoint, self.notation)

        def read(step: Step) -> Caption | None:
            own = factor.xreplace(dict(zip(left.indices, step.left.indices, strict=True)))
            rest = tuple(replace(t, body=t.body / own) for t in step.terms)
            found = naming(replace(step, terms=rest), program)
            return behind(found, own, activation_prime(Access(adjoint.tensor.name))) if found is not None else None

        return read

    def _results(
        self,
        derived: Derived,
        program: Program,
        put: Sequence[Derived],
        read: Callable[[Step], Caption | None],
    ) -> tuple[Result, ...]:
        last = derived.section.steps[-1]
        found = results(replace(last, terms=derived.terms, rule="insert" if put else "result"), program, read)
        lead = with_these(*(d.gradient for d in put)) if put else ()
        return (replace(found[0], lead=lead or found[0].lead), *found[1:])


def _nested(derived: Derived, upper: Derived) -> Callable[[Step], Caption | None]:
    """The name of a row into which the signal of the level above is put; none where sizes are special."""
    own, inner = derived.caption, upper.caption
    name = None if own is None or inner is None else replace(own, inserted=(*own.inserted, (upper.gradient, inner)))
    return lambda step: None if step.where else name


def _read(adjoint: Adjoint) -> list[str]:
    """The tensors that a gradient's terms read, each once."""
    terms = [t for c in adjoint.contributions for t in (c.term, c.computed)]
    return list(dict.fromkeys(a.tensor for t in terms for a in accesses(t.body)))


def _is_contraction(term: Term) -> bool:
    """Whether a sum runs over a product of tensors, such as a convolution's over the channels, not over one tensor."""
    bound = {r.index for r in term.bound}
    return len({a.tensor for a in accesses(term.body) if bound & a.free_symbols}) > 1
