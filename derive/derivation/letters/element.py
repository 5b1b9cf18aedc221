"""Letters of the element that a gradient is differentiated by: x[n', i', j', c'], those of the axes that it runs over.

An axis has the letter of the index that runs over it where the tensor is read; of several in one place, as in
x[s*i + d*r], the one that the reader's own element has. What is read element by element has its reader's letters:
so the letters stay the same from the value of an activation down to its argument. Boxes leave the primes out where the
plain letters are free.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from sympy import Expr, Symbol

from gradscribe.derive.calculus.passes.inline import is_pointwise
from gradscribe.derive.calculus.passes.left_side import equation
from gradscribe.derive.derivation.letters.name import PRIME
from gradscribe.derive.derivation.letters.renaming import renamed, symbols_of
from gradscribe.derive.derivation.record.section_record import LevelGradients, Result, Section
from gradscribe.derive.ir.index import fresh_names, integer
from gradscribe.derive.ir.term import Program, Statement, accesses

Axes = Mapping[str, tuple[Symbol, ...]]
"""The letter of every axis, by tensor."""


def axis_letters(
    program: Program, taken: Collection[str] = (), known: Axes | None = None
) -> dict[str, tuple[Symbol, ...]]:
    """The letters of the axes of every tensor of a program; those of one tensor differ.

    An axis that no index runs over gets a letter that is neither among the names of the program nor `taken`. Tensors
    that are `known` keep their letters.
    """
    found: dict[str, tuple[Symbol, ...]] = {}
    readers: dict[str, list[Statement]] = {}
    for statement in program.statements:
        for name in {a.tensor for a in accesses(statement.term.body)}:
            readers.setdefault(name, []).append(statement)
    names = program.names() | set(taken)
    names |= {name.lower() for name in names}  # m runs over M, if over anything
    for name, tensor in reversed(program.tensors.items()):
        if known is not None and name in known:
            found[name] = known[name]
            continue
        own = readers.get(name, [])
        choices: list[list[Symbol]] = [[] for _ in tensor.shape]
        for letters in (*_onward(name, own, found), *_as_read(name, own), *_as_defined(name, program)):
            for axis, options in enumerate(letters):
                choices[axis] += options
        found[name] = _distinct(choices, names)
    return found


def _onward(name: str, readers: Sequence[Statement], known: Axes) -> Iterator[list[list[Symbol]]]:
    """The letters of what is read element by element from a tensor, h[n, C*g + c] from x[n, C*g + c], too."""
    for reader in readers:
        if reader.target.name in known:
            left, term = equation(reader)
            alike = any(a.tensor == name and a.indices == left.indices for a in accesses(term.body))
            if alike and is_pointwise(replace(reader, term=term)):
                yield [[v] for v in known[reader.target.name]]


def _as_read(name: str, readers: Sequence[Statement]) -> Iterator[list[list[Symbol]]]:
    for reader in readers:
        for access in accesses(reader.term.body):
            if access.tensor == name:
                yield [_running(e, reader) for e in access.indices]


def _running(index: Expr, reader: Statement) -> list[Symbol]:
    """The indices that run over an axis, those of the reader's own element first.

    Over x[C*g + c] no one does where what reads it is u[K*g + k]: there g is a digit, and no letter for channels.
    """
    left, _ = equation(reader)
    plain = {e for e in left.indices if isinstance(e, Symbol)}
    digits = set().union(*(e.free_symbols for e in left.indices)) - plain
    found = [v for v in reader.term.indices if v in index.free_symbols]
    return [v for v in found if v in plain] if len(found) > 1 and digits.intersection(found) else found


def _as_defined(name: str, program: Program) -> Iterator[list[list[Symbol]]]:
    """The letters of the left side; an axis of digits, y[n, C*g + c], has none there."""
    for statement in program.definitions(name):
        left, _ = equation(statement)
        yield [[e] if isinstance(e, Symbol) else [] for e in left.indices]


def _distinct(choices: Sequence[Sequence[Symbol]], taken: set[str]) -> tuple[Symbol, ...]:
    """For each axis the first choice that no axis before has; a letter of its own where there is none."""
    found: list[Symbol] = []
    others = (integer(letter) for letter in fresh_names(taken))
    for options in choices:
        own = next((v for v in options if v not in found), None)
        found.append(own if own is not None else next(others))
    return tuple(found)


def with_element_letters(section: Section, page: Axes) -> Section:
    """The section, its lemmas too, with the letters of the axes for the element that is differentiated by.

    Args:
        section: the derivation of a gradient; others come back as they are.
        page: the letters of axes that the page knows; of other tensors they are those of the section's program.
    """
    lemmas = tuple(with_element_letters(lemma, page) for lemma in section.lemmas)
    if not section.wrt or not section.steps[0].left.indices:
        return replace(section, lemmas=lemmas)
    plain = page.get(section.wrt) or axis_letters(section.forward, known=page)[section.wrt]
    old = section.steps[0].left.indices  # a number where an axis has one element
    others = {v for r in section.results for v in r.step.left.indices}
    primed = primed_letters(plain, symbols_of((section.steps, section.results)) - others - set(old))
    names = {v: letter for v, letter in zip(old, primed, strict=True) if isinstance(v, Symbol)}
    return replace(
        section,
        setup=renamed(section.setup, names),
        steps=renamed(section.steps, names),
        caption=renamed(section.caption, names),
        results=tuple(_boxed(renamed(result, names), plain, primed) for result in section.results),
        lemmas=lemmas,
    )


def with_level_letters(line: LevelGradients, sections: Mapping[str, Section], page: Axes) -> LevelGradients:
    """A line of the table of all levels: its error signal in the letters that the box has."""
    section = sections.get(next(iter(line.sections), ""))
    if section is None or section.wrt not in page:
        return line
    names = zip(section.steps[0].left.indices, page[section.wrt], strict=True)
    return replace(line, signal=renamed(line.signal, {v: letter for v, letter in names if isinstance(v, Symbol)}))


def primed_letters(letters: Sequence[Symbol], taken: set[Symbol]) -> tuple[Symbol, ...]:
    """The letters with as many primes as none of `taken` has."""
    primed = tuple(integer(v.name + PRIME) for v in letters)
    return primed_letters(primed, taken) if taken & set(primed) else primed


def _boxed(result: Result, plain: Sequence[Symbol], primed: Sequence[Symbol]) -> Result:
    """A box in plain letters, if none of them stands for something else in it or in the rows that lead to it."""
    old, present = result.step.left.indices, {v for t in result.step.terms for v in t.indices}
    step = replace(result.step, outer=tuple(v for v in result.step.outer if v in present))
    result = replace(result, step=step)
    digits = [r.index for r in step.terms[0].free if r.index not in old]  # of x[n', C*g' + c'], which are primed
    letters = dict(zip(old, plain, strict=True)) | {v: integer(v.name.removesuffix(PRIME)) for v in digits}
    if set(letters.values()) & (symbols_of((step.terms, result.steps, result.name)) - set(letters)):
        letters = dict(zip(old, primed, strict=True))
    return renamed(result, {v: letter for v, letter in letters.items() if isinstance(v, Symbol)})
