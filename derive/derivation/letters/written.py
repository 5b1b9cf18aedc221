"""A derivation in the letters of its page: what everybody calls when the mathematics is done."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from sympy import Symbol

from gradscribe.derive.calculus.differentiate import Gradient
from gradscribe.derive.derivation.forward.forward_equations import definitions
from gradscribe.derive.derivation.forward.place import coordinate, places
from gradscribe.derive.derivation.gradient.weight_update import labelled
from gradscribe.derive.derivation.letters.allocation import allotted, asked_for
from gradscribe.derive.derivation.letters.collection import Group, Names, names_of
from gradscribe.derive.derivation.letters.element import axis_letters, with_element_letters, with_level_letters
from gradscribe.derive.derivation.letters.introduction import introduced
from gradscribe.derive.derivation.letters.name import Name, name_parts
from gradscribe.derive.derivation.letters.notation import Notation, gradient_notation
from gradscribe.derive.derivation.letters.renaming import rewritten
from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.derivation.record.section_record import Section
from gradscribe.derive.derivation.record.sentence import Scalar
from gradscribe.derive.ir.index import fresh_names
from gradscribe.derive.ir.term import Access, Term, accesses
from gradscribe.derive.layer.letters import NONE, Letters


def in_letters(derivation: Derivation, request: Letters = NONE, known: Collection[str] = ()) -> Derivation:
    """The derivation with a letter for each name of its page, none of them for two.

    Args:
        derivation: what is to be printed.
        request: the letters that the reader asks for.
        known: names that may be asked for though the page does not print them.

    Raises:
        EquationError: for letters that clash, and unknown names.
    """
    written = derivation.notation
    axes = axis_letters(derivation.program, {letter for letter, _ in written.levels.values()})
    gradients = {**written.quotients, **written.seeds, **written.dots}
    axes |= {gradient: axes[tensor] for gradient, tensor in gradients.items() if tensor in axes}
    level = _levelled if derivation.table is None else lambda section: section
    new = {id(s): s for s in derivation.sections}
    new |= {id(s): level(with_element_letters(s, axes)) for s in derivation.printed_sections}
    by_tensor = {s.wrt: s for s in derivation.sections}
    page = replace(
        derivation,
        levels=tuple(with_level_letters(line, by_tensor, axes) for line in derivation.levels),
        sections=tuple(new[id(s)] for s in derivation.sections),
        chapters=tuple(replace(c, sections=tuple(new[id(s)] for s in c.sections)) for c in derivation.chapters),
    )
    names = names_of(page, {name for name, _ in request.chosen})
    letters = allotted(names.groups, request, known, f"{derivation.name}: letters")
    page = introduced(page, names, letters, asked_for(names.groups, request))
    return _in_notation(page, names, letters, request)


def gradient_letters(gradient: Gradient) -> Notation:
    """The notation of rows about a gradient that stand on no page: the letters that a page gives to these names."""
    program, written = gradient.forward, gradient_notation(gradient)
    words = (Scalar("E"), *(Access(seed.name) for seed in gradient.seeds.values()))
    page = Derivation(
        "", "", "", (), definitions(program), program.sizes, (), (), program, notation=written, premises=(words,)
    )
    names = names_of(page)
    return _in_notation(page, names, allotted(names.groups, NONE, (), ""), NONE, stated=False).notation


def _levelled(section: Section) -> Section:
    """Where one tensor carries a level, all do: those of the layer itself are of level l."""

    def level(notation: Notation) -> Notation:
        labels = {*notation.deltas.values(), *(label for _, label in notation.levels.values())}
        if not any(labels):
            return notation
        program = section.forward
        own = {name: (name, "l") for name in (*program.tensors, *(let.target.name for let in section.lets))}
        # what an activation reads is u, as long as the layer has no u that is something else
        other = {*own} - {*program.outputs}
        free = next(fresh_names(own, "a s q h"))
        others = {n: (free if letter in other else letter, label) for n, (letter, label) in notation.levels.items()}
        deltas = {gradient: label or "l" for gradient, label in notation.deltas.items()}
        return replace(notation, levels={**own, **others}, deltas=deltas)

    return rewritten(section, level)


def _in_notation(
    page: Derivation, names: Names, letters: Mapping[Group, Name], request: Letters, stated: bool = True
) -> Derivation:
    symbols = _symbols(names.symbols, letters)
    found = places((page.program, *(part.forward for s in page.sections for part in s.parts))) if stated else {}
    found |= {coordinate(name, k): (r,) for name, ranges in found.items() for k, r in enumerate(ranges)}
    windows = sorted(page.definitions, key=lambda d: not any(map(_slides, d.terms)))  # s i + d r, whatever comes before
    order = dict.fromkeys(v for d in windows for t in d.terms for v in t.indices)
    asked = {word for word, _ in request.chosen}
    tensors = {name: letters[g] for name, g in names.tensors.items() if name not in found or g.word in asked}
    specials = {word: letters[group] for word, group in names.specials.items()}

    def write(notation: Notation) -> Notation:
        return replace(
            notation,
            symbols=symbols,
            tensors=tensors,
            specials=specials,
            style=request.style,
            places=found,
            indices=tuple(order),
            stated=stated,
        )

    return replace(
        page,
        sections=rewritten(page.sections, write),
        chapters=rewritten(page.chapters, write),
        premises=rewritten(page.premises, write),
        update=labelled(rewritten(page.update, write)) if page.update is not None else None,
        example=rewritten(page.example, write),
        table=rewritten(page.table, write),
        notation=write(page.notation),
    )


def _slides(term: Term) -> bool:
    """Whether a window slides: an index of the left side and one of a sum stand in one place."""
    free, bound = ({r.index for r in ranges} for ranges in (term.free, term.bound))
    places = [e.free_symbols for a in accesses(term.body) for e in a.indices]
    return any(symbols & free and symbols & bound for symbols in places)


def _symbols(groups: Mapping[Symbol, Group], letters: Mapping[Group, Name]) -> dict[Symbol, Name]:
    """How each symbol is written: the letter of its group, with its own marks and primes; no two alike."""
    found: dict[Symbol, Name] = {}
    for symbol, group in groups.items():
        own, letter = name_parts(symbol.name), letters[group]
        if own != group.letter:  # it shares the letter
            near = own.near and not letter.marks
            letter = Name(letter.base, (*letter.marks, *own.marks), letter.primes + own.primes, near)
        found[symbol] = Name(symbol.name) if letter in found.values() else letter
    return found
