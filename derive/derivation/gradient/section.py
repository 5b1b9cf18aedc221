"""The derivation of one gradient: chain rule, definition, Kronecker deltas, and their collapse.

A section follows each contribution of an `Adjoint` from the term that differentiation made to the gather form that
textbooks print. Each row comes from the row before by functions of `derive.calculus.collapse`; the choice of what to
eliminate (an index of the forward output first) is made here.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sympy import Expr, Symbol

from gradscribe.derive.calculus.collapse import discharge, rename, solve
from gradscribe.derive.calculus.differentiate import Adjoint, Contribution, Gradient
from gradscribe.derive.calculus.passes.brackets import implied, without
from gradscribe.derive.calculus.passes.inline import inserted, is_pointwise
from gradscribe.derive.calculus.passes.rewrite import fold
from gradscribe.derive.derivation.forms.closed.closed_section import closed, closed_forms
from gradscribe.derive.derivation.forward.forward_equations import equation, scattered
from gradscribe.derive.derivation.forward.quotients import Partial, Reduced
from gradscribe.derive.derivation.gradient import reasons
from gradscribe.derive.derivation.gradient.elimination import Rule, Vanishing, by_digits, by_solving, eliminate
from gradscribe.derive.derivation.gradient.outcome import as_statement, collected, results
from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.derivation.record import Between, Section, Step, Words, joined
from gradscribe.derive.ir.term import Access, Program, Range, Statement, Tensor, Term, accesses


@dataclass(frozen=True)
class Strand:
    """One contribution on its way: `term` and, where the saved output can be used, `by_value`, rewritten alike."""

    term: Term
    by_value: Term | None
    outer: tuple[Range, ...]
    favoured: tuple[Symbol, ...] = ()

    @property
    def preferred(self) -> tuple[Symbol, ...]:
        """The indices that a gather form is solved for: those of the forward output."""
        return self.favoured or tuple(r.index for r in self.outer)

    def each(self, rewrite: Callable[[Term], Term]) -> "Strand":
        """Both forms rewritten."""
        return replace(self, term=rewrite(self.term), by_value=rewrite(self.by_value) if self.by_value else None)


def gradient_sections(
    gradient: Gradient,
    notation: Notation,
    lets: Sequence[Statement],
    avoided: Collection[Symbol] = (),
    closing: bool = False,
    full: bool = False,
) -> list[Section]:
    """The sections of all gradients of a program; a pointwise one is inserted in those that follow it.

    Args:
        gradient: the differentiated program.
        notation: how tensors are written.
        lets: names for known quotients.
        avoided: see `gradient_section`.
        closing: whether closed forms follow where there are any.
        full: see `gradient_section`.
    """
    known: dict[str, Statement] = {}
    forms = closed_forms(gradient, lets)
    sections: list[Section] = []
    for adjoint in gradient.adjoints:
        section = gradient_section(gradient, adjoint, notation, known, lets, avoided, full)
        section = closed(section, forms) if closing else section
        sections.append(section)
        statement = as_statement(section, adjoint.gradient)
        if statement is not None:
            known[adjoint.gradient.name] = statement
    return sections


def gradient_section(
    gradient: Gradient,
    adjoint: Adjoint,
    notation: Notation,
    known: Mapping[str, Statement],
    lets: Sequence[Statement],
    avoided: Collection[Symbol] = (),
    full: bool = False,
    brief: bool = False,
) -> Section:
    """The section of one tensor's gradient.

    Args:
        gradient: the differentiated program.
        adjoint: the gradient to derive.
        notation: how tensors are written.
        known: pointwise gradients of earlier sections, by name, which are inserted where they occur.
        lets: names for known quotients, such as softmax's p = h/z.
        avoided: indices that should rather stay: at order 2 a kernel's position, so that the kernel does not move.
        full: whether the chain rule has four rows element by element, too, where one says it all.
        brief: whether the definition is put in, and indices that Kronecker deltas rename are, in one row.
    """
    program = gradient.program
    free = adjoint.contributions[0].term.free
    left = Access(adjoint.gradient.name, *(r.index for r in free))
    strands = tuple(settled(c, program) for c in adjoint.contributions)
    if avoided:
        strands = tuple(replace(s, favoured=_favoured(s, notation, avoided)) for s in strands)
    outer = tuple(dict.fromkeys(r.index for s in strands for r in s.outer))
    seed = gradient.seeds.get(adjoint.tensor.name)  # an output that other statements read
    given = (Term(free, (), Access(seed.name, *left.indices)),) if seed is not None else ()
    rows = _Rows(left, outer, notation, given)

    settled_, (strands, pairs) = strands, _renamed(strands)
    if not full and all(map(_is_elementwise, adjoint.contributions)):
        inner = any(adjoint.tensor.name == s.target.name for s in gradient.forward.statements)
        by_value = reasons.by_value(adjoint) if inner and not full else ()
        reason = reasons.listed([reasons.ELEMENTWISE, by_value]) if by_value else reasons.ELEMENTWISE
        rows.add("rename", reason, tuple(s.by_value or s.term if by_value else s.term for s in strands))
    else:
        again = any(notation.is_gradient(c.reader.target.name) for c in adjoint.contributions)
        each = tuple(zip(settled_, adjoint.contributions, strict=True))
        rows.add("chain rule", reasons.CHAIN_RULE, _chain_rule(gradient, adjoint, settled_, free, notation))
        definition = reasons.by_definition(adjoint, gradient.forward, again)
        same, left_ = reasons.same_element(adjoint.tensor.name), reasons.left_over(pairs) if any(pairs) else ()
        selects = not all(c.reader.term.is_sum for c in adjoint.contributions)
        if selects or not brief:
            quotients = tuple(_with_quotient(s, c, left) for s, c in each)
            reduced = dict.fromkeys(r for s, c in each if (r := _reduced(gradient, s, c, left)) is not None)
            sums = tuple(q for (_, c), q in zip(each, quotients, strict=True) if c.reader.term.is_sum)
            rows.add("definition", definition, (*reduced, *sums))
            rows.add("slope", reasons.by_slope(adjoint), quotients)
        if brief:
            open_ = any(s.term.deltas for s in strands)
            said = [definition, same if open_ or not left_ else (), left_]
            words = reasons.listed([reason for reason in said[int(selects) :] if reason])
            rows.add("rename", words, tuple(s.term for s in strands))
        else:
            rows.add("kronecker", same, tuple(s.term for s in settled_))
            if left_:
                rows.add("rename", left_, tuple(s.term for s in strands))

    vanishing: list[Vanishing] = []
    for rule in (by_digits, by_solving):
        eliminations = tuple(eliminate(s.term, rule, s.preferred, program) for s in strands)
        gone = {v: value for e in eliminations for v, value in e.gone.items()}
        if gone:
            reason = reasons.by_digits(list(gone)) if rule is by_digits else reasons.solved(gone)
            rows.add("digits" if rule is by_digits else "solve", reason, tuple(e.term for e in eliminations))
        strands = tuple(s.each(_eliminated(rule, s.preferred, program)) for s in strands)
        vanishing += [v for e in eliminations for v in e.vanishing]
    rows.add("by value", reasons.by_value(adjoint), tuple(s.by_value or s.term for s in strands))
    _insert(rows, known, full)
    used = []
    for let in lets:
        before = rows.terms
        rows.add("fold", reasons.folded(let), tuple(fold(t, let) for t in before))
        used += [let] if rows.terms != before else []
    found = [implied(t, gradient.forward) for t in rows.terms]
    without_implied = tuple(without(t, guards) for t, guards in zip(rows.terms, found, strict=True))
    rows.add("implied", reasons.implied(a.tensor for guards in found for a in guards.values()), without_implied)
    rows.add("collect", reasons.COMMON_FACTOR, collected(rows.terms))

    caption = _vanishing_words(vanishing)
    last, tensors = rows.steps[-1], replace(program, inputs=(*program.inputs, *(let.target for let in lets)))
    return Section(
        title=("gradient with respect to ", Access(adjoint.tensor.name)),
        setup=(("For one element ", Access(adjoint.tensor.name, *left.indices), ":"),) if left.indices else (),
        steps=tuple(rows.steps),
        caption=(caption,) if caption else (),
        results=results(last, tensors),
        forward=gradient.forward,
        gradient=program,
        raw=(*given, *(c.term for c in adjoint.contributions)),
        wrt=adjoint.tensor.name,
        lets=tuple(used),
    )


def _insert(rows: "_Rows", known: Mapping[str, Statement], full: bool) -> None:
    """What is known of the gradients that are read, in one row; if `full`, in one row each."""
    terms = rows.terms
    names: list[str] = []
    for name, let in known.items():
        if any(a.tensor == name for t in terms for a in accesses(t.body)):
            terms = tuple(inserted(t, let) for t in terms)
            names.append(name)
            if full:
                rows.add("insert", reasons.inserted(name), terms)
    if names and not full:
        rows.add("insert", reasons.inserted(*names), terms)


def _is_elementwise(contribution: Contribution) -> bool:
    """Whether an element is read by one element, and nothing is summed.

    Along every axis that is the element at the same place; or one axis holds parts, of which the reader has one, as a
    gate does.
    """
    reader, indices = contribution.reader, contribution.access.indices
    places = [e for e in indices if not e.is_Integer]
    return is_pointwise(reader) and places == [r.index for r in reader.term.free]


def _favoured(strand: Strand, notation: Notation, avoided: Collection[Symbol]) -> tuple[Symbol, ...]:
    """The indices of what the chain rule runs over and of the gradients read, those not to be `avoided` first."""
    read = [a for a in accesses(strand.term.body) if notation.is_gradient(a.tensor)]
    every = (*strand.preferred, *(e for a in read for e in a.indices if isinstance(e, Symbol)))
    return tuple(sorted(dict.fromkeys(every), key=lambda v: v in avoided))


def _eliminated(rule: Rule, preferred: tuple[Symbol, ...], program: Program) -> Callable[[Term], Term]:
    return lambda term: eliminate(term, rule, preferred, program).term


class _Rows:
    """Collects rows; a row equal to the one before is left out. Every row starts with the terms `given`."""

    def __init__(self, left: Access, outer: tuple[Symbol, ...], notation: Notation, given: tuple[Term, ...]) -> None:
        self.left, self.outer, self.notation, self.given = left, outer, notation, given
        self.steps: list[Step] = []
        self.terms: tuple[Term, ...] = ()

    @property
    def tensors(self) -> set[str]:
        """What the last row reads."""
        return {a.tensor for t in self.terms for a in accesses(t.body)}

    def add(self, rule: str, reason: Words, terms: tuple[Term, ...]) -> None:
        if not self.steps or terms != self.terms:
            self.terms = terms
            every = (*self.given, *terms)
            self.steps.append(Step(rule, reason, self.left, every, self.outer, notation=self.notation))


def settled(contribution: Contribution, program: Program) -> Strand:
    """Write scattered axes of the reader's target as expressions: the seed becomes dy[n, K*g + k]."""
    axes = [index for index, _, _ in scattered(contribution.reader.term)]

    def rewrite(term: Term) -> Term:
        for index in axes:
            delta = next((d for d in term.deltas if index in d.free_symbols), None)
            term = solve(term, delta, index) if delta is not None else term  # else that is done already
        return discharge(term, program)[0] if axes else term

    _, reader = equation(contribution.reader)
    strand = Strand(contribution.term, contribution.by_value, reader.free).each(rewrite)
    order = {r.index: n for n, r in enumerate(reader.ranges)}
    return strand.each(lambda t: replace(t, bound=tuple(sorted(t.bound, key=lambda r: order[r.index]))))


