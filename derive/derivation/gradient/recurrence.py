"""The delta recurrence: what a gradient is for a layer whose input is an activation x = f(u of the layer before)."""

from dataclasses import replace

from sympy import Mul

from gradscribe.derive.calculus.collapse import rename
from gradscribe.derive.calculus.differentiate import differentiate
from gradscribe.derive.derivation.notation import Notation
from gradscribe.derive.derivation.record import Equals, Hadamard, Result, Section, Step, Words
from gradscribe.derive.ir.functions import activation, activation_prime
from gradscribe.derive.ir.index import fresh_names, integer
from gradscribe.derive.ir.term import Access, Program, Range, Statement, Tensor, Term
from gradscribe.derive.ir.well_formed import check


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
    inner = result.left.tensor
    raw = adjoint.contributions[0].term
    names = dict(zip((r.index for r in raw.free), result.left.indices, strict=True))
    renamed = rename(raw)[0].rename(names)
    left = Access(adjoint.gradient.name, *result.left.indices)
    extended = replace(
        notation,
        deltas={**notation.deltas, adjoint.gradient.name: "l-1"},
        levels={before.name: ("u", "l-1")},
        order=(*notation.order, before.name),
    )
    chain = Step("rename", ("chain rule",), left, (renamed,), notation=extended)
    terms = tuple(_product(t, renamed, inner) for t in result.terms)
    final = Step("insert", (Access(inner), " inserted"), left, terms, result.outer, notation=extended)
    what: Words = ("[", *section.results[0].name, "]") if any(t.bound for t in terms) else (Access(inner),)
    own = Equals(Access(section.wrt), activation(Access(before.name)))
    slope = activation_prime(Access(before.name))
    name: Words = (Access(adjoint.gradient.name), " = ", slope, " ", Hadamard(), " ", *what)
    return Section(
        title=("the error signal of the layer before",),
        setup=(("If ", own, " is itself the activation of a layer, then:"),),
        steps=(chain,),
        caption=(),
        results=(Result(final, name, ("With ", Access(inner), " inserted:")),),
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
