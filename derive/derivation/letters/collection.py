"""All names that a page prints, in groups that share a letter: the sizes H, H_1 and H_out, the w of all levels.

A name in an equation and a letter in print are two things. Here are the names; `allocation` gives them letters.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import sympy
from sympy import Symbol

from gradscribe.derive.derivation.forms.caption.words.glossary import LETTERS
from gradscribe.derive.derivation.letters.name import NUMBERED, Name, name_parts
from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.derivation.letters.renaming import atoms_of, parts
from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.derivation.record.section_record import Section
from gradscribe.derive.derivation.record.sentence import Label, Scalar
from gradscribe.derive.ir.functions import activation, activation_prime, sigmoid
from gradscribe.derive.ir.term import Access, Term

Kind = Literal["special", "index", "size", "tensor", "parameter"]
ORDER: tuple[Kind, ...] = ("special", "index", "size", "tensor", "parameter")
"""Of two groups that want one letter the earlier kind gets it."""


@dataclass(frozen=True)
class Group:
    """Names that share a letter.

    Attributes:
        kind: what they are.
        word: what the group is called by a reader who asks for a letter.
        letter: the letter that it has by itself.
        yields: whether it gives way to all others: f, which no equation of the page defines, and what definitions of
            signs speak of.
        numbered: whether it is the number alone that tells it from another name, as in t1: it is no name that
            anybody has to know, but that of an inner tensor.
    """

    kind: Kind
    word: str
    letter: Name
    yields: bool = False
    numbered: bool = False


@dataclass(frozen=True)
class Names:
    """The names of a page.

    Attributes:
        symbols: the group of every index, size and parameter.
        tensors: the group of every tensor.
        specials: the group of what has no name in the equations, by its word.
    """

    symbols: dict[Symbol, Group]
    tensors: dict[str, Group]
    specials: dict[str, Group]

    @property
    def groups(self) -> tuple[Group, ...]:
        """Every group once, those first that keep their letters."""
        found = dict.fromkeys((*self.specials.values(), *self.symbols.values(), *self.tensors.values()))
        return tuple(sorted(found, key=lambda g: (g.yields, ORDER.index(g.kind))))


def passages(derivation: Derivation) -> Iterator[tuple[Notation, Any]]:
    """What stands on a page, with the notation that writes it."""
    d = derivation
    table = (d.table.rows, tuple(d.table.numbers.items())) if d.table is not None else ()
    chapters = tuple((c.title, c.setup) for c in d.chapters)
    levels = tuple(line.signal for line in d.levels)
    yield d.notation, (d.setup, d.glossary, d.equations, d.sizes, d.notes, d.premises, table, chapters, levels)
    for section in d.printed_sections:
        yield section.steps[0].notation, tuple(map(_printed, section.parts))
    if d.update is not None:
        yield d.update.notation, (d.update.title, d.update.setup, d.update.equations)
    yield d.notation, d.remarks
    if d.example is not None:
        yield d.example.notation, (d.example.setup, d.example.given, d.example.gradients)


def _printed(section: Section) -> tuple[Any, ...]:
    boxes = tuple(replace(box, caption=None) for box in section.results)  # of which the words and the form are printed
    return section.title, section.setup, section.steps, section.caption, boxes


def names_of(derivation: Derivation, apart: Collection[str] = ()) -> Names:
    """The names that the page of a derivation prints; those of `apart` share their letters with no other."""
    found = Names({}, {}, {})
    stretches = list(passages(derivation))
    indices = {v for _, passage in stretches for v in _indices(passage)}
    program = derivation.program
    inner = {s.target.name for s in program.statements} - set(program.outputs)
    for notation, passage in stretches:
        for atom in atoms_of(passage, Symbol, Access, Scalar, activation, activation_prime, sigmoid, type(sympy.pi)):
            if isinstance(atom, Symbol):
                found.symbols.setdefault(atom, _of_symbol(atom, indices, apart))
            elif isinstance(atom, Access):
                _add_tensor(atom.tensor, notation, inner, apart, found)
            elif isinstance(atom, Label):
                _add_level(atom.word, found)
            else:
                word = _special(atom)
                found.specials.setdefault(word, Group("special", word, Name(word), word == "f"))
        for name in _weights(passage):
            _add_tensor(name, notation, inner, apart, found)
    return found


def _indices(passage: Any) -> Iterator[Symbol]:
    for part in parts(passage):
        if isinstance(part, Term):
            yield from part.indices
        elif isinstance(part, Access):
            yield from (e for e in part.indices if isinstance(e, Symbol))


def _weights(passage: Any) -> Iterator[str]:
    """The trained tensors in the table of a network."""
    if isinstance(passage, tuple):
        for part in passage:
            yield from _weights(part)
    elif hasattr(passage, "weights"):
        yield from (name for name, _ in passage.weights)


def _of_symbol(symbol: Symbol, indices: set[Symbol], apart: Collection[str]) -> Group:
    kind: Kind = "index" if symbol in indices else "size" if symbol.is_integer else "parameter"
    name = name_parts(symbol.name)
    if symbol.name in LETTERS:
        return Group("index", symbol.name, Name(LETTERS[symbol.name]), yields=True)
    return Group(kind, symbol.name, name) if symbol.name in apart else Group(kind, name.base, Name(name.base))


def _add_tensor(name: str, notation: Notation, inner: set[str], apart: Collection[str], found: Names) -> None:
    """The letters that an access is written with: its own, or of a gradient E or delta and what it is by."""
    if name in notation.deltas:
        found.specials.setdefault("delta", Group("special", "delta", Name("delta")))
        _add_level(notation.deltas[name], found)
    elif name in notation.quotients:
        word = notation.scalar(name)
        found.specials.setdefault(word, Group("special", word, Name(word)))
        _add_tensor(notation.quotients[name], notation, inner, apart, found)
    elif name in notation.dots:
        _add_tensor(notation.dots[name], notation, inner, apart, found)
    elif name in LETTERS:
        found.tensors.setdefault(name, Group("tensor", name, Name(LETTERS[name]), yields=True))
    else:
        letter, label = notation.levels.get(name, (name, ""))
        letter = name if name in apart else letter
        _add_level(label, found)
        own = name_parts(letter)
        numbered = name in inner and len(own.marks) == 1 and own.marks[0].isdigit()
        found.tensors.setdefault(name, Group("tensor", letter, own, numbered=numbered))


def _add_level(label: str, found: Names) -> None:
    if label and NUMBERED.fullmatch(label):
        found.specials.setdefault("l", Group("special", "l", Name("l")))


def _special(atom: Any) -> str:
    if isinstance(atom, Scalar):
        return atom.word
    if atom is sympy.pi:
        return "pi"
    return "sigma" if isinstance(atom, sigmoid) else "f"