def _chain_rule(
    gradient: Gradient, adjoint: Adjoint, strands: Sequence[Strand], free: tuple[Range, ...], notation: Notation
) -> tuple[Term, ...]:
    """One summand per reader: the sum over its elements of its gradient times a partial derivative."""
    terms: dict[Term, None] = {}
    element = Access(adjoint.tensor.name, *(r.index for r in free))
    for contribution, strand in zip(adjoint.contributions, strands, strict=True):
        name = contribution.reader.target.name
        left, _ = equation(contribution.reader)
        body = Access(_gradient_tensor(gradient, name).name, *left.indices) * Partial(left, element)
        terms.setdefault(Term(free, strand.outer, body))
    return tuple(terms)


def _gradient_tensor(gradient: Gradient, name: str) -> Tensor:
    adjoint = gradient.adjoint(name)
    return adjoint.gradient if adjoint is not None else gradient.seeds[name]


def _reduced(gradient: Gradient, strand: Strand, contribution: Contribution, left: Access) -> Term | None:
    """The row before the slope of a maximum: d(max over r of ...)/d(element); None where the reader is a sum."""
    reader = contribution.reader
    if reader.term.is_sum:
        return None
    element, _ = equation(reader)
    value = Reduced(element, reader.term.value, reader.term.op, *reader.term.bound)
    quotient = Partial(value, Access(contribution.access.tensor, *left.indices))
    seed = Access(_gradient_tensor(gradient, reader.target.name).name, *element.indices)
    return Term(strand.term.free, strand.outer, seed * quotient)


