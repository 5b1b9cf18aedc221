"""The delta recurrence: what a gradient is for a layer whose input is an activation x = f(u of the layer before)."""

from dataclasses import replace

from sympy import Mul

from gradscribe.derive.calculus.collapse import rename
from gradscribe.derive.calculus.differentiate import derivative, differentiate
from gradscribe.derive.derivation.forms.caption.reading.row_reader import caption
from gradscribe.derive.derivation.gradient.outcome import called
from gradscribe.derive.derivation.gradient.steps import reasons
from gradscribe.derive.derivation.gradient.steps.single_places import with_places
from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.derivation.record.section_record import Section, Step
from gradscribe.derive.derivation.record.sentence import Equals
from gradscribe.derive.ir.functions import activation
from gradscribe.derive.ir.index import fresh_names, integer
from gradscribe.derive.ir.term import Access, Program, Range, Statement, Tensor, Term, accesses
from gradscribe.derive.ir.well_formed import check
from gradscribe.said import say


def passes_on(program: Program, name: str) -> bool:
    """Whether a layer weighs, moves or selects what it reads, and nothing more: then its input may be an activation.

    The recurrence is one of u = w x + b, z = f(u): f is what is not linear, and stands between layers. So every
    equation on the way from the input has to be linear in it, up to the choice of a maximum, and the result a tensor
    that another layer could read. A loss is a number; a softmax, a normalisation, attention and the cells of recurrent
    networks are not linear in what they read: they have an f of their own.
    """
    if not any(program.tensors[o].shape for o in program.outputs):
        return False
    moving = {name}
    for statement in program.statements:
        read = [a for a in accesses(statement.term.body) if a.tensor in moving]
        slopes = [derivative(statement.term.value, a) for a in read]
        if read and not (statement.term.is_sum or statement.term.reduction.selects):
            return False
        if any(a.tensor in moving for slope in slopes for a in accesses(slope)):
            return False
        if read:
            moving.add(statement.target.name)
    return True


def recurrence(program: Program, section: Section, notation: Notation) -> Section:
    """Differentiate the layer composed with an activation, and insert the layer's own gradient.

    Args:
        program: the layer's forward equations.
        section: the derivation of the gradient with respect to the layer's input.
        notation: how the layer's tensors are written.
    """
    composed, before = _composed(program, section.wrt)
    gradient = differentiate(composed, (before.name,), _seed_names(section, notation, program))
    adjoint = gradient.adjoint(before.name)
    assert adjoint is not None  # activation' is never identically 0
    result = section.results[0].step
    closed = section.closed
    if closed is not None and closed.left == result.left:
        result = closed
    inner = result.left.tensor
    raw = adjoint.contributions[0].term
    names = dict(zip((r.index for r in raw.free), result.left.indices, strict=True))
    single = [v for v, e in names.items() if e.is_Integer]
    renamed = with_places(rename(raw)[0], single).rename(names)
    left = Access(adjoint.gradient.name, *result.left.indices)
    extended = replace(
        notation,
        deltas={**notation.deltas, adjoint.gradient.name: "l-1"},
        levels={before.name: ("u", "l-1")},
        order=(*notation.order, before.name),
    )
    chain = Step("rename", reasons.CHAIN_RULE, left, (renamed,), notation=extended)
    terms = tuple(_product(t, renamed, inner) for t in result.terms)
    final = Step("insert", reasons.put_in(inner), left, terms, result.outer, notation=extended)
    known = replace(gradient.program, inputs=(*gradient.program.inputs, *(let.target for let in section.lets)))
    lead = reasons.with_these(inner)
    boxes = (called(final, caption(step, known), lead) for step in (final, chain))
    box = next((b for b in boxes if b.caption is not None), called(final, None, lead))
    own = Equals(Access(section.wrt), activation(Access(before.name)))
    return Section(
        title=say("the error signal of the layer before"),
        setup=(say("If {input} is itself the activation of a layer, then:", input=own),),
        steps=(chain,),
        caption=(),
        results=(replace(box, name=()) if box.form is not None else box,),
        forward=composed,
        gradient=gradient.program,
        raw=tuple(c.term for c in adjoint.contributions),
        wrt=before.name,
        lets=section.lets,
    )


def _composed(program: Program, name: str) -> tuple[Program, Tensor]:
    """The program with its input `name` computed from a new input by the open activation function."""
    tensor = program.tensors[name]
    taken = program.names()
    candidates = ("u_prev", *(f"u_prev{k}" for k in range(1, 99)))
    before = Tensor(next(c for c in candidates if c not in taken), tensor.shape, ravel=tensor.ravel)
    indices = [integer(v) for v, _ in zip(fresh_names(taken, ""), tensor.shape, strict=False)]
    ranges = tuple(Range(v, e) for v, e in zip(indices, tensor.shape, strict=True))
    statement = Statement(tensor, Term(ranges, (), activation(Access(before.name, *indices))))
    inputs = tuple(before if t.name == name else t for t in program.inputs)
    return check(replace(program, inputs=inputs, statements=(statement, *program.statements))), before


def _seed_names(section: Section, notation: Notation, program: Program) -> dict[str, str]:
    """The composed program's seeds are called as the layer's."""
    quotients = {t: g for g, t in notation.quotients.items() if t in program.outputs}
    return quotients | {output: seed for seed, output in notation.seeds.items()}


def _product(term: Term, outer: Term, inner: str) -> Term:
    """`outer`, a product with the factor `inner`, with `term` in place of that factor."""
    others = [f for f in Mul.make_args(outer.body) if not (isinstance(f, Access) and f.tensor == inner)]
    return replace(term, body=Mul(term.body, *others))
