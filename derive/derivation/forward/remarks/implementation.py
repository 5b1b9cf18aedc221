"""How the code does what the equations say: numbers of a computer, places as numbers, what slopes are computed from.

A page has none of it unless it is asked for.
"""

from collections.abc import Iterator
from dataclasses import replace

from sympy import Integer

from gradscribe.derive.derivation.forward.forward_equations import definitions
from gradscribe.derive.derivation.forward.insertion import Rewritten
from gradscribe.derive.derivation.forward.place import number
from gradscribe.derive.derivation.record.page_record import Derivation, Remark
from gradscribe.derive.derivation.record.sentence import Words, joined
from gradscribe.derive.ir.term import Access, Program


def with_remarks(page: Derivation) -> Derivation:
    """The page with a section that says how the code does it; as it is where there is nothing to be said."""
    rewritten = page.rewritten
    if rewritten is None:
        return page
    found = (*_computed(rewritten), *_places(page.program), *_not_numbers(page.program), *_slopes(rewritten))
    return replace(page, remarks=found)


def _computed(rewritten: Rewritten) -> Iterator[Remark]:
    """The equations that are computed otherwise than the page has them."""
    changed = {one.equation.target.name for one in rewritten.idealised}
    if changed:
        own = (d for d in definitions(rewritten.origin.forward) if d.left.tensor in changed)
        said = "The code computes this, so that no divisor is 0 and no number is infinite:"
        yield Remark((said,), tuple(replace(d, argument=None) for d in own))


def _places(program: Program) -> Iterator[Remark]:
    """How a place becomes a number."""
    for statement in program.statements:
        if statement.argument is not None:
            name = statement.argument.name
            place = number(name, (), statement.term.bound, Access)
            kept: Words = ("The code keeps the place ", Access(name), f" as one number, {name}: it is ", place)
            yield Remark((*kept, ", and ", Integer(-1), " where there is no element."))


def _not_numbers(program: Program) -> Iterator[Remark]:
    """What becomes of NaN, and of nothing."""
    selecting = [s for s in program.statements if s.term.reduction.selects]
    nouns = dict.fromkeys(s.term.reduction.noun for s in selecting)
    if not nouns:
        return
    shared = any(s.ties is not None for s in selecting)
    recorded = any(s.argument is not None for s in selecting)
    gradient = ", whose place is that of the first NaN" if recorded else ", and no gradient" if shared else ""
    yield Remark((f"Among elements with a NaN the {' and the '.join(nouns)} is NaN{gradient}.",))


def _slopes(rewritten: Rewritten) -> Iterator[Remark]:
    """The results that slopes are computed from."""
    every = (c for a in rewritten.shown.adjoints for c in a.contributions)
    names = dict.fromkeys(Access(c.reader.target.name) for c in every if c.by_value is not None)
    if names:
        said: Words = ("The code computes slopes from the saved ", *joined(list(names), " and "), ".")
        yield Remark(said)
