"""What a page says of its letters: what indices run over, what sizes and parameters are, what is written otherwise."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from sympy import Expr, ImmutableMatrix, Symbol

from gradscribe.derive.calculus.reduced_sizes import named
from gradscribe.derive.composition.level import size_labels
from gradscribe.derive.composition.network import Network
from gradscribe.derive.derivation.letters.allocation import shape
from gradscribe.derive.derivation.letters.collection import Group, Names
from gradscribe.derive.derivation.letters.name import PRIME, Name
from gradscribe.derive.derivation.letters.renaming import expressions, parts, symbols_of
from gradscribe.derive.derivation.network.layer_record import LayerTable
from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.derivation.record.section_record import Formula, Premise, Section, Step
from gradscribe.derive.derivation.record.sentence import AND, Below, Equals, Label, Words, joined
from gradscribe.derive.ir.index import integer
from gradscribe.derive.ir.term import Access, InnerSum, Program, Range, Term
from gradscribe.derive.layer.interface import Kind, Option
from gradscribe.derive.layer.letters import SPECIAL
from gradscribe.said import Message, begun, say, say_number

WIDEST = 20
"""Columns of a constant that is shown as a matrix."""
_PRIMES = say(
    "Indices with a prime are those of the element that is differentiated by, over its axes; boxes leave primes out "
    "where letters are free."
)
_KINDS = {
    "index": Message("an index"),
    "size": Message("a size"),
    "tensor": Message("a tensor"),
    "parameter": Message("a parameter"),
}


def introduced(
    page: Derivation, names: Names, letters: Mapping[Group, Name], asked: Collection[Group] = ()
) -> Derivation:
    """The page with the sentences that introduce its letters, and constants of networks that are small tables.

    Args:
        page: the page.
        names: what it prints.
        letters: the letters of these.
        asked: the groups whose letters the reader has chosen and knows.
    """
    sentences = (
        *_sizes(page, names),
        *_other_letters(page, names, letters, asked),
        *_ranges(page),
        *_primes(names),
    )
    return replace(page, setup=(*page.setup, *sentences), premises=(*_constants(page), *page.premises))


# ----- what indices run over ------------------------------------------------------------------------------------------
def _ranges(page: Derivation) -> Iterator[Words]:
    """``Sums run over n<N, i<H'``: all indices of the equations, and of rows those that no equation has."""
    terms = [t for d in page.equations for t in d.terms]
    rows = [t for s in page.printed_sections for part in s.parts for step in part.steps for t in step.terms]
    places = _by_place(page)
    whole = dict.fromkeys(r for ranges in places.values() for r in ranges)
    known = {r.index for r in whole}
    further = (
        _named(r, page) for t in (*rows, *(p for p in parts(page.premises) if isinstance(p, Term))) for r in t.bound
    )
    whole |= dict.fromkeys(r for r in further if r.index not in known and not r.index.name.endswith(PRIME))
    indices = [r.index for r in whole]
    everywhere = [r for r in whole if indices.count(r.index) == 1]
    if not whole:
        return
    reductions = {t.op: t.reduction.plural for t in (*rows, *terms) if t.bound}
    what = list(dict.fromkeys(reductions.values())) or [Message("indices")]
    words = [say("{sums} run over {ranges}", sums=joined(what, AND), ranges=_below(everywhere))]
    for place, ranges in places.items():
        if own := [r for r in ranges if r not in everywhere]:
            words.append(
                say("at level {place} over {ranges}", place=place, ranges=_below(own))
                if isinstance(place, Label)
                else say("for {place} over {ranges}", place=place, ranges=_below(own))
            )
    yield (*begun(joined(words, "; ", "; ")), ".")


def _by_place(page: Derivation) -> dict[Expr, list[Range]]:
    """The ranges of the equations of each level, or of each tensor where there are no levels.

    What runs over two ranges at one level has those of each tensor.
    """
    found: dict[Expr, dict[Range, None]] = {}
    levels: dict[str, set[Range]] = {}
    every = [(d.left.tensor, _named(r, page)) for d in page.equations for t in d.terms for r in t.ranges]
    for tensor, r in every:
        levels.setdefault(page.notation.level(tensor), set()).add(r)
    for tensor, r in every:
        label = page.notation.level(tensor)
        single = bool(label) and sum(other.index == r.index for other in levels[label]) == 1
        found.setdefault(Label(label) if single else Access(tensor), {})[r] = None
    return {place: list(ranges) for place, ranges in found.items()}