def _with_quotient(strand: Strand, contribution: Contribution, left: Access) -> Term:
    """The row before the Kronecker deltas: d(access)/d(element) as a quotient."""
    born = {r.index for r in strand.term.free}
    deltas = tuple(d for d in strand.term.deltas if not born & d.free_symbols)
    quotient = Partial(contribution.access, Access(contribution.access.tensor, *left.indices))
    return replace(strand.term, body=strand.term.body * quotient, deltas=deltas)


def _renamed(strands: Sequence[Strand]) -> tuple[tuple[Strand, ...], tuple[dict[Symbol, Symbol], ...]]:
    pairs = tuple(rename(s.term)[1] for s in strands)
    return tuple(s.each(lambda t: rename(t)[0]) for s in strands), pairs


def _vanishing_words(vanishing: Iterable[Vanishing]) -> Words:
    """Which terms are zero because an access leaves its tensor."""
    grouped: dict[str, list[Expr]] = {}
    for name, index, extent in dict.fromkeys(vanishing):
        grouped.setdefault(name, []).append(Between(index, extent))
    words: list[str | Expr] = []
    for name, ranges in grouped.items():
        words += [
            " " if words else "",
            "Terms whose index of ",
            Access(name),
            " leaves ",
            *joined(ranges),
            " are zero.",
        ]
    return tuple(w for w in words if w != "")
