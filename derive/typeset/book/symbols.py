"""Derivations -> an index of symbols: what every letter means, and in which sections it does.

What a letter means is looked up where pages say it, too: the options, axes and features of the layer, the role of a
tensor, the range of an index.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sympy import Expr, Symbol

from gradscribe.derive.composition.network import Network
from gradscribe.derive.derivation.letters.collection import Group, names_of
from gradscribe.derive.derivation.letters.name import GREEK, PRIME, Name
from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.derivation.record.sentence import Below, Words
from gradscribe.derive.ir.index import integer
from gradscribe.derive.ir.term import Access, Range
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.letters import SPECIAL
from gradscribe.derive.layer.update import LETTERS, WORDS
from gradscribe.said import Message, say

ARRIVING = Message("the gradient that arrives from above")
SIZE, INPUT, STATE, RESULT = Message("a size"), Message("input"), Message("state"), Message("result")
WEIGHT, BIAS = Message("weight"), Message("bias")
OF_WEIGHTS = {"b": BIAS}
"""What trained tensors of these letters are; others are weights."""
DEFINED = Message("what the section defines")
UPDATES = {letter: WORDS.get(name, name) for name, letter in LETTERS.items()}
"""What letters of updates mean."""


@dataclass(frozen=True)
class Entry:
    """A row of the index.

    Attributes:
        letter: a symbol, or a tensor without indices.
        meaning: what it is.
        places: the sections, by their numbers, in order.
    """

    letter: Expr
    meaning: Words
    places: tuple[str, ...]


@dataclass(frozen=True)
class _Written:
    """Letters of all pages under names that say how they are printed, so that what looks alike is one."""

    symbols: dict[Symbol, Name] = field(default_factory=dict)
    tensors: dict[str, Name] = field(default_factory=dict)

    def symbol(self, letter: Name) -> Symbol:
        """The symbol that is printed so."""
        found = integer(_key(letter))
        self.symbols[found] = letter
        return found

    def tensor(self, letter: Name) -> Access:
        """The tensor that is printed so."""
        found = Access(_key(letter))
        self.tensors[found.tensor] = letter
        return found

    def expression(self, e: Expr, notation: Notation) -> Expr:
        """An expression of sizes of a page."""
        return e.xreplace({v: self.symbol(notation.symbol(v)) for v in e.free_symbols})

    def order(self, entry: Entry) -> tuple[object, ...]:
        """Latin letters before Greek ones, by the alphabet."""
        is_tensor = isinstance(entry.letter, Access)
        name = self.tensors[entry.letter.tensor] if is_tensor else self.symbols[entry.letter]
        greek = name.base in GREEK
        place = (1, GREEK.index(name.base), "") if greek else (0, 0, name.base.lower())
        return *place, name.base, name.marks, name.primes, is_tensor


def index(pages: Sequence[tuple[str, Derivation]]) -> tuple[Notation, tuple[Entry, ...]]:
    """The entries of an index, by the alphabet, and the notation that writes them.

    Args:
        pages: each with the number of its section.
    """
    written = _Written()
    places: dict[tuple[Expr, Words], list[str]] = {}
    for number, page in pages:
        for found in dict.fromkeys(_meanings(page, written)):
            places.setdefault(found, []).append(number)
    entries = [Entry(*found, tuple(where)) for found, where in places.items()]
    return Notation(symbols=written.symbols, tensors=written.tensors), tuple(sorted(entries, key=written.order))


def _meanings(page: Derivation, written: _Written) -> Iterator[tuple[Expr, Words]]:
    """The letters of a page; of a network those that levels tell apart are one."""
    names, several = names_of(page), page.table is not None
    numbers, tensors = _numbers(page), _tensors(page)
    for symbol, group in names.symbols.items():
        if group.yields or symbol.name.endswith(PRIME):
            continue
        letter = page.notation.symbol(symbol)
        shown = written.symbol(Name(letter.base) if several else letter)
        if group.kind == "index":
            extents = () if several else dict.fromkeys(r.extent for r in _ranges(page) if r.index == symbol)
            limits = (Below(shown, written.expression(e, page.notation)) for e in extents)
            below: list[Words] = [say("index, {range}", range=limit) for limit in limits]
            yield from ((shown, words) for words in below or [say("index")])
        else:
            yield shown, numbers.get(symbol) or numbers.get(integer(group.word)) or _unnamed(group)
    for tensor, group in names.tensors.items():
        if not group.yields and not page.notation.starred(tensor):
            yield written.tensor(page.notation.tensor(tensor)), (tensors.get(tensor, DEFINED),)
    for word in names.specials:
        if word in SPECIAL:
            yield written.symbol(page.notation.special(word)), (SPECIAL[word],)


def _ranges(page: Derivation) -> Iterator[Range]:
    """What indices run over, in the equations and in the rows."""
    rows = (step for s in page.printed_sections for part in s.parts for step in part.steps)
    for terms in (*(d.terms for d in page.equations), *(row.terms for row in rows)):
        for term in terms:
            yield from term.ranges


def _unnamed(group: Group) -> Words:
    return (SIZE,) if group.kind == "size" else say("a number")


def _numbers(page: Derivation) -> Mapping[Expr, Words]:
    """What sizes and parameters are."""
    if isinstance(page.layer, Network):
        found: dict[Expr, Words] = {}
        for node in page.layer.nodes:
            found = {**_of_layer(node.layer, {}), **found}
    else:
        found = dict(_of_layer(page.layer, page.mapping)) if page.layer is not None else {}
    own = {size: found.get(integer(size.name.partition("_")[0]), (SIZE,)) for size, _ in page.sizes}
    derived = {size: say("{size} of the result", size=words) for size, words in own.items()}
    updates = {Symbol(letter, real=True): (words,) for letter, words in UPDATES.items()} if page.update else {}
    return {**updates, **derived, **found}


def _of_layer(layer: Layer, mapping: Mapping[Symbol, Expr]) -> Mapping[Expr, Words]:
    """What the symbols of a layer are: the words for axes before the names of options and of features."""
    features = ((value.xreplace(dict(mapping)), _spaced(name)) for name, value in layer.features)
    options = ((mapping.get(s, s), o.words or _spaced(o.name)) for o in layer.options for s in o.symbols)
    axes = ((mapping.get(s, s), word) for s, word in layer.axes)
    return {symbol: (word,) for symbol, word in (*features, *options, *axes) if symbol.is_Symbol}


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def _tensors(page: Derivation) -> Mapping[str, str]:
    """What tensors are, by name."""
    layer, program = page.layer, page.program
    weights = layer.weights if layer is not None else ()
    state = {name for name, *_ in layer.state} if layer is not None else set()
    given: dict[str, str] = {t.name: STATE if t.name in state else INPUT for t in program.inputs}
    letters = {name: page.notation.levels.get(name, (name, ""))[0] for name in weights}
    given |= {name: OF_WEIGHTS.get(letter, WEIGHT) for name, letter in letters.items()}
    given |= dict.fromkeys(program.outputs, RESULT)
    given |= dict.fromkeys(page.notation.seeds, ARRIVING)
    return given


def _key(letter: Name) -> str:
    """A name of its own for each letter."""
    return "_".join((letter.base, *letter.marks)) + "'" * letter.primes + "." * letter.near
