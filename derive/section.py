"""The derivation of one gradient: chain rule, definition, Kronecker deltas, and their collapse.

A section follows each contribution of an `Adjoint` from the term that differentiation made to the gather form that
textbooks print. Each row comes from the row before by functions of `derive.collapse`; the choice of what to eliminate
(an index of the forward output first) is made here.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sympy import Add, Expr, Integer, Mul, Pow, Symbol

from derive.collapse import digits, discharge, divide, fold, identify, implying_access, proved, rename, solve
from derive.differentiate import Adjoint, Contribution, Gradient
from derive.forward import equation, scattered
from derive.index import affine, sign
from derive.inline import inserted, is_pointwise
from derive.notation import Notation
from derive.recognise import recognise
from derive.record import Between, Equals, Partial, Result, Section, Step, Words, joined
from derive.term import Access, Guard, Program, Range, Statement, Tensor, Term


@dataclass(frozen=True)
class Strand:
    """One contribution on its way: `term` and, where the saved output can be used, `by_value`, rewritten alike."""

    term: Term
    by_value: Term | None
    outer: tuple[Range, ...]

    def each(self, rewrite: Callable[[Term], Term]) -> "Strand":
        return replace(self, term=rewrite(self.term), by_value=rewrite(self.by_value) if self.by_value else None)


@dataclass(frozen=True)
class Elimination:
    """What became of the deltas of one term."""

    term: Term
    solved: tuple[Symbol, ...] = ()
    split: tuple[Symbol, ...] = ()
    vanishing: tuple[tuple[str, Symbol, Expr], ...] = ()


def gradient_section(
    gradient: Gradient, adjoint: Adjoint, notation: Notation, known: Mapping[str, Statement], lets: Sequence[Statement]
) -> Section:
    """The section of one tensor's gradient.

    Args:
        gradient: the differentiated program.
        adjoint: the gradient to derive.
        notation: how tensors are written.
        known: pointwise gradients of earlier sections, by name, which are inserted where they occur.
        lets: names for known quotients, such as softmax's p = h/z.
    """
    program = gradient.program
    free = adjoint.contributions[0].term.free
    left = Access(adjoint.gradient.name, *(r.index for r in free))
    strands = tuple(_settled(c, program) for c in adjoint.contributions)
    outer = tuple(dict.fromkeys(r.index for s in strands for r in s.outer))
    rows = _Rows(left, outer, notation)

    rows.add("chain rule", ("chain rule",), _chain_rule(gradient, adjoint, strands, free))
    readers = tuple(dict.fromkeys(c.reader.target.name for c in adjoint.contributions))
    quotients = tuple(_with_quotient(s, c, left) for s, c in zip(strands, adjoint.contributions, strict=True))
    rows.add("definition", ("definition of ", *joined([Access(name) for name in readers])), quotients)
    rows.add("kronecker", ("same element?",), tuple(s.term for s in strands))

    strands, pairs = _renamed(strands)
    gone = list(dict.fromkeys(v for v in outer + _inner(adjoint) if any(v in p for p in pairs)))
    rows.add("rename", (*joined(gone), " collapse" if len(gone) > 1 else " collapses"), tuple(s.term for s in strands))

    eliminations = tuple(eliminate(s.term, [r.index for r in s.outer], program) for s in strands)
    rows.add("solve", _solved_words(eliminations), tuple(e.term for e in eliminations))
    rows.add("by value", _by_value_words(adjoint), tuple(_valued(s, e, program) for s, e in zip(strands, eliminations, strict=True)))
    for name, let in known.items():
        rows.add("insert", (Access(name), " inserted"), tuple(inserted(t, let) for t in rows.terms))
    used = []
    for let in lets:
        before = rows.terms
        rows.add("fold", (Access(let.target.name), " for ", let.term.body), tuple(fold(t, let) for t in before))
        used += [let] if rows.terms != before else []
    rows.add("collect", ("common factor",), collected(rows.terms))

    caption = _vanishing_words(e for elimination in eliminations for e in elimination.vanishing)
    return Section(
        title=("gradient with respect to ", Access(adjoint.tensor.name)),
        setup=(("For one element ", Access(adjoint.tensor.name, *left.indices), ":"),) if left.indices else (),
        steps=tuple(rows.steps),
        caption=(caption,) if caption else (),
        results=_results(rows.steps[-1], pairs, gradient.forward, program),
        forward=gradient.forward,
        gradient=program,
        raw=tuple(c.term for c in adjoint.contributions),
        wrt=adjoint.tensor.name,
        lets=tuple(used),
    )


class _Rows:
    """Collects rows; a row equal to the one before is left out."""

    def __init__(self, left: Access, outer: tuple[Symbol, ...], notation: Notation) -> None:
        self.left, self.outer, self.notation = left, outer, notation
        self.steps: list[Step] = []

    @property
    def terms(self) -> tuple[Term, ...]:
        return self.steps[-1].terms

    def add(self, rule: str, reason: Words, terms: tuple[Term, ...]) -> None:
        if not self.steps or terms != self.terms:
            self.steps.append(Step(rule, reason, self.left, terms, self.outer, notation=self.notation))


def _settled(contribution: Contribution, program: Program) -> Strand:
    """Write scattered axes of the reader's target as expressions: the seed becomes dy[n, K*g + k]."""
    axes = [index for index, _, _ in scattered(contribution.reader.term)]

    def rewrite(term: Term) -> Term:
        for index in axes:
            delta = next(d for d in term.deltas if index in d.free_symbols)
            term = solve(term, delta, index)
        return discharge(term, program)[0] if axes else term

    _, reader = equation(contribution.reader)
    strand = Strand(contribution.term, contribution.by_value, reader.free).each(rewrite)
    order = {r.index: n for n, r in enumerate(reader.ranges)}
    return strand.each(lambda t: replace(t, bound=tuple(sorted(t.bound, key=lambda r: order[r.index]))))


