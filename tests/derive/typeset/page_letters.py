"""The letters that a page prints, each with all that it means there: collected from the records, printed one by one."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

import sympy
from sympy import Symbol
from sympy.matrices import MatrixBase

from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.derivation.network.layer_record import Row
from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.derivation.record.section_record import Result
from gradscribe.derive.derivation.record.sentence import Label, Scalar
from gradscribe.derive.ir.functions import activation, activation_prime, sigmoid
from gradscribe.derive.ir.term import Access, InnerSum, Program, Range, Statement
from gradscribe.derive.typeset.mathematics.latex_symbols import LatexTypesetter

Meanings = dict[str, set[tuple[str, str]]]


def leaves(value: Any) -> Iterator[Any]:
    """Ranges, expressions and names of weights below a record; of programs, which are not printed, nothing."""
    if isinstance(value, Program | Statement | Notation):
        return
    if isinstance(value, Range | sympy.Basic | MatrixBase):
        yield value
    if isinstance(value, Range):
        yield from (value.index, value.extent)
    elif isinstance(value, tuple | list):
        for part in value:
            yield from leaves(part)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from leaves(getattr(value, field.name))


def printed(page: Derivation) -> Iterator[tuple[Notation, Any]]:
    """What is printed, by which notation."""
    chapters = [(c.title, c.setup) for c in page.chapters]
    signals = [line.signal for line in page.levels]
    said = (page.setup, page.glossary, page.notes, page.premises)
    yield page.notation, (said, page.equations, page.sizes, rows_of(page), chapters, signals)
    for section in page.printed_sections:
        shown = [(p.title, p.setup, p.steps, p.caption, [boxed(r) for r in p.results]) for p in section.parts]
        yield section.steps[0].notation, shown


def rows_of(page: Derivation) -> tuple[Row, ...]:
    """The table of a network's layers; beside equations that layers share it has numbers."""
    if page.table is None or len(page.equations) == len(page.definitions):
        return page.table.rows if page.table is not None else ()
    number = page.table.number
    return tuple(
        replace(row, shape=number(row.shape), weights=tuple((w, number(shape)) for w, shape in row.weights))
        for row in page.table.shown
    )


def boxed(result: Result) -> tuple[Any, ...]:
    """What is printed of a box: not the caption's operation, which the words say."""
    return result.lead, result.rows, result.name, result.form


def atoms(value: Any) -> Iterator[Any]:
    for leaf in leaves(value):
        if isinstance(leaf, sympy.Basic | MatrixBase):
            yield from sympy.preorder_traversal(leaf)


def meanings(page: Derivation) -> Meanings:
    """By printed letter what it stands for: (kind, name); marks, primes and levels are no part of the letter."""
    found: Meanings = defaultdict(set)
    everything = list(printed(page))
    indices = {leaf.index for _, part in everything for leaf in leaves(part) if isinstance(leaf, Range)}
    for notation, part in everything:
        t = LatexTypesetter(notation)
        for atom in atoms(part):
            for letter, meaning in means(atom, t, indices):
                found[re.sub(r"_\{.*\}|'", "", letter)].add(meaning)
    return found


def means(atom: Any, t: LatexTypesetter, indices: set[Symbol]) -> Iterator[tuple[str, tuple[str, str]]]:
    if isinstance(atom, Symbol):
        kind = "index" if atom in indices else "size" if atom.is_integer else "parameter"
        stem = atom.name.replace("_prime", "").partition("_")[0]
        yield t.expr(atom), (kind, stem if len(stem) > 1 and stem.isalpha() else stem[:1])
    elif isinstance(atom, Label):
        if re.fullmatch(r"l([+-]\d+)?", atom.word):
            yield re.sub(r"[+-]\d+", "", t.expr(atom)), ("special", "level")
    elif isinstance(atom, Scalar):
        yield t.expr(atom), ("special", atom.word)
    elif isinstance(atom, Access):
        yield from of_tensor(atom.tensor, t)
    elif isinstance(atom, activation | activation_prime):
        yield t.expr(atom.func(sympy.Integer(0))).partition("(")[0], ("special", "activation")
    elif isinstance(atom, sigmoid):
        yield r"\sigma", ("special", "sigma")


def of_tensor(name: str, t: LatexTypesetter) -> Iterator[tuple[str, tuple[str, str]]]:
    """The letters of a tensor without its indices."""
    notation = t.notation
    if name in notation.deltas:
        yield t.expr(Access(name)).partition("^")[0], ("special", "delta")
        if re.fullmatch(r"l([+-]\d+)?", notation.deltas[name]):
            yield re.sub(r"[+-]\d+", "", t.expr(Label(notation.deltas[name]))), ("special", "level")
    elif name in notation.quotients:
        yield t.expr(Scalar(notation.scalar(name))), ("special", notation.scalar(name))
        yield from of_tensor(notation.quotients[name], t)
    elif name in notation.dots:
        yield from of_tensor(notation.dots[name], t)
    else:
        yield t.letter(name), ("tensor", notation.levels.get(name, (name, ""))[0])


def clashes(page: Derivation) -> Meanings:
    """The letters with two meanings."""
    return {letter: found for letter, found in meanings(page).items() if len(found) > 1}


def written(value: Any) -> Iterator[Symbol]:
    """The symbols that are printed: what the sums of a row run over is not."""
    if isinstance(value, Range | Program | Statement | Notation):
        return
    if isinstance(value, InnerSum):
        yield from written(value.body)
    elif isinstance(value, Symbol):
        yield value
    elif isinstance(value, sympy.Basic):
        yield from (s for part in value.args for s in written(part))
    elif isinstance(value, MatrixBase | tuple | list):
        yield from (s for part in value for s in written(part))
    elif is_dataclass(value) and not isinstance(value, type):
        yield from (s for field in fields(value) for s in written(getattr(value, field.name)))


def unintroduced(page: Derivation) -> set[Symbol]:
    """The sizes and parameters that neither a sentence nor a table nor a formula of the page introduces."""
    everything = list(printed(page))
    indices = {leaf.index for _, part in everything for leaf in leaves(part) if isinstance(leaf, Range)}
    ranges = [r for d in page.equations for t in d.terms for r in t.ranges]  # a sentence has these
    used = {s for _, part in everything for s in written(part)} - indices
    used |= {s for r in ranges for s in r.extent.free_symbols}
    shapes = [(row.shape, row.weights) for row in rows_of(page)]
    said = (page.setup, page.glossary, page.notes, [symbol for symbol, _ in page.sizes], shapes, page.premises)
    return used - {a for a in atoms(said) if isinstance(a, Symbol)}
