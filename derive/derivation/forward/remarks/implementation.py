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
from gradscribe.derive.derivation.record.sentence import AND, joined
from gradscribe.derive.ir.term import Access, Program
from gradscribe.said import Message, say


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
        words = say("The code computes this, so that no divisor is 0 and no number is infinite:")
        yield Remark(words, tuple(replace(d, argument=None) for d in own))


def _places(program: Program) -> Iterator[Remark]:
    """How a place becomes a number."""
    for statement in program.statements:
        if statement.argument is not None:
            name = statement.argument.name
            place = number(name, (), statement.term.bound, Access)
            yield Remark(
                say(
                    "The code keeps the place {place} as one number, {name}: it is {number}, and {none} where there is "
                    "no element.",
                    place=Access(name),
                    name=name,
                    number=place,
                    none=Integer(-1),
                )
            )


def _not_numbers(program: Program) -> Iterator[Remark]:
    """What becomes of NaN, and of nothing."""
    selecting = [s for s in program.statements if s.term.reduction.selects]
    nouns = dict.fromkeys(s.term.reduction.noun for s in selecting)
    if not nouns:
        return
    shared = any(s.ties is not None for s in selecting)
    recorded = any(s.argument is not None for s in selecting)
    extremum = joined([*nouns], Message(" and the "))
    if recorded:
        yield Remark(
            say(
                "Among elements with a NaN the {extremum} is NaN, whose place is that of the first NaN.",
                extremum=extremum,
            )
        )
    elif shared:
        yield Remark(say("Among elements with a NaN the {extremum} is NaN, and no gradient.", extremum=extremum))
    else:
        yield Remark(say("Among elements with a NaN the {extremum} is NaN.", extremum=extremum))


def _slopes(rewritten: Rewritten) -> Iterator[Remark]:
    """The results that slopes are computed from."""
    every = (c for a in rewritten.shown.adjoints for c in a.contributions)
    names = dict.fromkeys(Access(c.reader.target.name) for c in every if c.by_value is not None)
    if names:
        saved = joined(list(names), AND)
        yield Remark(say("The code computes slopes from the saved {tensors}.", tensors=saved))
