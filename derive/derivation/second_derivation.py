"""Layer -> Derivation of second order: S, the sum of direction * gradient, differentiated by seeds and inputs.

The sections are those of order 1, made from another program. What is said besides: the first gradients, as they are
differentiated, and what S is. A dot marks a rate of change: of the inputs, which move in their directions, and of what
follows them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from sympy import Mul, Symbol

from gradscribe.derive.calculus.collapse import proved, rename
from gradscribe.derive.calculus.differentiate import Adjoint
from gradscribe.derive.calculus.passes.left_side import scattered
from gradscribe.derive.calculus.passes.reuse import distributions
from gradscribe.derive.calculus.second_order import SecondOrder, second_order
from gradscribe.derive.composition import Network
from gradscribe.derive.derivation.forward.displayed_settings import SCALARS, displayed
from gradscribe.derive.derivation.forward.insertion import Rewritten, written_out
from gradscribe.derive.derivation.gradient.assembly import assembled
from gradscribe.derive.derivation.gradient.outcome import as_statement
from gradscribe.derive.derivation.gradient.section import gradient_sections
from gradscribe.derive.derivation.gradient.zero import zero_sections
from gradscribe.derive.derivation.letters.notation import Notation, gradient_notation
from gradscribe.derive.derivation.network.lettering import lettered
from gradscribe.derive.derivation.network.surroundings import surroundings
from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.derivation.record.section_record import Section, Step
from gradscribe.derive.derivation.record.sentence import AND, Scalar, Words, joined
from gradscribe.derive.ir.index import fresh_names, integer
from gradscribe.derive.ir.term import Access, Program, Term, accesses
from gradscribe.derive.ir.well_formed import check
from gradscribe.derive.layer.interface import Layer
from gradscribe.said import Message, say, say_number

SOURCE = "Pearlmutter, Fast exact multiplication by the Hessian, Neural Computation 6, 1994, section 3"
E, S = map(Scalar, SCALARS)


def second_derivation(
    layer: Layer, watched: Sequence[str] | None, settings: Mapping[str, str] | None, full: bool = False
) -> Derivation:
    """The derivation of the gradient of the gradient.

    Args:
        layer: the layer.
        watched: the inputs whose gradients S sums over; all differentiable ones by default.
        settings: options and sizes by name.
        full: see `gradient_section`.

    Raises:
        EquationError: when a setting does not fit the layer.
    """
    display = displayed(layer, settings, order=2)
    found, rewritten = _written_out(second_order(_settled(display.program), watched))
    program = _with_slopes(found)
    notation = second_notation(found)
    if isinstance(display.layer, Network):
        letters = lettered(display.layer, program).letters
        outputs = {seed.name: output for output, seed in found.first.seeds.items()}
        deltas = {g: letters[outputs[g]][1] for g in notation.deltas}
        notation = replace(notation, levels=letters, deltas=deltas)
    lets = distributions(program, found.second.program.names())
    summed = {r.index for s in program.statements for r in s.term.bound}
    sections = gradient_sections(found.second, notation, lets, summed, full=full)
    if isinstance(display.layer, Network):
        sections = _surrounded(sections, found)
    sections = [_named(s, notation) for s in (*sections, *zero_sections(found.second, notation))]
    return replace(
        assembled(display, program, rewritten, notation, sections),
        title=say("{title}, second order", title=layer.title)[0] if layer.title else Message("second order"),
        source="; ".join(part for part in (layer.source, SOURCE) if part),
        premises=tuple(_premises(found, notation)),
    )


def _surrounded(sections: Sequence[Section], found: SecondOrder) -> list[Section]:
    """The sections of a network, each with the statements that it speaks of, so that it is checked by itself."""
    pointwise: dict[str, list[Adjoint]] = {}
    made = []
    for section, adjoint in zip(sections, found.second.adjoints, strict=True):
        terms = [t for c in adjoint.contributions for t in (c.term, c.computed)]
        read = dict.fromkeys(a.tensor for t in terms for a in accesses(t.body))
        inserted = [a for name in read for a in pointwise.get(name, ())]
        everything = [a for a in found.second.adjoints if a is adjoint or a in inserted]
        local, seeds = surroundings(found.second, everything, (), section.lets)
        made.append(replace(section, forward=local.forward, gradient=local.program, seeds=seeds))
        if as_statement(section, adjoint.gradient) is not None:
            pointwise[adjoint.gradient.name] = [*inserted, adjoint]
    return made


def _written_out(found: SecondOrder) -> tuple[SecondOrder, Rewritten]:
    """What is shown of both differentiations, and of the second what it is a rewrite of."""
    rewritten = written_out(found.second)
    made = {s.target.name for s in found.order_1.statements}
    statements = tuple(s for s in rewritten.shown.forward.statements if s.target.name in made)
    order_1 = replace(found.order_1, statements=statements)
    first = written_out(found.first).shown
    return replace(found, first=first, order_1=order_1, second=rewritten.shown), rewritten


def _with_slopes(found: SecondOrder) -> Program:
    """The forward program with the tensors that slopes of second order are written with, too."""
    first, known = found.first.forward, found.program.tensors
    later = {s.target.name: s for s in found.second.forward.statements}
    own = (replace(s, others=later.get(s.target.name, s).others) for s in first.statements)
    return replace(first, statements=(*own, *(s for name, s in later.items() if name not in known)))


def _settled(program: Program) -> Program:
    """Where an axis of a target is said to be an index, it is that index: u[n,i,j,k] for u[n,i,j,u_3] [u_3=k].

    Not where the index has fewer values than the axis: y[n,k] = h[n,k] writes a part of y. An axis of digits, as in
    u[n, K*g + k], has a letter of its own.
    """
    letters = fresh_names(program.names())
    known: dict[tuple[str, int], Symbol] = {}
    statements = []
    for statement in program.statements:
        term, pairs = rename(statement.term)
        back = {stays: gone for gone, stays in pairs.items() if stays in {r.index for r in term.free}}
        if len(back) == len(pairs) and term.is_sum and term.guards == statement.term.guards:
            statement = replace(statement, term=term.rename(back))
        digits = {v for v, _, _ in scattered(statement.term)}
        axes = [(n, r.index) for n, r in enumerate(statement.term.free) if r.index in digits]
        names = {v: known.setdefault((statement.target.name, n), integer(next(letters))) for n, v in axes}
        statements.append(replace(statement, term=statement.term.rename(names)))
    return check(replace(program, statements=tuple(statements)))


def second_notation(found: SecondOrder) -> Notation:
    """Gradients of S are quotients; but S by dE/d(tensor) is the rate of change of that tensor: it gets a dot."""
    first = gradient_notation(found.first)
    scalar = SCALARS[1]
    dots = {direction.name: name for name, direction in found.directions.items()}
    quotients, scalars = dict(first.quotients), {}
    inner = {a.gradient.name: a.tensor.name for a in found.first.adjoints}
    for adjoint in found.second.adjoints:
        if adjoint.tensor.name in inner:
            dots[adjoint.gradient.name] = inner[adjoint.tensor.name]
        else:
            quotients[adjoint.gradient.name] = adjoint.tensor.name
            scalars[adjoint.gradient.name] = scalar
    for name, zero in found.second.zeros.items():
        quotients[zero.name] = name
        scalars[zero.name] = scalar
    dotted: dict[str, list[str]] = {}
    for dot, name in dots.items():
        dotted.setdefault(name, []).append(dot)
    order = tuple(n for name in first.order for n in (name, *dotted.get(name, ())))
    return replace(first, quotients=quotients, scalars=scalars, dots=dots, order=order)


def _premises(found: SecondOrder, notation: Notation) -> Iterator[Words | Step]:
    """The first gradients, the directions, S, what S does not depend on, and how many statements that takes."""
    if not found.directions:
        yield say("All gradients of {scalar} are zero, and so is every gradient of theirs.", scalar=E)
        return
    order_1, order_2 = found.counts
    yield say(
        "The gradients of {scalar}, as order 1 derives them ({statements}):", scalar=E, statements=_statements(order_1)
    )
    yield from _rows(found, notation)
    watched = [Access(name) for name in found.directions]
    moving = [Access(direction.name) for direction in found.directions.values()]
    yield say_number(
        len(watched),
        "Let {inputs} move in the direction {directions}; a dot marks a rate of change. Then {scalar} changes at the "
        "rate",
        "Let the inputs {inputs} move in the directions {directions}; a dot marks a rate of change. Then {scalar} "
        "changes at the rate",
        inputs=joined(watched, AND),
        directions=joined(moving, AND),
        scalar=E,
    )
    yield _rate(found, notation)
    seeds = [Access(t.name) for t in found.first.seeds.values()]
    yield say_number(
        len(watched),
        "Order 2 differentiates {rate} ({statements}): by {gradients} that yields the rate at which the output "
        "changes, by the inputs the Hessian of {scalar} times the direction.",
        "Order 2 differentiates {rate} ({statements}): by {gradients} that yields the rate at which the output "
        "changes, by the inputs the Hessian of {scalar} times the directions.",
        rate=S,
        statements=_statements(order_2),
        gradients=joined(seeds, AND),
        scalar=E,
    )


def _statements(number: int) -> Words:
    return say_number(number, "{number} statement", "{number} statements", number=str(number))


def _rows(found: SecondOrder, notation: Notation) -> Iterator[Step]:
    """One row per gradient: the statements that accumulate into it are added up, with the first one's indices."""
    for name in dict.fromkeys(s.target.name for s in found.order_1.statements):
        terms = [s.term for s in found.order_1.definitions(name)]
        free = terms[0].free
        letters = fresh_names(found.order_1.names())  # for what is summed over by a letter that an axis of the row has
        renamed = []
        for term in terms:
            names = dict(zip((r.index for r in term.free), (r.index for r in free), strict=True))
            names |= {r.index: integer(next(letters)) for r in term.bound if r.index in names.values()}
            held = tuple(g for g in term.guards if not proved(term, g, found.order_1))
            renamed.append(replace(term, guards=held).rename(names))
        yield Step("definition", (), Access(name, *(r.index for r in free)), tuple(renamed), notation=notation)


def _rate(found: SecondOrder, notation: Notation) -> Step:
    """S as a row: a sum over the elements of every watched gradient, with its own indices."""
    gradients = {a.tensor.name: a.gradient for a in found.first.adjoints}
    terms = []
    for name, direction in found.directions.items():
        free = found.order_1.definitions(gradients[name].name)[0].term.free
        indices = [r.index for r in free]
        body = Mul(Access(direction.name, *indices), Access(gradients[name].name, *indices))
        terms.append(Term((), free, body))
    return Step("definition", (), S, tuple(terms), notation=notation)


def _named(section: Section, notation: Notation) -> Section:
    """The section with a title that names S."""
    tensor = Access(section.wrt)
    gradient = section.steps[0].left.tensor
    title = say("gradient of {scalar} with respect to {tensor}", scalar=S, tensor=tensor)
    if gradient in notation.dots:
        title = say("{title}: the rate of change {rate}", title=title, rate=Access(gradient))
    return replace(section, title=title)