def _chain_rule(
    gradient: Gradient, adjoint: Adjoint, strands: Sequence[Strand], free: tuple[Range, ...]
) -> tuple[Term, ...]:
    """One summand per tensor that reads the tensor: sum over its elements of its gradient times a partial derivative."""
    terms: dict[Term, None] = {}
    element = Access(adjoint.tensor.name, *(r.index for r in free))
    for contribution, strand in zip(adjoint.contributions, strands, strict=True):
        left, _ = equation(contribution.reader)
        name = contribution.reader.target.name
        seed = gradient.seeds[name] if name in gradient.seeds else _gradient_tensor(gradient, name)
        body = Access(seed.name, *left.indices) * Partial(left, element)
        terms.setdefault(Term(free, strand.outer, body))
    return tuple(terms)


def _gradient_tensor(gradient: Gradient, name: str) -> Tensor:
    adjoint = gradient.adjoint(name)
    assert adjoint is not None  # differentiation visited its readers first
    return adjoint.gradient


def _with_quotient(strand: Strand, contribution: Contribution, left: Access) -> Term:
    """The row before the Kronecker deltas: d(access)/d(element) as a quotient."""
    born = {r.index for r in strand.term.free}
    deltas = tuple(d for d in strand.term.deltas if not born & d.free_symbols)
    quotient = Partial(contribution.access, Access(contribution.access.tensor, *left.indices))
    return replace(strand.term, body=strand.term.body * quotient, deltas=deltas)


def _inner(adjoint: Adjoint) -> tuple[Symbol, ...]:
    return tuple(dict.fromkeys(r.index for c in adjoint.contributions for r in c.term.bound))


def _renamed(strands: Sequence[Strand]) -> tuple[tuple[Strand, ...], tuple[dict[Symbol, Symbol], ...]]:
    pairs = tuple(rename(s.term)[1] for s in strands)
    return tuple(s.each(lambda t: rename(t)[0]) for s in strands), pairs


