"""Terms as rows of print: what LaTeX and plain text have in common, each row a list of the pieces that lines hold."""

from abc import abstractmethod
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace
from typing import Self

import sympy
from sympy import Add, Expr, Integer, Mul, Symbol

from gradscribe.derive.calculus.passes.brackets import divisors_apart
from gradscribe.derive.derivation.forward.place import coordinates
from gradscribe.derive.derivation.forward.quotients import Partial
from gradscribe.derive.derivation.letters.notation import Monomial, Notation, monomial, monomials, ordered
from gradscribe.derive.derivation.record.page_record import Definition
from gradscribe.derive.derivation.record.section_record import Step
from gradscribe.derive.derivation.record.sentence import Spoken, Words, mathematics
from gradscribe.derive.ir.functions import activation_prime, is_indicator, unequal
from gradscribe.derive.ir.index import affine
from gradscribe.derive.ir.reductions import Reduction
from gradscribe.derive.ir.term import Access, Guard, InnerSum, Term, accesses, position
from gradscribe.derive.typeset.terms.changes import marked
from gradscribe.derive.typeset.terms.expressions.expression_writer import ExpressionWriter
from gradscribe.derive.typeset.terms.expressions.product_writer import is_inverse
from gradscribe.derive.typeset.terms.ranges import chain
from gradscribe.derive.typeset.terms.row_pieces import SUM, Part, Piece, Unit, plain
from gradscribe.said import ENGLISH, spoken