def _named(found: Range, page: Derivation) -> Range:
    """With the name of its extent, if that has one."""
    return Range(found.index, named(found.extent, page.sizes))


def _below(ranges: Iterable[Range]) -> Words:
    return joined([Below(r.index, r.extent) for r in ranges])


def _primes(names: Names) -> Iterator[Words]:
    """Why there are primes, where there are any."""
    primed = [v for v, group in names.symbols.items() if group.kind == "index" and v.name.endswith(PRIME)]
    if primed:
        yield _PRIMES


# ----- what sizes and parameters are ----------------------------------------------------------------------------------
def _sizes(page: Derivation, names: Names) -> Iterator[Words]:
    """What no sentence and no table has introduced: options by their names, numbers that a network fixes."""
    table = page.table.rows if page.table is not None else ()
    said = tuple(p for p in page.premises if not isinstance(p, Step))  # a row introduces nothing
    known = symbols_of((page.setup, said, page.update)) | {symbol for symbol, _ in page.sizes}
    shared = len(page.equations) < len(page.definitions)  # then the table has numbers
    known |= set().union(*(e.free_symbols for row in table for e in row.shape)) if not shared else set()
    open_ = [v for v, group in names.symbols.items() if group.kind in ("size", "parameter") and v not in known]
    if shared:
        printed = dict.fromkeys(expressions((page.equations, page.sizes, *map(_printed, page.printed_sections))))
        read = set().union(*map(_read, printed))
        read |= {v for ranges in _by_place(page).values() for r in ranges for v in r.extent.free_symbols}
        open_ = [v for v in open_ if v in read]
    if page.table is not None:
        places = list(size_labels(page.layer.nodes).values()) if isinstance(page.layer, Network) else []
        found = sorted((v for v in page.table.numbers if v in open_), key=lambda v: _place(v, places))
        fixed = {v: page.table.numbers[v] for v in found}
        if fixed:
            yield (*joined(_equal(fixed)), ".")
        open_ = [v for v in open_ if v not in fixed]
        shown = set().union(*(e.free_symbols for e in _weights(page.table)))
        open_ = [v for v in open_ if v not in shown]
    options = _options(page, open_, names.symbols)
    if options:
        yield (*begun(joined(options)), ".")
    introduced_ = symbols_of(tuple(options))
    rest = [v for v in open_ if v not in introduced_ and v not in _formal(page)]
    if rest:
        yield say_number(len(rest), "{names} is a number.", "{names} are numbers.", names=joined(rest, AND))


def _printed(section: Section) -> tuple[object, ...]:
    """The words and rows of a section; what its captions are computed from is not printed."""
    rows = ((p.title, p.setup, p.steps, p.caption) for p in section.parts)
    boxes = ((r.lead, r.rows, r.name, r.form) for p in section.parts for r in p.results)
    return *rows, *boxes


def _read(e: Expr) -> set[Symbol]:
    """The symbols that are printed of an expression: what a sum within a product runs over is not."""
    if not e.has(InnerSum):
        return e.free_symbols
    return _read(e.body) if isinstance(e, InnerSum) else set().union(*map(_read, e.args))


def _weights(table: LayerTable) -> Iterator[Expr]:
    return (e for row in table.rows for _, own in row.weights for e in table.number(own))


def _formal(page: Derivation) -> set[Symbol]:
    """The arguments of functions that a note explains."""
    return symbols_of(page.notes) - page.program.symbols()


def _equal(numbers: Mapping[Symbol, Expr]) -> list[Expr]:
    """``R_1=T_1=5``: neighbours of one number at once."""
    found: list[tuple[list[Symbol], Expr]] = []
    for symbol, number in numbers.items():
        if found and found[-1][1] == number and _mark(found[-1][0][-1]) == _mark(symbol):
            found[-1][0].append(symbol)
        else:
            found.append(([symbol], number))
    chains = []
    for symbols, number in found:
        chain = number
        for symbol in reversed(symbols):
            chain = Equals(symbol, chain)
        chains.append(chain)
    return chains