def eliminate(term: Term, preferred: Sequence[Symbol], program: Program) -> Elimination:
    """Use up the deltas of a term, solving for `preferred` indices where there is a choice, and discharge guards."""
    term = identify(term)
    solved: list[Symbol] = []
    split: list[Symbol] = []
    guards: dict[Guard, Symbol] = {}
    extents = {r.index: r.extent for r in term.bound}
    while True:
        made = next((m for d in term.deltas if (m := _eliminated(term, d, preferred)) is not None), None)
        if made is None:
            break
        rewritten, gone, by_digits = made
        (split if by_digits else solved).extend(gone)
        guards |= {g: gone[0] for g in rewritten.guards if g not in term.guards}
        term = rewritten
    plain, dropped = discharge(term, program)
    vanishing = []
    for guard in dropped:
        access = implying_access(term, guard, program.tensors)
        if access is not None and guard in guards and not proved(term, guard, program):
            vanishing.append((access.tensor, guards[guard], extents[guards[guard]]))
    bound = tuple(sorted(plain.bound, key=lambda r: r.index in preferred))
    plain = replace(plain, bound=bound) if solved or split else plain
    return Elimination(plain, tuple(solved), tuple(split), tuple(vanishing))


def _eliminated(term: Term, delta: Expr, preferred: Sequence[Symbol]) -> tuple[Term, list[Symbol], bool] | None:
    """One delta used up: the new term, the indices that went, and whether by division with remainder."""
    form = affine(delta, term.indices)
    bound = {r.index for r in term.bound}
    unit = [v for v in form.indices if v in bound and form.coefficient(v) in (1, -1)]
    first = next((v for v in preferred if v in unit), None)
    if first is not None and not _is_digit(term, delta):
        return solve(term, delta, first), [first], False
    by_digits = digits(term, delta)
    if by_digits is not None:
        kept = {r.index for r in by_digits.bound}
        return by_digits, [r.index for r in term.bound if r.index not in kept], True
    known_sign = [v for v in preferred if v in bound and sign(form.coefficient(v)) != 0]
    if known_sign:
        return divide(term, delta, known_sign[0]), [known_sign[0]], False
    return (solve(term, delta, unit[0]), [unit[0]], False) if unit else None


def _is_digit(term: Term, delta: Expr) -> bool:
    return len(affine(delta, term.indices).terms) > 2 and digits(term, delta) is not None


def _valued(strand: Strand, elimination: Elimination, program: Program) -> Term:
    if strand.by_value is None:
        return elimination.term
    return eliminate(strand.by_value, [r.index for r in strand.outer], program).term


def _solved_words(eliminations: Sequence[Elimination]) -> Words:
    solved = list(dict.fromkeys(v for e in eliminations for v in e.solved))
    split = list(dict.fromkeys(v for e in eliminations for v in e.split))
    words: Words = ("solved for ", *joined(solved)) if solved else ()
    if split:
        words += ("; " if words else "", *joined(split), " by division")
    return tuple(w for w in words if w != "")


def _by_value_words(adjoint: Adjoint) -> Words:
    names = dict.fromkeys(c.reader.target.name for c in adjoint.contributions if c.by_value)
    return ("by the saved ", *joined([Access(name) for name in names]))


def _vanishing_words(vanishing: Iterable[tuple[str, Symbol, Expr]]) -> Words:
    """``Terms whose index of delta leaves 0 <= i < H', 0 <= j < W' are zero.``"""
    grouped: dict[str, list[Expr]] = {}
    for name, index, extent in dict.fromkeys(vanishing):
        grouped.setdefault(name, []).append(Between(index, extent))
    words: list[str | Expr] = []
    for name, ranges in grouped.items():
        words += [" " if words else "", "Terms whose index of ", Access(name), " leaves ", *joined(ranges), " are zero."]
    return tuple(w for w in words if w != "")


