"""Gradients that are 0 whatever the numbers are: a section of one row, and the reason."""

from dataclasses import replace
from itertools import islice

from sympy import Integer

from gradscribe.derive.calculus.differentiate import Gradient
from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.derivation.record.section_record import Result, Section, Step
from gradscribe.derive.derivation.record.sentence import AND, Words, joined
from gradscribe.derive.ir.index import fresh_names
from gradscribe.derive.ir.term import Access, Program, Term, accesses, index_ranges
from gradscribe.said import say, say_number


def zero_sections(gradient: Gradient, notation: Notation) -> list[Section]:
    """The section of every input whose gradient is 0."""
    return [zero_section(gradient, name, notation) for name in gradient.zeros]


def zero_section(gradient: Gradient, name: str, notation: Notation) -> Section:
    """The section of input `name`, whose gradient no statement computes."""
    target = gradient.zeros[name]
    names = fresh_names(gradient.forward.names() | {target.name})
    free = index_ranges(islice(names, len(target.shape)), target.shape)
    term = Term(free, (), Integer(0))
    left = Access(target.name, *(r.index for r in free))
    step = Step("zero", _reason(gradient.forward, name), left, (term,), notation=notation)
    return Section(
        title=say("gradient with respect to {tensor}", tensor=Access(name)),
        setup=(),
        steps=(step,),
        caption=(),
        results=(Result(step, say("zero")),),
        forward=gradient.forward,
        gradient=replace(gradient.program, statements=(), outputs=()),  # its inputs, the seeds, are all that is read
        raw=(term,),
        wrt=name,
    )


def _reason(program: Program, name: str) -> Words:
    """Why nothing reaches the tensor: it is not read, only constants read it, or only what has slope 0."""
    ends = [o for o in program.outputs if not program.tensors[o].integer and not program.tensors[o].constant]
    if not ends:
        return say("no output has a gradient")
    every, stopped = _reached(program, name)
    if not every & set(ends):
        return say_number(
            len(ends),
            "{others} does not depend on {tensor}",
            "{others} do not depend on {tensor}",
            others=joined([Access(o) for o in ends], AND),
            tensor=Access(name),
        )
    if stopped and not _reached(program, name, through=False)[0] & set(ends):
        constants = joined([Access(n) for n in stopped])
        if all(program.tensors[n].integer for n in stopped):
            return say_number(
                len(stopped),
                "{places} is a place, which jumps where it changes",
                "{places} are places, which jump where they change",
                places=constants,
            )
        return say_number(
            len(stopped), "{constants} counts as constant", "{constants} count as constant", constants=constants
        )
    return say("{tensor} makes jumps only, of slope 0", tensor=Access(name))


def _reached(program: Program, name: str, through: bool = True) -> tuple[set[str], list[str]]:
    """The tensors that depend on `name`, and the constants among them, which are passed `through` or not."""
    found, constants = {name}, []
    for statement in program.statements:
        target = statement.target
        if not found & {a.tensor for a in accesses(statement.term.body)}:
            continue
        stops = target.constant or target.integer
        if stops and target.name not in constants:
            constants.append(target.name)
        found |= {target.name} if through or not stops else set()
    return found, constants