def _mark(symbol: Symbol) -> str:
    return symbol.name.partition("_")[2]


def _place(symbol: Symbol, labels: Sequence[str]) -> tuple[int, str]:
    """In the order of the layers."""
    mark = _mark(symbol)
    return (labels.index(mark) if mark in labels else len(labels)), symbol.name


def _options(page: Derivation, open_: Sequence[Symbol], shown: Collection[Symbol]) -> list[Words]:
    """``kernel size R×T``, of the layer or of a layer of a network."""
    layer = page.layer
    if isinstance(layer, Network):
        labels = size_labels(layer.nodes)
        own = [
            (node.layer.name, o, [*(integer(f"{s.name}_{labels[node.name]}") for s in o.symbols), *given])
            for node in layer.nodes
            for o in node.layer.options
            for given in [[integer(v) for name, v in node.settings if name == o.name and isinstance(v, str)]]
        ]
    else:
        options = layer.options if layer is not None else ()
        own = [("", o, [page.mapping.get(s, s) for s in o.symbols]) for o in options]
    return [words for of, option, values in own if (words := _option(option, of, values, open_, shown))]


def _option(
    option: Option, of: str, values: Sequence[Expr], open_: Sequence[Symbol], shown: Collection[Symbol]
) -> Words:
    if not any(v in open_ for v in values):
        return ()
    found = list(dict.fromkeys(v for v in values if v in shown))  # R×T, though R is the stride, too
    between = "×" if option.kind is Kind.SIZE else ", "
    name = option.words or option.name.replace("_", " ")
    called = say("{option} of {layer}", option=name, layer=of) if of else (name,)
    return (*called, " ", *joined(found, between, between))


# ----- what is written otherwise --------------------------------------------------------------------------------------
def _other_letters(
    page: Derivation, names: Names, letters: Mapping[Group, Name], asked: Collection[Group]
) -> Iterator[Words]:
    """The names that somebody wrote and that have another letter here, if it was not asked for."""
    network = isinstance(page.layer, Network)
    written = page.layer.program if page.layer is not None else page.program
    own = {t.name for t in written.inputs} if network else set(written.tensors)
    found: dict[Group, Expr] = {}
    for name, group in names.tensors.items():
        if name in own and name == group.word and not group.numbered:
            found.setdefault(group, Access(name))
    hidden = _formal(page) | _made_up(page.program)
    for symbol, group in names.symbols.items():
        if symbol.name == group.word and symbol not in hidden and not network:
            found.setdefault(group, symbol)
    for group, shown in found.items():
        if group not in asked and not group.yields and (owner := _owner(group, letters)) is not None:
            yield say(
                "{name} is written {letter}, as {name} is {owner}.",
                name=group.word,
                letter=shown,
                owner=_kind(owner),
            )


def _kind(owner: Group) -> Words:
    """What the letter of a group stands for already."""
    if owner.kind != "special":
        return (_KINDS[owner.kind],)
    return (SPECIAL[owner.word],) if owner.word in SPECIAL else say("the sign {sign}", sign=owner.word)


def _made_up(program: Program) -> set[Expr]:
    """The sizes that nobody named: the extent of e is called E."""
    ranges = (r for s in program.statements for r in s.term.ranges)
    return {r.extent for r in ranges if r.extent.is_Symbol and r.extent.name.lower() == r.index.name}


def _owner(group: Group, letters: Mapping[Group, Name]) -> Group | None:
    """Who has the letter that the group has by itself; None where it has it."""
    return next((g for g, n in letters.items() if g != group and shape(n) == shape(group.letter)), None)


# ----- tables ---------------------------------------------------------------------------------------------------------
def _constants(page: Derivation) -> Iterator[Premise]:
    """The constants of a network that are small tables of numbers, as matrices."""
    for name, data in page.layer.constants if isinstance(page.layer, Network) else ():
        rows = data if all(isinstance(row, tuple) for row in data) else ()
        flat = rows and all(isinstance(number, int | float) for row in rows for number in row)
        if flat and max(len(rows), len(rows[0])) <= WIDEST and name in page.program.tensors:
            yield Formula(Access(name), ImmutableMatrix(rows))