class Typesetter(ExpressionWriter):
    """Writes rows; the indices of the term at hand decide the order in sums."""

    def __init__(self, notation: Notation, indices: Sequence[Symbol] = (), language: str = ENGLISH) -> None:
        super().__init__(notation, indices, language)
        self._written: dict[tuple[Term, tuple[Symbol, ...], bool], list[Piece]] = {}

    @abstractmethod
    def _reduction(self, row: Reduction, groups: Sequence[Sequence[Part]]) -> tuple[Part, ...]: ...
    @abstractmethod
    def _with_limits(self, row: Reduction, ranges: Sequence[tuple[str, str]]) -> str: ...

    def within(self, term: Term, outer: Sequence[Symbol] = ()) -> Self:
        """The same for a term: indices in the order of the page; without one those of the forward output come first."""
        indices = dict.fromkeys((*(v for v in outer if v in term.indices), *term.indices))
        inner = self._ordered(self.notation.in_order(indices))
        inner.within_extents = {sympy.expand(g.value): g.extent for g in term.guards}
        return inner

    def among(self, words: Words) -> Self:
        """The same for the mathematics of a sentence."""
        return self._ordered(self.notation.known(mathematics(words)))

    def spoken(self, words: Words) -> Spoken:
        """A sentence in the reader's language: strings and mathematics."""
        return spoken(words, self.language)

    def words(self, words: Words) -> str:
        """A sentence."""
        t = self.among(words)
        return "".join(t.prose(w) if isinstance(w, str) else t.expr(w) for w in self.spoken(words))

    def prose(self, text: str) -> str:
        """Words without mathematics."""
        return text

    def row(self, step_: Step, before: Step | None = None) -> list[Piece]:
        """The right-hand side of a row; what the row `before` it has not is marked as new."""
        summands: Sequence[Sequence[Piece]] = self._summands(step_)
        summands = marked(summands, self._summands(before)) if before else summands
        return [p for s in (summands if _slope(step_.terms) is None else self._enclosed(summands)) for p in s]

    def _summands(self, step_: Step) -> list[list[Piece]]:
        """The terms of a row in the order in which they are read, negative ones last; before them their slope."""
        slope = _slope(step_.terms)
        terms = step_.terms if slope is None else [replace(t, body=t.body / slope) for t in step_.terms]
        summands = [] if slope is None else [[replace(self._whole(slope), glue="")]]
        for term in sorted(terms, key=lambda t: bool(t.body.as_coeff_Mul()[0] < 0)):
            place = term, tuple(step_.outer), len(summands) > (slope is not None)
            if place not in self._written:  # a row changes few of a sum's terms
                self._written[place] = self.within(term, step_.outer).summand(*place)
            summands.append(self._written[place])
        return summands

    def _enclosed(self, summands: Sequence[Sequence[Piece]]) -> Iterator[list[Piece]]:
        """Summands in parentheses behind the first one, which is what all of them are multiplied by."""
        factor, *terms = summands
        yield list(factor)
        opening, closing = self._around("".join(piece.text for pieces in terms for piece in pieces))
        for k, pieces in enumerate(terms):
            sign = {"+": " + ", "-": f" {self.minus} "}.get(pieces[0].glue, opening)
            found = [replace(pieces[0], units=(plain(sign), *pieces[0].units), glue="~" if k else " ")]
            found += [replace(piece, glue=" ", nested=True) for piece in pieces[1:]]
            if k == len(terms) - 1:
                found[-1] = replace(found[-1], units=(*found[-1].units, plain(closing)))
            yield found

    def definition(self, d: Definition) -> list[Piece]:
        """The right-hand side of a forward equation, sums with their ranges unless a sentence states them."""
        pieces: list[Piece] = []
        for term in d.terms:
            pieces += self.within(term).summand(term, () if self.notation.stated else None, bool(pieces))
        return pieces

    def summand(self, term: Term, outer: Sequence[Symbol] | None, follows: bool) -> list[Piece]:
        """One term: sign, constants, sum sign, brackets of divisibility, gradients, tensors, brackets.

        Of a reduction other than a sum nothing stands before its sign: max (-x) is not -max x.
        """
        part = monomial(term.value, self.indices, self.notation)
        if not term.is_sum and term.bound and part.negative:
            return [Piece((self._sigma(term, part.factors, outer),), "+" if follows else ""), self._whole(term.value)]
        alone = not (term.bound or term.deltas or term.guards or term.divisibilities)
        if alone and part.coefficient == 1 and not part.negative and isinstance(term.value, Add):
            return self._sum_alone(term.value, follows)
        split = _Factors(part.factors, term, self.notation)
        sums = all(isinstance(f, Add) for f in split.tensors)  # 1/s dE/dy (x - m), and not dE/dy 1/s (x - m)
        if split.lower and sums and not term.bound:
            split.constants, split.lower = [*split.constants, *split.lower], []
        if any(is_inverse(f) for f in split.front):  # one fraction before the sum
            split.constants, split.front = [*split.constants, *split.front], []
        pieces = self._constants(part, split)
        pieces += [self._whole(f) for f in split.front]
        if term.bound:
            pieces.insert(len(pieces) if term.is_sum else 0, Piece((self._sigma(term, split.shown, outer),)))
        pieces += [
            self._bracket(self._iverson(self._divides(self.expr(b.modulus), self.expr(b.value))), b)
            for b in term.divisibilities
        ]
        if split.lower and split.tensors and sums:
            pieces.append(Piece(tuple(self.product(Monomial(False, Integer(1), tuple(split.lower))))))
            split.lower = []
        tensors = self._tensors(split)
        gradients = [self._whole(f) for f in split.gradients]
        # 1/z dE/dy, but dE/dy h/z
        pieces += gradients + tensors if split.tensors else tensors + gradients
        pieces += [self._whole(f) for f in split.brackets]
        pieces += [Piece((Unit(parts, (f, k)),)) for f in split.partials for k, parts in enumerate(self.quotient(f))]
        deltas = sorted(term.deltas, key=lambda d: not self._plain_pair(d, term))
        pieces += [self._bracket(self._iverson(self._equation(d, term)), frozenset((d, -d))) for d in deltas]
        if term.is_sum:
            pieces += [self._bracket(self._iverson(self._range(g, term)), g) for g in term.guards]
        if not pieces or (len(pieces) == 1 and term.bound and not split.anything):
            pieces.append(self._whole(Integer(1)))
        return [self._signed(pieces[0], part.negative, follows), *pieces[1:]]

    def _sum_alone(self, value: Expr, follows: bool) -> list[Piece]:
        """A sum that nothing is multiplied by: its parts are summands like any others."""
        parts = monomials(value, self.indices, self.notation)
        return [self._signed(Piece(tuple(self.product(p))), p.negative, follows or k > 0) for k, p in enumerate(parts)]

    def _signed(self, piece: Piece, negative: bool, follows: bool) -> Piece:
        """The first piece of a summand; the sign of a row's first one belongs to it."""
        if follows:
            return replace(piece, glue="-" if negative else "+")
        return replace(piece, units=(plain(self.minus), *piece.units) if negative else piece.units, glue="")

    def conditions(self, term: Term) -> tuple[str, ...]:
        """The ranges and brackets that restrict a reduction in which they are no factors."""
        if term.is_sum:
            return ()
        return (*(self._range(g, term) for g in term.guards), *(self._condition(b, term) for b in term.admission))

    def _condition(self, bracket: Expr, term: Term) -> str:
        """A bracket on values; that an element is another one is said of its indices, and not of its number."""
        own = position(term.bound)
        if isinstance(bracket, unequal) and len(term.bound) > 1 and own in bracket.args:
            other = next(e for e in bracket.args if e != own)
            pair = [coordinates(e, term.bound) for e in (own, other)]
            if all(pair):
                first, second = (",".join(map(self.expr, indices or ())) for indices in pair)
                return f"({first}){self.unequal}({second})"
        return self.relation(bracket)

    def _range(self, guard: Guard, term: Term) -> str:
        first, links = chain(guard, term)
        signs = (("<" if strict else self.at_most) + self.expr(e) for strict, e in links)
        return self.expr(first) + "".join(signs)

    def _constants(self, part: Monomial, split: "_Factors") -> list[Piece]:
        upper = [f for f in split.constants if not is_inverse(f)]
        lower = [f for f in split.constants if is_inverse(f)]
        if part.coefficient == 1 and not upper and not lower:
            return []
        whole = self.product(Monomial(False, part.coefficient, (*upper, *lower)))
        sums = [f for f in upper if isinstance(f, Add)]
        if lower and sums and (len(upper) > 1 or whole[-1] == self.unit(sums[0])):  # not (q - 1)/q
            rest = tuple(f for f in (*upper, *lower) if f not in sums)
            return [Piece(tuple(self.product(Monomial(False, part.coefficient, rest)))), *map(self._whole, sums)]
        return [Piece(tuple(whole))]

    def _tensors(self, split: "_Factors") -> list[Piece]:
        if split.lower:
            return [Piece(tuple(self.product(Monomial(False, Integer(1), (*split.tensors, *split.lower)))))]
        *enclosed, last = split.tensors or [Integer(1)]
        before = ([Piece((self.enclosed(f),))] if isinstance(f, InnerSum) else self._pieces(f) for f in enclosed)
        return [piece for pieces in (*before, self._pieces(last) if split.tensors else []) for piece in pieces]

    def _pieces(self, factor: Expr) -> list[Piece]:
        """A factor as one piece; a sum as one per part, between which a line may end where it is too wide."""
        if not isinstance(factor, Add):
            return [self._whole(factor)]
        parts = monomials(factor, self.indices, self.notation)
        signs = [self.minus if part.negative else "+" if k else "" for k, part in enumerate(parts)]
        if factor.has(InnerSum):  # signs between sums are set apart
            signs[1:] = [f" {sign} " for sign in signs[1:]]
        found = [
            piece
            for k, (sign, part) in enumerate(zip(signs, parts, strict=True))
            for piece in self._nested(sign, part, "~" if k else " ")
        ]
        opening, closing = map(plain, self._around("".join(piece.text for piece in found)))
        found[0] = replace(found[0], units=(opening, *found[0].units))
        found[-1] = replace(found[-1], units=(*found[-1].units, closing))
        return found

    def _nested(self, sign: str, part: Monomial, glue: str) -> list[Piece]:
        """A summand within parentheses; of one that is a sum itself, its factors."""
        before = (plain(sign),) if sign else ()
        *others, total = part.factors or (Integer(1),)
        if not isinstance(total, InnerSum):
            return [Piece((*before, *self.product(part)), glue)]
        outer = replace(part, factors=tuple(f for f in others if not f.has(InnerSum)))
        found = [Piece(tuple(self.product(outer)))] if outer.factors or part.coefficient != 1 else []
        found += [Piece((self.enclosed(f),)) for f in others if f.has(InnerSum)]
        found += self.inside(total).summand(divisors_apart(Term((), total.ranges, total.body)), (), False)
        first = replace(found[0], units=(*before, *found[0].units), glue=glue)
        return [first, *(replace(piece, glue=" ", nested=True) for piece in found[1:])]

    def _whole(self, factor: Expr) -> Piece:
        return Piece((self.unit(factor),), bracket=is_indicator(factor))

    def _bracket(self, text: str, key: Hashable) -> Piece:
        return Piece((Unit((Part(text),), key),), bracket=True)

    def _plain_pair(self, delta: Expr, term: Term) -> bool:
        form = affine(delta, term.indices)
        return form.offset == 0 and len(form.terms) == 2 and all(c in (1, -1) for _, c in form.terms)

    def _equation(self, delta: Expr, term: Term) -> str:
        """A delta solved for its private index: [q = s i + d r - p], but [n = m]."""
        form = affine(delta, term.indices)
        free = {r.index for r in term.free}
        unit = [v for v, c in form.terms if c in (1, -1)]
        private = next((v for v in unit if v in free), unit[0] if unit else None)
        if private is None:
            return f"{self.expr(delta)}=0"
        value = sympy.expand(private - delta / form.coefficient(private))
        if isinstance(value, Symbol) and value not in free:
            private, value = value, private
        return f"{self.expr(private)}={self.expr(value)}"

    def _sigma(self, term: Term, factors: Sequence[Expr], outer: Sequence[Symbol] | None) -> Unit:
        """The sign of a reduction, its indices in the order in which the factors have them."""
        axes = [e.free_symbols for f in factors for a in accesses(f) for e in a.indices]
        places = {v: n for n, symbols in reversed([*enumerate(axes)]) for v in symbols}
        names = tuple(sorted((r.index for r in term.bound), key=lambda v: places.get(v, len(axes))))
        key = term.reduction, names
        if outer is None and term.reduction.limits:
            ranges = [(self.expr(v), self.expr(term.extent(v) - 1)) for v in names]
            return Unit((Part(self._with_limits(term.reduction, ranges)),), key, SUM)
        groups = [[v for v in names if v in (outer or ())], [v for v in names if v not in (outer or ())]]
        if len(names) <= 4 or not all(groups):
            groups = [list(names)]
        written = self._reduction(term.reduction, [[Part(self.expr(v), v) for v in group] for group in groups])
        return Unit(written, key, SUM)


