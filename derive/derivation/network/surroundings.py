"""The surroundings of one gradient in a network: the statements that read its tensor, and nothing else.

A section's rows speak of these few statements only. Everything else that they read is given: values of other layers and
the gradients that come from above. So a network of any depth is checked section by section, each at sizes of its own.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from gradscribe.derive.calculus.collapse import rename
from gradscribe.derive.calculus.differentiate import Adjoint, Gradient
from gradscribe.derive.ir.interpret.recurrence import behind_what_they_read
from gradscribe.derive.ir.term import Access, Program, Statement, Tensor, Term, accesses
from gradscribe.derive.ir.well_formed import check


def without_copies(gradient: Gradient) -> Gradient:
    """The gradient in which a gradient that merely equals another one, element by element, goes by that one's name.

    Where a sum passes its error signal on to a branch, the branch has that very signal. Gradients of inputs stay.
    """
    inputs = {t.name for t in gradient.forward.inputs}
    names: dict[str, str] = {}
    for adjoint in gradient.adjoints:
        source = _copied(adjoint)
        if source is not None and adjoint.tensor.name not in inputs:
            names[adjoint.gradient.name] = names.get(source, source)
    if not names:
        return gradient
    tensors = {a.gradient.name: a.gradient for a in gradient.adjoints} | {t.name: t for t in gradient.seeds.values()}
    kept = tuple(_renamed(a, names) for a in gradient.adjoints if a.gradient.name not in names)
    seeds = {a.tensor.name: tensors[names[a.gradient.name]] for a in gradient.adjoints if a.gradient.name in names}
    statements = tuple(Statement(a.gradient, c.computed) for a in kept for c in a.contributions)
    return replace(
        gradient,
        seeds={**gradient.seeds, **seeds},
        adjoints=kept,
        program=check(replace(gradient.program, statements=statements)),
    )


def _copied(adjoint: Adjoint) -> str | None:
    """The gradient that this one is a copy of; None where it is none."""
    if len(adjoint.contributions) != 1:
        return None
    term, _ = rename(adjoint.contributions[0].term)
    plain = not (term.bound or term.deltas or term.guards)
    body = term.body
    same = isinstance(body, Access) and body.indices == tuple(r.index for r in term.free)
    return body.tensor if plain and same else None


def _renamed(adjoint: Adjoint, names: Mapping[str, str]) -> Adjoint:
    """Gradients that are read go by other names."""

    def term(t: Term) -> Term:
        mapping = {a: Access(names[a.tensor], *a.indices) for a in accesses(t.body) if a.tensor in names}
        return replace(t, body=t.body.xreplace(mapping)) if mapping else t

    contributions = tuple(
        replace(c, term=term(c.term), by_value=term(c.by_value) if c.by_value else None) for c in adjoint.contributions
    )
    return replace(adjoint, contributions=contributions)


def surroundings(
    gradient: Gradient,
    adjoints: Sequence[Adjoint],
    given: Sequence[Statement] = (),
    lets: Sequence[Statement] = (),
    defined: Collection[str] = (),
) -> tuple[Gradient, tuple[tuple[str, str], ...]]:
    """The gradient restricted to what the terms of `adjoints` speak of, and where its forward program ends.

    Args:
        gradient: that of the whole network.
        adjoints: the gradients that are computed; others which they read are given.
        given: gradients whose value is known, such as dE/dE = 1.
        lets: names of quotients that the rows read.
        defined: tensors whose definitions the rows use, besides those that read what is differentiated by.

    Returns:
        the restricted gradient, and (tensor, its gradient) for the tensors that `forward` ends at.
    """
    whole = gradient.forward
    tensors = whole.tensors
    computed = {a.gradient.name for a in adjoints}
    readers = [c.reader for a in adjoints for c in a.contributions]
    targets = {s.target.name for s in readers} | {s.ties.name for s in readers if s.ties is not None}
    targets |= set(defined)
    forward = tuple(s for s in whole.statements if s.target.name in targets)
    forward = behind_what_they_read(_with_lets(forward, [let for let in lets if let.target.name not in targets]))
    targets |= {let.target.name for let in lets}
    terms = [t for a in adjoints for c in a.contributions for t in (c.term, c.computed)]
    read = {a.tensor for t in (*terms, *(s.term for s in forward)) for a in accesses(t.body)}
    made = targets | {s.argument.name for s in forward if s.argument is not None}
    read |= {a.tensor.name for a in adjoints}
    inputs = tuple(replace(t, optional=False) for t in tensors.values() if t.name in read - made)
    gradients = {a.tensor.name: a.gradient for a in gradient.adjoints}
    of = {s.target.name: gradients.get(s.target.name, gradient.seeds.get(s.target.name)) for s in readers}
    ends = {name: of[name] for name in dict.fromkeys(s.target.name for s in forward) if of.get(name) is not None}
    inner = {a.tensor.name for a in adjoints}  # a branch that has the gradient of a sum ends here all the same
    seeds = tuple((name, t.name) for name, t in ends.items() if t is not None and name not in inner)
    shapes = (t.shape for t in (*(s.target for s in forward), *inputs, *(t for t in ends.values() if t is not None)))
    extents = {v for shape in shapes for e in shape for v in e.free_symbols}
    program = Program(inputs, forward, tuple(n for n, _ in seeds), tuple(z for z in whole.sizes if z[0] in extents))
    known = {s.target.name for s in given}
    arriving = {t.name: t for t in ends.values() if t is not None and t.name not in computed | known}
    ordered = [a for a in gradient.adjoints if a.gradient.name in computed]
    statements = tuple(Statement(a.gradient, c.computed) for a in ordered for c in a.contributions)
    everything: tuple[Tensor, ...] = (*program.tensors.values(), *arriving.values())
    own = adjoints[-1].gradient.name
    local = Program(everything, (*given, *statements), (own,), program.sizes)
    return Gradient(check(program), gradient.seeds, gradient.adjoints, check(local), {}), seeds


def _with_lets(forward: tuple[Statement, ...], lets: Sequence[Statement]) -> tuple[Statement, ...]:
    """The statements with each of `lets` before the first that reads it, or behind all."""
    found = [*forward]
    for let in lets:
        readers = (k for k, s in enumerate(found) if any(a.tensor == let.target.name for a in accesses(s.term.body)))
        found.insert(next(readers, len(found)), let)
    return tuple(found)