def collected(terms: tuple[Term, ...]) -> tuple[Term, ...]:
    """Pointwise summands as one product of their common factors and a sum."""
    plain = all(is_pointwise(Statement(Tensor("", ()), t)) for t in terms)
    if len(terms) < 2 or not plain:
        return terms
    factors = [list(Mul.make_args(t.body)) for t in terms]
    common = [f for f in factors[0] if not f.is_Number and all(f in other for other in factors[1:])]
    if not any(isinstance(f, Access) for f in common):
        return terms
    rest = [Mul(*(f for f in own if f not in common)) for own in factors]
    return (replace(terms[0], body=Mul(*common, Add(*rest))),)


def _results(
    last: Step, pairs: tuple[dict[Symbol, Symbol], ...], forward: Program, program: Program
) -> tuple[Result, ...]:
    """The last row in its final names, and what it becomes where its divisibility brackets always hold."""
    result = _forward_names(last, pairs)
    lead: Words = () if result.left == last.left else ("In the names of the forward equation:",)
    results = [Result(result, recognise(result.terms, result.notation, program), lead)]
    moduli = sorted(
        {d.modulus for t in result.terms for d in t.divisibilities if isinstance(d.modulus, Symbol)}, key=lambda s: s.name
    )
    if moduli:
        where = tuple((m, Integer(1)) for m in moduli)
        terms = tuple(_without_trivial(t.substitute(dict(where))) for t in result.terms)
        special = replace(result, rule="specialise", terms=terms, where=where)
        clause: Words = ("For ", *joined([Equals(m, Integer(1)) for m in moduli]), " the brackets always hold:")
        results.append(Result(special, recognise(terms, result.notation, program), clause))
    return tuple(results)


def _without_trivial(term: Term) -> Term:
    return replace(term, divisibilities=tuple(d for d in term.divisibilities if d.modulus != 1))


def _forward_names(step: Step, pairs: tuple[dict[Symbol, Symbol], ...]) -> Step:
    """The row with the forward equation's index names, if every element index is just another name of one."""
    elements = [v for v in step.left.indices]
    back: dict[Symbol, Symbol] = {}
    for renames in pairs:
        for gone, stays in renames.items():
            if stays in elements and back.setdefault(stays, gone) != gone:
                return step
    taken = {r.index for t in step.terms for r in t.bound}
    untouched = all(len(t.free) == len(back) and not taken & set(back.values()) for t in step.terms)
    if len(back) != len(elements) or len(set(back.values())) != len(back) or not untouched:
        return step
    return replace(step, left=step.left.xreplace(back), terms=tuple(t.rename(back) for t in step.terms))


def distributions(program: Program, taken: set[str]) -> tuple[Statement, ...]:
    """Names for tensors divided by their own sum: with z[n] = sum(h[n, k], k) the quotient h/z is p[n, k]."""
    found = []
    names = iter(name for name in ("p", "p1", "p2", "p3") if name not in taken)
    for statement in program.statements:
        term, target = statement.term, statement.target
        plain = isinstance(term.body, Access) and term.op == "sum" and term.bound
        if not plain or term.deltas or term.guards or len(program.definitions(target.name)) > 1:
            continue
        if set(term.body.indices) != set(term.indices):
            continue
        name = next(names, None)
        if name is None:
            break
        quotient = term.body * Pow(Access(target.name, *(r.index for r in term.free)), -1)
        ranges = tuple(Range(v, term.extent(v)) for v in term.body.indices)
        found.append(Statement(Tensor(name, tuple(r.extent for r in ranges)), Term(ranges, (), quotient)))
    return tuple(found)


def as_statement(section: Section, tensor: Tensor) -> Statement | None:
    """The section's result as a definition that later sections may insert; None unless it is one pointwise term."""
    terms = section.steps[-1].terms
    statement = Statement(tensor, terms[0]) if len(terms) == 1 else None
    return statement if statement is not None and is_pointwise(statement) else None