def _slope(terms: Sequence[Term]) -> Expr | None:
    """The open slope f'(u) that all of several sums have as a factor: it stands once before them."""
    if len(terms) < 2 or not all(t.is_sum for t in terms):
        return None
    slopes = [{f for f in Mul.make_args(t.body) if isinstance(f, activation_prime)} for t in terms]
    return next(iter(set.intersection(*slopes)), None)


class _Factors:
    """The factors of a summand by where they stand."""

    def __init__(self, factors: Sequence[Expr], term: Term, notation: Notation) -> None:
        bound = {r.index for r in term.bound}
        indices = set(term.indices)
        self.constants = [f for f in factors if not f.has(Access) and not indices & f.free_symbols and not _display(f)]
        rest = [f for f in factors if f not in self.constants]
        self.partials = [f for f in rest if isinstance(f, Partial)]
        self.brackets = [f for f in rest if is_indicator(f)]
        self.gradients = [f for f in rest if isinstance(f, Access) and notation.is_gradient(f.tensor)]
        self.front = [f for f in rest if isinstance(f, activation_prime) and not bound & f.free_symbols]
        sums = [f for f in rest if f.has(InnerSum)]
        if sums:  # so does all else before a sum within the body
            self.gradients = []
            before = ordered([f for f in rest if f not in sums], term.indices, notation)
            self.front = sorted(before, key=lambda f: not isinstance(f, activation_prime))
        elif bound and term.is_sum:  # what does not change within the sum stands before it
            kept = (*self.partials, *self.gradients)
            fixed = [f for f in rest if not bound & f.free_symbols and f not in kept]
            self.front = sorted(fixed, key=is_indicator) if len(fixed) < len(rest) else self.front
        self.brackets = [f for f in self.brackets if f not in self.front]
        self.lower = [f for f in rest if is_inverse(f) and f not in self.front]
        placed = (*self.partials, *self.brackets, *self.gradients, *self.front, *self.lower)
        self.tensors = [f for f in rest if f not in placed]
        self.shown = (*self.gradients, *self.tensors, *self.brackets, *self.partials)
        self.anything = bool(rest) or bool(term.deltas or term.guards or term.divisibilities)


def _display(factor: Expr) -> bool:
    return isinstance(factor, Partial) or is_indicator(factor)
